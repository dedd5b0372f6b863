"""Waits in IDLE, which imaplib of Python 3.11 does not know, while smtplib submits a message."""

import imaplib
import os
import smtplib
import ssl

user, token = os.environ["USER_NAME"], os.environ["TOKEN"]
trust = ssl.create_default_context(cafile=os.environ["CA_FILE"])
response = f"user={user}\x01auth=Bearer {token}\x01\x01"

with imaplib.IMAP4_SSL("localhost", int(os.environ["IMAP_PORT"]), ssl_context=trust, timeout=20) as imap:
    imap.authenticate("XOAUTH2", lambda _: response.encode())
    imap.select("INBOX")
    imap.send(b"t IDLE\r\n")
    assert imap.readline().startswith(b"+ ")
    with smtplib.SMTP("localhost", int(os.environ["SMTP_PORT"]), timeout=20) as smtp:
        smtp.starttls(context=trust)
        smtp.ehlo()
        smtp.auth("XOAUTH2", lambda challenge=None: response, initial_response_ok=False)
        smtp.sendmail(user, ["ann@example.net"], "Subject: news\n\nhello\n")
    assert imap.readline() == b"* 1 EXISTS\r\n"
    imap.send(b"DONE\r\n")
    assert imap.readline() == b"t OK IDLE completed.\r\n"
    # The session goes on, and ends with its token.
    status, data = imap.uid("FETCH", "1", "BODY.PEEK[TEXT]")
    assert status == "OK" and data[0][1] == b"hello\r\n", data

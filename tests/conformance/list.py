"""Lists the inbox with imaplib and XOAUTH2: UID and subject of each message."""

import email
import email.policy
import imaplib
import os
import ssl
import sys

user, token = os.environ["USER_NAME"], os.environ["TOKEN"]
port = int(os.environ["IMAP_PORT"])
trust = ssl.create_default_context(cafile=os.environ["CA_FILE"])
reasons = []


def respond(challenge):
    """The response to the empty challenge, and after a refusal the empty one that XOAUTH2 asks for."""
    if challenge:
        reasons.append(challenge.decode())
        return b""
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


if os.environ["STARTTLS"] == "1":
    imap = imaplib.IMAP4("localhost", port, timeout=20)
    assert "AUTH=XOAUTH2" not in imap.capabilities, "authentication is offered in the clear"
    imap.starttls(ssl_context=trust)
else:
    imap = imaplib.IMAP4_SSL("localhost", port, ssl_context=trust, timeout=20)
try:
    imap.authenticate("XOAUTH2", respond)
except imaplib.IMAP4.error as error:
    sys.exit(f"{error} {reasons}")

status, folders = imap.list()
assert status == "OK" and any(b'"INBOX"' in f or f.endswith(b"INBOX") for f in folders), folders
status, count = imap.select("INBOX", readonly=os.environ.get("CHANGE") != "1")
assert status == "OK", count
status, (uids,) = imap.uid("SEARCH", None, "ALL")
assert status == "OK" and len(uids.split()) == int(count[0]), (uids, count)
for uid in uids.split():
    status, data = imap.uid("FETCH", uid, "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])")
    assert status == "OK", data
    message = email.message_from_bytes(data[0][1], policy=email.policy.default)
    print(uid.decode(), message["Subject"])

if os.environ.get("CHANGE") == "1":
    # The rest of what programs do with a mailbox: flag, copy, search, append, expunge.
    status, data = imap.search(None, "UNSEEN", "SUBJECT", '"Python"')
    assert status == "OK" and data == [b"1"], data
    status, data = imap.store("1", "+FLAGS", r"(\Seen \Deleted)")
    assert status == "OK" and rb"\Deleted" in data[0], data
    status, data = imap.copy("1", '"Deleted Items"')
    assert status == "OK", data
    status, data = imap.expunge()
    assert status == "OK" and data[0] == b"1", data
    status, data = imap.append("Drafts", r"(\Draft)", imaplib.Time2Internaldate(86400), b"Subject: d\r\n\r\nx\r\n")
    assert status == "OK", data
    status, data = imap.status("Drafts", "(MESSAGES UNSEEN UIDNEXT)")
    assert status == "OK" and b"MESSAGES 1" in data[0] and b"UIDNEXT 2" in data[0], data
    status, data = imap.noop()
    assert status == "OK", data
    imap.close()
imap.logout()

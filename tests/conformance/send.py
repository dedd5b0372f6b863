"""Submits a message with smtplib over STARTTLS and XOAUTH2."""

import os
import smtplib
import ssl
import sys
from email.message import EmailMessage

user, token = os.environ["USER_NAME"], os.environ["TOKEN"]

message = EmailMessage()
message["From"] = user
message["To"] = "Ann <ann@example.net>"
message["Subject"] = "Grüße aus Python"
message.set_content("Schöne Grüße\n.\n..\nEnde\n")

reasons = []


def respond(challenge=None):
    """The response, and after a refusal the empty one that XOAUTH2 asks for."""
    if challenge:
        reasons.append(challenge.decode())
        return ""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


trust = ssl.create_default_context(cafile=os.environ["CA_FILE"])
with smtplib.SMTP("localhost", int(os.environ["SMTP_PORT"]), timeout=20) as smtp:
    smtp.ehlo()
    assert not smtp.has_extn("auth"), "AUTH is offered in the clear"
    smtp.starttls(context=trust)
    smtp.ehlo()
    assert "XOAUTH2" in smtp.esmtp_features["auth"], smtp.esmtp_features
    # smtplib sends the initial response inline only where it is asked to.
    inline = os.environ["INLINE"] == "1"
    try:
        smtp.auth("XOAUTH2", respond, initial_response_ok=inline)
    except smtplib.SMTPAuthenticationError as error:
        sys.exit(f"{error.smtp_code} {error.smtp_error.decode()} {reasons}")
    refused = smtp.send_message(message, to_addrs=["ann@example.net", "bob@refused.test"])
    assert list(refused) == ["bob@refused.test"], refused
    assert refused["bob@refused.test"][0] == 550, refused

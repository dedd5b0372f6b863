"""A test of a mail client against `mailbearer mock`, with Python's standard library alone.

The settings come from the environment, as `mailbearer mock` prints them.
"""
import imaplib, json, os, smtplib, ssl, urllib.parse, urllib.request

env = os.environ
trust = ssl.create_default_context(cafile=env["MAILBEARER_TLS_CA_FILE"])
user = env["MAILBEARER_USER"]

# A token, by client credentials.
form = {
    "grant_type": "client_credentials",
    "client_id": env["MAILBEARER_OAUTH_CLIENT_ID"],
    "client_secret": env["MAILBEARER_OAUTH_CLIENT_SECRET"],
    "scope": env["MAILBEARER_OAUTH_SCOPE"],
}
request = urllib.request.Request(env["MAILBEARER_OAUTH_TOKEN_URL"], urllib.parse.urlencode(form).encode())
with urllib.request.urlopen(request, context=trust) as answer:
    token = json.load(answer)["access_token"]
xoauth2 = f"user={user}\x01auth=Bearer {token}\x01\x01"

# What the test wants to find is put there by the control port.
control = env["MOCK_CONTROL_URL"]
urllib.request.urlopen(f"{control}/deliver", b"Subject: hello\r\n\r\nworld\r\n").read()

imap = imaplib.IMAP4_SSL(env["MAILBEARER_IMAP_HOST"], int(env["MAILBEARER_IMAP_PORT"]), ssl_context=trust)
imap.authenticate("XOAUTH2", lambda challenge: xoauth2.encode())
imap.select("INBOX", readonly=True)
kind, (found,) = imap.search(None, "SUBJECT", "hello")
assert kind == "OK" and found == b"1", found
imap.logout()

smtp = smtplib.SMTP(env["MAILBEARER_SMTP_HOST"], int(env["MAILBEARER_SMTP_PORT"]))
smtp.starttls(context=trust)
smtp.ehlo()
# The token goes on a line of its own: with the command it would be longer than SMTP allows.
smtp.auth("XOAUTH2", lambda challenge=None: xoauth2, initial_response_ok=False)
smtp.sendmail(user, [user], "Subject: from Python\r\n\r\nHello\r\n")
smtp.quit()

# And a failure, in the words of Exchange: the client has to make something of it.
urllib.request.urlopen(f"{control}/fault?name=authenticate-failed", b"").read()
imap = imaplib.IMAP4_SSL(env["MAILBEARER_IMAP_HOST"], int(env["MAILBEARER_IMAP_PORT"]), ssl_context=trust)
try:
    imap.authenticate("XOAUTH2", lambda challenge: xoauth2.encode() if not challenge else b"")
    raise SystemExit("the login should have failed")
except imaplib.IMAP4.error as error:
    assert "AUTHENTICATE failed" in str(error), error
urllib.request.urlopen(f"{control}/fault", b"").read()
print("ok")

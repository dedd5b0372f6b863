"""Reads the mailbox with poplib and XOAUTH2: number, octets and subject of each message."""

import base64
import os
import poplib
import ssl
import sys

user, token = os.environ["USER_NAME"], os.environ["TOKEN"]
port = int(os.environ["POP3_PORT"])
trust = ssl.create_default_context(cafile=os.environ["CA_FILE"])
response = base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()

if os.environ["STARTTLS"] == "1":
    pop = poplib.POP3("localhost", port, timeout=20)
    assert "SASL" not in pop.capa(), "authentication is offered in the clear"
    pop.stls(context=trust)
else:
    pop = poplib.POP3_SSL("localhost", port, context=trust, timeout=20)
assert "XOAUTH2" in pop.capa()["SASL"], pop.capa()
try:
    if os.environ["INLINE"] == "1":
        pop._shortcmd(f"AUTH XOAUTH2 {response}")
    else:
        pop._putcmd("AUTH XOAUTH2")
        assert pop._getline()[0] == b"+ "
        pop._putcmd(response)
        line = pop._getline()[0]
        if line.startswith(b"+ "):
            pop._putcmd("")
            line = pop._getline()[0]
        if not line.startswith(b"+OK"):
            sys.exit(line.decode())
except poplib.error_proto as error:
    sys.exit(str(error))

count, octets = pop.stat()
sizes = [line.decode().split() for line in pop.list()[1]]
uids = [line.decode().split() for line in pop.uidl()[1]]
assert len(sizes) == len(uids) == count and sum(int(size) for _, size in sizes) == octets, (sizes, octets)
for number, size in sizes:
    _, lines, _ = pop.retr(int(number))
    assert lines[-2:] == [b".", b".."], lines
    _, head, _ = pop.top(int(number), 0)
    assert head == lines[:2], head
    assert pop.uidl(int(number)).decode().split()[-1] == dict(uids)[number]
    print(number, size, head[0].decode().removeprefix("Subject: "))
pop.noop()
if os.environ.get("CHANGE") == "1":
    pop.dele(1)
    pop.rset()
    assert pop.stat()[0] == count
    pop.dele(2)
pop.quit()

"""Prints the peak memory in KiB of `PROGRAM list` on COUNT messages of the mock server, and the lines listed."""

import imaplib
import json
import os
import socket
import ssl
import subprocess
import sys

program, count = sys.argv[1], int(sys.argv[2])


def peak(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)


mock = subprocess.Popen([program, "mock", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
try:
    mock_env = json.loads(mock.stdout.readline())
    env = {**os.environ, **mock_env, "XDG_CACHE_HOME": os.path.dirname(mock_env["MAILBEARER_TLS_CA_FILE"])}
    token = subprocess.run([program, "token"], env=env, check=True, capture_output=True, text=True).stdout.strip()

    trust = ssl.create_default_context(cafile=env["MAILBEARER_TLS_CA_FILE"])
    imap = imaplib.IMAP4_SSL(env["MAILBEARER_IMAP_HOST"], int(env["MAILBEARER_IMAP_PORT"]), ssl_context=trust)
    imap.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    user = env["MAILBEARER_USER"]
    imap.authenticate("XOAUTH2", lambda _: f"user={user}\1auth=Bearer {token}\1\1".encode())
    for number in range(count):
        message = f"From: Ann <ann@example.org>\r\nTo: {user}\r\nSubject: Message {number}\r\n\r\nHello\r\n"
        answer, _ = imap.append("INBOX", None, None, message.encode())
        assert answer == "OK"
    imap.logout()

    command = [program, "list", "INBOX", "--limit", str(count)]
    listing = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    lines = kib = 0
    for _ in listing.stdout:
        lines += 1
        # While it still prints: of an ended process nothing is told.
        if lines % 100 == 0:
            kib = max(kib, peak(listing))
    assert listing.wait() == 0
    print(kib, lines)
finally:
    mock.terminate()
    mock.wait()

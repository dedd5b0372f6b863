"""Prints the names of the functions that PROGRAM's usual commands run through: tries each on the mock server, under
callgrind."""

import json
import os
import re
import subprocess
import sys
import tempfile

program = sys.argv[1]
HEADER = "From: a@example.org\r\nTo: b@example.org\r\nSubject: used\r\n\r\n"


def functions(profile):
    """A name stands where its number comes first; one that only calls and is called has no costs of its own."""
    names = {}
    with open(profile) as lines:
        for line in lines:
            found = re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line)
            if found:
                called, number, name = found.groups()
                if name:
                    # What calls itself is told apart by depth.
                    names[number] = re.sub(r"'\d+$", "", name)
                if not called:
                    yield names[number]


with tempfile.TemporaryDirectory() as folder:
    message = os.path.join(folder, "message.eml")
    with open(message, "w") as file:
        file.write(HEADER + ("0123456789" * 7 + "\r\n") * 30_000)
    commands = [
        (["--version"], False),
        (["token"], False),
        (["send", "--to", "b@example.org", "--subject", "used", "--text", "used"], False),
        (["send", "--to", "b@example.org", "--raw", message], False),
        (["send", "--to", "b@example.org", "--raw", "-"], True),
        (["sendmail", "-t"], True),
        (["append", "INBOX", message], False),
        (["folders"], False),
        (["list", "INBOX"], False),
        (["fetch", "INBOX", "1"], False),
        (["fetch", "INBOX", "1", "--output", os.path.join(folder, "whole"), "--trace", "--json"], False),
        (["fetch", "INBOX", "1", "--output", os.path.join(folder, "part"), "--part", "1", "--decode"], False),
        (["read", "INBOX", "1"], False),
    ]
    mock = subprocess.Popen([program, "mock", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        env = {**os.environ, "HOME": folder, **json.loads(mock.stdout.readline())}
        used = {}
        for words, is_piped in commands:
            profile = os.path.join(folder, "profile")
            valgrind = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={profile}"]
            with open(message if is_piped else os.devnull) as stdin:
                done = subprocess.run([*valgrind, program, *words], env=env, stdin=stdin, capture_output=True)
            if done.returncode != 0:
                sys.exit(f"{words} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
            used.update(dict.fromkeys(functions(profile)))
    finally:
        mock.kill()
        mock.wait()
print("\n".join(used))

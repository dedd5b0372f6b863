"""What Python's email (policy default) reads in messages that we composed: a JSON object a line."""

import email, email.policy, json, sys


def people(message, name):
    return [[a.display_name, a.addr_spec] for value in message.get_all(name, []) for a in value.addresses]


def text(part):
    return None if part is None else part.get_content().replace("\r\n", "\n")


for path in sys.stdin.read().splitlines():
    with open(path, "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    texts = [part for part in leaves if part.get_content_disposition() is None]
    of = lambda kind: next((part for part in texts if part.get_content_type() == kind), None)
    files = [part for part in leaves if part.get_content_disposition() == "attachment"]
    print(json.dumps({
        "subject": str(message["subject"]),
        "to": people(message, "to"),
        "cc": people(message, "cc"),
        "text": text(of("text/plain")),
        "html": text(of("text/html")),
        "files": [[part.get_filename(), list(part.get_payload(decode=True))] for part in files],
    }))

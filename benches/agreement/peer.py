"""What Python's email (policy default) reads in messages: a JSON object a line."""

import email, email.policy, email.utils, json, sys, zlib


def field(message, name):
    value = message[name]
    return None if value is None else str(value)


def addresses(message, name):
    found = []
    for value in message.get_all(name, []):
        found += [address.addr_spec for address in value.addresses]
    return found


def parts(message):
    for part in message.walk():
        body = None
        if not part.is_multipart():
            octets = part.get_payload(decode=True)
            # The parser has made every line end LF where nothing was encoded.
            octets = None if octets is None else octets.replace(b"\r\n", b"\n")
            body = None if octets is None else [len(octets), zlib.crc32(octets)]
        yield {"type": part.get_content_type(), "name": part.get_filename(), "body": body}


def attempt(work):
    try:
        return work()
    except Exception as error:
        return {"error": type(error).__name__}


def date(message):
    value = message["date"]
    return None if value is None or value.datetime is None else int(value.datetime.timestamp())


def tell(found):
    """An octet that Python could not decode is half of a pair of UTF-16, which is no text to others."""
    text = json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    print(json.dumps(json.loads(text)))


for path in sys.stdin.read().splitlines():
    with open(path, "rb") as file:
        message = attempt(lambda: email.message_from_binary_file(file, policy=email.policy.default))
    if isinstance(message, dict):
        tell({"error": message["error"]})
        continue
    tell({
        "subject": attempt(lambda: field(message, "subject")),
        "from": attempt(lambda: addresses(message, "from")),
        "to": attempt(lambda: addresses(message, "to")),
        "date": attempt(lambda: date(message)),
        "parts": attempt(lambda: list(parts(message))),
    })

"""Gets an access token with urllib, as a program of Python's standard library would; prints it."""

import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

form = urllib.parse.urlencode(
    {
        "grant_type": "client_credentials",
        "client_id": os.environ["CLIENT_ID"],
        "client_secret": os.environ["CLIENT_SECRET"],
        "scope": os.environ["SCOPE"],
    }
)
trust = ssl.create_default_context(cafile=os.environ["CA_FILE"])
try:
    with urllib.request.urlopen(os.environ["TOKEN_URL"], form.encode(), timeout=20, context=trust) as answer:
        token = json.load(answer)
except urllib.error.HTTPError as error:
    reason = json.load(error)
    sys.exit(f"{error.code} {reason['error']}: {reason['error_description']} {reason['error_codes']}")
assert token["token_type"] == "Bearer" and token["expires_in"] > 0, token
print(token["access_token"])

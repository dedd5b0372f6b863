"""Microsoft's library for Python gets tokens from the mock by each flow that it has."""

import html
import json
import os
import re
import ssl
import urllib.parse
import urllib.request

import msal

CONTROL, USER = os.environ["CONTROL_URL"], os.environ["USER_NAME"]
AUTHORITY, CLIENT, CA = os.environ["AUTHORITY"], os.environ["CLIENT_ID"], os.environ["CA_FILE"]
TRUST = ssl.create_default_context(cafile=CA)
SCOPES = ["https://outlook.office.com/IMAP.AccessAsUser.All"]


def control(path, body=""):
    request = urllib.request.Request(CONTROL + path, data=body.encode(), method="POST")
    return json.load(urllib.request.urlopen(request))


def public():
    return msal.PublicClientApplication(CLIENT, authority=AUTHORITY, verify=CA, instance_discovery=False)


def check(name, answer, refreshes=True):
    assert "access_token" in answer, (name, answer)
    if refreshes:
        assert answer["id_token_claims"]["preferred_username"] == USER, (name, answer)
    print(name)


user = urllib.parse.quote(USER)

# Authorization code; the redirect comes by GET, and by POST.
for mode in [None, "form_post"]:
    app = public()
    more = {"response_mode": mode} if mode else {}
    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri="http://localhost:1234", **more)
    # 1.39 asks for a form by itself where it can.
    where = control("/log-in?user=" + user, flow["auth_uri"])["location"]
    if "<form" in where:
        fields = re.findall(r'name="([^"]+)" value="([^"]*)"', where)
        answer = {name: html.unescape(value) for name, value in fields}
    else:
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(where).query))
    assert mode is None or "<form" in where, where
    check("code " + str(mode), app.acquire_token_by_auth_code_flow(flow, answer))

cached = app

# The library finds out by itself whether the authority is one, as it does of those that it does not know.
instance = AUTHORITY.rsplit("/", 1)[0] + "/common/discovery/instance"
app = msal.PublicClientApplication(CLIENT, authority=AUTHORITY, verify=CA, instance_discovery=instance)
flow = app.initiate_auth_code_flow(SCOPES, redirect_uri="http://localhost:1234", response_mode="form_post")
where = control("/log-in?user=" + user, flow["auth_uri"])["location"]
fields = re.findall(r'name="([^"]+)" value="([^"]*)"', where)
answer = {name: html.unescape(value) for name, value in fields}
metadata = json.load(urllib.request.urlopen(AUTHORITY + "/v2.0/.well-known/openid-configuration", context=TRUST))
assert answer["iss"] == metadata["issuer"], (answer, metadata)
check("instance", app.acquire_token_by_auth_code_flow(flow, answer))

# A token from the cache, and one for the refresh token.
[account] = cached.get_accounts()
check("silent", cached.acquire_token_silent(SCOPES, account), refreshes=False)
check("refresh", cached.acquire_token_silent(SCOPES, account, force_refresh=True), refreshes=False)

# The person says no.
flow = app.initiate_auth_code_flow(SCOPES, redirect_uri="http://localhost:1234", response_mode="query")
where = control("/log-in", flow["auth_uri"])["location"]
answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(where).query))
assert app.acquire_token_by_auth_code_flow(flow, answer)["error"] == "access_denied"
print("refused")

# Device code.
app = public()
flow = app.initiate_device_flow(SCOPES)
assert control("/device?user=%s&code=%s" % (user, flow["user_code"]))["found"], flow
check("device", app.acquire_token_by_device_flow(flow))

# The application in its own name.
robot = msal.ConfidentialClientApplication(
    CLIENT, os.environ["CLIENT_SECRET"], authority=AUTHORITY, verify=CA, instance_discovery=False
)
check("client", robot.acquire_token_for_client([os.environ["SCOPE"]]), refreshes=False)

"""Microsoft's library for Python gets tokens from the mock by each flow of a robot that it has."""

import hashlib
import os
import ssl

import msal

AUTHORITY, CLIENT, CA = os.environ["AUTHORITY"], os.environ["CLIENT_ID"], os.environ["CA_FILE"]
SCOPES = [os.environ["SCOPE"]]
PERSON = ["https://outlook.office.com/IMAP.AccessAsUser.All"]
KEY, CERTIFICATE = open(os.environ["KEY_FILE"]).read(), open(os.environ["CERTIFICATE_FILE"]).read()
THUMBPRINT = hashlib.sha1(ssl.PEM_cert_to_DER_cert(CERTIFICATE)).hexdigest()


def app(credential):
    return msal.ConfidentialClientApplication(
        CLIENT, credential, authority=AUTHORITY, verify=CA, instance_discovery=False
    )


def check(name, answer):
    assert "access_token" in answer, (name, answer)
    print(name)


check("secret", app(os.environ["CLIENT_SECRET"]).acquire_token_for_client(SCOPES))
by_thumbprint = {"private_key": KEY, "thumbprint": THUMBPRINT}
check("certificate", app(by_thumbprint).acquire_token_for_client(SCOPES))
chain = dict(by_thumbprint, public_certificate=CERTIFICATE)
check("certificate and chain", app(chain).acquire_token_for_client(SCOPES))
if tuple(int(part) for part in msal.__version__.split(".")[:2]) >= (1, 32):
    # By its SHA-256 digest, signed with PS256.
    by_certificate = {"private_key": KEY, "public_certificate": CERTIFICATE}
    check("certificate by SHA-256", app(by_certificate).acquire_token_for_client(SCOPES))
else:
    print("certificate by SHA-256")
check("assertion", app({"client_assertion": os.environ["ASSERTION"]}).acquire_token_for_client(SCOPES))
answer = app({"client_assertion": "x.y.z"}).acquire_token_for_client(SCOPES)
assert answer["error"] == "invalid_client", answer
print("refused")

# It would ask the host for the kind of account, at port 443 whatever the authority's port is.
msal.authority.Authority._domains_without_user_realm_discovery.add("localhost")
person = app(os.environ["CLIENT_SECRET"])
check("password", person.acquire_token_by_username_password(os.environ["USER_NAME"], os.environ["PASSWORD"], PERSON))
answer = person.acquire_token_by_username_password(os.environ["USER_NAME"], "wrong", PERSON)
assert answer["error"] == "invalid_grant", answer
[account] = person.get_accounts()
check("refresh", person.acquire_token_silent(PERSON, account, force_refresh=True))
check("refresh token", person.acquire_token_by_refresh_token(os.environ["REFRESH_TOKEN"], PERSON))

if hasattr(msal, "ManagedIdentityClient"):
    import requests

    for name in ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"]:
        os.environ[name] = os.environ["APP_" + name]
    identity = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=requests.Session())
    check("app", identity.acquire_token_for_client(resource="https://outlook.office365.com"))
    for name in ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"]:
        del os.environ[name]
    os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = os.environ["CONTROL_URL"]
    identity = msal.ManagedIdentityClient(
        msal.UserAssignedManagedIdentity(client_id="8f1b2c3d"), http_client=requests.Session()
    )
    check("machine", identity.acquire_token_for_client(resource="https://outlook.office365.com"))
else:
    print("app\nmachine")

//! Token endpoints of others, what stands in front of them, and tokens that no server takes.

use super::{ClaimsFault, Fault, TokenFault};

pub(super) const FAULTS: &[Fault] = &[
    Fault::of_body("slow-down", 400, "the device flow polls too fast", r#"{"error":"slow_down"}"#),
    Fault::of_body(
        "client-without-reason",
        401,
        "a wrong secret, or somebody else who answers",
        r#"{"error":"invalid_client"}"#,
    ),
    Fault::of_body(
        "google-invalid-grant",
        400,
        "Google: the refresh token has expired or was revoked",
        r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
    ),
    Fault::of_body(
        "google-org-internal",
        403,
        "Google: an application for one organisation alone",
        r#"{"error":"org_internal","error_description":"This client is restricted to users within its organization."}"#,
    ),
    Fault::of_body(
        "google-policy",
        400,
        "Google: the organisation's administrator forbids it",
        r#"{"error":"admin_policy_enforced","error_description":"Please contact your organization administrator."}"#,
    ),
    Fault::of_body(
        "google-deleted-client",
        401,
        "Google: the client was deleted",
        r#"{"error":"deleted_client","error_description":"The OAuth client was deleted."}"#,
    ),
    Fault::of_body(
        "token-server-error",
        500,
        "the token endpoint fails",
        r#"{"error":"server_error","error_description":"Something went wrong."}"#,
    ),
    Fault::of_body(
        "not-json",
        200,
        "a page in place of a token, as captive portals have it",
        "<!DOCTYPE html><html><body>Please log in to the network</body></html>",
    ),
    Fault::of_claims(
        "token-for-graph",
        "the token is for Microsoft Graph",
        ClaimsFault::Audience("https://graph.microsoft.com"),
    ),
    Fault::of_claims(
        "token-for-another-service",
        "the token is for a service that is not mail",
        ClaimsFault::Audience("https://management.azure.com"),
    ),
    Fault::of_claims(
        "token-without-roles",
        "nobody consented to the application's permissions, and it got a token nevertheless",
        ClaimsFault::Roles(&[]),
    ),
    Fault::of_claims(
        "token-with-role-of-pop",
        "the application may use POP alone",
        ClaimsFault::Roles(&["POP.AccessAsApp"]),
    ),
    Fault::of_claims(
        "token-without-scope",
        "the person did not consent to mail",
        ClaimsFault::Scopes("User.Read"),
    ),
    Fault::of_claims("token-of-another-tenant", "the token is of another directory", ClaimsFault::Tenant),
    Fault::of_claims(
        "token-of-another-person",
        "the token is of another person than the user",
        ClaimsFault::Person,
    ),
    Fault::of_body(
        "google-account-deleted",
        400,
        "Google: the account was deleted",
        r#"{"error":"invalid_grant","error_description":"Account has been deleted"}"#,
    ),
    Fault::of_body(
        "google-user",
        400,
        "Google: a service account acts for nobody",
        r#"{"error":"invalid_grant","error_description":"Invalid email or User ID"}"#,
    ),
    Fault::of_body(
        "google-delegation",
        401,
        "Google: a service account may not act for the user",
        r#"{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}"#,
    ),
    Fault::of_body(
        "google-assertion-time",
        400,
        "Google: an assertion of another time",
        r#"{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}"#,
    ),
    Fault::of_body("proxy-answered", 200, "something between answers", r#"{"error":"invalid_client"}"#),
    Fault::of_body(
        "invalid-grant",
        400,
        "the grant is not good, and no reason is given",
        r#"{"error":"invalid_grant","error_description":"Bad Request"}"#,
    ),
    Fault::of_body(
        "unauthorized-client",
        400,
        "the application is not registered for this grant",
        r#"{"error":"unauthorized_client"}"#,
    ),
    Fault::of_body(
        "unsupported-grant",
        400,
        "the grant is not known",
        r#"{"error":"unsupported_grant_type","error_description":"Invalid grant_type: client_credentials"}"#,
    ),
    Fault::of_body(
        "invalid-scope",
        400,
        "a scope is not known",
        r#"{"error":"invalid_scope","error_description":"Some requested scopes were invalid."}"#,
    ),
    Fault::of_body(
        "invalid-request",
        400,
        "something is missing in the request",
        r#"{"error":"invalid_request"}"#,
    ),
    Fault::of_body("invalid-resource", 400, "the service is not known", r#"{"error":"invalid_target"}"#),
    Fault::of_body("login-needed", 400, "a person has to log in", r#"{"error":"login_required"}"#),
    Fault::of_body("consent-needed", 400, "somebody has to consent", r#"{"error":"consent_required"}"#),
    Fault::of_body(
        "access-denied",
        400,
        "the login was declined",
        r#"{"error":"access_denied","error_description":"The resource owner or authorization server denied the request."}"#,
    ),
    Fault::of_body(
        "token-refused",
        400,
        "a name that no document has",
        r#"{"error":"something_of_our_own","error_description":"Ask the department."}"#,
    ),
    Fault::of_body("token-url", 404, "there is no token endpoint", "<html>Not Found</html>"),
    Fault::of_body(
        "captive-portal",
        511,
        "the network wants a login",
        "<html>Network Authentication Required</html>",
    ),
    Fault {
        token: Some(TokenFault::Redirect("https://portal.example.test/login")),
        ..Fault::named("redirected", "the login page of a network answers")
    },
    Fault::of_claims("token-not-yet-valid", "the token is good from tomorrow on", ClaimsFault::Early),
    Fault::of_body(
        "google-reauth",
        400,
        "Google: the organisation wants a login again",
        r#"{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)"}"#,
    ),
    Fault::of_body(
        "google-key",
        400,
        "Google: the key of the service account is not good",
        r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
    ),
    Fault::of_body(
        "google-client-unknown",
        401,
        "Google: no such application",
        r#"{"error":"invalid_client","error_description":"The OAuth client was not found."}"#,
    ),
    Fault::of_body(
        "google-secret",
        401,
        "Google: the client secret is wrong",
        r#"{"error":"invalid_client","error_description":"The provided client secret is invalid."}"#,
    ),
    Fault::of_body(
        "token-endpoint-forbidden",
        403,
        "a filter of the network refuses the request",
        "<html>Access denied</html>",
    ),
    Fault::of_body(
        "token-status",
        407,
        "a proxy answers in the token endpoint's place",
        "<html>Proxy Authentication Required</html>",
    ),
    Fault {
        token: Some(TokenFault::Clock(7200)),
        ..Fault::named("clock-behind", "the token endpoint's clock is two hours ahead of this machine's")
    },
    Fault {
        token: Some(TokenFault::Cloud("partner.microsoftonline.cn")),
        ..Fault::named("directory-in-china", "the directory says that it is in China")
    },
];

//! What Microsoft, Google and others say when something fails, and the entry that names it, for each line of a list that was
//! made from vendors' pages and public threads (2026-11-24).

use std::collections::BTreeSet;

use super::{
    Entry,
    Place::{self, Imap, Pop3, Smtp, Token},
    find,
    sign::Shown,
};
use crate::{
    Vendor,
    error::{
        Evidence, Kind,
        Stage::{self, Auth, Command, Message, Other},
    },
};

/// The line's number in the list, where it is said, the words, and the entry. A token endpoint's words have OAuth's `error` in
/// front.
#[rustfmt::skip]
const LINES: &[(u8, Place, Stage, &str, &str)] = &[
    (1, Token, Other, "unauthorized_client AADSTS700016: Application with identifier 'x' was not found in the directory 'y'.", "app-not-found"),
    (2, Token, Other, "invalid_client AADSTS700011: Application with identifier x was not found in the directory.", "app-not-found"),
    (2, Token, Other, "unauthorized_client AADSTS70001: Application with identifier 'x' is not supported for this account.", "app-not-found"),
    (3, Token, Other, "invalid_client AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the value.", "invalid-secret"),
    (4, Token, Other, "invalid_client AADSTS7000222: The provided client secret keys for app 'x' are expired.", "secret-expired"),
    (5, Token, Other, "invalid_client AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.", "secret-missing"),
    (6, Token, Other, "invalid_client AADSTS700025: Client is public so neither 'client_assertion' nor 'client_secret' should be presented.", "secret-not-wanted"),
    (7, Token, Other, "invalid_client AADSTS700027: Client assertion failed signature validation.", "certificate-not-registered"),
    (8, Token, Other, "invalid_client AADSTS700023: Client assertion audience claim does not match Realm issuer.", "assertion-audience"),
    (8, Token, Other, "invalid_client AADSTS700030: Invalid certificate - subject name in certificate is not authorized.", "assertion-audience"),
    (9, Token, Other, "invalid_client AADSTS500133: Assertion is not within its valid time range.", "assertion-time"),
    (10, Token, Other, "invalid_client AADSTS700229: Only app-only tokens can be used as Federated Identity Credentials.", "federated-credential"),
    (11, Token, Other, "invalid_request AADSTS90002: Tenant 'x' not found.", "tenant-not-found"),
    (12, Token, Other, "invalid_client AADSTS900382: Confidential Client is not supported in Cross Cloud request.", "wrong-cloud"),
    (12, Token, Other, "invalid_request AADSTS900432: Confidential Client is not supported in Cross Cloud request.", "wrong-cloud"),
    (12, Token, Other, "invalid_request AADSTS90038: The tenant 'x' being requested is redirected to the National Cloud.", "wrong-cloud"),
    (13, Token, Other, "invalid_request AADSTS9001023: The grant type is not supported over the /common or /consumers endpoints.", "tenant-needed"),
    (14, Token, Other, "invalid_request AADSTS50194: Application 'x' is not configured as a multi-tenant application.", "single-tenant"),
    (15, Token, Other, "invalid_request AADSTS9002331: Application 'x' is configured for use by Microsoft Account users only.", "account-kind"),
    (15, Token, Other, "invalid_request AADSTS9002332: Application 'x' is configured for use by Azure Active Directory users only.", "account-kind"),
    (16, Token, Other, "invalid_grant AADSTS50020: User account 'u' from identity provider 'live.com' does not exist in tenant 'x'.", "user-elsewhere"),
    (17, Token, Other, "invalid_grant AADSTS50034: The user account u does not exist in the directory.", "user-not-found"),
    (18, Token, Other, "invalid_request AADSTS50059: No tenant-identifying information found in either the request or implied by any provided credentials.", "tenant-needed"),
    (19, Token, Other, "invalid_grant AADSTS65001: The user or administrator has not consented to use the application with ID 'x'.", "consent-missing"),
    (20, Token, Other, "invalid_grant AADSTS90094: The grant requires admin permission.", "consent-missing"),
    (20, Token, Other, "invalid_grant AADSTS90095: Admin consent is required.", "consent-missing"),
    (21, Token, Other, "access_denied AADSTS65004: User declined to consent to access the app.", "consent-declined"),
    (22, Token, Other, "invalid_grant AADSTS650057: Invalid resource. The client has requested access to a resource which is not listed in the requested permissions.", "exchange-permission-missing"),
    (23, Token, Other, "invalid_resource AADSTS500011: The resource principal named x was not found in the tenant named y.", "no-exchange"),
    (24, Token, Other, "invalid_client AADSTS650052: The app needs access to a service that your organization has not subscribed to or enabled.", "no-subscription"),
    (25, Token, Other, "invalid_scope AADSTS70011: The provided request must include a 'scope' input parameter.", "scope-invalid"),
    (26, Token, Other, "invalid_request AADSTS28002: Provided value for the input parameter scope is not valid.", "scope-invalid"),
    (26, Token, Other, "invalid_request AADSTS28003: Provided value for the input parameter scope can't be empty.", "scope-invalid"),
    (27, Token, Other, "invalid_scope AADSTS1002012: The provided value for scope x is not valid. Client credential flows must have a scope value with /.default.", "scope-default"),
    (28, Token, Other, "invalid_request AADSTS901002: The 'resource' request parameter is not supported.", "resource-parameter"),
    (29, Token, Other, "invalid_request AADSTS900144: The request body must contain the following parameter: 'grant_type'.", "request-malformed"),
    (29, Token, Other, "invalid_request AADSTS90014: The required field 'scope' is missing from the credential.", "request-malformed"),
    (30, Token, Other, "invalid_request AADSTS9002313: Invalid request. Request is malformed or invalid.", "request-malformed"),
    (31, Token, Other, "invalid_grant AADSTS50126: Error validating credentials due to invalid username or password.", "password-wrong"),
    (32, Token, Other, "interaction_required AADSTS50076: You must use multi-factor authentication to access 'x'.", "second-factor"),
    (32, Token, Other, "interaction_required AADSTS50079: You must enroll in multi-factor authentication to access 'x'.", "second-factor"),
    (32, Token, Other, "interaction_required AADSTS50074: Strong Authentication is required.", "second-factor"),
    (32, Token, Other, "interaction_required AADSTS50072: You must enroll in multi-factor authentication to access 'x'.", "second-factor"),
    (33, Token, Other, "interaction_required AADSTS50158: External security challenge not satisfied.", "second-factor"),
    (34, Token, Other, "interaction_required AADSTS53003: Access has been blocked by Conditional Access policies.", "conditional-access"),
    (35, Token, Other, "interaction_required AADSTS53000: Device is not in required device state: compliant.", "device-not-compliant"),
    (35, Token, Other, "interaction_required AADSTS53001: Device is not in required device state: domain_joined.", "device-not-compliant"),
    (36, Token, Other, "interaction_required AADSTS530032: Your sign-in was blocked by a security policy.", "security-policy"),
    (36, Token, Other, "access_denied AADSTS530035: Access has been blocked by security defaults.", "security-policy"),
    (37, Token, Other, "invalid_grant AADSTS50053: The account is locked, you've tried to sign in too many times.", "account-locked"),
    (38, Token, Other, "invalid_grant AADSTS50055: The password is expired.", "password-expired"),
    (38, Token, Other, "invalid_grant AADSTS50057: The user account is disabled.", "account-disabled"),
    (39, Token, Other, "invalid_grant AADSTS50105: The signed in user 'u' is not assigned to a role for the application 'x'.", "not-assigned"),
    (40, Token, Other, "invalid_client AADSTS50011: The redirect URI 'http://localhost' specified in the request does not match.", "redirect-mismatch"),
    (41, Token, Other, "invalid_grant AADSTS50147: Invalid size of Code_Challenge parameter.", "pkce-mismatch"),
    (41, Token, Other, "invalid_grant AADSTS501481: The Code_Verifier does not match the code_challenge supplied in the authorization request.", "pkce-mismatch"),
    (42, Token, Other, "invalid_grant AADSTS54005: OAuth2 Authorization code was already redeemed.", "code-redeemed"),
    (43, Token, Other, "invalid_grant AADSTS70008: The provided authorization code or refresh token has expired due to inactivity.", "refresh-expired"),
    (43, Token, Other, "invalid_grant AADSTS700082: The refresh token has expired due to inactivity.", "refresh-expired"),
    (44, Token, Other, "invalid_grant AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed.", "refresh-revoked"),
    (45, Token, Other, "invalid_grant AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.", "sign-in-frequency"),
    (46, Token, Other, "invalid_grant AADSTS700084: The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime.", "spa-refresh"),
    (47, Token, Other, "invalid_grant AADSTS50196: The server terminated an operation because it encountered a client request loop.", "request-loop"),
    (48, Token, Other, "temporarily_unavailable AADSTS90055: The server is busy because of too many requests of this tenant.", "tenant-throttled"),
    (49, Token, Other, "unauthorized_client AADSTS7000112: Application 'x'(y) is disabled.", "app-disabled"),
    (50, Token, Other, "authorization_pending AADSTS70016: OAuth 2.0 device flow error. Authorization is pending.", "device-pending"),
    (50, Token, Other, "authorization_pending", "device-pending"),
    (51, Token, Other, "slow_down", "device-slow-down"),
    (52, Token, Other, "expired_token AADSTS70019: Verification code expired.", "device-expired"),
    (52, Token, Other, "expired_token", "device-expired"),
    (53, Token, Other, "invalid_grant AADSTS50134: Device flow was used at another datacenter.", "device-datacentre"),
    (54, Token, Other, "invalid_request AADSTS700022: Multiple resources are not supported in one request.", "scope-two-resources"),
    (54, Token, Other, "invalid_scope AADSTS70011: The scopes x y belong to multiple resources.", "scope-two-resources"),
    (55, Token, Other, "invalid_client", "invalid-client"),
    (56, Imap, Command, "BAD User is authenticated but not connected.", "not-connected"),
    (57, Imap, Auth, "NO AUTHENTICATE failed.", "authenticate-failed"),
    (58, Imap, Auth, "NO AUTHENTICATE failed. Error=\"AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed\"", "authenticate-failed"),
    (59, Imap, Auth, "OK [Error=\"Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not allowed for mailbox x\" AuthResultFromPopImapEnd=0 Proxy=x:1993:SSL] AUTHENTICATE completed.", "mailbox-moving"),
    (60, Imap, Auth, "NO AUTHENTICATE failed. Error=\"NoADRecipient\"", "imap-disabled"),
    (60, Imap, Auth, "OK [Error=\"x\" AuthResultFromPopImapEnd=8] AUTHENTICATE completed.", "imap-disabled"),
    (61, Imap, Auth, "NO LOGIN failed.", "imap-basic-off"),
    (62, Imap, Command, "BYE Session invalidated - AccessTokenExpired", "token-expired"),
    (63, Imap, Command, "BYE Connection closed. 14", "connection-closed-14"),
    (64, Imap, Command, "BAD Request is throttled. Suggested Backoff Time: 299910 milliseconds", "throttled"),
    (65, Imap, Command, "BAD Command Error. 10", "command-error"),
    (65, Imap, Command, "BAD Command Error. 12", "command-error"),
    (66, Imap, Command, "BAD Command Argument Error. 11", "command-error"),
    (67, Imap, Command, "NO Server Unavailable. 15", "server-unavailable"),
    (68, Imap, Command, "BAD Command received in Invalid state.", "invalid-state"),
    (70, Imap, Auth, "NO Application is blocked", "application-blocked"),
    (71, Imap, Auth, "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", "gmail-auth"),
    (72, Imap, Auth, "NO [ALERT] Too many simultaneous connections. (Failure)", "too-many-connections"),
    (73, Imap, Command, "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", "throttled"),
    (74, Imap, Command, "NO [UNAVAILABLE] UID FETCH Service is temporarily not available", "server-unavailable"),
    (75, Imap, Auth, "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", "too-many-connections"),
    (76, Imap, Command, "NO SELECT Unsafe Login. Please contact kefu@188.com for help", "id-wanted"),
    (77, Imap, Command, "BYE Session expired, please login again.", "token-expired"),
    (78, Smtp, Auth, "535 5.7.3 Authentication unsuccessful [BN9PR03CA0001.namprd03.prod.outlook.com]", "smtp-auth-exchange"),
    (79, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled", "smtp-disabled-for-tenant"),
    (80, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled", "smtp-disabled-for-mailbox"),
    (81, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", "smtp-basic-off"),
    (82, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", "smtp-credentials"),
    (83, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.", "smtp-security-defaults"),
    (84, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.", "smtp-conditional-access"),
    (85, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, federated STS service was unreachable", "federation-unreachable"),
    (85, Smtp, Auth, "535 5.7.139 Authentication unsuccessful, STS URL does not support HTTPS", "federation-unreachable"),
    (86, Smtp, Message, "530 5.7.57 Client not authenticated to send mail.", "smtp-not-authenticated"),
    (87, Smtp, Message, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "send-as-denied"),
    (88, Smtp, Auth, "550 5.7.30 Basic authentication is not supported for Client Submission.", "smtp-basic-off"),
    (89, Smtp, Message, "554 5.2.252 SendAsDenied; a@x not allowed to send as b@y; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", "send-as-denied"),
    (89, Smtp, Message, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", "send-as-denied"),
    (90, Smtp, Message, "550 5.2.252 Sender throttled due to continuous send as denied errors", "penalty-send-as"),
    (91, Smtp, Message, "550 5.2.251 Sender throttled", "penalty"),
    (91, Smtp, Message, "550 5.2.253 Sender throttled", "penalty"),
    (91, Smtp, Message, "550 5.2.254 Sender throttled", "penalty"),
    (91, Smtp, Message, "550 5.2.255 Sender throttled", "penalty"),
    (92, Smtp, Message, "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", "sender-mailbox-full"),
    (93, Smtp, Message, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "daily-recipients"),
    (94, Smtp, Message, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "thread-limit"),
    (95, Smtp, Message, "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending", "thread-limit"),
    (96, Smtp, Message, "430 4.2.0 STOREDRV; mailbox logon failure; failure reason:.MapiExceptionLogonFailed", "mailbox-logon"),
    (97, Smtp, Message, "451 4.7.0 Temporary server error. Please try again later. PRX4", "backend-proxy"),
    (98, Smtp, Message, "451 4.7.500 Server busy. Please try again later from [203.0.113.7]", "server-busy"),
    (98, Smtp, Message, "451 4.7.699 Access denied, please try again later", "server-busy"),
    (99, Smtp, Message, "451 4.7.651 The mail server [203.0.113.7] has been temporarily rate limited due to IP reputation.", "ip-reputation"),
    (100, Smtp, Message, "550 5.1.8 Access denied, bad outbound sender", "account-blocked"),
    (101, Smtp, Message, "550 5.7.501 Access denied, spam abuse detected", "account-blocked"),
    (101, Smtp, Message, "550 5.7.502 Access denied, banned sender", "account-blocked"),
    (101, Smtp, Message, "550 5.7.503 Access denied, banned sender", "account-blocked"),
    (101, Smtp, Message, "550 5.7.705 Access denied, tenant has exceeded threshold", "account-blocked"),
    (101, Smtp, Message, "550 5.7.708 Access denied, traffic not accepted from this IP", "tenant-threshold"),
    (101, Smtp, Message, "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains", "tenant-threshold"),
    (102, Smtp, Message, "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit", "tenant-threshold"),
    (102, Smtp, Message, "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit", "tenant-threshold"),
    (103, Smtp, Message, "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds", "bare-line-ends"),
    (104, Smtp, Message, "550 5.1.20 Multiple From addresses are not allowed without Sender address", "message-format"),
    (104, Smtp, Message, "550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant", "message-format"),
    (105, Smtp, Auth, "504 5.7.4 Unrecognized authentication type", "smtp-mechanism-unknown"),
    (106, Smtp, Auth, "500 5.5.2 Line too long", "line-too-long"),
    (106, Smtp, Auth, "555 5.5.2 Syntax error, command line too long", "line-too-long"),
    (107, Smtp, Auth, "501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid", "hve-address"),
    (108, Smtp, Message, "550 5.5.105 External sending is not supported", "hve-internal"),
    (109, Smtp, Message, "421 4.4.1 Connection timed out", "smtp-closing"),
    (109, Smtp, Message, "421 4.3.2 Service not active", "smtp-closing"),
    (110, Smtp, Auth, "534 5.7.9 Authentication mechanism is too weak", "smtp-mechanism-too-weak"),
    (110, Smtp, Auth, "454 4.7.0 Temporary authentication failure", "smtp-auth-busy"),
    (110, Smtp, Auth, "432 4.7.12 A password transition is needed", "smtp-auth-busy"),
    (111, Smtp, Message, "552 5.3.4 Message size exceeds fixed maximum message size", "message-too-large"),
    (112, Smtp, Auth, "535 5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail", "gmail-smtp-auth"),
    (113, Pop3, Auth, "Protocol error. Connection is closed. 10", "pop-one-line-auth"),
    (114, Pop3, Auth, "Authentication failure: unknown user name or bad password.", "pop-auth"),
    (115, Pop3, Auth, "Logon failure: unknown user name or bad password.", "pop-basic-off"),
    (116, Pop3, Auth, "[IN-USE] locked", "pop-in-use"),
    (116, Pop3, Auth, "[LOGIN-DELAY] wait", "pop-in-use"),
    (116, Pop3, Auth, "[SYS/TEMP] later", "server-unavailable"),
    (116, Pop3, Auth, "[SYS/PERM] never", "pop-system"),
    (116, Pop3, Auth, "[AUTH] no", "pop-credentials"),
];

/// How many lines the list has. For 69, a search in other letters than ASCII, the library has an error of its own.
const COUNT: u8 = 116;

#[test]
fn each_line_is_named() {
    let mut wrong = Vec::new();
    for &(number, place, stage, words, want) in LINES {
        let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
        let (code, name, text) = match place {
            Token => (400, first, rest),
            Smtp => (first.parse().unwrap(), "", rest),
            // A response code is the first thing in brackets.
            _ => {
                let name = words.split_once('[').and_then(|(_, code)| code.split_once(']'));
                (0, name.map_or("", |(name, _)| name), words)
            }
        };
        let evidence = Evidence { stage, code, name: name.into(), text: text.into(), ..Evidence::default() };
        let vendor = words.contains("support.google.com").then_some(Vendor::Gmail);
        let kind = if stage == Auth { Kind::Auth } else { Kind::Refused };
        let found = find(&Shown { evidence: &evidence, place, kind, vendor }).map(Entry::id);
        if found != Some(want) {
            wrong.push(format!("{number} {words}: {found:?}, wanted {want}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let told: BTreeSet<_> = LINES.iter().map(|line| line.0).collect();
    let missing: Vec<_> = (1..=COUNT).filter(|number| !told.contains(number)).collect();
    assert_eq!(missing, [69]);
}

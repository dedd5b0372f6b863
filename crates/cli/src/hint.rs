//! What to do about a failure.

use std::io;

use mailbearer::{
    Kind, StoreError,
    error::{Missing, Protocol},
    imap_protocol::session::{self as imap, Problem},
    net, oauth, smtp_protocol as smtp,
};

/// A hint for the failure, if anything useful can be said.
pub(crate) fn of(error: &mailbearer::Error) -> Option<String> {
    if error.outcome_unknown() {
        return Some("look whether it arrived before sending it again".into());
    }
    if let Some(error) = error.cause::<StoreError>() {
        return error.remedy().map(|remedy| format!("mend it with: {remedy}"));
    }
    let hint = of_kind(error)?;
    Some(match error.retry_after() {
        Some(wait) => format!("{hint}; the server asks to wait {} s", wait.as_secs().max(1)),
        None => hint.into(),
    })
}

fn of_kind(error: &mailbearer::Error) -> Option<&'static str> {
    if let Some(error) = error.cause() {
        return of_net(error);
    }
    if let Some(error) = error.cause() {
        return of_oauth(error);
    }
    if let Some(error) = error.cause::<imap::Error>() {
        return of_imap(error);
    }
    if let Some(error) = error.cause::<smtp::Error>() {
        return of_smtp(error);
    }
    if let Some(completion) = error.cause::<imap::Completion>() {
        return match error.kind() {
            Kind::NoFolder => Some("`mailbearer folders` shows which there are"),
            _ => completion.problem().and_then(of_problem),
        };
    }
    if let Some(refusal) = error.cause::<smtp::Refusal>() {
        return refusal.reply().and_then(of_reply);
    }
    match error.kind() {
        Kind::Missing(Missing::Server(Protocol::IMAP)) => {
            Some("set host in the table imap of the account, or MAILBEARER_IMAP_HOST")
        }
        Kind::Missing(Missing::Server(Protocol::SMTP)) => {
            Some("set host in the table smtp of the account, or MAILBEARER_SMTP_HOST")
        }
        Kind::Settings | Kind::Missing(_) => Some("`mailbearer --help` shows a configuration"),
        Kind::Backoff => Some("wait, then try again"),
        Kind::Charset => Some(
            "look for words in ASCII, or narrow it down by other keys; Exchange searches for nothing but ASCII",
        ),
        _ => None,
    }
}

fn of_imap(error: &imap::Error) -> Option<&'static str> {
    match (error, error.problem()) {
        (imap::Error::StartTlsMissing, _) => Some(STARTTLS_MISSING),
        (imap::Error::BytesBeforeTls | imap::Error::PreauthInClear, _) => Some(TAMPERING),
        (_, Some(problem)) => of_problem(problem),
        (_, None) if error.is_auth() => Some(IMAP_AUTH),
        (_, None) if is_imap_greeting(error) => Some(OTHER_PROTOCOL),
        (_, None) => None,
    }
}

fn of_smtp(error: &smtp::Error) -> Option<&'static str> {
    match (error, error.reply()) {
        (smtp::Error::StartTlsMissing, _) => Some(STARTTLS_MISSING),
        (smtp::Error::BytesBeforeTls, _) => Some(TAMPERING),
        (_, Some(reply)) => of_reply(reply).or_else(|| error.is_auth().then_some(SMTP_AUTH)),
        (_, None) if error.is_auth() => Some(SMTP_AUTH),
        (_, None) if is_smtp_greeting(error) => Some(OTHER_PROTOCOL),
        (_, None) => None,
    }
}

fn of_net(error: &net::Error) -> Option<&'static str> {
    match error {
        net::Error::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
            Some("nothing listens there; check host and port")
        }
        net::Error::Connect { .. } if error.is_timeout() => {
            Some("check host and port; a firewall may swallow the connection")
        }
        net::Error::LookUp { .. } => {
            Some("check the spelling of the host, and whether this machine has a network")
        }
        net::Error::Connect { .. } => Some("check the network, and host and port"),
        net::Error::InvalidHost(_) => Some("a host is a name or an address, without scheme and port"),
        net::Error::Timeout { stage: net::Stage::Handshake, .. } => Some(
            "something takes the connection and does not speak TLS; for a port where TLS starts later set \
             tls = \"starttls\"",
        ),
        net::Error::Timeout { stage: net::Stage::Greeting, .. } => Some(
            "a server that wants TLS from the start is silent too: tls = \"implicit\" is for those; for a slow \
             one raise timeouts.read of the account",
        ),
        net::Error::Timeout { .. } => Some("the timeouts of the account can be raised"),
        net::Error::Tls { .. } if error.is_not_tls() => Some(
            "that port speaks another protocol, or starts TLS later: for the latter set tls = \"starttls\"",
        ),
        _ => error.certificate().map(of_certificate),
    }
}

fn of_certificate(problem: &net::CertificateProblem) -> &'static str {
    match problem {
        net::CertificateProblem::WrongName(_) => {
            "the host must be spelt as the certificate has it; if it is, someone else answers in its place"
        }
        net::CertificateProblem::Expired | net::CertificateProblem::NotYetValid => {
            "check this machine's clock; if it is right, the server's owner has to renew the certificate"
        }
        net::CertificateProblem::AuthorityAsServer => {
            "the server shows a certificate that signed itself as an authority, as `openssl req -x509` makes it; make \
             one with -addext basicConstraints=critical,CA:FALSE and name it as tls.ca_file of the account"
        }
        _ => {
            "if a private authority issued it, name that authority's certificate as tls.ca_file of the account; a \
             proxy that looks into TLS needs the same"
        }
    }
}

fn of_oauth(error: &oauth::Error) -> Option<&'static str> {
    match error {
        oauth::Error::Refused(refusal) => {
            let by_code =
                |code: &u32| AADSTS.iter().find(|(codes, _)| codes.contains(code)).map(|(_, hint)| *hint);
            let by_name = || OAUTH.iter().find(|(name, _)| *name == refusal.error).map(|(_, hint)| *hint);
            refusal.error_codes.iter().find_map(by_code).or_else(by_name)
        }
        oauth::Error::Status { status: 404 | 405 | 410, .. } => Some("check token_url and tenant"),
        error if error.is_configuration() => Some("check token_url: token endpoints don't redirect"),
        error if error.is_transient() => Some("wait, then try again"),
        _ => Some("check token_url; a proxy may answer in the endpoint's place"),
    }
}

fn of_problem(problem: Problem) -> Option<&'static str> {
    Some(match problem {
        Problem::NotConnected => {
            "the token is good, but not for this mailbox. On Microsoft 365: New-ServicePrincipal must have been given \
             the Object ID of the enterprise application (not the one of the app registration), and \
             Add-MailboxPermission FullAccess on the mailbox; check user, its licence, and that IMAP is on"
        }
        Problem::NoMailbox => {
            "check user. On Microsoft 365 IMAP may be off for the mailbox: Set-CASMailbox -ImapEnabled $true"
        }
        Problem::Throttled { .. } => "wait, then use fewer connections and smaller requests",
        Problem::Unavailable => "wait, then try again; the mailbox may be on the move",
        Problem::TooManyConnections => "close other connections to this mailbox",
        Problem::TokenExpired => "run it again; a fresh token will be used",
        _ => return None,
    })
}

fn of_reply(reply: &smtp::Reply) -> Option<&'static str> {
    let text = reply.to_string().to_ascii_lowercase();
    SMTP.iter().find(|(words, _)| text.contains(words)).map(|(_, hint)| *hint)
}

fn is_imap_greeting(error: &imap::Error) -> bool {
    matches!(
        error,
        imap::Error::Protocol { stage: imap::Stage::Greeting, .. }
            | imap::Error::Closed { stage: imap::Stage::Greeting }
    )
}

fn is_smtp_greeting(error: &smtp::Error) -> bool {
    use smtp::Stage::Greeting;
    matches!(
        error,
        smtp::Error::Reply { stage: Greeting, .. }
            | smtp::Error::Unexpected { stage: Greeting, .. }
            | smtp::Error::Closed { stage: Greeting }
    )
}

const TAMPERING: &str = "don't use this network until it is known who does this; nothing secret was sent";

const OTHER_PROTOCOL: &str = "something else answers on that port; check host and port";

const STARTTLS_MISSING: &str = "use the port where TLS starts at once and tls = \"implicit\" (993 for IMAP, 465 for SMTP); if \
                                the server did offer STARTTLS before, someone between is tampering";

const IMAP_AUTH: &str = "the token was not accepted: check user and scope. On Microsoft 365 the application also needs \
                         IMAP.AccessAsApp with admin consent, New-ServicePrincipal with the Object ID of the enterprise \
                         application, and Add-MailboxPermission on the mailbox; that takes up to hours to work";

const SMTP_AUTH: &str = "the token was not accepted: check user and scope. On Microsoft 365 the application also needs \
                         SMTP.SendAsApp with admin consent, and SMTP AUTH must be on: Set-CASMailbox \
                         -SmtpClientAuthenticationDisabled $false";

/// Microsoft's error numbers; they are for people, which these hints are for too.
const AADSTS: &[(&[u32], &str)] = &[
    (
        &[700_016, 700_011, 70_001],
        "check client_id and tenant: the application is not known in this directory; each national cloud has its own",
    ),
    (&[7_000_215], "client_secret must be the secret's Value, not its ID"),
    (&[7_000_222], "the client secret has expired: make a new one"),
    (&[7_000_218], "this application needs a client_secret"),
    (&[700_025], "this is a public application: leave client_secret out"),
    (
        &[90_002, 50_059],
        "check tenant; directories in China and of the US government have their own providers",
    ),
    (&[900_382, 900_432, 90_038], "the directory is in another national cloud: choose its provider"),
    (&[9_001_023, 50_194], "client credentials need the real tenant, not common or consumers"),
    (&[65_001, 90_094, 90_095], "an administrator has to consent to the application's permissions"),
    (
        &[650_057, 500_011, 650_052],
        "the application needs permissions of Office 365 Exchange Online, not of Graph",
    ),
    (
        &[1_002_012, 70_011, 28_002, 28_003, 28_000],
        "scope must be one resource; client credentials want https://outlook.office365.com/.default",
    ),
    (
        &[70_008, 700_082, 700_084, 50_173, 70_043],
        "the refresh token has expired or was revoked: log in again",
    ),
    (
        &[53_003, 53_000, 53_001, 530_032, 530_035],
        "a Conditional Access policy blocks this: ask the administrator",
    ),
    (&[50_076, 50_079, 50_074, 50_072, 50_158], "a person has to log in, with a second factor"),
    (&[50_053], "the account is locked for a while: wait"),
    (&[50_105, 7_000_112], "the application is disabled, or this user is not assigned to it"),
    (&[50_196], "tokens are asked for too often: keep them, as the cache does, and wait"),
    (&[90_055], "the directory is throttled: wait"),
    (&[50_034, 50_020], "check user: it is not in this directory"),
];

const OAUTH: &[(&str, &str)] = &[
    (
        "invalid_client",
        "check client_id and client_secret; of Microsoft's secrets it is the Value that counts, not the ID",
    ),
    ("invalid_grant", "the refresh token is not good, or no longer: log in again"),
    (
        "unauthorized_client",
        "the application is not registered for this grant; check client_id and oauth.grant",
    ),
    ("unsupported_grant_type", "check oauth.grant, and that token_url is a token endpoint"),
    ("invalid_scope", "check scope; Microsoft's client credentials want one that ends in /.default"),
    ("invalid_request", "check tenant, client_id and scope"),
    ("invalid_resource", "check scope"),
    ("interaction_required", "a person has to log in"),
    ("login_required", "a person has to log in"),
    ("consent_required", "an administrator or the user has to consent to the application"),
];

/// Parts of SMTP replies, in lower case; the first that fits counts.
const SMTP: &[(&str, &str)] = &[
    (
        "smtpclientauthentication is disabled for the tenant",
        "an Exchange administrator can switch it on: Set-TransportConfig -SmtpClientAuthenticationDisabled $false, or for \
         this mailbox alone with Set-CASMailbox",
    ),
    (
        "smtpclientauthentication is disabled for the mailbox",
        "an Exchange administrator can switch it on: Set-CASMailbox -SmtpClientAuthenticationDisabled $false",
    ),
    ("did not meet the criteria", "a Conditional Access policy blocks this: the sign-in log says which"),
    ("security defaults policy", "security defaults block this: ask the administrator"),
    (
        "sendasdenied",
        "the user may not send as this sender. On Microsoft 365: Add-RecipientPermission MAILBOX -Trustee \
         SERVICE-PRINCIPAL -AccessRights SendAs",
    ),
    (
        "5.7.60",
        "the user may not send as this sender. On Microsoft 365: Add-RecipientPermission MAILBOX -Trustee \
         SERVICE-PRINCIPAL -AccessRights SendAs",
    ),
    ("5.2.252", "sending is suspended after repeated refusals: repair the cause, then wait"),
    ("mailbox full", "the sender's mailbox is full: the copy in Sent Items has no room"),
    ("thread limit exceeded", "at most three messages at a time from one mailbox"),
    ("concurrent connections limit", "at most three connections at a time for one mailbox"),
    ("mapiexceptionlogonfailed", "the service principal has no right on the mailbox: Add-MailboxPermission"),
    ("5.1.8", "the sender's account is restricted as compromised: an administrator can lift that"),
    ("5.3.4", "the message is larger than the server takes"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_problems_have_hints() {
        assert!(of_problem(Problem::NotConnected).unwrap().contains("New-ServicePrincipal"));
        assert!(of_problem(Problem::NoMailbox).unwrap().contains("ImapEnabled"));
    }

    #[test]
    fn certificates_have_hints() {
        for (problem, want) in [
            (net::CertificateProblem::UnknownIssuer, "ca_file"),
            (net::CertificateProblem::WrongName(Vec::new()), "spelt"),
            (net::CertificateProblem::Expired, "clock"),
            (net::CertificateProblem::AuthorityAsServer, "CA:FALSE"),
        ] {
            assert!(of_certificate(&problem).contains(want), "{problem}");
        }
    }
}

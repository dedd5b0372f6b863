//! The doctor: which fault of a server gets which diagnosis, and what is said besides.

use std::{thread, time::Duration};

use mailbearer_mock::memory::{Fault, Options, Personality};
use serde_json::Value;

use crate::harness::{Outcome, Running, World, bare, finish};

/// The objects that were printed, the diagnosis last.
fn objects(outcome: &Outcome) -> Vec<Value> {
    assert_eq!(outcome.stderr, "");
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn examined(world: &World) -> (Option<i32>, Value, Vec<Value>) {
    let outcome = world.run(&["doctor", "--json"]);
    let mut objects = objects(&outcome);
    let last = objects.pop().unwrap();
    (outcome.code, last, objects)
}

/// A fault of the mock, the diagnosis, the step that shows it, and the exit code.
const FAULTS: &[(&str, &str, &str, i32)] = &[
    ("authenticate-failed", "authenticate-failed", "imap.login", 77),
    ("throttled", "tenant-throttled", "token.request", 75),
    ("gmail-token-refused", "gmail-auth", "imap.login", 77),
    ("server-busy", "token-endpoint-busy", "token.request", 75),
    ("app-not-found", "app-not-found", "token.request", 77),
    ("app-unsupported", "app-not-found", "token.request", 77),
    ("invalid-secret", "invalid-secret", "token.request", 77),
    ("secret-expired", "secret-expired", "token.request", 77),
    ("secret-missing", "secret-missing", "token.request", 77),
    ("secret-for-public-client", "secret-not-wanted", "token.request", 77),
    ("certificate-not-registered", "certificate-not-registered", "token.request", 77),
    ("assertion-audience", "assertion-audience", "token.request", 77),
    ("assertion-certificate", "assertion-audience", "token.request", 77),
    ("assertion-time", "assertion-time", "token.request", 77),
    ("federated-subject", "federated-credential", "token.request", 77),
    ("tenant-not-found", "tenant-not-found", "token.request", 78),
    ("other-cloud", "wrong-cloud", "token.request", 77),
    ("grant-on-common", "tenant-needed", "token.request", 78),
    ("not-multi-tenant", "single-tenant", "token.request", 78),
    ("personal-accounts-only", "account-kind", "token.request", 78),
    ("organizations-only", "account-kind", "token.request", 78),
    ("user-of-another-tenant", "user-elsewhere", "token.request", 77),
    ("user-not-found", "user-not-found", "token.request", 77),
    ("no-tenant", "tenant-needed", "token.request", 78),
    ("not-consented", "consent-missing", "token.request", 77),
    ("admin-consent", "consent-missing", "token.request", 77),
    ("consent-declined", "consent-declined", "token.request", 77),
    ("resource-not-listed", "exchange-permission-missing", "token.request", 78),
    ("resource-not-found", "no-exchange", "token.request", 78),
    ("no-subscription", "no-subscription", "token.request", 77),
    ("scope-not-valid", "scope-invalid", "token.request", 78),
    ("scope-not-default", "scope-default", "token.request", 78),
    ("scopes-of-two-resources", "scope-two-resources", "token.request", 78),
    ("resource-parameter", "resource-parameter", "token.request", 78),
    ("parameter-missing", "request-malformed", "token.request", 78),
    ("malformed-request", "request-malformed", "token.request", 78),
    ("wrong-password", "password-wrong", "token.request", 77),
    ("second-factor", "second-factor", "token.request", 77),
    ("second-factor-enrolment", "second-factor", "token.request", 77),
    ("external-challenge", "second-factor", "token.request", 77),
    ("conditional-access", "conditional-access", "token.request", 77),
    ("device-not-compliant", "device-not-compliant", "token.request", 77),
    ("security-defaults", "security-policy", "token.request", 77),
    ("account-locked", "account-locked", "token.request", 77),
    ("password-expired", "password-expired", "token.request", 77),
    ("account-disabled", "account-disabled", "token.request", 77),
    ("not-assigned", "not-assigned", "token.request", 77),
    ("redirect-uri", "redirect-mismatch", "token.request", 78),
    ("pkce-mismatch", "pkce-mismatch", "token.request", 77),
    ("code-redeemed", "code-redeemed", "token.request", 77),
    ("refresh-token-expired", "refresh-expired", "token.request", 77),
    ("token-revoked", "refresh-revoked", "token.request", 77),
    ("sign-in-frequency", "sign-in-frequency", "token.request", 77),
    ("spa-refresh-token", "spa-refresh", "token.request", 77),
    ("request-loop", "request-loop", "token.request", 75),
    ("app-disabled", "app-disabled", "token.request", 77),
    ("google-invalid-grant", "google-refresh-dead", "token.request", 77),
    ("google-org-internal", "google-internal", "token.request", 77),
    ("google-policy", "google-policy", "token.request", 77),
    ("google-deleted-client", "deleted-client", "token.request", 77),
    ("client-without-reason", "invalid-client", "token.request", 77),
    ("token-server-error", "token-endpoint-busy", "token.request", 75),
    ("not-json", "not-oauth", "token.request", 76),
    ("token-for-graph", "token-for-graph", "imap.claims", 77),
    ("token-for-another-service", "token-audience", "imap.claims", 77),
    ("token-without-roles", "token-role-missing", "imap.claims", 77),
    ("token-without-scope", "token-scope-missing", "imap.claims", 77),
    ("token-of-another-tenant", "token-other-tenant", "imap.claims", 77),
    ("token-of-another-person", "token-other-account", "imap.login", 77),
    ("not-connected", "not-connected", "imap.inbox", 77),
    ("logon-denied", "authenticate-failed", "imap.login", 77),
    ("wrong-server", "mailbox-moving", "imap.login", 75),
    ("imap-disabled", "imap-disabled", "imap.login", 77),
    ("session-token-expired", "token-expired", "imap.inbox", 75),
    ("connection-closed", "connection-closed-14", "imap.inbox", 75),
    ("server-unavailable", "server-unavailable", "imap.inbox", 75),
    ("bare-server-unavailable", "server-unavailable", "imap.inbox", 75),
    ("application-blocked", "application-blocked", "imap.login", 77),
    ("gmail-connections", "too-many-connections", "imap.login", 75),
    ("gmail-web-login", "gmail-web-login", "imap.login", 77),
    ("gmail-imap-off", "gmail-imap-off", "imap.login", 77),
    ("dovecot-connections", "too-many-connections", "imap.login", 75),
    ("netease-unsafe-login", "id-wanted", "imap.inbox", 69),
    ("login-limit", "limit", "imap.login", 75),
    ("no-such-mailbox", "no-folder", "imap.inbox", 66),
    ("no-permission", "no-permission", "imap.inbox", 69),
    ("mailbox-in-use", "server-unavailable", "imap.inbox", 75),
    ("smtp-disabled-for-tenant", "smtp-disabled-for-tenant", "smtp.login", 77),
    ("smtp-disabled-for-mailbox", "smtp-disabled-for-mailbox", "smtp.login", 77),
    ("smtp-basic-disabled", "smtp-basic-off", "smtp.login", 77),
    ("smtp-wrong-credentials", "smtp-credentials", "smtp.login", 77),
    ("smtp-security-defaults", "smtp-security-defaults", "smtp.login", 77),
    ("smtp-conditional-access", "smtp-conditional-access", "smtp.login", 77),
    ("smtp-federation-down", "federation-unreachable", "smtp.login", 77),
    ("smtp-mechanism", "smtp-mechanism-unknown", "smtp.login", 77),
    ("smtp-high-volume-address", "hve-address", "smtp.login", 77),
    ("smtp-temporary-auth-failure", "smtp-auth-busy", "smtp.login", 75),
    ("gmail-web-login-smtp", "gmail-smtp-web-login", "smtp.login", 77),
    ("not-authenticated", "smtp-not-authenticated", "smtp.sender", 69),
    ("smtp-basic-retired", "smtp-basic-off", "smtp.sender", 69),
    ("proxy-failure", "backend-proxy", "smtp.login", 75),
    ("access-denied-busy", "server-busy", "smtp.sender", 75),
    ("ip-reputation", "ip-reputation", "smtp.sender", 75),
    ("external-recipient-limit", "tenant-threshold", "smtp.recipient", 69),
    ("external-sending", "hve-internal", "smtp.recipient", 69),
    ("recipient-unknown", "recipient-unknown", "smtp.recipient", 69),
    ("greylisted", "greylisted", "smtp.recipient", 75),
    ("not-a-submission-server", "greeting-refused", "smtp.greeting", 69),
];

#[test]
fn each_fault_has_its_diagnosis() {
    let world = World::new();
    for (fault, id, step, exit) in FAULTS {
        world.server.set_fault(Fault::find(fault));
        assert!(Fault::find(fault).is_some(), "{fault}");
        let (code, last, steps) = examined(&world);
        assert_eq!(
            (last["diagnosis"].as_str(), last["step"].as_str(), code),
            (Some(*id), Some(*step), Some(*exit)),
            "{fault}: {last}"
        );
        let failed = steps.iter().find(|own| own["step"] == *step).unwrap();
        assert_eq!(failed["ok"], false, "{fault}");
        assert!(!last["cause"].as_str().unwrap().is_empty() && last["who"].is_array(), "{fault}: {last}");
        // What does not depend on it was tried nevertheless.
        let tried = steps.iter().any(|own| own["step"] == "smtp.greeting" && !own["ok"].is_null());
        assert!(tried, "{fault}: {steps:#?}");
        assert!(world.server.mailbox().messages("INBOX").is_empty(), "{fault}: something was sent");
    }
}

#[test]
fn a_good_account_of_any_provider_is_well() {
    for personality in Personality::ALL {
        let mut options = Options::default();
        options.personality = personality;
        let (code, last, steps) = examined(&World::with(options));
        assert_eq!((code, &last["diagnosis"]), (Some(0), &Value::Null), "{personality:?} {last} {steps:#?}");
        let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
        for name in
            ["configuration", "clock", "token.request", "imap.tls", "imap.inbox", "smtp.tls", "smtp.reset"]
        {
            assert!(names.contains(&name), "{personality:?}: {names:?}");
        }
        let tls = steps.iter().find(|step| step["step"] == "smtp.tls").unwrap();
        let detail = tls["detail"].as_str().unwrap();
        assert!(detail.starts_with("TLS 1.3, for localhost ") && detail.contains("issued by "), "{detail}");
    }
}

#[test]
fn commands_are_filled_in_and_the_mailbox_comes_first() {
    let world = World::new();
    world.server.set_fault(Fault::find("not-connected"));
    let (_, last, steps) = examined(&world);
    let claims =
        steps.iter().find(|step| step["step"] == "token.claims").unwrap()["detail"].as_str().unwrap();
    let object = claims.split("object ").nth(1).unwrap();
    let commands: Vec<_> =
        last["commands"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let principal = format!("New-ServicePrincipal -AppId {} -ObjectId {object}", world.server.client_id());
    let access = format!(
        "Add-MailboxPermission -Identity {} -User {object} -AccessRights FullAccess",
        world.server.user()
    );
    let at = |command: &str| {
        commands.iter().position(|own| *own == command).unwrap_or_else(|| panic!("{commands:?}"))
    };
    assert!(at(&principal) < at(&access));
    world.server.set_fault(Fault::find("smtp-disabled-for-tenant"));
    let (_, last, _) = examined(&world);
    let commands = last["commands"].to_string();
    let mailbox = commands.find("Set-CASMailbox -Identity robot@mailbearer.test -SmtpClient").unwrap();
    assert!(mailbox < commands.find("Set-TransportConfig").unwrap(), "{commands}");
}

#[test]
fn a_page_for_the_administrator_in_either_language() {
    let world = World::new();
    world.server.set_fault(Fault::find("not-connected"));
    for (lang, words) in [
        ("en", ["# Mail access for robot@mailbearer.test", "Who can do it: an Exchange administrator"]),
        ("zh", ["# 邮箱访问： robot@mailbearer.test", "负责人: Exchange 管理员"]),
    ] {
        let outcome = world.run(&["doctor", "--for-admin", "--lang", lang]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(77), ""));
        for word in words.iter().chain(&["```powershell\nConnect-ExchangeOnline", "(`imap.inbox`)"]) {
            assert!(outcome.stdout.contains(word), "{word}: {}", outcome.stdout);
        }
        assert!(outcome.stdout.contains(world.server.client_id()));
    }
}

#[test]
fn a_report_names_no_mailbox_where_that_is_asked_for() {
    let world = World::new();
    world.server.set_fault(Fault::find("token-of-another-person"));
    let outcome = world.run(&["doctor", "--report", "--hide-mailboxes"]);
    assert!(
        outcome.stdout.starts_with("mailbearer ") && outcome.stdout.contains("FAIL  imap.login"),
        "{outcome:?}"
    );
    for name in ["robot@", "ann@"] {
        assert!(!outcome.stdout.contains(name), "{name}: {}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("mailbox-1@example.invalid"));
}

#[test]
fn settings_and_networks_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = finish(bare(folder.path(), &["doctor", "--json"]), b"");
    let objects = objects(&outcome);
    assert_eq!((outcome.code, objects.len()), (Some(78), 2), "{objects:?}");
    assert_eq!((&objects[0]["ok"], &objects[1]["diagnosis"]), (&Value::Bool(false), &Value::from("config")));
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let world = World::new();
    let smtp = world.server.ports().smtp;
    let rows: &[(&str, String, &str, &str, i32)] = &[
        ("MAILBEARER_IMAP_PORT", closed.to_string(), "connection-refused", "imap.tcp", 69),
        ("MAILBEARER_IMAP_PORT", smtp.to_string(), "not-tls", "imap.tls", 76),
        ("MAILBEARER_IMAP_HOST", "127.0.0.2".into(), "connection-refused", "imap.tcp", 69),
        ("MAILBEARER_SMTP_HOST", "name.invalid".into(), "no-address", "smtp.lookup", 68),
        ("MAILBEARER_SMTP_HOST", "https://localhost".into(), "invalid-host", "smtp.lookup", 78),
        ("MAILBEARER_IMAP_HOST", "outlook.office365.us".into(), "cloud-mismatch", "token.cloud", 78),
    ];
    for (name, value, id, step, exit) in rows {
        let world = World::new().set(name, value).set("MAILBEARER_TIMEOUTS_CONNECT", "5");
        let (code, last, _) = examined(&world);
        assert_eq!(
            (last["diagnosis"].as_str(), last["step"].as_str(), code),
            (Some(*id), Some(*step), Some(*exit)),
            "{name} {value}: {last}"
        );
    }
}

#[test]
fn a_certificate_says_who_made_it() {
    for (certificate, id) in [
        (mailbearer_mock::Certificate::Expired, "certificate-expired"),
        (mailbearer_mock::Certificate::OtherName, "certificate-name"),
        (mailbearer_mock::Certificate::SelfSigned, "certificate-unknown"),
    ] {
        let mut options = Options::default();
        options.certificate = certificate;
        let (code, last, steps) = examined(&World::with(options));
        assert_eq!((code, last["diagnosis"].as_str()), (Some(76), Some(id)), "{last}");
        let tls = steps.iter().find(|step| step["step"] == "token.tls").unwrap();
        assert!(tls["detail"].as_str().unwrap().contains("issued by "), "{tls}");
    }
}

#[test]
fn watch_waits_for_the_fix() {
    let world = World::new();
    world.server.set_fault(Fault::find("token-without-roles"));
    let mut running = Running::start(world.command(&["doctor", "--watch", "--every", "1"]));
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.contains("token-role-missing")) {
        lines.push(running.line());
    }
    world.server.set_fault(None);
    let last = loop {
        let line = running.line();
        if line.starts_with("well after ") {
            break line;
        }
    };
    assert!(last.contains(" in round "), "{last}");
    let mut code = None;
    for _ in 0..100 {
        code = running.child.0.try_wait().unwrap();
        if code.is_some() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(code.and_then(|code| code.code()), Some(0));
}

#[test]
fn pop3_is_looked_at_where_that_is_asked_for() {
    let world = World::new();
    for (fault, id, step) in [
        (None, None, None),
        (Some("pop-basic-off"), Some("pop-basic-off"), Some("pop3.login")),
        (Some("pop-in-use"), Some("pop-in-use"), Some("pop3.login")),
    ] {
        world.server.set_fault(fault.and_then(Fault::find));
        let found = objects(&world.run(&["doctor", "--pop3", "--json"]));
        let last = found.last().unwrap();
        assert_eq!((last["diagnosis"].as_str(), last["step"].as_str()), (id, step), "{last}");
        assert!(found.iter().any(|one| one["step"] == "pop3.capabilities"), "{found:#?}");
    }
    world.server.set_fault(None);
    let (_, _, steps) = examined(&world);
    assert!(!steps.iter().any(|one| one["step"].as_str().unwrap().starts_with("pop3")), "{steps:#?}");
}

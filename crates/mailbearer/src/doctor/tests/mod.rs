#[cfg(all(feature = "pop3", feature = "file-store"))]
mod faults;
#[cfg(feature = "pop3")]
mod walk;
#[cfg(all(feature = "pop3", feature = "file-store"))]
mod words;

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use mailbearer_mock::{Recording, Server as Mock, memory::Options};

use crate::{
    Account, ClientProof, Grant, Security, Server,
    grant::AssertionSource,
    token::{AccountKey, Kept, Pending, StoreError, StoreLock, TokenStore},
};

fn account(mock: &Mock) -> Account {
    Account::custom(mock.user(), mock.token_url(), mock.scope())
        .client_credentials(mock.client_id(), mock.client_secret())
        .imap(Server::new("localhost", mock.ports().imaps, Security::Implicit))
        .smtp(Server::new("localhost", mock.ports().smtp, Security::StartTls))
        .ca_pem(mock.ca_pem())
        .unwrap()
}

#[test]
fn a_report_has_the_steps_that_were_told() {
    let mock = Mock::start(Options::default()).unwrap();
    let mut told = Vec::new();
    let report = account(&mock).blocking().unwrap().examine(|step| told.push(step.name()));
    assert!(report.is_well() && report.diagnoses().is_empty(), "{:?}", report.steps);
    assert_eq!(told, report.steps.iter().map(crate::doctor::Step::name).collect::<Vec<_>>());
    assert!(told.iter().any(|name| name == "imap.inbox") && told.iter().any(|name| name == "smtp.reset"));
    let shown = format!("{report:?}");
    assert!(!shown.contains(mock.client_secret()) && !shown.contains(&mock.tokens().latest().unwrap()));
}

#[cfg(feature = "tokio")]
#[test]
fn both_runtimes_walk_alike() {
    let mock = Mock::start(Options::default()).unwrap();
    mock.set_fault(mailbearer_mock::memory::Fault::find("smtp-disabled-for-tenant"));
    let blocking = account(&mock).blocking().unwrap().examine(|_| ());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().unwrap();
    let client = account(&mock).tokio().unwrap();
    let tokio = runtime.block_on(client.examine(|_| ()));
    let told = |report: &crate::doctor::Report| {
        report.steps.iter().map(|step| (step.name(), step.outcome)).collect::<Vec<_>>()
    };
    assert_eq!(told(&blocking), told(&tokio));
    let ids: Vec<_> = tokio.diagnoses().iter().map(crate::doctor::Diagnosis::id).collect();
    assert_eq!(ids, ["smtp-disabled-for-tenant"]);
}

#[test]
fn a_password_is_examined_too() {
    let mut options = Options::default();
    options.personality = "dovecot".parse().unwrap();
    let mock = Mock::start(options).unwrap();
    let mut account = account(&mock);
    account.login = crate::Login::Password(mock.password().unwrap().into());
    let report = account.clone().blocking().unwrap().examine(|_| ());
    assert!(report.is_well(), "{:?}", report.steps);
    assert!(!report.steps.iter().any(|step| step.name().starts_with("token.")));
    account.login = crate::Login::Password("wrong".into());
    let report = account.blocking().unwrap().examine(|_| ());
    let first = report.diagnoses();
    assert_eq!(first.first().map(|first| first.step().name()).as_deref(), Some("imap.login"));
}

const SECRET: &str = "s3cret+Q&=%.";
const REFRESH: &str = "0.AXoA-refresh_token";
const PASSWORD: &str = "p4ssword of Ann";
const ASSERTION: &str = "eyJhbGciOi.signed-assertion";

/// Each grant, what the endpoint may know of it before it is asked, and what is sent for the first time then.
fn grants() -> Vec<(&'static str, Grant, ClientProof, &'static [&'static str], &'static str)> {
    let assertion = || -> Arc<dyn AssertionSource> { Arc::new(|| Ok(ASSERTION.into())) };
    let (secret, basic) = (ClientProof::Secret(SECRET.into()), ClientProof::Basic(SECRET.into()));
    let password = Grant::Password { username: "ann".into(), password: PASSWORD.into() };
    vec![
        ("client credentials", Grant::ClientCredentials, secret.clone(), &[SECRET], ""),
        ("in the head", Grant::ClientCredentials, basic, &[SECRET], ""),
        ("by an assertion", Grant::ClientCredentials, ClientProof::Assertion(assertion()), &[], ASSERTION),
        ("refresh token", Grant::RefreshToken(REFRESH.into()), secret.clone(), &[SECRET, REFRESH], ""),
        ("password", password, secret, &[SECRET, PASSWORD], ""),
        ("a person's, kept", Grant::Person(Box::default()), ClientProof::None, &[REFRESH], ""),
        ("assertion", Grant::JwtBearer(assertion()), ClientProof::None, &[], ASSERTION),
    ]
}

/// Holds a person's login.
struct Login;

impl TokenStore for Login {
    fn load<'a>(&'a self, _: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        let kept = Kept { refresh_token: Some(REFRESH.into()), ..Kept::default() };
        Box::pin(ready(Ok(Some(kept))))
    }

    fn save<'a>(&'a self, _: &'a AccountKey, _: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(ready(Ok(())))
    }

    fn lock<'a>(&'a self, _: &'a AccountKey, _: Duration) -> Pending<'a, Result<StoreLock, StoreError>> {
        Box::pin(ready(Ok(StoreLock::new(()))))
    }
}

/// The endpoint says what it knows from before in its answer to the request that has no secret, and then what it was sent:
/// neither the trace nor the report shows it.
#[test]
fn no_secret_that_a_token_endpoint_says_is_shown() {
    for (name, grant, client, before, new) in grants() {
        let said = before.join(" ");
        let document = format!("{{\"cloud_instance_name\":\"{said}\",\"tenant_region_scope\":\"{said}\"}}");
        let sent = format!("{said} {new}");
        let refusal = format!("{{\"error\":\"invalid_grant\",\"error_description\":\"{sent}\"}}");
        let answer = |status, said: &str, body: String| {
            let length = body.len();
            format!(
                "--TLS--\n--C HTTP--\nS: HTTP/1.1 {status} {said}\nS: X-Known: {said}\n\
                 S: Content-Length: {length}\nS: \nS: {body}\\\n--close--\n"
            )
        };
        let recording = format!(
            "--connection 1 token--\n{}--connection 2 token--\n{}",
            answer(200, &said, document),
            answer(400, &said, refusal)
        );
        let playing = Recording::parse(&recording).unwrap().play(|_| ()).unwrap();
        let url = format!("https://localhost:{}/t/oauth2/v2.0/token", playing.port("token").unwrap());
        let mut account = Account::custom("robot@mailbearer.test", url, "scope")
            .client_credentials("app", SECRET)
            .store(Login)
            .ca_pem(playing.ca_pem())
            .unwrap();
        let crate::Login::OAuth(oauth) = &mut account.login else { panic!() };
        (oauth.grant, oauth.client) = (grant, client);
        let seen = Arc::new(Mutex::new(String::new()));
        let told = Arc::clone(&seen);
        let note = move |line: &crate::TraceLine| {
            let mut told = told.lock().unwrap();
            told.push_str(&format!("{}\n", line.text));
            for part in &line.parts {
                if let mailbearer_wire::TracePart::Text(octets) = part {
                    told.push_str(&String::from_utf8_lossy(octets));
                }
            }
        };
        let report = crate::blocking::Client::traced(account, note).unwrap().examine(|_| ());
        let (seen, report) = (seen.lock().unwrap(), format!("{report:?}"));
        assert!(seen.contains("openid-configuration HTTP/1.1\n"), "{name}: {seen}");
        assert!(seen.contains("POST /t/oauth2"), "{name}: {seen}");
        assert!(seen.contains("X-Known: [redacted]\n") || before.is_empty(), "{name}: {seen}");
        assert!(report.contains("invalid_grant"), "{name}: {report}");
        for form in [SECRET, REFRESH, PASSWORD, ASSERTION].into_iter().flat_map(mailbearer_mock::spellings) {
            assert!(!seen.contains(&form), "{name}: {form} is in {seen}");
            assert!(!report.contains(&form), "{name}: {form} is in {report}");
        }
    }
}

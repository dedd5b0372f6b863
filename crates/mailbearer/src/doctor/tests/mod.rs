#[cfg(all(feature = "pop3", feature = "file-store"))]
mod faults;
#[cfg(feature = "pop3")]
mod walk;
#[cfg(all(feature = "pop3", feature = "file-store"))]
mod words;

use std::sync::{Arc, Mutex};

use mailbearer_mock::{Server as Mock, memory::Options};

use crate::{Account, Security, Server};

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

/// The server may know the secrets from before. Wherever it says them in its answer to the request that has none, the trace
/// does not.
#[test]
fn the_request_for_the_directory_shows_no_secret() {
    let (secret, refresh) = ("s3cret+Q&=%.", "0.AXoA-refresh_token");
    let document = format!("{{\"cloud_instance_name\":\"{secret}\",\"tenant_region_scope\":\"{refresh}\"}}");
    let transcript = format!(
        "--TLS--\n--C HTTP--\nS: HTTP/1.1 200 {secret}\nS: X-Known: {refresh}\nS: Content-Length: {}\nS: \n\
         S: {document}\\\n--close--\n",
        document.len()
    );
    let (address, serving) = mailbearer_mock::serve(transcript.parse().unwrap()).unwrap();
    let url = format!("https://localhost:{}/t/oauth2/v2.0/token", address.port());
    let mut account = Account::custom("robot@mailbearer.test", url, "scope")
        .client_credentials("app", secret)
        .ca_pem(serving.ca_pem())
        .unwrap();
    let crate::Login::OAuth(oauth) = &mut account.login else { panic!() };
    oauth.grant = crate::Grant::RefreshToken(refresh.into());
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
    serving.join().unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.contains("openid-configuration HTTP/1.1\n"), "{seen}");
    assert!(seen.contains("HTTP/1.1 200 [redacted]\n"), "{seen}");
    assert!(seen.contains("X-Known: [redacted]\n"), "{seen}");
    let report = format!("{report:?}");
    for form in [secret, refresh].into_iter().flat_map(mailbearer_mock::spellings) {
        assert!(!seen.contains(&form), "{form} is in {seen}");
        assert!(!report.contains(&form), "{form} is in {report}");
    }
}

//! curl with its OAuth options.

use std::process::Command;

use mailbearer_mock::memory::{Options, Personality};

use crate::foreign::{Bench, Done, run};

/// Runs curl; `config` is a file of its options, so that no secret is among the arguments.
fn curl(bench: &Bench, config: &str) -> Done {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "20", "--config", "-", "--cacert"]);
    run(command.arg(bench.ca_file()), config)
}

fn token(bench: &Bench) -> String {
    let server = &bench.server;
    let config = format!(
        "url = {:?}\ndata = \"grant_type=client_credentials\"\ndata-urlencode = \"client_id={}\"\n\
         data-urlencode = \"client_secret={}\"\ndata-urlencode = \"scope={}\"\n",
        server.token_url(),
        server.client_id(),
        server.client_secret(),
        server.scope(),
    );
    let body: serde_json::Value = serde_json::from_str(&curl(bench, &config).out()).unwrap();
    assert_eq!(body["token_type"], "Bearer", "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

fn login(bench: &Bench, token: &str, mechanism: &str) -> String {
    let user = bench.server.user();
    format!("user = \"{user}:\"\noauth2-bearer = \"{token}\"\nlogin-options = \"AUTH={mechanism}\"\n")
}

/// It has both mechanisms; Exchange has one.
fn dovecot() -> Bench {
    let mut options = Options::default();
    options.personality = Personality::Dovecot;
    Bench::start(options)
}

#[test]
fn token_send_list() {
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let bench = dovecot();
        let ports = bench.server.ports();
        let login = login(&bench, &token(&bench), mechanism);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "Subject: from curl\r\n\r\n.dot\r\n").unwrap();
        for url in [format!("smtp://localhost:{}", ports.smtp), format!("smtps://localhost:{}", ports.smtps)]
        {
            let config = format!(
                "{login}url = \"{url}\"\nssl-reqd\nmail-from = \"robot@mailbearer.test\"\n\
                 mail-rcpt = \"ann@example.net\"\nupload-file = {:?}\n",
                file.path()
            );
            curl(&bench, &config).out();
        }
        let messages = bench.server.mailbox().messages("INBOX");
        let octets: Vec<_> = messages.iter().map(|message| &*message.octets).collect();
        assert_eq!(octets, [b"Subject: from curl\r\n\r\n.dot\r\n"; 2], "{mechanism}");

        for scheme in
            [format!("imaps://localhost:{}", ports.imaps), format!("imap://localhost:{}", ports.imap)]
        {
            let get =
                |path: &str| curl(&bench, &format!("{login}ssl-reqd\nurl = \"{scheme}/{path}\"\n")).out();
            assert!(get("").contains("\"INBOX\"") || get("").contains(" INBOX"), "{mechanism}: {}", get(""));
            assert_eq!(get("INBOX?ALL"), "* SEARCH 1 2\r\n", "{mechanism}");
            let header = get("INBOX;UID=2;SECTION=HEADER.FIELDS%20(SUBJECT)");
            assert_eq!(header, "Subject: from curl\r\n\r\n", "{mechanism}");
            assert_eq!(get("INBOX;UID=1"), "Subject: from curl\r\n\r\n.dot\r\n", "{mechanism}");
        }
    }
}

#[test]
fn a_mailbox_by_pop3() {
    let mut options = Options::default();
    options.personality = Personality::Gmail;
    let bench = Bench::start(options);
    for text in ["one", "two"] {
        bench.server.mailbox().deliver(format!("Subject: {text}\r\n\r\n.dot\r\n").into_bytes()).unwrap();
    }
    let ports = bench.server.ports();
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let login = login(&bench, &token(&bench), mechanism);
        for url in [format!("pop3s://localhost:{}", ports.pop3s), format!("pop3://localhost:{}", ports.pop3)]
        {
            let get = |path: &str| curl(&bench, &format!("{login}ssl-reqd\nurl = \"{url}/{path}\"\n")).out();
            assert_eq!(get(""), "1 22\r\n2 22\r\n", "{mechanism}");
            assert_eq!(get("2"), "Subject: two\r\n\r\n.dot\r\n", "{mechanism}");
        }
        let done = curl(
            &bench,
            &format!(
                "{}url = \"pop3s://localhost:{}\"\n",
                self::login(&bench, "wrong", mechanism),
                ports.pop3s
            ),
        );
        assert_eq!(done.code, Some(67), "{mechanism}: {done:?}");
    }
}

#[test]
fn a_wrong_token_is_refused() {
    let bench = dovecot();
    let ports = bench.server.ports();
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let login = login(&bench, "wrong", mechanism);
        for url in
            [format!("imaps://localhost:{}/INBOX", ports.imaps), format!("smtps://localhost:{}", ports.smtps)]
        {
            let done = curl(&bench, &format!("{login}url = \"{url}\"\n"));
            // 67: the user name, password or similar was not accepted.
            assert_eq!(done.code, Some(67), "{mechanism} {url}: {done:?}");
        }
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let mut options = Options::default();
    options.certificate = mailbearer_mock::Certificate::OtherName;
    let bench = Bench::start(options);
    let ports = bench.server.ports();
    for url in [
        bench.server.token_url(),
        format!("imaps://localhost:{}", ports.imaps),
        format!("smtps://localhost:{}", ports.smtps),
    ] {
        let done = curl(&bench, &format!("url = \"{url}\"\n"));
        // 60: the certificate can't be verified.
        assert_eq!(done.code, Some(60), "{url}: {done:?}");
    }
}

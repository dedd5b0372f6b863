//! Python's standard library: urllib, smtplib, imaplib.

use std::{env, ffi::OsStr, path::Path, process::Command};

use mailbearer_mock::memory::{Options, Personality};

use crate::foreign::{Bench, Done, run};

fn python(bench: &Bench, script: &str, settings: &[(&str, &str)]) -> Done {
    python_of("python3".as_ref(), bench, script, settings)
}

fn python_of(interpreter: &OsStr, bench: &Bench, script: &str, settings: &[(&str, &str)]) -> Done {
    let server = &bench.server;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(script);
    let mut command = Command::new(interpreter);
    command
        .arg(script)
        .env("PYTHONIOENCODING", "utf-8")
        .env("CA_FILE", bench.ca_file())
        .env("TOKEN_URL", server.token_url())
        .env("CLIENT_ID", server.client_id())
        .env("CLIENT_SECRET", server.client_secret())
        .env("SCOPE", server.scope())
        .env("USER_NAME", server.user())
        .env("SMTP_PORT", server.ports().smtp.to_string())
        .env("POP3_PORT", server.ports().pop3s.to_string())
        .env("IMAP_PORT", server.ports().imaps.to_string())
        .env("STARTTLS", "0")
        .env("INLINE", "0")
        .envs(settings.iter().copied());
    run(&mut command, "")
}

#[test]
fn token_send_list() {
    let bench = Bench::start(Options::default());
    let token = python(&bench, "token.py", &[]).out();
    let token = token.trim();
    assert_eq!(bench.server.tokens().latest().as_deref(), Some(token));

    assert_eq!(python(&bench, "send.py", &[("TOKEN", token)]).out(), "");
    let messages = bench.server.mailbox().messages("INBOX");
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message.envelope.as_ref().unwrap().to, ["ann@example.net"]);
    let body = "\r\n\r\nSchöne Grüße\r\n.\r\n..\r\nEnde\r\n";
    assert!(message.octets.ends_with(body.as_bytes()), "{}", String::from_utf8_lossy(&message.octets));

    assert_eq!(python(&bench, "list.py", &[("TOKEN", token)]).out(), "1 Grüße aus Python\n");
    let port = bench.server.ports().imap.to_string();
    let starttls = [("TOKEN", token), ("STARTTLS", "1"), ("IMAP_PORT", &port), ("CHANGE", "1")];
    assert_eq!(python(&bench, "list.py", &starttls).out(), "1 Grüße aus Python\n");
    assert!(bench.server.mailbox().messages("INBOX").is_empty());
    assert_eq!(bench.server.mailbox().messages("Deleted Items").len(), 1);
    let drafts = bench.server.mailbox().messages("Drafts");
    assert_eq!(
        (drafts[0].internal_date.0, drafts[0].flags.as_slice()),
        (86_400, &["\\Draft".to_owned()][..])
    );
}

#[test]
fn a_mailbox_by_pop3() {
    for (personality, inline) in [(Personality::Exchange, "0"), (Personality::Dovecot, "1")] {
        let mut options = Options::default();
        options.personality = personality;
        let bench = Bench::start(options);
        for text in ["one", "two"] {
            bench
                .server
                .mailbox()
                .deliver(format!("Subject: {text}\r\n\r\n.\r\n..\r\n").into_bytes())
                .unwrap();
        }
        let token = python(&bench, "token.py", &[]).out();
        let stls = bench.server.ports().pop3.to_string();
        let settings = [("TOKEN", token.trim()), ("INLINE", inline)];
        let done = python(&bench, "pop3.py", &settings).out();
        assert_eq!(done, "1 23 one\n2 23 two\n", "{personality}");
        let starttls = [&settings[..], &[("STARTTLS", "1"), ("POP3_PORT", &stls), ("CHANGE", "1")]].concat();
        assert_eq!(python(&bench, "pop3.py", &starttls).out(), "1 23 one\n2 23 two\n", "{personality}");
        assert_eq!(bench.server.mailbox().messages("INBOX").len(), 1, "{personality}");
        let done = python(&bench, "pop3.py", &[("TOKEN", "wrong"), ("INLINE", "0")]);
        assert!(done.err.contains("-ERR"), "{personality}: {done:?}");
    }
}

#[test]
fn a_short_token_goes_inline() {
    let mut options = Options::default();
    options.token_octets = 200;
    let bench = Bench::start(options);
    let token = python(&bench, "token.py", &[]).out();
    let done = python(&bench, "send.py", &[("TOKEN", token.trim()), ("INLINE", "1")]);
    assert!(done.success, "{done:?}");
}

#[test]
fn new_mail_is_told_to_who_listens() {
    let bench = Bench::start(Options::default());
    let token = python(&bench, "token.py", &[]).out();
    assert_eq!(python(&bench, "idle.py", &[("TOKEN", token.trim())]).out(), "");
}

#[test]
fn refusals_come_with_their_reason() {
    let bench = Bench::start(Options::default());
    let done = python(&bench, "token.py", &[("CLIENT_SECRET", "wrong")]);
    assert!(done.err.starts_with("401 invalid_client: AADSTS7000215: Invalid client secret"), "{done:?}");
    assert!(done.err.contains("[7000215]"), "{done:?}");

    // Exchange tells none of a token.
    for (personality, smtp, imap, scope) in [
        (Personality::Exchange, "535 5.7.3 Authentication unsuccessful", "AUTHENTICATE failed.", None),
        (Personality::Dovecot, "535 5.7.8 Error", "Authentication failed.", Some("mail")),
        (Personality::Gmail, "5.7.8", "Invalid credentials (Failure)", Some("https://mail.google.com/")),
    ] {
        let mut options = Options::default();
        options.personality = personality;
        let bench = Bench::start(options);
        for (script, words) in [("send.py", smtp), ("list.py", imap)] {
            let done = python(&bench, script, &[("TOKEN", "wrong")]);
            assert!(done.err.contains(words), "{personality}: {done:?}");
            let told = |member: &str| done.err.contains(member);
            let all = |scope: &str| {
                told(r#""schemes":"Bearer""#)
                    && told(&format!(r#""scope":"{scope}""#))
                    && told(r#""status":"400""#)
            };
            assert_eq!(scope.is_some_and(all), told("schemes"), "{personality}: {done:?}");
            assert_eq!(scope.is_some(), told("schemes"), "{personality}: {done:?}");
        }
    }
}

#[test]
fn an_unknown_certificate_is_refused() {
    let bench = Bench::start(Options::default());
    let other = Bench::start(Options::default());
    let ca_file = other.ca_file().to_str().unwrap();
    for script in ["token.py", "send.py", "list.py"] {
        let done = python(&bench, script, &[("CA_FILE", ca_file), ("TOKEN", "x")]);
        assert!(done.err.contains("CERTIFICATE_VERIFY_FAILED"), "{script}: {done:?}");
    }
}

#[test]
fn microsofts_library_gets_tokens_by_each_flow() {
    let bench = Bench::start(Options::default());
    bench.server.set_device_interval(1);
    let authority = bench.server.token_url().replace("/oauth2/v2.0/token", "");
    let control = bench.server.control_url();
    let ca_file = bench.ca_file().display().to_string();
    // The variable would count for more than what the script says.
    let settings =
        [("AUTHORITY", authority.as_str()), ("CONTROL_URL", &control), ("REQUESTS_CA_BUNDLE", &ca_file)];
    // Debian's packages are its own interpreter's. Another one may have another version of the library.
    let interpreter = env::var_os("MAILBEARER_TEST_PYTHON").unwrap_or_else(|| "/usr/bin/python3".into());
    let out = python_of(&interpreter, &bench, "microsoft/flows.py", &settings).out();
    assert_eq!(out, "code None\ncode form_post\ninstance\nsilent\nrefresh\nrefused\ndevice\nclient\n");
}

//! A certificate for another name, and one of an unknown authority, are refused on each protocol.

use std::fs;

use mailbearer::{Account, Error, Security};
use mailbearer_mock::{Certificate, memory::Options};

use crate::servers::{self, setting, tokio};

#[test]
fn another_name_is_refused() {
    let endpoint = servers::endpoint(&setting("TOKEN"));
    let account = servers::account(&setting("USER"), &endpoint);
    for (imap, smtp, security) in [
        ("OTHER_NAME_IMAPS_PORT", "OTHER_NAME_SUBMISSIONS_PORT", Security::Implicit),
        ("OTHER_NAME_IMAP_PORT", "OTHER_NAME_SUBMISSION_PORT", Security::StartTls),
    ] {
        let mut account = account.clone();
        account.imap = Some(servers::server(imap, security));
        account.smtp = Some(servers::server(smtp, security));
        check(account, &format!("{security:?}"));
    }
    let mut options = Options::default();
    options.certificate = Certificate::OtherName;
    let endpoint = mailbearer_mock::Server::start(options).unwrap();
    check_token(servers::account(&setting("USER"), &endpoint));
}

#[test]
fn an_unknown_authority_is_refused() {
    let endpoint = servers::endpoint(&setting("TOKEN"));
    let untrusted = fs::read(setting("UNTRUSTED_CA_FILE")).unwrap();
    let both = [&untrusted, endpoint.ca_pem().as_bytes()].concat();
    let account = servers::account(&setting("USER"), &endpoint).ca_pem(both).unwrap();
    for (imap, smtp, security) in [
        ("IMAPS_PORT", "SUBMISSIONS_PORT", Security::Implicit),
        ("IMAP_PORT", "SUBMISSION_PORT", Security::StartTls),
    ] {
        let mut account = account.clone();
        account.imap = Some(servers::server(imap, security));
        account.smtp = Some(servers::server(smtp, security));
        check(account, &format!("{security:?}"));
    }
    check_token(account.ca_pem(untrusted).unwrap());
}

fn check_token(account: Account) {
    refused(&account.clone().blocking().unwrap().token().unwrap_err(), "token");
    tokio(async { refused(&account.tokio().unwrap().token().await.unwrap_err(), "token, tokio") });
}

fn check(account: Account, name: &str) {
    let robot = account.clone().blocking().unwrap();
    refused(&robot.connect_imap().err().unwrap(), &format!("IMAP, {name}"));
    refused(&robot.connect_smtp().err().unwrap(), &format!("SMTP, {name}"));
    tokio(async {
        let robot = account.tokio().unwrap();
        refused(&robot.connect_imap().await.err().unwrap(), &format!("IMAP, {name}, tokio"));
        refused(&robot.connect_smtp().await.err().unwrap(), &format!("SMTP, {name}, tokio"));
    });
}

fn refused(error: &Error, name: &str) {
    assert!(error.is_certificate(), "{name}: {error:?}");
    assert!(error.to_string().contains("certificate"), "{name}: {error}");
}

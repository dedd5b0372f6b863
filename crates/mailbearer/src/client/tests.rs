use std::{
    future::ready,
    sync::atomic::{AtomicUsize, Ordering},
};

use mailbearer_imap::session as imap;
use mailbearer_net::{DriveError, Machine, Step};
#[cfg(feature = "pop3")]
use mailbearer_pop3 as pop3;
use mailbearer_smtp as smtp;
use mailbearer_wire::{RecvBuf, SendBuf};

use super::*;
use crate::SourceError;

fn refused(code: u16) -> smtp::Error {
    let mechanism = mailbearer_sasl::Mechanism::XOAuth2;
    smtp::Error::Auth { mechanism, reply: smtp::Reply::new(code, "no"), reason: None }
}

fn token(name: String) -> Token {
    Token::new(name, SystemTime::now().checked_add(Duration::from_secs(3600)))
}

fn robot() -> Client {
    let account =
        Account::custom("robot@mail.test", "https://localhost:1/", "x").client_credentials("id", "s");
    account.blocking().unwrap()
}

/// When many share a client and all are refused, they must not overload the server or the token endpoint.
#[test]
fn a_refusal_is_tried_again_once_whoever_fetches_tokens_meanwhile() {
    let client = robot();
    client.keep_token(token("first".into()));
    let attempts = AtomicUsize::new(0);
    let attempt = |_| {
        let before = attempts.fetch_add(1, Ordering::Relaxed);
        assert!(before < 10, "goes on and on");
        client.keep_token(token(format!("another{before}")));
        ready(Err::<(), _>(Error::smtp(DriveError::Machine(refused(535)))))
    };
    let result = Blocking::task(async { client.with_token(Protocol::IMAP, attempt).await.map(drop) });
    let error = result.unwrap_err();
    assert!(error.is_auth(), "{error}");
    assert_eq!(attempts.into_inner(), 2);
}

fn of_smtp(code: u16, text: &str) -> Error {
    let mechanism = mailbearer_sasl::Mechanism::XOAuth2;
    let reply = smtp::Reply::new(code, text);
    Error::smtp(DriveError::Machine(smtp::Error::Auth { mechanism, reply, reason: None }))
}

/// Returns the error of a login to an IMAP server with these mechanisms and this answer.
fn of_imap(mechanisms: &str, answer: &str) -> Error {
    let mut session = imap::Session::new(imap::Options::new("h", 993, Security::Implicit));
    session.authenticate(Credentials::bearer("u", "t").unwrap()).unwrap();
    let (mut rx, mut tx) = (RecvBuf::with_limit(4096), SendBuf::new());
    let greeting = format!("* OK [CAPABILITY IMAP4rev1 SASL-IR {mechanisms}] hi\r\n");
    let mut lines = [greeting, format!("{answer}\r\n")].into_iter();
    loop {
        match session.step(&mut rx, &mut tx) {
            Ok(Step::Read) => {
                tx.sent(tx.unsent().len());
                rx.extend(lines.next().unwrap().as_bytes()).unwrap();
            }
            Ok(_) => {}
            Err(error) => return Error::imap(DriveError::Machine(error)),
        }
    }
}

#[cfg(feature = "pop3")]
fn of_pop3(text: &str) -> Error {
    let (mechanism, reply) = (Some(mailbearer_sasl::Mechanism::XOAuth2), pop3::Reply::new(false, text));
    Error::pop3(DriveError::Machine(pop3::Error::Auth { mechanism, reply, reason: None }))
}

/// There is one retry, and only for a token from an earlier run that was refused as such. There is none if the
/// server offers no fitting mechanism, says 4yz, or says the same of any token.
#[test]
fn a_server_that_refuses_something_else_is_asked_once() {
    fn no_mechanism() -> Error {
        Error::smtp(DriveError::Machine(smtp::Error::NoMechanism { offered: vec!["LOGIN".into()] }))
    }
    let rows: Vec<(&str, fn() -> Error, usize)> = vec![
        ("SMTP refused", || of_smtp(535, "5.7.3 Authentication unsuccessful"), 2),
        ("SMTP refused, in other words", || of_smtp(550, "5.7.1 no"), 2),
        ("SMTP no mechanism", no_mechanism, 1),
        ("SMTP 454", || of_smtp(454, "4.7.0 Temporary authentication failure"), 1),
        ("SMTP 421", || of_smtp(421, "4.3.2 Service not available"), 1),
        (
            "SMTP switched off",
            || of_smtp(535, "5.7.139 SmtpClientAuthentication is disabled for the Tenant"),
            1,
        ),
        ("SMTP mechanism", || of_smtp(504, "5.7.4 Unrecognized authentication type"), 1),
        ("SMTP too weak", || of_smtp(534, "5.7.9 Mechanism too weak"), 1),
        ("SMTP not understood", || of_smtp(502, "5.5.1 Command not implemented"), 1),
        ("SMTP too often", || of_smtp(535, "5.7.0 Too many login attempts"), 1),
        ("IMAP refused", || of_imap("AUTH=XOAUTH2", "A1 NO AUTHENTICATE failed."), 2),
        ("IMAP refused by code", || of_imap("AUTH=XOAUTH2", "A1 NO [AUTHENTICATIONFAILED] no"), 2),
        ("IMAP expired", || of_imap("AUTH=XOAUTH2", "A1 NO [EXPIRED] no"), 2),
        ("IMAP no mechanism", || of_imap("AUTH=LOGIN", ""), 1),
        ("IMAP unavailable", || of_imap("AUTH=XOAUTH2", "A1 NO [UNAVAILABLE] later"), 1),
        ("IMAP too many", || of_imap("AUTH=XOAUTH2", "A1 NO [ALERT] Too many simultaneous connections"), 1),
        ("IMAP throttled", || of_imap("AUTH=XOAUTH2", "A1 BAD Request is throttled."), 1),
        ("IMAP no mailbox", || of_imap("AUTH=XOAUTH2", "A1 BAD User is authenticated but not connected."), 1),
        ("IMAP goodbye", || of_imap("AUTH=XOAUTH2", "* BYE Connection closed. 14"), 1),
        #[cfg(feature = "pop3")]
        ("POP3 refused", || of_pop3("[AUTH] no"), 2),
        #[cfg(feature = "pop3")]
        ("POP3 later", || of_pop3("[SYS/TEMP] later"), 1),
        #[cfg(feature = "pop3")]
        ("POP3 in use", || of_pop3("[IN-USE] locked"), 1),
        #[cfg(feature = "pop3")]
        ("POP3 not understood", || of_pop3("Protocol error. Connection is closed. 10"), 1),
    ];
    for (name, refusal, want) in rows {
        for fresh in [false, true] {
            let client = robot();
            client.keep_token(token("kept".into()));
            let attempts = AtomicUsize::new(0);
            let attempt = |_| {
                let before = attempts.fetch_add(1, Ordering::Relaxed);
                client.keep_token(token(format!("another{before}")));
                ready(Err::<(), _>(refusal()))
            };
            let lease = Blocking::task(client.lease()).unwrap();
            let lease = lease.map(|lease| Lease { fresh, ..lease });
            let result =
                Blocking::task(async { client.with_lease(lease, Protocol::IMAP, attempt).await.map(drop) });
            assert!(result.is_err(), "{name}");
            assert_eq!(attempts.into_inner(), if fresh { 1 } else { want }, "{name}, fresh: {fresh}");
        }
    }
}

/// A source is asked again once. Whatever it says then, the error is what the server said.
#[test]
fn a_refused_token_of_a_source_is_the_servers_error() {
    type Answer = fn(usize) -> Result<Token, SourceError>;
    let rows: [(&str, Answer, usize); 3] = [
        ("the same", |_| Ok(token("one".into())), 1),
        ("another", |count| Ok(token(count.to_string())), 2),
        ("no other", |count| if count == 0 { Ok(token("one".into())) } else { Err("none".into()) }, 1),
    ];
    for (name, answer, want) in rows {
        let asked = AtomicUsize::new(0);
        let account = Account::with_source("robot@mail.test", move |refused| {
            let before = asked.fetch_add(1, Ordering::Relaxed);
            assert_eq!(refused.is_some(), before > 0, "the refused one is shown");
            answer(before)
        });
        let client = account.blocking().unwrap();
        let attempts = AtomicUsize::new(0);
        let attempt = |_| {
            attempts.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(Error::smtp(DriveError::Machine(refused(535)))))
        };
        let result = Blocking::task(async { client.with_token(Protocol::IMAP, attempt).await.map(drop) });
        let error = result.unwrap_err();
        assert!(error.is_auth() && error.to_string().contains("535"), "{name}: {error}");
        assert_eq!(attempts.into_inner(), want, "{name}");
    }
}

#[test]
fn a_source_without_a_token_says_why() {
    let account =
        Account::with_source("robot@mail.test", |_: Option<&Token>| Err("broker is\u{1b}[2J away".into()));
    let error = account.blocking().unwrap().token().unwrap_err();
    assert_eq!(error.to_string(), "token: broker is\\x1b[2J away");
}

#[test]
fn a_password_needs_no_token() {
    let account = Account::new("ann@mail.test", Login::Password("hunter2".into()));
    assert!(!format!("{account:?}").contains("hunter2"));
    let client = account.blocking().unwrap();
    assert!(client.token().unwrap_err().is_configuration());
    let attempt = |credentials: Credentials| {
        assert!(!credentials.is_bearer());
        ready(Ok::<_, Error>(()))
    };
    Blocking::task(async { client.with_token(Protocol::IMAP, attempt).await.map(drop) }).unwrap();
    let account = Account::new("ann@mail.test", Login::Password("".into()));
    assert!(account.blocking().unwrap_err().is_configuration());
}

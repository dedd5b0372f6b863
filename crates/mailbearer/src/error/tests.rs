use std::{io, mem::size_of};

use mailbearer_imap::session as imap;
use mailbearer_mime::{Address, Message, compose};
use mailbearer_net::{self as net, DriveError};
use mailbearer_oauth::{self as oauth, ErrorResponse};
use mailbearer_smtp as smtp;
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use super::*;

fn token(name: &str) -> Error {
    let mut refusal = ErrorResponse::default();
    (refusal.error, refusal.http_status) = (name.into(), 400);
    Error::token_response(oauth::Error::Refused(Box::new(refusal)))
}

/// A code is only shown again if nobody looked at it.
#[test]
fn what_surely_did_nothing() {
    let net = |stage| Error::token_net(net::Error::Timeout { stage, after: std::time::Duration::ZERO });
    let broken = |stage| Error::token_net(net::Error::Io { stage, source: io::Error::other("x") });
    let status = |status| {
        Error::token_response(oauth::Error::Status { status, retry_after: None, excerpt: String::new() })
    };
    let named = |name: &str, status| {
        let mut refusal = ErrorResponse::default();
        (refusal.error, refusal.http_status) = (name.into(), status);
        Error::token_response(oauth::Error::Refused(Box::new(refusal)))
    };
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    for (name, error, want) in [
        (
            "no address",
            Error::token_net(net::Error::LookUp { host: "h".into(), source: io::Error::other("x") }),
            true,
        ),
        (
            "refused",
            Error::token_net(net::Error::Connect { host: "h".into(), port: 1, source: refused }),
            true,
        ),
        ("handshake timed out", net(net::Stage::Handshake), true),
        ("handshake broke", broken(net::Stage::Handshake), true),
        ("no answer", net(net::Stage::Read), false),
        ("the whole took too long", net(net::Stage::Opening), false),
        ("broken while reading", broken(net::Stage::Read), false),
        ("broken while writing", broken(net::Stage::Write), false),
        ("closed", Error::token_closed(), false),
        ("too many", status(429), true),
        ("unavailable", status(503), true),
        ("internal error", status(500), false),
        ("bad gateway", status(502), false),
        ("gateway timeout", status(504), false),
        ("unavailable by name", named("temporarily_unavailable", 400), true),
        ("error by name", named("server_error", 500), false),
        ("no", named("invalid_grant", 400), false),
        ("busy by status", named("too_many", 429), true),
    ] {
        assert_eq!(error.did_nothing(), want, "{name}: {error}");
    }
}

fn look_up() -> Error {
    Error::imap_net(net::Error::LookUp { host: "h".into(), source: io::Error::other("x") })
}

fn connect(source: io::Error) -> Error {
    Error::imap_net(net::Error::Connect { host: "h".into(), port: 1, source })
}

fn reply(code: u16, text: &str) -> smtp::Reply {
    smtp::Reply::new(code, text)
}

fn refused(stage: smtp::Stage, code: u16, text: &str) -> Error {
    Error::smtp(DriveError::Machine(smtp::Error::Refused { stage, reply: reply(code, text) }))
}

#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

#[test]
fn each_failure_has_its_kind_and_predicates() {
    let message = |code, text: &str| Error::message(smtp::Refusal::Message { reply: reply(code, text) });
    // Auth, transient, configuration, session over.
    let rows: &[(&str, Error, Kind, [bool; 4])] = &[
        ("settings", Error::settings("x".into()), Kind::Settings, [false, false, true, false]),
        (
            "no server",
            Error::missing(Missing::Server(Protocol::IMAP)),
            Kind::Missing(Missing::Server(Protocol::IMAP)),
            [false, false, true, false],
        ),
        (
            "refused",
            connect(io::Error::from_raw_os_error(111)),
            Kind::Unreachable,
            [false, true, false, true],
        ),
        ("no address", look_up(), Kind::NoAddress, [false, true, false, true]),
        ("no answer", connect(io::ErrorKind::TimedOut.into()), Kind::Timeout, [false, true, false, true]),
        (
            "host",
            Error::imap_net(net::Error::InvalidHost("x y".into())),
            Kind::Settings,
            [false, false, true, false],
        ),
        (
            "broken",
            Error::imap_net(net::Error::Io {
                stage: net::Stage::Read,
                source: io::ErrorKind::ConnectionReset.into(),
            }),
            Kind::Broken,
            [false, true, false, true],
        ),
        ("client", token("invalid_client"), Kind::Auth, [true, false, true, false]),
        ("grant", token("invalid_grant"), Kind::Auth, [true, false, false, false]),
        ("scope", token("invalid_scope"), Kind::Settings, [true, false, true, false]),
        ("busy", token("temporarily_unavailable"), Kind::Busy, [false, true, false, false]),
        (
            "no mechanism",
            Error::smtp(DriveError::Machine(smtp::Error::NoMechanism { offered: Vec::new() })),
            Kind::Auth,
            [true, false, false, true],
        ),
        ("AUTH", refused(smtp::Stage::Auth, 535, "no"), Kind::Refused, [false, false, false, true]),
        ("AUTH later", refused(smtp::Stage::Auth, 454, "no"), Kind::Busy, [false, true, false, true]),
        ("message", message(554, "no"), Kind::Refused, [false, false, false, false]),
        ("later", message(432, "no"), Kind::Busy, [false, true, false, false]),
        ("530", message(530, "no"), Kind::Auth, [true, false, false, false]),
        ("8 bits", smtp::Misuse::EightBit.into(), Kind::Message, [false, false, false, false]),
        ("over", smtp::Misuse::Over.into(), Kind::Misuse, [false, false, false, false]),
        ("ended", imap::Misuse::Ended.into(), Kind::Misuse, [false, false, false, false]),
        ("compose", compose::Error::NoRecipients.into(), Kind::Message, [false, false, false, false]),
        ("closed", Error::imap_closed(), Kind::Closed, [false, true, false, true]),
        ("too large", Error::too_large(7), Kind::TooLarge { limit: 7 }, [false, false, false, false]),
        ("upload", Error::unfinished(), Kind::Unfinished, [false, false, false, false]),
    ];
    for (name, error, kind, want) in rows {
        assert_eq!(error.kind(), *kind, "{name}");
        let got = [error.is_auth(), error.is_transient(), error.is_configuration(), error.ended_session()];
        assert_eq!(got, *want, "{name}");
    }
}

#[test]
fn the_cause_can_be_had_in_its_own_type() {
    let robot = Address::parse("robot@example.org").unwrap();
    let client = crate::Account::custom("robot@example.org", "https://localhost/", "x");
    let client = client.client_credentials("id", "s").blocking().unwrap();
    let error = client.compose(&Message::new(robot)).unwrap_err();
    assert_eq!(error.cause(), Some(&compose::Error::NoRecipients));
    assert_eq!(error.cause::<smtp::Refusal>(), None);
    let error = refused(smtp::Stage::Auth, 535, "no");
    assert!(matches!(error.cause(), Some(smtp::Error::Refused { .. })), "{error:?}");
    assert_eq!(error.protocol().map(Protocol::name), Some("SMTP"));
}

#[test]
fn waits_are_told_for_every_protocol() {
    let wait = |error: Error| error.retry_after().map(|wait| wait.as_secs());
    assert_eq!(wait(refused(smtp::Stage::Greeting, 421, "try again in 90 seconds")), Some(90));
    assert_eq!(wait(refused(smtp::Stage::Greeting, 554, "try again in 90 seconds")), None);
    let greylisted = smtp::Refusal::Recipients {
        refused: vec![("a@x".into(), reply(450, "4.2.0 Greylisted for 5 minutes"))],
    };
    assert_eq!(wait(Error::message(greylisted)), Some(300));
    assert_eq!(wait(Error::backoff("x", Duration::from_secs(3))), Some(3));
}

/// The codes for temporary failures come with a time, in seconds or as a date, and say nothing about credentials.
#[test]
fn an_endpoint_that_asks_to_come_back_later_says_when() {
    let bodies = [
        ("slow_down", r#"{"error":"slow_down"}"#),
        ("temporarily_unavailable", r#"{"error":"temporarily_unavailable"}"#),
        (
            "AADSTS50196",
            r#"{"error":"invalid_grant","error_description":"AADSTS50196: a request loop","error_codes":[50196]}"#,
        ),
    ];
    let times = [
        ("seconds", "Retry-After: 37"),
        ("a date", "Date: Thu, 26 Nov 2026 10:00:00 GMT\r\nRetry-After: Thu, 26 Nov 2026 10:00:37 GMT"),
    ];
    for (name, body) in bodies {
        for (how, head) in times {
            let endpoint = oauth::Endpoint::parse("https://a.example/t").unwrap();
            let client = oauth::Client::with_secret("id", "s3cret-of-it");
            let request = oauth::TokenRequest::client_credentials(endpoint, client, "scope");
            let mut exchange = oauth::TokenExchange::new(&request);
            let (mut rx, mut tx) = (RecvBuf::with_limit(oauth::TokenExchange::RECV_LIMIT), SendBuf::new());
            let length = body.len();
            let response = format!("HTTP/1.1 400 x\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
            let failure = loop {
                match exchange.step(&mut rx, &mut tx) {
                    Ok(Step::Flush) => tx.sent(usize::MAX),
                    Ok(Step::Read) => {
                        tx.sent(usize::MAX);
                        rx.extend(response.as_bytes()).unwrap();
                    }
                    Ok(step) => panic!("{name}: {step:?}"),
                    Err(error) => break error,
                }
            };
            let error = Error::token(DriveError::Machine(failure));
            assert_eq!(error.retry_after(), Some(Duration::from_secs(37)), "{name} in {how}: {error:?}");
            assert!(error.is_transient() && !error.is_auth(), "{name}: {error:?}");
            assert_eq!(error.kind(), Kind::Busy, "{name}");
        }
    }
}

#[test]
fn an_unknown_outcome_is_told_once_and_is_not_tried_again() {
    let closed = || smtp::Error::Closed { stage: smtp::Stage::FinalDot };
    let unknown = smtp::Error::OutcomeUnknown { cause: Box::new(closed()) };
    let cut = Error::smtp_net(net::Error::Io {
        stage: net::Stage::Read,
        source: io::ErrorKind::ConnectionReset.into(),
    });
    assert!(cut.is_transient());
    for error in [cut.with_outcome_unknown(true), Error::smtp(DriveError::Machine(unknown))] {
        assert!(error.outcome_unknown() && !error.is_transient());
        assert_eq!(error.to_string().matches("unknown").count(), 1, "{error}");
    }
}

/// A server that goes on challenging breaks the protocol, whichever that is; another token would help nothing.
#[test]
fn endless_challenges_are_no_matter_of_the_token() {
    use mailbearer_sasl::{ChallengeError, Mechanism};

    let (mechanism, error) = (Mechanism::XOAuth2, ChallengeError::TooMany);
    let errors = [
        Error::new(Protocol::IMAP, imap::Error::Challenge(error)),
        Error::new(Protocol::SMTP, smtp::Error::Challenge { mechanism, error }),
        #[cfg(feature = "pop3")]
        Error::new(Protocol::POP3, mailbearer_pop3::Error::Challenge { mechanism, error }),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.is_auth()), (Kind::Protocol, false), "{error}");
    }
}

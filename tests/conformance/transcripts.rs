//! Transcripts over TCP and TLS, against the blocking driver.

#[path = "../transcripts/mod.rs"]
mod all;

use std::fmt::Display;

use all::{Case, imap, pop3, smtp};
use mailbearer_mock::{Transcript, serve};
use mailbearer_net::{Blocking, Connection, DriveError, Error, Machine, Options, Runtime, Security, Tls};

fn check<M>(cases: &[Case], start: impl Fn(&Case, Security) -> M, on_event: impl Fn(&mut M, M::Event))
where
    M: Machine<Error: Display + Send, Event: Send> + Send,
{
    for case in cases {
        let transcript = Transcript::parse(case.text).unwrap();
        let security = if transcript.starts_with_tls() { Security::Implicit } else { Security::StartTls };
        let (address, serving) = serve(transcript).unwrap();
        let tls = Tls::with_only_ca_pem(serving.ca_pem().as_bytes()).unwrap();
        let mut machine = start(case, security);
        let opened =
            Connection::<Blocking>::open("localhost", address.port(), security, &tls, Options::default());
        let mut connection = Blocking::task(opened).unwrap();
        let end = loop {
            match Blocking::task(connection.next(&mut machine)) {
                Ok(Some(event)) => on_event(&mut machine, event),
                Ok(None) => break "closed".to_owned(),
                // A segment of its own meets the handshake, or gets there before it.
                Err(DriveError::Net(Error::Tls { .. } | Error::BytesBeforeTls)) if case.is_tampered() => {
                    break case.want.to_owned();
                }
                Err(error) => break error.to_string(),
            }
        };
        drop(connection);
        assert!(end.starts_with(case.want), "{}: {end}, not {}", case.name, case.want);
        assert_eq!(serving.join(), Ok(()), "{}", case.name);
    }
}

#[test]
fn smtp_transcripts_end_as_they_should() {
    check(smtp::CASES, |_, security| smtp::session(security), smtp::on_event);
}

#[test]
fn pop3_transcripts_end_as_they_should() {
    check(pop3::CASES, |_, security| pop3::session(security), pop3::on_event);
}

#[test]
fn imap_transcripts_end_as_they_should() {
    check(imap::CASES, imap::session, imap::on_event);
}

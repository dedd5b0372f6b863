//! Transcripts without sockets: the same end, however the server's octets are cut.

#[path = "../transcripts/mod.rs"]
pub(crate) mod all;

use std::fmt::Display;

use all::{Case, imap, pop3, smtp};
use mailbearer_imap::Quirks;
use mailbearer_mock::{Difference, End, Transcript, play};
use mailbearer_wire::{Machine, Security};

fn check<M>(
    cases: &[Case],
    start: impl Fn(&Case, Security) -> M,
    on_event: impl Fn(&mut M, M::Event),
    outcome: impl Fn(End<M::Error>) -> String,
) where
    M: Machine,
{
    let mut wrong = Vec::new();
    for case in cases {
        let transcript =
            Transcript::parse(case.text).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for chunk in [1, 2, 7, 1000, usize::MAX] {
            // Cut small enough, an answer before the question can't be told from one in time.
            if case.name == "hostile/imap-early-ok" && chunk < 1000 {
                continue;
            }
            let security = if transcript.starts_with_tls() { Security::Implicit } else { Security::StartTls };
            let mut machine = start(case, security);
            let end: Result<_, Difference> = play(&transcript, &mut machine, chunk, &on_event);
            let end = end.map(&outcome).unwrap_or_else(|difference| difference.to_string());
            // Octet by octet a machine has asked for TLS before it can see what else there is.
            let met_handshake = case.is_tampered() && end == CLEAR;
            if !met_handshake && !end.starts_with(case.want) {
                wrong.push(format!("{} by {chunk}: {end}, not {}", case.name, case.want));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const CLEAR: &str = "cleartext in the handshake";

fn outcome<E: Display>(end: End<E>) -> String {
    match end {
        End::Closed => "closed".into(),
        End::Open => "open".into(),
        End::Failed(error) => error.to_string(),
        End::ClearInHandshake => CLEAR.into(),
    }
}

#[test]
fn smtp_transcripts_end_as_they_should() {
    check(smtp::CASES, |_, security| smtp::session(security), smtp::on_event, outcome);
}

#[test]
fn pop3_transcripts_end_as_they_should() {
    check(pop3::CASES, |_, security| pop3::session(security), pop3::on_event, outcome);
}

/// How a session ends that overlooks no more than `quirks`.
pub(crate) fn imap_end(case: &Case, quirks: &Quirks) -> String {
    let transcript = Transcript::parse(case.text).unwrap();
    let mut machine = imap::session_with(case, Security::Implicit, quirks.clone());
    let end = play(&transcript, &mut machine, usize::MAX, imap::on_event);
    end.map_or_else(|difference| difference.to_string(), outcome)
}

#[test]
fn imap_transcripts_end_as_they_should() {
    check(imap::CASES, imap::session, imap::on_event, outcome);
}

#[test]
fn every_transcript_is_played() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let cases = smtp::CASES.iter().chain(imap::CASES).chain(pop3::CASES);
    let mut played: Vec<String> = cases.map(|case| format!("{}.txt", case.name)).collect();
    let mut there = Vec::new();
    for vendor in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        for file in vendor.read_dir().into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let [vendor, file] = [&vendor, &file].map(|path| path.file_name().unwrap().to_str().unwrap());
            there.push(format!("{vendor}/{file}"));
        }
    }
    played.sort();
    there.sort();
    assert_eq!(there, played);
}

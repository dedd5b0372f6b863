use alloc::{
    format,
    string::{String, ToString},
};

use mailbearer_wire::Security;
use proptest::prelude::*;

use super::{
    script::{Player, TOKEN, play},
    *,
};
use crate::Limits;

mod body;
mod chunks;
mod dropped;
mod lmtp;
mod mail;
mod many;

fn session() -> Session {
    Session::new(Options { client_name: "client.test".into(), ..Options::new("mx.test", 465) }).unwrap()
}

fn starttls() -> Session {
    let options = Options::new("mx.test", 587);
    Session::new(Options { client_name: "client.test".into(), security: Security::StartTls, ..options })
        .unwrap()
}

/// A dialogue that is at rest over TLS, with what the server offers, and what follows.
fn greeted(offered: &str, rest: &str) -> String {
    format!("S: 220 mx\nC: EHLO client.test\nS: 250-mx\nS: 250 {offered}\n* ready\n{rest}")
}

const WHOLE: &str = "
    > auth
    > submit a@x.test b@y.test c@y.test
    > quit
    S: 220-mx.test ESMTP
    S: 220 ready
    C: EHLO client.test
    S: 250-mx.test
    S: 250-AUTH LOGIN
    S: 250 STARTTLS
    C: STARTTLS
    S: 220 2.0.0 go
    = tls
    C: EHLO client.test
    S: 250-mx.test
    S: 250-PIPELINING
    S: 250-SIZE 1000
    S: 250-8BITMIME
    S: 250 AUTH LOGIN XOAUTH2
    * ready
    C: AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=
    S: 235 2.7.0 welcome
    * authenticated
    C: MAIL FROM:<a@x.test>
    C: RCPT TO:<b@y.test>
    C: RCPT TO:<c@y.test>
    C: DATA
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 550 5.1.1 no such user
    S: 354 go ahead
    * body wanted
    > body Subject: x
    C: Subject: x
    * body wanted
    > body
    > body .dot
    > finish
    C:
    C: ..dot
    C: .
    C: QUIT
    S: 250 2.0.0 queued as 7
    S: 221 2.0.0 bye
    * submitted to b@y.test; not c@y.test: 550 5.1.1 no such user: 250 2.0.0 queued as 7
    = close";

#[test]
fn the_whole_job_takes_eight_flights_and_partial_refusal_is_a_result() {
    play(starttls, WHOLE);
}

#[test]
fn one_command_at_a_time_without_pipelining() {
    play(
        session,
        &greeted(
            "8BITMIME",
            "> submit a@x b@y c@y
            > quit
            C: MAIL FROM:<a@x>
            S: 250 ok
            C: RCPT TO:<b@y>
            S: 450 4.2.1 not now
            C: RCPT TO:<c@y>
            S: 251 will forward
            C: DATA
            S: 354
            * body wanted
            > finish
            C: .
            S: 250 ok
            * submitted to c@y; not b@y: 450 4.2.1 not now: 250 ok
            C: QUIT
            S: 221 bye
            = close",
        ),
    );
}

#[test]
fn tls_first_or_an_error() {
    let clear = "S: 220 mx\nC: EHLO client.test\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\n";
    let rows: &[(&str, &str)] = &[
        (
            "not offered",
            "S: 220 mx\nC: EHLO client.test\nS: 250-mx\nS: 250 AUTH XOAUTH2\n! server does not offer STARTTLS",
        ),
        (
            "no EHLO, and no HELO for it",
            "S: 220 mx\nC: EHLO client.test\nS: 500 what\n! server refused EHLO: 500 what",
        ),
        (
            "in the server's name",
            "S: 220 mx\nC: EHLO client.test\nS: 250 STARTTLS\n! server does not offer STARTTLS",
        ),
        ("454", "CLEAR S: 454 4.3.0 not now\n! server refused STARTTLS: 454 4.3.0 not now"),
        ("502", "CLEAR S: 502 what\n! server refused STARTTLS: 502 what"),
        ("354", "CLEAR S: 354 go on\n! unexpected reply at STARTTLS: 354 go on"),
        ("421", "CLEAR S: 421 bye\n! server is closing, at STARTTLS: 421 bye"),
        ("malformed", "CLEAR S: OK\n! at STARTTLS: not a reply: \"OK\""),
        ("multi-line", "CLEAR S: 220-a\nS: 220 b\n= tls\nC: EHLO client.test"),
        ("cut", "CLEAR eof\n! connection closed at STARTTLS"),
        (
            "closed in the handshake",
            "CLEAR S: 220 go\n= tls\nC: EHLO client.test\neof\n! connection closed at EHLO",
        ),
        (
            "refused after TLS",
            "CLEAR S: 220 go\n= tls\nC: EHLO client.test\nS: 554 no\n! server refused EHLO: 554 no",
        ),
    ];
    for (name, script) in rows {
        // What is asked for beforehand is not said in the clear, and not said when it fails.
        let script = format!("> auth\n> submit a@b c@d\n> quit\n{}", script.replace("CLEAR ", clear));
        let session = play(starttls, &script);
        assert_eq!(session.capabilities(), &Capabilities::default(), "{name}");
    }
}

/// Response injection: whole replies and single octets, ahead of TLS and ahead of STARTTLS itself.
#[test]
fn bytes_before_tls_are_an_error() {
    for extra in ["250-mx\r\n250 AUTH LOGIN\r\n", "235 ok\r\n", "1", "\x16", "\n", "421 bye\r\n"] {
        for replies in ["250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"] {
            let (mut session, mut rx, mut tx) = (starttls(), RecvBuf::with_limit(1000), SendBuf::new());
            session.authenticate(Credentials::bearer("u", TOKEN).unwrap()).unwrap();
            let mut feed = |bytes: &str| {
                rx.extend(bytes.as_bytes()).unwrap();
                let step = session.step(&mut rx, &mut tx);
                (step, String::from_utf8(tx.unsent().to_vec()).unwrap())
            };
            let _ = feed("220 mx\r\n").0.unwrap();
            if replies.starts_with("220") {
                let _ = feed("250-mx\r\n250 STARTTLS\r\n").0.unwrap();
            }
            let (step, sent) = feed(&format!("{replies}{extra}"));
            assert_eq!(step, Err(Error::BytesBeforeTls), "{extra:?} after {replies:?}");
            let want = if replies.starts_with("220") {
                "EHLO client.test\r\nSTARTTLS\r\n"
            } else {
                "EHLO client.test\r\n"
            };
            assert_eq!(sent, want, "{extra:?}");
            assert_eq!(feed("").0, Err(Error::BytesBeforeTls), "an error sticks");
        }
    }
}

#[test]
fn capabilities_of_the_clear_are_forgotten() {
    let clear = "S: 220 mx\nC: EHLO client.test\nS: 250-mx\nS: 250-STARTTLS\nS: 250 CLEAR\nC: STARTTLS\nS: 220 go\n= tls\n";
    let rows = [
        ("AUTH XOAUTH2", "250 SIZE 5", "C: QUIT\n! server offers no authentication"),
        (
            "SIZE 5",
            "250 AUTH SCRAM-SHA-1",
            "C: QUIT\n! server offers no mechanism for these credentials, only SCRAM-SHA-1",
        ),
        (
            "AUTH LOGIN",
            "250 AUTH XOAUTH2",
            "C: AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=",
        ),
    ];
    for (before, after, end) in rows {
        let clear = clear.replace("CLEAR", before);
        let script = format!("> auth\n{clear}C: EHLO client.test\nS: 250-mx\nS: {after}\n* ready\n{end}");
        let session = play(starttls, &script);
        assert_eq!(session.capabilities().iter().count(), 1);
    }
}

#[test]
fn nothing_is_said_to_a_server_that_is_gone() {
    let mut session = starttls();
    let (mut rx, mut tx) = (RecvBuf::with_limit(1000), SendBuf::new());
    for lines in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n"] {
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
        tx.sent(usize::MAX);
        rx.extend(lines.as_bytes()).unwrap();
    }
    rx.set_eof();
    assert!(matches!(session.step(&mut rx, &mut tx), Err(Error::Closed { stage: Stage::StartTls })));
    assert_eq!(tx.unsent(), b"");
}

#[test]
fn greetings_that_are_none() {
    let rows = [
        ("S: 554 5.7.1 go away", "! server refused the greeting: 554 5.7.1 go away"),
        ("S: 421 busy", "! server is closing, at the greeting: 421 busy"),
        ("S: 354 what", "! unexpected reply at the greeting: 354 what"),
        ("S: * OK IMAP4rev1", "! at the greeting: not a reply: \"* OK IMAP4rev1\""),
        ("S: SSH-2.0-x\\x1b[2J", "! at the greeting: not a reply: \"SSH-2.0-x\\x1b[2J\""),
        ("eof", "! connection closed at the greeting"),
        (
            "S: 220 mx\nC: EHLO client.test\nS: 250 mx\n* ready\nS: 250 mx",
            "! unexpected reply at the next command: 250 mx",
        ),
        (
            "S: 220 mx\nC: EHLO client.test\nS: 250 mx\n* ready\nS: 421 4.4.2 idle",
            "! server is closing, at the next command: 421 4.4.2 idle",
        ),
        (
            "S: 220 mx\nC: EHLO client.test\nS: 250 mx\n* ready\neof",
            "! connection closed at the next command",
        ),
    ];
    for (server, end) in rows {
        play(session, &format!("{server}\n{end}"));
    }
}

/// A reply that is there before its command was sent belongs to nobody.
#[test]
fn replies_ahead_of_their_command_are_an_error() {
    let whole = |script: &str, error: &str| {
        let player = Player::run_until(session(), script, usize::MAX, None);
        assert_eq!(player.last.clone().unwrap().unwrap_err().to_string(), error, "{}", player.record);
    };
    whole("S: 220 mx\nS: 250 AUTH XOAUTH2", "unexpected reply at EHLO: 250 AUTH XOAUTH2");
    whole("> auth\nS: 220 mx\nS: 250 AUTH XOAUTH2\nS: 235 ok", "unexpected reply at EHLO: 250 AUTH XOAUTH2");
    let script = greeted("AUTH XOAUTH2\nS: 235 ok", "");
    whole(&format!("> auth\n{script}"), "unexpected reply at the next command: 235 ok");
    let script = greeted("SIZE", "> submit a@b c@d\nS: 250 ok\nS: 250 ok");
    whole(&script, "unexpected reply at RCPT: 250 ok");
    let script =
        greeted("PIPELINING", "> submit a@b c@d\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 taken\n> body x");
    whole(&script, "unexpected reply at the message: 250 taken");
}

#[test]
fn a_refused_token_is_answered_and_its_reason_kept() {
    let json =
        "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";
    let session = play(
        session,
        &greeted(
            "AUTH XOAUTH2",
            &format!(
                "> auth
                C: AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=
                S: 334 {json}
                C:
                S: 535-5.7.8 Username and Password not accepted. Learn more at
                S: 535 5.7.8 https://support.example/ x - gsmtp
                C: QUIT
                ! server did not accept the credentials (XOAUTH2): 535 5.7.8 Username and Password not accepted. Learn more at https://support.example/ x - gsmtp; reason given: {{\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":\"https://mail.google.com/\"}}"
            ),
        ),
    );
    let State::Failed(error) = &session.state else { panic!() };
    assert!(error.is_auth() && !error.is_transient() && !error.is_protocol());
    let Error::Auth { reason: Some(reason), .. } = error else { panic!() };
    assert_eq!(reason.status.as_deref(), Some("400"));
}

#[test]
fn oauthbearer_acknowledges_with_a_control_a() {
    play(
        session,
        &greeted(
            "AUTH OAUTHBEARER",
            "> auth
            C: AUTH OAUTHBEARER bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9bXgudGVzdAFwb3J0PTQ2NQFhdXRoPUJlYXJlciB0MGtlbgEB
            S: 334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=
            C: AQ==
            S: 454 4.7.0 try later
            C: QUIT
            ! server did not accept the credentials (OAUTHBEARER): 454 4.7.0 try later; reason given: {\"status\":\"invalid_token\"}",
        ),
    );
}

#[test]
fn auth_goes_wrong_in_these_ways() {
    let command = "C: AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=";
    let rows = [
        ("S: 535 5.7.3 no", "C: QUIT\n! server did not accept the credentials (XOAUTH2): 535 5.7.3 no"),
        ("S: 504 5.7.4 what", "C: QUIT\n! server did not accept the credentials (XOAUTH2): 504 5.7.4 what"),
        ("S: 421 4.3.2 bye", "! server is closing, at AUTH: 421 4.3.2 bye"),
        ("S: OK", "! at AUTH: not a reply: \"OK\""),
        ("eof", "! connection closed at AUTH"),
        (
            "S: 334 a\nC:\nS: 334 b\nC:\nS: 334 c\nC:\nS: 334 d\nC:\nS: 334 e",
            "C: *\n! XOAUTH2: server challenged more than 4 times",
        ),
    ];
    for (server, end) in rows {
        play(session, &greeted("AUTH XOAUTH2", &format!("> auth\n{command}\n{server}\n{end}")));
    }
}

/// RFC 4954 section 4: 512 octets with the line end, or the token waits for a challenge.
#[test]
fn a_long_token_comes_after_the_challenge() {
    for (room, inline) in [(0, true), (1, false)] {
        // "AUTH XOAUTH2 " and CRLF leave 497 octets, of which base64 uses 496.
        let message = 496 / 4 * 3 - "user=u\x01auth=Bearer \x01\x01".len() + room;
        let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1000), SendBuf::new());
        session.authenticate(Credentials::bearer("u", "t".repeat(message)).unwrap()).unwrap();
        tx.start_trace(None);
        let mut feed = |bytes: &str| {
            rx.extend(bytes.as_bytes()).unwrap();
            let step = session.step(&mut rx, &mut tx);
            let sent = String::from_utf8(tx.unsent().to_vec()).unwrap();
            tx.sent(usize::MAX);
            (step.unwrap(), sent)
        };
        let _ = feed("220 mx\r\n");
        let _ = feed("250-mx\r\n250 AUTH XOAUTH2\r\n");
        let (_, mut sent) = feed("");
        if !inline {
            assert_eq!(sent, "AUTH XOAUTH2\r\n");
            sent = feed("334 \r\n").1;
        }
        assert_eq!(sent.len(), if inline { 511 } else { 502 });
        assert_eq!(feed("235 ok\r\n").0, Step::Event(Event::Authenticated));
        let trace: Vec<String> = tx.take_trace().into_iter().map(|line| line.text).collect();
        let want: &[&str] =
            if inline { &["AUTH XOAUTH2 [redacted]"] } else { &["AUTH XOAUTH2", "[redacted]"] };
        assert_eq!(trace[1..], *want);
    }
}

/// RFC 4954 section 4: 12,288 octets with the line end, and what is longer is not sent.
#[test]
fn a_token_that_no_server_need_take_is_not_sent() {
    for (octets, want) in [(12_284, "AUTH XOAUTH2\r\n"), (12_288, "QUIT\r\n")] {
        let message = octets / 4 * 3 - "user=u\x01auth=Bearer \x01\x01".len();
        let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1000), SendBuf::new());
        session.authenticate(Credentials::bearer("u", "t".repeat(message)).unwrap()).unwrap();
        for said in ["220 mx\r\n", "250-mx\r\n250 AUTH XOAUTH2\r\n", ""] {
            tx.sent(usize::MAX);
            rx.extend(said.as_bytes()).unwrap();
            let step = session.step(&mut rx, &mut tx);
            if said.is_empty() {
                assert_eq!(tx.unsent(), want.as_bytes());
                let error = step.err().map(|error| error.to_string());
                let told = "the credentials make a line of 12290 octets (XOAUTH2), and a server need not take more than 12288: a token is shorter without groups";
                assert_eq!(error.as_deref(), (octets == 12_288).then_some(told));
            }
        }
    }
}

/// A session that has just sent this token.
fn with_token(token: &str) -> (Session, RecvBuf, SendBuf) {
    let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1000), SendBuf::new());
    session.authenticate(Credentials::bearer("u", token).unwrap()).unwrap();
    for said in ["220 mx\r\n", "250-mx\r\n250 AUTH XOAUTH2\r\n", ""] {
        rx.extend(said.as_bytes()).unwrap();
        let _ = session.step(&mut rx, &mut tx).unwrap();
    }
    (session, rx, tx)
}

#[test]
fn a_token_is_not_taken_unseen() {
    let (mut session, mut rx, mut tx) = with_token(&"t".repeat(1000));
    rx.extend(b"235 ok\r\n").unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Err(Error::Unexpected { stage: Stage::Auth, .. })));
    assert!(!String::from_utf8(tx.unsent().to_vec()).unwrap().contains("dXNlcj"));
}

/// A signed token and the reason why it is refused are both JSON in base64, and may have parts of it in common.
#[test]
fn a_reason_that_looks_like_the_token_is_read() {
    let token = "eyJhbGciOiJub25lIn0.eyJhIjoiYiIswic2NvcGUiOiJ.c2ln";
    let (mut session, mut rx, mut tx) = with_token(token);
    // {"status":"401","schemes":"bearer","scope":"mail"}
    let challenge = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=\r\n";
    rx.extend(challenge.as_bytes()).unwrap();
    let _ = session.step(&mut rx, &mut tx).unwrap();
    rx.extend(b"535 no\r\n").unwrap();
    let error = session.step(&mut rx, &mut tx).unwrap_err();
    assert!(format!("{error}").contains("401") && format!("{error:?}").contains("mail"), "{error:?}");
}

/// A token of a length that real ones have, in each place where a server may repeat it.
#[test]
fn a_token_that_the_server_repeats_is_in_no_error() {
    for line in [
        "535-5.7.8 no\r\n535 5.7.8 bad a-token-of-ours\r\n",
        "421 a-token-of-ours\r\n",
        "a-token-of-ours\r\n",
    ] {
        let (mut session, mut rx, mut tx) = with_token("a-token-of-ours");
        rx.extend(line.as_bytes()).unwrap();
        let error = session.step(&mut rx, &mut tx).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("of-ours"), "{error:?}");
    }
}

proptest! {
    /// Whatever a server says, the session neither panics nor runs on without end, and its end sticks.
    #[test]
    fn any_server_comes_to_an_end(
        replies in prop::collection::vec(
            prop::sample::select(&[
                "220 a", "221 a", "250 a", "250-a", "250 PIPELINING", "250-AUTH XOAUTH2", "250 STARTTLS", "235 a", "251 a",
                "334 a", "354 a", "421 a", "450 a", "550 5.1.1 a", "* OK", "", "250\r", "\u{ff}",
            ][..]),
            0..16,
        ),
        chunk in 1..30_usize,
        clear in any::<bool>(),
    ) {
        let mut session = if clear { starttls() } else { session() };
        session.authenticate(Credentials::bearer("u", TOKEN).unwrap()).unwrap();
        session.submit(Envelope::new("a@b", ["c@d", "e@f"])).unwrap();
        session.quit().unwrap();
        let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
        let (mut secured, mut steps) = (!clear, 0..2000);
        let bytes: String = replies.iter().map(|reply| format!("{reply}\r\n")).collect();
        let mut pieces = bytes.as_bytes().chunks(chunk);
        let end = loop {
            prop_assert!(steps.next().is_some());
            let step = session.step(&mut rx, &mut tx);
            prop_assert!(secured || matches!(tx.unsent(), b"" | b"EHLO client.test\r\n" | b"STARTTLS\r\n"));
            tx.sent(usize::MAX);
            match step {
                Ok(Step::Read) => match pieces.next() {
                    Some(piece) => rx.extend(piece).unwrap(),
                    None => {
                        prop_assert!(!rx.is_eof(), "waits for a peer that is gone");
                        rx.set_eof();
                    }
                },
                Ok(Step::Event(Event::BodyWanted(ticket))) => session.finish_body(ticket).unwrap(),
                Ok(Step::Event(_) | Step::Flush) => {}
                Ok(Step::StartTls) => secured = true,
                Ok(Step::Close) | Err(_) => break step,
            }
        };
        prop_assert_eq!(session.step(&mut rx, &mut tx), end);
        prop_assert_eq!(tx.unsent(), b"");
        prop_assert_eq!(session.noop(), Err(Misuse::Over));
    }
}

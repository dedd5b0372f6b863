//! The message on its way out, and the methods of the caller.

use alloc::{format, vec};

use super::*;
use crate::stuffing::{HOSTILE, canonical, strict_server};

/// At rest before a body, with `envelope`.
fn at_body(envelope: Envelope) -> (Session, Ticket, RecvBuf, SendBuf) {
    let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1000), SendBuf::new());
    let ticket = session.submit(envelope).unwrap();
    for replies in
        ["220 m\r\n", "250-m\r\n250-8BITMIME\r\n250 PIPELINING\r\n", "", "250 ok\r\n250 ok\r\n354 go\r\n"]
    {
        rx.extend(replies.as_bytes()).unwrap();
        let _ = session.step(&mut rx, &mut tx).unwrap();
    }
    assert_eq!(session.stage(), Stage::Body);
    tx.sent(usize::MAX);
    (session, ticket, rx, tx)
}

#[test]
fn every_hostile_body_arrives_as_one_message_and_only_that() {
    let payload = b"MAIL FROM:<x@evil>\r\nRCPT TO:<y>\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\n";
    for body in HOSTILE {
        let body = [*body, payload].concat();
        for at in 0..=body.len() {
            let (mut session, ticket, mut rx, mut tx) = at_body(Envelope::new("a@b", ["c@d"]));
            session.quit().unwrap();
            for piece in [&body[..at], &body[at..]] {
                assert_eq!(session.body(ticket, piece), Ok(piece.len()));
                assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::BodyWanted(ticket))));
            }
            session.finish_body(ticket).unwrap();
            assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
            assert_eq!(
                strict_server(tx.unsent()),
                (vec![canonical(&body)], b"QUIT\r\n".to_vec()),
                "{body:?}"
            );
        }
    }
}

/// What is held stays within two buffers, however slow the peer is.
#[test]
fn a_large_message_streams() {
    let (mut session, ticket, mut rx, mut tx) = at_body(Envelope::new("a@b", ["c@d"]));
    let piece = b".\n".repeat(100_000);
    let (mut wire, mut rounds) = (vec![], 0);
    for _ in 0..5 {
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let taken = session.body(ticket, rest).unwrap();
            rest = &rest[taken..];
            let State::Body(body) = &session.state else { panic!() };
            assert!(body.pending.len() <= SendBuf::LIMIT);
            let step = session.step(&mut rx, &mut tx).unwrap();
            assert!(tx.unsent().len() <= SendBuf::LIMIT);
            // Where nothing was taken, the step makes room: by a flush, or by moving what is pending.
            let State::Body(body) = &session.state else { panic!() };
            let has_room = step == Step::Event(Event::BodyWanted(ticket)) && body.pending.is_empty();
            assert!(taken > 0 || step == Step::Flush || has_room);
            // The peer takes less than came in.
            let count = tx.unsent().len().min(30_000);
            wire.extend_from_slice(&tx.unsent()[..count]);
            tx.sent(count);
            rounds += 1;
        }
    }
    assert!(rounds > 50);
    session.finish_body(ticket).unwrap();
    loop {
        let step = session.step(&mut rx, &mut tx).unwrap();
        wire.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
        if step == Step::Read {
            break;
        }
        assert_eq!(step, Step::Flush);
    }
    assert!(wire.ends_with(b"..\r\n.\r\n"));
    assert_eq!(wire.len(), 500_000 * 4 + 3);
}

/// Nobody knows what became of the message, but who was refused of it does not get it.
#[test]
fn who_was_refused_is_known_where_the_outcome_is_not() {
    let begin = "> submit a@x b@y c@y\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>";
    let replies = "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no";
    let body = "* body wanted\n> body x\n> finish";
    let rows = [
        ("8BITMIME", format!("{begin}\nC: DATA\n{replies}\nS: 354 go\n{body}\nC: x\nC: .")),
        ("CHUNKING", format!("{begin}\n{body}\nC: BDAT 3 LAST\nC: x\n{replies}")),
    ];
    for (extension, conversation) in rows {
        for end in ["eof", "S: 355 what", "S: nonsense"] {
            let script = format!(
                "S: 220 m\nC: EHLO client.test\nS: 250-m\nS: 250-PIPELINING\nS: 250 {extension}\n* ready\n\
                 {conversation}\n--\n{end}\n! message was sent, and whether the server took it is unknown"
            );
            let session = play(session, &script);
            let refused = [("c@y".into(), Reply::new(550, "5.1.1 no"))];
            assert_eq!(session.verdicts(), refused, "{extension}, {end}");
        }
    }
}

/// Many servers hang up on who names too many that they don't know.
#[test]
fn who_was_refused_before_the_server_hung_up_is_known() {
    let begin = "> submit a@x b@y c@y\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>";
    let (plain, chunks) = (format!("{begin}\nC: DATA"), format!("{begin}\n* body wanted"));
    let refused = [("b@y".into(), Reply::new(550, "5.1.1 no"))];
    let rows = [
        ("8BITMIME", &plain, "S: 250 ok\nS: 550 5.1.1 no", &refused[..]),
        ("8BITMIME", &plain, "S: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nS: 354 go\n* body wanted", &refused),
        ("8BITMIME", &plain, "S: 250 ok\nS: 250 ok", &[]),
        // Because of the sender.
        ("8BITMIME", &plain, "S: 451 later\nS: 503 no", &[]),
        ("CHUNKING", &chunks, "S: 250 ok\nS: 550 5.1.1 no", &refused),
        ("CHUNKING", &chunks, "S: 451 later\nS: 503 no", &[]),
    ];
    for (extension, conversation, replies, want) in rows {
        let at = if replies.contains("354") { "the message" } else { "RCPT" };
        let ends = [
            ("S: 421 4.7.0 no", format!("server is closing, at {at}: 421 4.7.0 no")),
            ("eof", format!("connection closed at {at}")),
        ];
        for (end, error) in ends {
            // Without a word, what it said of the sender is what it said last.
            if end == "eof" && replies.contains("451") {
                continue;
            }
            let script = format!(
                "S: 220 m\nC: EHLO client.test\nS: 250-m\nS: 250-PIPELINING\nS: 250 {extension}\n* ready\n\
                 {conversation}\n{replies}\n--\n{end}\n! {error}"
            );
            assert_eq!(play(session, &script).verdicts(), want, "{extension}, {replies}, {end}");
        }
    }
}

#[test]
fn misuse_is_told_and_changes_nothing() {
    let (mut session, ticket, mut rx, mut tx) = at_body(Envelope::new("a@b", ["c@d"]));
    assert_eq!(session.body(ticket, "ä".as_bytes()), Err(Misuse::EightBit));
    assert_eq!(session.body(ticket, b"a"), Ok(1));
    session.finish_body(ticket).unwrap();
    assert_eq!(session.body(ticket, b"a"), Err(Misuse::NoBodyWanted));
    assert_eq!(session.finish_body(ticket), Err(Misuse::NoBodyWanted));
    session.quit().unwrap();
    assert_eq!(session.noop(), Err(Misuse::Over));
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
    assert_eq!(tx.unsent(), b"a\r\n.\r\nQUIT\r\n");
    assert_eq!(session.noop(), Err(Misuse::Over), "QUIT is on its way");
    assert!(session.outcome_unknown());
    rx.set_eof();
    assert!(session.step(&mut rx, &mut tx).is_err());
    assert_eq!(session.reset(), Err(Misuse::Over));
    assert_eq!(session.body(ticket, b"a"), Err(Misuse::NoBodyWanted));

    let (mut session, ticket, ..) = at_body(Envelope { eight_bit: true, ..Envelope::new("a@b", ["c@d"]) });
    assert_eq!(session.body(ticket, "ä".as_bytes()), Ok(2));
    let credentials = || Credentials::bearer("u", TOKEN).unwrap();
    session.authenticate(credentials()).unwrap();
    assert_eq!(session.authenticate(credentials()), Err(Misuse::AuthenticatedBefore));
    assert!(matches!(
        session.submit(Envelope::new("a\r\nb", ["c"])),
        Err(Misuse::Argument { field: "sender", .. })
    ));
}

#[test]
fn the_client_name_cannot_add_a_command() {
    let new = |client_name: &str| {
        Session::new(Options { client_name: client_name.into(), ..Options::new("mx.test", 465) }).map(drop)
    };
    for name in ["x", "host-1.example.com", "[127.0.0.1]", "[IPv6:::1]", "under_score"] {
        assert_eq!(new(name), Ok(()), "{name}");
    }
    for name in ["", "x\r\nMAIL FROM:<a@b>", "a b", "a\0", "ä.test", "<x>", "x\n"] {
        assert!(matches!(new(name), Err(Misuse::Argument { field: "client name", .. })), "{name:?}");
    }
    assert_eq!(new(&"a".repeat(255)), Ok(()));
    assert!(new(&"a".repeat(256)).is_err());
    let host = Session::new(Options::new("mx\x01auth=Bearer x", 465)).map(drop);
    assert!(matches!(host, Err(Misuse::Argument { field: "host", .. })));
}

#[test]
fn patience_is_what_the_rfc_says() {
    let (mut session, ticket, mut rx, mut tx) = at_body(Envelope::new("a@b", ["c@d"]));
    let minutes = |session: &Session| session.patience().map(|patience| patience.as_secs() / 60);
    assert_eq!(minutes(&session), Some(3));
    session.finish_body(ticket).unwrap();
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
    assert_eq!(minutes(&session), Some(10));
    rx.extend(b"250 ok\r\n").unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Submitted(..)))));
    assert_eq!(minutes(&session), None);
    session.submit(Envelope::new("a@b", ["c@d"])).unwrap();
    for (replies, want) in [("", 5), ("250 ok\r\n", 5), ("250 ok\r\n", 2)] {
        rx.extend(replies.as_bytes()).unwrap();
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
        assert_eq!(minutes(&session), Some(want));
    }
}

#[test]
fn debug_output_holds_no_secret_and_no_message() {
    let (mut session, ticket, ..) = at_body(Envelope::new("a@b", ["c@d"]));
    session.body(ticket, b"private").unwrap();
    session.authenticate(Credentials::bearer("u", TOKEN).unwrap()).unwrap();
    assert_eq!(format!("{session:?}"), "Session { stage: Body, .. }");
}

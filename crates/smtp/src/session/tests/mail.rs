//! The envelope, and what becomes of a message.

use alloc::{format, string::ToString};

use super::*;
use crate::{Capability, Quirks, session::mail::Parameters};

#[test]
fn a_refused_message_leaves_the_session_alive() {
    let rows = [
        (
            "sender, pipelined",
            "PIPELINING",
            "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 550 5.7.60 not you\nS: 503 no sender\nS: 503 no recipients
            * refused: server refused the sender: 550 5.7.60 not you",
            "",
        ),
        (
            "sender, one by one",
            "SIZE",
            "C: MAIL FROM:<a@x>\nS: 530 5.7.57 log in\n* refused: server refused the sender: 530 5.7.57 log in",
            "",
        ),
        (
            "recipients, pipelined",
            "PIPELINING",
            "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 250 ok\nS: 550 5.1.1 who\nS: 554 nobody
            * refused: server refused every recipient; b@y: 550 5.1.1 who",
            "C: RSET\n",
        ),
        (
            "recipients, one by one",
            "SIZE",
            "C: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 452 full
            * refused: server refused every recipient; b@y: 452 full",
            "C: RSET\nS: 250 ok\n",
        ),
        (
            "recipients, and the server wants the message",
            "PIPELINING",
            "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 250 ok\nS: 550 5.1.1 who\nS: 354 go on
            C: .\nS: 554 nobody
            * refused: server refused every recipient; b@y: 550 5.1.1 who",
            "",
        ),
        (
            "sender and recipient, and the server wants the message and takes it",
            "PIPELINING",
            "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 550 not you\nS: 503 what\nS: 354 go on
            C: .\nS: 250 well
            * refused: server refused the sender: 550 not you",
            "",
        ),
        (
            "DATA",
            "PIPELINING",
            "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 250 ok\nS: 250 ok\nS: 451 4.3.0 not now
            * refused: server refused the message: 451 4.3.0 not now",
            "C: RSET\n",
        ),
        (
            "message",
            "PIPELINING",
            "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 250 ok\nS: 250 ok\nS: 354 go on\n* body wanted\n> finish
            C: .\nS: 554 5.2.0 spam
            * refused: server refused the message: 554 5.2.0 spam",
            "",
        ),
    ];
    for (_, offered, first, reset) in rows {
        let next = match offered {
            "PIPELINING" => "C: MAIL FROM:<c@x>\nC: RCPT TO:<d@y>\nC: DATA\n",
            _ => "C: MAIL FROM:<c@x>\n",
        };
        play(
            session,
            &greeted(offered, &format!("> submit a@x b@y\n{first}\n> submit c@x d@y\n{reset}{next}")),
        );
    }
}

/// What it can do without is left out, once for all; everything else is told by its name.
#[test]
fn a_parameter_that_is_refused_though_it_is_offered() {
    let again =
        "C: RCPT TO:<b@y>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n* body wanted\n> finish\nC: .\nS: 250 ok
        * submitted to b@y: 250 ok\n> sized c@x b@y\nC: MAIL FROM:<c@x>\nC: RCPT TO:<b@y>\nC: DATA\n";
    for (offered, verb, parameter, without) in
        [("SIZE 9", "sized", "SIZE=3", ""), ("DSN", "reported", "ENVID=x", " without DSN")]
    {
        let again = again.replace("submitted", &format!("submitted{without}"));
        for code in ["504 5.5.4 no", "555 5.5.4 no"] {
            let first = format!(
                "> {verb} a@x b@y\nC: MAIL FROM:<a@x> {parameter}\nC: RCPT TO:<b@y>\nC: DATA
                S: {code}\nS: 503 no\nS: 503 no\nC: MAIL FROM:<a@x>\n{again}"
            );
            play(
                session,
                &greeted("PIPELINING", &first)
                    .replace("S: 250 PIPELINING", &format!("S: 250-PIPELINING\nS: 250 {offered}")),
            );
        }
    }
    // What is taken is not told as left out.
    play(
        session,
        &greeted(
            "DSN",
            "> reported a@x b@y\n> quit\nC: MAIL FROM:<a@x> ENVID=x\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354
            * body wanted\n> finish\nC: .\nS: 250 ok\n* submitted to b@y: 250 ok\nC: QUIT\nS: 221 bye\n= close",
        ),
    );
    // One by one, and refused all the same: it is told, and not tried for ever.
    play(
        session,
        &greeted(
            "SIZE",
            "> sized a@x b@y\n> quit\nC: MAIL FROM:<a@x> SIZE=3\nS: 555 no\nC: MAIL FROM:<a@x>\nS: 555 no
            * refused: server refused the sender: 555 no\nC: QUIT\nS: 221 bye\n= close",
        ),
    );
    // No promise is broken to get a message through.
    let mut kept = Envelope::new("a@x", ["b@y"]);
    (kept.size, kept.eight_bit, kept.smtp_utf8, kept.require_tls) = (Some(3), true, true, true);
    kept.dsn.envelope_id = Some("x".into());
    let offers = Capabilities::of_reply(
        Reply::new(250, "m\nSIZE\n8BITMIME\nSMTPUTF8\nREQUIRETLS\nDSN"),
        Quirks::default(),
    );
    let parameters = Parameters::of(&kept, &offers, true).unwrap();
    assert_eq!(parameters.mail, " SMTPUTF8 BODY=8BITMIME REQUIRETLS ENVID=x");
    assert!(parameters.dsn && !parameters.optional);
    let refusal =
        Refusal::Parameter { reply: Reply::new(555, "no"), parameters: "SMTPUTF8".into(), optional: false };
    assert_eq!(refusal.to_string(), "server refused SMTPUTF8, which it offers: 555 no");
}

/// What the server said counts, though it hung up before it answered the rest of the flight, or in the middle of its words.
#[test]
fn a_refusal_before_the_end_is_told() {
    let envelope = "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA\n";
    let rows = [
        ("sender", "S: 550 5.7.1 no", "* refused: server refused the sender: 550 5.7.1 no\n= close"),
        (
            "sender, in two lines",
            "S: 550-5.7.1 no",
            "* refused: server refused the sender: 550 5.7.1 no\n= close",
        ),
        (
            "sender, and no words",
            "S: 550 no\nS: what?",
            "* refused: server refused the sender: 550 no\n= close",
        ),
        (
            "every recipient",
            "S: 250 ok\nS: 550 5.1.1 who",
            "* refused: server refused every recipient; b@y: 550 5.1.1 who\n= close",
        ),
        ("nothing", "S: 250 ok\nS: 250 ok", "! connection closed at DATA"),
        ("a cut yes", "S: 250 ok\nS: 250-ok", "! connection closed at RCPT"),
        ("goodbye", "S: 421-4.3.2 down", "! server is closing, at MAIL: 421 4.3.2 down"),
        (
            "the message, in the middle",
            "S: 250 ok\nS: 250 ok\nS: 354 go\n* body wanted\nS: 552-5.3.4 too big",
            "* refused: server refused the message: 552 5.3.4 too big\n= close",
        ),
    ];
    for (_, said, told) in rows {
        let said = if said.contains("what?") { said.to_string() } else { format!("{said}\neof") };
        play(session, &greeted("PIPELINING", &format!("> submit a@x b@y\n{envelope}{said}\n{told}")));
    }
}

/// What it refused for good it does not take later either, though it says 421 in place of the next reply. Where anything may
/// pass, what it said last counts.
#[test]
fn a_refusal_for_good_is_told_though_the_server_closes() {
    let data = "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA\n";
    let chunks =
        "C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\n* body wanted\n> finish\nC: BDAT 0 LAST\n";
    let every = "* refused: server refused every recipient; b@y: 550 no; c@y: 551 no\n= close";
    let rows = [
        ("S: 250 ok\nS: 550 no\nS: 551 no", every, "DATA"),
        ("S: 250 ok\nS: 550 no\nS: 450 later", "", "DATA"),
        ("S: 250 ok\nS: 550 no", "", "RCPT"),
        ("S: 250 ok\nS: 550 no\nS: 250 ok", "", "DATA"),
        ("S: 550 no", "* refused: server refused the sender: 550 no\n= close", "RCPT"),
        ("S: 451 later", "", "RCPT"),
    ];
    for (said, told, at) in rows {
        for (extension, envelope) in [("8BITMIME", data), ("CHUNKING", chunks)] {
            let at = if at == "DATA" && envelope == chunks { "the end of the message" } else { at };
            let closing = format!("! server is closing, at {at}: 421 bye");
            let told = if told.is_empty() { &closing } else { told };
            play(
                session,
                &format!(
                    "S: 220 m\nC: EHLO client.test\nS: 250-m\nS: 250-PIPELINING\nS: 250 {extension}\n* ready\n\
                     > submit a@x b@y c@y\n{envelope}{said}\nS: 421 bye\n{told}"
                ),
            );
        }
    }
}

/// After a refusal the session still says QUIT.
#[test]
fn quit_follows_a_refusal() {
    play(
        session,
        &greeted(
            "PIPELINING",
            "> submit a@x b@y
            > quit
            C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 250 ok\nS: 250 ok\nS: 354 go on
            * body wanted
            > finish
            C: .\nC: QUIT
            S: 552 5.3.4 too big
            * refused: server refused the message: 552 5.3.4 too big
            eof
            = close",
        ),
    );
    play(
        session,
        &greeted(
            "PIPELINING",
            "> submit a@x b@y
            > quit
            C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: DATA
            S: 550 no\nS: 503 no\nS: 503 no
            * refused: server refused the sender: 550 no
            C: QUIT
            S: bye!
            = close",
        ),
    );
}

/// The server was gone, or going, before it could be told goodbye.
#[test]
fn quit_is_fine_with_a_server_that_left() {
    for leave in [&b"421 idle\r\n"[..], b"421 idl", b""] {
        let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1000), SendBuf::new());
        for replies in ["220 m\r\n", "250 m\r\n", ""] {
            rx.extend(replies.as_bytes()).unwrap();
            let _ = session.step(&mut rx, &mut tx).unwrap();
        }
        tx.sent(usize::MAX);
        session.quit().unwrap();
        rx.extend(leave).unwrap();
        rx.set_eof();
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Close));
        assert_eq!(tx.unsent(), b"");
    }
}

#[test]
fn rset_and_noop_are_answered() {
    play(
        session,
        &greeted(
            "SIZE",
            "> noop
            > reset
            C: NOOP\nS: 250 ok\n* done: 250 ok
            C: RSET\nS: 500 what\n* done: 500 what
            > noop
            C: NOOP\nS: 354 what\n! unexpected reply at NOOP: 354 what",
        ),
    );
}

#[test]
fn going_away_is_told_at_every_point() {
    let rows = [
        ("> submit a@b c@d\nC: MAIL FROM:<a@b>\nS: 421 bye\n! server is closing, at MAIL: 421 bye"),
        ("> submit a@b c@d\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 421 bye\n! server is closing, at RCPT: 421 bye"),
        ("BODY S: 421 bye\n! server is closing, at the message: 421 bye"),
        ("BODY S: 552 too big\n* refused: server refused the message: 552 too big\n= close"),
        ("BODY > quit\nS: 552 too big\n* refused: server refused the message: 552 too big\n= close"),
        ("BODY > noop\nS: 552 big\n* refused: server refused the message: 552 big\n! server refused the message: 552 big"),
        ("BODY eof\n! connection closed at the message"),
        ("BODY > finish\nC: .\nS: 421 bye\n! server is closing, at the end of the message: 421 bye"),
        ("> noop\nC: NOOP\nS: 421 bye\n! server is closing, at NOOP: 421 bye"),
        ("> quit\nC: QUIT\nS: 421 bye\n= close"),
        ("> quit\nC: QUIT\nS: 500 what\n= close"),
        ("> quit\nC: QUIT\neof\n= close"),
    ];
    let body = "> submit a@b c@d\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: DATA\nS: 354 go\n* body wanted\n";
    for script in rows {
        let session = play(session, &greeted("SIZE", &script.replace("BODY ", body)));
        if let State::Failed(error) = &session.state {
            assert_eq!(error.is_transient(), error.reply().is_none_or(|reply| reply.code == 421), "{error}");
            assert!(!session.outcome_unknown());
        }
    }
}

/// An empty message from nobody must not reach the recipients that the server took.
///
/// MAIL refused with RCPT and DATA accepted never sends an empty message.
#[test]
fn a_refused_sender_ends_a_session_that_waits_for_the_message() {
    let refused = "* refused: server refused the sender: 550 not you";
    for (ask, end) in
        [("", "= close"), ("> quit\n", "= close"), ("> noop\n", "! server refused the message: 550 not you")]
    {
        let script = format!(
            "> submit a@x b@y c@y
            {ask}
            C: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\nC: RCPT TO:<c@y>\nC: DATA
            S: 550 not you\nS: 250 ok\nS: 550 no\nS: 354 go on
            {refused}
            {end}"
        );
        play(session, &greeted("PIPELINING", &script));
    }
}

/// The verdict never comes, in each way in which it may not.
#[test]
fn a_verdict_that_does_not_come_is_its_own_outcome() {
    let unknown = "! message was sent, and whether the server took it is unknown";
    let dot = "> submit a@b c@d\nC: MAIL FROM:<a@b>\nC: RCPT TO:<c@d>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n* body wanted\n> finish\nC: .\n";
    for (server, cause) in [
        ("eof", "connection closed at the end of the message"),
        ("S: 2", "at the end of the message: not a reply: \"2\""),
        ("S: 354 more", "unexpected reply at the end of the message: 354 more"),
        ("S: 250-ok\nS: 550 no", "at the end of the message: not a reply: \"550 no\""),
    ] {
        let session = play(session, &greeted("PIPELINING", &format!("{dot}{server}\n{unknown}")));
        assert!(session.outcome_unknown());
        let State::Failed(error) = &session.state else { panic!() };
        assert!(error.is_outcome_unknown() && !error.is_transient());
        let Error::OutcomeUnknown { cause: got } = error else { panic!() };
        assert_eq!(got.to_string(), cause);
    }
}

#[test]
fn a_connection_cut_anywhere_ends_as_it_should() {
    let octets: usize =
        WHOLE.lines().filter_map(|line| line.trim().strip_prefix("S: ")).map(|line| line.len() + 2).sum();
    let mut seen = [0; 3];
    for cut in 0..=octets {
        for chunk in [1, usize::MAX] {
            let player = Player::run_until(starttls(), WHOLE, chunk, Some(cut));
            let has = |line: &str| player.record.lines().any(|each| each.starts_with(line));
            let last = player.last.as_ref().unwrap();
            if has("* submitted") {
                assert_eq!(*last, Ok(Step::Close), "cut at {cut}");
                seen[2] += 1;
            } else if has("C: QUIT") {
                assert!(matches!(last, Err(Error::OutcomeUnknown { .. })), "cut at {cut}: {last:?}");
                assert!(player.session.outcome_unknown());
                seen[1] += 1;
            } else {
                assert!(matches!(last, Err(Error::Closed { .. })), "cut at {cut}: {last:?}");
                assert!(!player.session.outcome_unknown());
                seen[0] += 1;
            }
        }
    }
    // "250 2.0.0 queued as 7" and CRLF lack from 1 to all of their octets; the goodbye may lack any.
    assert_eq!(seen[1..], [2 * 23, 2 * 16], "{seen:?}");
}

#[test]
fn parameters_are_sent_where_they_are_offered() {
    let all = ["mx", "SIZE 100", "8BITMIME", "SMTPUTF8"].map(ToString::to_string).to_vec();
    let offered =
        |lines: &[String]| Capabilities::of_reply(Reply::new(250, lines.join("\n")), Quirks::default());
    let plain = Envelope::new("a@b", ["c@d"]);
    let not = |capability| Err(Refusal::NotOffered { capability });
    let rows = [
        ("plain", plain.clone(), Ok("".into()), Ok("".into())),
        ("size", Envelope { size: Some(100), ..plain.clone() }, Ok(" SIZE=100".into()), Ok("".into())),
        (
            "too large",
            Envelope { size: Some(101), ..plain.clone() },
            Err(Refusal::TooLarge { size: 101, limit: 100 }),
            Ok("".into()),
        ),
        (
            "8-bit",
            Envelope { eight_bit: true, ..plain.clone() },
            Ok(" BODY=8BITMIME".into()),
            not(Capability::EightBitMime),
        ),
        (
            "UTF-8",
            Envelope { smtp_utf8: true, ..plain.clone() },
            Ok(" SMTPUTF8".into()),
            not(Capability::SmtpUtf8),
        ),
        ("UTF-8 sender", Envelope::new("ä@b", ["c@d"]), Ok(" SMTPUTF8".into()), not(Capability::SmtpUtf8)),
        (
            "UTF-8 recipient",
            Envelope::new("a@b", ["c@d", "c@ö"]),
            Ok(" SMTPUTF8".into()),
            not(Capability::SmtpUtf8),
        ),
    ];
    for (name, envelope, with, without) in rows {
        let got: Result<String, Refusal> =
            Parameters::of(&envelope, &offered(&all), false).map(|all| all.mail);
        assert_eq!(got, with, "{name}");
        assert_eq!(
            Parameters::of(&envelope, &offered(&all[..1]), false).map(|all| all.mail),
            without,
            "{name}, nothing offered"
        );
    }
}

/// The error names the extension that is missing.
#[test]
fn a_message_that_cannot_go_is_refused_before_a_word() {
    play(
        session,
        &greeted(
            "SIZE",
            "> submit ä@b c@d\n* refused: message needs SMTPUTF8, which the server does not offer",
        ),
    );
    play(
        session,
        &greeted(
            "SMTPUTF8",
            "> submit ä@b c@d\nC: MAIL FROM:<\\xc3\\xa4@b> SMTPUTF8\nS: 250 ok\nC: RCPT TO:<c@d>",
        ),
    );
}

#[test]
fn many_recipients_go_in_windows() {
    let limits = Limits { pipeline: 4, ..Limits::default() };
    let new = move || {
        Session::new(Options { client_name: "client.test".into(), limits, ..Options::new("m", 1) }).unwrap()
    };
    play(
        new,
        &greeted(
            "PIPELINING",
            "> submit s@x 1@y 2@y 3@y 4@y 5@y 6@y
            C: MAIL FROM:<s@x>\nC: RCPT TO:<1@y>\nC: RCPT TO:<2@y>\nC: RCPT TO:<3@y>
            S: 250 s
            --
            S: 250 1
            C: RCPT TO:<4@y>\nC: RCPT TO:<5@y>
            S: 250 2\nS: 550 3
            C: RCPT TO:<6@y>\nC: DATA
            S: 250 4\nS: 250 5\nS: 250 6\nS: 354 go
            * body wanted
            > finish
            C: .
            S: 250 ok
            * submitted to 1@y 2@y 4@y 5@y 6@y; not 3@y: 550 3: 250 ok",
        ),
    );
    // A refused sender stops what was not said yet.
    play(
        new,
        &greeted(
            "PIPELINING",
            "> submit s@x 1@y 2@y 3@y 4@y 5@y 6@y
            C: MAIL FROM:<s@x>\nC: RCPT TO:<1@y>\nC: RCPT TO:<2@y>\nC: RCPT TO:<3@y>
            S: 550 s\nS: 503 1\nS: 503 2\nS: 503 3
            * refused: server refused the sender: 550 s",
        ),
    );
}

#[test]
fn a_window_of_nothing_is_one_command() {
    let limits = Limits { pipeline: 0, ..Limits::default() };
    let new = || Session::new(Options { client_name: "client.test".into(), limits, ..Options::new("m", 1) });
    play(
        || new().unwrap(),
        &greeted("PIPELINING", "> submit a@x b@y\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>"),
    );
}

#[test]
fn the_server_is_reset_once_and_not_in_vain() {
    let refused = "* refused: server refused every recipient; b@y: 550 no";
    let first = format!("C: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 550 no\n{refused}\n");
    play(
        session,
        &greeted(
            "SIZE",
            &format!(
                "> submit a@x b@y\n{first}
                > reset\nC: RSET\nS: 250 ok\n* done: 250 ok
                > submit a@x b@y\n{first}
                > reset\nC: RSET\nS: 500 what\n* done: 500 what
                > submit a@x b@y\nC: RSET\nS: 250 ok\nC: MAIL FROM:<a@x>\nS: 501 no
                * refused: server refused the sender: 501 no
                > submit a@x b@y\n{first}
                > submit a@x c@y\nC: RSET\nS: 250 ok\nC: MAIL FROM:<a@x>\nS: 250 ok
                C: RCPT TO:<c@y>\nS: 250 ok\nC: DATA\nS: 354 go\n* body wanted
                > finish\nC: .\nS: 250 ok\n* submitted to c@y: 250 ok
                > submit a@x b@y\n{first}
                > submit a@x b@y\nC: RSET\nS: 502 what\n! server refused RSET: 502 what"
            ),
        ),
    );
}

#[test]
fn a_thousand_recipients_never_outgrow_the_send_buffer() {
    let limits = Limits { pipeline: 10_000, ..Limits::default() };
    let mut session = Session::new(Options { limits, ..Options::new("m", 1) }).unwrap();
    let recipients = (0..1000).map(|number| format!("{number:0>250}@y"));
    session.submit(Envelope::new("s@x", recipients)).unwrap();
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
    rx.extend(b"220 m\r\n").unwrap();
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
    rx.extend(b"250-m\r\n250 PIPELINING\r\n").unwrap();
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Ready)));
    tx.sent(usize::MAX);
    let mut flushes = 0;
    while session.step(&mut rx, &mut tx).unwrap() == Step::Flush {
        assert!(tx.unsent().len() <= SendBuf::LIMIT && tx.room() < 300);
        tx.sent(usize::MAX);
        flushes += 1;
    }
    assert_eq!(flushes, 4);
    assert!(tx.unsent().ends_with(b"DATA\r\n"));
}

//! Messages that go out by BDAT, and the parameters of extensions.

use alloc::{format, string::ToString, vec};

use super::*;
use crate::{Capability, DeliverBy, Notify, Returned, session::mail::Parameters};

fn chunked(rest: &str) -> String {
    format!(
        "S: 220 mx\nC: EHLO client.test\nS: 250-mx\nS: 250-PIPELINING\nS: 250-LIMITS MAILMAX=2 RCPTMAX=3\nS: 250 CHUNKING\n* ready\n{rest}"
    )
}

/// A session that wants the body of its first message, by BDAT.
fn wanting() -> (Session, RecvBuf, SendBuf, Ticket) {
    let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1000), SendBuf::new());
    let ticket = session.submit(Envelope::new("a@x", ["b@y"])).unwrap();
    rx.extend(b"220 mx one\r\n").unwrap();
    loop {
        match session.step(&mut rx, &mut tx).unwrap() {
            Step::Read => rx.extend(b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n").unwrap(),
            Step::Event(Event::BodyWanted(_)) => return (session, rx, tx, ticket),
            _ => {}
        }
    }
}

/// The session as a caller sees it who gives up a message in chunks, and what it said at first.
#[test]
fn a_message_in_chunks_is_abandoned_by_its_own_ticket() {
    let (mut session, mut rx, mut tx, ticket) = wanting();
    assert_eq!(session.greeting(), "mx one");
    let later = session.submit(Envelope::new("c@x", ["d@y"])).unwrap();
    assert_eq!(session.finish_body(later), Err(Misuse::NoBodyWanted), "it is another's turn");
    session.abandon(later);
    assert_eq!(session.body(ticket, b"x"), Ok(1), "it is another's");
    session.abandon(ticket);
    assert_eq!(session.step(&mut rx, &mut tx), Err(Error::Abandoned));
    assert_eq!(session.body(ticket, b"x"), Err(Misuse::Abandoned));
    assert_eq!(session.finish_body(ticket), Err(Misuse::Abandoned));

    // One that is finished has its verdict to come.
    let (mut session, mut rx, mut tx, ticket) = wanting();
    assert!(!session.outcome_unknown(), "nothing was sent yet");
    session.finish_body(ticket).unwrap();
    assert_eq!(session.finish_body(ticket), Err(Misuse::NoBodyWanted), "once");
    session.abandon(ticket);
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
    assert!(session.outcome_unknown(), "the whole of it is on its way");
    rx.extend(b"250 ok\r\n250 ok\r\n250 taken\r\n").unwrap();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Submitted(..)))));
    tx.sent(usize::MAX);
    session.quit().unwrap();
    while tx.unsent().is_empty() {
        let _ = session.step(&mut rx, &mut tx).unwrap();
    }
    assert_eq!(session.patience(), Some(Duration::from_secs(10)), "good manners");
}

/// BDAT goes out where its verdict costs no flight more than that of DATA, and where the server takes it.
#[test]
fn chunks_are_sent_where_they_are_of_use() {
    for (offered, lmtp, want) in [
        ("PIPELINING\r\n250 CHUNKING", false, "BDAT 3 LAST"),
        ("PIPELINING\r\n250 SIZE", false, "DATA"),
        ("CHUNKING\r\n250 SIZE", false, "DATA"),
        ("PIPELINING\r\n250 CHUNKING", true, "DATA"),
    ] {
        let options = Options::new("mx.test", 465);
        let options = Options { lmtp, client_name: "client.test".into(), ..options };
        let mut session = Session::new(options).unwrap();
        let (mut rx, mut tx) = (RecvBuf::with_limit(1000), SendBuf::new());
        let ticket = session.submit(Envelope::new("a@x", ["b@y"])).unwrap();
        let hello = format!("250-mx\r\n250-{offered}\r\n");
        let mut replies = ["220 mx\r\n", &hello, "250 ok\r\n", "250 ok\r\n", "354 go\r\n"].into_iter();
        let mut said = String::new();
        loop {
            let step = session.step(&mut rx, &mut tx).unwrap();
            said.push_str(core::str::from_utf8(tx.unsent()).unwrap());
            tx.sent(usize::MAX);
            match step {
                Step::Event(Event::BodyWanted(_)) => {
                    session.body(ticket, b"x").unwrap();
                    session.finish_body(ticket).unwrap();
                }
                Step::Read if said.contains(want) => break,
                Step::Read => rx.extend(replies.next().unwrap().as_bytes()).unwrap(),
                _ => {}
            }
        }
        let other = if want == "DATA" { "BDAT" } else { "DATA" };
        assert!(!said.contains(other), "{offered}: {said}");
    }
}

/// An error says where the message stood: before its recipients were answered, in its middle, or at its end.
#[test]
fn a_break_in_a_message_in_chunks_is_told_with_its_stage() {
    for (replies, finishes, want) in [
        ("", false, "connection closed at MAIL"),
        ("250 ok\r\n", false, "connection closed at RCPT"),
        ("250 ok\r\n250 ok\r\n", false, "connection closed at the message"),
        ("250 ok\r\n250 ok\r\n", true, "FinalDot"),
    ] {
        let (mut session, mut rx, mut tx, ticket) = wanting();
        if finishes {
            session.finish_body(ticket).unwrap();
        }
        let _ = session.step(&mut rx, &mut tx).unwrap();
        tx.sent(usize::MAX);
        rx.extend(replies.as_bytes()).unwrap();
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read), "{want}");
        rx.set_eof();
        let error = session.step(&mut rx, &mut tx).map_err(|error| format!("{error} {error:?}")).unwrap_err();
        assert!(error.contains(want), "{want}: {error}");
    }
}

#[test]
fn a_message_in_chunks_that_is_refused_is_no_unknown_outcome() {
    let (mut session, mut rx, mut tx, ticket) = wanting();
    assert_eq!(session.body(ticket, b"\xff"), Err(Misuse::EightBit));
    session.finish_body(ticket).unwrap();
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
    rx.extend(b"250 ok\r\n550 who\r\n").unwrap();
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
    assert!(!session.outcome_unknown(), "nobody is left to get it");
    rx.set_eof();
    assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Refused(..)))));
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Close));

    let (mut session, mut rx, mut tx, ticket) = wanting();
    session.finish_body(ticket).unwrap();
    rx.extend(b"550 not you\r\n").unwrap();
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
    assert!(!session.outcome_unknown(), "whatever comes of the recipients");
}

/// The octets of a chunk belong to a message whose every recipient was named.
#[test]
fn no_chunk_goes_before_the_last_recipient() {
    let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(100_000), SendBuf::new());
    let recipients: Vec<String> = (0..1000).map(|number| format!("{number}@y")).collect();
    let ticket = session.submit(Envelope::new("a@x", &recipients)).unwrap();
    rx.extend(b"220 mx\r\n").unwrap();
    let (mut sent, mut answered) = (String::new(), 0);
    let mut hello = Some(b"250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    loop {
        let step = session.step(&mut rx, &mut tx).unwrap();
        sent.push_str(core::str::from_utf8(tx.unsent()).unwrap());
        tx.sent(usize::MAX);
        match step {
            Step::Event(Event::BodyWanted(_)) => session.finish_body(ticket).unwrap(),
            Step::Event(Event::Submitted(_, receipt)) => {
                assert_eq!(receipt.accepted.len(), 1000);
                break;
            }
            Step::Read => match hello.take() {
                Some(hello) => rx.extend(hello).unwrap(),
                None => {
                    let commands = sent.matches("\r\n").count() - 1;
                    assert!(answered < commands, "{sent}");
                    rx.extend(&b"250 ok\r\n".repeat(commands - answered)).unwrap();
                    answered = commands;
                }
            },
            _ => {}
        }
    }
    let (envelope, message) = sent.split_once("BDAT").unwrap();
    assert_eq!((envelope.matches("RCPT").count(), message), (1000, " 0 LAST\r\n"));
}

/// A server that does not take the octets hangs up: there is nobody to send the rest of the chunk to.
#[test]
fn a_refusal_in_the_middle_of_a_chunk_is_told() {
    let (mut session, mut rx, mut tx, ticket) = wanting();
    tx.sent(usize::MAX);
    rx.extend(b"250 ok\r\n250 ok\r\n").unwrap();
    while session.body(ticket, &[b'x'; 1000]).unwrap() > 0 {}
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Flush));
    rx.extend(b"552 5.3.4 too big\r\n").unwrap();
    rx.set_eof();
    let Ok(Step::Event(Event::Refused(_, refusal))) = session.step(&mut rx, &mut tx) else { panic!() };
    assert_eq!(refusal.to_string(), "server refused the message: 552 5.3.4 too big");
    assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Close));
}

/// A chunk is never longer than the send buffer, and the next one waits for the answers to the envelope.
#[test]
fn a_long_message_goes_out_in_chunks_of_one_buffer() {
    let (mut session, mut rx, mut tx, ticket) = wanting();
    let (mut left, mut sent, mut heard) = (&[b'x'; 3 * SendBuf::LIMIT][..], Vec::new(), false);
    loop {
        if !left.is_empty() {
            let taken = session.body(ticket, left).unwrap();
            left = &left[taken..];
            if left.is_empty() {
                session.finish_body(ticket).unwrap();
            }
        }
        let step = session.step(&mut rx, &mut tx).unwrap();
        assert!(tx.unsent().len() <= SendBuf::LIMIT + 200);
        sent.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
        let text = String::from_utf8_lossy(&sent).into_owned();
        match step {
            Step::Read if !heard => {
                assert_eq!(text.matches("BDAT ").count(), 1, "one chunk ahead of the answers");
                rx.extend(b"250 ok\r\n250 ok\r\n250 one\r\n").unwrap();
                heard = true;
            }
            Step::Read => {
                let sizes = text.split("BDAT ").skip(1).map(|rest| rest.split([' ', '\r']).next().unwrap());
                let sizes: Vec<usize> = sizes.map(|size| size.parse().unwrap()).collect();
                assert_eq!(sizes.iter().sum::<usize>(), 3 * SendBuf::LIMIT + 2, "and a line end");
                assert!(sizes.iter().all(|size| *size <= SendBuf::LIMIT + 2), "{sizes:?}");
                assert!(sizes[..sizes.len() - 1].iter().all(|size| *size + 2 > SendBuf::LIMIT), "{sizes:?}");
                assert_eq!(text.matches(" LAST").count(), 1);
                return;
            }
            _ => {}
        }
    }
}

/// TLS apart, the client speaks three times: EHLO, AUTH, and everything else. By DATA it is one time more.
#[test]
fn a_message_and_its_envelope_are_one_flight() {
    play(
        session,
        "> auth
        > submit a@x b@y c@y
        > quit
        S: 220 mx
        C: EHLO client.test
        S: 250-mx
        S: 250-PIPELINING
        S: 250-CHUNKING
        S: 250 AUTH XOAUTH2
        * ready
        C: AUTH XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHQwa2VuAQE=
        S: 235 welcome
        * authenticated
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        C: RCPT TO:<c@y>
        * body wanted
        > body .a
        > finish
        C: BDAT 4 LAST
        C: .a
        C: QUIT
        S: 250 ok
        S: 250 ok
        S: 550 no
        S: 250 2.0.0 taken
        S: 221 bye
        * submitted to b@y; not c@y: 550 no: 250 2.0.0 taken
        = close",
    );
}

#[test]
fn refusals_leave_a_session_that_goes_on() {
    let envelope = "> submit a@x b@y\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\n* body wanted\n";
    let rows = [
        (
            "sender",
            "> body t\n> finish\nC: BDAT 3 LAST\nC: t\nS: 550 no\nS: 503 what\nS: 503 what\n* refused: server refused the sender: 550 no",
            "",
        ),
        (
            "recipients, before the body is there",
            "S: 250 ok\nS: 550 who\n* refused: server refused every recipient; b@y: 550 who",
            "C: RSET\n",
        ),
        (
            "recipients, with the body",
            "> body t\n> finish\nC: BDAT 3 LAST\nC: t\nS: 250 ok\nS: 550 who\nS: 554 nobody\n* refused: server refused every recipient; b@y: 550 who",
            "",
        ),
        (
            "message",
            "> finish\nC: BDAT 0 LAST\nS: 250 ok\nS: 250 ok\nS: 552 5.3.4 big\n* refused: server refused the message: 552 5.3.4 big",
            "",
        ),
    ];
    for (_, first, reset) in rows {
        let next = format!("> submit c@x d@y\n{reset}C: MAIL FROM:<c@x>\nC: RCPT TO:<d@y>\n* body wanted");
        play(session, &chunked(&format!("{envelope}{first}\n{next}")));
    }
    // Nobody knows what a server does with a message that it took from a sender that it refused.
    let odd = "> body t\n> finish\nC: BDAT 3 LAST\nC: t\nS: 550 no\nS: 250 ok\nS: 250 taken\n! message was sent, and whether the server took it is unknown";
    play(session, &chunked(&format!("{envelope}{odd}")));
    let early = "> body t\n* body wanted\nS: 250 ok\nS: 250 ok\nS: 250 what\n! unexpected reply at the message: 250 what";
    play(session, &chunked(&format!("{envelope}{early}")));
}

#[test]
fn what_a_server_limits_is_not_tried() {
    play(
        session,
        &chunked(
            "> submit a@x 1@y 2@y 3@y 4@y
            * refused: message has 4 recipients, and the server takes 3
            > submit a@x 1@y 2@y 3@y\nC: MAIL FROM:<a@x>\nC: RCPT TO:<1@y>\nC: RCPT TO:<2@y>\nC: RCPT TO:<3@y>
            * body wanted
            > finish\nC: BDAT 0 LAST\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok
            * submitted to 1@y 2@y 3@y: 250 ok
            > submit a@x 1@y\nC: MAIL FROM:<a@x>\nC: RCPT TO:<1@y>\n* body wanted
            > finish\nC: BDAT 0 LAST\nS: 250 ok\nS: 250 ok\nS: 250 ok\n* submitted to 1@y: 250 ok
            > submit a@x 1@y
            * refused: server takes no more than 2 messages in one session
            > quit\nC: QUIT\nS: 221 bye\n= close",
        ),
    );
}

/// `LIMITS RCPTDOMAINMAX`: of a session, so that another one takes what would be too much for this.
#[test]
fn domains_of_recipients_are_counted() {
    let begin = |limits: &str, rest: &str| play(session, &greeted(limits, rest));
    let sent = |recipient: &str| {
        format!(
            "> submit a@x {recipient}\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<{recipient}>\nS: 250 ok\nC: DATA\n\
             S: 550 no\n* refused: server refused the message: 550 no\n> reset\nC: RSET\nS: 250 ok\n* done: 250 ok\n"
        )
    };
    let one = [sent("b@y.test"), sent("c@Y.Test")].concat();
    let full = "* refused: server takes no recipients at more than 1 domains in one session";
    begin("limits rcptdomainmax=1", &format!("{one}> submit a@x d@z.test\n{full}\n{}", sent("b@y.test")));
    begin(
        "LIMITS RCPTDOMAINMAX=1",
        "> submit a@x b@y c@z\n* refused: message has recipients at 2 domains, and the server takes 1",
    );
    // What makes no sense limits nothing.
    for nonsense in ["RCPTDOMAINMAX=0", "RCPTDOMAINMAX=-1", "RCPTDOMAINMAX", "MAILMAX=x RCPTMAX=1e3", "=5 ="]
    {
        begin(
            &format!("LIMITS {nonsense}"),
            "> submit a@x b@y c@z\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: RCPT TO:<c@z>",
        );
    }
    for (refusal, want) in [
        (Refusal::TooManyDomains { count: 1, limit: 1 }, true),
        (Refusal::TooManyDomains { count: 2, limit: 1 }, false),
        (Refusal::TooManyMessages { limit: 1 }, true),
        (Refusal::TooManyRecipients { count: 2, limit: 1 }, false),
        (Refusal::TooSoon { seconds: 1, least: 2 }, false),
    ] {
        assert_eq!((refusal.wants_new_session(), refusal.is_transient()), (want, want), "{refusal}");
    }
}

/// The octets of a message in chunks went out with its commands: whoever has them may send them again.
#[test]
fn a_parameter_of_a_message_in_chunks_is_told_once() {
    let offers = "S: 250-PIPELINING\nS: 250-CHUNKING\nS: 250 SIZE";
    let one = "C: RCPT TO:<b@y>\n* body wanted\n> finish\nC: BDAT 0 LAST\n";
    let refused = "S: 555 no\nS: 503 no\nS: 503 no\n";
    let script = format!(
        "> sized a@x b@y\nC: MAIL FROM:<a@x> SIZE=3\n{one}{refused}* refused: server refused SIZE=3, which it offers: 555 no
        > sized a@x b@y\nC: MAIL FROM:<a@x>\n{one}{refused}* refused: server refused the sender: 555 no"
    );
    play(session, &super::greeted("x", &script).replace("S: 250 x", offers));
    // The commands of the second go out before it is known; it may be sent again as well.
    let told = "* refused: server refused SIZE=3, which it offers: 555 no";
    let script = format!(
        "> sized a@x b@y\n> sized c@x b@y\nC: MAIL FROM:<a@x> SIZE=3\n{one}C: MAIL FROM:<c@x> SIZE=3\nC: RCPT TO:<b@y>
        {refused}{told}\n* body wanted\nS: 555 no\nS: 503 no\n{told}
        > sized c@x b@y\nC: RSET\nC: MAIL FROM:<c@x>\n{one}S: 250 ok\n{refused}* refused: server refused the sender: 555 no"
    );
    let session = play(session, &super::greeted("x", &script).replace("S: 250 x", offers));
    assert!(session.spare);
}

/// RFC 2852 section 3: the least time is for messages that come back.
#[test]
fn a_time_for_delivery_is_one_that_the_server_takes() {
    let offers = Capabilities::of_reply(Reply::new(250, "m\nDELIVERBY 240"), crate::Quirks::default());
    let by = |seconds, give_up| {
        let mut envelope = Envelope::new("a@x", ["b@y"]);
        envelope.deliver_by = Some(DeliverBy::new(seconds, give_up));
        envelope
    };
    let parameters = |envelope| Parameters::of(&envelope, &offers, false).map(|parameters| parameters.mail);
    assert_eq!(parameters(by(240, true)).as_deref(), Ok(" BY=240;R"));
    assert_eq!(parameters(by(239, false)).as_deref(), Ok(" BY=239;N"));
    assert_eq!(parameters(by(239, true)), Err(Refusal::TooSoon { seconds: 239, least: 240 }));
    for (seconds, give_up, good) in [
        (0, true, false),
        (0, false, true),
        (1, true, true),
        (999_999_999, true, true),
        (1_000_000_000, false, false),
    ] {
        assert_eq!(session().submit(by(seconds, give_up)).is_ok(), good, "{seconds} {give_up}");
    }
}

#[test]
fn a_message_that_is_cut_off_is_told_as_what_it_is() {
    let script = chunked(
        "> submit a@x b@y\n> quit\nC: MAIL FROM:<a@x>\nC: RCPT TO:<b@y>\n* body wanted
        > body t\n> finish\nC: BDAT 3 LAST\nC: t\nC: QUIT\nS: 250 ok\nS: 250 ok\nS: 250 taken\nS: 221 bye
        * submitted to b@y: 250 taken\n= close",
    );
    let octets: usize =
        script.lines().filter_map(|line| line.trim().strip_prefix("S: ")).map(|line| line.len() + 2).sum();
    let (mut unknown, mut told) = (0, 0);
    for cut in 0..=octets {
        let player = Player::run_until(session(), &script, 1, Some(cut));
        let last = player.last.unwrap();
        if player.record.contains("* submitted") {
            assert_eq!(last, Ok(Step::Close), "cut at {cut}");
            told += 1;
        } else if player.record.contains("BDAT") {
            assert!(matches!(last, Err(Error::OutcomeUnknown { .. })), "cut at {cut}: {last:?}");
            unknown += 1;
        } else {
            assert!(matches!(last, Err(Error::Closed { .. })), "cut at {cut}: {last:?}");
        }
    }
    assert_eq!((unknown, told), ("250 ok..250 ok..250 taken..".len(), "221 bye..".len() + 1));
}

/// What a client sent from its first chunk on: the octets of the chunks, and how many were announced. Fails where it
/// waits in the middle of a chunk.
fn of_chunks(wire: &[u8]) -> (Vec<u8>, usize) {
    let start = wire.windows(5).position(|window| window == b"BDAT ").unwrap_or(wire.len());
    let (mut body, mut count, mut rest) = (vec![], 0_usize, &wire[start..]);
    while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
        let (line, after) = rest.split_at(end);
        let line = core::str::from_utf8(line).unwrap().trim_end();
        let size: usize = line.split(' ').nth(1).unwrap().parse().unwrap();
        let (chunk, more) = after[1..].split_at_checked(size).expect("the whole chunk is sent");
        body.extend_from_slice(chunk);
        assert!(!line.ends_with(" LAST") || more.is_empty(), "{line}");
        (rest, count) = (more, count.saturating_add(1));
    }
    assert!(rest.is_empty());
    (body, count)
}

/// Chunks of 64 KiB: the first goes ahead of the replies, the others do not; without `PIPELINING`, as binary mail goes, none does.
#[test]
fn a_large_message_goes_in_chunks() {
    for (binary, pipelining) in [(false, true), (true, true), (true, false)] {
        let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(10_000), SendBuf::new());
        rx.extend(b"220 m\r\n").unwrap();
        let _ = session.step(&mut rx, &mut tx).unwrap();
        let pipelined = if pipelining { "250-PIPELINING\r\n" } else { "" };
        rx.extend(format!("250-m\r\n250-BINARYMIME\r\n{pipelined}250 CHUNKING\r\n").as_bytes()).unwrap();
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::Ready)));
        tx.sent(usize::MAX);
        let mut envelope = Envelope::new("a@x", ["b@y"]);
        envelope.binary = binary;
        let ticket = session.submit(envelope).unwrap();
        let message = if binary { b".\n\0\r".repeat(50_000) } else { b".\r\nx".repeat(50_000) };
        let (mut given, mut wire, mut answered) = (0, vec![], 0);
        loop {
            let step = session.step(&mut rx, &mut tx).unwrap();
            wire.extend_from_slice(tx.unsent());
            tx.sent(usize::MAX);
            match step {
                Step::Event(Event::BodyWanted(_)) => {
                    given += session.body(ticket, &message[given..]).unwrap();
                    if given == message.len() {
                        session.finish_body(ticket).unwrap();
                    }
                }
                Step::Event(Event::Submitted(..)) => break,
                Step::Read => {
                    let envelope =
                        wire.windows(5).filter(|window| matches!(*window, b"MAIL " | b"RCPT ")).count();
                    let sent = envelope + of_chunks(&wire).1;
                    let ahead = if !pipelining {
                        1
                    } else if answered == 0 {
                        3
                    } else {
                        usize::MAX
                    };
                    assert!((1..=ahead).contains(&(sent - answered)), "{sent} and {answered}");
                    // One by one, so that none counts for another.
                    rx.extend(b"250 ok\r\n").unwrap();
                    answered += 1;
                }
                Step::Flush => {}
                step => panic!("{step:?}"),
            }
        }
        let want = if binary { message } else { [&message[..], b"\r\n"].concat() };
        let (body, chunks) = of_chunks(&wire);
        assert!(body == want, "binary {binary}");
        assert_eq!((chunks, answered), (4, 6), "every one has its reply");
    }
}

#[test]
fn extensions_are_asked_for_where_they_are_offered() {
    let set = |change: fn(&mut Envelope)| {
        let mut envelope = Envelope::new("a@x", ["b@y"]);
        change(&mut envelope);
        envelope
    };
    let rows = [
        ("REQUIRETLS", set(|e| e.require_tls = true), " REQUIRETLS", ""),
        ("DELIVERBY", set(|e| e.deliver_by = Some(DeliverBy::new(120, true))), " BY=120;R", ""),
        ("DELIVERBY", set(|e| e.deliver_by = Some(DeliverBy::new(9, false))), " BY=9;N", ""),
        ("DSN", set(|e| e.dsn.returned = Some(Returned::Header)), " RET=HDRS", ""),
        ("DSN", set(|e| e.dsn.returned = Some(Returned::Full)), " RET=FULL", ""),
        ("DSN", set(|e| e.dsn.envelope_id = Some("a+b =c".into())), " ENVID=a+2Bb+20+3Dc", ""),
        ("DSN", set(|e| e.dsn.notify = Some(Notify::default())), "", " NOTIFY=NEVER"),
        (
            "DSN",
            set(|e| e.dsn.notify = Some(Notify { success: true, failure: true, delay: true })),
            "",
            " NOTIFY=SUCCESS,FAILURE,DELAY",
        ),
        (
            "DSN",
            set(|e| e.dsn.notify_of = vec![("b@y".into(), Some(Notify::default()))]),
            "",
            " NOTIFY=NEVER",
        ),
    ];
    for (offered, envelope, mail, recipient) in rows {
        let offers =
            Capabilities::of_reply(Reply::new(250, format!("m\n{offered}")), crate::Quirks::default());
        let parameters = Parameters::of(&envelope, &offers, false).unwrap();
        let of_recipient = envelope.dsn.of_recipient("b@y");
        assert_eq!((parameters.mail.as_str(), of_recipient.as_str()), (mail, recipient));
        assert_eq!(parameters.dsn, offered == "DSN");
        let refused = Parameters::of(&envelope, &Capabilities::default(), false).unwrap_err();
        assert_eq!(refused.to_string(), format!("message needs {offered}, which the server does not offer"));
    }
    // One recipient may want to hear what the others do not.
    let mut dsn = crate::Dsn { notify: Some(Notify::default()), ..crate::Dsn::default() };
    dsn.notify_of = vec![("c@y".into(), None)];
    assert_eq!((dsn.of_recipient("b@y").as_str(), dsn.of_recipient("c@y").as_str()), (" NOTIFY=NEVER", ""));
    // What may be left out is left out, and nothing else is.
    let mut optional = set(|e| e.dsn.envelope_id = Some("x".into()));
    optional.dsn.if_offered = true;
    let parameters = Parameters::of(&optional, &Capabilities::default(), false).unwrap();
    assert_eq!((parameters.mail.as_str(), parameters.dsn), ("", false));
    let binary = set(|e| e.binary = true);
    let chunking = Capabilities::of_reply(Reply::new(250, "m\nCHUNKING"), crate::Quirks::default());
    let refused = Parameters::of(&binary, &chunking, false).unwrap_err();
    assert_eq!(refused, Refusal::NotOffered { capability: Capability::BinaryMime });
    for (id, problem) in [("", "is empty"), ("a\r\nRSET", "holds more than printable ASCII")] {
        let mut envelope = Envelope::new("a@x", ["b@y"]);
        envelope.dsn.envelope_id = Some(id.into());
        assert_eq!(session().submit(envelope).map(drop), Err(Misuse::argument("envelope id", id, problem)));
    }
}

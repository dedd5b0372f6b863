//! Operations that are given up half way: no octet of one message may reach another.

use alloc::{collections::BTreeSet, vec};
use core::mem;

use super::*;

/// What the caller, the network and the server do, in any order.
#[derive(Clone, Copy, Debug)]
enum Act {
    Submit { lines: usize },
    Piece,
    Finish,
    Abandon,
    Step,
    Serve,
    Quit,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => (0..4_usize).prop_map(|lines| Act::Submit { lines }),
        3 => Just(Act::Piece),
        2 => Just(Act::Finish),
        2 => Just(Act::Abandon),
        6 => Just(Act::Step),
        6 => Just(Act::Serve),
        1 => Just(Act::Quit),
    ]
}

/// A server that takes everything, but for what `refuses` says about each command in turn.
#[derive(Default)]
struct Server {
    input: Vec<u8>,
    greeted: bool,
    sender: String,
    has_sender: bool,
    recipients: usize,
    in_data: bool,
    body: Vec<String>,
    chunk: Option<(usize, bool)>,
    text: String,
    stored: Vec<(String, Vec<String>)>,
}

impl Server {
    fn serve(&mut self, offered: &str, refuses: &mut impl Iterator<Item = bool>) -> String {
        let mut replies = String::new();
        if !mem::replace(&mut self.greeted, true) {
            replies.push_str("220 mx\r\n");
        }
        loop {
            if let Some((size, last)) = self.chunk {
                if self.input.len() < size {
                    break;
                }
                self.chunk = None;
                let chunk: Vec<u8> = self.input.drain(..size).collect();
                self.text.push_str(core::str::from_utf8(&chunk).unwrap());
                let refused = self.recipients == 0 || refuses.next() == Some(true);
                if last && !refused {
                    let body = mem::take(&mut self.text).lines().map(String::from).collect();
                    self.stored.push((mem::take(&mut self.sender), body));
                }
                if last || refused {
                    (self.recipients, self.text) = (0, String::new());
                }
                replies.push_str(if refused { "554 no\r\n" } else { "250 taken\r\n" });
            }
            let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") else { break };
            let line = String::from_utf8(self.input[..end].to_vec()).unwrap();
            self.input.drain(..end.saturating_add(2));
            let mut refused = || refuses.next() == Some(true);
            replies.push_str(&match line.as_str() {
                "." if self.in_data => {
                    self.in_data = false;
                    let body = mem::take(&mut self.body);
                    if refused() {
                        "554 no\r\n".into()
                    } else {
                        self.stored.push((mem::take(&mut self.sender), body));
                        "250 taken\r\n".into()
                    }
                }
                _ if self.in_data => {
                    self.body.push(line);
                    continue;
                }
                _ if line.starts_with("BDAT ") => {
                    let (size, last) =
                        line[5..].split_once(' ').map_or((&line[5..], false), |cut| (cut.0, true));
                    self.chunk = Some((size.parse().unwrap(), last));
                    continue;
                }
                "DATA" if self.recipients == 0 || refused() => "554 no\r\n".into(),
                "DATA" => {
                    self.in_data = true;
                    "354 go\r\n".into()
                }
                "EHLO client.test" => {
                    format!("250-mx\r\n250{}{offered}\r\n", if offered.contains('\n') { '-' } else { ' ' })
                }
                "QUIT" => "221 bye\r\n".into(),
                "RSET" => {
                    self.recipients = 0;
                    "250 ok\r\n".into()
                }
                _ if line.starts_with("MAIL") => {
                    (self.recipients, self.text) = (0, String::new());
                    self.has_sender = !refused();
                    self.sender = line;
                    if self.has_sender { "250 ok\r\n".into() } else { "550 no\r\n".into() }
                }
                _ if line.starts_with("RCPT") && (!self.has_sender || refused()) => "550 no\r\n".into(),
                _ if line.starts_with("RCPT") => {
                    self.recipients = self.recipients.saturating_add(1);
                    "250 ok\r\n".into()
                }
                _ => panic!("the client said {line:?}"),
            });
        }
        replies
    }
}

proptest! {
    #[test]
    fn no_message_is_merged_with_another(
        acts in prop::collection::vec(act(), 0..120),
        refuses in prop::collection::vec(prop::bool::weighted(0.1), 40),
        offered in prop::sample::select(&["SIZE", "PIPELINING", "PIPELINING\r\n250 CHUNKING"][..]),
    ) {
        let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1 << 20), SendBuf::new());
        let (mut server, mut refuses) = (Server::default(), refuses.into_iter());
        // Lines of each message that are still to be given; `None` when it was given up.
        let mut messages: Vec<(Ticket, usize, Option<usize>)> = vec![];
        let (mut finished, mut told) = (BTreeSet::new(), BTreeSet::new());
        for act in acts {
            let last = messages.len().saturating_sub(1);
            match act {
                Act::Submit { lines } => {
                    let number = messages.len();
                    let envelope = Envelope::new(format!("{number}@x"), [format!("{number}@y")]);
                    match session.submit(envelope) {
                        Ok(ticket) => messages.push((ticket, lines, Some(lines))),
                        Err(misuse) => prop_assert!(matches!(misuse, Misuse::Over | Misuse::Abandoned)),
                    }
                }
                Act::Piece => for (number, (ticket, _, left)) in messages.iter_mut().enumerate() {
                    let line = format!("line of {number}\n");
                    if left.is_some_and(|left| left > 0) && session.body(*ticket, line.as_bytes()).is_ok() {
                        *left = left.and_then(|left| left.checked_sub(1));
                    }
                },
                Act::Finish => for (number, (ticket, _, left)) in messages.iter().enumerate() {
                    if *left == Some(0) && session.finish_body(*ticket).is_ok() {
                        finished.insert(number);
                    }
                },
                Act::Abandon => if let Some((ticket, _, left)) = messages.get_mut(last) {
                    session.abandon(*ticket);
                    *left = None;
                },
                Act::Step => match session.step(&mut rx, &mut tx) {
                    Ok(Step::Event(Event::Submitted(ticket, _))) => {
                        told.insert(messages.iter().position(|message| message.0 == ticket).unwrap());
                    }
                    Ok(_) => {}
                    Err(Error::Abandoned | Error::Refused { .. }) => {}
                    Err(error) => prop_assert!(false, "{error}"),
                },
                Act::Serve => {
                    server.input.extend_from_slice(tx.unsent());
                    tx.sent(usize::MAX);
                    let replies = server.serve(offered, &mut refuses);
                    rx.extend(replies.as_bytes()).unwrap();
                }
                Act::Quit => if let Err(misuse) = session.quit() {
                    prop_assert!(matches!(misuse, Misuse::Over | Misuse::Abandoned));
                },
            }
        }
        let mut stored = BTreeSet::new();
        for (sender, body) in &server.stored {
            let number: usize = sender.strip_prefix("MAIL FROM:<").unwrap().split('@').next().unwrap().parse().unwrap();
            prop_assert!(stored.insert(number) && finished.contains(&number), "{} was not finished", number);
            let whole = vec![format!("line of {number}"); messages[number].1];
            prop_assert_eq!(body, &whole);
        }
        prop_assert!(told.is_subset(&stored), "{:?} told, {:?} stored", told, stored);
    }
}

/// An abandoned body closes the session; `quit` after it does not spin.
#[test]
fn a_message_given_up_ends_the_session_and_says_so() {
    let over = "! a message was given up before its end, and the session with it";
    let at = [
        ("queued", "> submit a@x b@y\n> abandon\n> noop\nC: NOOP", true),
        ("at MAIL", &format!("> submit a@x b@y\nC: MAIL FROM:<a@x>\n> abandon\n{over}"), false),
        (
            "in its body",
            &format!(
                "> submit a@x b@y\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354 go
                * body wanted\n> body text\nC: text\n* body wanted\n> abandon\n{over}"
            ),
            false,
        ),
        (
            "finished",
            "> submit a@x b@y\nC: MAIL FROM:<a@x>\nS: 250 ok\nC: RCPT TO:<b@y>\nS: 250 ok\nC: DATA\nS: 354 go
            * body wanted\n> finish\n> abandon\nC: .\nS: 250 ok\n* submitted to b@y: 250 ok",
            true,
        ),
    ];
    for (name, script, goes_on) in at {
        let mut session = play(session, &greeted("SIZE", script));
        let want = if goes_on { Ok(()) } else { Err(Misuse::Abandoned) };
        assert_eq!(session.submit(Envelope::new("c@x", ["d@y"])).map(drop), want, "{name}");
        assert_eq!(session.quit(), want, "{name}");
    }
}

/// A driver that steps on without giving anything waits for the server and does not spin.
///
/// An event that wants a body names its message.
#[test]
fn a_body_is_wanted_once_for_each_piece() {
    let (mut session, mut rx, mut tx) = (session(), RecvBuf::with_limit(1000), SendBuf::new());
    let ticket = session.submit(Envelope::new("a@b", ["c@d"])).unwrap();
    session.quit().unwrap();
    for replies in ["220 m\r\n", "250-m\r\n250 PIPELINING\r\n", "", "250 ok\r\n250 ok\r\n"] {
        rx.extend(replies.as_bytes()).unwrap();
        let _ = session.step(&mut rx, &mut tx).unwrap();
    }
    rx.extend(b"354 go\r\n").unwrap();
    for _ in 0..2 {
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Event(Event::BodyWanted(ticket))));
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
        assert_eq!(session.step(&mut rx, &mut tx), Ok(Step::Read));
        assert_eq!(session.body(ticket, b"a"), Ok(1));
    }
    assert_eq!(session.body(Ticket(99), b"a"), Err(Misuse::NoBodyWanted));
    assert_eq!(session.finish_body(Ticket(99)), Err(Misuse::NoBodyWanted));
    session.abandon(Ticket(99));
    assert_eq!(session.finish_body(ticket), Ok(()));
}

//! However a client's commands are cut up, the server's session says and tells the same; nobody is in before TLS, and every
//! message leaves with its dots.

use mailbearer_pop3::server::{Answer, Event, Options, Session};
use mailbearer_sasl::Mechanism;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use crate::pieces::{knobs, pieces};

/// `data` is how to cut, flags for the options, and what the client says.
pub fn run(data: &[u8]) {
    let ([cut, flags], input) = knobs(data);
    let (said, told) = serve(flags, input, 0);
    // What follows STLS at once ends the session, and in pieces it may come behind the handshake.
    if flags & 1 == 0 {
        assert_eq!((said, told), serve(flags, input, cut.max(1)));
    } else {
        serve(flags, input, cut.max(1));
    }
}

fn serve(flags: u8, input: &[u8], cut: u8) -> (String, Vec<String>) {
    let clear = flags & 1 > 0;
    let mut options = Options::default();
    options.security = Some(if clear { Security::StartTls } else { Security::Implicit });
    options.mechanisms.extend([Mechanism::Plain, Mechanism::Login]);
    options.user = flags & 2 > 0;
    options.initial_response = flags & 4 == 0;
    options.closes_after_refusal = flags & 8 > 0;
    options.limits.refusals = 10;
    let mut session = Session::new(options);
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 16), SendBuf::new());
    let (mut said, mut told) = (Vec::new(), Vec::new());
    let (mut pieces, mut tls) = (pieces(input, cut), !clear);
    for _ in 0..100_000 {
        let step = session.step(&mut rx, &mut tx).expect("every event is answered");
        assert!(tx.unsent().len() <= SendBuf::LIMIT + (1 << 14), "{} octets at once", tx.unsent().len());
        said.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
        match step {
            Step::Event(event) => {
                assert!(tls, "{event:?} in the clear");
                told.push(format!("{event:?}"));
                answer(&mut session, event);
            }
            Step::Flush => {}
            Step::StartTls => {
                assert!(rx.unread().is_empty() && !tls);
                tls = true;
            }
            Step::Read => match pieces.next() {
                Some(piece) => rx.extend(&piece[..piece.len().min(rx.room())]).unwrap(),
                None => {
                    assert!(!rx.is_eof(), "reads on after the end");
                    rx.set_eof();
                }
            },
            Step::Close => {
                let text = said.escape_ascii().to_string();
                assert!(said.is_empty() || said.ends_with(b"\r\n"), "an unfinished line: {text}");
                return (text, told);
            }
        }
    }
    panic!("no end");
}

fn answer(session: &mut Session, event: Event) {
    let message = || b"Subject: x\n\n.\r\n..\rend".to_vec().into();
    let result = match event {
        Event::Login { login, mechanism } if login.user == "bad" => match mechanism {
            Some(mechanism) if mechanism.is_bearer() => session.refuse_token("e30=", Answer::err("no")),
            _ => session.answer(&Answer::err("no")),
        },
        Event::List(None) | Event::Uidl(None) => session.answer_lines(&Answer::ok(""), ["1 a", ".b"]),
        Event::Retrieve(1) => session.answer_message(&Answer::ok(""), message()),
        Event::Top(1, lines) => session.answer_top(&Answer::ok(""), message(), lines),
        Event::Retrieve(_) | Event::Top(..) => session.answer(&Answer::err("no such message")),
        _ => session.answer(&Answer::ok("")),
    };
    result.expect("it fits");
}

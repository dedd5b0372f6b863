//! However a client's octets are cut up, the server's session says and tells the same; what it hands out of a message that
//! it takes has no bare line end, and what was not finished is no message.

use mailbearer_sasl::Mechanism;
use mailbearer_smtp::server::{Answer, Event, Options, Session};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::pieces::{knobs, pieces};

/// `data` is how to cut, what the server is like, and what a client says.
pub fn run(data: &[u8]) {
    let ([cut, kind], said) = knobs(data);
    let whole = serve(said, 0, kind);
    assert_eq!(whole, serve(said, cut.max(1), kind), "{}", said.escape_ascii());
    for message in &whole.taken {
        let bare = message.iter().enumerate().any(|(at, octet)| match octet {
            b'\n' => at == 0 || message[at - 1] != b'\r',
            b'\r' => message.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        assert!(!bare, "{}", message.escape_ascii());
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Served {
    said: Vec<u8>,
    told: Vec<String>,
    taken: Vec<Vec<u8>>,
    failed: bool,
}

fn serve(said: &[u8], cut: u8, kind: u8) -> Served {
    let mut options = Options::new("mx");
    options.security = None;
    options.login = kind & 1 != 0;
    options.lenient = kind & 2 != 0;
    options.chunking = kind & 4 == 0;
    options.mechanisms = vec![Mechanism::Plain, Mechanism::Login];
    options.limits.auth = options.limits.response;
    (options.limits.message, options.limits.recipients, options.limits.refusals) = (64, 3, 5);
    let (mut rx, mut tx) = (RecvBuf::with_limit(options.limits.response), SendBuf::new());
    let (mut session, mut served, mut message) = (Session::new(options), Served::default(), Vec::new());
    let mut rest = pieces(said, cut).flat_map(|piece| piece.chunks(4096));
    loop {
        let step = session.step(&mut rx, &mut tx);
        served.said.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
        let event = match step {
            Ok(Step::Event(event)) => event,
            Ok(Step::Read) => {
                match rest.next() {
                    Some(piece) => rx.extend(piece).expect("it reads no faster than it takes"),
                    None => rx.set_eof(),
                }
                continue;
            }
            Ok(Step::Flush) => continue,
            Ok(Step::Close) => return served,
            Ok(Step::StartTls) => panic!("it has no TLS"),
            Err(_) => {
                served.failed = true;
                return served;
            }
        };
        let answer = match event {
            Event::Content(piece) => {
                message.extend_from_slice(&piece);
                continue;
            }
            Event::Reset => {
                message.clear();
                served.told.push("reset".into());
                continue;
            }
            Event::Login { login, .. } if login.user.len() % 2 == 0 => Answer::new(235, "2.7.0 In"),
            Event::Login { .. } => Answer::new(535, "5.7.8 No"),
            Event::Data => Answer::new(354, "Go"),
            Event::EndOfContent => {
                assert!(message.len() <= 64);
                served.taken.push(std::mem::take(&mut message));
                Answer::new(250, "2.0.0 Taken")
            }
            event => {
                served.told.push(format!("{event:?}"));
                Answer::new(250, "2.0.0 OK")
            }
        };
        session.answer(&answer).expect("an answer was due");
    }
}

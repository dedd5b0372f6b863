//! However a browser's octets are cut up, they are judged the same way; only the right `state` is an answer, and nothing of
//! a request comes back.

use mailbearer_oauth::{
    RedirectCheck,
    server::{RedirectEvent, RedirectSession, RequestReader},
};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::pieces::{knobs, pieces};

/// `data` is how to cut, flags, and a request.
pub fn run(data: &[u8]) {
    let ([cut, flags], request) = knobs(data);
    let whole = judged(request, 0, flags);
    assert_eq!(whole, judged(request, cut.max(1), flags));
    if let Ok(text) = str::from_utf8(request) {
        let pasted = RedirectCheck::new(STATE).pasted(text);
        assert!(pasted.is_err() || text.contains('='), "an answer out of nothing");
    }
}

fn judged(request: &[u8], cut: u8, flags: u8) -> String {
    let check = RedirectCheck::new(STATE);
    let check = if flags & 1 > 0 { check.issuer("https://login.test") } else { check };
    let mut session = RedirectSession::new("http://localhost:1234/", check);
    let (mut rx, mut tx) = (RecvBuf::with_limit(RequestReader::HEAD + RequestReader::BODY), SendBuf::new());
    let mut pieces = pieces(request, cut);
    let mut told = String::new();
    loop {
        match session.step(&mut rx, &mut tx).expect("every event was answered") {
            Step::Event(event) => {
                let status = match &event {
                    RedirectEvent::Answer { .. } => {
                        let line = request.split(|octet| *octet == b'\n').next().unwrap_or_default();
                        assert!(line.starts_with(b"GET ") || line == b"\r" || line.is_empty(), "{event:?}");
                        200
                    }
                    RedirectEvent::Other { status, .. } => {
                        assert!(matches!(status, 400 | 404 | 405));
                        *status
                    }
                    _ => panic!("an event that this target does not know"),
                };
                assert!(told.is_empty(), "a second event");
                told = format!("{event:?}");
                session.respond(status, "page").unwrap();
            }
            Step::Read => {
                assert!(!rx.is_eof(), "reads on after the end");
                match pieces.next() {
                    Some(piece) => rx.extend(piece).expect("reads more than it said"),
                    None => rx.set_eof(),
                }
            }
            Step::Close => break,
            _ => panic!("neither flushes nor starts TLS"),
        }
    }
    let answer = String::from_utf8(tx.unsent().to_vec()).unwrap();
    let (head, _) = answer.split_once("\r\n\r\n").unwrap_or_default();
    assert_eq!(answer.is_empty(), told.is_empty());
    assert!(answer.is_empty() || head.lines().count() <= 12, "a request wrote a header field: {head}");
    assert!(!answer.contains(STATE));
    told
}

const STATE: &str = "st4te";

//! However the endpoint's octets are cut up, a token exchange ends the same way.

use mailbearer_oauth::{Client, Endpoint, Limits, TokenExchange, TokenRequest};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::pieces::{knobs, pieces};

/// `data` is how to cut, flags, and a response.
pub fn run(data: &[u8]) {
    let ([cut, flags], response) = knobs(data);
    let whole = exchange(response, 0, flags);
    let cut = exchange(response, cut.max(1), flags);
    assert_eq!(whole, cut);
}

fn exchange(response: &[u8], cut: u8, flags: u8) -> String {
    let endpoint = Endpoint::parse("https://login.test/token").unwrap();
    let request = TokenRequest::client_credentials(endpoint, Client::with_secret("id", "secret"), "scope");
    let mut limits = Limits::DEFAULT;
    if flags & 1 > 0 {
        (limits.head, limits.body) = (200, 300);
    }
    let room = 2 * limits.head;
    let mut exchange = TokenExchange::with_limits(&request, limits);
    let (mut rx, mut tx) = (RecvBuf::with_limit(room), SendBuf::new());
    let mut pieces = pieces(response, cut);
    let mut piece: &[u8] = &[];
    loop {
        let step = exchange.step(&mut rx, &mut tx);
        tx.sent(usize::MAX);
        match step {
            Ok(Step::Event(token)) => {
                assert!(!token.access_token.expose().is_empty());
                let secrets =
                    (token.access_token.expose(), token.refresh_token.as_ref().map(|token| token.expose()));
                return format!("{token:?} {secrets:?}");
            }
            Err(error) => {
                let again = exchange.step(&mut rx, &mut tx).map(drop);
                assert_eq!(again.as_ref(), Err(&error), "another last word");
                let kinds = [error.is_transient(), error.is_configuration(), error.needs_login()];
                assert!(kinds.iter().filter(|kind| **kind).count() <= 1, "{error:?}");
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
                return format!("{error:?}");
            }
            Ok(Step::Read) => {
                assert!(!rx.is_eof(), "reads on after the end");
                if piece.is_empty() {
                    piece = pieces.next().unwrap_or_default();
                }
                let (now, later) = piece.split_at(piece.len().min(rx.room()));
                if piece.is_empty() {
                    if flags & 2 > 0 { rx.set_cut_off() } else { rx.set_eof() }
                }
                assert!(piece.is_empty() || !now.is_empty(), "wants to read and has no room");
                rx.extend(now).unwrap();
                piece = later;
            }
            Ok(_) => panic!("neither flushes, starts TLS nor closes before the token"),
        }
    }
}

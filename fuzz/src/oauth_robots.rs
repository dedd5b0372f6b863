//! What a token endpoint, a machine's own services and key files say is bounded, fit for a terminal, and never repeats a
//! token in an error; and a connection that is used again never gives one request the answer of another.

use std::time::Duration;

use mailbearer_oauth::{
    Endpoint, Error, Limits, ManagedIdentity, ServiceAccount, Token, github_token,
    http::{Exchange, Request, Response},
    is_assertion,
};
use mailbearer_wire::{Json, Machine, RecvBuf, SendBuf, Step};

use crate::pieces::{knobs, pieces};

const STATUS: [u16; 8] = [200, 201, 400, 401, 404, 410, 429, 503];

/// `data` is which status, how to cut, and a body; or with the highest bit of the first octet a whole dialogue.
pub fn run(data: &[u8]) {
    let ([first, cut], rest) = knobs(data);
    if first & 0x80 > 0 {
        again(rest, cut);
    } else {
        answers(STATUS[usize::from(first % 8)], rest);
    }
}

/// The body of an answer, read as each kind of answer that there is.
fn answers(status: u16, body: &[u8]) {
    let response = Response::new(status, body.to_vec().into());
    let now = Duration::from_secs(1_795_000_000);
    let url = "http://127.0.0.1:1/x";
    let (machine, app, arc) = (
        ManagedIdentity::virtual_machine(url).unwrap(),
        ManagedIdentity::app_service(url, "h").unwrap(),
        ManagedIdentity::arc(url).unwrap(),
    );
    let found = [
        Token::from_response(&response, &Limits::DEFAULT),
        machine.token(&response, now),
        app.token(&response, now),
        arc.token(&response, now),
    ];
    for found in found {
        match found {
            Ok(token) => {
                let text = token.access_token.expose();
                assert!(matches!(status, 200..=299) && is_assertion(text), "{token:?}");
                assert!(
                    token.expires_in.is_none_or(|life| life <= Duration::from_secs(366 * 86_400))
                        || life_is_by_end(body)
                );
            }
            Err(error) => is_sound(&error, body),
        }
    }
    match github_token(&response) {
        Ok(token) => assert!(matches!(status, 200..=299) && is_assertion(token.expose())),
        Err(error) => is_sound(&error, body),
    }
    // Whatever the peer names, no path comes of it.
    let mut challenge = Response::new(401, Vec::new().into());
    challenge.challenge = Some(String::from_utf8_lossy(body).into_owned());
    if let Some(file) = arc.challenge(&challenge) {
        assert!(
            file.ends_with(".key") && !file.contains(['/', '\\', '\0', ':']) && !file.starts_with(".."),
            "{file}"
        );
    }
    assert!(machine.challenge(&challenge).is_none() && app.challenge(&challenge).is_none());
    if let Ok(account) = ServiceAccount::from_json(body) {
        assert!(
            !format!("{account:?}").contains(account.key.expose().as_str()) || account.key.expose().len() < 8
        );
        // What is signed is JSON, whatever the names are.
        let _ = account.assertion("ann@x", "scope", "https://a/t", now);
    }
}

/// `expires_on` is a date, and may be as far away as the peer likes.
fn life_is_by_end(body: &[u8]) -> bool {
    Json::parse(body).is_some_and(|json| json.get("expires_on").is_some())
}

fn is_sound(error: &Error, body: &[u8]) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control) && text.len() < 20_000, "{text}");
    let json = Json::parse(body);
    for name in ["access_token", "refresh_token", "value"] {
        let token = json.and_then(|json| json.get(name)?.text());
        if let Some(token) =
            token.filter(|token| token.len() >= 16 && matches!(error, Error::NotAToken { .. }))
        {
            assert!(!text.contains(&token), "{name} in {text}");
        }
    }
}

/// Two requests on one connection, on which the peer says all of `said` after the first.
fn again(said: &[u8], cut: u8) {
    let request = || Request::get(Endpoint::parse("https://a.test/").unwrap()).keep_connection();
    let (mut rx, mut tx) = (RecvBuf::with_limit(2 * Limits::DEFAULT.head), SendBuf::new());
    let mut first = Exchange::new(request(), Limits::DEFAULT);
    let mut pieces = pieces(said, cut);
    let mut piece: &[u8] = &[];
    let response = loop {
        let step = first.step(&mut rx, &mut tx);
        tx.sent(usize::MAX);
        match step {
            Ok(Step::Event(response)) => break response,
            Ok(Step::Read) => {
                if piece.is_empty() {
                    piece = pieces.next().unwrap_or_default();
                }
                let (now, later) = piece.split_at(piece.len().min(rx.room()));
                if piece.is_empty() {
                    rx.set_eof();
                }
                rx.extend(now).unwrap();
                piece = later;
            }
            Ok(step) => panic!("{step:?}"),
            Err(_) => return,
        }
    };
    let mut second = Exchange::new(request(), Limits::DEFAULT);
    // A body without a length ends with the connection, which then serves no other request.
    let left = !rx.unread().is_empty() || rx.is_eof();
    match second.step(&mut rx, &mut tx) {
        Err(_) => assert!(left, "nothing came too early"),
        Ok(Step::Read) => assert!(!left && response.status >= 200, "an answer is left for the next request"),
        Ok(step) => panic!("{step:?}"),
    }
}

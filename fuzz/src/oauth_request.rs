//! A server reads of a token request what was put into it, however it is cut up, and nothing else.

use arbitrary::{Arbitrary, Unstructured};
use mailbearer_oauth::{
    Client, Endpoint, TokenExchange, TokenRequest,
    server::{Request, RequestReader},
};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::pieces::pieces;

#[derive(Arbitrary, Debug)]
struct Input {
    cut: u8,
    url: String,
    id: String,
    secret: Option<(String, bool)>,
    scope: String,
    refresh: Option<String>,
    parameters: Vec<(String, String)>,
}

/// `data` is an [`Input`].
pub fn run(data: &[u8]) {
    let Ok(input) = Input::arbitrary(&mut Unstructured::new(data)) else { return };
    let endpoint =
        Endpoint::parse(&input.url).or_else(|_| Endpoint::parse(&format!("https://{}", input.url)));
    let endpoint = endpoint.unwrap_or_else(|_| Endpoint::parse("https://login.test/token").unwrap());
    let (id, secret) = (input.id.as_str(), input.secret.as_ref());
    let client = match secret {
        None => Client::public(id),
        Some((secret, false)) => Client::with_secret(id, secret.as_str()),
        Some((secret, true)) => Client::with_basic_secret(id, secret.as_str()),
    };
    let mut wanted = vec![("client_id", id)];
    match secret {
        Some((secret, false)) => wanted.push(("client_secret", secret)),
        Some((_, true)) => wanted.clear(),
        None => {}
    }
    let mut request = match &input.refresh {
        Some(token) => {
            set(&mut wanted, "grant_type", "refresh_token");
            set(&mut wanted, "refresh_token", token);
            TokenRequest::refresh_token(endpoint, client, token.clone())
        }
        None => {
            set(&mut wanted, "grant_type", "client_credentials");
            set(&mut wanted, "scope", &input.scope);
            TokenRequest::client_credentials(endpoint, client, &input.scope)
        }
    };
    for (name, value) in &input.parameters {
        set(&mut wanted, name, value);
        request = request.parameter(name, value.clone());
    }
    let (mut exchange, mut rx, mut tx) =
        (TokenExchange::new(&request), RecvBuf::with_limit(1 << 16), SendBuf::new());
    let mut octets = Vec::new();
    while let Step::Flush = exchange.step(&mut rx, &mut tx).unwrap() {
        octets.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
    }
    octets.extend_from_slice(tx.unsent());
    if octets.len() > RequestReader::BODY / 2 {
        return;
    }

    let read = read(&octets, input.cut);
    assert_eq!((read.method.as_str(), read.target.as_str()), ("POST", request.endpoint().target()));
    let form = read.form().unwrap();
    for (name, value) in &wanted {
        assert_eq!(form.field(name), Some(*value), "{name}");
    }
    let fields = mailbearer_oauth::server::decode_form(read.body.expose()).unwrap();
    assert_eq!(fields.len(), wanted.len(), "{fields:?}");
    if let Some((secret, true)) = secret {
        let (read_id, read_secret) = read.basic().expect("basic credentials");
        assert_eq!((read_id.as_str(), read_secret.expose()), (id, secret));
    } else {
        assert!(read.basic().is_none());
    }
}

/// The fields in a server's view: the last value of each counts.
fn set<'a>(fields: &mut Vec<(&'a str, &'a str)>, name: &'a str, value: &'a str) {
    match fields.iter_mut().find(|(present, _)| *present == name) {
        Some((_, present)) => *present = value,
        None => fields.push((name, value)),
    }
}

fn read(octets: &[u8], cut: u8) -> Request {
    let (mut reader, mut rx) = (RequestReader::new(), RecvBuf::with_limit(octets.len()));
    let mut found = None;
    for piece in pieces(octets, cut) {
        assert!(found.is_none(), "more than a request");
        rx.extend(piece).unwrap();
        found = reader.next(&mut rx).unwrap();
    }
    assert!(rx.unread().is_empty());
    found.expect("a whole request")
}

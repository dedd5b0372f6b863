//! However the endpoint's bytes are cut up, a token exchange ends the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailbearer_oauth::{Client, Endpoint, Error, TokenExchange, TokenRequest};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (response, chunk) = input;
    let whole = run(&response, response.len().max(1));
    let cut = run(&response, usize::from(chunk).max(1));
    assert_eq!(whole, cut);
});

fn run(response: &[u8], chunk: usize) -> Result<String, Error> {
    let endpoint = Endpoint::parse("https://login.test/token").unwrap();
    let request = TokenRequest::client_credentials(endpoint, Client::with_secret("id", "secret"), "scope");
    let mut exchange = TokenExchange::new(&request);
    let (mut rx, mut tx) = (RecvBuf::with_limit(TokenExchange::RECV_LIMIT), SendBuf::new());
    let mut pieces = response.chunks(chunk);
    loop {
        let step = exchange.step(&mut rx, &mut tx);
        tx.sent(usize::MAX);
        match step? {
            Step::Event(token) => return Ok(token.access_token.expose().clone()),
            Step::Read => match pieces.next() {
                _ if rx.is_eof() => panic!("reads on after the end"),
                // More than the exchange takes in one go is what a driver holds back too.
                Some(piece) => rx.extend(piece.get(..rx.room()).unwrap_or(piece)).unwrap(),
                None => rx.set_eof(),
            },
            _ => panic!("neither flushes, starts TLS nor closes before the token"),
        }
    }
}

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::*;
use crate::{Client, Endpoint, server};

fn request() -> TokenRequest {
    let endpoint = Endpoint::parse("https://a.example/t").unwrap();
    TokenRequest::client_credentials(endpoint, Client::with_secret("id", "s3~cret"), "scope")
}

/// Drives an exchange as a driver would; counts the flights of the client.
fn drive(input: &[u8], chunk: usize) -> (Result<String, Error>, usize, Vec<u8>) {
    let mut exchange = TokenExchange::new(&request());
    let (mut rx, mut tx) = (RecvBuf::with_limit(TokenExchange::RECV_LIMIT), SendBuf::new());
    let (mut pieces, mut sent, mut flights, mut token) = (input.chunks(chunk), Vec::new(), 0_usize, None);
    loop {
        let step = exchange.step(&mut rx, &mut tx);
        if !tx.unsent().is_empty() {
            flights = flights.saturating_add(1);
            sent.extend_from_slice(tx.unsent());
            tx.sent(tx.unsent().len());
        }
        match step {
            Ok(Step::Read) => match pieces.next() {
                Some(piece) => rx.extend(piece).unwrap(),
                None => {
                    assert!(!rx.is_eof(), "asks for more after the end");
                    rx.set_eof();
                }
            },
            Ok(Step::Event(found)) => token = Some(found.access_token.expose().clone()),
            Ok(Step::Close) => return (Ok(token.unwrap()), flights, sent),
            Ok(step) => panic!("{step:?}"),
            Err(error) => {
                assert_eq!(exchange.step(&mut rx, &mut tx).unwrap_err(), error, "the error stays");
                return (Err(error), flights, sent);
            }
        }
    }
}

#[test]
fn one_flight_out_and_one_response_back() {
    let body = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"t0ken"}"#;
    let response = server::response(200, &[("X", "y")], body);
    for chunk in 1..=response.len() {
        let (token, flights, sent) = drive(&response, chunk);
        assert_eq!((token, flights), (Ok("t0ken".into()), 1), "by {chunk}");
        assert!(sent.starts_with(b"POST /t HTTP/1.1\r\nHost: a.example\r\n"));
    }
    let cut = drive(&response[..response.len() - 1], 1000).0;
    assert_eq!(cut, Err(Error::Http(http::Error::Truncated)));
}

#[test]
fn refusals_end_it() {
    let body = r#"{"error":"temporarily_unavailable","error_description":"AADSTS90055: throttled"}"#;
    let response = server::response(429, &[("Retry-After", "30")], body);
    for chunk in 1..=response.len() {
        let error = drive(&response, chunk).0.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
        let want = "token endpoint refused with temporarily_unavailable (HTTP 429): AADSTS90055: throttled";
        assert_eq!(error.to_string(), want);
    }
    let redirect = server::response(302, &[("Location", "https://b.example/")], "");
    let (error, flights, _) = drive(&redirect, 1000);
    assert!(error.unwrap_err().is_configuration());
    assert_eq!(flights, 1, "nothing is sent after it");
}

#[test]
fn a_trace_of_it_all_holds_no_secret() {
    let mut exchange = TokenExchange::new(&request());
    let (mut rx, mut tx) = (RecvBuf::with_limit(TokenExchange::RECV_LIMIT), SendBuf::new());
    rx.start_trace(None);
    tx.start_trace(None);
    let body = r#"{"token_type":"Bearer","access_token":"t0ken","refresh_token":"t0ken2"}"#;
    let mut shown = String::new();
    for piece in server::response(200, &[], body).chunks(7) {
        shown.push_str(&format!("{:?} {exchange:?}\n", exchange.step(&mut rx, &mut tx)));
        rx.extend(piece).unwrap();
    }
    shown.push_str(&format!("{:?} {exchange:?}\n", exchange.step(&mut rx, &mut tx)));
    tx.push(b"\r\n");
    rx.extend(b"\r\n").unwrap();
    rx.consume(2);
    for line in tx.take_trace().into_iter().chain(rx.take_trace()) {
        shown.push_str(&line.text);
        shown.push('\n');
    }
    assert!(shown.contains("POST /t HTTP/1.1\n") && shown.contains("HTTP/1.1 200 OK\n"), "{shown}");
    for secret in ["s3", "cret", "t0ken"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// Some servers repeat the form, or the field at fault, in their errors.
///
/// A `400` whose body repeats our form, or `error_description` with the secret in it, shows no secret.
#[test]
fn what_a_server_repeats_of_our_secrets_is_not_shown() {
    let form = "client_secret=s3~cret-s3~cret&x";
    let bodies = [
        (400, format!(r#"{{"error":"invalid_request","error_description":"bad: {form}"}}"#)),
        (400, r#"{"error":"s3~cret-s3~cret","error_uri":"https://x/?s=s3%7Ecret-s3%7Ecret"}"#.into()),
        (401, format!("<html>{} s3%7ecret-s3%7Ecret Basic aWQ6czN+Y3JldC1zM35jcmV0", "x".repeat(150))),
        (500, format!("{}s3~cret-s3~cret", "x".repeat(190))),
        (200, "<p>s3~cret-s3~cret".into()),
    ];
    for client in
        [Client::with_secret("id", "s3~cret-s3~cret"), Client::with_basic_secret("id", "s3~cret-s3~cret")]
    {
        for (status, body) in &bodies {
            let endpoint = Endpoint::parse("https://a.example/t").unwrap();
            let request = TokenRequest::client_credentials(endpoint, client.clone(), "scope");
            let mut exchange = TokenExchange::new(&request);
            let (mut rx, mut tx) = (RecvBuf::with_limit(TokenExchange::RECV_LIMIT), SendBuf::new());
            rx.start_trace(None);
            rx.extend(&server::response(*status, &[], body)).unwrap();
            let error = exchange.step(&mut rx, &mut tx).unwrap_err();
            let shown = format!("{error} {error:?} {exchange:?} {:?}", rx.take_trace());
            for part in ["s3~cret", "s3%7", "czN+Y3J", "cret-s3"] {
                assert!(!shown.contains(part), "{part} is in {shown}");
            }
        }
    }
}

/// Whatever was sent, a server may repeat what is secret of it, and is waited for half a minute.
#[test]
fn every_exchange_hides_its_secrets_and_is_patient() {
    let endpoint = || Endpoint::parse("https://a.example/t").unwrap();
    let client = || Client::with_secret("client-id", "s3cret-of-ours");
    let form = http::Request::form(endpoint(), "scope=mail.read.all&password=s3cret-of-ours".into());
    let form = form.secret_field("X-Key", "k3y-of-ours").unwrap().field("X-Plain", "plain-field").unwrap();
    let token = TokenExchange::new(&TokenRequest::client_credentials(endpoint(), client(), "mail.read.all"));
    let device =
        crate::DeviceExchange::new(&crate::DeviceRequest::new(endpoint(), client(), "mail.read.all"));
    let revocation = crate::Revocation::new(endpoint(), client(), "k3y-of-ours");
    let patience = [token.patience(), device.patience(), revocation.patience()];
    let exchange = http::Exchange::new(form.clone(), Limits::DEFAULT);
    assert_eq!((patience, exchange.patience()), ([Some(Duration::from_secs(30)); 3], patience[0]));
    let all: [&dyn Hides; 4] = [&token, &device, &revocation, &form];
    for hides in all {
        let shown = hides.redactor().redact("s3cret-of-ours");
        assert!(!shown.contains("of-ours"), "{shown}");
    }
    for (hides, plain) in [
        (all[0], "mail.read.all of client-id"),
        (all[2], "refresh_token"),
        (all[3], "plain-field and mail.read.all&password="),
    ] {
        assert_eq!(hides.redactor().redact(plain), plain);
    }
    for shown in [revocation.redactor(), form.redactor()] {
        let shown = shown.redact("k3y-of-ours");
        assert!(!shown.contains("of-ours"), "{shown}");
    }
}

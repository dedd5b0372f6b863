use alloc::{format, vec};

use mailbearer_wire::{Machine, SendBuf};

use super::*;
use crate::{Client, Endpoint, TokenExchange, TokenRequest};

fn sent(client: Client) -> Vec<u8> {
    let endpoint = Endpoint::parse("https://a.example/t?x=1").unwrap();
    let request = TokenRequest::client_credentials(endpoint, client, "a/.default").parameter("ü", "&");
    let (mut rx, mut tx) = (RecvBuf::with_limit(1), SendBuf::new());
    let _ = TokenExchange::new(&request).step(&mut rx, &mut tx).unwrap();
    tx.unsent().to_vec()
}

fn read(input: &[u8], chunk: usize) -> Result<Option<Request>, BadRequest> {
    let mut reader = RequestReader::new();
    let mut rx = RecvBuf::with_limit(RequestReader::HEAD + RequestReader::BODY);
    for piece in input.chunks(chunk) {
        if rx.extend(piece).is_err() {
            return Ok(None);
        }
        if let Some(request) = reader.next(&mut rx)? {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

#[test]
fn hears_what_the_client_says() {
    let secret = "s~e+c&r%e=t ü:";
    let post = sent(Client::with_secret("i:d", secret));
    for chunk in 1..=post.len() {
        let request = read(&post, chunk).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/t?x=1"));
        assert_eq!(request.header("Host"), Some("a.example"));
        let form = request.form().unwrap();
        assert_eq!(form.field("grant_type"), Some("client_credentials"));
        assert_eq!(form.field("scope"), Some("a/.default"));
        assert_eq!(form.field("ü"), Some("&"));
        assert_eq!(form.field("client_id"), Some("i:d"));
        assert_eq!(form.field("client_secret"), Some(secret));
        assert!(request.basic().is_none());
        assert!(read(&post[..post.len() - 1], chunk).unwrap().is_none(), "one octet is missing");
    }
    let request = read(&sent(Client::with_basic_secret("i:d", secret)), 1000).unwrap().unwrap();
    let (id, found) = request.basic().unwrap();
    assert_eq!((id.as_str(), found.expose().as_str()), ("i:d", secret));
    assert_eq!(request.form().unwrap().field("client_id"), None);
}

#[test]
fn reads_one_request_after_the_other() {
    let (mut reader, mut rx) = (RequestReader::new(), RecvBuf::with_limit(1000));
    rx.extend(
        b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.0\r\n\r\n",
    )
    .unwrap();
    let mut next =
        || reader.next(&mut rx).unwrap().map(|request| (request.target, request.body.expose().clone()));
    assert_eq!(next(), Some(("/a".into(), vec![])));
    assert_eq!(next(), Some(("/b".into(), b"abc".to_vec())));
    assert_eq!(next(), Some(("/c".into(), vec![])));
    assert_eq!(next(), None);
}

#[test]
fn refuses_bad_requests() {
    let fill = |size: usize| {
        let start = "GET / HTTP/1.1\r\nA: ";
        format!("{start}{}\r\n\r\n", "x".repeat(size - start.len() - 4))
    };
    let fields = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    let body = |size: usize| format!("POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n{}", "x".repeat(size));
    let rows = [
        ("no HTTP", "EHLO x\r\n\r\n".into(), Some("no HTTP/1 request")),
        ("no length", "POST / HTTP/1.1\r\n\r\n".into(), Some("no content length")),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n".into(),
            Some("no content length"),
        ),
        ("minus", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".into(), Some("content length")),
        ("chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".into(), Some("transfer coding")),
        ("head at the limit", fill(RequestReader::HEAD), None),
        ("head over it", fill(RequestReader::HEAD + 1), Some("head over the limit")),
        ("endless head", "x".repeat(RequestReader::HEAD), Some("head over the limit")),
        ("fields at the limit", fields(RequestReader::HEADERS), None),
        ("fields over it", fields(RequestReader::HEADERS + 1), Some("header fields over the limit")),
        ("body at the limit", body(RequestReader::BODY), None),
        ("body over it", body(RequestReader::BODY + 1), Some("body over the limit")),
    ];
    for (name, input, want) in rows {
        for chunk in [977, input.len()] {
            let found = read(input.as_bytes(), chunk);
            assert_eq!(found.as_ref().err().map(|error| error.0), want, "{name} by {chunk}");
            assert!(want.is_some() || found.unwrap().is_some(), "{name} by {chunk}");
        }
    }
}

#[test]
fn decodes_forms() {
    let pair = |name: &str, value: &str| (String::from(name), String::from(value));
    let rows: Vec<(&[u8], Result<Vec<_>, _>)> = vec![
        (b"", Ok(vec![])),
        (b"a=b&c=d%20e+f", Ok(vec![pair("a", "b"), pair("c", "d e f")])),
        (b"a&=b&&c==", Ok(vec![pair("a", ""), pair("", "b"), pair("c", "=")])),
        (b"%c3%BC=%e2%82%ac", Ok(vec![pair("ü", "€")])),
        (b"a=%", Err(BadRequest("bad escape in a form"))),
        (b"a=%4", Err(BadRequest("bad escape in a form"))),
        (b"a=%+1", Err(BadRequest("bad escape in a form"))),
        (b"a=%ff", Err(BadRequest("form is not UTF-8"))),
    ];
    for (form, want) in rows {
        assert_eq!(decode_form(form), want, "{}", String::from_utf8_lossy(form));
    }
}

#[test]
fn a_form_is_what_it_says_it_is() {
    let post = |kind: &str, body: &str| {
        let text = format!(
            "POST / HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        read(text.as_bytes(), 1000).unwrap().unwrap().form().err().map(|error| error.0)
    };
    assert_eq!(post("application/x-www-form-urlencoded", "a=b"), None);
    assert_eq!(post("Application/X-WWW-Form-Urlencoded; charset=UTF-8", "a=b"), None);
    assert_eq!(post("application/json", "{}"), Some("content type is not of a form"));
    assert_eq!(post("application/x-www-form-urlencoded", "a=b&c=d&a=b"), Some("form field occurs twice"));
}

#[test]
fn shows_no_secret() {
    let request = read(&sent(Client::with_basic_secret("id", "s3cret")), 1000).unwrap().unwrap();
    let shown = format!("{request:?} {:?}", request.form().unwrap());
    assert!(!shown.contains("s3cret") && !shown.contains("aWQ6"), "{shown}");
}

#[test]
fn a_status_has_its_name() {
    for (status, want) in [
        (200, "OK"),
        (302, "Found"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (503, "Service Unavailable"),
        (299, ""),
    ] {
        let sent = response(status, &[], "{}");
        assert!(sent.starts_with(format!("HTTP/1.1 {status} {want}\r\n").as_bytes()), "{status}");
    }
}

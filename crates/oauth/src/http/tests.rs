use alloc::{format, string::ToString, vec};

use super::*;
use crate::Hides;

const SMALL: Limits = Limits { head: 100, headers: 3, interim: 2, body: 10, token: 5 };

fn post(limits: Limits) -> Exchange {
    let endpoint = Endpoint::parse("https://a.example:8443/t?v=2").unwrap();
    sent(Request::form(endpoint, "a=b".into()), limits)
}

/// An exchange whose request was sent.
fn sent(request: Request, limits: Limits) -> Exchange {
    let mut exchange = Exchange::new(request, limits);
    assert!(matches!(exchange.step(&mut RecvBuf::with_limit(1), &mut SendBuf::new()), Ok(Step::Read)));
    exchange
}

/// What comes of a server's bytes, which arrive in pieces of `chunk` octets, and then end or not.
fn fed(input: &[u8], chunk: usize, eof: bool, limits: Limits) -> Result<Option<(u16, String)>, Error> {
    let (mut exchange, mut rx, mut tx) =
        (post(limits), RecvBuf::with_limit(limits.head.saturating_mul(2)), SendBuf::new());
    let mut pieces = input.chunks(chunk);
    loop {
        match exchange.step(&mut rx, &mut tx) {
            Ok(Step::Read) => match pieces.next() {
                Some(piece) => rx.extend(piece).unwrap(),
                None if eof => {
                    assert!(!rx.is_eof(), "asks for more after the end");
                    rx.set_eof();
                }
                None => return Ok(None),
            },
            Ok(Step::Event(response)) => {
                assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Close)));
                let body = String::from_utf8(response.body.expose().clone()).unwrap();
                return Ok(Some((response.status, body)));
            }
            Ok(step) => panic!("{step:?}"),
            Err(error) => {
                assert_eq!(exchange.step(&mut rx, &mut tx).unwrap_err(), error, "the error stays");
                return Err(error);
            }
        }
    }
}

fn ok(body: &str) -> Result<Option<(u16, String)>, Error> {
    Ok(Some((200, body.into())))
}

fn malformed(part: &'static str) -> Result<Option<(u16, String)>, Error> {
    Err(Error::Malformed(part))
}

fn limit(what: &'static str, limit: usize) -> Result<Option<(u16, String)>, Error> {
    Err(Error::Limit { what, limit })
}

#[test]
fn writes_the_request_in_one_flight() {
    let basic = [None, Some(("Basic", Secret::from("aWQ6cw==")))];
    for basic in basic {
        let endpoint = Endpoint::parse("https://[::1]:8443/t?v=2").unwrap();
        let field = basic
            .as_ref()
            .map_or(String::new(), |(_, value)| format!("Authorization: Basic {}\r\n", value.expose()));
        let mut exchange =
            Exchange::post(&endpoint, basic.map(|(_, value)| value), "a=s3cret".into(), Limits::DEFAULT);
        let (mut rx, mut tx) = (RecvBuf::with_limit(100), SendBuf::new());
        tx.start_trace(None);
        assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
        let want = format!(
            "POST /t?v=2 HTTP/1.1\r\nHost: [::1]:8443\r\nUser-Agent: mailbearer/{}\r\nAccept: application/json\r\n\
             Accept-Encoding: identity\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 8\r\n{field}\r\na=s3cret",
            env!("CARGO_PKG_VERSION"),
        );
        assert_eq!(String::from_utf8_lossy(tx.unsent()), want);
        let sent = tx.unsent().len();
        assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
        assert_eq!(tx.unsent().len(), sent, "it is sent once");
        tx.push(b"\r\n");
        let trace = format!("{:?}", tx.take_trace());
        assert!(trace.contains("[redacted]") && trace.contains("Host: [::1]:8443"), "{trace}");
        assert!(!trace.contains("s3cret") && !trace.contains("aWQ6cw"), "{trace}");
    }
}

#[test]
fn reads_a_response_however_it_arrives() {
    let redirect = |status, location: Option<&str>| {
        Err(Error::Redirect { status, location: location.map(ToString::to_string) })
    };
    let rows: Vec<(&str, &[u8], _)> = vec![
        ("length", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", ok("{}")),
        ("length zero", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ok("")),
        ("length with spaces around", b"HTTP/1.1 200 OK\r\ncontent-length:   2 \r\n\r\n{}", ok("{}")),
        ("bytes after the body", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200", ok("{}")),
        ("until close", b"HTTP/1.1 200 OK\r\n\r\n{}", ok("{}")),
        ("until close, 1.0", b"HTTP/1.0 200 OK\r\n\r\n{}", ok("{}")),
        ("until close, empty", b"HTTP/1.1 200 OK\r\n\r\n", ok("")),
        ("no reason", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", ok("{}")),
        ("chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", ok("{}")),
        (
            "chunked, everything",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n0a ; x=\"y\"\r\n0123456789\r\n000\r\nT: 1\r\n\r\n",
            ok("0123456789"),
        ),
        ("identity", b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", ok("{}")),
        ("refusal", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}", Ok(Some((400, "{}".into())))),
        ("no content", b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", Ok(Some((204, "".into())))),
        (
            "interim",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            ok("{}"),
        ),
        ("upgrade", b"HTTP/1.1 101 Switching\r\n\r\n", malformed("unasked upgrade")),
        ("301", b"HTTP/1.1 301 Moved\r\nLocation: http://a.example/\r\n\r\n", redirect(301, Some("http://a.example/"))),
        ("302", b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", redirect(302, Some("file:///etc/passwd"))),
        ("303", b"HTTP/1.1 303 See\r\nLocation: \xc2\x9b2J\r\n\r\n", redirect(303, Some("\\x9b2J"))),
        ("304", b"HTTP/1.1 304 Not Modified\r\n\r\n", redirect(304, None)),
        ("307", b"HTTP/1.1 307 T\r\nLocation: https://b.example/t\r\n\r\n", redirect(307, Some("https://b.example/t"))),
        ("308", b"HTTP/1.1 308 P\r\n\r\n", redirect(308, None)),
        ("cut head", b"HTTP/1.1 200 OK\r\nContent-Le", Err(Error::Truncated)),
        ("nothing", b"", Err(Error::Truncated)),
        ("cut body", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", Err(Error::Truncated)),
        ("cut chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}", Err(Error::Truncated)),
        ("no last chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", Err(Error::Truncated)),
        ("no end of trailers", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Err(Error::Truncated)),
        ("interim only", b"HTTP/1.1 100 Continue\r\n\r\n", Err(Error::Truncated)),
    ];
    for (name, input, want) in rows {
        for chunk in 1..=input.len().max(1) {
            assert_eq!(fed(input, chunk, true, Limits::DEFAULT), want, "{name} by {chunk}");
        }
    }
}

/// Bytes that are not HTTP are a wrong protocol at once.
#[test]
fn refuses_what_is_not_http() {
    let rows: &[(&str, &[u8], &'static str)] = &[
        ("SMTP", b"220 mail.example ESMTP\r\n", "no HTTP"),
        ("HTTP/0.9", b"<html>\r\n", "no HTTP"),
        ("HTTP/2", b"HTTP/2.0 200 OK\r\n\r\n", "version"),
        ("HTTP/1.2", b"HTTP/1.2 200 OK\r\n\r\n", "version"),
        ("empty line first", b"\r\nHTTP/1.1 200 OK\r\n\r\n", "no HTTP"),
        ("status of two digits", b"HTTP/1.1 20 OK\r\n\r\n", "status line"),
        ("status 099", b"HTTP/1.1 099 OK\r\n\r\n", "status code"),
        ("status 600", b"HTTP/1.1 600 OK\r\n\r\n", "status code"),
        ("bare LF", b"HTTP/1.1 200 OK\n\r\n", "line end"),
        ("bare LF in a field", b"HTTP/1.1 200 OK\r\nA: b\n\r\n", "line end"),
        ("bare CR", b"HTTP/1.1 200 OK\r\nA: b\rContent-Length: 1\r\n\r\n", "header field"),
        ("two CR", b"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n", "header field"),
        ("NUL", b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", "header field"),
        ("obs-fold", b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "header field"),
        ("space before colon", b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n", "header field"),
        ("no colon", b"HTTP/1.1 200 OK\r\nA\r\n\r\n", "header field"),
    ];
    for (name, input, want) in rows {
        for chunk in 1..=input.len() {
            assert_eq!(fed(input, chunk, false, Limits::DEFAULT), malformed(want), "{name} by {chunk}");
        }
    }
}

#[test]
fn refuses_two_ways_to_read_a_body() {
    let rows = [
        ("two lengths", "Content-Length: 2\r\nContent-Length: 3", "content length"),
        ("the same length twice", "Content-Length: 2\r\nContent-Length: 2", "content length"),
        ("list", "Content-Length: 2, 2", "content length"),
        ("plus", "Content-Length: +2", "content length"),
        ("minus", "Content-Length: -1", "content length"),
        ("hexadecimal", "Content-Length: 0x2", "content length"),
        ("empty", "Content-Length:", "content length"),
        ("2^64", "Content-Length: 18446744073709551616", "content length"),
        (
            "length and coding",
            "Content-Length: 2\r\nTransfer-Encoding: chunked",
            "both length and transfer coding",
        ),
        (
            "coding and length",
            "Transfer-Encoding: chunked\r\nContent-Length: 2",
            "both length and transfer coding",
        ),
        ("unknown coding", "Transfer-Encoding: xchunked", "transfer coding"),
        ("identity", "Transfer-Encoding: identity", "transfer coding"),
        ("gzip in front", "Transfer-Encoding: gzip, chunked", "transfer coding"),
        ("identity behind", "Transfer-Encoding: chunked, identity", "transfer coding"),
        ("coding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "transfer coding"),
        ("empty coding", "Transfer-Encoding:", "transfer coding"),
        ("gzip", "Content-Encoding: gzip\r\nContent-Length: 2", "content coding that was not asked for"),
        (
            "identity and gzip",
            "Content-Encoding: identity\r\nContent-Encoding: br",
            "content coding that was not asked for",
        ),
    ];
    for (name, fields, want) in rows {
        let input = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{{}}");
        for chunk in [1, 2, 3, 1000] {
            assert_eq!(
                fed(input.as_bytes(), chunk, true, Limits::DEFAULT),
                malformed(want),
                "{name} by {chunk}"
            );
        }
    }
    let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(fed(old, 1000, true, Limits::DEFAULT), malformed("transfer coding"));
}

#[test]
fn refuses_broken_chunks() {
    let body = limit("octets of body", Limits::DEFAULT.body);
    let rows = [
        ("huge", "ffffffffffffffff\r\n", body.clone()),
        ("over 64 bits", "10000000000000000\r\n", malformed("chunk size")),
        ("many zeros", "00000000000000000\r\n", malformed("chunk size")),
        ("prefix", "0x5\r\n", malformed("chunk size")),
        ("sign", "+5\r\n", malformed("chunk size")),
        ("minus", "-5\r\n", malformed("chunk size")),
        ("space before", " 5\r\n", malformed("chunk size")),
        ("space after", "5 \r\n", malformed("chunk size")),
        ("empty", "\r\n", malformed("chunk size")),
        ("letters", "xyz\r\n", malformed("chunk size")),
        ("bare CR in the extension", "5;a\rb\r\n", malformed("chunk size")),
        ("bare LF", "5\nhello", malformed("line end")),
        ("data too long", "2\r\n{}}\r\n", malformed("end of chunk")),
        ("data and LF", "2\r\n{}\n0\r\n\r\n", malformed("end of chunk")),
        ("bare LF in trailers", "0\r\nA: b\n\r\n", malformed("line end")),
    ];
    for (name, chunks, want) in rows {
        let input = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        for chunk in 1..=input.len() {
            assert_eq!(fed(input.as_bytes(), chunk, false, Limits::DEFAULT), want, "{name} by {chunk}");
        }
    }
}

/// Each limit with what just fits, and one more.
#[test]
fn keeps_every_limit() {
    let head = |octets: usize| {
        let start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ";
        format!("{start}{}\r\n\r\n", "x".repeat(octets - start.len() - 4))
    };
    let fields = |count: usize| format!("HTTP/1.1 204 X\r\n{}\r\n", "a: b\r\n".repeat(count));
    let interim = |count: usize| format!("{}HTTP/1.1 204 X\r\n\r\n", "HTTP/1.1 100 C\r\n\r\n".repeat(count));
    let length =
        |octets: usize| format!("HTTP/1.1 200 X\r\nContent-Length: {octets}\r\n\r\n{}", "x".repeat(octets));
    let close = |octets: usize| format!("HTTP/1.1 200 X\r\n\r\n{}", "x".repeat(octets));
    let chunks = |octets: usize| {
        format!(
            "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            "1\r\nx\r\n".repeat(octets)
        )
    };
    let chunked = |rest: String| format!("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    let extension = |octets: usize| chunked(format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(octets - 1)));
    let extensions = |octets: usize| {
        chunked(format!("1;{}\r\nx\r\n0;{}\r\n\r\n", "e".repeat(49), "e".repeat(octets - 51)))
    };
    let trailer = |octets: usize| chunked(format!("0\r\nT: {}\r\n\r\n", "t".repeat(octets - 5)));
    let both = |octets: usize| chunked(format!("0;{}\r\nT: 1\r\n\r\n", "e".repeat(octets - 7)));
    let rows: [(&str, &dyn Fn(usize) -> String, usize, &'static str, u16); 10] = [
        ("head", &head, SMALL.head, "octets of head", 200),
        ("fields", &fields, SMALL.headers, "header fields", 204),
        ("interim", &interim, SMALL.interim, "interim responses", 204),
        ("length", &length, SMALL.body, "octets of body", 200),
        ("close", &close, SMALL.body, "octets of body", 200),
        ("chunks", &chunks, SMALL.body, "octets of body", 200),
        ("extension", &extension, SMALL.head, "octets of chunk extensions and trailers", 200),
        ("extensions", &extensions, SMALL.head, "octets of chunk extensions and trailers", 200),
        ("trailer", &trailer, SMALL.head, "octets of chunk extensions and trailers", 200),
        ("extension and trailer", &both, SMALL.head, "octets of chunk extensions and trailers", 200),
    ];
    for (name, make, most, what, status) in rows {
        let (fits, over) = (make(most), make(most + 1));
        for chunk in 1..=60 {
            let found = fed(fits.as_bytes(), chunk, true, SMALL);
            assert_eq!(found.map(|found| found.unwrap().0), Ok(status), "{name} at the limit by {chunk}");
            assert_eq!(
                fed(over.as_bytes(), chunk, true, SMALL),
                limit(what, most),
                "{name} over it by {chunk}"
            );
        }
    }
}

#[test]
fn a_length_is_not_memory() {
    let (mut exchange, mut rx, mut tx) = (post(Limits::DEFAULT), RecvBuf::with_limit(1000), SendBuf::new());
    rx.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 262144\r\n\r\n").unwrap();
    assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
    let State::Body(body) = &exchange.state else { panic!("no body") };
    assert_eq!(body.capacity(), 0);
}

#[test]
fn endless_heads_end() {
    let endless = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(100_000));
    assert_eq!(
        fed(endless.as_bytes(), 999, true, Limits::DEFAULT),
        limit("octets of head", Limits::DEFAULT.head)
    );
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000);
    assert_eq!(
        fed(endless.as_bytes(), 999, true, Limits::DEFAULT),
        limit("interim responses", Limits::DEFAULT.interim)
    );
}

#[test]
fn reads_how_long_to_wait() {
    let day = 24 * 60 * 60;
    let rows = [
        ("Retry-After: 30", Some(30)),
        ("retry-after: 0", Some(0)),
        ("Retry-After: 99999999", Some(day)),
        ("Retry-After: 99999999999999999999999", None),
        ("Retry-After: -1", None),
        ("Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("Date: Fri, 31 Dec 1999 23:59:29 GMT\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT", Some(30)),
        ("Date: Fri, 31 Dec 1999 23:59:59 GMT\r\nRetry-After: Fri, 31 Dec 1999 23:59:29 GMT", Some(0)),
        ("Date: Fri, 31 Dec 1999 23:59:59 GMT\r\nRetry-After: Fri, 31 Dec 2000 23:59:59 GMT", Some(day)),
        ("Date: now\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("Retry-After:", None),
        ("X: y", None),
    ];
    for (field, want) in rows {
        let (mut exchange, mut rx, mut tx) =
            (post(Limits::DEFAULT), RecvBuf::with_limit(1000), SendBuf::new());
        rx.extend(format!("HTTP/1.1 429 Slow\r\n{field}\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
        let Ok(Step::Event(response)) = exchange.step(&mut rx, &mut tx) else { panic!("{field}") };
        assert_eq!(response.retry_after.map(|wait| wait.as_secs()), want, "{field}");
    }
}

#[test]
fn a_trace_shows_no_body() {
    for status in [200, 299, 400, 503] {
        for coding in [
            "Content-Length: 8\r\n\r\ns3cret\r\n",
            "Transfer-Encoding: chunked\r\n\r\n8\r\ns3cret\r\n\r\n0\r\n\r\n",
        ] {
            let (mut exchange, mut rx, mut tx) =
                (post(Limits::DEFAULT), RecvBuf::with_limit(1000), SendBuf::new());
            rx.start_trace(None);
            rx.extend(format!("HTTP/1.1 {status} X\r\n{coding}").as_bytes()).unwrap();
            assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Event(_))));
            rx.extend(b"\r\n").unwrap();
            rx.consume(2);
            let trace = format!("{:?}", rx.take_trace());
            assert!(!trace.contains("s3cret") && trace.contains("[redacted]"), "{trace}");
        }
    }
}

#[test]
fn a_trace_of_no_body_hides_nothing() {
    let (mut exchange, mut rx, mut tx) = (post(Limits::DEFAULT), RecvBuf::with_limit(1000), SendBuf::new());
    rx.start_trace(None);
    rx.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Event(_))));
    let trace = format!("{:?}", rx.take_trace());
    assert!(trace.contains("Content-Length: 0") && !trace.contains("[redacted]"), "{trace}");
}

/// It grows by itself, for what a growing vector leaves behind is not wiped.
#[test]
fn a_body_grows_to_powers_of_two_and_is_not_shown() {
    let (mut exchange, mut rx, mut tx) = (post(Limits::DEFAULT), RecvBuf::with_limit(1000), SendBuf::new());
    rx.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").unwrap();
    let mut octets = 0;
    for (more, want) in [(100, 128), (28, 128), (1, 256), (300, 512)] {
        rx.extend(&vec![b's'; more]).unwrap();
        assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
        let State::Body(body) = &exchange.state else { panic!("no body") };
        octets += more;
        assert_eq!(body.capacity(), want, "{octets}");
        let shown = format!("{exchange:?}");
        assert!(shown.contains(&format!("[{octets} octets]")), "{shown}");
    }
}

#[test]
fn errors_read_well() {
    let rows = [
        (
            Error::Redirect { status: 302, location: Some("http://b.example/".into()) },
            "redirect (HTTP 302) to http://b.example/ is not followed",
        ),
        (Error::Redirect { status: 304, location: None }, "redirect (HTTP 304) is not followed"),
        (Error::Malformed("chunk size"), "malformed HTTP response: chunk size"),
        (
            Error::Limit { what: "octets of body", limit: 10 },
            "HTTP response with more than 10 octets of body",
        ),
    ];
    for (error, want) in rows {
        assert_eq!(error.to_string(), want);
    }
}

#[test]
fn a_body_that_ends_with_the_stream_must_not_be_cut_off() {
    let rows: &[(&str, &[u8], bool)] = &[
        ("length unknown", b"HTTP/1.1 200 OK\r\n\r\nbody", false),
        ("length known", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", true),
    ];
    for (name, input, whole) in rows {
        let (mut exchange, mut rx, mut tx) = (post(SMALL), RecvBuf::with_limit(200), SendBuf::new());
        rx.extend(input).unwrap();
        rx.set_cut_off();
        let step = exchange.step(&mut rx, &mut tx);
        assert_eq!(matches!(step, Ok(Step::Event(_))), *whole, "{name}: {step:?}");
        assert_eq!(matches!(step, Err(Error::Truncated)), !*whole, "{name}: {step:?}");
    }
}

/// What came before the request belongs to nobody: the answer that a server gave too much on a connection that is used
/// again must not be read as the answer to the next request.
#[test]
fn what_came_before_the_request_is_no_answer() {
    let endpoint = Endpoint::parse("https://a.example/t").unwrap();
    let (mut rx, mut tx) = (RecvBuf::with_limit(100), SendBuf::new());
    rx.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    let mut exchange = Exchange::new(Request::get(endpoint), Limits::DEFAULT);
    assert_eq!(exchange.step(&mut rx, &mut tx).unwrap_err(), Error::Malformed("response before the request"));
    assert!(tx.unsent().is_empty());
}

#[test]
fn knows_whether_the_connection_can_be_used_again() {
    let rows: &[(&str, &[u8], bool)] = &[
        ("length", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true),
        ("chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true),
        ("no content", b"HTTP/1.1 204 X\r\n\r\n", true),
        ("refusal", b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", true),
        ("keep-alive", b"HTTP/1.1 204 X\r\nConnection: keep-alive\r\n\r\n", true),
        ("close", b"HTTP/1.1 204 X\r\nConnection: Close\r\n\r\n", false),
        ("close in a list", b"HTTP/1.1 204 X\r\nConnection: x, close\r\n\r\n", false),
        ("close in another", b"HTTP/1.1 204 X\r\nConnection: x\r\nConnection: close\r\n\r\n", false),
        ("HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", false),
        ("until the end", b"HTTP/1.1 200 OK\r\n\r\n", false),
    ];
    for (name, input, want) in rows {
        for keeps in [true, false] {
            let request = Request::get(Endpoint::parse("https://a.example/t").unwrap());
            let request = if keeps { request.keep_connection() } else { request };
            let (mut exchange, mut rx, mut tx) =
                (sent(request, Limits::DEFAULT), RecvBuf::with_limit(200), SendBuf::new());
            rx.extend(input).unwrap();
            if *name == "until the end" {
                rx.set_eof();
            }
            let Ok(Step::Event(response)) = exchange.step(&mut rx, &mut tx) else { panic!("{name}") };
            assert_eq!(response.keeps_connection, *want && keeps, "{name}");
        }
    }
}

#[test]
fn hands_out_a_challenge() {
    let rows = [
        ("WWW-Authenticate: Basic realm=/x/a.key", Some("Basic realm=/x/a.key")),
        ("www-authenticate: Bearer", Some("Bearer")),
        ("WWW-Authenticate: a\r\nWWW-Authenticate: b", None),
        ("WWW-Authenticate: \u{e9}", None),
        ("X: y", None),
    ];
    for (field, want) in rows {
        let (mut exchange, mut rx, mut tx) =
            (post(Limits::DEFAULT), RecvBuf::with_limit(1000), SendBuf::new());
        rx.extend(format!("HTTP/1.1 401 No\r\n{field}\r\nContent-Length: 0\r\n\r\n").as_bytes()).unwrap();
        let Ok(Step::Event(response)) = exchange.step(&mut rx, &mut tx) else { panic!("{field}") };
        assert_eq!(response.challenge.as_deref(), want, "{field}");
    }
}

/// What a server repeats of a form is hidden as far as it is secret, and the rest stays readable.
#[test]
fn what_is_plain_of_a_form_is_not_hidden() {
    let endpoint = Endpoint::parse("https://a.example/t").unwrap();
    let form =
        "client_id=client-of-ours&scope=https%3A%2F%2Fmail.example%2F.default&client_secret=s3cret-of-ours";
    let redactor = Request::form(endpoint.clone(), form.into()).redactor();
    let heard = "client-of-ours, https://mail.example/.default, s3cret-of-ours";
    let shown = "client-of-ours, https://mail.example/.default, [redacted]";
    assert_eq!(redactor.redact(heard), shown);
    // JSON is not taken apart.
    let redactor = Request::json(endpoint, "{\"a\":\"s3cret-of-ours\"}".into()).redactor();
    assert_eq!(redactor.redact(heard), shown);
}

use mailbearer_wire::{RecvBuf, SendBuf, Step};

use super::*;

#[test]
fn urls_are_read() {
    type Read<'a> = (ProxyProtocol, &'a str, u16, Option<(&'a str, &'a str)>);
    let rows: &[(&str, Result<Read<'_>, ProxyUrlError>)] = &[
        ("proxy.test:3128", Ok((ProxyProtocol::Http, "proxy.test", 3128, None))),
        ("http://proxy.test", Ok((ProxyProtocol::Http, "proxy.test", 80, None))),
        ("HTTP://u:p@[::1]:8080/", Ok((ProxyProtocol::Http, "::1", 8080, Some(("u", "p"))))),
        ("socks5://proxy.test", Ok((ProxyProtocol::Socks5, "proxy.test", 1080, None))),
        (
            "socks5h://a%40b:p%3a%25@10.0.0.1:9",
            Ok((ProxyProtocol::Socks5, "10.0.0.1", 9, Some(("a@b", "p:%")))),
        ),
        ("http://u@p", Ok((ProxyProtocol::Http, "p", 80, Some(("u", ""))))),
        ("http://u:a@b@p", Ok((ProxyProtocol::Http, "p", 80, Some(("u", "a@b"))))),
        ("https://proxy.test", Err(ProxyUrlError::Scheme)),
        ("socks4://proxy.test", Err(ProxyUrlError::Scheme)),
        ("http://", Err(ProxyUrlError::Host)),
        ("http://a b", Err(ProxyUrlError::Host)),
        ("http://p/path", Err(ProxyUrlError::Host)),
        ("http://p:0", Err(ProxyUrlError::Host)),
        ("http://p:65536", Err(ProxyUrlError::Host)),
        ("http://[::1", Err(ProxyUrlError::Host)),
        ("http://p\r\nX: y", Err(ProxyUrlError::Host)),
        ("http://:p@h", Err(ProxyUrlError::Credentials)),
        ("http://a%3ab:p@h", Err(ProxyUrlError::Credentials)),
        ("http://u:%4@h", Err(ProxyUrlError::Credentials)),
        ("http://u:%+4@h", Err(ProxyUrlError::Credentials)),
        ("http://u:%ff@h", Err(ProxyUrlError::Credentials)),
    ];
    for (url, want) in rows {
        let got = Proxy::parse(url);
        let got = got.as_ref().map(|proxy| {
            let credentials = proxy.credentials.as_ref();
            let credentials = credentials.map(|(user, password)| (user.as_str(), password.expose().as_str()));
            (proxy.protocol, proxy.host.as_str(), proxy.port, credentials)
        });
        assert_eq!(got.map_err(|error| *error), *want, "{url}");
    }
    for (length, fits) in [(255, true), (256, false)] {
        let long = "x".repeat(length);
        assert_eq!(Proxy::parse(&format!("socks5://{long}:{long}@h")).is_ok(), fits);
    }
}

#[test]
fn each_server_has_its_route() {
    let variables = [
        ("HTTPS_PROXY", "http://web:1"),
        ("all_proxy", "socks5://all:2"),
        ("ALL_PROXY", "socks5://not-this:2"),
        (
            "NO_PROXY",
            "intern.test, .dotted.test *.star.test,10.0.0.0/8,192.0.2.7,ported.test:993,fe80::/10,[2001:db8::1]:993",
        ),
    ];
    let variable = |name: &str| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    };
    let proxies = Proxies::from_variables(variable).unwrap();
    let rows = [
        (Service::Https, "login.test", 443, "web"),
        (Service::Mail, "imap.test", 993, "all"),
        (Service::Mail, "localhost", 993, ""),
        (Service::Mail, "LocalHost.", 993, ""),
        (Service::Mail, "a.localhost", 993, ""),
        (Service::Https, "127.1.2.3", 443, ""),
        (Service::Https, "::1", 443, ""),
        (Service::Https, "::ffff:127.0.0.1", 443, ""),
        (Service::Mail, "intern.test", 993, ""),
        (Service::Mail, "IMAP.Intern.Test", 993, ""),
        (Service::Mail, "notintern.test", 993, "all"),
        (Service::Mail, "a.dotted.test", 993, ""),
        (Service::Mail, "a.star.test", 993, ""),
        (Service::Mail, "10.255.0.1", 993, ""),
        (Service::Mail, "11.0.0.1", 993, "all"),
        (Service::Mail, "192.0.2.7", 993, ""),
        (Service::Mail, "192.0.2.70", 993, "all"),
        (Service::Mail, "ported.test", 993, ""),
        (Service::Mail, "ported.test", 587, "all"),
        (Service::Mail, "fe80::1", 587, ""),
        (Service::Mail, "2001:db8::1", 993, ""),
        (Service::Mail, "2001:db8::1", 587, "all"),
    ];
    for (service, host, port, want) in rows {
        let got = match proxies.route(service, host, port) {
            Route::Direct => "",
            Route::Proxy(proxy) => proxy.host.as_str(),
        };
        assert_eq!(got, want, "{service:?} {host} {port}");
    }
    let error = Proxies::from_variables(|name| (name == "ALL_PROXY").then(|| "ftp://x".into())).unwrap_err();
    assert_eq!(error, ("ALL_PROXY", ProxyUrlError::Scheme));
    let empty = Proxies::from_variables(|_| Some(" ".into())).unwrap();
    assert!(matches!(empty.route(Service::Https, "a.test", 443), Route::Direct));
    assert!(matches!(Proxies::none().route(Service::Mail, "a.test", 1), Route::Direct));
    let star = Proxies::all(Proxy::parse("p").unwrap()).except("*");
    assert!(matches!(star.route(Service::Mail, "a.test", 1), Route::Direct));
}

/// What a proxy sends, what it gets, and how it ends: the octets that are left unread, or the problem.
type Row<'a> = (&'a str, &'a str, &'a [u8], &'a [u8], Result<&'a [u8], &'a str>);

fn check(rows: &[Row<'_>], host: &str) {
    for (name, url, input, sent, want) in rows {
        for chunk in [1, 3, usize::MAX] {
            let (got, said) = converse(url, host, input, chunk);
            let want = want.map(<[u8]>::to_vec).map_err(str::to_owned);
            // If the input is cut up, what follows may not have arrived yet.
            let fits = match (&got, &want) {
                (Ok(got), Ok(want)) => want.starts_with(got),
                (got, want) => got == want,
            };
            assert!(fits, "{name} by {chunk}: {got:?}, not {want:?}");
            assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(sent), "{name} by {chunk}");
        }
    }
}

fn converse(url: &str, host: &str, input: &[u8], chunk: usize) -> (Result<Vec<u8>, String>, Vec<u8>) {
    let mut machine = Proxy::parse(url).unwrap().tunnel(host, 993);
    let (mut rx, mut tx, mut said) = (RecvBuf::with_limit(64 * 1024), SendBuf::new(), Vec::new());
    tx.start_trace(None);
    rx.start_trace(None);
    let mut pieces = input.chunks(chunk.min(input.len().max(1)));
    let end = loop {
        let step = machine.step(&mut rx, &mut tx);
        said.extend_from_slice(tx.unsent());
        tx.sent(usize::MAX);
        match step {
            Ok(Step::Read) => match pieces.next() {
                Some(piece) => rx.extend(piece).unwrap(),
                None => rx.set_eof(),
            },
            Ok(Step::Event(())) => break Ok(rx.unread().to_vec()),
            Ok(other) => panic!("{other:?}"),
            Err(problem) => break Err(problem.to_string()),
        }
    };
    let trace = format!("{:?} {:?}", tx.take_trace(), rx.take_trace());
    assert!(!trace.contains("sesame") && !trace.contains("OnNlc2Ft"), "{trace}");
    (end, said)
}

#[test]
fn http_connects_or_says_why_not() {
    let plain = b"CONNECT mail.test:993 HTTP/1.1\r\nHost: mail.test:993\r\n\r\n";
    let named = b"CONNECT mail.test:993 HTTP/1.1\r\nHost: mail.test:993\r\n\
        Proxy-Authorization: Basic YW5uOnNlc2FtZQ==\r\n\r\n";
    let long = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; 9000]].concat();
    let many = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"X: y\r\n".repeat(4000)].concat();
    let wanting = "it wants a user name and password, or other ones";
    let odd = "its answer is not that of such a proxy";
    let gone = "it closed the connection without an answer";
    check(
        &[
            ("200", "p", b"HTTP/1.1 200 Connection established\r\n\r\n", plain, Ok(b"")),
            ("1.0", "p", b"HTTP/1.0 200\r\nVia: x\r\n\r\n* OK", plain, Ok(b"* OK")),
            ("named", "ann:sesame@p", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", named, Ok(b"")),
            (
                "repeats",
                "ann:sesame@p",
                b"HTTP/1.1 200 Basic YW5uOnNlc2FtZQ==\r\nX: YW5uOnNlc2FtZQ==\r\n\r\n",
                named,
                Ok(b""),
            ),
            (
                "repeats and refuses",
                "ann:sesame@p",
                b"HTTP/1.1 403 Proxy-Authorization: Basic YW5uOnNlc2FtZQ==\r\n\r\n",
                named,
                Err("it refused to connect: 403"),
            ),
            ("interim", "p", b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 204 x\r\n\r\n", plain, Ok(b"")),
            ("401", "p", b"HTTP/1.0 401 Unauthorized\r\n", plain, Err(wanting)),
            ("407", "p", b"HTTP/1.1 407 Proxy Authentication Required\r\n", plain, Err(wanting)),
            (
                "403",
                "p",
                b"HTTP/1.1 403 Filtered \x1b[2J\r\n\r\n",
                plain,
                Err("it refused to connect: 403 Filtered \\x1b[2J"),
            ),
            (
                "301",
                "p",
                b"HTTP/1.1 301 Moved\r\nLocation: x\r\n\r\n",
                plain,
                Err("it refused to connect: 301 Moved"),
            ),
            ("a mail server", "p", b"220 mail.test ESMTP\r\n", plain, Err(odd)),
            ("its start", "p", b"HTTP/2", plain, Err(odd)),
            ("no space", "p", b"HTTP/1.1 2000\r\n", plain, Err(odd)),
            ("two digits", "p", b"HTTP/1.1 20 \r\n", plain, Err(odd)),
            ("a long line", "p", &long, plain, Err(odd)),
            ("many lines", "p", &many, plain, Err(odd)),
            ("no answer", "p", b"", plain, Err(gone)),
            ("half", "p", b"HTTP/1.1 200 OK\r\n", plain, Err(gone)),
        ],
        "mail.test",
    );
    let address = b"CONNECT [2001:db8::1]:993 HTTP/1.1\r\nHost: [2001:db8::1]:993\r\n\r\n";
    check(&[("IPv6", "p", b"HTTP/1.1 200\r\n\r\n", address, Ok(b""))], "2001:db8::1");
}

#[test]
fn socks_connects_or_says_why_not() {
    const ASKED: &[u8] = b"\x05\x01\x00\x05\x01\x00\x03\x09mail.test\x03\xe1";
    const NAMED: &[u8] = b"\x05\x02\x00\x02\x01\x03ann\x06sesame\x05\x01\x00\x03\x09mail.test\x03\xe1";
    let wanting = "it wants a user name and password, or other ones";
    let odd = "its answer is not that of such a proxy";
    let gone = "it closed the connection without an answer";
    let ann = "socks5://ann:sesame@p";
    check(
        &[
            (
                "IPv4",
                "socks5://p",
                b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34* OK",
                ASKED,
                Ok(b"* OK"),
            ),
            (
                "IPv6",
                "socks5://p",
                &[b"\x05\x00\x05\x00\x00\x04".as_slice(), &[0; 18]].concat(),
                ASKED,
                Ok(b""),
            ),
            ("a name", "socks5://p", b"\x05\x00\x05\x00\x00\x03\x01x\x12\x34", ASKED, Ok(b"")),
            ("named", ann, b"\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34", NAMED, Ok(b"")),
            (
                "a wrong password",
                ann,
                b"\x05\x02\x01\x01",
                b"\x05\x02\x00\x02\x01\x03ann\x06sesame",
                Err(wanting),
            ),
            ("no method", "socks5://p", b"\x05\xff", b"\x05\x01\x00", Err(wanting)),
            ("one not offered", "socks5://p", b"\x05\x02", b"\x05\x01\x00", Err(odd)),
            ("GSSAPI", "socks5://p", b"\x05\x01", b"\x05\x01\x00", Err(odd)),
            ("HTTP", "socks5://p", b"HTTP/1.1 400 Bad Request\r\n", b"\x05\x01\x00", Err(odd)),
            ("rules", "socks5://p", b"\x05\x00\x05\x02", ASKED, Err("its rules do not allow the connection")),
            (
                "refused",
                "socks5://p",
                b"\x05\x00\x05\x05\x00\x01",
                ASKED,
                Err("the server refused the connection"),
            ),
            ("code 99", "socks5://p", b"\x05\x00\x05\x63", ASKED, Err("it refused to connect: code 99")),
            ("another address", "socks5://p", b"\x05\x00\x05\x00\x00\x02", ASKED, Err(odd)),
            ("half", "socks5://p", b"\x05\x00\x05\x00\x00\x01\x7f", ASKED, Err(gone)),
            ("no answer", "socks5://p", b"", b"\x05\x01\x00", Err(gone)),
        ],
        "mail.test",
    );
    let four = b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x03\xe1";
    check(
        &[("to IPv4", "socks5://p", b"\x05\x00\x05\x02", four, Err("its rules do not allow the connection"))],
        "192.0.2.1",
    );
}

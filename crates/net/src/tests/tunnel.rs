//! Connections through a proxy that is a thread of this process, and then acts as the server too.

use super::*;
use crate::{Proxy, ProxyProblem, Route};

async fn through<R: Runtime>(
    url: &str,
    port: u16,
    security: Security,
    ca: &Ca,
    patience: Duration,
) -> Result<Connection<R>, Error> {
    let mut options = Options::default();
    options.timeouts.connect = patience;
    let (scheme, credentials) = url.split_once("://").unwrap();
    options.route = Route::Proxy(Proxy::parse(&format!("{scheme}://{credentials}localhost:{port}")).unwrap());
    Connection::open("localhost", 993, security, &ca.trust(), options).await
}

fn head(reader: &mut impl BufRead) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head)?;
    }
    Ok(head)
}

#[test]
fn what_the_server_says_behind_the_proxys_answer_is_the_servers() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let opened = through::<R>("http://ann:sesame@", port, Security::StartTls, ca, OPEN).await;
        let mut connection = opened.unwrap();
        let mut machine = Talk::new();
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("hello".into()));
        machine.say("STARTTLS");
        machine.tls_after = Some("go ahead");
        machine.say("in private");
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("heard".into()));
    }
    on_both(
        |ca, stream| {
            let mut reader = BufReader::new(stream);
            let head = head(&mut reader)?;
            assert!(head.starts_with("CONNECT localhost:993 HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("\r\nProxy-Authorization: Basic YW5uOnNlc2FtZQ==\r\n"), "{head}");
            reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\nhello\r\n")?;
            assert_eq!(line(&mut reader)?, "STARTTLS");
            reader.get_mut().write_all(b"go ahead\r\n")?;
            let mut secure = BufReader::new(ca.serve(reader.into_inner()));
            assert_eq!(line(&mut secure)?, "in private");
            secure.get_mut().write_all(b"heard\r\n")
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

/// Words to the proxy do not count as words to the server.
#[test]
fn a_server_behind_a_proxy_has_to_greet() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut options = Options::default();
        options.timeouts.read = Some(Duration::from_millis(200));
        options.route = Route::Proxy(Proxy::parse(&format!("http://localhost:{port}")).unwrap());
        let opened = Connection::<R>::open("localhost", 993, Security::StartTls, &ca.trust(), options).await;
        let error = opened.unwrap().next(&mut Talk::new()).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Timeout { stage: Stage::Greeting, .. })), "{error:?}");
    }
    on_both(
        |_, stream| {
            let mut reader = BufReader::new(stream);
            head(&mut reader)?;
            reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            reader.read_to_end(&mut Vec::new()).map(drop).or(Ok(()))
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn bytes_behind_the_proxys_answer_are_not_the_servers_where_tls_is_first() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let error = through::<R>("http://", port, Security::Implicit, ca, OPEN).await.err().unwrap();
        assert!(matches!(error, Error::BytesBeforeTls), "{error:?}");
    }
    on_both(
        |_, stream| {
            let mut reader = BufReader::new(stream);
            head(&mut reader)?;
            reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n* PREAUTH\r\n")?;
            let mut rest = Vec::new();
            let end = reader.read_to_end(&mut rest);
            assert_eq!(rest, b"", "no handshake octet goes out");
            end.map(drop).or(Ok(()))
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn a_proxy_that_hangs_hangs_up_or_refuses_is_named() {
    async fn client<R: Runtime>(port: u16, ca: &Ca, patience: Duration) -> Error {
        through::<R>("socks5://", port, Security::Implicit, ca, patience).await.err().unwrap()
    }
    let short = Duration::from_millis(100);
    let hang = |_: &Ca, mut stream: TcpStream| stream.read_to_end(&mut Vec::new()).map(drop).or(Ok(()));
    let hung = |error: Error| {
        assert!(matches!(error, Error::Timeout { stage: Stage::Proxy, .. }), "{error:?}");
        assert_eq!(error.to_string(), "proxy did not connect to the server for 0.100 s");
    };
    on_both(
        hang,
        |port, ca| hung(Blocking::task(client::<Blocking>(port, ca, short))),
        |port, ca| hung(block_on(client::<Tokio>(port, ca, short))),
    );
    let closed = |error: Error| {
        assert!(matches!(error, Error::Proxy { problem: ProxyProblem::Closed, .. }), "{error:?}");
        assert!(error.is_transient());
    };
    on_both(
        |_, mut stream| stream.read_exact(&mut [0; 3]),
        |port, ca| closed(Blocking::task(client::<Blocking>(port, ca, OPEN))),
        |port, ca| closed(block_on(client::<Tokio>(port, ca, OPEN))),
    );
    let refused = |error: Error| {
        assert!(matches!(error, Error::Proxy { problem: ProxyProblem::Credentials, .. }), "{error:?}");
        assert!(!error.is_transient());
    };
    on_both(
        |_, mut stream| {
            stream.read_exact(&mut [0; 3])?;
            stream.write_all(b"\x05\xff")
        },
        |port, ca| refused(Blocking::task(client::<Blocking>(port, ca, OPEN))),
        |port, ca| refused(block_on(client::<Tokio>(port, ca, OPEN))),
    );
    let ca = Ca::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = Blocking::task(client::<Blocking>(gone, &ca, OPEN));
    assert!(matches!(error, Error::Proxy { problem: ProxyProblem::Connect(_), .. }), "{error:?}");
}

const OPEN: Duration = Duration::from_secs(30);

//! Both sides of a connection, driven by the same loop.

use std::net::{Ipv4Addr, SocketAddr};

use mailbearer_wire::Secret;

use super::*;
use crate::{Listener, ServerTls, TlsError};

#[test]
fn the_driver_serves_as_it_asks() {
    async fn server<R: Runtime>(mut listener: R::Listener, security: Security, tls: ServerTls) {
        let (socket, client) = listener.accept().await.unwrap();
        assert!(client.ip().is_loopback());
        let mut connection =
            Connection::<R>::accept(socket, security, &tls, Options::default()).await.unwrap();
        let mut machine = Host { lines: Lines::new(1000), say: vec!["hello"], then: None };
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("in private".into()));
        machine.say.push("heard");
        assert_eq!(connection.next(&mut machine).await.unwrap(), None);
    }
    async fn client<R: Runtime>(port: u16, security: Security, ca: &Ca) {
        let mut connection = open_patient::<R>(port, security, ca).await.unwrap();
        let mut machine = Talk::new();
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("hello".into()));
        if security == Security::StartTls {
            machine.say("STARTTLS");
            machine.tls_after = Some("go ahead");
        }
        machine.say("in private");
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("heard".into()));
        // More than the server reads before it closes: its last word still arrives.
        machine.say("QUIT");
        machine.say(&"x".repeat(200_000));
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("bye".into()));
        assert!(matches!(connection.next(&mut machine).await, Err(DriveError::Machine("ended"))));
    }
    for security in [Security::Implicit, Security::StartTls] {
        let ca = Ca::new();
        let listener = Blocking::listen(free()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = ca.server_tls();
        let serving = thread::spawn(move || Blocking::task(server::<Blocking>(listener, security, tls)));
        Blocking::task(client::<Blocking>(port, security, &ca));
        serving.join().unwrap();
        block_on(async {
            let listener = Tokio::listen(free()).unwrap();
            let port = listener.local_addr().unwrap().port();
            let serving = server::<Tokio>(listener, security, ca.server_tls());
            ::tokio::join!(serving, client::<Tokio>(port, security, &ca));
        });
    }
}

#[cfg(feature = "tokio-pool")]
#[test]
fn a_pool_serves_more_clients_than_it_has_threads() {
    let (ca, pool) = (Ca::new(), crate::TokioPool::new(2).unwrap());
    let mut listener = pool.enter(|| Tokio::listen(free())).unwrap();
    let port = listener.local_addr().unwrap().port();
    let tls = ca.server_tls();
    let serving = async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let tls = tls.clone();
            ::tokio::spawn(async move {
                let accepted =
                    Connection::<Tokio>::accept(socket, Security::Implicit, &tls, Options::default());
                let mut connection = accepted.await.unwrap();
                let mut machine = Host { lines: Lines::new(1000), say: vec!["hello"], then: None };
                assert_eq!(connection.next(&mut machine).await.unwrap(), None);
            });
        }
    };
    pool.spawn(serving);
    pool.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..50 {
            let mut connection = open_patient::<Tokio>(port, Security::Implicit, &ca).await.unwrap();
            let mut machine = Talk::new();
            assert_eq!(connection.next(&mut machine).await.unwrap(), Some("hello".into()));
            clients.push((connection, machine));
        }
        for (connection, machine) in &mut clients {
            machine.say("QUIT");
            assert_eq!(connection.next(machine).await.unwrap(), Some("bye".into()));
        }
    });
}

#[test]
fn a_connection_in_the_clear_stays_so() {
    let mut listener = Blocking::listen(free()).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"GET /\r\nSTARTTLS\r\n").unwrap();
    Blocking::task(async {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = Connection::<Blocking>::accept_in_clear(socket, Options::default());
        let mut machine = Host { lines: Lines::new(1000), say: vec!["200"], then: None };
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("GET /".into()));
        let error = connection.next(&mut machine).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Io { .. })), "{error:?}");
        connection.close().await.unwrap();
    });
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    assert_eq!(said, "200\r\ngo ahead\r\n");
}

#[test]
fn bytes_of_a_client_behind_starttls_are_an_error() {
    let ca = Ca::new();
    let mut listener = Blocking::listen(free()).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"STARTTLS\r\ninjected\r\n").unwrap();
    Blocking::task(async {
        let (socket, _) = listener.accept().await.unwrap();
        let tls = ca.server_tls();
        let accepted = Connection::<Blocking>::accept(socket, Security::StartTls, &tls, Options::default());
        let mut connection = accepted.await.unwrap();
        let mut machine = Host { lines: Lines::new(1000), say: Vec::new(), then: None };
        let error = connection.next(&mut machine).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::BytesBeforeTls)), "{error:?}");
    });
}

#[test]
fn a_server_needs_a_certificate_and_its_key() {
    let (ca, other) = (Ca::new(), Ca::new());
    let (chain, key) = (ca.chain.as_bytes(), &ca.key);
    let rows: [(&str, &[u8], &str, Option<&str>); 6] = [
        ("both", chain, key, None),
        ("no certificate", b"", key, Some("no certificate in PEM form found")),
        ("half a certificate", &chain[..100], key, Some("no certificate in PEM form found")),
        ("no key", chain, "", Some("no private key that can be used found")),
        ("a certificate for a key", chain, &ca.chain, Some("no private key that can be used found")),
        ("another's key", chain, &other.key, Some("the private key is not that")),
    ];
    for (name, chain, key, want) in rows {
        let made = ServerTls::from_pem(chain, &Secret::from(key)).map(drop);
        match (made.map_err(|error| error.to_string()), want) {
            (Ok(()), None) => {}
            (Err(error), Some(want)) => assert!(error.starts_with(want), "{name}: {error}"),
            (made, _) => panic!("{name}: {made:?}"),
        }
    }
    assert!(matches!(ServerTls::from_der(Vec::new(), Vec::new()), Err(TlsError::Key)));
}

/// A server of lines: answers STARTTLS and QUIT, and reports every other line.
struct Host {
    lines: Lines,
    say: Vec<&'static str>,
    then: Option<Step<String>>,
}

impl Machine for Host {
    type Event = String;
    type Error = &'static str;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
        for line in self.say.drain(..) {
            tx.push(line.as_bytes());
            tx.push(b"\r\n");
        }
        if let Some(then) = self.then.take() {
            return Ok(then);
        }
        let Some(line) = self.lines.next(rx).map_err(|_| "long")? else {
            return if rx.is_eof() { Err("ended") } else { Ok(Step::Read) };
        };
        let text = String::from_utf8_lossy(line.of(rx)).into_owned();
        rx.consume(line.total);
        Ok(match text.as_str() {
            "STARTTLS" => {
                tx.push(b"go ahead\r\n");
                Step::StartTls
            }
            "QUIT" => {
                tx.push(b"bye\r\n");
                Step::Close
            }
            _ => Step::Event(text),
        })
    }
}

fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

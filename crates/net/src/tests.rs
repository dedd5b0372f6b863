//! Hard cases of the drivers, each tested on both, against a server that is a thread of this process.

mod clock;
mod ends;
mod server;
mod tunnel;
mod waits;

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use mailbearer_wire::{Lines, Machine, RecvBuf, Secret, Security, SendBuf, Step};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::{
    Blocking, Connection, DriveError, Error, Next, Options, Runtime, ServerTls, Stage, Timeouts, Tls, Tokio,
    tls,
};

#[test]
fn tls_starts_in_mid_conversation() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open_patient::<R>(port, Security::StartTls, ca).await.unwrap();
        let mut machine = Talk::new();
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("hello".into()));
        machine.say("STARTTLS");
        machine.tls_after = Some("go ahead");
        machine.say("in private");
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("heard: in private".into()));
    }
    on_both(
        |ca, stream| {
            let mut reader = BufReader::new(stream);
            reader.get_mut().write_all(b"hello\r\n")?;
            assert_eq!(line(&mut reader)?, "STARTTLS");
            reader.get_mut().write_all(b"go ahead\r\n")?;
            assert!(reader.buffer().is_empty(), "nothing may follow STARTTLS in the clear");
            let mut secure = BufReader::new(ca.serve(reader.into_inner()));
            assert_eq!(line(&mut secure)?, "in private");
            secure.get_mut().write_all(b"heard: in private\r\n")
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn bytes_behind_the_go_ahead_are_an_error() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open_patient::<R>(port, Security::StartTls, ca).await.unwrap();
        let mut machine = Talk::new();
        machine.tls_after = Some("go ahead");
        let error = connection.next(&mut machine).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::BytesBeforeTls)), "{error:?}");
    }
    on_both(
        |_, mut stream| {
            stream.write_all(b"go ahead\r\ninjected\r\n")?;
            let mut rest = Vec::new();
            let end = stream.read_to_end(&mut rest);
            assert_eq!(rest, b"", "no handshake byte goes out");
            end.map(drop).or(Ok(()))
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn ten_megabytes_cross_both_ways_at_once() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open_patient::<R>(port, Security::Implicit, ca).await.unwrap();
        let mut machine = Flood { to_send: FLOOD, received: 0 };
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some(FLOOD));
        assert_eq!(machine.to_send, 0);
    }
    on_both(
        |ca, stream| {
            // The server reads nothing before it has sent everything.
            let mut stream = ca.serve(stream);
            stream.write_all(&vec![b'x'; FLOOD])?;
            let mut left = vec![0; FLOOD];
            stream.read_exact(&mut left)?;
            stream.conn.send_close_notify();
            stream.flush()
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn a_listener_can_give_a_command() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open_patient::<R>(port, Security::Implicit, ca).await.unwrap();
        let mut machine = Talk::new();
        machine.say("IDLE");
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("idling".into()));
        let quiet = connection.next_within(&mut machine, Duration::from_millis(5)).await.unwrap();
        assert_eq!(quiet, Next::Quiet);
        machine.say("DONE");
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("done".into()));
    }
    on_both(
        |ca, stream| {
            let mut stream = BufReader::new(ca.serve(stream));
            assert_eq!(line(&mut stream)?, "IDLE");
            stream.get_mut().write_all(b"idling\r\n")?;
            assert_eq!(line(&mut stream)?, "DONE");
            stream.get_mut().write_all(b"done\r\n")
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn the_end_of_input_ends_the_wait() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open_patient::<R>(port, Security::Implicit, ca).await.unwrap();
        let mut machine = Talk::new();
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("half a".into()));
        assert!(matches!(connection.next(&mut machine).await, Err(DriveError::Machine("ended"))));
    }
    on_both(
        |ca, stream| {
            let mut stream = ca.serve(stream);
            stream.write_all(b"half a\r\nconversa")
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn silence_is_a_timeout_of_its_stage() {
    async fn handshake<R: Runtime>(port: u16, ca: &Ca) {
        let error = open::<R>(port, Security::Implicit, ca).await.err().unwrap();
        assert!(matches!(error, Error::Timeout { stage: Stage::Handshake, .. }), "{error:?}");
    }
    async fn read<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open::<R>(port, Security::StartTls, ca).await.unwrap();
        let error = connection.next(&mut Talk::new()).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Timeout { stage: Stage::Greeting, .. })), "{error:?}");
    }
    async fn total<R: Runtime>(port: u16, ca: &Ca) {
        let mut options = options();
        options.timeouts.total = Some(Duration::from_millis(300));
        options.timeouts.read = Some(Duration::from_secs(3600));
        let mut connection =
            Connection::<R>::open("localhost", port, Security::StartTls, &ca.trust(), options).await.unwrap();
        connection.start_operation();
        let error = connection.next(&mut Talk::new()).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Timeout { stage: Stage::Total, .. })), "{error:?}");
    }
    fn silent(_: &Ca, mut stream: TcpStream) -> io::Result<()> {
        stream.read_to_end(&mut Vec::new()).map(drop).or(Ok(()))
    }
    on_both(
        silent,
        |port, ca| Blocking::task(handshake::<Blocking>(port, ca)),
        |port, ca| block_on(handshake::<Tokio>(port, ca)),
    );
    on_both(
        silent,
        |port, ca| Blocking::task(read::<Blocking>(port, ca)),
        |port, ca| block_on(read::<Tokio>(port, ca)),
    );
    on_both(
        silent,
        |port, ca| Blocking::task(total::<Blocking>(port, ca)),
        |port, ca| block_on(total::<Tokio>(port, ca)),
    );
}

#[test]
fn a_peer_that_takes_nothing_is_a_timeout() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open::<R>(port, Security::StartTls, ca).await.unwrap();
        let mut machine = Flood { to_send: 64 * FLOOD, received: 0 };
        let error = connection.next(&mut machine).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Timeout { stage: Stage::Write, .. })), "{error:?}");
    }
    on_both(
        |_, stream| {
            // Held open and unread until the client gives up.
            let mut sentinel = stream.try_clone()?;
            sentinel.set_read_timeout(Some(Duration::from_secs(30)))?;
            thread::park_timeout(Duration::from_secs(1));
            sentinel.read(&mut [0; 1]).map(drop)
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn a_certificate_has_to_match() {
    async fn client<R: Runtime>(host: &str, port: u16, ca: &Ca) -> Error {
        Connection::<R>::open(host, port, Security::Implicit, &ca.trust(), options()).await.err().unwrap()
    }
    fn server(ca: &Ca, stream: TcpStream) -> io::Result<()> {
        let error = ca.serve(stream).read(&mut [0; 1]).unwrap_err();
        assert!(error.to_string().contains("alert"), "the client says why: {error}");
        Ok(())
    }
    let other = Ca::new();
    for (name, host, trusted) in
        [("another name", "127.0.0.1", None), ("an unknown authority", "localhost", Some(&other))]
    {
        let check = |error: Error| assert!(error.is_certificate(), "{name}: {error:?}");
        on_both(
            server,
            |port, ca| check(Blocking::task(client::<Blocking>(host, port, trusted.unwrap_or(ca)))),
            |port, ca| check(block_on(client::<Tokio>(host, port, trusted.unwrap_or(ca)))),
        );
    }
}

/// The self-signed certificate of plain `openssl req -x509` is told as what it is, also where it is trusted
/// (`CaUsedAsEndEntity`).
#[test]
fn an_authority_is_no_server() {
    let (itself, other) = (Ca::of_itself(), Ca::new());
    for trusted in [&itself, &other] {
        let server = |ca: &Ca, stream: TcpStream| ca.serve(stream).read(&mut [0; 1]).map(drop).or(Ok(()));
        serve(&itself, server, |port, _| {
            let tls = trusted.trust();
            let options = Options::default();
            let open = Connection::<Blocking>::open("localhost", port, Security::Implicit, &tls, options);
            let error = Blocking::task(open).err().unwrap();
            let Error::Tls { problem: tls::TlsProblem::Certificate(problem), .. } = &error else {
                panic!("{error:?}")
            };
            assert!(matches!(problem, tls::CertificateProblem::AuthorityAsServer), "{error:?}");
        });
    }
}

/// It comes in many records. What is too long for the TLS library is told as that, not as something other than TLS.
#[test]
fn a_chain_of_certificates_may_be_long() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) -> Result<String, Error> {
        let mut connection = open_patient::<R>(port, Security::Implicit, ca).await?;
        Ok(connection.next(&mut Talk::new()).await.unwrap().unwrap())
    }
    for (octets, is_taken) in [(20_000, true), (60_000, true), (70_000, false), (200_000, false)] {
        let server = move |ca: &Ca, stream: TcpStream| {
            let said = ca.serve(stream).write_all(b"hello\r\n");
            assert_eq!(said.is_ok(), is_taken, "{octets}: {said:?}");
            Ok(())
        };
        let check = |said: Result<String, Error>| match said {
            Ok(said) => assert!(is_taken && said == "hello", "{octets}"),
            Err(error) => {
                assert!(!is_taken && !error.is_not_tls(), "{octets}: {error:?}");
                let told = error.to_string();
                assert!(told.contains("takes more than 64 KiB"), "{octets}: {told}");
            }
        };
        let ca = Ca::with_long_chain(octets);
        serve(&ca, server, |port, ca| check(Blocking::task(client::<Blocking>(port, ca))));
        serve(&ca, server, |port, ca| check(block_on(client::<Tokio>(port, ca))));
    }
}

#[test]
fn another_protocol_on_the_port_is_told_apart() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let error = open_patient::<R>(port, Security::Implicit, ca).await.err().unwrap();
        assert!(error.is_not_tls(), "{error:?}");
    }
    on_both(
        |_, mut stream| {
            stream.write_all(b"220 mail.test ESMTP\r\n")?;
            stream.read_to_end(&mut Vec::new()).map(drop).or(Ok(()))
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn a_blocked_thread_can_be_cancelled() {
    serve(
        &Ca::new(),
        |_, mut stream| stream.read_to_end(&mut Vec::new()).map(drop).or(Ok(())),
        |port, ca| {
            let mut connection =
                Blocking::task(open_patient::<Blocking>(port, Security::StartTls, ca)).unwrap();
            let canceller = connection.canceller();
            let waiting =
                thread::spawn(move || Blocking::task(connection.next(&mut Talk::new())).unwrap_err());
            canceller.cancel();
            let error = waiting.join().unwrap();
            assert!(matches!(&error, DriveError::Net(error) if error.is_cancelled()), "{error:?}");
        },
    );
}

#[test]
fn a_dropped_future_loses_nothing() {
    serve(
        &Ca::new(),
        |_, stream| {
            let mut stream = BufReader::new(stream);
            for n in 0..50 {
                assert_eq!(line(&mut stream)?, format!("command {n}"));
                stream.get_mut().write_all(format!("answer {n}\r\n").as_bytes())?;
            }
            Ok(())
        },
        |port, ca| {
            block_on(async {
                let mut connection = open_patient::<Tokio>(port, Security::StartTls, ca).await.unwrap();
                let mut machine = Talk::new();
                for n in 0..50 {
                    machine.say(&format!("command {n}"));
                    let answer = loop {
                        // Each time the wait is dropped after a few microseconds and started again.
                        let wait = Duration::from_micros(n % 7);
                        match ::tokio::time::timeout(wait, connection.next(&mut machine)).await {
                            Ok(event) => break event.unwrap(),
                            Err(_) => ::tokio::task::yield_now().await,
                        }
                    };
                    assert_eq!(answer, Some(format!("answer {n}")));
                }
            });
        },
    );
}

/// A machine of lines: reports each line that it gets, and says what it is told to.
struct Talk {
    lines: Lines,
    queue: Vec<String>,
    tls_after: Option<&'static str>,
    held: bool,
}

impl Talk {
    fn new() -> Self {
        Self { lines: Lines::new(1000), queue: Vec::new(), tls_after: None, held: false }
    }

    fn say(&mut self, line: &str) {
        self.queue.push(format!("{line}\r\n"));
    }
}

impl Machine for Talk {
    type Event = String;
    type Error = &'static str;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
        if !self.held && !self.queue.is_empty() {
            // After STARTTLS nothing more is said before TLS.
            let count = if self.tls_after.is_some() { 1 } else { self.queue.len() };
            self.held = self.tls_after.is_some();
            self.queue.drain(..count).for_each(|line| tx.push(line.as_bytes()));
        }
        let Some(line) = self.lines.next(rx).map_err(|_| "long")? else {
            return if rx.is_eof() { Err("ended") } else { Ok(Step::Read) };
        };
        let text = String::from_utf8_lossy(line.of(rx)).into_owned();
        rx.consume(line.total);
        if self.tls_after == Some(text.as_str()) {
            self.tls_after = None;
            self.held = false;
            return Ok(Step::StartTls);
        }
        Ok(Step::Event(text))
    }
}

/// A machine that sends and receives as much as it can at once.
struct Flood {
    to_send: usize,
    received: usize,
}

impl Machine for Flood {
    type Event = usize;
    type Error = &'static str;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<usize>, &'static str> {
        self.received = self.received.saturating_add(rx.unread().len());
        rx.consume_bulk(usize::MAX);
        let count = self.to_send.min(tx.room());
        tx.push_bulk(&vec![b'y'; count]);
        self.to_send = self.to_send.saturating_sub(count);
        match (self.to_send, rx.is_eof()) {
            (0, true) => Ok(Step::Event(self.received)),
            (0, false) => Ok(Step::Read),
            _ => Ok(Step::Flush),
        }
    }
}

const FLOOD: usize = 10 << 20;

/// An authority, and its certificate for the server `localhost`.
#[derive(Clone)]
struct Ca {
    pem: String,
    /// The server's certificate, and its key.
    chain: String,
    key: String,
    server: Arc<ServerConfig>,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".into()]).unwrap().signed_by(&server_key, &issuer).unwrap();
        Self::with(pem, &[certificate], &server_key)
    }

    /// A server between which and the authority stands another one, whose certificate has so many octets at least.
    fn with_long_chain(octets: usize) -> Self {
        let names = (0..=octets / 22).map(|n| format!("name-{n:010}.test")).collect::<Vec<_>>();
        let [key, between_key, server_key] = [(); 3].map(|()| KeyPair::generate().unwrap());
        let authority = |names| {
            let mut params = CertificateParams::new(names).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
                .distinguished_name
                .push(DnType::CommonName, format!("of {} names", params.subject_alt_names.len()));
            params
        };
        let params = authority(Vec::new());
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let params = authority(names);
        let between = params.signed_by(&between_key, &issuer).unwrap();
        assert!(between.der().len() > octets);
        let issuer = Issuer::new(params, between_key);
        let certificate =
            CertificateParams::new(["localhost".into()]).unwrap().signed_by(&server_key, &issuer).unwrap();
        Self::with(pem, &[certificate, between], &server_key)
    }

    /// A server whose certificate is an authority of its own, as `openssl req -x509` makes it.
    fn of_itself() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".into()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self::with(certificate.pem(), &[certificate], &key)
    }

    fn with(pem: String, chain: &[Certificate], server_key: &KeyPair) -> Self {
        let provider = Arc::new(tls::provider().unwrap());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                chain.iter().map(|certificate| certificate.der().clone()).collect(),
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der())),
            )
            .unwrap();
        // So that what a handshake says is in many records.
        server.max_fragment_size = Some(700);
        let chain = chain.iter().map(Certificate::pem).collect();
        Self { pem, chain, key: server_key.serialize_pem(), server: Arc::new(server) }
    }

    fn server_tls(&self) -> ServerTls {
        ServerTls::from_pem(self.chain.as_bytes(), &Secret::from(self.key.as_str())).unwrap()
    }

    fn trust(&self) -> Tls {
        Tls::with_only_ca_pem(self.pem.as_bytes()).unwrap()
    }

    fn serve(&self, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        StreamOwned::new(ServerConnection::new(Arc::clone(&self.server)).unwrap(), stream)
    }
}

fn options() -> Options {
    let mut options = Options::default();
    // On a busy machine, a look-up and a handshake take a while too.
    let short = Duration::from_millis(300);
    options.timeouts = Timeouts { connect: short, read: Some(short), write: short, ..Timeouts::default() };
    options
}

async fn open<R: Runtime>(port: u16, security: Security, ca: &Ca) -> Result<Connection<R>, Error> {
    let mut options = options();
    // A handshake on a busy machine takes a while; only a silent server should reach the limit.
    if security == Security::StartTls {
        options.timeouts.connect = Duration::from_secs(30);
    }
    Connection::open("localhost", port, security, &ca.trust(), options).await
}

async fn open_patient<R: Runtime>(port: u16, security: Security, ca: &Ca) -> Result<Connection<R>, Error> {
    Connection::open("localhost", port, security, &ca.trust(), Options::default()).await
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn on_both(
    server: impl Fn(&Ca, TcpStream) -> io::Result<()> + Copy + Send + 'static,
    blocking: impl FnOnce(u16, &Ca),
    tokio: impl FnOnce(u16, &Ca),
) {
    let ca = Ca::new();
    serve(&ca, server, blocking);
    serve(&ca, server, tokio);
}

fn serve(
    ca: &Ca,
    server: impl FnOnce(&Ca, TcpStream) -> io::Result<()> + Send + 'static,
    client: impl FnOnce(u16, &Ca),
) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = ca.clone();
    let server: JoinHandle<io::Result<()>> = thread::spawn(move || server(&config, listener.accept()?.0));
    client(port, ca);
    server.join().unwrap().unwrap();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

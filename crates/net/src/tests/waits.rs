//! Waits end when they must: by cancelling, by time, or for a reply that came before the end.

use std::{net::Ipv4Addr, sync::mpsc, time::Instant};

use super::*;
use crate::{Cancelled, Canceller, connect};

#[test]
fn whatever_waits_can_be_cancelled() {
    async fn waits<R: Runtime>(port: u16, ca: &Ca, started: impl Fn(Canceller)) {
        let far = Instant::now() + Duration::from_secs(3600);
        let canceller = Canceller::new();
        started(canceller.clone());
        assert_eq!(canceller.run(R::sleep(far)).await, Err(Cancelled));
        assert_eq!(canceller.run(async {}).await, Err(Cancelled), "for good");

        let mut options = Options::default();
        let canceller = Canceller::new();
        options.canceller = Some(canceller.clone());
        let trust = ca.trust();
        let mut connection =
            Connection::<R>::open("localhost", port, Security::StartTls, &trust, options).await.unwrap();
        started(canceller);
        for _ in 0..2 {
            let error = connection.next(&mut Talk::new()).await.unwrap_err();
            assert!(matches!(&error, DriveError::Net(error) if error.is_cancelled()), "{error:?}");
        }

        let mut options = Options::default();
        let canceller = Canceller::new();
        canceller.cancel();
        options.canceller = Some(canceller);
        let opened = Connection::<R>::open("localhost", port, Security::StartTls, &trust, options).await;
        assert!(opened.err().unwrap().is_cancelled());
    }
    fn silent(_: &Ca, mut stream: TcpStream) -> io::Result<()> {
        stream.read_to_end(&mut Vec::new()).map(drop).or(Ok(()))
    }
    // Another thread cancels as soon as it has the canceller.
    let (tell, told) = mpsc::channel::<Canceller>();
    let cancelling = thread::spawn(move || told.into_iter().for_each(|canceller| canceller.cancel()));
    let started = |canceller| tell.send(canceller).unwrap();
    on_both(
        silent,
        |port, ca| Blocking::task(async { waits::<Blocking>(port, ca, &started).await }),
        |port, ca| block_on(waits::<Tokio>(port, ca, &started)),
    );
    drop(tell);
    cancelling.join().unwrap();
}

#[test]
fn an_operation_within_another_leaves_its_wait_alone() {
    Blocking::task(async {
        let soon = Instant::now() + Duration::from_millis(20);
        let mut sleep = std::pin::pin!(Blocking::sleep(soon));
        std::future::poll_fn(|context| {
            let polled = sleep.as_mut().poll(context);
            Blocking::task(Blocking::sleep(Instant::now()));
            polled
        })
        .await;
        assert!(Instant::now() >= soon);
    });
}

/// A reply given before the server closes is not lost: what can be read is read before a write error is told.
#[test]
fn a_reply_is_read_before_the_end_of_the_upload_is_told() {
    async fn client<R: Runtime>(port: u16, ca: &Ca, waits: bool) {
        let mut connection = open_patient::<R>(port, Security::StartTls, ca).await.unwrap();
        // Also with a machine that wants to read or write more before it reports what it read.
        let mut machine = Upload { lines: Lines::new(100), heard: None, waits };
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("552 too big".into()));
        let error = connection.next(&mut machine).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Io { .. })), "{error:?}");
    }
    for waits in [false, true] {
        on_both(
            |_, mut stream| {
                stream.read_exact(&mut [0; 1000])?;
                stream.write_all(b"552 too big\r\n")
                // Closed with unread octets: what follows is reset.
            },
            |port, ca| Blocking::task(client::<Blocking>(port, ca, waits)),
            |port, ca| block_on(client::<Tokio>(port, ca, waits)),
        );
    }
}

/// A reset or silence in the TLS handshake or at STARTTLS names that stage.
#[test]
fn the_way_to_tls_has_its_own_stages() {
    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open::<R>(port, Security::StartTls, ca).await.unwrap();
        let mut machine = Talk::new();
        assert_eq!(connection.next(&mut machine).await.unwrap(), Some("hello".into()));
        machine.say("STARTTLS");
        let error = connection.next(&mut machine).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Timeout { stage: Stage::StartTls, .. })), "{error:?}");
        // The server hangs up in the handshake.
        machine.tls_after = Some("go ahead");
        machine.say("now");
        let error = connection.next(&mut machine).await.unwrap_err();
        assert!(matches!(error, DriveError::Net(Error::Io { stage: Stage::Handshake, .. })), "{error:?}");
    }
    on_both(
        |_, stream| {
            let mut reader = BufReader::new(stream);
            reader.get_mut().write_all(b"hello\r\n")?;
            assert_eq!(line(&mut reader)?, "STARTTLS");
            assert_eq!(line(&mut reader)?, "now");
            reader.get_mut().write_all(b"go ahead\r\n")?;
            reader.read_exact(&mut [0; 5])
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

#[test]
fn an_address_that_does_not_answer_costs_a_moment() {
    async fn client<R: Runtime>(dead: std::net::SocketAddr, live: std::net::SocketAddr) {
        // The next address is tried after a quarter of a second; the system would wait for two minutes.
        let late = R::now() + Duration::from_secs(60);
        connect::before::<R, _>(late, "late", connect::race::<R>(vec![dead, live])).await.unwrap();
    }
    // On Linux, a listener with a full queue does not answer.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    full.listen(0).unwrap();
    let dead = full.local_addr().unwrap().as_socket().unwrap();
    let _fill: Vec<_> = (0..4)
        .map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&dead.into());
            socket
        })
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let live = listener.local_addr().unwrap();
    Blocking::task(client::<Blocking>(dead, live));
    block_on(client::<Tokio>(dead, live));
}

/// A machine that sends for ever, and reports each line: at once, or when nothing more comes.
struct Upload {
    lines: Lines,
    heard: Option<String>,
    waits: bool,
}

impl Machine for Upload {
    type Event = String;
    type Error = &'static str;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
        if let Some(line) = self.lines.next(rx).map_err(|_| "long")? {
            self.heard = Some(String::from_utf8_lossy(line.of(rx)).into_owned());
            rx.consume(line.total);
        }
        if let Some(text) = self.heard.take_if(|_| rx.is_eof() || !self.waits) {
            return Ok(Step::Event(text));
        }
        tx.push_bulk(&vec![b'y'; tx.room()]);
        Ok(Step::Flush)
    }
}

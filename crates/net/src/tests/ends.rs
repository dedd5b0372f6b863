//! How waits and connections end, by a clock that jumps.

use std::{future::poll_fn, pin::pin, sync::Mutex, task::Poll};

use super::{
    clock::{SECOND, Script, Simulated, Takes, drip, elapsed, pass, script, socket},
    *,
};
use crate::{
    Listener, Timer, Trace,
    link::{Errand, Link, Outcome, Silence, Turn},
    tls::{Session, Side},
};

async fn connected(script: Script, security: Security) -> Result<Connection<Simulated>, Error> {
    let options = Options { recv_limit: 1 << 20, ..Options::default() };
    Connection::over(socket(script), "mail.test", security, &Tls::new().unwrap(), options).await
}

/// Returns the first event, or the failure: its stage, and the system's error.
async fn outcome<M: Machine<Event = String, Error = &'static str> + Send>(
    connection: &mut Connection<Simulated>,
    machine: &mut M,
) -> String {
    match connection.next(machine).await {
        Ok(event) => format!("{event:?}"),
        Err(DriveError::Machine(error)) => error.into(),
        Err(DriveError::Net(Error::Io { stage, source })) => format!("{stage:?} {:?}", source.kind()),
        Err(DriveError::Net(error)) => error.to_string(),
    }
}

fn said(line: &str) -> Talk {
    let mut machine = Talk::new();
    machine.say(line);
    machine
}

/// Time that the caller takes does not count as the peer's silence, and a wait that was given up has ended when another
/// begins.
#[test]
fn the_peers_time_is_counted_while_it_is_waited_for() {
    Simulated::task(async {
        let mut connection = connected(script(&[(1, "hello\r\n")]), Security::StartTls).await.unwrap();
        assert_eq!(outcome(&mut connection, &mut Talk::new()).await, "Some(\"hello\")");
        pass(1000 * SECOND);
        let silent = outcome(&mut connection, &mut Talk::new()).await;
        assert_eq!(silent, "server was silent before TLS was started for 30 s");
        assert_eq!(elapsed(), 1031 * SECOND);

        let mut connection = connected(script(&[]), Security::StartTls).await.unwrap();
        let mut machine = Talk::new();
        let mut next = Box::pin(connection.next(&mut machine));
        let mut alarm = pin!(Simulated::timer(Simulated::now() + 20 * SECOND));
        poll_fn(|context| match next.as_mut().poll(context) {
            Poll::Ready(_) => panic!("nobody said anything"),
            Poll::Pending => alarm.poll_expired(context),
        })
        .await;
        drop(next);
        pass(1000 * SECOND);
        connection.start_operation();
        outcome(&mut connection, &mut machine).await;
        assert_eq!(elapsed(), 1050 * SECOND);
    });
}

#[test]
fn a_break_is_told_by_what_broke_first() {
    let broken = |first: &[(u64, &'static str)], end| Script { takes: Takes::Nothing, end, ..script(first) };
    let ends = |end| Script { end: Some(end), ..script(&[]) };
    let reset = Err(io::ErrorKind::ConnectionReset);
    let rows = [
        ("the end", ends(Ok(())), "ended", 0),
        ("a reset", ends(reset), "StartTls ConnectionReset", 0),
        ("a reply before the end", broken(&[(0, "552 big\r\n")], Some(Ok(()))), "Some(\"552 big\")", 0),
        ("a reply before a reset", broken(&[(0, "552 big\r\n")], Some(reset)), "Some(\"552 big\")", 0),
        ("no reply before the end", broken(&[], Some(Ok(()))), "Write BrokenPipe", 0),
        ("no reply before a reset", broken(&[], Some(reset)), "Write BrokenPipe", 0),
        ("no reply at all", broken(&[], None), "Write BrokenPipe", 500),
        ("silence", script(&[]), "server was silent before TLS was started for 30 s", 30_000),
    ];
    for (name, script, want, after) in rows {
        Simulated::task(async {
            let mut connection = connected(script, Security::StartTls).await.unwrap();
            assert_eq!(outcome(&mut connection, &mut said("EHLO me")).await, want, "{name}");
        });
        assert_eq!(elapsed(), Duration::from_millis(after), "{name}");
    }
    let nothing = || broken(&[], None);
    let refused = Simulated::task(connected(nothing(), Security::Implicit)).err().unwrap();
    assert!(matches!(refused, Error::Io { stage: Stage::Handshake, .. }), "{refused:?}");
    Simulated::task(async {
        let mut connection = connected(nothing(), Security::StartTls).await.unwrap();
        let found = outcome(&mut connection, &mut Says("STARTTLS\r\n", Step::StartTls)).await;
        assert_eq!(found, "Write BrokenPipe");
    });
}

/// A machine that asks for more after the end, or leaves octets unread.
#[test]
fn a_machine_that_reads_nothing_is_stopped() {
    for (script, limit, want) in [
        (Script { end: Some(Ok(())), ..script(&[]) }, 1000, "Greeting UnexpectedEof"),
        (script(&[(1, "abcdefgh")]), 4, "server sent too much at once"),
    ] {
        Simulated::task(async {
            let options = Options { recv_limit: limit, ..Options::default() };
            let socket = socket(script);
            let tls = Tls::new().unwrap();
            let over = Connection::over(socket, "mail.test", Security::StartTls, &tls, options).await;
            let found = outcome(&mut over.unwrap(), &mut Says("", Step::Read)).await;
            assert!(found.starts_with(want), "{found}");
        });
    }
}

/// Two sides that both wait for the other one to read would wait for ever.
#[test]
fn what_the_peer_says_is_read_while_it_takes_nothing() {
    Simulated::task(async {
        let takes = Takes::From(12 * SECOND);
        let script = Script { takes, ..script(&[(5, "one\r\n"), (5, "two\r\n"), (5, "three\r\n")]) };
        let mut connection = connected(script, Security::StartTls).await.unwrap();
        let mut machine = said("EHLO me");
        for (want, at) in [("one", 5), ("two", 10), ("three", 15)] {
            assert_eq!(outcome(&mut connection, &mut machine).await, format!("Some({want:?})"));
            assert_eq!(elapsed(), at * SECOND, "{want}");
        }
    });
    // If there is no room for it, it waits.
    Simulated::task(async {
        let script = Script { takes: Takes::From(3 * SECOND), ..script(&[(1, "abcdefgh")]) };
        let options = Options { recv_limit: 4, ..Options::default() };
        let tls = Tls::new().unwrap();
        let over = Connection::over(socket(script), "mail.test", Security::StartTls, &tls, options).await;
        let mut connection: Connection<Simulated> = over.unwrap();
        assert_eq!(connection.next(&mut Sends(Some("EHLO me\r\n"))).await.unwrap(), Some("sent".into()));
        assert_eq!(elapsed(), 3 * SECOND);
    });
}

/// A client closes when its goodbye was answered. A server gives the client half a second to read its last words.
#[test]
fn who_closes_waits_for_the_other_to_have_read() {
    let gone = |end| Script { end: Some(end), ..script(&[]) };
    let half = Duration::from_millis(500);
    let rows = [
        ("a peer that stays", script(&[]), half),
        ("a peer that goes on sending", drip("x", half / 5), half),
        ("a peer that goes", gone(Ok(())), Duration::ZERO),
        ("a peer that is gone", gone(Err(io::ErrorKind::ConnectionReset)), Duration::ZERO),
    ];
    for (name, script, want) in rows {
        Simulated::task(async {
            let connection = Connection::<Simulated>::accept_in_clear(socket(script), Options::default());
            connection.close().await.unwrap();
        });
        assert_eq!(elapsed(), want, "{name}");
    }
    Simulated::task(async {
        let mut connection = connected(script(&[]), Security::StartTls).await.unwrap();
        assert_eq!(outcome(&mut connection, &mut Says("", Step::Close)).await, "None");
    });
    assert_eq!(elapsed(), Duration::ZERO, "a client");
}

#[test]
fn what_is_said_is_traced_and_a_failed_machines_last_words_are_said() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let (tls, peer) = (Tls::new().unwrap(), socket(script(&[(1, "hello\r\n")])));
    let mut options = Options::default();
    let tell = move |line: &mailbearer_wire::TraceLine| seen.lock().unwrap().push(line.text.clone());
    options.trace = Some(Trace::new(tell, None));
    Simulated::task(async {
        let over = Connection::<Simulated>::over(peer, "mail.test", Security::StartTls, &tls, options);
        let mut connection = over.await.unwrap();
        assert_eq!(outcome(&mut connection, &mut said("EHLO me")).await, "Some(\"hello\")");
    });
    assert_eq!(*lines.lock().unwrap(), ["EHLO me", "hello"]);

    async fn client<R: Runtime>(port: u16, ca: &Ca) {
        let mut connection = open_patient::<R>(port, Security::StartTls, ca).await.unwrap();
        let error = connection.next(&mut Fails).await.unwrap_err();
        assert!(matches!(error, DriveError::Machine("failed")), "{error:?}");
    }
    on_both(
        |_, stream| {
            assert_eq!(line(&mut BufReader::new(stream))?, "QUIT");
            Ok(())
        },
        |port, ca| Blocking::task(client::<Blocking>(port, ca)),
        |port, ca| block_on(client::<Tokio>(port, ca)),
    );
}

/// One port for clients that begin with TLS, and for those that do not.
#[test]
fn a_port_can_serve_both() {
    async fn server<R: Runtime>(mut listener: R::Listener, tls: ServerTls, want: bool) {
        let (socket, _) = listener.accept().await.unwrap();
        let patience = Duration::from_secs(30);
        let accepted = Connection::<R>::accept_either(socket, &tls, Options::default(), patience).await;
        let (mut connection, is_tls) = accepted.unwrap();
        assert_eq!((is_tls, connection.tls().is_some()), (want, want));
        // Who has seen which it is may want to see what is said.
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let tell = move |line: &mailbearer_wire::TraceLine| seen.lock().unwrap().push(line.text.clone());
        connection.watch(Trace::new(tell, None));
        assert_eq!(connection.next(&mut said("welcome")).await.unwrap(), Some("hello".into()));
        // An event comes before the queued octets are sent.
        connection.close().await.unwrap();
        let mut lines = lines.lock().unwrap().clone();
        lines.sort();
        assert_eq!(lines, ["hello", "welcome"]);
    }
    async fn client<R: Runtime>(port: u16, security: Security, ca: &Ca) {
        let mut connection = open_patient::<R>(port, security, ca).await.unwrap();
        let agreed = connection.tls();
        if security == Security::Implicit {
            let (version, suite) = agreed.unwrap();
            assert!(version == 0x0304 && (0x1301..=0x1303).contains(&suite), "{version:x} {suite:x}");
        } else {
            assert_eq!(agreed, None);
        }
        assert_eq!(connection.next(&mut said("hello")).await.unwrap(), Some("welcome".into()));
    }
    for security in [Security::Implicit, Security::StartTls] {
        let ca = Ca::new();
        let listener = Blocking::listen(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tls, want) = (ca.server_tls(), security == Security::Implicit);
        let serving = thread::spawn(move || Blocking::task(server::<Blocking>(listener, tls, want)));
        Blocking::task(client::<Blocking>(port, security, &ca));
        serving.join().unwrap();
    }
}

/// Each request gives the peer time to answer.
#[test]
fn a_slow_peer_is_given_time_by_each_command() {
    Simulated::task(async {
        let mut connection = connected(drip("* OK\r\n", 29 * SECOND), Security::StartTls).await.unwrap();
        let mut machine = Talk::new();
        for _ in 0..7 {
            assert_eq!(outcome(&mut connection, &mut machine).await, "Some(\"* OK\")");
        }
        machine.say("NOOP");
        let end = loop {
            match outcome(&mut connection, &mut machine).await {
                line if line.starts_with("Some") => {}
                end => break end,
            }
        };
        assert_eq!(end, "server was too slow for 300 s");
    });
    assert!(elapsed() > 480 * SECOND, "{:?}", elapsed());
}

/// An upload that moves has as long as it needs, over TLS as without: each octet that the peer took counts.
#[test]
fn a_peer_that_takes_little_at_a_time_is_no_silent_one() {
    for is_tls in [false, true] {
        let slow = Script { takes: Takes::Slowly(10_000, 50 * SECOND), ..script(&[]) };
        let mut link = Link::<Simulated>::new(socket(slow), Box::new(Unchanged), false, Options::default());
        if is_tls {
            link.start_tls().unwrap();
        }
        let mut upload = vec![b'x'; 200_000];
        let ended = Simulated::task(link.drive(60 * SECOND, Silence::Fails, &mut |_, tx| {
            tx.push(&std::mem::take(&mut upload));
            if tx.unsent().is_empty() { Turn::Over } else { Turn::Go(Errand::Flush) }
        }));
        assert!(matches!(ended, Ok(Outcome::Done)), "{is_tls}");
        // Longer than ten times the patience.
        assert!(elapsed() >= 950 * SECOND, "{is_tls}: {:?}", elapsed());
    }
}

/// The time for the way in ends with the login.
#[test]
fn who_was_let_in_may_stay() {
    Simulated::task(async {
        for is_let_in in [false, true] {
            let mut options = Options::default();
            options.timeouts.opening = Some(60 * SECOND);
            let tls = Tls::new().unwrap();
            let socket = socket(drip("* OK\r\n", SECOND));
            let over = Connection::over(socket, "mail.test", Security::StartTls, &tls, options).await;
            let mut connection: Connection<Simulated> = over.unwrap();
            let mut machine = Talk::new();
            let mut lines = 0;
            while lines < 100 && outcome(&mut connection, &mut machine).await.starts_with("Some") {
                lines += 1;
                if is_let_in && lines == 30 {
                    connection.opened();
                }
            }
            assert_eq!(lines, if is_let_in { 100 } else { 60 });
        }
    });
}

#[test]
fn a_server_that_says_nothing_over_tls_has_not_greeted() {
    async fn client<R: Runtime>(port: u16, ca: &Ca, greeting: &str) {
        let mut options = Options::default();
        options.timeouts.read = Some(Duration::from_millis(200));
        let opened = Connection::<R>::open("localhost", port, Security::Implicit, &ca.trust(), options).await;
        let (mut connection, mut machine) = (opened.unwrap(), Talk::new());
        let is_greeted = !greeting.is_empty();
        if is_greeted {
            assert_eq!(connection.next(&mut machine).await.unwrap(), Some("hello".into()));
        }
        let error = connection.next(&mut machine).await.unwrap_err();
        let DriveError::Net(Error::Timeout { stage, .. }) = error else { panic!("{error:?}") };
        assert_eq!(stage, if is_greeted { Stage::Read } else { Stage::Greeting });
    }
    for greeting in ["", "hello\r\n"] {
        on_both(
            move |ca, stream| {
                let mut stream = ca.serve(stream);
                stream.write_all(greeting.as_bytes())?;
                stream.read_to_end(&mut Vec::new()).map(drop).or(Ok(()))
            },
            |port, ca| Blocking::task(client::<Blocking>(port, ca, greeting)),
            |port, ca| block_on(client::<Tokio>(port, ca, greeting)),
        );
    }
}

/// Says this, and then takes this step for ever.
struct Says(&'static str, Step<String>);

impl Machine for Says {
    type Event = String;
    type Error = &'static str;

    fn step(&mut self, _: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
        tx.push(std::mem::take(&mut self.0).as_bytes());
        Ok(self.1.clone())
    }
}

/// Sends a line, and reads nothing.
struct Sends(Option<&'static str>);

impl Machine for Sends {
    type Event = String;
    type Error = &'static str;

    fn step(&mut self, _: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
        if let Some(line) = self.0.take() {
            tx.push(line.as_bytes());
        }
        Ok(if tx.unsent().is_empty() { Step::Event("sent".into()) } else { Step::Flush })
    }
}

/// Fails at once, with a goodbye.
struct Fails;

impl Machine for Fails {
    type Event = String;
    type Error = &'static str;

    fn step(&mut self, _: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
        tx.push(b"QUIT\r\n");
        Err("failed")
    }
}

/// TLS that leaves octets as they are.
struct Unchanged;

impl Side for Unchanged {
    fn start(&self) -> Result<Box<dyn Session>, Error> {
        Ok(Box::new(Queue(Vec::new())))
    }

    fn peer(&self) -> &str {
        "mail.test"
    }

    fn is_server(&self) -> bool {
        false
    }
}

/// The octets that wait in [`Unchanged`].
struct Queue(Vec<u8>);

impl Session for Queue {
    fn is_handshaking(&self) -> bool {
        false
    }

    fn wants_write(&self) -> bool {
        !self.0.is_empty()
    }

    fn encrypt(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(plaintext);
        Ok(plaintext.len())
    }

    fn write_records(&mut self, to: &mut dyn Write) -> io::Result<usize> {
        let count = to.write(&self.0)?;
        self.0.drain(..count);
        Ok(count)
    }

    fn read_records(&mut self, _: &mut dyn Read) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn process(&mut self) -> Result<(), rustls::Error> {
        Ok(())
    }

    fn decrypted(&mut self, _: &mut dyn FnMut(&[u8]) -> usize) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn close(&mut self) {}

    fn agreed(&self) -> Option<(u16, u16)> {
        None
    }
}

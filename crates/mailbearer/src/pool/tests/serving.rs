//! A submission server that breaks off, refuses and counts, over any runtime.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mailbearer_net::{Connection, Options, Runtime, Security, ServerTls};

use super::proto::{
    smtp::server::{Answer, Error, Event, Options as ServerOptions, Session},
    wire::{Machine, RecvBuf, SendBuf, Step},
};

/// What the server does, and what happened to it. All connections share it.
#[derive(Default)]
pub(crate) struct Server {
    /// The first octets of the content of each message that it accepted, in order, and when.
    pub(crate) taken: Vec<(String, Duration)>,
    /// Connections that were made, and those that are open.
    pub(crate) connections: usize,
    pub(crate) open: usize,
    /// The most that were open at a time.
    pub(crate) most_open: usize,
    /// By the number of a connection: after how many octets of the client, and after how many of its own, the server is
    /// gone.
    pub(crate) cut: Option<Cut>,
    /// Logins at a time. Others get 432.
    pub(crate) seats: Option<usize>,
    pub(crate) chunking: bool,
    /// The answer to the end of a message, by its number among all that have come.
    pub(crate) verdict: Option<fn(usize) -> Option<Answer>>,
    /// The answer to MAIL.
    pub(crate) sender: Option<fn(usize) -> Option<Answer>>,
    /// Whether it is gone when it has refused a sender.
    pub(crate) leaves: bool,
    /// The number of an end that it thinks about until it has accepted this many messages, or for ten seconds. `None`
    /// when it has accepted them.
    pub(crate) slow: Option<(usize, usize)>,
    pub(crate) ends: usize,
    pub(crate) senders: usize,
    /// Lines of the answer to EHLO.
    pub(crate) extensions: Vec<&'static str>,
    pub(crate) logins: Vec<String>,
    /// Recipients of a message that it accepts. Others get 452.
    pub(crate) recipients: Option<usize>,
    /// It says 421 instead of one more refusal, and is gone, when it has refused so much in a session.
    pub(crate) hangs_up: Option<usize>,
    /// Whether it lacks DSN.
    pub(crate) no_dsn: bool,
    /// Whether it lacks SMTPUTF8.
    pub(crate) no_smtputf8: bool,
    /// The clock. Without one it is always the beginning.
    pub(crate) clock: Option<fn() -> Duration>,
    /// Recipients that are somebody, with their parameters.
    pub(crate) recipients_said: Vec<String>,
    /// All octets of each message that it accepted.
    pub(crate) contents: Vec<String>,
    /// Sender and recipients of each message that it accepted.
    pub(crate) envelopes: Vec<(String, Vec<String>)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) connections: usize,
    pub(crate) of_client: Option<usize>,
    pub(crate) of_server: Option<usize>,
}

impl Cut {
    /// Tries a cut of the first connection behind each octet of the client, then of the server, for as long as `cuts` says
    /// that it cut something.
    pub(crate) fn everywhere(mut cuts: impl FnMut(Self) -> bool) {
        for is_of_client in [true, false] {
            let at = |octets| Self {
                connections: 1,
                of_client: is_of_client.then_some(octets),
                of_server: (!is_of_client).then_some(octets),
            };
            let _whole = (0..).map(at).find(|cut| !cuts(*cut));
        }
    }
}

pub(crate) type Shared = Arc<Mutex<Server>>;

/// A failed test leaves nothing halfway.
pub(crate) fn locked(server: &Shared) -> MutexGuard<'_, Server> {
    server.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one client to its end.
pub(crate) async fn serve<R: Runtime>(socket: R::Socket, server: Shared, tls: ServerTls) {
    let mut serving = Serving::new(server);
    let accepted = Connection::<R>::accept(socket, Security::Implicit, &tls, Options::default()).await;
    if let Ok(mut connection) = accepted {
        // However it ends: the session has no events.
        let _ = connection.next(&mut serving).await;
    }
}

/// A server's session that ends after so many octets.
struct Serving {
    server: Shared,
    session: Session,
    rx: RecvBuf,
    tx: SendBuf,
    of_client: usize,
    of_server: usize,
    content: Vec<u8>,
    envelope: (String, Vec<String>),
    seated: bool,
}

impl Serving {
    fn new(shared: Shared) -> Self {
        let server = Arc::clone(&shared);
        let mut server = locked(&server);
        server.connections += 1;
        let mut options = ServerOptions::new("mx.test");
        options.security = Some(Security::Implicit);
        options.chunking = server.chunking;
        options.limits.refusals = server.hangs_up.unwrap_or(options.limits.refusals);
        (options.dsn, options.smtputf8) = (!server.no_dsn, !server.no_smtputf8);
        options.extensions = server.extensions.iter().map(|line| (*line).into()).collect();
        let cut = server.cut.filter(|cut| server.connections <= cut.connections);
        Self {
            server: shared,
            session: Session::new(options),
            rx: RecvBuf::with_limit(1 << 20),
            tx: SendBuf::new(),
            of_client: cut.and_then(|cut| cut.of_client).unwrap_or(usize::MAX),
            of_server: cut.and_then(|cut| cut.of_server).unwrap_or(usize::MAX),
            content: Vec::new(),
            envelope: Default::default(),
            seated: false,
        }
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        let mut server = locked(&self.server);
        let answer = match event {
            Event::Login { login, .. } => {
                server.logins.push(format!("{login:?}"));
                if server.seats.is_some_and(|seats| server.open >= seats) {
                    Answer::new(432, "4.3.2 Concurrent connections limit exceeded")
                } else {
                    server.open += 1;
                    server.most_open = server.most_open.max(server.open);
                    self.seated = true;
                    Answer::new(235, "2.7.0 welcome")
                }
            }
            Event::Mail { sender, .. } => {
                self.envelope = (sender, Vec::new());
                server.senders += 1;
                let number = server.senders;
                let answer = server.sender.and_then(|sender| sender(number));
                if let Some(answer) = answer.as_ref().filter(|_| server.leaves) {
                    self.of_server = format!("{} {}\r\n", answer.code, answer.text).len();
                }
                answer.unwrap_or_else(|| Answer::new(250, "2.1.0 sender ok"))
            }
            Event::Recipient { recipient, .. } if recipient.starts_with("nobody") => {
                Answer::new(550, "5.1.1 nobody")
            }
            Event::Recipient { recipient, parameters } => {
                let words = parameters
                    .iter()
                    .map(|one| format!(" {}={}", one.keyword, one.value.as_deref().unwrap_or("")));
                server.recipients_said.push(format!("{recipient}{}", words.collect::<String>()));
                if server.recipients.is_some_and(|most| self.envelope.1.len() >= most) {
                    Answer::new(452, "4.5.3 Too many recipients")
                } else {
                    self.envelope.1.push(recipient);
                    Answer::new(250, "2.1.5 recipient ok")
                }
            }
            Event::Data => Answer::new(354, "go on"),
            Event::Content(piece) => {
                self.content.extend(piece);
                return Ok(());
            }
            Event::EndOfContent => {
                let content = String::from_utf8(std::mem::take(&mut self.content)).unwrap();
                server.ends += 1;
                let number = server.ends;
                if let Some((_, others)) = server.slow.filter(|(slow, _)| *slow == number) {
                    drop(server);
                    for _ in 0..1000 {
                        let mut server = locked(&self.server);
                        if server.taken.len() >= others {
                            server.slow = None;
                            break;
                        }
                        drop(server);
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    server = locked(&self.server);
                }
                let answer = server.verdict.and_then(|verdict| verdict(number));
                answer.unwrap_or_else(|| {
                    let now = server.clock.map_or(Duration::ZERO, |clock| clock());
                    server.taken.push((content.lines().next().unwrap().to_owned(), now));
                    server.contents.push(content);
                    server.envelopes.push(std::mem::take(&mut self.envelope));
                    Answer::new(250, "2.0.0 OK <1@mx.test>")
                })
            }
            _ => {
                self.content.clear();
                return Ok(());
            }
        };
        self.session.answer(&answer)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.seated {
            locked(&self.server).open -= 1;
        }
    }
}

impl Machine for Serving {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        let heard = rx.unread().len().min(self.of_client);
        self.rx.extend(&rx.unread()[..heard]).unwrap();
        rx.consume(heard);
        self.of_client -= heard;
        loop {
            let step = self.session.step(&mut self.rx, &mut self.tx);
            let said = self.tx.unsent().len().min(self.of_server);
            tx.push(&self.tx.unsent()[..said]);
            self.of_server -= said;
            self.tx.sent(usize::MAX);
            match step? {
                Step::Event(event) => self.on(event)?,
                Step::Flush => {}
                Step::Read if self.of_client == 0 || self.of_server == 0 || rx.is_eof() => {
                    return Ok(Step::Close);
                }
                Step::Read => return Ok(Step::Read),
                Step::StartTls => unreachable!("TLS is on"),
                Step::Close => return Ok(Step::Close),
            }
        }
    }
}

//! Records of what was said, when, with whom and over which TLS version, also as a transcript that a mock can replay.
//!
//! [`Client::observed`](crate::Client::observed) reports each [`TraceEvent`]. It holds no secrets, but in their place
//! what kind of secret each is. [`Recorder`] writes the events in the format of `mailbearer_mock::Recording`, so that a
//! failure in the field becomes a test.

mod describe;
mod recorder;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

pub use mailbearer_net::Trace;
use mailbearer_net::{Options, Security, Seen, Service, Tls, TraceLine};
use mailbearer_sasl::Redactor;
use mailbearer_wire::Describe;

pub use describe::describe;
pub use recorder::Recorder;

use crate::Account;

/// An event on a connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TraceEvent<'a> {
    /// When it happened.
    pub at: SystemTime,
    /// A number for the connection. No other connection of this process has the same.
    pub connection: u64,
    /// The server, or the client.
    pub place: &'a Place,
    /// What happened.
    pub kind: TraceKind<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TraceKind<'a> {
    /// The client is about to connect.
    Opening,
    /// TLS was established, with this version.
    Tls(&'static str),
    /// One side said this line.
    Line(&'a TraceLine),
    /// The client dropped the connection.
    Closed,
}

/// A server to which the client connects, or a client that this process serves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// `token`, `imap`, `smtp` or `pop3`; `mail` for any other server, `client` for a client.
    pub service: &'static str,
    /// DNS name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS starts.
    pub security: Security,
}

impl Place {
    pub(crate) fn new(
        account: &Account,
        service: Service,
        host: &str,
        port: u16,
        security: Security,
    ) -> Self {
        let is = |server: &Option<crate::Server>| {
            server.as_ref().is_some_and(|server| server.host == host && server.port == port)
        };
        let service = match service {
            Service::Https => "token",
            _ if is(&account.imap) => "imap",
            _ if is(&account.smtp) => "smtp",
            #[cfg(feature = "pop3")]
            _ if is(&account.pop3) => "pop3",
            _ => "mail",
        };
        Self { service, host: host.to_owned(), port, security }
    }
}

/// Returns a trace of a connection from a client, for a program that is a server. It reports the same events as
/// [`Client::observed`](crate::Client::observed), with `client` as the service of their place. It shows all octets that
/// the server's machine does not take for a secret or a message.
pub fn served(
    client: SocketAddr,
    security: Security,
    tell: impl Fn(&TraceEvent<'_>) + Send + Sync + 'static,
) -> Trace {
    let place = Place {
        service: CLIENT,
        host: client.ip().to_canonical().to_string(),
        port: client.port(),
        security,
    };
    let teller = Teller::begin(Arc::new(tell), place, None);
    Watch::new(None, Hidden::default(), Some(describe), move |line| teller.say(TraceKind::Line(line))).trace
}

/// The service of a [`Place`] that connected to this process.
const CLIENT: &str = "client";

/// The options of a connection, and what a trace of it must hide.
pub(crate) struct Plan {
    pub(crate) net: Options,
    /// `None` if nobody observes it.
    pub(crate) hidden: Option<Hidden>,
}

/// What a trace of a connection must hide, even if the peer repeats it. It grows as more is said.
#[derive(Clone, Default)]
pub(crate) struct Hidden(Arc<Mutex<Vec<Redactor>>>);

impl Hidden {
    pub(crate) fn add(&self, redactor: Redactor) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(redactor);
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        let hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.iter().fold(text.to_owned(), |text, redactor| redactor.redact(&text))
    }
}

impl std::ops::Deref for Plan {
    type Target = Options;

    fn deref(&self) -> &Options {
        &self.net
    }
}

impl std::ops::DerefMut for Plan {
    fn deref_mut(&mut self) -> &mut Options {
        &mut self.net
    }
}

/// Observes the connections of a client. A trait object, so that a client without observer does not link any.
pub(crate) trait Observe: Send + Sync {
    /// Called before a connection is made.
    fn begin(&self, place: Place, hidden: Hidden, tls: &Tls, seen: Option<&Seen>) -> Watch;
}

/// Observes one connection.
pub(crate) struct Watch {
    /// The trust anchors, and a record of what the handshake shows.
    pub(crate) tls: Option<Tls>,
    pub(crate) trace: Trace,
}

impl Watch {
    fn new(
        tls: Option<Tls>,
        hidden: Hidden,
        describe: Option<Describe>,
        mut tell: impl FnMut(&TraceLine) + Send + 'static,
    ) -> Self {
        let tell = move |line: &TraceLine| tell(&line.redacted(|text| hidden.redact(text)));
        Self { tls, trace: Trace::new(tell, describe) }
    }
}

/// Reports lines only.
pub(crate) struct Lines<F>(pub(crate) Arc<F>);

impl<F: Fn(&TraceLine) + Send + Sync + 'static> Observe for Lines<F> {
    fn begin(&self, _: Place, hidden: Hidden, _: &Tls, _: Option<&Seen>) -> Watch {
        let tell = Arc::clone(&self.0);
        Watch::new(None, hidden, None, move |line| tell(line))
    }
}

/// Reports everything.
pub(crate) struct Events<F>(pub(crate) Arc<F>);

impl<F: Fn(&TraceEvent<'_>) + Send + Sync + 'static> Observe for Events<F> {
    fn begin(&self, place: Place, hidden: Hidden, tls: &Tls, seen: Option<&Seen>) -> Watch {
        let (tls, seen) = match seen {
            Some(seen) => (None, Some(seen.clone())),
            None => tls.seen().map_or((None, None), |(tls, seen)| (Some(tls), Some(seen))),
        };
        let mut teller = Teller::begin(Arc::clone(&self.0), place, seen);
        Watch::new(tls, hidden, Some(describe), move |line| {
            teller.look();
            teller.say(TraceKind::Line(line));
        })
    }
}

/// Reports one connection of [`Events`], until it is dropped.
struct Teller<F: Fn(&TraceEvent<'_>)> {
    tell: Arc<F>,
    connection: u64,
    place: Place,
    /// What the handshake shows. `None` once that was reported.
    seen: Option<Seen>,
}

impl<F: Fn(&TraceEvent<'_>)> Teller<F> {
    fn begin(tell: Arc<F>, place: Place, seen: Option<Seen>) -> Self {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
        let connection = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let teller = Self { tell, connection, place, seen };
        teller.say(TraceKind::Opening);
        teller
    }

    fn say(&self, kind: TraceKind<'_>) {
        let Self { tell, connection, place, .. } = self;
        tell(&TraceEvent { at: SystemTime::now(), connection: *connection, place, kind });
    }
}

impl<F: Fn(&TraceEvent<'_>)> Teller<F> {
    /// Reports TLS when it is established.
    fn look(&mut self) {
        if let Some(version) = self.seen.as_ref().and_then(Seen::version) {
            self.seen = None;
            self.say(TraceKind::Tls(version));
        }
    }
}

impl<F: Fn(&TraceEvent<'_>)> Drop for Teller<F> {
    fn drop(&mut self) {
        self.look();
        self.say(TraceKind::Closed);
    }
}

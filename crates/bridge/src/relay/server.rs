use std::{
    collections::BTreeMap,
    fmt, io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mailbearer::{
    Blocking, Client, Security, Tokio,
    proto::{
        sasl::Mechanism,
        smtp::server::{Answer, End, Options as SessionOptions, Session},
    },
};
use mailbearer_net::{
    Canceller, Connection, Listener, Next as Heard, Options as NetOptions, Runtime, TokioListener, TokioPool,
    TokioSocket, spawn, unblock,
};

use super::{
    Counters, LogLine, Mode, Options,
    guard::{Entry, Guard, PAUSE, Turn},
    log::count,
    outgoing::{self, Outgoing},
    reception::{Done, Next, Reception, Work},
};
use crate::spool::{self, Spool};

/// The accounts that a relay sends by.
#[derive(Clone, Default)]
pub struct Accounts {
    clients: BTreeMap<Option<String>, Client<Blocking>>,
}

impl Accounts {
    /// No accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account; `None` is the default one.
    #[must_use]
    pub fn with(mut self, name: Option<&str>, client: Client<Blocking>) -> Self {
        self.clients.insert(name.map(str::to_owned), client);
        self
    }

    pub(crate) fn client(&self, name: Option<&str>) -> Result<Client<Blocking>, String> {
        let client = self.clients.get(&name.map(str::to_owned)).cloned();
        client.ok_or_else(|| format!("the relay has no account {}", name.unwrap_or("by default")))
    }

    pub(crate) fn address(&self, name: Option<&str>) -> Option<&str> {
        self.clients.get(&name.map(str::to_owned)).map(|client| client.account().user.as_str())
    }
}

/// What all parts of a relay have in common.
pub(crate) struct Shared {
    options: Mutex<Arc<Options>>,
    accounts: Mutex<Arc<Accounts>>,
    pub(crate) spool: Spool,
    pub(crate) guard: Guard,
    pub(crate) counters: Counters,
    pub(crate) outgoing: Outgoing,
    log: Box<dyn Fn(&LogLine) + Send + Sync>,
    /// Cancelled when the relay drains: nothing new begins from then on.
    drain: Canceller,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        spool: Spool,
        accounts: Accounts,
        log: impl Fn(&LogLine) + Send + Sync + 'static,
    ) -> Self {
        Self {
            options: Mutex::new(Arc::new(options)),
            accounts: Mutex::new(Arc::new(accounts)),
            spool,
            guard: Guard::default(),
            counters: Counters::default(),
            outgoing: Outgoing::default(),
            log: Box::new(log),
            drain: Canceller::new(),
        }
    }

    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(&lock(&self.options))
    }

    pub(crate) fn accounts(&self) -> Arc<Accounts> {
        Arc::clone(&lock(&self.accounts))
    }

    pub(crate) fn tell(&self, line: LogLine) {
        (self.log)(&line);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A relay that runs.
pub struct Relay {
    shared: Arc<Shared>,
    ports: Mutex<Vec<Port>>,
    sender: Option<JoinHandle<()>>,
    /// A second handle of `Shared::drain`: a canceller wakes only the other handles.
    drain: Canceller,
    /// Its tasks end with it.
    pool: TokioPool,
}

/// An open port. Dropping this closes it.
struct Port {
    address: SocketAddr,
    close: Canceller,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.close.cancel();
    }
}

impl Relay {
    /// Starts to serve on these ports and to send from the spool, in its own threads.
    ///
    /// Calls `log` when a connection ends, when a message is taken or refused, and after each attempt to send one.
    ///
    /// # Errors
    ///
    /// Fails with [`io::ErrorKind::InvalidInput`] if [`Options::check`] does, with [`io::ErrorKind::ResourceBusy`] if another
    /// process sends from the spool, and if the system starts no threads.
    pub fn start(
        options: Options,
        listeners: Vec<TcpListener>,
        spool: Spool,
        accounts: Accounts,
        log: impl Fn(&LogLine) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        options
            .check(&addresses(&listeners)?)
            .map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        let shared = Arc::new(Shared::new(options, spool, accounts, log));
        let drain = shared.drain.clone();
        let (sender, started) = send_in_a_thread(&shared)?;
        started.recv().unwrap_or_else(|_| Err(io::Error::other("the sending thread ended")))?;
        let pool = TokioPool::new(thread::available_parallelism().map_or(2, |count| count.get().min(4)))?;
        let relay = Self { shared, ports: Mutex::default(), sender: Some(sender), drain, pool };
        relay.open(listeners)?;
        Ok(relay)
    }

    fn open(&self, listeners: Vec<TcpListener>) -> io::Result<()> {
        for listener in listeners {
            let (address, close) = (listener.local_addr()?, Canceller::new());
            let listener = self.pool.enter(|| TokioListener::from_std(listener))?;
            self.pool.spawn(accept(Arc::clone(&self.shared), listener, close.clone()));
            lock(&self.ports).push(Port { address, close });
        }
        Ok(())
    }

    /// The addresses on which it listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        lock(&self.ports).iter().map(|port| port.address).collect()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The number of clients that are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.guard.connections()
    }

    /// Uses `options` from the next connection on, and `accounts` from the next message on. Also serves on the ports in `open`, and
    /// closes those at `close`. Clients stay connected, and the spool stays the same.
    ///
    /// # Errors
    ///
    /// Fails if [`Options::check`] does for the ports that would be open, and if the system can't take a port over. Then nothing
    /// changes.
    pub fn reload(
        &self,
        options: Options,
        accounts: Accounts,
        open: Vec<TcpListener>,
        close: &[SocketAddr],
    ) -> Result<(), String> {
        let mut after = addresses(&open).map_err(|error| error.to_string())?;
        after.extend(self.addresses().into_iter().filter(|address| !close.contains(address)));
        options.check(&after)?;
        self.open(open).map_err(|error| error.to_string())?;
        lock(&self.ports).retain(|port| !close.contains(&port.address));
        *lock(&self.shared.options) = Arc::new(options);
        *lock(&self.shared.accounts) = Arc::new(accounts);
        Ok(())
    }

    /// Stops. Waits up to `patience` for clients to end the messages that they began, and for messages that are being sent.
    /// Everything else stays in the spool.
    pub fn drain(mut self, patience: Duration) {
        let until = Instant::now().checked_add(patience);
        let in_time = || until.is_none_or(|until| Instant::now() < until);
        self.drain.cancel();
        while self.shared.guard.connections() > 0 && in_time() {
            thread::sleep(PAUSE);
        }
        self.shared.outgoing.stop();
        if let Some(sender) = self.sender.take() {
            while !sender.is_finished() && in_time() {
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.drain.cancel();
        self.shared.outgoing.stop();
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

fn addresses(listeners: &[TcpListener]) -> io::Result<Vec<SocketAddr>> {
    listeners.iter().map(TcpListener::local_addr).collect()
}

type Started = Receiver<io::Result<()>>;

fn send_in_a_thread(shared: &Arc<Shared>) -> io::Result<(JoinHandle<()>, Started)> {
    let (tell, started) = mpsc::channel();
    let shared = Arc::clone(shared);
    let sender = thread::Builder::new().name("relay out".into()).spawn(move || {
        let spool = shared.spool.clone();
        let runner = match spool.lock() {
            Ok(runner) => runner.reporting(&*shared),
            Err(error) => {
                let kind = match error {
                    spool::Error::Busy => io::ErrorKind::ResourceBusy,
                    _ => io::ErrorKind::Other,
                };
                // The caller may have stopped waiting; then nobody needs the error.
                let _ = tell.send(Err(io::Error::new(kind, error)));
                return;
            }
        };
        let _ = tell.send(Ok(()));
        outgoing::run(&shared, &runner);
    })?;
    Ok((sender, started))
}

async fn accept(shared: Arc<Shared>, mut listener: TokioListener, close: Canceller) {
    loop {
        match shared.drain.run(close.run(listener.accept())).await.and_then(|accepted| accepted) {
            Err(_) => return,
            Ok(Err(_)) => {
                // Most likely there are no descriptors left: wait until a client goes.
                if let Some(later) = Instant::now().checked_add(PAUSE) {
                    Tokio::sleep(later).await;
                }
            }
            Ok(Ok((socket, address))) => {
                let seat = Seat::take(&shared, address.ip().to_canonical());
                match seat.entry {
                    // There are so many that not even a refusal is sent.
                    Entry::Crowded => drop(socket),
                    _ => spawn(serve(seat, socket, address)),
                }
            }
        }
    }
}

/// A client that is counted. Dropping this counts it out.
struct Seat {
    shared: Arc<Shared>,
    options: Arc<Options>,
    address: IpAddr,
    entry: Entry,
}

impl Seat {
    fn take(shared: &Arc<Shared>, address: IpAddr) -> Self {
        let options = shared.options();
        let entry = shared.guard.enter(address, &options.limits);
        count(match entry {
            Entry::Free => &shared.counters.connections,
            _ => &shared.counters.connections_refused,
        });
        Self { shared: Arc::clone(shared), options, address, entry }
    }

    /// Whether the client may send without a login.
    fn is_allowed(&self) -> bool {
        let Options { allow_from, users, .. } = &*self.options;
        if allow_from.is_empty() {
            users.is_empty() && self.address.is_loopback()
        } else {
            allow_from.iter().any(|network| network.contains(self.address))
        }
    }

    fn session(&self, is_tls: bool) -> Session {
        let own = &*self.options;
        let mut options = SessionOptions::new(own.name.clone());
        options.security = own.tls.as_ref().map(|(mode, _)| match mode {
            Mode::Implicit => Security::Implicit,
            Mode::Both if is_tls => Security::Implicit,
            Mode::StartTls | Mode::Both => Security::StartTls,
        });
        let may_be_clear = own.plaintext || self.address.is_loopback();
        options.require_tls = own.tls.is_some() && !may_be_clear;
        options.clear_credentials = may_be_clear;
        options.login = !self.is_allowed();
        options.mechanisms = match own.users.is_empty() {
            true => Vec::new(),
            false => vec![Mechanism::Plain, Mechanism::Login],
        };
        (options.chunking, options.lenient) = (true, true);
        options.limits.message = own.limits.message;
        options.limits.recipients = own.limits.recipients;
        options.limits.auth = options.limits.response;
        options.limits.command = COMMAND;
        options.limits.silence = own.limits.silence;
        options.limits.refusals = REFUSALS;
        options.wording.greeting = Answer { code: 220, text: format!("{} ESMTP ready", own.name).into() };
        let mut session = Session::new(options);
        if self.entry != Entry::Free {
            session.close(&Answer::new(421, "4.3.2 Too many connections, try again later"));
        } else if !self.is_allowed() && own.users.is_empty() {
            session.close(&Answer::new(554, "5.7.1 You may not send from here"));
        }
        session
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.guard.leave(self.address);
    }
}

async fn serve(seat: Seat, socket: TokioSocket, client: SocketAddr) {
    let mut net = NetOptions::default();
    net.timeouts.write = seat.options.limits.silence;
    let accepted = match &seat.options.tls {
        None => Ok((Connection::<Tokio>::accept_in_clear(socket, net), false)),
        Some((Mode::Both, tls)) => Connection::accept_either(socket, tls, net, HESITATION).await,
        Some((Mode::Implicit, tls)) => Connection::accept(socket, Security::Implicit, tls, net)
            .await
            .map(|connection| (connection, true)),
        Some((Mode::StartTls, tls)) => Connection::accept(socket, Security::StartTls, tls, net)
            .await
            .map(|connection| (connection, false)),
    };
    let (mut connection, is_tls) = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            seat.shared
                .tell(LogLine::new("connection").client(seat.address, None).with("end", of_client(&error)));
            return;
        }
    };
    // A trace says how a client began, which is known by now. Nothing was said yet.
    if let Some(observer) = &seat.options.observer {
        let security = if is_tls { Security::Implicit } else { Security::StartTls };
        connection.watch(observer.watch(client, security));
    }
    let session = seat.session(is_tls);
    let reception = Reception::new(Arc::clone(&seat.shared), Arc::clone(&seat.options), seat.address);
    let (reception, end) = converse(&seat, connection, session, reception).await;
    if let Some(mut reception) = reception {
        seat.shared.tell(reception.farewell(&end));
    }
}

/// Serves one client to its end. Returns why it ended.
async fn converse(
    seat: &Seat,
    mut connection: Connection<Tokio>,
    mut session: Session,
    mut reception: Reception,
) -> (Option<Reception>, String) {
    let silence = seat.options.limits.silence;
    // Why the relay ends the session, if it does.
    let (mut end, mut is_draining) = (None, false);
    loop {
        let turn = connection.next_within(&mut session, silence);
        let turn = if is_draining {
            turn.await
        } else {
            match seat.shared.drain.run(turn).await {
                Ok(turn) => turn,
                Err(_) => {
                    is_draining = true;
                    if !reception.is_busy() {
                        end = Some(SHUT_DOWN);
                        session.close(&Answer::new(421, "4.3.2 Shutting down"));
                    }
                    continue;
                }
            }
        };
        reception.meet(session.hello(), connection.tls());
        let event = match turn {
            Ok(Heard::Event(event)) => event,
            Ok(Heard::Quiet) if end != Some(SILENT) => {
                end = Some(SILENT);
                session.close(&Answer::new(421, "4.4.2 You were silent for too long"));
                continue;
            }
            Ok(Heard::Quiet | Heard::Closed) => {
                let by_client = match session.end() {
                    Some(End::Quit) => "quit",
                    Some(End::Gone) => "gone",
                    _ => "closed",
                };
                return (Some(reception), end.unwrap_or(by_client).to_owned());
            }
            Err(error) => {
                // The client is gone, so closing may fail.
                let _ = connection.close().await;
                return (Some(reception), of_client(&error));
            }
        };
        let answer = match reception.on(event) {
            Next::Nothing => continue,
            Next::Answer(answer) => answer,
            Next::Work(work) => {
                let turn = match &work {
                    Work::Login(_) => Some(Turn::take(&seat.shared).await),
                    _ => None,
                };
                let worked = unblock(move || {
                    let done = reception.work(work);
                    (reception, done)
                });
                let done = match worked.await {
                    Ok((back, done)) => {
                        reception = back;
                        done
                    }
                    Err(error) => return (None, error.to_string()),
                };
                drop(turn);
                match done {
                    Done::Answer(answer) => answer,
                    Done::Promise(promise) => {
                        let report = seat.shared.outgoing.report_of(&promise).await;
                        reception.outcome(&promise.id, report.as_ref())
                    }
                }
            }
        };
        if session.answer(&answer).is_err() {
            return (Some(reception), "internal".into());
        }
        if is_draining && !reception.is_busy() {
            end = Some(SHUT_DOWN);
            session.close(&Answer::new(421, "4.3.2 Shutting down"));
        }
    }
}

/// The text of an error of net, which calls every peer a server. A relay's peer is a client.
fn of_client(error: &impl ToString) -> String {
    let text = error.to_string();
    text.strip_prefix("server ").map_or_else(|| text.clone(), |rest| format!("client {rest}"))
}

/// Octets of a command: RFC 5321 section 4.5.3.1.4 has 512, and its extensions each more for their parameters (RFC 3461
/// section 5.4, RFC 4954 section 4, RFC 6531 section 3.4).
pub(crate) const COMMAND: usize = 2048;
const SILENT: &str = "silent";
const SHUT_DOWN: &str = "shut down";
/// How long a port for both waits for a TLS handshake before it greets in the clear.
const HESITATION: Duration = Duration::from_millis(250);
/// Refused commands in a session; one more ends it.
const REFUSALS: usize = 50;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

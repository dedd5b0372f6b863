use std::{
    fs,
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, SystemTime},
};

use mailbearer_bridge::{relay::Relay, spool::Spool};

use super::{
    RelayArgs, logging,
    settings::{self, Log, Settings},
};
use crate::{cli::GlobalArgs, config, error::Error, exit::Exit, output::Output, program};

/// Runs a relay until a signal ends it.
pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &RelayArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let signals = Signals::hear(arguments.check)?;
    let configuration = config::read(global)?;
    let outline = configuration.outline(global.account.as_deref());
    let spool = settings::spool(arguments.spool.as_deref(), outline)?;
    let Settings { listen, options, accounts, log, mut watched } =
        Settings::read(global, arguments, &configuration, &spool)?;
    drop(configuration);
    if arguments.check {
        return out.line("the configuration is good");
    }
    let signals = signals.begin();
    raise_limit();
    let mut ports = Ports::default();
    let listeners = match handed_over()? {
        Some(listeners) => listeners,
        None => {
            let opened = open(&listen)?;
            ports.note(&opened);
            opened.into_iter().map(|(_, listener)| listener).collect()
        }
    };
    let folder = spool.folder().to_owned();
    let log = Arc::new(Mutex::new(log));
    let form = Arc::clone(&log);
    let relay = Relay::start(options, listeners, spool.clone(), accounts, move |line| {
        logging::write(*form.lock().unwrap_or_else(PoisonError::into_inner), line);
    });
    let relay = relay.map_err(|error| {
        let exit = match error.kind() {
            io::ErrorKind::InvalidInput => Exit::Config,
            io::ErrorKind::ResourceBusy => Exit::Transient,
            _ => Exit::Io,
        };
        Error::new(exit, format!("the relay does not start: {error}"))
    })?;
    for address in relay.addresses() {
        out.line(&format!("listening on {address}"))?;
    }
    out.flush()?;
    tell_systemd("READY=1");
    let mut seen = times(&watched);
    let mut service = Service { global, arguments, spool: &spool, relay: &relay, ports, log: &log };
    loop {
        match signals.recv_timeout(GLANCE) {
            Ok(Signal::Reload) => {
                tell_systemd("RELOADING=1");
                watched = service.reload(out).unwrap_or(watched);
                seen = times(&watched);
                tell_systemd("READY=1");
            }
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let now = times(&watched);
                // A file that is being replaced is not there for a moment.
                if now != seen && now.iter().all(Option::is_some) {
                    seen = now;
                    watched = service.reload(out).unwrap_or(watched);
                }
            }
        }
        leave_counters(&folder, &relay);
    }
    tell_systemd("STOPPING=1");
    leave_counters(&folder, &relay);
    relay.drain(DRAIN);
    // What gives a message its token is killed, and the message stays in the spool.
    drop(program::kill_all());
    Ok(())
}

/// A running relay, and what its settings are read from on a reload.
struct Service<'s> {
    global: &'s GlobalArgs,
    arguments: &'s RelayArgs,
    spool: &'s Spool,
    relay: &'s Relay,
    ports: Ports,
    log: &'s Mutex<Log>,
}

impl Service<'_> {
    /// Reads the configuration again. A faulty one is reported and changes nothing. Returns the files to watch.
    fn reload(&mut self, out: &mut Output<impl Write>) -> Option<Vec<PathBuf>> {
        let reloaded = self.try_reload();
        match reloaded {
            Ok((watched, opened)) => {
                let told = opened.iter().try_for_each(|address| out.line(&format!("listening on {address}")));
                // The relay goes on when nobody reads its output.
                let _ = told.and_then(|()| out.flush());
                Some(watched)
            }
            Err(error) => {
                crate::output::warning(&format!("the configuration stays as it was: {}", error.text));
                None
            }
        }
    }

    fn try_reload(&mut self) -> Result<(Vec<PathBuf>, Vec<SocketAddr>), Error> {
        let Settings { listen, options, accounts, log, watched } =
            Settings::read(self.global, self.arguments, &config::read(self.global)?, self.spool)?;
        let (new, old) = match self.ports.is_fixed() {
            true => (Vec::new(), Vec::new()),
            false => (open(&self.ports.missing(&listen))?, self.ports.superfluous(&listen)),
        };
        let mut after = self.ports.clone();
        after.note(&new);
        after.forget(&old);
        let (new, opened): (Vec<_>, Vec<_>) = new
            .into_iter()
            .map(|(_, listener)| {
                let address = listener.local_addr().ok();
                (listener, address)
            })
            .unzip();
        self.relay.reload(options, accounts, new, &old).map_err(Error::config)?;
        self.ports = after;
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = log;
        Ok((watched, opened.into_iter().flatten().collect()))
    }
}

/// The ports that were opened here: as they were asked for, which may leave the number to the system, and as they are.
/// None where the service manager opened them: then they stay.
#[derive(Clone, Default)]
struct Ports(Vec<(SocketAddr, SocketAddr)>);

impl Ports {
    fn is_fixed(&self) -> bool {
        self.0.is_empty()
    }

    fn note(&mut self, opened: &[(SocketAddr, TcpListener)]) {
        let real = |listener: &TcpListener| listener.local_addr().ok();
        self.0.extend(opened.iter().filter_map(|(asked, listener)| Some((*asked, real(listener)?))));
    }

    fn forget(&mut self, closed: &[SocketAddr]) {
        self.0.retain(|(_, real)| !closed.contains(real));
    }

    fn missing(&self, wanted: &[SocketAddr]) -> Vec<SocketAddr> {
        let has = |one: &SocketAddr| self.0.iter().any(|(asked, _)| asked == one);
        wanted.iter().copied().filter(|one| !has(one)).collect()
    }

    fn superfluous(&self, wanted: &[SocketAddr]) -> Vec<SocketAddr> {
        self.0.iter().filter(|(asked, _)| !wanted.contains(asked)).map(|(_, real)| *real).collect()
    }
}

fn times(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| fs::metadata(file).and_then(|metadata| metadata.modified()).ok()).collect()
}

/// Leaves the counters where `relay status` finds them.
fn leave_counters(folder: &Path, relay: &Relay) {
    let text = format!("{}mailbearer_relay_connections {}\n", relay.counters().text(), relay.connections());
    let path = folder.join(COUNTERS);
    let temporary = path.with_extension("new");
    // The relay goes on without counters.
    let _ = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
}

/// The ports that the service manager opened, if it did.
fn handed_over() -> Result<Option<Vec<TcpListener>>, Error> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut taken = Vec::new();
    for index in 0..handed.len() {
        let listener = handed.take_tcp_listener(index);
        let failed = |error| Error::config(format!("the socket {index} that was handed over: {error}"));
        taken.extend(listener.map_err(failed)?);
    }
    Ok((!taken.is_empty()).then_some(taken))
}

fn open(addresses: &[SocketAddr]) -> Result<Vec<(SocketAddr, TcpListener)>, Error> {
    let open = |address: &SocketAddr| {
        mailbearer::proto::net::listen(*address)
            .map(|listener| (*address, listener))
            .map_err(|error| Error::new(Exit::Unavailable, format!("cannot listen on {address}: {error}")))
    };
    addresses.iter().map(open).collect()
}

/// What a signal asks for.
enum Signal {
    Reload,
    Stop,
}

/// The signals. Until the relay begins they end it at once, with the program that gives it a secret.
struct Signals {
    heard: Receiver<Signal>,
    has_begun: Arc<Mutex<bool>>,
}

impl Signals {
    /// Hears the signals from now on. With `check`, to be stopped is a failure.
    fn hear(check: bool) -> Result<Self, Error> {
        let (tell, heard) = mpsc::channel();
        let has_begun = Arc::new(Mutex::new(false));
        let (begun, reader) = (Arc::clone(&has_begun), thread::current().id());
        let stop = move || {
            // Held while the process ends, so that nothing begins meanwhile.
            let begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            if !*begun {
                let _programs = program::kill_all();
                process::exit(if check { Exit::Interrupted } else { Exit::Success }.code().into());
            }
            // A reload waits for a program, and nobody for the reload.
            program::kill_of(reader);
        };
        catch(tell, stop)
            .map_err(|error| Error::new(Exit::Internal, format!("cannot catch signals: {error}")))?;
        Ok(Self { heard, has_begun })
    }

    /// The signals, which the relay sees to itself from now on.
    fn begin(self) -> Receiver<Signal> {
        *self.has_begun.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard
    }
}

#[cfg(unix)]
fn catch(tell: Sender<Signal>, stop: impl Fn() + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let signal = if signal == SIGHUP { Signal::Reload } else { Signal::Stop };
            if let Signal::Stop = signal {
                stop();
            }
            if tell.send(signal).is_err() {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn catch(tell: Sender<Signal>, stop: impl Fn() + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || {
        stop();
        drop(tell.send(Signal::Stop));
    })
}

/// Tells the service manager the state of the relay, if there is a service manager.
fn tell_systemd(state: &str) {
    #[cfg(target_os = "linux")]
    {
        use std::os::{
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixDatagram},
        };

        let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
        let text = path.to_string_lossy();
        let address = match text.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name.as_bytes()),
            None => SocketAddr::from_pathname(&path),
        };
        // The relay goes on when the service manager does not listen.
        let _ = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = state;
}

/// Raises the soft limit of descriptors to the hard one: each client takes a descriptor.
fn raise_limit() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let limit = getrlimit(Resource::Nofile);
        // If this fails, fewer clients have room.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

/// The file of the spool that holds the counters.
pub(crate) const COUNTERS: &str = "counters";
/// How often files are looked at and counters are left.
const GLANCE: Duration = Duration::from_secs(2);
/// How long messages that were begun may take when the relay ends.
const DRAIN: Duration = Duration::from_secs(30);

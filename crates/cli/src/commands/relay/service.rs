use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, SystemTime},
};

use mailbearer_bridge::{relay::Relay, spool::Spool};

use super::{
    RelayArgs, logging,
    settings::{self, Settings},
};
use crate::{cli::GlobalArgs, error::Error, exit::Exit, output::Output};

/// Runs a relay until a signal ends it.
pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &RelayArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let spool = settings::spool(global, arguments.spool.as_deref())?;
    let Settings { listen, options, log, mut watched } = Settings::read(global, arguments, &spool)?;
    let accounts = settings::accounts(global, &options)?;
    if arguments.check {
        return out.line("the configuration is good");
    }
    raise_limit();
    let signals = signals()?;
    let listeners = listeners(&listen)?;
    let folder = spool.folder().to_owned();
    let relay =
        Relay::start(options, listeners, spool.clone(), accounts, move |line| logging::write(log, line));
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
    loop {
        match signals.recv_timeout(GLANCE) {
            Ok(Signal::Reload) => {
                tell_systemd("RELOADING=1");
                watched = reload(global, arguments, &spool, &relay).unwrap_or(watched);
                seen = times(&watched);
                tell_systemd("READY=1");
            }
            Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let now = times(&watched);
                // A file that is being replaced is not there for a moment.
                if now != seen && now.iter().all(Option::is_some) {
                    seen = now;
                    watched = reload(global, arguments, &spool, &relay).unwrap_or(watched);
                }
            }
        }
        leave_counters(&folder, &relay);
    }
    tell_systemd("STOPPING=1");
    leave_counters(&folder, &relay);
    relay.drain(DRAIN);
    Ok(())
}

/// Reads the configuration again; what is wrong with it is told, and changes nothing.
fn reload(global: &GlobalArgs, arguments: &RelayArgs, spool: &Spool, relay: &Relay) -> Option<Vec<PathBuf>> {
    let read = Settings::read(global, arguments, spool).and_then(|settings| {
        relay.reload(settings.options).map_err(Error::config).map(|()| settings.watched)
    });
    match read {
        Ok(watched) => Some(watched),
        Err(error) => {
            crate::output::warning(&format!("the configuration stays as it was: {}", error.text));
            None
        }
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
    // Counters are not worth stopping for.
    let _ = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path));
}

/// The ports that the service manager opened, or those that are to be opened.
fn listeners(addresses: &[std::net::SocketAddr]) -> Result<Vec<TcpListener>, Error> {
    let mut handed = listenfd::ListenFd::from_env();
    let count = handed.len();
    if count > 0 {
        let mut taken = Vec::new();
        for index in 0..count {
            let listener = handed.take_tcp_listener(index);
            let failed = |error| Error::config(format!("the socket {index} that was handed over: {error}"));
            taken.extend(listener.map_err(failed)?);
        }
        return Ok(taken);
    }
    let open = |address: &std::net::SocketAddr| {
        mailbearer::proto::net::listen(*address)
            .map_err(|error| Error::new(Exit::Unavailable, format!("cannot listen on {address}: {error}")))
    };
    addresses.iter().map(open).collect()
}

/// What a signal asks for.
enum Signal {
    Reload,
    Stop,
}

#[cfg(unix)]
fn signals() -> Result<Receiver<Signal>, Error> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let failed = |error: io::Error| Error::new(Exit::Internal, format!("cannot catch signals: {error}"));
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(failed)?;
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let signal = if signal == SIGHUP { Signal::Reload } else { Signal::Stop };
            if tell.send(signal).is_err() {
                return;
            }
        }
    });
    Ok(heard)
}

#[cfg(not(unix))]
fn signals() -> Result<Receiver<Signal>, Error> {
    let (tell, heard) = mpsc::channel();
    let handler = move || drop(tell.send(Signal::Stop));
    let failed = |error| Error::new(Exit::Internal, format!("cannot catch signals: {error}"));
    ctrlc::set_handler(handler).map_err(failed)?;
    Ok(heard)
}

/// Says how it goes to the service manager, if there is one.
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
        // One that does not listen any more is no reason to stop.
        let _ = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = state;
}

/// A thousand clients take a thousand descriptors.
fn raise_limit() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let limit = getrlimit(Resource::Nofile);
        // Where it can't be raised fewer clients have room.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

/// The file of the spool that holds the counters.
pub(crate) const COUNTERS: &str = "counters";
/// How often files are looked at and counters are left.
const GLANCE: Duration = Duration::from_secs(2);
/// How long messages that were begun may take when the relay ends.
const DRAIN: Duration = Duration::from_secs(30);

//! Real proxies, tinyproxy for HTTP CONNECT and microsocks for SOCKS5, on the way to Dovecot.
//!
//! The accounts of the facade reach this machine without a proxy, so the driver is given the route by hand.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use mailbearer_imap::session::{self as imap, Event, Session};
use mailbearer_net::{
    Blocking, Connection, Error, Options, Proxy, ProxyProblem, Route, Runtime, Security, Stage, Tls, Tokio,
};
use mailbearer_sasl::Credentials;
use tempfile::TempDir;

use crate::servers::{self, setting, tokio};

/// A proxy's process, which ends with the test.
struct Process {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Process {
    fn start(command: impl FnOnce(u16, &TempDir) -> Command) -> Self {
        let port = free();
        let folder = tempfile::tempdir().unwrap();
        let child = command(port, &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a proxy that `cargo xtask test` installs");
        let mut process = Self { child, port, _folder: folder };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(process.child.try_wait().unwrap().is_none(), "the proxy ended");
            thread::yield_now();
        }
        process
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Knows Ann, and connects to these ports only.
fn tinyproxy(allowed: &[u16]) -> Process {
    Process::start(|port, folder| {
        let file = folder.path().join("tinyproxy.conf");
        let mut text = format!("Port {port}\nListen 127.0.0.1\nTimeout 600\nBasicAuth ann sesame\n");
        for port in allowed {
            text.push_str(&format!("ConnectPort {port}\n"));
        }
        fs::write(&file, text).unwrap();
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(file);
        command
    })
}

/// Knows Ann, and connects to anything.
fn microsocks() -> Process {
    Process::start(|port, _| {
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", "ann", "-P", "sesame"]);
        command
    })
}

fn route(scheme: &str, password: &str, proxy: &Process) -> Route {
    Route::Proxy(Proxy::parse(&format!("{scheme}://ann:{password}@127.0.0.1:{}", proxy.port)).unwrap())
}

async fn open<R: Runtime>(
    route: Route,
    port: u16,
    security: Security,
    patience: Duration,
) -> Result<Connection<R>, Error> {
    let tls = Tls::with_only_ca_pem(&fs::read(setting("CA_FILE")).unwrap()).unwrap();
    let mut options = Options::default();
    options.route = route;
    options.timeouts.connect = patience;
    Connection::open(&setting("HOST"), port, security, &tls, options).await
}

async fn log_in<R: Runtime>(route: Route, port: u16, security: Security) {
    let mut connection = open::<R>(route, port, security, PATIENCE).await.unwrap();
    let mut session = Session::new(imap::Options::new(setting("HOST"), port, security));
    session.authenticate(Credentials::bearer(setting("USER"), setting("TOKEN")).unwrap()).unwrap();
    loop {
        match connection.next(&mut session).await.unwrap() {
            Some(Event::Authenticated) => return,
            Some(_) => {}
            None => panic!("closed"),
        }
    }
}

#[test]
fn mail_comes_through_either_kind_and_either_way_to_tls() {
    let ways =
        [(servers::port("IMAPS_PORT"), Security::Implicit), (servers::port("IMAP_PORT"), Security::StartTls)];
    let (http, socks) = (tinyproxy(&ways.map(|(port, _)| port)), microsocks());
    for (scheme, proxy) in [("http", &http), ("socks5", &socks)] {
        for (port, security) in ways {
            Blocking::task(log_in::<Blocking>(route(scheme, "sesame", proxy), port, security));
            tokio(log_in::<Tokio>(route(scheme, "sesame", proxy), port, security));
        }
    }
}

#[test]
fn what_a_proxy_refuses_is_told_as_what_it_is() {
    let port = servers::port("IMAPS_PORT");
    let (http, socks, nobody) = (tinyproxy(&[1]), microsocks(), free());
    let rows = [
        ("http", "wrong", &http, port, "it wants a user name and password, or other ones"),
        ("http", "sesame", &http, port, "it refused to connect: 403 "),
        ("socks5", "wrong", &socks, port, "it wants a user name and password, or other ones"),
        ("socks5", "sesame", &socks, nobody, "the server refused the connection"),
        // What this one does not speak.
        ("http", "sesame", &socks, port, ""),
    ];
    for (scheme, password, proxy, port, want) in rows {
        let opened = |route| open::<Blocking>(route, port, Security::Implicit, PATIENCE);
        let error = Blocking::task(opened(route(scheme, password, proxy))).err().unwrap();
        let Error::Proxy { problem, .. } = &error else { panic!("{scheme} {password}: {error:?}") };
        assert!(problem.to_string().contains(want), "{scheme} {password}: {error}");
        if want.is_empty() {
            assert!(matches!(problem, ProxyProblem::Protocol | ProxyProblem::Closed), "{scheme}: {error:?}");
        }
        let opened = open::<Tokio>(route(scheme, password, proxy), port, Security::Implicit, PATIENCE);
        assert_eq!(tokio(opened).err().unwrap().to_string(), error.to_string());
    }
}

#[test]
fn a_proxy_that_hangs_is_given_up() {
    let socks = microsocks();
    socks.signal("-STOP");
    let short = Duration::from_millis(200);
    let opened = open::<Blocking>(route("socks5", "sesame", &socks), 993, Security::Implicit, short);
    let error = Blocking::task(opened).err().unwrap();
    assert!(matches!(error, Error::Timeout { stage: Stage::Proxy, .. }), "{error:?}");
    socks.signal("-CONT");
    let port = servers::port("IMAPS_PORT");
    // It goes on where it was.
    Blocking::task(log_in::<Blocking>(route("socks5", "sesame", &socks), port, Security::Implicit));
}

const PATIENCE: Duration = Duration::from_secs(30);

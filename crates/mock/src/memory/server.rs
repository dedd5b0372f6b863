use std::{
    collections::BTreeMap,
    fmt, io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use mailbearer_wire::RecvBuf;
use rustls::ServerConfig;

use super::{
    Mailbox, Options, Ports, Tokens, World,
    imap::Imap,
    session::{Session, converse},
    smtp::Smtp,
    token_endpoint::TokenEndpoint,
};
use crate::{Authority, stream::Stream};

/// Mail servers in memory: a token endpoint over HTTPS, SMTP submission and IMAP, each with TLS.
///
/// It listens on 127.0.0.1, with certificates of an authority that is made anew on each start. What is submitted
/// arrives in the one mailbox at once, but for recipients at `refused.test`, which are refused. It stops when it is
/// dropped: open connections are cut, and its threads have ended.
pub struct Server {
    world: Arc<World>,
    ports: Ports,
    ca_pem: String,
    switch: Arc<Switch>,
    acceptors: Vec<(SocketAddr, JoinHandle<()>)>,
}

impl Server {
    /// Starts the servers.
    ///
    /// # Errors
    ///
    /// Fails when a port that was asked for is taken, and when the system gives no random octets or threads.
    pub fn start(options: Options) -> io::Result<Self> {
        let authority = Authority::new()?;
        let tls = authority.server_config(options.certificate)?;
        let wanted = options.ports;
        let world = Arc::new(World::new(options)?);
        let mut server = Self {
            world,
            ports: Ports::default(),
            ca_pem: authority.pem(),
            switch: Arc::default(),
            acceptors: Vec::new(),
        };
        server.ports = Ports {
            token: server.listen(wanted.token, Protocol::Token, &tls)?,
            smtp: server.listen(wanted.smtp, Protocol::Smtp { tls: false }, &tls)?,
            smtps: server.listen(wanted.smtps, Protocol::Smtp { tls: true }, &tls)?,
            imap: server.listen(wanted.imap, Protocol::Imap { tls: false }, &tls)?,
            imaps: server.listen(wanted.imaps, Protocol::Imap { tls: true }, &tls)?,
        };
        Ok(server)
    }

    /// The certificate that clients have to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Where the servers listen.
    #[must_use]
    pub const fn ports(&self) -> Ports {
        self.ports
    }

    /// Address of the token endpoint.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("https://localhost:{}/{}/oauth2/v2.0/token", self.ports.token, self.tenant())
    }

    /// Whose mailbox it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.world.user
    }

    /// Directory of the token endpoint.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.world.tenant
    }

    /// Id of the application that gets tokens.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.world.client_id
    }

    /// Secret of that application.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        self.world.client_secret.expose()
    }

    /// A scope that the token endpoint takes; so it does any that ends in `/.default`.
    #[must_use]
    pub const fn scope(&self) -> &'static str {
        "https://outlook.office365.com/.default"
    }

    /// The mailbox.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.world.mailbox
    }

    /// The tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.world.tokens
    }

    /// The configuration of an account here as environment variables of the `mailbearer` program, and with
    /// `MOCK_` before them the ports that it leaves out. `ca_file` is where [`ca_pem`](Self::ca_pem) was written to.
    #[must_use]
    pub fn env(&self, ca_file: &Path) -> Vec<(&'static str, String)> {
        vec![
            ("MAILBEARER_PROVIDER", "custom".into()),
            ("MAILBEARER_USER", self.user().into()),
            ("MAILBEARER_OAUTH_GRANT", "client_credentials".into()),
            ("MAILBEARER_OAUTH_TENANT", self.tenant().into()),
            ("MAILBEARER_OAUTH_CLIENT_ID", self.client_id().into()),
            ("MAILBEARER_OAUTH_CLIENT_SECRET", self.client_secret().into()),
            ("MAILBEARER_OAUTH_TOKEN_URL", self.token_url()),
            ("MAILBEARER_OAUTH_SCOPE", self.scope().into()),
            ("MAILBEARER_IMAP_HOST", "localhost".into()),
            ("MAILBEARER_IMAP_PORT", self.ports.imaps.to_string()),
            ("MAILBEARER_IMAP_TLS", "implicit".into()),
            ("MAILBEARER_SMTP_HOST", "localhost".into()),
            ("MAILBEARER_SMTP_PORT", self.ports.smtp.to_string()),
            ("MAILBEARER_SMTP_TLS", "starttls".into()),
            ("MAILBEARER_TLS_CA_FILE", ca_file.display().to_string()),
            ("MOCK_IMAP_STARTTLS_PORT", self.ports.imap.to_string()),
            ("MOCK_SMTP_TLS_PORT", self.ports.smtps.to_string()),
        ]
    }

    fn listen(&mut self, port: u16, protocol: Protocol, tls: &Arc<ServerConfig>) -> io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let (world, switch, tls) = (Arc::clone(&self.world), Arc::clone(&self.switch), Arc::clone(tls));
        let thread = thread::Builder::new()
            .name(format!("mock {}", protocol.name()))
            .spawn(move || accept(&listener, protocol, &world, &switch, &tls))?;
        self.acceptors.push((address, thread));
        Ok(address.port())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let threads = self.switch.off();
        for (address, thread) in self.acceptors.drain(..) {
            // A visitor wakes the thread that waits for one.
            drop(TcpStream::connect(address));
            let _ = thread.join();
        }
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("ports", &self.ports).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Protocol {
    Token,
    Smtp { tls: bool },
    Imap { tls: bool },
}

impl Protocol {
    const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Smtp { .. } => "smtp",
            Self::Imap { .. } => "imap",
        }
    }

    const fn starts_with_tls(self) -> bool {
        match self {
            Self::Token => true,
            Self::Smtp { tls } | Self::Imap { tls } => tls,
        }
    }
}

/// The open connections, and whether there may be more.
#[derive(Default)]
struct Switch(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    off: bool,
    next: u64,
    open: BTreeMap<u64, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Switch {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the connections, and hands over the threads that end by it.
    fn off(&self) -> Vec<JoinHandle<()>> {
        let mut connections = self.lock();
        connections.off = true;
        for tcp in connections.open.values() {
            let _ = tcp.shutdown(Shutdown::Both);
        }
        std::mem::take(&mut connections.threads)
    }
}

fn accept(
    listener: &TcpListener,
    protocol: Protocol,
    world: &Arc<World>,
    switch: &Arc<Switch>,
    tls: &Arc<ServerConfig>,
) {
    loop {
        let Ok((tcp, _)) = listener.accept() else {
            if switch.lock().off {
                return;
            }
            // Out of file descriptors, most likely: someone has to close first.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let mut connections = switch.lock();
        if connections.off {
            return;
        }
        connections.threads.retain(|thread| !thread.is_finished());
        let Ok(own) = tcp.try_clone() else { continue };
        if connections.open.len() >= world.limits.connections {
            continue;
        }
        let id = connections.next;
        connections.next = id.wrapping_add(1);
        let (world, tls, ending) = (Arc::clone(world), Arc::clone(tls), Arc::clone(switch));
        let thread = thread::Builder::new().name(format!("mock {} {id}", protocol.name())).spawn(move || {
            // A client that breaks off is its own affair.
            let _ = attend(tcp, protocol, &world, &tls);
            ending.lock().open.remove(&id);
        });
        if let Ok(thread) = thread {
            connections.open.insert(id, own);
            connections.threads.push(thread);
        }
    }
}

fn attend(tcp: TcpStream, protocol: Protocol, world: &Arc<World>, tls: &Arc<ServerConfig>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(world.limits.silence))?;
    tcp.set_write_timeout(Some(world.limits.silence))?;
    let mut stream = Stream::Plain(tcp);
    if protocol.starts_with_tls() {
        stream = stream.accept_tls(tls)?;
    }
    let mut session: Box<dyn Session> = match protocol {
        Protocol::Token => Box::new(TokenEndpoint::new(Arc::clone(world))),
        Protocol::Smtp { tls } => Box::new(Smtp::new(Arc::clone(world), tls)),
        Protocol::Imap { tls } => Box::new(Imap::new(Arc::clone(world), tls)),
    };
    let mut rx = RecvBuf::with_limit(FIRST_LIMIT);
    converse(stream, &mut *session, &mut rx, tls)
}

/// What a client may have sent before it is known, in octets; a session raises it.
const FIRST_LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests;

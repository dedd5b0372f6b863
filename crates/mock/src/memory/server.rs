use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mailbearer_net::{
    Connection, Listener, Runtime, Security, ServerTls, Tokio, TokioListener, TokioPool, TokioSocket,
};
use mailbearer_oauth::server::RequestReader;

use super::{
    Fault, Mailbox, Options, Ports, Tokens, World,
    bell::Bell,
    control::Control,
    fault::NetSession,
    imap::Imap,
    people,
    pop3::Pop3,
    robots::Robots,
    session::{Session, converse},
    smtp::Smtp,
    token_endpoint::{self, TokenEndpoint},
};
use crate::Authority;

/// Mail servers in memory: a token endpoint over HTTPS, SMTP submission, IMAP and POP3, each with TLS.
///
/// It listens on 127.0.0.1. Each start makes a certificate authority of its own. What is submitted arrives in the one
/// mailbox at once; recipients at `refused.test` are refused. When it is dropped, it stops: open connections are cut, and
/// its ports are free.
pub struct Server {
    world: Arc<World>,
    ports: Ports,
    ca_pem: String,
    authority: Arc<Authority>,
    switch: Arc<Switch>,
    pool: Arc<TokioPool>,
}

impl Server {
    /// Starts the servers.
    ///
    /// # Errors
    ///
    /// Fails if one of the [ports](Options::ports) is in use, and if the system gives no random octets or threads.
    pub fn start(options: Options) -> io::Result<Self> {
        let authority = Authority::new()?;
        let tls = authority.server_tls(options.certificate)?;
        let wanted = options.ports;
        let world = Arc::new(World::new(options)?);
        let mut server = Self {
            world,
            ports: Ports::default(),
            ca_pem: authority.pem(),
            authority: Arc::new(authority),
            switch: Arc::default(),
            pool: Arc::new(TokioPool::new(THREADS)?),
        };
        let (clear, implicit) = (Security::StartTls, Security::Implicit);
        server.ports = Ports {
            token: server.listen(wanted.token, Protocol::Token, &tls)?,
            smtp: server.listen(wanted.smtp, Protocol::Smtp(clear), &tls)?,
            smtps: server.listen(wanted.smtps, Protocol::Smtp(implicit), &tls)?,
            imap: server.listen(wanted.imap, Protocol::Imap(clear), &tls)?,
            imaps: server.listen(wanted.imaps, Protocol::Imap(implicit), &tls)?,
            pop3: server.listen(wanted.pop3, Protocol::Pop3(clear), &tls)?,
            pop3s: server.listen(wanted.pop3s, Protocol::Pop3(implicit), &tls)?,
            control: server.listen(wanted.control, Protocol::Control, &tls)?,
        };
        Ok(server)
    }

    /// Returns the certificate that clients have to trust, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Returns the ports on which the servers listen.
    #[must_use]
    pub const fn ports(&self) -> Ports {
        self.ports
    }

    /// Returns the URL of the token endpoint.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("https://localhost:{}/{}/oauth2/v2.0/token", self.ports.token, self.tenant())
    }

    /// Returns the URL at which people log in. It shows a form with the buttons `Accept` and `Cancel`.
    ///
    /// It issues codes, for which it demands PKCE with S256, and tokens for the implicit grant. It answers to a redirect
    /// address on loopback with any port, and to any https address, by query, fragment or `form_post`.
    #[must_use]
    pub fn authorize_url(&self) -> String {
        format!("https://localhost:{}/{}/oauth2/v2.0/authorize", self.ports.token, self.tenant())
    }

    /// Returns the URL at which devices get codes. People enter these at `/device` of the same tenant.
    #[must_use]
    pub fn device_url(&self) -> String {
        format!("https://localhost:{}/{}/oauth2/v2.0/devicecode", self.ports.token, self.tenant())
    }

    /// Returns the URL at which refresh tokens are revoked.
    #[must_use]
    pub fn revoke_url(&self) -> String {
        format!("https://localhost:{}/{}/oauth2/v2.0/revoke", self.ports.token, self.tenant())
    }

    /// Returns the URL at which other mail servers ask what a token is good for (RFC 7662). They show the application's id and
    /// secret.
    #[must_use]
    pub fn introspection_url(&self) -> String {
        format!("https://localhost:{}/{}/oauth2/v2.0/introspect", self.ports.token, self.tenant())
    }

    /// Acts as a person who opens `address`, which begins with [`authorize_url`](Self::authorize_url): logs in as `user`, or
    /// declines if that is `None`. Returns the address to which the browser is sent, or the page that it shows.
    #[must_use]
    pub fn log_in(&self, address: &str, user: Option<&str>) -> String {
        log_in(&self.world, address, user)
    }

    /// Acts as a person who enters a device's code: logs in as `user`, or declines if that is `None`. Returns whether a device
    /// waits for this code.
    pub fn answer_device(&self, user_code: &str, user: Option<&str>) -> bool {
        self.world.people.answer_device(user_code, user)
    }

    /// Sets how many seconds devices have to wait between requests from now on. Default 5.
    pub fn set_device_interval(&self, seconds: u64) {
        self.world.people.set_interval(seconds);
    }

    /// Ends every code that a device waits for.
    pub fn expire_device_codes(&self) {
        self.world.people.expire_devices();
    }

    /// Returns the URL at which tests in any language change what the servers hold and do, by HTTP in the clear.
    ///
    /// | request | does |
    /// |---|---|
    /// | `POST /deliver?folder=NAME` | puts the body, up to 256 KiB, into a folder; default the inbox |
    /// | `GET /messages?folder=NAME` | shows the messages of a folder; default the inbox |
    /// | `POST /end-tokens` | ends all access tokens |
    /// | `POST /end-refresh-tokens` | ends all refresh tokens |
    /// | `POST /new-refresh-token` | issues a refresh token |
    /// | `POST /log-in?user=NAME` | does [`log_in`](Self::log_in) at the address in the body, and shows its result; without a user declines |
    /// | `POST /device?code=CODE&user=NAME` | does [`answer_device`](Self::answer_device); without a user declines |
    /// | `POST /drop-connections` | cuts off all clients |
    /// | `POST /fault?name=NAME` | sets a [`Fault`]; without a name removes it |
    ///
    /// Answers are JSON objects.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.control)
    }

    /// Cuts off all clients that are connected now.
    pub fn drop_connections(&self) {
        self.world.cut.ring();
    }

    /// Returns the address of the user whose mailbox it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.world.user
    }

    /// Returns the directory (tenant) of the token endpoint.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.world.tenant
    }

    /// Returns the id of the application that gets tokens.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.world.client_id
    }

    /// Returns the secret of that application.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        self.world.client_secret.expose()
    }

    /// Returns the user's password for the grant `password` of the token endpoint.
    #[must_use]
    pub fn person_password(&self) -> &str {
        self.world.person_password.expose()
    }

    /// Returns a token of an issuer that the application trusts, such as a workload has in place of a secret. It is good for 5
    /// minutes. The token endpoint accepts it for the audience `api://AzureADTokenExchange` only.
    ///
    /// # Errors
    ///
    /// Fails when the system gives no random octets.
    pub fn federated_token(&self, audience: &str) -> io::Result<String> {
        self.world.robots.federated(audience)
    }

    /// Returns the URL at which a job of GitHub Actions gets such tokens, and the token that it shows there: the variables
    /// `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    #[must_use]
    pub fn actions(&self) -> (String, &str) {
        (
            format!("https://localhost:{}/actions/token?api-version=", self.ports.token),
            self.world.robots.job_token().expose(),
        )
    }

    /// Returns the JSON key of a service account. `private_key` is the key in PEM that belongs to the first
    /// [client certificate](Options::client_certificate). It acts for the [user](Self::user).
    #[must_use]
    pub fn service_account_key(&self, private_key: &str) -> String {
        Robots::service_account_key(&self.token_url(), private_key)
    }

    /// Returns the URL at which a virtual machine asks for its identity, by HTTP in the clear.
    #[must_use]
    pub fn virtual_machine_url(&self) -> String {
        format!("{}/metadata/identity/oauth2/token", self.control_url())
    }

    /// Returns the URL at which an app asks for its identity, and what it shows there: the variables `IDENTITY_ENDPOINT` and
    /// `IDENTITY_HEADER`.
    #[must_use]
    pub fn app_service(&self) -> (String, &str) {
        (format!("{}/msi/token", self.control_url()), self.world.robots.job_token().expose())
    }

    /// Returns the URL at which a machine with Azure Arc asks for its identity: the variable `IDENTITY_ENDPOINT`
    /// beside `IMDS_ENDPOINT`.
    #[must_use]
    pub fn arc_url(&self) -> String {
        format!("{}/arc/token", self.control_url())
    }

    /// Returns the user's password, or `None` if the personality accepts no passwords.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.world.password.as_ref().map(|password| password.expose().as_str())
    }

    /// Returns a scope that the token endpoint accepts. It accepts any other that ends in `/.default`, too.
    #[must_use]
    pub const fn scope(&self) -> &'static str {
        "https://outlook.office365.com/.default"
    }

    /// Returns the mailbox. Clones of it are the same mailbox.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.world.mailbox
    }

    /// Returns the tokens. Clones of them are the same tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.world.tokens
    }

    /// Sets what goes wrong from now on, in open sessions too; `None` for nothing.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.world.set_fault(fault);
    }

    /// Returns an account's configuration as environment variables of the `mailbearer` program, and under names that begin with
    /// `MOCK_` what that has no variables for. `ca_file` is where [`ca_pem`](Self::ca_pem) was written to.
    #[must_use]
    pub fn env(&self, ca_file: &Path) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("MAILBEARER_PROVIDER", "custom".into()),
            ("MAILBEARER_USER", self.user().into()),
            ("MAILBEARER_OAUTH_GRANT", "client_credentials".into()),
            ("MAILBEARER_OAUTH_TENANT", self.tenant().into()),
            ("MAILBEARER_OAUTH_CLIENT_ID", self.client_id().into()),
            ("MAILBEARER_OAUTH_CLIENT_SECRET", self.client_secret().into()),
            ("MAILBEARER_OAUTH_TOKEN_URL", self.token_url()),
            ("MAILBEARER_OAUTH_AUTHORIZE_URL", self.authorize_url()),
            ("MAILBEARER_OAUTH_DEVICE_URL", self.device_url()),
            ("MAILBEARER_OAUTH_REVOKE_URL", self.revoke_url()),
            ("MAILBEARER_OAUTH_SCOPE", self.scope().into()),
            ("MAILBEARER_IMAP_HOST", "localhost".into()),
            ("MAILBEARER_IMAP_PORT", self.ports.imaps.to_string()),
            ("MAILBEARER_IMAP_TLS", "implicit".into()),
            ("MAILBEARER_POP3_HOST", "localhost".into()),
            ("MAILBEARER_POP3_PORT", self.ports.pop3s.to_string()),
            ("MAILBEARER_POP3_TLS", "implicit".into()),
            ("MAILBEARER_SMTP_HOST", "localhost".into()),
            ("MAILBEARER_SMTP_PORT", self.ports.smtp.to_string()),
            ("MAILBEARER_SMTP_TLS", "starttls".into()),
            ("MAILBEARER_TLS_CA_FILE", ca_file.display().to_string()),
            ("MOCK_CONTROL_URL", self.control_url()),
            ("MOCK_IMAP_STARTTLS_PORT", self.ports.imap.to_string()),
            ("MOCK_POP3_STARTTLS_PORT", self.ports.pop3.to_string()),
            ("MOCK_SMTP_TLS_PORT", self.ports.smtps.to_string()),
        ];
        let password = self.password().map(|password| ("MOCK_PASSWORD", password.to_owned()));
        variables.splice(0..0, password);
        variables
    }

    fn listen(&self, port: u16, protocol: Protocol, tls: &ServerTls) -> io::Result<u16> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = self.pool.enter(|| Tokio::listen(address))?;
        let port = listener.local_addr()?.port();
        let house = House {
            protocol,
            tls: tls.clone(),
            authority: Arc::clone(&self.authority),
            world: Arc::clone(&self.world),
            switch: Arc::clone(&self.switch),
            pool: Arc::clone(&self.pool),
        };
        let place = self.switch.enter();
        self.pool.spawn(async move {
            place.until_off(house.accept(listener)).await;
        });
        Ok(port)
    }
}

/// Where a browser goes when a person at `address` logs in as `user`, or says no.
pub(super) fn log_in(world: &World, address: &str, user: Option<&str>) -> String {
    let (page, query) = address.split_once('?').unwrap_or((address, ""));
    let base = page.strip_suffix("/oauth2/v2.0/authorize").unwrap_or(page);
    let issue = |user: &str, scope: &str| token_endpoint::issue_to_person(world, user, scope);
    match people::decide(world, base, query, user, &issue) {
        people::Answer::Redirect(address) => address,
        people::Answer::Page(_, page) => page,
        people::Answer::Json(_, body) => body.to_string(),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.switch.off();
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
    Smtp(Security),
    Imap(Security),
    Pop3(Security),
    Control,
}

impl Protocol {
    const fn security(self) -> Security {
        match self {
            Self::Token => Security::Implicit,
            Self::Smtp(security) | Self::Imap(security) | Self::Pop3(security) => security,
            // Its machine never asks for TLS.
            Self::Control => Security::StartTls,
        }
    }

    /// How many octets a client may have sent that its machine has not read.
    const fn recv_limit(self) -> usize {
        match self {
            Self::Token | Self::Control => RequestReader::HEAD.saturating_add(RequestReader::BODY),
            Self::Smtp(_) | Self::Imap(_) | Self::Pop3(_) => 64 * 1024,
        }
    }
}

/// One port and all that its sessions need.
#[derive(Clone)]
struct House {
    protocol: Protocol,
    tls: ServerTls,
    authority: Arc<Authority>,
    world: Arc<World>,
    switch: Arc<Switch>,
    pool: Arc<TokioPool>,
}

impl House {
    async fn accept(self, mut listener: TokioListener) {
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                // Out of file descriptors, most likely: someone has to close first.
                Tokio::sleep(later(PAUSE)).await;
                continue;
            };
            let (place, house) = (self.switch.enter(), self.clone());
            if place.number <= self.world.limits.connections {
                self.pool.spawn(async move {
                    place.until_off(house.serve(socket)).await;
                });
            } else if place.number <= self.world.limits.connections.saturating_add(REFUSALS) {
                self.pool.spawn(async move {
                    place.until_off(house.refuse(socket)).await;
                });
            } else {
                // The next client waits until this one has its refusal.
                house.refuse(socket).await;
            }
        }
    }

    async fn serve(self, socket: TokioSocket) {
        let world = Arc::clone(&self.world);
        let is_mail = matches!(self.protocol, Protocol::Smtp(_) | Protocol::Imap(_) | Protocol::Pop3(_));
        let fault = world.fault().and_then(|fault| fault.net()).filter(|_| is_mail);
        if let Some(fault) = fault.filter(|fault| fault.security == self.protocol.security()) {
            // The machine never asks for TLS.
            let house = Self { protocol: Protocol::Control, ..self };
            return house.converse(socket, NetSession::new(fault)).await;
        }
        match self.protocol {
            Protocol::Token => self.converse(socket, TokenEndpoint::new(world)).await,
            Protocol::Smtp(security) => self.converse(socket, Smtp::new(world, security)).await,
            Protocol::Imap(security) => self.converse(socket, Imap::new(world, security)).await,
            Protocol::Pop3(security) => self.converse(socket, Pop3::new(world, security)).await,
            Protocol::Control => self.converse(socket, Control::new(world)).await,
        }
    }

    /// Says in the protocol's words that there are too many.
    async fn refuse(self, socket: TokioSocket) {
        let world = Arc::clone(&self.world);
        match self.protocol {
            Protocol::Token => {
                if let Ok(endpoint) = TokenEndpoint::refusing(world) {
                    self.converse(socket, endpoint).await;
                }
            }
            Protocol::Smtp(security) => self.converse(socket, Smtp::refusing(world, security)).await,
            Protocol::Imap(security) => self.converse(socket, Imap::refusing(world, security)).await,
            Protocol::Pop3(security) => self.converse(socket, Pop3::refusing(world, security)).await,
            // The control port lets every client in.
            Protocol::Control => self.converse(socket, Control::new(world)).await,
        }
    }

    async fn converse(self, socket: TokioSocket, session: impl Session) {
        let mut options = mailbearer_net::Options::default();
        options.recv_limit = self.protocol.recv_limit();
        options.timeouts.write = self.world.limits.silence;
        let (mut news, mut cut) = (self.world.bell.ear(), self.world.cut.ear());
        let talk = async {
            let security = self.protocol.security();
            let wrong = self.world.fault().and_then(|fault| fault.certificate());
            let wrong = wrong.and_then(|certificate| self.authority.server_tls(certificate).ok());
            let tls = wrong.as_ref().unwrap_or(&self.tls);
            // A client that breaks off is its own affair.
            if let Ok(connection) = Connection::<Tokio>::accept(socket, security, tls, options).await {
                converse(connection, session, &mut news).await;
            }
        };
        if matches!(self.protocol, Protocol::Control) {
            talk.await;
        } else {
            cut.or_ring(talk).await;
        }
    }
}

/// Who is in, and whether it is over.
#[derive(Debug, Default)]
struct Switch {
    bell: Arc<Bell>,
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct State {
    off: bool,
    tasks: usize,
}

impl Switch {
    fn enter(self: &Arc<Self>) -> Place {
        let mut state = self.lock();
        state.tasks = state.tasks.saturating_add(1);
        let number = state.tasks.saturating_sub(LISTENERS);
        drop(state);
        Place { switch: Arc::clone(self), number }
    }

    /// Ends all tasks, and waits for their sockets to be closed.
    fn off(&self) {
        let mut state = self.lock();
        state.off = true;
        self.bell.ring();
        let until = later(FAREWELL);
        while state.tasks > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.left.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who is in.
struct Place {
    switch: Arc<Switch>,
    /// How many clients there are with this one.
    number: usize,
}

impl Place {
    /// Runs `task` until it is done or all is over.
    async fn until_off(self, task: impl Future<Output = ()>) {
        let mut ear = self.switch.bell.ear();
        if !self.switch.lock().off {
            ear.or_ring(task).await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.switch.lock();
        state.tasks = state.tasks.saturating_sub(1);
        self.switch.left.notify_all();
    }
}

fn later(by: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(by).unwrap_or(now)
}

/// Threads that serve all clients.
const THREADS: usize = 2;
/// Ports that are listened on.
const LISTENERS: usize = 8;
/// How many clients over the limit get their refusal at the same time; further ones wait for it.
const REFUSALS: usize = 64;
const PAUSE: Duration = Duration::from_millis(10);
/// A task that does not end by then is stuck in the operating system.
const FAREWELL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;

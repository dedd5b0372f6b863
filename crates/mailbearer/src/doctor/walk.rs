//! The walk itself: each step once, in the order in which a login does them.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::pin,
    task::Poll,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mailbearer_imap::session as imap;
use mailbearer_mime::Address;
use mailbearer_net::{
    self as net, Connection, DriveError, Machine, Options, Route, Runtime, Security, Seen, Service, Timer,
    Tls,
};
use mailbearer_oauth::{self as oauth, Claims, Endpoint, TokenExchange, TokenRequest, server::RequestReader};
use mailbearer_sasl::Credentials;
use mailbearer_smtp as smtp;
use mailbearer_wire::{RecvBuf, SendBuf, printable};

use super::{
    Check, Facts, Outcome, Report, Step, Subject, certificate,
    probe::{Handshake, Rehearsal},
};
use crate::{
    Client, ClientProof, Error, Imap, Login, OAuth, Server, Smtp, Token, Vendor,
    claims::{self, Cloud},
    error::{Kind, Protocol},
    trace::Plan,
};

/// Reads what a session says up to the event that is waited for.
pub(super) async fn until<R: Runtime, M>(
    connection: &mut Connection<R>,
    session: &mut M,
    wanted: M::Event,
    failed: fn(DriveError<M::Error>) -> Error,
    closed: fn() -> Error,
) -> Result<(), Error>
where
    M: Machine<Event: PartialEq + Send, Error: Send> + Send,
{
    loop {
        match connection.next(session).await {
            Ok(Some(event)) if event == wanted => return Ok(()),
            Ok(Some(_)) => {}
            Ok(None) => return Err(closed()),
            Err(error) => return Err(failed(error)),
        }
    }
}

impl<R: Runtime> Client<R> {
    /// Does what a login does, a step at a time, and tells each step as it is done: what fails, and what else fails where
    /// the first can be got past.
    ///
    /// A token is requested as for any login, so with a store a kept one is used; nothing is sent, and nothing in the
    /// mailbox changes. It never fails itself: what is wrong is in the [`Report`].
    ///
    /// The POP3 server is looked at where the account has no IMAP server: presets name one that few want.
    /// [`examine_all`](Self::examine_all) looks at it in any case.
    pub fn examine<'a>(&'a self, on_step: impl FnMut(&Step) + Send + 'a) -> R::Task<'a, Report> {
        self.walk(self.account().imap.is_none(), Box::new(on_step))
    }

    /// As [`examine`](Self::examine), with the POP3 server of the account, too.
    #[cfg(feature = "pop3")]
    pub fn examine_all<'a>(&'a self, on_step: impl FnMut(&Step) + Send + 'a) -> R::Task<'a, Report> {
        self.walk(true, Box::new(on_step))
    }

    fn walk<'a>(
        &'a self,
        with_pop3: bool,
        on_step: Box<dyn FnMut(&Step) + Send + 'a>,
    ) -> R::Task<'a, Report> {
        R::task(async move {
            let mut walk = Walk {
                client: self,
                on_step,
                with_pop3,
                report: Report { steps: Vec::new(), facts: Facts::of(self.account()) },
                tls: self.tls().clone(),
                seen: Seen::default(),
                began: R::now(),
            };
            walk.all().await;
            walk.report
        })
    }
}

pub(super) struct Walk<'a, R: Runtime> {
    pub(super) client: &'a Client<R>,
    with_pop3: bool,
    on_step: Box<dyn FnMut(&Step) + Send + 'a>,
    report: Report,
    tls: Tls,
    /// What the handshake of `tls` showed.
    seen: Seen,
    began: Instant,
}

impl<R: Runtime> Walk<'_, R> {
    async fn all(&mut self) {
        let account = self.client.account();
        self.ok(Subject::Account, Check::Configuration, settings(account));
        self.clock();
        let token = match &account.login {
            Login::OAuth(oauth) => self.token(oauth).await,
            Login::Source(_) => self.request("the program's own source of tokens".to_owned()).await,
            Login::Password(_) => None,
        };
        if let Some(server) = &account.imap {
            self.imap(server, token.as_ref()).await;
        }
        if let Some(server) = &account.smtp {
            self.smtp(server, token.as_ref()).await;
        }
        #[cfg(feature = "pop3")]
        if let Some(server) = account.pop3.as_ref().filter(|_| self.with_pop3) {
            self.pop3(server, token.as_ref()).await;
        }
        #[cfg(not(feature = "pop3"))]
        let _ = self.with_pop3;
    }

    fn clock(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let day = certificate::day(now);
        if now < EARLIEST {
            let error =
                Error::observed("clock-wrong", Kind::Settings, format!("this machine's clock says {day}"));
            self.failed(Subject::Account, Check::Clock, error, "");
        } else {
            self.ok(Subject::Account, Check::Clock, day);
        }
    }

    async fn token(&mut self, oauth: &OAuth) -> Option<Token> {
        let subject = Subject::Token;
        // What is no address is told by the request itself.
        if let Ok(endpoint) = Endpoint::parse(&oauth.token_url) {
            let place = (endpoint.host(), endpoint.port());
            let options = self.client.shared().options();
            let service = Service::Https;
            if let Some(connection) = self.reach(subject, service, place, Security::Implicit, options).await {
                drop(connection);
            }
            self.cloud(&endpoint, oauth);
            self.form(endpoint, oauth);
        }
        self.request(shown_grant(oauth)).await
    }

    /// Whether endpoint, scope and servers are in the same of Microsoft's clouds.
    fn cloud(&mut self, endpoint: &Endpoint, oauth: &OAuth) {
        let account = self.client.account();
        let scopes = oauth.scope.split(' ').filter_map(|scope| scope.split_once("://"));
        let scopes = scopes.map(|(_, rest)| ("scope", rest.split('/').next().unwrap_or_default()));
        let servers = [("imap.host", &account.imap), ("smtp.host", &account.smtp)];
        let servers =
            servers.into_iter().filter_map(|(key, server)| Some((key, server.as_ref()?.host.as_str())));
        let places = std::iter::once(("token_url", endpoint.host())).chain(scopes).chain(servers);
        let places: Vec<_> =
            places.filter_map(|(key, host)| Some((key, host, Cloud::of_host(host)?))).collect();
        let certain = places.iter().filter(|(_, _, cloud)| *cloud != Cloud::Any);
        let mut certain = certain.collect::<Vec<_>>().into_iter();
        let Some(first) = certain.next() else {
            let found =
                if places.is_empty() { "not one of Microsoft's clouds" } else { "either government cloud" };
            return self.ok(Subject::Token, Check::Cloud, found.to_owned());
        };
        match certain.find(|(_, _, cloud)| *cloud != first.2) {
            Some(other) => {
                let text = format!(
                    "{} ({}) is of {}, {} ({}) of {}",
                    first.0,
                    printable(first.1),
                    first.2.name(),
                    other.0,
                    printable(other.1),
                    other.2.name(),
                );
                let error = Error::observed("cloud-mismatch", Kind::Settings, text);
                self.failed(Subject::Token, Check::Cloud, error, "");
            }
            None => self.ok(Subject::Token, Check::Cloud, first.2.name().to_owned()),
        }
    }

    /// Whether a secret comes out of the form as it went in, and is a secret at all.
    fn form(&mut self, endpoint: Endpoint, oauth: &OAuth) {
        let ClientProof::Secret(secret) = &oauth.client else { return };
        let is_microsoft = Cloud::of_host(endpoint.host()).is_some();
        let client = oauth::Client::with_secret(oauth.client_id.as_str(), secret.clone());
        let request = TokenRequest::client_credentials(endpoint, client, &oauth.scope);
        let (mut rx, mut tx) = (RecvBuf::with_limit(TokenExchange::RECV_LIMIT), SendBuf::new());
        // The request alone: there is no peer.
        let _ = TokenExchange::new(&request).step(&mut rx, &mut tx);
        let mut sent = RecvBuf::with_limit(RequestReader::HEAD.saturating_add(RequestReader::BODY));
        let read =
            sent.extend(tx.unsent()).ok().and_then(|()| RequestReader::new().next(&mut sent).ok().flatten());
        let form = read.and_then(|request| request.form().ok());
        let same = form.is_some_and(|form| form.field("client_secret") == Some(secret.expose().as_str()));
        let octets = secret.expose().len();
        if same && is_microsoft && claims::is_guid(secret.expose()) {
            let text = "client_secret has the form of a secret's ID".to_owned();
            let error = Error::observed("secret-is-id", Kind::Settings, text);
            self.failed(Subject::Token, Check::Form, error, "");
        } else if same {
            let detail = format!("client secret of {octets} octets, read back as it was written");
            self.ok(Subject::Token, Check::Form, detail);
        } else {
            let error = Error::misuse(Protocol::TOKEN, "the form does not read back as it was written");
            self.failed(Subject::Token, Check::Form, error, "");
        }
    }

    async fn request(&mut self, how: String) -> Option<Token> {
        self.begin();
        let token = match self.client.lease().await {
            Ok(Some(lease)) => lease.token,
            Ok(None) => return None,
            Err(error) => {
                self.failed(Subject::Token, Check::Request, error, &how);
                return None;
            }
        };
        let octets = token.access_token.expose().len();
        self.ok(Subject::Token, Check::Request, format!("{how}: access token of {octets} octets"));
        let claims = Claims::read(&token.access_token);
        if let Some(claims) = &claims {
            self.report.facts.learn(claims);
            self.told_time(claims);
        }
        let detail =
            claims.as_ref().map_or_else(|| "opaque: it says nothing of itself".to_owned(), shown_claims);
        self.ok(Subject::Token, Check::Claims, detail);
        Some(token)
    }

    /// The issuer's clock, by what it wrote into a fresh token.
    fn told_time(&mut self, claims: &Claims) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ahead = claims.not_before.is_some_and(|start| start > now.saturating_add(SKEW));
        let over = claims.expires_at.is_some_and(|end| end.saturating_add(SKEW) < now);
        if ahead || over {
            let text = if ahead {
                "the token is not valid yet, by this machine's clock"
            } else {
                "the token is over, by this machine's clock"
            };
            let error = Error::observed("clock-wrong", Kind::Settings, text.to_owned());
            self.failed(Subject::Token, Check::Clock, error, "");
        }
    }

    /// What the token says of itself beside what a protocol needs; the doubt that is left.
    fn claims(&mut self, subject: Subject, protocol: Protocol, token: &Token) -> Option<&'static str> {
        self.begin();
        match claims::compare(token, self.client.account(), protocol) {
            Some(mismatch) if mismatch.is_certain() => {
                self.failed(subject, Check::Claims, Error::mismatch(protocol, mismatch), "");
                None
            }
            Some(mismatch) => {
                self.ok(subject, Check::Claims, format!("in doubt: {mismatch}"));
                Some(mismatch.id())
            }
            None => {
                self.ok(subject, Check::Claims, "nothing in the token speaks against it".to_owned());
                None
            }
        }
    }

    /// Look-up, route, TCP, and where it begins with it, TLS.
    pub(super) async fn reach(
        &mut self,
        subject: Subject,
        service: Service,
        (host, port): (&str, u16),
        security: Security,
        plan: Plan,
    ) -> Option<Connection<R>> {
        let account = self.client.account();
        let protocol = protocol(subject);
        let way = account.proxies.route(service, host, port).clone();
        let (name, name_port, route) = match &way {
            Route::Proxy(proxy) => (proxy.host.clone(), proxy.port, format!("through the proxy {proxy}")),
            _ => (host.to_owned(), port, "direct".to_owned()),
        };
        self.begin();
        let found = within::<R, _>(account.timeouts.connect, R::resolve(&name, name_port)).await;
        match found {
            Ok(addresses) if !addresses.is_empty() => {
                self.ok(subject, Check::LookUp, format!("{}: {}", printable(&name), list(&addresses)));
            }
            failed => {
                let none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                let source = failed.err().unwrap_or(none);
                let error = match &way {
                    Route::Proxy(proxy) => net::Error::Proxy {
                        proxy: proxy.to_string(),
                        problem: net::ProxyProblem::LookUp(source),
                    },
                    // What is no name of a server is told better by whoever would connect to it.
                    _ => match Connection::<R>::open(host, port, security, &self.tls, Options::default())
                        .await
                    {
                        Err(error @ net::Error::InvalidHost(_)) => error,
                        _ => net::Error::LookUp { host: host.to_owned(), source },
                    },
                };
                self.failed(subject, Check::LookUp, Error::net(protocol, error), "");
                self.skipped(subject, &[Check::Route, Check::Tcp, Check::Tls]);
                return None;
            }
        }
        self.ok(subject, Check::Route, route);
        self.begin();
        // TLS is a step of its own, and what is seen of it is asked for afterwards.
        // Without trust anchors every handshake fails, and says so.
        if let Ok((tls, seen)) = self.client.tls().seen() {
            (self.tls, self.seen) = (tls, seen);
        }
        let seen = Some(&self.seen);
        let (_, options) = self.client.shared().prepare(service, host, port, security, plan, &self.tls, seen);
        let opened = Connection::<R>::open(host, port, Security::StartTls, &self.tls, options).await;
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => {
                self.failed(subject, Check::Tcp, Error::net(protocol, error), "");
                self.skipped(subject, &[Check::Tls]);
                return None;
            }
        };
        self.ok(subject, Check::Tcp, format!("{} port {port}", printable(host)));
        if security == Security::StartTls {
            return Some(connection);
        }
        self.begin();
        match connection.next(&mut Handshake::default()).await {
            Ok(_) => {
                self.ok(subject, Check::Tls, certificate::describe(&self.seen));
                Some(connection)
            }
            Err(DriveError::Net(error)) => {
                let seen =
                    if is_certificate(&error) { certificate::describe(&self.seen) } else { String::new() };
                self.failed(subject, Check::Tls, Error::net(protocol, error), &seen);
                None
            }
            Err(DriveError::Machine(never)) => match never {},
        }
    }

    async fn imap(&mut self, server: &Server, token: Option<&Token>) {
        let subject = Subject::Imap;
        let options = Imap::<R>::options(self.client.account(), server);
        let mut net = self.client.shared().options();
        net.recv_limit = options.limits.buffer();
        let place = (server.host.as_str(), server.port);
        let Some(mut connection) = self.reach(subject, Service::Mail, place, server.security, net).await
        else {
            return self
                .skipped(subject, &[Check::Greeting, Check::Capabilities, Check::Login, Check::Inbox]);
        };
        let mut session = imap::Session::new(options);
        self.begin();
        let ready =
            until(&mut connection, &mut session, imap::Event::Ready, Error::imap, Error::imap_closed).await;
        let greeting = session.greeting().to_owned();
        let ready = ready.map_err(|error| error.with_greeting(&greeting));
        if !self.greeted(subject, server.security, &greeting, ready) {
            return self.skipped(subject, &[Check::Login, Check::Inbox]);
        }
        let names: Vec<_> = session.capabilities().iter().map(|one| one.name().into_owned()).collect();
        self.ok(subject, Check::Capabilities, printable(&names.join(" ")).into_owned());
        let Some((credentials, doubt)) = self.credentials(subject, Protocol::IMAP, token) else {
            return self.skipped(subject, &[Check::Login, Check::Inbox]);
        };
        self.begin();
        let mut entered = session.authenticate(credentials).map_err(Error::from);
        if entered.is_ok() {
            entered = until(
                &mut connection,
                &mut session,
                imap::Event::Authenticated,
                Error::imap,
                Error::imap_closed,
            )
            .await;
        }
        if let Err(error) = entered {
            let error = error.with_greeting(&greeting).with_doubt(doubt);
            self.failed(subject, Check::Login, error, "");
            return self.skipped(subject, &[Check::Inbox]);
        }
        connection.opened();
        self.ok(subject, Check::Login, format!("as {}", printable(&self.client.account().user)));
        self.begin();
        match Imap::look_into(connection, session).await {
            Ok(opened) => self.ok(subject, Check::Inbox, format!("{} messages", opened.exists)),
            Err(error) => self.failed(subject, Check::Inbox, error.with_greeting(&greeting), ""),
        }
    }

    async fn smtp(&mut self, server: &Server, token: Option<&Token>) {
        let subject = Subject::Smtp;
        let rest = [Check::Login, Check::Sender, Check::Recipient, Check::Reset];
        let options = Smtp::<R>::options(self.client.account(), server);
        let mut session = match smtp::Session::new(options) {
            Ok(session) => session,
            Err(misuse) => return self.failed(subject, Check::Greeting, misuse.into(), ""),
        };
        let place = (server.host.as_str(), server.port);
        let net = self.client.shared().options();
        let Some(mut connection) = self.reach(subject, Service::Mail, place, server.security, net).await
        else {
            self.skipped(subject, &[Check::Greeting, Check::Capabilities]);
            return self.skipped(subject, &rest);
        };
        self.begin();
        let ready =
            until(&mut connection, &mut session, smtp::Event::Ready, Error::smtp, Error::smtp_closed).await;
        let greeting = session.greeting().to_owned();
        let ready = ready.map_err(|error| error.with_greeting(&greeting));
        if !self.greeted(subject, server.security, &greeting, ready) {
            return self.skipped(subject, &rest);
        }
        self.ok(subject, Check::Capabilities, shown_capabilities(session.capabilities()));
        let Some((credentials, doubt)) = self.credentials(subject, Protocol::SMTP, token) else {
            return self.skipped(subject, &rest);
        };
        self.begin();
        let mut entered = session.authenticate(credentials).map_err(Error::from);
        if entered.is_ok() {
            entered = until(
                &mut connection,
                &mut session,
                smtp::Event::Authenticated,
                Error::smtp,
                Error::smtp_closed,
            )
            .await;
        }
        if let Err(error) = entered {
            let error = error.with_greeting(&greeting).with_doubt(doubt);
            self.failed(subject, Check::Login, error, "");
            return self.skipped(subject, &[Check::Sender, Check::Recipient, Check::Reset]);
        }
        connection.opened();
        self.ok(subject, Check::Login, format!("as {}", printable(&self.client.account().user)));
        self.rehearse(connection, &greeting).await;
    }

    /// The dialogue of a message from the user to the user, up to where its text would begin.
    async fn rehearse(&mut self, mut connection: Connection<R>, greeting: &str) {
        let subject = Subject::Smtp;
        let user = &self.client.account().user;
        let steps = [Check::Sender, Check::Recipient, Check::Reset];
        if Address::parse(user).is_err() || !user.is_ascii() {
            return self.skipped(subject, &steps);
        }
        let mut rehearsal = Rehearsal::new(user.clone());
        self.begin();
        let mut done = 0_usize;
        loop {
            let check = steps.get(done).copied();
            match connection.next(&mut rehearsal).await {
                Ok(Some((smtp::Stage::Quit, _)) | None) => return,
                Ok(Some((stage, reply))) => {
                    let check = match stage {
                        smtp::Stage::Sender => Check::Sender,
                        smtp::Stage::Recipient => Check::Recipient,
                        _ => Check::Reset,
                    };
                    let text = format!("{} {}", reply.code, reply.text());
                    if reply.class() == smtp::Class::Success {
                        self.ok(subject, check, text);
                    } else {
                        let error = match reply.code {
                            421 => smtp::Error::Closing { stage, reply },
                            _ => smtp::Error::Refused { stage, reply },
                        };
                        let error = Error::smtp(DriveError::Machine(error)).with_greeting(greeting);
                        self.failed(subject, check, error, "");
                        if check == Check::Sender {
                            self.skipped(subject, &[Check::Recipient]);
                            done = done.saturating_add(1);
                        }
                    }
                    done = done.saturating_add(1);
                    self.begin();
                }
                Err(error) => {
                    let error = Error::smtp(error).with_greeting(greeting);
                    return self.failed(subject, check.unwrap_or(Check::Reset), error, "");
                }
            }
        }
    }

    /// Tells the greeting and, where it came in between, TLS; true if the server is ready.
    pub(super) fn greeted(
        &mut self,
        subject: Subject,
        security: Security,
        greeting: &str,
        ready: Result<(), Error>,
    ) -> bool {
        let error = ready.err();
        let words = || match Vendor::of_greeting(greeting) {
            Some(vendor) => format!("{greeting} ({vendor:?})"),
            None => greeting.to_owned(),
        };
        let is_tls = error.as_ref().is_some_and(|error| error.evidence().stage == crate::error::Stage::Tls);
        match error {
            Some(error) if greeting.is_empty() => {
                self.failed(subject, Check::Greeting, error, "");
                self.skipped(subject, &[Check::Capabilities]);
                false
            }
            Some(error) => {
                let is_greeting = error.evidence().stage == crate::error::Stage::Greeting;
                if is_greeting {
                    self.failed(subject, Check::Greeting, error, "");
                    self.skipped(subject, &[Check::Capabilities]);
                    return false;
                }
                self.ok(subject, Check::Greeting, words());
                let seen =
                    if error.is_certificate() { certificate::describe(&self.seen) } else { String::new() };
                if is_tls || error.is_certificate() || matches!(error.kind(), Kind::Tls) {
                    self.failed(subject, Check::Tls, error, &seen);
                    self.skipped(subject, &[Check::Capabilities]);
                } else {
                    self.failed(subject, Check::Capabilities, error, "");
                }
                false
            }
            None => {
                self.ok(subject, Check::Greeting, words());
                if security == Security::StartTls {
                    self.ok(subject, Check::Tls, certificate::describe(&self.seen));
                }
                true
            }
        }
    }

    /// What to log in with, and the doubt that the token raises; `None` without a token.
    pub(super) fn credentials(
        &mut self,
        subject: Subject,
        protocol: Protocol,
        token: Option<&Token>,
    ) -> Option<(Credentials, Option<&'static str>)> {
        let doubt = match (&self.client.account().login, token) {
            (Login::Password(_), _) => None,
            (_, Some(token)) => self.claims(subject, protocol, token),
            (_, None) => return None,
        };
        match self.client.credentials(token) {
            Ok(credentials) => Some((credentials, doubt)),
            Err(error) => {
                self.failed(subject, Check::Login, error, "");
                None
            }
        }
    }

    /// Starts the clock of the next step.
    pub(super) fn begin(&mut self) {
        self.began = R::now();
    }

    pub(super) fn ok(&mut self, subject: Subject, check: Check, detail: String) {
        self.tell(subject, check, Outcome::Ok, detail, None);
    }

    /// `more` is what was seen besides.
    pub(super) fn failed(&mut self, subject: Subject, check: Check, error: Error, more: &str) {
        let detail = if more.is_empty() { error.to_string() } else { format!("{error}; {more}") };
        self.tell(subject, check, Outcome::Failed, detail, Some(error));
    }

    pub(super) fn skipped(&mut self, subject: Subject, checks: &[Check]) {
        for check in checks {
            self.begin();
            self.tell(
                subject,
                *check,
                Outcome::Skipped,
                "not tried, for what failed before".to_owned(),
                None,
            );
        }
    }

    fn tell(
        &mut self,
        subject: Subject,
        check: Check,
        outcome: Outcome,
        detail: String,
        error: Option<Error>,
    ) {
        let now = R::now();
        let took = now.saturating_duration_since(self.began);
        self.began = now;
        let step = Step { subject, check, outcome, took, detail, error };
        (self.on_step)(&step);
        self.report.steps.push(step);
    }
}

const fn protocol(subject: Subject) -> Protocol {
    match subject {
        Subject::Imap => Protocol::IMAP,
        Subject::Smtp => Protocol::SMTP,
        #[cfg(feature = "pop3")]
        Subject::Pop3 => Protocol::POP3,
        _ => Protocol::TOKEN,
    }
}

const fn is_certificate(error: &net::Error) -> bool {
    matches!(error, net::Error::Tls { problem: net::TlsProblem::Certificate(_), .. })
}

/// `operation`, if it is done by then.
async fn within<R: Runtime, T>(
    limit: Duration,
    operation: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut operation = pin!(operation);
    let mut timer = R::timer(R::now().checked_add(limit).unwrap_or_else(R::now));
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Pending => timer
            .poll_expired(context)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the look-up took too long"))),
        done => done,
    })
    .await
}

fn list(addresses: &[SocketAddr]) -> String {
    let mut told: Vec<String> =
        addresses.iter().map(|address| address.ip().to_string()).take(ADDRESSES).collect();
    if addresses.len() > ADDRESSES {
        told.push(format!("and {} more", addresses.len().saturating_sub(ADDRESSES)));
    }
    told.join(", ")
}

fn settings(account: &crate::Account) -> String {
    let mut parts = vec![format!("user {}", printable(&account.user))];
    match &account.login {
        Login::OAuth(oauth) => {
            parts.push(format!("token from {}", printable(&oauth.token_url)));
            parts.push(format!("application {}", printable(&oauth.client_id)));
            if !oauth.scope.is_empty() {
                parts.push(format!("scope {}", printable(&oauth.scope)));
            }
        }
        Login::Source(_) => parts.push("token from the program".to_owned()),
        Login::Password(_) => parts.push("password".to_owned()),
    }
    for (name, server) in [("IMAP", &account.imap), ("SMTP", &account.smtp)] {
        if let Some(Server { host, port, security }) = server {
            let tls = if *security == Security::Implicit { "TLS" } else { "STARTTLS" };
            parts.push(format!("{name} {} port {port} {tls}", printable(host)));
        }
    }
    parts.join("; ")
}

fn shown_grant(oauth: &OAuth) -> String {
    // The name alone: what stands in it may be secret.
    let shown = format!("{:?}", oauth.grant);
    let name: String = shown.chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    format!("grant {words}")
}

fn shown_claims(claims: &Claims) -> String {
    let mut parts = vec![format!("for {}", claims.audience.join(" "))];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            parts.push(format!("{name} {value}"));
        }
    };
    add("roles", &claims.roles.join(" "));
    add("scopes", &claims.scopes.join(" "));
    add("tenant", claims.tenant.as_deref().unwrap_or_default());
    add("application", claims.app_id.as_deref().unwrap_or_default());
    add("object", claims.object_id.as_deref().unwrap_or_default());
    add("of", claims.user.as_deref().unwrap_or_default());
    parts.join("; ")
}

fn shown_capabilities(capabilities: &smtp::Capabilities) -> String {
    let names = capabilities.iter().map(|one| match one {
        smtp::Capability::Auth(mechanisms) => format!("AUTH {mechanisms}"),
        smtp::Capability::Other(name) => name.to_owned(),
        smtp::Capability::Size(Some(octets)) => format!("SIZE {octets}"),
        smtp::Capability::EightBitMime => "8BITMIME".to_owned(),
        other => {
            let shown = format!("{other:?}");
            shown.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
        }
    });
    printable(&names.collect::<Vec<_>>().join(", ")).into_owned()
}

/// Before this program was written: 2026-01-01.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
/// Seconds by which clocks may differ.
const SKEW: u64 = 300;
/// Addresses that are told.
const ADDRESSES: usize = 4;

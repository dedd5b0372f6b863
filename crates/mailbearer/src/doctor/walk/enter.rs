//! The steps that all mail protocols share: from the way to the server up to the login.

use mailbearer_imap::session as imap;
use mailbearer_net::{Connection, DriveError, Machine, Runtime, Security, Service};
use mailbearer_sasl::Credentials;
use mailbearer_smtp as smtp;
use mailbearer_wire::printable;

use super::Walk;
use crate::{
    Error, Server, Token, Vendor,
    doctor::{Check, Subject, certificate, shown::shown_capabilities},
    error::{Kind, Protocol, Stage},
    trace::Plan,
};

/// A session of one mail protocol, as the walk needs it.
pub(super) trait Session: Machine<Event: PartialEq + Send, Error: Send> + Send {
    const SUBJECT: Subject;
    const PROTOCOL: Protocol;
    /// The event that says that the server is ready for a login.
    const READY: Self::Event;
    const AUTHENTICATED: Self::Event;

    fn greeting(&self) -> &str;
    fn capabilities(&self) -> String;
    fn authenticate(&mut self, credentials: Credentials) -> Result<(), Error>;
    fn failed(error: DriveError<Self::Error>) -> Error;
    fn closed() -> Error;
}

impl Session for imap::Session {
    const SUBJECT: Subject = Subject::Imap;
    const PROTOCOL: Protocol = Protocol::IMAP;
    const READY: imap::Event = imap::Event::Ready;
    const AUTHENTICATED: imap::Event = imap::Event::Authenticated;

    fn greeting(&self) -> &str {
        Self::greeting(self)
    }

    fn capabilities(&self) -> String {
        let names: Vec<_> = Self::capabilities(self).iter().map(|one| one.name().into_owned()).collect();
        names.join(" ")
    }

    fn authenticate(&mut self, credentials: Credentials) -> Result<(), Error> {
        Ok(Self::authenticate(self, credentials)?)
    }

    fn failed(error: DriveError<imap::Error>) -> Error {
        Error::imap(error)
    }

    fn closed() -> Error {
        Error::imap_closed()
    }
}

impl Session for smtp::Session {
    const SUBJECT: Subject = Subject::Smtp;
    const PROTOCOL: Protocol = Protocol::SMTP;
    const READY: smtp::Event = smtp::Event::Ready;
    const AUTHENTICATED: smtp::Event = smtp::Event::Authenticated;

    fn greeting(&self) -> &str {
        Self::greeting(self)
    }

    fn capabilities(&self) -> String {
        shown_capabilities(Self::capabilities(self))
    }

    fn authenticate(&mut self, credentials: Credentials) -> Result<(), Error> {
        Ok(Self::authenticate(self, credentials)?)
    }

    fn failed(error: DriveError<smtp::Error>) -> Error {
        Error::smtp(error)
    }

    fn closed() -> Error {
        Error::smtp_closed()
    }
}

/// Drives a session up to the event `wanted`.
async fn until<R: Runtime, S: Session>(
    connection: &mut Connection<R>,
    session: &mut S,
    wanted: S::Event,
) -> Result<(), Error> {
    loop {
        match connection.next(session).await {
            Ok(Some(event)) if event == wanted => return Ok(()),
            Ok(Some(_)) => {}
            Ok(None) => return Err(S::closed()),
            Err(error) => return Err(S::failed(error)),
        }
    }
}

impl<R: Runtime> Walk<'_, R> {
    /// Takes all steps up to the login. If it does not get there, reports the steps that are left, and `rest`, as not
    /// tried.
    pub(super) async fn enter<S: Session>(
        &mut self,
        session: &mut S,
        server: &Server,
        token: Option<&Token>,
        plan: Plan,
        rest: &[Check],
    ) -> Option<Connection<R>> {
        let subject = S::SUBJECT;
        let place = (server.host.as_str(), server.port);
        let reached = self.reach(subject, Service::Mail, place, server.security, plan).await;
        let Some(mut connection) = reached else {
            self.skipped(subject, &[Check::Greeting, Check::Capabilities]);
            self.no_login(subject, rest);
            return None;
        };
        self.begin();
        let ready = until(&mut connection, session, S::READY).await;
        let greeting = session.greeting().to_owned();
        let ready = ready.map_err(|error| error.with_greeting(&greeting));
        if !self.greeted(subject, server.security, &greeting, ready) {
            self.no_login(subject, rest);
            return None;
        }
        self.ok(subject, Check::Capabilities, printable(&session.capabilities()).into_owned());
        if token.is_none() && self.has_tokens() {
            self.no_login(subject, rest);
            return None;
        }
        let Some((credentials, doubt)) = self.credentials(subject, S::PROTOCOL, token) else {
            self.skipped(subject, rest);
            return None;
        };
        self.begin();
        let mut entered = session.authenticate(credentials);
        if entered.is_ok() {
            entered = until(&mut connection, session, S::AUTHENTICATED).await;
        }
        if let Err(error) = entered {
            let error = error.with_greeting(&greeting).with_doubt(doubt);
            self.failed(subject, Check::Login, error, "");
            self.skipped(subject, rest);
            return None;
        }
        connection.opened();
        self.ok(subject, Check::Login, format!("as {}", printable(&self.client.account().user)));
        Some(connection)
    }

    /// Reports that no login was tried, nor anything after it.
    fn no_login(&mut self, subject: Subject, rest: &[Check]) {
        if self.has_tokens() {
            self.skipped(subject, &[Check::Claims]);
        }
        self.skipped(subject, &[Check::Login]);
        self.skipped(subject, rest);
    }

    /// Reports the greeting, TLS if it came after that, and the capabilities if they failed. Returns true if the server
    /// is ready.
    fn greeted(
        &mut self,
        subject: Subject,
        security: Security,
        greeting: &str,
        ready: Result<(), Error>,
    ) -> bool {
        let with_tls = security == Security::StartTls;
        let words = || match Vendor::of_greeting(greeting) {
            Some(vendor) => format!("{greeting} ({vendor:?})"),
            None => greeting.to_owned(),
        };
        let Err(error) = ready else {
            self.ok(subject, Check::Greeting, words());
            if with_tls {
                self.ok(subject, Check::Tls, certificate::describe(&self.seen));
            }
            return true;
        };
        let stage = error.evidence().stage;
        if greeting.is_empty() || stage == Stage::Greeting {
            self.failed(subject, Check::Greeting, error, "");
            if with_tls {
                self.skipped(subject, &[Check::Tls]);
            }
            self.skipped(subject, &[Check::Capabilities]);
            return false;
        }
        self.ok(subject, Check::Greeting, words());
        if stage == Stage::Tls || error.is_certificate() || matches!(error.kind(), Kind::Tls) {
            let seen = if error.is_certificate() { certificate::describe(&self.seen) } else { String::new() };
            self.failed(subject, Check::Tls, error, &seen);
            self.skipped(subject, &[Check::Capabilities]);
        } else {
            self.failed(subject, Check::Capabilities, error, "");
        }
        false
    }
}

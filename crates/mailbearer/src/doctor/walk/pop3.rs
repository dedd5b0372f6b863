//! POP3, up to the count of messages. None is removed.

use mailbearer_net::{DriveError, Runtime};
use mailbearer_pop3::{Capability, Event, Session};
use mailbearer_sasl::Credentials;

use super::{Walk, enter};
use crate::{
    Error, Pop3, Server, Token,
    doctor::{Check, Subject},
    error::Protocol,
};

impl enter::Session for Session {
    const SUBJECT: Subject = Subject::Pop3;
    const PROTOCOL: Protocol = Protocol::POP3;
    const READY: Event = Event::Ready;
    const AUTHENTICATED: Event = Event::Authenticated;

    fn greeting(&self) -> &str {
        Self::greeting(self)
    }

    fn capabilities(&self) -> String {
        let names = Self::capabilities(self).iter().map(|one| match one {
            Capability::Sasl(names) => format!("SASL {names}"),
            other => format!("{other:?}"),
        });
        names.collect::<Vec<_>>().join(", ")
    }

    fn authenticate(&mut self, credentials: Credentials) -> Result<(), Error> {
        Ok(Self::authenticate(self, credentials)?)
    }

    fn failed(error: DriveError<mailbearer_pop3::Error>) -> Error {
        Error::pop3(error)
    }

    fn closed() -> Error {
        Error::pop3_closed()
    }
}

impl<R: Runtime> Walk<'_, R> {
    pub(super) async fn pop3(&mut self, server: &Server, token: Option<&Token>) {
        let subject = Subject::Pop3;
        let options = Pop3::<R>::options(self.client.account(), server);
        let mut session = match Session::new(options) {
            Ok(session) => session,
            Err(misuse) => return self.failed(subject, Check::Greeting, misuse.into(), ""),
        };
        let plan = self.client.shared().options();
        let entered = self.enter(&mut session, server, token, plan, &[Check::Inbox]).await;
        let Some(mut connection) = entered else { return };
        let greeting = session.greeting().to_owned();
        self.begin();
        let mut counted = session.stat().map(|_| None).map_err(Error::from);
        while matches!(counted, Ok(None)) {
            counted = match connection.next(&mut session).await {
                Ok(Some(Event::Stat(_, stat))) => Ok(Some(stat)),
                Ok(Some(Event::Refused(_, reply))) => {
                    Err(Error::pop3_refused(mailbearer_pop3::Stage::Stat, reply))
                }
                Ok(Some(_)) => Ok(None),
                Ok(None) => Err(Error::pop3_closed()),
                Err(error) => Err(Error::pop3(error)),
            };
        }
        match counted {
            Ok(stat) => {
                let count = stat.map_or(0, |stat| stat.count);
                self.ok(subject, Check::Inbox, format!("{count} messages"));
                // No message was marked, so nothing depends on the goodbye.
                if session.quit().is_ok() {
                    while let Ok(Some(_)) = connection.next(&mut session).await {}
                }
            }
            Err(error) => self.failed(subject, Check::Inbox, error.with_greeting(&greeting), ""),
        }
    }
}

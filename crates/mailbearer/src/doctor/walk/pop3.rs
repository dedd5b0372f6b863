//! POP3: up to the count of messages; none is removed.

use mailbearer_net::{Runtime, Service};
use mailbearer_pop3::{Capability, Event, Session};
use mailbearer_wire::printable;

use super::{Walk, until};
use crate::{
    Error, Pop3, Server, Token,
    doctor::{Check, Subject},
    error::Protocol,
};

impl<R: Runtime> Walk<'_, R> {
    pub(super) async fn pop3(&mut self, server: &Server, token: Option<&Token>) {
        let subject = Subject::Pop3;
        let rest = [Check::Login, Check::Inbox];
        let options = Pop3::<R>::options(self.client.account(), server);
        let mut session = match Session::new(options) {
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
        let ready = until(&mut connection, &mut session, Event::Ready, Error::pop3, Error::pop3_closed).await;
        let greeting = session.greeting().to_owned();
        let ready = ready.map_err(|error| error.with_greeting(&greeting));
        if !self.greeted(subject, server.security, &greeting, ready) {
            return self.skipped(subject, &rest);
        }
        let names = session.capabilities().iter().map(|one| match one {
            Capability::Sasl(names) => format!("SASL {names}"),
            other => format!("{other:?}"),
        });
        let names = names.collect::<Vec<_>>().join(", ");
        self.ok(subject, Check::Capabilities, printable(&names).into_owned());
        let Some((credentials, doubt)) = self.credentials(subject, Protocol::POP3, token) else {
            return self.skipped(subject, &rest);
        };
        self.begin();
        let mut entered = session.authenticate(credentials).map_err(Error::from);
        if entered.is_ok() {
            entered =
                until(&mut connection, &mut session, Event::Authenticated, Error::pop3, Error::pop3_closed)
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
                // Nothing depends on the goodbye: no message was marked.
                if session.quit().is_ok() {
                    while let Ok(Some(_)) = connection.next(&mut session).await {}
                }
            }
            Err(error) => self.failed(subject, Check::Inbox, error.with_greeting(&greeting), ""),
        }
    }
}

//! IMAP up to the inbox, and submission up to a recipient.

use mailbearer_imap::session as imap;
use mailbearer_mime::Address;
use mailbearer_net::{Connection, DriveError, Runtime, Security, Service};
use mailbearer_smtp as smtp;
use mailbearer_wire::printable;

use super::{Walk, until};
use crate::{
    Error, Imap, Server, Smtp, Token, Vendor,
    doctor::{Check, Subject, certificate, probe::Rehearsal, shown::shown_capabilities},
    error::{Kind, Protocol},
};

impl<R: Runtime> Walk<'_, R> {
    pub(super) async fn imap(&mut self, server: &Server, token: Option<&Token>) {
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

    pub(super) async fn smtp(&mut self, server: &Server, token: Option<&Token>) {
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
}

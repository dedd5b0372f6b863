//! IMAP up to the inbox, and submission up to a recipient.

use mailbearer_imap::session as imap;
use mailbearer_mime::Address;
use mailbearer_net::{Connection, DriveError, Runtime};
use mailbearer_smtp as smtp;

use super::Walk;
use crate::{
    Error, Imap, Server, Smtp, Token,
    doctor::{Check, Subject, probe::Rehearsal},
};

impl<R: Runtime> Walk<'_, R> {
    pub(super) async fn imap(&mut self, server: &Server, token: Option<&Token>) {
        let subject = Subject::Imap;
        let options = Imap::<R>::options(self.client.account(), server);
        let mut plan = self.client.shared().options();
        plan.recv_limit = options.limits.buffer();
        let mut session = imap::Session::new(options);
        let entered = self.enter(&mut session, server, token, plan, &[Check::Inbox]).await;
        let Some(connection) = entered else { return };
        let greeting = session.greeting().to_owned();
        self.begin();
        match Imap::look_into(connection, session).await {
            Ok(opened) => self.ok(subject, Check::Inbox, format!("{} messages", opened.exists)),
            Err(error) => self.failed(subject, Check::Inbox, error.with_greeting(&greeting), ""),
        }
    }

    pub(super) async fn smtp(&mut self, server: &Server, token: Option<&Token>) {
        let options = Smtp::<R>::options(self.client.account(), server);
        let mut session = match smtp::Session::new(options) {
            Ok(session) => session,
            Err(misuse) => return self.failed(Subject::Smtp, Check::Greeting, misuse.into(), ""),
        };
        let plan = self.client.shared().options();
        let rest = [Check::Sender, Check::Recipient, Check::Reset];
        if let Some(connection) = self.enter(&mut session, server, token, plan, &rest).await {
            let greeting = session.greeting().to_owned();
            self.rehearse(connection, &greeting).await;
        }
    }

    /// Carries out the dialogue of a message from the user to himself, up to where its text would begin.
    async fn rehearse(&mut self, mut connection: Connection<R>, greeting: &str) {
        let subject = Subject::Smtp;
        let user = &self.client.account().user;
        let steps = [Check::Sender, Check::Recipient, Check::Reset];
        if Address::parse(user).is_err() || !user.is_ascii() {
            return self.left_out(subject, &steps, "not tried: the user's name is no address in ASCII");
        }
        let mut rehearsal = Rehearsal::new(user.clone());
        self.begin();
        let mut done = 0_usize;
        loop {
            match connection.next(&mut rehearsal).await {
                Ok(Some((smtp::Stage::Quit, _)) | None) => {
                    return self.skipped(subject, steps.get(done..).unwrap_or_default());
                }
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
                    // Nothing depends on the goodbye.
                    let Some(check) = steps.get(done).copied() else { return };
                    self.failed(subject, check, Error::smtp(error).with_greeting(greeting), "");
                    let rest = steps.get(done.saturating_add(1)..);
                    return self.skipped(subject, rest.unwrap_or_default());
                }
            }
        }
    }
}

//! The walk itself: the steps in the order in which a login takes them.

mod enter;
mod mail;
#[cfg(feature = "pop3")]
mod pop3;
mod reach;
mod token;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mailbearer_net::{Runtime, Seen, Tls};
use mailbearer_wire::printable;

use super::{Check, Facts, Outcome, Report, Step, Subject, certificate, shown::settings};
use crate::{
    Client, Error, Login,
    error::{Kind, Protocol},
};

impl<R: Runtime> Client<R> {
    /// Does what a login does, one step at a time, and reports each step when it is done: what fails, and what else
    /// fails if the walk can go on.
    ///
    /// It requests a token as any login does, so with a store it uses a kept one. It sends no message and changes
    /// nothing in the mailbox. It never fails: what is wrong is in the [`Report`].
    ///
    /// It includes the POP3 server if the account has no IMAP server, because presets name one that few people want.
    /// [`examine_all`](Self::examine_all) always includes it.
    pub fn examine<'a>(&'a self, on_step: impl FnMut(&Step) + Send + 'a) -> R::Task<'a, Report> {
        self.walk(self.account().imap.is_none(), Box::new(on_step))
    }

    /// Does the same as [`examine`](Self::examine), and always includes the POP3 server of the account.
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
        self.ok(Subject::Account, Check::Configuration, settings(account, self.with_pop3));
        self.clock();
        let token = match &account.login {
            Login::OAuth(oauth) => self.token(oauth).await,
            Login::Source(_) => self.request("the program's own source of tokens".to_owned()).await,
            Login::Password(_) | Login::Nothing => None,
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

    /// Whether the account logs in with tokens rather than a password.
    pub(super) fn has_tokens(&self) -> bool {
        !matches!(self.client.account().login, Login::Password(_))
    }

    /// Starts the clock of the next step.
    pub(super) fn begin(&mut self) {
        self.began = R::now();
    }

    pub(super) fn ok(&mut self, subject: Subject, check: Check, detail: String) {
        self.tell(subject, check, Outcome::Ok, detail, None);
    }

    /// Reports a failed step. `more` is what was seen besides the error.
    pub(super) fn failed(&mut self, subject: Subject, check: Check, error: Error, more: &str) {
        let detail = if more.is_empty() { error.to_string() } else { format!("{error}; {more}") };
        self.tell(subject, check, Outcome::Failed, detail, Some(error));
    }

    pub(super) fn skipped(&mut self, subject: Subject, checks: &[Check]) {
        self.left_out(subject, checks, "not tried, for what failed before");
    }

    pub(super) fn left_out(&mut self, subject: Subject, checks: &[Check], why: &str) {
        for check in checks {
            self.begin();
            self.tell(subject, *check, Outcome::Skipped, why.to_owned(), None);
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
        // The token and the server decide what is in it, and it must not steer a terminal.
        let detail = printable(&detail).into_owned();
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

/// The clock can't be earlier than this program: 2026-01-01.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);

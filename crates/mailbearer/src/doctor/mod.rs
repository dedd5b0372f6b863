//! Walks an account from its settings to its inbox, and says what is wrong and who can mend it.
//!
//! [`Client::examine`](crate::Client::examine) does what a login does, one step at a time, and goes on after a failure
//! wherever it can. Each [`Step`] says what was found and how long it took. The [`Report`] of all steps has the
//! [`Diagnosis`]: the entry of the [catalogue](crate::advice), and commands that mend the failure, with the account's
//! values filled in. The walk sends no message and changes nothing in the mailbox.
//!
//! ```no_run
//! # use mailbearer::{Account, advice::Language};
//! # fn main() -> Result<(), mailbearer::Error> {
//! let account = Account::microsoft365("robot@contoso.com", "contoso.com").client_credentials("id", "secret");
//! let report = account.blocking()?.examine(|step| println!("{:<18} {}", step.name(), step.detail()));
//! for diagnosis in report.diagnoses() {
//!     println!("{}: {}", diagnosis.id(), diagnosis.cause(Language::English));
//!     diagnosis.commands().iter().for_each(|command| println!("  {command}"));
//! }
//! # Ok(())
//! # }
//! ```

mod certificate;
mod diagnosis;
mod discovery;
mod page;
mod probe;
mod shown;
mod walk;

use std::time::Duration;

pub use diagnosis::{Diagnosis, Facts};
pub use page::page;

use crate::{Error, advice};

/// One step of the walk.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// What it is about.
    pub subject: Subject,
    /// What it did.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    detail: String,
    error: Option<Error>,
}

impl Step {
    /// Returns a name that never changes, such as `imap.tls`.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.subject, self.check) {
            (Subject::Account, check) => check.name().to_owned(),
            (subject, check) => format!("{}.{}", subject.name(), check.name()),
        }
    }

    /// Returns what was found, in one line that is fit for a terminal and without secrets.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns why it failed.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Returns whether it failed. A step that could not be tried did not fail.
    #[must_use]
    pub const fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed)
    }
}

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The account and this machine.
    Account,
    /// The token endpoint, and the token.
    Token,
    /// The IMAP server.
    Imap,
    /// The submission server.
    Smtp,
    /// The POP3 server.
    Pop3,
}

impl Subject {
    const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Token => "token",
            Self::Imap => "imap",
            Self::Smtp => "smtp",
            Self::Pop3 => "pop3",
        }
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// Checks the settings.
    Configuration,
    /// Checks this machine's clock.
    Clock,
    /// Looks up the server's name.
    LookUp,
    /// Finds the route: direct, or through a proxy.
    Route,
    /// Connects.
    Tcp,
    /// Establishes TLS and looks at the certificate.
    Tls,
    /// Compares the clouds of token endpoint, scope and servers.
    Cloud,
    /// Encodes the form and reads it back.
    Form,
    /// Requests a token.
    Request,
    /// Compares what the token says of itself with what the account needs.
    Claims,
    /// Waits for the server's first words.
    Greeting,
    /// Asks what the server can do.
    Capabilities,
    /// Authenticates.
    Login,
    /// Opens the inbox for reading, and lists its newest message.
    Inbox,
    /// Names the user as the sender of a message.
    Sender,
    /// Names the user as its recipient.
    Recipient,
    /// Drops the message before any of it was sent.
    Reset,
}

impl Check {
    const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Clock => "clock",
            Self::LookUp => "lookup",
            Self::Route => "route",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Cloud => "cloud",
            Self::Form => "form",
            Self::Request => "request",
            Self::Claims => "claims",
            Self::Greeting => "greeting",
            Self::Capabilities => "capabilities",
            Self::Login => "login",
            Self::Inbox => "inbox",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Reset => "reset",
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a step ends in no fourth way")]
pub enum Outcome {
    /// It is as it should be.
    Ok,
    /// It is not.
    Failed,
    /// It could not be tried, because something before it failed.
    Skipped,
}

/// All steps, and what they show.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which they were done.
    pub steps: Vec<Step>,
    /// What is known of the account, to be filled in into commands.
    pub facts: Facts,
}

impl Report {
    /// Returns whether nothing failed.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.steps.iter().any(Step::failed)
    }

    /// Returns what is wrong. Start with the first. Failures that have the same cause are listed once.
    #[must_use]
    pub fn diagnoses(&self) -> Vec<Diagnosis<'_>> {
        let mut found: Vec<Diagnosis<'_>> = Vec::new();
        for step in self.steps.iter().filter(|step| step.failed()) {
            let diagnosis = Diagnosis::of(step, &self.facts);
            // A login that failed because of what the token says of itself is not another failure.
            let is_consequence = step.check == Check::Login
                && diagnosis.entry().is_none_or(advice::is_unexplained)
                && self.steps.iter().any(|known| {
                    known.failed() && known.check == Check::Claims && known.subject == step.subject
                });
            if is_consequence {
                continue;
            }
            if !found.iter().any(|known| known.id() == diagnosis.id()) {
                found.push(diagnosis);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;

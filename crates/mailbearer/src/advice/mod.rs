//! What failures mean, and who can mend them.
//!
//! [`of`] looks an [`Error`] up in a [catalogue](entries), by numbers and codes first, by the words of servers last.
//! Programs should decide by the [predicates](Error) and the [kind](Error::kind) of an error. The catalogue is for
//! people, in English or Chinese. A program that does not call it does not link it.
//!
//! ```
//! use mailbearer::advice::{self, Language};
//! # use mailbearer::Account;
//! # let account = Account::custom("robot@example.org", "https://example.org/token", "mail").client_credentials("id", "s");
//! # let client = account.blocking()?;
//!
//! if let Err(error) = client.connect_imap() {
//!     if let Some(advice) = advice::of(&error) {
//!         eprintln!("{}: {}", advice.cause(Language::English), advice.fix(Language::English));
//!     }
//! }
//! # Ok::<(), mailbearer::Error>(())
//! ```

mod catalogue;
#[cfg(feature = "doctor")]
pub(crate) mod commands;
mod sign;

use self::sign::{Shown, Sign};
use crate::{
    Error, Vendor,
    error::{Kind, Protocol, Stage},
};

/// Returns what is known of a failure. `None` for one that is not in the catalogue.
#[must_use]
pub fn of(error: &Error) -> Option<&'static Entry> {
    if error.outcome_unknown() {
        return by_id(if error.protocol() == Some(Protocol::SMTP) {
            "outcome-unknown"
        } else {
            "change-unknown"
        });
    }
    let evidence = error.evidence();
    let place = match error.protocol() {
        Some(Protocol::TOKEN) => Place::Token,
        Some(Protocol::IMAP) => Place::Imap,
        Some(Protocol::SMTP) => Place::Smtp,
        Some(Protocol::POP3) => Place::Pop3,
        _ => Place::Net,
    };
    let shown = Shown { evidence: &evidence, place, kind: error.kind(), vendor: error.vendor() };
    let found = find(&shown);
    // If the server gave no reason, what the token says of itself is one.
    match error.doubt() {
        Some(PASSWORD) if found.is_some_and(|entry| OF_TOKENS.contains(&entry.id)) => by_id(PASSWORD),
        Some(doubt) if found.is_some_and(is_unexplained) => by_id(doubt),
        _ => found,
    }
}

/// Whether the entry is one for servers that give no reason.
pub(crate) fn is_unexplained(entry: &Entry) -> bool {
    UNEXPLAINED.contains(&entry.id)
}

/// The entry for an account with a password, where a server does not let its user in.
pub(crate) const PASSWORD: &str = "password-refused";

/// Entries for what a server says of a token that it does not accept, or that it takes none. Where a password was offered,
/// that is what it did not accept.
const OF_TOKENS: &[&str] = &[
    "qq-no-mechanism",
    "netease-no-mechanism",
    "icloud-no-mechanism",
    "pop-no-mechanism",
    "imap-no-mechanism",
    "qq-smtp-no-mechanism",
    "netease-smtp-no-mechanism",
    "icloud-smtp-no-mechanism",
    "smtp-no-mechanism",
    "gmail-auth",
    "yahoo-auth",
    "zoho-auth",
    "yandex-auth",
    "dovecot-auth",
    "pop-credentials",
    "pop-auth",
    "authenticate-failed",
    "imap-auth",
    "gmail-smtp-auth",
    "gmail-smtp-auth-other",
    "yahoo-smtp-auth",
    "zoho-smtp-auth",
    "yandex-smtp-auth",
    "dovecot-smtp-auth",
    "postfix-auth",
    "smtp-auth-exchange",
    "smtp-auth",
];

/// Entries for what a server says of any token that it does not accept.
const UNEXPLAINED: &[&str] =
    &["authenticate-failed", "imap-auth", "smtp-auth", "smtp-auth-exchange", "pop-auth"];

/// Returns the entry of that name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.id == id)
}

fn find(shown: &Shown<'_>) -> Option<&'static Entry> {
    entries().find(|entry| entry.fits(shown))
}

/// Returns all entries, in the order in which they are looked up.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    catalogue::ENTRIES.into_iter().flatten()
}

/// An entry of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    place: Place,
    id: &'static str,
    seen: &'static [&'static str],
    who: &'static [Who],
    source: &'static str,
    cause: [&'static str; 2],
    fix: [&'static str; 2],
    kind: Option<Kind>,
    stage: Option<Stage>,
    vendor: Option<Vendor>,
}

impl Entry {
    /// Returns a name that never changes, such as `smtp-disabled-for-tenant`.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the signs of the failure; any one of them is enough. Numbers and codes come first, then the words of
    /// servers that never change.
    #[must_use]
    pub const fn seen(&self) -> &'static [&'static str] {
        self.seen
    }

    /// Returns what is wrong.
    #[must_use]
    pub const fn cause(&self, language: Language) -> &'static str {
        let [english, chinese] = self.cause;
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// Returns what to do about it. `MAILBOX`, `TENANT`, `CLIENT-ID`, `OBJECT-ID` and `HOST` stand for the
    /// account's values.
    #[must_use]
    pub const fn fix(&self, language: Language) -> &'static str {
        let [english, chinese] = self.fix;
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }

    /// Returns who can do it.
    #[must_use]
    pub const fn who(&self) -> &'static [Who] {
        self.who
    }

    /// Returns where this is known from.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// Returns where the failure is seen.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Returns the kind of failure, if the entry is about one kind only.
    #[must_use]
    pub const fn kind_wanted(&self) -> Option<Kind> {
        self.kind
    }

    /// Returns the stage of the conversation, if the entry is about one stage only.
    #[must_use]
    pub const fn stage_wanted(&self) -> Option<Stage> {
        self.stage
    }

    /// Returns whose servers fail in this way, if the entry is about one vendor only.
    #[must_use]
    pub const fn vendor_wanted(&self) -> Option<Vendor> {
        self.vendor
    }

    const fn kind(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    const fn stage(self, stage: Stage) -> Self {
        Self { stage: Some(stage), ..self }
    }

    const fn vendor(self, vendor: Vendor) -> Self {
        Self { vendor: Some(vendor), ..self }
    }

    fn fits(&self, shown: &Shown<'_>) -> bool {
        // A mailbox's server uses the same words in IMAP and POP3.
        let is_here = match self.place {
            Place::Net => true,
            Place::Imap => matches!(shown.place, Place::Imap | Place::Pop3),
            place => place == shown.place,
        };
        is_here
            && self.kind.is_none_or(|kind| kind == shown.kind)
            && self.stage.is_none_or(|stage| stage == shown.evidence.stage)
            && self.vendor.is_none_or(|vendor| Some(vendor) == shown.vendor)
            && (self.seen.is_empty() || self.seen.iter().any(|seen| Sign::parse(seen).fits(shown.evidence)))
    }
}

/// Where a failure is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In settings, connections and TLS, with any protocol.
    Net,
    /// At the token endpoint.
    Token,
    /// In IMAP.
    Imap,
    /// In submission.
    Smtp,
    /// In POP3.
    Pop3,
}

/// Who can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Who {
    /// Whoever runs or writes the program.
    Operator,
    /// The owner of the mailbox.
    User,
    /// The administrator of the tenant, or of the organisation.
    TenantAdmin,
    /// The administrator of Exchange.
    ExchangeAdmin,
    /// The provider, such as Microsoft.
    Provider,
    /// Nobody: it passes.
    Nobody,
}

impl Who {
    /// Returns the words for it.
    #[must_use]
    pub const fn name(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Operator, Language::English) => "you",
            (Self::User, Language::English) => "the user",
            (Self::TenantAdmin, Language::English) => "an administrator of the organisation",
            (Self::ExchangeAdmin, Language::English) => "an Exchange administrator",
            (Self::Provider, Language::English) => "the provider",
            (Self::Nobody, Language::English) => "nobody: wait",
            (Self::Operator, Language::Chinese) => "您",
            (Self::User, Language::Chinese) => "用户",
            (Self::TenantAdmin, Language::Chinese) => "组织管理员",
            (Self::ExchangeAdmin, Language::Chinese) => "Exchange 管理员",
            (Self::Provider, Language::Chinese) => "提供商",
            (Self::Nobody, Language::Chinese) => "无需操作：请等待",
        }
    }
}

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// Returns the language of a locale's name or a language tag, such as `zh_CN.UTF-8` or `en`. English for all
    /// others.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        let name = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("zh") { Self::Chinese } else { Self::English }
    }
}

#[cfg(test)]
mod lines;
#[cfg(test)]
mod tests;

use std::{fmt::Write, process::ExitCode};

use mailbearer::{Kind, StoreError, Trouble, error::Missing};

/// Exit codes: those of sysexits.h, and one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    Usage,
    Data,
    NoInput,
    SomeRefused,
    NoHost,
    Unavailable,
    Internal,
    CantCreate,
    Io,
    Transient,
    Protocol,
    NoPermission,
    Config,
    OutcomeUnknown,
    Interrupted,
}

impl Exit {
    const ALL: [Self; 16] = [
        Self::Success,
        Self::Usage,
        Self::Data,
        Self::NoInput,
        Self::SomeRefused,
        Self::NoHost,
        Self::Unavailable,
        Self::Internal,
        Self::CantCreate,
        Self::Io,
        Self::Transient,
        Self::Protocol,
        Self::NoPermission,
        Self::Config,
        Self::OutcomeUnknown,
        Self::Interrupted,
    ];

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Usage => 64,
            Self::Data => 65,
            Self::NoInput => 66,
            // EX_NOUSER: the server does not know the addressee.
            Self::SomeRefused => 67,
            Self::NoHost => 68,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::CantCreate => 73,
            Self::Io => 74,
            Self::Transient => 75,
            Self::Protocol => 76,
            Self::NoPermission => 77,
            Self::Config => 78,
            // The first number that sysexits.h leaves free.
            Self::OutcomeUnknown => 79,
            // What a shell reports for a program that SIGINT ended.
            Self::Interrupted => 130,
        }
    }

    /// A word for the failure, where the error itself has none.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Usage => "usage",
            Self::Data => "data",
            Self::NoInput => "no-input",
            Self::SomeRefused => "some-refused",
            Self::NoHost => "no-host",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::CantCreate => "cant-create",
            Self::Io => "io",
            Self::Transient => "transient",
            Self::Protocol => "protocol",
            Self::NoPermission => "no-permission",
            Self::Config => "config",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::Interrupted => "interrupted",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done; also when the reader of standard output went away",
            Self::Usage => "the command line is wrong",
            Self::Data => {
                "the message is no good; or a file that the program keeps is damaged: queue, tokens, state, lock"
            }
            Self::NoInput => "an input file, a folder or a message is not there",
            Self::SomeRefused => "the message went out, but not to every recipient",
            Self::NoHost => "a server's name has no address",
            Self::Unavailable => "a server can't be reached, or refused what was asked",
            Self::Internal => "a fault in this program",
            Self::CantCreate => "the output file can't be created",
            Self::Io => "reading or writing failed, as on a full disk",
            Self::Transient => "not now: time ran out or a server asks to try again later",
            Self::Protocol => "a server does not speak the protocol, or its certificate is not trusted",
            Self::NoPermission => "not authenticated: a server did not take the token or the application",
            Self::Config => "the configuration is missing or wrong",
            Self::OutcomeUnknown => {
                "a message was given to the server and its answer never came: doing it again may make two of it"
            }
            Self::Interrupted => "stopped by Ctrl-C or a signal",
        }
    }

    /// All codes with their meanings, for the help text.
    pub(crate) fn table() -> String {
        let mut text = String::from("Exit codes:");
        for exit in Self::ALL {
            // Writing to a String does not fail.
            let _ = write!(text, "\n  {:>3}  {}", exit.code(), exit.meaning());
        }
        text
    }
}

impl From<&mailbearer::Error> for Exit {
    fn from(error: &mailbearer::Error) -> Self {
        if error.outcome_unknown() {
            return Self::OutcomeUnknown;
        }
        let trouble = error.cause().map(StoreError::trouble);
        match error.kind() {
            // Who may read it is a matter of the configuration.
            _ if matches!(trouble, Some(Trouble::Malformed(_) | Trouble::Kind)) => Self::Data,
            Kind::Missing(Missing::Login) => Self::NoPermission,
            Kind::Settings | Kind::Missing(_) => Self::Config,
            Kind::Message => Self::Data,
            Kind::Argument => Self::Usage,
            Kind::Input => Self::Io,
            Kind::Misuse | Kind::Unfinished => Self::Internal,
            Kind::Store => Self::Io,
            Kind::NoAddress => Self::NoHost,
            Kind::NoFolder | Kind::NotFound | Kind::NoData => Self::NoInput,
            Kind::Cancelled => Self::Interrupted,
            Kind::Auth => Self::NoPermission,
            Kind::Unreachable
            | Kind::Refused
            | Kind::ReadOnly
            | Kind::Unsupported
            | Kind::Charset
            | Kind::TooLarge { .. }
            | Kind::TooMany { .. } => Self::Unavailable,
            Kind::Timeout | Kind::Broken | Kind::Closed | Kind::Busy | Kind::Backoff => Self::Transient,
            // Certificate, Tls, Protocol, and kinds that the library adds later.
            _ => Self::Protocol,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_in_order() {
        assert!(Exit::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        assert!(Exit::table().contains("\n   78  the configuration"));
    }
}

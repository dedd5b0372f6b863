use alloc::{boxed::Box, format, string::String};

use mailbearer_sasl::Credentials;

use crate::{Stage, Ticket};

/// A command, from the moment that it is asked for to its answer.
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) ask: Ask,
    pub(super) by: By,
}

/// Who hears of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Caller,
    /// The caller gave it up.
    Nobody,
    /// The session itself.
    Session,
}

/// What is asked for.
pub(super) enum Ask {
    Authenticate(Box<Credentials>),
    Utf8,
    Languages,
    Language(String),
    Stat,
    List(Option<u32>),
    Uidl(Option<u32>),
    Retrieve(u32),
    Top(u32, u32),
    Delete(u32),
    Reset,
    Noop,
    Quit,
}

impl Ask {
    /// The command's line.
    pub(super) fn line(&self) -> String {
        match self {
            // It has lines of its own.
            Self::Authenticate(_) => String::new(),
            Self::Utf8 => "UTF8\r\n".into(),
            Self::Languages => "LANG\r\n".into(),
            Self::Language(tag) => format!("LANG {tag}\r\n"),
            Self::Stat => "STAT\r\n".into(),
            Self::List(None) => "LIST\r\n".into(),
            Self::List(Some(number)) => format!("LIST {number}\r\n"),
            Self::Uidl(None) => "UIDL\r\n".into(),
            Self::Uidl(Some(number)) => format!("UIDL {number}\r\n"),
            Self::Retrieve(number) => format!("RETR {number}\r\n"),
            Self::Top(number, lines) => format!("TOP {number} {lines}\r\n"),
            Self::Delete(number) => format!("DELE {number}\r\n"),
            Self::Reset => "RSET\r\n".into(),
            Self::Noop => "NOOP\r\n".into(),
            Self::Quit => "QUIT\r\n".into(),
        }
    }

    pub(super) const fn stage(&self) -> Stage {
        match self {
            Self::Authenticate(_) => Stage::Auth,
            Self::Utf8 => Stage::Utf8,
            Self::Languages | Self::Language(_) => Stage::Language,
            Self::Stat => Stage::Stat,
            Self::List(_) => Stage::List,
            Self::Uidl(_) => Stage::Uidl,
            Self::Retrieve(_) => Stage::Retrieve,
            Self::Top(..) => Stage::Top,
            Self::Delete(_) => Stage::Delete,
            Self::Reset => Stage::Reset,
            Self::Noop => Stage::Noop,
            Self::Quit => Stage::Quit,
        }
    }

    pub(super) const fn is_quit(&self) -> bool {
        matches!(self, Self::Quit)
    }
}

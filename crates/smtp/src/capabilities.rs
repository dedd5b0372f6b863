use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use mailbearer_wire::printable;

use crate::{Quirks, Reply};

/// What a server offers, by its reply to EHLO (RFC 5321 section 4.1.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    all: Vec<Capability>,
}

/// One extension that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// `STARTTLS`, RFC 3207.
    StartTls,
    /// `AUTH` with the names of its SASL mechanisms in capitals, RFC 4954.
    Auth(Vec<String>),
    /// `PIPELINING`, RFC 2920.
    Pipelining,
    /// `SIZE` with the largest message in octets, if there is a fixed one, RFC 1870.
    Size(Option<u64>),
    /// `8BITMIME`, RFC 6152.
    EightBitMime,
    /// `SMTPUTF8`, RFC 6531.
    SmtpUtf8,
    /// `ENHANCEDSTATUSCODES`, RFC 2034.
    EnhancedStatusCodes,
    /// `CHUNKING`, RFC 3030.
    Chunking,
    /// `BINARYMIME`, RFC 3030.
    BinaryMime,
    /// `DSN`, RFC 3461.
    Dsn,
    /// Any other, as the server wrote it; show it only escaped.
    Other(String),
}

impl Capabilities {
    /// Reads a positive reply to EHLO. The first line is the server's name and is passed over, and so are
    /// parameters that make no sense.
    #[must_use]
    pub fn of_reply(reply: &Reply, quirks: Quirks) -> Self {
        Self { all: reply.lines.iter().skip(1).map(|line| Capability::parse(line, quirks)).collect() }
    }

    /// All of them, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.all.iter()
    }

    /// Whether one without parameters is offered.
    #[must_use]
    pub fn has(&self, capability: &Capability) -> bool {
        self.all.contains(capability)
    }

    /// The SASL mechanisms offered.
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        let names = self.all.iter().filter_map(|capability| match capability {
            Capability::Auth(mechanisms) => Some(mechanisms),
            _ => None,
        });
        names.flatten().map(String::as_str)
    }

    /// Whether the size of a message can be declared, and the largest that is taken, in octets.
    #[must_use]
    pub fn size(&self) -> Option<Option<u64>> {
        self.all.iter().find_map(|capability| match capability {
            Capability::Size(limit) => Some(*limit),
            _ => None,
        })
    }
}

impl Capability {
    /// `ehlo-line = ehlo-keyword *( SP ehlo-param )` (RFC 5321 section 4.1.1.1)
    fn parse(line: &str, quirks: Quirks) -> Self {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        let upper = |words: &mut dyn Iterator<Item = &str>| words.map(str::to_ascii_uppercase).collect();
        match (keyword.as_str(), keyword.strip_prefix("AUTH=")) {
            ("STARTTLS", _) => Self::StartTls,
            ("AUTH", _) => Self::Auth(upper(&mut words)),
            (_, Some(first)) if quirks.exchange_2003_auth_equals => {
                let first = Some(first).filter(|first| !first.is_empty());
                Self::Auth(upper(&mut first.into_iter().chain(words)))
            }
            ("PIPELINING", _) => Self::Pipelining,
            // RFC 1870 section 3: zero says that there is no fixed limit.
            ("SIZE", _) => {
                Self::Size(words.next().and_then(|digits| digits.parse().ok()).filter(|&size| size > 0))
            }
            ("8BITMIME", _) => Self::EightBitMime,
            ("SMTPUTF8", _) => Self::SmtpUtf8,
            ("ENHANCEDSTATUSCODES", _) => Self::EnhancedStatusCodes,
            ("CHUNKING", _) => Self::Chunking,
            ("BINARYMIME", _) => Self::BinaryMime,
            ("DSN", _) => Self::Dsn,
            _ => Self::Other(line.to_owned()),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartTls => f.write_str("STARTTLS"),
            Self::Auth(mechanisms) => {
                f.write_str("AUTH")?;
                mechanisms.iter().try_for_each(|name| write!(f, " {}", printable(name)))
            }
            Self::Pipelining => f.write_str("PIPELINING"),
            Self::Size(None) => f.write_str("SIZE"),
            Self::Size(Some(limit)) => write!(f, "SIZE {limit}"),
            Self::EightBitMime => f.write_str("8BITMIME"),
            Self::SmtpUtf8 => f.write_str("SMTPUTF8"),
            Self::EnhancedStatusCodes => f.write_str("ENHANCEDSTATUSCODES"),
            Self::Chunking => f.write_str("CHUNKING"),
            Self::BinaryMime => f.write_str("BINARYMIME"),
            Self::Dsn => f.write_str("DSN"),
            Self::Other(line) => f.write_str(&printable(line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use super::*;

    fn of(lines: &[&str], quirks: Quirks) -> Capabilities {
        let lines = lines.iter().map(ToString::to_string).collect();
        Capabilities::of_reply(&Reply { code: 250, enhanced: None, lines }, quirks)
    }

    #[test]
    fn reads_each_line_in_any_case() {
        let rows: &[(&str, Capability)] = &[
            ("STARTTLS", Capability::StartTls),
            ("starttls", Capability::StartTls),
            ("AUTH LOGIN xoauth2", Capability::Auth(vec!["LOGIN".into(), "XOAUTH2".into()])),
            ("AUTH", Capability::Auth(vec![])),
            ("AUTH=LOGIN PLAIN", Capability::Auth(vec!["LOGIN".into(), "PLAIN".into()])),
            ("PIPELINING", Capability::Pipelining),
            ("SIZE 157286400", Capability::Size(Some(157_286_400))),
            ("SIZE 0", Capability::Size(None)),
            ("SIZE", Capability::Size(None)),
            ("SIZE -1", Capability::Size(None)),
            ("SIZE 18446744073709551615", Capability::Size(Some(u64::MAX))),
            ("SIZE 18446744073709551616", Capability::Size(None)),
            ("8bitmime", Capability::EightBitMime),
            ("SMTPUTF8", Capability::SmtpUtf8),
            ("ENHANCEDSTATUSCODES", Capability::EnhancedStatusCodes),
            ("CHUNKING", Capability::Chunking),
            ("BINARYMIME", Capability::BinaryMime),
            ("DSN", Capability::Dsn),
            ("XCLIENT name addr", Capability::Other("XCLIENT name addr".into())),
            ("", Capability::Other(String::new())),
        ];
        for (line, want) in rows {
            let capabilities = of(&["mx.test", line], Quirks::default());
            assert_eq!(capabilities.iter().collect::<Vec<_>>(), [want], "{line}");
            let shown = want.to_string();
            assert_eq!(of(&["x", &shown], Quirks::default()), capabilities, "{line} as {shown}");
        }
    }

    #[test]
    fn the_name_is_no_capability() {
        assert_eq!(of(&["STARTTLS"], Quirks::default()), Capabilities::default());
    }

    #[test]
    fn the_equals_sign_of_exchange_2003_can_be_refused() {
        let mut quirks = Quirks::default();
        let lines = ["x", "AUTH PLAIN", "AUTH=LOGIN"];
        assert_eq!(of(&lines, quirks).mechanisms().collect::<Vec<_>>(), ["PLAIN", "LOGIN"]);
        quirks.exchange_2003_auth_equals = false;
        assert_eq!(of(&lines, quirks).mechanisms().collect::<Vec<_>>(), ["PLAIN"]);
    }
}

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use mailbearer_wire::printable;

/// What a server offers, according to its answer to CAPA (RFC 2449).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `None` if the server does not know CAPA.
    lines: Option<Vec<String>>,
}

/// One capability of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability<'a> {
    /// `STLS`, RFC 2595.
    Stls,
    /// `SASL` with the names of its mechanisms, separated by spaces, RFC 5034.
    Sasl(&'a str),
    /// `USER`: USER and PASS, RFC 2449.
    User,
    /// `TOP`, RFC 2449.
    Top,
    /// `UIDL`, RFC 2449.
    Uidl,
    /// `PIPELINING`, RFC 2449.
    Pipelining,
    /// `RESP-CODES`, RFC 2449.
    RespCodes,
    /// `AUTH-RESP-CODE`, RFC 3206.
    AuthRespCode,
    /// `LOGIN-DELAY` with the seconds between two logins, RFC 2449.
    LoginDelay(Option<u64>),
    /// `EXPIRE` with the days for which the server keeps messages, RFC 2449. `None` for `NEVER`. With 0 the server may
    /// remove a message as soon as it was fetched.
    Expire(Option<u64>),
    /// `UTF8`, and whether user names and passwords may be UTF-8 too, RFC 6856.
    Utf8 {
        /// The argument `USER`.
        user: bool,
    },
    /// `LANG`, RFC 6856.
    Lang,
    /// `IMPLEMENTATION` with a name. Escape it before you show it.
    Implementation(&'a str),
    /// Any other, as the server wrote it. Escape it before you show it.
    Other(&'a str),
}

impl Capabilities {
    pub(crate) const fn of_lines(lines: Vec<String>) -> Self {
        Self { lines: Some(lines) }
    }

    /// Returns whether the server listed them. A server that does not know CAPA may still offer something.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.lines.is_some()
    }

    /// Iterates over all of them, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = Capability<'_>> {
        self.lines.iter().flatten().map(|line| Capability::parse(line))
    }

    /// Returns whether the server offers this one, with these parameters if it has any.
    #[must_use]
    pub fn has(&self, capability: Capability<'_>) -> bool {
        self.iter().any(|offered| offered == capability)
    }

    /// Iterates over the SASL mechanisms that the server offers, as it writes them.
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(|capability| match capability {
            Capability::Sasl(names) => names.split_ascii_whitespace(),
            _ => "".split_ascii_whitespace(),
        })
    }
}

impl<'a> Capability<'a> {
    fn parse(line: &'a str) -> Self {
        let (name, arguments) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let arguments = arguments.trim();
        let number = || arguments.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
        match name.to_ascii_uppercase().as_str() {
            "STLS" => Self::Stls,
            "SASL" => Self::Sasl(arguments),
            "USER" => Self::User,
            "TOP" => Self::Top,
            "UIDL" => Self::Uidl,
            "PIPELINING" => Self::Pipelining,
            "RESP-CODES" => Self::RespCodes,
            "AUTH-RESP-CODE" => Self::AuthRespCode,
            "LOGIN-DELAY" => Self::LoginDelay(number()),
            "EXPIRE" => Self::Expire(number()),
            "UTF8" => Self::Utf8 {
                user: arguments.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("USER")),
            },
            "LANG" => Self::Lang,
            "IMPLEMENTATION" => Self::Implementation(arguments),
            _ => Self::Other(line),
        }
    }
}

impl fmt::Display for Capability<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stls => "STLS",
            Self::Sasl("") => "SASL",
            Self::Sasl(mechanisms) => return write!(f, "SASL {}", printable(mechanisms)),
            Self::User => "USER",
            Self::Top => "TOP",
            Self::Uidl => "UIDL",
            Self::Pipelining => "PIPELINING",
            Self::RespCodes => "RESP-CODES",
            Self::AuthRespCode => "AUTH-RESP-CODE",
            Self::LoginDelay(None) => "LOGIN-DELAY",
            Self::LoginDelay(Some(seconds)) => return write!(f, "LOGIN-DELAY {seconds}"),
            Self::Expire(None) => "EXPIRE NEVER",
            Self::Expire(Some(days)) => return write!(f, "EXPIRE {days}"),
            Self::Utf8 { user: false } => "UTF8",
            Self::Utf8 { user: true } => "UTF8 USER",
            Self::Lang => "LANG",
            Self::Implementation(name) => return write!(f, "IMPLEMENTATION {}", printable(name)),
            Self::Other(line) => return f.write_str(&printable(line)),
        })
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|capability| capability.to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_line_in_any_case() {
        let rows: &[(&str, Capability<'_>)] = &[
            ("STLS", Capability::Stls),
            ("stls", Capability::Stls),
            ("SASL PLAIN xoauth2", Capability::Sasl("PLAIN xoauth2")),
            ("SASL", Capability::Sasl("")),
            ("USER", Capability::User),
            ("TOP", Capability::Top),
            ("uidl", Capability::Uidl),
            ("PIPELINING", Capability::Pipelining),
            ("RESP-CODES", Capability::RespCodes),
            ("AUTH-RESP-CODE", Capability::AuthRespCode),
            ("LOGIN-DELAY 900", Capability::LoginDelay(Some(900))),
            ("LOGIN-DELAY 0 USER", Capability::LoginDelay(Some(0))),
            ("LOGIN-DELAY", Capability::LoginDelay(None)),
            ("EXPIRE 0", Capability::Expire(Some(0))),
            ("EXPIRE NEVER", Capability::Expire(None)),
            ("UTF8", Capability::Utf8 { user: false }),
            ("UTF8 USER", Capability::Utf8 { user: true }),
            ("LANG", Capability::Lang),
            ("IMPLEMENTATION Dovecot", Capability::Implementation("Dovecot")),
            ("STLSX", Capability::Other("STLSX")),
            ("X-A b", Capability::Other("X-A b")),
        ];
        for (line, want) in rows {
            let all = Capabilities::of_lines(Vec::from([(*line).into()]));
            assert_eq!(all.iter().collect::<Vec<_>>(), [*want], "{line}");
            let shown = want.to_string();
            assert_eq!(Capability::parse(&shown), *want, "{line} as {shown}");
        }
        assert!(!Capabilities::default().is_known());
    }
}

use alloc::string::String;
use core::{fmt, iter};

use mailbearer_wire::{find_octet, printable};

use crate::{Quirks, Reply};

/// What a server offers, by its reply to EHLO (RFC 5321 section 4.1.1.1).
///
/// This keeps the reply's text, and parses once what a session needs of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The lines of the reply, the server's name first.
    raw: String,
    quirks: Quirks,
    /// One bit for each extension in the reply, by [`Capability::bit`].
    known: u32,
    /// From the mechanisms of the first `AUTH` in `raw` to the end of the last; most servers have one.
    auth: (usize, usize),
    size: Option<u64>,
    deliver_by: Option<u64>,
    limits: ServerLimits,
}

/// One extension that a server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability<'a> {
    /// `STARTTLS`, RFC 3207.
    StartTls,
    /// `AUTH` with the names of its SASL mechanisms, separated by spaces, RFC 4954.
    Auth(&'a str),
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
    /// `REQUIRETLS`, RFC 8689.
    RequireTls,
    /// `DELIVERBY` with the shortest time that the server takes, in seconds, if it has one, RFC 2852.
    DeliverBy(Option<u64>),
    /// `LIMITS`, RFC 9422.
    Limits(ServerLimits),
    /// Any other, as the server wrote it. Escape it before showing it.
    Other(&'a str),
}

/// How much a server accepts in one session, by its `LIMITS` (RFC 9422). `None` means that it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// Messages in one session: `MAILMAX`.
    pub messages: Option<u64>,
    /// Recipients of one message: `RCPTMAX`.
    pub recipients: Option<u64>,
    /// Domains among the recipients of one session: `RCPTDOMAINMAX`.
    pub recipient_domains: Option<u64>,
}

impl Capabilities {
    /// Reads a positive reply to EHLO. Skips the first line, which is the server's name, and malformed parameters.
    #[must_use]
    pub fn of_reply(reply: Reply, quirks: Quirks) -> Self {
        let raw = reply.into_raw();
        let mut all = Self { quirks, ..Self::default() };
        let (mut size, mut deliver_by, mut limits, mut auth) = (None, None, None, None);
        let mut lines = Lines::behind_the_first(&raw);
        while let Some(line) = lines.next() {
            let capability = Capability::parse(line, quirks);
            all.known |= capability.bit();
            // Of two that differ the first counts, as for a client that stops at the first.
            match capability {
                Capability::Size(limit) => size = size.or(Some(limit)),
                Capability::DeliverBy(least) => deliver_by = deliver_by.or(Some(least)),
                Capability::Limits(found) => limits = limits.or(Some(found)),
                Capability::Auth(_) => {
                    let end = lines.at;
                    // Behind "AUTH" and the octet that ends it.
                    let start = end.saturating_sub(line.len().saturating_sub(5));
                    auth = Some(auth.map_or((start, end), |(first, _)| (first, end)));
                }
                _ => {}
            }
        }
        all.size = size.flatten();
        all.deliver_by = deliver_by.flatten();
        all.limits = limits.unwrap_or_default();
        all.auth = auth.unwrap_or_default();
        all.raw = raw;
        all
    }

    /// All extensions, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = Capability<'_>> {
        Lines::behind_the_first(&self.raw).map(|line| Capability::parse(line, self.quirks))
    }

    /// Whether the server offers this extension, with these parameters if it has any.
    #[must_use]
    pub fn has(&self, capability: Capability<'_>) -> bool {
        match capability {
            Capability::Auth(_)
            | Capability::Size(_)
            | Capability::DeliverBy(_)
            | Capability::Limits(_)
            | Capability::Other(_) => self.iter().any(|offered| offered == capability),
            _ => self.known & capability.bit() > 0,
        }
    }

    /// The SASL mechanisms offered, as the server writes them.
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        let (start, end) = self.auth;
        let lines = self.raw.get(start..end).unwrap_or_default();
        let more = Lines::behind_the_first(lines);
        let first = lines.get(..more.at).unwrap_or_default();
        let names =
            iter::once(first).chain(more.filter_map(|line| match Capability::parse(line, self.quirks) {
                Capability::Auth(mechanisms) => Some(mechanisms),
                _ => None,
            }));
        names.flat_map(str::split_ascii_whitespace)
    }

    /// `None` if the server does not offer `SIZE`; else its limit for a message in octets, if it has one.
    #[must_use]
    pub fn size(&self) -> Option<Option<u64>> {
        (self.known & Capability::Size(None).bit() > 0).then_some(self.size)
    }

    /// `None` if the server does not offer `DELIVERBY`; else the shortest time that it takes in seconds, if it has one.
    #[must_use]
    pub fn deliver_by(&self) -> Option<Option<u64>> {
        (self.known & Capability::DeliverBy(None).bit() > 0).then_some(self.deliver_by)
    }

    /// How much the server accepts in one session.
    #[must_use]
    pub const fn limits(&self) -> ServerLimits {
        self.limits
    }
}

/// The lines of a text, each behind a line feed. Not `str::split`, which costs three times as much on lines this
/// short.
struct Lines<'a> {
    raw: &'a str,
    /// Where the last line ended; the line feed of the next one stands there.
    at: usize,
}

impl<'a> Lines<'a> {
    /// All but the first.
    fn behind_the_first(raw: &'a str) -> Self {
        Self { raw, at: find_octet(raw.as_bytes(), b'\n').unwrap_or(raw.len()) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.raw.get(self.at.checked_add(1)?..)?;
        let end = find_octet(rest.as_bytes(), b'\n').unwrap_or(rest.len());
        self.at = self.at.checked_add(1)?.checked_add(end)?;
        rest.get(..end)
    }
}

impl<'a> Capability<'a> {
    /// `ehlo-line = ehlo-keyword *( SP ehlo-param )` (RFC 5321 section 4.1.1.1)
    fn parse(line: &'a str, quirks: Quirks) -> Self {
        // The first four octets tell all of them apart; only the one that they leave is compared as a whole.
        let mut start = line.as_bytes().first_chunk().copied().unwrap_or_else(|| {
            let mut start = [b' '; 4];
            start.iter_mut().zip(line.bytes()).for_each(|(into, octet)| *into = octet);
            start
        });
        start.make_ascii_uppercase();
        // Whether the octets from the fourth are the rest of the keyword, and what follows them.
        let is = |rest: &str| keyword_ends(line, 4, rest);
        let text = |rest: &str| if is(rest) { line.get(rest.len().saturating_add(4)..) } else { None };
        let number = |text: &str| text.trim_ascii().parse().ok().filter(|&number: &u64| number > 0);
        let parsed = match &start {
            b"DSN " => keyword_ends(line, 3, "").then_some(Self::Dsn),
            b"AUTH" => {
                let draft = quirks.exchange_2003_auth_equals && line.as_bytes().get(4) == Some(&b'=');
                let mechanisms = if draft { line.get(5..) } else { text("") };
                mechanisms.map(|mechanisms| Self::Auth(mechanisms.trim_ascii()))
            }
            // RFC 1870 section 3: zero says that there is no fixed limit.
            b"SIZE" => text("").map(|limit| Self::Size(number(limit))),
            b"LIMI" => text("TS").map(|limits| Self::Limits(ServerLimits::parse(limits))),
            b"STAR" => is("TTLS").then_some(Self::StartTls),
            b"8BIT" => is("MIME").then_some(Self::EightBitMime),
            b"SMTP" => is("UTF8").then_some(Self::SmtpUtf8),
            b"CHUN" => is("KING").then_some(Self::Chunking),
            b"DELI" => text("VERBY").map(|least| Self::DeliverBy(number(least))),
            b"PIPE" => is("LINING").then_some(Self::Pipelining),
            b"BINA" => is("RYMIME").then_some(Self::BinaryMime),
            b"REQU" => is("IRETLS").then_some(Self::RequireTls),
            b"ENHA" => is("NCEDSTATUSCODES").then_some(Self::EnhancedStatusCodes),
            _ => None,
        };
        parsed.unwrap_or(Self::Other(line))
    }

    const fn bit(&self) -> u32 {
        match self {
            Self::StartTls => 1,
            // Their lines are read again where somebody asks for them.
            Self::Auth(_) | Self::Limits(_) | Self::Other(_) => 0,
            Self::Pipelining => 1 << 1,
            Self::Size(_) => 1 << 2,
            Self::EightBitMime => 1 << 3,
            Self::SmtpUtf8 => 1 << 4,
            Self::EnhancedStatusCodes => 1 << 5,
            Self::Chunking => 1 << 6,
            Self::BinaryMime => 1 << 7,
            Self::Dsn => 1 << 8,
            Self::RequireTls => 1 << 9,
            Self::DeliverBy(_) => 1 << 10,
        }
    }
}

/// Whether the octets from `at` are `rest`, and a keyword ends there.
fn keyword_ends(line: &str, at: usize, rest: &str) -> bool {
    let after = line.as_bytes().get(at..).and_then(|after| after.split_at_checked(rest.len()));
    let Some((found, parameters)) = after else { return false };
    // Nearly all servers write capitals.
    let same = found == rest.as_bytes() || found.eq_ignore_ascii_case(rest.as_bytes());
    same && matches!(parameters, [] | [b' ' | b'\t', ..])
}

impl ServerLimits {
    /// `"LIMITS" *(SP limit-name "=" limit-value)` (RFC 9422 section 3)
    fn parse(parameters: &str) -> Self {
        let mut limits = Self::default();
        for (name, value) in parameters.split_ascii_whitespace().filter_map(|word| word.split_once('=')) {
            let limit = if name.eq_ignore_ascii_case("MAILMAX") {
                &mut limits.messages
            } else if name.eq_ignore_ascii_case("RCPTMAX") {
                &mut limits.recipients
            } else if name.eq_ignore_ascii_case("RCPTDOMAINMAX") {
                &mut limits.recipient_domains
            } else {
                continue;
            };
            *limit = value.parse().ok().filter(|&limit| limit > 0);
        }
        limits
    }
}

impl fmt::Display for Capability<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartTls => f.write_str("STARTTLS"),
            Self::Auth("") => f.write_str("AUTH"),
            Self::Auth(mechanisms) => write!(f, "AUTH {}", printable(mechanisms)),
            Self::Pipelining => f.write_str("PIPELINING"),
            Self::Size(None) => f.write_str("SIZE"),
            Self::Size(Some(limit)) => write!(f, "SIZE {limit}"),
            Self::EightBitMime => f.write_str("8BITMIME"),
            Self::SmtpUtf8 => f.write_str("SMTPUTF8"),
            Self::EnhancedStatusCodes => f.write_str("ENHANCEDSTATUSCODES"),
            Self::Chunking => f.write_str("CHUNKING"),
            Self::BinaryMime => f.write_str("BINARYMIME"),
            Self::Dsn => f.write_str("DSN"),
            Self::RequireTls => f.write_str("REQUIRETLS"),
            Self::DeliverBy(None) => f.write_str("DELIVERBY"),
            Self::DeliverBy(Some(least)) => write!(f, "DELIVERBY {least}"),
            Self::Limits(limits) => {
                f.write_str("LIMITS")?;
                let named = [
                    ("MAILMAX", limits.messages),
                    ("RCPTMAX", limits.recipients),
                    ("RCPTDOMAINMAX", limits.recipient_domains),
                ];
                named.iter().try_for_each(|(name, limit)| match limit {
                    Some(limit) => write!(f, " {name}={limit}"),
                    None => Ok(()),
                })
            }
            Self::Other(line) => f.write_str(&printable(line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec::Vec};

    use super::*;

    fn of(lines: &[&str], quirks: Quirks) -> Capabilities {
        Capabilities::of_reply(Reply::new(250, lines.join("\n")), quirks)
    }

    #[test]
    fn reads_each_line_in_any_case() {
        let rows: &[(&str, Capability<'_>)] = &[
            ("STARTTLS", Capability::StartTls),
            ("starttls", Capability::StartTls),
            ("AUTH LOGIN xoauth2", Capability::Auth("LOGIN xoauth2")),
            ("AUTH", Capability::Auth("")),
            ("AUTH=LOGIN PLAIN", Capability::Auth("LOGIN PLAIN")),
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
            ("REQUIRETLS", Capability::RequireTls),
            ("DELIVERBY", Capability::DeliverBy(None)),
            ("deliverby 240", Capability::DeliverBy(Some(240))),
            (
                "LIMITS MAILMAX=100 RCPTMAX=20 RCPTDOMAINMAX=1",
                Capability::Limits(ServerLimits {
                    messages: Some(100),
                    recipients: Some(20),
                    recipient_domains: Some(1),
                }),
            ),
            ("LIMITS", Capability::Limits(ServerLimits::default())),
            ("LIMITS RCPTMAX RCPTMAX=0 X=1", Capability::Limits(ServerLimits::default())),
            ("AUTHX", Capability::Other("AUTHX")),
            ("STARTTLX", Capability::Other("STARTTLX")),
            ("DELIVERBX 240", Capability::Other("DELIVERBX 240")),
            ("XCLIENT name addr", Capability::Other("XCLIENT name addr")),
            ("", Capability::Other("")),
        ];
        for (line, want) in rows {
            let capabilities = of(&["mx.test", line], Quirks::default());
            assert_eq!(capabilities.iter().collect::<Vec<_>>(), [*want], "{line}");
            assert!(capabilities.has(*want) && !capabilities.has(Capability::Other("X")), "{line}");
            let shown = want.to_string();
            let again = of(&["x", &shown], Quirks::default());
            assert_eq!(again.iter().collect::<Vec<_>>(), [*want], "{line} as {shown}");
        }
    }

    #[test]
    fn the_name_is_no_capability() {
        let none = of(&["STARTTLS"], Quirks::default());
        assert!(none.iter().next().is_none() && !none.has(Capability::StartTls));
        assert!(Capabilities::default().iter().next().is_none());
    }

    #[test]
    fn of_two_the_first_counts() {
        let all = of(&["x", "SIZE 5", "SIZE 7", "AUTH PLAIN", "auth login"], Quirks::default());
        assert_eq!(all.size(), Some(Some(5)));
        assert_eq!(all.mechanisms().collect::<Vec<_>>(), ["PLAIN", "login"]);
        assert_eq!((of(&["x"], Quirks::default()).size(), all.deliver_by()), (None, None));
        let all = of(&["x", "DELIVERBY 240", "DELIVERBY 7"], Quirks::default());
        assert_eq!(all.deliver_by(), Some(Some(240)));
    }

    #[test]
    fn the_equals_sign_of_exchange_2003_can_be_refused() {
        let mut quirks = Quirks::default();
        let lines = ["x", "AUTH PLAIN", "AUTH=LOGIN"];
        assert_eq!(of(&lines, quirks).mechanisms().collect::<Vec<_>>(), ["PLAIN", "LOGIN"]);
        quirks.exchange_2003_auth_equals = false;
        let plain = of(&lines, quirks);
        assert_eq!(plain.mechanisms().collect::<Vec<_>>(), ["PLAIN"]);
        assert!(plain.has(Capability::Other("AUTH=LOGIN")) && !plain.has(Capability::Auth("LOGIN")));
    }
}

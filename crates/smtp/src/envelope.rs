use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use crate::{Capability, DeliverBy, Dsn, Misuse, Reply};

/// From whom and to whom a message goes, and what the server must know of it beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// Where reports of a failure go. Empty for `<>`: no reports.
    pub sender: String,
    /// At least one.
    pub recipients: Vec<String>,
    /// Octets of the message with CRLF as line ends. The session tells a server that offers `SIZE`, and refuses a message over
    /// the server's limit before it sends anything (RFC 1870).
    pub size: Option<u64>,
    /// Whether the body may hold octets over 127. Needs a server that offers `8BITMIME` (RFC 6152).
    pub eight_bit: bool,
    /// Whether the header may hold UTF-8. Needs a server that offers `SMTPUTF8` (RFC 6531). Addresses with characters outside
    /// ASCII need that too, even if this is false.
    pub smtp_utf8: bool,
    /// Whether the body may hold any octets, including NUL, bare line ends and long lines. The session sends them unchanged.
    /// Needs a server that offers `CHUNKING` and `BINARYMIME` (RFC 3030).
    pub binary: bool,
    /// Whether every server on the way must use TLS (RFC 8689). Needs a server that offers `REQUIRETLS`.
    pub require_tls: bool,
    /// How long delivery may take.
    pub deliver_by: Option<DeliverBy>,
    /// Which reports the sender wants.
    pub dsn: Dsn,
}

impl Envelope {
    /// An envelope for a message in plain ASCII, without a size.
    pub fn new<R: Into<String>>(sender: impl Into<String>, recipients: impl IntoIterator<Item = R>) -> Self {
        let recipients = recipients.into_iter().map(Into::into).collect();
        Self { sender: sender.into(), recipients, ..Self::default() }
    }

    /// Whether every address can be written into a command without adding one.
    pub(crate) fn check(&self) -> Result<(), Misuse> {
        self.dsn.check()?;
        if let Some(by) = self.deliver_by {
            by.check()?;
        }
        if !self.sender.is_empty() {
            check_address("sender", &self.sender)?;
        }
        if self.recipients.is_empty() {
            return Err(Misuse::NoRecipients);
        }
        self.recipients.iter().try_for_each(|recipient| check_address("recipient", recipient))
    }

    /// Whether a piece of the message is what was declared.
    pub(crate) fn may_hold(&self, piece: &[u8]) -> bool {
        self.eight_bit || self.smtp_utf8 || self.binary || piece.is_ascii()
    }

    pub(crate) fn needs_smtp_utf8(&self) -> bool {
        self.smtp_utf8 || !self.sender.is_ascii() || self.recipients.iter().any(|address| !address.is_ascii())
    }
}

/// What the server said to a message that it accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The server's words, often with its name for the message.
    pub reply: Reply,
    /// The recipients that the server accepted.
    pub accepted: Vec<String>,
    /// The recipients that the server refused, with its words. The others get the message.
    pub refused: Vec<(String, Reply)>,
    /// The server's words to each of `accepted`, in order. Only LMTP has them, and a message that was sent in parts; `reply` is
    /// the first of them then. Otherwise empty.
    pub replies: Vec<Reply>,
    /// The recipients to whom a message in parts was not sent.
    pub unsent: Unsent,
    /// Whether the message was sent without the reports that its envelope asks for, as the server does not offer `DSN`
    /// ([`Dsn::if_offered`](crate::Dsn::if_offered)). Nobody will report the delivery.
    pub without_dsn: bool,
}

/// The recipients to whom a message in parts was not sent, while others may have it. It may be sent to them later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsent {
    /// The recipients.
    pub recipients: Vec<String>,
    /// Why it was not sent to them. Empty if there are none.
    pub reason: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Receipt {
    /// A receipt with this verdict.
    #[must_use]
    pub const fn new(reply: Reply, accepted: Vec<String>, refused: Vec<(String, Reply)>) -> Self {
        let unsent = Unsent { recipients: Vec::new(), reason: String::new(), retry_after: None };
        Self { reply, accepted, refused, replies: Vec::new(), unsent, without_dsn: false }
    }

    /// The server's words to this recipient: his own if there are such, else `reply`. `None` for someone who is not among the
    /// recipients.
    #[must_use]
    pub fn reply_to(&self, recipient: &str) -> Option<&Reply> {
        if let Some((_, reply)) = self.refused.iter().find(|(address, _)| address == recipient) {
            return Some(reply);
        }
        let index = self.accepted.iter().position(|address| address == recipient)?;
        Some(self.replies.get(index).unwrap_or(&self.reply))
    }

    /// The Message-ID that the server gave the message, with angle brackets, if its reply has one.
    ///
    /// Microsoft replaces the Message-ID, and replies with the new one: `2.0.0 OK <…@….prod.outlook.com> [Hostname=…]`. `None`
    /// for other replies: most servers name the message's number in their queue.
    #[must_use]
    pub fn server_message_id(&self) -> Option<&str> {
        let words = self.reply.lines().next()?.split_ascii_whitespace();
        // Behind the enhanced code and OK, and nowhere else: further on it may be a part of any sentence.
        let mut words = words.skip_while(|word| {
            word.contains('.') && word.bytes().all(|octet| b"0123456789.".contains(&octet))
        });
        let id = words.next().filter(|word| word.eq_ignore_ascii_case("OK")).and_then(|_| words.next())?;
        let inner = id.strip_prefix('<')?.strip_suffix('>')?;
        let (left, right) = inner.split_once('@')?;
        let is_plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>@".contains(&octet))
        };
        (is_plain(left) && is_plain(right)).then_some(id)
    }
}

/// Why a message was not sent. The session goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The server refused the sender.
    Sender {
        /// Its words.
        reply: Reply,
    },
    /// The server refused a parameter of MAIL that it offers (reply code 504 or 555).
    Parameter {
        /// Its words.
        reply: Reply,
        /// The parameters that were sent.
        parameters: String,
        /// Whether some of them can be left out without loss: SIZE, and DSN with [`Dsn::if_offered`]. The session leaves them out
        /// from now on, so the same message may be accepted.
        optional: bool,
    },
    /// The server refused every recipient.
    Recipients {
        /// Each with the server's words.
        refused: Vec<(String, Reply)>,
    },
    /// The server refused DATA.
    Data {
        /// Its words.
        reply: Reply,
    },
    /// The server refused the message after it received all of it.
    Message {
        /// Its words.
        reply: Reply,
    },
    /// The message is larger than the server's limit. Nothing was sent.
    TooLarge {
        /// Octets of the message.
        size: u64,
        /// Octets that the server takes.
        limit: u64,
    },
    /// The message has more recipients than the server's limit (`LIMITS`). Nothing was sent. A pool of the facade sends such a
    /// message in parts.
    TooManyRecipients {
        /// Recipients of the message.
        count: u64,
        /// Recipients that the server takes.
        limit: u64,
    },
    /// The session has had as many messages as the server allows (`LIMITS`). Nothing was sent. Another session may take it.
    TooManyMessages {
        /// Messages that it takes.
        limit: u64,
    },
    /// The recipients of the message and of those before in this session are at more domains than the server's limit
    /// (`LIMITS`). Nothing was sent. If `count` is within the limit, another session may take the message.
    TooManyDomains {
        /// Domains of the message's recipients.
        count: u64,
        /// Domains that the server takes.
        limit: u64,
    },
    /// The message is to be returned sooner than the server allows (`DELIVERBY`). Nothing was sent.
    TooSoon {
        /// Seconds after which the message is to be returned.
        seconds: u32,
        /// The fewest seconds that the server allows.
        least: u64,
    },
    /// The message needs an extension that the server does not offer. Nothing was sent.
    NotOffered {
        /// The extension.
        capability: Capability<'static>,
    },
}

impl Refusal {
    /// The server's words. For [`Recipients`](Self::Recipients), those about the first.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Sender { reply }
            | Self::Parameter { reply, .. }
            | Self::Data { reply }
            | Self::Message { reply } => Some(reply),
            Self::Recipients { refused } => refused.first().map(|(_, reply)| reply),
            Self::TooLarge { .. }
            | Self::TooManyRecipients { .. }
            | Self::TooManyMessages { .. }
            | Self::TooManyDomains { .. }
            | Self::TooSoon { .. }
            | Self::NotOffered { .. } => None,
        }
    }

    /// Whether another session with the same server may take the same message, as this session has reached a limit.
    #[must_use]
    pub const fn wants_new_session(&self) -> bool {
        match self {
            Self::TooManyMessages { .. } => true,
            Self::TooManyDomains { count, limit } => *count <= *limit,
            _ => false,
        }
    }

    /// Whether the same may succeed later. For [`Recipients`](Self::Recipients), with at least one of them.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Recipients { refused } => refused.iter().any(|(_, reply)| reply.is_transient()),
            _ if self.wants_new_session() => true,
            _ => self.reply().is_some_and(Reply::is_transient),
        }
    }

    /// Whether the server wants authentication first: reply code 530.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        self.reply().is_some_and(|reply| reply.code == 530)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sender { reply } => write!(f, "server refused the sender: {reply}"),
            Self::Parameter { reply, parameters, .. } => {
                write!(f, "server refused {parameters}, which it offers: {reply}")
            }
            Self::Recipients { refused } => {
                f.write_str("server refused every recipient")?;
                let mut shown = refused.iter().take(SHOWN);
                shown.try_for_each(|(address, reply)| write!(f, "; {address}: {reply}"))?;
                match refused.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
            Self::Data { reply } | Self::Message { reply } => {
                write!(f, "server refused the message: {reply}")
            }
            Self::TooLarge { size, limit } => {
                write!(f, "message of {size} octets is larger than the {limit} that the server takes")
            }
            Self::TooManyRecipients { count, limit } => {
                write!(f, "message has {count} recipients, and the server takes {limit}")
            }
            Self::TooManyMessages { limit } => {
                write!(f, "server takes no more than {limit} messages in one session")
            }
            Self::TooManyDomains { count, limit } if count <= limit => {
                write!(f, "server takes no recipients at more than {limit} domains in one session")
            }
            Self::TooManyDomains { count, limit } => {
                write!(f, "message has recipients at {count} domains, and the server takes {limit}")
            }
            Self::TooSoon { seconds, least } => {
                write!(
                    f,
                    "message is to come back after {seconds} seconds, and the server takes {least} at least"
                )
            }
            Self::NotOffered { capability } => {
                write!(f, "message needs {capability}, which the server does not offer")
            }
        }
    }
}

impl core::error::Error for Refusal {}

/// Whether the address has white space other than spaces in a quoted local part.
fn has_bare_space(address: &str) -> bool {
    if !address.contains(char::is_whitespace) {
        return false;
    }
    let Some(after) = address.strip_prefix('"') else { return true };
    let (mut escaped, mut end) = (false, None);
    for (index, character) in after.char_indices() {
        match character {
            '"' if !escaped => {
                end = Some(index);
                break;
            }
            ' ' => escaped = false,
            _ if character.is_whitespace() => return true,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    let rest = end.and_then(|end| after.get(end..)).and_then(|rest| rest.strip_prefix('"'));
    rest.is_none_or(|rest| !rest.starts_with('@') || rest.contains(char::is_whitespace))
}

/// Whether `address` is fit for `<…>` in a command.
///
/// Refuses what could end the path or the line: control characters, angle brackets, and white space other than spaces in a
/// quoted local part. RFC 5321 allows angle brackets in a quoted local part. They are refused as well, as some servers misread
/// them.
fn check_address(field: &'static str, address: &str) -> Result<(), Misuse> {
    let problem = if address.is_empty() {
        "is empty"
    } else if address.len() > ADDRESS {
        "is longer than 254 octets"
    } else if address.chars().any(char::is_control) {
        "holds a control character"
    } else if has_bare_space(address) {
        "holds a space"
    } else if address.contains(['<', '>']) {
        "holds an angle bracket"
    } else {
        return Ok(());
    };
    Err(Misuse::argument(field, address, problem))
}

/// RFC 5321 section 4.5.3.1.3: a path has 256 octets, with its angle brackets.
const ADDRESS: usize = 254;
/// How many refused recipients an error shows.
const SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn addresses_cannot_add_a_command() {
        let rows: &[(&str, Option<&str>)] = &[
            ("a@b", None),
            ("postmaster", None),
            ("\"a,b\"@c", None),
            ("ü@exämple", None),
            ("a@[127.0.0.1]", None),
            ("", Some("is empty")),
            ("a@b>\r\nRCPT TO:<evil@x", Some("holds a control character")),
            ("\"a\r\nRSET\r\n\"@b", Some("holds a control character")),
            ("a\n@b", Some("holds a control character")),
            ("a\r@b", Some("holds a control character")),
            ("a\0@b", Some("holds a control character")),
            ("a\u{7f}@b", Some("holds a control character")),
            ("a\u{85}@b", Some("holds a control character")),
            ("a@b SIZE=1", Some("holds a space")),
            ("\"a b\"@c", None),
            ("\"a \\\" b\"@c", None),
            ("\"a b\" SIZE=1@c", Some("holds a space")),
            ("\"a b\"@c SIZE=1", Some("holds a space")),
            ("\"a b@c", Some("holds a space")),
            ("\"a\\\" b@c", Some("holds a space")),
            ("\"a\u{2028}b\"@c", Some("holds a space")),
            ("\"a\tb\"@c", Some("holds a control character")),
            ("\"a <b\"@c", Some("holds an angle bracket")),
            ("a\u{2028}@b", Some("holds a space")),
            ("a@b>", Some("holds an angle bracket")),
            ("Ann<a@b", Some("holds an angle bracket")),
        ];
        for (address, want) in rows {
            let check = Envelope::new("x@y", ["x@y", address]).check();
            let want = want.map(|problem| Misuse::argument("recipient", address, problem));
            assert_eq!(check.err(), want, "{address:?}");
        }
        let longest = format!("{}@b", "a".repeat(252));
        assert_eq!(Envelope::new(longest.clone(), ["a@b"]).check(), Ok(()));
        let error = Envelope::new(longest + "c", ["a@b"]).check().unwrap_err();
        assert!(matches!(
            error,
            Misuse::Argument { field: "sender", problem: "is longer than 254 octets", .. }
        ));
        assert_eq!(Envelope::new("", ["a@b"]).check(), Ok(()), "the null sender");
        assert_eq!(Envelope::new("a@b", [""; 0]).check(), Err(Misuse::NoRecipients));
    }

    #[test]
    fn a_receipt_tells_the_id_that_the_server_gave() {
        for (reply, want) in [
            (
                "2.0.0 OK <a1@FR4P281MB1.DEUP281.prod.outlook.com> [Hostname=FR4P281MB1]",
                Some("<a1@FR4P281MB1.DEUP281.prod.outlook.com>"),
            ),
            ("OK <a@b>", Some("<a@b>")),
            ("2.0.0 ok <a@b>\n2.0.0 more", Some("<a@b>")),
            ("2.0.0 OK  1700000000 4fb4d7f45d1cf-5 - gsmtp", None),
            ("2.0.0 Ok: queued as 4Rk", None),
            ("2.0.0 Message from <ann@example.org> accepted", None),
            ("2.0.0 OK <>", None),
            ("2.0.0 OK <a@>", None),
            ("mx.test OK <a@b>", None),
            ("200 OK <a@b>", None),
            ("2.0.0 OK <a@b@c>", None),
            ("2.0.0 OK <a\u{1b}@b>", None),
            ("2.0.0 OK <ann@example.org>'s", None),
            ("", None),
        ] {
            let receipt = Receipt::new(Reply::new(250, reply), Vec::new(), Vec::new());
            assert_eq!(receipt.server_message_id(), want, "{reply}");
        }
    }

    #[test]
    fn a_misuse_shows_no_raw_bytes() {
        let error = Envelope::new("x\r\n\x1b[2J", ["a@b"]).check().unwrap_err();
        assert_eq!(error.to_string(), "sender \"x\\r\\n\\x1b[2J\" holds a control character");
    }
}

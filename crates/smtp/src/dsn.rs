use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::Misuse;

/// Which reports of the delivery the sender wants (RFC 3461). If anything is set, the server must offer `DSN`, unless
/// [`if_offered`](Self::if_offered).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dsn {
    /// How much of the message comes back in a report of failure.
    pub returned: Option<Returned>,
    /// `ENVID`: a name for this message, which reports repeat. At most 100 octets of printable ASCII.
    pub envelope_id: Option<String>,
    /// When to report, for all recipients except those in `notify_of`. `None` leaves it to the server.
    pub notify: Option<Notify>,
    /// When to report for single recipients of the envelope, in place of `notify`. `None` leaves it to the server.
    pub notify_of: Vec<(String, Option<Notify>)>,
    /// `ORCPT`: a recipient of the envelope, and the address to which the message was sent originally. Reports name it. At most
    /// 500 octets as it is encoded, without control characters.
    pub original_recipients: Vec<(String, String)>,
    /// Whether to send the message without any of this if the server does not offer `DSN`, as RFC 3461 section 5.2.2 asks of a
    /// relay; [`Receipt::without_dsn`](crate::Receipt::without_dsn) tells. Default false: such a message is refused.
    pub if_offered: bool,
}

/// `RET`: how much of the message comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Returned {
    /// All of it.
    Full,
    /// The header.
    Header,
}

/// `NOTIFY`: when a report is sent. All `false` is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notify {
    /// When the message was delivered.
    pub success: bool,
    /// When it can't be delivered.
    pub failure: bool,
    /// When delivery takes long.
    pub delay: bool,
}

/// How long a delivery may take (RFC 2852). Needs a server that offers `DELIVERBY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliverBy {
    /// Seconds from now: at most 999,999,999, and at least 1 with `give_up`.
    pub seconds: u32,
    /// Whether the server returns a message that is late (`R`). Otherwise it delivers the message anyway and reports the
    /// delay (`N`).
    pub give_up: bool,
}

impl DeliverBy {
    /// A time in seconds; with `give_up`, the message is returned after it.
    #[must_use]
    pub const fn new(seconds: u32, give_up: bool) -> Self {
        Self { seconds, give_up }
    }

    pub(crate) fn check(self) -> Result<(), Misuse> {
        let problem = match self.seconds {
            0 if self.give_up => "is no time in which anything can be delivered",
            0..=MOST_SECONDS => return Ok(()),
            _ => "has more than nine digits",
        };
        Err(Misuse::argument("time for delivery", &self.seconds.to_string(), problem))
    }

    /// `"BY=" by-value` (RFC 2852 section 4)
    pub(crate) fn parameter(self) -> String {
        format!(" BY={};{}", self.seconds, if self.give_up { "R" } else { "N" })
    }
}

impl Dsn {
    /// Whether anything is asked for.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        let Self { returned, envelope_id, notify, notify_of, original_recipients, if_offered: _ } = self;
        returned.is_some()
            || envelope_id.is_some()
            || notify.is_some()
            || !notify_of.is_empty()
            || !original_recipients.is_empty()
    }

    /// When a report about this recipient is sent. `None` where nothing is said: where it can't be delivered, and perhaps
    /// where that takes long (RFC 3461 section 4.1).
    #[must_use]
    pub fn notify_of(&self, recipient: &str) -> Option<Notify> {
        let own = self.notify_of.iter().find(|(own, _)| own == recipient);
        own.map_or(self.notify, |(_, notify)| *notify)
    }

    /// Whether this address can be one of `original_recipients`. A message with one that can't is refused.
    #[must_use]
    pub fn takes_original(address: &str) -> bool {
        problem_of_original(address).is_none()
    }

    pub(crate) fn check(&self) -> Result<(), Misuse> {
        for (_, original) in &self.original_recipients {
            if let Some(problem) = problem_of_original(original) {
                return Err(Misuse::argument("original recipient", original, problem));
            }
        }
        match &self.envelope_id {
            Some(id) if id.is_empty() => Err(Misuse::argument("envelope id", id, "is empty")),
            Some(id) if id.len() > ENVELOPE_ID => {
                Err(Misuse::argument("envelope id", id, "is longer than 100 octets"))
            }
            Some(id) if !id.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ') => {
                Err(Misuse::argument("envelope id", id, "holds more than printable ASCII"))
            }
            _ => Ok(()),
        }
    }

    /// The parameters of MAIL.
    pub(crate) fn of_mail(&self) -> String {
        let mut text = String::new();
        match self.returned {
            Some(Returned::Full) => text.push_str(" RET=FULL"),
            Some(Returned::Header) => text.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(id) = &self.envelope_id {
            text.push_str(" ENVID=");
            push_xtext(id, &mut text);
        }
        text
    }

    fn of_original(&self, recipient: &str) -> String {
        let original = self.original_recipients.iter().find(|(own, _)| own == recipient);
        original.map(|(_, original)| orcpt(original)).unwrap_or_default()
    }

    /// The parameters of RCPT for this recipient.
    pub(crate) fn of_recipient(&self, recipient: &str) -> String {
        let mut text = self.of_notify(recipient);
        text.push_str(&self.of_original(recipient));
        text
    }

    fn of_notify(&self, recipient: &str) -> String {
        let Some(notify) = self.notify_of(recipient) else { return String::new() };
        let wanted = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
        let mut text = String::from(" NOTIFY=");
        let mut comma = "";
        for (_, name) in wanted.into_iter().filter(|wanted| wanted.0) {
            text.push_str(comma);
            text.push_str(name);
            comma = ",";
        }
        if comma.is_empty() {
            text.push_str("NEVER");
        }
        text
    }
}

/// What is wrong with an original recipient.
fn problem_of_original(original: &str) -> Option<&'static str> {
    match original {
        "" => Some("is empty"),
        _ if orcpt(original).len() > ORIGINAL => Some("is too long"),
        _ if original.chars().any(char::is_control) => Some("holds a control character"),
        _ => None,
    }
}

/// `"ORCPT=" addr-type ";" xtext` (RFC 3461 section 4.2); beyond ASCII the type is that of RFC 6533 section 3, whose
/// `utf-8-addr-xtext` writes each such character by its number.
fn orcpt(original: &str) -> String {
    let mut text = String::from(" ORCPT=");
    if original.is_ascii() {
        text.push_str("rfc822;");
        push_xtext(original, &mut text);
        return text;
    }
    text.push_str("utf-8;");
    for character in original.chars() {
        match character {
            '\\' | '+' | '=' | ' ' => text.push_str(&format!("\\x{{{:02X}}}", u32::from(character))),
            character if character.is_ascii() => text.push(character),
            character => text.push_str(&format!("\\x{{{:X}}}", u32::from(character))),
        }
    }
    text
}

/// `xtext = *( xchar / hexchar )` (RFC 3461 section 4)
fn push_xtext(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '+' | '=' | ' ' => into.push_str(&format!("+{:02X}", u32::from(character))),
            _ => into.push(character),
        }
    }
}

/// `by-time = ["-" / "+" ] 1*9digit` (RFC 2852 section 4)
const MOST_SECONDS: u32 = 999_999_999;
const ENVELOPE_ID: usize = 100;
/// Octets of all of the parameter, as it is written (RFC 3461 section 4.2).
const ORIGINAL: usize = 500;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn original_recipients_are_written_so_that_they_end_nothing() {
        for (original, want) in [
            ("ann@x.test", " ORCPT=rfc822;ann@x.test"),
            ("a+b=c d@x", " ORCPT=rfc822;a+2Bb+3Dc+20d@x"),
            ("ü x@y", " ORCPT=utf-8;\\x{FC}\\x{20}x@y"),
        ] {
            let pairs = vec![("bob@y".to_string(), original.to_string())];
            let dsn = Dsn { original_recipients: pairs, ..Dsn::default() };
            assert!(dsn.is_wanted() && dsn.check().is_ok());
            assert_eq!((dsn.of_original("bob@y").as_str(), dsn.of_original("eve@y").as_str()), (want, ""));
        }
        for bad in ["", "a\r\nRSET", &"x".repeat(500)] {
            let pairs = vec![("bob@y".to_string(), bad.to_string())];
            assert!(Dsn { original_recipients: pairs, ..Dsn::default() }.check().is_err(), "{bad:?}");
        }
        // With " ORCPT=rfc822;" in front.
        for (octets, is_good) in [(486, true), (487, false)] {
            let pairs = vec![("bob@y".to_string(), "x".repeat(octets))];
            let dsn = Dsn { original_recipients: pairs, ..Dsn::default() };
            assert_eq!(dsn.check().is_ok(), is_good, "{octets}");
            assert_eq!(Dsn::takes_original(&"x".repeat(octets)), is_good, "{octets}");
        }
    }
}

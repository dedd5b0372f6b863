use alloc::{format, string::String};

use crate::Misuse;

/// What the sender wants to hear of a delivery (RFC 3461). Needs a server that offers `DSN`, if anything is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dsn {
    /// How much of the message comes back in a report of failure.
    pub returned: Option<Returned>,
    /// A name for this message, which reports repeat. At most 100 octets, printable ASCII.
    pub envelope_id: Option<String>,
    /// When a report is sent, for every recipient.
    pub notify: Option<Notify>,
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
    /// Seconds from now.
    pub seconds: u32,
    /// Whether a message that is late comes back (`R`). Otherwise it is delivered all the same, and a report says so
    /// (`N`).
    pub give_up: bool,
}

impl DeliverBy {
    /// A message that comes back, or is reported, after so many seconds.
    #[must_use]
    pub const fn new(seconds: u32, give_up: bool) -> Self {
        Self { seconds, give_up }
    }

    /// `"BY=" by-value` (RFC 2852 section 4)
    pub(crate) fn parameter(self) -> String {
        format!(" BY={};{}", self.seconds, if self.give_up { "R" } else { "N" })
    }
}

impl Dsn {
    pub(crate) fn is_wanted(&self) -> bool {
        *self != Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), Misuse> {
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

    /// The parameters of RCPT.
    pub(crate) fn of_recipient(&self) -> String {
        let Some(notify) = self.notify else { return String::new() };
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

/// `xtext = *( xchar / hexchar )` (RFC 3461 section 4)
fn push_xtext(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '+' | '=' | ' ' => into.push_str(&format!("+{:02X}", u32::from(character))),
            _ => into.push(character),
        }
    }
}

const ENVELOPE_ID: usize = 100;

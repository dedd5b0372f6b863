use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, str};

use mailbearer_wire::printable;

use crate::{Invalid, Text};

/// The name of a mailbox as it goes over the wire.
///
/// It holds no CR, LF or NUL. `INBOX` is the same in any case; all other names are compared octet by octet (RFC 9051
/// section 5.1).
#[derive(Clone)]
pub struct Mailbox<'a>(Cow<'a, [u8]>);

impl<'a> Mailbox<'a> {
    /// The inbox.
    pub const INBOX: Mailbox<'static> = Mailbox(Cow::Borrowed(b"INBOX"));

    /// Takes the name that a person gives a mailbox, and writes it in modified UTF-7 (RFC 3501 section 5.1.3). Every
    /// server understands that until `UTF8=ACCEPT` or `IMAP4rev2` is enabled.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] if `name` holds CR, LF or NUL.
    pub fn new(name: &'a str) -> Result<Self, Invalid> {
        if name.bytes().all(|octet| matches!(octet, b' '..=b'~') && octet != b'&') {
            return Self::from_wire(name.as_bytes());
        }
        Self::from_wire(encode(name))
    }

    /// Takes a name as a server sends it: in modified UTF-7, or in UTF-8.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] if `name` holds CR, LF or NUL.
    pub fn from_wire(name: impl Into<Cow<'a, [u8]>>) -> Result<Self, Invalid> {
        let name = name.into();
        // The least octet is found without a branch for each.
        let least = name.iter().fold(u8::MAX, |least, &octet| least.min(octet));
        if least <= b'\r' && name.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            return Err(Invalid("mailbox name with a line end or NUL"));
        }
        Ok(Self(name))
    }

    /// Returns the octets that go over the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the name for people. Decodes it if it is modified UTF-7, else reads it as UTF-8.
    ///
    /// Some servers send names that are neither: raw 8-bit or broken encodings. Such a name comes out readable, but
    /// [`new`](Self::new) does not make the same mailbox of it again. Keep the `Mailbox` for that.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        match str::from_utf8(&self.0) {
            Ok(text) if !text.contains('&') => Cow::Borrowed(text),
            Ok(text) if text.is_ascii() => decode(text).map_or(Cow::Borrowed(text), Cow::Owned),
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(&self.0),
        }
    }

    /// Returns whether this is the inbox.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0.eq_ignore_ascii_case(b"INBOX")
    }

    /// Returns the same name, borrowed from nothing.
    #[must_use]
    pub fn into_owned(self) -> Mailbox<'static> {
        Mailbox(Cow::Owned(self.0.into_owned()))
    }
}

impl PartialEq for Mailbox<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.is_inbox() && other.is_inbox()
    }
}

impl Eq for Mailbox<'_> {}

impl fmt::Debug for Mailbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

/// Prints the name for people, without control characters.
impl fmt::Display for Mailbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.to_text()))
    }
}

impl<'a> TryFrom<Text<'a>> for Mailbox<'a> {
    type Error = Invalid;

    /// Makes the mailbox of a name that a server sent.
    fn try_from(name: Text<'a>) -> Result<Self, Invalid> {
        Self::from_wire(name.into_cow())
    }
}

/// Writes `name` in modified UTF-7 (RFC 3501 section 5.1.3).
fn encode(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut shifted: Vec<u16> = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            shift(&mut shifted, &mut out);
            out.extend_from_slice(if character == '&' { b"&-" } else { b"" });
            if character != '&' {
                out.extend(u8::try_from(character));
            }
        } else if matches!(character, '\r' | '\n' | '\0') {
            // CR, LF and NUL stay as they are, so that the caller's check finds them: base64 would hide them.
            out.extend(u8::try_from(character));
        } else {
            shifted.extend_from_slice(character.encode_utf16(&mut [0; 2]));
        }
    }
    shift(&mut shifted, &mut out);
    out
}

/// Writes the UTF-16 units gathered so far as one base64 section.
fn shift(units: &mut Vec<u16>, out: &mut Vec<u8>) {
    if units.is_empty() {
        return;
    }
    out.push(b'&');
    let (mut bits, mut count) = (0_u32, 0_u32);
    for unit in units.drain(..) {
        bits = bits << 16 | u32::from(unit);
        count = count.saturating_add(16);
        while count >= 6 {
            count = count.saturating_sub(6);
            out.extend(sextet(bits >> count));
        }
        bits &= 0x3f;
    }
    if count > 0 {
        out.extend(sextet(bits << 6_u32.saturating_sub(count)));
    }
    out.push(b'-');
}

fn sextet(bits: u32) -> Option<u8> {
    BASE64.get(usize::try_from(bits & 0x3f).ok()?).copied()
}

/// Reads modified UTF-7. Returns `None` if `name` is nothing that [`encode`] makes of any name.
fn decode(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((plain, shifted)) = rest.split_once('&') {
        out.push_str(plain);
        let (section, after) = shifted.split_once('-')?;
        if section.is_empty() {
            out.push('&');
        } else {
            let mut units = Vec::with_capacity(section.len() / 2);
            let (mut bits, mut count) = (0_u32, 0_u32);
            for octet in section.bytes() {
                let value = BASE64.iter().position(|&digit| digit == octet)?;
                bits = bits << 6 | u32::try_from(value).ok()?;
                count = count.saturating_add(6);
                if count >= 16 {
                    count = count.saturating_sub(16);
                    units.push(u16::try_from(bits >> count & 0xffff).ok()?);
                    bits &= 0xffff;
                }
            }
            if count >= 6 {
                return None;
            }
            out.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_modified_utf_7_on_the_wire() {
        let rows: &[(&str, &[u8])] = &[
            ("INBOX", b"INBOX"),
            ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Entwürfe", b"Entw&APw-rfe"),
            ("R&D", b"R&-D"),
            ("&", b"&-"),
            ("已发送邮件", b"&XfJT0ZABkK5O9g-"),
            ("😀", b"&2D3eAA-"),
            ("a\tb", b"a&AAk-b"),
            ("", b""),
        ];
        for (name, wire) in rows {
            assert_eq!(Mailbox::new(name).unwrap().as_bytes(), *wire, "{name}");
            assert_eq!(Mailbox::from_wire(*wire).unwrap().to_text(), *name, "{name}");
        }
    }

    #[test]
    fn what_is_not_modified_utf_7_stays_readable() {
        let rows: &[(&[u8], &str)] = &[
            (b"R&D", "R&D"),
            (b"a&b-c", "a&b-c"),
            (b"&AAA", "&AAA"),
            ("Entwürfe & Co".as_bytes(), "Entwürfe & Co"),
            (b"caf\xe9", "caf\u{fffd}"),
            (b"&2D0-", "&2D0-"),
        ];
        for (wire, name) in rows {
            assert_eq!(Mailbox::from_wire(*wire).unwrap().to_text(), *name, "{name}");
        }
    }

    #[test]
    fn only_the_inbox_ignores_case() {
        let mailbox = |name| Mailbox::new(name).unwrap();
        assert_eq!(mailbox("Inbox"), Mailbox::INBOX);
        assert_ne!(mailbox("Sent"), mailbox("sent"));
        assert_ne!(mailbox("INBOX/a"), mailbox("inbox/a"));
    }

    #[test]
    fn line_ends_and_nul_are_refused() {
        for name in ["a\rb", "a\nb", "a\0b", "ü\r\nA1 DELETE x", "\n"] {
            assert!(Mailbox::new(name).is_err(), "{name:?}");
            assert!(Mailbox::from_wire(name.as_bytes()).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn decoding_an_encoded_name_gives_it_back(name in "[^\r\n\0]*") {
            let mailbox = Mailbox::new(&name).unwrap();
            prop_assert!(mailbox.as_bytes().iter().all(|octet| matches!(octet, b' '..=b'~')));
            let text = mailbox.to_text();
            prop_assert_eq!(&*text, name.as_str());
        }
    }
}

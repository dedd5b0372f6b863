//! Content transfer encodings (RFC 2045 section 6), decoded in pieces of any size.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::ascii::{hex_value, is_space, is_wsp};

/// How a body is encoded, by its `Content-Transfer-Encoding` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferEncoding {
    /// `7bit`, `8bit` and `binary`, and every unknown one: the octets as they are.
    #[default]
    Identity,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
}

impl TransferEncoding {
    /// Reads the header's value; white space and a comment after it are ignored.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let value = value.trim_ascii();
        let end = value.iter().position(|&byte| is_space(byte) || matches!(byte, b'(' | b';'));
        let value = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
        if value.eq_ignore_ascii_case(b"base64") {
            Self::Base64
        } else if value.eq_ignore_ascii_case(b"quoted-printable") {
            Self::QuotedPrintable
        } else {
            Self::Identity
        }
    }

    /// Decodes a whole body.
    #[must_use]
    pub fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Identity => Cow::Borrowed(body),
            Self::QuotedPrintable => Cow::Owned(quoted_printable(body)),
            Self::Base64 => Cow::Owned(base64(body)),
        }
    }
}

/// Decodes base64 as [`Base64`] does, whole.
#[must_use]
pub fn base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((text.len() / 4).saturating_mul(3));
    Base64::default().decode(text, &mut bytes);
    bytes
}

/// Decodes quoted-printable text as [`QuotedPrintable`] does, whole.
#[must_use]
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut decoder = QuotedPrintable::default();
    decoder.decode(text, &mut bytes);
    decoder.finish(&mut bytes);
    bytes
}

/// A base64 decoder that takes what it gets (RFC 2045 section 6.8).
///
/// Octets outside the alphabet are skipped. Padding ends a group, after which the next one begins, so texts
/// that were encoded in pieces decode whole; padding may be missing. Each octet is written as soon as its
/// bits are there.
#[derive(Clone, Debug, Default)]
pub struct Base64 {
    /// Bits of the group that are not written yet, in the low end.
    bits: u8,
    /// Characters of the group so far, 0 to 3.
    place: u8,
}

impl Base64 {
    /// Appends to `out` what `text` adds.
    pub fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for &byte in text {
            let Some(value) = sextet(byte) else {
                if byte == b'=' {
                    self.finish();
                }
                continue;
            };
            match self.place {
                0 => {}
                1 => out.push(self.bits << 2 | value >> 4),
                2 => out.push(self.bits << 4 | value >> 2),
                _ => out.push(self.bits << 6 | value),
            }
            self.bits = value;
            self.place = self.place.wrapping_add(1) & 3;
        }
    }

    /// Forgets the bits of an unfinished group.
    pub fn finish(&mut self) {
        *self = Self::default();
    }

    /// Whether all of `text` is base64 or white space.
    pub(super) fn is_valid(text: &[u8]) -> bool {
        text.iter().all(|&byte| sextet(byte).is_some() || byte == b'=' || is_space(byte))
    }

    /// Whether the group so far goes on in `text`: the two fill it, and it is not a whole one that lacks its
    /// padding.
    pub(super) fn completes_with(&self, text: &[u8]) -> bool {
        let characters = text.iter().filter(|&&byte| !is_space(byte)).count();
        let fills = characters.wrapping_add(usize::from(self.place)) & 3 == 0;
        // `YQ` and `Yg` fill a group too, but the spare bits of `YQ` are zero, as those of a last character
        // are.
        fills && !(self.place == 2 && self.bits & 0x0F == 0)
    }
}

/// A quoted-printable decoder that takes what it gets (RFC 2045 section 6.7).
///
/// White space at the end of a line is dropped, as the RFC asks, and lower-case digits are fine. An `=` that
/// begins neither an escape nor a soft line break stays. Line ends stay what they are, CRLF or bare LF.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintable {
    /// What cannot be decided yet: white space that may end the line, or an `=` and what follows it.
    held: Vec<u8>,
}

impl QuotedPrintable {
    /// White space held back longer than any encoder's line is written as it is, so that the memory is
    /// bounded.
    const MAX_HELD: usize = 998;

    /// Appends to `out` what `text` adds and is decided.
    pub fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            if self.held.is_empty() {
                let plain = rest.iter().position(|&byte| byte == b'=' || byte == b'\r' || is_wsp(byte));
                let (plain, special) = rest.split_at_checked(plain.unwrap_or(rest.len())).unwrap_or_default();
                out.extend_from_slice(plain);
                rest = special;
                if let Some((&byte, after)) = rest.split_first() {
                    self.held.push(byte);
                    rest = after;
                }
                continue;
            }
            if self.step(byte, out) {
                rest = after;
            }
        }
    }

    /// Ends the text: a held soft break or white space is dropped, an unfinished escape stays.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let blank = self.held.strip_prefix(b"=").unwrap_or(&self.held).iter().copied().all(is_space);
        if !blank {
            out.append(&mut self.held);
        } else if self.held.ends_with(b"\r") && !self.held.starts_with(b"=") {
            out.push(b'\r');
        }
        self.held.clear();
    }

    /// Takes `byte` after what is held, which is not empty. Gives false if `byte` is to be read anew.
    fn step(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        let soft = self.held.first() == Some(&b'=');
        match (self.held.as_slice(), byte) {
            ([b'=', high], _) if hex_value(*high).is_some() => {
                if let (Some(high), Some(low)) = (hex_value(*high), hex_value(byte)) {
                    out.push(high << 4 | low);
                    self.held.clear();
                    return true;
                }
                out.append(&mut self.held);
                false
            }
            ([b'='], _) if hex_value(byte).is_some() => {
                self.held.push(byte);
                true
            }
            ([.., b'\r'], b'\n') => {
                self.held.clear();
                if !soft {
                    out.extend_from_slice(b"\r\n");
                }
                true
            }
            ([.., b'\r'], _) => {
                out.append(&mut self.held);
                false
            }
            (_, b'\n') => {
                self.held.clear();
                if !soft {
                    out.push(b'\n');
                }
                true
            }
            (held, b' ' | b'\t' | b'\r') if held.len() < Self::MAX_HELD => {
                self.held.push(byte);
                true
            }
            _ => {
                out.append(&mut self.held);
                false
            }
        }
    }
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte.wrapping_sub(b'A')),
        b'a'..=b'z' => Some(byte.wrapping_sub(b'a').wrapping_add(26)),
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0').wrapping_add(52)),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    #[test]
    fn decodes_base64() {
        let rows: &[(&str, &[u8], &[u8])] = &[
            ("whole", b"Zm9vYmFy", b"foobar"),
            ("padded", b"Zm9vYg==", b"foob"),
            ("missing padding", b"Zm9vYg", b"foob"),
            ("half of it", b"Zm9vYmE", b"fooba"),
            ("lines", b"Zm9v\r\nYm\n Fy\r\n", b"foobar"),
            ("concatenated", b"Zg==Zm8=Zm9v", b"ffofoo"),
            ("foreign octets", b"Z-m\x009\xFFv!", b"foo"),
            ("a lone character", b"Z", b""),
            ("padding alone", b"====", b""),
            ("spare bits", b"Zn==", b"f"),
        ];
        for (name, text, want) in rows {
            assert_eq!(base64(text), *want, "{name}");
            let (mut bytewise, mut decoder) = (Vec::new(), Base64::default());
            for byte in text.iter() {
                decoder.decode(&[*byte], &mut bytewise);
            }
            assert_eq!(bytewise, *want, "{name} by octet");
        }
    }

    #[test]
    fn decodes_quoted_printable() {
        let rows: &[(&str, &[u8], &[u8])] = &[
            ("escapes", b"a=3Db=0d=0A", b"a=b\r\n"),
            ("soft break", b"ab=\r\ncd=\nef", b"abcdef"),
            ("soft break with white space", b"ab= \t\r\ncd", b"abcd"),
            ("soft break at the end", b"ab=", b"ab"),
            ("soft break and CR at the end", b"ab=\r", b"ab"),
            ("trailing white space", b"ab \t\r\ncd  \nef ", b"ab\r\ncd\nef"),
            ("inner white space", b"a  b\tc", b"a  b\tc"),
            ("no hex", b"=XY=1Z=", b"=XY=1Z"),
            ("one digit at the end", b"a=4", b"a=4"),
            ("equals twice", b"==3D=\r\n=", b"=="),
            ("equals and space", b"a= b", b"a= b"),
            ("bare CR", b"a\rb=\rc\r", b"a\rb=\rc\r"),
            ("line ends", b"a\r\n\n\r\r\nb", b"a\r\n\n\r\r\nb"),
            ("8-bit", b"\xFF=FF", b"\xFF\xFF"),
        ];
        for (name, text, want) in rows {
            assert_eq!(quoted_printable(text), *want, "{name}");
            let (mut bytewise, mut decoder) = (Vec::new(), QuotedPrintable::default());
            for byte in text.iter() {
                decoder.decode(&[*byte], &mut bytewise);
            }
            decoder.finish(&mut bytewise);
            assert_eq!(bytewise, *want, "{name} by octet");
        }
    }

    #[test]
    fn holds_no_more_than_a_line() {
        let mut decoder = QuotedPrintable::default();
        let mut out = Vec::new();
        decoder.decode(&[b' '; 100_000], &mut out);
        assert!(decoder.held.len() <= QuotedPrintable::MAX_HELD);
        decoder.decode(b"x", &mut out);
        assert_eq!(out.len(), 100_001);
    }

    #[test]
    fn reads_the_header() {
        let rows: &[(&[u8], TransferEncoding)] = &[
            (b" BASE64 ", TransferEncoding::Base64),
            (b"quoted-printable (sic)", TransferEncoding::QuotedPrintable),
            (b"Quoted-Printable;", TransferEncoding::QuotedPrintable),
            (b"8bit", TransferEncoding::Identity),
            (b"", TransferEncoding::Identity),
            (b"x-uuencode", TransferEncoding::Identity),
        ];
        for (value, want) in rows {
            assert_eq!(TransferEncoding::parse(value), *want);
        }
        assert_eq!(TransferEncoding::Base64.decode(b"Zg==").as_ref(), b"f");
        assert_eq!(TransferEncoding::QuotedPrintable.decode(b"=46").as_ref(), b"F");
        assert_eq!(TransferEncoding::Identity.decode(b"=46").as_ref(), b"=46");
    }

    proptest! {
        #[test]
        fn reads_what_base64_writes(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(base64(STANDARD.encode(&bytes).as_bytes()), bytes);
        }

        #[test]
        fn cuts_change_nothing(text in "[=\r\n \t0-9A-Fa-gé]{0,60}", at in any::<prop::sample::Index>()) {
            let text = text.as_bytes();
            let (head, tail) = text.split_at(at.index(text.len().saturating_add(1)));
            let (mut cut, mut decoder) = (Vec::new(), QuotedPrintable::default());
            decoder.decode(head, &mut cut);
            decoder.decode(tail, &mut cut);
            decoder.finish(&mut cut);
            prop_assert_eq!(cut, quoted_printable(text));
            let (mut cut, mut decoder) = (Vec::new(), Base64::default());
            decoder.decode(head, &mut cut);
            decoder.decode(tail, &mut cut);
            prop_assert_eq!(cut, base64(text));
        }
    }
}

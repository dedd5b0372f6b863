use alloc::vec::Vec;

use crate::ascii::{hex_octet, hex_value, is_space};

/// Decodes quoted-printable text as [`QuotedPrintable`] does, whole.
#[must_use]
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut decoder = QuotedPrintable::default();
    decoder.decode(text, &mut bytes);
    decoder.finish(&mut bytes);
    bytes
}

/// A quoted-printable decoder that takes what it gets (RFC 2045 section 6.7).
///
/// White space at the end of a line is dropped, as the RFC asks, and lower-case digits are fine. An `=` that
/// begins neither an escape nor a soft line break stays. Line ends stay what they are, CRLF or bare LF.
#[derive(Clone, Debug, Default)]
pub struct QuotedPrintable {
    /// What cannot be decided yet: white space that may end the line, or an `=` and what follows it.
    held: Vec<u8>,
    /// Whether the line goes on with white space that is more than may be held, and written.
    is_long: bool,
}

impl QuotedPrintable {
    /// White space longer than any encoder's line is written as it is, wherever it stands, so that the memory is bounded.
    pub(super) const MAX_HELD: usize = 998;

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Appends to `out` what `text` adds and is decided.
    pub fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = self.blank(text, out);
        while !rest.is_empty() {
            if self.held.is_empty() {
                rest = self.decided(rest, out);
            } else if let Some((&byte, after)) = rest.split_first()
                && self.step(byte, out)
            {
                rest = self.blank(after, out);
            }
        }
    }

    /// Writes the rest of white space that is more than may be held. Gives what follows.
    fn blank<'a>(&mut self, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        if !self.is_long {
            return text;
        }
        let (blank, after) = text.split_at_checked(leading(text.iter())).unwrap_or_default();
        out.extend_from_slice(blank);
        self.is_long = after.is_empty();
        after
    }

    /// Decodes to the next line end or `=`. Holds what only the octets behind `text` decide. Gives what follows.
    fn decided<'a>(&mut self, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let Some(at) = memchr::memchr2(b'=', b'\n', text) else {
            let end = text.len().saturating_sub(usize::from(text.ends_with(b"\r")));
            let blank = leading(text.get(..end).unwrap_or_default().iter().rev());
            // A CR behind it may begin the line end.
            self.is_long = blank > Self::MAX_HELD && end == text.len();
            let blank = if blank > Self::MAX_HELD { 0 } else { blank };
            let held = text.len().saturating_sub(end).saturating_add(blank);
            let (plain, held) = text.split_at_checked(text.len().saturating_sub(held)).unwrap_or_default();
            out.extend_from_slice(plain);
            self.held.extend_from_slice(held);
            return &[];
        };
        let (before, after) = text.split_at_checked(at).unwrap_or_default();
        if let [b'=', high, low, after @ ..] = after
            && let Some(octet) = hex_octet(*high, *low)
        {
            out.extend_from_slice(before);
            out.push(octet);
            return after;
        }
        match after {
            [b'\n', after @ ..] => {
                let (line, end): (_, &[u8]) = match before.strip_suffix(b"\r") {
                    Some(line) => (line, b"\r\n"),
                    None => (before, b"\n"),
                };
                let blank = leading(line.iter().rev());
                let blank = if blank > Self::MAX_HELD { 0 } else { blank };
                out.extend_from_slice(line.get(..line.len().saturating_sub(blank)).unwrap_or_default());
                out.extend_from_slice(end);
                after
            }
            [b'=', b'\r', b'\n', after @ ..] | [b'=', b'\n', after @ ..] => {
                out.extend_from_slice(before);
                after
            }
            _ => {
                out.extend_from_slice(before);
                self.held.push(b'=');
                crate::ascii::tail(after, 1)
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

    /// Takes `byte` after what is held, which is not empty. Returns false if `byte` has to be read again.
    fn step(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        let soft = self.held.first() == Some(&b'=');
        match (self.held.as_slice(), byte) {
            ([b'=', high], _) if hex_value(*high).is_some() => {
                if let Some(octet) = hex_octet(*high, byte) {
                    out.push(octet);
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
            (_, b'\r') => {
                self.held.push(byte);
                true
            }
            (held, b' ' | b'\t') => {
                self.is_long = held.len() >= Self::MAX_HELD;
                self.held.push(byte);
                if self.is_long {
                    out.append(&mut self.held);
                }
                true
            }
            _ => {
                out.append(&mut self.held);
                false
            }
        }
    }
}

/// How much of it is white space, from its start.
fn leading<'a>(octets: impl Iterator<Item = &'a u8>) -> usize {
    octets.take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

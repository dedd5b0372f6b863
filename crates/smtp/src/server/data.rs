use alloc::vec::Vec;

/// Reads a message the way DATA carries it, up to its lone dot, and takes the doubled dots back.
///
/// It knows no line end but CRLF: a bare CR or LF is data, so it never ends a message that another server would
/// not end there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataDecoder {
    place: Place,
    bare: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    LineStart,
    Dot,
    DotCr,
    Inside,
    Cr,
}

impl DataDecoder {
    /// At the start of a message.
    #[must_use]
    pub const fn new() -> Self {
        Self { place: Place::LineStart, bare: false }
    }

    /// Appends what `input` says to `out`. How many octets of `input` it took when the message ends there; `None`
    /// when it took all and there is more to come. May be fed in pieces cut anywhere.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let mut index = 0;
        while let Some(&octet) = input.get(index) {
            let rest = input.get(index..).unwrap_or_default();
            // Most of a message is inside of lines, where nothing but their ends has to be looked at.
            if self.place == Place::Inside && !matches!(octet, b'\r' | b'\n') {
                let line_end = rest.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
                let run = rest.get(..line_end.unwrap_or(rest.len())).unwrap_or_default();
                out.extend_from_slice(run);
                index = index.saturating_add(run.len());
                continue;
            }
            index = index.saturating_add(1);
            let (place, data): (Place, &[u8]) = match (self.place, octet) {
                (Place::LineStart, b'.') => (Place::Dot, b""),
                (Place::Dot, b'\r') => (Place::DotCr, b""),
                (Place::DotCr, b'\n') => {
                    self.place = Place::LineStart;
                    return Some(index);
                }
                (Place::Cr, b'\n') => (Place::LineStart, b"\r\n"),
                // A CR that no LF followed is data after all.
                (Place::Cr | Place::DotCr, b'\r') => (Place::Cr, b"\r"),
                (Place::Cr | Place::DotCr, _) => {
                    out.push(b'\r');
                    (Place::Inside, &[octet])
                }
                (_, b'\r') => (Place::Cr, b""),
                (_, _) => (Place::Inside, &[octet]),
            };
            let after_cr = matches!(self.place, Place::Cr | Place::DotCr);
            self.bare |= if octet == b'\n' { self.place != Place::Cr } else { after_cr };
            out.extend_from_slice(data);
            self.place = place;
        }
        None
    }

    /// Whether a CR without LF or an LF without CR was in it, which RFC 5321 section 2.3.8 forbids.
    #[must_use]
    pub const fn saw_bare_line_end(&self) -> bool {
        self.bare
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use super::*;

    #[test]
    fn a_message_ends_with_its_dot_alone() {
        let rows: &[(&[u8], &[u8], Option<usize>, bool)] = &[
            (b".\r\n", b"", Some(3), false),
            (b"a\r\n.\r\nQUIT\r\n", b"a\r\n", Some(6), false),
            (b"..\r\n...\r\n.\r\n", b".\r\n..\r\n", Some(12), false),
            (b".a\r\n.\r\n", b"a\r\n", Some(7), false),
            (b"a\r\n.", b"a\r\n", None, false),
            (b"a\n.\n.\r\n.\r\n", b"a\n.\n.\r\n", Some(10), true),
            (b"a\r\n.\n.\r\n.\r\n", b"a\r\n\n.\r\n", Some(11), true),
            (b"a\r.\r.\r\n.\r\n", b"a\r.\r.\r\n", Some(10), true),
            (b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n", Some(10), true),
            (b"a\r\n.\r.\r\n.\r\n", b"a\r\n\r.\r\n", Some(11), true),
            (b"\n.\r\n.\r\n", b"\n.\r\n", Some(7), true),
        ];
        for (input, data, end, bare) in rows {
            for at in 0..=input.len() {
                let (mut decoder, mut out) = (DataDecoder::new(), vec![]);
                let head = decoder.decode(&input[..at], &mut out);
                let found = head.or_else(|| decoder.decode(&input[at..], &mut out).map(|count| at + count));
                let name = input.escape_ascii().to_string();
                assert_eq!((out.as_slice(), found), (*data, *end), "{name} at {at}");
                assert_eq!(decoder.saw_bare_line_end(), *bare, "{name} at {at}");
            }
        }
    }
}

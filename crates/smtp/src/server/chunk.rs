/// Watches for a CR without LF or an LF without CR, in pieces cut anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LineEndCheck {
    after_cr: bool,
    bare: bool,
}

impl LineEndCheck {
    pub(super) fn add(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let [first, after @ ..] = rest {
            match (self.after_cr, first) {
                (true, octet) => {
                    self.bare |= *octet != b'\n';
                    self.after_cr = false;
                }
                (false, b'\r') => self.after_cr = true,
                (false, b'\n') => self.bare = true,
                (false, _) => {
                    // Most of a message is inside of lines.
                    let end = rest.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
                    rest = rest.get(end.unwrap_or(rest.len())..).unwrap_or_default();
                    continue;
                }
            }
            rest = after;
        }
    }

    /// Whether there was one; a CR at the very end is one too.
    pub(super) const fn is_bare(self) -> bool {
        self.bare || self.after_cr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_line_ends_that_are_none() {
        for (text, want) in [
            (&b"a\r\nb\r\n"[..], false),
            (b"", false),
            (b"a", false),
            (b"a\nb", true),
            (b"a\rb", true),
            (b"a\r\r\nb", true),
            (b"\n", true),
            (b"a\r", true),
            (b"a\r\n\r", true),
            (b"\r\n\n", true),
        ] {
            for at in 0..=text.len() {
                let mut check = LineEndCheck::default();
                let (head, tail) = text.split_at(at);
                check.add(head);
                check.add(tail);
                assert_eq!(check.is_bare(), want, "{} {at}", text.escape_ascii());
            }
        }
    }
}

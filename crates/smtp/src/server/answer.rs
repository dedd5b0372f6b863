use alloc::{borrow::Cow, format, vec::Vec};

use mailbearer_wire::printable;

/// A reply as a server says it: the code, and text of one line or more, separated by `\n`.
///
/// Each line may begin with an enhanced status code (RFC 2034). Control characters in the text are escaped when it is sent, so
/// a text can't end its line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a reply is a code and a text")]
pub struct Answer {
    /// The three-digit code.
    pub code: u16,
    /// The text.
    pub text: Cow<'static, str>,
}

impl Answer {
    /// An answer with a constant text.
    #[must_use]
    pub const fn new(code: u16, text: &'static str) -> Self {
        Self { code, text: Cow::Borrowed(text) }
    }

    /// Whether the answer is positive: a code below 400.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Appends the reply's lines to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mark = if lines.peek().is_some() { '-' } else { ' ' };
            out.extend_from_slice(format!("{:03}{mark}{}\r\n", self.code, printable(line)).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_lines() {
        let rows: &[(u16, &str, &str)] = &[
            (250, "a\nSIZE 5", "250-a\r\n250 SIZE 5\r\n"),
            (535, "5.7.8 a\n5.7.8 b", "535-5.7.8 a\r\n535 5.7.8 b\r\n"),
            (334, "", "334 \r\n"),
            (250, "a\r\n250 b\r", "250-a\\r\r\n250 250 b\\r\r\n"),
        ];
        for (code, text, want) in rows {
            let mut out = Vec::new();
            Answer { code: *code, text: Cow::Owned((*text).into()) }.encode(&mut out);
            assert_eq!(core::str::from_utf8(&out), Ok(*want), "{text:?}");
        }
    }
}

use alloc::{borrow::Cow, format, vec::Vec};

use mailbearer_wire::printable;

/// A status line of a server.
///
/// Control characters in the text are escaped when it is sent, so that a text never ends its line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a status line is a mark and a text")]
pub struct Answer {
    /// Whether it is `+OK` rather than `-ERR`.
    pub ok: bool,
    /// The text. It may start with a code of RFC 2449 in brackets.
    pub text: Cow<'static, str>,
}

impl Answer {
    /// Makes a `+OK` from a constant text.
    #[must_use]
    pub const fn ok(text: &'static str) -> Self {
        Self { ok: true, text: Cow::Borrowed(text) }
    }

    /// Makes an `-ERR` from a constant text.
    #[must_use]
    pub const fn err(text: &'static str) -> Self {
        Self { ok: false, text: Cow::Borrowed(text) }
    }

    /// Appends the line to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mark = if self.ok { "+OK" } else { "-ERR" };
        let space = if self.text.is_empty() { "" } else { " " };
        out.extend_from_slice(format!("{mark}{space}{}\r\n", printable(&self.text)).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_a_line() {
        for (answer, want) in [
            (Answer::ok(""), "+OK\r\n"),
            (Answer::ok("2 320"), "+OK 2 320\r\n"),
            (Answer::err("[AUTH] no\r\n+OK"), "-ERR [AUTH] no\\r\\n+OK\r\n"),
        ] {
            let mut out = Vec::new();
            answer.encode(&mut out);
            assert_eq!(core::str::from_utf8(&out), Ok(want));
        }
    }
}

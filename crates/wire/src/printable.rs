use alloc::{borrow::Cow, string::String};
use core::fmt::Write;

/// `text` with everything that could steer a terminal or reorder what it shows written as an escape.
///
/// C0 and C1 controls, DEL, and the Unicode controls of direction and invisibility become `\xNN` or `\u{…}`.
/// Text without any of them is borrowed.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            _ if is_unsafe(character) => {
                // Writing to a String does not fail.
                let _ = match u8::try_from(character) {
                    Ok(octet) => write!(out, "\\x{octet:02x}"),
                    Err(_) => write!(out, "\\u{{{:x}}}", u32::from(character)),
                };
            }
            _ => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// At most `limit` octets of a peer's `bytes`, fit for an error message, a log or a terminal.
///
/// What is not UTF-8 becomes U+FFFD; `…` stands for what was cut off.
#[must_use]
pub fn printable_bytes(bytes: &[u8], limit: usize) -> String {
    let shown = bytes.get(..limit).unwrap_or(bytes);
    let mut text = printable(&String::from_utf8_lossy(shown)).into_owned();
    if shown.len() < bytes.len() {
        text.push('…');
    }
    text
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_steers_a_terminal_and_nothing_else() {
        let rows = [
            ("plain", "Grüße 你好", "Grüße 你好"),
            ("escape sequence", "a\u{1b}[2Jb", "a\\x1b[2Jb"),
            ("line ends", "a\r\nb\tc", "a\\r\\nb\\tc"),
            ("NUL and DEL", "\0\u{7f}", "\\x00\\x7f"),
            ("C1", "\u{9b}2J", "\\x9b2J"),
            ("right to left override", "a\u{202e}b", "a\\u{202e}b"),
            ("nobody sees these", "a\u{ad}\u{180e}\u{206a}\u{feff}b", "a\\xad\\u{180e}\\u{206a}\\u{feff}b"),
            ("letters of nothing", "a\u{3164}\u{ffa0}\u{fffb}", "a\\u{3164}\\u{ffa0}\\u{fffb}"),
            ("tags", "\u{e0001}\u{e007f}", "\\u{e0001}\\u{e007f}"),
            (
                "what a script or a picture needs",
                "한 葛\u{e0100} \u{2764}\u{fe0f}",
                "한 葛\u{e0100} \u{2764}\u{fe0f}",
            ),
        ];
        for (name, input, want) in rows {
            assert_eq!(printable(input), want, "{name}");
        }
    }

    #[test]
    fn cuts_long_and_broken_bytes() {
        assert_eq!(printable_bytes(b"abcdef", 3), "abc…");
        assert_eq!(printable_bytes(b"abc", 3), "abc");
        assert_eq!(printable_bytes(b"a\xffb", 9), "a\u{fffd}b");
    }
}

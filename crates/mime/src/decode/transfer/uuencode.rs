use alloc::vec::Vec;
use core::mem;

/// A decoder of what `uuencode` writes, by lines: `begin 644 name`, data, `end` (POSIX, `uuencode`).
///
/// Lines before `begin` are given as they are, so that a text which is none loses nothing. What follows `end` is
/// dropped. A line of more than 1,000 octets is cut there.
#[derive(Clone, Debug, Default)]
pub struct UuEncode {
    line: Vec<u8>,
    state: State,
    /// Empty lines, which are none of the file if it begins behind them.
    blank: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Inside,
    Over,
}

impl UuEncode {
    const MAX_LINE: usize = 1_000;

    /// Appends to `out` what `text` adds: each line when its end is there.
    pub fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for piece in text.split_inclusive(|&byte| byte == b'\n') {
            let room = Self::MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.ends_with(b"\n") {
                self.end_of_line(out);
            }
        }
    }

    /// Ends the text, and its last line with it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_of_line(out);
        out.append(&mut self.blank);
        *self = Self::default();
    }

    fn end_of_line(&mut self, out: &mut Vec<u8>) {
        let line = mem::take(&mut self.line);
        let text = line.trim_ascii_end();
        match self.state {
            State::Before if file_name(text).is_some() => {
                self.state = State::Inside;
                self.blank.clear();
            }
            State::Before if text.is_empty() && self.blank.len() < Self::MAX_LINE => {
                self.blank.extend_from_slice(&line);
            }
            State::Before => {
                out.append(&mut self.blank);
                out.extend_from_slice(&line);
            }
            State::Inside if text == b"end" => self.state = State::Over,
            State::Inside => decode_line(text, out),
            State::Over => {}
        }
        self.line = line;
        self.line.clear();
    }
}

/// `begin` mode name: the name.
pub(crate) fn file_name(line: &[u8]) -> Option<&[u8]> {
    let mode_and_name = line.strip_prefix(b"begin ")?.trim_ascii();
    let end = mode_and_name.iter().position(|&byte| byte == b' ')?;
    let (mode, name) = mode_and_name.split_at_checked(end)?;
    // `100644` is the mode of a regular file with its kind.
    let is_mode = (3..=6).contains(&mode.len()) && mode.iter().all(|byte| matches!(byte, b'0'..=b'7'));
    Some(name.trim_ascii()).filter(|name| is_mode && !name.is_empty())
}

/// The first character is the number of octets, each four that follow are three of them. Spaces that a mailer took from
/// the end of the line were zeros.
pub(crate) fn decode_line(line: &[u8], out: &mut Vec<u8>) {
    let Some((&count, text)) = line.split_first() else { return };
    let mut left = usize::from(sextet(count));
    for group in text.chunks(4) {
        let at = |place: usize| group.get(place).copied().map_or(0, sextet);
        let (a, b, c, d) = (at(0), at(1), at(2), at(3));
        let octets = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
        out.extend_from_slice(octets.get(..left).unwrap_or(&octets));
        left = left.saturating_sub(3);
    }
    // Whole groups of zeros can be gone too; a first character that promises more than a line holds is wrong.
    out.extend(core::iter::repeat_n(0, left));
}

const fn sextet(byte: u8) -> u8 {
    byte.wrapping_sub(b' ') & 0x3F
}

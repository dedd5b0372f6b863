use alloc::vec::Vec;
use core::mem;

use crate::ascii::{is_space, tail};

/// Decodes base64 as [`Base64`] does, whole.
#[must_use]
pub fn base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((text.len() / 4).saturating_mul(3));
    let mut decoder = Base64::default();
    decoder.decode(text, &mut bytes);
    decoder.finish(&mut bytes);
    bytes
}

/// A base64 decoder that takes what it gets (RFC 2045 section 6.8).
///
/// Octets outside the alphabet are skipped; padding may be missing. Padding, an empty line or one of signs alone, such as
/// `-- `, ends the data, unless what follows is base64 too: texts that were encoded in pieces decode whole, and the footer of
/// a mailing list is not taken for data. A line of prose ends them as well; where it is the first one, the text is not base64
/// at all, and is returned as it is. To tell, one line of at most 1,000 octets is held.
#[derive(Clone, Debug, Default)]
pub struct Base64 {
    groups: Groups,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// At a line that may be prose, which is held as far as it is there.
    Start {
        line: Vec<u8>,
        is_first: bool,
    },
    /// A text that is not encoded at all.
    Plain,
    Data {
        /// Whether the line has held nothing of the alphabet yet, and one came before.
        blank: bool,
        /// Whether the line is known to be no prose.
        is_known: bool,
    },
    /// The data may be over. Holds the line that tells, as far as it is there.
    Doubt {
        line: Vec<u8>,
        /// Whether it is the rest of the line in which the padding was.
        same_line: bool,
    },
    Over,
}

impl Default for State {
    fn default() -> Self {
        Self::Start { line: Vec::new(), is_first: true }
    }
}

impl Base64 {
    const MAX_LINE: usize = 1_000;

    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        match &self.state {
            State::Start { line, .. } | State::Doubt { line, .. } => line.len(),
            _ => 0,
        }
    }

    /// Appends to `out` what `text` adds and is decided.
    pub fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while !rest.is_empty() {
            rest = match &mut self.state {
                State::Data { .. } => self.data(rest, out),
                State::Start { line, is_first } => {
                    let is_first = *is_first;
                    let room = Self::MAX_LINE.saturating_sub(line.len());
                    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    let (more, after) = rest.split_at_checked(end.min(room)).unwrap_or_default();
                    if after.is_empty() {
                        line.extend_from_slice(more);
                        return;
                    }
                    let held = mem::take(line);
                    if held.is_empty() {
                        self.start(more, is_first);
                        continue;
                    }
                    self.start(&[&held, more].concat(), is_first);
                    self.decode(&held, out);
                    rest
                }
                State::Plain => return out.extend_from_slice(rest),
                State::Doubt { line, .. } => {
                    let room = Self::MAX_LINE.saturating_sub(line.len());
                    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len()).min(room);
                    let (more, after) = rest.split_at_checked(end).unwrap_or_default();
                    line.extend_from_slice(more);
                    match after.strip_prefix(b"\n") {
                        Some(after) => {
                            self.decide(out, true);
                            after
                        }
                        None => {
                            if !after.is_empty() {
                                self.decide(out, false);
                            }
                            after
                        }
                    }
                }
                State::Over => return,
            };
        }
    }

    /// Ends the data: the bits of an unfinished group are forgotten.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let State::Start { line, is_first } = &mut self.state {
            let (line, is_first) = (mem::take(line), *is_first);
            self.start(&line, is_first);
            self.decode(&line, out);
        }
        if matches!(self.state, State::Doubt { .. }) {
            self.decide(out, true);
        }
        *self = Self::default();
    }

    /// Looks at a line.
    fn start(&mut self, line: &[u8], is_first: bool) {
        self.state = match is_prose(line) {
            true if is_first => State::Plain,
            true => State::Over,
            false => State::Data { blank: !is_first, is_known: true },
        };
    }

    /// Decodes up to the end of a line or to padding, and whole lines before that. Gives what follows.
    fn data<'a>(&mut self, text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        if self.groups.is_whole()
            && let Some(after) = whole_lines(text, out)
        {
            self.state = State::Data { blank: true, is_known: false };
            return after;
        }
        if let State::Data { blank: true, is_known: false } = self.state
            && self.groups.is_whole()
        {
            self.state = State::Start { line: Vec::new(), is_first: false };
            return text;
        }
        let end = memchr::memchr2(b'\n', b'=', text);
        let (line, after) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or_default();
        self.groups.decode(line, out);
        let State::Data { blank, is_known } = &mut self.state else { return after };
        *blank &= line.iter().all(|&byte| sextet(byte).is_none());
        match after.split_first() {
            Some((b'=', after)) => {
                self.groups.finish();
                self.state = State::Doubt { line: Vec::new(), same_line: true };
                after
            }
            Some((_, after)) => {
                *is_known = false;
                if *blank {
                    self.state = State::Doubt { line: Vec::new(), same_line: false };
                } else {
                    *blank = true;
                }
                after
            }
            None => after,
        }
    }

    /// Looks at the line that is held, which is at its end, or too long for any encoder.
    fn decide(&mut self, out: &mut Vec<u8>, whole: bool) {
        let State::Doubt { line, same_line } = &mut self.state else { return };
        let (line, same_line) = (mem::take(line), mem::replace(same_line, false));
        let mut text = line.trim_ascii();
        // `aGk= ignored`: words behind the padding are no data.
        let is_apart = line.iter().find(|&&byte| byte != b'=').copied().is_some_and(is_space);
        while let Some(padding) = text.strip_prefix(b"=").filter(|_| same_line) {
            text = padding.trim_ascii_start();
        }
        if text.is_empty() {
            return;
        }
        let valid = text.iter().all(|&byte| sextet(byte).is_some() || byte == b'=');
        // What goes on fills the group before it, or is whole itself.
        let fills = text.len().wrapping_add(usize::from(self.groups.place)) % 4 == 0;
        let is_whole = text.len() % 4 == 0;
        if !valid || (whole && (!same_line || is_apart) && !fills && !is_whole) {
            self.state = State::Over;
            return;
        }
        if !fills && is_whole {
            self.groups.finish();
        }
        for piece in text.split_inclusive(|&byte| byte == b'=') {
            self.groups.decode(piece, out);
            if piece.ends_with(b"=") {
                self.groups.finish();
            }
        }
        if !text.ends_with(b"=") {
            self.state = State::Data { blank: whole, is_known: false };
        }
    }
}

/// Whether a line has three words or more, short ones, and not all of them groups of four as encoders write them.
fn is_prose(line: &[u8]) -> bool {
    let words = || line.trim_ascii().split(|&byte| is_space(byte)).filter(|word| !word.is_empty());
    let is_group =
        |word: &[u8]| word.len().is_multiple_of(4) && word.iter().all(|&byte| sextet(byte).is_some());
    words().nth(2).is_some()
        && memchr::memchr(b'=', line).is_none()
        && words().all(|word| word.len() <= 30)
        && !words().all(is_group)
}

/// The four characters to three octets alone: octets outside the alphabet are skipped.
#[derive(Clone, Debug, Default)]
pub(in crate::decode) struct Groups {
    /// Bits of the group that are not written yet, in the low end.
    bits: u8,
    /// Characters of the group so far, 0 to 3.
    place: u8,
}

impl Groups {
    /// Appends to `out` what `text` adds: each octet as soon as its bits are there.
    pub(in crate::decode) fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.place == 0 {
                rest = whole_groups(rest, out);
            }
            // What is left is a group with something else in it, or a part of one.
            let Some((&byte, after)) = rest.split_first() else { return };
            rest = after;
            let Some(value) = sextet(byte) else { continue };
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
    pub(in crate::decode) fn finish(&mut self) {
        *self = Self::default();
    }

    pub(in crate::decode) const fn is_whole(&self) -> bool {
        self.place == 0
    }

    /// Whether all of `text` is base64 or white space.
    pub(in crate::decode) fn is_valid(text: &[u8]) -> bool {
        // Octets that are neither are rare: a table's top bit tells of them without a branch each.
        let marks = text.iter().fold(0, |marks, &byte| marks | sextet_or_none(byte));
        marks & 0x80 == 0 || text.iter().all(|&byte| sextet(byte).is_some() || byte == b'=' || is_space(byte))
    }

    /// Whether the group so far goes on in `text`: the two fill it, and it is not a whole one that lacks its
    /// padding.
    pub(in crate::decode) fn completes_with(&self, text: &[u8]) -> bool {
        if self.place == 0 {
            return true;
        }
        let characters = text.iter().filter(|&&byte| !is_space(byte)).count();
        let fills = characters.wrapping_add(usize::from(self.place)) & 3 == 0;
        // `YQ` and `Yg` fill a group too, but the spare bits of `YQ` are zero, as those of a last character
        // are.
        fills && !(self.place == 2 && self.bits & 0x0F == 0)
    }
}

/// Decodes lines of one length that are whole groups and nothing else, as encoders write them; a block of them at a time.
/// Gives what follows them, or `None` where the first line is no such one.
fn whole_lines<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let first = text.get(..BLOCK).unwrap_or(text);
    let stride = memchr::memchr(b'\n', first)?.saturating_add(1);
    let len = first.get(..stride)?.trim_ascii_end().len();
    let line_end = first.get(len..stride)?;
    if len == 0 || len % 4 != 0 || !matches!(line_end, b"\n" | b"\r\n") {
        return None;
    }
    let (mut rest, mut block, mut lines) = (text, [0; BLOCK], 1);
    loop {
        // Who does without vector instructions wants a small program.
        let filled = if cfg!(feature = "simd") && (len, line_end) == (76, b"\r\n") {
            usual_lines(rest, lines, &mut block)
        } else {
            let mut filled = 0usize;
            // A line of another length, or what follows the last one, ends the block, and what is no base64 makes it fail.
            for (line, room) in rest.chunks_exact(stride).zip(block.chunks_exact_mut(len)).take(lines) {
                let (data, end) = line.split_at_checked(len).unwrap_or_default();
                if end != line_end {
                    break;
                }
                room.copy_from_slice(data);
                filled = filled.saturating_add(1);
            }
            filled
        };
        let groups = block.get(..filled.saturating_mul(len)).unwrap_or_default();
        if groups.is_empty() || !decode_groups(groups, out) {
            return Some(rest).filter(|rest| rest.len() < text.len());
        }
        rest = tail(rest, filled.saturating_mul(stride));
        // Work that fails is never more than what went well before.
        lines = lines.saturating_mul(2);
    }
}

/// Copies up to so many lines of 76 characters and CRLF to `block`, without the line ends. Returns how many there were. The
/// compiler knows their length, so that each takes a few instructions.
fn usual_lines(text: &[u8], lines: usize, block: &mut [u8; BLOCK]) -> usize {
    let ((from, _), (rooms, _)) = (text.as_chunks::<78>(), block.as_chunks_mut::<76>());
    let mut filled = 0usize;
    for (line, room) in from.iter().zip(rooms).take(lines) {
        let (Some(data), Some(b"\r\n")) = (line.first_chunk(), line.last_chunk()) else { break };
        *room = *data;
        filled = filled.saturating_add(1);
    }
    filled
}

/// Octets that are decoded at a time: some lines of 76.
const BLOCK: usize = 4_096;

/// Decodes whole groups, or nothing if an octet is none of the alphabet.
#[cfg(feature = "simd")]
fn decode_groups(groups: &[u8], out: &mut Vec<u8>) -> bool {
    encodify::base64::STANDARD_NO_PAD.decode_append(groups, out).is_ok()
}

/// Decodes whole groups, or nothing if an octet is none of the alphabet.
#[cfg(not(feature = "simd"))]
fn decode_groups(groups: &[u8], out: &mut Vec<u8>) -> bool {
    let before = out.len();
    let is_whole = whole_groups(groups, out).is_empty();
    if !is_whole {
        out.truncate(before);
    }
    is_whole
}

/// Decodes groups of four as long as they are nothing else. Gives what follows.
fn whole_groups<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (mut rest, mut has_blocks) = (text, cfg!(feature = "simd"));
    loop {
        let (groups, _) = rest.get(..MOST).unwrap_or(rest).as_chunks::<4>();
        let before = out.len();
        out.resize(before.saturating_add(groups.len().saturating_mul(3)), 0);
        let (rooms, _) = out.get_mut(before..).unwrap_or_default().as_chunks_mut::<3>();
        let mut count = 0usize;
        for (group, room) in groups.iter().zip(rooms) {
            let [a, b, c, d] = group.map(sextet_or_none);
            // One look tells for all four: only what is no character has the top bit.
            if (a | b | c | d) & 0x80 != 0 {
                break;
            }
            *room = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
            count = count.saturating_add(1);
        }
        rest = tail(rest, count.saturating_mul(4));
        if count < groups.len() {
            out.truncate(before.saturating_add(count.saturating_mul(3)));
            return rest;
        }
        if rest.len() < 4 {
            return rest;
        }
        // A text may be one endless line. A block that fails costs no more than what is decoded up to there after it.
        while has_blocks && let Some(block) = rest.get(..BLOCK) {
            has_blocks = decode_groups(block, out);
            rest = if has_blocks { tail(rest, BLOCK) } else { rest };
        }
    }
}

/// Octets that are decoded at a time without vector instructions: room is made for no more where every group is broken.
const MOST: usize = 256;

/// Value of a character of the alphabet.
pub(in crate::decode) fn sextet(byte: u8) -> Option<u8> {
    Some(sextet_or_none(byte)).filter(|&value| value != NONE)
}

fn sextet_or_none(byte: u8) -> u8 {
    SEXTETS.get(usize::from(byte)).copied().unwrap_or(NONE)
}

const NONE: u8 = 0xFF;

/// Values of the alphabet by octet.
static SEXTETS: [u8; 256] = {
    let alphabet = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [NONE; 256];
    let mut value = 0u8;
    while value < 64 {
        #[expect(
            clippy::indexing_slicing,
            clippy::as_conversions,
            reason = "checked by the compiler, which runs it"
        )]
        {
            table[alphabet[value as usize] as usize] = value;
        }
        value = value.wrapping_add(1);
    }
    table
};

//! Header lines: folding, encoded words, quoted strings and parameters.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Group;
use crate::address::quote;
use crate::ascii::{find, hex_digits, hex_octets, is_atext, is_q_literal, is_token, q_escapes, tail};
use crate::{Address, DateTime};

/// Longest line that is aimed at (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 78;
/// Longest line with an encoded word on it, and longest encoded word (RFC 2047 section 2).
const MAX_WORD_LINE: usize = 76;
const MAX_WORD: usize = 75;
/// `=?utf-8?Q?` and `?=`.
const WORD_FRAME: usize = 12;
/// An encoded word is not begun in less room than this.
const MIN_ROOM: usize = 32;

/// A header that is being written. Each method but the first ends it.
pub(crate) struct HeaderLine<'o> {
    out: &'o mut Vec<u8>,
    /// Octets on the line so far.
    column: usize,
}

impl<'o> HeaderLine<'o> {
    pub(crate) fn start(out: &'o mut Vec<u8>, name: &str) -> Self {
        let mut line = Self { out, column: 0 };
        line.push(name);
        line.push(":");
        line
    }

    /// Writes a value that is never folded.
    pub(crate) fn word(mut self, pieces: &[&str]) {
        self.push(" ");
        pieces.iter().for_each(|piece| self.push(piece));
        self.end();
    }

    /// Writes a date.
    pub(super) fn date(self, date: DateTime) {
        self.out.push(b' ');
        date.append_to(self.out);
        self.end();
    }

    /// Writes free text, encoded if it would not be read back as it is.
    pub(super) fn unstructured(mut self, text: &str) {
        if !is_plain_text(text, self.column) {
            self.encoded_words(text);
            return self.end();
        }
        // The space after the colon is not part of the text; those between words are, and a line can begin at each run
        // of them.
        let mut rest = text;
        let mut space = if text.is_empty() { "" } else { " " };
        loop {
            let room = MAX_LINE.saturating_sub(self.column).saturating_sub(space.len());
            let line = if rest.len() <= room { rest.len() } else { last_space(rest, room) };
            self.push(space);
            let (line, after) = rest.split_at_checked(line).unwrap_or_default();
            self.push(line);
            if after.is_empty() {
                return self.end();
            }
            self.fold();
            (rest, space) = (after, "");
        }
    }

    /// Writes an `address-list`.
    pub(crate) fn mailboxes(mut self, mailboxes: &[Address]) {
        self.list(mailboxes, "");
        self.end();
    }

    /// Writes an `address-list` with groups at its end: `group = display-name ":" [group-list] ";"`.
    pub(super) fn mailboxes_and_groups(mut self, mailboxes: &[Address], groups: &[Group]) {
        self.list(mailboxes, if groups.is_empty() { "" } else { "," });
        for (at, group) in groups.iter().enumerate() {
            let last = at.saturating_add(1) == groups.len();
            self.display_name(&group.name);
            // An encoded word has white space behind it (RFC 2047 section 5 rule 3).
            self.token(&[":"]);
            let end = if last { ";" } else { ";," };
            if group.members.is_empty() {
                self.push(end);
            }
            self.list(&group.members, end);
        }
        self.end();
    }

    /// Mailboxes with commas between them; a line is folded after a comma, or between the words of a name.
    fn list(&mut self, mailboxes: &[Address], end: &str) {
        for (at, mailbox) in mailboxes.iter().enumerate() {
            self.display_name(mailbox.name());
            let last = at.saturating_add(1) == mailboxes.len();
            let comma = if last { end } else { "," };
            // Within brackets nobody takes a local part for an encoded word.
            if mailbox.name().is_empty() && !mailbox.address().contains("=?") {
                self.token(&[mailbox.address(), comma]);
            } else {
                self.token(&["<", mailbox.address(), ">", comma]);
            }
        }
    }

    /// Writes words that are known to be short, a fold wherever one is needed.
    pub(super) fn words<'w>(mut self, words: impl Iterator<Item = &'w str>) {
        words.for_each(|word| self.token(&[word]));
        self.end();
    }

    /// Writes `value` and a parameter after it: a token or a quoted string, which has to be printable ASCII.
    pub(super) fn with_parameter(mut self, value: &str, name: &str, parameter: &str) {
        self.token(&[value, ";"]);
        if !parameter.is_empty() && parameter.bytes().all(is_token) {
            self.token(&[name, "=", parameter]);
        } else if has_no_escapes(parameter) {
            self.token(&[name, "=\"", parameter, "\""]);
        } else {
            self.token(&[name, "=", &quote(parameter)]);
        }
        self.end();
    }

    /// Writes a disposition with the name of a file: as it is where that can be, else in the form of RFC 2231, and in
    /// ASCII for readers who don't know that.
    ///
    /// The form of RFC 2231 stands first: of two forms some readers take the first.
    pub(super) fn with_file_name(mut self, disposition: &str, name: &str) {
        self.token(&[disposition, ";"]);
        if !is_plain_name(name) {
            self.extended_parameter("filename", name);
            self.push(";");
            self.token(&["filename=", &quote(&in_ascii(name))]);
        } else {
            self.token(&["filename=", &plain_parameter(name)]);
        }
        self.end();
    }

    /// Writes a media type with the name of a file, which old readers look for here alone: in encoded words where it is
    /// not plain. RFC 2047 section 5 forbids them; these readers know nothing else.
    pub(super) fn with_name(mut self, media_type: &str, name: &str) {
        self.token(&[media_type, ";"]);
        if is_plain_name(name) {
            self.token(&["name=", &plain_parameter(name)]);
            return self.end();
        }
        let mut words = Words::of(name, MAX_WORD.saturating_sub(10));
        let mut start = "name=\"";
        while let Some(word) = words.next() {
            let end = if words.rest.is_empty() { "\"" } else { "" };
            self.begin(word_len(word, words.q).saturating_add(start.len()).saturating_add(end.len()));
            self.push(start);
            self.encoded_word(word, words.q);
            self.push(end);
            start = "";
        }
        self.end();
    }

    /// `name*=utf-8''text`, or `name*0*=utf-8''text; name*1*=text` if that is too long (RFC 2231 section
    /// 4.1).
    fn extended_parameter(&mut self, name: &str, value: &str) {
        let mut sections = Vec::from([String::new()]);
        // Room for `*999*=utf-8''` and a semicolon.
        let room = MAX_WORD.saturating_sub(name.len()).saturating_sub(14);
        for c in value.chars() {
            let mut unit = String::new();
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // `attribute-char`: a token character other than those that RFC 2231 gives a meaning.
                if is_token(byte) && !b"*'%".contains(&byte) {
                    unit.push(char::from(byte));
                } else {
                    unit.extend(['%'].into_iter().chain(hex_digits(byte)));
                }
            }
            // A character is not split: some readers decode each section by itself.
            match sections.last_mut() {
                Some(section) if section.len().saturating_add(unit.len()) <= room => section.push_str(&unit),
                _ => sections.push(unit),
            }
        }
        if let [section] = sections.as_slice() {
            return self.token(&[name, "*=utf-8''", section]);
        }
        for (number, section) in sections.iter().enumerate() {
            let charset = if number == 0 { "utf-8''" } else { "" };
            let last = number.saturating_add(1) == sections.len();
            let semicolon = if last { "" } else { ";" };
            self.token(&[name, &format!("*{number}*="), charset, section, semicolon]);
        }
    }

    /// `display-name = phrase`: atoms, else a quoted string, else encoded words.
    fn display_name(&mut self, name: &str) {
        if name.is_empty() {
            return;
        }
        // A name has no space at its ends; two that stand together would become one.
        let (mut atoms, mut equals, mut before) = (true, false, b' ');
        for byte in name.bytes() {
            atoms &= is_atext(byte) | (byte == b' ') & (before != b' ');
            equals |= byte == b'=';
            before = byte;
        }
        let plain = |byte: u8| matches!(byte, b' '..=b'~');
        let escapes = || name.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        let quoted_len = || name.len().saturating_add(escapes()).saturating_add(2);
        if equals && has_encoded_word(name)
            || name.len().saturating_add(2) > MAX_WORD
            || !atoms && (!name.bytes().all(plain) || quoted_len() > MAX_WORD)
        {
            return self.encoded_words(name);
        }
        if !atoms || before == b' ' {
            self.token(&[&quote(name)]);
        } else if self.column.saturating_add(name.len()) < MAX_WORD_LINE {
            self.token(&[name]);
        } else {
            name.split(' ').for_each(|atom| self.token(&[atom]));
        }
    }

    fn encoded_words(&mut self, text: &str) {
        let room = |column: usize| MAX_WORD_LINE.saturating_sub(column).saturating_sub(1);
        if room(self.column) < MIN_ROOM {
            self.fold();
        }
        let mut words = Words::of(text, room(self.column));
        let mut first = true;
        while let Some(word) = words.next() {
            if !first {
                self.fold();
            }
            first = false;
            self.push(" ");
            self.encoded_word(word, words.q);
        }
        if first {
            self.push(" ");
            self.encoded_word("", true);
        }
    }

    fn encoded_word(&mut self, text: &str, q: bool) {
        let start = self.out.len();
        self.out.extend_from_slice(if q { b"=?utf-8?Q?" } else { b"=?utf-8?B?" });
        if q {
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let run = rest.iter().position(|&byte| !is_q_literal(byte)).unwrap_or(rest.len());
                let (literal, after) = rest.split_at_checked(run).unwrap_or_default();
                self.out.extend_from_slice(literal);
                let Some((&byte, after)) = after.split_first() else { break };
                if byte == b' ' {
                    self.out.push(b'_');
                } else {
                    let [high, low] = hex_octets(byte);
                    self.out.extend_from_slice(&[b'=', high, low]);
                }
                rest = after;
            }
        } else {
            let mut word = [0; MAX_WORD];
            // No word is longer than that.
            let len = STANDARD.encode_slice(text, &mut word).unwrap_or_default();
            self.out.extend_from_slice(word.get(..len).unwrap_or_default());
        }
        self.out.extend_from_slice(b"?=");
        self.column = self.column.saturating_add(self.out.len().saturating_sub(start));
    }

    /// Writes something that cannot be broken after a space or a fold.
    fn token(&mut self, pieces: &[&str]) {
        self.begin(pieces.iter().map(|piece| piece.len()).fold(0, usize::saturating_add));
        pieces.iter().for_each(|piece| self.push(piece));
    }

    /// Writes the space or the fold before something of `len` octets that cannot be broken.
    fn begin(&mut self, len: usize) {
        // A fold right after the name would leave a line that looks empty.
        if self.column.saturating_add(len) >= MAX_WORD_LINE && !self.out.ends_with(b":") {
            self.fold();
        }
        self.push(" ");
    }

    fn push(&mut self, text: &str) {
        match text.as_bytes() {
            // A call to copy one octet costs more than the octet.
            [octet] => self.out.push(*octet),
            octets => self.out.extend_from_slice(octets),
        }
        self.column = self.column.saturating_add(text.len());
    }

    fn fold(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.column = 0;
    }

    fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Whether a file's name can stand as it is: printable, short enough for a line, and nothing that a reader may take for
/// an encoded word.
fn is_plain_name(name: &str) -> bool {
    name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && !has_encoded_word(name)
        && plain_parameter(name).len() < MAX_WORD.saturating_sub("filename".len())
}

fn plain_parameter(value: &str) -> Cow<'_, str> {
    if !value.is_empty() && value.bytes().all(is_token) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(quote(value))
}

/// Whether a quoted string has it as it is.
fn has_no_escapes(text: &str) -> bool {
    memchr::memchr2(b'"', b'\\', text.as_bytes()).is_none()
}

/// A name for readers who know ASCII alone, with the extension that it has, if it is one.
fn in_ascii(name: &str) -> String {
    let plain = |c: char| match c {
        ' ' | '.' | '_' | '-' | '(' | ')' => c,
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let mut ascii: String = stem.chars().map(plain).take(50).collect();
    if !extension.is_empty() {
        ascii.push('.');
        ascii.extend(extension.chars().map(plain).take(10));
    }
    ascii
}

/// Whether text can stand as it is: printable ASCII in which a reader finds no encoded word and loses no space, and every
/// word short enough for a line.
fn is_plain_text(text: &str, column: usize) -> bool {
    let text = text.as_bytes();
    let printable = text.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    if !printable || matches!(text, [b' ', ..] | [.., b' ']) || find(text, *b"=?").is_some() {
        return false;
    }
    // A word goes to the next line with the spaces in front of it.
    let mut room = MAX_LINE.saturating_sub(column).saturating_sub(1);
    let mut rest = text;
    while rest.len() > room {
        let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
        let word = memchr::memchr(b' ', tail(rest, spaces)).unwrap_or(rest.len().saturating_sub(spaces));
        let len = spaces.saturating_add(word);
        if len > room {
            return false;
        }
        rest = tail(rest, len);
        room = MAX_LINE;
    }
    true
}

/// Where the last run of spaces begins that a line of at most `room` octets can end before. There is one.
fn last_space(text: &str, room: usize) -> usize {
    let text = text.as_bytes();
    let mut end = memchr::memrchr(b' ', text.get(..=room).unwrap_or(text)).unwrap_or(room);
    while end > 0 && text.get(end.saturating_sub(1)) == Some(&b' ') {
        end = end.saturating_sub(1);
    }
    end
}

/// Cuts text into what one encoded word holds each, in B or Q, whichever is shorter for all of it. No character is split
/// (RFC 2047 section 5).
struct Words<'t> {
    rest: &'t str,
    q: bool,
    /// Octets for the text of the next word.
    room: usize,
    /// Octets of the rest in that encoding.
    len: usize,
}

impl<'t> Words<'t> {
    /// The first word is at most `first_room` octets long, which is no less than [`MIN_ROOM`].
    fn of(text: &'t str, first_room: usize) -> Self {
        let (q_len, b_len) = (q_len(text), b_len(text));
        let q = q_len <= b_len;
        let room = first_room.min(MAX_WORD).saturating_sub(WORD_FRAME);
        Self { rest: text, q, room, len: if q { q_len } else { b_len } }
    }

    /// How many octets the next word holds, and how many it takes.
    fn next_len(&self) -> (usize, usize) {
        if self.len <= self.room {
            return (self.rest.len(), self.len);
        }
        if !self.q {
            let at = boundary(self.rest, (self.room / 4).saturating_mul(3));
            return (at, at);
        }
        let octets = self.rest.as_bytes();
        let seen = octets.get(..self.room).unwrap_or(octets);
        // So many fit for sure, of all that could.
        let sure = self.room.saturating_sub(q_escapes(seen).saturating_mul(2)).min(seen.len());
        let (first, more) = seen.split_at_checked(sure).unwrap_or_default();
        let (mut count, mut taken) = (sure, sure.saturating_add(q_escapes(first).saturating_mul(2)));
        for &byte in more {
            let next = taken.saturating_add(q_len_of(byte));
            if next > self.room {
                break;
            }
            (count, taken) = (count.saturating_add(1), next);
        }
        let at = boundary(self.rest, count);
        // What a character that is not whole loses is escaped, each octet of it.
        let split = count.saturating_sub(at).saturating_mul(3);
        let added = at.saturating_sub(count).saturating_mul(3);
        (at, taken.saturating_sub(split).saturating_add(added))
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let (octets, taken) = self.next_len();
        let (piece, rest) = self.rest.split_at_checked(octets)?;
        (self.rest, self.room) = (rest, MAX_WORD.saturating_sub(WORD_FRAME));
        // Not counted over again: a long text would take the square of its length.
        self.len = if self.q { self.len.saturating_sub(taken) } else { b_len(rest) };
        Some(piece)
    }
}

/// The last place at or before `at` that is between two characters, but behind the first one.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at.max(text.chars().next().map_or(0, char::len_utf8))
}

/// Octets of an encoded word.
fn word_len(text: &str, q: bool) -> usize {
    if q { q_len(text) } else { b_len(text) }.saturating_add(WORD_FRAME)
}

fn b_len(text: &str) -> usize {
    text.len().div_ceil(3).saturating_mul(4)
}

fn q_len(text: &str) -> usize {
    text.len().saturating_add(q_escapes(text.as_bytes()).saturating_mul(2))
}

/// A space is written as `_`.
fn q_len_of(byte: u8) -> usize {
    if is_q_literal(byte) || byte == b' ' { 1 } else { 3 }
}

/// Whether a reader might take a part of it for an encoded word.
fn has_encoded_word(text: &str) -> bool {
    find(text.as_bytes(), *b"=?").is_some()
}

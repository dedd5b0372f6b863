//! Header lines: folding, encoded words, quoted strings and parameters.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Group;
use crate::address::quote;
use crate::ascii::{find, hex_digits, in_q, is_token, is_words, len_in_q, tail};
use crate::{Address, DateTime};

/// Longest line that is aimed at (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 78;
/// Longest line with an encoded word on it, and longest encoded word (RFC 2047 section 2).
const MAX_WORD_LINE: usize = 76;
const MAX_WORD: usize = 75;
/// `=?utf-8?Q?`, and that and `?=`.
const WORD_START: usize = 10;
const WORD_FRAME: usize = WORD_START + 2;
/// A word, and what is written behind the last octet of it.
const WORD_ROOM: usize = MAX_WORD + 3;
/// An encoded word is not begun in less room than this.
const MIN_ROOM: usize = 32;

/// A header that is being written. Each method but the first ends it.
pub(crate) struct HeaderLine<'o> {
    out: &'o mut Vec<u8>,
    /// Where the line begins in it.
    begin: usize,
}

impl<'o> HeaderLine<'o> {
    pub(crate) fn start(out: &'o mut Vec<u8>, name: &str) -> Self {
        let begin = out.len();
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        Self { out, begin }
    }

    /// Octets on the line so far.
    fn column(&self) -> usize {
        self.out.len().saturating_sub(self.begin)
    }

    /// Writes a value that is never folded.
    pub(crate) fn word(mut self, pieces: &[&str]) {
        self.out.push(b' ');
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
        if !is_plain_text(text, self.column()) {
            self.encoded_words(text);
            return self.end();
        }
        // The space after the colon is not part of the text; those between words are, and a line can begin at each run
        // of them.
        let mut rest = text;
        let mut space = if text.is_empty() { "" } else { " " };
        loop {
            let room = MAX_LINE.saturating_sub(self.column()).saturating_sub(space.len());
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
    pub(crate) fn mailboxes<'m>(mut self, mailboxes: impl Iterator<Item = &'m Address>) {
        self.list(mailboxes, "");
        self.end();
    }

    /// Writes an `address-list` with groups at its end: `group = display-name ":" [group-list] ";"`.
    pub(super) fn mailboxes_and_groups<'m>(
        mut self,
        mailboxes: impl Iterator<Item = &'m Address>,
        groups: impl Iterator<Item = &'m Group>,
    ) {
        let mut groups = groups.peekable();
        self.list(mailboxes, if groups.peek().is_some() { "," } else { "" });
        while let Some(group) = groups.next() {
            self.display_name(&group.name);
            // An encoded word has white space behind it (RFC 2047 section 5 rule 3).
            self.token(&[":"]);
            let end = if groups.peek().is_some() { ";," } else { ";" };
            if group.members.is_empty() {
                self.push(end);
            }
            self.list(group.members.iter(), end);
        }
        self.end();
    }

    /// Mailboxes with commas between them, and `end` behind the last.
    fn list<'m>(&mut self, mailboxes: impl Iterator<Item = &'m Address>, end: &str) {
        let mut mailboxes = mailboxes.peekable();
        while let Some(mailbox) = mailboxes.next() {
            self.mailbox(mailbox, if mailboxes.peek().is_some() { "," } else { end });
        }
    }

    /// A mailbox and what separates it from the next. A line is folded in front of it, or between the words of its name.
    fn mailbox(&mut self, mailbox: &Address, comma: &str) {
        let (name, address) = (mailbox.name(), mailbox.address());
        // Both spaces, both brackets and what follows the second.
        let len = mailbox.text_len().saturating_add(comma.len()).saturating_add(4);
        if mailbox.has_words() && self.column().saturating_add(len) < MAX_WORD_LINE {
            self.out.reserve(len);
            self.out.push(b' ');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b" <");
            self.out.extend_from_slice(address.as_bytes());
            self.out.push(b'>');
            return self.push(comma);
        }
        self.display_name(name);
        // Within brackets nobody takes a local part for an encoded word.
        if name.is_empty() && !address.contains("=?") {
            return self.token(&[address, comma]);
        }
        self.begin(address.len().saturating_add(comma.len()).saturating_add(2));
        self.out.push(b'<');
        self.out.extend_from_slice(address.as_bytes());
        self.out.push(b'>');
        self.push(comma);
    }

    /// Writes words that are known to be short, a fold wherever one is needed.
    pub(super) fn words<'w>(mut self, words: impl Iterator<Item = &'w str>) {
        words.for_each(|word| self.token(&[word]));
        self.end();
    }

    /// Writes the type of a multipart, and its boundary.
    pub(super) fn multipart(mut self, subtype: &str, boundary: [&[u8]; 2]) {
        self.token(&["multipart/", subtype, ";"]);
        // It is too long for the same line.
        self.fold();
        self.push(" boundary=\"");
        boundary.iter().for_each(|piece| self.out.extend_from_slice(piece));
        self.push("\"");
        self.end();
    }

    /// Writes a disposition with the name of a file: as it is where that can be, else in the form of RFC 2231, and in
    /// ASCII for readers who don't know that.
    ///
    /// The form of RFC 2231 stands first: of two forms some readers take the first.
    pub(super) fn with_file_name(mut self, disposition: &str, name: &FileName<'_>) {
        self.token(&[disposition, ";"]);
        if let Some(plain) = &name.plain {
            self.token(&["filename=", plain]);
        } else {
            self.extended_parameter("filename", name.text);
            self.push(";");
            self.token(&["filename=", &quote(&in_ascii(name.text))]);
        }
        self.end();
    }

    /// Writes a media type with the name of a file, which old readers look for here alone: in encoded words where it is
    /// not plain. RFC 2047 section 5 forbids them; these readers know nothing else.
    pub(super) fn with_name(mut self, media_type: &str, name: &FileName<'_>) {
        self.token(&[media_type, ";"]);
        if let Some(plain) = &name.plain {
            self.token(&["name=", plain]);
            return self.end();
        }
        let name = name.text;
        let (in_b, in_q) =
            (b_len(name), name.bytes().map(|byte| len_in_q(in_q(byte))).fold(0, usize::saturating_add));
        // Room for `name="` and the quote at the end.
        let room = MAX_WORD.saturating_sub(10);
        self.begin(in_b.min(in_q).saturating_add(WORD_FRAME).min(room).saturating_add(7));
        self.push("name=\"");
        let (mut rest, mut left) = (name, name.len());
        loop {
            let after =
                if in_q <= in_b { self.q_word(rest, room, &mut left) } else { Some(self.b_word(rest, room)) };
            rest = after.unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            self.fold();
            self.out.push(b' ');
        }
        self.push("\"");
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
        let short = name.len().saturating_add(2) <= MAX_WORD;
        if short && is_words(name.as_bytes()) {
            if self.column().saturating_add(name.len()) < MAX_WORD_LINE {
                return self.token(&[name]);
            }
            return name.split(' ').for_each(|atom| self.token(&[atom]));
        }
        let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let is_quotable = || {
            let escapes = name.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
            !has_encoded_word(name) && name.len().saturating_add(escapes).saturating_add(2) <= MAX_WORD
        };
        if is_plain && is_quotable() {
            // Two spaces that stand together would become one in a reader's eyes.
            self.token(&[&quote(name)]);
        } else {
            self.encoded_words(name);
        }
    }

    /// Encoded words in Q, or in B where that is shorter for all of them.
    fn encoded_words(&mut self, text: &str) {
        let mut escapes = b_len(text).saturating_sub(text.len()) / 2;
        // What is not ASCII is escaped in Q: of most scripts that alone is too much, and none of it is written in vain.
        if octets_outside_ascii(text) <= escapes {
            let (len, begin) = (self.out.len(), self.begin);
            if self.encoded_words_of(text, |line, rest, room| line.q_word(rest, room, &mut escapes)) {
                return;
            }
            self.out.truncate(len);
            self.begin = begin;
        }
        self.encoded_words_of(text, |line, rest, room| Some(line.b_word(rest, room)));
    }

    /// Writes `text` in as many words as it takes. `word` writes one of them and returns the rest of the text, or `None` to
    /// give up; this then returns false.
    fn encoded_words_of<'t>(
        &mut self,
        text: &'t str,
        mut word: impl FnMut(&mut Self, &'t str, usize) -> Option<&'t str>,
    ) -> bool {
        let room = |column: usize| MAX_WORD_LINE.saturating_sub(column).saturating_sub(1);
        if room(self.column()) < MIN_ROOM {
            self.fold();
        }
        let (mut rest, mut len) = (text, room(self.column()).min(MAX_WORD));
        loop {
            self.out.push(b' ');
            let Some(after) = word(self, rest, len) else { return false };
            if after.is_empty() {
                return true;
            }
            self.fold();
            (rest, len) = (after, MAX_WORD);
        }
    }

    /// Writes as much of `text` as an encoded word of at most `len` octets holds, which is no less than [`MIN_ROOM`]. Gives
    /// the rest, or `None` where it takes more than so many `escapes`. No character is split (RFC 2047 section 5).
    #[inline]
    fn q_word<'t>(&mut self, text: &'t str, len: usize, escapes: &mut usize) -> Option<&'t str> {
        let end = len.saturating_sub(2);
        let (mut word, mut taken, mut octets) = (begun_word(*b"=?utf-8?Q?"), WORD_START, text.len());
        for (at, &octet) in text.as_bytes().iter().enumerate() {
            let written = in_q(octet);
            let next = taken.wrapping_add(len_in_q(written));
            if next > end {
                octets = at;
                break;
            }
            if let Some(place) = word.get_mut(taken..).and_then(<[u8]>::first_chunk_mut) {
                *place = written;
            }
            taken = next;
        }
        let whole = boundary(text, octets);
        // Each octet of a character that did not fit whole was escaped.
        taken = taken.saturating_sub(octets.saturating_sub(whole).saturating_mul(3));
        *escapes = escapes.checked_sub(taken.saturating_sub(WORD_START).saturating_sub(whole) / 2)?;
        self.end_of_word(&mut word, taken);
        text.get(whole..)
    }

    /// As [`q_word`](Self::q_word), in B.
    fn b_word<'t>(&mut self, text: &'t str, len: usize) -> &'t str {
        let mut word = begun_word(*b"=?utf-8?B?");
        let octets = boundary(text, (len.saturating_sub(WORD_FRAME) / 4).saturating_mul(3));
        let (octets, rest) = text.split_at_checked(octets).unwrap_or_default();
        // No word is longer than that.
        let room = word.get_mut(WORD_START..).unwrap_or_default();
        let taken = STANDARD.encode_slice(octets, room).unwrap_or_default();
        self.end_of_word(&mut word, WORD_START.saturating_add(taken));
        rest
    }

    /// Writes a word of so many octets, and its end.
    fn end_of_word(&mut self, word: &mut [u8; WORD_ROOM], len: usize) {
        if let Some(end) = word.get_mut(len..).and_then(<[u8]>::first_chunk_mut) {
            *end = *b"?=";
        }
        self.out.extend_from_slice(word.get(..len.saturating_add(2)).unwrap_or_default());
    }

    /// Writes something that cannot be broken after a space or a fold.
    fn token(&mut self, pieces: &[&str]) {
        self.begin(pieces.iter().map(|piece| piece.len()).fold(0, usize::saturating_add));
        pieces.iter().for_each(|piece| self.push(piece));
    }

    /// Writes the space or the fold before something of `len` octets that cannot be broken.
    fn begin(&mut self, len: usize) {
        // A fold right after the name would leave a line that looks empty.
        if self.column().saturating_add(len) >= MAX_WORD_LINE && !self.out.ends_with(b":") {
            self.fold();
        }
        self.out.push(b' ');
    }

    fn push(&mut self, text: &str) {
        match text.as_bytes() {
            // A call to copy one octet costs more than the octet.
            [octet] => self.out.push(*octet),
            octets => self.out.extend_from_slice(octets),
        }
    }

    fn fold(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.begin = self.out.len();
    }

    fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// A file name, and its form in a parameter.
pub(super) struct FileName<'t> {
    text: &'t str,
    /// As it stands in a parameter, if it can: printable, short enough for a line, and nothing that a reader may take for an
    /// encoded word.
    plain: Option<Cow<'t, str>>,
}

impl<'t> FileName<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let plain = if !text.is_empty() && text.bytes().all(is_token) {
            Some(Cow::Borrowed(text))
        } else if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) && !has_encoded_word(text)
        {
            Some(Cow::Owned(quote(text)))
        } else {
            None
        };
        Self { text, plain: plain.filter(|plain| plain.len() < MAX_WORD.saturating_sub("filename".len())) }
    }
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

/// Where a line of at most `room` octets can end: before its last run of spaces. There is one.
fn last_space(text: &str, room: usize) -> usize {
    let text = text.as_bytes();
    let mut end = memchr::memrchr(b' ', text.get(..=room).unwrap_or(text)).unwrap_or(room);
    while end > 0 && text.get(end.saturating_sub(1)) == Some(&b' ') {
        end = end.saturating_sub(1);
    }
    end
}

/// The last place at or before `at` that is between two characters.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

/// An encoded word that is begun.
#[inline]
fn begun_word(start: [u8; WORD_START]) -> [u8; WORD_ROOM] {
    let mut word = [0; WORD_ROOM];
    if let Some(place) = word.first_chunk_mut() {
        *place = start;
    }
    word
}

fn octets_outside_ascii(text: &str) -> usize {
    // Sums that fit an octet let the compiler count many octets at once.
    let counts = text
        .as_bytes()
        .chunks(128)
        .map(|chunk| chunk.iter().fold(0u8, |sum, byte| sum.wrapping_add(byte >> 7)));
    counts.fold(0, |sum, count| sum.saturating_add(usize::from(count)))
}

/// Octets of a text in B.
fn b_len(text: &str) -> usize {
    text.len().div_ceil(3).saturating_mul(4)
}

/// Whether a reader might take a part of it for an encoded word.
fn has_encoded_word(text: &str) -> bool {
    find(text.as_bytes(), *b"=?").is_some()
}

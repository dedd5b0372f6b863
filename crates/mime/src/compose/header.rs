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

/// Lines that can be folded are no longer than this (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 78;
/// Longest line with an encoded word on it (RFC 2047 section 2).
const MAX_WORD_LINE: usize = 76;
/// Longest encoded word (RFC 2047 section 2).
const MAX_WORD: usize = 75;
/// Longest name of a mailbox that is written in one piece: it fits behind `Reply-To: ` too.
const MAX_NAME: usize = 66;
/// Octets of `=?utf-8?Q?`.
const WORD_START: usize = 10;
/// Octets of an encoded word without its text: `=?utf-8?Q?` and `?=`.
const WORD_FRAME: usize = WORD_START + 2;
/// Size of the buffer for a word. What is written there is three octets at a time, of which one may count.
const WORD_ROOM: usize = MAX_WORD + 3;
/// If a line has less room than this, an encoded word begins on the next line.
const MIN_ROOM: usize = 32;

/// A header field that is being written. `start` begins it. Every other method that takes `self` writes the value and ends it.
pub(crate) struct HeaderLine<'o> {
    out: &'o mut Vec<u8>,
    /// Where the present line begins in `out`.
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
        // The space behind the colon does not belong to the text. Spaces between words do, so a new line begins with them.
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
            let end = if groups.peek().is_some() { ";," } else { ";" };
            // An encoded word has white space behind it (RFC 2047 section 5 rule 3).
            self.token(&[":", if group.members.is_empty() { end } else { "" }]);
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

    /// Writes a mailbox and what separates it from the next. Folds the line before the mailbox, or between the words of its
    /// name, never within the address.
    fn mailbox(&mut self, mailbox: &Address, comma: &str) {
        let (name, address) = (mailbox.name(), mailbox.address());
        // Two spaces and two brackets.
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

    /// Writes words that fit on a line each. Folds the line between them where it is full.
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

    /// Writes a disposition and the name of a file.
    ///
    /// A plain name is written as it is. Any other is written twice: in the form of RFC 2231, and in ASCII for readers that
    /// do not know that form. RFC 2231 comes first, because some readers take the first name that they find.
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

    /// Writes a media type and the name of a file. Old readers look for the name nowhere else.
    ///
    /// A name that is not plain is written in encoded words. RFC 2047 section 5 forbids them here, but these readers know no
    /// other form.
    pub(super) fn with_name(mut self, media_type: &str, name: &FileName<'_>) {
        for piece in media_type.split(';') {
            self.token(&[piece.trim(), ";"]);
        }
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
                if is_attribute_char(byte) {
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
        let short = name.len().saturating_add(2) <= MAX_NAME;
        if short && is_words(name.as_bytes()) {
            if self.column().saturating_add(name.len()) < MAX_WORD_LINE {
                return self.token(&[name]);
            }
            return name.split(' ').for_each(|atom| self.token(&[atom]));
        }
        let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let is_quotable = || {
            let escapes = name.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
            !has_encoded_word(name) && name.len().saturating_add(escapes).saturating_add(2) <= MAX_NAME
        };
        if is_plain && is_quotable() {
            // Two spaces that stand together would become one in a reader's eyes.
            self.token(&[&quote(name)]);
        } else {
            self.encoded_words(name);
        }
    }

    /// Writes `text` in encoded words: all of them in Q, or all in B if that makes them shorter.
    fn encoded_words(&mut self, text: &str) {
        // An escape is two octets longer than what it stands for. With more of them than this, Q is longer than B.
        let mut escapes = b_len(text).saturating_sub(text.len()) / 2;
        // Q escapes every octet outside ASCII. In most scripts these are too many, and Q need not be tried.
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

    /// Writes an encoded word of at most `len` octets, which is at least [`MIN_ROOM`], and returns the text that did not fit.
    /// No character is split (RFC 2047 section 5).
    ///
    /// Subtracts the escapes that it needs from `escapes`. Returns `None` if there are too few of them.
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
        // Takes back the first octets of a character that did not fit as a whole. Each was written as an escape.
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
        // No word is longer than the buffer.
        let room = word.get_mut(WORD_START..).unwrap_or_default();
        let taken = STANDARD.encode_slice(octets, room).unwrap_or_default();
        self.end_of_word(&mut word, WORD_START.saturating_add(taken));
        rest
    }

    /// Writes the first `len` octets of `word`, and the `?=` that ends it.
    fn end_of_word(&mut self, word: &mut [u8; WORD_ROOM], len: usize) {
        if let Some(end) = word.get_mut(len..).and_then(<[u8]>::first_chunk_mut) {
            *end = *b"?=";
        }
        self.out.extend_from_slice(word.get(..len.saturating_add(2)).unwrap_or_default());
    }

    /// Writes a space, with a fold before it if there is no room, and then pieces that stay together on one line.
    fn token(&mut self, pieces: &[&str]) {
        self.begin(pieces.iter().map(|piece| piece.len()).fold(0, usize::saturating_add));
        pieces.iter().for_each(|piece| self.push(piece));
    }

    /// Writes the space before `len` octets that stay together on one line, and a fold before it if there is no room.
    fn begin(&mut self, len: usize) {
        // A fold right after the name would leave a line that looks empty. The colon of a group has a space before it.
        let is_name = matches!(self.out.as_slice(), [.., last, b':'] if *last != b' ');
        if self.column().saturating_add(len) >= MAX_WORD_LINE && !is_name {
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

/// A file name, and how it is written as a parameter.
pub(super) struct FileName<'t> {
    text: &'t str,
    /// The value of the parameter. `None` if the name has to be encoded: it is not printable ASCII, is too long for a line,
    /// or holds what a reader may take for an encoded word.
    plain: Option<Cow<'t, str>>,
}

impl<'t> FileName<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // Readers that know RFC 2231 can stumble over `'` and `*` outside of quotes: Python finds no name in `it's.pdf`.
        let plain = if !text.is_empty() && text.bytes().all(is_attribute_char) {
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

/// `attribute-char`: a token character other than those that RFC 2231 gives a meaning.
fn is_attribute_char(byte: u8) -> bool {
    is_token(byte) && !b"*'%".contains(&byte)
}

/// A file name for readers that know only ASCII. It is cut to 50 characters and an extension of 10, and `_` stands for what
/// is not a plain character.
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

/// Whether text can be written as it is behind `column` octets. It has to be printable ASCII, without spaces at its ends,
/// which readers drop, and without what they may take for an encoded word. Each word has to fit on a line.
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

/// Where a line of at most `room` octets can end: before its last run of spaces. [`is_plain_text`] sees to it that there is
/// one.
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

/// A buffer with the start of an encoded word.
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

/// Length of a text in B.
fn b_len(text: &str) -> usize {
    text.len().div_ceil(3).saturating_mul(4)
}

/// Whether a reader may take a part of the text for an encoded word.
fn has_encoded_word(text: &str) -> bool {
    find(text.as_bytes(), *b"=?").is_some()
}

//! Header lines: folding, encoded words, quoted strings and parameters.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Group;
use crate::Address;
use crate::address::quote;
use crate::ascii::{find, hex_digits, is_atext, is_token};

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

    /// Writes free text, encoded if it would not be read back as it is.
    pub(super) fn unstructured(mut self, text: &str) {
        match plain_chunks(text, self.column) {
            Some(chunks) => {
                // The space after the colon is not part of the text; those between words are.
                for (at, chunk) in chunks.iter().enumerate() {
                    let first = at == 0;
                    if !first && self.column.saturating_add(chunk.len()) > MAX_LINE {
                        self.fold();
                    }
                    self.push(if first { " " } else { "" });
                    self.push(chunk);
                }
            }
            None => self.encoded_words(text),
        }
        self.end();
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
            if mailbox.name().is_empty() {
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
        self.token(&[name, "=", &plain_parameter(parameter)]);
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
        let words = encoded_words(name, MAX_WORD.saturating_sub(10));
        for (at, word) in words.iter().enumerate() {
            let start = if at == 0 { "name=\"" } else { "" };
            let end = if at.saturating_add(1) == words.len() { "\"" } else { "" };
            self.token(&[start, word, end]);
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
        let printable = name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let escapes = name.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        let quoted_len = name.len().saturating_add(escapes).saturating_add(2);
        if !printable || has_encoded_word(name) || quoted_len > MAX_WORD {
            self.encoded_words(name);
        } else if name.split(' ').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)) {
            name.split(' ').for_each(|atom| self.token(&[atom]));
        } else {
            self.token(&[&quote(name)]);
        }
    }

    fn encoded_words(&mut self, text: &str) {
        let room = |column: usize| MAX_WORD_LINE.saturating_sub(column).saturating_sub(1);
        if room(self.column) < MIN_ROOM {
            self.fold();
        }
        for (at, word) in encoded_words(text, room(self.column)).iter().enumerate() {
            if at > 0 {
                self.fold();
            }
            self.push(" ");
            self.push(word);
        }
    }

    /// Writes something that cannot be broken after a space or a fold.
    fn token(&mut self, pieces: &[&str]) {
        let len = pieces.iter().map(|piece| piece.len()).fold(0, usize::saturating_add);
        // A fold right after the name would leave a line that looks empty.
        if self.column.saturating_add(len) >= MAX_WORD_LINE && !self.out.ends_with(b":") {
            self.fold();
        }
        self.push(" ");
        pieces.iter().for_each(|piece| self.push(piece));
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
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

/// Words with the spaces before them, if the text can stand as it is: printable ASCII in which a reader finds
/// no encoded word and loses no space, and every word short enough for a line.
fn plain_chunks(text: &str, column: usize) -> Option<Vec<&str>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !printable || has_encoded_word(text) || text.starts_with(' ') || text.ends_with(' ') {
        return None;
    }
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| c != ' ')?;
        let end = rest.get(word..)?.find(' ').map_or(rest.len(), |len| word.saturating_add(len));
        let (chunk, after) = rest.split_at_checked(end)?;
        let room = MAX_LINE.saturating_sub(if chunks.is_empty() { column.saturating_add(1) } else { 0 });
        if chunk.len() > room {
            return None;
        }
        chunks.push(chunk);
        rest = after;
    }
    Some(chunks)
}

/// Encodes in B or Q, whichever is shorter for all of `text`. The first word is at most `first_room` octets
/// long, which is no less than [`MIN_ROOM`]; no character is split (RFC 2047 section 5).
fn encoded_words(text: &str, first_room: usize) -> Vec<String> {
    let q_cost = |text: &str| {
        text.bytes().map(|byte| if q_literal(byte).is_some() { 1usize } else { 3 }).sum::<usize>()
    };
    let b_cost = |len: usize| len.div_ceil(3).saturating_mul(4);
    let q = q_cost(text) <= b_cost(text.len());
    let mut words = Vec::new();
    let (mut piece, mut cost) = (String::new(), 0usize);
    let mut room = first_room.min(MAX_WORD).saturating_sub(WORD_FRAME);
    for c in text.chars() {
        let grown = if q {
            cost.saturating_add(q_cost(c.encode_utf8(&mut [0; 4])))
        } else {
            b_cost(piece.len().saturating_add(c.len_utf8()))
        };
        if grown > room && !piece.is_empty() {
            words.push(encoded_word(&piece, q));
            piece.clear();
            cost = 0;
            room = MAX_WORD.saturating_sub(WORD_FRAME);
        }
        if q {
            cost = cost.saturating_add(q_cost(c.encode_utf8(&mut [0; 4])));
        }
        piece.push(c);
    }
    words.push(encoded_word(&piece, q));
    words
}

fn encoded_word(text: &str, q: bool) -> String {
    let mut word = String::from(if q { "=?utf-8?Q?" } else { "=?utf-8?B?" });
    if q {
        for byte in text.bytes() {
            match q_literal(byte) {
                Some(literal) => word.push(literal),
                None => word.extend(['='].into_iter().chain(hex_digits(byte))),
            }
        }
    } else {
        STANDARD.encode_string(text, &mut word);
    }
    word.push_str("?=");
    word
}

/// What stands for itself in the narrowest context, a phrase (RFC 2047 section 5 rule 3).
fn q_literal(byte: u8) -> Option<char> {
    match byte {
        b' ' => Some('_'),
        b'!' | b'*' | b'+' | b'-' | b'/' => Some(char::from(byte)),
        _ => byte.is_ascii_alphanumeric().then(|| char::from(byte)),
    }
}
/// Whether a reader might take a part of it for an encoded word.
fn has_encoded_word(text: &str) -> bool {
    find(text.as_bytes(), *b"=?").is_some()
}

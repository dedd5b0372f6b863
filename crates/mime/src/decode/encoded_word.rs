//! Encoded words of RFC 2047, in one pass.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::charset::Charset;
use super::transfer::Groups;
use crate::ascii::{find, hex_octet, is_space, is_token, tail};
use crate::headers::unfold;

/// Decodes a header value for people: unfolds it and decodes its encoded words (RFC 2047).
///
/// White space between two encoded words is dropped (section 6.2), and words of one charset that follow each
/// other are joined before they are decoded, since mailers split characters, base64 groups and ISO-2022-JP
/// between words. Words are found anywhere, also inside quotes or without white space around them, with
/// spaces or `?` in their text, and with the language suffix of RFC 2231. One whose charset or encoding is
/// not known, or whose base64 is none, stays as it stands. Octets outside of words are decoded as
/// [`guess`](super::guess) does.
///
/// Takes time linear in `value`, and borrows if there is nothing to change. Control characters stay, also
/// those that were encoded.
#[must_use]
pub fn unstructured(value: &[u8]) -> Cow<'_, str> {
    unstructured_in(value, Charset::Guess)
}

/// As [`unstructured`], for a message that is written in `raw`.
pub(crate) fn unstructured_in(value: &[u8], raw: Charset) -> Cow<'_, str> {
    if find(value, *b"=?").is_none() && !value.contains(&b'\n') {
        return raw.decode_raw(value);
    }
    let mut text = Text { out: String::with_capacity(value.len()), run: None, raw };
    let mut lexer = Lexer { rest: value };
    while let Some((literal, word)) = lexer.next_word() {
        text.literal(literal, word.is_some());
        if let Some(word) = word {
            text.word(word);
        }
    }
    text.end_of_run();
    Cow::Owned(text.out)
}

/// Length of the encoded word that `input` begins with, if it does by the letter of RFC 2047 section 2.
pub(super) fn strict_len(input: &[u8]) -> Option<usize> {
    let (_, text) = prefix(input.starts_with(b"=?").then_some(input)?).ok()?;
    let len = text.iter().position(|&byte| byte == b'?' || !byte.is_ascii_graphic())?;
    let end = tail(text, len).strip_prefix(b"?=")?;
    Some(input.len().saturating_sub(end.len()))
}

/// A word that can be decoded.
struct Word<'a> {
    charset: Charset,
    encoding: Encoding,
    text: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    B,
    Q,
}

/// Cuts a value into literal text and words.
struct Lexer<'a> {
    rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    /// The text before the next word and the word; no word before the end. `None` after the end.
    fn next_word(&mut self) -> Option<(&'a [u8], Option<Word<'a>>)> {
        let start = self.rest;
        while !self.rest.is_empty() {
            let Some(at) = find(self.rest, *b"=?") else {
                self.rest = &[];
                break;
            };
            self.rest = tail(self.rest, at);
            let before = start.len().saturating_sub(self.rest.len());
            let (len, word) = lex(self.rest);
            self.rest = tail(self.rest, len);
            if let Some(word) = word {
                return Some((start.get(..before).unwrap_or_default(), Some(word)));
            }
        }
        (!start.is_empty()).then_some((start, None))
    }
}

/// Reads the `=?` at the start of `input`. Gives the octets that are dealt with (at least two), and the word
/// if they are one.
///
/// Everything that was looked at is dealt with, whether it is a word or not: no word can begin inside of it.
fn lex(input: &[u8]) -> (usize, Option<Word<'_>>) {
    let (head, text) = match prefix(input) {
        Ok(prefix) => prefix,
        Err(len) => return (len, None),
    };
    let text_at = input.len().saturating_sub(text.len());
    for at in memchr::memchr_iter(b'?', text) {
        // Text with a space in it, as some mailers write; but not if the next word begins there.
        if let [.., before, b'='] = text.get(..at).unwrap_or_default()
            && is_space(*before)
        {
            return (text_at.saturating_add(at).saturating_sub(1), None);
        }
        if text.get(at.saturating_add(1)) == Some(&b'=') {
            let len = text_at.saturating_add(at).saturating_add(2);
            return (len, head.word(text.get(..at).unwrap_or_default()));
        }
    }
    (input.len(), None)
}

/// `charset` and `encoding` of a word, not yet known to be valid.
struct Head<'a> {
    charset: &'a [u8],
    encoding: u8,
}

impl Head<'_> {
    fn word<'t>(&self, text: &'t [u8]) -> Option<Word<'t>> {
        let label = self.charset.split(|&byte| byte == b'*').next()?;
        let charset = Charset::for_label(str::from_utf8(label).ok()?)?;
        let encoding = match self.encoding {
            b'b' | b'B' if Groups::is_valid(text) => Encoding::B,
            b'q' | b'Q' => Encoding::Q,
            _ => return None,
        };
        Some(Word { charset, encoding, text })
    }
}

/// `"=?" charset "?" encoding "?"`, and what follows; or how many octets are something else.
fn prefix(input: &[u8]) -> Result<(Head<'_>, &[u8]), usize> {
    let start = tail(input, 2);
    let len = start.iter().position(|&byte| !is_token(byte)).unwrap_or(start.len());
    let (charset, rest) = start.split_at_checked(len).unwrap_or_default();
    match rest {
        [b'?', encoding, b'?', text @ ..] if len > 0 && encoding.is_ascii_alphabetic() => {
            Ok((Head { charset, encoding: *encoding }, text))
        }
        _ => Err(len.saturating_add(2)),
    }
}

/// What is decoded so far, and the words that wait for the next one.
struct Text {
    out: String,
    run: Option<Run>,
    /// The charset of octets outside of words.
    raw: Charset,
}

/// Adjacent words of one charset.
struct Run {
    charset: Charset,
    bytes: Vec<u8>,
    base64: Groups,
}

impl Text {
    fn literal(&mut self, literal: &[u8], before_word: bool) {
        let between_words = self.run.is_some() && before_word;
        if !(between_words && literal.iter().copied().all(is_space)) {
            self.end_of_run();
            self.out.push_str(&self.raw.decode_raw(&unfold(literal)));
        }
    }

    fn word(&mut self, word: Word<'_>) {
        if self.run.as_ref().is_some_and(|run| run.charset != word.charset) {
            self.end_of_run();
        }
        let run = self.run.get_or_insert_with(|| Run {
            charset: word.charset,
            bytes: Vec::with_capacity(word.text.len()),
            base64: Groups::default(),
        });
        run.push(&word);
    }

    fn end_of_run(&mut self) {
        if let Some(mut run) = self.run.take() {
            run.base64.finish();
            self.out.push_str(&run.charset.decode(&run.bytes));
        }
    }
}

impl Run {
    fn push(&mut self, word: &Word<'_>) {
        match word.encoding {
            Encoding::B => {
                // A group that is cut off here goes on in this word only if the two fill it.
                if !self.base64.completes_with(word.text) {
                    self.base64.finish();
                }
                self.base64.decode(word.text, &mut self.bytes);
            }
            Encoding::Q => {
                self.base64.finish();
                decode_q(word.text, &mut self.bytes);
            }
        }
    }
}

/// The Q encoding of section 4.2; an escape that is none stays.
fn decode_q(text: &[u8], out: &mut Vec<u8>) {
    let before = out.len();
    out.resize(before.saturating_add(text.len()), 0);
    let mut room = out.get_mut(before..).unwrap_or_default().iter_mut();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let byte = match (byte, after) {
            (b'_', _) => b' ',
            (b'=', [high, low, after @ ..]) => match hex_octet(*high, *low) {
                Some(octet) => {
                    rest = after;
                    octet
                }
                None => byte,
            },
            // A fold inside of a word is not part of its text.
            (b'\r', [b'\n', ..]) | (b'\n', _) => continue,
            _ => byte,
        };
        if let Some(place) = room.next() {
            *place = byte;
        }
    }
    let unused = room.len();
    out.truncate(out.len().saturating_sub(unused));
}

#[cfg(test)]
mod tests;

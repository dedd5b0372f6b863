//! Charsets in which octets of ASCII stand for other characters: escape sequences, shifts and base64 say where.
//!
//! The Encoding Standard has most of them replaced as a whole, since they hide script from a filter of web pages, and
//! its ISO-2022-JP makes two escape sequences in a row an error. In mail they are text, and mailers join pieces of it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GB18030, UTF_16BE, UTF_16LE};

use super::super::transfer::sextet;
use crate::ascii::{find, tail};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shifted {
    /// RFC 1468, with what RFC 1554, Windows, JIS X 0201 and 0213 add.
    Iso2022Jp,
    /// RFC 1557.
    Iso2022Kr,
    /// RFC 1843.
    Hz,
    /// RFC 2152.
    Utf7,
}

impl Shifted {
    /// Whether there is a sequence that switches, and that no text holds by chance.
    pub(super) fn is_seen_in(self, bytes: &[u8]) -> bool {
        match self {
            Self::Iso2022Jp | Self::Iso2022Kr => memchr::memchr2(0x1B, 0x0E, bytes).is_some(),
            Self::Hz => find(bytes, *b"~{").is_some(),
            Self::Utf7 => false,
        }
    }

    /// Whether nothing in `bytes`, which are ASCII, switches.
    pub(super) fn is_plain(self, bytes: &[u8]) -> bool {
        match self {
            Self::Iso2022Jp | Self::Iso2022Kr => !self.is_seen_in(bytes),
            Self::Hz => memchr::memchr(b'~', bytes).is_none(),
            Self::Utf7 => memchr::memchr(b'+', bytes).is_none(),
        }
    }

    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        if let Ok(text) = str::from_utf8(bytes)
            && text.is_ascii()
            && self.is_plain(bytes)
        {
            return Cow::Borrowed(text);
        }
        Cow::Owned(match self {
            Self::Iso2022Jp => iso_2022_jp(bytes),
            Self::Iso2022Kr => iso_2022_kr(bytes),
            Self::Hz => hz(bytes),
            Self::Utf7 => utf7(bytes),
        })
    }
}

/// The set that octets 21 to 7E stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    /// Half-width katakana of JIS X 0201.
    Katakana,
    /// JIS X 0208, two octets a character.
    Kanji,
    /// JIS X 0212, two octets a character.
    Supplement,
    /// GB 2312, two octets a character.
    Chinese,
    /// KS X 1001, two octets a character.
    Korean,
}

/// Each piece between two escape sequences becomes EUC-JP or one of its kin, which have the same sets at other places.
fn iso_2022_jp(bytes: &[u8]) -> String {
    let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes);
    let (mut set, mut euc) = (Set::Ascii, Vec::new());
    loop {
        let end = rest.iter().position(|byte| matches!(byte, 0x0E | 0x0F | 0x1B)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(end).unwrap_or_default();
        push_japanese(&mut text, set, piece, &mut euc);
        let (switched, len) = match after {
            [] => return text,
            [0x1B, b'(', b'I', ..] => (Set::Katakana, 3),
            // Roman differs from ASCII in the backslash and the tilde, which mailers write all the same. `H` is the
            // Swedish set, which an old mailer writes for Roman.
            [0x1B, b'(', b'B' | b'J' | b'H', ..] => (Set::Ascii, 3),
            [0x1B, b'$', b'@' | b'B', ..] => (Set::Kanji, 3),
            // `O` and `Q` are JIS X 0213, which begins as JIS X 0208 and adds to it.
            [0x1B, b'$', b'(', b'@' | b'B' | b'O' | b'Q', ..] => (Set::Kanji, 4),
            [0x1B, b'$', b'(', b'D', ..] => (Set::Supplement, 4),
            [0x1B, b'$', b'A', ..] => (Set::Chinese, 3),
            [0x1B, b'$', b'(', b'C', ..] => (Set::Korean, 4),
            // The revision of the set that the next sequence names.
            [0x1B, b'&', b'@', ..] => (set, 3),
            [0x0E, ..] => (Set::Katakana, 1),
            [0x0F, ..] => (Set::Ascii, 1),
            _ => {
                text.push(char::REPLACEMENT_CHARACTER);
                (set, 1)
            }
        };
        set = switched;
        rest = tail(after, len);
    }
}

fn push_japanese(text: &mut String, set: Set, piece: &[u8], euc: &mut Vec<u8>) {
    euc.clear();
    match set {
        // Octets above 7F are half-width katakana where the set was not switched for them.
        Set::Ascii | Set::Katakana => {
            for &byte in piece {
                match byte {
                    0xA1..=0xDF => euc.extend_from_slice(&[0x8E, byte]),
                    0x21..=0x5F if set == Set::Katakana => euc.extend_from_slice(&[0x8E, byte | 0x80]),
                    _ => euc.push(byte),
                }
            }
        }
        Set::Kanji | Set::Supplement | Set::Chinese | Set::Korean => {
            let mut rest = piece;
            loop {
                match rest {
                    [] => break,
                    [high @ 0x21..=0x7E, low @ 0x21..=0x7E, after @ ..] => {
                        if set == Set::Supplement {
                            euc.push(0x8F);
                        }
                        euc.extend_from_slice(&[high | 0x80, low | 0x80]);
                        rest = after;
                    }
                    // A line end or a space is one in every set; half a character is none.
                    [byte, after @ ..] => {
                        euc.push(if *byte <= 0x20 { *byte } else { 0xFF });
                        rest = after;
                    }
                }
            }
        }
    }
    let encoding = match set {
        Set::Chinese => GB18030,
        Set::Korean => EUC_KR,
        _ => EUC_JP,
    };
    text.push_str(&encoding.decode_without_bom_handling(euc).0);
}

/// `ESC $ ) C` says which set is meant, SO and SI switch to it and back. A line begins in ASCII.
fn iso_2022_kr(bytes: &[u8]) -> String {
    let (mut euc, mut shifted, mut rest) = (Vec::with_capacity(bytes.len()), false, bytes);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            0x0E => shifted = true,
            0x0F => shifted = false,
            0x1B => rest = after.strip_prefix(b"$)C").unwrap_or(after),
            b'\n' => {
                shifted = false;
                euc.push(byte);
            }
            0x21..=0x7E if shifted => euc.push(byte | 0x80),
            _ => euc.push(byte),
        }
    }
    decode_with(EUC_KR, &euc)
}

/// `~{` and `~}` switch, `~~` is a tilde, and a tilde at the end of a line joins it to the next.
fn hz(bytes: &[u8]) -> String {
    let (mut gb, mut shifted, mut rest) = (Vec::with_capacity(bytes.len()), false, bytes);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'~', [b'{', after @ ..]) => (shifted, rest) = (true, after),
            (b'~', [b'}', after @ ..]) => (shifted, rest) = (false, after),
            (b'~', [b'~', after @ ..]) if !shifted => {
                gb.push(b'~');
                rest = after;
            }
            (b'~', [b'\n', after @ ..] | [b'\r', b'\n', after @ ..]) if !shifted => rest = after,
            (b'\n', _) => {
                shifted = false;
                gb.push(byte);
            }
            (0x21..=0x7E, _) if shifted => gb.push(byte | 0x80),
            _ => gb.push(byte),
        }
    }
    decode_with(GB18030, &gb)
}

/// `+` begins UTF-16 in base64, the first octet that is no base64 ends it, and a `-` there is part of it.
fn utf7(bytes: &[u8]) -> String {
    let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes);
    loop {
        let end = rest.iter().position(|&byte| byte == b'+').unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(end).unwrap_or_default();
        text.push_str(&super::guess(plain));
        let Some(shifted) = after.strip_prefix(b"+") else { return text };
        if let Some(after) = shifted.strip_prefix(b"-") {
            text.push('+');
            rest = after;
            continue;
        }
        let end = shifted.iter().position(|&byte| sextet(byte).is_none()).unwrap_or(shifted.len());
        let (base64, after) = shifted.split_at_checked(end).unwrap_or_default();
        if base64.is_empty() {
            text.push('+');
        }
        let utf16 = super::super::transfer::base64(base64);
        text.push_str(&UTF_16BE.decode_without_bom_handling(whole_units(&utf16)).0);
        rest = after.strip_prefix(b"-").unwrap_or(after);
    }
}

/// The bits that fill the last group up are no unit.
fn whole_units(utf16: &[u8]) -> &[u8] {
    utf16.get(..utf16.len() & !1).unwrap_or_default()
}

fn decode_with(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// The order that the mark tells; without one, that which gives the text more characters of Latin script.
pub(super) fn utf16_order(bytes: &[u8]) -> &'static Encoding {
    match bytes {
        [0xFE, 0xFF, ..] => UTF_16BE,
        [0xFF, 0xFE, ..] => UTF_16LE,
        _ => {
            let zeros =
                |at: usize| bytes.iter().take(512).skip(at).step_by(2).filter(|&&byte| byte == 0).count();
            if zeros(0) > zeros(1) { UTF_16BE } else { UTF_16LE }
        }
    }
}

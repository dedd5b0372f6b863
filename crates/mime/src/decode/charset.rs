//! From octets and a charset label to text.

#[cfg(feature = "guess")]
mod guess;
#[cfg(feature = "charsets")]
mod label;
#[cfg(feature = "charsets")]
mod shifted;
#[cfg(test)]
mod tests;
mod utf8;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) use utf8::Utf8;

/// Decodes a body or a part of one by the label of its charset; `None` if the label is not known.
///
/// Octets that the charset does not have become U+FFFD. A byte order mark is dropped. `us-ascii` and
/// `unknown-8bit` are taken as [`guess`] does, since mailers put them on anything. As in the WHATWG Encoding
/// Standard, `iso-8859-1` is windows-1252, and `gb2312` and GBK are read as GB 18030. With the feature `charsets` the
/// labels of mail are known besides those of the web (`MS949`, `eucjp`, `cp850`), and so are UTF-7, HZ and
/// ISO-2022-KR.
#[must_use]
pub fn text<'a>(bytes: &'a [u8], charset: &str) -> Option<Cow<'a, str>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    Charset::for_label(charset).map(|charset| charset.decode(bytes))
}

/// Decodes octets whose charset is not known: UTF-8 if they are valid in it, else windows-1252.
///
/// Text that is UTF-8 but for a place or two, as where a mailer cut it in the middle of a character, is UTF-8 too;
/// what is broken becomes U+FFFD.
///
/// With the feature `guess` other charsets are found by what the octets look like: GBK, Big5, Shift_JIS, EUC-JP, EUC-KR,
/// KOI8-R, and those of Windows and ISO 8859. It is a guess, and of few octets a bad one. So it needs 6 octets outside ASCII,
/// or 4 that are two usual Chinese characters; and another script than the Latin one needs as many of them as there are
/// letters of ASCII, or several that stand together. The rest is windows-1252.
#[must_use]
pub fn guess(bytes: &[u8]) -> Cow<'_, str> {
    Charset::Guess.decode(bytes)
}

/// How octets become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8 if it looks like it, else what the octets look like.
    #[default]
    Guess,
    Utf8,
    Windows1252,
    #[cfg(feature = "charsets")]
    Table(&'static encoding_rs::Encoding),
    #[cfg(feature = "charsets")]
    CodePage(label::CodePage),
    /// UTF-16. Its mark says the order of octets, or else where its zeros are.
    #[cfg(feature = "charsets")]
    Utf16,
    #[cfg(feature = "charsets")]
    Shifted(shifted::Shifted),
}

impl Charset {
    pub(crate) fn for_label(label: &str) -> Option<Self> {
        let label = label.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\''));
        let is = |labels: &[&str]| labels.iter().any(|name| name.eq_ignore_ascii_case(label));
        if is(&["utf-8", "utf8"]) {
            Some(Self::Utf8)
        } else if is(&["us-ascii", "ascii", "unknown-8bit"]) {
            Some(Self::Guess)
        } else if is(&["iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252"]) {
            Some(Self::Windows1252)
        } else {
            Self::in_tables(label)
        }
    }

    /// The charset that a label names to octets outside ASCII: US-ASCII names none.
    pub(crate) fn named(label: &str) -> Option<Self> {
        Self::for_label(label).filter(|charset| *charset != Self::Guess)
    }

    #[cfg(feature = "charsets")]
    fn in_tables(label: &str) -> Option<Self> {
        label::find(label)
    }

    #[cfg(not(feature = "charsets"))]
    const fn in_tables(_label: &str) -> Option<Self> {
        None
    }

    /// The text of a value, a word or a body. The mark that tells the order of UTF-16 is not part of it.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Guess => match str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) if looks_like_utf8(bytes) => String::from_utf8_lossy(bytes),
                Err(_) => Self::found_in(bytes).unwrap_or(Self::Windows1252).decode(bytes),
            },
            Self::Utf8 => match str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(bytes),
            },
            Self::Windows1252 => windows_1252(bytes),
            #[cfg(feature = "charsets")]
            Self::Table(encoding) if encoding == encoding_rs::UTF_16BE => {
                // The mark knows better than the label.
                let marked = bytes.starts_with(b"\xFF\xFE");
                let encoding = if marked { encoding_rs::UTF_16LE } else { encoding };
                encoding.decode_with_bom_removal(bytes).0
            }
            #[cfg(feature = "charsets")]
            Self::Table(encoding) => encoding.decode_without_bom_handling(bytes).0,
            #[cfg(feature = "charsets")]
            Self::CodePage(page) => page.decode(bytes),
            #[cfg(feature = "charsets")]
            Self::Utf16 => shifted::utf16_order(bytes).decode_with_bom_removal(bytes).0,
            #[cfg(feature = "charsets")]
            Self::Shifted(shifted) => shifted.decode(bytes),
        }
    }
}

impl Charset {
    /// Octets that are looked at to guess.
    #[cfg(feature = "guess")]
    pub(crate) const LOOK: usize = guess::LOOK;

    /// The charset that octets look like, if they are neither UTF-8 nor windows-1252.
    pub(crate) fn found_in(bytes: &[u8]) -> Option<Self> {
        let _ = bytes;
        #[cfg(feature = "guess")]
        return guess::find(bytes).map(Self::Table);
        #[cfg(not(feature = "guess"))]
        None
    }

    /// Decodes octets of a header that no label belongs to, where `self` is what the message is written in: UTF-8 if
    /// they look like it, else that.
    pub(crate) fn decode_raw(self, bytes: &[u8]) -> Cow<'_, str> {
        if self.is_seen_in(bytes) {
            return self.decode(bytes);
        }
        match self {
            Self::Guess | Self::Utf8 => guess(bytes),
            _ if looks_like_utf8(bytes) => String::from_utf8_lossy(bytes),
            _ => self.decode(bytes),
        }
    }

    /// The value of a field that is written in this charset, in UTF-8, where octets of ASCII can be halves of its characters, as
    /// `\` and `@` are in Shift_JIS, GBK and Big5: what reads the field would take them for what they are in ASCII.
    pub(crate) fn without_halves(self, value: &[u8]) -> Option<Vec<u8>> {
        #[cfg(feature = "charsets")]
        if !value.is_ascii() || matches!(self, Self::Shifted(_)) {
            return self.rid_of_halves(value);
        }
        let _ = value;
        None
    }

    /// The same for a value that may have some.
    #[cfg(feature = "charsets")]
    #[cold]
    fn rid_of_halves(self, value: &[u8]) -> Option<Vec<u8>> {
        use encoding_rs::{BIG5, GB18030, GBK, SHIFT_JIS};

        let charset = match self {
            Self::Guess if !looks_like_utf8(value) => Self::found_in(value)?,
            charset => charset,
        };
        let has_halves = match charset {
            Self::Table(encoding) => {
                [SHIFT_JIS, GBK, GB18030, BIG5].contains(&encoding)
                    && !value.is_ascii()
                    && !looks_like_utf8(value)
            }
            _ => charset.is_seen_in(value),
        };
        has_halves.then(|| charset.decode(value).into_owned().into_bytes())
    }

    /// Whether `bytes`, which are ASCII, are the same text in this charset.
    pub(crate) fn is_ascii_plain(self, bytes: &[u8]) -> bool {
        let _ = bytes;
        match self {
            #[cfg(feature = "charsets")]
            Self::Shifted(shifted) => shifted.is_plain(bytes),
            #[cfg(feature = "charsets")]
            Self::Utf16 => false,
            #[cfg(feature = "charsets")]
            Self::Table(encoding) => encoding.is_ascii_compatible(),
            _ => true,
        }
    }

    /// Whether `bytes` are ASCII that switches to this charset.
    fn is_seen_in(self, bytes: &[u8]) -> bool {
        let _ = bytes;
        match self {
            #[cfg(feature = "charsets")]
            Self::Shifted(shifted) => bytes.is_ascii() && shifted.is_seen_in(bytes),
            _ => false,
        }
    }
}

/// Whether octets are UTF-8, or would be but for a few broken characters.
pub(crate) fn looks_like_utf8(bytes: &[u8]) -> bool {
    let mut utf8 = Utf8::default();
    utf8.take(bytes);
    utf8.finish();
    utf8.is_likely()
}

/// windows-1252 has 27 characters where ISO-8859-1 has C1 controls, which nobody means.
fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(text) = bytes.is_ascii().then(|| str::from_utf8(bytes).ok()).flatten() {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for &byte in bytes {
        text.push(C1.get(usize::from(byte.wrapping_sub(0x80))).copied().unwrap_or(char::from(byte)));
    }
    Cow::Owned(text)
}

/// Octets 80 to 9F of windows-1252; the five that it does not assign stay what they are.
const C1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

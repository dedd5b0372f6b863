//! From octets and a charset label to text.

use alloc::borrow::Cow;
use alloc::string::String;

/// Decodes a body or a part of one by the label of its charset; `None` if the label is not known.
///
/// Octets that the charset does not have become U+FFFD. A byte order mark is dropped. `us-ascii` and
/// `unknown-8bit` are taken as [`guess`] does, since mailers put them on anything. As in the WHATWG Encoding
/// Standard, `iso-8859-1` is windows-1252 and `gb2312` is GBK. Charsets that hide ASCII (UTF-7, HZ,
/// ISO-2022-KR and -CN) are not known.
#[must_use]
pub fn text<'a>(bytes: &'a [u8], charset: &str) -> Option<Cow<'a, str>> {
    Charset::for_label(charset).map(|charset| match charset {
        #[cfg(feature = "charsets")]
        Charset::Table(encoding) => encoding.decode_with_bom_removal(bytes).0,
        charset => charset.decode(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)),
    })
}

/// Decodes octets whose charset is not said: UTF-8 if they are valid in it, else windows-1252.
#[must_use]
pub fn guess(bytes: &[u8]) -> Cow<'_, str> {
    Charset::Guess.decode(bytes)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Guess,
    Utf8,
    Windows1252,
    #[cfg(feature = "charsets")]
    Table(&'static encoding_rs::Encoding),
}

impl Charset {
    pub(super) fn for_label(label: &str) -> Option<Self> {
        let label = label.trim();
        let is = |labels: &[&str]| labels.iter().any(|name| name.eq_ignore_ascii_case(label));
        if is(&["utf-8", "utf8"]) {
            Some(Self::Utf8)
        } else if is(&["us-ascii", "ascii", "unknown-8bit"]) {
            Some(Self::Guess)
        } else if is(&["iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252"]) {
            Some(Self::Windows1252)
        } else {
            Self::table(label)
        }
    }

    #[cfg(feature = "charsets")]
    fn table(label: &str) -> Option<Self> {
        // Names that the Encoding Standard does not list: Windows code pages, and what Python's email package
        // wrote.
        let label = match label {
            _ if label.eq_ignore_ascii_case("cp932") => "shift_jis",
            _ if label.eq_ignore_ascii_case("cp936") => "gbk",
            _ if label.eq_ignore_ascii_case("eucgb2312_cn") => "gbk",
            _ if label.eq_ignore_ascii_case("big5_tw") => "big5",
            _ if label.eq_ignore_ascii_case("cp949") => "euc-kr",
            _ if label.eq_ignore_ascii_case("cp950") => "big5",
            _ => label,
        };
        let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())?;
        Some(if encoding == encoding_rs::WINDOWS_1252 { Self::Windows1252 } else { Self::Table(encoding) })
    }

    #[cfg(not(feature = "charsets"))]
    fn table(_label: &str) -> Option<Self> {
        None
    }

    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Guess => str::from_utf8(bytes).map_or_else(|_| windows_1252(bytes), Cow::Borrowed),
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Windows1252 => windows_1252(bytes),
            #[cfg(feature = "charsets")]
            Self::Table(encoding) => encoding.decode_without_bom_handling(bytes).0,
        }
    }

    /// Whether a text has to be read from its start, because escape sequences switch the character set.
    pub(super) fn is_stateful(self) -> bool {
        match self {
            #[cfg(feature = "charsets")]
            Self::Table(encoding) => encoding == encoding_rs::ISO_2022_JP,
            _ => false,
        }
    }
}

/// windows-1252 has 27 characters where ISO-8859-1 has C1 controls, which nobody means.
fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    let place = |byte: &u8| C1.get(usize::from(byte.wrapping_sub(0x80))).copied();
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => bytes.iter().map(|byte| place(byte).unwrap_or(char::from(*byte))).collect(),
    }
}

/// Octets 80 to 9F of windows-1252; the five that it does not assign stay what they are.
const C1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', //
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_by_label() {
        let rows: &[(&str, &[u8], Option<&str>)] = &[
            ("utf-8", b"\xEF\xBB\xBFgr\xC3\xBCn", Some("grün")),
            (" UTF8 ", b"\xC3(", Some("\u{FFFD}(")),
            ("us-ascii", b"gr\xC3\xBCn", Some("grün")),
            ("US-ASCII", b"gr\xFCn", Some("grün")),
            ("unknown-8bit", b"gr\xFCn", Some("grün")),
            ("ISO-8859-1", b"\x80 gr\xFCn \x81", Some("€ grün \u{81}")),
            ("latin1", b"gr\xC3\xBCn", Some("grÃ¼n")),
            ("x-klingon", b"a", None),
            ("utf-7", b"a", None),
            ("hz-gb-2312", b"a", None),
            ("iso-2022-kr", b"a", None),
            ("", b"a", None),
        ];
        for (label, bytes, want) in rows {
            assert_eq!(text(bytes, label).as_deref(), *want, "{label}");
        }
        assert_eq!(guess(b"\xE4\xBD\xA0"), "你");
        assert_eq!(guess(b"\xE4\xBD"), "ä½");
    }

    #[cfg(feature = "charsets")]
    #[test]
    fn decodes_the_encoding_standard() {
        let rows: &[(&str, &[u8], &str)] = &[
            ("gb2312", b"\xC4\xE3\xBA\xC3", "你好"),
            ("GBK", b"\x80\xC4\xE3", "€你"),
            ("cp936", b"\xC4\xE3", "你"),
            ("gb18030", b"\x81\x30\x84\x36", "¥"),
            ("big5", b"\xA7A\xA6n", "你好"),
            ("koi8-r", b"\xF0\xD2\xC9\xD7\xC5\xD4", "Привет"),
            ("shift_jis", b"\x93\xFA\x96{", "日本"),
            ("cp932", b"\x93\xFA", "日"),
            ("iso-2022-jp", b"\x1B$BF|K\\\x1B(B!", "日本!"),
            ("euc-kr", b"\xC7\xD1", "한"),
            ("ks_c_5601-1987", b"\xC7\xD1", "한"),
            ("cp949", b"\xC7\xD1", "한"),
            ("cp950", b"\xA7A", "你"),
            ("eucgb2312_cn", b"\xC4\xE3", "你"),
            ("big5_tw", b"\xA7A", "你"),
            ("windows-1251", b"\xCF", "П"),
            ("iso-8859-2", b"\xB1", "ą"),
            ("iso-8859-15", b"\xA4", "€"),
            ("cp819", b"\x80", "€"),
            ("utf-16le", b"\xFF\xFEa\0", "a"),
        ];
        for (label, bytes, want) in rows {
            assert_eq!(text(bytes, label).as_deref(), Some(*want), "{label}");
        }
    }

    #[cfg(not(feature = "charsets"))]
    #[test]
    fn knows_no_other_label() {
        assert_eq!(text(b"\xC4\xE3", "gbk"), None);
    }
}

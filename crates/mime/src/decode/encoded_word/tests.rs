use super::*;
use alloc::string::ToString;
use proptest::prelude::*;

#[test]
fn decodes_headers() {
    let rows: &[(&str, &str)] = &[
        // The table of RFC 2047 section 8; parentheses belong to its comments.
        ("(=?ISO-8859-1?Q?a?=)", "(a)"),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>", "Keld Jørn Simonsen <keld@dkuug.dk>"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        (
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-1?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example.",
        ),
        ("=?ISO-8859-1?Q?Olle_J=E4rnefors?=", "Olle Järnefors"),
        ("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik Fältström"),
        // Spaces count except between two words.
        ("=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"),
        (" =?utf-8?Q?a?= ", " a "),
        ("=?utf-8?Q?a?= =?utf-8?Q?_b?=", "a b"),
        ("=?utf-8?Q?a?= =?x-none?Q?b?= =?utf-8?Q?c?=", "a =?x-none?Q?b?= c"),
        // Language, case, no white space around, in quotes.
        ("=?utf-8*en?q?=c3=bc?=", "ü"),
        ("=?UTF-8?b?w7w=?=", "ü"),
        ("x=?utf-8?Q?=C3=BC?=y", "xüy"),
        ("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
        ("\"=?utf-8?Q?=C3=BC?=\"", "\"ü\""),
        // Characters and base64 groups split between words.
        ("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=", "€"),
        ("=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€"),
        ("=?utf-8?B?4oI=?= =?UTF-8?Q?=AC?=", "€"),
        ("=?utf-8?B?4?= =?utf-8?B?oKs?=", "€"),
        ("=?utf-8?B?YQ?= =?utf-8?B?Yg?=", "ab"),
        ("=?utf-8?B?YQ?= =?utf-8?B?YmNk?=", "abcd"),
        ("=?utf-8?B?Y?= =?utf-8?Q?b?= =?utf-8?B?YWI?=", "bab"),
        ("=?utf-8?Q?=E2=82?= =?iso-8859-1?Q?=AC?=", "\u{FFFD}¬"),
        ("=?utf-8?Q?=E2=82?= x =?utf-8?Q?=AC?=", "\u{FFFD} x \u{FFFD}"),
        // Sloppy words.
        ("=?utf-8?Q?hello world?=", "hello world"),
        ("=?utf-8?Q?what??=", "what?"),
        ("=?utf-8?Q?why? so?=", "why? so"),
        ("=?utf-8?Q??=", ""),
        ("=?utf-8?Q?=?=", "="),
        ("=?utf-8?Q?=4?=", "=4"),
        ("=?utf-8?Q?=XY=41?=", "=XYA"),
        ("=?utf-8?B?Zm9v\r\n YmFy?=", "foobar"),
        ("=?utf-8?Q?a\r\n b?=", "a b"),
        ("=?utf-8?Q?grün?=", "grün"),
        // Broken words stay readable.
        ("=?utf-8?B?Zm9v!?=", "=?utf-8?B?Zm9v!?="),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?x-klingon?Q?abc?=", "=?x-klingon?Q?abc?="),
        ("=??Q?abc?=", "=??Q?abc?="),
        ("=?utf-8?Q?abc", "=?utf-8?Q?abc"),
        ("=?utf-8?Q?abc?", "=?utf-8?Q?abc?"),
        ("=?utf-8?Q", "=?utf-8?Q"),
        ("=?utf-8", "=?utf-8"),
        ("=?", "=?"),
        ("a =? b", "a =? b"),
        ("=?utf-8?Q?cut =?utf-8?Q?=C3=BC?=", "=?utf-8?Q?cut ü"),
        ("=?=?utf-8?Q?=C3=BC?=", "=?ü"),
        ("=?utf-8=?utf-8?Q?=C3=BC?=", "=?utf-8ü"),
        // Folding; controls stay.
        ("a\r\n b\r\n\tc", "a b\tc"),
        ("a\n b", "a b"),
        ("a\r\nb\rc", "a\r\nb\rc"),
        ("=?utf-8?Q?=1B[31m=0D=0A=00?=", "\u{1B}[31m\r\n\0"),
        ("grün", "grün"),
        ("", ""),
    ];
    for (input, want) in rows {
        assert_eq!(unstructured(input.as_bytes()), *want, "{input}");
    }
}

#[test]
fn decodes_raw_octets_by_piece() {
    assert_eq!(unstructured(b"gr\xFCn"), "grün");
    assert_eq!(unstructured(b"gr\xFCn =?utf-8?Q?x?= gr\xC3\xBCn"), "grün x grün");
}

/// Encoded words: ISO-2022-JP with escapes back to back, a mark in UTF-16, UTF-7.
#[cfg(feature = "charsets")]
#[test]
fn decodes_words_in_every_charset() {
    let rows: &[(&str, &str)] = &[
        ("=?GB2312?B?xOO6w6OsyMvJ+g==?=", "你好，人生"),
        ("=?gbk?B?z/u3orXnysc=?=", "消发电是"),
        // A character outside of GB2312 under its label, and one cut in two.
        ("=?gb2312?B?6Q==?= =?gb2312?B?Rg==?=", "镕"),
        ("=?gb18030?Q?=81=30=84=36?=", "¥"),
        ("=?Big5?B?p0GmbqFB?=", "你好，"),
        ("=?KOI8-R?B?8NLJ18XU?=", "Привет"),
        ("=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),
        ("=?windows-1252?Q?=80?=", "€"),
        ("=?Shift_JIS?B?k/qWe4zq?=", "日本語"),
        ("=?euc-kr?B?x9GxuQ==?=", "한국"),
        ("=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"),
        // Each word ends in ASCII, as the RFC asks.
        ("=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=\r\n =?ISO-2022-JP?B?GyRCOGwbKEI=?=", "日本語"),
        ("=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?= =?ISO-2022-JP?B?YWJj?=", "日本abc"),
        // The first one does not, and the second goes on.
        ("=?ISO-2022-JP?B?GyRCRnxLXA==?= =?ISO-2022-JP?B?OGwbKEI=?=", "日本語"),
        ("=?hz-gb-2312?Q?~{VPND~}?=", "中文"),
        ("=?iso-2022-cn?Q?abc?=", "=?iso-2022-cn?Q?abc?="),
        ("=?UTF-7?Q?+AOQ-_b?=", "ä b"),
        ("=?utf-16?B?//5IAGkA?=", "Hi"),
        ("=?utf-16?B?/v8ASABp?=", "Hi"),
        ("=?eucjp?B?xvzL3Ljs?=", "日本語"),
        ("=?MS949?B?vsiz58fPvLy/5A==?=", "안녕하세요"),
        // Escape sequences with nothing between them.
        ("=?ISO-2022-JP?B?GyRCN29MPhsoQhskQiVGJTklSBsoQg==?=", "件名テスト"),
    ];
    for (input, want) in rows {
        assert_eq!(unstructured(input.as_bytes()), *want, "{input}");
    }
}

#[cfg(not(feature = "charsets"))]
#[test]
fn keeps_words_in_charsets_it_does_not_have() {
    let word = "=?GB2312?B?xOO6w6OsyMvJ+g==?=";
    assert_eq!(unstructured(word.as_bytes()), word);
    assert_eq!(unstructured(b"=?windows-1252?Q?=80?="), "€");
}

#[test]
fn borrows_when_nothing_changes() {
    for input in ["plain text", "grün", "a ?= b", ""] {
        assert!(matches!(unstructured(input.as_bytes()), Cow::Borrowed(_)), "{input}");
    }
}

/// Counts the pieces that a storm of words is cut into; `looks_at_no_more_than_it_takes` bounds the work on
/// each.
#[test]
fn cuts_storms_into_few_pieces() {
    let rows = [
        ("=?", 1),
        ("=?a", 1),
        ("=?u?Q?", 1),
        ("=?utf-8?Q?x", 1),
        ("=?utf-8?Q?x ", 1),
        ("=?utf-8?Q?a?=", 50_000),
        ("=?utf-8?B?w?= ", 50_001),
        ("=?a?b?=?=", 1),
        ("?=", 1),
    ];
    for (unit, want) in rows {
        let value = unit.repeat(50_000);
        let mut lexer = Lexer { rest: value.as_bytes() };
        let pieces = core::iter::from_fn(|| lexer.next_word()).count();
        assert_eq!(pieces, want, "{unit}");
        assert!(unstructured(value.as_bytes()).len() <= value.len(), "{unit}");
        let _ = crate::decode::address_list(value.as_bytes());
    }
}

#[test]
fn measures_strict_words() {
    let rows = [
        ("=?utf-8?Q?a,b?=x", Some(15)),
        ("=?utf-8?Q?a b?=", None),
        ("=?utf-8?Q?a?b?=", None),
        ("=?utf-8?Q?", None),
        ("=x", None),
    ];
    for (input, want) in rows {
        assert_eq!(strict_len(input.as_bytes()), want, "{input}");
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in any::<Vec<u8>>(), text in "(=\\?|\\?=|utf-8|\\?[QB]\\?|iso-2022-jp|[a-zA= \r\n\x1B])*") {
        let _ = unstructured(&bytes);
        let _ = unstructured(text.as_bytes());
    }

    /// What the lexer gives up or takes does not depend on octets after it, so none is looked at over and
    /// over.
    #[test]
    fn looks_at_no_more_than_it_takes(
        text in "(=\\?|\\?=|utf-8|\\?[QB]\\?|[a-zA= \r\n]){0,20}",
        other in "(=\\?|\\?=|utf-8|\\?[QB]\\?|[a-zA= \r\n]){0,20}",
    ) {
        const LOOKAHEAD: usize = "?Q?".len();
        let text = [b"=?", text.as_bytes()].concat();
        let (len, word) = lex(&text);
        prop_assert!(len >= 2);
        if let Some(seen) = text.get(..len.saturating_add(LOOKAHEAD)) {
            let changed = [seen, other.as_bytes()].concat();
            let (changed_len, changed_word) = lex(&changed);
            prop_assert_eq!((len, word.is_some()), (changed_len, changed_word.is_some()));
        }
    }

    #[test]
    fn plain_text_is_left_alone(text in "[^=\n]*") {
        prop_assert_eq!(unstructured(text.as_bytes()).to_string(), text);
    }

    #[test]
    fn joins_octets_wherever_they_are_cut(text in "\\PC{0,30}", size in 1usize..5) {
        let words = text.as_bytes().chunks(size).flat_map(|octets| {
            let mut word = b"=?utf-8?Q?".to_vec();
            for octet in octets {
                word.extend_from_slice(alloc::format!("={octet:02X}").as_bytes());
            }
            word.extend_from_slice(b"?=\r\n ");
            word
        });
        let value: Vec<u8> = words.collect();
        prop_assert_eq!(unstructured(value.trim_ascii()).to_string(), text);
    }
}

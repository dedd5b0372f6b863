use alloc::vec::Vec;

use super::*;

#[test]
fn decodes_by_label() {
    let rows: &[(&str, &[u8], Option<&str>)] = &[
        ("utf-8", b"\xEF\xBB\xBFgr\xC3\xBCn", Some("grün")),
        (" UTF8 ", b"\xC3(", Some("\u{FFFD}(")),
        ("\"utf-8\"", b"gr\xC3\xBCn", Some("grün")),
        ("us-ascii", b"gr\xC3\xBCn", Some("grün")),
        ("US-ASCII", b"gr\xFCn", Some("grün")),
        ("unknown-8bit", b"gr\xFCn", Some("grün")),
        ("ISO-8859-1", b"\x80 gr\xFCn \x81", Some("€ grün \u{81}")),
        ("latin1", b"gr\xC3\xBCn", Some("grÃ¼n")),
        ("x-klingon", b"a", None),
        ("iso-2022-cn", b"a", None),
        ("", b"a", None),
    ];
    for (label, bytes, want) in rows {
        assert_eq!(text(bytes, label).as_deref(), *want, "{label}");
    }
}

/// A cut UTF-8 character is one U+FFFD; the rest stays UTF-8.
#[test]
fn guesses() {
    let rows: &[(&[u8], &str)] = &[
        (b"\xE4\xBD\xA0", "你"),
        (b"\xE4\xBD", "ä½"),
        (b"gr\xFCn", "grün"),
        (b"caf\xE9 \xC3\xA9t\xE9 \xE0", "café Ã©té à"),
        // Cut in the middle of a character, at the end or before something else.
        ("Привет М\u{440}".as_bytes().split_last().map(|(_, cut)| cut).unwrap(), "Привет М\u{FFFD}"),
        (b"\xD0\x9F\xD1\x80\xD0...", "Пр\u{FFFD}..."),
    ];
    for (bytes, want) in rows {
        assert_eq!(guess(bytes), *want, "{}", bytes.escape_ascii());
    }
}

/// Whether octets look like UTF-8 depends neither on how they come nor on what is behind enough that does not.
#[test]
fn tells_broken_utf8() {
    let cut =
        |broken: usize, whole: usize| ["\u{FC}".repeat(whole).as_bytes(), &[0xFF].repeat(broken)].concat();
    let behind =
        |broken: usize, whole: usize| [[0xFF].repeat(broken), "\u{FC}".repeat(whole).into()].concat();
    let rows: &[(&str, Vec<u8>, bool)] = &[
        ("nothing", Vec::new(), true),
        ("ASCII", b"ab".to_vec(), true),
        ("UTF-8", "a\u{4F60}\u{1F44B}\u{FC}".into(), true),
        ("one broken", b"\xE4\xBD".to_vec(), false),
        ("one broken before ASCII", b"\xE4\xBDa".to_vec(), false),
        ("one of two", b"\xE4\xBD\xC3\xBC".to_vec(), false),
        ("one of three", b"\xE4\xBD\xC3\xBC\xC3\xBC".to_vec(), true),
        ("two of four, side by side", b"\xC3\xBC\xF0\x9F\x91\xE4\xBD\xC3\xBC".to_vec(), false),
        ("two of five, side by side", b"\xC3\xBC\xF0\x9F\x91\xE4\xBD\xC3\xBC\xC3\xBC".to_vec(), true),
        ("one that was never begun", b"\xBD\xC3\xBC".to_vec(), false),
        ("half of many", cut(3_000, 3_000), false),
        ("less than half of many", cut(2_999, 3_000), true),
        ("one less than enough", behind(utf8::ENOUGH - 1, 3_000), true),
        ("enough", behind(utf8::ENOUGH, 3_000), false),
    ];
    for (name, octets, want) in rows {
        assert_eq!(looks_like_utf8(octets), *want, "{name}");
        for size in [1, 2, 3, 5, 7, 1_000] {
            let mut utf8 = Utf8::default();
            octets.chunks(size).for_each(|piece| utf8.take(piece));
            utf8.finish();
            assert_eq!(utf8.is_likely(), *want, "{name} in pieces of {size}");
        }
    }
}

#[cfg(feature = "charsets")]
#[test]
fn decodes_the_encoding_standard() {
    let rows: &[(&str, &[u8], &str)] = &[
        ("gb2312", b"\xC4\xE3\xBA\xC3", "你好"),
        ("gb2312", b"\x81\x30\x84\x36", "¥"),
        ("GBK", b"\x80\xC4\xE3", "€你"),
        ("gb18030", b"\x81\x30\x84\x36", "¥"),
        ("big5", b"\xA7A\xA6n", "你好"),
        ("koi8-r", b"\xF0\xD2\xC9\xD7\xC5\xD4", "Привет"),
        ("shift_jis", b"\x93\xFA\x96{", "日本"),
        ("iso-2022-jp", b"\x1B$BF|K\\\x1B(B!", "日本!"),
        ("euc-kr", b"\xC7\xD1", "한"),
        ("ks_c_5601-1987", b"\xC7\xD1", "한"),
        ("windows-1251", b"\xCF", "П"),
        ("iso-8859-2", b"\xB1", "ą"),
        ("iso-8859-15", b"\xA4", "€"),
        ("utf-16le", b"\xFF\xFEa\0", "a"),
        ("utf-16", b"\xFF\xFEH\0i\0", "Hi"),
        ("utf-16", b"\xFE\xFF\0H\0i", "Hi"),
        ("utf-16", b"\0H\0i", "Hi"),
        ("utf-16", b"H\0i\0", "Hi"),
        ("utf-16be", b"\xFE\xFF\0H", "H"),
        ("utf-16be", b"\xFF\xFEH\0", "H"),
        ("utf-16le", b"\xFE\xFF\0H", "H"),
    ];
    for (label, bytes, want) in rows {
        assert_eq!(text(bytes, label).as_deref(), Some(*want), "{label}");
    }
}

/// Names that Java, Python, iconv, Windows and old mailers write.
///
/// Labels that mail has and the web does not.
#[cfg(feature = "charsets")]
#[test]
fn knows_the_labels_of_mail() {
    let rows: &[(&[&str], &[u8], &str)] = &[
        (
            &["cp932", "MS932", "windows-31j", "SJIS", "x-sjis", "Shift-JIS", "cp943C", "MS_Kanji"],
            b"\x93\xFA",
            "日",
        ),
        (&["eucjp", "EUC_JP", "ujis", "eucJP-ms", "cp51932", "x-eucjp"], b"\xC6\xFC", "日"),
        (
            &[
                "iso2022jp",
                "ISO-2022-JP-MS",
                "cp50220",
                "CP50221",
                "cp50222",
                "iso-2022-jp-1",
                "ISO-2022-JP-2",
                "_iso-2022-jp$ESC",
                "_iso-2022-jp$SIO",
                "JIS",
            ],
            b"\x1B$BF|\x1B(B",
            "日",
        ),
        (
            &["cp949", "MS949", "x-windows-949", "windows-949", "UHC", "ksc5601", "KS_C_5601-1989", "EUC_KR"],
            b"\xC7\xD1",
            "한",
        ),
        (
            &[
                "cp936",
                "MS936",
                "eucgb2312_cn",
                "EUC-CN",
                "gb_2312-80",
                "gb18030-2005",
                "GB-2312",
                "x-gbk",
                "cp54936",
            ],
            b"\xC4\xE3",
            "你",
        ),
        (&["cp950", "MS950", "big5_tw", "BIG5-HKSCS", "x-x-big5", "big5-eten"], b"\xA7A", "你"),
        (&["cp1251", "win-1251", "x-cp1251", "WIN1251", "windows1251", "cp-1251"], b"\xCF", "П"),
        (&["cp1250", "windows1250", "win-1250"], b"\xB9", "ą"),
        (&["8859_2", "iso8859_2", "ISO8859-2", "iso_8859_2", "latin2"], b"\xB1", "ą"),
        (&["cp850", "IBM850", "850", "x-ibm850"], b"\x81", "ü"),
        (&["cp437", "ibm437"], b"\x81", "ü"),
        (&["ibm852", "cp852"], b"\xA5", "ą"),
        (&["cp858", "ibm00858"], b"\xD5", "€"),
        (&["cp866", "ibm866"], b"\x8F", "П"),
        (&["cp874", "TIS-620", "ms874", "iso8859_11"], b"\xA1", "ก"),
        (&["koi8", "KOI8_R"], b"\xF0", "П"),
        (&["macroman", "x-mac-roman", "macintosh"], b"\x8A", "ä"),
        (&["unicode-1-1-utf-8", "UTF_8", "cp65001", "utf8mb4", "utf-8n"], b"\xC3\xBC", "ü"),
        (&["ANSI_X3.4-1968", "8bit", "x-unknown", "default", "ISO646-US"], b"\xC3\xBC", "ü"),
        (&["cp819", "ISO_8859-1", "ISO8859_1", "iso-8859", "8859-1", "latin-1", "Latin1"], b"\xFC", "ü"),
        (&["latin-2", "latin_2"], b"\xB1", "ą"),
        (&["latin-9", "latin9", "latin0", "iso-8859-15"], b"\xA4", "€"),
        (&["latin-7"], b"\xFF", "’"),
        (&["latin-8"], b"\xA1", "Ḃ"),
        (&["latin-10"], b"\xA4", "€"),
    ];
    for (labels, bytes, want) in rows {
        for label in *labels {
            assert_eq!(text(bytes, label).as_deref(), Some(*want), "{label}");
        }
    }
}

/// ISO-2022-JP with escapes back to back, UTF-7.
#[cfg(feature = "charsets")]
#[test]
fn decodes_what_is_shifted() {
    let rows: &[(&str, &[u8], &str)] = &[
        // Escape sequences with nothing between them, at the start, at the end, and doubled.
        ("iso-2022-jp", b"\x1B$B7oL>\x1B(B\x1B$B%F%9%H\x1B(B", "件名テスト"),
        ("iso-2022-jp", b"\x1B(B\x1B$BF|K\\\x1B(B\x1B(B", "日本"),
        ("iso-2022-jp", b"\x1B$B\x1B$BF|\x1B(J\x1B(B!", "日!"),
        ("iso-2022-jp", b"\x1B$@F|\x1B(Ja\\~", "日a\\~"),
        ("iso-2022-jp", b"\x1B&@\x1B$BF|\x1B(H", "日"),
        ("iso-2022-jp", b"\x1B$(BF|\x1B(B", "日"),
        ("iso-2022-jp", b"\x1B(I12\x1B(B \x0E3\x0F.", "ｱｲ ｳ."),
        ("iso-2022-jp", b"\xB1\xB2", "ｱｲ"),
        ("iso-2022-jp-1", b"\x1B$(D0!\x1B(B", "丂"),
        ("iso-2022-jp-2", b"\x1B$AVPND\x1B(B, \x1B$(CGQ1[\x1B$BF|\x1B(B", "中文, 한글日"),
        ("iso-2022-jp-2004", b"\x1B$(QF|\x1B$(OK\\\x1B(B", "日本"),
        // A line end inside, a set left open, half a character, an unknown sequence.
        ("iso-2022-jp", b"\x1B$BF|\r\nK\\", "日\r\n本"),
        ("iso-2022-jp", b"\x1B$BF|K", "日\u{FFFD}"),
        ("iso-2022-jp", b"a\x1B[1mb", "a\u{FFFD}[1mb"),
        ("iso-2022-jp", b"plain", "plain"),
        ("iso-2022-kr", b"\x1B$)C\x0EGQ1[\x0F ok\n\x0EGQ\nab", "한글 ok\n한\nab"),
        ("hz-gb-2312", b"a ~{VPND~} ~~b~\nc", "a 中文 ~bc"),
        ("HZ", b"~{VP\nab", "中\nab"),
        ("utf-7", b"Hi Mom -+Jjo--!", "Hi Mom -☺-!"),
        ("utf-7", b"A+ImIDkQ.", "A≢Α."),
        ("unicode-1-1-utf-7", b"1 +- 1 +AOQ-x +2D3cSw", "1 + 1 äx 👋"),
        ("utf-7", b"a+!b+", "a+!b+"),
        ("utf-7", b"+AOQA-b", "\u{e4}b"),
    ];
    for (label, bytes, want) in rows {
        assert_eq!(text(bytes, label).as_deref(), Some(*want), "{label} {}", bytes.escape_ascii());
    }
}

#[cfg(not(feature = "charsets"))]
#[test]
fn knows_no_other_label() {
    assert_eq!(text(b"\xC4\xE3", "gbk"), None);
}

#[cfg(feature = "guess")]
#[test]
fn guesses_what_names_no_charset() {
    use encoding_rs::{
        BIG5, EUC_JP, EUC_KR, GBK, ISO_8859_7, KOI8_R, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251,
        WINDOWS_1255, WINDOWS_1256,
    };
    let rows = [
        (
            GBK,
            &[
                "关于明天的会议",
                "请查收",
                "Re: 合同",
                "发票清单.pdf",
                "北京分公司 2024 年报",
                "您的订单已发货",
            ][..],
        ),
        // Two usual characters are Chinese, though they could be Korean or Japanese.
        (GBK, &["你好", "发票", "发票.pdf", "会议", "测试", "张伟", "王芳 <"]),
        (BIG5, &["發票號碼", "關於明天的會議", "請查收附件", "測試郵件", "臺北市政府"]),
        (SHIFT_JIS, &["会議のお知らせ", "株式会社", "お世話になっております。", "請求書の件"]),
        (EUC_JP, &["会議のお知らせ", "お世話になっております。"]),
        (EUC_KR, &["안녕하세요", "회의 안내", "견적서 송부드립니다"]),
        (KOI8_R, &["Привет", "Счет на оплату", "Встреча завтра в 10 часов"]),
        (WINDOWS_1251, &["Привет", "Счет на оплату", "Встреча завтра в 10 часов"]),
        (WINDOWS_1250, &["Příliš žluťoučký kůň", "zażółć gęślą jaźń"]),
        (ISO_8859_7, &["Καλημέρα κόσμε"]),
        (WINDOWS_1255, &["שלום עולם"]),
        (WINDOWS_1256, &["مرحبا بالعالم"]),
        (WINDOWS_874, &["สวัสดีครับ"]),
    ];
    for (charset, texts) in rows {
        for text in texts {
            let (octets, _, has_more) = charset.encode(text);
            assert!(!has_more, "{text} in {}", charset.name());
            assert_eq!(guess(&octets), *text, "in {}", charset.name());
        }
    }
    // Too little to tell: as windows-1252, and no letter is lost.
    assert_eq!(guess(b"\xC0\xEE"), "Àî");
    assert_eq!(guess(b"\xC4\xE0"), "Äà");
}

/// What people write in windows-1252, cut into pieces of each number of words, is never taken for something else.
#[cfg(feature = "guess")]
#[test]
fn latin_text_with_accents_is_never_taken_for_another_script() {
    let texts = [
        "Überprüfung der Rechnungen für München: größere Beträge können ab Übermorgen überwiesen werden, „bitte“ prüfen – Grüße Jörg Müller",
        "Réunion à propos de l’été déjà prévue, où êtes-vous? Voilà la pièce jointe « à signer » où ça coûte 10 €, très cordialement, Hélène Lefèvre",
        "Información sobre la reunión de mañana: ¿podéis confirmar la dirección? ¡Olé! El niño pequeño pidió jamón ibérico. Un saludo, Íñigo Núñez",
        "Informações sobre a reunião de amanhã: não há alterações na organização, à exceção das opções já discutidas. Até já, João Simões Conceição",
        "Perché la città è così bella? Più tardi andrò all’università, però non so se c’è già qualità. Niccolò è lì, tutto a metà",
        "Möte på måndag: vi äter räksmörgås på Åland. Hör av er före fredag så får ni även en påminnelse. Hälsningar Åsa Öström SMÖRGÅS ÅÄÖ",
        "Hyvää päivää, tässä on pyytämänne tarjous käännöstyöstä. Kääntäjä lähettää sen myöhemmin ÄÄKKÖSET PÄÄTÖS HÄÄYÖAIE yötä päivää",
        "Møde på fredag: så spiser vi rødgrød med fløde på Læsø. Håber I når færgen. Venlig hilsen Søren Ærø, Åse Bjørnsøn",
        "Þór fór út í ærsl og mjög stórar öldur; það er gaman að sjá hann. Kær kveðja, Ægir Þórðarson og Ólöf Ísleifsdóttir",
        "GRÖSSE ÄÖÜ FRANÇAIS ÉTÉ AÇÕES ÑANDÚ DÉJÀ VU ÎLE ŒUVRE CŒUR ÀÉ ÖÄ © ® ½ § 5° «à» “quoted” … naïve café El Niño São Paulo Ångström",
    ];
    for text in texts {
        let words: Vec<&str> = text.split(' ').collect();
        for count in 1..=words.len() {
            for some in words.windows(count) {
                let some = some.join(" ");
                let (octets, _, has_more) = encoding_rs::WINDOWS_1252.encode(&some);
                assert!(!has_more, "{some}");
                if str::from_utf8(&octets).is_err() {
                    assert_eq!(guess(&octets), some);
                }
            }
        }
    }
}

/// Of a long text the start is looked at, though it ends in the middle of a character.
#[cfg(feature = "guess")]
#[test]
fn a_long_text_is_told_by_its_start() {
    use encoding_rs::{BIG5, GBK, SHIFT_JIS};
    let rows = [
        (GBK, "关于明天的会议请查收发票清单"),
        (BIG5, "關於明天的會議請查收附件發票"),
        (SHIFT_JIS, "会議のお知らせをお世話になって"),
    ];
    for (charset, text) in rows {
        for front in ["", "a"] {
            for more in [0, 1, 2, 3] {
                let mut long = String::from(front);
                let mut octets = front.len();
                for c in text.chars().cycle() {
                    if octets >= guess::LOOK + more {
                        break;
                    }
                    long.push(c);
                    octets += 2;
                }
                let (octets, _, has_more) = charset.encode(&long);
                assert!(!has_more && (guess::LOOK..=guess::LOOK + 4).contains(&octets.len()));
                assert!(guess(&octets) == long, "{} {front:?} {}", charset.name(), octets.len());
            }
        }
    }
}

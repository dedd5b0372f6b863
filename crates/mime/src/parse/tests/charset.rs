use alloc::string::String;
use alloc::vec::Vec;

use super::*;

/// A charset that is not named is told, and what all of the message looks like is taken for it.
#[test]
fn octets_of_no_charset_are_told() {
    let (kind, none) = (DefectKind::UnnamedCharset, &[][..]);
    // 发票 alone could be Japanese; 您的订单已发货 is not.
    let body = b"\xC4\xFA\xB5\xC4\xB6\xA9\xB5\xA5\xD2\xD1\xB7\xA2\xBB\xF5";
    let both = [b"Subject: \xB7\xA2\xC6\xB1\r\nX: y\r\n\r\nhello\r\n".as_slice(), body, b"\r\n"].concat();
    let base64 = b"Content-Transfer-Encoding: base64\r\n\r\nxPq1xLapt9u2ybWl\r\n";
    let html = b"Content-Type: text/html\r\n\r\n<meta charset=latin1>\xC4\xE3\r\n";
    let rows: &[(&str, &[u8], &[(DefectKind, u64)])] = &[
        ("field and text", &both, &[(kind, 0), (kind, 30)]),
        ("UTF-8 in a field", "Subject: gr\u{fc}n\r\n\r\ngr\u{fc}n".as_bytes(), none),
        (
            "a field beside a text that names one",
            b"Subject: \xC4\xE3\r\nContent-Type: text/plain; charset=windows-1252\r\n\r\n\xC4\xE3",
            &[(kind, 0)],
        ),
        (
            "us-ascii that is none",
            b"Content-Type: text/plain; charset=us-ascii\r\n\r\na\r\ngr\xFCn\r\nb\xFC",
            &[(kind, 49)],
        ),
        ("beneath an encoding", base64, &[(kind, 37)]),
        ("HTML that names it itself", html, none),
        (
            "HTML that names it beneath us-ascii",
            b"Content-Type: text/html; charset=us-ascii\r\n\r\n<meta charset=latin1>\xC4\xE3\r\n",
            none,
        ),
        (
            "HTML that says us-ascii itself",
            b"Content-Type: text/html\r\n\r\n<meta charset=us-ascii>\xC4\xE3\r\n",
            &[(kind, 27)],
        ),
        ("a file", b"Content-Type: application/pdf\r\n\r\n\xC4\xE3\r\n", none),
        ("cut within the only character", b"\r\nab\xE4\xBD", &[(kind, 2)]),
        ("cut within the last of two", b"\r\n\xE5\xA5\xBD\xE4\xBD\xA0\xE4\xBD", none),
        (
            "broken within a field and a text",
            b"Subject: \xE5\xA5\xBD\xE4\xBD\r\n \xE5\xA5\xBD\r\nTo: x\r\n\r\n\xE5\xA5\r\n\xE4\xBD\xA0\xE4\xBD\xA0\r\n",
            none,
        ),
        (
            "more broken than whole, and what is wrong behind it",
            b"To: x\r\nSubject: \xE5\xA5\xBD\xE4\xBD\r\n\xE5\xA5\r\n\xE4\xBD\xA0\r\n\xE4\r\n",
            &[(kind, 7), (DefectKind::NoEmptyLine, 23), (kind, 23)],
        ),
        (
            "a field that is cut off",
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nSubject: x\r\n \xFC\r\n--b--",
            &[(kind, 62), (DefectKind::HeaderCutOff, 66)],
        ),
    ];
    for (name, raw, want) in rows {
        let message = Message::parse(raw);
        let told: Vec<_> = message.defects().iter().map(|defect| (defect.kind, defect.offset)).collect();
        assert_eq!(told, *want, "{name}");
        for cut in 1..40 {
            let (mut stream, mut told) = (Stream::new(Limits::default()), Vec::new());
            let mut tell = |event: Event<'_>| {
                if let Event::Defect(defect) = event {
                    told.push((defect.kind, defect.offset));
                }
            };
            raw.chunks(cut).for_each(|piece| stream.feed(piece, &mut tell));
            stream.finish(&mut tell);
            assert_eq!(told, *want, "{name} by {cut}");
        }
    }
    let message = Message::parse(&both);
    let (subject, text) = (message.subject(), message.parts()[0].text());
    if cfg!(feature = "guess") {
        assert_eq!((subject.as_deref(), &*text), (Some("发票"), "hello\r\n您的订单已发货\r\n"));
    } else {
        assert_eq!((subject.as_deref(), &*text), (Some("·¢Æ±"), "hello\r\nÄúµÄ¶©µ¥ÒÑ·¢»õ\r\n"));
    }
}

/// A text that is labelled UTF-8 and is not is told, and read as what it looks like.
#[test]
fn texts_that_are_no_utf8_are_told() {
    let order = b"\xC4\xFA\xB5\xC4\xB6\xA9\xB5\xA5\xD2\xD1\xB7\xA2\xBB\xF5";
    let (mojibake, guessed) = ("ÄúµÄ¶©µ¥ÒÑ·¢»õ", "您的订单已发货");
    let cut = "您的订单".as_bytes().split_last().map(|(_, cut)| cut).unwrap_or_default();
    let (plain, html) = ("text/plain; charset=UTF-8", "text/html; charset=utf8");
    let meta = |label: &str| [b"<meta charset=", label.as_bytes(), b">", order].concat();
    // The text, where it is wrong, and what it is read as without the features `guess` and `charsets`, and with them.
    let rows: &[(&str, &str, &str, &[u8], Option<usize>, [&str; 2])] = &[
        ("Latin letters", plain, "8bit", b"a\r\ngr\xFCn\r\n\xE4", Some(3), ["a\r\ngrün\r\nä"; 2]),
        ("Chinese", plain, "", order, Some(0), [mojibake, guessed]),
        ("UTF-8", plain, "", "grün".as_bytes(), None, ["grün"; 2]),
        ("ASCII", plain, "", b"a", None, ["a"; 2]),
        ("a character cut", plain, "", cut, Some(0), ["您的订\u{FFFD}"; 2]),
        (
            "HTML that names another",
            html,
            "",
            &meta("gbk"),
            Some(0),
            [&["<meta charset=gbk>", mojibake].concat(), &["<meta charset=gbk>", guessed].concat()],
        ),
        (
            "HTML that says the same",
            html,
            "",
            &meta("utf-8"),
            Some(0),
            [&["<meta charset=utf-8>", mojibake].concat(), &["<meta charset=utf-8>", guessed].concat()],
        ),
        ("a file", "application/pdf; charset=utf-8", "", order, None, ["", ""]),
        ("another label", "text/plain; charset=iso-8859-1", "", b"\xFC", None, ["ü"; 2]),
        ("quoted-printable", plain, "quoted-printable", b"a\r\ngr=FCn\r\n", Some(3), ["a\r\ngrün\r\n"; 2]),
        ("base64", plain, "base64", b"Z3I=\r\n/G4=\r\n", Some(6), ["grün"; 2]),
    ];
    for (name, kind, encoding, body, wrong, texts) in rows {
        let head = alloc::format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        let raw = [head.as_bytes(), body].concat();
        for encoded_texts in [false, true] {
            let limits = Limits { encoded_texts, ..Limits::default() };
            let message = Message::parse_with(&raw, &limits);
            let is_seen = encoded_texts || !encoding.contains('a');
            let wrong = wrong.filter(|_| is_seen).and_then(|at| u64::try_from(head.len() + at).ok());
            let want: Vec<_> = wrong
                .map(|offset| Defect { kind: DefectKind::NotUtf8, offset, part: 0 })
                .into_iter()
                .collect();
            assert_eq!(message.defects(), want, "{name}");
            for size in [1, 3, 1_000] {
                assert_eq!(streamed(&raw, size, &limits), whole(&message), "{name} by {size}");
            }
            let [plain, guessed] = *texts;
            // Only `charsets` knows what GBK is.
            let is_known = cfg!(feature = "guess")
                || cfg!(feature = "charsets") && body.starts_with(b"<meta charset=gbk");
            if !plain.is_empty() {
                assert_eq!(message.parts()[0].text(), if is_known { guessed } else { plain }, "{name}");
            }
        }
    }
}

/// What is read where no charset is named, with the feature `guess` and without it.
#[test]
fn octets_of_no_charset_are_read() {
    let order = b"\xC4\xFA\xB5\xC4\xB6\xA9\xB5\xA5\xD2\xD1\xB7\xA2\xBB\xF5";
    // 鑫鑫 alone is told from nothing.
    let subject = b"Subject: \xF6\xCE\xF6\xCE\r\n";
    let ascii = b"Content-Type: text/plain; charset=us-ascii\r\n\r\n";
    let html = b"Content-Type: text/html; charset=us-ascii\r\n\r\n<meta charset=latin1>";
    let mut broken = "您的订单已发货请在本周内查收并核对发票谢谢".as_bytes().to_vec();
    broken.remove(49);
    let mended = "您的订单已发货请在本周内查收并核\u{FFFD}发票谢谢";
    let rows: &[(&str, Vec<u8>, [&str; 2], [&str; 2])] = &[
        (
            "a short field and a text that says us-ascii",
            [subject.as_slice(), ascii, order].concat(),
            ["鑫鑫", "您的订单已发货"],
            ["öÎöÎ", "ÄúµÄ¶©µ¥ÒÑ·¢»õ"],
        ),
        (
            "a field and a short text that says us-ascii",
            [b"Subject: ", order.as_slice(), b"\r\n", ascii, b"ok \xF6\xCE\xF6\xCE 2024"].concat(),
            ["您的订单已发货", "ok 鑫鑫 2024"],
            ["ÄúµÄ¶©µ¥ÒÑ·¢»õ", "ok öÎöÎ 2024"],
        ),
        (
            "HTML that names it beneath us-ascii",
            [html.as_slice(), order].concat(),
            ["", "<meta charset=latin1>ÄúµÄ¶©µ¥ÒÑ·¢»õ"],
            ["", "<meta charset=latin1>ÄúµÄ¶©µ¥ÒÑ·¢»õ"],
        ),
        (
            "UTF-8 with a character cut",
            [b"Subject: ", broken.as_slice(), b"\r\n\r\n", &broken].concat(),
            [mended, mended],
            [mended, mended],
        ),
        (
            "that beside a field that is none",
            [b"Subject: ", order.as_slice(), b"\r\n\r\n", &broken].concat(),
            ["您的订单已发货", mended],
            ["ÄúµÄ¶©µ¥ÒÑ·¢»õ", mended],
        ),
        (
            "a field that is that beside a text that is none",
            [b"Subject: ", broken.as_slice(), b"\r\n\r\n", order].concat(),
            [mended, "您的订单已发货"],
            [mended, "ÄúµÄ¶©µ¥ÒÑ·¢»õ"],
        ),
    ];
    for (name, raw, guessed, plain) in rows {
        let message = Message::parse(raw);
        let (subject, text) = (message.subject().unwrap_or_default(), message.parts()[0].text());
        let want = if cfg!(feature = "guess") { guessed } else { plain };
        assert_eq!([&*subject, &*text], *want, "{name}");
    }
}

/// Names whose characters have octets of ASCII as their second half, or are written in ASCII.
#[cfg(feature = "charsets")]
#[test]
fn octets_that_are_halves_of_characters_mean_nothing() {
    use alloc::format;
    use alloc::vec;

    let file = |charset: &str, name: &[u8]| {
        let text = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
        );
        let attached = b"\r\n--b\r\nContent-Type: a/b; name=\"";
        let disposition = b"\"\r\nContent-Disposition: attachment; filename=\"";
        [
            b"From: \"",
            name,
            b"\" <a@b>, ",
            name,
            b" <c@d>\r\n",
            text.as_bytes(),
            b"x",
            attached,
            name,
            disposition,
            name,
            b"\"\r\n\r\n--b--",
        ]
        .concat()
    };
    let rows: &[(&str, &str, &[u8], &str)] = &[
        ("a backslash", "Shift_JIS", b"\x97\x5C\x92\xE8\x95\x5C", "予定表"),
        ("an at sign and a bracket", "Shift_JIS", b"\x83\x40\x83\x5B\x83\x5E", "ァゼタ"),
        ("a backslash at the end", "Big5", b"\xB3\x5C\xA5\x5C\xBB\x5C", "許功蓋"),
        ("an at sign in GBK", "gb2312", b"\x81\x40\x81\x5C", "丂乗"),
        ("escape sequences with brackets", "iso-2022-jp", b"\x1B$B;3ED\x1B(B \x1B$B!<\x1B(B", "山田 ー"),
        ("UTF-8 all the same", "Shift_JIS", "予定表".as_bytes(), "予定表"),
        ("one octet a character", "iso-8859-1", b"gr\xFCn", "grün"),
    ];
    for (name, charset, octets, want) in rows {
        let raw = file(charset, octets);
        let message = Message::parse(&raw);
        let people: Vec<_> = message.from().iter().map(|who| format!("{who:?}")).collect();
        let wanted: Vec<_> = ["a@b", "c@d"]
            .map(|address| {
                crate::decode::AddressOrGroup::Address(crate::decode::DisplayAddress::new(*want, address))
            })
            .map(|who| format!("{who:?}"))
            .to_vec();
        assert_eq!(people, wanted, "{name}");
        let part = &message.parts()[2];
        let names = vec![part.content_type().parameters.get("name"), part.file_name()];
        assert_eq!(names, [Some(*want); 2], "{name}");
    }
}

/// To guess, no more is gathered and decoded than is looked at.
#[cfg(feature = "guess")]
#[test]
fn what_is_guessed_from_has_a_limit() {
    use alloc::{format, vec};

    use crate::decode::Charset;

    let gbk = |octets: usize| b"\xC4\xFA".repeat(octets.div_ceil(2))[..octets].to_vec();
    let quoted = |octets: usize| {
        let lines = vec!["=C4=FA".repeat(12); octets.div_ceil(24)];
        lines.join("=\r\n").into_bytes()
    };
    let base64 = |octets: usize| b"xPrE+sT6xPrE+sT6".repeat(octets.div_ceil(12));
    let part = |encoding: &str, body: Vec<u8>| {
        let head = format!("--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        [head.as_bytes(), &body, b"\r\n"].concat()
    };
    let head = |subject: &[u8]| {
        let kind = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".as_slice();
        [b"Subject:", subject, b"\r\n", kind].concat()
    };
    let (look, none) = (Charset::LOOK, head(b""));
    let ascii = |octets: usize| vec![b'x'; octets];
    let rows: &[(&str, &[Vec<u8>], usize)] = &[
        ("at the limit", &[none.clone(), part("8bit", gbk(look))], look),
        ("one above it", &[none.clone(), part("8bit", gbk(look + 1))], look + 1),
        ("far above it", &[none.clone(), part("8bit", gbk(3 * look))], look + 1),
        ("quoted-printable", &[none.clone(), part("quoted-printable", quoted(3 * look))], look + 1),
        ("base64", &[none.clone(), part("base64", base64(3 * look))], look + 1),
        (
            "base64 behind much white space",
            &[none.clone(), part("base64", [b" ".repeat(4 * look + 4), base64(12)].concat())],
            0,
        ),
        (
            "base64 behind less of it",
            &[none.clone(), part("base64", [b" ".repeat(3 * look), base64(12)].concat())],
            12,
        ),
        ("two texts", &[none.clone(), part("8bit", gbk(look)), part("8bit", gbk(look))], look + 1),
        ("a field and a text", &[head(&gbk(99)), part("8bit", gbk(look))], look + 1),
        ("a long field", &[head(&gbk(3 * look)), part("8bit", gbk(look))], look + 1),
        (
            "a text beside one whose start ends within a character",
            &[
                none.clone(),
                part("8bit", [ascii(look - 1), "\u{4F60}".into()].concat()),
                part("8bit", gbk(12)),
            ],
            12,
        ),
        (
            "one that ends within its only character",
            &[none.clone(), part("8bit", [ascii(9), b"\xE4\xBD".to_vec()].concat())],
            11,
        ),
    ];
    for (name, pieces, want) in rows {
        let raw = [pieces.concat(), b"--b--".to_vec()].concat();
        let message = Message::parse(&raw);
        assert_eq!(crate::parse::message::evidence(message.parts()).len(), *want, "{name}");
    }
}

/// UTF-8 of which an octet is lost stays UTF-8, whatever it and what is beside it look like.
#[test]
fn broken_utf8_is_read_as_utf8() {
    let whole = "您的订单已发货请在本周内查收并核对发票谢谢";
    let gbk = b"Subject: \xC4\xFA\xB5\xC4\xB6\xA9\xB5\xA5\xD2\xD1\xB7\xA2\xBB\xF5\r\n";
    for lost in 0..whole.len() {
        let mut octets = whole.as_bytes().to_vec();
        octets.remove(lost);
        let want = String::from_utf8_lossy(&octets);
        let message = [gbk.as_slice(), b"\r\n", &octets].concat();
        assert_eq!(Message::parse(&message).parts()[0].text(), want, "beside GBK, {lost}");
        let message = [b"Subject: ", octets.as_slice(), b"\r\n\r\n", &octets].concat();
        let message = Message::parse(&message);
        assert_eq!(message.subject().unwrap(), want, "{lost}");
        assert_eq!(message.parts()[0].text(), want, "{lost}");
        assert!(message.defects().is_empty(), "{lost}");
    }
}

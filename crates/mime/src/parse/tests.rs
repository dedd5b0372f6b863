use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// `type[body]` of each part, children in parentheses.
fn outline(message: &Message<'_>, index: usize) -> String {
    let part = &message.parts()[index];
    let children: Vec<String> =
        message.children(index).map(|child| outline(message, child.index())).collect();
    match part.kind() {
        Kind::Leaf => format!("{}[{}]", part.content_type().essence, part.bytes().escape_ascii()),
        _ => format!("{}({})", part.content_type().essence, children.join(" ")),
    }
}

fn defects(message: &Message<'_>) -> Vec<DefectKind> {
    message.defects().iter().map(|defect| defect.kind).collect()
}

#[test]
fn takes_messages_apart() {
    use DefectKind::{
        BoundaryNotFound, EncodedContainer, HeaderCutOff, NoBoundary, NoEmptyLine, NotClosed, UnknownCharset,
        UnknownEncoding,
    };
    let mixed = "Content-Type: multipart/mixed; boundary=b\n";
    // Without IDNA nothing maps a domain.
    let mapped: &[DefectKind] = if cfg!(feature = "idna") { &[DefectKind::UnusableAddress] } else { &[] };
    let rows: &[(&str, String, &str, &[DefectKind])] = &[
        ("empty", String::new(), "text/plain[]", &[]),
        ("header alone", "Subject: x\n".into(), "text/plain[]", &[]),
        ("text", "Subject: x\r\n\r\nhello\r\n".into(), "text/plain[hello\\r\\n]", &[]),
        ("a zone that nobody knows", "Date: 1 Jul 2003 08:52:37 MEZ\n\n".into(), "text/plain[]", &[DefectKind::UnknownZone]),
        ("a date that is none", "Date: soon\n\n".into(), "text/plain[]", &[DefectKind::UnreadableDate]),
        ("a domain that is mapped", "To: a@b, c@org\u{b3}\n\n".into(), "text/plain[]", mapped),
        ("a folded one", "From: J\u{f6} <j@x>\nReply-To: a@b,\n =?utf-8?q?x?= <c@org\u{b3}>\n\n".into(), "text/plain[]", mapped),
        ("domains as they may be", "To: a@b\u{fc}cher.example,\n \u{7528}@\u{65e5}\u{672c}\u{3002}jp\nCc: J\u{f6}rg <j@x>, broken@\n\n".into(), "text/plain[]", &[]),
        ("an address of a part", format!("{mixed}\n--b\nFrom: a@org\u{b3}\n\none\n--b--"), "multipart/mixed(text/plain[one])", &[]),
        ("a date of a part", format!("{mixed}\n--b\nDate: soon\n\none\n--b--"), "multipart/mixed(text/plain[one])", &[]),
        (
            "boundaries with nothing between",
            format!("{mixed}\n--b\n--b\n--b\nContent-Type: text/html\n\none\n--b--\n"),
            "multipart/mixed(text/html[one])",
            &[],
        ),
        (
            "a fold that lost its space",
            "Content-Type: multipart/mixed;\nboundary=b\n\n--b\n\none\n--b--\n".into(),
            "multipart/mixed(text/plain[one])",
            &[DefectKind::BrokenFold],
        ),
        (
            "white space before the first field",
            format!(" {mixed}\n--b\n \tContent-Type: text/html\n\none\n--b--\n"),
            "multipart/mixed(text/html[one])",
            &[],
        ),
        ("an indented text", format!("{mixed}\n--b\n one\n two: x\n--b--\n"), "multipart/mixed(text/plain[ one\\n two: x])", &[NoEmptyLine]),
        (
            "one boundary twice",
            format!("{mixed}\n--b\n{mixed}\n--b\n\none\n--b\n\ntwo\n--b--\n\n--b\nContent-Type: image/gif\n\ngif\n--b--\nfooter\n--b\n"),
            "multipart/mixed(multipart/mixed(text/plain[one] text/plain[two]) image/gif[gif])",
            &[],
        ),
        ("lines of two mboxes", "From x\n>From y remote from z\nContent-Type: text/html\n\nhi".into(), "text/html[hi]", &[]),
        ("mark and mbox line", "\u{FEFF}From x\nA: b\n\nhello".into(), "text/plain[hello]", &[]),
        ("no empty line", "Subject: x\nhello world\nyou: too\n".into(), "text/plain[hello world\\nyou: too\\n]", &[NoEmptyLine]),
        ("no header", "hello world\n".into(), "text/plain[hello world\\n]", &[NoEmptyLine]),
        (
            "two parts",
            format!("{mixed}\npreamble\n--b\n\none\n--b \nContent-Type: text/html\n\ntwo\n\n--b--\nepilogue\n--b\nno part\n"),
            "multipart/mixed(text/plain[one] text/html[two\\n])",
            &[],
        ),
        ("empty parts", format!("{mixed}\n--b\n\n--b\n\n\n--b--"), "multipart/mixed(text/plain[] text/plain[])", &[]),
        ("crlf", format!("{mixed}\n--b\n\none\n--b--\n").replace('\n', "\r\n"), "multipart/mixed(text/plain[one])", &[]),
        ("not closed", format!("{mixed}\n--b\n\none\n"), "multipart/mixed(text/plain[one\\n])", &[NotClosed]),
        ("no such boundary", format!("{mixed}\n--c\n\none\n--c--\n"), "multipart/mixed()", &[BoundaryNotFound]),
        (
            "a boundary that is not named",
            "Content-Type: multipart/mixed\n\n--xyz\n\none\n--xyz--\n".into(),
            "multipart/mixed(text/plain[one])",
            &[NoBoundary],
        ),
        (
            "boundaries that begin alike",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb--\n--b--\n".into(),
            "multipart/mixed(multipart/alternative(text/plain[one]))",
            &[],
        ),
        (
            "an inner one that is not closed",
            format!("{mixed}\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--\n"),
            "multipart/mixed(multipart/alternative(text/plain[one]) text/plain[two])",
            &[NotClosed],
        ),
        (
            "header sections cut off",
            format!("{mixed}\n--b\nX: y\n--b\nContent-Type: message/rfc822\n--b--\n"),
            "multipart/mixed(text/plain[] message/rfc822(text/plain[]))",
            &[HeaderCutOff, HeaderCutOff],
        ),
        (
            "no empty line before a boundary",
            format!("{mixed}--b\nhello\n--b--\n"),
            "multipart/mixed(text/plain[hello])",
            &[NoEmptyLine, NoEmptyLine],
        ),
        (
            "an attached message",
            format!("{mixed}\n--b\nContent-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n--b\n\ntwo\n--b--"),
            "multipart/mixed(message/rfc822(multipart/mixed(text/plain[one])) text/plain[two])",
            &[],
        ),
        (
            "an attached message that is encoded",
            format!("{mixed}\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgoKYw==\n--b--"),
            "multipart/mixed(message/rfc822[A: b\\n\\nc])",
            &[EncodedContainer],
        ),
        (
            "a digest",
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\ntext\n--b--".into(),
            "multipart/digest(message/rfc822(text/plain[text]))",
            &[],
        ),
        (
            "encodings",
            format!("{mixed}\n--b\nContent-Transfer-Encoding: base64\n\naGk=\n--b\nContent-Transfer-Encoding: quoted-printable\n\na=\nb=3D\n--b\nContent-Transfer-Encoding: x-new\nContent-Type: text/plain; charset=klingon\n\n=3D\n--b--"),
            "multipart/mixed(text/plain[hi] text/plain[ab=] text/plain[=3D])",
            &[UnknownEncoding, UnknownCharset],
        ),
        (
            "of two types the first, folded",
            "Content-Type: multipart/mixed;\r\n boundary=\"b\r\n c\"\r\nContent-Type: text/html\r\n\r\n--b c\r\n\r\none\r\n--b c--".into(),
            "multipart/mixed(text/plain[one])",
            &[],
        ),
    ];
    for (name, raw, want, wrong) in rows {
        let message = Message::parse(raw.as_bytes());
        assert_eq!(outline(&message, 0), *want, "{name}");
        assert_eq!(defects(&message), *wrong, "{name}");
        assert!(message.parts().iter().enumerate().all(|(place, part)| part.index() == place), "{name}");
        for size in [1, 2, 3, 7] {
            assert_eq!(
                streamed(raw.as_bytes(), size, &Limits::default()),
                whole(&message),
                "{name} in pieces of {size}"
            );
        }
    }
}

#[test]
fn keeps_to_its_limits() {
    let nested: String =
        (0..60).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let message = Message::parse(nested.as_bytes());
    assert_eq!(message.parts().len(), 51);
    assert!(defects(&message).contains(&DefectKind::TooDeep));
    let messages = "Content-Type: message/rfc822\n\n".repeat(60);
    assert_eq!(Message::parse(messages.as_bytes()).parts().len(), 51);
    let limits = Limits { parts: 3, defects: 2, ..Limits::default() };
    let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n", "--b\n\nx\n".repeat(10));
    let message = Message::parse_with(many.as_bytes(), &limits);
    assert_eq!(
        outline(&message, 0),
        "multipart/mixed(text/plain[x] text/plain[x\\n--b\\n\\nx\\n--b\\n\\nx\\n--b\\n\\nx\\n--b\\n\\nx\\n--b\\n\\nx\\n--b\\n\\nx\\n--b\\n\\nx\\n--b\\n\\nx])"
    );
    assert_eq!(message.defects().len(), 2);
    let mut limits = Limits::default();
    limits.headers.header_octets = 30;
    let message = Message::parse_with(
        b"Subject: x\nX: 0123456789012345678901234567890\nContent-Type: text/html\n\nbody",
        &limits,
    );
    assert_eq!(
        (outline(&message, 0).as_str(), message.subject().as_deref()),
        ("text/plain[body]", Some("x"))
    );
    assert_eq!(defects(&message), [DefectKind::HeaderTooLong]);
}

/// RFC 8621 section 4.1.4, with its example.
#[test]
fn chooses_what_to_show() {
    fn part(head: &str, parts: &[String]) -> String {
        if parts.is_empty() {
            return format!("{head}\n\nx\n");
        }
        let name = format!("b{}", parts.concat().len());
        let parts: String = parts.iter().map(|part| format!("--{name}\n{part}")).collect();
        format!("{head}; boundary={name}\n\n{parts}--{name}--\n")
    }
    let leaf = |kind: &str, more: &str| part(&format!("Content-Type: {kind}{more}"), &[]);
    let inline = "\nContent-Disposition: inline";
    let attached = "\nContent-Disposition: attachment";
    let multi = |kind: &str, parts: &[String]| part(&format!("Content-Type: multipart/{kind}"), parts);
    let (plain, html) = (leaf("text/plain", ""), leaf("text/html", ""));
    let rows: &[(&str, String, &[usize], &[usize], &[usize])] = &[
        ("text", plain.clone(), &[0], &[0], &[]),
        ("html", html.clone(), &[0], &[0], &[]),
        ("file", leaf("application/pdf", ""), &[], &[], &[0]),
        ("alternative", multi("alternative", &[plain.clone(), html.clone()]), &[1], &[2], &[]),
        ("alternative of one", multi("alternative", core::slice::from_ref(&html)), &[1], &[1], &[]),
        (
            "with a file",
            multi("mixed", &[plain.clone(), leaf("application/pdf", attached)]),
            &[1],
            &[1],
            &[2],
        ),
        (
            "the RFC's example",
            // mixed(A, mixed(alternative(mixed(B, C, D), related(E, F)), G, H, J), K)
            multi(
                "mixed",
                &[
                    leaf("text/plain", inline),
                    multi(
                        "mixed",
                        &[
                            multi(
                                "alternative",
                                &[
                                    multi(
                                        "mixed",
                                        &[
                                            leaf("text/plain", inline),
                                            leaf("image/jpeg", inline),
                                            leaf("text/plain", inline),
                                        ],
                                    ),
                                    multi("related", &[html.clone(), leaf("image/jpeg", "")]),
                                ],
                            ),
                            leaf("image/jpeg", attached),
                            leaf("application/x-excel", ""),
                            leaf("message/rfc822", ""),
                        ],
                    ),
                    leaf("text/plain", inline),
                ],
            ),
            // A B C D K; A E K; C F G H J. Indices: A 1, B 5, C 6, D 7, E 9, F 10, G 11, H 12, J 13 and 14, K 15.
            &[1, 5, 6, 7, 15],
            &[1, 9, 15],
            &[6, 10, 11, 12, 13],
        ),
        (
            "a named text",
            multi("mixed", &[plain.clone(), leaf("text/plain", "; name=a.txt")]),
            &[1],
            &[1],
            &[2],
        ),
        ("broken multipart", "Content-Type: multipart/mixed; boundary=b\n\nhello".into(), &[0], &[0], &[]),
    ];
    for (name, raw, text, html, attachments) in rows {
        let message = Message::parse(raw.as_bytes());
        let indices = |parts: Parts<'_, '_>| parts.map(Part::index).collect::<Vec<_>>();
        assert_eq!(indices(message.text_body()), *text, "{name}: text of {raw}");
        assert_eq!(indices(message.html_body()), *html, "{name}: html of {raw}");
        assert_eq!(indices(message.attachments()), *attachments, "{name}: attachments of {raw}");
    }
}

#[test]
fn reads_what_people_ask_for() {
    let raw = b"From: =?utf-8?Q?J=C3=B6rg?= <j@b>\r\nTo: a@b\r\nTo: c@d\r\nReply-To: r@b\r\nSubject: \xCF\xF0\r\n\
        Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@b>\r\nIn-Reply-To: <0@b>\r\n\
        References: <a@b>\r\n <0@b> junk <x\r\n y@b>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\n\xCF\xF0\r\n\
        --b\r\nContent-Type: application/pdf; name=\"=?gb2312?B?t6LGsS5wZGY=?=\"\r\nContent-ID: <c1@b>\r\n\r\n\
        --b--\r\n";
    let message = Message::parse(raw);
    let show = |list: &[crate::decode::AddressOrGroup]| format!("{list:?}");
    assert!(show(&message.from()).contains("Jörg"), "{:?}", message.from());
    assert_eq!(message.to().len(), 2);
    assert_eq!(message.cc(), []);
    assert!(show(&message.reply_to()).contains("r@b"));
    assert_eq!(message.message_id().as_deref(), Some("<1@b>"));
    assert_eq!(message.in_reply_to(), ["<0@b>"]);
    assert_eq!(message.references(), ["<a@b>", "<0@b>", "<xy@b>"]);
    assert_eq!(message.date().map(|date| date.unix_seconds()), Some(1_767_607_200));
    let file = &message.parts()[2];
    assert_eq!(file.content_id(), Some("c1@b"));
    if cfg!(feature = "charsets") {
        assert_eq!(message.subject().as_deref(), Some("Пр"));
        assert_eq!(message.parts()[1].text(), "Пр");
        assert_eq!(file.file_name(), Some("发票.pdf"));
        // The header names no charset, so that in the HTML counts.
        let html = b"<meta name=x><meta http-equiv=Content-Type content='text/html; charset=koi8-r'>\xF0\xD2";
        let raw = [b"Content-Type: text/html\r\n\r\n".as_slice(), html].concat();
        assert_eq!(Message::parse(&raw).text(), "Пр\n");
        let raw = [b"Content-Type: text/html; charset=windows-1252\r\n\r\n".as_slice(), html].concat();
        assert_eq!(Message::parse(&raw).text(), "ðÒ\n");
    }
}

type Told = (Vec<(usize, Option<usize>, String, Vec<u8>)>, Vec<Defect>);

/// What a stream tells of a message that comes in pieces.
fn streamed(raw: &[u8], size: usize, limits: &Limits) -> Told {
    let (mut parts, mut wrong, mut open): Told2 = (Vec::new(), Vec::new(), 0i32);
    let mut tell = |event: Event<'_>| match event {
        Event::Part(head) => {
            open = open.saturating_add(1);
            let text = head.headers.iter().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(",");
            parts.push((
                head.index,
                head.parent,
                format!("{} {text}", head.content_type.essence),
                Vec::new(),
            ));
        }
        Event::Body { part, octets } => parts[part].3.extend_from_slice(octets),
        Event::End { .. } => open = open.saturating_sub(1),
        Event::Defect(defect) => wrong.push(defect),
    };
    let mut stream = Stream::new(limits.clone());
    for piece in raw.chunks(size.max(1)) {
        stream.feed(piece, &mut tell);
        assert!(stream.held() <= 2_100, "{}", stream.held());
    }
    stream.finish(&mut tell);
    assert_eq!(open, 0);
    (parts, wrong)
}

type Told2 = (Vec<(usize, Option<usize>, String, Vec<u8>)>, Vec<Defect>, i32);

fn whole(message: &Message<'_>) -> Told {
    let parts = message.parts().iter().map(|part| {
        let text = part.headers().iter().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(",");
        let body = if part.kind() == Kind::Leaf { part.raw_body().to_vec() } else { Vec::new() };
        (part.index(), part.parent(), format!("{} {text}", part.content_type().essence), body)
    });
    (parts.collect(), message.defects().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_stream_tells_the_same(
        lines in prop::collection::vec(
            prop_oneof![
                Just("--b"), Just("--b--"), Just("--c"), Just("--c--"), Just(""), Just("text"), Just("\r"),
                Just("Content-Type: multipart/mixed; boundary=b"), Just("Content-Type: multipart/digest; boundary=c"),
                Just("Content-Type: message/rfc822"), Just("Subject: x"), Just(" folded"), Just("From x"), Just("--"),
                Just("Content-Transfer-Encoding: base64"), Just("\u{FEFF}"),
            ],
            0..30,
        ),
        long in 0usize..3_000,
        size in 1usize..40,
    ) {
        let mut raw = lines.join("\n");
        raw.push_str(&"x".repeat(long));
        raw.push_str("\r\n--b\r\n\r\nend");
        let limits = Limits { parts: 20, depth: 5, ..Limits::default() };
        let message = Message::parse_with(raw.as_bytes(), &limits);
        prop_assert_eq!(streamed(raw.as_bytes(), size, &limits), whole(&message));
        let _ = (message.text_body(), message.html_body(), message.attachments());
    }

    #[test]
    fn never_panics(bytes in any::<Vec<u8>>()) {
        let message = Message::parse(&bytes);
        let _ = (message.subject(), message.from(), message.date(), message.text_body().map(Part::text).count());
    }
}

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

/// To guess, no more is gathered and decoded than is looked at.
#[cfg(feature = "guess")]
#[test]
fn what_is_guessed_from_has_a_limit() {
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
        assert_eq!(message::evidence(message.parts()).len(), *want, "{name}");
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

/// A message that is attached is opened, whether it is encoded or not.
#[test]
fn attached_messages_are_opened() {
    let inner = b"Subject: in\r\n\r\nhi\r\n";
    let base64 = b"Content-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogaW4NCg0KaGkNCg==\r\n".as_slice();
    let quoted = b"Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: in\r\n\r\n=68i\r\n".as_slice();
    let plain = b"\r\nSubject: in\r\n\r\nhi\r\n".as_slice();
    let encoded = &[DefectKind::EncodedContainer][..];
    let rows: &[(&str, &[u8], Kind, &[DefectKind])] = &[
        ("message/rfc822", plain, Kind::Message, &[]),
        ("message/rfc822", base64, Kind::Leaf, encoded),
        ("message/rfc822", quoted, Kind::Leaf, encoded),
        ("message/news", base64, Kind::Leaf, encoded),
        ("message/global", base64, Kind::Leaf, &[]),
        ("message/global", plain, Kind::Message, &[]),
    ];
    for (essence, rest, kind, defects) in rows {
        let raw = [b"Content-Type: ", essence.as_bytes(), b"\r\n", rest].concat();
        let message = Message::parse(&raw);
        let part = &message.parts()[0];
        let told: Vec<_> = message.defects().iter().map(|defect| defect.kind).collect();
        assert_eq!((part.kind(), told.as_slice()), (*kind, *defects), "{}", raw.escape_ascii());
        let opened = part.attached_message().unwrap();
        assert_eq!(&*opened, inner, "{}", raw.escape_ascii());
        assert_eq!(Message::parse(&opened).subject().as_deref(), Some("in"));
    }
    assert!(Message::parse(b"\r\nx").parts()[0].attached_message().is_none());
}

/// Pieces of a message and forms that stand for one (RFC 2046 section 5.2, RFC 3462 section 2) are no message to open.
#[test]
fn forms_that_are_no_whole_message_are_left_as_they_are() {
    for kind in [
        "message/partial; id=x; number=2; total=3",
        "message/external-body; access-type=URL",
        "message/delivery-status",
        "message/global-headers",
        "text/rfc822-headers",
    ] {
        let raw = format!("Content-Type: {kind}\n\nSubject: in\n\nbody\n");
        let message = Message::parse(raw.as_bytes());
        let [part] = message.parts() else { panic!("{kind}") };
        assert_eq!((part.kind(), &*part.bytes()), (Kind::Leaf, &b"Subject: in\n\nbody\n"[..]), "{kind}");
        assert!(part.attached_message().is_none() && message.defects().is_empty(), "{kind}");
    }
}

#[test]
fn a_defect_says_where_it_is() {
    let raw = "Date: soon\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/plain; charset=x-new\n\ntwo\n";
    let message = Message::parse(raw.as_bytes());
    let told: Vec<_> = message.defects().iter().map(ToString::to_string).collect();
    let at = |text: &str| raw.find(text).unwrap();
    let want = [
        format!("date can't be read at octet {} in part 0", at("\n--b\n\none")),
        format!("charset is not known at octet {} in part 2", at("\ntwo")),
        format!("multipart is not closed at octet {} in part 0", raw.len()),
    ];
    assert_eq!(told, want);
}

#[test]
fn what_is_not_encoded_is_not_copied() {
    let raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: application/pdf\n\n\xFFpdf\n--b--\n";
    let message = Message::parse(raw);
    let within = |octets: &[u8]| raw.as_ptr_range().contains(&octets.as_ptr());
    for part in &message.parts()[1..] {
        assert!(within(&part.bytes()) && within(part.raw()), "{}", part.content_type().essence);
    }
    assert!(within(message.parts()[1].text().as_bytes()));
    let message = Message::parse(b"Subject: plain text\n\n");
    assert!(matches!(message.subject(), Some(alloc::borrow::Cow::Borrowed("plain text"))));
}

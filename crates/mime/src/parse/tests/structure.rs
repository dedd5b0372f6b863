use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;

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
        ("a field without a name", "Subject: x\n: y\n z\nContent-Type: text/html\n\nhi".into(), "text/html[hi]", &[DefectKind::NoFieldName]),
        ("a colon that is no header", ": y\nSubject: x\n".into(), "text/plain[: y\\nSubject: x\\n]", &[NoEmptyLine]),
        ("no header", "hello world\n".into(), "text/plain[hello world\\n]", &[NoEmptyLine]),
        (
            "two parts",
            format!("{mixed}\npreamble\n--b\n\none\n--b \nContent-Type: text/html\n\ntwo\n\n--b--\nepilogue\n--b\nno part\n"),
            "multipart/mixed(text/plain[one] text/html[two\\n])",
            &[],
        ),
        ("empty parts", format!("{mixed}\n--b\n\n--b\n\n\n--b--"), "multipart/mixed(text/plain[] text/plain[])", &[]),
        ("crlf", format!("{mixed}\n--b\n\none\n--b--\n").replace('\n', "\r\n"), "multipart/mixed(text/plain[one])", &[]),
        ("CR CR LF", format!("{mixed}\nx\n--b\n\none\n\n--b\nContent-Type: text/html\n\ntwo\n--b--\n").replace('\n', "\r\r\n"), "multipart/mixed(text/plain[one\\r\\r\\n] text/html[two])", &[]),
        ("CR", format!("{mixed}\nx\n--b\nContent-Type: text/html;\n\tcharset=x\n\none\n\n--b\nContent-Transfer-Encoding: quoted-printable\n\nt=\nwo\n--b--\n").replace('\n', "\r"), "multipart/mixed(text/html[one\\r] text/plain[two])", &[UnknownCharset]),
        ("CR, then CRLF and LF", "Subject: x\rContent-Type: multipart/mixed;\r boundary=b\r\r--b\r\n\r\none\r\n--b\n\ntwo\n\n--b--".into(), "multipart/mixed(text/plain[one] text/plain[two\\n])", &[]),
        ("a CR in a field", "Subject: x\rContent-Type: text/html\r\nX: y\r\n\r\n--\r--\r\n".into(), "text/plain[--\\r--\\r\\n]", &[]),
        ("an empty line of CR in a field alone", "Subject: x\r\ry\r\nContent-Type: text/html\r\n\r\nhi".into(), "text/html[hi]", &[]),
        ("a CR in prose", "Subject: x\rand y".into(), "text/plain[]", &[]),
        ("a CR that ends all", "Subject: x\rTo: y\r".into(), "text/plain[]", &[]),
        ("not closed", format!("{mixed}\n--b\n\none\n"), "multipart/mixed(text/plain[one\\n])", &[NotClosed]),
        ("no such boundary", format!("{mixed}\n--c\n\none\n--c--\n"), "multipart/mixed()", &[BoundaryNotFound]),
        (
            "a boundary that is not named",
            "Content-Type: multipart/mixed\n\n--xyz\n\none\n--xyz--\n".into(),
            "multipart/mixed(text/plain[one])",
            &[NoBoundary],
        ),
        (
            "a boundary that is not named, and that of the multipart around it",
            "Content-Type: multipart/mixed; boundary=xyz\n\n--xyz\nContent-Type: multipart/mixed\n\n--xyz\n\ntwo\n--xyz--\n".into(),
            "multipart/mixed(multipart/mixed() text/plain[two])",
            &[NoBoundary, BoundaryNotFound],
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
        for size in [1, 2, 3, 7, 999, 1_000, 1_001] {
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
    assert_eq!(Message::parse_with(messages.as_bytes(), &limits).parts().len(), 3);
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
    let section = "Subject: x\nX: y\nContent-Type: text/html\n";
    let raw = format!("{section}\nbody");
    for (octets, fields, want) in [
        (section.len(), 3, "text/html"),
        (section.len() - 1, 3, "text/plain"),
        (section.len(), 2, "text/plain"),
    ] {
        let mut limits = Limits::default();
        (limits.headers.header_octets, limits.headers.headers) = (octets, fields);
        let message = Message::parse_with(raw.as_bytes(), &limits);
        assert_eq!(outline(&message, 0), format!("{want}[body]"), "{octets} {fields}");
        assert_eq!(streamed(raw.as_bytes(), 1, &limits), whole(&message), "{octets} {fields}");
    }
}

/// A multipart that is too deep to be opened is a file: its octets can be had, and parsed.
#[test]
fn what_is_too_deep_is_a_file() {
    let raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n\
        Content-Type: multipart/mixed; boundary=c\n\n--c\n\nin\n--c--\n--b--\n";
    let message = Message::parse_with(raw, &Limits { depth: 1, ..Limits::default() });
    let files: Vec<_> = message.attachments().map(|part| (part.index(), part.bytes().into_owned())).collect();
    assert_eq!(files, [(2, b"--c\n\nin\n--c--".to_vec())]);
    assert_eq!(message.text_body().map(Part::index).collect::<Vec<_>>(), [1]);
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

use super::*;
use crate::decode::{
    AddressOrGroup, ContentType, DisplayAddress, Disposition, TransferEncoding, address_list, text,
};
use crate::{Header, Headers};
use alloc::{format, vec};
use proptest::prelude::*;

const RANDOM: [u8; 16] = [0xAB; 16];
const STEM: &str = "=_abababababababababababababababab_";

fn date() -> DateTime {
    DateTime::new(1_057_049_557, 120).unwrap()
}

fn mailbox(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn message() -> Message {
    Message::new(mailbox("Robot <robot@example.com>")).to(mailbox("ann@example.org"))
}

fn build(message: &Message) -> Composed {
    let composed = message.build(date(), RANDOM).unwrap();
    check_lines(&composed.octets);
    composed
}

/// Every line ends in CRLF, holds no other CR or LF, and is no longer than the RFC allows.
fn check_lines(octets: &[u8]) {
    assert!(octets.ends_with(b"\r\n"));
    for line in octets.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("a bare LF");
        assert!(!line.contains(&b'\r'), "a bare CR: {}", line.escape_ascii());
        assert!(line.len() <= 998, "{}", line.escape_ascii());
    }
}

fn string(composed: &Composed) -> String {
    String::from_utf8(composed.octets.clone()).unwrap()
}

/// Lines of the header of that name, folds included.
fn header(composed: &Composed, name: &str) -> String {
    let headers = Headers::parse(&composed.octets).unwrap();
    let raw = headers.get(name).unwrap().raw().to_vec();
    let raw = String::from_utf8(raw).unwrap();
    raw.strip_prefix(' ').unwrap_or(&raw).to_owned()
}

#[test]
fn writes_a_text_message() {
    let message = message()
        .to(mailbox("Bob <bob@example.org>"))
        .cc(mailbox("\"Doe, J.\" <doe@example.org>"))
        .bcc(mailbox("secret@example.org"))
        .bcc(mailbox("ann@example.org"))
        .reply_to(mailbox("desk@example.com"))
        .subject("Tag")
        .text("Hello\nthere");
    let composed = build(&message);
    let want = "Date: Tue, 1 Jul 2003 10:52:37 +0200\r\n\
        From: Robot <robot@example.com>\r\n\
        Reply-To: desk@example.com\r\n\
        To: ann@example.org, Bob <bob@example.org>\r\n\
        Cc: \"Doe, J.\" <doe@example.org>\r\n\
        Subject: Tag\r\n\
        Message-ID: <abababababababababababababababab@example.com>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        \r\n\
        Hello\r\nthere\r\n";
    assert_eq!(string(&composed), want);
    assert_eq!(composed.sender, "robot@example.com");
    let recipients = ["ann@example.org", "bob@example.org", "doe@example.org", "secret@example.org"];
    assert_eq!(composed.recipients, recipients);
    assert!(!composed.needs_8bitmime && !composed.needs_smtputf8);
}

#[test]
fn writes_alternatives_and_attachments() {
    let message = message().text("T\n").html("<p>H").attach("a.bin", "application/octet-stream", [0, 1, 2]);
    let text = string(&build(&message));
    let (_, body) = text.split_once("MIME-Version: 1.0\r\n").unwrap();
    let (mixed, alternative) = (alloc::format!("{STEM}00000000"), alloc::format!("{STEM}00000001"));
    let want = alloc::format!(
        "Content-Type: multipart/mixed;\r\n boundary=\"{mixed}\"\r\n\
        \r\n--{mixed}\r\n\
        Content-Type: multipart/alternative;\r\n boundary=\"{alternative}\"\r\n\
        \r\n--{alternative}\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\nT\r\n\
        \r\n--{alternative}\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<p>H\r\n\
        \r\n--{alternative}--\r\n\
        \r\n--{mixed}\r\n\
        Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=a.bin\r\n\r\nAAEC\r\n\
        \r\n--{mixed}--\r\n"
    );
    assert_eq!(body, want);
}

#[test]
fn has_as_few_parts_as_it_can() {
    let file = |message: Message| message.attach("a", "a/b", *b"x");
    let rows = [
        ("nothing", message(), "text/plain", 0),
        ("text", message().text("x"), "text/plain", 0),
        ("html", message().html("x"), "text/html", 0),
        ("both", message().text("x").html("y"), "multipart/alternative", 2),
        ("file alone", file(message()), "multipart/mixed", 2),
        ("html and files", file(file(message().html("x"))), "multipart/mixed", 3),
    ];
    for (name, message, essence, parts) in rows {
        let composed = build(&message);
        let headers = Headers::parse(&composed.octets).unwrap();
        let content_type = ContentType::parse(headers.get("content-type").unwrap().raw());
        assert_eq!(content_type.essence, essence, "{name}");
        let delimiter = content_type.parameters.get("boundary").map(|b| alloc::format!("--{b}\r\n"));
        let count = delimiter.map_or(0, |delimiter| string(&composed).matches(&delimiter).count());
        assert_eq!(count, parts, "{name}");
    }
}

#[test]
fn encodes_bodies_by_their_content() {
    let long = "x".repeat(998);
    let rows: &[(&str, String, bool, &str)] = &[
        ("ascii", "a\r\nb\rc\nd".into(), false, "7bit"),
        ("998 octets", long.clone(), false, "7bit"),
        ("999 octets", alloc::format!("{long}x"), false, "quoted-printable"),
        ("a little", "Grüße aus Köln, wo der Rhein fließt".into(), false, "quoted-printable"),
        ("a lot", "你好，世界".into(), false, "base64"),
        ("8bit", "你好，世界".into(), true, "8bit"),
        ("8bit and too long", "ü".repeat(500), true, "base64"),
        ("NUL", "a\0b".into(), true, "quoted-printable"),
        ("empty", String::new(), true, "7bit"),
    ];
    for (name, content, allow, want) in rows {
        let composed = build(&message().text(content.clone()).allow_8bit(*allow));
        assert_eq!(header(&composed, "Content-Transfer-Encoding"), *want, "{name}");
        assert_eq!(composed.needs_8bitmime, *want == "8bit", "{name}");
    }
}

#[test]
fn normalises_line_ends() {
    let composed = build(&message().text("a\r\nb\rc\n\nd\r\r\ne"));
    let text = string(&composed);
    assert_eq!(text.split_once("\r\n\r\n").unwrap().1, "a\r\nb\r\nc\r\n\r\nd\r\n\r\ne\r\n");
}

#[test]
fn breaks_quoted_printable_lines() {
    let x = |len: usize| "x".repeat(len);
    let rows: &[(String, String)] = &[
        (x(1_000), alloc::format!("{}{}\r\n", alloc::format!("{}=\r\n", x(75)).repeat(13), x(25))),
        (alloc::format!("{}\0", x(73)), alloc::format!("{}=00\r\n", x(73))),
        (alloc::format!("{}\0", x(74)), alloc::format!("{}=\r\n=00\r\n", x(74))),
        (alloc::format!("{}\0x", x(72)), alloc::format!("{}=00x\r\n", x(72))),
        (alloc::format!("{}\0x", x(73)), alloc::format!("{}=\r\n=00x\r\n", x(73))),
        ("\0= \t\na \n".into(), "=00=3D =09\r\na=20\r\n".into()),
    ];
    for (content, want) in rows {
        let composed = build(&message().text(content.clone()));
        let text = string(&composed);
        assert_eq!(text.split_once("\r\n\r\n").unwrap().1, want);
    }
}

#[test]
fn keeps_boundaries_out_of_texts() {
    let line = |number: u32| alloc::format!("--{STEM}{number:08x} and more\n");
    let text = [line(0), line(1), line(3), "--=_ab\n".into()].concat();
    let composed = string(&build(&message().text(text).html("h").attach("a", "a/b", *b"")));
    for (kind, number) in [("mixed", 2), ("alternative", 4)] {
        let want = alloc::format!("multipart/{kind};\r\n boundary=\"{STEM}{number:08x}\"");
        assert!(composed.contains(&want), "{composed}");
    }
}

#[test]
fn writes_subjects() {
    let rows: &[(&str, &str)] = &[
        ("", ""),
        ("Hello, \"world\"; <a@b>", "Hello, \"world\"; <a@b>"),
        ("two  spaces", "two  spaces"),
        ("Käsekuchen", "=?utf-8?Q?K=C3=A4sekuchen?="),
        ("你好", "=?utf-8?B?5L2g5aW9?="),
        (" x", "=?utf-8?Q?_x?="),
        ("x ", "=?utf-8?Q?x_?="),
        ("a\tbcdefgh", "=?utf-8?Q?a=09bcdefgh?="),
        ("=?utf-8?Q?x?=", "=?utf-8?B?PT91dGYtOD9RP3g/PQ==?="),
        (
            "A subject of plain words that is longer than the line it has to go on, and so is folded",
            "A subject of plain words that is longer than the line it has to go\r\n on, and so is folded",
        ),
    ];
    for (subject, want) in rows {
        assert_eq!(header(&build(&message().subject(*subject)), "Subject"), *want, "{subject}");
    }
}

#[test]
fn keeps_encoded_words_short() {
    for subject in ["ü".repeat(300), "你".repeat(300), "a".repeat(300), "e ü ".repeat(90), "😀".repeat(100)]
    {
        let composed =
            build(&message().subject(subject.clone()).to(mailbox(&alloc::format!("{subject} <a@b>"))));
        let text = string(&composed);
        for line in text.split("\r\n").take_while(|line| !line.is_empty()) {
            assert!(line.len() <= if line.contains("=?") { 76 } else { 78 }, "{line}");
            // Each word is whole by itself: no character is split.
            for word in line.split(' ').filter(|word| word.starts_with("=?")) {
                assert!(!crate::decode::unstructured(word.as_bytes()).contains('\u{FFFD}'), "{word}");
                assert!(word.len() <= 75, "{word}");
            }
        }
        let headers = Headers::parse(&composed.octets).unwrap();
        assert_eq!(headers.get("subject").unwrap().text(), subject);
    }
}

#[test]
fn writes_display_names() {
    let long = "x".repeat(80);
    let rows: &[(&str, &str)] = &[
        ("Ann", "Ann <a@b>"),
        ("Ann Lee", "Ann Lee <a@b>"),
        ("Ann  Lee", "\"Ann  Lee\" <a@b>"),
        ("J. Doe", "\"J. Doe\" <a@b>"),
        ("a \"b\" \\c", "\"a \\\"b\\\" \\\\c\" <a@b>"),
        ("a@b, <c@d>", "\"a@b, <c@d>\" <a@b>"),
        ("Jörg Schmidt", "=?utf-8?Q?J=C3=B6rg_Schmidt?= <a@b>"),
        ("=?x?=", "=?utf-8?B?PT94Pz0=?= <a@b>"),
        ("", "a@b"),
    ];
    for (name, want) in rows {
        let mailbox = Address::named(name, "a@b").unwrap();
        assert_eq!(header(&build(&message().cc(mailbox)), "Cc"), *want, "{name}");
    }
    let odd = "=?utf-8?Q?=?=Qtf-8?Q?@b";
    let composed = header(&build(&message().cc(Address::new(odd).unwrap())), "Cc");
    assert_eq!(address_list(composed.as_bytes()), [AddressOrGroup::Address(DisplayAddress::new("", odd))]);
    let composed = build(&message().cc(Address::named(&long, "a@b").unwrap()));
    assert!(header(&composed, "Cc").starts_with("=?utf-8?Q?xxx"));
}

#[test]
fn folds_around_encoded_words() {
    for len in 1..80 {
        let address = |name: &str| Address::named(name, &alloc::format!("{}@b", "x".repeat(len))).unwrap();
        let composed = build(&message().cc(address("")).cc(address("Jörg Müller")));
        let cc = alloc::format!("Cc: {}", header(&composed, "Cc"));
        for line in cc.split("\r\n").filter(|line| line.contains("=?")) {
            assert!(line.len() <= 76, "{line}");
        }
        assert!(cc.starts_with("Cc: x"), "{cc}");
        assert!(cc.contains("=?utf-8?B?SsO2cmcgTcO8bGxlcg==?="), "{cc}");
    }
}

/// White space around a given type is dropped, and its parameters stand on lines of their own.
#[test]
fn folds_types_between_parameters() {
    let given = format!(" a/b ;x={};\ty=z ", "x".repeat(70));
    let text = string(&build(&message().attach("f.pdf", given, *b"")));
    let want = format!("\r\nContent-Type: a/b;\r\n x={};\r\n y=z; name=f.pdf\r\n", "x".repeat(70));
    assert!(text.contains(&want), "{text}");
}

#[test]
fn names_fit_behind_those_of_fields() {
    for len in 60..80 {
        for name in ["x".repeat(len), format!("{},", "x".repeat(len)), format!("{} \"", "x".repeat(len))] {
            let address = || Address::named(&name, "a@b").unwrap();
            let text = string(&build(&Message::new(address()).reply_to(address()).to(address()).text("x")));
            assert!(text.split("\r\n").all(|line| line.len() <= 76), "{text}");
        }
    }
}

#[test]
fn folds_long_lists() {
    let list = (0..50).map(|n| mailbox(&alloc::format!("Person {n} <person.{n}@example.org>")));
    let composed = build(&list.fold(message(), Message::to));
    assert!(header(&composed, "To").split("\r\n").all(|line| line.len() <= 78));
    // Of so many, too, each gets it once.
    let twice = message().bcc(mailbox("person.7@example.org")).bcc(mailbox("ann@example.org"));
    let list = (0..50).map(|n| mailbox(&alloc::format!("person.{n}@example.org")));
    assert_eq!(build(&list.fold(twice, Message::cc)).recipients.iter().count(), 51);
    assert_eq!(address_list(header(&composed, "To").as_bytes()).len(), 51);
}

#[test]
fn writes_file_names() {
    let rows: &[(&str, &str)] = &[
        ("a.pdf", "attachment; filename=a.pdf"),
        ("my file.pdf", "attachment; filename=\"my file.pdf\""),
        ("a\"b\\c", "attachment; filename=\"a\\\"b\\\\c\""),
        ("a\"; x=\"y", "attachment; filename=\"a\\\"; x=\\\"y\""),
        ("", "attachment; filename=\"\""),
        // Without quotes Python finds no name in the first two, and `x` in the third.
        ("it's.pdf", "attachment; filename=\"it's.pdf\""),
        ("a*b", "attachment; filename=\"a*b\""),
        ("utf-8''x", "attachment; filename=\"utf-8''x\""),
        ("Übung*.txt", "attachment; filename*=utf-8''%C3%9Cbung%2A.txt;\r\n filename=\"_bung_.txt\""),
        ("=?x?=", "attachment; filename*=utf-8''%3D%3Fx%3F%3D;\r\n filename=\"__x__\""),
        ("a\tb", "attachment; filename*=utf-8''a%09b; filename=\"a_b\""),
        ("\u{85}\u{202e}", "attachment; filename*=utf-8''%C2%85%E2%80%AE;\r\n filename=\"__\""),
        ("발표.tar.gz", "attachment; filename*=utf-8''%EB%B0%9C%ED%91%9C.tar.gz;\r\n filename=\"__.tar.gz\""),
        ("../a\u{fc}", "attachment; filename*=utf-8''..%2Fa%C3%BC;\r\n filename=\".._a_\""),
    ];
    for (name, want) in rows {
        let text = string(&build(&message().attach(*name, "a/b", *b"")));
        let line = text.split_once("Content-Disposition: ").unwrap().1.split_once("\r\n\r\n").unwrap().0;
        assert_eq!(line, *want, "{name}");
    }
}

#[test]
fn splits_long_file_names_between_characters() {
    let text = string(&build(&message().attach(alloc::format!("a{}", "ü".repeat(30)), "a/b", *b"")));
    let ue = |count: usize| "%C3%BC".repeat(count);
    let want = alloc::format!(
        "Content-Disposition: attachment;\r\n filename*0*=utf-8''a{};\r\n filename*1*={};\r\n \
        filename*2*={};\r\n filename*3*={};\r\n filename=\"a{}\"\r\n",
        ue(8),
        ue(8),
        ue(8),
        ue(6),
        "_".repeat(30)
    );
    assert!(text.contains(&want), "{text}");
    // The form for old readers keeps the extension, and not all of a long name.
    let name = format!("{}.{}", "ü".repeat(60), "pdfü".repeat(5));
    let text = string(&build(&message().attach(name, "a/b", *b"")));
    assert!(text.contains(&format!(" filename=\"{}.pdf_pdf_pd\"\r\n", "_".repeat(50))), "{text}");
    let long = "x".repeat(67);
    let text = string(&build(&message().attach(long.clone(), "a/b", *b"")));
    assert!(text.contains(&alloc::format!("filename*0*=utf-8''{}", "x".repeat(53))), "{text}");
    let text = string(&build(&message().attach(long.split_at(1).1, "a/b", *b"")));
    assert!(text.contains(&alloc::format!("\r\n filename={}\r\n", "x".repeat(66))), "{text}");
}

#[test]
fn flags_what_the_server_must_offer() {
    let rows = [
        ("plain", message(), (false, false)),
        ("name", message().cc(mailbox("Jörg <a@b>")), (false, false)),
        ("bcc", message().bcc(mailbox("jörg@b")), (true, false)),
        ("cc", message().cc(mailbox("å@köln.example")), (true, true)),
        #[cfg(feature = "idna")]
        ("a domain alone", message().cc(mailbox("a@köln.example")), (false, false)),
        ("reply-to", message().reply_to(mailbox("jörg@b")), (true, true)),
        ("group", message().cc_group("g", [mailbox("jörg@b")]), (true, true)),
        ("sender", message().sender(mailbox("jörg@b")), (true, true)),
        ("from", Message::new(mailbox("jörg@b")).to(mailbox("a@b")), (true, true)),
    ];
    for (name, message, want) in rows {
        let composed = build(&message);
        assert_eq!((composed.needs_smtputf8, composed.needs_8bitmime), want, "{name}");
    }
}

#[test]
fn takes_a_message_id() {
    for id in ["x.1@example.com", "<x.1@example.com>"] {
        assert_eq!(header(&build(&message().message_id(id)), "Message-ID"), "<x.1@example.com>");
    }
    let long = |len: usize| alloc::format!("{}@b", "a".repeat(len - 2));
    assert!(message().message_id(long(MAX_MESSAGE_ID)).build(date(), RANDOM).is_ok());
    for id in ["", "x", "@b", "a@", "a@b@c", "a b@c", "<a@b", "ä@b", &long(MAX_MESSAGE_ID + 1)] {
        assert_eq!(message().message_id(id).build(date(), RANDOM), Err(Error::MessageId), "{id}");
    }
}

#[test]
fn refuses_what_would_break_the_message() {
    for evil in ["x\r\nBcc: evil@x", "x\r", "x\n", "x\0", "x\r\n \r\n"] {
        let rows = [
            (Field::Subject, message().subject(evil)),
            (Field::FileName, message().attach(evil, "a/b", *b"")),
            (Field::ContentType, message().attach("a", evil, *b"")),
            (Field::MessageId, message().message_id(evil)),
        ];
        for (field, message) in rows {
            assert_eq!(message.build(date(), RANDOM), Err(Error::ControlCharacter(field)), "{evil:?}");
        }
    }
    let types = [
        "text",
        "text/",
        "/x",
        "a b/c",
        "multipart/mixed",
        "Message/rfc822",
        "a/b; x",
        "a/b; x=\"y\"",
        "a/b;",
        "a/b; x=y; X=z",
        "a/b; Name=z",
        "a/b; name*0*=utf-8''z",
    ];
    for content_type in types {
        let got = message().attach("a", content_type, *b"").build(date(), RANDOM);
        assert_eq!(got, Err(Error::ContentType(content_type.into())));
    }
    let of_no_type = message().attach("a", "", *b"").build(date(), RANDOM);
    assert_eq!(of_no_type, Err(Error::Empty(Field::ContentType)));
    let parameters = |len: usize| alloc::format!("a/b; x={}", "y".repeat(len - 7));
    assert!(message().attach("a", parameters(MAX_CONTENT_TYPE), *b"").build(date(), RANDOM).is_ok());
    assert!(message().attach("a", parameters(MAX_CONTENT_TYPE + 1), *b"").build(date(), RANDOM).is_err());
    let nobody = Message::new(mailbox("a@b"));
    assert_eq!(nobody.build(date(), RANDOM), Err(Error::NoRecipients));
    // RFC 5322 section 3.3, by the year that is written.
    for (text, is_taken) in [
        ("31 Dec 1899 23:59:59 +0000", false),
        ("1 Jan 1900 00:00:00 +0000", true),
        ("31 Dec 1899 23:59:59 -0100", false),
        ("1 Jan 1900 00:00:00 +0100", true),
    ] {
        let date = crate::decode::date_time(text.as_bytes()).unwrap();
        let built = message().build(date, RANDOM).map(|built| header(&built, "Date"));
        let want = if is_taken { Ok(format!("Mon, {text}")) } else { Err(Error::Date) };
        assert_eq!(built, want, "{text}");
    }
}

fn read_body(header: impl Fn(&str) -> Header<'static>, body: &[u8]) -> String {
    let encoding = TransferEncoding::parse(header("content-transfer-encoding").raw());
    let content_type = ContentType::parse(header("content-type").raw());
    text(&encoding.decode(body), content_type.charset().unwrap()).unwrap().into_owned()
}

#[test]
fn long_lines_can_be_sent_so_that_they_are_joined_again() {
    for (text, delsp) in [
        (format!("{}\n> {}\nFrom me\n", "word ".repeat(50).trim_end(), "said ".repeat(40).trim_end()), None),
        (format!("{}\n", "字".repeat(300)), Some("yes")),
    ] {
        let composed = build(&message().text(&text).flowed(true));
        let parsed = crate::parse::Message::parse(&composed.octets);
        let parameters = &parsed.parts()[0].content_type().parameters;
        assert_eq!((parameters.get("format"), parameters.get("delsp")), (Some("flowed"), delsp));
        assert!(parsed.parts()[0].text().lines().all(|line| line.chars().count() <= 78));
        assert_eq!(parsed.text(), text);
    }
    let composed = build(&message().text("x").flowed(true).flowed(false));
    assert_eq!(header(&composed, "Content-Type"), "text/plain; charset=utf-8");
}

#[test]
fn large_files_arrive_whole() {
    for size in [0, 1, 56, 57, 58, 57 * 31, 57 * 32, 57 * 32 + 1, 57 * 33, 57 * 64, 57 * 100 + 5, 1_000_000] {
        let content: Vec<u8> =
            (0..size).map(|n: u32| n.to_le_bytes().iter().fold(7, |all, byte| all ^ byte)).collect();
        let composed = build(&message().attach("a", "a/b", content.clone()));
        let parsed = crate::parse::Message::parse(&composed.octets);
        let part = parsed.attachments().next().unwrap();
        assert!(part.bytes() == content, "{size}");
        // Each line but the last is full.
        let lines: Vec<_> = part.raw_body().split(|&byte| byte == b'\n').map(<[u8]>::len).collect();
        assert!(lines.iter().rev().skip(2).all(|len| *len == 77), "{size}: {lines:?}");
    }
}

proptest! {
    #[test]
    fn subjects_read_back(subject in "[^\r\n\0]*", words in "([a-z]{1,30}| |ü|=\\?){0,60}") {
        for subject in [subject, words] {
            let composed = build(&message().subject(subject.clone()));
            let headers = Headers::parse(&composed.octets).unwrap();
            prop_assert_eq!(headers.get("Subject").unwrap().text(), subject);
        }
    }

    #[test]
    fn names_read_back(names in proptest::collection::vec("(\\PC{0,30}|[a-z\"\\\\ .,<>@()=?ü]{0,90})", 1..5)) {
        let mailboxes: Vec<Address> = names.iter().map(|name| Address::named(name, "a@b.example").unwrap()).collect();
        let composed = build(&mailboxes.iter().cloned().fold(message(), Message::cc));
        let got = address_list(header(&composed, "Cc").as_bytes());
        let want: Vec<AddressOrGroup> = mailboxes
            .iter()
            .map(|m| DisplayAddress { name: m.name().into(), address: m.address().into() })
            .map(AddressOrGroup::Address)
            .collect();
        prop_assert_eq!(got, want);
    }

    #[test]
    fn texts_read_back(content in "([^\r\0]|[a-z \n=.]|x{900}){0,200}", allow in any::<bool>()) {
        let composed = build(&message().text(content.clone()).allow_8bit(allow));
        // Leaked so that a header can leave the closure; a test's memory is its own.
        let octets: &'static [u8] = composed.octets.leak();
        let headers = Headers::parse(octets).unwrap();
        let mut want = content.strip_prefix('\u{FEFF}').unwrap_or(&content).replace('\n', "\r\n");
        if !content.is_empty() && !content.ends_with('\n') {
            want.push_str("\r\n");
        }
        prop_assert_eq!(read_body(|name| headers.get(name).unwrap(), headers.body()), want);
    }

    #[test]
    fn files_read_back(name in "[^\r\n\0]*", content in any::<Vec<u8>>()) {
        let text = string(&build(&message().attach(name.clone(), "a/b", content.clone())));
        let (_, part) = text.rsplit_once("Content-Type: a/b;").unwrap();
        let part = ["Content-Type: a/b;", part].concat();
        let part = part.as_str();
        let headers = Headers::parse(part.as_bytes()).unwrap();
        let disposition = Disposition::parse(headers.get("content-disposition").unwrap().raw());
        prop_assert_eq!(disposition.file_name(), Some(name.as_str()));
        let kind = headers.get("content-type").unwrap().content_type(&crate::Limits::default());
        // White space between encoded words is nothing, and in a quoted string of its own it is white space.
        prop_assert_eq!(kind.parameters.get("name").map(str::trim), Some(name.trim()));
        let body = str::from_utf8(headers.body()).unwrap().split_once("\r\n--").unwrap().0;
        prop_assert_eq!(TransferEncoding::Base64.decode(body.as_bytes()).into_owned(), content);
    }

    #[test]
    fn lines_hold_for_anything(text in any::<String>(), html in any::<String>(), subject in "[^\r\n\0]*") {
        let composed = build(&message().text(text).html(html).subject(subject).attach("x", "a/b", vec![0; 100]));
        prop_assert!(composed.octets.is_ascii());
    }
}

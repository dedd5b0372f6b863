use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;

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
        ("alternative of plain text", multi("alternative", core::slice::from_ref(&plain)), &[1], &[1], &[]),
        (
            "alternative with a picture",
            multi("alternative", &[plain.clone(), leaf("image/png", "")]),
            &[1],
            &[1],
            &[2],
        ),
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
fn ids_are_read_as_they_are_written() {
    let rows: &[(&str, &[&str])] = &[
        ("<1@b> <=?utf-8?q?x?=@b>", &["<1@b>", "<=?utf-8?q?x?=@b>"]),
        // As Python's email writes a long one.
        ("<1@b> =?utf-8?q?=3C2?=\r\n =?utf-8?q?=40b=3E?= <3@b>", &["<1@b>", "<2@b>", "<3@b>"]),
        ("=?utf-8?q?=3C1=40b=3E?=", &["<1@b>"]),
        ("=?utf-8?q?x?= <1@b", &[]),
    ];
    for (value, want) in rows {
        let raw = format!("References: {value}\r\n\r\n");
        assert_eq!(Message::parse(raw.as_bytes()).references(), *want, "{value}");
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
        // A part that names one is written in that, its fields as well.
        let raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=windows-1251\n\n\
            \xCF\xF0\n--b\nContent-Type: text/plain; charset=koi8-r\nContent-Description: \xF0\xD2\n\n\xF0\xD2\n--b--\n";
        let message = Message::parse(raw);
        let fields = message.parts()[2].headers();
        assert_eq!(fields.get("content-description").map(|field| field.text()).as_deref(), Some("Пр"));
    }
}

/// The name of `Content-Disposition`, or else that of `Content-Type`.
#[test]
fn a_file_has_the_name_that_it_is_given() {
    let rows = [
        ("Content-Disposition: inline; filename=a\nContent-Type: x/y; name=b", Some("a")),
        ("Content-Type: x/y; name=b", Some("b")),
        ("Content-Disposition: inline; filename=\"\"\nContent-Type: x/y; name=b", Some("b")),
        ("Content-Disposition: filename=a", Some("a")),
        ("Content-Type: x/y; name=\"\"", None),
    ];
    for (head, want) in rows {
        let raw = format!("{head}\n\nx");
        assert_eq!(Message::parse(raw.as_bytes()).parts()[0].file_name(), want, "{head}");
    }
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

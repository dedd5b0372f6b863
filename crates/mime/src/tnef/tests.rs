use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;

fn attribute(level: u8, kind: u16, id: u16, data: &[u8]) -> Vec<u8> {
    let mut out = vec![level];
    out.extend(id.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out.extend_from_slice(data);
    out.extend(data.iter().fold(0_u16, |sum, octet| sum.wrapping_add(u16::from(*octet))).to_le_bytes());
    out
}

fn stream(attributes: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE, &[1, 0], &attributes.concat()].concat()
}

/// A property of variable length.
fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [kind.to_le_bytes(), id.to_le_bytes()].concat();
    out.extend(1_u32.to_le_bytes());
    out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn properties(list: &[Vec<u8>]) -> Vec<u8> {
    [u32::try_from(list.len()).unwrap().to_le_bytes().as_slice(), &list.concat()].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// MS-OXRTFCP section 4.1.1.
const COMPRESSED: &[u8] = b"\x2d\x00\x00\x00\x2b\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\x0a\x00rcpg125B2\x0a\xf3 hel\x09\x00 bw\x05\xb0ld}\x0a\x80\x0f\xa0";

#[test]
fn compressed_texts_are_expanded() {
    let rows: &[(&str, &[u8], usize, Option<&str>)] = &[
        ("section 4.1.1", COMPRESSED, 43, Some("{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n")),
        ("over the limit", COMPRESSED, 42, None),
        (
            // Section 4.2.1: a reference that writes what it reads.
            "section 4.1.2",
            b"\x1a\x00\x00\x00\x1c\x00\x00\x00LZFu\xe2\xd4KQA\x00\x04 WXYZ\x0dn}\x01\x0e\xb0",
            100,
            Some("{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"),
        ),
        ("not compressed", b"\x0f\x00\x00\x00\x03\x00\x00\x00MELA\0\0\0\0abcd", 3, Some("abc")),
        ("cut off", &COMPRESSED[..30], 100, Some("{\\rtf1\\ansi\\ansicpg1252")),
        ("no form that is known", b"\x0f\x00\x00\x00\x03\x00\x00\x00XXXX\0\0\0\0abcd", 3, None),
        ("too short", b"\x0f\x00", 3, None),
    ];
    for (name, octets, limit, want) in rows {
        let got = decompress_rtf(octets, *limit).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(got.as_deref(), *want, "{name}");
    }
}

#[test]
fn a_stream_is_opened() {
    let inner = stream(&[attribute(1, 1, attribute::SUBJECT, b"inner\0")]);
    let octets = stream(&[
        attribute(1, 8, 0x9006, &[0, 0, 1, 0]),
        attribute(1, 6, attribute::CODE_PAGE, &1251_u32.to_le_bytes()),
        attribute(1, 7, attribute::MESSAGE_CLASS, b"IPM.Note\0"),
        attribute(1, 1, attribute::SUBJECT, b"\xCF\xF0\0"),
        attribute(
            1,
            6,
            attribute::PROPERTIES,
            &properties(&[
                [0x0B, 0, 1, 0, 1, 0, 0, 0].into(),
                [&[0x40, 0, 2, 0][..], &[9; 8]].concat(),
                // Two texts of a property with a name.
                [
                    &[0x1E, 0x10, 0, 0x80][..],
                    &[7; 16],
                    b"\x01\0\0\0\x06\0\0\0n\0a\0\0\0\0\0",
                    b"\x02\0\0\0\x03\0\0\0ab\0\0\x03\0\0\0cd\0\0",
                ]
                .concat(),
                property(0x1F, id::BODY, &utf16("Gr\u{fc}\u{df}e")),
                property(0x102, id::BODY_HTML, b"<b>\xCF\xF0</b>"),
                property(0x102, id::RTF_COMPRESSED, COMPRESSED),
            ]),
        ),
        attribute(2, 6, attribute::NEXT_ATTACHMENT, &[0; 14]),
        attribute(2, 1, attribute::ATTACHMENT_TITLE, b"LONGNA~1.TXT\0"),
        attribute(2, 6, attribute::ATTACHMENT_DATA, b"octets"),
        attribute(
            2,
            6,
            attribute::ATTACHMENT_PROPERTIES,
            &properties(&[
                property(0x1F, id::ATTACH_LONG_FILENAME, &utf16("long name \u{53d1}\u{7968}.txt")),
                property(0x1E, id::ATTACH_MIME_TAG, b"text/plain\0"),
                property(0x1E, id::ATTACH_CONTENT_ID, b"1@x\0"),
            ]),
        ),
        attribute(2, 6, attribute::NEXT_ATTACHMENT, &[0; 14]),
        attribute(2, 1, attribute::ATTACHMENT_TITLE, b"a message\0"),
        attribute(
            2,
            6,
            attribute::ATTACHMENT_PROPERTIES,
            &properties(&[property(0x0D, id::ATTACH_DATA, &[MESSAGE_ID, &inner].concat())]),
        ),
    ]);
    let tnef = Tnef::parse(&octets).unwrap();
    let cyrillic = if cfg!(feature = "charsets") { "\u{41f}\u{440}" } else { "\u{cf}\u{f0}" };
    assert_eq!(
        (tnef.subject.as_str(), tnef.message_class.as_str(), tnef.is_broken),
        (cyrillic, "IPM.Note", false)
    );
    assert_eq!(tnef.text.as_deref(), Some("Gr\u{fc}\u{df}e"));
    assert_eq!(tnef.html, Some(alloc::format!("<b>{cyrillic}</b>")));
    assert_eq!(tnef.rtf.as_deref(), Some(&b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"[..]));
    let [file, message] = tnef.attachments.as_slice() else { panic!("{tnef:?}") };
    assert_eq!(
        (file.name.as_str(), file.media_type.as_str()),
        ("long name \u{53d1}\u{7968}.txt", "text/plain")
    );
    assert_eq!(
        (file.content_id.as_str(), file.octets.as_ref(), file.is_message),
        ("1@x", &b"octets"[..], false)
    );
    assert_eq!((message.name.as_str(), message.is_message), ("a message", true));
    assert_eq!(Tnef::parse(&message.octets).unwrap().subject, "inner");

    // Cut anywhere, it gives what is in front of the cut.
    for len in SIGNATURE.len()..octets.len() {
        let cut = Tnef::parse(&octets[..len]).unwrap();
        assert!(cut.attachments.len() <= 2);
    }
    assert!(Tnef::parse(&octets[..200]).unwrap().is_broken);
    assert_eq!(Tnef::parse(b"PK\x03\x04").unwrap_err().to_string(), "not a TNEF stream");
    let limits = TnefLimits { items: 4, ..TnefLimits::default() };
    let cut = Tnef::parse_with(&octets, &limits).unwrap();
    assert_eq!((cut.subject.as_str(), cut.text, cut.is_broken), (cyrillic, None, true));
    let limits = TnefLimits { text: 42, ..TnefLimits::default() };
    let cut = Tnef::parse_with(&octets, &limits).unwrap();
    assert_eq!((cut.rtf, cut.is_broken, cut.attachments.len()), (None, true, 2));
}

/// RTF that is not compressed.
fn rtf(text: &str) -> Vec<u8> {
    let len = u32::try_from(text.len()).unwrap().to_le_bytes();
    let octets = [&len[..], &len, b"MELA", &[0; 4], text.as_bytes()].concat();
    attribute(1, 6, attribute::PROPERTIES, &properties(&[property(0x102, id::RTF_COMPRESSED, &octets)]))
}

/// A text comes as such, as HTML, or in RTF, which may stand for either.
#[test]
fn a_text_is_found_in_every_form() {
    let html =
        attribute(1, 6, attribute::PROPERTIES, &properties(&[property(0x102, id::BODY_HTML, b"<p>html")]));
    let body = |text: &[u8]| attribute(1, 2, attribute::BODY, text);
    let rows: &[(&str, &[Vec<u8>], Option<&str>, Option<&str>, &str)] = &[
        ("none", &[], None, None, ""),
        ("plain", &[body(b"hi\0")], Some("hi"), None, "hi"),
        ("HTML", core::slice::from_ref(&html), None, Some("<p>html"), "html\n"),
        ("blank beside HTML", &[body(b" \0"), html.clone()], Some(" "), Some("<p>html"), "html\n"),
        ("RTF", &[rtf("{\\rtf1 rich}")], Some("rich"), None, "rich"),
        (
            "RTF of HTML",
            &[rtf("{\\rtf1\\fromhtml1 {\\*\\htmltag64 <p>}rich}")],
            None,
            Some("<p>rich"),
            "rich\n",
        ),
        ("RTF beside plain", &[body(b"hi\0"), rtf("{\\rtf1 rich}")], Some("hi"), None, "hi"),
        ("RTF beside HTML", &[html.clone(), rtf("{\\rtf1 rich}")], None, Some("<p>html"), "html\n"),
    ];
    for (name, attributes, text, html, plain) in rows {
        let octets = stream(attributes);
        let tnef = Tnef::parse(&octets).unwrap();
        assert_eq!((tnef.text.as_deref(), tnef.html.as_deref()), (*text, *html), "{name}");
        assert_eq!(tnef.plain_text(), *plain, "{name}");
    }
}

/// The code page that the text names counts more than that of the machine.
#[cfg(feature = "charsets")]
#[test]
fn texts_are_read_in_their_code_page() {
    let page = |page: u32| attribute(1, 6, attribute::CODE_PAGE, &page.to_le_bytes());
    let own = [&[3, 0][..], &id::INTERNET_CODE_PAGE.to_le_bytes(), &20_866_u32.to_le_bytes()].concat();
    let own = attribute(1, 6, attribute::PROPERTIES, &properties(&[own]));
    let rows: &[(&[Vec<u8>], &[u8], &str)] = &[
        (&[page(936)], b"\xB7\xA2\xC6\xB1\0", "\u{53d1}\u{7968}"),
        (&[page(932)], b"\x93\xFA\0", "\u{65e5}"),
        (&[page(1251)], b"\xCF\0", "\u{41f}"),
        (&[page(1251), own], b"\xF0\0", "\u{41f}"),
    ];
    for (front, subject, want) in rows {
        let octets = stream(&[front, &[attribute(1, 1, attribute::SUBJECT, subject)][..]].concat());
        assert_eq!(Tnef::parse(&octets).unwrap().subject, *want);
    }
}

#[test]
fn an_object_begins_with_what_it_is() {
    let object = [&[9; 16][..], b"object"].concat();
    let list = properties(&[property(0x0D, id::ATTACH_DATA, &object)]);
    let octets = stream(&[
        attribute(2, 6, attribute::NEXT_ATTACHMENT, &[0; 14]),
        attribute(2, 6, attribute::ATTACHMENT_PROPERTIES, &list),
    ]);
    let tnef = Tnef::parse(&octets).unwrap();
    assert_eq!(
        (tnef.attachments[0].octets.as_ref(), tnef.attachments[0].is_message),
        (&b"object"[..], false)
    );
}

#[test]
fn attributes_are_read_up_to_the_limit() {
    let octets =
        stream(&[attribute(1, 1, attribute::SUBJECT, b"a\0"), attribute(1, 2, attribute::BODY, b"b\0")]);
    for (items, want) in [(2, (Some("b"), false)), (1, (None, true))] {
        let tnef = Tnef::parse_with(&octets, &TnefLimits { items, ..TnefLimits::default() }).unwrap();
        assert_eq!((tnef.text.as_deref(), tnef.is_broken), want);
    }
}

#[test]
fn numbers_that_lie_cost_nothing() {
    // Four thousand million values of a type that has no octets.
    for kind in [0x1000_u16, 0x1001, 0x1002, 0x1005, 0x101E] {
        let property = [&kind.to_le_bytes()[..], &[1, 0], &u32::MAX.to_le_bytes()].concat();
        let octets = stream(&[attribute(1, 6, attribute::PROPERTIES, &properties(&[property]))]);
        assert!(Tnef::parse(&octets).unwrap().is_broken, "{kind:x}");
    }
    let count = [&u32::MAX.to_le_bytes()[..], &[3, 0, 1, 0, 1, 0, 0, 0]].concat();
    assert!(Tnef::parse(&stream(&[attribute(1, 6, attribute::PROPERTIES, &count)])).unwrap().is_broken);
}

proptest! {
    #[test]
    fn never_panics(bytes in any::<Vec<u8>>(), at in 0..400_usize, octet: u8) {
        let mut octets = [SIGNATURE, &bytes].concat();
        let _ = Tnef::parse(&octets);
        let list = properties(&[property(0x102, id::RTF_COMPRESSED, COMPRESSED), property(0x1F, id::BODY, &bytes)]);
        octets = stream(&[attribute(1, 6, attribute::PROPERTIES, &list), attribute(2, 6, attribute::NEXT_ATTACHMENT, &bytes)]);
        if let Some(place) = octets.get_mut(at) {
            *place = octet;
        }
        let _ = Tnef::parse(&octets);
        let _ = decompress_rtf(&[&[1, 0, 0, 0, 255, 255, 0, 0], &b"LZFu0000"[..], &bytes].concat(), 1 << 20);
    }
}

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

use alloc::{string::String, vec::Vec};
use std::{format, thread, vec};

use mailbearer_wire::RecvBuf;
use proptest::prelude::*;

use self::legal::LEGAL;
use super::*;
use crate::{Code, Data, Framer, Item, Piece, server::encode_response};

mod found;
mod legal;
mod seen;
mod spaced;
mod strangers;

fn parse(input: &[u8]) -> Result<Response<'_>, ParseError> {
    parse_response(input, &Limits::default(), &Quirks::default())
}

fn strict(input: &[u8]) -> Result<Response<'_>, ParseError> {
    parse_response(input, &Limits::default(), &Quirks::NONE)
}

/// Returns the only response in `input`, which is framed `chunk` octets at a time.
fn framed(input: &[u8], chunk: usize) -> Vec<u8> {
    let (mut framer, mut rx) = (Framer::new(&Limits::default()), RecvBuf::with_limit(1 << 20));
    let mut found = Vec::new();
    for piece in input.chunks(chunk) {
        rx.extend(piece).unwrap();
        while let Some(piece) = framer.next(&mut rx).unwrap() {
            let Piece::Response(frame) = piece else { panic!("streamed") };
            found.push(frame.octets().to_vec());
        }
    }
    assert!(rx.unread().is_empty() && found.len() == 1, "{}", input.escape_ascii());
    found.concat()
}

fn printed(response: &Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_response(response, &mut out);
    out
}

/// What needs no quirk, but is legal only on a second look, or is kept as it came.
#[test]
fn what_is_odd_is_kept() {
    let rows = [
        ("* 1 FETCH (UID 0 FLAGS (\\Seen))\r\n", "[Uid(0), Flags([Seen])]"),
        ("* 1 FETCH (UID x FLAGS (\\Seen))\r\n", "[Other { name: \"UID\", value: \"x\" }, Flags([Seen])]"),
        (
            "* 1 FETCH (UID 7x ENVELOPE (\"a\")[b] FLAGS (\\Seen))\r\n",
            "[Other { name: \"UID\", value: \"7x\" }, Other { name: \"ENVELOPE\", value: \"(\\\"a\\\")[b]\" }, Flags([Seen])]",
        ),
        (
            "* 1 FETCH (INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" UID 1)\r\n",
            "[Other { name: \"INTERNALDATE\", value: \"\\\"00-Jan-0000 00:00:00 +0000\\\"\" }, Uid(1)]",
        ),
        (
            "* 1 FETCH (ENVELOPE (broken) UID 1)\r\n",
            "[Other { name: \"ENVELOPE\", value: \"(broken)\" }, Uid(1)]",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE NIL UID 1)\r\n",
            "[Other { name: \"BODYSTRUCTURE\", value: \"NIL\" }, Uid(1)]",
        ),
        ("* 0 FETCH (UID 1)\r\n", "number: 0"),
        ("* STATUS x ()\r\n", "items: []"),
        ("* METADATA x \r\n", "entries: []"),
        (
            "* STATUS x (MESSAGES -1 FOO (a b))\r\n",
            "[Other { name: \"MESSAGES\", value: \"-1\" }, Other { name: \"FOO\", value: \"(a b)\" }]",
        ),
        (
            "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL \"\\\"undisclosed-recipients\\\"\" NIL)) NIL NIL NIL NIL))\r\n",
            "to: [Address { name: None, route: None, mailbox: Some(\"\\\"undisclosed-recipients\\\"\"), host: None }]",
        ),
        (
            "* 1 FETCH (ENVELOPE (NIL NIL ((\"Microsoft Exchange Server\" NIL NIL \".MISSING-HOST-NAME.\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
            "mailbox: None, host: Some(\".MISSING-HOST-NAME.\")",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"boundary\" NIL) NIL NIL \"7BIT\" 1 2 NIL (NIL NIL) NIL NIL))\r\n",
            "parameters: [Param { name: \"boundary\", value: None }]",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" NIL NIL NIL NIL \"7BIT\" 1 2))\r\n",
            "media: \"TEXT\", subtype: \"\"",
        ),
        (
            "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"h\\\\b\")(\"x (\\\"y\\\")\" NIL \"c\" \"d\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
            "host: Some(\"h\\\\b\") }, Address { name: Some(\"x (\\\"y\\\")\")",
        ),
        ("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" () NIL NIL \"7BIT\" 1 2))\r\n", "parameters: []"),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 100 NIL (\"attachment\" NIL)))\r\n",
            "message: None, md5: None, extension: Extension { disposition: Some",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"APPLICATION\" \"PDF\" NIL NIL NIL \"BASE64\" 100 (\"attachment\")))\r\n",
            "kind: \"attachment\", parameters: []",
        ),
        (
            "* 1 FETCH (BODY ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 \"md5\" NIL \"en\") \"MIXED\" (\"A\" \"b\") NIL))\r\n",
            "md5: Some(\"md5\"), extension: Extension { disposition: None, languages: [\"en\"]",
        ),
        ("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" ))\r\n", "Multi(MultiPart { parts: [], subtype: \"TEXT\""),
        ("* OK [HIGHESTMODSEQ 12345]\r\n", "Some(HighestModSeq(12345)), text: \"\""),
        ("* OK [UIDNEXT x] y\r\n", "Other { name: \"UIDNEXT\", rest: \"x\" }), text: \"y\""),
        ("* OK [unfinished\r\n", "code: None, text: \"[unfinished\""),
        ("a OK [Error=\"x]\" y] z\r\n", "Other { name: \"Error=\\\"x\", rest: \"\" }), text: \"\\\" y] z\""),
    ];
    for (input, want) in rows {
        let response = parse(input.as_bytes());
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{input}\n{shown}");
        let again = response.as_ref().map(printed).unwrap_or_default();
        assert_eq!(parse(&again), response, "{input} printed as {}", again.escape_ascii());
    }
}

/// Common forms are scanned in a way of their own. A surplus space leads to the general way and must change nothing.
#[test]
fn the_common_and_the_general_way_come_to_the_same() {
    let rows = [
        "* 1 FETCH (UID 7 ENVELOPE (\"d\" \"s\" ((\"n\" NIL \"a\" \"b\")) ((\"n\" NIL \"a\" \"b\")) ((\"n\" NIL \"a\" \"b\")) NIL \
         ((NIL NIL \"c\" \"d\")(\"e\" \"@r\" \"f\" \"g\")) NIL NIL \"<i@j>\") FLAGS (\\Seen $x))\r\n",
        "* 1 FETCH (UID 7 BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"A\" \"b\" \"C\" NIL) NIL \"d\" \"7BIT\" 12 3 NIL NIL NIL NIL)\
         (\"IMAGE\" \"PNG\" NIL \"<i>\" NIL \"BASE64\" 4 NIL (\"INLINE\" (\"F\" \"g\")) \"en\" \"loc\") \"MIXED\" (\"B\" \"x\") NIL NIL NIL))\r\n",
        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"\r\n",
        "* STATUS INBOX (MESSAGES 231 UIDNEXT 44292)\r\n",
        "* SEARCH 1 22 333 4444 55555 666666 7777777 88888888 999999999 1000000000 4294967295 1\r\n",
        "* 23 FETCH (FLAGS (\\Seen) UID 4294967295)\r\n",
    ];
    for row in rows {
        let want = format!("{:?}", parse(row.as_bytes()).unwrap());
        for (at, _) in row.match_indices(' ') {
            let mut spaced = String::from(row);
            spaced.insert(at, ' ');
            // In a quoted string a space is part of the text.
            if row[..at].matches('"').count() % 2 == 0 {
                assert_eq!(format!("{:?}", parse(spaced.as_bytes()).unwrap()), want, "{spaced}");
            }
        }
        let lower = row.replacen("FETCH", "fetch", 1).replacen("UID ", "uid ", 1).replace("NIL", "nil");
        assert_eq!(format!("{:?}", parse(lower.as_bytes()).unwrap()), want, "{lower}");
    }
}

#[test]
fn what_is_no_text_is_written_as_it_came() {
    let rows: [&[u8]; 3] = [
        b"* CAPABILITY X\xe4 AUTH=\xf6 IMAP4rev1 APPENDLIMIT=7\r\n",
        b"* LIST () \"\xa7\" INBOX\r\n",
        b"* NO [BADCHARSET (\"\xe4 b\" \"UTF-8\")] x\r\n",
    ];
    for input in rows {
        assert_eq!(printed(&parse(input).unwrap()), input, "{}", input.escape_ascii());
    }
}

#[test]
fn what_is_no_response_is_refused_with_its_place() {
    let rows: &[(&str, usize, &str)] = &[
        ("", 0, "word"),
        ("*\r\n", 1, "SP"),
        ("* \r\n", 2, "response-data"),
        ("* 1\r\n", 3, "SP"),
        ("* 1 \r\n", 4, "message-data"),
        ("* 99999999999 EXISTS\r\n", 2, "number"),
        ("Server Unavailable. 15\r\n", 7, "OK, NO, BAD, PREAUTH or BYE"),
        ("a PREAUTH x\r\n", 2, "OK, NO or BAD"),
        ("* LIST () \"/\"\r\n", 13, "SP"),
        ("* LIST () \"/\" {9}\r\nINBOX\r\n", 14, "literal"),
        ("* LIST () \"/\" {5}\r\nIN\r\nX\r\n", 14, "mailbox"),
        ("* FLAGS (\\Seen\r\n", 14, "word"),
        ("* SEARCH 1 x\r\n", 11, "CRLF"),
        ("* SEARCH 4294967296\r\n", 9, "nz-number"),
        ("* 1 FETCH (UID 1\r\n", 16, "SP or )"),
        ("* 1 FETCH UID 1\r\n", 10, "msg-att"),
        ("* 1 FETCH (BODY[1 \"x\")\r\n", 15, "]"),
        ("* VANISHED 0\r\n", 11, "sequence-set"),
        ("* THREAD (1\r\n", 11, "thread-members"),
        ("* 1 EXISTS x\r\n", 11, "CRLF"),
    ];
    for (input, offset, rule) in rows {
        assert_eq!(parse(input.as_bytes()), Err(ParseError { offset: *offset, rule }), "{input}");
    }
}

/// Makes a body of `levels` nested multiparts.
fn nested(levels: usize) -> Vec<u8> {
    let part = b"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2)";
    let mut out = b"* 1 FETCH (BODYSTRUCTURE ".to_vec();
    out.extend(core::iter::repeat_n(b'(', levels));
    out.extend_from_slice(part);
    out.extend(b" \"MIXED\")".repeat(levels));
    out.extend_from_slice(b")\r\n");
    out
}

/// `Limits::depth` applies to all nesting: body extensions, LIST extensions, STATUS values, unknown items, and values
/// that break the rule of their item. Its documentation names the exceptions: THREAD, and what is kept as text.
#[test]
fn nesting_is_limited_and_needs_little_stack() {
    let outcome = |input: Vec<u8>| {
        let small = thread::Builder::new().stack_size(256 * 1024);
        small.spawn(move || parse(&input).map(drop).map_err(|error| error.rule)).unwrap().join().unwrap()
    };
    // The list of items and the part inside take one level each.
    let rows =
        [(70, Ok(())), (71, Err("nesting within the limit")), (100_000, Err("nesting within the limit"))];
    for (levels, want) in rows {
        assert_eq!(outcome(nested(levels)), want, "{levels} multiparts");
    }
    let wrap = |open: &str, inside: &str, close: &str, count: usize| {
        [
            b"* 1 FETCH ",
            &*open.repeat(count).into_bytes(),
            inside.as_bytes(),
            &*close.repeat(count).into_bytes(),
            b"\r\n",
        ]
        .concat()
    };
    let text = "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2)";
    let message = "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 1 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ";
    for (levels, want) in rows {
        let body = |open: &str| format!("(BODY {}", open.repeat(levels));
        let input = wrap(&body(message), text, &format!("{})", " 3)".repeat(levels)), 1);
        assert_eq!(outcome(input), want, "{levels} messages");
    }
    assert_eq!(outcome(wrap("(", "", ")", 100_000)), Err("nesting within the limit"));
    // What is unknown or skipped uses no stack, and is limited all the same. The list of items is one level.
    let rows = [
        ("* 1 FETCH (X ", ")\r\n", 71),
        ("* 1 UIDFETCH (X ", ")\r\n", 71),
        ("* 1 FETCH (X-GM-LABELS ", ")\r\n", 71),
        ("* 1 FETCH (FLAGS ", ")\r\n", 71),
        ("* 1 FETCH (MODSEQ ", ")\r\n", 71),
        ("* 1 FETCH (BODY[1] ", ")\r\n", 71),
        ("* 1 FETCH (ANNOTATION (/a ", "))\r\n", 70),
        ("* 1 FETCH (ENVELOPE (NIL NIL ", "))\r\n", 70),
        ("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" ", "))\r\n", 70),
        ("* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 NIL NIL NIL NIL ", "))\r\n", 70),
        ("* STATUS a (X ", ")\r\n", 72),
        ("* LIST () \"/\" \"a\" ", "\r\n", 72),
        ("* NAMESPACE ((\"\" \"/\" \"X\" ", ")) NIL NIL\r\n", 72),
        ("* ESEARCH (TAG \"a\") X ", "\r\n", 72),
        ("* ESEARCH (X ", ")\r\n", 72),
    ];
    for (before, behind, limit) in rows {
        for (levels, want) in [
            (limit, Ok(())),
            (limit + 1, Err("nesting within the limit")),
            (100_000, Err("nesting within the limit")),
        ] {
            let (open, close) = ("(".repeat(levels - 1) + "(A b", ")".repeat(levels));
            let input = [before.as_bytes(), open.as_bytes(), close.as_bytes(), behind.as_bytes()].concat();
            assert_eq!(outcome(input), want, "{before} {levels} levels");
        }
    }
    let thread = [b"* THREAD (1", &*b"(2".repeat(100_000), &*vec![b')'; 100_001], b"\r\n"].concat();
    assert_eq!(outcome(thread), Ok(()));
    let text = "(".repeat(100_000);
    for (before, behind) in [("* XYZ ", ""), ("* OK [X ", "] x"), ("* OK ", ""), ("* LIST () \"/\" ", "")] {
        assert_eq!(outcome([before, &text, behind, "\r\n"].concat().into_bytes()), Ok(()), "{before}");
    }
}

#[test]
fn a_list_costs_no_memory_of_its_own() {
    let input = b"* SEARCH 1 2\r\n";
    let Ok(Response::Untagged(Data::Search(found))) = parse(input) else { panic!() };
    assert_eq!(found.numbers.iter().sum::<u32>(), 3);
    assert_eq!(found.numbers.clone().into_iter().count(), 2);
}

#[test]
fn a_body_is_borrowed_from_its_frame() {
    let frame = crate::Frame::from(b"* 1 FETCH (UID 7 BODY[] {5}\r\nhello)\r\n".to_vec());
    let range = match frame.response().unwrap() {
        Response::Untagged(Data::Fetch(fetch)) => match &fetch.items[..] {
            [Item::Uid(7), Item::Body { data: Some(data), .. }] => frame.range_of(data).unwrap(),
            _ => panic!(),
        },
        _ => panic!(),
    };
    assert_eq!(&*frame.into_part(range), b"hello");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_octets_panic(input in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse(&input);
        let _ = strict(&[b"* 1 FETCH (", &*input, b")\r\n"].concat());
    }

    /// Legal responses with an octet changed, inserted or removed.
    #[test]
    fn no_mutation_panics(row in 0..LEGAL.len(), at in any::<prop::sample::Index>(), octet in any::<u8>(), kind in 0..3) {
        let mut input = LEGAL[row].0.as_bytes().to_vec();
        let at = at.index(input.len());
        match kind {
            0 => input[at] = octet,
            1 => input.insert(at, octet),
            _ => drop(input.remove(at)),
        }
        let response = parse(&input);
        // Iterates over every list.
        let _: String = format!("{response:?}");
        if let Ok(strict) = strict(&input) {
            prop_assert_eq!(response, Ok(strict));
        }
    }
}

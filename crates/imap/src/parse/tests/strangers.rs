//! What servers were seen to send, or were reported to send, and what it means.

use super::*;
use crate::{BodyStructure, Envelope};

/// Checks rows of input and what it parses to. Each is refused without quirks, and parses to the same after it was
/// encoded.
fn check(rows: &[(&str, &str)]) {
    for (input, want) in rows {
        let response = parse(input.as_bytes()).unwrap_or_else(|error| panic!("{input}: {error}"));
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{input}\n{shown}");
        let again = printed(&response);
        assert_eq!(parse(&again), Ok(response), "{input} printed as {}", again.escape_ascii());
        assert!(strict(input.as_bytes()).is_err(), "{input}");
    }
}

/// Unquoted LIST names with parentheses.
#[test]
fn names_without_quotes_and_with_quotes_inside() {
    check(&[
        ("* LIST () \"/\" Projects(2024)\r\n", "mailbox: \"Projects(2024)\", extended: \"\""),
        ("* LIST () \"/\" Projects (2024)\r\n", "mailbox: \"Projects (2024)\", extended: \"\""),
        ("* LIST () \"/\" Projects (a b) x\r\n", "mailbox: \"Projects (a b) x\""),
        ("* LIST () \"/\" (old)\r\n", "mailbox: \"(old)\""),
        ("* LIST () \"/\" (1 2)\r\n", "mailbox: \"(1 2)\""),
        (
            "* LSUB () \".\" Old(x)y\r\n",
            "Lsub(Listed { attributes: [], delimiter: Some('.'), mailbox: \"Old(x)y\"",
        ),
        ("* LIST () \"/\" a\tb\x01c\r\n", "mailbox: \"a\\tb\\u{1}c\""),
        ("* LIST () / INBOX\r\n", "delimiter: Some('/'), mailbox: \"INBOX\""),
        ("* LIST () . \"Sent Items\"\r\n", "delimiter: Some('.'), mailbox: \"Sent Items\""),
        ("* LIST () \".\" \"my \"best\" mails\"\r\n", "mailbox: \"my \\\"best\\\" mails\""),
        ("* LIST () \".\" \"the \"best\"\"\r\n", "mailbox: \"the \\\"best\\\"\""),
        ("* STATUS Old(x) y (MESSAGES 1)\r\n", "mailbox: \"Old(x) y\", items: [Messages(1)]"),
        (
            "* STATUS Old (x) (MESSAGES 1 MAILBOXID (f))\r\n",
            "mailbox: \"Old (x)\", items: [Messages(1), MailboxId(\"f\")]",
        ),
        ("* STATUS \"my \"best\" mails\" (MESSAGES 1)\r\n", "mailbox: \"my \\\"best\\\" mails\""),
    ]);
    let extended = "* LIST () \"/\" Foo (CHILDINFO (\"SUBSCRIBED\"))\r\n";
    assert!(format!("{:?}", parse(extended.as_bytes())).contains("mailbox: \"Foo\", extended: \"(CHILDINFO"));
}

/// Spaces inside.
#[test]
fn spaces_inside_parentheses_change_nothing() {
    check(&[
        (
            "* NAMESPACE ( ( \"~\" \"/\" ) ) NIL NIL\r\n",
            "personal: [Namespace { prefix: \"~\", delimiter: Some(47), extensions: [] }], other: [], shared: []",
        ),
        (
            "* NAMESPACE  NIL  (( \"\" NIL ))  NIL \r\n",
            "personal: [], other: [Namespace { prefix: \"\", delimiter: None",
        ),
        ("* 4 FETCH (UID 4 MODSEQ ( 7 ))\r\n", "items: [Uid(4), ModSeq(7)]"),
        (
            "* 4 FETCH ( UID 4 EMAILID ( M1 ) THREADID ( T1 ) )\r\n",
            "[Uid(4), EmailId(\"M1\"), ThreadId(Some(\"T1\"))]",
        ),
        ("* 4 FETCH (FLAGS ( \\Seen ) X-GM-LABELS ( a ))\r\n", "[Flags([Seen]), GmailLabels([\"a\"])]"),
        ("* 4 FETCH (BODY[HEADER.FIELDS ( A B )] NIL)\r\n", "of: Fields([\"A\", \"B\"])"),
        ("* SEARCH 2 ( MODSEQ 7 )\r\n", "numbers: [2], mod_seq: Some(7)"),
        ("* ESEARCH ( TAG \"a\" ) UID ALL 1\r\n", "tag: Some(\"a\"), correlators: [], uid: true"),
        ("* ESEARCH (TAG \"a\") PARTIAL ( 1:2 NIL )\r\n", "partial: Some((\"1:2\", None))"),
        ("* VANISHED ( EARLIER ) 1\r\n", "earlier: true"),
        ("* QUOTA \"\" ( STORAGE 1 2 )\r\n", "usage: 1, limit: 2"),
        ("* ID ( \"a\" \"b\" )\r\n", "Param { name: \"a\""),
        ("* METADATA a ( /b c )\r\n", "entries: [(\"/b\", Some(\"c\"))]"),
        ("* LANGUAGE ( \"DE\" )\r\n", "Language([\"DE\"])"),
        (
            "* 4 FETCH (ENVELOPE ( NIL \"s\" ( ( \"n\" NIL \"a\" \"h\" ) ) NIL NIL NIL NIL NIL NIL NIL ))\r\n",
            "from: [Address { name: Some(\"n\"), route: None, mailbox: Some(\"a\"), host: Some(\"h\") }]",
        ),
        (
            "* 4 FETCH (BODY ( \"TEXT\" \"PLAIN\" ( \"CHARSET\" \"utf-8\" ) NIL NIL \"7BIT\" 1 2 ))\r\n",
            "parameters: [Param { name: \"CHARSET\", value: Some(\"utf-8\") }]",
        ),
    ]);
}

#[test]
fn a_code_alone_is_read_with_and_without_a_star() {
    check(&[
        (
            "* [COPYUID 7 9 1]\r\n",
            "status: Ok, code: Some(CopyUid { validity: 7, from: 9, to: 1 }), text: \"\"",
        ),
        (
            "[COPYUID 7 9 1]\r\n",
            "status: Ok, code: Some(CopyUid { validity: 7, from: 9, to: 1 }), text: \"\"",
        ),
        ("* [ALERT] Full {3}\r\n", "code: Some(Alert), text: \"Full {3}\""),
    ]);
    assert!(parse(b"* [open\r\n").is_err());
    // Its text does not open a literal.
    assert_eq!(framed(b"* [ALERT] Full {3}\r\n", 1), b"* [ALERT] Full {3}\r\n");
}

/// Missing subtypes.
#[test]
fn a_type_without_its_subtype() {
    check(&[
        (
            "* 1 FETCH (BODYSTRUCTURE (\"APPLICATION\" NIL NIL NIL \"BASE64\" 1234))\r\n",
            "media: \"APPLICATION\", subtype: \"octet-stream\", parameters: [], id: None, description: None, encoding: \"BASE64\", octets: 1234, lines: None",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" (\"CHARSET\" \"utf-8\") NIL NIL \"8BIT\" 12 3))\r\n",
            "media: \"TEXT\", subtype: \"plain\", parameters: [Param { name: \"CHARSET\", value: Some(\"utf-8\") }], id: None, description: None, encoding: \"8BIT\", octets: 12, lines: Some(3)",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" NIL \"<i>\" \"d\" \"7BIT\" 12 3 NIL (\"inline\" NIL) NIL NIL))\r\n",
            "subtype: \"plain\", parameters: [], id: Some(\"<i>\"), description: Some(\"d\"), encoding: \"7BIT\", octets: 12, lines: Some(3), message: None, md5: None, extension: Extension { disposition: Some",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"IMAGE\" (\"NAME\" \"a.png\") NIL NIL \"BASE64\" 12))\r\n",
            "media: \"IMAGE\", subtype: \"octet-stream\"",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE ((\"TEXT\" NIL NIL NIL \"7BIT\" 1 2)(\"X-ZIP\" NIL NIL NIL \"BASE64\" 3) \"MIXED\"))\r\n",
            "media: \"application\", subtype: \"X-ZIP\"",
        ),
    ]);
}

/// Echoed ranges, `RFC822[]`.
#[test]
fn sections_said_otherwise() {
    check(&[
        (
            "* 2 FETCH (UID 2 BODY[2]<0.10> \"abc\")\r\n",
            "Body { section: Section { part: \"2\", of: Whole }, origin: Some(0), data: Some(\"abc\") }",
        ),
        ("* 2 FETCH (BINARY[2]<5.10> \"abc\")\r\n", "Binary { part: \"2\", origin: Some(5)"),
        (
            "* 2 FETCH (UID 2 RFC822[] {3}\r\nabc)\r\n",
            "Body { section: Section { part: \"\", of: Whole }, origin: None, data: Some(\"abc\") }",
        ),
        (
            "* 2 FETCH (BODY.PEEK[1.MIME]<3.4> NIL)\r\n",
            "part: \"1\", of: Mime }, origin: Some(3), data: None",
        ),
        ("* 2 FETCH (RFC822[HEADER] \"a\")\r\n", "part: \"\", of: Header }"),
    ]);
}

/// Makes an ENVELOPE with this subject and these addresses.
fn envelope(subject: &str, addresses: &str) -> String {
    format!("* 2 FETCH (UID 2 ENVELOPE (NIL {subject} {addresses} NIL NIL NIL NIL NIL NIL NIL))\r\n")
}

/// Quotes inside quotes.
#[test]
fn quotes_inside_quotes() {
    let ann = "((\"Ann\" NIL \"ann\" \"x.example\"))";
    check(&[
        (
            &envelope("\"Rohr 5\" lang, 3 Stk\"", ann),
            "subject: Some(\"Rohr 5\\\" lang, 3 Stk\"), from: [Address { name: Some(\"Ann\")",
        ),
        (&envelope("\"a \"b\" c\"", "NIL"), "subject: Some(\"a \\\"b\\\" c\"), from: []"),
        (&envelope("\"a \"b\"\"", ann), "subject: Some(\"a \\\"b\\\"\"), from: [Address"),
        (
            &envelope("NIL", "((\"Ann \"B\" C\" NIL \"ann\" \"x.example\"))"),
            "name: Some(\"Ann \\\"B\\\" C\"), route: None, mailbox: Some(\"ann\"), host: Some(\"x.example\")",
        ),
        (
            &envelope("NIL", "((\"Ann\" B\" NIL \"ann\" \"x.example\")(NIL NIL \"bob\" \"y.example\"))"),
            "name: Some(\"Ann\\\" B\"), route: None, mailbox: Some(\"ann\"), host: Some(\"x.example\") }, Address { name: None, route: None, mailbox: Some(\"bob\")",
        ),
        (
            "* 1 FETCH (BODYSTRUCTURE (\"APPLICATION\" \"PDF\" (\"NAME\" \"5\" pipe.pdf\" \"X\" \"y\") NIL NIL \"BASE64\" 40))\r\n",
            "[Param { name: \"NAME\", value: Some(\"5\\\" pipe.pdf\") }, Param { name: \"X\", value: Some(\"y\") }]",
        ),
    ]);
}

/// A literal with a false length does not become an address.
#[test]
fn what_can_not_be_read_is_kept_with_the_uid_in_front_of_it() {
    let rows = [
        (
            envelope("NIL", "(({5}\r\nAnn \"B\" C NIL \"ann\" \"x.example\"))"),
            "items: [Uid(2), Other { name: \"ENVELOPE\"",
        ),
        (envelope("hello", "NIL"), "items: [Uid(2), Other { name: \"ENVELOPE\""),
        (
            "* 2 FETCH (UID 2 ENVELOPE NIL)\r\n".into(),
            "[Uid(2), Other { name: \"ENVELOPE\", value: \"NIL\" }]",
        ),
        (
            "* 2 FETCH (UID 2 ENVELOPE (\"a FLAGS ())\r\n".into(),
            "[Uid(2), Other { name: \"ENVELOPE\", value: \"(\\\"a FLAGS ()\" }]",
        ),
        // Only the odd item is kept as it came.
        (
            "* 2 FETCH (UID 2 X-A b ENVELOPE (\"a FLAGS ())\r\n".into(),
            "[Uid(2), Other { name: \"X-A\", value: \"b\" }, Other { name: \"ENVELOPE\", value: \"(\\\"a FLAGS ()\" }]",
        ),
    ];
    for (input, want) in rows {
        let response = parse(input.as_bytes()).unwrap_or_else(|error| panic!("{input}: {error}"));
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{input}\n{shown}");
        assert!(!shown.contains("Address"), "{input}\n{shown}");
        assert_eq!(parse(&printed(&response)), Ok(response), "{input}");
    }
}

/// Lines broken inside quotes.
#[test]
fn a_line_that_breaks_inside_quotes_is_joined() {
    let ann = "((\"Ann\" NIL \"ann\" \"x.example\"))";
    let rows = [
        (envelope("\"a long subject\r\n that goes on\"", ann), "subject: Some(\"a long subject that goes on\"), from: [Address"),
        (envelope("\"a\r\n\tb\r\n c\"", "((\"Ann\r\n B\" NIL \"ann\" \"x\"))"), "subject: Some(\"a\\tb c\"), from: [Address { name: Some(\"Ann B\")"),
        (
            "* 1 FETCH (UID 1 BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7bit\" 4 1)(\"APPLICATION\" \"PDF\" (\"NAME\" \"angebot\r\n-februar.pdf\") NIL NIL \"BASE64\" 40) \"MIXED\"))\r\n".into(),
            "value: Some(\"angebot-februar.pdf\")",
        ),
        ("* 1 FETCH (BODY[1] {3}\r\nabc X \"d\r\n e\" UID 1)\r\n".into(), "Uid(1)"),
    ];
    for (input, want) in rows {
        for chunk in [1, 7, 1000] {
            assert_eq!(framed(input.as_bytes(), chunk), input.as_bytes(), "{input} {chunk}");
        }
        let shown = format!("{:?}", parse(input.as_bytes()));
        assert!(shown.contains(want), "{input}\n{shown}");
        assert!(strict(input.as_bytes()).is_err(), "{input}");
    }
}

/// A response that lost its end takes nothing from the next one.
#[test]
fn a_line_that_is_a_response_is_never_joined() {
    for next in ["* 5 EXISTS\r\n", "A1 OK done\r\n", "+ go on\r\n", "* OK still here\r\n", "\r\n"] {
        let input = format!("* 1 FETCH (UID 1 ENVELOPE (NIL \"cut\r\n{next}");
        for chunk in [1, 9, 1000] {
            let (mut framer, mut rx) = (Framer::new(&Limits::default()), RecvBuf::with_limit(1 << 20));
            let mut found = Vec::new();
            for piece in input.as_bytes().chunks(chunk) {
                rx.extend(piece).unwrap();
                while let Some(Piece::Response(frame)) = framer.next(&mut rx).unwrap() {
                    found.push(frame.octets().to_vec());
                }
            }
            assert_eq!(found.len(), 2, "{next}");
            assert_eq!(found[1], next.as_bytes());
        }
    }
}

#[test]
fn two_structures_are_both_told() {
    let input = b"* 1 FETCH (UID 1 BODYSTRUCTURE (\"TEXT\" \"HTML\" NIL NIL NIL \"7bit\" 1840 30 NIL NIL NIL NIL)\
        ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"base64\" 168 3 NIL NIL NIL NIL)(\"IMAGE\" \"PNG\" NIL NIL NIL \"base64\" 999 NIL NIL NIL NIL) \
        \"MIXED\" (\"boundary\" \"x\") NIL NIL NIL))\r\n";
    let Ok(Response::Untagged(Data::Fetch(fetch))) = parse(input) else { panic!() };
    let told: Vec<bool> = fetch
        .items
        .iter()
        .filter_map(|item| match item {
            Item::BodyStructure { structure, .. } => Some(matches!(**structure, BodyStructure::Multi(_))),
            _ => None,
        })
        .collect();
    assert_eq!(told, [false, true]);
    let _ = Envelope::default();
}

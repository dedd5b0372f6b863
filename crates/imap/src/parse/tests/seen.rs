//! Illegal responses that real servers send.

use super::*;

type Switch = fn(&mut Quirks);

/// Illegal responses that servers send, the quirk that tolerates them, and what they parse to.
const SEEN: &[(&str, Switch, &str, &str)] = &[
    ("Exchange", |quirks| quirks.spacing = false, "* STATUS INBOX (MESSAGES 0) \r\n", "items: [Messages(0)]"),
    ("Exmail", |quirks| quirks.spacing = false, "* 1 FETCH (UID 19436 )\r\n", "items: [Uid(19436)]"),
    ("Yahoo", |quirks| quirks.spacing = false, "* SEARCH 1 2 \r\n", "numbers: [1, 2]"),
    ("GreenMail", |quirks| quirks.spacing = false, "* SEARCH \r\n", "numbers: []"),
    (
        "SurgeMail",
        |quirks| quirks.spacing = false,
        "* 1 FETCH (FLAGS (\\Seen $Forwarded ))\r\n",
        "Flags([Seen, Keyword($Forwarded)])",
    ),
    (
        "Exmail",
        |quirks| quirks.spacing = false,
        "* CAPABILITY IMAP4 IMAP4rev1 \r\n",
        "Capability([Other(IMAP4), Imap4Rev1])",
    ),
    (
        "spaces",
        |quirks| quirks.spacing = false,
        "* 1  FETCH  ( UID  7  FLAGS  ( \\Seen ) )\r\n",
        "items: [Uid(7), Flags([Seen])]",
    ),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* XNEW(a) b\r\n",
        "Other { number: None, keyword: \"XNEW\", rest: \"(a) b\" }",
    ),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* 7 XNEW)\r\n",
        "Other { number: Some(7), keyword: \"XNEW\", rest: \")\" }",
    ),
    ("any", |quirks| quirks.spacing = false, "* FLAGS(\\Seen)\r\n", "Flags([Seen])"),
    ("any", |quirks| quirks.spacing = false, "* 1 FETCH(UID 1)\r\n", "items: [Uid(1)]"),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* 1 FETCH (FLAGS() MODSEQ(7) EMAILID(M) PREVIEW\"x\" X-GM-LABELS(a) ENVELOPE(NIL NIL NIL NIL NIL NIL NIL NIL NIL \"<1>\") BODY(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2))\r\n",
        "[Flags([]), ModSeq(7), EmailId(\"M\"), Preview(Some(\"x\")), GmailLabels([\"a\"]), Envelope(Envelope {",
    ),
    (
        "addresses",
        |quirks| quirks.spacing = false,
        "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"b\" )  (NIL NIL \"c\" \"d\"))NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "from: [Address { name: None, route: None, mailbox: Some(\"a\"), host: Some(\"b\") }, Address { name: None, route: None, mailbox: Some(\"c\"), host: Some(\"d\") }], sender: []",
    ),
    (
        "any",
        |quirks| quirks.spacing = false,
        "* ID (\"name\" \"x\" ) \r\n",
        "Id([Param { name: \"name\", value: Some(\"x\") }])",
    ),
    (
        "any",
        |quirks| quirks.eight_bit = false,
        "* FLAGS (\\Seen \u{e4}\u{f6})\r\n",
        "Flags([Seen, Keyword(\u{e4}\u{f6})])",
    ),
    ("Gmail", |quirks| quirks.missing_text = false, "a OK\r\n", "text: \"\""),
    ("any", |quirks| quirks.missing_text = false, "+\r\n", "Continuation { code: None, text: \"\" }"),
    (
        "Exchange",
        |quirks| quirks.bare_code = false,
        "[COPYUID 55 31 6]\r\n",
        "CopyUid { validity: 55, from: 31, to: 6 }",
    ),
    (
        "qiye.163",
        |quirks| quirks.stray_quote = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL \"\"\"\" \"7BIT\" 1 2))\r\n",
        "description: Some(\"\\\"\\\"\")",
    ),
    (
        "Exmail",
        |quirks| quirks.stray_quote = false,
        "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" \"sina.com\\\")) NIL NIL ((\"x\" NIL \"b\" \"c\")) NIL NIL NIL \"<1>\"))\r\n",
        "host: Some(\"sina.com\") }], sender: [], reply_to: [], to: [Address { name: Some(\"x\")",
    ),
    ("NetEase", |quirks| quirks.wrong_nil = false, "* LIST () \"\" INBOX\r\n", "delimiter: None"),
    ("any", |quirks| quirks.wrong_nil = false, "* FLAGS NIL\r\n", "Flags([])"),
    ("any", |quirks| quirks.wrong_nil = false, "* OK [PERMANENTFLAGS NIL] x\r\n", "PermanentFlags([])"),
    ("Yandex", |quirks| quirks.wrong_nil = false, "* 1 FETCH (UID 3 BODY[2] )\r\n", "data: None"),
    (
        "Exchange",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 NIL \"inline\" NIL NIL))\r\n",
        "disposition: Some(Disposition { kind: \"inline\", parameters: [] })",
    ),
    (
        "Exchange",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" \"\" NIL NIL \"7BIT\" 1 2 NIL NIL NIL NIL))\r\n",
        "parameters: []",
    ),
    (
        "Exchange",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 2 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"x\") \"S/MIME Encrypted Message\" NIL))\r\n",
        "parameters: [Param { name: \"boundary\", value: Some(\"x\") }], extension: Extension { disposition: None",
    ),
    (
        "any",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL NIL 1 2))\r\n",
        "encoding: \"\"",
    ),
    (
        "any",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" NIL 2))\r\n",
        "octets: 0",
    ),
    (
        "any",
        |quirks| quirks.wrong_nil = false,
        "* 1 FETCH (ENVELOPE (NIL NIL () NIL NIL (NIL (NIL NIL \"a\" \"b\") NIL) NIL NIL NIL NIL))\r\n",
        "to: [Address { name: None, route: None, mailbox: Some(\"a\"), host: Some(\"b\") }], cc: []",
    ),
    (
        "Exmail",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL \"<1>\"))\r\n",
        "in_reply_to: None, message_id: Some(\"<1>\")",
    ),
    (
        "Exmail",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL \"<0>\" \"<1>\"))\r\n",
        "bcc: [], in_reply_to: Some(\"<0>\"), message_id: Some(\"<1>\")",
    ),
    (
        "any",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL \"<1>\" \"x\" (y)))\r\n",
        "message_id: Some(\"<1>\")",
    ),
    (
        "any",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (ENVELOPE (NIL NIL ((NIL \"a\")) NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "from: [Address { name: None, route: Some(\"a\"), mailbox: None, host: None }]",
    ),
    (
        "Gmail",
        |quirks| quirks.field_count = false,
        "* 1 FETCH (BODYSTRUCTURE ((\"ALTERNATIVE\" (\"BOUNDARY\" \"x\") NIL NIL)(\"RELATED\" NIL (\"ATTACHMENT\" NIL) NIL)(\"ALTERNATIVE\") \"MIXED\" NIL NIL NIL))\r\n",
        "Multi(MultiPart { parts: [], subtype: \"RELATED\", parameters: [], extension: Extension { disposition: Some(Disposition { kind: \"ATTACHMENT\"",
    ),
    (
        "mail.ru",
        |quirks| quirks.odd_number = false,
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 13.5 2))\r\n",
        "octets: 13,",
    ),
    ("Zoho", |quirks| quirks.odd_number = false, "* 1 FETCH (MODSEQ (-1))\r\n", "ModSeq(0)"),
    (
        "Exchange",
        |quirks| quirks.unquoted_name = false,
        "* LIST (\\HasNoChildren) \"/\" Sent Items\tx\r\n",
        "mailbox: \"Sent Items\\tx\"",
    ),
    (
        "any",
        |quirks| quirks.unquoted_name = false,
        "* STATUS Sent Items (MESSAGES 1)\r\n",
        "mailbox: \"Sent Items\", items: [Messages(1)]",
    ),
    (
        "Domino",
        |quirks| quirks.extra_parentheses = false,
        "* 1 FETCH (UID 14935 (FLAGS (\\Seen)) RFC822.SIZE 3)\r\n",
        "items: [Uid(14935), Flags([Seen]), Size(3)]",
    ),
];

#[test]
fn mistakes_that_servers_make_are_overlooked_where_the_quirk_is_on() {
    for (server, switch, input, want) in SEEN {
        let response = parse(input.as_bytes()).unwrap_or_else(|error| panic!("{server}: {input}: {error}"));
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{server}: {input}\n{shown}");
        let again = printed(&response);
        assert_eq!(parse(&again), Ok(response), "{server}: {input} printed as {}", again.escape_ascii());
        let mut without = Quirks::default();
        switch(&mut without);
        let refused = parse_response(input.as_bytes(), &Limits::default(), &without);
        assert!(refused.is_err(), "{server}: {input} without the quirk: {refused:?}");
    }
}

/// A missing space turns two items into another one, which must not then be kept as if the server had named it.
#[test]
fn a_missing_space_is_refused_without_the_quirk() {
    for input in ["* 1 FETCH (PREVIEW\"a\")\r\n", "* 1 FETCH (X\"a b\")\r\n", "* 1 FETCH (X(a) UID 1)\r\n"] {
        let quirks = Quirks { spacing: false, ..Quirks::default() };
        let refused = parse_response(input.as_bytes(), &Limits::default(), &quirks);
        assert_eq!(refused.unwrap_err().rule, "SP", "{input}");
    }
}

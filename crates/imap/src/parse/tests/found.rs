//! Regressions found by fuzzing: the grammar is the same whatever is tolerated, and it agrees with the encoder.

use super::*;

/// Each of these was accepted without quirks and meant something else than with them, or nothing at all.
#[test]
fn what_needs_a_quirk_is_refused_without_it_and_not_kept_as_it_came() {
    let rows: &[(&str, &str)] = &[
        (
            "* 12 FETCH (BODY[1.HEADER.FIELDS (D[X]<1> \"x\" BODY[3.MIME] NILSUBJECT BODY[TEXT]<0> \"\")\r\n",
            "SP or )",
        ),
        ("* 1 FETCH (PREVIEW NILX y z)\r\n", "SP or )"),
        ("* 1 FETCH (UID 7X y z)\r\n", "SP or )"),
        ("* 1 FETCH (MODSEQ (-1))\r\n", "number"),
        ("* 1 FETCH (RFC822.SIZE 1.5)\r\n", "number"),
        ("* 1 FETCH (FLAGS NIL)\r\n", "flag-list"),
        ("* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL \"<1>\"))\r\n", "env-message-id"),
        ("* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n", ")"),
        ("* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\")) NIL NIL NIL NIL NIL NIL NIL))\r\n", "address"),
        ("* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 -2))\r\n", "number"),
        ("* 1 FETCH (BODY (\"TEXT\" NIL NIL NIL NIL \"7BIT\" 1 2))\r\n", "string"),
        ("* 1 FETCH (BODY (\"ZIP\" (\"A\" \"b\") NIL NIL \"7BIT\" 1))\r\n", "media-subtype"),
        ("* 1 FETCH (BODY (\"\" \"MIXED\" NIL (\"x\" NIL)))\r\n", "body-fields"),
        ("* OK [PERMANENTFLAGS NIL] x\r\n", "flag-list"),
        ("* OK [PERMANENTFLAGS x] y\r\n", "flag-list"),
        ("* CAPABILITY IMAP4rev1 (X)\r\n", "capability"),
        ("* ENABLED \"X\"\r\n", "capability"),
    ];
    for (input, rule) in rows {
        assert_eq!(strict(input.as_bytes()).map_err(|error| error.rule), Err(*rule), "{input}");
    }
    // A type may be empty, although the quirks make that take a second look.
    let empty = b"* 1 FETCH (BODY (\"\" \"x\" NIL NIL NIL \"7BIT\" 1))\r\n";
    assert_eq!(strict(empty), parse(empty));
    assert!(strict(empty).is_ok());
}

/// Each of these was encoded in a form that was parsed as something else.
#[test]
fn what_is_read_is_written_so_that_it_is_read_again() {
    let rows: &[(&str, &str)] = &[
        // A parent that does not exist, between a message and its only reply, and without either.
        (
            "* THREAD ((5(()35)))\r\n",
            "[ThreadMember { message: None, level: 0 }, ThreadMember { message: Some(5), level: 1 }, ThreadMember { message: None, level: 2 }, ThreadMember { message: Some(35), level: 3 }]",
        ),
        (
            "* THREAD (0)(335(( ))964 7)\r\n",
            "[ThreadMember { message: Some(0), level: 0 }, ThreadMember { message: Some(335), level: 0 }, ThreadMember { message: Some(964), level: 1 }, ThreadMember { message: Some(7), level: 2 }]",
        ),
        ("* THREAD ((()))\r\n", "Thread([])"),
        (
            "* THREAD ( (3)(5))\r\n",
            "[ThreadMember { message: None, level: 0 }, ThreadMember { message: Some(3), level: 1 }",
        ),
        // No value, also with another item behind it.
        (
            "* 1 FETCH ((X )(X[1])(UID ) FLAGS ())\r\n",
            "[Other { name: \"X\", value: \"NIL\" }, Other { name: \"X[1]\", value: \"NIL\" }, Other { name: \"UID\", value: \"NIL\" }, Flags([])]",
        ),
        ("* 1 FETCH ((PREVIEW )(SAVEDATE) UID 1)\r\n", "items: [Preview(None), SaveDate(None), Uid(1)]"),
        // A second and a third value.
        (
            "* 1 FETCH (BODY (\"A\" \"b\" NIL NIL NIL \"c\" 1)((\"D\" \"e\" NIL NIL NIL \"f\" 2) \"g\")(\"h) (\" (x))y UID 1)\r\n",
            "Multi(MultiPart { parts: [Single(SinglePart { media: \"D\"",
        ),
        (
            "* 1 FETCH (BODY (\"A\")(\"B\")(\"C\") UID 1)\r\n",
            "[BodyStructure { extended: false, structure: Multi(MultiPart { parts: [], subtype: \"A\", parameters: [], extension: Extension { disposition: None, languages: [], location: None } }) }, BodyStructure",
        ),
        // A bracket in a literal does not end a name.
        (
            "* 1 FETCH (X[ {2}\r\n]y \"]\"]  z)\r\n",
            "Other { name: \"X[ {2}\\r\\n]y \\\"]\\\"]\", value: \"z\" }",
        ),
        // The end of a host is recognised by characters that no host has.
        (
            "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\" {3}\r\nb\"))(NIL NIL \"c\" {3}\r\nd\\\\)) NIL NIL NIL NIL NIL NIL NIL))\r\n",
            "host: Some(\"b\\\")\") }, Address { name: None, route: None, mailbox: Some(\"c\"), host: Some(\"d\\\\\\\\\") }]",
        ),
        // A multipart without parts whose subtype is the name of a type, or is missing.
        (
            "* 1 FETCH (BODY (NIL \"TEXT\" NIL (\"inline\" NIL)))\r\n",
            "Multi(MultiPart { parts: [], subtype: \"TEXT\", parameters: [], extension: Extension { disposition: Some",
        ),
        (
            "* 1 FETCH (BODY (NIL NIL (\"a\" \"b\") NIL))\r\n",
            "Multi(MultiPart { parts: [], subtype: \"\", parameters: [Param",
        ),
        // A correlator of a search is not a result.
        (
            "* ESEARCH (MIN x TAG \"t\") COUNT 1 MAILBOX y\r\n",
            "tag: Some(\"t\"), correlators: [(\"MIN\", \"x\")], uid: false, min: None, max: None, all: None, count: Some(1), \
             mod_seq: None, partial: None, other: [(\"MAILBOX\", \"y\")]",
        ),
        ("* ESEARCH (X y Z w)\r\n", "tag: None, correlators: [(\"X\", \"y\"), (\"Z\", \"w\")]"),
    ];
    for (input, want) in rows {
        let response = parse(input.as_bytes()).unwrap_or_else(|error| panic!("{input}: {error}"));
        let shown = format!("{response:?}");
        assert!(shown.contains(want), "{input}\n{shown}");
        let again = printed(&response);
        assert_eq!(parse(&again), Ok(response), "{input} printed as {}", again.escape_ascii());
    }
}

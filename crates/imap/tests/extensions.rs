//! Each standard and extension that the crate covers: how servers offer it, what is said in it, and that both
//! directions of both halves agree.
//!
//! A response parses without quirks into values of its own types, and prints as something that parses to the same. The
//! server's half reads a command as the client's half wrote it.

use mailbearer_imap::server::{encode_response, parse_command};
use mailbearer_imap::{Data, Dialect, Limits, Literals, Next, ParseError, Quirks, Response, parse_response};
use mailbearer_wire::SendBuf;

struct Extension {
    name: &'static str,
    /// The capability. Empty if there is none.
    offered: &'static str,
    /// Without their line ends, except in literals.
    responses: &'static [&'static str],
    commands: &'static [&'static str],
}

const EXTENSIONS: &[Extension] = &[
    Extension {
        name: "RFC 3501",
        offered: "IMAP4rev1",
        responses: &[
            "* LSUB () \".\" #news.comp.mail.misc",
            "* 5 RECENT",
            "* SEARCH 2 3 6",
            "* OK [UNSEEN 12] Message 12 is first unseen",
            "* NO [UIDNOTSTICKY] no",
            "* 12 FETCH (RFC822.HEADER {3}\r\na:b RFC822.TEXT \"c\" RFC822 NIL)",
            "* 1 FETCH (BODY (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 3028 92))",
        ],
        commands: &[
            "LSUB \"\" \"*\"",
            "FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT)",
            "CHECK",
            "SEARCH NEW OLD",
        ],
    },
    Extension {
        name: "RFC 9051",
        offered: "IMAP4rev2",
        responses: &[
            "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 DELETED 3 SIZE 44421)",
            "* ESEARCH (TAG \"A282\") MIN 2 COUNT 3",
            "* LIST (\\NonExistent) \"/\" foo (OLDNAME (bar))",
            "* OK [CLOSED] Previous mailbox closed",
            "A1 NO [EXPUNGEISSUED] gone",
        ],
        commands: &[
            "ENABLE IMAP4rev2",
            "STATUS blurdybloop (MESSAGES SIZE DELETED)",
            "SEARCH RETURN (MIN COUNT) ALL",
        ],
    },
    Extension {
        name: "SASL-IR",
        offered: "SASL-IR",
        responses: &["* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi"],
        commands: &["AUTHENTICATE PLAIN dGVzdA==", "AUTHENTICATE EXTERNAL ="],
    },
    Extension {
        name: "LITERAL+",
        offered: "LITERAL+",
        responses: &["* LIST () \"/\" {3}\r\na\"b"],
        commands: &["LOGIN {1+}\r\n\n \"x\""],
    },
    Extension {
        name: "LITERAL-",
        offered: "LITERAL-",
        responses: &["* BAD [TOOBIG] literal"],
        commands: &["CREATE {2+}\r\n\u{e4}"],
    },
    Extension { name: "IDLE", offered: "IDLE", responses: &["+ idling", "* 4 EXISTS"], commands: &["IDLE"] },
    Extension {
        name: "ID",
        offered: "ID",
        responses: &["* ID NIL", "* ID (\"name\" \"Cyrus\" \"version\" NIL)"],
        commands: &["ID NIL", "ID (\"name\" \"sodr\" \"version\" NIL)"],
    },
    Extension {
        name: "NAMESPACE",
        offered: "NAMESPACE",
        responses: &["* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\")) ((\"~\" NIL)) NIL"],
        commands: &["NAMESPACE"],
    },
    Extension {
        name: "UIDPLUS",
        offered: "UIDPLUS",
        responses: &["A1 OK [APPENDUID 38505 3955] done", "A1 OK [COPYUID 38505 304,319:320 3956:3958] done"],
        commands: &["UID EXPUNGE 3000:3002"],
    },
    Extension {
        name: "MOVE",
        offered: "MOVE",
        responses: &["* OK [COPYUID 432432 42:69 1202:1229] moved", "* 22 EXPUNGE"],
        commands: &["MOVE 1 foo", "UID MOVE 42:69 foo"],
    },
    Extension { name: "UNSELECT", offered: "UNSELECT", responses: &["A1 OK done"], commands: &["UNSELECT"] },
    Extension {
        name: "CHILDREN",
        offered: "CHILDREN",
        responses: &["* LIST (\\HasChildren) \"/\" a", "* LIST (\\HasNoChildren) \"/\" b"],
        commands: &["LIST \"\" \"%\" RETURN (CHILDREN)"],
    },
    Extension {
        name: "SPECIAL-USE",
        offered: "SPECIAL-USE",
        responses: &["* LIST (\\Marked \\Sent \\Important) \"/\" SentMail"],
        commands: &["LIST (SPECIAL-USE) \"\" \"*\"", "LIST \"\" \"%\" RETURN (SPECIAL-USE)"],
    },
    Extension {
        name: "CREATE-SPECIAL-USE",
        offered: "CREATE-SPECIAL-USE",
        responses: &["A1 NO [USEATTR] \\All not supported"],
        commands: &["CREATE MySpecial (USE (\\Drafts \\Sent))"],
    },
    Extension {
        name: "LIST-EXTENDED",
        offered: "LIST-EXTENDED",
        responses: &["* LIST (\\Subscribed \\NonExistent) \"/\" Foo (\"CHILDINFO\" (\"SUBSCRIBED\"))"],
        commands: &[
            "LIST (SUBSCRIBED REMOTE RECURSIVEMATCH) \"\" \"*\" RETURN (SUBSCRIBED)",
            "LIST \"\" (INBOX \"Sent/%\")",
        ],
    },
    Extension {
        name: "LIST-STATUS",
        offered: "LIST-STATUS",
        responses: &["* STATUS foo (MESSAGES 30 UNSEEN 29)"],
        commands: &["LIST \"\" \"%\" RETURN (STATUS (MESSAGES UNSEEN))"],
    },
    Extension {
        name: "STATUS=SIZE",
        offered: "STATUS=SIZE",
        responses: &["* STATUS frop (SIZE 9223372036854775807)"],
        commands: &["STATUS frop (SIZE)"],
    },
    Extension {
        name: "ENABLE",
        offered: "ENABLE",
        responses: &["* ENABLED CONDSTORE", "* ENABLED"],
        commands: &["ENABLE CONDSTORE"],
    },
    Extension {
        name: "UTF8=ACCEPT",
        offered: "UTF8=ACCEPT",
        responses: &["* ENABLED UTF8=ACCEPT", "* LIST () \"/\" \"Entw\u{fc}rfe\""],
        commands: &["ENABLE UTF8=ACCEPT", "APPEND a UTF8 (~{4+}\r\n\u{e4}\u{f6})"],
    },
    Extension {
        name: "CONDSTORE",
        offered: "CONDSTORE",
        responses: &[
            "* OK [HIGHESTMODSEQ 715194045007] x",
            "* OK [NOMODSEQ] no",
            "A1 OK [MODIFIED 7,9] no",
            "* 1 FETCH (MODSEQ (624140003))",
            "* SEARCH 2 5 (MODSEQ 917162500)",
            "* STATUS blurdybloop (HIGHESTMODSEQ 7011231777)",
        ],
        commands: &[
            "SELECT INBOX (CONDSTORE)",
            "FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)",
            "STORE 7 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
            "SEARCH MODSEQ 620162338",
            "SEARCH MODSEQ \"/flags/\\\\Draft\" all 620162338",
            "STATUS blurdybloop (HIGHESTMODSEQ)",
        ],
    },
    Extension {
        name: "QRESYNC",
        offered: "QRESYNC",
        responses: &["* VANISHED (EARLIER) 41,43:116,118", "* VANISHED 405,407"],
        commands: &[
            "ENABLE QRESYNC",
            "SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211 (1,3 5,7)))",
            "UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
        ],
    },
    Extension {
        name: "ESEARCH",
        offered: "ESEARCH",
        responses: &["* ESEARCH (TAG \"A283\") UID MIN 7 MAX 3800 ALL 4:18,21,28 COUNT 17 MODSEQ 9"],
        commands: &["UID SEARCH RETURN (MIN MAX ALL COUNT) FLAGGED"],
    },
    Extension {
        name: "SEARCHRES",
        offered: "SEARCHRES",
        responses: &["A1 NO [NOTSAVED] no"],
        commands: &["SEARCH RETURN (SAVE) ALL", "FETCH $ (UID)", "STORE $ +FLAGS (\\Seen)"],
    },
    Extension {
        name: "SORT",
        offered: "SORT",
        responses: &["* SORT 2 84 882", "* SORT"],
        commands: &["SORT (SUBJECT REVERSE DATE) UTF-8 ALL"],
    },
    Extension {
        name: "SORT=DISPLAY",
        offered: "SORT=DISPLAY",
        responses: &["* SORT 2 84"],
        commands: &["UID SORT (DISPLAYFROM DISPLAYTO) US-ASCII ALL"],
    },
    Extension {
        name: "THREAD",
        offered: "THREAD=REFERENCES",
        responses: &["* THREAD (2)(3 6 (4 23)(44 7 96))", "* THREAD"],
        commands: &["THREAD REFERENCES UTF-8 ALL"],
    },
    Extension {
        name: "THREAD",
        offered: "THREAD=ORDEREDSUBJECT",
        responses: &["* THREAD ((3)(5))"],
        commands: &["UID THREAD ORDEREDSUBJECT UTF-8 SINCE 5-Mar-2000"],
    },
    Extension {
        name: "ESORT",
        offered: "ESORT",
        responses: &["* ESEARCH (TAG \"A1\") ALL 23765,23764,23763 COUNT 3"],
        commands: &["SORT RETURN (ALL COUNT) (DATE) UTF-8 UNDELETED"],
    },
    Extension {
        name: "QUOTA",
        offered: "QUOTA",
        responses: &[
            "* QUOTA \"\" (STORAGE 10 512 MESSAGE 20 100)",
            "* QUOTAROOT INBOX \"#user/alice\"",
            "* STATUS INBOX (DELETED 4 DELETED-STORAGE 8)",
            "A1 NO [OVERQUOTA] full",
        ],
        commands: &[
            "GETQUOTA \"\"",
            "GETQUOTAROOT INBOX",
            "SETQUOTA #user/alice (STORAGE 510 MESSAGE 0)",
            "STATUS INBOX (DELETED DELETED-STORAGE)",
        ],
    },
    Extension {
        name: "ACL",
        offered: "ACL",
        responses: &[
            "* ACL INBOX Fred rwipslxetad",
            "* LISTRIGHTS ~/Mail/saved smith la r swicdkxte",
            "* MYRIGHTS INBOX rwiptsldaex",
        ],
        commands: &[
            "GETACL INBOX",
            "SETACL INBOX Byron +rwtx",
            "DELETEACL INBOX -Fred",
            "LISTRIGHTS ~/Mail/saved smith",
            "MYRIGHTS INBOX",
        ],
    },
    Extension {
        name: "METADATA",
        offered: "METADATA",
        responses: &[
            "* METADATA INBOX (/private/comment \"My comment\" /shared/comment NIL)",
            "* METADATA INBOX /private/comment",
            "A1 OK [METADATA LONGENTRIES 2199] done",
            "A1 NO [METADATA MAXSIZE 1024] no",
            "A1 NO [METADATA TOOMANY] no",
            "A1 NO [METADATA NOPRIVATE] no",
        ],
        commands: &[
            "GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX (/shared/comment)",
            "SETMETADATA INBOX (/private/comment \"a b\" /shared/x NIL)",
        ],
    },
    Extension {
        name: "METADATA-SERVER",
        offered: "METADATA-SERVER",
        responses: &["* METADATA \"\" (/shared/admin \"mailto:a@x.test\")"],
        commands: &["GETMETADATA \"\" (/shared/admin)"],
    },
    Extension {
        name: "BINARY",
        offered: "BINARY",
        responses: &["* 1 FETCH (BINARY[1.2]<0> ~{3}\r\na\0b BINARY.SIZE[1.2] 3)", "A1 NO [UNKNOWN-CTE] no"],
        commands: &["FETCH 1 (BINARY.PEEK[1.2]<0.100> BINARY.SIZE[3])", "APPEND a ~{2+}\r\n\0x"],
    },
    Extension {
        name: "MULTIAPPEND",
        offered: "MULTIAPPEND",
        responses: &["A1 OK [APPENDUID 38505 3955:3957] done"],
        commands: &["APPEND a (\\Seen) {1+}\r\nx \"17-Jul-1996 02:44:25 -0700\" {1+}\r\ny"],
    },
    Extension {
        name: "CATENATE",
        offered: "CATENATE",
        responses: &["A1 NO [BADURL /INBOX;UID=21/;section=TEXT] no", "A1 NO [TOOBIG] no"],
        commands: &["APPEND a CATENATE (URL /Drafts;UID=20/;section=HEADER TEXT {2+}\r\nab)"],
    },
    Extension {
        name: "APPENDLIMIT",
        offered: "APPENDLIMIT=35651584",
        responses: &["* STATUS INBOX (APPENDLIMIT 257890)", "* STATUS INBOX (APPENDLIMIT NIL)"],
        commands: &["STATUS INBOX (APPENDLIMIT)"],
    },
    Extension {
        name: "OBJECTID",
        offered: "OBJECTID",
        responses: &[
            "A1 OK [MAILBOXID (F2212ea87-6097)] done",
            "* STATUS foo (MAILBOXID (F2212ea87))",
            "* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))",
            "* 2 FETCH (THREADID NIL)",
        ],
        commands: &["STATUS foo (MAILBOXID)", "FETCH 1 (EMAILID THREADID)", "SEARCH EMAILID M1 THREADID T1"],
    },
    Extension {
        name: "PREVIEW",
        offered: "PREVIEW",
        responses: &["* 1 FETCH (PREVIEW \"Preview text\")", "* 2 FETCH (PREVIEW NIL)"],
        commands: &["FETCH 1 (PREVIEW)", "FETCH 1 (PREVIEW (LAZY))"],
    },
    Extension {
        name: "SAVEDATE",
        offered: "SAVEDATE",
        responses: &["* 1 FETCH (SAVEDATE \"01-Jan-2015 00:00:00 +0000\")", "* 2 FETCH (SAVEDATE NIL)"],
        commands: &[
            "FETCH 1 (SAVEDATE)",
            "SEARCH SAVEDBEFORE 1-Jan-2020 SAVEDON 2-Jan-2020 SAVEDATESUPPORTED",
        ],
    },
    Extension {
        name: "REPLACE",
        offered: "REPLACE",
        responses: &["* OK [APPENDUID 1 2000] Replacement Message ready", "* 5 EXPUNGE"],
        commands: &["REPLACE 4 Drafts (\\Seen) {1+}\r\nx", "UID REPLACE 2000 Drafts {1+}\r\nx"],
    },
    Extension {
        name: "PARTIAL",
        offered: "PARTIAL",
        responses: &["* ESEARCH (TAG \"A01\") UID PARTIAL (-1:-100 200:250,252:300)"],
        commands: &[
            "UID SEARCH RETURN (PARTIAL -1:-100) ALL",
            "UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-100)",
        ],
    },
    Extension {
        name: "UIDONLY",
        offered: "UIDONLY",
        responses: &[
            "* 25900 UIDFETCH (FLAGS (\\Seen))",
            "* VANISHED 405",
            "A1 BAD [UIDREQUIRED] UIDs, please",
        ],
        commands: &["ENABLE UIDONLY"],
    },
    Extension {
        name: "NOTIFY",
        offered: "NOTIFY",
        responses: &[
            "* OK [NOTIFICATIONOVERFLOW] too much",
            "A1 NO [BADEVENT (MessageNew MessageExpunge)] not all",
            "* STATUS misc (UIDNEXT 999)",
        ],
        commands: &[
            "NOTIFY NONE",
            "NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (subtree (Lists) (MailboxName))",
        ],
    },
    Extension {
        name: "WITHIN",
        offered: "WITHIN",
        responses: &["* SEARCH 4 8 15 16 23 42"],
        commands: &["SEARCH UNSEEN YOUNGER 259200 OLDER 60"],
    },
    Extension {
        name: "LANGUAGE",
        offered: "LANGUAGE",
        responses: &["* LANGUAGE (EN \"de-DE\" i-default)", "A1 NO [BADCOMPARATOR] no"],
        commands: &["LANGUAGE", "LANGUAGE de en"],
    },
    Extension {
        name: "UNAUTHENTICATE",
        offered: "UNAUTHENTICATE",
        responses: &["A1 OK done"],
        commands: &["UNAUTHENTICATE"],
    },
    Extension {
        name: "COMPRESS",
        offered: "COMPRESS=DEFLATE",
        responses: &["A1 NO [COMPRESSIONACTIVE] DEFLATE active via TLS"],
        commands: &["COMPRESS DEFLATE"],
    },
    Extension {
        name: "MESSAGELIMIT",
        offered: "",
        responses: &["A1 OK [MESSAGELIMIT 1000] that is all"],
        commands: &[],
    },
    Extension {
        name: "X-GM-EXT-1",
        offered: "X-GM-EXT-1",
        responses: &[
            "* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888 X-GM-LABELS (\"\\\\Inbox\" foo))",
        ],
        commands: &[
            "FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)",
            "SEARCH X-GM-RAW \"has:attachment in:unread\" X-GM-MSGID 12 X-GM-THRID 13 X-GM-LABELS foo",
            "STORE 1 +X-GM-LABELS (foo)",
            "UID STORE 1 -X-GM-LABELS.SILENT (\"\\\\Inbox\" \"a b\")",
        ],
    },
    Extension {
        name: "XLIST",
        offered: "XLIST",
        responses: &["* LIST (\\HasNoChildren \\Inbox) \"/\" Inbox"],
        commands: &["XLIST \"\" \"*\""],
    },
];

fn strict(octets: &[u8]) -> Result<Response<'_>, ParseError> {
    parse_response(octets, &Limits::default(), &Quirks::NONE)
}

#[test]
fn each_is_offered_by_a_capability_of_its_own() {
    for Extension { name, offered, .. } in EXTENSIONS.iter().filter(|row| !row.offered.is_empty()) {
        let line = format!("* CAPABILITY {offered}\r\n");
        let Response::Untagged(Data::Capability(list)) = strict(line.as_bytes()).unwrap() else {
            panic!("{name}")
        };
        let capability = list.iter().next().unwrap();
        assert!(!format!("{capability:?}").starts_with("Other"), "{name}: {capability:?}");
        assert_eq!(capability.to_string(), *offered, "{name}");
    }
}

#[test]
fn its_responses_are_values_and_octets_again() {
    for Extension { name, responses, .. } in EXTENSIONS {
        for response in *responses {
            let octets = format!("{response}\r\n").into_bytes();
            let parsed = strict(&octets).unwrap_or_else(|error| panic!("{name}: {response}: {error}"));
            assert!(!format!("{parsed:?}").contains("Other {"), "{name}: {parsed:?}");
            let mut printed = Vec::new();
            encode_response(&parsed, &mut printed);
            assert_eq!(strict(&printed), Ok(parsed), "{name}: {}", printed.escape_ascii());
        }
    }
}

/// Old words, and other ways to say the same, are read as the new ones.
#[test]
fn old_words_are_read_as_new_ones() {
    let old = strict(b"* XLIST (\\Inbox) \"/\" Inbox\r\n");
    assert_eq!(old.unwrap(), strict(b"* LIST (\\Inbox) \"/\" Inbox\r\n").unwrap());
}

#[test]
fn its_commands_are_values_and_octets_again() {
    for Extension { name, commands, .. } in EXTENSIONS {
        for command in *commands {
            let line = format!("A1 {command}\r\n");
            let (_, parsed) =
                parse_command(line.as_bytes()).unwrap_or_else(|error| panic!("{name}: {line}: {error:?}"));
            let mut dialect = Dialect::default();
            dialect.literals = Literals::Plus;
            let (mut encoded, mut tx) = (parsed.encode("A1", dialect).unwrap(), SendBuf::new());
            assert_eq!(encoded.send(&mut tx), Next::Done, "{name}");
            assert_eq!(
                tx.unsent().escape_ascii().to_string(),
                line.as_bytes().escape_ascii().to_string(),
                "{name}"
            );
        }
    }
}

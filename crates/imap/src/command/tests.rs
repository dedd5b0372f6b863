//! Commands written by the client half and read by the server half.

use alloc::{boxed::Box, string::String, vec::Vec};
use std::{format, string::ToString, vec};

use mailbearer_wire::SendBuf;
use proptest::prelude::*;

use super::*;
use crate::{Date, server::parse_command};
use crate::{Part, Section};

/// Returns a command as it is sent if the server grants every literal, and how often the client waited for that.
fn written(command: &Command<'_>, dialect: Dialect) -> Result<(Vec<u8>, u8), crate::Invalid> {
    let (mut encoded, mut tx, mut waits) = (command.encode("A1", dialect)?, SendBuf::new(), 0);
    loop {
        match encoded.send(&mut tx) {
            Next::Done => return Ok((tx.unsent().to_vec(), waits)),
            Next::Wait => waits = u8::saturating_add(waits, 1),
            Next::Stream(size) => tx.push_bulk(&vec![b'x'; usize::try_from(size).unwrap()]),
        }
    }
}

const PLUS: Dialect = Dialect { literals: Literals::Plus, utf8: false };

/// Commands as they are written, from the RFCs where they have examples.
const WRITTEN: &[&str] = &[
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "STARTTLS",
    "UNAUTHENTICATE",
    "NAMESPACE",
    "IDLE",
    "CHECK",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "UID EXPUNGE 3000:3002",
    "AUTHENTICATE XOAUTH2 dXNlcj1h",
    "AUTHENTICATE PLAIN =",
    "AUTHENTICATE GSSAPI",
    "LOGIN SMITH \"\"",
    "LOGIN \"a b\" \"p\\\\w\\\"d\"",
    "LOGIN {1+}\r\n\n {5+}\r\np\r\nwd",
    "COMPRESS DEFLATE",
    "ID NIL",
    "ID (\"name\" \"sodr\" \"version\" NIL)",
    "ENABLE CONDSTORE UTF8=ACCEPT",
    "LANGUAGE",
    "LANGUAGE de en",
    "SELECT INBOX",
    "SELECT \"\"",
    "SELECT \"NIL\"",
    "SELECT \"Sent Items\"",
    "SELECT INBOX (CONDSTORE)",
    "SELECT INBOX (CONDSTORE QRESYNC (67890007 20050715194045000 41,43:211 (1,3 5,7)))",
    "SELECT INBOX (QRESYNC (67890007 90060115194045000))",
    "EXAMINE ~/Mail/foo",
    "CREATE owatagusiam/",
    "CREATE MySent (USE (\\Drafts \\Sent))",
    "DELETE blurdybloop",
    "RENAME INBOX old-mail",
    "SUBSCRIBE #news.comp.mail.mime",
    "UNSUBSCRIBE #news.comp.mail.mime",
    "LIST \"\" \"*\"",
    "LIST \"\" \"\"",
    "LIST (SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE) \"\" \"%\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))",
    "LIST \"\" (INBOX Drafts \"Sent/%\")",
    "LSUB #news. \"comp.mail.*\"",
    "STATUS blurdybloop (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT MAILBOXID)",
    "APPEND saved-messages (\\Seen $Forwarded) \"17-Jul-1996 02:44:25 -0700\" {4+}\r\na{3}",
    "APPEND a {0+}\r\n",
    "APPEND a {2+}\r\n\r\n",
    "APPEND a {1+}\r\nx (\\Flagged) {1+}\r\ny",
    "APPEND a ~{2+}\r\n\0x",
    "APPEND a UTF8 (~{3+}\r\n\0\u{e4})",
    "APPEND a CATENATE (URL /Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER TEXT {2+}\r\nab)",
    "REPLACE 4 Drafts {1+}\r\nx",
    "UID REPLACE 4 Drafts \"17-Jul-1996 02:44:25 -0700\" {1+}\r\nx",
    "SEARCH ALL",
    "SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM Smith",
    "UID SEARCH RETURN (MIN MAX ALL COUNT SAVE) CHARSET UTF-8 TEXT {2+}\r\n\u{e4}",
    "SEARCH RETURN () OR (SEEN UNSEEN) (RECENT OLD NEW ANSWERED UNANSWERED DELETED UNDELETED DRAFT UNDRAFT FLAGGED UNFLAGGED KEYWORD x UNKEYWORD y)",
    "UID SEARCH RETURN (PARTIAL -1:-100) UID 1:* $ 1,3",
    "SEARCH BCC a CC b TO c SUBJECT \"d e\" BODY f HEADER X-A \"\" BEFORE 1-Jan-2020 ON 2-Jan-2020 SENTBEFORE 3-Jan-2020 SENTON 4-Jan-2020 SENTSINCE 5-Jan-2020",
    "SEARCH LARGER 5000000000 SMALLER 1 OLDER 60 YOUNGER 259200 MODSEQ 620162338 EMAILID M1 THREADID T1",
    "SEARCH SAVEDBEFORE 1-Jan-2020 SAVEDON 2-Jan-2020 SAVEDSINCE 3-Jan-2020 SAVEDATESUPPORTED",
    "SEARCH X-GM-RAW \"has:attachment in:unread\" X-GM-MSGID 1278455344230334865 X-GM-THRID 12 X-GM-LABELS foo",
    "SORT (SUBJECT REVERSE DATE) UTF-8 UNDELETED SINCE 1-Feb-1994",
    "UID SORT RETURN (COUNT) (REVERSE ARRIVAL CC FROM SIZE TO DISPLAYFROM DISPLAYTO) US-ASCII ALL",
    "THREAD ORDEREDSUBJECT UTF-8 SINCE 5-Mar-2000",
    "UID THREAD REFERENCES US-ASCII TEXT gewp",
    "FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
    "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY MODSEQ EMAILID THREADID SAVEDATE PREVIEW X-GM-MSGID X-GM-THRID X-GM-LABELS)",
    "FETCH * (BODY[] BODY.PEEK[HEADER]<0.1000> BODY[1.2.TEXT] BODY[4.MIME] BODY.PEEK[3.HEADER.FIELDS.NOT (\"A B\")])",
    "FETCH 1 (BINARY[] BINARY.PEEK[1.2]<5.10> BINARY.SIZE[4] RFC822 RFC822.HEADER RFC822.TEXT PREVIEW (LAZY))",
    "UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345)",
    "UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    "STORE 2:4 +FLAGS (\\Deleted)",
    "UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) -FLAGS.SILENT (\\Deleted $X)",
    "STORE $ FLAGS ()",
    "COPY 2:4 MEETING",
    "UID COPY 2:4 \"a b\"",
    "MOVE 1 foo",
    "UID MOVE 42:69 foo",
    "GETQUOTA \"\"",
    "GETQUOTAROOT INBOX",
    "SETQUOTA #user/alice (STORAGE 510 MESSAGE 0)",
    "GETACL INBOX",
    "SETACL INBOX Byron +rwtx",
    "DELETEACL INBOX -Fred",
    "LISTRIGHTS ~/Mail/saved smith",
    "MYRIGHTS INBOX",
    "GETMETADATA INBOX (/private/comment)",
    "GETMETADATA (MAXSIZE 1024 DEPTH infinity) \"\" (/shared/comment /private/x)",
    "SETMETADATA INBOX (/private/comment \"My new comment\" /shared/x NIL)",
    "NOTIFY NONE",
    "NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (FROM)]) MessageExpunge FlagChange)) (subtree (Lists INBOX) (MailboxName SubscriptionChange)) (personal NONE)",
    "NOTIFY SET (selected-delayed (MessageNew MessageExpunge AnnotationChange)) (inboxes (MailboxMetadataChange)) (subscribed (ServerMetadataChange)) (mailboxes (a) (MailboxName))",
];

#[test]
fn commands_are_read_and_written_alike() {
    for text in WRITTEN {
        let line = format!("A1 {text}\r\n");
        let (tag, command) =
            parse_command(line.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(tag, "A1");
        let (again, waits) = written(&command, PLUS).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(String::from_utf8(again).unwrap(), line);
        assert_eq!(waits, 0, "{text}");
        let bare = format!("A1 {text}");
        let (_, bare) = parse_command(bare.as_bytes()).unwrap();
        assert_eq!(format!("{bare:?}"), format!("{command:?}"), "{text} without its line end");
    }
}

/// The grammar allows these forms, though the encoder never writes them.
#[test]
fn other_ways_to_say_the_same_are_read() {
    let rows = [
        ("fetch 1 fast", "FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)"),
        ("FETCH 1 ALL", "FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"),
        ("FETCH 1 Full", "FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)"),
        ("FETCH 1 BODY.PEEK[]", "FETCH 1 (BODY.PEEK[])"),
        ("uid fetch 1 (Body.Peek[Header.Fields (a)])", "UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (a)])"),
        ("STORE 1 +FLAGS \\Deleted \\seen", "STORE 1 +FLAGS (\\Deleted \\Seen)"),
        ("LIST \"\" *", "LIST \"\" \"*\""),
        ("LIST () \"\" % RETURN ()", "LIST \"\" \"%\""),
        ("SELECT {5}\r\nINBOX", "SELECT INBOX"),
        ("SELECT \"INBOX\"", "SELECT INBOX"),
        ("SEARCH CHARSET \"UTF-8\" (ALL)", "SEARCH CHARSET UTF-8 ALL"),
        ("SEARCH BEFORE \"1-Jan-2020\"", "SEARCH BEFORE 1-Jan-2020"),
        ("GETMETADATA \"\" /shared/comment", "GETMETADATA \"\" (/shared/comment)"),
        ("ID (\"name\" {1}\r\nx)", "ID (\"name\" \"x\")"),
    ];
    for (text, want) in rows {
        let line = format!("A1 {text}\r\n");
        let (_, command) = parse_command(line.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let (again, _) = written(&command, PLUS).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), format!("A1 {want}\r\n"), "{text}");
    }
}

#[test]
fn what_is_no_command_is_refused() {
    let rows: &[(&str, Option<&str>, &str)] = &[
        ("", None, "tag"),
        (" NOOP", None, "tag"),
        ("+ NOOP", None, "tag"),
        ("a", Some("a"), "SP"),
        ("a ", Some("a"), "command"),
        ("a XNOOP", Some("a"), "SP"),
        ("a XNOOP x", Some("a"), "command"),
        ("a NOOP x", Some("a"), "CRLF"),
        ("a UID NOOP", Some("a"), "uid"),
        ("a  NOOP", Some("a"), "command"),
        ("a SELECT", Some("a"), "SP"),
        ("a SELECT {4}\r\nINBOX", Some("a"), "CRLF"),
        ("a SELECT {6}\r\nINBOX", Some("a"), "literal"),
        ("a SELECT {5}\r\nIN\0OX", Some("a"), "CHAR8"),
        ("a SELECT {2}\r\n\r\n", Some("a"), "mailbox"),
        ("a SELECT \"a\\b\"", Some("a"), "quoted-specials"),
        ("a SELECT \"a", Some("a"), "DQUOTE"),
        ("a SELECT a(b", Some("a"), "CRLF"),
        ("a FETCH 0 FLAGS", Some("a"), "sequence-set"),
        ("a FETCH 1 ()", Some("a"), "a list that is not empty"),
        ("a FETCH 1 BODY[]<0.0>", Some("a"), "nz-number64"),
        ("a FETCH 1 BODY[MIME]", Some("a"), "section-text"),
        ("a STORE 1 +FLAGS (\\Recent)", Some("a"), "flag"),
        ("a LOGIN a", Some("a"), "SP"),
        ("a SEARCH SINCE 30-Feb-2020", Some("a"), "date"),
        ("a CREATE x (\\Sent)", Some("a"), "USE"),
    ];
    for (text, tag, rule) in rows {
        // A frame is whole: only the line end may be missing, no octets of a literal.
        let error = parse_command(text.as_bytes()).map(drop).unwrap_err();
        assert_eq!((error.tag, error.error.rule), (*tag, *rule), "{text}");
    }
}

#[test]
fn no_initial_response_is_not_an_empty_one() {
    for (text, want) in [("PLAIN", None), ("PLAIN =", Some(&b""[..])), ("PLAIN AA==", Some(b"AA=="))] {
        let line = format!("A1 AUTHENTICATE {text}");
        let Ok((_, Command::Authenticate { initial, .. })) = parse_command(line.as_bytes()) else {
            panic!("{text}")
        };
        assert_eq!(initial.as_ref().map(|initial| initial.expose().as_slice()), want, "{text}");
    }
}

#[test]
fn nested_keys_are_limited() {
    let command = |levels: usize| format!("A1 SEARCH {}SEEN", "NOT ".repeat(levels));
    assert!(parse_command(command(63).as_bytes()).is_ok());
    assert!(parse_command(command(64).as_bytes()).is_err());
    assert!(parse_command(command(100_000).as_bytes()).is_err());
    assert!(parse_command(format!("A1 SEARCH {}", "(".repeat(100_000)).as_bytes()).is_err());
}

#[test]
fn a_literal_is_waited_for_where_the_server_wants_that() {
    let append = |size| Command::Append {
        mailbox: Mailbox::INBOX,
        messages: vec![AppendMessage { flags: vec![], date: None, data: AppendData::Stream(size) }],
    };
    let rows = [
        (Literals::Synchronizing, 1, 1, "{1}\r\n"),
        (Literals::Minus, 4096, 0, "{4096+}\r\n"),
        (Literals::Minus, 4097, 1, "{4097}\r\n"),
        (Literals::Plus, 5000, 0, "{5000+}\r\n"),
    ];
    for (literals, size, waits, announced) in rows {
        let (octets, waited) = written(&append(size), Dialect { literals, utf8: false }).unwrap();
        assert_eq!(waited, waits, "{literals:?} {size}");
        assert!(
            String::from_utf8(octets).unwrap().starts_with(&format!("A1 APPEND INBOX {announced}xx"))
                || size == 1
        );
    }
    // Nothing goes out behind the announcement before the server's `+`.
    let (mut encoded, mut tx) = (append(3).encode("A1", Dialect::default()).unwrap(), SendBuf::new());
    assert_eq!((encoded.send(&mut tx), tx.unsent()), (Next::Wait, &b"A1 APPEND INBOX {3}\r\n"[..]));
    assert_eq!(encoded.send(&mut tx), Next::Stream(3));
    assert_eq!((encoded.send(&mut tx), tx.unsent().ends_with(b"\r\n")), (Next::Done, true));
}

#[test]
fn utf_8_is_quoted_where_the_server_reads_it() {
    let command = Command::Delete(Mailbox::from_wire("Entwürfe".as_bytes()).unwrap());
    let (octets, _) = written(&command, Dialect { utf8: true, ..PLUS }).unwrap();
    assert_eq!(octets, "A1 DELETE \"Entwürfe\"\r\n".as_bytes());
    let (octets, _) = written(&command, PLUS).unwrap();
    assert_eq!(octets, "A1 DELETE {9+}\r\nEntwürfe\r\n".as_bytes());
    let latin = Command::Delete(Mailbox::from_wire(&b"caf\xe9"[..]).unwrap());
    let (octets, _) = written(&latin, Dialect { utf8: true, ..PLUS }).unwrap();
    assert_eq!(octets, b"A1 DELETE {4+}\r\ncaf\xe9\r\n");
    // CR LF, and NUL, in modified UTF-7.
    for name in ["a&AA0ACg-b", "&AAA-"] {
        let hidden = Command::Delete(Mailbox::from_wire(name.as_bytes()).unwrap());
        assert!(written(&hidden, Dialect { utf8: true, ..PLUS }).is_err(), "{name}");
        assert!(written(&hidden, PLUS).is_ok(), "{name} as it came");
    }
}

#[test]
fn secrets_are_not_traced() {
    let login = |password: &[u8]| Command::Login { user: "u".into(), password: password.to_vec().into() };
    let initial = Command::Authenticate {
        mechanism: Atom::new("XOAUTH2").unwrap(),
        initial: Some(b"c2VjcmV0".to_vec().into()),
    };
    for (command, want) in [
        (login(b"secret"), "A1 LOGIN u [redacted]"),
        (login(b"se\ncret"), "A1 LOGIN u {7+} [redacted]"),
        (initial, "A1 AUTHENTICATE XOAUTH2 [redacted]"),
    ] {
        let (mut encoded, mut tx) = (command.encode("A1", PLUS).unwrap(), SendBuf::new());
        tx.start_trace(None);
        assert_eq!(encoded.send(&mut tx), Next::Done);
        let lines: Vec<_> = tx.take_trace().into_iter().map(|line| line.text).collect();
        assert_eq!(lines.join(" "), want);
        assert!(!format!("{command:?}{encoded:?}").contains("cret"));
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    let fetch = |items: Vec<FetchItem<'static>>, vanished| Command::Fetch {
        uid: false,
        set: 1.into(),
        items,
        changed_since: None,
        vanished,
    };
    let store = |flag| Command::Store {
        uid: false,
        set: 1.into(),
        unchanged_since: None,
        action: StoreAction::Add,
        silent: false,
        flags: vec![flag],
    };
    let section = |section| FetchItem::Section { section, partial: None, peek: true };
    let search = |key| Command::Search { uid: false, returns: None, charset: None, key };
    let partial = |first, last| Command::Search {
        uid: false,
        returns: Some(vec![SearchReturn::Partial(first, last)]),
        charset: None,
        key: SearchKey::All,
    };
    let append = |text: &'static str| Command::Append {
        mailbox: Mailbox::INBOX,
        messages: vec![AppendMessage { flags: vec![], date: None, data: AppendData::Octets(text.into()) }],
    };
    let rows = [
        fetch(vec![], false),
        fetch(vec![FetchItem::Uid], true),
        fetch(vec![section(Section { part: Part::NONE, of: crate::SectionOf::Mime })], false),
        fetch(vec![section(Section { part: Part::NONE, of: crate::SectionOf::Fields(vec![]) })], false),
        fetch(
            vec![FetchItem::Section {
                section: Section::WHOLE,
                partial: Some(Partial { offset: 0, count: 0 }),
                peek: true,
            }],
            false,
        ),
        store(Flag::Recent),
        store(Flag::Any),
        // As a server may have sent them.
        store(Flag::Keyword(Atom::of(b"\xe4"))),
        store(Flag::System(Atom::of(b"a*"))),
        partial(0, 5),
        partial(1, -5),
        partial(1, 1 << 32),
        partial(-(1 << 32), -1),
        search(SearchKey::ModSeqOf { entry: "/flags/\u{e4}".into(), scope: EntryScope::All, mod_seq: 1 }),
        search(SearchKey::And(vec![])),
        search(SearchKey::Text("a\0b".into())),
        search(SearchKey::Flag(Flag::Any)),
        append("a\0b"),
        Command::Enable(vec![]),
        Command::Status { mailbox: Mailbox::INBOX, attributes: vec![] },
        Command::Authenticate { mechanism: Atom::of(b"X"), initial: Some(b"a b".to_vec().into()) },
    ];
    for command in rows {
        assert!(command.encode("A1", PLUS).is_err(), "{command:?}");
    }
    for tag in ["", "+", "A 1", "A1\r\n", "*", "A{1}"] {
        assert!(Command::Noop.encode(tag, PLUS).is_err(), "{tag:?}");
    }
}

/// One command for each place that takes text of the caller.
fn with_text(text: &str, number: u32) -> Vec<Command<'_>> {
    let mut found = vec![
        Command::Login { user: text.into(), password: text.as_bytes().to_vec().into() },
        Command::Id(vec![Param { name: text.into(), value: Some(text.into()) }]),
        Command::Language(vec![text.into()]),
        Command::GetQuota(text.into()),
        Command::SetMetadata { mailbox: Mailbox::INBOX, entries: vec![(text.into(), Some(text.into()))] },
        Command::SetAcl { mailbox: Mailbox::INBOX, identifier: text.into(), rights: text.into() },
        Command::Search {
            uid: false,
            returns: None,
            charset: None,
            key: SearchKey::Or(
                Box::new(SearchKey::Not(Box::new(SearchKey::Subject(text.into())))),
                Box::new(SearchKey::And(vec![
                    SearchKey::Header { name: text.into(), value: text.into() },
                    SearchKey::GmailRaw(text.into()),
                    SearchKey::Sequence(number.max(1).into()),
                    SearchKey::Before(Date::new(2020, 1, 1).unwrap()),
                ])),
            ),
        },
        Command::Append {
            mailbox: Mailbox::INBOX,
            messages: vec![AppendMessage {
                flags: vec![],
                date: None,
                data: AppendData::Octets(text.into()),
            }],
        },
        Command::Append {
            mailbox: Mailbox::INBOX,
            messages: vec![AppendMessage {
                flags: vec![],
                date: None,
                data: AppendData::Catenate(vec![
                    CatenatePart::Url(text.into()),
                    CatenatePart::Text(text.into()),
                ]),
            }],
        },
        Command::Fetch {
            uid: true,
            set: SequenceSet::from_on(number),
            items: vec![FetchItem::Section {
                section: Section {
                    part: Part::new(&[number]),
                    of: crate::SectionOf::FieldsNot(vec![text.into()]),
                },
                partial: None,
                peek: true,
            }],
            changed_since: None,
            vanished: false,
        },
    ];
    for mailbox in [Mailbox::new(text), Mailbox::from_wire(text.as_bytes())].into_iter().flatten() {
        found.push(Command::Select(Select { mailbox: mailbox.clone(), condstore: false, qresync: None }));
        found.push(Command::Rename { from: mailbox.clone(), to: mailbox.clone() });
        found.push(Command::Copy { uid: true, set: number.max(1).into(), mailbox: mailbox.clone() });
        found.push(Command::List {
            selection: vec![],
            reference: mailbox.clone(),
            patterns: vec![mailbox.clone(), mailbox],
            returns: vec![],
        });
    }
    for flag in [Flag::new(text)].into_iter().flatten() {
        found.push(Command::Create { mailbox: Mailbox::INBOX, special_uses: vec![flag] });
    }
    found
}

/// Takes the literals out of what a client sent, like a server that looks at line ends only.
fn without_literals(octets: &[u8]) -> String {
    let (mut rest, mut out) = (octets, Vec::new());
    while rest.contains(&b'\n') {
        let line = rest.split_inclusive(|&octet| octet == b'\n').next().unwrap();
        let after = &rest[line.len()..];
        out.extend_from_slice(line);
        let size = crate::frame::announced(line).map_or(0, |size| usize::try_from(size).unwrap());
        rest = &after[size..];
    }
    out.extend_from_slice(rest);
    String::from_utf8_lossy(&out).into_owned()
}

proptest! {
    #[test]
    fn an_argument_never_adds_or_swallows_a_command(
        text in prop_oneof![
            any::<String>(),
            "[ -~]{0,12}",
            "[a\"\\\\(){}\r\n\0 ]{0,8}",
            "[a-z]{0,3}\\{[0-9]{1,3}\\+?\\}(\r\n)?",
            "\\\\?[a-z]{0,3}(\r\nA2 LOGOUT\r\n)?",
        ],
        number in any::<u32>(),
        utf8 in any::<bool>(),
        literals in prop_oneof![Just(Literals::Synchronizing), Just(Literals::Minus), Just(Literals::Plus)],
    ) {
        // In UTF-8 an ampersand stands for itself, which `parse_command` can't know (RFC 6855 section 3).
        let utf8 = utf8 && !text.contains('&');
        for command in with_text(&text, number) {
            let Ok((octets, _)) = written(&command, Dialect { literals, utf8 }) else {
                // NUL is the only character that no string can hold; a few flags are the server's.
                prop_assert!(text.contains('\0') || text.contains('*') || text.eq_ignore_ascii_case("\\Recent"), "{command:?}");
                continue;
            };
            let lines = without_literals(&octets);
            // Each line but the last ends with an announcement.
            let mut ends = lines.split_inclusive('\n').rev();
            prop_assert!(ends.next().is_some_and(|last| last.ends_with("\r\n") && crate::frame::announced(last.as_bytes()).is_none()));
            prop_assert!(ends.all(|line| crate::frame::announced(line.as_bytes()).is_some()), "{lines:?}");
            let (tag, again) = parse_command(&octets).map_err(|error| TestCaseError::fail(format!("{command:?} {error:?}")))?;
            prop_assert_eq!(tag, "A1");
            prop_assert_eq!(format!("{again:?}"), format!("{command:?}"));
            if let (Command::Login { password, .. }, Command::Login { password: before, .. }) = (&again, &command) {
                prop_assert_eq!(password.expose(), before.expose());
            }
        }
    }

    #[test]
    fn no_octets_panic(input in proptest::collection::vec(any::<u8>(), 0..60), row in 0..WRITTEN.len(), at in any::<prop::sample::Index>()) {
        let _ = parse_command(&input).map(drop);
        let mut line = format!("A1 {}", WRITTEN[row]).into_bytes();
        let at = at.index(line.len());
        line.splice(at..at, input.into_iter().take(2));
        if let Ok((tag, command)) = parse_command(&line) {
            let _: String = tag.to_string();
            let _ = written(&command, PLUS);
        }
    }
}

use super::*;
use crate::memory::{
    Fault, Personality,
    testing::{Talk, USER, token, world, xoauth2},
};

fn talk(world: &Arc<World>) -> Talk<Imap> {
    let mut talk = Talk::new(Imap::new(Arc::clone(world), Security::Implicit));
    assert!(talk.say("").starts_with("* OK "));
    talk
}

fn authenticated(world: &Arc<World>) -> Talk<Imap> {
    let mut talk = talk(world);
    let answer = talk.say(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(USER, &token(world))));
    assert_eq!(answer, "a OK AUTHENTICATE completed.\r\n");
    talk
}

/// With a message in the inbox for each of `messages`, and the inbox selected.
fn selected(world: &Arc<World>, messages: &[&str]) -> Talk<Imap> {
    for message in messages {
        world.mailbox.append("INBOX", vec![], (0, 60), message.as_bytes()).unwrap();
    }
    let mut talk = authenticated(world);
    assert!(talk.say("b SELECT INBOX\r\n").ends_with("b OK [READ-WRITE] SELECT completed.\r\n"));
    talk
}

/// Each command is answered with these lines, but for the status's text and a space at the end.
fn check(talk: &mut Talk<Imap>, rows: &[(&str, &[&str])]) {
    for (command, want) in rows {
        let answer = talk.say(format!("t {command}\r\n"));
        let lines: Vec<&str> = answer.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), want.len(), "{command}: {lines:#?}");
        for (line, want) in lines.iter().zip(*want) {
            let same = if want.starts_with("t ") { line.starts_with(want) } else { line.trim_end() == *want };
            assert!(same, "{command}: {line} is not {want}");
        }
    }
}

#[test]
fn says_little_before_the_login() {
    let world = world(|_| {});
    check(
        &mut talk(&world),
        &[
            ("CAPABILITY", &["* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID AUTH=XOAUTH2", "t OK"]),
            ("NOOP", &["t OK"]),
            ("ID NIL", &["* ID (\"name\" \"Mailbearer mock\" \"version\" \"0.1.0\")", "t OK"]),
            ("LOGIN a b", &["t NO LOGIN failed."]),
            ("SELECT INBOX", &["t BAD Command received in Invalid state."]),
            ("STARTTLS", &["t BAD Command received in Invalid state."]),
            ("AUTHENTICATE PLAIN", &["t NO AUTHENTICATE failed."]),
            ("AUTHENTICATE XOAUTH2 x", &["t BAD Command Argument Error. 11"]),
            ("XYZZY", &["t BAD Command Error. 12"]),
        ],
    );
    assert_eq!(talk(&world).say("\r\n"), "* BAD Command Error. 12\r\n");
    let (answer, action) = talk(&world).hear("t LOGOUT\r\nt NOOP\r\n");
    assert!(answer.starts_with("* BYE ") && answer.ends_with("t OK LOGOUT completed.\r\n"), "{answer}");
    assert_eq!(action, Step::Close);
}

#[test]
fn refuses_a_token_with_its_reason_first() {
    let world = world(|options| options.personality = Personality::Dovecot);
    let mut talk = talk(&world);
    assert_eq!(talk.say("t AUTHENTICATE XOAUTH2\r\n"), "+ \r\n");
    assert!(talk.say(format!("{}\r\n", xoauth2(USER, "wrong"))).starts_with("+ eyJ"));
    assert_eq!(talk.say("\r\n"), "t NO [AUTHENTICATIONFAILED] Authentication failed.\r\n");
    assert_eq!(talk.say("t AUTHENTICATE OAUTHBEARER\r\n"), "+ \r\n");
    assert!(talk.say("*\r\n").starts_with("t BAD "));
    assert!(talk.say("t AUTHENTICATE OAUTHBEARER bixhPXgsAWF1dGg9QmVhcmVyIHgBAQ==\r\n").starts_with("+ eyJ"));
    assert_eq!(talk.say("AQ==\r\n"), "t NO [AUTHENTICATIONFAILED] Authentication failed.\r\n");
    assert!(talk.say("t SELECT INBOX\r\n").starts_with("t BAD "));
}

#[test]
fn nothing_outlives_starttls() {
    let world = world(|_| {});
    let mut talk = Talk::new(Imap::new(Arc::clone(&world), Security::StartTls));
    talk.say("");
    let clear = talk.say("t CAPABILITY\r\n");
    assert!(
        clear.starts_with("* CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ID STARTTLS LOGINDISABLED\r\n"),
        "{clear}"
    );
    let response = xoauth2(USER, &token(&world));
    assert!(talk.say(format!("t AUTHENTICATE XOAUTH2 {response}\r\n")).starts_with("t NO "));
    assert!(talk.say("t LOGIN a b\r\n").starts_with("t NO [PRIVACYREQUIRED] "));
    let (answer, action) = talk.hear("t STARTTLS\r\n");
    assert_eq!((answer.as_str(), action), ("t OK Begin TLS negotiation now.\r\n", Step::StartTls));
    assert!(talk.say(format!("t AUTHENTICATE XOAUTH2 {response}\r\n")).starts_with("t OK "));
    assert!(!talk.say("t CAPABILITY\r\n").contains("STARTTLS"));

    let mut injecting = Talk::new(Imap::new(world, Security::StartTls));
    let (answer, action) = injecting.hear("t STARTTLS\r\nt NOOP\r\n");
    assert!(answer.ends_with("* BYE Octets behind STARTTLS.\r\n"), "{answer}");
    assert_eq!(action, Step::Close);
}

#[test]
fn tells_all_about_a_message() {
    let world = world(|_| {});
    let message = "Date: Thu, 1 Jan 1970 01:00:00 +0100\r\nFrom: A <a@b>\r\nSubject: s\r\n\r\nbody\r\n";
    let mut talk = selected(&world, &[message]);
    check(
        &mut talk,
        &[
            (
                "FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)",
                &[
                    "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"01-Jan-1970 01:00:00 +0100\" RFC822.SIZE 73)",
                    "t OK",
                ],
            ),
            (
                "UID FETCH 1:* ENVELOPE",
                &[
                    "* 1 FETCH (UID 1 ENVELOPE (\"Thu, 1 Jan 1970 01:00:00 +0100\" \"s\" ((\"A\" NIL \"a\" \"b\")) \
                     ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) NIL NIL NIL NIL NIL))",
                    "t OK",
                ],
            ),
            ("FETCH 1 BODY", &["* 1 FETCH (BODY (\"text\" \"plain\" NIL NIL NIL \"7bit\" 6 1))", "t OK"]),
            ("FETCH 1 BODY.PEEK[TEXT]", &["* 1 FETCH (BODY[TEXT] {6}", "body", ")", "t OK"]),
            ("FETCH 1 BODY.PEEK[TEXT]<1.3>", &["* 1 FETCH (BODY[TEXT]<1> {3}", "ody)", "t OK"]),
            ("FETCH 1 BODY.PEEK[TEXT]<9.3>", &["* 1 FETCH (BODY[TEXT]<9> {0}", ")", "t OK"]),
            ("FETCH 1 BODY.PEEK[2]", &["* 1 FETCH (BODY[2] NIL)", "t OK"]),
            (
                "FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]",
                &[
                    "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {14}",
                    "Subject: s",
                    "",
                    " FLAGS (\\Seen))",
                    "t OK",
                ],
            ),
            ("FETCH 1 RFC822.TEXT", &["* 1 FETCH (RFC822.TEXT {6}", "body", ")", "t OK"]),
            ("FETCH 2 UID", &["t BAD Command Argument Error. 11"]),
            ("UID FETCH 2 UID", &["t OK"]),
            ("FETCH 1 MODSEQ", &["t BAD Command Argument Error. 11"]),
        ],
    );
}

#[test]
fn flags_searches_copies_and_expunges() {
    let world = world(|_| {});
    let mut talk = selected(
        &world,
        &[
            "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\none",
            "From: bob@x\r\n\r\ntwo",
            "To: ann@x\r\n\r\nthree",
        ],
    );
    check(
        &mut talk,
        &[
            ("SEARCH ALL", &["* SEARCH 1 2 3", "t OK"]),
            ("SEARCH SUBJECT \"grü\"", &["* SEARCH 1", "t OK"]),
            ("UID SEARCH OR FROM bob TEXT three", &["* SEARCH 2 3", "t OK"]),
            ("SEARCH NOT BODY o", &["* SEARCH 3", "t OK"]),
            ("SEARCH SINCE 1-Jan-1970 BEFORE 2-Jan-1970 LARGER 15", &["* SEARCH 1 2 3", "t OK"]),
            ("SEARCH RETURN (COUNT MAX) 2:*", &["* ESEARCH (TAG \"t\") MAX 3 COUNT 2", "t OK"]),
            ("SEARCH CHARSET KOI8-R ALL", &["t NO [BADCHARSET"]),
            ("SEARCH MODSEQ 5", &["t BAD"]),
            ("STORE 2 +FLAGS (\\Deleted $Forwarded)", &["* 2 FETCH (FLAGS (\\Deleted $Forwarded))", "t OK"]),
            ("UID STORE 2 -FLAGS ($FORWARDED)", &["* 2 FETCH (UID 2 FLAGS (\\Deleted))", "t OK"]),
            ("STORE 3 FLAGS.SILENT (\\Seen)", &["t OK"]),
            ("SEARCH DELETED UNSEEN", &["* SEARCH 2", "t OK"]),
            ("COPY 2:3 \"Sent Items\"", &["t OK [COPYUID "]),
            ("COPY 2:3 Nowhere", &["t NO [TRYCREATE]"]),
            ("UID EXPUNGE 3", &["t OK"]),
            ("EXPUNGE", &["* 2 EXPUNGE", "t OK"]),
            ("FETCH 1:* UID", &["* 1 FETCH (UID 1)", "* 2 FETCH (UID 3)", "t OK"]),
            (
                "STATUS \"Sent Items\" (MESSAGES UIDNEXT UNSEEN)",
                &["* STATUS \"Sent Items\" (MESSAGES 2 UIDNEXT 3 UNSEEN 1)", "t OK"],
            ),
        ],
    );
    let answer = talk.say("t UID MOVE 3 Drafts\r\n");
    assert!(answer.starts_with("[COPYUID ") && answer.contains("\r\n* 2 EXPUNGE\r\nt OK"), "{answer}");
    assert_eq!(world.mailbox.messages("Drafts")[0].flags, ["\\Seen"]);
    check(
        &mut talk,
        &[(
            "EXAMINE INBOX",
            &[
                "* 1 EXISTS",
                "* 0 RECENT",
                "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)",
                "* OK [UNSEEN 1] Is the first unseen message",
                "* OK [PERMANENTFLAGS ()] Permanent flags",
                &format!(
                    "* OK [UIDVALIDITY {}] UIDVALIDITY value",
                    world.mailbox.lock().folder("INBOX").unwrap().uid_validity
                ),
                "* OK [UIDNEXT 4] The next unique identifier value",
                "t OK [READ-ONLY]",
            ],
        )],
    );
    check(
        &mut talk,
        &[
            ("STORE 1 FLAGS ()", &["t NO [READ-ONLY]"]),
            ("EXPUNGE", &["t NO [READ-ONLY]"]),
            ("FETCH 1 BODY[TEXT]", &["* 1 FETCH (BODY[TEXT] {3}", "one)", "t OK"]),
            ("CLOSE", &["t OK"]),
            ("CLOSE", &["t BAD"]),
        ],
    );
}

#[test]
fn folders_are_listed_made_and_removed() {
    let world = world(|_| {});
    let mut talk = authenticated(&world);
    check(
        &mut talk,
        &[
            ("LIST \"\" \"\"", &["* LIST (\\Noselect) \"/\" \"\"", "t OK"]),
            ("CREATE a/b", &["t OK"]),
            ("CREATE a", &["t OK"]),
            ("CREATE inbox", &["t NO [ALREADYEXISTS]"]),
            ("LIST \"\" a%", &["* LIST (\\HasChildren) \"/\" a", "t OK"]),
            ("LIST a/ *", &["* LIST (\\HasNoChildren) \"/\" a/b", "t OK"]),
            ("LIST \"\" inbox", &["* LIST (\\HasNoChildren) \"/\" INBOX", "t OK"]),
            (
                "LIST \"\" Drafts RETURN (STATUS (MESSAGES))",
                &["* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts", "* STATUS Drafts (MESSAGES 0)", "t OK"],
            ),
            ("UNSUBSCRIBE a", &["t OK"]),
            ("LSUB \"\" a*", &["* LSUB () \"/\" a/b", "t OK"]),
            ("RENAME a/b c", &["t OK"]),
            ("DELETE a/b", &["t NO [NONEXISTENT]"]),
            ("DELETE INBOX", &["t NO"]),
            ("SELECT a/b", &["t NO [NONEXISTENT]"]),
            ("NAMESPACE", &["* NAMESPACE ((\"\" \"/\")) NIL NIL", "t OK"]),
            ("ENABLE CONDSTORE", &["* ENABLED", "t OK"]),
            ("SELECT INBOX (CONDSTORE)", &["t BAD"]),
        ],
    );
}

#[test]
fn appends_by_literal() {
    let world = world(|options| options.limits.message_octets = 20);
    let mut talk = authenticated(&world);
    let ready = "+ Ready for additional command text.\r\n";
    assert_eq!(talk.say("t APPEND Drafts (\\Draft) \" 1-Jan-1970 00:00:00 +0000\" {9}\r\n"), ready);
    assert!(talk.say("123456789\r\n").starts_with("t OK [APPENDUID "));
    assert!(talk.say("t APPEND Drafts {3+}\r\nabc\r\n").starts_with("t OK [APPENDUID "));
    assert!(talk.say("t APPEND Drafts {21}\r\n").starts_with("t NO [TOOBIG] "));
    assert!(talk.say("t APPEND Nowhere {1+}\r\nx\r\n").starts_with("t NO [TRYCREATE] "));
    let messages = world.mailbox.messages("Drafts");
    assert_eq!(
        (messages[0].internal_date, messages[0].flags.as_slice()),
        ((0, 0), &["\\Draft".to_owned()][..])
    );
    assert_eq!(messages[1].octets[..], *b"abc");
    let (answer, action) = talk.hear("t APPEND Drafts {21+}\r\n");
    assert!(answer.starts_with("* BYE "), "{answer}");
    assert_eq!(action, Step::Close);
}

#[test]
fn tells_what_others_do_when_it_may() {
    let world = world(|_| {});
    let mut talk = selected(&world, &["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n"]);
    let mut other = authenticated(&world);
    other.say("t SELECT INBOX\r\n");
    check(
        &mut other,
        &[(
            "STORE 1:2 FLAGS (\\Deleted)",
            &["* 1 FETCH (FLAGS (\\Deleted))", "* 2 FETCH (FLAGS (\\Deleted))", "t OK"],
        )],
    );
    check(&mut other, &[("UID EXPUNGE 1", &["* 1 EXPUNGE", "t OK"])]);
    world.mailbox.deliver(*b"Subject: 3\r\n\r\n").unwrap();
    check(
        &mut talk,
        &[
            ("FETCH 1:2 UID", &["* 2 FETCH (UID 2)", "* 2 FETCH (UID 2 FLAGS (\\Deleted))", "t OK"]),
            ("NOOP", &["* 1 EXPUNGE", "* 2 EXISTS", "t OK"]),
            ("NOOP", &["t OK"]),
        ],
    );
    check(&mut other, &[("CHECK", &["* 2 EXISTS", "t OK"])]);
    assert!(world.mailbox.lock().rename("Drafts", "Old"));
    assert!(world.mailbox.lock().delete("Old"));
    let mut gone = authenticated(&world);
    gone.say("t CREATE x\r\nt SELECT x\r\n");
    assert!(world.mailbox.lock().delete("x"));
    let (answer, action) = gone.hear("t NOOP\r\n");
    assert_eq!((answer.as_str(), action), ("* BYE The mailbox is gone.\r\n", Step::Close));
}

#[test]
fn idles_until_done() {
    let world = world(|_| {});
    let mut talk = selected(&world, &[]);
    assert!(talk.say("t IDLE\r\n").starts_with("+ "));
    assert_eq!(talk.session.patience(), Some(world.limits.silence * 6));
    assert_eq!(talk.say(""), "");
    world.mailbox.deliver(*b"x").unwrap();
    assert_eq!(talk.say(""), "* 1 EXISTS\r\n");
    assert_eq!(talk.say("done\r\n"), "t OK IDLE completed.\r\n");
    assert_eq!(talk.session.patience(), Some(world.limits.silence));
    talk.say("t IDLE\r\n");
    assert!(talk.say("t NOOP\r\n").starts_with("t BAD "));
}

#[test]
fn fails_as_exchange_does() {
    let world = world(|options| options.fault = Fault::find("not-connected"));
    check(
        &mut authenticated(&world),
        &[("SELECT INBOX", &["t BAD User is authenticated but not connected."])],
    );

    let world = self::world(|_| {});
    for before in ["", "t IDLE\r\n"] {
        let mut talk = authenticated(&world);
        talk.say(before);
        assert!(talk.session.due().unwrap() > Instant::now());
        world.tokens.expire_all();
        assert!(talk.session.due().unwrap() <= Instant::now());
        // The session is told of it without a command.
        let (answer, action) = talk.hear("");
        assert_eq!(
            (answer.as_str(), action),
            ("* BYE Session invalidated - AccessTokenExpired\r\n", Step::Close)
        );
        assert_eq!(talk.session.due(), None);
    }
}

#[test]
fn stops_at_its_limits() {
    let world = world(|options| options.limits.message_octets = 10);
    let (answer, action) = talk(&world).hear("x\r\n".repeat(101));
    assert!(answer.ends_with("* BYE Connection closed. 14\r\n"), "{answer}");
    assert_eq!(action, Step::Close);
    let (answer, action) = talk(&world).hear("x".repeat(1 << 17));
    assert!(answer.ends_with("* BYE Too much at once.\r\n"), "{answer}");
    assert_eq!(action, Step::Close);
    assert!(talk(&world).say("t LOGIN {4097}\r\n").starts_with("t NO [TOOBIG] "));
    let mut greedy = selected(&world, &["0123456789"]);
    let items = ["BODY.PEEK[]"; 3].join(" ");
    assert!(greedy.say(format!("t FETCH 1 ({items})\r\n")).starts_with("t NO [LIMIT] "));
    assert!(greedy.say(format!("t FETCH 1 ({})\r\n", &items[12..])).ends_with("t OK FETCH completed.\r\n"));
    let flags: Vec<String> = (0..101).map(|number| format!("f{number}")).collect();
    assert!(greedy.say(format!("t STORE 1 FLAGS ({})\r\n", flags.join(" "))).starts_with("t NO [LIMIT] "));
    assert!(greedy.say(format!("t STORE 1 FLAGS ({})\r\n", flags[1..].join(" "))).contains("t OK "));
    assert_eq!(greedy.say("t STORE 1 +FLAGS (f0)\r\n"), "t OK STORE completed.\r\n");
    assert_eq!(world.mailbox.messages("INBOX")[0].flags.len(), 100);
}

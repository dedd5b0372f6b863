//! Servers that answer oddly, in part or not at all, played line by line: what of it the program tells, and how it ends.

use std::fs;

use mailbearer_mock::{Serving, Transcript, serve};

use crate::harness::{World, logged_in};

/// A server that offers these capabilities, and plays this after the login.
pub(crate) fn played(capabilities: &str, conversation: &str) -> (World, Serving) {
    let transcript = format!(
        "--TLS--
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready
C: <tag> AUTHENTICATE XOAUTH2 <any>
S: <tag> OK [CAPABILITY {capabilities}] in
{conversation}"
    );
    let transcript = Transcript::parse(&transcript).unwrap();
    let (address, serving) = serve(transcript).unwrap();
    let world = World::new().set("MAILBEARER_IMAP_PORT", address.port());
    fs::write(world.path("ca.pem"), format!("{}{}", world.server.ca_pem(), serving.ca_pem())).unwrap();
    (world, serving)
}

/// A server that goes, or talks, when the login is over and nothing was asked yet: it is told in words that mean something
/// to a user.
#[test]
fn a_submission_that_fails_between_two_commands() {
    for (script, code, want) in [
        ("S: 421 4.3.2 going down\n", 75, "server is closing, at "),
        ("S: 250 what\n", 76, "unexpected reply at "),
        ("S: what\n", 76, "at "),
        ("--close--\n", 75, "connection closed at "),
    ] {
        let (address, serving) = serve(logged_in(script)).unwrap();
        let world = World::new().set("MAILBEARER_SMTP_PORT", address.port());
        fs::write(world.path("ca.pem"), format!("{}{}", world.server.ca_pem(), serving.ca_pem())).unwrap();
        let outcome =
            world.run_with(&["send", "--raw", "-"], "Date: x\nFrom: r@x\nMessage-ID: <1@x>\nTo: a@x\n\nhi\n");
        // The client may have begun by then.
        let told = ["the next command", "MAIL"].map(|at| format!("error: SMTP: {want}{at}"));
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(told.iter().any(|told| outcome.stderr.starts_with(told)), "{outcome:?}");
        assert!(outcome.stderr.contains("\nhint: "), "{outcome:?}");
        drop(serving);
    }
}

/// A line that is neither an answer nor data hides none of those around it, and is told.
#[test]
fn junk_between_the_answers_is_told_and_hides_nothing() {
    const BYE: &str = "C: <tag> LOGOUT\nS: * BYE\nS: <tag> OK\n";
    let listed = |junk: &str| {
        format!(
            "C: <tag> LIST \"\" \"*\"\nS: * LIST () \"/\" INBOX\n{junk}S: * LIST () \"/\" B\nS: <tag> OK done\n"
        )
    };
    let (world, serving) = played("IMAP4rev1", &format!("{}{BYE}", listed("S: 3 junk\nS: what\n")));
    let outcome = world.run(&["folders"]);
    assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(0), 2), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 2, "{outcome:?}");
    assert!(outcome.stderr.contains(": 3 junk\n") && outcome.stderr.contains(": what\n"), "{outcome:?}");
    serving.join().unwrap();
    // Behind a literal it may be what somebody wrote.
    let long = "S: * LIST () \"/\" {1}\nS: Ax\nS: junk\n";
    let (world, serving) = played("IMAP4rev1", &listed(long));
    let outcome = world.run(&["folders"]);
    assert_eq!(outcome.code, Some(76), "{outcome:?}");
    assert!(outcome.stderr.contains("neither an answer nor data: junk"), "{outcome:?}");
    drop(serving);
}

/// The same for a list of messages and for the parts of one, and for data that can't be read.
#[test]
fn a_bad_line_hides_neither_messages_nor_parts() {
    const BYE: &str = "C: <tag> LOGOUT\nS: * BYE\nS: <tag> OK\n";
    const EXAMINE: &str = "C: <tag> EXAMINE INBOX\nS: * 3 EXISTS\nS: <tag> OK [READ-ONLY] done\n";
    let row = |uid: u32, envelope: &str| {
        format!(
            "S: * {uid} FETCH (UID {uid} FLAGS () INTERNALDATE \" 5-Jan-2026 10:00:00 +0000\" RFC822.SIZE 9 ENVELOPE {envelope}\n"
        )
    };
    let good = |uid| row(uid, &format!("(NIL \"message {uid}\" NIL NIL NIL NIL NIL NIL NIL NIL))"));
    let junk = "S: 3 junk\nS: * ((( odd\nS: what\n";
    let list = format!(
        "C: <tag> FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)\n{}{junk}{}{}S: <tag> OK done\n",
        good(1),
        row(2, "((("),
        good(3),
    );
    let part = "S: * 1 FETCH (UID 1 BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1840 30))\n";
    let structure = |before: &str, behind: &str| {
        format!("C: <tag> UID FETCH 1 (UID BODYSTRUCTURE)\n{before}{part}{behind}S: <tag> OK done\n")
    };
    let odd = "S: * 1 FETCH (UID 1 BODYSTRUCTURE (((\n";
    let fetch = &["fetch", "INBOX", "1", "--structure"][..];
    let told: &[&str] = &[": 3 junk\n", ": what\n"];
    let rows: [(&[&str], String, &[&str], &[&str]); 5] = [
        (&["list"], list, &["message 1", " 2 ", "message 3"], &[": 3 junk\n", ": what\n", "UID 2: "]),
        (fetch, structure(junk, ""), &["1840 octets"], told),
        (fetch, structure("", junk), &["1840 octets"], told),
        (fetch, structure(odd, junk), &["1840 octets"], told),
        (fetch, structure(junk, odd), &["1840 octets"], told),
    ];
    for (arguments, conversation, stdout, stderr) in rows {
        let (world, serving) = played("IMAP4rev1", &format!("{EXAMINE}{conversation}{BYE}"));
        let outcome = world.run(arguments);
        assert_eq!((outcome.code, outcome.stdout.lines().count()), (Some(0), stdout.len()), "{outcome:?}");
        for (line, want) in outcome.stdout.lines().zip(stdout) {
            assert!(line.contains(want), "{want}: {outcome:?}");
        }
        for want in stderr {
            assert!(outcome.stderr.contains(want), "{want}: {outcome:?}");
        }
        serving.join().unwrap();
    }
}

#[test]
fn a_server_that_searches_in_ascii_alone() {
    let (world, serving) = played(
        "IMAP4rev1 LITERAL+",
        "C: <tag> EXAMINE INBOX
S: * 1 EXISTS
S: <tag> OK [READ-ONLY] done
C: <tag> UID SEARCH CHARSET UTF-8 SUBJECT {7+}
C: Gr\\xc3\\xbc\\xc3\\x9fe
S: <tag> NO [BADCHARSET (US-ASCII)] The specified charset is not supported.
",
    );
    world.run(&["list", "--search", "subject:Grüße"]).failed(
        69,
        &[
            "error: IMAP: server does not search for text that is not ASCII; it takes US-ASCII",
            "hint: …look for words in ASCII, …Exchange…",
        ],
    );
    drop(serving);
}

#[test]
fn a_server_that_can_do_little() {
    // Without LIST-STATUS, nobody asks folder by folder.
    let (world, serving) = played(
        "IMAP4rev1",
        "C: <tag> LIST \"\" \"*\"
S: * LIST (\\\\Noselect) \"/\" \"a&AOQ-\"
S: * LIST (\\\\Trash) \"/\" \"\\x1b[2J\"
S: <tag> OK done
C: <tag> LOGOUT
S: * BYE
S: <tag> OK
",
    );
    assert_eq!(world.run(&["folders"]).ok(), "aä       no messages\n\\x1b[2J  trash\n");
    serving.join().unwrap();
    // Asked for one by one, a line that can't be read hides no other.
    let (world, serving) = played(
        "IMAP4rev1",
        "C: <tag> LIST \"\" \"*\"
S: * LIST () \"/\" INBOX
S: * LIST () \"/\" B
S: <tag> OK done
C: <tag1> STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)
C: <tag2> STATUS B (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)
S: * 5
S: * STATUS INBOX (MESSAGES 1 UNSEEN 0)
S: <tag1> OK done
S: * STATUS B (MESSAGES x)
S: <tag2> OK done
C: <tag> LOGOUT
S: * BYE
S: <tag> OK
",
    );
    let counted = world.run(&["folders", "--counts"]);
    assert_eq!((counted.code, counted.stdout.lines().count()), (Some(0), 2), "{counted:?}");
    assert!(counted.stdout.starts_with("INBOX  inbox        1 messages       0 unseen\nB\n"), "{counted:?}");
    assert!(counted.stderr.contains(": * 5\n"), "{counted:?}");
    serving.join().unwrap();
    let (world, serving) = played(
        "IMAP4rev1",
        "C: <tag> LIST \"\" \"*\"
S: * LIST () \"/\" INBOX
S: <tag> OK done
",
    );
    world.run(&["delete", "INBOX", "1"]).failed(
        69,
        &[
            "error: the server names no folder for the trash",
            "hint: `move` puts messages into any folder, --expunge removes them for good",
        ],
    );
    drop(serving);
    // Others may have flagged messages that nobody wants to lose.
    let (world, serving) = played("IMAP4rev1", "");
    world
        .run(&["delete", "INBOX", "1", "--expunge"])
        .failed(69, &["error: the server can't remove single messages: it does not offer UIDPLUS"]);
    drop(serving);
    let (world, serving) = played(
        "IMAP4rev1",
        "C: <tag> SELECT INBOX
S: * 2 EXISTS
S: <tag> OK [READ-WRITE] done
C: <tag> UID SEARCH UID 7
S: * SEARCH 7
S: <tag> OK done
C: <tag> UID SEARCH UID 7
S: * SEARCH 7
S: <tag> OK done
C: <tag> UID COPY 7 Archive
S: <tag> OK done
C: <tag> UID STORE 7 +FLAGS (\\\\Deleted)
S: * 1 FETCH (UID 7 FLAGS (\\\\Deleted))
S: <tag> OK done
C: <tag> LOGOUT
S: * BYE
S: <tag> OK
",
    );
    let outcome = world.run(&["move", "INBOX", "7", "Archive"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "moved          7  Archive\n"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.starts_with("warning: the server can't remove single messages"), "{outcome:?}");
    serving.join().unwrap();
}

#[test]
fn an_answer_that_never_comes() {
    let rows: [(&str, &[&str]); 2] = [
        (
            "C: <tag> APPEND INBOX {12}
S: + go on
C: Subject: x
C: 
--close--
",
            &["append", "INBOX"],
        ),
        (
            "C: <tag> EXAMINE INBOX
S: <tag> OK done
C: <tag> UID SEARCH UID 7
S: * SEARCH 7
S: <tag> OK done
C: <tag> UID COPY 7 Archive
--close--
",
            &["copy", "INBOX", "7", "Archive"],
        ),
    ];
    for (conversation, arguments) in rows {
        let (world, serving) = played("IMAP4rev1", conversation);
        world.run_with(arguments, "Subject: x\n").failed(
            79,
            &["error: IMAP: …; whether the server did it is unknown", "hint: …look before doing it again"],
        );
        serving.join().unwrap();
    }
}

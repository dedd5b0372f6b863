//! Answers that are not what was asked for, word by word. Compiled once for each driver.

use mailbearer::proto::imap::{FetchItem, Flag, Partial, SearchKey, Section, StoreAction, UidSet};
use mailbearer::{Kind, Position, Range, Summary};

use super::{fallbacks::Servers, run};

fn set(text: &str) -> UidSet {
    text.parse().unwrap()
}

const EXAMINE: &str =
    "C: <tag> EXAMINE INBOX\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: <tag> OK [READ-ONLY] x\n";
const SELECT: &str = "C: <tag> SELECT INBOX\nS: * 3 EXISTS\nS: <tag> OK [READ-WRITE] x\n";
const ITEMS: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)";
const LITTLE: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE)";

fn envelope(subject: &str) -> String {
    format!("ENVELOPE (NIL \"{subject}\" NIL NIL NIL NIL NIL NIL NIL NIL)")
}

#[test]
fn what_can_not_be_changed_is_an_error() {
    let only = "C: <tag> SELECT INBOX\nS: * 3 EXISTS\nS: <tag> OK [READ-ONLY] x\n";
    let untagged = "C: <tag> SELECT INBOX\nS: * 3 EXISTS\nS: * OK [READ-ONLY] x\nS: <tag> OK x\n";
    let ignored = format!(
        "{SELECT}C: <tag> UID STORE 1 +FLAGS (\\\\Seen)\nS: <tag> OK Store ignored with read-only mailbox.\n"
    );
    let turned = format!("{SELECT}C: <tag> NOOP\nS: * OK [READ-ONLY] now\nS: <tag> OK x\n");
    for text in [only, untagged, &ignored, &turned] {
        let servers = Servers::start("UIDPLUS MOVE", &[text]);
        run(async {
            let mut imap = wait!(servers.client.connect_imap()).unwrap();
            let error = match wait!(imap.select("INBOX")) {
                Err(error) => error,
                Ok(mut inbox) => {
                    if text.contains("NOOP") {
                        wait!(inbox.noop()).unwrap();
                        assert_eq!(wait!(inbox.expunge()).unwrap_err().kind(), Kind::ReadOnly);
                        assert_eq!(wait!(inbox.move_to(set("1"), "x")).unwrap_err().kind(), Kind::ReadOnly);
                    }
                    wait!(inbox.store(set("1"), StoreAction::Add, &[Flag::Seen])).unwrap_err()
                }
            };
            assert_eq!(error.kind(), Kind::ReadOnly, "{text}");
            assert!(error.to_string().contains("INBOX"), "{error}");
        });
        servers.join();
    }
}

/// One odd untagged line does not fail a command that the server carried out.
#[test]
fn what_a_command_does_not_need_does_not_fail_it() {
    let text = format!(
        "{SELECT}C: <tag> UID MOVE 7 Archive\nS: * OK [COPYUID 7 9 1 x\nS: * [COPYUID 7 9 1]\nS: * 1 EXPUNGE\n\
         S: <tag> OK x\n\
         C: <tag> UID SEARCH ALL\nS: * SEARCH 4 x\nS: * 9 FETCH (FLAGS (((\nS: <tag> OK x\n\
         C: <tag> LIST \"\" \"*\"\nS: * LIST () \".\" a\nS: * LIST ((( b\nS: * LIST () \".\" c\nS: <tag> OK x\n"
    );
    let servers = Servers::start("MOVE", &[&text]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        assert!(wait!(inbox.move_to(set("7"), "Archive")).unwrap().removed);
        assert_eq!(inbox.exists(), 2);
        let error = wait!(inbox.search(&SearchKey::All)).unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol, "what it needs is missed: {error}");
        drop(inbox.odd_lines());
        let folders = wait!(inbox.folders("*")).unwrap();
        assert_eq!(folders.iter().map(|folder| folder.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let odd: Vec<_> = inbox.odd_lines().collect();
        assert!(odd.len() == 1 && odd[0].line.contains("((( b"), "{odd:?}");
    });
    servers.join();
}

/// `move` without the MOVE extension that is cut after COPY is `unknown`, not "try again".
#[test]
fn a_move_that_is_cut_is_not_to_be_tried_again() {
    let copied = format!(
        "{SELECT}C: <tag> UID SEARCH UID 5\nS: * SEARCH 5\nS: <tag> OK x\n\
         C: <tag> UID COPY 5 Archive\nS: <tag> OK x\nC: <tag> UID STORE 5 +FLAGS (\\\\Deleted)\n--close--\n"
    );
    let copying = format!(
        "{SELECT}C: <tag> UID SEARCH UID 5\nS: * SEARCH 5\nS: <tag> OK x\nC: <tag> UID COPY 5 Archive\n--close--\n"
    );
    let searching = format!("{SELECT}C: <tag> UID SEARCH UID 5\n--close--\n");
    for (text, unknown) in [(copied, true), (copying, true), (searching, false)] {
        let servers = Servers::start("UIDPLUS", &[&text]);
        run(async {
            let mut imap = wait!(servers.client.connect_imap()).unwrap();
            let mut inbox = wait!(imap.select("INBOX")).unwrap();
            let error = wait!(inbox.move_to(set("5"), "Archive")).unwrap_err();
            assert_eq!(
                (error.outcome_unknown(), error.is_transient()),
                (unknown, !unknown),
                "{text}: {error}"
            );
        });
        servers.join();
    }
}

/// A server that stops at its limit of messages (RFC 9738) is asked for the rest where that can be done twice without harm.
/// Elsewhere what was done in part is not reported as done, nor as something to try again.
#[test]
fn what_was_done_in_part_is_not_told_as_done() {
    let limited = "S: <tag> OK [MESSAGELIMIT 2 5] in part\n";
    let examine = EXAMINE.replace("INBOX", "INBOX (CONDSTORE)");
    // Nothing among the newest changed, and one of the others did.
    let changed = format!(
        "{examine}C: <tag> UID FETCH 1:6 (UID FLAGS) (CHANGEDSINCE 9)\n{limited}\
         C: <tag> UID FETCH 1:4 (UID FLAGS) (CHANGEDSINCE 9)\nS: * 1 FETCH (UID 1 FLAGS () MODSEQ (10))\nS: <tag> OK x\n"
    );
    let nowhere = format!(
        "{examine}C: <tag> UID FETCH 1:6 (UID FLAGS) (CHANGEDSINCE 9)\nS: <tag> OK [MESSAGELIMIT 2] in part\n"
    );
    for (text, want) in [(changed, Ok(vec![1])), (nowhere, Err(Kind::Refused))] {
        let servers = Servers::start("CONDSTORE", &[&text]);
        run(async {
            let mut imap = wait!(servers.client.connect_imap()).unwrap();
            let mut inbox = wait!(imap.examine("INBOX")).unwrap();
            let items = vec![FetchItem::Uid, FetchItem::Flags];
            let mut messages = wait!(inbox.messages_changed_since(set("1:6"), items, 9)).unwrap();
            let mut uids = Vec::new();
            let found = loop {
                match wait!(messages.next()) {
                    Ok(Some(message)) => uids.push(message.uid()),
                    Ok(None) => break Ok(uids),
                    Err(error) => break Err(error.kind()),
                }
            };
            assert_eq!(found, want, "{text}");
        });
        servers.join();
    }
    let copy = format!("{SELECT}C: <tag> UID COPY 1:6 x\n{limited}");
    let store = format!("{SELECT}C: <tag> UID STORE 1:6 +FLAGS (\\\\Seen)\n{limited}");
    let search = format!("{SELECT}C: <tag> UID SEARCH ALL\nS: * SEARCH 5 6\n{limited}");
    for (text, operation) in [(copy, "copy"), (store, "store"), (search, "search")] {
        let servers = Servers::start("X", &[&text]);
        run(async {
            let mut imap = wait!(servers.client.connect_imap()).unwrap();
            let mut inbox = wait!(imap.select("INBOX")).unwrap();
            let error = match operation {
                "copy" => wait!(inbox.copy(set("1:6"), "x")).unwrap_err(),
                "store" => wait!(inbox.store(set("1:6"), StoreAction::Add, &[Flag::Seen])).unwrap_err(),
                _ => wait!(inbox.search(&SearchKey::All)).unwrap_err(),
            };
            let told = error.to_string();
            assert!(error.outcome_unknown() && !error.is_transient() && !error.ended_session(), "{told}");
            assert!(told.ends_with("done in part: OK [MESSAGELIMIT 2 5] in part"), "{told}");
        });
        servers.join();
    }
}

/// What a body holds, or why there is none.
async fn body(answer: &str, section: Section<'static>, partial: Option<Partial>) -> Result<String, Kind> {
    let text = format!("{EXAMINE}C: <tag> UID FETCH 7 <any>\n{answer}S: <tag> OK x\n");
    let servers = Servers::start("X", &[&text]);
    let result = {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let mut body = wait!(inbox.part(7, section, partial)).unwrap();
        let mut octets = Vec::new();
        loop {
            match wait!(body.next()) {
                Ok(Some(piece)) => octets.extend_from_slice(&piece),
                Ok(None) => break Ok(String::from_utf8(octets).unwrap()),
                Err(error) => break Err(error.kind()),
            }
        }
    };
    servers.join();
    result
}

/// `fetch` gives what it was asked for and nothing else: UID, section, origin and count, once; `BODY[] NIL` is no
/// empty file.
#[test]
fn a_body_is_the_one_that_was_asked_for() {
    let whole = || Section::WHOLE;
    let piece = |offset, count| Some(Partial { offset, count });
    let rows = [
        ("as it should be", whole(), None, "(UID 7 BODY[] \"abc\")", Ok("abc")),
        ("by its old name", whole(), None, "(UID 7 RFC822 \"abc\")", Ok("abc")),
        ("without a UID", whole(), None, "(BODY[] \"abc\")", Ok("abc")),
        ("another UID", whole(), None, "(UID 9 BODY[] \"abc\")", Err(Kind::NotFound)),
        ("another UID behind it", whole(), None, "(BODY[] \"abc\" UID 9)", Err(Kind::NotFound)),
        ("two UIDs", whole(), None, "(UID 7 UID 9 BODY[] \"abc\")", Err(Kind::NotFound)),
        ("its UID twice", whole(), None, "(UID 7 BODY[] \"abc\" UID 7)", Ok("abc")),
        ("another section", whole(), None, "(UID 7 BODY[TEXT] \"abc\")", Err(Kind::NotFound)),
        ("another part", Section::TEXT, None, "(UID 7 BODY[] \"abc\")", Err(Kind::NotFound)),
        ("a piece", whole(), None, "(UID 7 BODY[]<4> \"abc\")", Err(Kind::NotFound)),
        ("of the beginning", whole(), None, "(UID 7 BODY[]<0> \"abc\")", Ok("abc")),
        ("the piece", whole(), piece(4, 3), "(UID 7 BODY[]<4> \"abc\")", Ok("abc")),
        ("less of it", whole(), piece(4, 9), "(UID 7 BODY[]<4> \"abc\")", Ok("abc")),
        ("more of it", whole(), piece(4, 2), "(UID 7 BODY[]<4> \"abc\")", Ok("ab")),
        ("from elsewhere", whole(), piece(4, 3), "(UID 7 BODY[]<5> \"abc\")", Err(Kind::NotFound)),
        ("all instead of a piece", whole(), piece(4, 3), "(UID 7 BODY[] \"abc\")", Err(Kind::NotFound)),
        ("nothing", whole(), None, "(UID 7 BODY[] NIL)", Err(Kind::NoData)),
        ("an empty one", whole(), None, "(UID 7 BODY[] \"\")", Ok("")),
        ("only flags", whole(), None, "(UID 7 FLAGS ())", Err(Kind::NotFound)),
    ];
    for (name, section, partial, items, want) in rows {
        let answer = format!("S: * 2 FETCH {items}\n");
        let got = run(body(&answer, section, partial));
        assert_eq!(got.as_deref().map_err(|kind| *kind), want, "{name}");
    }
    // By UID alone (RFC 9586).
    let answer = "S: * 9 UIDFETCH (BODY[] \"no\")\nS: * 7 UIDFETCH (BODY[] \"abc\")\n";
    assert_eq!(run(body(answer, whole(), None)), Ok("abc".into()));
    // The same twice, another in front and one behind.
    let answer = "S: * 1 FETCH (UID 5 BODY[] \"no\")\nS: * 2 FETCH (UID 7 BODY[] \"abc\")\n\
                  S: * 2 FETCH (UID 7 BODY[] \"abc\")\nS: * 2 FETCH (UID 7 BODY[] NIL)\n";
    assert_eq!(run(body(answer, whole(), None)), Ok("abc".into()));
}

async fn listed(text: &str, capabilities: &str, range: Range) -> Result<Vec<Summary>, Kind> {
    let servers = Servers::start(capabilities, &[text]);
    let result = {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let mut listing = wait!(imap.list("INBOX", range)).unwrap();
        let mut rows = Vec::new();
        loop {
            match wait!(listing.next()) {
                Ok(Some(row)) => rows.push(row),
                Ok(None) => break Ok(rows),
                Err(error) => break Err(error.kind()),
            }
        }
    };
    servers.join();
    result
}

/// UID, number, subject, and whether the row is incomplete.
fn rows(rows: &[Summary]) -> Vec<(u32, u32, &str, bool)> {
    rows.iter().map(|row| (row.uid, row.number, row.subject.as_str(), row.incomplete)).collect()
}

/// One bad line never hides the others: a marked row, or a warning that names it.
#[test]
fn no_message_hides_another() {
    let (one, three) = (envelope("one"), envelope("three"));
    let start =
        format!("C: <tag1> EXAMINE INBOX\nC: <tag2> FETCH 1:* {ITEMS}\nS: * 3 EXISTS\nS: <tag1> OK x\n");
    let first = format!("S: * 1 FETCH (UID 5 FLAGS () RFC822.SIZE 1 {one})\n");
    let third = format!("S: * 3 FETCH (UID 9 FLAGS () RFC822.SIZE 1 {three})\n");
    let unnamed = format!("S: * 2 FETCH (UID 0 RFC822.SIZE 1 {})\n", envelope("two"));
    for (name, second, again, want) in [
        ("NIL", "S: * 2 FETCH (UID 7 FLAGS () RFC822.SIZE 1 ENVELOPE NIL)\n", "", (7, 2, "", true)),
        ("odd", "S: * 2 FETCH (UID 7 ENVELOPE (((\n", "", (7, 2, "", true)),
        ("none", "", "S: * 2 FETCH (UID 7 RFC822.SIZE 1)\n", (7, 2, "", true)),
        ("never", "", "S: * 2 FETCH (FLAGS ())\n", (0, 2, "", true)),
        (
            "no UID at first",
            "S: * 2 FETCH (RFC822.SIZE 1 ENVELOPE NIL)\n",
            "S: * 2 FETCH (UID 7 RFC822.SIZE 1)\n",
            (7, 2, "", true),
        ),
        ("UID 0", "S: * 2 FETCH (UID 0 RFC822.SIZE 1 ENVELOPE NIL)\n", "-", (0, 2, "", true)),
        ("UID 0, all else well", &unnamed, "-", (0, 2, "two", true)),
        ("two UIDs", "S: * 2 FETCH (UID 7 UID 8 RFC822.SIZE 1 ENVELOPE NIL)\n", "-", (0, 2, "", true)),
    ] {
        // What was said stays so.
        let again = if again == "-" { second } else { again };
        let asked = if again.is_empty() {
            String::new()
        } else {
            format!("C: <tag> FETCH 2 {LITTLE}\n{again}S: <tag> OK x\n")
        };
        let text = format!("{start}{first}{second}{third}S: <tag2> OK x\n{asked}");
        let got = run(listed(&text, "X", Range::All)).unwrap();
        let mut got = rows(&got);
        got.sort_by_key(|row| row.1);
        assert_eq!(got, [(5, 1, "one", false), want, (9, 3, "three", false)], "{name}");
    }
}

/// Answers are checked against the question.
#[test]
fn no_message_comes_that_was_not_asked_for() {
    let row = |number: u32, uid: u32| {
        format!("S: * {number} FETCH (UID {uid} FLAGS () RFC822.SIZE 1 {})\n", envelope("x"))
    };
    let text = format!(
        "C: <tag> EXAMINE INBOX\nS: * 3 EXISTS\nS: <tag> OK x\nC: <tag> FETCH 2:3 {ITEMS}\n{}{}{}{}{}S: <tag> OK x\n",
        row(1, 5),
        row(2, 7),
        row(2, 7),
        row(3, 9),
        row(4, 11),
    );
    let got = run(listed(&text, "X", Range::Last(2))).unwrap();
    assert_eq!(rows(&got), [(7, 2, "x", false), (9, 3, "x", false)]);

    // Numbers move while they are told.
    let text = format!(
        "C: <tag1> EXAMINE INBOX\nC: <tag2> FETCH 1:* {ITEMS}\nS: * 3 EXISTS\nS: <tag1> OK x\n{}{}S: * 1 EXPUNGE\n{}S: <tag2> OK x\n",
        row(1, 5),
        row(2, 7),
        row(2, 9),
    );
    let got = run(listed(&text, "X", Range::All)).unwrap();
    assert_eq!(rows(&got), [(5, 1, "x", false), (7, 2, "x", false), (9, 2, "x", false)]);
}

/// What was not asked for has a bound without any setting: endless `* OK`, EXISTS or FETCH of other messages.
#[test]
fn what_nobody_asked_for_has_an_end() {
    let noise = "* OK still here and going on and on and on and on and on and on and on and on and on\r\n";
    let flood = noise.repeat(100).replace("\r\n", "\nS: ");
    let flood = format!("S: {}\n", flood.trim_end_matches("\nS: "));
    let text = format!("C: <tag> NOOP\n{}", flood.repeat(1_100));
    let servers = Servers::start("X", &[&text]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let error = wait!(imap.noop()).unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol, "{error}");
        assert!(error.to_string().contains("nobody asked for"), "{error}");
    });
    servers.give_up();
}

/// `watch` does not end on a junk line during IDLE: it reconnects. It keeps its place across runs.
#[test]
fn a_watch_goes_on_after_junk_and_from_where_it_was() {
    let open = "S: * 2 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT 10] x\nS: <tag> OK x\n\
                C: <tag> FETCH 1:2 (UID FLAGS)\nS: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 FETCH (UID 5 FLAGS ())\nS: <tag> OK x\n";
    let first =
        format!("C: <tag> EXAMINE INBOX\n{open}C: <tag> IDLE\nS: + idling\nS: (internal error 0x1f)\n");
    let second = format!(
        "C: <tag> EXAMINE INBOX\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: <tag> OK x\n\
         C: <tag> FETCH 1:3 (UID FLAGS)\nS: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 FETCH (UID 5 FLAGS ())\n\
         S: * 3 FETCH (UID 11 FLAGS ())\nS: <tag> OK x\n\
         C: <tag> FETCH 3 {ITEMS}\nS: * 3 FETCH (UID 11 FLAGS () RFC822.SIZE 1 {})\nS: <tag> OK x\n",
        envelope("new")
    );
    let servers = Servers::start("IDLE", &[&first, &second]);
    run(async {
        let mut watcher = wait!(servers.client.watch_with("INBOX", super::fallbacks::hasty())).unwrap();
        assert_eq!(watcher.position().unwrap().to_string(), "uidvalidity=7 next=10 told=");
        servers.go_on();
        assert_eq!(super::fallbacks::told(&mut watcher, 1).await, ["new 11 new"]);
        assert_eq!(watcher.position().unwrap().to_string(), "uidvalidity=7 next=12 told=");
    });
    servers.join();

    // The next run, with what came in between, and one of them told already.
    let later = format!(
        "C: <tag> EXAMINE INBOX\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: <tag> OK x\n\
         C: <tag> FETCH 1:3 (UID FLAGS)\nS: * 1 FETCH (UID 11 FLAGS ())\nS: * 2 FETCH (UID 12 FLAGS ())\n\
         S: * 3 FETCH (UID 13 FLAGS ())\nS: <tag> OK x\n\
         C: <tag> FETCH 2 {ITEMS}\nS: * 2 FETCH (UID 12 FLAGS () RFC822.SIZE 1 {})\nS: <tag> OK x\n",
        envelope("between")
    );
    let servers = Servers::start("IDLE", &[&later]);
    run(async {
        let position: Position = "uidvalidity=7 next=12 told=13".parse().unwrap();
        let options = super::fallbacks::hasty();
        let mut watcher = wait!(servers.client.resume_watch("INBOX", options, position)).unwrap();
        assert_eq!(super::fallbacks::told(&mut watcher, 1).await, ["new 12 between"]);
        assert_eq!(watcher.position().unwrap().to_string(), "uidvalidity=7 next=14 told=");
    });
    servers.join();

    // And of a folder that the server renumbered.
    let other = "C: <tag> EXAMINE INBOX\nS: * 0 EXISTS\nS: * OK [UIDVALIDITY 8] x\nS: * OK [UIDNEXT 4] x\nS: <tag> OK x\n";
    let servers = Servers::start("IDLE", &[other]);
    run(async {
        let position: Position = "uidvalidity=7 next=12 told=".parse().unwrap();
        let options = super::fallbacks::hasty();
        let mut watcher = wait!(servers.client.resume_watch("INBOX", options, position)).unwrap();
        assert_eq!(super::fallbacks::told(&mut watcher, 1).await, ["renumbered 8"]);
        assert_eq!(watcher.position().unwrap().to_string(), "uidvalidity=8 next=4 told=");
    });
    servers.join();
}

/// `watch` tries a first connection again with `--retry`.
#[test]
fn a_first_connection_is_tried_again_if_that_is_wanted() {
    let text = format!(
        "C: <tag> EXAMINE INBOX\nS: * 0 EXISTS\nS: * OK [UIDVALIDITY 8] x\nS: <tag> OK x\n\
         C: <tag> IDLE\nS: + idling\nS: * 1 EXISTS\nC: DONE\nS: <tag> OK x\n\
         C: <tag> FETCH 1 {ITEMS}\nS: * 1 FETCH (UID 4 FLAGS () RFC822.SIZE 1 {})\nS: <tag> OK x\n",
        envelope("first")
    );
    let servers = Servers::start("IDLE", &[&text]);
    run(async {
        let mut options = super::fallbacks::hasty();
        servers.proxy.refuse();
        let first = wait!(servers.client.watch_with("INBOX", options));
        assert!(first.is_err_and(|error| error.is_transient()));
        options.retry = true;
        let mut watcher = wait!(servers.client.watch_with("INBOX", options)).unwrap();
        assert_eq!(watcher.position(), None, "it was not open yet");
        assert!(matches!(wait!(watcher.next()).unwrap(), mailbearer::News::Interrupted { .. }));
        servers.proxy.accept();
        assert_eq!(super::fallbacks::told(&mut watcher, 1).await, ["new 4 first"]);
    });
    servers.join();
}

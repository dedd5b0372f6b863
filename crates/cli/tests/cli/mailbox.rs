//! What is done with a mailbox: folders, searching, parts, appending, copying, moving, flags, deleting.

use std::fs;

use mailbearer_mock::memory::{Options, Personality};
use serde_json::Value;

use crate::harness::{World, finish};

/// The last words of lines.
fn last_words(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.rsplit(' ').next().unwrap()).collect()
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn uids(world: &World, folder: &str) -> Vec<u32> {
    world.server.mailbox().messages(folder).iter().map(|message| message.uid).collect()
}

/// A mailbox with some messages in its inbox, named by their numbers.
fn filled(count: u32) -> World {
    let world = World::new();
    for number in 1..=count {
        world.deliver(format!("From: a{number}@x.test\r\nSubject: number {number}\r\n\r\nx"));
    }
    world
}

#[test]
fn folders_with_role_and_counts() {
    let world = filled(3);
    world.server.mailbox().set_flags("INBOX", 2, vec!["\\Seen".into()]);
    let want = "Deleted Items  trash        0 messages       0 unseen\n\
                Drafts         drafts       0 messages       0 unseen\n\
                INBOX          inbox        3 messages       2 unseen\n\
                Junk Email     junk         0 messages       0 unseen\n\
                Sent Items     sent         0 messages       0 unseen\n";
    assert_eq!(world.run(&["folders"]).ok(), want);
    assert_eq!(
        world.run(&["folders", "--counts", "Dr*"]).ok(),
        "Drafts  drafts       0 messages       0 unseen\n"
    );
    assert_eq!(world.run(&["folders", "Nothing*"]).ok(), "");
    let inbox = objects(&world.run(&["folders", "inbox", "--json"]).ok()).remove(0);
    for (key, value) in [
        ("name", Value::from("INBOX")),
        ("role", "inbox".into()),
        ("messages", 3.into()),
        ("unseen", 2.into()),
        ("delimiter", "/".into()),
        ("selectable", true.into()),
    ] {
        assert_eq!(inbox[key], value, "{key} of {inbox}");
    }
}

#[test]
fn searches_and_shows_what_is_found() {
    // Exchange's servers search for nothing but ASCII.
    let mut options = Options::default();
    options.personality = Personality::Dovecot;
    let world = World::with(options);
    let mailbox = world.server.mailbox();
    let rows = [
        (
            "From: Ann <ann@x.test>\r\nSubject: first two\r\nDate: Mon, 5 Jan 2026 06:30:00 +0000\r\n\r\nalpha",
            vec![],
            1,
        ),
        ("From: Bob <bob@x.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nbeta", vec!["\\Seen"], 2),
        (
            "From: Ann <ann@x.test>\r\nTo: bob@x.test\r\nSubject: third\r\n\r\nalpha beta",
            vec!["\\Flagged", "Work"],
            3,
        ),
    ];
    for (text, flags, day) in rows {
        let flags = flags.into_iter().map(ToOwned::to_owned).collect();
        // The first days of 2026.
        mailbox.append("INBOX", flags, (1_767_225_600 + (day - 1) * 86_400, 0), text.as_bytes()).unwrap();
    }
    let rows: &[(&[&str], &[u32])] = &[
        (&["--search", "from:ann"], &[1, 3]),
        (&["--search", "from:ann text:beta"], &[3]),
        (&["--search", "subject:\"first two\""], &[1]),
        (&["--search", "subject:Grüße"], &[2]),
        (&["--search", "from:bob or to:bob"], &[2, 3]),
        (&["--search", "-from:ann"], &[2]),
        (&["--search", "unseen"], &[1, 3]),
        (&["--search", "flagged keyword:work"], &[3]),
        (&["--search", "uid:2:*"], &[2, 3]),
        (&["--search", "since:2026-01-02 before:2026-01-03"], &[2]),
        (&["--search", "sent-on:2026-01-05"], &[1]),
        (&["--search", "larger:1M"], &[]),
        (&["--search", "smaller:1k"], &[1, 2, 3]),
        (&["--search", "header:To="], &[3]),
        (&["--search", "imap:OR SEEN (FLAGGED TEXT \"alpha\")"], &[2, 3]),
        (&["--search", "subject:\"x\r\na DELETE Drafts\""], &[]),
        (&["--search", "subject:{3}"], &[]),
        (&["--since", "2026-01-02"], &[2, 3]),
        (&["--since", "2026-01-02", "--search", "from:ann"], &[3]),
        (&["--since", "2026-01-01", "--limit", "2"], &[2, 3]),
        (&["--search", "all", "--limit", "1"], &[3]),
    ];
    for (arguments, want) in rows {
        let listed = world.run(&[&["list", "--json"], *arguments].concat()).ok();
        let found: Vec<u64> = objects(&listed).iter().map(|object| object["uid"].as_u64().unwrap()).collect();
        assert_eq!(found, want.iter().map(|uid| u64::from(*uid)).collect::<Vec<_>>(), "{arguments:?}");
    }
    // A search shows the same as a listing.
    for json in ["--json", "--trace"] {
        let [all, found] =
            [&["list", json][..], &["list", "--search", "all", json]].map(|arguments| world.run(arguments));
        assert_eq!((all.code, &all.stdout), (Some(0), &found.stdout));
        assert_eq!(all.stdout.lines().count(), 3);
    }
    let messages = world.server.mailbox().messages("INBOX");
    assert!(!messages[0].has_flag("\\Seen"), "looking does not mark as read");
    let outcome = world.run(&["list", "--search", "form:ann"]);
    outcome
        .failed(64, &["error: --search: form: no such key", "hint: `mailbearer list --help` lists the keys"]);
}

#[test]
fn many_found_messages_are_listed_in_pieces() {
    let world = World::new();
    for number in 0..1500 {
        world.deliver(format!("Subject: {}\r\n\r\nx", if number % 2 == 0 { "even" } else { "odd" }));
    }
    let listed = world.run(&["list", "--search", "subject:odd", "--json"]).ok();
    let found: Vec<u64> = objects(&listed).iter().map(|object| object["uid"].as_u64().unwrap()).collect();
    assert_eq!(found, (1..=750).map(|number| number * 2).collect::<Vec<u64>>());
}

const PARTS: &str = "Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    Gr=C3=BC=\r\n=C3=9Fe =20\r\n\r\n\
    --b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBE\r\nRgA=\r\n\
    --b\r\nContent-Type: text/plain\r\n\r\n\r\n\
    --b--\r\n";

#[test]
fn parts_of_a_message() {
    let world = World::new();
    let uid = world.deliver(PARTS).to_string();
    let fetch = |arguments: &[&str]| world.run(&[&["fetch", "INBOX", &uid], arguments].concat());
    let tree = fetch(&["--structure"]).ok();
    assert_eq!(
        tree,
        "          multipart/mixed\n\
         1           text/plain  utf-8  quoted-printable  24 octets\n\
         2           application/pdf  base64  10 octets  \"a.pdf\"\n\
         3           text/plain  7bit  0 octets\n"
    );
    let parts = objects(&fetch(&["--structure", "--json"]).ok());
    assert_eq!(
        (&parts[2]["part"], &parts[2]["type"], &parts[2]["name"]),
        (&"2".into(), &"application/pdf".into(), &"a.pdf".into())
    );
    assert_eq!(fetch(&["--part", "1"]).ok(), "Gr=C3=BC=\r\n=C3=9Fe =20\r\n");
    assert_eq!(fetch(&["--part", "1", "--decode"]).ok(), "Grüße  \r\n");
    assert_eq!(fetch(&["--part", "2", "--decode", "-o", "a.pdf"]).ok(), "");
    assert_eq!(fs::read(world.path("a.pdf")).unwrap(), b"%PDF\0");
    let told = objects(&fetch(&["--part", "2", "--decode", "-o", "a.pdf", "--json"]).ok());
    assert_eq!(told[0]["octets"], 5, "as many as were written");
    assert_eq!(fetch(&["--part", "3"]).ok(), "", "an empty part is there");
    assert!(
        fetch(&["--part", "2", "--headers"])
            .ok()
            .starts_with("Content-Type: application/pdf; name=\"a.pdf\"\r\n")
    );
    let headers = fetch(&["--headers"]).ok();
    assert_eq!(headers, PARTS.split_once("--b").unwrap().0);
    let missing = ["error: message 1 in \"INBOX\" has no part 4.1", "hint: --structure shows which it has"];
    for arguments in
        [&["--part", "4.1"][..], &["--part", "4.1", "--decode"], &["--part", "4.1", "-o", "none"]]
    {
        fetch(arguments).failed(66, &missing);
    }
    assert!(!world.path("none").exists());
    for arguments in [
        &["--structure"][..],
        &["--headers"],
        &["--part", "1"],
        &["--part", "1", "--decode"],
        &["--structure", "--json"],
    ] {
        world
            .run(&[&["fetch", "INBOX", "99"], arguments].concat())
            .failed(66, &["…no message with UID 99 in …INBOX…"]);
    }
    assert!(!world.server.mailbox().messages("INBOX")[0].has_flag("\\Seen"));
}

/// What can't be decoded is told, and nothing of it is written as if it were.
#[test]
fn a_part_in_an_encoding_that_nobody_knows_is_not_decoded() {
    let world = World::new();
    let odd = "Subject: odd\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: x-odd\r\n\r\n=41\r\n";
    let uid = world.deliver(odd).to_string();
    let fetch =
        |arguments: &[&str]| world.run(&[&["fetch", "INBOX", &uid, "--part", "1"], arguments].concat());
    for arguments in [&["--decode"][..], &["--decode", "-o", "none"], &["--decode", "--json", "-o", "none"]] {
        let outcome = fetch(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(65), ""), "{outcome:?}");
        assert!(
            outcome.stderr.contains("x-odd") && outcome.stderr.contains("which is not known"),
            "{outcome:?}"
        );
        assert!(outcome.stderr.contains("without --decode it is written as it is"), "{outcome:?}");
    }
    assert!(!world.path("none").exists());
    assert_eq!(fetch(&[]).ok(), "=41\r\n");
}

#[test]
fn appends_from_a_file_and_from_a_pipe() {
    let world = World::new();
    let text = "From: a@x.test\nSubject: Gr\u{fc}\u{df}e\n\nhello\n";
    let want = text.replace('\n', "\r\n");
    fs::write(world.path("m.eml"), text).unwrap();
    assert_eq!(world.run(&["append", "INBOX", "m.eml"]).ok(), "appended  INBOX  1\n");
    assert_eq!(world.run_with(&["append", "INBOX"], text).ok(), "appended  INBOX  2\n");
    let date = "2026-01-31T18:30:05+01:00";
    let arguments = [
        "append", "Drafts", "-", "--flag", "draft", "--flag", "\\Seen", "--flag", "Work", "--date", date,
        "--json",
    ];
    let told = objects(&world.run_with(&arguments, text).ok()).remove(0);
    assert_eq!(
        (&told["folder"], &told["uid"], &told["octets"]),
        (&"Drafts".into(), &1.into(), &want.len().into())
    );
    assert!(told["uid_validity"].is_u64(), "{told}");
    for message in world.server.mailbox().messages("INBOX") {
        assert_eq!(*message.octets, *want.as_bytes());
        assert_eq!(message.flags, [""; 0]);
    }
    let message = world.server.mailbox().messages("Drafts").remove(0);
    assert_eq!(message.flags, ["\\Draft", "\\Seen", "Work"]);
    assert_eq!(message.internal_date, (1_769_880_605, 60));
    world
        .run_with(&["append", "Nowhere"], text)
        .failed(66, &["error: IMAP: NO [TRYCREATE] …", "hint: …`mailbearer folders` shows which there are"]);
    world.run_with(&["append", "INBOX"], "").failed(65, &["error: the message can't be stored: it is empty"]);
    world
        .run_with(&["append", "INBOX"], "a\0b")
        .failed(65, &["error: the message can't be stored: it holds a NUL, which IMAP does not carry"]);
    world.run(&["append", "INBOX", "none.eml"]).failed(66, &["error: cannot read the message none.eml: …"]);
    assert_eq!(uids(&world, "INBOX"), [1, 2]);
}

#[test]
fn copies_and_moves_and_says_where_to() {
    let world = filled(9);
    world.server.mailbox().remove("INBOX", 5);
    assert_eq!(
        world.run(&["copy", "INBOX", "1,4:6", "Drafts"]).ok(),
        "copied         1  Drafts  1\ncopied         4  Drafts  2\ncopied         6  Drafts  3\n"
    );
    assert_eq!(uids(&world, "INBOX"), [1, 2, 3, 4, 6, 7, 8, 9]);
    let moved = objects(&world.run(&["move", "INBOX", "*", "Sent Items", "--json"]).ok());
    assert_eq!(
        (&moved[0]["uid"], &moved[0]["folder"], &moved[0]["new_uid"]),
        (&9.into(), &"Sent Items".into(), &1.into())
    );
    assert!(moved[0]["new_uid_validity"].is_u64() && moved.len() == 1);
    let outcome = world.run(&["move", "INBOX", "7,5,99,8", "Drafts"]);
    assert_eq!(outcome.stdout, "moved          7  Drafts  4\nmoved          8  Drafts  5\n");
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(66), "error: no message with UID 5,99 in \"INBOX\"\nhint: the others are moved\n")
    );
    assert_eq!((uids(&world, "INBOX"), uids(&world, "Drafts")), (vec![1, 2, 3, 4, 6], vec![1, 2, 3, 4, 5]));
    // IMAP's own meaning of it would be the last message.
    for command in ["copy", "move"] {
        world
            .run(&[command, "INBOX", "7:*", "Drafts"])
            .failed(66, &["error: no message with UID 7:* in \"INBOX\""]);
        world
            .run(&[command, "Junk Email", "*", "Drafts"])
            .failed(66, &["error: no message in \"Junk Email\""]);
        world
            .run(&[command, "INBOX", "1", "Nowhere"])
            .failed(66, &["error: IMAP: NO [TRYCREATE] …", "hint: …"]);
        world
            .run(&[command, "Nowhere", "1", "INBOX"])
            .failed(66, &["error: IMAP: NO [NONEXISTENT] …", "hint: …"]);
    }
    assert_eq!((uids(&world, "INBOX"), uids(&world, "Drafts")), (vec![1, 2, 3, 4, 6], vec![1, 2, 3, 4, 5]));
}

#[test]
fn many_messages_are_moved_in_pieces() {
    let world = World::new();
    for number in 0..1000 {
        let flags = if number % 2 == 0 { Vec::new() } else { vec!["Gone".to_owned()] };
        world.server.mailbox().append("INBOX", flags, (0, 0), *b"Subject: x\r\n\r\nx").unwrap();
    }
    for uid in (1..=1000).step_by(2) {
        world.server.mailbox().remove("INBOX", uid);
    }
    let moved = world.run(&["move", "INBOX", "1:*", "Drafts"]).ok();
    assert_eq!(moved.lines().count(), 500);
    assert!(moved.ends_with("moved       1000  Drafts  500\n"), "{moved}");
    assert_eq!((uids(&world, "INBOX").len(), uids(&world, "Drafts").len()), (0, 500));
}

#[test]
fn flags_are_changed_and_shown() {
    let world = filled(3);
    assert_eq!(
        world.run(&["flag", "INBOX", "1:2", "--add", "seen,Work", "--add", "flagged"]).ok(),
        "flagged        1  \\Seen Work \\Flagged\nflagged        2  \\Seen Work \\Flagged\n"
    );
    assert_eq!(
        world.run(&["flag", "INBOX", "1", "--remove", "\\Seen", "--add", "answered"]).ok(),
        "flagged        1  Work \\Flagged \\Answered\n"
    );
    assert_eq!(world.run(&["flag", "INBOX", "2", "--set", ""]).ok(), "flagged        2\n");
    world
        .run(&["flag", "INBOX", "2", "--add", "draft,seen", "--remove", "\\Seen"])
        .failed(64, &["error: \\Seen can't be both added and removed"]);
    let told = objects(&world.run(&["flag", "INBOX", "2", "--set", "draft", "--json"]).ok());
    assert_eq!(told[0].to_string(), "{\"flags\":[\"\\\\Draft\"],\"uid\":2}");
    let outcome = world.run(&["flag", "INBOX", "3,4", "--add", "seen"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(66), "flagged        3  \\Seen\n"));
    assert_eq!(outcome.stderr, "error: no message with UID 4 in \"INBOX\"\nhint: the others are changed\n");
    let flags: Vec<_> =
        world.server.mailbox().messages("INBOX").into_iter().map(|message| message.flags).collect();
    assert_eq!(flags, [vec!["Work", "\\Flagged", "\\Answered"], vec!["\\Draft"], vec!["\\Seen"]]);
}

#[test]
fn deletes_to_the_trash_or_for_good() {
    let world = filled(5);
    world.server.mailbox().set_flags("INBOX", 4, vec!["\\Deleted".into()]);
    assert_eq!(
        world.run(&["delete", "INBOX", "1:2"]).ok(),
        "deleted        1  Deleted Items  1\ndeleted        2  Deleted Items  2\n"
    );
    assert_eq!(world.run(&["delete", "INBOX", "3", "--expunge"]).ok(), "removed        3\n");
    assert_eq!(uids(&world, "INBOX"), [4, 5], "another one that is flagged so stays");
    world
        .run(&["delete", "Deleted Items", "1"])
        .failed(64, &["error: \"Deleted Items\" is the trash", "hint: --expunge removes messages for good"]);
    let told = objects(&world.run(&["delete", "Deleted Items", "1:*", "--expunge", "--json"]).ok());
    assert_eq!(told.len(), 2);
    assert_eq!((&told[0]["uid"], &told[0]["folder"]), (&1.into(), &Value::Null));
    assert_eq!(uids(&world, "Deleted Items"), [0; 0]);
    world.run(&["delete", "INBOX", "9:*"]).failed(66, &["error: no message with UID 9:* in \"INBOX\""]);
    world
        .run(&["delete", "INBOX", "1:3", "--expunge"])
        .failed(66, &["error: no message with UID 1:3 in \"INBOX\""]);
    let listed = world.run(&["list"]).ok();
    assert_eq!(last_words(&listed), ["4", "5"]);
}

/// `TZ=Asia/Shanghai` is not silently UTC.
#[test]
fn dates_are_those_of_the_time_zone() {
    let world = World::new().set("TZ", "Asia/Shanghai");
    world.deliver("From: a@x.test\r\nSubject: x\r\nDate: Tue, 24 Nov 2026 20:30:00 +0100\r\n\r\nx");
    assert_eq!(world.run(&["list"]).ok(), "      1  2026-11-25 03:30  a@x.test                      x\n");
    let world = World::new().set("TZ", "Mars/Phobos");
    let outcome = world.run(&["list"]);
    assert!(outcome.stderr.starts_with("warning: the time zone "), "{outcome:?}");
}

/// On a terminal of 40, 80 and 120 columns, which `script` makes.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_neither_overrun_nor_steered() {
    let (world, date) = (World::new(), "Date: Tue, 24 Nov 2026 06:30:00 +0000\r\n\r\n");
    world.deliver(format!(
        "From: a@x.test\r\nSubject: a subject that is long\r\n{date}\x1b]0;title\x07gr\u{fc}\u{df}e\r\n"
    ));
    world.deliver(format!("From: b@x.test\r\nSubject: y\r\n{date}binary \0"));
    world.server.mailbox().set_flags("INBOX", 2, vec!["\\Seen".into()]);
    let wide = "关于明天的会议请查收附件中的发票";
    world.deliver(format!(
        "From: 张三 <c@x.test>\r\nSubject: {wide}\r\nContent-Type: multipart/mixed; boundary=b\r\n{date}\
         --b\r\n\r\nhi\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b--\r\n"
    ));
    world.server.mailbox().set_flags("INBOX", 3, vec!["\\Flagged".into()]);
    let run_in = |columns: usize, arguments: &str| {
        let stty = format!("stty rows 24 cols {columns}");
        let script = format!("script -qec '{stty}; \"$mailbearer\" {arguments}' /dev/null");
        finish(world.shell(&script), b"").stdout.replace("\r\n", "\n")
    };
    let run = |arguments: &str| run_in(40, arguments);
    assert_eq!(
        run("list"),
        "      1 *   2026-11-24  a@x.…  a subjec…\n      2     2026-11-24  b@x.…  y\n      3 *!@ 2026-11-24  张三   关于明天…\n"
    );
    for (columns, from) in [(80, 16), (120, 28)] {
        let line = |marks: &str, from: String, subject: &str| {
            format!("{marks} 2026-11-24 06:30  {from}  {subject}\n")
        };
        let name = format!("张三{}", " ".repeat(from - 4));
        assert_eq!(
            run_in(columns, "list"),
            line("      1 *  ", format!("{:from$}", "a@x.test"), "a subject that is long")
                + &line("      2    ", format!("{:from$}", "b@x.test"), "y")
                + &line("      3 *!@", name, wide)
        );
    }
    let piped = finish(world.shell("\"$mailbearer\" list | cat"), b"").stdout;
    assert!(
        piped.ends_with(&format!("      3  2026-11-24 06:30  张三{}  {wide}\n", " ".repeat(24))),
        "{piped}"
    );
    let shown = run("fetch INBOX 1");
    assert!(shown.ends_with("\n\n\\x1b]0;title\\x07gr\u{fc}\u{df}e\n"), "{shown:?}");
    let refused = run("fetch INBOX 2");
    assert!(refused.contains("error: this is no text for a terminal\nhint: "), "{refused:?}");
    // What is no terminal gets each octet.
    let piped = finish(world.shell("\"$mailbearer\" fetch INBOX 1 | od -An -c"), b"").stdout;
    assert!(piped.contains("033"), "{piped}");
}

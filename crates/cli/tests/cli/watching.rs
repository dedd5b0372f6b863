//! `watch`: news as they come, across broken connections and tokens that run out.
#![cfg(unix)]

use std::fs;

use mailbearer::{Account, Security, Server, blocking::Imap};

use crate::harness::{Relay, Running, World, finish};

fn message(subject: &str) -> String {
    format!("From: Ann <ann@x.test>\r\nSubject: {subject}\r\nDate: Tue, 24 Nov 2026 06:30:00 +0000\r\n\r\nx")
}

#[test]
fn tells_of_new_messages_whatever_happens_to_the_connection() {
    for token_runs_out in [false, true] {
        let world = World::new();
        world.deliver(message("old"));
        let relay = Relay::new(world.server.ports().imaps);
        let mut command = world.command(&["watch", "--trace"]);
        command.env("MAILBEARER_IMAP_PORT", relay.port.to_string());
        let mut watch = Running::start(command);
        let mut said = watch.wait_for("< + IDLE");
        world.deliver(message("one"));
        assert_eq!(watch.line(), "      2  2026-11-24 06:30  Ann                           one");
        if token_runs_out {
            world.server.tokens().expire_all();
        } else {
            relay.cut();
        }
        world.deliver(message("two \u{1b}[2J"));
        assert_eq!(watch.line(), "      3  2026-11-24 06:30  Ann                           two \\x1b[2J");
        // It listens again.
        said.extend(watch.wait_for("AUTHENTICATE"));
        said.extend(watch.wait_for("< + IDLE"));
        world.deliver(message("three"));
        assert_eq!(watch.line(), "      4  2026-11-24 06:30  Ann                           three");
        assert_eq!(world.server.tokens().issued(), 1 + usize::from(token_runs_out));
        let outcome = watch.stop();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(130), ""));
        let stderr = format!("{}\n{}", said.join("\n"), outcome.stderr);
        for word in ["warning: ", "error: "] {
            assert!(!stderr.contains(word), "what is mended at once is not told: {stderr}");
        }
        world.check_for_secrets(&stderr);
    }
}

/// A device would be read for ever.
#[test]
fn a_place_is_kept_in_a_file() {
    let world = World::new();
    for place in ["/dev/zero", "/"] {
        world
            .run(&["watch", "--state", place])
            .failed(66, &[&format!("error: cannot read the state {place}: it is no file")]);
    }
}

/// Stopped while news come in, it loses no message, and its place is whole. The place is written after the line is out, so
/// the last line before the signal may come once more.
#[test]
fn goes_on_after_a_signal_where_it_was() {
    let world = World::new();
    let (mut told, mut delivered) = (Vec::new(), 0);
    for (round, signal) in ["TERM", "HUP", "INT", "TERM", "TERM", "TERM"].into_iter().enumerate() {
        let mut watch = Running::start(world.command(&["watch", "--state", "place", "--trace"]));
        watch.wait_for("< + IDLE");
        for _ in 0..5 {
            world.deliver(message(&format!("number {delivered}")));
            delivered += 1;
        }
        for _ in 0..round {
            told.push(watch.line());
        }
        let outcome = watch.stop_by(signal);
        assert_eq!(outcome.code, Some(130), "{signal}: {}", outcome.stderr);
        told.extend(outcome.stdout.lines().map(str::to_owned));
        let names: Vec<String> =
            world.names("").into_iter().filter(|name| name.starts_with("place")).collect();
        assert_eq!(names.iter().filter(|name| *name != "place").count(), 0, "{names:?}");
    }
    let mut watch = Running::start(world.command(&["watch", "--state", "place"]));
    told.dedup();
    while told.len() < delivered {
        told.push(watch.line());
        told.dedup();
    }
    assert_eq!(watch.stop().stdout, "");
    for (number, line) in told.iter().enumerate() {
        assert!(line.ends_with(&format!("  number {number}")), "{told:#?}");
    }
}

/// The place is written after the line is out, and a line that can't be written is not out.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_no_message() {
    let world = World::new();
    let place = || fs::read_to_string(world.path("place")).unwrap();
    let watch = Running::start(world.command(&["watch", "--state", "place", "--trace"]));
    watch.wait_for("< + IDLE");
    watch.stop();
    let before = place();
    world.deliver(message("one"));
    let outcome = finish(world.shell("exec \"$mailbearer\" watch --state place >/dev/full"), b"");
    assert_eq!(outcome.code, Some(74));
    assert!(outcome.stderr.ends_with("No space left on device (os error 28)\n"), "{outcome:?}");
    assert_eq!(place(), before);
    // Nor is there room for the place: the message is told, and will be told again.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$mailbearer\" watch --state place | cat";
    let outcome = finish(world.shell(script), b"");
    assert_eq!(
        outcome.stdout, "      1  2026-11-24 06:30  Ann                           one\n",
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("error: cannot write place: File too large"), "{outcome:?}");
    assert_eq!(place(), before);
    let mut watch = Running::start(world.command(&["watch", "--state", "place"]));
    assert!(watch.line().ends_with("  one"));
    assert_eq!(watch.stop().code, Some(130));
}

/// What it has told counts for nothing in a folder that the server renumbered between two runs, and it says so.
#[test]
fn a_folder_that_was_renumbered_between_two_runs_is_told() {
    let world = World::new();
    let mock = &world.server;
    let account = Account::custom(mock.user(), mock.token_url(), mock.scope());
    let account =
        account.client_credentials(mock.client_id(), mock.client_secret()).ca_pem(mock.ca_pem()).unwrap();
    let account = account.imap(Server::new("localhost", mock.ports().imaps, Security::Implicit));
    let mut imap = account.blocking().unwrap().connect_imap().unwrap();
    let watched = |imap: &mut Imap, delivered: &[&str]| {
        let mut watch = Running::start(world.command(&["watch", "Drafts", "--state", "place", "--trace"]));
        let said = watch.wait_for("< + IDLE");
        for subject in delivered {
            imap.append("Drafts", &[], None, message(subject).as_bytes()).unwrap();
            let mut line = watch.line();
            // The last one of the run before may come once more.
            if !line.ends_with(&format!("  {subject}")) {
                line = watch.line();
            }
            assert!(line.ends_with(&format!("  {subject}")), "{line}");
        }
        let outcome = watch.stop();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(130), ""));
        (said.join("\n") + &outcome.stderr, fs::read_to_string(world.path("place")).unwrap())
    };
    let (said, before) = watched(&mut imap, &["one", "two"]);
    assert!(!said.contains("renumbered"), "{said}");
    imap.delete("Drafts").unwrap();
    imap.create("Drafts").unwrap();
    let (said, after) = watched(&mut imap, &["three"]);
    assert!(said.contains("warning: the server renumbered this folder"), "{said}");
    assert_ne!(after.split("uidvalidity=").nth(1).unwrap(), before.split("uidvalidity=").nth(1).unwrap());
    let (said, _) = watched(&mut imap, &["four"]);
    assert!(!said.contains("renumbered"), "{said}");
}

#[test]
fn says_that_the_server_is_away() {
    let world = World::new();
    let relay = Relay::new(world.server.ports().imaps);
    let mut command = world.command(&["watch", "--trace"]);
    command.env("MAILBEARER_IMAP_PORT", relay.port.to_string());
    let mut watch = Running::start(command);
    watch.wait_for("< + IDLE");
    relay.refuse(true);
    relay.cut();
    let said = watch.wait_for("connecting again in ").pop().unwrap();
    assert!(said.starts_with("warning: IMAP: ") && said.ends_with(" s"), "{said}");
    relay.refuse(false);
    world.deliver(message("two"));
    assert!(watch.line().ends_with("  two"));
    assert_eq!(watch.stop().code, Some(130));
}

#[test]
fn tells_of_flags_and_of_messages_that_go_if_asked() {
    let world = World::new();
    let first = world.deliver(message("first"));
    let mut watch = Running::start(world.command(&["watch", "INBOX", "--all", "--json", "--trace"]));
    watch.wait_for("< + IDLE");
    let mailbox = world.server.mailbox();
    let uid = world.deliver(message("Grüße"));
    let want = "{\"address\":\"ann@x.test\",\"answered\":false,\"cc\":[],\"date\":\"2026-11-24T06:30:00Z\",\
                \"event\":\"arrived\",\"flagged\":false,\"from\":\"Ann\",\"in_reply_to\":null,\"message_id\":null,\
                \"reply_to\":[{\"address\":\"ann@x.test\",\"name\":\"Ann\"}],\"seen\":false,\"size\":84,\
                \"subject\":\"Grüße\",\"to\":[],\"uid\":2}";
    assert_eq!(watch.line(), want);
    mailbox.set_flags("INBOX", uid, vec!["\\Seen".into(), "Work".into()]);
    assert_eq!(watch.line(), "{\"event\":\"flags\",\"flags\":[\"\\\\Seen\",\"Work\"],\"uid\":2}");
    mailbox.remove("INBOX", first);
    assert_eq!(watch.line(), "{\"event\":\"expunged\",\"uid\":1}");
    assert_eq!(watch.stop().code, Some(130));
    let mut watch = Running::start(world.command(&["watch", "--all", "--trace"]));
    watch.wait_for("< + IDLE");
    mailbox.set_flags("INBOX", uid, Vec::new());
    assert_eq!(watch.line(), "      2  flags");
    mailbox.remove("INBOX", uid);
    assert_eq!(watch.line(), "      2  expunged");
    assert_eq!(watch.stop().code, Some(130));
    // Without being asked it does not.
    let mut watch = Running::start(world.command(&["watch", "--json", "--trace"]));
    let third = world.deliver(message("third"));
    watch.wait_for("< + IDLE");
    mailbox.set_flags("INBOX", third, vec!["\\Seen".into()]);
    mailbox.remove("INBOX", third);
    world.deliver(message("fourth"));
    let line = watch.line();
    assert!(line.contains("\"subject\":\"fourth\"") && !line.contains("event"), "{line}");
    assert_eq!(watch.stop().code, Some(130));
}

/// `watch` goes on with what a new connection can mend, and with nothing else.
#[test]
fn ends_where_waiting_does_not_help() {
    let world = World::new();
    world.run(&["watch", "No such folder"]).failed(
        66,
        &["error: IMAP: NO [NONEXISTENT] …", "hint: …`mailbearer folders` shows which there are"],
    );
    world.server.tokens().fail_logins(2);
    world.run(&["watch"]).failed(77, &["error: IMAP: …", "hint: the token was not accepted: …"]);
    // The user is let in no more.
    let watch = Running::start(world.command(&["watch", "--trace"]));
    watch.wait_for("< + IDLE");
    world.server.tokens().fail_logins(9);
    world.server.tokens().expire_all();
    let mut child = watch.child;
    assert_eq!(child.0.wait().unwrap().code(), Some(77));
}

#[test]
fn a_reader_that_had_enough_ends_it() {
    let world = World::new();
    let mut watch = Running::start(world.command(&["watch", "--trace"]));
    watch.wait_for("< + IDLE");
    world.deliver(message("one"));
    assert!(watch.line().ends_with("one"));
    let Running { mut child, stdout, .. } = watch;
    drop(stdout);
    world.deliver(message("two"));
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

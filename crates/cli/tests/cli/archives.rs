//! Many messages into a Maildir, an mbox file or a folder: each once, whatever happens in between.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::harness::{World, finish, names, stalling};

const COUNT: u32 = 2_100;
/// The one that is larger than is held.
const LARGE: u32 = 1_500;

/// As it is on the server, with every kind of line end.
fn message(number: u32) -> String {
    let more = match number {
        LARGE => "From 0123456789\r\n".repeat(100_000),
        3 => "From here\r\n>From there\r\nno end".into(),
        _ => String::new(),
    };
    format!("From: a{number}@x.test\r\nSubject: number {number}\r\n\r\nbody of {number}\r\n{more}")
}

fn filled() -> World {
    let world = World::new();
    (1..=COUNT).for_each(|number| assert_eq!(world.deliver(message(number)), number));
    world
}

/// Each way to keep messages, and how to read them back.
type Kind = (&'static str, &'static str, fn(&Path) -> BTreeMap<u32, Vec<String>>);

const KINDS: [Kind; 3] =
    [("--maildir", "Mail", maildir), ("--mbox", "all.mbox", mbox), ("--directory", "eml", directory)];

fn directory(path: &Path) -> BTreeMap<u32, Vec<String>> {
    read(path, |name| name.strip_suffix(".eml")?.parse().ok())
}

fn maildir(path: &Path) -> BTreeMap<u32, Vec<String>> {
    assert_eq!(names(&path.join("tmp")), [""; 0]);
    read(&path.join("cur"), |name| name.split('.').nth(1)?.parse().ok())
}

fn read(folder: &Path, uid: impl Fn(&str) -> Option<u32>) -> BTreeMap<u32, Vec<String>> {
    let mut found = BTreeMap::<u32, Vec<String>>::new();
    for name in names(folder) {
        if !name.starts_with(".mailbearer") {
            let uid = uid(&name).unwrap_or_else(|| panic!("{name}"));
            found.entry(uid).or_default().push(fs::read_to_string(folder.join(name)).unwrap());
        }
    }
    found
}

/// Reads it by the rule alone: a line `From ` behind an empty one begins a message.
fn mbox(path: &Path) -> BTreeMap<u32, Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = BTreeMap::<u32, Vec<String>>::new();
    for message in text.split("\n\nFrom MAILER-DAEMON ") {
        let message = message.split_once('\n').unwrap().1;
        let unquoted = |line: &str| match line.trim_start_matches('>').starts_with("From ") {
            true => line.strip_prefix('>').unwrap().to_owned(),
            false => line.to_owned(),
        };
        let lines: Vec<String> = message.lines().map(unquoted).collect();
        let number = lines[1].rsplit(' ').next().unwrap().parse().unwrap();
        found.entry(number).or_default().push(lines.join("\n").trim_end().to_owned());
    }
    found
}

fn want(kind: &str, number: u32) -> String {
    match kind {
        "--directory" => message(number),
        "--maildir" => message(number).replace("\r\n", "\n"),
        _ => message(number).replace("\r\n", "\n").trim_end().to_owned(),
    }
}

fn check(kind: &str, found: &BTreeMap<u32, Vec<String>>) {
    for (number, messages) in found {
        assert!(matches!(&messages[..], [one] if *one == want(kind, *number)), "{kind}: {number}");
    }
}

/// Whether a window of messages was committed.
fn has_some(kind: &str, place: &Path) -> bool {
    match kind {
        "--mbox" => {
            let state = fs::read_to_string(format!("{}.mailbearer", place.display()));
            state.is_ok_and(|state| state.contains("\"uids\":\"1:"))
        }
        "--maildir" => names(&place.join("cur")).len() >= 1_000,
        _ => place.is_dir() && names(place).iter().filter(|name| name.ends_with(".eml")).count() >= 1_000,
    }
}

#[test]
fn every_message_is_fetched_once_through_any_number_of_kills() {
    let world = filled();
    for (kind, place, read) in KINDS {
        let (place, mut before) = (world.path(place), 0);
        // A handshake and a part of the messages, in which a run stops and is killed.
        for octets in [30_000, 250_000, 400_000, 1_200_000, 1_500_000] {
            let (port, stalled) = stalling(world.server.ports().imaps, octets);
            let mut command = world.command(&["fetch", "INBOX", "1:*", kind]);
            command.arg(&place).env("MAILBEARER_IMAP_PORT", port.to_string()).stdout(Stdio::null());
            let mut child = command.spawn().unwrap();
            stalled.recv().unwrap();
            // What was put on the disk counts; it may take the run a moment to read what it was sent.
            while octets >= 1_200_000 && !has_some(kind, &place) {
                std::thread::sleep(Duration::from_millis(5));
            }
            child.kill().unwrap();
            child.wait().unwrap();
            if place.is_dir() && kind == "--directory" {
                let found = read(&place);
                check(kind, &found);
                assert!(found.len() >= before, "{kind}");
                before = found.len();
            }
        }
        let run = || world.run(&["fetch", "INBOX", "1:*", kind, place.to_str().unwrap()]).ok();
        let told = run();
        let there: usize =
            told.rsplit_once(", ").map_or(0, |(_, had)| had.split(' ').next().unwrap().parse().unwrap());
        assert!((1_000..2_100).contains(&there), "{kind}: what was there is not fetched again: {told}");
        let found = read(&place);
        check(kind, &found);
        assert_eq!(found.len(), 2_100, "{kind}");
        assert_eq!(run(), "0 messages fetched, 2100 were there\n", "{kind}");
        assert_eq!(read(&place), found, "{kind}");
    }
}

#[test]
fn new_messages_come_and_flags_and_dates_with_them() {
    let world = World::new();
    for number in 1..=3 {
        world.deliver(message(number));
    }
    let flags = ["\\Seen", "\\Answered", "\\Flagged", "work"].map(String::from);
    world.server.mailbox().set_flags("INBOX", 2, flags.to_vec());
    let fetch = |set: &str| world.run(&["fetch", "INBOX", set, "--maildir", "Mail", "--json"]);
    assert_eq!(fetch("1:2").ok(), "{\"fetched\":2,\"folder\":\"INBOX\",\"had\":0}\n");
    let cur = world.path("Mail/cur");
    let listed = names(&cur);
    assert!(
        listed[0].ends_with(".1.mailbearer:2,") && listed[1].ends_with(".2.mailbearer:2,FRS"),
        "{listed:?}"
    );
    // A mail program changes flags and moves messages; they stay what they are.
    let (old, new) = (cur.join(&listed[0]), world.path("Mail/new").join(listed[0].trim_end_matches(":2,")));
    fs::rename(old, new).unwrap();
    fs::rename(cur.join(&listed[1]), cur.join(listed[1].replace(",FRS", ",FRST"))).unwrap();
    assert_eq!(fetch("1:*").ok(), "{\"fetched\":1,\"folder\":\"INBOX\",\"had\":2}\n");
    world
        .run(&["fetch", "INBOX", "2,9", "--maildir", "Mail"])
        .failed(66, &["error: …no message with UID 9 in \"INBOX\"…", "hint: the others are fetched"]);
}

#[test]
fn a_place_holds_one_folder_and_nothing_strange() {
    let world = World::new();
    world.deliver(message(1));
    world.server.mailbox().append("Drafts", Vec::new(), (0, 0), message(2).as_bytes()).unwrap();
    for (kind, place, _) in KINDS {
        let fetch = |folder: &str| world.run(&["fetch", folder, "1:*", kind, place]);
        fetch("INBOX").ok();
        fetch("Drafts").failed(73, &["error: … holds \"INBOX\" of …", "hint: give another place"]);
        assert_eq!(fetch("INBOX").ok(), "0 messages fetched, 1 were there\n", "{kind}");
    }
    // What was there is not cut off, nor what another program wrote behind ours.
    let mut text = fs::read_to_string(world.path("all.mbox")).unwrap();
    text.push_str("From x Thu Jan  1 00:00:00 1970\n\nanother's\n");
    fs::write(world.path("all.mbox"), &text).unwrap();
    let refused =
        &["error: … has other messages in it, or was changed by another program", "hint: give another file"];
    world.run(&["fetch", "INBOX", "1:*", "--mbox", "all.mbox"]).failed(73, refused);
    fs::write(world.path("strange.mbox"), "From x\n").unwrap();
    world.run(&["fetch", "INBOX", "1:*", "--mbox", "strange.mbox"]).failed(73, refused);
    assert_eq!(fs::read_to_string(world.path("all.mbox")).unwrap(), text);
    world.run(&["fetch", "INBOX", "1:*"]).failed(64, &["error: many messages …", "hint: give --maildir, …"]);
}

/// At each system call that changes a file.
#[cfg(target_os = "linux")]
#[test]
fn a_kill_at_any_call_leaves_nothing_twice() {
    if Command::new("strace").arg("-V").output().is_err() {
        return;
    }
    let world = World::new();
    for number in 1..=3 {
        world.deliver(message(number));
    }
    for (kind, place, read) in KINDS {
        for call in [
            "rename",
            "renameat",
            "renameat2",
            "syncfs",
            "fdatasync",
            "fsync",
            "ftruncate",
            "write",
            "unlink",
        ] {
            for when in 1..=12 {
                let path = world.path(place);
                let _: [Result<(), _>; 3] = [
                    fs::remove_dir_all(&path),
                    fs::remove_file(&path),
                    fs::remove_file(PathBuf::from(format!("{}.mailbearer", path.display()))),
                ];
                let arguments = ["fetch", "INBOX", "1:*", kind, place];
                let mut killed =
                    world.shell("exec strace -f -qq -o /dev/null -e \"$inject\" \"$mailbearer\" \"$@\"");
                killed
                    .env("inject", format!("inject={call}:signal=KILL:when={when}"))
                    .arg("sh")
                    .args(arguments);
                let killed = finish(killed, b"").code != Some(0);
                world.run(&arguments).ok();
                let found = read(&path);
                check(kind, &found);
                assert_eq!(found.len(), 3, "{kind}: killed at {call} {when}");
                if !killed {
                    break;
                }
            }
        }
    }
}

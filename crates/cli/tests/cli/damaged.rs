//! A file that the program keeps for itself, and that does not hold what the program wrote there: 65, whichever command it is, and
//! the file stays as it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mailbearer_mock::memory::{Options, Personality};

use crate::{
    harness::{World, matches},
    tokens,
};

/// What is kept, the command that keeps it, the command that reads it, and where it is.
struct Row {
    kept: &'static str,
    begin: &'static [&'static str],
    read: &'static [&'static str],
    find: fn(&World) -> PathBuf,
    /// What is said of the file, besides its name.
    said: &'static str,
}

const ARCHIVE: &[&str] = &["fetch", "INBOX", "1", "--directory", "d"];
const MBOX: &[&str] = &["fetch", "INBOX", "1", "--mbox", "b"];
const COLLECT: &[&str] = &["pop", "fetch", "--all", "--keep", "--maildir", "m"];
const QUEUE: &[&str] = &["sendmail", "--queue", "--spool", "q", "a@x"];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { kept: "tokens", begin: &["token"], read: &["token", "--no-cache"], find: |world| world.kept(&tokens::state(world)), said: "it is no JSON object" },
    Row { kept: "an archive", begin: ARCHIVE, read: ARCHIVE, find: |world| world.path("d/.mailbearer"), said: "it is no state of an archive" },
    Row { kept: "an mbox file's state", begin: MBOX, read: MBOX, find: |world| world.path("b.mailbearer"), said: "it is no state of an archive" },
    Row { kept: "what was fetched by POP", begin: COLLECT, read: COLLECT, find: |world| only(world, "m", ".pop3-", ""), said: "it is no list of fetched messages" },
    Row { kept: "a watch", begin: &[], read: &["watch", "--state", "w"], find: |world| world.path("w"), said: "it is no state of a watch" },
    Row { kept: "a message, listed", begin: QUEUE, read: &["queue", "list", "--spool", "q"], find: queued, said: "its head is cut off" },
    Row { kept: "a message, shown", begin: QUEUE, read: &["queue", "show", "1", "--spool", "q"], find: queued, said: "its head is cut off" },
    Row { kept: "a message, made due", begin: QUEUE, read: &["queue", "retry", "1", "--spool", "q"], find: queued, said: "its head is cut off" },
    Row { kept: "a message, printed", begin: QUEUE, read: &["queue", "export", "1", "--spool", "q"], find: queued, said: "its head is cut off" },
    Row { kept: "the relay's certificate", begin: &["relay", "certificate", "--spool", "q"], read: &["relay", "certificate", "--spool", "q"], find: |world| world.path("q/relay-certificate.pem"), said: "" },
];

/// The locks beside them. What is in one does not matter, so only a folder in its place does harm.
#[rustfmt::skip]
const LOCKS: &[Row] = &[
    Row { kept: "tokens", begin: &["token"], read: &["token", "--no-cache"], find: |world| only(world, &relative(world), "token-", ".lock"), said: "it is not a plain file in a folder" },
    Row { kept: "an archive", begin: ARCHIVE, read: ARCHIVE, find: |world| world.path("d/.mailbearer.lock"), said: "it is no file" },
    Row { kept: "an mbox file", begin: MBOX, read: MBOX, find: |world| world.path("b.mailbearer.lock"), said: "it is no file" },
    Row { kept: "POP", begin: COLLECT, read: COLLECT, find: |world| only(world, "m", ".pop3-", ".lock"), said: "it is no file" },
];

fn relative(world: &World) -> String {
    tokens::state(world).strip_prefix(world.path("")).unwrap().to_str().unwrap().to_owned()
}

fn queued(world: &World) -> PathBuf {
    only(world, "q/queue", "", "")
}

fn only(world: &World, folder: &str, start: &str, end: &str) -> PathBuf {
    let fits = |name: &String| {
        name.starts_with(start) && name.ends_with(end) && (!end.is_empty() || !name.ends_with(".lock"))
    };
    let names: Vec<String> = world.names(folder).into_iter().filter(fits).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    world.path(folder).join(&names[0])
}

fn world() -> World {
    let mut options = Options::default();
    options.personality = Personality::Dovecot;
    let world = tokens::person_of(options);
    world.deliver("Subject: x\r\n\r\nx");
    world
}

#[test]
fn what_is_damaged_is_told_the_same_way_by_each_command() {
    let text: fn(&Path) = |path| fs::write(path, "what?\n").unwrap();
    let folder: fn(&Path) = |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    let rows = ROWS.iter().map(|row| (row, text));
    let locks = LOCKS.iter().map(|row| (row, folder));
    let mut wrong = Vec::new();
    for (row, spoil) in rows.chain(locks) {
        let world = world();
        if !row.begin.is_empty() {
            world.run_with(row.begin, "Subject: y\n\ny\n").ok();
        }
        let path = (row.find)(&world);
        spoil(&path);
        let outcome = world.run(row.read);
        let said = outcome.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        let name = path.file_name().unwrap().to_str().unwrap();
        let fits = matches(said, &format!("error: …{name}…{}…", row.said));
        if outcome.code != Some(65) || !fits || !outcome.stderr.contains("\nhint: ") {
            wrong.push(format!("{}: {outcome:?}", row.kept));
        }
        let is_left = path.is_dir() || fs::read(&path).unwrap() == b"what?\n";
        assert!(is_left, "{}", row.kept);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

//! A folder where a file is wanted, a file where a folder is wanted, and a place below a file: 66 for what is read, 73 for
//! what is written, 78 for the configuration, whichever command it is.

use std::fs;

use crate::harness::{World, matches};

/// Arguments, the exit code, and what is said. `file` is a file, `folder` a folder.
#[rustfmt::skip]
const ROWS: &[(&[&str], i32, &str)] = &[
    (&["list", "--config", "folder"], 78, "error: cannot read the configuration file folder: …"),
    (&["list", "--config", "file/x"], 78, "error: cannot read the configuration file file/x: …"),
    (&["send", "--raw", "folder"], 66, "error: cannot read the message folder: …"),
    (&["send", "--raw", "file/x"], 66, "error: cannot read the message file/x: …"),
    (&["append", "INBOX", "folder"], 66, "error: cannot read the message folder: …"),
    (&["append", "INBOX", "file/x"], 66, "error: cannot read the message file/x: …"),
    (&["send", "--to", "a@x", "--text", "x", "--attach", "folder"], 66, "error: cannot read the attachment folder: …"),
    (&["send", "--to", "a@x", "--text", "x", "--attach", "file/x"], 66, "error: cannot read the attachment file/x: …"),
    (&["send", "--to", "a@x", "--html", "x", "--inline", "folder"], 66, "error: cannot read the picture folder: …"),
    (&["send", "--to", "a@x", "--text", "x", "--calendar", "file/x"], 66, "error: cannot read the calendar file file/x: …"),
    (&["sendmail", "--aliases", "folder", "-bv", "ann"], 66, "error: cannot read the aliases folder: …"),
    (&["sendmail", "--aliases", "file/x", "-bv", "ann"], 66, "error: cannot read the aliases file/x: …"),
    (&["mock", "--play", "folder"], 66, "error: cannot read the transcript folder: …"),
    (&["mock", "--play", "file/x"], 66, "error: cannot read the transcript file/x: …"),
    (&["watch", "--state", "folder"], 66, "error: cannot read the state folder: …"),
    (&["watch", "--state", "file/x"], 66, "error: cannot read the state file/x: …"),
    (&["pop", "fetch", "--all", "--keep", "--maildir", "m", "--state", "folder"], 66, "error: cannot read the state folder: …"),
    (&["pop", "fetch", "--all", "--keep", "--maildir", "m", "--state", "file/x"], 73, "error: cannot create file/x.lock: …"),
    (&["pop", "fetch", "--all", "--keep", "--maildir", "file"], 73, "error: cannot create file: …"),
    (&["pop", "fetch", "--all", "--keep", "--maildir", "file/x"], 73, "error: cannot create file/x: …"),
    (&["pop", "fetch", "--number", "1", "--output", "folder"], 73, "error: cannot create folder: …"),
    (&["pop", "fetch", "--number", "1", "--output", "file/x"], 73, "error: cannot create file/x: …"),
    (&["fetch", "INBOX", "1", "--output", "folder"], 73, "error: cannot create folder: …"),
    (&["fetch", "INBOX", "1", "--output", "file/x"], 73, "error: cannot create file/x: …"),
    (&["fetch", "INBOX", "1", "--attachments", "file"], 73, "error: cannot write into file: …"),
    (&["fetch", "INBOX", "1", "--attachments", "file/x"], 73, "error: cannot write into file/x: …"),
    (&["fetch", "INBOX", "1", "--maildir", "file"], 73, "error: cannot write file: …"),
    (&["fetch", "INBOX", "1", "--maildir", "file/x"], 73, "error: cannot write file/x: …"),
    (&["fetch", "INBOX", "1", "--directory", "file"], 73, "error: cannot write file: …"),
    (&["fetch", "INBOX", "1", "--directory", "file/x"], 73, "error: cannot write file/x: …"),
    (&["fetch", "INBOX", "1", "--mbox", "folder"], 73, "error: cannot write folder: …"),
    (&["fetch", "INBOX", "1", "--mbox", "file/x"], 73, "error: cannot write file/x.mailbearer.lock: …"),
    (&["list", "--trace=folder"], 73, "error: cannot create the trace file folder: …"),
    (&["list", "--trace=file/x"], 73, "error: cannot create the trace file file/x: …"),
    (&["man", "--dir", "file"], 73, "error: cannot write file/mailbearer.1: …"),
    (&["sendmail", "--queue", "--spool", "file", "ann@x"], 73, "error: file…: …"),
    (&["queue", "list", "--spool", "file"], 73, "error: file…: …"),
];

#[test]
fn a_file_is_no_folder_and_a_folder_no_file() {
    let world = World::new();
    world.deliver("Subject: x\r\n\r\nx");
    let mut wrong = Vec::new();
    for (arguments, code, said) in ROWS {
        fs::write(world.path("file"), "Subject: y\n\ny\n").unwrap();
        fs::create_dir_all(world.path("folder")).unwrap();
        let outcome = world.run_with(arguments, "Subject: z\n\nz\n");
        let first = outcome.stderr.lines().next().unwrap_or_default();
        if outcome.code != Some(*code) || !matches(first, said) || !outcome.stdout.is_empty() {
            wrong.push(format!("{arguments:?}: {outcome:?}, wanted {code} {said}"));
        }
        assert_eq!(fs::read_to_string(world.path("file")).unwrap(), "Subject: y\n\ny\n", "{arguments:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

//! The command line: help, and what is refused before anything is connected to.

use std::fs;

use crate::harness::{World, bare, finish, matches};

#[test]
fn help_and_version_are_results() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| finish(bare(folder.path(), arguments), b"");
    assert_eq!(run(&["--version"]).ok(), concat!("mailbearer ", env!("CARGO_PKG_VERSION"), "\n"));
    let help = run(&["--help"]).ok();
    for part in [
        "Usage: mailbearer [OPTIONS] <COMMAND>",
        "demo ",
        "MAILBEARER_IMAP_PORT",
        "\n   78  the configuration",
    ] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
    for command in [
        "demo", "token", "send", "folders", "list", "fetch", "append", "copy", "move", "flag", "delete",
        "watch", "mock",
    ] {
        assert!(run(&["help", command]).ok().contains(&format!("Usage: mailbearer {command}")), "{command}");
        assert!(run(&[command, "-h"]).ok().contains("--trace"), "{command}");
    }
}

#[test]
fn what_a_stopped_fetch_leaves_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let help = finish(bare(folder.path(), &["help", "fetch"]), b"").ok();
    assert!(help.contains("files `.mailbearer-*`") && help.contains("the next run removes them"), "{help}");
}

#[test]
fn the_settings_explain_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| finish(bare(folder.path(), arguments), b"").ok();
    let help = run(&["help", "config"]);
    for part in ["[accounts.NAME.oauth]\n", "\n  client_secret = SECRET\n", "MAILBEARER_IMAP_PORT\n"] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
    assert_eq!(run(&["config", "--help"]), help);
    assert_eq!(run(&["config"]).trim_end(), help.trim_end());
    let objects = run(&["config", "--json"]);
    let port = objects.lines().find(|line| line.contains("\"imap.port\"")).unwrap();
    assert!(port.contains("\"variables\":[\"MAILBEARER_IMAP_PORT\"]"), "{port}");
}

#[test]
fn a_wrong_command_line_is_64() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &[][..],
        &["lsit"],
        &["list", "--limit", "x"],
        &["fetch", "INBOX"],
        &["send", "--client-secret", "x"],
        &["list", "--since", "yesterday"],
        &["fetch", "INBOX", "1", "--part", "1.x"],
        &["fetch", "INBOX", "1", "--part", "1]"],
        &["fetch", "INBOX", "1", "--decode"],
        &["fetch", "INBOX", "1", "--structure", "--headers"],
        &["append"],
        &["append", "INBOX", "--flag", "a b"],
        &["append", "INBOX", "--flag", "\\Recent"],
        &["append", "INBOX", "--date", "tomorrow"],
        &["copy", "INBOX", "1"],
        &["copy", "INBOX", "1:a", "Drafts"],
        &["move", "INBOX", "1\r\na LOGOUT", "Drafts"],
        &["flag", "INBOX", "1"],
        &["flag", "INBOX", "1", "--add", "seen", "--set", "seen"],
        &["flag", "INBOX", "1", "--add", "a)\r\nb"],
        &["delete", "INBOX", "$"],
        &["delete", "INBOX", ""],
    ] {
        let outcome = finish(bare(folder.path(), arguments), b"");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(64), ""), "{arguments:?}: {outcome:?}");
        assert!(
            outcome.stderr.contains("--help") || outcome.stderr.contains("Usage: mailbearer"),
            "{arguments:?}: {outcome:?}"
        );
    }
}

/// What clap says behind each of its refusals.
const HELP: &str = "For more information, try '--help'.";

#[test]
fn refuses_before_it_connects() {
    let world = World::new();
    fs::write(world.path("empty.eml"), "").unwrap();
    fs::write(world.path("nobody.eml"), "From: a@x\n\nx").unwrap();
    let rows: &[(&[&str], i32, &[&str])] = &[
        (&["send", "--text", "x"], 64, &["error: no recipients", "hint: name them with --to, --cc or --bcc"]),
        (&["send", "--to", "a@", "--text", "x"], 64, &["error: --to \"a@\": …"]),
        (&["send", "--to", "a@x\r\nBcc: b@x", "--text", "x"], 64, &["error: --to \"a@x\\r\\nBcc: b@x\": …"]),
        (
            &["send", "--to", "a@x", "--text", "x", "--subject", "a\nBcc: b@x"],
            65,
            &["error: the message can't be sent: …"],
        ),
        (
            &["send", "--to", "a@x", "--text", "x", "--attach", "none.pdf"],
            66,
            &["error: cannot read the attachment none.pdf: …"],
        ),
        (&["send", "--raw", "none.eml"], 66, &["error: cannot read the message none.eml: …"]),
        (
            &["send", "--raw", "empty.eml"],
            65,
            &["error: the message can't be sent: it has no header fields", "hint: …"],
        ),
        (
            &["send", "--raw", "nobody.eml"],
            65,
            &["error: the message can't be sent: it has no recipients", "hint: …"],
        ),
        (
            &["fetch", "INBOX", "1", "--json"],
            64,
            &[
                "{…\"code\":\"usage\",\"error\":\"a message is no JSON\",\"exit\":64,\"hint\":\"with --json, give --output FILE\"…}",
            ],
        ),
        (
            &["flag", "INBOX", "1", "--add", ""],
            64,
            &["error: …'' for '--add <FLAGS>': it names no flag", "", HELP],
        ),
        (
            &["flag", "INBOX", "1", "--remove", ","],
            64,
            &["error: …--remove <FLAGS>': it names no flag", "", HELP],
        ),
        (
            &["list", "--limit", "0"],
            64,
            &["error: …'0' for '--limit <N>': a number from 1 to 4294967295 is wanted", "", HELP],
        ),
        (&["read", "INBOX", "0"], 64, &["error: …'0' for '<UID>': a number from 1 to …", "", HELP]),
        (
            &["pop", "fetch", "--number", "x"],
            64,
            &["error: …'x' for '--number <N>': a number from 1 to …", "", HELP],
        ),
        (
            &["list", "--since", "2026-02-30"],
            64,
            &["error: …'2026-02-30' …: the calendar has no such day", "", HELP],
        ),
        (
            &["list", "--since", "2026-2-3"],
            64,
            &["error: …'2026-2-3' …: a day is written YYYY-MM-DD", "", HELP],
        ),
        (
            &["append", "INBOX", "--date", ""],
            64,
            &["error: …'' for '--date <DATE>': a moment is written 2026-…", "", HELP],
        ),
        (
            &["send", "--to", "a@x", "--text", "x", "--verify=-1"],
            64,
            &["error: …'-1' for '--verify[=<SECONDS>]': a number of seconds is wanted, as 120", "", HELP],
        ),
        (
            &["send", "--to", "a@x", "--text", "x", "--envid", ""],
            64,
            &[
                "error: …'' for '--envid <ID>': an id of 1 to 100 printable characters of ASCII is wanted",
                "",
                HELP,
            ],
        ),
        (
            &["send", "--to", "a@x", "--text", "x", "--header", "X Y: z"],
            64,
            &["error: --header \"X Y\": …", "hint: …"],
        ),
        (
            &["send", "--to", "a@x", "--text", "x", "--header", "From: b@x"],
            64,
            &["error: --header \"From\": …", "hint: …"],
        ),
        (
            &["send", "--to", "a@x", "--text", "x", "--header", "X-Y: z\nBcc: b@x"],
            64,
            &["error: --header \"X-Y: z\\nBcc: b@x\": …", "hint: …"],
        ),
        (&["mock", "--user", ""], 64, &["error: …'' for '--user <ADDRESS>': it is empty", "", HELP]),
        (&["folders", ""], 64, &["error: \"\" can't be a folder: it is empty"]),
        (&["list", ""], 64, &["error: \"\" can't be a folder: it is empty"]),
        (&["man", ""], 64, &["error: there is no command \"\"", "hint: …"]),
        (&["list", "a\r\nb"], 64, &["error: \"a\\r\\nb\" can't be a folder: …"]),
        (&["list", "--search", "since:yesterday"], 64, &["error: --search: since: …", "hint: …"]),
        (&["list", "--search", "-unsen"], 64, &["error: --search: unsen: no such key; …", "hint: …"]),
        (&["list", "--search", ""], 64, &["error: --search: no key to search for", "hint: …"]),
        (
            &["list", "--search", "imap:ALL\r\na LOGOUT"],
            64,
            &["error: --search: imap: at character 4 …", "hint: …"],
        ),
        (&["folders", "a\nb"], 64, &["error: \"a\\nb\" can't be a folder: …"]),
        (&["append", "a\nb"], 64, &["error: \"a\\nb\" can't be a folder: …"]),
        (&["append", "INBOX", "none.eml"], 66, &["error: cannot read the message none.eml: …"]),
        (&["append", "INBOX", "empty.eml"], 65, &["error: the message can't be stored: it is empty"]),
        (&["copy", "a\nb", "1", "c"], 64, &["error: \"a\\nb\" can't be a folder: …"]),
        (&["copy", "a", "1", "b\nc"], 64, &["error: \"b\\nc\" can't be a folder: …"]),
        (&["move", "a", "1", "b\nc"], 64, &["error: \"b\\nc\" can't be a folder: …"]),
        (&["flag", "a\nb", "1", "--add", "seen"], 64, &["error: \"a\\nb\" can't be a folder: …"]),
        (&["delete", "a\nb", "1"], 64, &["error: \"a\\nb\" can't be a folder: …"]),
        (&["watch", "a\nb"], 64, &["error: \"a\\nb\" can't be a folder: …"]),
        (&["fetch", "INBOX", "1", "--headers", "--json"], 64, &["{…a message is no JSON…}"]),
        (&["fetch", "INBOX", "1", "-o", "none/m.eml"], 73, &["error: cannot create none/m.eml: …"]),
    ];
    for (arguments, code, stderr) in rows {
        world.run(arguments).failed(*code, stderr);
    }
    let outcome = world.run_with(&["send", "--to", "a@x"], b"\xff");
    outcome.failed(65, &["error: the text on standard input is not UTF-8", "hint: …"]);
    assert_eq!(world.server.tokens().issued(), 0);
}

/// A name that nobody would see stands in quotes.
#[test]
fn an_empty_or_blank_argument_is_told_in_quotes() {
    let world = World::new();
    fs::write(world.path(" "), "a\n").unwrap();
    let mut wrong = Vec::new();
    for (arguments, code, error) in [
        (&["queue", "drop", ""][..], 66, "error: there is no message \"\" in the spool"),
        (&["queue", "show", " "], 66, "error: there is no message \" \" in the spool"),
        (&["queue", "drop", "a"], 66, "error: there is no message a in the spool"),
        (&["queue", "list", "--spool", " "], 73, "error: \" \": not a directory"),
        (&["man", "--dir", " "], 73, "error: cannot write \" /mailbearer.1\": …"),
        (
            &["send", "--to", "a@x", "--text", "x", "--attach", "\t"],
            66,
            "error: cannot read the attachment \"\\t\": …",
        ),
        (
            &["send", "--to", "a@x", "--html", "x", "--inline", "a="],
            66,
            "error: cannot read the picture \"\": …",
        ),
        (&["send", "--raw", "  "], 66, "error: cannot read the message \"  \": …"),
        (&["sendmail", "--aliases", "", "a"], 66, "error: cannot read the aliases \"\": …"),
        (&["sendmail", "--aliases", " ", "a"], 78, "error: \" \": line 1 is not …"),
        (&["sendmail", "--queue", "--spool=", "a@x"], 73, "error: \"\": …"),
        (&["sendmail", "-b ", "a@x"], 64, "error: \"-b \" is not done here"),
        (&["sendmail", "- ", "a@x"], 64, "error: there is no option \"- \""),
        (&["list", "--config", "  "], 78, "error: cannot read the configuration file \"  \": …"),
        (&["list", "--account", ""], 78, "error: --account: there is no account \"\" in …"),
        (&["watch", "--state", " "], 65, "error: \" \" is damaged: it is no state of a watch"),
        (&["mock", "--play", " "], 65, "error: \" \": …"),
        (&["append", "INBOX", "  "], 66, "error: cannot read the message \"  \": …"),
        (&["fetch", "INBOX", "1", "--attachments", " "], 73, "error: cannot write into \" \": …"),
        (&["list", ""], 64, "error: \"\" can't be a folder: it is empty"),
        (&["man", ""], 64, "error: there is no command \"\""),
    ] {
        let mut command = world.command(arguments);
        command.current_dir(world.path(""));
        let outcome = finish(command, b"");
        let first = outcome.stderr.lines().next().unwrap_or_default();
        if outcome.code != Some(code) || !matches(first, error) {
            wrong.push((arguments, outcome));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Its state stands beside it, under its name.
#[cfg(target_os = "linux")]
#[test]
fn an_mbox_file_has_a_name_in_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    world.deliver("Subject: x\r\n\r\nx");
    let mut command = world.command(&["fetch", "INBOX", "1", "--mbox"]);
    command.arg(std::ffi::OsStr::from_bytes(b"a\xff"));
    finish(command, b"").failed(64, &["error: --mbox \"a\\xFF\": a file with a name in UTF-8 is wanted"]);
}

#[test]
fn manual_pages_and_completions_tell_every_command() {
    let world = World::new();
    let page = world.run(&["man"]).ok();
    assert!(page.contains(".TH mailbearer 1") && page.contains("relay"), "{page}");
    assert!(world.run(&["man", "relay"]).ok().contains("allow\\-from"));
    world.run(&["man", "no-such"]).failed(64, &["error: there is no command \"no-such\"", "hint: …"]);
    let pages = world.path("man");
    fs::create_dir(&pages).unwrap();
    world.run(&["man", "--dir", pages.to_str().unwrap()]).ok();
    let names = world.names("man");
    for name in [
        "mailbearer.1",
        "mailbearer-queue.1",
        "mailbearer-relay.1",
        "mailbearer-sendmail.1",
        "mailbearer-send.1",
    ] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.run(&["completions", shell]).ok().contains("sendmail"), "{shell}");
    }
}

/// `systemd-analyze verify`, where it is: with the program where the units have it.
#[cfg(target_os = "linux")]
#[test]
fn the_units_are_sound() {
    let world = World::new();
    let Ok(_) = std::process::Command::new("systemd-analyze").arg("--version").output() else { return };
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    let mut units = Vec::new();
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace("/usr/bin/mailbearer", env!("CARGO_BIN_EXE_mailbearer"));
        let unit = world.path(path.file_name().unwrap().to_str().unwrap());
        fs::write(&unit, text).unwrap();
        units.push(unit);
    }
    assert_eq!(units.len(), 4);
    let output = std::process::Command::new("systemd-analyze")
        .arg("verify")
        .arg("--man=no")
        .args(&units)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // What else is wrong on this system is not ours.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("mailbearer-")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

//! The command line: help, and what is refused before anything is connected to.

use std::fs;

use crate::harness::{World, bare, finish};

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

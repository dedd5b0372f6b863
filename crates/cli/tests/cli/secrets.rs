//! No secret comes out of any command, whether it succeeds or fails, with a trace or without.

use std::{fs, thread, time::Duration};

use mailbearer_mock::memory::{Fault, Options};

#[cfg(unix)]
use crate::harness::Running;
use crate::harness::{Outcome, World, finish};

/// Every command but those that talk to nobody: `demo`, `mock`, `man`, `completions`, `help`.
const COMMANDS: &[&[&str]] = &[
    &["token", "--inspect"],
    &["token", "--inspect", "--no-cache"],
    &["token", "--status"],
    &["doctor"],
    &["doctor", "--pop3"],
    &["doctor", "--report", "--hide-mailboxes"],
    &["doctor", "--for-admin"],
    &["folders", "--counts"],
    &["list", "--search", "from:ann"],
    &["read", "INBOX", "1"],
    &["reply", "INBOX", "1", "--text", "x"],
    &["forward", "INBOX", "1", "--to", "ann@example.org", "--text", "x"],
    &["fetch", "INBOX", "1"],
    &["fetch", "INBOX", "1", "--structure"],
    &["fetch", "INBOX", "1:*", "--maildir", "Mail"],
    &["append", "INBOX", "mail.eml"],
    &["copy", "INBOX", "1", "Archive"],
    &["move", "INBOX", "1", "Archive"],
    &["flag", "INBOX", "1", "--add", "seen"],
    &["delete", "INBOX", "1"],
    &["pop", "list"],
    &["pop", "fetch", "1"],
    &["pop", "fetch", "--all", "--keep", "--maildir", "Pop"],
    &["pop", "delete", "1"],
    &["send", "--to", "ann@example.org", "--text", "x"],
    &["send", "--raw", "mail.eml"],
    &["sendmail", "-t"],
    &["sendmail", "--queue", "-t"],
    &["queue", "list"],
    &["queue", "run"],
    &["login", "--check"],
    &["relay", "--check", "--listen", "127.0.0.1:0"],
    &[
        "setup",
        "--provider",
        "microsoft365",
        "--user",
        "robot@mailbearer.test",
        "--grant",
        "client_credentials",
        "--tenant",
        "t",
        "--client-id",
        "c",
        "--secret-file",
        "secret",
        "--no-login",
        "--config",
        "made.toml",
    ],
    &["logout"],
    &["providers"],
    &["config"],
];

/// Faults of each server, at each stage; none is a session that succeeds.
const FAULTS: &[Option<&str>] = &[
    None,
    Some("invalid-secret"),
    Some("not-json"),
    Some("token-for-graph"),
    Some("gmail-token-refused"),
    Some("not-connected"),
    Some("send-as-denied"),
];

/// All that came out of a command, and what it wrote as a trace.
fn check(world: &World, name: &[&str], outcome: &Outcome) {
    world.check_for_secrets(&outcome.stdout);
    world.check_for_secrets(&outcome.stderr);
    if let Ok(trace) = fs::read_to_string(world.path("trace.txt")) {
        world.check_for_secrets(&trace);
    }
    assert!(!outcome.stderr.contains("panicked"), "{name:?}: {outcome:?}");
}

fn world(fault: Option<&str>) -> World {
    let mut options = Options::default();
    options.fault = fault.map(|name| Fault::find(name).unwrap());
    let world = World::with(options);
    world.deliver("From: Ann <ann@example.org>\r\nSubject: x\r\n\r\nx\r\n");
    fs::write(world.path("mail.eml"), MESSAGE).unwrap();
    fs::write(world.path("secret"), world.server.client_secret()).unwrap();
    world
}

const MESSAGE: &str = "From: robot@mailbearer.test\r\nTo: ann@example.org\r\n\r\nx\r\n";
const TRACES: &[&[&str]] = &[&["--json", "--trace"], &["--trace=trace.txt"]];

#[test]
fn no_command_shows_a_secret() {
    thread::scope(|scope| {
        for fault in FAULTS {
            scope.spawn(move || {
                let world = world(*fault);
                // Without a trace too, where nothing fails.
                let plain: &[&[&str]] = if fault.is_none() { &[&[]] } else { &[] };
                for command in COMMANDS {
                    for more in plain.iter().chain(TRACES) {
                        let arguments = [*command, more].concat();
                        let outcome = finish(world.command(&arguments), MESSAGE.as_bytes());
                        // What the command line does not know would never run.
                        assert!(!outcome.stderr.contains("Usage: "), "{arguments:?}: {outcome:?}");
                        check(&world, &arguments, &outcome);
                    }
                }
            });
        }
    });
}

/// What goes on until it is stopped, or fails.
#[cfg(unix)]
#[test]
fn what_waits_shows_no_secret() {
    for fault in [None, Some("invalid-secret"), Some("gmail-token-refused")] {
        for more in TRACES {
            let world = world(fault);
            let command = world.command(&[&["watch", "--state", "place"], *more].concat());
            if fault.is_some() {
                check(&world, &["watch"], &finish(command, b""));
                continue;
            }
            let watch = Running::start(command);
            if more.contains(&"--trace") {
                watch.wait_for("IDLE");
            }
            let trace = world.path("trace.txt");
            while !more.contains(&"--trace")
                && !fs::read_to_string(&trace).unwrap_or_default().contains("IDLE")
            {
                thread::sleep(Duration::from_millis(10));
            }
            check(&world, &["watch"], &watch.stop());
        }
    }
}

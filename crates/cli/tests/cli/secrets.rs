//! No secret comes out of any command, whether it succeeds or fails, with a trace or without.

use std::fs;

use mailbearer_mock::memory::{Fault, Options};

use crate::harness::World;

/// Every command that talks to a server, and some that don't.
const COMMANDS: &[&[&str]] = &[
    &["token", "--inspect"],
    &["token", "--inspect", "--no-cache"],
    &["doctor"],
    &["doctor", "--report", "--hide-mailboxes"],
    &["doctor", "--for-admin"],
    &["folders", "--counts"],
    &["list", "--search", "from:ann"],
    &["fetch", "INBOX", "1"],
    &["fetch", "INBOX", "1", "--structure"],
    &["append", "INBOX", "mail.eml"],
    &["copy", "INBOX", "1", "Archive"],
    &["move", "INBOX", "1", "Archive"],
    &["flag", "INBOX", "1", "--add", "seen"],
    &["delete", "INBOX", "1"],
    &["send", "--to", "ann@example.org", "--text", "x"],
    &["send", "--raw", "mail.eml"],
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

#[test]
fn no_command_shows_a_secret() {
    for fault in FAULTS {
        let mut options = Options::default();
        options.fault = fault.map(|name| Fault::find(name).unwrap());
        let world = World::with(options);
        world.deliver("From: Ann <ann@example.org>\r\nSubject: x\r\n\r\nx\r\n");
        fs::write(world.path("mail.eml"), "From: robot@mailbearer.test\r\nTo: ann@example.org\r\n\r\nx\r\n")
            .unwrap();
        for (command, arguments) in COMMANDS.iter().flat_map(|command| {
            [&[][..], &["--trace"], &["--json", "--trace"], &["--trace=trace.txt"]]
                .map(|more| (command, more))
        }) {
            // `run` looks at standard error, and but for `token` at standard output.
            let outcome = world.run(&[command, arguments].concat());
            world.check_for_secrets(&outcome.stdout);
            if let Ok(trace) = fs::read_to_string(world.path("trace.txt")) {
                world.check_for_secrets(&trace);
            }
            assert!(!outcome.stderr.contains("panicked"), "{fault:?} {command:?}: {outcome:?}");
        }
    }
}

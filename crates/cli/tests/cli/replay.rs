//! A failure in the field becomes a test: what `--trace=FILE` writes, `mock --play` plays, and the same command fails alike.

#[cfg(unix)]
use std::time::Duration;
use std::{fs, process::Command, thread};

use mailbearer_mock::{
    Playing, Recording,
    memory::{Fault, Options},
};
use serde_json::Value;

#[cfg(unix)]
use crate::harness::Running;
use crate::harness::{Outcome, World, bare, finish};

/// Plays a recording; the program that talks to it, and the servers.
fn replayed(world: &World, file: &str, arguments: &[&str]) -> (Command, Playing) {
    let text = fs::read_to_string(world.path(file)).unwrap();
    world.check_for_secrets(&text);
    let playing = Recording::parse(&text).unwrap().play(|difference| panic!("{difference}")).unwrap();
    let home = world.path("replay");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("ca.pem"), playing.ca_pem()).unwrap();
    let mut command = bare(&home, arguments);
    command.envs(playing.env(&home.join("ca.pem")));
    (command, playing)
}

/// What is the same in both runs: the exit code, and the error without numbers of ports and the like.
fn ending(outcome: &Outcome) -> (Option<i32>, Value, Value, Value) {
    let last = outcome.stderr.lines().last().unwrap_or("{}");
    let error: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{outcome:?}"));
    (outcome.code, error["code"].clone(), error["error"].clone(), error["hint"].clone())
}

const SEND: &[&str] = &["send", "--to", "ann@example.org", "--subject", "x", "--text", "hello", "--json"];

#[test]
fn a_failure_is_the_same_when_it_is_played_again() {
    let rows: &[(&str, &[&str])] = &[
        ("not-connected", &["list", "--json"]),
        ("authenticate-failed", &["list", "--json"]),
        ("gmail-token-refused", &["folders", "--json"]),
        ("imap-disabled", &["list", "--json"]),
        ("wrong-server", &["list", "--json"]),
        ("session-token-expired", &["list", "--json"]),
        ("bare-server-unavailable", &["list", "--json"]),
        ("netease-unsafe-login", &["list", "--json"]),
        ("login-limit", &["list", "--json"]),
        ("server-busy", &["token", "--json"]),
        ("invalid-secret", &["token", "--json"]),
        ("tenant-not-found", &["list", "--json"]),
        ("google-invalid-grant", &["token", "--json"]),
        ("not-json", &["token", "--json"]),
        ("token-for-graph", &["list", "--json"]),
        ("token-without-roles", SEND),
        ("token-of-another-tenant", SEND),
        ("smtp-disabled-for-tenant", SEND),
        ("smtp-disabled-for-mailbox", SEND),
        ("gmail-web-login-smtp", SEND),
        ("send-as-denied", SEND),
        ("sender-mailbox-full", SEND),
        ("recipient-unknown", SEND),
        ("access-denied-busy", SEND),
        ("not-a-submission-server", SEND),
    ];
    for (fault, arguments) in rows {
        let mut options = Options::default();
        options.fault = Some(Fault::find(fault).unwrap());
        let world = World::with(options);
        let traced: Vec<_> = arguments.iter().copied().chain(["--trace=trace.txt"]).collect();
        let first = world.run(&traced);
        let (command, _playing) = replayed(&world, "trace.txt", arguments);
        let second = finish(command, b"");
        assert_ne!(first.code, Some(0), "{fault}");
        assert_eq!(ending(&first), ending(&second), "{fault}: {first:#?} {second:#?}");
    }
}

#[test]
fn a_success_is_played_again_too() {
    let world = World::new();
    world.deliver("From: Ann <ann@example.org>\r\nSubject: with <any> \\ and <tag1>\r\n\r\nhello\r\n");
    for arguments in [&["list"][..], &["folders"], &["doctor", "--json"]] {
        let traced: Vec<_> = arguments.iter().copied().chain(["--trace=trace.txt"]).collect();
        let first = world.run(&traced);
        assert_eq!(first.code, Some(0), "{first:?}");
        let (command, _playing) = replayed(&world, "trace.txt", arguments);
        let second = finish(command, b"");
        assert_eq!(second.code, Some(0), "{arguments:?} {second:#?}");
        if arguments == ["list"] {
            assert_eq!(first.stdout, second.stdout);
        }
    }
}

/// Every command that talks to servers, and what it reads on standard input. Not `reply` and
/// `forward`: what they say depends on the message, and no trace holds that.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["token"], ""),
    (&["token", "--inspect", "--no-cache"], ""),
    (&["doctor"], ""),
    (&["doctor", "--pop3", "--report"], ""),
    (&["folders", "--counts"], ""),
    (&["list", "--search", "from:ann"], ""),
    (&["read", "INBOX", "1"], ""),
    (&["fetch", "INBOX", "1"], ""),
    (&["fetch", "INBOX", "1", "--structure"], ""),
    (&["fetch", "INBOX", "1:*", "--maildir", "Mail"], ""),
    (&["append", "INBOX", "-"], MESSAGE),
    (&["copy", "INBOX", "1", "Archive"], ""),
    (&["move", "INBOX", "1", "Archive"], ""),
    (&["flag", "INBOX", "1", "--add", "seen"], ""),
    (&["delete", "INBOX", "1"], ""),
    (&["pop", "list"], ""),
    (&["pop", "fetch", "1"], ""),
    (&["pop", "fetch", "--all", "--keep", "--maildir", "Pop"], ""),
    (&["pop", "delete", "1"], ""),
    (&["send", "--to", "ann@example.org", "--text", "x"], ""),
    (&["send", "--raw", "-"], MESSAGE),
    (&["sendmail", "-t"], MESSAGE),
    (&["login", "--check"], ""),
    (&["logout"], ""),
];

const MESSAGE: &str = "From: robot@mailbearer.test\r\nTo: ann@example.org\r\nDate: Tue, 24 Nov 2026 06:30:00 +0000\r\n\
     Message-ID: <1@mailbearer.test>\r\nSubject: x\r\n\r\nx\r\n";

/// What each command writes as its trace is played to the same command, which ends alike, in success and in failure.
#[test]
fn each_command_is_played_again() {
    thread::scope(|scope| {
        for fault in [None, Some("invalid-secret"), Some("gmail-token-refused")] {
            scope.spawn(move || {
                for (arguments, input) in COMMANDS {
                    let mut options = Options::default();
                    options.fault = fault.map(|name| Fault::find(name).unwrap());
                    let world = World::with(options);
                    world.deliver("From: Ann <ann@example.org>\r\nTo: robot@mailbearer.test\r\nSubject: x\r\n\r\nhello\r\n");
                    let traced = [&["--trace=trace.txt"], *arguments].concat();
                    let first = finish(world.command(&traced), input.as_bytes());
                    let (command, _playing) = replayed(&world, "trace.txt", arguments);
                    let second = finish(command, input.as_bytes());
                    assert_eq!(first.code, second.code, "{fault:?} {arguments:?}: {first:#?} {second:#?}");
                    // A body is played as so many octets, and tokens and times differ.
                    let steady = ["folders", "list", "append", "copy", "move", "flag", "delete", "logout"];
                    let steady = steady.contains(&arguments[0]) || arguments.contains(&"--structure");
                    if steady && first.code == Some(0) {
                        assert_eq!(first.stdout, second.stdout, "{arguments:?}");
                    }
                }
            });
        }
    });
}

/// The same of what goes on until it is stopped: it tells the same news.
#[cfg(unix)]
#[test]
fn what_waits_is_played_again() {
    let world = World::new();
    world.deliver(MESSAGE);
    let watch = Running::start(world.command(&["watch", "--trace=trace.txt", "--state", "place"]));
    let trace = world.path("trace.txt");
    while !fs::read_to_string(&trace).unwrap_or_default().contains("+ IDLE") {
        thread::sleep(Duration::from_millis(10));
    }
    world.deliver(MESSAGE);
    let mut watch = watch;
    let first = watch.line();
    watch.stop();
    let (command, _playing) = replayed(&world, "trace.txt", &["watch", "--state", "place"]);
    let mut watch = Running::start(command);
    assert_eq!(watch.line(), first);
    watch.stop();
}

#[test]
fn a_reset_is_played_as_a_reset() {
    let world = World::new();
    world.run(&["list", "--trace=whole.txt"]).ok();
    let whole = fs::read_to_string(world.path("whole.txt")).unwrap();
    let imap = whole.find(" imap--").unwrap();
    let greeting = imap + whole[imap..].find("S: ").unwrap();
    let end = greeting + whole[greeting..].find('\n').unwrap();
    fs::write(world.path("reset.txt"), format!("{}\n--reset--\n", &whole[..end])).unwrap();
    let (command, _playing) = replayed(&world, "reset.txt", &["list", "--json", "--trace=trace.txt"]);
    let first = finish(command, b"");
    assert_eq!(ending(&first).1, "broken", "{first:?}");
    fs::rename(world.path("replay/trace.txt"), world.path("trace.txt")).unwrap();
    let trace = fs::read_to_string(world.path("trace.txt")).unwrap();
    assert!(trace.contains("--reset--") && !trace.contains("--close--"), "{trace}");
    let (command, _playing) = replayed(&world, "trace.txt", &["list", "--json"]);
    let second = finish(command, b"");
    assert_eq!(ending(&first), ending(&second), "{first:#?} {second:#?}");
}

/// The recordings that the fuzzers start from: connections that are reset within a message, one of each protocol.
#[test]
fn recordings_with_a_reset_are_played() {
    for (file, arguments, code) in [
        ("exchange-imap-reset", &["fetch", "INBOX", "1"][..], 75),
        ("dovecot-pop3-reset", &["pop", "fetch", "--all", "--keep", "--maildir", "Pop"], 75),
        ("gmail-smtp-reset", &["send", "--to", "ann@example.org", "--text", "x"], 79),
    ] {
        let world = World::new();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings");
        fs::copy(folder.join(file).with_extension("txt"), world.path("trace.txt")).unwrap();
        let (command, _playing) = replayed(&world, "trace.txt", arguments);
        let outcome = finish(command, b"");
        assert_eq!(outcome.code, Some(code), "{file}: {outcome:?}");
    }
}

#[test]
fn a_file_that_cannot_be_written_or_played() {
    let world = World::new();
    world.run(&["list", "--trace=no/such/folder"]).failed(73, &["error: cannot create the trace file …"]);
    for (text, line) in [
        ("S: 220 x\n", 1),
        ("--connection 1 nntp--\n", 1),
        ("--connection x imap--\n", 1),
        ("--set X--\n", 1),
        ("--connection 1 imap--\n--TLS--\nX: y\n", 3),
    ] {
        fs::write(world.path("bad.txt"), text).unwrap();
        let want = format!("error: bad.txt: line {line}: …");
        world.run(&["mock", "--play", "bad.txt"]).failed(65, &[&want]);
    }
    world.run(&["mock", "--play", "none.txt"]).failed(66, &["error: cannot read the transcript …"]);
}

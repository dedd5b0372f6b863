//! No secret comes out of any command, whether it succeeds or fails, with a trace or without.

use std::{fs, path::Path, thread, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer_mock::memory::{Fault, Options};

use crate::harness::{Outcome, World, finish};
#[cfg(unix)]
use crate::{
    harness::Running,
    relay::{Relay, hash},
};

/// Every command but those that go on until they are stopped, which have tests of their own here and in `login.rs`, and those
/// that talk to nobody: `mock`, `man`, `completions`, `help`.
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
    &["relay", "certificate", "--spool", "spool"],
    &["relay", "health", "127.0.0.1:1"],
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

/// Whether `watch` has nothing to complain of.
#[cfg(unix)]
fn is_readable(fault: Option<&str>) -> bool {
    matches!(fault, None | Some("send-as-denied"))
}

/// What goes on until it is stopped, or fails.
#[cfg(unix)]
#[test]
fn what_waits_shows_no_secret() {
    thread::scope(|scope| {
        for fault in FAULTS {
            scope.spawn(move || {
                for more in TRACES {
                    watch(*fault, more);
                }
            });
        }
    });
}

#[cfg(unix)]
fn watch(fault: Option<&str>, more: &[&str]) {
    let world = world(fault);
    let command = world.command(&[&["watch", "--state", "place"], more].concat());
    if !is_readable(fault) {
        let outcome = finish(command, b"");
        assert!(!matches!(outcome.code, None | Some(0)), "{fault:?}: {outcome:?}");
        return check(&world, &["watch"], &outcome);
    }
    let mut watch = Running::start(command);
    let mut said = Vec::new();
    if more.contains(&"--trace") {
        said = watch.wait_for("+ IDLE");
    }
    let trace = world.path("trace.txt");
    while !more.contains(&"--trace") && !fs::read_to_string(&trace).unwrap_or_default().contains("+ IDLE") {
        thread::sleep(Duration::from_millis(10));
    }
    // In the middle of a session another token is needed.
    let first = world.server.tokens().latest().unwrap();
    world.server.tokens().expire_all();
    world.deliver(MESSAGE);
    while world.server.tokens().latest().unwrap() == first {
        assert_eq!(watch.child.0.try_wait().unwrap(), None, "{said:?}");
        thread::sleep(Duration::from_millis(10));
    }
    let mut outcome = watch.stop();
    outcome.stderr.push_str(&said.join("\n"));
    for form in mailbearer_mock::spellings(&first) {
        assert!(!format!("{outcome:?}").contains(&form), "{form}: {outcome:?}");
    }
    check(&world, &["watch"], &outcome);
}

/// What a device logs in with at the relay. It is long enough to be found in pieces.
#[cfg(unix)]
const DEVICE: &str = "d3v1ce~P&ss=w0rd+of%2Bthe/scanner";

/// A relay that runs, with devices that log in and that guess, and accounts behind it that send and that can't.
#[cfg(unix)]
#[test]
fn a_relay_shows_no_secret() {
    let hash = hash(&World::new(), DEVICE);
    let hash = &hash;
    thread::scope(|scope| {
        for fault in FAULTS {
            scope.spawn(move || {
                for more in [&[][..], &["--json"]].iter().chain(TRACES) {
                    relay(*fault, more, hash);
                }
            });
        }
    });
}

#[cfg(unix)]
fn relay(fault: Option<&str>, more: &[&str], hash: &str) {
    let world = world(fault);
    let config = world.path("relay.toml");
    let text = format!(
        "[relay]\nlisten = '127.0.0.1:0'\nspool = 'spool'\nlog = '{}'\n[relay.users.scanner]\npassword_hash = '{hash}'\n",
        if more == ["--json"] { "json" } else { "text" }
    );
    fs::write(&config, text).unwrap();
    let relay = Relay::of(&world, &[&["--config", config.to_str().unwrap(), "relay"], more].concat());
    let encoded = |text: &str| STANDARD.encode(text);
    let (right, wrong) = (format!("\0scanner\0{DEVICE}"), format!("\0scanner\0{DEVICE}!"));
    // Right and wrong, in each form, and where no password belongs.
    relay.client().dialogue(&[
        ("", "220 "),
        (&format!("AUTH PLAIN {}", encoded(&right)), "503 "),
        ("EHLO scanner", "250 "),
        (&format!("AUTH PLAIN {}", encoded(&wrong)), "535 "),
        (&format!("AUTH PLAIN {}!", encoded(&right)), "501 "),
        (&format!("AUTH XOAUTH2 {}", encoded(&right)), "504 "),
        (&format!("AUTH LOGIN {}", encoded("scanner")), "334 "),
        (&encoded(&format!("{DEVICE}!")), "535 "),
        (&format!("LOGIN scanner {DEVICE}"), "500 "),
        ("QUIT", "221 "),
    ]);
    relay.client().dialogue(&[
        ("", "220 "),
        ("EHLO scanner", "250 "),
        ("AUTH LOGIN", "334 "),
        (&encoded("scanner"), "334 "),
        (&encoded(DEVICE), "235 "),
        ("MAIL FROM:<robot@mailbearer.test>", "250 "),
        ("RCPT TO:<ann@example.org>", "250 "),
        ("DATA", "354 "),
        ("From: robot@mailbearer.test\r\nSubject: x\r\n\r\nx\r\n.", "250 "),
        ("QUIT", "221 "),
    ]);
    let mut said = relay.running.wait_for("delivery");
    said.push(relay.stop());
    let said = said.join("\n");
    let sent = said.contains("result=delivered") || said.contains("\"result\":\"delivered\"");
    assert_eq!(sent, is_sendable(fault), "{fault:?} {said}");
    let mut outcomes = vec![Outcome { code: None, stdout: String::new(), stderr: said }];
    for command in [&["relay", "status", "--spool", "spool"][..], &["queue", "list", "--spool", "spool"]] {
        outcomes.push(finish(world.command(&[command, more].concat()), b""));
    }
    let mut texts: Vec<String> = outcomes.iter().map(|outcome| format!("{outcome:?}")).collect();
    // What rests on the disk is no place for a device's password either.
    texts.extend(files(&world.path("spool")));
    texts.extend(fs::read_to_string(world.path("trace.txt")));
    for form in mailbearer_mock::spellings(DEVICE) {
        assert!(!texts.iter().any(|text| text.contains(&form)), "{form}: {texts:#?}");
    }
    for outcome in &outcomes {
        check(&world, &["relay"], outcome);
    }
    texts.iter().for_each(|text| world.check_for_secrets(text));
}

/// What is in the files of a folder.
#[cfg(unix)]
fn files(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(files(&path));
        } else if let Ok(octets) = fs::read(&path) {
            texts.push(String::from_utf8_lossy(&octets).into_owned());
        }
    }
    texts
}

/// Whether a message of the account goes out.
#[cfg(unix)]
fn is_sendable(fault: Option<&str>) -> bool {
    matches!(fault, None | Some("not-connected"))
}

/// Where the secrets are the server's own, which no test knows: nothing looks like one.
#[test]
fn the_demonstration_shows_no_secret() {
    for more in [&[][..], &["--json"], &["--trace"]] {
        let world = World::new();
        let said = finish(world.command(&[&["demo"], more].concat()), b"");
        let said = format!("{}{}", said.stdout, said.stderr);
        // The form, the token, and it again to each of two servers.
        let hidden = said.matches("[redacted]").count();
        assert!(more == ["--json"] || hidden >= 4 && said.contains("XOAUTH2"), "{said}");
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || "+/=-_".contains(letter);
        let long = said.split(|letter: char| !is_word(letter)).find(|word| word.len() > 60);
        assert_eq!(long, None, "{said}");
        for name in ["client_secret", "access_token", "Bearer"] {
            assert!(!said.contains(name), "{name}: {said}");
        }
    }
}

//! No secret comes out of any command, whether it succeeds or fails, with a trace or without.

use std::{fs, net::TcpListener, path::Path, thread, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer_mock::memory::{Fault, Options};

use crate::harness::{Other, Outcome, World, commands, complete, finish};
#[cfg(unix)]
use crate::{
    harness::Running,
    login::{USER, Waiting, redirected, world_with},
    relay::{Relay, hash},
};

/// Every command but [`OTHERS`]. A message waits in the queue; `ID` stands for its name.
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
    &["queue", "show", "ID"],
    &["queue", "export", "ID"],
    &["queue", "retry", "ID"],
    &["queue", "drop", "ID"],
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
    &["man"],
    &["man", "send"],
    &["completions", "bash"],
    &["help"],
    &["help", "setup"],
];

/// What goes on until it is stopped, or waits for a person, and the test that has it.
const OTHERS: &[(&str, Other)] = &[
    ("demo", Other::In("the_demonstration_shows_no_secret")),
    ("login", Other::In("a_login_shows_no_secret")),
    ("watch", Other::In("what_waits_shows_no_secret")),
    ("relay", Other::In("a_relay_shows_no_secret")),
    ("relay passwd", Other::In("a_relay_shows_no_secret")),
    ("relay status", Other::In("a_relay_shows_no_secret")),
    ("mock", Other::In("a_mock_shows_its_own_secrets_once")),
];

#[test]
fn each_command_has_a_row() {
    complete(&commands(), COMMANDS, OTHERS);
}

/// Help and complaints are made of the command line and the environment, where a secret is.
#[test]
fn no_command_line_that_is_wrong_shows_a_secret() {
    let world = world(None);
    for command in commands() {
        let words: Vec<&str> = command.split(' ').collect();
        for (more, code) in [("--no-such-option", 64), ("--help", 0)] {
            // These read the rest of the line by themselves.
            if ["help", "sendmail"].contains(&words[0]) {
                continue;
            }
            let arguments = [&words[..], &[more]].concat();
            let outcome = finish(world.command(&arguments), b"");
            assert_eq!(outcome.code, Some(code), "{arguments:?} {outcome:?}");
            check(&world, &arguments, &outcome);
        }
    }
}

/// Settings that can't be read are shown where they are wrong, and not what they hold.
#[test]
fn no_configuration_that_is_wrong_shows_a_secret() {
    let secret = World::new().server.client_secret().to_owned();
    for line in [
        format!("client_secret = '{secret}' oops"),
        format!("client_secret = '{secret}"),
        format!("client_secret = ['{secret}']"),
        format!("client_secret = {{ env = '{secret}', command = ['{secret}'] }}"),
        format!("client_secrets = '{secret}'"),
        format!("grant = '{secret}'"),
        format!("client_secret = '{secret}'\nclient_secret = '{secret}'"),
    ] {
        let world = World::new().unset("MAILBEARER_OAUTH_CLIENT_SECRET").unset("MAILBEARER_OAUTH_GRANT");
        let text = format!("[accounts.a]\nuser = 'robot@mailbearer.test'\n[accounts.a.oauth]\n{line}\n");
        fs::write(world.path("c.toml"), text).unwrap();
        for command in [&["list"][..], &["token"], &["doctor"], &["relay", "--check"], &["config"]] {
            let arguments = [command, &["--config", "c.toml", "--trace=trace.txt"]].concat();
            check(&world, &arguments, &finish(world.command(&arguments), b""));
        }
    }
}

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
                        // Help takes no options behind it.
                        let mut arguments = [*command, more].concat();
                        if command[0] == "help" {
                            arguments.rotate_left(command.len());
                        }
                        let id = if arguments.contains(&"ID") { queued(&world) } else { String::new() };
                        arguments.iter_mut().filter(|word| **word == "ID").for_each(|word| *word = &id);
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

/// The name of a message that waits.
fn queued(world: &World) -> String {
    finish(world.command(&["sendmail", "--queue", "-t"]), MESSAGE.as_bytes());
    let list = finish(world.command(&["queue", "list", "--json"]), b"").stdout;
    let first: serde_json::Value = serde_json::from_str(list.lines().next().unwrap()).unwrap();
    first["id"].as_str().unwrap().to_owned()
}

/// It prints its secrets as what it is asked for; nothing else that it says has them in it, nor those of the account.
#[cfg(unix)]
#[test]
fn a_mock_shows_its_own_secrets_once() {
    let world = world(None);
    world.run(&["list", "--trace=trace.txt"]).ok();
    for more in
        [&[][..], &["--json"], &["--format", "dotenv"], &["--personality", "qq"], &["--play", "trace.txt"]]
    {
        let mut running = Running::start(world.command(&[&["mock"], more].concat()));
        let mut settings = vec![running.line()];
        let is_json = more.contains(&"--json");
        let last = if more.contains(&"--play") { "MAILBEARER_TLS_CA_FILE" } else { "MOCK_SMTP_TLS_PORT" };
        while !is_json && !settings.last().unwrap().starts_with(last) {
            settings.push(running.line());
        }
        let value = |name: &str| match is_json {
            true => serde_json::from_str::<serde_json::Value>(&settings[0]).unwrap()[name]
                .as_str()
                .map(str::to_owned),
            false => settings.iter().find_map(|line| {
                Some(line.strip_prefix(name)?.strip_prefix('=')?.trim_matches('\'').to_owned())
            }),
        };
        let secret = value("MAILBEARER_OAUTH_CLIENT_SECRET").unwrap();
        let mut token = String::new();
        if !more.contains(&"--play") {
            let mut command = world.command(&["token"]);
            for name in [
                "MAILBEARER_OAUTH_CLIENT_SECRET",
                "MAILBEARER_OAUTH_CLIENT_ID",
                "MAILBEARER_OAUTH_TOKEN_URL",
                "MAILBEARER_TLS_CA_FILE",
            ] {
                command.env(name, value(name).unwrap());
            }
            token = finish(command, b"").ok().trim().to_owned();
        }
        let outcome = running.stop();
        for secret in [&secret, &token].into_iter().filter(|secret| !secret.is_empty()) {
            for form in mailbearer_mock::spellings(secret) {
                assert!(!format!("{outcome:?}").contains(&form), "{form} {outcome:?}");
            }
        }
        check(&world, &["mock"], &Outcome { stdout: settings.join("\n"), ..outcome });
    }
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for more in
        [&["--play", "none.txt"][..], &["--play", "mail.eml"], &["--fault", "help"], &["--token-port", &port]]
    {
        check(&world, more, &finish(world.command(&[&["mock"], more].concat()), b""));
    }
}

/// A person logs in by a browser and by a code, or is refused.
#[cfg(unix)]
#[test]
fn a_login_shows_no_secret() {
    for fault in [None, Some("google-invalid-grant"), Some("not-json")] {
        for more in TRACES {
            for way in ["--no-browser", "--device"] {
                let mut options = Options::default();
                options.fault = fault.map(|name| Fault::find(name).unwrap());
                let world = world_with(options);
                world.server.set_device_interval(1);
                let mut waiting = Waiting::start(world.command(&[&["login", way], *more].concat()));
                if way == "--device" && fault.is_none() {
                    let line = waiting.line("Open https://");
                    assert!(
                        world.server.answer_device(line.rsplit(' ').next().unwrap(), Some(USER)),
                        "{line}"
                    );
                } else if way == "--no-browser" {
                    let address = waiting.line("https://");
                    redirected(&world.server.log_in(&address, Some(USER)));
                }
                let outcome = waiting.end();
                assert_eq!(outcome.code == Some(0), fault.is_none(), "{fault:?} {way} {outcome:?}");
                check(&world, &["login"], &outcome);
            }
        }
    }
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
    assert!(!mailbearer_mock::spellings(DEVICE).iter().any(|form| hash.contains(form)), "{hash}");
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

//! A failure in the field becomes a test: what `--trace=FILE` writes, `mock --play` plays, and the same command fails alike.

#[cfg(unix)]
use std::time::Duration;
use std::{fs, process::Command, thread};

use mailbearer_mock::{
    Playing, Recording,
    memory::{Fault, Options},
};
use serde_json::Value;

use crate::harness::{Other, Outcome, World, bare, commands, complete, finish};
#[cfg(unix)]
use crate::{
    harness::Running,
    login::{USER, Waiting, redirected, world_with},
    relay::Relay,
};

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

/// Every command that talks to servers, and what it reads on standard input.
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
    (&["reply", "INBOX", "1", "--text", "x"], ""),
    (&["reply", "INBOX", "1", "--all", "--cc", "bob@example.org", "--text", "x"], ""),
    (&["forward", "INBOX", "1", "--to", "bob@example.org", "--text", "x"], ""),
    (&["forward", "INBOX", "1", "--to", "bob@example.org", "--whole"], ""),
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

/// The other commands, with the test that plays them or why there is nothing to play.
const OTHERS: &[(&str, Other)] = &[
    ("demo", Other::Nothing("it brings its own servers")),
    ("setup", Other::Nothing("it says what `login` and `token` say")),
    ("relay", Other::In("a_relay_is_played_again")),
    ("relay passwd", Other::Nothing("it talks to nobody")),
    ("relay health", Other::Nothing("it asks a relay for its greeting, and takes no account")),
    ("relay status", Other::Nothing("it reads a file")),
    ("relay certificate", Other::Nothing("it reads a file")),
    ("watch", Other::In("what_waits_is_played_again")),
    ("queue list", Other::Nothing("it reads the spool")),
    ("queue show", Other::Nothing("it reads the spool")),
    ("queue run", Other::In("a_queue_is_played_again")),
    ("queue retry", Other::Nothing("it changes the spool")),
    ("queue drop", Other::Nothing("it changes the spool")),
    ("queue export", Other::Nothing("it reads the spool")),
    ("providers", Other::Nothing("it talks to nobody")),
    ("mock", Other::Nothing("it is what plays")),
    ("man", Other::Nothing("it talks to nobody")),
    ("completions", Other::Nothing("it talks to nobody")),
    ("config", Other::Nothing("it talks to nobody")),
    ("help", Other::Nothing("it talks to nobody")),
];

#[test]
fn each_command_has_a_row() {
    let rows: Vec<_> = COMMANDS.iter().map(|(arguments, _)| *arguments).collect();
    complete(&commands(), &rows, OTHERS);
}

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

/// What waits in a queue is sent once more to the servers that a trace plays.
#[test]
fn a_queue_is_played_again() {
    for (fault, code) in [(None, 0), (Some("sender-mailbox-full"), 69), (Some("invalid-secret"), 75)] {
        let mut options = Options::default();
        options.fault = fault.map(|name| Fault::find(name).unwrap());
        let world = World::with(options);
        finish(world.command(&["sendmail", "--queue", "-t"]), MESSAGE.as_bytes()).ok();
        let first = world.run(&["queue", "run", "--trace=trace.txt"]);
        let (command, _playing) = replayed(&world, "trace.txt", &["sendmail", "--queue", "-t"]);
        let home = world.path("replay");
        let environment: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_owned(), value.unwrap().to_owned())).collect();
        finish(command, MESSAGE.as_bytes()).ok();
        let mut run = bare(&home, &["queue", "run"]);
        run.envs(environment);
        let second = finish(run, b"");
        assert_eq!((first.code, second.code), (Some(code), Some(code)), "{fault:?} {first:?} {second:?}");
    }
}

/// The clients of a relay and its servers are told apart in its trace. The servers are played.
#[cfg(unix)]
#[test]
fn a_relay_is_played_again() {
    for (fault, result) in
        [(None, "delivered"), (Some("recipient-unknown"), "failed"), (Some("invalid-secret"), "waits")]
    {
        let mut options = Options::default();
        options.fault = fault.map(|name| Fault::find(name).unwrap());
        let world = World::with(options);
        let words = ["relay", "--listen", "127.0.0.1:0", "--spool", "spool"];
        let send = |command| {
            let relay = Relay::begin(command);
            relay.client().dialogue(&[
                ("", "220 "),
                ("EHLO scanner", "250 "),
                ("MAIL FROM:<robot@mailbearer.test>", "250 "),
                ("RCPT TO:<ann@example.org>", "250 "),
                ("DATA", "354 "),
                ("From: robot@mailbearer.test\r\nSubject: x\r\n\r\nhello\r\n.", "250 "),
                ("QUIT", "221 "),
            ]);
            let said = relay.running.wait_for("delivery").pop().unwrap();
            relay.stop();
            said
        };
        let first = send(world.command(&[&words[..], &["--trace=trace.txt"]].concat()));
        let (command, _playing) = replayed(&world, "trace.txt", &words);
        let second = send(command);
        for said in [&first, &second] {
            assert!(said.contains(&format!("result={result}")), "{fault:?} {first} {second}");
        }
        let text = fs::read_to_string(world.path("trace.txt")).unwrap();
        let recording = Recording::parse(&text).unwrap();
        let services: Vec<&str> = recording.connections().map(|(service, _)| service).collect();
        assert_eq!(services.first(), Some(&"client"), "{services:?}");
        assert_eq!(services.contains(&"smtp"), fault != Some("invalid-secret"), "{services:?}");
        let client = text.split("--connection ").find(|part| part.contains(" client--")).unwrap();
        for line in [
            "S: 220 ",
            "C: EHLO scanner\n",
            "C: MAIL FROM:<robot@mailbearer.test>\n",
            "S: 250-",
            "--C 50--\nC: .\nS: 250 2.0.0 ",
        ] {
            assert!(client.contains(line), "{line:?} {text}");
        }
        assert!(!text.contains("hello"), "{text}");
    }
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

/// A person logs in again where the trace of a login is played: the token endpoint says the same, and the test is the browser.
#[cfg(unix)]
#[test]
fn a_login_is_played_again() {
    // In place of a page that nobody serves: the address that it would send the browser to.
    let back = |address: &str, answer: &str| {
        let query = address.split_once('?').unwrap().1;
        let field = |name: &str| {
            let mut fields = query.split('&').filter_map(|field| field.split_once('='));
            fields.find(|(own, _)| *own == name).unwrap().1.replace("%3A", ":").replace("%2F", "/")
        };
        format!("{}?{answer}&state={}", field("redirect_uri"), field("state"))
    };
    let end = |outcome: &Outcome| {
        let said =
            outcome.stderr.lines().filter(|line| line.starts_with("error: ") || line.starts_with("hint: "));
        (outcome.code, outcome.stdout.clone(), said.map(str::to_owned).collect::<Vec<_>>())
    };
    for (fault, person, code) in [
        (None, Some(USER), 0),
        (None, Some("bob@x"), 77),
        (None, None, 77),
        (Some("google-invalid-grant"), Some(USER), 77),
    ] {
        let mut options = Options::default();
        options.fault = fault.map(|name| Fault::find(name).unwrap());
        let world = world_with(options);
        let mut waiting = Waiting::start(world.command(&["login", "--no-browser", "--trace=trace.txt"]));
        let address = waiting.line("https://");
        redirected(&world.server.log_in(&address, person));
        let first = waiting.end();
        assert_eq!(first.code, Some(code), "{first:?}");
        let (command, _playing) = replayed(&world, "trace.txt", &["login", "--no-browser"]);
        let mut waiting = Waiting::start(command);
        let address = waiting.line("https://");
        let declined = "error=access_denied&error_description=AADSTS65004%3a+User+declined";
        redirected(&back(&address, if person.is_some() { "code=replayed" } else { declined }));
        let second = waiting.end();
        let (first, second) = (end(&first), end(&second));
        assert_eq!((first.0, &first.1), (second.0, &second.1), "{fault:?} {person:?} {second:?}");
        assert!(person.is_none() || first.2 == second.2, "{first:?} {second:?}");
    }
    for person in [Some(USER), None] {
        let world = world_with(Options::default());
        world.server.set_device_interval(1);
        let mut waiting = Waiting::start(world.command(&["login", "--device", "--trace=trace.txt"]));
        let line = waiting.line("Open https://");
        // It is asked in vain first.
        let trace = world.path("trace.txt");
        while !fs::read_to_string(&trace).unwrap_or_default().contains("authorization_pending") {
            thread::sleep(Duration::from_millis(10));
        }
        assert!(world.server.answer_device(line.rsplit(' ').next().unwrap(), person), "{line}");
        let first = waiting.end();
        assert_eq!(first.code == Some(0), person.is_some(), "{first:?}");
        let (command, _playing) = replayed(&world, "trace.txt", &["login", "--device"]);
        let mut waiting = Waiting::start(command);
        assert!(waiting.line("Open https://").ends_with(" replayed-user_code"));
        assert_eq!(end(&first), end(&waiting.end()));
    }
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

//! Ctrl-C and its like: a quick end, and nothing half done left behind.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    harness::{World, bare, deaf, finish, send_signal, speechless, stalling},
    relay::Relay,
};

#[test]
fn a_stopped_fetch_leaves_nothing() {
    let world = World::new();
    let uid = world.deliver(format!("Subject: x\r\n\r\n{}", "0123456789\r\n".repeat(200_000))).to_string();
    for signal in ["INT", "TERM", "HUP"] {
        // Enough for the handshake and a part of the message.
        let (port, stalled) = stalling(world.server.ports().imaps, 1_500_000);
        let mut command = world.command(&["fetch", "INBOX", &uid, "--output", "m.eml"]);
        command.env("MAILBEARER_IMAP_PORT", port.to_string()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        stalled.recv().unwrap();
        assert!(world.names("").iter().any(|name| name.ends_with(".partial")), "{:?}", world.names(""));
        send_signal(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(130), Vec::new()), "{signal}");
        assert_eq!(world.names(""), [".cache", "ca.pem"], "{signal}");
    }
    // And undisturbed it comes through.
    world.run(&["fetch", "INBOX", &uid, "--output", "m.eml"]).ok();
    assert_eq!(fs::metadata(world.path("m.eml")).unwrap().len(), 2_400_014);
}

#[test]
fn a_stopped_append_leaves_nothing() {
    let world = World::new();
    fs::write(world.path("m.eml"), format!("Subject: x\n\n{}", "0123456789\n".repeat(500_000))).unwrap();
    let before = world.names("");
    for signal in ["INT", "TERM"] {
        // Enough for the handshake and a part of the message.
        let (port, stalled) = deaf(world.server.ports().imaps, 1_500_000);
        let mut command = world.command(&["append", "INBOX", "m.eml"]);
        command.env("MAILBEARER_IMAP_PORT", port.to_string()).env("TMPDIR", world.path(""));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        stalled.recv().unwrap();
        send_signal(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stdout, output.stderr),
            (Some(130), vec![], vec![]),
            "{signal}"
        );
    }
    // While it still reads, and keeps what it read.
    let mut command = world.command(&["append", "INBOX"]);
    command.env("TMPDIR", world.path("")).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A pipe takes less, so it has read most of it by then.
    stdin.write_all(&b"0123456789\n".repeat(500_000)).unwrap();
    send_signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    drop(stdin);
    assert!(world.server.mailbox().messages("INBOX").is_empty());
    let names: Vec<String> = world.names("").into_iter().filter(|name| name != ".cache").collect();
    assert_eq!(names, before);
}

#[test]
fn a_stopped_send_delivers_nothing() {
    let world = World::new();
    let body = "0123456789\n".repeat(500_000);
    fs::write(world.path("m.eml"), format!("From: robot@mailbearer.test\nSubject: x\n\n{body}")).unwrap();
    let before = world.names("");
    for signal in ["INT", "TERM", "HUP"] {
        // Enough for the handshake and a part of the message.
        let (port, stalled) = deaf(world.server.ports().smtp, 1_500_000);
        let mut command = world.command(&["send", "--raw", "m.eml", "--to", "ann@mailbearer.test"]);
        command.env("MAILBEARER_SMTP_PORT", port.to_string()).env("TMPDIR", world.path(""));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        stalled.recv().unwrap();
        send_signal(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stdout, output.stderr),
            (Some(130), vec![], vec![]),
            "{signal}"
        );
    }
    assert!(world.server.mailbox().messages("INBOX").is_empty());
    let names: Vec<String> = world.names("").into_iter().filter(|name| name != ".cache").collect();
    assert_eq!(names, before);
}

#[test]
fn waiting_for_a_server_ends_at_once() {
    let (port, clients) = speechless("");
    let world = World::new().set("MAILBEARER_IMAP_PORT", port);
    for arguments in [&["list"][..], &["fetch", "INBOX", "1", "--output", "m.eml"], &["watch"]] {
        for signal in ["INT", "TERM"] {
            let child = world.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
            clients.recv().unwrap();
            send_signal(&child, signal);
            let output = child.wait_with_output().unwrap();
            assert_eq!(
                (output.status.code(), output.stderr),
                (Some(130), Vec::new()),
                "{arguments:?} {signal}"
            );
        }
    }
    assert_eq!(world.names(""), [".cache", "ca.pem"]);
}

/// A program that does not end, and says which process it is, and which it started.
const HANGS: &str = "['sh', '-c', 'sleep 600 & echo $$ $! > pid; mv pid begun; wait']";

/// Waits until the program of [`HANGS`] runs.
fn wait_for_program(world: &World) {
    while !world.path("begun").exists() {
        thread::sleep(Duration::from_millis(5));
    }
}

/// It has ended, and so has what it started.
#[track_caller]
fn program_has_ended(world: &World) {
    let pids = fs::read_to_string(world.path("begun")).unwrap();
    fs::remove_file(world.path("begun")).unwrap();
    let pids: Vec<&str> = pids.split_whitespace().collect();
    assert_eq!(pids.len(), 2, "{pids:?}");
    let list = pids.join(",");
    let mut state = String::new();
    // A signal takes a moment, and whoever takes care of orphans may be slow.
    for _ in 0..500 {
        let listed = Command::new("ps").args(["-o", "stat=", "-p", &list]).output().unwrap().stdout;
        state = String::from_utf8(listed).unwrap();
        if state.lines().all(|line| line.starts_with('Z')) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{state}");
}

/// Where a person may be asked by way of a terminal, it stays in our group, and the terminal sends it the signal too.
fn has_terminal() -> bool {
    fs::File::open("/dev/tty").is_ok()
}

fn with_program() -> World {
    let world = World::new().unset("MAILBEARER_OAUTH_CLIENT_SECRET");
    let secret = format!("client_secret = {{ command = {HANGS} }}");
    fs::write(world.path("c.toml"), format!("[accounts.a.oauth]\n{secret}\n")).unwrap();
    world
}

#[test]
fn a_program_that_gives_a_secret_ends_with_us() {
    if has_terminal() {
        return;
    }
    let world = with_program();
    fs::write(world.path("hook.toml"), format!("[accounts.a.oauth]\nhooks.token_changed = {HANGS}\n"))
        .unwrap();
    let hooked = World::new();
    fs::copy(world.path("hook.toml"), hooked.path("c.toml")).unwrap();
    let send = &["send", "--config", "c.toml", "--to", "a@x", "--text", "x"];
    let check = &["relay", "--config", "c.toml", "--check"];
    let relay = &["relay", "--config", "c.toml", "--listen", "127.0.0.1:0"];
    let rows: [(&World, &[&str], i32); 6] = [
        (&world, &["token", "--config", "c.toml"], 130),
        (&world, send, 130),
        (&world, check, 130),
        // It has begun nothing, and ends as it was asked to.
        (&world, relay, 0),
        (&hooked, &["token", "--config", "c.toml"], 130),
        (&hooked, send, 130),
    ];
    for (world, arguments, code) in rows {
        for signal in ["INT", "TERM", "HUP"] {
            if arguments[0] == "relay" && signal == "HUP" {
                continue;
            }
            let child = world.command(arguments).stdout(Stdio::null()).spawn().unwrap();
            wait_for_program(world);
            send_signal(&child, signal);
            assert_eq!(child.wait_with_output().unwrap().status.code(), Some(code), "{arguments:?} {signal}");
            program_has_ended(world);
            let _ = fs::remove_dir_all(world.cache());
        }
    }
}

/// The relay waits 30 s for what it sends, and for nobody who gives it a secret.
#[test]
fn a_program_ends_with_the_relay_in_time() {
    if has_terminal() {
        return;
    }
    let world = World::new();
    fs::write(world.path("c.toml"), "[accounts.a]\n").unwrap();
    let start = || {
        let config = world.path("c.toml");
        Relay::of(&world, &["--config", config.to_str().unwrap(), "relay", "--listen", "127.0.0.1:0"])
    };
    // It reads its configuration again.
    let relay = start();
    fs::write(world.path("c.toml"), format!("[accounts.a]\npassword = {{ command = {HANGS} }}\n")).unwrap();
    send_signal(&relay.running.child.0, "HUP");
    wait_for_program(&world);
    let begun = Instant::now();
    relay.stop();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    program_has_ended(&world);
    // It sends a message.
    fs::write(world.path("c.toml"), format!("[accounts.a.oauth]\nhooks.token_changed = {HANGS}\n")).unwrap();
    let relay = start();
    world.run_with(&["sendmail", "--queue", "a@x"], "Subject: x\n\nx\n").ok();
    wait_for_program(&world);
    let begun = Instant::now();
    relay.stop();
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    program_has_ended(&world);
}

#[test]
fn the_memory_server_runs_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["INT", "TERM"] {
        let mut command = bare(folder.path(), &["mock", "--user", "ann@mailbearer.test"]);
        command.env("TMPDIR", folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut client = bare(folder.path(), &["send", "--to", "ann@mailbearer.test", "--text", "x"]);
        loop {
            let line = lines.next().unwrap();
            let (name, value) = line.split_once('=').unwrap();
            client.env(name, value.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap());
            if name == LAST_LINE {
                break;
            }
        }
        assert_eq!(finish(client, b"").ok(), "accepted  ann@mailbearer.test\n");
        send_signal(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{signal}");
        let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("mailbearer-")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// What the memory server prints last.
const LAST_LINE: &str = "MOCK_SMTP_TLS_PORT";

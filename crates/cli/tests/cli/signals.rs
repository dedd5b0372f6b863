//! Ctrl-C and its like: a quick end, and nothing half done left behind.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::harness::{World, bare, deaf, finish, send_signal, speechless, stalling};

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

/// Where a person may be asked by way of a terminal, it stays in our group, and the terminal sends it the signal too.
#[test]
fn a_program_that_gives_a_secret_ends_with_us() {
    if fs::File::open("/dev/tty").is_ok() {
        return;
    }
    let world = World::new().unset("MAILBEARER_OAUTH_CLIENT_SECRET");
    let secret = "client_secret = { command = ['sh', '-c', 'echo $$ > pid; mv pid begun; sleep 600; :'] }";
    fs::write(world.path("c.toml"), format!("[accounts.a.oauth]\n{secret}\n")).unwrap();
    for signal in ["INT", "TERM", "HUP"] {
        let child = world.command(&["token", "--config", "c.toml"]).spawn().unwrap();
        while !world.path("begun").exists() {
            thread::sleep(Duration::from_millis(5));
        }
        send_signal(&child, signal);
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130), "{signal}");
        let pid = fs::read_to_string(world.path("begun")).unwrap();
        fs::remove_file(world.path("begun")).unwrap();
        // Whoever takes care of orphans may be slow, so it may still be a name.
        let state = Command::new("ps").args(["-o", "stat=", "-p", pid.trim()]).output().unwrap().stdout;
        assert!(state.is_empty() || state.starts_with(b"Z"), "{signal}");
    }
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

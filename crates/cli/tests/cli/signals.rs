//! Ctrl-C and its like: a quick end, and nothing half done left behind.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::harness::{World, bare, finish, speechless, stalling};

fn send_signal(child: &Child, signal: &str) {
    let status = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

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
fn waiting_for_a_server_ends_at_once() {
    let (port, clients) = speechless("");
    let world = World::new().set("MAILBEARER_IMAP_PORT", port);
    for arguments in [&["list"][..], &["fetch", "INBOX", "1", "--output", "m.eml"]] {
        let child = world.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
        clients.recv().unwrap();
        send_signal(&child, "INT");
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(130), Vec::new()), "{arguments:?}");
    }
    assert_eq!(world.names(""), [".cache", "ca.pem"]);
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
            client.env(name, value);
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

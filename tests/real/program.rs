//! The main job through the program.

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use mailbearer_tests::program;

use crate::{
    job,
    servers::{self, Box, port, setting},
};

#[test]
fn token_send_list_and_fetch() {
    let mailbox = Box::new();
    let endpoint = servers::endpoint(&mailbox.token);
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, [fs::read(setting("CA_FILE")).unwrap(), endpoint.ca_pem().into()].concat()).unwrap();
    let run = |arguments: &[&str], input: &[u8]| {
        let mut command = Command::new(program());
        command.args(arguments).env_clear().envs(endpoint.env(&ca_file));
        command.env("MAILBEARER_USER", &mailbox.user);
        command.env("MAILBEARER_IMAP_PORT", port("IMAPS_PORT").to_string());
        command.env("MAILBEARER_SMTP_PORT", port("SUBMISSION_PORT").to_string());
        command.env("XDG_CACHE_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    };

    assert_eq!(text(&run(&["token"], b"")).trim_end(), mailbox.token);
    run(&["send", "--to", &mailbox.user, "--subject", "Grüße aus Köln", "--text", "Hallo"], b"");
    let raw =
        format!("From: {}\r\nSubject: =?GB2312?B?xOO6w6OsysC95w==?=\r\n\r\n.\r\nHello\r\n", mailbox.user);
    run(&["send", "--to", &mailbox.user, "--raw", "-"], raw.as_bytes());
    let robot = servers::account(&mailbox.user, &endpoint).blocking().unwrap();
    let items = job::wait_for(&robot, 2);
    let uid = items.iter().find(|item| item.subject.starts_with('你')).unwrap().uid.to_string();

    let listed = text(&run(&["list"], b""));
    assert!(listed.contains("Grüße aus Köln") && listed.contains("你好，世界"), "{listed}");
    let listed = text(&run(&["list", "--json", "--limit", "1"], b""));
    assert_eq!(listed.lines().count(), 1, "{listed}");
    let item: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(item["uid"], items[1].uid);

    let file = folder.path().join("message.eml");
    run(&["fetch", "INBOX", &uid, "--output", file.to_str().unwrap()], b"");
    assert!(fs::read_to_string(&file).unwrap().ends_with("\r\n\r\n.\r\nHello\r\n"));
    assert!(run(&["fetch", "INBOX", &uid], b"").stdout.ends_with(b"\r\n\r\n.\r\nHello\r\n"));
}

#[test]
fn a_wrong_token_ends_with_the_reason_and_its_exit_code() {
    let endpoint = servers::endpoint(&setting("TOKEN_EXPIRED"));
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, [fs::read(setting("CA_FILE")).unwrap(), endpoint.ca_pem().into()].concat()).unwrap();
    let mut command = Command::new(program());
    command.arg("list").env_clear().envs(endpoint.env(&ca_file));
    command.env("MAILBEARER_USER", setting("USER")).env("MAILBEARER_IMAP_PORT", setting("IMAPS_PORT"));
    command.env("XDG_CACHE_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(77), "{said}");
    assert!(said.contains("AUTHENTICATIONFAILED") && said.contains("401"), "{said}");
    assert!(said.contains("hint: "), "{said}");
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

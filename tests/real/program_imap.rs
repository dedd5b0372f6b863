//! What the program does with a mailbox.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Output, Stdio},
};

use mailbearer_mock::Server;
use mailbearer_tests::program;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    imap_ops::Proxy,
    servers::{self, Box, port, setting},
};

/// The program with a mailbox of its own.
struct Program {
    mailbox: Box,
    endpoint: Server,
    folder: TempDir,
}

impl Program {
    fn new() -> Self {
        let mailbox = Box::new();
        let endpoint = servers::endpoint(&mailbox.token);
        let folder = tempfile::tempdir().unwrap();
        let ca = [fs::read(setting("CA_FILE")).unwrap(), endpoint.ca_pem().into()].concat();
        fs::write(folder.path().join("ca.pem"), ca).unwrap();
        Self { mailbox, endpoint, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(program());
        command.args(arguments).env_clear().envs(self.endpoint.env(&folder.join("ca.pem")));
        command.env("MAILBEARER_USER", &self.mailbox.user);
        command.env("MAILBEARER_IMAP_PORT", port("IMAPS_PORT").to_string());
        command.env("XDG_CACHE_HOME", folder).env("XDG_CONFIG_HOME", folder).current_dir(folder);
        command.env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(arguments).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        for said in [&output.stdout, &output.stderr] {
            let said = String::from_utf8_lossy(said);
            assert!(!said.contains(&self.mailbox.token[..20]), "{arguments:?}: {said}");
        }
        output
    }

    fn run_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.output(arguments, input);
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, b"")
    }

    fn objects(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.run(&[arguments, &["--json"]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn uids(&self, arguments: &[&str]) -> Vec<u64> {
        self.objects(arguments).iter().map(|object| object["uid"].as_u64().unwrap()).collect()
    }
}

const ANN: &str = "From: =?utf-8?q?Ann_M=C3=BCller?= <ann@mail.test>\nSubject: first\n\nalpha\n";
const BOB: &str = "From: bob@mail.test\nSubject: =?utf-8?b?R3LDvMOfZSDkvaDlpb0=?=\n\nbeta\n";
const PARTS: &str = "From: ann@mail.test\nSubject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe\n\
    --b\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\
    Content-Disposition: attachment; filename*=utf-8''Bericht%20f%C3%BCr%20Ann.pdf\n\nJVBERgA=\n--b--\n";

#[test]
fn a_mailbox_is_filled_searched_and_emptied() {
    let program = Program::new();
    let appended = program.run_with(&["append", "INBOX", "--date", "2026-01-02T10:00Z"], ANN.as_bytes());
    assert_eq!(appended, "appended  INBOX  1\n");
    fs::write(program.folder.path().join("m.eml"), BOB).unwrap();
    let told = &program.objects(&["append", "INBOX", "m.eml", "--flag", "flagged", "--flag", "$Work"])[0];
    assert_eq!((&told["uid"], &told["octets"]), (&2.into(), &BOB.replace('\n', "\r\n").len().into()));
    program.run_with(&["append", "INBOX"], PARTS.as_bytes());

    for (search, want) in [
        ("from:ann", &[1, 3][..]),
        ("from:Müller", &[1]),
        ("subject:\"Grüße 你好\"", &[2]),
        ("flagged keyword:$Work", &[2]),
        ("-flagged text:alpha or subject:parts", &[1, 3]),
        ("before:2026-01-03", &[1]),
        ("header:Content-Type=multipart", &[3]),
        ("imap:OR UID 1 (FLAGGED UNSEEN)", &[1, 2]),
        ("larger:1M", &[]),
    ] {
        assert_eq!(program.uids(&["list", "--search", search]), want, "{search}");
    }
    assert_eq!(program.uids(&["list", "--since", "2026-01-03"]), [2, 3]);
    assert_eq!(program.uids(&["list", "--since", "2026-01-01", "--limit", "1"]), [3]);
    let [all, found] = [&["list"][..], &["list", "--search", "all"]].map(|arguments| program.run(arguments));
    assert_eq!(all, found);

    let tree = program.run(&["fetch", "INBOX", "3", "--structure"]);
    let words = "2           application/pdf  base64  8 octets  attachment  \"Bericht für Ann.pdf\"\n";
    assert!(tree.starts_with("          multipart/mixed\n1 ") && tree.ends_with(words), "{tree}");
    assert_eq!(program.run(&["fetch", "INBOX", "3", "--part", "1", "--decode"]), "Grüße");
    assert_eq!(program.run(&["fetch", "INBOX", "3", "--part", "2", "--decode"]), "%PDF\0");
    assert_eq!(program.run(&["fetch", "INBOX", "3", "--part", "2"]), "JVBERgA=");
    let header = program.run(&["fetch", "INBOX", "3", "--part", "2", "--headers"]);
    assert!(header.starts_with("Content-Type: application/pdf\r\n"), "{header}");
    assert!(program.run(&["fetch", "INBOX", "1", "--headers"]).ends_with("Subject: first\r\n\r\n"));
    let missing = program.output(&["fetch", "INBOX", "3", "--part", "3"], b"");
    assert_eq!(missing.status.code(), Some(66), "{missing:?}");

    let trash = program.objects(&["folders", "Trash"]).remove(0);
    assert_eq!((&trash["role"], &trash["messages"]), (&"trash".into(), &0.into()));
    assert!(program.run(&["folders"]).contains("INBOX"));
    assert_eq!(
        program.run(&["copy", "INBOX", "1,3", "Archive"]),
        "copied         1  Archive  1\ncopied         3  Archive  2\n"
    );
    assert_eq!(program.run(&["move", "Archive", "*", "Drafts"]), "moved          2  Drafts  1\n");
    assert_eq!(
        program.run(&["flag", "INBOX", "1", "--add", "seen,$Work"]),
        "flagged        1  \\Seen $Work\n"
    );
    assert_eq!(program.run(&["flag", "INBOX", "1", "--remove", "seen"]), "flagged        1  $Work\n");
    assert_eq!(program.run(&["flag", "INBOX", "1:2", "--set", ""]), "flagged        1\nflagged        2\n");
    assert_eq!(program.run(&["delete", "INBOX", "1"]), "deleted        1  Trash  1\n");
    assert_eq!(program.run(&["delete", "INBOX", "2", "--expunge"]), "removed        2\n");
    let outcome = program.output(&["delete", "INBOX", "2:3,9"], b"");
    assert_eq!(outcome.status.code(), Some(66), "{outcome:?}");
    assert_eq!(outcome.stdout, b"deleted        3  Trash  2\n");
    // To IMAP this is the last message.
    let outcome = program.output(&["delete", "Drafts", "2:*", "--expunge"], b"");
    assert_eq!((outcome.status.code(), outcome.stdout.len()), (Some(66), 0), "{outcome:?}");
    assert_eq!(program.uids(&["list", "Drafts"]), [1]);
    assert_eq!(program.uids(&["list", "Trash"]), [1, 2]);
    assert_eq!(program.uids(&["list"]), [0; 0]);
}

/// Not left behind by a test that fails.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_watch_tells_what_comes_while_the_connection_is_cut() {
    let program = Program::new();
    program.run_with(&["append", "INBOX"], b"Subject: old\n\n");
    let proxy = Proxy::start(port("IMAPS_PORT"));
    let mut command = program.command(&["watch", "--all", "--json", "--trace"]);
    command.env("MAILBEARER_IMAP_PORT", proxy.port().to_string());
    let mut watch = Ended(command.spawn().unwrap());
    let mut lines = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let mut trace = BufReader::new(watch.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut wait_for = |part: &str| assert!(trace.any(|line| line.contains(part)), "{part} never came");
    wait_for("< + idling");
    program.run_with(&["append", "INBOX"], b"From: ann@mail.test\nSubject: one\n\n");
    let news = next();
    assert_eq!(
        (&news["event"], &news["subject"], &news["uid"]),
        (&"arrived".into(), &"one".into(), &2.into())
    );
    proxy.cut();
    program.run_with(&["append", "INBOX"], b"Subject: two\n\n");
    program.run(&["flag", "INBOX", "1", "--add", "flagged"]);
    program.run(&["delete", "INBOX", "2"]);
    let mut told: Vec<String> =
        (0..3).map(|_| next()).map(|news| format!("{} {}", news["event"], news["uid"])).collect();
    told.sort();
    assert_eq!(told, ["\"arrived\" 3", "\"expunged\" 2", "\"flags\" 1"]);
    wait_for("AUTHENTICATE");
    wait_for("< + idling");
}

#[test]
fn a_large_message_goes_up_and_comes_down_the_same() {
    let program = Program::new();
    let message = b"Subject: large\r\n\r\n".to_vec();
    let message = [message, b"the quick brown fox jumps over the lazy dog\r\n".repeat(200_000)].concat();
    assert_eq!(program.run_with(&["append", "INBOX"], &message), "appended  INBOX  1\n");
    assert_eq!(program.run(&["fetch", "INBOX", "1", "--output", "m.eml"]), "");
    assert!(fs::read(program.folder.path().join("m.eml")).unwrap() == message);
}

//! The examples of docs/mock, in the languages of others, as they stand there.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use mailbearer_mock::memory::Options;

use crate::foreign::{Bench, run};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mock").join(name)
}

/// Runs an example; what it found in the inbox when it was done.
fn subjects(mut command: Command) -> Vec<String> {
    let bench = Bench::start(Options::default());
    command.envs(bench.server.env(bench.ca_file()));
    assert_eq!(run(&mut command, "").out(), "ok\n");
    let messages = bench.server.mailbox().messages("INBOX");
    let subject = |octets: &[u8]| {
        let text = String::from_utf8_lossy(octets).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("Subject: ").map(ToOwned::to_owned));
        line.unwrap_or_default()
    };
    messages.iter().map(|message| subject(&message.octets)).collect()
}

#[test]
fn python() {
    let mut command = Command::new("python3");
    command.arg(example("client.py"));
    assert_eq!(subjects(command), ["hello", "from Python"]);
}

#[test]
fn java() {
    let mut command = Command::new("java");
    let jars = "/usr/share/java/javax.mail.jar:/usr/share/java/javax.activation.jar";
    command.args(["-cp", jars]).arg(example("Client.java"));
    assert_eq!(subjects(command), ["hello"]);
}

#[test]
fn node() {
    let mut command = Command::new("node");
    command.arg(example("client.mjs"));
    assert_eq!(subjects(command), ["hello"]);
}

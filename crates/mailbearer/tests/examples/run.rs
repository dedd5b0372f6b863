//! Runs each example as a program of its own.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

use mailbearer_mock::{Server, memory::Options};
use tempfile::TempDir;

/// Starts a server, and makes a folder with its certificate authority.
fn server() -> (Server, TempDir) {
    let (server, folder) = (Server::start(Options::default()).unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
    (server, folder)
}

/// Returns a command for an example, which Cargo has built beside this test.
fn example(name: &str, (server, folder): &(Server, TempDir), arguments: &[&str]) -> Command {
    let tests = env::current_exe().unwrap();
    let path: PathBuf = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join(name);
    let mut command = Command::new(&path);
    command.args(arguments).envs(server.env(&folder.path().join("ca.pem"))).current_dir(folder.path());
    command
}

#[track_caller]
fn output(mut command: Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().expect("`cargo test` without --test builds the examples");
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn token_is_the_token_alone() {
    let world = server();
    let printed = output(example("token", &world, &[]));
    assert_eq!(printed, format!("{}\n", world.0.tokens().latest().unwrap()));
}

#[test]
fn a_file_is_sent_as_an_attachment() {
    let world = server();
    std::fs::write(world.1.path().join("Bericht ä.pdf"), b"%PDF-\x00\xff").unwrap();
    let robot = world.0.user().to_owned();
    let printed = output(example("send_attachment", &world, &[&robot, "Bericht ä.pdf"]));
    assert_eq!(printed, format!("{robot} gets it\n"));
    let messages = world.0.mailbox().messages("INBOX");
    let text = String::from_utf8_lossy(&messages[0].octets).into_owned();
    assert!(text.contains("JVBERi0A/w=="), "{text}");
    assert!(text.contains("filename*=") && text.contains("Bericht%20%C3%A4.pdf"), "{text}");
}

#[cfg(feature = "pop3")]
#[test]
fn a_mailbox_is_collected_by_pop3() {
    let world = server();
    for text in ["one", "two"] {
        world.0.mailbox().deliver(format!("Subject: {text}\r\n\r\n.\r\n").into_bytes()).unwrap();
    }
    assert_eq!(output(example("collect", &world, &["mail"])), "2 collected\n");
    let files = std::fs::read_dir(world.1.path().join("mail")).unwrap();
    let mut texts: Vec<String> =
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    texts.sort();
    assert_eq!(texts, ["Subject: one\r\n\r\n.\r\n", "Subject: two\r\n\r\n.\r\n"]);
    assert!(world.0.mailbox().messages("INBOX").is_empty());
    assert_eq!(output(example("collect", &world, &["mail"])), "nothing new\n");
}

#[test]
fn what_is_missing_is_named() {
    let world = server();
    let mut command = example("token", &world, &[]);
    let output = command.env_remove("MAILBEARER_OAUTH_CLIENT_ID").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("MAILBEARER_OAUTH_CLIENT_ID is not set"));
}

#[cfg(feature = "tokio")]
#[test]
fn messages_are_filed_as_they_arrive() {
    use std::{io::BufRead, io::BufReader, process::Stdio};

    let world = server();
    let mut command = example("watch_and_file", &world, &["Invoice", "Drafts", "1"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("watching"));
    for subject in ["hello", "your invoice", "bye"] {
        world
            .0
            .mailbox()
            .deliver(format!("From: a@x.test\r\nSubject: {subject}\r\n\r\nx").as_bytes())
            .unwrap();
    }
    assert_eq!(lines.next().as_deref(), Some("filed 2 your invoice"));
    assert!(child.wait().unwrap().success());
    let uids =
        |folder| world.0.mailbox().messages(folder).iter().map(|message| message.uid).collect::<Vec<_>>();
    assert_eq!((uids("INBOX"), uids("Drafts")), (vec![1, 3], vec![1]));
}

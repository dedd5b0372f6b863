//! Programs that collect mail: mpop with a token, fetchmail with a password.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use mailbearer_mock::memory::{Options, Personality};

use crate::foreign::{Bench, Done, run};

fn bench(personality: Personality) -> Bench {
    let mut options = Options::default();
    options.personality = personality;
    let bench = Bench::start(options);
    for text in ["one", "two"] {
        bench.server.mailbox().deliver(format!("Subject: {text}\r\n\r\n.\r\n..x\r\n").into_bytes()).unwrap();
    }
    bench
}

/// Runs a program with a file of settings that nobody else may read.
fn collect(program: &str, arguments: &[&str], home: &Path, settings: &str) -> Done {
    let file = home.join("settings");
    fs::write(&file, settings).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(&file).env("HOME", home).current_dir(home);
    run(&mut command, "")
}

#[test]
fn mpop_with_a_token() {
    for personality in [Personality::Gmail, Personality::Dovecot] {
        let bench = bench(personality);
        let home = tempfile::tempdir().unwrap();
        for folder in ["tmp", "new", "cur"] {
            fs::create_dir_all(home.path().join("mail").join(folder)).unwrap();
        }
        let robot = crate::facade::robot(&bench.server);
        fs::write(home.path().join("token"), robot.token().unwrap().access_token.expose()).unwrap();
        let settings = format!(
            "account default\nhost localhost\nport {}\nuser {}\ntls on\ntls_starttls off\ntls_trust_file {}\n\
             auth xoauth2\npasswordeval cat {}\ndelivery maildir {}\nkeep off\n",
            bench.server.ports().pop3s,
            bench.server.user(),
            bench.ca_file().display(),
            home.path().join("token").display(),
            home.path().join("mail").display(),
        );
        let done = collect("mpop", &["--file"], home.path(), &settings);
        assert!(done.success, "{personality}: {done:?}");
        let mut texts: Vec<String> = fs::read_dir(home.path().join("mail/new"))
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        texts.sort();
        assert_eq!(texts.len(), 2, "{personality}: {texts:?}");
        assert!(texts[0].contains("Subject: one\n\n.\n..x\n"), "{personality}: {texts:?}");
        assert!(bench.server.mailbox().messages("INBOX").is_empty(), "{personality}");
    }
}

#[test]
fn fetchmail_with_a_password() {
    let bench = bench(Personality::Dovecot);
    let home = tempfile::tempdir().unwrap();
    let settings = format!(
        "poll localhost service {} protocol pop3 uidl auth password\n  user \"{}\" password \"{}\" \
         ssl sslcertck sslcertfile \"{}\" mda \"cat >> {}\" fetchall nokeep\n",
        bench.server.ports().pop3s,
        bench.server.user(),
        bench.server.password().unwrap(),
        bench.ca_file().display(),
        home.path().join("mail").display(),
    );
    let done =
        collect("fetchmail", &["--nodetach", "--nosyslog", "-v", "--fetchmailrc"], home.path(), &settings);
    assert!(done.success, "{done:?}");
    let text = fs::read_to_string(home.path().join("mail")).unwrap();
    assert!(text.contains("Subject: one\n") && text.contains("Subject: two\n\n.\n..x\n"), "{text}");
    assert!(bench.server.mailbox().messages("INBOX").is_empty());
}

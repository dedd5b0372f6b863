//! The program is killed at each of its system calls while it fetches all messages by POP3, and each call that writes fails
//! for want of room. Run again, each message is in the Maildir once, and none is gone from the server that is not there.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use mailbearer_mock::{
    Server,
    memory::{Options, Personality},
};
use mailbearer_tests::program;

use crate::killed::{calls, must_trace};

struct World {
    server: Server,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let mut options = Options::default();
        options.personality = Personality::Dovecot;
        let server = Server::start(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
        let world = Self { server, folder };
        // A token that is good for all of it: fewer calls to be killed at.
        assert!(world.run(&[], &["token"]).status.success());
        world
    }

    fn run(&self, tracer: &[&str], arguments: &[&str]) -> Output {
        let program = program();
        let words = [tracer, &[program.to_str().unwrap()], arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear().env("HOME", self.folder.path());
        command.envs(self.server.env(&self.folder.path().join("ca.pem")));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn fetch(&self, tracer: &[&str], what: &str) -> Output {
        let maildir = self.folder.path().join("mail");
        self.run(tracer, &["pop", "fetch", "--all", what, "--maildir", maildir.to_str().unwrap()])
    }

    /// An empty Maildir and two new messages.
    fn reset(&self) {
        let maildir = self.folder.path().join("mail");
        if maildir.exists() {
            fs::remove_dir_all(&maildir).unwrap();
        }
        for message in self.server.mailbox().messages("INBOX") {
            self.server.mailbox().remove("INBOX", message.uid);
        }
        for text in ["one", "two"] {
            self.server.mailbox().deliver(format!("Subject: {text}\r\n\r\n.\r\n").into_bytes()).unwrap();
        }
    }

    fn kept(&self) -> Vec<String> {
        let new = self.folder.path().join("mail/new");
        let files = fs::read_dir(new).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut texts: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
        texts.sort();
        texts
    }

    fn left(&self) -> usize {
        self.server.mailbox().messages("INBOX").len()
    }
}

fn injections(trace: &Path) -> Vec<String> {
    let mut injections = Vec::new();
    for (call, count) in calls(&fs::read_to_string(trace).unwrap()) {
        let fails = ["write", "fsync", "rename", "openat", "mkdir"].contains(&call.as_str());
        for at in 1..=count {
            injections.push(format!("inject={call}:signal=KILL:when={at}"));
            if fails {
                injections.push(format!("inject={call}:error=ENOSPC:when={at}"));
            }
        }
    }
    injections
}

#[test]
fn no_message_is_lost_or_doubled() {
    let world = World::new();
    let whole = ["Subject: one\r\n\r\n.\r\n", "Subject: two\r\n\r\n.\r\n"];
    for what in ["--keep", "--delete"] {
        let trace = world.folder.path().join("trace");
        world.reset();
        must_trace();
        let traced = world.fetch(&["strace", "-f", "-qq", "-o", trace.to_str().unwrap()], what);
        assert!(traced.status.success(), "{traced:?}");
        let injections = injections(&trace);
        assert!(injections.iter().any(|one| one.contains("inject=rename:signal")), "{injections:?}");
        let (mut none, mut all) = (0, 0);
        for injection in injections {
            world.reset();
            let output = world.fetch(&["strace", "-f", "-qq", "-e", &injection], what);
            let kept = world.kept();
            // Only what is safe is gone.
            assert!(kept.len() == 2 || world.left() == 2, "{injection}: {kept:?}, {}", world.left());
            none += usize::from(kept.is_empty());
            all += usize::from(kept.len() == 2);
            // Whoever reads the mail takes it away.
            for entry in fs::read_dir(world.folder.path().join("mail/new")).into_iter().flatten() {
                let entry = entry.unwrap();
                fs::rename(entry.path(), world.folder.path().join("mail/cur").join(entry.file_name()))
                    .unwrap();
            }
            let again = world.fetch(&[], what);
            assert!(again.status.success(), "{injection}: {output:?} {again:?}");
            let mut both = [kept, world.kept()].concat();
            both.sort();
            assert_eq!(both, whole, "{injection}: {output:?}");
            assert_eq!(world.left(), if what == "--keep" { 2 } else { 0 }, "{injection}");
            let tmp = fs::read_dir(world.folder.path().join("mail/tmp")).unwrap().count();
            assert_eq!(tmp, 0, "{injection}");
        }
        assert!(none > 0 && all > 0, "{none} {all}");
    }
}

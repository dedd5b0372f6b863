//! The program is killed at each of its system calls while it takes a message into the queue, and while it sends from
//! there; and each call that writes fails for want of room. What was reported as taken is delivered once, or marked as
//! unknown.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use mailbearer_mock::{Server, memory::Options};
use mailbearer_tests::program;

use crate::killed::calls;

struct World {
    server: Server,
    folder: tempfile::TempDir,
    count: std::cell::Cell<usize>,
}

impl World {
    fn new() -> Self {
        let server = Server::start(Options::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
        let world = Self { server, folder, count: std::cell::Cell::new(0) };
        // A token that is good for all of it: fewer calls to be killed at.
        assert!(world.run(&[], &["token"], "").status.success());
        world
    }

    fn run(&self, tracer: &[String], arguments: &[&str], input: &str) -> Output {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let words = [tracer, &[program().display().to_string()], &arguments].concat();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().env("HOME", self.folder.path());
        command.envs(self.server.env(&self.folder.path().join("ca.pem")));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may be killed before it reads.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Hands a message over that no other is like; returns its subject, and whether it was taken.
    fn put(&self, tracer: &[String]) -> (String, Output) {
        self.count.set(self.count.get() + 1);
        let subject = format!("message {}", self.count.get());
        let output =
            self.run(tracer, &["sendmail", "--queue", "a@x.test"], &format!("Subject: {subject}\n\nx\n"));
        (subject, output)
    }

    /// The names and states of what is in the queue.
    fn list(&self) -> Vec<(String, String)> {
        let output = self.run(&[], &["queue", "list", "--json"], "");
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let objects = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        objects
            .map(|one| (one["id"].as_str().unwrap().into(), one["state"].as_str().unwrap().into()))
            .collect()
    }

    /// How often a message arrived.
    fn arrived(&self, subject: &str) -> usize {
        let line = format!("Subject: {subject}\r\n");
        let messages = self.server.mailbox().messages("INBOX");
        messages.iter().filter(|one| String::from_utf8_lossy(&one.octets).contains(&line)).count()
    }

    fn drop_all(&self) {
        for (id, _) in self.list() {
            assert!(self.run(&[], &["queue", "drop", &id], "").status.success());
        }
    }

    /// What to do to which call: kill at each, and fail where a full disk would.
    fn injections(&self, trace: &Path) -> Vec<String> {
        let traced = fs::read_to_string(trace).unwrap();
        let calls = calls(&traced);
        let mut injections = Vec::new();
        for (call, count) in calls {
            let fails = ["write", "pwrite64", "fsync", "fdatasync", "rename", "ftruncate", "openat", "mkdir"];
            for at in 1..=count {
                injections.push(format!("inject={call}:signal=KILL:when={at}"));
                if fails.contains(&call.as_str()) {
                    injections.push(format!("inject={call}:error=ENOSPC:when={at}"));
                }
            }
        }
        injections
    }
}

fn strace(more: [&str; 2]) -> Vec<String> {
    ["strace", "-f", "-qq"].into_iter().chain(more).map(str::to_owned).collect()
}

#[test]
fn what_is_reported_as_taken_is_in_the_queue() {
    let world = World::new();
    let trace = world.folder.path().join("trace");
    assert!(world.put(&strace(["-o", trace.to_str().unwrap()])).1.status.success());
    let injections = world.injections(&trace);
    assert!(injections.iter().any(|one| one.contains("inject=fsync:signal")), "{injections:?}");
    let (mut taken, mut untold) = (0, 0);
    for injection in injections {
        world.drop_all();
        let (_, output) = world.put(&strace(["-e", &injection]));
        let states: Vec<String> = world.list().into_iter().map(|(_, state)| state).collect();
        match (output.status.success(), states.as_slice()) {
            // Some calls are made before it, or are none that it is about.
            (true, [state]) if state == "waiting" => taken += 1,
            (false, []) => {}
            // It was killed between the taking and the telling.
            (false, [state]) if state == "waiting" => {
                assert!(
                    injection.contains("KILL") || output.status.code() == Some(74),
                    "{injection}: {output:?}"
                );
                untold += 1;
            }
            other => panic!("{injection}: {other:?}"),
        }
    }
    assert!(taken > 0 && untold > 0, "{taken} {untold}");
}

#[test]
fn what_is_in_the_queue_is_delivered_once_or_unknown() {
    let world = World::new();
    let trace = world.folder.path().join("trace");
    assert!(world.put(&[]).1.status.success());
    assert!(world.run(&strace(["-o", trace.to_str().unwrap()]), &["queue", "run"], "").status.success());
    let mut seen = BTreeSet::new();
    for injection in world.injections(&trace) {
        let (subject, output) = world.put(&[]);
        assert!(output.status.success(), "{output:?}");
        let output = world.run(&strace(["-e", &injection]), &["queue", "run"], "");
        let states = world.list();
        match states.as_slice() {
            [] => assert_eq!(world.arrived(&subject), 1, "{injection}: {output:?}"),
            [(_, state)] if state == "unknown" => {
                let before = world.arrived(&subject);
                assert!(before <= 1, "{injection}");
                // It is looked for, and not sent again by itself.
                world.run(&[], &["queue", "run"], "");
                assert_eq!(world.arrived(&subject), before, "{injection}");
                let left: Vec<String> = world.list().into_iter().map(|(_, state)| state).collect();
                let want: &[&str] = if before == 1 { &[] } else { &["unknown"] };
                assert_eq!(left, want, "{injection}");
                world.drop_all();
            }
            [(id, state)] if state == "waiting" => {
                assert_eq!(world.arrived(&subject), 0, "{injection}");
                if injection.contains("KILL") {
                    // Killed before the dot: it is due at once.
                    let output = world.run(&[], &["queue", "run"], "");
                    assert!(output.status.success(), "{injection}: {output:?}");
                } else {
                    assert!(world.run(&[], &["queue", "retry", id], "").status.success(), "{injection}");
                    assert!(world.run(&[], &["queue", "run"], "").status.success(), "{injection}");
                }
                assert_eq!(world.arrived(&subject), 1, "{injection}");
                assert!(world.list().is_empty(), "{injection}");
            }
            other => panic!("{injection}: {other:?} {output:?}"),
        }
        seen.insert(states.first().map_or("gone".to_owned(), |(_, state)| state.clone()));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["gone", "unknown", "waiting"]);
}

/// A file may not grow over this: what a quota or a full disk does.
#[test]
fn a_full_disk_takes_nothing_half() {
    let world = World::new();
    let text = "x".repeat(200_000);
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
    let limited = ["sh", "-c", script, "sh"].map(str::to_owned);
    let message = format!("Subject: large\n\n{text}\n");
    let output = world.run(&limited, &["sendmail", "--queue", "a@x.test"], &message);
    assert_eq!(output.status.code(), Some(74), "{output:?}");
    assert!(world.list().is_empty());
    let folder = world.folder.path().join(".local/state/mailbearer/spool/tmp");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "what was begun is cleared away");
    let output = world.run(&[], &["sendmail", "--queue", "a@x.test"], &message);
    assert!(output.status.success(), "{output:?}");
    // The verdict of a message that is delivered takes no room.
    assert!(world.run(&limited, &["queue", "run"], "").status.success());
    assert_eq!((world.arrived("large"), world.list().len()), (1, 0));
}

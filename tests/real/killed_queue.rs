//! The program is killed at each of its system calls while it takes a message into the queue, and while it sends from
//! there; and each call that writes fails for want of room. What was reported as taken is delivered once, or marked as
//! unknown.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use mailbearer_mock::{
    Server,
    memory::{Message, Options},
};
use mailbearer_tests::program;

use crate::killed::{calls, must_trace};

const ALL: [&str; 3] = ["a@x.test", "b@x.test", "c@x.test"];

struct World {
    server: Server,
    folder: tempfile::TempDir,
    count: AtomicUsize,
}

impl World {
    fn new() -> Self {
        Self::with(Options::default())
    }

    /// A server that takes one recipient at a time.
    fn in_parts() -> Self {
        let mut options = Options::default();
        options.smtp_extensions = "LIMITS RCPTMAX=1".parse().unwrap();
        Self::with(options)
    }

    fn with(options: Options) -> Self {
        let server = Server::start(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
        let world = Self { server, folder, count: AtomicUsize::new(0) };
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
        self.put_to(tracer, &["a@x.test"])
    }

    fn put_to(&self, tracer: &[String], recipients: &[&str]) -> (String, Output) {
        let subject = format!("message {}.", self.count.fetch_add(1, Ordering::Relaxed));
        let words = [&["sendmail", "--queue"], recipients].concat();
        (subject.clone(), self.run(tracer, &words, &format!("Subject: {subject}\n\nx\n")))
    }

    /// What is in the queue.
    fn entries(&self) -> Vec<serde_json::Value> {
        let output = self.run(&[], &["queue", "list", "--json"], "");
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The names and states of what is in the queue.
    fn list(&self) -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        self.entries().iter().map(|one| (text(&one["id"]), text(&one["state"]))).collect()
    }

    /// How often a message arrived.
    fn arrived(&self, subject: &str) -> usize {
        let line = format!("Subject: {subject}\r\n");
        let messages = self.server.mailbox().messages("INBOX");
        messages.iter().filter(|one| String::from_utf8_lossy(&one.octets).contains(&line)).count()
    }

    /// How often a message arrived for a recipient.
    fn arrived_for(&self, subject: &str, recipient: &str) -> usize {
        let line = format!("Subject: {subject}\r\n");
        let is_for = |one: &Message| one.envelope.as_ref().is_some_and(|envelope| envelope.to == [recipient]);
        let messages = self.server.mailbox().messages("INBOX");
        let of_subject = |one: &&Message| String::from_utf8_lossy(&one.octets).contains(&line);
        messages.iter().filter(of_subject).filter(|one| is_for(one)).count()
    }

    fn drop_all(&self) {
        for (id, _) in self.list() {
            assert!(self.run(&[], &["queue", "drop", &id], "").status.success());
        }
    }

    /// What to do to which call: kill at each, and fail where a full disk would.
    fn injections(&self, trace: &Path) -> Vec<String> {
        self.injections_after(trace, "")
    }

    /// The same for what comes behind the first line of the trace with this text.
    fn injections_after(&self, trace: &Path, text: &str) -> Vec<String> {
        let traced = fs::read_to_string(trace).unwrap();
        let before = calls(&traced[..traced.find(text).unwrap()]);
        let mut injections = Vec::new();
        for (call, count) in calls(&traced) {
            let fails = ["write", "pwrite64", "fsync", "fdatasync", "rename", "ftruncate", "openat", "mkdir"];
            for at in before.get(&call).unwrap_or(&0) + 1..=count {
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
    must_trace();
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

/// Each part has its verdict on the disk before the next one goes. Only the part that was on its way is unknown, and those
/// behind it wait.
#[test]
fn what_goes_in_parts_is_delivered_once_to_each_or_unknown() {
    let world = World::in_parts();
    let trace = world.folder.path().join("trace");
    assert!(world.put_to(&[], &ALL).1.status.success());
    assert!(world.run(&strace(["-o", trace.to_str().unwrap()]), &["queue", "run"], "").status.success());
    let mut seen = BTreeSet::new();
    for injection in world.injections_after(&trace, "part_of") {
        let (subject, output) = world.put_to(&[], &ALL);
        assert!(output.status.success(), "{output:?}");
        let output = world.run(&strace(["-e", &injection]), &["queue", "run"], "");
        let look = || {
            let entries = world.entries();
            assert!(entries.len() < 2);
            ALL.map(|address| {
                let arrived = world.arrived_for(&subject, address);
                // Of a message that all have got, nothing is left.
                let Some(entry) = entries.first() else { return ("delivered".to_owned(), arrived) };
                let people = entry["recipients"].as_array().unwrap();
                let own = people.iter().find(|own| own["address"] == address).unwrap();
                (own["state"].as_str().unwrap().to_owned(), arrived)
            })
        };
        let check = |states: &[(String, usize)]| {
            for (state, arrived) in states {
                let is_right = match state.as_str() {
                    "delivered" => *arrived == 1,
                    "waiting" => *arrived == 0,
                    "unknown" => *arrived <= 1,
                    _ => false,
                };
                assert!(is_right, "{injection}: {states:?} {output:?}");
            }
            states.iter().filter(|(state, _)| state == "unknown").count()
        };
        let states = look();
        let unknown = check(&states);
        assert!(unknown <= 1, "{injection}: {states:?}");
        // The next run sends to those who wait; or it notes that a part is unknown, and the one behind it sends.
        world.run(&[], &["queue", "run"], "");
        let after = look();
        assert!(check(&after) <= unknown, "{injection}: {states:?} {after:?}");
        if unknown == 0 && injection.contains("KILL") {
            assert!(after.iter().all(|(state, _)| state == "delivered"), "{injection}: {after:?}");
        }
        seen.insert(states.map(|(state, _)| state).join(" "));
        world.drop_all();
    }
    for want in ["unknown waiting waiting", "delivered waiting waiting", "delivered unknown waiting"] {
        assert!(seen.contains(want), "{want}: {seen:?}");
    }
}

/// The report of a failure is owed as soon as the verdict is on the disk. Whatever run is killed, it is sent once.
#[test]
fn a_report_goes_once() {
    let world = World::new();
    let trace = world.folder.path().join("trace");
    let put = || {
        let subject = format!("message {}.", world.count.fetch_add(1, Ordering::Relaxed));
        let words = ["sendmail", "--queue", "-N", "failure", "-f", "r@x.test", "a@x.test", "b@refused.test"];
        let output = world.run(&[], &words, &format!("Subject: {subject}\n\nx\n"));
        assert!(output.status.success(), "{output:?}");
        subject
    };
    put();
    world.run(&strace(["-o", trace.to_str().unwrap()]), &["queue", "run"], "");
    world.drop_all();
    let mut seen = BTreeSet::new();
    // From the mark on.
    for injection in world.injections_after(&trace, "\"00000001\"") {
        let subject = put();
        let output = world.run(&strace(["-e", &injection]), &["queue", "run"], "");
        (0..2).for_each(|_| drop(world.run(&[], &["queue", "run"], "")));
        let [arrived, reports] = ["a@x.test", "r@x.test"].map(|address| world.arrived_for(&subject, address));
        let entries = world.entries();
        let (own, of_report): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| entry["sender"] == "r@x.test");
        // A report that is in the queue, or unknown, is one.
        let reports = match of_report.as_slice() {
            [] => reports,
            [report] if report["state"] == "unknown" || reports == 0 => 1,
            _ => panic!("{injection}: {reports} and {of_report:?}"),
        };
        let people = own.iter().flat_map(|entry| entry["recipients"].as_array().unwrap());
        let states: Vec<&str> = people.map(|own| own["state"].as_str().unwrap()).collect();
        let is_right = match states.as_slice() {
            ["delivered", "failed"] => (arrived, reports) == (1, 1),
            ["unknown", "failed"] => arrived <= 1 && reports == 1,
            ["unknown", "unknown"] => arrived <= 1 && reports == 0,
            ["waiting", "waiting"] => (arrived, reports) == (0, 0),
            _ => false,
        };
        assert!(is_right, "{injection}: {states:?} {arrived} {reports} {output:?}");
        seen.insert(states.join(" "));
        world.drop_all();
    }
    assert!(seen.contains("delivered failed"), "{seen:?}");
}

/// Programs that send in parts at the same time do not send each other's.
#[test]
fn two_at_once_send_each_part_once() {
    let world = World::in_parts();
    let queued: Vec<String> = (0..4).map(|_| world.put_to(&[], &ALL).0).collect();
    let direct = || {
        let subject = format!("direct {}.", world.count.fetch_add(1, Ordering::Relaxed));
        let output =
            world.run(&[], &[&["sendmail"][..], &ALL].concat(), &format!("Subject: {subject}\n\nx\n"));
        assert!(output.status.success(), "{output:?}");
        subject
    };
    let subjects = thread::scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(|| world.run(&[], &["queue", "run"], ""))).collect();
        let sent: Vec<_> = (0..2).map(|_| scope.spawn(direct)).collect();
        // One of them has the spool; the other says so, or finds nothing left.
        assert!(runs.into_iter().any(|run| run.join().unwrap().status.success()));
        sent.into_iter().map(|sent| sent.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(world.list().is_empty());
    for subject in queued.iter().chain(&subjects) {
        assert_eq!(ALL.map(|address| world.arrived_for(subject, address)), [1, 1, 1], "{subject}");
    }
}

/// A file may not grow over this: what a quota or a full disk does.
#[test]
fn a_full_disk_takes_nothing_half() {
    let world = World::new();
    let text = "x".repeat(200_000);
    let script = "ulimit -f 64; exec \"$@\"";
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

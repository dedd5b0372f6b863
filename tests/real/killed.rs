//! The program is killed at each of its system calls, which strace does; what it leaves is a whole state.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use mailbearer_mock::{Server, memory::Options};
use mailbearer_tests::program;
use tempfile::TempDir;

struct World {
    server: Server,
    folder: TempDir,
}

impl World {
    fn new(strict: bool) -> Self {
        let mut options = Options::default();
        options.rotating_refresh_tokens = strict;
        let server = Server::start(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
        Self { server, folder }
    }

    /// Refreshes the token under `tracer`; `first` is the refresh token of the configuration.
    fn run(&self, tracer: &[String], first: &str) -> Output {
        let words =
            [tracer, &[program().display().to_string(), "token".into(), "--no-cache".into()]].concat();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().envs(self.server.env(&self.folder.path().join("ca.pem")));
        command.env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("MAILBEARER_OAUTH_GRANT", "refresh_token").env("MAILBEARER_OAUTH_REFRESH_TOKEN", first);
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// What a whole run does, as strace writes it.
    fn trace(&self, first: &str) -> String {
        let trace = self.folder.path().join("trace");
        let output = self.run(&strace(["-o".into(), trace.display().to_string()]), first);
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(&trace).unwrap()
    }
}

fn strace(more: [String; 2]) -> Vec<String> {
    must_trace();
    let mut words = vec!["strace".to_owned(), "-f".into(), "-qq".into()];
    words.extend(more);
    words
}

/// Has the program killed when it makes this call for that many times.
fn kill(call: &str, at: usize) -> Vec<String> {
    strace(["-e".into(), format!("inject={call}:signal=KILL:when={at}")])
}

/// The old refresh token stays good here, as at Microsoft's: what was not kept is no loss, only what is broken.
#[test]
fn a_kept_refresh_token_outlives_a_kill_at_any_point() {
    let world = World::new(false);
    let first = world.server.tokens().new_refresh_token().unwrap();
    assert!(world.run(&[], &first).status.success());
    let traced = world.trace(&first);
    let hidden =
        traced.find("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE").expect("its memory is closed to others");
    assert!(hidden < traced.find("connect(").unwrap());
    let calls = calls(&traced);
    assert!(calls.contains_key("rename") && calls.contains_key("fsync"), "{calls:?}");

    let (mut killed, mut states) = (0, Vec::new());
    for (call, count) in &calls {
        for at in 1..=*count {
            let output = world.run(&kill(call, at), &first);
            killed += usize::from(!output.status.success());
            let name = format!("{call} {at}");
            states.push(state(world.folder.path(), &world.server, &name));
            if at == 1 {
                let output = world.run(&[], &first);
                assert!(output.status.success(), "after {name}: {output:?}");
            }
        }
    }
    // How often threads wait for one another is not the same each time.
    assert!(killed * 20 > states.len() * 19, "{killed} of {}", states.len());
    states.dedup();
    assert!(states.len() > 2, "the state was replaced on the way");
    assert!(world.run(&[], &first).status.success());
}

/// A server that takes each refresh token once. The answer is the only copy of the next one until it is written: a kill
/// before that loses it, and a kill after that does not.
#[test]
fn a_strictly_rotated_token_is_kept_from_when_it_is_written() {
    let world = World::new(true);
    let first = world.server.tokens().new_refresh_token().unwrap();
    assert!(world.run(&[], &first).status.success());
    let traced = world.trace(&first);
    // From the write of the new file on, by how often each call was made before.
    let lines: Vec<&str> = traced.lines().collect();
    let opened = lines.iter().position(|line| line.contains(".new\"") && line.contains("O_CREAT"));
    let opened = opened.expect("the file is made");
    let written = opened + lines[opened..].iter().position(|line| line.contains("write(")).unwrap();
    let (before, all) = (calls(&lines[..=written].join("\n")), calls(&traced));
    let mut killed = 0;
    for (call, count) in all.iter().filter(|(call, _)| ["fsync", "rename", "openat"].contains(&call.as_str()))
    {
        for at in before.get(call).map_or(1, |count| count + 1)..=*count {
            let first = world.server.tokens().new_refresh_token().unwrap();
            assert!(world.run(&[], &first).status.success(), "a family of its own");
            killed += usize::from(!world.run(&kill(call, at), &first).status.success());
            let output = world.run(&[], &first);
            assert!(output.status.success(), "after {call} {at}: {output:?}");
        }
    }
    assert!(killed >= 4, "{killed}");
}

/// The refresh token that is kept, which the server takes.
fn state(home: &Path, server: &Server, after: &str) -> String {
    let folder = home.join(".local/state/mailbearer/tokens");
    let mut kept = None;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|end| end.to_str()) {
            Some("json") => kept = Some(fs::read_to_string(path).unwrap()),
            // At most one, under one name: the next run takes it away.
            Some("lock" | "new") => {}
            end => panic!("{end:?} is left after {after}"),
        }
    }
    let kept: serde_json::Value = serde_json::from_str(&kept.expect(after)).expect(after);
    let token = kept["refresh_token"].as_str().expect(after).to_owned();
    assert!(server.tokens().is_refresh_token(&token), "after {after}");
    token
}

/// Fails with a reason where no program may trace another, as in some containers.
pub(crate) fn must_trace() {
    static TRIED: OnceLock<Output> = OnceLock::new();
    let tried = TRIED.get_or_init(|| {
        Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).output().unwrap()
    });
    let told = String::from_utf8_lossy(&tried.stderr);
    assert!(tried.status.success(), "this test needs strace, which may not trace here (ptrace): {told}");
}

/// How often each system call was made by the thread that made it most often: strace counts for each by itself.
pub(crate) fn calls(trace: &str) -> BTreeMap<String, usize> {
    let mut threads: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in trace.lines() {
        // `PID name(arguments…`; resumed calls and signals are other lines.
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let name = rest.trim_start().split('(').next().unwrap_or_default();
        let is_name =
            !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_');
        if is_name && name != "execve" {
            *threads.entry((name.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut calls = BTreeMap::new();
    for ((name, _), count) in threads {
        let most: &mut usize = calls.entry(name).or_default();
        *most = count.max(*most);
    }
    calls
}

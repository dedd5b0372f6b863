//! The program is killed at each of its system calls, which strace does; what it leaves is a whole state.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use mailbearer_mock::{Server, memory::Options};
use mailbearer_tests::program;

/// The old refresh token stays good here, as at Microsoft's: what was not kept is no loss, only what is broken.
#[test]
fn a_kept_refresh_token_outlives_a_kill_at_any_point() {
    let server = Server::start(Options::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, server.ca_pem()).unwrap();
    let first = server.tokens().new_refresh_token().unwrap();
    let run = |tracer: &[String]| {
        let words =
            [tracer, &[program().display().to_string(), "token".into(), "--no-cache".into()]].concat();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().envs(server.env(&ca_file)).env("HOME", folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("MAILBEARER_OAUTH_GRANT", "refresh_token").env("MAILBEARER_OAUTH_REFRESH_TOKEN", &first);
        command.stdin(Stdio::null()).output().unwrap()
    };
    assert!(run(&[]).status.success());

    let trace = folder.path().join("trace");
    let strace = |more: [String; 2]| {
        let mut words = vec!["strace".to_owned(), "-f".into(), "-qq".into()];
        words.extend(more);
        words
    };
    assert!(run(&strace(["-o".into(), trace.display().to_string()])).status.success());
    let traced = fs::read_to_string(&trace).unwrap();
    let hidden =
        traced.find("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE").expect("its memory is closed to others");
    assert!(hidden < traced.find("connect(").unwrap());
    let calls = calls(&traced);
    assert!(calls.contains_key("rename") && calls.contains_key("fsync"), "{calls:?}");

    let (mut killed, mut states) = (0, Vec::new());
    for (call, count) in &calls {
        for at in 1..=*count {
            let inject = format!("inject={call}:signal=KILL:when={at}");
            let output = run(&strace(["-e".into(), inject.clone()]));
            killed += usize::from(!output.status.success());
            states.push(state(folder.path(), &server, &inject));
            if at == 1 {
                let output = run(&[]);
                assert!(output.status.success(), "after {inject}: {output:?}");
            }
        }
    }
    // How often threads wait for one another is not the same each time.
    assert!(killed * 20 > states.len() * 19, "{killed} of {}", states.len());
    states.dedup();
    assert!(states.len() > 2, "the state was replaced on the way");
    assert!(run(&[]).status.success());
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

/// How often each system call was made by the thread that made it most often: strace counts for each by itself.
fn calls(trace: &str) -> BTreeMap<String, usize> {
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

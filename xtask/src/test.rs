//! `cargo xtask test`: sets up what the tests need, runs them, and cleans up.

use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::{Result, packages, process, servers};

/// Lines of each server's log that are shown when the tests fail.
const LOG_LINES: usize = 40;

/// The seed of property tests.
const SEED: &str = "PROPTEST_RNG_SEED";

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Runs all tests, doc tests too, with the servers up; arguments go to the test programs as filters.
///
/// The exit code is that of the tests, or 130 when interrupted.
pub(crate) fn run(filters: &[String]) -> Result<ExitCode> {
    // Cargo gets the Ctrl-C as well and ends; this process stays to take the servers down.
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;
    stage("packages", packages::ensure)?;
    let built = stage("build", || wait(cargo_test().arg("--no-run").spawn()?))?;
    if !built.success() {
        return Ok(exit_code(built));
    }
    let dir = servers::new_dir();
    let tested = stage("servers", || servers::up(&dir)).and_then(|settings| {
        let tested = stage("tests", || {
            let settings = settings.iter().map(|(key, value)| (format!("MAILBEARER_TEST_{key}"), value));
            wait(cargo_test().envs(settings).arg("--").args(filters).spawn()?)
        });
        if !tested.as_ref().is_ok_and(ExitStatus::success) && !INTERRUPTED.load(Ordering::Relaxed) {
            show_logs(&dir.join("log"));
        }
        tested
    });
    stage("shutdown", || servers::down(&dir))?;
    tested.map(exit_code)
}

fn cargo_test() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["test", "--workspace"]).current_dir(process::workspace());
    // A failure should come from the code and not from chance: the same cases each time, unless a seed is given.
    if env::var_os(SEED).is_none() {
        cargo.env(SEED, "1");
    }
    cargo
}

fn stage<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if INTERRUPTED.load(Ordering::Relaxed) && name != "shutdown" {
        return Err(format!("interrupted before: {name}").into());
    }
    let start = Instant::now();
    let result = work();
    eprintln!("xtask: {name}: {:.1} s", start.elapsed().as_secs_f32());
    result
}

fn wait(mut child: Child) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            // Ctrl-C reached the tests too, but SIGTERM came to this process alone.
            let _ = child.kill();
            return Ok(child.wait()?);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    if INTERRUPTED.load(Ordering::Relaxed) {
        return ExitCode::from(130);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

fn show_logs(folder: &Path) {
    let Ok(logs) = fs::read_dir(folder) else { return };
    for log in logs.flatten() {
        let text = fs::read(log.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        if lines.is_empty() {
            continue;
        }
        let tail = lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default();
        eprintln!("\n--- end of {} ---\n{}", log.file_name().display(), tail.join("\n"));
    }
}

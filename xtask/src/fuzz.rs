//! `cargo xtask fuzz`: runs the fuzz targets on the nightly toolchain, or on stable where there is no other; `replay` runs
//! their seeds on any.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::checks::cargo_command;
use crate::{Result, process};

/// Seconds for each target where none are given.
const SECONDS: u32 = 60;
/// How many lines of a fuzzer's log are shown for each finding.
const LOG_LINES: usize = 4;
/// Longer lines are cut. An assertion that shows its values should fit.
const LOG_LINE: usize = 2000;

/// Runs `[TARGET] [SECONDS]`, or `replay [TARGET…]`.
///
/// The exit code says whether a target failed. The input that made it fail is in `fuzz/artifacts`.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if let [command, targets @ ..] = args
        && command == "replay"
    {
        let status = replay().args(targets).status()?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let (targets, seconds) = chosen(args, &targets()?)?;
    let fuzzer = Fuzzer::new();
    if process::output(fuzzer.run("cargo").args(["fuzz", "--version"])).is_err() {
        eprintln!("xtask: installing cargo-fuzz");
        process::output(cargo_command().args(["install", "--locked", "cargo-fuzz"]))?;
    }
    eprintln!("xtask: building the fuzz targets");
    process::output(replay().arg("--into").arg(folder().join("corpus")).args(&targets))?;
    fuzz(&fuzzer.build()?, &targets, seconds)
}

/// Fuzzes several targets at a time, as many as there are processors.
fn fuzz(program: &Path, targets: &[String], seconds: u32) -> Result<ExitCode> {
    let done = process::at_once(targets, |target| match fuzz_one(program, target, seconds) {
        Ok(summary) => {
            println!("{target}: {summary}");
            true
        }
        Err(error) => {
            eprintln!("{target}: {error}");
            false
        }
    });
    let failed = targets.len().saturating_sub(done.iter().filter(|is_good| **is_good).count());
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("{failed} of {} fuzz targets failed", targets.len()).into())
}

/// Fuzzes one target. Returns what it did, or the end of its log.
fn fuzz_one(program: &Path, target: &str, seconds: u32) -> Result<String> {
    let artifacts = folder().join("artifacts").join(target);
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(program);
    command.env("MAILBEARER_FUZZ_TARGET", target).arg(folder().join("corpus").join(target));
    // The slash makes it a folder.
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(format!("-max_total_time={seconds}"));
    command.args(["-timeout=10", "-max_len=4096", "-print_final_stats=1"]);
    if env::var_os("CI").is_some() {
        // In CI a failure should come from the change and not from chance: the same inputs each time. So no comparisons are
        // traced, some of which are of addresses, and the corpus is not read again, which depends on the time.
        command.args(["-seed=1", "-runs=5000", "-use_cmp=0", "-reload=0"]);
    } else {
        command.arg("-use_value_profile=1");
    }
    let dictionary = dictionary(target);
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let output = command.stdin(Stdio::null()).output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(summary(&log));
    }
    Err(format!("failed ({})\n{}", output.status, finding(&log)).into())
}

/// The lines of a log about a finding: the panic, libFuzzer's summary, where the input is.
fn finding(log: &str) -> String {
    let marks = ["panicked at", "ERROR: libFuzzer", "Test unit written to", "error: ", "Error: "];
    let mut shown = Vec::new();
    let mut left = 0_usize;
    for line in log.lines() {
        if marks.iter().any(|mark| line.contains(mark)) {
            left = LOG_LINES;
        }
        if let Some(less) = left.checked_sub(1) {
            left = less;
            shown.push(line.chars().take(LOG_LINE).collect::<String>());
        }
    }
    shown.join("\n")
}

/// Executions and coverage, read from libFuzzer's log.
fn summary(log: &str) -> String {
    let stat = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name)?.trim_start().parse::<u64>().ok());
        line.unwrap_or_default()
    };
    let covered = |line: &str| {
        let (_, rest) = line.split_once(" cov: ")?;
        rest.split(' ').next()?.parse::<u64>().ok()
    };
    let before = log.lines().find(|line| line.contains("INITED")).and_then(covered).unwrap_or_default();
    let after = log.lines().rev().find_map(covered).unwrap_or_default();
    format!(
        "{} executions, {} a second, {} new inputs, coverage {before} to {after}",
        stat("stat::number_of_executed_units:"),
        stat("stat::average_exec_per_sec:"),
        stat("stat::new_units_added:"),
    )
}

/// The targets and the seconds that the arguments name.
fn chosen(args: &[String], targets: &[String]) -> Result<(Vec<String>, u32)> {
    let (target, seconds) = match args {
        [] => (None, None),
        [one] if one.parse::<u32>().is_ok() => (None, Some(one)),
        [target] => (Some(target), None),
        [target, seconds] => (Some(target), Some(seconds)),
        _ => return Err("fuzz takes a target and seconds".into()),
    };
    let seconds = match seconds.map(|text| text.parse::<u32>()) {
        None => SECONDS,
        // To libFuzzer 0 seconds means for ever.
        Some(Ok(seconds)) if seconds > 0 => seconds,
        Some(_) => return Err("fuzz takes its seconds as a number from 1 on".into()),
    };
    match target {
        None => Ok((targets.to_vec(), seconds)),
        Some(target) if targets.contains(target) => Ok((vec![target.clone()], seconds)),
        Some(target) => Err(format!("no fuzz target `{target}`; there are {}", targets.join(", ")).into()),
    }
}

/// The names of all targets.
fn targets() -> Result<Vec<String>> {
    let mut names: Vec<String> =
        str::from_utf8(&process::output(replay().arg("--names"))?)?.lines().map(String::from).collect();
    names.sort();
    Ok(names)
}

/// The dictionary of a target's protocol.
fn dictionary(target: &str) -> PathBuf {
    let name = match target.split('_').next() {
        Some("oauth" | "sasl") => "http",
        Some("client") => "imap",
        Some(protocol) => protocol,
        None => target,
    };
    folder().join("dict").join(name).with_extension("dict")
}

fn folder() -> PathBuf {
    process::workspace().join("fuzz")
}

/// cargo-fuzz on a toolchain.
struct Fuzzer {
    nightly: bool,
}

impl Fuzzer {
    /// On nightly where it is installed. Without a sanitizer, the toolchain that built this will do too.
    fn new() -> Self {
        let fuzzer = Self { nightly: true };
        if process::output(fuzzer.run("rustc").arg("--version")).is_ok() {
            return fuzzer;
        }
        eprintln!("xtask: no nightly toolchain here, fuzzing on the stable one");
        Self { nightly: false }
    }

    /// Builds the program that has all targets, in a folder of its own. Returns where it is.
    fn build(&self) -> Result<PathBuf> {
        let about = String::from_utf8(process::output(self.run("rustc").arg("-vV"))?)?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
        let folder = process::target().join("fuzz");
        let mut fuzz = self.run("cargo");
        fuzz.args(["fuzz", "build", "every", "--features", "libfuzzer", "--target", host]);
        // The crates are safe code, in which a sanitizer finds nothing.
        fuzz.args(["--sanitizer", "none", "--target-dir"]).arg(&folder);
        if env::var_os("CI").is_some() {
            // So few inputs take less time than the optimizer.
            fuzz.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        }
        process::output(&mut fuzz)?;
        Ok(folder.join(host).join("release/every"))
    }

    fn run(&self, program: &str) -> Command {
        let mut command = Command::new(if self.nightly { "rustup" } else { program });
        if self.nightly {
            command.args(["run", "nightly", program]);
        }
        command.current_dir(process::workspace());
        command
    }
}

fn replay() -> Command {
    let mut cargo = cargo_command();
    cargo.args([
        "run",
        "--quiet",
        "--locked",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--example",
        "replay",
        "--target-dir",
    ]);
    cargo.arg(process::target().join("replay")).arg("--");
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_targets_and_seconds() {
        let all = ["a", "b"].map(String::from);
        let chosen = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|arg| (*arg).into()).collect();
            chosen(&args, &all).ok().map(|(targets, seconds)| (targets.join(" "), seconds))
        };
        let rows: &[(&[&str], Option<(&str, u32)>)] = &[
            (&[], Some(("a b", SECONDS))),
            (&["15"], Some(("a b", 15))),
            (&["b"], Some(("b", SECONDS))),
            (&["b", "9"], Some(("b", 9))),
            (&["c"], None),
            (&["b", "x"], None),
            (&["0"], None),
            (&["b", "1", "2"], None),
        ];
        for (args, want) in rows {
            let want = want.map(|(targets, seconds)| (targets.to_owned(), seconds));
            assert_eq!(chosen(args), want, "{args:?}");
        }
    }

    #[test]
    fn the_log_tells_what_was_found() {
        let log = "#3\tNEW    cov: 10\nthread 'x' panicked at src/a.rs:1:2:\nassertion failed\n\n\n\n#4\n\
                   artifact_prefix='a/'; Test unit written to a/crash-1\nBase64: AA==\n";
        let want = "thread 'x' panicked at src/a.rs:1:2:\nassertion failed\n\n\n\
                    artifact_prefix='a/'; Test unit written to a/crash-1\nBase64: AA==";
        assert_eq!(finding(log), want);
    }

    #[test]
    fn the_log_tells_executions_and_coverage() {
        let log = "#3\tINITED cov: 10 ft: 11 corp: 2/3b exec/s: 0 rss: 30Mb\n\
                   #9\tNEW    cov: 12 ft: 14 corp: 3/5b lim: 4 exec/s: 0 rss: 30Mb\n\
                   #9\tDONE   cov: 12 ft: 14 corp: 3/5b lim: 4 exec/s: 4 rss: 30Mb\n\
                   stat::number_of_executed_units: 9\nstat::average_exec_per_sec:     4\n\
                   stat::new_units_added:          1\n";
        assert_eq!(summary(log), "9 executions, 4 a second, 1 new inputs, coverage 10 to 12");
    }
}

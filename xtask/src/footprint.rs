//! `cargo xtask footprint`: what the main job costs an embedder.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, ExitCode};

use crate::{Result, checks, process};

/// Builds the package `footprint` in each form, prints its size, crates and licences beside what is aimed at, then the
/// peak memory of `mailbearer list`, runs the tests of what transfers hold, and fails where something grew over its limit.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if let Some(argument) = args.first() {
        return Err(format!("footprint takes no argument, not `{argument}`").into());
    }
    println!("{:<20} {:>9} {:>9} {:>9} {:>7} {:>5}", "form", "bytes", "limit", "aim", "crates", "limit");
    let mut over = false;
    let mut licences = BTreeSet::new();
    for form in &FORMS {
        let bytes = build(form.features)?;
        let crates = checks::tree(&["-p", "footprint", "--features", form.features])?.len();
        let fits = bytes <= form.limit && crates <= form.crates;
        let mark = if fits { "" } else { "  OVER" };
        let Form { name, limit, aim, crates: most, .. } = form;
        println!("{name:<20} {bytes:>9} {limit:>9} {aim:>9} {crates:>7} {most:>5}{mark}");
        over |= !fits;
        licences.extend(checks::licences_of(&["-p", "footprint", "--features", form.features])?);
    }
    println!("licences: {}", licences.into_iter().collect::<Vec<_>>().join("; "));
    let peak = list_memory()?;
    let fits = peak <= LIST_PEAK_KIB;
    println!(
        "list of {LISTED} messages: {peak} KiB at most   {LIST_PEAK_KIB} KiB{}",
        if fits { "" } else { "  OVER" }
    );
    // The tests of the program hold a transfer of 150 MB to 11 MiB, where they are built for release.
    let streaming = ["test", "--locked", "--release", "-p", "mailbearer-cli", "--test", "cli", "streaming"];
    process::output(checks::cargo_command().args(streaming))?;
    println!("fetch and append of 150 MB: within 11 MiB");
    if over || !fits {
        return Err("the footprint is over its limit".into());
    }
    Ok(ExitCode::SUCCESS)
}

fn build(features: &str) -> Result<u64> {
    let profile = ["build", "--locked", "-p", "footprint", "--profile", "footprint", "--features", features];
    process::output(checks::cargo_command().args(profile))?;
    Ok(fs::metadata(process::target().join("footprint/footprint"))?.len())
}

/// Peak memory in KiB of the program's `list` on the mock server, as Linux tells it of a running process.
fn list_memory() -> Result<u64> {
    process::output(checks::cargo_command().args(["build", "--locked", "--release", "--bin", "mailbearer"]))?;
    let mut python = Command::new("python3");
    python.args(["-c", include_str!("footprint/list.py")]);
    python.arg(process::target().join("release/mailbearer")).arg(LISTED.to_string());
    let said = String::from_utf8(process::output(&mut python)?)?;
    match said.trim().split_once(' ') {
        Some((peak, listed)) if listed == LISTED.to_string() => Ok(peak.parse()?),
        _ => Err(format!("listing {LISTED} messages gave: {}", said.trim()).into()),
    }
}

struct Form {
    name: &'static str,
    features: &'static str,
    /// Bytes that it must not grow over: what it came down to, and a little.
    limit: u64,
    /// Bytes that it is to come down to; the forms between have no aim of their own.
    aim: &'static str,
    /// Crates at most, itself included.
    crates: usize,
}

/// The limits are what stands, so that it only shrinks from here. The aims are what was set.
const FORMS: [Form; 4] = [
    Form { name: "blocking", features: "", limit: 1_710_000, aim: "1580000", crates: 30 },
    Form { name: "blocking, charsets", features: "charsets", limit: 1_920_000, aim: "", crates: 35 },
    Form { name: "tokio", features: "tokio", limit: 1_775_000, aim: "", crates: 37 },
    Form {
        name: "tokio, charsets",
        features: "tokio,charsets",
        limit: 1_990_000,
        aim: "1750000",
        crates: 42,
    },
];

const LISTED: u64 = 10_000;
/// 16 MiB.
const LIST_PEAK_KIB: u64 = 16 * 1024;

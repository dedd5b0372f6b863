//! `cargo xtask footprint`: what the main job costs an embedder.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, ExitCode};

use crate::{Result, checks, process};

/// Builds the package `footprint` in each form, prints its size, crates and licences, then the peak memory of
/// `mailbearer list`, and fails over a limit.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if let Some(argument) = args.first() {
        return Err(format!("footprint takes no argument, not `{argument}`").into());
    }
    println!("{:<28} {:>10} {:>8}   limits", "form", "bytes", "crates");
    let mut over = false;
    let mut licences = BTreeSet::new();
    for form in &FORMS {
        let bytes = build(form.features)?;
        let crates = checks::tree(&["-p", "footprint", "--features", form.features])?.len();
        let fits =
            form.limits.is_none_or(|(most_bytes, most_crates)| bytes <= most_bytes && crates <= most_crates);
        let limits =
            form.limits.map_or_else(String::new, |(bytes, crates)| format!("{bytes} bytes, {crates} crates"));
        println!("{:<28} {bytes:>10} {crates:>8}   {limits}{}", form.name, if fits { "" } else { "  OVER" });
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
    /// Bytes and crates, the program itself included.
    limits: Option<(u64, usize)>,
}

const FORMS: [Form; 4] = [
    Form { name: "blocking", features: "", limits: Some((1_450_000, 30)) },
    Form { name: "blocking, charsets", features: "charsets", limits: None },
    Form { name: "tokio", features: "tokio", limits: None },
    Form { name: "tokio, charsets", features: "tokio,charsets", limits: Some((1_750_000, 42)) },
];

const LISTED: u64 = 10_000;
/// 16 MiB.
const LIST_PEAK_KIB: u64 = 16 * 1024;

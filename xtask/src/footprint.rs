//! `cargo xtask footprint`: what the main job costs an embedder.

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;

use crate::{Result, checks, process};

/// Builds the package `footprint` in each form, prints its size, crates and licences, and fails over a limit.
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
    if over {
        return Err("the footprint is over its limit".into());
    }
    Ok(ExitCode::SUCCESS)
}

fn build(features: &str) -> Result<u64> {
    let profile = ["build", "--locked", "-p", "footprint", "--profile", "footprint", "--features", features];
    process::output(checks::cargo_command().args(profile))?;
    Ok(fs::metadata(process::target().join("footprint/footprint"))?.len())
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

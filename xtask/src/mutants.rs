//! Measures whether tests notice a broken line: cargo-mutants breaks one after the other.

use std::process::{Command, ExitCode, Stdio};

use crate::{Result, checks, process};

/// Breaks every line of one crate, or of all in [`CRATES`], and runs the tests of that crate each time. Of large crates it
/// breaks only the files that decide what goes over the wire.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let crates: Vec<&str> = match args {
        [] => CRATES.iter().map(|part| part.name).collect(),
        [name] => vec![name.trim_start_matches("mailbearer-")],
        _ => return Err("mutants takes the name of one crate, or none".into()),
    };
    install()?;
    let mut all = ExitCode::SUCCESS;
    for name in crates {
        let package = if name == "mailbearer" { name.to_owned() } else { format!("mailbearer-{name}") };
        let folder = process::target().join("mutants").join(name);
        std::fs::create_dir_all(&folder)?;
        let mut command = checks::cargo_command();
        // A test that hangs on a broken line has noticed it; none of ours takes half a minute.
        command.args(["mutants", "--package", &package, "--no-shuffle", "--timeout", "60", "--output"]);
        command.arg(&folder).env("PROPTEST_RNG_SEED", "1").env("PROPTEST_CASES", "64");
        let part = CRATES.iter().find(|part| part.name == name);
        for file in part.map(|part| part.files).unwrap_or_default() {
            command.arg("--file").arg(format!("crates/{name}/src/{file}"));
        }
        command.args(part.map(|part| part.options).unwrap_or_default());
        let status = command.status()?;
        let counted = ["caught", "timeout", "missed", "unviable"].map(|kind| {
            let list = std::fs::read_to_string(folder.join("mutants.out").join(format!("{kind}.txt")));
            list.unwrap_or_default().lines().count()
        });
        let [caught, timeout, missed, unviable] = counted;
        if caught == 0 && missed == 0 {
            return Err(format!("cargo mutants did not run over {package}: {status}").into());
        }
        let noticed = caught.saturating_add(timeout);
        let viable = noticed.saturating_add(missed);
        let share = noticed.saturating_mul(100).checked_div(viable).unwrap_or_default();
        println!("{package}: {noticed} of {viable} noticed, {share} % ({unviable} more do not compile)");
        if share < LEAST {
            all = ExitCode::FAILURE;
        }
    }
    Ok(all)
}

/// Installs cargo-mutants where it is missing.
fn install() -> Result<()> {
    let mut version = Command::new("cargo-mutants");
    version.args(["mutants", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    eprintln!("xtask: installing cargo-mutants");
    process::output(checks::cargo_command().args(["install", "--locked", "cargo-mutants"])).map(drop)
}

/// What is measured of a crate.
struct Part {
    name: &'static str,
    /// All files where there are none.
    files: &'static [&'static str],
    /// More arguments for cargo-mutants and, behind `--`, for `cargo test`.
    options: &'static [&'static str],
}

/// The crates that decide what goes over the wire.
const CRATES: [Part; 7] = [
    Part { name: "wire", files: &[], options: &[] },
    Part { name: "sasl", files: &[], options: &[] },
    Part { name: "oauth", files: &[], options: &[] },
    Part { name: "smtp", files: &[], options: &[] },
    Part { name: "imap", files: &["session/*.rs", "view.rs", "view/*.rs"], options: &[] },
    // Most of its tests drive both runtimes.
    Part { name: "net", files: &["link.rs"], options: &["--features", "tokio-pool", "--", "--lib"] },
    Part { name: "mailbearer", files: &["token/*.rs", "smtp.rs", "smtp/*.rs"], options: &["--", "--lib"] },
];

/// Percent that have to be noticed.
const LEAST: usize = 95;

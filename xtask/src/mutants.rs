//! Measures whether tests notice a broken line: cargo-mutants breaks one after the other.

use std::process::{Command, ExitCode, Stdio};

use crate::{Result, checks, process};

/// Breaks every line of one part, or of all in [`PARTS`], and runs the tests of that part each time. Of the large crates it
/// is the files that decide what goes over the wire. Any other name is that of a crate, all of which is broken. With
/// `shard`, such as `0/8`, only so much of it is.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let (names, shard): (Vec<&str>, Option<&String>) = match args {
        [] => (PARTS.iter().map(|part| part.name).collect(), None),
        [name] => (vec![name.trim_start_matches("mailbearer-")], None),
        [name, shard] => (vec![name.trim_start_matches("mailbearer-")], Some(shard)),
        _ => {
            return Err(
                "mutants takes the name of one part or crate and a shard such as 0/8, or nothing".into()
            );
        }
    };
    install()?;
    let mut all = ExitCode::SUCCESS;
    for name in names {
        let part = PARTS.iter().find(|part| part.name == name);
        let krate = part.map_or(name, |part| part.krate);
        let package = if krate == "mailbearer" { krate.to_owned() } else { format!("mailbearer-{krate}") };
        let folder = process::target().join("mutants").join(name);
        std::fs::create_dir_all(&folder)?;
        let mut command = checks::cargo_command();
        // A test that hangs on a broken line has noticed it; none of ours takes half a minute.
        command.args(["mutants", "--package", &package, "--no-shuffle", "--timeout", "60", "--output"]);
        command.arg(&folder).env("PROPTEST_RNG_SEED", "1").env("PROPTEST_CASES", "64");
        if let Some(shard) = shard {
            command.args(["--shard", shard]);
        }
        for file in part.map(|part| part.files).unwrap_or_default() {
            command.arg("--file").arg(format!("crates/{krate}/src/{file}"));
        }
        command.args(part.map(|part| part.options).unwrap_or_default());
        let status = command.status()?;
        let counted = ["caught", "timeout", "missed", "unviable"].map(|kind| {
            let list = std::fs::read_to_string(folder.join("mutants.out").join(format!("{kind}.txt")));
            list.unwrap_or_default().lines().count()
        });
        let [caught, timeout, missed, unviable] = counted;
        if caught == 0 && missed == 0 {
            return Err(format!("cargo mutants did not run over {name}: {status}").into());
        }
        let noticed = caught.saturating_add(timeout);
        let viable = noticed.saturating_add(missed);
        let share = noticed.saturating_mul(100).checked_div(viable).unwrap_or_default();
        println!("{name}: {noticed} of {viable} noticed, {share} % ({unviable} more do not compile)");
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

/// What is measured by itself.
struct Part {
    name: &'static str,
    /// The folder of its crate.
    krate: &'static str,
    /// All files of the crate where there are none.
    files: &'static [&'static str],
    /// What cargo-mutants, and `cargo test` behind `--`, get besides.
    options: &'static [&'static str],
}

/// Those that decide what goes over the wire, with the unit tests that are about them.
const PARTS: [Part; 9] = [
    Part { name: "wire", krate: "wire", files: &[], options: &[] },
    Part { name: "sasl", krate: "sasl", files: &[], options: &[] },
    Part { name: "oauth", krate: "oauth", files: &[], options: &["--", "--lib"] },
    Part { name: "smtp", krate: "smtp", files: &[], options: &["--", "--lib"] },
    Part {
        name: "imap-session",
        krate: "imap",
        files: &["session/*.rs"],
        options: &["--", "--lib", "session::"],
    },
    Part {
        name: "imap-view",
        krate: "imap",
        files: &["view.rs", "view/*.rs"],
        options: &["--", "--lib", "view::"],
    },
    // Most of its tests drive both runtimes.
    Part {
        name: "net-link",
        krate: "net",
        files: &["link.rs", "link/*.rs"],
        options: &["--features", "tokio-pool", "--", "--lib"],
    },
    Part {
        name: "token",
        krate: "mailbearer",
        files: &["token/*.rs"],
        options: &["--features", "keyring", "--", "--lib", "token::"],
    },
    Part {
        name: "submission",
        krate: "mailbearer",
        files: &["smtp.rs", "smtp/*.rs"],
        options: &["--", "--lib", "--", "smtp::", "pool::"],
    },
];

/// Percent that have to be noticed.
const LEAST: usize = 95;

//! `cargo xtask dist`: makes and tries what people get who do not build the program themselves.
//!
//! Each step makes one part in `target/dist` and tests it. The first failure ends the run.

mod binary;
mod deb;
mod image;
mod manual;
mod mock;
mod root;
mod sbom;
mod targets;
mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::{Result, checks, crates, packages, process};

/// Takes the steps in order. With an argument, takes only those with it in their names, over what earlier runs made.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let wanted = |name: &str| args.first().is_none_or(|part| name.contains(part.as_str()));
    if args.len() > 1 || !STEPS.iter().any(|(name, _)| wanted(name)) {
        let names: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("dist takes a part of one of these names: {}", names.join(", ")).into());
    }
    packages::ensure_only(PACKAGES)?;
    let folder = folder();
    fs::create_dir_all(&folder)?;
    for (name, step) in STEPS.into_iter().filter(|(name, _)| wanted(name)) {
        let start = Instant::now();
        let said = step(&folder).map_err(|error| format!("{name}: {error}"))?;
        eprintln!("xtask: {name}: {said} ({:.0} s)", start.elapsed().as_secs_f32());
    }
    println!("{}", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// Makes and tests one part. Returns a few words on what it saw.
type Step = fn(&Path) -> Result<String>;

const STEPS: [(&str, Step); 8] = [
    ("crates", |_| crates::build_from_packages().map(|()| "each builds from its package".to_owned())),
    ("targets", targets::check),
    ("binary", binary::make),
    ("manual", manual::make),
    ("sbom", sbom::make),
    ("deb", deb::make),
    ("units", units::check),
    ("image", image::make),
];

/// Debian's packages that have the programs that the steps call.
const PACKAGES: &[&str] = &[
    "bash",
    "binutils",
    "fish",
    "groff-base",
    "mmdebstrap",
    "python3",
    "skopeo",
    "systemd",
    "valgrind",
    "zsh",
];

/// Where everything is made. The manifest of the `.deb` names this folder, so it does not depend on cargo's target folder.
fn folder() -> PathBuf {
    process::workspace().join("target/dist")
}

/// The program that the other steps pack.
fn program(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("mailbearer");
    if program.exists() {
        return Ok(program);
    }
    Err("there is no binary yet: `cargo xtask dist binary` makes it".into())
}

/// Installs a command of cargo, in the version that this was tried with.
fn install(command: &str, version: &str) -> Result<()> {
    let installed = process::output(checks::cargo_command().args([command, "--version"]));
    if installed.is_ok_and(|said| String::from_utf8_lossy(&said).contains(version)) {
        return Ok(());
    }
    let package = format!("cargo-{command}");
    eprintln!("xtask: installing {package} {version}");
    let arguments = ["install", "--locked", "--force", &package, "--version", version];
    process::output(checks::cargo_command().args(arguments)).map(drop)
}

/// Runs a command. Returns what it writes to standard output.
fn text(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8(process::output(command)?)?)
}

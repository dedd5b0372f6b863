//! `cargo xtask check`: everything about the source that is not a test.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Result, crates, packages, process};

/// Runs the checks, the quickest first. With an argument, runs only those with it in their names.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let wanted = |name: &str| args.first().is_none_or(|part| name.contains(part.as_str()));
    if args.len() > 1 || !CHECKS.iter().any(|(name, _)| wanted(name)) {
        let names: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        return Err(format!("check takes a part of one of these names: {}", names.join(", ")).into());
    }
    for (name, check) in CHECKS.into_iter().filter(|(name, _)| wanted(name)) {
        check().map_err(|error| format!("{name}: {error}"))?;
        eprintln!("xtask: {name}: ok");
    }
    Ok(ExitCode::SUCCESS)
}

const CHECKS: [(&str, fn() -> Result<()>); 12] = [
    ("format", || cargo(&["fmt", "--all", "--check"])),
    ("who may depend on whom", dependencies),
    ("no tokio in a blocking build", blocking_has_no_tokio),
    ("licences", licences),
    ("packages of the crates", crates::package),
    ("protocol crates without std", no_std),
    ("protocol crates without atomic pointers", no_atomic_pointers),
    ("the machines over another TLS library", other_tls),
    ("clippy", clippy),
    ("the other provider of cryptography", || {
        let features = ["--no-default-features", "--features", "aws-lc-rs,webpki-roots,tokio"];
        cargo(&[&["test", "--locked", "--quiet", "-p", "mailbearer-net"], &features[..]].concat())
    }),
    ("documentation", documentation),
    ("fuzz targets", || {
        let check =
            ["check", "--locked", "--all-features", "--all-targets", "--manifest-path", "fuzz/Cargo.toml"];
        // Where `fuzz replay` builds: they share what runs at build time.
        process::output(cargo_command().args(check).arg("--target-dir").arg(process::target().join("replay")))
            .map(drop)
    }),
];

/// Checks who depends on what: each of these dependencies is only for the crates beside it, with all features on.
fn dependencies() -> Result<()> {
    let rules: [(&str, &[&str]); 6] = [
        ("rustls", &["mailbearer-net", "mailbearer-mock"]),
        ("tokio", &["mailbearer-net"]),
        ("nom", &["mailbearer-imap"]),
        ("httparse", &["mailbearer-oauth"]),
        ("encoding_rs", &["mailbearer-mime"]),
        ("clap", &["mailbearer-cli"]),
    ];
    for package in PACKAGES {
        let named = tree(&["-p", package, "--all-features", "--depth", "1"])?;
        for (dependency, allowed) in rules {
            if named.contains(dependency) && !allowed.contains(&package) {
                return Err(format!("{package} depends on {dependency}, which is for {allowed:?}").into());
            }
        }
    }
    layers()?;
    let wire = tree(&["-p", "mailbearer-wire", "--all-features"])?;
    let expected = ["mailbearer-wire", "zeroize"].map(String::from);
    if wire != BTreeSet::from(expected) {
        return Err(format!("mailbearer-wire stands on zeroize alone, not on {wire:?}").into());
    }
    Ok(())
}

/// Checks the layers: each of our crates depends only on those below it. The program reaches the protocols through the
/// facade, and does not use their server halves.
fn layers() -> Result<()> {
    for (package, below) in LAYERS {
        let named = tree(&["-p", package, "--all-features", "--depth", "1"])?;
        let ours = named.iter().filter(|name| name.starts_with("mailbearer") && *name != package);
        if let Some(name) = ours.into_iter().find(|name| !below.contains(&name.as_str())) {
            return Err(format!("{package} depends on {name}, and may on {below:?}").into());
        }
    }
    for file in sources(&process::workspace().join("crates/cli/src"))? {
        if fs::read_to_string(&file)?.contains("protocol::server") {
            return Err(format!("{} uses the server half of a protocol", file.display()).into());
        }
    }
    Ok(())
}

const LAYERS: [(&str, &[&str]); 12] = [
    ("mailbearer-wire", &[]),
    ("mailbearer-sasl", &["mailbearer-wire"]),
    ("mailbearer-oauth", &["mailbearer-wire", "mailbearer-sasl"]),
    ("mailbearer-smtp", &["mailbearer-wire", "mailbearer-sasl"]),
    ("mailbearer-imap", &["mailbearer-wire", "mailbearer-sasl"]),
    ("mailbearer-pop3", &["mailbearer-wire", "mailbearer-sasl"]),
    ("mailbearer-mime", &["mailbearer-wire"]),
    ("mailbearer-net", &["mailbearer-wire"]),
    ("mailbearer", PROTOCOLS_AND_NET),
    ("mailbearer-mock", PROTOCOLS_AND_NET),
    ("mailbearer-bridge", &["mailbearer", "mailbearer-net"]),
    ("mailbearer-cli", &["mailbearer", "mailbearer-mock", "mailbearer-bridge"]),
];

const PROTOCOLS_AND_NET: &[&str] = &[
    "mailbearer-wire",
    "mailbearer-sasl",
    "mailbearer-oauth",
    "mailbearer-smtp",
    "mailbearer-imap",
    "mailbearer-pop3",
    "mailbearer-mime",
    "mailbearer-net",
];

fn blocking_has_no_tokio() -> Result<()> {
    let crates = tree(&["-p", "mailbearer"])?;
    match crates.iter().find(|name| name.starts_with("tokio") || name.as_str() == "mio") {
        Some(name) => Err(format!("mailbearer with its default features brings {name}").into()),
        None => Ok(()),
    }
}

/// Checks that every dependency is under a licence that deny.toml allows.
fn licences() -> Result<()> {
    let allowed = allowed_licences(&fs::read_to_string(process::workspace().join("deny.toml"))?)?;
    let found = licences_of(&["--workspace", "--all-features", "--target", "all"])?;
    match found.iter().find(|licence| !is_allowed(licence, &allowed)) {
        Some(licence) => {
            Err(format!("a dependency is under `{licence}`, which deny.toml does not allow").into())
        }
        None => Ok(()),
    }
}

/// The licences of what a `cargo tree` lists, build dependencies included.
pub(crate) fn licences_of(args: &[&str]) -> Result<BTreeSet<String>> {
    let listed = process::output(
        cargo_command()
            .args(["tree", "--locked", "-e", "normal,build", "--prefix", "none", "--format", "|{l}"])
            .args(args),
    )?;
    let text = String::from_utf8(listed)?;
    // `cargo tree` marks a crate that it listed before, and puts an empty line between two trees.
    let licences = text.lines().filter_map(|line| line.strip_prefix('|'));
    Ok(licences.map(|licence| licence.trim_end_matches(" (*)").to_owned()).collect())
}

/// The strings of the `allow` list, which has one to a line.
fn allowed_licences(text: &str) -> Result<BTreeSet<String>> {
    let list = text.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.ok_or("deny.toml has no list `allow` of licences")?;
    Ok(list.lines().filter_map(|line| line.split('"').nth(1)).map(String::from).collect())
}

/// Whether an SPDX expression can be met: `OR` and the old `/` leave a choice, `AND` does not.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // With the parentheses gone this asks at least as much as the expression does.
    expression.split(" AND ").all(|part| part.split(" OR ").any(|licence| allowed.contains(licence.trim())))
}

fn no_std() -> Result<()> {
    build_no_std("no_std", "")
}

/// Builds the protocol crates as for a target without atomic pointers, and tests those that share memory.
///
/// The host has atomic pointers, so its compiler accepts every use of them. So this searches the sources too: only one file
/// may name them, behind the switch.
fn no_atomic_pointers() -> Result<()> {
    for package in NO_STD {
        for file in sources(&process::workspace().join("crates").join(package).join("src"))? {
            let text = fs::read_to_string(&file)?;
            let named = ["sync::Arc", "sync::{Arc", "sync::Weak", "sync::atomic"];
            if named.iter().any(|name| text.contains(name)) && !file.ends_with("wire/src/octets.rs") {
                return Err(format!("{} needs atomic pointers", file.display()).into());
            }
        }
    }
    let flags = format!("--cfg {NO_ATOMIC_POINTERS}");
    build_no_std("no_atomic_pointers", &flags)?;
    let mut tests = cargo_command();
    tests.args([
        "test",
        "--locked",
        "--quiet",
        "-p",
        "mailbearer-wire",
        "-p",
        "mailbearer-imap",
        "--target-dir",
    ]);
    tests.arg(process::target().join("no_atomic_pointers")).env("RUSTFLAGS", &flags);
    process::output(&mut tests).map(drop)
}

/// Makes the protocol crates use what they use on targets without atomic pointers.
const NO_ATOMIC_POINTERS: &str = "mailbearer_no_atomic_pointers";

/// The folders of the crates that need no standard library.
const NO_STD: [&str; 7] = ["wire", "sasl", "oauth", "smtp", "imap", "pop3", "mime"];

/// Runs a program that gets a token, sends and lists over the protocol crates and OpenSSL, against the mock.
fn other_tls() -> Result<()> {
    const MANIFEST: &str = "tests/other_tls/Cargo.toml";
    if process::output(Command::new("pkg-config").args(["--exists", "openssl"])).is_err() {
        packages::ensure_only(&["libssl-dev", "pkg-config"])?;
    }
    cargo(&["build", "--locked", "--quiet", "--package", "mailbearer-cli", "--bin", "mailbearer"])?;
    let mut tests = cargo_command();
    tests.args(["test", "--quiet", "--manifest-path", MANIFEST, "--target-dir"]);
    tests.arg(process::target().join("other_tls"));
    tests.env("MAILBEARER_PROGRAM", process::target().join("debug").join("mailbearer"));
    process::output(&mut tests)?;
    match tree(&["--manifest-path", MANIFEST])?.iter().find(|name| name.contains("rustls")) {
        Some(name) => Err(format!("{name} is in the tree of a program over another TLS library").into()),
        None => Ok(()),
    }
}

pub(crate) fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn build_no_std(target: &str, flags: &str) -> Result<()> {
    let mut build = cargo_command();
    build.args(["build", "--manifest-path", "tests/no_std/Cargo.toml", "--target-dir"]);
    build.arg(process::target().join(target));
    if !flags.is_empty() {
        build.env("RUSTFLAGS", flags);
    }
    process::output(&mut build).map(drop)
}

fn clippy() -> Result<()> {
    let every = ["clippy", "--locked", "--workspace", "--all-targets"];
    let deny = ["--", "-D", "warnings"];
    cargo(&[&every[..], &deny].concat())?;
    // Other features compile other code.
    let facade = ["clippy", "--locked", "-p", "mailbearer", "--no-default-features"];
    cargo(&[&facade[..], &deny].concat())?;
    cargo(&[&facade[..], &["--features", "ring,tokio"], &deny].concat())
}

fn documentation() -> Result<()> {
    let mut command = cargo_command();
    command.args(["doc", "--locked", "--workspace", "--no-deps", "--exclude", "mailbearer-benches"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    process::output(&mut command).map(drop)
}

/// Names of the packages in a `cargo tree` of normal dependencies.
pub(crate) fn tree(args: &[&str]) -> Result<BTreeSet<String>> {
    let listed = process::output(
        cargo_command()
            .args(["tree", "--locked", "-e", "normal", "--prefix", "none", "--format", "{p}"])
            .args(args),
    )?;
    let text = String::from_utf8(listed)?;
    Ok(text.lines().filter_map(|line| line.split(' ').next()).map(String::from).collect())
}

fn cargo(args: &[&str]) -> Result<()> {
    process::output(cargo_command().args(args)).map(drop)
}

pub(crate) fn cargo_command() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(process::workspace());
    cargo
}

/// What is published.
pub(crate) const PACKAGES: [&str; 12] = [
    "mailbearer-wire",
    "mailbearer-sasl",
    "mailbearer-oauth",
    "mailbearer-smtp",
    "mailbearer-imap",
    "mailbearer-pop3",
    "mailbearer-mime",
    "mailbearer-net",
    "mailbearer",
    "mailbearer-mock",
    "mailbearer-bridge",
    "mailbearer-cli",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_licence_expressions() {
        let allowed = BTreeSet::from(["MIT", "Apache-2.0", "ISC"].map(String::from));
        let rows = [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-3.0) AND ISC", true),
            ("ISC AND (GPL-3.0 OR LGPL-2.1)", false),
            ("", false),
        ];
        for (expression, want) in rows {
            assert_eq!(is_allowed(expression, &allowed), want, "{expression}");
        }
    }

    #[test]
    fn reads_the_list_of_the_file() {
        let text = "[licenses]\nallow = [\n    \"MIT\", # why\n    \"ISC\",\n]\n[bans]\n";
        assert_eq!(allowed_licences(text).unwrap(), BTreeSet::from(["MIT", "ISC"].map(String::from)));
    }
}

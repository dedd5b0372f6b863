//! `cargo xtask footprint`: what the main job costs an embedder.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::thread;

use crate::{Result, checks, process};

/// Builds the package `footprint` in each form, prints its size, crates and licences beside what is aimed at, then the
/// peak memory of `mailbearer list`, runs the tests of what transfers hold, and fails where something grew over its limit.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    if let Some(argument) = args.first() {
        return Err(format!("footprint takes no argument, not `{argument}`").into());
    }
    // Linking takes one core and most of the time, and the two are built with profiles, and so in folders, of their own.
    let (forms, program) = thread::scope(|scope| {
        let program = scope.spawn(|| build_program().map_err(|error| error.to_string()));
        (measure_forms(), program.join())
    });
    program.map_err(|_| "the thread that builds the program panicked")??;
    let (over, smallest) = forms?;
    let peak = list_memory()?;
    let fits = peak <= LIST_PEAK_KIB;
    println!(
        "list of {LISTED} messages: {peak} KiB at most   {LIST_PEAK_KIB} KiB{}",
        if fits { "" } else { "  OVER" }
    );
    let (processor, wall) = warm_token()?;
    let is_quick = processor <= TOKEN_MICROSECONDS;
    println!(
        "token from a warm store, servers gone: {processor} µs of processor at best   {TOKEN_MICROSECONDS} µs{}; \
         {wall} µs in all, in the middle of {TOKENS} runs",
        if is_quick { "" } else { "  OVER" }
    );
    let linked = linked_unasked(&smallest)?;
    println!(
        "of other grants, logins and stores it links {}",
        if linked.is_empty() { "nothing" } else { "SOMETHING" }
    );
    // The tests of the program hold a transfer of 150 MB to 11 MiB in the program that was built for release. The tests
    // themselves are those of `cargo xtask test`, so that they are not built and linked for release too.
    let streaming = ["test", "--locked", "--workspace", "--test", "cli", "streaming"];
    process::output(checks::cargo_command().args(streaming).env("MAILBEARER_TEST_PROGRAM", program_path()))?;
    println!("fetch, append and send of 150 MB: within 11 MiB, from a pipe to be sent 12");
    if !linked.is_empty() {
        return Err(format!("the smallest form holds the code of {}", linked.join(", ")).into());
    }
    if over || !fits || !is_quick {
        return Err("the footprint is over its limit".into());
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the embedding is over a limit in one of its forms, and its octets in the smallest.
fn measure_forms() -> Result<(bool, Vec<u8>)> {
    println!("{:<23} {:>9} {:>9} {:>9} {:>7} {:>5}", "form", "bytes", "limit", "aim", "crates", "limit");
    let mut over = false;
    let mut smallest = Vec::new();
    let mut licences = BTreeSet::new();
    let has_lld = links_with_lld()?;
    for form in &FORMS {
        if form.linked_small && !has_lld {
            println!(
                "{:<23} skipped: it wants lld, rustc's linker on x86-64 Linux from {FIRST_LLD} on",
                form.name
            );
            continue;
        }
        let bytes = build(form)?;
        if form.name == FORMS[0].name {
            smallest = fs::read(process::target().join("footprint/footprint"))?;
        }
        let crates = checks::tree(&["-p", "footprint", "--features", form.features])?.len();
        let fits = bytes <= form.limit && crates <= form.crates;
        let mark = if fits { "" } else { "  OVER" };
        let Form { name, limit, aim, crates: most, .. } = form;
        println!("{name:<23} {bytes:>9} {limit:>9} {aim:>9} {crates:>7} {most:>5}{mark}");
        over |= !fits;
        licences.extend(checks::licences_of(&["-p", "footprint", "--features", form.features])?);
    }
    println!("licences: {}", licences.into_iter().collect::<Vec<_>>().join("; "));
    Ok((over, smallest))
}

fn build_program() -> Result<()> {
    process::output(checks::cargo_command().args(["build", "--locked", "--release", "--bin", "mailbearer"]))?;
    Ok(())
}

fn program_path() -> PathBuf {
    process::target().join("release/mailbearer")
}

/// What a program that gets its tokens by a client secret holds, and should not, of the rest of OAuth. Each part is known by
/// a text that it can't do without, and that the whole program has.
fn linked_unasked(smallest: &[u8]) -> Result<Vec<&'static str>> {
    let whole = fs::read(program_path())?;
    let holds =
        |program: &[u8], text: &str| program.windows(text.len()).any(|window| window == text.as_bytes());
    if let Some((part, _)) = REST.iter().find(|(_, text)| !holds(&whole, text)) {
        return Err(format!("the program itself is without {part}: what tells it is out of date").into());
    }
    Ok(REST.iter().filter(|(_, text)| holds(smallest, text)).map(|(part, _)| *part).collect())
}

/// Microseconds that `token` takes of a warm store: of processor, and in all.
fn warm_token() -> Result<(u64, u64)> {
    let mut python = Command::new("python3");
    python.args(["-c", include_str!("footprint/token.py")]);
    python.arg(program_path()).arg(TOKENS.to_string());
    let said = String::from_utf8(process::output(&mut python)?)?;
    let (processor, wall) = said.trim().split_once(' ').ok_or_else(|| format!("token gave: {said}"))?;
    Ok((processor.parse()?, wall.parse()?))
}

/// Whether rustc links with lld where it is asked for no linker.
pub(crate) fn links_with_lld() -> Result<bool> {
    let version = process::output(Command::new("rustc").arg("--version").current_dir(process::workspace()))?;
    let is_on_it = cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"));
    Ok(is_on_it && is_since_lld(&String::from_utf8(version)?))
}

/// `rustc 1.95.0 (…)`
fn is_since_lld(version: &str) -> bool {
    let number = |text: &str| {
        let (major, rest) = text.split_once('.')?;
        Some((major.parse::<u32>().ok()?, rest.split('.').next()?.parse::<u32>().ok()?))
    };
    version.split(' ').nth(1).and_then(number) >= number(FIRST_LLD)
}

fn build(form: &Form) -> Result<u64> {
    let mut cargo = checks::cargo_command();
    cargo.args(["rustc", "--locked", "-p", "footprint", "--bin", "footprint", "--profile", "footprint"]);
    cargo.args(["--features", form.features, "--"]);
    if form.linked_small {
        cargo.args(LINKED_SMALL.map(|argument| format!("-Clink-arg=-Wl,{argument}")));
        let script = process::workspace().join("tests/footprint/small.ld");
        cargo.arg(format!("-Clink-arg=-Wl,-T,{}", script.display()));
    }
    process::output(&mut cargo)?;
    Ok(fs::metadata(process::target().join("footprint/footprint"))?.len())
}

/// Peak memory in KiB of the program's `list` on the mock server, as Linux tells it of a running process.
fn list_memory() -> Result<u64> {
    let mut python = Command::new("python3");
    python.args(["-c", include_str!("footprint/list.py")]);
    python.arg(program_path()).arg(LISTED.to_string());
    let said = String::from_utf8(process::output(&mut python)?)?;
    match said.trim().split_once(' ') {
        Some((peak, listed)) if listed == LISTED.to_string() => Ok(peak.parse()?),
        _ => Err(format!("listing {LISTED} messages gave: {}", said.trim()).into()),
    }
}

struct Form {
    name: &'static str,
    features: &'static str,
    /// Linked as the README tells those who want it smallest.
    linked_small: bool,
    /// Bytes that it must not grow over: what it came down to, and a little.
    limit: u64,
    /// Bytes that it is to come down to; the forms between have no aim of their own.
    aim: &'static str,
    /// Crates at most, itself included.
    crates: usize,
}

impl Form {
    const fn new(name: &'static str, features: &'static str, limit: u64, crates: usize) -> Self {
        Self { name, features, linked_small: false, limit, aim: "", crates }
    }
}

/// The limits are what stands, so that it only shrinks from here. The aims are what was set. The smallest is the facade
/// without its default features, but for cryptography and roots.
const FORMS: [Form; 6] = [
    Form { aim: "1580000", ..Form::new("blocking", "", 1_696_000, 29) },
    Form { linked_small: true, ..Form::new("blocking, linked small", "", 1_441_000, 29) },
    Form::new("blocking, TLS 1.2", "tls12", 1_742_700, 29),
    Form::new("blocking, charsets", "tls12,charsets", 1_955_700, 31),
    Form::new("tokio", "tls12,tokio", 1_800_700, 32),
    Form { aim: "1750000", ..Form::new("tokio, charsets", "tls12,tokio,charsets", 2_013_600, 34) },
];

/// For the linker: relative relocations in a short form (glibc 2.36 reads it), no table of what unwinds the stack, and of
/// functions that are the same one.
const LINKED_SMALL: [&str; 3] = ["-z,pack-relative-relocs", "--no-eh-frame-hdr", "--icf=all"];

/// The rustc from which on lld is the linker. Others know no `--icf`.
const FIRST_LLD: &str = "1.90";

/// Parts of OAuth beside the client secret.
const REST: [(&str, &str); 9] = [
    ("the authorization code", "code_challenge"),
    ("the device code", "device_code"),
    ("the authorization request", "response_type"),
    ("the pages of a login", "<!DOCTYPE html>"),
    ("certificates of applications", "x5t"),
    ("the identity of machines", "169.254.169.254"),
    ("the assertions of GitHub", "ACTIONS_ID_TOKEN"),
    ("tokens in files", "token lock"),
    ("tokens in the keyring", "org.freedesktop.secrets"),
];

/// Runs of `token`, and the microseconds of processor that the best of them may take.
const TOKENS: u64 = 21;
const TOKEN_MICROSECONDS: u64 = 10_000;
const LISTED: u64 = 10_000;
/// 12 MiB: 10,172 to 11,252 KiB were seen.
const LIST_PEAK_KIB: u64 = 12 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lld_is_the_linker_from_a_version_on() {
        for (version, want) in [
            ("rustc 1.90.0 (1159e78c4 2025-09-14)", true),
            ("rustc 1.100.0-nightly (x)", true),
            ("rustc 2.0.0 (x)", true),
            ("rustc 1.89.0 (29483883e 2025-08-04)", false),
            ("rustc 1.9.0 (x)", false),
            ("rustc", false),
            ("", false),
        ] {
            assert_eq!(is_since_lld(version), want, "{version}");
        }
    }
}

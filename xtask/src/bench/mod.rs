//! `cargo xtask bench`: what the parsers cost beside their peers, in instructions and allocations.

mod limits;
mod pieces;

use std::collections::BTreeMap;
use std::fmt::{Arguments, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::{Result, checks, packages, process};

/// Counts, prints the tables, and fails over a limit. With arguments, only the pieces of these names; with `fast`, all that
/// need one build.
///
/// Callgrind counts on a simulated processor, so the numbers are the same on any machine however busy it is.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let is_wanted = |name: &str| match args {
        [] => true,
        [one] if one == "fast" => name != SMALL,
        names => names.iter().any(|wanted| wanted == name),
    };
    let chosen: Vec<Piece> =
        PIECES.into_iter().filter(|(name, _)| is_wanted(name)).map(|(_, piece)| piece).collect();
    if chosen.is_empty() || args.len() > chosen.len() {
        let names = PIECES.map(|(name, _)| name).join(", ");
        return Err(format!("bench takes nothing, `fast`, or some of {names}").into());
    }
    packages::ensure_only(&["valgrind"])?;
    let programs = Programs::build(is_wanted(SMALL))?;
    let mut over = Vec::new();
    for found in process::at_once(&chosen, |piece| piece(&programs).map_err(|error| error.to_string())) {
        let found = found?;
        println!("{}", found.table);
        over.extend(found.over);
    }
    if over.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("over the limit:\n  {}", over.join("\n  ")).into())
}

type Piece = fn(&Programs) -> Result<Found>;

/// The pieces, the longest first.
const PIECES: [(&str, Piece); 10] = [
    ("messages", pieces::messages),
    ("responses", pieces::responses),
    (SMALL, pieces::small),
    ("hostile", pieces::hostile),
    ("growth", pieces::growth),
    ("bodies", pieces::bodies),
    ("upload", pieces::upload),
    ("submission", pieces::submission),
    ("retrieval", pieces::retrieval),
    ("waiting", pieces::waiting),
];
/// The piece that wants programs of its own.
const SMALL: &str = "small";

/// What a piece found.
#[derive(Default)]
struct Found {
    table: String,
    /// What is over its limit.
    over: Vec<String>,
}

impl Found {
    fn line(&mut self, line: Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.table, "{line}");
    }
}

/// The programs that do what is counted.
struct Programs {
    fast: PathBuf,
    /// Built for size, and by cargo's own profile for releases.
    small: Option<(PathBuf, PathBuf)>,
    /// Allocations and allocated octets per response, by corpus and parser.
    allocated: BTreeMap<(String, String), (f64, f64)>,
}

impl Programs {
    fn build(with_small: bool) -> Result<Self> {
        // By the profile of releases, and where that is built: most of what it depends on is the program's too.
        let fast = build_in(&process::target(), &[])?;
        let small = with_small.then(|| -> Result<_> {
            let of = |name: &str| process::target().join(format!("bench-{name}"));
            let small = build_in(&of("z"), &["profile.release.opt-level=\"z\""])?;
            let usual = ["profile.release.lto=false", "profile.release.codegen-units=16"];
            Ok((small, build_in(&of("usual"), &usual)?))
        });
        Ok(Self { fast, small: small.transpose()?, allocated: allocations()? })
    }

    fn allocated(&self, corpus: &str, parser: &str) -> (f64, f64) {
        self.allocated.get(&(corpus.to_owned(), parser.to_owned())).copied().unwrap_or_default()
    }
}

/// Builds the program that callgrind runs, by the profile of releases with these changes.
fn build_in(target: &Path, changes: &[&str]) -> Result<PathBuf> {
    let mut cargo = checks::cargo_command();
    cargo.args(["build", "--locked", "--release", "-p", "mailbearer-benches", "--bin", "instructions"]);
    for change in changes {
        cargo.arg("--config").arg(change);
    }
    process::output(cargo.arg("--target-dir").arg(target))?;
    Ok(target.join("release/instructions"))
}

/// Runs a program under callgrind. Returns the instructions that it counted, and the number that the program printed.
fn instructions(binary: &Path, input: &str, how: &str, count: usize) -> Result<(f64, f64)> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.args(["--collect-atstart=no", "--toggle-collect=*::measured*"]);
    // Callgrind counts a copy by `rep movsb` as one instruction for each octet, which overstates it.
    valgrind.env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=4294967296");
    let output = valgrind.arg(binary).args([input, how, &count.to_string()]).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<f64>().ok());
    let printed = str::from_utf8(&output.stdout)?.trim().parse::<f64>();
    match (counted, printed) {
        (Some(counted), Ok(printed)) if output.status.success() && counted > 0.0 => Ok((counted, printed)),
        _ => Err(format!("callgrind on {input} with {how} failed ({}):\n{}", output.status, said.trim_end())
            .into()),
    }
}

/// What a program of the benches prints. The tests' build will do where nothing is timed: it allocates the same.
fn printed_by(program: &str) -> Result<String> {
    let run = ["run", "--quiet", "--locked", "-p", "mailbearer-benches", "--bin", program];
    Ok(String::from_utf8(process::output(checks::cargo_command().args(run))?)?)
}

fn allocations() -> Result<BTreeMap<(String, String), (f64, f64)>> {
    let output = printed_by("allocations")?;
    let read = |line: &str| {
        let [corpus, parser, numbers @ ..] = &line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let numbers: Vec<f64> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
        let [responses, count, octets] = numbers[..] else { return None };
        Some(((String::from(*corpus), String::from(*parser)), (count / responses, octets / responses)))
    };
    output.lines().map(|line| read(line).ok_or_else(|| format!("allocations: {line}").into())).collect()
}

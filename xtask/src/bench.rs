//! `cargo xtask bench`: what the parsers cost beside their peers, in instructions and allocations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::{Result, checks, packages, process};

/// Counts, prints the tables, and fails over a limit.
///
/// Callgrind counts on a simulated processor, so the numbers are the same on any machine however busy it is.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let piece = match args {
        [] => "",
        [piece] if piece == "messages" || piece == "responses" => piece,
        _ => return Err("bench takes nothing, `responses` or `messages`".into()),
    };
    packages::ensure_only(&["valgrind"])?;
    let fast = build("3", "instructions")?;
    let allocated = allocations(&build("3", "allocations")?)?;
    let over = match piece {
        "messages" => messages(&fast, &allocated)?,
        "responses" => responses(&fast, &allocated)?,
        _ => everything(&fast, &allocated)?,
    };
    if over.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("over the limit:\n  {}", over.join("\n  ")).into())
}

fn everything(fast: &Path, allocated: &BTreeMap<(String, String), (f64, f64)>) -> Result<Vec<String>> {
    let mut over = responses(fast, allocated)?;
    over.extend(submission(fast, allocated)?);
    if let Some((_, octets)) = allocated.get(&("body-1m".to_owned(), "mailbearer".to_owned()))
        && *octets > HELD * 1024.0 * 1024.0
    {
        over.push(format!("a body of 1 MB that is held: {octets:.0} octets allocated"));
    }
    over.extend(bodies(fast)?);
    over.extend(retrieval(fast)?);
    over.extend(upload(fast)?);
    over.extend(messages(fast, allocated)?);
    over.extend(growth(fast)?);
    over.extend(waiting()?);
    Ok(over)
}

/// Counts what IMAP responses cost, and what those of a listing cost an embedder who sets no profile.
fn responses(fast: &Path, allocated: &BTreeMap<(String, String), (f64, f64)>) -> Result<Vec<String>> {
    let small = build("z", "instructions")?;
    let mut over = Vec::new();
    println!("per response                       ┌─── instructions ───────────────┐ ┌── allocations ─┐");
    println!(
        "{:<14} {:<18} {:>9} {:>7} {:>9} {:>6} {:>8} {:>8}",
        "corpus", "parser", "at 3", "of peer", "at z", "z / 3", "count", "octets"
    );
    for (corpus, count, limit) in CORPORA {
        let mut rows = Vec::new();
        for parser in parsers(corpus) {
            let (fast, responses) = instructions(fast, corpus, parser, count)?;
            let (small, _) = instructions(&small, corpus, parser, count)?;
            rows.push(Row { parser, fast: fast / responses, small: small / responses });
        }
        for row in &rows {
            let of_peer = row.of_best(&rows, |row| row.fast);
            let small_of_peer = row.of_best(&rows, |row| row.small);
            let (count, octets) =
                allocated.get(&(corpus.to_owned(), row.parser.to_owned())).copied().unwrap_or_default();
            let fits = row.fits(limit, of_peer.max(small_of_peer));
            println!(
                "{corpus:<14} {:<18} {:>9.0} {:>6.1}% {:>9.0} {:>6.2} {count:>8.2} {octets:>8.0}{}",
                row.parser,
                row.fast,
                of_peer * 100.0,
                row.small,
                row.small / row.fast,
                if fits { "" } else { "  OVER" },
            );
            if !fits {
                over.push(format!(
                    "{} on {corpus}: {:.1} % of the better peer, {:.1} % at z",
                    row.parser,
                    of_peer * 100.0,
                    small_of_peer * 100.0
                ));
            }
        }
    }
    let usual = build_as(
        "usual",
        "instructions",
        &["profile.release.lto=false", "profile.release.codegen-units=16"],
    )?;
    let per_line = |parser| -> Result<f64> {
        let (all, lines) = instructions(&usual, "listing", parser, 500)?;
        Ok(all / lines)
    };
    let (ours, theirs) = (per_line("mailbearer")?, per_line("imap-proto")?);
    println!(
        "built by cargo's own profile for releases, a line of a listing takes {ours:.0}, {:.1} % of imap-proto",
        ours / theirs * 100.0
    );
    Ok(over)
}

struct Row {
    parser: &'static str,
    fast: f64,
    small: f64,
}

impl Row {
    fn is_peer(&self) -> bool {
        !self.parser.contains("mailbearer")
    }

    fn is_client(&self) -> bool {
        self.parser.starts_with("client-")
    }

    /// Its cost, divided by the cost of the cheapest peer of its kind.
    fn of_best(&self, rows: &[Self], cost: impl Fn(&Self) -> f64) -> f64 {
        let peers = rows.iter().filter(|row| row.is_peer() && row.is_client() == self.is_client());
        cost(self) / peers.map(&cost).fold(f64::INFINITY, f64::min)
    }

    fn fits(&self, limit: f64, of_peer: f64) -> bool {
        match self.parser {
            // On bodies there is no limit: the peers get them whole, our framer in pieces.
            "mailbearer" => limit.is_infinite() || of_peer <= limit && self.small <= self.fast * SMALL,
            "client-mailbearer" => of_peer <= CLIENT,
            _ => true,
        }
    }
}

fn parsers(corpus: &str) -> Vec<&'static str> {
    let mut parsers = vec!["mailbearer", "mailbearer-read", "mailbearer-parse", "imap-proto", "imap-codec"];
    if corpus == "listing" {
        parsers.extend(["client-mailbearer", "client-async-imap"]);
    }
    parsers
}

/// Counts the reading of a submission server's replies; smtp-proto's cost is the limit.
fn submission(binary: &Path, allocated: &BTreeMap<(String, String), (f64, f64)>) -> Result<Vec<String>> {
    let mut over = Vec::new();
    println!("\nper reply          mailbearer   smtp-proto           allocations");
    for corpus in ["ehlo", "reply"] {
        let count = |parser| -> Result<f64> {
            let (all, replies) = instructions(binary, corpus, parser, 900)?;
            Ok(all / replies)
        };
        let made = |parser: &str| {
            allocated.get(&(corpus.to_owned(), parser.to_owned())).copied().unwrap_or_default().0
        };
        let (ours, theirs) = (count("mailbearer")?, count("smtp-proto")?);
        let (our_count, their_count) = (made("mailbearer"), made("smtp-proto"));
        println!("{corpus:<14} {ours:>14.0} {theirs:>12.0} {our_count:>12.2} {their_count:>8.2}");
        if ours > theirs || our_count > their_count + 0.01 {
            over.push(format!("{corpus}: {ours:.0} instructions, {our_count:.2} allocations"));
        }
    }
    Ok(over)
}

/// Counts what a body costs: the parser must not look at its octets, and the framer may copy them once.
fn bodies(binary: &Path) -> Result<Vec<String>> {
    let mut over = Vec::new();
    println!("\ninstructions for a body of               1 kB         1 MB");
    let mut row = |parser, limit: f64| -> Result<()> {
        let (small, responses) = instructions(binary, "body-1k", parser, 4)?;
        let (large, _) = instructions(binary, "body-1m", parser, 4)?;
        let (small, large) = (small / responses, large / responses);
        println!("{parser:<30} {small:>12.0} {large:>12.0}");
        if large > small + limit {
            over.push(format!("{parser} on a body of 1 MB: {large:.0} instructions"));
        }
        Ok(())
    };
    // A few instructions more: the size of the larger body has three digits more.
    row("mailbearer-parse", 100.0)?;
    row("mailbearer", PER_OCTET * 1024.0 * 1024.0)?;
    Ok(over)
}

/// Counts how a message of POP3 gets from the driver to the caller, beside a bare search for dots in the same octets.
fn retrieval(binary: &Path) -> Result<Vec<String>> {
    let mut over = Vec::new();
    println!("\ninstructions per octet of RETR      mailbearer    memchr");
    for (corpus, limit) in [("retr-base64", RETR_BASE64), ("retr-text", RETR_TEXT)] {
        let per_octet = |reader| -> Result<f64> {
            let (all, octets) = instructions(binary, corpus, reader, 4 << 20)?;
            Ok(all / octets)
        };
        let (ours, scan) = (per_octet("mailbearer")?, per_octet("memchr")?);
        println!("{corpus:<30} {ours:>15.3} {scan:>9.3}");
        if ours > scan * limit {
            over.push(format!("{corpus}: {ours:.3} instructions an octet, a scan {scan:.3}"));
        }
    }
    Ok(over)
}

/// Counts how a message gets to a server over TLS, by each driver, beside rustls alone with the same octets.
fn upload(binary: &Path) -> Result<Vec<String>> {
    let mut over = Vec::new();
    let per_octet = |uploader| -> Result<f64> {
        let (all, octets) = instructions(binary, "upload", uploader, UPLOADED)?;
        Ok(all / octets)
    };
    let bare = per_octet("rustls")?;
    println!("\ninstructions per octet of an upload    count   of rustls   limit {UPLOAD}");
    println!("{:<34} {bare:>9.3} {:>11.3}", "rustls", 1.0);
    for driver in ["blocking", "tokio"] {
        let ours = per_octet(driver)?;
        let ratio = ours / bare;
        println!("{driver:<34} {ours:>9.3} {ratio:>11.3}");
        if ratio > UPLOAD {
            over.push(format!("upload, {driver}: {ratio:.3} times the work of rustls"));
        }
    }
    Ok(over)
}

/// Counts reading and writing messages beside the peers, and checks that twice the octets cost about twice as much.
fn messages(binary: &Path, allocated: &BTreeMap<(String, String), (f64, f64)>) -> Result<Vec<String>> {
    let mut over = Vec::new();
    println!("\nper message                            instructions   ratio  allocations     octets");
    for (work, sizes, peers, limit) in MESSAGES {
        for size in sizes {
            let count = |library, size| -> Result<f64> {
                Ok(instructions(binary, &format!("mime-{work}"), library, size)?.0)
            };
            let ours = count("mailbearer", *size)?;
            let row = |library: &str, cost: f64| {
                let name = format!("{work}-{size}");
                let (made, octets) =
                    allocated.get(&(name.clone(), library.to_owned())).copied().unwrap_or_default();
                let ratio = ours / cost;
                println!("{name:<18} {library:<16} {cost:>16.0} {ratio:>7.2} {made:>12.0} {octets:>10.0}");
            };
            row("mailbearer", ours);
            for peer in peers {
                let theirs = count(peer, *size)?;
                row(peer, theirs);
                if ours > theirs * limit {
                    over.push(format!("{work} of {size}: {ours:.0} instructions, {peer} {theirs:.0}"));
                }
            }
            let ratio = count("mailbearer", size.saturating_mul(2))? / ours;
            if ratio > MESSAGE_GROWTH {
                over.push(format!("{work}: {ratio:.2} times the work from {size} to twice the octets"));
            }
        }
    }
    println!("\nhostile messages               from 32 kB to 64 kB   limit {MESSAGE_GROWTH}");
    for shape in HOSTILE {
        let count = |size| -> Result<f64> { Ok(instructions(binary, "hostile", shape, size)?.0) };
        let ratio = count(64 * 1024)? / count(32 * 1024)?;
        println!("{shape:<40} {ratio:>9.2}");
        if ratio > MESSAGE_GROWTH {
            over.push(format!("{shape}: {ratio:.2} times the work for twice the octets"));
        }
    }
    Ok(over)
}

/// Checks that twice the octets cost about twice as much, whether they come whole or one at a time.
fn growth(binary: &Path) -> Result<Vec<String>> {
    let mut over = Vec::new();
    println!(
        "\ninstructions per octet             {:>12} {:>12} {:>6}   limit {GROWTH}",
        "64 kB", "128 kB", "ratio"
    );
    for shape in SHAPES {
        for (piece, name) in [("4000000", "whole"), ("1", "by the octet")] {
            let (once, octets) = instructions(binary, shape, piece, 64 * 1024)?;
            let (twice, more) = instructions(binary, shape, piece, 128 * 1024)?;
            let ratio = twice / once;
            println!("{shape:<14} {name:<18}  {:>12.2} {:>12.2} {ratio:>6.2}", once / octets, twice / more);
            if ratio > GROWTH {
                over.push(format!("{shape}, {name}: {ratio:.2} times the work for twice the octets"));
            }
        }
    }
    Ok(over)
}

/// Builds one program of `benches` with the release profile, at the given optimization level.
fn build(level: &str, program: &str) -> Result<PathBuf> {
    let optimised = format!("profile.release.opt-level={}", if level == "z" { "\"z\"" } else { level });
    build_as(level, program, &[&optimised])
}

/// Builds a program of the package of benches in a folder of this name, by the profile of releases with these changes.
fn build_as(name: &str, program: &str, changes: &[&str]) -> Result<PathBuf> {
    let target = process::target().join(format!("bench-{name}"));
    let mut cargo = checks::cargo_command();
    cargo.args(["build", "--locked", "--release", "-p", "mailbearer-benches", "--bin", program]);
    for change in changes {
        cargo.arg("--config").arg(change);
    }
    process::output(cargo.arg("--target-dir").arg(&target))?;
    Ok(target.join("release").join(program))
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

/// Allocations and allocated octets per response, by corpus and parser.
fn allocations(binary: &Path) -> Result<BTreeMap<(String, String), (f64, f64)>> {
    let output = String::from_utf8(process::output(&mut Command::new(binary))?)?;
    let read = |line: &str| {
        let [corpus, parser, numbers @ ..] = &line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let numbers: Vec<f64> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
        let [responses, count, octets] = numbers[..] else { return None };
        Some(((String::from(*corpus), String::from(*parser)), (count / responses, octets / responses)))
    };
    output.lines().map(|line| read(line).ok_or_else(|| format!("allocations: {line}").into())).collect()
}

/// Measures the memory of connections that wait.
fn waiting() -> Result<Vec<String>> {
    // An unoptimized build will do: it allocates the same.
    let run = ["run", "--quiet", "--locked", "-p", "mailbearer-benches", "--bin", "memory"];
    let output = String::from_utf8(process::output(checks::cargo_command().args(run))?)?;
    let mut over = Vec::new();
    println!("octets held by a connection that waits");
    for (name, limit) in WAITING {
        let found = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let held: u64 = found.ok_or_else(|| format!("memory: {output}"))?.parse()?;
        println!("{name:<14} {held:>9} {limit:>9}{}", if held <= limit { "" } else { "  OVER" });
        if held > limit {
            over.push(format!("{name}: {held} octets held"));
        }
    }
    Ok(over)
}

/// A session with an open mailbox, of which rustls has 8,600 octets; a watcher of an empty mailbox, and one of 10,000
/// messages. A thousand of the last are to take less than 40 MB, and a message at most 4 octets.
const WAITING: [(&str, u64); 3] = [("session", 12_288), ("watcher", 14_336), ("watcher-10000", 40_000)];

/// The corpora, how many responses of each are counted, and the limit as a part of the better peer's cost. Ours includes all
/// that comes before and after parsing: gathering octets in a buffer, taking each response out of it, and reading it in full.
/// The peers get a full buffer, and leave what they found in vectors.
///
/// The aim is a quarter on each. What stands in the way: the end of each text is searched twice, once when its list is
/// checked and once when it is read (listing, bodystructure); each text with an escape is an allocation (quoted); short
/// lines cost more to frame than to parse (mixed).
const CORPORA: [(&str, usize, f64); 8] = [
    ("listing", 500, 0.355),
    ("quoted", 500, 0.46),
    ("flags", 2000, 0.24),
    ("bodystructure", 500, 0.355),
    ("mixed", 2000, 0.58),
    ("body-1k", 500, f64::INFINITY),
    ("body-64k", 40, f64::INFINITY),
    ("body-1m", 4, f64::INFINITY),
];
/// What is done with messages, at which sizes, beside which peers, and the limit as a part of each peer's cost.
///
/// The aim is to cost less than each. What stands in the way with encoded names and subjects: mail-builder borrows what it
/// writes and checks nothing. Ours owns each text, refuses what is no address, and makes the list of recipients too; where
/// mail-builder's user has to make that list himself (`write-sent`), ours costs less.
const MESSAGES: [(&str, &[usize], &[&str], f64); 11] = [
    ("headers", &[4_300], &["mail-parser", "mailparse"], 0.75),
    ("read", &[5_000, 50_000, 1_000_000], &["mail-parser", "mailparse"], 0.9),
    ("words", &[400], &["mail-parser", "mailparse", "rfc2047-decoder"], 0.8),
    ("base64", &[1_000_000], &["mail-parser", "mailparse"], 0.2),
    ("quoted-printable", &[64_000], &["mail-parser", "mailparse"], 0.6),
    ("write-text", &[2_000], &["mail-builder", "lettre"], 0.85),
    ("write-file", &[1_000_000], &["mail-builder", "lettre"], 1.0),
    ("write-words", &[400], &["mail-builder", "lettre"], 1.12),
    ("write-sent", &[400], &["mail-builder", "lettre"], 1.0),
    ("write-base64", &[1_000_000], &["mail-builder", "lettre"], 1.0),
    ("write-quoted", &[64_000], &["mail-builder", "lettre"], 1.0),
];
/// Messages made to cost as much as they can.
const HOSTILE: [&str; 18] = [
    "boundaries",
    "parts",
    "fields",
    "words",
    "addresses",
    "groups",
    "comments",
    "quotes",
    "parameters",
    "sections",
    "references",
    "html-tags",
    "html-tables",
    "html-entities",
    "base64",
    "quoted-printable",
    "uuencode",
    "recipients",
];
/// How many times as much a message may cost when it is twice as long.
const MESSAGE_GROWTH: f64 = 2.2;
const SHAPES: [&str; 7] = ["stream", "numbers", "addresses", "parts", "literals", "body", "escapes"];
/// How many times as much the parser may cost at opt-level z as at 3. The aim is 1.4. At z the compiler inlines less, and
/// copies values by `rep movs`, each step of which counts as an instruction.
const SMALL: f64 = 1.9;
/// How many times its own size a body that is held may allocate: it is to get its memory once.
const HELD: f64 = 1.1;
/// The limit of the client, as a part of async-imap's cost.
const CLIENT: f64 = 1.0 / 3.0;
/// Instructions for each octet of a body, from the driver's buffer to the caller: a copy and a pass of memchr.
const PER_OCTET: f64 = 0.2;
/// How many times the cost of a search for dots a message of POP3 may cost. Base64 has no dots: the rest is the copy into
/// the driver's buffer.
const RETR_BASE64: f64 = 3.0;
/// The same for text. Each dot is looked at, and each that was doubled ends a piece.
const RETR_TEXT: f64 = 1.7;
/// Pieces of 64 KiB in the message that is uploaded.
const UPLOADED: usize = 64;
/// How many times the work of rustls alone an upload may be; it is 1.05. The rest is one more copy, from the caller's piece
/// into the send buffer. In processor time it weighs more than in instructions, since it goes through the second cache: 1.1
/// to 1.2, by the program `upload` on two busy cores.
const UPLOAD: f64 = 1.1;
/// How many times as much twice the octets may cost.
const GROWTH: f64 = 2.5;

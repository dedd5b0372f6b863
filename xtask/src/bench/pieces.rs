//! The pieces of the bench, each a table and its limits.

use std::path::Path;

use super::limits::{
    CLIENT, CORPORA, GROWTH, HELD, HOSTILE, MESSAGE_GROWTH, MESSAGES, PER_OCTET, RETR_BASE64, RETR_TEXT,
    SHAPES, SMALLER, UPLOAD, UPLOADED, USUAL, WAITING,
};
use super::{Found, Programs, instructions, printed_by};
use crate::Result;

/// Counts what IMAP responses cost.
pub(super) fn responses(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    found.line(format_args!(
        "{:<14} {:<18} {:>12} {:>7} {:>11} {:>8}",
        "per response", "parser", "instructions", "of peer", "allocations", "octets"
    ));
    for (corpus, count, limit) in CORPORA {
        let mut parsers =
            vec!["mailbearer", "mailbearer-read", "mailbearer-parse", "imap-proto", "imap-codec"];
        if corpus == "listing" {
            parsers.extend(["client-mailbearer", "client-async-imap"]);
        }
        let rows = count_each(&programs.fast, corpus, &parsers, count)?;
        for (parser, cost) in &rows {
            let of_peer = cost / best_peer(&rows, parser);
            let (made, octets) = programs.allocated(corpus, parser);
            let fits = match *parser {
                // On bodies there is no limit: the peers get them whole, our framer in pieces.
                "mailbearer" => limit.is_infinite() || of_peer <= limit,
                "client-mailbearer" => of_peer <= CLIENT,
                _ => true,
            };
            let (part, mark) = (of_peer * 100.0, if fits { "" } else { "  OVER" });
            found.line(format_args!(
                "{corpus:<14} {parser:<18} {cost:>12.0} {part:>6.1}% {made:>11.2} {octets:>8.0}{mark}"
            ));
            if !fits {
                found.over.push(format!("{parser} on {corpus}: {part:.1} % of the better peer"));
            }
        }
    }
    Ok(found)
}

/// Counts what IMAP responses cost an embedder who builds for size, and one who sets no profile.
pub(super) fn small(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    let (small, usual) = programs.small.as_ref().ok_or("the programs for this were not built")?;
    found.line(format_args!(
        "{:<14} {:>12} {:>12} {:>9} {:>7}   limit {SMALLER}",
        "per response", "at level 3", "at level z", "z / 3", "of peer"
    ));
    for (corpus, count, limit) in CORPORA.into_iter().filter(|(.., limit)| limit.is_finite()) {
        let fast = count_each(&programs.fast, corpus, &["mailbearer"], count)?;
        let rows = count_each(small, corpus, &["mailbearer", "imap-proto", "imap-codec"], count)?;
        let [(_, fast), (_, cost)] = [fast.first(), rows.first()].map(|row| row.copied().unwrap_or_default());
        let (of_peer, more) = (cost / best_peer(&rows, "mailbearer"), cost / fast);
        let fits = of_peer <= limit && more <= SMALLER;
        let (part, mark) = (of_peer * 100.0, if fits { "" } else { "  OVER" });
        found.line(format_args!("{corpus:<14} {fast:>12.0} {cost:>12.0} {more:>9.2} {part:>6.1}%{mark}"));
        if !fits {
            found
                .over
                .push(format!("{corpus} at level z: {part:.1} % of the better peer, z / 3 is {more:.2}"));
        }
    }
    found
        .line(format_args!("by cargo's own profile for releases    mailbearer   imap-proto of peer   limit"));
    for (corpus, limit) in USUAL {
        let rows = count_each(usual, corpus, &["mailbearer", "imap-proto"], 500)?;
        let (ours, theirs) =
            (rows.first().map(|(_, cost)| *cost).unwrap_or_default(), best_peer(&rows, "mailbearer"));
        let (of_peer, fits) = (ours / theirs * 100.0, ours <= theirs * limit);
        let (most, mark) = (limit * 100.0, if fits { "" } else { "  OVER" });
        found.line(format_args!(
            "{corpus:<36} {ours:>12.0} {theirs:>12.0} {of_peer:>6.1}% {most:>6.1}%{mark}"
        ));
        if !fits {
            found.over.push(format!("{corpus} by cargo's own profile: {of_peer:.1} % of imap-proto"));
        }
    }
    Ok(found)
}

/// Instructions for each response, by parser.
fn count_each<'p>(
    binary: &Path,
    corpus: &str,
    parsers: &[&'p str],
    count: usize,
) -> Result<Vec<(&'p str, f64)>> {
    let one = |parser: &&'p str| {
        let (all, responses) = instructions(binary, corpus, parser, count)?;
        Ok((*parser, all / responses))
    };
    parsers.iter().map(one).collect()
}

/// The cost of the cheapest peer of the same kind as `parser`.
fn best_peer(rows: &[(&str, f64)], parser: &str) -> f64 {
    let is_client = |parser: &str| parser.starts_with("client-");
    let peers =
        rows.iter().filter(|(name, _)| !name.contains("mailbearer") && is_client(name) == is_client(parser));
    peers.map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min)
}

/// Counts the reading of a submission server's replies; smtp-proto's cost is the limit.
pub(super) fn submission(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    found.line(format_args!("per reply          mailbearer   smtp-proto           allocations"));
    for corpus in ["ehlo", "reply"] {
        let count = |parser| -> Result<f64> {
            let (all, replies) = instructions(&programs.fast, corpus, parser, 900)?;
            Ok(all / replies)
        };
        let (ours, theirs) = (count("mailbearer")?, count("smtp-proto")?);
        let [our_count, their_count] =
            ["mailbearer", "smtp-proto"].map(|parser| programs.allocated(corpus, parser).0);
        found.line(format_args!(
            "{corpus:<14} {ours:>14.0} {theirs:>12.0} {our_count:>12.2} {their_count:>8.2}"
        ));
        if ours > theirs || our_count > their_count + 0.01 {
            found.over.push(format!("{corpus}: {ours:.0} instructions, {our_count:.2} allocations"));
        }
    }
    Ok(found)
}

/// Counts what a body costs: the parser must not look at its octets, and the framer may copy them once.
pub(super) fn bodies(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    found.line(format_args!("instructions for a body of               1 kB         1 MB"));
    // A few instructions more: the size of the larger body has three digits more.
    for (parser, limit) in [("mailbearer-parse", 100.0), ("mailbearer", PER_OCTET * 1024.0 * 1024.0)] {
        let (small, responses) = instructions(&programs.fast, "body-1k", parser, 4)?;
        let (large, _) = instructions(&programs.fast, "body-1m", parser, 4)?;
        let (small, large) = (small / responses, large / responses);
        found.line(format_args!("{parser:<30} {small:>12.0} {large:>12.0}"));
        if large > small + limit {
            found.over.push(format!("{parser} on a body of 1 MB: {large:.0} instructions"));
        }
    }
    let (_, octets) = programs.allocated("body-1m", "mailbearer");
    if octets > HELD * 1024.0 * 1024.0 {
        found.over.push(format!("a body of 1 MB that is held: {octets:.0} octets allocated"));
    }
    Ok(found)
}

/// Counts how a message of POP3 gets from the driver to the caller, beside a bare search for dots in the same octets.
pub(super) fn retrieval(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    found.line(format_args!("instructions per octet of RETR      mailbearer    memchr"));
    for (corpus, limit) in [("retr-base64", RETR_BASE64), ("retr-text", RETR_TEXT)] {
        let per_octet = |reader| -> Result<f64> {
            let (all, octets) = instructions(&programs.fast, corpus, reader, 4 << 20)?;
            Ok(all / octets)
        };
        let (ours, scan) = (per_octet("mailbearer")?, per_octet("memchr")?);
        found.line(format_args!("{corpus:<30} {ours:>15.3} {scan:>9.3}"));
        if ours > scan * limit {
            found.over.push(format!("{corpus}: {ours:.3} instructions an octet, a scan {scan:.3}"));
        }
    }
    Ok(found)
}

/// Counts how a message gets to a server over TLS, by each driver, beside rustls alone with the same octets.
pub(super) fn upload(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    let per_octet = |uploader| -> Result<f64> {
        let (all, octets) = instructions(&programs.fast, "upload", uploader, UPLOADED)?;
        Ok(all / octets)
    };
    let bare = per_octet("rustls")?;
    found.line(format_args!("instructions per octet of an upload    count   of rustls   limit {UPLOAD}"));
    found.line(format_args!("{:<34} {bare:>9.3} {:>11.3}", "rustls", 1.0));
    for driver in ["blocking", "tokio"] {
        let ours = per_octet(driver)?;
        let ratio = ours / bare;
        found.line(format_args!("{driver:<34} {ours:>9.3} {ratio:>11.3}"));
        if ratio > UPLOAD {
            found.over.push(format!("upload, {driver}: {ratio:.3} times the work of rustls"));
        }
    }
    Ok(found)
}

/// Counts reading and writing messages beside the peers, and checks that twice the octets cost about twice as much.
pub(super) fn messages(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    found.line(format_args!(
        "per message                            instructions   ratio  allocations     octets"
    ));
    for (work, sizes, peers, limit) in MESSAGES {
        for size in sizes {
            let count = |library, size| -> Result<f64> {
                Ok(instructions(&programs.fast, &format!("mime-{work}"), library, size)?.0)
            };
            let ours = count("mailbearer", *size)?;
            let mut row = |library: &str, cost: f64| {
                let name = format!("{work}-{size}");
                let (made, octets) = programs.allocated(&name, library);
                let ratio = ours / cost;
                found.line(format_args!(
                    "{name:<18} {library:<16} {cost:>16.0} {ratio:>7.2} {made:>12.0} {octets:>10.0}"
                ));
            };
            row("mailbearer", ours);
            let mut more = Vec::new();
            for peer in peers {
                let theirs = count(peer, *size)?;
                row(peer, theirs);
                if ours > theirs * limit {
                    more.push(format!("{work} of {size}: {ours:.0} instructions, {peer} {theirs:.0}"));
                }
            }
            found.over.extend(more);
            let ratio = count("mailbearer", size.saturating_mul(2))? / ours;
            if ratio > MESSAGE_GROWTH {
                found.over.push(format!("{work}: {ratio:.2} times the work from {size} to twice the octets"));
            }
        }
    }
    Ok(found)
}

/// Checks that a message made to cost as much as it can costs about twice as much with twice the octets.
pub(super) fn hostile(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    found.line(format_args!("hostile messages               from 32 kB to 64 kB   limit {MESSAGE_GROWTH}"));
    for shape in HOSTILE {
        let count = |size| -> Result<f64> { Ok(instructions(&programs.fast, "hostile", shape, size)?.0) };
        let ratio = count(64 * 1024)? / count(32 * 1024)?;
        found.line(format_args!("{shape:<40} {ratio:>9.2}"));
        if ratio > MESSAGE_GROWTH {
            found.over.push(format!("{shape}: {ratio:.2} times the work for twice the octets"));
        }
    }
    Ok(found)
}

/// Checks that twice the octets cost about twice as much, whether they come whole or one at a time.
pub(super) fn growth(programs: &Programs) -> Result<Found> {
    let mut found = Found::default();
    found.line(format_args!(
        "instructions per octet             {:>12} {:>12} {:>6}   limit {GROWTH}",
        "64 kB", "128 kB", "ratio"
    ));
    for shape in SHAPES {
        for (piece, name) in [("4000000", "whole"), ("1", "by the octet")] {
            let (once, octets) = instructions(&programs.fast, shape, piece, 64 * 1024)?;
            let (twice, more) = instructions(&programs.fast, shape, piece, 128 * 1024)?;
            let ratio = twice / once;
            found.line(format_args!(
                "{shape:<14} {name:<18}  {:>12.2} {:>12.2} {ratio:>6.2}",
                once / octets,
                twice / more
            ));
            if ratio > GROWTH {
                found.over.push(format!("{shape}, {name}: {ratio:.2} times the work for twice the octets"));
            }
        }
    }
    Ok(found)
}

/// Measures the memory of connections that wait.
pub(super) fn waiting(_: &Programs) -> Result<Found> {
    let output = printed_by("memory")?;
    let mut found = Found::default();
    found.line(format_args!("octets held by a connection that waits"));
    for (name, limit) in WAITING {
        let held = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let held: u64 = held.ok_or_else(|| format!("memory: {output}"))?.parse()?;
        found.line(format_args!(
            "{name:<14} {held:>9} {limit:>9}{}",
            if held <= limit { "" } else { "  OVER" }
        ));
        if held > limit {
            found.over.push(format!("{name}: {held} octets held"));
        }
    }
    Ok(found)
}

//! Where fuzzing starts: the files of `seeds/TARGET`, and what the transcripts of the tests have for a target.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::imap_session::{RESET, SEPARATOR};

/// An input that is known to be of interest.
pub struct Seed {
    /// Name of its file, or of the transcript that it was made from.
    pub name: String,
    /// The input.
    pub data: Vec<u8>,
}

/// The seeds of a target.
///
/// # Errors
///
/// Fails where a folder or file can't be read.
pub fn of(target: &str) -> io::Result<Vec<Seed>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Vec::new();
    let own = package.join("seeds").join(target);
    for path in if own.is_dir() { files(&own)? } else { Vec::new() } {
        seeds.push(Seed { name: name(&own, &path), data: fs::read(&path)? });
    }
    let transcripts = package.join("../tests/transcripts");
    let recordings = package.join("../tests/recordings");
    for path in files(&transcripts)?.into_iter().chain(files(&recordings)?) {
        let file = name(if path.starts_with(&recordings) { &recordings } else { &transcripts }, &path);
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        for (number, (protocol, text)) in conversations(&file, &text).into_iter().enumerate() {
            if !target.starts_with(protocol) {
                continue;
            }
            let acts = acts(&text);
            let data = match target {
                "imap_session" | "pop3_session" | "smtp_session" => Some(dialogue(protocol, &acts)),
                "imap_framer" => Some([b"\x03\0", &*heard(&acts)].concat()),
                "imap_response" => Some(heard(&acts)),
                "imap_view" => Some([b"\0", &*heard(&acts)].concat()),
                _ => None,
            };
            // Floods are of no use to a fuzzer.
            if let Some(data) = data.filter(|data| data.len() < LARGE) {
                seeds.push(Seed { name: format!("transcript-{number}-{file}"), data });
            }
        }
    }
    Ok(seeds)
}

/// The conversations of a file with their protocols: one, or those of a recording (`mailbearer --trace=FILE`).
fn conversations(file: &str, text: &str) -> Vec<(&'static str, String)> {
    let known =
        |name: &str| ["imap", "pop3", "smtp"].into_iter().find(|own| name.contains(own)).unwrap_or("smtp");
    if !text.contains("\n--connection ") {
        return vec![(known(file), text.to_owned())];
    }
    let mut found: Vec<(&str, &str, String)> = Vec::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(mark) = line.strip_prefix("--connection ").and_then(|mark| mark.strip_suffix("--")) {
            let (number, service) = mark.split_once(' ').unwrap_or((mark, ""));
            current = found.iter().position(|(own, _, _)| *own == number).or(Some(found.len()));
            if current == Some(found.len()) {
                found.push((number, service, String::new()));
            }
        } else if let Some((_, _, text)) = current.and_then(|at| found.get_mut(at)) {
            // A recording has the tags themselves.
            let said = line.strip_prefix("C: A").and_then(|rest| rest.split_once(' '));
            match said.filter(|(tag, _)| tag.bytes().all(|octet| octet.is_ascii_digit())) {
                Some((_, command)) => text.push_str(&format!("C: <tag> {command}\n")),
                None => text.push_str(&format!("{line}\n")),
            }
        }
    }
    let mail = found.into_iter().filter(|(_, service, _)| matches!(*service, "imap" | "pop3" | "smtp"));
    mail.map(|(_, service, text)| (known(service), text)).collect()
}

/// Octets of a seed, fewer than these.
const LARGE: usize = 4096;

enum Act {
    Server(Vec<u8>),
    Client(String),
    Tls,
    Reset,
}

/// What a transcript says, as far as a seed can; the format is that of `mailbearer_mock::transcript`.
fn acts(text: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("S: ").or_else(|| (line == "S:").then_some("")) {
            let octets = unescaped(said);
            match acts.last_mut() {
                Some(Act::Server(before)) => before.extend(octets),
                _ => acts.push(Act::Server(octets)),
            }
        } else if let Some(said) = line.strip_prefix("C: ") {
            acts.push(Act::Client(said.into()));
        } else if let Some((count, text)) = line
            .strip_prefix("--S ")
            .and_then(|mark| mark.strip_suffix("--"))
            .and_then(|mark| mark.split_once(' '))
        {
            let text = unescaped(&format!("{text}\\"));
            let count = count.parse().unwrap_or(usize::MAX).min(LARGE);
            let octets = text.iter().copied().cycle().take(count);
            match acts.last_mut() {
                Some(Act::Server(before)) => before.extend(octets),
                _ => acts.push(Act::Server(octets.collect())),
            }
        } else if line == "--TLS--" {
            acts.push(Act::Tls);
        } else if line == "--reset--" {
            acts.push(Act::Reset);
        }
    }
    acts
}

fn unescaped(text: &str) -> Vec<u8> {
    let (text, end): (&str, &[u8]) = match text.strip_suffix('\\') {
        Some(text) if !text.ends_with('\\') => (text, b""),
        _ => (text, b"\r\n"),
    };
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |digits: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        (rest, _) = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => (after, out.extend(hex(&[*high, *low]))),
            (b'\\', [b'r', after @ ..]) => (after, out.push(b'\r')),
            (b'\\', [b'n', after @ ..]) => (after, out.push(b'\n')),
            (b'\\', [b't', after @ ..]) => (after, out.push(b'\t')),
            (b'\\', [octet, after @ ..]) => (after, out.push(*octet)),
            _ => (after, out.push(*first)),
        };
    }
    out.extend_from_slice(end);
    out
}

/// All that the server says.
fn heard(acts: &[Act]) -> Vec<u8> {
    let mut out = Vec::new();
    for act in acts {
        if let Act::Server(octets) = act {
            out.extend(filled(octets, &["A1".into()]));
        }
    }
    out
}

/// A dialogue for `imap_session`, `pop3_session` or `smtp_session`: the commands are asked for ahead, as a program does.
fn dialogue(protocol: &str, acts: &[Act]) -> Vec<u8> {
    let clear = !matches!(acts.first(), Some(Act::Tls));
    let reset = if matches!(acts.last(), Some(Act::Reset)) { RESET } else { 0 };
    let mut out = vec![3, u8::from(clear) | reset];
    let mut said = false;
    let mut push = |act: &[u8]| {
        if std::mem::replace(&mut said, true) {
            out.push(SEPARATOR);
        }
        out.extend_from_slice(act);
    };
    let mut tags = Vec::new();
    let calls = calls(protocol, acts, &mut tags);
    for call in &calls {
        push(format!(">{call}").as_bytes());
    }
    let mut awaited: Vec<String> = Vec::new();
    for act in acts {
        match act {
            Act::Server(octets) => push(&filled(octets, &awaited)),
            Act::Client(said) if said.starts_with("<tag") => {
                // Flights are told apart by a number behind the word, from 1.
                if said.starts_with("<tag>") || said.starts_with("<tag1>") {
                    awaited.clear();
                }
                awaited.push(tags.first().cloned().unwrap_or_default());
                tags.drain(..tags.len().min(1));
            }
            _ => {}
        }
    }
    out
}

/// What to ask a session for so that it says what the transcript's client does, and the tags in the order in which it
/// uses them: its own commands come after those that were given.
fn calls(protocol: &str, acts: &[Act], tags: &mut Vec<String>) -> Vec<String> {
    let mut calls = vec![String::from("a")];
    let commands = acts.iter().filter_map(|act| match act {
        Act::Client(said) => Some(said.as_str()),
        _ => None,
    });
    let mut given = 0;
    let mut kinds = Vec::new();
    for command in commands {
        let word = command.split(' ').nth(usize::from(protocol == "imap")).unwrap_or_default();
        match (protocol, word) {
            ("imap", "STARTTLS" | "AUTHENTICATE" | "CAPABILITY") => kinds.push(true),
            ("imap", _) if command.starts_with("<tag") => {
                let text = command.split_once(' ').map_or("NOOP", |(_, text)| text).replace("<any>", "x");
                calls.push(if word == "LOGOUT" { "l".into() } else { format!("c{text}") });
                given += 1;
                kinds.push(false);
            }
            ("pop3", "UIDL") => calls.push("u".into()),
            ("pop3", "RETR") => calls.push("f\u{1}".into()),
            ("pop3", "DELE") => calls.push("d\u{1}".into()),
            ("pop3", "QUIT") => calls.push("q".into()),
            ("smtp", "MAIL") => calls.push("m\u{1}".into()),
            ("smtp", "QUIT") => calls.push("q".into()),
            ("smtp", "RSET") => calls.push("r".into()),
            _ => {}
        }
    }
    let (mut own, mut callers) = (given, 0);
    for kind in kinds {
        let next = if kind { &mut own } else { &mut callers };
        *next += 1;
        tags.push(format!("A{next}"));
    }
    calls
}

/// Puts the tags in their places.
fn filled(octets: &[u8], tags: &[String]) -> Vec<u8> {
    let mut text: Vec<u8> = octets.to_vec();
    let mut fill = |word: &str, tag: &str| {
        while let Some(at) = text.windows(word.len()).position(|window| window == word.as_bytes()) {
            text.splice(at..at + word.len(), tag.bytes());
        }
    };
    let first = tags.first().map_or("A1", String::as_str);
    fill("<tag>", first);
    for number in 1..=9 {
        fill(&format!("<tag{number}>"), tags.get(number - 1).map_or(first, String::as_str));
    }
    text
}

/// The files below a folder, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name(folder: &Path, path: &Path) -> String {
    let name = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    name.to_string_lossy().replace(['/', '\\'], "-")
}

//! Where the responses come from.

use std::fs;
use std::path::{Path, PathBuf};

use mailbearer_imap::{Framer, Limits, Piece};
use mailbearer_mock::Transcript;
use mailbearer_wire::RecvBuf;

/// Responses of one origin.
pub(crate) struct Source {
    pub(crate) name: String,
    /// Whether the standards allow all of them.
    pub(crate) legal: bool,
    pub(crate) responses: Vec<Vec<u8>>,
}

/// Every source: what the standards show, what was seen, and what servers say in the transcripts.
pub(crate) fn all() -> Vec<Source> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for (folder, legal) in [("legal", true), ("seen", false)] {
        for file in files(&package.join("acceptance").join(folder)) {
            let responses = lines(&fs::read_to_string(&file).unwrap());
            sources.push(Source { name: name(&file), legal, responses });
        }
    }
    for folder in files(&package.join("../tests/transcripts")) {
        let legal = folder.ends_with("rfc");
        // What is hostile is to be refused.
        if !folder.is_dir() || folder.ends_with("hostile") {
            continue;
        }
        let imap = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().starts_with("imap-");
        let transcripts = files(&folder).into_iter().filter(imap);
        let responses: Vec<_> =
            transcripts.flat_map(|file| said(&fs::read_to_string(file).unwrap())).collect();
        if !responses.is_empty() {
            sources.push(Source { name: name(&folder), legal, responses });
        }
    }
    sources
}

/// A response to a line, written as in an `S:` line of a transcript; `#` starts a comment.
fn lines(text: &str) -> Vec<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| Transcript::parse(&format!("S: {line}")).unwrap().server_octets("A1")).collect()
}

/// The responses of a transcript.
fn said(text: &str) -> Vec<Vec<u8>> {
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    rx.extend(&Transcript::parse(text).unwrap().server_octets("A1")).unwrap();
    let mut responses = Vec::new();
    while let Some(Piece::Response(frame)) = framer.next(&mut rx).unwrap() {
        responses.push(frame.into_octets().into_vec());
    }
    responses
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Folder and file, without the ending.
fn name(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    Path::new(folder).join(path.file_stem().unwrap_or_default()).display().to_string()
}

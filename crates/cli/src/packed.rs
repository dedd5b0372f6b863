//! What no structure tells of: `winmail.dat` (TNEF), in which Outlook packs the text and the files of a message, and files
//! that `uuencode` put into the text.

use std::path::Path;

use mailbearer::{
    Blocking, Kind, Part, Received,
    proto::mime::{
        parse::{Piece, Role},
        tnef::Tnef,
    },
};

use crate::{error::Error, media};

/// The contents of a `winmail.dat`.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) text: String,
    pub(crate) html: Option<String>,
    pub(crate) files: Vec<File>,
}

pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) octets: Vec<u8>,
}

/// Opens a part. Returns `None` if it is no `winmail.dat`, is too large to be held, or can't be read.
pub(crate) fn open(message: &mut Received<'_, Blocking>, part: &Part) -> Result<Option<Opened>, Error> {
    if part.role() != Some(Role::Tnef) || part.octets.is_none_or(|octets| octets > MAX_OCTETS) {
        return Ok(None);
    }
    let mut octets = Vec::new();
    let mut content = message.content(part)?;
    while let Some(piece) = content.next()? {
        octets.extend_from_slice(&piece);
    }
    let mut opened = Opened::default();
    Ok(unpack(&octets, 0, &mut opened).then_some(opened))
}

/// The text of a message, or where it has none that of its `winmail.dat`; and the files in the text.
pub(crate) fn text(message: &mut Received<'_, Blocking>) -> Result<(String, Vec<File>), Error> {
    let (text, pieces) = message.text_and_files()?;
    let files = files(pieces);
    if !text.trim().is_empty() {
        return Ok((text, files));
    }
    Ok((first(message)?.map_or(text, |opened| opened.text), files))
}

/// The files in the text of a message. None of a text that is too long to be held.
pub(crate) fn in_text(message: &mut Received<'_, Blocking>) -> Result<Vec<File>, Error> {
    match message.text_and_files() {
        Err(error) if matches!(error.kind(), Kind::TooLarge { .. }) => Ok(Vec::new()),
        read => Ok(files(read?.1)),
    }
}

fn files(pieces: Vec<Piece<'_>>) -> Vec<File> {
    let file = |piece| match piece {
        Piece::File { name, octets } => {
            let media_type = media::by_name(Path::new(&name)).into();
            Some(File { name, media_type, octets })
        }
        _ => None,
    };
    pieces.into_iter().filter_map(file).collect()
}

/// The HTML of a message, or where it has none that of its `winmail.dat`.
pub(crate) fn html(message: &mut Received<'_, Blocking>) -> Result<Option<String>, Error> {
    match message.html()? {
        Some(html) => Ok(Some(html)),
        None => Ok(first(message)?.and_then(|opened| opened.html)),
    }
}

fn first(message: &mut Received<'_, Blocking>) -> Result<Option<Opened>, Error> {
    let part = message.outline().attachments().find(|part| part.role() == Some(Role::Tnef)).cloned();
    part.map_or(Ok(None), |part| open(message, &part))
}

/// The files of messages within it count as its files. Returns false if the part is no `winmail.dat`.
fn unpack(octets: &[u8], depth: usize, to: &mut Opened) -> bool {
    let Ok(tnef) = Tnef::parse(octets) else { return false };
    if depth == 0 {
        to.text = tnef.plain_text();
        to.html = tnef.html;
    } else {
        let text = tnef.plain_text();
        if !text.is_empty() {
            let name = if tnef.subject.is_empty() { "message" } else { tnef.subject.as_str() };
            to.files.push(File {
                name: format!("{name}.txt"),
                media_type: "text/plain".into(),
                octets: text.into_bytes(),
            });
        }
    }
    for file in tnef.attachments {
        if file.is_message && depth < MAX_DEPTH && unpack(&file.octets, depth.saturating_add(1), to) {
            continue;
        }
        to.files.push(File {
            name: file.name,
            media_type: file.media_type.to_ascii_lowercase(),
            octets: file.octets.into_owned(),
        });
    }
    true
}

/// The largest part that is opened, in encoded octets, as the server counts them.
const MAX_OCTETS: u64 = 64 << 20;
/// How deep messages within messages are opened.
const MAX_DEPTH: usize = 5;

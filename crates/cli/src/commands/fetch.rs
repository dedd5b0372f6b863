use std::io::Write;

use mailbearer::{
    Blocking, Body, Examined, Imap, Kind, Part,
    proto::imap::{FetchItem, Item, Part as Number, Section, SectionOf},
    proto::mime::decode::TransferEncoding,
};
use serde_json::json;

use super::contents;
use crate::{
    cli::{FetchArgs, GlobalArgs},
    error::Error,
    exit::Exit,
    interrupt::Interrupts,
    output::Output,
    partial::PartialFile,
    progress::Progress,
    structure,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &FetchArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    if arguments.maildir.is_some() || arguments.mbox.is_some() || arguments.directory.is_some() {
        return super::fetch_many::run(global, arguments, out);
    }
    if arguments.uid.get() == 0 {
        return Err(Error::usage("many messages need a place").hint("give --maildir, --mbox or --directory"));
    }
    if let Some(folder) = &arguments.attachments {
        return contents::attachments(global, arguments, folder, interrupts, out);
    }
    if out.is_json() && arguments.output.is_none() && !arguments.structure {
        return Err(Error::usage("a message is no JSON").hint("with --json, give --output FILE"));
    }
    super::check_folder(&arguments.folder)?;
    // Opened before the server is asked, so that a file that can't be written fails at once.
    let file = match &arguments.output {
        Some(name) => Some((name, PartialFile::create(name, interrupts)?)),
        None => None,
    };
    super::with_imap(global, &[], |imap| match file {
        _ if arguments.structure => show_structure(imap, arguments, out),
        Some((name, mut file)) => {
            let octets = fetch(imap, arguments, global.shows_trace(), |piece| file.write(piece))?;
            file.finish()?;
            let file = name.display().to_string();
            let object = || json!({ "uid": arguments.uid.get(), "octets": octets, "file": file });
            if out.is_json() { out.json(&object()) } else { Ok(()) }
        }
        None => {
            // Standard output may be the terminal that would show the bar.
            fetch(imap, arguments, true, |piece| out.octets(piece))?;
            out.flush()
        }
    })
}

fn show_structure(
    imap: &mut Imap<Blocking>,
    arguments: &FetchArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let mut folder = imap.examine(&arguments.folder)?;
    for part in parts(&mut folder, arguments)? {
        if out.is_json() { out.json(&structure::object(&part))? } else { out.line(&structure::line(&part))? }
    }
    Ok(())
}

/// Hands what was asked for to `sink`, in pieces. Returns how many octets there were.
fn fetch(
    imap: &mut Imap<Blocking>,
    arguments: &FetchArgs,
    quiet: bool,
    mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let uid = arguments.uid.get();
    if arguments.text || arguments.html {
        return contents::text(imap, arguments, sink);
    }
    let Some(number) = &arguments.part else {
        if arguments.headers {
            let mut folder = imap.examine(&arguments.folder)?;
            let mut body = folder.part(uid, Section::HEADER, None)?;
            return copy_all(&mut body, Progress::new(None, quiet), sink);
        }
        // The size costs a flight of its own, so it is asked for a bar only.
        if Progress::is_seen(quiet) {
            let mut folder = imap.examine(&arguments.folder)?;
            let size = size(&mut folder, uid)?;
            let mut body = folder.fetch(uid)?;
            return copy_all(&mut body, Progress::new(size, quiet), sink);
        }
        let mut body = imap.fetch(&arguments.folder, uid)?;
        return copy_all(&mut body, Progress::new(None, quiet), sink);
    };
    let mut folder = imap.examine(&arguments.folder)?;
    let (mut encoding, mut decoded) = (TransferEncoding::Identity, Vec::new());
    if arguments.decode {
        let part = find(parts(&mut folder, arguments)?, number, arguments)?;
        encoding = TransferEncoding::parse(part.encoding.as_bytes());
        if encoding == TransferEncoding::Unknown {
            let message = format!("part {number} is encoded as {:?}, which is not known", part.encoding);
            return Err(Error::new(Exit::Data, message).hint("without --decode it is written as it is"));
        }
    }
    let mut decoder = encoding.decoder();
    let of = if arguments.headers { SectionOf::Mime } else { SectionOf::Whole };
    let mut body = folder.part(uid, Section { part: number.clone(), of }, None)?;
    let mut octets: u64 = 0;
    let (raw, nothing) = copy(&mut body, Progress::new(None, quiet), |piece| {
        decoded.clear();
        decoder.decode(piece, &mut decoded);
        octets = octets.saturating_add(u64::try_from(decoded.len()).unwrap_or(u64::MAX));
        sink(&decoded)
    })?;
    decoded.clear();
    decoder.finish(&mut decoded);
    octets = octets.saturating_add(u64::try_from(decoded.len()).unwrap_or(u64::MAX));
    sink(&decoded)?;
    if raw == 0 {
        // Servers send nothing for a part that does not exist, just as for an empty one.
        find(parts(&mut folder, arguments)?, number, arguments)?;
    }
    nothing.map_or(Ok(octets), |nothing| Err(nothing.into()))
}

fn copy_all(
    body: &mut Body<'_, Blocking>,
    progress: Progress,
    sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    match copy(body, progress, sink)? {
        (octets, None) => Ok(octets),
        (_, Some(nothing)) => Err(nothing.into()),
    }
}

/// Copies the octets to the output. Returns the error for a section that the server does not have.
fn copy(
    body: &mut Body<'_, Blocking>,
    mut progress: Progress,
    mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(u64, Option<mailbearer::Error>), Error> {
    loop {
        match body.next() {
            Ok(Some(piece)) => {
                sink(&piece)?;
                progress.add(piece.len());
            }
            Ok(None) => return Ok((progress.octets(), None)),
            Err(error) if error.kind() == Kind::NoData => return Ok((progress.octets(), Some(error))),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Fetches the structure of the message.
fn parts(folder: &mut Examined<'_, Blocking>, arguments: &FetchArgs) -> Result<Vec<Part>, Error> {
    let uid = arguments.uid.get();
    let mut messages = folder.messages(uid.into(), vec![FetchItem::Uid, FetchItem::BodyStructure])?;
    let (mut found, mut is_there, mut odd) = (None, false, None);
    while let Some(fetched) = messages.next()? {
        is_there = true;
        found = Part::all(&fetched.items()).or(found);
        odd = fetched.odd().cloned().or(odd);
    }
    let folder = &arguments.folder;
    found.ok_or_else(|| match odd {
        Some(odd) => Error::new(
            Exit::Protocol,
            format!("the structure of message {uid} in {folder:?} can't be read: {odd}"),
        ),
        None if is_there => Error::new(
            Exit::Unavailable,
            format!("the server gives no structure of message {uid} in {folder:?}"),
        )
        .hint("without --structure the message is fetched as it is"),
        None => Error::new(Exit::NoInput, format!("no message with UID {uid} in {folder:?}")),
    })
}

fn find(parts: Vec<Part>, number: &Number<'_>, arguments: &FetchArgs) -> Result<Part, Error> {
    let is_it = |part: &Part| part.number.iter().copied().eq(number.numbers());
    parts.into_iter().find(is_it).ok_or_else(|| {
        let (folder, uid) = (&arguments.folder, &arguments.uid);
        Error::new(Exit::NoInput, format!("message {uid} in {folder:?} has no part {number}"))
            .hint("--structure shows which it has")
    })
}

/// The size of the message, if the server knows it.
fn size(folder: &mut Examined<'_, Blocking>, uid: u32) -> Result<Option<u64>, Error> {
    let mut messages = folder.messages(uid.into(), vec![FetchItem::Uid, FetchItem::Size])?;
    let mut size = None;
    while let Some(fetched) = messages.next()? {
        let told = fetched.items().into_iter().find_map(|item| match item {
            Item::Size(size) => Some(size),
            _ => None,
        });
        size = told.or(size);
    }
    Ok(size)
}

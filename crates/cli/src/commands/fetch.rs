use std::io::Write;

use mailbearer::{Blocking, Body};
use serde_json::json;

use crate::{
    cli::{FetchArgs, GlobalArgs},
    error::Error,
    interrupt::Interrupts,
    output::Output,
    partial::PartialFile,
    session::Session,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &FetchArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    if out.is_json() && arguments.output.is_none() {
        return Err(Error::usage("a message is no JSON").hint("with --json, give --output FILE"));
    }
    super::check_folder(&arguments.folder)?;
    let session = Session::open(global, true)?;
    // Before the server is asked: a file that can't be written is not worth its trouble.
    let file = match &arguments.output {
        Some(name) => Some((name, PartialFile::create(name, interrupts)?)),
        None => None,
    };
    let mut imap = session.with_token(|client| client.connect_imap())?;
    let mut body = imap.fetch(&arguments.folder, arguments.uid.get())?;
    match file {
        Some((name, mut file)) => {
            let octets = copy(&mut body, |piece| file.write(piece))?;
            file.finish()?;
            if out.is_json() {
                out.json(
                    &json!({ "uid": arguments.uid, "octets": octets, "file": name.display().to_string() }),
                )?;
            }
        }
        None => {
            copy(&mut body, |piece| out.octets(piece))?;
            out.flush()?;
        }
    }
    // The message is here; that the server says goodbye is not worth failing for.
    let _ = imap.logout();
    Ok(())
}

/// Hands every piece of the message to `sink`; returns how many octets there were.
fn copy(
    body: &mut Body<'_, Blocking>,
    mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut octets: u64 = 0;
    while let Some(piece) = body.next()? {
        sink(&piece)?;
        octets = octets.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    }
    Ok(octets)
}

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use mailbearer::Appended;
use serde_json::json;

use crate::{
    cli::{AppendArgs, GlobalArgs},
    error::Error,
    output::{self, Output},
    progress::Progress,
    upload::Upload,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &AppendArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.folder)?;
    let message = open(&arguments.file)?;
    super::with_imap(global, &[], |imap| {
        let octets = message.octets();
        let mut progress = Progress::new(Some(octets), global.shows_trace());
        let mut appending =
            imap.append_in_pieces(&arguments.folder, &arguments.flag, arguments.date, octets)?;
        message.copy(|piece| {
            appending.write(piece)?;
            progress.add(piece.len());
            Ok(())
        })?;
        let appended = appending.finish().map_err(super::unanswered)?;
        drop(progress);
        report(&arguments.folder, octets, appended, out)
    })
}

fn open(file: &Path) -> Result<Upload, Error> {
    if file.as_os_str() != "-" {
        return Upload::open(file);
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        output::notice("reading the message from standard input, up to Ctrl-D");
    }
    Upload::from_pipe(stdin.lock())
}

fn report(
    folder: &str,
    octets: u64,
    appended: Option<Appended>,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    if out.is_json() {
        return out.json(&json!({
            "folder": folder,
            "uid": appended.map(|appended| appended.uid),
            "uid_validity": appended.map(|appended| appended.uid_validity),
            "octets": octets,
        }));
    }
    match appended {
        Some(appended) => out.line(&format!("appended  {folder}  {}", appended.uid)),
        None => out.line(&format!("appended  {folder}")),
    }
}

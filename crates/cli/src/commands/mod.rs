//! The commands, one file for each.

pub(crate) mod append;
mod contents;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod fetch;
pub(crate) mod fetch_many;
mod fields;
pub(crate) mod flag;
pub(crate) mod folders;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod manual;
pub(crate) mod mock;
pub(crate) mod r#move;
pub(crate) mod pop;
pub(crate) mod providers;
pub(crate) mod queue;
pub(crate) mod read;
pub(crate) mod relay;
pub(crate) mod reply;
pub(crate) mod send;
pub(crate) mod sendmail;
pub(crate) mod setup;
pub(crate) mod token;
pub(crate) mod watch;

use std::io::Write;

use mailbearer::{Account, Blocking, Copied, Imap, UidSet, proto::imap::Mailbox};
use serde_json::json;

use crate::{
    cli::GlobalArgs,
    error::Error,
    exit::Exit,
    output::{self, Output},
    session::Session,
    uids::Present,
};

/// Logs in to the account's IMAP server, does `work` there, and says goodbye.
///
/// Checks the names in `folders` before it connects.
///
/// # Errors
///
/// Fails as `work` does, for mistakes in the account's settings, and if the login fails.
fn with_imap<T>(
    global: &GlobalArgs,
    folders: &[&str],
    work: impl FnOnce(&mut Imap<Blocking>) -> Result<T, Error>,
) -> Result<T, Error> {
    with_client(global, folders, |_, imap| work(imap))
}

/// As [`with_imap`], for work that needs the account too.
fn with_client<T>(
    global: &GlobalArgs,
    folders: &[&str],
    work: impl FnOnce(&Account, &mut Imap<Blocking>) -> Result<T, Error>,
) -> Result<T, Error> {
    folders.iter().try_for_each(|folder| check_folder(folder))?;
    let session = Session::open(global, true)?;
    let mut imap = session.with_token(|client| client.connect_imap())?;
    let done = work(session.client.account(), &mut imap);
    // A line of the server that could not be parsed changed nothing, or caused the failure that is reported below.
    imap.odd_lines().for_each(|line| output::warning(&line.to_string()));
    let done = done?;
    // The work is done. If the goodbye fails, the command does not.
    let _ = imap.logout();
    Ok(done)
}

/// Refuses a text that can't be the name of a folder.
fn check_folder(name: &str) -> Result<(), Error> {
    match Mailbox::new(name) {
        Ok(_) if name.is_empty() => Err(Error::usage("\"\" can't be a folder: it is empty")),
        Ok(_) => Ok(()),
        Err(invalid) => Err(Error::usage(format!("{name:?} can't be a folder: {invalid}"))),
    }
}

/// The error of an upload that was sent as a whole. Without an answer, the message may be there.
fn unanswered(error: mailbearer::Error) -> Error {
    if !error.ended_session() {
        return error.into();
    }
    Error::new(Exit::OutcomeUnknown, format!("{error}; whether the server did it is unknown"))
        .hint("look before doing it again")
}

/// Prints where each message of a set went. Those that the server did not name as copied were removed meanwhile.
fn report_copies(
    out: &mut Output<impl Write>,
    verb: &str,
    folder: &str,
    set: &UidSet,
    copied: Option<&Copied>,
    present: &mut Present,
) -> Result<(), Error> {
    // A COPYUID that names other messages is ignored.
    let fits = |copied: &&Copied| copied.from().difference(set).is_empty();
    match copied.filter(fits) {
        Some(copied) => {
            for (uid, new) in &copied.pairs {
                report_one(out, verb, *uid, Some(folder), Some((copied.uid_validity, *new)))?;
            }
            present.lost(set, &copied.from());
        }
        None => {
            for uid in set.iter() {
                report_one(out, verb, uid, Some(folder), None)?;
            }
        }
    }
    Ok(())
}

/// Prints what became of a message: its folder, and its UIDVALIDITY and UID there.
fn report_one(
    out: &mut Output<impl Write>,
    verb: &str,
    uid: u32,
    folder: Option<&str>,
    new: Option<(u32, u32)>,
) -> Result<(), Error> {
    if out.is_json() {
        return out.json(&json!({
            "uid": uid,
            "folder": folder,
            "new_uid": new.map(|(_, uid)| uid),
            "new_uid_validity": new.map(|(validity, _)| validity),
        }));
    }
    let mut line = format!("{verb:<7}  {uid:>7}");
    for more in [folder.map(ToOwned::to_owned), new.map(|(_, uid)| uid.to_string())].into_iter().flatten() {
        line.push_str("  ");
        line.push_str(&more);
    }
    out.line(&line)
}

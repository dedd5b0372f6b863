//! The mailbox over POP3.

mod delete;
mod fetch;
mod list;
mod state;

use std::{io::Write, num::NonZeroU32, path::PathBuf};

use clap::{Args, Subcommand};
use mailbearer::{Blocking, Pop3, pop3::Entry};

use crate::{
    cli::GlobalArgs, error::Error, exit::Exit, interrupt::Interrupts, output::Output, session::Session, value,
};

#[derive(Debug, Args)]
pub(crate) struct PopArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the messages: number, octets, unique id
    ///
    /// Numbers hold for one session, unique ids for as long as the message is there.
    List,
    /// Fetch one message as it is, or all new ones into a Maildir
    Fetch(FetchArgs),
    /// Remove messages for good
    ///
    /// Nothing is reported as removed before the server has said so.
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
struct FetchArgs {
    /// Unique id of the message, as `pop list` shows it
    #[arg(required_unless_present_any = ["number", "all"])]
    uid: Option<String>,
    /// Number of the message, for servers that have no unique ids
    #[arg(long, value_name = "N", conflicts_with_all = ["uid", "all"], value_parser = value::count)]
    number: Option<NonZeroU32>,
    /// Write to FILE, which appears when it is whole, in place of standard output
    #[arg(long, short, value_name = "FILE", conflicts_with = "all")]
    output: Option<PathBuf>,
    /// Only the header
    #[arg(long, conflicts_with = "all")]
    headers: bool,
    /// All messages that were not fetched before, into the Maildir; none is lost or doubled, whenever the program ends
    #[arg(long, conflicts_with = "uid", requires = "maildir", requires = "after")]
    all: bool,
    /// Leave them on the server
    #[arg(long, group = "after", requires = "all")]
    keep: bool,
    /// Remove from the server what is safe in the Maildir, that of earlier runs too
    #[arg(long, group = "after", requires = "all")]
    delete: bool,
    /// The Maildir; it is made where it is not there
    #[arg(long, value_name = "DIR", requires = "all")]
    maildir: Option<PathBuf>,
    /// What was fetched before, in place of a file in the Maildir
    #[arg(long, value_name = "FILE", requires = "all")]
    state: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct DeleteArgs {
    /// Unique ids of the messages, as `pop list` shows them
    #[arg(required_unless_present = "number")]
    uids: Vec<String>,
    /// Number of a message, for servers that have no unique ids; may be repeated
    #[arg(long, value_name = "N", conflicts_with = "uids", value_parser = value::count)]
    number: Vec<NonZeroU32>,
}

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &PopArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    match &arguments.command {
        Command::List => list::run(global, out),
        Command::Fetch(arguments) if arguments.all => fetch::all(global, arguments, out),
        Command::Fetch(arguments) => fetch::one(global, arguments, interrupts, out),
        Command::Delete(arguments) => delete::run(global, arguments, out),
    }
}

/// Logs in to the account's POP3 server.
fn connect(global: &GlobalArgs) -> Result<Pop3<Blocking>, Error> {
    Session::open(global, true)?.with_token(|client| client.connect_pop3())
}

/// Does the first part of a command. If that fails and the session goes on, says goodbye, unless that would remove messages.
fn begun<T>(
    mut pop3: Pop3<Blocking>,
    work: impl FnOnce(&mut Pop3<Blocking>) -> Result<T, Error>,
) -> Result<(Pop3<Blocking>, T), Error> {
    match work(&mut pop3) {
        Ok(done) => Ok((pop3, done)),
        Err(error) => {
            if pop3.marked().next().is_none() {
                // The failure is told; how the goodbye goes changes nothing.
                let _ = pop3.quit();
            }
            Err(error)
        }
    }
}

/// The number of the message with this unique id.
fn number(entries: &[Entry], uid: &str) -> Result<u32, Error> {
    let mut found = entries.iter().filter(|entry| entry.uid.as_deref() == Some(uid));
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry.number),
        (Some(_), Some(_)) => {
            let message = format!("more than one message has the unique id {uid:?}");
            Err(Error::new(Exit::Data, message).hint("name it by --number, as `pop list` shows it"))
        }
        (None, _) => Err(Error::new(Exit::NoInput, format!("no message with the unique id {uid:?}"))),
    }
}

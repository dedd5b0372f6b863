//! What the commands on mail that is there take.

use std::{num::NonZeroU32, path::PathBuf};

use clap::{ArgAction, Args};
use mailbearer::proto::imap::{Date, DateTime, Flag, Part};

use crate::{
    uids::{OneOrMany, Uids},
    value::{self, Flags},
};

#[derive(Debug, Args)]
pub(crate) struct FoldersArgs {
    /// Only folders with names like this; `*` is anything, `%` anything within a level
    #[arg(default_value = "*")]
    pub(crate) pattern: String,
    /// Count messages also where the server has to be asked folder by folder
    #[arg(long)]
    pub(crate) counts: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = SEARCH_HELP)]
pub(crate) struct ListArgs {
    /// Folder
    #[arg(default_value = "INBOX")]
    pub(crate) folder: String,
    /// Only the newest N messages
    #[arg(long, value_name = "N", value_parser = value::count)]
    pub(crate) limit: Option<NonZeroU32>,
    /// Only messages that fit all of KEYS, as in `from:ann subject:"two words" unseen`
    #[arg(long, value_name = "KEYS", allow_hyphen_values = true)]
    pub(crate) search: Option<String>,
    /// Only messages that arrived on this day or later
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = value::date)]
    pub(crate) since: Option<Date>,
}

/// Options of `fetch` that are about one message.
const SINGLE: [&str; 8] = ["output", "part", "decode", "headers", "structure", "text", "html", "attachments"];

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// Folder
    pub(crate) folder: String,
    /// UID of the message, as `list` shows it; with --maildir, --mbox and --directory a set such as `1,4:7,20:*`
    #[arg(value_parser = OneOrMany::parse)]
    pub(crate) uid: OneOrMany,
    /// Write to FILE, which appears when it is whole, in place of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Only the part with this number, as `--structure` shows it
    #[arg(long, value_name = "1.2", value_parser = value::part)]
    pub(crate) part: Option<Part<'static>>,
    /// Take the transfer encoding (base64, quoted-printable) off the part
    #[arg(long, requires = "part")]
    pub(crate) decode: bool,
    /// Only the header of the message, or the MIME header of the part
    #[arg(long, conflicts_with = "decode")]
    pub(crate) headers: bool,
    /// Show the parts of the message, and fetch none of them
    #[arg(long, conflicts_with_all = ["output", "part", "decode", "headers"])]
    pub(crate) structure: bool,
    /// Fetch all messages of the set that are not there yet, into the Maildir DIR
    #[arg(long, value_name = "DIR", group = "archive", conflicts_with_all = SINGLE)]
    pub(crate) maildir: Option<PathBuf>,
    /// The same into FILE, as mboxrd
    #[arg(long, value_name = "FILE", group = "archive", conflicts_with_all = SINGLE)]
    pub(crate) mbox: Option<PathBuf>,
    /// The same into files DIR/UID.eml
    #[arg(long, value_name = "DIR", group = "archive", conflicts_with_all = SINGLE)]
    pub(crate) directory: Option<PathBuf>,
    /// Only the text: HTML made text where there is no other, flowed lines joined
    #[arg(long, conflicts_with_all = ["part", "decode", "headers", "structure"])]
    pub(crate) text: bool,
    /// Only the HTML text
    #[arg(long, conflicts_with_all = ["part", "decode", "headers", "structure", "text"])]
    pub(crate) html: bool,
    /// Write what is attached into this folder, under safe names, over no file that is there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "part", "decode", "headers", "structure", "text", "html"])]
    pub(crate) attachments: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Folder
    pub(crate) folder: String,
    /// UID of the message, as `list` shows it
    #[arg(value_parser = value::count)]
    pub(crate) uid: NonZeroU32,
}

#[derive(Debug, Args)]
pub(crate) struct ReplyArgs {
    /// Folder
    pub(crate) folder: String,
    /// UID of the message, as `list` shows it
    #[arg(value_parser = value::count)]
    pub(crate) uid: NonZeroU32,
    /// Answer all who got it
    #[arg(long)]
    pub(crate) all: bool,
    /// Leave the old text out
    #[arg(long)]
    pub(crate) no_quote: bool,
    #[command(flatten)]
    pub(crate) more: MoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ForwardArgs {
    /// Folder
    pub(crate) folder: String,
    /// UID of the message, as `list` shows it
    #[arg(value_parser = value::count)]
    pub(crate) uid: NonZeroU32,
    /// Recipients, a comma between them; may be repeated
    #[arg(long, value_name = "MAILBOXES", required = true)]
    pub(crate) to: Vec<String>,
    /// Attach the message as it is, in place of its text and files
    #[arg(long)]
    pub(crate) whole: bool,
    #[command(flatten)]
    pub(crate) more: MoreArgs,
}

/// What a message is given that comes from another one.
#[derive(Debug, Args)]
pub(crate) struct MoreArgs {
    /// Who sends, `Name <address>` or the address alone; by default the account's user
    #[arg(long, value_name = "MAILBOX")]
    pub(crate) from: Option<String>,
    /// Recipients of a copy
    #[arg(long, value_name = "MAILBOXES")]
    pub(crate) cc: Vec<String>,
    /// Recipients of a copy that the others don't see
    #[arg(long, value_name = "MAILBOXES")]
    pub(crate) bcc: Vec<String>,
    /// Text; `-` reads it from standard input
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// File to attach; may be repeated
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    pub(crate) attach: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AppendArgs {
    /// Folder
    pub(crate) folder: String,
    /// Message in RFC 5322 form; `-` reads it from standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// Flag to store it with, as `seen`, `'\Draft'` or `Work`; may be repeated
    #[arg(long, value_name = "FLAG", action = ArgAction::Append, value_parser = value::flag)]
    pub(crate) flag: Vec<Flag<'static>>,
    /// When it arrived, as 2026-01-31 or 2026-01-31T18:30+01:00; by default now
    #[arg(long, value_name = "DATE", value_parser = value::date_time)]
    pub(crate) date: Option<DateTime>,
}

#[derive(Debug, Args)]
pub(crate) struct TransferArgs {
    /// Folder that they are in
    pub(crate) folder: String,
    /// Messages, a set of UIDs such as `1,4:7,20:*`
    #[arg(value_parser = Uids::parse)]
    pub(crate) uids: Uids,
    /// Folder that they go to
    pub(crate) to: String,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct FlagArgs {
    /// Folder
    pub(crate) folder: String,
    /// Messages, a set of UIDs such as `1,4:7,20:*`
    #[arg(value_parser = Uids::parse)]
    pub(crate) uids: Uids,
    /// Flags to add, as `seen`, `'\Flagged'` or `Work,Later`; may be repeated
    #[arg(long, value_name = "FLAGS", group = "change", value_parser = value::some_flags)]
    pub(crate) add: Vec<Flags>,
    /// Flags to take away
    #[arg(long, value_name = "FLAGS", group = "change", value_parser = value::some_flags)]
    pub(crate) remove: Vec<Flags>,
    /// Flags to have in place of those that there are; `''` for none
    #[arg(long, value_name = "FLAGS", group = "change", conflicts_with_all = ["add", "remove"], value_parser = value::flags)]
    pub(crate) set: Option<Flags>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Folder
    pub(crate) folder: String,
    /// Messages, a set of UIDs such as `1,4:7,20:*`
    #[arg(value_parser = Uids::parse)]
    pub(crate) uids: Uids,
    /// Remove them for good
    #[arg(long)]
    pub(crate) expunge: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Folder
    #[arg(default_value = "INBOX")]
    pub(crate) folder: String,
    /// Tell of changed flags and of messages that go, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Keep in this file up to where messages were told, and go on from there the next time
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Keep trying if the first connection can't be made
    #[arg(long)]
    pub(crate) retry: bool,
}

const SEARCH_HELP: &str = "\
Keys of --search, with spaces between them; all have to fit, and case does not count in texts:
  from: to: cc: bcc: subject: body:    the field, or the body, has this text
  text:                                header or body have this text
  header:NAME=TEXT                     the header field has this text; it is there, where TEXT is empty
  since: before: on:                   day of arrival, YYYY-MM-DD; since includes the day, before does not
  sent-since: sent-before: sent-on:    the same of the Date field
  larger: smaller:                     octets, also as 500k, 10M, 1G (powers of 1024)
  seen answered flagged draft deleted  has the flag; unseen, unanswered, ... has it not
  keyword:WORD                         has this flag of its own; -keyword:WORD has it not
  uid:SET                              UIDs such as 1,4:7
  all                                  every message
A text with spaces stands in quotes, in which \\ is before a quote or a \\ that is meant. A minus in front turns a
key round: -from:ann. The word or between two keys asks for one of them, and binds them tighter than a space:

  mailbearer list --search 'from:ann or from:bob subject:\"two words\" -larger:1M since:2026-01-01'

The server searches, and some find whole words only. What stands behind imap: is taken as search keys of IMAP:

  mailbearer list --search 'imap:OR FROM ann (SUBJECT \"two words\" UNSEEN)'";

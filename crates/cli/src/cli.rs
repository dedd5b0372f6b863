//! The command line, and nothing else: what clap reads.

use std::{
    ffi::OsString,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use mailbearer::{
    advice::Language,
    proto::imap::{Date, DateTime, Flag, Part},
};

use crate::{
    commands::{
        manual::{CompletionsArgs, ManArgs},
        mock::MockArgs,
        pop::PopArgs,
        queue::QueueArgs,
        relay::RelayArgs,
        setup::SetupArgs,
    },
    config::reference,
    exit::Exit,
    uids::{OneOrMany, Uids},
    value::{self, Flags},
};

/// Reads the command line; `help` and `version` come out as clap's errors, which know where they belong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let command = Cli::command()
        .after_long_help(format!("{AFTER_HELP}\n\n{}", Exit::table()))
        .mut_subcommand("config", |config| config.long_about(reference::text()).help_template("{about}"));
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// All that there is to say.
pub(crate) fn command() -> clap::Command {
    Cli::command().after_long_help(format!("{AFTER_HELP}\n\n{}", Exit::table()))
}

/// The long help of a command.
pub(crate) fn help_of(name: &str) -> String {
    let mut command = Cli::command();
    command.build();
    let found = command.find_subcommand_mut(name).map(|command| command.render_long_help().to_string());
    found.unwrap_or_default().trim_end().to_owned()
}

/// What is said to `sendmail`, which has a way with options that is not clap's: the words before it, and those behind.
/// `None` where the command is another one.
pub(crate) fn split_sendmail(arguments: &[OsString]) -> Option<(Vec<OsString>, Vec<OsString>)> {
    let (program, rest) = arguments.split_first()?;
    let called = Path::new(program).file_name().unwrap_or_default();
    let given = |mode: &str| [OsString::from(mode)].into_iter().chain(rest.iter().cloned()).collect();
    let alone = || vec![program.clone(), "sendmail".into()];
    match called.to_str() {
        Some("sendmail") => return Some((alone(), rest.to_vec())),
        Some("mailq") => return Some((alone(), given("-bp"))),
        Some("newaliases") => return Some((alone(), given("-bi"))),
        _ => {}
    }
    let mut index = 0_usize;
    loop {
        let word = rest.get(index)?.to_str()?;
        index = index.saturating_add(1);
        match word {
            "sendmail" => break,
            "--config" | "--account" | "--lang" => index = index.saturating_add(1),
            word if word.starts_with("--") && word != "--" => {}
            _ => return None,
        }
    }
    let (before, behind) = arguments.split_at_checked(index.saturating_add(1))?;
    Some((before.to_vec(), behind.to_vec()))
}

/// OAuth 2.0 mail access: tokens, sending, and all that is done with a mailbox
///
/// Gets access tokens and uses them to send over SMTP and to read over IMAP. Results go to standard output,
/// everything else to standard error.
#[derive(Debug, Parser)]
#[command(name = "mailbearer", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Configuration file in place of the one in the platform's folder
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Account of the configuration file, in place of its default
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Print results as JSON, one object a line
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,
    /// Show the conversations with the servers on standard error, or write them to FILE for `mock --play`
    ///
    /// Each line has its time (UTC), the number of the connection, who said it and its octets. In place of a secret stands
    /// what it is. The file holds no secret either, but the names of mailboxes and servers.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", num_args = 0..=1, require_equals = true,
        default_missing_value = STDERR)]
    pub(crate) trace: Option<PathBuf>,
    /// Language of hints, en or zh, in place of the locale's
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "LANG", value_parser = value::language)]
    pub(crate) lang: Option<Language>,
}

impl GlobalArgs {
    /// Whether the conversations show on standard error.
    pub(crate) fn shows_trace(&self) -> bool {
        self.trace.as_ref().is_some_and(|file| file.as_os_str() == STDERR)
    }
}

/// What stands for standard error.
pub(crate) const STDERR: &str = "-";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do the whole job against servers in memory and show what was said; needs no account
    Demo,
    /// Write the configuration of an account: shows how to register the application, and gets the first token
    ///
    /// Asks for what no option says. The steps are those of the page for the provider, with your values in them. Nothing secret is
    /// taken from the command line: a secret is asked for, or in a file.
    Setup(Box<SetupArgs>),
    /// Log in to the account, once: afterwards tokens come without you
    ///
    /// Prints an address and opens it in the browser, where there is a display. The login is done when the browser comes
    /// back to this machine, or when the address at which it ended is pasted; whichever is first.
    Login(LoginArgs),
    /// Forget the login, and tell the provider where it wants to know
    Logout,
    /// Print an access token for programs that speak XOAUTH2 themselves
    Token(TokenArgs),
    /// Find out why an account does not work, who can mend it, and with which commands
    ///
    /// Walks from the settings to the inbox: clock, name look-up, route, TCP, TLS, token, what the token says of itself, and
    /// of each server its greeting, what it can do, the login, the inbox, and the dialogue of a message up to where its text
    /// would begin. Nothing is sent, nothing changes, and it goes on after a failure wherever it can. Without a failure the
    /// exit code is 0, else that of the cause.
    Doctor(DoctorArgs),
    /// Send a message
    ///
    /// It is made of the parts given, or taken whole from a file with `--raw`. Without `--text`, `--html` and `--raw`
    /// the text is read from standard input.
    Send(Box<SendArgs>),
    /// Send as programs have always called it: `sendmail -t -i`, `sendmail -f ADDR RCPT...`
    ///
    /// Takes the message from standard input, which is never a terminal. It does the same where the program is called by
    /// the name `sendmail`; `mailq` lists the queue.
    #[command(after_long_help = SENDMAIL_HELP, override_usage = "mailbearer sendmail [OPTIONS] [--] [RECIPIENT]...")]
    Sendmail,
    /// Serve SMTP for devices and programs, and send what they hand over by an account
    ///
    /// Listens on 127.0.0.1:2525, or where `--listen` and the table `relay` of the configuration say. A message is in the
    /// spool before its client hears 250. SIGHUP reads the configuration again: users, accounts, ports and certificates.
    /// SIGTERM lets clients end the messages that they began, then stops.
    Relay(RelayArgs),
    /// List the folders of the mailbox
    Folders(FoldersArgs),
    /// List the messages of a folder, newest last
    List(ListArgs),
    /// Show a message to a person: header, text, and what is attached
    ///
    /// HTML is shown as text where there is no other, and what could steer a terminal is escaped, in pipes and files too.
    /// A text that is longer than the terminal goes through $PAGER, or less. The message is not marked as read.
    Read(ReadArgs),
    /// Answer a message, with its text quoted
    ///
    /// The answer goes to whom the message says that answers go to, and is marked as one on the server. Without --text the
    /// text is read from standard input.
    Reply(ReplyArgs),
    /// Pass a message on, with all that is attached to it
    ///
    /// Without --text only the text of the message goes along.
    Forward(ForwardArgs),
    /// Fetch one message as it is, in RFC 5322 form, or a part of it; or many into a Maildir, an mbox file or a folder
    ///
    /// Many are fetched each once: run again, after a failure or a kill or when new ones came, it fetches what is not
    /// there yet.
    Fetch(FetchArgs),
    /// Put a message into a folder
    ///
    /// It is stored as it is, each line end as CRLF. What comes from a pipe goes through a file without a name first,
    /// because the server wants to know its length.
    Append(AppendArgs),
    /// Copy messages to another folder
    Copy(TransferArgs),
    /// Move messages to another folder
    Move(TransferArgs),
    /// Change the flags of messages
    Flag(FlagArgs),
    /// Move messages to the trash, or remove them for good
    ///
    /// The trash is the folder that the server says is for that, see `folders`. Nothing is asked.
    Delete(DeleteArgs),
    /// Wait for messages, and tell of each as it comes
    ///
    /// Runs until it is stopped, with exit code 130 then. It connects again after a dropped connection, with a fresh token where
    /// the old one has run out, and then reports what came meanwhile. If a server is away for longer, it says so on standard
    /// error.
    Watch(WatchArgs),
    /// Read the mailbox over POP3: list, fetch, delete
    Pop(PopArgs),
    /// Look after messages that wait to be sent
    ///
    /// `sendmail --queue` puts them there. A timer, or a person, has what is due tried by `queue run`.
    Queue(QueueArgs),
    /// Print what is known of each mail provider: names, servers, grants; with `--json` endpoints and scopes too
    Providers,
    /// Run the servers in memory until stopped, and print how to get at them
    Mock(Box<MockArgs>),
    /// Print a manual page, or write all of them
    Man(ManArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Explain the settings of the configuration file and the environment
    Config,
}

#[derive(Debug, Default, Args)]
pub(crate) struct LoginArgs {
    /// Log in with a code, in a browser on any device
    #[arg(long)]
    pub(crate) device: bool,
    /// Open no browser; the address stands alone on a line of standard error
    #[arg(long, conflicts_with = "device")]
    pub(crate) no_browser: bool,
    /// What the provider is to ask: select_account, login or consent
    #[arg(long, value_name = "WHAT", conflicts_with = "device")]
    pub(crate) prompt: Option<String>,
    /// Only find out whether tokens come without a login
    #[arg(long, conflicts_with_all = ["device", "no_browser", "prompt"])]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Ask the token endpoint even if the token from last time is still good, and keep nothing on disk
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Say what is kept and how long it is good, without asking anybody; exit code 77 where somebody has to log in
    #[arg(long, conflicts_with = "no_cache")]
    pub(crate) status: bool,
    /// Print what the token says of itself, and never the token
    #[arg(long)]
    pub(crate) inspect: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print a page for the administrator in place of the steps: what is asked, why, and the commands
    #[arg(long, conflicts_with = "watch")]
    pub(crate) for_admin: bool,
    /// Repeat until nothing is wrong any more, and say how long that took
    #[arg(long)]
    pub(crate) watch: bool,
    /// Seconds between two rounds of `--watch`
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) every: u64,
    /// Print a report for a ticket: program and system, all steps, the diagnosis; no secrets
    #[arg(long, conflicts_with_all = ["watch", "for_admin"])]
    pub(crate) report: bool,
    /// Look at the POP3 server, too
    #[arg(long)]
    pub(crate) pop3: bool,
    /// Write other names in place of those of mailboxes
    #[arg(long)]
    pub(crate) hide_mailboxes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Who sends, `Name <address>` or the address alone; by default the account's user
    #[arg(long, value_name = "MAILBOX")]
    pub(crate) from: Option<String>,
    /// Recipients, a comma between them; may be repeated
    #[arg(long, value_name = "MAILBOXES")]
    pub(crate) to: Vec<String>,
    /// Recipients of a copy
    #[arg(long, value_name = "MAILBOXES")]
    pub(crate) cc: Vec<String>,
    /// Recipients of a copy that the others don't see
    #[arg(long, value_name = "MAILBOXES")]
    pub(crate) bcc: Vec<String>,
    /// Subject
    #[arg(long, conflicts_with = "raw")]
    pub(crate) subject: Option<String>,
    /// Text; `-` reads it from standard input
    #[arg(long, conflicts_with = "raw")]
    pub(crate) text: Option<String>,
    /// HTML text, beside the plain one or alone
    #[arg(long, value_name = "HTML", conflicts_with = "raw")]
    pub(crate) html: Option<String>,
    /// File to attach; may be repeated
    #[arg(long, value_name = "FILE", action = ArgAction::Append, conflicts_with = "raw")]
    pub(crate) attach: Vec<PathBuf>,
    /// Picture for the HTML text, which shows it by `<img src="cid:ID">`; without ID= by the name of the file
    #[arg(long, value_name = "[ID=]FILE", action = ArgAction::Append, requires = "html", conflicts_with = "raw")]
    pub(crate) inline: Vec<String>,
    /// Calendar file (.ics) with an invitation, or the answer to one
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    pub(crate) calendar: Option<PathBuf>,
    /// Field of one's own, as `X-Ticket: 7`; may be repeated
    #[arg(long, value_name = "NAME: TEXT", action = ArgAction::Append, conflicts_with = "raw")]
    pub(crate) header: Vec<String>,
    /// Where answers go, in place of the sender
    #[arg(long, value_name = "MAILBOXES", conflicts_with = "raw")]
    pub(crate) reply_to: Vec<String>,
    /// Whole message in RFC 5322 form; `-` reads it from standard input
    ///
    /// It is sent as it is, but for its Bcc fields. Sender and recipients are those of its header unless given here.
    #[arg(long, value_name = "FILE")]
    pub(crate) raw: Option<PathBuf>,
}

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
    #[arg(long, value_name = "N")]
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
    pub(crate) uid: NonZeroU32,
}

#[derive(Debug, Args)]
pub(crate) struct ReplyArgs {
    /// Folder
    pub(crate) folder: String,
    /// UID of the message, as `list` shows it
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
    #[arg(long, value_name = "FLAGS", group = "change", value_parser = value::flags)]
    pub(crate) add: Vec<Flags>,
    /// Flags to take away
    #[arg(long, value_name = "FLAGS", group = "change", value_parser = value::flags)]
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

const GLOBAL: &str = "Global options";

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

const SENDMAIL_HELP: &str = "\
Options of sendmail, which stand before the recipients:
  -t                  recipients are those of To, Cc and Bcc, or of the first block of Resent- fields; and those named
  -f ADDR, -r ADDR    the envelope's sender; '<>' for none. Default: Sender or From, or else the account's user
  -F NAME             the name in the From that is added where there is none
  -i, -oi             a lone dot does not end the message; it never does
  -N never|success,failure,delay   -R full|hdrs   -V ID   -O DeliverBy=SECONDS;R|N
                      what is reported of the delivery, and how long it may take
  -bm -bs -bv -bp -q  send; speak SMTP; show recipients and send nothing; list the queue; try what is due in it
  -a NAME, -C FILE    account and configuration file, as --account and --config
  --queue             keep the message for the queue, and send nothing now
  --spool DIR         the folder of the queue
  --aliases FILE      who local names are: lines `name: address, ...`, the name `default` for all others
  -v                  show the conversation, as --trace
  -A -B -D -d -e -G -h -I -L -m -M -n -O -o -p -P -Q -S -T -U -X -x   are read, and change nothing

From, Date and Message-ID are added where they are missing. Local addresses, as cron's `root`, become the account's user
where they send, and what the aliases say where they receive, or the account's user. A refused recipient of several is
exit code 67: the others get the message. Where this user may not read the secret, the message is put into the machine's
spool (`spool` in the table `sendmail` of the configuration, or /var/spool/mailbearer), from which another sends it; where
this user may not write there either, a relay that runs on this machine gets it by SMTP.";

const AFTER_HELP: &str = "\
Configuration:
  TOML, in mailbearer/config.toml of the platform's configuration folder or where --config says:

    [accounts.robot]
    provider = \"microsoft365\"
    user = \"robot@contoso.com\"
    [accounts.robot.oauth]
    tenant = \"contoso.onmicrosoft.com\"
    client_id = \"...\"
    client_secret = { env = \"ROBOT_SECRET\" }   # or { file = \"...\" }, { command = [\"...\"] }, or a string

  Each setting can also come from the environment, with no file at all: MAILBEARER_ and its path below
  the account, as in MAILBEARER_USER, MAILBEARER_OAUTH_CLIENT_SECRET, MAILBEARER_IMAP_PORT.
  `mailbearer help config` explains all of them.";

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        parse(["mailbearer"].into_iter().chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_and_after_the_command() {
        for line in [
            "--json --trace --account a --config f list",
            "list --json --trace --account a --config f",
            "--json list --trace --account a INBOX --config f",
        ] {
            let cli = parsed(line).unwrap();
            let global = &cli.global;
            assert!(global.json && global.shows_trace(), "{line}");
            assert_eq!(
                (global.account.as_deref(), global.config.as_deref()),
                (Some("a"), Some("f".as_ref()))
            );
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (line, want) in [
            ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("lsit", ErrorKind::InvalidSubcommand),
            ("list --limit 0", ErrorKind::ValueValidation),
            ("fetch INBOX 0", ErrorKind::ValueValidation),
            ("fetch INBOX 4294967296", ErrorKind::ValueValidation),
            ("fetch INBOX", ErrorKind::MissingRequiredArgument),
            ("send --raw a --subject b", ErrorKind::ArgumentConflict),
            ("send --client-secret x", ErrorKind::UnknownArgument),
            ("mock --smtp-port 65536", ErrorKind::ValueValidation),
            ("list --since 2026-02-30", ErrorKind::ValueValidation),
            ("fetch INBOX 1 --part 1..2", ErrorKind::ValueValidation),
            ("fetch INBOX 1 --decode", ErrorKind::MissingRequiredArgument),
            ("fetch INBOX 1 --part 1 --decode --headers", ErrorKind::ArgumentConflict),
            ("fetch INBOX 1 --structure -o x", ErrorKind::ArgumentConflict),
            ("fetch INBOX 1 --text --html", ErrorKind::ArgumentConflict),
            ("fetch INBOX 1 --attachments d --part 1", ErrorKind::ArgumentConflict),
            ("forward INBOX 1", ErrorKind::MissingRequiredArgument),
            ("read INBOX", ErrorKind::MissingRequiredArgument),
            ("reply INBOX 1 --raw x", ErrorKind::UnknownArgument),
            ("send --to a@b --inline x", ErrorKind::MissingRequiredArgument),
            ("append INBOX --flag a(b", ErrorKind::ValueValidation),
            ("append INBOX --date soon", ErrorKind::ValueValidation),
            ("copy INBOX 0 Archive", ErrorKind::ValueValidation),
            ("copy INBOX $ Archive", ErrorKind::ValueValidation),
            ("move INBOX 1", ErrorKind::MissingRequiredArgument),
            ("flag INBOX 1", ErrorKind::MissingRequiredArgument),
            ("flag INBOX 1 --add", ErrorKind::InvalidValue),
            ("flag INBOX 1 --add seen --set draft", ErrorKind::ArgumentConflict),
            ("flag INBOX 1 --add \\Recent", ErrorKind::ValueValidation),
            ("delete INBOX 1,,2", ErrorKind::ValueValidation),
        ] {
            assert_eq!(parsed(line).unwrap_err().kind(), want, "{line}");
        }
    }
}

//! The command line, and nothing else: what clap reads.

mod delivery;
mod mailbox;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use mailbearer::{
    advice::Language,
    proto::smtp::{DeliverBy, Notify, Returned},
};

pub(crate) use self::mailbox::{
    AppendArgs, DeleteArgs, FetchArgs, FlagArgs, FoldersArgs, ForwardArgs, ListArgs, MoreArgs, ReadArgs,
    ReplyArgs, TransferArgs, WatchArgs,
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
    value,
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
    /// there yet. What a signal cuts off stays behind as files `.mailbearer-*`, because the messages beside them may be on
    /// their way to the disk; the next run removes them.
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

impl Command {
    /// Whether it may send or change messages, so that running it again is not the same as running it once.
    pub(crate) const fn changes_something(&self) -> bool {
        matches!(
            self,
            Self::Send(_)
                | Self::Sendmail
                | Self::Reply(_)
                | Self::Forward(_)
                | Self::Append(_)
                | Self::Copy(_)
                | Self::Move(_)
                | Self::Flag(_)
                | Self::Delete(_)
                | Self::Pop(_)
                | Self::Queue(_)
        )
    }
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
    ///
    /// In-Reply-To, References, List-Unsubscribe, List-Unsubscribe-Post, Importance and X-Priority are set in the form that
    /// readers look for. No other field that a message is made of, or that servers add, can be set.
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
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
    /// Where the server's answer to the message is lost, look for it among those that were sent, for up to SECONDS (120)
    ///
    /// It arrived where it is found: exit code 0. Where it is not found nobody knows, and it stays 79: not every provider
    /// keeps what is sent. Nothing is sent again.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "120",
        value_parser = value::seconds
    )]
    pub(crate) verify: Option<u64>,
}

/// What the server is asked of the delivery. The message is refused where the server does not offer it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DeliveryArgs {
    /// When the sender gets a report: `never`, or of success, failure and delay, with commas between
    #[arg(long, value_name = "WHEN", value_parser = delivery::notify)]
    pub(crate) notify: Option<Notify>,
    /// How much of the message a report of failure has: `full` or `hdrs`
    #[arg(long, value_name = "HOW", value_parser = delivery::returned)]
    pub(crate) ret: Option<Returned>,
    /// Name for the message, which reports repeat
    #[arg(long, value_name = "ID", value_parser = delivery::envelope_id)]
    pub(crate) envid: Option<String>,
    /// Address that the message to a recipient was for at first, which reports name; may be repeated
    #[arg(long, value_name = "RECIPIENT=ADDRESS", value_parser = delivery::original, action = ArgAction::Append)]
    pub(crate) orcpt: Vec<(String, String)>,
    /// Every server on the way has to use TLS (REQUIRETLS)
    #[arg(long)]
    pub(crate) require_tls: bool,
    /// Seconds that the delivery may take (DELIVERBY), and whether the message then comes back (R) or is reported (N)
    #[arg(long, value_name = "SECONDS;R|N", value_parser = delivery::deliver_by)]
    pub(crate) deliver_by: Option<DeliverBy>,
}

const GLOBAL: &str = "Global options";

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

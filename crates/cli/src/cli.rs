//! The command line, and nothing else: what clap reads.

use std::{ffi::OsString, num::NonZeroU32, path::PathBuf};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::exit::Exit;

/// Reads the command line; `help` and `version` come out as clap's errors, which know where they belong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let command = Cli::command().after_long_help(format!("{AFTER_HELP}\n\n{}", Exit::table()));
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// OAuth 2.0 mail access: tokens, sending, listing, fetching
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

#[derive(Debug, Args)]
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
    /// Show the conversations with the servers on standard error, without secrets
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) trace: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do the whole job against servers in memory and show what was said; needs no account
    Demo,
    /// Print an access token for programs that speak XOAUTH2 themselves
    Token(TokenArgs),
    /// Send a message
    ///
    /// It is made of the parts given, or taken whole from a file with `--raw`. Without `--text`, `--html` and `--raw`
    /// the text is read from standard input.
    Send(Box<SendArgs>),
    /// List the messages of a folder, newest last
    List(ListArgs),
    /// Fetch one message as it is, in RFC 5322 form
    Fetch(FetchArgs),
    /// Run the servers in memory until stopped, and print how to get at them
    Mock(MockArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Ask the token endpoint even if the token from last time is still good, and keep nothing on disk
    #[arg(long)]
    pub(crate) no_cache: bool,
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
    /// Whole message in RFC 5322 form; `-` reads it from standard input
    ///
    /// It is sent as it is, but for its Bcc fields. Sender and recipients are those of its header unless given here.
    #[arg(long, value_name = "FILE")]
    pub(crate) raw: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Folder
    #[arg(default_value = "INBOX")]
    pub(crate) folder: String,
    /// Only the newest N messages
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroU32>,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// Folder
    pub(crate) folder: String,
    /// UID of the message, as `list` shows it
    pub(crate) uid: NonZeroU32,
    /// Write to FILE, which appears when it is whole, in place of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MockArgs {
    /// Whose mailbox it is
    #[arg(long, default_value = "robot@mailbearer.test", value_name = "ADDRESS")]
    pub(crate) user: String,
    /// Port of the token endpoint; 0 is a free one, as for all of these
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) token_port: u16,
    /// Port for SMTP with STARTTLS
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) smtp_port: u16,
    /// Port for SMTP over TLS
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) smtps_port: u16,
    /// Port for IMAP with STARTTLS
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) imap_port: u16,
    /// Port for IMAP over TLS
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) imaps_port: u16,
    /// Seconds that an access token is good for
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    pub(crate) token_lifetime: u64,
}

const GLOBAL: &str = "Global options";

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

  Each key can also come from the environment, with no file at all: MAILBEARER_ and its path below the
  account, as in MAILBEARER_USER, MAILBEARER_OAUTH_CLIENT_SECRET, MAILBEARER_OAUTH_CLIENT_SECRET_FILE,
  MAILBEARER_IMAP_PORT, MAILBEARER_TLS_CA_FILE. MAILBEARER_CONFIG names the file.";

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
            assert!(global.json && global.trace, "{line}");
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
        ] {
            assert_eq!(parsed(line).unwrap_err().kind(), want, "{line}");
        }
    }
}

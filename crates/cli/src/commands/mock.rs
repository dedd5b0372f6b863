use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum, builder::RangedU64ValueParser};
use mailbearer_bridge::named;
use mailbearer_mock::{
    Recording, Server,
    memory::{Fault, Options, Personality, SmtpExtensions},
};
use serde_json::{Map, Value};
use tempfile::{Builder, TempDir};

use crate::{
    error::Error,
    exit::Exit,
    interrupt::Interrupts,
    output::{self, Output},
};

#[derive(Debug, Args)]
pub(crate) struct MockArgs {
    /// Whose mailbox it is
    #[arg(long, default_value = "robot@mailbearer.test", value_name = "ADDRESS", value_parser = crate::value::name)]
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
    /// Port for POP3 with STLS
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) pop3_port: u16,
    /// Port for POP3 over TLS
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) pop3s_port: u16,
    /// Port where tests deliver messages, end tokens, drop connections and set faults, by HTTP in the clear
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub(crate) control_port: u16,
    /// Directory (tenant) of the token endpoint; a random one unless given
    #[arg(long, value_name = "TENANT", value_parser = crate::value::name)]
    pub(crate) tenant: Option<String>,
    /// The application's id; a random one unless given
    #[arg(long, value_name = "ID", value_parser = crate::value::name)]
    pub(crate) client_id: Option<String>,
    /// The application's secret; a random one unless given
    #[arg(long, value_name = "SECRET")]
    pub(crate) client_secret: Option<String>,
    /// Seconds that an access token is good for
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    pub(crate) token_lifetime: u64,
    /// Octets of an access token, 32 to 1,048,576; one of 200 fits into the line of AUTH, where some clients send it
    #[arg(long, default_value_t = 1500, value_name = "OCTETS", value_parser = token_octets())]
    pub(crate) token_octets: usize,
    /// Each refresh ends the refresh token that it used
    #[arg(long)]
    pub(crate) rotate_refresh_tokens: bool,
    /// Whose words and habits the servers have: exchange, gmail, yahoo, netease, qq or dovecot
    #[arg(long, value_name = "PROVIDER", default_value_t)]
    pub(crate) personality: Personality,
    /// The user's password, where the personality takes passwords; a random one unless given
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,
    /// Hold the user to the provider's limits, as Exchange's 3 connections and 30 messages a minute for SMTP
    #[arg(long)]
    pub(crate) provider_limits: bool,
    /// What the SMTP server offers beside what it does anyway: lines of a reply to EHLO with commas between, as
    /// 'CHUNKING, LIMITS RCPTMAX=20'; LMTP makes it speak that, AUTH offers the
    /// login before TLS, too
    #[arg(long, value_name = "LINES")]
    pub(crate) smtp_extensions: Option<SmtpExtensions>,
    /// What goes wrong, in the words of a real server: a name (`help` lists all), or PLACE=WORDS in your own, as
    /// 'smtp.login=535 5.7.8 no'
    #[arg(long, value_name = "NAME", value_parser = fault)]
    pub(crate) fault: Option<Asked>,
    /// Play the servers of a file that `--trace=FILE` wrote, in place of those in memory
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fault", "personality", "provider_limits"])]
    pub(crate) play: Option<PathBuf>,
    /// How the settings for a client are printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// How settings are written for another program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line `KEY='value'` each, for a shell to read
    #[default]
    Sh,
    /// One object
    Json,
    /// A line `KEY='value'` each, for libraries that read .env files
    Dotenv,
}

/// What the server in memory makes as asked for.
fn token_octets() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(32..=1 << 20)
}

/// A fault by its name, or the list of all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    Fault(&'static Fault),
    List,
}

fn fault(name: &str) -> Result<Asked, String> {
    if let Some((place, words)) = name.split_once('=') {
        // Faults have to live as long as the program.
        let words = words.to_owned().leak();
        let fault = Fault::of_words(place, words).map(|fault| Asked::Fault(Box::leak(Box::new(fault))));
        return fault.ok_or_else(|| {
            "the place is token, imap.login, smtp.login, smtp.sender, smtp.message, pop3.login or the like, and the words \
             begin with a status or reply code where the protocol has one"
                .to_owned()
        });
    }
    match (name, Fault::all().find(|fault| fault.name() == name)) {
        ("help", _) => Ok(Asked::List),
        (_, Some(fault)) => Ok(Asked::Fault(fault)),
        _ => Err("there is no such fault; `--fault help` lists all".to_owned()),
    }
}

pub(crate) fn run(
    arguments: &MockArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    if let Some(Asked::List) = arguments.fault {
        return list(out);
    }
    if let Some(file) = &arguments.play {
        return play(file, arguments, interrupts, out);
    }
    let server = Server::start(options(arguments))
        .map_err(|error| Error::new(Exit::Unavailable, format!("the servers can't be started: {error}")))?;
    // From here on a signal must not end the program before it removed the folder.
    interrupts.hold();
    let (_folder, ca_file) = authority(server.ca_pem())?;
    let format = if out.is_json() { Format::Json } else { arguments.format };
    print(&server.env(&ca_file), format, out)?;
    interrupts.wait();
    Ok(())
}

/// Plays a file until stopped.
fn play(
    file: &Path,
    arguments: &MockArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let text = fs::read_to_string(file).map_err(|error| Error::input("the transcript", file, &error))?;
    let recording = Recording::parse(&text)
        .map_err(|error| Error::new(Exit::Data, format!("{}: {error}", named(file))))?;
    let name = named(file);
    let playing = recording
        .play(move |difference| output::warning(&format!("{name}: {difference}")))
        .map_err(|error| Error::new(Exit::Unavailable, format!("the servers can't be started: {error}")))?;
    interrupts.hold();
    let (_folder, ca_file) = authority(playing.ca_pem())?;
    let variables = playing.env(&ca_file);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    print(&variables, if out.is_json() { Format::Json } else { arguments.format }, out)?;
    interrupts.wait();
    Ok(())
}

/// Writes the certificate that clients have to trust into a temporary folder.
fn authority(pem: &str) -> Result<(TempDir, PathBuf), Error> {
    let folder = Builder::new().prefix("mailbearer-").tempdir().map_err(|error| {
        Error::new(Exit::CantCreate, format!("cannot create a folder for the CA certificate: {error}"))
    })?;
    let file = folder.path().join("ca.pem");
    fs::write(&file, pem).map_err(|error| Error::output("write", &file, &error))?;
    Ok((folder, file))
}

fn options(arguments: &MockArgs) -> Options {
    let mut options = Options::default();
    options.user.clone_from(&arguments.user);
    options.tenant.clone_from(&arguments.tenant);
    options.client_id.clone_from(&arguments.client_id);
    options.client_secret = arguments.client_secret.as_deref().map(Into::into);
    options.token_lifetime = Duration::from_secs(arguments.token_lifetime);
    options.token_octets = arguments.token_octets;
    options.rotating_refresh_tokens = arguments.rotate_refresh_tokens;
    options.personality = arguments.personality;
    options.password = arguments.password.as_deref().map(Into::into);
    options.provider_limits = arguments.provider_limits;
    options.smtp_extensions = arguments.smtp_extensions.unwrap_or_default();
    options.fault = match arguments.fault {
        Some(Asked::Fault(fault)) => Some(*fault),
        _ => None,
    };
    options.ports.token = arguments.token_port;
    options.ports.smtp = arguments.smtp_port;
    options.ports.smtps = arguments.smtps_port;
    options.ports.imap = arguments.imap_port;
    options.ports.imaps = arguments.imaps_port;
    options.ports.pop3 = arguments.pop3_port;
    options.ports.pop3s = arguments.pop3s_port;
    options.ports.control = arguments.control_port;
    options
}

fn list(out: &mut Output<impl Write>) -> Result<(), Error> {
    let width = Fault::all().map(|fault| fault.name().len()).max().unwrap_or_default();
    for fault in Fault::all() {
        if out.is_json() {
            out.json(&serde_json::json!({ "name": fault.name(), "meaning": fault.meaning() }))?;
        } else {
            out.line(&format!("{:width$}  {}", fault.name(), fault.meaning()))?;
        }
    }
    out.flush()
}

fn print(variables: &[(&str, String)], format: Format, out: &mut Output<impl Write>) -> Result<(), Error> {
    match format {
        Format::Json => {
            let object: Map<String, Value> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
                .collect();
            out.json(&object.into())?;
        }
        Format::Sh => {
            for (name, value) in variables {
                out.line(&format!("{name}='{}'", value.replace('\'', r"'\''")))?;
            }
        }
        Format::Dotenv => {
            for (name, value) in variables {
                out.line(&format!("{name}={}", dotenv(value)))?;
            }
        }
    }
    out.flush()
}

/// Quotes a value. Nothing is special in single quotes, but they can't hold one; in double quotes most libraries read escapes.
fn dotenv(value: &str) -> String {
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let escaped = |c: char| if "\"\\$`".contains(c) { format!("\\{c}") } else { c.to_string() };
    format!("\"{}\"", value.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotenv_values_are_quoted() {
        let rows = [("", "''"), ("a b$c\"", "'a b$c\"'"), ("it's $5 `\\", "\"it's \\$5 \\`\\\\\"")];
        for (value, want) in rows {
            assert_eq!(dotenv(value), want);
        }
    }
}

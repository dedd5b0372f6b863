//! The relay as a service: its settings, signals, log, certificate, and what systemd wants of it.

mod certificate;
mod logging;
mod service;
mod settings;

pub(crate) use settings::{first_address, host};

use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, Subcommand};
use console::Term;
use mailbearer::Secret;
use mailbearer_bridge::relay::{Network, PasswordHash};
use serde_json::json;

use crate::{cli::GlobalArgs, config, error::Error, exit::Exit, output::Output};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RelayArgs {
    /// Address and port to listen on, in place of those of the configuration; may be repeated
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Folder of the messages that wait, in place of that of the configuration
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// Network that may send without a login, as 192.168.1.0/24; may be repeated
    #[arg(long, value_name = "NET")]
    pub(crate) allow_from: Vec<Network>,
    /// Take messages and passwords in the clear from other machines
    #[arg(long)]
    pub(crate) plaintext: bool,
    /// Check the configuration, and start nothing
    #[arg(long)]
    pub(crate) check: bool,
    #[command(subcommand)]
    pub(crate) command: Option<RelayCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RelayCommand {
    /// Print the settings of a user, with the hash of the password on standard input
    Passwd {
        /// The name at the login
        name: String,
    },
    /// Check that a relay answers at the address of the configuration
    Health {
        /// Address and port, in place of that of the configuration
        address: Option<SocketAddr>,
    },
    /// Print the relay's counters, which it writes to its spool every two seconds
    Status {
        /// Folder of the spool, in place of that of the configuration
        #[arg(long, value_name = "DIR")]
        spool: Option<PathBuf>,
    },
    /// Print the relay's own certificate, for devices that have to trust it
    Certificate {
        /// Folder of the spool, in place of that of the configuration
        #[arg(long, value_name = "DIR")]
        spool: Option<PathBuf>,
    },
}

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &RelayArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    match &arguments.command {
        None => service::run(global, arguments, out),
        Some(RelayCommand::Passwd { name }) => passwd(name, out),
        Some(RelayCommand::Health { address }) => health(global, *address, out),
        Some(RelayCommand::Status { spool }) => {
            let spool = settings::spool(spool.as_deref(), config::outline(global)?)?;
            let path = spool.folder().join(service::COUNTERS);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| Error::input("the counters", &path, &error))?;
            text.lines().try_for_each(|line| out.line(line))
        }
        Some(RelayCommand::Certificate { spool }) => {
            let spool = settings::spool(spool.as_deref(), config::outline(global)?)?;
            let (chain, _) = certificate::own(spool.folder(), &settings::host())?;
            chain.lines().try_for_each(|line| out.line(line))
        }
    }
}

/// Prints the table of a user, to be put into the configuration.
fn passwd(name: &str, out: &mut Output<impl Write>) -> Result<(), Error> {
    let password = read_password()?;
    let hash = PasswordHash::of(&password, settings::random())
        .map_err(|_| Error::new(Exit::Data, "the password is too long"))?;
    if out.is_json() {
        return out.json(&json!({ "name": name, "password_hash": hash.as_str() }));
    }
    let is_bare =
        !name.is_empty() && name.bytes().all(|one| one.is_ascii_alphanumeric() || b"_-".contains(&one));
    let key = if is_bare { name.to_owned() } else { json!(name).to_string() };
    out.line(&format!("[relay.users.{key}]"))?;
    out.line(&format!("password_hash = \"{}\"", hash.as_str()))
}

fn read_password() -> Result<Secret, Error> {
    let failed = |error: io::Error| Error::new(Exit::Io, format!("cannot read the password: {error}"));
    let text = if io::stdin().is_terminal() {
        let term = Term::stderr();
        let ask = |prompt: &str| {
            term.write_str(prompt)?;
            term.read_secure_line()
        };
        let first = ask("Password: ").map_err(failed)?;
        if ask("Once more: ").map_err(failed)? != first {
            return Err(Error::usage("the two are not the same"));
        }
        first
    } else {
        let mut line = String::new();
        io::stdin().lock().take(4096).read_line(&mut line).map_err(failed)?;
        line
    };
    let secret = Secret::from(text.trim_end_matches(['\r', '\n']));
    if secret.expose().is_empty() { Err(Error::usage("the password is empty")) } else { Ok(secret) }
}

/// Connects, and waits for a greeting where one comes in the clear.
fn health(
    global: &GlobalArgs,
    address: Option<SocketAddr>,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let (address, greets) = match address {
        Some(address) => (address, true),
        None => settings::first_address(global)?,
    };
    let failed =
        |error: io::Error| Error::new(Exit::Unavailable, format!("{address} does not answer: {error}"));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    if greets {
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let mut code = [0; 3];
        stream.read_exact(&mut code).map_err(failed)?;
        if &code != b"220" {
            let code = String::from_utf8_lossy(&code);
            return Err(Error::new(Exit::Unavailable, format!("{address} greets with {code}")));
        }
        // It has answered; how it takes the goodbye changes nothing.
        let _ = stream.write_all(b"QUIT\r\n");
    }
    out.line("ok")
}

const PATIENCE: Duration = Duration::from_secs(5);

//! `cargo xtask servers`: Dovecot and Postfix from Debian's packages, for tests.
//!
//! All their files are in one folder and all their ports on 127.0.0.1. Nothing of the system's own mail
//! configuration is read or changed. Postfix works as root only, so without root all of it goes through `sudo`.

mod certificates;
mod configuration;
mod remembered;
mod running;
mod tokens;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io, process as this_process};

use crate::{Result, packages, process};

/// What a client has to know about the servers: keys in capitals, with their values.
pub(crate) type Settings = Vec<(String, String)>;

/// Every listener gets a port of its own under these keys.
const PORTS: &[&str] = &[
    // Client connects with TLS.
    "IMAPS_PORT",
    "POP3S_PORT",
    "SUBMISSIONS_PORT",
    "LMTPS_PORT",
    // Client must use STARTTLS.
    "IMAP_PORT",
    "SUBMISSION_PORT",
    // The same with a certificate for `other.test`.
    "OTHER_NAME_IMAPS_PORT",
    "OTHER_NAME_POP3S_PORT",
    "OTHER_NAME_SUBMISSIONS_PORT",
    "OTHER_NAME_IMAP_PORT",
    "OTHER_NAME_SUBMISSION_PORT",
];

const DOMAIN: &str = "mail.test";

/// The settings as the servers were started with; also the sign that a folder is ours to remove.
const SETTINGS_FILE: &str = "servers.env";

/// Unix sockets live in the folder and their paths hold at most 107 octets.
const LONGEST_DIR: usize = 60;

/// Runs `servers up`, `servers down`, or one of the two halves that need root.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["up"] => print(&up(&new_dir())?),
        ["up", "--dir", dir] => print(&up(&std::path::absolute(dir)?)?),
        ["down"] => remembered::all().iter().try_for_each(|dir| down(dir))?,
        ["down", "--dir", dir] => down(&std::path::absolute(dir)?)?,
        ["start", dir] => print(&start(Path::new(dir))?),
        ["stop", dir] => stop(Path::new(dir))?,
        _ => return Err("usage: cargo xtask servers up|down [--dir DIR]".into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The path of a folder that does not exist yet.
pub(crate) fn new_dir() -> PathBuf {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    env::temp_dir().join(format!("mailbearer-{}-{:x}", this_process::id(), now.as_micros()))
}

/// Starts the servers in a new or empty folder and returns when every port answers.
///
/// # Errors
///
/// Fails if a package can't be installed, this takes root and `sudo` wants a password, the folder's path is too
/// long or it holds something, or a server does not start; nothing is left behind then.
pub(crate) fn up(dir: &Path) -> Result<Settings> {
    if remembered::all().iter().any(|known| known == dir) {
        return Err(format!("servers are already up in {}", dir.display()).into());
    }
    packages::ensure()?;
    remembered::add(dir)?;
    let result = if process::is_root() { start(dir) } else { start_by_sudo(dir) };
    if result.is_err() {
        remembered::remove(dir)?;
    }
    result
}

/// Stops the servers of a folder, also if they are damaged or half gone, and removes it.
///
/// # Errors
///
/// Fails if the folder is not one that [`up`] made, or can't be removed.
pub(crate) fn down(dir: &Path) -> Result<()> {
    if process::is_root() {
        stop(dir)?;
    } else if dir.exists() {
        process::output(by_sudo("stop", dir)?.stderr(Stdio::inherit()))?;
    }
    remembered::remove(dir)
}

fn start(dir: &Path) -> Result<Settings> {
    check_version()?;
    let Some(path) = dir.to_str().filter(|path| path.len() <= LONGEST_DIR && is_plain(path)) else {
        let rule = format!("at most {LONGEST_DIR} letters, digits and `/._-`");
        return Err(format!("{} does not do as a folder for the servers: use {rule}", dir.display()).into());
    };
    let empty = match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read_dir(dir)?.next().is_none(),
        created => created.map(|()| true).map_err(|error| format!("{path}: {error}"))?,
    };
    if !empty {
        return Err(format!("{path} is not empty: name a new folder").into());
    }
    let settings = settings(path)?;
    fs::write(dir.join(SETTINGS_FILE), lines(&settings))?;
    let started = fill(dir, settings);
    if started.is_err() {
        stop(dir)?;
    }
    started
}

/// [`stop`] undoes everything that is done from here on.
fn fill(dir: &Path, mut settings: Settings) -> Result<Settings> {
    certificates::write(dir)?;
    settings.extend(tokens::write(dir)?);
    configuration::write(dir, &settings)?;
    fs::write(dir.join(SETTINGS_FILE), lines(&settings))?;
    running::start(dir, &settings)?;
    Ok(settings)
}

fn stop(dir: &Path) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    if !dir.join(SETTINGS_FILE).exists() {
        let dir = dir.display();
        return Err(
            format!("{dir} holds no {SETTINGS_FILE}, so it is not the servers' folder: left alone").into()
        );
    }
    running::stop(dir)?;
    fs::remove_dir_all(dir).map_err(|error| format!("cannot remove {}: {error}", dir.display()).into())
}

fn start_by_sudo(dir: &Path) -> Result<Settings> {
    let printed = process::output(by_sudo("start", dir)?.stderr(Stdio::inherit()))?;
    let printed = String::from_utf8(printed)?;
    let pairs = printed.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

fn by_sudo(half: &str, dir: &Path) -> Result<Command> {
    let this = env::current_exe()?;
    process::output(Command::new("sudo").args(["-n", "true"])).map_err(|error| {
        format!(
            "Postfix must be started by root, and sudo is missing or wants a password; run this command as root, \
             or first `sudo true`\n{error}"
        )
    })?;
    let mut command = process::as_root(this);
    command.args(["servers", half]).arg(dir);
    Ok(command)
}

fn settings(dir: &str) -> Result<Settings> {
    let fixed = [
        ("DIR", dir.to_owned()),
        ("HOST", "localhost".to_owned()),
        ("CA_FILE", format!("{dir}/certificates/ca.pem")),
        ("UNTRUSTED_CA_FILE", format!("{dir}/certificates/untrusted-ca.pem")),
        ("DOMAIN", DOMAIN.to_owned()),
        // Postfix answers 450 to RCPT for this one.
        ("BUSY_ADDRESS", format!("busy@{DOMAIN}")),
        // Another address of the first user, one that takes SMTPUTF8.
        ("ALIAS_UTF8", format!("jürgen@{DOMAIN}")),
        ("MESSAGE_SIZE_LIMIT", (160_u32 << 20).to_string()),
    ];
    // All sockets stay open until the last port is known, so that none comes twice.
    let listeners: Vec<TcpListener> =
        PORTS.iter().map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    let ports: Vec<u16> =
        listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<io::Result<_>>()?;
    let ports = PORTS.iter().zip(ports).map(|(key, port)| (*key, port.to_string()));
    Ok(fixed.into_iter().chain(ports).map(|(key, value)| (key.to_owned(), value)).collect())
}

fn check_version() -> Result<()> {
    let version = process::output(Command::new("dovecot").arg("--version"))?;
    if version.starts_with(b"2.3.") {
        return Ok(());
    }
    let version = String::from_utf8_lossy(&version);
    Err(format!("the servers' configuration is for Dovecot 2.3 (Debian 12), this is {}", version.trim())
        .into())
}

fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
}

fn lines(settings: &Settings) -> String {
    settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}

fn print(settings: &Settings) {
    print!("{}", lines(settings));
}

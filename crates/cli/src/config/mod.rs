//! Finds the account to use, and its settings, in the configuration file and the environment.

mod account;
pub(crate) mod folders;
mod oauth;
pub(crate) mod reference;
mod secret;
pub(crate) mod service;
mod settings;
mod table;

use std::{
    env,
    ffi::OsString,
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use mailbearer::Account;
use mailbearer_bridge::named;

pub(crate) use self::oauth::{Keeping, Store};
use self::{
    service::Sendmail,
    settings::{File, Settings},
    table::Kind,
};
use crate::{cli::GlobalArgs, error::Error, output};

/// The settings of an account that can be read without its secrets.
#[derive(Default)]
pub(crate) struct Outline {
    /// The address of the account.
    pub(crate) user: Option<String>,
    pub(crate) sendmail: Sendmail,
    pub(crate) relay: service::Relay,
    /// The configuration file exists, but this user may not read it.
    pub(crate) is_closed: bool,
}

/// Reads the configuration without reading secrets, for users who may not read them.
///
/// # Errors
///
/// Fails for mistakes in the file, and if it is not clear which account is meant.
pub(crate) fn outline(arguments: &GlobalArgs) -> Result<Outline, Error> {
    let environment = Environment::read(env::vars_os(), &mut Vec::new())?;
    let (path, wanted) = place(arguments, &environment, folders::config_file());
    let file = match &path {
        Some(path) => match read_file(path, wanted, &mut Vec::new()) {
            Err(error) if error.denied => return Ok(Outline { is_closed: true, ..Outline::default() }),
            file => file?,
        },
        None => None,
    };
    let found = file.is_some();
    let file = file.unwrap_or_default();
    let (sendmail, relay) = (file.sendmail.clone(), file.relay.clone());
    let chosen = choose(arguments.account.as_deref(), &environment, file, path.as_deref(), found);
    let variable =
        environment.settings.iter().find(|(path, ..)| path == "user").map(|(.., user)| user.clone());
    // Without an account there may still be a queue to look at. The commands that send say what is missing.
    let user = variable.or_else(|| chosen.ok().and_then(|(_, settings)| settings.text("user")));
    Ok(Outline { user, sendmail, relay, is_closed: false })
}

/// Where the configuration file is, and whether someone named it.
fn place(
    arguments: &GlobalArgs,
    environment: &Environment,
    platform_file: Option<PathBuf>,
) -> (Option<PathBuf>, bool) {
    match (&arguments.config, &environment.config) {
        (Some(path), _) | (None, Some(path)) => (Some(path.clone()), true),
        (None, None) => (platform_file, false),
    }
}

/// Finds the account that the command line, the environment or the configuration file names.
///
/// # Errors
///
/// Fails if there is none, if it is not clear which is meant, and for mistakes in its settings.
pub(crate) fn load(arguments: &GlobalArgs) -> Result<Loaded, Error> {
    let mut warnings = Vec::new();
    let loaded = find(arguments, env::vars_os(), folders::config_file(), &mut warnings);
    warnings.iter().for_each(|warning| output::warning(warning));
    loaded
}

/// Whether the file at `path` has an account of that name. A file that does not exist has none.
///
/// # Errors
///
/// Fails for what is wrong with the file.
pub(crate) fn has_account(path: &Path, name: &str) -> Result<bool, Error> {
    Ok(read_file(path, false, &mut Vec::new())?.is_some_and(|file| file.accounts.contains_key(name)))
}

/// An account as it is configured.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What the configuration calls it.
    pub(crate) name: String,
    pub(crate) account: Account,
    pub(crate) keeping: Keeping,
}

fn find(
    arguments: &GlobalArgs,
    variables: impl Iterator<Item = (OsString, OsString)>,
    platform_file: Option<PathBuf>,
    warnings: &mut Vec<String>,
) -> Result<Loaded, Error> {
    let environment = Environment::read(variables, warnings)?;
    let (path, wanted) = place(arguments, &environment, platform_file);
    let file = match &path {
        Some(path) => read_file(path, wanted, warnings)?,
        None => None,
    };
    let found = file.is_some();
    let (name, mut settings) =
        choose(arguments.account.as_deref(), &environment, file.unwrap_or_default(), path.as_deref(), found)?;
    for (path, kind, variable, text) in environment.settings {
        settings.set_variable(&path, kind, variable, &text)?;
    }
    let folder = path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let account = account::account(&name, &settings, folder, warnings)?;
    let keeping = oauth::keeping(&name, &settings)?;
    Ok(Loaded { name, account, keeping })
}

/// Settings from the environment.
#[derive(Default)]
struct Environment {
    config: Option<PathBuf>,
    default: Option<String>,
    /// The path of the setting, the kind of its value, the variable, and what it holds.
    settings: Vec<(String, Kind, String, String)>,
}

impl Environment {
    /// Collects this program's variables. An empty one counts as not set.
    fn read(
        variables: impl Iterator<Item = (OsString, OsString)>,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let known: Vec<(String, (String, Kind))> =
            table::variables().map(|(path, kind)| (table::variable(&path), (path, kind))).collect();
        let mut environment = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(table::PREFIX)) else { continue };
            if value.is_empty() {
                continue;
            }
            if name == CONFIG {
                environment.config = Some(value.into());
                continue;
            }
            let setting = known.iter().find(|(variable, _)| variable == name).map(|(_, setting)| setting);
            if setting.is_none() && name != DEFAULT {
                let others = known.iter().map(|(variable, _)| variable.as_str()).chain([CONFIG, DEFAULT]);
                let near = table::nearest(name, others);
                let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                warnings.push(format!("the environment variable {name} means nothing to this program{hint}"));
                continue;
            }
            let value =
                value.into_string().map_err(|_| Error::config(format!("{name}: the value is not UTF-8")))?;
            match setting {
                Some((path, kind)) => {
                    environment.settings.push((path.clone(), *kind, name.to_owned(), value));
                }
                None => environment.default = Some(value),
            }
        }
        Ok(environment)
    }
}

/// Names the configuration file.
pub(crate) const CONFIG: &str = "MAILBEARER_CONFIG";
/// Names the account to use.
pub(crate) const DEFAULT: &str = "MAILBEARER_DEFAULT";

fn read_file(path: &Path, wanted: bool, warnings: &mut Vec<String>) -> Result<Option<File>, Error> {
    let name = named(path);
    let cannot = |error: io::Error| Error {
        denied: error.kind() == io::ErrorKind::PermissionDenied,
        ..Error::config(format!("cannot read the configuration file {name}: {error}"))
    };
    let mut file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !wanted => return Ok(None),
        opened => opened.map_err(cannot)?,
    };
    let mut octets = Vec::new();
    Read::by_ref(&mut file).take(FILE_LIMIT.saturating_add(1)).read_to_end(&mut octets).map_err(cannot)?;
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > FILE_LIMIT {
        return Err(Error::config(format!("the configuration file {name} is over {FILE_LIMIT} octets")));
    }
    let text = String::from_utf8(octets)
        .map_err(|_| Error::config(format!("the configuration file {name} is not UTF-8")))?;
    // Editors on Windows put a byte order mark in front.
    let config = File::parse(&name, text.strip_prefix('\u{feff}').unwrap_or(&text))?;
    let mut secrets = table::TABLE.iter().filter(|row| row.secret);
    if secrets.any(|row| config.accounts.values().any(|account| account.origin(row.path).is_some())) {
        secret::warn_if_readable(&file, path, warnings);
    }
    Ok(Some(config))
}

/// The most octets of a configuration file.
const FILE_LIMIT: u64 = 1 << 20;

/// The most accounts that a hint lists.
const SHOWN: usize = 20;

/// The account to use, and its settings in the file.
fn choose(
    asked: Option<&str>,
    environment: &Environment,
    mut file: File,
    path: Option<&Path>,
    found: bool,
) -> Result<(String, Settings), Error> {
    let place = path.map_or_else(|| "the configuration file".into(), named);
    let default = file.default.take();
    let wanted = match (asked, &environment.default, &default) {
        (Some(name), _, _) => Some((name, "--account".to_owned())),
        (None, Some(name), _) => Some((name.as_str(), DEFAULT.to_owned())),
        (None, None, Some((name, origin))) => Some((name.as_str(), origin.to_string())),
        (None, None, None) => None,
    };
    let names = || {
        let mut names: Vec<&str> = file.accounts.keys().take(SHOWN).map(String::as_str).collect();
        let more = format!("and {} more", file.accounts.len().saturating_sub(names.len()));
        names.extend((file.accounts.len() > SHOWN).then_some(more.as_str()));
        names.join(", ")
    };
    if let Some((name, by)) = wanted {
        if let Some(settings) = file.accounts.get(name) {
            return Ok((name.to_owned(), settings.clone()));
        }
        let error = Error::config(format!("{by}: there is no account {name:?} in {place}"));
        return Err(match (found, table::nearest(name, file.accounts.keys().map(String::as_str))) {
            (false, _) => error.hint(format!("{place} does not exist")),
            (true, Some(near)) => error.hint(format!("did you mean {near}? Known are: {}", names())),
            (true, None) if file.accounts.is_empty() => error.hint("it has no accounts"),
            (true, None) => error.hint(format!("known are: {}", names())),
        });
    }
    match file.accounts.len() {
        0 if environment.settings.is_empty() => Err(Error::config("no account is configured").hint(format!(
            "describe one in {place}, or set MAILBEARER_PROVIDER, MAILBEARER_USER, MAILBEARER_OAUTH_TENANT, \
             MAILBEARER_OAUTH_CLIENT_ID and MAILBEARER_OAUTH_CLIENT_SECRET; `mailbearer --help` shows how, and \
             `mailbearer demo` needs none"
        ))),
        0 => Ok(("environment".into(), Settings::default())),
        1 => file.accounts.pop_first().ok_or_else(|| Error::config("no account is configured")),
        _ => Err(Error::config(format!("{place} has several accounts and no default"))
            .hint(format!("choose with --account; known are: {}", names()))),
    }
}

#[cfg(test)]
mod tests;

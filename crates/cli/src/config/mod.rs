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
    match Configuration::read(arguments, env::vars_os(), folders::config_file(), &mut Vec::new()) {
        Err(error) if error.denied => Ok(Outline { is_closed: true, ..Outline::default() }),
        read => Ok(read?.outline(arguments.account.as_deref())),
    }
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
    read(arguments)?.load(arguments.account.as_deref())
}

/// Reads the configuration, for several accounts of it. What it warns of is told.
///
/// # Errors
///
/// Fails for mistakes in the file.
pub(crate) fn read(arguments: &GlobalArgs) -> Result<Configuration, Error> {
    let mut warnings = Vec::new();
    let read = Configuration::read(arguments, env::vars_os(), folders::config_file(), &mut warnings);
    warnings.iter().for_each(|warning| output::warning(warning));
    read
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

/// The configuration as it was when it was read: the file and the environment.
pub(crate) struct Configuration {
    environment: Environment,
    /// Where the file is, or would be.
    path: Option<PathBuf>,
    file: Option<File>,
}

impl Configuration {
    fn read(
        arguments: &GlobalArgs,
        variables: impl Iterator<Item = (OsString, OsString)>,
        platform_file: Option<PathBuf>,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let environment = Environment::read(variables, warnings)?;
        let (path, wanted) = place(arguments, &environment, platform_file);
        let file = match &path {
            Some(path) => read_file(path, wanted, warnings)?,
            None => None,
        };
        Ok(Self { environment, path, file })
    }

    /// Returns what is known without secrets. `asked` is the account that the command line names.
    pub(crate) fn outline(&self, asked: Option<&str>) -> Outline {
        let (sendmail, relay) =
            self.file.as_ref().map(|file| (file.sendmail.clone(), file.relay.clone())).unwrap_or_default();
        let variable = self.environment.settings.iter().find(|(path, ..)| path == "user");
        let variable = variable.map(|(.., user)| user.clone());
        // Without an account there may still be a queue to look at. The commands that send say what is missing.
        let user =
            variable.or_else(|| self.choose(asked).ok().and_then(|(_, settings)| settings.text("user")));
        Outline { user, sendmail, relay, is_closed: false }
    }

    /// Returns the account that the command line (`asked`), the environment or the file names, with its secrets.
    ///
    /// # Errors
    ///
    /// Fails if there is none, if it is not clear which is meant, and for mistakes in its settings.
    pub(crate) fn load(&self, asked: Option<&str>) -> Result<Loaded, Error> {
        let mut warnings = Vec::new();
        let loaded = self.find(asked, &mut warnings);
        warnings.iter().for_each(|warning| output::warning(warning));
        loaded
    }

    fn find(&self, asked: Option<&str>, warnings: &mut Vec<String>) -> Result<Loaded, Error> {
        let (name, mut settings) = self.choose(asked)?;
        for (path, kind, variable, text) in &self.environment.settings {
            settings.set_variable(path, *kind, variable.clone(), text)?;
        }
        let folder = self.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let account = account::account(&name, &settings, folder, warnings)?;
        let keeping = oauth::keeping(&name, &settings)?;
        Ok(Loaded { name, account, keeping })
    }

    /// The account to use, and its settings in the file.
    fn choose(&self, asked: Option<&str>) -> Result<(String, Settings), Error> {
        let Self { environment, path, file } = self;
        let none = File::default();
        let (found, file) = (file.is_some(), file.as_ref().unwrap_or(&none));
        let place = path.as_deref().map_or_else(|| "the configuration file".into(), named);
        let wanted = match (asked, &environment.default, &file.default) {
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
        match (file.accounts.len(), file.accounts.first_key_value()) {
            (0, _) if environment.settings.is_empty() => Err(Error::config("no account is configured").hint(format!(
                "describe one in {place}, or set MAILBEARER_PROVIDER, MAILBEARER_USER, MAILBEARER_OAUTH_TENANT, \
                 MAILBEARER_OAUTH_CLIENT_ID and MAILBEARER_OAUTH_CLIENT_SECRET; `mailbearer --help` shows how, and \
                 `mailbearer demo` needs none"
            ))),
            (0, _) => Ok(("environment".into(), Settings::default())),
            (1, Some((name, settings))) => Ok((name.clone(), settings.clone())),
            _ => Err(Error::config(format!("{place} has several accounts and no default"))
                .hint(format!("choose with --account; known are: {}", names()))),
        }
    }
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

#[cfg(test)]
mod tests;

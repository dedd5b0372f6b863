//! The platform's folders for the configuration, for access tokens and for refresh tokens.

use std::{env, path::PathBuf};

/// The configuration file: the user's own, or if that does not exist the machine's.
pub(crate) fn config_file() -> Option<PathBuf> {
    let own = own_config_file();
    let machine = PathBuf::from(MACHINE);
    match own {
        Some(own) if own.exists() || !cfg!(unix) || !machine.exists() => Some(own),
        _ if cfg!(unix) => Some(machine),
        own => own,
    }
}

/// The machine's configuration file, for cron, web servers and others without a home folder.
const MACHINE: &str = "/etc/mailbearer/config.toml";
/// Where users of the machine who may not read the secret leave messages, for the relay or the timer to send.
pub(crate) const MACHINE_SPOOL: &str = "/var/spool/mailbearer";

/// The path of the user's own configuration file, also if there is no such file.
pub(crate) fn own_config_file() -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")))
    };
    folder.map(|folder| folder.join("mailbearer").join("config.toml"))
}

/// Where access tokens are kept. A lost one costs a request.
pub(crate) fn cache() -> Option<PathBuf> {
    own("CACHE_DIRECTORY").or_else(|| {
        let folder = if cfg!(windows) {
            variable("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            variable("HOME").map(|home| home.join("Library/Caches"))
        } else {
            variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
        };
        folder.map(|folder| folder.join("mailbearer"))
    })
}

/// Where refresh tokens are kept. A lost one costs a login by a person.
pub(crate) fn state() -> Option<PathBuf> {
    own("STATE_DIRECTORY").or_else(|| {
        let folder = if cfg!(windows) {
            variable("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            variable("HOME").map(|home| home.join("Library/Application Support"))
        } else {
            variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        };
        folder.map(|folder| folder.join("mailbearer").join("tokens"))
    })
}

/// The folder for messages that wait to be sent.
pub(crate) fn spool() -> Option<PathBuf> {
    let tokens = state()?;
    // systemd's folder is this service's own. The user's folder is for tokens alone, so the spool is beside it.
    let folder = if own("STATE_DIRECTORY").is_some() { Some(tokens.as_path()) } else { tokens.parent() };
    folder.map(|folder| folder.join("spool"))
}

/// The folder that systemd made for this service, or the first of several.
fn own(name: &str) -> Option<PathBuf> {
    let folders = env::var_os(name)?;
    env::split_paths(&folders).next().filter(|folder| folder.is_absolute())
}

/// A folder from a variable. The XDG specification says to ignore relative ones.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

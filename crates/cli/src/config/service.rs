//! The top-level tables of the configuration file, for services that run for several users.

use std::path::{Path, PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{settings::Reader, table};
use crate::error::Error;

/// A setting at the top level of the file. None of these has an environment variable.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
    /// What its value looks like.
    pub(crate) shape: &'static str,
    /// What it is for, and its default; code is in backticks.
    pub(crate) about: &'static str,
}

/// The settings, in the order of the documentation.
pub(crate) const LINES: &[Line] = &[
    line(
        "sendmail",
        "queue",
        "true | false",
        "Whether `sendmail` keeps each message for the queue, as `--queue` has it. Default: `false`.",
    ),
    line(
        "sendmail",
        "spool",
        "\"FOLDER\"",
        "Folder of the messages that wait, for `sendmail` and `queue`. Users who may not read the secret put theirs into its \
         folder `drop`, where there is one. Default: `spool` in the state folder; for those users \
         `/var/spool/mailbearer`.",
    ),
    line(
        "sendmail",
        "aliases",
        "\"FILE\"",
        "File that says who local names are, in lines `name: address, ...`. Default: `/etc/mailbearer/aliases` or \
         `/etc/aliases`, where there is one.",
    ),
    line(
        "relay",
        "listen",
        "\"ADDRESS:PORT\" | [...]",
        "Where `relay` listens. Default: `127.0.0.1:2525`. Beyond this machine it takes TLS, or `plaintext` and `allow_from`; and `users` or `allow_from`.",
    ),
    line("relay", "name", "\"...\"", "Its name, in the greeting and in Received. Default: the machine's."),
    line(
        "relay",
        "plaintext",
        "true | false",
        "Whether messages and passwords are taken in the clear from other machines. Default: `false`.",
    ),
    line(
        "relay",
        "allow_from",
        "\"NETWORK\" | [...]",
        "Networks, as `192.168.1.0/24`, that send without a login. Default: none; where there are no users either, this machine.",
    ),
    line(
        "relay",
        "default_account",
        "\"NAME\"",
        "Account of the users who have none of their own, and of those without a login. Default: as for every command.",
    ),
    line("relay", "spool", "\"FOLDER\"", "Folder of the messages that wait. Default: that of `sendmail`."),
    line(
        "relay",
        "log",
        "\"text\" | \"json\" | \"none\"",
        "How each connection, message and attempt is told on standard error. Default: `text`.",
    ),
    line(
        "relay",
        "refusals",
        "\"bounce\" | \"reply\"",
        "What happens to a message that the provider refuses: its sender gets a report, or the client waits for up to a minute and hears of it. Default: `bounce`.",
    ),
    line(
        "relay.tls",
        "mode",
        "\"implicit\" | \"starttls\" | \"both\"",
        "How TLS starts: at once, by a command, or as the client has it. Default: `starttls`. The table alone, even empty, switches TLS on.",
    ),
    line(
        "relay.tls",
        "cert_file",
        "\"FILE\"",
        "PEM file of the certificate and those that lead to its authority. It is read again when it changes. Default: a certificate of its own, made at the first start and kept in the spool.",
    ),
    line("relay.tls", "key_file", "\"FILE\"", "PEM file of its key."),
    line(
        "relay.users.NAME",
        "password_hash",
        "\"$argon2id$...\"",
        "What is kept of the password of NAME, as `relay passwd NAME` makes it. Required. A name such as `@example.org` is for everyone there who has no table of their own.",
    ),
    line("relay.users.NAME", "account", "\"NAME\"", "Account that sends. Default: `default_account`."),
    line(
        "relay.users.NAME",
        "senders",
        "\"ADDRESS\" | [...]",
        "Addresses, or domains such as `@example.org`, that the user may send as. Default: any.",
    ),
    line(
        "relay.users.NAME",
        "from",
        "\"MAILBOX\"",
        "From of every message in place of its own, for devices that send as `root@printer`.",
    ),
    line("relay.limits", "connections", "NUMBER", "Clients at once. Default: 1000."),
    line(
        "relay.limits",
        "connections_per_address",
        "NUMBER",
        "Clients at once from one address other than this machine's. Default: 50.",
    ),
    line("relay.limits", "message", "NUMBER", "Octets of a message. Default: 157286400."),
    line("relay.limits", "recipients", "NUMBER", "Recipients of a message. Default: 500."),
    line(
        "relay.limits",
        "failed_logins",
        "NUMBER",
        "Logins that may fail, of an address or on this machine of a user, before it is locked out. Default: 10.",
    ),
    line("relay.limits", "lock_out", "NUMBER", "For how many seconds. Default: 600."),
    line("relay.limits", "silence", "NUMBER", "Seconds that a client may be silent. Default: 300."),
];

/// The table `relay`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relay {
    pub(crate) name: Option<String>,
    pub(crate) listen: Vec<String>,
    pub(crate) tls: Option<RelayTls>,
    pub(crate) plaintext: Option<bool>,
    pub(crate) allow_from: Vec<String>,
    pub(crate) users: Vec<RelayUser>,
    pub(crate) default_account: Option<String>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) log: Option<String>,
    pub(crate) refusals: Option<String>,
    /// The limits by name. Each is above 0.
    pub(crate) limits: Vec<(&'static str, u64)>,
}

/// The TLS settings of a relay.
#[derive(Clone, Debug)]
pub(crate) struct RelayTls {
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) mode: Option<String>,
}

/// A user who may log in at a relay.
#[derive(Clone, Debug)]
pub(crate) struct RelayUser {
    pub(crate) name: String,
    pub(crate) password_hash: String,
    pub(crate) account: Option<String>,
    pub(crate) senders: Vec<String>,
    pub(crate) from: Option<String>,
}

/// The names of a relay's limits.
pub(crate) const LIMITS: [&str; 7] = [
    "connections",
    "connections_per_address",
    "message",
    "recipients",
    "failed_logins",
    "lock_out",
    "silence",
];

impl Relay {
    pub(crate) fn read(reader: &Reader<'_>, table: &DeTable<'_>, folder: &Path) -> Result<Self, Error> {
        let known = [
            "name",
            "listen",
            "tls",
            "plaintext",
            "allow_from",
            "users",
            "default_account",
            "spool",
            "log",
            "refusals",
            "limits",
        ];
        let section = Section::new(reader, "relay", table, &known)?;
        let file = |section: &Section<'_>, name: &str| -> Result<Option<PathBuf>, Error> {
            Ok(section.text(name)?.map(|file| folder.join(file)))
        };
        let tls = match section.inner("tls", &["cert_file", "key_file", "mode"])? {
            None => None,
            Some(tls) => {
                let (cert_file, key_file) = (file(&tls, "cert_file")?, file(&tls, "key_file")?);
                if cert_file.is_some() != key_file.is_some() {
                    let there = if cert_file.is_some() { "cert_file" } else { "key_file" };
                    return Err(tls.wrong(there, "cert_file and key_file go together"));
                }
                Some(RelayTls {
                    cert_file,
                    key_file,
                    mode: tls.word("mode", &["implicit", "starttls", "both"])?,
                })
            }
        };
        let mut users = Vec::new();
        if let Some(all) = section.names("users")? {
            for name in all {
                let user =
                    section.inner_of("users", &name, &["password_hash", "account", "senders", "from"])?;
                let hash = user.text("password_hash")?;
                users.push(RelayUser {
                    password_hash: hash.ok_or_else(|| user.missing("password_hash"))?,
                    account: user.text("account")?,
                    senders: user.texts("senders")?.unwrap_or_default(),
                    from: user.text("from")?,
                    name,
                });
            }
        }
        let mut limits = Vec::new();
        if let Some(own) = section.inner("limits", &LIMITS)? {
            for name in LIMITS {
                limits.extend(own.number(name)?.map(|number| (name, number)));
            }
        }
        Ok(Self {
            name: section.text("name")?,
            listen: section.texts("listen")?.unwrap_or_default(),
            tls,
            plaintext: section.flag("plaintext")?,
            allow_from: section.texts("allow_from")?.unwrap_or_default(),
            users,
            default_account: section.text("default_account")?,
            spool: file(&section, "spool")?,
            log: section.word("log", &["text", "json", "none"])?,
            refusals: section.word("refusals", &["bounce", "reply"])?,
            limits,
        })
    }
}

const fn line(table: &'static str, key: &'static str, shape: &'static str, about: &'static str) -> Line {
    Line { table, key, shape, about }
}

/// The table `sendmail`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sendmail {
    pub(crate) queue: Option<bool>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) aliases: Option<PathBuf>,
}

impl Sendmail {
    pub(crate) fn read(reader: &Reader<'_>, table: &DeTable<'_>, folder: &Path) -> Result<Self, Error> {
        let section = Section::new(reader, "sendmail", table, &["queue", "spool", "aliases"])?;
        Ok(Self {
            queue: section.flag("queue")?,
            spool: section.text("spool")?.map(|file| folder.join(file)),
            aliases: section.text("aliases")?.map(|file| folder.join(file)),
        })
    }
}

/// A table that has no unknown keys.
pub(crate) struct Section<'s> {
    reader: &'s Reader<'s>,
    path: String,
    table: &'s DeTable<'s>,
}

impl<'s> Section<'s> {
    /// # Errors
    ///
    /// Names a key that is not in `known`.
    pub(crate) fn new(
        reader: &'s Reader<'s>,
        path: impl Into<String>,
        table: &'s DeTable<'s>,
        known: &[&str],
    ) -> Result<Self, Error> {
        let section = Self { reader, path: path.into(), table };
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let hint = match table::nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                return Err(section.wrong(name, "no such key").hint(hint));
            }
        }
        Ok(section)
    }

    /// The error for a key, with its position.
    pub(crate) fn wrong(&self, name: &str, problem: &str) -> Error {
        let key = self.table.keys().find(|key| key.get_ref().as_ref() == name);
        let at = key.map_or(0, |key| key.span().start);
        Error::config(format!("{}: {problem}", self.reader.origin(at, &format!("{}.{name}", self.path))))
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'s DeValue<'s>> {
        self.table.get(name).map(Spanned::get_ref)
    }

    /// The error for a required key that is missing.
    fn missing(&self, name: &str) -> Error {
        let at = self.table.keys().next().map_or(0, |key| key.span().start);
        Error::config(format!("{}: is missing", self.reader.origin(at, &format!("{}.{name}", self.path))))
    }

    /// The names in a table of tables.
    fn names(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(DeValue::Table(table)) => {
                Ok(Some(table.keys().map(|key| key.get_ref().to_string()).collect()))
            }
            Some(_) => Err(self.wrong(name, "must be a table")),
        }
    }

    /// A table in a table of tables.
    fn inner_of(&self, name: &str, inner: &str, known: &[&str]) -> Result<Self, Error> {
        let path = format!("{}.{name}.{inner}", self.path);
        match self.value(name).and_then(|table| table.as_table()?.get(inner)).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => Self::new(self.reader, path, table, known),
            _ => Err(self.wrong(name, &format!("{inner} must be a table"))),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(DeValue::String(text)) if !text.is_empty() => Ok(Some(text.to_string())),
            Some(DeValue::String(_)) => Err(self.wrong(name, "is empty")),
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(DeValue::Boolean(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// A list of strings, or a single string.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let wrong = || self.wrong(name, "must be a string or a list of strings");
        match self.value(name) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(vec![text.to_string()])),
            Some(DeValue::Array(array)) => {
                let texts = array.iter().map(|value| value.get_ref().as_str().map(str::to_owned));
                texts.collect::<Option<Vec<_>>>().map(Some).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A whole number above 0.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(DeValue::Integer(integer)) if integer.radix() == 10 => {
                let number = integer.as_str().replace('_', "").parse().ok().filter(|number| *number > 0);
                number.map(Some).ok_or_else(|| self.wrong(name, "must be a whole number above 0"))
            }
            Some(_) => Err(self.wrong(name, "must be a whole number above 0")),
        }
    }

    /// One of `words`.
    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Result<Option<String>, Error> {
        match self.text(name)? {
            Some(word) if !words.contains(&word.as_str()) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                Err(self.wrong(name, &format!("must be one of {}", words.join(", "))))
            }
            word => Ok(word),
        }
    }

    pub(crate) fn inner(&self, name: &str, known: &[&str]) -> Result<Option<Self>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(DeValue::Table(table)) => {
                Self::new(self.reader, format!("{}.{name}", self.path), table, known).map(Some)
            }
            Some(_) => Err(self.wrong(name, "must be a table")),
        }
    }
}

//! The tables at the top level of the configuration file, which are about what runs for several users.

use std::path::{Path, PathBuf};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{settings::Reader, table};
use crate::error::Error;

/// A setting at the top level of the file; none of them has a variable.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
    /// What its value looks like.
    pub(crate) shape: &'static str,
    /// What it is for, and what counts where it is not set; with code words in backticks.
    pub(crate) about: &'static str,
}

/// The settings, in the order in which they are documented.
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
];

const fn line(table: &'static str, key: &'static str, shape: &'static str, about: &'static str) -> Line {
    Line { table, key, shape, about }
}

/// What the table `sendmail` says.
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

/// A table whose keys are known.
pub(crate) struct Section<'s> {
    reader: &'s Reader<'s>,
    path: String,
    table: &'s DeTable<'s>,
}

impl<'s> Section<'s> {
    /// # Errors
    ///
    /// Names the key that is none of `known`.
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

    /// What is wrong with a key, and where it stands.
    pub(crate) fn wrong(&self, name: &str, problem: &str) -> Error {
        let key = self.table.keys().find(|key| key.get_ref().as_ref() == name);
        let at = key.map_or(0, |key| key.span().start);
        Error::config(format!("{}: {problem}", self.reader.origin(at, &format!("{}.{name}", self.path))))
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'s DeValue<'s>> {
        self.table.get(name).map(Spanned::get_ref)
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
}

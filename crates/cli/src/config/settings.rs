//! Settings as they were found, each with the place it came from.

use std::{collections::BTreeMap, fmt, num::NonZeroU16, path::PathBuf, time::Duration};

use mailbearer::Secret;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Kind};
use crate::error::Error;

/// The settings of one account: the path of each key below the account, and its value.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    values: BTreeMap<String, Setting>,
}

#[derive(Clone)]
struct Setting {
    value: Value,
    origin: Origin,
}

/// Text is held as if it were secret, because some is.
#[derive(Clone)]
enum Value {
    Text(Secret),
    Number(String),
    Texts(Vec<String>),
}

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `FILE:LINE:COLUMN` and the whole path of the key.
    File { place: String, path: String },
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { place, path } => write!(f, "{place}: {path}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// Everything that a configuration file says.
#[derive(Default)]
pub(crate) struct File {
    /// The account to use where none is named, and where that stands.
    pub(crate) default: Option<(String, Origin)>,
    pub(crate) accounts: BTreeMap<String, Settings>,
}

impl File {
    /// Reads `text`, which came from the file called `name`.
    ///
    /// # Errors
    ///
    /// Names line, column and key of what is not TOML, not a known key, or not of the key's type. Never shows a
    /// value: it may be a secret in the wrong place.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let reader = Reader { name, text };
        let table = DeTable::parse(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            Error::config(format!("{}: {}", reader.place(start), error.message()))
        })?;
        let mut file = Self::default();
        for (key, value) in table.get_ref() {
            let origin = reader.origin(key.span().start, key.get_ref());
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("default", DeValue::String(name)) => file.default = Some((name.to_string(), origin)),
                ("default", _) => return Err(Error::config(format!("{origin}: must be a string"))),
                ("accounts", DeValue::Table(accounts)) => file.accounts = reader.accounts(accounts)?,
                ("accounts", _) => {
                    return Err(Error::config(format!("{origin}: must be a table of accounts")));
                }
                (name, _) => {
                    let hint = match keys::nearest(name, ["default", "accounts"]) {
                        _ if keys::kind(name) != Kind::Unknown => {
                            format!("{name} belongs into an account: [accounts.NAME]")
                        }
                        Some(near) => format!("did you mean {near}?"),
                        None => "known here: default, accounts".into(),
                    };
                    return Err(Error::config(format!("{origin}: no such key")).hint(hint));
                }
            }
        }
        Ok(file)
    }
}

impl Settings {
    /// Whether anything is set in `table`.
    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.values.keys().any(|key| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Takes over `path` from an environment variable, in place of what a file says.
    ///
    /// A secret from one source replaces the same secret from another.
    pub(crate) fn set_variable(&mut self, path: &str, variable: String, value: String) {
        let of = keys::secret(path);
        let origin = Origin::Variable(variable);
        self.values.retain(|key, setting| {
            of.is_none() || keys::secret(key) != of || matches!(setting.origin, Origin::Variable(_))
        });
        self.values.insert(path.into(), Setting { value: Value::Text(value.into()), origin });
    }

    /// Where `path` was set.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        self.values.get(path).map(|setting| &setting.origin)
    }

    /// The text at `path`.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>, Error> {
        Ok(self.secret_text(path)?.map(|text| text.expose().clone()))
    }

    /// The text at `path`, still wrapped.
    pub(crate) fn secret_text(&self, path: &str) -> Result<Option<Secret>, Error> {
        let Some(setting) = self.values.get(path) else { return Ok(None) };
        let Value::Text(text) = &setting.value else { return Err(setting.wrong("must be a string")) };
        if text.expose().is_empty() {
            return Err(setting.wrong("is empty"));
        }
        Ok(Some(text.clone()))
    }

    /// The list of texts at `path`.
    pub(crate) fn texts(&self, path: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(setting) = self.values.get(path) else { return Ok(None) };
        match &setting.value {
            Value::Texts(texts) if !texts.is_empty() => Ok(Some(texts.clone())),
            _ => Err(setting.wrong("must be a list of strings, the program first")),
        }
    }

    /// The file name at `path`; as it stands, not yet relative to anything.
    pub(crate) fn path(&self, path: &str) -> Result<Option<PathBuf>, Error> {
        Ok(self.text(path)?.map(PathBuf::from))
    }

    /// The port number at `path`.
    pub(crate) fn port(&self, path: &str) -> Result<Option<u16>, Error> {
        let Some(setting) = self.values.get(path) else { return Ok(None) };
        let port = setting.number().and_then(|digits| digits.parse::<NonZeroU16>().ok());
        port.map(|port| Some(port.get())).ok_or_else(|| setting.wrong("must be a port number, 1 to 65535"))
    }

    /// The time in seconds at `path`.
    pub(crate) fn seconds(&self, path: &str) -> Result<Option<Duration>, Error> {
        let Some(setting) = self.values.get(path) else { return Ok(None) };
        let seconds = setting.number().and_then(|digits| digits.parse::<f64>().ok());
        let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match seconds.filter(|seconds| !seconds.is_zero()) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(setting.wrong("must be a number of seconds above 0")),
        }
    }

    /// One of the words that `path` knows.
    pub(crate) fn choice<T: Copy>(&self, path: &str, words: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(word) = self.text(path)? else { return Ok(None) };
        if let Some((_, meaning)) = words.iter().find(|(known, _)| *known == word) {
            return Ok(Some(*meaning));
        }
        let list: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let error = self.wrong(path, &format!("must be one of {}", list.join(", ")));
        Err(match keys::nearest(&word, words.iter().map(|(word, _)| *word)) {
            Some(near) => error.hint(format!("did you mean \"{near}\"?")),
            None => error,
        })
    }

    /// The setting at `path` is not as it must be.
    pub(crate) fn wrong(&self, path: &str, problem: &str) -> Error {
        match self.values.get(path) {
            Some(setting) => setting.wrong(problem),
            None => Error::config(format!("{path}: {problem}")),
        }
    }
}

impl Setting {
    /// Digits as TOML has them, or as they stand in a variable.
    fn number(&self) -> Option<&str> {
        match (&self.value, &self.origin) {
            (Value::Number(digits), _) => Some(digits),
            (Value::Text(text), Origin::Variable(_)) => Some(text.expose()),
            _ => None,
        }
    }

    fn wrong(&self, problem: &str) -> Error {
        Error::config(format!("{}: {problem}", self.origin))
    }
}

/// A file that is being read.
struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn accounts(&self, accounts: &DeTable<'_>) -> Result<BTreeMap<String, Settings>, Error> {
        let mut read = BTreeMap::new();
        for (name, value) in accounts {
            let origin = || self.origin(name.span().start, &format!("accounts.{}", name.get_ref()));
            let DeValue::Table(table) = value.get_ref() else {
                return Err(Error::config(format!("{}: must be a table", origin())));
            };
            let mut settings = Settings::default();
            self.table(name.get_ref(), "", table, &mut settings)?;
            read.insert(name.get_ref().to_string(), settings);
        }
        Ok(read)
    }

    /// Reads a table of an account. A table in a table that is not known ends it, so the depth is small.
    fn table(
        &self,
        account: &str,
        path: &str,
        table: &DeTable<'_>,
        into: &mut Settings,
    ) -> Result<(), Error> {
        for (key, value) in table {
            let name: &str = key.get_ref();
            let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let origin = self.origin(key.span().start, &format!("accounts.{account}.{inner}"));
            // A name with a dot in it would look like a path.
            let kind = if name.contains('.') { Kind::Unknown } else { keys::kind(&inner) };
            match (kind, value.get_ref()) {
                (Kind::Unknown, _) => {
                    return Err(Error::config(format!("{origin}: no such key")).hint(keys::hint(path, name)));
                }
                (Kind::Table | Kind::Secret, DeValue::Table(table)) => {
                    self.table(account, &inner, table, into)?;
                }
                (Kind::Table, _) => return Err(Error::config(format!("{origin}: must be a table"))),
                (Kind::Value | Kind::Secret, value) => {
                    let Some(value) = Value::read(value) else {
                        return Err(Error::config(format!("{origin}: must be {}", expected(&inner))));
                    };
                    into.values.insert(inner, Setting { value, origin });
                }
            }
        }
        Ok(())
    }

    fn origin(&self, offset: usize, path: &str) -> Origin {
        Origin::File { place: self.place(offset), path: path.into() }
    }

    /// `FILE:LINE:COLUMN`, both from 1, the column in characters.
    fn place(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let column = before.get(start..).unwrap_or_default().chars().count().saturating_add(1);
        format!("{}:{line}:{column}", self.name)
    }
}

impl Value {
    fn read(value: &DeValue<'_>) -> Option<Self> {
        Some(match value {
            DeValue::String(text) => Self::Text(text.as_ref().into()),
            DeValue::Integer(integer) if integer.radix() == 10 => Self::Number(integer.as_str().into()),
            DeValue::Float(float) => Self::Number(float.as_str().into()),
            DeValue::Array(array) => {
                let text = |value: &toml::Spanned<DeValue<'_>>| value.get_ref().as_str().map(str::to_owned);
                Self::Texts(array.iter().map(text).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

fn expected(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("command") => "a list of strings, the program first",
        Some("port") => "a port number, 1 to 65535",
        Some("connect" | "read" | "write" | "total") => "a number of seconds above 0",
        Some("client_secret" | "refresh_token") => {
            "a string, or { env = ... }, { file = ... }, { command = [...] }"
        }
        _ => "a string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, Error> {
        File::parse("c.toml", text).map(|mut file| file.accounts.remove("a").unwrap_or_default())
    }

    #[test]
    fn reads_every_kind() {
        let settings = parse(
            "[accounts.a]\nuser = 'u'\nimap = { port = 993 }\ntimeouts.read = 0.5\n\
             [accounts.a.oauth]\nclient_secret = { command = ['pass', 'show'] }\n[accounts.b]\n",
        )
        .unwrap();
        assert_eq!(settings.text("user"), Ok(Some("u".into())));
        assert_eq!(settings.port("imap.port"), Ok(Some(993)));
        assert_eq!(settings.seconds("timeouts.read"), Ok(Some(Duration::from_millis(500))));
        assert_eq!(settings.texts("oauth.client_secret.command").unwrap().unwrap(), ["pass", "show"]);
        assert!(settings.has_table("imap") && !settings.has_table("smtp"));
        assert_eq!(settings.text("provider"), Ok(None));
    }

    #[test]
    fn names_line_column_and_key_of_what_is_wrong() {
        let rows = [
            ("unknown", "[accounts.a.imap]\nhots = 'x'", "2:1: accounts.a.imap.hots: no such key"),
            ("inline", "[accounts.a]\nimap = { hots = 'x' }", "2:10: accounts.a.imap.hots: no such key"),
            ("unknown table", "\n[accounts.a.smpt]\nhost = 'x'", "2:13: accounts.a.smpt: no such key"),
            ("top", "acounts = 1", "1:1: acounts: no such key"),
            ("misplaced", "user = 'x'", "1:1: user: no such key"),
            ("dotted name", "[accounts.a]\n'imap.host' = 'x'", "2:1: accounts.a.imap.host: no such key"),
            ("no table", "[accounts]\na = 1", "2:1: accounts.a: must be a table"),
            ("value for table", "[accounts.a]\nimap = 'x'", "2:1: accounts.a.imap: must be a table"),
            ("default", "default = 1", "1:1: default: must be a string"),
            ("accounts", "accounts = 1", "1:1: accounts: must be a table of accounts"),
            ("boolean", "[accounts.a]\nuser = true", "2:1: accounts.a.user: must be a string"),
            ("syntax", "[accounts.a]\n\tuser = ", "2:9: "),
            ("twice", "[accounts.a]\nuser = 'a'\nuser = 'b'", "3:1: duplicate key"),
            ("column", "[accounts.a]\nimap = { host = 'ü', x = 1 }", "2:22: accounts.a.imap.x: no such key"),
        ];
        for (name, text, want) in rows {
            let error = parse(text).err().unwrap();
            assert!(error.text.starts_with(&format!("c.toml:{want}")), "{name}: {}", error.text);
        }
        let error = parse("[accounts.a]\nimap.hots = 'x'").err().unwrap();
        assert_eq!(error.hint.as_deref(), Some("did you mean host?"));
        let error = parse("user = 'x'").err().unwrap();
        assert_eq!(error.hint.as_deref(), Some("user belongs into an account: [accounts.NAME]"));
    }

    #[test]
    fn names_the_place_of_a_wrong_value() {
        let settings = parse(
            "[accounts.a]\nuser = 1\nprovider = ''\n[accounts.a.imap]\nport = 65536\ntls = 'starttsl'\n\
             [accounts.a.timeouts]\nread = 0\nwrite = -1\ntotal = nan\nconnect = '5'",
        )
        .unwrap();
        let at = |place: &str| Error::config(format!("c.toml:{place}"));
        assert_eq!(settings.text("user"), Err(at("2:1: accounts.a.user: must be a string")));
        assert_eq!(settings.text("provider"), Err(at("3:1: accounts.a.provider: is empty")));
        assert_eq!(
            settings.port("imap.port"),
            Err(at("5:1: accounts.a.imap.port: must be a port number, 1 to 65535"))
        );
        for (key, line) in [("read", 8), ("write", 9), ("total", 10), ("connect", 11)] {
            let want = format!("{line}:1: accounts.a.timeouts.{key}: must be a number of seconds above 0");
            assert_eq!(settings.seconds(&format!("timeouts.{key}")), Err(at(&want)));
        }
        assert_eq!(
            settings.choice("imap.tls", &[("implicit", 1), ("starttls", 2)]),
            Err(at("6:1: accounts.a.imap.tls: must be one of \"implicit\", \"starttls\"")
                .hint("did you mean \"starttls\"?"))
        );
    }

    #[test]
    fn never_shows_a_value() {
        for text in [
            "[accounts.a.oauth]\nclient_secret = hunter2",
            "[accounts.a.oauth]\nclient_secret = \"hunter2",
            "[accounts.a.oauth]\nclient_secret = hunter2\"",
            "[accounts.a.oauth]\nclient_secret = 'hunter2' x",
            "[accounts.a.oauth]\nclient_secret = [true, 'hunter2']",
            "[accounts.a.oauth]\nclient_secret = { evn = 'hunter2' }",
            "[accounts.a.oauth]\nclient_secrte = 'hunter2'",
            "[accounts.a]\noauth = 'hunter2'",
        ] {
            let error = parse(text).err().unwrap();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn variables_replace_what_the_file_says() {
        let mut settings = parse("[accounts.a]\nuser = 'u'\noauth.client_secret = { file = 'f' }").unwrap();
        settings.set_variable("user", "V".into(), "w".into());
        settings.set_variable("oauth.client_secret", "S".into(), "s".into());
        settings.set_variable("imap.port", "P".into(), "99".into());
        assert_eq!(settings.text("user"), Ok(Some("w".into())));
        assert_eq!(settings.text("oauth.client_secret.file"), Ok(None));
        assert_eq!(settings.port("imap.port"), Ok(Some(99)));
        assert_eq!(settings.origin("user"), Some(&Origin::Variable("V".into())));
    }
}

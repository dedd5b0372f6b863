//! Settings as they were found, each with its source.

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroU16,
    path::{Path, PathBuf},
    time::Duration,
};

use mailbearer::Secret;
use toml::de::{DeTable, DeValue};

use super::{
    service::{Relay, Sendmail},
    table::{self, Kind, Place},
};
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

/// All text is held as a secret, because some of it is one.
#[derive(Clone)]
enum Value {
    Text(Secret),
    Port(u16),
    Seconds(Duration),
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
    /// The default account, and the position of that setting.
    pub(crate) default: Option<(String, Origin)>,
    pub(crate) accounts: BTreeMap<String, Settings>,
    pub(crate) sendmail: Sendmail,
    pub(crate) relay: Relay,
}

impl File {
    /// Reads `text`, which came from the file called `name`.
    ///
    /// # Errors
    ///
    /// Names line, column and key of text that is no TOML, an unknown key, or a value of the wrong type. Never shows a value,
    /// which may be a secret in the wrong place.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let reader = Reader::new(name, text);
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
                ("sendmail", DeValue::Table(table)) => {
                    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
                    file.sendmail = Sendmail::read(&reader, table, folder)?;
                }
                ("relay", DeValue::Table(table)) => {
                    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
                    file.relay = Relay::read(&reader, table, folder)?;
                }
                ("sendmail" | "relay", _) => return Err(Error::config(format!("{origin}: must be a table"))),
                ("accounts", _) => {
                    return Err(Error::config(format!("{origin}: must be a table of accounts")));
                }
                (name, _) => {
                    let hint = match table::nearest(name, TOP) {
                        _ if !matches!(table::place(name), Place::Unknown) => {
                            format!("{name} belongs into an account: [accounts.NAME]")
                        }
                        Some(near) => format!("did you mean {near}?"),
                        None => format!("known here: {}", TOP.join(", ")),
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

    /// Sets `path` from an environment variable, which replaces the value of a file.
    ///
    /// A secret from one source replaces the same secret from another.
    ///
    /// # Errors
    ///
    /// Names the variable if its value has the wrong type.
    pub(crate) fn set_variable(
        &mut self,
        path: &str,
        kind: Kind,
        variable: String,
        text: &str,
    ) -> Result<(), Error> {
        let of = |path: &str| table::secret_at(path).map(|row| row.path);
        let origin = Origin::Variable(variable);
        self.values.retain(|key, setting| {
            of(path).is_none() || of(key) != of(path) || matches!(setting.origin, Origin::Variable(_))
        });
        let value = Value::from_text(kind, text).map_err(|wrong| wrong.at(&origin))?;
        self.values.insert(path.into(), Setting { value, origin });
        Ok(())
    }

    /// Where `path` was set.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        self.values.get(path).map(|setting| &setting.origin)
    }

    /// The text or word at `path`.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.secret_text(path).map(|text| text.expose().clone())
    }

    /// The text at `path`, still as a secret.
    pub(crate) fn secret_text(&self, path: &str) -> Option<Secret> {
        match self.value(path)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The program and its arguments at `path`.
    pub(crate) fn command(&self, path: &str) -> Option<Vec<String>> {
        match self.value(path)? {
            Value::Texts(texts) => Some(texts.clone()),
            _ => None,
        }
    }

    /// The file name at `path`, as it stands.
    pub(crate) fn path(&self, path: &str) -> Option<PathBuf> {
        self.text(path).map(PathBuf::from)
    }

    /// The port number, or count, at `path`.
    pub(crate) fn port(&self, path: &str) -> Option<u16> {
        match self.value(path)? {
            Value::Port(port) => Some(*port),
            _ => None,
        }
    }

    /// The time in seconds at `path`.
    pub(crate) fn seconds(&self, path: &str) -> Option<Duration> {
        match self.value(path)? {
            Value::Seconds(seconds) => Some(*seconds),
            _ => None,
        }
    }

    fn value(&self, path: &str) -> Option<&Value> {
        debug_assert!(
            matches!(table::place(path), Place::Value(_) | Place::Secret),
            "{path} is not in the table of settings"
        );
        self.values.get(path).map(|setting| &setting.value)
    }

    /// The error for a setting at `path` that is wrong.
    pub(crate) fn wrong(&self, path: &str, problem: &str) -> Error {
        match self.origin(path) {
            Some(origin) => Error::config(format!("{origin}: {problem}")),
            None => Error::config(format!("{path}: {problem}")),
        }
    }
}

/// The keys at the top level.
const TOP: [&str; 4] = ["default", "accounts", "sendmail", "relay"];

/// A file that is being read.
pub(crate) struct Reader<'a> {
    name: &'a str,
    text: &'a [u8],
    /// Line and column of each [`STRIDE`]th octet. Each key has a place, and all may stand on one line.
    marks: Vec<(usize, usize)>,
}

/// How much of the text is looked at for a place.
const STRIDE: usize = 256;

impl<'a> Reader<'a> {
    fn new(name: &'a str, text: &'a str) -> Self {
        let text = text.as_bytes();
        let mut at = (1, 1);
        let mut marks = vec![at];
        for piece in text.chunks(STRIDE) {
            at = behind(at, piece);
            marks.push(at);
        }
        Self { name, text, marks }
    }

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

    /// Reads a table of an account. An unknown table is an error, so the depth is small.
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
            // A name with a dot would look like a path.
            let place = if name.contains('.') { Place::Unknown } else { table::place(&inner) };
            let value = match (place, value.get_ref()) {
                (Place::Unknown, _) => {
                    return Err(Error::config(format!("{origin}: no such key")).hint(table::hint(path, name)));
                }
                (Place::Table | Place::Secret, DeValue::Table(table)) => {
                    self.table(account, &inner, table, into)?;
                    continue;
                }
                (Place::Table, _) => return Err(Error::config(format!("{origin}: must be a table"))),
                (Place::Secret, DeValue::String(text)) => Value::from_text(Kind::Text, text),
                (Place::Secret, _) => Err(Wrong::because(SECRET)),
                (Place::Value(kind), value) => Value::from_toml(kind, value),
            };
            let value = value.map_err(|wrong| wrong.at(&origin))?;
            into.values.insert(inner, Setting { value, origin });
        }
        Ok(())
    }

    pub(crate) fn origin(&self, offset: usize, path: &str) -> Origin {
        Origin::File { place: self.place(offset), path: path.into() }
    }

    /// `FILE:LINE:COLUMN`, both from 1, the column in characters.
    fn place(&self, offset: usize) -> String {
        let (mark, before) = self.near(offset);
        let (line, column) = behind(mark, before);
        format!("{}:{line}:{column}", self.name)
    }

    /// The last mark at or before `offset`, and the octets between them.
    fn near(&self, offset: usize) -> ((usize, usize), &[u8]) {
        let offset = offset.min(self.text.len());
        let number = offset / STRIDE;
        let before = self.text.get(number.saturating_mul(STRIDE)..offset).unwrap_or_default();
        (self.marks.get(number).copied().unwrap_or((1, 1)), before)
    }
}

/// Line and column behind `octets`, which begin at `place`.
fn behind((line, column): (usize, usize), octets: &[u8]) -> (usize, usize) {
    octets.iter().fold((line, column), |(line, column), octet| match octet {
        b'\n' => (line.saturating_add(1), 1),
        // What follows the first octet of a character.
        0x80..=0xbf => (line, column),
        _ => (line, column.saturating_add(1)),
    })
}

impl Value {
    fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Self, Wrong> {
        match (kind, value) {
            (Kind::Port | Kind::Count, DeValue::Integer(integer)) if integer.radix() == 10 => {
                Self::from_text(kind, integer.as_str())
            }
            (Kind::Seconds, DeValue::Integer(integer)) if integer.radix() == 10 => {
                Self::from_text(kind, integer.as_str())
            }
            (Kind::Seconds, DeValue::Float(float)) => Self::from_text(kind, float.as_str()),
            (Kind::Command, DeValue::Array(array)) => {
                let text = |value: &toml::Spanned<DeValue<'_>>| value.get_ref().as_str().map(str::to_owned);
                let texts: Option<Vec<String>> = array.iter().map(text).collect();
                texts.filter(|texts| !texts.is_empty()).map(Self::Texts).ok_or_else(|| Wrong::kind(kind))
            }
            (Kind::Text | Kind::File | Kind::Word(_) | Kind::Provider, DeValue::String(text)) => {
                Self::from_text(kind, text)
            }
            _ => Err(Wrong::kind(kind)),
        }
    }

    fn from_text(kind: Kind, text: &str) -> Result<Self, Wrong> {
        match kind {
            Kind::Text | Kind::File if text.is_empty() => Err(Wrong::because("is empty")),
            Kind::Text | Kind::File => Ok(Self::Text(text.into())),
            Kind::Port | Kind::Count => {
                let port = text.parse::<NonZeroU16>().map_err(|_| Wrong::kind(kind))?;
                Ok(Self::Port(port.get()))
            }
            Kind::Seconds => {
                let seconds = text.parse::<f64>().ok();
                let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                seconds.filter(|time| !time.is_zero()).map(Self::Seconds).ok_or_else(|| Wrong::kind(kind))
            }
            Kind::Word(_) | Kind::Provider if kind.words().contains(&text) => Ok(Self::Text(text.into())),
            Kind::Provider if text.contains("germany") || text.ends_with("-de") => {
                // The provider is gone; the library's error says since when.
                let gone = text.parse::<mailbearer::Provider>().err().map(|error| error.to_string());
                Err(Wrong { hint: gone, ..Wrong::kind(kind) })
            }
            Kind::Word(_) | Kind::Provider => {
                let near = table::nearest(text, kind.words());
                Err(Wrong { hint: near.map(|near| format!("did you mean \"{near}\"?")), ..Wrong::kind(kind) })
            }
            Kind::Command => Err(Wrong::kind(kind)),
        }
    }
}

/// Why a value is refused.
struct Wrong {
    problem: String,
    hint: Option<String>,
}

impl Wrong {
    fn kind(kind: Kind) -> Self {
        Self::because(&format!("must be {}", kind.expected()))
    }

    fn because(problem: &str) -> Self {
        Self { problem: problem.into(), hint: None }
    }

    fn at(self, origin: &Origin) -> Error {
        Error { hint: self.hint, ..Error::config(format!("{origin}: {}", self.problem)) }
    }
}

const SECRET: &str = "must be a string, or { env = ... }, { file = ... }, { command = [...] }";

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
        assert_eq!(settings.text("user").as_deref(), Some("u"));
        assert_eq!(settings.port("imap.port"), Some(993));
        assert_eq!(settings.seconds("timeouts.read"), Some(Duration::from_millis(500)));
        assert_eq!(settings.command("oauth.client_secret.command").unwrap(), ["pass", "show"]);
        assert!(settings.has_table("imap") && !settings.has_table("smtp"));
        assert_eq!(settings.text("provider"), None);
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
        let rows = [
            ("user = 1", "user: must be a string"),
            ("user = ''", "user: is empty"),
            ("oauth.client_secret = ''", "oauth.client_secret: is empty"),
            ("oauth.client_secret.file = ''", "oauth.client_secret.file: is empty"),
            ("imap.port = 65536", "imap.port: must be a port number, 1 to 65535"),
            ("imap.port = 0", "imap.port: must be a port number, 1 to 65535"),
            ("imap.port = 0x10", "imap.port: must be a port number, 1 to 65535"),
            ("imap.port = '993'", "imap.port: must be a port number, 1 to 65535"),
            ("timeouts.read = 0", "timeouts.read: must be a number of seconds above 0"),
            ("timeouts.read = -1", "timeouts.read: must be a number of seconds above 0"),
            ("timeouts.read = nan", "timeouts.read: must be a number of seconds above 0"),
            ("timeouts.read = inf", "timeouts.read: must be a number of seconds above 0"),
            ("timeouts.read = '5'", "timeouts.read: must be a number of seconds above 0"),
            (
                "oauth.client_secret = 1",
                "oauth.client_secret: must be a string, or { env = ... }, { file = ... }, { command = [...] }",
            ),
            (
                "oauth.client_secret.command = 'pass'",
                "oauth.client_secret.command: must be a list of strings, the program first",
            ),
            (
                "oauth.client_secret.command = []",
                "oauth.client_secret.command: must be a list of strings, the program first",
            ),
            ("imap.tls = 'starttsl'", "imap.tls: must be one of \"implicit\", \"starttls\""),
        ];
        for (text, want) in rows {
            let error = parse(&format!("[accounts.a]\n{text}")).err().unwrap();
            assert_eq!(error.text, format!("c.toml:2:{}: accounts.a.{want}", column(text)), "{text}");
        }
        let error = parse("[accounts.a]\nimap.tls = 'starttsl'").err().unwrap();
        assert_eq!(error.hint.as_deref(), Some("did you mean \"starttls\"?"));
        let error = parse("[accounts.a]\nprovider = 'microsoft365-germany'").err().unwrap();
        assert!(error.hint.unwrap().contains("closed its German cloud"));
    }

    /// A place is found by a look at a stride of the text, however long the text and its lines are.
    #[test]
    fn a_place_is_that_of_the_whole_text() {
        for text in ["", "ü = 1\n", "\n\n", "a", &"x".repeat(STRIDE), "€\n", &"ü\n".repeat(90), "€€\n€"]
        {
            let text = text.repeat(7);
            let reader = Reader::new("f", &text);
            for offset in (0..=text.len()).filter(|offset| text.is_char_boundary(*offset)) {
                let before = &text[..offset];
                let last = before.rsplit('\n').next().unwrap().chars().count();
                let want = format!("f:{}:{}", before.split('\n').count(), last.saturating_add(1));
                assert_eq!(reader.place(offset), want, "{text:?} {offset}");
                assert!(reader.near(offset).1.len() < STRIDE, "{offset}");
            }
            assert_eq!(reader.place(usize::MAX), reader.place(text.len()));
        }
    }

    /// Where the last part of the key in `text` begins, from 1.
    fn column(text: &str) -> usize {
        let key = text.split(' ').next().unwrap();
        key.rsplit_once('.').map_or(1, |(table, _)| table.len().saturating_add(2))
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
        for (path, kind, variable, text) in [
            ("user", Kind::Text, "V", "w"),
            ("oauth.client_secret", Kind::Text, "S", "s"),
            ("imap.port", Kind::Port, "P", "99"),
        ] {
            settings.set_variable(path, kind, variable.into(), text).unwrap();
        }
        assert_eq!(settings.text("user").as_deref(), Some("w"));
        assert_eq!(settings.path("oauth.client_secret.file"), None);
        assert_eq!(settings.port("imap.port"), Some(99));
        assert_eq!(settings.origin("user"), Some(&Origin::Variable("V".into())));
        let wrong = settings.set_variable("imap.port", Kind::Port, "P".into(), "0x10");
        assert_eq!(wrong, Err(Error::config("P: must be a port number, 1 to 65535")));
    }
}

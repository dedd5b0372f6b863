use std::{ffi::OsString, fmt, path::PathBuf};

use mailbearer::proto::smtp::{DeliverBy, Notify, Returned};

use crate::named;

/// What `sendmail` was asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arguments {
    /// What to do.
    pub mode: Mode,
    /// `-f` or `-r`: the envelope's sender, without angle brackets; empty for `<>`.
    pub sender: Option<String>,
    /// `-F`: the name of the sender, for a message without From.
    pub name: Option<String>,
    /// `-t`: the recipients in the header count too.
    pub from_header: bool,
    /// Recipients, without angle brackets.
    pub recipients: Vec<String>,
    /// `-N`: when to report.
    pub notify: Option<Notify>,
    /// `-R`: how much of the message a report repeats.
    pub returned: Option<Returned>,
    /// `-V`: a name for the message, which reports repeat.
    pub envelope_id: Option<String>,
    /// `-O DeliverBy=SECONDS;MODE`: how long delivery may take.
    pub deliver_by: Option<DeliverBy>,
    /// `--queue`: put the message into the queue, to be sent later.
    pub queue: bool,
    /// `--spool`: the folder of the queue.
    pub spool: Option<PathBuf>,
    /// `--aliases`: the file of aliases for local names.
    pub aliases: Option<PathBuf>,
    /// `--account` or `-a`: the account to send by.
    pub account: Option<String>,
    /// `--config` or `-C`: the configuration file.
    pub config: Option<PathBuf>,
    /// `--json`: errors as objects.
    pub json: bool,
    /// `--trace` or `-v`: show the conversation.
    pub trace: bool,
}

/// What `sendmail` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Sends the message on standard input (`-bm`).
    #[default]
    Deliver,
    /// Speaks SMTP on standard input and output (`-bs`).
    Smtp,
    /// Shows the addresses to which a message would go, and sends nothing (`-bv`).
    Verify,
    /// Lists the queue (`-bp`).
    List,
    /// Tries to send what is due in the queue (`-q`).
    Run,
    /// Does nothing (`-bi`): there is no database of aliases to build.
    Nothing,
    /// Prints help (`--help`).
    Help,
}

/// Why the arguments were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentError(String);

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArgumentError {}

impl Arguments {
    /// Reads the arguments after the program's name, by the rules of getopt: options stand before the recipients, several options
    /// without a value may share a `-`, and a value follows at once or is the next word.
    ///
    /// # Errors
    ///
    /// Fails for an unknown option, a missing or invalid value, an address or a name with control characters, an argument that is
    /// not UTF-8, and for a recipient that begins with `-` unless `--` stands before it.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ArgumentError> {
        let mut parsed = Self::default();
        let mut words = arguments.into_iter().map(text);
        let mut is_plain = false;
        while let Some(word) = words.next() {
            let word = word?;
            if is_plain {
                parsed.recipient(&word)?;
            } else if word == "--" {
                is_plain = true;
            } else if let Some(option) = word.strip_prefix("--") {
                parsed.long(option, &mut words)?;
            } else if let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
                parsed.cluster(cluster, &mut words)?;
            } else {
                parsed.recipient(&word)?;
                // What begins with a hyphen from here on was to be an address, or was slipped in as one.
                for word in words.by_ref() {
                    let word = word?;
                    if word == "--" && !is_plain {
                        is_plain = true;
                    } else if word.starts_with('-') && !is_plain {
                        return Err(wrong(format!(
                            "{word:?} stands behind a recipient; options stand before them"
                        )));
                    } else {
                        parsed.recipient(&word)?;
                    }
                }
            }
        }
        Ok(parsed)
    }

    fn recipient(&mut self, word: &str) -> Result<(), ArgumentError> {
        // Old programs hand over a list in one word.
        for address in split_list(word) {
            self.recipients.push(bare(address, "the recipient")?);
        }
        Ok(())
    }

    fn long(&mut self, option: &str, words: &mut Words<'_>) -> Result<(), ArgumentError> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let flag = |value: &Option<String>| match value {
            None => Ok(true),
            Some(_) => Err(wrong(format!("--{name} takes no value"))),
        };
        let mut text = || match value.clone() {
            Some(value) => Ok(value),
            None => words.next().unwrap_or_else(|| Err(wrong(format!("--{name} wants a value")))),
        };
        match name {
            "queue" => self.queue = flag(&value)?,
            "json" => self.json = flag(&value)?,
            "trace" => self.trace = flag(&value)?,
            "read-recipients" => self.from_header = flag(&value)?,
            "help" => {
                flag(&value)?;
                self.mode = Mode::Help;
            }
            "spool" => self.spool = Some(text()?.into()),
            "aliases" => self.aliases = Some(text()?.into()),
            "config" => self.config = Some(text()?.into()),
            "account" => self.account = Some(text()?),
            _ => return Err(wrong(format!("there is no option {}", named(&format!("--{name}"))))),
        }
        Ok(())
    }

    fn cluster(&mut self, cluster: &str, words: &mut Words<'_>) -> Result<(), ArgumentError> {
        let mut rest = cluster;
        while let Some(option) = rest.chars().next() {
            rest = rest.get(option.len_utf8()..).unwrap_or_default();
            if FLAGS.contains(option) {
                match option {
                    't' => self.from_header = true,
                    'v' => self.trace = true,
                    'I' => self.mode = Mode::Nothing,
                    _ => {}
                }
                continue;
            }
            if ATTACHED.contains(option) {
                if option == 'q' {
                    self.mode = Mode::Run;
                }
                return Ok(());
            }
            if option == 'P' || option == 'S' {
                return Err(wrong(format!(
                    "-{option} is not supported; -bv shows the recipients without sending"
                )));
            }
            if !VALUES.contains(option) {
                return Err(wrong(format!("there is no option {}", named(&format!("-{option}")))));
            }
            let value = match rest {
                "" => words.next().unwrap_or_else(|| Err(wrong(format!("-{option} wants a value"))))?,
                value => value.to_owned(),
            };
            if option == 'o' && APART.contains(&value.as_str()) {
                // Its value is no recipient.
                words.next().unwrap_or_else(|| Err(wrong(format!("-o{value} wants a value"))))?;
            }
            return self.value(option, value);
        }
        Ok(())
    }

    fn value(&mut self, option: char, value: String) -> Result<(), ArgumentError> {
        match option {
            'f' | 'r' => self.sender = Some(bare(&value, &format!("the address of -{option}"))?),
            'F' => {
                if value.chars().any(char::is_control) {
                    return Err(wrong(format!("the name of -F holds a control character: {value:?}")));
                }
                self.name = Some(value);
            }
            'a' => self.account = Some(value),
            'C' => self.config = Some(value.into()),
            'b' => {
                self.mode = match value.as_str() {
                    "m" => Mode::Deliver,
                    "s" => Mode::Smtp,
                    "v" => Mode::Verify,
                    "p" => Mode::List,
                    "i" => Mode::Nothing,
                    _ => return Err(wrong(format!("{} is not done here", named(&format!("-b{value}"))))),
                }
            }
            'N' => self.notify = Some(notify(&value)?),
            'R' => {
                self.returned = Some(match value.to_ascii_lowercase().as_str() {
                    "full" => Returned::Full,
                    "hdrs" => Returned::Header,
                    _ => return Err(wrong(format!("-R {value:?} is neither full nor hdrs"))),
                });
            }
            'V' => {
                let is_id = !value.is_empty()
                    && value.len() <= 100
                    && value.bytes().all(|one| (b' '..=b'~').contains(&one));
                if !is_id {
                    return Err(wrong(format!("-V {value:?} is not 1 to 100 characters of ASCII")));
                }
                self.envelope_id = Some(value);
            }
            'O' | 'o' => self.setting(&value)?,
            'B' if !["7BIT", "8BITMIME"].contains(&value.to_ascii_uppercase().as_str()) => {
                return Err(wrong(format!("-B {value:?} is neither 7BIT nor 8BITMIME")));
            }
            // What a body is, is seen from it; log files, hops, tags and queue ids are of other programs.
            _ => {}
        }
        Ok(())
    }

    /// `-O name=value`. Most are about what other programs do.
    fn setting(&mut self, setting: &str) -> Result<(), ArgumentError> {
        let Some((name, value)) = setting.split_once('=') else { return Ok(()) };
        if !name.trim().eq_ignore_ascii_case("DeliverBy") {
            return Ok(());
        }
        let (seconds, mode) = value.trim().split_once(';').unwrap_or((value.trim(), "N"));
        let parsed = seconds.parse().ok().zip(match mode.to_ascii_uppercase().as_str() {
            "R" => Some(true),
            "N" => Some(false),
            _ => None,
        });
        let (seconds, give_up) =
            parsed.ok_or_else(|| wrong(format!("DeliverBy={value:?} is not SECONDS;R or SECONDS;N")))?;
        self.deliver_by = Some(DeliverBy::new(seconds, give_up));
        Ok(())
    }
}

type Words<'w> = dyn Iterator<Item = Result<String, ArgumentError>> + 'w;

/// An address without its angle brackets.
fn bare(address: &str, what: &str) -> Result<String, ArgumentError> {
    if address.chars().any(char::is_control) {
        return Err(wrong(format!("{what} holds a control character: {address:?}")));
    }
    let address = address.trim();
    // `Name <address>` too, as mail programs hand it over.
    let inner =
        address.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')).map(|(_, inner)| inner.trim());
    Ok(inner.unwrap_or(address).to_owned())
}

/// Splits at commas outside quotes.
fn split_list(word: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = word.split(|character| {
        let was_escaped = std::mem::take(&mut escaped);
        match character {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            ',' => return !quoted,
            _ => {}
        }
        false
    });
    parts.filter(|part| !part.trim().is_empty()).collect()
}

fn notify(value: &str) -> Result<Notify, ArgumentError> {
    let mut notify = Notify::default();
    for word in value.split(',').map(str::trim) {
        match word.to_ascii_lowercase().as_str() {
            "never" if value.trim().eq_ignore_ascii_case("never") => {}
            "success" => notify.success = true,
            "failure" => notify.failure = true,
            "delay" => notify.delay = true,
            _ => {
                return Err(wrong(format!(
                    "-N {value:?} is neither never nor of success, failure and delay"
                )));
            }
        }
    }
    Ok(notify)
}

fn text(word: OsString) -> Result<String, ArgumentError> {
    word.into_string().map_err(|word| wrong(format!("the argument {word:?} is not UTF-8")))
}

fn wrong(text: String) -> ArgumentError {
    ArgumentError(text)
}

/// Options without a value.
const FLAGS: &str = "GimntUvIx";
/// Options whose value, if any, follows at once.
const ATTACHED: &str = "dqQ";
/// Options with a value.
const VALUES: &str = "AaBbCDeFfhLMNOopRrTVX";
/// Values of `-o` that take a word more, as Exim reads them.
const APART: [&str; 10] = ["Ma", "Maa", "Mai", "Mas", "Mi", "Mm", "Mr", "Ms", "Mt", "X"];

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;

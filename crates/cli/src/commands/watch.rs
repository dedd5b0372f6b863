use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::tz::TimeZone;
use mailbearer::{Kind, News, Position, WatchOptions, proto::wire::printable};
use mailbearer_bridge::named;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::{
    cli::{GlobalArgs, WatchArgs},
    error::Error,
    exit::Exit,
    output::{self, Output},
    partial::read_own,
    row,
    session::Session,
    value,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &WatchArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.folder)?;
    let session = Session::open(global, true)?;
    let user = &session.client.account().user;
    let mut state = match &arguments.state {
        Some(file) => Some(State::open(file, user, &arguments.folder)?),
        None => None,
    };
    let mut options = WatchOptions::default();
    (options.flags, options.retry) = (arguments.all, arguments.retry);
    let position = state.as_ref().and_then(|state| state.position.clone());
    let mut watcher = session.with_token(|client| match position {
        Some(position) => client.resume_watch(&arguments.folder, options, position),
        None => client.watch_with(&arguments.folder, options),
    })?;
    output::notice(format_args!("watching {} of {}", printable(&arguments.folder), printable(user)));
    let zone = value::zone();
    let mut interruptions = Interruptions::default();
    loop {
        if let Some(state) = &mut state {
            state.keep(watcher.position())?;
        }
        let news = watcher.next()?;
        match &news {
            News::Interrupted { error, retry_in } => {
                let is_broken = error.kind() == Kind::Protocol;
                if let Some(warning) = interruptions.warning(&error.to_string(), is_broken, *retry_in) {
                    output::warning(&warning);
                }
            }
            News::Renumbered { .. } => {
                output::warning("the server renumbered this folder: known UIDs are no longer valid")
            }
            News::Arrived(summary) if summary.incomplete => output::warning(&row::incomplete(summary)),
            _ => {}
        }
        if out.is_json() {
            if let Some(object) = object(news, arguments.all) {
                out.json(&object)?;
            }
        } else if let Some(line) = line(news, arguments.all, &zone, out.width()) {
            out.line(&line)?;
        }
    }
}

/// What was said of broken connections.
#[derive(Default)]
struct Interruptions {
    told: String,
}

impl Interruptions {
    /// What to say of an interruption. One that the first attempt mends is not reported: connections break, and tokens end
    /// each hour. A line that can't be read is, but once, as a server may send it in each session.
    fn warning(&mut self, error: &str, is_broken: bool, retry_in: Duration) -> Option<String> {
        if !retry_in.is_zero() {
            let seconds = retry_in.as_secs().saturating_add(1);
            return Some(format!("{error}; connecting again in {seconds} s"));
        }
        if !is_broken || self.told == error {
            return None;
        }
        error.clone_into(&mut self.told);
        Some(format!("{error}; connecting again"))
    }
}

/// The file that keeps the position up to which messages were printed.
struct State {
    file: PathBuf,
    /// The account and the folder, as the first lines of the file name them.
    of: String,
    position: Option<Position>,
}

impl State {
    /// Reads the file if it exists.
    fn open(file: &Path, user: &str, folder: &str) -> Result<Self, Error> {
        let of = format!("account {}\nfolder {}\n", printable(user), printable(folder));
        let text = match read_own(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Ok(octets) => Some(String::from_utf8_lossy(&octets).into_owned()),
            Err(error) => return Err(Error::input("the state", file, &error)),
        };
        let position = match text.as_deref().map(|text| (text, text.strip_prefix(of.as_str()))) {
            None => None,
            Some((_, Some(position))) => {
                Some(position.parse().map_err(|error| Error::damaged(file, error).hint(BEGIN_AGAIN))?)
            }
            Some((text, None)) if is_begun(text) => {
                let text = format!("{} is the state of another folder", named(file));
                return Err(Error::new(Exit::CantCreate, text)
                    .hint("each account and folder wants a file of its own"));
            }
            Some((_, None)) => {
                return Err(Error::damaged(file, "it is no state of a watch").hint(BEGIN_AGAIN));
            }
        };
        Ok(Self { file: file.to_owned(), of, position })
    }

    /// Writes the position if it changed. A crash leaves the old file or the new one.
    fn keep(&mut self, position: Option<&Position>) -> Result<(), Error> {
        let Some(position) = position.filter(|position| self.position.as_ref() != Some(*position)) else {
            return Ok(());
        };
        let cannot = |error: io::Error| Error::output("write", &self.file, &error);
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut new = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(cannot)?;
        writeln!(new, "{}{position}", self.of).map_err(cannot)?;
        new.as_file().sync_data().map_err(cannot)?;
        new.persist(&self.file).map_err(|error| cannot(error.error))?;
        self.position = Some(position.clone());
        Ok(())
    }
}

const BEGIN_AGAIN: &str = "remove the file to begin with the messages that come from now on";

/// Whether it begins as the state of some folder does.
fn is_begun(text: &str) -> bool {
    let mut lines = text.lines();
    let mut names = |what: &str| lines.next().is_some_and(|line| line.starts_with(what));
    names("account ") && names("folder ")
}

/// The object for a piece of news. With `--all` it also says what happened.
fn object(news: News, all: bool) -> Option<serde_json::Value> {
    Some(match news {
        News::Arrived(summary) => {
            let mut object = row::object(&summary);
            if all && let Some(fields) = object.as_object_mut() {
                fields.insert("event".into(), "arrived".into());
            }
            object
        }
        News::Flags { uid, flags } if all => {
            let flags: Vec<_> = flags.iter().map(ToString::to_string).collect();
            json!({ "event": "flags", "uid": uid, "flags": flags })
        }
        News::Expunged { uid } if all => json!({ "event": "expunged", "uid": uid }),
        News::Renumbered { uid_validity } if all => {
            json!({ "event": "renumbered", "uid_validity": uid_validity })
        }
        _ => return None,
    })
}

fn line(news: News, all: bool, zone: &TimeZone, width: Option<usize>) -> Option<String> {
    Some(match news {
        News::Arrived(summary) => row::line(&summary, zone, width),
        News::Flags { uid, flags } if all => {
            let flags: Vec<_> = flags.iter().map(ToString::to_string).collect();
            format!("{uid:>7}  flags     {}", flags.join(" ")).trim_end().to_owned()
        }
        News::Expunged { uid } if all => format!("{uid:>7}  expunged"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A watch that connects again says why once, and each time that it has to wait.
    #[test]
    fn a_line_that_can_not_be_read_is_told_once() {
        let mut interruptions = Interruptions::default();
        let mut say = |error, is_broken, seconds| {
            interruptions.warning(error, is_broken, Duration::from_secs(seconds)).unwrap_or_default()
        };
        assert_eq!(say("reset", false, 0), "");
        assert_eq!(say("junk", true, 0), "junk; connecting again");
        assert_eq!(say("junk", true, 0), "");
        assert_eq!(say("reset", false, 4), "reset; connecting again in 5 s");
        assert_eq!(say("junk", true, 0), "");
        assert_eq!(say("junk", true, 7), "junk; connecting again in 8 s");
        assert_eq!(say("other junk", true, 0), "other junk; connecting again");
    }

    #[test]
    fn the_state_is_of_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        let mut state = State::open(&file, "ann@x", "INBOX").unwrap();
        assert_eq!(state.position, None);
        state.keep(None).unwrap();
        assert!(!file.exists(), "nothing is known yet");
        let position: Position = "uidvalidity=7 next=12 told=".parse().unwrap();
        state.keep(Some(&position)).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, "account ann@x\nfolder INBOX\nuidvalidity=7 next=12 told=\n");
        assert_eq!(State::open(&file, "ann@x", "INBOX").unwrap().position, Some(position));
        for (user, name) in [("bob@x", "INBOX"), ("ann@x", "Other")] {
            let other = State::open(&file, user, name).err().unwrap();
            assert_eq!(other.exit, Exit::CantCreate, "{user} {name}");
        }
        for text in ["account ann@x\nfolder INBOX\nx\n", "account ann@x\n", "folder INBOX\n", ""] {
            fs::write(&file, text).unwrap();
            let damaged = State::open(&file, "ann@x", "INBOX").err().unwrap();
            assert_eq!(damaged.exit, Exit::Data, "{text}");
        }
    }
}

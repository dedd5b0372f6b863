//! `fetch FOLDER SET --maildir DIR | --mbox FILE | --directory DIR`: fetches many messages, each only once over all runs.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use mailbearer::{
    Account, Blocking, Examined, Fetched, Imap, MessagePiece, UidSet,
    proto::imap::{FetchItem, Flag, Item, LiteralItem, Section},
};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::{
    archive::{Archive, Body, Directory, Maildir, Mbox, Meta, Origin, temporary},
    cli::{FetchArgs, GlobalArgs},
    error::Error,
    exit::Exit,
    output::Output,
    progress::Progress,
};

/// Fetches the messages that are not in the archive yet.
///
/// # Errors
///
/// Fails if a message that was asked for does not exist, after it fetched all others.
pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &FetchArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::with_client(global, &[&arguments.folder], |account, imap| {
        let (count, had) = fetch(account, imap, arguments, global.shows_trace(), out)?;
        if out.is_json() {
            return out.json(&json!({ "folder": arguments.folder, "fetched": count, "had": had }));
        }
        let had = if had > 0 { format!(", {had} were there") } else { String::new() };
        out.line(&format!("{count} messages fetched{had}"))
    })
}

fn fetch(
    account: &Account,
    imap: &mut Imap<Blocking>,
    arguments: &FetchArgs,
    quiet: bool,
    out: &mut Output<impl Write>,
) -> Result<(u64, u64), Error> {
    let mut folder = imap.examine(&arguments.folder)?;
    let uid_validity = folder.opened().uid_validity.ok_or_else(|| {
        Error::new(Exit::Protocol, "the server does not say for how long its UIDs hold (UIDVALIDITY)")
    })?;
    let origin = Origin {
        user: account.user.clone(),
        server: account.imap.as_ref().map(|server| server.host.clone()).unwrap_or_default(),
        folder: arguments.folder.clone(),
        uid_validity,
    };
    let mut archive = open(arguments, origin)?;
    let mut present = arguments.uid.set().look_up(&mut folder)?;
    let wanted = present.all().difference(archive.has());
    let had = present.all().count().saturating_sub(wanted.count());
    let mut many = Many::new(&mut *archive, wanted.count(), quiet);
    let done = many.fetch(&mut folder, wanted.clone());
    let finished = many.finish(done.is_ok());
    let (count, got) = (many.got.count(), std::mem::take(&mut many.got));
    drop(many);
    done.and(finished)?;
    present.lost(&wanted, &got);
    let told = (count, had);
    match present.finish("fetched") {
        Ok(()) => Ok(told),
        Err(error) => {
            out.flush()?;
            Err(error)
        }
    }
}

fn open(arguments: &FetchArgs, origin: Origin) -> Result<Box<dyn Archive>, Error> {
    Ok(match (&arguments.maildir, &arguments.mbox, &arguments.directory) {
        (Some(folder), ..) => Box::new(Maildir::open(folder, origin)?),
        (_, Some(file), _) => Box::new(Mbox::open(file, origin)?),
        (.., Some(folder)) => Box::new(Directory::open(folder, origin)?),
        _ => return Err(Error::usage("a set of messages needs --maildir, --mbox or --directory")),
    })
}

/// Messages on their way into an archive.
struct Many<'a> {
    archive: &'a mut dyn Archive,
    got: UidSet,
    /// The message that comes in pieces now.
    large: Option<Large>,
    /// Messages and octets since the last commit.
    messages: usize,
    octets: usize,
    bar: Option<ProgressBar>,
}

struct Large {
    file: NamedTempFile,
    lines: LfEnds,
}

impl<'a> Many<'a> {
    fn new(archive: &'a mut dyn Archive, count: u64, quiet: bool) -> Self {
        let bar = (count >= LONG && Progress::is_seen(quiet)).then(|| bar(count));
        Self { archive, got: UidSet::new(), large: None, messages: 0, octets: 0, bar }
    }

    fn fetch(&mut self, folder: &mut Examined<'_, Blocking>, uids: UidSet) -> Result<(), Error> {
        let body = FetchItem::Section { section: Section::WHOLE, partial: None, peek: true };
        let items = vec![FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, body];
        let mut messages = folder.messages(uids, items)?;
        while let Some(piece) = messages.next_piece()? {
            match piece {
                MessagePiece::Large(of) if is_whole(&of.item) => {
                    let file = temporary(self.archive.spool()).map_err(|error| cannot(&error))?;
                    self.large = Some(Large { file, lines: LfEnds::default() });
                }
                MessagePiece::Octets(octets) => self.add_octets(&octets).map_err(|error| cannot(&error))?,
                MessagePiece::Message(fetched) => self.add(&fetched)?,
                MessagePiece::Large(_) | MessagePiece::Discard | _ => self.large = None,
            }
        }
        Ok(())
    }

    fn add_octets(&mut self, octets: &[u8]) -> io::Result<()> {
        let Some(large) = &mut self.large else { return Ok(()) };
        self.octets = self.octets.saturating_add(octets.len());
        if !self.archive.has_lf() {
            return large.file.as_file_mut().write_all(octets);
        }
        let mut converted = Vec::with_capacity(octets.len());
        large.lines.convert(octets, &mut converted);
        large.file.as_file_mut().write_all(&converted)
    }

    fn add(&mut self, fetched: &Fetched) -> Result<(), Error> {
        let large = self.large.take();
        let items = fetched.items();
        let mut meta = Meta { uid: fetched.uid(), ..Meta::default() };
        let mut held = None;
        for item in &items {
            match item {
                Item::Flags(flags) => meta.flags = letters(flags.iter()),
                Item::InternalDate(date) => meta.arrived = time(date.unix_seconds()),
                Item::Body { data: Some(data), section, .. } if *section == Section::WHOLE => {
                    held = Some(data)
                }
                _ => {}
            }
        }
        // A message may come twice, and without its octets if only its flags changed.
        if self.got.contains(meta.uid) {
            return Ok(());
        }
        let converted;
        let body = match (large, held) {
            (Some(mut large), _) => {
                let mut rest = Vec::new();
                large.lines.finish(&mut rest);
                large.file.as_file_mut().write_all(&rest).map_err(|error| cannot(&error))?;
                Body::File(large.file)
            }
            (None, Some(data)) if self.archive.has_lf() => {
                converted = with_lf(data);
                Body::Octets(&converted)
            }
            (None, Some(data)) => Body::Octets(data),
            (None, None) => return Ok(()),
        };
        if let Body::Octets(octets) = &body {
            self.octets = self.octets.saturating_add(octets.len());
        }
        self.archive.add(&meta, body).map_err(|error| cannot(&error))?;
        self.got.insert(meta.uid);
        self.messages = self.messages.saturating_add(1);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if self.messages >= WINDOW_MESSAGES || self.octets >= WINDOW_OCTETS {
            (self.messages, self.octets) = (0, 0);
            self.archive.begin_commit().map_err(|error| cannot(&error))?;
        }
        Ok(())
    }

    /// Keeps the messages that came, also if the rest did not.
    fn finish(&mut self, is_whole: bool) -> Result<(), Error> {
        let done = if is_whole { self.archive.finish() } else { self.archive.commit() };
        done.map_err(|error| cannot(&error))
    }
}

fn is_whole(item: &LiteralItem) -> bool {
    matches!(item, LiteralItem::Body { section, origin: None } if *section == Section::WHOLE)
}

fn letters<'f>(flags: impl Iterator<Item = Flag<'f>>) -> String {
    let letter = |flag| match flag {
        Flag::Draft => Some('D'),
        Flag::Flagged => Some('F'),
        Flag::Answered => Some('R'),
        Flag::Seen => Some('S'),
        Flag::Deleted => Some('T'),
        _ => None,
    };
    let mut letters: Vec<char> = flags.filter_map(letter).collect();
    letters.sort_unstable();
    letters.dedup();
    letters.into_iter().collect()
}

fn time(unix_seconds: i64) -> Option<SystemTime> {
    let seconds = Duration::from_secs(u64::try_from(unix_seconds).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds)
}

/// A whole message, with its CRLF made LF.
fn with_lf(message: &[u8]) -> Vec<u8> {
    let (mut out, mut lines) = (Vec::with_capacity(message.len()), LfEnds::default());
    lines.convert(message, &mut out);
    lines.finish(&mut out);
    out
}

/// Makes each CRLF an LF, in pieces cut anywhere. A single CR stays.
#[derive(Default)]
struct LfEnds {
    after_cr: bool,
}

impl LfEnds {
    fn convert(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        if self.after_cr && !octets.is_empty() {
            self.after_cr = false;
            if octets.first() != Some(&b'\n') {
                out.push(b'\r');
            }
        }
        if let Some(before) = octets.strip_suffix(b"\r") {
            (octets, self.after_cr) = (before, true);
        }
        // Line by line: a search at memory speed, and a copy.
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            match line.strip_suffix(b"\r\n") {
                Some(line) => {
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                None => out.extend_from_slice(line),
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.after_cr) {
            out.push(b'\r');
        }
    }
}

fn cannot(error: &io::Error) -> Error {
    Error::new(Exit::Io, format!("cannot write the messages: {error}"))
}

fn bar(count: u64) -> ProgressBar {
    let style = "{bar:30} {pos} of {len} messages  {per_sec}  {eta} left";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr())
        .with_style(style)
        .with_finish(ProgressFinish::AndClear)
}

/// Messages from which on there is a bar.
const LONG: u64 = 100;
/// How much is synced to the disk at a time. If the program is killed, at most this much is fetched again.
const WINDOW_MESSAGES: usize = 1000;
const WINDOW_OCTETS: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_lf_however_the_message_is_cut() {
        for (message, want) in [
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\nb", "a\nb"),
            ("\r\r\n\r", "\r\n\r"),
            ("a\rb\r\r\n", "a\rb\r\n"),
            ("\r\n", "\n"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(with_lf(message.as_bytes())).unwrap(), want, "{message:?}");
            for size in 1..=message.len() {
                let (mut lines, mut out) = (LfEnds::default(), Vec::new());
                message.as_bytes().chunks(size).for_each(|piece| lines.convert(piece, &mut out));
                lines.finish(&mut out);
                assert_eq!(String::from_utf8(out).unwrap(), want, "{message:?}, {size} at a time");
            }
        }
    }

    #[test]
    fn flags_are_letters_in_order() {
        let flags =
            [Flag::Seen, Flag::Flagged, Flag::Recent, Flag::Draft, Flag::Seen, Flag::Answered, Flag::Deleted];
        assert_eq!(letters(flags.into_iter()), "DFRST");
    }
}

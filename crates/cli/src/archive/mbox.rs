use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use jiff::{Timestamp, tz::TimeZone};
use mailbearer::UidSet;
use mailbearer_bridge::named;

use super::{
    Archive, Body, Meta, Origin, after_a_failure, cannot,
    state::{State, Written},
};
use crate::{error::Error, exit::Exit};

/// An mbox file of the kind `mboxrd` (RFC 4155 and its appendix): before each message stands a line `From `, behind it an
/// empty line. A line of a message that begins with `From `, or with any number of `>` and `From `, gets one more `>`.
///
/// The file `NAME.mailbearer` beside it says which messages it holds and up to where it is complete. If a run is killed, the
/// next one cuts off what stands behind that.
pub(crate) struct Mbox {
    file: BufWriter<File>,
    spool: PathBuf,
    state: State,
    octets: u64,
    has: UidSet,
    added: UidSet,
    /// Whether anything could not be written. This sticks: half a message may stand in the file, or one that is not on the disk.
    has_failed: bool,
}

impl Mbox {
    pub(crate) fn open(path: &Path, origin: Origin) -> Result<Self, Error> {
        let failed = |error: io::Error| cannot(path, &error);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name
            .ok_or_else(|| Error::usage(format!("--mbox {path:?}: a file with a name in UTF-8 is wanted")))?;
        let mut state = State::open(folder, &format!("{name}.mailbearer"), origin)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        // Without a state, or with one of a run that ended, somebody else wrote what follows.
        let may_cut = state.mbox.as_ref().is_some_and(|written| !written.whole);
        let written = state.mbox.take().unwrap_or_default();
        if length < written.octets || length > written.octets && !may_cut {
            let text = format!("{} has other messages in it, or was changed by another program", named(path));
            return Err(Error::new(Exit::CantCreate, text).hint("give another file"));
        }
        let Written { octets, uids, .. } = written;
        state.mbox = Some(Written { octets, uids: uids.clone(), whole: false });
        // Saved before the first octet: everything behind this place is ours from now on, and may be cut off.
        state.save().map_err(failed)?;
        file.set_len(octets).and_then(|()| file.seek(SeekFrom::Start(octets))).map_err(failed)?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Self {
            file,
            spool: folder.to_owned(),
            state,
            octets,
            has: uids,
            added: UidSet::new(),
            has_failed: false,
        })
    }

    /// Does what writes, if nothing failed before.
    fn unless_failed(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        if self.has_failed {
            return Err(after_a_failure());
        }
        let done = write(self);
        self.has_failed = done.is_err();
        done
    }

    fn write(&mut self, message: &Meta, body: Body<'_>) -> io::Result<()> {
        let arrived = message.arrived.unwrap_or(SystemTime::UNIX_EPOCH);
        let arrived =
            Timestamp::try_from(arrived).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(TimeZone::UTC);
        writeln!(self.file, "From MAILER-DAEMON {}", arrived.strftime("%a %b %e %H:%M:%S %Y"))?;
        match body {
            Body::Octets(octets) => quote(octets, &mut self.file)?,
            Body::File(mut file) => {
                file.as_file_mut().seek(SeekFrom::Start(0))?;
                quote(BufReader::new(file.as_file_mut()), &mut self.file)?;
            }
        }
        self.file.write_all(b"\n")?;
        self.added.insert(message.uid);
        Ok(())
    }

    fn save(&mut self, whole: bool) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_data()?;
        self.octets = self.file.stream_position()?;
        let uids = self.has.union(&self.added);
        self.state.mbox = Some(Written { octets: self.octets, uids, whole });
        self.state.save()
    }
}

impl Archive for Mbox {
    fn has(&self) -> &UidSet {
        &self.has
    }

    fn spool(&self) -> &Path {
        &self.spool
    }

    fn has_lf(&self) -> bool {
        true
    }

    fn add(&mut self, message: &Meta, body: Body<'_>) -> io::Result<()> {
        self.unless_failed(|own| own.write(message, body))
    }

    fn commit(&mut self) -> io::Result<()> {
        self.unless_failed(|own| own.save(false))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.unless_failed(|own| own.save(true))
    }
}

/// Copies a message, and adds the line end if its last line has none.
fn quote(mut from: impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut at_start = true;
    loop {
        let mut line = Vec::new();
        // Lines may have any length, so this reads them in pieces.
        let count = io::Read::take(&mut from, PIECE).read_until(b'\n', &mut line)?;
        if count == 0 {
            return if at_start { Ok(()) } else { to.write_all(b"\n") };
        }
        let unquoted = line.iter().position(|octet| *octet != b'>').unwrap_or_default();
        if at_start && line.get(unquoted..).is_some_and(|line| line.starts_with(b"From ")) {
            to.write_all(b">")?;
        }
        to.write_all(&line)?;
        at_start = line.ends_with(b"\n");
    }
}

/// The longest piece of a line that is read at once. A line with more `>` than that is never taken for one with `From `.
const PIECE: u64 = 64 << 10;
const BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::NamedTempFile;

    use super::*;

    #[test]
    fn lines_that_look_like_the_next_message_are_quoted() {
        for (message, want) in [
            ("", ""),
            ("a", "a\n"),
            ("From: x\n\nFrom y\n", "From: x\n\n>From y\n"),
            (">From y\n>>From z\n> From\n>", ">>From y\n>>>From z\n> From\n>\n"),
            ("From ", ">From \n"),
        ] {
            let mut out = Vec::new();
            quote(message.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), want, "{message:?}");
        }
    }

    #[test]
    fn after_a_message_that_failed_none_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("box");
        let open = || {
            let (user, server, inbox) = ("ann@x".into(), "x".into(), "INBOX".into());
            Mbox::open(&path, Origin { user, server, folder: inbox, uid_validity: 1 }).unwrap()
        };
        let of = |uid| Meta { uid, ..Meta::default() };
        let mut mbox = open();
        mbox.add(&of(1), Body::Octets(b"good\n")).unwrap();
        mbox.commit().unwrap();
        let good = fs::read(&path).unwrap();
        // A file that can't be read fails behind the line `From `.
        let unreadable = folder.path().join("large");
        let file = File::create(&unreadable).unwrap();
        let body = Body::File(NamedTempFile::from_parts(
            file,
            tempfile::TempPath::try_from_path(unreadable).unwrap(),
        ));
        mbox.add(&of(2), body).unwrap_err();
        assert!(mbox.add(&of(3), Body::Octets(b"later\n")).is_err());
        assert!(mbox.commit().is_err() && mbox.finish().is_err());
        drop(mbox);
        let again = open();
        assert!(again.has().contains(1) && !again.has().contains(3));
        assert_eq!(fs::read(&path).unwrap(), good, "what stands behind it is cut off");
    }
}

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use mailbearer::{Envelope, proto::mime::LineEnds};

use super::{
    Error, Place, Spool,
    file::{ENVELOPE, Head, envelope_line, octets},
    folder::{DROP, TMP, open_private, sync_folder},
};

/// Writes a message into the spool. If this is dropped before [`commit`](Self::commit), the message is discarded.
#[derive(Debug)]
#[must_use = "a message is taken when it is committed"]
pub struct Writer {
    spool: Spool,
    id: String,
    temporary: PathBuf,
    file: BufWriter<File>,
    head: Head,
    ends: LineEnds,
    /// Octets that may be written before the disk is looked at again.
    room: u64,
    is_whole: bool,
}

impl Writer {
    pub(crate) fn begin(spool: &Spool, envelope: &Envelope, account: Option<&str>) -> Result<Self, Error> {
        if envelope.recipients.is_empty() {
            return Err(Error::Envelope("it has no recipients"));
        }
        let line = envelope_line(envelope, account, spool.now());
        if line.len() > ENVELOPE {
            return Err(Error::Envelope("it is too long"));
        }
        // A size that is known beforehand is refused before anything is written.
        spool.check_room(envelope.size.unwrap_or(0).max(ROOM))?;
        let id = new_id();
        let temporary = match spool.is_guest() {
            true => spool.folder().join(DROP).join(format!(".{id}")),
            false => spool.folder().join(TMP).join(&id),
        };
        let failed = |error| Error::io(&temporary, error);
        let mut options = OpenOptions::new();
        let file = open_private(&temporary, options.write(true).create_new(true)).map_err(failed)?;
        let head = Head { envelope: line.len(), body: 0, eight_bit: false, mark: 0 };
        let mut writer = Self {
            spool: spool.clone(),
            id,
            file: BufWriter::with_capacity(BUFFER, file),
            head,
            ends: LineEnds::new(),
            room: ROOM,
            is_whole: false,
            temporary: temporary.clone(),
        };
        // Locked while it is written, so that nobody clears it away.
        writer.file.get_ref().try_lock().map_err(|error| failed(error.into()))?;
        #[cfg(unix)]
        if spool.is_guest() {
            use std::os::unix::fs::PermissionsExt;
            // The runner reads it by the group that the folder gives its files.
            let mode = fs::Permissions::from_mode(0o660);
            writer.file.get_ref().set_permissions(mode).map_err(failed)?;
        }
        spool.give(&temporary).map_err(failed)?;
        writer.put(&head.encode())?;
        writer.put(line.as_bytes())?;
        Ok(writer)
    }

    /// Keeps the name that the message had in another folder.
    pub(crate) fn named(mut self, id: &str) -> Result<Self, Error> {
        let temporary = self.temporary.with_file_name(id);
        fs::rename(&self.temporary, &temporary).map_err(|error| Error::io(&temporary, error))?;
        (self.temporary, self.id) = (temporary, id.to_owned());
        Ok(self)
    }

    /// The name that the message will have.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Appends a piece of the message. Converts line ends to CRLF, wherever the pieces are cut.
    ///
    /// # Errors
    ///
    /// Fails if there is no room, or the file can't be written.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        let mut spare = Vec::new();
        let mut ends = self.ends;
        let piece = ends.convert(piece, &mut spare);
        let length = octets(piece.len());
        if length > self.room {
            let more = length.max(ROOM);
            self.spool.check_room(more)?;
            self.room = more;
        }
        self.room = self.room.saturating_sub(length);
        self.head.eight_bit |= !piece.is_ascii();
        self.head.body = self.head.body.saturating_add(length);
        self.put(piece)?;
        self.ends = ends;
        Ok(())
    }

    /// Accepts the message: when this returns, it is complete, on the disk and under its name. Returns the name.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be written, renamed or synced to the disk. The spool has not accepted the message then.
    pub fn commit(mut self) -> Result<String, Error> {
        self.finish()?;
        Ok(std::mem::take(&mut self.id))
    }

    /// As [`commit`](Self::commit). The file is locked, so that nobody sends it, until this is dropped.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        let temporary = self.temporary.clone();
        let head = self.head.encode();
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&head))
            .and_then(|()| self.file.flush())
            .and_then(|()| self.file.get_ref().sync_all());
        written.map_err(|error| Error::io(&temporary, error))?;
        let path = match self.spool.is_guest() {
            true => self.spool.folder().join(DROP).join(&self.id),
            false => self.spool.path(Place::Queue, &self.id),
        };
        fs::rename(&temporary, &path).map_err(|error| Error::io(&temporary, error))?;
        self.is_whole = true;
        let folder = path.parent().unwrap_or(&path);
        if let Err(error) = self.sync_names(folder) {
            // The message is not taken, so it may not be sent either.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(())
    }

    fn sync_names(&self, folder: &Path) -> Result<(), Error> {
        // A guest may not read the folder, so it can't be opened.
        #[cfg(target_os = "linux")]
        if self.spool.is_guest() {
            return rustix::fs::syncfs(self.file.get_ref()).map_err(|error| Error::io(folder, error.into()));
        }
        sync_folder(folder)
    }

    fn put(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.file.write_all(piece).map_err(|error| Error::io(&self.temporary, error))?;
        self.spool.add_octets(octets(piece.len()));
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_whole {
            // The caller knows of the failure, or gave the message up. The runner clears away what is left.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A name that no other message has: the time, then random digits.
pub(crate) fn new_id() -> String {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    // The keys of a hasher are what the standard library has of randomness.
    let chance = RandomState::new().hash_one(std::process::id());
    format!("{:011x}{chance:016x}", millis & 0xfff_ffff_ffff)
}

/// Octets that are written at a time.
const BUFFER: usize = 64 * 1024;
/// Octets after which the disk is looked at again.
const ROOM: u64 = 1 << 20;

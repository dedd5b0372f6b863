use std::{fs, io, path::Path};

use mailbearer::UidSet;

use super::{Archive, Body, Files, Meta, Origin, cannot, clean, state::State};
use crate::error::Error;

/// A folder with a file `UID.eml` for each message, its octets as on the server.
pub(crate) struct Directory {
    files: Files,
    has: UidSet,
    /// For its lock.
    _state: State,
}

impl Directory {
    pub(crate) fn open(folder: &Path, origin: Origin) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
        let state = State::open(folder, ".mailbearer", origin)?;
        let has = Self::read(folder).map_err(|error| cannot(folder, &error))?;
        state.save().map_err(|error| cannot(folder, &error))?;
        let files = Files::new(folder.to_owned()).map_err(|error| cannot(folder, &error))?;
        Ok(Self { files, has, _state: state })
    }

    fn read(folder: &Path) -> io::Result<UidSet> {
        clean(folder)?;
        let mut uids = Vec::new();
        for entry in folder.read_dir()? {
            let name = entry?.file_name();
            uids.extend(name.to_str().and_then(|name| name.strip_suffix(".eml")?.parse::<u32>().ok()));
        }
        Ok(uids.into_iter().collect())
    }
}

impl Archive for Directory {
    fn has(&self) -> &UidSet {
        &self.has
    }

    fn spool(&self) -> &Path {
        &self.files.folder
    }

    fn has_lf(&self) -> bool {
        false
    }

    fn add(&mut self, message: &Meta, body: Body<'_>) -> io::Result<()> {
        let name = self.files.folder.join(format!("{}.eml", message.uid));
        self.files.add(message, body, name)
    }

    fn commit(&mut self) -> io::Result<()> {
        self.files.commit()
    }

    fn begin_commit(&mut self) -> io::Result<()> {
        self.files.begin_commit()
    }
}

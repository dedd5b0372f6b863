use std::{fs, io, path::Path};

use mailbearer::UidSet;

use super::{Archive, Body, Files, Meta, Origin, cannot, clean, state::State, sync_folder};
use crate::error::Error;

/// A Maildir, as <https://cr.yp.to/proto/maildir.html> has it.
///
/// A message's name begins with its UIDVALIDITY and UID, which no mail program changes when it moves the message to
/// another subfolder or changes its flags.
pub(crate) struct Maildir {
    files: Files,
    folder: std::path::PathBuf,
    has: UidSet,
    state: State,
}

impl Maildir {
    pub(crate) fn open(folder: &Path, origin: Origin) -> Result<Self, Error> {
        for subfolder in ["tmp", "new", "cur"] {
            let subfolder = folder.join(subfolder);
            fs::create_dir_all(&subfolder).map_err(|error| cannot(&subfolder, &error))?;
        }
        let state = State::open(folder, ".mailbearer", origin)?;
        let has = Self::read(folder, state.uid_validity()).map_err(|error| cannot(folder, &error))?;
        state.save().map_err(|error| cannot(folder, &error))?;
        let files = Files::new(folder.join("tmp"));
        Ok(Self { files, folder: folder.to_owned(), has, state })
    }

    fn read(folder: &Path, uid_validity: u32) -> io::Result<UidSet> {
        clean(folder)?;
        clean(&folder.join("tmp"))?;
        let mut uids = Vec::new();
        for subfolder in ["new", "cur"] {
            for entry in folder.join(subfolder).read_dir()? {
                let name = entry?.file_name();
                uids.extend(name.to_str().and_then(|name| uid_of(name, uid_validity)));
            }
            sync_folder(&folder.join(subfolder))?;
        }
        Ok(uids.into_iter().collect())
    }
}

/// `UIDVALIDITY.UID.mailbearer`, and whatever flags behind it.
fn uid_of(name: &str, uid_validity: u32) -> Option<u32> {
    let mut words = name.splitn(3, '.');
    let (validity, uid, rest) = (words.next()?, words.next()?, words.next()?);
    (validity.parse() == Ok(uid_validity) && rest.starts_with(OURS)).then(|| uid.parse().ok()).flatten()
}

impl Archive for Maildir {
    fn has(&self) -> &UidSet {
        &self.has
    }

    fn spool(&self) -> &Path {
        &self.files.folder
    }

    fn has_lf(&self) -> bool {
        true
    }

    fn add(&mut self, message: &Meta, body: Body<'_>) -> io::Result<()> {
        let Meta { uid, flags, .. } = message;
        let name = format!("{}.{uid}.{OURS}{INFO}2,{flags}", self.state.uid_validity());
        self.files.add(message, body, self.folder.join("cur").join(name))
    }

    fn commit(&mut self) -> io::Result<()> {
        self.files.commit()
    }
}

const OURS: &str = "mailbearer";
/// Between the name and the flags; Windows has no files with a colon in their names.
const INFO: char = if cfg!(windows) { ';' } else { ':' };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_uids() {
        for (name, want) in [
            ("17.4.mailbearer:2,", Some(4)),
            ("17.4294967295.mailbearer:2,FS", Some(4_294_967_295)),
            ("17.4.mailbearer", Some(4)),
            ("17.4.mailbearer,S=12:2,S", Some(4)),
            ("18.4.mailbearer:2,", None),
            ("17.4.other:2,", None),
            ("17.x.mailbearer:2,", None),
            ("1795498320.M1P2.host:2,S", None),
            ("", None),
        ] {
            assert_eq!(uid_of(name, 17), want, "{name}");
        }
    }
}

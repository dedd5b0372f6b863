//! A message to be uploaded. It is read twice, because IMAP wants its length first.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::Path,
};

use mailbearer::proto::mime::{LineEnds, Measure};

use crate::{error::Error, exit::Exit};

/// A message whose length is known, counted with CRLF for each line end.
pub(crate) struct Upload {
    source: Box<dyn Read>,
    octets: u64,
}

impl Upload {
    /// Measures a file. Pipes and devices are read by [`from_pipe`](Self::from_pipe).
    ///
    /// # Errors
    ///
    /// Fails if it can't be read, is empty, or holds a NUL.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let cannot = |error: io::Error| Error::input("the message", path, &error);
        let mut file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            return Self::from_pipe(file);
        }
        let octets = measure(&mut file, |_| Ok(()))?;
        file.rewind().map_err(cannot)?;
        Ok(Self { source: Box::new(file), octets })
    }

    /// Reads to the end and keeps everything: up to [`HELD`] octets in memory, more in a file without a name.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if the file can't be written.
    pub(crate) fn from_pipe(mut from: impl Read) -> Result<Self, Error> {
        let mut kept = tempfile::spooled_tempfile(HELD);
        let cannot = |error: io::Error| {
            Error::new(Exit::Io, format!("cannot keep the message in a temporary file: {error}"))
        };
        let octets = measure(&mut from, |piece| kept.write_all(piece).map_err(cannot))?;
        kept.rewind().map_err(cannot)?;
        Ok(Self { source: Box::new(kept), octets })
    }

    /// Its length in octets, with CRLF for each line end.
    pub(crate) const fn octets(&self) -> u64 {
        self.octets
    }

    /// Hands the octets to `sink`, in pieces.
    ///
    /// # Errors
    ///
    /// Fails if reading or `sink` fails, and if the length of the message has changed since it was measured.
    pub(crate) fn copy(mut self, mut sink: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let (mut lines, mut spare, mut left) = (LineEnds::new(), Vec::new(), self.octets);
        let changed = || Error::new(Exit::Io, "the message changed while it was read");
        read(&mut self.source, |piece| {
            let out = lines.convert(piece, &mut spare);
            let length = u64::try_from(out.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(length).ok_or_else(changed)?;
            sink(out)
        })?;
        if left > 0 { Err(changed()) } else { Ok(()) }
    }
}

/// Measures what is read, with CRLF for each line end. `also` gets all octets too.
fn measure(from: &mut impl Read, mut also: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<u64, Error> {
    let mut measure = Measure::default();
    read(from, |piece| {
        measure.add(piece);
        also(piece)
    })?;
    let no_good = |problem| Err(Error::new(Exit::Data, format!("the message can't be stored: {problem}")));
    if measure.has_nul() {
        return no_good("it holds a NUL, which IMAP does not carry");
    }
    if measure.octets() == 0 { no_good("it is empty") } else { Ok(measure.octets()) }
}

fn read(
    from: &mut (impl Read + ?Sized),
    mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => sink(piece.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::new(Exit::Io, format!("cannot read the message: {error}"))),
        }
    }
}

/// Octets that are read at a time.
const PIECE: usize = 64 * 1024;

/// Octets that are kept in memory.
const HELD: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(upload: Upload) -> Result<Vec<u8>, Error> {
        let mut octets = Vec::new();
        upload.copy(|piece| {
            octets.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(octets)
    }

    /// Gives one octet at a time.
    struct Slow(&'static [u8]);

    impl Read for Slow {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let end = to.len().min(1);
            self.0.read(&mut to[..end])
        }
    }

    #[test]
    fn line_ends_become_crlf_and_are_counted_so() {
        for (text, want) in [
            ("a\nb\n", "a\r\nb\r\n"),
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\rb", "a\r\nb"),
            ("\n\r\r\n\n", "\r\n\r\n\r\n\r\n"),
            ("a\r", "a\r\n"),
            ("no end", "no end"),
        ] {
            let upload = Upload::from_pipe(text.as_bytes()).unwrap();
            assert_eq!(upload.octets(), u64::try_from(want.len()).unwrap(), "{text:?}");
            assert_eq!(copied(upload).unwrap(), want.as_bytes(), "{text:?}");
            let octets = u64::try_from(want.len()).unwrap();
            let upload = Upload { source: Box::new(Slow(text.as_bytes())), octets };
            assert_eq!(copied(upload).unwrap(), want.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn a_file_and_a_long_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.eml");
        let text = "0123456789\n".repeat(200_000);
        std::fs::write(&path, &text).unwrap();
        let want = text.replace('\n', "\r\n");
        for upload in [Upload::open(&path).unwrap(), Upload::from_pipe(text.as_bytes()).unwrap()] {
            assert!(copied(upload).unwrap() == want.as_bytes());
        }
        let upload = Upload::open(&path).unwrap();
        std::fs::write(&path, "shorter").unwrap();
        assert!(copied(upload).unwrap_err().text.contains("changed"));
        let upload = Upload::open(&path).unwrap();
        std::fs::write(&path, "longer than it was").unwrap();
        assert!(copied(upload).unwrap_err().text.contains("changed"));
    }

    #[test]
    fn says_what_is_wrong() {
        for (octets, want) in [(&b""[..], "it is empty"), (b"a\0b", "it holds a NUL")] {
            let error = Upload::from_pipe(octets).err().unwrap();
            assert!(error.exit == Exit::Data && error.text.contains(want), "{error}");
        }
        assert_eq!(Upload::open(Path::new("none.eml")).err().unwrap().exit, Exit::NoInput);
    }
}

//! A message that is read while it is sent, and kept for as long as it may have to be read again.

use std::io::{self, Read, Seek, SeekFrom, Write};

use mailbearer::{Envelope, MailObject, Prepared, RawMessage};
use tempfile::SpooledTempFile;

use crate::progress::Progress;

/// What a message is read from, once.
pub(crate) trait Source: Send {
    /// Puts the next octets into `piece`, in place of what is there. None are left at the end.
    fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<(), mailbearer::Error>;
}

impl<R: Read + Send> Source for RawMessage<R> {
    fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<(), mailbearer::Error> {
        Self::next_piece(self, piece)
    }
}

impl Source for Prepared<'_> {
    fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<(), mailbearer::Error> {
        Self::next_piece(self, piece)
    }
}

/// A message on its way out of a source that can be read once.
///
/// One for several recipients may have to go in parts, so what was read of it is kept: up to 64 KiB in memory, and what is
/// longer in a file without a name. One for a single recipient is kept if it is not longer.
pub(crate) struct Stream<S> {
    envelope: Envelope,
    source: S,
    /// What was read last, and where in the message that begins.
    piece: Vec<u8>,
    piece_at: u64,
    /// Octets that were read from the source.
    read: u64,
    kept: Kept,
    progress: Progress,
    failed: Option<mailbearer::Error>,
}

enum Kept {
    All(SpooledTempFile),
    /// Why it is not.
    Nothing(String),
}

impl<S: Source> Stream<S> {
    pub(crate) fn new(envelope: Envelope, source: S, progress: Progress) -> Self {
        let kept = Kept::All(SpooledTempFile::new(IN_MEMORY));
        Self { envelope, source, piece: Vec::new(), piece_at: 0, read: 0, kept, progress, failed: None }
    }

    /// Why reading failed, if it did.
    pub(crate) fn into_failure(self) -> Option<mailbearer::Error> {
        self.failed
    }

    fn read_on(&mut self) -> io::Result<()> {
        self.piece_at = self.read;
        self.source.next_piece(&mut self.piece).map_err(|error| {
            let told = io::Error::other(error.to_string());
            self.failed = Some(error);
            told
        })?;
        self.read = self.read.saturating_add(octets(self.piece.len()));
        self.progress.add(self.piece.len());
        let is_too_long = self.envelope.recipients.len() < 2 && self.read > octets(IN_MEMORY);
        if is_too_long {
            self.kept = Kept::Nothing("it has been read".into());
        } else if let Kept::All(file) = &mut self.kept
            && let Err(error) =
                file.seek(SeekFrom::Start(self.piece_at)).and_then(|_| file.write_all(&self.piece))
        {
            // It goes on all the same: most messages are read once.
            self.kept = Kept::Nothing(error.to_string());
        }
        Ok(())
    }

    /// Reads what was read before.
    fn read_again(&mut self, offset: u64) -> io::Result<()> {
        self.piece.clear();
        let file = match &mut self.kept {
            Kept::All(file) => file,
            Kept::Nothing(why) => {
                return Err(io::Error::other(format!("the message can't be read again: {why}")));
            }
        };
        let want = usize::try_from(self.read.saturating_sub(offset)).unwrap_or(usize::MAX).min(PIECE);
        self.piece_at = offset;
        self.piece.resize(want, 0);
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut self.piece));
        read.inspect_err(|_| self.piece.clear())
    }
}

impl<S: Source> MailObject for Stream<S> {
    fn envelope(&self) -> Envelope {
        self.envelope.clone()
    }

    fn octets(&mut self, offset: u64) -> io::Result<&[u8]> {
        let inside = |stream: &Self| {
            let inside = usize::try_from(offset.checked_sub(stream.piece_at)?).ok()?;
            stream.piece.get(inside..).filter(|rest| !rest.is_empty()).map(|_| inside)
        };
        let inside = match inside(self) {
            Some(inside) => inside,
            None if offset == self.read => {
                self.read_on()?;
                0
            }
            None => {
                self.read_again(offset)?;
                0
            }
        };
        Ok(self.piece.get(inside..).unwrap_or_default())
    }
}

fn octets(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Octets that are kept in memory.
const IN_MEMORY: usize = 64 << 10;
/// Octets that are read again at a time.
const PIECE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two octets at a time, then nothing.
    struct Few(u8, usize);

    impl Source for Few {
        fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<(), mailbearer::Error> {
            piece.clear();
            if let Some(left) = self.1.checked_sub(1) {
                self.1 = left;
                self.0 = self.0.wrapping_add(1);
                piece.extend([self.0; 1000]);
            }
            Ok(())
        }
    }

    fn stream(recipients: &[&str], pieces: usize) -> Stream<Few> {
        let envelope = Envelope::new("a@x", recipients.iter().copied());
        Stream::new(envelope, Few(0, pieces), Progress::new(None, true))
    }

    fn rest(stream: &mut Stream<Few>, mut offset: u64, step: usize) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let piece = stream.octets(offset)?;
            if piece.is_empty() {
                return Ok(all);
            }
            let piece = &piece[..step.min(piece.len())];
            all.extend_from_slice(piece);
            offset = offset.saturating_add(octets(piece.len()));
        }
    }

    #[test]
    fn what_goes_in_parts_is_read_again() {
        for (recipients, pieces, is_again) in [
            (&["b@x", "c@x"][..], 3, true),
            (&["b@x", "c@x"], 3000, true),
            (&["b@x"], 65, true),
            (&["b@x"], 66, false),
        ] {
            let mut stream = stream(recipients, pieces);
            // A part of it, again from the start, and to the end twice.
            for offset in [0, 700, 1000, 1700] {
                assert_eq!(stream.octets(offset).unwrap()[0], u8::try_from(offset / 1000 + 1).unwrap());
            }
            let all = rest(&mut stream, 0, 777).unwrap();
            assert_eq!(all.len(), pieces * 1000);
            assert!(all.chunks(1000).zip(1..).all(|(piece, number): (_, usize)| {
                piece.iter().all(|octet| usize::from(*octet) == number % 256)
            }));
            match rest(&mut stream, 0, usize::MAX) {
                Ok(again) => assert!(is_again && again == all, "{recipients:?} {pieces}"),
                Err(error) => {
                    assert!(!is_again && error.to_string().contains("can't be read again"), "{error}");
                }
            }
        }
    }
}

//! A message whose files are read while it is sent.

use alloc::vec::Vec;

use super::{Composed, Content, Error, Message};
use crate::DateTime;

/// A message without the octets of the files that are [read later](Message::attach_later).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    composed: Composed,
    /// Offsets at which the files belong.
    holes: Vec<usize>,
    size: Option<u64>,
}

/// The next piece of a [`Draft`] to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is there or it is read")]
pub enum Piece<'a> {
    /// These octets.
    Octets(&'a [u8]),
    /// The file with this number, counted from 0 in the order of [`attach_later`](Message::attach_later), through a
    /// [`FileEncoder`](super::FileEncoder).
    File(usize),
}

impl Message {
    /// As [`build`](Self::build), of a message whose files may be read later.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn draft(&self, date: DateTime, random: [u8; 16]) -> Result<Draft, Error> {
        let (composed, holes) = self.write(date, random)?;
        let later = self.rare().attachments.iter().filter(|file| matches!(file.content, Content::Later(_)));
        let here = u64::try_from(composed.octets.len()).ok();
        let size = later.map(super::Attachment::encoded_len).try_fold(here, |size, len| {
            // The sum of what is known; None once something is not.
            Some(size?.checked_add(u64::try_from(len?).ok()?))
        });
        Ok(Draft { composed, holes, size: size.flatten() })
    }
}

impl Draft {
    /// Envelope and needs of the message; its octets lack the files.
    #[must_use]
    pub const fn composed(&self) -> &Composed {
        &self.composed
    }

    /// Octets in all, if the size of each file is known.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// What is to be sent, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let octets = &self.composed.octets;
        let starts = [0].into_iter().chain(self.holes.iter().copied());
        let ends = self.holes.iter().copied().chain([octets.len()]);
        starts.zip(ends).enumerate().flat_map(|(number, (start, end))| {
            let file = number.checked_sub(1).map(Piece::File);
            let octets = Piece::Octets(octets.get(start..end).unwrap_or_default());
            file.into_iter().chain([octets])
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Address;
    use crate::compose::FileEncoder;

    fn filled(draft: &Draft, files: &[&[u8]], cut: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in draft.pieces() {
            match piece {
                Piece::Octets(octets) => out.extend_from_slice(octets),
                Piece::File(number) => {
                    let mut encoder = FileEncoder::default();
                    files[number].chunks(cut).for_each(|piece| encoder.encode(piece, &mut out));
                    encoder.finish(&mut out);
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn a_file_that_is_read_later_arrives_as_one_that_is_there(
            one in prop::collection::vec(any::<u8>(), 0..400),
            two in prop::collection::vec(any::<u8>(), 0..100),
            cut in 1usize..130,
        ) {
            let size = |octets: &[u8]| u64::try_from(octets.len()).ok();
            let address = Address::parse("a@b").unwrap();
            let message = || Message::new(address.clone()).to(address.clone()).text("x");
            let whole = message().attach("1", "a/b", one.clone()).attach("m", "a/b", vec![1; 70]).attach("2", "a/b", two.clone());
            let later = message().attach_later("1", "a/b", size(&one)).attach("m", "a/b", vec![1; 70]).attach_later("2", "a/b", size(&two));
            let (date, random) = (DateTime::new(0, 0).unwrap(), [1; 16]);
            let whole = whole.build(date, random).unwrap();
            let draft = later.draft(date, random).unwrap();
            let octets = filled(&draft, &[&one, &two], cut);
            prop_assert_eq!(draft.size(), size(&octets));
            prop_assert_eq!(octets, whole.octets);
            prop_assert_eq!(&draft.composed().recipients, &whole.recipients);
            let unknown = message().attach_later("1", "a/b", None).draft(date, random).unwrap();
            prop_assert_eq!(unknown.size(), None);
        }
    }
}

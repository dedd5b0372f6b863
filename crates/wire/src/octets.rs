use alloc::vec::Vec;
use core::{fmt, ops::Range};

#[cfg(not(all(target_has_atomic = "ptr", not(mailbearer_no_atomic_pointers))))]
pub(crate) use alloc::rc::Rc as Shared;
/// Counts who holds the memory of what a peer sent. Where there are no atomic pointers, it is not for several threads.
#[cfg(all(target_has_atomic = "ptr", not(mailbearer_no_atomic_pointers)))]
pub(crate) use alloc::sync::Arc as Shared;

/// Octets that were handed over by a [`RecvBuf`](crate::RecvBuf), or a part of them.
///
/// They share the memory of all that arrived at about the same time, and keep it until they are dropped: up to some
/// tens of kilobytes for a short line. Call [`settle`](Self::settle) on what you keep for long.
///
/// `Octets` are `Send` and `Sync` on targets with atomic pointers. On others they count their owners without.
#[derive(Clone, Default)]
pub struct Octets {
    pub(crate) bytes: Shared<Vec<u8>>,
    pub(crate) range: Range<usize>,
}

impl Octets {
    /// The part at `range`, without a copy; the rest stays in memory until it is dropped. What lies outside is
    /// cut off.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        let at = |offset: usize| self.range.start.saturating_add(offset).min(self.range.end);
        let range = at(range.start)..at(range.end);
        Self { range, bytes: self.bytes }
    }

    /// The same octets in memory of their own, where they are less than half of what they keep in memory.
    #[must_use]
    pub fn settle(self) -> Self {
        if self.len() < self.bytes.capacity() / 2 { Self::from(self.to_vec()) } else { self }
    }

    /// The octets as a vector. Copies them only if something else shares their memory; else moves them to the front.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        let Self { bytes, range } = self;
        match Shared::try_unwrap(bytes) {
            Ok(mut bytes) => {
                bytes.truncate(range.end);
                bytes.drain(..range.start);
                bytes
            }
            Err(shared) => shared.get(range).unwrap_or_default().to_vec(),
        }
    }
}

impl core::ops::Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Octets {
    fn from(bytes: Vec<u8>) -> Self {
        Self { range: 0..bytes.len(), bytes: Shared::new(bytes) }
    }
}

impl PartialEq for Octets {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Octets {}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} octets]", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_if_they_say_the_same() {
        let [one, other] = [b"abc", b"abd"].map(|octets| Octets::from(octets.to_vec()));
        assert_eq!(one, Octets::from(b"xabcx".to_vec()).part(1..4));
        assert_ne!(one, other);
        assert_eq!(one.as_ref(), b"abc");
    }

    #[test]
    fn half_of_what_is_held_is_enough_to_stay() {
        for (length, stays) in [(50, true), (49, false)] {
            let whole = Octets::from(Vec::from([b'x'; 100]));
            let part = whole.part(0..length);
            let at = part.as_ptr();
            assert_eq!(part.settle().as_ptr() == at, stays, "{length}");
        }
    }
}

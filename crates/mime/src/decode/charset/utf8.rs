//! Whether octets look like UTF-8.

use alloc::vec::Vec;

/// If so many more characters are broken than whole, the rest is not looked at.
pub(super) const ENOUGH: usize = 256;

/// Tells of octets that come in pieces whether they look like UTF-8: they are valid, or more characters of several octets
/// are whole than broken. A text in another charset may hold one that is whole by chance, and has more that are broken.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    /// Characters of several octets.
    whole: usize,
    broken: usize,
    /// The start of a character that the next piece continues: at most three octets.
    begun: Vec<u8>,
}

impl Utf8 {
    /// Takes the next octets.
    pub(crate) fn take(&mut self, mut octets: &[u8]) {
        while !self.begun.is_empty()
            && let Some((&next, rest)) = octets.split_first()
        {
            self.begun.push(next);
            match str::from_utf8(&self.begun) {
                Ok(_) => {
                    self.whole = self.whole.saturating_add(1);
                    self.begun.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                // The octet begins something else.
                Err(_) => {
                    self.finish();
                    break;
                }
            }
            octets = rest;
        }
        if octets.is_ascii() || self.is_settled() {
            return;
        }
        if let Ok(text) = str::from_utf8(octets) {
            return self.count(text);
        }
        for chunk in octets.utf8_chunks() {
            // This chunk does not continue what the one before left open.
            self.finish();
            if self.is_settled() {
                return;
            }
            self.count(chunk.valid());
            match str::from_utf8(chunk.invalid()) {
                Ok(_) => {}
                Err(error) if error.error_len().is_none() => self.begun.extend_from_slice(chunk.invalid()),
                Err(_) => self.broken = self.broken.saturating_add(1),
            }
        }
    }

    fn count(&mut self, text: &str) {
        let starts = text.bytes().filter(|&octet| octet >= 0xC0).count();
        self.whole = self.whole.saturating_add(starts);
    }

    /// Ends the octets.
    pub(crate) fn finish(&mut self) {
        self.broken = self.broken.saturating_add(usize::from(!self.begun.is_empty()));
        self.begun.clear();
    }

    /// Whether a character was broken.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken > 0
    }

    /// Whether so many are broken that the rest does not matter.
    pub(crate) const fn is_settled(&self) -> bool {
        self.broken >= self.whole.saturating_add(ENOUGH)
    }

    /// Whether what came looks like UTF-8.
    pub(crate) const fn is_likely(&self) -> bool {
        self.broken == 0 || self.whole > self.broken
    }
}

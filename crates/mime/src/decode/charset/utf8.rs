//! Whether octets look like UTF-8.

use alloc::vec::Vec;

/// So many more characters broken than whole, and what follows is not looked at.
pub(super) const ENOUGH: usize = 256;

/// Octets that come in pieces, and whether they look like UTF-8: they are, or more characters of several octets are whole
/// than are broken. Text in another charset that holds what looks like one of UTF-8 has more that does not.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    /// Characters of several octets.
    whole: usize,
    broken: usize,
    /// The start of a character whose end has not come yet: at most three octets.
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
            // What the one before left open does not go on here.
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

    /// Whether so many are broken that nothing that follows counts.
    pub(crate) const fn is_settled(&self) -> bool {
        self.broken >= self.whole.saturating_add(ENOUGH)
    }

    /// Whether what came looks like UTF-8.
    pub(crate) const fn is_likely(&self) -> bool {
        self.broken == 0 || self.whole > self.broken
    }
}

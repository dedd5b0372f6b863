//! Finds octets outside ASCII whose charset is not named.

use alloc::vec::Vec;

use super::part::{HTML_HEAD, html_charset};
use crate::decode::{Decoder, TransferEncoding};

/// Whether octets that come in pieces are UTF-8.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The start of a character whose end has not come yet: at most three octets.
    begun: Vec<u8>,
}

impl Utf8 {
    /// Takes the next octets. False where these, with those before, are no UTF-8.
    pub(super) fn take(&mut self, octets: &[u8]) -> bool {
        if self.begun.is_empty() {
            return self.check(octets);
        }
        let joined = [&self.begun, octets].concat();
        self.begun.clear();
        self.check(&joined)
    }

    fn check(&mut self, octets: &[u8]) -> bool {
        let Err(error) = str::from_utf8(octets) else { return true };
        self.begun.extend_from_slice(octets.get(error.valid_up_to()..).unwrap_or_default());
        // What is left may be whole with the next octets.
        error.error_len().is_none()
    }
}

/// A text that names no charset, as its octets come.
#[derive(Debug)]
pub(super) struct UnnamedText {
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    utf8: Utf8,
    /// The start of HTML, which may name its charset itself.
    head: Option<Vec<u8>>,
    /// Where the line begins that came last.
    line: u64,
    /// Where the one begins with the first octet that is no UTF-8.
    found: Option<u64>,
}

impl UnnamedText {
    pub(super) fn new(encoding: TransferEncoding, is_html: bool) -> Self {
        let decoder = match encoding {
            TransferEncoding::Identity | TransferEncoding::Unknown => None,
            encoding => Some(encoding.decoder()),
        };
        Self {
            decoder,
            decoded: Vec::new(),
            utf8: Utf8::default(),
            head: is_html.then(Vec::new),
            line: 0,
            found: None,
        }
    }

    /// Takes the next octets, of a line that begins at `offset`.
    pub(super) fn take(&mut self, octets: &[u8], offset: u64) {
        self.line = offset;
        let Some(decoder) = &mut self.decoder else { return self.look(octets) };
        let mut decoded = core::mem::take(&mut self.decoded);
        decoded.clear();
        decoder.decode(octets, &mut decoded);
        self.look(&decoded);
        self.decoded = decoded;
    }

    fn look(&mut self, octets: &[u8]) {
        if let Some(head) = &mut self.head {
            let room = HTML_HEAD.saturating_sub(head.len());
            head.extend_from_slice(octets.get(..room).unwrap_or(octets));
        }
        if self.found.is_none() && !self.utf8.take(octets) {
            self.found = Some(self.line);
        }
    }

    /// Where the first octet is whose charset had to be guessed.
    pub(super) fn found(mut self) -> Option<u64> {
        if let Some(mut decoder) = self.decoder.take() {
            let mut decoded = Vec::new();
            decoder.finish(&mut decoded);
            self.look(&decoded);
        }
        self.found.filter(|_| self.head.is_none_or(|head| html_charset(&head).is_none()))
    }
}

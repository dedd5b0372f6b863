//! Finds octets outside ASCII whose charset is not named, or is not the one that is.

use alloc::vec::Vec;

use super::DefectKind;
use super::part::{HTML_HEAD, html_charset};
use crate::decode::{Decoder, TransferEncoding, Utf8};

/// Reads octets line by line, and finds the first line that does not look like UTF-8.
#[derive(Debug, Default)]
pub(super) struct Lines {
    utf8: Utf8,
    /// Offset of the last line.
    line: u64,
    /// Offset of the line with the first octet that is no UTF-8.
    found: Option<u64>,
}

impl Lines {
    /// Takes the next octets, of a line that begins at `offset`.
    pub(super) fn take(&mut self, octets: &[u8], offset: u64) {
        self.line = offset;
        self.utf8.take(octets);
        if self.utf8.is_broken() && self.found.is_none() {
            self.found = Some(offset);
        }
    }

    /// Offset of the line with the first octet that is no UTF-8. `None` where all octets look like UTF-8.
    pub(super) fn found(mut self) -> Option<u64> {
        self.utf8.finish();
        self.found.or(Some(self.line)).filter(|_| !self.utf8.is_likely())
    }

    /// Offset of that line, if there is such an octet at all.
    fn broken(mut self) -> Option<u64> {
        self.utf8.finish();
        self.found.or(Some(self.line)).filter(|_| self.utf8.is_broken())
    }
}

/// A text that names no charset, or UTF-8, as its octets come.
#[derive(Debug)]
pub(super) struct UnnamedText {
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    lines: Lines,
    /// The start of HTML, which may name its charset itself.
    head: Option<Vec<u8>>,
    /// Whether it is labelled UTF-8.
    is_utf8: bool,
}

impl UnnamedText {
    pub(super) fn new(encoding: TransferEncoding, is_html: bool, is_utf8: bool) -> Self {
        let decoder = match encoding {
            TransferEncoding::Identity | TransferEncoding::Unknown => None,
            encoding => Some(encoding.decoder()),
        };
        Self {
            decoder,
            decoded: Vec::new(),
            lines: Lines::default(),
            head: (is_html && !is_utf8).then(Vec::new),
            is_utf8,
        }
    }

    /// Takes the next octets, of a line that begins at `offset`.
    pub(super) fn take(&mut self, octets: &[u8], offset: u64) {
        if self.lines.utf8.is_settled() && self.head.as_ref().is_none_or(|head| head.len() >= HTML_HEAD) {
            return;
        }
        let Some(decoder) = &mut self.decoder else { return self.look(octets, offset) };
        let mut decoded = core::mem::take(&mut self.decoded);
        decoded.clear();
        decoder.decode(octets, &mut decoded);
        self.look(&decoded, offset);
        self.decoded = decoded;
    }

    fn look(&mut self, octets: &[u8], offset: u64) {
        if let Some(head) = &mut self.head {
            let room = HTML_HEAD.saturating_sub(head.len());
            head.extend_from_slice(octets.get(..room).unwrap_or(octets));
        }
        self.lines.take(octets, offset);
    }

    /// What is wrong, and the offset of the line with the first octet that is.
    pub(super) fn found(mut self) -> Option<(u64, DefectKind)> {
        if let Some(mut decoder) = self.decoder.take() {
            let mut decoded = Vec::new();
            decoder.finish(&mut decoded);
            self.look(&decoded, self.lines.line);
        }
        if self.is_utf8 {
            return self.lines.broken().map(|line| (line, DefectKind::NotUtf8));
        }
        let found = self.lines.found().filter(|_| self.head.is_none_or(|head| html_charset(&head).is_none()));
        found.map(|line| (line, DefectKind::UnnamedCharset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the text is decoded further than these `octets`.
    fn goes_on(octets: &[u8], is_html: bool) -> bool {
        let mut text = UnnamedText::new(TransferEncoding::QuotedPrintable, is_html, false);
        text.take(octets, 0);
        text.take(b"behind", 7);
        text.decoded == b"behind"
    }

    #[test]
    fn what_is_settled_is_not_decoded() {
        let rows = [
            ("ASCII", 0, 70_000, false, true),
            ("one less than enough", 255, 0, false, true),
            ("enough", 256, 0, false, false),
            ("HTML, one octet less than its head", 256, 767, true, true),
            ("HTML with its head", 256, 768, true, false),
        ];
        for (name, broken, ascii, is_html, want) in rows {
            let octets = ["=FF".repeat(broken), "x".repeat(ascii)].concat();
            assert_eq!(goes_on(octets.as_bytes(), is_html), want, "{name}");
        }
    }
}

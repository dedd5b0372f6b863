use alloc::{boxed::Box, vec::Vec};
use core::{fmt, mem};

use zeroize::Zeroize;

use crate::{Describe, Direction, TraceLine, trace::Record, trace::Tape};

/// Bytes for the peer, in the order in which they are to be sent.
///
/// A machine appends, the caller sends. How a machine appends decides what a trace shows, and whether the
/// memory is wiped after sending. `Debug` shows lengths and no octets.
#[derive(Default)]
pub struct SendBuf {
    bytes: Vec<u8>,
    start: usize,
    holds_secret: bool,
    tape: Option<Box<dyn Record>>,
}

impl SendBuf {
    /// How many octets a machine puts in before it asks for a flush, in octets.
    pub const LIMIT: usize = 64 * 1024;

    /// An empty buffer; allocates as it is filled.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, holds_secret: false, tape: None }
    }

    /// How many octets a machine may still append before it returns [`Step::Flush`](crate::Step::Flush).
    ///
    /// Short commands may pass the limit; message bodies are cut to fit.
    #[must_use]
    pub fn room(&self) -> usize {
        Self::LIMIT.saturating_sub(self.unsent().len())
    }

    /// Appends bytes that a trace shows.
    pub fn push(&mut self, bytes: &[u8]) {
        self.append(bytes);
        if let Some(tape) = &mut self.tape {
            tape.plain(bytes);
        }
    }

    /// Appends a secret: a trace shows `[redacted]`, the memory is wiped once it is sent.
    pub fn push_secret(&mut self, bytes: &[u8]) {
        self.holds_secret = true;
        self.append(bytes);
        if let Some(tape) = &mut self.tape {
            tape.secret(bytes);
        }
    }

    /// Appends a piece of a message: a trace shows `[N octets]`.
    pub fn push_bulk(&mut self, bytes: &[u8]) {
        self.append(bytes);
        if let Some(tape) = &mut self.tape {
            tape.bulk(bytes);
        }
    }

    /// Moves `bytes` here, the way [`push_bulk`](Self::push_bulk) appends them: an empty buffer exchanges its memory with
    /// them, and nothing is copied. Where they do not fit behind what waits, none is moved, as a flush makes room for them.
    ///
    /// Returns how many octets were moved: of more than [`LIMIT`](Self::LIMIT) so many.
    pub fn take_bulk(&mut self, bytes: &mut Vec<u8>) -> usize {
        let is_empty = self.bytes.is_empty();
        if !is_empty && bytes.len() > self.room() {
            return 0;
        }
        let count = self.room().min(bytes.len());
        if is_empty && count == bytes.len() {
            mem::swap(&mut self.bytes, bytes);
            if let Some(tape) = &mut self.tape {
                tape.bulk(&self.bytes);
            }
        } else {
            self.push_bulk(bytes.get(..count).unwrap_or_default());
            bytes.drain(..count);
        }
        count
    }

    /// What is still to be sent.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Says that `count` octets were sent.
    pub fn sent(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.wipe();
            self.bytes.clear();
            self.start = 0;
            self.holds_secret = false;
        }
    }

    /// Gives the memory back if nothing is in it, for a wait that may be long.
    pub fn release_idle(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// Starts a trace of what is appended from now on. Without `describe` a secret shows as `[redacted]`.
    pub fn start_trace(&mut self, describe: Option<Describe>) {
        self.tape = Some(Box::new(Tape::new(Direction::Sent, describe)));
    }

    /// The lines appended since the last call; none unless a trace was started.
    pub fn take_trace(&mut self) -> Vec<TraceLine> {
        self.tape.as_mut().map(|tape| tape.take(None)).unwrap_or_default()
    }

    fn append(&mut self, bytes: &[u8]) {
        let wanted = self.bytes.len().saturating_add(bytes.len());
        if self.holds_secret && wanted > self.bytes.capacity() {
            // A vector that grows leaves its old memory behind as it was.
            let mut grown = Vec::with_capacity(wanted.next_power_of_two());
            grown.extend_from_slice(&self.bytes);
            mem::replace(&mut self.bytes, grown).zeroize();
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn wipe(&mut self) {
        if self.holds_secret {
            self.bytes.zeroize();
        }
    }
}

impl fmt::Debug for SendBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBuf")
            .field("unsent", &format_args!("[{} octets]", self.unsent().len()))
            .field("holds_secret", &self.holds_secret)
            .finish_non_exhaustive()
    }
}

impl Drop for SendBuf {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use super::*;

    #[test]
    fn sends_in_order_and_in_pieces() {
        let mut tx = SendBuf::new();
        tx.push(b"abc");
        tx.sent(1);
        tx.push_bulk(b"de");
        assert_eq!(tx.unsent(), b"bcde");
        assert_eq!(tx.room(), SendBuf::LIMIT - 4);
        tx.sent(99);
        assert_eq!(tx.unsent(), b"");
    }

    #[test]
    fn takes_a_piece_without_a_copy_where_nothing_waits() {
        let mut tx = SendBuf::new();
        tx.start_trace(None);
        let mut piece = b"abc".to_vec();
        let memory = piece.as_ptr();
        assert_eq!(tx.take_bulk(&mut piece), 3);
        assert!(piece.is_empty() && tx.unsent() == b"abc" && tx.unsent().as_ptr() == memory);
        piece.extend_from_slice(b"de");
        assert_eq!(tx.take_bulk(&mut piece), 2);
        assert!(piece.is_empty() && tx.unsent() == b"abcde");
        tx.sent(5);
        // What was a secret's memory is wiped before it is given away.
        tx.push_secret(b"hunter2");
        tx.sent(7);
        let mut piece = b"f".to_vec();
        tx.take_bulk(&mut piece);
        assert!(piece.is_empty() && tx.unsent() == b"f" && !tx.holds_secret);
        tx.push(b"\r\n");
        assert_eq!(tx.take_trace().remove(0).text, "[5 octets][redacted][1 octets]");
    }

    #[test]
    fn takes_of_a_piece_what_fits() {
        let mut tx = SendBuf::new();
        let mut piece = vec![b'x'; 65_537];
        assert_eq!((tx.take_bulk(&mut piece), piece.len(), tx.unsent().len()), (65_536, 1, 65_536));
        assert_eq!((tx.take_bulk(&mut piece), piece.len()), (0, 1));
        tx.sent(65_536);
        assert_eq!((tx.take_bulk(&mut piece), tx.unsent()), (1, &b"x"[..]));
        let mut piece = vec![b'y'; 65_536];
        assert_eq!((tx.take_bulk(&mut piece), piece.len(), tx.unsent()), (0, 65_536, &b"x"[..]));
        piece.pop();
        assert_eq!((tx.take_bulk(&mut piece), piece.len(), tx.unsent().len()), (65_535, 0, 65_536));
    }

    /// `{:?}` of `SendBuf` prints no secret as decimal octets.
    #[test]
    fn debug_shows_no_octets() {
        let mut tx = SendBuf::new();
        tx.push_secret(b"hunter2");
        assert_eq!(format!("{tx:?}"), "SendBuf { unsent: [7 octets], holds_secret: true, .. }");
    }

    #[test]
    fn a_full_buffer_says_so() {
        let mut tx = SendBuf::new();
        assert_eq!(tx.room(), 65_536);
        tx.push_bulk(&[b'x'; 65_537]);
        assert_eq!(tx.room(), 0);
    }

    #[test]
    fn secrets_stand_apart_in_a_trace() {
        let mut tx = SendBuf::new();
        tx.start_trace(None);
        tx.push_secret(b"a");
        tx.push(b"");
        tx.push_secret(b"b");
        tx.push(b" and ");
        tx.push_secret(b"c");
        tx.push(b"\r\n");
        assert_eq!(tx.take_trace().remove(0).text, "[redacted] and [redacted]");
    }

    #[test]
    fn a_trace_cuts_long_lines() {
        let mut tx = SendBuf::new();
        tx.start_trace(None);
        tx.push(&[b'x'; 1024]);
        tx.push(b"y\r\n");
        tx.push(&[b'x'; 1025]);
        tx.push(b"\r\n");
        let lengths: Vec<_> = tx.take_trace().into_iter().map(|line| line.text.chars().count()).collect();
        assert_eq!(lengths, [1024, 1025], "the second with a mark that it was cut");
    }

    #[test]
    fn a_trace_never_holds_the_secret() {
        let mut tx = SendBuf::new();
        tx.start_trace(None);
        tx.push(b"AUTH XOAUTH2 ");
        tx.push_secret(b"dXNlcj1h");
        tx.push(b"\r\nMAIL FROM:<a@b>\r\n");
        tx.push_bulk(&vec![b'x'; 70_000]);
        tx.push_bulk(b"\r\n");
        tx.push(b".\r\n");
        let text: Vec<_> = tx.take_trace().into_iter().map(|line| line.text).collect();
        assert_eq!(text, ["AUTH XOAUTH2 [redacted]", "MAIL FROM:<a@b>", "[70002 octets]", "."]);

        // A form has no line end, and comes in pieces.
        tx.push(b"POST / HTTP/1.1\r\n\r\n");
        tx.push_secret(b"client_id=a");
        tx.push_secret(b"&client_secret=b");
        let text: Vec<_> = tx.take_trace().into_iter().map(|line| line.text).collect();
        assert_eq!(text, ["POST / HTTP/1.1", "", "[redacted]"]);
        tx.push_secret(b"&scope=c");
        assert_eq!(tx.take_trace(), []);
    }
}

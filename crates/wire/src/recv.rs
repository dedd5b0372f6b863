use alloc::vec::Vec;
use core::{fmt, mem, ops::Range};

use zeroize::Zeroize;

use crate::{Direction, TraceLine, trace::Tape};

/// Bytes from the peer that no machine has consumed yet, at most a limit of them.
///
/// The caller [`extend`](Self::extend)s it, the machine looks at [`unread`](Self::unread) and consumes. How it
/// consumes decides what a trace shows.
#[derive(Debug)]
pub struct RecvBuf {
    bytes: Vec<u8>,
    start: usize,
    limit: usize,
    end: End,
    tape: Option<Tape>,
}

impl RecvBuf {
    /// Holds at most `limit` octets at a time; allocates as they come.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, limit, end: End::Open, tape: None }
    }

    /// Changes the limit, in octets not yet consumed. What is there already stays.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// How many octets [`extend`](Self::extend) takes now.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.unread().len())
    }

    /// Appends bytes from the peer.
    ///
    /// # Errors
    ///
    /// Returns [`BufferFull`] and takes nothing if more octets would be unread than the limit allows.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), BufferFull> {
        if bytes.len() > self.room() {
            return Err(BufferFull { limit: self.limit });
        }
        // Moving what is left to the front pays only when it makes room that is needed.
        if self.start > 0 && self.bytes.capacity().saturating_sub(self.bytes.len()) < bytes.len() {
            self.compact();
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Says that the peer will send nothing more.
    pub const fn set_eof(&mut self) {
        self.end = End::Closed;
    }

    /// Says that the stream ended without the sign of its end that TLS has, so that bytes may be missing.
    pub const fn set_cut_off(&mut self) {
        self.end = End::CutOff;
    }

    /// Whether the peer will send nothing more than is in here.
    #[must_use]
    pub const fn is_eof(&self) -> bool {
        !matches!(self.end, End::Open)
    }

    /// Whether it ended without the sign of its end. Only a protocol that tells the length of a message by the
    /// end of the stream has to ask.
    #[must_use]
    pub const fn is_cut_off(&self) -> bool {
        matches!(self.end, End::CutOff)
    }

    /// What is not consumed yet.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Removes `count` octets from the front; a trace shows them. More than there are is all there are.
    pub fn consume(&mut self, count: usize) {
        if let (Some(tape), Some(bytes)) = (&mut self.tape, self.bytes.get(self.start..)) {
            tape.plain(bytes.get(..count).unwrap_or(bytes));
        }
        self.advance(count);
    }

    /// Removes `count` octets from the front and wipes them; a trace shows `[redacted]`.
    pub fn consume_secret(&mut self, count: usize) {
        if let Some(tape) = &mut self.tape {
            tape.secret();
        }
        let end = self.start.saturating_add(count).min(self.bytes.len());
        if let Some(bytes) = self.bytes.get_mut(self.start..end) {
            bytes.zeroize();
        }
        self.advance(count);
    }

    /// Removes `count` octets of a message from the front; a trace shows `[N octets]`.
    pub fn consume_bulk(&mut self, count: usize) {
        if let (Some(tape), Some(bytes)) = (&mut self.tape, self.bytes.get(self.start..)) {
            tape.bulk(bytes.get(..count).unwrap_or(bytes));
        }
        self.advance(count);
    }

    /// Removes `count` octets from the front and hands them over; a trace shows them.
    ///
    /// Where they are most of what is held, the memory itself is handed over and only the rest is copied, so
    /// that a message body leaves without a copy.
    #[must_use]
    pub fn take(&mut self, count: usize) -> Octets {
        self.take_message(count, count)
    }

    /// As [`take`](Self::take), but a trace shows the first `shown` octets alone, and `[N octets]` for the rest.
    #[must_use]
    pub fn take_message(&mut self, count: usize, shown: usize) -> Octets {
        let unread = self.unread();
        let count = count.min(unread.len());
        if let (Some(tape), Some(bytes)) = (&mut self.tape, self.bytes.get(self.start..)) {
            let taken = bytes.get(..count).unwrap_or(bytes);
            let (shown, bulk) = taken.split_at_checked(shown).unwrap_or((taken, &[]));
            tape.plain(shown);
            tape.bulk(bulk);
        }
        let end = self.start.saturating_add(count);
        let rest = self.bytes.len().saturating_sub(end);
        if count < HAND_OVER || rest > count {
            let octets = Octets::from(self.bytes.get(self.start..end).unwrap_or_default().to_vec());
            self.advance(count);
            return octets;
        }
        let tail = self.bytes.get(end..).unwrap_or_default().to_vec();
        let bytes = mem::replace(&mut self.bytes, tail);
        Octets { bytes, range: mem::take(&mut self.start)..end }
    }

    /// Starts a trace of what is consumed from now on.
    pub fn start_trace(&mut self) {
        self.tape = Some(Tape::new(Direction::Received));
    }

    /// The lines consumed since the last call; none unless a trace was started.
    pub fn take_trace(&mut self) -> Vec<TraceLine> {
        self.tape.as_mut().map(Tape::take).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
            if self.bytes.capacity() > KEPT {
                self.bytes.shrink_to(KEPT);
            }
        }
    }

    fn compact(&mut self) {
        self.bytes.drain(..self.start);
        self.start = 0;
    }
}

#[derive(Debug)]
enum End {
    Open,
    Closed,
    CutOff,
}

/// From this size on [`RecvBuf::take`] hands its memory over.
const HAND_OVER: usize = 4096;
/// Memory kept when everything was consumed.
const KEPT: usize = 64 * 1024;

/// Octets that were handed over by a [`RecvBuf`], or a part of them.
#[derive(Clone, Default)]
pub struct Octets {
    bytes: Vec<u8>,
    range: Range<usize>,
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

    /// The octets as a vector: no copy, but a move to the front where they do not start there.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.range.end);
        self.bytes.drain(..self.range.start);
        self.bytes
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
        Self { range: 0..bytes.len(), bytes }
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

/// More bytes came than a [`RecvBuf`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull {
    /// The limit in octets.
    pub limit: usize,
}

impl fmt::Display for BufferFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} octets unread", self.limit)
    }
}

impl core::error::Error for BufferFull {}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec};

    use super::*;

    #[test]
    fn holds_the_limit_and_not_one_more() {
        let mut rx = RecvBuf::with_limit(4);
        assert_eq!(rx.extend(b"abcd"), Ok(()));
        assert_eq!(rx.extend(b"e"), Err(BufferFull { limit: 4 }));
        assert_eq!(rx.unread(), b"abcd", "a refused extend takes nothing");
        rx.consume(1);
        assert_eq!((rx.room(), rx.extend(b"e")), (1, Ok(())));
        assert_eq!(rx.unread(), b"bcde");
    }

    #[test]
    fn takes_small_and_large_pieces_in_order() {
        for (lead, size, rest) in [(0, 10, 5), (3, 5000, 7), (0, 5000, 0), (2, 5000, 9000), (1, 4096, 4096)] {
            let mut rx = RecvBuf::with_limit(1 << 20);
            let body: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            rx.extend(&vec![b'l'; lead]).unwrap();
            rx.extend(&body).unwrap();
            rx.extend(&vec![b'r'; rest]).unwrap();
            rx.consume(lead);
            let taken = rx.take(size);
            assert_eq!(&*taken, body.as_slice(), "{lead} {size} {rest}");
            assert_eq!(rx.unread(), vec![b'r'; rest], "{lead} {size} {rest}");
            assert_eq!(&*taken.clone().part(2..5), &body[2..5]);
            assert_eq!(taken.part(2..usize::MAX).into_vec(), &body[2..]);
        }
    }

    #[test]
    fn a_body_leaves_without_a_copy() {
        let mut rx = RecvBuf::with_limit(1 << 20);
        rx.extend(&vec![b'x'; 100_000]).unwrap();
        let held = rx.unread().as_ptr();
        let body = rx.take(99_990).part(10..99_990);
        assert_eq!(body.as_ptr(), held.wrapping_add(10));
    }

    #[test]
    fn a_trace_shows_lines_and_hides_secrets_and_bodies() {
        let mut rx = RecvBuf::with_limit(1000);
        rx.start_trace();
        rx.extend(b"+OK \x1b[2J\r\ntoken: s3cret\r\nBODY {9}\r\nten octets)\r\n").unwrap();
        rx.consume(10);
        rx.consume(7);
        rx.consume_secret(6);
        rx.consume(2);
        rx.consume(10);
        rx.consume_bulk(4);
        rx.consume_bulk(6);
        rx.consume(3);
        rx.extend(b"A {3}\r\nxyz)\r\n").unwrap();
        assert_eq!(rx.take_message(13, 7).len(), 13);
        rx.extend(b"B\r\n").unwrap();
        rx.consume(3);
        let lines: Vec<String> = rx.take_trace().into_iter().map(|line| line.text).collect();
        assert_eq!(
            lines,
            ["+OK \\x1b[2J", "token: [redacted]", "BODY {9}", "[10 octets])", "A {3}", "[6 octets]", "B"]
        );
    }
}

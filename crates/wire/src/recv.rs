use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, mem, ops::Range};

use zeroize::Zeroize;

use crate::{Describe, Direction, Octets, TraceLine, TracePart, octets::Shared, trace::Record, trace::Tape};

/// Bytes from the peer that no machine has consumed yet, at most a limit of them.
///
/// The caller [`extend`](Self::extend)s it, the machine looks at [`unread`](Self::unread) and consumes. How it
/// consumes decides what a trace shows. `Debug` shows lengths and no octets: some of them may be secret.
pub struct RecvBuf {
    /// Shared with the [`Octets`] that were taken from it. While there are any, nothing is written into it.
    bytes: Shared<Vec<u8>>,
    start: usize,
    limit: usize,
    end: End,
    tape: Option<Box<dyn Record>>,
}

impl RecvBuf {
    /// Holds at most `limit` octets at a time; allocates as they come.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { bytes: Shared::default(), start: 0, limit, end: End::Open, tape: None }
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
    /// Returns [`BufferFull`] and keeps none of `bytes` if the limit would be passed.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), BufferFull> {
        if bytes.len() > self.room() {
            return Err(BufferFull { limit: self.limit });
        }
        self.release();
        if let Some(held) = Shared::get_mut(&mut self.bytes) {
            // Moving what is left to the front pays only when it makes room that is needed.
            if held.capacity().saturating_sub(held.len()) < bytes.len() {
                held.drain(..self.start);
                self.start = 0;
            }
            held.extend_from_slice(bytes);
        } else {
            self.bytes = Shared::new([self.unread(), bytes].concat());
            self.start = 0;
        }
        Ok(())
    }

    /// Makes room for `count` octets that are known to come, as far as the limit allows, so that they are neither copied
    /// nor allocated for again and again while they arrive.
    pub fn reserve(&mut self, count: usize) {
        let count = count.min(self.room());
        if let Some(held) = Shared::get_mut(&mut self.bytes) {
            if held.capacity().saturating_sub(held.len()) < count {
                held.drain(..self.start);
                self.start = 0;
                held.reserve_exact(count);
            }
        } else {
            let unread = self.unread();
            let mut bytes = Vec::with_capacity(unread.len().saturating_add(count));
            bytes.extend_from_slice(unread);
            self.bytes = Shared::new(bytes);
            self.start = 0;
        }
    }

    /// Says that the peer will send nothing more.
    pub const fn set_eof(&mut self) {
        self.end = End::Closed;
    }

    /// Says that the stream ended without the sign of its end that TLS has, so that bytes may be missing.
    pub const fn set_cut_off(&mut self) {
        self.end = End::CutOff;
    }

    /// Says that the connection was reset, so that bytes are missing: for a trace to tell it.
    pub const fn set_reset(&mut self) {
        self.end = End::Reset;
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
        matches!(self.end, End::CutOff | End::Reset)
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
    ///
    /// Where [`Octets`] that arrived with them were taken and are not dropped yet, they cannot be wiped.
    pub fn consume_secret(&mut self, count: usize) {
        if let (Some(tape), Some(bytes)) = (&mut self.tape, self.bytes.get(self.start..)) {
            tape.secret(bytes.get(..count).unwrap_or(bytes));
        }
        let end = self.start.saturating_add(count).min(self.bytes.len());
        if let Some(bytes) = Shared::get_mut(&mut self.bytes).and_then(|bytes| bytes.get_mut(self.start..end))
        {
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
    /// They stay where they are and are not copied: see [`Octets`].
    #[inline]
    #[must_use]
    pub fn take(&mut self, count: usize) -> Octets {
        self.take_message(count, &[])
    }

    /// As [`take`](Self::take), but for each of `bodies`, in their order, a trace shows `[N octets]`.
    #[must_use]
    pub fn take_message(&mut self, count: usize, bodies: &[Range<usize>]) -> Octets {
        let count = count.min(self.unread().len());
        if self.tape.is_some() {
            self.record(count, bodies);
        }
        let range = self.start..self.start.saturating_add(count);
        let rest = self.bytes.get(range.end..).unwrap_or_default();
        // The piece takes the memory along, and the few octets behind it are copied, where it is most of what is held:
        // that is cheaper than a vector that nobody may write into until the piece is dropped.
        if rest.len() <= count && (count >= HAND_OVER || rest.is_empty() && self.bytes.capacity() > KEPT) {
            let rest = Shared::new(rest.to_vec());
            self.start = 0;
            return Octets { bytes: mem::replace(&mut self.bytes, rest), range };
        }
        self.start = range.end;
        Octets { bytes: Shared::clone(&self.bytes), range }
    }

    /// Starts a trace of what is consumed from now on. Without `describe` a secret shows as `[redacted]`.
    pub fn start_trace(&mut self, describe: Option<Describe>) {
        self.tape = Some(Box::new(Tape::new(Direction::Received, describe)));
    }

    /// Passes each line of the trace through `redact`. Does nothing if there is no trace, or after the first call. For a
    /// machine that has sent a secret, which the peer may repeat.
    pub fn redact_trace<F: Fn(&str) -> String + Send + Sync + 'static>(
        &mut self,
        redact: impl FnOnce() -> F,
    ) {
        if let Some(tape) = self.tape.as_mut().filter(|tape| tape.wants_redact()) {
            tape.redact_with(Box::new(redact()));
        }
    }

    /// The lines consumed since the last call; none unless a trace was started.
    pub fn take_trace(&mut self) -> Vec<TraceLine> {
        let end = match self.end {
            End::Open => None,
            End::Reset => Some(TracePart::Reset),
            End::Closed | End::CutOff => Some(TracePart::Closed),
        };
        let end = end.filter(|_| self.unread().is_empty());
        self.tape.as_mut().map(|tape| tape.take(end)).unwrap_or_default()
    }

    /// Gives the memory back if nothing is in it, for a wait that may be long.
    pub fn release_idle(&mut self) {
        if self.unread().is_empty()
            && let Some(bytes) = Shared::get_mut(&mut self.bytes)
        {
            (*bytes, self.start) = (Vec::new(), 0);
        }
    }

    #[cold]
    fn record(&mut self, count: usize, bodies: &[Range<usize>]) {
        if let (Some(tape), Some(bytes)) = (&mut self.tape, self.bytes.get(self.start..)) {
            let taken = bytes.get(..count).unwrap_or(bytes);
            let mut told = 0_usize;
            for body in bodies {
                tape.plain(taken.get(told..body.start).unwrap_or_default());
                tape.bulk(taken.get(body.clone()).unwrap_or_default());
                told = body.end;
            }
            tape.plain(taken.get(told..).unwrap_or_default());
        }
    }

    fn advance(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        self.release();
    }

    /// Uses the memory from its start again once everything was consumed.
    fn release(&mut self) {
        if self.start == self.bytes.len()
            && let Some(bytes) = Shared::get_mut(&mut self.bytes)
        {
            bytes.clear();
            self.start = 0;
            bytes.shrink_to(KEPT);
        }
    }
}

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuf")
            .field("unread", &format_args!("[{} octets]", self.unread().len()))
            .field("limit", &self.limit)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum End {
    Open,
    Closed,
    CutOff,
    Reset,
}

/// From this size on [`RecvBuf::take`] keeps no hold of the memory that it hands out.
const HAND_OVER: usize = 4096;
/// Memory kept when everything was consumed.
const KEPT: usize = 64 * 1024;

/// More bytes came than a [`RecvBuf`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the limit is all that there is to it")]
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
mod tests;

use alloc::vec::Vec;
use core::{fmt, mem};

use mailbearer_wire::{Lines, RecvBuf, Secret};

use super::{
    Error, Response,
    head::{Length, Parts},
};
use crate::Limits;

/// Reads the body of a response.
#[derive(Debug)]
pub(super) struct Body {
    parts: Parts,
    bytes: SecretBytes,
    /// How many octets of chunk extensions and trailers may still come.
    extras: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many octets are missing.
    Octets(usize),
    UntilClose,
    ChunkSize(Lines),
    /// So many octets of the chunk are missing.
    ChunkData(usize),
    ChunkEnd,
    Trailer(Lines),
    Whole,
}

impl Body {
    pub(super) fn new(parts: Parts, limits: &Limits) -> Result<Self, Error> {
        let mut body =
            Self { parts, bytes: SecretBytes::default(), extras: limits.head, state: State::UntilClose };
        match body.parts.length {
            Length::Octets(octets) => body.state = State::Octets(body.fitting(octets, limits)?),
            Length::Chunked => body.state = body.chunk_size(),
            Length::UntilClose => {}
        }
        Ok(body)
    }

    /// Consumes what is there; whether the body is whole.
    pub(super) fn read(&mut self, rx: &mut RecvBuf, limits: &Limits) -> Result<bool, Error> {
        loop {
            let (state, goes_on) = match mem::replace(&mut self.state, State::Whole) {
                State::Whole => return Ok(true),
                State::Octets(missing) => match self.take(rx, missing) {
                    0 => (State::Whole, true),
                    missing => (State::Octets(missing), false),
                },
                State::UntilClose => {
                    let unread = rx.unread().len();
                    self.fitting(u64::try_from(unread).unwrap_or(u64::MAX), limits)?;
                    self.take(rx, unread);
                    // An end that was cut off tells nothing: anyone on the way can bring it about.
                    let ended = rx.is_eof() && !rx.is_cut_off();
                    (if ended { State::Whole } else { State::UntilClose }, ended)
                }
                State::ChunkSize(mut lines) => match next_line(&mut lines, rx, limits)? {
                    None => (State::ChunkSize(lines), false),
                    Some(line) => {
                        let (size, extension) = size_and_extension(line)?;
                        let total = line.len();
                        self.spend(extension, limits)?;
                        let size = self.fitting(size, limits)?;
                        rx.consume(total);
                        (if size == 0 { self.trailer() } else { State::ChunkData(size) }, true)
                    }
                },
                State::ChunkData(missing) => match self.take(rx, missing) {
                    0 => (State::ChunkEnd, true),
                    missing => (State::ChunkData(missing), false),
                },
                State::ChunkEnd => match rx.unread() {
                    [] | [b'\r'] => (State::ChunkEnd, false),
                    [b'\r', b'\n', ..] => {
                        rx.consume(2);
                        (self.chunk_size(), true)
                    }
                    _ => return Err(Error::Malformed("end of chunk")),
                },
                State::Trailer(mut lines) => match next_line(&mut lines, rx, limits)? {
                    None => (State::Trailer(lines), false),
                    Some(line) => {
                        let total = line.len();
                        rx.consume(total);
                        if total == LINE_END {
                            (State::Whole, true)
                        } else {
                            self.spend(total, limits)?;
                            (self.trailer(), true)
                        }
                    }
                },
            };
            self.state = state;
            if !goes_on {
                return Ok(false);
            }
        }
    }

    /// `keeps` says whether the server was asked to keep the connection.
    pub(super) fn into_response(mut self, keeps: bool) -> Response {
        let body = Secret::new(mem::take(&mut self.bytes.0));
        Response {
            status: self.parts.status,
            retry_after: self.parts.retry_after,
            date: self.parts.date,
            challenge: self.parts.challenge.take(),
            keeps_connection: keeps && self.parts.persists && self.parts.length != Length::UntilClose,
            body,
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.0.capacity()
    }

    /// Moves what is there of `missing` octets over; how many are missing then.
    fn take(&mut self, rx: &mut RecvBuf, missing: usize) -> usize {
        let unread = rx.unread();
        let octets = unread.get(..missing).unwrap_or(unread);
        let count = octets.len();
        self.bytes.append(octets);
        if count > 0 {
            rx.consume_secret(count);
        }
        missing.saturating_sub(count)
    }

    /// `more` octets, if the body may be that much longer.
    fn fitting(&self, more: u64, limits: &Limits) -> Result<usize, Error> {
        let room = limits.body.saturating_sub(self.bytes.0.len());
        let more = usize::try_from(more).ok().filter(|&more| more <= room);
        more.ok_or(Error::Limit { what: "octets of body", limit: limits.body })
    }

    /// Counts octets of an extension or a trailer.
    fn spend(&mut self, octets: usize, limits: &Limits) -> Result<(), Error> {
        self.extras = self.extras.checked_sub(octets).ok_or_else(|| extras_limit(limits))?;
        Ok(())
    }

    fn chunk_size(&self) -> State {
        State::ChunkSize(Lines::new(self.extras.saturating_add(SIZE_DIGITS).saturating_add(LINE_END)))
    }

    fn trailer(&self) -> State {
        State::Trailer(Lines::new(self.extras.saturating_add(LINE_END)))
    }
}

/// The next line with its end, which is not consumed yet.
fn next_line<'a>(lines: &mut Lines, rx: &'a RecvBuf, limits: &Limits) -> Result<Option<&'a [u8]>, Error> {
    let Some(line) = lines.next(rx).map_err(|_| extras_limit(limits))? else { return Ok(None) };
    let octets = rx.unread().get(..line.total).unwrap_or_default();
    if octets.ends_with(b"\r\n") { Ok(Some(octets)) } else { Err(Error::Malformed("line end")) }
}

/// `chunk-size [ chunk-ext ] CRLF` (RFC 9112 section 7.1): the size, and how long the extension is.
fn size_and_extension(line: &[u8]) -> Result<(u64, usize), Error> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    let digits = line.iter().take_while(|octet| octet.is_ascii_hexdigit()).count();
    let (size, extension) = line.split_at_checked(digits).unwrap_or_default();
    let is_extension = match extension.trim_ascii_start() {
        [] => extension.is_empty(),
        [b';', rest @ ..] => rest.iter().all(|&octet| octet == b'\t' || !octet.is_ascii_control()),
        _ => false,
    };
    // Sixteen digits hold any u64, so only a size that is no number at all fails to parse.
    let size = core::str::from_utf8(size).ok().filter(|_| is_extension && digits <= SIZE_DIGITS);
    let size = size.and_then(|size| u64::from_str_radix(size, 16).ok());
    Ok((size.ok_or(Error::Malformed("chunk size"))?, extension.len()))
}

const fn extras_limit(limits: &Limits) -> Error {
    Error::Limit { what: "octets of chunk extensions and trailers", limit: limits.head }
}

/// Bytes that are wiped when they are dropped, and where they were when they move to grow.
#[derive(Default)]
struct SecretBytes(Vec<u8>);

impl SecretBytes {
    fn append(&mut self, octets: &[u8]) {
        let wanted = self.0.len().saturating_add(octets.len());
        if wanted > self.0.capacity() {
            let mut grown = Vec::with_capacity(wanted.next_power_of_two());
            grown.extend_from_slice(&self.0);
            drop(Secret::new(mem::replace(&mut self.0, grown)));
        }
        self.0.extend_from_slice(octets);
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        drop(Secret::new(mem::take(&mut self.0)));
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} octets]", self.0.len())
    }
}

/// Hexadecimal digits of a chunk size, at most.
const SIZE_DIGITS: usize = 16;
/// Octets of CRLF.
const LINE_END: usize = 2;

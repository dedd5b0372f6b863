use alloc::{string::String, vec, vec::Vec};
use core::time::Duration;

use httparse::{EMPTY_HEADER, Header, Status};
use mailbearer_wire::{Lines, RecvBuf, printable_bytes};

use super::{Error, date};
use crate::Limits;

/// Collects the head of a response line by line, then parses it once.
#[derive(Debug)]
pub(super) struct Head {
    bytes: Vec<u8>,
    lines: Lines,
}

/// What a head says that matters here.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) date: Option<u64>,
    pub(super) location: Option<String>,
    pub(super) challenge: Option<String>,
    /// Whether the server keeps the connection (RFC 9112 section 9.3).
    pub(super) persists: bool,
    pub(super) length: Length,
}

/// How the end of the body is found (RFC 9112 section 6.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Length {
    Octets(u64),
    Chunked,
    UntilClose,
}

impl Head {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self { bytes: Vec::new(), lines: Lines::new(limits.head) }
    }

    /// The parts, once the head is whole; it is consumed then.
    pub(super) fn read(&mut self, rx: &mut RecvBuf, limits: &Limits) -> Result<Option<Parts>, Error> {
        loop {
            let line = self.lines.next(rx);
            let line = line.map_err(|_| Error::Limit { what: "octets of head", limit: limits.head })?;
            let Some(line) = line else { return Ok(None) };
            let octets = rx.unread().get(..line.total).unwrap_or_default();
            if !octets.ends_with(b"\r\n") {
                return Err(Error::Malformed("line end"));
            }
            // Told at the first line, or the head of what is no HTTP at all would be waited for.
            if self.bytes.is_empty() && !octets.starts_with(b"HTTP/") {
                return Err(Error::Malformed("no HTTP"));
            }
            self.bytes.extend_from_slice(octets);
            rx.consume(line.total);
            if line.content == 0 {
                return parse(&self.bytes, limits).map(Some);
            }
            self.lines = Lines::new(limits.head.saturating_sub(self.bytes.len()));
        }
    }
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<Parts, Error> {
    let mut headers = vec![EMPTY_HEADER; limits.headers];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(Status::Complete(end)) if end == bytes.len() => {}
        Ok(_) => return Err(Error::Malformed("head")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Error::Limit { what: "header fields", limit: limits.headers });
        }
        Err(httparse::Error::Version) => return Err(Error::Malformed("version")),
        Err(httparse::Error::Status) => return Err(Error::Malformed("status line")),
        Err(_) => return Err(Error::Malformed("header field")),
    }
    let (Some(status @ 100..=599), Some(version)) = (response.code, response.version) else {
        return Err(Error::Malformed("status code"));
    };
    let fields = Fields(response.headers);
    if fields.all("Content-Encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        return Err(Error::Malformed("content coding that was not asked for"));
    }
    Ok(Parts {
        status,
        retry_after: fields.all("Retry-After").next().and_then(|value| retry_after(value, &fields)),
        date: fields.all("Date").next().and_then(date::seconds),
        // Without the query: servers repeat there what they were sent.
        location: fields.all("Location").next().map(|value| {
            let end = value.iter().position(|octet| b"?#".contains(octet)).unwrap_or(value.len());
            printable_bytes(value.get(..end).unwrap_or_default(), LOCATION)
        }),
        challenge: fields.once("WWW-Authenticate"),
        persists: version == 1 && fields.all("Connection").all(|value| !names_close(value)),
        length: length(status, version, &fields)?,
    })
}

struct Fields<'a>(&'a [Header<'a>]);

impl<'a> Fields<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// The value of a field that is there once, if it is visible ASCII.
    fn once(&self, name: &'static str) -> Option<String> {
        let mut values = self.all(name);
        let value = values.next().filter(|_| values.next().is_none())?;
        let text = core::str::from_utf8(value).ok()?;
        text.bytes().all(|octet| matches!(octet, b' '..=b'~')).then(|| text.into())
    }
}

fn names_close(value: &[u8]) -> bool {
    value.split(|&octet| octet == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// RFC 9112 section 6.3, with nothing of what it lets a recipient mend: two ways to say where the body ends are
/// how responses get split.
fn length(status: u16, minor_version: u8, fields: &Fields<'_>) -> Result<Length, Error> {
    let mut codings = fields.all("Transfer-Encoding");
    let mut lengths = fields.all("Content-Length");
    let length = match (codings.next(), lengths.next()) {
        (Some(_), Some(_)) => return Err(Error::Malformed("both length and transfer coding")),
        (Some(coding), None) => {
            if minor_version == 0 || codings.next().is_some() || !coding.eq_ignore_ascii_case(b"chunked") {
                return Err(Error::Malformed("transfer coding"));
            }
            Length::Chunked
        }
        (None, Some(length)) => match (decimal(length), lengths.next()) {
            (Some(octets), None) => Length::Octets(octets),
            _ => return Err(Error::Malformed("content length")),
        },
        (None, None) => Length::UntilClose,
    };
    // These have no body, whatever the head says.
    Ok(if status < 200 || status == 204 { Length::Octets(0) } else { length })
}

fn retry_after(value: &[u8], fields: &Fields<'_>) -> Option<Duration> {
    let seconds = decimal(value).or_else(|| {
        // By the server's own clock, for this machine's may be wrong.
        let now = fields.all("Date").next().and_then(date::seconds)?;
        Some(date::seconds(value)?.saturating_sub(now))
    });
    seconds.map(|seconds| Duration::from_secs(seconds.min(DAY)))
}

/// `1*DIGIT`; `parse` alone would let a sign through.
fn decimal(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    core::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

/// Octets of `Location` that an error shows.
const LOCATION: usize = 256;
/// The longest wait, in seconds, that a server can ask for.
const DAY: u64 = 24 * 60 * 60;

//! Where a conversation stands in its transcript; shared by the player over TCP and the one without sockets.

use std::{fmt, time::Duration};

use mailbearer_wire::printable_bytes;

use crate::{
    Transcript,
    pattern::{Match, Tags},
    transcript::{Turn, TurnKind, repeated},
};

/// A transcript being played.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    turns: &'a [Turn],
    tags: Tags,
    last_line: usize,
    /// Octets still to come of a `--C N--` that began.
    owed: Option<usize>,
}

/// What has to happen next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The server sends a segment.
    Send(Vec<u8>),
    /// The server waits before it goes on.
    Wait(Duration),
    /// The client has to send more.
    Receive,
    Tls,
    Close,
    Reset,
    /// The client has nothing more to say.
    End,
}

impl<'a> Script<'a> {
    pub(crate) fn new(transcript: &'a Transcript) -> Self {
        Self {
            turns: &transcript.turns,
            tags: Tags::default(),
            last_line: transcript.last_line(),
            owed: None,
        }
    }

    /// Line of the present turn, or the last one.
    pub(crate) fn line(&self) -> usize {
        self.turns.first().map_or(self.last_line, |turn| turn.line)
    }

    /// Whether the client still has something to say.
    pub(crate) fn client_owes(&self) -> bool {
        self.turns.iter().any(|turn| {
            matches!(turn.kind, TurnKind::Client(_) | TurnKind::ClientOctets(_) | TurnKind::ClientRequest)
        })
    }

    /// Goes on: takes the client's octets that are expected from the front of `stream`, and says what is next.
    pub(crate) fn next(&mut self, stream: &mut Vec<u8>) -> Result<Next, Difference> {
        let mut segment = Vec::new();
        while let Some((turn, rest)) = self.turns.split_first() {
            if !segment.is_empty()
                && !matches!(turn.kind, TurnKind::Server(_) | TurnKind::ServerOctets { .. })
            {
                break;
            }
            match &turn.kind {
                TurnKind::Server(pattern) => {
                    segment.extend(pattern.fill(|number| self.tags.get(number)?.as_deref()));
                }
                TurnKind::ServerOctets { count, text } => segment.extend(repeated(text, *count)),
                TurnKind::Client(pattern) => match pattern.compare(stream, &mut self.tags) {
                    Match::Whole(length) => drop(stream.drain(..length)),
                    Match::More => return Ok(Next::Receive),
                    Match::Different => return Err(self.difference(pattern.shown(), stream)),
                },
                TurnKind::ClientOctets(count) => {
                    let owed = self.owed.unwrap_or(*count);
                    let taken = owed.min(stream.len());
                    stream.drain(..taken);
                    let left = owed.saturating_sub(taken);
                    self.owed = (left > 0).then_some(left);
                    if left > 0 {
                        return Ok(Next::Receive);
                    }
                }
                TurnKind::ClientRequest => match request(stream) {
                    Some(length) => drop(stream.drain(..length)),
                    None if stream.len() < REQUEST => return Ok(Next::Receive),
                    None => return Err(self.difference("a request", stream)),
                },
                TurnKind::Cut(pause) => {
                    self.turns = rest;
                    return Ok(Next::Wait(*pause));
                }
                TurnKind::Tls => {
                    self.turns = rest;
                    return Ok(Next::Tls);
                }
                TurnKind::Close => {
                    self.turns = rest;
                    return Ok(Next::Close);
                }
                TurnKind::Reset => {
                    self.turns = rest;
                    return Ok(Next::Reset);
                }
            }
            self.turns = rest;
        }
        Ok(if segment.is_empty() { Next::End } else { Next::Send(segment) })
    }

    /// A difference at the present line.
    pub(crate) fn difference(&self, expected: impl Into<String>, got: &[u8]) -> Difference {
        let end = got.iter().position(|&octet| octet == b'\n').map_or(got.len(), |end| end.saturating_add(1));
        self.outcome(expected, printable_bytes(got.get(..end).unwrap_or(got), SHOWN))
    }

    /// A difference at the present line that is not about octets.
    pub(crate) fn outcome(&self, expected: impl Into<String>, got: impl Into<String>) -> Difference {
        Difference { line: self.line(), expected: expected.into(), got: got.into() }
    }

    /// What the client has to do at the present line, for messages.
    pub(crate) fn expected(&self) -> String {
        match self.turns.first().map(|turn| &turn.kind) {
            Some(TurnKind::Client(pattern)) => pattern.shown(),
            Some(TurnKind::ClientOctets(count)) => format!("{count} octets"),
            Some(TurnKind::ClientRequest) => "a request of HTTP".into(),
            Some(TurnKind::Tls) => "a TLS handshake".into(),
            Some(TurnKind::Close | TurnKind::Reset) => "nothing before the server closes".into(),
            Some(TurnKind::Server(_) | TurnKind::ServerOctets { .. } | TurnKind::Cut(_)) => {
                "nothing before the server goes on".into()
            }
            None => "nothing more".into(),
        }
    }
}

/// Octets of the request that `stream` begins with, once all of it is there.
fn request(stream: &[u8]) -> Option<usize> {
    let head = stream.windows(4).position(|window| window == b"\r\n\r\n")?.saturating_add(4);
    let lines = stream.get(..head)?.split(|&octet| octet == b'\n');
    let mut length = lines.filter_map(|line| {
        let (name, value) = str::from_utf8(line).ok()?.split_once(':')?;
        name.eq_ignore_ascii_case("Content-Length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = head.saturating_add(length.next_back().unwrap_or_default());
    (whole <= stream.len()).then_some(whole)
}

/// Octets of a request, at most.
const REQUEST: usize = 1 << 20;

/// Octets of the client that a [`Difference`] shows.
const SHOWN: usize = 300;

/// Where a client left its transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Line of the transcript, the first is 1.
    pub line: usize,
    /// What the transcript has there.
    pub expected: String,
    /// What the client did, printable.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}, got {}", self.line, self.expected, self.got)
    }
}

impl std::error::Error for Difference {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_an_end() {
        let rows: &[(&[u8], Option<usize>)] = &[
            (b"", None),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", None),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", Some(27)),
            (b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab", None),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd", Some(41)),
            (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nab", Some(57)),
        ];
        for (stream, want) in rows {
            assert_eq!(request(stream), *want, "{}", String::from_utf8_lossy(stream));
        }
    }
}

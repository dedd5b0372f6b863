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
    /// Octets still to come of a `--C N--` or `--C BDAT--` that began.
    owed: Option<usize>,
    /// Whether a `--C DATA--` began.
    in_message: bool,
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
            in_message: false,
        }
    }

    /// Line of the present turn, or the last one.
    pub(crate) fn line(&self) -> usize {
        self.turns.first().map_or(self.last_line, |turn| turn.line)
    }

    /// Whether the client still has something to say.
    pub(crate) fn client_owes(&self) -> bool {
        self.turns.iter().any(|turn| {
            !matches!(
                turn.kind,
                TurnKind::Server(_)
                    | TurnKind::ServerOctets { .. }
                    | TurnKind::Cut(_)
                    | TurnKind::Tls
                    | TurnKind::Close
                    | TurnKind::Reset
            )
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
                    if !self.take(*count, stream) {
                        return Ok(Next::Receive);
                    }
                }
                TurnKind::ClientChunk => {
                    let count = match (self.owed, chunk(stream)) {
                        (Some(count), _) => count,
                        (None, Chunk::Command { length, count }) => {
                            stream.drain(..length);
                            count
                        }
                        (None, Chunk::More) => return Ok(Next::Receive),
                        (None, Chunk::Other) => return Err(self.difference("BDAT", stream)),
                    };
                    if !self.take(count, stream) {
                        return Ok(Next::Receive);
                    }
                }
                TurnKind::ClientMessage => {
                    if !self.take_message(stream) {
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

    /// Takes `count` octets, or those of them that are still owed. Returns whether that is all.
    fn take(&mut self, count: usize, stream: &mut Vec<u8>) -> bool {
        let owed = self.owed.unwrap_or(count);
        let taken = owed.min(stream.len());
        stream.drain(..taken);
        let left = owed.saturating_sub(taken);
        self.owed = (left > 0).then_some(left);
        left == 0
    }

    /// Takes a message up to its dot, as far as it is there. Returns whether that is all.
    fn take_message(&mut self, stream: &mut Vec<u8>) -> bool {
        let end = match stream.strip_prefix(b".\r\n") {
            Some(_) if !self.in_message => Some(3),
            _ => stream
                .windows(END.len())
                .position(|window| window == END)
                .map(|at| at.saturating_add(END.len())),
        };
        match end {
            Some(end) => drop(stream.drain(..end)),
            // The last octets may be the beginning of the end, so they stay.
            None if stream.len() >= END.len() => {
                let rest = stream.len().saturating_sub(END.len()).saturating_add(1);
                stream.drain(..rest);
                self.in_message = true;
            }
            None => {}
        }
        if end.is_some() {
            self.in_message = false;
        }
        end.is_some()
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
            Some(TurnKind::ClientMessage) => "a message and its dot".into(),
            Some(TurnKind::ClientChunk) => "BDAT and its octets".into(),
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

/// What is at the start of a stream that should have a BDAT command.
enum Chunk {
    /// A line of so many octets, and so many octets behind it.
    Command {
        length: usize,
        count: usize,
    },
    More,
    Other,
}

fn chunk(stream: &[u8]) -> Chunk {
    let Some(end) = stream.iter().position(|&octet| octet == b'\n') else {
        return if stream.len() < BDAT { Chunk::More } else { Chunk::Other };
    };
    let mut words = stream.get(..end).unwrap_or_default().trim_ascii_end().split(|&octet| octet == b' ');
    let name = words.next().unwrap_or_default();
    let count = words.next().and_then(|count| str::from_utf8(count).ok()?.parse().ok());
    match count {
        Some(count) if name.eq_ignore_ascii_case(b"BDAT") => {
            Chunk::Command { length: end.saturating_add(1), count }
        }
        _ => Chunk::Other,
    }
}

/// The end of a message.
const END: &[u8] = b"\r\n.\r\n";
/// Octets of a BDAT command, at most.
const BDAT: usize = 512;
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
    fn a_message_has_an_end_however_it_is_cut() {
        let rows = [
            ("--C DATA--\nC: QUIT", ".\r\nQUIT\r\n"),
            ("--C DATA--\nC: QUIT", "a\r\n..\r\nb\n.\n\r\n.\r\nQUIT\r\n"),
            ("--C DATA--\n--C DATA--\nC: QUIT", "a.\r\nb\r\n.\r\n.\r\nQUIT\r\n"),
            ("--C BDAT--\nC: QUIT", "BDAT 8\r\nBDAT 1\r\nQUIT\r\n"),
            ("--C BDAT--\n--C BDAT--\nC: QUIT", "BDAT 3\r\na\r\nbdat 0 LAST\r\nQUIT\r\n"),
        ];
        for (text, client) in rows {
            let transcript = Transcript::parse(text).unwrap();
            for chunk in 1..=client.len() {
                let (mut script, mut stream) = (Script::new(&transcript), Vec::new());
                let mut last = script.next(&mut stream).unwrap();
                for piece in client.as_bytes().chunks(chunk) {
                    assert_eq!(last, Next::Receive, "{client:?} by {chunk}");
                    stream.extend_from_slice(piece);
                    last = script.next(&mut stream).unwrap();
                }
                assert_eq!((last, stream.len()), (Next::End, 0), "{client:?} by {chunk}");
            }
        }
        for client in ["QUIT\r\n", "BDAT\r\n", "BDAT x\r\n", &"B".repeat(BDAT)] {
            let transcript = Transcript::parse("--C BDAT--").unwrap();
            let difference = Script::new(&transcript).next(&mut client.into()).unwrap_err();
            assert_eq!((difference.line, difference.expected.as_str()), (1, "BDAT"), "{client:?}");
        }
    }

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

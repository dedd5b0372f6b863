use alloc::vec::Vec;
use core::{fmt, mem, time::Duration};

use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use super::{BadRequest, Request, RequestReader, page, response};

/// The server's side of one HTTP/1.1 exchange with a token endpoint: a request, a response, the end.
///
/// Answer the [`Event`] by [`respond`](Self::respond), then step on. The receive buffer must hold
/// [`RequestReader::HEAD`] and [`RequestReader::BODY`] together.
///
/// ```
/// use mailbearer_oauth::server::{Event, RequestReader, Session};
/// use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
///
/// let mut rx = RecvBuf::with_limit(RequestReader::HEAD + RequestReader::BODY);
/// let (mut session, mut tx) = (Session::new(), SendBuf::new());
/// rx.extend(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
/// let Step::Event(Event::Request(request)) = session.step(&mut rx, &mut tx)? else { panic!() };
/// assert_eq!(request.target, "/health");
/// session.respond(200, &[], "{}")?;
/// assert!(matches!(session.step(&mut rx, &mut tx)?, Step::Close));
/// assert!(tx.unsent().starts_with(b"HTTP/1.1 200 OK\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    state: State,
    silence: Duration,
}

#[derive(Debug)]
enum State {
    Request(RequestReader),
    Owed,
    Response(Vec<u8>),
    Closing,
    Failed(Error),
}

/// What a client sent. Both are answered by [`Session::respond`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request.
    Request(Request),
    /// Something that is none, or passes a limit: status 400.
    Invalid(BadRequest),
}

/// Why a session failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A method was called out of its turn, or an event was not answered.
    Misuse(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(rule) => f.write_str(rule),
        }
    }
}

impl core::error::Error for Error {}

impl Session {
    /// Expects a request of a client that has just connected. It may be silent for 30 seconds.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Request(RequestReader::new()), silence: Duration::from_secs(30) }
    }

    /// Changes how long the client may be silent.
    #[must_use]
    pub const fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Answers with a JSON body, and closes. `headers` are written as they are. Before there is a request it answers
    /// without one, which is how a server that is too busy says 503.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] where the answer was given already.
    pub fn respond(&mut self, status: u16, headers: &[(&str, &str)], json: &str) -> Result<(), Error> {
        self.answer(response(status, headers, json))
    }

    /// Answers with a page in HTML, and closes, as [`respond`](Self::respond) does.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] where the answer was given already.
    pub fn respond_page(&mut self, status: u16, headers: &[(&str, &str)], html: &str) -> Result<(), Error> {
        self.answer(page(status, headers, html))
    }

    /// Closes without an answer, as a server that crashes does.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] where the answer was given already.
    pub fn hang_up(&mut self) -> Result<(), Error> {
        self.end(State::Closing)
    }

    pub(super) fn answer(&mut self, response: Vec<u8>) -> Result<(), Error> {
        self.end(State::Response(response))
    }

    fn end(&mut self, state: State) -> Result<(), Error> {
        match self.state {
            State::Request(_) | State::Owed => {
                self.state = state;
                Ok(())
            }
            _ => Err(Error::Misuse("the request was answered already")),
        }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine for Session {
    type Event = Event;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        match mem::replace(&mut self.state, State::Closing) {
            State::Request(mut reader) => {
                let event = match reader.next(rx) {
                    Ok(Some(request)) => Event::Request(request),
                    Err(error) => Event::Invalid(error),
                    // It went away before it had asked for anything, as browsers do that connect ahead.
                    Ok(None) if rx.is_eof() => return Ok(Step::Close),
                    Ok(None) => {
                        self.state = State::Request(reader);
                        return Ok(Step::Read);
                    }
                };
                self.state = State::Owed;
                Ok(Step::Event(event))
            }
            State::Owed => {
                let error = Error::Misuse("an event was not answered");
                self.state = State::Failed(error);
                Err(error)
            }
            State::Response(octets) => {
                // A token is in it, most likely.
                tx.push_secret(&octets);
                Ok(Step::Close)
            }
            State::Closing => Ok(Step::Close),
            State::Failed(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.silence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says `input` in pieces; returns what is told and the answer.
    fn run(input: &[u8], chunk: usize) -> (Vec<&'static str>, Vec<u8>) {
        let mut rx = RecvBuf::with_limit(RequestReader::HEAD + RequestReader::BODY);
        let (mut session, mut tx, mut told) = (Session::new(), SendBuf::new(), Vec::new());
        let mut pieces = input.chunks(chunk);
        loop {
            match session.step(&mut rx, &mut tx).unwrap() {
                Step::Event(Event::Request(request)) => {
                    told.push(if request.body.expose().is_empty() { "empty" } else { "body" });
                    session.respond(200, &[], "{}").unwrap();
                    assert_eq!(session.respond(200, &[], "{}").map_err(|_| ()), Err(()));
                }
                Step::Event(Event::Invalid(_)) => {
                    told.push("invalid");
                    session.respond(400, &[("X-A", "b")], "[]").unwrap();
                }
                Step::Read => match pieces.next() {
                    Some(piece) => rx.extend(piece).unwrap(),
                    None => rx.set_eof(),
                },
                Step::Close => return (told, tx.unsent().to_vec()),
                step => panic!("{step:?}"),
            }
        }
    }

    #[test]
    fn answers_one_request() {
        let rows: &[(&str, &[u8], &[&str], &str)] = &[
            ("get", b"GET / HTTP/1.1\r\n\r\n", &["empty"], "HTTP/1.1 200 OK\r\n"),
            ("post", b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", &["body"], "HTTP/1.1 200 OK\r\n"),
            ("two", b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", &["empty"], "HTTP/1.1 200 OK\r\n"),
            ("no request", b"* OK IMAP4rev1\r\n\r\n", &["invalid"], "HTTP/1.1 400 Bad Request\r\n"),
            ("cut in the head", b"GET / HTTP/1.1\r\n", &[], ""),
            ("cut in the body", b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na", &[], ""),
        ];
        for (name, input, told, start) in rows {
            for chunk in 1..=input.len() {
                let (found, said) = run(input, chunk);
                assert_eq!(found, *told, "{name} by {chunk}");
                let shown = said.escape_ascii();
                assert!(
                    said.starts_with(start.as_bytes()) && said.is_empty() == start.is_empty(),
                    "{name}: {shown}"
                );
            }
        }
    }

    #[test]
    fn says_that_it_is_busy_before_it_was_asked() {
        let (mut rx, mut tx, mut session) = (RecvBuf::with_limit(1), SendBuf::new(), Session::new());
        session.respond(503, &[("Retry-After", "1")], "{}").unwrap();
        assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Close)));
        assert!(tx.unsent().starts_with(b"HTTP/1.1 503 Service Unavailable\r\n"));
        let (mut rx, mut session) =
            (RecvBuf::with_limit(100), Session::new().silence(Duration::from_secs(1)));
        assert_eq!(session.patience(), Some(Duration::from_secs(1)));
        rx.extend(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(matches!(session.step(&mut rx, &mut tx), Ok(Step::Event(_))));
        let mut left = Session::new();
        left.hang_up().unwrap();
        assert_eq!(left.hang_up(), Err(Error::Misuse("the request was answered already")));
        tx.sent(usize::MAX);
        assert!(matches!(left.step(&mut rx, &mut tx), Ok(Step::Close)) && tx.unsent().is_empty());
        let mut shown = Session::new();
        shown.respond_page(200, &[], "<p>page</p>").unwrap();
        assert!(
            matches!(shown.step(&mut rx, &mut tx), Ok(Step::Close)) && tx.unsent().ends_with(b"<p>page</p>")
        );
        let unanswered = Err(Error::Misuse("an event was not answered"));
        assert_eq!(session.step(&mut rx, &mut tx).map(drop), unanswered);
        assert_eq!(session.step(&mut rx, &mut tx).map(drop), unanswered);
    }
}

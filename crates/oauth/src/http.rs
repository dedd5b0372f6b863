//! One HTTP/1.1 exchange, as token endpoints need it: a request goes out in one flight, one response comes back.
//!
//! It follows RFC 9112 on the strict side, for a form with a secret in it goes only to a server that is what it
//! should be: no redirect is followed, no coding but identity accepted, no length guessed.

use alloc::{string::String, vec::Vec};
use core::{fmt, mem, time::Duration};

use mailbearer_wire::{Machine, RecvBuf, Secret, SendBuf, Step};

use crate::{Endpoint, Limits};

mod body;
mod date;
mod head;
mod request;

use body::Body;
use head::Head;
pub use request::{InvalidField, Request};

/// Sends one request and reads one response; then it closes, if the connection is not used again.
///
/// The request goes out in one flight. Its body and the fields that [`Request::secret_field`] added are secrets to any
/// trace, and so is the body of the response: a success holds a token, and a failure may repeat the form. What follows
/// the response is left unread.
#[derive(Debug)]
pub struct Exchange {
    state: State,
    limits: Limits,
    /// Whether the server was asked to keep the connection.
    keeps: bool,
}

#[derive(Debug)]
enum State {
    Request(Request),
    Head { head: Head, interim: usize },
    Body(Body),
    Done,
    Failed(Error),
}

impl Exchange {
    /// An exchange for this request.
    #[must_use]
    pub const fn new(request: Request, limits: Limits) -> Self {
        let keeps = request.keeps_connection();
        Self { state: State::Request(request), limits, keeps }
    }

    /// A request with `form`, which is `application/x-www-form-urlencoded`, and where `basic` is given with an
    /// `Authorization` field of the scheme `Basic` and these base64 credentials.
    #[must_use]
    pub fn post(endpoint: &Endpoint, basic: Option<Secret>, form: Secret, limits: Limits) -> Self {
        Self::new(Request::form(endpoint.clone(), form).with_basic(basic), limits)
    }

    fn advance(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Response>, Error> {
        loop {
            self.state = match mem::replace(&mut self.state, State::Done) {
                // What came before it was asked for is no answer, whoever sent it.
                State::Request(_) if !rx.unread().is_empty() => {
                    return Err(Error::Malformed("response before the request"));
                }
                State::Request(request) => {
                    request.write(tx);
                    State::Head { head: Head::new(&self.limits), interim: 0 }
                }
                State::Head { mut head, interim } => match head.read(rx, &self.limits)? {
                    None => {
                        self.state = State::Head { head, interim };
                        return wait(rx);
                    }
                    // 101 would be the answer to a question that was not asked.
                    Some(parts) if parts.status == 101 => return Err(Error::Malformed("unasked upgrade")),
                    Some(parts) if parts.status < 200 => {
                        if interim >= self.limits.interim {
                            return Err(Error::Limit { what: "interim responses", limit: interim });
                        }
                        State::Head { head: Head::new(&self.limits), interim: interim.saturating_add(1) }
                    }
                    Some(parts) if matches!(parts.status, 300..=399) => {
                        return Err(Error::Redirect { status: parts.status, location: parts.location });
                    }
                    Some(parts) => State::Body(Body::new(parts, &self.limits)?),
                },
                State::Body(mut body) => {
                    if body.read(rx, &self.limits)? {
                        return Ok(Step::Event(body.into_response(self.keeps)));
                    }
                    self.state = State::Body(body);
                    return wait(rx);
                }
                State::Done => return Ok(Step::Close),
                State::Failed(error) => return Err(error),
            };
        }
    }
}

impl Machine for Exchange {
    type Event = Response;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Response>, Error> {
        let step = self.advance(rx, tx);
        if let Err(error) = &step {
            self.state = State::Failed(error.clone());
        }
        step
    }

    /// Half a minute: a token endpoint answers within a second or is in trouble.
    fn patience(&self) -> Option<Duration> {
        Some(Duration::from_secs(30))
    }
}

fn wait(rx: &RecvBuf) -> Result<Step<Response>, Error> {
    if rx.is_eof() { Err(Error::Truncated) } else { Ok(Step::Read) }
}

/// A whole response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// 200 to 299, or 400 and above.
    pub status: u16,
    /// `Retry-After`, in seconds or as a date that is as far from the response's own `Date`; at most a day.
    pub retry_after: Option<Duration>,
    /// `Date`: the server's clock, in seconds since 1970.
    pub date: Option<u64>,
    /// `WWW-Authenticate`, where it is there once and visible ASCII.
    pub challenge: Option<String>,
    /// Whether the connection can be used for another request: the request asked for that, and the response does not
    /// say otherwise and has an end of its own.
    pub keeps_connection: bool,
    /// The body, decoded from chunks.
    pub body: Secret<Vec<u8>>,
}

impl Response {
    /// A response that another HTTP client has read, without header fields.
    #[must_use]
    pub const fn new(status: u16, body: Secret<Vec<u8>>) -> Self {
        Self { status, retry_after: None, date: None, challenge: None, keeps_connection: false, body }
    }
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server sends elsewhere. No redirect of a form with a secret in it is followed (RFC 9700 section
    /// 4.12).
    Redirect {
        /// HTTP status.
        status: u16,
        /// `Location`, cut and escaped.
        location: Option<String>,
    },
    /// The server broke HTTP; names the part.
    Malformed(&'static str),
    /// The connection ended before the response did.
    Truncated,
    /// The server sent more than the limit allows.
    Limit {
        /// Of what.
        what: &'static str,
        /// The limit, in octets or by number.
        limit: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect { status, location: Some(location) } => {
                write!(f, "redirect (HTTP {status}) to {location} is not followed")
            }
            Self::Redirect { status, location: None } => {
                write!(f, "redirect (HTTP {status}) is not followed")
            }
            Self::Malformed(part) => write!(f, "malformed HTTP response: {part}"),
            Self::Truncated => f.write_str("connection ended before the response did"),
            Self::Limit { what, limit } => write!(f, "HTTP response with more than {limit} {what}"),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests;

//! One HTTP/1.1 exchange, as the token endpoint needs it: a form is posted, one response comes back.
//!
//! It follows RFC 9112 on the strict side, for a form with a secret in it goes only to a server that is what it
//! should be: no redirect is followed, no coding but identity accepted, no length guessed.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, mem, time::Duration};

use mailbearer_wire::{Machine, RecvBuf, Secret, SendBuf, Step};

use crate::{Endpoint, Limits};

mod body;
mod date;
mod head;

use body::Body;
use head::Head;

/// Posts one form and reads one response; then it closes.
///
/// The request goes out in one flight. The form is a secret to any trace, and so is the body of the response: a
/// success holds a token, and a failure may repeat the form. What follows the response is left unread.
#[derive(Debug)]
pub struct Exchange {
    state: State,
    limits: Limits,
}

#[derive(Debug)]
enum State {
    Request { head: String, authorization: Option<Secret>, form: Secret },
    Head { head: Head, interim: usize },
    Body(Body),
    Done,
    Failed(Error),
}

impl Exchange {
    /// A request with `form`, which is `application/x-www-form-urlencoded`, and where `basic` is given with an
    /// `Authorization` field of the scheme `Basic` and these base64 credentials.
    #[must_use]
    pub fn post(endpoint: &Endpoint, basic: Option<Secret>, form: Secret, limits: Limits) -> Self {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: mailbearer/{}\r\nAccept: application/json\r\n\
             Accept-Encoding: identity\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n",
            endpoint.target(),
            endpoint.authority(),
            env!("CARGO_PKG_VERSION"),
            form.expose().len(),
        );
        Self { state: State::Request { head, authorization: basic, form }, limits }
    }

    fn advance(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Response>, Error> {
        loop {
            self.state = match mem::replace(&mut self.state, State::Done) {
                State::Request { head, authorization, form } => {
                    tx.push(head.as_bytes());
                    if let Some(credentials) = authorization {
                        tx.push(b"Authorization: Basic ");
                        tx.push_secret(credentials.expose().as_bytes());
                        tx.push(b"\r\n");
                    }
                    tx.push(b"\r\n");
                    tx.push_secret(form.expose().as_bytes());
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
                        return Ok(Step::Event(body.into_response()));
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
    /// The body, decoded from chunks.
    pub body: Secret<Vec<u8>>,
}

impl Response {
    /// A response that another HTTP client has read, without `Retry-After`.
    #[must_use]
    pub const fn new(status: u16, body: Secret<Vec<u8>>) -> Self {
        Self { status, retry_after: None, body }
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

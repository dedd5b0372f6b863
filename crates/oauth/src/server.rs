//! The server's side: reads token requests, writes responses, and keeps the session of one exchange.
//!
//! It shares no code with the client's side, so that the two can prove each other wrong.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use httparse::{EMPTY_HEADER, Status};
use mailbearer_wire::{RecvBuf, Secret};

use crate::form::{self, BadText};

mod redirect;
mod session;

pub use redirect::{OtherRequest, RedirectEvent, RedirectSession};
pub use session::{Error, Event, Session};

/// Reads one request after the other from what a client sends.
///
/// The receive buffer must be able to hold [`RequestReader::HEAD`] and [`RequestReader::BODY`] together.
#[derive(Clone, Debug, Default)]
pub struct RequestReader {
    /// Octets that were searched for the end of the head.
    scanned: usize,
    parts: Option<Parts>,
}

#[derive(Clone, Debug)]
struct Parts {
    request: Request,
    body: usize,
}

impl RequestReader {
    /// Octets of a request's head, at most.
    pub const HEAD: usize = 16 * 1024;
    /// Header fields of a request, at most.
    pub const HEADERS: usize = 64;
    /// Octets of a request's body, at most.
    pub const BODY: usize = 256 * 1024;

    /// Expects a request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next whole request, or `None` while a part of it is missing.
    ///
    /// # Errors
    ///
    /// Returns [`BadRequest`] for what is no HTTP/1 request, has a body without `Content-Length`, or passes a
    /// limit.
    pub fn next(&mut self, rx: &mut RecvBuf) -> Result<Option<Request>, BadRequest> {
        let parts = match self.parts.take() {
            Some(parts) => parts,
            None => match self.head(rx)? {
                Some(parts) => parts,
                None => return Ok(None),
            },
        };
        let Some(body) = rx.unread().get(..parts.body) else {
            self.parts = Some(parts);
            return Ok(None);
        };
        let mut request = parts.request;
        request.body = Secret::new(body.to_vec());
        rx.consume_secret(parts.body);
        Ok(Some(request))
    }

    fn head(&mut self, rx: &mut RecvBuf) -> Result<Option<Parts>, BadRequest> {
        let unread = rx.unread();
        let searched = unread.get(self.scanned.saturating_sub(3)..).unwrap_or_default();
        let Some(position) = searched.windows(4).position(|window| window == b"\r\n\r\n") else {
            self.scanned = unread.len();
            return if unread.len() >= Self::HEAD {
                Err(BadRequest("head over the limit"))
            } else {
                Ok(None)
            };
        };
        let end = self.scanned.saturating_sub(3).saturating_add(position).saturating_add(4);
        self.scanned = 0;
        let head = unread.get(..end).filter(|head| head.len() <= Self::HEAD);
        let parts = parse(head.ok_or(BadRequest("head over the limit"))?)?;
        // The client's secret may be in it.
        rx.consume_secret(end);
        Ok(Some(parts))
    }
}

/// A request to the token endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// `POST`, or what else was sent.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The header fields, names in lower case; values that are not UTF-8 are left out.
    pub headers: Vec<(String, Secret)>,
    /// The body.
    pub body: Secret<Vec<u8>>,
}

impl Request {
    /// The value of a header field, if it is there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(present, _)| present.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value.expose().as_str())
    }

    /// The form in the body.
    ///
    /// # Errors
    ///
    /// Returns [`BadRequest`] for another content type, a field that occurs twice, and what [`decode_form`]
    /// refuses.
    pub fn form(&self) -> Result<Form, BadRequest> {
        let kind = self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        if !kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(BadRequest("content type is not of a form"));
        }
        let fields = decode_form(self.body.expose())?;
        for (position, (name, _)) in fields.iter().enumerate() {
            if fields.iter().skip(position.saturating_add(1)).any(|(other, _)| other == name) {
                return Err(BadRequest("form field occurs twice"));
            }
        }
        Ok(Form { fields: fields.into_iter().map(|(name, value)| (name, Secret::new(value))).collect() })
    }

    /// Id and secret of the client, from an `Authorization` field of the scheme `Basic`.
    #[must_use]
    pub fn basic(&self) -> Option<(String, Secret)> {
        let (scheme, credentials) = self.header("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        Some((decode_text(id.as_bytes()).ok()?, Secret::new(decode_text(secret.as_bytes()).ok()?)))
    }
}

/// The fields of a form, each there once.
#[derive(Clone, Debug)]
pub struct Form {
    fields: Vec<(String, Secret)>,
}

impl Form {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(present, _)| present == name).map(|(_, value)| value.expose().as_str())
    }
}

/// A request that a server answers with status 400, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the reason is all that there is to it")]
pub struct BadRequest(pub &'static str);

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad request: {}", self.0)
    }
}

impl core::error::Error for BadRequest {}

/// The pairs of an `application/x-www-form-urlencoded` text, in order.
///
/// # Errors
///
/// Returns [`BadRequest`] for a `%` without two hexadecimal digits, and for what is not UTF-8 when decoded.
pub fn decode_form(form: &[u8]) -> Result<Vec<(String, String)>, BadRequest> {
    let mut pairs = Vec::new();
    for pair in form.split(|&octet| octet == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |&octet| octet == b'=');
        let name = decode_text(halves.next().unwrap_or_default())?;
        pairs.push((name, decode_text(halves.next().unwrap_or_default())?));
    }
    Ok(pairs)
}

/// A response with a JSON body, after which the server closes. `headers` are written as they are.
#[must_use]
pub fn response(status: u16, headers: &[(&str, &str)], json: &str) -> Vec<u8> {
    response_of("application/json; charset=utf-8", status, headers, json)
}

/// The same with a page in HTML.
#[must_use]
pub fn page(status: u16, headers: &[(&str, &str)], html: &str) -> Vec<u8> {
    response_of("text/html; charset=utf-8", status, headers, html)
}

fn response_of(kind: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut response = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    let length = format!("{}", body.len());
    let own = [
        ("Content-Type", kind),
        ("Content-Length", length.as_str()),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ];
    for (name, value) in own.iter().chain(headers) {
        response.extend([*name, ": ", *value, "\r\n"]);
    }
    response.push_str("\r\n");
    response.push_str(body);
    response.into_bytes()
}

fn parse(head: &[u8]) -> Result<Parts, BadRequest> {
    let mut headers = [EMPTY_HEADER; RequestReader::HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(head) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Err(BadRequest("head")),
        Err(httparse::Error::TooManyHeaders) => return Err(BadRequest("header fields over the limit")),
        Err(_) => return Err(BadRequest("no HTTP/1 request")),
    }
    // RFC 9112 section 3.2. Values that are left out below count.
    if parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host")).count() > 1 {
        return Err(BadRequest("more than one Host"));
    }
    let texts = parsed.headers.iter().filter_map(|header| {
        let value = core::str::from_utf8(header.value).ok()?;
        Some((header.name.to_ascii_lowercase(), Secret::from(value)))
    });
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers: texts.collect(),
        body: Secret::default(),
    };
    if request.headers.iter().any(|(name, _)| name == "transfer-encoding") {
        return Err(BadRequest("transfer coding"));
    }
    let body = match (request.header("content-length"), request.method.as_str()) {
        (Some(length), _) => length.parse().map_err(|_| BadRequest("content length"))?,
        (None, "GET" | "HEAD") => 0,
        (None, _) => return Err(BadRequest("no content length")),
    };
    if body > RequestReader::BODY {
        return Err(BadRequest("body over the limit"));
    }
    Ok(Parts { request, body })
}

/// Only for what is no secret, or becomes one at once.
fn decode_text(text: &[u8]) -> Result<String, BadRequest> {
    let text = form::decode(text).map_err(|error| match error {
        BadText::Escape => BadRequest("bad escape in a form"),
        BadText::Utf8 => BadRequest("form is not UTF-8"),
    });
    text.map(|text| text.expose().clone())
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[cfg(test)]
mod tests;

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use mailbearer_sasl::Redactor;
use mailbearer_wire::{Json, Secret, printable_bytes};

use crate::{Error, ErrorResponse, Limits, http::Response};

/// An access token of the type `bearer`, and what came with it (RFC 6749 section 5.1).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Token {
    /// The token: visible ASCII without spaces, fit for any SASL mechanism and header.
    pub access_token: Secret,
    /// How long it lives from when it was asked for, at most a year. `None` where the server does not say, or
    /// says nonsense.
    pub expires_in: Option<Duration>,
    /// What gets the next one. Where there is none the one that was sent stays good.
    pub refresh_token: Option<Secret>,
    /// How long the refresh token lives at most, for servers that say so: `refresh_token_expires_in` of Google,
    /// `refresh_expires_in` of Keycloak.
    pub refresh_token_expires_in: Option<Duration>,
    /// The scopes that were granted, where the server says so; escaped. They can be fewer than were asked for.
    pub scope: Option<String>,
    /// Who logged in, in the server's words (OpenID Connect Core section 2), where `openid` was among the scopes.
    /// [`Claims`](crate::Claims) reads it.
    pub id_token: Option<Secret>,
}

impl Token {
    /// A token that came by another way, such as from a file.
    #[must_use]
    pub const fn new(access_token: Secret, expires_in: Option<Duration>) -> Self {
        Self {
            access_token,
            expires_in,
            refresh_token: None,
            refresh_token_expires_in: None,
            scope: None,
            id_token: None,
        }
    }

    /// Reads a response of the token endpoint.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Refused`] for a JSON object with a text `error`, whatever the status; [`Error::Status`]
    /// for any other body with a status of 400 and above; [`Error::NotAToken`] for a success that is no JSON
    /// object (a byte order mark, something after the object or more than 127 nested levels included), that has
    /// no `token_type` `bearer` in any case of letters, or whose access token is missing, empty, longer than
    /// [`Limits::token`] or holds anything but visible ASCII.
    pub fn from_response(response: &Response, limits: &Limits) -> Result<Self, Error> {
        Self::read(response, limits, &[])
    }

    /// The same, without `secrets` in any error.
    pub(crate) fn read(response: &Response, limits: &Limits, secrets: &[Secret]) -> Result<Self, Error> {
        let (status, body) = (response.status, response.body.expose());
        let fields = match Json::parse(body) {
            Some(json) if json.is_object() => Ok(json),
            Some(_) => Err("no JSON object"),
            None if body.trim_ascii().is_empty() => Err("empty body"),
            None => Err("no JSON"),
        };
        let is_success = matches!(status, 200..=299);
        if let Ok(fields) = fields
            && fields.get("error").and_then(Json::text).is_some_and(|error| !error.is_empty())
        {
            return Err(Error::Refused(Box::new(refusal(response, fields, &Redactor::new(secrets)))));
        }
        if !is_success {
            let excerpt = excerpt(status, body, secrets);
            return Err(Error::Status { status, retry_after: response.retry_after, excerpt });
        }
        fields.and_then(|fields| token(fields, limits)).map_err(|reason| Error::NotAToken {
            status,
            reason,
            excerpt: excerpt(status, body, secrets),
        })
    }
}

fn token(fields: Json<'_>, limits: &Limits) -> Result<Token, &'static str> {
    let text = |name| fields.get(name).and_then(Json::text);
    let (access_token, refresh_token) = (text("access_token"), text("refresh_token"));
    let (access_token, refresh_token) = (access_token.map(Secret::new), refresh_token.map(Secret::new));
    let id_token = text("id_token").map(Secret::new).filter(|token| token.expose().len() <= limits.token);
    let kind = text("token_type").map(|kind| kind.eq_ignore_ascii_case("bearer"));
    let expires_in = fields.get("expires_in").and_then(life);
    // Keycloak says 0 of a token that never expires.
    let ends = |name| fields.get(name).and_then(life).filter(|life| !life.is_zero());
    let refresh_token_expires_in = ends("refresh_token_expires_in").or_else(|| ends("refresh_expires_in"));
    let scope = text("scope").map(|scope| printable_bytes(scope.as_bytes(), SCOPE));

    match kind {
        None => return Err("no token type"),
        Some(false) => return Err("token type is not bearer"),
        Some(true) => {}
    }
    let access_token = access_token.ok_or("no access token")?;
    match access_token.expose() {
        text if text.is_empty() => return Err("empty access token"),
        text if text.len() > limits.token => return Err("access token over the limit"),
        text if !text.bytes().all(|octet| octet.is_ascii_graphic()) => {
            return Err("access token with a space, a control character or non-ASCII");
        }
        _ => {}
    }
    let refresh_token = refresh_token.filter(|token| !token.expose().is_empty());
    if refresh_token.as_ref().is_some_and(|token| token.expose().len() > limits.token) {
        return Err("refresh token over the limit");
    }
    Ok(Token { access_token, expires_in, refresh_token, refresh_token_expires_in, scope, id_token })
}

/// Seconds as a number, with or without a fraction, or, against RFC 6749 and as some servers send them, in a string.
fn life(value: Json<'_>) -> Option<Duration> {
    let text = value.number().map(String::from).or_else(|| value.text())?;
    let is_decimal = |octet: u8| octet.is_ascii_digit() || b".eE".contains(&octet);
    if !text.starts_with(|first: char| first.is_ascii_digit()) || !text.bytes().all(is_decimal) {
        return None;
    }
    let seconds = match text.parse() {
        Ok(seconds) => seconds,
        // What is too large for a duration makes no sense.
        Err(_) => whole_seconds(&text)?,
    };
    Some(Duration::from_secs(seconds.min(YEAR)))
}

fn refusal(response: &Response, fields: Json<'_>, redactor: &Redactor) -> ErrorResponse {
    let text = |name, limit| {
        let text = fields.get(name)?.text()?;
        // Before it is cut: half a secret is not found.
        Some(printable_bytes(one_line(&redactor.redact(&text)).as_bytes(), limit))
    };
    let mut error_codes = Vec::new();
    for code in fields.get("error_codes").map(Json::items).unwrap_or_default() {
        if let Some(code) = code.number().and_then(|code| code.parse().ok())
            && error_codes.len() < ERROR_CODES
        {
            error_codes.push(code);
        }
    }
    ErrorResponse {
        error: text("error", ErrorResponse::TEXT).unwrap_or_default(),
        error_description: text("error_description", ErrorResponse::DESCRIPTION),
        error_codes,
        trace_id: text("trace_id", ErrorResponse::TEXT),
        correlation_id: text("correlation_id", ErrorResponse::TEXT),
        error_uri: text("error_uri", ErrorResponse::TEXT),
        http_status: response.status,
        retry_after: response.retry_after,
    }
}

/// Microsoft's descriptions are several lines.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// How a body begins, unless a token could be in what is shown.
///
/// A success is shown only where it is markup, as a proxy's login page. `_token` is in the name of every field
/// that holds one, and a name comes before its value.
fn excerpt(status: u16, body: &[u8], secrets: &[Secret]) -> String {
    let body = body.trim_ascii();
    // What is redacted gets shorter; a long secret may fill all of this.
    let begin = body.get(..EXCERPT.saturating_mul(10)).unwrap_or(body);
    let text = one_line(&Redactor::new(secrets).redact(&String::from_utf8_lossy(begin)));
    let shown = text.as_bytes().get(..EXCERPT).unwrap_or(text.as_bytes());
    let is_markup = shown.starts_with(b"<");
    let names_token = shown.to_ascii_lowercase().windows(6).any(|window| window == b"_token");
    if names_token || matches!(status, 200..=299) && !is_markup {
        return String::new();
    }
    printable_bytes(text.as_bytes(), EXCERPT)
}

/// Octets of a body that an error shows.
const EXCERPT: usize = 200;
/// Numbers kept of `error_codes`.
const ERROR_CODES: usize = 16;
/// Octets kept of `scope`.
const SCOPE: usize = 4096;
/// The longest life of a token that is believed, in seconds.
const YEAR: u64 = 365 * 24 * 60 * 60;

/// The whole part of a JSON number with a fraction or an exponent. By its digits: a parser of floating point numbers
/// is 20 kB that nothing else here needs.
fn whole_seconds(text: &str) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    // 20 digits are more than a u64 has.
    let places = usize::try_from(places.max(0)).ok().filter(|places| *places <= 20)?;
    let digits = whole.bytes().chain(fraction.bytes()).chain(core::iter::repeat(b'0')).take(places);
    digits.into_iter().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

#[cfg(test)]
mod tests;

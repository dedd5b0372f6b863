use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, time::Duration};

use crate::http;

/// Why there is no token.
///
/// Sorted by whose fault it is; [`is_configuration`](Self::is_configuration),
/// [`needs_login`](Self::needs_login) and [`is_transient`](Self::is_transient) say what to do, and at most one
/// of them is true. All text in here came from the server, and is cut and escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server refused, in the words of RFC 6749 section 5.2.
    Refused(Box<ErrorResponse>),
    /// The server answered with an HTTP status that is no success, and not in the words of OAuth.
    Status {
        /// HTTP status.
        status: u16,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
        /// How the body begins.
        excerpt: String,
    },
    /// The server reported success, and what it sent is no bearer token that can be used.
    NotAToken {
        /// HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: &'static str,
        /// How the body begins if it is a page for people; empty otherwise, for a token may be in it.
        excerpt: String,
    },
    /// The service that gives a machine its identity is being updated, or not yet there.
    Unready {
        /// HTTP status.
        status: u16,
    },
    /// The HTTP exchange failed.
    Http(http::Error),
}

/// What a server says when it refuses (RFC 6749 section 5.2), and what Microsoft's adds to that.
///
/// Programs decide by [`error`](Self::error) and the predicates of [`Error`] alone: the numbers and the text
/// are for people, and Microsoft changes them without notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorResponse {
    /// `error`: `invalid_client`, `invalid_grant` and the like.
    pub error: String,
    /// `error_description`, in one line of at most [`Self::DESCRIPTION`] octets.
    pub error_description: Option<String>,
    /// `error_codes`: the numbers after `AADSTS`, at most 16.
    pub error_codes: Vec<u32>,
    /// `trace_id`, which Microsoft's support asks for.
    pub trace_id: Option<String>,
    /// `correlation_id`, which Microsoft's support asks for.
    pub correlation_id: Option<String>,
    /// `error_uri`: a page about the error.
    pub error_uri: Option<String>,
    /// HTTP status; 0 for a refusal that came by a redirect.
    pub http_status: u16,
    /// How long the server wants to be left alone; at most a day, and only where it gives seconds.
    pub retry_after: Option<Duration>,
}

impl ErrorResponse {
    /// Octets kept of `error_description`.
    pub const DESCRIPTION: usize = 1024;
    /// Octets kept of every other text.
    pub const TEXT: usize = 256;

    /// Microsoft takes no more requests of this client for a while, and calls that an `invalid_grant`.
    fn is_request_loop(&self) -> bool {
        self.error_codes.contains(&50_196)
    }
}

impl Error {
    /// Whether the same request may succeed later: wait, at least [`retry_after`](Self::retry_after) and longer
    /// each time, and not for ever.
    ///
    /// True for `temporarily_unavailable`, `server_error` and `slow_down`, for Microsoft's AADSTS50196 (too many requests
    /// of one client), for HTTP status 408, 429 and 5xx, and for an answer cut short.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                let by_name = ["temporarily_unavailable", "server_error", "slow_down"];
                by_name.contains(&refusal.error.as_str())
                    || refusal.is_request_loop()
                    || !self.needs_login() && !self.is_configuration() && passes(refusal.http_status)
            }
            Self::Status { status, .. } => passes(*status),
            Self::NotAToken { .. } => false,
            Self::Unready { .. } => true,
            Self::Http(error) => *error == http::Error::Truncated,
        }
    }

    /// Whether a person has to log in or consent again: the grant is not, or no longer, good. The same request
    /// will never succeed.
    ///
    /// True for `invalid_grant`, `interaction_required`, `login_required` and `consent_required`.
    #[must_use]
    pub fn needs_login(&self) -> bool {
        let names = ["invalid_grant", "interaction_required", "login_required", "consent_required"];
        matches!(self, Self::Refused(refusal)
            if names.contains(&refusal.error.as_str()) && !refusal.is_request_loop())
    }

    /// Whether the application or its registration is set up wrong: client id, secret, scope, tenant or URL.
    /// The same request will never succeed.
    ///
    /// True for the other codes of RFC 6749 section 5.2, for those of Microsoft's and RFC 8707 about the
    /// resource, for a redirect, and for HTTP status 404, 405 and 410 without a word of OAuth.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        let names = [
            "invalid_client",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "invalid_request",
            "invalid_resource",
            "invalid_target",
        ];
        match self {
            Self::Refused(refusal) => names.contains(&refusal.error.as_str()) && !refusal.is_request_loop(),
            Self::Status { status, .. } => matches!(status, 404 | 405 | 410),
            Self::NotAToken { .. } | Self::Unready { .. } => false,
            Self::Http(error) => matches!(error, http::Error::Redirect { .. }),
        }
    }

    /// How long the server wants to be left alone, where it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Status { retry_after, .. } => *retry_after,
            Self::NotAToken { .. } | Self::Unready { .. } | Self::Http(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => {
                match refusal.http_status {
                    // It came by a redirect.
                    0 => write!(f, "the provider refused with {}", refusal.error)?,
                    status => write!(f, "token endpoint refused with {} (HTTP {status})", refusal.error)?,
                }
                refusal.error_description.iter().try_for_each(|text| write!(f, ": {text}"))
            }
            Self::Status { status, excerpt, .. } => {
                write!(f, "token endpoint answered with HTTP {status}")?;
                show_excerpt(f, excerpt)
            }
            Self::NotAToken { status, reason, excerpt } => {
                write!(f, "token endpoint answered with HTTP {status} and no usable token: {reason}")?;
                show_excerpt(f, excerpt)
            }
            Self::Unready { status } => {
                write!(f, "the service for the machine's identity is being updated (HTTP {status})")
            }
            Self::Http(error) => write!(f, "token endpoint: {error}"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            _ => None,
        }
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Self::Http(error)
    }
}

fn show_excerpt(f: &mut fmt::Formatter<'_>, excerpt: &str) -> fmt::Result {
    if excerpt.is_empty() { Ok(()) } else { write!(f, ": {excerpt}") }
}

/// Whether an HTTP status speaks of a condition that passes.
const fn passes(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn refused(error: &str, http_status: u16) -> Error {
        Error::Refused(Box::new(ErrorResponse { error: error.into(), http_status, ..Default::default() }))
    }

    fn status(status: u16) -> Error {
        Error::Status { status, retry_after: None, excerpt: String::new() }
    }

    #[test]
    fn says_what_to_do() {
        let not_a_token = Error::NotAToken { status: 200, reason: "x", excerpt: String::new() };
        let rows = [
            (refused("invalid_grant", 400), "login"),
            (refused("interaction_required", 400), "login"),
            (refused("login_required", 400), "login"),
            (refused("consent_required", 400), "login"),
            (refused("invalid_grant", 503), "login"),
            (refused("invalid_client", 401), "configuration"),
            (refused("unauthorized_client", 400), "configuration"),
            (refused("unsupported_grant_type", 400), "configuration"),
            (refused("invalid_scope", 400), "configuration"),
            (refused("invalid_request", 400), "configuration"),
            (refused("invalid_request", 429), "configuration"),
            (refused("invalid_resource", 400), "configuration"),
            (refused("temporarily_unavailable", 503), "transient"),
            (refused("temporarily_unavailable", 200), "transient"),
            (refused("server_error", 400), "transient"),
            (refused("slow_down", 400), "transient"),
            (request_loop("invalid_grant"), "transient"),
            (request_loop("invalid_request"), "transient"),
            (refused("something_new", 429), "transient"),
            (refused("something_new", 400), ""),
            (refused("access_denied", 400), ""),
            (status(400), ""),
            (status(401), ""),
            (status(404), "configuration"),
            (status(405), "configuration"),
            (status(408), "transient"),
            (status(429), "transient"),
            (status(499), ""),
            (status(500), "transient"),
            (status(599), "transient"),
            (status(600), ""),
            (not_a_token, ""),
            (http::Error::Truncated.into(), "transient"),
            (http::Error::Malformed("x").into(), ""),
            (http::Error::Limit { what: "x", limit: 1 }.into(), ""),
            (http::Error::Redirect { status: 302, location: None }.into(), "configuration"),
        ];
        for (error, want) in rows {
            let found = [
                ("transient", error.is_transient()),
                ("login", error.needs_login()),
                ("configuration", error.is_configuration()),
            ];
            let found: Vec<_> = found.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
            assert_eq!(found.join(" "), want, "{error}");
        }
    }

    fn request_loop(error: &str) -> Error {
        let Error::Refused(mut refusal) = refused(error, 400) else { panic!() };
        refusal.error_codes = alloc::vec![50_196];
        Error::Refused(refusal)
    }

    #[test]
    fn a_refusal_by_redirect_has_no_status() {
        assert_eq!(refused("access_denied", 0).to_string(), "the provider refused with access_denied");
    }

    #[test]
    fn reads_well() {
        let refusal = ErrorResponse {
            error: "invalid_client".into(),
            error_description: Some("AADSTS7000222: The secret is expired.".into()),
            http_status: 401,
            ..Default::default()
        };
        let rows = [
            (
                Error::Refused(Box::new(refusal)),
                "token endpoint refused with invalid_client (HTTP 401): AADSTS7000222: The secret is expired.",
            ),
            (status(502), "token endpoint answered with HTTP 502"),
            (
                Error::NotAToken { status: 200, reason: "empty body", excerpt: "<p>".into() },
                "token endpoint answered with HTTP 200 and no usable token: empty body: <p>",
            ),
            (http::Error::Truncated.into(), "token endpoint: connection ended before the response did"),
        ];
        for (error, want) in rows {
            assert_eq!(error.to_string(), want);
        }
    }

    /// What is wrong, in words that say where.
    #[test]
    fn refusals_name_what_they_are_about() {
        use crate::{Endpoint, InvalidServiceAccount, server};
        let bad = server::BadRequest("x");
        let rows = [
            (Endpoint::parse("http://a.example/").unwrap_err().to_string(), "token URL "),
            (InvalidServiceAccount("is no JSON").to_string(), "the key of a service account is no JSON"),
            (http::InvalidField("X-Key").to_string(), "the value for the header field X-Key holds "),
            (bad.to_string(), "bad request: x"),
            (server::OtherRequest::Bad(bad).to_string(), "bad request: x"),
            (server::OtherRequest::Host.to_string(), "another host "),
            (server::OtherRequest::Path.to_string(), "there is nothing at "),
            (server::OtherRequest::Method.to_string(), "only GET "),
            (
                server::OtherRequest::Redirect(crate::InvalidRedirect::State).to_string(),
                "this is not the address ",
            ),
            (server::Error::Misuse("a rule").to_string(), "a rule"),
        ];
        for (text, want) in rows {
            assert!(text.starts_with(want), "{text}");
        }
        let source = |error: &Error| core::error::Error::source(error).map(ToString::to_string);
        let truncated = http::Error::Truncated;
        assert_eq!(source(&truncated.clone().into()), Some(truncated.to_string()));
        assert_eq!(source(&status(500)), None);
    }
}

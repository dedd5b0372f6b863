//! Failures of the token endpoint, of other sources of tokens, and of token stores.

use std::{borrow::Cow, error, fmt};

use mailbearer_imap::session as imap;
use mailbearer_net::{self as net, DriveError};
use mailbearer_oauth as oauth;
use mailbearer_smtp as smtp;
use mailbearer_wire::printable;

use super::{Error, Evidence, Failure, Kind, Protocol, Stage, Verdict};
use crate::token::{SourceError, StoreError, Trouble};

impl Protocol {
    /// Fetching a token.
    pub const TOKEN: Self = Self("token");
}

impl Failure for oauth::Error {
    fn verdict(&self) -> Verdict {
        let kind = match self {
            _ if self.is_transient() => Kind::Busy,
            Self::Refused(refusal) => match refusal.error.as_str() {
                "invalid_scope"
                | "invalid_request"
                | "invalid_resource"
                | "invalid_target"
                | "unsupported_grant_type" => Kind::Settings,
                _ => Kind::Auth,
            },
            _ if self.is_configuration() => Kind::Settings,
            Self::Status { .. } => Kind::Refused,
            _ => Kind::Protocol,
        };
        Verdict {
            auth: self.needs_login() || self.is_configuration(),
            configuration: self.is_configuration(),
            wait: self.retry_after(),
            ..Verdict::of(kind)
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        match self {
            Self::Refused(refusal) => Evidence {
                stage: Stage::Auth,
                code: refusal.http_status,
                name: Cow::Borrowed(&refusal.error),
                numbers: &refusal.error_codes,
                text: Cow::Borrowed(refusal.error_description.as_deref().unwrap_or_default()),
                ..Evidence::default()
            },
            Self::Status { status, excerpt, .. } | Self::NotAToken { status, excerpt, .. } => {
                Evidence { code: *status, text: Cow::Borrowed(excerpt), ..Evidence::default() }
            }
            Self::Http(oauth::http::Error::Redirect { status, .. }) => {
                Evidence { code: *status, name: Cow::Borrowed("redirect"), ..Evidence::default() }
            }
            _ => Evidence::default(),
        }
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self)
    }
}

impl Failure for StoreError {
    fn verdict(&self) -> Verdict {
        Verdict::of(match self.trouble() {
            Trouble::Busy(_) => Kind::Busy,
            Trouble::Locked(_) | Trouble::NoKeyring(_) | Trouble::Io(_) | Trouble::Other(_) => Kind::Store,
            _ => Kind::Settings,
        })
    }

    fn evidence(&self) -> Evidence<'_> {
        let name = match self.trouble() {
            Trouble::Locked(_) => "keyring-locked",
            Trouble::NoKeyring(_) => "no-keyring",
            Trouble::Busy(_) => "token-locked",
            _ => "token-store",
        };
        Evidence { name: Cow::Borrowed(name), ..Evidence::default() }
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::new(None, error)
    }
}

/// A source of tokens failed.
#[derive(Debug)]
struct NoToken(SourceError);

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0.to_string()))
    }
}

impl Failure for NoToken {
    fn verdict(&self) -> Verdict {
        Verdict::of(Kind::Source)
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&*self.0)
    }
}

impl Error {
    /// Makes the error for a source that failed. An error of this crate stays as it is, so that temporary failures are
    /// repeated.
    pub(crate) fn source_of_tokens(error: SourceError) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        match error.downcast::<oauth::Error>() {
            Ok(error) => Self::token_response(*error),
            Err(error) => Self::new(Protocol::TOKEN, NoToken(error)),
        }
    }

    /// Whether a server refused this very token, so that another one may be accepted. What it says of the mechanism, of
    /// the mailbox or of the present time it would say of any token.
    pub(crate) fn is_token_refused(&self) -> bool {
        if self.evidence().stage == Stage::Claims {
            return true;
        }
        match (self.cause(), self.cause()) {
            (Some(error @ imap::Error::Auth { .. }), _) => {
                error.is_auth() && matches!(error.problem(), None | Some(imap::Problem::TokenExpired))
            }
            (_, Some(error @ smtp::Error::Auth { reply, .. })) => {
                let of_token = matches!(error.problem(), None | Some(smtp::Problem::AuthRefused));
                // About the command, and how it is written.
                let of_form = matches!(reply.code, 500..=504);
                of_token && !of_form && !error.is_transient()
            }
            #[cfg(feature = "pop3")]
            _ if self.is_pop3_token_refused() => true,
            _ => self.needs_new_token(),
        }
    }

    /// Whether a form certainly had no effect: it did not reach the server, or was turned away before anyone looked at
    /// it. A code can be redeemed once, so only then may it be shown again (RFC 6749 section 4.1.2).
    pub(crate) fn did_nothing(&self) -> bool {
        match (self.cause::<net::Error>(), self.cause::<oauth::Error>()) {
            (Some(error), _) => match error {
                net::Error::LookUp { .. } | net::Error::Connect { .. } => true,
                net::Error::Proxy { .. } => self.is_transient(),
                net::Error::Timeout { stage, .. } | net::Error::Io { stage, .. } => {
                    matches!(stage, net::Stage::Proxy | net::Stage::Handshake)
                }
                _ => false,
            },
            (_, Some(oauth::Error::Refused(refusal))) => {
                refusal.error == "temporarily_unavailable" || matches!(refusal.http_status, 429 | 503)
            }
            (_, Some(oauth::Error::Status { status, .. })) => matches!(status, 429 | 503),
            _ => false,
        }
    }

    pub(crate) fn token(error: DriveError<oauth::Error>) -> Self {
        Self::drive(Protocol::TOKEN, error)
    }

    pub(crate) fn token_response(error: oauth::Error) -> Self {
        Self::new(Protocol::TOKEN, error)
    }

    pub(crate) fn token_http(error: DriveError<oauth::http::Error>) -> Self {
        match error {
            DriveError::Net(error) => Self::token_net(error),
            DriveError::Machine(error) => Self::token_response(error.into()),
        }
    }

    /// Makes the error for a refusal that the provider sent in a redirect.
    pub(crate) fn login_refused(refusal: oauth::ErrorResponse) -> Self {
        Self::new(Protocol::TOKEN, oauth::Error::Refused(Box::new(refusal)))
    }

    pub(crate) fn token_net(error: net::Error) -> Self {
        Self::net(Protocol::TOKEN, error)
    }
}

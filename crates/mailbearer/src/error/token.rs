//! The token endpoint.

use std::{borrow::Cow, error};

use mailbearer_net::{self as net, DriveError};
use mailbearer_oauth as oauth;

use super::{Error, Evidence, Failure, Kind, Protocol, Stage, Verdict};

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
            _ => Evidence::default(),
        }
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self)
    }
}

impl Error {
    pub(crate) fn token(error: DriveError<oauth::Error>) -> Self {
        Self::drive(Protocol::TOKEN, error)
    }

    pub(crate) fn token_net(error: net::Error) -> Self {
        Self::net(Protocol::TOKEN, error)
    }
}

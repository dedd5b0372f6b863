use alloc::string::String;

use mailbearer_wire::Security;

use crate::{Limits, Misuse, Quirks};

/// How a [`Session`](crate::Session) behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The server's name as the user gave it. `OAUTHBEARER` sends it to the server.
    pub host: String,
    /// The server's port. `OAUTHBEARER` sends it to the server.
    pub port: u16,
    /// When TLS starts. Default [`Security::Implicit`], from the first octet.
    pub security: Security,
    /// How AUTH sends a token or password. Default [`AuthForm::Fitting`]: on one line if that fits.
    pub auth: AuthForm,
    /// How much the session accepts of the server.
    pub limits: Limits,
    /// Server bugs to tolerate.
    pub quirks: Quirks,
}

/// How AUTH sends the initial response of its mechanism.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a response goes with its command or after it")]
pub enum AuthForm {
    /// With the command, if the server lists its mechanisms in CAPA and the line has at most 255 octets (RFC 5034
    /// section 4). Otherwise after the server's challenge.
    #[default]
    Fitting,
    /// Always after the server's challenge: two lines, and one more round trip.
    TwoLines,
    /// Always with the command, however long the line is, for servers that accept nothing else.
    OneLine,
}

impl Options {
    /// Returns the defaults, for the server at this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            security: Security::default(),
            auth: AuthForm::default(),
            limits: Limits::default(),
            quirks: Quirks::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Misuse> {
        if self.host.chars().any(char::is_control) {
            return Err(Misuse::argument("host", &self.host, "holds a control character"));
        }
        Ok(())
    }
}

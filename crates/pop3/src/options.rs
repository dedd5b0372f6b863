use alloc::string::String;

use mailbearer_wire::Security;

use crate::{Limits, Misuse, Quirks};

/// How a [`Session`](crate::Session) behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The server's name as the user gave it; `OAUTHBEARER` tells the server.
    pub host: String,
    /// The server's port; `OAUTHBEARER` tells the server.
    pub port: u16,
    /// When TLS starts. From the first octet.
    pub security: Security,
    /// How AUTH carries a token or password. In one line where that fits.
    pub auth: AuthForm,
    /// How much is held.
    pub limits: Limits,
    /// Server bugs to tolerate.
    pub quirks: Quirks,
}

/// How AUTH carries the initial response of its mechanism.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a response goes with its command or after it")]
pub enum AuthForm {
    /// With the command, where the server tells its mechanisms by CAPA and the line keeps to 255 octets (RFC 5034
    /// section 4); else after the server's challenge.
    #[default]
    Fitting,
    /// Always after the server's challenge: two lines, one round trip more.
    TwoLines,
    /// Always with the command, however long it is, for servers that know no other way.
    OneLine,
}

impl Options {
    /// The defaults, for a server.
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

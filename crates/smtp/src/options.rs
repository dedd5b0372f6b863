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
    /// The argument of EHLO: a domain name or an address literal; default `[127.0.0.1]`, the form of RFC 5321 section 4.1.3
    /// for clients without a name.
    pub client_name: String,
    /// When TLS starts; default [`Security::Implicit`], at the first octet.
    pub security: Security,
    /// Whether the session sends messages by BDAT if the server offers `CHUNKING` and `PIPELINING` (RFC 3030), which saves a
    /// round trip for each; default true.
    pub chunking: bool,
    /// Whether the server speaks LMTP (RFC 2033): the session says LHLO, and the server answers the end of a message with
    /// a verdict for each recipient; default false.
    pub lmtp: bool,
    /// How much the session holds.
    pub limits: Limits,
    /// Server bugs to tolerate.
    pub quirks: Quirks,
}

impl Options {
    /// The defaults, for a server.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            client_name: "[127.0.0.1]".into(),
            security: Security::default(),
            chunking: true,
            lmtp: false,
            limits: Limits::default(),
            quirks: Quirks::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Misuse> {
        if self.host.chars().any(char::is_control) {
            return Err(Misuse::argument("host", &self.host, "holds a control character"));
        }
        if self.lmtp && self.port == SMTP_PORT {
            return Err(Misuse::argument("port", "25", "is for SMTP alone, not for LMTP"));
        }
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"-._:[]".contains(&octet);
        let problem = match self.client_name.as_str() {
            "" => "is empty",
            name if name.len() > DOMAIN => "is longer than 255 octets",
            name if !name.bytes().all(fits) => "is no domain name or address literal",
            _ => return Ok(()),
        };
        Err(Misuse::argument("client name", &self.client_name, problem))
    }
}

/// RFC 2033 section 5: LMTP must not use the port of SMTP, so that nobody confuses the two.
const SMTP_PORT: u16 = 25;
/// RFC 5321 section 4.5.3.1.2: octets of a domain name.
const DOMAIN: usize = 255;

use alloc::string::String;

use mailbearer_wire::Security;

use crate::Misuse;

/// How a [`Session`](crate::Session) behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The server's name as the user gave it; `OAUTHBEARER` tells the server.
    pub host: String,
    /// The server's port; `OAUTHBEARER` tells the server.
    pub port: u16,
    /// The argument of EHLO: a domain name or an address literal. `[127.0.0.1]`, as RFC 5321 section 4.1.3 has it
    /// for those without a name.
    pub client_name: String,
    /// How the connection comes by its TLS. From the first octet.
    pub security: Security,
    /// How much is held.
    pub limits: Limits,
    /// What is put up with.
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
            limits: Limits::default(),
            quirks: Quirks::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Misuse> {
        if self.host.chars().any(char::is_control) {
            return Err(Misuse::argument("host", &self.host, "holds a control character"));
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

/// How much of a server's talk a [`Session`](crate::Session) holds, and how far it runs ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one reply line, its end included. 16 KiB; RFC 5321 says 512, RFC 4954 section 4 lets a challenge
    /// be 12,288. The receive buffer must hold as many.
    pub reply_line: usize,
    /// Lines of one reply. 256; an EHLO reply has one for each extension.
    pub reply_lines: usize,
    /// Octets of one reply, in all its lines. 64 KiB.
    pub reply_octets: usize,
    /// Commands sent ahead of their replies where the server offers `PIPELINING`. 128, so that the replies to
    /// them fit into what an operating system buffers, and neither side can wait for the other to read (RFC 2920
    /// section 3.1). At least 1 is used.
    pub pipeline: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { reply_line: 16 * 1024, reply_lines: 256, reply_octets: 64 * 1024, pipeline: 128 }
    }
}

/// Deviations of servers that are put up with. All are on by default, for none can be mistaken for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// Exchange 2003 and older write `AUTH=LOGIN` in the EHLO reply, from a draft of RFC 2554, where RFC 4954
    /// section 3 has `AUTH LOGIN`.
    pub exchange_2003_auth_equals: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { exchange_2003_auth_equals: true }
    }
}

/// RFC 5321 section 4.5.3.1.2: octets of a domain name.
const DOMAIN: usize = 255;

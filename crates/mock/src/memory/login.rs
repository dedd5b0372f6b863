use std::sync::Arc;

use mailbearer_sasl::{
    Mechanism,
    server::{Acceptor, Received},
};
use mailbearer_wire::Secret;

use super::World;

/// One SASL exchange with a client: the same for SMTP and IMAP.
#[derive(Debug)]
pub(crate) struct Login {
    acceptor: Acceptor,
    refused: bool,
}

/// What to answer a client's response with.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is in; with this token, whose end is the session's.
    In(Secret),
    /// One more message first, in base64.
    Challenge(String),
    /// It is not who it says.
    Refused,
    /// That is no message of the mechanism.
    Malformed,
}

impl Login {
    /// `None` for a mechanism that is not offered: passwords are not taken.
    pub(crate) fn start(mechanism: &str) -> Option<Self> {
        let mechanism: Mechanism = mechanism.parse().ok()?;
        mechanism.is_bearer().then(|| Self { acceptor: Acceptor::new(mechanism), refused: false })
    }

    pub(crate) fn receive(&mut self, world: &Arc<World>, response: &[u8]) -> Verdict {
        if self.refused {
            return if self.acceptor.is_acknowledgement(response) {
                Verdict::Refused
            } else {
                Verdict::Malformed
            };
        }
        match self.acceptor.receive(response) {
            Err(_) => Verdict::Malformed,
            Ok(Received::Prompt(challenge)) => Verdict::Challenge(challenge.to_owned()),
            Ok(Received::Login(login)) => {
                // RFC 7628 section 3.1: without a name it is the token's own user.
                let own = login.user.is_empty() || login.user.eq_ignore_ascii_case(&world.user);
                let token = login.secret.expose();
                if own && world.tokens.login(token) {
                    return Verdict::In(login.secret);
                }
                self.refused = true;
                Verdict::Challenge(Acceptor::refusal("400", "Bearer", SCOPE))
            }
        }
    }
}

/// The names of the mechanisms that are offered.
pub(crate) const MECHANISMS: [&str; 2] = ["XOAUTH2", "OAUTHBEARER"];
const SCOPE: &str = "https://outlook.office365.com/.default";

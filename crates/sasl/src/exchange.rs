use alloc::{string::String, vec::Vec};
use core::{fmt, mem};

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer_wire::Secret;

use crate::{Credentials, Mechanism, Reason, Redactor, credentials::Proof};

/// The client's side of one authentication: what to answer to each challenge.
///
/// # The contract
///
/// Make a new one for each attempt. Send [`initial_response`](Self::initial_response) with the command, or
/// leave it out; either way pass every challenge to [`respond`](Self::respond) and send what it returns, until
/// the server gives its verdict. After a refusal look at [`reason`](Self::reason).
///
/// A secret leaves the exchange once: whatever a server asks for, it does not get the token a second time. What is
/// kept of it serves to hide it in the [`reason`](Self::reason); [`Credentials::redactor`] hides it elsewhere.
#[derive(Clone, Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
    challenges: u8,
    reason: Option<Reason>,
    /// What the server was shown and may repeat.
    shown: Secret,
}

/// What was sent, and with it what a challenge means.
#[derive(Clone, Debug)]
enum State {
    /// Nothing was sent; this, in base64, is the whole message of the mechanism.
    Message(Secret<Vec<u8>>),
    /// `LOGIN`: nothing was sent; user and password in base64.
    User(Vec<u8>, Secret<Vec<u8>>),
    /// `LOGIN`: the user was sent.
    Password(Secret<Vec<u8>>),
    /// All was sent: only a refused token can still be a reason for a challenge.
    Verdict,
}

impl Exchange {
    /// How many challenges one exchange answers; the next is an error.
    pub const CHALLENGES: u8 = 4;

    /// An exchange with a given mechanism. `OAUTHBEARER` tells the server `host` and `port`, as the client was
    /// told to connect to; no other mechanism uses them.
    ///
    /// # Errors
    ///
    /// Returns [`Mismatch`] for a token with a mechanism for passwords or the other way round, and for a `host`
    /// with a control character in it.
    pub fn new(
        mechanism: Mechanism,
        credentials: &Credentials,
        host: &str,
        port: u16,
    ) -> Result<Self, Mismatch> {
        let user = credentials.user();
        let state = match (mechanism, credentials.proof()) {
            (Mechanism::XOAuth2, Proof::Bearer(token)) => {
                message(&["user=", user, "\x01auth=Bearer ", token.expose(), "\x01\x01"])
            }
            (Mechanism::OAuthBearer, Proof::Bearer(token)) => {
                if host.bytes().any(|octet| octet.is_ascii_control()) {
                    return Err(Mismatch::Host);
                }
                let (user, port) = (sasl_name(user), alloc::format!("{port}"));
                let fields = ["\x01host=", host, "\x01port=", &port, "\x01auth=Bearer ", token.expose()];
                message(&[&["n,a=", &user, ","], &fields[..], &["\x01\x01"]].concat())
            }
            (Mechanism::Plain, Proof::Password(password)) => message(&["\0", user, "\0", password.expose()]),
            (Mechanism::Login, Proof::Password(password)) => {
                let [user, password] = [user, password.expose().as_str()].map(|text| STANDARD.encode(text));
                State::User(user.into_bytes(), Secret::new(password.into_bytes()))
            }
            (Mechanism::XOAuth2 | Mechanism::OAuthBearer, Proof::Password(_)) => {
                return Err(Mismatch::PasswordForBearer(mechanism));
            }
            (Mechanism::Plain | Mechanism::Login, Proof::Bearer(_)) => {
                return Err(Mismatch::BearerForPassword(mechanism));
            }
        };
        Ok(Self { mechanism, state, challenges: 0, reason: None, shown: credentials.secret().clone() })
    }

    /// An exchange with the best mechanism among the names that the server offers, in any case of letters; what
    /// else is among them is passed over. `None` if no mechanism for these credentials is offered.
    ///
    /// `XOAUTH2` goes before `OAUTHBEARER`, as the one that every provider has, and `PLAIN` before `LOGIN`.
    pub fn choose<'a>(
        credentials: &Credentials,
        host: &str,
        port: u16,
        offered: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let mut found = [false; Mechanism::ALL.len()];
        for name in offered {
            for (mechanism, found) in Mechanism::ALL.into_iter().zip(&mut found) {
                *found |= name.parse() == Ok(mechanism);
            }
        }
        let usable = Mechanism::ALL.into_iter().zip(found).filter(|(_, found)| *found);
        usable.filter_map(|(mechanism, _)| Self::new(mechanism, credentials, host, port).ok()).next()
    }

    /// The mechanism to name in the command.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The message to send with the command, in base64. `None` where the server speaks first (`LOGIN`), and
    /// when it was taken before.
    pub fn initial_response(&mut self) -> Option<Secret<Vec<u8>>> {
        match mem::replace(&mut self.state, State::Verdict) {
            State::Message(message) => Some(message),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Answers a challenge. Both are base64, as they stand on the wire after `334 ` or `+ `; either may be
    /// empty.
    ///
    /// Where the initial response was not taken, this returns it. The challenge is empty then by the protocol's
    /// rule; one that is not is no reason to hold the response back. After the token a challenge is the reason
    /// why it is refused: it is kept, and the answer is the one with which the mechanism lets the server go on
    /// to its verdict, empty for `XOAUTH2` and `AQ==` for `OAUTHBEARER`.
    ///
    /// # Errors
    ///
    /// Returns [`ChallengeError`] for a challenge after a password was sent, and for one more than
    /// [`Self::CHALLENGES`]. The session can only cancel then.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Secret<Vec<u8>>, ChallengeError> {
        if self.challenges >= Self::CHALLENGES {
            return Err(ChallengeError::TooMany);
        }
        self.challenges = self.challenges.saturating_add(1);
        match mem::replace(&mut self.state, State::Verdict) {
            State::Message(message) => Ok(message),
            State::User(user, password) => {
                self.state = State::Password(password);
                Ok(Secret::new(user))
            }
            State::Password(password) => Ok(password),
            State::Verdict => {
                let answer: &[u8] = match self.mechanism {
                    Mechanism::XOAuth2 => b"",
                    Mechanism::OAuthBearer => b"AQ==",
                    Mechanism::Plain | Mechanism::Login => return Err(ChallengeError::Unexpected),
                };
                self.reason.get_or_insert_with(|| {
                    let redactor = Redactor::new(core::slice::from_ref(&self.shown));
                    Reason::of_challenge(challenge).redacted(&redactor)
                });
                Ok(Secret::new(answer.to_vec()))
            }
        }
    }

    /// Why the server refuses the token, once it said so.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }
}

/// A mechanism that these credentials are not for, or a host that it cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The mechanism takes a password, and there is an access token. A token sent as a password would be a
    /// secret shown to whatever checks passwords there.
    BearerForPassword(Mechanism),
    /// The mechanism takes an access token, and there is a password.
    PasswordForBearer(Mechanism),
    /// The host name holds a control character.
    Host,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BearerForPassword(mechanism) => write!(f, "{mechanism} takes no access token"),
            Self::PasswordForBearer(mechanism) => write!(f, "{mechanism} takes no password"),
            Self::Host => f.write_str("host name holds a control character"),
        }
    }
}

impl core::error::Error for Mismatch {}

/// A challenge without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChallengeError {
    /// The mechanism was at its end, and the server asked for more.
    Unexpected,
    /// The server went on asking.
    TooMany,
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected => f.write_str("server challenged after everything was sent"),
            Self::TooMany => write!(f, "server challenged more than {} times", Exchange::CHALLENGES),
        }
    }
}

impl core::error::Error for ChallengeError {}

/// Allocates once, for memory that a growing buffer leaves behind is not wiped.
fn message(parts: &[&str]) -> State {
    let plain = Secret::new(parts.concat());
    State::Message(Secret::new(STANDARD.encode(plain.expose()).into_bytes()))
}

/// `saslname` of RFC 5801 section 4.
fn sasl_name(user: &str) -> String {
    user.replace('=', "=3D").replace(',', "=2C")
}

#[cfg(test)]
mod tests;

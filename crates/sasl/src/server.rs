//! The server's side, for mock servers: reads what clients send, says what a refusing server says.
//!
//! It shares no code with [`Exchange`](crate::Exchange), so that the two can prove each other wrong.

use alloc::{borrow::ToOwned, format, string::String};
use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer_wire::{Secret, json_string};

use crate::Mechanism;

/// Reads one client's authentication.
///
/// Pass every response of the client, in base64 and also the initial one, to [`receive`](Self::receive). Where
/// none came with the command, send [`prompt`](Self::prompt) first.
#[derive(Clone, Debug)]
pub struct Acceptor {
    mechanism: Mechanism,
    login_user: Option<String>,
}

impl Acceptor {
    /// Expects the messages of `mechanism`.
    #[must_use]
    pub const fn new(mechanism: Mechanism) -> Self {
        Self { mechanism, login_user: None }
    }

    /// The challenge, in base64, to a command without an initial response. Only that of `LOGIN` is not empty.
    #[must_use]
    pub const fn prompt(&self) -> &'static str {
        match self.mechanism {
            Mechanism::Login => "VXNlcm5hbWU6",
            Mechanism::XOAuth2 | Mechanism::OAuthBearer | Mechanism::Plain => "",
        }
    }

    /// Reads one response.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] for what is not base64 of the mechanism's message.
    pub fn receive(&mut self, response: &[u8]) -> Result<Received, Malformed> {
        let decoded = STANDARD.decode(response).map_err(|_| Malformed("no base64"))?;
        let text = String::from_utf8(decoded).map_err(|_| Malformed("no UTF-8"))?;
        match self.mechanism {
            Mechanism::XOAuth2 => xoauth2(&text),
            Mechanism::OAuthBearer => oauthbearer(&text),
            Mechanism::Plain => plain(&text),
            Mechanism::Login => Ok(match self.login_user.take() {
                None => {
                    self.login_user = Some(text);
                    Received::Prompt("UGFzc3dvcmQ6")
                }
                Some(user) => Received::Login(Login { user, secret: Secret::new(text) }),
            }),
        }
    }

    /// The challenge, in base64, with which a server refuses a token: a JSON object of these fields. Only after
    /// the client's answer comes the verdict. Such a server has no challenge for a refused password.
    #[must_use]
    pub fn refusal(status: &str, schemes: &str, scope: &str) -> String {
        let [status, schemes, scope] = [status, schemes, scope].map(json_string);
        STANDARD.encode(format!(r#"{{"status":{status},"schemes":{schemes},"scope":{scope}}}"#))
    }

    /// Whether `response` is the client's right answer to [`refusal`](Self::refusal).
    #[must_use]
    pub fn is_acknowledgement(&self, response: &[u8]) -> bool {
        match self.mechanism {
            Mechanism::XOAuth2 => response.is_empty(),
            Mechanism::OAuthBearer => response == b"AQ==",
            Mechanism::Plain | Mechanism::Login => false,
        }
    }
}

/// What a response of the client was.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a response is half of it or all of it")]
pub enum Received {
    /// Half of it: send this challenge, in base64.
    Prompt(&'static str),
    /// All of it.
    Login(Login),
}

/// What a client logs in with.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a user and a proof; servers of others make them")]
pub struct Login {
    /// Whose mailbox.
    pub user: String,
    /// The access token or the password, by the mechanism.
    pub secret: Secret,
}

/// A response that the mechanism does not allow, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client's response: {}", self.0)
    }
}

impl core::error::Error for Malformed {}

fn xoauth2(text: &str) -> Result<Received, Malformed> {
    let fields = text.strip_suffix("\x01\x01").ok_or(Malformed("does not end with two 0x01"))?;
    let (user, auth) = fields.split_once('\x01').ok_or(Malformed("not two fields"))?;
    let user = user.strip_prefix("user=").ok_or(Malformed("no user"))?;
    login(user.to_owned(), auth)
}

fn oauthbearer(text: &str) -> Result<Received, Malformed> {
    let fields = text.strip_suffix("\x01\x01").ok_or(Malformed("does not end with two 0x01"))?;
    let (header, fields) = fields.split_once('\x01').ok_or(Malformed("no fields"))?;
    let name = header.strip_prefix("n,").and_then(|rest| rest.strip_suffix(','));
    let name = name.ok_or(Malformed("no gs2 header"))?;
    let user = match name.strip_prefix("a=") {
        Some(name) => unescape(name).ok_or(Malformed("no saslname"))?,
        None if name.is_empty() => String::new(),
        None => return Err(Malformed("no authzid")),
    };
    let auth = fields.split('\x01').find(|field| field.starts_with("auth="));
    login(user, auth.ok_or(Malformed("no auth field"))?)
}

fn login(user: String, auth: &str) -> Result<Received, Malformed> {
    let (scheme, token) = auth.split_once(' ').ok_or(Malformed("no token"))?;
    if !scheme.eq_ignore_ascii_case("auth=Bearer") || token.contains(['\x01', ' ']) {
        return Err(Malformed("no bearer token"));
    }
    Ok(Received::Login(Login { user, secret: token.into() }))
}

fn plain(text: &str) -> Result<Received, Malformed> {
    let mut fields = text.split('\0');
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(_), Some(user), Some(password), None) if !user.is_empty() => {
            Ok(Received::Login(Login { user: user.to_owned(), secret: password.into() }))
        }
        _ => Err(Malformed("not three fields")),
    }
}

fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        text.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        text.push_str(rest);
    }
    (!text.is_empty() && !name.contains(',')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, Exchange};

    #[test]
    fn asks_for_what_is_missing() {
        for mechanism in Mechanism::ALL {
            let asked = STANDARD.decode(Acceptor::new(mechanism).prompt()).unwrap();
            let want: &[u8] = if mechanism == Mechanism::Login { b"Username:" } else { b"" };
            assert_eq!(asked, want, "{mechanism}");
        }
        assert_eq!(format!("{}", Malformed("no user")), "client's response: no user");
    }

    #[test]
    fn hears_what_the_client_says() {
        for mechanism in Mechanism::ALL {
            for user in ["a@b", "a=b,c=2C", "Grüße"] {
                let credentials = if mechanism.is_bearer() {
                    Credentials::bearer(user, "t=t")
                } else {
                    Credentials::password(user, "t=t")
                };
                let mut client = Exchange::new(mechanism, &credentials.unwrap(), "h", 1).unwrap();
                let mut server = Acceptor::new(mechanism);
                let mut challenge = server.prompt();
                let login = loop {
                    let response = client.respond(challenge.as_bytes()).unwrap();
                    match server.receive(response.expose()).unwrap() {
                        Received::Prompt(next) => challenge = next,
                        Received::Login(login) => break login,
                    }
                };
                assert_eq!(
                    (login.user.as_str(), login.secret.expose().as_str()),
                    (user, "t=t"),
                    "{mechanism}"
                );
            }
        }
    }

    #[test]
    fn refuses_and_is_understood() {
        for mechanism in [Mechanism::XOAuth2, Mechanism::OAuthBearer] {
            let credentials = Credentials::bearer("a", "t").unwrap();
            let mut client = Exchange::new(mechanism, &credentials, "h", 1).unwrap();
            client.initial_response().unwrap();
            let refusal = Acceptor::refusal("400", "Bearer", "s");
            let answer = client.respond(refusal.as_bytes()).unwrap();
            let server = Acceptor::new(mechanism);
            assert!(server.is_acknowledgement(answer.expose()), "{mechanism}");
            assert!(!server.is_acknowledgement(b"*"), "{mechanism}");
            let reason = client.reason().unwrap();
            assert_eq!(reason.status.as_deref(), Some("400"));
            assert_eq!(reason.scope.as_deref(), Some("s"));
        }
    }

    #[test]
    fn refuses_messages_that_are_none() {
        let rows = [
            (Mechanism::XOAuth2, "", "does not end with two 0x01"),
            (Mechanism::XOAuth2, "user=a\x01auth=Bearer t\x01", "does not end with two 0x01"),
            (Mechanism::XOAuth2, "auth=Bearer t\x01\x01", "not two fields"),
            (Mechanism::XOAuth2, "auth=Bearer t\x01user=a\x01\x01", "no user"),
            (Mechanism::XOAuth2, "user=a\x01auth=Bearer\x01\x01", "no token"),
            (Mechanism::XOAuth2, "user=a\x01auth=Basic t\x01\x01", "no bearer token"),
            (Mechanism::XOAuth2, "user=a\x01auth=Bearer t\x01auth=Bearer u\x01\x01", "no bearer token"),
            (Mechanism::OAuthBearer, "n,,\x01\x01", "no fields"),
            (Mechanism::OAuthBearer, "y,,\x01auth=Bearer t\x01\x01", "no gs2 header"),
            (Mechanism::OAuthBearer, "n,a=b,c,\x01auth=Bearer t\x01\x01", "no saslname"),
            (Mechanism::OAuthBearer, "n,a=b=2c,\x01auth=Bearer t\x01\x01", "no saslname"),
            (Mechanism::OAuthBearer, "n,b,\x01auth=Bearer t\x01\x01", "no authzid"),
            (Mechanism::OAuthBearer, "n,,\x01host=h\x01port=1\x01\x01", "no auth field"),
            (Mechanism::Plain, "\0a", "not three fields"),
            (Mechanism::Plain, "\0a\0b\0c", "not three fields"),
            (Mechanism::Plain, "\0\0b", "not three fields"),
        ];
        for (mechanism, text, want) in rows {
            let error = Acceptor::new(mechanism).receive(STANDARD.encode(text).as_bytes()).unwrap_err();
            assert_eq!(error, Malformed(want), "{mechanism} {text:?}");
        }
        assert_eq!(Acceptor::new(Mechanism::Plain).receive(b"!").unwrap_err(), Malformed("no base64"));
        assert_eq!(Acceptor::new(Mechanism::Plain).receive(b"/w==").unwrap_err(), Malformed("no UTF-8"));
    }
}

use alloc::string::String;
use core::fmt;

use mailbearer_wire::Secret;

use crate::Redactor;

/// Who logs in, and what proves it.
///
/// What is in here fits every mechanism of its kind: nothing in it can end a field of the mechanism's message
/// and begin another.
#[derive(Clone, Debug)]
pub struct Credentials {
    user: String,
    proof: Proof,
}

#[derive(Clone, Debug)]
pub(crate) enum Proof {
    Bearer(Secret),
    Password(Secret),
}

impl Credentials {
    /// An OAuth 2.0 access token for the mailbox `user`; for a shared mailbox its address, not the person's.
    ///
    /// # Errors
    ///
    /// Refuses an empty user or token, octets 0x00 to 0x1f and 0x7f in either, and anything but visible ASCII
    /// in the token (RFC 6750 section 2.1).
    pub fn bearer(user: impl Into<String>, token: impl Into<Secret>) -> Result<Self, InvalidCredentials> {
        let token = token.into();
        if token.expose().is_empty() {
            return Err(InvalidCredentials::Token("is empty"));
        }
        if !token.expose().bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(InvalidCredentials::Token("holds a space, a control character or non-ASCII"));
        }
        Ok(Self { user: checked_user(user.into())?, proof: Proof::Bearer(token) })
    }

    /// A user name and its password, for servers and test benches that still take one.
    ///
    /// # Errors
    ///
    /// Refuses an empty user or password, octets 0x00 to 0x1f and 0x7f in the user, and NUL in the password
    /// (RFC 4616 section 2).
    pub fn password(
        user: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Result<Self, InvalidCredentials> {
        let password = password.into();
        if password.expose().is_empty() {
            return Err(InvalidCredentials::Password("is empty"));
        }
        if password.expose().contains('\0') {
            return Err(InvalidCredentials::Password("holds NUL"));
        }
        Ok(Self { user: checked_user(user.into())?, proof: Proof::Password(password) })
    }

    /// Who logs in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether an access token is the proof, not a password.
    #[must_use]
    pub const fn is_bearer(&self) -> bool {
        matches!(self.proof, Proof::Bearer(_))
    }

    /// The password, for a protocol that has a command of its own for it, as POP3's PASS; `None` for an access token, which
    /// is never shown as one.
    #[must_use]
    pub const fn plain_password(&self) -> Option<&Secret> {
        match &self.proof {
            Proof::Password(password) => Some(password),
            Proof::Bearer(_) => None,
        }
    }

    /// Takes the token or password out of what a server says.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::new(core::slice::from_ref(self.secret()))
    }

    pub(crate) const fn secret(&self) -> &Secret {
        match &self.proof {
            Proof::Bearer(secret) | Proof::Password(secret) => secret,
        }
    }

    pub(crate) const fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// Credentials that no mechanism could carry without changing its message; holds no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCredentials {
    /// The user name, and what is wrong with it.
    User(&'static str),
    /// The access token, and what is wrong with it.
    Token(&'static str),
    /// The password, and what is wrong with it.
    Password(&'static str),
}

impl fmt::Display for InvalidCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(what) => write!(f, "user name {what}"),
            Self::Token(what) => write!(f, "access token {what}"),
            Self::Password(what) => write!(f, "password {what}"),
        }
    }
}

impl core::error::Error for InvalidCredentials {}

fn checked_user(user: String) -> Result<String, InvalidCredentials> {
    if user.is_empty() {
        return Err(InvalidCredentials::User("is empty"));
    }
    if user.bytes().any(|octet| octet.is_ascii_control()) {
        return Err(InvalidCredentials::User("holds a control character"));
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn refuses_what_could_add_a_field() {
        let user = InvalidCredentials::User("holds a control character");
        let token = InvalidCredentials::Token("holds a space, a control character or non-ASCII");
        let rows = [
            ("plain", "a@b", "abc.DEF-_~+/=", None),
            ("UTF-8 user", "grüße@b", "t", None),
            ("user with a field", "a\u{1}auth=Bearer evil", "t", Some(user)),
            ("user with NUL", "a\0b", "t", Some(user)),
            ("user with CRLF", "a\r\nb", "t", Some(user)),
            ("user with 0x1f", "a\u{1f}", "t", Some(user)),
            ("user with DEL", "a\u{7f}", "t", Some(user)),
            ("empty user", "", "t", Some(InvalidCredentials::User("is empty"))),
            ("token with a field", "a@b", "t\u{1}user=evil", Some(token)),
            ("token with CRLF", "a@b", "t\r\n", Some(token)),
            ("token with a space", "a@b", "t t", Some(token)),
            ("token with DEL", "a@b", "t\u{7f}", Some(token)),
            ("token not ASCII", "a@b", "tök", Some(token)),
            ("empty token", "a@b", "", Some(InvalidCredentials::Token("is empty"))),
        ];
        for (name, user, token, want) in rows {
            assert_eq!(Credentials::bearer(user, token).err(), want, "{name}");
        }
        for octet in (0..=0x1f).chain([0x7f]) {
            let bad = format!("a{}b", char::from(octet));
            assert!(Credentials::bearer(bad.as_str(), "t").is_err(), "user with {octet:#x}");
            assert!(Credentials::bearer("a", bad.as_str()).is_err(), "token with {octet:#x}");
            assert!(Credentials::password(bad.as_str(), "p").is_err(), "password's user with {octet:#x}");
        }
    }

    #[test]
    fn a_password_may_hold_anything_but_nul() {
        assert!(Credentials::password("a", "p w\u{1}\r\nü").is_ok());
        let nul = Credentials::password("a", "p\0w").err();
        assert_eq!(nul, Some(InvalidCredentials::Password("holds NUL")));
        assert_eq!(Credentials::password("a", "").err(), Some(InvalidCredentials::Password("is empty")));
    }

    #[test]
    fn knows_a_token_from_a_password() {
        assert!(Credentials::bearer("a", "t").unwrap().is_bearer());
        let password = Credentials::password("a", "p").unwrap();
        assert!(!password.is_bearer());
        assert_eq!(password.plain_password().map(|password| password.expose().as_str()), Some("p"));
        assert!(Credentials::bearer("a", "t").unwrap().plain_password().is_none(), "a token is no password");
    }

    #[test]
    fn says_what_is_wrong_with_what() {
        for (error, want) in [
            (Credentials::bearer("", "t"), "user name is empty"),
            (Credentials::bearer("a", ""), "access token is empty"),
            (Credentials::password("a", "\0"), "password holds NUL"),
        ] {
            assert_eq!(error.unwrap_err().to_string(), want);
        }
    }

    #[test]
    fn shows_no_secret() {
        let credentials = Credentials::bearer("a@b", "s3cret").unwrap();
        let shown = format!("{credentials:?} {}", Credentials::bearer("a@b", "s3cret ").unwrap_err());
        assert!(shown.contains("a@b") && !shown.contains("s3cret"), "{shown}");
        let heard = "no: s3cret-token is not good";
        for credentials in
            [Credentials::bearer("a", "s3cret-token"), Credentials::password("a", "s3cret-token")]
        {
            assert_eq!(credentials.unwrap().redactor().redact(heard), "no: [redacted] is not good");
        }
    }
}

use alloc::string::String;
use core::{fmt, time::Duration};

use mailbearer_wire::{Json, Secret};

use crate::{Assertion, Endpoint};

/// The key file of a service account, as Google's console gives it: JSON with `type` `service_account`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceAccount {
    /// `client_email`: who the service account is.
    pub email: String,
    /// `private_key_id`.
    pub key_id: String,
    /// `private_key`: PKCS#8 in PEM.
    pub key: Secret,
    /// `token_uri`.
    pub endpoint: Endpoint,
}

impl ServiceAccount {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidServiceAccount`] for what is no JSON object of that type, and names the member that is missing or
    /// of no use.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidServiceAccount> {
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let file = Json::parse(json).filter(|json| json.is_object());
        let file = file.ok_or(InvalidServiceAccount("is no JSON object"))?;
        let text = |name| file.get(name).and_then(Json::text).filter(|text| !text.is_empty());
        // The other kinds of files in which Google keeps credentials have another type, or none.
        if text("type").as_deref() != Some("service_account") {
            return Err(InvalidServiceAccount("is not of the type service_account"));
        }
        let endpoint = text("token_uri").and_then(|url| Endpoint::parse(&url).ok());
        Ok(Self {
            email: text("client_email").ok_or(InvalidServiceAccount("has no client_email"))?,
            key_id: text("private_key_id").ok_or(InvalidServiceAccount("has no private_key_id"))?,
            key: text("private_key").map(Secret::new).ok_or(InvalidServiceAccount("has no private_key"))?,
            endpoint: endpoint.ok_or(InvalidServiceAccount("has no token_uri that is an https address"))?,
        })
    }

    /// What asks for a token for the person `subject`, to be signed with the [`key`](Self::key). `now` is the time since
    /// 1970.
    #[must_use]
    pub fn assertion(&self, subject: &str, scope: &str, audience: &str, now: Duration) -> Assertion {
        Assertion::service_account(&self.email, subject, scope, audience, now).key_id(&self.key_id)
    }
}

/// Why a file is not the key of a service account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidServiceAccount(pub &'static str);

impl fmt::Display for InvalidServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key of a service account {}", self.0)
    }
}

impl core::error::Error for InvalidServiceAccount {}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn reads_a_key_file() {
        let whole = r#"{"type":"service_account","client_email":"r@p.iam","private_key_id":"k","private_key":"PEM",
            "token_uri":"https://oauth2.googleapis.com/token","project_id":"p"}"#;
        let account = ServiceAccount::from_json(whole.as_bytes()).unwrap();
        assert_eq!((account.email.as_str(), account.key_id.as_str()), ("r@p.iam", "k"));
        assert_eq!(account.endpoint.host(), "oauth2.googleapis.com");
        assert!(!format!("{account:?}").contains("PEM"));
        assert!(ServiceAccount::from_json(format!("\u{feff}{whole}").as_bytes()).is_ok());
        for (from, to, want) in [
            ("{\"type\"", "[\"type\"", "is no JSON object"),
            ("service_account", "authorized_user", "is not of the type service_account"),
            ("client_email", "x", "has no client_email"),
            ("\"k\"", "\"\"", "has no private_key_id"),
            ("\"PEM\"", "7", "has no private_key"),
            ("https://", "http://", "has no token_uri that is an https address"),
            ("token_uri", "x", "has no token_uri that is an https address"),
        ] {
            let found = ServiceAccount::from_json(whole.replacen(from, to, 1).as_bytes());
            assert_eq!(found.map(|_| ()), Err(InvalidServiceAccount(want)), "{from}");
        }
    }
}

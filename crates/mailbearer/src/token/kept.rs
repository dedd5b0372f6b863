use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mailbearer_wire::{Json, Secret, json_string};

use super::{AccountKey, Token};

/// What a [`TokenStore`](super::TokenStore) keeps for an account.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Kept {
    /// The access token, if it is known to be valid for a while.
    pub token: Option<Token>,
    /// When it was requested.
    pub stored_at: Option<SystemTime>,
    /// The refresh token that the server gave last.
    pub refresh_token: Option<Secret>,
    /// When the refresh token expires, however often it is used. `None` if the server does not say.
    pub refresh_expires_at: Option<SystemTime>,
    /// A salted digest of what proved the application's identity. If that changes, the access token is stale.
    pub client: Option<String>,
    /// A salted digest of the refresh token in the account. If that changes, it replaces the kept one.
    pub origin: Option<String>,
}

impl Kept {
    /// Writes one line of JSON, which names the account that it is for.
    #[must_use]
    pub fn to_text(&self, account: &AccountKey) -> Secret {
        let mut text = String::with_capacity(CAPACITY);
        let mut member = |name: &str, value: &str| {
            text.push_str(if text.is_empty() { "{" } else { "," });
            text.push_str(&json_string(name));
            text.push(':');
            text.push_str(value);
        };
        let fields =
            account.fields().map(|(name, value)| format!("{}:{}", json_string(name), json_string(value)));
        member("account", &format!("{{{}}}", fields.collect::<Vec<_>>().join(",")));
        let mut secret = |name: &str, value: Option<&Secret>| {
            if let Some(value) = value {
                member(name, Secret::<String>::new(json_string(value.expose())).expose());
            }
        };
        secret("refresh_token", self.refresh_token.as_ref());
        secret("access_token", self.token.as_ref().map(|token| &token.access_token));
        let mut plain = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                member(name, &value);
            }
        };
        let token = self.token.as_ref();
        plain("expires_at", token.and_then(|token| token.expires_at).map(unix));
        plain("stored_at", self.stored_at.map(unix));
        plain("refresh_expires_at", self.refresh_expires_at.map(unix));
        plain("scope", token.and_then(|token| token.scope.as_deref()).map(json_string));
        plain("client", self.client.as_deref().map(json_string));
        plain("origin", self.origin.as_deref().map(json_string));
        text.push_str("}\n");
        Secret::new(text)
    }

    /// Reads what [`to_text`](Self::to_text) wrote. `None` if it is for another account.
    ///
    /// # Errors
    ///
    /// Says what is wrong with a text that `to_text` did not write.
    pub fn from_text(text: &[u8], account: &AccountKey) -> Result<Option<Self>, &'static str> {
        let kept = Json::parse(text).filter(|json| json.is_object()).ok_or("it is no JSON object")?;
        let of = kept.get("account").filter(|of| of.is_object()).ok_or("it names no account")?;
        if !account.fields().all(|(name, value)| of.get(name).and_then(Json::text).as_deref() == Some(value))
        {
            return Ok(None);
        }
        let text = |name: &str| match kept.get(name) {
            None => Ok(None),
            Some(value) => value.text().map(Some).ok_or("a text in it is none"),
        };
        let time = |name: &str| match kept.get(name) {
            None => Ok(None),
            Some(value) => value.number().and_then(from_unix).map(Some).ok_or("a time in it is none"),
        };
        let (access_token, refresh_token) = (text("access_token")?, text("refresh_token")?);
        let (access_token, refresh_token) = (access_token.map(Secret::new), refresh_token.map(Secret::new));
        if refresh_token.as_ref().is_some_and(|token| token.expose().is_empty()) {
            return Err("the refresh token in it is empty");
        }
        // The same check as for answers of the token endpoint.
        let is_token = |token: &Secret| {
            let token = token.expose();
            !token.is_empty() && token.bytes().all(|octet| octet.is_ascii_graphic())
        };
        if access_token.as_ref().is_some_and(|token| !is_token(token)) {
            return Err("the access token in it is none");
        }
        let (expires_at, stored_at, scope) = (time("expires_at")?, time("stored_at")?, text("scope")?);
        if access_token.is_some() && (expires_at.is_none() || stored_at.is_none()) {
            return Err("it does not say when the token expires");
        }
        let token = access_token.map(|access_token| Token { scope, ..Token::new(access_token, expires_at) });
        Ok(Some(Self {
            token,
            stored_at,
            refresh_token,
            refresh_expires_at: time("refresh_expires_at")?,
            client: text("client")?,
            origin: text("origin")?,
        }))
    }

    /// Returns the access token, if it is valid for a while at `now`.
    pub(crate) fn usable(&self, now: SystemTime) -> Option<&Token> {
        let (token, stored_at) = (self.token.as_ref()?, self.stored_at?);
        // A clock that was set back would make an old token look fresh.
        let left = token.expires_at?.duration_since(now).ok().filter(|_| stored_at <= now)?;
        (left > MARGIN).then_some(token)
    }
}

fn unix(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string()
}

fn from_unix(digits: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(digits.parse().ok()?))
}

/// How long a kept token must still be valid, to outlast the operation that uses it.
const MARGIN: Duration = Duration::from_secs(300);
/// Octets to begin with, more than two tokens have: memory that a growing string leaves behind is not wiped.
const CAPACITY: usize = 16 * 1024;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mailbearer_wire::Secret;

use crate::{Endpoint, form};

/// What binds a code to the program that asked for it (PKCE, RFC 7636, method `S256`).
///
/// The challenge goes into the authorization request, the verifier into the token request. Make one for each request.
#[derive(Clone, Debug)]
pub struct Pkce {
    verifier: Secret,
    challenge: String,
}

impl Pkce {
    /// Takes 32 random octets, which become a verifier of 43 characters, and the digest SHA-256.
    ///
    /// # Errors
    ///
    /// Fails as `sha256` does.
    pub fn new<E>(
        random: &Secret<[u8; 32]>,
        sha256: impl FnOnce(&[u8]) -> Result<[u8; 32], E>,
    ) -> Result<Self, E> {
        let verifier = Secret::new(URL_SAFE_NO_PAD.encode(random.expose()));
        let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.expose().as_bytes())?);
        Ok(Self { verifier, challenge })
    }

    /// What the token request shows.
    #[must_use]
    pub const fn verifier(&self) -> &Secret {
        &self.verifier
    }

    /// The verifier's digest, which the authorization request shows.
    #[must_use]
    pub fn challenge(&self) -> &str {
        &self.challenge
    }
}

/// The address at which a person logs in and consents (RFC 6749 section 4.1.1 and 4.2.1).
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    endpoint: Endpoint,
    fields: Vec<(String, String)>,
}

impl AuthorizationRequest {
    /// Asks for a code, which comes back in the query of `redirect_uri`.
    ///
    /// `state` is random text of this one request, 16 octets or more; the redirect has to repeat it.
    #[must_use]
    pub fn code(
        endpoint: Endpoint,
        client_id: &str,
        redirect_uri: &str,
        scope: &str,
        state: &str,
        pkce: &Pkce,
    ) -> Self {
        Self::new(endpoint, "code", client_id, redirect_uri, scope, state)
            .parameter("response_mode", "query")
            .parameter("code_challenge", &pkce.challenge)
            .parameter("code_challenge_method", "S256")
    }

    /// Asks for an access token, which comes back in the fragment of `redirect_uri`.
    ///
    /// This is the implicit grant, which RFC 9700 section 2.1.2 advises against: the token is in the browser's address
    /// bar and history, nothing binds it to this program, and there is no refresh token. It is for servers that have
    /// nothing else.
    #[must_use]
    pub fn implicit(
        endpoint: Endpoint,
        client_id: &str,
        redirect_uri: &str,
        scope: &str,
        state: &str,
    ) -> Self {
        Self::new(endpoint, "token", client_id, redirect_uri, scope, state)
    }

    fn new(
        endpoint: Endpoint,
        response_type: &str,
        client_id: &str,
        redirect_uri: &str,
        scope: &str,
        state: &str,
    ) -> Self {
        Self { endpoint, fields: Vec::new() }
            .parameter("response_type", response_type)
            .parameter("client_id", client_id)
            .parameter("redirect_uri", redirect_uri)
            .parameter("scope", scope)
            .parameter("state", state)
    }

    /// Adds a parameter, such as `prompt`, `login_hint` or `nonce`, or replaces the one of that name. Name and value can be
    /// any text.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => *present = value.to_string(),
            None => self.fields.push((name.to_string(), value.to_string())),
        }
        self
    }
}

/// The address for the browser: visible ASCII alone.
impl fmt::Display for AuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mark = if self.endpoint.target().contains('?') { '&' } else { '?' };
        write!(f, "{}{mark}{}", self.endpoint, form::encode(fields).expose())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::convert::Infallible;

    use super::*;

    /// RFC 7636 appendix B.
    #[test]
    fn the_challenge_is_the_digest_of_the_verifier() {
        let random = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
            214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let digest = [
            19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8, 118, 168, 120, 173, 109,
            241, 68, 86, 110, 225, 137, 74, 203, 112, 249, 195,
        ];
        let pkce = Pkce::new(&Secret::new(random), |verifier| {
            assert_eq!(verifier, b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
            Ok::<_, Infallible>(digest)
        });
        let Ok(pkce) = pkce;
        assert_eq!(pkce.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(pkce.verifier().expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert!(!format!("{pkce:?}").contains("dBjft"));
    }

    #[test]
    fn writes_the_address() {
        let pkce = Pkce { verifier: "v".into(), challenge: "c".into() };
        let endpoint = |url| Endpoint::parse(url).unwrap();
        let (client, redirect, scope) = ("i d", "http://localhost:1234/", "https://o.example/IMAP offline");
        let rows = [
            (
                AuthorizationRequest::code(
                    endpoint("https://a.example/auth"),
                    client,
                    redirect,
                    scope,
                    "s",
                    &pkce,
                )
                .parameter("prompt", "select_account")
                .parameter("login_hint", "ann+x@example.org"),
                "https://a.example/auth?response_type=code&client_id=i+d&redirect_uri=http%3A%2F%2Flocalhost%3A1234%2F\
                 &scope=https%3A%2F%2Fo.example%2FIMAP+offline&state=s&response_mode=query&code_challenge=c\
                 &code_challenge_method=S256&prompt=select_account&login_hint=ann%2Bx%40example.org",
            ),
            (
                AuthorizationRequest::implicit(endpoint("https://a.example/auth?x=1"), "c", "r", "", "s&t"),
                "https://a.example/auth?x=1&response_type=token&client_id=c&redirect_uri=r&scope=&state=s%26t",
            ),
            (
                AuthorizationRequest::implicit(endpoint("https://a.example"), "c", "r", "x", "s")
                    .parameter("scope", "y"),
                "https://a.example/?response_type=token&client_id=c&redirect_uri=r&scope=y&state=s",
            ),
        ];
        for (request, want) in rows {
            assert_eq!(request.to_string(), want);
        }
    }
}

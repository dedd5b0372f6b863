use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer_sasl::Redactor;
use mailbearer_wire::Secret;

use crate::{Endpoint, Error, Hides, Limits, Pkce, Token, form, http};

/// The application that asks for tokens, as the authorization server knows it.
#[derive(Clone, Debug)]
pub struct Client {
    id: String,
    authentication: Authentication,
}

#[derive(Clone, Debug)]
enum Authentication {
    /// Something else in the form says who asks.
    Elsewhere,
    Public,
    Post(Secret),
    Basic {
        secret: Secret,
        /// What stands behind `Basic ` in the `Authorization` field.
        pair: Secret,
    },
}

impl Client {
    /// A public client: it has an id and no secret.
    #[must_use]
    pub fn public(id: impl Into<String>) -> Self {
        Self { id: id.into(), authentication: Authentication::Public }
    }

    /// A confidential client. Its secret goes in the form (`client_secret_post`), which Microsoft, Google and
    /// most others take.
    #[must_use]
    pub fn with_secret(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { id: id.into(), authentication: Authentication::Post(secret.into()) }
    }

    /// A confidential client for a server that wants id and secret in an `Authorization` field
    /// (`client_secret_basic`, RFC 6749 section 2.3.1).
    #[must_use]
    pub fn with_basic_secret(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        let (id, secret) = (id.into(), secret.into());
        let [user, password] = [&id, secret.expose()].map(|text| form::encode_text(text));
        let pair = Secret::new([user.expose().as_str(), ":", password.expose()].concat());
        let encoded = STANDARD.encode(pair.expose());
        Self { id, authentication: Authentication::Basic { secret, pair: Secret::new(encoded) } }
    }
}

/// A request for an access token: where to, by whom, and on what ground.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    endpoint: Endpoint,
    client: Client,
    fields: Vec<(String, Secret)>,
}

impl Hides for TokenRequest {
    fn redactor(&self) -> Redactor {
        Redactor::new(&self.secrets())
    }
}

impl TokenRequest {
    /// A token for the application itself (RFC 6749 section 4.4). Several scopes are separated by spaces; at
    /// Microsoft's it is one, ending in `/.default`.
    #[must_use]
    pub fn client_credentials(endpoint: Endpoint, client: Client, scope: &str) -> Self {
        Self { endpoint, client, fields: Vec::new() }
            .parameter("grant_type", "client_credentials")
            .parameter("scope", scope)
    }

    /// A token for a person whose name and password the program has (RFC 6749 section 4.3), for servers that have nothing
    /// better: the program sees the password, and there is no second factor.
    #[must_use]
    pub fn password(
        endpoint: Endpoint,
        client: Client,
        username: &str,
        password: impl Into<Secret>,
        scope: &str,
    ) -> Self {
        Self { endpoint, client, fields: Vec::new() }
            .parameter("grant_type", "password")
            .parameter("username", username)
            .parameter("password", password)
            .parameter("scope", scope)
    }

    /// A new token for the person who once logged in (RFC 6749 section 6). It is for the scopes that were
    /// granted then; ask for fewer with [`parameter`](Self::parameter).
    #[must_use]
    pub fn refresh_token(endpoint: Endpoint, client: Client, refresh_token: impl Into<Secret>) -> Self {
        Self { endpoint, client, fields: Vec::new() }
            .parameter("grant_type", "refresh_token")
            .parameter("refresh_token", refresh_token)
    }

    /// A token for the code that a redirect brought (RFC 6749 section 4.1.3). `redirect_uri` and `pkce` are those of the
    /// [`AuthorizationRequest`](crate::AuthorizationRequest).
    #[must_use]
    pub fn authorization_code(
        endpoint: Endpoint,
        client: Client,
        code: impl Into<Secret>,
        redirect_uri: &str,
        pkce: &Pkce,
    ) -> Self {
        Self { endpoint, client, fields: Vec::new() }
            .parameter("grant_type", "authorization_code")
            .parameter("code", code)
            .parameter("redirect_uri", redirect_uri)
            .parameter("code_verifier", pkce.verifier().clone())
    }

    /// Asks whether the person has entered the device's code, and if so for the token (RFC 8628 section 3.4).
    #[must_use]
    pub fn device_code(endpoint: Endpoint, client: Client, device_code: impl Into<Secret>) -> Self {
        Self { endpoint, client, fields: Vec::new() }
            .parameter("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .parameter("device_code", device_code)
    }

    /// A token for whom an assertion speaks of (RFC 7523 section 2.1), such as the person for whom a service account
    /// acts. The client is named by the assertion.
    #[must_use]
    pub fn jwt_bearer(endpoint: Endpoint, assertion: impl Into<Secret>) -> Self {
        Self::bare(endpoint, Client { id: String::new(), authentication: Authentication::Elsewhere })
            .parameter("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .parameter("assertion", assertion)
    }

    /// The same request by a client that proves itself with an assertion in place of a secret (RFC 7523 section 2.2): one
    /// that it signed, or one that an issuer gave it whom the server trusts.
    #[must_use]
    pub fn client_assertion(self, assertion: impl Into<Secret>) -> Self {
        self.parameter("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .parameter("client_assertion", assertion)
    }

    /// A form without a grant, for the endpoints beside that of tokens.
    pub(crate) const fn bare(endpoint: Endpoint, client: Client) -> Self {
        Self { endpoint, client, fields: Vec::new() }
    }

    /// The same request with a form field more, or another value for one that it has: a field may not occur
    /// twice (RFC 6749 section 3.2). Any text can be name and value.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<Secret>) -> Self {
        let value = value.into();
        match self.fields.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => *present = value,
            None => self.fields.push((name.to_string(), value)),
        }
        self
    }

    /// The request as HTTP has it.
    #[must_use]
    pub fn to_http(&self) -> http::Request {
        http::Request::form(self.endpoint.clone(), self.form()).with_basic(self.basic().cloned())
    }

    /// Reads the response to it, without anything that was sent in an error.
    ///
    /// # Errors
    ///
    /// As [`Token::from_response`].
    pub fn read(&self, response: &http::Response, limits: &Limits) -> Result<Token, Error> {
        Token::read(response, limits, &self.secrets())
    }

    /// Where to connect to.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn form(&self) -> Secret {
        let id = [("client_id", self.client.id.as_str())];
        let (id, secret) = match &self.client.authentication {
            Authentication::Elsewhere => (&[][..], None),
            Authentication::Public => (&id[..], None),
            Authentication::Post(secret) => (&id[..], Some(("client_secret", secret.expose().as_str()))),
            Authentication::Basic { .. } => (&[][..], None),
        };
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()));
        // What was set as a parameter is not sent a second time.
        let client = id.iter().copied().chain(secret);
        let client = client.filter(|(name, _)| !self.fields.iter().any(|(present, _)| present == name));
        form::encode(fields.chain(client))
    }

    /// What a server may repeat and nobody may see.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for (name, value) in &self.fields {
            if !PLAIN.contains(&name.as_str()) {
                secrets.push(value.clone());
            }
        }
        match &self.client.authentication {
            Authentication::Elsewhere | Authentication::Public => {}
            Authentication::Post(secret) => secrets.push(secret.clone()),
            Authentication::Basic { secret, pair } => {
                secrets.push(secret.clone());
                secrets.push(pair.clone());
            }
        }
        secrets
    }

    /// The value of the `Authorization` field after `Basic `.
    pub(crate) const fn basic(&self) -> Option<&Secret> {
        match &self.client.authentication {
            Authentication::Basic { pair, .. } => Some(pair),
            Authentication::Elsewhere | Authentication::Public | Authentication::Post(_) => None,
        }
    }
}

/// Form fields that are no secrets; every other one may be.
pub(crate) const PLAIN: [&str; 9] = [
    "grant_type",
    "scope",
    "client_id",
    "redirect_uri",
    "resource",
    "audience",
    "client_assertion_type",
    "username",
    "token_type_hint",
];

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::convert::Infallible;

    use super::*;

    const SECRET: &str = "s~e+c&r%e=t ü";

    fn endpoint() -> Endpoint {
        Endpoint::parse("https://a.example/t").unwrap()
    }

    fn app(client: Client) -> TokenRequest {
        TokenRequest::client_credentials(endpoint(), client, "https://o.example/.default")
    }

    fn renewal(client: Client) -> TokenRequest {
        TokenRequest::refresh_token(endpoint(), client, "r/+t")
    }

    #[test]
    fn writes_the_grants_for_every_kind_of_client() {
        let rows = [
            (
                "secret in the form",
                app(Client::with_secret("id", SECRET)),
                "grant_type=client_credentials&scope=https%3A%2F%2Fo.example%2F.default&client_id=id\
                 &client_secret=s%7Ee%2Bc%26r%25e%3Dt+%C3%BC",
                None,
            ),
            (
                "secret in the head",
                app(Client::with_basic_secret("i:d", SECRET)),
                "grant_type=client_credentials&scope=https%3A%2F%2Fo.example%2F.default",
                // i%3Ad:s%7Ee%2Bc%26r%25e%3Dt+%C3%BC
                Some("aSUzQWQ6cyU3RWUlMkJjJTI2ciUyNWUlM0R0KyVDMyVCQw=="),
            ),
            (
                "public",
                renewal(Client::public("id")),
                "grant_type=refresh_token&refresh_token=r%2F%2Bt&client_id=id",
                None,
            ),
            (
                "password",
                TokenRequest::password(endpoint(), Client::public("id"), "ann@x", "p&w", "a b"),
                "grant_type=password&username=ann%40x&password=p%26w&scope=a+b&client_id=id",
                None,
            ),
            (
                "code",
                TokenRequest::authorization_code(
                    endpoint(),
                    Client::public("id"),
                    "c/1",
                    "http://localhost:1/",
                    &Pkce::new(&Secret::new([0; 32]), |_| Ok::<_, Infallible>([0; 32])).unwrap(),
                ),
                "grant_type=authorization_code&code=c%2F1&redirect_uri=http%3A%2F%2Flocalhost%3A1%2F\
                 &code_verifier=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&client_id=id",
                None,
            ),
            (
                "device",
                TokenRequest::device_code(endpoint(), Client::public("id"), "d"),
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=d&client_id=id",
                None,
            ),
            (
                "assertion of a client",
                app(Client::public("id")).client_assertion("a.b.c"),
                "grant_type=client_credentials&scope=https%3A%2F%2Fo.example%2F.default&client_assertion_type=\
                 urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=a.b.c&client_id=id",
                None,
            ),
            (
                "assertion as a grant",
                TokenRequest::jwt_bearer(endpoint(), "a.b.c"),
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c",
                None,
            ),
            (
                "extra fields",
                renewal(Client::public("id"))
                    .parameter("scope", "a b")
                    .parameter("x", "1")
                    .parameter("x", "2"),
                "grant_type=refresh_token&refresh_token=r%2F%2Bt&scope=a+b&x=2&client_id=id",
                None,
            ),
            (
                "own client id",
                renewal(Client::with_secret("id", "s")).parameter("client_id", "other"),
                "grant_type=refresh_token&refresh_token=r%2F%2Bt&client_id=other&client_secret=s",
                None,
            ),
        ];
        for (name, request, form, basic) in rows {
            assert_eq!(request.form().expose(), form, "{name}");
            assert_eq!(request.basic().map(|value| value.expose().as_str()), basic, "{name}");
        }
    }

    #[test]
    fn shows_no_secret() {
        for client in [Client::with_secret("id", SECRET), Client::with_basic_secret("id", SECRET)] {
            let shown = format!("{:?} {:?}", renewal(client.clone()), app(client));
            assert!(!shown.contains(SECRET) && !shown.contains("r/+t"), "{shown}");
        }
    }
}

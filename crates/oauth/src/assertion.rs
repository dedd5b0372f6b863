//! Assertions: what an application signs in place of sending a secret (RFC 7523), as a JWT (RFC 7519) in the compact form of
//! RFC 7515.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use mailbearer_wire::{Secret, json_string};

/// How an assertion is signed (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA with PKCS#1 v1.5 padding and SHA-256.
    Rs256,
    /// RSA with PSS padding, SHA-256, and a salt as long as its digest.
    Ps256,
}

impl Algorithm {
    /// The name in the head of a JWT.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }
}

/// A private key that signs assertions. The crate `mailbearer` has one on the provider of cryptography that TLS uses.
pub trait Sign: fmt::Debug + Send + Sync {
    /// How it signs.
    fn algorithm(&self) -> Algorithm;

    /// Signs octets; the signature as RFC 7518 has it.
    ///
    /// # Errors
    ///
    /// Fails if the key can't sign; says why, without anything of the key.
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignError(String);

impl SignError {
    /// For this reason, which holds nothing of the key.
    #[must_use]
    pub const fn new(reason: String) -> Self {
        Self(reason)
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the assertion can't be signed: {}", self.0)
    }
}

impl core::error::Error for SignError {}

/// A JWT that is to be signed.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// Members of the head besides `alg` and `typ`, each with a comma before it.
    head: String,
    claims: String,
}

impl Assertion {
    /// How long an assertion is good; Microsoft's takes ten minutes at most.
    pub const LIFE: Duration = Duration::from_secs(600);
    /// How long one of Google's service accounts is good.
    pub const SERVICE_ACCOUNT_LIFE: Duration = Duration::from_secs(3600);

    /// Proves that the application is `client_id` to the token endpoint `audience` (RFC 7523 section 3). `now` is the time
    /// since 1970, `id` makes it unique.
    #[must_use]
    pub fn client(client_id: &str, audience: &str, now: Duration, id: [u8; 16]) -> Self {
        let (now, end) = (now.as_secs(), now.saturating_add(Self::LIFE).as_secs());
        let (client_id, audience) = (json_string(client_id), json_string(audience));
        let id = URL_SAFE_NO_PAD.encode(id);
        let claims = format!(
            "{{\"aud\":{audience},\"iss\":{client_id},\"sub\":{client_id},\"jti\":\"{id}\",\"nbf\":{now},\"iat\":{now},\
             \"exp\":{end}}}"
        );
        Self { head: String::new(), claims }
    }

    /// Asks for a token of a service account for the person `subject`, as Google has it in "Using OAuth 2.0 for server to
    /// server applications".
    #[must_use]
    pub fn service_account(account: &str, subject: &str, scope: &str, audience: &str, now: Duration) -> Self {
        let (now, end) = (now.as_secs(), now.saturating_add(Self::SERVICE_ACCOUNT_LIFE).as_secs());
        let [account, subject, scope, audience] = [account, subject, scope, audience].map(json_string);
        let claims = format!(
            "{{\"iss\":{account},\"sub\":{subject},\"scope\":{scope},\"aud\":{audience},\"iat\":{now},\"exp\":{end}}}"
        );
        Self { head: String::new(), claims }
    }

    /// Names the key that signs (`kid`).
    #[must_use]
    pub fn key_id(self, id: &str) -> Self {
        self.head("kid", &json_string(id))
    }

    /// Names the certificate by the SHA-1 digest of its DER (`x5t`).
    #[must_use]
    pub fn sha1_thumbprint(self, digest: &[u8; 20]) -> Self {
        self.head("x5t", &json_string(&URL_SAFE_NO_PAD.encode(digest)))
    }

    /// Names the certificate by the SHA-256 digest of its DER (`x5t#S256`).
    #[must_use]
    pub fn sha256_thumbprint(self, digest: &[u8; 32]) -> Self {
        self.head("x5t#S256", &json_string(&URL_SAFE_NO_PAD.encode(digest)))
    }

    /// Carries the certificate and those that it was signed with, in DER, its own first (`x5c`): for applications that
    /// trust an issuer in place of a thumbprint.
    #[must_use]
    pub fn chain<'a>(self, certificates: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let certificates: Vec<String> =
            certificates.into_iter().map(|der| json_string(&STANDARD.encode(der))).collect();
        self.head("x5c", &format!("[{}]", certificates.join(",")))
    }

    fn head(mut self, name: &str, value: &str) -> Self {
        self.head.extend([",", &json_string(name), ":", value]);
        self
    }

    /// Signs it.
    ///
    /// # Errors
    ///
    /// Fails if the key can't sign.
    pub fn sign(&self, key: &dyn Sign) -> Result<Secret, SignError> {
        let head = format!("{{\"alg\":\"{}\",\"typ\":\"JWT\"{}}}", key.algorithm().name(), self.head);
        let mut text = [URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(&self.claims)].join(".");
        let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())?);
        // Without the signature it is no secret, and memory that a growing string leaves behind holds none.
        text.extend([".", &signature]);
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use mailbearer_wire::Json;

    use super::*;

    #[derive(Debug)]
    struct Key(Algorithm);

    impl Sign for Key {
        fn algorithm(&self) -> Algorithm {
            self.0
        }

        fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
            match self.0 {
                Algorithm::Rs256 => Ok(vec![u8::try_from(octets.len() % 256).unwrap(), 0xff]),
                Algorithm::Ps256 => Err(SignError("no".into())),
            }
        }
    }

    fn parts(token: &Secret) -> [String; 3] {
        let parts: Vec<Vec<u8>> =
            token.expose().split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let [head, claims, signature] = parts.try_into().unwrap();
        let hex = signature.iter().map(|octet| format!("{octet:02x}")).collect();
        [String::from_utf8(head).unwrap(), String::from_utf8(claims).unwrap(), hex]
    }

    #[test]
    fn a_client_proves_itself() {
        let assertion = Assertion::client("c\"id", "https://a.example/t", Duration::from_secs(1000), [7; 16])
            .sha1_thumbprint(&[0xfb; 20])
            .sha256_thumbprint(&[0xff; 32])
            .chain([&b"der"[..], b"ca"]);
        let token = assertion.sign(&Key(Algorithm::Rs256)).unwrap();
        let [head, claims, signature] = parts(&token);
        assert_eq!(
            head,
            "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\"-_v7-_v7-_v7-_v7-_v7-_v7-_s\",\
             \"x5t#S256\":\"__________________________________________8\",\"x5c\":[\"ZGVy\",\"Y2E=\"]}"
        );
        assert_eq!(
            claims,
            "{\"aud\":\"https://a.example/t\",\"iss\":\"c\\\"id\",\"sub\":\"c\\\"id\",\
             \"jti\":\"BwcHBwcHBwcHBwcHBwcHBw\",\"nbf\":1000,\"iat\":1000,\"exp\":1600}"
        );
        let signed = token.expose().rsplit_once('.').unwrap().0.len();
        assert_eq!(signature, format!("{:02x}ff", signed % 256));
        let error = assertion.sign(&Key(Algorithm::Ps256)).unwrap_err();
        assert_eq!(error.to_string(), "the assertion can't be signed: no");
    }

    #[test]
    fn a_service_account_acts_for_a_person() {
        let assertion =
            Assertion::service_account("r@p.iam", "ann@x", "s", "https://a/t", Duration::from_secs(5));
        let [head, claims, _] = parts(&assertion.key_id("k1").sign(&Key(Algorithm::Rs256)).unwrap());
        assert_eq!(head, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}");
        let claims = Json::parse(claims.as_bytes()).unwrap();
        let text = |name| claims.get(name).and_then(Json::text).unwrap();
        assert_eq!(
            [text("iss"), text("sub"), text("scope"), text("aud")],
            ["r@p.iam", "ann@x", "s", "https://a/t"]
        );
        assert_eq!(claims.get("exp").and_then(Json::number), Some("3605"));
    }
}

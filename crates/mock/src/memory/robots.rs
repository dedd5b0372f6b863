//! How robots prove who they are, checked for real: certificates, tokens of another issuer, service accounts, and the
//! identity of a machine.

use std::{
    collections::HashSet,
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use mailbearer_oauth::server::{Request, decode_form};
use mailbearer_wire::Secret;
use ring::{
    digest,
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use super::{
    World,
    mailbox::now,
    tokens::{client_secret, guid},
};

/// What the servers know of robots.
pub(crate) struct Robots {
    /// The certificates of the application and of the service account, in DER.
    certificates: Vec<CertificateDer<'static>>,
    /// Signs the tokens of the issuer whom the application trusts.
    issuer: EcdsaKeyPair,
    /// What a job of GitHub Actions shows to get such a token, and an app its identity.
    job_token: Secret,
    /// The key file that Azure Arc waits for.
    key: Mutex<Option<(PathBuf, String)>>,
    arc_folder: Option<PathBuf>,
    /// Assertions that were used.
    used: Mutex<HashSet<String>>,
}

/// Why an assertion is refused: Microsoft's number, and its words.
pub(crate) type Refusal = (u32, String);

impl Robots {
    pub(crate) fn new(certificates: Option<&str>, arc_folder: Option<PathBuf>) -> io::Result<Self> {
        let der: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificates.unwrap_or_default().as_bytes()).collect();
        let random = SystemRandom::new();
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let broken = |_| io::Error::other("no random octets");
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(broken)?;
        let issuer = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random)
            .map_err(|_| io::Error::other("no key for tokens"))?;
        Ok(Self {
            certificates: der.map_err(|_| io::Error::other("the client certificate is not PEM"))?,
            issuer,
            job_token: client_secret()?,
            key: Mutex::default(),
            arc_folder,
            used: Mutex::default(),
        })
    }

    pub(crate) const fn job_token(&self) -> &Secret {
        &self.job_token
    }

    /// A token of the issuer whom the application trusts.
    pub(crate) fn federated(&self, audience: &str) -> io::Result<String> {
        let (time, _) = now();
        let claims = json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": audience, "iat": time, "exp": time.saturating_add(300),
            "jti": guid()?,
        });
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": "issuer" });
        let signed = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = self.issuer.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| io::Error::other("no signature"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Checks an assertion in place of a secret (RFC 7523 section 3), for the token endpoint at `audience`.
    pub(crate) fn check_client(
        &self,
        assertion: &str,
        client_id: &str,
        audience: &str,
    ) -> Result<(), Refusal> {
        let jwt = Jwt::parse(assertion)?;
        if jwt.text("iss") == ISSUER {
            return self.check_federated(&jwt);
        }
        self.verify_by_certificate(&jwt)?;
        if jwt.text("iss") != client_id || jwt.text("sub") != client_id {
            return refuse(
                700_021,
                "Client assertion application identifier does not match 'client_id' parameter.",
            );
        }
        if jwt.text("aud") != audience {
            return refuse(700_023, "Client assertion audience claim does not match Realm issuer.");
        }
        // Ten minutes, and a little for clocks that differ.
        jwt.check_time(600 + 30)?;
        if jwt.text("jti").is_empty() {
            return refuse(700_027, "The assertion has no identifier.");
        }
        self.use_once(assertion)
    }

    fn check_federated(&self, jwt: &Jwt<'_>) -> Result<(), Refusal> {
        let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, self.issuer.public_key());
        if jwt.head("alg") != "ES256" || key.verify(jwt.signed.as_bytes(), &jwt.signature).is_err() {
            return refuse(
                700_027,
                "The certificate with identifier used to sign the client assertion is not registered.",
            );
        }
        if jwt.text("sub") != SUBJECT || jwt.text("aud") != AUDIENCE {
            let (subject, audience) = (jwt.text("sub"), jwt.text("aud"));
            let text = format!(
                "No matching federated identity record found for presented assertion subject '{subject}' and audience \
                 '{audience}'."
            );
            return Err((700_213, text));
        }
        // An issuer's token can be shown until it ends.
        jwt.check_time(3600)
    }

    /// Checks the assertion of a service account; returns the person for whom it acts, and the scope.
    pub(crate) fn check_service_account(
        &self,
        assertion: &str,
        audience: &str,
    ) -> Result<(String, String), Refusal> {
        let jwt = Jwt::parse(assertion)?;
        if jwt.head("alg") != "RS256" || jwt.head("kid") != KEY_ID {
            return refuse(0, "Invalid JWT: no key with this id.");
        }
        let certificate = self.certificates.first();
        if !certificate.is_some_and(|certificate| jwt.is_signed_by(certificate)) {
            return refuse(0, "Invalid JWT Signature.");
        }
        if jwt.text("iss") != SERVICE_ACCOUNT {
            return refuse(0, "Invalid grant: account not found");
        }
        if jwt.text("aud") != audience {
            return refuse(0, "Invalid JWT: Failed audience check.");
        }
        jwt.check_time(3600)?;
        Ok((jwt.text("sub").to_owned(), jwt.text("scope").to_owned()))
    }

    fn verify_by_certificate(&self, jwt: &Jwt<'_>) -> Result<(), Refusal> {
        let digests: [(&str, &'static digest::Algorithm); 2] =
            [("x5t", &digest::SHA1_FOR_LEGACY_USE_ONLY), ("x5t#S256", &digest::SHA256)];
        let named = |certificate: &&CertificateDer<'static>| {
            let matches = |(name, algorithm): &(&str, &'static digest::Algorithm)| {
                let digest = digest::digest(algorithm, certificate);
                // MSAL for Python pads it.
                let named = jwt.head.get(*name)?.as_str().map(|value| value.trim_end_matches('='));
                Some(named == Some(&URL_SAFE_NO_PAD.encode(digest)))
            };
            let found: Vec<bool> = digests.iter().filter_map(matches).collect();
            !found.is_empty() && found.iter().all(|fits| *fits)
        };
        match self.certificates.iter().find(named) {
            None => refuse(
                700_027,
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            ),
            Some(certificate) if !jwt.is_signed_by(certificate) => {
                refuse(700_027, "Client assertion contains an invalid signature.")
            }
            Some(_) => Ok(()),
        }
    }

    fn use_once(&self, assertion: &str) -> Result<(), Refusal> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() > MOST_USED {
            used.clear();
        }
        if used.insert(assertion.to_owned()) {
            Ok(())
        } else {
            refuse(700_028, "The assertion was used before.")
        }
    }

    /// The key file of a service account here, with its private key in PEM.
    pub(crate) fn service_account_key(token_url: &str, key: &str) -> String {
        json!({
            "type": "service_account", "project_id": "mailbearer-mock", "private_key_id": KEY_ID, "private_key": key,
            "client_email": SERVICE_ACCOUNT, "client_id": "1", "token_uri": token_url,
        })
        .to_string()
    }

    /// Answers what is asked for a machine's identity, and for a job's token. `None` for other addresses.
    pub(crate) fn answer(world: &World, request: &Request) -> Option<Reply> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let service = match path {
            "/metadata/identity/oauth2/token" => Service::VirtualMachine,
            "/msi/token" => Service::App,
            "/arc/token" => Service::Arc,
            "/actions/token" => Service::Job,
            _ => return None,
        };
        let query = decode_form(query.as_bytes()).unwrap_or_default();
        let value = |name: &str| {
            let found = query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
            found.unwrap_or_default()
        };
        Some(service.answer(world, request, &value))
    }
}

impl std::fmt::Debug for Robots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Robots").finish_non_exhaustive()
    }
}

/// An answer of a service of the machine itself.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) challenge: Option<String>,
    pub(crate) body: Value,
}

impl Reply {
    fn wrong(text: &str) -> Self {
        Self {
            status: 400,
            challenge: None,
            body: json!({ "error": "invalid_request", "error_description": text }),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    VirtualMachine,
    App,
    Arc,
    Job,
}

impl Service {
    fn answer<'q>(self, world: &World, request: &Request, value: &dyn Fn(&str) -> &'q str) -> Reply {
        let robots = &world.robots;
        let field = |name| request.header(name).unwrap_or_default();
        if request.method != "GET" {
            return Reply { status: 405, ..Reply::wrong("use GET") };
        }
        if world.tokens.request_fails() {
            // What a virtual machine's service says while it is updated.
            let status = if self == Self::VirtualMachine { 410 } else { 503 };
            return Reply { status, ..Reply::wrong("busy") };
        }
        let version = match self {
            Self::VirtualMachine => "2018-02-01",
            Self::App => "2019-08-01",
            Self::Arc => "2020-06-01",
            Self::Job => "",
        };
        if value("api-version") != version {
            return Reply::wrong("unknown api-version");
        }
        let secret = robots.job_token.expose();
        match self {
            Self::Job if field("authorization") != format!("bearer {secret}") => {
                return Reply { status: 401, challenge: None, body: json!({ "message": "no such job" }) };
            }
            Self::Job => {
                return match robots.federated(value("audience")) {
                    Ok(token) => Reply { status: 200, challenge: None, body: json!({ "value": token }) },
                    Err(_) => Reply { status: 500, ..Reply::wrong("no token") },
                };
            }
            Self::App if field("x-identity-header") != secret => {
                let body = json!({ "statusCode": 401, "message": "wrong X-IDENTITY-HEADER" });
                return Reply { status: 401, challenge: None, body };
            }
            Self::VirtualMachine | Self::Arc if field("metadata") != "true" => {
                return Reply::wrong("Required metadata header not specified");
            }
            Self::Arc => {
                if let Some(reply) = robots.arc(field("authorization")) {
                    return reply;
                }
            }
            _ => {}
        }
        let resource = value("resource");
        if resource.is_empty() || resource.ends_with("/.default") {
            return Reply::wrong("AADSTS500011: The resource principal was not found.");
        }
        let Ok((token, seconds)) = super::token_endpoint::issue(world, resource, None) else {
            return Reply { status: 500, ..Reply::wrong("no token") };
        };
        let end = now().0.saturating_add(i64::try_from(seconds).unwrap_or_default());
        let mut body = json!({
            "access_token": token, "token_type": "Bearer", "resource": resource, "expires_on": end.to_string(),
        });
        if let (Self::VirtualMachine | Self::Arc, Some(body)) = (self, body.as_object_mut()) {
            body.insert("expires_in".into(), seconds.to_string().into());
        }
        Reply { status: 200, challenge: None, body }
    }
}

impl Robots {
    /// The challenge, unless `authorization` meets the one that was given; each is good once.
    fn arc(&self, authorization: &str) -> Option<Reply> {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((path, content)) = key.take() {
            let _ = fs::remove_file(path);
            if authorization == format!("Basic {content}") {
                return None;
            }
        }
        let folder = self.arc_folder.clone().unwrap_or_else(std::env::temp_dir);
        let made = guid().and_then(|name| {
            let path = folder.join(format!("{name}.key"));
            let content = STANDARD.encode(guid()?);
            fs::write(&path, &content)?;
            Ok((path, content))
        });
        let Ok((path, content)) = made else {
            return Some(Reply { status: 500, ..Reply::wrong("no key file") });
        };
        let challenge = Some(format!("Basic realm={}", path.display()));
        *key = Some((path, content));
        Some(Reply { status: 401, challenge, body: json!({}) })
    }
}

/// A JWT, taken apart.
struct Jwt<'a> {
    head: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jwt<'a> {
    fn parse(text: &'a str) -> Result<Self, Refusal> {
        let parts = || {
            let (signed, signature) = text.rsplit_once('.')?;
            let (head, claims) = signed.split_once('.')?;
            let value = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
            let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
            Some(Self { head: value(head)?, claims: value(claims)?, signed, signature })
        };
        parts().ok_or_else(|| (50_027, "JWT token is invalid or malformed.".to_owned()))
    }

    fn head(&self, name: &str) -> &str {
        self.head.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn is_signed_by(&self, certificate: &CertificateDer<'_>) -> bool {
        let algorithm: &dyn rustls::pki_types::SignatureVerificationAlgorithm = match self.head("alg") {
            "RS256" => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
            "PS256" => webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            _ => return false,
        };
        webpki::EndEntityCert::try_from(certificate).is_ok_and(|certificate| {
            certificate.verify_signature(algorithm, self.signed.as_bytes(), &self.signature).is_ok()
        })
    }

    /// Whether it is good now, and for so many seconds from its start at most.
    fn check_time(&self, most: i64) -> Result<(), Refusal> {
        // A date may have a fraction (RFC 7519 section 2), and that of MSAL for Python has one.
        let time = |name: &str| {
            let number = self.claims.get(name).filter(|value| value.is_number())?.to_string();
            number.split('.').next().and_then(|whole| whole.parse::<i64>().ok())
        };
        let (now, _) = now();
        let (Some(start), Some(end)) = (time("nbf").or_else(|| time("iat")), time("exp")) else {
            return refuse(700_024, "Client assertion is not within its valid time range.");
        };
        if start > now.saturating_add(30) || end <= now || end.saturating_sub(start) > most {
            return refuse(700_024, "Client assertion is not within its valid time range.");
        }
        Ok(())
    }
}

fn refuse<T>(code: u32, text: &str) -> Result<T, Refusal> {
    Err((code, text.to_owned()))
}

/// The issuer whom the application trusts, and whom its tokens have to be of, as a federated credential names them.
const ISSUER: &str = "https://issuer.mailbearer.test";
const SUBJECT: &str = "repo:mailbearer/mock:ref:refs/heads/main";
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The service account that can be had here, and its key.
const SERVICE_ACCOUNT: &str = "robot@mailbearer-mock.iam.gserviceaccount.test";
const KEY_ID: &str = "0123456789abcdef";
/// Assertions that are remembered.
const MOST_USED: usize = 10_000;

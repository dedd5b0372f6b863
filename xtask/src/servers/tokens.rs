//! Access tokens as JWTs (RFC 7519): like Microsoft's in shape and size, signed by keys that Dovecot knows.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::{DOMAIN, Settings};
use crate::{Result, process};

const TENANT: &str = "c3b07c5f-9ad5-4d52-b8ad-6f0dd1a4a1f2";
const AUDIENCE: &str = "https://outlook.office365.com";
const SCOPE: &str = "IMAP.AccessAsApp";
/// Names the key in a token's header, and the file in which Dovecot looks for it.
const KEY_ID: &str = "mB4kQ1nZ8dVwX0s7hTf2uYcRgEo";
/// Audience and scopes of a token for mail, and of one for another service of the same tenant: the usual mistake.
const MAIL: (&str, &str) = (AUDIENCE, "IMAP.AccessAsApp POP.AccessAsApp SMTP.SendAsApp");
const GRAPH: (&str, &str) = ("https://graph.microsoft.com", "Mail.Read User.Read.All");
const SECONDS_VALID: u64 = 24 * 3600;
/// More mailboxes, for tests that need one of their own.
const BOXES: u32 = 48;

/// Who may sign a token.
#[derive(Clone, Copy)]
enum Key<'a> {
    /// RS256 with the private key in this file.
    Rsa(&'a Path),
    /// HS256 with this secret. Its tokens are short enough for one SMTP command.
    Secret(&'a [u8]),
}

/// Writes the keys, a token for each mailbox under `tokens`, and returns the tokens that tests want by name.
pub(crate) fn write(dir: &Path) -> Result<Settings> {
    // Where Dovecot looks: prefix, the token's azp claim or `default`, algorithm, key id or `default`.
    let (known_rsa, known_secrets) = (dir.join("keys/default/RS256"), dir.join("keys/default/HS256"));
    let tokens = dir.join("tokens");
    for folder in [&known_rsa, &known_secrets, &tokens] {
        fs::create_dir_all(folder)?;
    }
    let key_file = dir.join("token.key");
    let wrong_key_file = dir.join("wrong-token.key");
    for file in [&key_file, &wrong_key_file] {
        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"]).arg(file);
        process::output(&mut openssl)?;
    }
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-pubout", "-in"]).arg(&key_file).arg("-out").arg(known_rsa.join(KEY_ID));
    process::output(&mut openssl)?;
    let secret = process::output(Command::new("openssl").args(["rand", "32"]))?;
    fs::write(known_secrets.join("default"), BASE64_STANDARD.encode(&secret))?;

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let expires = now.saturating_add(SECONDS_VALID);
    let [ada, grace] = ["ada", "grace"].map(|name| format!("{name}@{DOMAIN}"));
    let boxes = (1..=BOXES).map(|number| format!("box-{number:02}@{DOMAIN}"));
    for user in [&ada, &grace].into_iter().cloned().chain(boxes) {
        fs::write(tokens.join(&user), sign(&claims(&user, MAIL, now, expires), Key::Rsa(&key_file))?)?;
    }
    let valid = claims(&ada, MAIL, now, expires);
    let expired = claims(&ada, MAIL, now.saturating_sub(7200), now.saturating_sub(3600));
    let wrong_scope = claims(&ada, GRAPH, now, expires);
    let short =
        format!(r#"{{"iss":"{}","sub":"{ada}","scope":"{SCOPE}","exp":{expires},"upn":"{ada}"}}"#, issuer());
    let settings = [
        ("TOKEN", fs::read_to_string(tokens.join(&ada))?),
        ("TOKEN2", fs::read_to_string(tokens.join(&grace))?),
        ("TOKEN_WRONG_KEY", sign(&valid, Key::Rsa(&wrong_key_file))?),
        ("TOKEN_EXPIRED", sign(&expired, Key::Rsa(&key_file))?),
        ("TOKEN_WRONG_SCOPE", sign(&wrong_scope, Key::Rsa(&key_file))?),
        ("TOKEN_SHORT", sign(&short, Key::Secret(&secret))?),
        ("TOKENS_DIR", tokens.display().to_string()),
        ("TOKEN_KEY_FILE", key_file.display().to_string()),
        ("TOKEN_KEY_ID", KEY_ID.to_owned()),
        ("ISSUER", issuer()),
        ("SCOPE", SCOPE.to_owned()),
        ("TENANT", TENANT.to_owned()),
        ("USER", ada),
        ("USER2", grace),
    ];
    Ok(settings.map(|(key, value)| (key.to_owned(), value)).into())
}

/// The claims of an application's token for Exchange Online, and the `upn` by which Dovecot knows the mailbox.
fn claims(user: &str, (audience, scope): (&str, &str), issued: u64, expires: u64) -> String {
    let issuer = issuer();
    let object = "5d0e6cb1-7f43-4b0e-9a35-2f5c3f0f8e77";
    format!(
        concat!(
            r#"{{"aud":"{audience}","iss":"{issuer}","iat":{issued},"nbf":{issued},"exp":{expires},"#,
            r#""aio":"k2RgYFjM0nZ4w5bQ1yPbV8Wc7v1oEw0WvzUqJb9fXy8m5JcHcnkA","app_displayname":"Mailbearer test robot","#,
            r#""appid":"0f6ad3c2-5c1e-4c3b-8f0a-9b7d2e6c4a11","appidacr":"1","idp":"{issuer}","#,
            r#""idtyp":"app","oid":"{object}","rh":"1.AXQAX3ywQ9WaUk24rW8N0aSh8gIAAAAAAPEPzgAAAAAAAAC4AQB0AA.","#,
            r#""roles":["IMAP.AccessAsApp","POP.AccessAsApp","SMTP.SendAsApp"],"#,
            // Microsoft has `scp` or `roles` alone, Dovecot wants this.
            r#""scope":"{scope}","sid":"8e1c4f30-2b79-4d1f-8c55-b6a9d0e3f712","sub":"{object}","tid":"{tenant}","upn":"{user}","#,
            r#""uti":"Zk3vT9mQw0u1r7XcN5YdAA","ver":"1.0","wids":["0997a1d0-0d1d-4acb-b408-d5ca73121e90"],"#,
            r#""xms_ftd":"s0Qh8vJwYb2nKpTzR6mXcL4eUa1dFg9i7oWkHyVtBqEBZXVyb3BlbkFwaQ","xms_idrel":"7 26"}}"#
        ),
        audience = audience,
        scope = scope,
        issuer = issuer,
        issued = issued,
        expires = expires,
        object = object,
        tenant = TENANT,
        user = user,
    )
}

fn issuer() -> String {
    format!("https://sts.windows.net/{TENANT}/")
}

/// `header.claims.signature`, each in base64url (RFC 7515 section 7.1).
fn sign(claims: &str, key: Key<'_>) -> Result<String> {
    let header = match key {
        Key::Rsa(_) => format!(r#"{{"typ":"JWT","alg":"RS256","x5t":"{KEY_ID}","kid":"{KEY_ID}"}}"#),
        Key::Secret(_) => r#"{"typ":"JWT","alg":"HS256"}"#.to_owned(),
    };
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-binary"]);
    match key {
        Key::Rsa(file) => openssl.arg("-sign").arg(file),
        Key::Secret(secret) => {
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            openssl.args(["-mac", "HMAC", "-macopt", &format!("hexkey:{hex}")])
        }
    };
    let signature = process::filter(&mut openssl, signed.as_bytes())?;
    Ok(format!("{signed}.{}", encode(&signature)))
}

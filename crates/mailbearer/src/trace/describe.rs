//! Describes secrets, for traces. Shows only what is known not to be secret.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use mailbearer_oauth::{Claims, server::decode_form};
use mailbearer_wire::{Described, Json, Secret, json_string, printable, printable_bytes};

/// Describes a secret: which kind of secret it is (the message of a SASL mechanism, a form, the answer of a token
/// endpoint), and what in it is not secret. An access token shows as `<access token, 1,432 octets, aud
/// outlook.office365.com, until 14:02>`.
///
/// What replaces it in a transcript holds no secret, and makes a client behave in the same way.
#[must_use]
pub fn describe(secret: &[u8], is_whole: bool) -> Option<Described> {
    let trimmed = secret.trim_ascii();
    if trimmed.is_empty() {
        return Some(Described::default());
    }
    if trimmed.starts_with(b"{") {
        if let Some(json) = Json::parse(trimmed) {
            return Some(answer(json));
        }
        // More of it may come.
        return is_whole.then(|| unknown(secret));
    }
    if trimmed.starts_with(b"<") {
        let start = printable_bytes(trimmed, EXCERPT);
        return Some(Described::new(
            format!("{} ({start})", count("markup", secret)),
            trimmed.get(..PAGE).unwrap_or(trimmed).to_vec(),
        ));
    }
    if let Ok(decoded) = STANDARD.decode(trimmed)
        && let Some(shown) = sasl(&Secret::new(decoded))
    {
        return Some(Described::new(shown, Vec::new()));
    }
    if let Some(shown) = form(trimmed) {
        return Some(Described::new(shown, Vec::new()));
    }
    Some(unknown(secret))
}

fn unknown(secret: &[u8]) -> Described {
    Described::new(count("secret", secret), b"{}".to_vec())
}

/// Writes `<secret, 1,432 octets>`.
fn count(what: &str, secret: &[u8]) -> String {
    format!("<{what}, {} octets>", thousands(secret.len()))
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Describes messages of XOAUTH2, OAUTHBEARER and PLAIN, as they are before base64.
fn sasl(message: &Secret<Vec<u8>>) -> Option<String> {
    let text = str::from_utf8(message.expose()).ok()?;
    if let Some(rest) = text.strip_prefix('\0') {
        let (user, _) = rest.split_once('\0')?;
        return Some(format!("<PLAIN, user={}, password>", printable(user)));
    }
    let (start, _) = text.split_once("auth=Bearer ")?;
    let known = start.starts_with("user=") || start.starts_with("n,a=");
    let rest = text.get(start.len().saturating_add("auth=Bearer ".len())..)?;
    let (token, end) = rest.split_once('\u{1}')?;
    if !known || end != "\u{1}" {
        return None;
    }
    let fields = start.trim_end_matches('\u{1}').replace('\u{1}', " ");
    Some(format!("{} auth=Bearer {}", printable(&fields), access_token(token)))
}

fn access_token(token: &str) -> String {
    let claims = Claims::read(&Secret::<String>::new(token.to_owned()));
    let mut shown = format!("<access token, {} octets", thousands(token.len()));
    if let Some(claims) = claims {
        if let Some(audience) = claims.audience.first() {
            let host = audience.split_once("://").map_or(audience.as_str(), |(_, rest)| rest);
            shown.push_str(&format!(", aud {}", host.trim_end_matches('/')));
        }
        if let Some(end) = claims.expires_at {
            let minutes = end / 60 % 1440;
            shown.push_str(&format!(", until {:02}:{:02}", minutes / 60, minutes % 60));
        }
    }
    shown.push('>');
    shown
}

/// Describes a form of OAuth. Shows plain fields, and says what the secret ones are.
fn form(text: &[u8]) -> Option<String> {
    let fields = decode_form(text).ok()?;
    let is_oauth = |name: &str| PLAIN.contains(&name) || SECRET.contains(&name);
    if fields.len() < 2 || !fields.iter().all(|(name, _)| is_oauth(name)) {
        return None;
    }
    let shown = fields.iter().map(|(name, value)| {
        if PLAIN.contains(&name.as_str()) {
            return format!("{name}={}", printable(value));
        }
        let what = name.replace('_', " ");
        format!("{name}=<{what}, {} octets>", thousands(value.len()))
    });
    Some(shown.collect::<Vec<_>>().join("&"))
}

/// Describes an answer of a token endpoint. Shows errors, and the parts of a success that are not secret.
fn answer(json: Json<'_>) -> Described {
    let (mut shown, mut stand_in) = (Vec::new(), Vec::new());
    let error = json.get("error").is_some();
    for name in SHOWN {
        let Some(value) = json.get(name) else { continue };
        let value = match (value.text(), value.number()) {
            (Some(text), _) => json_string(&text),
            (None, Some(number)) => number.to_owned(),
            _ => {
                let items = value.items();
                let numbers: Vec<_> = items.iter().filter_map(|item| item.number()).collect();
                format!("[{}]", numbers.join(","))
            }
        };
        shown.push(format!("\"{name}\":{}", printable(&value)));
        stand_in.push(format!("\"{name}\":{value}"));
    }
    for (name, what) in TOKENS {
        let Some(token) = json.get(name).and_then(Json::text).map(Secret::<String>::new) else { continue };
        let token = token.expose();
        let told = match *name {
            "access_token" => access_token(token),
            _ => format!("<{what}, {} octets>", thousands(token.len())),
        };
        shown.push(format!("\"{name}\":{told}"));
        if !error {
            // An identity token says who logged in.
            let like = if ["access_token", "id_token"].contains(name) {
                like(token, name)
            } else {
                format!("replayed-{name}")
            };
            stand_in.push(format!("\"{name}\":{}", json_string(&like)));
        }
    }
    Described::new(format!("{{{}}}", shown.join(",")), format!("{{{}}}", stand_in.join(",")).into_bytes())
}

/// Makes a token that says the same of itself, as far as a client looks at it, but is worthless: nobody signed it.
fn like(token: &str, name: &str) -> String {
    let Some(claims) = Claims::read(&Secret::<String>::new(token.to_owned())) else {
        return format!("replayed-{}", name.replace('_', "-"));
    };
    let list = |words: &[String]| words.iter().map(|word| json_string(word)).collect::<Vec<_>>().join(",");
    let mut fields =
        vec![format!("\"aud\":[{}]", list(&claims.audience)), format!("\"roles\":[{}]", list(&claims.roles))];
    if !claims.scopes.is_empty() {
        fields.push(format!("\"scp\":{}", json_string(&claims.scopes.join(" "))));
    }
    for (name, value) in [
        ("iss", &claims.issuer),
        ("tid", &claims.tenant),
        ("appid", &claims.app_id),
        ("oid", &claims.object_id),
        ("upn", &claims.user),
    ] {
        if let Some(value) = value {
            fields.push(format!("\"{name}\":{}", json_string(value)));
        }
    }
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.replayed", encode("{\"typ\":\"replay\"}"), encode(&format!("{{{}}}", fields.join(","))))
}

/// Fields of forms that are not secret.
const PLAIN: &[&str] = &[
    "grant_type",
    "scope",
    "client_id",
    "redirect_uri",
    "resource",
    "audience",
    "client_assertion_type",
    "username",
    "token_type_hint",
    "response_type",
    "code_challenge_method",
];
/// Fields of forms that are secret.
const SECRET: &[&str] = &[
    "client_secret",
    "client_assertion",
    "assertion",
    "refresh_token",
    "password",
    "code",
    "code_verifier",
    "device_code",
    "token",
    "state",
    "code_challenge",
];
/// Fields of a token endpoint's answer that are shown.
const SHOWN: &[&str] = &[
    "token_type",
    "expires_in",
    "ext_expires_in",
    "refresh_token_expires_in",
    "scope",
    "interval",
    "verification_uri",
    "verification_url",
    "error",
    "error_description",
    "error_codes",
    "error_uri",
    "trace_id",
    "correlation_id",
    "suberror",
];
const TOKENS: &[(&str, &str)] = &[
    ("access_token", "access token"),
    ("refresh_token", "refresh token"),
    ("id_token", "identity token"),
    ("device_code", "device code"),
    ("user_code", "user code"),
];
/// The most octets of a page that are kept.
const PAGE: usize = 512;
/// The most octets of a page that are shown.
const EXCERPT: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(secret: &str) -> String {
        describe(secret.as_bytes(), true).unwrap().shown
    }

    fn token() -> String {
        let payload = r#"{"aud":"https://outlook.office365.com/","exp":1800000120,"tid":"t","roles":["IMAP.AccessAsApp"]}"#;
        format!("eyJ0eXAiOiJKV1Qi.{}.{}", URL_SAFE_NO_PAD.encode(payload), "s".repeat(1300))
    }

    #[test]
    fn secrets_show_as_what_they_are() {
        let token = token();
        let told = format!(
            "<access token, {} octets, aud outlook.office365.com, until 08:02>",
            thousands(token.len())
        );
        let rows = [
            (
                STANDARD.encode(format!("user=robot@x\u{1}auth=Bearer {token}\u{1}\u{1}")),
                format!("user=robot@x auth=Bearer {told}"),
            ),
            (
                STANDARD.encode(format!("n,a=robot@x,\u{1}host=h\u{1}port=993\u{1}auth=Bearer {token}\u{1}\u{1}")),
                format!("n,a=robot@x, host=h port=993 auth=Bearer {told}"),
            ),
            (STANDARD.encode("\0ann\0hunter2"), "<PLAIN, user=ann, password>".to_owned()),
            (STANDARD.encode("hunter2hunter2"), "<secret, 20 octets>".to_owned()),
            (STANDARD.encode("id:secret"), "<secret, 12 octets>".to_owned()),
            (
                "grant_type=client_credentials&scope=https%3A%2F%2Fo%2F.default&client_id=id&client_secret=s%7Ee".to_owned(),
                "grant_type=client_credentials&scope=https://o/.default&client_id=id&client_secret=<client secret, 3 octets>"
                    .to_owned(),
            ),
            ("pass=word&scope=x".to_owned(), "<secret, 17 octets>".to_owned()),
            (
                format!("{{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"{token}\",\"x\":\"y\"}}"),
                format!("{{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":{told}}}"),
            ),
            (
                "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: no\\u001b\",\"error_codes\":[7000215]}".to_owned(),
                "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: no\\u001b\",\"error_codes\":[7000215]}"
                    .to_owned(),
            ),
            ("<html>log in</html>".to_owned(), "<markup, 19 octets> (<html>log in</html>)".to_owned()),
            (String::new(), String::new()),
        ];
        for (secret, want) in rows {
            assert_eq!(shown(&secret), want);
        }
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn what_takes_a_tokens_place_says_the_same_and_holds_none_of_it() {
        let token = token();
        let body = format!(
            "{{\"token_type\":\"Bearer\",\"access_token\":\"{token}\",\"refresh_token\":\"r3fr3sh\"}}"
        );
        let stand_in = String::from_utf8(describe(body.as_bytes(), false).unwrap().stand_in).unwrap();
        assert!(!stand_in.contains("r3fr3sh") && !stand_in.contains(&token[..12]), "{stand_in}");
        assert!(!stand_in.contains(&token[token.len() - 100..]), "{stand_in}");
        let json = Json::parse(stand_in.as_bytes()).unwrap();
        let like = json.get("access_token").and_then(Json::text).unwrap();
        let claims = Claims::read(&Secret::new(like)).unwrap();
        assert_eq!(
            (claims.audience, claims.roles),
            (vec!["https://outlook.office365.com/".to_owned()], vec!["IMAP.AccessAsApp".to_owned()])
        );
        // The beginning of one waits for the rest.
        assert_eq!(describe(&body.as_bytes()[..40], false), None);
        assert!(describe(&body.as_bytes()[..40], true).unwrap().shown.starts_with("<secret, "));
    }
}

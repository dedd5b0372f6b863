use alloc::{string::String, vec::Vec};

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mailbearer_wire::{Json, Secret, printable_bytes};

use crate::Limits;

/// What an access token says of itself, if it is a JWT (RFC 7519, RFC 9068): for diagnosis.
///
/// Nothing is verified: whoever made the token may have written anything. A program shows these to people, or compares
/// them with what it asked for; it never trusts them. Names are those of Microsoft Entra where the RFCs have none. Every
/// text is escaped for a terminal and cut to [`Claims::TEXT`] octets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// `aud`: which services the token is for.
    pub audience: Vec<String>,
    /// `iss`: who issued it.
    pub issuer: Option<String>,
    /// `roles`: what the application may do in its own name.
    pub roles: Vec<String>,
    /// `scp` or `scope`: what the application may do in a person's name.
    pub scopes: Vec<String>,
    /// `exp`: when it ends, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// `nbf`: when it begins, in seconds since 1970.
    pub not_before: Option<u64>,
    /// `iat`: when it was issued, in seconds since 1970.
    pub issued_at: Option<u64>,
    /// `tid`: the directory (tenant).
    pub tenant: Option<String>,
    /// `appid` or `azp`: the application.
    pub app_id: Option<String>,
    /// `oid`: the object of the application's service principal, or of the person, in the directory.
    pub object_id: Option<String>,
    /// `upn`, `preferred_username`, `unique_name` or `email`: the person.
    pub user: Option<String>,
    /// `idtyp`: `app` or `user`.
    pub kind: Option<String>,
}

impl Claims {
    /// Octets that are kept of a text.
    pub const TEXT: usize = 256;
    /// Entries that are kept of a list.
    pub const ENTRIES: usize = 64;

    /// Reads a signed token. `None` for an opaque one, as Google's and those of personal Microsoft accounts are, for an
    /// encrypted one, and for one over [`Limits::token`].
    #[must_use]
    pub fn read(token: &Secret) -> Option<Self> {
        let token = token.expose().as_str();
        let mut parts = token.split('.');
        let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
        if token.len() > Limits::DEFAULT.token || parts.next().is_some() {
            return None;
        }
        let payload = Secret::new(BASE64.decode(payload).ok()?);
        let json = Json::parse(payload.expose()).filter(|json| json.is_object())?;
        let first = |names: &[&str]| names.iter().find_map(|name| text(json.get(name)?));
        let scopes = ["scp", "scope"].iter().find_map(|name| json.get(name)).map(list);
        Some(Self {
            audience: json.get("aud").map(list).unwrap_or_default(),
            issuer: first(&["iss"]),
            roles: json.get("roles").map(list).unwrap_or_default(),
            scopes: scopes.unwrap_or_default(),
            expires_at: json.get("exp").and_then(seconds),
            not_before: json.get("nbf").and_then(seconds),
            issued_at: json.get("iat").and_then(seconds),
            tenant: first(&["tid"]),
            app_id: first(&["appid", "azp"]),
            object_id: first(&["oid"]),
            user: first(&["upn", "preferred_username", "unique_name", "email"]),
            kind: first(&["idtyp"]),
        })
    }
}

fn text(value: Json<'_>) -> Option<String> {
    let text = value.text().filter(|text| !text.is_empty())?;
    Some(printable_bytes(text.as_bytes(), Claims::TEXT))
}

/// An array of texts, or a text with spaces between its words.
fn list(value: Json<'_>) -> Vec<String> {
    match value.text() {
        Some(words) => {
            let words = words.split_ascii_whitespace().take(Claims::ENTRIES);
            words.map(|word| printable_bytes(word.as_bytes(), Claims::TEXT)).collect()
        }
        None => value.items().into_iter().filter_map(text).take(Claims::ENTRIES).collect(),
    }
}

/// A NumericDate (RFC 7519 section 2), whose fraction does not count.
fn seconds(value: Json<'_>) -> Option<u64> {
    let number = value.number()?;
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    if rest.contains(['e', 'E']) { None } else { whole.parse().ok() }
}

/// Without padding by RFC 7515 section 2, which not every issuer knows.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString, vec};

    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    fn read(payload: &str) -> Option<Claims> {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        let padded = format!("e30.{}.c2ln", URL_SAFE.encode(payload));
        let claims = Claims::read(&Secret::new(token));
        assert_eq!(Claims::read(&Secret::new(padded)), claims, "with padding");
        claims
    }

    #[test]
    fn reads_what_issuers_write() {
        let application = r#"{"aud":"https://outlook.office365.com","iss":"https://sts.windows.net/t/","iat":1800000000,
            "nbf":1800000000,"exp":1800003600,"appid":"a","idtyp":"app","oid":"o","roles":["IMAP.AccessAsApp",7],
            "tid":"t","ver":"1.0","wids":["x"]}"#;
        let person = r#"{"aud":["https://outlook.office.com","x"],"azp":"a","scp":"IMAP.AccessAsUser.All SMTP.Send",
            "preferred_username":"ann@contoso.com","exp":1800003600.5}"#;
        let rows = [
            ("empty", "{}", Claims::default()),
            (
                "application",
                application,
                Claims {
                    audience: vec!["https://outlook.office365.com".to_string()],
                    issuer: Some("https://sts.windows.net/t/".to_string()),
                    roles: vec!["IMAP.AccessAsApp".to_string()],
                    issued_at: Some(1_800_000_000),
                    not_before: Some(1_800_000_000),
                    expires_at: Some(1_800_003_600),
                    tenant: Some("t".to_string()),
                    app_id: Some("a".to_string()),
                    object_id: Some("o".to_string()),
                    kind: Some("app".to_string()),
                    ..Claims::default()
                },
            ),
            (
                "person",
                person,
                Claims {
                    audience: vec!["https://outlook.office.com".to_string(), "x".to_string()],
                    scopes: vec!["IMAP.AccessAsUser.All".to_string(), "SMTP.Send".to_string()],
                    expires_at: Some(1_800_003_600),
                    app_id: Some("a".to_string()),
                    user: Some("ann@contoso.com".to_string()),
                    ..Claims::default()
                },
            ),
            (
                "other types, and times that are none",
                r#"{"aud":7,"roles":"a b","exp":"1","nbf":-1,"iat":1e9,"tid":"","upn":null}"#,
                Claims { roles: vec!["a".to_string(), "b".to_string()], ..Claims::default() },
            ),
            (
                "steers a terminal",
                "{\"upn\":\"\\u001b[2J\"}",
                Claims { user: Some("\\x1b[2J".to_string()), ..Claims::default() },
            ),
        ];
        for (name, payload, want) in rows {
            assert_eq!(read(payload), Some(want), "{name}");
        }
    }

    #[test]
    fn what_is_no_signed_token_is_opaque() {
        for token in [
            "",
            "ya29.a0AfH6SMBx",
            "EwBwA8l6BAAU",
            "a.b",
            "a.b.c",
            "e30.e30.a.b.c",
            "e30.bnVsbA.c",
            "e30.W10.c",
            "e30.e30",
            "e30.{}.c",
            "..",
        ] {
            assert_eq!(Claims::read(&Secret::new(token.to_string())), None, "{token}");
        }
    }

    #[test]
    fn is_bounded() {
        let padding = |size: usize| format!("e30.e30.{}", "x".repeat(size - "e30.e30.".len()));
        let limit = Limits::DEFAULT.token;
        assert!(Claims::read(&Secret::new(padding(limit))).is_some());
        assert_eq!(Claims::read(&Secret::new(padding(limit + 1))), None);
        let at = "x".repeat(Claims::TEXT);
        assert_eq!(read(&format!("{{\"oid\":\"{at}\"}}")).unwrap().object_id, Some(at.clone()));
        assert_eq!(read(&format!("{{\"oid\":\"{at}x\"}}")).unwrap().object_id, Some(at + "…"));
        for (entries, want) in [(Claims::ENTRIES, Claims::ENTRIES), (Claims::ENTRIES + 1, Claims::ENTRIES)] {
            let roles = vec!["\"r\""; entries].join(",");
            assert_eq!(read(&format!("{{\"roles\":[{roles}]}}")).unwrap().roles.len(), want);
            let scopes = vec!["s"; entries].join(" ");
            assert_eq!(read(&format!("{{\"scp\":\"{scopes}\"}}")).unwrap().scopes.len(), want);
        }
        assert_eq!(read(&("[".repeat(3000) + &"]".repeat(3000))), None);
    }
}

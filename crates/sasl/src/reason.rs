use alloc::string::String;

use mailbearer_wire::{Json, printable_bytes};

use crate::{Redactor, base64};

/// What the server said about a token that it refused (RFC 7628 section 3.2.2).
///
/// All of it is the server's text, cut to [`Reason::LIMIT`] octets and escaped for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// The challenge, decoded from base64 where it was that.
    pub raw: String,
    /// `status`: `400`, `401`, `invalid_token` and the like.
    pub status: Option<String>,
    /// `schemes`: mostly `Bearer`.
    pub schemes: Option<String>,
    /// `scope`: what the token would have to be for.
    pub scope: Option<String>,
}

impl Reason {
    /// Octets kept of each field.
    pub const LIMIT: usize = 1024;

    pub(crate) fn of_challenge(challenge: &[u8]) -> Self {
        let decoded = base64::decode(challenge);
        let text = decoded.as_deref().unwrap_or(challenge);
        // A longer one is not a reason, so it is shown but not read.
        let json = Some(text).filter(|text| text.len() <= PARSED).and_then(Json::parse);
        let field = |name| {
            let value = json?.get(name)?;
            let text = value.text().or_else(|| value.number().map(String::from))?;
            Some(printable_bytes(text.as_bytes(), Self::LIMIT))
        };
        Self {
            raw: printable_bytes(text, Self::LIMIT),
            status: field("status"),
            schemes: field("schemes"),
            scope: field("scope"),
        }
    }

    pub(crate) fn redacted(self, shown: &Redactor) -> Self {
        let redact = |text: Option<String>| text.map(|text| shown.redact(&text));
        Self {
            raw: shown.redact(&self.raw),
            status: redact(self.status),
            schemes: redact(self.schemes),
            scope: redact(self.scope),
        }
    }
}

/// Octets of JSON that are looked at.
const PARSED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use ::base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    fn reason(raw: &str, status: Option<&str>, schemes: Option<&str>, scope: Option<&str>) -> Reason {
        let [status, schemes, scope] = [status, schemes, scope].map(|field| field.map(String::from));
        Reason { raw: raw.into(), status, schemes, scope }
    }

    #[test]
    fn reads_what_servers_send() {
        let google = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;
        let rows = [
            ("Google", google, reason(google, Some("400"), Some("Bearer"), Some("https://mail.google.com/"))),
            ("number", r#"{"status":401}"#, reason(r#"{"status":401}"#, Some("401"), None, None)),
            ("other types", r#"{"status":[1]}"#, reason(r#"{"status":[1]}"#, None, None, None)),
            ("no object", r#""status""#, reason(r#""status""#, None, None, None)),
            ("no JSON", "go away", reason("go away", None, None, None)),
            ("empty", "", reason("", None, None, None)),
            (
                "steers a terminal",
                "{\"status\":\"\\u001b[2J\"}\u{1b}[2J",
                reason("{\"status\":\"\\u001b[2J\"}\\x1b[2J", None, None, None),
            ),
            (
                "steers it from inside",
                "{\"status\":\"\\u001b[2J\"}",
                reason("{\"status\":\"\\u001b[2J\"}", Some("\\x1b[2J"), None, None),
            ),
        ];
        for (name, text, want) in rows {
            assert_eq!(Reason::of_challenge(STANDARD.encode(text).as_bytes()), want, "{name}");
        }
        assert_eq!(Reason::of_challenge(b"not base64!").raw, "not base64!");
    }

    #[test]
    fn is_bounded() {
        let at = "x".repeat(Reason::LIMIT);
        assert_eq!(Reason::of_challenge(STANDARD.encode(&at).as_bytes()).raw, at);
        let over = Reason::of_challenge(STANDARD.encode(at.clone() + "x").as_bytes()).raw;
        assert_eq!(over, at + "…");

        let padded = |size: usize| {
            let mut json = String::from(r#"{"status":"400"}"#);
            json.push_str(&" ".repeat(size - json.len()));
            Reason::of_challenge(STANDARD.encode(json).as_bytes()).status
        };
        assert_eq!(padded(16_384).as_deref(), Some("400"));
        assert_eq!(padded(16_385), None);

        let deep = "[".repeat(8000) + &"]".repeat(8000);
        assert_eq!(Reason::of_challenge(STANDARD.encode(deep).as_bytes()).status, None);
    }
}

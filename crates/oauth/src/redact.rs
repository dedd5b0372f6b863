use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD, engine::general_purpose::URL_SAFE_NO_PAD};
use mailbearer_wire::Secret;

use crate::form;

/// Takes our own secrets out of what a server says.
///
/// Servers repeat the request in their errors. This is the one place where secrets are looked for in text, and no more
/// than a net: what we say ourselves is known where it is said.
pub(crate) struct Redactor {
    /// What to look for, in lower case.
    forms: Vec<Secret>,
}

impl Redactor {
    /// Looks for each of `secrets` that is at least [`Self::SHORTEST`] octets long: as it is, form-encoded, in base64
    /// behind any number of octets, and in hexadecimal digits.
    pub(crate) fn new(secrets: &[Secret]) -> Self {
        let mut forms = Vec::new();
        for secret in secrets.iter().filter(|secret| secret.expose().len() >= Self::SHORTEST) {
            let text = secret.expose();
            let mut add = |form: String| {
                let form = Secret::<String>::new(form);
                forms.push(Secret::new(form.expose().to_ascii_lowercase()));
            };
            add(text.clone());
            let encoded = form::encode_text(text);
            add(encoded.expose().replace('+', "%20"));
            add(encoded.expose().clone());
            add(text.bytes().map(|octet| format!("{octet:02x}")).collect());
            // What stands before it in a group of three octets, and how many characters that has a part in.
            for (before, first) in [("", 0), ("x", 2), ("xx", 3)] {
                let octets = Secret::<String>::new([before, text].concat());
                let last = octets.expose().len() % 3;
                for whole in
                    [STANDARD_NO_PAD.encode(octets.expose()), URL_SAFE_NO_PAD.encode(octets.expose())]
                {
                    let whole = Secret::<String>::new(whole);
                    let end = whole.expose().len().saturating_sub(usize::from(last != 0));
                    add(whole.expose().get(first..end).unwrap_or_default().to_string());
                }
            }
        }
        // The longest first: what is left of a secret when a shorter one was taken out of it is not found.
        forms.sort_by_key(|form| core::cmp::Reverse(form.expose().len()));
        Self { forms }
    }

    /// `text` with `[redacted]` in place of each secret.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut text = text.to_string();
        for form in &self.forms {
            // The same length, so that what is found in one stands at the same place in the other.
            let lower = text.to_ascii_lowercase();
            if !lower.contains(form.expose()) {
                continue;
            }
            let mut shown = String::with_capacity(text.len());
            let mut end = 0_usize;
            for (at, found) in lower.match_indices(form.expose()) {
                shown.push_str(text.get(end..at).unwrap_or_default());
                shown.push_str(MARK);
                end = at.saturating_add(found.len());
            }
            shown.push_str(text.get(end..).unwrap_or_default());
            text = shown;
        }
        text
    }

    /// Octets of the shortest secret that is looked for. A shorter one would be found in words.
    pub(crate) const SHORTEST: usize = 8;
}

const MARK: &str = "[redacted]";

#[cfg(test)]
mod tests {
    use alloc::vec;

    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn finds_a_secret_in_every_form() {
        for secret in ["hunter22", "s3cr&t w%rd", "0.AAA-_~+/=x1", "Grüße aus Köln"] {
            let redactor = Redactor::new(&[Secret::from(secret)]);
            let encoded = form::encode_text(secret).expose().clone();
            let mut texts = vec![
                secret.to_string(),
                encoded.clone(),
                encoded.to_ascii_lowercase(),
                encoded.replace('+', "%20"),
                secret.bytes().map(|octet| format!("{octet:02X}")).collect(),
            ];
            for before in ["", "a", "ab", "abc", "client:"] {
                for behind in ["", "z", "\u{1}\u{1}"] {
                    let whole = format!("{before}{secret}{behind}");
                    texts.extend([STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)]);
                }
            }
            for text in texts {
                let shown = redactor.redact(&format!("you sent {text}, and {text}"));
                assert_eq!(shown.matches(MARK).count(), 2, "{secret}: {text} is {shown}");
                let left = shown.replace(MARK, "").len();
                // At most what neighbours in base64 have a part in.
                assert!(left < 20 + 2 * 14, "{secret}: {text} is {shown}");
            }
        }
    }

    #[test]
    fn leaves_everything_else() {
        let redactor = Redactor::new(&["short7!".into(), "long enough".into()]);
        for text in ["", "short7!", "long enoug", "Grüße"] {
            assert_eq!(redactor.redact(text), text);
        }
        assert_eq!(redactor.redact("ü LONG enough ü"), "ü [redacted] ü");
    }

    #[test]
    fn a_secret_in_another_is_no_hindrance() {
        let redactor = Redactor::new(&["password".into(), "my password is long".into()]);
        assert_eq!(redactor.redact("my password is long password"), "[redacted] [redacted]");
    }
}

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD, engine::general_purpose::URL_SAFE_NO_PAD};
use mailbearer_wire::{RecvBuf, Secret};

/// Takes our own secrets out of what a server says.
///
/// Servers repeat the request in their errors. This is the one place where secrets are looked for in text, and no more
/// than a net: what we say ourselves is known where it is said. The default looks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Vec<Secret>,
    /// How each of their forms begins: what has none of these in it has none of the forms, which are long.
    starts: Vec<Secret>,
}

impl Redactor {
    /// Looks for each of `secrets` that is at least [`Self::SHORTEST`] octets long: as it is, form-encoded, in base64
    /// behind any number of octets, and in hexadecimal digits.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        let secrets = secrets.iter().filter(|secret| secret.expose().len() >= Self::SHORTEST);
        let secrets: Vec<Secret> = secrets.cloned().collect();
        let heads =
            secrets.iter().map(|secret| Secret::<String>::new(head(secret.expose(), HEAD).to_string()));
        let starts = forms(&heads.collect::<Vec<_>>());
        let starts = starts.iter().map(|form| Secret::new(head(form.expose(), Self::START).to_string()));
        let starts = starts.collect();
        Self { secrets, starts }
    }

    /// `text` with `[redacted]` in place of each secret, and of each that is cut off after its first
    /// 12 characters, as where a server or we show the start of a line alone.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_string();
        // The same length, so that what is found in one stands at the same place in the other.
        let mut lower = text.to_ascii_lowercase();
        let mut starts = self.starts.iter();
        if !starts.any(|start| find(lower.as_bytes(), start.expose().as_bytes(), 0).is_some()) {
            return text;
        }
        for form in forms(&self.secrets) {
            let form = form.expose().as_str();
            let start = head(form, Self::START).as_bytes();
            let (mut shown, mut end) = (String::new(), 0_usize);
            while let Some(at) = find(lower.as_bytes(), start, end) {
                shown.push_str(text.get(end..at).unwrap_or_default());
                shown.push_str(MARK);
                end = at.saturating_add(common(lower.get(at..).unwrap_or_default(), form));
            }
            if end > 0 {
                shown.push_str(text.get(end..).unwrap_or_default());
                text = shown;
                lower = text.to_ascii_lowercase();
            }
        }
        text
    }

    /// Has a trace of what `rx` receives show none of the secrets, if there is a trace.
    pub fn hide_in(&self, rx: &mut RecvBuf) {
        if !self.starts.is_empty() {
            rx.redact_trace(|| {
                let redactor = self.clone();
                move |text: &str| redactor.redact(text)
            });
        }
    }

    /// Characters of a secret by which it is found.
    const START: usize = 12;

    /// Octets of the shortest secret that is looked for. A shorter one would be found in words.
    pub const SHORTEST: usize = 8;
}

/// What to look for, in lower case.
fn forms(secrets: &[Secret]) -> Vec<Secret> {
    let mut forms: Vec<Secret> = Vec::new();
    for secret in secrets {
        let text = secret.expose();
        let mut add = |form: String| {
            let form = Secret::<String>::new(form);
            let form = Secret::<String>::new(form.expose().to_ascii_lowercase());
            // The longest first: what is left of a secret when a shorter one was taken out of it is not found.
            let longer = |other: &Secret| other.expose().len() >= form.expose().len();
            let place = forms.iter().take_while(|other| longer(other)).count();
            forms.insert(place, form);
        };
        add(text.clone());
        let encoded = encode_text(text);
        add(encoded.expose().replace('+', "%20"));
        add(encoded.expose().clone());
        let mut digits = String::with_capacity(text.len().saturating_mul(2));
        text.bytes().for_each(|octet| push_hex(octet, &mut digits));
        add(digits);
        // What stands before it in a group of three octets, and how many characters that has a part in.
        for (before, first) in [("", 0), ("x", 2), ("xx", 3)] {
            let octets = Secret::<String>::new([before, text].concat());
            let last = octets.expose().len() % 3;
            for whole in [STANDARD_NO_PAD.encode(octets.expose()), URL_SAFE_NO_PAD.encode(octets.expose())] {
                let whole = Secret::<String>::new(whole);
                let end = whole.expose().len().saturating_sub(usize::from(last != 0));
                add(whole.expose().get(first..end).unwrap_or_default().to_string());
            }
        }
    }
    forms
}

/// The first so many characters.
fn head(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

/// Where `part` stands in `text`, at `from` or behind it. The standard library's search would be the larger half of this
/// module in a small program.
fn find(text: &[u8], part: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let place = rest.windows(part.len().max(1)).position(|window| window == part)?;
    Some(from.saturating_add(place))
}

/// Octets that two texts have in common at their start.
fn common(one: &str, other: &str) -> usize {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
    same.map(|(letter, _)| letter.len_utf8()).sum()
}

/// Two digits. The library's formatting would be many times that.
fn push_hex(octet: u8, to: &mut String) {
    for digit in [octet >> 4, octet & 15] {
        to.extend(char::from_digit(digit.into(), 16));
    }
}

/// As in a form (RFC 6749 appendix B).
fn encode_text(text: &str) -> Secret {
    let mut encoded = String::with_capacity(text.len().saturating_mul(3));
    for octet in text.bytes() {
        match octet {
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => encoded.push(octet.into()),
            b' ' => encoded.push('+'),
            _ => {
                encoded.push('%');
                push_hex(octet, &mut encoded);
            }
        }
    }
    Secret::new(encoded)
}

/// Characters of a secret that determine how each of its forms begins.
const HEAD: usize = 24;
const MARK: &str = "[redacted]";

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn finds_a_secret_in_every_form() {
        for secret in ["hunter22", "s3cr&t w%rd", "0.AAA-_~+/=x1", "Grüße aus Köln"] {
            let redactor = Redactor::new(&[Secret::from(secret)]);
            let encoded = encode_text(secret).expose().clone();
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
    fn the_start_of_a_secret_is_found() {
        let token = "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA";
        let redactor = Redactor::new(&[token.into()]);
        let response = STANDARD.encode(format!("user=a@b\u{1}auth=Bearer {token}\u{1}\u{1}"));
        for end in [response.len(), response.len() - 9, 60] {
            let shown = redactor.redact(&format!("AUTHENTICATE XOAUTH2 {}", &response[..end]));
            assert!(shown.ends_with("[redacted]") || shown.len() < 80, "{shown}");
            let (before, _) = shown.split_once("[redacted]").unwrap();
            assert!(response.starts_with(before.trim_start_matches("AUTHENTICATE XOAUTH2 ")), "{shown}");
        }
        assert_eq!(redactor.redact(&token[..12]), "[redacted]");
        assert_eq!(redactor.redact(&token[..11]), &token[..11]);
    }

    #[test]
    fn a_secret_in_another_is_no_hindrance() {
        let redactor = Redactor::new(&["password".into(), "my password is long".into()]);
        assert_eq!(redactor.redact("my password is long password"), "[redacted] [redacted]");
    }
}

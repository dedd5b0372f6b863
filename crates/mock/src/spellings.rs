use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// Returns the forms in which a secret may be found in what a program says: as it is, its beginning, in base64 at each of three
/// alignments, in hexadecimal digits, and encoded for a URL. For tests that look for them.
///
/// ```
/// let output = "AUTH PLAIN AGFubgBodW50ZXIyIQ==";
/// let found = mailbearer_mock::spellings("hunter2!").into_iter().find(|form| output.contains(form));
/// assert_eq!(found.as_deref(), Some("odW50ZXIyI"));
/// ```
#[must_use]
pub fn spellings(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), secret.chars().take(12).collect()];
    // Where the secret begins in a group of three octets, and how many of its first characters also depend on the octets
    // before it.
    for (shift, shared) in [(0, 0), (1, 2), (2, 3)] {
        let encoded = STANDARD_NO_PAD.encode([vec![b'x'; shift], secret.as_bytes().to_vec()].concat());
        let whole = encoded.len().saturating_sub(1);
        let form: String = encoded.chars().take(whole).skip(shared).take(24).collect();
        forms.push(form.replace('+', "-").replace('/', "_"));
        forms.push(form);
    }
    forms.push(secret.bytes().fold(String::new(), |mut text, octet| {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => text.push(char::from(octet)),
            _ => {
                let _ = write!(text, "%{octet:02X}");
            }
        }
        text
    }));
    let hex = secret.bytes().take(12).fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    });
    forms.push(hex.to_ascii_uppercase());
    forms.push(hex);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_token_in_a_response_of_sasl() {
        let secret = "T0k~n+with&more=than%24.characters-in_it";
        for start in ["", "u", "us", "user=a@x\u{1}auth=Bearer "] {
            let response = STANDARD_NO_PAD.encode(format!("{start}{secret}\u{1}\u{1}"));
            assert!(spellings(secret).iter().any(|form| response.contains(form)), "{start:?}");
        }
    }

    #[test]
    fn finds_a_secret_however_it_is_written() {
        let secret = "h/+nter2~ & more";
        let base64 = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{secret} and what follows"));
        for text in [
            format!("x{secret}x"),
            "x h/+nter2~ & ...".into(),
            base64(""),
            base64("a"),
            base64("ab"),
            base64("abc"),
            base64("a").replace('+', "-").replace('/', "_"),
            "h%2F%2Bnter2%7E%20%26%20more".into(),
            "682f2b6e746572327e202620".into(),
            "682F2B6E746572327E202620".into(),
        ] {
            assert!(spellings(secret).iter().any(|form| text.contains(form)), "{text}");
        }
        assert!(!spellings(secret).iter().any(|form| "nothing of the kind".contains(form)));
    }
}

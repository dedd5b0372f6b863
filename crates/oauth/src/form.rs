use alloc::{string::String, vec::Vec};

use mailbearer_wire::Secret;

/// `application/x-www-form-urlencoded` of `pairs`, as RFC 6749 appendix B wants it: everything but letters,
/// digits and `*-._` is escaped, a space is `+`.
pub(crate) fn encode<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Secret {
    // Made large enough at once, for memory that a growing string leaves behind is not wiped.
    let octets = pairs.clone().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(1));
    let mut form = String::with_capacity(octets.fold(0, usize::saturating_add).saturating_mul(3));
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        push(&mut form, name);
        form.push('=');
        push(&mut form, value);
    }
    Secret::new(form)
}

fn push(form: &mut String, text: &str) {
    for octet in text.bytes() {
        match octet {
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => form.push(octet.into()),
            b' ' => form.push('+'),
            _ => {
                form.push('%');
                form.extend([octet >> 4, octet & 0xf].map(hex_digit));
            }
        }
    }
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or_default().to_ascii_uppercase()
}

/// One text in the same encoding.
pub(crate) fn encode_text(text: &str) -> Secret {
    let mut encoded = String::with_capacity(text.len().saturating_mul(3));
    push(&mut encoded, text);
    Secret::new(encoded)
}

/// Decodes a text of `application/x-www-form-urlencoded`.
pub(crate) fn decode(text: &[u8]) -> Result<Secret, BadText> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(&octet) = octets.next() {
        decoded.push(match octet {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(*octets.next()?).to_digit(16);
                let value = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                value.ok_or(BadText::Escape)?
            }
            _ => octet,
        });
    }
    String::from_utf8(decoded).map(Secret::new).map_err(|error| {
        drop(Secret::new(error.into_bytes()));
        BadText::Utf8
    })
}

/// Why a text of a form can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadText {
    /// A `%` without two hexadecimal digits.
    Escape,
    /// What it decodes to is not UTF-8.
    Utf8,
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use proptest::prelude::*;

    use super::*;
    use crate::server::decode_form;

    fn encoded(pairs: &[(String, String)]) -> String {
        encode(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))).expose().clone()
    }

    #[test]
    fn escapes_what_has_a_meaning() {
        let rows = [
            (vec![], ""),
            (vec![("a", "b")], "a=b"),
            (vec![("a", "b"), ("c", "")], "a=b&c="),
            // RFC 6749 appendix B.
            (vec![("x", " %&+£€")], "x=+%25%26%2B%C2%A3%E2%82%AC"),
            (vec![("client_secret", "s~e+c&r%e=t")], "client_secret=s%7Ee%2Bc%26r%25e%3Dt"),
            (vec![("s", "a\r\nb\0")], "s=a%0D%0Ab%00"),
            (vec![("n&=", "*-._")], "n%26%3D=*-._"),
        ];
        for (pairs, want) in rows {
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            assert_eq!(encoded(&pairs), want);
        }
    }

    #[test]
    fn never_grows_its_memory() {
        let pairs = [("ü\0&".repeat(50), "€~".repeat(100)), ("a".into(), "b".into())];
        let form = encoded(&pairs);
        let bound = pairs.iter().map(|(name, value)| 3 * (name.len() + value.len() + 1)).sum();
        assert!(form.len() <= bound);
    }

    proptest! {
        #[test]
        fn survives_decoding(pairs in prop::collection::vec((any::<String>(), any::<String>()), 0..6)) {
            prop_assert_eq!(decode_form(encoded(&pairs).as_bytes()), Ok(pairs));
        }

        #[test]
        fn survives_decoding_of_meaningful_octets(value in "[~+&%=; ü€a0\r\n\\x00]{0,40}") {
            let pairs = vec![("client_secret".to_string(), value)];
            prop_assert_eq!(decode_form(encoded(&pairs).as_bytes()), Ok(pairs));
        }

        #[test]
        fn is_plain_ascii(pairs in prop::collection::vec((any::<String>(), any::<String>()), 0..6)) {
            let form = encoded(&pairs);
            prop_assert!(form.bytes().all(|octet| octet.is_ascii_graphic()), "{}", form);
            prop_assert_eq!(form.matches('=').count(), pairs.len());
        }
    }
}

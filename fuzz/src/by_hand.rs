//! Encodings of mail written and read the plain way, an octet at a time: what the crates make of them is compared with it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `octets` in base64, on one line (RFC 4648 section 4).
pub(crate) fn base64(octets: &[u8]) -> String {
    let mut out = String::new();
    for three in octets.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place) & 63) as usize;
            out.push(if place <= three.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    out
}

/// The octets of such a line.
fn from_base64(text: &str) -> Vec<u8> {
    let (mut out, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let sextet = ALPHABET.iter().position(|known| *known == letter).expect("a letter of base64");
        (bits, count) = (bits << 6 | sextet as u32, count + 6);
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// Each octet behind `mark`, in hexadecimal digits: `=C3=BC`, `%C3%BC`.
pub(crate) fn escaped(octets: &[u8], mark: char) -> Vec<String> {
    octets.iter().map(|octet| format!("{mark}{octet:02X}")).collect()
}

/// A value that is one line or folded, and plain text or encoded words in UTF-8 alone, as a reader sees it (RFC 2047
/// section 6.2).
pub(crate) fn read(value: &str) -> String {
    let line = value.replace("\r\n", "");
    if !line.contains("=?") {
        return line.strip_prefix(' ').unwrap_or(&line).to_owned();
    }
    let words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let octets = words.map(|word| {
        let inside = word.strip_prefix("=?utf-8?").and_then(|rest| rest.strip_suffix("?="));
        let (encoding, text) = inside.and_then(|inside| inside.split_once('?')).expect("an encoded word");
        assert!(word.len() <= 75 && !text.contains('?'), "{word}");
        if encoding == "B" { from_base64(text) } else { from_q(text) }
    });
    String::from_utf8(octets.flatten().collect()).expect("UTF-8")
}

fn from_q(text: &str) -> Vec<u8> {
    let mut pieces = text.split('=');
    let plain = |text: &str| text.replace('_', " ").into_bytes();
    let mut out = plain(pieces.next().expect("one at least"));
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        out.push(u8::from_str_radix(digits, 16).expect("two digits"));
        out.extend(plain(rest));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 2047 section 8 and RFC 4648 section 10.
    #[test]
    fn is_what_the_rfcs_say() {
        for (octets, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(octets.as_bytes()), want);
            assert_eq!(from_base64(want), octets.as_bytes());
        }
        for (value, want) in [
            (" =?utf-8?Q?a?=", "a"),
            (" =?utf-8?Q?a_b=C3=BC?=\r\n =?utf-8?B?Yw==?=", "a b\u{fc}c"),
            (" plain\r\n text", "plain text"),
        ] {
            assert_eq!(read(value), want);
        }
        assert_eq!(escaped(b"a\xFC", '%'), ["%61", "%FC"]);
    }
}

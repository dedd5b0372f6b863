use alloc::vec::Vec;

/// Decodes base64 by the letter of RFC 4648 section 4: padded, and without bits that nobody reads. `None` for anything
/// else.
///
/// A challenge is a line, so this need not be fast. The crate that encodes would add 3 kB for it to a small program.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut groups = text.chunks(4);
    while let Some(group) = groups.next() {
        let &[first, second, third, fourth] = group else { return None };
        let digits = match (third, fourth) {
            (b'=', b'=') => 2,
            (_, b'=') => 3,
            _ => 4_usize,
        };
        let mut bits = 0_u32;
        for digit in [first, second, third, fourth].into_iter().take(digits) {
            bits = bits << 6 | sextet(digit)?;
        }
        // Left-aligned in 24 bits; what has no digit is 0.
        bits <<= (4_u32).saturating_sub(u32::try_from(digits).ok()?).saturating_mul(6);
        let [_, group @ ..] = bits.to_be_bytes();
        let (whole, rest) = group.split_at_checked(digits.saturating_sub(1))?;
        let is_end = digits < 4;
        if is_end && (groups.len() > 0 || rest.iter().any(|octet| *octet != 0)) {
            return None;
        }
        octets.extend_from_slice(whole);
    }
    Some(octets)
}

fn sextet(digit: u8) -> Option<u32> {
    let (first, value) = match digit {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => (b'+', 62),
        b'/' => (b'/', 63),
        _ => return None,
    };
    Some(u32::from(digit.wrapping_sub(first)).saturating_add(value))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::decode;
    use base64::{Engine, engine::general_purpose::STANDARD};

    #[test]
    fn reads_by_the_letter() {
        let rows: [(&str, Option<&[u8]>); 14] = [
            ("", Some(b"")),
            ("AA==", Some(b"\0")),
            ("AQ==", Some(b"\x01")),
            ("//79", Some(b"\xff\xfe\xfd")),
            ("+/8=", Some(b"\xfb\xff")),
            ("aGVsbG8=", Some(b"hello")),
            ("A", None),
            ("AQ", None),
            ("AR==", None),
            ("+/9=", None),
            ("AQ==AQ==", None),
            ("A===", None),
            ("AQ=A", None),
            ("aGV\n", None),
        ];
        for (text, want) in rows {
            assert_eq!(decode(text.as_bytes()).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn reads_what_the_library_reads() {
        let letters = b"AQgw/+=\n9";
        for number in 0..letters.len().pow(5) {
            for length in 0..=5 {
                let text: Vec<u8> = (0..length)
                    .map(|place| letters[number / letters.len().pow(place) % letters.len()])
                    .collect();
                // What a password ends with, behind a whole group too.
                for text in [text.clone(), [b"AAAA", text.as_slice()].concat()] {
                    assert_eq!(decode(&text), STANDARD.decode(&text).ok(), "{text:?}");
                }
            }
        }
        let octets: Vec<u8> = (0..=255).collect();
        for length in 0..octets.len() {
            assert_eq!(
                decode(STANDARD.encode(&octets[..length]).as_bytes()).as_deref(),
                Some(&octets[..length])
            );
        }
    }
}

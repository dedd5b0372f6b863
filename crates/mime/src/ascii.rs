//! Character classes of RFC 5322 and small searches over octets.

/// `atext` of RFC 5322 section 3.2.3.
pub(crate) fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// `token` characters of RFC 2045 section 5.1.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

/// Space and tab.
pub(crate) fn is_wsp(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What may stand between two tokens of a folded header.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Value of a hexadecimal digit of either case.
pub(crate) fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Upper-case hexadecimal digits of `byte`.
pub(crate) fn hex_digits(byte: u8) -> [char; 2] {
    hex_octets(byte).map(char::from)
}

/// Upper-case hexadecimal digits of `byte`, in ASCII.
pub(crate) const fn hex_octets(byte: u8) -> [u8; 2] {
    const fn digit(value: u8) -> u8 {
        match value {
            0..=9 => b'0'.wrapping_add(value),
            _ => b'A'.wrapping_sub(10).wrapping_add(value),
        }
    }
    [digit(byte >> 4), digit(byte & 15)]
}

/// Where the two octets of `needle` first stand in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: [u8; 2]) -> Option<usize> {
    let [first, second] = needle;
    let hits = memchr::memchr_iter(first, haystack);
    hits.into_iter().find(|at| haystack.get(at.saturating_add(1)) == Some(&second))
}

/// The octets from `from` on; none when `from` is past the end.
pub(crate) fn tail(bytes: &[u8], from: usize) -> &[u8] {
    bytes.get(from..).unwrap_or_default()
}

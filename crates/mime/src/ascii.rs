//! Character classes of RFC 5322 and small searches over octets.

/// `atext` of RFC 5322 section 3.2.3.
pub(crate) fn is_atext(byte: u8) -> bool {
    class(byte) & ATEXT != 0
}

/// `token` characters of RFC 2045 section 5.1.
pub(crate) fn is_token(byte: u8) -> bool {
    class(byte) & TOKEN != 0
}

/// What stands for itself in an encoded word in Q, in the narrowest context, a phrase (RFC 2047 section 5 rule 3).
pub(crate) fn is_q_literal(byte: u8) -> bool {
    class(byte) & Q_LITERAL != 0
}

/// How many octets do not stand for themselves there, and are no space.
pub(crate) fn q_escapes(text: &[u8]) -> usize {
    // Sums that fit an octet let the compiler count many octets at once.
    let count = |chunk: &[u8]| {
        chunk.iter().fold(0u8, |sum, &byte| {
            let plain =
                byte.is_ascii_alphanumeric() | matches!(byte, b' ' | b'!' | b'*' | b'+' | b'-' | b'/');
            sum.wrapping_add(u8::from(!plain))
        })
    };
    text.chunks(128).map(|chunk| usize::from(count(chunk))).fold(0, usize::saturating_add)
}

/// What a domain is made of between its dots.
pub(crate) fn is_host(byte: u8) -> bool {
    class(byte) & HOST != 0
}

/// Whether `local` is a `dot-atom` that may have dots anywhere.
pub(crate) fn is_dot_atom(local: &[u8]) -> bool {
    local.iter().fold(ATEXT_OR_DOT, |all, &byte| all & class(byte)) != 0 && !local.is_empty()
}

/// Whether `domain` is made of letters, digits, hyphens and underscores, with a dot between its labels.
pub(crate) fn is_host_name(domain: &[u8]) -> bool {
    // A dot in front is one beside another, too.
    let (mut all, mut beside, mut before) = (HOST_OR_DOT, 0, DOT);
    for &byte in domain {
        let class = class(byte);
        all &= class;
        beside |= class & before;
        before = class;
    }
    all != 0 && (beside | before) & DOT == 0
}

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

const ATEXT: u8 = 1;
const TOKEN: u8 = 2;
const Q_LITERAL: u8 = 4;
const HOST: u8 = 8;
const DOT: u8 = 16;
const ATEXT_OR_DOT: u8 = 32;
const HOST_OR_DOT: u8 = 64;

/// The classes of each octet: one look in place of a dozen comparisons.
static CLASSES: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut byte = 0u8;
    while byte < 0x7F {
        let alphanumeric = byte.is_ascii_alphanumeric();
        let mut class = 0;
        if alphanumeric
            || matches!(
                byte,
                b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~'
            )
        {
            class |= ATEXT;
        }
        if byte.is_ascii_graphic()
            && !matches!(
                byte,
                b'(' | b')'
                    | b'<'
                    | b'>'
                    | b'@'
                    | b','
                    | b';'
                    | b':'
                    | b'\\'
                    | b'"'
                    | b'/'
                    | b'['
                    | b']'
                    | b'?'
                    | b'='
            )
        {
            class |= TOKEN;
        }
        if alphanumeric || matches!(byte, b'!' | b'*' | b'+' | b'-' | b'/') {
            class |= Q_LITERAL;
        }
        if alphanumeric || matches!(byte, b'-' | b'_') {
            class |= HOST;
        }
        if byte == b'.' {
            class |= DOT;
        }
        if class & (ATEXT | DOT) != 0 {
            class |= ATEXT_OR_DOT;
        }
        if class & (HOST | DOT) != 0 {
            class |= HOST_OR_DOT;
        }
        #[expect(
            clippy::indexing_slicing,
            clippy::as_conversions,
            reason = "checked by the compiler, which runs it"
        )]
        {
            table[byte as usize] = class;
        }
        byte = byte.wrapping_add(1);
    }
    table
};

/// Space and tab.
pub(crate) fn is_wsp(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What may stand between two tokens of a folded header.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Value of a hexadecimal digit of either case.
pub(crate) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// The octet that two hexadecimal digits of either case are.
pub(crate) fn hex_octet(high: u8, low: u8) -> Option<u8> {
    Some(hex_value(high)? << 4 | hex_value(low)?)
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

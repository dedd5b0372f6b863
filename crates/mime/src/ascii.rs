//! Character classes of RFC 5322 and small searches over octets.

/// `atext` of RFC 5322 section 3.2.3.
pub(crate) fn is_atext(byte: u8) -> bool {
    class(byte) & ATEXT != 0
}

/// `token` characters of RFC 2045 section 5.1.
pub(crate) fn is_token(byte: u8) -> bool {
    class(byte) & TOKEN != 0
}

/// How an octet stands in an encoded word in Q, in the narrowest context, a phrase (RFC 2047 section 5 rule 3). The last octet
/// says how many of the others that takes: all four are copied in one go.
pub(crate) fn in_q(byte: u8) -> [u8; 4] {
    IN_Q.get(usize::from(byte)).copied().unwrap_or_default()
}

/// How many octets it takes there.
pub(crate) fn len_in_q([_, _, _, len]: [u8; 4]) -> usize {
    usize::from(len)
}

/// What a domain is made of between its dots.
pub(crate) fn is_host(byte: u8) -> bool {
    class(byte) & HOST != 0
}

/// Whether `name` is words of `atext` without `=`, with a space between each two: it stands for itself in a header.
pub(crate) fn is_words(name: &[u8]) -> bool {
    is_separated(name, WORD, b' ')
}

/// Octets of the `dot-atom` at the start, which may have dots anywhere.
pub(crate) fn dot_atom_len(text: &[u8]) -> usize {
    text.iter().position(|&byte| class(byte) & ATEXT_OR_DOT == 0).unwrap_or(text.len())
}

/// Whether `domain` is made of letters, digits, hyphens and underscores, with a dot between its labels.
pub(crate) fn is_host_name(domain: &[u8]) -> bool {
    is_separated(domain, HOST, b'.')
}

/// Whether `text` is pieces of octets of one class, none of them empty, with a separator between each two.
fn is_separated(text: &[u8], of: u8, separator: u8) -> bool {
    let mut rest = text;
    loop {
        let len = rest.iter().position(|&byte| class(byte) & of == 0).unwrap_or(rest.len());
        match tail(rest, len).split_first() {
            _ if len == 0 => return false,
            None => return true,
            Some((&byte, after)) if byte == separator => rest = after,
            Some(_) => return false,
        }
    }
}

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

const ATEXT: u8 = 1;
const TOKEN: u8 = 2;
const HOST: u8 = 4;
const ATEXT_OR_DOT: u8 = 8;
const WORD: u8 = 16;

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
        if alphanumeric || matches!(byte, b'-' | b'_') {
            class |= HOST;
        }
        if class & ATEXT != 0 || byte == b'.' {
            class |= ATEXT_OR_DOT;
        }
        if class & ATEXT != 0 && byte != b'=' {
            class |= WORD;
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

static IN_Q: [[u8; 4]; 256] = {
    let mut table = [[0; 4]; 256];
    let mut byte = 0u8;
    loop {
        let [high, low] = hex_octets(byte);
        let written = match byte {
            b' ' => [b'_', 0, 0, 1],
            b'!' | b'*' | b'+' | b'-' | b'/' => [byte, 0, 0, 1],
            _ if byte.is_ascii_alphanumeric() => [byte, 0, 0, 1],
            _ => [b'=', high, low, 3],
        };
        #[expect(
            clippy::indexing_slicing,
            clippy::as_conversions,
            reason = "checked by the compiler, which runs it"
        )]
        {
            table[byte as usize] = written;
        }
        if byte == u8::MAX {
            break table;
        }
        byte = byte.wrapping_add(1);
    }
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

/// Lower-case hexadecimal digits of each of `bytes`, in ASCII.
pub(crate) fn lower_hex<const N: usize>(bytes: [u8; N]) -> [[u8; 2]; N] {
    bytes.map(|byte| hex_octets(byte).map(|digit| digit.to_ascii_lowercase()))
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

//! Character references: `&eacute;`, `&#233;`, `&#xE9;`.

use alloc::string::String;

use crate::decode;

/// Reads the reference at the start of `text`, which begins with `&`. Returns the character and the rest. Where the
/// reference is not known, the character is the `&` itself.
pub(super) fn read(text: &str) -> (char, &str) {
    let after = text.strip_prefix('&').unwrap_or(text);
    match after.strip_prefix('#') {
        Some(number) => numeric(number),
        None => named(after),
    }
    .unwrap_or(('&', after))
}

/// Resolves the references in the value of an attribute.
pub(super) fn text(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('&') {
        let (plain, reference) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let (c, after) = read(reference);
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn numeric(text: &str) -> Option<(char, &str)> {
    let (digits, radix) = match text.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (number, after) = digits.split_at_checked(end).filter(|(number, _)| !number.is_empty())?;
    let code = u32::from_str_radix(number, radix).unwrap_or(u32::MAX);
    let c = match u8::try_from(code) {
        // Numbers of windows-1252, which everybody means by them.
        Ok(byte @ 0x80..=0x9F) => decode::guess(&[byte]).chars().next()?,
        // White space is white space; no other control character is text.
        Ok(b'\t' | b'\n' | b'\r') => ' ',
        Ok(0..0x20 | 0x7F) => char::REPLACEMENT_CHARACTER,
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    Some((c, after.strip_prefix(';').unwrap_or(after)))
}

fn named(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(MAX_NAME).take_while(u8::is_ascii_alphanumeric).count();
    let (name, after) = text.split_at_checked(end)?;
    let (_, c) = NAMES.iter().find(|(known, _)| *known == name).or_else(|| {
        // Upper case is as good where there is no other of the name.
        NAMES.iter().take(CASELESS).find(|(known, _)| known.eq_ignore_ascii_case(name))
    })?;
    match after.strip_prefix(';') {
        Some(after) => Some((*c, after)),
        // Without its semicolon a reference counts where nothing of an address could be meant.
        None if !after.starts_with('=') => Some((*c, after)),
        None => None,
    }
}

const MAX_NAME: usize = 8;
/// So many names at the start of the table also stand in capitals.
const CASELESS: usize = 6;

/// The names that mail has, of HTML 4 section 24.
#[rustfmt::skip]
const NAMES: &[(&str, char)] = &[
    ("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("nbsp", '\u{A0}'), ("copy", '©'),
    ("apos", '\''), ("reg", '®'), ("trade", '™'), ("euro", '€'), ("pound", '£'), ("yen", '¥'), ("cent", '¢'),
    ("sect", '§'), ("para", '¶'), ("deg", '°'), ("plusmn", '±'), ("micro", 'µ'), ("middot", '·'), ("bull", '•'),
    ("hellip", '…'), ("ndash", '–'), ("mdash", '—'), ("lsquo", '‘'), ("rsquo", '’'), ("sbquo", '‚'), ("ldquo", '“'),
    ("rdquo", '”'), ("bdquo", '„'), ("laquo", '«'), ("raquo", '»'), ("lsaquo", '‹'), ("rsaquo", '›'),
    ("iexcl", '¡'), ("iquest", '¿'), ("ordf", 'ª'), ("ordm", 'º'), ("sup1", '¹'), ("sup2", '²'), ("sup3", '³'),
    ("frac12", '½'), ("frac14", '¼'), ("frac34", '¾'), ("times", '×'), ("divide", '÷'), ("minus", '−'),
    ("shy", '\u{AD}'), ("zwnj", '\u{200C}'), ("zwj", '\u{200D}'), ("ensp", ' '), ("emsp", ' '), ("thinsp", ' '),
    ("agrave", 'à'), ("aacute", 'á'), ("acirc", 'â'), ("atilde", 'ã'), ("auml", 'ä'), ("aring", 'å'), ("aelig", 'æ'),
    ("ccedil", 'ç'), ("egrave", 'è'), ("eacute", 'é'), ("ecirc", 'ê'), ("euml", 'ë'), ("igrave", 'ì'), ("iacute", 'í'),
    ("icirc", 'î'), ("iuml", 'ï'), ("eth", 'ð'), ("ntilde", 'ñ'), ("ograve", 'ò'), ("oacute", 'ó'), ("ocirc", 'ô'),
    ("otilde", 'õ'), ("ouml", 'ö'), ("oslash", 'ø'), ("ugrave", 'ù'), ("uacute", 'ú'), ("ucirc", 'û'), ("uuml", 'ü'),
    ("yacute", 'ý'), ("thorn", 'þ'), ("yuml", 'ÿ'), ("szlig", 'ß'), ("oelig", 'œ'), ("scaron", 'š'),
    ("Agrave", 'À'), ("Aacute", 'Á'), ("Acirc", 'Â'), ("Atilde", 'Ã'), ("Auml", 'Ä'), ("Aring", 'Å'), ("AElig", 'Æ'),
    ("Ccedil", 'Ç'), ("Egrave", 'È'), ("Eacute", 'É'), ("Ecirc", 'Ê'), ("Euml", 'Ë'), ("Igrave", 'Ì'), ("Iacute", 'Í'),
    ("Icirc", 'Î'), ("Iuml", 'Ï'), ("ETH", 'Ð'), ("Ntilde", 'Ñ'), ("Ograve", 'Ò'), ("Oacute", 'Ó'), ("Ocirc", 'Ô'),
    ("Otilde", 'Õ'), ("Ouml", 'Ö'), ("Oslash", 'Ø'), ("Ugrave", 'Ù'), ("Uacute", 'Ú'), ("Ucirc", 'Û'), ("Uuml", 'Ü'),
    ("Yacute", 'Ý'), ("THORN", 'Þ'), ("OElig", 'Œ'), ("Scaron", 'Š'), ("Yuml", 'Ÿ'),
    ("larr", '←'), ("uarr", '↑'), ("rarr", '→'), ("darr", '↓'), ("harr", '↔'), ("infin", '∞'), ("ne", '≠'),
    ("le", '≤'), ("ge", '≥'), ("asymp", '≈'), ("alpha", 'α'), ("beta", 'β'), ("gamma", 'γ'), ("delta", 'δ'),
    ("pi", 'π'), ("omega", 'ω'), ("Omega", 'Ω'), ("spades", '♠'), ("hearts", '♥'), ("check", '✓'),
];

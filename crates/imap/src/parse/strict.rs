//! What [`Quirks`] say of spaces, quotes and octets, looked at before the grammar.
//!
//! The leaves of the grammar overlook these mistakes always, because that is cheaper than to ask. Where a quirk is
//! switched off, this finds what it would have overlooked.

use super::{
    Fault,
    scan::{literal, quoted_raw},
};
use crate::{Kind, Quirks, classify};

/// Whether there is nothing to look for.
#[inline]
pub(super) const fn overlooks_all(quirks: &Quirks) -> bool {
    quirks.spacing && quirks.eight_bit && quirks.stray_quote
}

/// Fails at the first mistake in `response` that `quirks` do not allow.
pub(super) fn check<'a>(quirks: &Quirks, response: &'a [u8]) -> Result<(), Fault<'a>> {
    // Status responses are free text.
    if !matches!(classify(response), Kind::Data | Kind::Capability) {
        return Ok(());
    }
    let (mut rest, mut before) = (response, b' ');
    while let [first, after @ ..] = rest {
        let at = rest;
        let fault = |rule| Err(Fault { at, rule });
        rest = match first {
            b'"' => {
                let Ok((after, (text, _))) = quoted_raw(rest) else { return fault("quoted") };
                if !quirks.stray_quote && !is_escaped(text) {
                    return fault("quoted");
                }
                after
            }
            b'{' => literal(rest).map_or(after, |(after, _)| after),
            _ => after,
        };
        let next = rest.first().copied().unwrap_or(b'\n');
        let spaced = match first {
            b' ' => !matches!(next, b' ' | b')' | b'\r' | b'\n') && before != b'(',
            b'(' => matches!(before, b' ' | b'(' | b')'),
            b')' => matches!(next, b' ' | b'(' | b')' | b']' | b'\r' | b'\n'),
            _ => true,
        };
        if !quirks.spacing && !spaced {
            return fault("SP");
        }
        if !quirks.eight_bit && !first.is_ascii() {
            return fault("ASCII");
        }
        before = *first;
    }
    Ok(())
}

/// Whether every quote and backslash in `text` stands behind a backslash.
fn is_escaped(text: &[u8]) -> bool {
    let mut octets = text.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => return false,
            b'\\' if !matches!(octets.next(), Some(b'"' | b'\\')) => return false,
            _ => {}
        }
    }
    true
}

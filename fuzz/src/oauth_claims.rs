//! The claims of a token are bounded and fit for a terminal, whatever the token is.

use mailbearer_oauth::Claims;
use mailbearer_wire::{Secret, printable};

/// Octets of a text, its mark included, when each is an escape.
const LONGEST: usize = 12 * Claims::TEXT;

/// `data` is the payload of a token in its JSON form, and as a whole token.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    check(&text);
    check(&format!("e30.{}.c2ln", base64(data)));
}

fn check(token: &str) {
    let Some(claims) = Claims::read(&Secret::new(token.to_owned())) else { return };
    let lists = [&claims.audience, &claims.roles, &claims.scopes];
    assert!(lists.iter().all(|list| list.len() <= Claims::ENTRIES));
    let single =
        [&claims.issuer, &claims.tenant, &claims.app_id, &claims.object_id, &claims.user, &claims.kind];
    for text in lists.into_iter().flatten().chain(single.into_iter().flatten()) {
        assert!(text.len() <= LONGEST && printable(text) == *text, "{text:?}");
    }
}

fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

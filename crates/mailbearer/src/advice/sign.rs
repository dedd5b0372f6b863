//! How entries of the catalogue are recognised: their signs, and how those are written.
//!
//! A sign such as `535 5.7.139 words … more words` has an SMTP reply code (`4yz` and `5yz` stand for the class), an
//! enhanced status code (`5.7.x` for any detail) and words, all of which must be present. `AADSTS700016` is Microsoft's
//! number, `error=invalid_grant` OAuth's name, `[LIMIT]` a response code, `HTTP 429` a status.

use super::{Place, Vendor};
use crate::error::{Evidence, Kind};

/// What is looked up.
pub(super) struct Shown<'e> {
    pub(super) evidence: &'e Evidence<'e>,
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) vendor: Option<Vendor>,
}

/// A sign, taken apart.
#[derive(Debug, Default)]
pub(super) struct Sign<'s> {
    pub(super) number: Option<u32>,
    pub(super) code: Option<u16>,
    pub(super) class: Option<u16>,
    pub(super) enhanced: Option<&'s str>,
    pub(super) name: Option<&'s str>,
    pub(super) words: Vec<&'s str>,
}

impl<'s> Sign<'s> {
    pub(super) fn parse(seen: &'s str) -> Self {
        let (mut sign, mut rest) = (Self::default(), seen);
        loop {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if let Some(digits) = word.strip_prefix("AADSTS") {
                sign.number = digits.parse().ok();
            } else if let Some(name) = word.strip_prefix("error=") {
                sign.name = Some(name);
            } else if let Some(name) = word.strip_prefix('[') {
                sign.name = Some(name.trim_end_matches(']'));
            } else if matches!(word, "4yz" | "5yz") {
                sign.class = Some(if word == "4yz" { 4 } else { 5 });
            } else if word == "HTTP" {
                rest = after;
                continue;
            } else if word.len() == 3 && word.bytes().all(|octet| octet.is_ascii_digit()) {
                sign.code = word.parse().ok();
            } else if is_enhanced(word) {
                sign.enhanced = Some(word);
            } else {
                break;
            }
            rest = after;
        }
        sign.words = rest.split('…').map(str::trim).filter(|words| !words.is_empty()).collect();
        sign
    }

    pub(super) fn fits(&self, shown: &Evidence<'_>) -> bool {
        let said = |words: &&str| holds(&shown.text, words) || holds(&shown.name, words);
        self.number.is_none_or(|number| has_number(shown, number))
            && self.code.is_none_or(|code| code == shown.code)
            && self.class.is_none_or(|class| shown.code.checked_div(100) == Some(class))
            && self.enhanced.is_none_or(|code| has_enhanced(shown, code))
            && self.name.is_none_or(|name| {
                let first = shown.name.split(' ').next().unwrap_or_default();
                first.eq_ignore_ascii_case(name)
            })
            && self.words.iter().all(said)
    }
}

fn is_enhanced(word: &str) -> bool {
    word.split('.').count() == 3
        && word.bytes().all(|octet| octet.is_ascii_digit() || matches!(octet, b'.' | b'x'))
}

/// Whether the failure has this number: among its numbers, or, if the server sent none, in its words.
fn has_number(shown: &Evidence<'_>, number: u32) -> bool {
    let in_text = || {
        shown.text.match_indices("AADSTS").any(|(at, prefix)| {
            let digits = shown.text.get(at.saturating_add(prefix.len())..).unwrap_or_default();
            let end = digits.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(digits.len());
            digits.get(..end).is_some_and(|digits| digits.parse() == Ok(number))
        })
    };
    shown.numbers.contains(&number) || shown.numbers.is_empty() && in_text()
}

/// Whether the failure has this enhanced code: parsed, or in the words, where some servers put it behind other things.
/// An `x` stands for any digit or number.
fn has_enhanced(shown: &Evidence<'_>, code: &str) -> bool {
    let told = shown.enhanced.map(|(class, subject, detail)| format!("{class}.{subject}.{detail}"));
    told.is_some_and(|told| is_like(&told, code))
        || shown.text.split([' ', ':', ';', ',']).any(|word| is_like(word, code))
}

fn is_like(told: &str, code: &str) -> bool {
    let (mut told, mut code) = (told.split('.'), code.split('.'));
    loop {
        match (told.next(), code.next()) {
            (None, None) => return true,
            (Some(told), Some("x")) if told.bytes().all(|octet| octet.is_ascii_digit()) => {}
            // `5xx` stands for 500 to 599.
            (Some(told), Some(code)) if code.ends_with("xx") => {
                if told.len() != 3 || told.as_bytes().first() != code.as_bytes().first() {
                    return false;
                }
            }
            (Some(told), Some(code)) if told == code => {}
            _ => return false,
        }
    }
}

/// Whether `words` are in `text`, whatever the case.
fn holds(text: &str, words: &str) -> bool {
    text.as_bytes().windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

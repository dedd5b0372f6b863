//! Reports that servers and recipients send back: what became of a message (RFC 3464), what was done with it (RFC 8098),
//! and, with the feature `dmarc`, what a receiver saw of the mail of a domain (RFC 7489).
//!
//! [`Part::role`](crate::parse::Part::role) tells which part of a message is one.

mod delivery;
mod disposition;
#[cfg(feature = "dmarc")]
mod dmarc;
#[cfg(feature = "dmarc")]
mod unpack;

use alloc::string::String;
use alloc::vec::Vec;

pub use delivery::{Action, DeliveryReport, DeliveryStatus};
pub use disposition::DispositionReport;
#[cfg(feature = "dmarc")]
pub use dmarc::{DmarcError, DmarcLimits, DmarcRecord, DmarcReport};

use crate::decode;

/// The fields of a group, as names in any case and decoded values.
struct Group(Vec<(String, String)>);

/// Cuts the body of a report into groups of fields, which are apart by empty lines (RFC 3464 section 2.1). Of more than
/// 10,000 fields the first 10,000.
fn groups(body: &[u8]) -> Vec<Group> {
    let (mut groups, mut fields): (Vec<Group>, Vec<(String, Vec<u8>)>) = (Vec::new(), Vec::new());
    let mut count = 0usize;
    let mut end = |fields: &mut Vec<(String, Vec<u8>)>| {
        let decoded = fields
            .drain(..)
            .map(|(name, value)| (name, decode::unstructured(value.trim_ascii()).into_owned()));
        let decoded: Vec<_> = decoded.collect();
        if !decoded.is_empty() {
            groups.push(Group(decoded));
        }
    };
    // Where CR alone ends lines there is no LF.
    let line_end = if body.contains(&b'\n') { b'\n' } else { b'\r' };
    for line in body.split_inclusive(|&byte| byte == line_end) {
        let text = line.trim_ascii_end();
        if text.is_empty() {
            end(&mut fields);
        } else if let [b' ' | b'\t', ..] = text {
            if let Some((_, value)) = fields.last_mut() {
                value.extend_from_slice(text);
            }
        } else if let Some((name, value)) = split_at(text, b':') {
            count = count.saturating_add(1);
            if count > MAX_FIELDS {
                break;
            }
            let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
            // Some leave the empty line between two recipients out.
            let is_first = ["final-recipient", "original-recipient"]
                .iter()
                .any(|first| name.eq_ignore_ascii_case(first));
            if is_first && fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                end(&mut fields);
            }
            fields.push((name, value.to_vec()));
        }
    }
    end(&mut fields);
    groups
}

const MAX_FIELDS: usize = 10_000;

impl Group {
    /// The first field of that name; empty if there is none.
    fn text(&self, name: &str) -> String {
        self.find(name).map(Into::into).unwrap_or_default()
    }

    /// What follows the type of a value, as in `rfc822; ann@example.org`; all of it where no type is given.
    fn typed(&self, name: &str) -> String {
        let value = self.find(name).unwrap_or_default();
        let value = value.split_once(';').map_or(value, |(_, value)| value).trim();
        value.into()
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

fn split_at(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (before, after) = text.split_at_checked(memchr::memchr(byte, text)?)?;
    Some((before, after.get(1..).unwrap_or_default()))
}

//! Describes a certificate for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mailbearer_net::Seen;
use mailbearer_wire::{DateTime, printable_bytes};
use x509_cert::{
    Certificate,
    der::Decode,
    ext::pkix::{SubjectAltName, name::GeneralName},
};

/// Returns version, names, last day and issuer of what TLS showed. Empty if it showed nothing.
pub(super) fn describe(seen: &Seen) -> String {
    let version = seen.version().unwrap_or("no TLS");
    let chain = seen.chain();
    let Some(first) = chain.first() else { return String::new() };
    let Ok(certificate) = Certificate::from_der(first) else {
        return format!("{version}, a certificate that can't be read");
    };
    let signed = certificate.tbs_certificate();
    let names = names(&certificate);
    let issuer = signed.issuer().to_string();
    let subject = signed.subject().to_string();
    let issuer = if issuer == subject { "itself".to_owned() } else { shown(&issuer) };
    let end = signed.validity().not_after.to_unix_duration();
    let names = if names.is_empty() { shown(&subject) } else { names.join(" ") };
    format!("{version}, for {names}, until {}{}, issued by {issuer}", day(end), left(end))
}

/// Returns the first few DNS names and addresses.
fn names(certificate: &Certificate) -> Vec<String> {
    let alternative = certificate.tbs_certificate().get_extension::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(names)))) = alternative else { return Vec::new() };
    let mut told: Vec<String> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(shown(name.as_ref())),
            GeneralName::IpAddress(octets) => {
                let octets = octets.as_bytes();
                let four = <[u8; 4]>::try_from(octets).map(|four| std::net::IpAddr::from(four).to_string());
                let sixteen = <[u8; 16]>::try_from(octets);
                four.ok().or_else(|| Some(std::net::IpAddr::from(sixteen.ok()?).to_string()))
            }
            _ => None,
        })
        .collect();
    if told.len() > NAMES {
        told.truncate(NAMES);
        told.push("…".to_owned());
    }
    told
}

fn shown(text: &str) -> String {
    printable_bytes(text.as_bytes(), 120)
}

/// Writes a day as `2026-12-24`.
pub(super) fn day(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    match DateTime::new(seconds, 0) {
        Ok(time) => {
            let date = time.date();
            format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
        }
        Err(_) => "a day out of all reckoning".to_owned(),
    }
}

/// Returns a warning if the certificate ends soon.
fn left(end: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match end.checked_sub(now) {
        None => " (over)".to_owned(),
        Some(left) if left < SOON => format!(" (in {} days)", left.as_secs() / 86_400),
        Some(_) => String::new(),
    }
}

/// The most names that are listed.
const NAMES: usize = 5;
/// The remaining days are stated of a certificate that ends within this time.
const SOON: Duration = Duration::from_secs(14 * 86_400);

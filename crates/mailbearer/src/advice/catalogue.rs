//! The catalogue: everything that is known of failures, as data, in a file for each part. `docs/errors.md` is made from it.
//!
//! The first entry that matches counts, so narrow entries come before wide ones: numbers and codes with words, then
//! codes, then the rest. Tests check that each entry is found by its own signs, and that `doctor/tests/faults.rs` shows
//! it by a fault or a cause.

mod connection;
mod imap;
mod microsoft;
mod oauth;
mod pop3;
mod rest;
mod submission;

use super::{Entry, Place, Who};

const YOU: &[Who] = &[Who::Operator];
const USER: &[Who] = &[Who::User];
const TENANT: &[Who] = &[Who::TenantAdmin];
const EXCHANGE: &[Who] = &[Who::ExchangeAdmin];
const WAIT: &[Who] = &[Who::Nobody];
const PROVIDER: &[Who] = &[Who::Provider];
const YOU_TENANT: &[Who] = &[Who::Operator, Who::TenantAdmin];
const YOU_EXCHANGE: &[Who] = &[Who::Operator, Who::ExchangeAdmin];
const YOU_USER: &[Who] = &[Who::Operator, Who::User];
const USER_TENANT: &[Who] = &[Who::User, Who::TenantAdmin];
const YOU_WAIT: &[Who] = &[Who::Operator, Who::Nobody];
const WAIT_EXCHANGE: &[Who] = &[Who::Nobody, Who::ExchangeAdmin];
const EXCHANGE_PROVIDER: &[Who] = &[Who::ExchangeAdmin, Who::Provider];

const AADSTS: &str = "Microsoft Entra, reference-error-codes";
const EXO: &str = "Microsoft, Authenticate an IMAP, POP or SMTP connection using OAuth";
const NDR: &str = "Microsoft, Non-delivery reports in Exchange Online";
const SUPPORT: &str = "Microsoft support articles";

const fn e(
    place: Place,
    id: &'static str,
    seen: &'static [&'static str],
    who: &'static [Who],
    source: &'static str,
    cause: [&'static str; 2],
    fix: [&'static str; 2],
) -> Entry {
    Entry { place, id, seen, who, source, cause, fix, kind: None, stage: None, vendor: None }
}

/// All entries, in the order in which they are looked up.
pub(super) static ENTRIES: [&[Entry]; 7] = [
    connection::ENTRIES,
    microsoft::ENTRIES,
    oauth::ENTRIES,
    imap::ENTRIES,
    pop3::ENTRIES,
    submission::ENTRIES,
    rest::ENTRIES,
];

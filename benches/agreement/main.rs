//! The same messages read by us, by Python's `email` and by mail-parser: where they differ, and who is right.
//!
//! The messages are those of three packages (Debian's `libpython3.11-testsuite` and `golang-github-jhillyerd-enmime-dev`, the
//! crate `mail-parser`), fetched on the first run and kept in the target folder, and some of our own, in `own.rs`.
//! `differences.txt` names every difference; `MAILBEARER_WRITE_DOCS=1` writes it again, with `?` for what is not judged yet.

mod composed;
mod ours;
mod own;
mod packages;
mod peers;

use std::{collections::BTreeMap, fs, path::Path};

/// What a parser reads in a message, by field.
type Read = BTreeMap<String, String>;

#[test]
fn every_difference_is_named() {
    let mut messages = packages::messages();
    assert!(messages.len() >= 200, "{} messages", messages.len());
    messages.extend(own::messages());
    let python = peers::python(&messages);
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("agreement/differences.txt");
    let judged: BTreeMap<String, String> = fs::read_to_string(&table)
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" | "))
        .map(|(key, verdict)| (key.to_owned(), verdict.to_owned()))
        .collect();
    let mut found = BTreeMap::new();
    let (mut same, mut compared) = (0_usize, 0_usize);
    for (message, python) in messages.iter().zip(python) {
        let own = ours::read(&message.octets);
        let other = peers::mail_parser(&message.octets);
        for (peer, read) in [("python", &python), ("mail-parser", &other)] {
            for (field, value) in read {
                compared += 1;
                if own.get(field) == Some(value) {
                    same += 1;
                    continue;
                }
                let key = format!("{} {peer} {field}", message.name);
                let ours = own.get(field).map_or("", String::as_str);
                found.insert(key, (short(ours), short(value)));
            }
        }
    }
    println!("{} messages: {same} of {compared} readings agree, {} differ", messages.len(), found.len());
    if std::env::var_os("MAILBEARER_WRITE_DOCS").is_some() {
        let mut text = String::from(HEAD);
        for (key, (own, peer)) in &found {
            let verdict = judged.get(key).cloned().unwrap_or_else(|| format!("? {own} :: {peer}"));
            text.push_str(&format!("{key} | {verdict}\n"));
        }
        fs::write(&table, text).unwrap();
        return;
    }
    let is_judged = |key: &&String| judged.get(*key).is_some_and(|verdict| !verdict.starts_with('?'));
    let unnamed: Vec<_> = found.keys().filter(|key| !is_judged(key)).map(|key| (key, &found[key])).collect();
    assert!(unnamed.is_empty(), "differences that are not in the table: {unnamed:#?}");
    let gone: Vec<_> = judged.keys().filter(|key| !found.contains_key(*key)).collect();
    assert!(gone.is_empty(), "in the table, and no difference any more: {gone:#?}");
}

const HEAD: &str = "\
# Differences between our reading of a message and a peer's: message, peer and field, then who is right and why, each from the octets.
";

fn short(text: &str) -> String {
    let text: String = text.chars().take(160).collect();
    text.escape_debug().to_string()
}

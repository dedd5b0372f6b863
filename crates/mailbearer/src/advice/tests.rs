use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _};

use super::*;
use crate::error::Evidence;

/// Returns the evidence that a sign describes, as a server would send it.
fn shown_by(entry: &Entry, seen: &str) -> (Evidence<'static>, Kind) {
    let sign = Sign::parse(seen);
    let mut words = sign.words.join(" and so on ");
    if let Some(code) = sign.enhanced {
        words = format!("{} {words}", code.replace("xx", "77").replace('x', "77"));
    }
    if let Some(number) = sign.number {
        words = format!("AADSTS{number}: {words}");
    }
    let of_class = sign.class.map(|class| if class == 4 { 499 } else { 599 });
    let evidence = Evidence {
        stage: entry.stage.unwrap_or_default(),
        code: sign.code.or(of_class).unwrap_or_default(),
        name: Cow::Owned(sign.name.unwrap_or_default().to_owned()),
        text: Cow::Owned(words),
        ..Evidence::default()
    };
    // A peer's words have several kinds. Any will do that no other entry asks for.
    (evidence, entry.kind.unwrap_or(Kind::Refused))
}

#[test]
fn each_entry_is_named_by_what_it_says_is_seen() {
    for entry in entries() {
        let nothing = [""];
        let seen = if entry.seen.is_empty() { &nothing[..] } else { entry.seen };
        for seen in seen {
            let (evidence, kind) = shown_by(entry, seen);
            let shown = Shown { evidence: &evidence, place: entry.place, kind, vendor: entry.vendor };
            let found = find(&shown).map(Entry::id);
            assert_eq!(found, Some(entry.id), "{seen:?}");
        }
    }
}

#[test]
fn the_catalogue_is_whole() {
    let ids: BTreeSet<_> = entries().map(Entry::id).collect();
    assert_eq!(ids.len(), entries().count(), "an id is there twice");
    assert!(entries().count() >= 110);
    for entry in entries() {
        for language in [Language::English, Language::Chinese] {
            assert!(!entry.cause(language).is_empty() && !entry.fix(language).is_empty(), "{}", entry.id);
        }
        assert!(!entry.who.is_empty() && !entry.source.is_empty(), "{}", entry.id);
        let fix = entry.fix(Language::English);
        assert!(!fix.ends_with('.') && !entry.cause(Language::English).ends_with('.'), "{}", entry.id);
        // Commands are the same in every language.
        for word in fix.split_whitespace().filter(|word| word.contains("-Client") || word.starts_with("Set-"))
        {
            assert!(entry.fix(Language::Chinese).contains(word), "{}: {word}", entry.id);
        }
    }
    for id in [
        "not-connected",
        "smtp-disabled-for-tenant",
        "smtp-disabled-for-mailbox",
        "authenticate-failed",
        "invalid-secret",
        "throttled",
    ] {
        assert!(ids.contains(id), "{id}");
    }
}

/// With a password account, a refusal is one of the password, and a server that is busy says nothing of it.
#[test]
fn a_password_is_blamed_for_what_it_did_alone() {
    for id in OF_TOKENS {
        assert!(by_id(id).is_some_and(|entry| entry.place != Place::Net), "{id}");
    }
    for (code, text, want) in [
        (535, "5.7.8 authentication failed", "password-refused"),
        (454, "4.7.0 Temporary authentication failure", "smtp-auth-busy"),
        (504, "5.5.4 Unrecognized authentication type", "smtp-mechanism-unknown"),
    ] {
        let (stage, reply) = (mailbearer_smtp::Stage::Auth, mailbearer_smtp::Reply::new(code, text));
        let refusal = mailbearer_smtp::Error::Refused { stage, reply };
        let error = Error::smtp(mailbearer_net::DriveError::Machine(refusal)).with_doubt(Some(PASSWORD));
        assert_eq!(of(&error).map(Entry::id), Some(want), "{text}");
    }
}

#[test]
fn the_language_is_told_by_the_locale() {
    for (locale, want) in [
        ("zh_CN.UTF-8", Language::Chinese),
        ("zh-Hant", Language::Chinese),
        ("zh", Language::Chinese),
        ("de_DE.UTF-8", Language::English),
        ("C", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::of_locale(locale), want, "{locale}");
    }
}

/// `docs/errors.md` is made from the catalogue. With `MAILBEARER_WRITE_DOCS=1` this test writes it.
#[test]
fn the_page_is_up_to_date() {
    let mut page = String::from(
        "# What fails, what it means, and who can mend it\n\n\
         Made from the catalogue (`crates/mailbearer/src/advice/catalogue.rs`); don't edit. The program names the entry as \
         `code` under `--json`. Of the entries for a place the first that fits counts.\n",
    );
    let places = [
        (Place::Net, "Settings, connections, TLS"),
        (Place::Token, "Token endpoint"),
        (Place::Imap, "IMAP"),
        (Place::Smtp, "Submission"),
        (Place::Pop3, "POP3"),
    ];
    for (place, title) in places {
        write!(
            page,
            "\n## {title}\n\n| entry | seen | cause | fix | who | source |\n|---|---|---|---|---|---|\n"
        )
        .unwrap();
        for entry in entries().filter(|entry| entry.place == place) {
            let mut seen: Vec<String> = entry.seen.iter().map(|seen| format!("`{seen}`")).collect();
            seen.extend(entry.kind.map(|kind| format!("kind {kind:?}")));
            seen.extend(entry.stage.map(|stage| format!("at {stage:?}")));
            seen.extend(entry.vendor.map(|vendor| format!("by {vendor:?}")));
            let who: Vec<_> = entry.who.iter().map(|who| who.name(Language::English)).collect();
            writeln!(
                page,
                "| `{}` | {} | {}<br>{} | {}<br>{} | {} | {} |",
                entry.id,
                seen.join("<br>"),
                entry.cause(Language::English),
                entry.cause(Language::Chinese),
                entry.fix(Language::English).replace('|', "\\|"),
                entry.fix(Language::Chinese).replace('|', "\\|"),
                who.join(", "),
                entry.source
            )
            .unwrap();
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    if std::env::var_os("MAILBEARER_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/errors.md is old: run this test with MAILBEARER_WRITE_DOCS=1");
}

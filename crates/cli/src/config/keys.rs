//! The keys of an account, and which of them a wrong one was meant to be.

/// Every key below `[accounts.NAME]`. Those of [`SECRETS`] may have one of [`SOURCES`] below them.
pub(crate) const KEYS: &[&str] = &[
    "provider",
    "user",
    "oauth.grant",
    "oauth.tenant",
    "oauth.client_id",
    "oauth.client_secret",
    "oauth.refresh_token",
    "oauth.token_url",
    "oauth.scope",
    "imap.host",
    "imap.port",
    "imap.tls",
    "smtp.host",
    "smtp.port",
    "smtp.tls",
    "pop3.host",
    "pop3.port",
    "pop3.tls",
    "tls.ca_file",
    "timeouts.connect",
    "timeouts.read",
    "timeouts.write",
    "timeouts.total",
];

/// Keys whose values are never shown.
pub(crate) const SECRETS: &[&str] = &["oauth.client_secret", "oauth.refresh_token"];

/// Where a secret may be kept in place of the configuration.
pub(crate) const SOURCES: &[&str] = &["env", "file", "command"];

/// What `path` is in the table of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    Value,
    /// A value, or a table of one of [`SOURCES`].
    Secret,
    Unknown,
}

pub(crate) fn kind(path: &str) -> Kind {
    let below = |key: &&str| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    if SECRETS.contains(&path) {
        Kind::Secret
    } else if KEYS.contains(&path) || is_source(path) {
        Kind::Value
    } else if KEYS.iter().any(below) {
        Kind::Table
    } else {
        Kind::Unknown
    }
}

/// The secret that `path` is, or is a source of.
pub(crate) fn secret(path: &str) -> Option<&'static str> {
    SECRETS.iter().copied().find(|secret| {
        path.strip_prefix(secret)
            .is_some_and(|rest| rest.is_empty() || SOURCES.contains(&rest.trim_start_matches('.')))
    })
}

/// A hint for the key `name`, which is not known in the table at `table` (empty for the account itself).
pub(crate) fn hint(table: &str, name: &str) -> String {
    let home = KEYS.iter().filter_map(|key| key.rsplit_once('.')).find(|(_, last)| *last == name);
    match (home, nearest(name, children(table))) {
        (Some((home, _)), _) if home != table => {
            format!("{name} belongs into the table {home} of the account")
        }
        (None, _) if !table.is_empty() && KEYS.contains(&name) => {
            format!("{name} belongs into the account itself, not into its table {table}")
        }
        (_, Some(near)) => format!("did you mean {near}?"),
        _ => format!("known here: {}", children(table).collect::<Vec<_>>().join(", ")),
    }
}

/// The candidate that `name` is most likely a misspelling of.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = name.chars().count().div_ceil(3);
    let near = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}

fn children(table: &str) -> impl Iterator<Item = &'static str> {
    let sources = if SECRETS.contains(&table) { SOURCES } else { &[] };
    let mut names: Vec<&str> = KEYS
        .iter()
        .filter_map(|key| match table {
            "" => Some(*key),
            _ => key.strip_prefix(table)?.strip_prefix('.'),
        })
        .map(|key| key.split('.').next().unwrap_or(key))
        .chain(sources.iter().copied())
        .collect();
    names.dedup();
    names.into_iter()
}

fn is_source(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(key, source)| SECRETS.contains(&key) && SOURCES.contains(&source))
}

/// How many characters have to be put in, taken out or changed to make one text the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (line, x) in a.chars().enumerate() {
        let mut corner = line;
        let mut left = line.saturating_add(1);
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, y) in cells.zip(b.chars()) {
            let change = corner.saturating_add(usize::from(x != y));
            corner = *cell;
            *cell = change.min(corner.saturating_add(1)).min(left.saturating_add(1));
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_keys() {
        for (path, want) in [
            ("user", Kind::Value),
            ("oauth", Kind::Table),
            ("oauth.client_secret", Kind::Secret),
            ("oauth.client_secret.env", Kind::Value),
            ("oauth.client_secret.pipe", Kind::Unknown),
            ("oauth.client", Kind::Unknown),
            ("user.env", Kind::Unknown),
            ("", Kind::Unknown),
        ] {
            assert_eq!(kind(path), want, "{path}");
        }
        assert_eq!(secret("oauth.refresh_token.file"), Some("oauth.refresh_token"));
        assert_eq!(secret("oauth.refresh_token"), Some("oauth.refresh_token"));
        assert_eq!(secret("oauth.refresh_tokens"), None);
    }

    #[test]
    fn hints_at_what_was_meant() {
        for (table, name, want) in [
            ("imap", "hots", "did you mean host?"),
            ("", "usr", "did you mean user?"),
            ("", "Imap", "did you mean imap?"),
            ("", "client_id", "client_id belongs into the table oauth of the account"),
            ("oauth", "user", "user belongs into the account itself, not into its table oauth"),
            ("tls", "insecure", "known here: ca_file"),
            ("oauth.client_secret", "commnd", "did you mean command?"),
        ] {
            assert_eq!(hint(table, name), want, "{table} {name}");
        }
    }

    #[test]
    fn counts_changes() {
        for (a, b, want) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), want, "{a} {b}");
        }
    }
}

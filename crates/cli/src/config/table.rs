//! All settings of an account, in one table: parsing, checks, environment variables and documentation are made from its rows.

use mailbearer::Provider;

/// One setting.
#[derive(Debug)]
pub(crate) struct Row {
    /// Where it stands below `[accounts.NAME]`.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// Whether it is secret: then its value is never shown, and may be one of [`SOURCES`] in place of text.
    pub(crate) secret: bool,
    /// What it is for, and its default; code is in backticks.
    pub(crate) about: &'static str,
}

/// Which values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// The name of a file. In a configuration file it is relative to that file's folder.
    File,
    /// 1 to 65535.
    Port,
    /// 1 to 65535.
    Count,
    /// More than 0, with or without a fraction.
    Seconds,
    /// One of these.
    Word(&'static [&'static str]),
    /// The name of a preset, or `custom`.
    Provider,
    /// A program and its arguments. It has no form in an environment variable.
    Command,
}

/// The settings, in the order of the documentation.
///
/// Each setting is a row here and a line in `account.rs` that uses it.
pub(crate) const TABLE: &[Row] = &[
    row(
        "provider",
        Kind::Provider,
        "Preset that fills in what is not set below: endpoints, scope, hosts, ports. Default: `custom`, which \
         fills in nothing.",
    ),
    row("user", Kind::Text, "Address of the mailbox; of a shared mailbox its own address. Required."),
    secret(
        "password",
        "Password, for servers that offer PLAIN or LOGIN. It takes the place of the table `oauth`.",
    ),
    secret(
        "proxy",
        "Proxy on the way to the servers and the token endpoint: `http://HOST:PORT` or `socks5://HOST:PORT`, with \
         `USER:PASSWORD@` before the host where it wants them; or `none`. This machine itself is never reached through \
         one, nor what the variable `NO_PROXY` names. Default: the variables `HTTPS_PROXY` for the token endpoint and \
         `ALL_PROXY` for everything.",
    ),
    row(
        "oauth.grant",
        GRANTS,
        "How access tokens are obtained. For a robot: `client_credentials` with rights of its own, \
         `managed_identity` on a machine in Azure, `service_account` at Google. For a person: `authorization_code` in a \
         browser, `device_code` where there is none, `refresh_token` with a consent given elsewhere, `password` and \
         `implicit` for servers that have nothing better. `mailbearer providers` says which provider has which. \
         Default: `client_credentials`.",
    ),
    row(
        "oauth.tenant",
        Kind::Text,
        "Tenant of Microsoft Entra ID: its id or one of its domains; for a person also `common`, `organizations` or \
         `consumers`. Required by `client_credentials` at `microsoft365` and its national clouds unless \
         `oauth.token_url` is set. Default for a person: `organizations`.",
    ),
    row(
        "oauth.client_id",
        Kind::Text,
        "Id of the registered application; for `managed_identity` that of an identity which is not the machine's \
         own. Required by all grants but `managed_identity` and `service_account`.",
    ),
    secret(
        "oauth.client_secret",
        "Secret of the application. `client_credentials` requires it, or a certificate, or an assertion.",
    ),
    row(
        "oauth.client_auth",
        Kind::Word(&["post", "basic"]),
        "Where the client secret goes: `post` in the form, `basic` in an `Authorization` field. Default: `post`.",
    ),
    row(
        "oauth.client_certificate",
        Kind::File,
        "PEM file of the certificate that the application proves itself with in place of a secret \
         (`private_key_jwt`). It may hold the key too.",
    ),
    secret(
        "oauth.client_key",
        "Private key of `oauth.client_certificate`, in PEM (PKCS#8 or PKCS#1). Default: the one in that file.",
    ),
    row(
        "oauth.client_pkcs12",
        Kind::File,
        "PKCS#12 file (`.pfx`, `.p12`) with certificate and key, in place of the two above.",
    ),
    secret("oauth.client_pkcs12_password", "Password of `oauth.client_pkcs12`. Default: none."),
    row(
        "oauth.assertion_algorithm",
        Kind::Word(&["PS256", "RS256"]),
        "How assertions are signed: `PS256` with the certificate's SHA-256 thumbprint, `RS256` with that and the SHA-1 \
         one, for servers that know no better. Default: `PS256`.",
    ),
    secret(
        "oauth.client_assertion",
        "Token of another issuer that the application proves itself with in place of a secret (workload identity). \
         File, variable and program are read again for each request. Default, where no secret and no certificate is \
         set: the file that AZURE_FEDERATED_TOKEN_FILE names, else what GitHub Actions issues to the job.",
    ),
    secret("oauth.service_account_key", "JSON key of the service account. Required by `service_account`."),
    row("oauth.subject", Kind::Text, "Person for whom a service account acts. Default: `user`."),
    row(
        "oauth.username",
        Kind::Text,
        "Name for the grant `password`; of the person who logs in, where that is not `user`, as for a shared mailbox. \
         Default: `user`.",
    ),
    secret("oauth.password", "Password for the grant `password` alone, which requires it."),
    secret("oauth.refresh_token", "Refresh token. Required by `refresh_token`."),
    row(
        "oauth.token_url",
        Kind::Text,
        "Token endpoint, an `https` address. Default: the preset's. Required by `custom`, but for \
         `service_account`, whose key names it, and `managed_identity`, where it may be an `http` address of the \
         machine itself and is what the environment says by default.",
    ),
    row(
        "oauth.authorize_url",
        Kind::Text,
        "Where a person logs in. Default: the preset's. Required by `authorization_code` and `implicit` with `custom`.",
    ),
    row(
        "oauth.device_url",
        Kind::Text,
        "Where a code for a device is issued. Default: the preset's. Required by `device_code` with `custom`.",
    ),
    row(
        "oauth.revoke_url",
        Kind::Text,
        "Where `mailbearer logout` revokes tokens (RFC 7009). Default: the preset's, if it has one.",
    ),
    row(
        "oauth.replaced_login",
        Kind::Word(&["end", "leave"]),
        "Whether `mailbearer login` revokes an earlier login whose place the new one takes: `end`, or `leave` for providers \
         that would end the new one with it, as Google does. Default: `end` where `revoke_url` is set here, `leave` where it \
         is the preset's.",
    ),
    row(
        "oauth.redirect_uri",
        Kind::Text,
        "Whole redirect address, for providers that take `https` ones only; the address at which the browser ends is \
         then pasted.",
    ),
    row(
        "oauth.redirect_host",
        Kind::Word(&["localhost", "127.0.0.1", "[::1]"]),
        "Host of the redirect address that this machine listens on. Default: the preset's, or `localhost`.",
    ),
    row(
        "oauth.redirect_port",
        Kind::Port,
        "Port of that address, where the provider wants it as registered. Default: one that is free.",
    ),
    row(
        "oauth.scope",
        Kind::Text,
        "Scopes of the token, with spaces between them. Default: the preset's for the grant, those of the consent for \
         `refresh_token`.",
    ),
    row(
        "oauth.claims",
        Kind::Word(&["check", "ignore"]),
        "Whether a token of Microsoft's that by its own words is for another service, tenant or protocol is held back from \
         the servers: `check`, or `ignore` for a server that takes it nevertheless. Default: `check`.",
    ),
    row(
        "oauth.store",
        Kind::Word(&["file", "keyring", "command"]),
        "Where tokens rest: `file` in the folder for data, `keyring` in that of the desktop (Secret Service, Keychain, \
         Credential Manager), `command` for the two programs below. Default: `file`.",
    ),
    row(
        "oauth.store_load",
        Kind::Command,
        "Program that prints what is kept within 120 s, and succeeds without a word where nothing is. That it fails says nothing of what \
         is kept. The variable STORE_KEY names the account. Required by the store `command`.",
    ),
    row(
        "oauth.store_save",
        Kind::Command,
        "Program that keeps what it reads from standard input, within 120 s. Required by the store `command`.",
    ),
    row(
        "oauth.hooks.login_needed",
        Kind::Command,
        "Program that is run when a person has to log in; the variables HOOK_ACCOUNT and HOOK_USER say to what. It \
         is killed if it does not end within 120 s.",
    ),
    row(
        "oauth.hooks.token_changed",
        Kind::Command,
        "Program that is run when there is a new token, which `mailbearer token` then prints; with the same variables. \
         It is killed if it does not end within 120 s.",
    ),
    row(
        "imap.host",
        Kind::Text,
        "IMAP server: a DNS name or an IP address, which its certificate has to name. Default: the preset's.",
    ),
    row(
        "imap.port",
        Kind::Port,
        "Port of the IMAP server. Default: the preset's, or 993 for `implicit` and 143 for `starttls`.",
    ),
    row(
        "imap.tls",
        TLS,
        "How TLS starts: `implicit` at once, `starttls` by a command. Default: by the port, else the preset's, \
         else `implicit`.",
    ),
    row("pop3.host", Kind::Text, "POP3 server, as `imap.host`. Default: the preset's."),
    row(
        "pop3.port",
        Kind::Port,
        "Port of the POP3 server. Default: the preset's, or 995 for `implicit` and 110 for `starttls`.",
    ),
    row("pop3.tls", TLS, "How TLS starts, as `imap.tls`: `starttls` by STLS."),
    row("smtp.host", Kind::Text, "Submission server, as `imap.host`. Default: the preset's."),
    row(
        "smtp.port",
        Kind::Port,
        "Port of the submission server. Default: the preset's, or 465 for `implicit` and 587 for `starttls`.",
    ),
    row(
        "smtp.tls",
        TLS,
        "How TLS starts, as `imap.tls`. Default: by the port, else the preset's, else `starttls`.",
    ),
    row(
        "smtp.protocol",
        Kind::Word(&["smtp", "lmtp"]),
        "What the server speaks: `smtp`, or `lmtp` (RFC 2033), which answers for each recipient; its port has to be set. An \
         account for `lmtp` needs neither `password` nor the table `oauth`; without them it does not log in. Default: `smtp`.",
    ),
    row(
        "smtp.connections",
        Kind::Count,
        "Most connections at a time to the submission server, of all programs of this host that use the account. Default: the \
         preset's, 3 for Microsoft 365, and 3 where it says nothing.",
    ),
    row(
        "smtp.messages_per_minute",
        Kind::Count,
        "Most messages in a minute, counted before they are sent. Default: the preset's, 30 for Microsoft 365, and no limit \
         where it says nothing.",
    ),
    row("tls.ca_file", Kind::File, "PEM file of certificates to trust besides the built-in roots."),
    row(
        "timeouts.connect",
        Kind::Seconds,
        "Longest time for name look-up and TCP, and again for the TLS handshake. Default: 30.",
    ),
    row(
        "timeouts.read",
        Kind::Seconds,
        "Longest silence of a server. Default: what the protocol's standard asks for in each step.",
    ),
    row("timeouts.write", Kind::Seconds, "Longest time in which a server takes nothing. Default: 60."),
    row("timeouts.total", Kind::Seconds, "Longest time for one operation as a whole. Default: no limit."),
];

/// Other sources of a secret than the configuration itself, and what their values look like.
pub(crate) const SOURCES: &[(&str, Kind)] =
    &[("env", Kind::Text), ("file", Kind::File), ("command", Kind::Command)];

const TLS: Kind = Kind::Word(&["implicit", "starttls"]);
const GRANTS: Kind = Kind::Word(&[
    "client_credentials",
    "refresh_token",
    "password",
    "authorization_code",
    "device_code",
    "implicit",
    "managed_identity",
    "service_account",
]);

const fn row(path: &'static str, kind: Kind, about: &'static str) -> Row {
    Row { path, kind, secret: false, about }
}

const fn secret(path: &'static str, about: &'static str) -> Row {
    Row { path, kind: Kind::Text, secret: true, about }
}

impl Kind {
    /// What a value must be, to go behind the words "must be".
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text | Self::File => "a string".into(),
            Self::Count => "a number, 1 to 65535".into(),
            Self::Port => "a port number, 1 to 65535".into(),
            Self::Seconds => "a number of seconds above 0".into(),
            Self::Word(_) | Self::Provider => {
                let words: Vec<String> = self.words().iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Command => "a list of strings, the program first".into(),
        }
    }

    /// The words that it accepts; none if it accepts other values.
    pub(crate) fn words(self) -> Vec<&'static str> {
        match self {
            Self::Word(words) => words.to_vec(),
            Self::Provider => {
                let names = |provider: &Provider| {
                    [provider.name()].into_iter().chain(provider.aliases().iter().copied())
                };
                Provider::ALL.iter().flat_map(names).chain(["custom"]).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What can stand at a path below the account.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Table,
    /// A setting, or a source of a secret one.
    Value(Kind),
    /// Text, or a table of one of [`SOURCES`].
    Secret,
    Unknown,
}

/// What stands at `path`.
pub(crate) fn place(path: &str) -> Place {
    if let Some(row) = TABLE.iter().find(|row| row.path == path) {
        return if row.secret { Place::Secret } else { Place::Value(row.kind) };
    }
    if let Some((key, source)) = path.rsplit_once('.')
        && secret_at(key).is_some_and(|row| row.path == key)
        && let Some((_, kind)) = SOURCES.iter().find(|(name, _)| *name == source)
    {
        return Place::Value(*kind);
    }
    let below = |row: &Row| row.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    if TABLE.iter().any(below) { Place::Table } else { Place::Unknown }
}

/// The secret setting at `path`, or the one that `path` is a source of.
pub(crate) fn secret_at(path: &str) -> Option<&'static Row> {
    TABLE.iter().filter(|row| row.secret).find(|row| {
        path.strip_prefix(row.path).is_some_and(|rest| {
            rest.is_empty()
                || rest.strip_prefix('.').is_some_and(|rest| SOURCES.iter().any(|(name, _)| *name == rest))
        })
    })
}

/// Every path that an environment variable can set, with the kind of its value.
pub(crate) fn variables() -> impl Iterator<Item = (String, Kind)> {
    TABLE.iter().flat_map(|row| {
        let sources = SOURCES.iter().filter(|(_, kind)| row.secret && *kind != Kind::Command);
        let sources = sources.map(|(name, kind)| (format!("{}.{name}", row.path), *kind));
        let itself = (row.kind != Kind::Command).then(|| (row.path.to_owned(), row.kind));
        itself.into_iter().chain(sources)
    })
}

/// The environment variable of the setting at `path`.
pub(crate) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

/// The prefix of all our environment variables.
pub(crate) const PREFIX: &str = "MAILBEARER_";

/// A hint for the key `name`, which is not known in the table at `table` (empty for the account itself).
pub(crate) fn hint(table: &str, name: &str) -> String {
    let home = TABLE.iter().filter_map(|row| row.path.rsplit_once('.')).find(|(_, last)| *last == name);
    match (home, nearest(name, children(table))) {
        (Some((home, _)), _) if home != table => {
            format!("{name} belongs into the table {home} of the account")
        }
        (None, _) if !table.is_empty() && TABLE.iter().any(|row| row.path == name) => {
            format!("{name} belongs into the account itself, not into its table {table}")
        }
        (_, Some(near)) => format!("did you mean {near}?"),
        _ => format!("known here: {}", children(table).join(", ")),
    }
}

/// The candidate that `name` is most likely a misspelling of. A long name is compared with none: that takes the product of
/// both lengths.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // If up to a third of the letters are wrong, it is a misspelling; if more, another word.
    let length = name.chars().count();
    let most = length.div_ceil(3);
    if length > LONG {
        return None;
    }
    let may_be = |candidate: &&str| length.abs_diff(candidate.chars().count()) <= most;
    let candidates = candidates.into_iter().filter(may_be);
    let near = candidates.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}

/// The characters of the longest name that is compared with others.
const LONG: usize = 64;

/// The names that are known in the table at `table`.
fn children(table: &str) -> Vec<&'static str> {
    if secret_at(table).is_some_and(|row| row.path == table) {
        return SOURCES.iter().map(|(name, _)| *name).collect();
    }
    let below = TABLE.iter().filter_map(|row| match table {
        "" => Some(row.path),
        _ => row.path.strip_prefix(table)?.strip_prefix('.'),
    });
    let mut names: Vec<&str> = below.map(|path| path.split('.').next().unwrap_or(path)).collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_stands_where() {
        for (path, want) in [
            ("user", "Value(Text)"),
            ("imap.port", "Value(Port)"),
            ("oauth", "Table"),
            ("oauth.client_secret", "Secret"),
            ("oauth.client_secret.env", "Value(Text)"),
            ("oauth.client_secret.command", "Value(Command)"),
            ("oauth.client_secret.pipe", "Unknown"),
            ("oauth.client_secret.file.env", "Unknown"),
            ("oauth.client", "Unknown"),
            ("user.env", "Unknown"),
            ("", "Unknown"),
        ] {
            assert_eq!(format!("{:?}", place(path)), want, "{path}");
        }
        let secret = |path| secret_at(path).map(|row| row.path);
        assert_eq!(secret("oauth.refresh_token.file"), Some("oauth.refresh_token"));
        assert_eq!(secret("oauth.refresh_token"), Some("oauth.refresh_token"));
        assert_eq!(secret("oauth.refresh_tokens"), None);
        assert_eq!(secret("oauth.refresh_token..file"), None);
    }

    #[test]
    fn each_setting_is_there_once() {
        let mut names: Vec<String> = variables().map(|(path, _)| variable(&path)).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "two settings have the same variable");
        for row in TABLE {
            let is_key =
                |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"_.".contains(&octet);
            assert!(row.path.bytes().all(is_key) && row.path.split('.').count() <= 3, "{}", row.path);
            assert!(row.about.ends_with('.') && row.about.matches('`').count() % 2 == 0, "{}", row.path);
            assert!(
                !SOURCES.iter().any(|(source, _)| row.path.ends_with(&format!(".{source}"))),
                "{}",
                row.path
            );
        }
        // Rows of one table stand together, so that it has one heading.
        let mut tables: Vec<&str> =
            TABLE.iter().map(|row| row.path.rsplit_once('.').map_or("", |(table, _)| table)).collect();
        tables.dedup();
        let count = tables.len();
        tables.sort_unstable();
        tables.dedup();
        assert_eq!(tables.len(), count);
    }

    #[test]
    fn each_grant_of_the_library_is_a_word() {
        let grants: Vec<&str> = mailbearer::GrantType::ALL.iter().map(|grant| grant.name()).collect();
        assert_eq!(GRANTS.words(), grants);
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
    fn long_names_are_compared_with_none() {
        let [most, more, other] = [LONG, LONG + 1, 1 << 20].map(|count| "ü".repeat(count));
        assert_eq!(nearest(&most, [more.as_str()]), Some(more.as_str()));
        assert_eq!(nearest(&more, [more.as_str()]), None);
        // The comparison would need more memory than there is.
        assert_eq!(nearest(&other, [other.as_str()]), None);
        assert_eq!(nearest(&most, [other.as_str(), "x"]), None);
    }
}

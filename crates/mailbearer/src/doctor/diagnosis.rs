use mailbearer_oauth::{Claims, Endpoint};

use super::{Step, Subject};
use crate::{
    Account, Error, Login,
    advice::{self, Entry, Language, Who, commands},
    claims,
};

/// What a failed step means, and how to mend it.
#[derive(Clone, Copy, Debug)]
pub struct Diagnosis<'r> {
    step: &'r Step,
    facts: &'r Facts,
    entry: Option<&'static Entry>,
}

impl<'r> Diagnosis<'r> {
    pub(super) fn of(step: &'r Step, facts: &'r Facts) -> Self {
        Self { step, facts, entry: step.error().and_then(advice::of) }
    }

    /// Returns the step that showed it.
    #[must_use]
    pub const fn step(&self) -> &'r Step {
        self.step
    }

    /// Returns the failure itself.
    #[must_use]
    pub const fn error(&self) -> Option<&'r Error> {
        self.step.error()
    }

    /// Returns the entry of the catalogue. `None` for a failure that has none.
    #[must_use]
    pub const fn entry(&self) -> Option<&'static Entry> {
        self.entry
    }

    /// Returns the name of the entry, or `unexplained`.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.entry.map_or("unexplained", |entry| entry.id())
    }

    /// Returns what is wrong; if nothing more is known, what was seen.
    #[must_use]
    pub fn cause(&self, language: Language) -> &'r str {
        self.entry.map_or(self.step.detail(), |entry| entry.cause(language))
    }

    /// Returns what to do, with the account's values filled in.
    #[must_use]
    pub fn fix(&self, language: Language) -> String {
        self.entry
            .map(|entry| self.facts.fill(entry.fix(language), self.step.subject, false))
            .unwrap_or_default()
    }

    /// Returns who can do it.
    #[must_use]
    pub fn who(&self) -> &'static [Who] {
        self.entry.map_or(&[Who::Operator], |entry| entry.who())
    }

    /// Returns commands to type, in this order, with the account's values filled in: for PowerShell with the module
    /// ExchangeOnlineManagement, for a shell, or for a browser. Commands about the mailbox come before those about the
    /// whole organisation.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let facts = self.facts;
        let fits = |whose: commands::For| match whose {
            commands::For::Any => true,
            commands::For::Application => !facts.is_person,
            commands::For::Person => facts.is_person && facts.person.is_some(),
        };
        let templates = commands::of(self.id()).iter().filter(|(whose, _)| fits(*whose));
        templates.map(|(_, template)| facts.fill(template, self.step.subject, true)).collect()
    }
}

/// What is known of an account, to be filled in into advice.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// The mailbox.
    pub mailbox: String,
    /// The directory: its id, or one of its domains.
    pub tenant: Option<String>,
    /// The application.
    pub client_id: Option<String>,
    /// The object id of the application's service principal, as the token states it. `New-ServicePrincipal` wants this
    /// id.
    pub object_id: Option<String>,
    /// The person whose token it is.
    pub person: Option<String>,
    /// Whether the token is a person's rather than an application's own.
    pub is_person: bool,
    login_host: Option<String>,
    servers: Vec<(Subject, String)>,
}

impl Facts {
    pub(super) fn of(account: &Account) -> Self {
        let mut facts = Self { mailbox: account.user.clone(), ..Self::default() };
        let mut servers = Vec::new();
        if let Login::OAuth(oauth) = &account.login {
            facts.client_id = Some(oauth.client_id.clone()).filter(|id| !id.is_empty());
            facts.tenant = claims::tenant(&oauth.token_url).map(ToOwned::to_owned);
            if let Ok(endpoint) = Endpoint::parse(&oauth.token_url) {
                facts.login_host = Some(endpoint.host().to_owned());
                servers.push((Subject::Token, format!("{}:{}", endpoint.host(), endpoint.port())));
            }
        }
        let mail = [
            (Subject::Imap, &account.imap),
            (Subject::Smtp, &account.smtp),
            #[cfg(feature = "pop3")]
            (Subject::Pop3, &account.pop3),
        ];
        for (subject, server) in mail {
            if let Some(server) = server {
                servers.push((subject, format!("{}:{}", server.host, server.port)));
            }
        }
        facts.servers = servers;
        facts
    }

    /// Learns what a token says of itself.
    pub(super) fn learn(&mut self, claims: &Claims) {
        self.is_person = !claims.scopes.is_empty();
        self.person.clone_from(&claims.user);
        let learn = |known: &mut Option<String>, told: &Option<String>| {
            if let Some(told) = told {
                *known = Some(told.clone());
            }
        };
        learn(&mut self.client_id, &claims.app_id);
        learn(&mut self.object_id, &claims.object_id);
        learn(&mut self.tenant, &claims.tenant);
    }

    /// Fills the account's values in into `text`. Unknown ones stay placeholders. In a command, a value that a shell
    /// could take for more than one word is quoted, and text that may come from a peer never runs.
    fn fill(&self, text: &str, subject: Subject, is_command: bool) -> String {
        let server = self.servers.iter().find(|(own, _)| *own == subject).map(|(_, server)| server);
        let organisation = self.mailbox.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        // Connect-ExchangeOnline accepts a domain only.
        let tenant = match (is_command && text.contains("-Organization"), &organisation) {
            (true, Some(domain)) => Some(domain),
            _ => self.tenant.as_ref(),
        };
        let values = [
            ("MAILBOX", Some(&self.mailbox)),
            ("LOGIN-HOST", self.login_host.as_ref()),
            ("TENANT", tenant),
            ("CLIENT-ID", self.client_id.as_ref()),
            ("OBJECT-ID", self.object_id.as_ref()),
            ("PERSON", self.person.as_ref()),
            ("HOST", server),
        ];
        let is_address = text.starts_with("https://");
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_word = |name: &str| {
                let after = rest.get(name.len()..).and_then(|after| after.chars().next());
                rest.starts_with(name)
                    && !after.is_some_and(|next| next.is_ascii_alphanumeric() || next == '-')
                    && !filled.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '-')
            };
            let found = values.iter().find(|(name, _)| is_word(name));
            match found {
                Some((name, Some(value))) => {
                    match (is_command, is_address) {
                        (true, true) => filled.push_str(&escape_address(value)),
                        (true, false) => filled.push_str(&quoted(value)),
                        (false, _) => filled.push_str(&mailbearer_wire::printable(value)),
                    }
                    rest = rest.get(name.len()..).unwrap_or_default();
                }
                Some((name, None)) => {
                    filled.push_str(name);
                    rest = rest.get(name.len()..).unwrap_or_default();
                }
                None => {
                    filled.push(first);
                    rest = rest.get(first.len_utf8()..).unwrap_or_default();
                }
            }
        }
        filled
    }
}

/// Quotes a value so that PowerShell and a POSIX shell both read it as one word. No correct value needs quotes. In
/// others, PowerShell takes several characters for a quote.
fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@:+".contains(letter);
    if !value.is_empty() && !value.starts_with(['-', '@']) && value.chars().all(is_plain) {
        return value.to_owned();
    }
    let safe = |letter: char| match letter {
        '\'' | '\u{2018}'..='\u{201b}' | '\\' => '?',
        letter if mailbearer_wire::printable(letter.encode_utf8(&mut [0; 4])) == letter.to_string() => letter,
        _ => '?',
    };
    format!("'{}'", value.chars().map(safe).collect::<String>())
}

fn escape_address(value: &str) -> String {
    let mut escaped = String::new();
    for octet in value.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_.".contains(&octet) {
            escaped.push(octet.into());
        } else {
            escaped.push_str(&format!("%{octet:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_hold_the_account_and_nothing_that_runs() {
        let mut facts = Facts { mailbox: "robot@contoso.com".into(), ..Facts::default() };
        facts.tenant = Some("11111111-2222-3333-4444-555555555555".into());
        facts.client_id = Some("app".into());
        let fill = |facts: &Facts, text: &str| facts.fill(text, Subject::Imap, true);
        let rows = [
            (
                "Connect-ExchangeOnline -Organization TENANT",
                "Connect-ExchangeOnline -Organization contoso.com",
            ),
            (
                "New-ServicePrincipal -AppId CLIENT-ID -ObjectId OBJECT-ID",
                "New-ServicePrincipal -AppId app -ObjectId OBJECT-ID",
            ),
            ("Set-CASMailbox MAILBOX", "Set-CASMailbox robot@contoso.com"),
            (
                "https://LOGIN-HOST/TENANT/adminconsent?client_id=CLIENT-ID",
                "https://LOGIN-HOST/11111111-2222-3333-4444-555555555555/adminconsent?client_id=app",
            ),
            ("HOSTS and MAILBOXES", "HOSTS and MAILBOXES"),
        ];
        for (text, want) in rows {
            assert_eq!(fill(&facts, text), want);
        }
        for (value, want) in [
            ("a;rm -rf /", "'a;rm -rf /'"),
            ("$(calc)", "'$(calc)'"),
            ("a' ; calc", "'a? ; calc'"),
            ("a\u{2019}; calc", "'a?; calc'"),
            ("a\u{1b}[2J\n", "'a?[2J?'"),
            ("@x", "'@x'"),
            ("-x", "'-x'"),
            ("", "''"),
        ] {
            facts.object_id = Some(value.into());
            assert_eq!(fill(&facts, "-ObjectId OBJECT-ID"), format!("-ObjectId {want}"));
        }
        facts.client_id = Some("a&b=c#".into());
        assert!(fill(&facts, "https://x/?client_id=CLIENT-ID").ends_with("=a%26b%3Dc%23"));
    }
}

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use mailbearer::{
    Address, Security,
    trace::{TraceEvent, served},
};
use mailbearer_net::{ServerTls, Trace};

use super::{Network, PasswordHash};

/// How a relay behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Its name, in the greeting and in Received.
    pub name: String,
    /// TLS and how it starts; default `None`, a relay in the clear.
    pub tls: Option<(Mode, ServerTls)>,
    /// Whether clients on other machines may send messages and passwords in the clear; default false.
    pub plaintext: bool,
    /// Networks that may send without a login; default none. If this and [`users`](Self::users) are both empty, clients on this
    /// machine may send.
    pub allow_from: Vec<Network>,
    /// The users who may log in, by their login names; default none. The entry `@example.org` is for all names at that domain that
    /// have no entry of their own.
    pub users: BTreeMap<String, User>,
    /// The account for users without an account and for clients without a login; default `None`, the default account.
    pub default_account: Option<String>,
    /// What happens to a message that the provider refuses.
    pub refusals: Refusals,
    /// How much the relay accepts.
    pub limits: Limits,
    /// Who hears what is said with clients. Default nobody.
    pub observer: Option<Observer>,
}

/// Hears what is said with the clients of a relay. What they log in with, and what is no command, is hidden from it.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&TraceEvent<'_>) + Send + Sync>);

impl Observer {
    /// Calls `tell` with each event; the service of its place is `client`.
    pub fn new(tell: impl Fn(&TraceEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn watch(&self, client: SocketAddr, security: Security) -> Trace {
        let tell = Arc::clone(&self.0);
        served(client, security, move |event| tell(event))
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// How TLS starts on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "at once, by a command, or either")]
pub enum Mode {
    /// At once.
    Implicit,
    /// By the command STARTTLS.
    StartTls,
    /// At once or by STARTTLS, as the client likes. The relay greets a client in the clear that is silent for a quarter of a second.
    Both,
}

/// What happens to a message that the provider refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the sender hears of it at once or later")]
pub enum Refusals {
    /// The sender gets a report (RFC 3464).
    #[default]
    Bounce,
    /// The client gets the provider's words as its reply, for which it waits up to a minute. If that takes longer, the relay
    /// accepts the message, and reports a refusal as with [`Bounce`](Self::Bounce).
    Reply,
}

/// Someone who may log in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct User {
    /// The hash of the password.
    pub password: PasswordHash,
    /// The account to send by; `None` for [`Options::default_account`].
    pub account: Option<String>,
    /// The addresses, and domains such as `@example.org`, that the user may send as; empty for any. The user may always send with
    /// the null sender.
    pub senders: Vec<String>,
    /// Replaces the From of every message and the sender of its envelope.
    pub from: Option<Address>,
}

impl User {
    /// A user who may send as anyone, by the default account.
    #[must_use]
    pub const fn new(password: PasswordHash) -> Self {
        Self { password, account: None, senders: Vec::new(), from: None }
    }

    /// Whether the envelope's sender may be this one.
    #[must_use]
    pub fn may_send_as(&self, sender: &str) -> bool {
        let fits = |own: &String| match own.strip_prefix('@') {
            Some(domain) => sender.rsplit_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain)),
            None => own.eq_ignore_ascii_case(sender),
        };
        sender.is_empty() || self.senders.is_empty() || self.from.is_some() || self.senders.iter().any(fits)
    }
}

/// How much a relay accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Clients at once; default 1,000. More clients are refused with `421 4.3.2`.
    pub connections: usize,
    /// Clients at once from one address of another machine; default 50.
    pub connections_per_address: usize,
    /// Octets of a message; default 150 MiB.
    pub message: usize,
    /// Recipients of a message; default 500.
    pub recipients: usize,
    /// Failed logins before the relay locks an address out, or a user name for clients on this machine; default 10.
    pub failed_logins: u32,
    /// How long a lock-out lasts; default 10 minutes.
    pub lock_out: Duration,
    /// How long a client may be silent; default 5 minutes.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            connections_per_address: 50,
            message: 150 << 20,
            recipients: 500,
            failed_logins: 10,
            lock_out: Duration::from_secs(600),
            silence: Duration::from_secs(300),
        }
    }
}

impl Options {
    /// Options of a relay with this name that serves only this machine.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tls: None,
            plaintext: false,
            allow_from: Vec::new(),
            users: BTreeMap::new(),
            default_account: None,
            refusals: Refusals::default(),
            limits: Limits::default(),
            observer: None,
        }
    }

    /// Checks that listening on these addresses does not open the relay to strangers.
    ///
    /// # Errors
    ///
    /// Returns what an address that other machines can reach still needs: TLS, or both [`plaintext`](Self::plaintext) and
    /// [`allow_from`](Self::allow_from); and users or `allow_from`, since anyone could send otherwise.
    pub fn check(&self, addresses: &[SocketAddr]) -> Result<(), String> {
        let Some(open) = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) else {
            return Ok(());
        };
        let may_be_clear = self.plaintext && !self.allow_from.is_empty();
        if self.tls.is_none() && !may_be_clear {
            return Err(format!(
                "{open} is open to other machines: that takes TLS, or plaintext = true together with allow_from"
            ));
        }
        if self.users.is_empty() && self.allow_from.is_empty() {
            return Err(format!(
                "{open} is open to other machines, and anyone could send: that takes users or allow_from"
            ));
        }
        Ok(())
    }

    /// The user of a name at a login, if there is one.
    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        let domain = || name.rfind('@').and_then(|at| name.get(at..)).map(str::to_ascii_lowercase);
        self.users.get(name).or_else(|| self.users.get(&domain()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(senders: &[&str]) -> User {
        let hash = PasswordHash::of(&"x".into(), [0; 16]).unwrap();
        User { senders: senders.iter().map(|one| (*one).to_owned()).collect(), ..User::new(hash) }
    }

    #[test]
    fn is_not_open_to_others_by_oversight() {
        let options = |change: fn(&mut Options)| {
            let mut options = Options::new("mx");
            change(&mut options);
            options
        };
        let add_user = |options: &mut Options| drop(options.users.insert("u".into(), user(&[])));
        let allow = |options: &mut Options| options.allow_from.push("10.0.0.0/8".parse().unwrap());
        let rows: &[(&str, fn(&mut Options), bool)] =
            &[("nothing", |_| (), false), ("plaintext alone", |options| options.plaintext = true, false)];
        for (name, change, want) in rows {
            assert_eq!(options(*change).check(&["0.0.0.0:25".parse().unwrap()]).is_ok(), *want, "{name}");
            assert_eq!(
                options(*change).check(&["127.0.0.2:25".parse().unwrap(), "[::1]:25".parse().unwrap()]),
                Ok(())
            );
        }
        let mut open = options(|_| ());
        allow(&mut open);
        assert!(open.check(&["[::]:25".parse().unwrap()]).is_err(), "in the clear");
        open.plaintext = true;
        assert_eq!(open.check(&["[::]:25".parse().unwrap()]), Ok(()));
        let mut open = options(|options| options.plaintext = true);
        add_user(&mut open);
        assert!(open.check(&["192.168.0.1:25".parse().unwrap()]).is_err(), "passwords in the clear");
    }

    #[test]
    fn senders_are_limited_by_user() {
        let own = user(&["a@x.test", "@y.test"]);
        for (sender, want) in [
            ("a@x.test", true),
            ("A@X.test", true),
            ("b@x.test", false),
            ("b@Y.TEST", true),
            ("", true),
            ("b@z.y.test", false),
        ] {
            assert_eq!(own.may_send_as(sender), want, "{sender}");
        }
        assert!(user(&[]).may_send_as("any@x"));
        let mut options = Options::new("mx");
        options.users.insert("@x.test".into(), user(&["a@x.test"]));
        options.users.insert("own@x.test".into(), user(&[]));
        assert_eq!(options.user("b@X.test").unwrap().senders.len(), 1);
        assert!(options.user("own@x.test").unwrap().senders.is_empty());
        assert!(options.user("b@y.test").is_none() && options.user("b").is_none());
    }
}

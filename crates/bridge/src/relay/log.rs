use std::{
    fmt::Write as _,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

/// One line of a relay's log: for each connection, each message taken or refused, and each attempt to send one.
///
/// It holds no secret and no body. The words of clients and servers in it are not escaped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogLine {
    /// `connection`, `login`, `message`, `delivery`, `look`, `bounce` or `trouble`.
    pub kind: &'static str,
    /// What is known, in order: names and values.
    pub fields: Vec<(&'static str, String)>,
}

impl LogLine {
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self { kind, fields: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    pub(crate) fn client(self, address: IpAddr, user: Option<&str>) -> Self {
        let line = self.with("client", address);
        match user {
            Some(user) => line.with("user", user),
            None => line,
        }
    }
}

/// What a relay counted since it started.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Counters {
    pub(crate) connections: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) logins: AtomicU64,
    pub(crate) logins_failed: AtomicU64,
    pub(crate) messages: AtomicU64,
    pub(crate) messages_refused: AtomicU64,
    pub(crate) octets: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) deferred: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) bounces: AtomicU64,
}

impl Counters {
    /// As text, a line each: a name, a space, a number.
    #[must_use]
    pub fn text(&self) -> String {
        let rows = [
            ("connections", &self.connections),
            ("connections_refused", &self.connections_refused),
            ("logins", &self.logins),
            ("logins_failed", &self.logins_failed),
            ("messages", &self.messages),
            ("messages_refused", &self.messages_refused),
            ("octets", &self.octets),
            ("delivered", &self.delivered),
            ("deferred", &self.deferred),
            ("failed", &self.failed),
            ("unknown", &self.unknown),
            ("bounces", &self.bounces),
        ];
        rows.iter().fold(String::new(), |mut text, (name, count)| {
            // Writing to a String does not fail.
            let _ = writeln!(text, "mailbearer_relay_{name}_total {}", count.load(Ordering::Relaxed));
            text
        })
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

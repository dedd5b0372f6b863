//! Writes a transcript of what is said.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    mem,
    sync::{Mutex, PoisonError},
};

use mailbearer_net::{Security, TraceLine};
use mailbearer_wire::{Direction, TracePart};

use super::{CLIENT, TraceEvent, TraceKind};
use crate::{Account, Grant, Login, OAuth, Person, RedirectTo, claims};

/// Writes the events of a client as a transcript, which `mailbearer mock --play` plays and `mailbearer_mock::Recording`
/// reads. It has what the servers said, and what the client said up to its secrets. Tokens are replaced by worthless
/// ones that say the same of themselves, messages by as many meaningless octets. It does contain names of mailboxes and
/// servers, and headers that a listing shows. What clients of this process said
/// ([`served`](super::served)) is in the transcript too, but is not played.
///
/// If a write fails, the transcript ends, and [`failure`](Self::failure) returns the error.
pub struct Recorder<W: Write> {
    inner: Mutex<Inner<W>>,
}

struct Inner<W> {
    out: W,
    failure: Option<io::Error>,
    /// The connection to which the last lines belong.
    current: u64,
    exchanges: BTreeMap<u64, Exchange>,
    /// Connections on which a message is being sent, and how.
    sending: BTreeMap<u64, Sending>,
}

/// How a message is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// Up to a dot.
    Data,
    /// By BDAT, in a known number of octets.
    Chunk,
}

/// HTTP on one connection: what was said since the last request.
#[derive(Default)]
struct Exchange {
    asked: bool,
    head: Vec<Vec<u8>>,
    body: Vec<u8>,
    in_body: bool,
}

impl<W: Write> Recorder<W> {
    /// Begins a transcript of what a client of this account says and gets. If a person logged in to the account,
    /// whoever plays the transcript needs no login, but gets tokens as a robot.
    pub fn new(out: W, account: &Account) -> Self {
        Self::begin(out, settings(account))
    }

    /// Begins a transcript of a person's login. Whoever plays it logs in again: the transcript has the answers of the
    /// token endpoint, and not what the browser does.
    pub fn login(out: W, account: &Account) -> Self {
        let mut settings = settings(account);
        settings.extend(person(account));
        Self::begin(out, settings)
    }

    fn begin(out: W, settings: Vec<(&'static str, String)>) -> Self {
        let mut inner =
            Inner { out, failure: None, current: 0, exchanges: BTreeMap::new(), sending: BTreeMap::new() };
        inner.line("# Recorded by mailbearer. There are no secrets in it; names of mailboxes and servers, and what listings");
        inner.line("# show of messages, are. `mailbearer mock --play FILE` plays it, and prints the settings for a client.");
        for (name, value) in settings {
            if !value.is_empty() && !value.chars().any(char::is_control) {
                inner.line(&format!("--set {name} {value}--"));
            }
        }
        Self { inner: Mutex::new(inner) }
    }

    /// Writes one event.
    pub fn record(&self, event: &TraceEvent<'_>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let is_http = event.place.service == "token";
        match event.kind {
            TraceKind::Opening => {}
            TraceKind::Tls(_) => {
                inner.section(event);
                inner.line("--TLS--");
            }
            TraceKind::Line(line) if is_http => inner.http(event, line),
            TraceKind::Line(line) => {
                inner.section(event);
                inner.mail(event, line);
            }
            TraceKind::Closed => {
                inner.sending.remove(&event.connection);
                inner.answered(event.connection);
                inner.exchanges.remove(&event.connection);
            }
        }
    }

    /// Returns the error of a write that failed.
    pub fn failure(&self) -> Option<io::Error> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).failure.take()
    }
}

impl<W: Write> Inner<W> {
    /// Names the connection, if the last lines belong to another one.
    fn section(&mut self, event: &TraceEvent<'_>) {
        if self.current != event.connection {
            self.current = event.connection;
            self.line(&format!("--connection {} {}--", event.connection, event.place.service));
        }
    }

    fn mail(&mut self, event: &TraceEvent<'_>, line: &TraceLine) {
        // The client's side is `C:` in either role.
        let is_sent = (line.direction == Direction::Sent) != (event.place.service == CLIENT);
        if is_sent && event.place.service == "smtp" && self.message(event.connection, line) {
            return;
        }
        let who = if is_sent { 'C' } else { 'S' };
        let mut text = String::new();
        let mut parts = line.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                TracePart::Text(octets) => text.push_str(&escaped(octets)),
                // In place of a client's secret any octets match; a server's is replaced.
                TracePart::Secret(_) if is_sent => text.push_str("<any>"),
                TracePart::Secret(secret) => text.push_str(&escaped(&secret.stand_in)),
                TracePart::Bulk(count) => {
                    self.said(who, &mem::take(&mut text));
                    if is_sent {
                        self.line(&format!("--C {count}--"));
                    } else if parts.peek().is_none() && *count >= 2 {
                        // It ends a line, because what comes next, such as the dot of POP3, is only read at the start
                        // of one.
                        self.filled(count.saturating_sub(2));
                        self.said(who, "\\r\\n");
                    } else {
                        self.filled(*count);
                    }
                }
                TracePart::Closed => self.line("--close--"),
                TracePart::Reset => self.line("--reset--"),
                _ => {}
            }
        }
        if is_sent && event.place.service != CLIENT {
            text = wild(&text);
        }
        self.said(who, &text);
    }

    /// Writes one mark for a whole message that the client sends, because the next run's may have another length.
    /// Returns whether the line is part of a message.
    fn message(&mut self, connection: u64, line: &TraceLine) -> bool {
        let text = match line.parts.first() {
            Some(TracePart::Text(text)) => text.as_slice(),
            _ => &[],
        };
        let has_body = line.parts.iter().any(|part| matches!(part, TracePart::Bulk(_)));
        match self.sending.get(&connection) {
            Some(Sending::Data) => {
                if line.parts.len() == 1 && text == b".\r\n" {
                    self.sending.remove(&connection);
                }
                return true;
            }
            Some(Sending::Chunk) if has_body => return true,
            _ => {}
        }
        if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"BDAT ")) {
            self.sending.insert(connection, Sending::Chunk);
            self.line("--C BDAT--");
            return true;
        }
        self.sending.remove(&connection);
        if has_body {
            self.sending.insert(connection, Sending::Data);
            self.line("--C DATA--");
        }
        has_body
    }

    /// Writes a mark for `count` meaningless octets, which a decoder of base64 takes too.
    fn filled(&mut self, count: usize) {
        let text = if count > LINE { format!("{}\\r\\n", "x".repeat(LINE)) } else { "x".to_owned() };
        self.line(&format!("--S {count} {text}--"));
    }

    /// Writes a line of either side. `text` includes its end.
    fn said(&mut self, who: char, text: &str) {
        if text.is_empty() {
            return;
        }
        match text.strip_suffix("\\r\\n") {
            Some(text) => self.line(&format!("{who}: {text}")),
            None => self.line(&format!("{who}: {text}\\")),
        }
    }

    fn http(&mut self, event: &TraceEvent<'_>, line: &TraceLine) {
        if line.direction == Direction::Sent {
            // A request after an answer, on the same connection.
            if self.exchanges.get(&event.connection).is_some_and(|exchange| !exchange.head.is_empty()) {
                self.answered(event.connection);
            }
            let exchange = self.exchanges.entry(event.connection).or_default();
            if !mem::replace(&mut exchange.asked, true) {
                self.section(event);
                self.line("--C HTTP--");
            }
            return;
        }
        let exchange = self.exchanges.entry(event.connection).or_default();
        for part in &line.parts {
            match part {
                TracePart::Text(text) if !exchange.in_body => {
                    let text = text.trim_ascii_end();
                    exchange.in_body = text.is_empty();
                    exchange.head.push(text.to_vec());
                }
                TracePart::Secret(secret) => exchange.body.extend_from_slice(&secret.stand_in),
                _ => {}
            }
        }
    }

    /// Writes an answer as a whole, because its body and length were replaced.
    fn answered(&mut self, connection: u64) {
        let Some(exchange) = self.exchanges.get_mut(&connection) else { return };
        let Exchange { head, body, .. } = mem::take(exchange);
        let mut lines = head.into_iter().filter(|line| !line.is_empty());
        let Some(status) = lines.next() else { return };
        if self.current != connection {
            self.current = connection;
            self.line(&format!("--connection {connection} token--"));
        }
        self.said('S', &format!("{}\\r\\n", escaped(&status)));
        for line in lines {
            let name = line.split(|&octet| octet == b':').next().unwrap_or_default().to_ascii_lowercase();
            if !OMITTED.contains(&name.as_slice()) {
                self.said('S', &format!("{}\\r\\n", escaped(&line)));
            }
        }
        self.line(&format!("S: Content-Length: {}", body.len()));
        self.line("S:");
        self.said('S', &escaped(&body));
    }

    fn line(&mut self, text: &str) {
        if self.failure.is_none()
            && let Err(error) = writeln!(self.out, "{text}").and_then(|()| self.out.flush())
        {
            self.failure = Some(error);
        }
    }
}

/// Escapes octets as a line of a transcript requires.
fn escaped(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for (at, &octet) in octets.iter().enumerate() {
        match octet {
            b'\\' => text.push_str("\\\\"),
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'<' => {
                let rest = octets.get(at..).unwrap_or_default();
                let is_word = rest.starts_with(b"<any>") || rest.starts_with(b"<tag");
                text.push_str(if is_word { "\\<" } else { "<" });
            }
            b' '..=b'~' => text.push(octet.into()),
            _ => text.push_str(&format!("\\x{octet:02x}")),
        }
    }
    text
}

/// Makes whatever differs from run to run, or from machine to machine, match any octets.
fn wild(text: &str) -> String {
    for (start, rest) in [("EHLO ", "EHLO "), ("MAIL FROM:", " SIZE=")] {
        if text.starts_with(start)
            && let Some(at) = text.find(rest)
        {
            let kept = text.get(..at.saturating_add(rest.len())).unwrap_or_default();
            return format!("{kept}<any>\\r\\n");
        }
    }
    text.to_owned()
}

/// Returns what a client needs to be told to say the same again. It holds no secrets.
fn settings(account: &Account) -> Vec<(&'static str, String)> {
    let mut settings =
        vec![("MAILBEARER_PROVIDER", "custom".to_owned()), ("MAILBEARER_USER", account.user.clone())];
    match &account.login {
        Login::Password(_) => settings.push(("MAILBEARER_PASSWORD", "replayed-password".to_owned())),
        Login::OAuth(oauth) => {
            let path = oauth.token_url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
            settings.push(("TOKEN_PATH", format!("/{}", path.map_or("token", |(_, path)| path))));
            settings.push(("MAILBEARER_OAUTH_CLIENT_ID", oauth.client_id.clone()));
            settings.push(("MAILBEARER_OAUTH_SCOPE", oauth.scope.clone()));
            let tenant = claims::tenant(&oauth.token_url).unwrap_or_default();
            settings.push(("MAILBEARER_OAUTH_TENANT", tenant.to_owned()));
        }
        Login::Source(_) | Login::Nothing => {}
    }
    let servers = [
        ("MAILBEARER_IMAP_TLS", &account.imap),
        ("MAILBEARER_SMTP_TLS", &account.smtp),
        #[cfg(feature = "pop3")]
        ("MAILBEARER_POP3_TLS", &account.pop3),
    ];
    for (name, server) in servers {
        if let Some(server) = server {
            let tls = if server.security == Security::Implicit { "implicit" } else { "starttls" };
            settings.push((name, tls.to_owned()));
        }
    }
    settings
}

/// Returns the settings that a client needs besides, for a person to log in.
fn person(account: &Account) -> Vec<(&'static str, String)> {
    let Login::OAuth(OAuth { grant: Grant::Person(person), .. }) = &account.login else { return Vec::new() };
    let grant = match &**person {
        Person { implicit: true, .. } => "implicit",
        Person { prefers_code: true, .. } => "device_code",
        _ => "authorization_code",
    };
    let redirect = match &person.redirect {
        RedirectTo::Pasted(address) => ("MAILBEARER_OAUTH_REDIRECT_URI", address.clone()),
        RedirectTo::Loopback { host, .. } => ("MAILBEARER_OAUTH_REDIRECT_HOST", host.clone()),
    };
    let name = person.name.clone().unwrap_or_default();
    vec![("MAILBEARER_OAUTH_GRANT", grant.to_owned()), redirect, ("MAILBEARER_OAUTH_USERNAME", name)]
}

/// Octets of a line of base64 (RFC 2045 section 6.8).
const LINE: usize = 76;
/// Fields of an answer that make no sense with another body, or may name the client.
const OMITTED: [&[u8]; 5] =
    [b"content-length", b"transfer-encoding", b"connection", b"set-cookie", b"content-encoding"];

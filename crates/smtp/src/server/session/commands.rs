//! What each command leads to.

use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::{String, ToString},
    vec::Vec,
};

use mailbearer_wire::RecvBuf;

use super::{
    super::{Answer, Command, CommandError, Event, Limits, Parameter},
    End, Next, Owed, Session, State, Transaction,
};
use crate::{Capability, ServerLimits};

impl Session {
    pub(super) fn command(&mut self, line: &[u8], rx: &mut RecvBuf) -> Next {
        let Limits { command, auth, .. } = self.options.limits;
        if line.len() > if is_auth(line) { auth } else { command } {
            return self.refuse_by(|wording| &wording.line_too_long);
        }
        let parse = if self.options.lenient { Command::parse_lenient } else { Command::parse };
        let command = parse(line);
        if let Ok(command) = &command
            && is_chatter(command)
        {
            self.chatter = self.chatter.saturating_add(1);
            if self.chatter > self.options.limits.chatter {
                let _ = self.say_by(|wording| &wording.chatter);
                return (State::Closing, self.give_up());
            }
        }
        match command {
            // Whoever reached this by a browser may have a whole session in the body of a request.
            Err(CommandError::Unknown) if is_http(line) => {
                let _ = self.say_by(|wording| &wording.http);
                (State::Closing, self.give_up())
            }
            Err(CommandError::Unknown) => self.refuse_by(|wording| &wording.unknown),
            // Nobody knows where its octets end.
            Err(CommandError::Syntax(_)) if is_verb(line, b"BDAT") => {
                let _ = self.say_by(|wording| &wording.arguments);
                (State::Closing, self.give_up())
            }
            Err(CommandError::Syntax(_)) => self.refuse_by(|wording| &wording.arguments),
            Ok(Command::Ehlo(_) | Command::Helo(_)) if self.options.lmtp => {
                self.refuse_by(|wording| &wording.unknown)
            }
            Ok(Command::Lhlo(_)) if !self.options.lmtp => self.refuse_by(|wording| &wording.unknown),
            Ok(Command::Ehlo(name) | Command::Lhlo(name)) => self.greet(&name, true),
            Ok(Command::Helo(name)) => self.greet(&name, false),
            Ok(Command::StartTls) => self.starttls(rx),
            Ok(Command::Auth { mechanism, initial }) => {
                self.auth(&mechanism, initial.as_ref().map(|initial| initial.expose().as_slice()))
            }
            Ok(Command::Mail { sender, parameters }) => self.mail(sender, parameters),
            Ok(Command::Rcpt { recipient, parameters }) => self.rcpt(recipient, parameters),
            Ok(Command::Data) => match self.transaction {
                Transaction::None => self.refuse_by(|wording| &wording.mail_first),
                Transaction::Begun { recipients: 0 } => self.refuse_by(|wording| &wording.recipient_first),
                // RFC 3030 section 3.
                Transaction::Begun { .. } if self.binary => self.refuse_by(|wording| &wording.not_by_data),
                Transaction::Begun { .. } => (State::Owed(Owed::Data), Some(Event::Data)),
                Transaction::Chunked { .. } => self.refuse_by(|wording| &wording.sequence),
            },
            Ok(Command::Bdat { size, last }) => self.bdat(size, last),
            Ok(Command::Rset) => {
                let state = self.say_by(|wording| &wording.reset);
                (state, self.give_up())
            }
            Ok(Command::Noop) => (self.say_by(|wording| &wording.noop), None),
            Ok(Command::Vrfy(_)) => (self.say_by(|wording| &wording.verify), None),
            Ok(Command::Quit) => {
                let _ = self.say_by(|wording| &wording.quit);
                self.end = Some(End::Quit);
                (State::Closing, None)
            }
        }
    }

    fn greet(&mut self, client: &str, extended: bool) -> Next {
        self.hello = Some((client.to_owned(), extended));
        let mut text = format!("{} {} {client}", self.options.name, self.options.wording.hello);
        if extended {
            for line in self.capabilities() {
                text.push('\n');
                text.push_str(&line);
            }
        }
        let state = self.say(&Answer { code: 250, text: Cow::Owned(text) });
        (state, self.give_up())
    }

    fn capabilities(&self) -> Vec<Cow<'static, str>> {
        let options = &self.options;
        let mut lines: Vec<Cow<'static, str>> = Vec::from([
            Cow::Owned(format!("SIZE {}", options.limits.message)),
            Cow::Borrowed("PIPELINING"),
            Cow::Borrowed("ENHANCEDSTATUSCODES"),
            Cow::Borrowed("8BITMIME"),
        ]);
        lines.extend(options.dsn.then_some(Cow::Borrowed("DSN")));
        lines.extend(options.smtputf8.then_some(Cow::Borrowed("SMTPUTF8")));
        lines.extend(options.chunking.then_some(Cow::Borrowed("CHUNKING")));
        lines.extend(self.is_binary_offered().then_some(Cow::Borrowed("BINARYMIME")));
        lines.extend(self.is_requiretls_offered().then_some(Cow::Borrowed("REQUIRETLS")));
        if let Some(least) = options.deliver_by {
            let least = Some(least).filter(|least| *least > 0);
            lines.push(Cow::Owned(Capability::DeliverBy(least).to_string()));
        }
        if options.told_limits != ServerLimits::default() {
            lines.push(Cow::Owned(Capability::Limits(options.told_limits).to_string()));
        }
        lines.extend(self.may_start_tls().then_some(Cow::Borrowed("STARTTLS")));
        if self.takes_credentials() && !options.mechanisms.is_empty() {
            let names: Vec<&str> = options.mechanisms.iter().map(|mechanism| mechanism.name()).collect();
            lines.push(Cow::Owned(format!("AUTH {}", names.join(" "))));
        }
        let is_offered = |line: &&Cow<'_, str>| self.takes_credentials() || !line.starts_with("AUTH");
        lines.extend(options.extensions.iter().filter(is_offered).cloned());
        lines
    }

    const fn is_binary_offered(&self) -> bool {
        self.options.chunking && self.options.binarymime
    }

    /// RFC 8689 section 4.1: only over TLS.
    const fn is_requiretls_offered(&self) -> bool {
        self.options.requiretls && self.tls
    }

    fn may_start_tls(&self) -> bool {
        self.options.security.is_some() && !self.tls
    }

    pub(super) fn takes_credentials(&self) -> bool {
        self.tls || self.options.security.is_none() || self.options.clear_credentials
    }

    fn starttls(&mut self, rx: &mut RecvBuf) -> Next {
        if !self.may_start_tls() {
            return self.refuse_by(|wording| &wording.sequence);
        }
        if self.options.lenient {
            rx.consume_secret(rx.unread().len());
        }
        if !rx.unread().is_empty() {
            let _ = self.say_by(|wording| &wording.bytes_before_tls);
            return (State::Closing, None);
        }
        let _ = self.say_by(|wording| &wording.starttls);
        (State::Handshake, self.give_up())
    }

    fn mail(&mut self, sender: String, parameters: Vec<Parameter>) -> Next {
        if self.hello.is_none() {
            return self.refuse_by(|wording| &wording.hello_first);
        }
        if self.options.require_tls && !self.tls {
            return self.refuse_by(|wording| &wording.tls_first);
        }
        if self.options.login && !self.authenticated {
            return self.refuse_by(|wording| &wording.login_first);
        }
        if self.transaction != Transaction::None {
            return self.refuse_by(|wording| &wording.sequence);
        }
        let options = &self.options;
        let offered = |own: &Parameter| match own.keyword.as_str() {
            "SIZE" => true,
            "BODY" => {
                let value = own.value.as_deref().unwrap_or_default();
                let is = |name: &str| value.eq_ignore_ascii_case(name);
                if is("BINARYMIME") {
                    self.is_binary_offered()
                } else {
                    options.lenient || is("7BIT") || is("8BITMIME")
                }
            }
            "REQUIRETLS" => self.is_requiretls_offered(),
            "BY" => options.deliver_by.is_some(),
            "AUTH" => !options.mechanisms.is_empty(),
            "RET" | "ENVID" => options.dsn,
            "SMTPUTF8" => options.smtputf8,
            _ => false,
        };
        if !parameters.iter().all(offered) {
            return self.refuse_by(|wording| &wording.parameter);
        }
        let value = |name| parameters.iter().find(|own| own.keyword == name);
        let size = value("SIZE").map(|size| size.value.as_deref().unwrap_or_default().parse::<usize>());
        match size {
            // A number past all bounds is past ours.
            Some(Err(error)) if *error.kind() != core::num::IntErrorKind::PosOverflow => {
                return self.refuse_by(|wording| &wording.arguments);
            }
            Some(Ok(size)) if size <= options.limits.message => {}
            Some(_) => return self.refuse_by(|wording| &wording.message_too_large),
            None => {}
        }
        if let Some(by) = value("BY") {
            let least = options.deliver_by.unwrap_or_default();
            match deliver_by(by.value.as_deref().unwrap_or_default()) {
                None => return self.refuse_by(|wording| &wording.arguments),
                Some((seconds, true)) if u64::from(seconds) < least.max(1) => {
                    return self.refuse_by(|wording| &wording.too_soon);
                }
                Some(_) => {}
            }
        }
        if options.told_limits.messages.is_some_and(|most| self.messages >= most) {
            return self.refuse_by(|wording| &wording.limits);
        }
        let binary = value("BODY").and_then(|body| body.value.as_deref());
        let binary = binary.is_some_and(|body| body.eq_ignore_ascii_case("BINARYMIME"));
        if !sender.is_ascii() && value("SMTPUTF8").is_none() {
            return self.refuse_by(|wording| &wording.smtputf8);
        }
        self.binary = binary;
        (State::Owed(Owed::Mail), Some(Event::Mail { sender, parameters }))
    }

    fn rcpt(&mut self, recipient: String, parameters: Vec<Parameter>) -> Next {
        let recipients = match self.transaction {
            Transaction::Begun { recipients } => recipients,
            Transaction::None => return self.refuse_by(|wording| &wording.mail_first),
            Transaction::Chunked { .. } => return self.refuse_by(|wording| &wording.sequence),
        };
        let dsn = self.options.dsn;
        if !parameters.iter().all(|own| dsn && matches!(own.keyword.as_str(), "NOTIFY" | "ORCPT")) {
            return self.refuse_by(|wording| &wording.parameter);
        }
        let told = self.options.told_limits;
        let most = told.recipients.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        if recipients >= self.options.limits.recipients.min(most) {
            return self.refuse_by(|wording| &wording.recipients);
        }
        if let Some(most) = told.recipient_domains {
            let domain = recipient.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
            let count = u64::try_from(self.domains.len()).unwrap_or(u64::MAX);
            if !self.domains.contains(&domain) && count >= most {
                return self.refuse_by(|wording| &wording.limits);
            }
            self.domains.insert(domain);
        }
        (State::Owed(Owed::Recipient), Some(Event::Recipient { recipient, parameters }))
    }
}

pub(super) fn is_auth(line: &[u8]) -> bool {
    is_verb(line, b"AUTH")
}

fn is_verb(line: &[u8], verb: &[u8]) -> bool {
    line.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
}

/// `by-value = by-time ";" by-mode [by-trace]` (RFC 2852 section 4): seconds, and whether a late message comes back. A time that
/// has passed already is 0.
fn deliver_by(value: &str) -> Option<(u32, bool)> {
    let (time, mode) = value.split_once(';')?;
    let (is_past, digits) = match time.as_bytes().first()? {
        b'-' => (true, time.get(1..)?),
        b'+' => (false, time.get(1..)?),
        _ => (false, time),
    };
    if !(1..=9).contains(&digits.len()) || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let seconds = if is_past { 0 } else { digits.parse().ok()? };
    match mode.to_ascii_uppercase().as_str() {
        "R" | "RT" => Some((seconds, true)),
        "N" | "NT" => Some((seconds, false)),
        _ => None,
    }
}

/// Whether a client may say this for ever without sending anything.
const fn is_chatter(command: &Command) -> bool {
    matches!(
        command,
        Command::Ehlo(_)
            | Command::Helo(_)
            | Command::Lhlo(_)
            | Command::Rset
            | Command::Noop
            | Command::Vrfy(_)
    )
}

/// Whether it is of an HTTP request: the first line, whatever its method, or a line of its header.
fn is_http(line: &[u8]) -> bool {
    let mut words = line.split(|octet| octet.is_ascii_whitespace());
    let is_header = words.next().is_some_and(|first| first.ends_with(b":"));
    let methods: [&[u8]; 9] =
        [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"CONNECT ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"TRACE "];
    is_header
        || words.any(|word| is_verb(word, b"HTTP/"))
        || methods.iter().any(|method| is_verb(line, method))
}

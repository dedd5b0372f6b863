use std::{net::IpAddr, sync::Arc};

use mailbearer::{
    Address, Envelope,
    proto::{
        sasl::server::Login,
        smtp::{
            Dsn, Notify, Returned,
            server::{Answer, Event, Parameter},
        },
    },
};

use super::{
    LogLine, Options, Refusals, User,
    header::{Rewrite, Unfit, rewrite},
    log::{add, count},
    outgoing::Promise,
    peer::Peer,
    server::Shared,
};
use crate::spool::{self, Fate, Report, State, Writer, now, random};

/// What a relay knows of one client: who it is, and the message that it hands over.
///
/// It has no socket. [`on`](Self::on) answers what can be decided at once; what takes a while is [`Work`].
pub(crate) struct Reception {
    shared: Arc<Shared>,
    options: Arc<Options>,
    address: IpAddr,
    peer: Peer,
    user: Option<(String, User)>,
    envelope: Envelope,
    incoming: Option<Incoming>,
    messages: u64,
}

/// A message on its way in.
struct Incoming {
    writer: Writer,
    /// The start of the message, while its header has not ended.
    start: Option<Vec<u8>>,
    octets: u64,
    /// Why it is not taken. The client hears it at the end of the message.
    problem: Option<Answer>,
}

/// What an event asks for.
pub(crate) enum Next {
    Answer(Answer),
    /// Nothing is to be said.
    Nothing,
    Work(Work),
}

/// What blocks: Argon2, or the disk.
pub(crate) enum Work {
    Login(Login),
    Begin,
    Commit,
}

/// What came of it.
pub(crate) enum Done {
    Answer(Answer),
    /// The message is taken, and the client waits for what the provider says to it.
    Promise(Promise),
}

impl Reception {
    pub(crate) fn new(shared: Arc<Shared>, options: Arc<Options>, address: IpAddr) -> Self {
        let envelope = Envelope::default();
        Self {
            shared,
            options,
            address,
            peer: Peer::default(),
            user: None,
            envelope,
            incoming: None,
            messages: 0,
        }
    }

    /// Whether a message was begun and not yet ended.
    pub(crate) fn is_busy(&self) -> bool {
        self.incoming.is_some() || !self.envelope.recipients.is_empty()
    }

    pub(crate) fn on(&mut self, event: Event) -> Next {
        let answer = match event {
            Event::Login { login, .. } => {
                if self.shared.guard.is_locked_out(self.address, &login.user, &self.options.limits) {
                    count(&self.shared.counters.logins_failed);
                    Answer::new(454, "4.7.0 Too many failed logins, try again later")
                } else if self.shared.guard.knows(&login.user, &login.secret, &self.options) {
                    self.let_in(&login.user)
                } else {
                    return Next::Work(Work::Login(login));
                }
            }
            Event::Mail { sender, parameters } => self.mail(&sender, &parameters),
            Event::Recipient { recipient, parameters } => self.recipient(recipient, &parameters),
            Event::Data => return Next::Work(Work::Begin),
            Event::Content(piece) => {
                self.content(&piece);
                return Next::Nothing;
            }
            Event::EndOfContent => return Next::Work(Work::Commit),
            Event::Reset => {
                self.give_up();
                return Next::Nothing;
            }
            _ => Answer::new(502, "5.5.1 Not done here"),
        };
        Next::Answer(answer)
    }

    pub(crate) fn work(&mut self, work: Work) -> Done {
        match work {
            Work::Login(login) => Done::Answer(self.login(&login)),
            Work::Begin => Done::Answer(self.begin()),
            Work::Commit => {
                let done = self.commit();
                if let Done::Answer(answer) = &done
                    && !answer.is_positive()
                {
                    self.refused(&answer.text);
                }
                self.forget();
                done
            }
        }
    }

    /// Learns what is known of the client by now.
    pub(crate) fn meet(&mut self, hello: Option<(&str, bool)>, tls: Option<(u16, u16)>) {
        self.peer.meet(hello, tls);
    }

    /// The line for the log when the client has gone.
    pub(crate) fn farewell(&mut self, end: &str) -> LogLine {
        self.give_up();
        let line = self.line("connection").with("hello", &self.peer.name).with("tls", self.peer.tls());
        line.with("messages", self.messages).with("end", end)
    }

    fn line(&self, kind: &'static str) -> LogLine {
        let user = self.user.as_ref().map(|(name, _)| name.as_str());
        LogLine::new(kind).client(self.address, user)
    }

    /// Says that a message was not taken.
    fn refused(&self, reason: &str) {
        count(&self.shared.counters.messages_refused);
        let line = self.line("message").with("sender", &self.envelope.sender).with("result", "refused");
        self.shared.tell(line.with("reply", reason));
    }

    /// Forgets a message that the client or the session broke off.
    fn give_up(&mut self) {
        if let Some(incoming) = &self.incoming {
            let limit = u64::try_from(self.options.limits.message).unwrap_or(u64::MAX);
            self.refused(match incoming.octets > limit {
                true => "it is too large",
                false => "it was broken off, is too large, or has a bare CR or LF",
            });
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.incoming = None;
        self.envelope = Envelope::default();
    }

    fn login(&mut self, login: &Login) -> Answer {
        let shared = &self.shared;
        if !shared.guard.check(self.address, &login.user, &login.secret, &self.options) {
            count(&shared.counters.logins_failed);
            let line = LogLine::new("login").client(self.address, Some(&login.user));
            shared.tell(line.with("result", "refused"));
            return Answer::new(535, "5.7.8 User name or password is wrong");
        }
        self.let_in(&login.user)
    }

    fn let_in(&mut self, name: &str) -> Answer {
        count(&self.shared.counters.logins);
        self.user = self.options.user(name).map(|user| (name.to_owned(), user.clone()));
        Answer::new(235, "2.7.0 Logged in")
    }

    fn account(&self) -> Option<&str> {
        let own = self.user.as_ref().and_then(|(_, user)| user.account.as_deref());
        own.or(self.options.default_account.as_deref())
    }

    fn own_address(&self) -> String {
        self.shared.accounts().address(self.account()).unwrap_or_default().to_owned()
    }

    fn mail(&mut self, sender: &str, parameters: &[Parameter]) -> Answer {
        let fixed = self.user.as_ref().and_then(|(_, user)| user.from.as_ref());
        let sender = match fixed {
            // Reports of failures have no sender.
            _ if sender.is_empty() => String::new(),
            Some(from) => from.address().to_owned(),
            None if !sender.contains('@') => self.own_address(),
            None => sender.to_owned(),
        };
        if !sender.is_empty() && Address::new(&sender).is_err() {
            return Answer::new(553, "5.1.7 This is no address to send from");
        }
        if let Some((_, user)) = &self.user
            && !user.may_send_as(&sender)
        {
            return Answer::new(553, "5.7.1 You may not send in this name");
        }
        let mut envelope = Envelope::new(sender, [""; 0]);
        for Parameter { keyword, value } in parameters {
            let value = value.as_deref().unwrap_or_default();
            match keyword.as_str() {
                "SIZE" => envelope.size = value.parse().ok(),
                "SMTPUTF8" => envelope.smtp_utf8 = true,
                "RET" if value.eq_ignore_ascii_case("FULL") => envelope.dsn.returned = Some(Returned::Full),
                "RET" if value.eq_ignore_ascii_case("HDRS") => envelope.dsn.returned = Some(Returned::Header),
                "ENVID" => envelope.dsn.envelope_id = unxtext(value),
                _ => {}
            }
        }
        self.envelope = envelope;
        Answer::new(250, "2.1.0 OK")
    }

    fn recipient(&mut self, recipient: String, parameters: &[Parameter]) -> Answer {
        if Address::new(&recipient).is_err() {
            return Answer::new(553, "5.1.3 This is no address to send to");
        }
        if !recipient.is_ascii() && !self.envelope.smtp_utf8 {
            return Answer::new(553, "5.6.7 The address needs SMTPUTF8");
        }
        let value = |keyword| parameters.iter().find(|one| one.keyword == keyword)?.value.as_deref();
        if !self.envelope.recipients.contains(&recipient) {
            let dsn = &mut self.envelope.dsn;
            if let Some(notify) = value("NOTIFY") {
                dsn.notify_of.push((recipient.clone(), Some(wanted(notify))));
            }
            if let Some(original) = value("ORCPT").and_then(original) {
                dsn.original_recipients.push((recipient.clone(), original));
            }
            self.envelope.recipients.push(recipient);
        }
        Answer::new(250, "2.1.5 OK")
    }

    fn begin(&mut self) -> Answer {
        match self.shared.spool.begin(&self.envelope, self.account()) {
            Ok(writer) => {
                self.incoming = Some(Incoming { writer, start: Some(Vec::new()), octets: 0, problem: None });
                Answer::new(354, "Go ahead, and end with a lone dot")
            }
            Err(error) => self.no_room(&error),
        }
    }

    /// The answer where the spool fails. The log has the reason.
    fn no_room(&self, error: &spool::Error) -> Answer {
        self.shared.tell(LogLine::new("trouble").with("spool", error));
        if error.is_transient() {
            Answer::new(452, "4.3.1 There is no room for it now")
        } else {
            Answer::new(451, "4.3.0 It can't be kept now")
        }
    }

    fn content(&mut self, piece: &[u8]) {
        let Some(incoming) = &mut self.incoming else { return };
        incoming.octets = incoming.octets.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if incoming.problem.is_some() {
            return;
        }
        let Some(start) = &mut incoming.start else {
            let written = incoming.writer.write(piece);
            return self.note(written);
        };
        // The end of the header may be cut in two by the pieces.
        let seen = start.len().saturating_sub(3);
        start.extend_from_slice(piece);
        let has_ended = start.starts_with(b"\r\n")
            || start.get(seen..).unwrap_or_default().windows(4).any(|end| end == b"\r\n\r\n");
        if has_ended {
            self.end_of_header();
        } else if start.len() > HEADER {
            incoming.problem = Some(Answer::new(552, "5.3.4 The header is too large"));
            incoming.start = None;
        }
    }

    fn end_of_header(&mut self) {
        let own = self.own_address();
        let Some(incoming) = &mut self.incoming else { return };
        let Some(start) = incoming.start.take() else { return };
        let received = format!(
            "Received: from {}\r\n by {} with {} id {};\r\n {}\r\n",
            self.peer.from(self.address),
            self.options.name,
            self.peer.with(self.user.is_some(), self.envelope.smtp_utf8),
            incoming.writer.id(),
            now().map_or_else(String::new, |now| now.to_string()),
        );
        let how = Rewrite {
            received,
            own: &own,
            from: self.user.as_ref().and_then(|(_, user)| user.from.as_ref()),
            host: &self.options.name,
            random: random(),
        };
        match rewrite(&start, &how) {
            Ok(octets) => {
                let written = incoming.writer.write(&octets);
                self.note(written);
            }
            Err(Unfit::Loop) => {
                incoming.problem = Some(Answer::new(554, "5.4.6 This message goes in a circle"))
            }
            Err(Unfit::Header) => incoming.problem = Some(Answer::new(554, "5.6.0 The header can't be read")),
        }
    }

    fn note(&mut self, written: Result<(), spool::Error>) {
        if let Err(error) = written {
            let answer = self.no_room(&error);
            if let Some(incoming) = &mut self.incoming {
                incoming.problem = Some(answer);
            }
        }
    }

    /// Takes the message: the answer is positive once it is on the disk.
    fn commit(&mut self) -> Done {
        // A message may be all header.
        self.end_of_header();
        let Some(Incoming { writer, octets, problem, .. }) = self.incoming.take() else {
            return Done::Answer(Answer::new(451, "4.3.0 There is no message"));
        };
        if let Some(problem) = problem {
            return Done::Answer(problem);
        }
        let shared = Arc::clone(&self.shared);
        let waits = self.options.refusals == Refusals::Reply;
        let promise = waits.then(|| shared.outgoing.promise(writer.id())).flatten();
        let id = match writer.commit() {
            Ok(id) => id,
            Err(error) => {
                promise.iter().for_each(|promise| shared.outgoing.release(promise));
                return Done::Answer(self.no_room(&error));
            }
        };
        count(&shared.counters.messages);
        add(&shared.counters.octets, octets);
        self.messages = self.messages.saturating_add(1);
        let line = self.line("message").with("id", &id).with("sender", &self.envelope.sender);
        shared.tell(line.with("octets", octets).with("recipients", self.envelope.recipients.join(",")));
        shared.outgoing.wake(&id, self.account());
        promise.map_or_else(|| Done::Answer(taken(&id)), Done::Promise)
    }

    /// The answer to a message that is taken. `report` is what came of the attempt, or `None` if that took too long.
    pub(crate) fn outcome(&self, id: &str, report: Option<&Report>) -> Answer {
        let Some(report) = report else { return taken(id) };
        let said = report.recipients.iter().find_map(|(_, state)| state.reply()).unwrap_or_default();
        match report.fate {
            Fate::Delivered => Answer { code: 250, text: format!("2.0.0 Sent as {id}: {said}").into() },
            Fate::Failed if report.recipients.iter().all(|(_, state)| matches!(state, State::Failed(_))) => {
                // The client hears of the failure, so nobody has to look after the message any more. A runner that told the
                // sender in this way removes it.
                match self.shared.spool.find(id).and_then(spool::Entry::remove) {
                    Ok(()) | Err(spool::Error::Busy | spool::Error::NotFound { .. }) => {}
                    Err(error) => self.shared.tell(LogLine::new("trouble").with("spool", error)),
                }
                refusal(said)
            }
            _ => taken(id),
        }
    }
}

fn taken(id: &str) -> Answer {
    Answer { code: 250, text: format!("2.0.0 Taken as {id}").into() }
}

/// An answer with a provider's words, and with its code if the words have one.
fn refusal(said: &str) -> Answer {
    let code = said.split(|character: char| !character.is_ascii_digit()).find_map(|word| {
        word.parse::<u16>().ok().filter(|code| (500..600).contains(code) && word.len() == 3)
    });
    let text = match code.and_then(|code| said.split_once(&format!("{code} "))) {
        Some((_, text)) => text.to_owned(),
        None => format!("5.0.0 {said}"),
    };
    Answer { code: code.unwrap_or(554), text: text.into() }
}

/// What a `NOTIFY` asks for; a word that is none of RFC 3461 section 4.1 asks for nothing.
fn wanted(text: &str) -> Notify {
    let mut notify = Notify::default();
    for word in text.split(',') {
        match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => {}
        }
    }
    notify
}

/// The address of an `ORCPT` of mail (RFC 3461 section 4.2, RFC 6533 section 3); none where it is not fit to be passed on.
fn original(text: &str) -> Option<String> {
    let (kind, address) = text.split_once(';')?;
    let meant = match kind.to_ascii_lowercase().as_str() {
        "rfc822" => plain(address),
        "utf-8" => unicode(address),
        _ => None,
    };
    // As it goes out it may be longer than it came, and a message with one that is too long would fail for all.
    meant.filter(|address| Dsn::takes_original(address))
}

/// A `utf-8-addr-xtext` or `utf-8-addr-unitext` (RFC 6533 section 3) as it was meant.
fn unicode(text: &str) -> Option<String> {
    let mut parts = text.split("\\x{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}')?;
        plain.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        plain.push_str(rest);
    }
    let is_fit = !plain.is_empty() && !plain.contains(char::is_control);
    is_fit.then_some(plain)
}

/// The `ENVID` that an `xtext` (RFC 3461 section 4) stands for; none where it does for none.
fn unxtext(text: &str) -> Option<String> {
    plain(text).filter(|plain| plain.len() <= 100)
}

/// An `xtext` (RFC 3461 section 4) as it was meant; none where it is not, and for what is not printable.
fn plain(text: &str) -> Option<String> {
    let mut parts = text.split('+');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        plain.push(char::from(u8::from_str_radix(code, 16).ok()?));
        plain.push_str(rest);
    }
    let is_printable = !plain.is_empty() && plain.bytes().all(|one| (b' '..=b'~').contains(&one));
    is_printable.then_some(plain)
}

/// Octets of a header that a relay takes.
const HEADER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_original_recipient_is_what_was_meant() {
        for (text, want) in [
            ("rfc822;ann@x.test", Some("ann@x.test")),
            ("RFC822;a+2Bb@x", Some("a+b@x")),
            ("utf-8;\\x{FC}\\x{20}x@y", Some("\u{fc} x@y")),
            ("utf-8;\u{fc}@y", Some("\u{fc}@y")),
            ("utf-8;\\x{D}\\x{A}@y", None),
            ("utf-8;\\x{110000}@y", None),
            ("utf-8;\\x{FC@y", None),
            ("x400;c=de", None),
            ("rfc822;", None),
            ("ann@x.test", None),
        ] {
            assert_eq!(original(text).as_deref(), want, "{text}");
        }
        // As they go out, with " ORCPT=" and the type in front: 486 octets, and 81 letters of 6 octets each.
        for (kind, letter, most) in [("rfc822", "x", 486), ("rfc822", "+78", 486), ("utf-8", "\u{fc}", 81)] {
            for (count, is_passed_on) in [(most, true), (most + 1, false)] {
                let text = format!("{kind};{}", letter.repeat(count));
                assert_eq!(original(&text).is_some(), is_passed_on, "{letter} {count} times");
            }
        }
    }

    #[test]
    fn refusals_are_passed_on() {
        for (said, code, text) in [
            ("550 5.1.1 No such user", 550, "5.1.1 No such user"),
            ("SMTP: server refused the message: 554 5.2.0 Full", 554, "5.2.0 Full"),
            ("not delivered in five days", 554, "5.0.0 not delivered in five days"),
        ] {
            assert_eq!(refusal(said), Answer { code, text: text.to_owned().into() }, "{said}");
        }
        assert_eq!(unxtext("a+20b+2B").as_deref(), Some("a b+"));
        assert_eq!((unxtext("a+0D"), unxtext("a+"), unxtext("")), (None, None, None));
        assert_eq!(original("rfc822;b+2Bc@x").as_deref(), Some("b+c@x"));
        for text in ["b@x", "x400;b@x", "rfc822;", "rfc822;b+0A"] {
            assert_eq!(original(text), None, "{text}");
        }
    }
}

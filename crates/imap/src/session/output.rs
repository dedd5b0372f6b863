use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::mem;

use mailbearer_sasl::Exchange;
use mailbearer_wire::{RecvBuf, SendBuf, Step};

use super::{
    Access, Auth, Body, Error, Event, Identity, InFlight, Line, Misuse, Role, Session, State, Tag,
    command::{Kind, Outgoing},
    input::done,
    long,
};
use crate::{
    Atom, Capability, Dialect, Encoded, Invalid, Next,
    command::{Write, Writer, write_authenticate, write_id, write_login, write_word},
};

/// What the session sends, and when.
impl Session {
    /// Writes to `tx` what may go out now. Only called when no whole response is left to look at.
    pub(super) fn write(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        loop {
            if tx.room() == 0 {
                return Ok(Step::Flush);
            }
            let (access, line) = match &mut self.state {
                State::Handshake => {
                    self.ask_capabilities(rx, tx)?;
                    return Ok(Step::Read);
                }
                State::Open { access, line } => (*access, line),
                _ => return Ok(Step::Read),
            };
            match line {
                Line::Free if access == Access::NotAuthenticated && self.login.is_some() => {
                    if !self.in_flight.is_empty() {
                        return Ok(Step::Read);
                    }
                    self.send_login(rx, tx)?;
                }
                Line::Free if self.identity == Identity::Due => self.send_id(rx, tx)?,
                Line::Free => {
                    if !self.send_next(access, rx, tx) {
                        return Ok(Step::Read);
                    }
                }
                Line::Idle { tag, done } if *done || !self.queue.is_empty() => {
                    let tag = *tag;
                    *line = Line::IdleDone { tag };
                    self.put(tx, |tx| tx.push(b"DONE\r\n"));
                    return Ok(Step::Read);
                }
                Line::Body(_) => {
                    if let Some(step) = self.send_body(rx, tx) {
                        return Ok(step);
                    }
                }
                _ => return Ok(Step::Read),
            }
        }
    }

    /// Sends a command of the session's own. None of these may need a literal.
    pub(super) fn send_own(
        &mut self,
        write: &Write<'_>,
        rx: &RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Tag, Error> {
        self.last_tag = self.last_tag.wrapping_add(1);
        let tag = Tag(self.last_tag);
        let mut encoded = Encoded::new(&tag.to_string(), Dialect::default(), write).map_err(Misuse::from)?;
        if encoded.waits() {
            return Err(Misuse::Invalid(Invalid("a text that takes a literal")).into());
        }
        self.begin(tag, Role::Entry);
        let _done = self.put(tx, |tx| encoded.send(tx));
        self.mark_sent(tag, rx);
        Ok(tag)
    }

    pub(super) fn ask_capabilities(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Result<(), Error> {
        self.send_own(&write_word("CAPABILITY"), rx, tx)?;
        self.state = State::Capability;
        Ok(())
    }

    /// Sends ID (RFC 2971). Nobody waits for the answer.
    fn send_id(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Result<(), Error> {
        self.identity = Identity::Kept;
        let params = mem::take(&mut self.options.id);
        let pairs = || params.iter().map(|(name, value)| (name.as_bytes(), Some(value.as_bytes())));
        self.send_own(&|out| write_id(out, pairs()), rx, tx).map(drop)
    }

    /// Sends AUTHENTICATE, with the credentials in the same line if the server takes them there (RFC 4959). Sends LOGIN
    /// for a password if the server has no mechanism for it, and does not forbid LOGIN.
    fn send_login(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Result<(), Error> {
        let Some(credentials) = self.login.take() else { return Ok(()) };
        let mechanisms: Vec<_> = self.capabilities.mechanisms().collect();
        let names = mechanisms.iter().map(String::as_str);
        let chosen = Exchange::choose(&credentials, &self.options.host, self.options.port, names);
        let Some(mut exchange) = chosen else {
            let has_login = !self.capabilities.has(&Capability::LoginDisabled);
            if let Some(password) = credentials.plain_password().filter(|_| has_login) {
                let write = |out: &mut Writer| write_login(out, credentials.user(), password);
                let tag = self.send_own(&write, rx, tx)?;
                let line = Line::Auth(Auth { tag, exchange: None, told: true, relearned: false });
                self.state = State::Open { access: Access::NotAuthenticated, line };
                return Ok(());
            }
            let mut offered = String::new();
            for mechanism in mechanisms {
                offered.push_str(if offered.is_empty() { "" } else { " " });
                offered.push_str(&mechanism);
            }
            return Err(Error::NoMechanism { offered });
        };
        let inline = self.capabilities.has(&Capability::SaslIr);
        let initial = if inline { exchange.initial_response() } else { None };
        let told = initial.is_some();
        let mechanism = Atom::new(exchange.mechanism().name()).map_err(Misuse::from)?;
        let tag = self.send_own(&|out| write_authenticate(out, &mechanism, initial.as_ref()), rx, tx)?;
        let line = Line::Auth(Auth { tag, exchange: Some(exchange), told, relearned: false });
        self.state = State::Open { access: Access::NotAuthenticated, line };
        Ok(())
    }

    /// Sends the answer to a challenge, in base64.
    pub(super) fn send_answer(&mut self, tag: Tag, answer: &[u8], rx: &RecvBuf, tx: &mut SendBuf) {
        self.put(tx, |tx| {
            if !answer.is_empty() {
                tx.push_secret(answer);
            }
            tx.push(b"\r\n");
        });
        self.mark_sent(tag, rx);
    }

    /// Begins the next command of the queue. Returns false if there is none, or if it must wait.
    fn send_next(&mut self, access: Access, rx: &RecvBuf, tx: &mut SendBuf) -> bool {
        let Some(next) = self.queue.front() else { return false };
        // Before authentication only a few commands are of use. But after a LOGOUT all must go out, to be answered.
        let may_go = access == Access::Authenticated
            || next.kind == Kind::AnyState
            || self.queue.iter().any(Outgoing::is_logout);
        let held = self.in_flight.iter().any(|command| command.role == Role::Enable);
        if !may_go || held || next.needs_the_line() && !self.in_flight.is_empty() {
            return false;
        }
        let Some(mut next) = self.queue.pop_front() else { return false };
        if let (true, Some(encoded)) = (self.utf8, next.utf8.take()) {
            next.encoded = encoded;
        }
        let logout = next.is_logout();
        self.begin(
            next.tag,
            match next.kind {
                Kind::Logout => Role::Logout,
                Kind::Enable => Role::Enable,
                _ => Role::Caller,
            },
        );
        let line = self.go_on(next, rx, tx);
        self.state = if logout { State::Logout { bye: None } } else { State::Open { access, line } };
        true
    }

    /// Sends a command, or what is left of it, up to where the server or the caller has to do something.
    pub(super) fn go_on(&mut self, mut command: Outgoing, rx: &RecvBuf, tx: &mut SendBuf) -> Line {
        let tag = command.tag;
        match (self.put(tx, |tx| command.encoded.send(tx)), command.kind) {
            (Next::Done, kind) => {
                self.mark_sent(tag, rx);
                if let Kind::Idle { done } = kind { Line::IdleGoAhead { tag, done } } else { Line::Free }
            }
            (Next::Wait, _) => {
                self.mark_sent(tag, rx);
                Line::GoAhead(command)
            }
            (Next::Stream(left), _) => {
                self.mark_unfinished(tag, rx);
                Line::Body(Body { left, given: Vec::new(), asked: false, rest: command, refusal: None })
            }
        }
    }

    /// Passes on what the caller gave of a message.
    fn send_body(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Option<Step<Event>> {
        let State::Open { line: Line::Body(body), .. } = &mut self.state else { return None };
        let count = tx.take_bulk(&mut body.given);
        self.written = self.written.saturating_add(long(count));
        if !body.given.is_empty() {
            return Some(Step::Flush);
        }
        if body.left > 0 {
            let tell = !mem::replace(&mut body.asked, true);
            return Some(if tell { Step::Event(Event::BodyWanted(body.rest.tag)) } else { Step::Read });
        }
        let State::Open { access, line: Line::Body(body) } = mem::replace(&mut self.state, State::Closed)
        else {
            return None;
        };
        let tag = body.rest.tag;
        let line = self.go_on(body.rest, rx, tx);
        self.state = State::Open { access, line };
        let refusal = body.refusal?;
        self.in_flight.retain(|command| command.tag != tag);
        Some(done(tag, self.shown(refusal)))
    }

    fn begin(&mut self, tag: Tag, role: Role) {
        self.in_flight.push(InFlight { tag, role, end: u64::MAX, not_before: u64::MAX });
    }

    /// Notes that all of the command that can be sent now is in the send buffer.
    fn mark_sent(&mut self, tag: Tag, rx: &RecvBuf) {
        self.mark(tag, self.written, rx);
    }

    /// Notes that the caller has to give more of the command, so that no answer counts yet.
    fn mark_unfinished(&mut self, tag: Tag, rx: &RecvBuf) {
        self.mark(tag, u64::MAX, rx);
    }

    fn mark(&mut self, tag: Tag, end: u64, rx: &RecvBuf) {
        let received = self.received(rx);
        if let Some(command) = self.in_flight.iter_mut().find(|command| command.tag == tag) {
            command.end = end;
            command.not_before = received;
        }
    }

    /// Counts the octets that `append` appends.
    fn put<T>(&mut self, tx: &mut SendBuf, append: impl FnOnce(&mut SendBuf) -> T) -> T {
        let before = tx.unsent().len();
        let result = append(tx);
        self.written = self.written.saturating_add(long(tx.unsent().len().saturating_sub(before)));
        result
    }
}

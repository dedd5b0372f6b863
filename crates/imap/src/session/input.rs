use alloc::{boxed::Box, string::String};
use core::mem;

use mailbearer_sasl::{Exchange, Reason};
use mailbearer_wire::{RecvBuf, Security, SendBuf, Step};

use super::{
    Access, Answer, Auth, Completion, Error, Event, Identity, Line, Role, Session, Stage, State, Tag,
    command::Outgoing, early_limits,
};
use crate::{
    Capabilities, Capability, Frame, Framer, Kind, Piece, Status,
    command::write_word,
    event::quoted,
    parse::{parse_capabilities, parse_enabled},
};

/// What the session does with the peer's octets.
impl Session {
    pub(super) fn on_piece(
        &mut self,
        piece: Piece,
        rx: &RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        let event = match piece {
            Piece::Response(frame) => return self.on_response(frame, rx, tx),
            // No response is that large before TLS, and its chunks would have to be dropped one by one.
            Piece::LiteralStart { head, .. } if self.is_clear() => {
                return Err(self.broken("large literal before TLS", &head));
            }
            Piece::LiteralStart { head, size } => Event::LiteralStart { head, size },
            Piece::LiteralChunk(octets) => {
                self.count_early(0, octets.len())?;
                Event::LiteralChunk(octets)
            }
        };
        Ok(Some(Step::Event(event)))
    }

    fn on_response(
        &mut self,
        frame: Frame,
        rx: &RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        self.count_early(1, frame.octets().len())?;
        if matches!(self.state, State::Greeting) {
            return self.on_greeting(&frame, rx, tx);
        }
        match frame.kind() {
            Kind::Tagged { tag, status } => {
                let found = self.in_flight.iter().position(|command| command.tag.is(tag));
                let Some(index) = found else {
                    return Err(self.broken("answer to no command in flight", frame.octets()));
                };
                self.on_tagged(index, status, frame, rx)
            }
            Kind::Continuation => self.on_continuation(&frame, rx, tx),
            Kind::Status(Status::Bye) => self.on_bye(&frame),
            Kind::Status(Status::PreAuth) => Err(self.broken("PREAUTH is a greeting", frame.octets())),
            Kind::Unknown => self.on_unknown(frame),
            _ if self.is_clear() => Ok(None),
            kind => {
                let asked_by_us = self.learn(kind, &frame);
                let frame = if let Kind::Status(_) = kind { self.shown(frame) } else { frame };
                Ok((!asked_by_us).then_some(Step::Event(Event::Data(frame))))
            }
        }
    }

    /// Handles a line that starts as no response does.
    fn on_unknown(&mut self, frame: Frame) -> Result<Option<Step<Event>>, Error> {
        let quirks = &self.options.quirks;
        match &**frame.octets() {
            b"\r\n" | b"\n" if quirks.blank_line && self.is_past_auth() => Ok(None),
            [b'[', ..] if quirks.bare_code => {
                Ok((!self.is_clear()).then(|| Step::Event(Event::Data(self.shown(frame)))))
            }
            line if quirks.bare_farewell && is_farewell(line) => {
                Err(Error::Bye(self.redacted(Answer::of_bare(line))))
            }
            line if quirks.junk_line && self.is_mere_junk(line) => {
                self.junk = self.junk.saturating_add(1);
                Ok(Some(Step::Event(Event::Data(self.shown(frame)))))
            }
            line => Err(self.broken("neither an answer nor data", line)),
        }
    }

    /// Whether this line can be passed over: nothing that was asked depends on it, and it is no part of a literal.
    fn is_mere_junk(&self, line: &[u8]) -> bool {
        let word = line.trim_ascii_start().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        // A command whose answer can't be read would be waited for in vain.
        let answers = word.is_empty() || self.in_flight.iter().any(|command| command.tag.is(word));
        matches!(self.state, State::Open { access: Access::Authenticated, line: Line::Free })
            && !self.in_flight.is_empty()
            && !answers
            && !self.framer.had_literal()
            && self.junk < JUNK
    }

    /// RFC 9051 section 7.1: `OK`, `PREAUTH` or `BYE`, untagged.
    fn on_greeting(
        &mut self,
        frame: &Frame,
        rx: &RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        self.greeting = quoted(frame.octets());
        let listed = self.listed(frame);
        // Nothing counts that a greeting in the clear says.
        let words = if self.is_clear() { &[][..] } else { frame.octets() };
        if self.options.quirks.id_first && wants_id(&self.options.host, words) {
            self.identity = Identity::Wanted;
        }
        match (frame.kind(), self.options.security) {
            (Kind::Status(Status::Ok), Security::StartTls) => {
                // If the greeting lists no capabilities, the answer to STARTTLS decides.
                if listed.is_some_and(|listed| !listed.has(&Capability::StartTls)) {
                    return Err(Error::StartTlsMissing);
                }
                self.send_own(&write_word("STARTTLS"), rx, tx)?;
                self.state = State::StartTls;
                Ok(None)
            }
            (Kind::Status(Status::PreAuth), Security::StartTls) => Err(Error::PreauthInClear),
            (Kind::Status(Status::Ok), Security::Implicit) => {
                // Some servers list only what may be used before the authentication, or nothing of use for it.
                match listed.filter(|listed| listed.mechanisms().next().is_some()) {
                    Some(listed) => {
                        self.capabilities = listed;
                        Ok(Some(self.ready()))
                    }
                    None => {
                        self.ask_capabilities(rx, tx)?;
                        Ok(None)
                    }
                }
            }
            (Kind::Status(Status::PreAuth), Security::Implicit) => {
                self.capabilities = listed.unwrap_or_default();
                self.login = None;
                self.state = State::PreAuth;
                Ok(Some(Step::Event(Event::Ready)))
            }
            (Kind::Status(Status::Bye), _) => Err(Error::Bye(Answer::of(frame.octets()))),
            (Kind::Status(Status::No | Status::Bad), _) => {
                Err(Error::Refused { stage: Stage::Greeting, answer: Answer::of(frame.octets()) })
            }
            _ => Err(self.broken("no greeting", frame.octets())),
        }
    }

    fn on_tagged(
        &mut self,
        index: usize,
        status: Status,
        frame: Frame,
        rx: &RecvBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        let Some(command) = self.in_flight.get(index) else { return Ok(None) };
        let (tag, role) = (command.tag, command.role);
        if self.is_early(tag, &frame) {
            return match &mut self.state {
                State::Open { line: Line::Body(body), .. }
                    if body.rest.tag == tag && status != Status::Ok && body.refusal.is_none() =>
                {
                    body.refusal = Some(frame);
                    Ok(None)
                }
                _ => Err(self.broken("answer to a command that was not sent yet", frame.octets())),
            };
        }
        let stage = self.stage();
        self.in_flight.remove(index);
        if self.in_flight.is_empty() {
            self.framer.forget_literals();
            self.junk = 0;
        }
        match (mem::replace(&mut self.state, State::Closed), status) {
            (State::StartTls, Status::Ok) if !rx.unread().is_empty() => Err(Error::BytesBeforeTls),
            (State::StartTls, Status::Ok) => {
                self.framer = Framer::with_quirks(&early_limits(&self.options), &self.options.quirks);
                self.state = State::Handshake;
                Ok(Some(Step::StartTls))
            }
            (State::StartTls, _) => Err(Error::StartTlsRefused(Answer::of(frame.octets()))),
            (State::Capability, Status::Ok) => Ok(Some(self.ready())),
            (State::Capability, _) => {
                Err(Error::Refused { stage: Stage::Capability, answer: Answer::of(frame.octets()) })
            }
            // Nothing else is in flight with a login, nor with a command that waits for a go-ahead.
            (State::Open { line: Line::Auth(auth), .. }, _) => self.on_verdict(auth, status, &frame),
            (State::Open { line: Line::GoAhead(_), .. }, Status::Ok) => {
                Err(self.broken_at(stage, "OK to a command that is not complete", frame.octets()))
            }
            (State::Logout { bye }, _) if role == Role::Logout => {
                self.state = State::Goodbye(bye.map(|answer| answer.text).unwrap_or_default());
                Ok(Some(done(tag, self.shown(frame))))
            }
            (state, _) => {
                self.state = match state {
                    State::Open { access, line } if line.is_held_by(tag) => {
                        State::Open { access, line: Line::Free }
                    }
                    state => state,
                };
                Ok((role != Role::Entry).then(|| done(tag, self.shown(frame))))
            }
        }
    }

    fn on_verdict(
        &mut self,
        auth: Auth,
        status: Status,
        frame: &Frame,
    ) -> Result<Option<Step<Event>>, Error> {
        // Some servers repeat the command that they refuse.
        let answer = self.redacted(Answer::of(frame.octets()));
        if status != Status::Ok {
            return Err(Error::Auth { answer, reason: boxed_reason(&auth.exchange) });
        }
        if !auth.told {
            return Err(self.broken_at(Stage::Auth, "OK before the credentials were sent", frame.octets()));
        }
        // Exchange Online, seen 2026-11: ruby/net-imap issue 597.
        let failed = answer.code.as_deref().is_some_and(|code| code.starts_with("Error="));
        if failed && self.options.quirks.failure_in_ok {
            return Err(Error::Unreachable(answer));
        }
        match self.listed(frame) {
            Some(listed) => self.capabilities = listed,
            None if auth.relearned => {}
            None => self.capabilities = Capabilities::default(),
        }
        self.state = self.authenticated();
        Ok(Some(Step::Event(Event::Authenticated)))
    }

    fn on_continuation(
        &mut self,
        frame: &Frame,
        rx: &RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        let waiting = match &self.state {
            State::Open {
                line:
                    Line::Auth(Auth { tag, .. })
                    | Line::GoAhead(Outgoing { tag, .. })
                    | Line::IdleGoAhead { tag, .. },
                ..
            } => *tag,
            _ => return Err(self.broken("nothing waits for a go-ahead", frame.octets())),
        };
        if !self.options.quirks.missing_text && !frame.octets().starts_with(b"+ ") {
            return Err(self.broken("no space in a go-ahead", frame.octets()));
        }
        if self.is_early(waiting, frame) {
            return Err(self.broken("go-ahead for a command that was not sent yet", frame.octets()));
        }
        match mem::replace(&mut self.state, State::Closed) {
            State::Open { access, line: Line::Auth(mut auth) } => {
                let Some(exchange) = &mut auth.exchange else {
                    return Err(self.broken_at(Stage::Auth, "nothing waits for a go-ahead", frame.octets()));
                };
                let challenge = frame.octets().strip_prefix(b"+").unwrap_or_default().trim_ascii();
                let answer = exchange.respond(challenge).map_err(|error| {
                    tx.push(b"*\r\n");
                    Error::Challenge(error)
                })?;
                auth.told = true;
                self.state = State::Open { access, line: Line::Auth(auth) };
                self.send_answer(waiting, answer.expose(), rx, tx);
                Ok(None)
            }
            State::Open { access, line: Line::GoAhead(rest) } => {
                let line = self.go_on(rest, rx, tx);
                self.state = State::Open { access, line };
                Ok(None)
            }
            State::Open { access, line: Line::IdleGoAhead { tag, done } } => {
                self.state = State::Open { access, line: Line::Idle { tag, done } };
                Ok(Some(Step::Event(Event::Idling(tag))))
            }
            state => {
                self.state = state;
                Ok(None)
            }
        }
    }

    fn on_bye(&mut self, frame: &Frame) -> Result<Option<Step<Event>>, Error> {
        let answer = self.redacted(Answer::of(frame.octets()));
        match &mut self.state {
            State::Logout { bye: bye @ None } => {
                *bye = Some(answer);
                Ok(None)
            }
            State::Logout { bye: Some(first) } if self.options.quirks.repeated_bye => {
                if !super::is_all_answered(&self.in_flight) {
                    return Err(Error::Bye(first.clone()));
                }
                let text = mem::take(&mut first.text);
                self.in_flight.clear();
                self.state = State::Closed;
                Ok(Some(Step::Event(Event::Closed(text))))
            }
            State::Logout { .. } => Err(self.broken("BYE once more", frame.octets())),
            // The server's reason for refusing the token says more than its BYE.
            State::Open { line: Line::Auth(auth), .. } => match boxed_reason(&auth.exchange) {
                Some(reason) => Err(Error::Auth { answer, reason: Some(reason) }),
                None => Err(Error::Bye(answer)),
            },
            _ => Err(Error::Bye(answer)),
        }
    }

    /// Remembers capabilities. Returns whether the session itself asked for them, so that nobody else needs the
    /// response.
    fn learn(&mut self, kind: Kind<'_>, frame: &Frame) -> bool {
        let enabling = self.in_flight.iter().any(|command| command.role == Role::Enable);
        if enabling && kind == Kind::Data {
            self.utf8 |= self.is_utf8_enabled(frame);
        }
        let listed = match kind {
            Kind::Capability | Kind::Status(Status::Ok) => self.listed(frame),
            _ => None,
        };
        let Some(listed) = listed else { return false };
        self.capabilities = listed;
        if let State::Open { line: Line::Auth(auth), .. } = &mut self.state {
            auth.relearned = true;
        }
        matches!(kind, Kind::Capability) && matches!(self.state, State::Capability)
    }

    fn is_utf8_enabled(&self, frame: &Frame) -> bool {
        parse_enabled(frame.octets(), &self.options.limits, &self.options.quirks)
            .is_some_and(|list| list.iter().any(|enabled| enabled.brings_utf8()))
    }

    /// Returns the capabilities that a response lists. `None` if it does not follow the grammar.
    fn listed(&self, frame: &Frame) -> Option<Capabilities> {
        let limits = &self.options.limits;
        let list = parse_capabilities(frame.octets(), limits, &self.options.quirks)?;
        Some(Capabilities::of(&list, limits.capabilities))
    }

    fn ready(&mut self) -> Step<Event> {
        self.state = State::Open { access: Access::NotAuthenticated, line: Line::Free };
        Step::Event(Event::Ready)
    }

    fn count_early(&mut self, responses: usize, octets: usize) -> Result<(), Error> {
        if self.is_past_auth() {
            return Ok(());
        }
        let left = (self.early.0.checked_sub(responses), self.early.1.checked_sub(octets));
        let (Some(responses), Some(octets)) = left else { return Err(Error::TooMuchBeforeAuth) };
        self.early = (responses, octets);
        Ok(())
    }

    /// Whether a part of the response had arrived before the command was sent.
    fn is_early(&self, tag: Tag, frame: &Frame) -> bool {
        let start = self.consumed.saturating_sub(super::long(frame.octets().len()));
        self.in_flight.iter().any(|command| command.tag == tag && start < command.not_before)
    }

    const fn is_past_auth(&self) -> bool {
        matches!(self.state, State::Open { access: Access::Authenticated, .. } | State::Logout { .. })
    }

    const fn is_clear(&self) -> bool {
        matches!(self.options.security, Security::StartTls)
            && matches!(self.state, State::Greeting | State::StartTls)
    }

    fn broken(&self, what: &'static str, got: &[u8]) -> Error {
        self.broken_at(self.stage(), what, got)
    }

    fn broken_at(&self, stage: Stage, what: &'static str, got: &[u8]) -> Error {
        Error::Protocol { stage, what, got: self.redactor.redact(&quoted(got)) }
    }

    fn redacted(&self, answer: Answer) -> Answer {
        answer.redacted(|text| self.redactor.redact(text))
    }

    /// Takes the credentials out of a response whose words may be shown.
    pub(super) fn shown(&self, frame: Frame) -> Frame {
        let said = String::from_utf8_lossy(frame.octets());
        let shown = self.redactor.redact(&said);
        if shown == said { frame } else { frame.with_octets(shown.into_bytes()) }
    }
}

impl Line {
    /// Whether the line is free when this command is answered.
    fn is_held_by(&self, answered: Tag) -> bool {
        match self {
            Self::Free => false,
            Self::Auth(Auth { tag, .. })
            | Self::GoAhead(Outgoing { tag, .. })
            | Self::IdleGoAhead { tag, .. }
            | Self::Idle { tag, .. }
            | Self::IdleDone { tag } => *tag == answered,
            Self::Body(body) => body.rest.tag == answered,
        }
    }
}

fn boxed_reason(exchange: &Option<Exchange>) -> Option<Box<Reason>> {
    exchange.as_ref()?.reason().cloned().map(Box::new)
}

/// Whether a line without star or tag is a server's last one: Exchange's `Server Unavailable. 15` (seen by imapflow),
/// or words with the BYE run together behind them (HubSpot/NioImapClient pull request 94, 2025-02).
fn is_farewell(line: &[u8]) -> bool {
    Answer::of_bare(line).problem().is_some() || line.windows(6).any(|six| six == b"* BYE ")
}

/// Whether a server with this name and greeting opens no mailbox before an ID command. NetEase's do (pimalaya/himalaya
/// issue 651, 2026-03); they run Coremail.
fn wants_id(host: &str, greeting: &[u8]) -> bool {
    const NET_EASE: [&str; 4] = ["163.com", "126.com", "188.com", "yeah.net"];
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let of_host = |domain: &&str| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    NET_EASE.iter().any(of_host) || greeting.windows(8).any(|eight| eight.eq_ignore_ascii_case(b"Coremail"))
}

/// Makes the event for `frame`, the answer to the command with this tag.
pub(super) fn done(tag: Tag, frame: Frame) -> Step<Event> {
    let status = match frame.kind() {
        Kind::Tagged { status, .. } => status,
        _ => Status::Bad,
    };
    Step::Event(Event::Done(Completion { tag, status, frame }))
}

/// The most lines that are passed over while commands are in flight ([`Quirks::junk_line`](crate::Quirks::junk_line)).
const JUNK: usize = 3;

//! The mailbox behind an IMAP session, worded as Exchange Online's.

mod body_structure;
mod commands;
mod envelope;
mod fetch;
mod folders;
mod search;
mod structure;
mod view;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use mailbearer_imap::{
    Capability, Code, Command, Data, Fetch, Flag, Item, List, Status,
    server::{Error, Event, Options, Received, Session as Protocol},
};
use mailbearer_sasl::{Mechanism, server::Login};
use mailbearer_wire::{Machine, RecvBuf, Secret, Security, SendBuf, Step};

use self::{
    fetch::Fetching,
    view::{Change, View},
};
use super::{World, fault::ImapFault, login, session::Session, wording};

/// One IMAP session.
#[derive(Debug)]
pub(crate) struct Imap {
    world: Arc<World>,
    protocol: Protocol,
    /// What the client logged in with; the session ends with it.
    token: Option<Secret>,
    view: Option<View>,
    fetching: Option<Fetching>,
}

impl Imap {
    pub(crate) fn new(world: Arc<World>, security: Security) -> Self {
        let mut options = Options::default();
        options.security = Some(security);
        // It is offered, as Exchange does, and never succeeds.
        options.login = true;
        options.late_capabilities = LATE_CAPABILITIES.to_vec();
        options.capability_codes = false;
        options.limits.literals = world.limits.message_octets;
        options.limits.silence = world.limits.silence.saturating_mul(6);
        options.wording = wording::imap();
        let mut protocol = Protocol::new(options);
        if let Some(ImapFault::Greeting(line)) = world.fault().and_then(|fault| fault.imap()) {
            say(&mut protocol, line);
        }
        Self { world, protocol, token: None, view: None, fetching: None }
    }

    /// One more than the servers take.
    pub(crate) fn refusing(world: Arc<World>, security: Security) -> Self {
        let mut session = Self::new(world, security);
        session.protocol.bye(Some(Code::Limit), "Too many connections, try again later.");
        session
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Login { mechanism, login } => self.login(mechanism, login),
            Event::Command(received) => self.command(&received),
            Event::Room => self.go_on_fetching(),
            Event::Done => self.ok("IDLE completed."),
            _ => self.bad("Command Error. 12"),
        }
    }

    fn login(&mut self, mechanism: Option<Mechanism>, login: Login) -> Result<(), Error> {
        match self.world.fault().and_then(|fault| fault.imap()) {
            Some(ImapFault::Login(line)) => return self.fail(line),
            Some(ImapFault::Token(line)) => {
                let text = line.strip_prefix("NO ").unwrap_or(line);
                return self.protocol.refuse_token(&login::refusal(), text);
            }
            _ => {}
        }
        if mechanism.is_none() {
            return self.no(None, "LOGIN failed.");
        }
        match login::check(&self.world, login) {
            Some(token) => {
                self.token = Some(token);
                self.ok("AUTHENTICATE completed.")
            }
            None => self.protocol.refuse_token(&login::refusal(), "AUTHENTICATE failed."),
        }
    }

    fn command(&mut self, received: &Received) -> Result<(), Error> {
        if self.token.is_some()
            && let Some(ImapFault::Command(names, line)) = self.world.fault().and_then(|fault| fault.imap())
            && (names.is_empty() || names.iter().any(|name| received.is(name)))
        {
            return self.fail(line);
        }
        match received.command() {
            Err(_) => self.bad("Command Error. 12"),
            Ok(Command::Id(_)) => {
                self.id();
                self.ok("ID completed.")
            }
            Ok(command) => self.authenticated(received.tag(), command),
        }
    }

    /// Tells what others changed; whether the folder is gone and the session over.
    fn tell_changes(&mut self, may_expunge: bool) -> bool {
        let Some(view) = &mut self.view else { return false };
        let store = self.world.mailbox.lock();
        for change in view.catch_up(&store, may_expunge) {
            match change {
                Change::Expunged(number) => self.protocol.untagged(Data::Expunge(number)),
                Change::Exists(count) => self.protocol.untagged(Data::Exists(count)),
                Change::Flags { number, uid } => {
                    let message = view.of(&store).and_then(|folder| folder.message(uid));
                    let flags = message.map(|message| flags(&message.flags)).unwrap_or_default();
                    let items = vec![Item::Uid(uid), Item::Flags(flags)];
                    self.protocol.untagged(Data::Fetch(Fetch { number, items }));
                }
                Change::Gone => {
                    self.protocol.bye(None, "The mailbox is gone.");
                    return true;
                }
            }
        }
        false
    }

    fn ok(&mut self, text: &str) -> Result<(), Error> {
        self.protocol.complete(Status::Ok, None, text)
    }

    fn no(&mut self, code: Option<Code<'_>>, text: &str) -> Result<(), Error> {
        self.protocol.complete(Status::No, code, text)
    }

    fn bad(&mut self, text: &str) -> Result<(), Error> {
        self.protocol.complete(Status::Bad, None, text)
    }

    /// Ends a command with this line, or the session with its `* BYE`.
    fn fail(&mut self, line: &str) -> Result<(), Error> {
        match line.split_once(' ') {
            Some(("OK", text)) => self.ok(text),
            Some(("NO", text)) => self.no(None, text),
            Some(("BAD", text)) => self.bad(text),
            _ => {
                say(&mut self.protocol, line);
                Ok(())
            }
        }
    }

    fn note(&mut self, code: Option<Code<'_>>, text: &str) {
        let line = mailbearer_imap::StatusLine { status: Status::Ok, code, text: text.as_bytes() };
        self.protocol.untagged(Data::Status(line));
    }

    /// What happened elsewhere since the last step.
    fn news(&mut self) {
        let expired = self.token.as_ref().is_some_and(|token| !self.world.tokens.is_good(token.expose()));
        // An answer that was begun is told to its end.
        if expired && self.fetching.is_none() {
            self.token = None;
            self.protocol.bye(None, "Session invalidated - AccessTokenExpired");
        } else if self.protocol.is_idle() {
            self.tell_changes(true);
        }
    }
}

impl Machine for Imap {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        loop {
            self.news();
            match self.protocol.step(rx, tx)? {
                Step::Event(event) => self.on(event)?,
                Step::Read => return Ok(Step::Read),
                Step::Flush => return Ok(Step::Flush),
                Step::StartTls => return Ok(Step::StartTls),
                Step::Close => return Ok(Step::Close),
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        if self.protocol.is_idle() { self.protocol.patience() } else { Some(self.world.limits.silence) }
    }
}

impl Session for Imap {
    fn due(&self) -> Option<Instant> {
        self.world.tokens.end_of(self.token.as_ref()?.expose())
    }

    fn time_out(&mut self) {
        self.protocol.bye(None, "Connection closed. 14");
    }
}

/// Ends the session with an untagged line, or with one of no known kind.
fn say(protocol: &mut Protocol, line: &str) {
    match line.strip_prefix("* BYE ") {
        Some(text) => protocol.bye(None, text),
        None => protocol.abort(format!("{line}\r\n").as_bytes()),
    }
}

fn flags(names: &[String]) -> List<'_, Flag<'_>> {
    names.iter().filter_map(|name| Flag::new(name).ok()).collect()
}

const LATE_CAPABILITIES: [Capability<'static>; 12] = [
    Capability::UidPlus,
    Capability::Unselect,
    Capability::Children,
    Capability::Idle,
    Capability::Namespace,
    Capability::Move,
    Capability::Enable,
    Capability::ESearch,
    Capability::SpecialUse,
    Capability::ListExtended,
    Capability::ListStatus,
    Capability::StatusSize,
];

#[cfg(test)]
mod tests;

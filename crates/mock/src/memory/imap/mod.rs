//! The mailbox behind an IMAP session, in the provider's words.

mod body_structure;
mod commands;
mod envelope;
mod fetch;
mod folders;
mod quirks;
mod search;
mod structure;
mod view;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use mailbearer_imap::{
    Atom, Capability, Code, Command, Data, Fetch, Flag, Item, List, Status,
    server::{Error, Event, Options, Received, Session as Protocol},
};
use mailbearer_sasl::{Mechanism, server::Login};
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use self::{
    fetch::Fetching,
    view::{Change, View},
};
use super::{
    World,
    fault::ImapFault,
    login::{self, Entry},
    personality::ImapVoice,
    provider::Seat,
    session::{self, Session},
};

/// One IMAP session.
#[derive(Debug)]
pub(crate) struct Imap {
    world: Arc<World>,
    protocol: Protocol,
    /// What the client logged in with.
    entry: Option<Entry>,
    /// The connection as the provider counts it.
    seat: Option<Seat>,
    /// Whether the client told who it is.
    introduced: bool,
    view: Option<View>,
    fetching: Option<Fetching>,
    /// Octets of answers to FETCH so far.
    fetched: u64,
}

impl Imap {
    pub(crate) fn new(world: Arc<World>, security: Security) -> Self {
        let voice = &world.voice.imap;
        let mut options = Options::default();
        options.security = Some(security);
        let fault = world.fault().filter(|fault| fault.imap().is_some());
        let said = fault.and_then(|fault| fault.imap());
        options.mechanisms = login::mechanisms(&world, said == Some(ImapFault::Passwords));
        // It is offered even if no login by it succeeds, as Exchange does.
        options.login = true;
        options.late_capabilities = LATE_CAPABILITIES.to_vec();
        if let Some(limit) = voice.quirks.message_limit {
            let name = Atom::new(&format!("MESSAGELIMIT={limit}")).map(Atom::into_owned);
            options.late_capabilities.extend(name.map(Capability::Other));
        }
        if let Some((limit, _)) = voice.quirks.argument_limit {
            // What is longer is refused, and the session goes on.
            options.limits.command = limit.saturating_mul(2);
        }
        options.capability_codes = voice.capability_codes;
        options.limits.literals = world.limits.message_octets;
        options.limits.silence = world.limits.silence.saturating_mul(6);
        options.wording = voice.wording();
        if let Some(greeting) = fault.and_then(|fault| fault.greeting()) {
            options.wording.greeting = greeting.into();
        }
        let mut protocol = Protocol::new(options);
        if let Some(ImapFault::Greeting(line)) = said {
            say(&mut protocol, line);
        }
        Self {
            world,
            protocol,
            entry: None,
            seat: None,
            introduced: false,
            view: None,
            fetching: None,
            fetched: 0,
        }
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
            Event::Done => self.done("IDLE"),
            _ => self.bad_command(),
        }
    }

    fn login(&mut self, mechanism: Option<Mechanism>, login: Login) -> Result<(), Error> {
        match self.world.fault().and_then(|fault| fault.imap()) {
            Some(ImapFault::Login(line)) => return self.fail(line),
            Some(ImapFault::Token(line)) => {
                let text = line.strip_prefix("NO ").unwrap_or(line);
                return self.protocol.refuse_token(&login::refusal(&self.world), text);
            }
            _ => {}
        }
        let Some(entry) = login::check(&self.world, mechanism, login) else {
            if mechanism.is_none() && self.voice().passwords.is_empty() {
                return self.no(None, "LOGIN failed.");
            }
            // No server gives a reason for refusing a password, and not every server gives one for refusing a token.
            let told = self.world.voice.tells_reason && mechanism.is_some_and(Mechanism::is_bearer);
            return match self.voice().refused {
                text if told => self.protocol.refuse_token(&login::refusal(&self.world), text),
                text => self.no(None, text),
            };
        };
        if let Some(provider) = &self.world.provider {
            self.seat = provider.imap();
            if self.seat.is_none() {
                return self.no(None, provider.limits().too_many_imap);
            }
        }
        self.entry = Some(entry);
        self.ok(self.voice().logged_in)
    }

    fn command(&mut self, received: &Received) -> Result<(), Error> {
        if self.entry.is_some()
            && let Some(ImapFault::Command(names, line)) = self.world.fault().and_then(|fault| fault.imap())
            && (names.is_empty() || names.iter().any(|name| received.is(name)))
        {
            return self.fail(line);
        }
        if self.entry.is_some()
            && let Some(refused) = self.too_long(received)
        {
            return refused;
        }
        match received.command() {
            Err(_) => self.bad_command(),
            Ok(Command::Id(params))
                if params.is_empty() && self.voice().quirks.no_empty_id && !received.is("ID NIL") =>
            {
                self.bad_arguments()
            }
            Ok(Command::Id(_)) => {
                self.introduced = true;
                self.id();
                self.done("ID")
            }
            Ok(command) => self.authenticated(received.tag(), command),
        }
    }

    /// Tells what others changed; whether the folder is gone and the session over.
    fn tell_changes(&mut self, may_expunge: bool) -> bool {
        let voice = self.voice();
        let Some(view) = &mut self.view else { return false };
        let store = self.world.mailbox.lock();
        for change in view.catch_up(&store, may_expunge) {
            match change {
                Change::Expunged(number) => quirks::tell(&mut self.protocol, voice, Data::Expunge(number)),
                Change::Exists(count) => quirks::tell(&mut self.protocol, voice, Data::Exists(count)),
                Change::Flags { number, uid } => {
                    let message = view.of(&store).and_then(|folder| folder.message(uid));
                    let flags = message.map(|message| flags(&message.flags)).unwrap_or_default();
                    let items = vec![Item::Uid(uid), Item::Flags(flags)];
                    quirks::tell(&mut self.protocol, voice, Data::Fetch(Fetch { number, items }));
                }
                Change::Gone => {
                    self.protocol.bye(None, "The mailbox is gone.");
                    return true;
                }
            }
        }
        false
    }

    fn voice(&self) -> &'static ImapVoice {
        &self.world.voice.imap
    }

    /// The protocol, which has to tell first what happened meanwhile.
    fn told_the_news(&mut self) -> &mut Protocol {
        self.news();
        &mut self.protocol
    }

    fn ok(&mut self, text: &str) -> Result<(), Error> {
        self.protocol.complete(Status::Ok, None, text)
    }

    fn done(&mut self, command: &str) -> Result<(), Error> {
        self.done_with(None, command)
    }

    fn done_with(&mut self, code: Option<Code<'_>>, command: &str) -> Result<(), Error> {
        let text = self.voice().completed(command);
        self.protocol.complete(Status::Ok, code, &text)
    }

    fn bad_command(&mut self) -> Result<(), Error> {
        self.bad(self.voice().command)
    }

    fn bad_arguments(&mut self) -> Result<(), Error> {
        self.bad(self.voice().arguments)
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
        self.tell(Data::Status(line));
    }

    /// What happened elsewhere since the last step.
    fn news(&mut self) {
        let expired =
            matches!(&self.entry, Some(Entry::Token(token)) if !self.world.tokens.is_good(token.expose()));
        // An answer that was begun is finished first.
        if expired && self.fetching.is_none() {
            self.entry = None;
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
        session::step(self, Self::told_the_news, Self::on, rx, tx)
    }

    fn patience(&self) -> Option<Duration> {
        if self.protocol.is_idle() { self.protocol.patience() } else { Some(self.world.limits.silence) }
    }
}

impl Session for Imap {
    fn due(&self) -> Option<Instant> {
        match self.entry.as_ref()? {
            Entry::Token(token) => self.world.tokens.end_of(token.expose()),
            Entry::Password => None,
        }
    }

    fn time_out(&mut self) {
        self.protocol.bye(None, self.voice().timed_out);
    }
}

/// Ends the session with an untagged line, or with one of no known kind.
fn say(protocol: &mut Protocol, line: &str) {
    match line.strip_prefix("* BYE ") {
        Some(text) => protocol.bye(None, text),
        None if line.is_empty() => protocol.abort(b""),
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

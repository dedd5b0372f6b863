//! The server's side of IMAP, worded as Exchange Online's.

mod body_structure;
mod commands;
mod envelope;
mod fetch;
mod folders;
mod reader;
mod search;
mod structure;
mod view;

use std::{sync::Arc, time::Duration};

use mailbearer_imap::{
    Capability, Code, Command, Data, Fetch, Flag, Item, List, Response, Status, StatusLine,
    server::{encode_response, parse_command},
};
use mailbearer_wire::{RecvBuf, Secret, SendBuf};

use self::{
    fetch::Fetching,
    reader::{Reader, Refusal},
    view::{Change, View},
};
use super::{
    World,
    login::{Login, MECHANISMS, Verdict},
    session::{Action, Session},
};

/// One IMAP session.
#[derive(Debug)]
pub(crate) struct Imap {
    world: Arc<World>,
    tls: bool,
    reader: Reader,
    state: State,
    /// What the client logged in with; the session ends with it.
    token: Option<Secret>,
    view: Option<View>,
    out: Out,
    errors: usize,
}

#[derive(Debug)]
enum State {
    Greeting,
    Command,
    Login { tag: String, login: Login },
    Idle { tag: String },
    Fetching(Fetching),
    Handshake,
    Done,
}

/// Octets for the client that are not in the send buffer yet.
#[derive(Debug, Default)]
struct Out {
    octets: Vec<u8>,
    sent: usize,
}

impl Out {
    fn respond(&mut self, response: &Response<'_>) {
        encode_response(response, &mut self.octets);
    }

    fn untagged(&mut self, data: Data<'_>) {
        self.respond(&Response::Untagged(data));
    }

    fn status(&mut self, tag: Option<&str>, status: Status, code: Option<Code<'_>>, text: &str) {
        let line = StatusLine { status, code, text: text.as_bytes() };
        self.respond(&match tag {
            Some(tag) => Response::Tagged { tag: tag.as_bytes(), line },
            None => Response::Untagged(Data::Status(line)),
        });
    }

    fn go_on(&mut self, text: &str) {
        self.respond(&Response::Continuation { code: None, text: text.as_bytes() });
    }

    /// Moves what fits; whether that was all.
    fn pump(&mut self, tx: &mut SendBuf) -> bool {
        let rest = self.octets.get(self.sent..).unwrap_or_default();
        let piece = rest.get(..tx.room()).unwrap_or(rest);
        tx.push_bulk(piece);
        self.sent = self.sent.saturating_add(piece.len());
        let all = self.sent >= self.octets.len();
        if all {
            *self = Self::default();
        }
        all
    }
}

impl Imap {
    pub(crate) fn new(world: Arc<World>, tls: bool) -> Self {
        Self {
            world,
            tls,
            reader: Reader::new(),
            state: State::Greeting,
            token: None,
            view: None,
            out: Out::default(),
            errors: 0,
        }
    }

    /// Does one thing; `None` when it waits for the client.
    fn advance(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Option<State> {
        if self.has_expired() {
            self.out.status(None, Status::Bye, None, "Session invalidated - AccessTokenExpired");
            return Some(State::Done);
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Greeting => {
                let text = "The Mailbearer mock IMAP4 service is ready.";
                self.out.status(None, Status::Ok, None, text);
                Some(State::Command)
            }
            State::Command => match self.reader.next(rx, tx, self.max_literal()) {
                Ok(Some(command)) => Some(self.command(&command, rx)),
                Ok(None) => self.wait(State::Command),
                Err(Refusal::Literal { tag }) => {
                    let tag = String::from_utf8_lossy(&tag).into_owned();
                    self.out.status(Some(&tag), Status::No, Some(Code::TooBig), "Literal too large.");
                    Some(self.failed())
                }
                Err(Refusal::TooMuch) => Some(self.too_much()),
            },
            State::Login { tag, login } => match self.reader.next_line(rx) {
                Ok(Some(line)) => Some(self.login(tag, login, &line)),
                Ok(None) => self.wait(State::Login { tag, login }),
                Err(_) => Some(self.too_much()),
            },
            State::Idle { tag } => self.idle(tag, rx),
            State::Fetching(fetching) => Some(self.go_on_fetching(fetching)),
            State::Handshake | State::Done => Some(State::Done),
        }
    }

    fn wait(&mut self, state: State) -> Option<State> {
        self.state = state;
        None
    }

    fn idle(&mut self, tag: String, rx: &mut RecvBuf) -> Option<State> {
        if self.tell_changes(true) {
            return Some(State::Done);
        }
        match self.reader.next_line(rx) {
            Ok(Some(line)) if line.eq_ignore_ascii_case(b"DONE") => {
                Some(self.completed(&tag, "IDLE completed."))
            }
            Ok(Some(_)) => Some(self.bad(&tag, "Command received in Invalid state.")),
            Ok(None) => self.wait(State::Idle { tag }),
            Err(_) => Some(self.too_much()),
        }
    }

    fn command(&mut self, octets: &[u8], rx: &RecvBuf) -> State {
        let (tag, command) = match parse_command(octets) {
            Ok((tag, command)) => (tag, command),
            Err(bad) => {
                let tag = bad.tag.unwrap_or("*").to_owned();
                return self.bad(&tag, "Command Error. 12");
            }
        };
        let tag = tag.to_owned();
        match command {
            Command::Capability => {
                let capabilities = self.capabilities();
                self.out.untagged(Data::Capability(capabilities));
                self.completed(&tag, "CAPABILITY completed.")
            }
            Command::Logout => {
                let text = "Microsoft Exchange Server IMAP4 server signing off.";
                self.out.status(None, Status::Bye, None, text);
                let _ = self.completed(&tag, "LOGOUT completed.");
                State::Done
            }
            Command::Id(_) => {
                self.id();
                self.completed(&tag, "ID completed.")
            }
            Command::StartTls => self.starttls(&tag, rx),
            Command::Authenticate { mechanism, initial } => {
                let initial = initial.as_ref().map(|initial| initial.expose().as_slice());
                self.authenticate(tag, &mechanism.to_text(), initial)
            }
            Command::Login { .. } if !self.tls => {
                self.no(&tag, Some(Code::PrivacyRequired), "LOGIN needs TLS.")
            }
            Command::Login { .. } => self.no(&tag, None, "LOGIN failed."),
            Command::Noop if self.token.is_none() => self.completed(&tag, "NOOP completed."),
            _ if self.token.is_none() => self.bad(&tag, "Command received in Invalid state."),
            _ if self.world.not_connected => self.bad(&tag, "User is authenticated but not connected."),
            command => self.authenticated(&tag, command),
        }
    }

    fn starttls(&mut self, tag: &str, rx: &RecvBuf) -> State {
        if self.tls || self.token.is_some() {
            return self.bad(tag, "Command received in Invalid state.");
        }
        if !rx.unread().is_empty() {
            self.out.status(None, Status::Bye, None, "Octets behind STARTTLS.");
            return State::Done;
        }
        let _ = self.completed(tag, "Begin TLS negotiation now.");
        State::Handshake
    }

    fn authenticate(&mut self, tag: String, mechanism: &str, initial: Option<&[u8]>) -> State {
        if self.token.is_some() {
            return self.bad(&tag, "Command received in Invalid state.");
        }
        let login = if self.tls { Login::start(mechanism) } else { None };
        match (login, initial) {
            (None, _) => self.no(&tag, None, "AUTHENTICATE failed."),
            (Some(login), Some(initial)) => self.login(tag, login, initial),
            (Some(login), None) => {
                self.out.go_on("");
                State::Login { tag, login }
            }
        }
    }

    fn login(&mut self, tag: String, mut login: Login, response: &[u8]) -> State {
        if response == b"*" {
            return self.bad(&tag, "AUTHENTICATE cancelled.");
        }
        match login.receive(&self.world, response) {
            Verdict::In(token) => {
                self.token = Some(token);
                self.completed(&tag, "AUTHENTICATE completed.")
            }
            Verdict::Challenge(challenge) => {
                self.out.go_on(&challenge);
                State::Login { tag, login }
            }
            Verdict::Refused => self.no(&tag, None, "AUTHENTICATE failed."),
            Verdict::Malformed => self.bad(&tag, "Command Argument Error. 11"),
        }
    }

    fn capabilities(&self) -> List<'static, Capability<'static>> {
        use Capability as C;
        let mut list = vec![C::Imap4Rev1, C::SaslIr, C::LiteralPlus, C::Id];
        match (self.tls, self.token.is_some()) {
            (false, _) => list.extend([C::StartTls, C::LoginDisabled]),
            (true, false) => list.extend(
                MECHANISMS
                    .iter()
                    .filter_map(|name| mailbearer_imap::Atom::new(name).ok().map(Capability::Auth)),
            ),
            (true, true) => list.extend([
                C::UidPlus,
                C::Unselect,
                C::Children,
                C::Idle,
                C::Namespace,
                C::Move,
                C::Enable,
                C::ESearch,
                C::SpecialUse,
                C::ListExtended,
                C::ListStatus,
                C::StatusSize,
            ]),
        }
        List::from(list)
    }

    /// Tells what others changed; whether the folder is gone and the session over.
    fn tell_changes(&mut self, may_expunge: bool) -> bool {
        let Some(view) = &mut self.view else { return false };
        let store = self.world.mailbox.lock();
        for change in view.catch_up(&store, may_expunge) {
            match change {
                Change::Expunged(number) => self.out.untagged(Data::Expunge(number)),
                Change::Exists(count) => self.out.untagged(Data::Exists(count)),
                Change::Flags { number, uid } => {
                    let message = view.of(&store).and_then(|folder| folder.message(uid));
                    let flags = message.map(|message| flags(&message.flags)).unwrap_or_default();
                    let items = vec![Item::Uid(uid), Item::Flags(flags)];
                    self.out.untagged(Data::Fetch(Fetch { number, items }));
                }
                Change::Gone => {
                    self.out.status(None, Status::Bye, None, "The mailbox is gone.");
                    return true;
                }
            }
        }
        false
    }

    fn completed(&mut self, tag: &str, text: &str) -> State {
        self.out.status(Some(tag), Status::Ok, None, text);
        State::Command
    }

    fn no(&mut self, tag: &str, code: Option<Code<'_>>, text: &str) -> State {
        self.out.status(Some(tag), Status::No, code, text);
        self.failed()
    }

    fn bad(&mut self, tag: &str, text: &str) -> State {
        let tag = (tag != "*").then_some(tag);
        self.out.status(tag, Status::Bad, None, text);
        self.failed()
    }

    fn failed(&mut self) -> State {
        self.errors = self.errors.saturating_add(1);
        if self.errors <= MAX_ERRORS {
            return State::Command;
        }
        self.out.status(None, Status::Bye, None, "Connection closed. 14");
        State::Done
    }

    fn too_much(&mut self) -> State {
        self.out.status(None, Status::Bye, None, "Too much at once.");
        State::Done
    }

    fn has_expired(&self) -> bool {
        let state = !matches!(self.state, State::Done | State::Fetching(_));
        state && self.token.as_ref().is_some_and(|token| !self.world.tokens.is_good(token.expose()))
    }

    fn max_literal(&self) -> usize {
        if self.token.is_some() { self.world.limits.message_octets } else { MAX_EARLY_LITERAL }
    }
}

impl Session for Imap {
    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Action {
        loop {
            if !self.out.pump(tx) {
                return Action::Flush;
            }
            match self.state {
                State::Done => return Action::Close,
                State::Handshake => {
                    // Nothing that was said in the clear counts any more.
                    *self = Self { state: State::Command, ..Self::new(Arc::clone(&self.world), true) };
                    return Action::StartTls;
                }
                _ => {}
            }
            match self.advance(rx, tx) {
                Some(state) => self.state = state,
                None if rx.is_eof() => return Action::Close,
                // What an idle session has to tell is there before it waits.
                None if self.out.pump(tx) => return Action::Read,
                None => return Action::Flush,
            }
        }
    }

    fn patience(&self) -> Duration {
        match self.state {
            State::Idle { .. } => self.world.limits.silence.saturating_mul(6),
            _ => self.world.limits.silence,
        }
    }

    fn interval(&self) -> Option<Duration> {
        matches!(self.state, State::Idle { .. }).then_some(IDLE_INTERVAL)
    }
}

fn flags(names: &[String]) -> List<'_, Flag<'_>> {
    names.iter().filter_map(|name| Flag::new(name).ok()).collect()
}

/// How soon an idle client hears of a change.
const IDLE_INTERVAL: Duration = Duration::from_millis(10);
/// Octets of a literal of a client that is not known yet.
const MAX_EARLY_LITERAL: usize = 4096;
const MAX_ERRORS: usize = 100;

#[cfg(test)]
mod tests;

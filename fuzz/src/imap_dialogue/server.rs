//! A mailbox in memory and a server for one client of it.

use std::collections::{BTreeMap, VecDeque};

use mailbearer_imap::{
    AppendData, Capability, Code, Command, Data, Fetch, FetchItem, Flag, Found, Item, List, Literals,
    Response, Section, SequenceSet, Status, StatusLine, StoreAction,
    server::{encode_response, parse_command},
};
use mailbearer_sasl::{
    Mechanism,
    server::{Acceptor, Received},
};

use crate::wire;

/// Flags that there are, by their bits.
pub(super) const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "\\Deleted", "$Key"];
const DELETED: u8 = 4;

pub(super) fn flags(bits: u8) -> Vec<Flag<'static>> {
    let set = FLAGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 > 0);
    set.map(|(_, name)| Flag::new(name).unwrap()).collect()
}

/// A message as it is.
struct Stored {
    uid: u32,
    flags: u8,
    /// Whether somebody else changed the flags and the client does not know yet.
    dirty: bool,
}

/// A message as the client was told of it.
pub(super) struct Told {
    pub(super) uid: u32,
    pub(super) known: bool,
    pub(super) flags: Option<u8>,
}

pub(super) struct Server {
    abilities: u8,
    heard: Vec<u8>,
    /// On its way to the client.
    pub(super) out: Vec<u8>,
    stored: Vec<Stored>,
    pub(super) told: Vec<Told>,
    /// The octets of every message that there ever was.
    pub(super) ever: BTreeMap<u32, Vec<u8>>,
    /// Answers given, in their order.
    pub(super) said: VecDeque<(String, Status)>,
    state: State,
    selected: bool,
    commands: u8,
}

enum State {
    Command,
    /// So many octets of what was heard may come, a literal among them.
    Granted(usize),
    Auth {
        tag: String,
    },
    Idle {
        tag: String,
    },
    Gone,
}

impl Server {
    pub(super) fn new(abilities: u8) -> Self {
        let mut server = Self {
            abilities,
            heard: Vec::new(),
            out: Vec::new(),
            stored: Vec::new(),
            told: Vec::new(),
            ever: BTreeMap::new(),
            said: VecDeque::new(),
            state: State::Command,
            selected: false,
            commands: 0,
        };
        let code = (abilities & 1 > 0).then(|| Code::Capability(server.capabilities()));
        server.status(None, Status::Ok, code);
        server
    }

    fn literals(&self) -> Literals {
        [Literals::Synchronizing, Literals::Minus, Literals::Plus][usize::from(self.abilities >> 2) % 3]
    }

    fn capabilities(&self) -> List<'static, Capability<'static>> {
        let mut list = vec![Capability::Imap4Rev1, Capability::Idle];
        list.push(Capability::Auth(mailbearer_imap::Atom::new("XOAUTH2").unwrap()));
        list.extend((self.abilities & 2 > 0).then_some(Capability::SaslIr));
        match self.literals() {
            Literals::Synchronizing => {}
            Literals::Minus => list.push(Capability::LiteralMinus),
            Literals::Plus => list.push(Capability::LiteralPlus),
        }
        list.into()
    }

    pub(super) fn deliver(&mut self, octets: &[u8]) {
        let uid = self.ever.last_key_value().map_or(1, |(uid, _)| uid + 2);
        self.ever.insert(uid, octets.to_vec());
        self.stored.push(Stored { uid, flags: 0, dirty: false });
        self.tell_an_idler();
    }

    pub(super) fn remove(&mut self, which: u8) {
        if !self.stored.is_empty() {
            self.stored.remove(usize::from(which) % self.stored.len());
        }
        self.tell_an_idler();
    }

    pub(super) fn flag(&mut self, which: u8, flags: u8) {
        let count = self.stored.len().max(1);
        if let Some(message) = self.stored.get_mut(usize::from(which) % count) {
            (message.flags, message.dirty) = (flags % 16, true);
        }
        self.tell_an_idler();
    }

    fn tell_an_idler(&mut self) {
        if matches!(self.state, State::Idle { .. }) {
            self.tell_changes();
        }
    }

    pub(super) fn receive(&mut self, octets: &[u8]) {
        self.heard.extend_from_slice(octets);
        while self.advance() {}
    }

    /// Does one thing; whether there was one to do.
    fn advance(&mut self) -> bool {
        match &self.state {
            State::Command => self.command_start(),
            State::Granted(length) if self.heard.len() < *length => false,
            State::Granted(length) => {
                let from = *length;
                self.line(from)
            }
            State::Auth { tag } => {
                let tag = tag.clone();
                let Some(line) = self.take_line() else { return false };
                self.login(&tag, &line);
                true
            }
            State::Idle { tag } => {
                let tag = tag.clone();
                let Some(line) = self.take_line() else { return false };
                assert_eq!(line, b"DONE");
                self.state = State::Command;
                self.tell_changes();
                self.answer(&tag, Status::Ok);
                true
            }
            State::Gone => {
                assert!(self.heard.is_empty(), "said behind LOGOUT: {}", self.heard.escape_ascii());
                false
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.heard.windows(2).position(|pair| pair == b"\r\n")?;
        let line = self.heard.drain(..end + 2).take(end).collect();
        Some(line)
    }

    fn command_start(&mut self) -> bool {
        self.line(0)
    }

    /// Looks at the line of a command that starts at `from`.
    fn line(&mut self, from: usize) -> bool {
        let found = self.heard[from..].windows(2).position(|pair| pair == b"\r\n");
        let Some(end) = found.map(|end| from + end) else { return false };
        let line = &self.heard[from..end];
        let Some(size) = wire::announced(line) else {
            self.state = State::Command;
            let command: Vec<u8> = self.heard.drain(..end + 2).collect();
            self.command(&command);
            return true;
        };
        let waits = !line.ends_with(b"+}");
        // What was given before the client knew the server's abilities waits without need.
        assert!(
            waits || self.literals() == Literals::Plus || self.literals() == Literals::Minus && size <= 4096
        );
        if waits {
            assert_eq!(self.heard.len(), end + 2, "goes on without leave");
            self.commands = self.commands.wrapping_add(1);
            if self.abilities & 32 > 0 && self.commands.is_multiple_of(3) {
                // The literal is not wanted.
                let tag: Vec<u8> = self.heard.iter().copied().take_while(|octet| *octet != b' ').collect();
                self.heard.clear();
                self.state = State::Command;
                self.answer(&String::from_utf8(tag).unwrap(), Status::No);
                return true;
            }
            self.respond(&Response::Continuation { code: None, text: b"go on" });
        }
        self.state = State::Granted(end + 2 + size);
        true
    }

    fn command(&mut self, octets: &[u8]) {
        let (tag, command) =
            parse_command(octets).unwrap_or_else(|error| panic!("{error:?}: {}", octets.escape_ascii()));
        let mut status = Status::Ok;
        let mut numbers_hold = false;
        match command {
            Command::Capability => {
                let list = self.capabilities();
                self.untagged(Data::Capability(list));
                // The session asked by itself.
                let line = StatusLine { status, code: None, text: b"" };
                return self.respond(&Response::Tagged { tag: tag.as_bytes(), line });
            }
            Command::Authenticate { initial: Some(initial), .. } => return self.login(tag, initial.expose()),
            Command::Authenticate { initial: None, .. } => {
                self.respond(&Response::Continuation { code: None, text: b"" });
                self.state = State::Auth { tag: tag.into() };
                return;
            }
            Command::Logout => {
                self.status(None, Status::Bye, None);
                self.answer(tag, Status::Ok);
                self.state = State::Gone;
                return;
            }
            Command::Idle => {
                self.respond(&Response::Continuation { code: None, text: b"idling" });
                self.state = State::Idle { tag: tag.into() };
                return self.tell_changes();
            }
            Command::Select(_) | Command::Examine(_) => {
                if self.selected {
                    self.status(None, Status::Ok, Some(Code::Closed));
                }
                self.selected = true;
                self.told.clear();
                self.untagged(Data::Flags(flags(15).into()));
                // All of it is told, also that there is nothing.
                self.tell_changes();
                self.untagged(Data::Exists(self.told.len() as u32));
            }
            Command::Append { messages, .. } => {
                for message in messages {
                    let AppendData::Octets(octets) = message.data else { panic!("{:?}", message.data) };
                    self.deliver(&octets);
                }
            }
            Command::Noop => {}
            _ if !self.selected => status = Status::Bad,
            Command::Fetch { uid, set, items, .. } => {
                numbers_hold = !uid;
                self.fetch(uid, &set, &items);
            }
            Command::Store { uid, set, action, silent, flags, .. } => {
                numbers_hold = !uid;
                self.store(uid, &set, action, silent, &flags);
            }
            Command::Search { uid, .. } => {
                numbers_hold = !uid;
                let numbers = (1..).zip(&self.told).map(|(number, told)| if uid { told.uid } else { number });
                let found = Found { numbers: numbers.collect::<Vec<u32>>().into(), mod_seq: None };
                self.untagged(Data::Search(found));
            }
            Command::Expunge(None) => {
                self.stored.retain(|message| message.flags & DELETED == 0);
            }
            _ => status = Status::No,
        }
        if self.selected && !numbers_hold {
            self.tell_changes();
        }
        self.answer(tag, status);
    }

    fn login(&mut self, tag: &str, response: &[u8]) {
        let received = Acceptor::new(Mechanism::XOAuth2).receive(response);
        let Ok(Received::Login(login)) = received else { panic!("{received:?}") };
        assert_eq!((&*login.user, login.secret.expose().as_str()), ("robot@mail.test", "token"));
        self.state = State::Command;
        let code = (self.abilities & 16 > 0).then(|| Code::Capability(self.capabilities()));
        let line = StatusLine { status: Status::Ok, code, text: b"in" };
        self.respond(&Response::Tagged { tag: tag.as_bytes(), line });
    }

    /// Messages as numbers of the client's view name them.
    fn picked(&self, uid: bool, set: &SequenceSet) -> Vec<usize> {
        let highest = self.told.last().map_or(0, |told| if uid { told.uid } else { self.told.len() as u32 });
        let named = |(index, told): &(usize, &Told)| {
            set.contains(if uid { told.uid } else { *index as u32 + 1 }, highest)
        };
        self.told.iter().enumerate().filter(named).map(|(index, _)| index).collect()
    }

    fn fetch(&mut self, uid: bool, set: &SequenceSet, wanted: &[FetchItem<'_>]) {
        for index in self.picked(uid, set) {
            let number = self.told[index].uid;
            let Some(message) = self.stored.iter_mut().find(|message| message.uid == number) else {
                continue;
            };
            let (mut items, mut told_flags) = (Vec::new(), None);
            let told_uid = uid || wanted.contains(&FetchItem::Uid);
            if told_uid {
                items.push(Item::Uid(number));
            }
            for item in wanted {
                match item {
                    FetchItem::Flags => {
                        message.dirty = false;
                        told_flags = Some(message.flags);
                        items.push(Item::Flags(flags(message.flags).into()));
                    }
                    FetchItem::Size => items.push(Item::Size(self.ever[&number].len() as u64)),
                    FetchItem::Section { .. } => items.push(Item::Body {
                        section: Section::WHOLE,
                        origin: None,
                        data: Some(self.ever[&number].clone().into()),
                    }),
                    _ => {}
                }
            }
            self.told_of(index, told_uid, told_flags);
            self.untagged(Data::Fetch(Fetch { number: index as u32 + 1, items }));
        }
    }

    fn store(&mut self, uid: bool, set: &SequenceSet, action: StoreAction, silent: bool, given: &[Flag<'_>]) {
        let bits = FLAGS.iter().enumerate().filter(|(_, name)| given.contains(&Flag::new(name).unwrap()));
        let bits = bits.fold(0, |sum, (bit, _)| sum | 1 << bit);
        for index in self.picked(uid, set) {
            let number = self.told[index].uid;
            let Some(message) = self.stored.iter_mut().find(|message| message.uid == number) else {
                continue;
            };
            message.flags = match action {
                StoreAction::Replace => bits,
                StoreAction::Add => message.flags | bits,
                StoreAction::Remove => message.flags & !bits,
            };
            if !silent {
                message.dirty = false;
                let (now, mut items) = (message.flags, vec![Item::Flags(flags(message.flags).into())]);
                items.extend(uid.then_some(Item::Uid(number)));
                self.told_of(index, uid, Some(now));
                self.untagged(Data::Fetch(Fetch { number: index as u32 + 1, items }));
            }
        }
    }

    fn told_of(&mut self, index: usize, uid: bool, flags: Option<u8>) {
        let told = &mut self.told[index];
        told.known |= uid;
        if told.known {
            told.flags = flags.or(told.flags);
        }
    }

    /// Tells what changed since it was told last: what is gone, what came, and flags.
    fn tell_changes(&mut self) {
        if !self.selected {
            return;
        }
        for index in (0..self.told.len()).rev() {
            if self.stored.iter().all(|message| message.uid != self.told[index].uid) {
                self.told.remove(index);
                self.untagged(Data::Expunge(index as u32 + 1));
            }
        }
        let before = self.told.len();
        let new = self.stored[before..].iter();
        let new: Vec<Told> =
            new.map(|message| Told { uid: message.uid, known: false, flags: None }).collect();
        if !new.is_empty() {
            self.told.extend(new);
            self.untagged(Data::Exists(self.told.len() as u32));
        }
        for index in 0..before {
            if std::mem::take(&mut self.stored[index].dirty) {
                let (uid, bits) = (self.stored[index].uid, self.stored[index].flags);
                let items = vec![Item::Uid(uid), Item::Flags(flags(bits).into())];
                self.told_of(index, true, Some(bits));
                self.untagged(Data::Fetch(Fetch { number: index as u32 + 1, items }));
            }
        }
    }

    fn answer(&mut self, tag: &str, status: Status) {
        self.said.push_back((tag.into(), status));
        let line = StatusLine { status, code: None, text: b"{3} is no literal {3}" };
        self.respond(&Response::Tagged { tag: tag.as_bytes(), line });
    }

    fn status(&mut self, tag: Option<&str>, status: Status, code: Option<Code<'_>>) {
        let line = StatusLine { status, code, text: b"text {7}" };
        self.respond(&match tag {
            Some(tag) => Response::Tagged { tag: tag.as_bytes(), line },
            None => Response::Untagged(Data::Status(line)),
        });
    }

    fn untagged(&mut self, data: Data<'_>) {
        self.respond(&Response::Untagged(data));
    }

    fn respond(&mut self, response: &Response<'_>) {
        encode_response(response, &mut self.out);
    }
}

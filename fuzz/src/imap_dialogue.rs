//! A client against a server in memory, with random operations on both sides and a network that delivers when and as
//! much as it likes: every command is answered once and in its order, bodies arrive as they are, and the client's view
//! of the mailbox is the server's.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::{Arbitrary, Unstructured};
use mailbearer_imap::{
    AppendData, AppendMessage, Code, Command, Data, FetchItem, Flag, Item, Mailbox, Response, SearchKey,
    Section, SequenceSet, StoreAction,
    session::{Event, Options, Session, Tag},
    view::View,
};
use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use crate::pieces::Random;

mod server;

use server::{FLAGS, Server};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Act {
    /// So many octets on their way to the server.
    Up(u8),
    /// So many octets on their way to the client.
    Down(u8),
    /// All that is on its way, until nobody has more to say.
    Settle,
    Noop,
    Select,
    Examine,
    Fetch {
        uid: bool,
        first: u8,
        last: u8,
        what: u8,
    },
    Store {
        uid: bool,
        first: u8,
        last: u8,
        flags: u8,
        action: u8,
        silent: bool,
    },
    Search {
        uid: bool,
    },
    Expunge,
    Append {
        size: u8,
        inline: bool,
    },
    Copy {
        first: u8,
        last: u8,
    },
    Idle,
    Done,
    /// Somebody else does these.
    Deliver(u8),
    Remove(u8),
    Flag(u8, u8),
}

/// `data` is what the server can do, a size for the client's limits, and [`Act`]s.
pub fn run(data: &[u8]) {
    let mut source = Unstructured::new(data);
    let Ok([abilities, inline, seed]) = <[u8; 3]>::arbitrary(&mut source) else { return };
    let Ok(mut play) = Play::new(abilities, inline, seed) else { return };
    for act in source.arbitrary_iter::<Act>().into_iter().flatten().flatten().take(200) {
        play.act(act);
    }
    play.finish();
}

struct Play {
    session: Session,
    rx: RecvBuf,
    tx: SendBuf,
    server: Server,
    random: Random,
    view: View,
    /// What waits for its answer, and for an APPEND what is left of its message.
    given: VecDeque<Tag>,
    bodies: BTreeMap<Tag, Vec<u8>>,
    /// The octets of literals that are streamed, in their order.
    streamed: Vec<Vec<u8>>,
    messages: u8,
    over: bool,
}

impl Play {
    fn new(abilities: u8, inline: u8, seed: u8) -> Result<Self, mailbearer_imap::session::Misuse> {
        let mut options = Options::new("mail.test", 993, Security::Implicit);
        if inline > 0 {
            options.limits.literal_inline = inline.into();
        }
        let rx = RecvBuf::with_limit(options.limits.buffer());
        let mut session = Session::new(options);
        session.authenticate(Credentials::bearer("robot@mail.test", "token").unwrap())?;
        let mut play = Self {
            session,
            rx,
            tx: SendBuf::new(),
            server: Server::new(abilities),
            random: Random(seed.into()),
            view: View::new(),
            given: VecDeque::new(),
            bodies: BTreeMap::new(),
            streamed: Vec::new(),
            messages: 0,
            over: false,
        };
        play.pump();
        Ok(play)
    }

    fn act(&mut self, act: Act) {
        let set = |first: u8, last: u8| SequenceSet::range(u32::from(first % 12), u32::from(last % 12));
        let session = &mut self.session;
        let given = match act {
            Act::Up(count) => return self.up(count.into()),
            Act::Down(count) => return self.down(count.into()),
            Act::Settle => return self.settle(),
            Act::Deliver(size) => return self.server.deliver(&body(size, self.messages)),
            Act::Remove(which) => return self.server.remove(which),
            Act::Flag(which, flags) => return self.server.flag(which, flags),
            Act::Done => {
                let _ = session.done();
                return self.pump();
            }
            Act::Noop => session.noop(),
            Act::Select => session.select(Mailbox::INBOX),
            Act::Examine => session.examine(Mailbox::INBOX),
            Act::Fetch { uid, first, last, what } => {
                let body = FetchItem::Section { section: Section::WHOLE, partial: None, peek: true };
                let items = [FetchItem::Uid, FetchItem::Flags, body, FetchItem::Size];
                let wanted = items.into_iter().enumerate().filter(|(bit, _)| what >> bit & 1 > 0);
                let items = wanted.map(|(_, item)| item).collect();
                let set = set(first, last);
                session.command(&Command::Fetch { uid, set, items, changed_since: None, vanished: false })
            }
            Act::Store { uid, first, last, flags, action, silent } => {
                let action =
                    [StoreAction::Replace, StoreAction::Add, StoreAction::Remove][usize::from(action % 3)];
                let flags = server::flags(flags);
                let set = set(first, last);
                session.command(&Command::Store { uid, set, unchanged_since: None, action, silent, flags })
            }
            Act::Search { uid } => {
                session.command(&Command::Search { uid, returns: None, charset: None, key: SearchKey::All })
            }
            Act::Expunge => session.command(&Command::Expunge(None)),
            Act::Copy { first, last } => {
                session.command(&Command::Copy { uid: false, set: set(first, last), mailbox: Mailbox::INBOX })
            }
            Act::Append { size, inline: true } => {
                let data = AppendData::Octets(body(size, self.messages).into());
                let message = AppendMessage::new(data).flags(vec![Flag::Seen]);
                session.command(&Command::Append { mailbox: Mailbox::INBOX, messages: vec![message] })
            }
            Act::Append { size, inline: false } => {
                let octets = body(size, self.messages);
                let size = octets.len() as u64;
                session.append(Mailbox::INBOX, vec![Flag::Seen], None, size).inspect(|tag| {
                    self.bodies.insert(*tag, octets);
                })
            }
            Act::Idle => session.idle(),
        };
        self.messages = self.messages.wrapping_add(1);
        if let Ok(tag) = given {
            self.given.push_back(tag);
        }
        self.pump();
    }

    /// Everything goes well to its end.
    fn finish(mut self) {
        let noop = self.session.noop();
        self.given.extend(noop);
        self.settle();
        let logout = self.session.logout().unwrap();
        self.given.push_back(logout);
        self.pump();
        self.settle();
        assert!(self.given.is_empty(), "{:?} are not answered", self.given);
        self.down(usize::MAX);
        assert!(self.over, "no end");
        assert_eq!(self.session.pending().count(), 0);
    }

    fn up(&mut self, count: usize) {
        let unsent = self.tx.unsent();
        let count = count.min(unsent.len());
        self.server.receive(&unsent[..count]);
        self.tx.sent(count);
    }

    fn down(&mut self, count: usize) {
        let count = count.min(self.server.out.len()).min(self.rx.room());
        let octets: Vec<u8> = self.server.out.drain(..count).collect();
        self.rx.extend(&octets).unwrap();
        self.pump();
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            self.pump();
            if self.tx.unsent().is_empty() && self.server.out.is_empty() {
                let idle = self.session.is_idling();
                assert!(self.over || idle || self.given.is_empty(), "nobody says anything: {:?}", self.given);
                return self.compare();
            }
            self.up(usize::MAX);
            self.down(usize::MAX);
        }
        panic!("no end of talking");
    }

    /// Nothing is on its way: both see the same.
    fn compare(&self) {
        let told = &self.server.told;
        assert_eq!(self.view.exists() as usize, told.len());
        for (sequence, told) in (1..).zip(told) {
            let seen = self.view.message(sequence).map(|message| {
                let bits = message.flags().map(|flags| {
                    let bits =
                        FLAGS.iter().enumerate().filter(|(_, name)| flags.has(&Flag::new(name).unwrap()));
                    bits.fold(0, |sum, (bit, _)| sum | 1 << bit)
                });
                (message.uid, bits)
            });
            assert_eq!(seen, told.known.then_some((told.uid, told.flags)), "message {sequence}");
        }
    }

    fn pump(&mut self) {
        for _ in 0..100_000 {
            match self.session.step(&mut self.rx, &mut self.tx) {
                Ok(Step::Event(event)) => self.tell(event),
                Ok(Step::Read) => return,
                Ok(Step::Flush) => self.up(usize::MAX),
                Ok(Step::Close) => {
                    self.over = true;
                    return;
                }
                Ok(Step::StartTls) => panic!("TLS in TLS"),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("never wants to read");
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::Data(frame) => {
                let Ok(Response::Untagged(data)) = frame.response() else { panic!("{frame:?}") };
                match &data {
                    Data::Status(line) if line.code == Some(Code::Closed) => self.view = View::new(),
                    Data::Fetch(fetch) => {
                        let uid = fetch.items.iter().find_map(|item| match item {
                            Item::Uid(uid) => Some(*uid),
                            _ => None,
                        });
                        for item in &fetch.items {
                            if let (Item::Body { data: Some(data), .. }, Some(uid)) = (item, uid) {
                                self.arrived(uid, data, frame.streamed_for(data));
                            }
                        }
                        self.streamed.clear();
                    }
                    _ => {}
                }
                self.view.apply(&data).unwrap();
            }
            Event::LiteralStart { .. } => self.streamed.push(Vec::new()),
            Event::LiteralChunk(chunk) => {
                self.streamed.last_mut().expect("a literal's start").extend_from_slice(&chunk);
            }
            Event::Done(completion) => {
                assert_eq!(self.given.pop_front(), Some(completion.tag));
                let said = self.server.said.pop_front().expect("an answer of the server");
                assert_eq!((completion.tag.to_string(), completion.status), said);
                self.bodies.remove(&completion.tag);
            }
            Event::BodyWanted(tag) => {
                let body = self.bodies.get_mut(&tag).expect("a message that is streamed");
                let count = 1 + self.random.below(body.len().max(1));
                let taken = self.session.body(&body[..count.min(body.len())]);
                assert!(taken > 0);
                body.drain(..taken);
            }
            Event::Idling(tag) => assert!(self.given.contains(&tag)),
            _ => {}
        }
    }

    fn arrived(&self, uid: u32, data: &[u8], streamed: Option<u64>) {
        let wanted = &self.server.ever[&uid];
        match streamed {
            Some(size) => {
                assert_eq!(size, wanted.len() as u64);
                assert_eq!(self.streamed.concat(), *wanted);
            }
            None => assert_eq!(data, wanted),
        }
    }
}

/// A message of `size` octets that looks like protocol.
fn body(size: u8, number: u8) -> Vec<u8> {
    let text = format!("{number}: {{9}}\r\n* 1 EXPUNGE\r\nA{number} OK done\r\n+ \r\n)\r\nDONE\r\n");
    text.bytes().cycle().take(size.into()).collect()
}

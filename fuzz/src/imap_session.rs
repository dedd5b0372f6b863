//! A client's session among any server and any caller: however what arrives at one time is cut up, it says and tells
//! the same; it always has an end, and does not read on after it.
//!
//! A dialogue is a row of acts with [`SEPARATOR`] between them: what a server sends in one go, or after a `>` what the
//! caller asks for. What the session writes during an act reaches the server behind it.

use std::collections::BTreeSet;

use mailbearer_imap::{
    Mailbox,
    server::parse_command,
    session::{Error, Event, Options, Session, Tag},
};
use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use crate::pieces::{knobs, pieces};

/// Stands between two acts.
pub const SEPARATOR: u8 = 0x1e;

/// The flag that ends the connection by a reset.
pub(crate) const RESET: u8 = 32;

/// `data` is how to cut, flags for the options, and a dialogue.
pub fn run(data: &[u8]) {
    let ([cut, flags], dialogue) = knobs(data);
    // What comes behind a response that lets the client go on may be an error if it comes with it, so nothing can be
    // compared to this one.
    Play::new(flags).run(dialogue, Cut::Nowhere);
    let lines = Play::new(flags).run(dialogue, Cut::Lines);
    let pieces = Play::new(flags).run(dialogue, Cut::Pieces(cut.max(1)));
    assert_eq!(lines.sent.escape_ascii().to_string(), pieces.sent.escape_ascii().to_string());
    assert_eq!(lines.told(), pieces.told());
}

/// Where what arrives at one time is cut.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    Nowhere,
    Lines,
    /// At line ends and as the number says.
    Pieces(u8),
}

impl Cut {
    pub(crate) fn pieces(self, octets: &[u8]) -> Vec<&[u8]> {
        let lines = octets.split_inclusive(|&octet| octet == b'\n');
        match self {
            Self::Nowhere => vec![octets],
            Self::Lines => lines.collect(),
            Self::Pieces(knob) => lines.flat_map(|line| pieces(line, knob)).collect(),
        }
    }
}

struct Play {
    session: Session,
    rx: RecvBuf,
    tx: SendBuf,
    /// What the server got.
    sent: Vec<u8>,
    told: Vec<String>,
    given: BTreeSet<Tag>,
    clear: bool,
    /// Whether a server said that no authentication is needed.
    preauth: bool,
    over: bool,
    /// Octets came behind the server's consent to TLS, which the session could not know of.
    injected: bool,
    /// Whether the connection ends by a reset.
    reset: bool,
}

impl Play {
    fn new(flags: u8) -> Self {
        let clear = flags & 1 > 0;
        let security = if clear { Security::StartTls } else { Security::Implicit };
        let mut options = Options::new("mail.test", 143, security);
        if flags & 2 > 0 {
            options.limits.literal_inline = 10;
        }
        if flags & 4 > 0 {
            (options.limits.line, options.limits.response, options.limits.literal) = (200, 300, 400);
        }
        if flags & 8 > 0 {
            options.quirks = mailbearer_imap::Quirks::NONE;
        }
        if flags & 16 > 0 {
            (options.bounds.commands, options.bounds.early_responses, options.bounds.early_octets) =
                (4, 4, 200);
        }
        let rx = RecvBuf::with_limit(options.limits.buffer());
        let (session, tx, sent, told) = (Session::new(options), SendBuf::new(), Vec::new(), Vec::new());
        Self {
            session,
            rx,
            tx,
            sent,
            told,
            given: BTreeSet::new(),
            clear,
            preauth: false,
            over: false,
            injected: false,
            reset: flags & RESET > 0,
        }
    }

    fn run(mut self, dialogue: &[u8], cut: Cut) -> Self {
        self.pump();
        self.preauth = dialogue.windows(7).any(|window| window.eq_ignore_ascii_case(b"PREAUTH"));
        for act in dialogue.split(|&octet| octet == SEPARATOR) {
            self.arrive();
            match act {
                [b'>', call @ ..] => {
                    self.call(call);
                    self.pump();
                }
                octets => self.receive(octets, cut),
            }
            if self.over {
                break;
            }
        }
        self.arrive();
        if !self.over {
            if self.reset {
                self.rx.set_reset()
            } else {
                self.rx.set_eof()
            }
            self.pump();
            assert!(self.over, "no end behind the end");
        }
        if self.injected {
            return self;
        }
        // What it says last it says for ever.
        let last = self.told.last().cloned();
        self.over = false;
        self.pump();
        assert_eq!(self.told.pop(), last);
        self.arrive();
        self
    }

    /// What was told, without the octets of a literal that passed a limit: how many come before depends on the cuts.
    fn told(mut self) -> Vec<String> {
        // What the caller did meanwhile is told in between.
        let by_server = |told: &&mut String| !told.starts_with("took ") && !told.starts_with("misuse: ");
        let mut told = self.told.iter_mut().rev().filter(by_server);
        if let (Some(last), Some(literal)) = (told.next(), told.next())
            && last.starts_with("server sends too much")
            && literal.starts_with("literal ")
        {
            literal.truncate(literal.rfind(": ").unwrap_or_default());
        }
        self.told
    }

    fn receive(&mut self, octets: &[u8], cut: Cut) {
        let mut pieces = cut.pieces(octets).into_iter().peekable();
        while let Some(piece) = pieces.next() {
            if self.rx.extend(piece).is_err() {
                panic!("does not read what it may have to hold");
            }
            let handshake = self.pump();
            if handshake && pieces.peek().is_some() {
                // What came with the server's consent is an error also where only the driver sees it.
                assert_eq!(self.told.pop().as_deref(), Some("TLS"));
                self.tell_end(&Error::BytesBeforeTls.to_string());
                self.tx.sent(usize::MAX);
                self.injected = true;
            }
            if self.over {
                break;
            }
        }
    }

    /// The server gets what was written.
    fn arrive(&mut self) {
        self.sent.extend_from_slice(self.tx.unsent());
        self.tx.sent(usize::MAX);
    }

    /// Steps until the session wants to read, or has ended; whether it wants TLS.
    fn pump(&mut self) -> bool {
        let mut handshake = false;
        for _ in 0..1_000_000 {
            let step = self.session.step(&mut self.rx, &mut self.tx);
            if self.clear {
                let mut said = [&self.sent, self.tx.unsent()].concat();
                said.retain(|octet| !octet.is_ascii_digit());
                assert!(
                    said.is_empty() || said == b"A STARTTLS\r\n",
                    "in the clear: {}",
                    said.escape_ascii()
                );
            }
            match step {
                Ok(Step::Read) => {
                    assert!(!self.rx.is_eof(), "reads on after the end");
                    return handshake;
                }
                Ok(Step::Flush) => {
                    assert!(!self.tx.unsent().is_empty(), "nothing to flush");
                    self.arrive();
                }
                Ok(Step::StartTls) => {
                    assert!(self.rx.unread().is_empty() && self.clear);
                    assert!(self.was_heard("STARTTLS\r\n"), "consent to what was not asked");
                    (self.clear, handshake) = (false, true);
                    self.told.push("TLS".into());
                }
                Ok(Step::Event(event)) => self.tell(event),
                Ok(Step::Close) => {
                    self.tell_end("close");
                    return handshake;
                }
                Err(error) => {
                    assert_eq!(self.session.pending().count(), 0);
                    self.tell_end(&error.to_string());
                    return handshake;
                }
            }
        }
        panic!("never wants to read");
    }

    /// Whether the server had got this before it said what it says now.
    fn was_heard(&self, words: &str) -> bool {
        self.sent.windows(words.len()).any(|window| window == words.as_bytes())
    }

    fn tell_end(&mut self, last: &str) {
        self.told.push(last.into());
        self.over = true;
    }

    fn tell(&mut self, event: Event) {
        if let Event::LiteralChunk(chunk) = &event
            && let Some(last) = self.told.iter_mut().rfind(|told| told.starts_with("literal "))
        {
            return last.push_str(&chunk.escape_ascii().to_string());
        }
        if let Event::Done(completion) = &event {
            assert!(self.given.remove(&completion.tag), "answered and not asked, or twice");
            assert!(self.was_heard(&format!("{} ", completion.tag)), "answered before it was asked");
            let _ = (completion.line(), completion.problem());
        }
        if event == Event::Authenticated && !self.preauth {
            assert!(self.was_heard(" AUTHENTICATE "), "authenticated and not asked to");
        }
        let clear = matches!(event, Event::Ready | Event::Data(_)) && self.clear;
        assert!(!clear, "{event:?} before TLS");
        self.told.push(match event {
            Event::LiteralStart { head, size } => format!("literal {size} {}: ", head.escape_ascii()),
            Event::LiteralChunk(_) => panic!("a chunk of nothing"),
            Event::Data(frame) => {
                let parsed = frame.response().map(|response| format!("{response:?}"));
                format!("{} {:?} {parsed:?}", frame.octets().escape_ascii(), frame.streamed())
            }
            event => format!("{event:?}"),
        });
    }

    fn call(&mut self, call: &[u8]) {
        let (name, argument) = call.split_first().unwrap_or((&0, &[]));
        let mailbox = Mailbox::from_wire(argument).unwrap_or(Mailbox::INBOX);
        let session = &mut self.session;
        let result = match name {
            b'a' => {
                session.authenticate(Credentials::bearer("robot@mail.test", "token").unwrap()).map(|()| None)
            }
            b'p' => session.authenticate(Credentials::password("robot", "word").unwrap()).map(|()| None),
            b's' => session.select(mailbox).map(Some),
            b'i' => session.idle().map(Some),
            b'd' => session.done().map(|()| None),
            b'l' => session.logout().map(Some),
            b'm' => session.append(Mailbox::INBOX, vec![], None, argument.len() as u64).map(Some),
            b'b' => {
                let count = session.body(argument);
                assert!(count <= argument.len());
                self.told.push(format!("took {count}"));
                Ok(None)
            }
            b'c' => match parse_command(&[b"x ", argument].concat()) {
                Ok((_, command)) => session.command(&command).map(Some),
                Err(_) => Ok(None),
            },
            _ => session.noop().map(Some),
        };
        match result {
            Ok(Some(tag)) => assert!(self.given.insert(tag), "{tag} was given before"),
            Ok(None) => {}
            Err(misuse) => self.told.push(format!("misuse: {misuse}")),
        }
        assert!(self.session.pending().all(|tag| self.given.contains(&tag)));
    }
}

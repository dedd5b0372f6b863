//! However a server's answers are cut up, a session goes the same way; it always has an end, and never says that messages
//! are gone before QUIT was heard.
//!
//! A dialogue is made of acts as that of `imap_session`.

use mailbearer_pop3::{Error, Event, Limits, Options, Removal, Session, Ticket};
use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use crate::{
    imap_session::{Cut, RESET, SEPARATOR},
    pieces::knobs,
};

/// `data` is how to cut, flags for the options, and a dialogue.
pub fn run(data: &[u8]) {
    let ([cut, flags], dialogue) = knobs(data);
    // Two answers that come together say what they say before the client said more, so nothing can be compared to
    // this one.
    Play::new(flags).run(dialogue, Cut::Nowhere);
    let lines = Play::new(flags).run(dialogue, Cut::Lines);
    let pieces = Play::new(flags).run(dialogue, Cut::Pieces(cut.max(1)));
    assert_eq!(lines.told, pieces.told);
    assert_eq!(lines.sent.escape_ascii().to_string(), pieces.sent.escape_ascii().to_string());
}

struct Play {
    session: Session,
    rx: RecvBuf,
    tx: SendBuf,
    sent: Vec<u8>,
    told: Vec<String>,
    /// Of the message that arrives, so that how it is cut does not count.
    message: Vec<u8>,
    clear: bool,
    /// Whether the connection ends by a reset.
    reset: bool,
    over: bool,
    last: Option<Ticket>,
}

impl Play {
    fn new(flags: u8) -> Self {
        let clear = flags & 1 > 0;
        let mut options = Options::new("mail.test", 995);
        options.security = if clear { Security::StartTls } else { Security::Implicit };
        if flags & 2 > 0 {
            options.limits = small();
        }
        options.quirks.bare_line_ends = flags & 4 == 0;
        let (session, rx) = (Session::new(options).unwrap(), RecvBuf::with_limit(1 << 20));
        let (tx, sent, told, message) = (SendBuf::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            session,
            rx,
            tx,
            sent,
            told,
            message,
            clear,
            reset: flags & RESET > 0,
            over: false,
            last: None,
        }
    }

    fn run(mut self, dialogue: &[u8], cut: Cut) -> Self {
        self.pump();
        for act in dialogue.split(|&octet| octet == SEPARATOR) {
            match act {
                [b'>', call @ ..] => self.call(call),
                octets => {
                    for piece in cut.pieces(octets) {
                        if !self.over {
                            self.rx.extend(piece).unwrap();
                            self.pump();
                        }
                    }
                }
            }
            if self.over {
                return self;
            }
        }
        if self.reset {
            self.rx.set_reset()
        } else {
            self.rx.set_eof()
        }
        self.pump();
        assert!(self.over, "no end behind the end");
        self
    }

    fn pump(&mut self) {
        for _ in 0..100_000 {
            let step = self.session.step(&mut self.rx, &mut self.tx);
            self.sent.extend_from_slice(self.tx.unsent());
            if self.clear {
                assert!(
                    matches!(&self.sent[..], b"" | b"CAPA\r\n" | b"CAPA\r\nSTLS\r\n"),
                    "in the clear: {}",
                    self.sent.escape_ascii()
                );
            }
            let flushed = !self.tx.unsent().is_empty();
            self.tx.sent(usize::MAX);
            match step {
                Ok(Step::Read) => {
                    assert!(!self.rx.is_eof(), "reads on after the end");
                    return;
                }
                Ok(Step::Flush) => assert!(flushed, "nothing to flush"),
                Ok(Step::StartTls) => {
                    assert!(self.rx.unread().is_empty() && self.clear);
                    self.clear = false;
                    self.told.push("TLS".into());
                }
                Ok(Step::Event(Event::Octets(_, octets))) => self.message.extend_from_slice(&octets),
                Ok(Step::Event(event)) => {
                    assert!(!self.clear);
                    if let Event::Left(Removal::Done(count)) = &event {
                        assert!(*count > 0 && self.sent.windows(6).any(|window| window == b"QUIT\r\n"));
                    }
                    let message = std::mem::take(&mut self.message);
                    self.told.push(format!("{} {event:?}", message.escape_ascii()));
                }
                Ok(Step::Close) => return self.tell_end("close".into()),
                Err(error) => {
                    let unknown = matches!(error, Error::OutcomeUnknown { .. });
                    assert_eq!(self.session.outcome_unknown(), unknown);
                    assert!(!unknown || self.sent.ends_with(b"QUIT\r\n"));
                    return self.tell_end(format!("{error:?}"));
                }
            }
        }
        panic!("never wants to read");
    }

    fn tell_end(&mut self, last: String) {
        self.told.push(last);
        self.over = true;
    }

    fn call(&mut self, call: &[u8]) {
        let (name, argument) = call.split_first().unwrap_or((&0, &[]));
        let number = u32::from(argument.first().copied().unwrap_or(1));
        let session = &mut self.session;
        let credentials = |result: Result<(), _>| result.map(|()| None);
        let result = match name {
            b'a' => {
                credentials(session.authenticate(Credentials::bearer("robot@mail.test", "token").unwrap()))
            }
            b'p' => credentials(session.authenticate(Credentials::password("robot", "word").unwrap())),
            b's' => session.stat().map(Some),
            b'l' => session.list(argument.first().map(|_| number)).map(Some),
            b'u' => session.uidl(argument.first().map(|_| number)).map(Some),
            b'f' => session.retrieve(number).map(Some),
            b't' => session.top(number, 1).map(Some),
            b'd' => session.delete(number).map(Some),
            b'r' => session.reset().map(Some),
            b'g' => session.languages().map(Some),
            b'x' => {
                if let Some(ticket) = self.last {
                    session.abandon_since(ticket);
                }
                Ok(None)
            }
            b'q' => session.quit().map(|()| None),
            _ => session.noop().map(Some),
        };
        match result {
            Ok(ticket) => self.last = ticket.or(self.last),
            Err(misuse) => self.told.push(format!("misuse: {misuse}")),
        }
        self.pump();
    }
}

fn small() -> Limits {
    let mut limits = Limits::default();
    (limits.line, limits.capabilities, limits.listing, limits.pipeline) = (40, 4, 3, 2);
    (limits.listing_octets, limits.message) = (60, 50);
    limits
}

//! However a server's replies are cut up, a submission goes the same way; it always has an end, and does not read on
//! after it.
//!
//! A dialogue is made of acts as that of `imap_session`.

use mailbearer_sasl::Credentials;
use mailbearer_smtp::{Envelope, Error, Event, Limits, Options, Session, Ticket};
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use crate::{
    imap_session::{Cut, RESET, SEPARATOR},
    pieces::knobs,
};

/// `data` is how to cut, flags for the options, and a dialogue.
pub fn run(data: &[u8]) {
    let ([cut, flags], dialogue) = knobs(data);
    // Two replies that come together say what they say before the client said more, so nothing can be compared to
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
    /// How much of that the server had got when it said what it says now.
    heard: usize,
    told: Vec<String>,
    clear: bool,
    /// Whether the connection ends by a reset.
    reset: bool,
    over: bool,
    submitted: usize,
    last: Option<Ticket>,
}

impl Play {
    fn new(flags: u8) -> Self {
        let clear = flags & 1 > 0;
        let mut options = Options::new("mail.test", 587);
        options.security = if clear { Security::StartTls } else { Security::Implicit };
        if flags & 2 > 0 {
            options.limits = small();
        }
        let (session, rx) = (Session::new(options).unwrap(), RecvBuf::with_limit(1 << 20));
        let (tx, sent, told) = (SendBuf::new(), Vec::new(), Vec::new());
        Self {
            session,
            rx,
            tx,
            sent,
            heard: 0,
            told,
            clear,
            reset: flags & RESET > 0,
            over: false,
            submitted: 0,
            last: None,
        }
    }

    fn run(mut self, dialogue: &[u8], cut: Cut) -> Self {
        self.pump();
        for act in dialogue.split(|&octet| octet == SEPARATOR) {
            match act {
                [b'>', call @ ..] => self.call(call),
                octets => self.receive(octets, cut),
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

    fn receive(&mut self, octets: &[u8], cut: Cut) {
        self.heard = self.sent.len();
        for piece in cut.pieces(octets) {
            if let Cut::Lines | Cut::Pieces(_) = cut {
                self.heard = self.sent.len();
            }
            if !self.over {
                self.rx.extend(piece).unwrap();
                self.pump();
            }
        }
        self.heard = self.sent.len();
    }

    /// Whether the server had got this before it said what it says now.
    fn was_heard(&self, words: &[u8]) -> bool {
        self.sent[..self.heard].windows(words.len()).any(|window| window == words)
    }

    fn pump(&mut self) {
        for _ in 0..100_000 {
            let step = self.session.step(&mut self.rx, &mut self.tx);
            self.sent.extend_from_slice(self.tx.unsent());
            if self.clear {
                let lines: Vec<&[u8]> = self.sent.split(|&octet| octet == b'\n').collect();
                assert!(
                    matches!(
                        lines[..],
                        [[] | [b'E', b'H', b'L', b'O', ..]]
                            | [[b'E', b'H', b'L', b'O', ..], b"" | b"STARTTLS\r"]
                            | [_, b"STARTTLS\r", b""]
                    ),
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
                    assert!(self.was_heard(b"STARTTLS\r\n"), "consent to what was not asked");
                    self.clear = false;
                    self.told.push("TLS".into());
                }
                Ok(Step::Event(Event::BodyWanted(ticket))) => {
                    assert!(!self.clear);
                    self.told.push("body wanted".into());
                    self.session.body(ticket, b"Subject: x\n\n.\n").unwrap();
                    self.session.finish_body(ticket).unwrap();
                }
                Ok(Step::Event(event)) => {
                    if event == Event::Authenticated {
                        assert!(self.was_heard(b"AUTH "), "authenticated and not asked to");
                    }
                    if matches!(event, Event::Submitted(..)) {
                        assert!(self.was_heard(b"\r\n.\r\n"), "taken before it was sent");
                        self.submitted = self.submitted.checked_sub(1).expect("submitted and not asked for");
                    }
                    self.told.push(format!("{event:?}"));
                }
                Ok(Step::Close) => return self.tell_end("close".into()),
                Err(error) => {
                    let unknown = matches!(error, Error::OutcomeUnknown { .. });
                    assert_eq!(self.session.outcome_unknown(), unknown);
                    assert!(!unknown || self.sent.windows(5).any(|window| window == b"\r\n.\r\n"));
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
        let session = &mut self.session;
        let result = match name {
            b'a' => session.authenticate(Credentials::bearer("robot@mail.test", "token").unwrap()),
            b'p' => session.authenticate(Credentials::password("robot", "word").unwrap()),
            b'm' => {
                let count = usize::from(argument.first().copied().unwrap_or(2) % 4);
                let recipients = ["a@mail.test", "b@mail.test", "c@mail.test"].into_iter().take(count);
                let envelope = Envelope::new("robot@mail.test", recipients);
                session.submit(envelope).map(|ticket| {
                    self.submitted += 1;
                    self.last = Some(ticket);
                })
            }
            b'x' => {
                if let Some(ticket) = self.last {
                    session.abandon(ticket);
                }
                Ok(())
            }
            b'r' => session.reset(),
            b'q' => session.quit(),
            _ => session.noop(),
        };
        if let Err(misuse) = result {
            self.told.push(format!("misuse: {misuse}"));
        }
        self.pump();
    }
}

fn small() -> Limits {
    let mut limits = Limits::default();
    (limits.reply_line, limits.reply_lines, limits.reply_octets, limits.pipeline) = (40, 4, 100, 2);
    limits
}

//! A message that POP3 brings: read by our session from the driver's pieces, beside a bare look for dots in the same octets.

use std::hint::black_box;

use mailbearer_pop3::{Event, Options, Session};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

/// What is retrieved, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retrieval {
    /// Lines of base64, which hold no dot.
    OurBase64,
    ScanBase64,
    /// Sentences, of which each ends with a dot, and now and then a line begins with one.
    OurText,
    ScanText,
}

impl Retrieval {
    pub const ALL: [Self; 4] = [Self::OurBase64, Self::ScanBase64, Self::OurText, Self::ScanText];

    pub const fn corpus(self) -> &'static str {
        match self {
            Self::OurBase64 | Self::ScanBase64 => "retr-base64",
            Self::OurText | Self::ScanText => "retr-text",
        }
    }

    pub const fn reader(self) -> &'static str {
        match self {
            Self::OurBase64 | Self::OurText => "mailbearer",
            Self::ScanBase64 | Self::ScanText => "memchr",
        }
    }

    /// What a server sends of a message of about so many octets, and a session that waits for it.
    pub fn prepare(self, octets: usize) -> Incoming {
        let mut wire = b"+OK message follows\r\n".to_vec();
        for line in 0.. {
            if wire.len() >= octets {
                break;
            }
            match (self.corpus(), line % 40) {
                ("retr-base64", _) => wire.extend_from_slice(&[b"TWFp"[line % 4]; 76]),
                (_, 0) => wire.extend_from_slice(b"..profile"),
                _ => wire.extend_from_slice(
                    b"A line of a message as people write them. It is of seventy octets or so",
                ),
            }
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b".\r\n");
        let mut session = Session::new(Options::new("mail.test", 995)).expect("a host");
        session.retrieve(1).expect("a number");
        let (mut rx, mut tx) = (RecvBuf::with_limit(64 * 1024), SendBuf::new());
        for said in ["+OK\r\n", "+OK\r\n.\r\n"] {
            while let Ok(Step::Event(_)) = session.step(&mut rx, &mut tx) {}
            tx.sent(usize::MAX);
            rx.extend(said.as_bytes()).expect("room");
        }
        while let Ok(Step::Event(_)) = session.step(&mut rx, &mut tx) {}
        Incoming { by: self, wire, session, rx, tx }
    }
}

/// A message on its way.
pub struct Incoming {
    by: Retrieval,
    wire: Vec<u8>,
    session: Session,
    rx: RecvBuf,
    tx: SendBuf,
}

impl Incoming {
    /// Reads all of it; the number of octets that came.
    pub fn read(mut self) -> usize {
        if self.by.reader() == "memchr" {
            return memchr::memchr_iter(b'.', &self.wire).map(black_box).fold(self.wire.len(), |all, _| all);
        }
        for piece in self.wire.chunks(16 * 1024) {
            self.rx.extend(piece).expect("room");
            loop {
                match self.session.step(&mut self.rx, &mut self.tx).expect("a message") {
                    Step::Event(Event::Octets(_, octets)) => drop(black_box(octets)),
                    Step::Event(_) => {}
                    _ => break,
                }
            }
        }
        self.wire.len()
    }
}

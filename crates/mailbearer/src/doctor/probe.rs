//! Two small machines for steps of the walk.

use std::{convert::Infallible, time::Duration};

use mailbearer_smtp::{Class, Error, Limits, Reply, ReplyReader, Stage};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

/// Establishes TLS on a connection that has none.
#[derive(Default)]
pub(super) struct Handshake {
    asked: bool,
}

impl Machine for Handshake {
    type Event = ();
    type Error = Infallible;

    fn step(&mut self, _: &mut RecvBuf, _: &mut SendBuf) -> Result<Step<()>, Infallible> {
        if self.asked {
            return Ok(Step::Event(()));
        }
        self.asked = true;
        Ok(Step::StartTls)
    }
}

/// Names a sender and a recipient to a server after login, and takes that back: no message is sent.
pub(super) struct Rehearsal {
    replies: ReplyReader,
    address: String,
    /// What to say next. `None` while an answer is awaited.
    next: Option<Stage>,
    /// What was said last.
    said: Stage,
    over: bool,
}

impl Rehearsal {
    /// `address` must be fit to stand between angle brackets.
    pub(super) fn new(address: String) -> Self {
        let replies = ReplyReader::new(Limits::default());
        Self { replies, address, next: Some(Stage::Sender), said: Stage::Idle, over: false }
    }
}

impl Machine for Rehearsal {
    /// What was answered, and the reply.
    type Event = (Stage, Reply);
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<(Stage, Reply)>, Error> {
        if self.over {
            return Ok(Step::Close);
        }
        if let Some(stage) = self.next.take() {
            tx.push(
                match stage {
                    Stage::Sender => format!("MAIL FROM:<{}>\r\n", self.address),
                    Stage::Recipient => format!("RCPT TO:<{}>\r\n", self.address),
                    Stage::Reset => "RSET\r\n".to_owned(),
                    _ => "QUIT\r\n".to_owned(),
                }
                .as_bytes(),
            );
            self.said = stage;
        }
        let reply = match self.replies.next(rx) {
            Ok(Some(reply)) => reply,
            Ok(None) if rx.is_eof() && self.said == Stage::Quit => return Ok(Step::Close),
            Ok(None) if rx.is_eof() => return Err(Error::Closed { stage: self.said }),
            Ok(None) => return Ok(Step::Read),
            Err(error) => return Err(Error::Reply { stage: self.said, error }),
        };
        let taken = reply.class() == Class::Success;
        let stage = self.said;
        self.next = match stage {
            _ if reply.code == 421 => None,
            Stage::Sender if taken => Some(Stage::Recipient),
            Stage::Sender | Stage::Recipient => Some(Stage::Reset),
            Stage::Reset => Some(Stage::Quit),
            _ => None,
        };
        self.over = self.next.is_none();
        Ok(Step::Event((stage, reply)))
    }

    fn patience(&self) -> Option<Duration> {
        Some(Duration::from_secs(60))
    }
}

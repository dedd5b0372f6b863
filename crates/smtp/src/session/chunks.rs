use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::mem;

use mailbearer_wire::{DotEncoder, SendBuf, Step};

use super::mail::{Mail, Turn};
use crate::{Class, Error, Event, Misuse, Receipt, Refusal, Reply, Stage, Ticket};

/// A message that goes out by BDAT (RFC 3030): chunks of announced length, and no go-ahead to wait for.
///
/// The first chunk may follow the envelope in the same flight. What is sent ahead of the replies to the envelope is at
/// most that one chunk, so a message that is refused costs little. A chunk that was announced is always sent to its
/// end: then the session is in a known state whatever the server said meanwhile.
pub(super) struct Chunks {
    mail: Box<Mail>,
    /// `None` where the octets go out as they are (`BINARYMIME`).
    encoder: Option<DotEncoder>,
    pipelining: bool,
    /// The present chunk, or what there is of the next.
    pending: Vec<u8>,
    /// Octets of the present chunk that are not in the send buffer yet.
    in_chunk: usize,
    finished: bool,
    /// The caller knows that there is room.
    told: bool,
    /// How many chunks were announced, and how many of them answered.
    sent: usize,
    answered: usize,
    /// The last one was announced.
    last: bool,
    refusal: Option<Refusal>,
}

/// What became of the message.
pub(super) enum Verdict {
    Submitted(Receipt),
    /// Whether the server still holds the envelope.
    Refused {
        refusal: Refusal,
        leftover: bool,
    },
}

impl Chunks {
    pub(super) fn new(mail: Box<Mail>, binary: bool, pipelining: bool) -> Self {
        Self {
            mail,
            encoder: (!binary).then(DotEncoder::without_dots),
            pipelining,
            pending: Vec::new(),
            in_chunk: 0,
            finished: false,
            told: false,
            sent: 0,
            answered: 0,
            last: false,
            refusal: None,
        }
    }

    pub(super) const fn ticket(&self) -> Ticket {
        self.mail.ticket
    }

    pub(super) fn stage(&self) -> Stage {
        match () {
            () if self.mail.is_waiting() => self.mail.stage(),
            () if self.is_all_sent() => Stage::FinalDot,
            () => Stage::Body,
        }
    }

    /// Whether a reply is to come.
    pub(super) const fn is_waiting(&self) -> bool {
        self.mail.is_waiting() || self.sent > self.answered
    }

    /// Whether the whole message is on its way.
    pub(super) const fn is_all_sent(&self) -> bool {
        self.last && self.in_chunk == 0
    }

    /// Whether the whole message is on its way, and nothing that was heard says that it is not taken.
    pub(super) const fn outcome_unknown(&self) -> bool {
        self.is_all_sent() && self.refusal.is_none() && !self.mail.is_refused()
    }

    /// The recipients that were refused by now; none where the whole message was, since a server that takes it all the same
    /// may have anybody in mind.
    pub(super) fn refused(&self) -> &[(String, Reply)] {
        if self.refusal.is_some() { &[] } else { self.mail.refused() }
    }

    /// What refuses the message already, whatever the replies to come say.
    pub(super) fn refusal_so_far(&mut self) -> Option<Refusal> {
        self.refusal.take().or_else(|| self.mail.refusal_so_far())
    }

    /// Whether the caller may still give octets.
    pub(super) const fn is_open(&self) -> bool {
        !self.finished
    }

    /// Takes a piece of the message; none of it while a chunk is sent.
    pub(super) fn body(&mut self, piece: &[u8]) -> Result<usize, Misuse> {
        let room = if self.in_chunk > 0 { 0 } else { SendBuf::LIMIT.saturating_sub(self.pending.len()) };
        let piece = piece.get(..room).unwrap_or(piece);
        let taken = match &mut self.encoder {
            Some(_) if !self.mail.envelope.may_hold(piece) => return Err(Misuse::EightBit),
            Some(encoder) => encoder.encode(piece, &mut self.pending, room),
            None => {
                self.pending.extend_from_slice(piece);
                piece.len()
            }
        };
        self.told = false;
        Ok(taken)
    }

    pub(super) fn finish(&mut self) {
        self.finished = true;
        if let Some(encoder) = &mut self.encoder {
            encoder.end_line(&mut self.pending);
        }
    }

    /// Sends what may be sent without hearing more.
    pub(super) fn speak(&mut self, tx: &mut SendBuf) -> Option<Step<Event>> {
        loop {
            if self.in_chunk > 0 {
                let count = tx.room().min(self.in_chunk);
                tx.push_bulk(self.pending.get(..count).unwrap_or_default());
                self.pending.drain(..count);
                self.in_chunk = self.in_chunk.saturating_sub(count);
                if self.in_chunk > 0 {
                    return Some(Step::Flush);
                }
            }
            if self.last || self.refusal.is_some() {
                return None;
            }
            if self.mail.speak(tx) {
                return Some(Step::Flush);
            }
            if self.mail.has_more() || (!self.pipelining && self.mail.is_waiting()) {
                return None;
            }
            if self.finished || self.pending.len().saturating_add(2) > SendBuf::LIMIT {
                let heard = !self.mail.is_waiting() && (self.pipelining || self.sent == self.answered);
                if !heard && self.sent > 0 {
                    return None;
                }
                self.announce(tx);
            } else if mem::replace(&mut self.told, true) {
                return None;
            } else {
                return Some(Step::Event(Event::BodyWanted(self.mail.ticket)));
            }
        }
    }

    fn announce(&mut self, tx: &mut SendBuf) {
        self.last = self.finished;
        self.in_chunk = self.pending.len();
        self.sent = self.sent.saturating_add(1);
        let last = if self.last { " LAST" } else { "" };
        tx.push(format!("BDAT {}{last}\r\n", self.in_chunk).as_bytes());
    }

    /// Takes the reply to the oldest command without one.
    pub(super) fn hear(
        &mut self,
        reply: Reply,
        heard: &mut Vec<(String, Reply)>,
    ) -> Result<Option<Verdict>, Error> {
        let stage = self.stage();
        if self.mail.is_waiting() {
            match self.mail.hear(reply)? {
                Turn::Refused { refusal, .. } => self.refusal = Some(refusal),
                Turn::More | Turn::Body | Turn::BodyForNobody(..) | Turn::BodyForSome { .. } => {}
            }
        } else if self.sent > self.answered {
            let answered = self.answered.saturating_add(1);
            let verdict = self.last && answered == self.sent;
            match reply.class() {
                Class::Success | Class::Transient | Class::Permanent if verdict && self.refusal.is_none() => {
                    match self.mail.hear_end(reply, heard) {
                        None => return Ok(None),
                        Some(Ok(receipt)) => return Ok(Some(Verdict::Submitted(receipt))),
                        Some(Err(refusal)) => self.refusal = Some(refusal),
                    }
                }
                Class::Success if verdict => {
                    // It refused the envelope and took the message: nobody knows for whom.
                    let cause = Box::new(Error::Unexpected { stage, reply });
                    return Err(Error::OutcomeUnknown { cause });
                }
                Class::Success => {}
                Class::Transient | Class::Permanent => {
                    self.refusal.get_or_insert(Refusal::Message { reply });
                }
                Class::Intermediate => {
                    let error = Error::Unexpected { stage, reply };
                    let unknown = self.outcome_unknown();
                    return Err(if unknown {
                        Error::OutcomeUnknown { cause: Box::new(error) }
                    } else {
                        error
                    });
                }
            }
            self.answered = answered;
        } else {
            return Err(Error::Unexpected { stage, reply });
        }
        if self.is_waiting() || self.in_chunk > 0 {
            return Ok(None);
        }
        let leftover = !self.last;
        Ok(self.refusal.take().map(|refusal| Verdict::Refused { refusal, leftover }))
    }
}

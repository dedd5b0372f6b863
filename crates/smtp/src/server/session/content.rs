//! The octets of a message, by DATA and by BDAT.

use alloc::vec::Vec;

use mailbearer_wire::RecvBuf;

use super::{
    super::{Answer, Event, Wording},
    Chunk, Content, Next, Owed, Session, State, Transaction,
};

impl Session {
    /// RFC 3030 section 2: whatever is wrong, the octets come, and the answer after them.
    pub(super) fn bdat(&mut self, size: u64, last: bool) -> Next {
        let wording = &self.options.wording;
        let octets = match self.transaction {
            Transaction::Chunked { octets, .. } => octets,
            _ => 0,
        };
        let limit = u64::try_from(self.options.limits.message).unwrap_or(u64::MAX);
        let refusal = match self.transaction {
            _ if !self.options.chunking => Some(&wording.unknown),
            Transaction::None => Some(&wording.mail_first),
            Transaction::Begun { recipients: 0 } => Some(&wording.recipient_first),
            _ if octets.saturating_add(size) > limit => Some(&wording.message_too_large),
            _ => None,
        };
        let chunk = Chunk { left: size, last, refusal: refusal.cloned() };
        match self.transaction {
            Transaction::Begun { .. } if chunk.refusal.is_none() => {
                (State::Owed(Owed::Chunk(chunk)), Some(Event::Data))
            }
            _ => (State::Chunk(chunk), None),
        }
    }

    /// Reads what there is of a chunk. Returns `None` if nothing is there.
    pub(super) fn chunk(&mut self, mut chunk: Chunk, rx: &mut RecvBuf) -> Option<Next> {
        if chunk.left == 0 {
            return Some(self.end_of_chunk(chunk));
        }
        let unread = rx.unread();
        let count = usize::try_from(chunk.left).unwrap_or(usize::MAX).min(unread.len());
        let piece = unread.get(..count).unwrap_or_default();
        if piece.is_empty() {
            self.state = State::Chunk(chunk);
            return None;
        }
        chunk.left = chunk.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        let mut event = None;
        if chunk.refusal.is_none()
            && let Transaction::Chunked { octets, ends } = &mut self.transaction
        {
            *octets = octets.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            ends.add(piece);
            event = Some(Event::Content(piece.to_vec()));
        }
        rx.consume_bulk(count);
        Some((State::Chunk(chunk), event))
    }

    fn end_of_chunk(&mut self, chunk: Chunk) -> Next {
        if let Some(refusal) = chunk.refusal {
            if chunk.last && self.options.chunking {
                return self.refuse_message(&refusal);
            }
            let state = self.refuse(&refusal);
            return (state, self.give_up());
        }
        match self.transaction {
            Transaction::Chunked { ends, .. } if chunk.last && ends.is_bare() && !self.binary => {
                let answer = self.options.wording.bare_line_end.clone();
                self.refuse_message(&answer)
            }
            _ if chunk.last => self.end_of_message(),
            _ => (self.say_by(|wording| &wording.chunk), None),
        }
    }

    /// Reads what there is of a message. Returns `None` if nothing is there.
    pub(super) fn content(&mut self, mut content: Content, rx: &mut RecvBuf) -> Option<Next> {
        let unread = rx.unread();
        if unread.is_empty() {
            self.state = State::Content(content);
            return None;
        }
        let mut piece = Vec::with_capacity(unread.len());
        let end = content.decoder.decode(unread, &mut piece);
        // A trace shows the dot, and with it where the message ends.
        let taken = unread.get(..end.unwrap_or(unread.len())).unwrap_or(unread);
        let dot = end.and_then(|_| taken.strip_suffix(b".\r\n")).map_or(0, |_| 3);
        let body = taken.len().saturating_sub(dot);
        rx.consume_bulk(body);
        rx.consume(dot);
        content.octets = content.octets.saturating_add(piece.len());
        // What is too much is read on to its final dot, which is where the refusal is heard.
        let fits = content.octets <= self.options.limits.message;
        let piece = Some(piece).filter(|piece| fits && !piece.is_empty()).map(Event::Content);
        // The end of the content is an event of its own, after the piece.
        content.ended = end.is_some();
        Some((State::Content(content), piece))
    }

    pub(super) fn end_of_content(&mut self, content: &Content) -> Next {
        let refusal: Option<fn(&Wording) -> &Answer> = if content.octets > self.options.limits.message {
            Some(|wording| &wording.message_too_large)
        } else if content.decoder.saw_bare_line_end() {
            Some(|wording| &wording.bare_line_end)
        } else {
            None
        };
        match refusal {
            None => self.end_of_message(),
            Some(refusal) => {
                let answer = refusal(&self.options.wording).clone();
                self.refuse_message(&answer)
            }
        }
    }
}

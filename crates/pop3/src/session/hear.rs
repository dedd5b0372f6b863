//! What the server says: replies, listings and messages, and the events that they become.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{mem, slice};

use mailbearer_wire::{Line as Place, RecvBuf, Security, SendBuf, Step, printable, printable_bytes};

use super::{
    Session, State,
    ask::{Ask, By},
};
use crate::{
    Capabilities, Capability, Error, Event, Language, Removal, Reply, ReplyError, Size, Stage, Stat, Uid,
    multiline::{Multiline, Piece},
    reply::Line,
};

impl Session {
    /// Takes a line in. `None` where there is more to say or to hear.
    pub(super) fn hear(
        &mut self,
        place: Place,
        rx: &mut RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        let line = rx.take(place.total);
        let bare = place.total.saturating_sub(place.content) == 1;
        let line = line.get(..place.content).unwrap_or_default();
        match &mut self.state {
            State::CapaLines { lines, .. } => {
                if line != b"." {
                    let limit = self.options.limits.capabilities;
                    if lines.len() >= limit {
                        let error = ReplyError::TooManyLines { limit };
                        return Err(Error::Reply { stage: Stage::Capabilities, error });
                    }
                    lines.push(String::from_utf8_lossy(unstuffed(line)).to_string());
                    return Ok(None);
                }
                return self.hear_capabilities(rx);
            }
            State::Listing { .. } => return self.hear_listing(line).map(|event| event.map(Step::Event)),
            _ => {}
        }
        let said = match Line::parse(line) {
            Some(Line::Reply(reply)) => Line::Reply(reply.redacted(|text| self.redactor.redact(text))),
            Some(said) => said,
            None => {
                let error = ReplyError::NotAReply(printable_bytes(line, EXCERPT));
                return Err(Error::Reply { stage: self.stage(), error });
            }
        };
        let reply = match (mem::replace(&mut self.state, State::Over), said) {
            (State::Login(login), said) => {
                let (state, event) = match login.hear(said, &self.options, tx)? {
                    Some(login) => (State::Login(login), None),
                    None => (State::Ready, Some(Step::Event(Event::Authenticated))),
                };
                self.state = state;
                return Ok(event);
            }
            (state, Line::Reply(reply)) => {
                self.state = state;
                reply
            }
            (state, Line::Challenge(text)) => {
                self.state = state;
                let reply = Reply::new(true, String::from_utf8_lossy(text));
                return Err(Error::Unexpected { stage: self.stage(), reply });
            }
        };
        self.hear_reply(reply, bare, rx)
    }

    fn hear_reply(&mut self, reply: Reply, bare: bool, rx: &RecvBuf) -> Result<Option<Step<Event>>, Error> {
        let stage = self.stage();
        match (&self.state, reply.ok) {
            (State::Greeting, ok) => {
                self.greeting = printable(reply.raw()).chars().take(GREETING).collect();
                if !ok {
                    return Err(Error::Refused { stage, reply });
                }
                self.state = State::Capa { secured: self.options.security == Security::Implicit };
            }
            (State::CapaReply { secured }, true) => {
                self.state = State::CapaLines { secured: *secured, lines: Vec::new() };
            }
            // It does not know the command, which does not mean that it can nothing.
            (State::CapaReply { secured: true }, false) => {
                self.state = State::Ready;
                return Ok(Some(Step::Event(Event::Ready)));
            }
            (State::CapaReply { secured: false }, false) => return Err(Error::StartTlsMissing),
            (State::StlsReply, true) => {
                if !rx.unread().is_empty() {
                    return Err(Error::BytesBeforeTls);
                }
                self.state = State::Capa { secured: true };
                return Ok(Some(Step::StartTls));
            }
            (State::StlsReply, false) => return Err(Error::Refused { stage, reply }),
            (State::Ready, _) => return self.hear_answer(reply, bare).map(|event| event.map(Step::Event)),
            _ => return Err(Error::Unexpected { stage, reply }),
        }
        Ok(None)
    }

    fn hear_capabilities(&mut self, rx: &RecvBuf) -> Result<Option<Step<Event>>, Error> {
        // Ready only behind TLS: a session that is ready may end at QUIT, whatever the server says.
        let State::CapaLines { secured, lines } = mem::replace(&mut self.state, State::Stls) else {
            return Ok(None);
        };
        let capabilities = Capabilities::of_lines(lines);
        if secured {
            self.state = State::Ready;
            self.capabilities = capabilities;
            return Ok(Some(Step::Event(Event::Ready)));
        }
        if !capabilities.has(Capability::Stls) {
            return Err(Error::StartTlsMissing);
        }
        if rx.unread().is_empty() { Ok(None) } else { Err(Error::BytesBeforeTls) }
    }

    /// Takes the status line of the oldest command in.
    fn hear_answer(&mut self, reply: Reply, bare: bool) -> Result<Option<Event>, Error> {
        let stage = self.stage();
        let Some(asked) = self.sent.front() else {
            return Err(if reply.ok { Error::Unexpected { stage, reply } } else { Error::Closing { reply } });
        };
        if let Ask::Quit = asked.ask {
            self.sent.clear();
            self.state = State::Over;
            return Ok(Some(Event::Left(match (self.marked.len(), reply.ok) {
                (0, _) => Removal::Nothing,
                (count, true) => Removal::Done(count),
                (_, false) => Removal::Partial(reply),
            })));
        }
        if !reply.ok {
            // Without it the stray mark stays, and QUIT would remove what it must not.
            if let (Ask::Reset, By::Session) = (&asked.ask, asked.by) {
                return Err(Error::Refused { stage, reply });
            }
            let asked = self.sent.pop_front();
            let told = asked.filter(|asked| asked.by == By::Caller);
            return Ok(told.map(|asked| Event::Refused(asked.ticket, reply)));
        }
        let ticket = asked.ticket;
        let event = match &asked.ask {
            Ask::Stat => Some(Event::Stat(ticket, stat(&reply).ok_or_else(|| odd(stage, reply.raw()))?)),
            Ask::List(Some(number)) => {
                let size = size(reply.raw()).filter(|size| size.number == *number);
                Some(Event::Size(ticket, size.ok_or_else(|| odd(stage, reply.raw()))?))
            }
            Ask::Uidl(Some(number)) => {
                let uid = uid(reply.raw()).filter(|uid| uid.number == *number);
                Some(Event::Uid(ticket, uid.ok_or_else(|| odd(stage, reply.raw()))?))
            }
            Ask::List(None) | Ask::Uidl(None) | Ask::Languages => {
                self.state = State::Listing { reply, lines: 0, octets: 0 };
                return Ok(None);
            }
            Ask::Retrieve(_) | Ask::Top(..) => {
                let multiline = Multiline::new(bare && self.options.quirks.bare_line_ends);
                self.state = State::Message { reply, multiline, octets: 0 };
                return Ok(None);
            }
            Ask::Delete(_) if asked.by == By::Nobody => {
                self.stray_mark = true;
                None
            }
            Ask::Delete(number) => {
                self.marked.insert(*number);
                None
            }
            Ask::Reset => {
                // The session makes the marks again that the caller made.
                if asked.by != By::Session {
                    self.stray_mark = false;
                }
                self.marked.clear();
                None
            }
            _ => None,
        };
        Ok(self.finish(event, reply))
    }

    fn hear_listing(&mut self, line: &[u8]) -> Result<Option<Event>, Error> {
        let stage = self.stage();
        let State::Listing { lines, octets, .. } = &mut self.state else { return Ok(None) };
        if line == b"." {
            let State::Listing { reply, .. } = mem::replace(&mut self.state, State::Ready) else {
                return Ok(None);
            };
            return Ok(self.finish(None, reply));
        }
        let limit = self.options.limits.listing;
        if *lines >= limit {
            return Err(Error::Reply { stage, error: ReplyError::TooManyLines { limit } });
        }
        *lines = lines.saturating_add(1);
        *octets = octets.saturating_add(line.len());
        let limit = self.options.limits.listing_octets;
        if *octets > limit {
            return Err(Error::Reply { stage, error: ReplyError::ListingTooLarge { limit } });
        }
        let Some(asked) = self.sent.front() else { return Ok(None) };
        let (ticket, line) = (asked.ticket, unstuffed(line));
        let text = core::str::from_utf8(line).ok();
        let event = text.and_then(|text| match &asked.ask {
            Ask::List(_) => size(text).map(|size| Event::Size(ticket, size)),
            Ask::Uidl(_) => uid(text).map(|uid| Event::Uid(ticket, uid)),
            _ => Some(Event::Language(ticket, language(text))),
        });
        match event {
            Some(event) => Ok(Some(event).filter(|_| asked.by == By::Caller)),
            None => Err(odd_line(stage, line)),
        }
    }

    /// Reads what there is of a message.
    pub(super) fn message(&mut self, rx: &mut RecvBuf) -> Result<Option<Event>, Error> {
        let stage = self.stage();
        let told = self.sent.front().filter(|asked| asked.by == By::Caller).map(|asked| asked.ticket);
        let State::Message { multiline, octets, .. } = &mut self.state else { return Ok(None) };
        loop {
            match multiline.next(rx.unread()) {
                Piece::Data(count) => {
                    *octets = octets.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                    let limit = self.options.limits.message;
                    if *octets > limit {
                        return Err(Error::Reply { stage, error: ReplyError::MessageTooLarge { limit } });
                    }
                    if let Some(ticket) = told {
                        return Ok(Some(Event::Octets(
                            ticket,
                            rx.take_message(count, slice::from_ref(&(0..count))),
                        )));
                    }
                    rx.consume_bulk(count);
                }
                Piece::Dot => rx.consume_bulk(1),
                Piece::More => return Ok(None),
                Piece::End(count) => {
                    rx.consume(count);
                    break;
                }
            }
        }
        let State::Message { reply, .. } = mem::replace(&mut self.state, State::Ready) else {
            return Ok(None);
        };
        Ok(self.finish(None, reply))
    }

    /// The oldest command is done: tells `event`, if there is one, and that.
    pub(super) fn finish(&mut self, event: Option<Event>, reply: Reply) -> Option<Event> {
        let asked = self.sent.pop_front().filter(|asked| asked.by == By::Caller)?;
        let done = Event::Done(asked.ticket, reply);
        match event {
            Some(event) => {
                self.next = Some(done);
                Some(event)
            }
            None => Some(done),
        }
    }
}

fn odd(stage: Stage, text: &str) -> Error {
    odd_line(stage, text.as_bytes())
}

fn odd_line(stage: Stage, line: &[u8]) -> Error {
    Error::Reply { stage, error: ReplyError::NotAListing(printable_bytes(line, EXCERPT)) }
}

/// RFC 1939 section 3: a line of a multi-line answer that begins with a dot has another in front of it.
fn unstuffed(line: &[u8]) -> &[u8] {
    line.strip_prefix(b".").unwrap_or(line)
}

/// `"+OK" SP number SP octets` (RFC 1939 section 5)
fn stat(reply: &Reply) -> Option<Stat> {
    let mut words = reply.raw().split_ascii_whitespace();
    let (count, octets) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Stat { count, octets })
}

/// `number SP octets`, and what some servers add (RFC 1939 section 5).
fn size(text: &str) -> Option<Size> {
    let mut words = text.split_ascii_whitespace();
    let number = words.next()?.parse().ok().filter(|number| *number > 0)?;
    Some(Size { number, octets: words.next()?.parse().ok()? })
}

/// `number SP unique-id` (RFC 1939 section 7)
fn uid(text: &str) -> Option<Uid> {
    let (number, uid) = text.trim_ascii().split_once([' ', '\t'])?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    let uid = uid.trim_ascii();
    (!uid.is_empty()).then(|| Uid { number, uid: uid.into() })
}

/// `tag SP name` (RFC 6856 section 3.2)
fn language(text: &str) -> Language {
    let (tag, name) = text.split_once(' ').unwrap_or((text, ""));
    Language { tag: tag.into(), name: name.into() }
}

/// Octets of a line that an error shows.
const EXCERPT: usize = 80;
/// Characters of the greeting that are kept.
const GREETING: usize = 160;

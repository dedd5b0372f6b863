use std::collections::VecDeque;

use mailbearer_net::Runtime;
use mailbearer_pop3::{Event, Misuse, Session, Stage, Ticket};
use mailbearer_wire::Octets;

use super::{Given, Pop3};
use crate::Error;

/// A message that is arriving.
///
/// If it is dropped before its end, the next use of the session reads and discards the rest.
pub struct Body<'a, R: Runtime> {
    given: Given<'a, R>,
    stage: Stage,
    /// Octets that came while waiting for the server's answer.
    first: Option<Octets>,
    whole: bool,
}

impl<'a, R: Runtime> Body<'a, R> {
    pub(super) async fn open(
        pop3: &'a mut Pop3<R>,
        stage: Stage,
        ask: impl FnOnce(&mut Session) -> Result<Ticket, Misuse> + Send,
    ) -> Result<Self, Error> {
        pop3.connection.start_operation();
        let ticket = ask(&mut pop3.session)?;
        let mut body = Self { given: Given::new(pop3, ticket), stage, first: None, whole: false };
        // Reports a refusal at once.
        body.first = body.piece().await?;
        Ok(body)
    }

    /// Returns the next octets, with CRLF line ends as the server sends them. `None` when the message is complete.
    ///
    /// # Errors
    ///
    /// Fails if the session ends. The message is incomplete then.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Octets>, Error>> {
        R::task(async move {
            match self.first.take() {
                Some(first) => Ok(Some(first)),
                None => self.piece().await,
            }
        })
    }

    async fn piece(&mut self) -> Result<Option<Octets>, Error> {
        let ticket = self.given.since;
        while !self.whole {
            match self.given.pop3.event().await? {
                Event::Octets(own, octets) if own == ticket => return Ok(Some(octets)),
                Event::Done(own, _) if own == ticket => self.whole = true,
                Event::Refused(own, reply) if own == ticket => {
                    self.whole = true;
                    return Err(Error::pop3_refused(self.stage, reply));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Messages that are arriving, one after the other.
///
/// If this is dropped before the end, the next use of the session reads and discards what is on its way. Messages that
/// were not requested yet do not come.
pub struct Messages<'a, R: Runtime> {
    pop3: &'a mut Pop3<R>,
    /// The messages to come, the next one first.
    asked: VecDeque<(Ticket, u32)>,
}

/// A part of [`Messages`] that has arrived.
#[derive(Debug)]
#[non_exhaustive]
pub enum Arrived {
    /// The next octets of the message with this number, with CRLF line ends as the server sends them.
    Octets(u32, Octets),
    /// The message with this number is complete. If it is empty, no octets came before.
    Whole(u32),
    /// The server refused the message with this number. The others still come.
    Refused(u32, Error),
}

impl<'a, R: Runtime> Messages<'a, R> {
    pub(super) fn begin(
        pop3: &'a mut Pop3<R>,
        numbers: impl IntoIterator<Item = u32>,
        ask: impl Fn(&mut Session, u32) -> Result<Ticket, Misuse>,
    ) -> Result<Self, Error> {
        pop3.connection.start_operation();
        let mut messages = Self { pop3, asked: VecDeque::new() };
        for number in numbers {
            let ticket = ask(&mut messages.pop3.session, number)?;
            messages.asked.push_back((ticket, number));
        }
        Ok(messages)
    }

    /// Returns what arrives next. `None` after the last message.
    ///
    /// # Errors
    ///
    /// Fails if the session ends. The message that was arriving is incomplete then.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Arrived>, Error>> {
        R::task(async move {
            while let Some((ticket, number)) = self.asked.front().copied() {
                let arrived = match self.pop3.event().await? {
                    Event::Octets(own, octets) if own == ticket => Arrived::Octets(number, octets),
                    Event::Done(own, _) if own == ticket => Arrived::Whole(number),
                    Event::Refused(own, reply) if own == ticket => {
                        Arrived::Refused(number, Error::pop3_refused(Stage::Retrieve, reply))
                    }
                    _ => continue,
                };
                if !matches!(arrived, Arrived::Octets(..)) {
                    self.asked.pop_front();
                }
                return Ok(Some(arrived));
            }
            Ok(None)
        })
    }
}

impl<R: Runtime> Drop for Messages<'_, R> {
    fn drop(&mut self) {
        if let Some((first, _)) = self.asked.front() {
            self.pop3.session.abandon_since(*first);
        }
    }
}

use std::collections::VecDeque;

use mailbearer_mime::Composed;
use mailbearer_net::{Blocking, Runtime};
use mailbearer_smtp::{Event, Receipt, Ticket};

use super::{Smtp, envelope};
use crate::Error;

/// Messages on their way out, one behind the other.
///
/// Where the server offers `PIPELINING`, the commands of a message go out behind the end of the one before: a message takes
/// one flight. Dropped before its end, it ends the session in the middle of a message, as a
/// [`Submission`](super::Submission) does; those whose receipt came are with the server.
pub struct Batch<'a, R: Runtime> {
    smtp: &'a mut Smtp<R>,
    messages: &'a [Composed],
    /// Messages that were handed to the session, and have no verdict yet.
    under_way: VecDeque<(usize, Ticket)>,
    /// The next to hand over.
    next: usize,
    /// Octets that the session took of the first of them.
    given: usize,
}

impl<'a, R: Runtime> Batch<'a, R> {
    pub(super) fn new(smtp: &'a mut Smtp<R>, messages: &'a [Composed]) -> Self {
        smtp.abandon_detached();
        Self { smtp, messages, under_way: VecDeque::new(), next: 0, given: 0 }
    }

    /// What became of the next message, and its index; `None` after the last.
    ///
    /// An error is about this message, as [`Smtp::send`] has it. One that [ended the
    /// session](Error::ended_session) is the last, and of the messages behind it nothing was sent but perhaps an envelope.
    pub fn next(&mut self) -> R::Task<'_, Option<(usize, Result<Receipt, Error>)>> {
        R::task(self.advance())
    }

    async fn advance(&mut self) -> Option<(usize, Result<Receipt, Error>)> {
        self.smtp.connection.start_operation();
        loop {
            if let Err(error) = self.hand_over() {
                return Some((self.next.saturating_sub(1), Err(error)));
            }
            let (index, ticket) = *self.under_way.front()?;
            let verdict = match self.smtp.event().await {
                Ok(Event::BodyWanted(wanted)) if wanted == ticket => match self.give(index, ticket) {
                    Ok(()) => continue,
                    // What was begun can't be ended.
                    Err(error) => self.end(error),
                },
                Ok(Event::Submitted(told, receipt)) if told == ticket => Ok(receipt),
                Ok(Event::Refused(told, refusal)) if told == ticket => Err(self.smtp.refused(refusal)),
                Ok(_) => continue,
                Err(error) => self.end(error),
            };
            self.under_way.pop_front();
            self.given = 0;
            return Some((index, verdict));
        }
    }

    /// Keeps one message waiting behind the one that is sent.
    fn hand_over(&mut self) -> Result<(), Error> {
        while self.under_way.len() < 2
            && let Some(message) = self.messages.get(self.next)
        {
            let handed = self.smtp.session.submit(envelope(message));
            if handed.is_err() && !self.under_way.is_empty() {
                // It is told when it is its turn.
                return Ok(());
            }
            self.next = self.next.saturating_add(1);
            self.under_way.push_back((self.next.saturating_sub(1), handed?));
        }
        Ok(())
    }

    fn give(&mut self, index: usize, ticket: Ticket) -> Result<(), Error> {
        let octets = self.messages.get(index).map_or(&[][..], |message| &message.octets);
        let rest = octets.get(self.given..).unwrap_or_default();
        let taken = self.smtp.session.body(ticket, rest)?;
        self.given = self.given.saturating_add(taken);
        if self.given >= octets.len() {
            self.smtp.session.finish_body(ticket)?;
        }
        Ok(())
    }

    fn end<T>(&mut self, error: Error) -> Result<T, Error> {
        self.abandon();
        self.next = self.messages.len();
        Err(error)
    }

    fn abandon(&mut self) {
        for (_, ticket) in self.under_way.drain(..) {
            self.smtp.session.abandon(ticket);
        }
    }
}

impl<R: Runtime> Drop for Batch<'_, R> {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// The verdicts as [`Batch::next`] gives them.
impl Iterator for Batch<'_, Blocking> {
    type Item = (usize, Result<Receipt, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        Blocking::task(self.advance())
    }
}

use std::collections::VecDeque;

use mailbearer_net::Runtime;
use mailbearer_smtp::{Event, Receipt, Ticket};

use super::{MailObject, Smtp};
use crate::Error;

/// Messages of one session. If the server offers `PIPELINING`, the commands of each go out right behind the message
/// before.
pub(crate) struct Pipeline<M> {
    /// Messages that were given to the session and have no verdict yet.
    under_way: VecDeque<(M, Ticket)>,
    /// How many octets of the first one the session has taken.
    given: u64,
}

impl<M> Default for Pipeline<M> {
    fn default() -> Self {
        Self { under_way: VecDeque::new(), given: 0 }
    }
}

impl<M: MailObject> Pipeline<M> {
    /// Returns how many messages have no verdict yet.
    pub(crate) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Adds a message behind the others.
    ///
    /// # Errors
    ///
    /// Returns the message if the session does not accept it: it is malformed, or the session is over.
    pub(crate) fn hand_over<R: Runtime>(&mut self, smtp: &mut Smtp<R>, message: M) -> Result<(), (M, Error)> {
        match smtp.session.submit(message.envelope()) {
            Ok(ticket) => self.under_way.push_back((message, ticket)),
            Err(misuse) => return Err((message, misuse.into())),
        }
        Ok(())
    }

    /// Returns what became of the first message. `None` if there is none. After an error that ended the session, the
    /// others get no verdict, and nothing of them was sent except perhaps an envelope.
    ///
    /// Dropping the future loses nothing: the next call continues.
    pub(crate) async fn verdict<R: Runtime>(
        &mut self,
        smtp: &mut Smtp<R>,
    ) -> Option<(M, Result<Receipt, Error>)> {
        loop {
            let ticket = self.under_way.front()?.1;
            let verdict = match smtp.event_of(ticket).await {
                Ok(Event::BodyWanted(_)) => match self.give(smtp, ticket) {
                    Ok(()) => continue,
                    Err(error) => {
                        // A message that has begun can't be completed.
                        smtp.session.abandon(ticket);
                        Err(error.with_session_ended())
                    }
                },
                Ok(Event::Submitted(_, receipt)) => Ok(receipt),
                Ok(Event::Refused(_, refusal)) => Err(smtp.refused(refusal)),
                Ok(_) => continue,
                Err(error) => Err(error.with_session_ended()),
            };
            let (message, _) = self.under_way.pop_front()?;
            self.given = 0;
            return Some((message, verdict));
        }
    }

    /// Gives the session as many octets of the first message as it has room for.
    fn give<R: Runtime>(&mut self, smtp: &mut Smtp<R>, ticket: Ticket) -> Result<(), Error> {
        let Some((message, _)) = self.under_way.front_mut() else { return Ok(()) };
        loop {
            let octets = message.octets(self.given)?;
            if octets.is_empty() {
                let mut recipients = message.envelope().recipients;
                // They are in the same order. One for each refusal: an address that is named twice may be refused once.
                let mut refused = smtp.session.refused().iter().map(|(address, _)| address).peekable();
                recipients.retain(|own| refused.next_if(|refused| *refused == own).is_none());
                message.before_end(&recipients)?;
                return Ok(smtp.session.finish_body(ticket)?);
            }
            let taken = smtp.session.body(ticket, octets)?;
            self.given = self.given.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
            if taken < octets.len() {
                return Ok(());
            }
        }
    }

    /// Abandons all messages without a verdict. Returns them in their order.
    pub(crate) fn abandon<R: Runtime>(&mut self, smtp: &mut Smtp<R>) -> Vec<M> {
        for (_, ticket) in &self.under_way {
            smtp.session.abandon(*ticket);
        }
        self.given = 0;
        self.under_way.drain(..).map(|(message, _)| message).collect()
    }
}

//! What the server's replies lead to.

use alloc::{boxed::Box, vec::Vec};
use core::mem;

use mailbearer_sasl::Exchange;
use mailbearer_wire::{DotEncoder, RecvBuf, Secret, Security, SendBuf, Step, printable_bytes};

use super::{
    Body, Command, QUIT, Session, State,
    chunks::Verdict,
    mail::{Mail, Turn},
    speak::check_response,
};
use crate::{Capabilities, Capability, Class, Error, Event, Refusal, Reply, Stage, Ticket};

impl Session {
    /// Takes a reply in. `None` where there is more to say or to hear.
    pub(super) fn hear(
        &mut self,
        reply: Reply,
        rx: &RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        use Class::{Intermediate, Permanent, Success, Transient};

        let stage = self.stage();
        let class = reply.class();
        // A challenge is base64, and so are the parts of most tokens. The exchange reads it, and redacts what it read.
        let is_challenge = class == Intermediate && matches!(self.state, State::AuthReply { .. });
        let reply = if is_challenge { reply } else { reply.redacted(|text| self.redactor.redact(text)) };
        // Where this reply ends the session, those before it say what is known.
        let may_end = reply.is_closing() || self.outcome_unknown();
        self.known = if may_end { self.verdicts() } else { Vec::new() };
        if reply.is_closing()
            && let Some((ticket, refusal)) = self.refusal_so_far()
            && !refusal.is_transient()
        {
            self.state = State::Over;
            return Ok(Some(Step::Event(Event::Refused(ticket, refusal))));
        }
        let leaving = self.is_leaving();
        let state = mem::replace(&mut self.state, State::Over);
        if leaving {
            return Ok(None);
        }
        if stage == Stage::Greeting {
            let first = reply.lines().next().unwrap_or_default();
            self.greeting = printable_bytes(first.as_bytes(), GREETING);
        }
        if reply.is_closing() {
            let error = Error::Closing { stage, reply };
            // Some of the recipients have their verdict, so that the message can't go out again as it is.
            return Err(match self.heard.as_slice() {
                [] => error,
                _ => Error::OutcomeUnknown { cause: Box::new(error) },
            });
        }
        let (next, event) = match (state, class) {
            (State::Greeting, Success) => {
                (State::Hello { secured: self.options.security == Security::Implicit }, None)
            }
            (State::HelloReply { secured: true }, Success) => {
                self.capabilities = Capabilities::of_reply(reply, self.options.quirks);
                (State::Ready, Some(Event::Ready))
            }
            (State::HelloReply { secured: false }, Success) => {
                let capabilities = Capabilities::of_reply(reply, self.options.quirks);
                if !capabilities.has(Capability::StartTls) {
                    return Err(Error::StartTlsMissing);
                }
                (State::StartTls, None)
            }
            (State::StartTlsReply, Success) => {
                if !rx.unread().is_empty() {
                    return Err(Error::BytesBeforeTls);
                }
                self.state = State::Hello { secured: true };
                return Ok(Some(Step::StartTls));
            }
            (State::Greeting | State::HelloReply { .. } | State::StartTlsReply, Transient | Permanent) => {
                return Err(Error::Refused { stage, reply });
            }
            (State::AuthReply { exchange, held }, Intermediate) => {
                (answer(exchange, held, &reply, tx)?, None)
            }
            (State::AuthReply { held: None, .. }, Success) => (State::Ready, Some(Event::Authenticated)),
            (State::AuthReply { exchange, .. }, Transient | Permanent) => {
                tx.push(QUIT);
                let reason = exchange.reason().cloned().map(Box::new);
                return Err(Error::Auth { mechanism: exchange.mechanism(), reply, reason });
            }
            (State::Mail(mail), _) => self.hear_mail(mail, reply, tx)?,
            (State::Body(body), Transient | Permanent) => {
                let refusal = Refusal::Message { reply: reply.clone() };
                (State::Cut { reply }, Some(Event::Refused(body.mail.ticket, refusal)))
            }
            (State::Chunks { mut chunks, behind }, _) => {
                let ticket = chunks.ticket();
                let (event, leftover) = match chunks.hear(reply, &mut self.heard)? {
                    None => {
                        self.state = State::Chunks { chunks, behind };
                        return Ok(None);
                    }
                    Some(Verdict::Submitted(receipt)) => (Event::Submitted(ticket, receipt), false),
                    Some(Verdict::Refused { refusal, leftover }) => {
                        self.learns(&refusal);
                        (Event::Refused(ticket, refusal), leftover)
                    }
                };
                self.leftover = leftover;
                (self.state_behind(behind), Some(event))
            }
            (State::DotReply { mut mail, behind }, Success | Transient | Permanent) => {
                let ticket = mail.ticket;
                let event = match mail.hear_end(reply, &mut self.heard) {
                    None => {
                        self.state = State::DotReply { mail, behind };
                        return Ok(None);
                    }
                    Some(Ok(receipt)) => Event::Submitted(ticket, receipt),
                    Some(Err(refusal)) => Event::Refused(ticket, refusal),
                };
                (self.state_behind(behind), Some(event))
            }
            (State::DotReply { .. }, Intermediate) => {
                let cause = Box::new(Error::Unexpected { stage, reply });
                return Err(Error::OutcomeUnknown { cause });
            }
            (State::NullReply(ticket, refusal), Success | Transient | Permanent) => {
                (State::Ready, Some(Event::Refused(ticket, refusal)))
            }
            (State::CommandReply(command), Success | Transient | Permanent) => {
                self.leftover &= !(command == Stage::Reset && class == Success);
                (State::Ready, Some(Event::Done(reply)))
            }
            (_, _) => return Err(Error::Unexpected { stage, reply }),
        };
        self.state = next;
        Ok(event.map(Step::Event))
    }

    fn hear_mail(
        &mut self,
        mut mail: Box<Mail>,
        reply: Reply,
        tx: &mut SendBuf,
    ) -> Result<(State, Option<Event>), Error> {
        let ticket = mail.ticket;
        match mail.hear(reply)? {
            Turn::More => Ok((State::Mail(mail), None)),
            Turn::Body => {
                let (encoder, pending) = (DotEncoder::new(), Vec::new());
                let body = Box::new(Body { mail, encoder, pending, finished: false, told: true });
                Ok((State::Body(body), Some(Event::BodyWanted(ticket))))
            }
            // LMTP has no verdict for nobody, so a lone dot would not be answered.
            Turn::BodyForNobody(refusal, reply) if self.options.lmtp => {
                Ok((State::Cut { reply }, Some(Event::Refused(ticket, refusal))))
            }
            Turn::BodyForNobody(refusal, _) => {
                // RFC 2920 section 3.1: a server may want the message though it goes to nobody.
                tx.push(b".\r\n");
                Ok((State::NullReply(ticket, refusal), None))
            }
            // The lone dot would be an empty message to those recipients.
            Turn::BodyForSome { refusal, reply } => {
                Ok((State::Cut { reply }, Some(Event::Refused(ticket, refusal))))
            }
            Turn::Refused { refusal, leftover } => {
                self.leftover = leftover;
                if self.learns(&refusal) {
                    // Nothing of the message was asked for yet.
                    self.begun = self.begun.saturating_sub(1);
                    self.queue.push_front(Command::Submit(ticket, mail.envelope));
                    return Ok((State::Ready, None));
                }
                Ok((State::Ready, Some(Event::Refused(ticket, refusal))))
            }
        }
    }

    /// Whether a message may be taken after this refusal, as the session does without what it can from now on. The commands of one
    /// behind another may have gone out before.
    fn learns(&mut self, refusal: &Refusal) -> bool {
        let is_optional = matches!(refusal, Refusal::Parameter { optional: true, .. });
        self.spare |= is_optional;
        is_optional
    }

    /// Ends the session where the server's part ended with `error`.
    ///
    /// What it refused before counts: that some replies of the same flight never came says less.
    pub(super) fn give_up(&mut self, error: Error) -> Result<Step<Event>, Error> {
        if let Some((ticket, refusal)) = self.refusal_so_far() {
            self.state = State::Over;
            return Ok(Step::Event(Event::Refused(ticket, refusal)));
        }
        match self.state {
            _ if self.is_leaving() => {
                self.state = State::Over;
                Ok(Step::Close)
            }
            _ => {
                self.known = self.verdicts();
                Err(match self.outcome_unknown() {
                    true => Error::OutcomeUnknown { cause: Box::new(error) },
                    false => error,
                })
            }
        }
    }

    /// What refuses the present message already, whatever the replies to come say.
    fn refusal_so_far(&mut self) -> Option<(Ticket, Refusal)> {
        match &mut self.state {
            State::Mail(mail) => mail.refusal_so_far().map(|refusal| (mail.ticket, refusal)),
            State::Chunks { chunks, .. } => chunks.refusal_so_far().map(|refusal| (chunks.ticket(), refusal)),
            _ => None,
        }
    }

    /// Whether nothing is left but QUIT and its answer: however the server takes its leave is fine then.
    pub(super) fn is_leaving(&self) -> bool {
        match self.state {
            State::QuitReply => true,
            State::Ready => matches!(self.queue.front(), Some(Command::Quit)),
            _ => false,
        }
    }
}

/// Answers a challenge with the held initial response, or with what the mechanism has to say.
fn answer(
    mut exchange: Box<Exchange>,
    held: Option<Secret<Vec<u8>>>,
    challenge: &Reply,
    tx: &mut SendBuf,
) -> Result<State, Error> {
    let text = challenge.lines().next().unwrap_or_default().as_bytes();
    let response = match held {
        Some(response) => Ok(response),
        None => exchange
            .respond(text)
            .map_err(|error| Error::Challenge { mechanism: exchange.mechanism(), error })
            .and_then(|response| check_response(&exchange, &response).map(|()| response)),
    };
    let response = response.inspect_err(|_| {
        // RFC 4954 section 4: cancels the exchange.
        tx.push(b"*\r\n");
    })?;
    if !response.expose().is_empty() {
        tx.push_secret(response.expose());
    }
    tx.push(b"\r\n");
    Ok(State::AuthReply { exchange, held: None })
}

/// Octets of the greeting that are kept.
const GREETING: usize = 160;

use std::{convert::Infallible, sync::Arc, time::Duration};

use mailbearer_smtp::server::{Answer, Error, Event, Options, Session as Protocol};
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use super::{DeliverError, Envelope, World, login, session::Session, wording};

/// One SMTP submission session, worded as Exchange Online's.
#[derive(Debug)]
pub(crate) struct Smtp {
    world: Arc<World>,
    protocol: Protocol,
    envelope: Envelope,
    content: Vec<u8>,
}

impl Smtp {
    pub(crate) fn new(world: Arc<World>, security: Security) -> Self {
        let mut options = Options::new("mock.mailbearer.test");
        options.security = Some(security);
        options.limits.message = world.limits.message_octets;
        options.limits.recipients = world.limits.recipients;
        options.limits.silence = world.limits.silence;
        options.wording = wording::smtp();
        let envelope = Envelope { from: String::new(), to: Vec::new() };
        Self { world, protocol: Protocol::new(options), envelope, content: Vec::new() }
    }

    /// One more than the servers take.
    pub(crate) fn refusing(world: Arc<World>, security: Security) -> Self {
        let mut session = Self::new(world, security);
        session.protocol.close(&Answer::new(421, "4.3.2 Too many connections, try again later"));
        session
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        let answer = match event {
            Event::Login { mechanism, login } => match login::check(&self.world, login) {
                Some(_) => Answer::new(235, "2.7.0 Authentication successful"),
                None => {
                    let answer = Answer::new(535, "5.7.3 Authentication unsuccessful [mock.mailbearer.test]");
                    debug_assert!(mechanism.is_bearer(), "no other is offered");
                    return self.protocol.refuse_token(&login::refusal(), answer);
                }
            },
            Event::Mail { sender, .. } => {
                self.envelope = Envelope { from: sender, to: Vec::new() };
                Answer::new(250, "2.1.0 Sender OK")
            }
            Event::Recipient { recipient, .. } => self.recipient(recipient),
            Event::Data => {
                self.content.clear();
                Answer::new(354, "Start mail input; end with <CRLF>.<CRLF>")
            }
            Event::Content(piece) => {
                self.content.extend_from_slice(&piece);
                return Ok(());
            }
            Event::EndOfContent => self.submit(),
            Event::Reset => {
                self.content = Vec::new();
                return Ok(());
            }
            _ => Answer::new(502, "5.3.3 Command not implemented"),
        };
        self.protocol.answer(&answer)
    }

    fn recipient(&mut self, recipient: String) -> Answer {
        let domain = recipient.rsplit_once('@').map(|(_, domain)| domain);
        if domain.is_none_or(|domain| domain.eq_ignore_ascii_case(REFUSED_DOMAIN)) {
            return Answer::new(550, "5.1.10 Recipient not found");
        }
        self.envelope.to.push(recipient);
        Answer::new(250, "2.1.5 Recipient OK")
    }

    fn submit(&mut self) -> Answer {
        let content = std::mem::take(&mut self.content);
        match self.world.mailbox.submit(self.envelope.clone(), content) {
            Ok(uid) => Answer {
                code: 250,
                text: format!("2.0.0 OK <{uid}@mock.mailbearer.test> Queued mail for delivery").into(),
            },
            Err(DeliverError::TooLarge) => wording::smtp().message_too_large,
            Err(_) => Answer::new(554, "5.2.2 mailbox full; QuotaExceededException"),
        }
    }
}

impl Machine for Smtp {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        loop {
            match self.protocol.step(rx, tx)? {
                Step::Event(event) => self.on(event)?,
                Step::Read => return Ok(Step::Read),
                Step::Flush => return Ok(Step::Flush),
                Step::StartTls => return Ok(Step::StartTls),
                Step::Close => return Ok(Step::Close),
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        self.protocol.patience()
    }
}

impl Session for Smtp {
    fn time_out(&mut self) {
        self.protocol.close(&Answer::new(421, "4.4.1 Connection timed out"));
    }
}

/// Recipients here are refused, so that clients can be tested with some that are.
const REFUSED_DOMAIN: &str = "refused.test";

#[cfg(test)]
mod tests;

use std::{convert::Infallible, sync::Arc, time::Duration};

use mailbearer_sasl::server::Login;
use mailbearer_smtp::server::{Answer, Error, Event, Options, Session as Protocol};
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use super::{DeliverError, Envelope, World, fault::SmtpFault, login, session::Session, wording};

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
        let mut protocol = Protocol::new(options);
        if let Some(SmtpFault::Greeting(code, text)) = world.fault().and_then(|fault| fault.smtp()) {
            protocol.close(&Answer::new(code, text));
        }
        Self { world, protocol, envelope, content: Vec::new() }
    }

    /// One more than the servers take.
    pub(crate) fn refusing(world: Arc<World>, security: Security) -> Self {
        let mut session = Self::new(world, security);
        session.protocol.close(&Answer::new(421, "4.3.2 Too many connections, try again later"));
        session
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        if let Some(answer) = self.fault(&event) {
            return self.protocol.answer(&answer);
        }
        let answer = match event {
            Event::Login { login, .. } => return self.login(login),
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

    fn login(&mut self, login: Login) -> Result<(), Error> {
        if let Some(SmtpFault::Token(code, text)) = self.world.fault().and_then(|fault| fault.smtp()) {
            return self.protocol.refuse_token(&login::refusal(), Answer::new(code, text));
        }
        if login::check(&self.world, login).is_some() {
            return self.protocol.answer(&Answer::new(235, "2.7.0 Authentication successful"));
        }
        let answer = Answer::new(535, "5.7.3 Authentication unsuccessful [mock.mailbearer.test]");
        self.protocol.refuse_token(&login::refusal(), answer)
    }

    /// How the fault of now answers `event`, if it does.
    fn fault(&self, event: &Event) -> Option<Answer> {
        let fault = self.world.fault()?.smtp()?;
        match (event, fault) {
            (Event::Login { .. }, SmtpFault::Login(code, text))
            | (Event::Mail { .. }, SmtpFault::Mail(code, text))
            | (Event::Recipient { .. }, SmtpFault::Recipient(code, text))
            | (Event::EndOfContent, SmtpFault::Content(code, text)) => Some(Answer::new(code, text)),
            _ => None,
        }
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

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use mailbearer_sasl::{Mechanism, server::Login};
use mailbearer_smtp::server::{Answer, Error, Event, Options, Parameter, Session as Protocol};
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use super::{
    DeliverError, Envelope, World,
    fault::SmtpFault,
    login,
    personality::SmtpVoice,
    provider::Seat,
    session::{self, Session},
};

/// One SMTP submission session, in the provider's words.
#[derive(Debug)]
pub(crate) struct Smtp {
    world: Arc<World>,
    protocol: Protocol,
    envelope: Envelope,
    content: Vec<u8>,
    /// The connection as the provider counts it.
    seat: Option<Seat>,
}

impl Smtp {
    pub(crate) fn new(world: Arc<World>, security: Security) -> Self {
        let voice = &world.voice.smtp;
        let mut options = Options::new(voice.name);
        options.security = Some(security);
        let fault = world.fault().filter(|fault| fault.smtp().is_some());
        let said = fault.and_then(|fault| fault.smtp());
        options.mechanisms = login::mechanisms(&world, said == Some(SmtpFault::Passwords));
        options.limits.message = world.limits.message_octets;
        options.limits.recipients = world.limits.recipients;
        options.limits.silence = world.limits.silence;
        options.wording = voice.wording();
        options.extensions.extend(voice.draft_auth.map(Into::into));
        if let Some(greeting) = fault.and_then(|fault| fault.greeting()) {
            options.wording.greeting = Answer::new(220, greeting);
        }
        world.smtp_extensions.offer(&mut options);
        let envelope = Envelope::default();
        let mut protocol = Protocol::new(options);
        if let Some(SmtpFault::Greeting(code, text)) = said {
            protocol.close(&Answer::new(code, text));
        }
        Self { world, protocol, envelope, content: Vec::new(), seat: None }
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
        if matches!(event, Event::EndOfContent) {
            let fault = self.world.fault().and_then(|fault| fault.smtp());
            if fault == Some(SmtpFault::LostReply) {
                self.submit();
            }
            if matches!(fault, Some(SmtpFault::NoReply | SmtpFault::LostReply)) {
                // It ends the session, and nothing is said.
                return Err(Error::Truncated);
            }
        }
        let answer = match event {
            Event::Login { mechanism, login } => return self.login(mechanism, login),
            Event::Mail { sender, parameters } => {
                self.envelope =
                    Envelope { from: sender, parameters: written(&parameters), ..Envelope::default() };
                self.voice().sender.clone()
            }
            Event::Recipient { recipient, parameters } => self.recipient(recipient, &parameters),
            Event::Data => {
                self.content.clear();
                self.voice().data.clone()
            }
            Event::Content(piece) => {
                self.content.extend_from_slice(&piece);
                return Ok(());
            }
            Event::EndOfContent if self.world.smtp_extensions.lmtp => return self.submit_to_each(),
            Event::EndOfContent => self.submit(),
            Event::Reset => {
                self.content = Vec::new();
                return Ok(());
            }
            _ => Answer::new(502, "5.3.3 Command not implemented"),
        };
        self.protocol.answer(&answer)
    }

    fn voice(&self) -> &'static SmtpVoice {
        &self.world.voice.smtp
    }

    fn login(&mut self, mechanism: Mechanism, login: Login) -> Result<(), Error> {
        if let Some(SmtpFault::Token(code, text)) = self.world.fault().and_then(|fault| fault.smtp()) {
            return self.refuse(mechanism, Answer::new(code, text));
        }
        if login::check(&self.world, Some(mechanism), login).is_none() {
            let refused = self.voice().refused.clone();
            // Not every server tells why.
            return if self.world.voice.tells_reason {
                self.refuse(mechanism, refused)
            } else {
                self.protocol.answer(&refused)
            };
        }
        if let Some(provider) = &self.world.provider {
            self.seat = provider.smtp();
            if self.seat.is_none() {
                return self.protocol.answer(&provider.limits().too_many_smtp);
            }
        }
        self.protocol.answer(&self.voice().logged_in)
    }

    /// Only a token has a reason for being refused.
    fn refuse(&mut self, mechanism: Mechanism, answer: Answer) -> Result<(), Error> {
        if mechanism.is_bearer() {
            self.protocol.refuse_token(&login::refusal(&self.world), answer)
        } else {
            self.protocol.answer(&answer)
        }
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

    fn recipient(&mut self, recipient: String, parameters: &[Parameter]) -> Answer {
        let domain = recipient.rsplit_once('@').map(|(_, domain)| domain);
        if domain.is_none_or(|domain| domain.eq_ignore_ascii_case(REFUSED_DOMAIN)) {
            return self.voice().no_recipient.clone();
        }
        self.envelope.to.push(recipient);
        self.envelope.to_parameters.push(written(parameters));
        self.voice().recipient.clone()
    }

    /// LMTP: those who have no room are told so, and the others get it.
    fn submit_to_each(&mut self) -> Result<(), Error> {
        let has_room = |recipient: &String| !recipient.ends_with(FULL_DOMAIN);
        let all = std::mem::take(&mut self.envelope.to);
        self.envelope.to = all.iter().filter(|recipient| has_room(recipient)).cloned().collect();
        let taken = if self.envelope.to.is_empty() { None } else { Some(self.submit()) };
        let full = Answer::new(452, "4.2.2 Mailbox full");
        for recipient in &all {
            self.protocol.answer(taken.as_ref().filter(|_| has_room(recipient)).unwrap_or(&full))?;
        }
        Ok(())
    }

    fn submit(&mut self) -> Answer {
        let content = std::mem::take(&mut self.content);
        if let Some(provider) = &self.world.provider
            && !provider.message(Instant::now())
        {
            return provider.limits().too_many_messages.clone();
        }
        let SmtpVoice { queued: (before, behind), original_message_id, sent, .. } = *self.voice();
        let change = |uid: u32, content: Vec<u8>| match original_message_id {
            Some(original) => {
                let end = behind.split(' ').next().unwrap_or_default();
                with_message_id(content, &format!("<{uid}{end}"), original)
            }
            None => content,
        };
        match self.world.mailbox.submit(self.envelope.clone(), content, change, sent) {
            Ok(uid) => Answer { code: 250, text: format!("{before}{uid}{behind}").into() },
            Err(DeliverError::TooLarge) => self.voice().too_large.clone(),
            Err(_) => Answer::new(554, "5.2.2 mailbox full; QuotaExceededException"),
        }
    }
}

impl Machine for Smtp {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        session::step(self, |own| &mut own.protocol, Self::on, rx, tx)
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

/// A message with another Message-ID, and the one that it had in a field called `original`, as Exchange Online has it. One
/// without stays as it is.
fn with_message_id(content: Vec<u8>, id: &str, original: &str) -> Vec<u8> {
    let header = content
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .map_or(content.len(), |end| end.saturating_add(2));
    let (header, rest) = content.split_at_checked(header).unwrap_or((&content, &[]));
    let is_field = |line: &[u8]| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
    let mut lines = header.split_inclusive(|octet| *octet == b'\n').peekable();
    let mut changed = Vec::with_capacity(content.len().saturating_add(256));
    let mut is_found = false;
    while let Some(line) = lines.next() {
        if is_found || !is_field(line) {
            changed.extend_from_slice(line);
            continue;
        }
        is_found = true;
        changed.extend_from_slice(format!("Message-ID: {id}\r\n{original}:").as_bytes());
        changed.extend_from_slice(line.get(NAME.len()..).unwrap_or_default());
        while let Some(folded) = lines.next_if(|next| next.starts_with(b" ") || next.starts_with(b"\t")) {
            changed.extend_from_slice(folded);
        }
    }
    changed.extend_from_slice(rest);
    changed
}

/// Parameters as they stood in the command.
fn written(parameters: &[Parameter]) -> Vec<String> {
    let written = |own: &Parameter| match &own.value {
        Some(value) => format!("{}={value}", own.keyword),
        None => own.keyword.clone(),
    };
    parameters.iter().map(written).collect()
}

const NAME: &[u8] = b"Message-ID:";

/// Recipients here are refused, so that clients can be tested with some that are.
const REFUSED_DOMAIN: &str = "refused.test";
/// Recipients here have no room, where each is answered.
const FULL_DOMAIN: &str = "@full.test";

#[cfg(test)]
mod tests;

//! What the client says.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::mem;

use mailbearer_sasl::{Credentials, Exchange};
use mailbearer_wire::{RecvBuf, Secret, SendBuf, Step};

use super::{
    Behind, Command, QUIT, Session, State,
    chunks::Chunks,
    mail::{Mail, Parameters},
};
use crate::{Capability, Envelope, Error, Event, Options, Refusal, Stage, Ticket};

impl Session {
    /// Sends what can be sent in this state before the server says more.
    pub(super) fn speak(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Result<Option<Step<Event>>, Error> {
        // With nothing to answer a server has nothing to say but that it closes: that is heard first.
        let quiet = rx.unread().is_empty() && !rx.is_eof();
        match &mut self.state {
            State::Hello { secured } if quiet => {
                let secured = *secured;
                let verb = if self.options.lmtp { "LHLO" } else { "EHLO" };
                tx.push(format!("{verb} {}\r\n", self.options.client_name).as_bytes());
                self.state = State::HelloReply { secured };
            }
            State::StartTls if !rx.unread().is_empty() => return Err(Error::BytesBeforeTls),
            State::StartTls if quiet => {
                tx.push(b"STARTTLS\r\n");
                self.state = State::StartTlsReply;
            }
            State::Ready if quiet => {
                if let Some(command) = self.queue.pop_front() {
                    return self.begin(command, tx);
                }
            }
            State::Mail(mail) if quiet || mail.is_waiting() && !rx.is_eof() => {
                return Ok(mail.speak(tx).then_some(Step::Flush));
            }
            State::Body(_) if quiet => return Ok(self.send_body(tx)),
            State::Chunks { chunks, .. } if quiet || chunks.is_waiting() && !rx.is_eof() => {
                if let Some(step) = chunks.speak(tx) {
                    return Ok(Some(step));
                }
                if chunks.is_all_sent() {
                    return Ok(self.speak_behind(tx));
                }
            }
            State::DotReply { .. } => return Ok(self.speak_behind(tx)),
            State::Cut { reply } => {
                let reply = reply.clone();
                return match self.queue.front() {
                    None | Some(Command::Quit) => {
                        self.state = State::Over;
                        Ok(Some(Step::Close))
                    }
                    Some(_) => Err(Error::Refused { stage: Stage::Body, reply }),
                };
            }
            State::Over => return Ok(Some(Step::Close)),
            _ => {}
        }
        Ok(None)
    }

    fn begin(&mut self, command: Command, tx: &mut SendBuf) -> Result<Option<Step<Event>>, Error> {
        match command {
            Command::Authenticate(credentials) => self.begin_auth(&credentials, tx)?,
            Command::Submit(ticket, envelope) => return Ok(self.begin_mail(ticket, envelope, tx)),
            Command::Reset => {
                tx.push(b"RSET\r\n");
                self.state = State::CommandReply(Stage::Reset);
            }
            Command::Noop => {
                tx.push(b"NOOP\r\n");
                self.state = State::CommandReply(Stage::Noop);
            }
            Command::Quit => {
                tx.push(QUIT);
                self.state = State::QuitReply;
            }
        }
        Ok(None)
    }

    fn begin_mail(&mut self, ticket: Ticket, envelope: Envelope, tx: &mut SendBuf) -> Option<Step<Event>> {
        let parameters = match self.parameters(&envelope) {
            Ok(parameters) => parameters,
            Err(refusal) => return Some(Step::Event(Event::Refused(ticket, refusal))),
        };
        let mail = self.mail(ticket, envelope, parameters);
        self.state = self.state_of(mail);
        match &mut self.state {
            State::Chunks { chunks, .. } => chunks.speak(tx),
            State::Mail(mail) => mail.speak(tx).then_some(Step::Flush),
            _ => None,
        }
    }

    /// What the server has to be told of a message.
    fn parameters(&self, envelope: &Envelope) -> Result<Parameters, Refusal> {
        let limits = self.capabilities.limits();
        if let Some(limit) = limits.messages.filter(|&limit| self.begun >= limit) {
            return Err(Refusal::TooManyMessages { limit });
        }
        let parameters = Parameters::of(envelope, &self.capabilities, self.spare)?;
        if let Some(limit) = limits.recipient_domains {
            let limit_or_more = usize::try_from(limit).unwrap_or(usize::MAX);
            let mut all = self.domains.clone();
            add_domains(&mut all, envelope, limit_or_more);
            if all.len() > limit_or_more {
                let mut own = Vec::new();
                add_domains(&mut own, envelope, usize::MAX);
                let count = u64::try_from(own.len()).unwrap_or(u64::MAX);
                return Err(Refusal::TooManyDomains { count, limit });
            }
        }
        Ok(parameters)
    }

    /// The commands of a message that is begun now.
    fn mail(&mut self, ticket: Ticket, envelope: Envelope, parameters: Parameters) -> Box<Mail> {
        self.begun = self.begun.saturating_add(1);
        if self.capabilities.limits().recipient_domains.is_some() {
            add_domains(&mut self.domains, &envelope, usize::MAX);
        }
        let pipelining = self.is_pipelining();
        let window = if pipelining { self.options.limits.pipeline } else { 1 };
        let leftover = mem::take(&mut self.leftover);
        let each = self.options.lmtp;
        let chunking = envelope.binary
            || self.options.chunking && pipelining && !each && self.capabilities.has(Capability::Chunking);
        Box::new(Mail::new(ticket, envelope, parameters, leftover, !chunking, each, window))
    }

    /// Where a message stands whose commands go out, or went out.
    fn state_of(&self, mail: Box<Mail>) -> State {
        if mail.has_data() {
            return State::Mail(mail);
        }
        let binary = mail.envelope.binary;
        // How many replies LMTP has to a last chunk depends on those before it, so they are waited for.
        let pipelining = self.is_pipelining() && !self.options.lmtp;
        let chunks = Box::new(Chunks::new(mail, binary, pipelining));
        State::Chunks { chunks, behind: Behind::Nothing }
    }

    fn is_pipelining(&self) -> bool {
        self.capabilities.has(Capability::Pipelining)
    }

    /// Sends behind the end of a message what may go in the same flight (RFC 2920 section 3.1): QUIT, or the commands of
    /// the next message up to where its octets would follow.
    fn speak_behind(&mut self, tx: &mut SendBuf) -> Option<Step<Event>> {
        if !self.is_pipelining() {
            return None;
        }
        let (State::Chunks { behind, .. } | State::DotReply { behind, .. }) = &mut self.state else {
            return None;
        };
        if let Behind::Mail(mail) = behind {
            return mail.speak(tx).then_some(Step::Flush);
        }
        let next = match (behind, self.queue.front()) {
            (Behind::Nothing, Some(Command::Quit)) => {
                self.queue.pop_front();
                tx.push(QUIT);
                Behind::Quit
            }
            // One that the server can't take is refused when it is its turn.
            (Behind::Nothing, Some(Command::Submit(_, envelope))) => {
                let parameters = self.parameters(envelope).ok()?;
                let Some(Command::Submit(ticket, envelope)) = self.queue.pop_front() else { return None };
                Behind::Mail(self.mail(ticket, envelope, parameters))
            }
            _ => return None,
        };
        if let State::Chunks { behind, .. } | State::DotReply { behind, .. } = &mut self.state {
            *behind = next;
            if let Behind::Mail(mail) = behind {
                return mail.speak(tx).then_some(Step::Flush);
            }
        }
        None
    }

    /// Where the session stands when the message before has its verdict.
    pub(super) fn state_behind(&self, behind: Behind) -> State {
        match behind {
            Behind::Nothing => State::Ready,
            Behind::Quit => State::QuitReply,
            Behind::Mail(mail) => self.state_of(mail),
            Behind::Abandoned => State::Failed(Error::Abandoned),
        }
    }

    /// RFC 4954 section 4: the command with its initial response keeps to the 512 octets of any command, and the
    /// response comes after a challenge where it does not fit.
    fn begin_auth(&mut self, credentials: &Credentials, tx: &mut SendBuf) -> Result<(), Error> {
        let Options { host, port, .. } = &self.options;
        let Some(mut exchange) = Exchange::choose(credentials, host, *port, self.capabilities.mechanisms())
        else {
            tx.push(QUIT);
            return Err(Error::NoMechanism {
                offered: self.capabilities.mechanisms().map(ToString::to_string).collect(),
            });
        };
        let command = format!("AUTH {}", exchange.mechanism().name());
        let mut held = exchange.initial_response();
        if let Some(response) = &held
            && let Err(error) = check_response(&exchange, response)
        {
            tx.push(QUIT);
            return Err(error);
        }
        tx.push(command.as_bytes());
        let octets = |response: &Secret<Vec<u8>>| [command.len(), response.expose().len(), 3].iter().sum();
        if let Some(response) = held.take_if(|response| COMMAND_LINE >= octets(response)) {
            tx.push(b" ");
            tx.push_secret(response.expose());
        }
        tx.push(b"\r\n");
        self.state = State::AuthReply { exchange: Box::new(exchange), held };
        Ok(())
    }

    /// Moves what fits; ends the message when all of it was moved.
    fn send_body(&mut self, tx: &mut SendBuf) -> Option<Step<Event>> {
        let State::Body(mut body) = mem::replace(&mut self.state, State::Over) else { return None };
        tx.take_bulk(&mut body.pending);
        if !body.pending.is_empty() || !body.finished {
            let full = !body.pending.is_empty();
            let told = mem::replace(&mut body.told, !full);
            let wanted = Step::Event(Event::BodyWanted(body.mail.ticket));
            self.state = State::Body(body);
            // A caller that was asked and gave nothing waits for the server: it must not spin.
            return if full { Some(Step::Flush) } else { (!told).then_some(wanted) };
        }
        body.encoder.finish(&mut body.pending);
        tx.push(&body.pending);
        self.state = State::DotReply { mail: body.mail, behind: Behind::Nothing };
        self.speak_behind(tx)
    }
}

/// Fails for a response that servers need not take.
pub(super) fn check_response(exchange: &Exchange, response: &Secret<Vec<u8>>) -> Result<(), Error> {
    match response.expose().len() {
        octets if octets <= AUTH_LINE => Ok(()),
        octets => Err(Error::ResponseTooLong { mechanism: exchange.mechanism(), octets }),
    }
}

/// Adds the domains of a message's recipients that are not among `domains`, until there are more than `limit`.
///
/// A list that is searched: servers with such a limit allow few, and a tree would be larger than the rest of this.
fn add_domains(domains: &mut Vec<String>, envelope: &Envelope, limit: usize) {
    for address in &envelope.recipients {
        let domain = address.rsplit('@').next().unwrap_or_default();
        if domains.len() > limit {
            return;
        }
        if !domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            domains.push(domain.into());
        }
    }
}

/// RFC 4954 section 4: octets of a response in base64 that a server takes, without the end of its line.
const AUTH_LINE: usize = 12_286;
/// RFC 5321 section 4.5.3.1.4: octets of a command line, its end included.
const COMMAND_LINE: usize = 512;

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::mem;

use mailbearer_wire::SendBuf;

use crate::{Capabilities, Capability, Class, Envelope, Error, Receipt, Refusal, Reply, Stage, Ticket};

/// The commands of one message up to DATA, sent ahead of their replies as far as a window allows.
pub(super) struct Mail {
    pub(super) ticket: Ticket,
    pub(super) envelope: Envelope,
    parameters: Parameters,
    /// Whether DATA ends the sequence; a message in chunks has no such command.
    data: bool,
    /// Whether each recipient gets a verdict of its own.
    each: bool,
    window: usize,
    /// The next command to send, and the next whose reply is to come. Both start at 1, MAIL, and at 0 where RSET
    /// goes before it.
    sent: usize,
    answered: usize,
    sender_refused: Option<Reply>,
    accepted: Vec<String>,
    refused: Vec<(String, Reply)>,
}

/// One command of the sequence.
#[derive(Clone, Copy)]
enum Command<'a> {
    Reset,
    Sender,
    Recipient(&'a str),
    Data,
}

/// What a reply led to.
pub(super) enum Turn {
    /// There is more to say, or to hear.
    More,
    /// The server waits for the message.
    Body,
    /// The server waits for the message, and took no recipient.
    BodyForNobody(Refusal, Reply),
    /// The server waits for the message to recipients that it took, and refused the sender.
    BodyForSome { refusal: Refusal, reply: Reply },
    /// The message is refused. Whether the server still holds its sender.
    Refused { refusal: Refusal, leftover: bool },
}

impl Mail {
    /// `window` is how many commands may be without a reply; 1 without `PIPELINING`.
    pub(super) fn new(
        ticket: Ticket,
        envelope: Envelope,
        parameters: Parameters,
        leftover: bool,
        data: bool,
        each: bool,
        window: usize,
    ) -> Self {
        let first = usize::from(!leftover);
        Self {
            ticket,
            envelope,
            parameters,
            data,
            each,
            window: window.max(1),
            sent: first,
            answered: first,
            sender_refused: None,
            accepted: Vec::new(),
            refused: Vec::new(),
        }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.command(self.answered) {
            Some(Command::Reset) => Stage::Reset,
            Some(Command::Sender) => Stage::Sender,
            Some(Command::Recipient(_)) => Stage::Recipient,
            Some(Command::Data) | None => Stage::Data,
        }
    }

    /// Whether DATA ends the sequence.
    pub(super) const fn has_data(&self) -> bool {
        self.data
    }

    /// Whether a reply is to come.
    pub(super) const fn is_waiting(&self) -> bool {
        self.sent > self.answered
    }

    /// Whether there are commands to send yet.
    pub(super) fn has_more(&self) -> bool {
        self.next().is_some()
    }

    /// Whom the server has refused so far; nobody where it refused the sender, and them because of that.
    pub(super) fn refused(&self) -> &[(String, Reply)] {
        if self.sender_refused.is_some() { &[] } else { &self.refused }
    }

    /// Whether what was heard so far leaves nobody to send the message to.
    pub(super) const fn is_refused(&self) -> bool {
        self.sender_refused.is_some() || (!self.is_waiting() && self.accepted.is_empty())
    }

    /// Sends commands up to the window, in bursts, so that the direction changes seldom. Whether the buffer is
    /// full and has to be sent before the rest.
    pub(super) fn speak(&mut self, tx: &mut SendBuf) -> bool {
        let waiting = |mail: &Self| mail.sent.saturating_sub(mail.answered);
        if waiting(self) > self.window.div_euclid(2) {
            return false;
        }
        while waiting(self) < self.window
            && let Some(line) = self.next_line()
        {
            if tx.room() < line.len() {
                return true;
            }
            tx.push(line.as_bytes());
            self.sent = self.sent.saturating_add(1);
        }
        false
    }

    /// Takes the reply to the oldest command without one.
    pub(super) fn hear(&mut self, reply: Reply) -> Result<Turn, Error> {
        use Class::{Intermediate, Permanent, Success, Transient};

        let stage = self.stage();
        if !self.is_waiting() {
            return Err(Error::Unexpected { stage, reply });
        }
        match (self.command(self.answered), reply.class()) {
            (Some(Command::Reset), Transient | Permanent) => return Err(Error::Refused { stage, reply }),
            (Some(Command::Reset | Command::Sender), Success) => {}
            (Some(Command::Sender), Transient | Permanent) => self.sender_refused = Some(reply),
            (Some(Command::Recipient(recipient)), Success) => {
                let recipient = recipient.to_owned();
                self.accepted.push(recipient);
            }
            (Some(Command::Recipient(recipient)), Transient | Permanent) => {
                let recipient = recipient.to_owned();
                self.refused.push((recipient, reply));
            }
            (Some(Command::Data), Intermediate) => {
                let sender_refused = self.sender_refused.clone();
                return Ok(match self.refusal() {
                    Some(refusal) if self.accepted.is_empty() => Turn::BodyForNobody(refusal, reply),
                    Some(refusal) => Turn::BodyForSome { refusal, reply: sender_refused.unwrap_or(reply) },
                    None => Turn::Body,
                });
            }
            (Some(Command::Data), Transient | Permanent) => {
                let leftover = self.sender_refused.is_none();
                let refusal = self.refusal().unwrap_or(Refusal::Data { reply });
                return Ok(Turn::Refused { refusal, leftover });
            }
            _ => return Err(Error::Unexpected { stage, reply }),
        }
        self.answered = self.answered.saturating_add(1);
        if self.is_waiting() || self.next().is_some() {
            return Ok(Turn::More);
        }
        let leftover = self.sender_refused.is_none();
        Ok(match self.refusal() {
            Some(refusal) => Turn::Refused { refusal, leftover },
            None => Turn::More,
        })
    }

    /// Takes a reply to the end of the message: one for all, or with LMTP one for each recipient that was accepted (RFC 2033
    /// section 4.2). `heard` has those that came; what they come to when they are all there.
    pub(super) fn hear_end(
        &mut self,
        reply: Reply,
        heard: &mut Vec<(String, Reply)>,
    ) -> Option<Result<Receipt, Refusal>> {
        let is_good = |reply: &Reply| reply.class() == Class::Success;
        if !self.each {
            return Some(if is_good(&reply) {
                let (accepted, refused) = (mem::take(&mut self.accepted), mem::take(&mut self.refused));
                Ok(self.receipt(reply, accepted, refused))
            } else {
                Err(Refusal::Message { reply })
            });
        }
        let address = self.accepted.get(heard.len()).cloned().unwrap_or_default();
        heard.push((address, reply));
        if heard.len() < self.accepted.len() {
            return None;
        }
        let (taken, refused) =
            mem::take(heard).into_iter().partition::<Vec<_>, _>(|(_, reply)| is_good(reply));
        self.refused.extend(refused);
        let refused = mem::take(&mut self.refused);
        Some(match taken.first() {
            Some((_, reply)) => {
                let mut receipt = self.receipt(reply.clone(), Vec::new(), refused);
                (receipt.accepted, receipt.replies) = taken.into_iter().unzip();
                Ok(receipt)
            }
            None => Err(Refusal::Recipients { refused }),
        })
    }

    fn receipt(&self, reply: Reply, accepted: Vec<String>, refused: Vec<(String, Reply)>) -> Receipt {
        let mut receipt = Receipt::new(reply, accepted, refused);
        receipt.without_dsn = !self.parameters.dsn && self.envelope.dsn.is_wanted();
        receipt
    }

    fn command(&self, index: usize) -> Option<Command<'_>> {
        let data = self.envelope.recipients.len().saturating_add(2);
        match index {
            0 => Some(Command::Reset),
            1 => Some(Command::Sender),
            _ if index == data => self.data.then_some(Command::Data),
            _ => {
                let recipient = self.envelope.recipients.get(index.checked_sub(2)?)?;
                Some(Command::Recipient(recipient))
            }
        }
    }

    /// The next command to send; none when what is known already refuses the message.
    fn next(&self) -> Option<Command<'_>> {
        let command = self.command(self.sent)?;
        let pointless = match command {
            Command::Data => self.refused.len() == self.envelope.recipients.len(),
            _ => false,
        };
        (self.sender_refused.is_none() && !pointless).then_some(command)
    }

    fn next_line(&self) -> Option<String> {
        Some(match self.next()? {
            Command::Reset => "RSET\r\n".into(),
            Command::Sender => {
                format!("MAIL FROM:<{}>{}\r\n", self.envelope.sender, self.parameters.mail)
            }
            Command::Recipient(recipient) => {
                let dsn = match self.parameters.dsn {
                    true => self.envelope.dsn.of_recipient(recipient),
                    false => String::new(),
                };
                format!("RCPT TO:<{recipient}>{dsn}\r\n")
            }
            Command::Data => "DATA\r\n".into(),
        })
    }

    /// What refuses the message already, whatever the replies to come say.
    pub(super) fn refusal_so_far(&mut self) -> Option<Refusal> {
        let all = self.refused.len() == self.envelope.recipients.len();
        if self.sender_refused.is_some() || all { self.refusal() } else { None }
    }

    /// What refuses the message when no recipient is left for it.
    fn refusal(&mut self) -> Option<Refusal> {
        match self.sender_refused.take() {
            // RFC 5321 section 4.2.4: it does not know a parameter, though it offers it.
            Some(reply) if matches!(reply.code, 504 | 555) && !self.parameters.mail.is_empty() => {
                let Parameters { mail, optional, .. } = &self.parameters;
                Some(Refusal::Parameter { reply, parameters: mail.trim_start().into(), optional: *optional })
            }
            Some(reply) => Some(Refusal::Sender { reply }),
            None if self.accepted.is_empty() => {
                Some(Refusal::Recipients { refused: mem::take(&mut self.refused) })
            }
            None => None,
        }
    }
}

/// The parameters of MAIL, each after a space, and whether RCPT has some.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) mail: String,
    /// Whether the recipients have those of `DSN`.
    pub(super) dsn: bool,
    /// Whether some can be left out with no loss.
    pub(super) optional: bool,
}

impl Parameters {
    /// What the commands say about the message to a server that offers this. `spare` leaves out what can be.
    pub(super) fn of(envelope: &Envelope, offered: &Capabilities, spare: bool) -> Result<Self, Refusal> {
        let count = u64::try_from(envelope.recipients.len()).unwrap_or(u64::MAX);
        if let Some(limit) = offered.limits().recipients.filter(|&limit| count > limit) {
            return Err(Refusal::TooManyRecipients { count, limit });
        }
        let mut mail = String::new();
        if let (Some(size), Some(limit)) = (envelope.size, offered.size()) {
            if let Some(limit) = limit.filter(|&limit| size > limit) {
                return Err(Refusal::TooLarge { size, limit });
            }
            if !spare {
                mail.push_str(&format!(" SIZE={size}"));
            }
        }
        let has_size = !mail.is_empty();
        let if_offered = envelope.dsn.if_offered;
        let dsn = envelope.dsn.is_wanted() && (!if_offered || offered.has(Capability::Dsn) && !spare);
        let wanted = [
            // First, because it is what the user can see: an address asks for it, and for the next only after it.
            (envelope.needs_smtp_utf8(), Capability::SmtpUtf8, " SMTPUTF8"),
            (envelope.eight_bit && !envelope.binary, Capability::EightBitMime, " BODY=8BITMIME"),
            (envelope.binary, Capability::Chunking, ""),
            (envelope.binary, Capability::BinaryMime, " BODY=BINARYMIME"),
            (envelope.require_tls, Capability::RequireTls, " REQUIRETLS"),
            (dsn, Capability::Dsn, &envelope.dsn.of_mail()),
        ];
        for (_, capability, parameter) in wanted.into_iter().filter(|wanted| wanted.0) {
            if !offered.has(capability) {
                return Err(Refusal::NotOffered { capability });
            }
            mail.push_str(parameter);
        }
        if let Some(by) = envelope.deliver_by {
            let Some(least) = offered.deliver_by() else {
                return Err(Refusal::NotOffered { capability: Capability::DeliverBy(None) });
            };
            // RFC 2852 section 3: the least is for messages that come back; one that is reported may be given any time.
            if let Some(least) = least.filter(|least| by.give_up && u64::from(by.seconds) < *least) {
                return Err(Refusal::TooSoon { seconds: by.seconds, least });
            }
            mail.push_str(&by.parameter());
        }
        Ok(Self { mail, dsn, optional: has_size || dsn && if_offered })
    }
}

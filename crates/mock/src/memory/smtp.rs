use std::{sync::Arc, time::Duration};

use mailbearer_smtp::{
    EnhancedCode,
    server::{Answer, Command, CommandError, DataDecoder, Parameter},
};
use mailbearer_wire::{Lines, RecvBuf, SendBuf};

use super::{
    DeliverError, Envelope, World,
    login::{Login, MECHANISMS, Verdict},
    session::{Action, Session},
};

/// One SMTP submission session, worded as Exchange Online's.
#[derive(Debug)]
pub(crate) struct Smtp {
    world: Arc<World>,
    tls: bool,
    lines: Lines,
    state: State,
    greeted: bool,
    authenticated: bool,
    envelope: Option<Envelope>,
    errors: usize,
}

#[derive(Debug)]
enum State {
    Greeting,
    Command,
    Login(Login),
    Data(Data),
    Handshake,
    Done,
}

/// A message on its way in.
#[derive(Debug)]
struct Data {
    decoder: DataDecoder,
    octets: Vec<u8>,
    too_large: bool,
}

impl Smtp {
    pub(crate) fn new(world: Arc<World>, tls: bool) -> Self {
        Self {
            world,
            tls,
            lines: Lines::new(MAX_RESPONSE),
            state: State::Greeting,
            greeted: false,
            authenticated: false,
            envelope: None,
            errors: 0,
        }
    }

    fn command(&mut self, line: &[u8], rx: &RecvBuf, tx: &mut SendBuf) -> State {
        if line.len() > MAX_COMMAND {
            return self.refuse(tx, 500, (5, 5, 2), "Line too long");
        }
        match Command::parse(line) {
            Err(CommandError::Unknown) => self.refuse(tx, 500, (5, 3, 3), "Unrecognized command"),
            Err(error @ CommandError::Syntax(_)) => {
                self.refuse(tx, error.code(), (5, 5, 4), "Invalid arguments")
            }
            Ok(Command::Ehlo(name)) => {
                (self.greeted, self.envelope) = (true, None);
                self.capabilities(&name, tx);
                State::Command
            }
            Ok(Command::Helo(name)) => {
                (self.greeted, self.envelope) = (true, None);
                tx.push(&reply(250, None, &[&format!("mock.mailbearer.test Hello {name}")]));
                State::Command
            }
            Ok(Command::StartTls) => self.starttls(rx, tx),
            Ok(Command::Auth { mechanism, initial }) => {
                self.auth(&mechanism, initial.as_ref().map(|initial| initial.expose().as_slice()), tx)
            }
            Ok(Command::Mail { sender, parameters }) => self.mail(sender, &parameters, tx),
            Ok(Command::Rcpt { recipient, .. }) => self.rcpt(recipient, tx),
            Ok(Command::Data) => self.data(tx),
            Ok(Command::Rset) => {
                self.envelope = None;
                say(tx, 250, (2, 0, 0), "Resetting")
            }
            Ok(Command::Noop) => say(tx, 250, (2, 0, 0), "OK"),
            Ok(Command::Vrfy(_)) => say(tx, 252, (2, 1, 5), "Cannot VRFY user"),
            Ok(Command::Quit) => {
                say(tx, 221, (2, 0, 0), "Service closing transmission channel");
                State::Done
            }
            Ok(_) => self.refuse(tx, 502, (5, 3, 3), "Command not implemented"),
        }
    }

    fn capabilities(&self, name: &str, tx: &mut SendBuf) {
        let hello = format!("mock.mailbearer.test Hello {name}");
        let size = format!("SIZE {}", self.world.limits.message_octets);
        let offer = format!("AUTH {}", MECHANISMS.join(" "));
        let security = if self.tls { offer.as_str() } else { "STARTTLS" };
        let lines =
            [&hello, &size, "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", security, "8BITMIME", "SMTPUTF8"];
        tx.push(&reply(250, None, &lines));
    }

    fn starttls(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> State {
        if self.tls {
            return self.refuse(tx, 503, (5, 5, 1), "TLS is on already");
        }
        if !rx.unread().is_empty() {
            say(tx, 554, (5, 5, 0), "Octets behind STARTTLS");
            return State::Done;
        }
        say(tx, 220, (2, 0, 0), "SMTP server ready");
        State::Handshake
    }

    fn auth(&mut self, mechanism: &str, initial: Option<&[u8]>, tx: &mut SendBuf) -> State {
        if !self.greeted || self.authenticated || self.envelope.is_some() {
            return self.refuse(tx, 503, (5, 5, 1), "Bad sequence of commands");
        }
        let login = if self.tls { Login::start(mechanism) } else { None };
        let Some(login) = login else {
            return self.refuse(tx, 504, (5, 7, 4), "Unrecognized authentication type");
        };
        match initial {
            Some(initial) => self.login(login, initial, tx),
            None => {
                tx.push(&reply(334, None, &[""]));
                State::Login(login)
            }
        }
    }

    fn login(&mut self, mut login: Login, response: &[u8], tx: &mut SendBuf) -> State {
        if response == b"*" {
            return self.refuse(tx, 501, (5, 7, 0), "Authentication cancelled");
        }
        match login.receive(&self.world, response) {
            Verdict::In(_) => {
                self.authenticated = true;
                say(tx, 235, (2, 7, 0), "Authentication successful")
            }
            Verdict::Challenge(challenge) => {
                tx.push(&reply(334, None, &[&challenge]));
                State::Login(login)
            }
            Verdict::Refused => {
                self.refuse(tx, 535, (5, 7, 3), "Authentication unsuccessful [mock.mailbearer.test]")
            }
            Verdict::Malformed => self.refuse(tx, 501, (5, 5, 2), "Invalid authentication response"),
        }
    }

    fn mail(&mut self, sender: String, parameters: &[Parameter], tx: &mut SendBuf) -> State {
        if !self.greeted {
            return self.refuse(tx, 503, (5, 5, 2), "Send hello first");
        }
        if !self.authenticated {
            return self.refuse(tx, 530, (5, 7, 57), "Client not authenticated to send mail");
        }
        if self.envelope.is_some() {
            return self.refuse(tx, 503, (5, 5, 2), "Sender already specified");
        }
        let value = |name| parameters.iter().find(|own| own.keyword == name);
        if let Some(unknown) = parameters.iter().find(|own| !PARAMETERS.contains(&own.keyword.as_str())) {
            return self.refuse(tx, 555, (5, 5, 4), &format!("Unsupported option: {}", unknown.keyword));
        }
        let size = value("SIZE").and_then(|size| size.value.as_deref()?.parse::<usize>().ok());
        if size.is_some_and(|size| size > self.world.limits.message_octets) {
            return self.refuse(tx, 552, (5, 3, 4), "Message size exceeds fixed maximum message size");
        }
        if !sender.is_ascii() && value("SMTPUTF8").is_none() {
            return self.refuse(tx, 553, (5, 6, 7), "Address needs SMTPUTF8");
        }
        self.envelope = Some(Envelope { from: sender, to: Vec::new() });
        say(tx, 250, (2, 1, 0), "Sender OK")
    }

    fn rcpt(&mut self, recipient: String, tx: &mut SendBuf) -> State {
        let Some(envelope) = &mut self.envelope else {
            return self.refuse(tx, 503, (5, 5, 2), "Need mail command");
        };
        let domain = recipient.rsplit_once('@').map(|(_, domain)| domain);
        if domain.is_none_or(|domain| domain.eq_ignore_ascii_case(REFUSED_DOMAIN)) {
            return self.refuse(tx, 550, (5, 1, 10), "Recipient not found");
        }
        if envelope.to.len() >= self.world.limits.recipients {
            return self.refuse(tx, 452, (4, 5, 3), "Too many recipients");
        }
        envelope.to.push(recipient);
        say(tx, 250, (2, 1, 5), "Recipient OK")
    }

    fn data(&mut self, tx: &mut SendBuf) -> State {
        if self.envelope.as_ref().is_none_or(|envelope| envelope.to.is_empty()) {
            return self.refuse(tx, 503, (5, 5, 2), "Need rcpt command");
        }
        tx.push(&reply(354, None, &["Start mail input; end with <CRLF>.<CRLF>"]));
        State::Data(Data { decoder: DataDecoder::new(), octets: Vec::new(), too_large: false })
    }

    /// Takes in what there is of a message; `None` when its end is not there yet.
    fn receive(&self, data: &mut Data, rx: &mut RecvBuf) -> bool {
        let unread = rx.unread();
        let end = data.decoder.decode(unread, &mut data.octets);
        let taken = end.unwrap_or(unread.len());
        rx.consume_bulk(taken);
        if data.octets.len() > self.world.limits.message_octets {
            // Read on to the final dot, and forget it.
            data.too_large = true;
            data.octets = Vec::new();
        }
        end.is_some()
    }

    fn submit(&mut self, data: Data, tx: &mut SendBuf) -> State {
        let Some(envelope) = self.envelope.take() else { return State::Command };
        if data.decoder.saw_bare_line_end() {
            return self.refuse(
                tx,
                550,
                (5, 6, 11),
                "SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds",
            );
        }
        let delivered = if data.too_large {
            Err(DeliverError::TooLarge)
        } else {
            self.world.mailbox.submit(envelope, data.octets)
        };
        match delivered {
            Ok(uid) => {
                say(tx, 250, (2, 0, 0), &format!("OK <{uid}@mock.mailbearer.test> Queued mail for delivery"))
            }
            Err(DeliverError::TooLarge) => {
                self.refuse(tx, 552, (5, 3, 4), "Message size exceeds fixed maximum message size")
            }
            Err(_) => self.refuse(tx, 554, (5, 2, 2), "mailbox full; QuotaExceededException"),
        }
    }

    fn refuse(&mut self, tx: &mut SendBuf, code: u16, enhanced: (u16, u16, u16), text: &str) -> State {
        self.errors = self.errors.saturating_add(1);
        if self.errors > MAX_ERRORS {
            say(tx, 421, (4, 7, 0), "Too many errors");
            return State::Done;
        }
        say(tx, code, enhanced, text)
    }
}

impl Session for Smtp {
    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Action {
        loop {
            if tx.room() == 0 {
                return Action::Flush;
            }
            self.state = match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Action::Close,
                State::Greeting => {
                    tx.push(&reply(220, None, &["mock.mailbearer.test Microsoft ESMTP MAIL Service ready"]));
                    State::Command
                }
                State::Handshake => {
                    // Nothing that was said in the clear counts any more.
                    (self.tls, self.greeted, self.state) = (true, false, State::Command);
                    return Action::StartTls;
                }
                State::Data(mut data) => {
                    if self.receive(&mut data, rx) {
                        self.submit(data, tx)
                    } else {
                        self.state = State::Data(data);
                        return wait(rx);
                    }
                }
                state @ (State::Command | State::Login(_)) => match self.lines.next(rx) {
                    Ok(Some(found)) => {
                        let line = found.of(rx).to_vec();
                        rx.consume_secret(found.total);
                        match state {
                            State::Login(login) => self.login(login, &line, tx),
                            _ => self.command(&line, rx, tx),
                        }
                    }
                    Ok(None) => {
                        self.state = state;
                        return wait(rx);
                    }
                    Err(_) => {
                        say(tx, 500, (5, 5, 2), "Line too long");
                        State::Done
                    }
                },
            }
        }
    }

    fn patience(&self) -> Duration {
        self.world.limits.silence
    }
}

fn wait(rx: &RecvBuf) -> Action {
    if rx.is_eof() { Action::Close } else { Action::Read }
}

fn reply(code: u16, enhanced: Option<EnhancedCode>, lines: &[&str]) -> Vec<u8> {
    let enhanced = enhanced.map(|code| format!("{code} ")).unwrap_or_default();
    let lines: Vec<String> = lines.iter().map(|line| format!("{enhanced}{line}")).collect();
    let mut out = Vec::new();
    Answer { code, text: lines.join("\n").into() }.encode(&mut out);
    out
}

fn say(tx: &mut SendBuf, code: u16, (class, subject, detail): (u16, u16, u16), text: &str) -> State {
    tx.push(&reply(code, Some(EnhancedCode { class, subject, detail }), &[text]));
    State::Command
}

/// Recipients here are refused, so that clients can be tested with some that are.
const REFUSED_DOMAIN: &str = "refused.test";
/// The options of MAIL that the capabilities offer.
const PARAMETERS: [&str; 6] = ["SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID"];
/// Octets of a command line without its end: RFC 5321 section 4.5.3.1.4. AUTH with a longer response has to be
/// done in two steps, RFC 4954 section 4.
const MAX_COMMAND: usize = 510;
/// Octets of a line of an authentication exchange, RFC 4954 section 4.
const MAX_RESPONSE: usize = 12_288;
const MAX_ERRORS: usize = 100;

#[cfg(test)]
mod tests;

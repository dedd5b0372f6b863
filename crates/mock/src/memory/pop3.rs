//! The inbox behind a POP3 session, in the provider's words.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use mailbearer_pop3::server::{Answer, Error, Event, Options, Session as Protocol};
use mailbearer_sasl::{Mechanism, server::Login};
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use super::{
    Message, World,
    fault::Pop3Fault,
    login,
    mailbox::INBOX,
    personality::Pop3Voice,
    session::{self, Session},
};

/// One POP3 session: the inbox as it was at the login.
#[derive(Debug)]
pub(crate) struct Pop3 {
    world: Arc<World>,
    protocol: Protocol,
    /// In front of each UID, so that those of an inbox that was made again differ.
    validity: u32,
    messages: Vec<Message>,
    /// Numbers of the messages that go at QUIT.
    marked: BTreeSet<u32>,
}

impl Pop3 {
    pub(crate) fn new(world: Arc<World>, security: Security) -> Self {
        let voice = &world.voice.pop3;
        let mut options = Options::default();
        options.security = Some(security);
        let fault = world.fault().filter(|fault| fault.pop3().is_some());
        let said = fault.and_then(|fault| fault.pop3());
        options.mechanisms = login::mechanisms(&world, said == Some(Pop3Fault::Passwords));
        // It is offered even if no login by it succeeds, as Exchange does.
        options.user = true;
        options.initial_response = voice.initial_response;
        options.pipelining = voice.pipelining;
        options.closes_after_refusal = voice.closes_after_refusal;
        options.extensions = voice.extensions.iter().map(|line| (*line).into()).collect();
        options.limits.silence = world.limits.silence.saturating_mul(2);
        options.wording.greeting = voice.greeting.clone();
        if let Some(greeting) = fault.and_then(|fault| fault.greeting()) {
            options.wording.greeting = Answer::ok(greeting);
        }
        options.wording.quit = voice.quit.clone();
        let mut protocol = Protocol::new(options);
        if let Some(Pop3Fault::Greeting(text)) = said {
            protocol.close(&Answer::err(text));
        }
        Self { world, protocol, validity: 0, messages: Vec::new(), marked: BTreeSet::new() }
    }

    /// One more than the servers take.
    pub(crate) fn refusing(world: Arc<World>, security: Security) -> Self {
        let mut session = Self::new(world, security);
        session.protocol.close(&Answer::err("[SYS/TEMP] Too many connections, try again later"));
        session
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        if let Some(answer) = self.fault(&event) {
            return self.protocol.answer(&answer);
        }
        match event {
            Event::Login { mechanism, login } => self.login(mechanism, login),
            Event::Stat => {
                let left: Vec<usize> = self.left().map(|(_, message)| message.octets.len()).collect();
                let octets = left.iter().fold(0_usize, |sum, octets| sum.saturating_add(*octets));
                self.protocol.answer(&said(format!("{} {octets}", left.len())))
            }
            Event::List(None) => {
                let lines = self.lines(|_, message| message.octets.len().to_string());
                self.protocol.answer_lines(&Answer::ok("Scan listing follows"), lines)
            }
            Event::Uidl(None) => {
                let lines = self.lines(Self::uid);
                self.protocol.answer_lines(&Answer::ok("Unique-id listing follows"), lines)
            }
            Event::List(Some(number)) => self.line(number, |_, message| message.octets.len().to_string()),
            Event::Uidl(Some(number)) => self.line(number, Self::uid),
            Event::Retrieve(number) => self.send(number, None),
            Event::Top(number, lines) => self.send(number, Some(lines)),
            Event::Delete(number) => {
                if self.message(number).is_none() {
                    return self.protocol.answer(&NO_SUCH_MESSAGE);
                }
                self.marked.insert(number);
                self.protocol.answer(&Answer::ok("Marked to be deleted."))
            }
            Event::Reset => {
                self.marked.clear();
                self.protocol.answer(&Answer::ok(""))
            }
            Event::Quit => self.quit(),
            _ => self.protocol.answer(&Answer::err("Command is not known.")),
        }
    }

    fn voice(&self) -> &'static Pop3Voice {
        &self.world.voice.pop3
    }

    fn login(&mut self, mechanism: Option<Mechanism>, login: Login) -> Result<(), Error> {
        if let Some(Pop3Fault::Token(text)) = self.world.fault().and_then(|fault| fault.pop3()) {
            return self.refuse(mechanism, Answer::err(text));
        }
        if login::check(&self.world, mechanism, login).is_none() {
            return self.refuse(mechanism, self.voice().refused.clone());
        }
        let store = self.world.mailbox.lock();
        if let Some(inbox) = store.folder(INBOX) {
            (self.validity, self.messages) = (inbox.uid_validity, inbox.messages.clone());
        }
        drop(store);
        self.protocol.answer(&self.voice().logged_in)
    }

    /// Only a token is refused with a reason, and not by every server.
    fn refuse(&mut self, mechanism: Option<Mechanism>, answer: Answer) -> Result<(), Error> {
        if self.world.voice.tells_reason && mechanism.is_some_and(Mechanism::is_bearer) {
            self.protocol.refuse_token(&login::refusal(&self.world), answer)
        } else {
            self.protocol.answer(&answer)
        }
    }

    /// How the fault of now answers `event`, if it does.
    fn fault(&self, event: &Event) -> Option<Answer> {
        match (event, self.world.fault()?.pop3()?) {
            (Event::Login { .. }, Pop3Fault::Login(text))
            | (Event::Retrieve(_), Pop3Fault::Retrieve(text))
            | (Event::Quit, Pop3Fault::Quit(text)) => Some(Answer::err(text)),
            _ => None,
        }
    }

    /// The messages that are not marked, with their numbers.
    fn left(&self) -> impl Iterator<Item = (u32, &Message)> {
        (1..).zip(&self.messages).filter(|(number, _)| !self.marked.contains(number))
    }

    fn message(&self, number: u32) -> Option<&Message> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.messages.get(index).filter(|_| !self.marked.contains(&number))
    }

    fn uid(&self, message: &Message) -> String {
        format!("{:08x}{:08x}", self.validity, message.uid)
    }

    fn lines(&self, tell: impl Fn(&Self, &Message) -> String) -> Vec<String> {
        self.left().map(|(number, message)| format!("{number} {}", tell(self, message))).collect()
    }

    fn line(&mut self, number: u32, tell: impl Fn(&Self, &Message) -> String) -> Result<(), Error> {
        let told = self.message(number).map(|message| said(format!("{number} {}", tell(self, message))));
        self.protocol.answer(&told.unwrap_or(NO_SUCH_MESSAGE))
    }

    fn send(&mut self, number: u32, lines: Option<u32>) -> Result<(), Error> {
        let Some(message) = self.message(number) else { return self.protocol.answer(&NO_SUCH_MESSAGE) };
        let octets = message.octets.to_vec();
        let answer = said(format!("{} octets", octets.len()));
        match lines {
            None => self.protocol.answer_message(&answer, octets.into()),
            Some(lines) => self.protocol.answer_top(&answer, octets.into(), lines),
        }
    }

    fn quit(&mut self) -> Result<(), Error> {
        let gone: BTreeSet<u32> =
            (1..).zip(&self.messages).filter(|(n, _)| self.marked.contains(n)).map(|(_, m)| m.uid).collect();
        if !gone.is_empty() {
            self.world.mailbox.lock().remove(INBOX, |message| gone.contains(&message.uid));
        }
        self.protocol.answer(&self.voice().quit)
    }
}

impl Machine for Pop3 {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        session::step(self, |own| &mut own.protocol, Self::on, rx, tx)
    }

    fn patience(&self) -> Option<Duration> {
        self.protocol.patience()
    }
}

impl Session for Pop3 {
    fn time_out(&mut self) {
        self.protocol.close(&Answer::err("Disconnected for inactivity."));
    }
}

fn said(text: String) -> Answer {
    Answer { ok: true, text: text.into() }
}

const NO_SUCH_MESSAGE: Answer = Answer::err("The specified message is out of range.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{
        Personality,
        testing::{Talk, USER, token, world, xoauth2},
    };

    #[test]
    fn serves_the_inbox_as_it_was_at_the_login() {
        let world = world(|options| options.personality = Personality::Dovecot);
        for text in ["one", "two", ".three\r\nand more"] {
            world.mailbox.deliver(format!("Subject: {text}\r\n\r\n{text}\r\n").into_bytes()).unwrap();
        }
        let mut talk = Talk::new(Pop3::new(Arc::clone(&world), Security::Implicit));
        assert_eq!(talk.say(""), "+OK Dovecot ready.\r\n");
        let login = xoauth2(USER, &token(&world));
        assert_eq!(talk.say(format!("AUTH XOAUTH2 {login}\r\n")), "+OK Logged in.\r\n");
        world.mailbox.deliver(*b"late").unwrap();
        assert_eq!(talk.say("STAT\r\n"), "+OK 3 89\r\n");
        assert_eq!(
            talk.say("TOP 3 1\r\n"),
            "+OK 47 octets\r\nSubject: .three\r\nand more\r\n\r\n..three\r\n.\r\n"
        );
        let uids = talk.say("UIDL\r\n");
        assert_eq!(talk.say("DELE 2\r\nDELE 2\r\nLIST\r\n").lines().count(), 6);
        assert_eq!(talk.say("RSET\r\nUIDL\r\n"), format!("+OK\r\n{uids}"));
        assert_eq!(talk.say("DELE 1\r\nDELE 4\r\nSTAT\r\n").lines().last(), Some("+OK 2 68"));
        assert_eq!(world.mailbox.messages("INBOX").len(), 4, "nothing goes before QUIT");
        let (said, step) = talk.hear("QUIT\r\n");
        assert_eq!((said.as_str(), step), ("+OK Logging out.\r\n", Step::Close));
        let left: Vec<u32> = world.mailbox.messages("INBOX").iter().map(|message| message.uid).collect();
        assert_eq!(left, [2, 3, 4]);
    }

    #[test]
    fn a_session_that_breaks_off_removes_nothing() {
        let world = world(|options| options.personality = Personality::Gmail);
        world.mailbox.deliver(*b"x").unwrap();
        let mut talk = Talk::new(Pop3::new(Arc::clone(&world), Security::Implicit));
        let login = xoauth2(USER, &token(&world));
        talk.say(format!("AUTH XOAUTH2 {login}\r\nDELE 1\r\n"));
        assert_eq!(talk.end().unwrap(), Step::Close);
        assert_eq!(world.mailbox.messages("INBOX").len(), 1);
    }

    #[test]
    fn exchange_takes_the_token_on_a_line_of_its_own_and_refuses_once() {
        let world = world(|_| {});
        let (good, bad) = (xoauth2(USER, &token(&world)), xoauth2(USER, "bad"));
        let talk = || Talk::new(Pop3::new(Arc::clone(&world), Security::Implicit));
        let (said, step) = talk().hear(format!("AUTH XOAUTH2 {good}\r\n"));
        assert!(said.ends_with("-ERR Protocol error. Connection is closed. 10\r\n"), "{said}");
        assert_eq!(step, Step::Close);
        assert!(
            talk()
                .say(format!("AUTH XOAUTH2\r\n{good}\r\n"))
                .ends_with("+OK User successfully authenticated.\r\n")
        );
        let (said, step) = talk().hear(format!("AUTH XOAUTH2\r\n{bad}\r\n"));
        assert!(
            said.ends_with("-ERR Authentication failure: unknown user name or bad password.\r\n"),
            "{said}"
        );
        assert_eq!(step, Step::Close);
    }
}

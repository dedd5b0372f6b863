//! Authentication exchanges.

use mailbearer_sasl::{
    Mechanism,
    server::{Acceptor, Received},
};

use super::{
    super::{Answer, Event},
    Next, Owed, Session, State, Transaction,
};

impl Session {
    pub(super) fn auth(&mut self, name: &str, initial: Option<&[u8]>) -> Next {
        if self.hello.is_none() {
            return self.refuse_by(|wording| &wording.hello_first);
        }
        if self.authenticated || self.transaction != Transaction::None {
            return self.refuse_by(|wording| &wording.sequence);
        }
        if self.options.require_tls && !self.tls {
            return self.refuse_by(|wording| &wording.tls_first);
        }
        let offered = name.parse().ok().filter(|mechanism| self.options.mechanisms.contains(mechanism));
        let Some(mechanism) = offered.filter(|_| self.takes_credentials()) else {
            return self.refuse_by(|wording| &wording.mechanism);
        };
        let acceptor = Acceptor::new(mechanism);
        match initial {
            Some(initial) => self.response(mechanism, acceptor, initial),
            None => (self.challenge(mechanism, acceptor, None), None),
        }
    }

    pub(super) fn response(&mut self, mechanism: Mechanism, mut acceptor: Acceptor, response: &[u8]) -> Next {
        if response == b"*" {
            return self.refuse_by(|wording| &wording.cancelled);
        }
        match acceptor.receive(response) {
            Err(_) => self.refuse_by(|wording| &wording.malformed),
            Ok(Received::Prompt(challenge)) => (self.challenge(mechanism, acceptor, Some(challenge)), None),
            Ok(Received::Login(login)) => {
                (State::Owed(Owed::Login(acceptor)), Some(Event::Login { mechanism, login }))
            }
        }
    }

    fn challenge(
        &mut self,
        mechanism: Mechanism,
        acceptor: Acceptor,
        challenge: Option<&'static str>,
    ) -> State {
        let _ = self.say(&Answer::new(334, challenge.unwrap_or_else(|| acceptor.prompt())));
        State::Response(mechanism, acceptor)
    }

    pub(super) fn acknowledgement(&mut self, acceptor: &Acceptor, answer: &Answer, response: &[u8]) -> Next {
        if !acceptor.is_acknowledgement(response) {
            return self.refuse_by(|wording| &wording.malformed);
        }
        (self.refuse(answer), None)
    }
}

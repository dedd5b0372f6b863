//! Talks to a session without a socket.

use std::{convert::Infallible, fmt::Debug, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use super::{Limits, Options, World, tokens::Claims};

pub(crate) const USER: &str = "robot@mailbearer.test";

pub(crate) fn world(change: impl FnOnce(&mut Options)) -> Arc<World> {
    let mut options = Options { token_octets: 40, limits: Limits::default(), ..Options::default() };
    change(&mut options);
    Arc::new(World::new(options).unwrap())
}

pub(crate) fn token(world: &World) -> String {
    let claims =
        Claims { tenant: "t", client_id: "c", object_id: "o", audience: "a", person: None, fault: None };
    world.tokens.issue(claims).unwrap().0
}

pub(crate) fn xoauth2(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"))
}

pub(crate) struct Talk<S> {
    pub(crate) session: S,
    rx: RecvBuf,
    tx: SendBuf,
}

impl<S: Machine<Event = Infallible, Error: Debug>> Talk<S> {
    pub(crate) fn new(session: S) -> Self {
        Self { session, rx: RecvBuf::with_limit(1 << 20), tx: SendBuf::new() }
    }

    /// Sends `input`, and returns all that comes back and what the session then wants.
    pub(crate) fn hear(&mut self, input: impl AsRef<[u8]>) -> (String, Step<Infallible>) {
        self.rx.extend(input.as_ref()).unwrap();
        let mut heard = Vec::new();
        loop {
            let action = self.session.step(&mut self.rx, &mut self.tx).unwrap();
            heard.extend_from_slice(self.tx.unsent());
            self.tx.sent(usize::MAX);
            if action != Step::Flush {
                return (String::from_utf8(heard).unwrap(), action);
            }
        }
    }

    /// The same, and what is wanted is more.
    pub(crate) fn say(&mut self, input: impl AsRef<[u8]>) -> String {
        let (heard, action) = self.hear(input);
        assert_eq!(action, Step::Read, "{heard}");
        heard
    }

    pub(crate) fn end(&mut self) -> Result<Step<Infallible>, S::Error> {
        self.rx.set_eof();
        self.session.step(&mut self.rx, &mut self.tx)
    }
}

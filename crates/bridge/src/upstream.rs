//! A submission server that breaks off where a test wants it to, and an account there.

use std::{
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard},
    thread,
};

use mailbearer::{Account, Blocking, Client, Security, Server as Host, Token, proto};
use mailbearer_mock::{Authority, Certificate};
use mailbearer_net::{Listener, Runtime};

#[path = "../../mailbearer/src/pool/tests/serving.rs"]
#[expect(clippy::arithmetic_side_effects, reason = "its sums are small")]
mod serving;

pub(crate) use serving::{Cut, Server};

pub(crate) struct Upstream {
    shared: serving::Shared,
    pub(crate) client: Client,
}

impl Upstream {
    pub(crate) fn start(server: Server) -> Self {
        let shared = serving::Shared::new(Mutex::new(server));
        let authority = Authority::new().unwrap();
        let tls = authority.server_tls(Certificate::Good).unwrap();
        let mut listener = Blocking::listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = serving::Shared::clone(&shared);
        // It ends with the tests.
        thread::spawn(move || {
            while let Ok((socket, _)) = Blocking::task(listener.accept()) {
                let (server, tls) = (serving::Shared::clone(&server), tls.clone());
                thread::spawn(move || Blocking::task(serving::serve::<Blocking>(socket, server, tls)));
            }
        });
        let mut account = Account::with_source("robot@mx.test", |_| Ok(Token::new("t0ken", None)))
            .ca_pem(authority.pem())
            .unwrap();
        account.smtp = Some(Host::new("localhost", port, Security::Implicit));
        Self { shared, client: account.blocking().unwrap() }
    }

    pub(crate) fn server(&self) -> MutexGuard<'_, Server> {
        serving::locked(&self.shared)
    }

    /// How often it took a message with this subject.
    pub(crate) fn times_taken(&self, subject: &str) -> usize {
        let line = format!("Subject: {subject}");
        self.server().taken.iter().filter(|(first, _)| *first == line).count()
    }
}

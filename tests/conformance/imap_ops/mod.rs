//! Every operation on IMAP against the memory server, on both drivers.

mod cancelling;
mod dice;
mod proxy;

use mailbearer::{Account, Security, Server};
use mailbearer_mock::memory::Options;

pub(crate) use dice::Dice;
pub(crate) use proxy::Proxy;

/// A memory server and the account of its mailbox.
pub(crate) struct Bench {
    pub(crate) server: mailbearer_mock::Server,
    pub(crate) account: Account,
}

impl Bench {
    pub(crate) fn start() -> Self {
        let server = mailbearer_mock::Server::start(Options::default()).unwrap();
        let mut account = Account::custom(server.user(), server.token_url(), server.scope())
            .client_credentials(server.client_id(), server.client_secret())
            .ca_pem(server.ca_pem())
            .unwrap();
        account.imap = Some(Server::new("localhost", server.ports().imaps, Security::Implicit));
        Self { server, account }
    }

    /// The account, reached through a proxy.
    pub(crate) fn account_by(&self, proxy: &Proxy) -> Account {
        let mut account = self.account.clone();
        account.imap.as_mut().unwrap().port = proxy.port();
        account
    }

    /// Puts messages with these subjects into the inbox.
    pub(crate) fn deliver(&self, subjects: &[&str]) {
        for subject in subjects {
            let text = format!(
                "From: Ann <ann@example.org>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nSubject: {subject}\r\n\
                 \r\nbody of {subject}\r\n"
            );
            self.server.mailbox().deliver(text.into_bytes()).unwrap();
        }
    }

    /// UIDs of a folder's messages, with their flags.
    pub(crate) fn stored(&self, folder: &str) -> Vec<(u32, Vec<String>)> {
        let messages = self.server.mailbox().messages(folder);
        messages.into_iter().map(|message| (message.uid, message.flags)).collect()
    }
}

#[path = "."]
mod blocking {
    pub(super) use mailbearer::Blocking as Driver;

    macro_rules! wait {
        ($operation:expr) => {
            $operation
        };
    }

    pub(super) fn run<T: Send>(test: impl Future<Output = T> + Send) -> T {
        <Driver as mailbearer::Runtime>::task(test)
    }

    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "answers.rs"]
    mod answers;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "cases.rs"]
    mod cases;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "fallbacks.rs"]
    mod fallbacks;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "reading.rs"]
    mod reading;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "views.rs"]
    mod views;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "watching.rs"]
    mod watching;
}

#[path = "."]
mod on_tokio {
    pub(super) use mailbearer::Tokio as Driver;

    macro_rules! wait {
        ($operation:expr) => {
            $operation.await
        };
    }

    pub(super) fn run<T: Send>(test: impl Future<Output = T> + Send) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "answers.rs"]
    mod answers;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "cases.rs"]
    mod cases;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "fallbacks.rs"]
    mod fallbacks;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "reading.rs"]
    mod reading;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "views.rs"]
    mod views;
    #[expect(clippy::duplicate_mod, reason = "once for each driver")]
    #[path = "watching.rs"]
    mod watching;
}

//! What `cargo xtask test` tells of the servers, and accounts on them.

use std::{
    env, fs,
    sync::atomic::{AtomicU32, Ordering},
};

use mailbearer::{Account, Security, Server};
use mailbearer_mock::memory::Options;

/// A setting of the servers.
pub(crate) fn setting(key: &str) -> String {
    env::var(format!("MAILBEARER_TEST_{key}")).unwrap_or_else(|_| {
        panic!("MAILBEARER_TEST_{key} is not set: run these tests with `cargo xtask test`, which starts the servers")
    })
}

pub(crate) fn port(key: &str) -> u16 {
    setting(key).parse().unwrap()
}

/// A mailbox that no other test has.
pub(crate) struct Box {
    pub(crate) user: String,
    pub(crate) token: String,
}

impl Box {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let user = format!("box-{:02}@{}", NEXT.fetch_add(1, Ordering::Relaxed), setting("DOMAIN"));
        let file = format!("{}/{user}", setting("TOKENS_DIR"));
        let token =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("no mailbox is left: {file}: {error}"));
        Self { user, token }
    }
}

/// A token endpoint that gives this token to anyone who knows the secret.
pub(crate) fn endpoint(token: &str) -> mailbearer_mock::Server {
    let mut options = Options::default();
    // The directory that signs the tokens: the program compares.
    options.tenant = Some(setting("TENANT"));
    let server = mailbearer_mock::Server::start(options).unwrap();
    server.tokens().hand_out(token);
    server
}

/// The account of a mailbox, with its tokens from this endpoint.
pub(crate) fn account(user: &str, endpoint: &mailbearer_mock::Server) -> Account {
    let ca = [fs::read(setting("CA_FILE")).unwrap(), endpoint.ca_pem().as_bytes().to_vec()].concat();
    let mut account = Account::custom(user, endpoint.token_url(), endpoint.scope())
        .client_credentials(endpoint.client_id(), endpoint.client_secret())
        .ca_pem(ca)
        .unwrap();
    account.imap = Some(server("IMAPS_PORT", Security::Implicit));
    account.smtp = Some(server("SUBMISSION_PORT", Security::StartTls));
    account
}

pub(crate) fn server(port_key: &str, security: Security) -> Server {
    Server::new(setting("HOST"), port(port_key), security)
}

pub(crate) fn tokio<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

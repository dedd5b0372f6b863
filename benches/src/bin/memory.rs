//! Counts what connections hold that wait: prints `WHAT OCTETS` lines, octets of one on the average.
//!
//! Only what this thread allocates counts, so the server in the same process does not.

use allocation_counter::measure;
use mailbearer::{Account, Client, Security, Server};

fn main() {
    let mock = mailbearer_mock::Server::start(mailbearer_mock::memory::Options::default()).unwrap();
    let mut account = Account::custom(mock.user(), mock.token_url(), mock.scope())
        .client_credentials(mock.client_id(), mock.client_secret())
        .ca_pem(mock.ca_pem())
        .unwrap();
    account.imap = Some(Server::new("localhost", mock.ports().imaps, Security::Implicit));
    let client: Client = account.blocking().unwrap();
    client.token().unwrap();

    held("session", || {
        let mut imap = client.connect_imap().unwrap();
        imap.examine("INBOX").unwrap();
        imap
    });
    let watcher = || {
        let mut watcher = client.watch("INBOX").unwrap();
        assert_eq!(watcher.next_within(std::time::Duration::from_millis(1)).unwrap(), None);
        watcher
    };
    held("watcher", watcher);
    for number in 0..10_000 {
        let text = format!("From: a@mail.test\r\nSubject: {number}\r\n\r\nx\r\n");
        mock.mailbox().deliver(text.into_bytes()).unwrap();
    }
    held("watcher-10000", watcher);
}

fn held<T>(name: &str, mut open: impl FnMut() -> T) {
    // The first one sets up what all share.
    let mut kept = vec![open()];
    kept.reserve(CONNECTIONS);
    let allocated = measure(|| kept.extend((0..CONNECTIONS).map(|_| open())));
    println!("{name} {}", allocated.bytes_current / i64::try_from(CONNECTIONS).unwrap());
}

const CONNECTIONS: usize = 20;

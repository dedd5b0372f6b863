//! OAuth 2.0 mail access from the protocol up: fetches tokens, sends, lists, fetches and watches mail.
//!
//! An [`Account`] says which mailbox it is and how to reach it. A [`Client`] does the work. It blocks the thread
//! ([`Account::blocking`]) or returns futures (`Account::tokio`, feature `tokio`); both have the same methods and the
//! same code. It fetches tokens when it needs them, shares them between its connections, and renews them before they
//! expire. If a server refuses a token that had been in use, it tries a new one once.
//!
//! # A token, a message, a listing
//!
//! ```no_run
//! use mailbearer::{Account, DateTime, Address, Message, Range};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let robot = Account::microsoft365("robot@contoso.com", "contoso.onmicrosoft.com")
//!     .client_credentials("8f1b2c3d-…", std::env::var("ROBOT_SECRET")?)
//!     .blocking()?;
//!
//! let token = robot.token()?; // for a program that speaks XOAUTH2 itself
//! assert!(!token.access_token.expose().is_empty());
//!
//! let message = Message::new(Address::parse("Robot <robot@contoso.com>")?)
//!     .to(Address::parse("ann@example.org")?)
//!     .subject("Grüße")
//!     .text("Hello\n");
//! let receipt = robot.send(&robot.compose(&message)?)?;
//! for (address, reply) in &receipt.refused {
//!     eprintln!("{address} was refused: {reply}");
//! }
//!
//! let mut imap = robot.connect_imap()?;
//! let mut listing = imap.list("INBOX", Range::Last(20))?;
//! while let Some(item) = listing.next()? {
//!     println!("{} {} {}", item.uid, item.from, item.subject);
//! }
//! imap.logout()?;
//! # Ok(()) }
//! ```
//!
//! # The same as futures
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! # async fn job(message: mailbearer::Composed) -> Result<(), mailbearer::Error> {
//! use mailbearer::{Account, Range};
//!
//! let robot = Account::microsoft365("robot@contoso.com", "contoso.onmicrosoft.com")
//!     .client_credentials("8f1b2c3d-…", "secret")
//!     .tokio()?;
//! robot.send(&message).await?;
//! let mut imap = robot.connect_imap().await?;
//! let mut listing = imap.list("INBOX", Range::All).await?;
//! while let Some(item) = listing.next().await? {
//!     println!("{} {}", item.uid, item.subject);
//! }
//! imap.logout().await?;
//! # Ok(()) }
//! ```
//!
//! # One message to a file, and news as they come
//!
//! ```no_run
//! use std::{io::Write, time::Duration};
//!
//! # fn job(robot: mailbearer::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let mut imap = robot.connect_imap()?;
//! let mut file = std::fs::File::create("message.eml")?;
//! let mut body = imap.fetch("INBOX", 4711)?;
//! while let Some(octets) = body.next()? {
//!     file.write_all(&octets)?; // in pieces, however large the message
//! }
//!
//! let mut inbox = imap.examine("INBOX")?;
//! let mut idle = inbox.idle()?;
//! while let Some(change) = idle.next_within(Duration::from_secs(60))? {
//!     println!("{change:?}");
//! }
//! println!("quiet for a minute; {} messages", inbox.exists());
//! # Ok(()) }
//! ```
//!
//! # Any command, and a mailbox watched for good
//!
//! ```no_run
//! use mailbearer::News;
//! use mailbearer::proto::imap::{Flag, SearchKey, StoreAction};
//!
//! # fn job(robot: mailbearer::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let mut imap = robot.connect_imap()?;
//! for folder in imap.folders_with_counts("*")? {
//!     println!("{} {:?}", folder.name, folder.counts.and_then(|counts| counts.unseen));
//! }
//! let mut inbox = imap.select("INBOX")?; // what `examine` opens has nothing that changes it
//! let invoices = inbox.search(&SearchKey::Subject("invoice".into()))?.uids;
//! inbox.store(invoices.clone(), StoreAction::Add, &[Flag::Flagged])?;
//! inbox.move_to(invoices, "Accounting")?;
//! imap.append("Drafts", &[Flag::Draft], None, b"Subject: to do\r\n\r\n")?;
//! imap.logout()?;
//!
//! let mut watcher = robot.watch("INBOX")?; // on one connection after the other, and misses nothing
//! loop {
//!     match watcher.next()? {
//!         News::Arrived(message) => println!("{} {}", message.from, message.subject),
//!         News::Interrupted { error, retry_in } => eprintln!("{error}; again in {retry_in:?}"),
//!         _ => {}
//!     }
//! }
//! # }
//! ```
//!
//! # A mailbox by POP3
//!
//! ```no_run
//! # #[cfg(feature = "pop3")]
//! # fn job(robot: mailbearer::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use mailbearer::pop3::{Arrived, Removal};
//!
//! let mut pop3 = robot.connect_pop3()?;
//! let numbers: Vec<u32> = pop3.list()?.iter().map(|entry| entry.number).collect();
//! let mut messages = pop3.fetch_each(numbers)?; // 1,000 in three flights, where the server takes commands ahead
//! while let Some(arrived) = messages.next()? {
//!     match arrived {
//!         Arrived::Octets(number, octets) => println!("{} octets of {number}", octets.len()),
//!         Arrived::Whole(number) => println!("{number} is whole"),
//!         Arrived::Refused(number, error) => eprintln!("{number}: {error}"),
//!         _ => {}
//!     }
//! }
//! drop(messages);
//! pop3.delete(&[1])?; // a mark, which `quit` makes good
//! assert_eq!(pop3.quit()?, Removal::Done(1));
//! # Ok(()) }
//! ```
//!
//! # Features
//!
//! `charsets` (default) decodes subjects in every charset of the web, `guess` those that name none, `simd` encodes
//! base64 with vector instructions, `ring` (default) or `aws-lc-rs` does the cryptography, `webpki-roots` (default)
//! brings Mozilla's root certificates, `pop3` (default) brings [`Pop3`], `pool` (default) sends over several
//! connections within a provider's limits, `file-store` (default) brings the [`FileStore`] and `keyring` the
//! `KeyringStore`, `doctor` finds out where an account fails and what mends it, `server` brings the servers' halves
//! of [`proto::smtp`], [`proto::imap`] and [`proto::pop3`], `tokio` brings the asynchronous runtime, `stream` makes
//! its listings and bodies a `futures_core::Stream`, and `tls12` (default) speaks TLS 1.2 with servers that have no
//! 1.3. Features choose dependencies; none changes how anything behaves.

#![forbid(unsafe_code)]
#![expect(clippy::should_implement_trait, reason = "an iterator can't wait as a future does")]

#[macro_use]
mod aliases;

mod account;
pub mod advice;
pub mod claims;
mod client;
#[cfg(feature = "doctor")]
pub mod doctor;
pub mod error;
mod fetch;
pub mod grant;
mod imap;
#[cfg(test)]
mod later;
mod login;
mod outgoing;
mod parts;
#[cfg(feature = "pool")]
mod pool;
#[cfg(feature = "pop3")]
pub mod pop3;
pub mod provider;
mod raw;
mod smtp;
#[cfg(feature = "stream")]
mod stream;
mod token;
pub mod trace;
mod unique;
mod vendor;

/// The types of this crate for programs that block the thread.
pub mod blocking {
    use mailbearer_net::Blocking;

    aliases!(Blocking);
}

/// The types of this crate for programs that run on tokio.
#[cfg(feature = "tokio")]
pub mod tokio {
    use mailbearer_net::Tokio;

    aliases!(Tokio);
}

/// The crates below this one, for types that have no shorter path here.
pub mod proto {
    pub use mailbearer_imap as imap;
    pub use mailbearer_mime as mime;
    pub use mailbearer_net as net;
    pub use mailbearer_oauth as oauth;
    #[cfg(feature = "pop3")]
    pub use mailbearer_pop3 as pop3;
    pub use mailbearer_sasl as sasl;
    pub use mailbearer_smtp as smtp;
    pub use mailbearer_wire as wire;
}

pub use account::{Account, ClientProof, Grant, Login, OAuth, Person, RedirectTo, Server};
pub use client::Client;
pub use error::{Error, Kind};
pub use imap::{
    Appended, Appending, AppendingState, Arrived, Authenticated, Body, BodyState, Content, Copied, Counts,
    Entry, Examined, Fetched, Folder, Found, Idle, IdleOptions, IdleState, Imap, ListedRights, Listing,
    ListingState, Matches, MessagePiece, MessageText, Messages, MessagesState, MetadataQuery, Moved,
    Namespaces, News, NoPosition, OddLine, Open, Opened, Outline, Position, Quota, QuotaResource, Range,
    Received, Role, Selected, Space, Summary, ThreadAlgorithm, WatchOptions, Watcher,
};
pub use login::{BrowserLogin, DeviceLogin, LoggedIn, LoggedOut, LoginOptions, LoginStatus, Pasted, Pasting};
pub use mailbearer_imap::{UidSet, view::Change};
pub use mailbearer_mime::{Address, Composed, DateTime, Message, decode::DisplayAddress};
#[cfg(feature = "tokio")]
pub use mailbearer_net::Tokio;
pub use mailbearer_net::{Blocking, Canceller, Proxies, Proxy, Runtime, Timeouts, Tls, TraceLine};
pub use mailbearer_oauth::Retry;
pub use mailbearer_smtp::{Envelope, Receipt, Unsent};
pub use mailbearer_wire::{Secret, Security};
pub use outgoing::{Outgoing, Prepared};
pub use parts::Part;
#[cfg(feature = "pool")]
pub use pool::{Ended, Fate, Outcome, Pool, PoolOptions, Sending, Sent, Turn};
#[cfg(feature = "pop3")]
pub use pop3::Pop3;
pub use provider::{GrantType, MailProtocol, Provider, UnknownProvider};
pub use raw::RawMessage;
pub use smtp::{Batch, MailObject, Smtp, Submission, SubmissionState};
#[cfg(feature = "file-store")]
pub use token::FileStore;
#[cfg(feature = "keyring")]
pub use token::KeyringStore;
pub use token::{
    AccountKey, BestEffort, Kept, Pending, SourceError, StoreError, StoreLock, Token, TokenSource,
    TokenStore, Trouble,
};
pub use vendor::Vendor;

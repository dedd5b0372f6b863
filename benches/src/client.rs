//! Whole clients on a connection in memory: log in, fetch every envelope, look at its subject and sender.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::TryStreamExt;
use mailbearer_imap::session::{Event, Options, Session};
use mailbearer_imap::{Data, FetchItem, Item, Response, SequenceSet};
use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A client that fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    Ours,
    AsyncImap,
}

impl Client {
    pub const ALL: [Self; 2] = [Self::Ours, Self::AsyncImap];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "mailbearer",
            Self::AsyncImap => "async-imap",
        }
    }

    /// Fetches `responses`, each a line of a listing, and returns how many messages there were and the
    /// octets of their subjects and of their senders' mailboxes.
    ///
    /// # Panics
    ///
    /// Where the client is not content.
    pub fn fetch(self, responses: &[u8]) -> (usize, usize) {
        match self {
            Self::Ours => ours(responses),
            Self::AsyncImap => {
                tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async_imap(responses))
            }
        }
    }
}

/// What the facade's listing asks for.
const ITEMS: [FetchItem<'static>; 5] =
    [FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope];

fn ours(responses: &[u8]) -> (usize, usize) {
    let options = Options::new("imap.example.org", 993, Security::Implicit);
    let (mut rx, mut tx) = (RecvBuf::with_limit(options.limits.buffer()), SendBuf::new());
    let mut session = Session::new(options);
    session.authenticate(Credentials::bearer("robot@example.org", "t0ken").unwrap()).unwrap();
    session.uid_fetch(SequenceSet::all(), ITEMS.to_vec()).unwrap();
    let mut server = Server::new(responses);
    let (mut messages, mut octets) = (0, 0);
    loop {
        match session.step(&mut rx, &mut tx).unwrap() {
            Step::Event(Event::Data(frame)) => {
                let Response::Untagged(Data::Fetch(fetch)) = frame.response().unwrap() else { continue };
                for item in &fetch.items {
                    let Item::Envelope(envelope) = item else { continue };
                    messages += 1;
                    octets += envelope.subject.as_ref().map_or(0, |subject| subject.len());
                    let sender = envelope.from.iter().next().and_then(|sender| sender.mailbox);
                    octets += sender.map_or(0, |mailbox| mailbox.len());
                }
            }
            Step::Event(Event::Done(done)) => {
                assert!(done.is_ok());
                return (messages, octets);
            }
            Step::Event(_) => {}
            Step::Read | Step::Flush => {
                server.hear(tx.unsent());
                tx.sent(tx.unsent().len());
                rx.extend(server.say(READ)).unwrap();
            }
            step => panic!("{step:?}"),
        }
    }
}

async fn async_imap(responses: &[u8]) -> (usize, usize) {
    let mut client = async_imap::Client::new(Server::new(responses));
    client.read_response().await.unwrap().unwrap();
    let mut session = client.login("robot", "secret").await.map_err(|(error, _)| error).unwrap();
    let mut fetches =
        session.uid_fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)").await.unwrap();
    let (mut messages, mut octets) = (0, 0);
    while let Some(fetch) = fetches.try_next().await.unwrap() {
        let envelope = fetch.envelope().unwrap();
        messages += 1;
        octets += envelope.subject.as_ref().map_or(0, |subject| subject.len());
        let sender = envelope.from.as_ref().and_then(|from| from.first()?.mailbox.as_ref());
        octets += sender.map_or(0, |mailbox| mailbox.len());
    }
    (messages, octets)
}

/// A server in memory: it greets, and answers FETCH with what it was given and everything else with OK.
#[derive(Debug)]
struct Server<'a> {
    responses: &'a [u8],
    heard: Vec<u8>,
    said: VecDeque<Cow<'a, [u8]>>,
    /// What of the first of `said` is out already.
    at: usize,
}

impl<'a> Server<'a> {
    fn new(responses: &'a [u8]) -> Self {
        let greeting = &b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n"[..];
        Self { responses, heard: Vec::new(), said: VecDeque::from([Cow::Borrowed(greeting)]), at: 0 }
    }

    fn hear(&mut self, octets: &[u8]) {
        self.heard.extend_from_slice(octets);
        while let Some(end) = self.heard.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = self.heard.drain(..end + 2).collect();
            let line = String::from_utf8(line).unwrap();
            if line.contains("FETCH") {
                self.said.push_back(Cow::Borrowed(self.responses));
            }
            let tag = line.split(' ').next().unwrap();
            self.said.push_back(Cow::Owned(format!("{tag} OK done\r\n").into_bytes()));
        }
    }

    /// At most `most` of the octets that it has to say.
    fn say(&mut self, most: usize) -> &[u8] {
        while self.said.front().is_some_and(|front| front.len() == self.at) {
            self.said.pop_front();
            self.at = 0;
        }
        let front = self.said.front().expect("asked for more than there is");
        let start = self.at;
        self.at = front.len().min(start + most);
        &front[start..self.at]
    }
}

impl AsyncRead for Server<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = buf.remaining().min(READ);
        buf.put_slice(self.say(most));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.hear(octets);
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Octets of a read: a TLS record.
const READ: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Corpus;

    #[test]
    fn both_clients_see_the_same() {
        let responses = Corpus::Listing.octets(300);
        let [ours, theirs] = Client::ALL.map(|client| client.fetch(&responses));
        assert_eq!(ours.0, 300);
        assert_eq!(ours.0, theirs.0);
        // Ours takes the escapes out of a subject, theirs does not.
        assert!(ours.1 <= theirs.1 && theirs.1 < ours.1 + 60, "{ours:?} {theirs:?}");
    }
}

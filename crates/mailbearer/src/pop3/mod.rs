//! POP3: a session, its listing and its messages.

mod messages;

use std::{collections::BTreeMap, time::Duration};

use mailbearer_net::{Connection, Runtime, Service};
use mailbearer_pop3::{Event, Misuse, Options, Reply, Session, Stage, Ticket};
use mailbearer_sasl::Credentials;

pub use mailbearer_pop3::{Capabilities, Language, Removal, Stat};

pub use self::messages::{Arrived, Body, Messages};
use crate::{Account, Error, Server, client::Shared};

/// A POP3 session that is logged in.
///
/// Messages have numbers from 1, valid in this session only, and unique ids that never change. Only
/// [`quit`](Self::quit) removes messages: a session that ends in another way leaves them all in place.
pub struct Pop3<R: Runtime> {
    connection: Connection<R>,
    session: Session,
}

/// A message in a [`listing`](Pop3::list).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its number in this session.
    pub number: u32,
    /// Its size in octets as the server counts them; some count wrongly. `None` if it did not say.
    pub octets: Option<u64>,
    /// Its unique id. `None` if the server has none. Copies of one message may share it. Escape it before you show it.
    pub uid: Option<String>,
}

impl<R: Runtime> Pop3<R> {
    /// The options of sessions with this server.
    pub(crate) fn options(account: &Account, server: &Server) -> Options {
        let mut options = match &account.pop3_options {
            Some(options) => (**options).clone(),
            None => Options::new("", 0),
        };
        options.host.clone_from(&server.host);
        (options.port, options.security) = (server.port, server.security);
        options
    }

    pub(crate) async fn open(
        shared: &Shared,
        server: &Server,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        let mut session = Session::new(Self::options(&shared.account, server))?;
        let net = shared.options();
        session.authenticate(credentials)?;
        let connection = shared
            .connect(Service::Mail, &server.host, server.port, server.security, net)
            .await
            .map_err(Error::pop3_net)?;
        let mut pop3 = Self { connection, session };
        while pop3.event().await? != Event::Authenticated {}
        Ok(pop3)
    }

    /// Returns how many messages there are, without those marked as deleted.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends.
    pub fn stat(&mut self) -> R::Task<'_, Result<Stat, Error>> {
        R::task(async move {
            let mut found = None;
            self.run(Stage::Stat, Session::stat, |event| {
                if let Event::Stat(_, stat) = event {
                    found = Some(stat);
                }
            })
            .await?;
            // The session reports it before it says that the command is done.
            found.ok_or_else(Error::pop3_closed)
        })
    }

    /// Lists all messages by number, with sizes and unique ids. Takes one round trip if the server accepts commands
    /// ahead.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses to list them, and if the session ends. A server without unique ids is no failure.
    pub fn list(&mut self) -> R::Task<'_, Result<Vec<Entry>, Error>> {
        R::task(async move {
            self.connection.start_operation();
            let sizes = self.session.list(None)?;
            let given = Given::new(self, sizes);
            let uids = given.pop3.session.uidl(None)?;
            let mut entries = BTreeMap::new();
            loop {
                match given.pop3.event().await? {
                    Event::Size(_, size) => entry(&mut entries, size.number).octets = Some(size.octets),
                    Event::Uid(_, uid) => entry(&mut entries, uid.number).uid = Some(uid.uid),
                    Event::Refused(ticket, reply) if ticket == sizes => {
                        return Err(Error::pop3_refused(Stage::List, reply));
                    }
                    Event::Done(ticket, _) | Event::Refused(ticket, _) if ticket == uids => break,
                    _ => {}
                }
            }
            Ok(entries.into_values().collect())
        })
    }

    /// Fetches one message.
    ///
    /// # Errors
    ///
    /// Fails if there is no message with that number, and if the session ends.
    pub fn fetch(&mut self, number: u32) -> R::Task<'_, Result<Body<'_, R>, Error>> {
        R::task(Body::open(self, Stage::Retrieve, move |session| session.retrieve(number)))
    }

    /// Fetches the header of one message, and the first `lines` lines of its body. Servers count these differently.
    ///
    /// # Errors
    ///
    /// Fails as [`fetch`](Self::fetch) does, and on a server that does not offer TOP.
    pub fn top(&mut self, number: u32, lines: u32) -> R::Task<'_, Result<Body<'_, R>, Error>> {
        R::task(Body::open(self, Stage::Top, move |session| session.top(number, lines)))
    }

    /// Fetches many messages, one after the other. If the server accepts commands ahead, requests the next before the
    /// last has arrived: 1,000 messages take three flights.
    ///
    /// # Errors
    ///
    /// Fails for number 0, and after the end of the session.
    pub fn fetch_each(&mut self, numbers: impl IntoIterator<Item = u32>) -> Result<Messages<'_, R>, Error> {
        Messages::begin(self, numbers, Session::retrieve)
    }

    /// Does the same as [`fetch_each`](Self::fetch_each) for the header and the first `lines` lines of each message.
    ///
    /// # Errors
    ///
    /// Fails as [`fetch_each`](Self::fetch_each) does.
    pub fn top_each(
        &mut self,
        numbers: impl IntoIterator<Item = u32>,
        lines: u32,
    ) -> Result<Messages<'_, R>, Error> {
        Messages::begin(self, numbers, |session, number| session.top(number, lines))
    }

    /// Marks messages as deleted; [`quit`](Self::quit) removes them. Returns those that the server refused to mark.
    ///
    /// Dropping the future leaves no mark.
    ///
    /// # Errors
    ///
    /// Fails for number 0, and if the session ends. Nothing is removed then.
    pub fn delete<'a>(&'a mut self, numbers: &'a [u32]) -> R::Task<'a, Result<Vec<(u32, Error)>, Error>> {
        R::task(async move {
            let mut refused = Vec::new();
            let Some((first, rest)) = numbers.split_first() else { return Ok(refused) };
            self.connection.start_operation();
            let first_ticket = self.session.delete(*first)?;
            let given = Given::new(self, first_ticket);
            let mut tickets = vec![first_ticket];
            for number in rest {
                tickets.push(given.pop3.session.delete(*number)?);
            }
            for (number, ticket) in numbers.iter().zip(tickets) {
                if let Err(error) = given.pop3.done(ticket, Stage::Delete, |_| {}).await {
                    if error.ended_session() {
                        return Err(error);
                    }
                    refused.push((*number, error));
                }
            }
            Ok(refused)
        })
    }

    /// Removes all marks.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends.
    pub fn reset(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move { self.run(Stage::Reset, Session::reset, |_| {}).await.map(drop) })
    }

    /// Sends NOOP, so that the server does not end the session because of silence.
    ///
    /// # Errors
    ///
    /// Fails as [`reset`](Self::reset) does.
    pub fn noop(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move { self.run(Stage::Noop, Session::noop, |_| {}).await.map(drop) })
    }

    /// Returns the languages that the server has for its texts (RFC 6856).
    ///
    /// # Errors
    ///
    /// Fails as [`reset`](Self::reset) does.
    pub fn languages(&mut self) -> R::Task<'_, Result<Vec<Language>, Error>> {
        R::task(async move {
            let mut found = Vec::new();
            self.run(Stage::Language, Session::languages, |event| {
                if let Event::Language(_, language) = event {
                    found.push(language);
                }
            })
            .await?;
            Ok(found)
        })
    }

    /// Sets the language of the server's texts by its tag. `*` is the server's own.
    ///
    /// # Errors
    ///
    /// Fails as [`reset`](Self::reset) does, and for a malformed language tag.
    pub fn set_language<'a>(&'a mut self, tag: &'a str) -> R::Task<'a, Result<(), Error>> {
        R::task(
            async move { self.run(Stage::Language, |session| session.language(tag), |_| {}).await.map(drop) },
        )
    }

    /// Says goodbye. The server then removes the messages that are marked as deleted. Returns whether it did.
    ///
    /// # Errors
    ///
    /// Fails if the session ends before the answer and messages were marked: it is [unknown whether they were
    /// removed](Error::outcome_unknown). Without a mark it does not fail.
    pub fn quit(mut self) -> R::Task<'static, Result<Removal, Error>> {
        R::task(async move {
            self.connection.start_operation();
            self.session.quit()?;
            let removal = loop {
                if let Event::Left(removal) = self.event().await? {
                    break removal;
                }
            };
            // The answer is here. How the connection ends changes nothing.
            let _ = self.connection.next_within(&mut self.session, GOODBYE).await;
            Ok(removal)
        })
    }

    /// Returns what the server offers.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        self.session.capabilities()
    }

    /// Iterates over the numbers of the messages that are marked as deleted.
    pub fn marked(&self) -> impl Iterator<Item = u32> {
        self.session.marked()
    }

    /// Sends one command and waits until it is done.
    async fn run(
        &mut self,
        stage: Stage,
        ask: impl FnOnce(&mut Session) -> Result<Ticket, Misuse>,
        take: impl FnMut(Event),
    ) -> Result<Reply, Error> {
        self.connection.start_operation();
        let ticket = ask(&mut self.session)?;
        let given = Given::new(self, ticket);
        given.pop3.done(ticket, stage, take).await
    }

    /// Waits until a command is done.
    async fn done(
        &mut self,
        ticket: Ticket,
        stage: Stage,
        mut take: impl FnMut(Event),
    ) -> Result<Reply, Error> {
        loop {
            match self.event().await? {
                Event::Done(own, reply) if own == ticket => return Ok(reply),
                Event::Refused(own, reply) if own == ticket => return Err(Error::pop3_refused(stage, reply)),
                event => take(event),
            }
        }
    }

    async fn event(&mut self) -> Result<Event, Error> {
        let event = self.connection.next(&mut self.session).await.map_err(|error| {
            // The session knows how far it was when the connection broke.
            let unknown = self.session.outcome_unknown();
            Error::pop3(error).with_outcome_unknown(unknown).with_greeting(self.session.greeting())
        })?;
        if matches!(event, Some(Event::Authenticated)) {
            self.connection.opened();
        }
        event.ok_or_else(Error::pop3_closed)
    }
}

fn entry(entries: &mut BTreeMap<u32, Entry>, number: u32) -> &mut Entry {
    entries.entry(number).or_insert(Entry { number, octets: None, uid: None })
}

/// All commands from this one on. If dropped before they are done, gives them up, so that the next operation finds
/// nothing of them.
struct Given<'a, R: Runtime> {
    pop3: &'a mut Pop3<R>,
    since: Ticket,
}

impl<'a, R: Runtime> Given<'a, R> {
    const fn new(pop3: &'a mut Pop3<R>, since: Ticket) -> Self {
        Self { pop3, since }
    }
}

impl<R: Runtime> Drop for Given<'_, R> {
    fn drop(&mut self) {
        self.pop3.session.abandon_since(self.since);
    }
}

/// How long to wait for the end of the connection.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

mod body;
mod listing;
mod watch;

use std::time::Duration;

use mailbearer_imap::{
    Mailbox,
    session::{Completion, Event, Options, Session, Tag},
};
use mailbearer_net::{Connection, Next, Runtime};
use mailbearer_sasl::Credentials;

pub use body::Body;
pub use listing::{Listing, Range, Summary};
pub use watch::{Change, Watch};

use crate::{Error, Server, client::Shared};

/// An IMAP session: logged in, ready for commands.
///
/// A listing, a body or a watch borrows the session while it lasts. One that is dropped before its end leaves
/// answers on the way; the next command reads past them.
pub struct Imap<R: Runtime> {
    connection: Connection<R>,
    session: Session,
}

impl<R: Runtime> Imap<R> {
    pub(crate) async fn open(
        shared: &Shared,
        server: &Server,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        let options = Options::new(server.host.as_str(), server.port, server.security);
        let mut net = shared.options();
        net.recv_limit = options.limits.buffer();
        let mut session = Session::new(options);
        session.authenticate(credentials)?;
        let connection = Connection::open(&server.host, server.port, server.security, net)
            .await
            .map_err(Error::imap_net)?;
        let mut imap = Self { connection, session };
        while imap.event().await? != Event::Authenticated {}
        Ok(imap)
    }

    /// Lists messages of a mailbox, the oldest first, each told as it arrives. Nothing is marked as read.
    ///
    /// # Errors
    ///
    /// Fails for a name that can't be a mailbox's, and when the server refuses to open it.
    pub fn list<'a>(
        &'a mut self,
        mailbox: &'a str,
        range: Range,
    ) -> R::Task<'a, Result<Listing<'a, R>, Error>> {
        R::task(Listing::start(self, mailbox, range))
    }

    /// Fetches a message as it is on the server, in pieces. It is not marked as read.
    ///
    /// # Errors
    ///
    /// Fails for a name that can't be a mailbox's, and when the server refuses to open it. That there is no such
    /// message is told by [`Body::next`].
    pub fn fetch<'a>(&'a mut self, mailbox: &'a str, uid: u32) -> R::Task<'a, Result<Body<'a, R>, Error>> {
        R::task(Body::start(self, mailbox, uid))
    }

    /// Opens a mailbox and listens for what happens in it.
    ///
    /// # Errors
    ///
    /// Fails for a name that can't be a mailbox's, and when the server refuses to open it. That it has no IDLE is told
    /// by [`Watch::next`].
    pub fn watch<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Watch<'a, R>, Error>> {
        R::task(Watch::start(self, mailbox))
    }

    /// Says goodbye and closes.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks first.
    pub fn logout(mut self) -> R::Task<'static, Result<(), Error>> {
        R::task(async move {
            self.connection.start_operation();
            self.session.logout()?;
            while self.connection.next(&mut self.session).await.map_err(Error::imap)?.is_some() {}
            Ok(())
        })
    }

    /// The session itself, for commands that have no method here; drive it with [`event`](Self::next_event).
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The next event of the session.
    ///
    /// # Errors
    ///
    /// Fails if the session or the connection under it does.
    pub fn next_event(&mut self) -> R::Task<'_, Result<Event, Error>> {
        R::task(self.event())
    }

    /// Begins an operation: reads past what an earlier one left.
    async fn begin(&mut self) -> Result<(), Error> {
        self.connection.start_operation();
        // An error says that nothing idles.
        let _ = self.session.done();
        while self.session.pending().next().is_some() {
            self.event().await?;
        }
        Ok(())
    }

    async fn event(&mut self) -> Result<Event, Error> {
        let event = self.connection.next(&mut self.session).await.map_err(Error::imap)?;
        event.ok_or_else(Error::imap_closed)
    }

    /// The next event, or `None` if there is none for that long.
    async fn event_within(&mut self, patience: Duration) -> Result<Option<Event>, Error> {
        match self.connection.next_within(&mut self.session, patience).await.map_err(Error::imap)? {
            Next::Event(event) => Ok(Some(event)),
            Next::Quiet => Ok(None),
            Next::Closed => Err(Error::imap_closed()),
        }
    }
}

/// The answers to an EXAMINE and the command sent right behind it.
struct Pair {
    examine: Tag,
    command: Tag,
    refusal: Option<Completion>,
    /// Whether the mailbox was opened.
    opened: bool,
}

impl Pair {
    const fn new(examine: Tag, command: Tag) -> Self {
        Self { examine, command, refusal: None, opened: false }
    }

    /// Takes an answer in; true when both are there. If the mailbox was not opened, that is the failure, and what
    /// the server says to the command after it is not.
    fn answered(&mut self, completion: Completion) -> Result<bool, Error> {
        if completion.tag == self.examine {
            self.opened = completion.is_ok();
            self.refusal = Some(completion).filter(|completion| !completion.is_ok());
            return Ok(false);
        }
        if completion.tag != self.command {
            return Ok(false);
        }
        match self.refusal.take() {
            Some(refusal) => Err(Error::command(refusal)),
            None if completion.is_ok() => Ok(true),
            None => Err(Error::command(completion)),
        }
    }
}

fn mailbox(name: &str) -> Result<Mailbox<'static>, Error> {
    Ok(Mailbox::new(name)?.into_owned())
}

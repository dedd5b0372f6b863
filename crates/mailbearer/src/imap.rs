mod acl;
mod append;
mod arrival;
mod ask;
mod body;
mod counts;
mod fetch;
mod folders;
mod follow;
mod idle;
mod listing;
mod mailbox;
mod metadata;
mod odd;
mod outline;
mod quota;
mod received;
mod run;
mod search;
mod server;
mod store;
mod summary;
mod transfer;
mod watcher;

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use mailbearer_imap::{
    Mailbox,
    session::{Completion, Event, Options, Session},
};
use mailbearer_net::{Canceller, Connection, Next, Runtime, Service};
use mailbearer_sasl::Credentials;

pub use acl::ListedRights;
pub use append::{Appended, Appending, AppendingState};
pub use arrival::Arrived;
pub use body::{Body, BodyState};
pub use counts::Counts;
pub use fetch::{Fetched, MessagePiece, Messages, MessagesState};
pub use folders::{Folder, Role};
pub use idle::{Idle, IdleOptions, IdleState};
pub use listing::{Listing, ListingState, Range};
pub use mailbox::{Examined, Open, Opened, Selected};
pub use metadata::{Entry, MetadataQuery};
pub use odd::OddLine;
pub use outline::Outline;
pub use quota::{Quota, QuotaResource};
pub use received::{Content, MessageText, Received};
pub use search::{Found, Matches, ThreadAlgorithm};
pub use server::{Namespaces, Space};
pub use summary::Summary;
pub use transfer::{Copied, Moved};
pub use watcher::{News, NoPosition, Position, WatchOptions, Watcher};

use self::{follow::Follow, odd::Odd, run::Budget};
use crate::{Account, Error, Kind, Server, client::Shared, unique::unique};

/// An IMAP session that is logged in.
///
/// [`select`](Self::select) and [`examine`](Self::examine) open a mailbox and return it as a value that has the
/// operations on messages. No other mailbox can be opened while that value exists. Operations that need no open mailbox
/// (folders, appending, quota, …) are on [`Authenticated`], to which this and an open mailbox deref.
pub struct Imap<R: Runtime> {
    line: Authenticated<R>,
}

/// The operations of an IMAP session that need no open mailbox. They also work while one is open.
///
/// A listing, a body or an IDLE borrows the session. If it is dropped before its end, answers are still to come; the
/// next command reads past them. For commands that have no method here, use [`session`](Self::session).
///
/// Of the answer to one command, up to 16 MiB are held in memory; [`limit_answers`](Self::limit_answers) changes that.
/// Listings, messages and bodies come piece by piece and have no such limit.
/// [`Bounds`](mailbearer_imap::session::Bounds) limits responses that the command did not ask for. A line that can't be
/// read fails no command that does not need it: see [`odd_lines`](Self::odd_lines).
pub struct Authenticated<R: Runtime> {
    /// No other session of this process has the same number.
    id: u64,
    connection: Connection<R>,
    session: Session,
    /// The open mailbox, if there is one.
    open: Option<mailbox::Held>,
    /// Keeps the view of the open mailbox. Behind a pointer, so that a program that opens no mailbox does not link it.
    follower: Option<Box<dyn Follow>>,
    /// The most octets of one answer that are held in memory.
    answer_limit: usize,
    /// How much more may come during this command that it did not ask for.
    budget: Budget,
    odd: Odd,
    /// Whether an upload broke off: the server takes whatever is sent for a part of it.
    unfinished: bool,
    /// A refusal that came while other commands were in flight. If the server hangs up, it is the reason.
    held: Option<Completion>,
}

impl<R: Runtime> Imap<R> {
    /// The options of sessions with this server.
    pub(crate) fn options(account: &Account, server: &Server) -> Options {
        let mut options = match &account.imap_options {
            Some(options) => (**options).clone(),
            None => Options::new("", 0, server.security),
        };
        options.host.clone_from(&server.host);
        (options.port, options.security) = (server.port, server.security);
        options
    }

    /// Opens the inbox of a session that is logged in, for reading, lists its newest message, and logs out.
    #[cfg(feature = "doctor")]
    pub(crate) async fn look_into(connection: Connection<R>, session: Session) -> Result<Opened, Error> {
        let mut imap = Self { line: Authenticated::new(connection, session) };
        let opened = imap.line.look("INBOX").await?;
        // Some servers open it, and give out nothing.
        listing::newest(&mut imap.line, opened.exists).await?;
        // Nothing depends on the goodbye.
        let _ = imap.say_goodbye().await;
        Ok(opened)
    }

    pub(crate) async fn open(
        shared: &Shared,
        server: &Server,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        let options = Self::options(&shared.account, server);
        let mut net = shared.options();
        net.recv_limit = options.limits.buffer();
        let mut session = Session::new(options);
        session.authenticate(credentials)?;
        let connection = shared
            .connect(Service::Mail, &server.host, server.port, server.security, net)
            .await
            .map_err(Error::imap_net)?;
        let mut line = Authenticated::new(connection, session);
        while line.event().await? != Event::Authenticated {}
        line.connection.opened();
        Ok(Self { line })
    }

    /// Opens a mailbox for reading, and lists messages of it. They come as they arrive, the oldest first. Nothing is
    /// marked as read.
    ///
    /// Does the same as [`examine`](Self::examine) and [`Examined::list`], in one flight less for [`Range::All`].
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses to open the mailbox.
    pub fn list<'a>(
        &'a mut self,
        mailbox: &'a str,
        range: Range,
    ) -> R::Task<'a, Result<Listing<'a, R>, Error>> {
        R::task(Listing::opening(&mut self.line, mailbox, range))
    }

    /// Opens a mailbox for reading, and fetches a message of it in pieces, as it is on the server. The message is not
    /// marked as read.
    ///
    /// Does the same as [`examine`](Self::examine) and [`Examined::fetch`], in one flight less.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have. [`Body::next`] fails if the server refuses to open the mailbox, and
    /// if there is no such message.
    pub fn fetch<'a>(&'a mut self, mailbox: &'a str, uid: u32) -> R::Task<'a, Result<Body<'a, R>, Error>> {
        R::task(Body::opening(&mut self.line, mailbox, uid))
    }

    /// Says goodbye and closes the connection.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks first, and after an upload that was dropped before its end
    /// ([`Kind::Unfinished`]): the server would take the goodbye for a part of that.
    pub fn logout(self) -> R::Task<'static, Result<(), Error>> {
        R::task(self.say_goodbye())
    }

    async fn say_goodbye(self) -> Result<(), Error> {
        let mut line = self.line;
        if line.unfinished {
            return Err(Error::unfinished());
        }
        line.connection.start_operation();
        line.budget = Budget::of_the_dropped(line.session.bounds(), line.session.limits());
        line.session.logout()?;
        while let Some(event) = line.connection.next(&mut line.session).await.map_err(Error::imap)? {
            line.budget.take(&event)?;
        }
        Ok(())
    }
}

impl<R: Runtime> Deref for Imap<R> {
    type Target = Authenticated<R>;

    fn deref(&self) -> &Authenticated<R> {
        &self.line
    }
}

impl<R: Runtime> DerefMut for Imap<R> {
    fn deref_mut(&mut self) -> &mut Authenticated<R> {
        &mut self.line
    }
}

impl<R: Runtime> Authenticated<R> {
    fn new(connection: Connection<R>, session: Session) -> Self {
        let budget = Budget::new(session.bounds());
        Self {
            id: unique(),
            connection,
            session,
            open: None,
            follower: None,
            answer_limit: run::ANSWER_LIMIT,
            budget,
            odd: Odd::default(),
            unfinished: false,
            held: None,
        }
    }

    /// Gives access to the session itself, for commands that have no method here. Drive it with
    /// [`next_event`](Self::next_event).
    ///
    /// This type does not notice a SELECT that is given to it.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Returns the next event of the session.
    ///
    /// # Errors
    ///
    /// Fails if the session fails, or its connection does.
    pub fn next_event(&mut self) -> R::Task<'_, Result<Event, Error>> {
        R::task(async move {
            let event = self.raw_event().await?;
            self.follow(&event);
            Ok(event)
        })
    }

    /// Begins an operation: reads past what an earlier one left behind.
    async fn begin(&mut self) -> Result<(), Error> {
        if self.unfinished {
            return Err(Error::unfinished());
        }
        self.connection.start_operation();
        // It fails only if there is no IDLE.
        let _ = self.session.done();
        // An operation that was dropped asked for it.
        self.budget = Budget::of_the_dropped(self.session.bounds(), self.session.limits());
        while self.session.pending().next().is_some() {
            self.event().await?;
        }
        self.budget = Budget::new(self.session.bounds());
        self.held = None;
        Ok(())
    }

    /// Returns the next event. It counts as not asked for until [`asked`](Self::asked) says otherwise.
    async fn event(&mut self) -> Result<Event, Error> {
        let event = self.raw_event().await?;
        self.budget.take(&event)?;
        self.follow(&event);
        Ok(event)
    }

    /// Returns the next event, or `None` if none comes in that time.
    async fn event_within(&mut self, patience: Duration) -> Result<Option<Event>, Error> {
        match self.connection.next_within(&mut self.session, patience).await {
            Ok(Next::Event(event)) => {
                self.follow(&event);
                Ok(Some(event))
            }
            Ok(Next::Quiet) => Ok(None),
            Ok(Next::Closed) => Err(self.broken(Error::imap_closed())),
            Err(error) => Err(self.broken(Error::imap(error))),
        }
    }

    /// Returns the reason why a session ended. If the server refused one command and then hung up during others, that
    /// is the refusal. But its farewell counts if it gives a known reason.
    fn broken(&mut self, error: Error) -> Error {
        let is_mere_end = error.problem().is_none()
            && matches!(error.kind(), Kind::Closed | Kind::Busy | Kind::Broken | Kind::Timeout);
        match self.held.take() {
            Some(refusal) if is_mere_end => Error::command(refusal).with_session_ended(),
            _ => error,
        }
        .with_greeting(self.session.greeting())
    }

    async fn raw_event(&mut self) -> Result<Event, Error> {
        match self.connection.next(&mut self.session).await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(self.broken(Error::imap_closed())),
            Err(error) => Err(self.broken(Error::imap(error))),
        }
    }

    /// Notes that a response of so many octets was asked for.
    const fn asked(&mut self, octets: usize) {
        self.budget.give_back(1, octets);
    }

    /// Notes that so many octets of a literal were asked for.
    const fn asked_piece(&mut self, octets: usize) {
        self.budget.give_back(0, octets);
    }

    fn follow(&mut self, event: &Event) {
        if let Event::Done(completion) = event {
            let is_last = self.session.pending().next().is_none();
            if is_last {
                self.held = None;
            } else if !completion.is_ok() {
                self.held = Some(completion.clone());
            }
        }
        if let (Some(follower), Event::Data(frame)) = (&mut self.follower, event) {
            follower.take_in(frame);
        }
    }

    /// Closes the open mailbox for another one.
    fn leave(&mut self) {
        self.open = None;
        self.follower = None;
    }
}

impl<R: Runtime> Authenticated<R> {
    /// Returns a handle that cancels the session from anywhere: whatever it waits for and every later operation fail
    /// with [`Error::is_cancelled`].
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.connection.canceller()
    }
}

fn mailbox_name(name: &str) -> Result<Mailbox<'static>, Error> {
    Ok(Mailbox::new(name)?.into_owned())
}

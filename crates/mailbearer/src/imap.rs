mod acl;
mod append;
mod body;
mod counts;
mod fetch;
mod folders;
mod follow;
mod listing;
mod metadata;
mod quota;
mod run;
mod search;
mod select;
mod server;
mod sets;
mod store;
mod transfer;
mod watch;
mod watcher;

use std::time::Duration;

use mailbearer_imap::{
    Mailbox,
    session::{Completion, Event, Options, Session, Tag},
};
use mailbearer_net::{Canceller, Connection, Next, Runtime};
use mailbearer_sasl::Credentials;

pub use acl::ListedRights;
pub use append::{Appended, Appending};
pub use body::Body;
pub use counts::Counts;
pub use fetch::{Fetched, Messages};
pub use folders::{Folder, Role};
pub use listing::{Listing, Range, Summary};
pub use metadata::{Entry, MetadataQuery};
pub use quota::{Quota, QuotaResource};
pub use search::{Found, Matches, ThreadAlgorithm};
pub use select::Selected;
pub use server::{Namespaces, Space};
pub use transfer::{Copied, Moved};
pub use watch::{Change, Watch};
pub use watcher::{News, WatchOptions, Watcher};

use self::follow::Follow;
use crate::{Error, Kind, Server, client::Shared};

/// An IMAP session: logged in, ready for commands.
///
/// A listing, a body or a watch borrows the session while it lasts. One that is dropped before its end leaves
/// answers on the way; the next command reads past them.
///
/// [`list`](Self::list), [`fetch`](Self::fetch) and [`watch`](Self::watch) open the mailbox that they are given.
/// What works on messages otherwise works on the mailbox that was opened by [`select`](Self::select) or
/// [`examine`](Self::examine), and names messages by UID. A command without a method goes through
/// [`session`](Self::session).
///
/// What a server may say in answer to one command and has to be held is limited to 16 MiB; change that with
/// [`limit_answers`](Self::limit_answers). Listings, messages and bodies come piece by piece and have no such limit.
pub struct Imap<R: Runtime> {
    connection: Connection<R>,
    session: Session,
    /// Name of the mailbox that is open.
    selected: Option<String>,
    /// What keeps its view. Behind a pointer, so that who never selects links none of it.
    follower: Option<Box<dyn Follow>>,
    /// Octets of an answer that are held, at most.
    answer_limit: usize,
    /// Whether an upload was dropped in the middle.
    unfinished: bool,
    /// A refusal that came while other commands were under way: what the server hangs up for, if it does.
    held: Option<Completion>,
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
        let connection =
            shared.connect(&server.host, server.port, server.security, net).await.map_err(Error::imap_net)?;
        let mut imap = Self {
            connection,
            session,
            selected: None,
            follower: None,
            answer_limit: run::ANSWER_LIMIT,
            unfinished: false,
            held: None,
        };
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
    pub fn logout(self) -> R::Task<'static, Result<(), Error>> {
        R::task(self.say_goodbye())
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

    async fn say_goodbye(mut self) -> Result<(), Error> {
        self.connection.start_operation();
        self.session.logout()?;
        while self.connection.next(&mut self.session).await.map_err(Error::imap)?.is_some() {}
        Ok(())
    }

    /// Begins an operation: reads past what an earlier one left.
    async fn begin(&mut self) -> Result<(), Error> {
        if self.unfinished {
            return Err(Error::unfinished());
        }
        self.connection.start_operation();
        // An error says that nothing idles.
        let _ = self.session.done();
        while self.session.pending().next().is_some() {
            self.event().await?;
        }
        self.held = None;
        Ok(())
    }

    async fn event(&mut self) -> Result<Event, Error> {
        match self.connection.next(&mut self.session).await {
            Ok(Some(event)) => {
                self.follow(&event);
                Ok(event)
            }
            Ok(None) => Err(self.broken(Error::imap_closed())),
            Err(error) => Err(self.broken(Error::imap(error))),
        }
    }

    /// The next event, or `None` if there is none for that long.
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

    /// The reason for which a session ended: where the server refused a command and then hung up on the others, that
    /// is the refusal and not the end. Its farewell counts if it gives a known reason of its own.
    fn broken(&mut self, error: Error) -> Error {
        let is_mere_end = error.problem().is_none()
            && matches!(error.kind(), Kind::Closed | Kind::Busy | Kind::Broken | Kind::Timeout);
        match self.held.take() {
            Some(refusal) if is_mere_end => Error::command(refusal).with_session_ended(),
            _ => error,
        }
        .with_greeting(self.session.greeting())
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

    /// The open mailbox is left for another one.
    fn leave(&mut self) {
        self.selected = None;
        self.follower = None;
    }
}

impl<R: Runtime> Imap<R> {
    /// A handle that ends whatever this session waits for, from wherever it is called: that and every later operation
    /// fails with [`Error::is_cancelled`].
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.connection.canceller()
    }
}

/// The answer to a command, and to the EXAMINE that was sent right before it.
struct Pair {
    examine: Option<Tag>,
    command: Tag,
    refusal: Option<Completion>,
    /// Whether the mailbox was opened.
    opened: bool,
}

impl Pair {
    const fn new(examine: Option<Tag>, command: Tag) -> Self {
        Self { examine, command, refusal: None, opened: false }
    }

    /// Takes an answer in; true when all are there. If the mailbox was not opened, that is the failure, and what
    /// the server says to the command after it is not.
    fn answered(&mut self, completion: Completion) -> Result<bool, Error> {
        if Some(completion.tag) == self.examine {
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

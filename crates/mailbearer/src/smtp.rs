mod batch;
mod object;
mod pipeline;

use std::time::Duration;

use mailbearer_mime::Composed;
use mailbearer_net::{Connection, Runtime, Service};
use mailbearer_sasl::Credentials;
use mailbearer_smtp::{Envelope, Event, Options, Receipt, Refusal, Session, Ticket};

pub use batch::Batch;
pub use object::MailObject;
#[cfg(feature = "pool")]
pub(crate) use pipeline::Pipeline;

use crate::{Account, Error, Server, client::Shared, unique::unique};

/// A submission session that is logged in and ready for messages.
pub struct Smtp<R: Runtime> {
    /// No other session of this process has the same number.
    id: u64,
    connection: Connection<R>,
    session: Session,
    logs_in: bool,
    /// The message that was begun and detached.
    detached: Option<Ticket>,
}

impl<R: Runtime> Smtp<R> {
    /// The options of sessions with this server.
    pub(crate) fn options(account: &Account, server: &Server) -> Options {
        let mut options = match &account.smtp_options {
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
        credentials: Option<Credentials>,
    ) -> Result<Self, Error> {
        let ready = if credentials.is_some() { Event::Authenticated } else { Event::Ready };
        let mut smtp = Self::start(shared, server, credentials).await?;
        while smtp.event().await? != ready {}
        Ok(smtp)
    }

    /// Opens a session for one message. Login, message and QUIT are given to it at once, so that no round trip waits
    /// for the caller.
    pub(crate) async fn send_one(
        shared: &Shared,
        server: &Server,
        credentials: Option<Credentials>,
        message: &Composed,
    ) -> Result<Receipt, Error> {
        let mut smtp = Self::start(shared, server, credentials).await?;
        let ticket = smtp.session.submit(MailObject::envelope(&message))?;
        smtp.session.quit()?;
        let verdict = Submission::new(&mut smtp, ticket).send(&message.octets).await;
        // The server has accepted or refused the message, so its answer to QUIT changes nothing, nor does its silence.
        // After an error that ended the session, there is nobody to say QUIT to.
        let _ = smtp.connection.next_within(&mut smtp.session, GOODBYE).await;
        verdict
    }

    async fn start(
        shared: &Shared,
        server: &Server,
        credentials: Option<Credentials>,
    ) -> Result<Self, Error> {
        let mut session = Session::new(Self::options(&shared.account, server))?;
        let net = shared.options();
        let logs_in = credentials.is_some();
        if let Some(credentials) = credentials {
            session.authenticate(credentials)?;
        }
        let connection = shared
            .connect(Service::Mail, &server.host, server.port, server.security, net)
            .await
            .map_err(Error::smtp_net)?;
        Ok(Self { id: unique(), connection, session, logs_in, detached: None })
    }

    /// Sends one message.
    ///
    /// This is one transaction: it fails if the message has more recipients than the server accepts at a time, or has in
    /// the receipt those whom the server refused for that. A [`Pool`](crate::Pool) sends such a message in parts.
    ///
    /// The receipt has the recipients that were refused; the others get the message. Dropping the future ends the
    /// session, unless the whole message was given to it already.
    ///
    /// # Errors
    ///
    /// Fails if the server refused the sender, every recipient, or the message; the session accepts another message
    /// then. Fails if the session ends. If [`Error::outcome_unknown`], the server may or may not have accepted the
    /// message.
    pub fn send<'a>(&'a mut self, message: &'a Composed) -> R::Task<'a, Result<Receipt, Error>> {
        R::task(async move { self.begin(MailObject::envelope(&message))?.send(&message.octets).await })
    }

    /// Sends messages one after the other, each in one flight if the server offers `PIPELINING`. Nothing is sent before
    /// the first call of [`Batch::next`].
    pub fn send_all<'a>(&'a mut self, messages: &'a [Composed]) -> Batch<'a, R> {
        Batch::new(self, messages)
    }

    /// Begins a message whose octets come in pieces. There is no limit to their number.
    ///
    /// A submission that is dropped before [`Submission::finish`] delivers nothing and ends the session: whatever was
    /// sent next would become a part of the message. Dropping the future does the same.
    ///
    /// # Errors
    ///
    /// Fails if the server refused the sender or every recipient, and after a message that was dropped.
    pub fn submit(&mut self, envelope: Envelope) -> R::Task<'_, Result<Submission<'_, R>, Error>> {
        R::task(self.start_submission(envelope))
    }

    pub(crate) async fn start_submission(&mut self, envelope: Envelope) -> Result<Submission<'_, R>, Error> {
        let mut submission = self.begin(envelope)?;
        submission.wait().await?;
        Ok(submission)
    }

    /// Continues a message that was [detached](Submission::detach). `None` if it belongs to another session, or if
    /// another message was begun since.
    pub fn submission(&mut self, state: SubmissionState) -> Option<Submission<'_, R>> {
        let is_own =
            state.session == self.id && self.detached.take_if(|ticket| *ticket == state.ticket).is_some();
        is_own.then(|| Submission::new(self, state.ticket))
    }

    fn begin(&mut self, envelope: Envelope) -> Result<Submission<'_, R>, Error> {
        self.abandon_detached();
        self.connection.start_operation();
        let ticket = self.session.submit(envelope)?;
        Ok(Submission::new(self, ticket))
    }

    /// Treats a message that was detached and not continued as one that was dropped.
    fn abandon_detached(&mut self) {
        if let Some(ticket) = self.detached.take() {
            self.session.abandon(ticket);
        }
    }

    /// Says goodbye and closes the connection.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks first; each message that has a receipt is with the server already. Fails after a
    /// message that was dropped before its end.
    pub fn quit(self) -> R::Task<'static, Result<(), Error>> {
        R::task(self.say_goodbye())
    }

    pub(crate) async fn say_goodbye(mut self) -> Result<(), Error> {
        self.abandon_detached();
        self.session.quit()?;
        while self.connection.next(&mut self.session).await.map_err(Error::smtp)?.is_some() {}
        Ok(())
    }

    /// Says goodbye, and waits for the answer no longer than `patience`.
    #[cfg(feature = "pool")]
    pub(crate) async fn say_goodbye_within(mut self, patience: Duration) {
        if self.session.quit().is_ok() {
            // The server has accepted or refused every message, so the goodbye changes nothing.
            let _ = self.connection.next_within(&mut self.session, patience).await;
        }
    }

    /// Gives the next message its own time.
    #[cfg(feature = "pool")]
    pub(crate) fn begin_next(&mut self) {
        self.abandon_detached();
        self.connection.start_operation();
    }

    /// Returns what the server offers.
    #[must_use]
    pub const fn capabilities(&self) -> &mailbearer_smtp::Capabilities {
        self.session.capabilities()
    }

    fn refused(&self, refusal: Refusal) -> Error {
        Error::message(refusal).with_greeting(self.session.greeting())
    }

    /// Returns the next event of this message. A message whose future was dropped after its end has its own to come.
    async fn event_of(&mut self, ticket: Ticket) -> Result<Event, Error> {
        loop {
            let event = self.event().await?;
            let of = match &event {
                Event::BodyWanted(of) | Event::Submitted(of, _) | Event::Refused(of, _) => Some(*of),
                _ => None,
            };
            if of == Some(ticket) {
                return Ok(event);
            }
        }
    }

    async fn event(&mut self) -> Result<Event, Error> {
        let event = self.connection.next(&mut self.session).await.map_err(|error| {
            // The session knows how far it was when the connection broke.
            let unknown = self.session.outcome_unknown();
            Error::smtp(error)
                .with_outcome_unknown(unknown)
                .with_greeting(self.session.greeting())
                .with_verdicts(self.session.verdicts())
        })?;
        // Without a login the session is ready at once.
        if matches!(event, Some(Event::Authenticated)) || !self.logs_in {
            self.connection.opened();
        }
        event.ok_or_else(Error::smtp_closed)
    }
}

/// A message that is being sent.
#[must_use = "a message is sent when it is finished"]
pub struct Submission<'a, R: Runtime> {
    smtp: &'a mut Smtp<R>,
    ticket: Ticket,
    /// Whether dropping it abandons the message: nobody continues it.
    is_last: bool,
}

/// A [`Submission`] that does not borrow its session. [`Smtp::submission`] continues it.
///
/// If it is dropped, nothing is delivered, and the session accepts no other message.
#[derive(Debug)]
#[must_use = "a message is sent when it is finished"]
pub struct SubmissionState {
    session: u64,
    ticket: Ticket,
}

impl<'s, R: Runtime> Submission<'s, R> {
    const fn new(smtp: &'s mut Smtp<R>, ticket: Ticket) -> Self {
        Self { smtp, ticket, is_last: true }
    }

    /// Detaches the message from the session, and remembers how far it was. [`Smtp::submission`] continues it.
    pub fn detach(mut self) -> SubmissionState {
        self.is_last = false;
        self.smtp.detached = Some(self.ticket);
        SubmissionState { session: self.smtp.id, ticket: self.ticket }
    }

    /// Sends the next octets. Wherever the pieces are cut, line ends become CRLF and dots are stuffed.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks, or if the server refuses the message meanwhile or hangs up. The message is not
    /// delivered then.
    pub fn write<'a>(&'a mut self, octets: &'a [u8]) -> R::Task<'a, Result<(), Error>> {
        R::task(self.give(octets))
    }

    /// Ends the message and waits for the server's verdict.
    ///
    /// # Errors
    ///
    /// Fails as [`Smtp::send`] does.
    pub fn finish(self) -> R::Task<'s, Result<Receipt, Error>> {
        R::task(self.end())
    }

    async fn send(mut self, octets: &[u8]) -> Result<Receipt, Error> {
        self.wait().await?;
        self.give(octets).await?;
        self.end().await
    }

    /// Waits until the server wants octets of this message.
    async fn wait(&mut self) -> Result<(), Error> {
        loop {
            match self.smtp.event_of(self.ticket).await? {
                Event::BodyWanted(_) => return Ok(()),
                Event::Refused(_, refusal) => return Err(self.smtp.refused(refusal)),
                _ => {}
            }
        }
    }

    pub(crate) async fn give(&mut self, mut octets: &[u8]) -> Result<(), Error> {
        while !octets.is_empty() {
            let taken = self.smtp.session.body(self.ticket, octets)?;
            octets = octets.get(taken..).unwrap_or_default();
            if !octets.is_empty() {
                self.wait().await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn end(self) -> Result<Receipt, Error> {
        self.smtp.session.finish_body(self.ticket)?;
        loop {
            match self.smtp.event_of(self.ticket).await? {
                Event::Submitted(_, receipt) => return Ok(receipt),
                Event::Refused(_, refusal) => return Err(self.smtp.refused(refusal)),
                _ => {}
            }
        }
    }
}

impl<R: Runtime> Drop for Submission<'_, R> {
    fn drop(&mut self) {
        if self.is_last {
            self.smtp.session.abandon(self.ticket);
        }
    }
}

/// How long to wait for the answer to QUIT.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

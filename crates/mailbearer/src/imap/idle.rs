use std::time::{Duration, Instant};

use mailbearer_imap::Capability;
use mailbearer_imap::session::{Completion, Event, Session, Tag};
use mailbearer_imap::view::Change;
use mailbearer_net::{self as net, Runtime, Stage};

use super::{Authenticated, Examined};
use crate::Error;

/// How an [`Idle`] waits. Each field's default is named with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdleOptions {
    /// How long an IDLE may last before it is renewed, at most 28 minutes, because RFC 2177 asks for less than 29.
    /// Default `None`: 28 minutes, but 10 on Exchange, which silently forgets an IDLE some time after that.
    pub idle: Option<Duration>,
    /// How often to ask a server without IDLE. Default 1 minute.
    pub poll: Duration,
    /// How long the server may take to answer the commands in between. Default 1 minute.
    pub answer: Duration,
}

impl Default for IdleOptions {
    fn default() -> Self {
        Self { idle: None, poll: Duration::from_secs(60), answer: Duration::from_secs(60) }
    }
}

/// Waits for changes of an open mailbox by IDLE (RFC 2177), or by asking from time to time if the server has no IDLE.
///
/// It reports what changed since the mailbox was opened, or since [`Examined::changes`] was called last, so nothing is
/// missed in between. It reports flags of messages whose UIDs are known; [`Examined::learn`] makes them known.
///
/// It ends when the connection breaks. A [`Watcher`](crate::Watcher) continues on another connection.
pub struct Idle<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    state: IdleState,
}

/// An [`Idle`] that does not borrow its session. [`Examined::resume_idle`] continues it.
///
/// While it is detached, the server still reports changes. The next operation of any kind ends the IDLE.
#[derive(Debug)]
pub struct IdleState {
    idling: Idling,
}

impl<R: Runtime> Examined<'_, R> {
    /// Waits for changes of the mailbox.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn idle(&mut self) -> R::Task<'_, Result<Idle<'_, R>, Error>> {
        self.idle_with(IdleOptions::default())
    }

    /// Does the same as [`idle`](Self::idle), and waits as `options` say.
    ///
    /// # Errors
    ///
    /// Fails as [`idle`](Self::idle) does.
    pub fn idle_with(&mut self, options: IdleOptions) -> R::Task<'_, Result<Idle<'_, R>, Error>> {
        R::task(async move {
            self.begin().await?;
            let idling = Idling::new(self, options).await?;
            Ok(Idle { imap: self, state: IdleState { idling } })
        })
    }

    /// Continues an IDLE that was [detached](Idle::detach). If another command was sent since, sends IDLE again.
    pub fn resume_idle(&mut self, mut state: IdleState) -> Idle<'_, R> {
        state.idling.forget_unless(&self.session);
        Idle { imap: self, state }
    }
}

impl<'a, R: Runtime> Idle<'a, R> {
    /// Waits for the next change, for as long as it takes.
    ///
    /// # Errors
    ///
    /// Fails if the session ends. If it [needs a new token](Error::needs_new_token), connect and open the mailbox
    /// again.
    pub fn next(&mut self) -> R::Task<'_, Result<Change, Error>> {
        R::task(async move {
            loop {
                if let Some(change) = self.wait(None).await? {
                    return Ok(change);
                }
            }
        })
    }

    /// Waits for the next change, at most for `patience`. Returns `None` if there was none.
    ///
    /// # Errors
    ///
    /// Fails as [`next`](Self::next) does.
    pub fn next_within(&mut self, patience: Duration) -> R::Task<'_, Result<Option<Change>, Error>> {
        R::task(async move { self.wait(R::now().checked_add(patience)).await })
    }

    /// Ends the IDLE. If the value is dropped, the next command does so.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn stop(self) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.imap.begin().await })
    }

    /// Detaches the IDLE from the session, and lets it go on. [`Examined::resume_idle`] reports what changed meanwhile.
    #[must_use]
    pub fn detach(self) -> IdleState {
        self.state
    }

    async fn wait(&mut self, until: Option<Instant>) -> Result<Option<Change>, Error> {
        loop {
            let change = self.imap.follower.as_mut().and_then(|follower| follower.changes().pop_front());
            if change.is_some() {
                return Ok(change);
            }
            self.state.idling.rest(&mut self.imap.session, R::now())?;
            match self.state.idling.event(self.imap, until, None).await? {
                Heard::Event(Event::Done(completion))
                    if !completion.is_ok() && self.state.idling.is_nothing() =>
                {
                    return Err(Error::command(completion));
                }
                Heard::Quiet => return Ok(None),
                Heard::Event(_) | Heard::Later => {}
            }
        }
    }
}

/// What goes on while waiting for changes: IDLE, its renewal, or a NOOP from time to time.
#[derive(Debug)]
pub(super) struct Idling {
    doing: Doing,
    /// How long an IDLE lasts. `None` on a server without IDLE.
    idle: Option<Duration>,
    poll: Duration,
    answer: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    Nothing,
    /// IDLE was sent at `since`.
    Idle {
        tag: Tag,
        since: Instant,
    },
    /// The answer to a command is awaited, which may be that to the end of an IDLE. The server last said something at
    /// `since`.
    Answer {
        tag: Tag,
        since: Instant,
    },
    /// The server has no IDLE, and was asked last at `since`.
    Rest {
        since: Instant,
    },
}

/// What came from the server.
pub(super) enum Heard {
    Event(Event),
    /// Nothing in the time to wait.
    Quiet,
    /// Nothing, and it is time to look again.
    Later,
}

impl Idling {
    pub(super) async fn new<R: Runtime>(
        imap: &mut Authenticated<R>,
        options: IdleOptions,
    ) -> Result<Self, Error> {
        let idle = if imap.offers(&Capability::Idle).await? || imap.offers(&Capability::Imap4Rev2).await? {
            let usual = if is_exchange(imap) { EXCHANGE_IDLE } else { LONGEST_IDLE };
            Some(options.idle.unwrap_or(usual).min(LONGEST_IDLE))
        } else {
            None
        };
        Ok(Self { doing: Doing::Nothing, idle, poll: options.poll, answer: options.answer })
    }

    /// Whether nothing is awaited or in progress.
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.doing, Doing::Nothing)
    }

    /// Forgets a command if the session does not wait for its answer.
    fn forget_unless(&mut self, session: &Session) {
        if let Doing::Idle { tag, .. } | Doing::Answer { tag, .. } = self.doing
            && !session.pending().any(|pending| pending == tag)
        {
            self.doing = Doing::Nothing;
        }
    }

    /// Sends IDLE, or rests, if there is nothing else to do.
    pub(super) fn rest(&mut self, session: &mut Session, since: Instant) -> Result<(), Error> {
        if self.is_nothing() {
            self.doing = match self.idle {
                Some(_) => Doing::Idle { tag: session.idle()?, since },
                None => Doing::Rest { since },
            };
        }
        Ok(())
    }

    /// Notes that a command was sent, whose answer is awaited now.
    pub(super) const fn asked(&mut self, tag: Tag, since: Instant) {
        self.doing = Doing::Answer { tag, since };
    }

    /// Ends an IDLE, so that another command can be sent.
    pub(super) fn interrupt(&mut self, session: &mut Session, now: Instant) -> Result<(), Error> {
        if let Doing::Idle { tag, .. } = self.doing {
            session.done()?;
            self.asked(tag, now);
        } else if let Doing::Rest { .. } = self.doing {
            self.doing = Doing::Nothing;
        }
        Ok(())
    }

    /// Waits for what the server says next, until `until` and at most for `longest`.
    pub(super) async fn event<R: Runtime>(
        &mut self,
        imap: &mut Authenticated<R>,
        until: Option<Instant>,
        longest: Option<Duration>,
    ) -> Result<Heard, Error> {
        let mut patience = self.patience(&imap.session, R::now());
        let left = until.map(|until| until.saturating_duration_since(R::now()));
        let is_short = left.is_some_and(|left| left < patience);
        patience = [left, longest].into_iter().flatten().fold(patience, Duration::min);
        imap.connection.start_operation();
        let Some(event) = imap.event_within(patience).await? else {
            if is_short {
                return Ok(Heard::Quiet);
            }
            if self.patience(&imap.session, R::now()).is_zero() {
                self.on_silence(&mut imap.session, R::now())?;
            }
            return Ok(Heard::Later);
        };
        if let Doing::Answer { since, .. } = &mut self.doing {
            *since = R::now();
        }
        if let Event::Done(completion) = &event {
            self.on_done(completion);
        }
        Ok(Heard::Event(event))
    }

    /// Returns how long to wait for the server before something is due.
    fn patience(&self, session: &Session, now: Instant) -> Duration {
        let (since, patience) = match self.doing {
            Doing::Nothing => return Duration::ZERO,
            // Until it accepts IDLE, the server owes an answer.
            Doing::Idle { since, .. } if session.is_idling() => (since, self.idle.unwrap_or(LONGEST_IDLE)),
            Doing::Idle { since, .. } | Doing::Answer { since, .. } => (since, self.answer),
            Doing::Rest { since } => (since, self.poll),
        };
        patience.saturating_sub(now.saturating_duration_since(since))
    }

    /// Handles the server's silence at the end of its time.
    fn on_silence(&mut self, session: &mut Session, now: Instant) -> Result<(), Error> {
        match self.doing {
            Doing::Idle { tag, .. } if session.is_idling() => {
                session.done()?;
                self.asked(tag, now);
            }
            Doing::Idle { .. } | Doing::Answer { .. } => {
                let timeout = net::Error::Timeout { stage: Stage::Read, after: self.answer };
                return Err(Error::imap_net(timeout));
            }
            Doing::Rest { .. } => {
                let tag = session.noop()?;
                self.asked(tag, now);
            }
            Doing::Nothing => {}
        }
        Ok(())
    }

    /// Handles the answer to a command.
    fn on_done(&mut self, completion: &Completion) {
        match self.doing {
            Doing::Answer { tag, .. } if tag == completion.tag => self.doing = Doing::Nothing,
            // The server ended it unasked. A server that offers IDLE and does not do it is asked from time to time.
            Doing::Idle { tag, .. } if tag == completion.tag => {
                self.idle = None;
                self.doing = Doing::Nothing;
            }
            _ => {}
        }
    }
}

fn is_exchange<R: Runtime>(imap: &Authenticated<R>) -> bool {
    imap.session.capabilities().iter().any(|capability| {
        let name = capability.name();
        EXCHANGE.iter().any(|own| name.eq_ignore_ascii_case(own))
    })
}

/// Capabilities that only Exchange has.
const EXCHANGE: [&str; 2] = ["CLIENTACCESSRULES", "BACKENDAUTHENTICATE"];
/// How long an IDLE lasts on Exchange.
const EXCHANGE_IDLE: Duration = Duration::from_secs(600);
/// RFC 2177 asks for less than 29 minutes.
const LONGEST_IDLE: Duration = Duration::from_secs(28 * 60);

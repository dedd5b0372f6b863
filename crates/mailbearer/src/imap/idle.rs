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
    /// How long an IDLE may last before it is renewed, at most 28 minutes (RFC 2177 asks for less than 29). Default none:
    /// 10 minutes on Exchange, which forgets an IDLE silently some time after that, and 28 elsewhere.
    pub idle: Option<Duration>,
    /// How often a server without IDLE is asked. Default 1 minute.
    pub poll: Duration,
    /// How long the server may take to answer the commands in between. Default 1 minute.
    pub answer: Duration,
}

impl Default for IdleOptions {
    fn default() -> Self {
        Self { idle: None, poll: Duration::from_secs(60), answer: Duration::from_secs(60) }
    }
}

/// An open mailbox that is listened to (RFC 2177), or asked from time to time on a server without IDLE.
///
/// It tells what changed since the mailbox was opened, or since [`Examined::changes`] was looked at, so nothing is missed
/// between the two. It reports flags of messages whose UIDs are known; [`Examined::learn`] makes them known.
///
/// A connection that breaks ends it; a [`Watcher`](crate::Watcher) goes on with the next.
pub struct Idle<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    state: IdleState,
}

/// An [`Idle`] that borrows no session. [`Examined::resume_idle`] goes on with it.
///
/// While it is detached the server still tells what changes, and the next operation of any kind ends it.
#[derive(Debug)]
pub struct IdleState {
    idling: Idling,
}

impl<R: Runtime> Examined<'_, R> {
    /// Listens for what happens in the mailbox.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn idle(&mut self) -> R::Task<'_, Result<Idle<'_, R>, Error>> {
        self.idle_with(IdleOptions::default())
    }

    /// As [`idle`](Self::idle), waiting as `options` say.
    ///
    /// # Errors
    ///
    /// As [`idle`](Self::idle).
    pub fn idle_with(&mut self, options: IdleOptions) -> R::Task<'_, Result<Idle<'_, R>, Error>> {
        R::task(async move {
            self.begin().await?;
            let idling = Idling::new(self, options).await?;
            Ok(Idle { imap: self, state: IdleState { idling } })
        })
    }

    /// Goes on listening with what was [detached](Idle::detach). Where another command was given since, the server is
    /// asked to tell of changes again.
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
    /// Fails if the session ends: when it [needs a new token](Error::needs_new_token), connect and open the mailbox again.
    pub fn next(&mut self) -> R::Task<'_, Result<Change, Error>> {
        R::task(async move {
            loop {
                if let Some(change) = self.wait(None).await? {
                    return Ok(change);
                }
            }
        })
    }

    /// Waits for the next change, at most for `patience`.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn next_within(&mut self, patience: Duration) -> R::Task<'_, Result<Option<Change>, Error>> {
        R::task(async move { self.wait(R::now().checked_add(patience)).await })
    }

    /// Stops listening. Dropping the value does the same, with the next command.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn stop(self) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.imap.begin().await })
    }

    /// Lets go of the session, and goes on listening. [`Examined::resume_idle`] tells what was heard.
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

/// What a connection does on which a mailbox is listened to: IDLE, its renewal, or a NOOP from time to time.
#[derive(Debug)]
pub(super) struct Idling {
    doing: Doing,
    /// How long an IDLE lasts; `None` on a server without.
    idle: Option<Duration>,
    poll: Duration,
    answer: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    Nothing,
    /// An IDLE was given then.
    Idle {
        tag: Tag,
        since: Instant,
    },
    /// The answer to a command is awaited, and the server said something then; the end of an IDLE among them.
    Answer {
        tag: Tag,
        since: Instant,
    },
    /// Nothing is asked since then, as the server has no IDLE.
    Rest {
        since: Instant,
    },
}

/// What was heard of the server.
pub(super) enum Heard {
    Event(Event),
    /// Nothing, for as long as was to be waited.
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

    /// Whether nothing is awaited or under way.
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.doing, Doing::Nothing)
    }

    /// Forgets a command that this session awaits no answer to.
    fn forget_unless(&mut self, session: &Session) {
        if let Doing::Idle { tag, .. } | Doing::Answer { tag, .. } = self.doing
            && !session.pending().any(|pending| pending == tag)
        {
            self.doing = Doing::Nothing;
        }
    }

    /// Listens, or rests, if there is nothing else to do.
    pub(super) fn rest(&mut self, session: &mut Session, since: Instant) -> Result<(), Error> {
        if self.is_nothing() {
            self.doing = match self.idle {
                Some(_) => Doing::Idle { tag: session.idle()?, since },
                None => Doing::Rest { since },
            };
        }
        Ok(())
    }

    /// A command was given, whose answer is awaited now.
    pub(super) const fn asked(&mut self, tag: Tag, since: Instant) {
        self.doing = Doing::Answer { tag, since };
    }

    /// Ends an IDLE, so that something else can be asked.
    pub(super) fn interrupt(&mut self, session: &mut Session, now: Instant) -> Result<(), Error> {
        if let Doing::Idle { tag, .. } = self.doing {
            session.done()?;
            self.asked(tag, now);
        } else if let Doing::Rest { .. } = self.doing {
            self.doing = Doing::Nothing;
        }
        Ok(())
    }

    /// What the server says next, waited for until then, and at most for `longest`.
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

    /// How long to wait for the server, and what comes then.
    fn patience(&self, session: &Session, now: Instant) -> Duration {
        let (since, patience) = match self.doing {
            Doing::Nothing => return Duration::ZERO,
            // Until it listens, the server owes an answer.
            Doing::Idle { since, .. } if session.is_idling() => (since, self.idle.unwrap_or(LONGEST_IDLE)),
            Doing::Idle { since, .. } | Doing::Answer { since, .. } => (since, self.answer),
            Doing::Rest { since } => (since, self.poll),
        };
        patience.saturating_sub(now.saturating_duration_since(since))
    }

    /// The server was silent for as long as it may.
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

    /// A command was answered.
    fn on_done(&mut self, completion: &Completion) {
        match self.doing {
            Doing::Answer { tag, .. } if tag == completion.tag => self.doing = Doing::Nothing,
            // It was not asked to end it: what offers IDLE and does not do it is asked from time to time.
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

/// What only Exchange offers.
const EXCHANGE: [&str; 2] = ["CLIENTACCESSRULES", "BACKENDAUTHENTICATE"];
/// How long an IDLE lasts on Exchange.
const EXCHANGE_IDLE: Duration = Duration::from_secs(600);
/// RFC 2177: less than 29 minutes.
const LONGEST_IDLE: Duration = Duration::from_secs(28 * 60);

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use mailbearer_net::{Blocking, Runtime};
use mailbearer_smtp::{Receipt, Refusal, Stage};

use super::{Lease, Outcome, PAUSE, Pool, TRIES, job::Job};
use crate::{Error, MailObject, smtp::Pipeline};

/// Messages that are being sent over several connections.
///
/// They only make progress while [`next`](Self::next) waits. If this is dropped before the end, the connections in use
/// close, and for messages that have not ended it is unknown whether they arrive.
pub struct Sending<'a, R: Runtime, M> {
    pool: &'a Pool<R>,
    board: Arc<Board<'a, M>>,
    workers: Vec<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    /// How many workers were started.
    begun: usize,
}

/// A message that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sent<M> {
    /// Index of the message, counted from 0.
    pub index: usize,
    /// The message.
    pub message: M,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the connections of a [`Sending`] share.
struct Board<'a, M> {
    state: Mutex<State<'a, M>>,
}

struct State<'a, M> {
    messages: Box<dyn Iterator<Item = M> + Send + 'a>,
    /// How many messages were taken from there.
    taken: usize,
    /// Messages that go before the others: they were tried before, or wait for their minute.
    first: VecDeque<Job<M>>,
    done: VecDeque<Sent<M>>,
    /// How many messages in a row failed without a word of the server.
    failures: u32,
    /// Why the rest is not sent, and for how long.
    over: Option<(String, Duration)>,
    stopped: bool,
    waiting: Vec<Waker>,
    /// How many workers have a connection.
    connected: usize,
}

impl<'a, R: Runtime, M: MailObject + 'a> Sending<'a, R, M> {
    pub(super) fn new(pool: &'a Pool<R>, messages: impl Iterator<Item = M> + Send + 'a) -> Self {
        let state = State {
            messages: Box::new(messages),
            taken: 0,
            first: VecDeque::new(),
            done: VecDeque::new(),
            failures: 0,
            over: None,
            stopped: false,
            waiting: Vec::new(),
            connected: 0,
        };
        let board = Arc::new(Board { state: Mutex::new(state) });
        Self { pool, board, workers: Vec::new(), begun: 0 }
    }

    /// Waits until another message has ended. `None` after the last. They end in any order.
    ///
    /// Dropping the future loses nothing.
    pub fn next(&mut self) -> R::Task<'_, Option<Sent<M>>> {
        R::task(self.advance())
    }

    /// Does the same as [`next`](Self::next), at most for `patience`. `Ok(None)` means that no message ended in that
    /// time.
    ///
    /// # Errors
    ///
    /// Returns [`Ended`] when all messages have ended and were reported.
    pub fn next_within(&mut self, patience: Duration) -> R::Task<'_, Result<Option<Sent<M>>, Ended>> {
        R::task(async move {
            let mut alarm = Box::pin(R::sleep(super::later(R::now(), patience)));
            poll_fn(|context| match self.poll(context) {
                Poll::Ready(Some(sent)) => Poll::Ready(Ok(Some(sent))),
                Poll::Ready(None) => Poll::Ready(Err(Ended)),
                Poll::Pending => alarm.as_mut().poll(context).map(|()| Ok(None)),
            })
            .await
        })
    }

    /// Starts no other message. Those in progress go on to their end, those that wait are deferred, and the rest is not
    /// taken.
    pub fn stop(&mut self) {
        let mut state = self.board.lock();
        state.stopped = true;
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// Opens one more connection, if all that were begun are open, another is allowed, and a message waits. Otherwise
    /// there is only one for every eight messages, and those behind a slow one have to wait for it. A message whose
    /// commands went out behind those of another waits for that in any case.
    pub fn widen(&mut self) {
        let count = self.workers.len();
        if self.board.lock().connected < count || count >= self.pool.inner.gate.most::<R>() {
            return;
        }
        if let Some(job) = self.board.take(R::now()) {
            self.board.put_back(job);
            self.open_worker();
        }
    }

    fn open_worker(&mut self) {
        self.begun = self.begun.saturating_add(1);
        let worker = Worker { pool: self.pool, board: Arc::clone(&self.board) };
        self.workers.push(Box::pin(worker.run()));
    }

    pub(super) async fn advance(&mut self) -> Option<Sent<M>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Sent<M>>> {
        loop {
            let mut finished = Vec::new();
            for (index, worker) in self.workers.iter_mut().enumerate() {
                if worker.as_mut().poll(context).is_ready() {
                    finished.push(index);
                }
            }
            for index in finished.into_iter().rev() {
                drop(self.workers.swap_remove(index));
            }
            // Another connection for every few messages: some are sent before another one is open.
            let taken = self.board.lock().taken;
            let wanted = taken.div_euclid(EACH).saturating_add(1).min(self.pool.inner.gate.connections());
            if self.begun < wanted {
                self.open_worker();
                continue;
            }
            if let Some(sent) = self.board.lock().done.pop_front() {
                return Poll::Ready(Some(sent));
            }
            return if self.workers.is_empty() { Poll::Ready(None) } else { Poll::Pending };
        }
    }
}

/// All messages have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it says no more")]
pub struct Ended;

/// Iterates over the messages that [`Sending::next`] returns.
impl<'a, M: MailObject + 'a> Iterator for Sending<'a, Blocking, M> {
    type Item = Sent<M>;

    fn next(&mut self) -> Option<Sent<M>> {
        Blocking::task(self.advance())
    }
}

impl<R: Runtime, M> fmt::Debug for Sending<'_, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.board.lock();
        f.debug_struct("Sending").field("taken", &state.taken).finish_non_exhaustive()
    }
}

impl<'a, M> Board<'a, M> {
    fn lock(&self) -> MutexGuard<'_, State<'a, M>> {
        // A source that panicked is not asked again; everything else is intact.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next message. `None` if there is none, or if no other may start.
    fn take(&self, now: Instant) -> Option<Job<M>> {
        let mut state = self.lock();
        if let Some(job) = state.first.pop_front() {
            return Some(job);
        }
        if state.stopped {
            return None;
        }
        let message = state.messages.next()?;
        let index = state.taken;
        state.taken = index.saturating_add(1);
        Some(Job::new(index, message, now))
    }

    /// Puts a message before all others.
    fn put_back(&self, job: Job<M>) {
        let mut state = self.lock();
        state.first.push_front(job);
        state.waiting.drain(..).for_each(Waker::wake);
    }

    fn end(&self, job: Job<M>, outcome: Outcome) {
        let Job { index, message, .. } = job;
        self.lock().done.push_back(Sent { index, message, outcome });
    }

    /// Notes that the server answered about a message, so it is alive.
    fn heard(&self) {
        self.lock().failures = 0;
    }

    /// Notes that a connection ended without a word about a message.
    fn failed(&self, error: &Error) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.over = Some(reason(error));
        }
    }

    /// Returns what `work` returns. `None` if the sending is stopped before.
    async fn or_stopped<T>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        let mut work = Box::pin(work);
        poll_fn(|context| {
            let mut state = self.lock();
            if state.stopped {
                return Poll::Ready(None);
            }
            if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiting.push(context.waker().clone());
            }
            drop(state);
            work.as_mut().poll(context).map(Some)
        })
        .await
    }
}

/// Returns why nothing more is sent, and for how long.
fn reason(error: &Error) -> (String, Duration) {
    (error.to_string(), error.retry_after().unwrap_or(PAUSE))
}

/// Sends messages over one connection at a time.
struct Worker<'a, R: Runtime, M> {
    pool: &'a Pool<R>,
    board: Arc<Board<'a, M>>,
}

/// What a verdict means for the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Leave,
}

impl<'a, R: Runtime, M: MailObject + 'a> Worker<'a, R, M> {
    async fn run(self) {
        while let Some(job) = self.board.take(R::now()) {
            let over = self.board.lock().over.clone();
            if let Some((failure, wait)) = over {
                self.not_sent(job, Error::backoff_of_server(&failure, wait));
            } else if self.begin(job).await == Then::Leave {
                return;
            }
        }
    }

    /// Waits for permission to send a message and for a connection, and sends what there is.
    async fn begin(&self, mut job: Job<M>) -> Then {
        if let Err(error) = self.permitted(&mut job).await {
            self.not_sent(job, error);
            return Then::GoOn;
        }
        match self.board.or_stopped(self.pool.lease(job.since)).await {
            Some(Ok(lease)) => {
                let connected = |change: fn(usize, usize) -> usize| {
                    let mut state = self.board.lock();
                    state.connected = change(state.connected, 1);
                };
                connected(usize::saturating_add);
                self.send(lease, job).await;
                connected(usize::saturating_sub);
            }
            // The others go on with the connections that they have.
            Some(Err(_)) if self.board.lock().connected > 0 => {
                self.give_back_permit(&mut job);
                self.board.put_back(job);
                return Then::Leave;
            }
            Some(Err(error)) => {
                self.board.lock().over = Some(reason(&error));
                self.not_sent(job, error);
            }
            None => self.not_sent(job, Error::stopped()),
        }
        Then::GoOn
    }

    /// Waits while the server must be sent nothing, and for the message's minute.
    async fn permitted(&self, job: &mut Job<M>) -> Result<(), Error> {
        let wait = async {
            self.pool.quiet(job.since).await?;
            if job.permit.is_none() {
                job.permit = Some(self.pool.inner.gate.permit::<R>().await);
            }
            if job.tries == 0 {
                // The wait for its minute is not the server's fault, so it does not count.
                job.since = R::now();
            }
            Ok(())
        };
        self.board.or_stopped(wait).await.unwrap_or_else(|| Err(Error::stopped()))
    }

    /// Sends a message, and others behind it, as long as the connection lasts.
    async fn send(&self, mut lease: Lease<R>, job: Job<M>) {
        let mut pipeline = Pipeline::default();
        let mut next = Some(job);
        loop {
            let mut is_over = false;
            if let Some(mut job) = next.take()
                && let Err((mut job, error)) = {
                    job.choose(lease.smtp.capabilities().limits());
                    pipeline.hand_over(&mut lease.smtp, job)
                }
            {
                if !error.is_misuse() {
                    self.not_sent(job, error);
                } else if pipeline.len() == 0 {
                    // The session had ended before.
                    self.give_back_permit(&mut job);
                    self.board.put_back(job);
                    return;
                } else {
                    // It is put where the next is taken from. The message before it tells how the session ended.
                    self.board.put_back(job);
                    is_over = true;
                }
            }
            if pipeline.len() == 1
                && !is_over
                && let Some(job) = self.next_now(&lease)
            {
                next = Some(job);
                if pipeline.len() < 2 {
                    continue;
                }
            }
            lease.smtp.begin_next();
            match pipeline.verdict(&mut lease.smtp).await {
                Some((job, verdict)) => {
                    if self.settle(&mut lease, job, verdict) == Then::Leave {
                        // Of those behind it, nothing was sent except perhaps an envelope.
                        for mut job in pipeline.abandon(&mut lease.smtp).into_iter().rev() {
                            self.give_back_permit(&mut job);
                            self.board.put_back(job);
                        }
                        return;
                    }
                }
                None => {
                    let Some(mut job) = self.board.take(R::now()) else {
                        return self.pool.inner.give_back(lease);
                    };
                    match self.permitted(&mut job).await {
                        Ok(()) => next = Some(job),
                        Err(error) => self.not_sent(job, error),
                    }
                }
            }
        }
    }

    /// Returns a message that may follow another at once.
    fn next_now(&self, lease: &Lease<R>) -> Option<Job<M>> {
        let gate = &self.pool.inner.gate;
        if self.board.lock().stopped || gate.quiet::<R>().is_some() || gate.is_crowded::<R>(&lease.seat) {
            return None;
        }
        let mut job = self.board.take(R::now())?;
        if job.permit.is_none() {
            match gate.try_permit::<R>() {
                Ok(permit) => job.permit = Some(permit),
                Err(_) => {
                    self.board.put_back(job);
                    return None;
                }
            }
        }
        Some(job)
    }

    /// Acts on a verdict: the message has ended, or is tried again.
    fn settle(&self, lease: &mut Lease<R>, mut job: Job<M>, verdict: Result<Receipt, Error>) -> Then {
        let Pool { inner } = self.pool;
        if let Some(permit) = job.permit.take() {
            inner.gate.sent::<R>(permit);
        }
        let was_used = std::mem::replace(&mut lease.used, true);
        let error = match verdict {
            Ok(receipt) => {
                self.board.heard();
                match job.taken(receipt) {
                    Some(whole) => self.board.end(job, whole),
                    None => self.board.put_back(job),
                }
                return if inner.gate.is_crowded::<R>(&lease.seat) { Then::Leave } else { Then::GoOn };
            }
            Err(error) => error,
        };
        let refusal = error.cause::<Refusal>();
        if refusal.is_some_and(Refusal::wants_new_session) {
            // The next session will accept it.
            self.try_again(job, 0);
            return Then::Leave;
        }
        if error.ended_session() {
            let is_at_recipient = matches!(
                error.cause::<mailbearer_smtp::Error>(),
                Some(
                    mailbearer_smtp::Error::Closing { stage: Stage::Recipient, .. }
                        | mailbearer_smtp::Error::Closed { stage: Stage::Recipient, .. }
                )
            );
            let has_said = job.leave_out_refused(&error);
            if job.is_done() {
                self.board.heard();
                let whole = job.conclude(None);
                self.board.end(job, whole);
            } else if is_at_recipient && job.shrink() {
                self.try_again(job, 0);
            } else if error.is_transient() && (was_used || job.tries < inner.options.tries) {
                // A session that was idle for a while may have ended by itself.
                self.try_again(job, u32::from(!was_used));
            } else {
                if has_said {
                    self.board.heard();
                } else {
                    self.board.failed(&error);
                }
                self.end(job, error);
            }
            return Then::Leave;
        }
        self.board.heard();
        if matches!(refusal, Some(Refusal::Parameter { optional: true, .. })) && job.tries < TRIES {
            // The session leaves it out from now on. If the server ends the session, the next one does not know of it.
            self.try_again(job, 1);
            return Then::GoOn;
        }
        if refusal.is_some_and(Refusal::is_auth) && job.tries < inner.options.tries {
            // The token expired, or the server lost the login.
            if let Some(token) = &lease.token {
                inner.client.forget_token(token);
            }
            self.try_again(job, 1);
            return Then::Leave;
        }
        let is_for_all = !matches!(refusal, Some(Refusal::Recipients { .. }));
        let wait = if is_for_all { self.pool.wait_after(&error, job.tries) } else { None };
        match wait {
            Some(wait) if inner.options.tries > 0 && self.pool.has_time(job.since, wait) => {
                self.try_again(job, 1);
            }
            _ => self.end(job, error),
        }
        if inner.gate.is_crowded::<R>(&lease.seat) { Then::Leave } else { Then::GoOn }
    }

    fn try_again(&self, mut job: Job<M>, tries: u32) {
        job.tries = job.tries.saturating_add(tries);
        self.board.put_back(job);
    }

    /// Ends a message that was sent, or continues with its next part.
    fn end(&self, mut job: Job<M>, error: Error) {
        match job.failed(error) {
            Some(whole) => self.board.end(job, whole),
            None => self.try_again(job, 0),
        }
    }

    /// Ends a message of which nothing, or nothing more, was sent.
    fn not_sent(&self, mut job: Job<M>, error: Error) {
        self.give_back_permit(&mut job);
        let whole = job.conclude(Some(error));
        self.board.end(job, whole);
    }

    fn give_back_permit(&self, job: &mut Job<M>) {
        if let Some(permit) = job.permit.take() {
            self.pool.inner.gate.take_back::<R>(permit);
        }
    }
}

/// One connection is opened for so many messages.
const EACH: usize = 8;
/// How many messages in a row may fail without a word of the server before the rest is not tried.
const FAILURES: u32 = 3;

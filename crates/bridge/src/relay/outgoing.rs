use std::{
    collections::{BTreeMap, HashMap, HashSet},
    iter,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, Scope},
    time::{Duration, Instant},
};

use mailbearer::Tokio;
use mailbearer_net::{Canceller, Runtime};

use super::{LogLine, Refusals, log::count, server::Shared};
use crate::spool::{self, Due, Fate, Found, Lane, Report, Reporter, Runner, State};

/// What the rest of the relay knows of the threads that send.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Messages that were taken since the last look.
    fresh: Vec<Due>,
    stop: bool,
    /// Messages whose clients wait for the result.
    awaited: HashMap<String, Awaited>,
}

#[derive(Debug)]
struct Awaited {
    bell: Canceller,
    report: Option<Report>,
}

/// A report that is waited for.
#[derive(Debug)]
pub(crate) struct Promise {
    pub(crate) id: String,
    bell: Canceller,
}

impl Outgoing {
    /// Hands over a message to send.
    pub(crate) fn wake(&self, id: &str, account: Option<&str>) {
        self.state().fresh.push(Due { id: id.to_owned(), account: account.map(str::to_owned) });
        self.changed.notify_all();
    }

    /// Begins nothing more. Messages that are being sent are sent to their end.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stop = true;
        // Their clients hear that the message is taken; a bounce tells of a failure later.
        state.awaited.values().for_each(|awaited| awaited.bell.cancel());
        drop(state);
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.state().stop
    }

    /// Promises a report of this message. Call it before the message can be sent.
    pub(crate) fn promise(&self, id: &str) -> Option<Promise> {
        let mut state = self.state();
        if state.stop {
            return None;
        }
        let bell = Canceller::new();
        state.awaited.insert(id.to_owned(), Awaited { bell: bell.clone(), report: None });
        Some(Promise { id: id.to_owned(), bell })
    }

    /// Takes a promise back.
    pub(crate) fn release(&self, promise: &Promise) {
        self.state().awaited.remove(&promise.id);
    }

    /// Waits for the first attempt. Returns `None` if that takes too long.
    pub(crate) async fn report_of(&self, promise: &Promise) -> Option<Report> {
        if let Some(until) = Instant::now().checked_add(PATIENCE) {
            // Whether the bell rang or time ran out: the report is there or not.
            let _ = promise.bell.run(Tokio::sleep(until)).await;
        }
        self.state().awaited.remove(&promise.id)?.report
    }

    /// Hands a report to the client that waits for it. Returns false if none does.
    fn hand_over(&self, report: &Report) -> bool {
        let mut state = self.state();
        let Some(awaited) = state.awaited.get_mut(&report.id) else { return false };
        awaited.report = Some(report.clone());
        awaited.bell.cancel();
        true
    }

    /// Waits for something to send, at most until `look`. Returns `None` once the relay stops.
    fn next(&self, look: Instant) -> Option<Vec<Due>> {
        let idle = |state: &mut Waiting| state.fresh.is_empty() && !state.stop;
        let pause = look.saturating_duration_since(Instant::now());
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.state(), pause, idle)
            .unwrap_or_else(PoisonError::into_inner);
        (!state.stop).then(|| std::mem::take(&mut state.fresh))
    }

    /// Waits for `pause`. Returns false once the relay stops.
    fn pause(&self, pause: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), pause, |state| !state.stop)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stop
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands out what is to be sent, until it is stopped. Each account has a thread of its own: one whose server is slow keeps
/// no other waiting.
pub(crate) fn run(shared: &Shared, runner: &Runner<'_>) {
    let in_hand = Mutex::default();
    thread::scope(|scope| {
        scope.spawn(|| look_for_unknown(shared, runner));
        let trouble = Trouble::default();
        let mut desk = Desk { shared, runner, in_hand: &in_hand, lanes: BTreeMap::new(), trouble };
        let mut look = Instant::now();
        while let Some(fresh) = shared.outgoing.next(look) {
            for due in fresh {
                desk.hand_out(scope, due);
            }
            if Instant::now() >= look {
                desk.look(scope);
                look = Instant::now().checked_add(PAUSE).unwrap_or(look);
            }
        }
    });
}

/// Looks now and then for messages whose outcome is unknown, until the relay stops. Nothing is sent again.
fn look_for_unknown(shared: &Shared, runner: &Runner<'_>) {
    let mut trouble = Trouble::default();
    while shared.outgoing.pause(LOOK) {
        let looked =
            runner.spool().look(true, &mut |account| shared.accounts().client(account), &mut |looked| {
                let line = LogLine::new("look").with("id", &looked.id);
                shared.tell(match &looked.found {
                    Found::There(words) => line.with("result", "delivered").with("delivered", words),
                    Found::NotSeen => line.with("result", "unknown"),
                    Found::NoLook(problem) => line.with("result", "unknown").with("problem", problem),
                });
            });
        trouble.note(shared, looked);
    }
}

/// Trouble with the spool that may last: the log hears of it at once, and then less and less often until it is over.
#[derive(Debug, Default)]
struct Trouble {
    /// When it is told again, and the pause before that.
    next: Option<(Instant, Duration)>,
}

impl Trouble {
    /// Notes how a look went. Returns what it found.
    fn note<T>(&mut self, shared: &Shared, looked: Result<T, spool::Error>) -> Option<T> {
        match looked {
            Ok(found) => {
                self.next = None;
                Some(found)
            }
            Err(error) => {
                if let Some(retold) = self.pause(Instant::now()) {
                    let line = LogLine::new("trouble").with("spool", error);
                    shared.tell(line.with("told_again_in", retold.as_secs()));
                }
                None
            }
        }
    }

    /// The pause until it is told again, if it is told now.
    fn pause(&mut self, now: Instant) -> Option<Duration> {
        let pause = match self.next {
            Some((next, _)) if now < next => return None,
            Some((_, pause)) => pause.saturating_mul(2).min(LONGEST_TROUBLE),
            None => FIRST_TROUBLE,
        };
        self.next = now.checked_add(pause).map(|next| (next, pause));
        Some(pause)
    }
}

/// Who has what in his hands.
struct Desk<'d, 's> {
    shared: &'d Shared,
    runner: &'d Runner<'s>,
    in_hand: &'d Mutex<HashSet<String>>,
    lanes: BTreeMap<Option<String>, Sender<String>>,
    trouble: Trouble,
}

impl<'d> Desk<'d, '_> {
    /// Finds the messages that became due, and those that others put into the spool.
    fn look<'e>(&mut self, scope: &'e Scope<'e, 'd>) {
        let found = self.runner.take_over_drops().and_then(|()| {
            let except = lock(self.in_hand).clone();
            self.runner.due(&except)
        });
        let found = self.trouble.note(self.shared, found).unwrap_or_default();
        found.into_iter().for_each(|due| self.hand_out(scope, due));
    }

    fn hand_out<'e>(&mut self, scope: &'e Scope<'e, 'd>, due: Due) {
        if !lock(self.in_hand).insert(due.id.clone()) {
            return;
        }
        let (shared, runner, in_hand) = (self.shared, self.runner, self.in_hand);
        let lane = self.lanes.entry(due.account).or_insert_with_key(|account| {
            let (lane, ids) = mpsc::channel();
            let account = account.clone();
            scope.spawn(move || send(shared, runner, in_hand, account.as_deref(), ids));
            lane
        });
        // It can't fail: the thread runs until this end of the channel is dropped.
        let _ = lane.send(due.id);
    }
}

fn lock(in_hand: &Mutex<HashSet<String>>) -> MutexGuard<'_, HashSet<String>> {
    in_hand.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends the messages of one account. Its connections are kept while there are more, and a while longer.
fn send(
    shared: &Shared,
    runner: &Runner<'_>,
    in_hand: &Mutex<HashSet<String>>,
    account: Option<&str>,
    mut ids: Receiver<String>,
) {
    let mut accounts = shared.accounts();
    let stop = || shared.outgoing.is_stopped();
    let mut lane = Lane::new(accounts.client(account)).until(&stop);
    loop {
        let first = match ids.recv_timeout(KEEP) {
            Ok(id) => id,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                lane.close();
                match ids.recv() {
                    Ok(id) => id,
                    Err(_) => return,
                }
            }
        };
        let now = shared.accounts();
        if !Arc::ptr_eq(&now, &accounts) {
            lane = Lane::new(now.client(account)).until(&stop);
            accounts = now;
        }
        let mut first = Some(first);
        let (stop, own, queue) = (&stop, &accounts, &mut ids);
        let mut next = iter::from_fn(move || {
            if stop() {
                return None;
            }
            // What came behind a reload goes by the new settings.
            let goes_on = Arc::ptr_eq(&shared.accounts(), own);
            first.take().or_else(|| goes_on.then(|| queue.try_recv().ok()).flatten())
        });
        let attempted = runner.attempt_all(&mut next, &mut lane, &mut |id, report| {
            if let Some(report) = report {
                heard(shared, report);
            }
            lock(in_hand).remove(id);
        });
        if let Err(error) = attempted {
            shared.tell(LogLine::new("trouble").with("spool", error));
            // The others would fail alike. The next look finds them.
            let mut in_hand = lock(in_hand);
            ids.try_iter().for_each(|id| {
                in_hand.remove(&id);
            });
        }
        if stop() {
            return;
        }
    }
}

/// Sends these messages of the default account.
#[cfg(test)]
pub(super) fn send_all_of(shared: &Shared, runner: &Runner<'_>, ids: &[&str]) {
    let (lane, waiting) = mpsc::channel();
    ids.iter().for_each(|id| lane.send((*id).to_owned()).unwrap());
    drop(lane);
    send(shared, runner, &Mutex::default(), None, waiting);
}

/// An attempt is over.
fn heard(shared: &Shared, report: &Report) {
    let counters = &shared.counters;
    count(match report.fate {
        Fate::Delivered => &counters.delivered,
        Fate::Waits(_) => &counters.deferred,
        Fate::Failed => &counters.failed,
        Fate::Unknown => &counters.unknown,
    });
    let mut line = LogLine::new("delivery").with("id", &report.id).with("sender", &report.sender);
    line = line.with(
        "result",
        match report.fate {
            Fate::Delivered => "delivered",
            Fate::Waits(_) => "waits",
            Fate::Failed => "failed",
            Fate::Unknown => "unknown",
        },
    );
    if let Fate::Waits(pause) = report.fate {
        line = line.with("retry_in", pause.as_secs());
    }
    for (address, state) in &report.recipients {
        line = line.with(state.word(), format!("{address} {}", state.reply().unwrap_or_default()));
    }
    shared.tell(line);
    if shared.options().refusals == Refusals::Reply {
        shared.outgoing.hand_over(report);
    }
}

impl Reporter for Shared {
    fn host(&self) -> String {
        self.options().name.clone()
    }

    fn address(&self, account: Option<&str>) -> String {
        self.accounts().address(account).unwrap_or_default().to_owned()
    }

    fn is_owed(&self, report: &Report) -> bool {
        report.is_wanted()
    }

    fn tell(&self, report: &Report) -> bool {
        let has_all_failed = report.recipients.iter().all(|(_, state)| matches!(state, State::Failed(_)));
        has_all_failed
            && report.fate == Fate::Failed
            && self.options().refusals == Refusals::Reply
            && self.outgoing.hand_over(report)
    }

    fn written(&self, report: &Report, id: Result<&str, spool::Error>) {
        match id {
            Ok(id) => {
                count(&self.counters.bounces);
                let line = LogLine::new("bounce").with("id", id).with("of", &report.id);
                Self::tell(self, line.with("to", &report.sender));
                self.outgoing.wake(id, report.account.as_deref());
            }
            Err(error) => Self::tell(self, LogLine::new("trouble").with("bounce", error)),
        }
    }

    fn drops_failed(&self) -> bool {
        true
    }
}

/// How long a client waits to hear what the provider says.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the queue is read for messages that became due or that others put there.
const PAUSE: Duration = Duration::from_secs(2);
/// How often the messages whose outcome is unknown are read; each has pauses of its own between looks.
const LOOK: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next message.
const KEEP: Duration = Duration::from_secs(20);
/// Pauses between lines of the log about the same trouble: the first, and the longest.
const FIRST_TROUBLE: Duration = Duration::from_secs(10);
const LONGEST_TROUBLE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_lasts_is_told_less_and_less_often() {
        let (mut trouble, start) = (Trouble::default(), Instant::now());
        let mut told = |seconds| trouble.pause(start + Duration::from_secs(seconds)).is_some();
        let times: Vec<u64> = (0..400).step_by(2).filter(|seconds| told(*seconds)).collect();
        assert_eq!(times, [0, 10, 30, 70, 150, 310]);
        let mut told = |seconds| trouble.pause(start + Duration::from_secs(seconds)).is_some();
        assert!((0..24).filter(|hour| told(1000 + hour * 3600)).count() >= 20, "once an hour at least");
    }
}

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{LogLine, Refusals, bounce, log::count, server::Shared};
use crate::spool::{self, Fate, Report, Runner, State};

/// The thread that sends what is in the spool, as others see it.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Something is new since the last run.
    work: bool,
    stop: bool,
    /// Messages whose senders wait for what comes of them.
    awaited: HashMap<String, Option<Report>>,
}

impl Outgoing {
    /// There is something to send.
    pub(crate) fn wake(&self) {
        self.state().work = true;
        self.changed.notify_all();
    }

    /// What is being sent is sent yet, and nothing more.
    pub(crate) fn stop(&self) {
        self.state().stop = true;
        self.changed.notify_all();
    }

    /// Someone will want to hear what comes of this message.
    pub(crate) fn await_report(&self, id: &str) {
        self.state().awaited.insert(id.to_owned(), None);
    }

    /// Waits until the message was tried; `None` if that takes too long.
    pub(crate) fn report_of(&self, id: &str) -> Option<Report> {
        let until = Instant::now().checked_add(PATIENCE)?;
        let mut state = self.state();
        loop {
            if let Some(Some(_)) = state.awaited.get(id) {
                return state.awaited.remove(id).flatten();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.stop {
                // Whoever is told later is told by a bounce.
                state.awaited.remove(id);
                return None;
            }
            (state, _) = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands a report to who waits for it; false if nobody does.
    fn hand_over(&self, report: &Report) -> bool {
        let mut state = self.state();
        let Some(awaited) = state.awaited.get_mut(&report.id) else { return false };
        *awaited = Some(report.clone());
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Waits for something to do; false when it is over.
    fn next(&self, pause: Duration) -> bool {
        let state = self.state();
        let idle = |state: &mut Waiting| !state.work && !state.stop;
        let (mut state, _) =
            self.changed.wait_timeout_while(state, pause, idle).unwrap_or_else(PoisonError::into_inner);
        state.work = false;
        !state.stop
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends until it is stopped.
pub(crate) fn run(shared: &Shared, runner: &Runner<'_>) {
    loop {
        let sent =
            runner.run(&mut |account| shared.accounts.client(account), &mut |report| heard(shared, report));
        if let Err(error) = sent {
            shared.tell(LogLine::new("trouble").with("spool", error));
        }
        if !shared.outgoing.next(PAUSE) {
            return;
        }
    }
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
    let all_failed = report.recipients.iter().all(|(_, state)| matches!(state, State::Failed(_)));
    let is_heard = shared.options().refusals == Refusals::Reply && shared.outgoing.hand_over(report);
    let any_failed = report.recipients.iter().any(|(_, state)| matches!(state, State::Failed(_)));
    if any_failed
        && !report.sender.is_empty()
        && !(is_heard && all_failed && report.fate == Fate::Failed)
        && let Err(error) = bounce(shared, report)
    {
        shared.tell(LogLine::new("trouble").with("bounce", error));
    }
}

/// Puts a report into the spool for the sender. What has failed as a whole is then at its end.
fn bounce(shared: &Shared, report: &Report) -> Result<(), spool::Error> {
    let mut entry = shared.spool.find(&report.id)?;
    let account = entry.stored().account.clone();
    let from = shared.accounts.address(account.as_deref()).unwrap_or_default();
    let header = bounce::header(&mut entry)?;
    let octets = bounce::compose(&shared.options().name, from, report, &header);
    let envelope = mailbearer::Envelope::new("", [report.sender.as_str()]);
    let mut writer = shared.spool.begin(&envelope, account.as_deref())?;
    writer.write(&octets)?;
    let id = writer.commit()?;
    count(&shared.counters.bounces);
    shared.tell(LogLine::new("bounce").with("id", id).with("of", &report.id).with("to", &report.sender));
    shared.outgoing.wake();
    if report.fate == Fate::Failed { entry.remove() } else { Ok(()) }
}

/// How long a client waits to hear what the provider says.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what became due, or was dropped by others, may go unnoticed.
const PAUSE: Duration = Duration::from_secs(2);

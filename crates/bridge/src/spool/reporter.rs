use std::{
    collections::BTreeSet,
    fs,
    sync::PoisonError,
    time::{Duration, Instant},
};

use mailbearer::Envelope;

use super::{
    Entry, Error, Fate, Place, Report, Runner, State,
    bounce::compose,
    file::{Owed, Record, Stored},
    runner::resting_place,
};

/// Decides which reports (RFC 3464) the senders of messages get. A [`Runner`] sends none without it.
///
/// The line with a verdict also says that a report of it is owed. A runner that finds one that is still owed, since the one
/// before was killed, writes it. So each report is put into the queue once.
pub trait Reporter: Sync {
    /// The name of the host that reports.
    fn host(&self) -> String;

    /// The address that the reports of an account come from. `None` is the default account.
    fn address(&self, account: Option<&str>) -> String;

    /// Whether the sender shall get this report. Called before the verdict is written down.
    ///
    /// By default, senders get those that they [asked for](Report::is_asked_for).
    fn is_owed(&self, report: &Report) -> bool {
        report.is_asked_for()
    }

    /// Tells the sender in another way than by a report, and returns whether it heard. Called when the verdict is on the disk.
    ///
    /// By default there is no other way.
    fn tell(&self, report: &Report) -> bool {
        let _ = report;
        false
    }

    /// Called when the report is in the queue under this name, or when it could not be put there. The runner tries that again.
    fn written(&self, report: &Report, id: Result<&str, Error>);

    /// Whether a message that failed is removed when its sender was told. By default it is kept in `failed`.
    fn drops_failed(&self) -> bool {
        false
    }
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reported {
    /// The sender is owed none.
    NotNeeded,
    /// It is in the queue, or the sender heard of it in another way.
    Told,
    /// It is still owed.
    Later,
}

impl<'s> Runner<'s> {
    /// Makes this runner send reports.
    #[must_use]
    pub fn reporting(mut self, reporter: &'s dyn Reporter) -> Self {
        self.reporter = Some(reporter);
        self
    }

    /// The report that the sender is owed for this verdict, if any. One that is still owed for an earlier attempt is joined with it.
    pub(super) fn owed(&self, before: Option<&Owed>, report: &Report, after: &Stored) -> Option<Owed> {
        let reporter = self.reporter?;
        if before.is_none() && !reporter.is_owed(report) {
            return None;
        }
        let told: BTreeSet<&str> = report.told().map(|(address, ..)| address).collect();
        let all = after.envelope.recipients.iter().enumerate();
        let about =
            all.filter(|(_, address)| told.contains(address.as_str())).map(|(index, _)| index).collect();
        let id = before.map_or_else(super::write::new_id, |before| before.id.clone());
        Some(Owed { id, about })
    }

    /// Puts the report into the queue that this message owes.
    pub(super) fn report(&self, entry: &mut Entry<'_>, report: &Report) -> Reported {
        let (Some(owed), Some(reporter)) = (entry.stored().owed.clone(), self.reporter) else {
            return Reported::NotNeeded;
        };
        if reporter.tell(report) {
            // Without the line the message is as it is where the program is killed now.
            let _ = entry.record(&Record::Reported { at: self.spool().now(), id: owed.id });
            return Reported::Told;
        }
        let written = self.write(entry, report, &owed, reporter);
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        match &written {
            Ok(()) => resting.remove(entry.id()),
            Err(_) => resting.insert(entry.id().to_owned(), Instant::now()),
        };
        drop(resting);
        // Its file is not locked any more: whoever is woken by this can send it.
        let reported = if written.is_ok() { Reported::Told } else { Reported::Later };
        reporter.written(report, written.map(|()| owed.id.as_str()));
        reported
    }

    fn write(
        &self,
        entry: &mut Entry<'_>,
        report: &Report,
        owed: &Owed,
        reporter: &dyn Reporter,
    ) -> Result<(), Error> {
        let spool = self.spool();
        let line = Record::Reported { at: spool.now(), id: owed.id.clone() };
        if Place::ALL.iter().any(|place| spool.path(*place, &owed.id).exists()) {
            // A run was killed before it could write the line.
            return entry.record(&line);
        }
        let account = report.account.as_deref();
        // RFC 3464 section 2: without a sender, so that it causes no other.
        let envelope = Envelope::new("", [report.sender.as_str()]);
        let mut writer = spool.begin(&envelope, account)?.named(&owed.id)?;
        writer.write(&compose(&reporter.host(), &reporter.address(account), report))?;
        writer.finish()?;
        // Its file is locked until the line is on the disk, so it is not sent before, and never written again after it was sent.
        let recorded = entry.record(&line);
        if recorded.is_err() && entry.take_back().is_ok() {
            let _ = fs::remove_file(spool.path(Place::Queue, &owed.id));
        }
        recorded
    }

    /// Whether the report of this message could not be written a moment ago.
    pub(super) fn rests(&self, id: &str) -> bool {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(id).is_some_and(|since| since.elapsed() < REST)
    }

    /// Puts a message that waits for nobody where it belongs.
    pub(super) fn put_away(&self, mut entry: Entry<'_>, reported: Reported) -> Result<(), Error> {
        let drops_failed = self.reporter.is_some_and(Reporter::drops_failed);
        match resting_place(entry.stored()) {
            // It stays in the queue, so that the report is found there.
            _ if reported == Reported::Later => Ok(()),
            None => entry.remove(),
            Some(Place::Failed) if reported == Reported::Told && drops_failed => entry.remove(),
            Some(place) => entry.move_to(place),
        }
    }
}

impl Report {
    /// What to tell of these recipients, whose states are those of `after`.
    pub(super) fn about(
        entry: &mut Entry<'_>,
        after: &Stored,
        which: &BTreeSet<usize>,
        pause: Duration,
        without_dsn: bool,
    ) -> Self {
        let recipients = after.envelope.recipients.iter().zip(&after.states).enumerate();
        let recipients = recipients
            .filter(|(index, _)| which.contains(index))
            .map(|(_, (address, state))| (address.clone(), state.clone()))
            .collect();
        let waits = after.states.iter().any(|state| matches!(state, State::Waiting(_)));
        let fate = match resting_place(after) {
            _ if waits => Fate::Waits(pause),
            None => Fate::Delivered,
            Some(Place::Unknown) => Fate::Unknown,
            Some(_) => Fate::Failed,
        };
        let mut report = Self {
            id: entry.id().to_owned(),
            account: after.account.clone(),
            sender: after.envelope.sender.clone(),
            fate,
            recipients,
            problem: None,
            dsn: after.envelope.dsn.clone(),
            without_dsn,
            header: Vec::new(),
        };
        if report.is_wanted() {
            // A message that is delivered is gone by the time that the report is written. A report without a header is better than
            // a verdict that nobody wrote down.
            report.header = entry.header(HEADER).unwrap_or_default();
        }
        report
    }

    /// The report that this message still owes.
    pub(super) fn owed(entry: &mut Entry<'_>, owed: &Owed) -> Self {
        let after = entry.stored().clone();
        let pause = Duration::from_secs(after.next.saturating_sub(entry.spool.now()));
        // Whoever of them got it is told of because no other server does.
        Self::about(entry, &after, &owed.about, pause, true)
    }
}

/// How long to wait before a report is tried again that could not be written.
const REST: Duration = Duration::from_secs(60);
/// Octets of a header that a report repeats.
const HEADER: usize = 64 * 1024;

#[cfg(test)]
#[path = "reporter_tests.rs"]
mod tests;

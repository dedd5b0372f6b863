use std::collections::VecDeque;

use mailbearer_imap::view::{Change, View, ViewError};
use mailbearer_imap::{Code, Command, Data, FetchItem, Frame, Response, UidSet};
use mailbearer_net::Runtime;

use super::{Authenticated, Examined, run::SET_LINE};
use crate::Error;

/// Keeps what is known of the open mailbox.
pub(super) trait Follow: Send {
    fn take_in(&mut self, frame: &Frame);
    fn view(&self) -> &View;
    fn changes(&mut self) -> &mut VecDeque<Change>;
    fn into_view(self: Box<Self>) -> View;
    /// Whether the server has said that the mailbox can only be read.
    fn is_read_only(&self) -> bool;
}

#[derive(Default)]
pub(super) struct Follower {
    view: View,
    changes: VecDeque<Change>,
    read_only: bool,
}

impl Follow for Follower {
    fn take_in(&mut self, frame: &Frame) {
        let Ok(Response::Untagged(data)) = frame.response() else { return };
        if let Data::Status(line) = &data {
            self.read_only |= matches!(line.code, Some(Code::ReadOnly));
        }
        let change = match self.view.apply(&data) {
            Ok(change) => change,
            Err(ViewError::OutOfStep { exists }) => Some(self.view.reset(exists)),
            // The message stays unknown.
            Err(_) => None,
        };
        if self.changes.len() >= CHANGES {
            self.changes.clear();
            self.changes.push_back(Change::Lost);
        }
        self.changes.extend(change);
    }

    fn view(&self) -> &View {
        &self.view
    }

    fn changes(&mut self) -> &mut VecDeque<Change> {
        &mut self.changes
    }

    fn into_view(self: Box<Self>) -> View {
        self.view
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }
}

impl<R: Runtime> Examined<'_, R> {
    /// Returns what the server has said of the mailbox so far, in answer to any command.
    #[must_use]
    pub fn view(&self) -> &View {
        const NOTHING: &View = &View::new();
        self.open_view().unwrap_or(NOTHING)
    }

    /// Returns what changed since the last call, the oldest change first. Servers report changes with the answer to any
    /// command. [`noop`](Authenticated::noop) asks for nothing else, and [`idle`](Self::idle) waits for them.
    ///
    /// If there are more than 10,000 changes, one remains: [`Change::Lost`]. Look at the [`view`](Self::view) then.
    pub fn changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        Authenticated::changes(self)
    }

    /// Fetches UID and flags of every message that the [`view`](Self::view) does not know yet.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends.
    pub fn learn(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move {
            self.begin().await?;
            loop {
                let missing = self.view().without_flags();
                let has_stopped = self.ask_about(&missing, true).await?;
                let left = self.view().without_flags().count();
                if !has_stopped || left == 0 {
                    return Ok(());
                }
                if left >= missing.count() {
                    return Err(Error::untold(left));
                }
            }
        })
    }
}

impl<R: Runtime> Authenticated<R> {
    /// Fetches UID, and flags if wanted, of the messages with these numbers, for the view. Returns whether the server
    /// stopped at its limit of messages: then some are left.
    pub(super) async fn ask_about(&mut self, numbers: &UidSet, flags: bool) -> Result<bool, Error> {
        let mut has_stopped = false;
        for set in numbers.lines(SET_LINE) {
            let mut items = vec![FetchItem::Uid];
            items.extend(flags.then_some(FetchItem::Flags));
            let fetch = Command::Fetch { uid: false, set, items, changed_since: None, vanished: false };
            let completion = self.run_partly(&fetch, numbers.count(), &mut |_| Ok(false)).await?;
            has_stopped |= completion.is_partial();
        }
        Ok(has_stopped)
    }

    pub(super) fn changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        self.follower.iter_mut().flat_map(|follower| follower.changes().drain(..))
    }
}

/// The most changes that are kept.
const CHANGES: usize = 10_000;

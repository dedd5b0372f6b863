use std::collections::VecDeque;

use mailbearer_imap::view::{Change, View, ViewError};
use mailbearer_imap::{Command, FetchItem, Frame, Response};
use mailbearer_net::Runtime;

use super::{Imap, sets::pieces};
use crate::Error;

/// Keeps what is known of the open mailbox.
pub(super) trait Follow: Send {
    fn take_in(&mut self, frame: &Frame);
    fn view(&self) -> &View;
    fn changes(&mut self) -> &mut VecDeque<Change>;
    fn into_view(self: Box<Self>) -> View;
}

#[derive(Default)]
pub(super) struct Follower {
    view: View,
    changes: VecDeque<Change>,
}

impl Follow for Follower {
    fn take_in(&mut self, frame: &Frame) {
        let Ok(Response::Untagged(data)) = frame.response() else { return };
        let change = match self.view.apply(&data) {
            Ok(change) => change,
            Err(ViewError::OutOfStep { exists }) => Some(self.view.reset(exists)),
            // That message stays unknown.
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
}

impl<R: Runtime> Imap<R> {
    /// The open mailbox as the server told of it so far, whatever was asked; `None` where
    /// [`select`](Self::select) or [`examine`](Self::examine) opened none.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.follower.as_deref().map(Follow::view)
    }

    /// What changed in the open mailbox since the last call, the oldest first. Servers tell with the answer to any
    /// command; [`noop`](Self::noop) asks for nothing else.
    ///
    /// Of more than 10,000 changes there is only one left, [`Change::Lost`]: look at the [`view`](Self::view) then.
    pub fn changes(&mut self) -> impl Iterator<Item = Change> + '_ {
        self.follower.iter_mut().flat_map(|follower| follower.changes().drain(..))
    }

    /// Asks for UID and flags of every message that the [`view`](Self::view) does not know yet.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends.
    pub fn learn(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move {
            self.begin().await?;
            let missing = self.view().and_then(View::without_flags);
            for set in missing.iter().flat_map(pieces) {
                let items = vec![FetchItem::Uid, FetchItem::Flags];
                let fetch = Command::Fetch { uid: false, set, items, changed_since: None, vanished: false };
                self.just_run(&fetch).await?;
            }
            Ok(())
        })
    }
}

/// Changes that are kept.
const CHANGES: usize = 10_000;

use mailbearer_imap::session::{Completion, Event, Tag};
use mailbearer_net::Runtime;

use super::Authenticated;
use crate::Error;

/// A command whose answer arrives piece by piece, and the EXAMINE before it, if one was sent in the same flight.
///
/// It names the commands and does not borrow the session, so that listings and bodies can be detached.
#[derive(Debug)]
pub(super) struct Ask {
    /// The session to which the tags belong.
    session: u64,
    opening: Option<Tag>,
    /// The server's answer to the EXAMINE, if that was a refusal.
    refusal: Option<Completion>,
    command: Option<Tag>,
}

impl Ask {
    pub(super) const fn new<R: Runtime>(imap: &Authenticated<R>) -> Self {
        Self { session: imap.id, opening: None, refusal: None, command: None }
    }

    /// Sends EXAMINE of a mailbox. Its answer is awaited together with that of the next command.
    pub(super) async fn opening<R: Runtime>(imap: &mut Authenticated<R>, name: &str) -> Result<Self, Error> {
        let mailbox = super::mailbox_name(name)?;
        imap.begin().await?;
        imap.leave();
        let opening = imap.session.examine(mailbox)?;
        imap.hold(name);
        Ok(Self { opening: Some(opening), ..Self::new(imap) })
    }

    /// Notes that this command was sent.
    pub(super) const fn give(&mut self, command: Tag) {
        self.command = Some(command);
    }

    /// Notes that no more of the answer is awaited.
    pub(super) const fn end(&mut self) {
        (self.opening, self.command) = (None, None);
    }

    pub(super) const fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.awaited().is_none()
    }

    fn awaited(&self) -> Option<Tag> {
        self.opening.or(self.command)
    }

    /// Returns the next event of the session, if more of the answer is to come.
    pub(super) async fn event<R: Runtime>(&self, imap: &mut Authenticated<R>) -> Result<Event, Error> {
        let is_pending = imap.session.pending().any(|tag| Some(tag) == self.awaited());
        if self.session == imap.id && is_pending { imap.event().await } else { Err(Error::given_up()) }
    }

    /// Handles the answer to a command of the session. Returns it, if it answers this one. If the mailbox could not be
    /// opened, fails once the command behind it is answered too.
    pub(super) fn answered<R: Runtime>(
        &mut self,
        imap: &mut Authenticated<R>,
        completion: Completion,
    ) -> Result<Option<Completion>, Error> {
        let answer = if Some(completion.tag) == self.opening {
            self.opening = None;
            if !completion.is_ok() {
                imap.leave();
                self.refusal = Some(completion);
            }
            None
        } else if Some(completion.tag) == self.command {
            self.command = None;
            Some(completion)
        } else {
            None
        };
        match self.refusal.take_if(|_| self.command.is_none()) {
            Some(refusal) => Err(Error::command(refusal)),
            None => Ok(answer),
        }
    }
}

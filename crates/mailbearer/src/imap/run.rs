use mailbearer_imap::session::{Completion, Event, Tag};
use mailbearer_imap::{Capability, Command, Data, Response};
use mailbearer_net::Runtime;

use super::Imap;
use crate::Error;

/// Takes untagged data in; true if some of it is kept.
pub(super) type Take<'t> = dyn FnMut(Data<'_>) -> Result<bool, Error> + Send + 't;

/// How every operation that is one command gets its answer.
impl<R: Runtime> Imap<R> {
    /// Gives a command, when what an earlier one left is read, and waits for its answer.
    pub(super) async fn run(
        &mut self,
        command: &Command<'_>,
        take: &mut Take<'_>,
    ) -> Result<Completion, Error> {
        self.begin().await?;
        let tag = self.session.command(command)?;
        self.answer(tag, take).await
    }

    /// As [`run`](Self::run), for a command that is answered OK or not.
    pub(super) async fn just_run(&mut self, command: &Command<'_>) -> Result<(), Error> {
        self.run(command, &mut |_| Ok(false)).await.map(drop)
    }

    /// The answer to a command that was given: NO and BAD are errors.
    pub(super) async fn answer(&mut self, tag: Tag, take: &mut Take<'_>) -> Result<Completion, Error> {
        let mut left = self.answer_limit;
        loop {
            match self.event().await? {
                Event::Data(frame) => {
                    let Response::Untagged(data) = frame.response().map_err(Error::parse)? else { continue };
                    if take(data)? {
                        let octets = frame.octets().len();
                        left = left.checked_sub(octets).ok_or_else(|| self.answer_too_large())?;
                    }
                }
                Event::Done(completion) if completion.tag == tag => {
                    return if completion.is_ok() { Ok(completion) } else { Err(Error::command(completion)) };
                }
                _ => {}
            }
        }
    }

    /// Whether the server offers this. Asks if it has not said what it offers.
    pub(super) async fn offers(&mut self, capability: &Capability<'_>) -> Result<bool, Error> {
        if self.session.capabilities().is_empty() {
            self.just_run(&Command::Capability).await?;
        }
        Ok(self.session.capabilities().has(capability))
    }

    /// Fails with the name of what is missing, if the server does not offer it.
    pub(super) async fn needs(
        &mut self,
        capability: &Capability<'_>,
        what: &'static str,
    ) -> Result<(), Error> {
        if self.offers(capability).await? { Ok(()) } else { Err(Error::unsupported(what)) }
    }

    pub(super) fn answer_too_large(&self) -> Error {
        Error::too_large(u64::try_from(self.answer_limit).unwrap_or(u64::MAX))
    }
}

/// The default of [`Imap::limit_answers`].
pub(super) const ANSWER_LIMIT: usize = 16 << 20;

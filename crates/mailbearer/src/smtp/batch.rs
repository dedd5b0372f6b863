use mailbearer_mime::Composed;
use mailbearer_net::{Blocking, Runtime};
use mailbearer_smtp::Receipt;

use super::{Smtp, pipeline::Pipeline};
use crate::Error;

/// Messages that are sent one after the other.
///
/// If the server offers `PIPELINING`, the commands of a message go out right behind the message before, so that each
/// takes one flight. Dropped before its end, a batch ends the session in the middle of a message, as a
/// [`Submission`](super::Submission) does. Messages that have a receipt are with the server.
pub struct Batch<'a, R: Runtime> {
    smtp: &'a mut Smtp<R>,
    /// Messages that were not given to the session yet.
    messages: &'a [Composed],
    pipeline: Pipeline<&'a Composed>,
    /// How many messages have their verdict.
    done: usize,
}

impl<'a, R: Runtime> Batch<'a, R> {
    pub(super) fn new(smtp: &'a mut Smtp<R>, messages: &'a [Composed]) -> Self {
        smtp.abandon_detached();
        Self { smtp, messages, pipeline: Pipeline::default(), done: 0 }
    }

    /// Returns the index of the next message, and what became of it. `None` after the last.
    ///
    /// An error is about this message, as with [`Smtp::send`]. An error that [ended the session](Error::ended_session)
    /// is the last item. Of the messages behind it, nothing was sent except perhaps an envelope.
    pub fn next(&mut self) -> R::Task<'_, Option<(usize, Result<Receipt, Error>)>> {
        R::task(self.advance())
    }

    async fn advance(&mut self) -> Option<(usize, Result<Receipt, Error>)> {
        self.smtp.connection.start_operation();
        let verdict = match self.hand_over() {
            Ok(()) => self.pipeline.verdict(self.smtp).await?.1,
            Err(error) => Err(error),
        };
        if verdict.as_ref().is_err_and(Error::ended_session) {
            self.messages = &[];
            self.abandon();
        }
        self.done = self.done.saturating_add(1);
        Some((self.done.saturating_sub(1), verdict))
    }

    /// Keeps one message waiting behind the one that is being sent.
    fn hand_over(&mut self) -> Result<(), Error> {
        while self.pipeline.len() < 2
            && let Some((message, rest)) = self.messages.split_first()
        {
            match self.pipeline.hand_over(self.smtp, message) {
                Ok(()) => {}
                // It is reported in its turn.
                Err(_) if self.pipeline.len() > 0 => return Ok(()),
                Err((_, error)) => {
                    self.messages = rest;
                    return Err(error);
                }
            }
            self.messages = rest;
        }
        Ok(())
    }

    fn abandon(&mut self) {
        drop(self.pipeline.abandon(self.smtp));
    }
}

impl<R: Runtime> Drop for Batch<'_, R> {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// Iterates over the verdicts that [`Batch::next`] returns.
impl Iterator for Batch<'_, Blocking> {
    type Item = (usize, Result<Receipt, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        Blocking::task(self.advance())
    }
}

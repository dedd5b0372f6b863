use std::{fmt, future::poll_fn, time::Duration};

use mailbearer_net::Runtime;
use mailbearer_smtp::Problem;

use super::{Permit, Pool, Seat, later};
use crate::Error;

/// A place among the account's connections, and one message of its minute: for a program that sends a message with a
/// session of its own. Both count for all pools of the folder while this is kept, and the message for a minute after
/// that.
#[must_use = "the place is free again when this is dropped"]
pub struct Turn<R: Runtime> {
    pool: Pool<R>,
    permit: Permit,
    _seat: Seat,
}

impl<R: Runtime> Pool<R> {
    /// Waits until one more message may be sent, over one more connection, and counts it. Each time that it has to
    /// wait, `waiting` gets how long that will take, as far as it is known.
    ///
    /// # Errors
    ///
    /// Fails if the server asked for more time than [`patience`](super::PoolOptions::patience), or if others have all
    /// connections for longer than [`place_patience`](super::PoolOptions::place_patience).
    pub fn turn<'a>(
        &'a self,
        waiting: impl FnMut(Duration) + Send + 'a,
    ) -> R::Task<'a, Result<Turn<R>, Error>> {
        R::task(self.take_turn(waiting))
    }

    async fn take_turn(&self, mut waiting: impl FnMut(Duration) + Send) -> Result<Turn<R>, Error> {
        let gate = &self.inner.gate;
        let since = R::now();
        if let Some(left) = gate.quiet::<R>() {
            waiting(left);
            self.quiet(since).await?;
        }
        let seat = self.own_seat().await?;
        let permit = loop {
            match gate.try_permit::<R>() {
                Ok(permit) => break permit,
                Err(wait) => {
                    waiting(wait);
                    R::sleep(later(R::now(), wait)).await;
                }
            }
        };
        Ok(Turn { pool: self.clone(), permit, _seat: seat })
    }

    async fn own_seat(&self) -> Result<Seat, Error> {
        let gate = &self.inner.gate;
        let asked = R::now();
        loop {
            let most = gate.most::<R>();
            poll_fn(|context| gate.poll_place(most, context)).await;
            if let Some(seat) = gate.seat(most) {
                return Ok(seat);
            }
            self.nap(asked).await?;
        }
    }

    /// Notes, for all pools of the folder, what the server wants of the account if an attempt failed because of that:
    /// fewer connections, or time.
    pub fn heed(&self, error: &Error) {
        let gate = &self.inner.gate;
        match error.smtp_problem() {
            Some(Problem::TooManyConnections) => gate.lower_by_one::<R>(),
            Some(Problem::Throttled { .. }) => {
                if let Some(wait) = error.retry_after() {
                    gate.keep_quiet::<R>(wait);
                }
            }
            _ => {}
        }
    }
}

impl<R: Runtime> Drop for Turn<R> {
    fn drop(&mut self) {
        // The server counts the message now at the latest.
        self.pool.inner.gate.sent::<R>(self.permit);
    }
}

impl<R: Runtime> fmt::Debug for Turn<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

//! One client's session, and the loop that drives it.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use mailbearer_net::{Connection, Next, Runtime};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use super::bell::Ear;

/// A server's machine with the mailbox behind it: it answers its own events.
pub(crate) trait Session: Machine<Event = Infallible, Error: Send + std::fmt::Debug> + Send {
    /// When it wants to be stepped though nothing came: its token ends.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Says that the client was silent for too long.
    fn time_out(&mut self);
}

/// The next step of the protocol that `own` stands behind, whose events `on` answers.
pub(super) fn step<T, P: Machine>(
    own: &mut T,
    protocol: impl Fn(&mut T) -> &mut P,
    on: impl Fn(&mut T, P::Event) -> Result<(), P::Error>,
    rx: &mut RecvBuf,
    tx: &mut SendBuf,
) -> Result<Step<Infallible>, P::Error> {
    loop {
        match protocol(own).step(rx, tx)? {
            Step::Event(event) => on(own, event)?,
            Step::Read => return Ok(Step::Read),
            Step::Flush => return Ok(Step::Flush),
            Step::StartTls => return Ok(Step::StartTls),
            Step::Close => return Ok(Step::Close),
        }
    }
}

/// Drives `session` until it or the client ends. It is stepped on every ring too: there may be news for the client.
pub(crate) async fn converse<R: Runtime>(
    mut connection: Connection<R>,
    mut session: impl Session,
    news: &mut Ear,
) {
    let mut timed_out = false;
    loop {
        let silence = session.patience().unwrap_or(Duration::MAX);
        let due = session.due().map(|due| due.saturating_duration_since(Instant::now()));
        let wait = due.map_or(silence, |due| due.max(SHORTEST).min(silence));
        match news.or_ring(connection.next_within(&mut session, wait)).await {
            None => {}
            Some(Ok(Next::Event(never))) => match never {},
            Some(Ok(Next::Quiet)) if wait < silence => {}
            Some(Ok(Next::Quiet)) if !timed_out => {
                timed_out = true;
                session.time_out();
            }
            Some(Ok(Next::Quiet | Next::Closed)) => return,
            Some(Err(_)) => {
                // A client that breaks off is its own affair.
                let _ = connection.close().await;
                return;
            }
        }
    }
}

/// A wait of nothing would never look at what the client sent.
const SHORTEST: Duration = Duration::from_millis(1);

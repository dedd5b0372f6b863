use std::time::{Duration, Instant};

use mailbearer_imap::session::Event;
use mailbearer_imap::{Data, Frame, Item, Response};
use mailbearer_net::{self as net, Machine, Runtime, Stage};

use super::{Imap, mailbox};
use crate::Error;

/// Something that happened in a watched mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// There are this many messages now; more than before means new ones.
    Exists(u32),
    /// The message with this sequence number is gone; those behind it moved up.
    Expunged(u32),
    /// The flags of the message with this sequence number changed.
    Flags {
        /// Sequence number.
        sequence: u32,
        /// The flags it has now.
        flags: Vec<String>,
    },
}

/// A mailbox that is listened to.
///
/// The first that is told is how many messages there are: none that came before the listening began is missed. IDLE is
/// renewed whenever its time is over, every 10 minutes by default.
pub struct Watch<'a, R: Runtime> {
    imap: &'a mut Imap<R>,
    /// How many there were at the start, until it is told.
    start: Option<u32>,
}

impl<'a, R: Runtime> Watch<'a, R> {
    pub(super) async fn start(imap: &'a mut Imap<R>, name: &str) -> Result<Self, Error> {
        let name = mailbox(name)?;
        imap.begin().await?;
        imap.leave();
        let examine = imap.session.examine(name)?;
        let mut start = None;
        loop {
            match imap.event().await? {
                Event::Data(frame) => {
                    if let Some(Change::Exists(count)) = change(&frame)? {
                        start = Some(count);
                    }
                }
                Event::Done(completion) if completion.tag == examine && completion.is_ok() => break,
                Event::Done(completion) if completion.tag == examine => {
                    return Err(Error::command(completion));
                }
                _ => {}
            }
        }
        imap.session.idle()?;
        Ok(Self { imap, start })
    }

    /// Waits for the next change, for as long as it takes.
    ///
    /// # Errors
    ///
    /// Fails if the session ends: when it [needs a new token](Error::needs_new_token), connect and watch again.
    pub fn next(&mut self) -> R::Task<'_, Result<Change, Error>> {
        R::task(async move {
            loop {
                if let Some(change) = self.wait(None).await? {
                    return Ok(change);
                }
            }
        })
    }

    /// Waits for the next change, at most for `patience`.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn next_within(&mut self, patience: Duration) -> R::Task<'_, Result<Option<Change>, Error>> {
        R::task(async move { self.wait(R::now().checked_add(patience)).await })
    }

    /// Stops listening; the session takes other commands again.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn stop(self) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.imap.begin().await })
    }

    async fn wait(&mut self, until: Option<Instant>) -> Result<Option<Change>, Error> {
        if let Some(count) = self.start.take() {
            return Ok(Some(Change::Exists(count)));
        }
        let mut renewed = R::now();
        loop {
            let idle = self.imap.session.patience().unwrap_or(UNTIL_ANSWERED);
            let now = R::now();
            let renewal = idle.saturating_sub(now.saturating_duration_since(renewed));
            let left = until.map(|until| until.saturating_duration_since(now));
            match self.imap.event_within(left.map_or(renewal, |left| left.min(renewal))).await? {
                Some(Event::Data(frame)) => {
                    if let Some(change) = change(&frame)? {
                        return Ok(Some(change));
                    }
                }
                Some(Event::Done(completion)) if !completion.is_ok() => {
                    return Err(Error::command(completion));
                }
                Some(_) => {}
                None if left.is_some_and(|left| left < renewal) => return Ok(None),
                None if self.imap.session.is_idling() => {
                    self.imap.session.done()?;
                    self.imap.session.idle()?;
                    renewed = R::now();
                }
                // It does not even say that it listens.
                None => {
                    let timeout = net::Error::Timeout { stage: Stage::Read, after: UNTIL_ANSWERED };
                    return Err(Error::imap_net(timeout));
                }
            }
        }
    }
}

fn change(frame: &Frame) -> Result<Option<Change>, Error> {
    Ok(match frame.response().map_err(Error::parse)? {
        Response::Untagged(Data::Exists(count)) => Some(Change::Exists(count)),
        Response::Untagged(Data::Expunge(sequence)) => Some(Change::Expunged(sequence)),
        Response::Untagged(Data::Fetch(fetch)) => fetch.items.iter().find_map(|item| match item {
            Item::Flags(flags) => Some(Change::Flags {
                sequence: fetch.number,
                flags: flags.iter().map(|flag| flag.to_string()).collect(),
            }),
            _ => None,
        }),
        _ => None,
    })
}

/// How long a server may take to answer the commands that renew an IDLE.
const UNTIL_ANSWERED: Duration = Duration::from_secs(60);

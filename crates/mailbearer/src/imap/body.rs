use mailbearer_imap::session::Event;
use mailbearer_imap::{Data, FetchItem, Frame, Item, Response, Section, SequenceSet};
use mailbearer_net::Runtime;
use mailbearer_wire::Octets;

use super::{Imap, Pair, mailbox};
use crate::Error;

/// A message on its way in.
pub struct Body<'a, R: Runtime> {
    imap: &'a mut Imap<R>,
    mailbox: &'a str,
    uid: u32,
    pair: Option<Pair>,
    found: bool,
}

impl<'a, R: Runtime> Body<'a, R> {
    pub(super) async fn start(imap: &'a mut Imap<R>, name: &'a str, uid: u32) -> Result<Self, Error> {
        let owned = mailbox(name)?;
        imap.begin().await?;
        let examine = imap.session.examine(owned)?;
        let body = FetchItem::Section { peek: true, section: Section::default(), partial: None };
        let fetch = imap.session.uid_fetch(SequenceSet::from(uid), vec![body])?;
        Ok(Self { imap, mailbox: name, uid, pair: Some(Pair::new(examine, fetch)), found: false })
    }

    /// The next octets; `None` after the last. A message of up to 1 MiB comes in one piece.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses to open the mailbox, has no message with that UID, or ends the session. What
    /// came before is incomplete then.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Octets>, Error>> {
        R::task(async move {
            while let Some(pair) = &mut self.pair {
                match self.imap.event().await? {
                    Event::LiteralStart { .. } => self.found = true,
                    Event::LiteralChunk(octets) => return Ok(Some(octets)),
                    Event::Data(frame) => {
                        if let Some(octets) = whole(frame)? {
                            self.found = true;
                            return Ok(Some(octets));
                        }
                    }
                    Event::Done(completion) => {
                        let ended = pair.answered(completion)?;
                        if ended && !self.found {
                            return Err(Error::not_found(self.mailbox, self.uid));
                        }
                        if ended {
                            self.pair = None;
                        }
                    }
                    _ => {}
                }
            }
            Ok(None)
        })
    }
}

/// The message in a FETCH response, without a copy where it stands there as it is.
fn whole(frame: Frame) -> Result<Option<Octets>, Error> {
    let response = frame.response().map_err(Error::parse)?;
    let Response::Untagged(Data::Fetch(fetch)) = response else { return Ok(None) };
    let data = fetch.items.iter().find_map(|item| match item {
        Item::Body { data: Some(data), .. } | Item::Rfc822(Some(data)) => Some(data),
        _ => None,
    });
    let Some(data) = data else { return Ok(None) };
    if frame.streamed_for(data).is_some() {
        return Ok(None);
    }
    match frame.range_of(data) {
        Some(range) => Ok(Some(frame.into_part(range))),
        None => Ok(Some(Octets::from(data.to_vec()))),
    }
}

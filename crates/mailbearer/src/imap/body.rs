use mailbearer_imap::session::{Event, Tag};
use mailbearer_imap::{Data, FetchItem, Frame, Item, Response, Section, SequenceSet};
use mailbearer_net::Runtime;
use mailbearer_wire::Octets;

use super::{Imap, Pair, mailbox};
use crate::Error;

/// A message on its way in.
pub struct Body<'a, R: Runtime> {
    imap: &'a mut Imap<R>,
    mailbox: String,
    uid: u32,
    pair: Option<Pair>,
    found: bool,
}

impl<'a, R: Runtime> Body<'a, R> {
    pub(super) async fn start(imap: &'a mut Imap<R>, name: &str, uid: u32) -> Result<Self, Error> {
        let owned = mailbox(name)?;
        imap.begin().await?;
        imap.leave();
        let examine = imap.session.examine(owned)?;
        let body = FetchItem::Section { peek: true, section: Section::default(), partial: None };
        Self::ask(imap, name.to_owned(), uid, Some(examine), body)
    }

    /// Asks for a part of a message of the open mailbox.
    pub(super) async fn of_open(imap: &'a mut Imap<R>, uid: u32, item: FetchItem<'_>) -> Result<Self, Error> {
        imap.begin().await?;
        let mailbox = imap.selected.clone().unwrap_or_default();
        Self::ask(imap, mailbox, uid, None, item)
    }

    fn ask(
        imap: &'a mut Imap<R>,
        mailbox: String,
        uid: u32,
        examine: Option<Tag>,
        item: FetchItem<'_>,
    ) -> Result<Self, Error> {
        let fetch = imap.session.uid_fetch(SequenceSet::from(uid), vec![item])?;
        Ok(Self { imap, mailbox, uid, pair: Some(Pair::new(examine, fetch)), found: false })
    }

    /// The next octets; `None` after the last. Up to 1 MiB come in one piece. Of a part that the message does not have
    /// there are none.
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
                    Event::Data(frame) => match whole(frame)? {
                        Told::Octets(octets) => {
                            self.found = true;
                            return Ok(Some(octets));
                        }
                        Told::Nothing => self.found = true,
                        Told::Other => {}
                    },
                    Event::Done(completion) => {
                        let ended = pair.answered(completion)?;
                        if ended && !self.found {
                            return Err(Error::not_found(&self.mailbox, self.uid));
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

/// What a response says about a body.
enum Told {
    Octets(Octets),
    /// There is the message and not the part, or all octets came before.
    Nothing,
    /// It is about something else.
    Other,
}

/// The body in a FETCH response, without a copy where it stands there as it is.
fn whole(frame: Frame) -> Result<Told, Error> {
    let response = frame.response().map_err(Error::parse)?;
    let Response::Untagged(Data::Fetch(fetch)) = response else { return Ok(Told::Other) };
    let data = fetch.items.iter().find_map(|item| match item {
        Item::Body { data, .. } | Item::Binary { data, .. } | Item::Rfc822(data) => Some(data),
        _ => None,
    });
    let data = match data {
        Some(Some(data)) => data,
        Some(None) => return Ok(Told::Nothing),
        None => return Ok(Told::Other),
    };
    if frame.streamed_for(data).is_some() {
        return Ok(Told::Nothing);
    }
    Ok(Told::Octets(match frame.range_of(data) {
        Some(range) => frame.into_part(range),
        None => Octets::from(data.to_vec()),
    }))
}

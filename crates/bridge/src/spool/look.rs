use std::{
    collections::{BTreeMap, btree_map as map},
    time::Duration,
};

use mailbearer::{Blocking, Client, proto::mime::parse::Message};

use super::{Clients, Entry, Error, Place, Spool, file::Stored, runner::shortened};

/// The result of a search for a message whose outcome is unknown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Looked {
    /// The message.
    pub id: String,
    /// The result.
    pub found: Found,
}

/// Whether a message was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is there, or it is not seen there, or nobody could look")]
pub enum Found {
    /// It is among the sent messages, in the place that this text names. It counts as delivered.
    There(String),
    /// It is not there yet. Its outcome stays unknown.
    NotSeen,
    /// Why the search failed. Its outcome stays unknown.
    NoLook(String),
}

impl Spool {
    /// Searches the sent messages once for each message whose outcome is unknown, up to a day after the attempt.
    ///
    /// A message that is found counts as delivered. One that is not found stays unknown, as not every provider keeps a copy. This
    /// never sends a message again. One that went in parts, or of which another recipient has a verdict of delivery, stays unknown:
    /// all its copies have the same Message-ID, so one that is found says nothing of the others.
    /// [`Stored::look`](super::Stored::look) has the result. With `is_patient`, this searches for a message at once, then after 1, 5, 15, 30, 60 and 120 minutes, and then every four hours, and skips it in between.
    ///
    /// Skips a message that a person retries or drops in the meantime.
    ///
    /// # Errors
    ///
    /// Fails if the spool can't be read or written.
    pub fn look(
        &self,
        is_patient: bool,
        clients: &mut Clients<'_>,
        report: &mut dyn FnMut(&Looked),
    ) -> Result<(), Error> {
        let mut known: BTreeMap<Option<String>, Result<Client<Blocking>, String>> = BTreeMap::new();
        for id in self.names_in(Place::Unknown.folder())? {
            let mut entry = match Entry::open(self, Place::Unknown, &id, false) {
                Ok(Some(entry)) if !entry.is_busy() && is_time(entry.stored(), self.now(), is_patient) => {
                    entry
                }
                // `Spool::list` reports damaged messages.
                Ok(_) | Err(Error::Damaged { .. }) => continue,
                Err(error) if error.is_permission() => continue,
                Err(error) => return Err(error),
            };
            let client = match known.entry(entry.stored().account.clone()) {
                map::Entry::Occupied(client) => client.into_mut(),
                map::Entry::Vacant(place) => {
                    let client = clients(place.key().as_deref());
                    place.insert(client)
                }
            };
            let has_copies = entry.stored().has_copies();
            let mut found =
                if has_copies { Found::NoLook(COPIES.into()) } else { find(client.as_ref(), &mut entry)? };
            // The look took a while, and the message was not locked meanwhile.
            drop(entry);
            match self.find(&id) {
                Ok(mut entry) if entry.place() == Place::Unknown => {
                    // Someone may have tried it again meanwhile.
                    if entry.stored().has_copies() {
                        found = Found::NoLook(COPIES.into());
                    }
                    match &found {
                        Found::There(words) => entry.found(words)?,
                        Found::NotSeen => entry.looked(NOT_SEEN)?,
                        Found::NoLook(problem) => entry.looked(shortened(problem))?,
                    }
                }
                Ok(_) | Err(Error::NotFound { .. } | Error::Busy) => continue,
                Err(error) => return Err(error),
            }
            report(&Looked { id, found });
        }
        Ok(())
    }
}

fn find(client: Result<&Client<Blocking>, &String>, entry: &mut Entry<'_>) -> Result<Found, Error> {
    let client = match client {
        Ok(client) if client.account().imap.is_some() => client,
        Ok(_) => return Ok(Found::NoLook("the account has no IMAP server".into())),
        Err(problem) => return Ok(Found::NoLook(problem.clone())),
    };
    let Some(id) = Message::parse(&entry.header(HEADER)?).message_id() else {
        return Ok(Found::NoLook("the message has no Message-ID".into()));
    };
    // No patience here: the caller comes again.
    Ok(match client.arrived(&id, Duration::ZERO) {
        Ok(Some(arrived)) => Found::There(format!("found in {} as {}", arrived.mailbox, arrived.message_id)),
        Ok(None) => Found::NotSeen,
        Err(error) => Found::NoLook(error.to_string()),
    })
}

/// Whether a message is still looked for. With `is_patient`, also whether the pause since the last look is over.
fn is_time(stored: &Stored, now: u64, is_patient: bool) -> bool {
    let is_recent = now.saturating_sub(stored.next.min(now)) < DAY;
    let rested = stored.look.as_ref().is_none_or(|look| {
        let index = usize::try_from(look.number).unwrap_or(usize::MAX).saturating_sub(1);
        let minutes = PAUSES.get(index).copied().unwrap_or(LONGEST_PAUSE);
        // A look in the future comes from a wrong clock.
        look.at > now || now.saturating_sub(look.at) >= minutes.saturating_mul(60)
    });
    is_recent && (rested || !is_patient)
}

/// What is said of a message whose copies can't be told from each other.
const COPIES: &str =
    "it went to its recipients in several parts with one Message-ID, so a copy does not say to whom it went";
const NOT_SEEN: &str = "not seen among the newest messages that were sent";
/// Octets of a header that are searched for the Message-ID.
const HEADER: usize = 1 << 20;
/// Minutes between the first looks.
const PAUSES: [u64; 6] = [1, 5, 15, 30, 60, 120];
/// Minutes between the others.
const LONGEST_PAUSE: u64 = 240;
/// Seconds for which a message is looked for.
const DAY: u64 = 24 * 3600;

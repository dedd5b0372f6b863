use mailbearer_imap::session::Event;
use mailbearer_imap::{Capability, Command, Data, Mailbox, Response, StatusAttribute, StatusItem};
use mailbearer_net::Runtime;

use super::{Authenticated, Folder};
use crate::Error;

/// What is in a mailbox (RFC 9051 section 6.3.11). `None` stands for what the server did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Number of messages.
    pub messages: Option<u32>,
    /// Messages that no session has seen yet.
    pub recent: Option<u32>,
    /// Messages that were not read.
    pub unseen: Option<u32>,
    /// Messages flagged `\Deleted`.
    pub deleted: Option<u32>,
    /// Octets of all messages together (RFC 8438).
    pub size: Option<u64>,
    /// As in [`Opened`](super::Opened).
    pub uid_next: Option<u32>,
    /// As in [`Opened`](super::Opened).
    pub uid_validity: Option<u32>,
    /// As in [`Opened`](super::Opened).
    pub highest_mod_seq: Option<u64>,
    /// The largest message in octets that can be appended (RFC 7889).
    pub append_limit: Option<u64>,
    /// The id of the mailbox, which stays the same if it is renamed (RFC 8474).
    pub id: Option<String>,
}

impl<R: Runtime> Authenticated<R> {
    /// Returns what is in a mailbox, without opening it. Not for the mailbox that is open (RFC 9051 section 6.3.11).
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses.
    pub fn status<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Counts, Error>> {
        R::task(async move {
            // The capabilities are asked for first, because the attributes to ask for depend on them.
            self.offers(&Capability::StatusSize).await?;
            let status = Command::Status {
                mailbox: super::mailbox_name(mailbox)?,
                attributes: self.status_attributes(),
            };
            let mut counts = Counts::default();
            self.run(&status, &mut |data| {
                let Data::MailboxStatus { items, .. } = data else { return Ok(false) };
                counts = Counts::of(&items);
                Ok(true)
            })
            .await?;
            Ok(counts)
        })
    }

    /// Asks for the status of each folder, [`FLIGHT`] at a time. If the server refuses, its counts stay unknown.
    pub(super) async fn count_each(&mut self, folders: &mut [Folder]) -> Result<(), Error> {
        let attributes = self.status_attributes();
        let asked: Vec<Mailbox<'static>> = folders
            .iter()
            .filter(|folder| folder.is_selectable())
            .map(|folder| folder.mailbox.clone())
            .collect();
        let mut left = asked.into_iter();
        let (mut tags, mut at) = (Vec::new(), 0);
        self.begin().await?;
        loop {
            while tags.len() < FLIGHT {
                let Some(mailbox) = left.next() else { break };
                tags.push(
                    self.session.command(&Command::Status { mailbox, attributes: attributes.clone() })?,
                );
            }
            if tags.is_empty() {
                return Ok(());
            }
            match self.event().await? {
                Event::Data(frame) => match frame.response() {
                    Ok(Response::Untagged(Data::MailboxStatus { mailbox, items })) => {
                        count(folders, &mut at, &mailbox, &items);
                    }
                    Ok(_) => {}
                    Err(error) => self.note_odd(&frame, &error),
                },
                Event::Done(completion) => tags.retain(|tag| *tag != completion.tag),
                _ => {}
            }
        }
    }

    pub(super) fn status_attributes(&self) -> Vec<StatusAttribute> {
        use StatusAttribute as A;
        let capabilities = self.session.capabilities();
        let rev2 = capabilities.has(&Capability::Imap4Rev2);
        let mut attributes = vec![A::Messages, A::Unseen, A::UidNext, A::UidValidity];
        let optional = [
            (capabilities.has(&Capability::Imap4Rev1), A::Recent),
            (rev2, A::Deleted),
            (rev2 || capabilities.has(&Capability::StatusSize), A::Size),
            (
                capabilities.has(&Capability::CondStore) || capabilities.has(&Capability::QResync),
                A::HighestModSeq,
            ),
            (capabilities.has(&Capability::AppendLimit(None)), A::AppendLimit),
            (capabilities.has(&Capability::ObjectId), A::MailboxId),
        ];
        attributes
            .extend(optional.into_iter().filter(|(offered, _)| *offered).map(|(_, attribute)| attribute));
        attributes
    }
}

impl Counts {
    fn of<'a>(items: impl IntoIterator<Item = StatusItem<'a>>) -> Self {
        let mut counts = Self::default();
        for item in items {
            match item {
                StatusItem::Messages(count) => counts.messages = Some(count),
                StatusItem::Recent(count) => counts.recent = Some(count),
                StatusItem::Unseen(count) => counts.unseen = Some(count),
                StatusItem::Deleted(count) => counts.deleted = Some(count),
                StatusItem::Size(octets) => counts.size = Some(octets),
                StatusItem::UidNext(uid) => counts.uid_next = Some(uid),
                StatusItem::UidValidity(value) => counts.uid_validity = Some(value),
                StatusItem::HighestModSeq(value) => counts.highest_mod_seq = Some(value),
                StatusItem::AppendLimit(limit) => counts.append_limit = limit,
                StatusItem::MailboxId(id) => counts.id = Some(id.to_text().into_owned()),
                _ => {}
            }
        }
        counts
    }
}

/// Stores a status with its folder. They usually come in the order of the folders, so each search starts where the last
/// one ended.
pub(super) fn count<'a>(
    folders: &mut [Folder],
    at: &mut usize,
    mailbox: &Mailbox<'_>,
    items: impl IntoIterator<Item = StatusItem<'a>>,
) {
    let (before, from) = folders.split_at_checked(*at).unwrap_or((folders, &[]));
    let is_it = |folder: &Folder| folder.mailbox == *mailbox;
    let found = from.iter().position(is_it).map(|found| found.saturating_add(*at));
    let Some(found) = found.or_else(|| before.iter().position(is_it)) else { return };
    *at = found;
    if let Some(folder) = folders.get_mut(found) {
        folder.counts = Some(Counts::of(items));
    }
}

/// The most STATUS commands in flight.
const FLIGHT: usize = 16;

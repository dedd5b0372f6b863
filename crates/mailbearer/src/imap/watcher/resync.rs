//! From a new connection to a view that is right, and the news on the way there.

use mailbearer_imap::view::{Change, Limits, Message, View};
use mailbearer_imap::{
    Capability, Code, Command, Data, FetchItem, Item, Number, QResync, SearchKey, Select, SequenceSet,
};
use mailbearer_net::Runtime;

use super::{WatchOptions, news::Pending, session::Listening};
use crate::{
    Client, Error, Imap, Selected,
    imap::{follow::Follow, mailbox, sets::pieces},
};

/// What is known of the mailbox, across connections.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// UIDVALIDITY; `None` before the mailbox was opened for the first time.
    validity: Option<u32>,
    /// All that happened up to here is known (RFC 7162).
    mod_seq: Option<u64>,
    /// Messages from this UID on came after the watch began.
    pub(super) first_new: u32,
    /// All messages that are not to be told any more: it knows those that were told, or are about to be.
    pub(super) view: View,
}

/// How a server helps to find out what happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Help {
    QResync,
    CondStore,
    None,
}

/// An attempt to connect. It owns what it changes, so that it can stop at any await and go on later.
pub(super) struct Attempt<R: Runtime> {
    pub(super) client: Client<R>,
    pub(super) mailbox: String,
    pub(super) options: WatchOptions,
    pub(super) known: Known,
    pub(super) pending: Pending,
}

/// How an [`Attempt`] ended.
pub(super) struct Attempted<R: Runtime> {
    pub(super) known: Known,
    pub(super) pending: Pending,
    pub(super) result: Result<Listening<R>, Error>,
}

impl<R: Runtime> Attempt<R> {
    /// Connects, opens the mailbox and finds out what happened since it was open last.
    ///
    /// What is found is in the view and among the news at the same moment, so that it is neither lost nor told twice
    /// if this fails half way.
    pub(super) async fn run(mut self) -> Attempted<R> {
        let result = self.connect().await;
        Attempted { known: self.known, pending: self.pending, result }
    }

    async fn connect(&mut self) -> Result<Listening<R>, Error> {
        let (mut imap, token) = self.client.open_imap().await?;
        let help = help(&mut imap).await?;
        if !self.known.is_orderly() {
            self.known.distrust();
        }
        let before = self.known.validity;
        let (selected, complete) = self.open(&mut imap, help).await?;
        let validity = selected.uid_validity.unwrap_or_default();
        if before == Some(validity) {
            let in_step = match help {
                Help::QResync if complete => self.known.view.resume(selected.exists),
                Help::CondStore => self.compare_uids(&mut imap).await?,
                _ => false,
            };
            if !in_step {
                self.compare_all(&mut imap).await?;
            }
        } else {
            self.begin_anew(&mut imap, validity, selected.uid_next).await?;
        }
        self.known.mod_seq = selected.highest_mod_seq.filter(|_| help != Help::None);
        imap.follower = None;
        Listening::new(imap, token, self.options, self.client.account().timeouts.read).await
    }

    /// Learns of all messages that are there, none of which is news.
    async fn begin_anew(
        &mut self,
        imap: &mut Imap<R>,
        validity: u32,
        uid_next: Option<u32>,
    ) -> Result<(), Error> {
        learn_all(imap, self.options.flags).await?;
        let mut view = take_view(imap)?;
        let behind = view.highest_uid().unwrap_or_default().saturating_add(1);
        let first_new = uid_next.unwrap_or(behind).max(1);
        // They came since the mailbox was opened.
        view.unlearn(|message| message.uid >= first_new);
        if self.known.validity.is_some() {
            self.pending.renumbered(validity);
        }
        self.known = Known { validity: Some(validity), mod_seq: None, first_new, view };
        Ok(())
    }

    /// Opens the mailbox; also says whether the server told all that happened since it was open last.
    async fn open(&mut self, imap: &mut Imap<R>, help: Help) -> Result<(Selected, bool), Error> {
        let qresync = match (help, self.known.validity, self.known.mod_seq) {
            (Help::QResync, Some(validity), Some(mod_seq)) if validity > 0 && mod_seq > 0 => {
                Some(QResync { validity, mod_seq, known: None, matching: None })
            }
            _ => None,
        };
        let mut complete = qresync.is_some();
        let condstore = help == Help::CondStore;
        let examine = Command::Examine(Select { mailbox: mailbox(&self.mailbox)?, condstore, qresync });
        let (known, pending, flags) = (&mut self.known, &mut self.pending, self.options.flags);
        let mut validity = None;
        let selected = imap
            .open_mailbox(&self.mailbox, examine, &mut |data| {
                match data {
                    Data::Status(line) => match line.code {
                        Some(Code::UidValidity(value)) => validity = Some(value),
                        Some(Code::NoModSeq) => complete = false,
                        _ => {}
                    },
                    Data::Vanished { .. } | Data::Fetch(_) if validity != known.validity => complete = false,
                    Data::Vanished { uids, .. } => pending.all_expunged(known.view.forget(&uids)),
                    Data::Fetch(fetch) if flags => note_flags(known, pending, &fetch.items),
                    _ => {}
                }
                Ok(false)
            })
            .await?;
        Ok((selected, complete))
    }

    /// Finds out what happened by the UIDs that are there and the messages that changed (RFC 7162 section 3.1). False
    /// if that does not fit together, as when a message went meanwhile.
    async fn compare_uids(&mut self, imap: &mut Imap<R>) -> Result<bool, Error> {
        let Some(mod_seq) = self.known.mod_seq.filter(|mod_seq| *mod_seq > 0) else { return Ok(false) };
        let found = imap.find(&SearchKey::All).await?;
        let Some(uids) = found.uids else {
            // Of none there is no set.
            self.pending.all_expunged(self.known.view.forget(&SequenceSet::range(1, u32::MAX)));
            return Ok(self.known.view.resume(imap.view().map_or(0, View::exists)));
        };
        self.pending.all_expunged(self.known.view.retain(&uids));
        let highest = self.known.view.highest_uid().unwrap_or_default();
        let known = u64::try_from(self.known.view.known()).unwrap_or(u64::MAX);
        let fits = uids.count() == Some(known.saturating_add(count_above(&uids, highest)));
        if !fits {
            return Ok(false);
        }
        if self.options.flags && highest > 0 {
            let (known, pending) = (&mut self.known, &mut self.pending);
            let fetch = Command::Fetch {
                uid: true,
                set: SequenceSet::range(1, highest),
                items: vec![FetchItem::Uid, FetchItem::Flags],
                changed_since: Some(mod_seq),
                vanished: false,
            };
            imap.run(&fetch, &mut |data| {
                if let Data::Fetch(fetch) = data {
                    note_flags(known, pending, &fetch.items);
                }
                Ok(false)
            })
            .await?;
        }
        let moved = imap
            .changes()
            .any(|change| matches!(change, Change::Expunged { .. } | Change::Vanished { .. } | Change::Lost));
        let exists = imap.view().map_or(0, View::exists);
        Ok(!moved && uids.count() <= Some(exists.into()) && self.known.view.resume(exists))
    }

    /// Finds out what happened by UID and flags of every message.
    async fn compare_all(&mut self, imap: &mut Imap<R>) -> Result<(), Error> {
        learn_all(imap, self.options.flags).await?;
        let mut fresh = take_view(imap)?;
        let gone = self.known.view.messages().filter(|(_, message)| fresh.by_uid(message.uid).is_none());
        for (_, message) in gone {
            self.pending.expunged(message.uid);
        }
        if self.options.flags {
            for (_, message) in fresh.messages() {
                let before = self.known.view.by_uid(message.uid).and_then(Message::flags);
                if before.is_some() && before != message.flags() {
                    self.pending.changed(message.uid);
                }
            }
        }
        let (before, first_new) = (&self.known.view, self.known.first_new);
        fresh.unlearn(|message| message.uid >= first_new && before.by_uid(message.uid).is_none());
        self.known.view = fresh;
        Ok(())
    }
}

impl Known {
    /// Whether every known message stands before every other one, as a new session needs it.
    fn is_orderly(&self) -> bool {
        let known = u32::try_from(self.view.known()).ok();
        self.view.highest_uid().is_none_or(|uid| self.view.sequence_of(uid) == known)
    }

    /// Says that only a comparison of everything can be trusted the next time.
    pub(super) const fn distrust(&mut self) {
        self.mod_seq = None;
    }

    /// Notes that all that happened up to here was told on this connection.
    pub(super) fn reached(&mut self, mod_seq: u64) {
        self.mod_seq = self.mod_seq.map(|before| before.max(mod_seq));
    }
}

async fn help<R: Runtime>(imap: &mut Imap<R>) -> Result<Help, Error> {
    if imap.offers(&Capability::QResync).await?
        && imap.offers(&Capability::Enable).await?
        && imap.switch_on(&[Capability::QResync]).await?.has(&Capability::QResync)
    {
        return Ok(Help::QResync);
    }
    let condstore = imap.offers(&Capability::CondStore).await?;
    Ok(if condstore { Help::CondStore } else { Help::None })
}

/// Asks for UID and flags of every message. What goes meanwhile is told by a NOOP, and asked for no more.
async fn learn_all<R: Runtime>(imap: &mut Imap<R>, flags: bool) -> Result<(), Error> {
    for _ in 0..LEARN_ATTEMPTS {
        let missing = if flags { View::without_flags } else { View::unknown };
        let Some(set) = imap.view().and_then(missing) else { return Ok(()) };
        for set in pieces(&set) {
            let mut items = vec![FetchItem::Uid];
            items.extend(flags.then_some(FetchItem::Flags));
            let fetch = Command::Fetch { uid: false, set, items, changed_since: None, vanished: false };
            imap.just_run(&fetch).await?;
        }
        if imap.view().and_then(missing).is_some() {
            imap.just_run(&Command::Noop).await?;
        }
    }
    Ok(())
}

fn take_view<R: Runtime>(imap: &mut Imap<R>) -> Result<View, Error> {
    let view = imap.follower.take().map(Follow::into_view).unwrap_or_default();
    let most = Limits::default().messages;
    if view.known() >= most && view.unknown().is_some() {
        return Err(too_many());
    }
    Ok(view)
}

/// The mailbox holds more than a view keeps.
pub(super) fn too_many() -> Error {
    Error::too_many_messages(Limits::default().messages)
}

fn note_flags(known: &mut Known, pending: &mut Pending, items: &[Item<'_>]) {
    let uid = items.iter().find_map(|item| match item {
        Item::Uid(uid) => Some(*uid),
        _ => None,
    });
    if let (Some(uid), Ok(Some(true))) = (uid, known.view.update(items)) {
        pending.changed(uid);
    }
}

fn count_above(uids: &SequenceSet, highest: u32) -> u64 {
    let end = |number| match number {
        Number::Is(number) => number,
        Number::Highest => u32::MAX,
    };
    let above = uids.ranges().map(|(one, other)| {
        let (first, last) =
            (end(one).min(end(other)).max(highest.saturating_add(1)), end(one).max(end(other)));
        u64::from(last).saturating_add(1).saturating_sub(u64::from(first))
    });
    above.fold(0, u64::saturating_add)
}

/// How often UIDs are asked for that the server does not tell.
const LEARN_ATTEMPTS: u32 = 3;

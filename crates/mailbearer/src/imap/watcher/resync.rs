//! How a new connection gets to a correct view, and which news that brings.

use mailbearer_imap::session::Completion;
use mailbearer_imap::view::{Change, Limits, Message, View};
use mailbearer_imap::{
    Capability, Code, Command, Data, FetchItem, QResync, SearchKey, Select, SequenceSet, UidSet,
};
use mailbearer_net::Runtime;

use super::{
    WatchOptions,
    known::{Known, too_many},
    news::Pending,
    session::Listening,
};
use crate::{
    Client, Error, Imap, Opened,
    imap::{follow::Follow, mailbox_name},
};

/// What a server offers for finding out what happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Help {
    QResync,
    CondStore,
    None,
}

/// An attempt to connect. It owns what it changes, so that it can stop at any await and continue later.
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
    /// Connects, opens the mailbox and finds out what happened since it was last open.
    ///
    /// Each change enters the view and the news at the same moment, so that none is lost or reported twice if this
    /// fails halfway.
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
        imap.line.follower = None;
        Listening::new(imap, token, self.options, self.client.account().timeouts.read).await
    }

    /// Learns of all messages that are there. None of them is news.
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
        // They came after the mailbox was opened.
        view.unlearn(|message| message.uid >= first_new);
        if self.known.validity.is_some() {
            self.pending.renumbered(validity);
        }
        self.known = Known { validity: Some(validity), first_new, view, ..Known::default() };
        Ok(())
    }

    /// Opens the mailbox. Also returns whether the server reported everything since it was last open.
    async fn open(&mut self, imap: &mut Imap<R>, help: Help) -> Result<(Opened, bool), Error> {
        let qresync = match (help, self.known.validity, self.known.mod_seq) {
            (Help::QResync, Some(validity), Some(mod_seq)) if validity > 0 && mod_seq > 0 => {
                Some(QResync { validity, mod_seq, known: None, matching: None })
            }
            _ => None,
        };
        let mut complete = qresync.is_some();
        let condstore = help == Help::CondStore;
        let mut select = Select::new(mailbox_name(&self.mailbox)?).condstore(condstore);
        select.qresync = qresync;
        let examine = Command::Examine(select);
        let (known, pending, flags) = (&mut self.known, &mut self.pending, self.options.flags);
        let mut validity = None;
        let selected = imap
            .line
            .open_mailbox(&self.mailbox, examine, &mut |data| {
                match data {
                    Data::Status(line) => match line.code {
                        Some(Code::UidValidity(value)) => validity = Some(value),
                        Some(Code::NoModSeq) => complete = false,
                        _ => {}
                    },
                    Data::Vanished { .. } | Data::Fetch(_) if validity != known.validity => complete = false,
                    Data::Vanished { uids, .. } => {
                        pending.all_expunged(&known.view.forget(&UidSet::of(&uids)));
                        return Ok(true);
                    }
                    Data::Fetch(fetch) if flags => known.note_flags(pending, &fetch.items),
                    _ => {}
                }
                Ok(false)
            })
            .await?;
        Ok((selected, complete))
    }

    /// Finds out what happened, from the UIDs that exist and the messages that changed (RFC 7162 section 3.1). Returns
    /// false if the two do not match, as when a message vanished in between.
    async fn compare_uids(&mut self, imap: &mut Imap<R>) -> Result<bool, Error> {
        let Some(mod_seq) = self.known.mod_seq.filter(|mod_seq| *mod_seq > 0) else { return Ok(false) };
        let uids = match imap.line.find(&SearchKey::All).await {
            Ok(found) => found.uids,
            // It does not search in all messages at once.
            Err(error) if error.completion().is_some_and(Completion::is_partial) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.pending.all_expunged(&self.known.view.retain(&uids));
        let highest = self.known.view.highest_uid().unwrap_or_default();
        let known = u64::try_from(self.known.view.known()).unwrap_or(u64::MAX);
        let above = uids.count_between(highest.saturating_add(1), u32::MAX);
        let fits = uids.count() == known.saturating_add(above);
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
            let completion = imap
                .line
                .run_partly(&fetch, uids.count(), &mut |data| {
                    if let Data::Fetch(fetch) = data {
                        known.note_flags(pending, &fetch.items);
                    }
                    Ok(false)
                })
                .await?;
            if completion.is_partial() {
                return Ok(false);
            }
        }
        let moved = imap
            .line
            .changes()
            .any(|change| matches!(change, Change::Expunged { .. } | Change::Vanished { .. } | Change::Lost));
        let exists = imap.line.open_view().map_or(0, View::exists);
        Ok(!moved && uids.count() <= u64::from(exists) && self.known.view.resume(exists))
    }

    /// Finds out what happened, from UID and flags of every message.
    async fn compare_all(&mut self, imap: &mut Imap<R>) -> Result<(), Error> {
        learn_all(imap, self.options.flags).await?;
        let mut fresh = take_view(imap)?;
        let gone = self.known.view.messages().filter(|(_, message)| fresh.by_uid(message.uid).is_none());
        for (_, message) in gone {
            self.pending.expunged(message.uid);
        }
        if self.options.flags {
            for (_, message) in fresh.messages() {
                let before = self.known.view.by_uid(message.uid);
                let before = before.as_ref().and_then(Message::flags);
                if before.is_some() && before != message.flags() {
                    self.pending.changed(message.uid);
                }
            }
        }
        let (known, before) = (&self.known, &self.known.view);
        fresh.unlearn(|message| known.is_news(message.uid) && before.by_uid(message.uid).is_none());
        self.known.view = fresh;
        Ok(())
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

/// Fetches UID and flags of every message. A NOOP in between brings news of messages that are removed meanwhile; these
/// are not asked for again.
async fn learn_all<R: Runtime>(imap: &mut Imap<R>, flags: bool) -> Result<(), Error> {
    let line = &mut imap.line;
    let missing = |view: &View| if flags { view.without_flags() } else { view.unknown() };
    let mut attempts = 0;
    let mut wanted = line.open_view().map(missing).unwrap_or_default();
    while !wanted.is_empty() && attempts < LEARN_ATTEMPTS {
        let has_stopped = line.ask_about(&wanted, flags).await?;
        if line.open_view().is_some_and(|view| !missing(view).is_empty()) {
            line.just_run(&Command::Noop).await?;
        }
        let left = line.open_view().map(missing).unwrap_or_default();
        // A server with a limit of messages gets further each time.
        if !has_stopped || left.count() >= wanted.count() {
            attempts = attempts.saturating_add(1);
        }
        wanted = left;
    }
    Ok(())
}

fn take_view<R: Runtime>(imap: &mut Imap<R>) -> Result<View, Error> {
    let mut view = imap.line.follower.take().map(Follow::into_view).unwrap_or_default();
    // Memory for every message counts, and nobody needs these.
    view.forget_mod_seqs();
    let most = Limits::default().messages;
    if view.known() >= most && !view.unknown().is_empty() {
        return Err(too_many());
    }
    Ok(view)
}

/// How often to ask for UIDs that the server does not send.
const LEARN_ATTEMPTS: u32 = 3;

use std::mem;

use mailbearer_imap::session::{Completion, Event};
use mailbearer_imap::{Data, Fetch, FetchItem, Frame, Item, ParseError, Response, SequenceSet, UidSet};
use mailbearer_net::{Blocking, Runtime};

use super::{
    Authenticated, Examined, Outline, Summary,
    ask::Ask,
    outline::with_attachments,
    run::SET_LINE,
    summary::{little, salvage, summary},
};
use crate::Error;

/// Which messages of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Range {
    /// All messages.
    #[default]
    All,
    /// So many of the newest messages.
    Last(u32),
    /// The messages with these UIDs.
    Uids(UidSet),
}

/// The messages of a mailbox, as they arrive.
///
/// Each message that was asked for comes once, and no other. If the server can't show a message, or what it says of one
/// can't be read, the listing asks again without the header. Such a message comes at the end at the latest, marked as
/// [incomplete](Summary::incomplete).
pub struct Listing<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    state: ListingState,
}

/// A [`Listing`] that does not borrow its session.
#[derive(Debug)]
pub struct ListingState {
    ask: Ask,
    /// Whether it asks by UID rather than by number.
    by_uid: bool,
    asked: UidSet,
    told: UidSet,
    exists: u32,
    /// The sets that are yet to be asked for.
    left: Vec<SequenceSet>,
    items: &'static [FetchItem<'static>],
    /// How to read a response. A pointer, so that programs that list no structures do not link what reads them.
    read: Read,
    /// Whether the server stopped at its limit of messages in this round, and how many had come before the round.
    stopped: bool,
    before: u64,
    /// The messages of which the server said nothing. `None` until all answers are in.
    untold: Option<Vec<(u32, u32)>>,
}

#[derive(Clone, Copy, Debug)]
struct Read {
    parse: for<'f> fn(&'f Frame) -> Result<Option<Data<'f>>, ParseError>,
    summary: fn(u32, &[Item<'_>]) -> Option<Summary>,
}

impl Read {
    const PLAIN: Self = Self { parse: Frame::summary_data, summary };
    const WITH_STRUCTURE: Self = Self {
        parse: |frame| {
            Ok(match frame.response()? {
                Response::Untagged(data) => Some(data),
                _ => None,
            })
        },
        summary: with_attachments,
    };
}

impl<R: Runtime> Examined<'_, R> {
    /// Lists messages as they arrive, the oldest first.
    ///
    /// # Errors
    ///
    /// Fails if the session ends. If the server refuses, [`Listing::next`] fails.
    pub fn list(&mut self, range: Range) -> R::Task<'_, Result<Listing<'_, R>, Error>> {
        R::task(async move {
            self.begin().await?;
            let exists = self.exists();
            let mut state = ListingState::new(Ask::new(self), range, exists);
            state.ask(self)?;
            Ok(Listing { imap: self, state })
        })
    }

    /// Does the same as [`list`](Self::list), and also finds out whether files are attached
    /// ([`Summary::has_attachments`]). The answers are about twice as long.
    ///
    /// # Errors
    ///
    /// Fails as [`list`](Self::list) does.
    pub fn list_with_attachments(&mut self, range: Range) -> R::Task<'_, Result<Listing<'_, R>, Error>> {
        R::task(async move {
            self.begin().await?;
            let exists = self.exists();
            let mut state = ListingState::new(Ask::new(self), range, exists);
            (state.items, state.read) = (&Outline::ITEMS, Read::WITH_STRUCTURE);
            state.ask(self)?;
            Ok(Listing { imap: self, state })
        })
    }

    /// Continues a listing that was [detached](Listing::detach). [`Listing::next`] fails if another command was sent
    /// since.
    pub fn listing(&mut self, state: ListingState) -> Listing<'_, R> {
        Listing { imap: self, state }
    }
}

impl<'a, R: Runtime> Listing<'a, R> {
    /// Opens a mailbox and lists it, in the same flight if possible.
    pub(super) async fn opening(
        imap: &'a mut Authenticated<R>,
        name: &str,
        range: Range,
    ) -> Result<Self, Error> {
        let ask = Ask::opening(imap, name).await?;
        let needs_count = matches!(range, Range::Last(_));
        let mut state = ListingState::new(ask, range, u32::MAX);
        state.exists = 0;
        let mut listing = Self { imap, state };
        if needs_count {
            while listing.state.ask.is_opening() {
                listing.step().await?;
            }
            listing.state.fit_to(listing.state.exists);
        }
        if !listing.state.asked.is_empty() {
            listing.state.ask(listing.imap)?;
        }
        Ok(listing)
    }

    /// Returns the next message. `None` after the last.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses to open the mailbox or to list it, and if the session ends.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Summary>, Error>> {
        R::task(self.next_or_end())
    }

    pub(crate) async fn next_or_end(&mut self) -> Result<Option<Summary>, Error> {
        loop {
            if let Some(untold) = &mut self.state.untold {
                let by_uid = self.state.by_uid;
                let unknown = |name| if by_uid { (name, 0) } else { (0, name) };
                return Ok(next_of(untold).map(unknown).map(|(uid, number)| Summary::unknown(uid, number)));
            }
            match self.step().await {
                Ok(Some(summary)) => return Ok(Some(summary)),
                Ok(None) => {}
                Err(error) => {
                    // A listing that failed has ended.
                    self.state.untold = Some(Vec::new());
                    return Err(error);
                }
            }
        }
    }

    /// Detaches the listing from the session, and remembers how far it was. [`Examined::listing`] continues it.
    #[must_use]
    pub fn detach(self) -> ListingState {
        self.state
    }

    /// Handles one event. Returns the message that it describes.
    async fn step(&mut self) -> Result<Option<Summary>, Error> {
        let (imap, state) = (&mut *self.imap, &mut self.state);
        if state.ask.is_over() {
            state.go_on(imap)?;
            return Ok(None);
        }
        match state.ask.event(imap).await? {
            Event::Data(frame) => {
                let octets = frame.octets().len();
                let told = state.take_in(imap, frame);
                if told.is_some() {
                    imap.asked(octets);
                }
                Ok(told)
            }
            Event::Done(completion) => {
                state.answered(imap, completion)?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

/// Lists the newest message of the mailbox that is open and holds this many, as a listing of all does.
#[cfg(feature = "doctor")]
pub(super) async fn newest<R: Runtime>(imap: &mut Authenticated<R>, exists: u32) -> Result<(), Error> {
    let mut state = ListingState::new(Ask::new(imap), Range::Last(1), exists);
    state.ask(imap)?;
    let mut listing = Listing { imap, state };
    while listing.next_or_end().await?.is_some() {}
    Ok(())
}

/// Iterates over the messages that [`Listing::next`] returns. Ends after the first failure.
impl Iterator for Listing<'_, Blocking> {
    type Item = Result<Summary, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Blocking::task(self.next_or_end()).transpose()
    }
}

impl ListingState {
    fn new(ask: Ask, range: Range, exists: u32) -> Self {
        let mut state = Self {
            ask,
            by_uid: matches!(range, Range::Uids(_)),
            asked: UidSet::new(),
            told: UidSet::new(),
            exists,
            left: Vec::new(),
            items: &Summary::ITEMS,
            read: Read::PLAIN,
            stopped: false,
            before: 0,
            untold: None,
        };
        state.asked = match range {
            Range::Uids(uids) => uids,
            Range::Last(0) => UidSet::new(),
            Range::All => UidSet::all(),
            // Only how many they are counts, until `fit_to` knows the number of messages.
            Range::Last(count) => UidSet::range(u32::MAX.saturating_sub(count).saturating_add(1), u32::MAX),
        };
        state.fit_to(exists);
        state
    }

    /// Cuts the numbers to ask for to the messages that there are.
    fn fit_to(&mut self, exists: u32) {
        let wanted = u32::try_from(self.asked.count()).unwrap_or(u32::MAX);
        if !self.by_uid && exists < u32::MAX {
            self.asked = if exists == 0 { UidSet::new() } else { UidSet::range(1, exists).highest(wanted) };
        }
    }

    fn ask<R: Runtime>(&mut self, imap: &mut Authenticated<R>) -> Result<(), Error> {
        self.left = if !self.by_uid && self.asked == UidSet::all() {
            // The number of messages is not known yet.
            vec![SequenceSet::all()]
        } else {
            self.asked.lines(SET_LINE).collect()
        };
        self.left.reverse();
        self.send(imap)
    }

    /// Sends the next command, if there is one.
    fn send<R: Runtime>(&mut self, imap: &mut Authenticated<R>) -> Result<(), Error> {
        let Some(set) = self.left.pop() else { return Ok(()) };
        let items = self.items.to_vec();
        let session = &mut imap.session;
        let fetch = if self.by_uid { session.uid_fetch(set, items) } else { session.fetch(set, items) };
        self.ask.give(fetch?);
        Ok(())
    }

    /// Continues when all is answered: asks again for what is missing, or reports it as incomplete.
    fn go_on<R: Runtime>(&mut self, imap: &mut Authenticated<R>) -> Result<(), Error> {
        if !self.by_uid && self.asked == UidSet::all() {
            self.fit_to(self.exists);
        }
        let missing = self.asked.difference(&self.told);
        // As long as that brings some, the rest is asked for again.
        let told = self.told.count();
        let is_stopped = mem::take(&mut self.stopped) && mem::replace(&mut self.before, told) < told;
        if missing.is_empty() || !is_stopped && self.items.len() == Summary::LITTLE.len() {
            if missing.count() > UNTOLD {
                return Err(Error::untold(missing.count()));
            }
            self.untold = Some(missing.ranges().rev().collect());
            return Ok(());
        }
        if !is_stopped {
            self.items = &Summary::LITTLE;
        }
        self.left = missing.lines(SET_LINE).collect();
        self.left.reverse();
        self.send(imap)
    }

    fn answered<R: Runtime>(
        &mut self,
        imap: &mut Authenticated<R>,
        completion: Completion,
    ) -> Result<(), Error> {
        let Some(completion) = self.ask.answered(imap, completion)? else { return Ok(()) };
        // An empty mailbox has no message `1:*`, and some servers answer BAD to that.
        let is_empty = self.exists == 0 && !self.by_uid;
        if !completion.is_ok() && !is_empty {
            self.left.clear();
            return Err(Error::fetch_refused(completion));
        }
        self.stopped |= completion.is_partial();
        self.send(imap)
    }

    fn take_in<R: Runtime>(&mut self, imap: &mut Authenticated<R>, frame: Frame) -> Option<Summary> {
        let frame = match (self.read.parse)(&frame) {
            // A listing parses nothing but what it shows, and the session lets pass what is no response at all.
            Ok(None) if !matches!(frame.octets().first(), Some(b'*' | b'[')) => {
                imap.note_odd(&frame, &"neither an answer nor data");
                return None;
            }
            Ok(_) => frame,
            Err(error) => {
                let cut = salvage(&frame);
                if cut.is_none() {
                    imap.note_odd(&frame, &error);
                }
                cut?
            }
        };
        match (self.read.parse)(&frame) {
            Ok(Some(Data::Exists(count))) => {
                self.exists = count;
                None
            }
            Ok(Some(Data::Expunge(number))) => {
                self.expunged(number);
                None
            }
            Ok(Some(Data::Fetch(fetch))) => self.row(&fetch),
            _ => None,
        }
    }

    /// Returns the message that a response describes, if it was asked for and did not come yet.
    fn row(&mut self, fetch: &Fetch<'_>) -> Option<Summary> {
        let mut found = match self.items.len() == Summary::LITTLE.len() {
            true => little(fetch.number, &fetch.items).or_else(|| summary(fetch.number, &fetch.items)),
            false => (self.read.summary)(fetch.number, &fetch.items),
        }?;
        // Without a UID it is of no use yet. The second question may bring that.
        if found.uid == 0 && self.items.len() != Summary::LITTLE.len() {
            return None;
        }
        let name = if self.by_uid { found.uid } else { found.number };
        if !self.asked.contains(name) || self.told.contains(name) {
            return None;
        }
        self.told.insert(name);
        found.incomplete |= found.uid == 0;
        Some(found)
    }

    /// Notes that the messages behind this one have other numbers now.
    fn expunged(&mut self, number: u32) {
        if self.by_uid || number == 0 || self.ask.is_opening() {
            return;
        }
        self.exists = self.exists.saturating_sub(1);
        let is_all = self.asked == UidSet::all();
        for set in [&mut self.asked, &mut self.told] {
            set.expunge(number);
        }
        if is_all {
            self.asked = UidSet::all();
        }
    }
}

/// Takes the next number off ranges that are in reverse order.
fn next_of(ranges: &mut Vec<(u32, u32)>) -> Option<u32> {
    let (first, last) = ranges.pop()?;
    if first < last {
        ranges.push((first.saturating_add(1), last));
    }
    Some(first)
}

/// The most messages that may exist without the server saying anything of them.
const UNTOLD: u64 = 10_000;

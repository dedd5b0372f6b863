use std::mem;

use mailbearer_imap::session::{Completion, Event};
use mailbearer_imap::{
    Capability, Code, Command, Data, FetchItem, Frame, Item, LiteralOf, Response, SequenceSet, UidSet,
};
use mailbearer_net::{Blocking, Runtime};
use mailbearer_wire::Octets;

use super::{
    Authenticated, Examined, OddLine, Summary,
    ask::Ask,
    mailbox::code_of,
    run::SET_LINE,
    summary::{salvage, summary},
};
use crate::Error;

/// Data that was fetched of messages, as it arrives.
pub struct Messages<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    state: MessagesState<'a>,
}

/// [`Messages`] that do not borrow their session.
#[derive(Debug)]
pub struct MessagesState<'a> {
    uids: UidSet,
    told: UidSet,
    /// The sets that are yet to be asked for, a command of moderate length each. The next one is the last.
    left: Vec<SequenceSet>,
    /// What the last command asked for, and how many messages had come before.
    asked: (UidSet, u64),
    items: Vec<FetchItem<'a>>,
    changed_since: Option<u64>,
    ask: Ask,
    large: Large,
}

impl MessagesState<'_> {
    /// Puts what the server left at its limit of messages in front of what is yet to be asked for. Returns false if the
    /// answer brought nothing further, because then the next would not either.
    fn ask_for_rest(&mut self, completion: &Completion) -> bool {
        let lowest = code_of(completion, |code| match code {
            Code::MessageLimit { lowest, .. } => lowest,
            _ => None,
        });
        let (asked, told) = &self.asked;
        let mut rest = asked.difference(&self.told);
        if let Some(lowest) = lowest {
            rest = rest.difference(&UidSet::range(lowest, u32::MAX));
        }
        let goes_on = self.told.count() > *told || rest.last() < asked.last();
        let mut lines: Vec<_> = rest.lines(SET_LINE).collect();
        lines.reverse();
        self.left.append(&mut lines);
        goes_on
    }
}

/// What is known of a literal that is arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Large {
    /// None is arriving.
    None,
    /// It is of something that was not asked for.
    Unasked,
    /// It may be of a message that was asked for. The rest of the response decides.
    Asked,
}

/// A step of [`Messages::next_piece`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessagePiece {
    /// A value of a message begins that is too large to be held. Its octets follow.
    Large(LiteralOf),
    /// The next octets of that value, up to 64 KiB.
    Octets(Octets),
    /// The data of a message. If one of its values came in pieces, that is empty in here.
    Message(Fetched),
    /// The pieces that came belong to no message that was asked for.
    Discard,
}

/// What one response says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    frame: Frame,
    number: u32,
    uid: u32,
    odd: Option<OddLine>,
}

/// Operations on messages. They mark a message as read only if an item asks for that and the mailbox is open for
/// changes.
impl<R: Runtime> Examined<'_, R> {
    /// Fetches these items of the messages with these UIDs.
    ///
    /// Values of more than 1 MiB come by [`Messages::next_piece`]. [`part`](Self::part) fetches a single body of any
    /// size.
    ///
    /// # Errors
    ///
    /// Fails for items that the protocol can't express. If the server refuses, [`Messages::next`] fails.
    pub fn messages<'a>(
        &'a mut self,
        uids: UidSet,
        items: Vec<FetchItem<'a>>,
    ) -> R::Task<'a, Result<Messages<'a, R>, Error>> {
        R::task(Messages::start(self, uids, items, None))
    }

    /// Does the same as [`messages`](Self::messages) for messages that changed since the mailbox had this MODSEQ (RFC
    /// 7162).
    ///
    /// # Errors
    ///
    /// Fails as [`messages`](Self::messages) does, and as [unsupported](Error::is_unsupported) without CONDSTORE.
    pub fn messages_changed_since<'a>(
        &'a mut self,
        uids: UidSet,
        items: Vec<FetchItem<'a>>,
        mod_seq: u64,
    ) -> R::Task<'a, Result<Messages<'a, R>, Error>> {
        R::task(async move {
            self.needs_mod_seq().await?;
            Messages::start(self, uids, items, Some(mod_seq)).await
        })
    }

    /// Continues messages that were [detached](Messages::detach). [`Messages::next`] fails if another command was sent
    /// since.
    pub fn resume_messages<'a>(&'a mut self, state: MessagesState<'a>) -> Messages<'a, R> {
        Messages { imap: self, state }
    }

    pub(super) async fn needs_mod_seq(&mut self) -> Result<(), Error> {
        if !self.offers(&Capability::QResync).await? {
            self.needs(&Capability::CondStore, "CONDSTORE").await?;
        }
        Ok(())
    }
}

impl<'a, R: Runtime> Messages<'a, R> {
    pub(super) async fn start(
        imap: &'a mut Authenticated<R>,
        uids: UidSet,
        items: Vec<FetchItem<'a>>,
        changed_since: Option<u64>,
    ) -> Result<Self, Error> {
        imap.begin().await?;
        let mut left: Vec<_> = uids.lines(SET_LINE).collect();
        left.reverse();
        let ask = Ask::new(imap);
        let (told, large) = (UidSet::new(), Large::None);
        let state =
            MessagesState { uids, told, left, asked: (UidSet::new(), 0), items, changed_since, ask, large };
        let mut messages = Self { imap, state };
        messages.ask()?;
        Ok(messages)
    }

    fn ask(&mut self) -> Result<(), Error> {
        let state = &mut self.state;
        let Some(set) = state.left.pop() else { return Ok(()) };
        state.asked = (UidSet::of(&set), state.told.count());
        let (items, changed_since) = (state.items.clone(), state.changed_since);
        let fetch = Command::Fetch { uid: true, set, items, changed_since, vanished: false };
        state.ask.give(self.imap.session.command(&fetch)?);
        Ok(())
    }

    /// Returns the data of the next message. `None` after the last.
    ///
    /// A message may come twice, because servers report changed flags whenever they like. No message comes that was not
    /// asked for.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends. Fails for a message with a value that is [too
    /// large](crate::Kind::TooLarge) to be held; the next call continues with the message after it.
    /// [`next_piece`](Self::next_piece) takes values of any size.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Fetched>, Error>> {
        R::task(self.advance())
    }

    /// Does the same as [`next`](Self::next), but values that are too large to be held come in pieces, before their
    /// message.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends. Pieces that came before are incomplete then.
    pub fn next_piece(&mut self) -> R::Task<'_, Result<Option<MessagePiece>, Error>> {
        R::task(self.advance_piece())
    }

    pub(super) async fn advance(&mut self) -> Result<Option<Fetched>, Error> {
        let mut is_cut = false;
        while let Some(piece) = self.advance_piece().await? {
            match piece {
                MessagePiece::Message(_) if is_cut => {
                    return Err(Error::too_large(self.imap.session.limits().literal_inline));
                }
                MessagePiece::Message(fetched) => return Ok(Some(fetched)),
                MessagePiece::Large(_) | MessagePiece::Octets(_) => is_cut = true,
                MessagePiece::Discard => is_cut = false,
            }
        }
        Ok(None)
    }

    async fn advance_piece(&mut self) -> Result<Option<MessagePiece>, Error> {
        while !self.state.ask.is_over() {
            match self.state.ask.event(self.imap).await? {
                Event::Data(frame) => {
                    let octets = frame.octets().len();
                    let large = mem::replace(&mut self.state.large, Large::None);
                    match self.take_in(frame) {
                        Some(fetched) => {
                            if !self.state.told.contains(fetched.uid) {
                                self.state.told.insert(fetched.uid);
                                self.imap.asked(octets);
                            }
                            return Ok(Some(MessagePiece::Message(fetched)));
                        }
                        None if large == Large::Asked => return Ok(Some(MessagePiece::Discard)),
                        None => {}
                    }
                }
                Event::LiteralStart { head, .. } => {
                    let (limits, quirks) = (self.imap.session.limits(), self.imap.session.quirks());
                    let of = LiteralOf::of(&head, limits, quirks).filter(|of| {
                        let (uids, told) = (&self.state.uids, &self.state.told);
                        of.uid.is_none_or(|uid| uids.contains(uid) && !told.contains(uid))
                    });
                    if let Some(of) = of {
                        self.state.large = Large::Asked;
                        return Ok(Some(MessagePiece::Large(of)));
                    }
                    if self.state.large == Large::None {
                        self.state.large = Large::Unasked;
                    }
                }
                Event::LiteralChunk(octets) if self.state.large == Large::Asked => {
                    self.imap.asked_piece(octets.len());
                    return Ok(Some(MessagePiece::Octets(octets)));
                }
                Event::Done(completion) => match self.state.ask.answered(self.imap, completion)? {
                    Some(completion) if !completion.is_ok() => return Err(Error::fetch_refused(completion)),
                    Some(completion) => {
                        if completion.is_partial() && !self.state.ask_for_rest(&completion) {
                            return Err(Error::fetch_refused(completion));
                        }
                        self.ask()?;
                    }
                    None => {}
                },
                _ => {}
            }
        }
        Ok(None)
    }

    /// As [`next`](Self::next), for iterators: the first error is the last item.
    pub(crate) async fn next_or_end(&mut self) -> Result<Option<Fetched>, Error> {
        let next = self.advance().await;
        if next.is_err() {
            self.state.ask.end();
        }
        next
    }

    /// Detaches the messages from the session, and remembers how far they were. [`Examined::resume_messages`] continues
    /// them.
    #[must_use]
    pub fn detach(self) -> MessagesState<'a> {
        self.state
    }

    /// Handles a response. Returns `None` if it is about no message that was asked for.
    fn take_in(&mut self, frame: Frame) -> Option<Fetched> {
        let (frame, odd) = match frame.response() {
            Ok(_) => (frame, None),
            Err(error) => {
                let cut = salvage(&frame);
                if cut.is_none() {
                    self.imap.note_odd(&frame, &error);
                }
                (cut?, Some(OddLine::of(&frame, &error, self.imap.session.redactor())))
            }
        };
        let fetched = Fetched::of(frame)?;
        self.state.uids.contains(fetched.uid).then_some(Fetched { odd, ..fetched })
    }
}

/// Iterates over the messages that [`Messages::next`] returns.
impl Iterator for Messages<'_, Blocking> {
    type Item = Result<Fetched, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Blocking::task(self.next_or_end()).transpose()
    }
}

impl Fetched {
    /// Reads a response. Returns `None` if it is no FETCH, or does not say which message it is about.
    fn of(frame: Frame) -> Option<Self> {
        let (number, uid) = match frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch))) => (fetch.number, fetch.uid().unwrap_or_default()),
            Ok(Response::Untagged(Data::UidFetch(fetch))) => (0, fetch.number),
            _ => (0, 0),
        };
        (uid > 0).then(|| Self { frame: frame.settle(), number, uid, odd: None })
    }

    /// Returns the UID of the message.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    /// Returns its number. 0 on a server that sends UIDs only (RFC 9586).
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Returns the response, if a part of it can't be read. [`items`](Self::items) are those that can.
    #[must_use]
    pub const fn odd(&self) -> Option<&OddLine> {
        self.odd.as_ref()
    }

    /// Returns its summary, if [`Summary::ITEMS`] were fetched. `None` without ENVELOPE.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        summary(self.number, &self.items()).map(|summary| Summary { uid: self.uid, ..summary })
    }

    /// Returns its data items. Each call parses them.
    #[must_use]
    pub fn items(&self) -> Vec<Item<'_>> {
        match self.frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch) | Data::UidFetch(fetch))) => fetch.items,
            _ => Vec::new(),
        }
    }
}

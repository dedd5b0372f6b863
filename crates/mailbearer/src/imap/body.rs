use mailbearer_imap::session::{Completion, Event};
use mailbearer_imap::{
    Capability, Data, FetchItem, Frame, Item, LiteralItem, LiteralOf, ParseError, Part, Partial, Response,
    Section, SectionOf, SequenceSet, Text,
};
use mailbearer_net::{Blocking, Runtime};
use mailbearer_wire::Octets;

use super::{Authenticated, Examined, ask::Ask, run::is_one_of};
use crate::Error;

/// A message that is arriving, or a part of one.
///
/// Everything that comes is compared with what was asked for: UID, section, offset and size. Answers about anything
/// else are ignored, and so is a second answer about the same.
pub struct Body<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    state: BodyState,
}

/// A [`Body`] that does not borrow its session.
#[derive(Debug)]
pub struct BodyState {
    mailbox: String,
    uid: u32,
    wanted: Wanted,
    ask: Ask,
    progress: Progress,
    /// Whether the literal that is arriving is about something else.
    skipping: bool,
    /// Octets that are still wanted.
    left: u64,
    /// A response that can't be parsed, and may be the one that was asked for.
    unread: Option<ParseError>,
}

/// What was asked for.
#[derive(Debug)]
pub(super) enum Wanted {
    Section(Section<'static>, Option<Partial>),
    Binary(Part<'static>, Option<Partial>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing of it has come.
    Awaited,
    /// The server says that it has no such data.
    Nil,
    /// A literal of it is arriving. The UID may follow the literal: until then `is_sure` is false.
    Coming { is_sure: bool },
    /// All of it has come.
    Whole,
}

impl<R: Runtime> Examined<'_, R> {
    /// Fetches a message in pieces, as it is on the server.
    ///
    /// # Errors
    ///
    /// Fails if the session ends. If there is no such message, [`Body::next`] fails.
    pub fn fetch(&mut self, uid: u32) -> R::Task<'_, Result<Body<'_, R>, Error>> {
        R::task(Body::of_open(self, uid, Wanted::Section(Section::WHOLE, None)))
    }

    /// Fetches a section of a message, or a range of one, in pieces, as it is on the server.
    ///
    /// # Errors
    ///
    /// Fails for a section that the protocol can't express. [`Body::next`] fails if there is no such message, or no
    /// such section of it.
    pub fn part<'a>(
        &'a mut self,
        uid: u32,
        section: Section<'_>,
        partial: Option<Partial>,
    ) -> R::Task<'a, Result<Body<'a, R>, Error>> {
        R::task(Body::of_open(self, uid, Wanted::Section(section.into_owned(), partial)))
    }

    /// Fetches a part of a message after the server removed its transfer encoding (RFC 3516).
    ///
    /// # Errors
    ///
    /// Fails as [`part`](Self::part) does, as [unsupported](Error::is_unsupported) without BINARY, and if the server
    /// does not know the part's encoding.
    pub fn binary_part<'a>(
        &'a mut self,
        uid: u32,
        part: Part<'_>,
        partial: Option<Partial>,
    ) -> R::Task<'a, Result<Body<'a, R>, Error>> {
        let part = part.into_owned();
        R::task(async move {
            if !self.offers(&Capability::Imap4Rev2).await? {
                self.needs(&Capability::Binary, "BINARY").await?;
            }
            Body::of_open(self, uid, Wanted::Binary(part, partial)).await
        })
    }

    /// Continues a body that was [detached](Body::detach). [`Body::next`] fails if another command was sent since.
    pub fn body(&mut self, state: BodyState) -> Body<'_, R> {
        Body { imap: self, state }
    }
}

impl<'a, R: Runtime> Body<'a, R> {
    /// Opens a mailbox and fetches a message of it in the same flight.
    pub(super) async fn opening(imap: &'a mut Authenticated<R>, name: &str, uid: u32) -> Result<Self, Error> {
        let ask = Ask::opening(imap, name).await?;
        Self::ask(imap, uid, ask, Wanted::Section(Section::WHOLE, None))
    }

    pub(super) async fn of_open(
        imap: &'a mut Authenticated<R>,
        uid: u32,
        wanted: Wanted,
    ) -> Result<Self, Error> {
        imap.begin().await?;
        let ask = Ask::new(imap);
        Self::ask(imap, uid, ask, wanted)
    }

    fn ask(imap: &'a mut Authenticated<R>, uid: u32, mut ask: Ask, wanted: Wanted) -> Result<Self, Error> {
        ask.give(imap.session.uid_fetch(SequenceSet::from(uid), vec![wanted.item()])?);
        let state = BodyState {
            mailbox: imap.open_name().to_owned(),
            uid,
            left: wanted.partial().map_or(u64::MAX, |partial| partial.count),
            wanted,
            ask,
            progress: Progress::Awaited,
            skipping: false,
            unread: None,
        };
        Ok(Self { imap, state })
    }

    /// Returns the next octets, up to 1 MiB at a time. `None` after the last.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses to open the mailbox, has no message with that UID
    /// ([`Kind::NotFound`](crate::Kind::NotFound)) or no such data in it ([`Kind::NoData`](crate::Kind::NoData)),
    /// answers with something else, or ends the session. What came before is incomplete then.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Octets>, Error>> {
        R::task(self.advance())
    }

    pub(super) async fn advance(&mut self) -> Result<Option<Octets>, Error> {
        while !self.state.ask.is_over() {
            match self.state.ask.event(self.imap).await? {
                Event::LiteralStart { head, .. } => {
                    let (limits, quirks) = (self.imap.session.limits(), self.imap.session.quirks());
                    self.state.literal(LiteralOf::of(&head, limits, quirks).as_ref());
                }
                Event::LiteralChunk(octets) if !self.state.skipping => {
                    self.imap.asked_piece(octets.len());
                    let wanted = self.state.cut(octets.len());
                    if wanted > 0 {
                        return Ok(Some(octets.part(0..wanted)));
                    }
                }
                Event::Data(frame) => {
                    let octets = frame.octets().len();
                    if let Some(octets) = self.state.response(frame)? {
                        self.imap.asked(octets.len());
                        return Ok(Some(octets));
                    }
                    if self.state.progress == Progress::Whole {
                        self.imap.asked(octets);
                    }
                }
                Event::Done(completion) => self.state.answered(self.imap, completion)?,
                _ => {}
            }
        }
        Ok(None)
    }

    /// As [`next`](Self::next), for iterators: the first error is the last item.
    pub(crate) async fn next_or_end(&mut self) -> Result<Option<Octets>, Error> {
        let next = self.advance().await;
        if next.is_err() {
            self.state.ask.end();
        }
        next
    }

    /// Detaches the body from the session, and remembers how far it was. [`Examined::body`] continues it.
    #[must_use]
    pub fn detach(self) -> BodyState {
        self.state
    }
}

/// Iterates over the octets that [`Body::next`] returns.
impl Iterator for Body<'_, Blocking> {
    type Item = Result<Octets, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Blocking::task(self.next_or_end()).transpose()
    }
}

impl BodyState {
    /// Notes that a literal begins that is too large to be held.
    fn literal(&mut self, of: Option<&LiteralOf>) {
        let is_it = matches!(self.progress, Progress::Awaited | Progress::Nil)
            && of.is_some_and(|of| of.uid.is_none_or(|uid| uid == self.uid) && self.wanted.is(&of.item));
        self.skipping = !is_it;
        if is_it {
            self.progress = Progress::Coming { is_sure: of.is_some_and(|of| of.uid.is_some()) };
        }
    }

    /// Returns how many of so many octets are still wanted.
    fn cut(&mut self, octets: usize) -> usize {
        let count = usize::try_from(self.left).map_or(octets, |left| left.min(octets));
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        count
    }

    /// Returns the octets that a response brings. Does not copy them if the response has them literally.
    fn response(&mut self, frame: Frame) -> Result<Option<Octets>, Error> {
        self.skipping = false;
        let (fetch, by_uid) = match frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch))) => (fetch, false),
            Ok(Response::Untagged(Data::UidFetch(fetch))) => (fetch, true),
            Ok(_) => return Ok(None),
            // All that was asked for came before the item that can't be read.
            Err(_) if matches!(self.progress, Progress::Coming { is_sure: true }) => {
                self.progress = Progress::Whole;
                return Ok(None);
            }
            Err(error) => {
                if is_one_of(&frame, &["FETCH", "UIDFETCH"]) {
                    self.unread.get_or_insert(error);
                }
                return Ok(None);
            }
        };
        let uid = if by_uid { Some(fetch.number) } else { fetch.uid() };
        let is_its = uid.is_none_or(|uid| uid == self.uid);
        if let Progress::Coming { .. } = self.progress {
            self.progress = Progress::Whole;
            return if is_its { Ok(None) } else { Err(Error::unexpected("the server sent another message")) };
        }
        if self.progress == Progress::Whole || !is_its {
            return Ok(None);
        }
        let Some(data) = fetch.items.iter().find_map(|item| self.wanted.data(item)) else { return Ok(None) };
        let Some(data) = data else {
            self.progress = Progress::Nil;
            return Ok(None);
        };
        // It is empty only because it was streamed.
        if frame.streamed_for(data).is_some() {
            return Ok(None);
        }
        self.progress = Progress::Whole;
        let count = self.cut(data.len());
        Ok(match frame.range_of(data) {
            Some(range) => {
                let end = range.start.saturating_add(count);
                Some(frame.into_part(range.start..end))
            }
            None => Some(Octets::from(data.get(..count).unwrap_or_default().to_vec())),
        })
    }

    fn answered<R: Runtime>(
        &mut self,
        imap: &mut Authenticated<R>,
        completion: Completion,
    ) -> Result<(), Error> {
        let Some(completion) = self.ask.answered(imap, completion)? else { return Ok(()) };
        if !completion.is_ok() {
            return Err(Error::fetch_refused(completion));
        }
        match (self.progress, self.unread.take()) {
            (Progress::Whole, _) => Ok(()),
            (_, Some(error)) => Err(Error::parse(error)),
            (Progress::Nil, None) => Err(Error::no_data(&self.mailbox, self.uid)),
            _ => Err(Error::not_found(&self.mailbox, self.uid)),
        }
    }
}

impl Wanted {
    fn item(&self) -> FetchItem<'static> {
        match self {
            Self::Section(section, partial) => {
                FetchItem::Section { section: section.clone(), partial: *partial, peek: true }
            }
            Self::Binary(part, partial) => {
                FetchItem::Binary { part: part.clone(), partial: *partial, peek: true }
            }
        }
    }

    const fn partial(&self) -> Option<Partial> {
        match self {
            Self::Section(_, partial) | Self::Binary(_, partial) => *partial,
        }
    }

    /// Whether a literal holds what was asked for.
    fn is(&self, item: &LiteralItem) -> bool {
        match item {
            LiteralItem::Body { section, origin } => self.is_section(section, *origin),
            LiteralItem::Binary { part, origin } => self.is_binary(part, *origin),
            LiteralItem::Rfc822 => self.is_section(&Section::WHOLE, None),
            LiteralItem::Rfc822Header => self.is_section(&Section::HEADER, None),
            LiteralItem::Rfc822Text => self.is_section(&Section::TEXT, None),
            _ => false,
        }
    }

    /// Returns the data of an item, if it is what was asked for. The inner `None` stands for NIL.
    fn data<'i, 'a>(&self, item: &'i Item<'a>) -> Option<Option<&'i Text<'a>>> {
        let (is_it, data) = match item {
            Item::Body { section, origin, data } => (self.is_section(section, *origin), data),
            Item::Binary { part, origin, data } => (self.is_binary(part, *origin), data),
            Item::Rfc822(data) => (self.is_section(&Section::WHOLE, None), data),
            Item::Rfc822Header(data) => (self.is_section(&Section::HEADER, None), data),
            Item::Rfc822Text(data) => (self.is_section(&Section::TEXT, None), data),
            _ => return None,
        };
        is_it.then_some(data.as_ref())
    }

    fn is_section(&self, section: &Section<'_>, origin: Option<u64>) -> bool {
        let Self::Section(own, _) = self else { return false };
        own.part == section.part && is_same(&own.of, &section.of) && self.starts_at(origin)
    }

    fn is_binary(&self, part: &Part<'_>, origin: Option<u64>) -> bool {
        matches!(self, Self::Binary(own, _) if own == part) && self.starts_at(origin)
    }

    /// Data without an offset starts at 0.
    fn starts_at(&self, origin: Option<u64>) -> bool {
        origin.unwrap_or_default() == self.partial().map_or(0, |partial| partial.offset)
    }
}

/// Servers list the fields in an order and case of their own.
fn is_same(own: &SectionOf<'_>, other: &SectionOf<'_>) -> bool {
    let all_in = |some: &[Text<'_>], others: &[Text<'_>]| {
        some.iter().all(|name| others.iter().any(|other| name.eq_ignore_ascii_case(other)))
    };
    match (own, other) {
        (SectionOf::Fields(own), SectionOf::Fields(other))
        | (SectionOf::FieldsNot(own), SectionOf::FieldsNot(other)) => {
            all_in(own, other) && all_in(other, own)
        }
        (own, other) => own == other,
    }
}

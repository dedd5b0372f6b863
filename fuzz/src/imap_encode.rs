//! No argument of a command adds or swallows one: what is written is one command, and a server reads the same.
//!
//! Unlike `imap_command` this also makes what no server can have read: strings with line ends and NUL, and flags and
//! words as other servers send them.

use arbitrary::{Arbitrary, Result, Unstructured};
use mailbearer_imap::{
    AppendData, AppendMessage, Atom, Capability, CatenatePart, Command, Data, Date, DateTime, Dialect,
    EntryScope, FetchItem, Flag, ListReturn, ListSelection, Literals, Mailbox, MetadataDepth, NotifyEvent,
    NotifyMailboxes, Param, Part, Partial, QResync, Response, SearchKey, SearchReturn, Section, SectionOf,
    Select, SequenceSet, SortCriterion, SortKey, StatusAttribute, StoreAction, Text, parse_response,
};

use crate::imap_command;

/// `data` makes a command and the dialect it is written in.
pub fn run(data: &[u8]) {
    let mut source = Unstructured::new(data);
    let mut dialect = Dialect::default();
    let Ok(knob) = u8::arbitrary(&mut source) else { return };
    dialect.utf8 = knob & 1 > 0;
    dialect.literals = [Literals::Synchronizing, Literals::Minus, Literals::Plus][usize::from(knob >> 1) % 3];
    let borrowed = source.bytes(source.len()).unwrap_or_default();
    // What came from a server lives in the first half.
    let (flags, rest) = borrowed.split_at(borrowed.len().min(12));
    let line = [b"* FLAGS (", flags, b")\r\n"].concat();
    let parsed = parse_response(&line, &Default::default(), &Default::default());
    let foreign: Vec<Flag<'_>> = match parsed {
        // A client repeats a word with a bracket to the server that made it up; ours is not such.
        Ok(Response::Untagged(Data::Flags(flags))) => {
            flags.iter().filter(|flag| !flag.to_string().contains(']')).collect()
        }
        _ => Vec::new(),
    };
    let mut maker = Maker { source: Unstructured::new(rest), foreign };
    if let Ok(command) = maker.command() {
        imap_command::check(&command, dialect);
    }
}

struct Maker<'a, 'f> {
    source: Unstructured<'a>,
    /// Flags that a server sent.
    foreign: Vec<Flag<'f>>,
}

impl<'f> Maker<'_, 'f> {
    fn pick<T: Clone>(&mut self, from: &[T]) -> Result<T> {
        self.source.choose(from).cloned()
    }

    fn any<T: for<'b> Arbitrary<'b>>(&mut self) -> Result<T> {
        self.source.arbitrary()
    }

    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.source.int_in_range(0..=3)?;
        (0..count).map(|_| element(self)).collect()
    }

    fn option<T>(&mut self, element: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.any()? { element(self).map(Some) } else { Ok(None) }
    }

    fn octets(&mut self) -> Result<Vec<u8>> {
        const HARD: &[&[u8]] = &[
            b"",
            b"NIL",
            b"{3}",
            b"{3+}",
            b"a{1}\r\n",
            b"a\r\nA2 LOGOUT\r\n",
            b"\"",
            b"\\",
            b"a b",
            b"a)",
            b"%",
            b"*",
            b"\0",
            b"\xc3\xa4",
            b"\xff",
            b"INBOX",
            b"\r",
            b"\n",
            b"$",
            b"ALL",
            b"~{1}",
            b"]",
            b"CATENATE",
            b"1",
        ];
        let knob: u8 = self.any()?;
        if let Some(hard) = HARD.get(usize::from(knob)) {
            return Ok(hard.to_vec());
        }
        if knob == 255 {
            return Ok(b"long ".repeat(250));
        }
        let count = self.source.int_in_range(0..=9)?;
        Ok(self.source.bytes(count)?.to_vec())
    }

    fn text(&mut self) -> Result<Text<'f>> {
        self.octets().map(Text::from)
    }

    fn mailbox(&mut self) -> Result<Mailbox<'f>> {
        let octets = self.octets()?;
        Mailbox::from_wire(octets).map_err(|_| arbitrary::Error::IncorrectFormat)
    }

    fn flag(&mut self) -> Result<Flag<'f>> {
        if !self.foreign.is_empty() && self.any()? {
            let foreign = self.foreign.clone();
            return self.pick(&foreign);
        }
        let known =
            [Flag::Seen, Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Draft, Flag::Recent, Flag::Any];
        self.pick(&known)
    }

    fn atom(&mut self) -> Result<Atom<'f>> {
        match self.flag()? {
            Flag::Keyword(atom) | Flag::System(atom) => Ok(atom),
            _ => Ok(Atom::new("UTF-8").unwrap()),
        }
    }

    fn set(&mut self) -> Result<SequenceSet> {
        match self.source.int_in_range(0..=4)? {
            0 => Ok(SequenceSet::all()),
            1 => Ok(SequenceSet::saved()),
            2 => Ok(SequenceSet::last()),
            3 => Ok(SequenceSet::range(self.any()?, self.any()?)),
            _ => {
                Ok(SequenceSet::from_numbers(self.list(Self::any::<u32>)?).unwrap_or_else(SequenceSet::saved))
            }
        }
    }

    fn date(&mut self) -> Result<Date> {
        let (year, month, day) =
            (self.any::<u16>()? % 10_000, self.any::<u8>()? % 13, self.any::<u8>()? % 32);
        Date::new(year, month, day).map_err(|_| arbitrary::Error::IncorrectFormat)
    }

    fn date_time(&mut self) -> Result<DateTime> {
        let date = self.date()?;
        let time = (self.any::<u8>()? % 24, self.any::<u8>()? % 60, self.any::<u8>()? % 61);
        DateTime::at(date, time, self.any::<i16>()? % 1000).map_err(|_| arbitrary::Error::IncorrectFormat)
    }

    fn command(&mut self) -> Result<Command<'f>> {
        let uid = self.any()?;
        Ok(match self.source.int_in_range(0..=36)? {
            0 => Command::Authenticate {
                mechanism: self.atom()?,
                initial: self.option(|m| m.octets())?.map(Into::into),
            },
            1 => Command::Login { user: self.text()?, password: self.octets()?.into() },
            2 => Command::Compress(self.atom()?),
            3 => Command::Id(self.list(|m| Ok(Param { name: m.text()?, value: m.option(Self::text)? }))?),
            4 => {
                let known = [Capability::CondStore, Capability::QResync];
                Command::Enable(self.list(|m| m.pick(&known))?)
            }
            5 => Command::Language(self.list(Self::text)?),
            6 => Command::Select(self.select()?),
            7 => Command::Examine(self.select()?),
            8 => Command::Create { mailbox: self.mailbox()?, special_uses: self.list(Self::flag)? },
            9 => Command::Delete(self.mailbox()?),
            10 => Command::Rename { from: self.mailbox()?, to: self.mailbox()? },
            11 => Command::Subscribe(self.mailbox()?),
            12 => Command::Unsubscribe(self.mailbox()?),
            13 => {
                let selection = [
                    ListSelection::Subscribed,
                    ListSelection::Remote,
                    ListSelection::RecursiveMatch,
                    ListSelection::SpecialUse,
                ];
                Command::List {
                    selection: self.list(|m| m.pick(&selection))?,
                    reference: self.mailbox()?,
                    patterns: self.list(Self::mailbox)?,
                    returns: self.list(Self::list_return)?,
                }
            }
            14 => Command::Lsub { reference: self.mailbox()?, pattern: self.mailbox()? },
            15 => Command::Status { mailbox: self.mailbox()?, attributes: self.list(Self::attribute)? },
            16 => Command::Append { mailbox: self.mailbox()?, messages: self.list(Self::message)? },
            17 => Command::Replace {
                uid,
                number: self.any()?,
                mailbox: self.mailbox()?,
                message: self.message()?,
            },
            18 => Command::Expunge(self.option(Self::set)?),
            19 => Command::Search {
                uid,
                returns: self.option(|m| m.list(Self::returned))?,
                charset: self.option(Self::atom)?,
                key: self.key(4)?,
            },
            20 => Command::Sort {
                uid,
                returns: self.option(|m| m.list(Self::returned))?,
                criteria: self.list(Self::criterion)?,
                charset: self.atom()?,
                key: self.key(4)?,
            },
            21 => Command::Thread { uid, algorithm: self.atom()?, charset: self.atom()?, key: self.key(4)? },
            22 => Command::Fetch {
                uid,
                set: self.set()?,
                items: self.list(Self::item)?,
                changed_since: self.any()?,
                vanished: self.any()?,
            },
            23 => {
                let action = self.pick(&[StoreAction::Replace, StoreAction::Add, StoreAction::Remove])?;
                Command::Store {
                    uid,
                    set: self.set()?,
                    unchanged_since: self.any()?,
                    action,
                    silent: self.any()?,
                    flags: self.list(Self::flag)?,
                }
            }
            24 => Command::Copy { uid, set: self.set()?, mailbox: self.mailbox()? },
            25 => Command::Move { uid, set: self.set()?, mailbox: self.mailbox()? },
            26 => Command::GetQuota(self.text()?),
            27 => {
                let limits = self.list(|m| Ok((m.atom()?, m.any()?)))?;
                Command::SetQuota { root: self.text()?, limits }
            }
            28 => {
                Command::SetAcl { mailbox: self.mailbox()?, identifier: self.text()?, rights: self.text()? }
            }
            29 => Command::DeleteAcl { mailbox: self.mailbox()?, identifier: self.text()? },
            30 => Command::ListRights { mailbox: self.mailbox()?, identifier: self.text()? },
            31 => {
                let depths = [MetadataDepth::Zero, MetadataDepth::One, MetadataDepth::Infinity];
                Command::GetMetadata {
                    mailbox: self.mailbox()?,
                    max_size: self.any()?,
                    depth: self.option(|m| m.pick(&depths))?,
                    entries: self.list(Self::text)?,
                }
            }
            32 => Command::SetMetadata {
                mailbox: self.mailbox()?,
                entries: self.list(|m| Ok((m.text()?, m.option(Self::text)?)))?,
            },
            33 => Command::Xlist { reference: self.mailbox()?, pattern: self.mailbox()? },
            34 => Command::FetchPartial {
                set: self.set()?,
                items: self.list(Self::item)?,
                range: (self.any()?, self.any()?),
            },
            35 => Command::StoreLabels {
                uid,
                set: self.set()?,
                action: self.pick(&[StoreAction::Replace, StoreAction::Add, StoreAction::Remove])?,
                silent: self.any()?,
                labels: self.list(Self::text)?,
            },
            _ => Command::Notify {
                status: self.any()?,
                groups: self.list(|m| Ok((m.mailboxes()?, m.list(Self::event)?)))?,
            },
        })
    }

    fn select(&mut self) -> Result<Select<'f>> {
        let qresync = self.option(|m| {
            let (validity, mod_seq) = (m.any()?, m.any()?);
            let (known, matching) = (m.option(Self::set)?, m.option(|m| Ok((m.set()?, m.set()?)))?);
            Ok(QResync { validity, mod_seq, known, matching })
        })?;
        let mut select = Select::new(self.mailbox()?).condstore(self.any()?);
        select.qresync = qresync;
        Ok(select)
    }

    fn attribute(&mut self) -> Result<StatusAttribute> {
        self.pick(&[StatusAttribute::Messages, StatusAttribute::HighestModSeq, StatusAttribute::MailboxId])
    }

    fn list_return(&mut self) -> Result<ListReturn> {
        match self.source.int_in_range(0..=3)? {
            0 => Ok(ListReturn::Subscribed),
            1 => Ok(ListReturn::Children),
            2 => Ok(ListReturn::SpecialUse),
            _ => self.list(Self::attribute).map(ListReturn::Status),
        }
    }

    fn message(&mut self) -> Result<AppendMessage<'f>> {
        let (flags, date) = (self.list(Self::flag)?, self.option(Self::date_time)?);
        let data = match self.source.int_in_range(0..=4)? {
            0 => AppendData::Octets(self.text()?),
            1 => AppendData::Binary(self.text()?),
            2 => AppendData::Stream(self.any::<u8>()?.into()),
            3 => AppendData::Utf8(self.text()?),
            _ => AppendData::Catenate(self.list(|m| {
                if m.any()? { m.text().map(CatenatePart::Text) } else { m.text().map(CatenatePart::Url) }
            })?),
        };
        let mut message = AppendMessage::new(data).flags(flags);
        message.date = date;
        Ok(message)
    }

    fn returned(&mut self) -> Result<SearchReturn> {
        use SearchReturn::{All, Count, Max, Min, Save};
        if self.any()? {
            return Ok(SearchReturn::Partial(self.any()?, self.any()?));
        }
        self.pick(&[Min, Max, All, Count, Save])
    }

    fn criterion(&mut self) -> Result<SortCriterion> {
        let keys = [SortKey::Arrival, SortKey::Cc, SortKey::Date, SortKey::From];
        Ok(SortCriterion { reverse: self.any()?, key: self.pick(&keys)? })
    }

    fn key(&mut self, depth: u8) -> Result<SearchKey<'f>> {
        let nested = depth.saturating_sub(1);
        Ok(match self.source.int_in_range(0..=if depth == 0 { 32 } else { 35 })? {
            0 => SearchKey::All,
            1 => SearchKey::Flag(self.flag()?),
            2 => SearchKey::NoFlag(self.flag()?),
            3 => SearchKey::New,
            4 => SearchKey::Sequence(self.set()?),
            5 => SearchKey::Uid(self.set()?),
            6 => SearchKey::Bcc(self.text()?),
            7 => SearchKey::Cc(self.text()?),
            8 => SearchKey::From(self.text()?),
            9 => SearchKey::To(self.text()?),
            10 => SearchKey::Subject(self.text()?),
            11 => SearchKey::Body(self.text()?),
            12 => SearchKey::Text(self.text()?),
            13 => SearchKey::Header { name: self.text()?, value: self.text()? },
            14 => SearchKey::Before(self.date()?),
            15 => SearchKey::On(self.date()?),
            16 => SearchKey::Since(self.date()?),
            17 => SearchKey::SentOn(self.date()?),
            18 => SearchKey::Larger(self.any()?),
            19 => SearchKey::Smaller(self.any()?),
            20 => SearchKey::Older(self.any()?),
            21 => SearchKey::Younger(self.any()?),
            22 => SearchKey::ModSeq(self.any()?),
            23 => SearchKey::EmailId(self.atom()?),
            24 => SearchKey::ThreadId(self.atom()?),
            25 => SearchKey::SavedBefore(self.date()?),
            26 => SearchKey::SavedSince(self.date()?),
            27 => SearchKey::SaveDateSupported,
            28 => SearchKey::GmailRaw(self.text()?),
            29 => SearchKey::GmailMessageId(self.any()?),
            30 => SearchKey::GmailThreadId(self.any()?),
            31 => SearchKey::GmailLabel(self.text()?),
            32 => {
                let scopes = [EntryScope::Private, EntryScope::Shared, EntryScope::All];
                SearchKey::ModSeqOf { entry: self.text()?, scope: self.pick(&scopes)?, mod_seq: self.any()? }
            }
            33 => match &mut *self.list(|m| m.key(nested))? {
                // A list of one is read as that one.
                [key] => std::mem::replace(key, SearchKey::All),
                keys => SearchKey::And(keys.to_vec()),
            },
            34 => SearchKey::Or(Box::new(self.key(nested)?), Box::new(self.key(nested)?)),
            _ => SearchKey::Not(Box::new(self.key(nested)?)),
        })
    }

    fn part(&mut self) -> Result<Part<'static>> {
        self.list(Self::any::<u32>).map(|numbers| Part::new(&numbers))
    }

    fn partial(&mut self) -> Result<Option<Partial>> {
        self.option(|m| Ok(Partial { offset: m.any()?, count: m.any()? }))
    }

    fn item(&mut self) -> Result<FetchItem<'f>> {
        Ok(match self.source.int_in_range(0..=6)? {
            0 => {
                let of = match self.source.int_in_range(0..=5)? {
                    0 => SectionOf::Whole,
                    1 => SectionOf::Header,
                    2 => SectionOf::Text,
                    3 => SectionOf::Mime,
                    4 => SectionOf::Fields(self.list(Self::text)?),
                    _ => SectionOf::FieldsNot(self.list(Self::text)?),
                };
                let section = Section { part: self.part()?, of };
                FetchItem::Section { section, partial: self.partial()?, peek: self.any()? }
            }
            1 => FetchItem::Binary { part: self.part()?, partial: self.partial()?, peek: self.any()? },
            2 => FetchItem::BinarySize(self.part()?),
            3 => FetchItem::Preview { lazy: self.any()? },
            4 => FetchItem::Envelope,
            5 => FetchItem::BodyStructure,
            _ => FetchItem::GmailLabels,
        })
    }

    fn mailboxes(&mut self) -> Result<NotifyMailboxes<'f>> {
        Ok(match self.source.int_in_range(0..=4)? {
            0 => NotifyMailboxes::Selected,
            1 => NotifyMailboxes::SelectedDelayed,
            2 => NotifyMailboxes::Personal,
            3 => NotifyMailboxes::Subtree(self.list(Self::mailbox)?),
            _ => NotifyMailboxes::Mailboxes(self.list(Self::mailbox)?),
        })
    }

    fn event(&mut self) -> Result<NotifyEvent<'f>> {
        Ok(match self.source.int_in_range(0..=2)? {
            0 => NotifyEvent::MessageNew(self.list(Self::item)?),
            1 => NotifyEvent::MessageExpunge,
            _ => NotifyEvent::FlagChange,
        })
    }
}

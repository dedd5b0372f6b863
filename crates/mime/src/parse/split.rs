//! Takes a message apart line by line, and knows nothing of where the octets are kept.

use alloc::string::String;
use alloc::vec::Vec;

use super::part::is_message;
use super::unnamed::{Lines, UnnamedText};
use super::{Defect, DefectKind, Kind, Limits};
use crate::ascii::{is_wsp, tail};
use crate::decode::{
    AddressOrGroup, Charset, ContentType, DisplayAddress, Disposition, TransferEncoding, Zone, address_list,
    date_time_and_zone,
};
use crate::headers::BYTE_ORDER_MARK;
use crate::line_end::LineEnd;

/// A boundary or the name of a field is looked for in so many octets of a line.
pub(crate) const MAX_LOOK: usize = 1_000;

/// Is called with what the lines of a message are.
pub(super) trait Sink {
    /// A part begins with its header section.
    fn begin(&mut self, index: usize, parent: Option<usize>, offset: u64);
    /// The part that began last begins here instead: only empty parts were in between.
    fn begin_again(&mut self, _index: usize, _offset: u64) {}
    /// A line of that section, its end included.
    fn header(&mut self, index: usize, piece: &[u8]);
    /// The header section is over, and the body begins.
    fn head(&mut self, index: usize, head: Fields, offset: u64);
    /// A piece of the body of a part that is no multipart and no message. `ends` tells how many of its last octets are
    /// a line end, which may belong to a boundary.
    fn body(&mut self, index: usize, piece: &[u8], ends: usize);
    /// The body is over. A multipart or message ends after its parts.
    fn end(&mut self, index: usize, offset: u64);
    /// Something is wrong.
    fn defect(&mut self, defect: Defect);
}

/// What the header section of a part says of its body.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) kind: Kind,
    pub(super) content_type: ContentType,
    pub(super) disposition: Option<Disposition>,
    pub(super) encoding: TransferEncoding,
    pub(super) content_id: Option<String>,
    /// Whether the section has octets whose charset it may not name, so that the rest of the message tells.
    pub(super) is_raw: bool,
}

/// Where in a message the next octet stands, and what is open there.
pub(super) struct Splitter {
    limits: Limits,
    /// What is open around the current part, outermost first.
    levels: Vec<Level>,
    state: State,
    /// Index of the current part.
    part: usize,
    count: usize,
    /// Where the part that began last began.
    begun: u64,
    defects: usize,
    /// Octets from the start of the message.
    offset: u64,
    /// The line end before the next octet, which a boundary would take.
    line_end: u64,
    /// Where the current line began.
    line: u64,
    /// What ends the lines.
    ends: LineEnd,
    raw: RawFields,
    /// The current part, if it is a text that names no charset, or one that is looked at.
    unnamed: Option<UnnamedText>,
}

struct Level {
    part: usize,
    kind: LevelKind,
}

impl Level {
    /// Whether a line of dashes and `text` is a boundary of it.
    fn is_at(&self, text: &[u8]) -> bool {
        matches!(&self.kind, LevelKind::Multipart { boundary, .. } if at_boundary(text, boundary).is_some())
    }
}

/// Whether a line of dashes and `text` closes the multipart. `None` if the boundary is not on it.
fn at_boundary(text: &[u8], boundary: &[u8]) -> Option<bool> {
    let after = text.strip_prefix(boundary).filter(|_| !boundary.is_empty())?;
    let closes = after.starts_with(b"--");
    (closes || after.iter().copied().all(is_wsp)).then_some(closes)
}

enum LevelKind {
    Multipart { boundary: Vec<u8>, digest: bool, seen: bool, closed: bool },
    Message,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a header section. Names the field of the current line, if its value is kept.
    Header { field: Option<Field>, first: bool },
    /// In the body of a part.
    Body,
    /// Before the first and after the last part of a multipart.
    Around,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Type,
    Encoding,
    Disposition,
    Id,
    Date,
    /// One with addresses.
    People,
}

/// The undecoded values of those fields that are needed.
#[derive(Default)]
struct RawFields {
    kind: Option<Vec<u8>>,
    encoding: Option<Vec<u8>>,
    disposition: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    date: Option<Vec<u8>>,
    /// Those of all fields with addresses, as one list.
    people: Option<Vec<u8>>,
    octets: usize,
    count: usize,
    cut: bool,
    /// Those of the current field.
    lines: Lines,
    /// Whether a field did not look like UTF-8.
    is_unnamed: bool,
}

impl RawFields {
    /// Whether more of the value has to follow.
    fn is_open(&self, field: Field) -> bool {
        let value = match field {
            Field::Type => &self.kind,
            Field::Disposition => &self.disposition,
            _ => &None,
        };
        value.as_ref().is_some_and(|value| value.trim_ascii_end().ends_with(b";"))
    }

    fn slot(&mut self, field: Field) -> &mut Option<Vec<u8>> {
        match field {
            Field::Type => &mut self.kind,
            Field::Encoding => &mut self.encoding,
            Field::Disposition => &mut self.disposition,
            Field::Id => &mut self.id,
            Field::Date => &mut self.date,
            Field::People => &mut self.people,
        }
    }
}

impl Splitter {
    pub(super) fn new(limits: Limits, ends: LineEnd, sink: &mut impl Sink) -> Self {
        sink.begin(0, None, 0);
        Self {
            limits,
            levels: Vec::new(),
            state: State::Header { field: None, first: true },
            part: 0,
            count: 1,
            begun: 0,
            defects: 0,
            offset: 0,
            line_end: 0,
            line: 0,
            ends,
            raw: RawFields::default(),
            unnamed: None,
        }
    }

    /// What ends the lines, where it is known only now.
    pub(super) const fn set_line_end(&mut self, ends: LineEnd) {
        self.ends = ends;
    }

    /// Takes the next octets: a line with its end, or a piece of one that is too long to be held. `starts` tells that
    /// a line begins here; such a piece has at least [`MAX_LOOK`] octets or is a whole line.
    pub(super) fn piece(&mut self, mut piece: &[u8], starts: bool, sink: &mut impl Sink) {
        if self.offset == 0
            && let Some(rest) = piece.strip_prefix(BYTE_ORDER_MARK)
        {
            self.advance(BYTE_ORDER_MARK);
            piece = rest;
        }
        if starts {
            self.line = self.offset;
        }
        self.look(piece, starts, sink);
        self.advance(piece);
        self.line_end = self.offset.saturating_sub(u64::try_from(self.ends.len(piece)).unwrap_or_default());
    }

    fn look(&mut self, piece: &[u8], starts: bool, sink: &mut impl Sink) {
        if !(starts && self.is_boundary(piece, sink)) {
            match self.state {
                State::Header { field, first } => self.header(piece, starts, field, first, sink),
                State::Body => {
                    if let Some(text) = &mut self.unnamed {
                        text.take(piece, self.line);
                    }
                    sink.body(self.part, piece, self.ends.len(piece));
                }
                State::Around => {}
            }
        }
    }

    /// The message is over.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        let offset = self.offset;
        // All that a message of one header section lacks is a body, as `BODY[HEADER]` and its like do.
        self.cut_header(self.part > 0, offset, sink);
        self.close_to(0, offset, sink);
    }

    /// Ends a header section that has no end.
    fn cut_header(&mut self, told: bool, offset: u64, sink: &mut impl Sink) {
        let mut told = told;
        while let State::Header { .. } = self.state {
            self.end_of_field(sink);
            if told {
                self.defect(DefectKind::HeaderCutOff, sink);
            }
            told = false;
            self.end_of_header(offset, sink);
        }
    }

    fn advance(&mut self, piece: &[u8]) {
        self.offset = self.behind(piece);
    }

    /// Offset of what follows `piece`.
    fn behind(&self, piece: &[u8]) -> u64 {
        self.offset.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX))
    }

    fn header(
        &mut self,
        piece: &[u8],
        starts: bool,
        field: Option<Field>,
        first: bool,
        sink: &mut impl Sink,
    ) {
        let line = self.without_end(piece);
        if starts && !line.first().copied().is_some_and(is_wsp) {
            self.end_of_field(sink);
        }
        if starts && line.is_empty() {
            sink.header(self.part, piece);
            self.end_of_header(self.behind(piece), sink);
            return;
        }
        let (mut field, mut is_first) = (field, false);
        let mut value = line;
        // Nothing can go on before the first field: white space in front of it means nothing.
        let begins = if first { line.trim_ascii_start() } else { line };
        if starts && !begins.first().copied().is_some_and(is_wsp) {
            // The piece may be all that is here of the line: what is behind that decides nothing.
            match field_of(begins).filter(|(_, after)| line.len().saturating_sub(after.len()) <= MAX_LOOK) {
                Some((name, after)) => {
                    field = kept(name);
                    value = after;
                    self.raw.count = self.raw.count.saturating_add(1);
                    match field.map(|field| (field, self.raw.slot(field))) {
                        Some((Field::People, Some(list))) => list.push(b','),
                        // Of two fields of one name the first counts.
                        Some((_, Some(_))) => field = None,
                        Some((_, slot)) => *slot = Some(Vec::new()),
                        None => {}
                    }
                }
                // The line of an mbox.
                None if first && (line.starts_with(b"From ") || line.starts_with(b">From ")) => {
                    // Each system that passed it on wrote one.
                    (field, is_first) = (None, true);
                }
                // `Content-Type: a/b;` and then a parameter at the start of the line: a fold that lost its space.
                None if field.is_some_and(|field| self.raw.is_open(field)) => {
                    self.defect(DefectKind::BrokenFold, sink);
                }
                None if !first && line.starts_with(b":") => {
                    field = None;
                    self.defect(DefectKind::NoFieldName, sink);
                }
                None => {
                    self.defect(DefectKind::NoEmptyLine, sink);
                    self.end_of_header(self.offset, sink);
                    // It is a line of the body then, or of the header section of the message that is the body.
                    return self.look(piece, starts, sink);
                }
            }
        }
        let limits = &self.limits.headers;
        self.raw.octets = self.raw.octets.saturating_add(piece.len());
        if self.raw.octets > limits.header_octets || self.raw.count > limits.headers {
            if !self.raw.cut {
                self.raw.cut = true;
                self.end_of_field(sink);
                self.defect(DefectKind::HeaderTooLong, sink);
            }
        } else {
            sink.header(self.part, piece);
            if !self.raw.is_unnamed {
                self.raw.lines.take(piece, self.line);
            }
            if let Some(value_so_far) = field.and_then(|field| self.raw.slot(field).as_mut()) {
                if !value_so_far.is_empty() && starts {
                    value_so_far.extend_from_slice(b"\r\n");
                }
                value_so_far.extend_from_slice(value);
            }
        }
        self.state = State::Header { field, first: is_first };
    }

    /// Reports the first field whose charset is not named.
    fn end_of_field(&mut self, sink: &mut impl Sink) {
        let found = core::mem::take(&mut self.raw.lines).found();
        if let Some(line) = found.filter(|_| !self.raw.is_unnamed) {
            self.raw.is_unnamed = true;
            self.defect_at(line, DefectKind::UnnamedCharset, sink);
        }
    }

    /// Reads the fields that were kept, and opens what they say. The body begins at `offset`.
    fn end_of_header(&mut self, offset: u64, sink: &mut impl Sink) {
        let raw = core::mem::take(&mut self.raw);
        let limits = &self.limits.headers;
        let has_escape = |value: &Option<Vec<u8>>| {
            value.as_ref().is_some_and(|value| memchr::memchr(0x1B, value).is_some())
        };
        let is_raw = raw.is_unnamed || has_escape(&raw.kind) || has_escape(&raw.disposition);
        let in_digest =
            matches!(self.levels.last(), Some(Level { kind: LevelKind::Multipart { digest: true, .. }, .. }));
        let content_type = match &raw.kind {
            Some(value) => ContentType::parse_with(value, limits),
            None if in_digest => ContentType::parse(b"message/rfc822"),
            None => ContentType::parse(b""),
        };
        let disposition = raw.disposition.as_deref().map(|value| Disposition::parse_with(value, limits));
        let encoding = raw.encoding.as_deref().map(TransferEncoding::parse).unwrap_or_default();
        let content_id = raw.id.as_deref().and_then(content_id);
        // A part that is no message has no date that means anything.
        if self.levels.last().is_none_or(|level| matches!(level.kind, LevelKind::Message))
            && let Some(date) = &raw.date
        {
            match date_time_and_zone(date) {
                Ok((_, Zone::Known)) => {}
                Ok(_) => self.defect(DefectKind::UnknownZone, sink),
                Err(_) => self.defect(DefectKind::UnreadableDate, sink),
            }
        }
        // Whoever can't be written to in ASCII is seen when he is written to.
        if self.levels.last().is_none_or(|level| matches!(level.kind, LevelKind::Message))
            && raw.people.as_ref().is_some_and(|people| !people.is_ascii() && names_nobody(people))
        {
            self.defect(DefectKind::UnusableAddress, sink);
        }
        let essence = content_type.essence.as_str();
        let attached = is_message(essence);
        let mut kind = if essence.starts_with("multipart/") {
            Kind::Multipart
        } else if attached && matches!(encoding, TransferEncoding::Identity | TransferEncoding::Unknown) {
            Kind::Message
        } else {
            Kind::Leaf
        };
        let must_not_be = attached && kind == Kind::Leaf && essence != "message/global"
            || kind == Kind::Multipart && encoding != TransferEncoding::Identity;
        if must_not_be {
            self.defect(DefectKind::EncodedContainer, sink);
        } else if encoding == TransferEncoding::Unknown {
            self.defect(DefectKind::UnknownEncoding, sink);
        }
        let charset = content_type.charset().map(Charset::for_label);
        if charset == Some(None) {
            self.defect(DefectKind::UnknownCharset, sink);
        }
        if kind != Kind::Leaf && self.levels.len() >= self.limits.depth {
            self.defect(DefectKind::TooDeep, sink);
            kind = Kind::Leaf;
        } else if kind == Kind::Message && self.count >= self.limits.parts {
            self.defect(DefectKind::TooManyParts, sink);
            kind = Kind::Leaf;
        }
        let boundary =
            content_type.parameters.get("boundary").unwrap_or_default().trim_end().as_bytes().to_vec();
        let digest = essence == "multipart/digest";
        let unnamed = essence.starts_with("text/").then(|| charset.unwrap_or(Some(Charset::Guess))).flatten();
        let unnamed = match unnamed {
            // US-ASCII names none to octets outside it.
            Some(Charset::Guess) => Some(false),
            Some(Charset::Utf8) => {
                let is_plain = matches!(encoding, TransferEncoding::Identity | TransferEncoding::Unknown);
                (is_plain || self.limits.encoded_texts).then_some(true)
            }
            _ => None,
        };
        let is_html = essence == "text/html";
        let unnamed = unnamed.map(|is_utf8| UnnamedText::new(encoding, is_html, is_utf8));
        let part = self.part;
        sink.head(part, Fields { kind, content_type, disposition, encoding, content_id, is_raw }, offset);
        self.line_end = offset;
        match kind {
            Kind::Leaf => {
                self.unnamed = unnamed;
                self.state = State::Body;
            }
            Kind::Multipart => {
                if boundary.is_empty() {
                    self.defect(DefectKind::NoBoundary, sink);
                }
                let kind = LevelKind::Multipart { boundary, digest, seen: false, closed: false };
                self.levels.push(Level { part, kind });
                self.state = State::Around;
            }
            Kind::Message => {
                self.levels.push(Level { part, kind: LevelKind::Message });
                self.begin(Some(part), offset, sink);
            }
        }
    }

    fn begin(&mut self, parent: Option<usize>, offset: u64, sink: &mut impl Sink) {
        self.part = self.count;
        self.count = self.count.saturating_add(1);
        self.state = State::Header { field: None, first: true };
        self.begun = offset;
        sink.begin(self.part, parent, offset);
    }

    /// Whether a line is a boundary of an open multipart. If so, ends the parts before it and begins the next one.
    fn is_boundary(&mut self, piece: &[u8], sink: &mut impl Sink) -> bool {
        if !piece.starts_with(b"--") {
            return false;
        }
        let line = self.without_end(piece);
        let Some(text) = line.strip_prefix(b"--") else { return false };
        if line.len() > MAX_LOOK || self.levels.is_empty() {
            return false;
        }
        // The boundary of a multipart around it is none of its own.
        let guesses =
            matches!(self.state, State::Around) && !self.levels.iter().any(|level| level.is_at(text));
        let mut found = None;
        for (place, level) in self.levels.iter_mut().enumerate().rev() {
            let LevelKind::Multipart { boundary, seen, closed, .. } = &mut level.kind else { continue };
            if boundary.is_empty() && guesses && !*seen {
                let guess = text.trim_ascii_end();
                if guess.len() > 2 && !guess.iter().any(|&byte| is_wsp(byte)) {
                    *boundary = guess.to_vec();
                }
            }
            if let Some(closes) = at_boundary(text, boundary) {
                // One behind the close is text around, or one of a multipart around it whose boundary is the same.
                if *closed {
                    continue;
                }
                *seen = true;
                found = Some((place, closes));
                break;
            }
        }
        let Some((place, closes)) = found else { return false };
        // Of two boundaries with nothing between them one is too many.
        let is_new = self.begun == self.offset && matches!(self.state, State::Header { first: true, .. });
        if !closes && is_new && self.part > 0 && place.saturating_add(1) == self.levels.len() {
            self.begun = self.behind(piece);
            sink.begin_again(self.part, self.begun);
            return true;
        }
        if !closes && self.count >= self.limits.parts {
            self.defect(DefectKind::TooManyParts, sink);
            return false;
        }
        // The line end in front belongs to the boundary.
        let end = self.line_end;
        self.cut_header(true, end, sink);
        self.close_to(place.saturating_add(1), end, sink);
        let Some(level) = self.levels.last_mut() else { return true };
        let parent = level.part;
        if closes {
            if let LevelKind::Multipart { closed, .. } = &mut level.kind {
                *closed = true;
            }
            self.part = parent;
            self.state = State::Around;
        } else {
            self.begin(Some(parent), self.behind(piece), sink);
        }
        true
    }

    /// Ends the current part, and everything open that is deeper than `depth` levels.
    fn close_to(&mut self, depth: usize, offset: u64, sink: &mut impl Sink) {
        if self.state == State::Body {
            if let Some((line, kind)) = self.unnamed.take().and_then(UnnamedText::found) {
                self.defect_at(line, kind, sink);
            }
            sink.end(self.part, offset);
        }
        self.state = State::Around;
        while self.levels.len() > depth {
            let Some(level) = self.levels.pop() else { return };
            self.part = level.part;
            if let LevelKind::Multipart { seen, closed, .. } = level.kind {
                if !seen {
                    self.defect(DefectKind::BoundaryNotFound, sink);
                } else if !closed {
                    self.defect(DefectKind::NotClosed, sink);
                }
            }
            sink.end(level.part, offset);
        }
    }

    fn without_end<'p>(&self, piece: &'p [u8]) -> &'p [u8] {
        piece.get(..piece.len().saturating_sub(self.ends.len(piece))).unwrap_or_default()
    }

    fn defect(&mut self, kind: DefectKind, sink: &mut impl Sink) {
        self.defect_at(self.offset, kind, sink);
    }

    fn defect_at(&mut self, offset: u64, kind: DefectKind, sink: &mut impl Sink) {
        if self.defects < self.limits.defects {
            self.defects = self.defects.saturating_add(1);
            sink.defect(Defect { kind, offset, part: self.part });
        }
    }
}

/// The name of the field that begins on this line, and what follows its colon.
pub(crate) fn field_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line
        .iter()
        .take(MAX_LOOK)
        .position(|&byte| byte == b':' || !(byte.is_ascii_graphic() || is_wsp(byte)))?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    let valid = value.first() == Some(&b':') && !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    valid.then(|| (name, tail(value, 1)))
}

fn kept(name: &[u8]) -> Option<Field> {
    match name.len() {
        2 if name.eq_ignore_ascii_case(b"to") || name.eq_ignore_ascii_case(b"cc") => {
            return Some(Field::People);
        }
        4 if name.eq_ignore_ascii_case(b"date") => return Some(Field::Date),
        4 if name.eq_ignore_ascii_case(b"from") => return Some(Field::People),
        8 if name.eq_ignore_ascii_case(b"reply-to") => return Some(Field::People),
        _ => {}
    }
    let kind = name.get(..8).filter(|prefix| prefix.eq_ignore_ascii_case(b"content-")).and(name.get(8..))?;
    let is = |known: &[u8]| kind.eq_ignore_ascii_case(known);
    if is(b"type") {
        Some(Field::Type)
    } else if is(b"transfer-encoding") {
        Some(Field::Encoding)
    } else if is(b"disposition") {
        Some(Field::Disposition)
    } else if is(b"id") {
        Some(Field::Id)
    } else {
        None
    }
}

/// Whether one of these addresses is outside ASCII and can't be sent to.
fn names_nobody(list: &[u8]) -> bool {
    let is_bad = |mailbox: &DisplayAddress| {
        !mailbox.address.is_ascii() && crate::Address::new(&mailbox.address).is_err()
    };
    address_list(list).iter().any(|entry| match entry {
        AddressOrGroup::Address(mailbox) => is_bad(mailbox),
        AddressOrGroup::Group { members, .. } => members.iter().any(is_bad),
    })
}

/// What is between the brackets of a `Content-ID`.
fn content_id(value: &[u8]) -> Option<String> {
    let id = value.trim_ascii();
    let id = id.strip_prefix(b"<").unwrap_or(id);
    let id = id.strip_suffix(b">").unwrap_or(id);
    str::from_utf8(id).ok().filter(|id| !id.is_empty()).map(Into::into)
}

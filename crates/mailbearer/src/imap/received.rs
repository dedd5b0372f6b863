use std::{collections::BTreeMap, io, iter};

use mailbearer_imap::{FetchItem, Item, Part as Number, Section, SectionOf, UidSet};
use mailbearer_mime::{
    decode::{Decoder, TransferEncoding},
    parse::{self, Piece, Role},
};
use mailbearer_net::Runtime;

use super::{Authenticated, Body, Examined, Fetched, Messages, Outline, body::Wanted};
use crate::{Error, Part};

/// A message in an open mailbox. Only what the program asks for crosses the network.
///
/// ```no_run
/// # use mailbearer::blocking::Examined;
/// # fn job(mut inbox: Examined<'_>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut message = inbox.message(4711)?; // what the server tells of it, in one flight
/// let text = message.text()?;
/// println!("{}\n\n{text}", message.outline().summary.subject);
/// let invoice = message.outline().attachments().find(|part| part.media_type == "application/pdf").cloned();
/// if let Some(invoice) = invoice {
///     message.content(&invoice)?.copy_to(&mut std::fs::File::create_new("invoice.pdf")?)?; // however large
/// }
/// # Ok(()) }
/// ```
pub struct Received<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    outline: Outline,
}

/// A part of a message that is arriving, without its transfer encoding.
pub struct Content<'a, R: Runtime> {
    body: Body<'a, R>,
    /// `None` after the last piece.
    decoder: Option<Decoder>,
}

impl<R: Runtime> Examined<'_, R> {
    /// Asks what is in a message: a summary of its header, and its parts, but no content.
    ///
    /// # Errors
    ///
    /// Fails if there is no such message ([`Kind::NotFound`](crate::Kind::NotFound)), and if the session ends. If the
    /// structure can't be read, the message has no parts: its texts come with the whole message, and
    /// [`fetch`](Self::fetch) gives all of it.
    pub fn message(&mut self, uid: u32) -> R::Task<'_, Result<Received<'_, R>, Error>> {
        R::task(async move {
            let mut messages = Messages::start(self, uid.into(), Outline::ITEMS.to_vec(), None).await?;
            let mut outline = None;
            while let Some(fetched) = messages.advance().await? {
                outline = fetched.outline().or(outline);
            }
            let outline = outline.ok_or_else(|| Error::not_found(self.open_name(), uid))?;
            Ok(Received { imap: self, outline })
        })
    }
}

/// The text of one of many messages, as [`Examined::texts`] returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageText {
    /// What the server said of the message.
    pub outline: Outline,
    /// Its text, as [`Received::text`] returns it.
    pub text: String,
}

impl<R: Runtime> Examined<'_, R> {
    /// Returns the texts of many messages, in the order in which the server reports them. A message that does not exist
    /// is left out.
    ///
    /// One command asks what is in the messages, and one more for all that have the same structure: two for a mailbox
    /// of plain messages. Up to 16 MiB are held at once ([`limit_answers`](Authenticated::limit_answers)), so ask for
    /// some hundred messages at a time.
    ///
    /// # Errors
    ///
    /// Fails with [`Kind::TooLarge`](crate::Kind::TooLarge) above that limit, if the server refuses, and if the session
    /// ends.
    pub fn texts(&mut self, uids: UidSet) -> R::Task<'_, Result<Vec<MessageText>, Error>> {
        R::task(async move {
            let mut outlines = Vec::new();
            let mut messages = Messages::start(self, uids, Outline::ITEMS.to_vec(), None).await?;
            while let Some(fetched) = messages.advance().await? {
                outlines.extend(fetched.outline());
            }
            let inline = self.session.limits().literal_inline;
            let is_small = |part: &Part| part.octets.is_some_and(|octets| octets <= inline);
            let mut alike: BTreeMap<Vec<Vec<u32>>, UidSet> = BTreeMap::new();
            for outline in &outlines {
                let parts: Vec<&Part> = outline.text_parts().filter(|part| part.is_text()).collect();
                if parts.iter().all(|part| is_small(part)) {
                    let numbers = parts.iter().map(|part| part.number.clone()).collect();
                    alike.entry(numbers).or_default().insert(outline.summary.uid);
                }
            }
            let limit = self.answer_limit;
            let mut left = limit;
            let mut found = BTreeMap::new();
            for (numbers, uids) in alike.into_iter().filter(|(numbers, _)| !numbers.is_empty()) {
                let sections =
                    numbers.iter().map(|number| Section { part: Number::new(number), of: SectionOf::Whole });
                let sections: Vec<_> = sections.collect();
                let mut messages = Messages::start(self, uids, asked(&sections), None).await?;
                while let Some(fetched) = messages.advance().await? {
                    let octets = told(&fetched, &sections);
                    let len = octets.iter().flatten().map(Vec::len).fold(0, usize::saturating_add);
                    left = left.checked_sub(len).ok_or_else(|| too_large(limit))?;
                    found.insert(fetched.uid(), octets);
                }
            }
            let mut texts = Vec::with_capacity(outlines.len());
            for outline in outlines {
                let octets = found.remove(&outline.summary.uid).unwrap_or_default();
                let parts = outline.text_parts().filter(|part| part.is_text());
                let whole: Option<Vec<(&Part, Vec<u8>)>> = parts
                    .zip(octets.into_iter().chain(iter::repeat(None)))
                    .map(|(part, octets)| Some((part, octets?)))
                    .collect();
                // Large texts, and those that the server left out, are fetched one by one.
                let text = match whole {
                    Some(whole) if holds_something(&outline) => {
                        joined(whole.iter().map(|(part, octets)| (*part, octets.as_slice())))
                    }
                    _ => Received { imap: self, outline: outline.clone() }.text_of_parts(&mut left).await?.0,
                };
                let text = Received { imap: self, outline: outline.clone() }.or_html(text, &mut left).await?;
                texts.push(MessageText { outline, text });
            }
            Ok(texts)
        })
    }
}

/// Returns the items to fetch of messages whose text is in these sections.
fn asked(sections: &[Section<'static>]) -> Vec<FetchItem<'static>> {
    let item = |section: &Section<'static>| FetchItem::Section {
        section: section.clone(),
        partial: None,
        peek: true,
    };
    [FetchItem::Uid].into_iter().chain(sections.iter().map(item)).collect()
}

/// Returns the octets of each section, if they came.
fn told(fetched: &Fetched, sections: &[Section<'static>]) -> Vec<Option<Vec<u8>>> {
    let mut found: Vec<Option<Vec<u8>>> = vec![None; sections.len()];
    for item in fetched.items() {
        let Item::Body { section, data: Some(data), .. } = item else { continue };
        let place = sections.iter().position(|wanted| wanted.part == section.part);
        if let Some(slot @ None) = place.and_then(|place| found.get_mut(place)) {
            *slot = Some(data.to_vec());
        }
    }
    found
}

/// Whether a part has octets. Without, the server could not make out the structure, or no boundary where one should be; or
/// the message is empty.
fn holds_something(outline: &Outline) -> bool {
    outline.parts.iter().any(|part| part.octets.is_some_and(|octets| octets > 0))
}

/// Joins the texts of parts.
fn joined<'p>(parts: impl Iterator<Item = (&'p Part, &'p [u8])>) -> String {
    let mut text = String::new();
    for (part, octets) in parts {
        let whole = part.as_message(octets);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&parse::Message::parse(&whole).text());
    }
    text
}

/// Returns the files that `uuencode` put into the text of a message.
fn files_in(message: &parse::Message<'_>) -> Vec<Piece<'static>> {
    let pieces = message.text_body().flat_map(parse::Part::pieces);
    let file = |piece| match piece {
        Piece::File { name, octets } => Some(Piece::File { name, octets }),
        _ => None,
    };
    pieces.filter_map(file).collect()
}

impl<R: Runtime> Received<'_, R> {
    /// Returns what the server said of it.
    #[must_use]
    pub const fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Returns its text for people. Joins the paragraphs of `format=flowed`, turns HTML into text if there is no plain
    /// form or a blank one, and leaves out files that `uuencode` put into the text
    /// ([`text_and_files`](Self::text_and_files)). Empty if it has none.
    ///
    /// Fetches the parts of the text with one command, or the whole message if no part that the server told of
    /// holds anything. Up to 16 MiB are held
    /// ([`limit_answers`](Authenticated::limit_answers)).
    ///
    /// # Errors
    ///
    /// Fails with [`Kind::TooLarge`](crate::Kind::TooLarge) above that limit, and as [`Body::next`] does.
    pub fn text(&mut self) -> R::Task<'_, Result<String, Error>> {
        R::task(async move { Ok(self.read().await?.0) })
    }

    /// Returns its text, and the files that `uuencode` put into it, each a [`Piece::File`]. No structure tells of these.
    ///
    /// # Errors
    ///
    /// Fails as [`text`](Self::text) does.
    pub fn text_and_files(&mut self) -> R::Task<'_, Result<(String, Vec<Piece<'static>>), Error>> {
        R::task(self.read())
    }

    async fn read(&mut self) -> Result<(String, Vec<Piece<'static>>), Error> {
        let mut left = self.imap.answer_limit;
        let (text, files) = self.text_of_parts(&mut left).await?;
        Ok((self.or_html(text, &mut left).await?, files))
    }

    /// Returns `text`, or the text of the HTML if the plain form is blank, as some mailers leave it.
    async fn or_html(&mut self, text: String, left: &mut usize) -> Result<String, Error> {
        let is_other = |part: &&Part| {
            part.media_type == "text/html" && self.outline.text_parts().all(|one| one.number != part.number)
        };
        let parts: Vec<Part> = match text.trim().is_empty() {
            true => self.outline.html_parts().filter(is_other).cloned().collect(),
            false => Vec::new(),
        };
        let octets = self.octets_of(&parts, left).await?;
        let html = joined(parts.iter().zip(octets.iter().map(Vec::as_slice)));
        Ok(if html.trim().is_empty() { text } else { html })
    }

    async fn text_of_parts(&mut self, left: &mut usize) -> Result<(String, Vec<Piece<'static>>), Error> {
        if !holds_something(&self.outline) {
            let whole = self.collect(Section::WHOLE, left).await?;
            let message = parse::Message::parse(&whole);
            return Ok((message.text(), files_in(&message)));
        }
        let parts: Vec<Part> = self.outline.text_parts().filter(|part| part.is_text()).cloned().collect();
        let octets = self.octets_of(&parts, left).await?;
        let files = parts.iter().zip(&octets).flat_map(|(part, octets)| {
            let whole = part.as_message(octets);
            files_in(&parse::Message::parse(&whole))
        });
        Ok((joined(parts.iter().zip(octets.iter().map(Vec::as_slice))), files.collect()))
    }

    /// Returns its HTML, which is as hostile as its sender. `None` if it has none. Fetches the parts of the HTML as
    /// [`text`](Self::text) does.
    ///
    /// # Errors
    ///
    /// Fails as [`text`](Self::text) does.
    pub fn html(&mut self) -> R::Task<'_, Result<Option<String>, Error>> {
        R::task(async move {
            let is_html = |part: &&Part| part.media_type == "text/html";
            let parts: Vec<Part> = self.outline.html_parts().filter(is_html).cloned().collect();
            let mut html = None;
            let mut left = self.imap.answer_limit;
            if !holds_something(&self.outline) {
                let whole = self.collect(Section::WHOLE, &mut left).await?;
                return Ok(parse::Message::parse(&whole).html());
            }
            for (part, octets) in parts.iter().zip(self.octets_of(&parts, &mut left).await?) {
                let whole = part.as_message(&octets);
                let text = parse::Message::parse(&whole).html().unwrap_or_default();
                html.get_or_insert_with(String::new).push_str(&text);
            }
            Ok(html)
        })
    }

    /// Returns its header section as it is.
    ///
    /// # Errors
    ///
    /// Fails as [`text`](Self::text) does.
    pub fn header(&mut self) -> R::Task<'_, Result<Vec<u8>, Error>> {
        R::task(async move {
            let mut left = self.imap.answer_limit;
            self.collect(Section::HEADER, &mut left).await
        })
    }

    /// Fetches a part of it in pieces, without its transfer encoding: an attachment of any size.
    ///
    /// # Errors
    ///
    /// Fails with [`Kind::NoData`](crate::Kind::NoData) for a part that no number names, such as a multipart, and for
    /// one whose encoding is not known. Fails if the session ends.
    pub fn content(&mut self, part: &Part) -> R::Task<'_, Result<Content<'_, R>, Error>> {
        let encoding = TransferEncoding::parse(part.encoding.as_bytes());
        let section = part.section().filter(|_| encoding != TransferEncoding::Unknown);
        let uid = self.outline.summary.uid;
        R::task(async move {
            let section = section.ok_or_else(|| Error::no_data(self.imap.open_name(), uid))?;
            let body = Body::of_open(self.imap, uid, Wanted::Section(section, None)).await?;
            Ok(Content { body, decoder: Some(encoding.decoder()) })
        })
    }

    /// Returns the octets of parts before decoding.
    async fn octets_of(&mut self, parts: &[Part], left: &mut usize) -> Result<Vec<Vec<u8>>, Error> {
        let sections: Vec<_> = parts.iter().map(|part| part.section().unwrap_or_default()).collect();
        let inline = self.imap.session.limits().literal_inline;
        let are_small = parts.iter().all(|part| part.octets.is_some_and(|octets| octets <= inline));
        let mut all = Vec::with_capacity(sections.len());
        if sections.len() > 1 && are_small {
            all = self.together(&sections, left).await?;
        }
        // A single part, large ones, and those that the server left out.
        for section in sections.into_iter().skip(all.len()) {
            all.push(self.collect(section, left).await?);
        }
        Ok(all)
    }

    /// Fetches sections with one command. Returns those up to the first that did not come.
    async fn together(
        &mut self,
        sections: &[Section<'static>],
        left: &mut usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let (uid, limit) = (self.outline.summary.uid, self.imap.answer_limit);
        let mut found: Vec<Option<Vec<u8>>> = Vec::new();
        let mut messages = Messages::start(self.imap, uid.into(), asked(sections), None).await?;
        while let Some(fetched) = messages.advance().await? {
            found = told(&fetched, sections);
        }
        let found: Vec<Vec<u8>> = found.into_iter().map_while(|octets| octets).collect();
        let len = found.iter().map(Vec::len).fold(0, usize::saturating_add);
        *left = left.checked_sub(len).ok_or_else(|| too_large(limit))?;
        Ok(found)
    }

    async fn collect(&mut self, section: Section<'static>, left: &mut usize) -> Result<Vec<u8>, Error> {
        let (uid, limit) = (self.outline.summary.uid, self.imap.answer_limit);
        let mut body = Body::of_open(self.imap, uid, Wanted::Section(section, None)).await?;
        let mut octets = Vec::new();
        while let Some(piece) = body.advance().await? {
            *left = left.checked_sub(piece.len()).ok_or_else(|| too_large(limit))?;
            octets.extend_from_slice(&piece);
        }
        Ok(octets)
    }
}

fn too_large(limit: usize) -> Error {
    Error::too_large(u64::try_from(limit).unwrap_or(u64::MAX))
}

impl<R: Runtime> Content<'_, R> {
    /// Returns the next octets, which are never empty. `None` after the last.
    ///
    /// # Errors
    ///
    /// Fails as [`Body::next`] does.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Vec<u8>>, Error>> {
        R::task(self.piece())
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while let Some(decoder) = &mut self.decoder {
            let mut decoded = Vec::new();
            match self.body.advance().await? {
                Some(octets) => decoder.decode(&octets, &mut decoded),
                None => {
                    decoder.finish(&mut decoded);
                    self.decoder = None;
                }
            }
            if !decoded.is_empty() {
                return Ok(Some(decoded));
            }
        }
        Ok(None)
    }

    /// Writes the whole part. Returns how many octets it has.
    ///
    /// # Errors
    ///
    /// Fails if the writer fails, and as [`next`](Self::next) does: the [`Error`] is the source of this error then.
    pub fn copy_to<'t, W: io::Write + Send>(mut self, to: &'t mut W) -> R::Task<'t, io::Result<u64>>
    where
        Self: 't,
    {
        R::task(async move {
            let mut written = 0_u64;
            while let Some(octets) = self.piece().await.map_err(io::Error::other)? {
                to.write_all(&octets)?;
                written = written.saturating_add(u64::try_from(octets.len()).unwrap_or(u64::MAX));
            }
            Ok(written)
        })
    }
}

impl Part {
    /// Returns whether it is text of any kind.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.media_type.starts_with("text/")
    }

    /// Returns what it is for, if it is more than text, a picture or a file.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        let mut field = [b"Content-Type: ", self.content_type.as_slice()].concat();
        if let Some(name) =
            self.name.as_deref().filter(|name| name.is_ascii() && !name.contains(char::is_control))
        {
            let name: String = name.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
            // This name counts for more than one that the type has.
            field.extend_from_slice(b"\r\nContent-Disposition: x; filename=\"");
            field.extend_from_slice(name.as_bytes());
            field.push(b'"');
        }
        field.extend_from_slice(b"\r\n\r\n");
        parse::Message::parse(&field).parts().first()?.role()
    }

    /// Returns the section to fetch. `None` for a part without a number.
    fn section(&self) -> Option<Section<'static>> {
        let part = Number::new(&self.number);
        (!self.number.is_empty()).then_some(Section { part, of: SectionOf::Whole })
    }

    /// Makes a message of this part alone, for the parser that knows everything that can be wrong with one.
    fn as_message(&self, body: &[u8]) -> Vec<u8> {
        // No disposition, which would make a file of it.
        let encoding: String = self.encoding.chars().filter(|c| !c.is_control()).collect();
        [
            b"Content-Type: ",
            self.content_type.as_slice(),
            b"\r\nContent-Transfer-Encoding: ",
            encoding.as_bytes(),
            b"\r\n\r\n",
            body,
        ]
        .concat()
    }
}

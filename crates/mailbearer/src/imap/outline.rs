use mailbearer_imap::{FetchItem, Item};
use mailbearer_mime::parse::{Bodies, PartInfo, Role};

use super::{Fetched, Summary, summary::summary};
use crate::Part;

/// What a server says of a message without sending it: a summary of its header, its parts, and which of these are its
/// text.
///
/// [`Examined::message`](crate::Examined::message) returns that of one message. One command fetches those of many:
///
/// ```no_run
/// # use mailbearer::{Outline, UidSet, blocking::Examined};
/// # fn job(mut inbox: Examined<'_>, uids: UidSet) -> Result<(), mailbearer::Error> {
/// for message in inbox.messages(uids, Outline::ITEMS.to_vec())? {
///     let Some(outline) = message?.outline() else { continue };
///     let names: Vec<_> = outline.attachments().filter_map(|part| part.name.as_deref()).collect();
///     println!("{}: {names:?}", outline.summary.subject);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outline {
    /// A summary of its header.
    pub summary: Summary,
    /// Its parts, each before those in it. Empty if the server sent no structure, or one that can't be read.
    pub parts: Vec<Part>,
    bodies: Bodies,
}

impl Outline {
    /// The items to fetch for an outline.
    pub const ITEMS: [FetchItem<'static>; 6] = [
        FetchItem::Uid,
        FetchItem::Flags,
        FetchItem::InternalDate,
        FetchItem::Size,
        FetchItem::Envelope,
        FetchItem::BodyStructure,
    ];

    pub(super) fn of(summary: Summary, items: &[Item<'_>]) -> Self {
        let parts = Part::all(items).unwrap_or_default();
        let bodies = bodies(&parts);
        Self { summary, parts, bodies }
    }

    /// Iterates over the parts to show, one after the other, to a reader who prefers plain text (RFC 8621 section
    /// 4.1.4). HTML and pictures are among them if they have no plain form.
    pub fn text_parts(&self) -> impl Iterator<Item = &Part> {
        self.chosen(&self.bodies.text)
    }

    /// Iterates over the parts to show to a reader who prefers HTML. Plain text is among them if it has no HTML form.
    pub fn html_parts(&self) -> impl Iterator<Item = &Part> {
        self.chosen(&self.bodies.html)
    }

    /// Iterates over the attached parts: texts with a name, and everything else but pictures, sounds and videos that stand among
    /// the texts.
    pub fn attachments(&self) -> impl Iterator<Item = &Part> {
        self.chosen(&self.bodies.attachments)
    }

    /// Iterates over the parts to save as files: the [`attachments`](Self::attachments), and the pictures, sounds and videos that
    /// stand among the texts, as a phone sends its photos.
    pub fn files(&self) -> impl Iterator<Item = &Part> {
        let places = self.bodies.files(&infos(&self.parts));
        places.into_iter().filter_map(|place| self.parts.get(place))
    }

    /// Returns the part to which an HTML text refers by `cid:…`. `id` is without the `cid:`.
    #[must_use]
    pub fn by_content_id(&self, id: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.content_id.as_deref() == Some(id))
    }

    fn chosen<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a Part> {
        places.iter().filter_map(|place| self.parts.get(*place))
    }
}

impl Fetched {
    /// Returns the outline, if [`Outline::ITEMS`] were fetched. `None` without ENVELOPE.
    #[must_use]
    pub fn outline(&self) -> Option<Outline> {
        let items = self.items();
        let summary = summary(self.number(), &items)?;
        Some(Outline::of(Summary { uid: self.uid(), ..summary }, &items))
    }
}

/// Sorts parts that are in the order of [`Part::all`]. Leaves out those of a stray structure.
fn bodies(parts: &[Part]) -> Bodies {
    let (root, of_message) = of_message(parts);
    let mut bodies = Bodies::choose(&infos(of_message));
    for list in [&mut bodies.text, &mut bodies.html, &mut bodies.attachments] {
        list.iter_mut().for_each(|place| *place = place.saturating_add(root));
    }
    bodies
}

/// Returns the parts of the message itself, and where they begin: a stray structure may stand in front of them.
fn of_message(parts: &[Part]) -> (usize, &[Part]) {
    let root = parts.iter().rposition(|part| part.depth == 0).unwrap_or_default();
    (root, parts.get(root..).unwrap_or_default())
}

fn infos(parts: &[Part]) -> Vec<PartInfo<'_>> {
    // Indexes of the multiparts that are open, by depth.
    let mut open: Vec<usize> = Vec::new();
    parts
        .iter()
        .enumerate()
        .map(|(place, part)| {
            open.truncate(part.depth);
            let parent = open.last().copied();
            open.push(place);
            PartInfo {
                parent,
                media_type: &part.media_type,
                is_attachment: part.disposition.as_deref() == Some("attachment"),
                has_name: part.name.is_some(),
            }
        })
        .collect()
}

/// Whether a message has files for its reader to save (`hasAttachment` of RFC 8621 section 4.1.4).
fn has_files(parts: &[Part]) -> bool {
    let (_, parts) = of_message(parts);
    let infos = infos(parts);
    let is_file = |place: &usize| match (parts.get(*place), infos.get(*place)) {
        (Some(part), Some(info)) => {
            let parent = info.parent.and_then(|parent| parts.get(parent));
            !is_shown_in_text(part, parent)
        }
        _ => false,
    };
    Bodies::choose(&infos).attachments.iter().any(is_file)
}

/// Whether a part is a picture or the like that stands in the text, another form of the text, as AMP, or the signature of
/// the message. Outlook and others leave out the disposition of pictures that HTML refers to by `cid:…`. A document stays a
/// file: Apple Mail calls each one `inline`.
fn is_shown_in_text(part: &Part, parent: Option<&Part>) -> bool {
    let is_in = |multipart: &str| parent.is_some_and(|parent| parent.media_type == multipart);
    if is_in("multipart/signed") && part.role() == Some(Role::Signature) {
        return true;
    }
    let is_media = ["image/", "audio/", "video/"].iter().any(|kind| part.media_type.starts_with(kind));
    match part.disposition.as_deref() {
        Some("attachment") => false,
        Some("inline") if is_media => true,
        _ if is_media => is_in("multipart/related") && part.content_id.is_some(),
        _ => part.media_type.starts_with("text/") && part.name.is_none() && is_in("multipart/alternative"),
    }
}

/// Returns the summary of a message whose structure was fetched too.
pub(super) fn with_attachments(number: u32, items: &[Item<'_>]) -> Option<Summary> {
    let mut summary = summary(number, items)?;
    summary.has_attachments = Part::all(items).map(|parts| has_files(&parts));
    Some(summary)
}

#[cfg(test)]
mod tests {
    use mailbearer_imap::{Data, Frame, Response};

    use super::*;

    #[test]
    fn bodies_are_chosen_by_the_structure() {
        let part = |kind: &str, more: &str| format!("({kind} {more} NIL NIL \"7bit\" 9 1 NIL NIL)");
        let text = part("\"text\" \"plain\"", "(\"charset\" \"utf-8\")");
        let named = part("\"text\" \"plain\"", "(\"name\" \"a.txt\")");
        let html = part("\"text\" \"html\"", "NIL");
        let pdf = "(\"application\" \"pdf\" (\"name\" \"a.pdf\") \"<1@x>\" NIL \"base64\" 99 NIL (\"attachment\" NIL))";
        let envelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
        let inner = format!(
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 500 {envelope} ({text}{html} \"mixed\") 9)"
        );
        type Numbers = &'static [&'static [u32]];
        let rows: &[(String, Numbers, Numbers, Numbers)] = &[
            (text.clone(), &[&[1]], &[&[1]], &[]),
            (format!("({text}{pdf} \"mixed\")"), &[&[1]], &[&[1]], &[&[2]]),
            (format!("({text}{named} \"mixed\")"), &[&[1]], &[&[1]], &[&[2]]),
            (
                format!("(({text}{html} \"alternative\"){pdf}{inner} \"mixed\")"),
                &[&[1, 1]],
                &[&[1, 2]],
                &[&[2], &[3]],
            ),
            // A stray structure in front of the message's own.
            (format!("{pdf}({html}{pdf} \"mixed\")"), &[&[1]], &[&[1]], &[&[2]]),
        ];
        for (structure, want_text, want_html, attachments) in rows {
            let line = format!("* 1 FETCH (UID 7 ENVELOPE {envelope} BODYSTRUCTURE {structure})\r\n");
            let frame = Frame::from(line.into_bytes());
            let Ok(Response::Untagged(Data::Fetch(fetch))) = frame.response() else { panic!("{structure}") };
            let outline = Outline::of(Summary::default(), &fetch.items);
            let numbers =
                |parts: Vec<&Part>| parts.iter().map(|part| part.number.clone()).collect::<Vec<_>>();
            assert_eq!(numbers(outline.text_parts().collect()), *want_text, "{structure}");
            assert_eq!(numbers(outline.html_parts().collect()), *want_html, "{structure}");
            assert_eq!(numbers(outline.attachments().collect()), *attachments, "{structure}");
            let summary = with_attachments(1, &fetch.items).unwrap();
            assert_eq!(summary.has_attachments, Some(!attachments.is_empty()), "{structure}");
            assert_eq!(outline.by_content_id("1@x").is_some(), structure.contains("1@x"));
            assert_eq!(outline.by_content_id("2@x"), None);
        }
    }

    #[test]
    fn pictures_among_the_texts_are_files() {
        let text = "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 9 1)";
        let photo = "(\"image\" \"jpeg\" (\"name\" \"p\") NIL NIL \"base64\" 9 NIL (\"inline\" NIL))";
        let pdf = "(\"application\" \"pdf\" NIL NIL NIL \"base64\" 99 NIL NIL)";
        let rows: &[(String, &[&[u32]], usize)] = &[
            (photo.into(), &[&[1]], 0),
            (format!("({text}{photo}{pdf}{text} \"mixed\")"), &[&[2], &[3]], 1),
            (format!("{pdf}({photo}{text} \"mixed\")"), &[&[1]], 0),
            (text.into(), &[], 0),
        ];
        let envelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
        for (structure, want, attached) in rows {
            let line = format!("* 1 FETCH (ENVELOPE {envelope} BODYSTRUCTURE {structure})\r\n");
            let frame = Frame::from(line.into_bytes());
            let Ok(Response::Untagged(Data::Fetch(fetch))) = frame.response() else { panic!("{structure}") };
            let outline = Outline::of(Summary::default(), &fetch.items);
            let files: Vec<_> = outline.files().map(|part| part.number.clone()).collect();
            assert_eq!(files, *want, "{structure}");
            assert_eq!(outline.attachments().count(), *attached, "{structure}");
        }
    }

    #[test]
    fn what_stands_in_a_text_is_no_file() {
        let text = "(\"text\" \"html\" NIL NIL NIL \"7bit\" 9 1)";
        let file = |kind: &str, id: &str, disposition: &str| {
            format!("({kind} (\"name\" \"p\") {id} NIL \"base64\" 9 NIL {disposition})")
        };
        let signature = "\"application\" \"pkcs7-signature\"";
        let (image, pdf) = ("\"image\" \"png\"", "\"application\" \"pdf\"");
        let octets = "\"application\" \"octet-stream\"";
        let (id, inline, attachment) = ("\"<1@x>\"", "(\"inline\" NIL)", "(\"attachment\" NIL)");
        let rows = [
            ("related", file(image, id, "NIL"), false),
            ("related", file(image, "NIL", inline), false),
            ("related", file(image, "NIL", "NIL"), true),
            ("related", file(image, id, attachment), true),
            ("related", file(pdf, id, "NIL"), true),
            ("mixed", file(pdf, "NIL", inline), true),
            ("mixed", file(image, id, inline), false),
            ("mixed", file(image, id, attachment), true),
            ("mixed", file(pdf, id, "NIL"), true),
            ("alternative", "(\"text\" \"x-amp-html\" NIL NIL NIL \"7bit\" 9 1)".into(), false),
            ("mixed", "(\"text\" \"x-amp-html\" NIL NIL NIL \"7bit\" 9 1)".into(), true),
            (
                "alternative",
                file("\"text\" \"calendar\"", "NIL", "NIL").replace(" NIL NIL)", " 1 NIL NIL)"),
                true,
            ),
            ("alternative", file(pdf, "NIL", "NIL"), true),
            ("signed", file(signature, "NIL", attachment), false),
            // Its name says so, wherever it stands.
            ("signed", file(octets, "NIL", "(\"attachment\" (\"filename\" \"smime.p7s\"))"), false),
            ("signed", file(octets, "NIL", attachment), true),
            ("signed", file(pdf, "NIL", attachment), true),
            ("mixed", file(signature, "NIL", attachment), true),
        ];
        for (multipart, file, want) in rows {
            // A stray structure in front changes nothing.
            for stray in ["", text] {
                let structure = format!("{stray}({text}{file} \"{multipart}\")");
                let envelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
                let line = format!("* 1 FETCH (ENVELOPE {envelope} BODYSTRUCTURE {structure})\r\n");
                let frame = Frame::from(line.into_bytes());
                let Ok(Response::Untagged(Data::Fetch(fetch))) = frame.response() else {
                    panic!("{structure}")
                };
                let summary = with_attachments(1, &fetch.items).unwrap();
                assert_eq!(summary.has_attachments, Some(want), "{structure}");
            }
        }
    }
}

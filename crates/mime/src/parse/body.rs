//! Which parts are the text of a message, and which are attached to it (RFC 8621 section 4.1.4).

use alloc::vec::Vec;

use super::{Kind, Message, Part, Parts};

/// What [`Bodies::choose`] has to know of a part. A BODYSTRUCTURE tells as much, so that the bodies of a message can be
/// chosen before it is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what RFC 8621 section 4.1.4 asks of a part")]
pub struct PartInfo<'a> {
    /// Place of the part around this one, among all parts. `None` for the message itself.
    pub parent: Option<usize>,
    /// `type/subtype` in lower case.
    pub media_type: &'a str,
    /// Whether its disposition is `attachment`.
    pub is_attachment: bool,
    /// Whether it has a file name.
    pub has_name: bool,
}

/// The parts that were chosen: their places among all parts of the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the three lists of RFC 8621 section 4.1.4")]
pub struct Bodies {
    /// What to show to a reader who prefers plain text.
    pub text: Vec<usize>,
    /// What to show to a reader who prefers HTML.
    pub html: Vec<usize>,
    /// What to offer as files.
    pub attachments: Vec<usize>,
}

impl Bodies {
    /// Chooses from the parts of a message, each before those in it, the message itself first. A multipart without parts
    /// counts as text. Takes time linear in their number.
    #[must_use]
    pub fn choose(parts: &[PartInfo<'_>]) -> Self {
        let mut children = alloc::vec![Vec::new(); parts.len()];
        for (place, part) in parts.iter().enumerate() {
            if let Some(children) = part.parent.and_then(|parent| children.get_mut(parent)) {
                children.push(place);
            }
        }
        let mut walk = Walk { parts, children, bodies: Self::default() };
        if !parts.is_empty() {
            walk.parts(&[0], "mixed", (true, true), false);
        }
        walk.bodies
    }

    /// What to save as files: the attachments, and the pictures, sounds and videos that stand among the texts. `parts` are
    /// those that it was chosen from.
    #[must_use]
    pub fn files(&self, parts: &[PartInfo<'_>]) -> Vec<usize> {
        let is_media = |place: &&usize| parts.get(**place).is_some_and(|part| is_media(part.media_type));
        let shown = self.text.iter().chain(&self.html).filter(is_media);
        let mut files: Vec<usize> = self.attachments.iter().chain(shown).copied().collect();
        files.sort_unstable();
        files.dedup();
        files
    }
}

fn is_media(media_type: &str) -> bool {
    ["image/", "audio/", "video/"].iter().any(|kind| media_type.starts_with(kind))
}

impl<'a> Message<'a> {
    /// The parts to show, one after the other, to a reader who prefers plain text. HTML and pictures are among them where
    /// there is no plain form.
    #[must_use]
    pub fn text_body(&self) -> Parts<'_, 'a> {
        self.chosen(self.choose().text)
    }

    /// The parts to show to a reader who prefers HTML. Plain text is among them where there is no HTML.
    #[must_use]
    pub fn html_body(&self) -> Parts<'_, 'a> {
        self.chosen(self.choose().html)
    }

    /// The attached parts: texts with a name, and everything else but pictures, sounds and videos that stand among the texts.
    /// An attached message counts as one: to get its own attachments, parse its [`raw_body`](Part::raw_body).
    #[must_use]
    pub fn attachments(&self) -> Parts<'_, 'a> {
        self.chosen(self.choose().attachments)
    }

    /// The parts to save as files: the [`attachments`](Self::attachments), and the pictures, sounds and videos that stand among
    /// the texts, as a phone sends its photos.
    #[must_use]
    pub fn files(&self) -> Parts<'_, 'a> {
        let parts: Vec<PartInfo<'_>> = self.parts().iter().map(Part::info).collect();
        self.chosen(Bodies::choose(&parts).files(&parts))
    }

    fn chosen(&self, indices: Vec<usize>) -> Parts<'_, 'a> {
        Parts::of(indices.into_iter().filter_map(|index| self.parts().get(index)).collect())
    }

    fn choose(&self) -> Bodies {
        let parts: Vec<PartInfo<'_>> = self.parts().iter().map(Part::info).collect();
        Bodies::choose(&parts)
    }
}

impl Part<'_> {
    fn info(&self) -> PartInfo<'_> {
        PartInfo {
            parent: self.parent(),
            // One that was not opened, for being too deep, is a file.
            media_type: match self.content_type().essence.as_str() {
                essence if self.kind() == Kind::Leaf && essence.starts_with("multipart/") => UNOPENED,
                essence => essence,
            },
            is_attachment: self.is_attachment(),
            has_name: self.file_name().is_some(),
        }
    }
}

const UNOPENED: &str = "application/octet-stream";

struct Walk<'p> {
    parts: &'p [PartInfo<'p>],
    children: Vec<Vec<usize>>,
    bodies: Bodies,
}

impl Walk<'_> {
    /// `wanted` tells whether the text and the HTML list are still to be filled in an alternative.
    fn parts(&mut self, places: &[usize], subtype: &str, wanted: (bool, bool), in_alternative: bool) {
        let before = (self.bodies.text.len(), self.bodies.html.len());
        let (mut text, mut html) = wanted;
        for (order, &place) in places.iter().enumerate() {
            let Some(part) = self.parts.get(place) else { continue };
            let multipart = part.media_type.strip_prefix("multipart/");
            let children = self.children.get_mut(place).map(core::mem::take).unwrap_or_default();
            if let Some(subtype) = multipart.filter(|_| !children.is_empty()) {
                let alternative = in_alternative || subtype == "alternative";
                self.parts(&children, subtype, (text, html), alternative);
                continue;
            }
            let is_media = is_media(part.media_type);
            let is_plain = multipart.is_some() || part.media_type == "text/plain";
            let is_html = part.media_type == "text/html";
            // The first part, or one without a name that is not there for another one.
            let is_body = (is_plain || is_html || is_media)
                && !part.is_attachment
                && (order == 0 || (subtype != "related" && (is_media || !part.has_name)));
            let bodies = &mut self.bodies;
            if !is_body {
                bodies.attachments.push(place);
                continue;
            }
            if subtype == "alternative" {
                let list = match () {
                    () if is_plain => &mut bodies.text,
                    () if is_html => &mut bodies.html,
                    () => &mut bodies.attachments,
                };
                list.push(place);
                continue;
            }
            if in_alternative {
                // Of one form of an alternative the other list gets nothing.
                html &= !is_plain;
                text &= !is_html;
            }
            if text {
                bodies.text.push(place);
            }
            if html {
                bodies.html.push(place);
            }
            if is_media && !(text && html) {
                bodies.attachments.push(place);
            }
        }
        if subtype == "alternative" {
            // Where an alternative has one form alone, it is both.
            let Bodies { text, html, .. } = &mut self.bodies;
            if text.len() == before.0 && html.len() > before.1 {
                text.extend(html.get(before.1..).unwrap_or_default());
            } else if html.len() == before.1 && text.len() > before.0 {
                html.extend(text.get(before.0..).unwrap_or_default());
            }
        }
    }
}

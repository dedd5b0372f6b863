//! Which parts are the text of a message, and which are attached to it (RFC 8621 section 4.1.4).

use alloc::vec::Vec;

use super::{Kind, Message, Part, Parts};

/// What was chosen so far; the values are indices of parts.
#[derive(Default)]
struct Choice {
    text: Vec<usize>,
    html: Vec<usize>,
    attachments: Vec<usize>,
}

impl<'a> Message<'a> {
    /// The parts that are its text where plain text is preferred, to be shown one after the other. HTML and pictures are
    /// among them where there is no plain form.
    #[must_use]
    pub fn text_body(&self) -> Parts<'_, 'a> {
        self.chosen(self.choose().text)
    }

    /// The parts that are its text where HTML is preferred. Plain text is among them where there is no HTML.
    #[must_use]
    pub fn html_body(&self) -> Parts<'_, 'a> {
        self.chosen(self.choose().html)
    }

    /// The parts that are attached: all that is no text, and every text with a name or behind another part. Those of an
    /// attached message are in that message; parse its [`raw_body`](Part::raw_body).
    #[must_use]
    pub fn attachments(&self) -> Parts<'_, 'a> {
        self.chosen(self.choose().attachments)
    }

    fn chosen(&self, indices: Vec<usize>) -> Parts<'_, 'a> {
        Parts::of(indices.into_iter().filter_map(|index| self.parts().get(index)).collect())
    }

    fn choose(&self) -> Choice {
        let mut choice = Choice::default();
        let root: Vec<&Part<'_>> = self.parts().first().into_iter().collect();
        self.walk(&root, "mixed", (true, true), false, &mut choice);
        choice
    }

    /// `wanted` tells whether the text and the HTML list are still to be filled in an alternative.
    fn walk(
        &self,
        parts: &[&Part<'_>],
        subtype: &str,
        wanted: (bool, bool),
        in_alternative: bool,
        choice: &mut Choice,
    ) {
        let before = (choice.text.len(), choice.html.len());
        let (mut text, mut html) = wanted;
        for (place, part) in parts.iter().enumerate() {
            let essence = part.content_type().essence.as_str();
            if part.kind() == Kind::Multipart && self.is_opened(part) {
                let subtype = essence.strip_prefix("multipart/").unwrap_or_default();
                let children: Vec<&Part<'_>> = self.children(part.index()).collect();
                let alternative = in_alternative || subtype == "alternative";
                self.walk(&children, subtype, (text, html), alternative, choice);
                continue;
            }
            let is_media = ["image/", "audio/", "video/"].iter().any(|kind| essence.starts_with(kind));
            let is_plain = part.kind() == Kind::Multipart || essence == "text/plain";
            // The first part, or one without a name that is not there for another one.
            let is_body = (is_plain || essence == "text/html" || is_media)
                && !part.is_attachment()
                && (place == 0 || (subtype != "related" && (is_media || part.file_name().is_none())));
            if !is_body {
                choice.attachments.push(part.index());
                continue;
            }
            if subtype == "alternative" {
                if is_plain {
                    choice.text.push(part.index());
                } else if essence == "text/html" {
                    choice.html.push(part.index());
                } else {
                    choice.attachments.push(part.index());
                }
                continue;
            }
            if in_alternative {
                // Of one form of an alternative the other list gets nothing.
                if is_plain {
                    html = false;
                }
                if essence == "text/html" {
                    text = false;
                }
            }
            if text {
                choice.text.push(part.index());
            }
            if html {
                choice.html.push(part.index());
            }
            if is_media && !(text && html) {
                choice.attachments.push(part.index());
            }
        }
        if subtype == "alternative" {
            // Where an alternative has one form alone, it is both.
            if choice.text.len() == before.0 && choice.html.len() > before.1 {
                let html = choice.html.get(before.1..).unwrap_or_default().to_vec();
                choice.text.extend(html);
            } else if choice.html.len() == before.1 && choice.text.len() > before.0 {
                let text = choice.text.get(before.0..).unwrap_or_default().to_vec();
                choice.html.extend(text);
            }
        }
    }
}

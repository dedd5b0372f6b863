//! Cuts HTML into tags and text.

use alloc::string::String;

pub(super) enum Token<'a> {
    Text(&'a str),
    Open(Tag<'a>),
    Close(&'a str),
}

pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
}

/// Cuts HTML into tags and what is between them.
pub(super) struct Reader<'a> {
    rest: &'a str,
    /// Whether a quote in a tag was left open. From then on quotes mean nothing, so that the search for their ends stays
    /// linear.
    unquoted: bool,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { rest: html, unquoted: false }
    }

    /// Whether there is a tag, or what looks like one.
    pub(super) fn has_markup(&self) -> bool {
        self.rest.contains('<')
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(markup) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                return Some(Token::Text(self.take(end)));
            };
            if markup.starts_with('!') || markup.starts_with('?') {
                self.skip_declaration(markup);
                continue;
            }
            let name = markup.strip_prefix('/').unwrap_or(markup);
            if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || is_address(name) {
                // A lone `<` is text, and so is `<ann@example.org>`.
                let end = markup.find('<').map_or(self.rest.len(), |end| end.saturating_add(1));
                return Some(Token::Text(self.take(end)));
            }
            let Some(end) = self.end_of_tag() else {
                // A tag that does not end is cut off with the text.
                self.rest = "";
                return None;
            };
            let tag = self.take(end);
            let inside = tag.strip_prefix('<').and_then(|tag| tag.strip_suffix('>')).unwrap_or_default();
            if let Some(name) = inside.strip_prefix('/') {
                return Some(Token::Close(
                    name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default(),
                ));
            }
            let end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
            let (name, attributes) = inside.split_at_checked(end).unwrap_or_default();
            return Some(Token::Open(Tag { name, attributes }));
        }
    }

    fn take(&mut self, end: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Comments, `<!DOCTYPE>`, `<![if]>`, `<?xml?>`.
    fn skip_declaration(&mut self, markup: &'a str) {
        let (end, len) = match markup.strip_prefix("!--") {
            // An empty one, to a browser.
            Some(comment) if comment.starts_with('>') => (Some(1), 3),
            Some(comment) => (comment.find("-->").map(|end| end.saturating_add(3)), 3),
            None => (markup.find('>'), 1),
        };
        self.rest = end.and_then(|end| markup.get(end.saturating_add(len)..)).unwrap_or_default();
    }

    /// The length of the tag at the start of `rest`, with its `>`.
    fn end_of_tag(&mut self) -> Option<usize> {
        if !self.unquoted {
            let mut quote = None;
            // A quote counts at the start of a value alone: an apostrophe in the middle of nowhere opens nothing.
            let mut previous = 0;
            for (at, &byte) in self.rest.as_bytes().iter().enumerate() {
                match (byte, quote) {
                    (b'"' | b'\'', None) if previous == b'=' => quote = Some(byte),
                    (_, Some(open)) if byte == open => quote = None,
                    (b'>', None) => return Some(at.saturating_add(1)),
                    _ => {}
                }
                if !byte.is_ascii_whitespace() {
                    previous = byte;
                }
            }
            self.unquoted = true;
        }
        Some(self.rest.find('>')?.saturating_add(1))
    }

    /// Skips everything through the closing tag of that name. Without one, skips all that is left.
    pub(super) fn skip_to(&mut self, name: &str) {
        while let Some(at) = self.rest.find("</") {
            self.take(at.saturating_add(2));
            let (start, after) = self.rest.split_at_checked(name.len()).unwrap_or_default();
            let closes =
                start.eq_ignore_ascii_case(name) && !after.starts_with(|c: char| c.is_ascii_alphanumeric());
            if closes {
                let end = self.rest.find('>').map_or(self.rest.len(), |end| end.saturating_add(1));
                self.take(end);
                return;
            }
        }
        self.rest = "";
    }

    /// Skips an element that may hold others of its name.
    pub(super) fn skip_element(&mut self, name: &str) {
        if is_void(name) {
            return;
        }
        let mut depth = 1usize;
        loop {
            let before = self.rest;
            let Some(token) = self.next() else { return };
            match token {
                // No paragraph is in another.
                Token::Open(tag) if name.eq_ignore_ascii_case("p") && tag.ends_paragraph() => {
                    self.rest = before;
                    return;
                }
                Token::Open(tag) if tag.hides().is_some() => self.skip_to(tag.name),
                Token::Open(tag) if tag.name.eq_ignore_ascii_case(name) && !tag.attributes.ends_with('/') => {
                    depth = depth.saturating_add(1);
                }
                Token::Close(closed) if closed.eq_ignore_ascii_case(name) => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }
}

/// Whether what follows a `<` is a mail address or the address of a page, which nobody escaped.
fn is_address(text: &str) -> bool {
    let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b'"' | b'\'' | b'=');
    let end = text.bytes().take(MAX_ADDRESS).position(ends);
    let word = end.and_then(|end| text.get(..end)).unwrap_or_default();
    let is_link = || ["http://", "https://", "mailto:"].iter().any(|scheme| word.starts_with(scheme));
    word.contains('@') || is_link()
}

const MAX_ADDRESS: usize = 320;

fn is_void(name: &str) -> bool {
    const VOID: [&str; 8] = ["br", "hr", "img", "input", "link", "meta", "col", "wbr"];
    VOID.iter().any(|void| void.eq_ignore_ascii_case(name))
}

impl<'a> Tag<'a> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether a paragraph that is open ends in front of it.
    fn ends_paragraph(&self) -> bool {
        const BLOCKS: [&str; 13] =
            ["p", "div", "table", "ul", "ol", "dl", "h1", "h2", "h3", "hr", "pre", "blockquote", "form"];
        BLOCKS.into_iter().any(|name| self.is(name))
    }

    /// The name of the element, if its content is not for people, as that of a script.
    pub(super) fn hides(&self) -> Option<&'static str> {
        const HIDING: [&str; 8] =
            ["script", "style", "title", "template", "svg", "math", "object", "noembed"];
        // To a browser `<script/>` begins one, too.
        let ends = |name: &str| self.attributes.ends_with('/') && !matches!(name, "script" | "style");
        HIDING.into_iter().find(|name| self.is(name)).filter(|name| !ends(name))
    }

    /// Whether its content is hidden, as the preview text of a newsletter is.
    pub(super) fn is_hidden(&self) -> bool {
        if self.attributes.is_empty() {
            return false;
        }
        let style: String = self
            .attribute("style")
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let has = |declaration: &str| {
            let mut declarations = style.split(';').map(|one| one.trim_end_matches("!important"));
            declarations.any(|one| one.strip_suffix("px").unwrap_or(one) == declaration)
        };
        has("display:none")
            || has("visibility:hidden")
            || has("opacity:0")
            || has("max-height:0") && has("overflow:hidden")
            || self.attribute("hidden").is_some()
    }

    /// Value of an attribute; empty for one without a value.
    pub(super) fn attribute(&self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end).unwrap_or_default();
            let after = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let value;
            (value, rest) = match after.strip_prefix('=') {
                Some(after) => unquote(after.trim_start_matches(|c: char| c.is_ascii_whitespace())),
                None => ("", after),
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(value);
            }
            if name.is_empty() && value.is_empty() {
                // Nothing that could be an attribute: one character on.
                let mut characters = rest.chars();
                characters.next();
                rest = characters.as_str();
            }
        }
    }
}

/// A value in or without quotes, and what follows it.
fn unquote(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

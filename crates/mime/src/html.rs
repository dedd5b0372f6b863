//! Text of an HTML body, for people who read mail as text.

mod entity;
mod tag;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use tag::{Reader, Tag, Token};

/// How much of an HTML text is turned into text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HtmlLimits {
    /// Octets of HTML. Default 4 MiB; what follows is left out.
    pub octets: usize,
    /// Quotations and lists in each other. Default 16; deeper ones are shown at that depth.
    pub depth: usize,
    /// Octets of the address of a link that is shown. Default 2,000; a longer one is left out.
    pub link: usize,
}

impl Default for HtmlLimits {
    fn default() -> Self {
        Self { octets: 4 << 20, depth: 16, link: 2_000 }
    }
}

/// Turns an HTML body into text, with the default [`HtmlLimits`].
///
/// Paragraphs are separated by an empty line, list items begin with a dash or their number, the cells of a table row
/// stand on one line, quotations begin with `> `, and the address of a link follows its text. Scripts, styles and
/// comments are left out, and so is the content of elements with the attribute `hidden` or a style that hides it, such as
/// `display:none`. No element has to be closed. Takes time linear in `html`, whatever it is.
///
/// ```
/// let html = "<p>See <a href='https://example.org/'>the minutes</a>.</p><ul><li>one<li>two</ul>";
/// let text = "See the minutes <https://example.org/>.\n\n- one\n- two\n";
/// assert_eq!(mailbearer_mime::html_to_text(html), text);
/// ```
#[must_use]
pub fn html_to_text(html: &str) -> String {
    html_to_text_with(html, &HtmlLimits::default())
}

/// Turns an HTML body into text, with these limits.
#[must_use]
pub fn html_to_text_with(html: &str, limits: &HtmlLimits) -> String {
    let mut end = html.len().min(limits.octets);
    while !html.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let mut reader = Reader::new(html.get(..end).unwrap_or_default());
    let mut text = Text::new(limits);
    // A plain text that is called HTML has its lines alone to be read by.
    text.pre = usize::from(!reader.has_markup());
    while let Some(token) = reader.next() {
        match token {
            Token::Text(chunk) => text.words(chunk),
            Token::Open(tag) => {
                if let Some(close) = tag.hides() {
                    reader.skip_to(close);
                } else if tag.is_hidden() {
                    reader.skip_element(tag.name);
                } else {
                    text.open(&tag);
                }
            }
            Token::Close(name) => text.close(name),
        }
    }
    text.finish()
}

/// `text` with its character references resolved.
#[cfg(feature = "dmarc")]
pub(crate) fn resolved(text: &str) -> String {
    entity::text(text)
}

/// The text so far, and what waits for the next word.
struct Text<'l> {
    limits: &'l HtmlLimits,
    out: String,
    /// Line ends that are due before the next word.
    lines: usize,
    /// Whether a space is due before it.
    space: bool,
    /// Spaces that are due at the start of its line.
    indent: usize,
    /// What is due at the start of its line: the mark of a list item.
    mark: Option<String>,
    quotes: usize,
    /// The lists that are open: the number of the next item, if it has one.
    lists: Vec<Option<u32>>,
    pre: usize,
    /// Cells of the table row so far.
    cells: usize,
    /// Where the text of the cell begins, unless a table is in it.
    cell: Option<usize>,
    /// Whether a cell begins whose text goes on the line of its row.
    begins_cell: bool,
    link: Option<Link>,
}

/// A link that is open.
struct Link {
    address: String,
    /// Where its text begins.
    start: usize,
    /// Whether a picture is in it.
    has_picture: bool,
}

impl<'l> Text<'l> {
    fn new(limits: &'l HtmlLimits) -> Self {
        Self {
            limits,
            out: String::new(),
            lines: 0,
            space: false,
            indent: 0,
            mark: None,
            quotes: 0,
            lists: Vec::new(),
            pre: 0,
            cells: 0,
            cell: None,
            begins_cell: false,
            link: None,
        }
    }

    fn words(&mut self, chunk: &str) {
        let mut rest = chunk;
        while let Some(c) = rest.chars().next() {
            if c.is_ascii_whitespace() {
                if self.pre > 0 {
                    rest = rest.get(1..).unwrap_or_default();
                    // A bare CR ends a line, too.
                    if c != '\r' || !rest.starts_with('\n') {
                        self.preformatted(c);
                    }
                } else {
                    self.space = true;
                    rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
                }
                continue;
            }
            if let Some(after) = rest.strip_prefix('\u{A0}') {
                self.no_break_space();
                rest = after;
                continue;
            }
            let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '&' | '\u{A0}');
            let end = rest.find(ends).unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end).unwrap_or_default();
            if word.is_empty() {
                let (c, after) = entity::read(after);
                match c {
                    // What cannot be seen: soft hyphens and the fillers of preview texts.
                    '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{34F}' => {}
                    '\u{A0}' => self.no_break_space(),
                    c => self.push(c.encode_utf8(&mut [0; 4])),
                }
                rest = after;
            } else {
                self.push(word);
                rest = after;
            }
        }
    }

    /// One at the start of a line indents what follows it. Outlook has one in a paragraph that is empty.
    fn no_break_space(&mut self) {
        if self.pre == 0 && (self.out.is_empty() || self.lines > 0) {
            self.indent = self.indent.saturating_add(1);
        } else {
            self.push(" ");
        }
    }

    fn preformatted(&mut self, c: char) {
        match c {
            '\n' | '\r' => self.lines = self.lines.saturating_add(1),
            c => self.push(c.encode_utf8(&mut [0; 4])),
        }
    }

    /// Writes the line ends, space or mark that are due, then `text`, which holds no line end.
    fn push(&mut self, text: &str) {
        let starts_line = self.out.is_empty() || self.lines > 0;
        if self.lines > 0 {
            let most = if self.pre > 0 { self.lines } else { self.lines.min(2) };
            if !self.out.is_empty() {
                for _ in 0..most {
                    let kept = self.out.trim_end_matches(' ').len();
                    self.out.truncate(kept);
                    self.out.push('\n');
                }
            }
            self.lines = 0;
        }
        if starts_line {
            for _ in 0..self.quotes.min(self.limits.depth) {
                self.out.push_str("> ");
            }
            let indent = self.lists.len().saturating_sub(1).min(self.limits.depth);
            for _ in 0..indent {
                self.out.push_str("  ");
            }
            match self.mark.take() {
                Some(mark) => self.out.push_str(&mark),
                None if !self.lists.is_empty() => self.out.push_str("  "),
                None => {}
            }
            for _ in 0..core::mem::take(&mut self.indent) {
                self.out.push(' ');
            }
        } else if self.space && self.pre == 0 {
            self.out.push(' ');
        }
        self.space = false;
        self.begins_cell = false;
        self.out.push_str(text);
    }

    fn lines(&mut self, count: usize) {
        if core::mem::take(&mut self.indent) > 0 {
            self.lines = self.lines.saturating_add(1).min(2);
        }
        self.lines = self.lines.max(count);
        self.space = false;
    }

    /// Line ends of a paragraph or a block. One at the start of a cell stays on the line of its row.
    fn block(&mut self, count: usize) {
        if self.begins_cell {
            self.space = false;
        } else {
            self.lines(count);
        }
    }

    /// Whether the cell that began last has some text, and that is on one line.
    fn is_cell_of_one_line(&self) -> bool {
        let text = self.cell.and_then(|start| self.out.get(start..)).unwrap_or_default().trim();
        !text.is_empty() && !text.contains('\n')
    }

    fn open(&mut self, tag: &Tag<'_>) {
        match Element::of(tag.name) {
            Element::Break => {
                self.lines = self.lines.saturating_add(1).min(2);
                (self.space, self.indent) = (false, 0);
            }
            Element::Block => self.block(1),
            Element::Paragraph => self.block(2),
            Element::Pre => {
                self.lines(2);
                self.pre = self.pre.saturating_add(1);
            }
            Element::Quote => {
                self.lines(2);
                self.quotes = self.quotes.saturating_add(1);
            }
            Element::List { numbered } => {
                self.lines(if self.lists.is_empty() { 2 } else { 1 });
                let start = tag.attribute("start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
                self.lists.push(numbered.then_some(start));
            }
            Element::Item => {
                self.lines(1);
                self.mark = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = alloc::format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => String::from("- "),
                });
            }
            Element::Row => {
                // Outlook has a paragraph in each cell.
                let is_compact = self.cells > 1 && self.is_cell_of_one_line();
                self.lines = if is_compact { 1 } else { self.lines.max(1) };
                (self.cells, self.cell, self.begins_cell, self.space) = (0, None, is_compact, false);
                self.indent = 0;
            }
            Element::Cell => {
                if self.is_cell_of_one_line() {
                    self.lines = 0;
                }
                (self.space, self.indent) = (false, 0);
                if self.cells > 0 {
                    self.begins_cell = self.lines == 0;
                    if self.begins_cell {
                        self.push(" | ");
                        self.begins_cell = true;
                    }
                }
                self.cell = Some(self.out.len());
                self.cells = self.cells.saturating_add(1);
            }
            Element::Rule => {
                self.lines(1);
                self.push("----------");
                self.lines(1);
            }
            Element::Link => {
                self.end_of_link();
                let address = entity::text(tag.attribute("href").unwrap_or_default().trim());
                let is_shown = ["http://", "https://", "mailto:", "tel:", "ftp://"].iter().any(|scheme| {
                    address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                });
                if is_shown && address.len() <= self.limits.link && !address.contains(char::is_control) {
                    self.link = Some(Link { address, start: self.out.len(), has_picture: false });
                }
            }
            Element::Image => {
                if let Some(link) = &mut self.link {
                    link.has_picture = true;
                }
                let text = entity::text(tag.attribute("alt").unwrap_or_default());
                for word in text.split_whitespace() {
                    self.push(word);
                    self.space = true;
                }
            }
            Element::Other => {}
        }
    }

    fn close(&mut self, name: &str) {
        if name.eq_ignore_ascii_case("table") {
            (self.cell, self.begins_cell) = (None, false);
        }
        match Element::of(name) {
            Element::Block => self.block(1),
            Element::Cell => self.begins_cell = false,
            Element::Row => {
                self.begins_cell = false;
                self.lines(1);
            }
            Element::Item => self.lines(1),
            Element::Paragraph => self.block(2),
            Element::Pre => {
                self.pre = self.pre.saturating_sub(1);
                self.lines = self.lines.min(1);
                self.lines(2);
            }
            Element::Quote => {
                self.quotes = self.quotes.saturating_sub(1);
                self.lines(2);
            }
            Element::List { .. } => {
                self.lists.pop();
                self.mark = None;
                self.lines(if self.lists.is_empty() { 2 } else { 1 });
            }
            Element::Link => self.end_of_link(),
            _ => {}
        }
    }

    /// Shows the address, unless it is what the text of the link says. A link around nothing is not for people.
    fn end_of_link(&mut self) {
        let Some(Link { address, start, has_picture }) = self.link.take() else { return };
        let shown = self.out.get(start..).unwrap_or_default().trim();
        let bare = |text: &str| {
            let text = text.split_once("://").map_or(text, |(_, text)| text);
            text.trim_start_matches("mailto:").trim_end_matches('/').to_ascii_lowercase()
        };
        if shown.is_empty() {
            if has_picture {
                self.push(&["<", &address, ">"].concat());
                self.space = true;
            }
        } else if bare(shown) != bare(&address) {
            self.space = true;
            // It stands behind the text, whatever ends between the two.
            let lines = core::mem::take(&mut self.lines);
            self.push(&["<", &address, ">"].concat());
            self.lines = lines;
        }
    }

    fn finish(mut self) -> String {
        self.end_of_link();
        let kept = self.out.trim_end().len();
        self.out.truncate(kept);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}

/// What an element does to the text.
enum Element {
    Break,
    Block,
    Paragraph,
    Pre,
    Quote,
    List { numbered: bool },
    Item,
    Row,
    Cell,
    Rule,
    Link,
    Image,
    Other,
}

impl Element {
    fn of(name: &str) -> Self {
        let mut lower = [0; 10];
        let Some(lower) = lower.get_mut(..name.len()) else { return Self::Other };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        match &*lower {
            b"br" => Self::Break,
            b"div" | b"section" | b"article" | b"header" | b"footer" | b"address" | b"form" | b"fieldset"
            | b"main" | b"nav" | b"aside" | b"figure" | b"dt" | b"dd" | b"center" | b"caption"
            | b"option" => Self::Block,
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"table" | b"dl" => Self::Paragraph,
            b"pre" | b"listing" | b"xmp" => Self::Pre,
            b"blockquote" => Self::Quote,
            b"ul" | b"menu" | b"dir" => Self::List { numbered: false },
            b"ol" => Self::List { numbered: true },
            b"li" => Self::Item,
            b"tr" => Self::Row,
            b"td" | b"th" => Self::Cell,
            b"hr" => Self::Rule,
            b"a" => Self::Link,
            b"img" => Self::Image,
            _ => Self::Other,
        }
    }
}

//! What a text in RTF says: its HTML, where it was made from that (MS-OXRTFEX), or else its text.

use alloc::string::String;
use alloc::vec::Vec;

use super::text;

/// What [`read_rtf`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "MS-OXRTFEX has these: RTF wraps HTML or it does not")]
pub enum RtfContent {
    /// The HTML that the RTF was made from. It is as hostile as whoever sent it.
    Html(String),
    /// The text, its form left out.
    Text(String),
}

/// Reads a text in RTF. Pictures, tables of fonts and other things that are no text are left out, and so is what stands in
/// more than 100 groups. Takes time linear in it.
#[must_use]
pub fn read_rtf(rtf: &[u8]) -> RtfContent {
    // MS-OXRTFEX section 2.1.3.1: the mark is among the first words.
    let head = rtf.get(..HEAD).unwrap_or(rtf);
    let is_html = memchr::memmem::find(head, b"\\fromhtml").is_some();
    let mut reader = Reader { is_html, ..Reader::default() };
    let mut input = rtf;
    while let Some((&octet, rest)) = input.split_first() {
        input = match octet {
            b'{' => {
                reader.open();
                rest
            }
            b'}' => {
                reader.close();
                rest
            }
            b'\\' => reader.control(rest),
            b'\r' | b'\n' => rest,
            _ => {
                reader.octet(octet);
                rest
            }
        };
    }
    reader.flush();
    if is_html { RtfContent::Html(reader.out) } else { RtfContent::Text(reader.out) }
}

const HEAD: usize = 1_000;
const MAX_DEPTH: usize = 100;
const MAX_FONTS: usize = 1_000;

#[derive(Default)]
struct Reader {
    is_html: bool,
    out: String,
    /// Octets of the text that wait for what follows them in the same code page.
    octets: Vec<u8>,
    code_page: Option<u32>,
    group: Group,
    /// What the groups around the current one are.
    around: Vec<Group>,
    /// Groups that are open and too deep to be looked into.
    too_deep: usize,
    /// Code pages of the fonts that have one of their own.
    fonts: Vec<(i32, u32)>,
    /// Octets that stand for a character that was given by its number.
    skip: usize,
    /// The first half of a character that was given by two numbers.
    high: Option<u16>,
}

#[derive(Clone, Copy)]
struct Group {
    /// Holds no text.
    hidden: bool,
    /// In the table of fonts, whose names are no text.
    in_fonts: bool,
    /// Holds HTML as it was.
    is_tag: bool,
    /// Stands for HTML that is given elsewhere.
    is_rtf_only: bool,
    /// `\*` was read: a word that is not known hides the group.
    is_optional: bool,
    font: i32,
    /// Octets that stand for a character behind its number.
    fallback: usize,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            hidden: false,
            in_fonts: false,
            is_tag: false,
            is_rtf_only: false,
            is_optional: false,
            font: 0,
            fallback: 1,
        }
    }
}

impl Reader {
    fn open(&mut self) {
        self.skip = 0;
        if self.around.len() >= MAX_DEPTH {
            self.too_deep = self.too_deep.saturating_add(1);
            return;
        }
        self.around.push(self.group);
        self.group.is_optional = false;
    }

    fn close(&mut self) {
        self.skip = 0;
        if let Some(less) = self.too_deep.checked_sub(1) {
            self.too_deep = less;
            return;
        }
        self.flush();
        self.group = self.around.pop().unwrap_or_default();
    }

    fn is_shown(&self) -> bool {
        let group = &self.group;
        self.too_deep == 0
            && !group.hidden
            && !group.in_fonts
            && (!self.is_html || group.is_tag || !group.is_rtf_only)
    }

    fn octet(&mut self, octet: u8) {
        if let Some(less) = self.skip.checked_sub(1) {
            self.skip = less;
        } else if self.is_shown() {
            self.octets.push(octet);
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(less) = self.skip.checked_sub(1) {
            self.skip = less;
        } else if self.is_shown() {
            self.flush();
            self.out.push_str(text);
        }
    }

    /// Decodes what waits.
    fn flush(&mut self) {
        if !self.octets.is_empty() {
            let font = self.fonts.iter().find(|(number, _)| *number == self.group.font);
            let code_page = font.map(|(_, page)| *page).or(self.code_page);
            // Octets in HTML are in the code page of the text, whatever the font is.
            let code_page = if self.group.is_tag { self.code_page } else { code_page };
            self.out.push_str(&text(&self.octets, code_page));
            self.octets.clear();
        }
    }

    /// What begins with a backslash. Gives what follows it.
    fn control<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let letters = input.iter().take(MAX_WORD).take_while(|octet| octet.is_ascii_alphabetic()).count();
        let (word, rest) = input.split_at_checked(letters).unwrap_or_default();
        if word.is_empty() {
            return self.symbol(input);
        }
        let signed = rest.strip_prefix(b"-");
        let digits = signed.unwrap_or(rest);
        let len = digits.iter().take(MAX_DIGITS).take_while(|octet| octet.is_ascii_digit()).count();
        let (number, after) = digits.split_at_checked(len).unwrap_or_default();
        let number: Option<i32> = str::from_utf8(number).ok().and_then(|number| number.parse().ok());
        let number = number.map(|number| if signed.is_some() { number.saturating_neg() } else { number });
        let rest = if number.is_some() { after } else { rest };
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        if word == b"bin" {
            let len = number.and_then(|len| usize::try_from(len).ok()).unwrap_or_default();
            return rest.get(len..).unwrap_or_default();
        }
        self.word(word, number);
        rest
    }

    fn symbol<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let Some((&symbol, rest)) = input.split_first() else { return input };
        match symbol {
            b'\'' => {
                let Some(([high, low], after)) = rest.split_first_chunk() else { return rest };
                let Some(octet) = crate::ascii::hex_octet(*high, *low) else { return rest };
                self.octet(octet);
                return after;
            }
            b'*' => self.group.is_optional = true,
            b'\\' | b'{' | b'}' => self.octet(symbol),
            b'~' => self.text("\u{a0}"),
            b'_' => self.text("\u{2011}"),
            b'\r' | b'\n' => self.line(),
            _ => {}
        }
        rest
    }

    fn line(&mut self) {
        self.text(if self.is_html { "\r\n" } else { "\n" });
    }

    fn word(&mut self, word: &[u8], number: Option<i32>) {
        let optional = core::mem::take(&mut self.group.is_optional);
        match word {
            b"htmltag" if self.is_html => {
                self.flush();
                self.group.is_tag = true;
            }
            b"htmlrtf" => {
                self.flush();
                self.group.is_rtf_only = number != Some(0);
            }
            _ if optional => self.group.hidden = true,
            b"fonttbl" => self.group.in_fonts = true,
            b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"object" | b"header" | b"footer"
            | b"headerl" | b"headerr" | b"headerf" | b"footerl" | b"footerr" | b"footerf" | b"nonshppict" => {
                self.group.hidden = true;
            }
            b"ansicpg" => self.code_page = number.and_then(|page| u32::try_from(page).ok()),
            b"f" => {
                self.flush();
                self.group.font = number.unwrap_or_default();
            }
            b"fcharset" if self.group.in_fonts && self.fonts.len() < MAX_FONTS => {
                let page = number.and_then(code_page_of);
                self.fonts.extend(page.map(|page| (self.group.font, page)));
            }
            b"uc" => {
                let fallback = number.and_then(|number| usize::try_from(number).ok());
                self.group.fallback = fallback.unwrap_or(1).min(8);
            }
            b"u" => self.character(number.unwrap_or_default()),
            b"par" | b"line" | b"row" | b"sect" | b"page" => self.line(),
            b"tab" | b"cell" => self.text("\t"),
            b"emdash" => self.text("\u{2014}"),
            b"endash" => self.text("\u{2013}"),
            b"lquote" => self.text("\u{2018}"),
            b"rquote" => self.text("\u{2019}"),
            b"ldblquote" => self.text("\u{201c}"),
            b"rdblquote" => self.text("\u{201d}"),
            b"bullet" => self.text("\u{2022}"),
            _ => {}
        }
    }

    /// A character by its number, which is one of 16 bits with a sign; two of them are one character beyond those.
    fn character(&mut self, number: i32) {
        let unit = u16::try_from(number & 0xFFFF).unwrap_or_default();
        self.skip = self.group.fallback;
        if !self.is_shown() {
            return;
        }
        self.flush();
        let units = match self.high.take() {
            Some(high) => &[high, unit][..],
            None if (0xD800..0xDC00).contains(&unit) => {
                self.high = Some(unit);
                return;
            }
            None => &[unit],
        };
        self.out.push_str(&String::from_utf16_lossy(units));
    }
}

const MAX_WORD: usize = 32;
const MAX_DIGITS: usize = 10;

/// The code page of Windows that a font's `\fcharset` means.
const fn code_page_of(charset: i32) -> Option<u32> {
    Some(match charset {
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1_253,
        162 => 1_254,
        163 => 1_258,
        177 => 1_255,
        178 => 1_256,
        186 => 1_257,
        204 => 1_251,
        222 => 874,
        238 => 1_250,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[cfg(feature = "charsets")]
    #[test]
    fn text_is_read() {
        let rows: &[(&str, &str, &str)] = &[
            ("plain", "{\\rtf1\\ansi hello\\par world\\tab x\\line y}", "hello\nworld\tx\ny"),
            ("escapes", "{\\rtf1 a\\{b\\}c\\\\d\\~e\\_f\\-g}", "a{b}c\\d\u{a0}e\u{2011}fg"),
            ("octets", "{\\rtf1\\ansicpg1252 Gr\\'fc\\'dfe}", "Gr\u{fc}\u{df}e"),
            ("code page of the text", "{\\rtf1\\ansicpg1251 \\'cf\\'f0}", "\u{41f}\u{440}"),
            (
                "code page of the font",
                "{\\rtf1\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Arial Cyr;}}\\f1 \\'cf\\f0\\'fc}",
                "\u{41f}\u{fc}",
            ),
            ("two octets", "{\\rtf1\\ansicpg936 \\'b7\\'a2\\'c6\\'b1}", "\u{53d1}\u{7968}"),
            ("by number", "{\\rtf1\\uc1 \\u21457?\\u-28136 ?x\\uc0\\u252 y}", "\u{53d1}\u{9218}x\u{fc}y"),
            ("beyond 16 bits", "{\\rtf1 \\u-10179?\\u-8704?}", "\u{1f600}"),
            ("fallback of two", "{\\rtf1\\uc2\\u252\\'c3\\'bcx}", "\u{fc}x"),
            ("no text", "{\\rtf1{\\stylesheet x}{\\info{\\title t}}{\\pict 00ff}{\\*\\generator g;}a}", "a"),
            ("binary", "{\\rtf1 a{\\pict\\bin3 }}}}b}", "ab"),
            ("line ends", "{\\rtf1 a\r\nb\\\nc}", "ab\nc"),
            ("marks", "{\\rtf1 \\ldblquote a\\rdblquote\\emdash b}", "\u{201c}a\u{201d}\u{2014}b"),
            ("cut off", "{\\rtf1 a\\'", "a"),
            ("unbalanced", "{\\rtf1 a}}}b", "ab"),
            ("none", "", ""),
        ];
        for (name, rtf, want) in rows {
            assert_eq!(read_rtf(rtf.as_bytes()), RtfContent::Text((*want).into()), "{name}");
        }
    }

    #[test]
    fn html_comes_back_as_it_was() {
        // As MS-OXRTFEX section 4.1 wraps it.
        let rtf = "{\\rtf1\\ansi\\ansicpg1251\\fromhtml1 \\deff0{\\fonttbl{\\f0\\fmodern Courier New;}}\r\n\
            {\\*\\htmltag19 <html>}{\\*\\htmltag2 \\par }{\\*\\htmltag50 <body>}\\htmlrtf \\lang1033 \\htmlrtf0 \
            {\\*\\htmltag64 <p class=\"a\\{b\\}\">}\\htmlrtf {\\htmlrtf0 {\\*\\mhtmltag84 x}Hi \\u252? \\'cf &{\\*\\htmltag84 amp;}\\htmlrtf\\par}\\htmlrtf0\
            {\\*\\htmltag72 </p>}{\\*\\htmltag58 </body></html>}}";
        // The code page is one that only the feature `charsets` has.
        let letter = if cfg!(feature = "charsets") { '\u{41f}' } else { '\u{cf}' };
        let want =
            alloc::format!("<html>\r\n<body><p class=\"a{{b}}\">Hi \u{fc} {letter} &amp;</p></body></html>");
        assert_eq!(read_rtf(rtf.as_bytes()), RtfContent::Html(want));
    }

    #[test]
    fn deep_groups_hold_nothing_and_end() {
        let (open, close) = ("{".repeat(100_000), "}".repeat(100_000));
        let rtf = format!("{{\\rtf1 a{open}b{close}c}}");
        assert_eq!(read_rtf(rtf.as_bytes()), RtfContent::Text("ac".to_string()));
    }

    proptest! {
        #[test]
        fn any_octets_are_read(rtf in any::<Vec<u8>>(), text in "[{}\\\\'*ufh0-9a-z \n-]{0,60}") {
            let _ = read_rtf(&rtf);
            let _ = read_rtf(format!("{{\\rtf1\\fromhtml1 {text}").as_bytes());
            let _ = read_rtf(text.as_bytes());
        }
    }
}

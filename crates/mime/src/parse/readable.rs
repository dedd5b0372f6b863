//! A message as a person reads it: paragraphs in place of lines, text in place of HTML, files taken out of the text.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Kind, Message, Part};
use crate::decode::{self, UuEncode};
use crate::line_end::with_lines;
use crate::{LineEnds, html_to_text, unflow};

/// A piece of a text body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Piece<'a> {
    /// Text for people.
    Text(Cow<'a, str>),
    /// A file that `uuencode` put between the lines of the text.
    File {
        /// Name that it is given, decoded and otherwise as sent: never open a file by it unchecked.
        name: String,
        /// Its octets.
        octets: Vec<u8>,
    },
}

impl<'a> Part<'a> {
    /// The text of this part, and the files that `uuencode` put into it.
    ///
    /// A file begins with a line like `begin 644 name`, has only encoded lines, and ends with a line `end`. Everything else
    /// is text. A part that is no text has no pieces. Takes time linear in the body.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'a>> {
        if !self.is_text() {
            return Vec::new();
        }
        // Most texts hold nothing of the kind, and are not copied.
        let mut octets = self.bytes();
        if memchr::memmem::find(&octets, b"begin ").is_none() {
            return Vec::from([Piece::Text(with_lines(self.text()))]);
        }
        if memchr::memchr(b'\n', &octets).is_none() {
            octets = Cow::Owned(LineEnds::to_crlf(&octets));
        }
        let (mut pieces, mut text, mut rest) = (Vec::new(), 0usize, 0usize);
        let place = |left: &[u8]| octets.len().saturating_sub(left.len());
        while let Some(after) = octets.get(rest..).filter(|after| !after.is_empty()) {
            let (line, next) = first_line(after);
            let Some(name) = decode::uuencoded_name(line.trim_ascii_end()) else {
                rest = place(next);
                continue;
            };
            match end_of_file(next) {
                Ok(behind) => {
                    if text < rest {
                        pieces.push(self.text_piece(octets.get(text..rest).unwrap_or_default()));
                    }
                    let encoded = octets.get(rest..place(behind)).unwrap_or_default();
                    pieces.push(Piece::File {
                        name: decode::unstructured(name).into_owned(),
                        octets: decoded(encoded),
                    });
                    rest = place(behind);
                    text = rest;
                }
                // No line of what was looked at can begin a file: it would not have been data.
                Err(left) => rest = place(left),
            }
        }
        if text < octets.len() {
            pieces.push(self.text_piece(octets.get(text..).unwrap_or_default()));
        }
        pieces
    }

    fn text_piece(&self, octets: &[u8]) -> Piece<'a> {
        Piece::Text(with_lines(Cow::Owned(self.text_of(octets))))
    }

    /// The text of this part for people. Turns HTML into text ([`html_to_text`]) and `format=flowed` into paragraphs
    /// ([`unflow`]), and leaves out files that `uuencode` put into it. Empty for a part that is no text.
    #[must_use]
    pub fn plain_text(&self) -> Cow<'a, str> {
        if self.content_type().essence == "text/html" {
            return Cow::Owned(html_to_text(&with_lines(self.text())));
        }
        let mut pieces = self.pieces().into_iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::File { .. } => None,
        });
        let mut text = pieces.next().unwrap_or_default();
        for more in pieces {
            text.to_mut().push_str(&more);
        }
        let is = |name: &str, value: &str| {
            let parameters = &self.content_type().parameters;
            parameters.get(name).is_some_and(|known| known.trim().eq_ignore_ascii_case(value))
        };
        if is("format", "flowed") {
            return Cow::Owned(unflow(&text, is("delsp", "yes")));
        }
        text
    }
}

impl Message<'_> {
    /// The text of the message for people: its [`text_body`](Self::text_body), each part of it as
    /// [`Part::plain_text`], one after the other. A multipart that hides its parts ([`Part::hidden_parts`]) is opened, and another
    /// one in which no part was found is shown as it is. Where a mailer left the plain form blank, the HTML is shown; where
    /// there is neither, other texts that are no files.
    #[must_use]
    pub fn text(&self) -> String {
        self.text_opened(true)
    }

    /// Opens multiparts that hide their parts, but none in these: each is decoded once more.
    fn text_opened(&self, opens: bool) -> String {
        let text = joined(self.text_body(), opens);
        if text.trim().is_empty() {
            let is_html = |part: &&Part<'_>| part.content_type().essence == "text/html";
            let html = joined(self.html_body().filter(is_html), opens);
            if !html.trim().is_empty() {
                return html;
            }
            let other = joined(self.parts().iter().filter(|part| self.is_other_text(part)), opens);
            if !other.trim().is_empty() {
                return other;
            }
        }
        text
    }

    /// Whether this is a text of the message itself that is no file: in another form than a body has, or behind a picture.
    fn is_other_text(&self, part: &Part<'_>) -> bool {
        let is_own = |of: usize| self.parts().get(of).is_none_or(|around| around.kind() == Kind::Multipart);
        let is_file = part.is_attachment() || part.file_name().is_some() || part.role().is_some();
        let around = core::iter::successors(part.parent(), |of| self.parts().get(*of).and_then(Part::parent));
        part.is_text() && !is_file && around.into_iter().all(is_own)
    }

    /// The HTML of the message: the parts of its [`html_body`](Self::html_body) that are HTML, one after the other.
    /// `None` if there is none. Nothing is taken out of it: it may hold scripts and links to pictures on servers.
    #[must_use]
    pub fn html(&self) -> Option<String> {
        self.html_opened(true)
    }

    fn html_opened(&self, opens: bool) -> Option<String> {
        let mut html: Option<String> = None;
        for part in self.html_body() {
            let more = match part.kind() {
                Kind::Multipart if opens => {
                    part.hidden_parts().and_then(|hidden| Message::parse(&hidden).html_opened(false))
                }
                _ if part.content_type().essence == "text/html" => Some(part.text().into_owned()),
                _ => None,
            };
            if let Some(more) = more {
                html.get_or_insert_default().push_str(&more);
            }
        }
        html
    }
}

/// The texts of parts, one after the other.
fn joined<'m, 'a: 'm>(parts: impl Iterator<Item = &'m Part<'a>>, opens: bool) -> String {
    let mut text = String::new();
    for part in parts {
        let own = match part.kind() {
            Kind::Multipart => match part.hidden_parts().filter(|_| opens) {
                Some(hidden) => Cow::Owned(Message::parse(&hidden).text_opened(false)),
                None => part.text(),
            },
            _ => part.plain_text(),
        };
        if !text.is_empty() && !text.ends_with('\n') && !own.is_empty() {
            text.push('\n');
        }
        text.push_str(&own);
    }
    text
}

/// What follows the `end` of a file, from the line after `begin` on; or the first line that is no data.
fn end_of_file(data: &[u8]) -> Result<&[u8], &[u8]> {
    let (mut rest, mut ended) = (data, false);
    while !rest.is_empty() {
        let (line, next) = first_line(rest);
        let line = line.trim_ascii_end();
        match line.split_first() {
            Some(_) if line == b"end" => return Ok(next),
            // A line of no octets, in front of the end. Spaces at the end of lines may be gone.
            None | Some((b'`', [])) => ended = true,
            Some((&count @ b'!'..=b'M', text)) if !ended && fits(count, text.len()) => {}
            _ => return Err(rest),
        }
        rest = next;
    }
    Err(rest)
}

/// Whether a line has a plausible length for the number of octets that its first character names. Spaces may be missing
/// at its end, and some encoders add a check sum or a whole group.
fn fits(count: u8, len: usize) -> bool {
    let octets = usize::from(count.wrapping_sub(b' ') & 0x3F);
    let full = octets.div_ceil(3).saturating_mul(4);
    len <= full.saturating_add(2) && full.saturating_sub(len) < 60
}

fn decoded(encoded: &[u8]) -> Vec<u8> {
    let (mut decoder, mut out) = (UuEncode::default(), Vec::with_capacity(encoded.len()));
    decoder.decode(encoded, &mut out);
    decoder.finish(&mut out);
    out
}

/// A line with its end, and what follows.
fn first_line(octets: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', octets).map_or(octets.len(), |at| at.saturating_add(1));
    octets.split_at_checked(end).unwrap_or((octets, &[]))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    fn shown(raw: &str) -> Vec<String> {
        let message = Message::parse(raw.as_bytes());
        let pieces = message.parts()[0].pieces();
        let show = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.to_string(),
            Piece::File { name, octets } => format!("{name}: {}", octets.escape_ascii()),
        };
        pieces.iter().map(show).collect()
    }

    /// What begins like a file of `uuencode` and has other lines or no end stays text.
    #[test]
    fn files_are_taken_out_of_the_text() {
        let file = "begin 644 a b.txt\n#:&D*\n`\nend\n";
        let rows: &[(&str, String, Vec<String>)] = &[
            ("alone", file.into(), vec!["a b.txt: hi\\n".into()]),
            (
                "between lines",
                format!("see\n{file}\nbye\n"),
                vec!["see\n".into(), "a b.txt: hi\\n".into(), "\nbye\n".into()],
            ),
            ("two", format!("{file}{file}"), vec!["a b.txt: hi\\n".into(), "a b.txt: hi\\n".into()]),
            ("CRLF, spaces gone", file.replace('`', "").replace('\n', "\r\n"), vec!["a b.txt: hi\\n".into()]),
            (
                "CR",
                format!("see\n{file}bye\n").replace('\n', "\r"),
                vec!["see\r\n".into(), "a b.txt: hi\\n".into(), "bye\r\n".into()],
            ),
            ("no end", "begin 644 x\n#:&D*\n".into(), vec!["begin 644 x\n#:&D*\n".into()]),
            (
                "words",
                "begin 644 steps to peace\nand so on\nend\n".into(),
                vec!["begin 644 steps to peace\nand so on\nend\n".into()],
            ),
            (
                "a line of another length than it says",
                "begin 644 x\n#1 of the list\nend\n".into(),
                vec!["begin 644 x\n#1 of the list\nend\n".into()],
            ),
            (
                "a file behind words that look like one",
                format!("begin 644 x\n{file}"),
                vec!["begin 644 x\n".into(), "a b.txt: hi\\n".into()],
            ),
        ];
        for (name, body, want) in rows {
            let end = if body.contains('\n') { "\n" } else { "\r" };
            assert_eq!(shown(&format!("Subject: x{end}{end}{body}")), *want, "{name}");
            let encoded = body.bytes().map(|byte| format!("={byte:02X}")).collect::<Vec<_>>().join("=\n");
            let raw = format!("Content-Transfer-Encoding: quoted-printable\n\n{encoded}");
            assert_eq!(shown(&raw), *want, "{name}, encoded");
        }
        assert!(shown("Content-Type: image/png\n\nbegin 644 x\n#:&D*\n`\nend\n").is_empty());
    }

    #[test]
    fn texts_are_made_readable() {
        let parts = "--b==\n\nhi\n--b==\nContent-Type: text/html\n\n<b>hi</b>\n--b==--\n";
        let base64 = "LS1iPT0KCmhpCi0tYj09CkNvbnRlbnQtVHlwZTogdGV4dC9odG1sCgo8Yj5oaTwvYj4KLS1iPT0tLQo=";
        let hidden = |encoding: &str, body: &str| {
            let kind = "Content-Type: multipart/alternative; boundary=\"b==\"";
            format!("{kind}\nContent-Transfer-Encoding: {encoding}\n\n{body}")
        };
        let quote = |text: &str| text.replace('=', "=3D");
        let quoted = quote(parts);
        let inmost = quote("--c==\n\nhi\n--c==--\n");
        let inner =
            "Content-Type: multipart/mixed; boundary=\"c==\"\nContent-Transfer-Encoding: quoted-printable";
        let nested = quote(&format!("--b==\n{inner}\n\n{inmost}--b==--\n"));
        let rows: &[(&str, &str, &str, Option<&str>)] = &[
            ("plain", "Subject: x\n\nhi\n", "hi\n", None),
            ("flowed", "Content-Type: text/plain; format=flowed\n\na \nb\n", "a b\n", None),
            (
                "lines of an old Mac",
                "Content-Type: text/html\r\r<pre>hi\ryou</pre>\r",
                "hi\nyou\n",
                Some("<pre>hi\ryou</pre>\r"),
            ),
            (
                "the same beneath an encoding",
                "Content-Transfer-Encoding: base64\n\naGkNeW91DQ==\n",
                "hi\nyou\n",
                None,
            ),
            ("CR CR LF", "Subject: x\r\r\n\r\r\nhi\r\r\nyou\r\r\n", "hi\r\nyou\r\n", None),
            ("DelSp", "Content-Type: text/plain; FORMAT=Flowed; DelSp=Yes\n\na \nb\n", "ab\n", None),
            ("not flowed", "Content-Type: text/plain; format=fixed\n\na \nb\n", "a \nb\n", None),
            ("HTML", "Content-Type: text/html\n\n<p>hi<p>you", "hi\n\nyou\n", Some("<p>hi<p>you")),
            ("a picture", "Content-Type: image/png\n\nhi", "", None),
            (
                "a plain form that is blank",
                "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\n<b>hi</b>\n--b--\n",
                "hi\n",
                Some("<b>hi</b>"),
            ),
            ("a multipart without a boundary", "Content-Type: multipart/mixed\n\nhi\n", "hi\n", None),
            (
                "one whose boundary is not there",
                "Content-Type: multipart/mixed; boundary=b\n\nhi\n--c\n",
                "hi\n--c\n",
                None,
            ),
            ("a multipart in base64", &hidden("base64", base64), "hi", Some("<b>hi</b>")),
            (
                "one with a short boundary",
                "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\nLS1iCgpoaQotLWItLQo=\n",
                "hi",
                None,
            ),
            ("one in quoted-printable", &hidden("Quoted-Printable", &quoted), "hi", Some("<b>hi</b>")),
            ("one with an encoding that it does not use", &hidden("base64", parts), "hi", Some("<b>hi</b>")),
            (
                "one with another boundary",
                &hidden("7bit", &parts.replace("b=", "B=")),
                "hi",
                Some("<b>hi</b>"),
            ),
            (
                "another one in quoted-printable",
                &hidden("quoted-printable", &quoted.replace("b=3D", "B=3D")),
                "hi",
                Some("<b>hi</b>"),
            ),
            ("one in another", &hidden("quoted-printable", &nested), "--c==\n\nhi\n--c==--", None),
            ("Markdown", "Content-Type: text/markdown\n\n# hi\n", "# hi\n", None),
            ("calendar data", "Content-Type: text/calendar\n\nhi\n", "", None),
            ("a file that is Markdown", "Content-Type: text/markdown; name=a.md\n\n# hi\n", "", None),
            (
                "an attached message alone",
                "Content-Type: message/rfc822\n\nContent-Type: text/markdown\n\nhi\n",
                "",
                None,
            ),
            (
                "HTML behind its picture",
                "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: image/png\n\nx\n--b\nContent-Type: text/html\n\n<p>hi\n--b--\n",
                "hi\n",
                None,
            ),
            (
                "HTML that names UTF-8",
                "Content-Type: text/html\n\n<META Charset = 'utf-16'>\u{2019}",
                "\u{2019}\n",
                Some("<META Charset = 'utf-16'>\u{2019}"),
            ),
            (
                "both",
                "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: text/html\n\n<b>hi</b>\n--b--\n",
                "hi",
                Some("<b>hi</b>"),
            ),
            (
                "two texts",
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n\nyou\n--b--\n",
                "hi\nyou",
                None,
            ),
            ("a file in it", "\nhi\nbegin 644 x\n#:&D*\n`\nend\nyou\n", "hi\nyou\n", None),
        ];
        for (name, raw, text, html) in rows {
            let message = Message::parse(raw.as_bytes());
            assert_eq!((message.text().as_str(), message.html().as_deref()), (*text, *html), "{name}");
        }
    }
}

//! `winmail.dat`: the form in which Outlook and Exchange send rich text (MS-OXTNEF). Feature `tnef`.
//!
//! [`Tnef::parse`] opens it: the texts and the attachments that are inside, names decoded, RTF decompressed.

mod properties;
mod rtf;
mod rtf_text;
#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use self::properties::{Properties, Value, id};
pub use self::rtf::decompress as decompress_rtf;
pub use self::rtf_text::{RtfContent, read_rtf};
use crate::{decode, html_to_text};

/// How much of a TNEF stream is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TnefLimits {
    /// Attributes of a stream and properties in them. Default 10,000; what follows is left out.
    pub items: usize,
    /// Octets of a text after decompression. Default 16 MiB; a longer one is left out.
    pub text: usize,
}

impl Default for TnefLimits {
    fn default() -> Self {
        Self { items: 10_000, text: 16 << 20 }
    }
}

/// What a TNEF stream holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tnef<'a> {
    /// Subject; empty if there is none.
    pub subject: String,
    /// `IPM.Note` for a message, `IPM.Schedule.Meeting.Request` for an invitation, …
    pub message_class: String,
    /// Plain text. If the stream has none, the text of [`rtf`](Self::rtf).
    pub text: Option<String>,
    /// HTML text. If the stream has none, the HTML that Outlook made [`rtf`](Self::rtf) from.
    pub html: Option<String>,
    /// The text in RTF, decompressed.
    pub rtf: Option<Vec<u8>>,
    /// The files.
    pub attachments: Vec<TnefAttachment<'a>>,
    /// Whether the stream is cut off or partly unreadable. The other fields then hold what could be read.
    pub is_broken: bool,
}

/// A file in a TNEF stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TnefAttachment<'a> {
    /// Name, decoded and otherwise as sent: never open a file by it unchecked. Empty if there is none.
    pub name: String,
    /// Media type; empty if there is none.
    pub media_type: String,
    /// What `cid:` in the HTML text calls it; empty if there is none.
    pub content_id: String,
    /// Its octets. Where [`is_message`](Self::is_message) is true they are a TNEF stream of their own.
    pub octets: Cow<'a, [u8]>,
    /// Whether it is a message, for [`Tnef::parse`] to open.
    pub is_message: bool,
}

/// The octets are no TNEF stream: they do not begin with its signature, 78 9F 3E 22.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is no other reason")]
pub struct NotTnef;

impl fmt::Display for NotTnef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a TNEF stream")
    }
}

impl core::error::Error for NotTnef {}

impl<'a> Tnef<'a> {
    /// Opens a stream with the default [`TnefLimits`].
    ///
    /// # Errors
    ///
    /// Fails for octets that do not begin with the signature. A stream that is cut off or broken is read as far as possible.
    pub fn parse(octets: &'a [u8]) -> Result<Self, NotTnef> {
        Self::parse_with(octets, &TnefLimits::default())
    }

    /// [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(octets: &'a [u8], limits: &TnefLimits) -> Result<Self, NotTnef> {
        let mut input = Input(octets.strip_prefix(SIGNATURE).ok_or(NotTnef)?);
        // A key that nobody uses.
        input.take(2);
        let mut tnef = Self::default();
        let mut code_page = None;
        let mut left = limits.items;
        while !input.0.is_empty() {
            let Some((attribute, data)) = input.attribute().filter(|_| left > 0) else {
                tnef.is_broken = true;
                break;
            };
            left = left.saturating_sub(1);
            let last = tnef.attachments.last_mut();
            match (attribute, last) {
                (attribute::CODE_PAGE, _) => code_page = Input(data).u32(),
                (attribute::SUBJECT, _) => tnef.subject = text(data, code_page),
                (attribute::MESSAGE_CLASS, _) => tnef.message_class = text(data, code_page),
                (attribute::BODY, _) => tnef.text = Some(text(data, code_page)),
                (attribute::PROPERTIES, _) => {
                    let properties = Properties::parse(data, &mut left);
                    tnef.is_broken |= properties.is_broken;
                    tnef.set(&properties, &mut code_page, limits);
                }
                (attribute::NEXT_ATTACHMENT, _) => tnef.attachments.push(TnefAttachment::default()),
                (attribute::ATTACHMENT_TITLE, Some(file)) if file.name.is_empty() => {
                    file.name = text(data, code_page);
                }
                (attribute::ATTACHMENT_DATA, Some(file)) => file.octets = Cow::Borrowed(data),
                (attribute::ATTACHMENT_PROPERTIES, Some(file)) => {
                    let properties = Properties::parse(data, &mut left);
                    tnef.is_broken |= properties.is_broken;
                    file.set(&properties, code_page);
                }
                _ => {}
            }
        }
        match tnef.rtf.as_deref().map(read_rtf) {
            Some(RtfContent::Html(html)) if tnef.html.is_none() => tnef.html = Some(html),
            Some(RtfContent::Text(text)) if tnef.text.is_none() && tnef.html.is_none() => {
                tnef.text = Some(text)
            }
            _ => {}
        }
        Ok(tnef)
    }

    /// The text for people: the plain text, or what [`html_to_text`] makes of the HTML. Empty if there is none.
    #[must_use]
    pub fn plain_text(&self) -> String {
        match (&self.text, &self.html) {
            (Some(text), _) if !text.trim().is_empty() => text.clone(),
            (text, html) => html.as_deref().map(html_to_text).or_else(|| text.clone()).unwrap_or_default(),
        }
    }

    fn set(&mut self, properties: &Properties<'a>, code_page: &mut Option<u32>, limits: &TnefLimits) {
        let get = |id| properties.get(id);
        // The code page of the texts, where it is said, is better than that of the machine.
        if let Some(Value::Number(page)) = get(id::INTERNET_CODE_PAGE) {
            *code_page = Some(*page);
        }
        if let Some(subject) = get(id::SUBJECT).and_then(|value| value.text(*code_page)) {
            self.subject = subject;
        }
        if let Some(body) = get(id::BODY).and_then(|value| value.text(*code_page)) {
            self.text = Some(body);
        }
        if let Some(html) = get(id::BODY_HTML).and_then(|value| value.text(*code_page)) {
            self.html = Some(html);
        }
        if let Some(Value::Octets(compressed)) = get(id::RTF_COMPRESSED) {
            let rtf = decompress_rtf(compressed, limits.text);
            self.is_broken |= rtf.is_none();
            self.rtf = rtf;
        }
    }
}

impl<'a> TnefAttachment<'a> {
    fn set(&mut self, properties: &Properties<'a>, code_page: Option<u32>) {
        let get = |id| properties.get(id);
        let text = |id| get(id).and_then(|value| value.text(code_page)).filter(|text| !text.is_empty());
        let name = text(id::ATTACH_LONG_FILENAME).or_else(|| text(id::ATTACH_FILENAME));
        // The title is a name of eight letters and three, as of old.
        if let Some(name) = name.or_else(|| text(id::DISPLAY_NAME).filter(|_| self.name.is_empty())) {
            self.name = name;
        }
        self.media_type = text(id::ATTACH_MIME_TAG).unwrap_or_default();
        self.content_id = text(id::ATTACH_CONTENT_ID).unwrap_or_default();
        match get(id::ATTACH_DATA) {
            // An object begins with the id of what it is.
            Some(Value::Object(object)) => match object.strip_prefix(MESSAGE_ID) {
                Some(message) => (self.octets, self.is_message) = (Cow::Borrowed(message), true),
                None => self.octets = Cow::Borrowed(object.get(16..).unwrap_or_default()),
            },
            Some(Value::Octets(octets)) if self.octets.is_empty() => self.octets = Cow::Borrowed(octets),
            _ => {}
        }
    }
}

const SIGNATURE: &[u8] = &[0x78, 0x9F, 0x3E, 0x22];
/// `IID_IMessage`, 00020307-0000-0000-C000-000000000046.
const MESSAGE_ID: &[u8] = &[7, 3, 2, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46];

/// Ids of attributes (MS-OXTNEF section 2.1.3.2), without the type in their upper half.
mod attribute {
    pub(super) const SUBJECT: u16 = 0x8004;
    pub(super) const MESSAGE_CLASS: u16 = 0x8008;
    pub(super) const BODY: u16 = 0x800C;
    pub(super) const ATTACHMENT_DATA: u16 = 0x800F;
    pub(super) const ATTACHMENT_TITLE: u16 = 0x8010;
    pub(super) const NEXT_ATTACHMENT: u16 = 0x9002;
    pub(super) const PROPERTIES: u16 = 0x9003;
    pub(super) const ATTACHMENT_PROPERTIES: u16 = 0x9005;
    pub(super) const CODE_PAGE: u16 = 0x9007;
}

/// Little-endian numbers and runs of octets, from the front.
#[derive(Clone, Copy)]
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A length, and so many octets.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        self.take(len)
    }

    /// `level id length data checksum`. A check sum that is wrong spoils nothing: some writers have never made a right one.
    fn attribute(&mut self) -> Option<(u16, &'a [u8])> {
        let level = self.take(1)?;
        if !matches!(level, [1 | 2]) {
            return None;
        }
        let id = self.u16()?;
        self.take(2)?;
        let data = self.counted()?;
        self.take(2);
        Some((id, data))
    }
}

/// Text of one octet a letter, in a code page of Windows, up to its NUL.
fn text(octets: &[u8], code_page: Option<u32>) -> String {
    let octets = octets.split(|&octet| octet == 0).next().unwrap_or_default();
    let label = match code_page {
        Some(65_001) => Some("utf-8".into()),
        Some(932) => Some("shift_jis".into()),
        Some(936 | 54_936) => Some("gb18030".into()),
        Some(949) => Some("euc-kr".into()),
        Some(950) => Some("big5".into()),
        Some(20_866) => Some("koi8-r".into()),
        Some(page @ 28_591..=28_605) => Some(alloc::format!("iso-8859-{}", page.saturating_sub(28_590))),
        Some(50_220..=50_222) => Some("iso-2022-jp".into()),
        Some(51_932) => Some("euc-jp".into()),
        Some(page) => Some(alloc::format!("windows-{page}")),
        None => None,
    };
    let known = label.and_then(|label: String| decode::text(octets, &label).map(Cow::into_owned));
    known.unwrap_or_else(|| decode::guess(octets).into_owned())
}

//! The properties of MAPI inside of an attribute (MS-OXTNEF section 2.1.3.4).

use alloc::string::String;
use alloc::vec::Vec;

use super::{Input, text};

/// The properties that are looked at, by their ids (MS-OXPROPS).
pub(super) mod id {
    pub(crate) const SUBJECT: u16 = 0x0037;
    pub(crate) const BODY: u16 = 0x1000;
    pub(crate) const RTF_COMPRESSED: u16 = 0x1009;
    pub(crate) const BODY_HTML: u16 = 0x1013;
    pub(crate) const DISPLAY_NAME: u16 = 0x3001;
    pub(crate) const ATTACH_DATA: u16 = 0x3701;
    pub(crate) const ATTACH_FILENAME: u16 = 0x3704;
    pub(crate) const ATTACH_LONG_FILENAME: u16 = 0x3707;
    pub(crate) const ATTACH_MIME_TAG: u16 = 0x370E;
    pub(crate) const ATTACH_CONTENT_ID: u16 = 0x3712;
    pub(crate) const INTERNET_CODE_PAGE: u16 = 0x3FDE;
    pub(super) const WANTED: [u16; 11] = [
        SUBJECT,
        BODY,
        RTF_COMPRESSED,
        BODY_HTML,
        DISPLAY_NAME,
        ATTACH_DATA,
        ATTACH_FILENAME,
        ATTACH_LONG_FILENAME,
        ATTACH_MIME_TAG,
        ATTACH_CONTENT_ID,
        INTERNET_CODE_PAGE,
    ];
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u32),
    /// In the code page of the message.
    String8(&'a [u8]),
    /// In UTF-16, little-endian.
    Unicode(&'a [u8]),
    Octets(&'a [u8]),
    Object(&'a [u8]),
}

impl Value<'_> {
    pub(super) fn text(&self, code_page: Option<u32>) -> Option<String> {
        match self {
            Self::String8(octets) | Self::Octets(octets) => Some(text(octets, code_page)),
            Self::Unicode(octets) => {
                let units = octets.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
                let letters = char::decode_utf16(units.take_while(|unit| *unit != 0));
                Some(letters.map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
            }
            Self::Number(_) | Self::Object(_) => None,
        }
    }
}

/// Those of the properties that are [wanted](id::WANTED).
pub(super) struct Properties<'a> {
    list: Vec<(u16, Value<'a>)>,
    /// Whether not all of them could be read.
    pub(super) is_broken: bool,
}

impl<'a> Properties<'a> {
    /// Reads as many as `left` allows, and takes them from it.
    pub(super) fn parse(data: &'a [u8], left: &mut usize) -> Self {
        let mut input = Input(data);
        let count = input.u32().unwrap_or_default();
        let mut list = Vec::new();
        for _ in 0..count {
            let Some(property) = read(&mut input).filter(|_| *left > 0) else {
                return Self { list, is_broken: true };
            };
            *left = left.saturating_sub(1);
            if let (id, Some(value)) = property
                && id::WANTED.contains(&id)
            {
                list.push((id, value));
            }
        }
        Self { list, is_broken: false }
    }

    pub(super) fn get(&self, id: u16) -> Option<&Value<'a>> {
        self.list.iter().find(|(known, _)| *known == id).map(|(_, value)| value)
    }
}

/// The first value of the next property; `None` behind the end or for a type that is not known, whose length nobody knows.
fn read<'a>(input: &mut Input<'a>) -> Option<(u16, Option<Value<'a>>)> {
    let (kind, id) = (input.u16()?, input.u16()?);
    if id >= 0x8000 {
        // A property with a name: the set that it is of, and a number or a text in it.
        input.take(16)?;
        match input.u32()? {
            0 => _ = input.u32()?,
            _ => _ = padded(input)?,
        }
    }
    let many = kind & 0x1000 != 0;
    let kind = kind & 0x0FFF;
    let variable = matches!(kind, 0x000D | 0x001E | 0x001F | 0x0102);
    let count = if many || variable { input.u32()? } else { 1 };
    let mut first = None;
    for _ in 0..count {
        let value = match kind {
            0x0000 | 0x0001 => None,
            // Short numbers and truth values fill four octets.
            0x0002 | 0x0003 | 0x0004 | 0x000A | 0x000B => Some(Value::Number(input.u32()?)),
            0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => {
                input.take(8)?;
                None
            }
            0x0048 => {
                input.take(16)?;
                None
            }
            0x000D => Some(Value::Object(padded(input)?)),
            0x001E => Some(Value::String8(padded(input)?)),
            0x001F => Some(Value::Unicode(padded(input)?)),
            0x0102 => Some(Value::Octets(padded(input)?)),
            _ => return None,
        };
        if value.is_none() && input.0.is_empty() && count > 1 {
            return None;
        }
        first = first.or(value);
    }
    Some((id, first))
}

/// A length, so many octets, and what fills them up to a multiple of four.
fn padded<'a>(input: &mut Input<'a>) -> Option<&'a [u8]> {
    let octets = input.counted()?;
    let fill = octets.len().next_multiple_of(4).saturating_sub(octets.len());
    // The last one may lack it.
    input.take(fill.min(input.0.len()));
    Some(octets)
}

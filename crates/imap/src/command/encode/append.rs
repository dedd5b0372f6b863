//! The messages of APPEND and REPLACE.

use super::{
    super::{AppendData, AppendMessage, CatenatePart, write::Writer},
    some,
};
use crate::{Invalid, datetime::Written};

/// `append-message = append-opts SP append-data`, and the space in front of it (RFC 4466)
pub(super) fn write_message(out: &mut Writer, message: &AppendMessage<'_>) -> Result<(), Invalid> {
    if !message.flags.is_empty() {
        out.raw(" ");
        out.flags(&message.flags)?;
    }
    if let Some(date) = message.date {
        if date.offset_minutes().unsigned_abs() >= 24 * 60 {
            return Err(Invalid("time zone is a day away"));
        }
        out.raw(" \"");
        out.shown(Written(date));
        out.raw("\"");
    }
    out.raw(" ");
    match &message.data {
        AppendData::Octets(octets) if octets.contains(&0) => return Err(Invalid("a message with NUL")),
        AppendData::Octets(octets) => out.literal(octets),
        AppendData::Binary(octets) => {
            out.raw("~");
            out.literal(octets);
        }
        AppendData::Utf8(octets) => {
            out.raw("UTF8 (~");
            out.literal(octets);
            out.raw(")");
        }
        AppendData::Stream(size) => out.stream(*size),
        AppendData::Catenate(parts) => {
            out.raw("CATENATE ");
            out.list(some(parts)?, |out, part| match part {
                CatenatePart::Text(text) if text.contains(&0) => Err(Invalid("a message with NUL")),
                CatenatePart::Text(text) => {
                    out.raw("TEXT ");
                    out.literal(text);
                    Ok(())
                }
                CatenatePart::Url(url) => {
                    out.raw("URL ");
                    out.astring(url)
                }
            })?;
        }
    }
    Ok(())
}

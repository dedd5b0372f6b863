//! The items of a FETCH response.

use alloc::vec::Vec;

use super::{astring, flag, listed, literal, named, nstring, params, show, string};
use crate::{
    Address, BodyStructure, Disposition, Envelope, Extension, Item, List, MultiPart, Section, SectionOf,
    SinglePart, Text, datetime::Written,
};

pub(super) fn item(out: &mut Vec<u8>, item: &Item<'_>) {
    match item {
        Item::Uid(uid) => named(out, "UID", uid),
        Item::Flags(flags) => {
            show(out, "FLAGS ");
            listed(out, flags, flag);
        }
        Item::InternalDate(date) => show(out, format_args!("INTERNALDATE \"{}\"", Written(*date))),
        Item::Size(size) => named(out, "RFC822.SIZE", size),
        Item::Envelope(message) => {
            show(out, "ENVELOPE ");
            envelope(out, message);
        }
        Item::BodyStructure { extended, structure } => {
            show(out, if *extended { "BODYSTRUCTURE " } else { "BODY " });
            body(out, structure, *extended);
        }
        Item::Body { section: which, origin, data } => {
            show(out, "BODY");
            section(out, which);
            content(out, *origin, data.as_ref());
        }
        Item::Rfc822(data) => {
            show(out, "RFC822");
            content(out, None, data.as_ref());
        }
        Item::Rfc822Header(data) => {
            show(out, "RFC822.HEADER");
            content(out, None, data.as_ref());
        }
        Item::Rfc822Text(data) => {
            show(out, "RFC822.TEXT");
            content(out, None, data.as_ref());
        }
        Item::Binary { part, origin, data } => {
            show(out, format_args!("BINARY[{part}]"));
            content(out, *origin, data.as_ref());
        }
        Item::BinarySize { part, size } => show(out, format_args!("BINARY.SIZE[{part}] {size}")),
        Item::ModSeq(mod_seq) => show(out, format_args!("MODSEQ ({mod_seq})")),
        Item::EmailId(id) => identity(out, "EMAILID", Some(id)),
        Item::ThreadId(id) => identity(out, "THREADID", id.as_ref()),
        Item::SaveDate(Some(date)) => show(out, format_args!("SAVEDATE \"{}\"", Written(*date))),
        Item::SaveDate(None) => show(out, "SAVEDATE NIL"),
        Item::Preview(text) => {
            show(out, "PREVIEW ");
            nstring(out, text.as_ref());
        }
        Item::GmailMessageId(id) => named(out, "X-GM-MSGID", id),
        Item::GmailThreadId(id) => named(out, "X-GM-THRID", id),
        Item::GmailLabels(labels) => {
            show(out, "X-GM-LABELS ");
            listed(out, labels, |out, label| string(out, &label));
        }
        Item::Other { name, value } => {
            out.extend_from_slice(name);
            out.push(b' ');
            out.extend_from_slice(if value.is_empty() { b"NIL" } else { value });
        }
    }
}

fn identity(out: &mut Vec<u8>, name: &str, id: Option<&Text<'_>>) {
    show(out, name);
    match id {
        Some(id) => {
            out.extend_from_slice(b" (");
            out.extend_from_slice(id);
            out.push(b')');
        }
        None => show(out, " NIL"),
    }
}

/// `["<" number ">"] SP nstring`; octets with NUL become a `literal8`
fn content(out: &mut Vec<u8>, origin: Option<u64>, data: Option<&Text<'_>>) {
    if let Some(origin) = origin {
        show(out, format_args!("<{origin}>"));
    }
    out.push(b' ');
    match data {
        Some(data) => {
            if data.contains(&0) {
                out.push(b'~');
            }
            literal(out, data);
        }
        None => out.extend_from_slice(b"NIL"),
    }
}

fn section(out: &mut Vec<u8>, section: &Section<'_>) {
    out.push(b'[');
    show(out, &section.part);
    if !section.part.is_none() && section.of != SectionOf::Whole {
        out.push(b'.');
    }
    match &section.of {
        SectionOf::Whole => {}
        SectionOf::Header => show(out, "HEADER"),
        SectionOf::Text => show(out, "TEXT"),
        SectionOf::Mime => show(out, "MIME"),
        SectionOf::Fields(names) => {
            show(out, "HEADER.FIELDS ");
            listed(out, names, |out, name| astring(out, name));
        }
        SectionOf::FieldsNot(names) => {
            show(out, "HEADER.FIELDS.NOT ");
            listed(out, names, |out, name| astring(out, name));
        }
    }
    out.push(b']');
}

fn envelope(out: &mut Vec<u8>, envelope: &Envelope<'_>) {
    out.push(b'(');
    nstring(out, envelope.date.as_ref());
    out.push(b' ');
    nstring(out, envelope.subject.as_ref());
    let lists =
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
    for list in lists {
        out.push(b' ');
        addresses(out, list);
    }
    out.push(b' ');
    nstring(out, envelope.in_reply_to.as_ref());
    out.push(b' ');
    nstring(out, envelope.message_id.as_ref());
    out.push(b')');
}

fn addresses(out: &mut Vec<u8>, list: &List<'_, Address<'_>>) {
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        for field in [&address.name, &address.route, &address.mailbox] {
            nstring(out, field.as_ref());
            out.push(b' ');
        }
        match &address.host {
            // No host has these characters, and a reader may take the first for the end (`Quirks::stray_quote`).
            Some(host) if host.iter().any(|octet| matches!(octet, b'"' | b'\\')) => literal(out, host),
            host => nstring(out, host.as_ref()),
        }
        out.push(b')');
    }
    out.push(b')');
}

fn body(out: &mut Vec<u8>, structure: &BodyStructure<'_>, extended: bool) {
    out.push(b'(');
    match structure {
        BodyStructure::Single(part) => single(out, part, extended),
        BodyStructure::Multi(part) => multi(out, part, extended),
    }
    out.push(b')');
}

fn single(out: &mut Vec<u8>, part: &SinglePart<'_>, extended: bool) {
    string(out, &part.media);
    out.push(b' ');
    string(out, &part.subtype);
    out.push(b' ');
    params(out, &part.parameters);
    out.push(b' ');
    nstring(out, part.id.as_ref());
    out.push(b' ');
    nstring(out, part.description.as_ref());
    out.push(b' ');
    string(out, &part.encoding);
    named(out, "", part.octets);
    if let Some(message) = &part.message {
        out.push(b' ');
        envelope(out, &message.envelope);
        out.push(b' ');
        body(out, &message.structure, extended);
    }
    if let Some(lines) = part.lines {
        named(out, "", lines);
    }
    if extended || part.md5.is_some() || part.extension != Extension::default() {
        out.push(b' ');
        nstring(out, part.md5.as_ref());
        body_extension(out, &part.extension);
    }
}

fn multi(out: &mut Vec<u8>, part: &MultiPart<'_>, extended: bool) {
    for part in &part.parts {
        body(out, part, extended);
    }
    // The grammar has no multipart without parts. Servers that send one write NIL in place of the parts, if anything.
    show(out, if part.parts.is_empty() { "NIL " } else { " " });
    string(out, &part.subtype);
    if extended || !part.parameters.is_empty() || part.extension != Extension::default() {
        out.push(b' ');
        params(out, &part.parameters);
        body_extension(out, &part.extension);
    }
}

fn body_extension(out: &mut Vec<u8>, extension: &Extension<'_>) {
    out.push(b' ');
    match &extension.disposition {
        Some(Disposition { kind, parameters }) => {
            out.push(b'(');
            string(out, kind);
            out.push(b' ');
            params(out, parameters);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    if extension.languages.is_empty() {
        out.extend_from_slice(b"NIL");
    } else {
        listed(out, &extension.languages, |out, language| string(out, &language));
    }
    out.push(b' ');
    nstring(out, extension.location.as_ref());
}

//! `body`: the structure of a message (RFC 9051 section 7.5.2).

use alloc::{boxed::Box, vec::Vec};

use super::{
    Context, Res,
    envelope::{close, envelope},
    fail,
    list::{nastring, params},
    scan::{nil, number64, octet, spaces},
};
use crate::{BodyStructure, Disposition, Extension, List, Message, MultiPart, Param, SinglePart, Text};

/// `body = "(" (body-type-1part / body-type-mpart) ")"`
pub(super) fn body<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, BodyStructure<'a>> {
    let cx = cx.deeper(input)?;
    let (rest, ()) = octet(b'(', "body")(input)?;
    let rest = spaces(rest);
    if let [b'(', ..] = rest {
        return body_type_mpart(cx, rest);
    }
    let (after, media) = string_or_nil(cx, rest)?;
    match after {
        // Gmail leaves out the parts where a multipart repeats the boundary of the one around it.
        [b'(' | b')', ..] if cx.quirks.field_count => multipart(cx, Vec::new(), media, after),
        [b'N' | b'n', ..] if cx.quirks.field_count && !is_top_level(&media) => {
            multipart(cx, Vec::new(), media, after)
        }
        _ => body_type_1part(cx, media, after),
    }
}

/// `body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]`, and the `)` behind it
fn body_type_mpart<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, BodyStructure<'a>> {
    let (mut rest, mut parts) = (input, Vec::new());
    while let [b'(', ..] = rest {
        let (after, part) = body(cx, rest)?;
        parts.push(part);
        rest = spaces(after);
    }
    let (rest, subtype) = string_or_nil(cx, rest)?;
    multipart(cx, parts, subtype, rest)
}

/// `body-ext-mpart = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]`
fn multipart<'a>(
    cx: Context<'_>,
    parts: Vec<BodyStructure<'a>>,
    subtype: Text<'a>,
    rest: &'a [u8],
) -> Res<'a, BodyStructure<'a>> {
    let (rest, parameters) = body_fld_param(cx, rest)?;
    let (rest, extension) = extension(cx, rest)?;
    Ok((rest, BodyStructure::Multi(MultiPart { parts, subtype, parameters, extension })))
}

/// `body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]`, and the `)`
fn body_type_1part<'a>(cx: Context<'_>, media: Text<'a>, input: &'a [u8]) -> Res<'a, BodyStructure<'a>> {
    let (rest, subtype) = string_or_nil(cx, input)?;
    let (rest, parameters) = body_fld_param(cx, rest)?;
    let (rest, id) = field(cx, rest)?;
    let (rest, description) = field(cx, rest)?;
    let (rest, encoding) = string_or_nil(cx, rest)?;
    let (rest, octets) = body_fld_octets(cx, rest)?;
    let mut part =
        SinglePart { media, subtype, parameters, id, description, encoding, octets, ..SinglePart::default() };
    let rest = if matches!(rest, [b'(', ..]) && part.media.eq_ignore_ascii_case(b"message") {
        body_type_msg(cx, rest, &mut part)?.0
    } else {
        rest
    };
    let (rest, lines) = body_fld_lines(rest);
    part.lines = lines;
    let (rest, md5) = match rest {
        // A disposition in place of Content-MD5: some servers leave that out.
        [b'(', ..] => (rest, None),
        _ => field(cx, rest)?,
    };
    part.md5 = md5;
    let (rest, extension) = extension(cx, rest)?;
    part.extension = extension;
    Ok((rest, BodyStructure::Single(part)))
}

/// `body-type-msg = media-message SP body-fields SP envelope SP body SP body-fld-lines`, its middle
fn body_type_msg<'a>(cx: Context<'_>, input: &'a [u8], part: &mut SinglePart<'a>) -> Res<'a, ()> {
    let (rest, envelope) = envelope(cx, input)?;
    let (rest, structure) = body(cx, spaces(rest))?;
    part.message = Some(Box::new(Message { envelope, structure }));
    Ok((spaces(rest), ()))
}

/// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`, and the space behind it
fn body_fld_param<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Param<'a>>> {
    match input {
        [b'(', rest @ ..] => {
            let (rest, list) = params(cx, rest)?;
            Ok((spaces(rest), list))
        }
        [b')', ..] => Ok((input, List::EMPTY)),
        [b'"', ..] if cx.quirks.wrong_nil => field(cx, input).map(|(rest, _)| (rest, List::EMPTY)),
        _ => nil(input).map(|(rest, ())| (spaces(rest), List::EMPTY)),
    }
}

/// `body-fld-dsp`, `body-fld-lang`, `body-fld-loc`, `*(SP body-extension)`, as many as there are, and the `)`
fn extension<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Extension<'a>> {
    let (rest, disposition) = body_fld_dsp(cx, input)?;
    let (rest, languages) = body_fld_lang(cx, rest)?;
    let (rest, location) = match rest {
        [b'(', ..] => (rest, None),
        _ => field(cx, rest)?,
    };
    // body-extension may be anything, also where no quirk is allowed.
    let mut rest = rest;
    while !matches!(rest, [b')', ..]) {
        rest = spaces(super::scan::value(rest)?.0);
    }
    let (rest, ()) = close(cx, rest)?;
    Ok((rest, Extension { disposition, languages, location }))
}

/// `body-fld-dsp = "(" string SP body-fld-param ")" / nil`, and the space behind it
fn body_fld_dsp<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Disposition<'a>>> {
    match input {
        [b'(', rest @ ..] => {
            let (rest, kind) = field(cx, spaces(rest))?;
            let (rest, parameters) = body_fld_param(cx, rest)?;
            let (rest, ()) = close(cx, rest)?;
            Ok((spaces(rest), kind.map(|kind| Disposition { kind, parameters })))
        }
        // Exchange: a disposition alone, or a description of the body that has no place here.
        [b'"', ..] if cx.quirks.wrong_nil => {
            let (rest, kind) = field(cx, input)?;
            let kind = kind.filter(|kind| !kind.is_empty() && !kind.contains(&b' '));
            Ok((rest, kind.map(|kind| Disposition { kind, parameters: List::EMPTY })))
        }
        [b')', ..] => Ok((input, None)),
        _ => nil(input).map(|(rest, ())| (spaces(rest), None)),
    }
}

/// `body-fld-lang = nstring / "(" string *(SP string) ")"`, and the space behind it
fn body_fld_lang<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Text<'a>>> {
    match input {
        [b'(', rest @ ..] => {
            let (after, _) = params(cx, rest)?;
            let length = rest.len().saturating_sub(after.len()).saturating_sub(1);
            Ok((spaces(after), List::raw(rest.get(..length).unwrap_or_default())))
        }
        [b')', ..] => Ok((input, List::EMPTY)),
        _ => {
            let (rest, language) = field(cx, input)?;
            let length = input.len().saturating_sub(rest.len());
            let raw = if language.is_some() { input.get(..length).unwrap_or_default() } else { &[] };
            Ok((rest, List::raw(raw)))
        }
    }
}

/// `body-fld-octets = number`, and the space behind it
fn body_fld_octets<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, u64> {
    let (rest, octets) = match input {
        [b'N' | b'n', ..] if cx.quirks.wrong_nil => nil(input).map(|(rest, ())| (rest, 0))?,
        _ => odd_number(cx, input)?,
    };
    Ok((spaces(rest), octets))
}

/// `body-fld-lines = number64`, where there is one, and the space behind it
fn body_fld_lines(input: &[u8]) -> (&[u8], Option<u64>) {
    number64(input).map_or((input, None), |(rest, lines)| (spaces(rest), Some(lines)))
}

/// A number, and where the quirk is on a negative one as 0 and one with a fraction without it.
pub(super) fn odd_number<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, u64> {
    match (cx.quirks.odd_number, input) {
        (true, [b'-', rest @ ..]) => fraction(cx, number64(rest)?.0, 0),
        _ => number64(input).and_then(|(rest, value)| fraction(cx, rest, value)),
    }
}

fn fraction<'a>(cx: Context<'_>, rest: &'a [u8], value: u64) -> Res<'a, u64> {
    match rest {
        [b'.', rest @ ..] if cx.quirks.odd_number => number64(rest).map(|(rest, _)| (rest, value)),
        _ => Ok((rest, value)),
    }
}

/// `nstring`, and the space behind it; nothing at the end of the list.
fn field<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Text<'a>>> {
    match input {
        [b')', ..] => Ok((input, None)),
        _ => nastring(cx, input).map(|(rest, text)| (spaces(rest), text)),
    }
}

/// `string`, or NIL for an empty one, and the space behind it.
fn string_or_nil<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Text<'a>> {
    match field(cx, input)? {
        (rest, Some(text)) => Ok((rest, text)),
        (rest, None) if cx.quirks.wrong_nil => Ok((rest, Text::default())),
        _ => fail(input, "string"),
    }
}

fn is_top_level(media: &[u8]) -> bool {
    const TYPES: [&str; 8] = ["text", "image", "application", "audio", "video", "message", "model", "font"];
    TYPES.iter().any(|name| media.eq_ignore_ascii_case(name.as_bytes()))
}

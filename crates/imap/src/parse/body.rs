//! `body`: the structure of a message (RFC 9051 section 7.5.2).

use alloc::boxed::Box;

use super::{
    Context, Fault, Res,
    envelope::{close, envelope},
    fail,
    list::{nastring, params},
    scan::{nil, number64, octet, spaces},
};
use crate::{BodyStructure, Disposition, Extension, List, Message, MultiPart, Param, SinglePart, Text};

/// `body = "(" (body-type-1part / body-type-mpart) ")"`
pub(super) fn body<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, BodyStructure<'a>> {
    let mut structure = BodyStructure::Single(SinglePart::default());
    let rest = body_into(cx, input, &mut structure)?;
    Ok((rest, structure))
}

type Rest<'a> = Result<&'a [u8], nom::Err<Fault<'a>>>;

/// [`body`], written to where it belongs. Only this function calls itself, so that a level costs little stack.
fn body_into<'a>(cx: Context<'_>, input: &'a [u8], to: &mut BodyStructure<'a>) -> Rest<'a> {
    let cx = cx.deeper(input)?;
    let (rest, ()) = octet(b'(', "body")(input)?;
    let mut rest = spaces(rest);
    if let [b'(', ..] = rest {
        // body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
        *to = BodyStructure::Multi(MultiPart::default());
        let BodyStructure::Multi(multi) = to else { return Ok(rest) };
        while let [b'(', ..] = rest {
            multi.parts.push(BodyStructure::Single(SinglePart::default()));
            let Some(part) = multi.parts.last_mut() else { break };
            rest = spaces(body_into(cx, rest, part)?);
        }
        return multipart(cx, rest, multi);
    }
    let (rest, begun) = body_fields(cx, rest, to)?;
    match to {
        BodyStructure::Single(part) if begun => {
            let rest = match &mut part.message {
                Some(message) => spaces(body_into(cx, rest, &mut message.structure)?),
                None => rest,
            };
            body_ext_1part(cx, rest, part)
        }
        _ => Ok(rest),
    }
}

/// What a multipart has behind its parts: `SP media-subtype [SP body-ext-mpart]`, and the `)`
fn multipart<'a>(cx: Context<'_>, input: &'a [u8], multi: &mut MultiPart<'a>) -> Rest<'a> {
    let (rest, subtype) = string_or_nil(cx, input)?;
    multi.subtype = subtype;
    body_ext_mpart(cx, rest, multi)
}

/// `body-ext-mpart = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]`
fn body_ext_mpart<'a>(cx: Context<'_>, input: &'a [u8], multi: &mut MultiPart<'a>) -> Rest<'a> {
    let (rest, parameters) = body_fld_param(cx, input)?;
    let (rest, extension) = extension(cx, rest)?;
    multi.parameters = parameters;
    multi.extension = extension;
    Ok(rest)
}

/// `body-type-basic / body-type-msg / body-type-text` up to where the structure of a message within begins, and
/// whether more has to follow
///
/// `body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets`
fn body_fields<'a>(cx: Context<'_>, input: &'a [u8], to: &mut BodyStructure<'a>) -> Res<'a, bool> {
    let (rest, media) = string_or_nil(cx, input)?;
    // Gmail leaves out the parts where a multipart repeats the boundary of the one around it.
    let childless = match rest {
        [b'(' | b')', ..] => cx.quirks.field_count,
        [b'N' | b'n', ..] => cx.quirks.field_count && !is_top_level(&media),
        _ => false,
    };
    if childless {
        let mut multi = MultiPart { subtype: media, ..MultiPart::default() };
        let rest = body_ext_mpart(cx, rest, &mut multi)?;
        *to = BodyStructure::Multi(multi);
        return Ok((rest, false));
    }
    let (rest, subtype) = string_or_nil(cx, rest)?;
    let (rest, parameters) = body_fld_param(cx, rest)?;
    let (rest, id) = field(cx, rest)?;
    let (rest, description) = field(cx, rest)?;
    let (rest, encoding) = string_or_nil(cx, rest)?;
    let (rest, octets) = body_fld_octets(cx, rest)?;
    let (rest, message) = match rest {
        [b'(', ..] if media.eq_ignore_ascii_case(b"message") => {
            let (rest, envelope) = envelope(cx, rest)?;
            let structure = BodyStructure::Single(SinglePart::default());
            (spaces(rest), Some(Box::new(Message { envelope, structure })))
        }
        _ => (rest, None),
    };
    let part = SinglePart {
        media,
        subtype,
        parameters,
        id,
        description,
        encoding,
        octets,
        message,
        ..SinglePart::default()
    };
    *to = BodyStructure::Single(part);
    Ok((rest, true))
}

/// `[SP body-fld-lines] [SP body-ext-1part]`, and the `)`
///
/// `body-ext-1part = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]`
fn body_ext_1part<'a>(cx: Context<'_>, input: &'a [u8], part: &mut SinglePart<'a>) -> Rest<'a> {
    let (rest, lines) = body_fld_lines(input);
    let (rest, md5) = match rest {
        // A disposition in place of Content-MD5: some servers leave that out.
        [b'(', ..] if cx.quirks.field_count => (rest, None),
        _ => field(cx, rest)?,
    };
    let (rest, extension) = extension(cx, rest)?;
    part.lines = lines;
    part.md5 = md5;
    part.extension = extension;
    Ok(rest)
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

//! `body`: the structure of a message (RFC 9051 section 7.5.2).

use alloc::{boxed::Box, vec::Vec};

use super::{
    Context, Fault, Res, Rest,
    envelope::{close, envelope},
    fail,
    list::{nastring, params, plain_params, texts},
    odd::{self, odd_number},
    overlook,
    scan::{nil, nil_to, opening, plain_number, plain_quoted_sp, spaces, value},
};
use crate::{
    BodyStructure, Disposition, Envelope, Extension, List, Message, MultiPart, Param, SinglePart, Text,
};

/// `body = "(" (body-type-1part / body-type-mpart) ")"`, parsed into `to`
///
/// Only this function recurses, so a level takes little stack.
pub(super) fn body<'a>(cx: Context<'_>, input: &'a [u8], to: &mut BodyStructure<'a>) -> Rest<'a> {
    let cx = cx.deeper(input)?;
    let (mut rest, ()) = opening("body")(input)?;
    if let [b'(', ..] = rest {
        // body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
        let Some(multi) = begin_multipart(to) else { return Ok(rest) };
        while let [b'(', ..] = rest {
            let Some(part) = next_part(&mut multi.parts) else { break };
            rest = spaces(body(cx, rest, part)?);
        }
        return multipart(cx, rest, multi);
    }
    let (rest, begun) = body_fields(cx, rest, to)?;
    match to {
        BodyStructure::Single(part) if begun => {
            let rest = match &mut part.message {
                Some(message) => spaces(body(cx, rest, &mut message.structure)?),
                None => rest,
            };
            body_ext_1part(cx, rest, part)
        }
        _ => Ok(rest),
    }
}

fn begin_multipart<'a, 't>(to: &'t mut BodyStructure<'a>) -> Option<&'t mut MultiPart<'a>> {
    // Few multiparts have more.
    *to = BodyStructure::Multi(MultiPart { parts: Vec::with_capacity(3), ..MultiPart::default() });
    match to {
        BodyStructure::Multi(multi) => Some(multi),
        BodyStructure::Single(_) => None,
    }
}

fn next_part<'a, 't>(parts: &'t mut Vec<BodyStructure<'a>>) -> Option<&'t mut BodyStructure<'a>> {
    // Created in place rather than copied there.
    parts.extend(Some(()).into_iter().map(|()| BodyStructure::EMPTY));
    parts.last_mut()
}

/// The end of a multipart, behind its parts: `SP media-subtype [SP body-ext-mpart]`, and the `)`
fn multipart<'a>(cx: Context<'_>, input: &'a [u8], multi: &mut MultiPart<'a>) -> Rest<'a> {
    let rest = string_or_nil(cx, input, &mut multi.subtype)?;
    body_ext_mpart(cx, rest, multi)
}

/// `body-ext-mpart = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]`
fn body_ext_mpart<'a>(cx: Context<'_>, input: &'a [u8], multi: &mut MultiPart<'a>) -> Rest<'a> {
    let rest = body_fld_param(cx, input, &mut multi.parameters)?;
    extension(cx, rest, &mut multi.extension)
}

/// `body-type-basic / body-type-msg / body-type-text`, up to the structure of a message within if there is one. Returns
/// whether more has to follow
///
/// `body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets`
fn body_fields<'a>(cx: Context<'_>, input: &'a [u8], to: &mut BodyStructure<'a>) -> Res<'a, bool> {
    let plain = match to {
        BodyStructure::Single(part) => plain_fields(input, part),
        BodyStructure::Multi(_) => None,
    };
    let mut rest = match plain {
        Some(rest) => rest,
        None => match odd_fields(cx, input, to)? {
            (rest, true) => rest,
            half => return Ok(half),
        },
    };
    let BodyStructure::Single(part) = to else { return Ok((rest, false)) };
    if matches!(rest, [b'(', ..]) && part.media.eq_ignore_ascii_case(b"message") {
        let mut message =
            Box::new(Message { envelope: Envelope::default(), structure: BodyStructure::EMPTY });
        rest = spaces(envelope(cx, rest, &mut message.envelope)?);
        part.message = Some(message);
    }
    Ok((rest, true))
}

/// `body-fields` with the type in front and the space behind. `None` if anything in them is unusual
fn plain_fields<'a>(input: &'a [u8], part: &mut SinglePart<'a>) -> Option<&'a [u8]> {
    let (media, rest) = plain_quoted_sp(input)?;
    let (subtype, rest) = plain_quoted_sp(rest)?;
    let rest = plain_params_sp(rest, &mut part.parameters)?;
    let rest = plain_field(rest, &mut part.id)?;
    let rest = plain_field(rest, &mut part.description)?;
    let (encoding, rest) = plain_quoted_sp(rest)?;
    let (octets, rest) = plain_number(rest)?;
    if media.is_empty() {
        return None;
    }
    (part.media, part.subtype) = (Text::of(media), Text::of(subtype));
    (part.encoding, part.octets) = (Text::of(encoding), octets.into());
    one_sp(rest)
}

/// `body-fields` that may be unusual, with the space behind. Returns whether they are those of a part
fn odd_fields<'a>(cx: Context<'_>, input: &'a [u8], to: &mut BodyStructure<'a>) -> Res<'a, bool> {
    let mut media = Text::default();
    let rest = string_or_nil(cx, input, &mut media)?;
    let whole = match rest {
        [b'(' | b')', ..] => false,
        [b'N' | b'n', ..] => usual_subtype(&media).is_some(),
        _ => !media.is_empty(),
    };
    if !whole {
        return half_a_type(cx, media, rest, to);
    }
    *to = BodyStructure::EMPTY;
    let BodyStructure::Single(part) = to else { return Ok((rest, false)) };
    part.media = media;
    let behind_type = rest;
    let rest = string_or_nil(cx, rest, &mut part.subtype)?;
    let rest = body_fld_param(cx, rest, &mut part.parameters)?;
    let rest = field(rest, &mut part.id)?;
    let rest = field(rest, &mut part.description)?;
    let rest = match rest {
        [b'0'..=b'9', ..] => no_subtype(cx, behind_type, part)?,
        _ => {
            let rest = string_or_nil(cx, rest, &mut part.encoding)?;
            body_fld_octets(cx, rest, &mut part.octets)?
        }
    };
    Ok((rest, true))
}

/// `[SP body-fld-lines] [SP body-ext-1part]`, and the `)`
///
/// `body-ext-1part = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]`
fn body_ext_1part<'a>(cx: Context<'_>, input: &'a [u8], part: &mut SinglePart<'a>) -> Rest<'a> {
    let rest = match plain_number(input).and_then(|(lines, rest)| Some((lines, one_sp(rest)?))) {
        Some((lines, rest)) => {
            part.lines = Some(lines.into());
            rest
        }
        None => body_fld_lines(cx, input, &mut part.lines)?,
    };
    // Most parts have nothing here.
    if let Some((b"NIL NIL NIL NIL)", rest)) = rest.split_first_chunk() {
        return Ok(rest);
    }
    let rest = match rest {
        [b'(', ..] => list_for_digest(cx, part, rest)?,
        _ => field(rest, &mut part.md5)?,
    };
    extension(cx, rest, &mut part.extension)
}

/// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`, and the space behind it
fn body_fld_param<'a>(cx: Context<'_>, input: &'a [u8], to: &mut List<'a, Param<'a>>) -> Rest<'a> {
    if let Some(rest) = plain_params_sp(input, to) {
        return Ok(rest);
    }
    match input {
        [b'(', rest @ ..] => {
            let (rest, list) = params(cx, rest)?;
            *to = list;
            Ok(spaces(rest))
        }
        [b')', ..] => Ok(input),
        [b'"', ..] => {
            overlook(cx.quirks.wrong_nil, input, "body-fld-param")?;
            field(input, &mut None)
        }
        _ => nil(input).map(|(rest, ())| spaces(rest)),
    }
}

/// The same. `None` if anything in it is unusual
#[inline]
fn plain_params_sp<'a>(input: &'a [u8], to: &mut List<'a, Param<'a>>) -> Option<&'a [u8]> {
    if let Some(rest) = nil_to(input, b' ') {
        *to = List::EMPTY;
        return not_sp(rest);
    }
    let (list, rest) = plain_params(input.strip_prefix(b"(")?)?;
    *to = list;
    one_sp(rest)
}

/// `body-fld-dsp`, `body-fld-lang`, `body-fld-loc` and `*(SP body-extension)`, as many as there are, and the `)`
fn extension<'a>(cx: Context<'_>, input: &'a [u8], to: &mut Extension<'a>) -> Rest<'a> {
    // Most parts have nothing here.
    if let Some((b"NIL NIL NIL)", rest)) = input.split_first_chunk() {
        return Ok(rest);
    }
    let rest = body_fld_dsp(cx, input, &mut to.disposition)?;
    let rest = body_fld_lang(cx, rest, &mut to.languages)?;
    let mut rest = match rest {
        [b'(', ..] => rest,
        _ => field(rest, &mut to.location)?,
    };
    // A body-extension may be anything, even if no quirk is allowed.
    while !matches!(rest, [b')', ..]) {
        rest = spaces(value(cx, rest)?.0);
    }
    Ok(rest.get(1..).unwrap_or_default())
}

/// `body-fld-dsp = "(" string SP body-fld-param ")" / nil`, and the space behind it
fn body_fld_dsp<'a>(cx: Context<'_>, input: &'a [u8], to: &mut Option<Disposition<'a>>) -> Rest<'a> {
    let mut kind = None;
    match input {
        [b'(', rest @ ..] => {
            let rest = field(spaces(rest), &mut kind)?;
            let mut parameters = List::EMPTY;
            let rest = body_fld_param(cx, rest, &mut parameters)?;
            let (rest, ()) = close(cx, rest)?;
            *to = match kind {
                Some(kind) => Some(Disposition { kind, parameters }),
                None => no_disposition(cx, parameters, input)?,
            };
            Ok(spaces(rest))
        }
        // Exchange sends a disposition alone, or a description of the body that does not belong here.
        [b'"', ..] => {
            overlook(cx.quirks.wrong_nil, input, "body-fld-dsp")?;
            let rest = field(input, &mut kind)?;
            let kind = kind.filter(|kind| !kind.is_empty() && !kind.contains(&b' '));
            *to = kind.map(|kind| Disposition { kind, parameters: List::EMPTY });
            Ok(rest)
        }
        [b')', ..] => Ok(input),
        _ => nil(input).map(|(rest, ())| spaces(rest)),
    }
}

/// `body-fld-lang = nstring / "(" string *(SP string) ")"`, and the space behind it
fn body_fld_lang<'a>(cx: Context<'_>, input: &'a [u8], to: &mut List<'a, Text<'a>>) -> Rest<'a> {
    match input {
        [b'(', ..] => {
            let (rest, list) = texts(cx, input)?;
            *to = list;
            Ok(spaces(rest))
        }
        [b')', ..] => Ok(input),
        _ => {
            let mut language = None;
            let rest = field(input, &mut language)?;
            let length = input.len().saturating_sub(rest.len());
            if language.is_some() {
                *to = List::raw(input.get(..length).unwrap_or_default());
            }
            Ok(rest)
        }
    }
}

/// `body-fld-octets = number`, and the space behind it
fn body_fld_octets<'a>(cx: Context<'_>, input: &'a [u8], to: &mut u64) -> Rest<'a> {
    let (rest, octets) = match input {
        [b'N' | b'n', ..] => {
            overlook(cx.quirks.wrong_nil, input, "number")?;
            nil(input).map(|(rest, ())| (rest, 0))?
        }
        [b')', ..] => (odd::missing(cx, input, "number")?, 0),
        _ => odd_number(cx, input)?,
    };
    *to = octets;
    Ok(spaces(rest))
}

/// `body-fld-lines = number64`, if there is one, and the space behind it
fn body_fld_lines<'a>(cx: Context<'_>, input: &'a [u8], to: &mut Option<u64>) -> Rest<'a> {
    match odd_number(cx, input) {
        Ok((rest, lines)) => {
            *to = Some(lines);
            Ok(spaces(rest))
        }
        Err(nom::Err::Error(_)) => Ok(input),
        Err(failure) => Err(failure),
    }
}

/// Takes exactly one space
#[inline(always)]
fn one_sp(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b' ', rest @ ..] => not_sp(rest),
        _ => None,
    }
}

/// Returns the input, unless it begins with a space
#[inline(always)]
fn not_sp(input: &[u8]) -> Option<&[u8]> {
    if let [b' ', ..] = input { None } else { Some(input) }
}

/// `nstring` and the space behind it. `None` if anything in it is unusual
#[inline(always)]
fn plain_field<'a>(input: &'a [u8], to: &mut Option<Text<'a>>) -> Option<&'a [u8]> {
    if let Some(rest) = nil_to(input, b' ') {
        return not_sp(rest);
    }
    let (text, rest) = plain_quoted_sp(input)?;
    *to = Some(Text::of(text));
    Some(rest)
}

/// `nstring` and the space behind it; nothing at the end of the list
#[inline(always)]
fn field<'a>(input: &'a [u8], to: &mut Option<Text<'a>>) -> Rest<'a> {
    if let [b'N', b'I', b'L', b' ' | b')', ..] = input {
        return Ok(spaces(input.get(3..).unwrap_or_default()));
    }
    if let Some((text, rest)) = plain_quoted_sp(input) {
        *to = Some(Text::of(text));
        return Ok(rest);
    }
    odd_field(input, to)
}

fn odd_field<'a>(input: &'a [u8], to: &mut Option<Text<'a>>) -> Rest<'a> {
    if let [b')', ..] = input {
        return Ok(input);
    }
    let (rest, text) = nastring(input)?;
    *to = text;
    Ok(spaces(rest))
}

/// `string` and the space behind it; NIL counts as an empty string
#[inline]
fn string_or_nil<'a>(cx: Context<'_>, input: &'a [u8], to: &mut Text<'a>) -> Rest<'a> {
    if let Some((text, rest)) = plain_quoted_sp(input) {
        *to = Text::of(text);
        return Ok(rest);
    }
    let mut text = None;
    let rest = field(input, &mut text)?;
    match text {
        Some(text) => *to = text,
        None => overlook(cx.quirks.wrong_nil, input, "string")?,
    }
    Ok(rest)
}

/// A body of whose type one word was read, and no string follows.
///
/// - If a multipart repeats the boundary of the one around it, Gmail leaves out its parts and its type: `("ALTERNATIVE"
///   ("BOUNDARY" "x") NIL NIL)`, `("ALTERNATIVE")`. Others write NIL instead (MailKit issue 1393).
/// - A part with `Content-Type: X-ZIP` has its subtype only (MailKit issue 371). Its type is taken for `application`.
/// - A part with `Content-Type: text` has its type only.
///
/// Returns whether more has to follow.
#[cold]
fn half_a_type<'a>(
    cx: Context<'_>,
    word: Text<'a>,
    input: &'a [u8],
    to: &mut BodyStructure<'a>,
) -> Res<'a, bool> {
    let (mut subtype, mut rest) = (word, input);
    let mut part = SinglePart::default();
    if subtype.is_empty() {
        rest = string_or_nil(cx, input, &mut subtype)?;
    } else {
        overlook(cx.quirks.field_count, input, "media-subtype")?;
        (part.media, part.subtype) = match usual_subtype(&subtype) {
            Some(usual) => (subtype.clone(), Text::of(usual)),
            None => (Text::of(b"application"), subtype.clone()),
        };
    }
    let fields = |part: &mut SinglePart<'a>| {
        let rest = body_fld_param(cx, rest, &mut part.parameters)?;
        let rest = field(rest, &mut part.id)?;
        let rest = field(rest, &mut part.description)?;
        let rest = string_or_nil(cx, rest, &mut part.encoding)?;
        match rest {
            [b'0'..=b'9' | b'-', ..] => body_fld_octets(cx, rest, &mut part.octets),
            _ => fail(rest, "body-fld-octets").map(|(rest, ())| rest),
        }
    };
    match fields(&mut part) {
        Ok(rest) => {
            if part.subtype.is_empty() {
                part.subtype = subtype;
            }
            *to = BodyStructure::Single(part);
            return Ok((rest, true));
        }
        Err(nom::Err::Error(_)) => overlook(cx.quirks.field_count, input, "body-fields")?,
        Err(failure) => return Err(failure),
    }
    let mut multi = MultiPart { subtype, ..MultiPart::default() };
    let rest = body_ext_mpart(cx, rest, &mut multi)?;
    *to = BodyStructure::Multi(multi);
    Ok((rest, false))
}

/// A list in place of Content-MD5.
///
/// If it belongs to a multipart that the server did not take apart, it repeats the parameters (GMX, MailKit issue 878).
/// Any other is the disposition, and the digest was left out.
#[cold]
fn list_for_digest<'a>(cx: Context<'_>, part: &SinglePart<'_>, input: &'a [u8]) -> Rest<'a> {
    overlook(cx.quirks.field_count, input, "body-fld-md5")?;
    if part.media.eq_ignore_ascii_case(b"multipart") {
        return Ok(spaces(value(cx, input)?.0));
    }
    Ok(input)
}

/// A disposition whose kind is NIL. Without parameters it is none. With parameters it is an attachment, as every
/// unknown kind is (RFC 2183 section 2.8).
#[cold]
fn no_disposition<'a>(
    cx: Context<'_>,
    parameters: List<'a, Param<'a>>,
    input: &'a [u8],
) -> Result<Option<Disposition<'a>>, nom::Err<Fault<'a>>> {
    overlook(cx.quirks.wrong_nil, input, "string")?;
    let kind = Text::of(b"attachment");
    Ok((!parameters.is_empty()).then_some(Disposition { kind, parameters }))
}

/// The fields of a body that lacks only its subtype, so that its size was found in the place of its encoding:
/// `("APPLICATION" NIL NIL NIL "BASE64" 1234)`. `input` begins behind the type.
#[cold]
fn no_subtype<'a>(cx: Context<'_>, input: &'a [u8], part: &mut SinglePart<'a>) -> Rest<'a> {
    overlook(cx.quirks.field_count, input, "media-subtype")?;
    let media = core::mem::take(&mut part.media);
    *part = SinglePart {
        subtype: Text::of(usual_subtype(&media).unwrap_or_default()),
        media,
        ..SinglePart::default()
    };
    let rest = body_fld_param(cx, input, &mut part.parameters)?;
    let rest = field(rest, &mut part.id)?;
    let rest = field(rest, &mut part.description)?;
    let rest = string_or_nil(cx, rest, &mut part.encoding)?;
    body_fld_octets(cx, rest, &mut part.octets)
}

/// Returns the most likely subtype of a part of this type (RFC 2045 section 5.2, RFC 2046 section 4). `None` if this is
/// no type.
fn usual_subtype(media: &[u8]) -> Option<&'static [u8]> {
    const TYPES: [(&str, &[u8]); 8] = [
        ("text", b"plain"),
        ("application", b"octet-stream"),
        ("message", b"rfc822"),
        ("image", b"octet-stream"),
        ("audio", b"octet-stream"),
        ("video", b"octet-stream"),
        ("model", b"octet-stream"),
        ("font", b"octet-stream"),
    ];
    TYPES.iter().find(|(name, _)| media.eq_ignore_ascii_case(name.as_bytes())).map(|(_, usual)| *usual)
}

//! The elements of commands: a function per ABNF rule, in nom's combinators.
//!
//! The first octets decide which rule applies, and from there on [`cut`] makes any error final. So nothing is tried in
//! two ways.

use alloc::vec::Vec;
use core::str::{self, FromStr};

use nom::{
    Parser,
    branch::alt,
    bytes::complete::{tag, tag_no_case, take, take_while1},
    combinator::{cut, not, opt, peek, recognize, value},
    multi::{many0_count, separated_list1},
    sequence::{delimited, preceded, separated_pair, terminated},
};

use crate::{
    Atom, Date, DateTime, Flag, Mailbox, Param, Part, Section, SectionOf, SequenceSet, Text, parse_date,
    parse_date_time,
    rule::{Fault, Res, fail, named},
};

/// Takes exactly this text.
pub(super) fn mark<'a>(text: &'static str) -> impl FnMut(&'a [u8]) -> Res<'a, &'a [u8]> {
    named(text, tag(text))
}

pub(super) fn sp(input: &[u8]) -> Res<'_, &[u8]> {
    named("SP", tag(" ")).parse(input)
}

/// Takes the end of a command. Its line end may be missing.
pub(super) fn end(input: &[u8]) -> Res<'_, ()> {
    match input {
        b"" | b"\r\n" | b"\n" => Ok((&[], ())),
        _ => fail(input, "CRLF"),
    }
}

/// Takes the octets in front for which `wanted` is true; at least one.
pub(super) fn span<'a>(
    rule: &'static str,
    wanted: impl Fn(u8) -> bool,
) -> impl FnMut(&'a [u8]) -> Res<'a, &'a [u8]> {
    named(rule, take_while1(wanted))
}

/// Takes the name of a command or an argument. Returns it in upper case.
pub(super) fn keyword<'a>(rule: &'static str) -> impl FnMut(&'a [u8]) -> Res<'a, Vec<u8>> {
    let octet = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'=');
    let mut word = span(rule, octet);
    move |input| word(input).map(|(rest, word)| (rest, word.to_ascii_uppercase()))
}

/// Takes one of several keywords. `known` finds it by its name.
pub(super) fn one_of<'a, T>(
    rule: &'static str,
    known: impl FnMut(&[u8]) -> Option<T>,
) -> impl FnMut(&'a [u8]) -> Res<'a, T> {
    let mut known = known;
    checked(rule, keyword(rule), move |name| known(&name))
}

/// Takes this word if no more letters follow.
pub(super) fn word<'a>(text: &'static str) -> impl FnMut(&'a [u8]) -> Res<'a, &'a [u8]> {
    named(text, terminated(tag_no_case(text), not(take_while1(|octet: u8| octet.is_ascii_alphanumeric()))))
}

/// `[SP rule]`
pub(super) fn optional<'a, T>(
    parser: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl Parser<&'a [u8], Output = Option<T>, Error = Fault<'a>> {
    opt(preceded(sp, cut(parser)))
}

/// `element *(SP element)`
pub(super) fn joined<'a, T>(
    element: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl Parser<&'a [u8], Output = Vec<T>, Error = Fault<'a>> {
    separated_list1(sp, cut(element))
}

/// `"(" [element *(SP element)] ")"`
pub(super) fn list<'a, T>(
    element: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl Parser<&'a [u8], Output = Vec<T>, Error = Fault<'a>> {
    let none = peek(tag(")")).map(|_| Vec::new());
    delimited(mark("("), alt((none, joined(element))), mark(")"))
}

/// `"(" element *(SP element) ")"`
pub(super) fn list1<'a, T>(
    element: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl FnMut(&'a [u8]) -> Res<'a, Vec<T>> {
    checked("a list that is not empty", list(element), |found| (!found.is_empty()).then_some(found))
}

/// `element / "(" element *(SP element) ")"`
pub(super) fn one_or_list<'a, T>(
    element: impl Fn(&'a [u8]) -> Res<'a, T>,
) -> impl FnMut(&'a [u8]) -> Res<'a, Vec<T>> {
    move |input| match input {
        [b'(', ..] => list1(&element)(input),
        _ => element(input).map(|(rest, found)| (rest, Vec::from([found]))),
    }
}

/// `atom = 1*ATOM-CHAR`
pub(super) fn atom(input: &[u8]) -> Res<'_, Atom<'_>> {
    span("atom", is_atom_char).map(Atom::of).parse(input)
}

/// `number`, with as many bits as `T` has
pub(super) fn number<T: FromStr>(input: &[u8]) -> Res<'_, T> {
    let digits = span("number", |octet| octet.is_ascii_digit());
    checked("number", digits, |digits| str::from_utf8(digits).ok()?.parse().ok()).parse(input)
}

/// `quoted = DQUOTE *QUOTED-CHAR DQUOTE`
pub(super) fn quoted(input: &[u8]) -> Res<'_, Text<'_>> {
    let text_char = take_while1(|octet: u8| !matches!(octet, b'"' | b'\\' | b'\r' | b'\n' | 0));
    let specials = named("quoted-specials", alt((tag("\""), tag("\\"))));
    let quoted_char = alt((text_char, preceded(tag("\\"), cut(specials))));
    let inside = terminated(recognize(many0_count(quoted_char)), named("DQUOTE", tag("\"")));
    preceded(named("quoted", tag("\"")), cut(inside)).map(unescaped).parse(input)
}

fn unescaped(inside: &[u8]) -> Text<'_> {
    if !inside.contains(&b'\\') {
        return Text::of(inside);
    }
    let mut octets = inside.iter().copied();
    let mut next =
        || octets.next().and_then(|octet| if octet == b'\\' { octets.next() } else { Some(octet) });
    Text::from(core::iter::from_fn(&mut next).collect::<Vec<u8>>())
}

/// `"{" number64 ["+"] "}" CRLF *OCTET`
fn counted(input: &[u8]) -> Res<'_, &[u8]> {
    let behind = (opt(tag("+")), tag("}"), opt(tag("\r")), tag("\n"));
    let size = delimited(tag("{"), cut(number::<usize>), cut(behind));
    let (rest, size) = named("literal", size).parse(input)?;
    cut(named("literal", take(size))).parse(rest)
}

/// `literal`
pub(super) fn literal(input: &[u8]) -> Res<'_, Text<'_>> {
    let (rest, octets) = counted(input)?;
    if octets.contains(&0) {
        return Err(nom::Err::Failure(Fault { at: input, rule: "CHAR8" }));
    }
    Ok((rest, Text::of(octets)))
}

/// `literal8 = "~" literal` with any octets in it (RFC 3516)
pub(super) fn literal8(input: &[u8]) -> Res<'_, Text<'_>> {
    preceded(named("literal8", tag("~")), cut(counted)).map(Text::of).parse(input)
}

/// `string = quoted / literal`
pub(super) fn string(input: &[u8]) -> Res<'_, Text<'_>> {
    alt((quoted, literal)).parse(input)
}

/// `nstring = string / nil`
pub(super) fn nstring(input: &[u8]) -> Res<'_, Option<Text<'_>>> {
    alt((value(None, word("NIL")), string.map(Some))).parse(input)
}

/// `astring = 1*ASTRING-CHAR / string`
pub(super) fn astring(input: &[u8]) -> Res<'_, Text<'_>> {
    let plain = span("astring", |octet| is_atom_char(octet) || octet == b']');
    alt((string, plain.map(Text::of))).parse(input)
}

/// `mailbox = "INBOX" / astring`
pub(super) fn mailbox(input: &[u8]) -> Res<'_, Mailbox<'_>> {
    checked("mailbox", astring, |name| Mailbox::try_from(name).ok()).parse(input)
}

/// `list-mailbox = 1*list-char / string`: a name with wildcards
pub(super) fn list_mailbox(input: &[u8]) -> Res<'_, Mailbox<'_>> {
    let list_char = |octet| is_atom_char(octet) || matches!(octet, b'%' | b'*' | b']');
    let pattern = alt((string, span("list-mailbox", list_char).map(Text::of)));
    checked("list-mailbox", pattern, |name| Mailbox::try_from(name).ok()).parse(input)
}

/// `sequence-set`
pub(super) fn sequence_set(input: &[u8]) -> Res<'_, SequenceSet> {
    let octet = |octet: u8| octet.is_ascii_digit() || matches!(octet, b':' | b',' | b'*' | b'$');
    checked("sequence-set", span("sequence-set", octet), |set| SequenceSet::parse(set).ok()).parse(input)
}

/// `flag`, if a client may set it
pub(super) fn flag(input: &[u8]) -> Res<'_, Flag<'_>> {
    let flag = (opt(tag("\\")), atom).map(|(backslash, name)| match backslash {
        Some(_) => Flag::system(name),
        None => Flag::Keyword(name),
    });
    checked("flag", flag, |flag| (flag != Flag::Recent).then_some(flag)).parse(input)
}

/// `string SP nstring` of `id-params-list` (RFC 2971)
pub(super) fn param(input: &[u8]) -> Res<'_, Param<'_>> {
    separated_pair(string, sp, nstring).map(|(name, value)| Param { name, value }).parse(input)
}

/// `date-time`
pub(super) fn date_time(input: &[u8]) -> Res<'_, DateTime> {
    checked("date-time", quoted, |text| parse_date_time(&text).ok()).parse(input)
}

/// `date = date-text / DQUOTE date-text DQUOTE`
pub(super) fn date(input: &[u8]) -> Res<'_, Date> {
    checked("date", astring, |text| parse_date(&text).ok()).parse(input)
}

/// Takes a charset: an atom, or a string with an atom in it.
pub(super) fn charset(input: &[u8]) -> Res<'_, Atom<'_>> {
    let owned = |text: Text<'_>| Atom::new(str::from_utf8(&text).ok()?).ok().map(Atom::into_owned);
    alt((checked("charset", quoted, owned), atom)).parse(input)
}

/// `section-part = nz-number *("." nz-number)`, or nothing
pub(super) fn section_part(input: &[u8]) -> Res<'_, Part<'_>> {
    let digits = input.iter().position(|octet| !octet.is_ascii_digit() && *octet != b'.');
    let digits = input.get(..digits.unwrap_or(input.len())).unwrap_or_default();
    // A dot at the end belongs to what follows.
    let digits = digits.strip_suffix(b".").unwrap_or(digits);
    let part = str::from_utf8(digits).ok().and_then(|text| Part::parse(text).ok());
    let rest = input.get(digits.len()..).unwrap_or_default();
    part.map_or_else(|| fail(input, "section-part"), |part| Ok((rest, part)))
}

/// `section = "[" [section-spec] "]"`
pub(super) fn section(input: &[u8]) -> Res<'_, Section<'_>> {
    let (rest, part) = preceded(mark("["), section_part).parse(input)?;
    let (rest, of) = match rest {
        [b']', ..] => (rest, SectionOf::Whole),
        _ if part.is_none() => section_text(false, rest)?,
        _ => preceded(mark("."), |rest| section_text(true, rest)).parse(rest)?,
    };
    let (rest, _) = mark("]")(rest)?;
    Ok((rest, Section { part, of }))
}

/// `section-text = section-msgtext / "MIME"`
fn section_text(of_part: bool, input: &[u8]) -> Res<'_, SectionOf<'_>> {
    let (rest, name) = keyword("section-text")(input)?;
    match name.as_slice() {
        b"HEADER" => Ok((rest, SectionOf::Header)),
        b"TEXT" => Ok((rest, SectionOf::Text)),
        b"MIME" if of_part => Ok((rest, SectionOf::Mime)),
        b"HEADER.FIELDS" => preceded(sp, list1(astring)).map(SectionOf::Fields).parse(rest),
        b"HEADER.FIELDS.NOT" => preceded(sp, list1(astring)).map(SectionOf::FieldsNot).parse(rest),
        _ => fail(input, "section-text"),
    }
}

/// `ATOM-CHAR`
fn is_atom_char(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet)
}

/// Like nom's `map_opt`, with the name of the rule: `convert` returns `None` if what `parser` found breaks the rule.
#[inline]
pub(super) fn checked<'a, T, U>(
    rule: &'static str,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
    mut convert: impl FnMut(T) -> Option<U>,
) -> impl FnMut(&'a [u8]) -> Res<'a, U> {
    move |input| {
        let (rest, found) = parser.parse(input)?;
        convert(found).map_or_else(|| fail(input, rule), |found| Ok((rest, found)))
    }
}

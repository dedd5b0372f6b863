//! What our parser makes of each response in the IMAP transcripts, which say so in their comments:
//!
//! | line | means |
//! |---|---|
//! | `#= text` | the response in front of it, written by `Debug`, or the error, holds this text |
//! | `#! name …` | what stands in front of it needs these fields of [`Quirks`]; in front of all, the session does |
//!
//! What breaks the grammar, and what is only kept as it came, has to have such marks.

use mailbearer_imap::{Framer, Limits, Piece, Quirks, parse_response};
use mailbearer_mock::Transcript;
use mailbearer_wire::RecvBuf;

use crate::transcripts::{
    all::{Case, imap},
    imap_end,
};

/// A response of a transcript, and what is said about it.
#[derive(Default)]
struct Marked {
    line: usize,
    octets: Vec<u8>,
    holds: Vec<String>,
    needs: Vec<String>,
}

/// The responses with their marks; in front of them one of no octets for what the session needs.
fn marked(case: &Case, chunk: usize) -> Vec<Marked> {
    let responses = responses(case.text, chunk).into_iter();
    let marked = responses.map(|octets| Marked { octets, ..Marked::default() });
    let mut marked: Vec<_> = [Marked::default()].into_iter().chain(marked).collect();
    let mut before = String::new();
    for (number, line) in (1..).zip(case.text.lines()) {
        let (holds, needs) = (line.strip_prefix("#= "), line.strip_prefix("#! "));
        if holds.is_some() || needs.is_some() {
            let response = &mut marked[responses_of(&before)];
            response.line = number;
            response.holds.extend(holds.map(str::to_owned));
            response.needs.extend(needs.into_iter().flat_map(str::split_whitespace).map(str::to_owned));
        }
        before.push_str(line);
        before.push('\n');
    }
    marked
}

fn responses_of(text: &str) -> usize {
    responses(text, usize::MAX).len()
}

/// The responses of a transcript, framed from pieces of `chunk` octets.
fn responses(text: &str, chunk: usize) -> Vec<Vec<u8>> {
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    let mut found = Vec::new();
    for piece in Transcript::parse(text).unwrap().server_octets("A1").chunks(chunk) {
        rx.extend(piece).unwrap();
        while let Some(piece) = framer.next(&mut rx).unwrap() {
            let Piece::Response(frame) = piece else { panic!("too large to be held") };
            found.push(frame.into_octets().into_vec());
        }
    }
    found
}

/// What is made of a response.
fn words(octets: &[u8], quirks: &Quirks) -> String {
    match parse_response(octets, &Limits::default(), quirks) {
        Ok(response) => format!("{response:?}"),
        Err(error) => format!("error: {error}"),
    }
}

/// What is hostile is refused as a whole.
fn of_vendors() -> impl Iterator<Item = &'static Case> {
    imap::CASES.iter().filter(|case| !case.name.starts_with("hostile/"))
}

#[test]
fn responses_are_what_their_marks_say() {
    let mut wrong = Vec::new();
    for case in of_vendors() {
        for chunk in [1, 7, usize::MAX] {
            for response in marked(case, chunk).iter().skip(1) {
                let words = |quirks| words(&response.octets, &quirks);
                let (on, off) = (words(Quirks::default()), words(Quirks::NONE));
                let place = format!("{}:{}: {on}", case.name, response.line);
                for text in response.holds.iter().filter(|text| !on.contains(*text)) {
                    wrong.push(format!("{place}\n  does not hold {text}"));
                }
                if on != off && response.needs.is_empty() {
                    wrong.push(format!("{place}\n  breaks the grammar and needs no quirk: {off}"));
                }
                if response.holds.is_empty()
                    && (on != off || on.starts_with("error") || on.contains("Other {"))
                {
                    wrong.push(format!("{place}\n  is not said to be so"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The response is refused or is another one, or the session has another end.
#[test]
fn without_its_quirk_a_transcript_is_refused() {
    let mut unused = names();
    for case in of_vendors() {
        for response in marked(case, usize::MAX) {
            for name in &response.needs {
                unused.retain(|unused| unused != name);
                let mut without = Quirks::default();
                *field(&mut without, name) = false;
                let same = words(&response.octets, &without) == words(&response.octets, &Quirks::default());
                let end = imap_end(case, &without);
                assert!(
                    !same || !end.starts_with(case.want),
                    "{}:{}: {name}: {end}",
                    case.name,
                    response.line
                );
            }
        }
    }
    assert_eq!(unused, [""; 0], "quirks without a transcript");
}

/// The names of all fields.
fn names() -> Vec<String> {
    let debug = format!("{:?}", Quirks::default());
    let fields = debug.split(['{', ',']).filter_map(|field| field.trim().split_once(':'));
    fields.map(|(name, _)| name.to_owned()).collect()
}

fn field<'q>(quirks: &'q mut Quirks, name: &str) -> &'q mut bool {
    match name {
        "spacing" => &mut quirks.spacing,
        "eight_bit" => &mut quirks.eight_bit,
        "missing_text" => &mut quirks.missing_text,
        "bare_code" => &mut quirks.bare_code,
        "stray_quote" => &mut quirks.stray_quote,
        "wrong_nil" => &mut quirks.wrong_nil,
        "field_count" => &mut quirks.field_count,
        "odd_number" => &mut quirks.odd_number,
        "unquoted_name" => &mut quirks.unquoted_name,
        "odd_section" => &mut quirks.odd_section,
        "line_break" => &mut quirks.line_break,
        "unreadable_value" => &mut quirks.unreadable_value,
        "extra_parentheses" => &mut quirks.extra_parentheses,
        "odd_flag" => &mut quirks.odd_flag,
        "zero_number" => &mut quirks.zero_number,
        "open_set" => &mut quirks.open_set,
        "blank_line" => &mut quirks.blank_line,
        "bare_farewell" => &mut quirks.bare_farewell,
        "junk_line" => &mut quirks.junk_line,
        "repeated_bye" => &mut quirks.repeated_bye,
        "failure_in_ok" => &mut quirks.failure_in_ok,
        "id_first" => &mut quirks.id_first,
        _ => panic!("no quirk {name}"),
    }
}

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

/// JSON (RFC 8259) as token endpoints and mail servers send it: checked as a whole, then looked at where it stands.
///
/// No value is copied before it is asked for, so that a secret in it is nowhere but in the text and where the
/// caller puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'a> {
    /// One value without white space around it.
    text: &'a [u8],
}

impl<'a> Json<'a> {
    /// Levels of arrays and objects in each other.
    pub const DEPTH: u8 = 127;

    /// Checks a text; `None` if it is not one value in UTF-8, nests deeper than [`DEPTH`](Self::DEPTH) or starts with
    /// a byte order mark.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let value = space(str::from_utf8(text).ok()?.as_bytes());
        let rest = walk(value, Self::DEPTH, &mut |_, _| {})?;
        space(rest).is_empty().then(|| Self { text: before(value, rest) })
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.text.starts_with(b"{")
    }

    /// The member of an object with this name, the last of several.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        let mut found = None;
        self.each(&mut |key, value| {
            if key.text().as_deref() == Some(name) {
                found = Some(value);
            }
        });
        found.filter(|_| self.is_object())
    }

    /// The values of an array; none of anything else.
    #[must_use]
    pub fn items(self) -> Vec<Self> {
        let mut items = Vec::new();
        if self.text.starts_with(b"[") {
            self.each(&mut |_, value| items.push(value));
        }
        items
    }

    /// The text of a string.
    #[must_use]
    pub fn text(self) -> Option<String> {
        // As long as it can get: what grows leaves copies of itself behind.
        let mut text = Vec::with_capacity(self.text.len());
        string(self.text, &mut |octets| text.extend_from_slice(octets))?;
        String::from_utf8(text).ok()
    }

    /// A number as it is written.
    #[must_use]
    pub fn number(self) -> Option<&'a str> {
        number(self.text).and(str::from_utf8(self.text).ok())
    }

    fn each(self, visit: &mut dyn FnMut(Self, Self)) {
        walk(self.text, Self::DEPTH, &mut |key, value| visit(Self { text: key }, Self { text: value }));
    }
}

/// `text` as a JSON string.
#[must_use]
pub fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            // Writing to a String does not fail.
            '\0'..='\x1f' => drop(write!(out, "\\u{:04x}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Passes over the value that `text` starts with, and tells the name and the value of each of its members, or the
/// value alone of each of its items. `None` if it is no value.
fn walk<'a>(text: &'a [u8], depth: u8, visit: &mut dyn FnMut(&'a [u8], &'a [u8])) -> Option<&'a [u8]> {
    let (end, has_names) = match text {
        [b'{', ..] => (b'}', true),
        [b'[', ..] => (b']', false),
        [b'"', ..] => return string(text, &mut |_| {}),
        [b't', b'r', b'u', b'e', rest @ ..]
        | [b'f', b'a', b'l', b's', b'e', rest @ ..]
        | [b'n', b'u', b'l', b'l', rest @ ..] => return Some(rest),
        _ => return number(text),
    };
    let depth = depth.checked_sub(1)?;
    let mut rest = space(text.get(1..)?);
    if rest.first() == Some(&end) {
        return rest.get(1..);
    }
    loop {
        let mut name = &[][..];
        if has_names {
            let after = string(rest, &mut |_| {})?;
            name = before(rest, after);
            rest = space(space(after).strip_prefix(b":")?);
        }
        let after = walk(rest, depth, &mut |_, _| {})?;
        visit(name, before(rest, after));
        match space(after).split_first()? {
            (b',', more) => rest = space(more),
            (octet, more) if *octet == end => return Some(more),
            _ => return None,
        }
    }
}

/// Passes over a string and tells what it says, in pieces.
fn string<'a>(text: &'a [u8], say: &mut dyn FnMut(&[u8])) -> Option<&'a [u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let plain = rest.iter().position(|octet| matches!(octet, b'"' | b'\\' | 0..=0x1f))?;
        let (said, after) = rest.split_at_checked(plain)?;
        say(said);
        let [b'\\', escape, after @ ..] = after else { return after.strip_prefix(b"\"") };
        rest = after;
        let character = match escape {
            b'"' | b'\\' | b'/' => char::from(*escape),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = hex(rest)?;
                rest = rest.get(4..)?;
                // Two halves make one character; half a character is none.
                if let (0xd800..=0xdbff, Some(low)) = (code, rest.strip_prefix(b"\\u")) {
                    let half = hex(low).filter(|half| matches!(half, 0xdc00..=0xdfff))?;
                    code = ((code & 0x3ff) << 10 | half & 0x3ff).checked_add(0x1_0000)?;
                    rest = low.get(4..)?;
                }
                char::from_u32(code)?
            }
            _ => return None,
        };
        say(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn hex(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
}

/// `number = [ minus ] int [ frac ] [ exp ]`
fn number(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let mut rest = match text {
        [b'0', rest @ ..] => rest,
        _ => digits(text)?,
    };
    if let [b'.', fraction @ ..] = rest {
        rest = digits(fraction)?;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = digits(match exponent {
            [b'+' | b'-', digits @ ..] => digits,
            _ => exponent,
        })?;
    }
    Some(rest)
}

/// Passes over one digit or more.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|octet| octet.is_ascii_digit()).count();
    text.get(count..).filter(|_| count > 0)
}

fn space(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|octet| matches!(octet, b' ' | b'\t' | b'\r' | b'\n')).count();
    text.get(count..).unwrap_or_default()
}

/// What of `text` is in front of `rest`, its end.
fn before<'a>(text: &'a [u8], rest: &[u8]) -> &'a [u8] {
    text.get(..text.len().saturating_sub(rest.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString, vec};

    use proptest::{collection::vec as many, prelude::*};
    use serde_json::Value;

    use super::*;

    #[test]
    fn finds_what_is_asked_for() {
        let text = br#" { "a" : "x", "b\u0065" : [1, -2.5e+3 ,{}, []], "a":"\ud83d\ude00\n", "c":null } "#;
        let json = Json::parse(text).unwrap();
        assert!(json.is_object());
        assert_eq!(json.get("a").and_then(Json::text).as_deref(), Some("\u{1f600}\n"), "the last of two");
        let items = json.get("be").unwrap().items();
        let numbers: Vec<_> = items.iter().map(|item| item.number()).collect();
        assert_eq!(numbers, [Some("1"), Some("-2.5e+3"), None, None]);
        assert_eq!(
            json.get("c").map(|null| (null.text(), null.number(), null.is_object())),
            Some((None, None, false))
        );
        assert_eq!((json.get("d"), json.text(), json.items()), (None, None, vec![]));
        assert_eq!(Json::parse(b"[1]").unwrap().get("").and_then(Json::number), None);
    }

    #[test]
    fn knows_every_escape() {
        let text = Json::parse(br#""\"\\\/\b\f\n\r\tA\u00e4\ud83d\ude00""#).and_then(Json::text);
        assert_eq!(text.as_deref(), Some("\"\\/\u{8}\u{c}\n\r\tA\u{e4}\u{1f600}"));
    }

    #[test]
    fn refuses_what_is_no_json() {
        let rows: &[&[u8]] = &[
            b"",
            b" ",
            b"\xef\xbb\xbf{}",
            b"{} x",
            b"{",
            b"{}}",
            b"[1,]",
            b"[,1]",
            b"[1 2]",
            b"{\"a\"}",
            b"{\"a\" 1}",
            b"{\"a\":}",
            b"{\"a\":1,}",
            b"{a:1}",
            b"{1:1}",
            b"\"",
            b"\"\n\"",
            b"\"\xff\"",
            b"\"\\x\"",
            b"\"\\u12\"",
            b"\"\\ud83d\"",
            b"\"\\ud83d\\u0041\"",
            b"\"\\ude00\"",
            b"01",
            b"+1",
            b"-",
            b"1.",
            b".1",
            b"1e",
            b"1e+",
            b"tru",
            b"nulll",
            b"True",
        ];
        for text in rows {
            assert_eq!(Json::parse(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn nests_to_the_limit_and_not_deeper() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(Json::parse(nested(127).as_bytes()).is_some());
        assert_eq!(Json::parse(nested(128).as_bytes()), None);
        assert_eq!(Json::parse(&vec![b'['; 1 << 20]), None);
        assert_eq!(Json::parse("{\"a\":".repeat(1 << 16).as_bytes()), None);
    }

    #[test]
    fn what_is_written_is_read() {
        for text in ["", "plain", "\"quoted\" \\ back", "\0\n\u{1b}[2J", "Grüße 😀"] {
            let written = json_string(text);
            assert_eq!(Json::parse(written.as_bytes()).and_then(Json::text).as_deref(), Some(text));
            let held = format!("{{{written}:{written}}}");
            assert_eq!(
                Json::parse(held.as_bytes()).and_then(|json| json.get(text)?.text()).as_deref(),
                Some(text)
            );
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(value in value(), cut in any::<prop::sample::Index>(), octet in any::<u8>()) {
            let text = value.to_string();
            prop_assert!(same(Json::parse(text.as_bytes()).unwrap(), &value), "{}", text);
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert!(same(Json::parse(pretty.as_bytes()).unwrap(), &value), "{}", pretty);
            // One octet wrong: taken or refused by both, and taken for the same.
            let mut wrong = text.into_bytes();
            let at = cut.index(wrong.len());
            wrong[at] = octet;
            match (Json::parse(&wrong), serde_json::from_slice::<Value>(&wrong)) {
                (Some(json), Ok(value)) => prop_assert!(same(json, &value), "{}", wrong.escape_ascii()),
                (None, Err(_)) => {}
                // As large as one likes, as far as the grammar goes.
                (Some(_), Err(error)) if error.to_string().starts_with("number out of range") => {}
                (ours, theirs) => prop_assert!(false, "{}: {ours:?} {theirs:?}", wrong.escape_ascii()),
            }
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = "[ -~äß😀\\x00-\\x1f]{0,8}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9f64).prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let member = (text, inner.clone());
            prop_oneof![
                many(inner, 0..4).prop_map(Value::from),
                many(member, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn same(json: Json<'_>, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => {
                json.text().is_none() && json.number().is_none() && !json.is_object()
            }
            // Only whole numbers are the same text in both.
            Value::Number(number) => {
                json.number().is_some_and(|text| number.is_f64() || text == number.to_string())
            }
            Value::String(text) => json.text().as_deref() == Some(text),
            Value::Array(values) => {
                let items = json.items();
                items.len() == values.len()
                    && items.iter().zip(values).all(|(item, value)| same(*item, value))
            }
            Value::Object(fields) => {
                json.is_object()
                    && fields.iter().all(|(name, value)| json.get(name).is_some_and(|json| same(json, value)))
            }
        }
    }
}

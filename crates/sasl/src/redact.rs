use alloc::{string::String, vec, vec::Vec};
use core::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use mailbearer_wire::{RecvBuf, Secret};

/// Takes our own secrets out of what a server says.
///
/// Servers repeat the request in their errors. This is the one place where secrets are looked for in text, and no more
/// than a net: what we say ourselves is known where it is said. The default looks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Vec<Secret>,
}

impl Redactor {
    /// Looks for each of `secrets` that is at least [`Self::SHORTEST`] octets long: as it is, in base64 behind any number
    /// of octets, and in hexadecimal digits; each also form-encoded, in the escapes of JSON, HTML and quoted strings, and
    /// over several lines.
    #[must_use]
    pub fn new(secrets: &[Secret]) -> Self {
        let secrets = secrets.iter().filter(|secret| secret.expose().len() >= Self::SHORTEST);
        Self { secrets: secrets.cloned().collect() }
    }

    /// `text` with `[redacted]` in place of each secret, and of each part of one that has [`Self::PART`] octets or
    /// more, as where a server or we show a piece of a line alone.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = 0;
        if self.is_worth_a_look(text.as_bytes()) {
            for range in self.find(text.as_bytes()) {
                // A secret may end where a character of the text does not.
                let start = (rest..=range.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(rest);
                shown.push_str(text.get(rest..start).unwrap_or_default());
                shown.push_str(MARK);
                rest = (range.end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            }
        }
        shown.push_str(text.get(rest..).unwrap_or_default());
        shown
    }

    /// Has a trace of what `rx` receives show none of the secrets, if there is a trace.
    pub fn hide_in(&self, rx: &mut RecvBuf) {
        if !self.secrets.is_empty() {
            rx.redact_trace(|| {
                let redactor = self.clone();
                move |text: &str| redactor.redact(text)
            });
        }
    }

    /// Most of what servers say has no word that is long enough to hold a secret, and need not be looked at closely.
    fn is_worth_a_look(&self, text: &[u8]) -> bool {
        let secrets = || self.secrets.iter().map(|secret| secret.expose().as_bytes());
        let Some(shortest) = secrets().map(<[u8]>::len).min() else { return false };
        let (mut word, mut digits) = (0_usize, 0_usize);
        secrets().any(|secret| secret.contains(&b' '))
            || text.trim_ascii_end().contains(&b'\n')
            || text.iter().any(|octet| {
                word = if octet.is_ascii_whitespace() { 0 } else { word.saturating_add(1) };
                let in_digits = octet.is_ascii_hexdigit() || is_spacing(*octet);
                digits = if in_digits { digits.saturating_add(1) } else { 0 };
                word >= shortest.min(Self::PART) || digits > Self::PART.saturating_mul(2)
            })
    }

    /// Where something secret stands in `text`, in order.
    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let (plain, places) = plain(text);
        let index = Index::of(plain.expose());
        let mut secret = vec![false; places.len()];
        for (form, part) in self.secrets.iter().flat_map(|secret| forms(secret.expose().as_bytes())) {
            index.mark(form.expose(), part, &mut secret);
        }
        let (mut found, mut before) = (Vec::<Range<usize>>::new(), false);
        for (place, secret) in places.into_iter().zip(secret) {
            match found.last_mut() {
                Some(range) if secret && before => range.end = place.end,
                _ if secret => found.push(place),
                _ => {}
            }
            before = secret;
        }
        found
    }

    /// Octets of a longer secret by which a part of it is known, however they are written: two texts share fewer by chance,
    /// and fewer are of no use without the rest. The number does not grow with the secret, as a server may repeat it in
    /// lines of any length.
    pub const PART: usize = 12;

    /// Octets of the shortest secret that is looked for. A shorter one would be found in words.
    pub const SHORTEST: usize = 8;
}

/// The forms in which a secret is said, each without its spelling, and how many characters of it are a part.
fn forms(secret: &[u8]) -> Vec<(Secret<Vec<u8>>, usize)> {
    let mut digits = Vec::with_capacity(secret.len().saturating_mul(2));
    for octet in secret {
        // The library's formatting would be many times that.
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
        digits.extend([digit(octet >> 4), digit(octet & 15)]);
    }
    let hex = (Secret::new(digits), Redactor::PART.saturating_mul(2));
    let is_escaped = secret.iter().any(|octet| matches!(octet, b'%' | b'\\' | b'&'));
    let whole = if is_escaped { plain(secret).0 } else { spelt(secret) };
    let mut forms = vec![(whole, Redactor::PART), hex];
    // What stands before it in a group of three octets, and how many characters that has a part in.
    for (before, first) in [(&b""[..], 0), (b"x", 2), (b"xx", 3)] {
        let octets = Secret::new([before, secret].concat());
        let whole = Secret::<String>::new(STANDARD_NO_PAD.encode(octets.expose()));
        let end = whole.expose().len().saturating_sub(usize::from(octets.expose().len() % 3 != 0));
        forms.push((spelt(whole.expose().as_bytes().get(first..end).unwrap_or_default()), BASE64_PART));
    }
    forms
}

/// As [`plain`], for a text that has no escape: a session does this for each reply that has a long word.
fn spelt(text: &[u8]) -> Secret<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    octets.extend(text.iter().filter(|octet| !is_spacing(**octet)).map(|octet| folded(*octet)));
    Secret::new(octets)
}

/// The same for letters of either case, and for what base64url writes in another way.
const fn folded(octet: u8) -> u8 {
    if octet == b'_' { b'/' } else { octet.to_ascii_lowercase() }
}

/// `text` without its spelling, and where each octet of that stands in it.
///
/// Two spellings of one secret are the same without them: escapes are undone, also where they escape escapes; letters are
/// small; and what is written in several ways, or stands where a line is folded, is left out.
fn plain(text: &[u8]) -> (Secret<Vec<u8>>, Vec<Range<usize>>) {
    // No escape is shorter than what it stands for, so nothing has to move and leave a copy behind.
    let (mut octets, mut places) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let mut start = 0_usize;
    while let Some(rest @ [first, ..]) = text.get(start..) {
        let escaped = unescape(rest);
        let (said, length) = match &escaped {
            Some((said, length)) => (said.expose().as_slice(), *length),
            None => (core::slice::from_ref(first), 1),
        };
        let end = start.saturating_add(length);
        for octet in said.iter().filter(|octet| !is_spacing(**octet)) {
            octets.push(folded(*octet));
            places.push(start..end);
        }
        start = end;
    }
    (Secret::new(octets), places)
}

/// What an escape stands for, in UTF-8, and how long the escape is; `None` where there is none.
fn unescape(text: &[u8]) -> Option<(Secret<Vec<u8>>, usize)> {
    let number = |from: usize, to: usize, radix: u32| {
        let digits = core::str::from_utf8(text.get(from..to)?).ok()?;
        u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
    };
    let octet =
        |from: usize| number(from, from.saturating_add(2), 16).and_then(|code| u8::try_from(code).ok());
    let character = |code: Option<u32>| {
        let mut utf8 = [0; 4];
        code.and_then(char::from_u32).map(|character| character.encode_utf8(&mut utf8).as_bytes().to_vec())
    };
    let (said, length) = match text {
        // A form in a form has `%25` for the sign itself, once more for each time; alone it stands for itself.
        [b'%', rest @ ..] => {
            let again = rest.chunks(2).take_while(|digits| digits == b"25").count();
            let at = again.saturating_mul(2).saturating_add(1);
            match octet(at) {
                Some(octet) => (vec![octet], at.saturating_add(2)),
                None => (vec![b'%'], at),
            }
        }
        [b'\\', b'u', ..] => (character(number(2, 6, 16))?, 6),
        [b'\\', b'x', ..] => (vec![octet(2)?], 4),
        [b'\\', b'n' | b'r' | b't', ..] => (vec![b' '], 2),
        [b'&', b'#', rest @ ..] => {
            let end = rest.iter().take(8).position(|octet| *octet == b';')?.saturating_add(2);
            (character(number(2, end, 10).or_else(|| number(3, end, 16)))?, end.saturating_add(1))
        }
        [b'&', rest @ ..] => {
            let (name, octet) = NAMES.iter().find(|(name, _)| rest.starts_with(name))?;
            (vec![*octet], name.len().saturating_add(1))
        }
        _ => return None,
    };
    Some((Secret::new(said), length))
}

/// Where each few octets of a text stand.
struct Index<'t> {
    text: &'t [u8],
    /// For each hash the place of the last octets that have it, and for each place the one before it.
    last: Vec<usize>,
    before: Vec<usize>,
}

impl<'t> Index<'t> {
    fn of(text: &'t [u8]) -> Self {
        let mut index =
            Self { text, last: vec![usize::MAX; BUCKETS], before: Vec::with_capacity(text.len()) };
        for (at, few) in text.windows(FEW).enumerate() {
            if let Some(last) = index.last.get_mut(bucket(few)) {
                index.before.push(core::mem::replace(last, at));
            }
        }
        index
    }

    /// Marks what `form` and the text have in common, where that is long enough to be no chance.
    fn mark(&self, form: &[u8], part: usize, marks: &mut [bool]) {
        let least = form.len().min(part);
        if least < SHORTEST_PLAIN {
            return;
        }
        // Whatever is long enough holds some of these whole.
        for (at, few) in form.windows(FEW).enumerate().step_by(least.saturating_sub(FEW).saturating_add(1)) {
            let mut place = self.last.get(bucket(few)).copied().unwrap_or(usize::MAX);
            while let Some(before) = self.before.get(place) {
                let is_new = marks.get(place) == Some(&false);
                let (Some((left, right)), Some((form_left, form_right))) =
                    (self.text.split_at_checked(place), form.split_at_checked(at))
                else {
                    return;
                };
                if is_new {
                    let same = |(one, other): &(&u8, &u8)| one == other;
                    let back = left.iter().rev().zip(form_left.iter().rev()).take_while(same).count();
                    let on = right.iter().zip(form_right).take_while(same).count();
                    let (start, end) = (place.saturating_sub(back), place.saturating_add(on));
                    if end.saturating_sub(start) >= least {
                        marks.get_mut(start..end).unwrap_or_default().fill(true);
                    }
                }
                place = *before;
            }
        }
    }
}

fn bucket(few: &[u8]) -> usize {
    few.iter().fold(0, |hash: usize, octet| hash.wrapping_mul(11) ^ usize::from(*octet)) % BUCKETS
}

/// What is left out of every text: spaces, line ends, the sign before escapes, what base64url has others for, and
/// what stands between hexadecimal digits.
const fn is_spacing(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b'\\' | b'+' | b'-' | b':')
}

const HEX: &[u8; 16] = b"0123456789abcdef";
/// HTML's names for what its attributes can't hold.
const NAMES: &[(&[u8], u8)] =
    &[(b"amp;", b'&'), (b"lt;", b'<'), (b"gt;", b'>'), (b"quot;", b'"'), (b"apos;", b'\'')];
/// Less than this of a secret is no secret without its spelling.
const SHORTEST_PLAIN: usize = 6;
/// Characters of base64 that hold nothing but [`Redactor::PART`] octets, wherever in a group of three these begin.
/// Server's reasons are base64 of JSON, as signed tokens are, and share shorter pieces with them.
const BASE64_PART: usize = Redactor::PART.saturating_mul(8).saturating_sub(4) / 6;
const FEW: usize = 4;
const BUCKETS: usize = 1024;
const MARK: &str = "[redacted]";

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString, vec};

    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn finds_a_secret_in_every_form() {
        for secret in [
            "hunter22",
            "s3cr&t w%rd",
            "0.AAA-_~+/=x1",
            "Grüsse aus Köln",
            "Sup3r-Secret_Value~77&%=+\"\\zz",
            "100%zz%-secret%",
        ] {
            let redactor = Redactor::new(&[Secret::from(secret)]);
            let each = |spell: &dyn Fn(u8) -> String| secret.bytes().map(spell).collect::<String>();
            let form = |octet: u8| match octet {
                b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    char::from(octet).to_string()
                }
                b' ' => "+".into(),
                _ => format!("%{octet:02X}"),
            };
            let encoded = each(&form);
            let spelt = |spell: &dyn Fn(char) -> String| secret.chars().map(spell).collect::<String>();
            let mut texts = vec![
                secret.to_string(),
                encoded.clone(),
                encoded.to_ascii_lowercase(),
                encoded.replace('+', "%20"),
                encoded.replace('%', "%25").replace('+', "%2520"),
                each(&|octet| format!("%{octet:02x}")),
                each(&|octet| format!("%25{octet:02x}")),
                each(&|octet| format!("{octet:02X}")),
                each(&|octet| format!("{octet:02x} ")),
                each(&|octet| format!("{octet:02x}:")),
                each(&|octet| format!("\\x{octet:02x}")),
                spelt(&|character| format!("\\u{:04X}", u32::from(character))),
                spelt(&|character| format!("&#{};", u32::from(character))),
                spelt(&|character| format!("&#x{:x};", u32::from(character))),
                secret.replace('&', "\\u0026").replace('=', "\\u003d").replace('/', "\\/"),
                secret.replace('&', "&amp;").replace('"', "&quot;"),
                secret.replace('\\', "\\\\").replace('"', "\\\""),
                format!("{}\r\n {}", &secret[..5], &secret[5..]),
                secret.to_ascii_uppercase(),
            ];
            for before in ["", "a", "ab", "abc", "client:"] {
                for behind in ["", "z", "\u{1}\u{1}"] {
                    let whole = format!("{before}{secret}{behind}");
                    texts.extend([STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)]);
                }
            }
            for text in texts {
                let shown = redactor.redact(&format!("you sent {text}, and {text}"));
                assert_eq!(shown.matches(MARK).count(), 2, "{secret}: {text} is {shown}");
                let left = shown.replace(MARK, "").len();
                // At most what neighbours in base64 have a part in.
                assert!(left < 20 + 2 * 14, "{secret}: {text} is {shown}");
            }
        }
    }

    /// A session asks this for each reply.
    #[test]
    fn what_can_hold_no_secret_is_not_looked_at() {
        let digits = |count: usize| "1f ".repeat(count)[..count].to_string();
        for (secret, text, want) in [
            ("EwBAAl3BAAUFFpUA", "250 2.1.0 recipient ok", false),
            ("EwBAAl3BAAUFFpUA", "elevenchars\televenchars elevenchars", false),
            ("EwBAAl3BAAUFFpUA", "twelve chars: twelvecharss", true),
            ("EwBAAl3BAAUFFpUA", "two lines\r\nof text", true),
            ("EwBAAl3BAAUFFpUA", "one line\r\n", false),
            ("hunter22", "sevench sevench", false),
            ("hunter22", "eightcha", true),
            ("my password", "ok", true),
            ("EwBAAl3BAAUFFpUA", &digits(24), false),
            ("EwBAAl3BAAUFFpUA", &digits(25), true),
            ("EwBAAl3BAAUFFpUA", &[digits(23), digits(23)].join("g"), false),
        ] {
            assert_eq!(Redactor::new(&[secret.into()]).is_worth_a_look(text.as_bytes()), want, "{text:?}");
        }
        assert!(!Redactor::default().is_worth_a_look(b"a word that is long enough: antidisestablishment"));
    }

    /// A secret is compared with few places of a text, or each look would take the length of one times the other.
    #[test]
    fn few_places_are_candidates() {
        let octets: Vec<u8> =
            (0..3_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_769).to_be_bytes()).collect();
        let text = plain(STANDARD.encode(octets).as_bytes()).0;
        let index = Index::of(text.expose());
        let places = |bucket: &usize| {
            core::iter::successors(Some(*bucket), |at| index.before.get(*at).copied())
                .take_while(|at| *at < usize::MAX)
                .count()
        };
        let longest = index.last.iter().map(places).max();
        assert!(longest < Some(4 * text.expose().len() / BUCKETS), "{longest:?} of {}", text.expose().len());
        assert_eq!(index.last.iter().map(places).sum::<usize>(), text.expose().len() - FEW + 1);
    }

    #[test]
    fn leaves_everything_else() {
        let redactor = Redactor::new(&["short7!".into(), "long enough".into()]);
        for text in ["", "short7!", "long enoug", "Grüße"] {
            assert_eq!(redactor.redact(text), text);
        }
        assert_eq!(redactor.redact("ü LONG enough ü"), "ü [redacted] ü");
    }

    #[test]
    fn the_start_of_a_secret_is_found() {
        let token = "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA";
        let redactor = Redactor::new(&[token.into()]);
        let response = STANDARD.encode(format!("user=a@b\u{1}auth=Bearer {token}\u{1}\u{1}"));
        for end in [response.len(), response.len() - 9, 60] {
            let shown = redactor.redact(&format!("AUTHENTICATE XOAUTH2 {}", &response[..end]));
            assert!(shown.ends_with("[redacted]") || shown.len() < 80, "{shown}");
            let (before, _) = shown.split_once("[redacted]").unwrap();
            assert!(response.starts_with(before.trim_start_matches("AUTHENTICATE XOAUTH2 ")), "{shown}");
        }
        assert_eq!(redactor.redact(&token[..12]), "[redacted]");
        assert_eq!(redactor.redact(&token[..11]), &token[..11]);
    }

    /// Nothing of it is left beside the mark, nor is anything else taken away.
    #[test]
    fn the_whole_of_a_secret_is_hidden() {
        for secret in ["0123456789ab", "0123456789abc", "0123456789abcd", "hunter22!", "hunter22"] {
            let redactor = Redactor::new(&[secret.into()]);
            let text = STANDARD.encode(secret);
            let tail = if secret.len() % 3 == 0 { "" } else { &text[text.trim_end_matches('=').len() - 1..] };
            assert_eq!(redactor.redact(&text), format!("[redacted]{tail}"), "{secret}");
            // An escape of a line end, as JSON has it, within and beside it.
            let (one, two) = secret.split_at(5);
            assert_eq!(redactor.redact(&format!("{one}\\r\\n{two}")), MARK, "{secret}");
        }
        // What is only spelling does not count: six characters are enough, five are words.
        let redactor = Redactor::new(&["ab-cd-ef".into(), "x-y-z+vw".into()]);
        assert_eq!(redactor.redact("ab-cd-ef, abcdef"), "[redacted], [redacted]");
        assert_eq!(redactor.redact("xyzvw x-y-z+vw"), "xyzvw x-y-z+vw");
    }

    #[test]
    fn a_trace_of_what_is_received_shows_none() {
        let heard = |redactor: &Redactor| {
            let mut rx = RecvBuf::with_limit(100);
            rx.start_trace(None);
            redactor.hide_in(&mut rx);
            rx.extend(b"535 no: EwBAAl3BAAUFFpUA\r\n").unwrap();
            rx.consume(rx.unread().len());
            rx.take_trace().into_iter().map(|line| line.text).collect::<String>()
        };
        assert_eq!(heard(&Redactor::new(&["EwBAAl3BAAUFFpUA".into()])), "535 no: [redacted]");
        assert_eq!(heard(&Redactor::default()), "535 no: EwBAAl3BAAUFFpUA");
    }

    #[test]
    fn a_secret_in_another_is_no_hindrance() {
        let redactor = Redactor::new(&["password".into(), "my password is long".into()]);
        assert_eq!(redactor.redact("my password is long password"), "[redacted]");
        assert_eq!(redactor.redact("my password is long, password"), "[redacted], [redacted]");
    }

    /// As in a reply of two lines, or where a line is cut.
    #[test]
    fn a_part_of_a_secret_is_found() {
        let token = "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA";
        let redactor = Redactor::new(&[token.into()]);
        let said = format!("535-5.7.8 {}\n535 5.7.8 {} no", &token[..20], &token[20..]);
        assert_eq!(redactor.redact(&said), "535-5.7.8 [redacted]\n535 5.7.8 [redacted] no");
        for start in 0..token.len() {
            let part = &token[start..token.len().min(start + Redactor::PART)];
            let want = if part.len() < Redactor::PART { part } else { "[redacted]" };
            assert_eq!(redactor.redact(&format!("({part})")), format!("({want})"));
        }
        // Octets of the secret count, not characters that hold them.
        let hex: String = token.bytes().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(redactor.redact(&hex[10..34]), "[redacted]");
        assert_eq!(redactor.redact(&hex[10..33]), &hex[10..33]);
        for before in ["", "a", "ab"] {
            for start in 0..token.len() - Redactor::PART {
                let few = STANDARD.encode(format!("{before}{}", &token[start..start + 10]));
                assert_eq!(redactor.redact(&few), few, "{before} {start}");
                let part = STANDARD.encode(format!("{before}{}", &token[start..start + Redactor::PART]));
                assert!(redactor.redact(&part).contains(MARK), "{before} {start}");
            }
        }
        let wrapped = STANDARD.encode(token).replace('j', "j\r\n");
        assert!(redactor.redact(&wrapped).len() < 20, "{wrapped}");
        assert_eq!(redactor.redact("nothing of EwBAAl3BAAU"), "nothing of EwBAAl3BAAU");
    }

    /// Whatever a server says, its characters are whole and the rest of it is as it was.
    #[test]
    fn what_is_not_secret_stays_as_it_is() {
        let redactor = Redactor::new(&["пароль-пароль".into(), "\u{1f511}\u{1f512}\u{1f513}".into()]);
        for text in
            ["%", "%2", "%25", "\\u12", "&#;", "&#x;", "&#99999999;", "&am", "\\", "ёпар", "a\u{1f511}b"]
        {
            let long = format!("{text} and a word that is long enough: antidisestablishmentarianism {text}");
            assert_eq!(redactor.redact(&long), long);
        }
        assert_eq!(redactor.redact("это пароль-парольё!"), "это [redacted]ё!");
        let many = "EwBAAl3BAAUF".repeat(20_000);
        assert_eq!(Redactor::new(&["EwBAAl3BAAUFEwBAAl3BAAUF".into()]).redact(&many), "[redacted]");
    }
}

//! A mailbox that a message is sent from or to: strict, so that it cannot break a header or an SMTP command.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::ascii::{dot_atom_len, is_atext, is_host, is_host_name, is_words, tail};

/// Longest address in octets: the 256 of a path in RFC 5321 section 4.5.3.1.3 less its angle brackets.
const MAX_ADDRESS: usize = 254;

/// An address and the name it is shown with.
///
/// The address is an `addr-spec` of RFC 5322 section 3.4.1 without comments and folding. Two things go beyond
/// it: non-ASCII letters (RFC 6532), and dots anywhere in the local part, since `a..b@example.jp` is in use.
///
/// Where the domain alone holds such letters it is kept as A-labels (`jo@xn--bcher-kva.example`, RFC 5891), which every
/// server takes. That needs the feature `idna`. Where the local part holds them, or without the feature,
/// [`needs_smtputf8`](Self::needs_smtputf8) is true.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The name, and the address behind it: one piece of memory.
    text: String,
    name_len: usize,
    /// Whether a header has the name as it is: looked at once.
    is_words: bool,
    /// Whether the address is ASCII.
    is_ascii: bool,
}

impl Address {
    /// A mailbox without a name.
    ///
    /// # Errors
    ///
    /// Fails if `address` is not `local@domain`:
    ///
    /// - no domain, or an empty label in it;
    /// - control characters, or spaces and specials outside of a quoted local part;
    /// - invisible characters and marks of direction, which make an address look like another;
    /// - U+FFFD, which stands for octets that nobody could read;
    /// - a domain outside ASCII that is no name by RFC 5891, or that IDNA maps to another one, as `org³` to `org3`;
    /// - more than 254 octets.
    pub fn new(address: &str) -> Result<Self, AddressError> {
        Self::from_parts("", false, address)
    }

    /// A mailbox with the name it is shown with. White space around the name is dropped.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and if `name` holds a control character.
    pub fn named(name: &str, address: &str) -> Result<Self, AddressError> {
        // Most names have nothing to be dropped or refused.
        if is_words(name.as_bytes()) {
            return Self::from_parts(name, true, address);
        }
        if has_control(name) {
            return Err(AddressError::Control);
        }
        let trimmed = name.trim();
        let is_changed = trimmed.len() < name.len();
        Self::from_parts(trimmed, is_changed && is_words(trimmed.as_bytes()), address)
    }

    fn from_parts(name: &str, is_words: bool, address: &str) -> Result<Self, AddressError> {
        if is_usual(address.as_bytes()) {
            return Ok(Self::of(name, is_words, address, true));
        }
        check_address(address)?;
        let ascii = with_a_labels(address)?;
        let address = ascii.as_deref().unwrap_or(address);
        Ok(Self::of(name, is_words, address, address.is_ascii()))
    }

    fn of(name: &str, is_words: bool, address: &str, is_ascii: bool) -> Self {
        let mut text = String::with_capacity(name.len().saturating_add(address.len()));
        text.push_str(name);
        text.push_str(address);
        Self { text, name_len: name.len(), is_words, is_ascii }
    }

    /// Reads `a@b`, `<a@b>`, `Name <a@b>` or `"Name" <a@b>`.
    ///
    /// A name without quotes is taken as it stands, encoded words included; one that holds any of `,;<>@"\`
    /// needs quotes, so that a list is not taken for a name.
    ///
    /// # Errors
    ///
    /// As [`named`](Self::named), and if a quote or an angle bracket is left open or followed by more text.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if has_control(text) {
            return Err(AddressError::Control);
        }
        let text = text.trim();
        match outside_quotes(text, '<') {
            None => Self::new(text),
            Some((name, rest)) => {
                let address = rest.strip_suffix('>').ok_or(AddressError::Brackets)?;
                Self::named(&unquote(name.trim())?, address)
            }
        }
    }

    /// Reads mailboxes separated by commas. Empty places between commas are skipped.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), for the first entry that fails.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        let mut mailboxes = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (entry, after) = outside_quotes(rest, ',').unwrap_or((rest, ""));
            if !entry.trim().is_empty() {
                mailboxes.push(Self::parse(entry)?);
            }
            rest = after;
        }
        Ok(mailboxes)
    }

    /// Name that the mailbox is shown with; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(..self.name_len).unwrap_or_default()
    }

    /// The `addr-spec`, as `MAIL FROM` and `RCPT TO` take it between angle brackets.
    #[must_use]
    pub fn address(&self) -> &str {
        self.text.get(self.name_len..).unwrap_or_default()
    }

    /// Whether the name is words that stand for themselves in a header.
    pub(crate) const fn has_words(&self) -> bool {
        self.is_words
    }

    /// Octets of name and address.
    pub(crate) const fn text_len(&self) -> usize {
        self.text.len()
    }

    /// What follows the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        // A domain holds no `@`, so the last one is the separator also after a quoted local part.
        self.address().rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether the address holds non-ASCII characters, which need the SMTPUTF8 extension (RFC 6531).
    #[must_use]
    pub const fn needs_smtputf8(&self) -> bool {
        !self.is_ascii
    }
}

/// The address as it goes out where it is not ASCII: the domain in A-labels if the local part is ASCII, and in U-labels
/// if it is not.
///
/// IDNA maps many characters to others: a superscript three to a 3, a soft hyphen to nothing. Whoever reads such a name
/// can't tell which domain is meant, so only these are mapped: upper case to lower case, a decomposed letter to the
/// composed one, and the wide full stops of an East Asian keyboard to a dot (RFC 5895 section 2).
#[cfg(feature = "idna")]
fn with_a_labels(address: &str) -> Result<Option<String>, AddressError> {
    if address.is_ascii() {
        return Ok(None);
    }
    let Some((local, written)) = address.rsplit_once('@').filter(|(_, domain)| !domain.is_ascii()) else {
        return Ok(None);
    };
    let ascii = idna::domain_to_ascii_strict(written).map_err(|_| AddressError::Domain)?;
    let (unicode, _) = idna::domain_to_unicode(&ascii);
    let dotted = written.replace(['\u{3002}', '\u{ff0e}', '\u{ff61}'], ".");
    let composed = icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize(&dotted);
    let lower_case = |text: &str| -> String { text.chars().flat_map(char::to_lowercase).collect() };
    if lower_case(&composed) != lower_case(&unicode) {
        return Err(AddressError::MappedDomain);
    }
    let address = [local, "@", if local.is_ascii() { &ascii } else { &unicode }].concat();
    check_address(&address)?;
    Ok(Some(address))
}

#[cfg(not(feature = "idna"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
const fn with_a_labels(_address: &str) -> Result<Option<String>, AddressError> {
    Ok(None)
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

/// For people and logs, and readable by [`Address::parse`]; not encoded for a header.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, address) = (self.name(), self.address());
        if name.is_empty() {
            return f.write_str(address);
        }
        if name.chars().all(|c| !c.is_ascii() || c == ' ' || u8::try_from(c).is_ok_and(is_atext)) {
            f.write_str(name)?;
        } else {
            f.write_str(&quote(name))?;
        }
        write!(f, " <{address}>")
    }
}

/// Why a text is not a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// A control character in the name or the address.
    Control,
    /// A quote or an angle bracket is not closed, or text follows it.
    Brackets,
    /// The name holds a special character and is not quoted.
    Name,
    /// No `@`, or nothing after it.
    MissingDomain,
    /// The part before the `@` is empty or holds a character that needs quotes.
    LocalPart,
    /// The part after the `@` is neither a domain name nor an address literal in brackets.
    Domain,
    /// IDNA maps the domain to another than the one that is written, as `org³` to `org3`.
    MappedDomain,
    /// The address is longer than 254 octets.
    TooLong,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control character in address",
            Self::Brackets => "unbalanced quotes or angle brackets in address",
            Self::Name => "name with special characters needs quotes",
            Self::MissingDomain => "address has no domain",
            Self::LocalPart => "bad character before the @ of the address",
            Self::Domain => "bad domain in address",
            Self::MappedDomain => "domain of the address holds characters that stand for others",
            Self::TooLong => "address is longer than 254 octets",
        })
    }
}

impl core::error::Error for AddressError {}

/// `quoted-string` of RFC 5322 section 3.2.4.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Splits at the first `separator` that is outside quotes.
fn outside_quotes(text: &str, separator: char) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            _ if c == separator => {
                let (before, rest) = text.split_at_checked(at)?;
                return Some((before, rest.strip_prefix(separator)?));
            }
            _ => {}
        }
    }
    None
}

/// Content of a quoted name, or a name that needs no quotes.
fn unquote(name: &str) -> Result<String, AddressError> {
    let Some(rest) = name.strip_prefix('"') else {
        return if name.contains([',', ';', '<', '>', '@', '"', '\\']) {
            Err(AddressError::Name)
        } else {
            Ok(name.into())
        };
    };
    let mut content = String::new();
    let mut rest = rest.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' if rest.as_str().is_empty() => return Ok(content),
            '"' => return Err(AddressError::Brackets),
            '\\' => content.push(rest.next().ok_or(AddressError::Brackets)?),
            c => content.push(c),
        }
    }
    Err(AddressError::Brackets)
}

/// Whether there is a control character, also one of C1. These begin with 0xC2, and few names have that.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control() || byte == 0xC2) && text.chars().any(char::is_control)
}

/// Whether an address is what most are: a `dot-atom`, and a domain of letters, digits and hyphens.
fn is_usual(address: &[u8]) -> bool {
    let local = dot_atom_len(address);
    let domain = tail(address, local).strip_prefix(b"@");
    local > 0 && address.len() <= MAX_ADDRESS && domain.is_some_and(is_host_name)
}

fn check_address(address: &str) -> Result<(), AddressError> {
    if has_control(address) {
        return Err(AddressError::Control);
    }
    if address.len() > MAX_ADDRESS {
        return Err(AddressError::TooLong);
    }
    match address.rsplit_once('@') {
        None | Some((_, "")) => Err(AddressError::MissingDomain),
        Some((local, _)) if !is_local_part(local) => Err(AddressError::LocalPart),
        Some((_, domain)) if !is_domain(domain) => Err(AddressError::Domain),
        Some(_) => Ok(()),
    }
}

fn is_local_part(local: &str) -> bool {
    match local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(content) => {
            let mut escaped = false;
            for c in content.chars() {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => return false,
                    c if !c.is_ascii() && !c.is_whitespace() && !is_letter(c, |_| true) => return false,
                    _ => {}
                }
            }
            !escaped
        }
        None => !local.is_empty() && local.chars().all(|c| c == '.' || is_letter(c, is_atext)),
    }
}

fn is_domain(domain: &str) -> bool {
    match domain.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(|literal| {
            !literal.is_empty()
                && literal.bytes().all(|b| b.is_ascii_graphic() && !b"[]\\<>\"(),;".contains(&b))
        }),
        None => {
            domain.split('.').all(|label| !label.is_empty() && label.chars().all(|c| is_letter(c, is_host)))
        }
    }
}

/// An ASCII character of the class, or a non-ASCII one that is seen and stands for itself (controls are refused before).
/// The two joiners stay: they tell words apart in Persian and Indian scripts.
fn is_letter(c: char, class: impl Fn(u8) -> bool) -> bool {
    if c.is_ascii() {
        return u8::try_from(c).is_ok_and(class);
    }
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_whitespace() && !unseen && c != char::REPLACEMENT_CHARACTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use proptest::prelude::*;

    /// A quoted local part with a space is an address.
    #[test]
    fn parses_what_people_type() {
        let rows: &[(&str, Result<(&str, &str), AddressError>)] = &[
            ("a@b", Ok(("", "a@b"))),
            ("  <a@b.example> ", Ok(("", "a@b.example"))),
            ("Ann <a@b>", Ok(("Ann", "a@b"))),
            ("Ann B. (Sales) <a@b>", Ok(("Ann B. (Sales)", "a@b"))),
            ("\"Doe, \\\"J\\\" <x>\" <j@b>", Ok(("Doe, \"J\" <x>", "j@b"))),
            ("Grüße <a@b>", Ok(("Grüße", "a@b"))),
            ("\u{a0}© \u{c2}\u{a0}<a@b>", Ok(("© \u{c2}", "a@b"))),
            ("Grüße\u{7f} <a@b>", Err(AddressError::Control)),
            ("\u{9f}© <a@b>", Err(AddressError::Control)),
            ("\"john doe\"@b", Ok(("", "\"john doe\"@b"))),
            ("Jo <\"john doe\"@b>", Ok(("Jo", "\"john doe\"@b"))),
            ("\"a@b<\\\">\"@c", Ok(("", "\"a@b<\\\">\"@c"))),
            ("X <\"a>b\"@c>", Ok(("X", "\"a>b\"@c"))),
            ("a@[192.0.2.1]", Ok(("", "a@[192.0.2.1]"))),
            ("a@[IPv6:2001:db8::1]", Ok(("", "a@[IPv6:2001:db8::1]"))),
            ("a..b.@c_d.example", Ok(("", "a..b.@c_d.example"))),
            ("用户@例子.广告", Ok(("", "用户@例子.广告"))),
            ("", Err(AddressError::MissingDomain)),
            ("ann", Err(AddressError::MissingDomain)),
            ("ann@", Err(AddressError::MissingDomain)),
            ("@b", Err(AddressError::LocalPart)),
            ("a b@c", Err(AddressError::LocalPart)),
            ("a@b c", Err(AddressError::Domain)),
            ("a@b@c", Err(AddressError::LocalPart)),
            ("a@b..c", Err(AddressError::Domain)),
            ("a@b.", Err(AddressError::Domain)),
            ("a@b>", Err(AddressError::Domain)),
            ("a@b>\r\nRCPT TO:<evil@x", Err(AddressError::Control)),
            ("\"a\r\nRSET\r\n\"@b", Err(AddressError::Control)),
            ("a\0@b", Err(AddressError::Control)),
            ("X\nBcc: e@x <a@b>", Err(AddressError::Control)),
            ("a\u{85}@b", Err(AddressError::Control)),
            ("a\u{2028}@b", Err(AddressError::LocalPart)),
            ("\"a\"b\"@c", Err(AddressError::LocalPart)),
            ("\"a\\\"@c", Err(AddressError::LocalPart)),
            ("\"@c", Err(AddressError::LocalPart)),
            ("Ann <a@b", Err(AddressError::Brackets)),
            ("Ann <a@b> x", Err(AddressError::Brackets)),
            ("\"Ann\" B <a@b>", Err(AddressError::Brackets)),
            ("a@b, C <c@d>", Err(AddressError::Name)),
            ("Doe, J <c@d>", Err(AddressError::Name)),
            ("a@[]", Err(AddressError::Domain)),
            ("a@[1.2", Err(AddressError::Domain)),
            // To a reader a comment, and the end of the address.
            ("a@[IPv6(:=?::1]", Err(AddressError::Domain)),
            ("a@[x,y]", Err(AddressError::Domain)),
        ];
        for (input, want) in rows {
            let got = Address::parse(input);
            let got = got.as_ref().map(|m| (m.name(), m.address())).map_err(|e| *e);
            assert_eq!(got, *want, "{input}");
        }
    }

    #[test]
    fn limits_the_address() {
        let at = |len: usize| format!("{}@b", "a".repeat(len - 2));
        assert!(Address::new(&at(MAX_ADDRESS)).is_ok());
        assert_eq!(Address::new(&at(MAX_ADDRESS + 1)), Err(AddressError::TooLong));
    }

    #[test]
    fn flags_smtputf8_by_the_address_alone() {
        let without = cfg!(not(feature = "idna"));
        for (input, want) in
            [("Ü <a@b>", false), ("ü@b", true), ("ü@ü.example", true), ("a@ü.example", without)]
        {
            assert_eq!(Address::parse(input).unwrap().needs_smtputf8(), want, "{input}");
        }
        assert_eq!(Address::new("\"a@b\"@c.example").unwrap().domain(), "c.example");
    }

    /// A domain with an umlaut can be written to without SMTPUTF8 (A-labels).
    #[cfg(feature = "idna")]
    #[test]
    fn a_domain_goes_out_as_a_labels() {
        let rows = [
            ("jo@bücher.example", Ok("jo@xn--bcher-kva.example")),
            ("Jo <jo@BÜCHER.example>", Ok("jo@xn--bcher-kva.example")),
            ("jo@straße.example", Ok("jo@xn--strae-oqa.example")),
            ("jo@日本。jp", Ok("jo@xn--wgv71a.jp")),
            ("jo@xn--bcher-kva.example", Ok("jo@xn--bcher-kva.example")),
            ("jo@Example.COM", Ok("jo@Example.COM")),
            ("jö@bücher.example", Ok("jö@bücher.example")),
            ("\"j o\"@bücher.example", Ok("\"j o\"@xn--bcher-kva.example")),
            ("jo@b\u{200b}ü\u{fffd}.example", Err(AddressError::Domain)),
            ("jo@\u{65e5}\u{672c}\u{ff0e}jp", Ok("jo@xn--wgv71a.jp")),
            ("jo@mail\u{ff61}example", Ok("jo@mail.example")),
            ("jo@bu\u{308}cher.example", Ok("jo@xn--bcher-kva.example")),
            ("jö@BU\u{308}cher\u{3002}example", Ok("jö@bücher.example")),
            ("jo@ΣΊΓΜΑΣ.example", Ok("jo@xn--kxaef0b6ae.example")),
            ("jo@org\u{b3}", Err(AddressError::MappedDomain)),
            ("jö@org\u{b3}", Err(AddressError::MappedDomain)),
            ("jo@\u{ff45}xample.org", Err(AddressError::MappedDomain)),
            ("jo@\u{2460}.example", Err(AddressError::MappedDomain)),
            ("jo@\u{fb01}rst.example", Err(AddressError::MappedDomain)),
            ("jo@b\u{ad}ank.example", Err(AddressError::Domain)),
            ("jo@b\u{200b}ank.example", Err(AddressError::Domain)),
            ("jo@bank\u{fe0f}.example", Err(AddressError::MappedDomain)),
            ("jo@b\u{200d}ank.example", Err(AddressError::Domain)),
            ("jo@b\u{202e}knac\u{202c}.example", Err(AddressError::Domain)),
            ("jo@example.org\u{3002}", Err(AddressError::Domain)),
            ("jo@example.org.", Err(AddressError::Domain)),
            ("jo\u{202e}@example.org", Err(AddressError::LocalPart)),
            ("j\u{200b}o@example.org", Err(AddressError::LocalPart)),
            ("\"j\u{2066}o\"@example.org", Err(AddressError::LocalPart)),
            ("jo%example.net@example.org", Ok("jo%example.net@example.org")),
            ("=?utf-8?q?jo=40x?=@example.org", Ok("=?utf-8?q?jo=40x?=@example.org")),
            ("jo@-ü-.example", Err(AddressError::Domain)),
        ];
        for (input, want) in rows {
            let got = Address::parse(input);
            assert_eq!(got.as_ref().map(Address::address).map_err(|error| *error), want, "{input}");
        }
        let long = ["ü"; 60].concat();
        assert!(Address::new(&alloc::format!("a@{long}.{long}.{long}.{long}.example")).is_err());
    }

    #[test]
    fn splits_lists() {
        let list = Address::parse_list("a@b, \"X, Y\" <c@d>,, Z <\"e,f\"@g>,").unwrap();
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(list, ["a@b", "\"X, Y\" <c@d>", "Z <\"e,f\"@g>"]);
        assert_eq!(Address::parse_list(""), Ok(Vec::new()));
        assert_eq!(Address::parse_list("a@b, c"), Err(AddressError::MissingDomain));
    }

    proptest! {
        #[test]
        fn display_reads_back(name in "\\PC*") {
            let mailbox = Address::named(&name, "a@b").unwrap();
            prop_assert_eq!(Address::parse(&mailbox.to_string()), Ok(mailbox));
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = Address::parse_list(&text);
            if let Ok(mailbox) = Address::parse(&text) {
                prop_assert!(!mailbox.address().contains(char::is_control));
            }
        }
    }
}

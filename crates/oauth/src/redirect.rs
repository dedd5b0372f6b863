use alloc::{boxed::Box, string::String, vec::Vec};
use core::{fmt, time::Duration};

use mailbearer_wire::{Secret, printable_bytes};

use crate::{
    ErrorResponse, Token,
    form::{self, BadText},
};

/// What a redirect has to say to be the answer to one authorization request.
#[derive(Clone, Debug)]
pub struct RedirectCheck {
    state: Secret,
    issuer: Option<String>,
}

impl RedirectCheck {
    /// The redirect repeats this `state`.
    #[must_use]
    pub fn new(state: impl Into<Secret>) -> Self {
        Self { state: state.into(), issuer: None }
    }

    /// The redirect also names this issuer (RFC 9207). For servers that announce it: a redirect without `iss`, or with
    /// another, was meant for another server's answer.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self { issuer: Some(issuer.into()), ..self }
    }

    /// Reads the query of a redirect, without its `?` (RFC 6749 section 4.1.2).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidRedirect`] unless there is one right `state`, each parameter is there once, `iss` is the expected
    /// one, and there is either a `code` or an `error`, which is not empty.
    pub fn query(&self, query: &str) -> Result<Redirect, InvalidRedirect> {
        let fields = Fields::read(query)?;
        self.check(&fields)?;
        match (fields.get("code"), fields.get("error")) {
            (Some(_), Some(_)) => Err(InvalidRedirect::Malformed("it has both a code and an error")),
            (None, Some(_)) => Ok(Redirect::Refused(fields.refusal()?)),
            (Some(""), None) => Err(InvalidRedirect::Malformed("its code is empty")),
            (Some(code), None) => Ok(Redirect::Code(code.into())),
            (None, None) => Err(InvalidRedirect::Malformed("it has neither a code nor an error")),
        }
    }

    /// Reads the fragment of a redirect, without its `#`: the answer to
    /// [`AuthorizationRequest::implicit`](crate::AuthorizationRequest::implicit) (RFC 6749 section 4.2.2).
    ///
    /// # Errors
    ///
    /// Returns [`InvalidRedirect`] unless there is one right `state`, each parameter is there once, `iss` is the expected
    /// one, and there is either an `error` or an access token of the type `bearer`, which is not empty and visible ASCII.
    pub fn fragment(&self, fragment: &str) -> Result<Redirect, InvalidRedirect> {
        let fields = Fields::read(fragment)?;
        self.check(&fields)?;
        let token = match (fields.get("access_token"), fields.get("error")) {
            (Some(_), Some(_)) => {
                return Err(InvalidRedirect::Malformed("it has both a token and an error"));
            }
            (None, Some(_)) => return Ok(Redirect::Refused(fields.refusal()?)),
            (Some(token), None) => token,
            (None, None) => {
                return Err(InvalidRedirect::Malformed("it has neither a token nor an error"));
            }
        };
        if token.is_empty() || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(InvalidRedirect::Malformed("its token can't be one"));
        }
        if !fields.get("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
            return Err(InvalidRedirect::Malformed("its token is not of the type bearer"));
        }
        let life = fields.get("expires_in").and_then(|seconds| seconds.parse().ok());
        let mut token = Token::new(token.into(), life.map(|life: u64| Duration::from_secs(life.min(YEAR))));
        token.scope = fields.get("scope").map(|scope| printable_bytes(scope.as_bytes(), SCOPE));
        Ok(Redirect::Token(Box::new(token)))
    }

    /// Reads an address that a person copied from the browser, whole or from its `?` or `#` on. What is before that does
    /// not matter: the `state` says which request it answers.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query) and [`fragment`](Self::fragment).
    pub fn pasted(&self, address: &str) -> Result<Redirect, InvalidRedirect> {
        // Terminals and mail programs break long lines.
        let mut text = String::with_capacity(address.len());
        text.extend(address.chars().filter(|character| !character.is_whitespace()));
        let address = Secret::<String>::new(text);
        let (before, fragment) = address.expose().split_once('#').unwrap_or((address.expose(), ""));
        let (start, query) = before.split_once('?').unwrap_or(("", before));
        let is_query = !start.is_empty() || before.len() != query.len() || query.contains("state=");
        match (is_query, fragment) {
            (true, _) if names(query, "code") || names(query, "error") => self.query(query),
            (_, fragment) if names(fragment, "access_token") || names(fragment, "error") => {
                self.fragment(fragment)
            }
            (true, _) => self.query(query),
            (false, _) => Err(InvalidRedirect::Malformed("it has no code: copy the whole address")),
        }
    }

    fn check(&self, fields: &Fields) -> Result<(), InvalidRedirect> {
        let state = fields.get("state").ok_or(InvalidRedirect::State)?;
        if !is_same(state.as_bytes(), self.state.expose().as_bytes()) {
            return Err(InvalidRedirect::State);
        }
        match &self.issuer {
            Some(issuer) if fields.get("iss") != Some(issuer) => Err(InvalidRedirect::Issuer),
            _ => Ok(()),
        }
    }
}

/// What a redirect said, after its `state` was found right.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Redirect {
    /// A code to be exchanged, once.
    Code(Secret),
    /// A token, as the implicit grant has it.
    Token(Box<Token>),
    /// The server, or the person, said no.
    Refused(Box<ErrorResponse>),
}

/// Why an address is not the answer to the authorization request. It may be anybody's: wait for the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRedirect {
    /// It has no `state`, or that of another login.
    State,
    /// It names another issuer, or none.
    Issuer,
    /// It has a parameter twice.
    Doubled,
    /// It is otherwise not as it has to be; says how.
    Malformed(&'static str),
}

impl fmt::Display for InvalidRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not the address that the login leads to: ")?;
        f.write_str(match self {
            Self::State => "it belongs to another login, or to none",
            Self::Issuer => "it is from another server",
            Self::Doubled => "it has a parameter twice",
            Self::Malformed(what) => what,
        })
    }
}

impl core::error::Error for InvalidRedirect {}

/// Parameters of a redirect, each there once.
struct Fields(Vec<(Secret, Secret)>);

impl Fields {
    fn read(text: &str) -> Result<Self, InvalidRedirect> {
        if text.len() > ADDRESS {
            return Err(InvalidRedirect::Malformed("it is too long"));
        }
        let mut fields: Vec<(Secret, Secret)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if fields.len() >= FIELDS {
                return Err(InvalidRedirect::Malformed("it has too many parameters"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if fields.iter().any(|(present, _)| present.expose() == name.expose()) {
                return Err(InvalidRedirect::Doubled);
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(present, _)| present.expose() == name).map(|(_, value)| value.expose().as_str())
    }

    fn refusal(&self) -> Result<Box<ErrorResponse>, InvalidRedirect> {
        let text = |name: &str, limit| {
            self.get(name).filter(|text| !text.is_empty()).map(|text| printable_bytes(text.as_bytes(), limit))
        };
        let error = text("error", ErrorResponse::TEXT);
        Ok(Box::new(ErrorResponse {
            error: error.ok_or(InvalidRedirect::Malformed("its error is empty"))?,
            error_description: text("error_description", ErrorResponse::DESCRIPTION),
            error_uri: text("error_uri", ErrorResponse::TEXT),
            ..ErrorResponse::default()
        }))
    }
}

fn decode(text: &str) -> Result<Secret, InvalidRedirect> {
    form::decode(text.as_bytes()).map_err(|error| {
        InvalidRedirect::Malformed(match error {
            BadText::Escape => "it has a bad escape",
            BadText::Utf8 => "it is not UTF-8",
        })
    })
}

fn names(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

/// Compares without telling by the time it takes how much of it is right.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |found, (one, other)| found | one ^ other) == 0
}

/// Octets of an address.
const ADDRESS: usize = 64 * 1024;
/// Parameters of an address.
const FIELDS: usize = 64;
/// Octets kept of `scope`.
const SCOPE: usize = 4096;
/// The longest life of a token that is believed, in seconds.
const YEAR: u64 = 365 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    fn shown(redirect: Result<Redirect, InvalidRedirect>) -> String {
        match redirect {
            Ok(Redirect::Code(code)) => format!("code {}", code.expose()),
            Ok(Redirect::Token(token)) => {
                format!("token {} {:?} {:?}", token.access_token.expose(), token.expires_in, token.scope)
            }
            Ok(Redirect::Refused(refusal)) => {
                format!("{} {}", refusal.error, refusal.error_description.unwrap_or_default())
            }
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn takes_the_right_query_alone() {
        for (query, want) in [
            ("code=c%2F1&state=s+1", "code c/1"),
            ("state=s%201&session_state=x&code=c", "code c"),
            ("&&code=c&state=s+1&", "code c"),
            ("error=access_denied&error_description=no+%1b[2J&state=s+1", "access_denied no \\x1b[2J"),
            ("code=c", "State"),
            ("code=c&state=", "State"),
            ("code=c&state=s", "State"),
            ("code=c&state=s+1x", "State"),
            ("code=c&state=S+1", "State"),
            ("code=c&state=1+s", "State"),
            ("error=access_denied", "State"),
            ("error=access_denied&state=x", "State"),
            ("code=c&state=s+1&state=s+1", "Doubled"),
            ("code=c&code=c&state=s+1", "Doubled"),
            ("code=c&co%64e=c&state=s+1", "Doubled"),
            ("x&x&code=c&state=s+1", "Doubled"),
            ("code=&state=s+1", "Malformed(\"its code is empty\")"),
            ("error=&state=s+1", "Malformed(\"its error is empty\")"),
            ("state=s+1", "Malformed(\"it has neither a code nor an error\")"),
            ("code=c&error=x&state=s+1", "Malformed(\"it has both a code and an error\")"),
            ("code=%zz&state=s+1", "Malformed(\"it has a bad escape\")"),
            ("code=%f&state=s+1", "Malformed(\"it has a bad escape\")"),
            ("code=%ff&state=s+1", "Malformed(\"it is not UTF-8\")"),
            ("", "State"),
        ] {
            assert_eq!(shown(RedirectCheck::new("s 1").query(query)), want, "{query}");
        }
    }

    #[test]
    fn the_issuer_has_to_be_the_one_that_was_asked() {
        let check = RedirectCheck::new("s").issuer("https://a.example");
        for (query, want) in [
            ("code=c&state=s&iss=https%3A%2F%2Fa.example", "code c"),
            ("code=c&state=s&iss=https%3A%2F%2Fa.example%2F", "Issuer"),
            ("code=c&state=s", "Issuer"),
            ("error=x&state=s&iss=https://evil", "Issuer"),
            ("code=c&state=x&iss=https://a.example", "State"),
        ] {
            assert_eq!(shown(check.query(query)), want, "{query}");
        }
    }

    #[test]
    fn takes_the_right_fragment_alone() {
        for (fragment, want) in [
            (
                "access_token=t&token_type=Bearer&expires_in=3600&scope=a+b&state=s",
                "token t Some(3600s) Some(\"a b\")",
            ),
            ("access_token=t&token_type=bearer&expires_in=-1&state=s", "token t None None"),
            ("access_token=t&token_type=bearer&expires_in=31536000&state=s", "token t Some(31536000s) None"),
            ("access_token=t&token_type=bearer&expires_in=99999999&state=s", "token t Some(31536000s) None"),
            ("access_token=t&token_type=mac&state=s", "Malformed(\"its token is not of the type bearer\")"),
            ("access_token=t&state=s", "Malformed(\"its token is not of the type bearer\")"),
            ("access_token=&token_type=bearer&state=s", "Malformed(\"its token can't be one\")"),
            ("access_token=a%0ab&token_type=bearer&state=s", "Malformed(\"its token can't be one\")"),
            ("access_token=t&token_type=bearer", "State"),
            ("error=access_denied&state=s", "access_denied "),
            ("code=c&state=s", "Malformed(\"it has neither a token nor an error\")"),
        ] {
            assert_eq!(shown(RedirectCheck::new("s").fragment(fragment)), want, "{fragment}");
        }
    }

    #[test]
    fn takes_an_address_as_people_copy_it() {
        for (address, want) in [
            ("http://localhost:1234/?code=c&state=s", "code c"),
            (" http://localhost:1234/?code=c&\r\n  state=s\n", "code c"),
            ("localhost:1234/?state=s&code=c#", "code c"),
            ("https://login.example/nativeclient?code=c&state=s#x", "code c"),
            ("?code=c&state=s", "code c"),
            ("code=c&state=s", "code c"),
            ("http://localhost/#access_token=t&token_type=bearer&state=s", "token t None None"),
            ("http://localhost/?error=access_denied&state=s", "access_denied "),
            ("http://localhost/#error=access_denied&state=s", "access_denied "),
            ("http://localhost/?code=c&state=other", "State"),
            ("http://localhost/?code=c", "State"),
            ("?code=c", "State"),
            ("http://localhost/?a=b#access_token=t&token_type=bearer&state=s", "token t None None"),
            ("http://localhost/?code=c&state=s#error=x&state=s", "code c"),
            ("http://localhost/?error=x&state=s#access_token=t&token_type=bearer&state=s", "x "),
            ("http://localhost/", "Malformed(\"it has no code: copy the whole address\")"),
            ("M.C105_BAY", "Malformed(\"it has no code: copy the whole address\")"),
            ("", "Malformed(\"it has no code: copy the whole address\")"),
        ] {
            assert_eq!(shown(RedirectCheck::new("s").pasted(address)), want, "{address}");
        }
        assert_eq!((ADDRESS, FIELDS, SCOPE), (65_536, 64, 4096));
        let long = format!("http://localhost/?state=s&code={}", "c".repeat(ADDRESS));
        assert_eq!(shown(RedirectCheck::new("s").pasted(&long)), "Malformed(\"it is too long\")");
        let mut longest = String::from("state=s&code=");
        longest.push_str(&"c".repeat(ADDRESS - longest.len()));
        assert!(shown(RedirectCheck::new("s").query(&longest)).starts_with("code "));
        assert_eq!(shown(RedirectCheck::new("s").query(&(longest + "c"))), "Malformed(\"it is too long\")");
        let page = "error=x&error_uri=https%3A%2F%2Fa.example%2Fwhy&state=s";
        let Ok(Redirect::Refused(refusal)) = RedirectCheck::new("s").query(page) else { panic!("{page}") };
        assert_eq!(refusal.error_uri.as_deref(), Some("https://a.example/why"));
        let many = format!("state=s&code=c{}", (3..=FIELDS).map(|n| format!("&a{n}")).collect::<String>());
        assert_eq!(shown(RedirectCheck::new("s").query(&many)), "code c");
        assert!(shown(RedirectCheck::new("s").query(&(many + "&b"))).contains("too many"));
    }

    #[test]
    fn shows_no_code() {
        let check = RedirectCheck::new("st4te");
        let text = format!("{check:?} {:?}", check.query("code=s3cret&state=st4te"));
        assert!(!text.contains("st4te") && !text.contains("s3cret"), "{text}");
        assert_eq!(
            InvalidRedirect::State.to_string(),
            "this is not the address that the login leads to: it belongs to another login, or to none"
        );
    }
}

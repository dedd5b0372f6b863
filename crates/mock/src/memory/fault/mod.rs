//! Failures as real servers word them, as data.

mod entra;
mod imap;
mod net;
mod pop3;
mod smtp;
mod token;

use std::fmt;

use mailbearer_wire::Security;

pub(crate) use net::NetSession;

use crate::Certificate;

/// A failure that the memory servers play, in the octets of a real server.
///
/// It lasts until another is set. [`Fault::all`] lists them; `mailbearer mock --fault help` prints the list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    name: &'static str,
    meaning: &'static str,
    /// What the mail servers greet with, so that a client knows whose they are; the personality's own otherwise.
    greeting: Option<&'static str>,
    net: Option<NetFault>,
    certificate: Option<Certificate>,
    token: Option<TokenFault>,
    imap: Option<ImapFault>,
    smtp: Option<SmtpFault>,
    pop3: Option<Pop3Fault>,
}

/// What every mail server does in place of its protocol, on its ports of this kind: it answers the connection and then each
/// line of the client with the next of these, as long as there are some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NetFault {
    pub(crate) security: Security,
    pub(crate) replies: &'static [&'static str],
    /// Whether it keeps the connection open and silent at the end; otherwise it closes it.
    pub(crate) holds: bool,
}

/// What the token endpoint answers every request with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// An error of Microsoft's.
    Entra { status: u16, error: &'static str, code: u32, text: &'static str },
    /// Anything else: status and body.
    Body(u16, &'static str),
    /// A redirect to this address.
    Redirect(&'static str),
    /// Everything is well, and its clock is so many seconds ahead of this machine's.
    Clock(i64),
    /// Everything is well, and the directory says that it is in the cloud of this name.
    Cloud(&'static str),
    /// A token is issued that no server here takes, and says so itself.
    Claims(ClaimsFault),
}

/// What is wrong with the claims of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimsFault {
    /// It is for this service.
    Audience(&'static str),
    /// It has these roles alone.
    Roles(&'static [&'static str]),
    /// It is of a person who consented to these scopes.
    Scopes(&'static str),
    /// It is of another directory.
    Tenant,
    /// It is of another person than the user.
    Person,
    /// It is good from tomorrow on.
    Early,
}

/// Where in an IMAP session the server says a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImapFault {
    /// In place of the greeting.
    Greeting(&'static str),
    /// In answer to credentials.
    Login(&'static str),
    /// The same after a challenge that tells the reason.
    Token(&'static str),
    /// In answer to these commands; to all where there are none. An empty line closes the connection.
    Command(&'static [&'static str], &'static str),
    /// Nowhere: passwords are offered, and no mechanism for tokens.
    Passwords,
}

/// Where in an SMTP session the server gives a reply: its code and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmtpFault {
    Greeting(u16, &'static str),
    Login(u16, &'static str),
    /// The same after a challenge that tells the reason.
    Token(u16, &'static str),
    Mail(u16, &'static str),
    Recipient(u16, &'static str),
    Content(u16, &'static str),
    /// The connection is closed in place of the reply to the message.
    NoReply,
    /// The same, and the message is taken.
    LostReply,
    /// Passwords are offered, and no mechanism for tokens.
    Passwords,
}

/// Where in a POP3 session the server says `-ERR`, and this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pop3Fault {
    /// In place of the greeting.
    Greeting(&'static str),
    /// In answer to credentials.
    Login(&'static str),
    /// The same after a challenge that tells the reason, where the personality has one.
    Token(&'static str),
    /// In answer to RETR.
    Retrieve(&'static str),
    /// In answer to QUIT.
    Quit(&'static str),
    /// Nowhere: passwords are offered, and no mechanism for tokens.
    Passwords,
}

impl Fault {
    /// Iterates over all faults that have a name.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let one = net::FAULTS
            .iter()
            .chain(entra::FAULTS)
            .chain(token::FAULTS)
            .chain(imap::FAULTS)
            .chain(smtp::FAULTS);
        BOTH.iter().chain(one).chain(pop3::FAULTS)
    }

    /// Returns the fault of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|fault| fault.name == name).copied()
    }

    /// Makes a fault of the caller's own words, which a server says at this place of a conversation:
    ///
    /// | place | words |
    /// |---|---|
    /// | `token` | HTTP status, a space, the body |
    /// | `imap.greeting`, `imap.login`, `imap.inbox` (SELECT and EXAMINE), `imap.fetch`, `imap.append` | a response without its tag, such as `NO text` or `* BYE text`; without words the connection is closed |
    /// | `smtp.greeting`, `smtp.login`, `smtp.sender`, `smtp.recipient`, `smtp.message` | reply code, a space, the text; a line feed begins another line |
    /// | `pop3.greeting`, `pop3.login`, `pop3.message`, `pop3.quit` | what follows `-ERR ` |
    ///
    /// Returns `None` for another place, and for words that do not begin with the number that the place demands.
    #[must_use]
    pub fn of_words(place: &str, words: &'static str) -> Option<Self> {
        let numbered = || {
            let (number, text) = words.split_once(' ').unwrap_or((words, ""));
            Some((number.parse().ok().filter(|number| (200..600).contains(number))?, text))
        };
        let (server, step) = place.split_once('.').unwrap_or((place, ""));
        let mut fault = Self::named(OWN_WORDS, "words of one's own");
        match (server, step) {
            ("token", "") => fault.token = numbered().map(|(status, body)| TokenFault::Body(status, body)),
            ("imap", _) => {
                fault.imap = Some(match step {
                    "greeting" => ImapFault::Greeting(words),
                    "login" => ImapFault::Login(words),
                    "inbox" => ImapFault::Command(imap::OPEN, words),
                    "fetch" => ImapFault::Command(&["FETCH", "UID FETCH"], words),
                    "append" => ImapFault::Command(&["APPEND"], words),
                    _ => return None,
                });
            }
            ("smtp", _) => {
                let (code, text) = numbered()?;
                fault.smtp = Some(match step {
                    "greeting" => SmtpFault::Greeting(code, text),
                    "login" => SmtpFault::Login(code, text),
                    "sender" => SmtpFault::Mail(code, text),
                    "recipient" => SmtpFault::Recipient(code, text),
                    "message" => SmtpFault::Content(code, text),
                    _ => return None,
                });
            }
            ("pop3", _) => {
                fault.pop3 = Some(match step {
                    "greeting" => Pop3Fault::Greeting(words),
                    "login" => Pop3Fault::Login(words),
                    "message" => Pop3Fault::Retrieve(words),
                    "quit" => Pop3Fault::Quit(words),
                    _ => return None,
                });
            }
            _ => return None,
        }
        fault.places().next().is_some().then_some(fault)
    }

    /// Returns the same fault on mail servers whose greeting has these words behind `* OK `, `220 ` or `+OK `. By them clients
    /// know whose server it is.
    #[must_use]
    pub const fn greeted_by(self, greeting: &'static str) -> Self {
        self.by(greeting)
    }

    /// Returns its name; `own-words` for one [of the caller's words](Self::of_words).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what is wrong when a server says so, for people.
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// Iterates over where it is seen: `net`, `token`, `imap`, `smtp` or `pop3`.
    pub fn places(&self) -> impl Iterator<Item = &'static str> {
        let places = [
            ("net", self.net.is_some() || self.certificate.is_some()),
            ("token", self.token.is_some()),
            ("imap", self.imap.is_some()),
            ("smtp", self.smtp.is_some()),
            ("pop3", self.pop3.is_some()),
        ];
        places.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name)
    }

    pub(crate) const fn greeting(&self) -> Option<&'static str> {
        self.greeting
    }

    pub(crate) const fn net(&self) -> Option<NetFault> {
        self.net
    }

    /// What is shown on all ports in place of the right one.
    pub(crate) const fn certificate(&self) -> Option<Certificate> {
        self.certificate
    }

    pub(crate) const fn token(&self) -> Option<TokenFault> {
        self.token
    }

    pub(crate) const fn imap(&self) -> Option<ImapFault> {
        self.imap
    }

    pub(crate) const fn smtp(&self) -> Option<SmtpFault> {
        self.smtp
    }

    pub(crate) const fn pop3(&self) -> Option<Pop3Fault> {
        self.pop3
    }

    const fn of_token(
        name: &'static str,
        code: u32,
        error: &'static str,
        meaning: &'static str,
        text: &'static str,
    ) -> Self {
        let status = if matches!(error.as_bytes(), b"invalid_client") { 401 } else { 400 };
        Self { token: Some(TokenFault::Entra { status, error, code, text }), ..Self::named(name, meaning) }
    }

    const fn of_body(name: &'static str, status: u16, meaning: &'static str, body: &'static str) -> Self {
        Self { token: Some(TokenFault::Body(status, body)), ..Self::named(name, meaning) }
    }

    const fn of_claims(name: &'static str, meaning: &'static str, claims: ClaimsFault) -> Self {
        Self { token: Some(TokenFault::Claims(claims)), ..Self::named(name, meaning) }
    }

    const fn of_imap(name: &'static str, meaning: &'static str, imap: ImapFault) -> Self {
        Self { imap: Some(imap), ..Self::named(name, meaning) }
    }

    const fn of_smtp(name: &'static str, meaning: &'static str, smtp: SmtpFault) -> Self {
        Self { smtp: Some(smtp), ..Self::named(name, meaning) }
    }

    const fn of_pop3(name: &'static str, meaning: &'static str, pop3: Pop3Fault) -> Self {
        Self { pop3: Some(pop3), ..Self::named(name, meaning) }
    }

    /// On a server that greets with these words.
    const fn by(self, greeting: &'static str) -> Self {
        Self { greeting: Some(greeting), ..self }
    }

    const fn named(name: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            meaning,
            greeting: None,
            net: None,
            certificate: None,
            token: None,
            imap: None,
            smtp: None,
            pop3: None,
        }
    }
}

/// The name of every fault in the caller's words.
const OWN_WORDS: &str = "own-words";

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({})", self.name)
    }
}

/// What the mail servers say each in its way.
const BOTH: &[Fault] = &[
    Fault {
        imap: Some(ImapFault::Login("NO AUTHENTICATE failed.")),
        smtp: Some(SmtpFault::Login(
            535,
            "5.7.3 Authentication unsuccessful [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        )),
        pop3: Some(Pop3Fault::Login("Authentication failure: unknown user name or bad password.")),
        ..Fault::named(
            "authenticate-failed",
            "the token is refused without a reason: wrong audience, no permission, unknown to Exchange",
        )
    },
    Fault {
        token: Some(TokenFault::Entra {
            status: 429,
            error: "temporarily_unavailable",
            code: 90_055,
            text: "The server is temporarily unavailable because of too many requests.",
        }),
        imap: Some(ImapFault::Command(
            &[],
            "BAD Request is throttled. Suggested Backoff Time: 1500 milliseconds",
        )),
        smtp: Some(SmtpFault::Mail(
            432,
            "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
        )),
        ..Fault::named("throttled", "too many requests: the server says how long to wait")
    },
    Fault {
        imap: Some(ImapFault::Token("NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)")),
        smtp: Some(SmtpFault::Token(
            535,
            "5.7.8 Username and Password not accepted. For more information, go to\n\
             5.7.8  https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-aa7 - gsmtp",
        )),
        pop3: Some(Pop3Fault::Token("[AUTH] Username and password not accepted.")),
        ..Fault::named("gmail-token-refused", "Gmail refuses the token and says its scope")
    },
    Fault {
        token: Some(TokenFault::Body(503, "")),
        imap: Some(ImapFault::Greeting("* BYE Server busy, try again later")),
        smtp: Some(SmtpFault::Greeting(421, "4.3.2 Service not available, closing transmission channel")),
        pop3: Some(Pop3Fault::Greeting("[SYS/TEMP] Server busy, try again later")),
        ..Fault::named("server-busy", "the server takes no client now")
    },
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use mailbearer_smtp::server::Answer;
    use mailbearer_wire::{Security, Step};

    use super::*;
    use crate::memory::{
        imap::Imap,
        pop3::Pop3,
        session::Session,
        smtp::Smtp,
        testing::{Talk, USER, token, world, xoauth2},
        token_endpoint::TokenEndpoint,
    };

    /// All that a session says to `lines`, up to its end.
    fn hear<S: Session>(session: S, lines: &[String]) -> String {
        let mut talk = Talk::new(session);
        let mut heard = String::new();
        for line in lines {
            let (said, step) = talk.hear(line);
            heard.push_str(&said);
            if step == Step::Close {
                break;
            }
        }
        heard
    }

    #[test]
    fn each_is_said_where_it_belongs() {
        for fault in Fault::all() {
            let world = world(|options| (options.tenant, options.fault) = (Some("t".into()), Some(*fault)));
            let login = xoauth2(USER, &token(&world));
            if let Some(token) = fault.token {
                let (TokenFault::Entra { status, text, .. } | TokenFault::Body(status, text)) = token else {
                    continue;
                };
                let request = "POST /t/oauth2/v2.0/token HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
                let heard = hear(TokenEndpoint::new(Arc::clone(&world)), &[request.into()]);
                assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")) && heard.contains(text), "{heard}");
            }
            if let Some(imap) = fault.imap {
                let (line, start) = match imap {
                    ImapFault::Greeting(line) => (line, ""),
                    ImapFault::Login(line) => (line, "* OK "),
                    ImapFault::Token(line) => (line, "+ eyJ"),
                    ImapFault::Command(_, line) => (line, "a OK AUTHENTICATE completed."),
                    ImapFault::Passwords => ("", "* OK "),
                };
                let lines = [
                    String::new(),
                    format!("a AUTHENTICATE XOAUTH2 {login}\r\n"),
                    "\r\n".into(),
                    "b SELECT INBOX\r\n".into(),
                    "c FETCH 1 UID\r\n".into(),
                    "d UID SEARCH ALL\r\n".into(),
                    "e APPEND INBOX {1+}\r\nx\r\n".into(),
                    "f CREATE x\r\n".into(),
                ];
                let heard = hear(Imap::new(Arc::clone(&world), Security::Implicit), &lines);
                let tagged = ["", "a ", "b ", "c ", "d ", "e ", "f "].map(|tag| format!("{tag}{line}\r\n"));
                let is_said = tagged.iter().any(|line| heard.contains(line)) || line.is_empty();
                assert!(is_said && heard.contains(start), "{fault:?}: {heard}");
                assert!(heard.contains(fault.greeting.unwrap_or_default()), "{fault:?}: {heard}");
            }
            if let Some(pop3) = fault.pop3 {
                let (Pop3Fault::Greeting(text)
                | Pop3Fault::Login(text)
                | Pop3Fault::Token(text)
                | Pop3Fault::Retrieve(text)
                | Pop3Fault::Quit(text)) = pop3
                else {
                    continue;
                };
                let lines = [
                    String::new(),
                    "AUTH XOAUTH2\r\n".to_owned(),
                    format!("{login}\r\n"),
                    "RETR 1\r\n".into(),
                    "QUIT\r\n".into(),
                ];
                let heard = hear(Pop3::new(Arc::clone(&world), Security::Implicit), &lines);
                assert!(heard.contains(&format!("-ERR {text}\r\n")), "{fault:?}: {heard}");
            }
            if let Some(smtp) = fault.smtp {
                let (SmtpFault::Greeting(code, text)
                | SmtpFault::Login(code, text)
                | SmtpFault::Token(code, text)
                | SmtpFault::Mail(code, text)
                | SmtpFault::Recipient(code, text)
                | SmtpFault::Content(code, text)) = smtp
                else {
                    continue;
                };
                let lines = [
                    "EHLO a\r\n".to_owned(),
                    format!("AUTH XOAUTH2 {login}\r\n"),
                    "\r\n".into(),
                    "MAIL FROM:<a@b>\r\n".into(),
                    "RCPT TO:<a@b>\r\n".into(),
                    "DATA\r\n".into(),
                    "x\r\n.\r\n".into(),
                ];
                let heard = hear(Smtp::new(Arc::clone(&world), Security::Implicit), &lines);
                let mut reply = Vec::new();
                Answer::new(code, text).encode(&mut reply);
                assert!(heard.contains(&String::from_utf8(reply).unwrap()), "{fault:?}: {heard}");
                assert_eq!(heard.contains("334 eyJ"), matches!(smtp, SmtpFault::Token(..)), "{fault:?}");
            }
        }
    }

    #[test]
    fn names_are_plain_and_each_means_one_fault() {
        let names: Vec<&str> = Fault::all().map(Fault::name).collect();
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
        for fault in Fault::all() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(fault.name.chars().all(plain), "{fault:?}");
            assert!(!fault.meaning.is_empty() && !fault.meaning.contains('\n'), "{fault:?}");
            assert_eq!(Fault::find(fault.name), Some(*fault));
        }
        for name in [
            "not-connected",
            "smtp-disabled-for-tenant",
            "smtp-disabled-for-mailbox",
            "authenticate-failed",
            "invalid-secret",
            "throttled",
        ] {
            assert!(Fault::find(name).is_some(), "{name}");
        }
        assert_eq!(Fault::find("help"), None);
        for (place, words, is_one) in [
            ("token", "400 {}", true),
            ("token", "x", false),
            ("imap.login", "NO no", true),
            ("imap.append", "", true),
            ("imap.nowhere", "NO no", false),
            ("smtp.sender", "550 5.1.1 no", true),
            ("smtp.sender", "NO no", false),
            ("smtp.sender", "99 no", false),
            ("pop3.login", "[AUTH] no", true),
            ("nntp.login", "no", false),
            ("", "", false),
        ] {
            assert_eq!(Fault::of_words(place, words).is_some(), is_one, "{place} {words}");
        }
    }
}

//! Scripted dialogues. A line of a script is one of these:
//!
//! | line | means |
//! |---|---|
//! | `> call` | the caller calls a method of the session; consecutive calls come before the next step |
//! | `S: text` | the server sends `text` and CRLF; consecutive lines come in one segment |
//! | `S, text` | the same without CRLF |
//! | `C: text` | the client has sent `text` and CRLF |
//! | `C, text` | the same without CRLF |
//! | `E: text` | the caller got this: an event, a step or an error, see [`Play::tell`] |
//! | `--eof--` | the server closes the connection |
//!
//! In `S` and `C` lines `\r`, `\n` and `\xNN` stand for one octet. Each script is played with the server's octets in
//! pieces of several sizes. Whenever the server's turn comes, what the client has sent and its caller has got must be
//! right.

use std::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step, printable_bytes};

use super::*;
use crate::{FetchItem, Flag, Mailbox, SequenceSet};

mod auth;
mod body;
mod commands;
mod hostile;
mod idle;
mod limits;
mod property;
mod quirks;
mod utf8;

/// The most that may be in the send buffer: its limit, and a short command that goes beyond.
const MOST: usize = SendBuf::LIMIT.saturating_add(1024);

const SIZES: [usize; 4] = [1, 2, 7, usize::MAX];

/// Plays `script` over TLS, with the server's octets in pieces of each of the [`SIZES`].
fn implicit(script: &str) {
    play_all(&options(Security::Implicit), script);
}

/// The same on a connection that starts in the clear.
fn starttls(script: &str) {
    play_all(&options(Security::StartTls), script);
}

fn play_all(options: &Options, script: &str) {
    for size in SIZES {
        Play::new(options.clone(), size).run(script);
    }
}

fn options(security: Security) -> Options {
    Options::new("imap.example.org", 993, security)
}

struct Play {
    session: Session,
    rx: RecvBuf,
    tx: SendBuf,
    size: usize,
    /// What the client sent and its caller got, and how much of that was checked.
    sent: Vec<u8>,
    told: Vec<String>,
    last: Option<String>,
    /// How many more steps the session may take.
    steps: usize,
}

impl Play {
    fn new(options: Options, size: usize) -> Self {
        let rx = RecvBuf::with_limit(options.limits.buffer());
        let session = Session::new(options);
        let (sent, told) = (Vec::new(), Vec::new());
        Self { session, rx, tx: SendBuf::new(), size, sent, told, last: None, steps: 1_000_000 }
    }

    fn run(&mut self, script: &str) {
        let lines: Vec<&str> = script.lines().map(str::trim_start).filter(|line| !line.is_empty()).collect();
        let (mut sent, mut told, mut segment) = (Vec::new(), Vec::new(), Vec::new());
        let neighbours = lines.iter().skip(1).map(Some).chain([None]);
        let mut before = "";
        for (line, after) in lines.iter().zip(neighbours) {
            let (mark, text) = line.split_at_checked(2).unwrap_or((line, ""));
            let text = text.strip_prefix(' ').unwrap_or(text);
            if matches!(mark, "S:" | "S,") {
                segment.extend(octets(mark, text));
                if after.is_some_and(|after| after.starts_with('S')) {
                    continue;
                }
            }
            let client = matches!(mark, "C:" | "C," | "E:");
            let another_call = mark == "> " && before == "> ";
            if !client && !another_call {
                self.check(&mut sent, &mut told, line);
            }
            before = mark;
            match mark {
                "S:" | "S," => self.receive(&core::mem::take(&mut segment)),
                "C:" | "C," => sent.extend(octets(mark, text)),
                "E:" => told.push(text.to_string()),
                "> " => self.call(text),
                "--" => self.end(),
                _ => panic!("{line}"),
            }
        }
        self.check(&mut sent, &mut told, "the end");
    }

    fn check(&mut self, sent: &mut Vec<u8>, told: &mut Vec<String>, at: &str) {
        self.pump();
        let at = format!("before {at:?}, in pieces of {}", self.size);
        let text = |octets: &[u8]| octets.escape_ascii().to_string();
        assert_eq!(text(&core::mem::take(&mut self.sent)), text(&core::mem::take(sent)), "{at}");
        assert_eq!(core::mem::take(&mut self.told), core::mem::take(told), "{at}");
    }

    fn receive(&mut self, octets: &[u8]) {
        self.pump();
        for piece in octets.chunks(self.size.min(octets.len().max(1))) {
            self.rx.extend(piece).unwrap();
            self.pump();
        }
    }

    fn end(&mut self) {
        self.pump();
        self.rx.set_eof();
        self.pump();
    }

    /// Steps until the session wants to read, or has ended.
    fn pump(&mut self) {
        loop {
            self.steps = self.steps.checked_sub(1).expect("never wants to read");
            let step = self.session.step(&mut self.rx, &mut self.tx);
            assert!(self.tx.unsent().len() <= MOST);
            let flush = self.tx.unsent().len();
            self.sent.extend_from_slice(self.tx.unsent());
            self.tx.sent(flush);
            match step {
                Ok(Step::Read) => {
                    assert!(!self.rx.is_eof(), "reads behind the end");
                    return;
                }
                Ok(Step::Flush) => assert!(flush > 0, "nothing to flush"),
                Ok(Step::Event(event)) => self.tell(event),
                Ok(Step::StartTls) => {
                    assert!(self.rx.unread().is_empty());
                    self.told.push("start TLS".into());
                    return;
                }
                Ok(Step::Close) => return self.tell_last("close".into()),
                Err(error) => return self.tell_last(format!("error: {error}")),
            }
        }
    }

    fn tell(&mut self, event: Event) {
        let text =
            |octets: &[u8]| printable_bytes(octets.strip_suffix(b"\r\n").unwrap_or(octets), usize::MAX);
        let told = match event {
            Event::Data(frame) => text(frame.octets()),
            Event::LiteralStart { head, size } => format!("literal of {size}: {}", text(&head)),
            Event::LiteralChunk(octets) => {
                let piece = octets.escape_ascii().to_string();
                match self.told.last_mut() {
                    Some(last) if last.starts_with("chunk ") => return last.push_str(&piece),
                    _ => format!("chunk {piece}"),
                }
            }
            Event::Idling(tag) => format!("idling {tag}"),
            Event::BodyWanted(tag) => format!("body wanted {tag}"),
            Event::Done(completion) => {
                assert!(
                    completion.tag.is(completion
                        .frame
                        .octets()
                        .split(|octet| *octet == b' ')
                        .next()
                        .unwrap())
                );
                format!("done {}", text(completion.frame.octets()))
            }
            Event::Closed(bye) => format!("closed: {bye}"),
            Event::Ready => "ready".into(),
            Event::Authenticated => "authenticated".into(),
        };
        self.told.push(told);
    }

    /// What a session repeats for ever after its end.
    fn tell_last(&mut self, last: String) {
        match &self.last {
            Some(before) => assert_eq!(*before, last),
            None => {
                self.told.push(last.clone());
                self.last = Some(last);
            }
        }
    }

    fn call(&mut self, call: &str) {
        let words: Vec<&str> = call.split(' ').collect();
        let session = &mut self.session;
        let mailbox = |name: &str| Mailbox::new(name).unwrap().into_owned();
        let items = |names: &[&str]| {
            names
                .iter()
                .map(|name| match *name {
                    "FLAGS" => FetchItem::Flags,
                    "UID" => FetchItem::Uid,
                    _ => panic!("{name}"),
                })
                .collect::<Vec<_>>()
        };
        let set = |text: &str| text.parse::<SequenceSet>().unwrap();
        let result = match words.as_slice() {
            ["authenticate", user, token] => {
                session.authenticate(Credentials::bearer(*user, *token).unwrap()).map(|()| None)
            }
            ["password", user, password] => {
                session.authenticate(Credentials::password(*user, *password).unwrap()).map(|()| None)
            }
            ["select", name] => session.select(mailbox(name)).map(Some),
            ["examine", name] => session.examine(mailbox(name)).map(Some),
            ["fetch", numbers, names @ ..] => session.fetch(set(numbers), items(names)).map(Some),
            ["uid_fetch", numbers, names @ ..] => session.uid_fetch(set(numbers), items(names)).map(Some),
            ["command", ..] => {
                let line = format!("T {}", words[1..].join(" "));
                session.command(&crate::server::parse_command(line.as_bytes()).unwrap().1).map(Some)
            }
            ["noop"] => session.noop().map(Some),
            ["logout"] => session.logout().map(Some),
            ["idle"] => session.idle().map(Some),
            ["done"] => session.done().map(|()| None),
            ["append", name, size] => {
                session.append(mailbox(name), std::vec![Flag::Seen], None, size.parse().unwrap()).map(Some)
            }
            ["body", text] => {
                let count = session.body(text.as_bytes());
                assert_eq!(count, text.len());
                Ok(None)
            }
            _ => panic!("{call}"),
        };
        if let Err(misuse) = result {
            self.told.push(format!("misuse: {misuse}"));
        }
    }
}

/// Returns the octets of a line of a script.
fn octets(mark: &str, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (octet, after) = match (first, after) {
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low].map(char::from).into_iter().collect::<String>();
                (u8::from_str_radix(&digits, 16).unwrap(), after)
            }
            _ => (first, after),
        };
        out.push(octet);
        rest = after;
    }
    if mark.ends_with(':') {
        out.extend(b"\r\n");
    }
    out
}

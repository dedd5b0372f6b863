//! Plays written dialogues against a session.
//!
//! A script has one line for each thing, in order. What comes from outside: `S: ` a line of the server, `> ` what
//! the caller does (`auth`, `password TEXT`, `stat`, `list [N]`, `uidl [N]`, `retr N`, `top N LINES`, `dele N`, `rset`,
//! `noop`, `utf8`, `lang [TAG]`, `quit`, `abandon K`, where K is the place of a command among all), `eof`; after `--` the
//! server goes on only when the session stands still. What the session does: `C: ` a line of the client, `* ` an event,
//! `= ` TLS or close, `! ` an error.

use alloc::{format, string::String, vec, vec::Vec};

use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::{Error, Event, Removal, Session, Ticket};

/// The token of `> auth`.
pub(super) const TOKEN: &str = "t0ken";

/// Plays `script` with the server's bytes in pieces of every size of a few, and checks that the session does what
/// it says. Returns the session as it is then.
#[track_caller]
pub(super) fn play(new: impl Fn() -> Session, script: &str) -> Session {
    for chunk in [1, 2, 3, 7] {
        Player::run(new(), script, chunk).assert_follows(script, chunk);
    }
    let player = Player::run(new(), script, usize::MAX);
    player.assert_follows(script, usize::MAX);
    player.session
}

pub(super) struct Player {
    pub(super) session: Session,
    tickets: Vec<Ticket>,
    rx: RecvBuf,
    tx: SendBuf,
    /// What happened so far, as a script.
    pub(super) record: String,
    /// Octets of the client that are no line yet.
    partial: Vec<u8>,
    /// Octets of the message that is arriving, so that a script does not depend on how they are cut.
    message: Vec<u8>,
    /// How the last step ended.
    pub(super) last: Option<Result<Step<Event>, Error>>,
}

impl Player {
    pub(super) fn run(session: Session, script: &str, chunk: usize) -> Self {
        Self::run_until(session, script, chunk, None)
    }

    /// Plays until the server sent `cut` octets, if that is given, and lets it go away there.
    pub(super) fn run_until(session: Session, script: &str, chunk: usize, cut: Option<usize>) -> Self {
        let (rx, tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
        let mut player = Self {
            session,
            tickets: vec![],
            rx,
            tx,
            record: String::new(),
            partial: vec![],
            message: vec![],
            last: None,
        };
        let mut left = cut.unwrap_or(usize::MAX);
        let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        while let Some(line) = lines.next() {
            if let Some(act) = line.strip_prefix("> ") {
                player.note(line);
                player.act(act);
                if lines.peek().is_none_or(|next| !next.starts_with("> ")) {
                    player.pump();
                }
            } else if let Some(text) = server(line) {
                player.note(line);
                let mut burst = wire(text);
                while let Some(next) = lines.next_if(|line| server(line).is_some()) {
                    player.note(next);
                    burst.extend_from_slice(&wire(server(next).unwrap()));
                }
                let whole = burst.len() <= left;
                burst.truncate(left);
                left = left.saturating_sub(burst.len());
                for piece in burst.chunks(chunk) {
                    player.rx.extend(piece).unwrap();
                    player.pump();
                }
                if !whole {
                    break;
                }
            } else if line == "--" {
                player.note(line);
            } else if line == "eof" {
                player.note(line);
                player.rx.set_eof();
                player.pump();
            }
        }
        if cut.is_some() {
            player.rx.set_eof();
            player.pump();
        }
        player
    }

    #[track_caller]
    pub(super) fn assert_follows(&self, script: &str, chunk: usize) {
        let script: String =
            script.lines().map(str::trim).filter(|line| !line.is_empty()).map(|l| format!("{l}\n")).collect();
        assert!(self.record == script, "by {chunk}: got\n{}\nwanted\n{script}", self.record);
        assert!(self.partial.is_empty(), "by {chunk}: unfinished line {:?}", self.partial);
    }

    fn act(&mut self, act: &str) {
        let (verb, rest) = act.split_once(' ').unwrap_or((act, ""));
        let number = || rest.split(' ').next().unwrap().parse::<u32>();
        let session = &mut self.session;
        let ticket = match verb {
            "auth" => {
                let credentials = Credentials::bearer("user@example.com", TOKEN).unwrap();
                return session.authenticate(credentials).unwrap();
            }
            "password" => {
                let credentials = Credentials::password("user@example.com", rest).unwrap();
                return session.authenticate(credentials).unwrap();
            }
            "abandon" => {
                let ticket = self.tickets[rest.parse::<usize>().unwrap()];
                return session.abandon(ticket);
            }
            "quit" => return session.quit().unwrap(),
            "utf8" => session.utf8(),
            "lang" if rest.is_empty() => session.languages(),
            "lang" => session.language(rest),
            "stat" => session.stat(),
            "list" => session.list(number().ok()),
            "uidl" => session.uidl(number().ok()),
            "retr" => session.retrieve(number().unwrap()),
            "top" => session.top(number().unwrap(), rest.split(' ').nth(1).unwrap().parse().unwrap()),
            "dele" => session.delete(number().unwrap()),
            "rset" => session.reset(),
            "noop" => session.noop(),
            _ => panic!("{act}?"),
        };
        self.tickets.push(ticket.unwrap());
    }

    /// Steps until the session wants something from outside.
    fn pump(&mut self) {
        loop {
            let step = self.session.step(&mut self.rx, &mut self.tx);
            self.partial.extend_from_slice(self.tx.unsent());
            self.tx.sent(usize::MAX);
            while let Some(end) = self.partial.windows(2).position(|pair| pair == b"\r\n") {
                let line = format!("C: {}", self.partial[..end].escape_ascii());
                self.partial.drain(..end.saturating_add(2));
                self.note(line.trim_end());
            }
            let again = match &step {
                Ok(Step::Event(Event::Octets(_, octets))) => {
                    self.message.extend_from_slice(octets);
                    true
                }
                Ok(Step::Event(event)) => {
                    let text = told(event);
                    let octets = core::mem::take(&mut self.message);
                    if octets.is_empty() {
                        self.note(&format!("* {text}"));
                    } else {
                        self.note(&format!("* {text}: {}", octets.escape_ascii()));
                    }
                    true
                }
                Ok(Step::StartTls) => {
                    self.note("= tls");
                    assert_eq!(self.rx.unread(), b"");
                    true
                }
                Ok(Step::Flush) => true,
                Ok(Step::Read) => {
                    assert!(!self.rx.is_eof(), "reads on after the end");
                    false
                }
                Ok(Step::Close) => {
                    if self.last != Some(Ok(Step::Close)) {
                        self.note("= close");
                    }
                    false
                }
                Err(error) => {
                    if self.last.as_ref() != Some(&step) {
                        let text = format!("! {error}");
                        self.note(&text);
                    }
                    false
                }
            };
            self.last = Some(step);
            if !again {
                break;
            }
        }
    }

    fn note(&mut self, line: &str) {
        self.record.push_str(line);
        self.record.push('\n');
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::Ready => "ready".into(),
        Event::Authenticated => "authenticated".into(),
        Event::Stat(_, stat) => format!("{} messages, {} octets", stat.count, stat.octets),
        Event::Size(_, size) => format!("{} has {}", size.number, size.octets),
        Event::Uid(_, uid) => format!("{} is {}", uid.number, uid.uid),
        Event::Language(_, language) => format!("{} = {}", language.tag, language.name),
        Event::Octets(..) => String::new(),
        Event::Done(_, reply) => format!("done {}", reply.text()).trim_end().into(),
        Event::Refused(_, reply) => format!("refused {reply}"),
        Event::Left(Removal::Nothing) => "left".into(),
        Event::Left(Removal::Done(count)) => format!("left, {count} removed"),
        Event::Left(Removal::Partial(reply)) => format!("left, partly: {reply}"),
    }
}

/// What a line lets the server say.
fn server(line: &str) -> Option<&str> {
    line.strip_prefix("S:").map(|text| text.strip_prefix(' ').unwrap_or(text))
}

/// A line's octets; one that ends in `\n` has its end in it.
fn wire(text: &str) -> Vec<u8> {
    let text = text.replace("\\r", "\r").replace("\\n", "\n").replace("\\x1b", "\x1b");
    if text.ends_with('\n') { text.into_bytes() } else { format!("{text}\r\n").into_bytes() }
}

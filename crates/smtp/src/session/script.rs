//! Plays written dialogues against a session.
//!
//! A script has one line for each thing, in order. What comes from outside: `S: ` a line of the server, `> ` what the caller does
//! (`auth`, `submit SENDER RECIPIENT…`, `body TEXT`, `finish`, `abandon`, `reset`, `noop`, `quit`), `eof`; after `--` the server
//! goes on only when the session stands still. `sized` is `submit` for a message that tells its size, `reported` for one that wants
//! reports if they are offered. What the session does: `C: ` a line of the client, `* ` an event, `= ` TLS or close, `! ` an error.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use mailbearer_sasl::Credentials;
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::{Envelope, Error, Event, Session, Ticket};

/// The token of `> auth`.
pub(super) const TOKEN: &str = "t0ken";

/// Plays `script` with the server's bytes in pieces of every size of a few, and checks that the session does what
/// it says. Returns the session as it is then.
#[track_caller]
pub(super) fn play(new: impl Fn() -> Session, script: &str) -> Session {
    for chunk in [1, 2, 7] {
        Player::run(new(), script, chunk).assert_follows(script, chunk);
    }
    let player = Player::run(new(), script, usize::MAX);
    player.assert_follows(script, usize::MAX);
    player.session
}

pub(super) struct Player {
    pub(super) session: Session,
    /// The message whose body was wanted last, or else the last that was submitted.
    ticket: Option<Ticket>,
    rx: RecvBuf,
    tx: SendBuf,
    /// What happened so far, as a script.
    pub(super) record: String,
    /// Octets of the client that are no line yet.
    partial: Vec<u8>,
    /// How the last step ended.
    pub(super) last: Option<Result<Step<Event>, Error>>,
}

impl Player {
    fn run(session: Session, script: &str, chunk: usize) -> Self {
        Self::run_until(session, script, chunk, None)
    }

    /// Plays until the server sent `cut` octets, if that is given, and lets it go away there.
    pub(super) fn run_until(session: Session, script: &str, chunk: usize, cut: Option<usize>) -> Self {
        let (rx, tx) = (RecvBuf::with_limit(1 << 20), SendBuf::new());
        let mut player =
            Self { session, ticket: None, rx, tx, record: String::new(), partial: vec![], last: None };
        let mut left = cut.unwrap_or(usize::MAX);
        let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        while let Some(line) = lines.next() {
            if let Some(act) = line.strip_prefix("> ") {
                player.note(line);
                player.act(act);
                if lines.peek().is_none_or(|next| !next.starts_with("> ")) {
                    player.pump();
                }
            } else if let Some(text) = line.strip_prefix("S: ") {
                player.note(line);
                let mut burst = format!("{}\r\n", unescape(text)).into_bytes();
                while let Some(next) = lines.next_if(|line| line.starts_with("S: ")) {
                    player.note(next);
                    burst.extend_from_slice(format!("{}\r\n", unescape(&next[3..])).as_bytes());
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
    fn assert_follows(&self, script: &str, chunk: usize) {
        let script: String =
            script.lines().map(str::trim).filter(|line| !line.is_empty()).map(|l| format!("{l}\n")).collect();
        assert!(self.record == script, "by {chunk}: got\n{}\nwanted\n{script}", self.record);
        assert!(self.partial.is_empty(), "by {chunk}: unfinished line {:?}", self.partial);
    }

    fn act(&mut self, act: &str) {
        let (verb, rest) = act.split_once(' ').unwrap_or((act, ""));
        match verb {
            "auth" => {
                let credentials = Credentials::bearer("user@example.com", TOKEN).unwrap();
                self.session.authenticate(credentials).unwrap();
            }
            "submit" | "sized" | "reported" => {
                let mut addresses = rest.split(' ');
                let sender = addresses.next().unwrap();
                let mut envelope = Envelope::new(sender, addresses);
                envelope.size = (verb == "sized").then_some(3);
                if verb == "reported" {
                    (envelope.dsn.envelope_id, envelope.dsn.if_offered) = (Some("x".into()), true);
                }
                self.ticket = Some(self.session.submit(envelope).unwrap());
            }
            "body" => {
                let text = format!("{rest}\n");
                assert_eq!(self.session.body(self.ticket.unwrap(), text.as_bytes()), Ok(text.len()));
            }
            "finish" => self.session.finish_body(self.ticket.unwrap()).unwrap(),
            "abandon" => self.session.abandon(self.ticket.unwrap()),
            "reset" => self.session.reset().unwrap(),
            "noop" => self.session.noop().unwrap(),
            "quit" => self.session.quit().unwrap(),
            _ => panic!("{act}?"),
        }
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
                Ok(Step::Event(event)) => {
                    let text = format!("* {}", told(event));
                    self.note(&text);
                    match event {
                        Event::BodyWanted(ticket) => {
                            self.ticket = Some(*ticket);
                            false
                        }
                        _ => true,
                    }
                }
                Ok(Step::StartTls) => {
                    self.note("= tls");
                    assert_eq!(self.rx.unread(), b"");
                    true
                }
                Ok(Step::Flush) => true,
                Ok(Step::Read) => false,
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
        Event::BodyWanted(_) => "body wanted".into(),
        Event::Submitted(_, receipt) => {
            let refused: String =
                receipt.refused.iter().map(|(address, reply)| format!("; not {address}: {reply}")).collect();
            let without = if receipt.without_dsn { " without DSN" } else { "" };
            format!("submitted{without} to {}{refused}: {}", receipt.accepted.join(" "), receipt.reply)
        }
        Event::Refused(_, refusal) => format!("refused: {refusal}"),
        Event::Done(reply) => format!("done: {reply}"),
    }
}

fn unescape(text: &str) -> String {
    text.replace("\\r", "\r").replace("\\n", "\n").replace("\\x1b", "\x1b").to_string()
}

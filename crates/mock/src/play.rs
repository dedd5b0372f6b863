use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::{
    Transcript,
    script::{Difference, Next, Script},
};

/// How a conversation without sockets ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a conversation ends in no fifth way")]
pub enum End<E> {
    /// The machine closed, with nothing left to say in the transcript.
    Closed,
    /// The transcript is over and the machine waits for more.
    Open,
    /// The machine failed; the rest of the transcript was not played.
    Failed(E),
    /// The machine asked for TLS and the server went on in the clear, which no handshake survives.
    ClearInHandshake,
}

/// Plays the server of `transcript` to `machine`, without a socket.
///
/// The machine gets the server's segments one at a time, as from a peer that waits for each answer, in pieces of at most
/// `chunk` octets (0 counts as 1). `on_event` is called with each event and may give commands. At `--close--` the machine sees
/// the end of input. A `--TLS--` at the start is skipped, as if the connection were encrypted already.
///
/// # Errors
///
/// Returns the line of the transcript where the machine said something else, asked for TLS too soon, waited
/// when it should speak, or closed or failed while the transcript still has something for it to say.
pub fn play<M: Machine>(
    transcript: &Transcript,
    machine: &mut M,
    chunk: usize,
    mut on_event: impl FnMut(&mut M, M::Event),
) -> Result<End<M::Error>, Difference> {
    let mut script = Script::new(transcript);
    let (mut rx, mut tx) = (RecvBuf::with_limit(RECV_LIMIT), SendBuf::new());
    let (mut sent, mut segment) = (Vec::new(), Segment::default());
    if transcript.starts_with_tls() {
        let _ = script.next(&mut sent)?;
    }
    loop {
        let step = machine.step(&mut rx, &mut tx);
        let fresh = tx.unsent().len();
        sent.extend_from_slice(tx.unsent());
        tx.sent(fresh);
        match step {
            Ok(Step::Event(event)) => on_event(machine, event),
            Ok(Step::Flush) => {}
            Ok(Step::Read) if rx.is_eof() => {
                return Err(script.outcome("an end", "a wait after the end of input"));
            }
            Ok(Step::Read) => {
                if !segment.feed(&mut rx, chunk) {
                    match supply(&mut script, &mut sent, &mut rx)? {
                        Some(next) => segment = next,
                        None if rx.is_eof() => {}
                        None => return Ok(End::Open),
                    }
                }
            }
            Ok(Step::StartTls) => {
                let clear = !segment.is_empty() || !rx.unread().is_empty();
                if clear || !start_tls(&mut script, &mut sent)? {
                    return Ok(End::ClearInHandshake);
                }
            }
            Ok(Step::Close) => return finish(&mut script, &mut sent, "a close").map(|()| End::Closed),
            Err(error) => return finish(&mut script, &mut sent, "a failure").map(|()| End::Failed(error)),
        }
    }
}

/// As much as a driver holds for a machine, in octets.
const RECV_LIMIT: usize = 256 * 1024;

/// What the server sent in one write and the machine has not seen yet.
#[derive(Default)]
struct Segment {
    bytes: Vec<u8>,
    fed: usize,
}

impl Segment {
    fn is_empty(&self) -> bool {
        self.fed >= self.bytes.len()
    }

    fn feed(&mut self, rx: &mut RecvBuf, chunk: usize) -> bool {
        let rest = self.bytes.get(self.fed..).unwrap_or_default();
        let piece = rest.get(..chunk.max(1).min(rx.room())).unwrap_or(rest);
        let fed = !piece.is_empty() && rx.extend(piece).is_ok();
        self.fed = self.fed.saturating_add(piece.len());
        fed
    }
}

/// The next segment for a machine that waits; `None` at the end of input and of the transcript.
fn supply(
    script: &mut Script<'_>,
    sent: &mut Vec<u8>,
    rx: &mut RecvBuf,
) -> Result<Option<Segment>, Difference> {
    loop {
        match script.next(sent)? {
            Next::Send(bytes) => return Ok(Some(Segment { bytes, fed: 0 })),
            Next::Wait(_) => {}
            Next::Close => {
                rx.set_eof();
                return Ok(None);
            }
            Next::Reset => {
                rx.set_cut_off();
                return Ok(None);
            }
            Next::Receive => return Err(waits(script, sent)),
            Next::Tls => return Err(script.outcome("a TLS handshake", "a wait for the server")),
            Next::End if sent.is_empty() => return Ok(None),
            Next::End => return Err(script.difference("nothing more", sent)),
        }
    }
}

/// Whether the server does its handshake now; if not, it goes on in the clear.
fn start_tls(script: &mut Script<'_>, sent: &mut Vec<u8>) -> Result<bool, Difference> {
    loop {
        return match script.next(sent)? {
            Next::Wait(_) => continue,
            Next::Send(_) => Ok(false),
            Next::Tls if sent.is_empty() => Ok(true),
            Next::Tls => Err(script.difference("a TLS handshake", sent)),
            _ => Err(script.outcome(script.expected(), "a TLS handshake")),
        };
    }
}

fn waits(script: &Script<'_>, sent: &[u8]) -> Difference {
    if sent.is_empty() {
        script.outcome(script.expected(), "a wait for the server")
    } else {
        script.difference(script.expected(), sent)
    }
}

/// The machine is done: what it said last has to be in the transcript, and nothing else may be expected of it.
fn finish(script: &mut Script<'_>, sent: &mut Vec<u8>, how: &str) -> Result<(), Difference> {
    // Only what the machine said counts. What the server would still have said does not.
    while !sent.is_empty() {
        match script.next(sent)? {
            Next::Receive => return Err(script.difference(script.expected(), sent)),
            Next::End if !sent.is_empty() => return Err(script.difference("nothing more", sent)),
            _ => {}
        }
    }
    if script.client_owes() { Err(script.outcome(script.expected(), how)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use mailbearer_wire::Lines;

    use super::*;

    /// Answers each line of the server as the script says.
    struct Toy {
        lines: Lines,
        answers: Vec<Answer>,
    }

    #[derive(Clone, Copy)]
    enum Answer {
        Say(&'static str),
        Tls(&'static str),
        Close,
        Fail,
        Quit(&'static str),
    }

    impl Machine for Toy {
        type Event = String;
        type Error = &'static str;

        fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
            let Some(line) = self.lines.next(rx).map_err(|_| "too long")? else {
                return if rx.is_eof() { Err("eof") } else { Ok(Step::Read) };
            };
            let text = String::from_utf8_lossy(line.of(rx)).into_owned();
            rx.consume(line.total);
            match self.answers.remove(0) {
                Answer::Say(answer) => tx.push(answer.as_bytes()),
                Answer::Tls(_) if !rx.unread().is_empty() => return Err("injected"),
                Answer::Tls(answer) => {
                    tx.push(answer.as_bytes());
                    return Ok(Step::StartTls);
                }
                Answer::Close => return Ok(Step::Close),
                Answer::Fail => return Err("refused"),
                Answer::Quit(words) => {
                    tx.push(words.as_bytes());
                    return Err("quit");
                }
            }
            Ok(Step::Event(text))
        }
    }

    fn run(
        text: &str,
        answers: &[Answer],
        chunk: usize,
    ) -> (Result<End<&'static str>, (usize, String)>, Vec<String>) {
        let mut machine = Toy { lines: Lines::new(100), answers: answers.to_vec() };
        let mut events = Vec::new();
        let end = play(&Transcript::parse(text).unwrap(), &mut machine, chunk, |_, event| events.push(event));
        (end.map_err(|difference| (difference.line, difference.got)), events)
    }

    #[test]
    fn plays_to_the_end_or_to_the_difference() {
        use Answer::{Close, Fail, Quit, Say, Tls};
        let rows: &[(&str, &str, &[Answer], Result<End<&str>, usize>)] = &[
            ("open", "S: a\nC: <tag> b\nS: <tag> c", &[Say("1 b\r\n"), Say("")], Ok(End::Open)),
            ("closed", "S: a\nC: b\nS: c", &[Say("b\r\n"), Close], Ok(End::Closed)),
            ("end of input", "S: a\nC: b\n--close--", &[Say("b\r\n")], Ok(End::Failed("eof"))),
            ("refused", "S: a\nC: b\nS: c\nS: d", &[Say("b\r\n"), Fail], Ok(End::Failed("refused"))),
            ("other words", "S: a\nC: b\nS: c", &[Say("x\r\n")], Err(2)),
            ("too much", "S: a\nC: b", &[Say("b\r\nc\r\n")], Err(2)),
            ("last words", "S: a\nC: b", &[Quit("b\r\n")], Ok(End::Failed("quit"))),
            ("other last words", "S: a\nC: b", &[Quit("c\r\n")], Err(2)),
            ("half of the last words", "S: a\nC: b", &[Quit("b")], Err(2)),
            ("too many last words", "S: a\nC: b", &[Quit("b\r\nc\r\n")], Err(2)),
            ("silence", "S: a\n\nC: b", &[Say("")], Err(3)),
            ("half a line", "S: a\n\nC: b", &[Say("b")], Err(3)),
            ("closes early", "S: a\nC: b", &[Close], Err(2)),
            ("fails early", "S: a\nC: b", &[Fail], Err(2)),
            ("implicit TLS", "--TLS--\nS: a\nC: b", &[Say("b\r\n")], Ok(End::Open)),
            ("octets", "S: a\nC: {3}\n--C 3--\nC: )", &[Say("{3}\r\n\x00\r\n)\r\n")], Ok(End::Open)),
            ("TLS", "S: a\n--TLS--\nC: b\nS: c", &[Tls(""), Say("")], Err(3)),
            ("TLS twice", "S: a\n--TLS--\nS: c\n--TLS--", &[Tls(""), Tls("")], Ok(End::Open)),
            ("no TLS", "S: a\n--TLS--", &[Say("")], Err(2)),
            ("TLS too soon", "S: a\nC: b\n--TLS--", &[Tls("")], Err(2)),
            ("speaks before TLS", "S: a\n--TLS--\nC: b", &[Tls("b\r\n")], Err(3)),
            ("injection after a cut", "S: a\n--cut--\nS: b\n--TLS--", &[Tls("")], Ok(End::ClearInHandshake)),
            ("pause before TLS", "S: a\n--pause 9--\n--TLS--", &[Tls("")], Ok(End::Open)),
        ];
        for (name, text, answers, want) in rows {
            for chunk in [0, 1, 2, 7, 100] {
                let end = run(text, answers, chunk).0.map_err(|(line, _)| line);
                assert_eq!(end, *want, "{name} by {chunk}");
            }
        }
    }

    #[test]
    fn an_injection_is_seen_whole_or_meets_the_handshake() {
        let (text, answers) = ("S: go\nS: 250 injected\n--TLS--", [Answer::Tls("")]);
        assert_eq!(run(text, &answers, 100).0, Ok(End::Failed("injected")));
        assert_eq!(run(text, &answers, 1).0, Ok(End::ClearInHandshake));
    }

    #[test]
    fn hands_out_events_and_shows_what_differs() {
        let (end, events) = run("S: a\nC: b\nS: c", &[Answer::Say("\x1b[2J\r\nrest")], 3);
        assert_eq!(end, Err((2, "\\x1b[2J\\r\\n".into())));
        assert_eq!(events, ["a"]);
    }
}

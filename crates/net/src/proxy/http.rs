use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer_wire::{Lines, Machine, RecvBuf, Secret, SendBuf, Step};

use super::{ProxyProblem, shown};

/// A CONNECT request and its answer (RFC 9110 section 9.3.6).
pub(crate) struct Connect {
    state: State,
    /// The credentials that the proxy got, and may repeat.
    shown: Option<Secret>,
    lines: Lines,
    /// Octets of the answer so far.
    octets: usize,
}

enum State {
    /// The request has to be sent.
    Request {
        target: String,
        credentials: Option<Secret>,
    },
    /// The status line of the answer.
    Status,
    /// The rest of its header section.
    Fields {
        interim: bool,
    },
    Done,
}

impl Connect {
    pub(super) fn new(host: &str, port: u16, credentials: Option<&(String, Secret)>) -> Self {
        let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let credentials = credentials.map(|(user, password)| {
            let pair = Secret::from(format!("{user}:{}", password.expose()));
            Secret::from(STANDARD.encode(pair.expose()))
        });
        let shown = credentials.clone();
        Self { state: State::Request { target, credentials }, shown, lines: Lines::new(LINE), octets: 0 }
    }
}

impl Machine for Connect {
    type Event = ();
    type Error = ProxyProblem;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<()>, ProxyProblem> {
        loop {
            match &self.state {
                State::Request { target, credentials } => {
                    tx.push(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").as_bytes());
                    if let Some(credentials) = credentials {
                        tx.push(b"Proxy-Authorization: Basic ");
                        tx.push_secret(credentials.expose().as_bytes());
                        tx.push(b"\r\n");
                    }
                    tx.push(b"\r\n");
                    self.state = State::Status;
                }
                State::Done => return Ok(Step::Event(())),
                state => {
                    let Some(line) = self.lines.next(rx).map_err(|_| ProxyProblem::Protocol)? else {
                        return if !could_be_http(state, rx.unread()) {
                            Err(ProxyProblem::Protocol)
                        } else if rx.is_eof() {
                            Err(ProxyProblem::Closed)
                        } else {
                            Ok(Step::Read)
                        };
                    };
                    self.octets = self.octets.saturating_add(line.total);
                    if self.octets > HEAD {
                        return Err(ProxyProblem::Protocol);
                    }
                    let next = match *state {
                        State::Fields { interim: true } if line.content == 0 => State::Status,
                        State::Fields { interim: false } if line.content == 0 => State::Done,
                        State::Fields { interim } => State::Fields { interim },
                        _ => State::Fields { interim: is_interim(line.of(rx), self.shown.as_ref())? },
                    };
                    if repeats(line.of(rx), self.shown.as_ref()) {
                        rx.consume_secret(line.total);
                    } else {
                        rx.consume(line.total);
                    }
                    self.state = next;
                }
            }
        }
    }
}

/// Returns whether another answer follows, by the status line.
///
/// # Errors
///
/// Fails for a malformed line, and for a status that does not mean success.
fn is_interim(line: &[u8], secret: Option<&Secret>) -> Result<bool, ProxyProblem> {
    let rest = line.strip_prefix(b"HTTP/1.").ok_or(ProxyProblem::Protocol)?;
    let [b'0'..=b'9', b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = rest else {
        return Err(ProxyProblem::Protocol);
    };
    if reason.first().is_some_and(|&octet| octet != b' ') {
        return Err(ProxyProblem::Protocol);
    }
    let status = [a, b, c].into_iter().fold(0_u16, |number, digit| {
        number.saturating_mul(10).saturating_add(u16::from(digit.saturating_sub(b'0')))
    });
    match status {
        100..=199 => Ok(true),
        200..=299 => Ok(false),
        // Tinyproxy 1.11.1 answers 401 to a wrong password (2026-11-26), although no server was asked yet.
        401 | 407 => Err(ProxyProblem::Credentials),
        _ if repeats(reason, secret) => Err(ProxyProblem::Status { status, reason: String::new() }),
        _ => Err(ProxyProblem::Status { status, reason: shown(reason) }),
    }
}

/// Whether a line repeats the credentials, or a good part of them, as the request had them.
fn repeats(line: &[u8], secret: Option<&Secret>) -> bool {
    let Some(secret) = secret.map(|secret| secret.expose().as_bytes()) else { return false };
    let mut parts = secret.windows(PART.min(secret.len()).max(1));
    parts.any(|part| line.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part)))
}

/// Bytes of another protocol are an error at once, rather than at the end of the line or when time is up.
fn could_be_http(state: &State, start: &[u8]) -> bool {
    let expected = b"HTTP/1.";
    !matches!(state, State::Status) || expected.iter().zip(start).all(|(expected, octet)| expected == octet)
}

/// How many octets of credentials can't match by chance.
const PART: usize = 12;
/// The most octets in a line of the answer.
const LINE: usize = 8 * 1024;
/// The most octets of all answers together.
const HEAD: usize = 16 * 1024;

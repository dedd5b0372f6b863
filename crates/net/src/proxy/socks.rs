use std::net::IpAddr;

use mailbearer_wire::{Machine, RecvBuf, Secret, SendBuf, Step};

use super::ProxyProblem;

/// A connection through SOCKS version 5 (RFC 1928, RFC 1929).
pub(crate) struct Connect {
    state: State,
    host: String,
    port: u16,
    credentials: Option<(String, Secret)>,
}

#[derive(Clone, Copy)]
enum State {
    /// The methods of authentication have to be offered.
    Start,
    /// Waiting for the method that the proxy chooses.
    Method,
    /// Waiting for the verdict on user name and password.
    Status,
    /// Waiting for the connection to the server.
    Reply,
    Done,
}

impl Connect {
    pub(super) fn new(host: &str, port: u16, credentials: Option<&(String, Secret)>) -> Self {
        Self { state: State::Start, host: host.to_owned(), port, credentials: credentials.cloned() }
    }
}

impl Machine for Connect {
    type Event = ();
    type Error = ProxyProblem;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<()>, ProxyProblem> {
        loop {
            let (count, next) = match (self.state, rx.unread()) {
                (State::Start, _) => {
                    let offer: &[u8] = if self.credentials.is_some() {
                        &[VERSION, 2, NO_AUTHENTICATION, USER_NAME]
                    } else {
                        &[VERSION, 1, NO_AUTHENTICATION]
                    };
                    tx.push_bulk(offer);
                    (0, State::Method)
                }
                (State::Method, &[VERSION, NO_AUTHENTICATION, ..]) => {
                    self.ask(tx)?;
                    (2, State::Reply)
                }
                (State::Method, &[VERSION, USER_NAME, ..]) => {
                    // A method that was not offered is an error.
                    let (user, password) = self.credentials.as_ref().ok_or(ProxyProblem::Protocol)?;
                    let password = password.expose();
                    tx.push_bulk(&[1, length(user)?]);
                    tx.push_secret(user.as_bytes());
                    tx.push_bulk(&[length(password)?]);
                    tx.push_secret(password.as_bytes());
                    (2, State::Status)
                }
                (State::Method, &[VERSION, NONE_ACCEPTABLE, ..]) => return Err(ProxyProblem::Credentials),
                (State::Status, &[1, 0, ..]) => {
                    self.ask(tx)?;
                    (2, State::Reply)
                }
                (State::Status, &[1, _, ..]) => return Err(ProxyProblem::Credentials),
                (State::Reply, &[VERSION, code @ 1..=255, ..]) => return Err(ProxyProblem::Socks(code)),
                (State::Reply, bytes) => match reply(bytes)? {
                    Some(count) => (count, State::Done),
                    None => return more(rx),
                },
                (State::Done, _) => return Ok(Step::Event(())),
                (State::Method, &[] | &[VERSION]) | (State::Status, &[] | &[1]) => return more(rx),
                (State::Method | State::Status, _) => return Err(ProxyProblem::Protocol),
            };
            rx.consume_bulk(count);
            self.state = next;
        }
    }
}

impl Connect {
    /// Requests the connection. The proxy looks up the name.
    fn ask(&self, tx: &mut SendBuf) -> Result<(), ProxyProblem> {
        tx.push_bulk(&[VERSION, CONNECT, 0]);
        match self.host.parse() {
            Ok(IpAddr::V4(address)) => {
                tx.push_bulk(&[ADDRESS_4]);
                tx.push_bulk(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                tx.push_bulk(&[ADDRESS_6]);
                tx.push_bulk(&address.octets());
            }
            Err(_) => {
                tx.push_bulk(&[NAME, length(&self.host)?]);
                tx.push_bulk(self.host.as_bytes());
            }
        }
        tx.push_bulk(&self.port.to_be_bytes());
        Ok(())
    }
}

/// Returns the length of the reply that says that the server is connected, once all of it is there.
fn reply(bytes: &[u8]) -> Result<Option<usize>, ProxyProblem> {
    Ok(match *bytes {
        [VERSION, 0, 0, ADDRESS_4, ..] => Some(10),
        [VERSION, 0, 0, ADDRESS_6, ..] => Some(22),
        [VERSION, 0, 0, NAME, length, ..] => Some(usize::from(length).saturating_add(7)),
        [] | [VERSION] | [VERSION, 0] | [VERSION, 0, 0] | [VERSION, 0, 0, NAME] => None,
        _ => return Err(ProxyProblem::Protocol),
    }
    .filter(|count| bytes.len() >= *count))
}

fn more(rx: &RecvBuf) -> Result<Step<()>, ProxyProblem> {
    if rx.is_eof() { Err(ProxyProblem::Closed) } else { Ok(Step::Read) }
}

fn length(text: &str) -> Result<u8, ProxyProblem> {
    // Longer ones were refused by `parse`; a host name has at most 253 octets.
    u8::try_from(text.len()).map_err(|_| ProxyProblem::Protocol)
}

const VERSION: u8 = 5;
const CONNECT: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const USER_NAME: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const ADDRESS_4: u8 = 1;
const NAME: u8 = 3;
const ADDRESS_6: u8 = 4;

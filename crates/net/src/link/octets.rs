//! How octets get through TLS and a socket that never waits.

use std::io::{self, IoSlice, Read, Write};

use mailbearer_wire::RecvBuf;

use crate::{Error, Socket, Stage, tls::Session};

/// Moves decrypted bytes to the machine. Returns true if bytes or the end came.
pub(super) fn drain(tls: &mut dyn Session, rx: &mut RecvBuf) -> Result<bool, Error> {
    let mut moved = false;
    while rx.room() > 0 {
        let mut count = 0;
        let decrypted = tls.decrypted(&mut |bytes| {
            let fitting = bytes.get(..rx.room()).unwrap_or(bytes);
            count = if rx.extend(fitting).is_ok() { fitting.len() } else { 0 };
            count
        });
        match decrypted {
            Ok(()) if count == 0 => {
                rx.set_eof();
                return Ok(true);
            }
            Ok(()) => moved = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // The end came without a TLS closure alert, so someone may have cut the stream.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                rx.set_cut_off();
                return Ok(true);
            }
            Err(source) => return Err(Error::Io { stage: Stage::Read, source }),
        }
    }
    Ok(moved)
}

/// Returns `None` if the socket would have to wait.
pub(super) fn taken(result: io::Result<usize>, stage: Stage) -> Result<Option<usize>, Error> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(source) => Err(Error::Io { stage, source }),
    }
}

pub(super) fn writing(source: io::Error) -> Error {
    Error::Io { stage: Stage::Write, source }
}

/// What the TLS library reads from and writes to. Each write is one segment, if it fits.
pub(super) struct NonBlocking<'a, S> {
    pub(super) socket: &'a mut S,
    pub(super) held: &'a mut Vec<u8>,
    pub(super) handshaking: bool,
}

impl<S: Socket> Read for NonBlocking<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.read(into)
    }
}

impl<S: Socket> Write for NonBlocking<'_, S> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if self.handshaking && from == CHANGE_CIPHER_SPEC {
            self.held.extend_from_slice(from);
            return Ok(from.len());
        }
        if self.held.is_empty() {
            return self.socket.write(from);
        }
        self.write_behind_held(&[IoSlice::new(from)])
    }

    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        match records {
            [record] => self.write(record),
            records if self.held.is_empty() => self.socket.write_vectored(records),
            records => self.write_behind_held(records),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Socket> NonBlocking<'_, S> {
    fn write_behind_held(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut all = Vec::with_capacity(records.len().saturating_add(1));
        all.push(IoSlice::new(self.held));
        all.extend(records.iter().map(|record| IoSlice::new(record)));
        let count = self.socket.write_vectored(&all)?;
        let held = self.held.len();
        self.held.drain(..count.min(held));
        count.checked_sub(held).filter(|&count| count > 0).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

/// The record of TLS 1.3 that means nothing (RFC 8446 appendix D.4). It is due in the middle of the server's flight.
/// Sent at once, it would make two flights of the client's one.
const CHANGE_CIPHER_SPEC: &[u8] = &[20, 3, 3, 0, 1, 1];

#[cfg(test)]
mod tests {
    use std::{
        task::{Context, Poll},
        time::{Duration, Instant},
    };

    use super::*;
    use crate::Interest;

    /// However little the socket accepts at a time, the record that was held goes out in front, and counts for nobody.
    #[test]
    fn a_held_record_goes_out_with_the_next() {
        const HELD: &[u8] = &[20, 3, 3, 0, 1, 1];
        for most in 1..12 {
            for is_vectored in [false, true] {
                let (mut socket, mut held) = (Narrow { most, sent: Vec::new() }, Vec::new());
                let mut to = NonBlocking { socket: &mut socket, held: &mut held, handshaking: true };
                assert_eq!(to.write(HELD).unwrap(), HELD.len());
                assert!(to.socket.sent.is_empty(), "it waits");
                let mut rest: &[u8] = b"finished";
                while !rest.is_empty() {
                    let (one, two) = rest.split_at(rest.len() / 2);
                    let both = [IoSlice::new(one), IoSlice::new(two)];
                    match if is_vectored { to.write_vectored(&both) } else { to.write(rest) } {
                        Ok(count) => {
                            assert!(count > 0);
                            rest = &rest[count..];
                        }
                        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                    }
                }
                assert_eq!(socket.sent, [HELD, b"finished"].concat(), "{most}");
            }
        }
        let far = super::super::later(Instant::now(), Duration::MAX);
        assert!(far > Instant::now() + Duration::from_secs(300 * 86_400));
    }

    /// A buffer that is full is no end, a break is told as what it is, and only the end without an alert is a cut.
    #[test]
    fn what_ends_the_stream_is_told_apart() {
        for (name, ends, limit, want) in [
            ("an alert", Ok(()), 9, (true, "end")),
            ("none", Err(io::ErrorKind::UnexpectedEof), 9, (true, "cut")),
            ("not yet", Err(io::ErrorKind::WouldBlock), 9, (true, "")),
            ("a break", Err(io::ErrorKind::ConnectionReset), 9, (false, "")),
            ("no room", Err(io::ErrorKind::ConnectionReset), 4, (true, "")),
        ] {
            let mut rx = RecvBuf::with_limit(limit);
            let found = drain(&mut Ending { first: Some(b"abcd"), ends }, &mut rx);
            let end = match (rx.is_eof(), rx.is_cut_off()) {
                (_, true) => "cut",
                (true, false) => "end",
                _ => "",
            };
            assert_eq!((found.is_ok_and(|moved| moved), end), want, "{name}");
            assert_eq!(rx.unread(), b"abcd", "{name}");
        }
    }

    /// TLS that gives some octets, and ends.
    struct Ending {
        first: Option<&'static [u8]>,
        ends: Result<(), io::ErrorKind>,
    }

    impl Session for Ending {
        fn decrypted(&mut self, take: &mut dyn FnMut(&[u8]) -> usize) -> io::Result<()> {
            match self.first.take() {
                Some(octets) => {
                    take(octets);
                    Ok(())
                }
                None => self.ends.map_err(io::Error::from),
            }
        }

        fn is_handshaking(&self) -> bool {
            false
        }

        fn wants_write(&self) -> bool {
            false
        }

        fn encrypt(&mut self, plaintext: &[u8]) -> io::Result<usize> {
            Ok(plaintext.len())
        }

        fn write_records(&mut self, _: &mut dyn Write) -> io::Result<usize> {
            Ok(0)
        }

        fn read_records(&mut self, _: &mut dyn Read) -> io::Result<usize> {
            Ok(0)
        }

        fn process(&mut self) -> Result<(), rustls::Error> {
            Ok(())
        }

        fn close(&mut self) {}

        fn agreed(&self) -> Option<(u16, u16)> {
            None
        }
    }

    /// Accepts so many octets at a time.
    struct Narrow {
        most: usize,
        sent: Vec<u8>,
    }

    impl Socket for Narrow {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            let from = &from[..self.most.min(from.len())];
            self.sent.extend_from_slice(from);
            Ok(from.len())
        }

        fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
            self.write(&from.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>())
        }

        fn shut_down(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn poll_ready(&mut self, _: Interest, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }
}

//! Runs the server's side of a conversation on a socket.

use std::{
    io::{self, Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use mailbearer_wire::{RecvBuf, SendBuf};
use rustls::ServerConfig;

use crate::stream::Stream;

/// The server's side of a conversation, without I/O.
pub(crate) trait Session {
    /// Consumes octets of the client from `rx`, appends octets for it to `tx`, says what it wants next.
    ///
    /// After the client's last octet it is stepped once more, with [`RecvBuf::is_eof`].
    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Action;

    /// How long the client may be silent.
    fn patience(&self) -> Duration;

    /// How often it wants to be stepped though the client is silent.
    fn interval(&self) -> Option<Duration> {
        None
    }
}

/// What a [`Session`] wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// More from the client.
    Read,
    /// `tx` sent, to go on filling it.
    Flush,
    /// `tx` sent, then TLS.
    StartTls,
    /// `tx` sent, then an end.
    Close,
}

/// Drives `session` until it or the client ends.
///
/// # Errors
///
/// Fails when the connection does, the handshake goes wrong, or the client is silent for too long.
pub(crate) fn converse(
    mut stream: Stream,
    session: &mut dyn Session,
    rx: &mut RecvBuf,
    tls: &Arc<ServerConfig>,
) -> io::Result<()> {
    let mut tx = SendBuf::new();
    let mut chunk = vec![0; CHUNK];
    let mut heard = Instant::now();
    loop {
        let action = session.step(rx, &mut tx);
        stream.write_all(tx.unsent())?;
        tx.sent(usize::MAX);
        match action {
            Action::Flush => {}
            Action::Close => {
                stream.flush()?;
                stream.close();
                return drain(&mut stream, &mut chunk);
            }
            Action::StartTls => stream = stream.accept_tls(tls)?,
            Action::Read => {
                stream.flush()?;
                let left = session.patience().saturating_sub(heard.elapsed());
                let wait = session.interval().map_or(left, |interval| interval.min(left));
                if rx.is_eof() || rx.room() == 0 || left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                stream.tcp().set_read_timeout(Some(wait.max(SHORTEST)))?;
                let room = rx.room().min(CHUNK);
                match stream.read(chunk.get_mut(..room).unwrap_or_default()) {
                    Ok(0) => rx.set_eof(),
                    Ok(count) => {
                        heard = Instant::now();
                        rx.extend(chunk.get(..count).unwrap_or_default()).map_err(io::Error::other)?;
                    }
                    Err(error) if is_silence(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

/// Reads what the client still sends, for a moment: closing a socket with unread octets resets the connection,
/// and the client would lose the last answer.
fn drain(stream: &mut Stream, chunk: &mut [u8]) -> io::Result<()> {
    stream.tcp().set_read_timeout(Some(LINGER))?;
    for _ in 0..LINGER_READS {
        if stream.tcp().read(chunk)? == 0 {
            break;
        }
    }
    Ok(())
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

const CHUNK: usize = 16 * 1024;
/// A timeout of nothing would mean none at all.
const SHORTEST: Duration = Duration::from_millis(1);
const LINGER: Duration = Duration::from_millis(500);
const LINGER_READS: usize = 64;

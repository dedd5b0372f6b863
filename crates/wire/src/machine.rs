use core::time::Duration;

use crate::{RecvBuf, SendBuf};

/// One side of a conversation, without I/O, clock or threads.
///
/// # The contract
///
/// The caller owns both buffers and repeats: call [`step`](Self::step), send what is in `tx` to the peer (also
/// when the step failed: the machine's last words), then do what the returned [`Step`] asks. Commands are
/// methods of the concrete machine; they only queue, and the next step puts them into `tx`. So a command may be
/// given at any time, also while the caller waits for bytes: it stops waiting, gives the command and steps.
///
/// At the end of the peer's input the caller says so with [`RecvBuf::set_eof`] and steps on until the machine
/// closes or fails; a machine never answers [`Step::Read`] then.
///
/// A machine that failed is finished: it keeps its error and answers every later step with it.
pub trait Machine {
    /// What the caller is told.
    type Event;
    /// Why the conversation failed.
    type Error;

    /// Consumes bytes of the peer from `rx`, appends bytes for the peer to `tx`, says what it wants next.
    ///
    /// # Errors
    ///
    /// Fails when the peer breaks the protocol, refuses, or passes a limit. The conversation is over then.
    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Self::Event>, Self::Error>;

    /// How long the peer may stay silent in the present state; `None` leaves it to the caller.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

impl<M: Machine + ?Sized> Machine for &mut M {
    type Event = M::Event;
    type Error = M::Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Self::Event>, Self::Error> {
        (**self).step(rx, tx)
    }

    fn patience(&self) -> Option<Duration> {
        (**self).patience()
    }
}

/// What a [`Machine`] wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a machine stands still until its step is carried out"]
pub enum Step<E> {
    /// Something happened that the caller is told; step again after looking at it.
    Event(E),
    /// Nothing to do before the peer sends more, or ends.
    Read,
    /// `tx` is as full as it may get: send it and step again. Nothing is read for it.
    Flush,
    /// Send `tx`, do the TLS handshake, and step again over the encrypted stream. `rx` is empty.
    StartTls,
    /// The conversation ended as it should: send `tx` and close.
    Close,
}

impl<E> Step<E> {
    /// The same step with its event put through `f`.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Step<F> {
        match self {
            Self::Event(event) => Step::Event(f(event)),
            Self::Read => Step::Read,
            Self::Flush => Step::Flush,
            Self::StartTls => Step::StartTls,
            Self::Close => Step::Close,
        }
    }
}

/// How a mail connection comes by its TLS. There is no third way: nothing is said in the clear but the greeting,
/// the capabilities and the command that starts TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet on (RFC 8314 section 3), as on ports 993, 995 and 465.
    #[default]
    Implicit,
    /// TLS after the STARTTLS command, and an error where it is not offered, as on ports 587, 143 and 110.
    StartTls,
}

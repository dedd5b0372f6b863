use core::time::Duration;

use crate::{RecvBuf, SendBuf};

/// One side of a conversation, without I/O, clock or threads.
///
/// # The contract
///
/// The caller owns both buffers and repeats: call [`step`](Self::step), send what is in `tx` to the peer (also
/// when the step failed: the machine's last words), then do what the returned [`Step`] asks. Commands are
/// methods of the concrete machine; they only queue, and the next step puts them into `tx`. So a command may be
/// given at any time. A caller that waits for bytes stops waiting, gives the command and steps.
///
/// At the end of the peer's input the caller says so with [`RecvBuf::set_eof`] and steps on until the machine
/// closes or fails; a machine never answers [`Step::Read`] then.
///
/// A machine that failed is finished: it keeps its error and answers every later step with it.
pub trait Machine {
    /// What happens in the conversation that the caller has to know.
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
#[expect(clippy::exhaustive_enums, reason = "a driver has to carry out every step")]
pub enum Step<E> {
    /// Something happened. Look at it and step again.
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

/// When a mail connection starts TLS. There is no third way: a client sends nothing in the clear but the command that
/// starts TLS, and what has to come before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Security {
    /// At once (RFC 8314 section 3), as on ports 993, 995 and 465.
    #[default]
    Implicit,
    /// By the command STARTTLS, as on ports 587, 143 and 110. A server that does not offer it is an error.
    StartTls,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Patient(Option<Duration>);

    impl Machine for Patient {
        type Event = ();
        type Error = ();

        fn step(&mut self, _: &mut RecvBuf, _: &mut SendBuf) -> Result<Step<()>, ()> {
            Ok(Step::Read)
        }

        fn patience(&self) -> Option<Duration> {
            self.0
        }
    }

    struct Careless;

    impl Machine for Careless {
        type Event = ();
        type Error = ();

        fn step(&mut self, _: &mut RecvBuf, _: &mut SendBuf) -> Result<Step<()>, ()> {
            Err(())
        }
    }

    fn patience(machine: impl Machine) -> Option<Duration> {
        machine.patience()
    }

    #[test]
    fn a_borrowed_machine_is_as_patient_as_itself() {
        for time in [None, Some(Duration::from_secs(7))] {
            assert_eq!(patience(&mut Patient(time)), time);
        }
        assert_eq!(patience(Careless), None);
    }
}

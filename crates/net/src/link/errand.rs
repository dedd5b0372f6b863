//! What a machine's loop and the link ask of each other.

use std::time::{Duration, Instant};

/// What a machine's step asks of the link.
#[derive(Clone, Copy)]
pub(crate) enum Errand {
    /// Send everything, then wait for bytes, at most for this long.
    Read(Duration),
    /// Send everything. Reads meanwhile: a peer that can't get rid of its bytes takes none of ours.
    Flush,
    /// Send everything, then do the TLS handshake.
    StartTls,
    /// Do the rest of a handshake.
    Handshake { deadline: Instant },
    /// Send everything and be done.
    Close,
    /// Send everything, say that there is no more, and wait for the peer to go.
    Linger,
}

/// What a machine's step led to.
pub(crate) enum Turn {
    Go(Errand),
    /// It has something to tell.
    Over,
    /// It failed.
    Failed,
}

/// What it means that the peer says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// That there is nothing to tell.
    IsAnswer,
    /// That it is gone.
    Fails,
}

/// How an [`Errand`] went.
pub(crate) enum Outcome {
    Done,
    /// The peer was silent for the time that was given.
    Quiet,
    Closed,
}

//! What a machine's loop and the link ask of each other.

use std::time::{Duration, Instant};

/// What a machine's step asks of the link.
#[derive(Clone, Copy)]
pub(crate) enum Errand {
    /// Send everything, then wait for bytes, at most for this long.
    Read(Duration),
    /// Send everything. Read meanwhile: a peer that can't get rid of its bytes accepts none of ours.
    Flush,
    /// Send everything, then do the TLS handshake.
    StartTls,
    /// Complete a handshake.
    Handshake { deadline: Instant },
    /// Send everything and end.
    Close,
    /// Send everything, say that no more will come, and wait for the peer to close.
    Linger,
}

/// The result of a machine's step.
pub(crate) enum Turn {
    Go(Errand),
    /// It has an event.
    Over,
    /// It failed.
    Failed,
}

/// What the peer's silence means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// There is no news.
    IsAnswer,
    /// The peer is gone.
    Fails,
}

/// How an [`Errand`] went.
pub(crate) enum Outcome {
    Done,
    /// The peer was silent for the given time.
    Quiet,
    Closed,
}

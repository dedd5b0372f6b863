/// How much a [`Session`](crate::Session) accepts of a server, and how many commands it sends ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one line, with its end. Default 16 KiB: RFC 2449 section 4 allows 512, but a challenge may be longer. The
    /// receive buffer must be able to hold as many. Lines of a message may have any length.
    pub line: usize,
    /// Lines of the answer to CAPA. Default 256.
    pub capabilities: usize,
    /// Lines of an answer to LIST, UIDL or LANG. Default 1,000,000.
    pub listing: usize,
    /// Octets of the lines of such an answer, without their ends. Default 64 MiB.
    pub listing_octets: usize,
    /// Octets of one message. Default 1 GiB. The session holds none of them, but a message must end.
    pub message: u64,
    /// Commands that are sent ahead of their answers, if the server offers `PIPELINING`. Default 500; 0 counts as 1. The
    /// driver reads while it can't write, so neither side waits for the other.
    pub pipeline: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 16 * 1024,
            capabilities: 256,
            listing: 1_000_000,
            listing_octets: 64 << 20,
            message: 1 << 30,
            pipeline: 500,
        }
    }
}

/// How much of a server's talk a [`Session`](crate::Session) takes, and how far it runs ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one line, its end included, but for the lines of a message, which may be of any length. 16 KiB; RFC 2449
    /// section 4 says 512, a challenge may be longer. The receive buffer must hold as many.
    pub line: usize,
    /// Lines of the answer to CAPA. 256.
    pub capabilities: usize,
    /// Lines of the answer to LIST, UIDL and LANG. 1,000,000.
    pub listing: usize,
    /// Octets of the lines of such an answer, without their ends. 64 MiB.
    pub listing_octets: usize,
    /// Octets of one message. 1 GiB; nothing is held, but a message must have an end.
    pub message: u64,
    /// Commands sent ahead of their answers where the server offers `PIPELINING`. 500; at least 1 is used. The driver
    /// reads while it can't write, so neither side waits for the other.
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

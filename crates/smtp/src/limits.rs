/// How much of a server's talk a [`Session`](crate::Session) holds, and how far it runs ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one reply line, its end included. 16 KiB; RFC 5321 says 512, RFC 4954 section 4 lets a challenge
    /// be 12,288. The receive buffer must hold as many.
    pub reply_line: usize,
    /// Lines of one reply. 256; an EHLO reply has one for each extension.
    pub reply_lines: usize,
    /// Octets of one reply, in all its lines. 64 KiB.
    pub reply_octets: usize,
    /// Commands sent ahead of their replies where the server offers `PIPELINING`. 128, so that the replies to
    /// them fit into what an operating system buffers, and neither side can wait for the other to read (RFC 2920
    /// section 3.1). At least 1 is used.
    pub pipeline: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { reply_line: 16 * 1024, reply_lines: 256, reply_octets: 64 * 1024, pipeline: 128 }
    }
}

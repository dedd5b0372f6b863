/// How much a [`Session`](crate::Session) holds of what a server says, and how many commands it sends ahead of replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one reply line, including its end; default 16 KiB. RFC 5321 allows 512, and RFC 4954 section 4 allows
    /// 12,288 for a challenge. The receive buffer must hold as many.
    pub reply_line: usize,
    /// Lines of one reply; default 256. An EHLO reply has one for each extension.
    pub reply_lines: usize,
    /// Octets of all lines of one reply; default 64 KiB.
    pub reply_octets: usize,
    /// Commands sent ahead of their replies if the server offers `PIPELINING`; default 128. The replies to so many fit into
    /// the buffers of an operating system, so neither side waits for the other to read (RFC 2920 section 3.1). At least 1
    /// is used.
    pub pipeline: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { reply_line: 16 * 1024, reply_lines: 256, reply_octets: 64 * 1024, pipeline: 128 }
    }
}

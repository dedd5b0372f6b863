/// How much of a peer's data is accepted. Each field's default is named with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one line, or of a piece of one between two literals, its end included. Default 1 MiB, enough for a
    /// SEARCH answer of 130,000 UIDs.
    pub line: usize,
    /// Octets of one response that are held in memory, literals included. Default 4 MiB.
    pub response: usize,
    /// The size in octets up to which a literal is held and arrives within its response. A larger one is streamed.
    /// Default 1 MiB.
    pub literal_inline: u64,
    /// Octets of one literal. Default 256 MiB; Exchange Online sends at most 150 MB.
    pub literal: u64,
    /// How deep parentheses may nest in one response. Default 72: 64 parts within each other, and what a response has
    /// around them. Not limited are those of a THREAD response, which nest as deep as a discussion and cost nothing,
    /// and those in what is kept as text (words, unknown codes and responses, a name without quotes).
    pub depth: u8,
    /// How many capabilities are remembered. Default 256.
    pub capabilities: usize,
}

impl Limits {
    /// Returns how many octets a [`RecvBuf`](mailbearer_wire::RecvBuf) must be able to hold for these limits.
    #[must_use]
    pub const fn buffer(&self) -> usize {
        self.response.saturating_add(64 * 1024)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 1 << 20,
            response: 4 << 20,
            literal_inline: 1 << 20,
            literal: 256 << 20,
            depth: 72,
            capabilities: 256,
        }
    }
}

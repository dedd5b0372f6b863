/// Server bugs to tolerate. All are on by default: none can be mistaken for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// Exchange Online closes the connection (`-ERR Protocol error. Connection is closed. 10`) when AUTH has an initial
    /// response, which RFC 5034 section 4 allows. Where the greeting names Exchange, the response waits for the challenge.
    pub exchange_auth_in_two_lines: bool,
    /// Exchange 2003 answers AUTH with `+OK` where RFC 5034 section 4 has the challenge `+ `. Nothing was proven yet, so it
    /// can't be the verdict.
    pub exchange_2003_ok_for_challenge: bool,
    /// Some servers end their lines with LF alone. Where the status line of an answer does, all of that answer may: a
    /// message says nothing about it, so no sender of one can end it early.
    pub bare_line_ends: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { exchange_auth_in_two_lines: true, exchange_2003_ok_for_challenge: true, bare_line_ends: true }
    }
}

/// Server bugs to tolerate. All are tolerated by default, because each can mean one thing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// Exchange Online closes the connection (`-ERR Protocol error. Connection is closed. 10`) when AUTH has an initial
    /// response, which RFC 5034 section 4 allows. If the greeting names Exchange, the response waits for the challenge.
    pub exchange_auth_in_two_lines: bool,
    /// Exchange 2003 answers AUTH with `+OK` instead of the challenge `+ ` (RFC 5034 section 4). Nothing was proven yet, so
    /// this can't be the verdict.
    pub exchange_2003_ok_for_challenge: bool,
    /// Some servers end their lines with LF alone. If the status line of an answer does, LF ends all lines of that answer.
    /// Nothing in a message can cause this, so its sender can't make it end early.
    pub bare_line_ends: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { exchange_auth_in_two_lines: true, exchange_2003_ok_for_challenge: true, bare_line_ends: true }
    }
}

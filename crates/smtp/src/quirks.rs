/// Server bugs to tolerate. All are on by default: none can be mistaken for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// Exchange 2003 and older write `AUTH=LOGIN` in the EHLO reply, from a draft of RFC 2554, where RFC 4954
    /// section 3 has `AUTH LOGIN`.
    pub exchange_2003_auth_equals: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { exchange_2003_auth_equals: true }
    }
}

//! Every transcript, what our client does in it, and how that ends.

/// A transcript and its end.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    /// `closed`, or how the error begins.
    pub(crate) want: &'static str,
}

impl Case {
    /// Whether something is sent ahead of TLS: then the session may see it, or the handshake.
    pub(crate) fn is_tampered(&self) -> bool {
        self.name.contains("-injection")
    }
}

macro_rules! case {
    ($name:literal, $want:expr) => {
        Case { name: $name, text: include_str!(concat!($name, ".txt")), want: $want }
    };
}

pub(crate) mod imap;
pub(crate) mod pop3;
pub(crate) mod smtp;

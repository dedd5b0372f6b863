//! What is wrong although no peer said so.

use std::{borrow::Cow, fmt};

use super::{Error, Evidence, Failure, Kind, Verdict};

#[derive(Debug)]
struct Observed {
    id: &'static str,
    kind: Kind,
    text: String,
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Failure for Observed {
    fn verdict(&self) -> Verdict {
        Verdict::of(self.kind)
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence { name: Cow::Borrowed(self.id), ..Evidence::default() }
    }
}

impl Error {
    /// `id` is that of an entry of the catalogue. `text` must be fit for a terminal.
    pub(crate) fn observed(id: &'static str, kind: Kind, text: String) -> Self {
        Self::new(None, Observed { id, kind, text })
    }
}

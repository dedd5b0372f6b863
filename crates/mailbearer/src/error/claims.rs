//! A token that, by what it says of itself, is not for this account.

use std::borrow::Cow;

use super::{Error, Evidence, Failure, Kind, Protocol, Stage, Verdict};
use crate::claims::Mismatch;

impl Failure for Mismatch {
    fn verdict(&self) -> Verdict {
        Verdict::of(Kind::Auth)
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence { stage: Stage::Claims, name: Cow::Borrowed(self.id()), ..Evidence::default() }
    }
}

impl Error {
    pub(crate) fn mismatch(protocol: Protocol, mismatch: Mismatch) -> Self {
        Self::new(protocol, mismatch)
    }
}

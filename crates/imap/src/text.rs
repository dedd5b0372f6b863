use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, ops::Deref};

use mailbearer_wire::printable_bytes;

/// A string of the protocol: octets in an unknown charset. It borrows from the frame unless it held escapes.
#[derive(Clone)]
pub struct Text<'a>(Repr<'a>);

#[derive(Clone)]
enum Repr<'a> {
    Borrowed(&'a [u8]),
    /// Not boxed: `Option<Text>` would be no smaller with a box, and a text with escapes needs only one allocation this
    /// way.
    Owned(Vec<u8>),
}

impl<'a> Text<'a> {
    pub(crate) const EMPTY: Self = Self(Repr::Borrowed(&[]));

    /// Returns the octets. If they are borrowed, they are a part of the frame (see
    /// [`Frame::range_of`](crate::Frame::range_of)).
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Borrowed(octets) => octets,
            Repr::Owned(octets) => octets,
        }
    }

    /// Returns the string as text. What is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }

    /// Returns the octets, borrowed from the frame if the string held no escapes.
    #[must_use]
    pub fn into_cow(self) -> Cow<'a, [u8]> {
        match self.0 {
            Repr::Borrowed(octets) => Cow::Borrowed(octets),
            Repr::Owned(octets) => Cow::Owned(octets),
        }
    }

    /// Returns the same string, borrowed from nothing.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        Text::from(self.into_cow().into_owned())
    }

    pub(crate) const fn of(octets: &'a [u8]) -> Self {
        Self(Repr::Borrowed(octets))
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl Deref for Text<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Self::of(octets)
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::of(text.as_bytes())
    }
}

impl From<Vec<u8>> for Text<'_> {
    fn from(octets: Vec<u8>) -> Self {
        Self(Repr::Owned(octets))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        **self == *other.as_bytes()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

/// Prints at most a thousand octets, without control characters.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable_bytes(self, 1000))
    }
}

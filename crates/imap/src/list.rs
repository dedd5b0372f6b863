use alloc::{
    boxed::Box,
    vec::{self, Vec},
};
use core::{fmt, iter::FusedIterator};

/// A list of a response, whose elements are read as the caller iterates.
///
/// A parsed list borrows from the frame and needs no memory of its own. To encode a list, make it `from` a vector.
#[derive(Clone)]
pub struct List<'a, T>(Repr<'a, T>);

#[derive(Clone)]
enum Repr<'a, T> {
    /// Elements as they came, already checked to be well-formed.
    Raw(&'a [u8]),
    /// Boxed, because only encoders make lists, and a parsed ENVELOPE has six.
    #[expect(
        clippy::box_collection,
        reason = "a boxed slice is as large as a borrowed one, and then a tag is added"
    )]
    Made(Box<Vec<T>>),
}

/// What a [`List`] can hold.
pub trait Element<'a>: Clone {
    /// Takes the first element off well-formed `raw`. Returns `None` at the end.
    fn read(raw: &mut &'a [u8]) -> Option<Self>;
}

impl<'a, T> List<'a, T> {
    /// A list without elements.
    pub const EMPTY: Self = Self(Repr::Raw(&[]));

    pub(crate) const fn raw(raw: &'a [u8]) -> Self {
        Self(Repr::Raw(raw))
    }
}

impl<'a, T: Element<'a>> List<'a, T> {
    /// Iterates over the elements in their order.
    pub fn iter(&self) -> Iter<'a, '_, T> {
        Iter(match &self.0 {
            Repr::Raw(raw) => Source::Raw(raw),
            Repr::Made(elements) => Source::Made(elements),
        })
    }

    /// Returns whether the list has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T> From<Vec<T>> for List<'_, T> {
    fn from(elements: Vec<T>) -> Self {
        Self(Repr::Made(Box::new(elements)))
    }
}

impl<T> FromIterator<T> for List<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::from(elements.into_iter().collect::<Vec<T>>())
    }
}

impl<'a, T: Element<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Element<'a> + Eq> Eq for List<'a, T> {}

impl<'a, T: Element<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, 'l, T: Element<'a>> IntoIterator for &'l List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, 'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Element<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = IntoIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter(match self.0 {
            Repr::Raw(raw) => Owned::Raw(raw),
            Repr::Made(elements) => Owned::Made(elements.into_iter()),
        })
    }
}

/// An iterator over the elements of a borrowed [`List`].
pub struct Iter<'a, 'l, T>(Source<'a, 'l, T>);

enum Source<'a, 'l, T> {
    Raw(&'a [u8]),
    Made(&'l [T]),
}

impl<'a, T: Element<'a>> Iterator for Iter<'a, '_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match &mut self.0 {
            Source::Raw(raw) => T::read(raw),
            Source::Made(elements) => next_made(elements),
        }
    }
}

impl<'a, T: Element<'a>> FusedIterator for Iter<'a, '_, T> {}

/// Apart, so that it takes no registers from the lists that a server sent.
#[cold]
#[inline(never)]
fn next_made<T: Clone>(elements: &mut &[T]) -> Option<T> {
    let (first, rest) = elements.split_first()?;
    *elements = rest;
    Some(first.clone())
}

/// An iterator that consumes a [`List`].
pub struct IntoIter<'a, T>(Owned<'a, T>);

enum Owned<'a, T> {
    Raw(&'a [u8]),
    Made(vec::IntoIter<T>),
}

impl<'a, T: Element<'a>> Iterator for IntoIter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match &mut self.0 {
            Owned::Raw(raw) => T::read(raw),
            Owned::Made(elements) => elements.next(),
        }
    }
}

impl<'a, T: Element<'a>> FusedIterator for IntoIter<'a, T> {}

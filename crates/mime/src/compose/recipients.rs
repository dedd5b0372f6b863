use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::SplitTerminator;

/// Addresses that a message is sent to, in one piece of memory.
///
/// ```
/// # use mailbearer_mime::{Address, DateTime, Message};
/// # let address = |text: &str| Address::new(text).unwrap();
/// # let message = Message::new(address("a@x.test")).to(address("b@x.test")).cc(address("c@x.test"));
/// let composed = message.build(DateTime::new(0, 0).unwrap(), [7; 16]).unwrap();
/// assert_eq!(composed.recipients, ["b@x.test", "c@x.test"]);
/// assert_eq!(composed.recipients.iter().count(), 2);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// Each with a line feed behind it, which no address holds.
    text: String,
}

impl Recipients {
    /// The addresses, without angle brackets.
    #[must_use]
    pub fn iter(&self) -> SplitTerminator<'_, char> {
        self.text.split_terminator('\n')
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<'r> IntoIterator for &'r Recipients {
    type Item = &'r str;
    type IntoIter = SplitTerminator<'r, char>;

    fn into_iter(self) -> SplitTerminator<'r, char> {
        self.iter()
    }
}

impl<T: AsRef<str>> PartialEq<[T]> for Recipients {
    fn eq(&self, other: &[T]) -> bool {
        self.iter().eq(other.iter().map(AsRef::as_ref))
    }
}

impl<T: AsRef<str>, const N: usize> PartialEq<[T; N]> for Recipients {
    fn eq(&self, other: &[T; N]) -> bool {
        self == other.as_slice()
    }
}

impl<T: AsRef<str>> PartialEq<Vec<T>> for Recipients {
    fn eq(&self, other: &Vec<T>) -> bool {
        self == other.as_slice()
    }
}

/// Recipients that are gathered, each once.
pub(super) struct Gathered<'m> {
    pub(super) all: Recipients,
    /// The same, if they are few.
    few: [&'m str; FEW],
    count: usize,
    /// The same, if they are so many that they are sorted sooner than compared.
    many: Option<BTreeSet<&'m str>>,
}

const FEW: usize = 16;

impl<'m> Gathered<'m> {
    /// Room for so many recipients of so many octets.
    pub(super) fn with_capacity(count: usize, octets: usize) -> Self {
        let many = (count > FEW).then(BTreeSet::new);
        Self { all: Recipients { text: String::with_capacity(octets) }, few: [""; FEW], count: 0, many }
    }

    pub(super) fn add(&mut self, address: &'m str) {
        if let Some(many) = &mut self.many {
            if !many.insert(address) {
                return;
            }
        } else {
            let known = self.few.get(..self.count).unwrap_or_default();
            if known.contains(&address) {
                return;
            }
            if let Some(place) = self.few.get_mut(self.count) {
                *place = address;
            }
            self.count = self.count.saturating_add(1);
        }
        self.all.text.push_str(address);
        self.all.text.push('\n');
    }
}

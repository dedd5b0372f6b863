use std::collections::HashSet;

/// Addresses in their order, each once. The case of a domain does not count.
#[derive(Clone, Debug, Default)]
pub struct Unique {
    addresses: Vec<String>,
    seen: HashSet<String>,
}

impl Unique {
    /// The addresses.
    #[must_use]
    pub fn into_addresses(self) -> Vec<String> {
        self.addresses
    }

    pub(super) fn add(&mut self, address: &str) {
        let key = match address.rsplit_once('@') {
            Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
            None => address.to_owned(),
        };
        if self.seen.insert(key) {
            self.addresses.push(address.to_owned());
        }
    }
}

impl Extend<String> for Unique {
    fn extend<I: IntoIterator<Item = String>>(&mut self, more: I) {
        more.into_iter().for_each(|address| self.add(&address));
    }
}

impl FromIterator<String> for Unique {
    fn from_iter<I: IntoIterator<Item = String>>(addresses: I) -> Self {
        let mut all = Self::default();
        all.extend(addresses);
        all
    }
}

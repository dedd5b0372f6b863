use core::fmt;

use zeroize::Zeroize;

/// A value that no log, error or debug output shows, and that is wiped from memory when dropped.
///
/// There is no `Display` and no comparison; [`expose`](Self::expose) is the one way in, so every use of a secret
/// can be found by searching for that word.
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize = alloc::string::String>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps `value`. Copies made of it before are not wiped.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;

    #[test]
    fn is_never_printed() {
        let secret = Secret::<String>::from("hunter2");
        assert_eq!(
            format!("{secret:?} {:?} {:#?}", Some(&secret), [&secret]),
            "[redacted] Some([redacted]) [\n    [redacted],\n]"
        );
        assert_eq!(secret.expose(), "hunter2");
    }
}

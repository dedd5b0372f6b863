use std::fmt;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{Output, PasswordHash as Parsed, PasswordHasher, SaltString},
};
use mailbearer::Secret;

/// The Argon2id hash of a password, in the PHC string format, `$argon2id$v=19$...`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// A text that is no hash of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is no more to it")]
pub struct InvalidHash;

impl fmt::Display for InvalidHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "is no hash of a password, as `mailbearer relay passwd NAME` makes it: $argon2id$v=19$...",
        )
    }
}

impl std::error::Error for InvalidHash {}

impl PasswordHash {
    /// Hashes a password, with `random` as salt.
    ///
    /// # Errors
    ///
    /// Fails if the password is longer than Argon2 takes.
    pub fn of(password: &Secret, random: [u8; 16]) -> Result<Self, InvalidHash> {
        let salt = SaltString::encode_b64(&random).map_err(|_| InvalidHash)?;
        let hash = Argon2::default().hash_password(password.expose().as_bytes(), &salt);
        hash.map(|hash| Self(hash.to_string())).map_err(|_| InvalidHash)
    }

    /// Parses a hash in the PHC string format.
    ///
    /// # Errors
    ///
    /// Fails for a text that is no Argon2id hash, and for a hash that needs more than 1 GiB or 100 passes to check.
    pub fn parse(text: &str) -> Result<Self, InvalidHash> {
        let parsed = Parsed::new(text).map_err(|_| InvalidHash)?;
        let number = |name| parsed.params.get_decimal(name).unwrap_or(0);
        let is_own =
            parsed.algorithm.as_str() == "argon2id" && parsed.hash.is_some() && parsed.salt.is_some();
        (is_own && number("m") <= 1 << 20 && number("t") <= 100)
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidHash)
    }

    /// Whether this is the hash of `password`. Takes some tens of milliseconds and 19 MiB of memory.
    #[must_use]
    pub fn is_of(&self, password: &Secret) -> bool {
        self.is_of_in(password, &mut Vec::new())
    }

    /// As [`is_of`](Self::is_of), in memory that can be used again: what one thread after the other allocates and frees
    /// stays with the allocator, once for each of them.
    pub(crate) fn is_of_in(&self, password: &Secret, memory: &mut Vec<Block>) -> bool {
        let Ok(hash) = Parsed::new(&self.0) else { return false };
        let (Some(salt), Some(want)) = (hash.salt, hash.hash) else { return false };
        let (Ok(params), Ok(version)) =
            (Params::try_from(&hash), hash.version.map_or(Ok(Version::default()), Version::try_from))
        else {
            return false;
        };
        let (mut octets, mut found) = ([0; 64], [0; Output::MAX_LENGTH]);
        let (Ok(salt), Some(found)) = (salt.decode_b64(&mut octets), found.get_mut(..want.len())) else {
            return false;
        };
        memory.resize(params.block_count().max(memory.len()), Block::new());
        Argon2::new(Algorithm::Argon2id, version, params)
            .hash_password_into_with_memory(password.expose().as_bytes(), salt, found, memory)
            // Compared in constant time.
            .is_ok_and(|()| Output::new(found).is_ok_and(|found| found == want))
    }

    /// The hash in the PHC string format.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_password_and_no_other() {
        let hash = PasswordHash::of(&"hunter2".into(), [7; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let kept = PasswordHash::parse(hash.as_str()).unwrap();
        assert!(kept.is_of(&"hunter2".into()) && !kept.is_of(&"hunter3".into()) && !kept.is_of(&"".into()));
        assert_ne!(hash, PasswordHash::of(&"hunter2".into(), [8; 16]).unwrap());
        assert_eq!(format!("{hash:?}"), "PasswordHash { .. }");
        let huge = hash.as_str().replace("m=19456", "m=4000000");
        for text in [
            "hunter2",
            "",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA",
            "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
            &huge,
        ] {
            assert_eq!(PasswordHash::parse(text), Err(InvalidHash), "{text}");
        }
    }
}

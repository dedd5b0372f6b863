use core::{fmt, str::FromStr};

/// A SASL mechanism that this crate speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// An access token in Google's and Microsoft's form.
    XOAuth2,
    /// An access token in the form of RFC 7628.
    OAuthBearer,
    /// User and password in one message, RFC 4616.
    Plain,
    /// User and password in two messages, each after a prompt; never made a standard.
    Login,
}

impl Mechanism {
    /// The name in capabilities and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// Whether it carries an access token, not a password.
    #[must_use]
    pub const fn is_bearer(self) -> bool {
        matches!(self, Self::XOAuth2 | Self::OAuthBearer)
    }

    /// Every mechanism, those first that [`Exchange::choose`](crate::Exchange::choose) prefers.
    pub const ALL: [Self; 4] = [Self::XOAuth2, Self::OAuthBearer, Self::Plain, Self::Login];
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mechanism {
    type Err = UnknownMechanism;

    fn from_str(name: &str) -> Result<Self, UnknownMechanism> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
            .ok_or(UnknownMechanism)
    }
}

/// A name of no [`Mechanism`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to say of a name that is not known")]
pub struct UnknownMechanism;

impl fmt::Display for UnknownMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SASL mechanism not known")
    }
}

impl core::error::Error for UnknownMechanism {}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        for mechanism in Mechanism::ALL {
            assert_eq!(mechanism.to_string().parse(), Ok(mechanism));
            assert_eq!(mechanism.name().to_ascii_lowercase().parse(), Ok(mechanism));
        }
        for name in ["", "XOAUTH", "XOAUTH2 ", "AUTH=PLAIN", "CRAM-MD5"] {
            assert_eq!(name.parse::<Mechanism>(), Err(UnknownMechanism), "{name:?}");
        }
        assert_eq!(UnknownMechanism.to_string(), "SASL mechanism not known");
    }
}

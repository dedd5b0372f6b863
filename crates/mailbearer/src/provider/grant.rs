use core::{fmt, str::FromStr};

use super::Provider;

/// The ways to get a token. They have these names in a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrantType {
    /// An application with rights of its own (RFC 6749 section 4.4).
    ClientCredentials,
    /// A person consented earlier (RFC 6749 section 6).
    RefreshToken,
    /// The name and password of a person (RFC 6749 section 4.3).
    Password,
    /// A person in a browser on this machine or another (RFC 6749 section 4.1, RFC 7636).
    AuthorizationCode,
    /// A person with a code, in a browser anywhere (RFC 8628).
    DeviceCode,
    /// A person in a browser. The token is in the address (RFC 6749 section 4.2).
    Implicit,
    /// The identity that Azure gives a machine.
    ManagedIdentity,
    /// A service account of Google Workspace that acts for a person.
    ServiceAccount,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ClientCredentials,
        Self::RefreshToken,
        Self::Password,
        Self::AuthorizationCode,
        Self::DeviceCode,
        Self::Implicit,
        Self::ManagedIdentity,
        Self::ServiceAccount,
    ];

    /// Returns the name in a configuration file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::Password => "password",
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::Implicit => "implicit",
            Self::ManagedIdentity => "managed_identity",
            Self::ServiceAccount => "service_account",
        }
    }

    /// Returns whether the application itself has the rights, rather than a person.
    #[must_use]
    pub const fn is_application(self) -> bool {
        matches!(self, Self::ClientCredentials | Self::ManagedIdentity)
    }

    /// Returns whether the first token needs a person.
    #[must_use]
    pub const fn needs_person(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode | Self::Implicit)
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for GrantType {
    type Err = UnknownGrantType;

    fn from_str(name: &str) -> Result<Self, UnknownGrantType> {
        Self::ALL.into_iter().find(|grant| grant.name() == name).ok_or(UnknownGrantType)
    }
}

/// The error for a name that no grant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownGrantType;

impl fmt::Display for UnknownGrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown grant")
    }
}

impl std::error::Error for UnknownGrantType {}

/// The provider does not have this grant for mail. Known before anything is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoGrant {
    /// The provider.
    pub provider: Provider,
    /// The grant.
    pub grant: GrantType,
    /// What to do instead.
    pub instead: &'static str,
}

impl fmt::Display for NoGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grant {
            grant if self.provider.grants().contains(&grant) => {
                write!(f, "{} gives no token for {grant} to this tenant", self.provider)
            }
            grant => write!(f, "{} has no {grant} for mail", self.provider),
        }
    }
}

impl std::error::Error for NoGrant {}

impl Provider {
    /// Checks that the provider has this grant for mail, and has it for the given tenant if it has tenants.
    ///
    /// # Errors
    ///
    /// Returns [`NoGrant`], which says what to do instead, for a grant that is not among [`grants`](Self::grants), and
    /// for a grant of an application or a password if the tenant is `common` or another name for several tenants.
    pub fn check(self, grant: GrantType, tenant: Option<&str>) -> Result<(), NoGrant> {
        let no = |instead| Err(NoGrant { provider: self, grant, instead });
        if !self.grants().contains(&grant) {
            return no(self.instead_of(grant));
        }
        // AADSTS9001023: these names stand for the tenants of others.
        let stands_for_several = |tenant: &str| {
            ["common", "organizations", "consumers"].contains(&tenant.to_ascii_lowercase().as_str())
        };
        match (grant, tenant) {
            (GrantType::ClientCredentials, Some(tenant)) if stands_for_several(tenant) => {
                no("set tenant to the directory's id or one of its domains")
            }
            (GrantType::Password, Some(tenant))
                if stands_for_several(tenant) && !tenant.eq_ignore_ascii_case("organizations") =>
            {
                no("set tenant to the directory's id, one of its domains, or organizations")
            }
            _ => Ok(()),
        }
    }

    const fn instead_of(self, grant: GrantType) -> &'static str {
        match (self, grant) {
            (Self::Google, GrantType::ClientCredentials | GrantType::ManagedIdentity) => {
                "a robot of Google Workspace is a service account: set grant = \"service_account\", service_account_key and \
                 subject; for a person set grant = \"authorization_code\""
            }
            (Self::Google, GrantType::DeviceCode) => {
                "set grant = \"authorization_code\": `mailbearer login --no-browser` works where there is no browser, by \
                 pasting the redirected address"
            }
            (_, GrantType::ServiceAccount) if self.grants_applications() => {
                "only Google has service accounts: set grant = \"client_credentials\""
            }
            (_, GrantType::ManagedIdentity | GrantType::ClientCredentials | GrantType::ServiceAccount) => {
                "a person's consent is what counts there: set grant = \"authorization_code\" and run `mailbearer login`, or \
                 grant = \"refresh_token\" and refresh_token"
            }
            (_, GrantType::Password) => {
                "set grant = \"authorization_code\"; a password that the provider makes for one application alone is set as \
                 password of the account, without the table oauth"
            }
            (_, GrantType::DeviceCode | GrantType::Implicit) => {
                "set grant = \"authorization_code\" and run `mailbearer login`; with --no-browser a person logs in elsewhere \
                 and pastes the redirected address"
            }
            _ => "set grant = \"authorization_code\" and run `mailbearer login`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_grants() {
        for grant in GrantType::ALL {
            assert_eq!(grant.name().parse(), Ok(grant));
        }
        assert_eq!("magic".parse::<GrantType>(), Err(UnknownGrantType));
    }

    #[test]
    fn what_a_provider_does_not_have_has_an_instead() {
        let rows = [
            (Provider::Google, GrantType::ClientCredentials, None, Some("service_account")),
            (Provider::Google, GrantType::DeviceCode, None, Some("--no-browser")),
            (Provider::Google, GrantType::ServiceAccount, None, None),
            (Provider::Google, GrantType::Password, None, Some("authorization_code")),
            (Provider::OutlookCom, GrantType::ClientCredentials, None, Some("person's consent")),
            (Provider::OutlookCom, GrantType::Password, None, Some("authorization_code")),
            (Provider::OutlookCom, GrantType::DeviceCode, None, None),
            (Provider::Yahoo, GrantType::DeviceCode, None, Some("authorization_code")),
            (Provider::Microsoft365, GrantType::ServiceAccount, None, Some("client_credentials")),
            (Provider::Microsoft365, GrantType::ClientCredentials, Some("contoso.com"), None),
            (Provider::Microsoft365, GrantType::ClientCredentials, Some("Common"), Some("directory's id")),
            (
                Provider::Microsoft365,
                GrantType::ClientCredentials,
                Some("organizations"),
                Some("directory's id"),
            ),
            (Provider::Microsoft365, GrantType::Password, Some("organizations"), None),
            (Provider::Microsoft365, GrantType::Password, Some("common"), Some("organizations")),
            (Provider::Microsoft365, GrantType::AuthorizationCode, Some("common"), None),
            (Provider::Microsoft365, GrantType::ManagedIdentity, None, None),
        ];
        for (provider, grant, tenant, want) in rows {
            match (provider.check(grant, tenant), want) {
                (Ok(()), None) => {}
                (Err(error), Some(want)) => {
                    assert!(error.instead.contains(want), "{error}: {}", error.instead);
                    assert!(error.to_string().contains(grant.name()), "{error}");
                }
                (found, want) => panic!("{provider} {grant} {tenant:?}: {found:?}, {want:?}"),
            }
        }
        // The grant that is named instead exists.
        for provider in Provider::ALL {
            for grant in GrantType::ALL {
                let Err(error) = provider.check(grant, None) else { continue };
                let named = GrantType::ALL
                    .into_iter()
                    .filter(|other| error.instead.contains(&format!("grant = \"{other}\"")));
                let named: Vec<_> = named.collect();
                assert!(!named.is_empty(), "{error}");
                for other in named {
                    assert!(provider.grants().contains(&other), "{error}: {other}");
                }
            }
        }
    }
}

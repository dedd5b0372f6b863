use mailbearer_imap::{Atom, Capability, Command, Data, Text};
use mailbearer_net::Runtime;

use super::{Authenticated, server::text};
use crate::Error;

/// A quota root: mailboxes that share limits (RFC 9208).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// Its name, which may be empty.
    pub root: String,
    /// The resources that have limits.
    pub resources: Vec<QuotaResource>,
}

/// A limited resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuotaResource {
    /// `STORAGE` (in units of 1024 octets), `MESSAGE`, …
    pub name: String,
    /// How much is used.
    pub usage: u64,
    /// How much may be used.
    pub limit: u64,
}

/// Quotas (RFC 9208). Without QUOTA on the server, these fail as [unsupported](Error::is_unsupported).
impl<R: Runtime> Authenticated<R> {
    /// Returns the quotas that a mailbox is subject to.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses.
    pub fn quotas_of<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Vec<Quota>, Error>> {
        R::task(async move { self.quotas(&Command::GetQuotaRoot(super::mailbox_name(mailbox)?)).await })
    }

    /// Returns the quota of a root.
    ///
    /// # Errors
    ///
    /// Fails if there is no such root, and if the user may not know.
    pub fn quota<'a>(&'a mut self, root: &'a str) -> R::Task<'a, Result<Vec<Quota>, Error>> {
        R::task(async move { self.quotas(&Command::GetQuota(Text::from(root))).await })
    }

    /// Sets the limits of a root, by name of the resource. Returns the limits that the root has then.
    ///
    /// # Errors
    ///
    /// Fails for a malformed name of a resource, and if the user may not change limits.
    pub fn set_quota<'a>(
        &'a mut self,
        root: &'a str,
        limits: &'a [(&'a str, u64)],
    ) -> R::Task<'a, Result<Vec<Quota>, Error>> {
        R::task(async move {
            let limits = limits.iter().map(|(name, limit)| Ok((Atom::new(name)?, *limit)));
            let limits = limits.collect::<Result<Vec<_>, Error>>()?;
            self.quotas(&Command::SetQuota { root: Text::from(root), limits }).await
        })
    }

    async fn quotas(&mut self, command: &Command<'_>) -> Result<Vec<Quota>, Error> {
        self.needs(&Capability::Quota, "QUOTA").await?;
        let mut quotas = Vec::new();
        self.run(command, &mut |data| {
            let Data::Quota { root, resources } = data else { return Ok(false) };
            let resources = resources.iter().map(|resource| QuotaResource {
                name: text(&resource.name),
                usage: resource.usage,
                limit: resource.limit,
            });
            quotas.push(Quota { root: text(&root), resources: resources.collect() });
            Ok(true)
        })
        .await?;
        Ok(quotas)
    }
}

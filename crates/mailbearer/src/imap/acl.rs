use mailbearer_imap::{Capability, Command, Data, Text};
use mailbearer_net::Runtime;

use super::{Authenticated, server::text};
use crate::Error;

/// The rights that someone can be given on a mailbox (RFC 4314 section 3.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedRights {
    /// Rights that are always granted.
    pub always: String,
    /// Rights that can be granted. The letters of one text only go together.
    pub optional: Vec<String>,
}

/// Rights on mailboxes (RFC 4314), a letter each. Without ACL on the server, these fail as
/// [unsupported](Error::is_unsupported).
impl<R: Runtime> Authenticated<R> {
    /// Returns who has which rights on a mailbox.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the user may not know.
    pub fn acl<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Vec<(String, String)>, Error>> {
        R::task(async move {
            self.needs(&Capability::Acl, "ACL").await?;
            let mut entries = Vec::new();
            self.run(&Command::GetAcl(super::mailbox_name(mailbox)?), &mut |data| {
                let Data::Acl { rights, .. } = data else { return Ok(false) };
                entries.extend(rights.iter().map(|(who, rights)| (text(who), text(rights))));
                Ok(true)
            })
            .await?;
            Ok(entries)
        })
    }

    /// Returns the user's own rights on a mailbox.
    ///
    /// # Errors
    ///
    /// Fails as [`acl`](Self::acl) does.
    pub fn my_rights<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<String, Error>> {
        R::task(async move {
            self.needs(&Capability::Acl, "ACL").await?;
            let mut own = String::new();
            self.run(&Command::MyRights(super::mailbox_name(mailbox)?), &mut |data| {
                let Data::MyRights { rights, .. } = data else { return Ok(false) };
                own = text(&rights);
                Ok(true)
            })
            .await?;
            Ok(own)
        })
    }

    /// Returns the rights that `who` can be given on a mailbox.
    ///
    /// # Errors
    ///
    /// Fails as [`acl`](Self::acl) does.
    pub fn list_rights<'a>(
        &'a mut self,
        mailbox: &'a str,
        who: &'a str,
    ) -> R::Task<'a, Result<ListedRights, Error>> {
        R::task(async move {
            self.needs(&Capability::Acl, "ACL").await?;
            let command =
                Command::ListRights { mailbox: super::mailbox_name(mailbox)?, identifier: Text::from(who) };
            let mut listed = ListedRights::default();
            self.run(&command, &mut |data| {
                let Data::ListRights { rights, .. } = data else { return Ok(false) };
                let mut rights = rights.iter().map(text);
                listed =
                    ListedRights { always: rights.next().unwrap_or_default(), optional: rights.collect() };
                Ok(true)
            })
            .await?;
            Ok(listed)
        })
    }

    /// Gives `who` these rights on a mailbox instead of the present ones. With `+` or `-` in front, adds or removes
    /// them.
    ///
    /// # Errors
    ///
    /// Fails as [`acl`](Self::acl) does, and if the user may not change rights.
    pub fn set_acl<'a>(
        &'a mut self,
        mailbox: &'a str,
        who: &'a str,
        rights: &'a str,
    ) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            self.needs(&Capability::Acl, "ACL").await?;
            let mailbox = super::mailbox_name(mailbox)?;
            let (identifier, rights) = (Text::from(who), Text::from(rights));
            self.just_run(&Command::SetAcl { mailbox, identifier, rights }).await
        })
    }

    /// Removes all rights that `who` was given on a mailbox.
    ///
    /// # Errors
    ///
    /// Fails as [`set_acl`](Self::set_acl) does.
    pub fn delete_acl<'a>(&'a mut self, mailbox: &'a str, who: &'a str) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            self.needs(&Capability::Acl, "ACL").await?;
            let mailbox = super::mailbox_name(mailbox)?;
            self.just_run(&Command::DeleteAcl { mailbox, identifier: Text::from(who) }).await
        })
    }
}

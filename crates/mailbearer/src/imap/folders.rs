use mailbearer_imap::{Capability, Command, Data, Flag, ListReturn, ListSelection, Listed, Mailbox};
use mailbearer_net::Runtime;

use super::{Authenticated, Counts, counts::count, mailbox_name};
use crate::Error;

/// A mailbox of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folder {
    /// Its name, decoded. All operations take this name.
    pub name: String,
    /// Its name as it goes over the wire.
    pub mailbox: Mailbox<'static>,
    /// The character that separates the levels of the name. `None` if there are no levels.
    pub delimiter: Option<char>,
    /// Its attributes, such as `\HasNoChildren`.
    pub attributes: Vec<Flag<'static>>,
    /// What it is for, if the server says so.
    pub role: Option<Role>,
    /// What is in it, if that was asked for and the server said so.
    pub counts: Option<Counts>,
}

/// What a mailbox is for (RFC 6154, RFC 8457).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Where mail arrives.
    Inbox,
    /// All messages.
    All,
    /// Messages to keep.
    Archive,
    /// Messages that are being written.
    Drafts,
    /// All flagged messages.
    Flagged,
    /// All messages that the server considers important.
    Important,
    /// Unwanted messages.
    Junk,
    /// Sent messages.
    Sent,
    /// Deleted messages.
    Trash,
}

impl<R: Runtime> Authenticated<R> {
    /// Lists the mailboxes whose names match `pattern`, with their roles if the server knows any. `*` stands for
    /// anything, `%` for anything within a level.
    ///
    /// # Errors
    ///
    /// Fails for a pattern with a line end, for an answer that is [too large](Self::limit_answers), and if the session
    /// ends.
    pub fn folders<'a>(&'a mut self, pattern: &'a str) -> R::Task<'a, Result<Vec<Folder>, Error>> {
        R::task(async move {
            let extended = self.offers(&Capability::ListExtended).await?;
            let returns = if extended { self.list_returns() } else { Vec::new() };
            self.list_by(pattern, Vec::new(), returns).await
        })
    }

    /// Does the same as [`folders`](Self::folders), and asks what is in each: in the same flight if the server has
    /// LIST-STATUS (RFC 5819), else with a command for each, several at a time.
    ///
    /// # Errors
    ///
    /// Fails as [`folders`](Self::folders) does.
    pub fn folders_with_counts<'a>(
        &'a mut self,
        pattern: &'a str,
    ) -> R::Task<'a, Result<Vec<Folder>, Error>> {
        R::task(async move {
            if self.offers(&Capability::ListStatus).await? {
                let mut returns = self.list_returns();
                returns.push(ListReturn::Status(self.status_attributes()));
                return self.list_by(pattern, Vec::new(), returns).await;
            }
            let extended = self.offers(&Capability::ListExtended).await?;
            let returns = if extended { self.list_returns() } else { Vec::new() };
            let mut folders = self.list_by(pattern, Vec::new(), returns).await?;
            self.count_each(&mut folders).await?;
            Ok(folders)
        })
    }

    /// Lists the mailboxes that the user subscribed to and whose names match. They need not exist.
    ///
    /// # Errors
    ///
    /// Fails as [`folders`](Self::folders) does.
    pub fn subscriptions<'a>(&'a mut self, pattern: &'a str) -> R::Task<'a, Result<Vec<Folder>, Error>> {
        R::task(async move {
            if self.offers(&Capability::ListExtended).await? {
                let returns = self.list_returns();
                return self.list_by(pattern, vec![ListSelection::Subscribed], returns).await;
            }
            let lsub = Command::Lsub { reference: mailbox_name("")?, pattern: mailbox_name(pattern)? };
            let mut folders = Vec::new();
            self.run(&lsub, &mut |data| {
                let Data::Lsub(listed) = data else { return Ok(false) };
                folders.push(Folder::of(listed));
                Ok(true)
            })
            .await?;
            Ok(folders)
        })
    }

    /// Creates a mailbox.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses, for example because it exists.
    pub fn create<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            let mailbox = super::mailbox_name(mailbox)?;
            self.just_run(&Command::Create { mailbox, special_uses: Vec::new() }).await
        })
    }

    /// Creates a mailbox with a role.
    ///
    /// # Errors
    ///
    /// Fails as [`create`](Self::create) does, and as [unsupported](Error::is_unsupported) without CREATE-SPECIAL-USE
    /// (RFC 6154).
    pub fn create_for<'a>(&'a mut self, mailbox: &'a str, role: Role) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            self.needs(&Capability::CreateSpecialUse, "CREATE-SPECIAL-USE").await?;
            let special_uses = vec![Flag::new(role.attribute())?];
            self.just_run(&Command::Create { mailbox: super::mailbox_name(mailbox)?, special_uses }).await
        })
    }

    /// Deletes a mailbox and all messages in it.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses.
    pub fn delete<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.just_run(&Command::Delete(super::mailbox_name(mailbox)?)).await })
    }

    /// Renames a mailbox. The inbox stays, and its messages move to a new mailbox of that name.
    ///
    /// # Errors
    ///
    /// Fails as [`delete`](Self::delete) does.
    pub fn rename<'a>(&'a mut self, from: &'a str, to: &'a str) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            self.just_run(&Command::Rename { from: mailbox_name(from)?, to: mailbox_name(to)? }).await
        })
    }

    /// Adds a name to the [`subscriptions`](Self::subscriptions).
    ///
    /// # Errors
    ///
    /// Fails as [`delete`](Self::delete) does.
    pub fn subscribe<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.just_run(&Command::Subscribe(super::mailbox_name(mailbox)?)).await })
    }

    /// Removes a name from the [`subscriptions`](Self::subscriptions).
    ///
    /// # Errors
    ///
    /// Fails as [`delete`](Self::delete) does.
    pub fn unsubscribe<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.just_run(&Command::Unsubscribe(super::mailbox_name(mailbox)?)).await })
    }

    pub(super) async fn list_by(
        &mut self,
        pattern: &str,
        selection: Vec<ListSelection>,
        returns: Vec<ListReturn>,
    ) -> Result<Vec<Folder>, Error> {
        let (reference, patterns) = (mailbox_name("")?, vec![mailbox_name(pattern)?]);
        let mut folders: Vec<Folder> = Vec::new();
        let mut at = 0;
        let list = Command::List { selection, reference, patterns, returns };
        self.run(&list, &mut |data| {
            match data {
                Data::List(listed) => folders.push(Folder::of(listed)),
                Data::MailboxStatus { mailbox, items } => count(&mut folders, &mut at, &mailbox, &items),
                _ => return Ok(false),
            }
            Ok(true)
        })
        .await?;
        Ok(folders)
    }

    /// Returns what a LIST can return besides, as far as the server supports it.
    pub(super) fn list_returns(&self) -> Vec<ListReturn> {
        let capabilities = self.session.capabilities();
        let mut returns = vec![ListReturn::Subscribed, ListReturn::Children];
        if capabilities.has(&Capability::SpecialUse) {
            returns.push(ListReturn::SpecialUse);
        }
        returns
    }
}

impl Folder {
    /// Returns whether it can be opened. Some mailboxes are only levels of names.
    #[must_use]
    pub fn is_selectable(&self) -> bool {
        !self.has("Noselect") && !self.has("NonExistent")
    }

    /// Returns whether the user subscribed to it, if the server says so in a listing (LIST-EXTENDED).
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.has("Subscribed")
    }

    /// Returns whether it has this attribute, written without its backslash.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|own| own.is(attribute))
    }

    fn of(listed: Listed<'_>) -> Self {
        let attributes: Vec<Flag<'static>> = listed.attributes.iter().map(Flag::into_owned).collect();
        let mailbox = listed.mailbox.into_owned();
        let role = if mailbox.is_inbox() {
            Some(Role::Inbox)
        } else {
            attributes
                .iter()
                .find_map(|own| Role::NAMES.iter().find(|(name, _)| own.is(name)))
                .map(|(_, role)| *role)
        };
        Self {
            name: mailbox.to_text().into_owned(),
            mailbox,
            delimiter: listed.delimiter.map(char::from),
            attributes,
            role,
            counts: None,
        }
    }
}

impl Role {
    /// Attributes, and what some servers called them before there was a standard.
    const NAMES: [(&'static str, Self); 12] = [
        ("All", Self::All),
        ("Archive", Self::Archive),
        ("Drafts", Self::Drafts),
        ("Flagged", Self::Flagged),
        ("Important", Self::Important),
        ("Junk", Self::Junk),
        ("Sent", Self::Sent),
        ("Trash", Self::Trash),
        ("Inbox", Self::Inbox),
        ("AllMail", Self::All),
        ("Spam", Self::Junk),
        ("Starred", Self::Flagged),
    ];

    /// Returns the attribute for the role.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Inbox => "\\Inbox",
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Important => "\\Important",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }
}

use mailbearer_imap::{Capability, Command, Data, MetadataDepth, Text};
use mailbearer_net::Runtime;

use super::{Authenticated, server::text};
use crate::Error;

/// A note on a mailbox, or on the server (RFC 5464).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name, such as `/private/comment`.
    pub name: String,
    /// Its value; `None` if there is none.
    pub value: Option<Vec<u8>>,
}

/// Which notes to read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MetadataQuery<'a> {
    /// Their names.
    pub entries: &'a [&'a str],
    /// How many levels below those names to read.
    pub depth: MetadataDepth,
    /// The longest values to return, in octets. `None` for all.
    pub max_size: Option<u64>,
}

impl<'a> MetadataQuery<'a> {
    /// Asks for these entries and none below them, whatever their size.
    #[must_use]
    pub const fn of(entries: &'a [&'a str]) -> Self {
        Self { entries, depth: MetadataDepth::Zero, max_size: None }
    }

    /// Asks for entries below those, too.
    #[must_use]
    pub const fn depth(self, depth: MetadataDepth) -> Self {
        Self { depth, ..self }
    }

    /// Leaves out values of more than this many octets.
    #[must_use]
    pub const fn max_size(self, octets: u64) -> Self {
        Self { max_size: Some(octets), ..self }
    }
}

/// Notes on mailboxes and on the server (RFC 5464). An empty mailbox name stands for the server. Without METADATA, or
/// METADATA-SERVER for notes on the server, these fail as [unsupported](Error::is_unsupported).
impl<R: Runtime> Authenticated<R> {
    /// Reads notes.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, for a malformed name of an entry, and if the server refuses.
    pub fn metadata<'a>(
        &'a mut self,
        mailbox: &'a str,
        query: MetadataQuery<'a>,
    ) -> R::Task<'a, Result<Vec<Entry>, Error>> {
        R::task(async move {
            self.needs_metadata(mailbox).await?;
            let command = Command::GetMetadata {
                mailbox: super::mailbox_name(mailbox)?,
                max_size: query.max_size,
                depth: (query.depth != MetadataDepth::Zero).then_some(query.depth),
                entries: query.entries.iter().map(|name| Text::from(*name)).collect(),
            };
            let mut found = Vec::new();
            self.run(&command, &mut |data| {
                let Data::Metadata { entries, .. } = data else { return Ok(false) };
                found.extend(entries.into_iter().map(|(name, value)| Entry {
                    name: text(&name),
                    value: value.map(|value| value.into_cow().into_owned()),
                }));
                Ok(true)
            })
            .await?;
            Ok(found)
        })
    }

    /// Writes a note. `None` removes it.
    ///
    /// # Errors
    ///
    /// Fails as [`metadata`](Self::metadata) does, and if the user may not write.
    pub fn set_metadata<'a>(
        &'a mut self,
        mailbox: &'a str,
        entry: &'a str,
        value: Option<&'a [u8]>,
    ) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            self.needs_metadata(mailbox).await?;
            let entries = vec![(Text::from(entry), value.map(Text::from))];
            self.just_run(&Command::SetMetadata { mailbox: super::mailbox_name(mailbox)?, entries }).await
        })
    }

    async fn needs_metadata(&mut self, mailbox: &str) -> Result<(), Error> {
        let whole = self.offers(&Capability::Metadata).await?;
        match mailbox {
            _ if whole => Ok(()),
            "" => self.needs(&Capability::MetadataServer, "METADATA-SERVER").await,
            _ => Err(Error::unsupported("METADATA")),
        }
    }
}

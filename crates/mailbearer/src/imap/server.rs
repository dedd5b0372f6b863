use mailbearer_imap::{
    Capabilities, Capability, Command, Data, Namespace, NotifyEvent, NotifyMailboxes, Param, Text,
};
use mailbearer_net::Runtime;

use super::Authenticated;
use crate::Error;

/// The places where mailboxes can be (RFC 2342).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Space>,
    /// Other users'.
    pub other: Vec<Space>,
    /// Those that belong to nobody.
    pub shared: Vec<Space>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// What the names of its mailboxes start with.
    pub prefix: String,
    /// The character that separates the levels of a name. `None` if there are no levels.
    pub delimiter: Option<char>,
}

/// Operations on the server, or on no message in particular.
impl<R: Runtime> Authenticated<R> {
    /// Returns what the server can do, as it last said. Asks if it has not said so since the login.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn capabilities(&mut self) -> R::Task<'_, Result<Capabilities, Error>> {
        R::task(async move {
            // It may be any capability: the session remembers the whole answer.
            self.offers(&Capability::Idle).await?;
            Ok(self.session.capabilities().clone())
        })
    }

    /// Enables extensions (RFC 5161). Returns those that are newly enabled.
    ///
    /// # Errors
    ///
    /// Fails as [unsupported](Error::is_unsupported) without ENABLE. Fails for `UTF8=ACCEPT`, `IMAP4rev2` and
    /// `UIDONLY`, which would change how names and numbers are written in this session.
    pub fn enable<'a>(
        &'a mut self,
        capabilities: &'a [Capability<'a>],
    ) -> R::Task<'a, Result<Capabilities, Error>> {
        R::task(self.switch_on(capabilities))
    }

    /// Sends NOOP, to give the server a chance to report what changed; see
    /// [`Examined::changes`](super::Examined::changes).
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn noop(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move { self.just_run(&Command::Noop).await })
    }

    /// Sends what this program is, as names and values. Returns what the server says of itself (RFC 2971).
    ///
    /// # Errors
    ///
    /// Fails as [unsupported](Error::is_unsupported) without ID, for a text with NUL, and if the server refuses.
    pub fn id<'a>(
        &'a mut self,
        own: &'a [(&'a str, &'a str)],
    ) -> R::Task<'a, Result<Vec<(String, Option<String>)>, Error>> {
        R::task(async move {
            self.needs(&Capability::Id, "ID").await?;
            let param = |(name, value): &(&'a str, &'a str)| Param {
                name: Text::from(*name),
                value: Some(Text::from(*value)),
            };
            let mut its = Vec::new();
            self.run(&Command::Id(own.iter().map(param).collect()), &mut |data| {
                let Data::Id(params) = data else { return Ok(false) };
                its.extend(params.iter().map(|param| (text(&param.name), param.value.as_ref().map(text))));
                Ok(true)
            })
            .await?;
            Ok(its)
        })
    }

    /// Returns the places where mailboxes can be.
    ///
    /// # Errors
    ///
    /// Fails as [unsupported](Error::is_unsupported) without NAMESPACE (RFC 2342).
    pub fn namespaces(&mut self) -> R::Task<'_, Result<Namespaces, Error>> {
        R::task(async move {
            if !self.offers(&Capability::Imap4Rev2).await? {
                self.needs(&Capability::Namespace, "NAMESPACE").await?;
            }
            let mut namespaces = Namespaces::default();
            self.run(&Command::Namespace, &mut |data| {
                let Data::Namespace { personal, other, shared } = data else { return Ok(false) };
                let [personal, other, shared] = [personal, other, shared].map(spaces);
                namespaces = Namespaces { personal, other, shared };
                Ok(true)
            })
            .await?;
            Ok(namespaces)
        })
    }

    /// Asks the server to report events in these mailboxes from now on, also in those that are not open (RFC 5465). No
    /// groups ends that.
    ///
    /// Reports come with the answers to any command, and to [`next_event`](Self::next_event) as they happen.
    ///
    /// # Errors
    ///
    /// Fails as [unsupported](Error::is_unsupported) without NOTIFY, and if the server refuses, as it must for some
    /// combinations of events.
    pub fn notify<'a>(
        &'a mut self,
        groups: Vec<(NotifyMailboxes<'a>, Vec<NotifyEvent<'a>>)>,
    ) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            self.needs(&Capability::Notify, "NOTIFY").await?;
            self.just_run(&Command::Notify { status: false, groups }).await
        })
    }

    /// Limits how many octets of an answer are held in memory. Default 16 MiB.
    ///
    /// The limit applies to each operation that returns all its results at once.
    pub const fn limit_answers(&mut self, octets: usize) {
        self.answer_limit = octets;
    }

    pub(crate) async fn switch_on(&mut self, wanted: &[Capability<'_>]) -> Result<Capabilities, Error> {
        let unfit =
            [Capability::Utf8Accept, Capability::Utf8Only, Capability::Imap4Rev2, Capability::UidOnly];
        if let Some(unfit) = wanted.iter().find(|wanted| unfit.contains(wanted)) {
            return Err(Error::settings(format!("{unfit} can't be switched on here")));
        }
        if !self.offers(&Capability::Imap4Rev2).await? {
            self.needs(&Capability::Enable, "ENABLE").await?;
        }
        let mut enabled = Vec::new();
        let wanted = wanted.iter().map(|wanted| wanted.clone().into_owned()).collect();
        self.run(&Command::Enable(wanted), &mut |data| {
            let Data::Enabled(list) = data else { return Ok(false) };
            enabled.extend(list.iter().map(Capability::into_owned));
            Ok(true)
        })
        .await?;
        Ok(Capabilities::of(enabled, usize::MAX))
    }
}

fn spaces(namespaces: Vec<Namespace<'_>>) -> Vec<Space> {
    let space = |space: Namespace<'_>| Space {
        prefix: space.prefix.to_text().into_owned(),
        delimiter: space.delimiter.map(char::from),
    };
    namespaces.into_iter().map(space).collect()
}

pub(super) fn text(text: &Text<'_>) -> String {
    text.to_text().into_owned()
}

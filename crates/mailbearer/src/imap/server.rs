use mailbearer_imap::{
    Capabilities, Capability, Command, Data, Namespace, NotifyEvent, NotifyMailboxes, Param, Text,
};
use mailbearer_net::Runtime;

use super::Authenticated;
use crate::Error;

/// Where mailboxes can be (RFC 2342).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Space>,
    /// Other users'.
    pub other: Vec<Space>,
    /// Those that are nobody's.
    pub shared: Vec<Space>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// What names of its mailboxes start with.
    pub prefix: String,
    /// What separates the levels of a name; `None` where there are none.
    pub delimiter: Option<char>,
}

/// What is about the server, or about no message in particular.
impl<R: Runtime> Authenticated<R> {
    /// What the server can do, as it said last; asks if it has not said so since the login.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn capabilities(&mut self) -> R::Task<'_, Result<Capabilities, Error>> {
        R::task(async move {
            // Any of them: the answer is remembered by the session.
            self.offers(&Capability::Idle).await?;
            Ok(self.session.capabilities().clone())
        })
    }

    /// Switches extensions on (RFC 5161); returns those that are on now and were not before.
    ///
    /// # Errors
    ///
    /// [`unsupported`](Error::is_unsupported) on a server without ENABLE. Fails for what would change how names and
    /// numbers are written under this session: `UTF8=ACCEPT`, `IMAP4rev2`, `UIDONLY`.
    pub fn enable<'a>(
        &'a mut self,
        capabilities: &'a [Capability<'a>],
    ) -> R::Task<'a, Result<Capabilities, Error>> {
        R::task(self.switch_on(capabilities))
    }

    /// Does nothing, so that the server tells what changed; see [`Examined::changes`](super::Examined::changes).
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn noop(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move { self.just_run(&Command::Noop).await })
    }

    /// Tells the server what this program is, names and values, and returns what it says of itself (RFC 2971).
    ///
    /// # Errors
    ///
    /// [`unsupported`](Error::is_unsupported) without ID; fails too for a text with NUL, and if the server refuses.
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

    /// Where mailboxes can be.
    ///
    /// # Errors
    ///
    /// [`unsupported`](Error::is_unsupported) without NAMESPACE (RFC 2342).
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

    /// Asks for news of these mailboxes from now on, also of those that are not open (RFC 5465); no group ends it.
    ///
    /// They come with the answers to any command, and to [`next_event`](Self::next_event) as they happen.
    ///
    /// # Errors
    ///
    /// [`unsupported`](Error::is_unsupported) without NOTIFY; fails too if the server refuses, as it must for some
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

    /// How many octets of an answer are held, at most. Default 16 MiB.
    ///
    /// It holds for each operation that returns all it found at once.
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

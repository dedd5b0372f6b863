use std::time::{Duration, Instant};

use mailbearer_imap::{Capability, Command, Data, FetchItem, Item, Section, SectionOf, SequenceSet, Text};
use mailbearer_net::Runtime;

use super::{Imap, Role, run::Take};
use crate::{Client, Error};

/// Where a message is that may have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrived {
    /// The folder.
    pub mailbox: String,
    /// Its UID there.
    pub uid: u32,
    /// Its Message-ID there. Not the one that it was sent with if the provider replaces it.
    pub message_id: String,
}

impl<R: Runtime> Client<R> {
    /// Finds out whether a message arrived if sending it ended [without a verdict](Error::outcome_unknown): logs in by
    /// IMAP, looks as [`Imap::arrived`] does, and logs out.
    ///
    /// # Errors
    ///
    /// Fails as [`connect_imap`](Self::connect_imap) and [`Imap::arrived`] do.
    pub fn arrived<'a>(
        &'a self,
        message_id: &'a str,
        patience: Duration,
    ) -> R::Task<'a, Result<Option<Arrived>, Error>> {
        R::task(async move {
            let (mut imap, _) = self.open_imap().await?;
            let found = imap.look_for(message_id, patience).await;
            // The goodbye changes nothing about the result.
            let _ = imap.say_goodbye().await;
            found
        })
    }
}

impl<R: Runtime> Imap<R> {
    /// Looks for a message among the newest 200 sent messages, again and again until `patience` is over: some providers
    /// put the copy there only after delivery.
    ///
    /// Servers do not search headers reliably, so the client compares them: `Message-ID`, and
    /// `X-Microsoft-Original-Message-ID`, in which Microsoft keeps the one that it replaces. The folder is the one with
    /// the role [`Role::Sent`], or with a usual name. `None` means that the message was not found, not that it did not
    /// arrive: some providers keep no copies. Nothing is sent.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses to open the folder or to list its messages, and if the session ends.
    ///
    /// Fails if the server refuses to open the folder or to tell of its messages, and if the session ends.
    pub fn arrived<'a>(
        &'a mut self,
        message_id: &'a str,
        patience: Duration,
    ) -> R::Task<'a, Result<Option<Arrived>, Error>> {
        R::task(self.look_for(message_id, patience))
    }

    async fn look_for(&mut self, message_id: &str, patience: Duration) -> Result<Option<Arrived>, Error> {
        let wanted = bare(message_id);
        let Some(mailbox) = self.sent_folder().await?.filter(|_| !wanted.is_empty()) else { return Ok(None) };
        let until = R::now().checked_add(patience);
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some((uid, message_id)) = self.look_once(&mailbox, wanted).await? {
                return Ok(Some(Arrived { mailbox, uid, message_id }));
            }
            let now = R::now();
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            if left.is_zero() {
                return Ok(None);
            }
            R::sleep(later(now, pause.min(left))).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    async fn look_once(&mut self, mailbox: &str, wanted: &str) -> Result<Option<(u32, String)>, Error> {
        let examine = Command::Examine(self.plain(mailbox)?);
        let opened = self.open_mailbox(mailbox, examine, &mut |_| Ok(false)).await?;
        if opened.exists == 0 {
            return Ok(None);
        }
        let first = opened.exists.saturating_sub(NEWEST).saturating_add(1);
        let fields = NAMES.iter().map(|name| Text::from(name.as_bytes())).collect();
        let section = Section { of: SectionOf::Fields(fields), ..Section::default() };
        let items = vec![FetchItem::Uid, FetchItem::Section { section, partial: None, peek: true }];
        let set = SequenceSet::from_on(first);
        let fetch = Command::Fetch { uid: false, set, items, changed_since: None, vanished: false };
        let mut found = None;
        let take: &mut Take<'_> = &mut |data| {
            let (Data::Fetch(fetch) | Data::UidFetch(fetch)) = data else { return Ok(false) };
            let header = fetch.items.iter().find_map(|item| match item {
                Item::Body { data: Some(data), .. } => Some(data),
                _ => None,
            });
            let (Some(uid), Some(header)) = (fetch.uid(), header) else { return Ok(false) };
            let ids = ids(header);
            if ids.iter().flatten().any(|id| bare(id) == wanted) {
                let [own, original] = ids;
                found = Some((uid, own.or(original).unwrap_or_default()));
            }
            Ok(true)
        };
        self.run_on(&fetch, NEWEST.into(), take).await?;
        Ok(found)
    }

    /// Returns the folder of sent messages. `None` if none is recognizable.
    async fn sent_folder(&mut self) -> Result<Option<String>, Error> {
        let extended = self.offers(&Capability::ListExtended).await?;
        let returns = if extended { self.list_returns() } else { Vec::new() };
        let folders = self.list_by("*", Vec::new(), returns).await?;
        let by_role = folders.iter().find(|folder| folder.role == Some(Role::Sent));
        let by_name = || folders.iter().find(|folder| is_usual(&folder.name));
        Ok(by_role.or_else(by_name).filter(|folder| folder.is_selectable()).map(|folder| folder.name.clone()))
    }
}

/// Returns the Message-ID, and Microsoft's original one, from a header of no other fields.
fn ids(header: &[u8]) -> [Option<String>; 2] {
    let text = String::from_utf8_lossy(header).replace("\r\n", "\n");
    // A long id is folded onto a line of its own.
    let text = text.replace("\n ", " ").replace("\n\t", " ");
    NAMES.map(|wanted| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim_end().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    })
}

/// Removes the angle brackets of an id, if it has any.
fn bare(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

fn is_usual(name: &str) -> bool {
    let last = name.rsplit(['/', '.']).next().unwrap_or(name);
    USUAL.iter().any(|usual| last.eq_ignore_ascii_case(usual))
}

fn later(now: Instant, by: Duration) -> Instant {
    now.checked_add(by).unwrap_or(now)
}

const NAMES: [&str; 2] = ["Message-ID", "X-Microsoft-Original-Message-ID"];
/// Usual names of the folder of sent messages, for servers that do not say which one it is.
const USUAL: [&str; 4] = ["Sent", "Sent Items", "Sent Mail", "Sent Messages"];
/// How many messages are looked at.
const NEWEST: u32 = 200;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_either_field() {
        let rows: [(&[u8], [Option<&str>; 2]); 5] = [
            (b"Message-ID: <a@x>\r\n\r\n", [Some("<a@x>"), None]),
            (
                b"message-id : a@x\r\nX-Microsoft-Original-Message-ID:\r\n <b@y>\r\n\r\n",
                [Some("a@x"), Some("<b@y>")],
            ),
            (b"X-Microsoft-Original-Message-ID: <b@y>\n\n", [None, Some("<b@y>")]),
            (b"\r\n", [None, None]),
            (b"Message-ID", [None, None]),
        ];
        for (header, want) in rows {
            assert_eq!(ids(header).each_ref().map(Option::as_deref), want, "{}", header.escape_ascii());
        }
        assert_eq!(["<a@x>", " a@x ", "<a@x", ""].map(bare), ["a@x", "a@x", "<a@x", ""]);
        assert!(["Sent", "INBOX.Sent", "[Gmail]/Sent Mail", "sent items"].into_iter().all(is_usual));
        assert!(!["Unsent", "Sent/2024", ""].into_iter().any(is_usual));
    }
}

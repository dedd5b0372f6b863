//! LIST, STATUS and the rest that is about folders from without.

use mailbearer_imap::{
    Code, Data, Flag, List, ListReturn, ListSelection, Listed, Mailbox, Namespace, StatusAttribute,
    StatusItem, server::Error,
};

use super::Imap;
use crate::memory::mailbox::{Folder, INBOX, Store};

/// What separates the levels of a name.
const DELIMITER: u8 = b'/';

impl Imap {
    pub(super) fn namespace(&mut self) -> Result<(), Error> {
        let prefix = Mailbox::from_wire(&b""[..]);
        let personal =
            prefix.map(|prefix| Namespace { prefix, delimiter: Some(DELIMITER), extensions: Vec::new() });
        self.tell(Data::Namespace {
            personal: personal.into_iter().collect(),
            other: Vec::new(),
            shared: Vec::new(),
        });
        self.done("NAMESPACE")
    }

    pub(super) fn list(
        &mut self,
        selection: &[ListSelection],
        patterns: &[Vec<u8>],
        returns: &[ListReturn],
    ) -> Result<(), Error> {
        let world = std::sync::Arc::clone(&self.world);
        let store = world.mailbox.lock();
        // RFC 9051 section 6.3.9: an empty pattern asks for the delimiter.
        if patterns.iter().any(Vec::is_empty) {
            self.listed(b"", vec!["Noselect"], false);
        }
        for (name, folder) in &store.folders {
            let uses = store.special_use(name);
            let picked = selection.iter().all(|option| match option {
                ListSelection::Subscribed => folder.subscribed,
                ListSelection::SpecialUse => uses.is_some(),
                _ => true,
            });
            if !picked || !patterns.iter().any(|pattern| glob(pattern, name.as_bytes())) {
                continue;
            }
            let inner = format!("{name}{}", char::from(DELIMITER));
            let has_children = store.folders.keys().any(|other| other.starts_with(&inner));
            let mut attributes = vec![if has_children { "HasChildren" } else { "HasNoChildren" }];
            attributes.extend(uses);
            let tells =
                selection.contains(&ListSelection::Subscribed) || returns.contains(&ListReturn::Subscribed);
            if tells && folder.subscribed {
                attributes.push("Subscribed");
            }
            self.listed(name.as_bytes(), attributes, false);
            for option in returns {
                if let ListReturn::Status(asked) = option {
                    self.tell_status(name, folder, asked);
                }
            }
        }
        self.done("LIST")
    }

    pub(super) fn lsub(&mut self, pattern: &[u8]) -> Result<(), Error> {
        let world = std::sync::Arc::clone(&self.world);
        for (name, folder) in &world.mailbox.lock().folders {
            if folder.subscribed && glob(pattern, name.as_bytes()) {
                self.listed(name.as_bytes(), Vec::new(), true);
            }
        }
        self.done("LSUB")
    }

    fn listed(&mut self, name: &[u8], attributes: Vec<&str>, subscribed: bool) {
        let name = if name == INBOX.as_bytes() { self.voice().quirks.inbox.as_bytes() } else { name };
        let Ok(mailbox) = Mailbox::from_wire(name) else { return };
        let names: Vec<String> = attributes.iter().map(|name| format!("\\{name}")).collect();
        let attributes: List<'_, Flag<'_>> = names.iter().filter_map(|name| Flag::new(name).ok()).collect();
        let mut listed = Listed::new(mailbox, Some(DELIMITER));
        listed.attributes = attributes;
        self.tell(if subscribed { Data::Lsub(listed) } else { Data::List(listed) });
    }

    pub(super) fn status(&mut self, name: &str, asked: &[StatusAttribute]) -> Result<(), Error> {
        let world = std::sync::Arc::clone(&self.world);
        let store = world.mailbox.lock();
        let Some(folder) = store.folder(name) else { return self.no_such_folder() };
        self.tell_status(name, folder, asked);
        drop(store);
        self.done("STATUS")
    }

    fn tell_status(&mut self, name: &str, folder: &Folder, asked: &[StatusAttribute]) {
        let Ok(mailbox) = Mailbox::from_wire(name.as_bytes()) else { return };
        let count = |flag: &str, has: bool| {
            let found = folder.messages.iter().filter(|message| message.has_flag(flag) == has).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        let size =
            || folder.messages.iter().map(|message| message.octets.len()).fold(0, usize::saturating_add);
        let items = asked.iter().filter_map(|attribute| match attribute {
            StatusAttribute::Messages => {
                Some(StatusItem::Messages(u32::try_from(folder.messages.len()).unwrap_or(u32::MAX)))
            }
            StatusAttribute::Recent => Some(StatusItem::Recent(0)),
            StatusAttribute::UidNext => Some(StatusItem::UidNext(folder.uid_next)),
            StatusAttribute::UidValidity => Some(StatusItem::UidValidity(folder.uid_validity)),
            StatusAttribute::Unseen => Some(StatusItem::Unseen(count("\\Seen", false))),
            StatusAttribute::Deleted => Some(StatusItem::Deleted(count("\\Deleted", true))),
            StatusAttribute::Size => Some(StatusItem::Size(u64::try_from(size()).unwrap_or(u64::MAX))),
            _ => None,
        });
        let items = items.collect();
        self.tell(Data::MailboxStatus { mailbox, items });
    }

    /// Changes the set of folders; `change` says whether it could.
    pub(super) fn change_folders(
        &mut self,
        command: &str,
        refusal: Code<'_>,
        change: impl FnOnce(&mut Store) -> bool,
    ) -> Result<(), Error> {
        let done = change(&mut self.world.mailbox.lock());
        if done { self.done(command) } else { self.no(Some(refusal), &format!("{command} failed.")) }
    }

    pub(super) fn no_such_folder(&mut self) -> Result<(), Error> {
        self.no(Some(Code::Nonexistent), self.voice().no_such_folder)
    }
}

/// Whether `name` is what `pattern` stands for: `*` is anything, `%` anything within a level, and the inbox has its
/// name in any case (RFC 9051 section 6.3.9).
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    if name == b"INBOX" && pattern.eq_ignore_ascii_case(name) {
        return true;
    }
    // Which beginnings of the name match the pattern so far. The work is the product of both lengths, however many wildcards
    // there are.
    let mut reached = vec![false; name.len().saturating_add(1)];
    reached.iter_mut().take(1).for_each(|start| *start = true);
    for &want in pattern {
        let mut next = vec![false; reached.len()];
        let mut runs = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let here = reached.get(at).copied().unwrap_or_default();
            let before = at.checked_sub(1);
            let octet = before.and_then(|before| name.get(before)).copied();
            *slot = match want {
                b'*' | b'%' => {
                    runs = here || runs && (want == b'*' || octet != Some(DELIMITER));
                    runs
                }
                _ => {
                    octet == Some(want)
                        && before.and_then(|before| reached.get(before)).copied().unwrap_or_default()
                }
            };
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_what_they_should() {
        let rows = [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("a/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a*c", "a/b/c", true),
            ("%/%", "a/b", true),
            ("*b", "a/b", true),
            ("a", "ab", false),
            ("ab", "a", false),
            ("", "", true),
            ("", "a", false),
            ("inbox", "INBOX", true),
            ("drafts", "Drafts", false),
            ("I%X", "INBOX", true),
        ];
        for (pattern, name, want) in rows {
            assert_eq!(glob(pattern.as_bytes(), name.as_bytes()), want, "{pattern} {name}");
        }
        assert!(!glob(&[b'*'; 1000], &[b'/'; 0]) || glob(b"*", b""));
        assert!(!glob(&b"*a".repeat(500), &[b'b'; 1000]), "in time");
    }
}

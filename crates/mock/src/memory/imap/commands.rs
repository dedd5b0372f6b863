//! Commands of a client that is logged in.

use std::sync::Arc;

use mailbearer_imap::{
    AppendData, AppendMessage, Code, Command, Data, Fetch, Flag, Item, List, Mailbox, Param, Select,
    SequenceSet, StoreAction, Text, server::Error,
};

use super::{Imap, View, flags, quirks};
use crate::memory::{
    DeliverError,
    mailbox::{Message, now},
};

impl Imap {
    pub(super) fn authenticated(&mut self, tag: &str, command: Command<'_>) -> Result<(), Error> {
        match command {
            Command::Noop => self.finish("NOOP", true),
            Command::Namespace => self.namespace(),
            Command::Enable(_) => {
                self.tell(Data::Enabled(List::EMPTY));
                self.done("ENABLE")
            }
            Command::Select(select) => self.select(&select, false),
            Command::Examine(select) => self.select(&select, true),
            Command::Create { mailbox, .. } => {
                let (name, code) = (wire_name(&mailbox), Code::AlreadyExists);
                self.change_folders("CREATE", code, |store| store.create(name.trim_end_matches('/')))
            }
            Command::Delete(mailbox) => {
                let name = wire_name(&mailbox);
                self.change_folders("DELETE", Code::Nonexistent, |store| store.delete(&name))
            }
            Command::Rename { from, to } => {
                let (from, to) = (wire_name(&from), wire_name(&to));
                self.change_folders("RENAME", Code::Cannot, |store| store.rename(&from, &to))
            }
            Command::Subscribe(mailbox) => self.subscribe(&mailbox, true),
            Command::Unsubscribe(mailbox) => self.subscribe(&mailbox, false),
            Command::List { selection, reference, patterns, returns } => {
                let patterns: Vec<Vec<u8>> = patterns
                    .iter()
                    .map(|pattern| [reference.as_bytes(), pattern.as_bytes()].concat())
                    .collect();
                self.list(&selection, &patterns, &returns)
            }
            Command::Lsub { reference, pattern } => {
                self.lsub(&[reference.as_bytes(), pattern.as_bytes()].concat())
            }
            Command::Status { mailbox, attributes } => self.status(&wire_name(&mailbox), &attributes),
            Command::Append { mailbox, messages } => self.append(&mailbox, &messages),
            Command::Idle => {
                if self.voice().quirks.news_before_idle && self.tell_changes(true) {
                    return Ok(());
                }
                self.protocol.idle()
            }
            command if self.view.is_some() => self.selected(tag, command),
            _ => self.bad(self.voice().state),
        }
    }

    fn selected(&mut self, tag: &str, command: Command<'_>) -> Result<(), Error> {
        let read_only = self.view.as_ref().is_none_or(|view| view.read_only);
        if let Command::Fetch { set, .. } | Command::Store { set, .. } | Command::Copy { set, .. } = &command
            && self.dislikes(set)
        {
            return self.bad_arguments();
        }
        match command {
            Command::Check => self.finish("CHECK", true),
            Command::Close => {
                if !read_only {
                    self.expunge(None);
                }
                self.view = None;
                self.done("CLOSE")
            }
            Command::Unselect => {
                self.view = None;
                self.done("UNSELECT")
            }
            Command::Search { uid, returns, charset, key } => {
                self.search(tag, uid, returns.as_deref(), charset.as_ref(), &key)
            }
            Command::Fetch { uid, set, items, changed_since: None, .. } => self.fetch(uid, &set, &items),
            Command::Copy { uid, set, mailbox } => self.copy(uid, &set, &mailbox, false),
            Command::Expunge(_) | Command::Store { .. } | Command::Move { .. } if read_only => {
                self.no(Some(Code::ReadOnly), "The mailbox is open for reading only.")
            }
            Command::Expunge(set) => {
                self.expunge(set.as_ref());
                self.finish("EXPUNGE", true)
            }
            Command::Store { uid, set, action, silent, flags, unchanged_since: None } => {
                self.store(uid, &set, action, silent, &flags)
            }
            Command::Move { uid, set, mailbox } => self.copy(uid, &set, &mailbox, true),
            _ => self.bad_command(),
        }
    }

    /// Tells what changed meanwhile, and ends a command.
    fn finish(&mut self, command: &str, may_expunge: bool) -> Result<(), Error> {
        if self.tell_changes(may_expunge) {
            return Ok(());
        }
        self.done(command)
    }

    pub(super) fn id(&mut self) {
        let param = |name: &'static str, value: &'static str| Param {
            name: Text::from(name),
            value: Some(Text::from(value)),
        };
        let own = [param("name", "Mailbearer mock"), param("version", env!("CARGO_PKG_VERSION"))];
        self.tell(Data::Id(own.into_iter().collect()));
    }

    fn select(&mut self, select: &Select<'_>, read_only: bool) -> Result<(), Error> {
        self.view = None;
        if let Some(refused) = self.unsafe_login() {
            return refused;
        }
        if select.condstore || select.qresync.is_some() {
            return self.bad_arguments();
        }
        let world = Arc::clone(&self.world);
        let mut store = world.mailbox.lock();
        let name = wire_name(&select.mailbox);
        store.about_to_open(&name);
        let (Some(view), Some(folder)) = (View::open(&store, &name, read_only), store.folder(&name)) else {
            return self.no_such_folder();
        };
        let system = || [Flag::Seen, Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Draft];
        let permanent = if read_only { Vec::new() } else { [&system()[..], &[Flag::Any]].concat() };
        self.tell(Data::Exists(view.count()));
        self.tell(Data::Recent(0));
        self.tell(Data::Flags(system().into_iter().collect()));
        let told = [
            (Code::PermanentFlags(List::from(permanent)), "Permanent flags"),
            (Code::UidValidity(folder.uid_validity), "UIDVALIDITY value"),
            (Code::UidNext(folder.uid_next), "The next unique identifier value"),
        ];
        let unseen = (1..).zip(&folder.messages).find(|(_, message)| !message.has_flag("\\Seen"));
        let unseen = unseen.map(|(number, _)| (Code::Unseen(number), "Is the first unseen message"));
        for (code, text) in unseen.into_iter().chain(told) {
            self.note(Some(code), text);
        }
        self.view = Some(view);
        self.tell_more_at_select();
        let (code, command) =
            if read_only { (Code::ReadOnly, "EXAMINE") } else { (Code::ReadWrite, "SELECT") };
        self.done_with(Some(code), command)
    }

    fn subscribe(&mut self, mailbox: &Mailbox<'_>, on: bool) -> Result<(), Error> {
        let name = wire_name(mailbox);
        let found = self.world.mailbox.lock().change(&name, |folder| folder.subscribed = on).is_some();
        if !found {
            return self.no_such_folder();
        }
        self.done(if on { "SUBSCRIBE" } else { "UNSUBSCRIBE" })
    }

    fn append(&mut self, mailbox: &Mailbox<'_>, messages: &[AppendMessage<'_>]) -> Result<(), Error> {
        let name = wire_name(mailbox);
        if messages.iter().any(|message| message.flags.len() > MAX_FLAGS) {
            return self.too_many_flags();
        }
        let mut new = Vec::new();
        for message in messages {
            let (AppendData::Octets(octets) | AppendData::Binary(octets)) = &message.data else {
                return self.bad_arguments();
            };
            let date = message.date.map(|date| (date.unix_seconds(), date.offset_minutes()));
            new.push(Message {
                uid: 0,
                flags: flag_names(&message.flags),
                internal_date: date.unwrap_or_else(now),
                octets: octets.to_vec().into(),
                envelope: None,
            });
        }
        match self.add(&name, new) {
            Err(error) => self.not_added(error),
            Ok((validity, uids)) => {
                if self.tell_changes(true) {
                    return Ok(());
                }
                let code = SequenceSet::from_numbers(uids).map(|uids| Code::AppendUid { validity, uids });
                self.done_with(code, "APPEND")
            }
        }
    }

    /// Adds all of the messages, or none.
    fn add(&self, name: &str, messages: Vec<Message>) -> Result<(u32, Vec<u32>), DeliverError> {
        let mut store = self.world.mailbox.lock();
        let validity = store.folder(name).ok_or(DeliverError::NoFolder)?.uid_validity;
        let mut uids = Vec::new();
        for message in messages {
            match store.add(name, message) {
                Ok(uid) => uids.push(uid),
                Err(error) => {
                    store.remove(name, |message| uids.contains(&message.uid));
                    return Err(error);
                }
            }
        }
        Ok((validity, uids))
    }

    fn too_many_flags(&mut self) -> Result<(), Error> {
        self.no(Some(Code::Limit), "Too many flags.")
    }

    fn not_added(&mut self, error: DeliverError) -> Result<(), Error> {
        let code = match error {
            DeliverError::NoFolder => Code::TryCreate,
            DeliverError::TooLarge => Code::TooBig,
            DeliverError::Full => Code::OverQuota,
        };
        self.no(Some(code), &format!("Failed: {error}."))
    }

    /// Removes what is flagged so, or of that what is in a set of UIDs.
    fn expunge(&mut self, set: Option<&SequenceSet>) {
        let Some(view) = &self.view else { return };
        let highest = view.all().last().map_or(0, |(_, uid)| uid);
        let mut store = self.world.mailbox.lock();
        if view.of(&store).is_some() {
            store.remove(&view.folder, |message| {
                message.has_flag("\\Deleted") && set.is_none_or(|set| set.contains(message.uid, highest))
            });
        }
    }

    fn store(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        action: StoreAction,
        silent: bool,
        given: &[Flag<'_>],
    ) -> Result<(), Error> {
        let world = Arc::clone(&self.world);
        let voice = self.voice();
        let Some(view) = &mut self.view else { return Ok(()) };
        let Some(picked) = view.pick(set, uid) else { return self.bad_arguments() };
        if given.len() > MAX_FLAGS {
            return self.too_many_flags();
        }
        let given = flag_names(given);
        let mut store = world.mailbox.lock();
        let there = view.of(&store).is_some();
        for (number, message_uid) in picked {
            let name = view.folder.clone();
            let changed = store.change(&name, |folder| {
                let message = folder.message_mut(message_uid).filter(|_| there)?;
                change_flags(&mut message.flags, action, &given)?;
                Some(message.flags.clone())
            });
            let Some(Some(now)) = changed else { continue };
            view.told_flags(number, &now);
            if !silent {
                let mut items = vec![Item::Flags(flags(&now))];
                if uid {
                    items.insert(0, Item::Uid(message_uid));
                }
                quirks::tell(&mut self.protocol, voice, Data::Fetch(Fetch { number, items }));
            }
        }
        drop(store);
        self.finish("STORE", uid)
    }

    fn copy(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        mailbox: &Mailbox<'_>,
        and_remove: bool,
    ) -> Result<(), Error> {
        let Some(view) = &self.view else { return Ok(()) };
        let Some(picked) = view.pick(set, uid) else { return self.bad_arguments() };
        let name = wire_name(mailbox);
        let originals: Vec<Message> = {
            let store = self.world.mailbox.lock();
            let folder = view.of(&store);
            picked.iter().filter_map(|(_, uid)| folder?.message(*uid).cloned()).collect()
        };
        let from: Vec<u32> = originals.iter().map(|message| message.uid).collect();
        let source = view.folder.clone();
        let (validity, to) = match self.add(&name, originals) {
            Ok(added) => added,
            Err(error) => return self.not_added(error),
        };
        let sets = SequenceSet::from_numbers(from.iter().copied()).zip(SequenceSet::from_numbers(to));
        let code = sets.map(|(from, to)| Code::CopyUid { validity, from, to });
        if and_remove {
            // RFC 6851 section 4.3: the code comes before the expunges.
            self.moved(code);
            self.world.mailbox.lock().remove(&source, |message| from.contains(&message.uid));
            return self.finish("MOVE", true);
        }
        if self.tell_changes(true) {
            return Ok(());
        }
        self.done_with(code, "COPY")
    }
}

/// Flags that a message may have.
const MAX_FLAGS: usize = 100;

/// `None`, and no change, where there would be too many.
fn change_flags(flags: &mut Vec<String>, action: StoreAction, given: &[String]) -> Option<()> {
    let has = |flags: &[String], name: &String| flags.iter().any(|own| own.eq_ignore_ascii_case(name));
    let mut new = match action {
        StoreAction::Replace => Vec::new(),
        StoreAction::Add => flags.clone(),
        StoreAction::Remove => flags.iter().filter(|own| !has(given, own)).cloned().collect(),
    };
    if action != StoreAction::Remove {
        for name in given {
            if !has(&new, name) {
                new.push(name.clone());
            }
        }
    }
    (new.len() <= MAX_FLAGS).then(|| *flags = new)
}

/// The names of flags that a client may set, each once.
fn flag_names(flags: &[Flag<'_>]) -> Vec<String> {
    let mut names = Vec::new();
    let settable = flags.iter().filter(|flag| !matches!(flag, Flag::Recent | Flag::Any));
    let _ =
        change_flags(&mut names, StoreAction::Add, &settable.map(ToString::to_string).collect::<Vec<_>>());
    names
}

/// A mailbox's name as it goes over the wire, which is what folders are called here.
fn wire_name(mailbox: &Mailbox<'_>) -> String {
    String::from_utf8_lossy(mailbox.as_bytes()).into_owned()
}

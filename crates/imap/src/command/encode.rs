use alloc::{collections::VecDeque, vec::Vec};
use core::fmt;

use mailbearer_wire::{Secret, SendBuf};

use super::{
    Command, Dialect, FetchItem, ListReturn, ListSelection, MetadataDepth, NotifyEvent, NotifyMailboxes,
    Partial, Select, StatusAttribute, StoreAction, name_of,
    write::{Fragment, Writer},
};
use crate::{Atom, Invalid, Mailbox, SequenceSet};

mod append;
mod search;

/// A command as it goes over the wire. [`send`](Self::send) it piece by piece.
pub struct Encoded(VecDeque<Fragment>);

/// Writes a command without its tag.
pub(crate) type Write<'a> = dyn Fn(&mut Writer) -> Result<(), Invalid> + 'a;

/// What the sender has to do after a piece of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a sender that passes over one of them hangs")]
pub enum Next {
    /// Nothing: the command is complete.
    Done,
    /// Wait for the server's `+`, then go on. If the server answers NO or BAD instead, the rest must not be sent.
    Wait,
    /// Send this many octets of a message itself, then go on.
    Stream(u64),
}

impl Encoded {
    /// Encodes a command. `write` writes what follows the tag.
    pub(crate) fn new(tag: &str, dialect: Dialect, write: &Write<'_>) -> Result<Self, Invalid> {
        // No `+`: some servers would take that for a continuation.
        if tag.is_empty() || !tag.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'.') {
            return Err(Invalid("not a tag"));
        }
        let mut out = Writer::new(dialect);
        out.raw(tag);
        out.raw(" ");
        write(&mut out)?;
        Ok(Self(out.finish()))
    }

    /// Appends what may be sent now. Returns what comes next.
    pub fn send(&mut self, tx: &mut SendBuf) -> Next {
        while let Some(fragment) = self.0.pop_front() {
            match fragment {
                Fragment::Plain(octets) => tx.push(&octets),
                Fragment::Bulk(octets) => tx.push_bulk(&octets),
                Fragment::Secret(octets) => tx.push_secret(octets.expose()),
                Fragment::Wait => return Next::Wait,
                Fragment::Stream(size) => return Next::Stream(size),
            }
        }
        Next::Done
    }

    /// Returns whether it has yet to wait for the server's `+` ([`Next::Wait`]).
    #[must_use]
    pub fn waits(&self) -> bool {
        self.0.iter().any(|fragment| matches!(fragment, Fragment::Wait))
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} pieces of a command]", self.0.len())
    }
}

impl Command<'_> {
    /// Writes the command with its tag.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] for a string with NUL, for an empty list where one must not be empty, for a flag that only
    /// servers set, for a malformed tag, and for words read from a server that no client may send.
    pub fn encode(&self, tag: &str, dialect: Dialect) -> Result<Encoded, Invalid> {
        Encoded::new(tag, dialect, &|out| self.write(out))
    }

    pub(crate) fn write(&self, out: &mut Writer) -> Result<(), Invalid> {
        match self {
            Self::Capability => out.raw("CAPABILITY"),
            Self::Noop => out.raw("NOOP"),
            Self::Logout => out.raw("LOGOUT"),
            Self::StartTls => out.raw("STARTTLS"),
            Self::Unauthenticate => out.raw("UNAUTHENTICATE"),
            Self::Namespace => out.raw("NAMESPACE"),
            Self::Idle => out.raw("IDLE"),
            Self::Check => out.raw("CHECK"),
            Self::Close => out.raw("CLOSE"),
            Self::Unselect => out.raw("UNSELECT"),
            Self::Expunge(None) => out.raw("EXPUNGE"),
            Self::Expunge(Some(set)) => {
                out.raw("UID EXPUNGE ");
                out.shown(set);
            }
            Self::Authenticate { mechanism, initial } => {
                write_authenticate(out, mechanism, initial.as_ref())?;
            }
            Self::Login { user, password } => {
                out.raw("LOGIN ");
                out.astring(user)?;
                out.raw(" ");
                out.secret(password.expose())?;
            }
            Self::Compress(mechanism) => {
                out.raw("COMPRESS ");
                out.atom(mechanism)?;
            }
            Self::Id(params) => {
                write_id(out, params.iter().map(|param| (&*param.name, param.value.as_deref())))?;
            }
            Self::Enable(capabilities) => {
                out.raw("ENABLE ");
                out.joined(some(capabilities)?, |out, capability| {
                    out.atom(&crate::Atom::new(&capability.name())?)
                })?;
            }
            Self::Language(tags) => {
                out.raw("LANGUAGE");
                for tag in tags {
                    out.raw(" ");
                    out.astring(tag)?;
                }
            }
            Self::Select(select) => write_select(out, "SELECT ", select)?,
            Self::Examine(select) => write_select(out, "EXAMINE ", select)?,
            Self::Create { mailbox, special_uses } => {
                named(out, "CREATE ", mailbox)?;
                if !special_uses.is_empty() {
                    out.raw(" (USE ");
                    out.flags(special_uses)?;
                    out.raw(")");
                }
            }
            Self::Delete(mailbox) => named(out, "DELETE ", mailbox)?,
            Self::Rename { from, to } => {
                named(out, "RENAME ", from)?;
                named(out, " ", to)?;
            }
            Self::Subscribe(mailbox) => named(out, "SUBSCRIBE ", mailbox)?,
            Self::Unsubscribe(mailbox) => named(out, "UNSUBSCRIBE ", mailbox)?,
            Self::List { selection, reference, patterns, returns } => {
                write_list(out, selection, reference, patterns, returns)?;
            }
            Self::Lsub { reference, pattern } => {
                named(out, "LSUB ", reference)?;
                named(out, " ", pattern)?;
            }
            Self::Xlist { reference, pattern } => {
                named(out, "XLIST ", reference)?;
                named(out, " ", pattern)?;
            }
            Self::Status { mailbox, attributes } => {
                named(out, "STATUS ", mailbox)?;
                out.raw(" ");
                write_status_attributes(out, attributes)?;
            }
            Self::Append { mailbox, messages } => {
                named(out, "APPEND ", mailbox)?;
                for message in some(messages)? {
                    append::write_message(out, message)?;
                }
            }
            Self::Replace { uid, number, mailbox, message } => {
                out.raw(if *uid { "UID REPLACE " } else { "REPLACE " });
                out.shown(number);
                named(out, " ", mailbox)?;
                append::write_message(out, message)?;
            }
            Self::Search { .. } | Self::Sort { .. } | Self::Thread { .. } => self.write_search(out)?,
            Self::Fetch { uid, set, items, changed_since, vanished } => {
                write_fetch(out, *uid, set, items)?;
                match (changed_since, vanished) {
                    (Some(since), vanished) => {
                        out.raw(" (CHANGEDSINCE ");
                        out.shown(since);
                        out.raw(if *vanished { " VANISHED)" } else { ")" });
                    }
                    (None, true) => return Err(Invalid("VANISHED without CHANGEDSINCE")),
                    (None, false) => {}
                }
            }
            Self::FetchPartial { set, items, range } => {
                write_fetch(out, true, set, items)?;
                out.raw(" (");
                search::write_partial(out, *range)?;
                out.raw(")");
            }
            Self::StoreLabels { uid, set, action, silent, labels } => {
                out.raw(if *uid { "UID STORE " } else { "STORE " });
                out.shown(set);
                out.raw(match action {
                    StoreAction::Replace => " X-GM-LABELS",
                    StoreAction::Add => " +X-GM-LABELS",
                    StoreAction::Remove => " -X-GM-LABELS",
                });
                out.raw(if *silent { ".SILENT " } else { " " });
                out.list(labels, |out, label| out.astring(label))?;
            }
            Self::Store { uid, set, unchanged_since, action, silent, flags } => {
                out.raw(if *uid { "UID STORE " } else { "STORE " });
                out.shown(set);
                if let Some(since) = unchanged_since {
                    out.raw(" (UNCHANGEDSINCE ");
                    out.shown(since);
                    out.raw(")");
                }
                out.raw(match action {
                    StoreAction::Replace => " FLAGS",
                    StoreAction::Add => " +FLAGS",
                    StoreAction::Remove => " -FLAGS",
                });
                out.raw(if *silent { ".SILENT " } else { " " });
                out.flags(flags)?;
            }
            Self::Copy { uid, set, mailbox } => transfer(out, *uid, "COPY ", set, mailbox)?,
            Self::Move { uid, set, mailbox } => transfer(out, *uid, "MOVE ", set, mailbox)?,
            _ => self.write_extension(out)?,
        }
        Ok(())
    }

    /// Writes QUOTA, ACL, METADATA and NOTIFY.
    fn write_extension(&self, out: &mut Writer) -> Result<(), Invalid> {
        match self {
            Self::GetQuota(root) => {
                out.raw("GETQUOTA ");
                out.astring(root)?;
            }
            Self::GetQuotaRoot(mailbox) => named(out, "GETQUOTAROOT ", mailbox)?,
            Self::SetQuota { root, limits } => {
                out.raw("SETQUOTA ");
                out.astring(root)?;
                out.raw(" ");
                out.list(limits, |out, (resource, limit)| {
                    out.atom(resource)?;
                    out.raw(" ");
                    out.shown(limit);
                    Ok(())
                })?;
            }
            Self::GetAcl(mailbox) => named(out, "GETACL ", mailbox)?,
            Self::SetAcl { mailbox, identifier, rights } => {
                named(out, "SETACL ", mailbox)?;
                out.raw(" ");
                out.astring(identifier)?;
                out.raw(" ");
                out.astring(rights)?;
            }
            Self::DeleteAcl { mailbox, identifier } => {
                named(out, "DELETEACL ", mailbox)?;
                out.raw(" ");
                out.astring(identifier)?;
            }
            Self::ListRights { mailbox, identifier } => {
                named(out, "LISTRIGHTS ", mailbox)?;
                out.raw(" ");
                out.astring(identifier)?;
            }
            Self::MyRights(mailbox) => named(out, "MYRIGHTS ", mailbox)?,
            Self::GetMetadata { mailbox, max_size, depth, entries } => {
                let mut options = Vec::new();
                options.extend(max_size.map(|size| alloc::format!("MAXSIZE {size}")));
                options.extend(depth.map(|depth| {
                    alloc::format!(
                        "DEPTH {}",
                        match depth {
                            MetadataDepth::Zero => "0",
                            MetadataDepth::One => "1",
                            MetadataDepth::Infinity => "infinity",
                        }
                    )
                }));
                out.raw("GETMETADATA ");
                if !options.is_empty() {
                    out.raw("(");
                    out.raw(&options.join(" "));
                    out.raw(") ");
                }
                out.mailbox(mailbox)?;
                out.raw(" ");
                out.list(some(entries)?, |out, entry| out.astring(entry))?;
            }
            Self::SetMetadata { mailbox, entries } => {
                named(out, "SETMETADATA ", mailbox)?;
                out.raw(" ");
                out.list(some(entries)?, |out, (name, value)| {
                    out.astring(name)?;
                    out.raw(" ");
                    out.nstring(value.as_deref())
                })?;
            }
            Self::Notify { groups, .. } if groups.is_empty() => out.raw("NOTIFY NONE"),
            Self::Notify { status, groups } => {
                out.raw(if *status { "NOTIFY SET STATUS " } else { "NOTIFY SET " });
                out.joined(groups, |out, (mailboxes, events)| {
                    out.raw("(");
                    write_notify_mailboxes(out, mailboxes)?;
                    out.raw(" ");
                    if events.is_empty() {
                        out.raw("NONE");
                    } else {
                        out.list(events, write_notify_event)?;
                    }
                    out.raw(")");
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Refuses an empty list.
fn some<T>(elements: &[T]) -> Result<&[T], Invalid> {
    if elements.is_empty() { Err(Invalid("a list that must not be empty")) } else { Ok(elements) }
}

fn named(out: &mut Writer, command: &str, mailbox: &Mailbox<'_>) -> Result<(), Invalid> {
    out.raw(command);
    out.mailbox(mailbox)
}

fn transfer(
    out: &mut Writer,
    uid: bool,
    command: &str,
    set: &SequenceSet,
    mailbox: &Mailbox<'_>,
) -> Result<(), Invalid> {
    out.raw(if uid { "UID " } else { "" });
    out.raw(command);
    out.shown(set);
    named(out, " ", mailbox)
}

/// Writes a command that consists of its name.
pub(crate) fn write_word(name: &'static str) -> impl Fn(&mut Writer) -> Result<(), Invalid> {
    move |out| {
        out.raw(name);
        Ok(())
    }
}

/// `"ID" SP id-params-list` (RFC 2971)
pub(crate) fn write_id<'p>(
    out: &mut Writer,
    params: impl Iterator<Item = (&'p [u8], Option<&'p [u8]>)>,
) -> Result<(), Invalid> {
    out.raw("ID ");
    let mut before = "(";
    for (name, value) in params {
        out.raw(before);
        out.string(name)?;
        out.raw(" ");
        out.nstring(value)?;
        before = " ";
    }
    out.raw(if before == "(" { "NIL" } else { ")" });
    Ok(())
}

pub(crate) fn write_login(out: &mut Writer, user: &str, password: &Secret) -> Result<(), Invalid> {
    out.raw("LOGIN ");
    out.astring(user.as_bytes())?;
    out.raw(" ");
    out.secret(password.expose().as_bytes())
}

pub(crate) fn write_authenticate(
    out: &mut Writer,
    mechanism: &Atom<'_>,
    initial: Option<&Secret<Vec<u8>>>,
) -> Result<(), Invalid> {
    out.raw("AUTHENTICATE ");
    out.atom(mechanism)?;
    if let Some(initial) = initial {
        out.raw(" ");
        out.secret_base64(initial.expose())?;
    }
    Ok(())
}

/// Writes FETCH without modifiers.
pub(crate) fn write_fetch(
    out: &mut Writer,
    uid: bool,
    set: &SequenceSet,
    items: &[FetchItem<'_>],
) -> Result<(), Invalid> {
    out.raw(if uid { "UID FETCH " } else { "FETCH " });
    out.shown(set);
    out.raw(" ");
    out.list(some(items)?, write_fetch_item)
}

/// `"SELECT" SP mailbox [select-params]` (RFC 7162)
pub(crate) fn write_select(out: &mut Writer, command: &str, select: &Select<'_>) -> Result<(), Invalid> {
    named(out, command, &select.mailbox)?;
    if !select.condstore && select.qresync.is_none() {
        return Ok(());
    }
    out.raw(" (");
    if select.condstore {
        out.raw("CONDSTORE");
    }
    if let Some(known) = &select.qresync {
        out.raw(if select.condstore { " QRESYNC (" } else { "QRESYNC (" });
        out.shown(known.validity);
        out.raw(" ");
        out.shown(known.mod_seq);
        if let Some(uids) = &known.known {
            out.raw(" ");
            out.shown(uids);
        }
        if let Some((numbers, uids)) = &known.matching {
            out.raw(" (");
            out.shown(numbers);
            out.raw(" ");
            out.shown(uids);
            out.raw(")");
        }
        out.raw(")");
    }
    out.raw(")");
    Ok(())
}

/// `"LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`
fn write_list(
    out: &mut Writer,
    selection: &[ListSelection],
    reference: &Mailbox<'_>,
    patterns: &[Mailbox<'_>],
    returns: &[ListReturn],
) -> Result<(), Invalid> {
    out.raw("LIST ");
    if !selection.is_empty() {
        out.list(selection, |out, option| {
            out.raw(match option {
                ListSelection::Subscribed => "SUBSCRIBED",
                ListSelection::Remote => "REMOTE",
                ListSelection::RecursiveMatch => "RECURSIVEMATCH",
                ListSelection::SpecialUse => "SPECIAL-USE",
            });
            Ok(())
        })?;
        out.raw(" ");
    }
    named(out, "", reference)?;
    out.raw(" ");
    match some(patterns)? {
        [pattern] => out.mailbox(pattern)?,
        patterns => out.list(patterns, Writer::mailbox)?,
    }
    if !returns.is_empty() {
        out.raw(" RETURN ");
        out.list(returns, |out, option| match option {
            ListReturn::Subscribed => {
                out.raw("SUBSCRIBED");
                Ok(())
            }
            ListReturn::Children => {
                out.raw("CHILDREN");
                Ok(())
            }
            ListReturn::SpecialUse => {
                out.raw("SPECIAL-USE");
                Ok(())
            }
            ListReturn::Status(attributes) => {
                out.raw("STATUS ");
                write_status_attributes(out, attributes)
            }
        })?;
    }
    Ok(())
}

fn write_status_attributes(out: &mut Writer, attributes: &[StatusAttribute]) -> Result<(), Invalid> {
    out.list(some(attributes)?, |out, attribute| {
        out.raw(name_of(&StatusAttribute::NAMES, attribute));
        Ok(())
    })
}

/// `fetch-att`
fn write_fetch_item(out: &mut Writer, item: &FetchItem<'_>) -> Result<(), Invalid> {
    match item {
        FetchItem::Uid => out.raw("UID"),
        FetchItem::Flags => out.raw("FLAGS"),
        FetchItem::InternalDate => out.raw("INTERNALDATE"),
        FetchItem::Size => out.raw("RFC822.SIZE"),
        FetchItem::Envelope => out.raw("ENVELOPE"),
        FetchItem::BodyStructure => out.raw("BODYSTRUCTURE"),
        FetchItem::Body => out.raw("BODY"),
        FetchItem::Section { section, partial, peek } => {
            out.raw(if *peek { "BODY.PEEK" } else { "BODY" });
            out.section(section)?;
            write_partial(out, *partial)?;
        }
        FetchItem::Binary { part, partial, peek } => {
            out.raw(if *peek { "BINARY.PEEK[" } else { "BINARY[" });
            out.raw(part.as_str());
            out.raw("]");
            write_partial(out, *partial)?;
        }
        FetchItem::BinarySize(part) => {
            out.raw("BINARY.SIZE[");
            out.raw(part.as_str());
            out.raw("]");
        }
        FetchItem::Rfc822 => out.raw("RFC822"),
        FetchItem::Rfc822Header => out.raw("RFC822.HEADER"),
        FetchItem::Rfc822Text => out.raw("RFC822.TEXT"),
        FetchItem::ModSeq => out.raw("MODSEQ"),
        FetchItem::EmailId => out.raw("EMAILID"),
        FetchItem::ThreadId => out.raw("THREADID"),
        FetchItem::SaveDate => out.raw("SAVEDATE"),
        FetchItem::Preview { lazy } => out.raw(if *lazy { "PREVIEW (LAZY)" } else { "PREVIEW" }),
        FetchItem::GmailMessageId => out.raw("X-GM-MSGID"),
        FetchItem::GmailThreadId => out.raw("X-GM-THRID"),
        FetchItem::GmailLabels => out.raw("X-GM-LABELS"),
    }
    Ok(())
}

fn write_partial(out: &mut Writer, partial: Option<Partial>) -> Result<(), Invalid> {
    let Some(Partial { offset, count }) = partial else { return Ok(()) };
    if count == 0 {
        return Err(Invalid("a range without octets"));
    }
    out.raw("<");
    out.shown(offset);
    out.raw(".");
    out.shown(count);
    out.raw(">");
    Ok(())
}

/// `filter-mailboxes` (RFC 5465)
fn write_notify_mailboxes(out: &mut Writer, mailboxes: &NotifyMailboxes<'_>) -> Result<(), Invalid> {
    let (name, listed) = match mailboxes {
        NotifyMailboxes::Selected => ("selected", None),
        NotifyMailboxes::SelectedDelayed => ("selected-delayed", None),
        NotifyMailboxes::Inboxes => ("inboxes", None),
        NotifyMailboxes::Personal => ("personal", None),
        NotifyMailboxes::Subscribed => ("subscribed", None),
        NotifyMailboxes::Subtree(mailboxes) => ("subtree ", Some(mailboxes)),
        NotifyMailboxes::Mailboxes(mailboxes) => ("mailboxes ", Some(mailboxes)),
    };
    out.raw(name);
    listed.map_or(Ok(()), |mailboxes| out.list(some(mailboxes)?, Writer::mailbox))
}

/// `event` (RFC 5465)
fn write_notify_event(out: &mut Writer, event: &NotifyEvent<'_>) -> Result<(), Invalid> {
    match event {
        NotifyEvent::MessageNew(items) => {
            out.raw("MessageNew");
            if !items.is_empty() {
                out.raw(" ");
                out.list(items, write_fetch_item)?;
            }
        }
        NotifyEvent::MessageExpunge => out.raw("MessageExpunge"),
        NotifyEvent::FlagChange => out.raw("FlagChange"),
        NotifyEvent::AnnotationChange => out.raw("AnnotationChange"),
        NotifyEvent::MailboxName => out.raw("MailboxName"),
        NotifyEvent::SubscriptionChange => out.raw("SubscriptionChange"),
        NotifyEvent::MailboxMetadataChange => out.raw("MailboxMetadataChange"),
        NotifyEvent::ServerMetadataChange => out.raw("ServerMetadataChange"),
    }
    Ok(())
}

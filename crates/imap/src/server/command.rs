use alloc::vec::Vec;

use super::{
    fetch::fetch_items,
    reader::{Read, Reader},
    search::{partial_range, returns, search_program, sort_criteria},
};
use crate::{
    AppendData, AppendMessage, Atom, Capability, CatenatePart, Command, ListReturn, ListSelection,
    MetadataDepth, NotifyEvent, NotifyMailboxes, ParseError, QResync, Select, StatusAttribute, StoreAction,
    Text,
};

/// Why a command was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError<'a> {
    /// The tag to answer BAD with, if there is one.
    pub tag: Option<&'a str>,
    /// Where and why.
    pub error: ParseError,
}

/// Parses one whole command, literals included, and returns it with its tag.
///
/// The line end may be left out. A tag that is empty or holds `+`, quotes or the like is none.
///
/// # Errors
///
/// Returns a [`CommandError`] for what is not a command of RFC 9051 or of an extension that
/// [`Command`] names.
pub fn parse_command(octets: &[u8]) -> Result<(&str, Command<'_>), CommandError<'_>> {
    let mut reader = Reader::new(octets);
    let word = reader.span("tag", |octet| octet.is_ascii_graphic() && !b"+(){%*\"\\".contains(&octet));
    let tag = word.and_then(|tag| core::str::from_utf8(tag).or_else(|_| reader.fail("tag")));
    let tag = tag.map_err(|error| CommandError { tag: None, error })?;
    let found =
        reader.sp().and_then(|()| command(&mut reader)).and_then(|found| reader.end().map(|()| found));
    found.map(|found| (tag, found)).map_err(|error| CommandError { tag: Some(tag), error })
}

fn command<'a>(reader: &mut Reader<'a>) -> Read<Command<'a>> {
    let name = reader.keyword("command")?;
    let uid = name == b"UID";
    let name = if uid {
        reader.sp()?;
        reader.keyword("command")?
    } else {
        name
    };
    let plain = match name.as_slice() {
        b"CAPABILITY" => Some(Command::Capability),
        b"NOOP" => Some(Command::Noop),
        b"LOGOUT" => Some(Command::Logout),
        b"STARTTLS" => Some(Command::StartTls),
        b"UNAUTHENTICATE" => Some(Command::Unauthenticate),
        b"NAMESPACE" => Some(Command::Namespace),
        b"IDLE" => Some(Command::Idle),
        b"CHECK" => Some(Command::Check),
        b"CLOSE" => Some(Command::Close),
        b"UNSELECT" => Some(Command::Unselect),
        b"EXPUNGE" if !uid => Some(Command::Expunge(None)),
        _ => None,
    };
    match (plain, uid) {
        (Some(command), false) => Ok(command),
        (Some(_), true) => reader.fail("uid"),
        (None, false) => match arguments(reader, &name)? {
            Some(command) => Ok(command),
            None => numbered(reader, &name, false),
        },
        (None, true) => numbered(reader, &name, true),
    }
}

/// Commands with arguments that no `UID` can stand in front of.
fn arguments<'a>(reader: &mut Reader<'a>, name: &[u8]) -> Read<Option<Command<'a>>> {
    // A LANGUAGE without arguments asks for the languages.
    if name == b"LANGUAGE" && reader.is_done() {
        return Ok(Some(Command::Language(Vec::new())));
    }
    reader.sp()?;
    let command = match name {
        b"AUTHENTICATE" => authenticate(reader)?,
        b"LOGIN" => {
            let user = reader.astring()?;
            reader.sp()?;
            Command::Login { user, password: reader.astring()?.to_vec().into() }
        }
        b"COMPRESS" => Command::Compress(reader.atom()?),
        b"ID" if reader.eat_word("NIL") => Command::Id(Vec::new()),
        b"ID" => Command::Id(reader.list(Reader::param)?),
        b"ENABLE" => Command::Enable(joined(reader, |reader| {
            reader.span("capability", |octet| octet.is_ascii_graphic()).map(Capability::of)
        })?),
        b"LANGUAGE" => Command::Language(joined(reader, Reader::astring)?),
        b"SELECT" => Command::Select(select(reader)?),
        b"EXAMINE" => Command::Examine(select(reader)?),
        b"CREATE" => create(reader)?,
        b"DELETE" => Command::Delete(reader.mailbox()?),
        b"RENAME" => {
            let from = reader.mailbox()?;
            reader.sp()?;
            Command::Rename { from, to: reader.mailbox()? }
        }
        b"SUBSCRIBE" => Command::Subscribe(reader.mailbox()?),
        b"UNSUBSCRIBE" => Command::Unsubscribe(reader.mailbox()?),
        b"LIST" => list(reader)?,
        b"LSUB" => {
            let reference = reader.mailbox()?;
            reader.sp()?;
            Command::Lsub { reference, pattern: reader.pattern()? }
        }
        b"XLIST" => {
            let reference = reader.mailbox()?;
            reader.sp()?;
            Command::Xlist { reference, pattern: reader.pattern()? }
        }
        b"STATUS" => {
            let mailbox = reader.mailbox()?;
            reader.sp()?;
            Command::Status { mailbox, attributes: reader.list1(status_attribute)? }
        }
        b"APPEND" => {
            let mailbox = reader.mailbox()?;
            let mut messages = Vec::new();
            while messages.is_empty() || !reader.is_done() {
                messages.push(append_message(reader)?);
            }
            Command::Append { mailbox, messages }
        }
        b"GETQUOTA" => Command::GetQuota(reader.astring()?),
        b"GETQUOTAROOT" => Command::GetQuotaRoot(reader.mailbox()?),
        b"SETQUOTA" => {
            let root = reader.astring()?;
            reader.sp()?;
            let limits = reader.list(|reader| {
                let resource = reader.atom()?;
                reader.sp()?;
                Ok((resource, reader.number()?))
            })?;
            Command::SetQuota { root, limits }
        }
        b"GETACL" => Command::GetAcl(reader.mailbox()?),
        b"SETACL" => {
            let (mailbox, identifier) = (reader.mailbox()?, second(reader)?);
            Command::SetAcl { mailbox, identifier, rights: second(reader)? }
        }
        b"DELETEACL" => Command::DeleteAcl { mailbox: reader.mailbox()?, identifier: second(reader)? },
        b"LISTRIGHTS" => Command::ListRights { mailbox: reader.mailbox()?, identifier: second(reader)? },
        b"MYRIGHTS" => Command::MyRights(reader.mailbox()?),
        b"GETMETADATA" => get_metadata(reader)?,
        b"SETMETADATA" => {
            let mailbox = reader.mailbox()?;
            reader.sp()?;
            let entries = reader.list1(|reader| {
                let name = reader.astring()?;
                reader.sp()?;
                Ok((name, reader.nstring()?))
            })?;
            Command::SetMetadata { mailbox, entries }
        }
        b"NOTIFY" => notify(reader)?,
        _ => return Ok(None),
    };
    Ok(Some(command))
}

/// Commands about messages, which have a `UID` in front where their numbers are UIDs.
///
/// Without one the space behind the name was consumed already.
fn numbered<'a>(reader: &mut Reader<'a>, name: &[u8], uid: bool) -> Read<Command<'a>> {
    if uid {
        reader.sp()?;
    }
    match name {
        b"EXPUNGE" => Ok(Command::Expunge(Some(reader.set()?))),
        b"SEARCH" => {
            let returns = returns(reader)?;
            let charset = if reader.eat_word("CHARSET") {
                reader.sp()?;
                let charset = charset(reader)?;
                reader.sp()?;
                Some(charset)
            } else {
                None
            };
            Ok(Command::Search { uid, returns, charset, key: search_program(reader)? })
        }
        b"SORT" => {
            let returns = returns(reader)?;
            let criteria = sort_criteria(reader)?;
            reader.sp()?;
            let charset = charset(reader)?;
            reader.sp()?;
            Ok(Command::Sort { uid, returns, criteria, charset, key: search_program(reader)? })
        }
        b"THREAD" => {
            let algorithm = reader.atom()?;
            reader.sp()?;
            let charset = charset(reader)?;
            reader.sp()?;
            Ok(Command::Thread { uid, algorithm, charset, key: search_program(reader)? })
        }
        b"FETCH" => fetch(reader, uid),
        b"STORE" => store(reader, uid),
        b"COPY" => {
            let set = reader.set()?;
            reader.sp()?;
            Ok(Command::Copy { uid, set, mailbox: reader.mailbox()? })
        }
        b"MOVE" => {
            let set = reader.set()?;
            reader.sp()?;
            Ok(Command::Move { uid, set, mailbox: reader.mailbox()? })
        }
        b"REPLACE" => {
            let number = reader.number32()?;
            reader.sp()?;
            Ok(Command::Replace { uid, number, mailbox: reader.mailbox()?, message: append_message(reader)? })
        }
        _ => reader.fail("command"),
    }
}

/// `element *(SP element)` up to the end of the line
fn joined<'a, T>(
    reader: &mut Reader<'a>,
    mut element: impl FnMut(&mut Reader<'a>) -> Read<T>,
) -> Read<Vec<T>> {
    let mut found = Vec::from([element(reader)?]);
    while reader.eat(b' ') {
        found.push(element(reader)?);
    }
    Ok(found)
}

fn second<'a>(reader: &mut Reader<'a>) -> Read<Text<'a>> {
    reader.sp()?;
    reader.astring()
}

/// A charset is an atom or a string with an atom in it.
fn charset<'a>(reader: &mut Reader<'a>) -> Read<Atom<'a>> {
    if reader.peek() != Some(b'"') {
        return reader.atom();
    }
    let text = reader.string()?;
    let text = core::str::from_utf8(&text).ok().and_then(|text| Atom::new(text).ok().map(Atom::into_owned));
    text.map_or_else(|| reader.fail("charset"), Ok)
}

fn authenticate<'a>(reader: &mut Reader<'a>) -> Read<Command<'a>> {
    let mechanism = reader.atom()?;
    if !reader.eat(b' ') {
        return Ok(Command::Authenticate { mechanism, initial: None });
    }
    let base64 = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    let initial = reader.span("initial-resp", base64)?;
    // A lone `=` is an empty response.
    let initial = if initial == b"=" { &[] } else { initial };
    Ok(Command::Authenticate { mechanism, initial: Some(initial.to_vec().into()) })
}

fn select<'a>(reader: &mut Reader<'a>) -> Read<Select<'a>> {
    let mut select = Select { mailbox: reader.mailbox()?, condstore: false, qresync: None };
    if !reader.eat(b' ') {
        return Ok(select);
    }
    reader.list1(|reader| match reader.keyword("select-param")?.as_slice() {
        b"CONDSTORE" => {
            select.condstore = true;
            Ok(())
        }
        b"QRESYNC" => {
            reader.sp()?;
            select.qresync = Some(qresync(reader)?);
            Ok(())
        }
        _ => reader.fail("select-param"),
    })?;
    Ok(select)
}

/// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"` (RFC 7162)
fn qresync(reader: &mut Reader<'_>) -> Read<QResync> {
    reader.need(b'(', "(")?;
    let validity = reader.number32()?;
    reader.sp()?;
    let mut found = QResync { validity, mod_seq: reader.number()?, known: None, matching: None };
    while reader.eat(b' ') {
        if reader.eat(b'(') {
            let numbers = reader.set()?;
            reader.sp()?;
            found.matching = Some((numbers, reader.set()?));
            reader.need(b')', ")")?;
            break;
        }
        found.known = Some(reader.set()?);
    }
    reader.need(b')', ")")?;
    Ok(found)
}

fn create<'a>(reader: &mut Reader<'a>) -> Read<Command<'a>> {
    let mailbox = reader.mailbox()?;
    let mut special_uses = Vec::new();
    if reader.eat(b' ') {
        reader.need(b'(', "(")?;
        if !reader.eat_word("USE") {
            return reader.fail("USE");
        }
        reader.sp()?;
        special_uses = reader.list(Reader::flag)?;
        reader.need(b')', ")")?;
    }
    Ok(Command::Create { mailbox, special_uses })
}

fn list<'a>(reader: &mut Reader<'a>) -> Read<Command<'a>> {
    let mut selection = Vec::new();
    if reader.peek() == Some(b'(') {
        selection = reader.list(|reader| match reader.keyword("list-select-opt")?.as_slice() {
            b"SUBSCRIBED" => Ok(ListSelection::Subscribed),
            b"REMOTE" => Ok(ListSelection::Remote),
            b"RECURSIVEMATCH" => Ok(ListSelection::RecursiveMatch),
            b"SPECIAL-USE" => Ok(ListSelection::SpecialUse),
            _ => reader.fail("list-select-opt"),
        })?;
        reader.sp()?;
    }
    let reference = reader.mailbox()?;
    reader.sp()?;
    let patterns = match reader.peek() {
        Some(b'(') => reader.list1(Reader::pattern)?,
        _ => Vec::from([reader.pattern()?]),
    };
    let mut returns = Vec::new();
    if reader.eat(b' ') {
        if !reader.eat_word("RETURN") {
            return reader.fail("RETURN");
        }
        reader.sp()?;
        returns = reader.list(|reader| match reader.keyword("return-option")?.as_slice() {
            b"SUBSCRIBED" => Ok(ListReturn::Subscribed),
            b"CHILDREN" => Ok(ListReturn::Children),
            b"SPECIAL-USE" => Ok(ListReturn::SpecialUse),
            b"STATUS" => {
                reader.sp()?;
                Ok(ListReturn::Status(reader.list1(status_attribute)?))
            }
            _ => reader.fail("return-option"),
        })?;
    }
    Ok(Command::List { selection, reference, patterns, returns })
}

fn status_attribute(reader: &mut Reader<'_>) -> Read<StatusAttribute> {
    let name = reader.keyword("status-att")?;
    let found = StatusAttribute::NAMES.into_iter().find(|(_, known)| known.as_bytes() == name);
    found.map_or_else(|| reader.fail("status-att"), |(attribute, _)| Ok(attribute))
}

/// `SP append-message`
fn append_message<'a>(reader: &mut Reader<'a>) -> Read<AppendMessage<'a>> {
    reader.sp()?;
    let mut flags = Vec::new();
    if reader.peek() == Some(b'(') {
        flags = reader.list(Reader::flag)?;
        reader.sp()?;
    }
    let mut date = None;
    if reader.peek() == Some(b'"') {
        date = Some(reader.date_time()?);
        reader.sp()?;
    }
    if reader.eat_word("CATENATE") {
        reader.sp()?;
        let parts = reader.list1(|reader| match reader.keyword("cat-part")?.as_slice() {
            b"URL" => second(reader).map(CatenatePart::Url),
            b"TEXT" => {
                reader.sp()?;
                reader.literal(false).map(|(text, _)| CatenatePart::Text(text))
            }
            _ => reader.fail("cat-part"),
        })?;
        return Ok(AppendMessage { flags, date, data: AppendData::Catenate(parts) });
    }
    if reader.eat_word("UTF8") {
        reader.sp()?;
        reader.need(b'(', "(")?;
        let (octets, true) = reader.literal(true)? else { return reader.fail("literal8") };
        reader.need(b')', ")")?;
        return Ok(AppendMessage { flags, date, data: AppendData::Utf8(octets) });
    }
    let data = match reader.literal(true)? {
        (octets, true) => AppendData::Binary(octets),
        (octets, false) => AppendData::Octets(octets),
    };
    Ok(AppendMessage { flags, date, data })
}

fn fetch<'a>(reader: &mut Reader<'a>, uid: bool) -> Read<Command<'a>> {
    let set = reader.set()?;
    reader.sp()?;
    let items = fetch_items(reader)?;
    let (mut changed_since, mut vanished, mut partial) = (None, false, None);
    if reader.eat(b' ') {
        reader.list1(|reader| match reader.keyword("fetch-modifier")?.as_slice() {
            b"CHANGEDSINCE" => {
                reader.sp()?;
                changed_since = Some(reader.number()?);
                Ok(())
            }
            b"VANISHED" => {
                vanished = true;
                Ok(())
            }
            b"PARTIAL" if uid => {
                partial = Some(partial_range(reader)?);
                Ok(())
            }
            _ => reader.fail("fetch-modifier"),
        })?;
    }
    match partial {
        Some(range) if changed_since.is_none() && !vanished => {
            Ok(Command::FetchPartial { set, items, range })
        }
        Some(_) => reader.fail("one fetch-modifier"),
        None => Ok(Command::Fetch { uid, set, items, changed_since, vanished }),
    }
}

fn store<'a>(reader: &mut Reader<'a>, uid: bool) -> Read<Command<'a>> {
    let set = reader.set()?;
    reader.sp()?;
    let mut unchanged_since = None;
    if reader.eat(b'(') {
        if !reader.eat_word("UNCHANGEDSINCE") {
            return reader.fail("store-modifier");
        }
        reader.sp()?;
        unchanged_since = Some(reader.number()?);
        reader.need(b')', ")")?;
        reader.sp()?;
    }
    let action = match reader.peek() {
        Some(b'+') => StoreAction::Add,
        Some(b'-') => StoreAction::Remove,
        _ => StoreAction::Replace,
    };
    if action != StoreAction::Replace {
        let _ = reader.eat(b'+') || reader.eat(b'-');
    }
    let silent = match reader.keyword("store-att-flags")?.as_slice() {
        b"FLAGS" => false,
        b"FLAGS.SILENT" => true,
        name @ (b"X-GM-LABELS" | b"X-GM-LABELS.SILENT") if unchanged_since.is_none() => {
            let silent = name.ends_with(b".SILENT");
            reader.sp()?;
            return Ok(Command::StoreLabels {
                uid,
                set,
                action,
                silent,
                labels: reader.list(Reader::astring)?,
            });
        }
        _ => return reader.fail("store-att-flags"),
    };
    reader.sp()?;
    let flags = match reader.peek() {
        Some(b'(') => reader.list(Reader::flag)?,
        _ => joined(reader, Reader::flag)?,
    };
    Ok(Command::Store { uid, set, unchanged_since, action, silent, flags })
}

fn get_metadata<'a>(reader: &mut Reader<'a>) -> Read<Command<'a>> {
    let (mut max_size, mut depth) = (None, None);
    if reader.peek() == Some(b'(') {
        reader.list1(|reader| {
            match reader.keyword("getmetadata-option")?.as_slice() {
                b"MAXSIZE" => {
                    reader.sp()?;
                    max_size = Some(reader.number()?);
                }
                b"DEPTH" => {
                    reader.sp()?;
                    depth = Some(match reader.keyword("scope-option")?.as_slice() {
                        b"0" => MetadataDepth::Zero,
                        b"1" => MetadataDepth::One,
                        b"INFINITY" => MetadataDepth::Infinity,
                        _ => return reader.fail("scope-option"),
                    });
                }
                _ => return reader.fail("getmetadata-option"),
            }
            Ok(())
        })?;
        reader.sp()?;
    }
    let mailbox = reader.mailbox()?;
    reader.sp()?;
    let entries = match reader.peek() {
        Some(b'(') => reader.list1(Reader::astring)?,
        _ => Vec::from([reader.astring()?]),
    };
    Ok(Command::GetMetadata { mailbox, max_size, depth, entries })
}

/// `notify = "NOTIFY" SP (notify-set / "NONE")` (RFC 5465)
fn notify<'a>(reader: &mut Reader<'a>) -> Read<Command<'a>> {
    if reader.eat_word("NONE") {
        return Ok(Command::Notify { status: false, groups: Vec::new() });
    }
    if !reader.eat_word("SET") {
        return reader.fail("SET");
    }
    reader.sp()?;
    let status = reader.eat_word("STATUS");
    if status {
        reader.sp()?;
    }
    let groups = joined(reader, |reader| {
        reader.need(b'(', "(")?;
        let mailboxes = match reader.keyword("filter-mailboxes")?.as_slice() {
            b"SELECTED" => NotifyMailboxes::Selected,
            b"SELECTED-DELAYED" => NotifyMailboxes::SelectedDelayed,
            b"INBOXES" => NotifyMailboxes::Inboxes,
            b"PERSONAL" => NotifyMailboxes::Personal,
            b"SUBSCRIBED" => NotifyMailboxes::Subscribed,
            b"SUBTREE" => NotifyMailboxes::Subtree(mailboxes(reader)?),
            b"MAILBOXES" => NotifyMailboxes::Mailboxes(mailboxes(reader)?),
            _ => return reader.fail("filter-mailboxes"),
        };
        reader.sp()?;
        let events = if reader.eat_word("NONE") { Vec::new() } else { reader.list1(notify_event)? };
        reader.need(b')', ")")?;
        Ok((mailboxes, events))
    })?;
    Ok(Command::Notify { status, groups })
}

fn mailboxes<'a>(reader: &mut Reader<'a>) -> Read<Vec<crate::Mailbox<'a>>> {
    reader.sp()?;
    match reader.peek() {
        Some(b'(') => reader.list1(Reader::mailbox),
        _ => Ok(Vec::from([reader.mailbox()?])),
    }
}

fn notify_event<'a>(reader: &mut Reader<'a>) -> Read<NotifyEvent<'a>> {
    Ok(match reader.keyword("event")?.as_slice() {
        b"MESSAGENEW" => {
            // The items are in parentheses, unlike the events that may follow.
            let items = if reader.is_next(b" (") {
                reader.sp()?;
                reader.list1(super::fetch::fetch_item)?
            } else {
                Vec::new()
            };
            NotifyEvent::MessageNew(items)
        }
        b"MESSAGEEXPUNGE" => NotifyEvent::MessageExpunge,
        b"FLAGCHANGE" => NotifyEvent::FlagChange,
        b"ANNOTATIONCHANGE" => NotifyEvent::AnnotationChange,
        b"MAILBOXNAME" => NotifyEvent::MailboxName,
        b"SUBSCRIPTIONCHANGE" => NotifyEvent::SubscriptionChange,
        b"MAILBOXMETADATACHANGE" => NotifyEvent::MailboxMetadataChange,
        b"SERVERMETADATACHANGE" => NotifyEvent::ServerMetadataChange,
        _ => return reader.fail("event"),
    })
}

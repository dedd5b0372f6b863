use alloc::vec::Vec;
use core::str;

use nom::{
    Parser,
    branch::alt,
    bytes::complete::tag,
    combinator::{cut, opt, value},
    multi::many1,
    sequence::{delimited, preceded, separated_pair, terminated},
};

use super::{
    element::{
        astring, atom, charset, checked, date_time, end, flag, joined, keyword, list, list_mailbox, list1,
        literal, literal8, mailbox, mark, nstring, number, one_of, one_or_list, optional, param,
        sequence_set, sp, span, word,
    },
    fetch::{fetch_att, fetch_items},
    search::{partial_range, search_program, search_return_opts, sort_criteria},
};
use crate::{
    AppendData, AppendMessage, Capability, CatenatePart, Command, ListReturn, ListSelection, Mailbox,
    MetadataDepth, NotifyEvent, NotifyMailboxes, ParseError, QResync, Select, StatusAttribute, StoreAction,
    rule::{Fault, Res, fail},
};

/// Why a command could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandError<'a> {
    /// The tag to answer BAD with, if there is one.
    pub tag: Option<&'a str>,
    /// Where it broke which rule.
    pub error: ParseError,
}

/// Parses one whole command, literals included. Returns it with its tag.
///
/// The line end may be missing. A tag that is empty, or holds `+`, quotes or the like, is no tag.
///
/// # Errors
///
/// Returns a [`CommandError`] for anything but a command of RFC 9051 or of an extension that [`Command`] names.
pub fn parse_command(octets: &[u8]) -> Result<(&str, Command<'_>), CommandError<'_>> {
    let refused = |tag, error| CommandError { tag, error: Fault::in_whole(error, octets) };
    let (rest, tag) = command_tag(octets).map_err(|error| refused(None, error))?;
    let parsed = delimited(sp, command, end).parse(rest);
    parsed.map(|(_, found)| (tag, found)).map_err(|error| refused(Some(tag), error))
}

/// `tag = 1*<any ASTRING-CHAR except "+">`
fn command_tag(input: &[u8]) -> Res<'_, &str> {
    let octet = |octet: u8| octet.is_ascii_graphic() && !b"+(){%*\"\\".contains(&octet);
    checked("tag", span("tag", octet), |tag| str::from_utf8(tag).ok()).parse(input)
}

/// `command-any / command-auth / command-nonauth / command-select`, also with `UID` in front
fn command(input: &[u8]) -> Res<'_, Command<'_>> {
    let (rest, name) = keyword("command")(input)?;
    if name == b"UID" {
        let (rest, name) = preceded(sp, keyword("command")).parse(rest)?;
        return match without_arguments(&name) {
            Some(_) if name != b"EXPUNGE" => fail(rest, "uid"),
            _ => numbered(true, &name, sp(rest)?.0),
        };
    }
    if let Some(command) = without_arguments(&name) {
        return Ok((rest, command));
    }
    // A LANGUAGE without arguments asks for the languages.
    if name == b"LANGUAGE" && end(rest).is_ok() {
        return Ok((rest, Command::Language(Vec::new())));
    }
    arguments(&name, sp(rest)?.0)
}

fn without_arguments<'a>(name: &[u8]) -> Option<Command<'a>> {
    Some(match name {
        b"CAPABILITY" => Command::Capability,
        b"NOOP" => Command::Noop,
        b"LOGOUT" => Command::Logout,
        b"STARTTLS" => Command::StartTls,
        b"UNAUTHENTICATE" => Command::Unauthenticate,
        b"NAMESPACE" => Command::Namespace,
        b"IDLE" => Command::Idle,
        b"CHECK" => Command::Check,
        b"CLOSE" => Command::Close,
        b"UNSELECT" => Command::Unselect,
        b"EXPUNGE" => Command::Expunge(None),
        _ => return None,
    })
}

/// What follows the space behind the name of a command without `UID`.
fn arguments<'a>(name: &[u8], input: &'a [u8]) -> Res<'a, Command<'a>> {
    match name {
        b"AUTHENTICATE" => (atom, optional(initial_resp))
            .map(|(mechanism, initial)| Command::Authenticate {
                mechanism,
                initial: initial.map(|initial| initial.to_vec().into()),
            })
            .parse(input),
        b"LOGIN" => separated_pair(astring, sp, astring)
            .map(|(user, password)| Command::Login { user, password: password.to_vec().into() })
            .parse(input),
        b"COMPRESS" => atom.map(Command::Compress).parse(input),
        b"ID" => alt((word("NIL").map(|_| Vec::new()), list(param))).map(Command::Id).parse(input),
        b"ENABLE" => joined(span("capability", |octet| octet.is_ascii_graphic()).map(Capability::of))
            .map(Command::Enable)
            .parse(input),
        b"LANGUAGE" => joined(astring).map(Command::Language).parse(input),
        b"SELECT" => select.map(Command::Select).parse(input),
        b"EXAMINE" => select.map(Command::Examine).parse(input),
        b"CREATE" => (mailbox, optional(create_param))
            .map(|(mailbox, uses)| Command::Create { mailbox, special_uses: uses.unwrap_or_default() })
            .parse(input),
        b"DELETE" => mailbox.map(Command::Delete).parse(input),
        b"RENAME" => {
            separated_pair(mailbox, sp, mailbox).map(|(from, to)| Command::Rename { from, to }).parse(input)
        }
        b"SUBSCRIBE" => mailbox.map(Command::Subscribe).parse(input),
        b"UNSUBSCRIBE" => mailbox.map(Command::Unsubscribe).parse(input),
        b"LIST" => list_command(input),
        b"LSUB" => separated_pair(mailbox, sp, list_mailbox)
            .map(|(reference, pattern)| Command::Lsub { reference, pattern })
            .parse(input),
        b"XLIST" => separated_pair(mailbox, sp, list_mailbox)
            .map(|(reference, pattern)| Command::Xlist { reference, pattern })
            .parse(input),
        b"STATUS" => separated_pair(mailbox, sp, list1(status_att))
            .map(|(mailbox, attributes)| Command::Status { mailbox, attributes })
            .parse(input),
        b"APPEND" => (mailbox, many1(preceded(sp, cut(append_message))))
            .map(|(mailbox, messages)| Command::Append { mailbox, messages })
            .parse(input),
        b"GETQUOTA" => astring.map(Command::GetQuota).parse(input),
        b"GETQUOTAROOT" => mailbox.map(Command::GetQuotaRoot).parse(input),
        b"SETQUOTA" => separated_pair(astring, sp, list(separated_pair(atom, sp, number)))
            .map(|(root, limits)| Command::SetQuota { root, limits })
            .parse(input),
        b"GETACL" => mailbox.map(Command::GetAcl).parse(input),
        b"SETACL" => (mailbox, preceded(sp, astring), preceded(sp, astring))
            .map(|(mailbox, identifier, rights)| Command::SetAcl { mailbox, identifier, rights })
            .parse(input),
        b"DELETEACL" => separated_pair(mailbox, sp, astring)
            .map(|(mailbox, identifier)| Command::DeleteAcl { mailbox, identifier })
            .parse(input),
        b"LISTRIGHTS" => separated_pair(mailbox, sp, astring)
            .map(|(mailbox, identifier)| Command::ListRights { mailbox, identifier })
            .parse(input),
        b"MYRIGHTS" => mailbox.map(Command::MyRights).parse(input),
        b"GETMETADATA" => get_metadata(input),
        b"SETMETADATA" => separated_pair(mailbox, sp, list1(separated_pair(astring, sp, nstring)))
            .map(|(mailbox, entries)| Command::SetMetadata { mailbox, entries })
            .parse(input),
        b"NOTIFY" => alt((
            word("NONE").map(|_| Command::Notify { status: false, groups: Vec::new() }),
            preceded(word("SET"), cut(notify_set)),
        ))
        .parse(input),
        name => numbered(false, name, input),
    }
}

/// What follows the space behind the name of a command about messages. Their numbers are UIDs if `UID` stands in front
/// of it.
fn numbered<'a>(uid: bool, name: &[u8], input: &'a [u8]) -> Res<'a, Command<'a>> {
    match name {
        b"EXPUNGE" => sequence_set.map(|set| Command::Expunge(Some(set))).parse(input),
        b"SEARCH" => {
            let charset = opt(delimited(terminated(word("CHARSET"), sp), charset, sp));
            (search_return_opts, charset, search_program)
                .map(|(returns, charset, key)| Command::Search { uid, returns, charset, key })
                .parse(input)
        }
        b"SORT" => (search_return_opts, sort_criteria, delimited(sp, charset, sp), search_program)
            .map(|(returns, criteria, charset, key)| Command::Sort { uid, returns, criteria, charset, key })
            .parse(input),
        b"THREAD" => (atom, delimited(sp, charset, sp), search_program)
            .map(|(algorithm, charset, key)| Command::Thread { uid, algorithm, charset, key })
            .parse(input),
        b"FETCH" => fetch(uid, input),
        b"STORE" => store(uid, input),
        b"COPY" => separated_pair(sequence_set, sp, mailbox)
            .map(|(set, mailbox)| Command::Copy { uid, set, mailbox })
            .parse(input),
        b"MOVE" => separated_pair(sequence_set, sp, mailbox)
            .map(|(set, mailbox)| Command::Move { uid, set, mailbox })
            .parse(input),
        b"REPLACE" => (number, preceded(sp, mailbox), preceded(sp, append_message))
            .map(|(number, mailbox, message)| Command::Replace { uid, number, mailbox, message })
            .parse(input),
        _ => fail(input, "command"),
    }
}

/// `initial-resp = base64 / "="` (RFC 4959); the second form is the empty response
fn initial_resp(input: &[u8]) -> Res<'_, &[u8]> {
    let base64 = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=');
    span("initial-resp", base64).map(|initial| if initial == b"=" { &[] } else { initial }).parse(input)
}

/// `mailbox [SP "(" select-param *(SP select-param) ")"]` (RFC 4466)
fn select(input: &[u8]) -> Res<'_, Select<'_>> {
    let (rest, (mailbox, params)) = (mailbox, optional(list1(select_param))).parse(input)?;
    let mut select = Select { mailbox, condstore: false, qresync: None };
    for param in params.into_iter().flatten() {
        match param {
            None => select.condstore = true,
            qresync => select.qresync = qresync,
        }
    }
    Ok((rest, select))
}

/// `"CONDSTORE" / "QRESYNC" SP qresync-param` (RFC 7162); `None` for the first
fn select_param(input: &[u8]) -> Res<'_, Option<QResync>> {
    let (rest, name) = keyword("select-param")(input)?;
    match name.as_slice() {
        b"CONDSTORE" => Ok((rest, None)),
        b"QRESYNC" => preceded(sp, qresync_param).map(Some).parse(rest),
        _ => fail(input, "select-param"),
    }
}

/// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"` (RFC 7162)
fn qresync_param(input: &[u8]) -> Res<'_, QResync> {
    let seq_match_data = delimited(mark("("), separated_pair(sequence_set, sp, sequence_set), mark(")"));
    let inside =
        (number, preceded(sp, number), opt(preceded(sp, sequence_set)), opt(preceded(sp, seq_match_data)));
    delimited(mark("("), inside, mark(")"))
        .map(|(validity, mod_seq, known, matching)| QResync { validity, mod_seq, known, matching })
        .parse(input)
}

/// `"(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"` (RFC 6154)
fn create_param(input: &[u8]) -> Res<'_, Vec<crate::Flag<'_>>> {
    delimited(mark("("), preceded((word("USE"), sp), list(flag)), mark(")")).parse(input)
}

/// `[list-select-opts SP] mailbox SP mbox-or-pat [SP list-return-opts]` (RFC 5258)
fn list_command(input: &[u8]) -> Res<'_, Command<'_>> {
    let select_opt = one_of("list-select-opt", |name| match name {
        b"SUBSCRIBED" => Some(ListSelection::Subscribed),
        b"REMOTE" => Some(ListSelection::Remote),
        b"RECURSIVEMATCH" => Some(ListSelection::RecursiveMatch),
        b"SPECIAL-USE" => Some(ListSelection::SpecialUse),
        _ => None,
    });
    let selection = opt(terminated(list(select_opt), cut(sp)));
    let returns = optional(preceded((word("RETURN"), sp), list(return_option)));
    (selection, mailbox, preceded(sp, one_or_list(list_mailbox)), returns)
        .map(|(selection, reference, patterns, returns)| Command::List {
            selection: selection.unwrap_or_default(),
            reference,
            patterns,
            returns: returns.unwrap_or_default(),
        })
        .parse(input)
}

/// `return-option` (RFC 5258, RFC 5819)
fn return_option(input: &[u8]) -> Res<'_, ListReturn> {
    let (rest, name) = keyword("return-option")(input)?;
    match name.as_slice() {
        b"SUBSCRIBED" => Ok((rest, ListReturn::Subscribed)),
        b"CHILDREN" => Ok((rest, ListReturn::Children)),
        b"SPECIAL-USE" => Ok((rest, ListReturn::SpecialUse)),
        b"STATUS" => preceded(sp, list1(status_att)).map(ListReturn::Status).parse(rest),
        _ => fail(input, "return-option"),
    }
}

/// `status-att`
fn status_att(input: &[u8]) -> Res<'_, StatusAttribute> {
    one_of("status-att", |name| {
        let found = StatusAttribute::NAMES.into_iter().find(|(_, known)| known.as_bytes() == name);
        found.map(|(attribute, _)| attribute)
    })
    .parse(input)
}

/// `append-message = [flag-list SP] [date-time SP] append-data`
fn append_message(input: &[u8]) -> Res<'_, AppendMessage<'_>> {
    let flags = opt(terminated(list(flag), cut(sp)));
    let date = opt(terminated(date_time, cut(sp)));
    (flags, date, append_data)
        .map(|(flags, date, data)| AppendMessage { flags: flags.unwrap_or_default(), date, data })
        .parse(input)
}

/// `append-data = literal / literal8 / "CATENATE" SP "(" cat-part *(SP cat-part) ")" / "UTF8" SP "(" literal8 ")"`
/// (RFC 4469, RFC 6855)
fn append_data(input: &[u8]) -> Res<'_, AppendData<'_>> {
    let catenate = preceded((word("CATENATE"), sp), cut(list1(cat_part)));
    let utf8 = preceded((word("UTF8"), sp), cut(delimited(mark("("), literal8, mark(")"))));
    alt((
        catenate.map(AppendData::Catenate),
        utf8.map(AppendData::Utf8),
        literal8.map(AppendData::Binary),
        literal.map(AppendData::Octets),
    ))
    .parse(input)
}

/// `cat-part = "TEXT" SP literal / "URL" SP astring` (RFC 4469)
fn cat_part(input: &[u8]) -> Res<'_, CatenatePart<'_>> {
    let (rest, name) = keyword("cat-part")(input)?;
    match name.as_slice() {
        b"URL" => preceded(sp, astring).map(CatenatePart::Url).parse(rest),
        b"TEXT" => preceded(sp, literal).map(CatenatePart::Text).parse(rest),
        _ => fail(input, "cat-part"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FetchModifier {
    ChangedSince(u64),
    Vanished,
    Partial((i64, i64)),
}

/// `sequence-set SP fetch-items [SP "(" fetch-modifier *(SP fetch-modifier) ")"]`
fn fetch(uid: bool, input: &[u8]) -> Res<'_, Command<'_>> {
    let modifiers = optional(list1(|input| fetch_modifier(uid, input)));
    let (rest, (set, items, modifiers)) =
        (sequence_set, preceded(sp, fetch_items), modifiers).parse(input)?;
    let (mut changed_since, mut vanished, mut partial) = (None, false, None);
    for modifier in modifiers.into_iter().flatten() {
        match modifier {
            FetchModifier::ChangedSince(mod_seq) => changed_since = Some(mod_seq),
            FetchModifier::Vanished => vanished = true,
            FetchModifier::Partial(range) => partial = Some(range),
        }
    }
    match partial {
        Some(range) if changed_since.is_none() && !vanished => {
            Ok((rest, Command::FetchPartial { set, items, range }))
        }
        Some(_) => fail(rest, "one fetch-modifier"),
        None => Ok((rest, Command::Fetch { uid, set, items, changed_since, vanished })),
    }
}

/// `fetch-modifier` (RFC 7162, RFC 9394)
fn fetch_modifier(uid: bool, input: &[u8]) -> Res<'_, FetchModifier> {
    let (rest, name) = keyword("fetch-modifier")(input)?;
    match name.as_slice() {
        b"CHANGEDSINCE" => preceded(sp, number).map(FetchModifier::ChangedSince).parse(rest),
        b"VANISHED" => Ok((rest, FetchModifier::Vanished)),
        b"PARTIAL" if uid => preceded(sp, partial_range).map(FetchModifier::Partial).parse(rest),
        _ => fail(input, "fetch-modifier"),
    }
}

/// `sequence-set [SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"] SP store-att-flags`; also with Gmail's labels in
/// place of flags
fn store(uid: bool, input: &[u8]) -> Res<'_, Command<'_>> {
    let since = preceded((word("UNCHANGEDSINCE"), sp), number);
    let modifier = opt(delimited(mark("("), cut(since), cut((mark(")"), sp))));
    let action = alt((
        value(StoreAction::Add, tag("+")),
        value(StoreAction::Remove, tag("-")),
        value(StoreAction::Replace, tag("")),
    ));
    let (at, (set, unchanged_since, action)) =
        (terminated(sequence_set, sp), modifier, action).parse(input)?;
    let (rest, name) = terminated(keyword("store-att-flags"), sp).parse(at)?;
    let silent = name.ends_with(b".SILENT");
    match name.as_slice() {
        b"FLAGS" | b"FLAGS.SILENT" => alt((list(flag), joined(flag)))
            .map(|flags| Command::Store { uid, set: set.clone(), unchanged_since, action, silent, flags })
            .parse(rest),
        b"X-GM-LABELS" | b"X-GM-LABELS.SILENT" if unchanged_since.is_none() => list(astring)
            .map(|labels| Command::StoreLabels { uid, set: set.clone(), action, silent, labels })
            .parse(rest),
        _ => fail(at, "store-att-flags"),
    }
}

#[derive(Clone, Copy)]
enum MetadataOption {
    MaxSize(u64),
    Depth(MetadataDepth),
}

/// `[getmetadata-options SP] mailbox SP entries` (RFC 5464)
fn get_metadata(input: &[u8]) -> Res<'_, Command<'_>> {
    let options = opt(terminated(list1(metadata_option), cut(sp)));
    let (rest, (options, mailbox, entries)) =
        (options, mailbox, preceded(sp, one_or_list(astring))).parse(input)?;
    let (mut max_size, mut depth) = (None, None);
    for option in options.into_iter().flatten() {
        match option {
            MetadataOption::MaxSize(size) => max_size = Some(size),
            MetadataOption::Depth(scope) => depth = Some(scope),
        }
    }
    Ok((rest, Command::GetMetadata { mailbox, max_size, depth, entries }))
}

/// `"MAXSIZE" SP number / "DEPTH" SP ("0" / "1" / "infinity")` (RFC 5464)
fn metadata_option(input: &[u8]) -> Res<'_, MetadataOption> {
    let scope = one_of("scope-option", |name| match name {
        b"0" => Some(MetadataDepth::Zero),
        b"1" => Some(MetadataDepth::One),
        b"INFINITY" => Some(MetadataDepth::Infinity),
        _ => None,
    });
    let (rest, name) = keyword("getmetadata-option")(input)?;
    match name.as_slice() {
        b"MAXSIZE" => preceded(sp, number).map(MetadataOption::MaxSize).parse(rest),
        b"DEPTH" => preceded(sp, scope).map(MetadataOption::Depth).parse(rest),
        _ => fail(input, "getmetadata-option"),
    }
}

/// `SP ["STATUS" SP] event-groups` (RFC 5465)
fn notify_set(input: &[u8]) -> Res<'_, Command<'_>> {
    let status = opt(terminated(word("STATUS"), sp));
    (preceded(sp, status), joined(event_group))
        .map(|(status, groups)| Command::Notify { status: status.is_some(), groups })
        .parse(input)
}

/// `event-group = "(" filter-mailboxes SP events ")"` (RFC 5465)
fn event_group(input: &[u8]) -> Res<'_, (NotifyMailboxes<'_>, Vec<NotifyEvent<'_>>)> {
    let events = alt((word("NONE").map(|_| Vec::new()), list1(event)));
    delimited(mark("("), separated_pair(filter_mailboxes, sp, events), mark(")")).parse(input)
}

/// `filter-mailboxes` (RFC 5465)
fn filter_mailboxes(input: &[u8]) -> Res<'_, NotifyMailboxes<'_>> {
    let (rest, name) = keyword("filter-mailboxes")(input)?;
    let plain = match name.as_slice() {
        b"SELECTED" => NotifyMailboxes::Selected,
        b"SELECTED-DELAYED" => NotifyMailboxes::SelectedDelayed,
        b"INBOXES" => NotifyMailboxes::Inboxes,
        b"PERSONAL" => NotifyMailboxes::Personal,
        b"SUBSCRIBED" => NotifyMailboxes::Subscribed,
        b"SUBTREE" => return one_or_more_mailboxes.map(NotifyMailboxes::Subtree).parse(rest),
        b"MAILBOXES" => return one_or_more_mailboxes.map(NotifyMailboxes::Mailboxes).parse(rest),
        _ => return fail(input, "filter-mailboxes"),
    };
    Ok((rest, plain))
}

/// `SP one-or-more-mailbox` (RFC 5465)
fn one_or_more_mailboxes(input: &[u8]) -> Res<'_, Vec<Mailbox<'_>>> {
    preceded(sp, one_or_list(mailbox)).parse(input)
}

/// `event` (RFC 5465)
fn event(input: &[u8]) -> Res<'_, NotifyEvent<'_>> {
    let (rest, name) = keyword("event")(input)?;
    let plain = match name.as_slice() {
        // The items are in parentheses; the events that may follow are not.
        b"MESSAGENEW" if rest.starts_with(b" (") => {
            return preceded(sp, list1(fetch_att)).map(NotifyEvent::MessageNew).parse(rest);
        }
        b"MESSAGENEW" => NotifyEvent::MessageNew(Vec::new()),
        b"MESSAGEEXPUNGE" => NotifyEvent::MessageExpunge,
        b"FLAGCHANGE" => NotifyEvent::FlagChange,
        b"ANNOTATIONCHANGE" => NotifyEvent::AnnotationChange,
        b"MAILBOXNAME" => NotifyEvent::MailboxName,
        b"SUBSCRIPTIONCHANGE" => NotifyEvent::SubscriptionChange,
        b"MAILBOXMETADATACHANGE" => NotifyEvent::MailboxMetadataChange,
        b"SERVERMETADATACHANGE" => NotifyEvent::ServerMetadataChange,
        _ => return fail(input, "event"),
    };
    Ok((rest, plain))
}

//! How responses are written.

use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::{
    Capability, Code, Data, Esearch, Fetch, Flag, Found, List, Listed, Mailbox, Namespace, Param, Response,
    StatusItem, StatusLine, Text, ThreadMember,
};

mod fetch;

use fetch::item;

/// Appends one response with its line end.
///
/// What a line cannot hold is written in another way: a string as a literal where one is allowed, CR and LF in the text
/// of a status as spaces. Words read from elsewhere (tags, keywords, unknown items) are written as they are, and the
/// caller answers for them.
pub fn encode_response(response: &Response<'_>, out: &mut Vec<u8>) {
    match response {
        Response::Continuation { code, text } => {
            out.extend_from_slice(b"+ ");
            resp_text(out, code.as_ref(), text);
        }
        Response::Tagged { tag, line } => {
            out.extend_from_slice(tag);
            out.push(b' ');
            status_line(out, line);
        }
        Response::Untagged(data) => {
            out.extend_from_slice(b"* ");
            untagged(out, data);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, line: &StatusLine<'_>) {
    out.extend_from_slice(line.status.as_str().as_bytes());
    out.push(b' ');
    resp_text(out, line.code.as_ref(), line.text);
}

fn resp_text(out: &mut Vec<u8>, code: Option<&Code<'_>>, text: &[u8]) {
    if let Some(code) = code {
        out.push(b'[');
        resp_text_code(out, code);
        out.extend_from_slice(b"] ");
    }
    out.extend(text.iter().map(|octet| if matches!(octet, b'\r' | b'\n' | 0) { b' ' } else { *octet }));
}

/// Appends `value` as it is displayed.
fn show(out: &mut Vec<u8>, value: impl fmt::Display) {
    struct Octets<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Octets<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // Writing to a vector does not fail.
    let _ = write!(Octets(out), "{value}");
}

fn named(out: &mut Vec<u8>, name: &str, value: impl fmt::Display) {
    show(out, name);
    out.push(b' ');
    show(out, value);
}

/// Appends elements with a space between them.
fn joined<T>(
    out: &mut Vec<u8>,
    elements: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write(out, element);
    }
}

/// Appends elements with a space in front of each.
fn spaced<T>(
    out: &mut Vec<u8>,
    elements: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    for element in elements {
        out.push(b' ');
        write(out, element);
    }
}

fn listed<T>(out: &mut Vec<u8>, elements: impl IntoIterator<Item = T>, write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'(');
    joined(out, elements, write);
    out.push(b')');
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|octet| octet.is_ascii() && !matches!(octet, b'\r' | b'\n' | 0)) {
        quoted(out, text);
    } else {
        literal(out, text);
    }
}

/// Appends a quoted string. What none can hold becomes a space.
fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for octet in text {
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *octet]),
            b'\r' | b'\n' | 0 => out.push(b' '),
            _ => out.push(*octet),
        }
    }
    out.push(b'"');
}

fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    show(out, format_args!("{{{}}}\r\n", octets.len()));
    out.extend_from_slice(octets);
}

fn nstring(out: &mut Vec<u8>, text: Option<&Text<'_>>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

fn astring(out: &mut Vec<u8>, text: &[u8]) {
    let plain = |octet: &u8| octet.is_ascii_graphic() && !b"(){%*\"\\".contains(octet);
    if !text.is_empty() && !text.eq_ignore_ascii_case(b"NIL") && text.iter().all(plain) {
        out.extend_from_slice(text);
    } else {
        string(out, text);
    }
}

fn mailbox(out: &mut Vec<u8>, mailbox: &Mailbox<'_>) {
    astring(out, mailbox.as_bytes());
}

fn flag(out: &mut Vec<u8>, flag: Flag<'_>) {
    if flag.has_backslash() {
        out.push(b'\\');
    }
    out.extend_from_slice(flag.word());
}

fn capability(out: &mut Vec<u8>, capability: Capability<'_>) {
    match capability {
        // As it came, which may be no text.
        Capability::Auth(mechanism) => {
            show(out, "AUTH=");
            out.extend_from_slice(mechanism.as_bytes());
        }
        Capability::Other(name) => out.extend_from_slice(name.as_bytes()),
        known => show(out, known.name()),
    }
}

fn delimiter(out: &mut Vec<u8>, delimiter: Option<u8>) {
    match delimiter {
        // Never a literal, even if the octet is none that a server should have.
        Some(octet) => quoted(out, &[octet]),
        None => out.extend_from_slice(b"NIL"),
    }
}

fn param(out: &mut Vec<u8>, param: Param<'_>) {
    string(out, &param.name);
    out.push(b' ');
    nstring(out, param.value.as_ref());
}

fn params(out: &mut Vec<u8>, parameters: &List<'_, Param<'_>>) {
    if parameters.is_empty() {
        out.extend_from_slice(b"NIL");
    } else {
        listed(out, parameters, param);
    }
}

fn resp_text_code(out: &mut Vec<u8>, code: &Code<'_>) {
    match code {
        Code::AppendUid { validity, uids } => {
            named(out, "APPENDUID", validity);
            named(out, "", uids);
        }
        Code::BadEvent(events) => {
            out.extend_from_slice(b"BADEVENT ");
            out.extend_from_slice(events);
        }
        Code::BadUrl(url) => {
            out.extend_from_slice(b"BADURL ");
            out.extend_from_slice(url);
        }
        Code::MetadataLongEntries(size) => named(out, "METADATA LONGENTRIES", size),
        Code::MetadataMaxSize(size) => named(out, "METADATA MAXSIZE", size),
        Code::BadCharset(charsets) => {
            show(out, "BADCHARSET");
            if !charsets.is_empty() {
                out.push(b' ');
                // There are no literals in a status response.
                listed(out, charsets, |out, charset| quoted(out, &charset));
            }
        }
        Code::Capability(capabilities) => {
            show(out, "CAPABILITY");
            spaced(out, capabilities, capability);
        }
        Code::CopyUid { validity, from, to } => {
            named(out, "COPYUID", validity);
            named(out, "", from);
            named(out, "", to);
        }
        Code::HighestModSeq(mod_seq) => named(out, "HIGHESTMODSEQ", mod_seq),
        Code::MailboxId(id) => {
            show(out, "MAILBOXID (");
            out.extend_from_slice(id);
            out.push(b')');
        }
        Code::MessageLimit { limit, lowest } => {
            named(out, "MESSAGELIMIT", limit);
            if let Some(lowest) = lowest {
                named(out, "", lowest);
            }
        }
        Code::Modified(set) => named(out, "MODIFIED", set),
        Code::PermanentFlags(flags) => {
            show(out, "PERMANENTFLAGS ");
            listed(out, flags, flag);
        }
        Code::Referral(url) => {
            show(out, "REFERRAL ");
            out.extend_from_slice(url);
        }
        Code::UidNext(uid) => named(out, "UIDNEXT", uid),
        Code::UidValidity(validity) => named(out, "UIDVALIDITY", validity),
        Code::Unseen(number) => named(out, "UNSEEN", number),
        Code::Other { name, rest } => {
            out.extend_from_slice(name);
            if !rest.is_empty() {
                out.push(b' ');
                out.extend_from_slice(rest);
            }
        }
        plain => show(out, plain_code(plain)),
    }
}

/// The name of a code without arguments.
const fn plain_code(code: &Code<'_>) -> &'static str {
    match code {
        Code::Alert => "ALERT",
        Code::AlreadyExists => "ALREADYEXISTS",
        Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
        Code::AuthorizationFailed => "AUTHORIZATIONFAILED",
        Code::BadComparator => "BADCOMPARATOR",
        Code::Cannot => "CANNOT",
        Code::ClientBug => "CLIENTBUG",
        Code::Closed => "CLOSED",
        Code::CompressionActive => "COMPRESSIONACTIVE",
        Code::ContactAdmin => "CONTACTADMIN",
        Code::Corruption => "CORRUPTION",
        Code::Expired => "EXPIRED",
        Code::ExpungeIssued => "EXPUNGEISSUED",
        Code::HasChildren => "HASCHILDREN",
        Code::InUse => "INUSE",
        Code::Limit => "LIMIT",
        Code::MetadataNoPrivate => "METADATA NOPRIVATE",
        Code::MetadataTooMany => "METADATA TOOMANY",
        Code::Nonexistent => "NONEXISTENT",
        Code::NotificationOverflow => "NOTIFICATIONOVERFLOW",
        Code::NoModSeq => "NOMODSEQ",
        Code::NoPerm => "NOPERM",
        Code::NotSaved => "NOTSAVED",
        Code::OverQuota => "OVERQUOTA",
        Code::Parse => "PARSE",
        Code::PrivacyRequired => "PRIVACYREQUIRED",
        Code::ReadOnly => "READ-ONLY",
        Code::ReadWrite => "READ-WRITE",
        Code::ServerBug => "SERVERBUG",
        Code::TooBig => "TOOBIG",
        Code::TryCreate => "TRYCREATE",
        Code::UidNotSticky => "UIDNOTSTICKY",
        Code::UidRequired => "UIDREQUIRED",
        Code::Unavailable => "UNAVAILABLE",
        Code::UnknownCte => "UNKNOWN-CTE",
        Code::UseAttr => "USEATTR",
        _ => "",
    }
}

fn untagged(out: &mut Vec<u8>, data: &Data<'_>) {
    match data {
        Data::Status(line) => status_line(out, line),
        Data::Capability(capabilities) => {
            show(out, "CAPABILITY");
            spaced(out, capabilities, capability);
        }
        Data::Enabled(capabilities) => {
            show(out, "ENABLED");
            spaced(out, capabilities, capability);
        }
        Data::List(list) => mailbox_list(out, "LIST ", list),
        Data::Lsub(list) => mailbox_list(out, "LSUB ", list),
        Data::MailboxStatus { mailbox: name, items } => {
            show(out, "STATUS ");
            mailbox(out, name);
            out.push(b' ');
            listed(out, items, status_item);
        }
        Data::Flags(flags) => {
            show(out, "FLAGS ");
            listed(out, flags, flag);
        }
        Data::Exists(count) => show(out, format_args!("{count} EXISTS")),
        Data::Recent(count) => show(out, format_args!("{count} RECENT")),
        Data::Expunge(number) => show(out, format_args!("{number} EXPUNGE")),
        Data::Fetch(Fetch { number, items }) => {
            show(out, format_args!("{number} FETCH "));
            listed(out, items, item);
        }
        Data::UidFetch(Fetch { number, items }) => {
            show(out, format_args!("{number} UIDFETCH "));
            listed(out, items, item);
        }
        Data::Search(found) => search(out, "SEARCH", found),
        Data::Sort(found) => search(out, "SORT", found),
        Data::Thread(members) => thread(out, members),
        Data::Esearch(found) => esearch(out, found),
        Data::Vanished { earlier, uids } => {
            named(out, if *earlier { "VANISHED (EARLIER)" } else { "VANISHED" }, uids);
        }
        Data::Namespace { personal, other, shared } => {
            show(out, "NAMESPACE ");
            joined(out, [personal, other, shared], |out, namespaces| namespaces_of(out, namespaces));
        }
        Data::Id(parameters) => {
            show(out, "ID ");
            params(out, parameters);
        }
        _ => extension(out, data),
    }
}

fn extension(out: &mut Vec<u8>, data: &Data<'_>) {
    match data {
        Data::Quota { root, resources } => {
            show(out, "QUOTA ");
            astring(out, root);
            out.push(b' ');
            listed(out, resources, |out, resource| {
                out.extend_from_slice(&resource.name);
                show(out, format_args!(" {} {}", resource.usage, resource.limit));
            });
        }
        Data::QuotaRoot { mailbox: name, roots } => {
            show(out, "QUOTAROOT ");
            mailbox(out, name);
            words(out, roots);
        }
        Data::Acl { mailbox: name, rights } => {
            show(out, "ACL ");
            mailbox(out, name);
            for (identifier, rights) in rights {
                words(out, [identifier, rights]);
            }
        }
        Data::ListRights { mailbox: name, identifier, rights } => {
            show(out, "LISTRIGHTS ");
            mailbox(out, name);
            words(out, [identifier]);
            words(out, rights);
        }
        Data::MyRights { mailbox: name, rights } => {
            show(out, "MYRIGHTS ");
            mailbox(out, name);
            words(out, [rights]);
        }
        Data::Metadata { mailbox: name, entries } => {
            show(out, "METADATA ");
            mailbox(out, name);
            if !entries.is_empty() && entries.iter().all(|(_, value)| value.is_none()) {
                words(out, entries.iter().map(|(name, _)| name));
                return;
            }
            out.push(b' ');
            listed(out, entries, |out, (name, value)| {
                astring(out, name);
                out.push(b' ');
                nstring(out, value.as_ref());
            });
        }
        Data::Language(tags) => {
            show(out, "LANGUAGE ");
            listed(out, tags, |out, tag| string(out, &tag));
        }
        Data::Other { number, keyword, rest } => {
            if let Some(number) = number {
                show(out, format_args!("{number} "));
            }
            out.extend_from_slice(keyword);
            if !rest.is_empty() {
                out.push(b' ');
                out.extend_from_slice(rest);
            }
        }
        _ => {}
    }
}

fn words<'a>(out: &mut Vec<u8>, words: impl IntoIterator<Item = &'a Text<'a>>) {
    spaced(out, words, |out, word| astring(out, word));
}

fn mailbox_list(out: &mut Vec<u8>, name: &str, list: &Listed<'_>) {
    show(out, name);
    listed(out, &list.attributes, flag);
    out.push(b' ');
    delimiter(out, list.delimiter);
    out.push(b' ');
    if list.extended.is_empty() {
        mailbox(out, &list.mailbox);
    } else {
        // Without quotes, readers that tolerate parentheses in a name would take what follows for a part of it.
        string(out, list.mailbox.as_bytes());
        out.push(b' ');
        out.extend_from_slice(list.extended);
    }
}

fn status_item(out: &mut Vec<u8>, item: StatusItem<'_>) {
    match item {
        StatusItem::Messages(value) => named(out, "MESSAGES", value),
        StatusItem::Recent(value) => named(out, "RECENT", value),
        StatusItem::UidNext(value) => named(out, "UIDNEXT", value),
        StatusItem::UidValidity(value) => named(out, "UIDVALIDITY", value),
        StatusItem::Unseen(value) => named(out, "UNSEEN", value),
        StatusItem::Deleted(value) => named(out, "DELETED", value),
        StatusItem::DeletedStorage(value) => named(out, "DELETED-STORAGE", value),
        StatusItem::Size(value) => named(out, "SIZE", value),
        StatusItem::HighestModSeq(value) => named(out, "HIGHESTMODSEQ", value),
        StatusItem::AppendLimit(Some(value)) => named(out, "APPENDLIMIT", value),
        StatusItem::AppendLimit(None) => show(out, "APPENDLIMIT NIL"),
        StatusItem::MailboxId(id) => {
            show(out, "MAILBOXID (");
            out.extend_from_slice(&id);
            out.push(b')');
        }
        StatusItem::Other { name, value } => {
            out.extend_from_slice(&name);
            out.push(b' ');
            out.extend_from_slice(&value);
        }
    }
}

fn search(out: &mut Vec<u8>, name: &str, found: &Found<'_>) {
    show(out, name);
    for number in &found.numbers {
        named(out, "", number);
    }
    if let Some(mod_seq) = found.mod_seq {
        show(out, format_args!(" (MODSEQ {mod_seq})"));
    }
}

fn thread(out: &mut Vec<u8>, members: &[ThreadMember]) {
    show(out, if members.is_empty() { "THREAD" } else { "THREAD " });
    // The levels at which a parenthesis is open.
    let mut open: Vec<u32> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        while open.last().is_some_and(|&level| level >= member.level) {
            out.push(b')');
            open.pop();
        }
        let before = index.checked_sub(1).and_then(|index| members.get(index));
        let only = |level: u32| {
            // A reply continues its parent's list if it is the only one to that parent.
            let later = members.get(index.saturating_add(1)..).unwrap_or_default();
            !later.iter().take_while(|later| later.level >= level).any(|later| later.level == level)
        };
        let follows = before.is_some_and(|before| before.level < member.level && before.message.is_some());
        // A parent that does not exist has parentheses around its replies.
        if follows && only(member.level) && member.message.is_some() {
            out.push(b' ');
        } else {
            if follows {
                out.push(b' ');
            }
            out.push(b'(');
            open.push(member.level);
        }
        if let Some(number) = member.message {
            show(out, number);
        }
    }
    out.extend(open.iter().map(|_| b')'));
}

fn esearch(out: &mut Vec<u8>, found: &Esearch<'_>) {
    show(out, "ESEARCH");
    let mut before = " (";
    if let Some(tag) = &found.tag {
        show(out, " (TAG ");
        string(out, tag);
        before = " ";
    }
    for (name, value) in &found.correlators {
        show(out, before);
        out.extend_from_slice(name);
        out.push(b' ');
        out.extend_from_slice(value);
        before = " ";
    }
    if before == " " {
        out.push(b')');
    }
    if found.uid {
        show(out, " UID");
    }
    let numbers = [("MIN", found.min), ("MAX", found.max), ("COUNT", found.count)];
    for (name, number) in numbers {
        if let Some(number) = number {
            show(out, format_args!(" {name} {number}"));
        }
    }
    if let Some(all) = &found.all {
        named(out, " ALL", all);
    }
    if let Some(mod_seq) = found.mod_seq {
        named(out, " MODSEQ", mod_seq);
    }
    if let Some((range, set)) = &found.partial {
        show(out, " PARTIAL (");
        out.extend_from_slice(range);
        out.push(b' ');
        match set {
            Some(set) => show(out, set),
            None => show(out, "NIL"),
        }
        out.push(b')');
    }
    for (name, value) in &found.other {
        out.push(b' ');
        out.extend_from_slice(name);
        out.push(b' ');
        out.extend_from_slice(value);
    }
}

fn namespaces_of(out: &mut Vec<u8>, namespaces: &[Namespace<'_>]) {
    if namespaces.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for namespace in namespaces {
        out.push(b'(');
        string(out, namespace.prefix.as_bytes());
        out.push(b' ');
        delimiter(out, namespace.delimiter);
        for (name, value) in &namespace.extensions {
            out.push(b' ');
            string(out, name);
            out.push(b' ');
            out.extend_from_slice(value);
        }
        out.push(b')');
    }
    out.push(b')');
}

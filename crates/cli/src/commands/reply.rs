use std::io::{self, Seek, Write};

use mailbearer::{
    Address, Blocking, Client, Examined, Imap, Kind, Message, Outgoing, Part, Receipt,
    proto::{
        imap::{Flag, StoreAction},
        mime::{
            compose::{passed_on, quotation},
            parse,
        },
    },
};

use super::{contents, send};
use crate::{
    cli::{ForwardArgs, GlobalArgs, MoreArgs, ReplyArgs},
    error::Error,
    exit::Exit,
    media,
    output::{self, Output},
    packed,
    progress::Progress,
    session::Session,
    stream::Stream,
};

pub(crate) fn reply(
    global: &GlobalArgs,
    arguments: &ReplyArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.folder)?;
    let own = own_text(&arguments.more, true)?.unwrap_or_default();
    let session = Session::open(global, true)?;
    let from = send::from(arguments.more.from.as_deref(), &session)?;
    let uid = arguments.uid.get();
    let mut imap = session.with_token(Client::connect_imap)?;
    let mut folder = imap.examine(&arguments.folder)?;
    let (header, text, _) = read(&mut folder, uid, !arguments.no_quote)?;
    let original = parse::Message::parse(&header);
    // A copy of one's own answer is in the folder of what was sent.
    let user: Vec<_> = Address::parse(&session.client.account().user).into_iter().collect();
    let mut message = Message::reply_by(&original, from, &user, arguments.all).map_err(|error| {
        Error::new(Exit::Data, error.to_string()).hint("`send --to` writes to whom you name")
    })?;
    let mut whole = own;
    if !arguments.no_quote {
        whole = format!("{}\n\n{}", whole.trim_end(), quotation(&original, &text));
    }
    message = send::people(message.text(whole), &[], &arguments.more.cc, &arguments.more.bcc)?;
    let outgoing = send::attached(Outgoing::new(message), &arguments.more.attach)?;
    let receipt = deliver(outgoing, &session)?;
    mark(&mut imap, &arguments.folder, uid, Flag::Answered);
    let _ = imap.logout();
    send::report(&receipt, out)
}

pub(crate) fn forward(
    global: &GlobalArgs,
    arguments: &ForwardArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.folder)?;
    let own = own_text(&arguments.more, false)?;
    let session = Session::open(global, true)?;
    let from = send::from(arguments.more.from.as_deref(), &session)?;
    let uid = arguments.uid.get();
    let mut imap = session.with_token(Client::connect_imap)?;
    let mut folder = imap.examine(&arguments.folder)?;
    let (header, text, in_text) = read(&mut folder, uid, !arguments.whole)?;
    let original = parse::Message::parse(&header);
    let own = own.map(|text| format!("{}\n\n", text.trim_end())).unwrap_or_default();
    let mut message = Message::forward(&original, from);
    let mut outgoing;
    if arguments.whole {
        let mut octets = Vec::new();
        let mut body = folder.fetch(uid)?;
        while let Some(piece) = body.next()? {
            octets.extend_from_slice(&piece);
        }
        drop(body);
        message = message.text(own).attach_message("message.eml", &octets);
        outgoing = Outgoing::new(message);
    } else {
        outgoing = Outgoing::new(message.text(own + &passed_on(&original, &text)));
        outgoing = with_attachments_of(&mut folder, uid, outgoing, in_text)?;
    }
    let more = &arguments.more;
    let mut problem = None;
    outgoing = outgoing.map(|message| {
        send::people(message.clone(), &arguments.to, &more.cc, &more.bcc).unwrap_or_else(|error| {
            problem = Some(error);
            message
        })
    });
    if let Some(problem) = problem {
        return Err(problem);
    }
    outgoing = send::attached(outgoing, &more.attach)?;
    let receipt = deliver(outgoing, &session)?;
    if let Ok(forwarded) = Flag::new("$Forwarded") {
        mark(&mut imap, &arguments.folder, uid, forwarded);
    }
    let _ = imap.logout();
    send::report(&receipt, out)
}

/// Header and text of a message, and the files in the text.
fn read(
    folder: &mut Examined<'_, Blocking>,
    uid: u32,
    with_text: bool,
) -> Result<(Vec<u8>, String, Vec<packed::File>), Error> {
    let mut message = folder.message(uid)?;
    let header = message.header()?;
    let (text, files) = if with_text { packed::text(&mut message)? } else { Default::default() };
    Ok((header, text, files))
}

/// Adds what is attached to a message. It waits in files without names, however large it is.
fn with_attachments_of(
    folder: &mut Examined<'_, Blocking>,
    uid: u32,
    mut outgoing: Outgoing<'static>,
    in_text: Vec<packed::File>,
) -> Result<Outgoing<'static>, Error> {
    let cannot = |error: io::Error| Error::new(Exit::Io, format!("cannot keep an attachment: {error}"));
    let mut message = folder.message(uid)?;
    if message.outline().parts.is_empty() {
        return Err(contents::no_structure(uid, WHOLE));
    }
    let attached: Vec<_> = message.outline().files().cloned().collect();
    for part in attached {
        let is_message = part.media_type == "message/rfc822";
        let name = sendable_name(part.name.as_deref().unwrap_or_default(), &part.media_type);
        if is_message && part.octets.is_some_and(|octets| octets <= MESSAGE) {
            let mut octets = Vec::new();
            let mut content = message.content(&part)?;
            while let Some(piece) = content.next()? {
                octets.extend_from_slice(&piece);
            }
            outgoing = outgoing.map(|message| message.attach_message(name, &octets));
            continue;
        }
        let mut file = tempfile::tempfile().map_err(cannot)?;
        let mut octets = 0_u64;
        let mut content = message.content(&part).map_err(|error| match error.kind() {
            Kind::NoData => {
                let encoding = &part.encoding;
                Error::new(Exit::Data, format!("{name:?} is encoded as {encoding:?}, which is not known"))
                    .hint(WHOLE)
            }
            _ => error.into(),
        })?;
        while let Some(piece) = content.next()? {
            file.write_all(&piece).map_err(cannot)?;
            octets = octets.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        file.rewind().map_err(cannot)?;
        outgoing = outgoing.attach_reader(&name, &sendable_type(&part), file, Some(octets));
    }
    for file in in_text {
        let name = sendable_name(&file.name, &file.media_type);
        let octets = u64::try_from(file.octets.len()).ok();
        outgoing = outgoing.attach_reader(&name, &file.media_type, io::Cursor::new(file.octets), octets);
    }
    Ok(outgoing)
}

const WHOLE: &str = "`forward --whole` attaches the message as it is";

/// The name of a file in one line, or one that says what it is.
fn sendable_name(name: &str, media_type: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if !name.is_empty() {
        return name;
    }
    let kind = if media_type == "message/rfc822" { "message" } else { "attachment" };
    media::extension(media_type).map_or_else(|| kind.into(), |extension| format!("{kind}.{extension}"))
}

/// Octets of an attached message that is held, so that it stays a message; a larger one becomes a file.
const MESSAGE: u64 = 32 << 20;

/// The type that a file is sent as, with the charset of a text. RFC 2045 forbids base64 for a message, and a type that is
/// malformed can't be written.
fn sendable_type(part: &Part) -> String {
    let is_plain = |text: &&str| {
        (1..=127).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ".+-_".contains(c))
    };
    let halves =
        part.media_type.split_once('/').filter(|(kind, subtype)| is_plain(kind) && is_plain(subtype));
    if halves.is_none_or(|(kind, _)| matches!(kind, "message" | "multipart")) {
        return "application/octet-stream".into();
    }
    let charset = part.charset.as_deref().filter(is_plain);
    charset
        .map_or_else(|| part.media_type.clone(), |charset| format!("{}; charset={charset}", part.media_type))
}

fn deliver(outgoing: Outgoing<'_>, session: &Session) -> Result<Receipt, Error> {
    let prepared = session.client.prepare(outgoing).map_err(|error| send::no_good(&error))?;
    send::deliver_stream(session, Stream::new(prepared.envelope(), prepared, Progress::new(None, true)))
}

/// Marks the message on the server. If that fails, the command does not: the answer is sent.
fn mark(imap: &mut Imap<Blocking>, folder: &str, uid: u32, flag: Flag<'static>) {
    let stored = imap
        .select(folder)
        .and_then(|mut folder| folder.store(uid.into(), StoreAction::Add, &[flag]).map(drop));
    if let Err(error) = stored {
        output::warning(&format!("the message was sent, and the old one is not marked: {error}"));
    }
}

/// The text of the command line or of standard input; `None` if neither is to be used.
fn own_text(arguments: &MoreArgs, is_needed: bool) -> Result<Option<String>, Error> {
    match &arguments.text {
        Some(text) if text != "-" => Ok(Some(text.clone())),
        None if !is_needed => Ok(None),
        _ => send::read_text().map(Some),
    }
}

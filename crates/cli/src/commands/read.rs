use std::io::Write;

use jiff::Timestamp;
use mailbearer::{
    Blocking, DisplayAddress, Kind, Outline, Part, Received, Summary,
    proto::mime::{
        calendar::{self, Invitation, When},
        decode::AddressOrGroup,
        parse::{self, Role},
    },
};
use serde_json::json;

use crate::{
    cli::{GlobalArgs, ReadArgs},
    error::Error,
    interrupt::Interrupts,
    output::{self, Output},
    packed, reading, row, structure, value,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &ReadArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let width = out.width();
    let mut shown = Vec::new();
    let object = super::with_imap(global, &[&arguments.folder], |imap| {
        let mut folder = imap.examine(&arguments.folder)?;
        let mut message = folder.message(arguments.uid.get())?;
        let summary = summary(&mut message)?;
        let (text, in_text) = packed::text(&mut message)?;
        let invitation = invitation(&mut message)?;
        let packed = packed(&mut message, in_text)?;
        let outline = message.outline();
        if outline.parts.is_empty() {
            output::warning(
                "the server gives no structure of the message that can be read: nothing that is attached is told",
            );
        }
        if out.is_json() {
            return Ok(Some(object(&summary, outline, &text, &packed, invitation.as_ref())));
        }
        let mut lines = Vec::new();
        reading::wrapped(&text, width, &mut lines);
        shown.extend([header(&summary), lines]);
        shown.extend(invitation.as_ref().map(invited));
        // The part that was shown as text is not listed as a file.
        let is_shown = |part: &&Part| invitation.is_some() && part.role() == Some(Role::Calendar);
        let attached = outline.files().filter(|part| !is_shown(part)).map(attachment);
        shown.push(attached.chain(packed.iter().map(packed_file)).collect());
        Ok(None)
    })?;
    // A person may read for longer than the server waits.
    match object {
        Some(object) => out.json(&object),
        None => {
            shown.retain(|lines: &Vec<String>| !lines.is_empty());
            reading::show(&shown.join(&String::new()), interrupts, out)
        }
    }
}

/// What is known of the header. It is read here if the server can't make it out.
fn summary(message: &mut Received<'_, Blocking>) -> Result<Summary, Error> {
    let mut summary = message.outline().summary.clone();
    if !summary.incomplete {
        return Ok(summary);
    }
    let octets = match message.header() {
        Err(error) if error.kind() == Kind::NoData => {
            output::warning(&row::incomplete(&summary));
            return Ok(summary);
        }
        header => header?,
    };
    let header = parse::Message::parse(&octets);
    if let Some(author) = people(header.from()).into_iter().next() {
        summary.from = if author.name.is_empty() { author.address.clone() } else { author.name };
        summary.address = author.address;
    }
    (summary.to, summary.cc) = (people(header.to()), people(header.cc()));
    summary.reply_to = people(header.reply_to());
    summary.subject = header.subject().unwrap_or_default().into_owned();
    summary.date = header.date().or(summary.date);
    summary.message_id = header.message_id().unwrap_or_default();
    summary.in_reply_to = header.in_reply_to().join(" ");
    summary.incomplete = false;
    Ok(summary)
}

fn people(entries: Vec<AddressOrGroup>) -> Vec<DisplayAddress> {
    let members = |entry| match entry {
        AddressOrGroup::Address(mailbox) => vec![mailbox],
        AddressOrGroup::Group { members, .. } => members,
    };
    entries.into_iter().flat_map(members).collect()
}

/// The files that Outlook packed into one, and those `in_text`.
fn packed(
    message: &mut Received<'_, Blocking>,
    in_text: Vec<packed::File>,
) -> Result<Vec<packed::File>, Error> {
    let mut files = Vec::new();
    let parts: Vec<Part> = message.outline().attachments().cloned().collect();
    for part in parts {
        files.extend(packed::open(message, &part)?.map(|opened| opened.files).unwrap_or_default());
    }
    files.extend(in_text);
    Ok(files)
}

fn packed_file(file: &packed::File) -> String {
    let name = if file.name.is_empty() { "-" } else { file.name.as_str() };
    let octets = u64::try_from(file.octets.len()).unwrap_or(u64::MAX);
    format!("    {name}  {}  {}", file.media_type, shown_size(octets))
}

/// The invitation that a message is, if it is one.
fn invitation(message: &mut Received<'_, Blocking>) -> Result<Option<Invitation>, Error> {
    let is_small = |part: &&Part| part.octets.is_some_and(|octets| octets <= CALENDAR);
    let mut calendars = message.outline().parts.iter().filter(|part| part.role() == Some(Role::Calendar));
    let Some(part) = calendars.find(is_small).cloned() else { return Ok(None) };
    let mut octets = Vec::new();
    let mut content = message.content(&part)?;
    while let Some(piece) = content.next()? {
        octets.extend_from_slice(&piece);
    }
    Ok(calendar::invitation(&String::from_utf8_lossy(&octets)))
}

/// Octets of calendar data that are looked at.
const CALENDAR: u64 = 1 << 20;

fn header(summary: &Summary) -> Vec<String> {
    let list =
        |people: &[DisplayAddress]| people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let from = DisplayAddress::new(
        if summary.from == summary.address { "" } else { summary.from.as_str() },
        summary.address.as_str(),
    );
    let date = summary.date.and_then(|date| Timestamp::from_second(date.unix_seconds()).ok());
    let date =
        date.map(|date| date.to_zoned_datetime(value::zone()).strftime("%a, %Y-%m-%d %H:%M %z").to_string());
    let fields = [
        ("From", from.to_string()),
        ("To", list(&summary.to)),
        ("Cc", list(&summary.cc)),
        ("Date", date.unwrap_or_default()),
        ("Subject", summary.subject.clone()),
    ];
    fields
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name}: {text}"))
        .collect()
}

fn attachment(part: &Part) -> String {
    let note = match part.role() {
        Some(Role::SignedData) => "  (signed: the message is inside)",
        Some(Role::EncryptedData | Role::PgpEncrypted) => "  (encrypted: the message is inside)",
        Some(Role::SecuredData) => "  (S/MIME: the message may be inside)",
        Some(Role::Signature) => "  (a signature)",
        Some(Role::Tnef) => "  (Outlook's form of a message: `fetch --attachments` gives the files in it)",
        Some(Role::DeliveryStatus) => "  (what became of a message)",
        Some(Role::DispositionNotification) => "  (what was done with a message)",
        Some(Role::DmarcReport) => "  (a DMARC report)",
        _ => "",
    };
    let name = part.name.as_deref().unwrap_or("-");
    format!("[{}] {name}  {}  {}{note}", structure::dotted(&part.number), part.media_type, size(part))
}

fn size(part: &Part) -> String {
    let Some(octets) = part.octets else { return String::new() };
    // Encoded octets; what they are without that is three quarters of it.
    let octets = if part.encoding == "base64" { octets.saturating_mul(57) / 78 } else { octets };
    shown_size(octets)
}

fn shown_size(octets: u64) -> String {
    match octets {
        0..=9_999 => format!("{octets} octets"),
        10_000..=9_999_999 => format!("{} kB", octets / 1_000),
        _ => format!("{} MB", octets / 1_000_000),
    }
}

fn invited(invitation: &Invitation) -> Vec<String> {
    let what = match invitation.method.as_str() {
        "REQUEST" => "Invitation",
        "CANCEL" => "Cancelled",
        "REPLY" => "Answer to an invitation",
        _ => "Event",
    };
    let organizer = invitation.organizer.as_ref().map(|organizer| organizer.address.clone());
    let times = [invitation.start.as_ref().map(shown), invitation.end.as_ref().map(shown)];
    let times = times.into_iter().flatten().collect::<Vec<_>>().join(" to ");
    let fields = [
        (what, invitation.summary.clone()),
        ("When", times),
        ("Where", invitation.location.clone()),
        ("Organizer", organizer.unwrap_or_default()),
    ];
    fields
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{name}: {text}"))
        .collect()
}

fn shown(when: &When) -> String {
    let day = format!("{:04}-{:02}-{:02}", when.date.year(), when.date.month(), when.date.day());
    let Some((hour, minute, _)) = when.time else { return day };
    let zone = when.zone.as_deref().map(|zone| format!(" ({zone})")).unwrap_or_default();
    format!("{day} {hour:02}:{minute:02}{zone}")
}

fn object(
    summary: &Summary,
    outline: &Outline,
    text: &str,
    packed: &[packed::File],
    invitation: Option<&Invitation>,
) -> serde_json::Value {
    let mut object = row::object(summary);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("text".into(), text.into());
        let attachments: Vec<_> = outline.files().map(structure::object).collect();
        fields.insert("attachments".into(), attachments.into());
        if !packed.is_empty() {
            let file = |file: &packed::File| json!({ "name": file.name, "type": file.media_type, "octets": file.octets.len() });
            fields.insert("packed".into(), packed.iter().map(file).collect());
        }
        if let Some(invitation) = invitation {
            let object = json!({
                "method": invitation.method,
                "summary": invitation.summary,
                "start": invitation.start.as_ref().map(shown),
                "end": invitation.end.as_ref().map(shown),
                "location": invitation.location,
                "organizer": invitation.organizer.as_ref().map(|organizer| &organizer.address),
            });
            fields.insert("invitation".into(), object);
        }
    }
    object
}

use std::{
    hint::black_box,
    time::{Duration, SystemTime},
};

use lettre::message::{
    Attachment, Body, Mailbox, MultiPart, SinglePart,
    header::{ContentTransferEncoding, ContentType},
};
use mail_builder::{
    MessageBuilder,
    headers::{HeaderType, address::Address as TheirAddress},
    mime::MimePart,
};
use mailbearer_mime::{Address, DateTime, Message, compose::FileEncoder};

use super::Library;

pub(super) fn text(library: Library, input: &[u8]) -> usize {
    let text = str::from_utf8(input).unwrap();
    match library {
        Library::Ours => build(ours(SUBJECT, "Jo Example").text(text)),
        Library::MailBuilder => written(theirs(SUBJECT, "Jo Example").text_body(text)),
        Library::Lettre => {
            formatted(&lettres(SUBJECT, "Jo Example").singlepart(SinglePart::plain(text.to_owned())).unwrap())
        }
        _ => unreachable!(),
    }
}

/// A file that is there to be sent: who wants to own it gets it.
pub(super) fn file(library: Library, input: Vec<u8>) -> usize {
    match library {
        Library::Ours => {
            build(ours(SUBJECT, "Jo Example").text(TEXT).attach("report.pdf", "application/pdf", input))
        }
        Library::MailBuilder => written(theirs(SUBJECT, "Jo Example").text_body(TEXT).attachment(
            "application/pdf",
            "report.pdf",
            input.as_slice(),
        )),
        Library::Lettre => {
            let kind = ContentType::parse("application/pdf").unwrap();
            let file = Attachment::new("report.pdf".to_owned()).body(input, kind);
            let parts = MultiPart::mixed().singlepart(SinglePart::plain(TEXT.to_owned())).singlepart(file);
            formatted(&lettres(SUBJECT, "Jo Example").multipart(parts).unwrap())
        }
        _ => unreachable!(),
    }
}

/// `input` is a text of which each line is a subject. Ours and lettre's always have an envelope.
pub(super) fn words(library: Library, input: &[u8], envelope: bool) -> usize {
    let lines = str::from_utf8(input).unwrap().lines();
    let written = lines.map(|subject| match library {
        Library::Ours => build(ours(subject, "Jörg Müller").text(TEXT)),
        Library::MailBuilder => {
            let message = theirs(subject, "Jörg Müller").text_body(TEXT);
            if envelope {
                black_box(envelope_of(&message));
            }
            written(message)
        }
        Library::Lettre => formatted(
            &lettres(subject, "Jörg Müller").singlepart(SinglePart::plain(TEXT.to_owned())).unwrap(),
        ),
        _ => unreachable!(),
    });
    written.sum()
}

pub(super) fn base64(library: Library, input: &[u8]) -> usize {
    match library {
        Library::Ours => {
            let (mut encoder, mut out) = (FileEncoder::default(), Vec::with_capacity(input.len() * 3 / 2));
            encoder.encode(input, &mut out);
            encoder.finish(&mut out);
            black_box(out).len()
        }
        Library::MailBuilder => {
            let mut out = Vec::with_capacity(input.len() * 3 / 2);
            MimePart::new("application/pdf", input).write_part(&mut out);
            black_box(out).len()
        }
        Library::Lettre => {
            let body = Body::new_with_encoding(input.to_vec(), ContentTransferEncoding::Base64).unwrap();
            black_box(body).len()
        }
        _ => unreachable!(),
    }
}

fn ours(subject: &str, name: &str) -> Message {
    Message::new(Address::named("Robot", "robot@example.com").unwrap())
        .to(Address::named(name, "jo@example.org").unwrap())
        .to(Address::named("Ann Example", "ann@example.org").unwrap())
        .cc(Address::named("Desk", "desk@example.org").unwrap())
        .subject(subject)
        .message_id(MESSAGE_ID)
}

fn build(message: Message) -> usize {
    black_box(message.build(DateTime::new(1_795_600_000, 60).unwrap(), [7; 16]).unwrap().octets).len()
}

fn theirs<'a>(subject: &'a str, name: &'a str) -> MessageBuilder<'a> {
    MessageBuilder::new()
        .from(("Robot", "robot@example.com"))
        .to(vec![
            TheirAddress::new_address(name.into(), "jo@example.org"),
            TheirAddress::new_address("Ann Example".into(), "ann@example.org"),
        ])
        .cc(("Desk", "desk@example.org"))
        .subject(subject)
        .message_id(MESSAGE_ID)
        .date(1_795_600_000_i64)
}

/// Who it is from, and each whom it is to once, for a session that outlives the message.
fn envelope_of(message: &MessageBuilder<'_>) -> (String, Vec<String>) {
    fn gather(address: &TheirAddress<'_>, found: &mut Vec<String>) {
        match address {
            TheirAddress::Address(one) if !found.iter().any(|known| *known == one.email) => {
                found.push(one.email.clone().into_owned());
            }
            TheirAddress::Address(_) => {}
            TheirAddress::List(list) => list.iter().for_each(|one| gather(one, found)),
            TheirAddress::Group(group) => group.addresses.iter().for_each(|one| gather(one, found)),
        }
    }
    let (mut sender, mut recipients) = (Vec::new(), Vec::with_capacity(4));
    for (name, value) in &message.headers {
        if let HeaderType::Address(address) = value {
            gather(address, if name == "From" { &mut sender } else { &mut recipients });
        }
    }
    (sender.swap_remove(0), recipients)
}

fn written(message: MessageBuilder<'_>) -> usize {
    black_box(message.write_to_vec().unwrap()).len()
}

fn lettres(subject: &str, name: &str) -> lettre::message::MessageBuilder {
    let mailbox = |name: &str, address: &str| Mailbox::new(Some(name.to_owned()), address.parse().unwrap());
    lettre::Message::builder()
        .from(mailbox("Robot", "robot@example.com"))
        .to(mailbox(name, "jo@example.org"))
        .to(mailbox("Ann Example", "ann@example.org"))
        .cc(mailbox("Desk", "desk@example.org"))
        .subject(subject)
        .message_id(Some(format!("<{MESSAGE_ID}>")))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_600_000))
}

fn formatted(message: &lettre::Message) -> usize {
    black_box(message.formatted()).len()
}

const SUBJECT: &str = "Report of the third quarter, with the numbers of last year";
const TEXT: &str = "Please find the report attached.\n\nBest regards\nRobot\n";
const MESSAGE_ID: &str = "4f1c9c7e0d8b4f7e9a1b2c3d4e5f6071@example.com";

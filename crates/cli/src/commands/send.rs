use std::{
    fs,
    io::{self, IsTerminal, Read, Write},
    path::Path,
    time::Duration,
};

use mailbearer::{
    Address, Envelope, MailObject, Message, Outcome, Outgoing, RawMessage, Receipt, Sent,
    proto::{
        mime::{AddressError, compose, parse},
        smtp::Reply,
        wire::printable,
    },
};
use mailbearer_bridge::named;
use serde_json::json;

use super::fields;
use crate::{
    cli::{GlobalArgs, SendArgs},
    error::Error,
    exit::Exit,
    media,
    output::{self, Output},
    progress::Progress,
    raw,
    session::{self, Session},
    stream::{Source, Stream},
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &SendArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let people = People::read(arguments)?;
    if arguments.raw.is_none() && people.is_nobody() {
        return Err(Error::usage("no recipients").hint("name them with --to, --cc or --bcc"));
    }
    let session = Session::open(global, true)?;
    let mut id = None;
    let trace = global.shows_trace();
    let sent = match &arguments.raw {
        Some(file) if file.as_os_str() == "-" => {
            send_raw(raw::read(io::stdin())?, people, arguments, &session, trace, &mut id)
        }
        Some(file) => send_raw(raw::open(file)?, people, arguments, &session, trace, &mut id),
        None => send_composed(arguments, people, &session, &mut id),
    };
    match (sent, arguments.verify) {
        (Err(error), Some(patience)) if error.exit == Exit::OutcomeUnknown => {
            verify(error, id.as_deref(), patience, &session, out)
        }
        (sent, _) => report(&sent?, out),
    }
}

/// Looks for a message whose sending ended in `unknown`. What can't be told stays so.
fn verify(
    unknown: Error,
    id: Option<&str>,
    patience: u64,
    session: &Session,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let text = &unknown.text;
    let still = |found: &str| Error::new(Exit::OutcomeUnknown, format!("{text}; {found}"));
    let Some(id) = id else { return Err(still("it has no Message-ID to look for it by")) };
    match session.with_token(|client| client.arrived(id, Duration::from_secs(patience))) {
        Ok(Some(found)) => {
            let refused = &unknown.refused;
            if out.is_json() {
                out.json(&json!({
                    "arrived": true,
                    "mailbox": found.mailbox,
                    "message_id": found.message_id,
                    "refused": refused_in_json(refused),
                }))?;
            } else {
                let [mailbox, id] = [&found.mailbox, &found.message_id].map(|text| printable(text));
                out.line(&format!("arrived   found in {mailbox} as {id}"))?;
                tell_refused(refused, out)?;
            }
            some_refused(refused.len(), None)
        }
        Ok(None) => Err(still(&format!("{id} is not among the newest messages that were sent"))
            .hint("that does not say that it did not arrive: not every provider keeps what is sent")),
        Err(error) => Err(still(&format!("{id} could not be looked for: {}", error.text))),
    }
}

/// The sender and the recipients on the command line.
struct People {
    from: Option<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
    bcc: Vec<Address>,
}

impl People {
    fn read(arguments: &SendArgs) -> Result<Self, Error> {
        let from = arguments
            .from
            .as_ref()
            .map(|text| Address::parse(text).map_err(|error| wrong("from", text, error)));
        Ok(Self {
            from: from.transpose()?,
            to: addresses("to", &arguments.to)?,
            cc: addresses("cc", &arguments.cc)?,
            bcc: addresses("bcc", &arguments.bcc)?,
        })
    }

    fn is_nobody(&self) -> bool {
        self.to.is_empty() && self.cc.is_empty() && self.bcc.is_empty()
    }
}

/// Sends a message while it is read. If reading fails on the way, the message is not sent.
fn send_raw<R: Read + Send>(
    mut message: RawMessage<R>,
    people: People,
    arguments: &SendArgs,
    session: &Session,
    trace: bool,
    id: &mut Option<String>,
) -> Result<Receipt, Error> {
    let recipients = [people.to, people.cc, people.bcc].concat();
    let recipients = recipients.iter().map(|mailbox| mailbox.address().to_owned()).collect();
    let user = &session.client.account().user;
    let sender = people.from.as_ref().map(|mailbox| mailbox.address().to_owned());
    // A message without From gets one, so that it is from somebody; a user that is no address can't be one.
    if let Some(from) = people.from.or_else(|| Address::parse(user).ok()) {
        session.client.complete(&mut message, &from)?;
    }
    *id = parse::Message::parse(message.header().octets()).message_id();
    let mut envelope = message.envelope(sender, recipients, user).map_err(|error| raw::no_good(&error))?;
    arguments.delivery.ask(&mut envelope).map_err(Error::usage)?;
    let progress = Progress::new(envelope.size, trace);
    deliver_stream(session, Stream::new(envelope, message, progress))
}

/// Sends a message while it is read, in as many parts as the server wants.
pub(super) fn deliver_stream<S: Source>(session: &Session, stream: Stream<S>) -> Result<Receipt, Error> {
    let (stream, outcome) = deliver(session, stream)?;
    match (outcome, stream.into_failure()) {
        (Outcome::Refused(_) | Outcome::Deferred(_), Some(failure)) => Err(failure.into()),
        (outcome, _) => receipt(session, outcome),
    }
}

/// Sends a message once, in as many parts as the server wants. Other processes that use the account count with this one.
fn deliver<M: MailObject>(session: &Session, message: M) -> Result<(M, Outcome), Error> {
    let mut options = session.client.pool_options();
    // Who calls this decides whether to try again.
    options.tries = 0;
    let pool = session.client.pool_with(options);
    if let Some(wait) = pool.wait() {
        session::tell_wait(wait);
    }
    let sent = pool.send_all([message]).next();
    pool.close();
    // The only message always has an end.
    let not_sent = || Error::new(Exit::Transient, "the message was not sent");
    sent.map(|Sent { message, outcome, .. }| (message, outcome)).ok_or_else(not_sent)
}

fn receipt(session: &Session, outcome: Outcome) -> Result<Receipt, Error> {
    match outcome {
        Outcome::Accepted(receipt) => Ok(receipt),
        Outcome::Refused(error) | Outcome::Deferred(error) => Err(session.failed(error)),
        Outcome::Unknown { error, unsent } => {
            let mut error = session.failed(error);
            if !unsent.recipients.is_empty() {
                let others = unsent.recipients.join(", ");
                error.text.push_str(&format!("; it was not sent to {others}: {}", unsent.reason));
            }
            Err(error)
        }
    }
}

/// A message in memory.
struct Whole<'m> {
    octets: &'m [u8],
    envelope: Envelope,
}

impl MailObject for Whole<'_> {
    fn envelope(&self) -> Envelope {
        self.envelope.clone()
    }

    fn octets(&mut self, offset: u64) -> io::Result<&[u8]> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.octets.get(offset..));
        Ok(rest.unwrap_or_default())
    }
}

fn send_composed(
    arguments: &SendArgs,
    people: People,
    session: &Session,
    id: &mut Option<String>,
) -> Result<Receipt, Error> {
    let from = match people.from {
        Some(from) => from,
        None => from(None, session)?,
    };
    let mut message = Message::new(from);
    message = people.to.into_iter().fold(message, Message::to);
    message = people.cc.into_iter().fold(message, Message::cc);
    message = people.bcc.into_iter().fold(message, Message::bcc);
    message = addresses("reply-to", &arguments.reply_to)?.into_iter().fold(message, Message::reply_to);
    if let Some(subject) = &arguments.subject {
        message = message.subject(subject);
    }
    message = fields::add(message, &arguments.header)?;
    let mut ids = Vec::new();
    for picture in &arguments.inline {
        let (id, file) = picture.split_once('=').unwrap_or(("", picture));
        let file = Path::new(file);
        let content = fs::read(file).map_err(|error| Error::input("the picture", file, &error))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let id = if id.is_empty() { name.as_ref() } else { id }.to_owned();
        if ids.contains(&id) {
            return Err(
                Error::usage(format!("--inline {picture:?}: another picture has the id {id:?}")).hint(AN_ID)
            );
        }
        ids.push(id.clone());
        message = message.inline(id, name.clone(), media::by_name(file), content);
    }
    if let Some(file) = &arguments.calendar {
        let octets = fs::read(file).map_err(|error| Error::input("the calendar file", file, &error))?;
        let text = String::from_utf8(octets).map_err(|_| {
            let message = format!("the calendar file {} is not UTF-8", named(file));
            Error::new(Exit::Data, message).hint(A_FILE)
        })?;
        message = message.calendar(text);
    }
    if let Some(html) = &arguments.html {
        message = message.html(html);
    }
    match &arguments.text {
        Some(text) if text != "-" => message = message.text(text),
        None if arguments.html.is_some() || arguments.calendar.is_some() => {}
        _ => message = message.text(read_text()?),
    }
    if arguments.attach.is_empty() {
        let composed = session.client.compose(&message).map_err(|error| no_good(&error))?;
        *id = parse::Message::parse(&composed.octets).message_id();
        if !arguments.delivery.is_any() && composed.recipients.iter().nth(1).is_none() {
            // In the fewest round trips.
            let _turn = session.turn()?;
            return session.with_token(|client| client.send(&composed));
        }
        let mut envelope = MailObject::envelope(&&composed);
        arguments.delivery.ask(&mut envelope).map_err(Error::usage)?;
        let (_, outcome) = deliver(session, Whole { octets: &composed.octets, envelope })?;
        return receipt(session, outcome);
    }
    let outgoing = attached(Outgoing::new(message), &arguments.attach)?;
    let prepared = session.client.prepare(outgoing).map_err(|error| no_good(&error))?;
    *id = prepared.message_id();
    let mut envelope = prepared.envelope();
    arguments.delivery.ask(&mut envelope).map_err(Error::usage)?;
    deliver_stream(session, Stream::new(envelope, prepared, Progress::new(None, true)))
}

/// Who a message is from: who is named, or the user of the account.
pub(super) fn from(named: Option<&str>, session: &Session) -> Result<Address, Error> {
    if let Some(text) = named {
        return Address::parse(text).map_err(|error| wrong("from", text, error));
    }
    let user = &session.client.account().user;
    Address::parse(user).map_err(|error| {
        Error::usage(format!("the account's user {user:?} is no address to send from: {error}"))
            .hint("give --from")
    })
}

/// Adds recipients by what the options say.
pub(super) fn people(
    message: Message,
    to: &[String],
    cc: &[String],
    bcc: &[String],
) -> Result<Message, Error> {
    let message = addresses("to", to)?.into_iter().fold(message, Message::to);
    let message = addresses("cc", cc)?.into_iter().fold(message, Message::cc);
    Ok(addresses("bcc", bcc)?.into_iter().fold(message, Message::bcc))
}

/// Adds files, which are read while the message is sent.
pub(super) fn attached<'r>(
    mut outgoing: Outgoing<'r>,
    files: &[std::path::PathBuf],
) -> Result<Outgoing<'r>, Error> {
    for file in files {
        outgoing = outgoing.attach_path(file, media::by_name(file)).map_err(|error| {
            match error.cause::<io::Error>() {
                Some(cause) => Error::input("the attachment", file, cause),
                None => no_good(&error),
            }
        })?;
    }
    Ok(outgoing)
}

const AN_ID: &str =
    "as in --inline ID=FILE; an id is ASCII without spaces and brackets, and the HTML has it behind cid:";
const A_FILE: &str = "a file that is no invitation goes out by --attach";

pub(super) fn no_good(error: &mailbearer::Error) -> Error {
    let problem = error.cause();
    if let Some(problem @ compose::Error::HeaderName(name)) = problem {
        return Error::usage(format!("--header {name:?}: {problem}")).hint(fields::A_FIELD);
    }
    let shown = Error::new(Exit::Data, format!("the message can't be sent: {error}"));
    match problem {
        Some(compose::Error::ContentId) => shown.hint(AN_ID),
        Some(compose::Error::Calendar) => shown.hint(A_FILE),
        _ => shown,
    }
}

fn wrong(option: &str, text: &str, error: AddressError) -> Error {
    Error::usage(format!("--{option} {text:?}: {error}"))
}

fn addresses(option: &str, texts: &[String]) -> Result<Vec<Address>, Error> {
    let lists =
        texts.iter().map(|text| Address::parse_list(text).map_err(|error| wrong(option, text, error)));
    Ok(lists.collect::<Result<Vec<_>, _>>()?.concat())
}

pub(super) fn read_text() -> Result<String, Error> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        output::notice("reading the text from standard input, up to Ctrl-D");
    }
    let mut text = String::new();
    match stdin.lock().take(TEXT.saturating_add(1)).read_to_string(&mut text) {
        Ok(count) if u64::try_from(count).unwrap_or(u64::MAX) > TEXT => {
            Err(Error::new(Exit::Data, format!("the text on standard input is over {TEXT} octets")))
        }
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Error::new(Exit::Data, "the text on standard input is not UTF-8")
                .hint("a whole message in any charset goes out with --raw -"))
        }
        Err(error) => Err(Error::new(Exit::Io, format!("cannot read standard input: {error}"))),
    }
}

/// Octets of a text; more than any provider takes as a message.
const TEXT: u64 = 150 << 20;

/// Tells what became of each recipient. If some were refused, returns an error of its own: the others have the message.
pub(super) fn report(receipt: &Receipt, out: &mut Output<impl Write>) -> Result<(), Error> {
    if out.is_json() {
        out.json(&json!({
            "accepted": receipt.accepted,
            "refused": refused_in_json(&receipt.refused),
            "unsent": receipt.unsent.recipients,
            "reply": receipt.reply.to_string(),
            "server_message_id": receipt.server_message_id(),
        }))?;
    } else {
        for address in &receipt.accepted {
            out.line(&format!("accepted  {address}"))?;
        }
        tell_refused(&receipt.refused, out)?;
        let unsent = &receipt.unsent.recipients;
        unsent.iter().try_for_each(|address| out.line(&format!("unsent    {address}")))?;
    }
    unsent(receipt)?;
    some_refused(receipt.refused.len(), Some(receipt.accepted.len()))
}

/// That the message was not sent to some, if it was not: the others have it.
pub(super) fn unsent(receipt: &Receipt) -> Result<(), Error> {
    let unsent = &receipt.unsent;
    if !unsent.recipients.is_empty() {
        let refused = match receipt.refused.len() {
            0 => String::new(),
            count => format!(", and the server refused {count}"),
        };
        let count = unsent.recipients.len();
        let text = format!("the message was not sent to {count} recipients{refused}: {}", unsent.reason);
        return Err(Error::new(Exit::SomeRefused, text)
            .hint("those who accepted it have it: send it again to the others alone"));
    }
    Ok(())
}

fn refused_in_json(refused: &[(String, Reply)]) -> Vec<serde_json::Value> {
    let object = |(address, reply): &(String, Reply)| json!({ "address": address, "code": reply.code, "reply": reply.to_string() });
    refused.iter().map(object).collect()
}

fn tell_refused(refused: &[(String, Reply)], out: &mut Output<impl Write>) -> Result<(), Error> {
    refused.iter().try_for_each(|(address, reply)| out.line(&format!("refused   {address}  {reply}")))
}

/// That some were refused, if they were; the others, `accepted` many if that is known, get the message.
fn some_refused(refused: usize, accepted: Option<usize>) -> Result<(), Error> {
    if refused == 0 {
        return Ok(());
    }
    let of_all = accepted.map(|count| format!(" of {}", count.saturating_add(refused))).unwrap_or_default();
    Err(Error::new(Exit::SomeRefused, format!("the server refused {refused}{of_all} recipients"))
        .hint("the others get the message: send it again to the refused ones alone"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::DeliveryArgs;

    fn reply(code: u16, text: &str) -> Reply {
        Reply::new(code, text)
    }

    #[test]
    fn reports_each_recipient() {
        let mut receipt = Receipt::new(reply(250, "ok"), vec!["a@x".into(), "b@x".into()], Vec::new());
        let mut octets = Vec::new();
        report(&receipt, &mut Output::to(&mut octets, false)).unwrap();
        assert_eq!(String::from_utf8(octets).unwrap(), "accepted  a@x\naccepted  b@x\n");
        receipt.refused.push(("c@x".into(), reply(550, "no\u{1b}such user")));
        let mut octets = Vec::new();
        let error = report(&receipt, &mut Output::to(&mut octets, false)).unwrap_err();
        assert_eq!(
            (error.exit, error.text.as_str()),
            (Exit::SomeRefused, "the server refused 1 of 3 recipients")
        );
        assert!(String::from_utf8(octets).unwrap().ends_with("refused   c@x  550 no\\x1bsuch user\n"));
        let mut octets = Vec::new();
        report(&receipt, &mut Output::to(&mut octets, true)).unwrap_err();
        assert_eq!(
            String::from_utf8(octets).unwrap(),
            "{\"accepted\":[\"a@x\",\"b@x\"],\"refused\":[{\"address\":\"c@x\",\"code\":550,\
             \"reply\":\"550 no\\\\x1bsuch user\"}],\"reply\":\"250 ok\",\
             \"server_message_id\":null,\"unsent\":[]}\n"
        );
        receipt.unsent.recipients.push("d@x".into());
        receipt.unsent.reason = "server is closing".into();
        let mut octets = Vec::new();
        let error = report(&receipt, &mut Output::to(&mut octets, false)).unwrap_err();
        assert_eq!(
            (error.exit, error.text.as_str()),
            (
                Exit::SomeRefused,
                "the message was not sent to 1 recipients, and the server refused 1: server is closing"
            )
        );
        assert!(String::from_utf8(octets).unwrap().ends_with("such user\nunsent    d@x\n"));
    }

    #[test]
    fn addresses_come_in_lists() {
        let arguments = |to: &[&str], from: Option<&str>| SendArgs {
            from: from.map(Into::into),
            to: to.iter().map(|text| (*text).into()).collect(),
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: None,
            text: None,
            html: None,
            attach: Vec::new(),
            inline: Vec::new(),
            calendar: None,
            header: Vec::new(),
            reply_to: Vec::new(),
            raw: None,
            delivery: DeliveryArgs::default(),
            verify: None,
        };
        let people = People::read(&arguments(&["a@x, \"B, C\" <b@x>", "c@x"], Some("Me <m@x>"))).unwrap();
        assert_eq!(people.to.len(), 3);
        assert_eq!(people.from.unwrap().address(), "m@x");
        for (to, from, want) in [("a@", None, "--to \"a@\": "), ("a@x", Some("b@x\nBcc: c@x"), "--from ")] {
            let error = People::read(&arguments(&[to], from)).err().unwrap();
            assert!(error.exit == Exit::Usage && error.text.starts_with(want), "{error}");
        }
    }
}

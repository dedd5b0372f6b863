use std::{
    io::Write,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use mailbearer::{
    Account, Address, Blocking, Client, Message, Range, Security, Server, TraceLine, proto::mime::Headers,
    proto::wire::Direction,
};
use mailbearer_mock as mock;
use serde_json::json;

use crate::{
    error::Error,
    exit::Exit,
    output::{self, Output},
};

/// Gets a token, sends, lists and reads against servers in memory. It needs no account and leaves nothing behind.
pub(crate) fn run(out: &mut Output<impl Write>) -> Result<(), Error> {
    let server = mock::Server::start(mock::memory::Options::default())
        .map_err(|error| Error::new(Exit::Unavailable, format!("the servers can't be started: {error}")))?;
    let dialogue = Dialogue::default();
    let recorder = dialogue.clone();
    let client = Client::<Blocking>::traced(account(&server)?, move |line| recorder.record(line))?;
    let mut tour = Tour { out, dialogue, steps: Vec::new() };

    tour.step("token", "asking the token endpoint, with the application's own id and secret", || {
        let token = client.token()?;
        let length = token.access_token.expose().len();
        Ok(((), format!("an access token of {length} octets")))
    })?;
    tour.step("send", "submitting a message over SMTP: STARTTLS, then XOAUTH2", || {
        let robot = address(server.user())?;
        let message = Message::new(robot.clone()).to(robot).subject(SUBJECT).text(TEXT);
        let receipt = client.send(&client.compose(&message)?)?;
        Ok(((), format!("accepted for {}", receipt.accepted.join(", "))))
    })?;
    let uid = tour.step("list", "listing the inbox over IMAP, TLS from the start, XOAUTH2", || {
        let mut imap = client.connect_imap()?;
        let mut listing = imap.list("INBOX", Range::All)?;
        let mut newest = None;
        while let Some(summary) = listing.next()? {
            newest = Some((summary.uid, summary.subject));
        }
        imap.logout()?;
        let (uid, subject) = newest.ok_or_else(|| missing("the message is not in the inbox"))?;
        Ok((uid, format!("UID {uid}: {subject}")))
    })?;
    tour.step("fetch", "reading that message", || {
        let mut imap = client.connect_imap()?;
        let mut body = imap.fetch("INBOX", uid)?;
        let mut message = Vec::new();
        while let Some(octets) = body.next()? {
            message.extend_from_slice(&octets);
        }
        imap.logout()?;
        let headers = Headers::parse(&message).map_err(|error| missing(&error.to_string()))?;
        let subject = headers.get("Subject").map(|header| header.text().into_owned());
        if subject.as_deref() != Some(SUBJECT) {
            return Err(missing("the message did not come back as it was sent"));
        }
        Ok(((), format!("{} octets, and the subject is what was sent", message.len())))
    })?;
    tour.table()
}

const SUBJECT: &str = "Grüße from memory 你好";
const TEXT: &str = "This message never left the machine.\n";

fn account(server: &mock::Server) -> Result<Account, Error> {
    let ports = server.ports();
    let mut account = Account::custom(server.user(), server.token_url(), server.scope())
        .client_credentials(server.client_id(), server.client_secret())
        .ca_pem(server.ca_pem())?;
    account.imap = Some(Server::new("localhost", ports.imaps, Security::Implicit));
    account.smtp = Some(Server::new("localhost", ports.smtp, Security::StartTls));
    Ok(account)
}

fn address(text: &str) -> Result<Address, Error> {
    Address::parse(text).map_err(|error| missing(&error.to_string()))
}

fn missing(what: &str) -> Error {
    Error::new(Exit::Internal, what)
}

/// The dialogue so far.
#[derive(Clone, Default)]
struct Dialogue(Arc<Mutex<Vec<String>>>);

impl Dialogue {
    fn record(&self, line: &TraceLine) {
        let direction = match line.direction {
            Direction::Sent => "C:",
            Direction::Received => "S:",
        };
        let line = output::fit(&format!("  {direction} {}", line.text), LINE);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn take(&self) -> Vec<String> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Columns of the dialogue that are shown.
const LINE: usize = 110;

/// Prints the steps of the demonstration as they happen.
struct Tour<'a, W> {
    out: &'a mut Output<W>,
    dialogue: Dialogue,
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    result: String,
    took: Duration,
}

impl<W: Write> Tour<'_, W> {
    fn step<T>(
        &mut self,
        name: &'static str,
        what: &str,
        work: impl FnOnce() -> Result<(T, String), Error>,
    ) -> Result<T, Error> {
        if !self.out.is_json() {
            self.out.line(&format!("{name}: {what}"))?;
        }
        let start = Instant::now();
        let done = work();
        let took = start.elapsed();
        for line in self.dialogue.take() {
            if !self.out.is_json() {
                self.out.line(&line)?;
            }
        }
        let (value, result) = done?;
        if !self.out.is_json() {
            self.out.line("")?;
        }
        self.steps.push(Step { name, result, took });
        Ok(value)
    }

    fn table(&mut self) -> Result<(), Error> {
        if self.out.is_json() {
            return self.steps.iter().try_for_each(|step| {
                let milliseconds = u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX);
                self.out
                    .json(&json!({ "step": step.name, "result": step.result, "milliseconds": milliseconds }))
            });
        }
        let room = self.steps.iter().map(|step| output::width(&step.result)).max().unwrap_or_default();
        self.out.line(&format!("{:<6}  {}  {:>8}", "step", output::pad("result", room), "time"))?;
        self.steps.iter().try_for_each(|step| {
            let time = format!("{:.1} ms", step.took.as_secs_f64() * 1000.0);
            self.out.line(&format!("{:<6}  {}  {time:>8}", step.name, output::pad(&step.result, room)))
        })
    }
}

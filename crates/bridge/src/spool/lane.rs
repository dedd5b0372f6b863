use std::{fmt, time::Duration};

use mailbearer::{
    Blocking, Client, Envelope, Kind, Receipt, Smtp,
    proto::smtp::{Refusal, Reply},
};

use super::{Entry, Error, State, Stored};

/// An account to send by, and its session with the server, which is kept from one message to the next and ends with QUIT
/// when this is dropped.
pub struct Lane {
    client: Result<Client, String>,
    session: Option<Box<Smtp<Blocking>>>,
    /// Why there is no session at the moment, and how long the server asks to be left alone.
    closed: Option<(String, Option<Duration>)>,
}

/// What an attempt says of the recipients that it was for.
pub(crate) struct Verdict {
    pub(crate) states: Vec<(State, Vec<usize>)>,
    pub(crate) wait: Option<Duration>,
    pub(crate) problem: Option<String>,
}

impl Lane {
    /// Nothing is connected yet. An error says why the account can't be used; its messages wait with it.
    #[must_use]
    pub const fn new(client: Result<Client, String>) -> Self {
        Self { client, session: None, closed: None }
    }

    /// Ends the session, if there is one. The next message gets another, also after one that could not be had.
    pub fn close(&mut self) {
        self.closed = None;
        if let Some(smtp) = self.session.take() {
            // Every message has its verdict; whether the goodbye is heard changes nothing.
            let _ = smtp.quit();
        }
    }

    /// Tries to connect again for the next message, if that failed before.
    pub fn reopen(&mut self) {
        self.closed = None;
    }

    pub(crate) fn send(&mut self, entry: &mut Entry<'_>, waiting: &[usize]) -> Result<Verdict, Error> {
        let client = match &self.client {
            Ok(client) => client,
            Err(problem) => return Ok(put_off(waiting, problem, None)),
        };
        loop {
            if let Some((problem, wait)) = &self.closed {
                return Ok(put_off(waiting, problem, *wait));
            }
            let (mut smtp, was_open) = match self.session.take() {
                Some(smtp) => (smtp, true),
                None => match client.connect_smtp() {
                    Ok(smtp) => (Box::new(smtp), false),
                    Err(error) => {
                        self.closed = Some((error.to_string(), error.retry_after()));
                        continue;
                    }
                },
            };
            match submit(&mut smtp, entry, waiting) {
                Ok(receipt) => {
                    self.session = Some(smtp);
                    return Ok(of_receipt(entry.stored(), waiting, &receipt));
                }
                Err(Stopped::Spool(error)) => return Err(error),
                Err(Stopped::Server(error)) => {
                    // A session that was left alone for a while may have ended; another takes the message.
                    let is_over = error.ended_session()
                        || matches!(error.cause(), Some(Refusal::TooManyMessages { .. }));
                    let no_dot = entry.stored().mark <= entry.stored().attempts;
                    if was_open && is_over && no_dot && error.is_transient() {
                        continue;
                    }
                    if !error.ended_session() {
                        self.session = Some(smtp);
                    }
                    return Ok(of_error(entry.stored(), waiting, &error));
                }
            }
        }
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("is_open", &self.session.is_some()).finish_non_exhaustive()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.close();
    }
}

enum Stopped {
    Server(mailbearer::Error),
    Spool(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Spool(error)
    }
}

impl From<mailbearer::Error> for Stopped {
    fn from(error: mailbearer::Error) -> Self {
        Self::Server(error)
    }
}

fn submit(smtp: &mut Smtp<Blocking>, entry: &mut Entry<'_>, waiting: &[usize]) -> Result<Receipt, Stopped> {
    let mut submission = smtp.submit(envelope(entry.stored(), waiting))?;
    entry.copy(|piece| Ok::<(), Stopped>(submission.write(piece)?))?;
    // On the disk before the dot is on the wire: whoever finds the mark and no verdict knows that nobody knows.
    entry.mark()?;
    Ok(submission.finish()?)
}

/// The envelope for those who have not got it yet.
fn envelope(stored: &Stored, waiting: &[usize]) -> Envelope {
    let mut envelope = stored.envelope.clone();
    let recipients = waiting.iter().filter_map(|index| stored.envelope.recipients.get(*index).cloned());
    envelope.recipients = recipients.collect();
    envelope
}

fn of_receipt(stored: &Stored, waiting: &[usize], receipt: &Receipt) -> Verdict {
    let reply = receipt.reply.to_string();
    let states = waiting.iter().map(|index| {
        let address = stored.envelope.recipients.get(*index).map_or("", String::as_str);
        let refused = receipt.refused.iter().find(|(refused, _)| refused == address);
        (
            refused.map_or_else(|| State::Delivered(reply.clone()), |(_, reply)| refused_by(reply)),
            vec![*index],
        )
    });
    Verdict { states: states.collect(), wait: None, problem: None }
}

fn of_error(stored: &Stored, waiting: &[usize], error: &mailbearer::Error) -> Verdict {
    let text = error.to_string();
    let all = |state: State| waiting.iter().map(|index| (state.clone(), vec![*index])).collect();
    let states = match error.cause::<Refusal>() {
        _ if error.outcome_unknown() => all(State::Unknown(text.clone())),
        Some(Refusal::Recipients { refused }) => {
            let states = waiting.iter().map(|index| {
                let address = stored.envelope.recipients.get(*index).map_or("", String::as_str);
                let reply = refused.iter().find(|(refused, _)| refused == address).map(|(_, reply)| reply);
                (reply.map_or_else(|| State::Waiting(Some(text.clone())), refused_by), vec![*index])
            });
            states.collect()
        }
        // That the account is not let in is not the message's fault.
        Some(refusal) if !refusal.is_auth() && !refusal.is_transient() => all(State::Failed(text.clone())),
        _ if error.kind() == Kind::Message => all(State::Failed(text.clone())),
        _ => all(State::Waiting(Some(text.clone()))),
    };
    Verdict { states, wait: error.retry_after(), problem: Some(text) }
}

fn put_off(waiting: &[usize], problem: &str, wait: Option<Duration>) -> Verdict {
    let states = vec![(State::Waiting(Some(problem.to_owned())), waiting.to_vec())];
    Verdict { states, wait, problem: Some(problem.to_owned()) }
}

fn refused_by(reply: &Reply) -> State {
    if reply.is_transient() {
        State::Waiting(Some(reply.to_string()))
    } else {
        State::Failed(reply.to_string())
    }
}

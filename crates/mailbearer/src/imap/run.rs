use std::fmt;

use mailbearer_imap::session::{Bounds, Completion, Event, Tag};
use mailbearer_imap::{Capability, Command, Data, Frame, Limits, Response};
use mailbearer_net::Runtime;

use super::{Authenticated, OddLine};
use crate::Error;

/// Handles untagged data. Returns true if it kept any of it.
pub(super) type Take<'t> = dyn FnMut(Data<'_>) -> Result<bool, Error> + Send + 't;

/// How all operations that are one command get their answers.
impl<R: Runtime> Authenticated<R> {
    /// Reads what an earlier operation left behind, sends a command, and waits for its answer.
    pub(super) async fn run(
        &mut self,
        command: &Command<'_>,
        take: &mut Take<'_>,
    ) -> Result<Completion, Error> {
        self.begin().await?;
        let tag = self.session.command(command)?;
        self.answer(tag, needs(command), take).await
    }

    /// As [`run`](Self::run), for a command that may have something to say about so many messages.
    pub(super) async fn run_on(
        &mut self,
        command: &Command<'_>,
        messages: u64,
        take: &mut Take<'_>,
    ) -> Result<Completion, Error> {
        self.run_or_part(command, messages, false, take).await
    }

    /// As [`run_on`](Self::run_on), for a caller that asks for the rest by itself where the server stopped at its limit of
    /// messages.
    pub(super) async fn run_partly(
        &mut self,
        command: &Command<'_>,
        messages: u64,
        take: &mut Take<'_>,
    ) -> Result<Completion, Error> {
        self.run_or_part(command, messages, true, take).await
    }

    async fn run_or_part(
        &mut self,
        command: &Command<'_>,
        messages: u64,
        may_stop: bool,
        take: &mut Take<'_>,
    ) -> Result<Completion, Error> {
        self.begin().await?;
        self.budget.allow(messages);
        let tag = self.session.command(command)?;
        self.answer_or_part(tag, needs(command), may_stop, take).await
    }

    /// As [`run`](Self::run), for a command without data in its answer.
    pub(super) async fn just_run(&mut self, command: &Command<'_>) -> Result<(), Error> {
        self.run(command, &mut |_| Ok(false)).await.map(drop)
    }

    /// Waits for the answer to a command that was sent. NO and BAD are errors.
    ///
    /// A line that can't be read is an error if the command `needs` it; the rest of the answer is taken in first. Other
    /// such lines are kept for [`odd_lines`](Self::odd_lines).
    pub(super) async fn answer(
        &mut self,
        tag: Tag,
        needs: &[&str],
        take: &mut Take<'_>,
    ) -> Result<Completion, Error> {
        self.answer_or_part(tag, needs, false, take).await
    }

    /// As [`answer`](Self::answer). A command that was done in part is an error too, unless it `may_stop`.
    async fn answer_or_part(
        &mut self,
        tag: Tag,
        needs: &[&str],
        may_stop: bool,
        take: &mut Take<'_>,
    ) -> Result<Completion, Error> {
        let mut left = self.answer_limit;
        let mut unread = None;
        loop {
            match self.event().await? {
                Event::Data(frame) => {
                    let octets = frame.octets().len();
                    let data = match frame.response() {
                        Ok(Response::Untagged(data)) => data,
                        Ok(_) => continue,
                        Err(error) => {
                            if is_one_of(&frame, needs) {
                                unread.get_or_insert(error);
                            } else {
                                self.note_odd(&frame, &error);
                            }
                            continue;
                        }
                    };
                    if take(data)? {
                        left = left.checked_sub(octets).ok_or_else(|| self.answer_too_large())?;
                        self.asked(octets);
                    }
                }
                Event::Done(completion) if completion.tag == tag => {
                    return match unread {
                        _ if !completion.is_ok() || completion.is_partial() && !may_stop => {
                            Err(Error::command(completion))
                        }
                        Some(error) => Err(Error::parse(error)),
                        None => Ok(completion),
                    };
                }
                _ => {}
            }
        }
    }

    /// Returns the lines of the server that could not be read since the last call, and that no operation needed. If
    /// there were more than 100, the first 100.
    pub fn odd_lines(&mut self) -> impl Iterator<Item = OddLine> + '_ {
        self.odd.drain()
    }

    pub(super) fn note_odd(&mut self, frame: &Frame, problem: &dyn fmt::Display) {
        self.odd.push(OddLine::of(frame, problem, self.session.redactor()));
    }

    /// Returns whether the server offers this. Asks the server if it has not said what it offers.
    pub(super) async fn offers(&mut self, capability: &Capability<'_>) -> Result<bool, Error> {
        if self.session.capabilities().is_empty() {
            self.just_run(&Command::Capability).await?;
        }
        Ok(self.session.capabilities().has(capability))
    }

    /// Fails with the name of the capability, if the server does not offer it.
    pub(super) async fn needs(
        &mut self,
        capability: &Capability<'_>,
        what: &'static str,
    ) -> Result<(), Error> {
        if self.offers(capability).await? { Ok(()) } else { Err(Error::unsupported(what)) }
    }

    pub(super) fn answer_too_large(&self) -> Error {
        Error::too_large(u64::try_from(self.answer_limit).unwrap_or(u64::MAX))
    }
}

/// How much more may come during a command that it did not ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    responses: usize,
    octets: usize,
}

impl Budget {
    pub(super) const fn new(bounds: &Bounds) -> Self {
        Self { responses: bounds.unasked_responses, octets: bounds.unasked_octets }
    }

    /// For what an operation that was dropped may still bring: more than for unasked responses, but not without end.
    pub(super) fn of_the_dropped(bounds: &Bounds, limits: &Limits) -> Self {
        let largest = usize::try_from(limits.literal).unwrap_or(usize::MAX);
        Self {
            responses: bounds.unasked_responses.saturating_mul(10),
            octets: bounds.unasked_octets.saturating_mul(10).saturating_add(largest),
        }
    }

    pub(super) fn take(&mut self, event: &Event) -> Result<(), Error> {
        let (responses, octets) = match event {
            Event::Data(frame) => (1, frame.octets().len()),
            Event::LiteralChunk(octets) => (0, octets.len()),
            _ => return Ok(()),
        };
        let left = self.responses.checked_sub(responses).zip(self.octets.checked_sub(octets));
        let (responses, octets) = left.ok_or_else(Error::unasked)?;
        *self = Self { responses, octets };
        Ok(())
    }

    pub(super) const fn give_back(&mut self, responses: usize, octets: usize) {
        self.responses = self.responses.saturating_add(responses);
        self.octets = self.octets.saturating_add(octets);
    }
}

impl Budget {
    /// Counts one response for each of so many messages as asked for.
    pub(super) fn allow(&mut self, messages: u64) {
        let messages = usize::try_from(messages).unwrap_or(usize::MAX).min(MESSAGES);
        self.give_back(messages, messages.saturating_mul(ABOUT_ONE));
    }
}

/// Names the responses without which the result of a command would be wrong.
fn needs(command: &Command<'_>) -> &'static [&'static str] {
    match command {
        Command::Capability => &["CAPABILITY"],
        Command::Enable(_) => &["ENABLED"],
        Command::Id(_) => &["ID"],
        Command::Namespace => &["NAMESPACE"],
        Command::Status { .. } => &["STATUS"],
        Command::Search { .. } => &["SEARCH", "ESEARCH"],
        Command::Sort { .. } => &["SORT"],
        Command::Thread { .. } => &["THREAD"],
        Command::GetQuota(_) | Command::GetQuotaRoot(_) | Command::SetQuota { .. } => &["QUOTA"],
        Command::GetAcl(_) => &["ACL"],
        Command::MyRights(_) => &["MYRIGHTS"],
        Command::ListRights { .. } => &["LISTRIGHTS"],
        Command::GetMetadata { .. } => &["METADATA"],
        _ => &[],
    }
}

/// Whether an untagged response has one of these names, with or without a number in front of it.
pub(super) fn is_one_of(frame: &Frame, names: &[&str]) -> bool {
    let mut words = frame.octets().split(|octet| b" \r\n".contains(octet)).skip(1);
    let word = words.next().filter(|word| !word.iter().all(u8::is_ascii_digit)).or_else(|| words.next());
    word.is_some_and(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes())))
}

/// The most messages that a mailbox is believed to have.
const MESSAGES: usize = 1_000_000;
/// Octets of a response with the UID and the flags of a message.
const ABOUT_ONE: usize = 256;
/// The default of [`Authenticated::limit_answers`].
pub(super) const ANSWER_LIMIT: usize = 16 << 20;
/// The longest set in octets on one line: some servers accept no command of more than 1,000 octets (Gmail), many none
/// of more than 8,000 or 64 Ki.
pub(super) const SET_LINE: usize = 800;

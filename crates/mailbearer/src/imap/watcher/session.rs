//! One connection of a watch, from when its view is correct until it breaks.

use std::time::{Duration, Instant};

use mailbearer_imap::session::Event;
use mailbearer_imap::view::{Change, View, ViewError};
use mailbearer_imap::{Code, Data, Frame, Response};
use mailbearer_net::Runtime;

use super::{News, WatchOptions, Watcher, known::too_many};
use crate::{
    Error, IdleOptions, Imap, Summary, Token,
    imap::{
        idle::{Heard, Idling},
        mailbox::code_of,
        summary::{little, salvage, summary},
    },
};

/// A connection on which the mailbox is open.
pub(super) struct Listening<R: Runtime> {
    imap: Imap<R>,
    pub(super) token: Option<Token>,
    idling: Idling,
    asked: Asked,
}

/// What was tried to learn of new messages since something changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// FETCH of all that a [`Summary`](crate::Summary) holds.
    Summary,
    /// FETCH of what a server can say of a message that it can't show.
    Little,
    /// NOOP, to learn what no longer exists.
    Noop,
}

impl<R: Runtime> Listening<R> {
    pub(super) async fn new(
        mut imap: Imap<R>,
        token: Option<Token>,
        options: WatchOptions,
        answer: Option<Duration>,
    ) -> Result<Self, Error> {
        let mut idle = IdleOptions::default();
        (idle.idle, idle.poll) = (options.idle, options.poll);
        idle.answer = answer.unwrap_or(idle.answer);
        let idling = Idling::new(&mut imap, idle).await?;
        Ok(Self { imap, token, idling, asked: Asked::Nothing })
    }

    pub(super) async fn leave(self) -> Result<(), Error> {
        self.imap.say_goodbye().await
    }

    /// Decides what to do next, when nothing is awaited.
    fn begin(&mut self, view: &View) -> Result<(), Error> {
        let session = &mut self.imap.line.session;
        let unknown = view.unknown().to_sequence_set();
        let (asked, tag) = match (self.asked, unknown) {
            (Asked::Nothing, Some(set)) => (Asked::Summary, session.fetch(set, Summary::ITEMS.into())?),
            (Asked::Summary, Some(set)) => (Asked::Little, session.fetch(set, Summary::LITTLE.into())?),
            (Asked::Little, Some(_)) => (Asked::Noop, session.noop()?),
            _ => return self.idling.rest(session, R::now()),
        };
        self.asked = asked;
        self.idling.asked(tag, R::now());
        Ok(())
    }
}

impl<R: Runtime> Watcher<R> {
    /// Handles one thing that the server says. Returns false if it says nothing until then.
    pub(super) async fn listen(&mut self, until: Option<Instant>) -> Result<bool, Error> {
        let Some(listening) = &mut self.listening else { return Ok(true) };
        if listening.idling.is_nothing() {
            listening.begin(&self.known.view)?;
        }
        // The limit on operations does not apply to waiting.
        let total = self.client.account().timeouts.total;
        let longest = total.map(|total| total.checked_div(2).unwrap_or_default());
        match listening.idling.event(&mut listening.imap.line, until, longest).await? {
            Heard::Event(Event::Data(frame)) => self.take_in(&frame)?,
            Heard::Event(Event::Done(completion)) => {
                let mod_seq = code_of(&completion, |code| match code {
                    Code::HighestModSeq(mod_seq) => Some(mod_seq),
                    _ => None,
                });
                if let Some(mod_seq) = mod_seq.filter(|_| completion.is_ok()) {
                    self.known.reached(mod_seq);
                }
            }
            Heard::Quiet => return Ok(false),
            Heard::Event(_) | Heard::Later => {}
        }
        Ok(true)
    }

    fn take_in(&mut self, frame: &Frame) -> Result<(), Error> {
        // A response that can't be read is not about messages, or a later comparison finds out what it said.
        let cut = if frame.response().is_err() { salvage(frame) } else { None };
        let Ok(Response::Untagged(data)) = cut.as_ref().unwrap_or(frame).response() else { return Ok(()) };
        let Some(listening) = &mut self.listening else { return Ok(()) };
        let before = match &data {
            Data::Fetch(fetch) => self.known.view.message(fetch.number),
            _ => None,
        };
        let is_new = matches!(data, Data::Fetch(_)) && before.is_none();
        let had_flags = before.is_some_and(|before| before.flags().is_some());
        let told = match &data {
            Data::Fetch(fetch) => summary(fetch.number, &fetch.items).or_else(|| {
                (listening.asked == Asked::Little).then(|| little(fetch.number, &fetch.items)).flatten()
            }),
            _ => None,
        };
        if is_new && told.is_none() {
            // Fetched in full once the server has said that it exists.
            return Ok(());
        }
        let change = self.known.view.apply(&data).map_err(|error| match error {
            ViewError::Full => too_many(),
            _ => {
                self.known.distrust();
                Error::imap_closed()
            }
        })?;
        match change {
            Some(Change::Learned { uid, .. }) => {
                if let Some(summary) = told.filter(|_| self.known.is_news(uid)) {
                    self.pending.tell(News::Arrived(Box::new(summary)));
                }
            }
            Some(Change::Flags { uid, .. }) if self.options.flags && had_flags => self.pending.changed(uid),
            Some(Change::Arrived { .. }) => {
                listening.asked = Asked::Nothing;
                listening.idling.interrupt(&mut listening.imap.line.session, R::now())?;
            }
            Some(Change::Expunged { uid: Some(uid), .. }) => self.pending.expunged(uid),
            Some(Change::Vanished { uids, .. }) => self.pending.all_expunged(&uids),
            _ => {}
        }
        Ok(())
    }
}

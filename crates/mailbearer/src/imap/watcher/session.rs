//! One connection of a watch, from when its view is right to when it breaks.

use std::time::{Duration, Instant};

use mailbearer_imap::session::{Completion, Event, Tag};
use mailbearer_imap::view::{Change, View, ViewError};
use mailbearer_imap::{Capability, Code, Data, FetchItem, Frame, Item, Response};
use mailbearer_net::{self as net, Runtime, Stage};

use super::{News, WatchOptions, Watcher, resync::too_many};
use crate::{
    Error, Imap, Summary, Token,
    imap::{listing::summary, select::code_of},
};

/// A connection on which the mailbox is open.
pub(super) struct Listening<R: Runtime> {
    imap: Imap<R>,
    pub(super) token: Option<Token>,
    doing: Doing,
    /// How long an IDLE lasts; `None` on a server without.
    idle: Option<Duration>,
    /// How long the server may take to answer.
    answer: Duration,
    asked: Asked,
}

/// What the connection does.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Nothing,
    /// An IDLE was given then.
    Idle {
        tag: Tag,
        since: Instant,
    },
    /// The answer to a command is awaited, and the server said something then; the end of an IDLE among them.
    Answer {
        tag: Tag,
        since: Instant,
    },
    /// Nothing is asked since then, as the server has no IDLE.
    Rest {
        since: Instant,
    },
}

/// How much was tried to learn of new messages since something changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// All that a [`Summary`](crate::Summary) holds.
    Summary,
    /// What a server can tell of a message that it can't show.
    Little,
    /// To be told what is not there any more.
    Noop,
}

impl<R: Runtime> Listening<R> {
    pub(super) async fn new(
        mut imap: Imap<R>,
        token: Option<Token>,
        options: WatchOptions,
        answer: Option<Duration>,
    ) -> Result<Self, Error> {
        let idle = if imap.offers(&Capability::Idle).await? || imap.offers(&Capability::Imap4Rev2).await? {
            let usual = if is_exchange(&imap) { EXCHANGE_IDLE } else { LONGEST_IDLE };
            Some(options.idle.unwrap_or(usual).min(LONGEST_IDLE))
        } else {
            None
        };
        let answer = answer.unwrap_or(UNTIL_ANSWERED);
        Ok(Self { imap, token, doing: Doing::Nothing, idle, answer, asked: Asked::Nothing })
    }

    pub(super) async fn leave(self) -> Result<(), Error> {
        self.imap.say_goodbye().await
    }

    /// Decides what is next, when nothing is awaited.
    fn begin(&mut self, view: &View) -> Result<(), Error> {
        let now = R::now();
        let session = &mut self.imap.session;
        let next = match self.asked {
            Asked::Nothing => Asked::Summary,
            Asked::Summary => Asked::Little,
            Asked::Little | Asked::Noop => Asked::Noop,
        };
        self.doing = match (view.unknown(), self.idle) {
            (Some(set), _) if next != Asked::Noop => {
                let mut items = Vec::from(Summary::ITEMS);
                items.retain(|item| next == Asked::Summary || *item != FetchItem::Envelope);
                self.asked = next;
                Doing::Answer { tag: session.fetch(set, items)?, since: now }
            }
            (Some(_), _) if self.asked == Asked::Little => {
                self.asked = next;
                Doing::Answer { tag: session.noop()?, since: now }
            }
            (_, Some(_)) => Doing::Idle { tag: session.idle()?, since: now },
            (_, None) => Doing::Rest { since: now },
        };
        Ok(())
    }

    /// How long to wait for the server, and what comes then.
    fn patience(&self, options: &WatchOptions) -> Duration {
        let (since, patience) = match self.doing {
            Doing::Nothing => return Duration::ZERO,
            // Until it listens, the server owes an answer.
            Doing::Idle { since, .. } if self.imap.session.is_idling() => {
                (since, self.idle.unwrap_or(LONGEST_IDLE))
            }
            Doing::Idle { since, .. } | Doing::Answer { since, .. } => (since, self.answer),
            Doing::Rest { since } => (since, options.poll),
        };
        patience.saturating_sub(R::now().saturating_duration_since(since))
    }

    /// The server was silent for as long as it may.
    fn on_silence(&mut self) -> Result<(), Error> {
        let since = R::now();
        self.doing = match self.doing {
            Doing::Idle { tag, .. } if self.imap.session.is_idling() => {
                self.imap.session.done()?;
                Doing::Answer { tag, since }
            }
            Doing::Idle { .. } | Doing::Answer { .. } => {
                let timeout = net::Error::Timeout { stage: Stage::Read, after: self.answer };
                return Err(Error::imap_net(timeout));
            }
            Doing::Rest { .. } => Doing::Answer { tag: self.imap.session.noop()?, since },
            Doing::Nothing => Doing::Nothing,
        };
        Ok(())
    }

    /// A command was answered.
    fn on_done(&mut self, completion: &Completion) {
        match self.doing {
            Doing::Answer { tag, .. } if tag == completion.tag => self.doing = Doing::Nothing,
            // It was not asked to end it: what offers IDLE and does not do it is asked from time to time.
            Doing::Idle { tag, .. } if tag == completion.tag => {
                self.idle = None;
                self.doing = Doing::Nothing;
            }
            _ => {}
        }
    }

    /// Ends an IDLE, so that something else can be asked.
    fn interrupt(&mut self) -> Result<(), Error> {
        if let Doing::Idle { tag, .. } = self.doing {
            self.imap.session.done()?;
            self.doing = Doing::Answer { tag, since: R::now() };
        } else if let Doing::Rest { .. } = self.doing {
            self.doing = Doing::Nothing;
        }
        Ok(())
    }
}

impl<R: Runtime> Watcher<R> {
    /// Takes one thing in that the server says; false if it says nothing until then.
    pub(super) async fn listen(&mut self, until: Option<Instant>) -> Result<bool, Error> {
        let Some(listening) = &mut self.listening else { return Ok(true) };
        if let Doing::Nothing = listening.doing {
            listening.begin(&self.known.view)?;
        }
        let mut patience = listening.patience(&self.options);
        let left = until.map(|until| until.saturating_duration_since(R::now()));
        let is_short = left.is_some_and(|left| left < patience);
        patience = left.map_or(patience, |left| left.min(patience));
        // A limit on operations is none on waiting.
        if let Some(total) = self.client.account().timeouts.total {
            patience = patience.min(total.checked_div(2).unwrap_or_default());
        }
        listening.imap.connection.start_operation();
        let event = listening.imap.event_within(patience).await?;
        if let (Some(_), Doing::Answer { since, .. }) = (&event, &mut listening.doing) {
            *since = R::now();
        }
        match event {
            Some(Event::Data(frame)) => self.take_in(&frame)?,
            Some(Event::Done(completion)) => {
                listening.on_done(&completion);
                let mod_seq = code_of(&completion, |code| match code {
                    Code::HighestModSeq(mod_seq) => Some(mod_seq),
                    _ => None,
                });
                if let Some(mod_seq) = mod_seq.filter(|_| completion.is_ok()) {
                    self.known.reached(mod_seq);
                }
            }
            Some(_) => {}
            None if is_short => return Ok(false),
            None if listening.patience(&self.options).is_zero() => listening.on_silence()?,
            None => {}
        }
        Ok(true)
    }

    fn take_in(&mut self, frame: &Frame) -> Result<(), Error> {
        // What can't be read is not about messages, or a later comparison finds it out.
        let Ok(Response::Untagged(data)) = frame.response() else { return Ok(()) };
        let Some(listening) = &mut self.listening else { return Ok(()) };
        let before = match &data {
            Data::Fetch(fetch) => self.known.view.message(fetch.number),
            _ => None,
        };
        let is_new = matches!(data, Data::Fetch(_)) && before.is_none();
        let had_flags = before.is_some_and(|before| before.flags().is_some());
        let told = match &data {
            Data::Fetch(fetch) => summary(&fetch.items)
                .or_else(|| (listening.asked == Asked::Little).then(|| little(&fetch.items)).flatten()),
            _ => None,
        };
        if is_new && told.is_none() {
            // Asked for in full when the server has said that it is there.
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
                if let Some(summary) = told.filter(|_| uid >= self.known.first_new) {
                    self.pending.tell(News::Arrived(summary));
                }
            }
            Some(Change::Flags { uid, .. }) if self.options.flags && had_flags => self.pending.changed(uid),
            Some(Change::Arrived { .. }) => {
                listening.asked = Asked::Nothing;
                listening.interrupt()?;
            }
            Some(Change::Expunged { uid: Some(uid), .. }) => self.pending.expunged(uid),
            Some(Change::Vanished { uids, .. }) => self.pending.all_expunged(uids),
            _ => {}
        }
        Ok(())
    }
}

/// A message without its header.
fn little(items: &[Item<'_>]) -> Option<Summary> {
    let envelope = mailbearer_imap::Envelope::default();
    let mut items = items.to_vec();
    items.push(Item::Envelope(envelope));
    summary(&items).filter(|summary| summary.uid > 0)
}

fn is_exchange<R: Runtime>(imap: &Imap<R>) -> bool {
    imap.session.capabilities().iter().any(|capability| {
        let name = capability.name();
        EXCHANGE.iter().any(|own| name.eq_ignore_ascii_case(own))
    })
}

/// What only Exchange offers.
const EXCHANGE: [&str; 2] = ["CLIENTACCESSRULES", "BACKENDAUTHENTICATE"];
/// How long an IDLE lasts on Exchange.
const EXCHANGE_IDLE: Duration = Duration::from_secs(600);
/// RFC 2177: less than 29 minutes.
const LONGEST_IDLE: Duration = Duration::from_secs(28 * 60);
/// How long a server may take to answer where the account does not say.
const UNTIL_ANSWERED: Duration = Duration::from_secs(60);

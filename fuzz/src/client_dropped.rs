//! Operations that are dropped at any place, over any network: what a server has then is what was handed over whole, each
//! message once and to its own recipients; what was not told as done may be done, what failed is not; and the next
//! operation gets its own answers. With a server that is well nothing waits for time.
//!
//! The input is the protocol, how octets move, and a row of acts.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use arbitrary::{Arbitrary, Unstructured};
use mailbearer::{
    Address, AppendingState, Client, Composed, Envelope, Error, Imap, Message, Pop3, Range, Smtp,
    SubmissionState,
    pop3::{Arrived, Removal},
    proto::imap::SearchKey,
};
use mailbearer_mock::memory::{Hosts, Options, Personality};

use crate::simulated::{self, Pace, Simulated, USER, run as drive};

/// See the [module](self).
pub fn run(data: &[u8]) {
    let mut source = Unstructured::new(data);
    let Ok([protocol, up, down]) = <[u8; 3]>::arbitrary(&mut source) else { return };
    let acts: Vec<Act> = source.arbitrary_iter().into_iter().flatten().flatten().take(24).collect();
    let mut options = Options::default();
    options.user = USER.into();
    options.password = Some("password".into());
    options.personality = Personality::Dovecot;
    let hosts = Hosts::new(options, simulated::server_tls()).unwrap();
    let pieces = |knob: u8| Pace::Pieces(usize::from(knob) * 8 + 1);
    let (sends, gets) = (pieces(down), pieces(up));
    let serve = hosts.clone();
    simulated::begin(move |socket, port| {
        let (socket, hosts) = (socket.pace(sends.clone(), gets.clone()), serve.clone());
        match port {
            1 => Box::pin(hosts.smtp::<Simulated>(socket)),
            2 => Box::pin(hosts.imap::<Simulated>(socket)),
            _ => Box::pin(hosts.pop3::<Simulated>(socket)),
        }
    });
    let client = simulated::client(simulated::account());
    match protocol % 3 {
        0 => Sending::new(&client, &hosts).play(&acts),
        1 => Reading::new(&client, &hosts).play(&acts),
        _ => Popping::new(&client, &hosts).play(&acts),
    }
    // The goodbye of `Client::send` and of POP3 may take a second each, and a connection half a second to close.
    let most = Duration::from_secs(2 * (acts.len() as u64 + 2));
    assert!(simulated::now() < most, "waits for {:?}", simulated::now());
}

/// One operation. The numbers mean what the protocol makes of them.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Act {
    what: u8,
    number: u8,
    size: u8,
    /// After how many rounds of the network it is dropped; 255 for never.
    rounds: u8,
}

impl Act {
    fn rounds(self) -> Option<u32> {
        (self.rounds < u8::MAX).then_some(self.rounds.into())
    }
}

/// Octets of a message that no other has a line of.
fn text(number: usize, size: u8) -> String {
    let line = format!("this is {number}\r\n.\r\n. MAIL FROM:<x@evil.test>\r\n");
    let text: String = line.chars().cycle().take(usize::from(size) * 8).collect();
    text.trim_end_matches('\r').to_owned()
}

/// What became of something that was to be done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Failed,
    /// It was dropped, or the connection ended.
    Unknown,
}

impl Fate {
    fn of<T>(result: Option<Result<T, Error>>) -> Self {
        match result {
            None => Self::Unknown,
            Some(Ok(_)) => Self::Done,
            Some(Err(error)) if error.outcome_unknown() => Self::Unknown,
            Some(Err(_)) => Self::Failed,
        }
    }

    fn check(self, times: usize, what: &str) {
        let right = match self {
            Self::Done => times == 1,
            Self::Failed => times == 0,
            Self::Unknown => times <= 1,
        };
        assert!(right, "{what} is there {times} times, and was told as {self:?}");
    }
}

struct Sending<'a> {
    client: &'a Client<Simulated>,
    hosts: &'a Hosts,
    session: Option<Smtp<Simulated>>,
    kept: Option<(usize, SubmissionState)>,
    sent: Vec<(Composed, Fate)>,
}

impl<'a> Sending<'a> {
    fn new(client: &'a Client<Simulated>, hosts: &'a Hosts) -> Self {
        Self { client, hosts, session: None, kept: None, sent: Vec::new() }
    }

    fn message(&mut self, act: Act) -> (usize, Composed) {
        let number = self.sent.len();
        let address = |local: &str| Address::parse(&format!("{local}@mail.test")).unwrap();
        let mut message = Message::new(address("robot")).text(text(number, act.size));
        for recipient in 0..=act.number % 3 {
            message = message.to(address(&format!("r{number}-{recipient}")));
        }
        let composed = self.client.compose(&message).unwrap();
        self.sent.push((composed.clone(), Fate::Failed));
        (number, composed)
    }

    fn play(mut self, acts: &[Act]) {
        for act in acts {
            let Some(mut session) =
                self.session.take().or_else(|| drive(self.client.connect_smtp(), None)?.ok())
            else {
                continue;
            };
            if self.act(*act, &mut session) {
                self.session = Some(session);
            } else {
                // A session that takes nothing more says so, and does not spin.
                let _ = drive(session.quit(), None);
                self.kept = None;
            }
        }
        if let Some(session) = self.session.take() {
            let _ = drive(session.quit(), None);
        }
        simulated::settle();
        self.check();
    }

    /// Whether the session may be good for more.
    fn act(&mut self, act: Act, session: &mut Smtp<Simulated>) -> bool {
        match act.what % 5 {
            0 => {
                let (number, message) = self.message(act);
                let result = drive(session.send(&message), act.rounds());
                let over = matches!(&result, Some(Err(error)) if error.ended_session() || error.is_misuse());
                self.sent[number].1 = Fate::of(result);
                !over
            }
            1 => {
                let messages: Vec<(usize, Composed)> = (0..3).map(|_| self.message(act)).collect();
                let octets: Vec<Composed> = messages.iter().map(|(_, message)| message.clone()).collect();
                for (number, _) in &messages {
                    self.sent[*number].1 = Fate::Unknown;
                }
                let mut batch = session.send_all(&octets);
                let mut left = act.rounds();
                loop {
                    match drive(batch.next(), left) {
                        Some(Some((index, result))) => {
                            let over = matches!(&result, Err(error) if error.ended_session());
                            self.sent[messages[index].0].1 = Fate::of(Some(result));
                            if over {
                                for (number, _) in &messages[index + 1..] {
                                    self.sent[*number].1 = Fate::Failed;
                                }
                                return false;
                            }
                        }
                        Some(None) => return true,
                        None => return true,
                    }
                    left = left.map(|rounds| rounds / 2);
                }
            }
            2 => {
                let (number, message) = self.message(act);
                self.sent[number].1 = self.in_pieces(session, act, number, &message);
                true
            }
            3 => {
                let Some((number, state)) = self.kept.take() else { return true };
                let Some(submission) = session.submission(state) else {
                    return true;
                };
                self.sent[number].1 = Fate::of(drive(submission.finish(), act.rounds()));
                true
            }
            _ => {
                let (number, message) = self.message(act);
                self.sent[number].1 = Fate::of(drive(self.client.send(&message), act.rounds()));
                true
            }
        }
    }

    fn in_pieces(
        &mut self,
        session: &mut Smtp<Simulated>,
        act: Act,
        number: usize,
        message: &Composed,
    ) -> Fate {
        let envelope = Envelope::new(&message.sender, &message.recipients);
        let mut submission = match drive(session.submit(envelope), act.rounds()) {
            Some(Ok(submission)) => submission,
            // Nothing of it was given.
            _ => return Fate::Failed,
        };
        for piece in message.octets.chunks(usize::from(act.number) + 1) {
            match drive(submission.write(piece), act.rounds()) {
                Some(Ok(())) => {}
                _ => return Fate::Failed,
            }
        }
        match act.size % 3 {
            0 => Fate::Failed,
            1 => {
                self.kept = Some((number, submission.detach()));
                Fate::Failed
            }
            _ => Fate::of(drive(submission.finish(), act.rounds())),
        }
    }

    fn check(&self) {
        let there = self.hosts.mailbox().messages("INBOX");
        for message in &there {
            let envelope = message.envelope.as_ref().expect("it was submitted");
            let sent = self.sent.iter().find(|(sent, _)| sent.octets[..] == message.octets[..]);
            let (sent, _) = sent.unwrap_or_else(|| panic!("nobody sent {}", message.octets.escape_ascii()));
            assert_eq!(sent.recipients, envelope.to, "of {}", message.octets.escape_ascii());
        }
        for (number, (sent, fate)) in self.sent.iter().enumerate() {
            let times = there.iter().filter(|message| message.octets[..] == sent.octets[..]).count();
            fate.check(times, &format!("message {number}"));
        }
    }
}

/// Messages that are there from the start.
const THERE: usize = 4;

fn stored(number: usize) -> Vec<u8> {
    let own = text(100 + number, 20 * number as u8).replace("\r\n.", "\r\n");
    format!("Subject: {number}\r\n\r\n{own}\r\n").into_bytes()
}

struct Reading<'a> {
    client: &'a Client<Simulated>,
    hosts: &'a Hosts,
    session: Option<Imap<Simulated>>,
    kept: Option<(usize, AppendingState)>,
    appended: Vec<(Vec<u8>, Fate)>,
    over: Cell<bool>,
}

impl<'a> Reading<'a> {
    fn new(client: &'a Client<Simulated>, hosts: &'a Hosts) -> Self {
        for number in 0..THERE {
            hosts.mailbox().deliver(stored(number)).unwrap();
        }
        let (session, kept, appended, over) = (None, None, Vec::new(), Cell::new(false));
        Self { client, hosts, session, kept, appended, over }
    }

    fn play(mut self, acts: &[Act]) {
        for act in acts {
            let session = self.session.take();
            let Some(mut session) = session.or_else(|| drive(self.client.connect_imap(), None)?.ok()) else {
                continue;
            };
            self.over.set(false);
            self.act(*act, &mut session);
            if self.over.get() {
                let _ = drive(session.logout(), None);
                self.kept = None;
            } else {
                self.session = Some(session);
            }
        }
        if let Some(session) = self.session.take() {
            let _ = drive(session.logout(), None);
        }
        simulated::settle();
        let there = self.hosts.mailbox().messages("Drafts");
        for message in &there {
            let known = self.appended.iter().any(|(octets, _)| octets[..] == message.octets[..]);
            assert!(known, "nobody appended {}", message.octets.escape_ascii());
        }
        for (number, (octets, fate)) in self.appended.iter().enumerate() {
            let times = there.iter().filter(|message| message.octets[..] == octets[..]).count();
            fate.check(times, &format!("message {number}"));
        }
        assert_eq!(self.hosts.mailbox().messages("INBOX").len(), THERE);
    }

    /// A server that is well answers everything; only what was begun and dropped is a reason to fail.
    fn right<T>(&self, result: Option<Result<T, Error>>) -> Option<T> {
        match result? {
            Ok(done) => Some(done),
            Err(error) => {
                let fair = error.kind() == mailbearer::Kind::Unfinished;
                assert!(fair, "{error}");
                self.over.set(true);
                None
            }
        }
    }

    fn act(&mut self, act: Act, session: &mut Imap<Simulated>) {
        let rounds = act.rounds();
        let uid = u32::from(act.number % THERE as u8) + 1;
        match act.what % 9 {
            0 => {
                let number = self.appended.len();
                let octets = format!("Subject: {number}\r\n\r\n{}", text(number, act.size)).into_bytes();
                let result = drive(session.append("Drafts", &[], None, &octets), rounds);
                // Whatever is dropped in its middle is not there, and what is dropped behind it may be.
                self.appended.push((octets, Fate::Unknown));
                let done = self.right(result).is_some();
                self.appended[number].1 = match (done, self.over.get()) {
                    (true, _) => Fate::Done,
                    (false, true) => Fate::Failed,
                    (false, false) => Fate::Unknown,
                };
            }
            1 => self.append_in_pieces(act, session),
            2 => {
                let Some((number, state)) = self.kept.take() else { return };
                let Some(appending) = session.appending(state) else { return };
                let left = appending.left();
                let result = drive(appending.finish(), rounds);
                if left == 0 {
                    self.appended[number].1 = match self.right(result) {
                        Some(_) => Fate::Done,
                        None => Fate::Unknown,
                    };
                } else {
                    assert!(!matches!(result, Some(Ok(_))), "less than was announced");
                }
            }
            3 => {
                let Some(mut body) = self.right(drive(session.fetch("INBOX", uid), rounds)) else { return };
                let mut octets = Vec::new();
                loop {
                    match self.right(drive(body.next(), rounds)) {
                        Some(Some(piece)) => octets.extend_from_slice(&piece),
                        Some(None) => {
                            break assert_eq!(octets, stored(uid as usize - 1), "the body of {uid}");
                        }
                        None => break,
                    }
                }
            }
            4 => {
                let range = if act.size % 2 == 0 { Range::All } else { Range::Last(2) };
                let most = if act.size % 2 == 0 { THERE } else { 2 };
                let Some(mut listing) = self.right(drive(session.list("INBOX", range), rounds)) else {
                    return;
                };
                let mut uids = Vec::new();
                loop {
                    match self.right(drive(listing.next(), rounds)) {
                        Some(Some(row)) => {
                            assert_eq!(row.subject, (row.uid - 1).to_string());
                            uids.push(row.uid);
                        }
                        Some(None) => break assert_eq!(uids.len(), most, "{uids:?}"),
                        None => break,
                    }
                }
            }
            5 => {
                let Some(mut inbox) = self.right(drive(session.examine("INBOX"), rounds)) else { return };
                let key = SearchKey::Subject((uid - 1).to_string().into());
                if let Some(found) = self.right(drive(inbox.search(&key), rounds)) {
                    assert_eq!(found.uids.iter().collect::<Vec<_>>(), [uid]);
                }
            }
            6 => {
                let Some(mut inbox) = self.right(drive(session.examine("INBOX"), rounds)) else { return };
                if let Some(mut idle) = self.right(drive(inbox.idle(), rounds)) {
                    let _ = drive(idle.next(), Some(rounds.unwrap_or(9)));
                }
            }
            7 => {
                if let Some(folders) = self.right(drive(session.folders("*"), rounds)) {
                    assert!(folders.iter().any(|folder| folder.name == "INBOX"));
                }
            }
            _ => {
                self.right(drive(session.noop(), rounds));
            }
        }
    }

    fn append_in_pieces(&mut self, act: Act, session: &mut Imap<Simulated>) {
        let number = self.appended.len();
        let octets = format!("Subject: {number}\r\n\r\n{}", text(number, act.size)).into_bytes();
        self.appended.push((octets.clone(), Fate::Failed));
        let size = octets.len() as u64;
        let start = drive(session.append_in_pieces("Drafts", &[], None, size), act.rounds());
        let Some(mut appending) = self.right(start) else { return };
        for piece in octets.chunks(usize::from(act.number) + 1) {
            if self.right(drive(appending.write(piece), act.rounds())).is_none() {
                // All of it may be on its way.
                self.appended[number].1 = Fate::Unknown;
                return;
            }
            if act.number % 7 == 3 {
                self.kept = Some((number, appending.detach()));
                self.appended[number].1 = Fate::Unknown;
                return;
            }
        }
        self.appended[number].1 = match self.right(drive(appending.finish(), act.rounds())) {
            Some(_) => Fate::Done,
            None => Fate::Unknown,
        };
    }
}

struct Popping<'a> {
    client: &'a Client<Simulated>,
    hosts: &'a Hosts,
    session: Option<Pop3<Simulated>>,
    /// The messages that are there, by the number of this session, as they were put there.
    numbers: BTreeMap<u32, usize>,
    marked: BTreeSet<u32>,
}

impl<'a> Popping<'a> {
    fn new(client: &'a Client<Simulated>, hosts: &'a Hosts) -> Self {
        for number in 0..THERE {
            hosts.mailbox().deliver(stored(number)).unwrap();
        }
        Self { client, hosts, session: None, numbers: BTreeMap::new(), marked: BTreeSet::new() }
    }

    fn there(&self) -> Vec<usize> {
        let there = self.hosts.mailbox().messages("INBOX");
        let index = |octets: &[u8]| (0..THERE).find(|number| stored(*number)[..] == *octets);
        there.iter().map(|message| index(&message.octets).expect("a message as it was")).collect()
    }

    fn play(mut self, acts: &[Act]) {
        for act in acts {
            let mut session = match self.session.take() {
                Some(session) => session,
                None => {
                    simulated::settle();
                    let Some(Ok(session)) = drive(self.client.connect_pop3(), None) else { continue };
                    self.numbers = (1..).zip(self.there()).collect();
                    self.marked.clear();
                    session
                }
            };
            if act.what % 8 == 7 {
                self.quit(session, act.rounds());
            } else {
                self.act(*act, &mut session);
                self.session = Some(session);
            }
        }
        if let Some(session) = self.session.take() {
            self.quit(session, None);
        }
    }

    fn quit(&mut self, session: Pop3<Simulated>, rounds: Option<u32>) {
        let before = self.there();
        let result = drive(session.quit(), rounds);
        simulated::settle();
        let gone: Vec<usize> =
            before.iter().filter(|number| !self.there().contains(number)).copied().collect();
        let wanted: Vec<usize> = self.marked.iter().map(|number| self.numbers[number]).collect();
        match result {
            Some(Ok(Removal::Done(count))) => {
                assert_eq!(gone, wanted);
                assert_eq!(count as usize, gone.len());
            }
            Some(Ok(_)) => assert!(gone.is_empty(), "{gone:?}"),
            Some(Err(error)) => panic!("{error}"),
            None => assert!(gone.is_empty() || gone == wanted, "{gone:?} of {wanted:?}"),
        }
    }

    fn act(&mut self, act: Act, session: &mut Pop3<Simulated>) {
        let rounds = act.rounds();
        let number = u32::from(act.number % 5) + 1;
        let is_there = self.numbers.contains_key(&number) && !self.marked.contains(&number);
        match act.what % 8 {
            0 => {
                let numbers = [number, number % 5 + 1];
                match drive(session.delete(&numbers), rounds) {
                    None => {}
                    Some(Ok(refused)) => {
                        let refused: Vec<u32> = refused.iter().map(|(number, _)| *number).collect();
                        for number in numbers.into_iter().filter(|number| !refused.contains(number)) {
                            assert!(self.numbers.contains_key(&number), "there is no {number}");
                            self.marked.insert(number);
                        }
                    }
                    Some(Err(error)) => panic!("{error}"),
                }
            }
            1 => match drive(session.reset(), rounds) {
                Some(result) => {
                    result.unwrap();
                    self.marked.clear();
                }
                // Whether the marks are left is what the session says.
                None => self.marked = session.marked().collect(),
            },
            2 => {
                if let Some(entries) = drive(session.list(), rounds) {
                    let told: Vec<u32> = entries.unwrap().iter().map(|entry| entry.number).collect();
                    let left = self.numbers.keys().filter(|number| !self.marked.contains(number));
                    // A mark that nobody waited for is taken back at the end; until then the server counts it.
                    assert!(told.iter().all(|number| left.clone().any(|own| own == number)), "{told:?}");
                }
            }
            3 => {
                let mut body = match drive(session.fetch(number), rounds) {
                    Some(Ok(body)) => body,
                    Some(Err(error)) => {
                        assert!(!error.ended_session(), "{error}");
                        return;
                    }
                    None => return,
                };
                assert!(is_there, "{number} is not there");
                let mut octets = Vec::new();
                while let Some(next) = drive(body.next(), rounds) {
                    match next.unwrap() {
                        Some(piece) => octets.extend_from_slice(&piece),
                        None => return assert_eq!(octets, stored(self.numbers[&number])),
                    }
                }
            }
            4 => {
                let mut messages = session.fetch_each([number, number % 5 + 1, number]).unwrap();
                let mut octets = Vec::new();
                while let Some(next) = drive(messages.next(), rounds) {
                    match next.unwrap() {
                        Some(Arrived::Octets(_, piece)) => octets.extend_from_slice(&piece),
                        Some(Arrived::Whole(number)) => {
                            assert_eq!(octets, stored(self.numbers[&number]));
                            octets.clear();
                        }
                        Some(_) => assert_eq!(octets, b""),
                        None => return,
                    }
                }
            }
            5 => {
                if let Some(stat) = drive(session.stat(), rounds) {
                    assert!(stat.unwrap().count as usize <= self.numbers.len() - self.marked.len());
                }
            }
            _ => {
                if let Some(result) = drive(session.noop(), rounds) {
                    result.unwrap();
                }
            }
        }
    }
}

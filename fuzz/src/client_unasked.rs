//! A server that says what nobody asked for, among its answers or without an end: what was asked for is told and nothing
//! else, what is within the bounds fails nothing, and what is not ends the operation before much of it was read.
//!
//! The input is an operation, at which command it goes on for ever if it does, and what is said besides.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arbitrary::{Arbitrary, Unstructured};
use mailbearer::{
    Error, Imap, Range, UidSet,
    proto::{
        imap::{Flag, Part, SearchKey, Section, StoreAction, session},
        net::{Connection, Security},
    },
};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::simulated::{self, Simulated, run as drive};

/// See the [module](self).
pub fn run(data: &[u8]) {
    let mut source = Unstructured::new(data);
    let Ok([operation, endless]) = <[u8; 2]>::arbitrary(&mut source) else { return };
    let noise: Vec<Noise> = source.arbitrary_iter().into_iter().flatten().flatten().take(8).collect();
    let Ok(asked) = Asked::of(operation) else { return };
    let lines: Vec<Vec<u8>> = noise.iter().filter_map(|noise| noise.line(asked)).collect();
    // Commands are counted from the login on.
    let endless = endless.checked_sub(128).map(|count| usize::from(count % 4));
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    simulated::begin(move |socket, _| {
        let talker = Talker {
            lines: lines.clone(),
            endless,
            commands: 0,
            idle: None,
            greeted: false,
            over: false,
            sent: Arc::clone(&counted),
        };
        Box::pin(async move {
            let (tls, options) = (simulated::server_tls(), mailbearer::proto::net::Options::default());
            let connection = Connection::<Simulated>::accept(socket, Security::Implicit, &tls, options);
            if let Ok(mut connection) = connection.await {
                let _ = connection.next(&mut { talker }).await;
            }
        })
    });
    let mut account = simulated::account();
    let mut options = session::Options::new("", 0, Security::Implicit);
    (options.bounds.unasked_responses, options.bounds.unasked_octets) = (RESPONSES, OCTETS);
    account.imap_options = Some(Box::new(options));
    let client = simulated::client(account);
    let mut result = drive(client.connect_imap(), None).expect("an end");
    let result = match &mut result {
        Ok(imap) => {
            // What is taken for an answer has this limit of its own.
            imap.limit_answers(4 * OCTETS);
            asked.check(imap)
        }
        Err(error) => panic!("not let in: {error}"),
    };
    let over = match result {
        Ok(()) => false,
        Err(error) => {
            assert!(endless.is_some(), "{asked:?} fails for what it does not need: {error}");
            true
        }
    };
    if let (Ok(imap), false) = (drive(client.connect_imap(), None).expect("an end"), over) {
        // A goodbye is an operation, too.
        let goodbye = drive(imap.logout(), None).expect("an end");
        assert!(goodbye.is_ok() || endless.is_some(), "{goodbye:?}");
    }
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < MOST, "{asked:?} reads {sent} octets");
}

const RESPONSES: usize = 40;
const OCTETS: usize = 16 << 10;
/// Ten times the bounds are what a dropped operation may leave, and there are the buffers of TLS and the network.
const MOST: usize = 64 * OCTETS;

/// What is asked for. The mailbox has 9 messages with the UIDs 11 to 19.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    All,
    Last,
    Some,
    Fetch,
    Part,
    Message,
    Search,
    Folders,
    Move,
    Store,
    Noop,
}

impl Asked {
    fn of(number: u8) -> Result<Self, ()> {
        let all = [
            Self::All,
            Self::Last,
            Self::Some,
            Self::Fetch,
            Self::Part,
            Self::Message,
            Self::Search,
            Self::Folders,
            Self::Move,
            Self::Store,
            Self::Noop,
        ];
        all.get(usize::from(number) % all.len()).copied().ok_or(())
    }

    fn is_listing(self) -> bool {
        matches!(self, Self::All | Self::Last | Self::Some)
    }

    fn check(self, imap: &mut Imap<Simulated>) -> Result<(), Error> {
        macro_rules! wait {
            ($operation:expr) => {
                drive($operation, None).expect("an end")?
            };
        }
        match self {
            Self::All | Self::Last | Self::Some => {
                let some: UidSet = [12, 19].into_iter().fold(UidSet::new(), |mut set, uid| {
                    set.insert(uid);
                    set
                });
                let (range, wanted) = match self {
                    Self::All => (Range::All, (11..=19).collect()),
                    Self::Last => (Range::Last(2), vec![18, 19]),
                    _ => (Range::Uids(some), vec![12, 19]),
                };
                let mut listing = wait!(imap.list("INBOX", range));
                let mut told = Vec::new();
                while let Some(row) = wait!(listing.next()) {
                    assert_eq!(row.subject, format!("good {}", row.uid));
                    assert!(wanted.contains(&row.uid) && !told.contains(&row.uid), "{row:?}");
                    told.push(row.uid);
                }
                assert_eq!(told, wanted);
            }
            Self::Fetch => {
                let mut body = wait!(imap.fetch("INBOX", 17));
                let mut octets = Vec::new();
                while let Some(piece) = wait!(body.next()) {
                    octets.extend_from_slice(&piece);
                }
                assert_eq!(octets.escape_ascii().to_string(), "good 17 ");
            }
            Self::Part => {
                let mut inbox = wait!(imap.examine("INBOX"));
                let part = Part::new(&[2]);
                let section = Section { part, ..Section::WHOLE };
                let mut body = wait!(inbox.part(17, section, None));
                let mut octets = Vec::new();
                while let Some(piece) = wait!(body.next()) {
                    octets.extend_from_slice(&piece);
                }
                assert_eq!(octets.escape_ascii().to_string(), "good 17 2");
            }
            Self::Message => {
                let mut inbox = wait!(imap.examine("INBOX"));
                let mut message = wait!(inbox.message(17));
                assert_eq!(message.outline().summary.subject, "good 17");
                assert_eq!(message.outline().summary.uid, 17);
                assert_eq!(wait!(message.text()), "good 17 1");
            }
            Self::Search => {
                let mut inbox = wait!(imap.examine("INBOX"));
                let found = wait!(inbox.search(&SearchKey::All)).uids;
                assert_eq!(found.iter().collect::<Vec<_>>(), [13, 15]);
            }
            Self::Folders => {
                let folders = wait!(imap.folders("*"));
                let names: Vec<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
                assert_eq!(names, ["INBOX", "Good"]);
            }
            Self::Move => {
                let mut inbox = wait!(imap.select("INBOX"));
                wait!(inbox.move_to(UidSet::range(17, 17), "Good"));
            }
            Self::Store => {
                let mut inbox = wait!(imap.select("INBOX"));
                wait!(inbox.store(UidSet::range(17, 17), StoreAction::Add, &[Flag::Seen]));
            }
            Self::Noop => wait!(imap.noop()),
        }
        Ok(())
    }
}

/// What nobody asked for.
#[derive(Arbitrary, Clone, Debug)]
enum Noise {
    Text(u8),
    Recent(u8),
    Flags,
    OwnFlags(u8),
    OtherBody(u8),
    OtherSection,
    OtherOrigin,
    OtherRow(u8),
    List,
    Search,
    OthersSearch,
    Status,
    Capability,
    Code(u8),
    Junk(Vec<u8>),
}

impl Noise {
    /// `None` where it would be an answer.
    fn line(&self, asked: Asked) -> Option<Vec<u8>> {
        let text = match self {
            Self::Text(kind) => format!("{} evil", ["OK", "NO", "BAD"][usize::from(kind % 3)]),
            Self::Recent(count) => format!("{count} RECENT"),
            Self::Flags => "FLAGS (\\Seen \\Evil)".into(),
            Self::OwnFlags(number) => format!("{} FETCH (FLAGS (\\Answered))", 1 + number % 9),
            Self::OtherBody(number) => {
                format!(
                    "{} FETCH (UID 9{number} BODY[] \"evil\" BODY[1] \"evil\" BODY[2] \"evil\")",
                    1 + number % 9
                )
            }
            Self::OtherSection => {
                "7 FETCH (UID 17 BODY[9] \"evil\" BODY[1.MIME] NIL BODY[HEADER] \"evil\")".into()
            }
            Self::OtherOrigin => {
                "7 FETCH (UID 17 BODY[]<3> \"evil\" BODY[1]<3> \"evil\" BODY[2]<3> \"evil\")".into()
            }
            // A number that was not asked for, or a UID.
            Self::OtherRow(number) => format!(
                "{} FETCH (UID 9{number} FLAGS () ENVELOPE (NIL \"evil\" NIL NIL NIL NIL NIL NIL NIL NIL))",
                20 + u32::from(*number)
            ),
            Self::List if asked != Asked::Folders => "LIST () \"/\" Evil".into(),
            Self::Search if asked != Asked::Search => "SEARCH 18".into(),
            Self::OthersSearch => "ESEARCH (TAG \"Z9\") UID ALL 18".into(),
            Self::Status => "STATUS Evil (MESSAGES 3)".into(),
            Self::Capability => "CAPABILITY IMAP4rev1 MOVE IDLE UIDPLUS".into(),
            Self::Code(kind) => match kind % 4 {
                0 => "OK [COPYUID 7 9 1] evil".into(),
                1 => "[COPYUID 7 9 1]".into(),
                2 => "OK [ALERT] evil".into(),
                _ => "OK [UIDNEXT 20] evil".into(),
            },
            Self::Junk(octets) => {
                let junk: Vec<u8> =
                    octets.iter().copied().filter(|octet| !b"\r\n".contains(octet)).take(99).collect();
                // The end keeps it from saying that a literal follows.
                return Some([b"* X", &junk[..], b" .\r\n"].concat());
            }
            _ => return None,
        };
        // A row of another message is no answer to a listing; those of the mailbox are.
        let is_row = matches!(self, Self::OwnFlags(_)) && asked.is_listing()
            || matches!(self, Self::OtherRow(_)) && asked == Asked::All;
        (!is_row).then(|| format!("* {text}\r\n").into_bytes())
    }
}

/// The server.
struct Talker {
    lines: Vec<Vec<u8>>,
    endless: Option<usize>,
    commands: usize,
    idle: Option<Vec<u8>>,
    greeted: bool,
    over: bool,
    sent: Arc<AtomicUsize>,
}

impl Machine for Talker {
    type Event = Infallible;
    type Error = Infallible;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Infallible> {
        if !self.greeted {
            self.greeted = true;
            self.say(tx, format!("* OK [CAPABILITY {CAPABILITIES}] ready\r\n").as_bytes());
        }
        if self.over || rx.is_eof() {
            return Ok(Step::Close);
        }
        if self.endless.is_some_and(|at| self.commands > at + 1) {
            // Whatever is asked for now.
            rx.consume(rx.unread().len());
            for _ in 0..64 {
                self.noise(tx);
            }
            return Ok(Step::Flush);
        }
        let Some(end) = rx.unread().iter().position(|&octet| octet == b'\n') else {
            return Ok(if tx.unsent().is_empty() { Step::Read } else { Step::Flush });
        };
        let line = String::from_utf8_lossy(&rx.unread()[..end]).trim_end().to_owned();
        rx.consume(end + 1);
        self.answer(&line, tx);
        Ok(Step::Flush)
    }
}

const CAPABILITIES: &str = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ IDLE MOVE UIDPLUS";

impl Talker {
    fn say(&self, tx: &mut SendBuf, octets: &[u8]) {
        self.sent.fetch_add(octets.len(), Ordering::Relaxed);
        tx.push(octets);
    }

    fn noise(&self, tx: &mut SendBuf) {
        if self.lines.is_empty() && self.endless.is_some() {
            self.say(tx, b"* OK evil\r\n");
        }
        self.lines.iter().for_each(|line| self.say(tx, line));
    }

    fn answer(&mut self, line: &str, tx: &mut SendBuf) {
        if let Some(tag) = self.idle.take() {
            return self.say(tx, &[&tag[..], b" OK done\r\n"].concat());
        }
        let (tag, command) = line.split_once(' ').unwrap_or((line, ""));
        let upper = command.to_ascii_uppercase();
        self.commands += 1;
        let is_login = upper.starts_with("AUTHENTICATE");
        if !is_login {
            self.noise(tx);
        }
        let mut text = String::new();
        if upper.starts_with("SELECT") || upper.starts_with("EXAMINE") {
            text += "* 9 EXISTS\r\n* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 20] .\r\n";
        } else if let Some(fetch) = upper.split_once("FETCH ").map(|(_, fetch)| fetch) {
            text += &rows(fetch, upper.starts_with("UID "));
        } else if upper.starts_with("UID SEARCH") {
            text += "* SEARCH 13 15\r\n";
        } else if upper.starts_with("LIST") {
            text += "* LIST () \"/\" INBOX\r\n* LIST () \"/\" Good\r\n";
        } else if upper.starts_with("CAPABILITY") {
            text += &format!("* CAPABILITY {CAPABILITIES}\r\n");
        } else if upper.starts_with("LOGOUT") {
            (text, self.over) = ("* BYE bye\r\n".into(), true);
        } else if upper.starts_with("IDLE") {
            self.idle = Some(tag.into());
            return self.say(tx, b"+ idling\r\n");
        }
        self.say(tx, text.as_bytes());
        if !is_login && !self.over {
            self.noise(tx);
        }
        self.say(tx, format!("{tag} OK done\r\n").as_bytes());
    }
}

/// The answer to a FETCH of `set (items)`.
fn rows(fetch: &str, by_uid: bool) -> String {
    let (set, items) = fetch.split_once(' ').unwrap_or((fetch, ""));
    let number = |text: &str| match (text, by_uid) {
        ("*", _) => 9,
        (text, true) => text.parse::<u32>().unwrap_or_default().saturating_sub(10),
        (text, false) => text.parse().unwrap_or_default(),
    };
    let mut text = String::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        for number in number(first).max(1)..=number(last).min(9) {
            let uid = number + 10;
            text += &format!("* {number} FETCH (UID {uid} FLAGS ()");
            let own = |name: &str, value: String| if items.contains(name) { value } else { String::new() };
            text +=
                &own("ENVELOPE", format!(" ENVELOPE (NIL \"good {uid}\" NIL NIL NIL NIL NIL NIL NIL NIL)"));
            text += &own("RFC822.SIZE", " RFC822.SIZE 9".into());
            text += &own("INTERNALDATE", " INTERNALDATE \"17-Jul-2026 02:44:25 -0700\"".into());
            text += &own(
                "BODYSTRUCTURE",
                " BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 9 1 NIL NIL NIL NIL)".into(),
            );
            for section in items.split("BODY.PEEK[").skip(1).filter_map(|rest| rest.split(']').next()) {
                let body = format!("good {uid} {section}");
                text += &format!(" BODY[{section}] {{{}}}\r\n{body}", body.len());
            }
            text += ")\r\n";
        }
    }
    text
}

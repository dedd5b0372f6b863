//! What the personalities of the memory server get wrong, read by the facade. What they say, octet for octet, is in the mock's
//! own tests.

use std::time::Duration;

use mailbearer::{
    Change, Client, News, Range, UidSet,
    proto::imap::{FetchItem, SearchKey},
};
use mailbearer_mock::{
    Server as Mock,
    memory::{Options, Personality},
};

use crate::facade::{mock, robot};

/// Each brings an oddity of at least one provider about.
const ODD: &[(&str, &str)] = &[
    (
        "a description in a multipart",
        "Subject: 1\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Description: S/MIME Encrypted Message\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    ),
    (
        "a disposition of nothing",
        "From: \"Microsoft Exchange Server\"\r\nSubject: 2\r\nContent-Disposition: ;\r\n\r\nx\r\n",
    ),
    ("a size that is a guess", "Subject: 3\r\nContent-Type: application/ms-tnef\r\n\r\n0123456789\r\n"),
    (
        "multiparts of one boundary",
        "Subject: 4\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    ),
    (
        "a multipart without parts",
        "Subject: 5\r\nContent-Type: multipart/related\r\nContent-Disposition: attachment\r\n\r\nx\r\n",
    ),
    ("what is not escaped", "From: power@sina.com\\\r\nSubject: 6\r\nContent-Description: \"\"\r\n\r\nx\r\n"),
    (
        "a group that is empty",
        "From: a@b\r\nTo: undisclosed-recipients:;\r\nSubject: 7\r\nContent-Disposition: inline\r\n\r\nx\r\n",
    ),
    ("a text without a line end", "Subject: 8 gr\u{fc}n\r\n\r\nx"),
];
const TABS: &str = "Da\tOggetto\tRicevuto\t";

fn start(personality: Personality, limits: bool) -> (Mock, Client) {
    let mut options = Options::default();
    (options.personality, options.provider_limits) = (personality, limits);
    let server = mock(options);
    for (_, message) in ODD {
        server.mailbox().deliver(message.as_bytes()).unwrap();
    }
    let robot = robot(&server);
    (server, robot)
}

#[test]
fn odd_data_is_read_as_what_it_means() {
    for personality in Personality::ALL {
        let (server, robot) = start(personality, false);
        let mut imap = robot.connect_imap().unwrap();
        let folder = imap.create(TABS);
        assert!(folder.is_ok(), "{personality}: {folder:?}");
        let folders = imap.folders("*").unwrap();
        assert!(folders.iter().any(|folder| folder.name == TABS), "{personality}: {folders:?}");
        let mut inbox = imap.select("INBOX").unwrap();
        let listing = inbox.list_with_attachments(Range::All).unwrap();
        let listed: Vec<_> = listing.collect::<Result<_, _>>().unwrap();
        assert_eq!(listed.len(), ODD.len(), "{personality}");
        for (summary, (name, message)) in listed.iter().zip(ODD) {
            let place = format!("{personality}, {name}: {summary:?}");
            assert!(
                !summary.incomplete && message.contains(&format!("Subject: {}", summary.subject)),
                "{place}"
            );
            let mut octets = Vec::new();
            let mut body = inbox.fetch(summary.uid).unwrap();
            while let Some(piece) = body.next().unwrap() {
                octets.extend_from_slice(&piece);
            }
            assert_eq!(octets, message.as_bytes(), "{place}");
            let header =
                inbox.message(summary.uid).unwrap_or_else(|error| panic!("{place}: {error}")).header();
            assert!(message.as_bytes().starts_with(header.unwrap().trim_ascii_end()), "{place}");
        }
        let by = |name: &str| &listed[ODD.iter().position(|(own, _)| *own == name).unwrap()];
        // QQ writes the backslash before the last quote as it is. There it belongs to no host.
        let backslash = if personality == Personality::Qq { "" } else { "\\" };
        assert_eq!(by("what is not escaped").address, format!("power@sina.com{backslash}"), "{personality}");
        let nobody = &by("a disposition of nothing").from;
        assert!(nobody.trim_matches('"').starts_with("Microsoft Exchange Server"), "{personality} {nobody}");
        // Where it is no multipart at all to the server, it is a file.
        let attached = by("a multipart without parts").has_attachments;
        assert_eq!(attached, Some(personality != Personality::Gmail), "{personality}");
        // MOVE, whose code stands alone at Exchange.
        let moved = inbox.move_to(listed[0].uid.into(), TABS).unwrap();
        let pairs = moved.copied.map(|copied| copied.pairs);
        assert_eq!((moved.removed, pairs), (true, Some(vec![(listed[0].uid, 1)])), "{personality}");
        // A text that is not ASCII: found, or the server's refusal is told as what it is.
        let found = inbox.search(&SearchKey::Subject("gr\u{fc}n".into()));
        match personality {
            Personality::Exchange => {
                let error = found.unwrap_err();
                assert_eq!(error.kind(), mailbearer::Kind::Charset, "{error}");
            }
            _ => assert_eq!(found.unwrap().uids.iter().collect::<Vec<_>>(), [8], "{personality}"),
        }
        // What came before the `+` is news as any other.
        server.mailbox().deliver("Subject: 9\r\n\r\nx\r\n".as_bytes()).unwrap();
        let mut idle = inbox.idle().unwrap();
        loop {
            let change = idle.next_within(Duration::from_secs(20)).unwrap();
            match change.unwrap_or_else(|| panic!("{personality}: no news")) {
                Change::Arrived { .. } => break,
                _ => continue,
            }
        }
        idle.stop().unwrap();
        drop(inbox);
        imap.logout().unwrap();
    }
}

/// More messages than a command tells, by more UIDs than a line holds, and more octets than Gmail likes.
#[test]
fn much_is_listed_and_fetched_whole() {
    for personality in Personality::ALL {
        let (server, robot) = start(personality, true);
        let large = format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(1 << 21));
        server.mailbox().deliver(large.as_bytes()).unwrap();
        for _ in 0..1500 {
            server.mailbox().deliver("Subject: one of many\r\n\r\nx\r\n".as_bytes()).unwrap();
        }
        let mut imap = robot.connect_imap().unwrap();
        let mut inbox = imap.examine("INBOX").unwrap();
        let count = ODD.len() + 1501;
        let listed: Vec<_> = inbox.list(Range::All).unwrap().collect::<Result<_, _>>().unwrap();
        let uids: std::collections::BTreeSet<u32> = listed.iter().map(|summary| summary.uid).collect();
        let incomplete = listed.iter().filter(|summary| summary.incomplete).count();
        assert_eq!((listed.len(), uids.len(), incomplete), (count, count, 0), "{personality}");
        let odd: UidSet = uids.into_iter().filter(|uid| uid % 2 == 1).collect();
        let half = inbox.list(Range::Uids(odd)).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(half.len(), count.div_ceil(2), "{personality}");
        let mut messages = inbox.messages(UidSet::all(), vec![FetchItem::Flags]).unwrap();
        let mut fetched = 0;
        while messages.next().unwrap().is_some() {
            fetched += 1;
        }
        assert_eq!(fetched, count, "{personality}");
        inbox.learn().unwrap();
        assert!(inbox.view().without_flags().is_empty(), "{personality}");
        for _ in 0..2 {
            let mut octets = 0;
            let mut body = inbox.fetch(u32::try_from(ODD.len()).unwrap() + 1).unwrap();
            while let Some(piece) = body.next().unwrap() {
                octets += piece.len();
            }
            assert_eq!(octets, large.len(), "{personality}");
        }
        // A watch knows all of them, and reports what is new.
        let mut watcher = robot.watch("INBOX").unwrap();
        server.mailbox().deliver("Subject: news\r\n\r\nx\r\n".as_bytes()).unwrap();
        let news = watcher.next_within(Duration::from_secs(60)).unwrap();
        assert!(
            matches!(&news, Some(News::Arrived(summary)) if summary.subject == "news"),
            "{personality}: {news:?}"
        );
    }
}

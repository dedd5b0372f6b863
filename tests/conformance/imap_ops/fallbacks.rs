//! What operations do on servers that offer little, word by word. Compiled once for each driver.

use std::time::Duration;

use mailbearer::proto::imap::{FetchItem, Flag, SearchKey, StoreAction, UidSet};
use mailbearer::{Account, Client, News, Security, Server, Token, WatchOptions, Watcher};
use mailbearer_mock::{Serving, Transcript, serve};

use super::{Driver, run};
use crate::imap_ops::Proxy;

/// Servers that play these conversations one after the other, each to be reached in its turn.
pub(super) struct Servers {
    pub(super) proxy: Proxy,
    pub(super) client: Client<Driver>,
    playing: Vec<(u16, Serving)>,
}

impl Servers {
    /// `texts` are what follows the login; the capabilities stand there for all of them.
    pub(super) fn start(capabilities: &str, texts: &[&str]) -> Self {
        Self::with(capabilities, texts, |_| {})
    }

    fn with(capabilities: &str, texts: &[&str], change: impl FnOnce(&mut Account)) -> Self {
        let (mut playing, mut pem) = (Vec::new(), String::new());
        for text in texts {
            let text = format!(
                "--TLS--\nS: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\n\
                 C: <tag> AUTHENTICATE XOAUTH2 <any>\nS: <tag> OK [CAPABILITY IMAP4rev1 {capabilities}] in\n{text}"
            );
            let (address, serving) = serve(Transcript::parse(&text).unwrap()).unwrap();
            pem.push_str(serving.ca_pem());
            playing.push((address.port(), serving));
        }
        let proxy = Proxy::start(playing[0].0);
        let mut account = Account::custom("robot@mail.test", "https://localhost:1/", "x")
            .client_credentials("id", "secret")
            .ca_pem(pem)
            .unwrap();
        account.imap = Some(Server::new("localhost", proxy.port(), Security::Implicit));
        change(&mut account);
        let client = account.on::<Driver>().unwrap();
        client.keep_token(Token::new("token", None));
        Self { proxy, client, playing }
    }

    /// From now on the second server is reached.
    pub(super) fn go_on(&self) {
        self.proxy.redirect(self.playing[1].0);
    }

    /// The client hung up in the middle.
    pub(super) fn give_up(self) {
        drop(self.client);
        // Whether that was noticed is a matter of how much a socket holds.
        for (_, serving) in self.playing {
            drop(serving.join());
        }
    }

    #[track_caller]
    pub(super) fn join(self) {
        drop(self.client);
        for (_, serving) in self.playing {
            serving.join().unwrap();
        }
    }
}

fn set(text: &str) -> UidSet {
    text.parse().unwrap()
}

const SELECT: &str = "C: <tag> SELECT INBOX\nS: * 3 EXISTS\nS: <tag> OK [READ-WRITE] x\n";

#[test]
fn moving_without_move() {
    let rows = [
        ("UIDPLUS", "C: <tag> UID EXPUNGE 5:6,9\nS: * 1 EXPUNGE\nS: <tag> OK x\n", true),
        // Others may be flagged as well, and are none of ours.
        ("X-NOTHING", "", false),
    ];
    for (capability, end, removed) in rows {
        let text = format!(
            "{SELECT}C: <tag> UID SEARCH UID 2:4294967295\nS: * SEARCH 9 5 6\nS: <tag> OK x\n\
             C: <tag> UID COPY 5:6,9 Archive\nS: <tag> OK [COPYUID 7 5:6,9 20:22] x\n\
             C: <tag> UID STORE 5:6,9 +FLAGS (\\\\Deleted)\nS: <tag> OK x\n{end}"
        );
        let servers = Servers::start(capability, &[&text]);
        run(async {
            let mut imap = wait!(servers.client.connect_imap()).unwrap();
            let mut inbox = wait!(imap.select("INBOX")).unwrap();
            let moved = wait!(inbox.move_to(set("2:*"), "Archive")).unwrap();
            assert_eq!((moved.removed, moved.copied.unwrap().to()), (removed, set("20:22")));
        });
        servers.join();
    }
}

/// Doing it again would make more copies.
#[test]
fn what_was_copied_and_not_removed_is_said() {
    let still = "; the messages were copied, and the originals are still there";
    let unknown = "; the messages were copied, and whether the originals were removed is unknown";
    let store = "C: <tag> UID STORE 5 +FLAGS (\\\\Deleted)\n";
    let rows = [
        (format!("{store}S: <tag> NO [INUSE] no\n"), still),
        (format!("{store}S: * BYE down\n--close--\n"), unknown),
        (format!("{store}S: <tag> OK x\nC: <tag> UID EXPUNGE 5\nS: <tag> NO never\n"), still),
        (format!("{store}S: <tag> OK x\nC: <tag> UID EXPUNGE 5\n--close--\n"), unknown),
    ];
    for (end, told) in rows {
        let text = format!(
            "{SELECT}C: <tag> UID SEARCH UID 5\nS: * SEARCH 5\nS: <tag> OK x\n\
             C: <tag> UID COPY 5 Archive\nS: <tag> OK x\n{end}"
        );
        let servers = Servers::start("UIDPLUS", &[&text]);
        run(async {
            let mut imap = wait!(servers.client.connect_imap()).unwrap();
            let mut inbox = wait!(imap.select("INBOX")).unwrap();
            let error = wait!(inbox.move_to(set("5"), "Archive")).unwrap_err();
            assert!(error.to_string().ends_with(told), "{error}");
            assert!(error.outcome_unknown() && !error.is_transient());
        });
        servers.join();
    }
}

#[test]
fn a_set_that_is_empty_moves_nothing() {
    let text = format!("{SELECT}C: <tag> UID SEARCH UID 70:80\nS: * SEARCH\nS: <tag> OK x\n");
    let servers = Servers::start("UIDPLUS", &[&text]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        assert_eq!(wait!(inbox.move_to(set("70:80"), "Archive")).unwrap().copied, None);
        assert_eq!(wait!(inbox.move_to(set(""), "Archive")).unwrap().copied, None);
    });
    servers.join();
}

#[test]
fn a_long_set_takes_several_commands() {
    let long: UidSet = (1..400_u32).map(|number| number * 1_000_000).collect();
    let mut text = SELECT.to_owned();
    for (command, count) in [("UID COPY <any> Archive", 1), ("UID STORE <any> +FLAGS (\\\\Seen)", 0)] {
        for piece in 0..5 {
            let code = if count > 0 { format!("[COPYUID 7 {piece}1 {piece}2] ") } else { String::new() };
            text.push_str(&format!("C: <tag> {command}\nS: <tag> OK {code}x\n").replace(" 01 02", " 51 52"));
        }
    }
    text.push_str("C: <tag> UID FETCH <any> (FLAGS)\nS: * 1 FETCH (UID 1000000 FLAGS ())\n");
    text.push_str("S: * 2 FETCH (UID 7 FLAGS ())\nS: <tag> OK x\n");
    text.push_str(&"C: <tag> UID FETCH <any> (FLAGS)\nS: <tag> OK x\n".repeat(3));
    text.push_str("C: <tag> UID FETCH <any> (FLAGS)\nS: * 2 FETCH (UID 9000000 FLAGS ())\nS: <tag> OK x\n");
    let servers = Servers::start("UIDPLUS", &[&text]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        let copied = wait!(inbox.copy(long.clone(), "Archive")).unwrap().unwrap();
        assert_eq!(copied.pairs, [(51, 52), (11, 12), (21, 22), (31, 32), (41, 42)]);
        wait!(inbox.store(long.clone(), StoreAction::Add, &[Flag::Seen])).unwrap();
        let mut messages = wait!(inbox.messages(long.clone(), vec![FetchItem::Flags])).unwrap();
        let mut uids = Vec::new();
        while let Some(message) = wait!(messages.next()).unwrap() {
            uids.push(message.uid());
        }
        assert_eq!(uids, [1_000_000, 9_000_000], "and none that was not asked for");
    });
    servers.join();
}

#[test]
fn a_charset_that_is_refused_is_named() {
    let text = format!(
        "{SELECT}C: <tag> UID SEARCH CHARSET UTF-8 SUBJECT {{6}}\nS: + go on\nC: Gr\\xc3\\xbc\\xc3\\xbc\\\nC: \n\
         S: <tag> NO [BADCHARSET (US-ASCII \"X-\\x1b\")] x\n\
         C: <tag> UID SEARCH SUBJECT Gru\nS: * SEARCH 4\nS: <tag> OK x\n"
    );
    let servers = Servers::start("X", &[&text]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        let error = wait!(inbox.search(&SearchKey::Subject("Grüü".into()))).unwrap_err();
        assert!(error.is_unsupported() && error.to_string().contains("US-ASCII, X-\\x1b"), "{error}");
        let found = wait!(inbox.search(&SearchKey::Subject("Gru".into()))).unwrap();
        assert_eq!(found.uids, set("4"));
    });
    servers.join();
}

#[test]
fn counts_are_asked_for_several_at_a_time() {
    let text = "C: <tag> LIST \"\" \"*\"\n\
        S: * LIST () \".\" a\nS: * LIST (\\\\Noselect) \".\" b\nS: * LIST (\\\\AllMail) \".\" c\nS: * LIST () \".\" d\n\
        S: <tag> OK x\n\
        C: <tag1> STATUS a (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)\n\
        C: <tag2> STATUS c (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)\n\
        C: <tag3> STATUS d (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)\n\
        S: * STATUS d (MESSAGES 4)\nS: <tag3> OK x\nS: <tag2> NO not you\nS: * STATUS a (MESSAGES 1)\nS: <tag1> OK x\n";
    let servers = Servers::start("X", &[text]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        let folders = wait!(imap.folders_with_counts("*")).unwrap();
        let counts: Vec<(&str, Option<u32>)> = folders
            .iter()
            .map(|folder| (folder.name.as_str(), folder.counts.as_ref().and_then(|counts| counts.messages)))
            .collect();
        assert_eq!(counts, [("a", Some(1)), ("b", None), ("c", None), ("d", Some(4))]);
        assert_eq!(folders[2].role, Some(mailbearer::Role::All));
    });
    servers.join();
}

const OPEN: &str = "S: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: * OK [UIDNEXT 10] x\n\
    S: * OK [HIGHESTMODSEQ 100] x\nS: <tag> OK [READ-ONLY] x\n\
    C: <tag> FETCH 1:3 (UID FLAGS)\nS: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 FETCH (UID 5 FLAGS (\\\\Seen))\n\
    S: * 3 FETCH (UID 9 FLAGS ())\nS: <tag> OK x\n";
const IDLE: &str = "C: <tag> IDLE\nS: + idling\n";
const ASK: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)\n";
const ENVELOPE: &str = "ENVELOPE (NIL \"new\" NIL NIL NIL NIL NIL NIL NIL NIL)";

pub(super) fn hasty() -> WatchOptions {
    let mut options = WatchOptions::default();
    options.first_wait = Duration::from_millis(1);
    options.longest_wait = Duration::from_millis(2);
    options.poll = Duration::from_millis(1);
    // So that what goes wrong ends.
    options.attempts = Some(50);
    options
}

/// The next news, in short.
pub(super) async fn told(watcher: &mut Watcher<Driver>, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    while told.len() < count {
        told.push(match wait!(watcher.next()).unwrap() {
            News::Arrived(summary) => format!("new {} {}", summary.uid, summary.subject),
            News::Expunged { uid } => format!("gone {uid}"),
            News::Flags { uid, flags } => format!("flags {uid} {flags:?}"),
            News::Renumbered { uid_validity } => format!("renumbered {uid_validity}"),
            _ => continue,
        });
    }
    told
}

#[test]
fn resync_by_condstore_by_qresync_and_by_uid() {
    let condstore = [
        format!("C: <tag> EXAMINE INBOX (CONDSTORE)\n{OPEN}{IDLE}--close--\n"),
        format!(
            "C: <tag> EXAMINE INBOX (CONDSTORE)\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\n\
             S: * OK [HIGHESTMODSEQ 140] x\nS: <tag> OK x\n\
             C: <tag> UID SEARCH ALL\nS: * SEARCH 3 9 11\nS: <tag> OK x\n\
             C: <tag> UID FETCH 1:9 (UID FLAGS) (CHANGEDSINCE 100)\n\
             S: * 2 FETCH (UID 9 FLAGS (\\\\Flagged) MODSEQ (120))\nS: <tag> OK x\n\
             C: <tag> FETCH 3 {ASK}S: * 3 FETCH (UID 11 FLAGS () {ENVELOPE})\nS: <tag> OK x\n"
        ),
    ];
    let enable = "C: <tag> ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: <tag> OK x\n";
    let qresync = [
        format!("{enable}C: <tag> EXAMINE INBOX\n{OPEN}{IDLE}--close--\n"),
        format!(
            "{enable}C: <tag> EXAMINE INBOX (QRESYNC (7 100))\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\n\
             S: * OK [HIGHESTMODSEQ 140] x\nS: * VANISHED (EARLIER) 4:6\n\
             S: * 2 FETCH (UID 9 FLAGS (\\\\Flagged) MODSEQ (120))\n\
             S: * 3 FETCH (UID 11 FLAGS () MODSEQ (140))\nS: <tag> OK x\n\
             C: <tag> FETCH 3 {ASK}S: * 3 FETCH (UID 11 FLAGS () {ENVELOPE})\nS: <tag> OK x\n"
        ),
    ];
    let by_uid = [
        format!("C: <tag> EXAMINE INBOX\n{OPEN}{IDLE}--close--\n"),
        format!(
            "C: <tag> EXAMINE INBOX\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: <tag> OK x\n\
             C: <tag> FETCH 1:3 (UID FLAGS)\nS: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 FETCH (UID 9 FLAGS (\\\\Flagged))\n\
             S: * 3 FETCH (UID 11 FLAGS ())\nS: <tag> OK x\n\
             C: <tag> FETCH 3 {ASK}S: * 3 FETCH (UID 11 FLAGS () {ENVELOPE})\nS: <tag> OK x\n"
        ),
    ];
    let rows = [("IDLE CONDSTORE", condstore), ("IDLE ENABLE QRESYNC", qresync), ("IDLE", by_uid)];
    for (capabilities, [first, second]) in rows {
        let servers = Servers::start(capabilities, &[&first, &second]);
        run(async {
            let mut watcher = wait!(servers.client.watch_with("INBOX", hasty())).unwrap();
            servers.go_on();
            let told = told(&mut watcher, 3).await;
            assert_eq!(told, ["flags 9 [Flagged]", "gone 5", "new 11 new"], "{capabilities}");
        });
        servers.join();
    }
}

#[test]
fn what_happens_during_the_resync_is_no_harm() {
    // A message goes and another comes between the commands: the numbers would fit, the messages not.
    let first = format!("C: <tag> EXAMINE INBOX (CONDSTORE)\n{OPEN}{IDLE}--close--\n");
    let second = format!(
        "C: <tag> EXAMINE INBOX (CONDSTORE)\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\n\
         S: * OK [HIGHESTMODSEQ 100] x\nS: <tag> OK x\n\
         C: <tag> UID SEARCH ALL\nS: * SEARCH 3 5 9\nS: <tag> OK x\n\
         C: <tag> UID FETCH 1:9 (UID FLAGS) (CHANGEDSINCE 100)\nS: * 2 EXPUNGE\nS: * 3 EXISTS\nS: <tag> OK x\n\
         C: <tag> FETCH 1:3 (UID FLAGS)\nS: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 FETCH (UID 9 FLAGS ())\n\
         S: * 3 FETCH (UID 11 FLAGS ())\nS: <tag> OK x\n\
         C: <tag> FETCH 3 {ASK}S: * 3 FETCH (UID 11 FLAGS () {ENVELOPE})\nS: <tag> OK x\n"
    );
    let servers = Servers::start("IDLE CONDSTORE", &[&first, &second]);
    run(async {
        let mut watcher = wait!(servers.client.watch_with("INBOX", hasty())).unwrap();
        servers.go_on();
        assert_eq!(told(&mut watcher, 2).await, ["gone 5", "new 11 new"]);
    });
    servers.join();
}

#[test]
fn messages_told_out_of_order_are_told_once() {
    // The connection breaks when the later one was told and the earlier one was not.
    let enable = "C: <tag> ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: <tag> OK x\n";
    let first = format!(
        "{enable}C: <tag> EXAMINE INBOX\n{OPEN}{IDLE}S: * 5 EXISTS\nC: DONE\nS: <tag> OK x\n\
         C: <tag> FETCH 4:5 {ASK}S: * 5 FETCH (UID 13 FLAGS () {ENVELOPE})\n--close--\n"
    );
    let second = format!(
        "{enable}C: <tag> EXAMINE INBOX\nS: * 5 EXISTS\nS: * OK [UIDVALIDITY 7] x\n\
         S: * OK [HIGHESTMODSEQ 140] x\nS: <tag> OK x\n\
         C: <tag> FETCH 1:5 (UID FLAGS)\nS: * 1 FETCH (UID 3 FLAGS ())\nS: * 2 FETCH (UID 5 FLAGS (\\\\Seen))\n\
         S: * 3 FETCH (UID 9 FLAGS ())\nS: * 4 FETCH (UID 12 FLAGS ())\nS: * 5 FETCH (UID 13 FLAGS ())\nS: <tag> OK x\n\
         C: <tag> FETCH 4 {ASK}S: * 4 FETCH (UID 12 FLAGS () {ENVELOPE})\nS: <tag> OK x\n"
    );
    let servers = Servers::start("IDLE ENABLE QRESYNC", &[&first, &second]);
    run(async {
        let mut watcher = wait!(servers.client.watch_with("INBOX", hasty())).unwrap();
        assert_eq!(told(&mut watcher, 1).await, ["new 13 new"]);
        servers.go_on();
        assert_eq!(told(&mut watcher, 1).await, ["new 12 new"]);
    });
    servers.join();
}

#[test]
fn a_server_out_of_step_is_asked_anew() {
    // Two messages are gone, as the server forgot to tell.
    let first = format!("C: <tag> EXAMINE INBOX (CONDSTORE)\n{OPEN}{IDLE}S: * 1 EXISTS\n");
    let second = "C: <tag> EXAMINE INBOX (CONDSTORE)\nS: * 1 EXISTS\nS: * OK [UIDVALIDITY 7] x\n\
         S: * OK [HIGHESTMODSEQ 100] x\nS: <tag> OK x\n\
         C: <tag> FETCH 1 (UID FLAGS)\nS: * 1 FETCH (UID 5 FLAGS (\\\\Seen))\nS: <tag> OK x\n";
    let servers = Servers::start("IDLE CONDSTORE", &[&first, second]);
    run(async {
        let mut watcher = wait!(servers.client.watch_with("INBOX", hasty())).unwrap();
        servers.go_on();
        assert_eq!(told(&mut watcher, 2).await, ["gone 3", "gone 9"]);
    });
    servers.join();
}

#[test]
fn without_idle_it_asks() {
    let asked = format!(
        "C: <tag> NOOP\nS: <tag> OK x\nC: <tag> NOOP\nS: * 2 EXPUNGE\nS: * 3 EXISTS\nS: <tag> OK x\n\
         C: <tag> FETCH 3 {ASK}S: * 3 FETCH (UID 12 FLAGS () {ENVELOPE})\nS: <tag> OK x\n"
    );
    let rows = [
        ("X", String::new()),
        ("IDLE", "C: <tag> IDLE\nS: <tag> BAD not really\n".to_owned()),
        ("IDLE", format!("{IDLE}S: <tag> OK enough\n")),
    ];
    for (capability, idle) in rows {
        let text = format!("C: <tag> EXAMINE INBOX\n{OPEN}{idle}{asked}");
        let servers = Servers::start(capability, &[&text]);
        run(async {
            let mut watcher = wait!(servers.client.watch_with("INBOX", hasty())).unwrap();
            assert_eq!(told(&mut watcher, 2).await, ["gone 5", "new 12 new"], "{idle}");
        });
        servers.join();
    }
}

#[test]
fn idle_is_given_anew_and_what_does_not_answer_is_left() {
    let first = format!(
        "C: <tag> EXAMINE INBOX\n{OPEN}{IDLE}C: DONE\nS: <tag> OK x\n{IDLE}S: * 1 FETCH (FLAGS (a))\n\
         C: DONE\nS: <tag> OK x\n{IDLE}C: DONE\n"
    );
    let second = "C: <tag> EXAMINE INBOX\nS: * 0 EXISTS\nS: * OK [UIDVALIDITY 8] x\nS: <tag> OK x\n";
    let servers = Servers::with("IDLE", &[&first, second], |account| {
        account.timeouts.read = Some(Duration::from_millis(1500));
    });
    run(async {
        let mut options = hasty();
        options.idle = Some(Duration::from_millis(2));
        let mut watcher = wait!(servers.client.watch_with("INBOX", options)).unwrap();
        assert_eq!(told(&mut watcher, 1).await, ["flags 3 [Keyword(a)]"]);
        servers.go_on();
        let News::Interrupted { error, .. } = wait!(watcher.next()).unwrap() else { panic!() };
        assert!(error.is_timeout() && error.to_string().contains("1.5"), "{error}");
        assert_eq!(told(&mut watcher, 1).await, ["renumbered 8"]);
    });
    servers.join();
}

#[test]
fn a_message_whose_flags_come_first_is_told_once() {
    let text = format!(
        "C: <tag> EXAMINE INBOX\n{OPEN}{IDLE}S: * 4 EXISTS\nS: * 4 FETCH (UID 12 FLAGS (a))\nC: DONE\n\
         S: * 4 FETCH (UID 12 FLAGS (b))\nS: <tag> OK x\n\
         C: <tag> FETCH 4 {ASK}S: * 4 FETCH (UID 12 FLAGS (b) {ENVELOPE})\nS: <tag> OK x\n\
         C: <tag> IDLE\nS: + idling\nS: * 4 FETCH (FLAGS (b))\nS: * 4 FETCH (FLAGS (c))\n"
    );
    let servers = Servers::start("IDLE", &[&text]);
    run(async {
        let mut watcher = wait!(servers.client.watch_with("INBOX", hasty())).unwrap();
        assert_eq!(told(&mut watcher, 2).await, ["new 12 new", "flags 12 [Keyword(c)]"]);
    });
    servers.join();
}

#[test]
fn what_is_said_of_the_mailbox_before_counts_for_nothing() {
    // RFC 7162 section 3.2.11: CLOSED stands between the two.
    let text = format!(
        "{SELECT}C: <tag> SELECT other\nS: * 7 EXISTS\nS: * OK [UNSEEN 4] x\nS: * 3 EXPUNGE\nS: * OK [CLOSED] x\n\
         S: * 2 EXISTS\nS: <tag> OK [READ-WRITE] x\n"
    );
    let servers = Servers::start("X", &[&text]);
    run(async {
        let mut imap = wait!(servers.client.connect_imap()).unwrap();
        wait!(imap.select("INBOX")).unwrap();
        let mut other = wait!(imap.select("other")).unwrap();
        assert_eq!((other.opened().exists, other.opened().unseen), (2, None));
        assert_eq!(other.view().exists(), 2);
        assert_eq!(other.changes().count(), 0);
    });
    servers.join();
}

/// `watch` shows messages whose ENVELOPE is NIL or odd, as `list` does.
#[test]
fn what_a_server_can_not_show_is_told_all_the_same() {
    let little = "(UID FLAGS INTERNALDATE RFC822.SIZE)\n";
    let text = format!(
        "C: <tag> EXAMINE INBOX\n{OPEN}{IDLE}S: * 5 EXISTS\nC: DONE\nS: <tag> OK x\n\
         C: <tag> FETCH 4:5 {ASK}S: * 4 FETCH (UID 12 FLAGS () {ENVELOPE})\nS: <tag> NO [UNAVAILABLE] broken\n\
         C: <tag> FETCH 5 {little}S: * 5 FETCH (UID 13 FLAGS () RFC822.SIZE 5)\nS: <tag> OK x\n"
    );
    let servers = Servers::start("IDLE", &[&text]);
    run(async {
        let mut watcher = wait!(servers.client.watch_with("INBOX", hasty())).unwrap();
        assert_eq!(told(&mut watcher, 2).await, ["new 12 new", "new 13 "]);
    });
    servers.join();
}

//! Views and watches, of a server that has QRESYNC. Compiled once for each driver.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mailbearer::proto::imap::{Capability, FetchItem, Flag, Item, SearchKey, StoreAction, UidSet};
use mailbearer::{Examined, Imap, News, Selected, WatchOptions};

use super::{Driver, run};
use crate::imap_ops::{Bench, Dice, Proxy};

type Messages = BTreeMap<u32, BTreeSet<String>>;

async fn connect(bench: &Bench) -> Imap<Driver> {
    wait!(bench.account.clone().on::<Driver>().unwrap().connect_imap()).unwrap()
}

/// UIDs and flags of the open mailbox, as the server tells them.
async fn messages(imap: &mut Examined<'_, Driver>) -> Messages {
    let mut found = Messages::new();
    let mut messages = wait!(imap.messages(UidSet::all(), vec![FetchItem::Flags])).unwrap();
    while let Some(message) = wait!(messages.next()).unwrap() {
        for item in message.items() {
            if let Item::Flags(flags) = item {
                found.insert(message.uid(), names(flags.iter()));
            }
        }
    }
    found
}

fn names<'a>(flags: impl Iterator<Item = Flag<'a>>) -> BTreeSet<String> {
    flags.filter(|flag| *flag != Flag::Recent).map(|flag| flag.to_string()).collect()
}

async fn act(imap: &mut Selected<'_, Driver>, dice: &mut Dice) {
    let found = wait!(imap.search(&SearchKey::All)).unwrap();
    let uids: Vec<u32> = found.uids.iter().collect();
    let some = UidSet::range(dice.pick(&uids), dice.pick(&uids));
    let flag = dice.one_of([Flag::Seen, Flag::Flagged, Flag::Deleted, Flag::new("$x").unwrap()]);
    let action = dice.one_of([StoreAction::Add, StoreAction::Remove, StoreAction::Replace]);
    match dice.up_to(8) {
        0 | 1 => drop(wait!(imap.append("INBOX", &[flag], None, b"Subject: x\r\n\r\n")).unwrap()),
        2 => wait!(imap.expunge()).unwrap(),
        3 => drop(wait!(imap.move_to(UidSet::from(dice.pick(&uids)), "Archive")).unwrap()),
        4 => wait!(imap.noop()).unwrap(),
        5 => wait!(imap.learn()).unwrap(),
        _ => wait!(imap.store(some, action, &[flag])).unwrap(),
    }
}

/// Whatever two sessions do, the view is the mailbox after a NOOP: with EXPUNGE, and with VANISHED.
#[test]
fn any_interleaving_leaves_the_view_right() {
    let bench = Bench::start();
    run(async {
        for vanished in [false, true] {
            let mut session = connect(&bench).await;
            let mut others = connect(&bench).await;
            if vanished {
                assert!(wait!(session.enable(&[Capability::QResync])).unwrap().has(&Capability::QResync));
            }
            let mut other = wait!(others.select("INBOX")).unwrap();
            for seed in 0..15 {
                let mut dice = Dice::new(seed);
                let mut imap = wait!(session.select("INBOX")).unwrap();
                for _ in 0..dice.up_to(20) {
                    if dice.up_to(2) == 0 {
                        act(&mut imap, &mut dice).await;
                    } else {
                        act(&mut other, &mut dice).await;
                    }
                }
                wait!(imap.noop()).unwrap();
                wait!(imap.learn()).unwrap();
                let view = imap.view();
                let seen: Messages = view
                    .messages()
                    .map(|(_, message)| (message.uid, names(message.flags().unwrap().iter())))
                    .collect();
                assert!(view.unknown().is_empty());
                assert_eq!(seen, messages(&mut imap).await, "seed {seed}");
            }
            wait!(session.logout()).unwrap();
            wait!(others.logout()).unwrap();
        }
    });
}

/// Whatever happens, and wherever the connection breaks: who follows the news knows the mailbox.
#[test]
fn the_news_add_up() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.account.imap.as_ref().unwrap().port);
    let mut account = bench.account.clone();
    account.imap.as_mut().unwrap().port = proxy.port();
    run(async {
        let client = account.on::<Driver>().unwrap();
        let mut others = connect(&bench).await;
        let mut other = wait!(others.select("INBOX")).unwrap();
        for seed in 0..6 {
            let mut dice = Dice::new(seed);
            let mut model = messages(&mut other).await;
            let mut gone = BTreeSet::new();
            let mut options = WatchOptions::default();
            options.first_wait = Duration::from_millis(1);
            options.longest_wait = Duration::from_millis(4);
            let mut watcher = wait!(client.watch_with("INBOX", options)).unwrap();
            for _ in 0..12 {
                match dice.up_to(6) {
                    0 => proxy.cut(),
                    1 => {
                        while let Some(news) = wait!(watcher.next_within(Duration::from_millis(20))).unwrap()
                        {
                            follow(&mut model, &mut gone, news);
                        }
                    }
                    _ => act(&mut other, &mut dice).await,
                }
            }
            let last = wait!(other.append("INBOX", &[], None, b"Subject: last\r\n\r\n")).unwrap().unwrap();
            loop {
                let news = wait!(watcher.next()).unwrap();
                let is_last = matches!(&news, News::Arrived(summary) if summary.uid == last.uid);
                follow(&mut model, &mut gone, news);
                if is_last {
                    break;
                }
            }
            while let Some(news) = wait!(watcher.next_within(Duration::from_millis(5))).unwrap() {
                follow(&mut model, &mut gone, news);
            }
            wait!(watcher.stop()).unwrap();
            let real = messages(&mut other).await;
            assert!(model.keys().eq(real.keys()), "seed {seed}: {model:?} {real:?}");
            // An arrival tells only whether it was read.
            let seen = |messages: &Messages| -> Vec<u32> {
                let seen = messages.iter().filter(|(_, flags)| flags.contains("\\Seen"));
                seen.map(|(uid, _)| *uid).collect()
            };
            assert_eq!(seen(&model), seen(&real), "seed {seed}");
        }
        wait!(others.logout()).unwrap();
    });
    assert!(proxy.connections() > 6, "some were cut");
}

fn follow(model: &mut Messages, gone: &mut BTreeSet<u32>, news: News) {
    match news {
        News::Arrived(summary) => {
            let flags = summary.seen.then(|| "\\Seen".to_owned()).into_iter().collect();
            assert!(!gone.contains(&summary.uid) && model.insert(summary.uid, flags).is_none(), "told twice");
        }
        News::Flags { uid, flags } => {
            assert!(
                model.insert(uid, names(flags.into_iter())).is_some(),
                "flags of {uid}, which nobody knows"
            );
        }
        News::Expunged { uid } => {
            assert!(model.remove(&uid).is_some() && gone.insert(uid), "{uid} is not there");
        }
        News::Interrupted { .. } => {}
        other => panic!("{other:?}"),
    }
}

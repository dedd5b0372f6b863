//! A watch over connections that break. Compiled once for each driver.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mailbearer::proto::imap::Flag;
use mailbearer::{Client, News, WatchOptions, Watcher};

use super::{Driver, run};
use crate::imap_ops::{Bench, Dice, Proxy};

fn hasty() -> WatchOptions {
    let mut options = WatchOptions::default();
    options.first_wait = Duration::from_millis(1);
    options.longest_wait = Duration::from_millis(4);
    options
}

fn client(bench: &Bench, proxy: &Proxy) -> Client<Driver> {
    bench.account_by(proxy).on::<Driver>().unwrap()
}

/// The next thing that is not an interruption.
async fn next(watcher: &mut Watcher<Driver>) -> News {
    loop {
        match wait!(watcher.next()).unwrap() {
            News::Interrupted { .. } => {}
            news => return news,
        }
    }
}

async fn arrived(watcher: &mut Watcher<Driver>) -> (u32, String) {
    match next(watcher).await {
        News::Arrived(summary) => (summary.uid, summary.subject),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_happens_is_told_by_uid() {
    let bench = Bench::start();
    bench.deliver(&["old", "older"]);
    let proxy = Proxy::start(bench.server.ports().imaps);
    run(async {
        let mut watcher = wait!(client(&bench, &proxy).watch("INBOX")).unwrap();
        assert_eq!(
            wait!(watcher.next_within(Duration::from_millis(1))).unwrap(),
            None,
            "what was there is no news"
        );
        bench.deliver(&["new"]);
        assert_eq!(arrived(&mut watcher).await, (3, "new".into()));
        bench.server.mailbox().set_flags("INBOX", 2, vec!["\\Seen".into(), "$Done".into()]);
        let flags = vec![Flag::Seen, Flag::new("$Done").unwrap()];
        assert_eq!(next(&mut watcher).await, News::Flags { uid: 2, flags });
        bench.server.mailbox().remove("INBOX", 1);
        assert_eq!(next(&mut watcher).await, News::Expunged { uid: 1 });
        bench.deliver(&["a", "b"]);
        assert_eq!(arrived(&mut watcher).await, (4, "a".into()));
        assert_eq!(arrived(&mut watcher).await, (5, "b".into()));
        wait!(watcher.stop()).unwrap();
    });
}

#[test]
fn a_connection_that_breaks_loses_nothing_and_doubles_nothing() {
    let bench = Bench::start();
    bench.deliver(&["1", "2", "3"]);
    let proxy = Proxy::start(bench.server.ports().imaps);
    run(async {
        let mut watcher = wait!(client(&bench, &proxy).watch_with("INBOX", hasty())).unwrap();
        bench.deliver(&["4"]);
        assert_eq!(arrived(&mut watcher).await, (4, "4".into()));
        proxy.refuse();
        bench.server.mailbox().remove("INBOX", 1);
        bench.server.mailbox().remove("INBOX", 4);
        bench.server.mailbox().set_flags("INBOX", 3, vec!["\\Flagged".into()]);
        bench.deliver(&["5", "6"]);
        bench.server.mailbox().remove("INBOX", 6);
        for _ in 0..3 {
            let news = wait!(watcher.next()).unwrap();
            assert!(matches!(news, News::Interrupted { .. }), "{news:?}");
        }
        proxy.accept();
        let mut told = Vec::new();
        while told.len() < 4 {
            told.push(match next(&mut watcher).await {
                News::Arrived(summary) => format!("new {}", summary.uid),
                News::Expunged { uid } => format!("gone {uid}"),
                News::Flags { uid, flags } => format!("flags {uid} {flags:?}"),
                other => panic!("{other:?}"),
            });
        }
        told.sort_unstable();
        assert_eq!(told, ["flags 3 [Flagged]", "gone 1", "gone 4", "new 5"]);
        assert_eq!(wait!(watcher.next_within(Duration::from_millis(1))).unwrap(), None);
        wait!(watcher.stop()).unwrap();
    });
}

#[test]
fn a_token_that_runs_out_is_replaced() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.server.ports().imaps);
    run(async {
        let mut watcher = wait!(client(&bench, &proxy).watch_with("INBOX", hasty())).unwrap();
        bench.server.tokens().expire_all();
        let News::Interrupted { error, retry_in } = wait!(watcher.next()).unwrap() else { panic!() };
        assert!(error.needs_new_token() && error.to_string().contains("AccessTokenExpired"), "{error}");
        assert_eq!(retry_in, Duration::ZERO, "the first attempt is made at once");
        bench.deliver(&["new"]);
        assert_eq!(arrived(&mut watcher).await, (1, "new".into()));
        assert_eq!(bench.server.tokens().issued(), 2);
        assert_eq!(proxy.connections(), 2, "the old token was not tried again");
        // And what waiting does not cure ends it: no token is good any more.
        bench.server.tokens().fail_logins(9);
        proxy.refuse();
        proxy.accept();
        let error = loop {
            match wait!(watcher.next()) {
                Ok(News::Interrupted { .. }) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
        };
        assert!(error.is_auth(), "{error}");
    });
}

#[test]
fn another_uidvalidity_is_told() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.server.ports().imaps);
    run(async {
        let mut other = wait!(bench.account.clone().on::<Driver>().unwrap().connect_imap()).unwrap();
        wait!(other.append("Drafts", &[], None, b"Subject: before\r\n\r\n")).unwrap();
        let mut watcher = wait!(client(&bench, &proxy).watch_with("Drafts", hasty())).unwrap();
        proxy.refuse();
        wait!(other.delete("Drafts")).unwrap();
        wait!(other.create("Drafts")).unwrap();
        wait!(other.append("Drafts", &[], None, b"Subject: between\r\n\r\n")).unwrap();
        let uid_validity = wait!(other.status("Drafts")).unwrap().uid_validity.unwrap();
        proxy.accept();
        assert_eq!(next(&mut watcher).await, News::Renumbered { uid_validity });
        wait!(other.append("Drafts", &[], None, b"Subject: after\r\n\r\n")).unwrap();
        assert_eq!(arrived(&mut watcher).await, (2, "after".into()), "what is there is no news");
        // A mailbox that is gone is nothing to wait for.
        wait!(other.delete("Drafts")).unwrap();
        let error = loop {
            match wait!(watcher.next()) {
                Ok(News::Interrupted { .. }) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("NO"), "{error}");
        wait!(other.logout()).unwrap();
    });
}

#[test]
fn attempts_can_be_limited() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.server.ports().imaps);
    run(async {
        let mut options = hasty();
        options.attempts = Some(2);
        let mut watcher = wait!(client(&bench, &proxy).watch_with("INBOX", options)).unwrap();
        proxy.refuse();
        for _ in 0..2 {
            assert!(matches!(wait!(watcher.next()).unwrap(), News::Interrupted { .. }));
        }
        let error = wait!(watcher.next()).unwrap_err();
        assert!(error.is_transient(), "{error}");
        proxy.accept();
        bench.deliver(&["late"]);
        assert_eq!(arrived(&mut watcher).await, (1, "late".into()), "a later call tries again");
    });
}

/// Whatever happens, and wherever the connection breaks: who follows the news knows the mailbox.
#[test]
fn the_news_add_up() {
    for seed in 0..12 {
        let bench = Bench::start();
        let mut dice = Dice::new(seed);
        bench.deliver(&["a", "b", "c"]);
        bench.server.mailbox().set_flags("INBOX", 2, vec!["\\Seen".into()]);
        let proxy = Proxy::start(bench.server.ports().imaps);
        let mut model: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for (uid, flags) in bench.stored("INBOX") {
            model.insert(uid, flags.into_iter().collect());
        }
        run(async {
            let mut watcher = wait!(client(&bench, &proxy).watch_with("INBOX", hasty())).unwrap();
            let mut gone = BTreeSet::new();
            for _ in 0..25 {
                let uids: Vec<u32> = bench.stored("INBOX").into_iter().map(|(uid, _)| uid).collect();
                match dice.up_to(7) {
                    0 | 1 => bench.deliver(&["x", "y"]),
                    2 => bench.server.mailbox().remove("INBOX", dice.pick(&uids)),
                    3 => {
                        let flags =
                            dice.one_of([vec![], vec!["\\Seen".into()], vec!["$k".into(), "\\Draft".into()]]);
                        bench.server.mailbox().set_flags("INBOX", dice.pick(&uids), flags);
                    }
                    4 => proxy.cut(),
                    5 => proxy.cut_after(dice.up_to(3000)),
                    _ => {
                        while let Some(news) = wait!(watcher.next_within(Duration::from_millis(3))).unwrap() {
                            follow(&mut model, &mut gone, news);
                        }
                    }
                }
            }
            proxy.cut_after(u64::MAX);
            bench.deliver(&["the last"]);
            loop {
                let news = wait!(watcher.next()).unwrap();
                let is_last = matches!(&news, News::Arrived(summary) if summary.subject == "the last");
                follow(&mut model, &mut gone, news);
                if is_last {
                    break;
                }
            }
            while let Some(news) = wait!(watcher.next_within(Duration::ZERO)).unwrap() {
                follow(&mut model, &mut gone, news);
            }
            wait!(watcher.stop()).unwrap();
        });
        let real: BTreeMap<u32, BTreeSet<String>> = bench
            .stored("INBOX")
            .into_iter()
            .map(|(uid, flags)| (uid, flags.into_iter().collect()))
            .collect();
        assert!(model.keys().eq(real.keys()), "seed {seed}: {model:?} {real:?}");
        for (uid, flags) in &model {
            // An arrival tells only whether it was read.
            let seen = |flags: &BTreeSet<String>| flags.contains("\\Seen");
            assert_eq!(seen(flags), seen(&real[uid]), "seed {seed}: {uid}");
        }
    }
}

fn follow(model: &mut BTreeMap<u32, BTreeSet<String>>, gone: &mut BTreeSet<u32>, news: News) {
    match news {
        News::Arrived(summary) => {
            let flags = summary.seen.then(|| "\\Seen".to_owned()).into_iter().collect();
            assert!(!gone.contains(&summary.uid) && model.insert(summary.uid, flags).is_none(), "told twice");
        }
        News::Flags { uid, flags } => {
            let flags = flags.iter().map(ToString::to_string).collect();
            assert!(model.insert(uid, flags).is_some(), "flags of {uid}, which nobody knows");
        }
        News::Expunged { uid } => {
            assert!(model.remove(&uid).is_some() && gone.insert(uid), "{uid} is not there");
        }
        News::Interrupted { .. } => {}
        other => panic!("{other:?}"),
    }
}

//! A watch is ended by another thread, or by dropping its future.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use mailbearer::{
    Kind, News, Range, UidSet, WatchOptions,
    proto::imap::{FetchItem, Flag, SearchKey, StoreAction},
};

use super::{Bench, Proxy};

#[test]
fn another_thread_ends_a_blocking_watch() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.server.ports().imaps);
    let client = bench.account_by(&proxy).blocking().unwrap();
    let mut idling = client.watch("INBOX").unwrap();
    let canceller = idling.canceller();
    let cancelling = thread::spawn(move || canceller.cancel());
    assert!(idling.next().unwrap_err().is_cancelled());
    assert!(idling.next().unwrap_err().is_cancelled(), "for good");
    cancelling.join().unwrap();

    let mut options = WatchOptions::default();
    options.first_wait = Duration::from_secs(3600);
    options.longest_wait = Duration::from_secs(3600);
    let mut waiting = client.watch_with("INBOX", options).unwrap();
    proxy.refuse();
    while let News::Interrupted { retry_in: Duration::ZERO, .. } = waiting.next().unwrap() {}
    assert_eq!(waiting.next_within(Duration::from_millis(1)).unwrap(), None, "not for an hour");
    let canceller = waiting.canceller();
    let cancelling = thread::spawn(move || canceller.cancel());
    assert!(waiting.next().unwrap_err().is_cancelled());
    cancelling.join().unwrap();
}

#[test]
fn another_thread_ends_an_operation() {
    let bench = Bench::start();
    let mut imap = bench.account.clone().blocking().unwrap().connect_imap().unwrap();
    let canceller = imap.canceller();
    let mut inbox = imap.examine("INBOX").unwrap();
    let mut watch = inbox.idle().unwrap();
    assert_eq!(
        watch.next_within(Duration::from_millis(1)).unwrap(),
        None,
        "it listens, and has nothing to write"
    );
    let cancelling = thread::spawn(move || canceller.cancel());
    assert!(watch.next().unwrap_err().is_cancelled());
    cancelling.join().unwrap();
}

/// A future that is dropped after every few polls: each time at another await, connecting and listening.
#[test]
fn dropped_futures_lose_nothing() {
    let bench = Bench::start();
    let proxy = Proxy::start(bench.server.ports().imaps);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = WatchOptions::default();
        options.first_wait = Duration::from_millis(1);
        options.longest_wait = Duration::from_millis(1);
        let client = bench.account_by(&proxy).tokio().unwrap();
        let mut watcher = client.watch_with("INBOX", options).await.unwrap();
        for round in 1..=20_u32 {
            if round % 4 == 0 {
                proxy.cut();
            }
            bench.deliver(&["new"]);
            loop {
                let told = polled(watcher.next(), round % 3 + 1).await;
                match told.map(Result::unwrap) {
                    Some(News::Arrived(summary)) => break assert_eq!(summary.uid, round),
                    Some(News::Interrupted { .. }) | None => {}
                    Some(other) => panic!("{other:?}"),
                }
            }
        }
    });
}

/// Whatever operation was dropped, and after however many polls, the next one is about itself.
#[test]
fn an_operation_that_is_dropped_never_touches_the_next() {
    const NAMES: [&str; 12] = [
        "list", "fetch", "messages", "search", "store", "copy", "move", "append", "pieces", "idle",
        "folders", "select",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (name, polls) in NAMES.iter().flat_map(|name| [1, 2, 3, 5].map(|polls| (*name, polls))) {
        let bench = Bench::start();
        bench.deliver(&["one", "two", "three"]);
        let at = format!("{name} after {polls} polls");
        let alive = runtime.block_on(async {
            let client = bench.account.clone().tokio().unwrap();
            let mut imap = client.connect_imap().await.unwrap();
            let open = imap.select("INBOX").await.unwrap().detach();
            let uids = || "1:2".parse::<UidSet>().unwrap();
            let operation = async {
                if name == "select" {
                    return drop(imap.select("Sent").await);
                }
                let mut inbox = imap.selected(open).unwrap();
                match name {
                    "list" => drop(inbox.list(Range::All).await.unwrap().next().await),
                    "fetch" => drop(inbox.fetch(2).await.unwrap().next().await),
                    "messages" => {
                        drop(inbox.messages(uids(), vec![FetchItem::Flags]).await.unwrap().next().await);
                    }
                    "search" => drop(inbox.search(&SearchKey::All).await),
                    "store" => drop(inbox.store(uids(), StoreAction::Add, &[Flag::Flagged]).await),
                    "copy" => drop(inbox.copy(uids(), "Drafts").await),
                    "move" => drop(inbox.move_to(uids(), "Drafts").await),
                    "append" => drop(inbox.append("Drafts", &[], None, &vec![b'x'; 5_000]).await),
                    "pieces" => drop(inbox.append_in_pieces("Drafts", &[], None, 5_000).await),
                    "idle" => drop(inbox.idle().await.unwrap().next().await),
                    _ => drop(inbox.folders("*").await),
                }
            };
            let _ = polled(operation, polls).await;
            match imap.examine("INBOX").await {
                Ok(mut inbox) => {
                    let mut listing = inbox.list(Range::Last(1)).await.unwrap();
                    let last = listing.next().await.unwrap().unwrap();
                    assert_eq!((last.subject.as_str(), last.uid), ("three", 3), "{at}");
                    assert!(listing.next().await.unwrap().is_none(), "{at}");
                    let mut body = inbox.fetch(3).await.unwrap();
                    assert!(body.next().await.unwrap().unwrap().ends_with(b"body of three\r\n"), "{at}");
                    assert!(body.next().await.unwrap().is_none(), "{at}");
                    true
                }
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Unfinished, "{at}: {error:?}");
                    false
                }
            }
        });
        assert!(alive || ["append", "pieces"].contains(&name), "{at}");
        for message in bench.server.mailbox().messages("Drafts") {
            let is_whole = message.octets.iter().all(|octet| *octet == b'x') && message.octets.len() == 5_000;
            let is_copy =
                message.octets.ends_with(b"body of one\r\n") || message.octets.ends_with(b"body of two\r\n");
            assert!(is_whole || is_copy, "{at}: {}", message.octets.escape_ascii());
        }
    }
}

async fn polled<T>(future: impl Future<Output = T>, times: u32) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(result);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[test]
fn what_waits_is_a_stream() {
    use std::{future::poll_fn, pin::Pin};

    use futures_core::Stream;

    async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
        poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
    }

    let bench = Bench::start();
    bench.deliver(&["one", "two"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = bench.account.clone().tokio().unwrap();
        let mut imap = client.connect_imap().await.unwrap();
        let mut listing = imap.list("INBOX", mailbearer::Range::All).await.unwrap();
        let mut subjects = Vec::new();
        while let Some(item) = next(&mut listing).await {
            subjects.push(item.unwrap().subject);
        }
        assert_eq!(subjects, ["one", "two"]);
        let mut refused = imap.list("nowhere", mailbearer::Range::All).await.unwrap();
        assert!(next(&mut refused).await.is_some_and(|item| item.is_err()));
        assert!(next(&mut refused).await.is_none(), "a failure is the last");
        let mut inbox = imap.examine("INBOX").await.unwrap();
        let mut body = inbox.fetch(2).await.unwrap();
        let piece = next(&mut body).await.unwrap().unwrap();
        assert!(piece.ends_with(b"body of two\r\n"));
        assert!(next(&mut body).await.is_none());
        let mut none = inbox.fetch(3).await.unwrap();
        assert!(next(&mut none).await.is_some_and(|item| item.is_err()));
        assert!(next(&mut none).await.is_none(), "a failure is the last");
        let items = vec![mailbearer::proto::imap::FetchItem::Flags];
        let mut messages = inbox.messages("1:2".parse().unwrap(), items).await.unwrap();
        assert_eq!(next(&mut messages).await.unwrap().unwrap().uid(), 1);
        assert_eq!(next(&mut messages).await.unwrap().unwrap().uid(), 2);
        assert!(next(&mut messages).await.is_none());
    });
}

#[test]
fn what_blocks_is_an_iterator() {
    let bench = Bench::start();
    bench.deliver(&["one", "two"]);
    let mut imap = bench.account.clone().blocking().unwrap().connect_imap().unwrap();
    let listing = imap.list("INBOX", mailbearer::Range::All).unwrap();
    let subjects: Vec<String> = listing.map(|item| item.unwrap().subject).collect();
    assert_eq!(subjects, ["one", "two"]);
    let mut refused = imap.list("nowhere", mailbearer::Range::All).unwrap();
    assert!(Iterator::next(&mut refused).is_some_and(|item| item.is_err()));
    assert!(Iterator::next(&mut refused).is_none(), "a failure is the last");
    let mut inbox = imap.examine("INBOX").unwrap();
    let octets: usize = inbox.fetch(1).unwrap().map(|piece| piece.unwrap().len()).sum();
    assert!(octets > 50, "{octets}");
}

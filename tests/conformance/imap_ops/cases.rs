//! Compiled once for each driver: `wait!` waits for what an operation gives.

use mailbearer::proto::imap::{
    AppendData, Capability, FetchItem, Flag, Item, LiteralItem, Mailbox, Part, Partial, SearchKey,
    SearchReturn, Section, SequenceSet, StoreAction, UidSet, parse_date_time,
};
use mailbearer::{Account, Change, Client, Examined, Kind, MessagePiece, Range, Role};

use super::{Driver, run};
use crate::imap_ops::Bench;

fn set(text: &str) -> UidSet {
    text.parse().unwrap()
}

fn client(account: &Account) -> Client<Driver> {
    account.clone().on::<Driver>().unwrap()
}

async fn all(
    inbox: &mut Examined<'_, Driver>,
    uid: u32,
    section: Section<'_>,
    partial: Option<Partial>,
) -> Vec<u8> {
    let mut body = wait!(inbox.part(uid, section, partial)).unwrap();
    let mut octets = Vec::new();
    while let Some(piece) = wait!(body.next()).unwrap() {
        octets.extend_from_slice(&piece);
    }
    octets
}

#[test]
fn folders_come_change_and_go() {
    let bench = Bench::start();
    bench.deliver(&["one", "two"]);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let folders = wait!(imap.folders("*")).unwrap();
        let inbox = folders.iter().find(|folder| folder.name == "INBOX").unwrap();
        assert_eq!(
            (inbox.role, inbox.delimiter, inbox.is_selectable()),
            (Some(Role::Inbox), Some('/'), true)
        );
        assert!(folders.iter().any(|folder| folder.role == Some(Role::Sent)), "{folders:?}");
        assert!(folders.iter().all(|folder| folder.counts.is_none()));

        wait!(imap.create("Entwürfe & mehr")).unwrap();
        wait!(imap.rename("Entwürfe & mehr", "Älteres/日本")).unwrap();
        wait!(imap.unsubscribe("Älteres/日本")).unwrap();
        let found = wait!(imap.folders("Ä*")).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].is_subscribed()), ("Älteres/日本", false));
        assert_eq!(found[0].mailbox, Mailbox::new("Älteres/日本").unwrap());
        wait!(imap.subscribe("Älteres/日本")).unwrap();
        let subscribed = wait!(imap.subscriptions("*")).unwrap();
        assert!(subscribed.iter().any(|folder| folder.name == "Älteres/日本"), "{subscribed:?}");

        let counted = wait!(imap.folders_with_counts("*")).unwrap();
        let inbox = counted.iter().find(|folder| folder.role == Some(Role::Inbox)).unwrap();
        let counts = inbox.counts.as_ref().unwrap();
        assert_eq!((counts.messages, counts.unseen, counts.uid_next), (Some(2), Some(2), Some(3)));
        assert_eq!(wait!(imap.status("inbox")).unwrap(), *counts);

        wait!(imap.delete("Älteres/日本")).unwrap();
        let error = wait!(imap.delete("Älteres/日本")).unwrap_err();
        assert!(error.to_string().starts_with("IMAP: NO"), "{error}");
        let error = wait!(imap.create("a\r\nb")).unwrap_err();
        assert!(error.to_string().contains("line end"), "{error}");
        wait!(imap.noop()).unwrap();
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn the_server_tells_of_itself() {
    let bench = Bench::start();
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        assert!(wait!(imap.capabilities()).unwrap().has(&Capability::Idle), "asked, as the login told none");
        let id = wait!(imap.id(&[("name", "tests"), ("vendor", "\"quoted\"")])).unwrap();
        assert!(id.iter().any(|(name, value)| name == "name" && value.is_some()), "{id:?}");
        let namespaces = wait!(imap.namespaces()).unwrap();
        assert_eq!(namespaces.personal[0].delimiter, Some('/'));
        wait!(imap.enable(&[Capability::QResync])).unwrap();
        let error = wait!(imap.enable(&[Capability::Utf8Accept])).unwrap_err();
        assert!(error.to_string().contains("UTF8=ACCEPT"), "{error}");
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn a_mailbox_is_opened_and_left() {
    let bench = Bench::start();
    bench.deliver(&["one", "two"]);
    bench.server.mailbox().set_flags("INBOX", 1, vec!["\\Seen".into()]);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let inbox = wait!(imap.select("INBOX")).unwrap();
        let opened = inbox.opened();
        assert_eq!((opened.exists, opened.unseen, opened.uid_next), (2, Some(2), Some(3)));
        assert!(opened.uid_validity.is_some() && !inbox.is_read_only());
        assert!(opened.permanent_flags.as_ref().unwrap().contains(&Flag::Any));
        assert_eq!((inbox.name(), inbox.exists()), ("INBOX", 2));
        let inbox = wait!(imap.examine("INBOX")).unwrap();
        assert!(inbox.is_read_only());
        wait!(inbox.unselect()).unwrap();
        assert!(wait!(imap.select("nowhere")).is_err());

        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        wait!(inbox.store(set("1"), StoreAction::Add, &[Flag::Deleted])).unwrap();
        wait!(inbox.close()).unwrap();
        wait!(imap.logout()).unwrap();
    });
    assert_eq!(bench.stored("INBOX"), [(2, vec![])], "closing removes what is deleted");
}

#[test]
fn searches_tell_sets() {
    let bench = Bench::start();
    bench.deliver(&["one", "two", "three", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "five"]);
    bench.server.mailbox().remove("INBOX", 2);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        assert_eq!(wait!(inbox.search(&SearchKey::All)).unwrap().uids, set("1,3:5"));
        let none = wait!(inbox.search(&SearchKey::Subject("nothing".into()))).unwrap();
        assert!(none.uids.is_empty(), "no set is not every set");
        let key = SearchKey::And(vec![
            SearchKey::Or(
                Box::new(SearchKey::Subject("three".into())),
                Box::new(SearchKey::Header { name: "Subject".into(), value: "five".into() }),
            ),
            SearchKey::Not(Box::new(SearchKey::Uid(SequenceSet::from_on(5)))),
        ]);
        assert_eq!(wait!(inbox.search(&key)).unwrap().uids, set("3"));
        let matches = wait!(
            inbox.search_for(&SearchKey::All, &[SearchReturn::Min, SearchReturn::Max, SearchReturn::Count])
        )
        .unwrap();
        assert_eq!((matches.min, matches.max, matches.count), (Some(1), Some(5), Some(4)));
        assert!(matches.all.is_empty(), "not asked for");
        // The memory server may or may not know UTF-8; it may not leave the session behind in a mess.
        if let Err(error) = wait!(inbox.search(&SearchKey::Subject("Grüße".into()))) {
            assert!(error.is_unsupported(), "{error}");
        }
        assert_eq!(wait!(inbox.search(&SearchKey::Uid(4.into()))).unwrap().uids.count(), 1);
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn messages_and_parts_are_fetched() {
    let bench = Bench::start();
    bench.deliver(&["one", "two", "three"]);
    let large = [b"Subject: large\r\n\r\n".as_slice(), &b"0123456789abcde\n".repeat(200_000)].concat();
    bench.server.mailbox().deliver(large.clone()).unwrap();
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let items = vec![FetchItem::Flags, FetchItem::Size, FetchItem::Envelope];
        let mut messages = wait!(inbox.messages(set("2:3,9"), items)).unwrap();
        let mut seen = Vec::new();
        while let Some(message) = wait!(messages.next()).unwrap() {
            for item in message.items() {
                if let Item::Envelope(envelope) = item {
                    seen.push((
                        message.number(),
                        message.uid(),
                        envelope.subject.unwrap().to_text().into_owned(),
                    ));
                }
            }
        }
        assert_eq!(seen, [(2, 2, "two".to_owned()), (3, 3, "three".to_owned())]);

        assert_eq!(all(&mut inbox, 1, Section::TEXT, None).await, b"body of one\r\n");
        let piece = Some(Partial { offset: 8, count: 3 });
        assert_eq!(all(&mut inbox, 1, Section::TEXT, piece).await, b"one");
        assert!(all(&mut inbox, 4, Section::WHOLE, None).await == large, "in pieces, all of it");
        let piece = Some(Partial { offset: 1_500_000, count: 1_500_000 });
        assert!(all(&mut inbox, 4, Section::WHOLE, piece).await == large[1_500_000..3_000_000]);
        let error = {
            let mut body = wait!(inbox.part(77, Section::WHOLE, None)).unwrap();
            wait!(body.next()).unwrap_err()
        };
        assert!(error.to_string().contains("77") && error.to_string().contains("INBOX"), "{error}");

        // Held answers have a limit; what streams has none.
        let whole = FetchItem::Section { section: Section::WHOLE, partial: None, peek: true };
        let mut messages = wait!(inbox.messages(set("1:4"), vec![whole.clone()])).unwrap();
        let (mut came, mut failed) = (Vec::new(), 0);
        loop {
            match wait!(messages.next()) {
                Ok(Some(fetched)) => came.push(fetched.uid()),
                Ok(None) => break,
                Err(error) => {
                    assert!(error.to_string().contains("1048576"), "{error}");
                    failed += 1;
                }
            }
        }
        assert_eq!((came.as_slice(), failed), ([1, 2, 3].as_slice(), 1), "the others come all the same");

        // And in pieces all of them come, whatever their size.
        let mut messages = wait!(inbox.messages(set("1:4"), vec![whole])).unwrap();
        let (mut octets, mut sizes) = (Vec::new(), Vec::new());
        while let Some(piece) = wait!(messages.next_piece()).unwrap() {
            match piece {
                MessagePiece::Large(of) => {
                    assert_eq!((of.uid, octets.len()), (Some(4), 0));
                    assert!(matches!(of.item, LiteralItem::Body { .. }), "{of:?}");
                }
                MessagePiece::Octets(piece) => octets.extend_from_slice(&piece),
                MessagePiece::Message(fetched) => {
                    let is_held = |item: &Item<'_>| matches!(item, Item::Body { data: Some(data), .. } if !data.is_empty());
                    sizes.push((fetched.uid(), fetched.items().iter().any(is_held), octets.len()));
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(octets == large, "in pieces, all of it");
        let want = [(1, true, 0), (2, true, 0), (3, true, 0), (4, false, large.len())];
        assert_eq!(sizes, want, "what came in pieces is empty in its message");
        inbox.limit_answers(20);
        let error = wait!(inbox.folders("*")).unwrap_err();
        assert!(error.to_string().contains("limit of 20 octets"), "{error}");
        inbox.limit_answers(1 << 20);
        assert!(!wait!(inbox.folders("*")).unwrap().is_empty(), "the session goes on");
        let binary = match wait!(inbox.binary_part(1, Part::new(&[1]), None)) {
            Ok(mut body) => wait!(body.next()).map(|octets| octets.map(|octets| octets.to_vec())),
            Err(error) => Err(error),
        };
        match binary {
            Ok(octets) => assert_eq!(octets.as_deref(), Some(b"body of one\r\n".as_slice())),
            Err(error) => assert!(error.is_unsupported(), "{error}"),
        }
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn flags_are_set_and_messages_removed() {
    let bench = Bench::start();
    bench.deliver(&["one", "two", "three"]);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        let keyword = Flag::new("$Done").unwrap();
        wait!(inbox.store(set("1:2"), StoreAction::Add, &[Flag::Flagged, keyword.clone()])).unwrap();
        wait!(inbox.store(set("2"), StoreAction::Remove, &[keyword])).unwrap();
        wait!(inbox.store(set("3"), StoreAction::Replace, &[Flag::Deleted])).unwrap();
        wait!(inbox.store(set("1"), StoreAction::Add, &[Flag::Deleted])).unwrap();
        assert!(wait!(inbox.store(set("1"), StoreAction::Add, &[Flag::Recent])).is_err());
        wait!(inbox.expunge_only(set("2:3"))).unwrap();
        assert_eq!(bench.stored("INBOX").iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), [1, 2]);
        wait!(inbox.expunge()).unwrap();
        assert_eq!(bench.stored("INBOX"), [(2, vec!["\\Flagged".to_owned()])]);
        if let Err(error) =
            wait!(inbox.store_unchanged_since(set("2"), StoreAction::Add, &[Flag::Seen], u64::from(u32::MAX)))
        {
            assert!(error.is_unsupported(), "{error}");
        }
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn messages_are_copied_and_moved() {
    let bench = Bench::start();
    bench.deliver(&["one", "two", "three"]);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        let copied = wait!(inbox.copy(set("1,3"), "Drafts")).unwrap().unwrap();
        assert_eq!(copied.pairs, [(1, 1), (3, 2)]);
        let moved = wait!(inbox.move_to(set("2:*"), "Drafts")).unwrap();
        assert!(moved.removed);
        assert_eq!(moved.copied.unwrap().to(), set("3:4"));
        assert_eq!(wait!(inbox.copy(set(""), "Drafts")).unwrap(), None, "nothing is no message");
        assert_eq!(bench.stored("INBOX").len(), 1);
        assert_eq!(bench.stored("Drafts").len(), 4);
        let error = wait!(inbox.copy(set("1"), "nowhere")).unwrap_err();
        assert!(error.to_string().contains("TRYCREATE"), "{error}");
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn messages_are_appended_whole_and_in_pieces() {
    let bench = Bench::start();
    let large = b"0123456789abcde\n".repeat(200_000);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let date = parse_date_time(b"17-Jul-1996 02:44:25 -0700").unwrap();
        let appended = wait!(imap.append("Drafts", &[Flag::Draft, Flag::Seen], Some(date), b"x\r\n"));
        assert_eq!(appended.unwrap().unwrap().uid, 1);
        assert!(wait!(imap.append("Drafts", &[], None, b"")).unwrap().is_some(), "an empty one");
        let error = wait!(imap.append("nowhere", &[], None, b"x")).unwrap_err();
        assert!(error.to_string().contains("TRYCREATE"), "{error}");

        let size = large.len().try_into().unwrap();
        let mut appending = wait!(imap.append_in_pieces("Drafts", &[], None, size)).unwrap();
        for piece in large.chunks(100_001) {
            wait!(appending.write(piece)).unwrap();
        }
        assert_eq!(appending.left(), 0);
        assert!(wait!(appending.write(b"x")).is_err(), "more than announced");
        assert_eq!(wait!(appending.finish()).unwrap().unwrap().uid, 3);
        assert_eq!(wait!(imap.status("Drafts")).unwrap().messages, Some(3));

        let mut appending = wait!(imap.append_in_pieces("Drafts", &[], None, 10)).unwrap();
        wait!(appending.write(b"12345")).unwrap();
        assert!(wait!(appending.finish()).is_err(), "fewer than announced");
        let error = wait!(imap.noop()).unwrap_err();
        assert!(error.to_string().contains("upload"), "said at once, and not after a time: {error}");
    });
    let messages = bench.server.mailbox().messages("Drafts");
    assert_eq!(messages.len(), 3);
    assert_eq!((messages[0].internal_date, messages[0].flags.len()), ((837_596_665, -420), 2));
    assert!(*messages[2].octets == *large);
    // Named so that the type is known to be complete for those who build commands themselves.
    let _ = AppendData::Stream(1);
}

#[test]
fn what_is_missing_is_said() {
    let bench = Bench::start();
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let offered = wait!(imap.capabilities()).unwrap();
        let rows = [
            (Capability::Quota, wait!(imap.quotas_of("INBOX")).map(drop)),
            (Capability::Acl, wait!(imap.my_rights("INBOX")).map(drop)),
            (Capability::Metadata, wait!(imap.set_metadata("INBOX", "/private/comment", None))),
            (Capability::Notify, wait!(imap.notify(Vec::new()))),
            (Capability::CreateSpecialUse, wait!(imap.create_for("x", Role::Archive))),
        ];
        for (capability, result) in rows {
            match result {
                Err(error) if !offered.has(&capability) => {
                    assert!(error.is_unsupported() && !error.is_transient(), "{error}");
                    assert!(error.to_string().contains(&*capability.name()), "{error}");
                }
                result => assert!(offered.has(&capability), "{capability}: {result:?}"),
            }
        }
        bench.deliver(&["read", "unread"]);
        bench.server.mailbox().set_flags("INBOX", 1, vec!["\\Seen".into()]);
        let mut listing = wait!(imap.list("INBOX", Range::All)).unwrap();
        assert!(wait!(listing.next()).unwrap().unwrap().seen);
        assert!(!wait!(listing.next()).unwrap().unwrap().seen);
        drop(listing);
        // What was detached is open as long as nothing else was opened.
        let open = wait!(imap.select("INBOX")).unwrap().detach();
        let open = imap.selected(open).unwrap().detach();
        assert!(wait!(wait!(imap.list("Drafts", Range::All)).unwrap().next()).unwrap().is_none());
        assert!(imap.selected(open).is_none());
        let open = wait!(imap.examine("INBOX")).unwrap().detach();
        assert!(imap.selected(open).is_none(), "not for changes");
        wait!(imap.logout()).unwrap();
    });
}

/// What `select` opened stays open, and what was reported as done was done.
#[test]
fn an_open_mailbox_is_nobody_elses() {
    let bench = Bench::start();
    bench.deliver(&["one", "two"]);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        let mut listing = wait!(inbox.list(Range::Last(1))).unwrap();
        let last = wait!(listing.next()).unwrap().unwrap();
        assert_eq!((last.uid, last.number, wait!(listing.next()).unwrap()), (2, 2, None));
        wait!(inbox.store(last.uid.into(), StoreAction::Add, &[Flag::Flagged])).unwrap();
        wait!(inbox.store(set("1"), StoreAction::Add, &[Flag::Deleted])).unwrap();
        let error = wait!(wait!(inbox.fetch(999)).unwrap().next()).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        wait!(inbox.expunge()).unwrap();
        // An empty set is no `$`, and no `*`.
        wait!(inbox.store(set(""), StoreAction::Add, &[Flag::Deleted])).unwrap();
        wait!(inbox.expunge_only(set(""))).unwrap();
        assert!(wait!(wait!(inbox.list(Range::Uids(set("")))).unwrap().next()).unwrap().is_none());
        wait!(imap.logout()).unwrap();
    });
    assert_eq!(bench.stored("INBOX"), [(2, vec!["\\Flagged".to_owned()])]);
}

/// A listing and a body whose session is given back in the middle.
#[test]
fn operations_are_kept_without_their_session() {
    let bench = Bench::start();
    bench.deliver(&["one", "two", "three"]);
    run(async {
        let mut imap = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let mut listing = wait!(inbox.list(Range::All)).unwrap();
        let mut told = vec![wait!(listing.next()).unwrap().unwrap().subject];
        let (state, open) = (listing.detach(), inbox.detach());
        let mut inbox = imap.examined(open).unwrap();
        let mut listing = inbox.listing(state);
        while let Some(summary) = wait!(listing.next()).unwrap() {
            told.push(summary.subject);
        }
        assert_eq!(told, ["one", "two", "three"]);

        let state = wait!(inbox.fetch(1)).unwrap().detach();
        assert!(wait!(inbox.body(state).next()).unwrap().unwrap().ends_with(b"body of one\r\n"));
        let state = wait!(inbox.fetch(1)).unwrap().detach();
        wait!(inbox.noop()).unwrap();
        let error = wait!(inbox.body(state).next()).unwrap_err();
        assert!(error.is_misuse(), "its answer was read past: {error}");

        inbox.changes().for_each(drop);
        let state = wait!(inbox.idle()).unwrap().detach();
        bench.deliver(&["four"]);
        let mut idle = inbox.resume_idle(state);
        assert_eq!(wait!(idle.next()).unwrap(), Change::Arrived { first: 4, last: 4 });
        let state = idle.detach();
        wait!(inbox.noop()).unwrap();
        bench.deliver(&["five"]);
        let mut idle = inbox.resume_idle(state);
        assert_eq!(wait!(idle.next()).unwrap(), Change::Arrived { first: 5, last: 5 });
        wait!(imap.logout()).unwrap();
    });
}

/// Tags are the same in every session: what was detached from one is not taken for another's.
#[test]
fn what_is_detached_belongs_to_its_session() {
    let bench = Bench::start();
    bench.deliver(&["one"]);
    run(async {
        let client = client(&bench.account);
        let mut one = wait!(client.connect_imap()).unwrap();
        let mut other = wait!(client.connect_imap()).unwrap();
        let (mut inbox, mut others) =
            (wait!(one.examine("INBOX")).unwrap(), wait!(other.examine("INBOX")).unwrap());
        let state = wait!(inbox.list(Range::All)).unwrap().detach();
        drop(wait!(others.list(Range::All)).unwrap());
        assert!(wait!(others.listing(state).next()).unwrap_err().is_misuse());
        let state = wait!(inbox.fetch(1)).unwrap().detach();
        drop(wait!(others.fetch(1)).unwrap());
        assert!(wait!(others.body(state).next()).unwrap_err().is_misuse());
    });
}

#[test]
fn an_upload_is_kept_without_its_session() {
    let bench = Bench::start();
    let (head, body) = (b"Subject: kept\r\n\r\n", b"body\r\n");
    let size = u64::try_from(head.len() + body.len()).unwrap();
    run(async {
        let client = client(&bench.account);
        let mut imap = wait!(client.connect_imap()).unwrap();
        let mut other = wait!(client.connect_imap()).unwrap();
        let mut appending = wait!(imap.append_in_pieces("Drafts", &[], None, size)).unwrap();
        wait!(appending.write(head)).unwrap();
        let state = appending.detach();
        let error = wait!(imap.noop()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unfinished, "it would be a part of the message");
        let mut appending = imap.appending(state).unwrap();
        wait!(appending.write(body)).unwrap();
        let state = appending.detach();
        let appended = wait!(imap.appending(state).unwrap().finish()).unwrap().unwrap();
        assert_eq!(appended.uid, 1);
        wait!(imap.noop()).unwrap();

        // Another session knows nothing of it, whatever it is in the middle of.
        let state = wait!(imap.append_in_pieces("Drafts", &[], None, size)).unwrap().detach();
        let others = wait!(other.append_in_pieces("Drafts", &[], None, size)).unwrap().detach();
        assert!(other.appending(state).is_none());
        let mut appending = other.appending(others).unwrap();
        wait!(appending.write(head)).unwrap();
        wait!(appending.write(body)).unwrap();
        let state = appending.detach();
        wait!(other.noop()).unwrap();
        assert!(other.appending(state).is_none(), "its answer was read past");
        // The state of the first was dropped, in the middle.
        assert_eq!(wait!(imap.noop()).unwrap_err().kind(), Kind::Unfinished);
        assert_eq!(wait!(imap.logout()).unwrap_err().kind(), Kind::Unfinished, "or of its message");
    });
    let drafts = bench.server.mailbox().messages("Drafts");
    assert_eq!(drafts.iter().map(|message| message.octets.len()).collect::<Vec<_>>(), [23, 23]);
}

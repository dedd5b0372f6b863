//! Compiled once for each driver: `wait!` waits for what an operation gives.

use mailbearer::proto::imap::{
    BodyStructure, Capability, FetchItem, Flag, Item, MetadataDepth, NotifyEvent, NotifyMailboxes, Part,
    Partial, SearchKey, SearchReturn, Section, SequenceSet, SortCriterion, SortKey, StoreAction, UidSet,
};
use mailbearer::{Imap, Kind, MetadataQuery, Range, Role, ThreadAlgorithm};

use super::{Driver, run};
use crate::imap_ops::Bench;

async fn connect(bench: &Bench) -> Imap<Driver> {
    wait!(bench.account.clone().on::<Driver>().unwrap().connect_imap()).unwrap()
}

/// Appends a message to the inbox; says its UID.
async fn add(imap: &mut Imap<Driver>, subject: &str, rest: &str) -> u32 {
    let text = format!("From: Ann <ann@mail.test>\r\nSubject: {subject}\r\n{rest}");
    wait!(imap.append("INBOX", &[], None, text.as_bytes())).unwrap().unwrap().uid
}

#[test]
fn folders_and_what_is_known_of_them() {
    let bench = Bench::start();
    run(async {
        let mut imap = connect(&bench).await;
        let capabilities = wait!(imap.capabilities()).unwrap();
        for capability in [
            Capability::ListExtended,
            Capability::ListStatus,
            Capability::SpecialUse,
            Capability::CondStore,
            Capability::QResync,
            Capability::Metadata,
            Capability::Quota,
            Capability::Acl,
            Capability::Notify,
        ] {
            assert!(capabilities.has(&capability), "{capability} is to be tested");
        }
        let folders = wait!(imap.folders("*")).unwrap();
        let roles = [
            ("INBOX", Role::Inbox),
            ("Archive", Role::Archive),
            ("Drafts", Role::Drafts),
            ("Junk", Role::Junk),
            ("Sent", Role::Sent),
            ("Trash", Role::Trash),
        ];
        for (name, role) in roles {
            let folder = folders.iter().find(|folder| folder.name == name).unwrap();
            assert_eq!((folder.role, folder.delimiter), (Some(role), Some('/')), "{name}");
            assert_eq!(folder.is_subscribed(), !matches!(name, "INBOX" | "Archive" | "Junk"), "{name}");
        }

        wait!(imap.create("Prüfung & mehr/日本")).unwrap();
        wait!(imap.subscribe("Prüfung & mehr/日本")).unwrap();
        wait!(imap.rename("Prüfung & mehr", "Neu")).unwrap();
        let found = wait!(imap.folders("Neu*")).unwrap();
        let mut names: Vec<&str> = found.iter().map(|folder| folder.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Neu", "Neu/日本"]);
        let text = b"Subject: x\r\n\r\nbody\r\n";
        let appended = wait!(imap.append("Neu/日本", &[Flag::Seen], None, text)).unwrap().unwrap();
        let counted = wait!(imap.folders_with_counts("Neu/%")).unwrap();
        let counts = counted[0].counts.as_ref().unwrap();
        assert_eq!((counts.messages, counts.unseen), (Some(1), Some(0)));
        assert_eq!(counts.uid_next, Some(appended.uid + 1));
        assert_eq!(counts.uid_validity, Some(appended.uid_validity));
        assert!(counts.highest_mod_seq > Some(0) && counts.size.is_some_and(|size| size >= 20), "{counts:?}");
        assert_eq!(wait!(imap.status("Neu/日本")).unwrap(), *counts);
        wait!(imap.delete("Neu/日本")).unwrap();
        assert!(wait!(imap.subscriptions("*")).unwrap().iter().any(|folder| folder.role == Some(Role::Sent)));
        match wait!(imap.create_for("Kept", Role::Archive)) {
            Ok(()) => assert_eq!(wait!(imap.folders("Kept")).unwrap()[0].role, Some(Role::Archive)),
            Err(error) => assert!(error.is_unsupported(), "{error}"),
        }

        let namespaces = wait!(imap.namespaces()).unwrap();
        assert_eq!(
            (namespaces.personal[0].prefix.as_str(), namespaces.personal[0].delimiter),
            ("", Some('/'))
        );
        assert!(namespaces.other.iter().any(|space| space.prefix.starts_with("shared/")), "{namespaces:?}");
        let id = wait!(imap.id(&[("name", "mailbearer tests")])).unwrap();
        assert!(id.contains(&("name".to_owned(), Some("Dovecot".to_owned()))), "{id:?}");
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn quotas_rights_and_notes() {
    let bench = Bench::start();
    run(async {
        let mut imap = connect(&bench).await;
        let quotas = wait!(imap.quotas_of("INBOX")).unwrap();
        assert_eq!(
            (quotas[0].root.as_str(), quotas[0].resources[0].name.as_str()),
            ("User quota", "STORAGE")
        );
        assert_eq!(quotas[0].resources[0].limit, 2 << 20);
        assert_eq!(wait!(imap.quota("User quota")).unwrap(), quotas);
        assert!(wait!(imap.set_quota("User quota", &[("STORAGE", 1)])).is_err(), "not ours to set");

        assert!(wait!(imap.my_rights("INBOX")).unwrap().contains('r'));
        let listed = wait!(imap.list_rights("Drafts", "grace@mail.test")).unwrap();
        assert!(!listed.optional.is_empty(), "{listed:?}");
        wait!(imap.set_acl("Drafts", "grace@mail.test", "lr")).unwrap();
        wait!(imap.set_acl("Drafts", "grace@mail.test", "+w")).unwrap();
        let acl = wait!(imap.acl("Drafts")).unwrap();
        let rights = acl.iter().find(|(who, _)| who == "grace@mail.test").map(|(_, rights)| rights.as_str());
        assert!(
            rights.is_some_and(|rights| ["l", "r", "w"].iter().all(|right| rights.contains(right))),
            "{acl:?}"
        );
        wait!(imap.delete_acl("Drafts", "grace@mail.test")).unwrap();
        assert!(!wait!(imap.acl("Drafts")).unwrap().iter().any(|(who, _)| who == "grace@mail.test"));

        let note = "two\r\nlines, \"quoted\" {3}".as_bytes();
        wait!(imap.set_metadata("Drafts", "/private/comment", Some(note))).unwrap();
        wait!(imap.set_metadata("Drafts", "/private/vendor/vendor.test/a", Some(b"below"))).unwrap();
        let found = wait!(imap.metadata("Drafts", MetadataQuery::of(&["/private/comment"]))).unwrap();
        assert_eq!((found.len(), found[0].value.as_deref()), (1, Some(note)));
        let query =
            MetadataQuery::of(&["/private/vendor/vendor.test"]).depth(MetadataDepth::Infinity).max_size(100);
        let found = wait!(imap.metadata("Drafts", query)).unwrap();
        assert!(found.iter().any(|entry| entry.value.as_deref() == Some(b"below")), "{found:?}");
        wait!(imap.set_metadata("Drafts", "/private/comment", None)).unwrap();
        let found = wait!(imap.metadata("Drafts", MetadataQuery::of(&["/private/comment"]))).unwrap();
        assert!(found.iter().all(|entry| entry.value.is_none()), "{found:?}");
        // About the server, that is the mailbox without a name.
        drop(wait!(imap.metadata("", MetadataQuery::of(&["/shared/admin"]))).unwrap());
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn messages_are_found_in_order_and_in_threads() {
    let bench = Bench::start();
    run(async {
        let mut imap = connect(&bench).await;
        let first = add(&mut imap, "banana", "Message-ID: <1@x>\r\n\r\nyellow\r\n").await;
        add(&mut imap, "Re: banana", "Message-ID: <2@x>\r\nReferences: <1@x>\r\n\r\nindeed\r\n").await;
        add(&mut imap, "apple", "Message-ID: <3@x>\r\n\r\nred\r\n").await;
        let last = add(&mut imap, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Message-ID: <4@x>\r\n\r\nx\r\n").await;
        assert_eq!(last, first + 3);
        let at = |offset: u32| first + offset;
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        assert_eq!(wait!(inbox.search(&SearchKey::All)).unwrap().uids, UidSet::range(first, last));
        assert_eq!(wait!(inbox.search(&SearchKey::Subject("Grüße".into()))).unwrap().uids, last.into());
        assert!(wait!(inbox.search(&SearchKey::Body("nothing".into()))).unwrap().uids.is_empty());
        let young = SearchKey::And(vec![SearchKey::Younger(3600), SearchKey::Subject("apple".into())]);
        assert_eq!(wait!(inbox.search(&young)).unwrap().uids, at(2).into());
        let changed = wait!(inbox.search(&SearchKey::ModSeq(1))).unwrap();
        assert!(changed.mod_seq > Some(0) && changed.uids.count() == 4, "{changed:?}");

        let returns = [SearchReturn::Min, SearchReturn::Max, SearchReturn::Count];
        let matches = wait!(inbox.search_for(&SearchKey::All, &returns)).unwrap();
        assert_eq!((matches.min, matches.max, matches.count), (Some(first), Some(last), Some(4)));
        wait!(inbox.search_for(&SearchKey::Subject("banana".into()), &[SearchReturn::Save])).unwrap();
        let kept = wait!(inbox.search(&SearchKey::Uid(SequenceSet::saved()))).unwrap().uids;
        assert_eq!(kept, UidSet::range(first, at(1)), "what was found was kept");

        let by = |key, reverse| SortCriterion { reverse, key };
        let order = [by(SortKey::Subject, false), by(SortKey::Size, true)];
        let sorted = wait!(inbox.sort(&order, &SearchKey::Uid(SequenceSet::range(first, at(2))))).unwrap();
        assert_eq!(sorted, [at(2), at(1), first], "`Re:` does not count, and makes it larger");
        let sorted = wait!(inbox.sort(&order, &SearchKey::Subject("Grüße".into()))).unwrap();
        assert_eq!(sorted, [last]);
        let members = wait!(inbox.thread(ThreadAlgorithm::References, &SearchKey::All)).unwrap();
        let reply = members.iter().find(|member| member.message == Some(at(1))).unwrap();
        assert_eq!((reply.level, members.len()), (1, 4), "{members:?}");
        match wait!(inbox.thread(ThreadAlgorithm::OrderedSubject, &SearchKey::All)) {
            Ok(members) => assert_eq!(members.iter().filter(|member| member.level == 0).count(), 3),
            Err(error) => assert!(error.is_unsupported(), "{error}"),
        }
        wait!(imap.logout()).unwrap();
    });
}

const TWO_PARTS: &str = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    Gr=C3=BC=C3=9Fe\r\n\
    --b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQFBgc=\r\n\
    --b--\r\n";

#[test]
fn parts_come_as_they_are_and_decoded() {
    let bench = Bench::start();
    run(async {
        let mut imap = connect(&bench).await;
        let uid = add(&mut imap, "parts", TWO_PARTS).await;
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let items = vec![
            FetchItem::BodyStructure,
            FetchItem::BinarySize(Part::new(&[2])),
            FetchItem::Preview { lazy: false },
            FetchItem::SaveDate,
            FetchItem::ModSeq,
            FetchItem::Section {
                section: Section { part: Part::new(&[2]), of: mailbearer::proto::imap::SectionOf::Mime },
                partial: None,
                peek: true,
            },
        ];
        let mut messages = wait!(inbox.messages(uid.into(), items)).unwrap();
        let message = wait!(messages.next()).unwrap().unwrap();
        assert!(wait!(messages.next()).unwrap().is_none());
        assert_eq!(message.uid(), uid);
        let mut seen = Vec::new();
        for item in message.items() {
            seen.push(match item {
                Item::Uid(_) => continue,
                Item::BodyStructure { structure, extended: true } => {
                    let BodyStructure::Multi(parts) = &*structure else { panic!("{structure:?}") };
                    assert_eq!(parts.parts.len(), 2);
                    "structure"
                }
                Item::BinarySize { size: 8, .. } => "size",
                Item::Preview(Some(text)) if text.to_text().contains("Grüße") => "preview",
                Item::SaveDate(Some(_)) => "saved",
                Item::ModSeq(1..) => "changed",
                Item::Body { data: Some(data), .. } if data.to_text().contains("octet-stream") => "header",
                other => panic!("{other:?}"),
            });
        }
        seen.sort_unstable();
        assert_eq!(seen, ["changed", "header", "preview", "saved", "size", "structure"]);

        let rows: &[(Part<'_>, Option<Partial>, bool, &[u8])] = &[
            (Part::new(&[1]), None, true, "Grüße".as_bytes()),
            (Part::new(&[2]), None, true, &[0, 1, 2, 3, 4, 5, 6, 7]),
            (Part::new(&[2]), Some(Partial { offset: 2, count: 3 }), true, &[2, 3, 4]),
            (Part::new(&[2]), None, false, b"AAECAwQFBgc="),
            (Part::new(&[2]), Some(Partial { offset: 4, count: 4 }), false, b"AwQF"),
            // There is no such part, and Dovecot sends an empty one.
            (Part::new(&[9]), None, false, b""),
        ];
        for (part, partial, decoded, want) in rows {
            let mut body = if *decoded {
                wait!(inbox.binary_part(uid, part.clone(), *partial)).unwrap()
            } else {
                let section = Section { part: part.clone(), ..Section::WHOLE };
                wait!(inbox.part(uid, section, *partial)).unwrap()
            };
            let mut octets = Vec::new();
            while let Some(piece) = wait!(body.next()).unwrap() {
                octets.extend_from_slice(&piece);
            }
            assert_eq!(octets, *want, "{part} {partial:?} {decoded}");
        }
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn messages_change_move_and_go() {
    let bench = Bench::start();
    run(async {
        let mut imap = connect(&bench).await;
        let first = add(&mut imap, "a", "\r\n").await;
        for subject in ["b", "c", "d"] {
            add(&mut imap, subject, "\r\n").await;
        }
        let at = |offset: u32| UidSet::from(first + offset);
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        let mod_seq = inbox.opened().highest_mod_seq.unwrap();
        let mut other = connect(&bench).await;
        let mut others = wait!(other.select("INBOX")).unwrap();
        wait!(others.store(at(1), StoreAction::Add, &[Flag::new("$Theirs").unwrap()])).unwrap();
        let all = UidSet::range(first, first + 1);
        let modified =
            wait!(inbox.store_unchanged_since(all, StoreAction::Add, &[Flag::Seen], mod_seq)).unwrap();
        assert_eq!(modified, at(1), "another changed it");
        let items = vec![FetchItem::Flags];
        let mut changed = wait!(inbox.messages_changed_since(UidSet::all(), items, mod_seq)).unwrap();
        let mut uids = Vec::new();
        while let Some(message) = wait!(changed.next()).unwrap() {
            uids.push(message.uid());
        }
        uids.dedup();
        assert!(uids.contains(&first) && uids.contains(&(first + 1)) && uids.len() == 2, "{uids:?}");

        let copied = wait!(inbox.copy(at(0), "Archive")).unwrap().unwrap();
        assert_eq!(copied.from(), at(0));
        let moved = wait!(inbox.move_to(UidSet::range(first, first + 1), "Archive")).unwrap();
        assert!(moved.removed && moved.copied.is_some());
        wait!(inbox.store(UidSet::range(first + 2, first + 3), StoreAction::Replace, &[Flag::Deleted]))
            .unwrap();
        wait!(inbox.expunge_only(at(2))).unwrap();
        assert_eq!(inbox.exists(), 1);
        assert_eq!(wait!(inbox.search(&SearchKey::All)).unwrap().uids, at(3));
        wait!(inbox.close()).unwrap();
        assert_eq!(wait!(imap.status("INBOX")).unwrap().messages, Some(0));
        assert_eq!(wait!(imap.status("Archive")).unwrap().messages, Some(3));
        let error = wait!(imap.append("Nowhere", &[], None, b"x")).unwrap_err();
        assert!(error.to_string().contains("TRYCREATE"), "{error}");

        // Events of other mailboxes, too.
        let mut inbox = wait!(imap.examine("INBOX")).unwrap();
        let wanted = || vec![NotifyEvent::MessageNew(Vec::new()), NotifyEvent::MessageExpunge];
        let selected = vec![
            NotifyEvent::MessageNew(vec![FetchItem::Uid]),
            NotifyEvent::MessageExpunge,
            NotifyEvent::FlagChange,
        ];
        let groups = vec![(NotifyMailboxes::Selected, selected), (NotifyMailboxes::Personal, wanted())];
        wait!(inbox.notify(groups)).unwrap();
        add(&mut other, "new", "\r\n").await;
        wait!(inbox.noop()).unwrap();
        assert_eq!(inbox.exists(), 1);
        wait!(inbox.notify(Vec::new())).unwrap();
        wait!(other.logout()).unwrap();
        wait!(imap.logout()).unwrap();
    });
}

#[test]
fn a_large_message_goes_in_in_pieces_and_comes_back() {
    let bench = Bench::start();
    let line = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n";
    let text = [b"Subject: large\r\n\r\n".as_slice(), &line.repeat(50_000)].concat();
    run(async {
        let mut imap = connect(&bench).await;
        let size = text.len().try_into().unwrap();
        let mut appending = wait!(imap.append_in_pieces("Archive", &[Flag::Seen], None, size)).unwrap();
        for piece in text.chunks(33_333) {
            wait!(appending.write(piece)).unwrap();
        }
        let uid = wait!(appending.finish()).unwrap().unwrap().uid;
        let mut archive = wait!(imap.examine("Archive")).unwrap();
        let mut body = wait!(archive.part(uid, Section::WHOLE, None)).unwrap();
        let (mut octets, mut largest) = (Vec::new(), 0);
        while let Some(piece) = wait!(body.next()).unwrap() {
            largest = largest.max(piece.len());
            octets.extend_from_slice(&piece);
        }
        assert!(octets == text && largest <= 65_536, "{} octets, {largest} at a time", octets.len());
        wait!(imap.logout()).unwrap();
    });
}

/// What was reported as done was done, and what can't be is not.
#[test]
fn an_open_mailbox_is_nobody_elses() {
    let bench = Bench::start();
    run(async {
        let mut imap = connect(&bench).await;
        let uid = add(&mut imap, "a", "\r\n").await;
        let gone = add(&mut imap, "b", "\r\n").await;
        let mut inbox = wait!(imap.select("INBOX")).unwrap();
        let mut listing = wait!(inbox.list(Range::Last(1))).unwrap();
        assert_eq!(wait!(listing.next()).unwrap().unwrap().uid, gone);
        wait!(inbox.store(uid.into(), StoreAction::Add, &[Flag::Flagged])).unwrap();
        wait!(inbox.store(gone.into(), StoreAction::Add, &[Flag::Deleted])).unwrap();
        assert_eq!(wait!(wait!(inbox.fetch(gone + 9)).unwrap().next()).unwrap_err().kind(), Kind::NotFound);
        wait!(inbox.expunge()).unwrap();
        let key = SearchKey::Flag(Flag::Flagged);
        assert_eq!(wait!(inbox.search(&key)).unwrap().uids, uid.into());
        assert_eq!(wait!(inbox.search(&SearchKey::All)).unwrap().uids, uid.into());
        wait!(imap.logout()).unwrap();
    });
}

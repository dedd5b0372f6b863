//! The view of a mailbox under the changes of another session. Compiled once for each driver.

use mailbearer::proto::imap::{Flag, SearchKey, Section, StoreAction, UidSet};
use mailbearer::{Account, Change, Client, Selected};

use super::{Driver, run};
use crate::imap_ops::{Bench, Dice};

fn client(account: &Account) -> Client<Driver> {
    account.clone().on::<Driver>().unwrap()
}

#[test]
fn the_view_hears_of_everything() {
    let bench = Bench::start();
    bench.deliver(&["one", "two", "three"]);
    run(async {
        let mut session = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut others = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut imap = wait!(session.select("INBOX")).unwrap();
        let mut other = wait!(others.select("INBOX")).unwrap();
        wait!(imap.learn()).unwrap();
        assert_eq!(imap.changes().count(), 3, "three UIDs were learned");
        assert!(imap.view().unknown().is_empty());

        wait!(other.store(2.into(), StoreAction::Add, &[Flag::Deleted, Flag::Seen])).unwrap();
        wait!(other.store(3.into(), StoreAction::Add, &[Flag::Flagged])).unwrap();
        wait!(other.expunge()).unwrap();
        wait!(other.append("INBOX", &[], None, b"Subject: four\r\n\r\n")).unwrap();
        wait!(imap.noop()).unwrap();
        let mut changes: Vec<Change> = imap.changes().collect();
        changes.sort_by_key(|change| format!("{change:?}"));
        assert_eq!(
            changes,
            [
                Change::Arrived { first: 3, last: 3 },
                Change::Expunged { sequence: 2, uid: Some(2) },
                Change::Flags { sequence: 2, uid: 3 },
            ]
        );
        let view = imap.view();
        assert_eq!((view.exists(), view.unknown()), (3, UidSet::from(3)));
        assert!(view.by_uid(3).unwrap().flags().unwrap().has(&Flag::Flagged));
        wait!(session.logout()).unwrap();
        wait!(others.logout()).unwrap();
    });
}

/// Whatever two sessions do, the view is the mailbox after a NOOP.
#[test]
fn any_interleaving_leaves_the_view_right() {
    let bench = Bench::start();
    run(async {
        let mut session = wait!(client(&bench.account).connect_imap()).unwrap();
        let mut others = wait!(client(&bench.account).connect_imap()).unwrap();
        for seed in 0..40 {
            let mut dice = Dice::new(seed);
            let mut imap = wait!(session.select("INBOX")).unwrap();
            let mut other = wait!(others.select("INBOX")).unwrap();
            for _ in 0..dice.up_to(30) {
                let actor = if dice.up_to(2) == 0 { &mut imap } else { &mut other };
                act(&bench, actor, &mut dice).await;
                let known = imap.view().messages().map(|(_, message)| message.uid);
                assert!(known.is_sorted(), "seed {seed}");
            }
            wait!(imap.noop()).unwrap();
            wait!(imap.learn()).unwrap();
            let view = imap.view();
            let seen: Vec<(u32, Vec<String>)> = view
                .messages()
                .map(|(_, message)| {
                    (message.uid, sorted(message.flags().unwrap().iter().map(|flag| flag.to_string())))
                })
                .collect();
            let real: Vec<(u32, Vec<String>)> =
                bench.stored("INBOX").into_iter().map(|(uid, flags)| (uid, sorted(flags))).collect();
            assert_eq!((view.unknown(), seen), (UidSet::new(), real), "seed {seed}");
        }
        wait!(session.logout()).unwrap();
        wait!(others.logout()).unwrap();
    });
}

async fn act(bench: &Bench, imap: &mut Selected<'_, Driver>, dice: &mut Dice) {
    let uids: Vec<u32> = bench.stored("INBOX").into_iter().map(|(uid, _)| uid).collect();
    let some = UidSet::range(dice.pick(&uids), dice.pick(&uids));
    let flag = dice.one_of([Flag::Seen, Flag::Flagged, Flag::Deleted, Flag::new("$x").unwrap()]);
    let action = dice.one_of([StoreAction::Add, StoreAction::Remove, StoreAction::Replace]);
    match dice.up_to(10) {
        0 => bench.deliver(&["new", "newer"]),
        1 => drop(wait!(imap.append("INBOX", &[flag], None, b"Subject: x\r\n\r\n")).unwrap()),
        2 => bench.server.mailbox().remove("INBOX", dice.pick(&uids)),
        3 => wait!(imap.expunge()).unwrap(),
        4 => drop(wait!(imap.move_to(UidSet::from(dice.pick(&uids)), "Drafts")).unwrap()),
        5 => wait!(imap.noop()).unwrap(),
        6 => wait!(imap.learn()).unwrap(),
        7 => drop(wait!(imap.search(&SearchKey::All)).unwrap()),
        8 => {
            // Half a body, left to be read past.
            let mut body = wait!(imap.part(dice.pick(&uids), Section::WHOLE, None)).unwrap();
            let _ = wait!(body.next());
        }
        _ => wait!(imap.store(some, action, &[flag])).unwrap(),
    }
}

fn sorted(flags: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut flags: Vec<String> = flags.into_iter().collect();
    flags.sort_unstable();
    flags
}

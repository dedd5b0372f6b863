#![expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "a model of few messages")]

use std::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use proptest::prelude::*;

use super::*;
use crate::{Flag, Frame, Response};

fn tell(view: &mut View, line: &str) -> Result<Option<Change>, ViewError> {
    let frame = Frame::from(format!("* {line}\r\n").into_bytes());
    match frame.response() {
        Ok(Response::Untagged(data)) => view.apply(&data),
        other => panic!("{line}: {other:?}"),
    }
}

/// Makes a view of messages with these UIDs.
fn with(uids: &[u32]) -> View {
    let mut view = View::new();
    tell(&mut view, &format!("{} EXISTS", uids.len())).unwrap();
    for (index, uid) in uids.iter().enumerate() {
        tell(&mut view, &format!("{} FETCH (UID {uid} FLAGS ())", index + 1)).unwrap();
    }
    view
}

fn uids(view: &View) -> Vec<(u32, u32)> {
    view.messages().map(|(sequence, message)| (sequence, message.uid)).collect()
}

fn set(text: &str) -> UidSet {
    text.parse().unwrap()
}

#[test]
fn a_claim_costs_nothing() {
    let mut view = View::new();
    let all = Some(Change::Arrived { first: 1, last: u32::MAX });
    assert_eq!(tell(&mut view, "4294967295 EXISTS"), Ok(all));
    assert_eq!(view.unknown(), set("1:4294967295"));
    assert_eq!(
        tell(&mut view, "3000000000 FETCH (UID 3000000001)").unwrap(),
        Some(Change::Learned { sequence: 3_000_000_000, uid: 3_000_000_001 })
    );
    assert_eq!(view.unknown(), set("1:2999999999,3000000001:4294967295"));
    let vanished = tell(&mut view, "VANISHED 1:4294967295").unwrap();
    assert_eq!(vanished, Some(Change::Vanished { uids: 3_000_000_001.into(), others: u32::MAX - 2 }));
    assert_eq!((view.exists(), view.known()), (1, 0), "one UID less than messages");
    assert_eq!(tell(&mut view, "4294967295 FETCH (UID 4294967295)"), Ok(None), "no such message");
    assert_eq!(tell(&mut view, "4294967295 EXPUNGE"), Ok(None));
    assert_eq!(view.exists(), 1);
}

#[test]
fn what_contradicts_is_out_of_step() {
    let rows = [
        ("another UID", "2 FETCH (UID 6)"),
        ("below the one before", "4 FETCH (UID 3)"),
        ("the one before", "4 FETCH (UID 7)"),
        ("no room before", "5 FETCH (UID 8)"),
        ("no room behind", "4 FETCH (UID 20)"),
        ("above the one behind", "5 FETCH (UID 30)"),
    ];
    for (name, line) in rows {
        let mut view = with(&[3, 5, 7]);
        tell(&mut view, "6 EXISTS").unwrap();
        tell(&mut view, "6 FETCH (UID 21)").unwrap();
        assert_eq!(tell(&mut view, line), Err(ViewError::OutOfStep { exists: 6 }), "{name}");
        assert_eq!((view.exists(), view.known()), (6, 4), "{name}: as it was");
    }
    let mut view = with(&[3, 5, 7]);
    assert_eq!(tell(&mut view, "2 EXISTS"), Err(ViewError::OutOfStep { exists: 2 }));
    assert_eq!(view.known(), 3);
    assert_eq!(view.reset(2), Change::Lost);
    assert_eq!((view.exists(), view.known(), view.unknown()), (2, 0, set("1:2")));
}

#[test]
fn what_is_told_again_is_no_change() {
    let mut view = with(&[3, 5, 7]);
    assert_eq!(tell(&mut view, "3 EXISTS"), Ok(None));
    assert!(view.resume(3), "as many as were known");
    assert_eq!((view.exists(), view.known()), (3, 3));
    assert!(!view.resume(2));
    tell(&mut view, "1 FETCH (UID 0 FLAGS ())").unwrap();
    assert_eq!(view.known(), 0, "no message has UID 0");
    tell(&mut view, "1 FETCH (UID 3 UID 5 FLAGS ())").unwrap();
    assert_eq!(view.known(), 0, "nor two");
}

#[test]
fn messages_are_found_by_number_and_by_uid() {
    let view = with(&[3, 5, 7]);
    assert_eq!(view.by_uid(5).map(|message| message.uid), Some(5));
    assert!(view.by_uid(4).is_none() && view.by_uid(8).is_none());
    assert!(view.message(0).is_none() && view.message(4).is_none());
    assert_eq!(view.message(3).map(|message| message.uid), Some(7));
    let mut view = with(&[3]);
    for (told, is_empty) in [("", true), ("\\Seen", false), ("word", false), ("\\Seen word", false)] {
        tell(&mut view, &format!("1 FETCH (FLAGS ({told}))")).unwrap();
        assert_eq!(view.by_uid(3).unwrap().flags().unwrap().is_empty(), is_empty, "{told}");
    }
}

#[test]
fn limits_hold() {
    let mut view = View::with_limits(Limits { messages: 2, stretches: 4, keywords: 5 });
    tell(&mut view, "9 EXISTS").unwrap();
    assert!(tell(&mut view, "1 FETCH (UID 1 FLAGS ($abcd))").is_ok());
    assert_eq!(tell(&mut view, "2 FETCH (UID 2 FLAGS ($abcde))"), Err(ViewError::Full), "keywords");
    assert_eq!(tell(&mut view, "1 FETCH (FLAGS ($abcde))"), Err(ViewError::Full), "keywords");
    assert!(view.message(1).unwrap().flags().unwrap().has(&Flag::new("$ABCD").unwrap()));
    assert!(tell(&mut view, "2 FETCH (UID 2)").is_ok());
    assert_eq!(tell(&mut view, "3 FETCH (UID 3)"), Err(ViewError::Full), "messages");
    assert_eq!((view.exists(), view.known()), (9, 2));
    let mut view = View::with_limits(Limits { messages: 9, stretches: 4, keywords: 0 });
    tell(&mut view, "9 EXISTS").unwrap();
    assert!(tell(&mut view, "2 FETCH (UID 2)").is_ok() && tell(&mut view, "4 FETCH (UID 4)").is_ok());
    assert_eq!(tell(&mut view, "6 FETCH (UID 6)"), Err(ViewError::Full), "stretches");
}

/// Consecutive messages share a stretch, of up to four in tests.
#[test]
fn a_limit_of_stretches_is_no_limit_of_messages() {
    let mut view = View::with_limits(Limits { messages: 99, stretches: 7, keywords: 0 });
    tell(&mut view, "20 EXISTS").unwrap();
    for uid in 1..=20 {
        assert!(tell(&mut view, &format!("{uid} FETCH (UID {uid})")).is_ok(), "{uid}");
    }
    view.unlearn(|message| message.uid == 20);
    assert!(tell(&mut view, "20 FETCH (UID 20)").is_ok());
    assert_eq!(view.known(), 20);
    assert_eq!(ViewError::Full.to_string(), "more messages or keywords than are kept");
    assert!(ViewError::OutOfStep { exists: 1 }.to_string().contains("contradict"));
}

#[test]
fn flags_are_a_set() {
    let mut view = with(&[4]);
    let told = "1 FETCH (FLAGS (\\Seen $b A \\X-Y))";
    assert_eq!(tell(&mut view, told), Ok(Some(Change::Flags { sequence: 1, uid: 4 })));
    let flags: Vec<String> =
        view.message(1).unwrap().flags().unwrap().iter().map(|flag| format!("{flag}")).collect();
    assert_eq!(flags, ["\\Seen", "$b", "\\X-Y", "A"]);
    assert_eq!(format!("{:?}", view.message(1).unwrap()).split('[').next(), Some("4"));
    assert!(format!("{:?}", view.message(1).unwrap().flags().unwrap()).starts_with('{'));
    for again in [told, "1 FETCH (FLAGS (A \\x-y \\Recent $b \\seen A))"] {
        let same = again == told;
        assert_eq!(tell(&mut view, again).unwrap().is_none(), same, "{again}");
        assert!(!view.message(1).unwrap().flags().unwrap().has(&Flag::Recent), "{again}");
    }
    let told = tell(&mut view, "4 UIDFETCH (UID 9 FLAGS (\\Seen))");
    assert_eq!(told, Ok(Some(Change::Flags { sequence: 1, uid: 4 })), "its name is the UID in front");
    assert_eq!(tell(&mut view, "UIDFETCH 4 (FLAGS ())").ok(), Some(None), "not a message of that name");
    assert_eq!(tell(&mut view, "4 UIDFETCH (FLAGS ())"), Ok(Some(Change::Flags { sequence: 1, uid: 4 })));
    assert_eq!(tell(&mut view, "1 FETCH (MODSEQ (77))"), Ok(None));
    assert_eq!(
        (view.message(1).unwrap().mod_seq, view.message(1).unwrap().flags().unwrap().is_empty()),
        (77, true)
    );
    view.forget_mod_seqs();
    assert_eq!(view.message(1).unwrap().mod_seq, 0);
    assert_eq!(tell(&mut view, "1 FETCH (MODSEQ (78))"), Ok(None));
    assert_eq!(view.message(1).unwrap().mod_seq, 0, "for good");
    assert_eq!(tell(&mut view, "3 RECENT"), Ok(None));
    assert_eq!(view.recent(), 3);

    tell(&mut view, "5 EXISTS").unwrap();
    tell(&mut view, "2 FETCH (UID 8)").unwrap();
    tell(&mut view, "4 FETCH (UID 10 FLAGS ())").unwrap();
    assert_eq!(view.message(2).unwrap().flags(), None);
    assert_eq!((view.unknown(), view.without_flags()), (set("3,5"), set("2:3,5")));
    let told = tell(&mut view, "2 FETCH (FLAGS ())");
    assert_eq!(told, Ok(Some(Change::Flags { sequence: 2, uid: 8 })), "they became known");
}

#[test]
fn another_session_of_the_same_mailbox() {
    let mut view = with(&[1, 2, 4, 8, 9]);
    tell(&mut view, "7 EXISTS").unwrap();
    assert_eq!(tell(&mut view, "VANISHED (EARLIER) 1:9"), Ok(None), "of the past");
    assert_eq!(view.forget(&set("3:4,9,1000:2000")), set("4,9"));
    assert_eq!(view.forget(&set("3:4")), set(""));
    assert_eq!(view.exists(), 5, "nobody knows which of the others went");
    assert_eq!(tell(&mut view, "VANISHED 5"), Ok(None), "there was none");
    assert!(view.resume(5));
    assert_eq!((uids(&view), view.unknown()), (vec![(1, 1), (2, 2), (3, 8)], set("4:5")));
    let frame = Frame::from(b"* 2 FETCH (UID 8 FLAGS (\\Seen))\r\n".to_vec());
    let Ok(Response::Untagged(Data::Fetch(fetch))) = frame.response() else { panic!() };
    assert_eq!(view.update(&fetch.items), Ok(Some(true)), "by its UID, whatever the number");
    assert_eq!(view.update(&fetch.items), Ok(Some(false)));
    assert_eq!(view.retain(&set("2,8:99")), 1.into());
    assert_eq!(view.highest_uid(), Some(8));
    assert!(!view.resume(1));
    assert_eq!((view.known(), view.exists()), (0, 1));
}

#[test]
fn messages_are_made_unknown_in_place() {
    let mut view = with(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    tell(&mut view, "13 EXISTS").unwrap();
    view.unlearn(|message| matches!(message.uid, 1 | 5 | 6 | 11));
    assert_eq!((view.exists(), view.known(), view.unknown()), (13, 7, set("1,5:6,11:13")));
    assert_eq!(view.message(7).unwrap().uid, 7);
    let learned = Some(Change::Learned { sequence: 6, uid: 6 });
    assert_eq!(tell(&mut view, "6 FETCH (UID 6)"), Ok(learned));
    view.unlearn(|_| true);
    assert_eq!((view.exists(), view.known(), view.unknown()), (13, 0, set("1:13")));
}

#[test]
fn messages_stand_in_few_runs_of_few() {
    let all: Vec<u32> = (1..=16).collect();
    let mut view = with(&all);
    assert!(view.runs.is_tidy());
    assert_eq!(view.runs.stretches(), 4);
    for sequence in [2, 2, 2, 3, 3, 3] {
        tell(&mut view, &format!("{sequence} EXPUNGE")).unwrap();
        assert!(view.runs.is_tidy(), "{:?}", view.runs);
    }
    assert_eq!((uids(&view).len(), view.runs.stretches()), (10, 3), "two of one are one of two");
    view.unlearn(|message| message.uid == 12);
    assert!(view.runs.is_tidy(), "{:?}", view.runs);
    assert_eq!((view.known(), view.exists(), view.unknown()), (9, 10, set("6")));
    tell(&mut view, "6 FETCH (UID 12)").unwrap();
    assert!(view.runs.is_tidy(), "{:?}", view.runs);
    assert_eq!(view.unknown(), set(""));
}

#[test]
fn many_messages_stay_quick() {
    // Quadratic work on these would take hours.
    const COUNT: u32 = 100_000;
    let mut view = View::with_limits(Limits { stretches: usize::MAX, ..Limits::default() });
    tell(&mut view, &format!("{COUNT} EXISTS")).unwrap();
    for sequence in 1..=COUNT {
        let message = Message { uid: sequence, mod_seq: 0, flags: None };
        assert!(view.runs.learn(sequence, message));
    }
    assert_eq!(view.known(), 100_000);
    assert_eq!(view.sequence_of(COUNT), Some(COUNT));
    assert_eq!(view.retain(&set("1:10")), set("11:100000"));
    assert_eq!(view.exists(), 10);
}

/// What a server does.
#[derive(Clone, Debug)]
enum Act {
    Deliver(u8),
    /// A message vanishes, picked by this number.
    Expunge(u16),
    /// Several messages vanish at once, reported by VANISHED.
    Vanish(Vec<u16>),
    Flag(u16, bool),
    /// The client fetches these.
    Fetch(u16, u8),
    Shrink,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..20_u8).prop_map(Act::Deliver),
        any::<u16>().prop_map(Act::Expunge),
        proptest::collection::vec(any::<u16>(), 1..12).prop_map(Act::Vanish),
        (any::<u16>(), any::<bool>()).prop_map(|(which, uid)| Act::Flag(which, uid)),
        (any::<u16>(), 0..30_u8).prop_map(|(from, count)| Act::Fetch(from, count)),
        (any::<u16>(), Just(1)).prop_map(|(from, count)| Act::Fetch(from, count)),
        Just(Act::Shrink),
    ]
}

/// A message as the server has it, and whether the client knows it.
#[derive(Clone, Debug)]
struct Real {
    uid: u32,
    flagged: bool,
    known: bool,
}

fn play(acts: Vec<Act>) {
    let (mut view, mut real, mut next) = (View::new(), Vec::<Real>::new(), 1_u32);
    for act in acts {
        let context = format!("{act:?} on {real:?}");
        let pick = |which: u16| usize::from(which) % real.len().max(1);
        match act {
            Act::Deliver(count) => {
                for _ in 0..count {
                    next += 1 + next % 3;
                    real.push(Real { uid: next, flagged: false, known: false });
                }
                tell(&mut view, &format!("{} EXISTS", real.len())).unwrap();
            }
            _ if real.is_empty() => {}
            Act::Expunge(which) => {
                let gone = real.remove(pick(which));
                let sequence = real.iter().filter(|message| message.uid < gone.uid).count() as u32 + 1;
                let uid = gone.known.then_some(gone.uid);
                let told = tell(&mut view, &format!("{sequence} EXPUNGE")).unwrap();
                assert_eq!(told, Some(Change::Expunged { sequence, uid }), "{context}");
            }
            Act::Vanish(which) => {
                let mut gone: Vec<u32> = which.iter().map(|which| real[pick(*which)].uid).collect();
                gone.sort_unstable();
                gone.dedup();
                let set: UidSet = gone.iter().copied().collect();
                let known: Vec<u32> = real
                    .iter()
                    .filter(|message| message.known && gone.contains(&message.uid))
                    .map(|message| message.uid)
                    .collect();
                real.retain(|message| !gone.contains(&message.uid));
                let told = tell(&mut view, &format!("VANISHED {set}")).unwrap();
                let others = (gone.len() - known.len()) as u32;
                let uids = known.into_iter().collect();
                assert_eq!(told, Some(Change::Vanished { uids, others }), "{context}");
            }
            Act::Flag(which, with_uid) => {
                let index = pick(which);
                let (sequence, message) = (index as u32 + 1, &mut real[index]);
                message.flagged = !message.flagged;
                let uid = if with_uid { format!("UID {} ", message.uid) } else { String::new() };
                let flags = if message.flagged { "\\Flagged" } else { "" };
                let told = tell(&mut view, &format!("{sequence} FETCH ({uid}FLAGS ({flags}))")).unwrap();
                let want = match (message.known, with_uid) {
                    (true, _) => Some(Change::Flags { sequence, uid: message.uid }),
                    (false, true) => Some(Change::Learned { sequence, uid: message.uid }),
                    (false, false) => None,
                };
                message.known |= with_uid;
                assert_eq!(told, want, "{context}");
            }
            Act::Fetch(from, count) => {
                let from = pick(from);
                for (index, message) in real.iter_mut().enumerate().skip(from).take(count.into()) {
                    let flags = if message.flagged { "\\Flagged" } else { "" };
                    let line = format!("{} FETCH (UID {} FLAGS ({flags}))", index + 1, message.uid);
                    let told = tell(&mut view, &line).unwrap();
                    assert_eq!(told.is_some(), !message.known, "{context}");
                    message.known = true;
                }
            }
            Act::Shrink => {
                real.pop();
                real.iter_mut().for_each(|message| message.known = false);
                let exists = real.len() as u32;
                let told = tell(&mut view, &format!("{exists} EXISTS"));
                assert_eq!(told, Err(ViewError::OutOfStep { exists }), "{context}");
                view.reset(exists);
            }
        }
        check(&view, &real, &context);
    }
}

fn check(view: &View, real: &[Real], context: &str) {
    assert!(view.runs.is_tidy(), "{:?}: {context}", view.runs);
    assert_eq!(view.exists() as usize, real.len(), "{context}");
    assert_eq!(view.known(), real.iter().filter(|message| message.known).count(), "{context}");
    let mut unknown = Vec::new();
    for (sequence, message) in (1..).zip(real) {
        let seen = view.message(sequence).map(|seen| (seen.uid, seen.flags().unwrap().has(&Flag::Flagged)));
        assert_eq!(seen, message.known.then_some((message.uid, message.flagged)), "{sequence}: {context}");
        let found = view.sequence_of(message.uid);
        assert_eq!(found, message.known.then_some(sequence), "{context}");
        if !message.known {
            unknown.push(sequence);
        }
    }
    let known: Vec<u32> = real.iter().filter(|message| message.known).map(|message| message.uid).collect();
    assert!(view.messages().map(|(_, message)| message.uid).eq(known), "{context}");
    let unknown: UidSet = unknown.into_iter().collect();
    assert_eq!(view.unknown(), unknown, "{context}");
}

proptest! {
    #[test]
    fn any_interleaving_keeps_the_view_right(acts in proptest::collection::vec(act(), 0..60)) {
        play(acts);
    }
}

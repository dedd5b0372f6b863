//! Whatever a server tells, a view of a mailbox stays consistent with itself and within its limits.

use mailbearer_imap::{
    Data, Framer, Limits, Piece, Response,
    view::{self, View, ViewError},
};
use mailbearer_wire::RecvBuf;

use crate::pieces::knobs;

/// `data` is a size for the limits, and a server's stream of untagged data.
pub fn run(data: &[u8]) {
    let ([size], stream) = knobs(data);
    let mut bounds = view::Limits::default();
    if size > 0 {
        (bounds.messages, bounds.stretches, bounds.keywords) = (size.into(), size.into(), size.into());
    }
    let mut view = View::with_limits(bounds);
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    if rx.extend(stream).is_err() {
        return;
    }
    while let Ok(Some(piece)) = framer.next(&mut rx) {
        let Piece::Response(frame) = piece else { continue };
        let Ok(Response::Untagged(told)) = frame.response() else { continue };
        let before = view.exists();
        match &told {
            Data::Search(found) => {
                // Stands for the calls that no response makes.
                view.forget(&found.numbers.iter().collect());
            }
            Data::Vanished { earlier: true, uids } => {
                view.retain(&uids.into());
            }
            Data::Recent(count) => {
                view.resume(*count);
            }
            told => {
                if let Err(ViewError::OutOfStep { exists }) = view.apply(told) {
                    view.reset(exists);
                    assert_eq!((view.exists(), view.known()), (exists, 0));
                }
            }
        }
        match &told {
            Data::Exists(count) => assert_eq!(view.exists(), *count),
            Data::Expunge(number) if (1..=before).contains(number) => assert_eq!(view.exists(), before - 1),
            Data::Expunge(_) => assert_eq!(view.exists(), before),
            _ => {}
        }
        check(&view, &bounds);
    }
}

fn check(view: &View, bounds: &view::Limits) {
    assert!(view.known() <= bounds.messages);
    assert_eq!(view.known(), view.messages().count());
    let (mut number, mut uid) = (0, 0);
    for (sequence, message) in view.messages() {
        assert!(sequence > number && message.uid > uid, "{sequence} {message:?} behind {number} {uid}");
        (number, uid) = (sequence, message.uid);
        assert_eq!(view.sequence_of(uid), Some(sequence));
        assert_eq!(view.message(sequence), Some(message));
    }
    assert!(number <= view.exists());
    assert_eq!(view.highest_uid().unwrap_or_default(), uid);
    let unknown = view.unknown().count();
    assert_eq!(u64::from(view.exists()), unknown + view.known() as u64);
}

//! What each parser accepts: legal responses of the standards, and broken ones that servers were seen to send.
//!
//! `cargo test -p mailbearer-benches --test acceptance -- --nocapture` prints the table.
//!
//! A response counts as accepted if the parser takes all of its octets for one response. It says nothing about
//! what comes out; the tests of mailbearer-imap do.

use imap_codec::{GreetingCodec, ResponseCodec, decode::Decoder};
use mailbearer_imap::{Framer, Limits, Piece, Quirks, parse_response};
use mailbearer_wire::RecvBuf;

mod source;

use source::all;

/// Accepted, of how many.
#[derive(Clone, Copy, Default)]
struct Count {
    of: usize,
    imap_proto: usize,
    imap_codec: usize,
    ours: usize,
    /// Ours with no mistake overlooked.
    strict: usize,
    /// Of what ours accepts, what has a part that is kept as it came, not as a value of its own type.
    as_it_came: usize,
}

#[test]
fn ours_accepts_what_anyone_accepts_and_what_servers_send() {
    let (mut legal, mut broken) = (Count::default(), Count::default());
    let mut refused = Vec::new();
    println!(
        "{:<34} {:>4} {:>10} {:>10} {:>6} {:>8} {:>11}",
        "source", "of", "imap-proto", "imap-codec", "ours", "strict", "as it came"
    );
    for source in all() {
        let mut count = Count { of: source.responses.len(), ..Count::default() };
        for response in &source.responses {
            let (proto, codec) = (imap_proto(response), imap_codec(response));
            let (ours, strict) = (ours(response, &Quirks::default()), ours(response, &Quirks::NONE));
            count.imap_proto += usize::from(proto);
            count.imap_codec += usize::from(codec);
            count.ours += usize::from(ours.is_some());
            count.strict += usize::from(strict.is_some());
            count.as_it_came += usize::from(ours.as_ref().is_some_and(|debug| debug.contains("Other {")));
            let shown = response.escape_ascii();
            if ours.is_none() {
                println!("  refused: {shown}");
            } else if strict.is_none() && source.legal {
                println!("  refused without quirks: {shown}");
            }
            if ours.is_none() && (proto || codec) && source.legal {
                refused.push(format!("{}: {shown}", source.name));
            }
        }
        print(&source.name, &count);
        let total = if source.legal { &mut legal } else { &mut broken };
        add(total, &count);
    }
    print("legal", &legal);
    print("broken but seen", &broken);
    assert!(refused.is_empty(), "refused by ours alone:\n{}", refused.join("\n"));
    assert!(legal.of > 250 && broken.of > 80, "too few responses to tell");
    assert!(legal.ours * 100 >= legal.of * 98, "ours accepts {} of {} legal responses", legal.ours, legal.of);
    assert!(legal.strict * 100 >= legal.of * 98, "without quirks {} of {}", legal.strict, legal.of);
    assert!(
        broken.ours * 100 >= broken.of * 80,
        "ours accepts {} of {} broken responses",
        broken.ours,
        broken.of
    );
}

/// What ours makes of it, for people, or `None` if it is not accepted.
fn ours(response: &[u8], quirks: &Quirks) -> Option<String> {
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    rx.extend(response).unwrap();
    let Ok(Some(Piece::Response(frame))) = framer.next(&mut rx) else { return None };
    let parsed = parse_response(frame.octets(), &limits, quirks).ok()?;
    rx.unread().is_empty().then(|| format!("{parsed:?}"))
}

fn imap_proto(response: &[u8]) -> bool {
    without_panic(|| imap_proto::Response::parse(response).is_ok_and(|(rest, _)| rest.is_empty()))
}

fn imap_codec(response: &[u8]) -> bool {
    without_panic(|| {
        ResponseCodec::default().decode(response).is_ok_and(|(rest, _)| rest.is_empty())
            || GreetingCodec::default().decode(response).is_ok_and(|(rest, _)| rest.is_empty())
    })
}

/// A peer that panics has not accepted; imap-proto 0.17 does at a date that is none.
fn without_panic(accepts: impl FnOnce() -> bool + std::panic::UnwindSafe) -> bool {
    std::panic::catch_unwind(accepts).unwrap_or_else(|_| {
        println!("  the panic above is a peer's");
        false
    })
}

fn add(total: &mut Count, count: &Count) {
    total.of += count.of;
    total.imap_proto += count.imap_proto;
    total.imap_codec += count.imap_codec;
    total.ours += count.ours;
    total.strict += count.strict;
    total.as_it_came += count.as_it_came;
}

fn print(name: &str, count: &Count) {
    let Count { of, imap_proto, imap_codec, ours, strict, as_it_came } = count;
    println!("{name:<34} {of:>4} {imap_proto:>10} {imap_codec:>10} {ours:>6} {strict:>8} {as_it_came:>11}");
}

#[test]
fn legal_nesting_of_64_levels_parses() {
    let response = |levels: usize| {
        let part = "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1)";
        let (open, close) = ("(".repeat(levels), " \"MIXED\")".repeat(levels));
        format!("* 1 FETCH (BODYSTRUCTURE {open}{part}{close})\r\n").into_bytes()
    };
    assert!(ours(&response(64), &Quirks::NONE).is_some());
    let deep = response(100_000);
    let refused = std::thread::Builder::new().stack_size(256 * 1024);
    let refused =
        refused.spawn(move || parse_response(&deep, &Limits::default(), &Quirks::default()).is_err());
    assert!(refused.unwrap().join().unwrap());
}

use alloc::{
    format,
    string::{String, ToString},
    vec,
};
use core::slice;

use super::*;

#[test]
fn holds_the_limit_and_not_one_more() {
    let mut rx = RecvBuf::with_limit(4);
    assert_eq!(rx.extend(b"abcd"), Ok(()));
    assert_eq!(rx.extend(b"e"), Err(BufferFull { limit: 4 }));
    assert_eq!(rx.unread(), b"abcd", "a refused extend takes nothing");
    rx.consume(1);
    assert_eq!((rx.room(), rx.extend(b"e")), (1, Ok(())));
    assert_eq!(rx.unread(), b"bcde");
}

#[test]
fn knows_how_the_stream_ended() {
    let mut rx = RecvBuf::with_limit(4);
    assert!(!rx.is_eof() && !rx.is_cut_off());
    rx.set_eof();
    assert!(rx.is_eof() && !rx.is_cut_off());
    rx.set_cut_off();
    assert!(rx.is_eof() && rx.is_cut_off());
    let mut rx = RecvBuf::with_limit(4);
    rx.set_reset();
    assert!(rx.is_eof());
}

#[test]
fn a_limit_that_changes_counts_from_then_on() {
    let mut rx = RecvBuf::with_limit(4);
    rx.extend(b"abcd").unwrap();
    rx.set_limit(6);
    assert_eq!((rx.room(), rx.extend(b"ef")), (2, Ok(())));
    rx.set_limit(1);
    assert_eq!((rx.room(), rx.extend(b"")), (0, Ok(())));
    assert_eq!(rx.extend(b"g"), Err(BufferFull { limit: 1 }));
    assert_eq!(rx.unread(), b"abcdef");
}

/// `{:?}` of `RecvBuf` prints no secret as decimal octets.
#[test]
fn debug_shows_no_octets() {
    let mut rx = RecvBuf::with_limit(99);
    rx.extend(b"hunter2").unwrap();
    let taken = rx.take(3);
    assert_eq!(
        format!("{rx:?} {taken:?}"),
        "RecvBuf { unread: [4 octets], limit: 99, end: Open, .. } [3 octets]"
    );
}

#[test]
fn takes_small_and_large_pieces_in_order() {
    for (lead, size, rest) in [(0, 10, 5), (3, 5000, 7), (0, 5000, 0), (2, 5000, 9000), (1, 4096, 4096)] {
        let mut rx = RecvBuf::with_limit(1 << 20);
        let body: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
        rx.extend(&vec![b'l'; lead]).unwrap();
        rx.extend(&body).unwrap();
        rx.extend(&vec![b'r'; rest]).unwrap();
        rx.consume(lead);
        let taken = rx.take(size);
        assert_eq!(&*taken, body.as_slice(), "{lead} {size} {rest}");
        assert_eq!(rx.unread(), vec![b'r'; rest], "{lead} {size} {rest}");
        assert_eq!(&*taken.clone().part(2..5), &body[2..5]);
        assert_eq!(taken.clone().part(2..usize::MAX).into_vec(), &body[2..], "shared");
        assert_eq!(taken.part(2..usize::MAX).into_vec(), &body[2..], "alone");
    }
}

#[test]
fn what_was_taken_stays_the_same_while_more_arrives() {
    let stream: Vec<u8> = (0..40_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for (piece, line, kept_every) in [(1, 3, 1), (7, 10, 2), (1000, 10, 3), (1000, 999, 1), (16_384, 450, 5)]
    {
        let mut rx = RecvBuf::with_limit(1 << 20);
        let (mut kept, mut at) = (Vec::new(), 0);
        for bytes in stream.chunks(piece) {
            rx.extend(bytes).unwrap();
            while rx.unread().len() >= line {
                let taken = rx.take(line);
                assert_eq!(*taken, stream[at..at + line]);
                if (at / line) % kept_every == 0 {
                    kept.push((at, taken));
                }
                at += line;
            }
        }
        assert_eq!(rx.unread(), &stream[at..]);
        for (at, taken) in kept {
            assert_eq!(*taken, stream[at..at + line], "{piece} {line} {kept_every}");
            assert_eq!(*taken.settle(), stream[at..at + line], "{piece} {line} {kept_every}");
        }
    }
}

#[test]
fn what_is_announced_gets_its_room_at_once() {
    for shared in [false, true] {
        let mut rx = RecvBuf::with_limit(2000);
        rx.extend(b"line\nrest").unwrap();
        let kept = rx.take(5);
        let _kept = if shared { Some(kept) } else { None };
        rx.reserve(1000);
        let (at, room) = (rx.unread().as_ptr(), rx.bytes.capacity());
        assert!((1004..1100).contains(&room), "{room}");
        for _ in 0..100 {
            rx.extend(&[b'x'; 10]).unwrap();
        }
        assert_eq!((rx.unread().as_ptr(), rx.bytes.capacity()), (at, room));
        assert_eq!(rx.unread(), [b"rest", &*vec![b'x'; 1000]].concat());
        rx.reserve(usize::MAX);
        assert!(rx.bytes.capacity() <= 2000 + 10);
    }
}

#[test]
fn memory_that_nobody_keeps_is_used_again() {
    let mut rx = RecvBuf::with_limit(1 << 20);
    rx.extend(&[b'x'; 1000]).unwrap();
    let first = rx.unread().as_ptr();
    for _ in 0..10 {
        for _ in 0..10 {
            assert_eq!(rx.take(100).len(), 100);
        }
        rx.extend(&[b'x'; 1000]).unwrap();
        assert_eq!(rx.unread().as_ptr(), first);
    }
}

#[test]
fn a_rest_that_is_always_left_lets_nothing_grow() {
    let mut rx = RecvBuf::with_limit(1000);
    rx.extend(b"rest").unwrap();
    for _ in 0..100 {
        rx.extend(&[b'x'; 100]).unwrap();
        rx.consume(50);
        assert_eq!(rx.take(50).len(), 50);
    }
    assert!(rx.bytes.capacity() <= 1000, "{}", rx.bytes.capacity());
}

#[test]
fn what_settles_keeps_no_more_than_twice_itself() {
    let mut rx = RecvBuf::with_limit(1 << 20);
    rx.extend(&[b'x'; 3000]).unwrap();
    let (small, large) = (rx.take(1000), rx.take(1900));
    let (small_at, large_at) = (small.as_ptr(), large.as_ptr());
    assert_ne!(small.settle().as_ptr(), small_at);
    assert_eq!(large.settle().as_ptr(), large_at);
}

#[test]
fn much_memory_is_let_go_with_the_last_octets() {
    let mut rx = RecvBuf::with_limit(1 << 20);
    rx.extend(&vec![b'x'; 4 * KEPT]).unwrap();
    rx.consume(4 * KEPT - 10);
    let last = rx.take(10);
    assert_eq!((last.len(), rx.bytes.capacity()), (10, 0));
    rx.extend(&vec![b'x'; 4 * KEPT]).unwrap();
    rx.consume(4 * KEPT);
    assert_eq!(rx.bytes.capacity(), 65_536);
}

#[test]
fn a_piece_takes_the_memory_along_where_little_is_left_behind() {
    for (held, count, goes) in [
        (1000, 900, false),
        (1000, 1000, false),
        (4096 + 100, 4096, true),
        (4095 + 100, 4095, false),
        (8192, 4096, true),
        (8193, 4096, false),
        (KEPT, 10, false),
        (4 * KEPT, 10, false),
    ] {
        let mut rx = RecvBuf::with_limit(1 << 20);
        rx.extend(&vec![b'x'; held]).unwrap();
        let taken = rx.take(count);
        assert_eq!(!Shared::ptr_eq(&taken.bytes, &rx.bytes), goes, "{count} of {held}");
        assert_eq!(rx.unread().len(), held - count);
    }
    // The last octets: what is over the memory that is kept goes with them.
    for (held, left, goes) in [(KEPT, 0, false), (KEPT + 1, 0, true), (2 * KEPT, 5, false)] {
        let mut rx = RecvBuf::with_limit(1 << 20);
        rx.extend(&vec![b'x'; held]).unwrap();
        rx.consume(held - 10 - left);
        let taken = rx.take(10);
        assert_eq!(!Shared::ptr_eq(&taken.bytes, &rx.bytes), goes, "{left} left of {held}");
    }
}

#[test]
fn nothing_moves_while_there_is_room() {
    let mut rx = RecvBuf::with_limit(1 << 20);
    rx.extend(&[b'x'; 1000]).unwrap();
    rx.consume(1000);
    rx.extend(b"0123456789").unwrap();
    rx.consume(5);
    let at = rx.unread().as_ptr();
    rx.extend(&[b'y'; 100]).unwrap();
    assert_eq!(rx.unread().as_ptr(), at);
    rx.extend(&[b'y'; 890]).unwrap();
    assert_eq!(rx.unread().as_ptr(), at, "exactly full");
    rx.extend(b"z").unwrap();
    assert_ne!(rx.unread().as_ptr(), at);
    assert_eq!(rx.unread().len(), 996);
}

#[test]
fn says_what_the_limit_was() {
    assert_eq!(BufferFull { limit: 4 }.to_string(), "more than 4 octets unread");
}

#[test]
fn a_body_leaves_without_a_copy() {
    let mut rx = RecvBuf::with_limit(1 << 20);
    rx.extend(&vec![b'x'; 100_000]).unwrap();
    let held = rx.unread().as_ptr();
    let body = rx.take(99_990).part(10..99_990);
    assert_eq!(body.as_ptr(), held.wrapping_add(10));
}

#[test]
fn a_buffer_that_waits_holds_no_memory_but_for_what_is_in_it() {
    let mut rx = RecvBuf::with_limit(1 << 20);
    rx.extend(b"half a line").unwrap();
    rx.release_idle();
    assert_eq!(rx.unread(), b"half a line");
    let taken = rx.take(4);
    rx.consume(7);
    rx.release_idle();
    assert_eq!((&*taken, rx.unread()), (&b"half"[..], &b""[..]));
    drop(taken);
    rx.release_idle();
    assert_eq!(rx.bytes.capacity(), 0);
    rx.extend(b"and on").unwrap();
    assert_eq!(rx.unread(), b"and on");
}

#[test]
fn a_trace_shows_lines_and_hides_secrets_and_bodies() {
    let mut rx = RecvBuf::with_limit(1000);
    rx.start_trace(None);
    rx.extend(b"+OK \x1b[2J\r\ntoken: s3cret\r\nBODY {9}\r\nten octets)\r\n").unwrap();
    rx.consume(10);
    rx.consume(7);
    rx.consume_secret(6);
    rx.consume(2);
    rx.consume(10);
    rx.consume_bulk(4);
    rx.consume_bulk(6);
    rx.consume(3);
    rx.extend(b"A {3}\r\nxyz)\r\n").unwrap();
    assert_eq!(rx.take_message(13, slice::from_ref(&(7..10))).len(), 13);
    rx.extend(b"B\r\n").unwrap();
    rx.consume(3);
    let lines: Vec<String> = rx.take_trace().into_iter().map(|line| line.text).collect();
    assert_eq!(
        lines,
        ["+OK \\x1b[2J", "token: [redacted]", "BODY {9}", "[10 octets])", "A {3}", "[3 octets])", "B"]
    );
}

/// What a peer repeats is hidden in the text of a line and in what it is made from; the first who hides counts.
#[test]
fn a_trace_of_what_a_peer_repeats_is_redacted() {
    let mut rx = RecvBuf::with_limit(1000);
    rx.start_trace(None);
    rx.redact_trace(|| |text: &str| text.replace("s3cret", "[mine]"));
    rx.redact_trace(|| |text: &str| text.replace("s3cret", "[other]"));
    rx.extend(b"no s3cret\r\n\xff s3cret \r\n").unwrap();
    rx.consume(rx.unread().len());
    rx.set_reset();
    let lines = rx.take_trace();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts[0], "no [mine]");
    assert!(texts[1].ends_with(" [mine] "), "{texts:?}");
    assert_eq!(texts.last(), Some(&"[reset]"));
    assert!(lines.iter().all(|line| line.parts.iter().all(|part| match part {
        crate::TracePart::Text(text) => !text.windows(6).any(|six| six == b"s3cret"),
        _ => true,
    })));
    // What has nothing to hide stays as it is, octet by octet.
    let line = lines[0].redacted(|text| text.into());
    assert_eq!((&line.text, &line.parts), (&lines[0].text, &lines[0].parts));
    let hidden = lines[0].redacted(|text| text.replace("no", "yes"));
    assert!(hidden.text.starts_with("yes"));
    assert!(matches!(&hidden.parts[..], [crate::TracePart::Text(text), ..] if text.starts_with(b"yes")));
}

#[test]
fn a_trace_shows_what_stands_between_bodies_and_behind_them() {
    let mut rx = RecvBuf::with_limit(1000);
    rx.start_trace(None);
    rx.extend(b"A {3}\r\nabc B {2}\r\n\r\n C {0}\r\n)\r\n").unwrap();
    let all = rx.unread().len();
    assert_eq!(rx.take_message(all, &[7..10, 18..20, 28..28]).len(), all);
    let lines: Vec<String> = rx.take_trace().into_iter().map(|line| line.text).collect();
    assert_eq!(lines, ["A {3}", "[3 octets] B {2}", "[2 octets]", " C {0}", ")"]);
}

#[test]
fn a_trace_shows_a_body_in_pieces_as_one() {
    let mut rx = RecvBuf::with_limit(1000);
    let texts = |rx: &mut RecvBuf| rx.take_trace().into_iter().map(|line| line.text).collect::<Vec<_>>();
    rx.start_trace(None);
    rx.extend(b"A {6}\r\nabc\nde)\r\nB {9}\r\nabc").unwrap();
    rx.consume(7);
    for _ in 0..3 {
        assert_eq!(rx.take_message(2, slice::from_ref(&(0..2))).len(), 2);
    }
    assert_eq!(texts(&mut rx), ["A {6}"]);
    rx.consume(10);
    assert_eq!(texts(&mut rx), ["[6 octets])", "B {9}"]);
    // One that is cut off is told as far as it came.
    assert_eq!(rx.take_message(3, slice::from_ref(&(0..3))).len(), 3);
    rx.set_eof();
    assert_eq!(texts(&mut rx), ["[3 octets][closed]"]);
}

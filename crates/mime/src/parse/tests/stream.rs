use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// A line is held up to a length. Its end may be cut there, and belongs to a boundary all the same.
#[test]
fn the_end_of_a_long_line_may_be_cut() {
    let limits = Limits::default();
    for long in 990..1_020 {
        let line = "x".repeat(long);
        let raw =
            alloc::format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{line}\r\n--b--\r\n");
        let message = Message::parse(raw.as_bytes());
        for size in [1, 2, 7, raw.len() - "\n--b--\r\n".len()] {
            assert_eq!(streamed(raw.as_bytes(), size, &limits), whole(&message), "{long} by {size}");
        }
    }
}

/// White space before the first field is none of it, as far as a line is looked at.
#[test]
fn the_first_field_may_stand_behind_white_space() {
    for (blank, subject) in
        [(0, Some("x")), (991, Some("x")), (992, Some("x")), (993, None), (1_003, None), (2_000, None)]
    {
        let raw = [" ".repeat(blank).as_str(), "Subject:x\r\n\r\nbody"].concat();
        let message = Message::parse(raw.as_bytes());
        assert_eq!(message.subject().as_deref(), subject, "{blank}");
        for size in [1, 7, 1_000, 1_004, 5_000] {
            assert_eq!(
                streamed(raw.as_bytes(), size, &Limits::default()),
                whole(&message),
                "{blank} by {size}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_stream_tells_the_same(
        lines in prop::collection::vec(
            prop_oneof![
                Just("--b"), Just("--b--"), Just("--c"), Just("--c--"), Just(""), Just("text"), Just("\r"),
                Just("Content-Type: multipart/mixed; boundary=b"), Just("Content-Type: multipart/digest; boundary=c"),
                Just("Content-Type: message/rfc822"), Just("Subject: x"), Just(" folded"), Just("From x"), Just("--"),
                Just("Content-Transfer-Encoding: base64"), Just("\u{FEFF}"),
            ],
            0..30,
        ),
        long in 0usize..3_000,
        end in prop_oneof![Just("\n"), Just("\r"), Just("\r\n"), Just("\r\r\n")],
        size in 1usize..40,
    ) {
        let mut raw = lines.join(end);
        raw.push_str(&"x".repeat(long));
        raw.push_str("\r\n--b\r\n\r\nend");
        let limits = Limits { parts: 20, depth: 5, ..Limits::default() };
        let message = Message::parse_with(raw.as_bytes(), &limits);
        prop_assert_eq!(streamed(raw.as_bytes(), size, &limits), whole(&message));
        let _ = (message.text_body(), message.html_body(), message.attachments());
    }

    #[test]
    fn never_panics(bytes in any::<Vec<u8>>()) {
        let message = Message::parse(&bytes);
        let _ = (message.subject(), message.from(), message.date(), message.text_body().map(Part::text).count());
    }
}

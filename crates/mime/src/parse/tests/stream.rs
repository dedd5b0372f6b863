use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

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
        size in 1usize..40,
    ) {
        let mut raw = lines.join("\n");
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

//! Decoding never panics, never makes more text than its documentation allows, and does not mind cuts.

use mailbearer_mime::{
    DateTime, Headers, Limits,
    decode::{self, ContentType, Disposition, TransferEncoding, date_time},
};

use crate::pieces::{knobs, pieces};

/// `data` is how to cut, and a message, a header value or a body.
pub fn run(data: &[u8]) {
    let ([cut], input) = knobs(data);
    if let Ok(headers) = Headers::parse(input) {
        let mut rest = input.len();
        for header in headers.iter() {
            assert!(!header.name().is_empty() && header.raw().len() < rest);
            rest -= header.raw().len();
            assert!(
                !header.value().iter().any(|octet| matches!(octet, b'\r' | b'\n'))
                    || header.raw().contains(&b'\r')
                    || header.raw().contains(&b'\n')
            );
            short(&header.text(), header.raw());
            assert!(headers.get(header.name()).is_some());
        }
        assert!(input.ends_with(headers.body()));
    }
    short(&decode::unstructured(input), input);
    for address in decode::address_list(input) {
        drop(format!("{address:?}"));
    }
    if let Ok(time) = date_time(input) {
        let shown = time.to_string();
        assert_eq!(date_time(shown.as_bytes()), Ok(time), "{shown}");
        assert_eq!(DateTime::new(time.unix_seconds(), time.offset_minutes()), Ok(time));
    }
    let limits = Limits::default();
    let kind = ContentType::parse_with(input, &limits);
    drop(format!("{kind:?} {:?}", kind.charset()));
    let disposition = Disposition::parse_with(input, &limits);
    drop(format!("{disposition:?} {:?}", disposition.file_name()));
    short(&decode::guess(input), input);
    for charset in
        ["utf-8", "us-ascii", "iso-2022-jp", "gb18030", "utf-16", "utf-7", "hz", "iso-2022-kr", "cp850"]
    {
        if let Some(text) = decode::text(input, charset) {
            short(&text, input);
        }
    }
    bodies(input, cut);
}

fn short(text: &str, input: &[u8]) {
    assert!(text.len() <= input.len().saturating_mul(4) + 4, "{} octets became {}", input.len(), text.len());
}

/// A body that comes in pieces is decoded as it would be whole.
fn bodies(input: &[u8], cut: u8) {
    for encoding in ["base64", "quoted-printable", "x-uuencode", "7bit", "x-other"] {
        let encoding = TransferEncoding::parse(encoding.as_bytes());
        let (mut decoder, mut out) = (encoding.decoder(), Vec::new());
        for piece in pieces(input, cut) {
            decoder.decode(piece, &mut out);
        }
        decoder.finish(&mut out);
        assert_eq!(out, encoding.decode(input).as_ref(), "{encoding:?}");
        // A line of uuencode says how long it is, at most 63 octets, and zeros may have been cut from it.
        assert!(out.len() <= input.len().saturating_mul(64));
    }
}

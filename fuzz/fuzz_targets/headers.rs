//! Decoding never panics and never makes more text than its documentation allows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mailbearer_mime::{DateTime, Headers, decode};

fuzz_target!(|input: &[u8]| {
    if let Ok(headers) = Headers::parse(input) {
        for header in headers.iter() {
            let _ = header.text();
        }
    }
    let text = decode::unstructured(input);
    assert!(text.len() <= input.len().saturating_mul(4), "{} octets became {}", input.len(), text.len());
    let _ = decode::address_list(input);
    let _ = DateTime::parse(input);
    let _ = decode::ContentType::parse(input);
});

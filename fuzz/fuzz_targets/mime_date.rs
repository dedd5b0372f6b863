#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailbearer_fuzz::mime_date::run(data));

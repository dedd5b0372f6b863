#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailbearer_fuzz::smtp_server::run(data));

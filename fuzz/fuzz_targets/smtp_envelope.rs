#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailbearer_fuzz::smtp_envelope::run(data));

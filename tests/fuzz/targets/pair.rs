//! Two sessions over a link that does arbitrary damage.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tinyferry_fuzz::pair(data));

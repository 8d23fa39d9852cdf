//! Chunks in any order and any split.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tinyferry_fuzz::order(data));

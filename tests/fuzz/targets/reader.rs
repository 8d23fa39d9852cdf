//! Arbitrary bytes as signals, headers, descriptions and paths.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tinyferry_fuzz::reader(data));

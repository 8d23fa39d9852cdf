//! A receiver and a sender of `tinyferry-tiny` against arbitrary bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tinyferry_fuzz::tiny(data));

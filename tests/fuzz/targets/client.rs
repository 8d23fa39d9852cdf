//! A client against arbitrary bytes, an arbitrary driver and an arbitrary store.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tinyferry_fuzz::client(data));

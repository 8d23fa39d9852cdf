//! A board with the sender of `tinyferry-tiny`.

use std::fs;

use tempfile::TempDir;

use crate::{LOG, over_a_pty, over_noise, over_tcp, tinyferry, well};

/// The log, whose size is not known, and the program, twice each; requests that are refused.
fn files_are_sent(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    well(url, here, &["ping", "-v"]);
    let log: String = (0..1000).map(|line| format!("tick {line:05}: 21C\n")).collect();
    let mut programs = Vec::new();
    for into in ["one", "two"] {
        well(url, here, &["get", "log.txt", "--into", into]);
        let text = fs::read_to_string(here.join(into).join("log.txt")).expect("it came");
        assert!(text == log, "{url}: {} bytes", text.len());
        well(url, here, &["get", "program.bin", "--into", into]);
        programs.push(fs::read(here.join(into).join("program.bin")).expect("it came"));
    }
    let program = &programs[0];
    assert!(program.len() == 16 << 10 && *program == programs[1], "{url}");
    // It begins with the end of the RAM, and has the text of the log's lines.
    assert_eq!(program[..4], 0x2000_4000_u32.to_le_bytes(), "{url}");
    assert!(program.windows(16).any(|bytes| bytes == b"tick 00000: 21C\n"), "{url}");
    let (code, said) = tinyferry(url, here, &["get", "other"]);
    assert!(code == Some(6) && said.contains("no file of that name"), "{url}: {code:?} {said}");
    let (code, said) = tinyferry(url, here, &["get", "--follow", "log.txt"]);
    assert!(code == Some(6) && said.contains("cannot be followed"), "{url}: {code:?} {said}");
    fs::write(here.join("file"), "x").expect("a file");
    let (code, said) = tinyferry(url, here, &["put", "file"]);
    assert!(code == Some(6) && said.contains("takes no files"), "{url}: {code:?} {said}");
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_cortex_m0_sends_its_log_and_its_program() {
    let (_place, image) = LOG.build();
    over_tcp(&LOG, &image, files_are_sent);
    over_a_pty(&LOG, &image, files_are_sent);
    over_noise(&LOG, &image, files_are_sent);
}

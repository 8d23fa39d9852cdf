//! The logs of boards by `defmt`.

use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::microbit::images_go_there_and_back;
use crate::{Board, MICROBIT, MPS2, card, console, on_a_socket};

/// The frames of `defmt` that a firmware sends over semihosting, and its image in a directory.
fn frames_of(board: &Board, work: fn(&str)) -> (TempDir, PathBuf, Vec<u8>) {
    let (place, image) = board.build();
    let semihosting = ["-semihosting-config", "enable=on,target=native"];
    let mut running = on_a_socket(board, &image, &semihosting, work);
    let mut output = running.0.stdout.take().expect("it is piped");
    drop(running);
    let mut frames = Vec::new();
    output.read_to_end(&mut frames).expect("it can be read");
    (place, image, frames)
}

/// The frames as `defmt-print` shows them.
fn decoded(image: &Path, frames: &[u8]) -> String {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(frames).and_then(|()| file.rewind()).expect("it can be written");
    let shown = Command::new("defmt-print").arg("-e").arg(image).stdin(file).output();
    let shown = shown.expect("`cargo install --locked defmt-print` was done");
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

/// The log of a firmware with `defmt` over semihosting, as `defmt-print` shows it.
fn log_of(board: &Board, work: fn(&str)) -> String {
    let (_place, image, frames) = frames_of(board, work);
    decoded(&image, &frames)
}

#[test]
#[ignore = "needs qemu-system-arm, a compiler for Cortex-M and defmt-print"]
fn a_log_of_defmt_survives_between_the_frames_of_a_line() {
    let board = Board { features: "defmt,send", ..MICROBIT };
    let (_place, image, frames) = frames_of(&board, images_go_there_and_back);
    let written = console::written_while_a_file_moves(frames.clone());
    assert!(written == frames, "{} bytes of {}", written.len(), frames.len());
    let log = decoded(&image, &written);
    println!("{} bytes, {} lines of defmt", written.len(), log.lines().count());
    assert!(
        log.contains("sends Signal { code: Pon, transfer: 0") && log.lines().count() > 20,
        "{log}"
    );
}

#[test]
#[ignore = "needs qemu-system-arm, a compiler for Cortex-M and defmt-print"]
fn the_log_of_a_board_says_states_signals_and_reasons() {
    let log = log_of(&Board { features: "defmt,send", ..MICROBIT }, images_go_there_and_back);
    for said in [
        "Connected",
        "sends Signal { code: Pon, transfer: 0",
        "sends Signal { code: Don, transfer: 1",
        "path: \"app.bin\", kind: File, size: Some(20001)",
        "in place: Ok(())",
        "asked for \"other.bin\": Err(there is no file of that name)",
        "Err(it is larger than is allowed there, or its tree has too many entries)",
    ] {
        assert!(log.contains(said), "nothing says {said} in\n{log}");
    }
    let log = log_of(&Board { features: "defmt", ..MPS2 }, card::trees_go_there_and_back);
    for said in ["Connected", "kind: Tree", "kind: Directory", "in place: Ok(())"] {
        assert!(log.contains(said), "nothing says {said} in\n{log}");
    }
}

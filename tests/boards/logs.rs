//! The logs of boards by `defmt`.

use std::process::Command;

use crate::microbit::images_go_there_and_back;
use crate::{Board, MICROBIT, MPS2, card, on_a_socket};

/// The log of a firmware with `defmt` over semihosting, as `defmt-print` shows it.
fn log_of(board: &Board, work: fn(&str)) -> String {
    let (_place, image) = board.build();
    let semihosting = ["-semihosting-config", "enable=on,target=native"];
    let mut running = on_a_socket(board, &image, &semihosting, work);
    let frames = running.0.stdout.take().expect("it is piped");
    drop(running);
    let shown = Command::new("defmt-print").arg("-e").arg(&image).stdin(frames).output();
    let shown = shown.expect("`cargo install --locked defmt-print` was done");
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

#[test]
#[ignore = "needs qemu-system-arm, a compiler for Cortex-M and defmt-print"]
fn the_log_of_a_board_says_states_signals_and_reasons() {
    let log = log_of(&Board { features: "defmt,send", ..MICROBIT }, images_go_there_and_back);
    for said in [
        "connected: AwaitRequest",
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
    for said in ["connected: AwaitRequest", "kind: Tree", "kind: Directory", "in place: Ok(())"] {
        assert!(log.contains(said), "nothing says {said} in\n{log}");
    }
}

//! A board that boots when its port is opened: its boot messages come at another speed, and only then does
//! it answer.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server, command, content};
use crate::requirements::runs_long_tests;
use crate::serial::{CLEAN, ended, lay, urls};

/// The bytes that a board prints while it boots.
const BOOT_TEXT: usize = 800;

/// A client with default options whose board prints for `boot` before it serves; the client succeeds.
fn handshake_outlives(boot: Duration) {
    let place = Place::new();
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let begin = Instant::now();
    let ping = command(&url, &place.here(""), &["ping"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut board = OpenOptions::new().write(true).open(cable.ports()[1]).expect("the port");
    // The bytes of a text at another speed: any bytes. The line is never idle for long.
    for (number, byte) in (0..).zip(content(BOOT_TEXT, 5)) {
        board.write_all(&[byte]).expect("the line takes it");
        let next = boot * (number + 1) / BOOT_TEXT as u32;
        thread::sleep(next.saturating_sub(begin.elapsed()));
    }
    assert!(begin.elapsed() >= boot, "the board did not boot for {} s", boot.as_secs_f32());
    drop(board);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let ended = ended(ping).well();
    assert!(ended.stdout.contains("answers in"), "{}", ended.stdout);
    println!(
        "answered after {:.1} s of a boot of {} s",
        begin.elapsed().as_secs_f32(),
        boot.as_secs()
    );
}

#[test]
fn the_handshake_outlives_a_boot() {
    handshake_outlives(Duration::from_millis(1500));
}

#[test]
fn long_the_handshake_outlives_a_boot_of_10_seconds() {
    if runs_long_tests() {
        handshake_outlives(Duration::from_secs(10));
    }
}

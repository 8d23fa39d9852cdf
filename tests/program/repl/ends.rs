//! How a client leaves a board: Ctrl-C, a kill, a soft reset.

use std::fs;
use std::time::Duration;

use super::board::{Board, Options};
use crate::harness::{Place, client, command, content, ended_within, send_signal, wait_until};

const NAMES: &str = "print(sorted(name for name in dir() if name[0] != '_'))";

/// Ctrl-C gives the board its prompt and its names back. After a kill the next client ends the server of the killed one.
/// The next put continues.
fn is_interrupted_and_killed(options: Options, settings: &str, size: usize) {
    let place = Place::on_disk();
    let Some(board) = Board::start(&place, options) else { return };
    fs::write(place.here("file"), content(size, 1)).expect("a file");
    let names = board.ask(NAMES);
    for signal in ["INT", "KILL"] {
        let mut running = command(&board.url(settings), &place.here(""), &["put", "file"])
            .spawn()
            .expect("the program starts");
        let partial = place.served(".tinyferry-part");
        let size_of_partial = || fs::metadata(&partial).map_or(0, |found| found.len());
        let begin = size_of_partial();
        wait_until("the board has content", || {
            size_of_partial() > begin + (size as u64 / 40).max(66_000)
        });
        send_signal(running.id(), signal);
        ended_within(&mut running, Duration::from_secs(20)).expect("it ends");
        if signal == "INT" {
            assert_eq!(board.ask("print(6 * 7)"), "42");
            assert_eq!(board.ask(NAMES), names);
        }
    }
    let told = client(&board.url(settings), &place.here(""), &["put", "file"]).well();
    assert!(told.stdout.contains("resumed") || told.stdout.contains("already"), "{}", told.stdout);
    assert_eq!(fs::read(place.served("file")).ok(), fs::read(place.here("file")).ok());
    assert_eq!(board.ask(NAMES), names);
}

#[test]
fn ctrl_c_gives_the_board_its_prompt_back_and_the_next_put_continues() {
    is_interrupted_and_killed(Options::default(), "", 8_000_000);
}

#[test]
fn ctrl_c_on_a_lossy_line_gives_the_board_its_prompt_back_and_the_next_put_continues() {
    let options = Options { noise: Some((1e-6, 1)), ..Options::default() };
    is_interrupted_and_killed(options, "&lossy=true", 2_000_000);
}

#[test]
fn ctrl_c_gives_a_board_with_circuitpython_its_prompt_back() {
    // It computes its checksums by itself, 100 kB in a second.
    let options = Options { is_circuit: true, ..Options::default() };
    is_interrupted_and_killed(options, "", 500_000);
}

#[test]
fn a_board_is_restarted_at_the_end_if_the_url_says_so() {
    let place = Place::on_disk();
    let program = place.here("main.py");
    let text = [
        "with open('boots', 'a') as file:",
        "    file.write('x')",
        "import time",
        "while 1:",
        "    print('runs')",
        "    time.sleep(0.01)",
        "",
    ];
    let text = text.join("\n");
    fs::write(&program, text).expect("a file");
    let options = Options { main: Some(program), ..Options::default() };
    let Some(board) = Board::start(&place, options) else { return };
    fs::write(place.here("file"), content(10_000, 1)).expect("a file");
    let boots = || fs::read(place.served("boots")).map_or(0, |text| text.len());
    wait_until("the program runs", || boots() == 1);
    client(&board.url(""), &place.here(""), &["put", "file"]).well();
    assert_eq!(boots(), 1);
    client(&board.url("&restart=true"), &place.here(""), &["put", "file"]).well();
    wait_until("the program runs again", || boots() == 2);
    client(&board.url(""), &place.here(""), &["ls"]).well();
}

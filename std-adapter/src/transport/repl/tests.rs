use std::collections::VecDeque;

mod board;

use self::board::{Board, Kind, Mode, USUAL};
use super::*;

/// The time of an answer of a board.
const MOMENT: Duration = Duration::from_micros(10);
/// The time between two parts of endless text.
const PAUSE: Duration = Duration::from_millis(100);
const READY_PLAIN: Ready = Ready { is_escaped: false };

/// The pieces of a script: 3, of which one is longer than a window.
fn script() -> Vec<Vec<u8>> {
    vec![b"a=1\n".to_vec(), b"b=2\n".repeat(100), b"print('tinyferry ready')\n".to_vec()]
}

/// Runs the entry; the board's output comes in parts of `part` bytes.
fn enter(board: &mut Board, part: usize) -> Result<Ready, Fault> {
    let mut entry = Entry::new(script(), READY);
    let mut line: VecDeque<u8> = VecDeque::new();
    for _ in 0..100_000 {
        match entry.step() {
            Step::Exchange(bytes, _) => {
                line.extend(board.take(&bytes));
                let count = part.min(line.len());
                let received: Vec<u8> = line.drain(..count).collect();
                entry.received(&received, MOMENT);
            }
            Step::Over(result) => return result,
        }
    }
    panic!("it does not end: {entry:?}");
}

#[test]
fn a_server_starts_however_the_answers_are_split() {
    let kinds = [
        USUAL,
        Kind { window: Some(128), ..USUAL },
        Kind { window: None, ..USUAL },
        Kind { window: None, refuses_paste: true, ..USUAL },
        Kind { stubborn: 3, ..USUAL },
        Kind { stubborn: 1200, ..USUAL },
    ];
    for kind in kinds {
        for part in (1..40).chain([1000]) {
            let mut board = Board::new(kind);
            assert_eq!(enter(&mut board, part), Ok(READY_PLAIN), "parts of {part}");
            assert_eq!(board.pieces, script());
        }
    }
}

/// Ctrl-C would end a command that has not set its terminal up.
#[test]
fn a_command_gets_bytes_only_behind_its_first_output_and_a_silence() {
    for answers in [&[&b"Terminal"[..], b" ready\r\n", b""][..], &[b""]] {
        let mut entry = Entry::new(script(), READY).listening();
        for answer in answers {
            assert!(matches!(entry.step(), Step::Exchange(bytes, _) if bytes.is_empty()));
            entry.received(answer, MOMENT);
        }
        assert!(matches!(entry.step(), Step::Exchange(bytes, _) if bytes.contains(&CTRL_C)));
    }
    let mut entry = Entry::new(script(), READY).listening();
    for _ in 0..100 {
        entry.received(&[b'x'; 1000], MOMENT);
    }
    assert!(matches!(entry.step(), Step::Exchange(bytes, _) if bytes.contains(&CTRL_C)));
}

#[test]
fn a_server_of_a_client_that_was_killed_ends_first() {
    for part in [1, 7, 1000] {
        let mut board = Board::new(USUAL);
        board.mode = Mode::Server;
        assert_eq!(enter(&mut board, part), Ok(READY_PLAIN));
        for mode in [Mode::Prompt, Mode::Raw, Mode::Server] {
            let mut board = Board::new(USUAL);
            (board.mode, board.line) = (mode, b"rest of a line".to_vec());
            assert_eq!(enter(&mut board, part), Ok(READY_PLAIN), "{mode:?}");
        }
    }
}

#[test]
fn a_piece_that_fails_is_an_error_with_its_last_line() {
    for piece in 0..3 {
        for window in [Some(32), None] {
            let mut board = Board::new(Kind { fails_at: Some(piece), window, ..USUAL });
            let fault = enter(&mut board, 5).expect_err("it fails");
            let told = fault.to_string();
            assert!(told.contains(r"MemoryError: no \u{1b} memory; restart the board"), "{told}");
            assert_eq!(board.pieces.len(), piece + 1);
        }
    }
}

#[test]
fn a_board_that_ends_a_paste_for_lack_of_memory_is_an_error() {
    for part in [1, 3, 1000] {
        for memory in (0..30).chain([390, 399]) {
            let mut board = Board::new(Kind { memory, ..USUAL });
            let fault = match enter(&mut board, part) {
                Err(fault) => fault.to_string(),
                Ok(_) => panic!("it has memory for {memory} bytes only"),
            };
            assert!(fault.contains("MemoryError: none; restart"), "{memory}: {fault}");
        }
    }
}

/// The answers of something that is no board. None takes the whole time.
fn hostile(answer: impl Fn(usize) -> Vec<u8>) -> Fault {
    let mut entry = Entry::new(script(), READY);
    let mut all = Duration::ZERO;
    for round in 0..100_000 {
        match entry.step() {
            Step::Exchange(_, most) => {
                let answer = answer(round);
                let time = if answer.is_empty() { most } else { most.min(PAUSE) };
                all += time;
                assert!(all < Duration::from_secs(60), "it takes long: {entry:?}");
                entry.received(&answer, time);
            }
            Step::Over(result) => return result.expect_err("there is no board"),
        }
        assert!(entry.input.len() < 4096, "it keeps {} bytes", entry.input.len());
    }
    panic!("it does not end: {entry:?}");
}

#[test]
fn other_ends_are_refused_in_bounded_time_and_memory() {
    let told = hostile(|_| Vec::new()).to_string();
    assert!(told.contains("no answer; is a board"), "{told}");
    let told = hostile(|_| b"login: \x1b[0m".repeat(40)).to_string();
    assert!(told.contains(r"login: \u{1b}[0m") && told.len() < 2000, "{told}");
    let raw = [b"\r\n", RAW_PROMPT].concat();
    // It answers everything as if it were asked for the raw REPL, and then not at all.
    let told = hostile(|round| if round < 50 { raw.clone() } else { Vec::new() }).to_string();
    assert!(told.contains("stopped answering"), "{told}");
    // Raw paste without room.
    let paste = |round| match round {
        0 => raw.clone(),
        1 => b"R\x01\x00\x00".to_vec(),
        2..5000 => b"\x01".to_vec(),
        _ => Vec::new(),
    };
    assert!(matches!(hostile(paste), Fault::Noise(_)));
    // The board ends the paste early, with an error.
    let early = |round| match round {
        0 => raw.clone(),
        1 => b"R\x01\x02\x00".to_vec(),
        2 => b"\x04".to_vec(),
        _ => b"\x04SyntaxError: invalid syntax\r\n\x04>".to_vec(),
    };
    assert!(hostile(early).to_string().contains("SyntaxError: invalid syntax"));
    // It only returns the received bytes.
    let mut entry = Entry::new(script(), READY);
    let told = loop {
        match entry.step() {
            Step::Exchange(bytes, time) => entry.received(&bytes, time),
            Step::Over(result) => break result.expect_err("there is no board"),
        }
    };
    assert_eq!(told, Fault::Echo);
    // Text without end, from the first byte on, and in each state.
    for begin in 0..6 {
        let answers: [&[u8]; 6] = [&raw, b"R\x01\x00\x02", b"\x01", b"\x04", b"text", b"\x04Error"];
        let told = hostile(|round| match answers.get(round).filter(|_| round < begin) {
            Some(answer) => answer.to_vec(),
            None => b"log line\r\n".to_vec(),
        });
        let told = told.to_string();
        assert!(told.contains("log line"), "{begin}: {told}");
    }
    // Each value of a byte.
    for byte in 0..=255 {
        let noise = vec![byte; 300];
        hostile(|round| if round < 200 { noise.clone() } else { Vec::new() });
    }
}

/// Runs the end.
fn leave(board: &mut Board, restarts: bool, part: usize, mut lost: usize) -> bool {
    let mut leaving = Leaving::new(restarts, false);
    let mut line: VecDeque<u8> = VecDeque::new();
    for _ in 0..10_000 {
        match leaving.step() {
            Step::Exchange(bytes, _) => {
                if !bytes.is_empty() && lost > 0 {
                    lost -= 1;
                } else {
                    line.extend(board.take(&bytes));
                }
                let count = part.min(line.len());
                leaving.received(&line.drain(..count).collect::<Vec<u8>>(), MOMENT);
            }
            Step::Over(is_there) => return is_there,
        }
    }
    panic!("it does not end: {leaving:?}");
}

#[test]
fn a_board_has_its_prompt_again_however_the_answers_are_split() {
    for part in (1..20).chain([1000]) {
        for mode in [Mode::Server, Mode::Raw, Mode::Prompt, Mode::Program] {
            for restarts in [false, true] {
                let mut board = Board::new(USUAL);
                board.mode = mode;
                assert!(leave(&mut board, restarts, part, 0), "{mode:?}, parts of {part}");
                assert_eq!((board.mode, board.restarts), (Mode::Prompt, restarts.into()));
            }
        }
    }
    for lost in 1..5 {
        let mut board = Board::new(USUAL);
        board.mode = Mode::Server;
        assert!(leave(&mut board, false, 3, lost), "{lost} lost");
    }
    assert!(!leave(&mut Board::new(USUAL), false, 3, 1000));
}

#[test]
fn a_board_that_prints_without_end_is_left_in_bounded_time() {
    for is_escaped in [false, true] {
        let mut leaving = Leaving::new(false, is_escaped);
        let mut all = Duration::ZERO;
        let is_there = loop {
            match leaving.step() {
                Step::Exchange(_, most) => {
                    all += most.min(PAUSE);
                    assert!(all < Duration::from_secs(20), "it takes long: {leaving:?}");
                    leaving.received(b"log line\r\n", most.min(PAUSE));
                }
                Step::Over(is_there) => break is_there,
            }
        };
        assert!(!is_there);
    }
}

#[test]
fn a_server_says_that_bytes_are_escaped() {
    let mut board = Board::new(Kind { escapes: true, ..USUAL });
    assert_eq!(enter(&mut board, 7), Ok(Ready { is_escaped: true }));
    let mut leaving = Leaving::new(false, true);
    assert!(matches!(leaving.step(), Step::Exchange(bytes, _) if bytes == [CTRL_C]));
}

#[test]
fn pieces_with_control_characters_are_for_raw_paste() {
    let pieces = vec![b"a=b'\x01\x02'\n".to_vec(), b"print('tinyferry ready')\n".to_vec()];
    for (kind, expected) in [
        (USUAL, None),
        (Kind { window: None, ..USUAL }, Some(Fault::NoPaste)),
        (Kind { window: None, refuses_paste: true, ..USUAL }, Some(Fault::NoPaste)),
    ] {
        let mut board = Board::new(kind);
        board.pieces.push(Vec::new());
        let mut entry = Entry::new(pieces.clone(), READY);
        let result = loop {
            match entry.step() {
                Step::Exchange(bytes, _) => entry.received(&board.take(&bytes), MOMENT),
                Step::Over(result) => break result,
            }
        };
        assert_eq!(result.err(), expected);
        assert_eq!(board.pieces.len() - 1, if expected.is_none() { 2 } else { 0 });
    }
}

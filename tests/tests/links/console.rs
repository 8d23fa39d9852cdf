//! Text between the frames of a lossy link: R98 of `PROTOCOL.md`.

use std::collections::VecDeque;

use tinyferry_core::{Config, Session, Standard, Task};
use tinyferry_kit::{Console, End, Faults, Memory, Pair, content, seeds, session_number};

const SECOND: u64 = 1_000_000_000;
const BAUD: u64 = 115_200;
const SIZE: usize = 100_000;

type Board = Pair<End<Memory, Console>, End<Memory, Standard>>;

/// A line of a log that is hard to tell from frames.
fn line(number: usize) -> Vec<u8> {
    let codes = ["CLS", "SAF", "RAF", "SAR", "RAR", "DON", "ERR", "PIN", "PON"];
    let (first, second) = (codes[number % 9], codes[number / 9 % 9]);
    format!("{first} {number:05} {second}: no disk, {first}{second}\r\n").into_bytes()
}

/// A client and a board that prints `rate` lines a second from the beginning on.
fn board(rate: u64, faults: Faults, seed: u64) -> Board {
    let store = || Memory::with([("f", content(SIZE, seed))]);
    let client = Session::client(session_number(seed as u32 + 1), Config::LOSSY);
    let server = Session::server(Config::LOSSY.recv_buffer::<4352>());
    let mut pair = Pair::of(End::of(client, store()), End::of(server, store())).serial(BAUD, seed);
    (pair.up.faults, pair.down.faults) = (faults, faults);
    pair.down.record = Some(Vec::new());
    let time = |number: u64| SECOND / rate * number;
    let lines = (0..120 * rate).map(|number| (time(number), line(number as usize)));
    pair.server.prints = lines.collect::<VecDeque<_>>();
    pair
}

/// Puts or gets the file; the seconds that took.
fn transfer(pair: &mut Board, puts: bool, what: &str) -> f64 {
    let begin = pair.now;
    let (task, from, to) = if puts {
        pair.server.store.files.clear();
        pair.client.store.queue_file("f");
        (Task::Put, &pair.client.store, &pair.server.store)
    } else {
        pair.client.store.files.clear();
        (Task::get_file("f"), &pair.server.store, &pair.client.store)
    };
    let _ = (from, to);
    let outcome = pair.run(task).expect("it ends");
    assert!(outcome.is_ok(), "{what}: {outcome:?}");
    assert_eq!(pair.client.store.files, pair.server.store.files, "{what}");
    (pair.now - begin) as f64 / SECOND as f64
}

/// The lines that were sent, each with whether a fault may have damaged it: one that has hit it, or the frames
/// between it and the line before it.
fn sent(pair: &Board) -> Vec<(Vec<u8>, bool)> {
    let record = pair.down.record.as_deref().expect("it is recorded");
    let mut end = 0;
    let mut hits = pair.down.hits.iter().peekable();
    let mut lines = Vec::new();
    for number in 0.. {
        let line = line(number);
        let Some(at) = record[end..].windows(line.len()).position(|part| part == line) else {
            return lines;
        };
        end += at + line.len();
        let mut is_hit = false;
        while hits.next_if(|hit| **hit < end as u64).is_some() {
            is_hit = true;
        }
        lines.push((line, is_hit));
    }
    unreachable!("the record has an end")
}

/// Checks that all lines that no fault has hit have come, in order; the number of the others.
fn check_lines(pair: &Board, what: &str) -> (usize, usize) {
    let (mut rest, mut missing) = (pair.client.received.as_slice(), 0);
    let lines = sent(pair);
    for (line, is_hit) in &lines {
        match rest.windows(line.len()).position(|part| part == line) {
            Some(at) => rest = &rest[at + line.len()..],
            None if *is_hit => missing += 1,
            None => panic!(
                "{what}: {} is missing, behind it {}",
                line.escape_ascii(),
                rest[..rest.len().min(200)].escape_ascii()
            ),
        }
    }
    (lines.len(), missing)
}

/// R98.
#[test]
fn text_with_all_codes_arrives_byte_by_byte_while_files_move_both_ways() {
    for puts in [true, false] {
        let mut silent = board(1, Faults::default(), 1);
        silent.server.prints.clear();
        let without = transfer(&mut silent, puts, "without text");
        let mut pair = board(50, Faults::default(), 1);
        let with = transfer(&mut pair, puts, "with text");
        let lines: Vec<_> = sent(&pair).concat_lines();
        assert!(lines.len() > 10_000, "{} bytes of text", lines.len());
        // The last line may be on its way.
        assert!(lines.starts_with(&pair.client.received), "the text differs");
        assert!(lines.len() - pair.client.received.len() < 100);
        let rate = |seconds: f64| SIZE as f64 / seconds / 1024.0;
        println!(
            "{}: {:.2} KiB/s without text, {:.2} with {:.2} KiB/s of text",
            if puts { "put" } else { "get" },
            rate(without),
            rate(with),
            lines.len() as f64 / with / 1024.0
        );
        // The text takes its share of the line, and little more.
        assert!(with < without * if puts { 1.1 } else { 1.35 }, "{with} s, {without} s without");
    }
}

/// R98. As the frames of `defmt`, which have any bytes but zero, and end with a zero.
#[test]
fn text_that_no_person_reads_arrives_byte_by_byte() {
    for seed in 0..seeds(10) {
        let mut pair = board(50, Faults::default(), seed);
        let stream: Vec<u8> = content(200_000, seed + 100);
        let parts = stream.chunks(40).zip(0..);
        pair.server.prints =
            parts.map(|(part, number)| (SECOND / 50 * number, part.to_vec())).collect();
        for puts in [true, false] {
            transfer(&mut pair, puts, "with a stream");
        }
        assert!(pair.client.received.len() > 20_000);
        assert!(stream.starts_with(&pair.client.received), "seed {seed}");
    }
}

trait Concat {
    fn concat_lines(&self) -> Vec<u8>;
}

impl Concat for Vec<(Vec<u8>, bool)> {
    fn concat_lines(&self) -> Vec<u8> {
        self.iter().flat_map(|(line, _)| line.iter().copied()).collect()
    }
}

/// R69, R98.
#[test]
fn noise_damages_only_the_lines_that_it_hits() {
    for faults in [
        Faults { flip: 1e-5, ..Faults::default() },
        Faults { drop: 1e-4, ..Faults::default() },
        Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 },
    ] {
        for puts in [true, false] {
            let (mut lines, mut missing, mut seconds) = (0, 0, [0.0, 0.0]);
            for seed in 0..seeds(10) {
                let what = format!("{faults:?}, puts {puts}, seed {seed}");
                let mut silent = board(1, faults, seed);
                silent.server.prints.clear();
                seconds[0] += transfer(&mut silent, puts, &what);
                let mut pair = board(50, faults, seed);
                seconds[1] += transfer(&mut pair, puts, &what);
                let checked = check_lines(&pair, &what);
                lines += checked.0;
                missing += checked.1;
            }
            let what = format!("{faults:?}, puts {puts}");
            println!(
                "{what}: {lines} lines, {missing} damaged; {:.2} s without text, {:.2} with",
                seconds[0] / seeds(10) as f64,
                seconds[1] / seeds(10) as f64
            );
        }
    }
}

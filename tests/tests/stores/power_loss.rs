//! The power of the receiver goes after every byte that its store writes; then it starts again, and
//! the same is put once more in a new session.

use std::collections::BTreeMap;

use tinyferry_core::{Config, Task};
use tinyferry_kit::{Faults, File, Memory, Pair, content};

/// Small chunks and a small window, so that bytes sent in vain count.
const RELIABLE: Config = Config::RELIABLE.chunk(256).credit(4);
const LOSSY: Config = Config::LOSSY.chunk(256).credit(4);
const CHUNK: u64 = 256;
const CREDIT: u64 = 4;
/// How far past the position a chunk may end on a lossy link, and so where holes may be.
const REACH: u64 = 97 * 256;
/// The unit that a prefix is rounded down to.
const ROUNDING: u64 = 1024;

/// The part of the last writes that a disk has after a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    All,
    /// The end of the partial was never written.
    Shorter(usize),
    /// It has its length, but not its content.
    Blank(usize),
}

/// The file, its target, and the line.
struct Cut {
    config: Config,
    client: Memory,
    server: Memory,
    faults: Option<Faults>,
    left: Left,
}

/// The result of a cut.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Whether all was in place before the power went.
    was_done: bool,
    /// Bytes of content sent in the second session that had been written in the first.
    again: u64,
}

impl Cut {
    fn pair(&self, client: Memory, server: Memory, session: u32, seed: u64) -> Pair {
        let mut pair = Pair::new(self.config, client, server).numbered(session, self.config);
        if let Some(faults) = self.faults {
            pair = pair.serial(921_600, seed);
            (pair.up.faults, pair.down.faults) = (faults, faults);
        }
        pair.up.record = Some(Vec::new());
        pair
    }

    /// The power goes after so much was written.
    fn after(&self, written: u64) -> Cost {
        let seed = written.wrapping_add(1);
        let mut first = self.pair(self.client.clone(), self.server.clone(), 0xC0FF_EE01, seed);
        first.server.store.power = written;
        let outcome = first.run(Task::Put).expect("it ends");
        let was_done = outcome.is_ok_and(|outcome| outcome.refused == 0);
        let mut server = first.server.store;
        assert!(!was_done || self.is_new(&server), "after {written}");
        self.must_be_old_or_new(&server, written);
        server.reboot();
        for partial in server.partials.values_mut() {
            match self.left {
                Left::All => {}
                Left::Shorter(lost) => partial.truncate(partial.len().saturating_sub(lost)),
                Left::Blank(lost) => {
                    let from = partial.len().saturating_sub(lost);
                    partial[from..].fill(0);
                }
            }
        }
        let place = |server: &Memory| -> u64 {
            let missing = self
                .client
                .files
                .iter()
                .filter(|(path, file)| server.files.get(*path) != Some(*file));
            let prefix = |path: &str| server.partials.get(path).map_or(0, |partial| partial.len());
            missing.map(|(path, file)| file.bytes.len().saturating_sub(prefix(path)) as u64).sum()
        };
        let missing = place(&server);
        let mut second = self.pair(self.client.clone(), server, 0xC0FF_EE02, !seed);
        let outcome = second.run(Task::Put).expect("it ends");
        assert!(outcome.is_ok_and(|outcome| outcome.refused == 0), "after {written}: {outcome:?}");
        let server = second.server.store;
        assert!(self.is_new(&server), "after {written}");
        assert!(server.partials.is_empty(), "after {written}");
        let sent = content_sent(&second.up.record.unwrap_or_default());
        Cost { was_done, again: sent.saturating_sub(missing) }
    }

    fn is_new(&self, server: &Memory) -> bool {
        self.client.files.iter().all(|(path, file)| server.files.get(path) == Some(file))
            && self.client.directories.is_subset(&server.directories)
    }

    fn must_be_old_or_new(&self, server: &Memory, written: u64) {
        let (old, new) = (&self.server.files, &self.client.files);
        for (path, file) in &server.files {
            let is_known = old.get(path) == Some(file) || new.get(path) == Some(file);
            assert!(is_known, "after {written}: {path} is neither the old one nor the new one");
        }
        let kept = old.keys().all(|path| server.files.contains_key(path));
        assert!(kept, "after {written}: an old file is gone");
    }

    /// Cuts after every byte, or at larger intervals. Returns the largest number of bytes that were sent again.
    fn everywhere(&self, step: usize) -> u64 {
        let mut worst = 0;
        for written in (0..).step_by(step) {
            let cost = self.after(written);
            worst = worst.max(cost.again);
            if cost.was_done {
                break;
            }
        }
        worst
    }
}

/// Bytes of files in the output of a sender.
fn content_sent(mut bytes: &[u8]) -> u64 {
    let mut sent = 0;
    while !bytes.is_empty() {
        let length = match bytes {
            [0xFA, _, low, high, ..] => {
                let field = u16::from_le_bytes([*low, *high]);
                let length = usize::from(field & 0x7FF);
                sent += if field >> 15 == 0 { length as u64 } else { 0 };
                12 + length
            }
            _ => 36,
        };
        bytes = bytes.get(length..).unwrap_or_default();
    }
    sent
}

fn file(size: usize) -> (Memory, Memory) {
    let mut client = Memory::with([("f", content(size, 1))]);
    client.queue_file("f");
    (client, Memory::with([("f", content(1200, 2))]))
}

fn tree() -> (Memory, Memory) {
    let mut client = Memory::default();
    client.directories.insert("t/d".into());
    let files = [("t/a", 1100, 1), ("t/b", 0, 2), ("t/d/c", 1300, 3)];
    client.files = files
        .map(|(path, size, seed)| (path.to_owned(), File::new(content(size, seed))))
        .into_iter()
        .collect::<BTreeMap<_, _>>();
    client.queue_tree("t");
    (client, Memory::with([("t/a", content(700, 8)), ("t/b", content(10, 9))]))
}

/// About every fourth chunk of 256 bytes is hit.
const NOISE: Faults = Faults { flip: 0.0, drop: 5e-4, insert: 5e-4, double: 0.0, burst: 0.0 };

/// R58.
#[test]
fn a_file_survives_a_power_loss_at_every_byte() {
    for config in [RELIABLE, LOSSY] {
        // Nothing is lost on this line, so that a partial has no holes.
        let (client, server) = file(3000);
        let cut = Cut { config, client, server, faults: None, left: Left::All };
        let worst = cut.everywhere(1);
        println!("of a file at most {worst} bytes were sent again");
        assert!(worst <= CREDIT * CHUNK + ROUNDING, "{worst}");
    }
}

#[test]
fn a_file_over_noise_survives_a_power_loss_at_every_byte() {
    let (client, mut server) = file(1300);
    server.holes = REACH;
    let cut = Cut { config: LOSSY, client, server, faults: Some(NOISE), left: Left::All };
    cut.everywhere(1);
}

#[test]
fn a_tree_survives_a_power_loss_at_every_byte() {
    let (client, server) = tree();
    let cut = Cut { config: RELIABLE, client, server, faults: None, left: Left::All };
    let worst = cut.everywhere(1);
    println!("of a tree at most {worst} bytes were sent again");
    assert!(worst <= CREDIT * CHUNK + ROUNDING, "{worst}");
    let (client, mut server) = tree();
    server.holes = REACH;
    Cut { config: LOSSY, client, server, faults: Some(NOISE), left: Left::All }.everywhere(11);
}

#[test]
fn a_file_survives_the_loss_of_the_last_writes_of_a_disk() {
    for left in [Left::Shorter(700), Left::Blank(700), Left::Blank(5000)] {
        for config in [RELIABLE, LOSSY] {
            let (client, server) = file(5000);
            Cut { config, client, server, faults: None, left }.everywhere(37);
        }
    }
}

#[test]
fn a_long_file_over_noise_resumes_after_each_power_loss() {
    let (client, mut server) = file(120_000);
    server.holes = REACH;
    let config = Config::LOSSY.credit(128);
    let quiet = Cut { config, client, server, faults: Some(Faults::default()), left: Left::All };
    let worst = quiet.everywhere(7919);
    println!("on a lossy link at most {worst} bytes were sent again");
    assert!(worst <= REACH + ROUNDING, "{worst}");
    // The cost of noise is added: one in five chunks of 1024 bytes is hit, each costs its length
    // and its neighbours some.
    let noise = Faults { drop: 1e-4, insert: 1e-4, ..Faults::default() };
    let worst = Cut { faults: Some(noise), ..quiet }.everywhere(7919);
    println!("over noise at most {worst}");
    assert!(worst <= REACH + ROUNDING + 120_000 / 5 * 2, "{worst}");
}

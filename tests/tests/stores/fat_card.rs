//! The store on a FAT card: files, trees, refusals, and a power cut at every write.

#[path = "../../../examples/firmware/mps2/src/ram_card.rs"]
mod ram_card;

use std::cell::Cell;
use std::fmt;

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx};
pub(crate) use ram_card::{BLOCKS, Bytes, RamCard};
use tinyferry_core::error::Reason;
use tinyferry_core::{Config, Failure, Outcome, Store, Task};
use tinyferry_kit::{Faults, File, Memory, Pair, content};
use tinyferry_stores::card::Card;

/// A card whose power fails after this number of writes.
#[derive(Debug)]
pub(crate) struct Weak<'a> {
    pub(crate) card: RamCard<'a>,
    pub(crate) power: &'a Cell<u64>,
}

#[derive(Debug)]
pub(crate) struct NoPower;

impl fmt::Display for NoPower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no power")
    }
}

impl std::error::Error for NoPower {}

impl BlockDevice for Weak<'_> {
    type Error = NoPower;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), NoPower> {
        if self.power.get() == 0 {
            return Err(NoPower);
        }
        self.card.read(blocks, start).map_err(|_| NoPower)
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), NoPower> {
        let left = self.power.get().checked_sub(1).ok_or(NoPower)?;
        self.power.set(left);
        self.card.write(blocks, start).map_err(|_| NoPower)
    }

    fn num_blocks(&self) -> Result<BlockCount, NoPower> {
        self.card.num_blocks().map_err(|_| NoPower)
    }
}

pub(crate) fn formatted() -> Box<Bytes> {
    let mut bytes: Box<Bytes> = vec![0; BLOCKS * 512].try_into().expect("that many");
    RamCard::format(&mut bytes);
    bytes
}

/// One task against the card; its result, the client's store, and the writes it took.
pub(crate) fn run(
    bytes: &mut Bytes,
    config: Config,
    client: Memory,
    task: Task<'_>,
    (faults, power): (Faults, u64),
) -> (Result<Outcome, Failure>, Memory, u64) {
    let left = Cell::new(power);
    let card = Card::new(Weak { card: RamCard::new(bytes), power: &left });
    let mut pair = Pair::new(config, client, card);
    if config.lossy {
        pair = pair.serial(921_600, power);
        (pair.up.faults, pair.down.faults) = (faults, faults);
    }
    let result = pair.run(task).expect("it ends");
    drop(pair.server);
    (result, pair.client.store, power - left.get())
}

pub(crate) const QUIET: (Faults, u64) =
    (Faults { flip: 0.0, drop: 0.0, insert: 0.0, double: 0.0, burst: 0.0 }, 1 << 40);

pub(crate) fn put(bytes: &mut Bytes, config: Config, path: &str, file: Vec<u8>) {
    let mut client = Memory::with([(path, file)]);
    client.queue_file(path);
    let (result, ..) = run(bytes, config, client, Task::Put, QUIET);
    assert_eq!(result.expect("it succeeds").refused, 0, "{path}");
}

pub(crate) fn get(bytes: &mut Bytes, path: &str) -> Result<Option<Vec<u8>>, Failure> {
    let task = Task::get_file(path);
    let (result, client, _) = run(bytes, Config::RELIABLE, Memory::default(), task, QUIET);
    result?;
    Ok(client.files.into_values().next().map(|file| file.bytes))
}

fn tree() -> Memory {
    let mut tree = Memory::with([
        ("T/README.TXT", content(3000, 1)),
        ("T/SUB/DEEP/A.BIN", content(50_000, 2)),
        ("T/SUB/B", content(1, 3)),
        ("T/EMPTY", Vec::new()),
    ]);
    for number in 0..40 {
        tree.files.insert(format!("T/MANY/F{number}"), File::new(content(number * 37, 4)));
    }
    for file in tree.files.values_mut() {
        file.mode = None;
    }
    for path in ["T/SUB", "T/SUB/DEEP", "T/MANY", "T/NOTHING"] {
        tree.directories.insert(path.into());
    }
    tree.queue_tree("T");
    tree
}

#[test]
fn a_tree_goes_there_and_back() {
    let noise = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };
    for (config, faults) in [(Config::RELIABLE, QUIET.0), (Config::LOSSY, noise)] {
        let mut bytes = formatted();
        for _ in 0..2 {
            let (result, ..) = run(&mut bytes, config, tree(), Task::Put, (faults, 1 << 40));
            assert_eq!(result.expect("it succeeds").refused, 0);
        }
        let task = Task::get_tree("T");
        let (result, back, _) = run(&mut bytes, config, Memory::default(), task, (faults, 1 << 40));
        assert_eq!(result.expect("it succeeds").refused, 0);
        assert!(back.files == tree().files, "{:?}", back.files.keys());
        let made = back.directories.iter().filter(|path| path.as_str() != "T").cloned().collect();
        assert_eq!(tree().directories, made);
    }
}

#[test]
fn a_file_takes_the_place_of_another() {
    let mut bytes = formatted();
    for (seed, size) in [(1, 5000), (2, 100_001), (3, 0), (4, 5000), (5, 5000), (5, 5000)] {
        put(&mut bytes, Config::RELIABLE, "d/app.bin", content(size, seed));
        assert!(get(&mut bytes, "d/app.bin") == Ok(Some(content(size, seed))), "{seed}");
        assert!(get(&mut bytes, "D/APP.BIN") == Ok(Some(content(size, seed))), "{seed}");
    }
    assert_eq!(get(&mut bytes, "d/other"), Err(Failure::Refused(Reason::NotFound)));
    assert_eq!(get(&mut bytes, "d"), Err(Failure::Refused(Reason::IsDirectory)));
}

/// R16, R33.
#[test]
fn a_name_that_fat_does_not_allow_is_refused() {
    let mut bytes = formatted();
    put(&mut bytes, Config::RELIABLE, "here", content(10, 1));
    for (path, reason) in [
        ("long-name.text", Reason::NameTooLong),
        ("a.text", Reason::NameTooLong),
        ("a b", Reason::BadPath),
        ("é", Reason::BadPath),
        ("a.b.c", Reason::BadPath),
        ("a.", Reason::BadPath),
        ("tinyfrry.prt", Reason::BadPath),
        ("here/below", Reason::NotDirectory),
    ] {
        let mut client = Memory::with([(path, content(10, 2))]);
        client.queue_file(path);
        let (result, ..) = run(&mut bytes, Config::RELIABLE, client.clone(), Task::Put, QUIET);
        let refused = result.as_ref().is_ok_and(|outcome| outcome.refused == 1);
        assert!(refused || result == Err(Failure::Refused(reason)), "{path}: {result:?}");
    }
    assert!(get(&mut bytes, "here") == Ok(Some(content(10, 1))));
}

#[test]
fn a_full_card_refuses_a_file_and_keeps_the_data_behind_it() {
    const PARTITION: u32 = 8;
    const LENGTH: u32 = 4200;
    let mut bytes = formatted();
    bytes[458..462].copy_from_slice(&LENGTH.to_le_bytes());
    let boot = PARTITION as usize * 512;
    bytes[boot + 19..boot + 21].copy_from_slice(&LENGTH.to_le_bytes()[..2]);
    let behind = (PARTITION + LENGTH) as usize * 512;
    bytes[behind..].fill(0xEE);
    put(&mut bytes, Config::RELIABLE, "here", content(10, 1));
    let mut large = Memory::with([("large", content(3 << 20, 2))]);
    large.queue_file("large");
    let (result, ..) = run(&mut bytes, Config::RELIABLE, large, Task::Put, QUIET);
    assert_eq!(result, Err(Failure::Refused(Reason::NoSpace)));
    assert!(bytes[behind..].iter().all(|byte| *byte == 0xEE), "another partition was written to");
    assert!(get(&mut bytes, "here") == Ok(Some(content(10, 1))));
}

#[test]
fn after_a_power_loss_the_old_file_is_there_or_the_new_one() {
    for (exists, step) in [(true, 1), (false, 1)] {
        let mut bytes = formatted();
        put(&mut bytes, Config::RELIABLE, "other", content(4000, 7));
        if exists {
            put(&mut bytes, Config::RELIABLE, "app.bin", content(9000, 1));
        }
        let mut client = Memory::with([("app.bin", content(12_345, 2))]);
        client.queue_file("app.bin");
        let mut whole = bytes.clone();
        let (_, _, writes) = run(&mut whole, Config::RELIABLE, client.clone(), Task::Put, QUIET);
        assert!(writes > 20, "{writes}");
        for power in (0..=writes).step_by(step) {
            let mut bytes = bytes.clone();
            let cut = (QUIET.0, power);
            let (result, ..) = run(&mut bytes, Config::RELIABLE, client.clone(), Task::Put, cut);
            let found = get(&mut bytes, "app.bin");
            let is_new = found == Ok(Some(content(12_345, 2)));
            let is_old = match exists {
                true => found == Ok(Some(content(9000, 1))),
                false => found == Err(Failure::Refused(Reason::NotFound)),
            };
            let said = result.is_ok_and(|outcome| outcome.refused == 0);
            assert!(is_new || (is_old && !said), "after {power}: neither old nor new");
            assert!(get(&mut bytes, "other") == Ok(Some(content(4000, 7))), "after {power}");
            let (result, ..) = run(&mut bytes, Config::RELIABLE, client.clone(), Task::Put, QUIET);
            assert_eq!(result.expect("it succeeds").refused, 0, "after {power}");
            assert!(get(&mut bytes, "app.bin") == Ok(Some(content(12_345, 2))), "after {power}");
            assert!(get(&mut bytes, "other") == Ok(Some(content(4000, 7))), "after {power}");
        }
    }
}

/// R65.
#[test]
fn files_that_differ_at_the_client_are_sent_a_second_time() {
    let files = |seed| {
        let mut memory = Memory::default();
        for number in 0..12 {
            // Each third one is the same at both ends.
            let seed = if number % 3 == 0 { 1 } else { seed };
            let file = File::new(content(900 + 700 * number, seed + number as u64));
            memory.files.insert(format!("T/F{number:02}"), File { mode: None, ..file });
        }
        memory
    };
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut bytes = formatted();
        let mut source = files(100);
        source.queue_tree("T");
        let (result, ..) = run(&mut bytes, config, source.clone(), Task::Put, QUIET);
        assert_eq!(result.expect("it goes well").refused, 0);
        let task = Task::get_tree("T");
        let (result, back, _) = run(&mut bytes, config, files(200), task, QUIET);
        assert_eq!(result.expect("it goes well").refused, 0);
        assert!(back.files == source.files);
    }
}

/// The paths of the entries that a card gives of a tree, and the number of those that it omits.
fn given(bytes: &mut Bytes, room: usize) -> (Vec<String>, u32) {
    let mut card = Card::new(RamCard::new(bytes));
    let mut path = vec![0; room];
    let mut paths = Vec::new();
    card.open("t", true).expect("the tree is there");
    while let Some(entry) = card.next(&mut path).expect("the tree is given") {
        let path = String::from_utf8(path[..entry.path].to_vec()).expect("a path");
        paths.push(path);
    }
    (paths, card.omitted())
}

#[test]
fn entries_whose_paths_have_no_room_are_omitted_and_the_others_are_given() {
    let mut bytes = formatted();
    for path in ["t/a", "t/sub/b", "t/sub/longer.bin", "t/z"] {
        put(&mut bytes, Config::RELIABLE, path, content(500, 1));
    }
    for (room, expected, omitted) in [
        (14, vec!["A", "SUB", "SUB/B", "SUB/LONGER.BIN", "Z"], 0),
        (13, vec!["A", "SUB", "SUB/B", "Z"], 1),
        (2, vec!["A", "Z"], 1),
    ] {
        let (paths, count) = given(&mut bytes, room);
        assert_eq!(paths[1..], expected, "{room} bytes");
        assert_eq!(count, omitted, "{room} bytes");
    }
}

#[test]
fn entries_of_a_directory_that_is_too_deep_are_omitted_and_reported() {
    let mut bytes = formatted();
    put(&mut bytes, Config::RELIABLE, "T/1/2/3/4/5/6/7/8/9/LOW", content(500, 1));
    put(&mut bytes, Config::RELIABLE, "T/1/2/3/4/5/6/7/F", content(500, 2));
    put(&mut bytes, Config::RELIABLE, "T/Z", content(500, 3));
    let task = Task::get_tree("T");
    let (result, back, _) = run(&mut bytes, Config::RELIABLE, Memory::default(), task, QUIET);
    let outcome = result.expect("it succeeds");
    assert_eq!((outcome.refused, outcome.omitted), (0, 1));
    let paths: Vec<_> = back.files.keys().map(String::as_str).collect();
    assert_eq!(paths, ["T/1/2/3/4/5/6/7/F", "T/Z"]);
    assert!(back.directories.contains("T/1/2/3/4/5/6/7/8"));
}

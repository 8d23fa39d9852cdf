//! Removals and renames on a FAT card: results, refusals, and a power cut at every write.

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Offer, Operation, Stat, StatQuery, Store};
use tinyferry_core::{Config, Failure, Task};
use tinyferry_kit::{Memory, content};

use crate::fat_card::RamCard;
use crate::fat_card::{Bytes, QUIET, Weak, formatted, get, put, run};
use tinyferry_stores::card::Card;

/// Performs an operation on a card that loses power after `power` writes. Returns the result and the number of
/// writes.
fn operate(
    bytes: &mut Bytes,
    path: &str,
    kind: Kind,
    operation: Operation<'_>,
    power: u64,
) -> (Result<Stat, Reason>, u64) {
    let left = std::cell::Cell::new(power);
    let mut card = Card::new(Weak { card: RamCard::new(bytes), power: &left });
    let result = card.operate(path, kind, &operation);
    drop(card);
    (result, power - left.get())
}

const ALWAYS: u64 = 1 << 40;
const DONE: Result<Stat, Reason> = Ok(Stat { size: 0, value: 0, facts: 0, granularity: 0 });

fn remove(bytes: &mut Bytes, path: &str, kind: Kind) -> Result<Stat, Reason> {
    operate(bytes, path, kind, Operation::Remove, ALWAYS).0
}

fn rename(bytes: &mut Bytes, from: &str, to: &str) -> Result<Stat, Reason> {
    operate(bytes, to, Kind::File, Operation::Rename { from }, ALWAYS).0
}

fn is_missing(bytes: &mut Bytes, path: &str) -> bool {
    get(bytes, path) == Err(Failure::Refused(Reason::NotFound))
}

/// R87.
#[test]
fn files_and_empty_directories_are_removed_and_their_space_is_free() {
    let mut bytes = formatted();
    put(&mut bytes, Config::RELIABLE, "d/keep", content(700, 9));
    // The files have several times the size of the card.
    for seed in 0..8 {
        put(&mut bytes, Config::RELIABLE, "d/sub/large", content(1_000_000, seed));
        assert_eq!(remove(&mut bytes, "d/sub", Kind::Directory), Err(Reason::NotEmpty));
        assert_eq!(remove(&mut bytes, "d/sub", Kind::File), Err(Reason::IsDirectory));
        assert_eq!(remove(&mut bytes, "d/sub/large", Kind::Directory), Err(Reason::NotDirectory));
        assert_eq!(remove(&mut bytes, "d/sub/large", Kind::File), DONE);
        assert!(is_missing(&mut bytes, "d/sub/large"));
        assert_eq!(remove(&mut bytes, "D/SUB", Kind::Directory), DONE);
        assert_eq!(remove(&mut bytes, "d/sub", Kind::Directory), DONE, "it is gone already");
        assert_eq!(remove(&mut bytes, "d/sub/large", Kind::File), DONE, "so is its directory");
    }
    assert!(get(&mut bytes, "d/keep") == Ok(Some(content(700, 9))));
    // Each directory takes a cluster, which its removal must free.
    for number in 0..6_000 {
        let path = format!("n{}", number % 10);
        put(&mut bytes, Config::RELIABLE, &format!("{path}/f"), Vec::new());
        assert_eq!(remove(&mut bytes, &format!("{path}/f"), Kind::File), DONE);
        assert_eq!(remove(&mut bytes, &path, Kind::Directory), DONE, "{number}");
    }
    assert!(get(&mut bytes, "d/keep") == Ok(Some(content(700, 9))));
}

/// R87.
#[test]
fn a_file_is_renamed_within_its_directory() {
    let mut bytes = formatted();
    for (path, seed) in [("d/a", 1), ("d/b", 2), ("top", 3), ("e/f", 4)] {
        put(&mut bytes, Config::RELIABLE, path, content(9_000, seed));
    }
    assert_eq!(rename(&mut bytes, "d/a", "d/c.txt"), DONE);
    assert_eq!(rename(&mut bytes, "d/a", "d/c.txt"), DONE, "it was renamed before");
    assert_eq!(rename(&mut bytes, "d/c.txt", "D/C.TXT"), DONE, "it is the same name");
    assert!(get(&mut bytes, "d/c.txt") == Ok(Some(content(9_000, 1))));
    assert!(is_missing(&mut bytes, "d/a"));
    for (from, to, reason) in [
        ("e", "d/c.txt", Reason::Unsupported),
        ("e", "top", Reason::NotDirectory),
        ("top", "d", Reason::IsDirectory),
        ("top", "d/top", Reason::Unsupported),
        ("d/no", "d/new", Reason::NotFound),
        ("d/b", "d/tinyfrry.prt", Reason::BadPath),
        ("d/b", "d/long-name.text", Reason::NameTooLong),
    ] {
        assert_eq!(rename(&mut bytes, from, to), Err(reason), "{from} {to}");
    }
    assert!(get(&mut bytes, "d/b") == Ok(Some(content(9_000, 2))));
    assert!(get(&mut bytes, "top") == Ok(Some(content(9_000, 3))));
    assert_eq!(remove(&mut bytes, "e/f", Kind::File), DONE);
    assert_eq!(remove(&mut bytes, "e", Kind::Directory), DONE);
    // The renamed directory keeps its entries.
    assert_eq!(rename(&mut bytes, "d", "e"), DONE);
    assert!(get(&mut bytes, "e/b") == Ok(Some(content(9_000, 2))));
}

/// R84.
#[test]
fn a_stat_has_the_size_and_the_time_in_units_of_two_seconds() {
    let mut bytes = formatted();
    let mut client = Memory::with([("f", content(1234, 1))]);
    // The time is an odd second with a fraction, which the card rounds down.
    let modified = Some(1_700_000_001_500_000_000);
    client.files.get_mut("f").expect("it is there").modified = modified;
    client.queue_file("f");
    let (result, ..) = run(&mut bytes, Config::RELIABLE, client, Task::Put, QUIET);
    assert_eq!(result.expect("it succeeds").refused, 0);
    let query = StatQuery { facts: 0b1111, ..StatQuery::default() };
    let mut stat = |path, kind| operate(&mut bytes, path, kind, Operation::Stat(query), ALWAYS).0;
    let found = stat("f", Kind::File).expect("it is there");
    assert_eq!((found.size, found.granularity, found.facts), (1234, 10, 0b11));
    assert_eq!(found.value, 1_700_000_000_000_000_000);
    assert_eq!(stat("g", Kind::File), Err(Reason::NotFound));
    assert_eq!(stat("", Kind::Directory), Err(Reason::Unsupported));
}

#[test]
fn after_a_power_loss_an_entry_has_its_old_name_or_the_new_one_or_none() {
    let mut whole = formatted();
    for (path, seed) in [("d/a", 1), ("d/b", 2)] {
        put(&mut whole, Config::RELIABLE, path, content(30_000, seed));
    }
    for operation in [Operation::Remove, Operation::Rename { from: "d/a" }] {
        let path = if operation == Operation::Remove { "d/a" } else { "d/c" };
        let (result, writes) = operate(&mut whole.clone(), path, Kind::File, operation, ALWAYS);
        assert!(result == DONE && writes > 0, "{writes}");
        for power in 0..=writes {
            let mut bytes = whole.clone();
            let (result, _) = operate(&mut bytes, path, Kind::File, operation, power);
            let old = get(&mut bytes, "d/a");
            let is_old = old == Ok(Some(content(30_000, 1)));
            let is_gone = old == Err(Failure::Refused(Reason::NotFound));
            assert!(is_old || is_gone, "after {power}");
            if operation != Operation::Remove {
                assert_eq!(get(&mut bytes, "d/c").is_ok(), is_gone, "after {power}");
            }
            assert!(result.is_err() || is_gone, "after {power}: it was said to be done");
            assert!(get(&mut bytes, "d/b") == Ok(Some(content(30_000, 2))), "after {power}");
            // After the restart the operation succeeds, and the card stores files.
            assert_eq!(operate(&mut bytes, path, Kind::File, operation, ALWAYS).0, DONE);
            put(&mut bytes, Config::RELIABLE, "d/new", content(50_000, 3));
            assert!(get(&mut bytes, "d/new") == Ok(Some(content(50_000, 3))), "after {power}");
            assert!(get(&mut bytes, "d/b") == Ok(Some(content(30_000, 2))), "after {power}");
        }
    }
}

/// A card with `d/a` and `d/b`, and with `between` other files between their entries.
fn with_files_between(between: usize) -> Box<Bytes> {
    let mut bytes = formatted();
    put(&mut bytes, Config::RELIABLE, "d/a", content(3_000, 1));
    for number in 0..between {
        put(&mut bytes, Config::RELIABLE, &format!("d/f{number}"), Vec::new());
    }
    put(&mut bytes, Config::RELIABLE, "d/b", content(9_001, 2));
    bytes
}

/// The numbers of files between two entries that are in one block of their directory, and in two.
const BETWEEN: [usize; 2] = [0, 16];

/// R87.
#[test]
fn a_rename_replaces_a_file_and_frees_its_space() {
    for between in BETWEEN {
        for (from, to) in [("d/a", "d/b"), ("d/b", "d/a")] {
            let mut bytes = with_files_between(between);
            let kept = get(&mut bytes, from);
            assert_eq!(rename(&mut bytes, from, to), DONE, "{from}, {between} between");
            assert!(get(&mut bytes, to) == kept, "{from}, {between} between");
            assert!(is_missing(&mut bytes, from));
            assert_eq!(rename(&mut bytes, from, to), DONE, "it was renamed before");
            // All renamed files together have several times the size of the card.
            for seed in 0..12 {
                put(&mut bytes, Config::RELIABLE, from, content(600_000, seed));
                assert_eq!(rename(&mut bytes, from, to), DONE, "{seed}, {between} between");
                assert!(get(&mut bytes, to) == Ok(Some(content(600_000, seed))), "{seed}");
            }
            assert_eq!(remove(&mut bytes, to, Kind::File), DONE);
            for number in 0..between {
                assert_eq!(remove(&mut bytes, &format!("d/f{number}"), Kind::File), DONE);
            }
            assert_eq!(remove(&mut bytes, "d", Kind::Directory), DONE, "no other entry is left");
        }
    }
}

#[test]
fn a_rename_whose_copy_has_no_room_is_refused_and_leaves_the_space_free() {
    let [_, between] = BETWEEN;
    let mut bytes = with_files_between(between);
    put(&mut bytes, Config::RELIABLE, "d/b", content(1_500_000, 3));
    put(&mut bytes, Config::RELIABLE, "d/a", content(400_000, 4));
    assert_eq!(rename(&mut bytes, "d/b", "d/a"), Err(Reason::NoSpace));
    assert!(get(&mut bytes, "d/a") == Ok(Some(content(400_000, 4))));
    assert!(get(&mut bytes, "d/b") == Ok(Some(content(1_500_000, 3))));
    put(&mut bytes, Config::RELIABLE, "new", content(300_000, 5));
}

/// R87.
#[test]
fn after_a_power_loss_a_replaced_file_is_the_old_one_or_the_new_one() {
    for between in BETWEEN {
        let whole = with_files_between(between);
        let replace = Operation::Rename { from: "d/a" };
        let run = |bytes: &mut Bytes, power| operate(bytes, "d/b", Kind::File, replace, power);
        let (result, writes) = run(&mut whole.clone(), ALWAYS);
        assert!(result == DONE && writes > 1, "{writes}");
        let mut seen = [false; 2];
        for power in 0..=writes {
            let mut bytes = whole.clone();
            let (result, _) = run(&mut bytes, power);
            let (a, b) = (get(&mut bytes, "d/a"), get(&mut bytes, "d/b"));
            let is_new = b == Ok(Some(content(3_000, 1)));
            assert!(is_new || b == Ok(Some(content(9_001, 2))), "after {power}");
            let is_gone = a == Err(Failure::Refused(Reason::NotFound));
            let is_kept = a == Ok(Some(content(3_000, 1)));
            assert!(is_kept || (is_gone && is_new), "after {power}: the file is lost");
            assert!(result.is_err() || is_gone, "after {power}: it was said to be done");
            seen[usize::from(is_new)] = true;
            // Neither of two remaining files changes with the other.
            if is_kept {
                put(&mut bytes, Config::RELIABLE, "d/a", content(40_000, 5));
                assert!(get(&mut bytes, "d/b") == b, "after {power}");
            }
            assert_eq!(run(&mut bytes, ALWAYS).0, DONE, "after {power}");
            let expected = if is_kept { content(40_000, 5) } else { content(3_000, 1) };
            assert!(get(&mut bytes, "d/b") == Ok(Some(expected)), "after {power}");
            assert!(is_missing(&mut bytes, "d/a"), "after {power}");
        }
        assert_eq!(seen, [true; 2], "{between} between");
    }
}

#[test]
fn zeros_of_a_hole_are_stored_up_to_the_end_of_a_block() {
    let mut bytes = formatted();
    let mut card = Card::new(RamCard::new(&mut bytes));
    let offer = Offer {
        path: "sparse",
        kind: Kind::File,
        size: Some(3000),
        modified: None,
        mode: None,
        content: None,
        resume: 0,
        names_only: false,
        commit_id: None,
    };
    card.offer(&offer).expect("it is accepted");
    card.store(0, &content(100, 1)).expect("it is stored");
    for (position, left, stored) in [(100, 2900, 412), (512, 2488, 512), (1024, 300, 300)] {
        assert_eq!(card.store_zeros(position, left), Ok(stored), "at {position}");
    }
    card.store(1324, &content(1676, 2)).expect("it is stored");
    card.commit().expect("it is in place");
    drop(card);
    let expected = [content(100, 1), vec![0; 1224], content(1676, 2)].concat();
    assert!(get(&mut bytes, "sparse") == Ok(Some(expected)));
}

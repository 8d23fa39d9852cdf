//! Records and their hashes.

use super::*;

const SECOND: i64 = 1_000_000_000;
const FILE: FileFacts = FileFacts {
    size: 7,
    modified: Some(1_700_000_001 * SECOND + 123_456_789),
    mode: Some(0o644),
    content: Some(9),
};

fn parameters(facts: Facts, granularity: Granularity) -> Parameters {
    Parameters { facts, granularity, salt: 0 }
}

fn crc(parts: &[&[u8]]) -> u64 {
    Fast::crc64(0, &parts.concat())
}

#[test]
fn a_record_has_the_compared_facts_in_order() {
    let all = parameters(Facts::ALL, Granularity::SECOND);
    let (size, time, content) = (7u64, 1_700_000_001_i64, 9u64);
    let [size, time, content] = [size.to_le_bytes(), time.to_le_bytes(), content.to_le_bytes()];
    let expected = crc(&[&[0xF1], &size, &time, &[0xA4, 1], &content, b"a"]);
    assert_eq!(all.hash_of_file("a", &FILE), mix(expected));
    let some = parameters(Facts::SIZE.with(Facts::TIME), Granularity::SECOND);
    assert_eq!(some.hash_of_file("a", &FILE), mix(crc(&[&[0x31], &size, &time, b"a"])));
    let none = parameters(Facts::NONE, Granularity::SECOND);
    assert_eq!(none.hash_of_file("a", &FILE), mix(crc(&[&[1], b"a"])));
    let total = Total { entries: 7, digest: 9 };
    let expected = crc(&[&[0x42], &[0xED, 1], &content, &size, b"d"]);
    assert_eq!(all.hash_of_directory("d", Some(0o755), total), mix(expected));
    assert_eq!(
        some.hash_of_directory("d", Some(0o755), total),
        mix(crc(&[&[2], &content, &size, b"d"]))
    );
    for parameters in [all, none] {
        let expected = mix(crc(&[&[3, 4], b"../x", b"l"]));
        assert_eq!(parameters.hash_of_link("l", "../x"), expected);
    }
}

#[test]
fn times_within_a_unit_are_the_same() {
    for (granularity, unit) in [
        (Granularity::NANOSECOND, 1),
        (Granularity::HUNDRED_NANOSECONDS, 100),
        (Granularity::TEN_MILLISECONDS, SECOND / 100),
        (Granularity::SECOND, SECOND),
        (Granularity::TWO_SECONDS, 2 * SECOND),
    ] {
        let parameters = parameters(Facts::TIME, granularity);
        let hash = |time| parameters.hash_of_file("a", &FileFacts { modified: Some(time), ..FILE });
        let first = 1_700_000_000 * SECOND;
        assert_eq!(granularity.unit(), unit);
        assert_eq!(hash(first), hash(first + unit - 1));
        assert_ne!(hash(first), hash(first + unit));
        assert_eq!(granularity.round_down(first + unit + unit / 2), first + unit);
    }
    assert_eq!(Granularity::SECOND.units(-1), -1);
    assert_eq!(Granularity::from_code(10), Some(Granularity::TWO_SECONDS));
    assert_eq!(Granularity::from_code(11), None);
}

#[test]
fn a_time_that_some_file_system_cannot_keep_is_not_compared() {
    let y2100 = 4_102_444_800 * SECOND;
    let parameters = parameters(Facts::ALL, Granularity::NANOSECOND);
    let hash = |modified| parameters.hash_of_file("a", &FileFacts { modified, ..FILE });
    // As it was sent, and as ext4 with small inodes and FAT store it.
    let without = hash(None);
    for time in [y2100, i64::from(i32::MAX) * SECOND, 4_354_819_198 * SECOND, i64::MAX] {
        assert_eq!(hash(Some(time)), without);
    }
    for time in [-SECOND, 0, 315_532_800 * SECOND, i64::MIN] {
        assert_eq!(hash(Some(time)), without);
    }
    assert_ne!(hash(FILE.modified), without);
}

#[test]
fn two_ends_compare_common_facts_at_the_coarser_granularity() {
    let ours = Parameters { salt: 5, ..parameters(Facts::ALL, Granularity::MICROSECOND) };
    let common = ours.common(Facts::SIZE.with(Facts::TIME), Granularity::NANOSECOND);
    assert_eq!((common.facts.bits(), common.granularity.code(), common.salt), (0b11, 3, 5));
    assert_eq!(ours.common(Facts::ALL, Granularity::SECOND).granularity, Granularity::SECOND);
    assert_eq!(Facts::from_bits(0xFF), Facts::ALL.with(Facts::LINKS));
    assert_eq!(Facts::ALL.without(Facts::CONTENT).bits(), 0b111);
}

#[test]
fn another_salt_gives_other_hashes() {
    let with = |salt| Parameters { salt, ..parameters(Facts::ALL, Granularity::SECOND) };
    assert_ne!(with(0).hash_of_file("a", &FILE), with(1).hash_of_file("a", &FILE));
}

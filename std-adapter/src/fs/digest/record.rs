//! The records of entries, and their hashes. Knows no file system.

use tinyferry_core::checksum::Checksums;

use super::Total;
use crate::checksum::Fast;
use crate::fs::sys::times;

/// The facts of an entry that are compared, besides its name and its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts(u8);

impl Facts {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const SIZE: Self = Self(1);
    pub(crate) const TIME: Self = Self(1 << 1);
    pub(crate) const MODE: Self = Self(1 << 2);
    /// CRC-64 of the content.
    pub(crate) const CONTENT: Self = Self(1 << 3);
    /// All of a file.
    pub(crate) const ALL: Self = Self(0b1111);
    /// Symbolic links are entries.
    pub(crate) const LINKS: Self = Self(1 << 4);

    /// Drops the facts of later versions.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & (Self::ALL.0 | Self::LINKS.0))
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The facts that both have.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The unit in which times are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Granularity(u8);

impl Granularity {
    pub(crate) const NANOSECOND: Self = Self(0);
    pub(crate) const HUNDRED_NANOSECONDS: Self = Self(2);
    pub(crate) const MICROSECOND: Self = Self(3);
    pub(crate) const MILLISECOND: Self = Self(6);
    pub(crate) const TEN_MILLISECONDS: Self = Self(7);
    pub(crate) const SECOND: Self = Self(9);
    pub(crate) const TWO_SECONDS: Self = Self(10);

    /// The code `n` up to 9 is 10^n ns, 10 is 2 s.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        (code <= Self::TWO_SECONDS.0).then_some(Self(code))
    }

    pub(crate) fn code(self) -> u8 {
        self.0
    }

    /// In nanoseconds.
    pub(crate) fn unit(self) -> i64 {
        match self {
            Self::TWO_SECONDS => 2_000_000_000,
            Self(power) => 10_i64.pow(power.into()),
        }
    }

    /// The time in units, rounded down.
    pub(crate) fn units(self, time: i64) -> i64 {
        time.div_euclid(self.unit())
    }

    /// The time in nanoseconds, rounded down to the unit.
    pub(crate) fn round_down(self, time: i64) -> i64 {
        time.saturating_sub(time.rem_euclid(self.unit()))
    }
}

/// The choices by which both ends compute the same hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) facts: Facts,
    pub(crate) granularity: Granularity,
    /// Random: entries whose hashes collide do so with this salt only.
    pub(crate) salt: u32,
}

impl Parameters {
    /// Those of two ends with the same salt.
    pub(crate) fn common(self, facts: Facts, granularity: Granularity) -> Self {
        Self {
            facts: self.facts.and(facts),
            granularity: self.granularity.max(granularity),
            salt: self.salt,
        }
    }

    /// The hash of a file's record.
    pub(crate) fn hash_of_file(self, name: &str, file: &FileFacts) -> u64 {
        let usual = file.modified.filter(|time| times::is_usual(*time));
        let mut record = Record::new(Record::FILE);
        record.add(self.facts, Facts::SIZE, Some(file.size.to_le_bytes()));
        let units = usual.map(|time| self.granularity.units(time).to_le_bytes());
        record.add(self.facts, Facts::TIME, units);
        record.add(self.facts, Facts::MODE, file.mode.map(bytes_of_mode));
        record.add(self.facts, Facts::CONTENT, file.content.map(u64::to_le_bytes));
        record.hash(self.salt, name)
    }

    /// The hash of a symbolic link's record; its target has at most 254 bytes.
    pub(crate) fn hash_of_link(self, name: &str, target: &str) -> u64 {
        let length = u8::try_from(target.len()).unwrap_or(u8::MAX);
        let crc = Fast::crc64(0, &[Record::LINK, length]);
        Record::hash_of(Fast::crc64(crc, target.as_bytes()), self.salt, name)
    }

    /// The hash of a directory's record; `total` is that of all its entries.
    pub(crate) fn hash_of_directory(self, name: &str, mode: Option<u32>, total: Total) -> u64 {
        let mut record = Record::new(Record::DIRECTORY);
        record.add(self.facts, Facts::MODE, mode.map(bytes_of_mode));
        record.extend(&total.digest.to_le_bytes());
        record.extend(&total.entries.to_le_bytes());
        record.hash(self.salt, name)
    }
}

/// The facts of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileFacts {
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: Option<i64>,
    /// The nine permission bits.
    pub(crate) mode: Option<u32>,
    /// CRC-64, if the content is compared.
    pub(crate) content: Option<u64>,
}

/// A record without the name at its end.
#[derive(Debug)]
struct Record {
    bytes: [u8; Self::LENGTH_MAX],
    length: usize,
}

impl Record {
    const FILE: u8 = 1;
    const DIRECTORY: u8 = 2;
    const LINK: u8 = 3;
    const LENGTH_MAX: usize = 1 + 8 + 8 + 2 + 8;

    fn new(kind: u8) -> Self {
        let mut bytes = [0; Self::LENGTH_MAX];
        bytes[0] = kind;
        Self { bytes, length: 1 }
    }

    /// Adds a fact that is compared, if the entry has it. The upper half of the first byte names the facts.
    fn add<const N: usize>(&mut self, compared: Facts, fact: Facts, value: Option<[u8; N]>) {
        if let Some(value) = value.filter(|_| compared.contains(fact)) {
            self.bytes[0] |= fact.bits() << 4;
            self.extend(&value);
        }
    }

    fn extend(&mut self, value: &[u8]) {
        let end = self.length + value.len();
        if let Some(free) = self.bytes.get_mut(self.length..end) {
            free.copy_from_slice(value);
            self.length = end;
        }
    }

    fn hash(&self, salt: u32, name: &str) -> u64 {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        Self::hash_of(Fast::crc64(0, bytes), salt, name)
    }

    /// The hash of a record whose bytes before the name have this CRC-64.
    fn hash_of(crc: u64, salt: u32, name: &str) -> u64 {
        let crc = Fast::crc64(crc, name.as_bytes());
        mix(crc ^ u64::from(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

fn bytes_of_mode(mode: u32) -> [u8; 2] {
    ((mode & 0o777) as u16).to_le_bytes()
}

/// A CRC is linear: a sum of CRCs would be the same after two entries have exchanged facts.
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 30;
    hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash ^= hash >> 27;
    hash = hash.wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;

//! The entries of a directory with their names, sorted by hash: the sender's side of a comparison.

use tinyferry_core::store::Kind;

use super::Total;
use super::range::Range;
use crate::fs::amount::Amount;

/// The maximum memory of a list, in bytes.
const MEMORY_MAX: usize = 32 << 20;

/// The entries of a range.
#[derive(Debug)]
pub(crate) struct Entries {
    total: Total,
    /// The files of all entries, with those in directories.
    amount: Amount,
    /// `None`: they take too much memory; the entries of a smaller range are to be listed.
    list: Option<List>,
}

#[derive(Debug, Default)]
struct List {
    text: String,
    /// Sorted by hash in the end.
    entries: Vec<Listed>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) hash: u64,
    pub(crate) kind: Kind,
    start: u32,
    end: u32,
    /// The files of the entry: one, or those in a directory.
    files: u32,
    bytes: u64,
}

impl Listed {
    pub(crate) fn amount(&self) -> Amount {
        Amount { files: self.files.into(), bytes: self.bytes }
    }
}

impl Default for Entries {
    fn default() -> Self {
        let (total, amount) = (Total::default(), Amount::default());
        Self { total, amount, list: Some(List::default()) }
    }
}

impl Entries {
    pub(crate) fn add(&mut self, hash: u64, name: &str, kind: Kind, amount: Amount) {
        self.total.add(hash);
        self.amount += amount;
        let Some(list) = &mut self.list else { return };
        if list.size() + size_of::<Listed>() + name.len() > MEMORY_MAX {
            self.list = None;
            return;
        }
        let start = list.text.len() as u32;
        list.text.push_str(name);
        let (end, Amount { files, bytes }) = (list.text.len() as u32, amount);
        let files = u32::try_from(files).unwrap_or(u32::MAX);
        list.entries.push(Listed { hash, kind, start, end, files, bytes });
    }

    pub(crate) fn sort(&mut self) {
        if let Some(list) = &mut self.list {
            list.entries.sort_unstable_by_key(|entry| entry.hash);
        }
    }

    /// The number and the digest of all entries.
    pub(crate) fn total(&self) -> Total {
        self.total
    }

    /// Those of a part of the range; `None` if they are not listed.
    pub(crate) fn part(&self, range: Range) -> Option<&[Listed]> {
        let entries = &self.list.as_ref()?.entries;
        Some(range.of_sorted(entries, |entry| entry.hash))
    }

    /// The files of a part of the range, or of the whole if its entries are not listed.
    pub(crate) fn amount(&self, range: Range) -> Amount {
        let Some(part) = self.part(range) else { return self.amount };
        let mut amount = Amount::default();
        part.iter().for_each(|entry| amount += entry.amount());
        amount
    }

    /// Its memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.list.as_ref().map_or(0, List::size)
    }

    pub(crate) fn name(&self, entry: &Listed) -> &str {
        let text = self.list.as_ref().map_or("", |list| list.text.as_str());
        text.get(entry.start as usize..entry.end as usize).unwrap_or_default()
    }
}

impl List {
    fn size(&self) -> usize {
        self.text.len() + self.entries.len() * size_of::<Listed>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_beyond_the_memory_are_only_counted() {
        let mut entries = Entries::default();
        let name = "n".repeat(255);
        let fit = (MEMORY_MAX / (255 + size_of::<Listed>())) as u64;
        for hash in (0..fit).rev() {
            entries.add(hash, &name, Kind::File, Amount::file(3));
        }
        entries.sort();
        let list = entries.part(Range::ALL).unwrap();
        assert!(list.is_sorted_by_key(|entry| entry.hash) && entries.name(&list[7]) == name);
        entries.add(fit, &name, Kind::File, Amount::file(3));
        assert!(entries.part(Range::ALL).is_none());
        assert_eq!(entries.total(), Total::of(0..=fit));
        assert_eq!(entries.amount(Range::ALL), Amount { files: fit + 1, bytes: 3 * (fit + 1) });
    }
}

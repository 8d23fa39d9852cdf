//! The entries of a directory with their names, sorted by hash: the sender's side of a comparison.

use tinyferry_core::store::Kind;

use super::Total;
use super::range::Range;

/// The maximum memory of a list, in bytes.
const MEMORY_MAX: usize = 32 << 20;

/// The entries of a range.
#[derive(Debug)]
pub(crate) struct Entries {
    total: Total,
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
}

impl Default for Entries {
    fn default() -> Self {
        Self { total: Total::default(), list: Some(List::default()) }
    }
}

impl Entries {
    pub(crate) fn add(&mut self, hash: u64, name: &str, kind: Kind) {
        self.total.add(hash);
        let Some(list) = &mut self.list else { return };
        if list.size() + size_of::<Listed>() + name.len() > MEMORY_MAX {
            self.list = None;
            return;
        }
        let start = list.text.len() as u32;
        list.text.push_str(name);
        list.entries.push(Listed { hash, kind, start, end: list.text.len() as u32 });
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
            entries.add(hash, &name, Kind::File);
        }
        entries.sort();
        let list = entries.part(Range::ALL).unwrap();
        assert!(list.is_sorted_by_key(|entry| entry.hash) && entries.name(&list[7]) == name);
        entries.add(fit, &name, Kind::File);
        assert!(entries.part(Range::ALL).is_none());
        assert_eq!(entries.total(), Total::of(0..=fit));
    }
}

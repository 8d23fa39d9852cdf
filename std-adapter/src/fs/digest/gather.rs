//! The hashes of a directory while it is read. Memory is bounded: of a directory that is too large only
//! those of the range are kept, or only their sum.

use super::range::Range;
use super::{Summary, Total};

/// The maximum number of hashes of all directories that are being read.
pub(crate) const HASHES_MAX: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Gather {
    range: Range,
    room: usize,
    total: Total,
    in_range: Total,
    hashes: Hashes,
}

#[derive(Debug)]
enum Hashes {
    All(Vec<u64>),
    InRange(Vec<u64>),
    TooMany,
}

/// The result for a directory that was read.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Of all entries.
    pub(crate) total: Total,
    /// Of the range.
    pub(crate) summary: Summary,
    /// All hashes, sorted, if there was room.
    pub(crate) hashes: Option<Vec<u64>>,
}

impl Gather {
    /// Keeps at most `room` hashes.
    pub(crate) fn new(range: Range, room: usize) -> Self {
        let (total, in_range) = (Total::default(), Total::default());
        Self { range, room, total, in_range, hashes: Hashes::All(Vec::new()) }
    }

    pub(crate) fn add(&mut self, hash: u64) {
        self.total.add(hash);
        let is_in_range = self.range.contains(hash);
        if is_in_range {
            self.in_range.add(hash);
        }
        if let Hashes::All(all) = &mut self.hashes
            && all.len() >= self.room
        {
            all.retain(|hash| self.range.contains(*hash));
            self.hashes = Hashes::InRange(std::mem::take(all));
        }
        match &mut self.hashes {
            Hashes::All(hashes) => hashes.push(hash),
            Hashes::InRange(_) if !is_in_range => {}
            Hashes::InRange(hashes) if hashes.len() < self.room => hashes.push(hash),
            Hashes::InRange(_) | Hashes::TooMany => self.hashes = Hashes::TooMany,
        }
    }

    /// The number of hashes that are kept.
    pub(crate) fn kept(&self) -> usize {
        match &self.hashes {
            Hashes::All(hashes) | Hashes::InRange(hashes) => hashes.len(),
            Hashes::TooMany => 0,
        }
    }

    pub(crate) fn finish(mut self) -> Gathered {
        let (total, range) = (self.total, self.range);
        if let Hashes::All(hashes) | Hashes::InRange(hashes) = &mut self.hashes {
            hashes.sort_unstable();
        }
        match self.hashes {
            Hashes::All(hashes) => {
                let summary = Summary::of_sorted(&hashes, range);
                Gathered { total, summary, hashes: Some(hashes) }
            }
            Hashes::InRange(hashes) => {
                Gathered { total, summary: Summary::of_sorted(&hashes, range), hashes: None }
            }
            Hashes::TooMany => {
                let summary = Summary { total: self.in_range, index: None };
                Gathered { total, summary, hashes: None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_same_summary_with_any_room() {
        let hashes = || (0..1000_u64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for range in [Range::ALL, Range::new(1, 1).unwrap(), Range::new(4, 3).unwrap()] {
            let expected = Total::of(hashes().filter(|hash| range.contains(*hash)));
            for room in [0, 50, 100, 600, 999, 1000] {
                let mut gather = Gather::new(range, room);
                hashes().for_each(|hash| gather.add(hash));
                assert!(gather.kept() <= room);
                let gathered = gather.finish();
                assert_eq!(gathered.total, Total::of(hashes()));
                assert_eq!(gathered.summary.total, expected);
                assert_eq!(gathered.hashes.is_some(), room == 1000);
                let has_index = expected.entries <= 240 && expected.entries <= room as u64;
                assert_eq!(gathered.summary.index.is_some(), has_index);
            }
        }
    }
}

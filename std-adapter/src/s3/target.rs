//! The object that an offered file becomes, and the sizes of its parts.

use std::sync::Arc;

use tinyferry_core::store::Offer;

use super::bucket::Bucket;
use super::facts::Attributes;
use super::{Access, partial};
use crate::fs::policy::Existing;

/// The usual size of a part, in bytes.
pub(super) const PART: usize = 8 << 20;
/// The size below which S3 takes no part but the last one, in bytes.
pub(super) const PART_MIN: u64 = 5 << 20;
/// The maximum number of parts.
pub(super) const PARTS_MAX: usize = 10_000;

/// The object that a file becomes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) bucket: Arc<Bucket>,
    pub(super) key: String,
    /// The key of the record of the unfinished file.
    pub(super) record: String,
    pub(super) attributes: Attributes,
    /// The client that may continue it; empty: none without the right to read.
    pub(super) owner: String,
    /// Whether it replaces an object.
    pub(super) replaces: bool,
    /// In bytes, where known.
    pub(super) size: Option<u64>,
}

impl Access {
    /// The object that an offered file becomes.
    pub(super) fn target(&self, path: &str, offer: &Offer<'_>) -> Target {
        let mode = self.policy.mode(offer.kind, offer.mode);
        Target {
            bucket: Arc::clone(&self.bucket),
            key: self.key(path),
            record: self.bucket.key(&partial::path_of(&self.whole(path))),
            attributes: Attributes {
                modified: offer.modified,
                mode: mode.map(|mode| mode & 0o777),
            },
            owner: self.owner.clone(),
            replaces: self.policy.existing == Existing::Replace,
            size: offer.size,
        }
    }
}

/// The size of a part so that a file of this size has no more parts than S3 takes. Where the size is not known, parts grow.
pub(super) fn part_size(size: Option<u64>, number: usize) -> usize {
    match size {
        Some(size) => {
            let least = size.div_ceil(PARTS_MAX as u64).next_multiple_of(1 << 20);
            PART.max(usize::try_from(least).unwrap_or(usize::MAX))
        }
        None => PART * (1 + (number - 1) / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_chunks_and_never_too_many() {
        for size in [0, 1, 1 << 30, 80_000 << 20, 1 << 40, 5 << 40] {
            let part = part_size(Some(size), 1);
            assert!(part >= PART && part.is_multiple_of(1024));
            assert!(size.div_ceil(part as u64) <= PARTS_MAX as u64, "{size}");
        }
        let all: u64 = (1..=PARTS_MAX).map(|number| part_size(None, number) as u64).sum();
        assert!(all > 400 << 30);
    }
}

//! The content of an unfinished file that the storage has: the record, compared with the parts of its upload.

use std::time::Duration;

use crc_fast::{CrcAlgorithm, checksum_combine};
use tinyferry_core::checksum::Checksums as _;

use super::bucket::LONG;
use super::fault::Fault;
use super::multipart::Part;
use super::partial::{Partial, Recorded};
use super::target::{PART_MIN, PARTS_MAX, Target, part_size};
use crate::checksum::Fast;
use crate::fs::names::partial_name::UNIT;

/// The age at which an unfinished file of another client counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(60);
/// The maximum size of a record without its tail, in bytes.
const LINES_MAX: u64 = 4 << 20;

/// A prefix of the file, in the storage and in the tail of the record.
#[derive(Debug)]
pub(super) struct Resumed {
    /// Without the parts and the bytes that cannot be used.
    pub(super) partial: Partial,
    /// In bytes.
    pub(super) length: u64,
    pub(super) crc64: u64,
}

/// Finds the content of an unfinished file, at most up to `limit`. With `limit` 0 it is removed.
pub(super) fn find(target: &Target, limit: u64, is_blind: bool) -> Result<Option<Resumed>, Fault> {
    let Target { bucket, record, size, .. } = target;
    let largest = part_size(*size, PARTS_MAX) as u64 + LINES_MAX;
    let Some((facts, bytes)) = bucket.fetch(record, largest, LONG)? else { return Ok(None) };
    let partial = Partial::from_bytes(&bytes);
    let is_foreign = |partial: &Partial| target.owner.is_empty() || partial.owner != target.owner;
    if is_blind && partial.as_ref().is_none_or(is_foreign) {
        return Ok(None);
    }
    let (is_usable, upload) = match &partial {
        Some(partial) if limit > 0 && partial.attributes == target.attributes => (true, None),
        Some(partial) => (false, partial.upload.as_ref()),
        None => (false, None),
    };
    if let Some(partial) = partial.as_ref().filter(|_| is_usable) {
        let resumed = usable(target, partial.clone(), limit)?;
        if resumed.length > 0 {
            return Ok(Some(resumed));
        }
    }
    let now = jiff::Timestamp::now().as_nanosecond();
    let age = facts.attributes.modified.map(|at| now - i128::from(at));
    let is_abandoned = age.is_none_or(|age| age > ABANDONED.as_nanos() as i128);
    // Another client may still send that file.
    if is_abandoned && let Some(Recorded { id, .. }) = upload {
        bucket.abort((&target.key, id), LONG)?;
    }
    bucket.delete(record, LONG)?;
    Ok(None)
}

fn usable(target: &Target, partial: Partial, limit: u64) -> Result<Resumed, Fault> {
    let listed = match &partial.upload {
        Some(Recorded { id, .. }) => target.bucket.parts((&target.key, id), LONG)?,
        None => None,
    };
    Ok(prefix(partial, listed.as_deref(), target.size, limit))
}

/// The prefix of a file of this size that is in the parts that the storage lists, and in the tail; at most up to `limit`.
/// Without a list there is no upload. Another program may have changed the record.
fn prefix(mut partial: Partial, listed: Option<&[Part]>, size: Option<u64>, limit: u64) -> Resumed {
    let limit = size.map_or(limit, |size| size.min(limit));
    let (mut length, mut crc64) = (0, 0);
    let mut is_whole = true;
    if let Some(Recorded { parts, .. }) = &mut partial.upload {
        let mut kept = 0;
        for ((part, crc), listed) in parts.iter().zip(listed.unwrap_or_default()) {
            let end = part.size.saturating_add(length);
            let is_in_middle = part.size >= PART_MIN && end.is_multiple_of(UNIT);
            if part != listed || end > limit || !(is_in_middle || size == Some(end)) {
                break;
            }
            crc64 = checksum_combine(CrcAlgorithm::Crc64Nvme, crc64, *crc, part.size);
            length = end;
            kept += 1;
        }
        is_whole = listed.is_some() && kept == parts.len();
        parts.truncate(kept);
    }
    if listed.is_none() {
        partial.upload = None;
    }
    let mut end = if is_whole { limit.min(length + partial.tail.len() as u64) } else { length };
    if size != Some(end) {
        end = (end - end % UNIT).max(length);
    }
    partial.tail.truncate(usize::try_from(end - length).unwrap_or(usize::MAX));
    let crc64 = Fast::crc64(crc64, &partial.tail);
    Resumed { partial, length: end, crc64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::target::PART;

    fn part(size: u64, etag: &str) -> Part {
        Part { size, etag: etag.to_owned() }
    }

    /// The length, the number of parts and the length of the tail that are used of a record with a tail of 3,000 bytes.
    fn used(
        recorded: &[Part],
        listed: Option<&[Part]>,
        size: Option<u64>,
        limit: u64,
    ) -> (u64, Option<usize>, usize) {
        let parts = recorded.iter().map(|part| (part.clone(), 1)).collect();
        let upload = Some(Recorded { id: "u".to_owned(), parts });
        let partial = Partial { upload, tail: vec![7; 3000], ..Partial::default() };
        let resumed = prefix(partial, listed, size, limit);
        let parts = resumed.partial.upload.map(|upload| upload.parts.len());
        (resumed.length, parts, resumed.partial.tail.len())
    }

    #[test]
    fn a_prefix_is_in_the_parts_that_the_storage_lists_and_in_the_tail() {
        const P: u64 = PART as u64;
        let (one, two) = (part(P, "1"), part(P, "2"));
        let both = &[one.clone(), two.clone()][..];
        let used = |listed: Option<&[Part]>, size, limit| used(both, listed, size, limit);
        assert_eq!(used(Some(both), None, u64::MAX), (2 * P + 2048, Some(2), 2048));
        assert_eq!(used(Some(both), Some(2 * P + 3000), u64::MAX), (2 * P + 3000, Some(2), 3000));
        assert_eq!(used(Some(both), None, 2 * P + 1500), (2 * P + 1024, Some(2), 1024));
        assert_eq!(used(Some(both), None, P + 5), (P, Some(1), 0));
        // A part is missing, or another one has its number.
        assert_eq!(used(Some(&both[..1]), None, u64::MAX), (P, Some(1), 0));
        assert_eq!(used(Some(&[one, part(P, "x")]), None, u64::MAX), (P, Some(1), 0));
        assert_eq!(used(Some(&[two]), None, u64::MAX), (0, Some(0), 0));
        assert_eq!(used(None, None, u64::MAX), (0, None, 0));
        // The file has become shorter.
        assert_eq!(used(Some(both), Some(P + 100), u64::MAX), (P, Some(1), 0));
    }

    #[test]
    fn a_record_that_was_changed_makes_no_part_that_the_storage_refuses_later() {
        let small = &[part(7, "1")][..];
        assert_eq!(used(small, Some(small), None, u64::MAX), (0, Some(0), 0));
        assert_eq!(used(small, Some(small), Some(3007), u64::MAX), (0, Some(0), 0));
        // The last part of a file may be small, and nothing follows it.
        assert_eq!(used(small, Some(small), Some(7), u64::MAX), (7, Some(1), 0));
        let odd = &[part(PART as u64 + 1, "1")][..];
        assert_eq!(used(odd, Some(odd), None, u64::MAX), (0, Some(0), 0));
        let huge = &[part(PART as u64, "1"), part(u64::MAX, "2")][..];
        assert_eq!(used(huge, Some(huge), None, u64::MAX - 1), (PART as u64, Some(1), 0));
    }

    #[test]
    fn the_checksum_of_the_prefix_is_that_of_the_content() {
        let content: Vec<u8> = (0..PART_MIN + 2048).map(|at| ((at * 7) >> 3) as u8).collect();
        let (first, tail) = content.split_at(PART_MIN as usize);
        let recorded = (part(PART_MIN, "1"), Fast::crc64(0, first));
        let upload = Some(Recorded { id: "u".to_owned(), parts: vec![recorded] });
        let partial = Partial { upload, tail: tail.to_vec(), ..Partial::default() };
        let resumed = prefix(partial, Some(&[part(PART_MIN, "1")]), None, u64::MAX);
        assert_eq!((resumed.length, resumed.crc64), (PART_MIN + 2048, Fast::crc64(0, &content)));
    }
}

//! The content of an unfinished file that the storage has: the record, compared with the parts of its upload.

use std::time::Duration;

use crc_fast::{CrcAlgorithm, checksum_combine};
use tinyferry_core::checksum::Checksums as _;

use super::bucket::LONG;
use super::fault::Fault;
use super::partial::{Partial, Recorded};
use super::target::{PART, Target};
use crate::checksum::Fast;

/// A position to resume from is a multiple of this, in bytes.
const UNIT: u64 = 1024;
/// The age at which an unfinished file of another client counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(60);
/// The maximum size of a record.
const RECORD_MAX: u64 = (PART as u64) * 64;

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
    let Target { bucket, record, .. } = target;
    let Some((facts, bytes)) = bucket.fetch(record, RECORD_MAX, LONG)? else { return Ok(None) };
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

fn usable(target: &Target, mut partial: Partial, limit: u64) -> Result<Resumed, Fault> {
    let (mut length, mut crc64) = (0, 0);
    let mut is_whole = true;
    if let Some(Recorded { id, parts }) = &mut partial.upload {
        match target.bucket.parts((&target.key, id), LONG)? {
            None => {
                partial.upload = None;
                is_whole = false;
            }
            Some(listed) => {
                let mut kept = 0;
                for ((part, crc), listed) in parts.iter().zip(&listed) {
                    if part != listed || length + part.size > limit {
                        break;
                    }
                    crc64 = checksum_combine(CrcAlgorithm::Crc64Nvme, crc64, *crc, part.size);
                    length += part.size;
                    kept += 1;
                }
                is_whole = kept == parts.len();
                parts.truncate(kept);
            }
        }
    }
    let room = if is_whole { limit - length } else { 0 };
    let mut tail = (partial.tail.len() as u64).min(room);
    if target.size != Some(length + tail) {
        tail -= (length + tail) % UNIT;
    }
    partial.tail.truncate(tail as usize);
    length += tail;
    crc64 = Fast::crc64(crc64, &partial.tail);
    Ok(Resumed { partial, length, crc64 })
}

//! Removes what broken transfers have left: uploads that are neither complete nor aborted, and their records.

use std::time::Duration;

use super::bucket::{Bucket, LONG};
use super::fault::Fault;
use super::listing::PAGE;
use super::look::marker;
use super::partial::DIRECTORY;

/// Removes the uploads and the records below the prefix that are older than `least`; returns their number.
pub(crate) fn sweep(bucket: &Bucket, least: Duration) -> Result<u64, std::io::Error> {
    Ok(remove(bucket, least)?)
}

fn remove(bucket: &Bucket, least: Duration) -> Result<u64, Fault> {
    let now = jiff::Timestamp::now().as_nanosecond();
    let is_old = |at: Option<i64>| {
        at.is_some_and(|at| {
            now - i128::from(at) >= i128::try_from(least.as_nanos()).unwrap_or(i128::MAX)
        })
    };
    let mut removed = 0;
    // A part that came since does not make an upload younger: its record does.
    let records = marker(&bucket.key(DIRECTORY));
    let (mut token, mut young) = (None, std::collections::HashSet::new());
    loop {
        let page = bucket.list(&records, false, token.as_deref(), PAGE, LONG)?;
        for object in page.objects {
            if is_old(object.version.uploaded) {
                bucket.delete(&object.key, LONG)?;
            } else if let Some(path) = object.key.strip_prefix(&records) {
                young.insert(bucket.key(path));
            }
        }
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    for upload in bucket.uploads(&bucket.key(""), LONG)? {
        if is_old(upload.at) && !young.contains(&upload.key) {
            bucket.abort((&upload.key, &upload.id), LONG)?;
            removed += 1;
        }
    }
    Ok(removed)
}

//! Changes entries: removes them, and renames files, each by a copy inside the storage. Blocks.

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::Access;
use super::bucket::LONG;
use super::look::{Found, check_above, look, marker};
use super::objects::COPY_MAX;
use crate::fs::error::StoreError;
use crate::fs::names::split;
use crate::fs::policy::Existing;

/// What has changed.
#[derive(Debug)]
pub(super) enum Changed {
    Nothing,
    Removed(String),
    Renamed { from: String, to: String },
}

/// Removes a file, or a directory that is empty.
pub(super) fn remove(access: &Access, path: String, kind: Kind) -> Result<Changed, StoreError> {
    let (bucket, whole) = (&*access.bucket, access.whole(&path));
    let key = bucket.key(&whole);
    if kind == Kind::File {
        return match look(bucket, &whole, LONG)? {
            Found::Missing => Ok(Changed::Nothing),
            Found::Directory => Err(Reason::IsDirectory.into()),
            Found::File(_) => {
                bucket.delete(&key, LONG)?;
                Ok(Changed::Removed(path))
            }
        };
    }
    let marker = marker(&key);
    let page = bucket.list(&marker, false, None, 2, LONG)?;
    if page.objects.is_empty() {
        return match bucket.head(&key, LONG)? {
            Some(_) => Err(Reason::NotDirectory.into()),
            None => Ok(Changed::Nothing),
        };
    }
    if page.objects.iter().any(|object| object.key != marker) {
        return Err(Reason::NotEmpty.into());
    }
    bucket.delete(&marker, LONG)?;
    Ok(Changed::Removed(path))
}

/// Renames a file.
pub(super) fn rename(access: &Access, from: String, to: String) -> Result<Changed, StoreError> {
    let bucket = &*access.bucket;
    let (source, target) = (access.whole(&from), access.whole(&to));
    let at_target = look(bucket, &target, LONG)?;
    let facts = match look(bucket, &source, LONG)? {
        Found::File(facts) => facts,
        Found::Directory => {
            let detail = "an object storage cannot rename a directory; put its files to the new path and remove the old ones";
            return Err(StoreError::new(Reason::NotAllowed, detail));
        }
        // It was renamed before, and the answer was lost.
        Found::Missing => {
            return match at_target {
                Found::Missing => Err(Reason::NotFound.into()),
                _ => Ok(Changed::Nothing),
            };
        }
    };
    match at_target {
        Found::Directory => return Err(Reason::IsDirectory.into()),
        Found::File(_) if access.policy.existing != Existing::Replace => {
            let detail = "a file of that name exists, and this server does not replace it";
            return Err(StoreError::new(Reason::Exists, detail));
        }
        _ if facts.size > COPY_MAX => {
            let detail = "S3 copies no object above 5 GiB, and renames by a copy; put the file to the new path";
            return Err(StoreError::new(Reason::NotAllowed, detail));
        }
        Found::Missing | Found::File(_) => {}
    }
    check_above(bucket, &target, &access.root, LONG)?;
    let above = split(&target).0;
    if look(bucket, above, LONG)? == Found::Missing {
        let detail = format!("the directory \"{}\" does not exist", split(&to).0.escape_debug());
        return Err(StoreError::new(Reason::NotFound, &detail));
    }
    let (source, target) = (bucket.key(&source), bucket.key(&target));
    if source != target {
        bucket.copy((&source, &facts.etag), &target, None, LONG)?;
        bucket.delete(&source, LONG)?;
    }
    Ok(Changed::Renamed { from, to })
}

//! The requests about an offer: what is at its path, and what of the file was received before.

use std::collections::HashMap;

use tinyferry_core::store::Kind;

use super::Access;
use super::bucket::{Bucket, LONG};
use super::facts::Facts;
use super::look::{Found, Knowledge, Name, check_above, look, marker, names};
use super::resume::{self, Resumed};
use super::target::Target;
use super::unfinished::RECORDED_MIN;
use crate::fs::error::StoreError;
use crate::fs::names::split;

/// What is at the path of an offer.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) found: Found,
    /// The directory's marker, for the offer of a directory.
    pub(super) marker: Option<Facts>,
    pub(super) resumed: Option<Resumed>,
    /// The names of the directory above, if they were listed.
    pub(super) listed: Option<Option<HashMap<String, Name>>>,
}

/// The requests about an offer.
pub(super) fn look_at(
    access: &Access,
    path: &str,
    kind: Kind,
    resume: u64,
    target: &Target,
    (mut knowledge, lists): (Knowledge, bool),
) -> Result<Looked, StoreError> {
    let bucket: &Bucket = &access.bucket;
    let (whole, root) = (access.whole(path), access.root.as_str());
    let (above, name) = split(path);
    let mut listed = None;
    if knowledge == Knowledge::Unlisted {
        let names = names(bucket, &access.whole(above), LONG)?;
        knowledge = match &names {
            None => Knowledge::TooMany,
            Some(names) => names.get(name).map_or(Knowledge::Missing, |name| Knowledge::Is(*name)),
        };
        listed = Some(names);
    }
    let found = match knowledge {
        Knowledge::Missing => Found::Missing,
        Knowledge::Is(Name::Directory) if kind == Kind::Directory => Found::Directory,
        // Some storages list a directory from which all was removed.
        Knowledge::Is(_) | Knowledge::Unlisted | Knowledge::TooMany => look(bucket, &whole, LONG)?,
    };
    if !lists {
        check_above(bucket, &whole, root, LONG)?;
    }
    let marker = match (kind, &found) {
        (Kind::Directory, Found::Directory) if !whole.is_empty() => {
            bucket.head(&marker(&bucket.key(&whole)), LONG)?
        }
        _ => None,
    };
    let may_be_recorded = target.size.is_none_or(|size| size >= RECORDED_MIN);
    let resumed = match (kind, &found) {
        (Kind::File, Found::Missing | Found::File(_)) if may_be_recorded => {
            resume::find(target, resume, access.is_blind())?
        }
        _ => None,
    };
    Ok(Looked { found, marker, resumed, listed })
}

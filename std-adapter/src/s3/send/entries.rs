//! Entries as the other end receives them, and their open content.

use tinyferry_core::store::{Entry, Kind};

use super::request::OpenFile;
use crate::s3::Access;
use crate::s3::facts::Facts;
use crate::s3::reader::Reader;
use crate::s3::walk::{self, Item};

pub(super) fn open(access: &Access, path: String, item: Item) -> Option<OpenFile> {
    let walk::Entry::File { key, facts, content } = item.entry else { return None };
    let bucket = &access.bucket;
    let reader = match content {
        Some(content) => Reader::of_content(bucket, &key, &facts.etag, content),
        None => Reader::of_object(bucket, &key, &facts.etag, facts.size),
    };
    Some(OpenFile { reader, facts, path, position: 0, crc64: 0 })
}

pub(super) fn tree_entry(path: usize, facts: Option<&Facts>) -> Entry {
    let (modified, mode) =
        facts.map_or((None, None), |facts| (facts.attributes.modified, facts.attributes.mode));
    Entry { kind: Kind::Tree, size: None, modified, mode, ..Entry::file(path, 0) }
}

pub(super) fn item_entry(item: &Item, is_resumable: bool) -> Entry {
    let path = item.path.len();
    match &item.entry {
        walk::Entry::Directory(facts) => {
            Entry { kind: Kind::Directory, size: Some(0), ..tree_entry(path, facts.as_ref()) }
        }
        walk::Entry::File { facts, .. } => Entry {
            modified: facts.attributes.modified,
            mode: facts.attributes.mode,
            resumable: is_resumable,
            ..Entry::file(path, facts.size)
        },
    }
}

//! The entry that is offered for an item of the walk.

use std::fs::File;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Entry, Kind};

use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::send::file::SendFile;
use crate::fs::send::queue::SendQueue;
use crate::fs::send::recent::{Fate, Role};
use crate::fs::send::walk::Item;
use crate::fs::sys::metadata::FileMetadata;
use crate::fs::sys::times;

/// Opens a file to send it, or to follow it.
fn open_file(
    queue: &SendQueue,
    file: File,
    attributes: FileMetadata,
    follows: bool,
) -> Result<SendFile, StoreError> {
    match queue.last_origin().filter(|_| follows) {
        Some(origin) => SendFile::followed(file, attributes, origin),
        None => SendFile::new(file, attributes),
    }
}

/// Converts the next item to an entry, and opens its file.
pub(super) fn open_entry(
    queue: &mut SendQueue,
    item: Item,
    is_resumable: bool,
    role: Role,
    follows: bool,
    observer: &mut impl Observer,
) -> (Entry, Option<SendFile>) {
    let is_unsendable = matches!(item, Item::Unsendable(_));
    let (kind, attributes, open, error) = match item {
        Item::Directory(attributes) => (Kind::Directory, Some(attributes), None, None),
        Item::File(attributes, file) => match open_file(queue, file, attributes, follows) {
            Ok(open) => (Kind::File, Some(attributes), Some(open), None),
            Err(error) => (Kind::File, Some(attributes), None, Some(error)),
        },
        Item::Named(attributes) => (Kind::File, attributes, None, None),
        Item::Broken(kind, attributes, error) => (kind, attributes, None, Some(error)),
        // The queue returns links as operations.
        Item::Link(_) => (Kind::File, None, None, Some(Reason::SymbolicLink.into())),
        Item::Unsendable(error) => (Kind::File, None, None, Some(error)),
    };
    let size = match &open {
        Some(open) => open.size,
        None if kind == Kind::Directory => Some(0),
        None => attributes.map(|attributes| attributes.size),
    };
    let entry = Entry {
        kind,
        path: queue.path_in_tree().len(),
        size,
        modified: attributes.and_then(|attributes| attributes.modified),
        mode: attributes.and_then(|attributes| attributes.mode),
        resumable: is_resumable && open.is_some() && (size.is_some() || follows),
        broken: error.as_ref().map(|error| error.reason),
        content: open.as_ref().and_then(|open| Some(open.holes.as_ref()?.content)),
        operation: None,
    };
    let is_reofferable = entry.resumable && entry.size != Some(0);
    let fate = if is_reofferable { Fate::Reofferable } else { Fate::Final };
    queue.given(fate, kind, entry.size.unwrap_or(0), role, observer);
    if let Some(error) = error {
        match is_unsendable {
            true => queue.unsendable(error, observer),
            false => queue.broken(error, observer),
        }
        return (entry, open);
    }
    let (path, size, direction) = (queue.path(), entry.size, queue.direction());
    observer.event(Event::Begin { path, kind, size, prefix: 0, direction });
    if entry.modified.is_some_and(times::is_last) {
        let detail = "a time past the years 1677 and 2262 cannot be sent";
        observer.event(Event::Unset { path, detail });
    }
    if kind == Kind::Directory {
        queue.sent(0, None);
    }
    (entry, open)
}

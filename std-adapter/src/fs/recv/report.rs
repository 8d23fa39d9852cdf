//! Reports the entries that are in place.

use std::borrow::Cow;

use tinyferry_core::store::Kind;

use crate::fs::event::{Event, Observer};
use crate::fs::names::{join, split};
use crate::fs::sys::sync_unsupported;

/// Reports that an entry or a tree is in place, of this size and of which this many bytes were here before.
pub(super) fn report_done(
    path: &str,
    kind: Kind,
    (size, prefix): (u64, u64),
    sha256: Option<[u8; 32]>,
    observer: &mut impl Observer,
) {
    sync_unsupported::report(path, observer);
    observer.event(Event::Done { path, kind, size, prefix, sha256 });
}

/// The path of a file that is in place: with another name if the file of its own was kept, which is reported.
pub(super) fn stored_as<'a>(
    path: &'a str,
    other_name: Option<Box<str>>,
    observer: &mut impl Observer,
) -> Cow<'a, str> {
    let Some(other_name) = other_name else { return Cow::Borrowed(path) };
    let stored = join(split(path).0, &other_name);
    observer.event(Event::KeptBoth { path, stored: &stored });
    Cow::Owned(stored)
}

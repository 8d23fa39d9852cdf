//! The store, called through its trait as by a session, on a temporary directory.

mod announced;
mod bits;
mod blind;
mod committing;
mod confinement;
mod deferred;
mod digests;
mod files;
mod hostile;
mod links;
mod owners;
mod partial_limit;
mod partials;
mod quota;
mod receiving;
mod recorder;
mod removed;
mod renaming;
mod sending;
mod slow;
mod small;
mod trees;
mod walking;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use tempfile::TempDir;
use tinyferry_core::error::Reason;
use tinyferry_core::path::PATH_MAX;
use tinyferry_core::store::{Accepted, CommitFailed, Deferral, Entry, Kind, Offer, Store};

use self::files::{listing, make_fifo, mode, modified, set_mode, set_modified};
use self::recorder::Recorder;
use super::*;

const ALL: Rights = Rights { read: true, write: true, remove: false };

impl<O: Observer> Directory<O> {
    /// Waits for the deferred commits.
    fn flush_commits(&mut self) -> Result<(), CommitFailed> {
        loop {
            if let Poll::Ready(result) = self.poll_flush_commits() {
                return result;
            }
        }
    }
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// In memory, where the system has a file system there: for thousands of files, for which a disk takes seconds.
fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| temporary())
}

fn root(dir: &TempDir) -> Root {
    Root::open(dir.path()).unwrap()
}

fn serving(dir: &TempDir) -> Directory<Recorder> {
    Directory::serving(root(dir), ALL, Sync::Never, Recorder::default())
}

fn serving_with(dir: &TempDir, sync: Sync) -> Directory<Recorder> {
    Directory::serving(root(dir), ALL, sync, Recorder::default())
}

/// An offer of a file that may be resumed from anywhere.
fn file(path: &str, size: usize) -> Offer<'_> {
    Offer {
        path,
        kind: Kind::File,
        size: Some(size as u64),
        modified: None,
        mode: None,
        content: None,
        resume: size as u64,
        names_only: false,
        commit_id: None,
    }
}

fn tree(path: &str) -> Offer<'_> {
    Offer { kind: Kind::Tree, size: None, resume: 0, ..file(path, 0) }
}

fn directory(path: &str) -> Offer<'_> {
    Offer { kind: Kind::Directory, resume: 0, ..file(path, 0) }
}

/// Content that differs at every position.
fn content(size: usize) -> Vec<u8> {
    (0..size as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Stores all of it in order, in chunks.
fn store_all(store: &mut impl Store, from: usize, bytes: &[u8]) {
    for (index, chunk) in bytes.chunks(1024).enumerate() {
        let position = (from + index * 1024) as u64;
        assert_eq!(store.store(position, chunk), Ok(chunk.len()));
    }
}

/// Loads `size` bytes from a position on.
fn load_all(store: &mut impl Store, from: usize, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let mut done = 0;
    while done < size {
        let end = size.min(done + 1024);
        let count = store.load((from + done) as u64, &mut bytes[done..end]).unwrap();
        assert!(count > 0, "ended at {}", from + done);
        done += count;
    }
    bytes
}

fn put(store: &mut impl Store, offer: Offer<'_>, bytes: &[u8]) {
    let Accepted { prefix, .. } = store.offer(&offer).unwrap();
    assert_eq!(prefix, 0);
    store_all(store, 0, bytes);
    assert_eq!(store.commit(), Ok(()));
}

fn next(store: &mut impl Store) -> Option<(String, Entry)> {
    let mut path = [0; PATH_MAX];
    let entry = store.next(&mut path).unwrap()?;
    Some((std::str::from_utf8(&path[..entry.path]).unwrap().to_owned(), entry))
}

/// Asks for the offers only.
fn list_of(store: &mut impl Store, path: &str, tree: bool) -> Result<(), Reason> {
    store.names_only(true);
    store.open(path, tree)
}

/// All paths that come; directories end in `/`, the tree itself is left out.
fn names(store: &mut impl Store) -> Vec<String> {
    std::iter::from_fn(|| next(store))
        .filter_map(|(path, entry)| match entry.kind {
            Kind::Tree => None,
            Kind::Directory => Some(path + "/"),
            Kind::File => Some(path),
        })
        .collect()
}

/// All paths that come and can be sent, and those that cannot, with the reason.
fn entries(store: &mut impl Store) -> (Vec<String>, Vec<(String, Reason)>) {
    let (mut given, mut broken) = (Vec::new(), Vec::new());
    while let Some((path, entry)) = next(store) {
        match entry.broken {
            Some(reason) => broken.push((path, reason)),
            None if entry.kind == Kind::Directory => given.push(path + "/"),
            None if entry.kind == Kind::File => given.push(path),
            None => {}
        }
    }
    (given, broken)
}

fn named(broken: &[(&str, Reason)]) -> Vec<(String, Reason)> {
    broken.iter().map(|(path, reason)| ((*path).to_owned(), *reason)).collect()
}

/// Carries everything from one store to the other, as two machines would.
fn carry(from: &mut impl Store, to: &mut impl Store) {
    let mut is_tree = false;
    while let Some((path, entry)) = next(from) {
        let Entry { kind, size, modified, mode, .. } = entry;
        let resume = if entry.resumable { size.unwrap_or(0) } else { 0 };
        let offer = Offer {
            path: &path,
            kind,
            size,
            modified,
            mode,
            content: None,
            resume,
            names_only: false,
            commit_id: Some(1),
        };
        let Accepted { prefix, .. } = to.offer(&offer).unwrap();
        if let Some(reason) = entry.broken {
            to.abandon(reason, false);
            continue;
        }
        match kind {
            Kind::Tree => {
                is_tree = true;
                continue;
            }
            Kind::Directory => {}
            Kind::File => {
                let left = (size.unwrap() - prefix) as usize;
                let bytes = load_all(from, prefix as usize, left);
                store_all(to, prefix as usize, &bytes);
                assert_eq!(from.check(), Ok(()));
            }
        }
        assert_eq!(to.commit(), Ok(()));
    }
    if is_tree {
        assert_eq!(to.commit(), Ok(()));
    }
    from.completed();
}

/// Fails instead of hanging.
fn soon<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(10)).expect("it hangs")
}

//! The files of a client or of a device, as callbacks.

use core::ffi::c_void;

use tinyferry_core::Reason;
use tinyferry_core::store::{Accepted, Entry, Kind, Offer, Store};

/// Nothing has that path. The number is that of the protocol, as that of each reason.
pub const TINYFERRY_NOT_FOUND: u16 = 3;
/// Permission is denied.
pub const TINYFERRY_NO_PERMISSION: u16 = 4;
/// It is a directory.
pub const TINYFERRY_IS_DIRECTORY: u16 = 5;
/// It is not a directory.
pub const TINYFERRY_NOT_DIRECTORY: u16 = 6;
/// It is neither a file nor a directory.
pub const TINYFERRY_NOT_REGULAR: u16 = 7;
/// The path is not allowed.
pub const TINYFERRY_BAD_PATH: u16 = 8;
/// The name is too long.
pub const TINYFERRY_NAME_TOO_LONG: u16 = 9;
/// No space is left.
pub const TINYFERRY_NO_SPACE: u16 = 10;
/// It is larger than is allowed.
pub const TINYFERRY_TOO_LARGE: u16 = 11;
/// The storage failed.
pub const TINYFERRY_STORAGE: u16 = 12;
/// The file changed while it was read.
pub const TINYFERRY_SOURCE_CHANGED: u16 = 13;
/// The prefix belongs to other content: the file is offered again.
pub const TINYFERRY_PREFIX_DIFFERS: u16 = 14;
/// The digest differs: the file is offered again, if its offer could be resumed.
pub const TINYFERRY_DIGEST_DIFFERS: u16 = 15;
/// That is not allowed.
pub const TINYFERRY_NOT_ALLOWED: u16 = 19;
/// It, or a part of its path, is a symbolic link.
pub const TINYFERRY_SYMBOLIC_LINK: u16 = 27;
/// The first reason of the application: its own numbers are 32,768 to 65,534.
pub const TINYFERRY_APPLICATION: u16 = 32_768;

/// A size that is not known.
pub const TINYFERRY_NO_SIZE: u64 = u64::MAX;
/// A time that is not known.
pub const TINYFERRY_NO_TIME: i64 = i64::MIN;
/// Permission bits that are not known.
pub const TINYFERRY_NO_MODE: u32 = u32::MAX;

/// `kind`: there is no further entry.
pub const TINYFERRY_NONE: u8 = 0;
/// `kind`: a file.
pub const TINYFERRY_FILE: u8 = 1;
/// `kind`: a directory, as an entry of a tree.
pub const TINYFERRY_DIRECTORY: u8 = 2;
/// `kind`: a tree, before its entries.
pub const TINYFERRY_TREE: u8 = 3;

/// A file, a directory or a tree that the other end offers.
#[repr(C)]
pub struct tinyferry_offer {
    /// Its path, UTF-8 without a zero at the end, in a tree relative to the tree: names with one `/` between them, none of
    /// them `..` or `.`. Valid in the call only.
    pub path: *const u8,
    /// The bytes of the path.
    pub path_length: usize,
    /// Its size in bytes, or `TINYFERRY_NO_SIZE`.
    pub size: u64,
    /// The last modification in nanoseconds since 1970, or `TINYFERRY_NO_TIME`.
    pub modified: i64,
    /// Its permission bits, or `TINYFERRY_NO_MODE`.
    pub mode: u32,
    /// `TINYFERRY_FILE`, `TINYFERRY_DIRECTORY` or `TINYFERRY_TREE`.
    pub kind: u8,
    /// The highest position to resume from, in bytes. 0: drop any partial.
    pub resume: u64,
    /// Set it to the bytes that are there from before: a multiple of 1024, or the whole size, at most `resume`. Before the call: 0.
    pub prefix: u64,
    /// Set it if the bytes must come in order: the store cannot write at any position, or cannot read back. Before the
    /// call: false.
    pub in_order: bool,
}

/// An entry to send.
#[repr(C)]
pub struct tinyferry_entry {
    /// The size of a file in bytes, or `TINYFERRY_NO_SIZE`. Before the call: 0.
    pub size: u64,
    /// The last modification in nanoseconds since 1970. Before the call: `TINYFERRY_NO_TIME`.
    pub modified: i64,
    /// Permission bits. Before the call: `TINYFERRY_NO_MODE`.
    pub mode: u32,
    /// The bytes of the path that was written. Before the call: 0.
    pub path_length: usize,
    /// `TINYFERRY_FILE`, `TINYFERRY_DIRECTORY`, `TINYFERRY_TREE`, or `TINYFERRY_NONE`. Before the call: `TINYFERRY_NONE`.
    pub kind: u8,
    /// Whether the receiver may resume the file. Then `refused` must offer it once more, without this. Before the call: false.
    pub resumable: bool,
}

/// The files of a client or of a device. Null is allowed: an end without `offer` receives nothing, one without `open` and
/// `next` sends nothing. Each function gets `context`. A function that returns a number returns 0, or the reason of a
/// refusal (`TINYFERRY_NOT_FOUND`). `core/STORES.md` has all rules.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tinyferry_files {
    /// The first argument of each function.
    pub context: *mut c_void,
    /// Opens an offered entry to receive it. Nothing changes under its name before `commit`.
    pub offer:
        Option<unsafe extern "C" fn(context: *mut c_void, offer: *mut tinyferry_offer) -> u16>,
    /// Stores all these bytes of the open file at their position. Bytes come in any order up to 97 blocks past the first
    /// gap, unless `in_order` was set.
    pub store: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            position: u64,
            bytes: *const u8,
            length: usize,
        ) -> u16,
    >,
    /// Puts the open entry in place, whole or not at all, and closes it. After all entries it is called for the tree.
    pub commit: Option<unsafe extern "C" fn(context: *mut c_void) -> u16>,
    /// Closes the open file, received or sent, which will not be completed now. Its partial may stay for a resume, but not
    /// after `TINYFERRY_PREFIX_DIFFERS` and `TINYFERRY_DIGEST_DIFFERS`. `all`: the tree or the request ends as well.
    pub abandon: Option<unsafe extern "C" fn(context: *mut c_void, reason: u16, all: bool)>,
    /// Reads from the open file, received or sent. Sets the number of bytes, 0 only at its end.
    pub load: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            position: u64,
            into: *mut u8,
            length: usize,
            count: *mut usize,
        ) -> u16,
    >,
    /// The other end requests a file or a tree; `next` gives its entries. The empty path is the root.
    pub open: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            path: *const u8,
            path_length: usize,
            tree: bool,
        ) -> u16,
    >,
    /// Opens the next entry to send, and writes its path into a buffer of `capacity` bytes, without a zero at the end. Of a
    /// tree the first entry is the tree itself.
    pub next: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            path: *mut u8,
            capacity: usize,
            entry: *mut tinyferry_entry,
        ) -> u16,
    >,
    /// Checks that the sent file has not changed meanwhile: if it has, returns `TINYFERRY_SOURCE_CHANGED`. Null: no check.
    pub check: Option<unsafe extern "C" fn(context: *mut c_void) -> u16>,
    /// The other end has refused an entry, or this end has given it up; `entry` counts from 0 in the order of `next`. Returns
    /// whether `next` gives the file once more, without `resumable`: so it must after `TINYFERRY_PREFIX_DIFFERS` and
    /// `TINYFERRY_DIGEST_DIFFERS` if the entry was `resumable`. Null: never.
    pub refused:
        Option<unsafe extern "C" fn(context: *mut c_void, entry: u32, reason: u16) -> bool>,
}

/// 0 is success, any other number a reason.
fn result(code: u16) -> Result<(), Reason> {
    if code == 0 { Ok(()) } else { Err(Reason::from_code(code)) }
}

const fn kind_of(kind: Kind) -> u8 {
    match kind {
        Kind::File => TINYFERRY_FILE,
        Kind::Directory => TINYFERRY_DIRECTORY,
        Kind::Tree => TINYFERRY_TREE,
    }
}

// The functions that export a `tinyferry_files` demand that its functions are as documented.
impl Store for tinyferry_files {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let Some(call) = self.offer else { return Err(Reason::ReadOnly) };
        let mut offered = tinyferry_offer {
            path: offer.path.as_ptr(),
            path_length: offer.path.len(),
            size: offer.size.unwrap_or(TINYFERRY_NO_SIZE),
            modified: offer.modified.unwrap_or(TINYFERRY_NO_TIME),
            mode: offer.mode.unwrap_or(TINYFERRY_NO_MODE),
            kind: kind_of(offer.kind),
            resume: offer.resume,
            prefix: 0,
            in_order: false,
        };
        // SAFETY: the caller promises it for each function.
        result(unsafe { call(self.context, &raw mut offered) })?;
        Ok(Accepted { prefix: offered.prefix.min(offer.resume), in_order: offered.in_order })
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let Some(store) = self.store else { return Err(Reason::Storage) };
        // SAFETY: as above.
        result(unsafe { store(self.context, position, bytes.as_ptr(), bytes.len()) })?;
        Ok(bytes.len())
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let Some(load) = self.load else { return Err(Reason::Storage) };
        let mut count = 0;
        // SAFETY: as above.
        result(unsafe {
            load(self.context, position, into.as_mut_ptr(), into.len(), &raw mut count)
        })?;
        Ok(count.min(into.len()))
    }

    fn commit(&mut self) -> Result<(), Reason> {
        let Some(commit) = self.commit else { return Err(Reason::Storage) };
        // SAFETY: as above.
        result(unsafe { commit(self.context) })
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        if let Some(abandon) = self.abandon {
            // SAFETY: as above.
            unsafe { abandon(self.context, reason.code(), all) };
        }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let Some(open) = self.open else { return Err(Reason::WriteOnly) };
        // SAFETY: as above.
        result(unsafe { open(self.context, path.as_ptr(), path.len(), tree) })
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let Some(next) = self.next else { return Ok(None) };
        let mut entry = tinyferry_entry {
            size: 0,
            modified: TINYFERRY_NO_TIME,
            mode: TINYFERRY_NO_MODE,
            path_length: 0,
            kind: TINYFERRY_NONE,
            resumable: false,
        };
        // SAFETY: as above.
        result(unsafe { next(self.context, path.as_mut_ptr(), path.len(), &raw mut entry) })?;
        let kind = match entry.kind {
            TINYFERRY_FILE => Kind::File,
            TINYFERRY_DIRECTORY => Kind::Directory,
            TINYFERRY_TREE => Kind::Tree,
            _ => return Ok(None),
        };
        Ok(Some(Entry {
            kind,
            size: Some(entry.size).filter(|size| *size != TINYFERRY_NO_SIZE),
            modified: Some(entry.modified).filter(|time| *time != TINYFERRY_NO_TIME),
            mode: Some(entry.mode).filter(|mode| *mode != TINYFERRY_NO_MODE),
            resumable: entry.resumable,
            ..Entry::file(entry.path_length.min(path.len()), 0)
        }))
    }

    fn check(&mut self) -> Result<(), Reason> {
        // SAFETY: as above.
        result(self.check.map_or(0, |check| unsafe { check(self.context) }))
    }

    fn refused(&mut self, entry: u32, reason: Reason, _: &str) -> bool {
        // SAFETY: as above.
        self.refused.is_some_and(|refused| unsafe { refused(self.context, entry, reason.code()) })
    }
}

//! The state of a store over a file system.

use core::fmt;

use heapless::String;
use tinyferry_core::Reason;
use tinyferry_core::path::join;

use super::message::Message;
use super::partial::Inbound;
use super::walk::{Depth, Outbound};
use super::{Files, Info};

/// The open entry.
pub(super) enum Open<T, const PATH: usize> {
    Nothing,
    /// It is received.
    Directory(String<PATH>),
    /// It is received as a partial.
    Inbound(Inbound<T, PATH>),
    /// It is in place, and is the offered one if its content is the same.
    InPlace(T),
    /// An empty file that is offered and in place.
    EmptyInPlace,
    /// It is sent.
    Outbound(T),
}

/// The request at work.
#[expect(clippy::large_enum_variant, reason = "one of them at a time, and nothing can be boxed")]
pub(super) enum Request<const PATH: usize, const DEPTH: usize> {
    /// None, or a lone file is received.
    Nothing,
    /// The tree at this path is received.
    ReceiveTree(String<PATH>),
    /// A file or a tree is sent.
    Send(Outbound<PATH, DEPTH>),
}

/// A store over a file system. Paths have at most `PATH` bytes, and files at most `DEPTH` directories above them.
///
/// A client that puts calls [`Store::open`](tinyferry_core::Store::open) with the path of its file or tree first.
pub struct FileStore<F: Files, const PATH: usize = 128, const DEPTH: usize = 8> {
    pub(super) files: F,
    pub(super) open: Open<F::File, PATH>,
    pub(super) request: Request<PATH, DEPTH>,
    /// Whether the next request to send is for names only, and the number of levels of directories that it sends.
    pub(super) names_only: bool,
    pub(super) depth: Depth,
    /// The last refusal, and the message about one.
    pub(super) refused: Option<Reason>,
    pub(super) message: Message,
}

impl<F: Files, const PATH: usize, const DEPTH: usize> fmt::Debug for FileStore<F, PATH, DEPTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").finish_non_exhaustive()
    }
}

impl<F: Files, const PATH: usize, const DEPTH: usize> FileStore<F, PATH, DEPTH> {
    /// A store over a mounted file system, or over a reference to one, such as to a `static`.
    pub fn new(files: F) -> Self {
        Self {
            files,
            open: Open::Nothing,
            request: Request::Nothing,
            names_only: false,
            depth: None,
            refused: None,
            message: Message::default(),
        }
    }

    /// Closes the open file, and returns the file system.
    pub fn into_inner(mut self) -> F {
        let _ = self.close();
        self.files
    }

    /// The file system, for the firmware's own files. Another file is open in it while a transfer runs.
    pub const fn files(&mut self) -> &mut F {
        &mut self.files
    }

    /// Closes the open entry.
    pub(super) fn close(&mut self) -> Result<(), Reason> {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing | Open::Directory(_) | Open::EmptyInPlace => Ok(()),
            Open::Inbound(inbound) => inbound.close(&mut self.files),
            Open::InPlace(file) | Open::Outbound(file) => self.files.close(file),
        }
    }

    /// The path from the root of an entry of the tree that is received. Its names are allowed.
    pub(super) fn path_of(&self, path: &str) -> Result<String<PATH>, Reason> {
        let tree = match &self.request {
            Request::ReceiveTree(tree) => tree,
            _ => "",
        };
        self.checked(&join(tree, path).ok_or(Reason::NameTooLong)?)
    }

    /// The path, if it keeps the limits and its names are allowed.
    pub(super) fn checked(&self, path: &str) -> Result<String<PATH>, Reason> {
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case(F::PARTIAL) {
                return Err(Reason::BadPath);
            }
            self.files.check_name(name)?;
        }
        if path.split('/').count() > DEPTH.saturating_add(1) {
            return Err(Reason::TooDeep);
        }
        String::try_from(path).map_err(|_| Reason::NameTooLong)
    }

    /// Describes the entry at a path; `None` if there is none.
    pub(super) fn look_up(&mut self, path: &str) -> Result<Option<Info>, Reason> {
        if path.is_empty() {
            return Ok(Some(Info::Directory));
        }
        match self.files.stat(path) {
            Ok(info) => Ok(Some(info)),
            Err(Reason::NotFound) => Ok(None),
            Err(reason) => Err(reason),
        }
    }

    /// Creates a directory, and those above it, where they are missing.
    pub(super) fn create_directories(&mut self, path: &str) -> Result<(), Reason> {
        let ends = path.match_indices('/').map(|(end, _)| end);
        for directory in ends.chain([path.len()]).filter_map(|end| path.get(..end)) {
            match self.look_up(directory)? {
                Some(Info::Directory) => {}
                Some(Info::File { .. }) => return Err(Reason::NotDirectory),
                None => self.files.create_directory(directory)?,
            }
        }
        Ok(())
    }
}

/// The directory above an entry, and the name of the entry.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The path of the partial in the directory of an entry.
pub(super) fn partial_of<F: Files, const PATH: usize>(path: &str) -> Result<String<PATH>, Reason> {
    let partial = join(split(path).0, F::PARTIAL).ok_or(Reason::NameTooLong)?;
    String::try_from(partial.as_str()).map_err(|_| Reason::NameTooLong)
}

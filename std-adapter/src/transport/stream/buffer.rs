//! Memory that returns to the system when it is freed. An allocator keeps such pieces for each thread: a thousand idle
//! clients would use the memory of a thousand busy ones.

use std::io;
use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;
use tinyferry_core::Millis;

/// The maximum size of one system call, in bytes.
pub(crate) const BUFFER: usize = 64 * 1024;

/// The maximum size of a write that may cause much work, as a hole does, in bytes.
pub(super) const SMALL_WRITE: usize = 64;
/// The age of buffered output at which a small write sends it, in ms. Thousands of holes fit into the buffer.
pub(super) const MAX_OUTPUT_AGE_MS: Millis = 1_000;

/// A piece of memory.
#[derive(Debug)]
pub(crate) enum Buffer {
    Small(Vec<u8>),
    Mapped(MmapMut),
}

impl Buffer {
    /// [`BUFFER`] bytes.
    pub(crate) fn large() -> io::Result<Self> {
        Self::mapped(BUFFER)
    }

    /// This number of bytes.
    pub(crate) fn mapped(length: usize) -> io::Result<Self> {
        MmapMut::map_anon(length).map(Self::Mapped)
    }

    /// A few bytes.
    pub(crate) fn small(bytes: Vec<u8>) -> Self {
        Self::Small(bytes)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Mapped(bytes) => bytes,
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Small(bytes) => bytes,
            Self::Mapped(bytes) => bytes,
        }
    }
}

//! The store of a boot loader: one image, under one name.

use tinyferry_tiny::{Reason, Store};

/// An image in memory, and the constants of its store.
#[derive(Default, Clone)]
pub(crate) struct Image<const RESUMES: bool = false, const OUT_OF_ORDER: bool = false> {
    /// The image in place.
    pub(crate) bytes: Vec<u8>,
    /// The one that comes, and which of its bytes were stored.
    pub(crate) partial: Vec<u8>,
    pub(crate) stored: Vec<bool>,
    /// Bytes that were stored, those stored again included.
    pub(crate) written: usize,
    pub(crate) commits: usize,
    pub(crate) discards: usize,
    /// The position from which on the storage fails.
    pub(crate) fails_at: Option<u32>,
    pub(crate) commit_fails: bool,
}

/// The largest image.
pub(crate) const LARGEST: u32 = 1 << 20;

impl<const RESUMES: bool, const OUT_OF_ORDER: bool> Store for Image<RESUMES, OUT_OF_ORDER> {
    const RESUMES: bool = RESUMES;
    const OUT_OF_ORDER: bool = OUT_OF_ORDER;

    fn offer(&mut self, path: &[u8], size: u32) -> Result<(), Reason> {
        match path {
            b"image" if size <= LARGEST => {}
            b"image" => return Err(Reason::TooLarge),
            _ => return Err(Reason::NotFound),
        }
        if !RESUMES {
            self.partial.clear();
            self.stored.clear();
        }
        self.partial.resize(size as usize, 0);
        self.stored.resize(size as usize, false);
        Ok(())
    }

    fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        if self.fails_at.is_some_and(|at| position >= at) {
            return Err(Reason::Storage);
        }
        let at = position as usize;
        assert!(OUT_OF_ORDER || self.stored[..at].iter().all(|stored| *stored), "in order");
        self.partial[at..][..bytes.len()].copy_from_slice(bytes);
        self.stored[at..][..bytes.len()].fill(true);
        self.written += bytes.len();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        assert!(self.stored.iter().all(|stored| *stored), "complete");
        if self.commit_fails {
            return Err(Reason::NoSpace);
        }
        self.bytes = std::mem::take(&mut self.partial);
        self.stored.clear();
        self.commits += 1;
        Ok(())
    }

    fn prefix(&mut self, limit: u32) -> u32 {
        let known = self.stored.iter().take_while(|stored| **stored).count();
        limit.min(known as u32)
    }

    fn discard(&mut self) {
        self.stored.fill(false);
        self.discards += 1;
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        let at = position as usize;
        assert!(self.stored[at..][..into.len()].iter().all(|stored| *stored), "it was stored");
        into.copy_from_slice(&self.partial[at..][..into.len()]);
        Ok(())
    }
}

//! The digest of a file that comes in: it follows the position, and proves a prefix too (`PROTOCOL.md`, R59).

use super::RecvFile;
use crate::buffer::ChunkBuffer;
use crate::profile::{Capabilities, Profile};
use crate::transfer::Next;

/// The part of the file that was there when it was offered.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Prefix {
    None,
    /// Its digest is being computed.
    Proving {
        end: u64,
    },
    Proven {
        end: u64,
        digest: u64,
    },
}

impl RecvFile {
    pub(super) fn prefix<P: Profile>(&self) -> Prefix {
        if P::resumes() { self.prefix } else { Prefix::None }
    }

    /// Whether the digest of the file is the claimed one; `None` while one of them is not known.
    pub(in crate::transfer) fn is_as_claimed(&self) -> Option<bool> {
        let claimed = self.claimed.filter(|_| self.is_digested())?;
        Some(claimed == self.digest)
    }

    /// Whether the digest covers everything before the position.
    pub(crate) fn is_digested(&self) -> bool {
        self.digested == self.position
    }

    /// The number of bytes that are to be loaded back for the digest.
    pub(in crate::transfer) fn undigested<P: Profile>(&self) -> u64 {
        let end = match self.prefix::<P>() {
            Prefix::Proving { end } => end,
            _ => self.position,
        };
        debug_assert!(self.digested <= end, "the digest is past the position");
        end.saturating_sub(self.digested)
    }

    /// The next bytes to load back for the digest, up to the end of the prefix first.
    pub(in crate::transfer) fn next_digest<P: Profile>(&self) -> Option<Next> {
        let length = self.undigested::<P>().min(P::Buffer::PAYLOAD as u64) as u16;
        (length > 0).then_some(Next::Digest { position: self.digested, length })
    }

    /// `length` bytes were loaded back; `digest` continues over them. Whether that proves the
    /// prefix.
    pub(in crate::transfer) fn digested<P: Profile>(
        &mut self,
        length: u32,
        digest: impl FnOnce(u64) -> u64,
    ) -> bool {
        self.digest = digest(self.digest);
        self.digested = self.digested.saturating_add(length.into());
        match self.prefix::<P>() {
            Prefix::Proving { end } if self.digested >= end => {
                self.prefix = Prefix::Proven { end, digest: self.digest };
                true
            }
            _ => false,
        }
    }

    /// Whether there is a prefix, of which nothing was loaded back.
    pub(crate) fn has_unread_prefix<P: Profile>(&self) -> bool {
        matches!(self.prefix::<P>(), Prefix::Proving { .. }) && self.digested == 0
    }

    /// The digest of the prefix is known. Whether that proves it.
    pub(in crate::transfer) fn prefix_proven<P: Profile>(&mut self, digest: u64) -> bool {
        let Prefix::Proving { end } = self.prefix::<P>() else { return false };
        (self.digested, self.digest) = (end, digest);
        self.prefix = Prefix::Proven { end, digest };
        true
    }

    /// Continues the digest over bytes that were stored in order without it: from the digest so far
    /// to the position.
    pub(crate) fn digest_stored(&mut self, digest: impl FnOnce(u64, u64) -> u64) {
        self.digest = digest(self.digest, self.position);
    }
}

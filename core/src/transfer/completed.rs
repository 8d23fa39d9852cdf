//! The result of the last completed transfer.

use super::TransferId;
use crate::error::Reason;
use crate::store::Stat;
use crate::wire::Signal;

/// The result of the last completed transfer. It is kept, like TIME-WAIT of TCP: on a lossy link the
/// answer may be lost, and is repeated for each query (`PROTOCOL.md`, R26).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
// Aligned to words: a microcontroller needs no more, and padding would take RAM.
#[repr(Rust, packed(4))]
pub(crate) struct Completed {
    pub(crate) id: TransferId,
    end: End,
    /// In bytes; of a tree, in entries.
    size: u64,
    /// CRC-64 of a file; the value of a [`Stat`].
    digest: u64,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
enum End {
    /// It is in place; the facts and the granularity of a [`Stat`], else zeros.
    Done([u8; 2]),
    /// Size and digest are not sent.
    Refused(Reason),
}

impl Completed {
    /// A transfer that is in place.
    pub(crate) const fn done(id: TransferId, size: u64, digest: u64) -> Self {
        Self { id, end: End::Done([0; 2]), size, digest }
    }

    /// An operation that is performed.
    pub(crate) const fn operated(id: TransferId, stat: &Stat) -> Self {
        let end = End::Done([stat.facts, stat.granularity]);
        Self { id, end, size: stat.size, digest: stat.value }
    }

    /// A transfer that was refused.
    pub(crate) const fn refused(id: TransferId, reason: Reason) -> Self {
        Self { id, end: End::Refused(reason), size: 0, digest: 0 }
    }

    /// The result, without the size.
    pub(crate) fn result(&self) -> Result<(), Reason> {
        match self.end {
            End::Done(_) => Ok(()),
            End::Refused(reason) => Err(reason),
        }
    }

    /// The signal that tells the result.
    pub(crate) fn signal(&self, count: u16) -> Signal {
        match self.end {
            End::Done([facts, granularity]) => {
                let stat = Stat { size: self.size, value: self.digest, facts, granularity };
                Signal::operated(self.id.get(), count, &stat)
            }
            End::Refused(reason) => Signal::refuse(self.id.get(), 0, reason, 0),
        }
    }
}

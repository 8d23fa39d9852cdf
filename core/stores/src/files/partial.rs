//! The partial of a file that is received.

use heapless::String;
use tinyferry_core::Reason;

use super::Files;

/// An open partial.
pub(super) struct Inbound<T, const PATH: usize> {
    pub(super) path: String<PATH>,
    pub(super) modified: Option<i64>,
    pub(super) partial: Partial<T>,
}

pub(super) enum Partial<T> {
    /// No byte has come: a partial of another transfer stays until then.
    Unopened,
    Open {
        file: T,
        end: u64,
        unflushed: u64,
    },
}

impl<T, const PATH: usize> Inbound<T, PATH> {
    pub(super) fn close<F: Files<File = T>>(self, files: &mut F) -> Result<(), Reason> {
        match self.partial {
            Partial::Unopened => Ok(()),
            Partial::Open { file, .. } => files.close(file),
        }
    }

    pub(super) fn read<F: Files<File = T>>(
        &mut self,
        files: &mut F,
        position: u64,
        into: &mut [u8],
    ) -> Result<usize, Reason> {
        match &mut self.partial {
            Partial::Unopened => Ok(0),
            Partial::Open { file, .. } => files.read(file, position, into),
        }
    }
}

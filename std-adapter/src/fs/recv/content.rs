//! The content of the open file: stores it, and loads it again.

use tinyferry_core::error::Reason;

use super::RecvStore;
use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::limits::Limits;
use crate::fs::limits::quota::Share;
use crate::fs::names::split;

/// The bytes for which space is found at once where the size of a file is not known.
const GRANT: u64 = 16 * 1024;

impl RecvStore {
    pub(crate) fn store(
        &mut self,
        position: u64,
        bytes: &[u8],
        observer: &mut impl Observer,
    ) -> Result<usize, StoreError> {
        match self.write(position, bytes) {
            Ok(()) => {
                observer.event(Event::Moved { bytes: bytes.len() as u64 });
                Ok(bytes.len())
            }
            Err(error) => Err(self.fail_open(error, observer)),
        }
    }

    /// Stores a hole of the open file.
    pub(crate) fn store_zeros(
        &mut self,
        position: u64,
        length: u64,
        observer: &mut impl Observer,
    ) -> Result<u64, StoreError> {
        match self.write_zeros(position, length) {
            Ok(bytes) => {
                observer.event(Event::Hole { bytes });
                Ok(bytes)
            }
            Err(error) => Err(self.fail_open(error, observer)),
        }
    }

    /// The number of zeros at `position` of the open file, if its prefix has a hole there.
    pub(crate) fn hole(&mut self, position: u64) -> Option<u64> {
        self.open.as_mut()?.hole(position)
    }

    pub(crate) fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.buffer.digest(start, position, end)
    }

    pub(crate) fn load(
        &mut self,
        position: u64,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<usize, StoreError> {
        let Some(incoming) = &self.open else { return Err(Reason::Storage.into()) };
        match incoming.read(&mut self.buffer, position, into) {
            Ok(count) => {
                observer.event(Event::Verified { bytes: count as u64 });
                Ok(count)
            }
            Err(error) => Err(self.fail_open(error, observer)),
        }
    }

    fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let synced = self.begin_write(position, bytes.len() as u64)?;
        let incoming = self.open.as_mut().ok_or(Reason::Storage)?;
        incoming.write(&mut self.cursor, &mut self.buffer, synced, position, bytes)
    }

    /// Stores zeros of a hole; returns their number.
    fn write_zeros(&mut self, position: u64, length: u64) -> Result<u64, StoreError> {
        let synced = self.begin_write(position, length)?;
        let incoming = self.open.as_mut().ok_or(Reason::Storage)?;
        incoming.write_zeros(&mut self.cursor, &mut self.buffer, synced, position, length)
    }

    /// Prepares for content of `length` bytes at `position`. Returns whether new names are made durable.
    fn begin_write(&mut self, position: u64, length: u64) -> Result<bool, StoreError> {
        let synced = self.sync.is_due(self.tree.is_some());
        if let Some(tree) = &mut self.tree {
            tree.make_root(&mut self.cursor, self.sync)?;
        }
        let end = position.saturating_add(length);
        self.limits.check_end(end)?;
        self.find_space(end)?;
        Ok(synced)
    }

    /// Finds space for a file without a size up to `end`, beyond the reserve and within the quota.
    fn find_space(&mut self, end: u64) -> Result<(), StoreError> {
        let Limits { reserve, quota, reservations, .. } = &self.limits;
        let Some(open) = &mut self.open else { return Ok(()) };
        let is_limited = *reserve > 0 || quota.is_some();
        if !is_limited || open.expected.size.is_some() || end <= open.granted {
            return Ok(());
        }
        let granted = end.saturating_add(GRANT);
        let more = granted.saturating_sub(open.granted);
        let dir = self.cursor.nearest(split(&open.expected.path).0)?;
        drop(reservations.reserve(&dir, more, *reserve)?);
        if let Some(quota) = quota {
            let share = quota.take(self.cursor.root(), more)?;
            Share::join(&mut open.share, Some(share));
        }
        open.granted = granted;
        Ok(())
    }
}

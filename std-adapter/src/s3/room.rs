//! The memory that parts of files take while they are uploaded, for all clients of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// In bytes. One part of each client does not count: it makes progress in any case.
const ROOM: usize = 256 << 20;

#[derive(Debug, Clone, Default)]
pub(super) struct Room(Arc<AtomicUsize>);

/// Memory that is in use until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    room: Room,
    bytes: usize,
}

impl Room {
    /// Takes `bytes`; `None`: there is not so much now.
    pub(super) fn take(&self, bytes: usize) -> Option<Taken> {
        let add = |used: usize| used.checked_add(bytes).filter(|used| *used <= ROOM);
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).ok()?;
        Some(Taken { room: self.clone(), bytes })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_comes_back() {
        let room = Room::default();
        let taken = room.take(ROOM - 1);
        assert!(taken.is_some() && room.take(2).is_none());
        drop(taken);
        assert!(room.take(ROOM).is_some() && room.take(usize::MAX).is_none());
    }
}

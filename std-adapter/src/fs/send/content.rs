//! The content of the open file.

use tinyferry_core::error::Reason;

use super::SendStore;
use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::send::file::{Loaded, SendFile};

impl SendStore {
    pub(crate) fn load(
        &mut self,
        position: u64,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<usize, StoreError> {
        let Some(open) = &mut self.open else { return Err(Reason::Storage.into()) };
        match open.load(&mut self.buffer, position, into) {
            Ok(Loaded { count, fresh, is_prefix }) => {
                report_moved(fresh, observer);
                match (count as u64).saturating_sub(fresh) {
                    0 => {}
                    bytes if is_prefix => observer.event(Event::Verified { bytes }),
                    bytes => observer.event(Event::Resent { bytes }),
                }
                Ok(count)
            }
            Err(error) => {
                self.open = None;
                Err(self.fail(error, observer))
            }
        }
    }

    /// Whether content of the open file can be loaded behind the loaded one, or it ends there.
    pub(crate) fn has_more(&mut self) -> bool {
        self.open.as_mut().is_none_or(SendFile::has_more)
    }

    /// The number of zeros at `position` of the open file, if there is a hole.
    pub(crate) fn hole(&mut self, position: u64, observer: &mut impl Observer) -> Option<u64> {
        let open = self.open.as_mut()?;
        let hole = open.hole(position)?;
        report_moved(open.passed(position), observer);
        match open.passed(position.saturating_add(hole)) {
            0 => {}
            bytes => observer.event(Event::Hole { bytes }),
        }
        Some(hole)
    }

    pub(crate) fn check(
        &mut self,
        sha256: Option<[u8; 32]>,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        // A directory has no content that could change.
        let Some(open) = &mut self.open else { return Ok(()) };
        match open.check() {
            Ok(()) => {
                // It may end with a hole.
                match open.passed(open.size.unwrap_or(0)) {
                    0 => {}
                    bytes => observer.event(Event::Hole { bytes }),
                }
                if let Some(queue) = &mut self.queue {
                    queue.sent(open.loaded, sha256);
                    if queue.is_lone() {
                        observer.event(Event::Completing);
                    }
                }
                Ok(())
            }
            Err(error) => Err(self.fail(error, observer)),
        }
    }
}

fn report_moved(bytes: u64, observer: &mut impl Observer) {
    if bytes > 0 {
        observer.event(Event::Moved { bytes });
    }
}

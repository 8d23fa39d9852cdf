//! The partitions of `embassy-boot`.

use ::embassy_boot::{BlockingFirmwareState, FirmwareUpdaterError, State as Magic};
use embedded_storage::nor_flash::NorFlash;
use tinyferry_core::Reason;

use super::{BootLoader, State};

/// The largest word of a flash with a state partition, in bytes.
const WORD: usize = 32;
/// The word of the state partition that tells whether the first page was swapped.
const FIRST_PROGRESS: u32 = 2;
/// A word that was not written.
const ERASED: u8 = 0xFF;

/// The boot loader of the crate `embassy-boot`.
///
/// It swaps `active` and `download`, which it calls DFU and which has at least one page more. The state partition has a
/// magic word, and the progress of a swap. The boot loader verifies nothing itself: give the store a
/// [`Verify`](super::Verify).
#[derive(Debug)]
pub struct EmbassyBoot<A, D, S> {
    active: A,
    download: D,
    state: S,
}

impl<A: NorFlash, D: NorFlash, S: NorFlash> EmbassyBoot<A, D, S> {
    /// The three partitions, as the boot loader has them.
    pub const fn new(active: A, download: D, state: S) -> Self {
        const { assert!(S::WRITE_SIZE <= WORD && WORD.is_multiple_of(S::READ_SIZE)) };
        Self { active, download, state }
    }

    /// The three partitions back.
    pub fn into_inner(self) -> (A, D, S) {
        (self.active, self.download, self.state)
    }

    fn with_state<T>(
        &mut self,
        work: impl FnOnce(&mut BlockingFirmwareState<'_, &mut S>) -> Result<T, FirmwareUpdaterError>,
    ) -> Result<T, Reason> {
        let mut word = Word([0; WORD]);
        let word = word.0.get_mut(..S::WRITE_SIZE).ok_or(Reason::Storage)?;
        work(&mut BlockingFirmwareState::new(&mut self.state, word)).map_err(|_| Reason::Storage)
    }

    /// Whether the boot loader has begun to swap since the request.
    fn has_swapped(&mut self) -> Result<bool, Reason> {
        let mut word = Word([0; WORD]);
        let word = word.0.get_mut(..S::WRITE_SIZE).ok_or(Reason::Storage)?;
        let at = FIRST_PROGRESS.saturating_mul(word.len() as u32);
        self.state.read(at, word).map_err(|_| Reason::Storage)?;
        Ok(word.iter().all(|byte| *byte != ERASED))
    }
}

/// A word, aligned as any flash needs it.
#[repr(align(32))]
struct Word([u8; WORD]);

impl<A: NorFlash, D: NorFlash, S: NorFlash> BootLoader for EmbassyBoot<A, D, S> {
    type Running = A;
    type Download = D;

    fn running(&mut self) -> &mut A {
        &mut self.active
    }

    fn download(&mut self) -> &mut D {
        &mut self.download
    }

    fn room(&mut self) -> u32 {
        let page = A::ERASE_SIZE.max(D::ERASE_SIZE);
        let room = self.active.capacity().min(self.download.capacity().saturating_sub(page));
        u32::try_from(room).unwrap_or(u32::MAX)
    }

    fn state(&mut self) -> Result<State, Reason> {
        Ok(match self.with_state(|state| state.get_state())? {
            Magic::Swap if self.has_swapped()? => State::Trial,
            Magic::Swap => State::SwapRequested,
            Magic::Boot | Magic::Revert | Magic::DfuDetach => State::Confirmed,
        })
    }

    fn request_swap(&mut self) -> Result<(), Reason> {
        self.with_state(|state| state.mark_updated())
    }

    fn cancel_swap(&mut self) -> Result<(), Reason> {
        self.with_state(|state| state.mark_booted())
    }

    fn confirm(&mut self) -> Result<(), Reason> {
        self.with_state(|state| state.mark_booted())
    }
}

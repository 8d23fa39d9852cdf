//! The interface of a boot loader to a store of images.

use embedded_storage::nor_flash::NorFlash;
use tinyferry_core::Reason;

/// The state of the running image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It stays after a restart.
    Confirmed,
    /// It was swapped in and is not confirmed: after a restart the boot loader swaps back.
    Trial,
    /// It is confirmed, and the boot loader swaps after a restart: the downloaded image then runs on trial.
    SwapRequested,
}

/// A boot loader that swaps two partitions, as an application sees it.
///
/// Errors are [`Reason::Storage`]: the flash failed. Each method may be cut by a loss of power; then the state is the one
/// before or the one after.
pub trait BootLoader {
    /// The flash of the running image.
    type Running: NorFlash;
    /// The flash of the downloaded image.
    type Download: NorFlash;

    /// The partition that the running image is in. It is only read.
    fn running(&mut self) -> &mut Self::Running;

    /// The partition that receives an image.
    fn download(&mut self) -> &mut Self::Download;

    /// The bytes at the beginning of both partitions that are swapped, and are not the boot loader's own.
    fn room(&mut self) -> u32;

    /// The state of the running image.
    ///
    /// # Errors
    /// [`Reason::Storage`].
    fn state(&mut self) -> Result<State, Reason>;

    /// Asks for a swap after the next restart: the download partition has a complete image.
    ///
    /// # Errors
    /// [`Reason::Storage`].
    fn request_swap(&mut self) -> Result<(), Reason>;

    /// Takes the request back, before the download partition is overwritten.
    ///
    /// # Errors
    /// [`Reason::Storage`].
    fn cancel_swap(&mut self) -> Result<(), Reason>;

    /// Confirms the running image, which is on trial.
    ///
    /// # Errors
    /// [`Reason::Storage`].
    fn confirm(&mut self) -> Result<(), Reason>;
}

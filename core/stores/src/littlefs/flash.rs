//! A flash with an `embedded-storage` driver as the medium of a littlefs.

use embedded_storage::nor_flash::NorFlash;
use littlefs2::consts::{U16, U256};
use littlefs2::driver::Storage;
use littlefs2::io::Error;

/// The first `BLOCKS` sectors of a flash, as a medium for littlefs. Its caches have 256 bytes each: the flash's units
/// of reading and writing divide that, and a sector has at least 256 bytes.
#[derive(Debug)]
pub struct Flash<F, const BLOCKS: usize>(F);

impl<F: NorFlash, const BLOCKS: usize> Flash<F, BLOCKS> {
    /// A flash of `BLOCKS` sectors.
    pub const fn new(flash: F) -> Self {
        const {
            assert!(
                256 % F::WRITE_SIZE == 0 && 256 % F::READ_SIZE == 0 && F::ERASE_SIZE % 256 == 0
            );
        }
        Self(flash)
    }

    /// The flash.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F: NorFlash, const BLOCKS: usize> Storage for Flash<F, BLOCKS> {
    type CACHE_SIZE = U256;
    type LOOKAHEAD_SIZE = U16;

    const READ_SIZE: usize = F::READ_SIZE;
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const BLOCK_SIZE: usize = F::ERASE_SIZE;
    const BLOCK_COUNT: usize = BLOCKS;
    /// littlefs moves a block of metadata after this number of erasures of it.
    const BLOCK_CYCLES: isize = 500;

    fn read(&mut self, offset: usize, into: &mut [u8]) -> littlefs2::io::Result<usize> {
        let offset = u32::try_from(offset).map_err(|_| Error::INVALID)?;
        self.0.read(offset, into).map(|()| into.len()).map_err(|_| Error::IO)
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> littlefs2::io::Result<usize> {
        let offset = u32::try_from(offset).map_err(|_| Error::INVALID)?;
        self.0.write(offset, bytes).map(|()| bytes.len()).map_err(|_| Error::IO)
    }

    fn erase(&mut self, offset: usize, length: usize) -> littlefs2::io::Result<usize> {
        let from = u32::try_from(offset).map_err(|_| Error::INVALID)?;
        let length = u32::try_from(length).map_err(|_| Error::INVALID)?;
        let to = from.checked_add(length).ok_or(Error::INVALID)?;
        self.0.erase(from, to).map(|()| 0).map_err(|_| Error::IO)
    }
}

//! The three partitions of the boot loader, in the 16 MiB of memory from 0x2100_0000 on. QEMU keeps them in a file, so
//! that they survive a loss of power. They behave like NOR flash with words of 4 bytes and sectors of 4096.

use core::ptr::{read_volatile, write_volatile};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

const SECTOR: u32 = 4096;
/// The time that the erase of a sector takes, in cycles: 20 ms.
const ERASE: u32 = 500_000;
/// Sectors of the active partition: 256 KiB.
const ACTIVE: u32 = 64;

/// A partition: its address and its length in bytes.
pub struct Partition {
    start: u32,
    length: u32,
}

impl Partition {
    /// The running application.
    pub const ACTIVE: Self = Self::new(0, ACTIVE);
    /// The partition for a new image, one sector larger.
    pub const DOWNLOAD: Self = Self::new(ACTIVE, ACTIVE + 1);
    /// The state of the boot loader.
    pub const STATE: Self = Self::new(2 * ACTIVE + 1, 1);

    const fn new(first: u32, sectors: u32) -> Self {
        Self { start: 0x2100_0000 + first * SECTOR, length: sectors * SECTOR }
    }

    /// Its start in memory.
    #[allow(dead_code)]
    pub const fn start(&self) -> u32 {
        self.start
    }
}

impl ErrorType for Partition {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Partition {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        for (address, byte) in (self.start + offset..).zip(bytes) {
            // SAFETY: within the partition.
            *byte = unsafe { read_volatile(address as *const u8) };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.length as usize
    }
}

impl NorFlash for Partition {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        // As long as a real one takes, at 25 MHz.
        cortex_m::asm::delay((to - from) / SECTOR * ERASE);
        for address in (self.start + from..self.start + to).step_by(4) {
            // SAFETY: within the partition. No program writes to the one that it runs from.
            unsafe { write_volatile(address as *mut u32, u32::MAX) };
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        for (address, word) in (self.start + offset..).step_by(4).zip(bytes.as_chunks().0) {
            let address = address as *mut u32;
            // SAFETY: within the partition. A write clears bits only.
            unsafe { write_volatile(address, read_volatile(address) & u32::from_le_bytes(*word)) };
        }
        Ok(())
    }
}

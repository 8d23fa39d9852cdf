//! NOR flash in RAM: an erase sets all bits of a sector, a write clears bits. A reset keeps it.

use core::mem::MaybeUninit;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// The size of a sector, in bytes.
const SECTOR: usize = 4096;
/// The number of sectors.
pub const SECTORS: usize = 256;

/// The runtime clears no memory of this section.
#[unsafe(link_section = ".uninit.FLASH")]
static mut FLASH: MaybeUninit<[u8; SECTOR * SECTORS]> = MaybeUninit::uninit();

/// The flash.
pub struct RamFlash(&'static mut [u8]);

impl RamFlash {
    /// The flash with its content; to be called once.
    pub fn take() -> Self {
        // SAFETY: this is the only use, and each byte of RAM has a value.
        Self(unsafe { (*(&raw mut FLASH)).assume_init_mut() })
    }
}

impl ErrorType for RamFlash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, into.len())?;
        let from = self.0.iter().skip(offset as usize);
        into.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        SECTOR * SECTORS
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = 16;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        let erased = self.0.iter_mut().take(to as usize).skip(from as usize);
        erased.for_each(|byte| *byte = 0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let to = self.0.iter_mut().skip(offset as usize);
        to.zip(bytes).for_each(|(to, from)| *to &= *from);
        Ok(())
    }
}

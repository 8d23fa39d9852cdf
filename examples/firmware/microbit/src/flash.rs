//! The second half of the nRF51's own flash, through its NVMC.

use core::ptr::{read_volatile, write_volatile};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// The first half is the program's: `build.rs`.
const START: u32 = 128 << 10;
const LENGTH: usize = 128 << 10;

const READY: usize = 0x4001_E400;
const CONFIG: usize = 0x4001_E504;
const ERASE_PAGE: usize = 0x4001_E508;

pub struct Flash;

/// Lets the NVMC write or erase, waits for it, and only then lets it read again.
fn with_mode(mode: u32, work: impl FnOnce()) {
    // SAFETY: registers of this chip. The processor stops while the flash is busy.
    unsafe {
        write_volatile(CONFIG as *mut u32, mode);
        work();
        while read_volatile(READY as *const u32) & 1 == 0 {}
        write_volatile(CONFIG as *mut u32, 0);
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        for (address, byte) in (START + offset..).zip(bytes) {
            // SAFETY: within the flash.
            *byte = unsafe { read_volatile(address as *const u8) };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        LENGTH
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        for page in (START + from..START + to).step_by(Self::ERASE_SIZE) {
            // SAFETY: a page of the flash without code.
            with_mode(2, || unsafe { write_volatile(ERASE_PAGE as *mut u32, page) });
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        for (address, word) in (START + offset..).step_by(4).zip(bytes.chunks_exact(4)) {
            let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            // SAFETY: a word of the flash without code.
            with_mode(1, || unsafe { write_volatile(address as *mut u32, word) });
        }
        Ok(())
    }
}

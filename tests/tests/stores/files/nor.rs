//! NOR flash without error correction: an erase sets all bits of a sector, a write clears bits. littlefs needs that,
//! since it writes words again in which the power went.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use tinyferry_kit::Random;

/// The size of a sector, and their number.
const SECTOR: usize = 4096;
pub(crate) const SECTORS: usize = 64;

/// A flash whose power goes in the middle of an operation.
#[derive(Clone)]
pub(crate) struct Nor {
    bytes: Vec<u8>,
    /// The erases and writes before the one in which the power goes; `None`: it does not.
    pub(crate) power: Option<u64>,
    /// The erases and writes.
    pub(crate) operations: u64,
    /// The erases among them.
    pub(crate) erases: u64,
    random: Random,
}

impl Nor {
    pub(crate) fn new() -> Self {
        let bytes = vec![0; SECTOR * SECTORS];
        Self { bytes, power: None, operations: 0, erases: 0, random: Random::new(1) }
    }

    /// Performs an operation that makes `new` of the byte at each place. Without power nothing is changed, and in the
    /// last operation only the bytes before a random place, and random bits of the next 16.
    fn change(
        &mut self,
        at: usize,
        length: usize,
        new: impl Fn(usize, u8) -> u8,
    ) -> Result<(), NorFlashErrorKind> {
        let is_last = self.power == Some(0);
        let done = if is_last { self.random.below(length + 1) } else { length };
        if self.power == Some(u64::MAX) {
            return Err(NorFlashErrorKind::Other);
        }
        self.power = self.power.map(|left| left.checked_sub(1).unwrap_or(u64::MAX));
        self.operations += 1;
        for (place, byte) in self.bytes[at..at + length].iter_mut().enumerate().take(done + 16) {
            let changed = *byte ^ new(place, *byte);
            *byte ^= if place < done { changed } else { changed & self.random.next() as u8 };
        }
        if is_last { Err(NorFlashErrorKind::Other) } else { Ok(()) }
    }
}

impl ErrorType for Nor {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Nor {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, into.len())?;
        into.copy_from_slice(&self.bytes[offset as usize..][..into.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Nor {
    const WRITE_SIZE: usize = 16;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to).expect("whole sectors are erased");
        self.erases += 1;
        self.change(from as usize, (to - from) as usize, |_, _| 0xFF)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len()).expect("whole words are written");
        self.change(offset as usize, bytes.len(), |place, byte| byte & bytes[place])
    }
}

//! NOR flash in memory that is as strict as a real one, and whose power fails at any moment.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

use crate::Random;

/// NOR flash with words of `WORD` bytes and sectors of `SECTOR` bytes.
///
/// It panics if a read, a write or an erase is not of whole words or sectors, and if a word is written that was not
/// erased. A word may be overwritten with zeros, as most flashes allow.
#[derive(Debug, Clone)]
pub struct Flash<const WORD: usize, const SECTOR: usize> {
    /// Its content.
    pub bytes: Vec<u8>,
    /// The erases and writes until its power fails in the middle of the last one; `None`: it does not fail. The
    /// operation leaves random bytes from a random place on.
    pub power: Option<u64>,
    /// The erases and writes so far.
    pub operations: u64,
    /// Where the random bytes come from.
    pub random: Random,
    /// The words that were written since their sector was erased.
    written: Vec<bool>,
}

impl<const WORD: usize, const SECTOR: usize> Flash<WORD, SECTOR> {
    /// A flash of zeros that was never erased.
    pub fn new(capacity: usize) -> Self {
        let (bytes, written) = (vec![0; capacity], vec![true; capacity / WORD]);
        Self { bytes, power: None, operations: 0, random: Random::new(1), written }
    }

    /// Counts an operation on `length` bytes at `at`, and lets the power fail in it.
    fn spend(&mut self, at: usize, length: usize) -> Result<(), NorFlashErrorKind> {
        self.operations += 1;
        match &mut self.power {
            None => Ok(()),
            Some(0) => Err(NorFlashErrorKind::Other),
            Some(left) => {
                *left -= 1;
                if *left > 0 {
                    return Ok(());
                }
                let undefined = at + self.random.below(length)..at + length;
                for byte in &mut self.bytes[undefined] {
                    *byte = self.random.next() as u8;
                }
                self.written[at / WORD..(at + length) / WORD].fill(true);
                Err(NorFlashErrorKind::Other)
            }
        }
    }
}

impl<const WORD: usize, const SECTOR: usize> ErrorType for Flash<WORD, SECTOR> {
    type Error = NorFlashErrorKind;
}

impl<const WORD: usize, const SECTOR: usize> ReadNorFlash for Flash<WORD, SECTOR> {
    const READ_SIZE: usize = WORD;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len()).expect("a read of whole words");
        bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WORD: usize, const SECTOR: usize> NorFlash for Flash<WORD, SECTOR> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to).expect("whole sectors are erased");
        let (from, to) = (from as usize, to as usize);
        self.spend(from, to - from)?;
        self.bytes[from..to].fill(0xFF);
        self.written[from / WORD..to / WORD].fill(false);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len()).expect("whole words are written");
        let at = offset as usize;
        let words = &mut self.written[at / WORD..(at + bytes.len()) / WORD];
        for (written, word) in words.iter_mut().zip(bytes.chunks(WORD)) {
            assert!(
                !*written || word.iter().all(|byte| *byte == 0),
                "a word at {at} is written twice"
            );
            *written = true;
        }
        self.spend(at, bytes.len())?;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

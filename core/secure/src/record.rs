//! Records: one direction of a channel, sealed and opened in order.

use core::mem;

use crate::ciphers::{Ciphers, TAG};
use crate::error::Error;
use crate::keys::Secret;
use crate::noise::Choice;
use crate::suite::{AesGcm, ChaChaPoly, Suite, open, rekeyed, seal};

/// The length of the header before each record, in bytes: length and number, not encrypted.
pub(crate) const HEADER: usize = 6;
/// The bytes that a record adds to its content.
pub(crate) const OVERHEAD: usize = HEADER + KIND + TAG;
/// The first encrypted byte.
pub(crate) const KIND: usize = 1;
/// The longest record, in bytes after the header: the limit of Noise.
pub(crate) const MAX_RECORD: u16 = u16::MAX;
/// The number of records after which a direction takes its next key.
pub(crate) const REKEY_AFTER: u64 = 4096;

/// The meaning of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Data = 0,
    Close = 1,
}

impl Kind {
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Data),
            1 => Some(Self::Close),
            _ => None,
        }
    }
}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The bytes after the header.
    pub(crate) length: u16,
    /// The low half of the record's number.
    pub(crate) number: u32,
}

impl Header {
    pub(crate) const fn from_bytes(bytes: &[u8; HEADER]) -> Self {
        let [l0, l1, n0, n1, n2, n3] = *bytes;
        let (length, number) = ([l0, l1], [n0, n1, n2, n3]);
        Self { length: u16::from_le_bytes(length), number: u32::from_le_bytes(number) }
    }

    pub(crate) const fn to_bytes(self) -> [u8; HEADER] {
        let [l0, l1] = self.length.to_le_bytes();
        let [n0, n1, n2, n3] = self.number.to_le_bytes();
        [l0, l1, n0, n1, n2, n3]
    }
}

/// The cipher, the key and the count of one direction.
pub(crate) struct Half<C: Ciphers> {
    suite: Choice<C>,
    key: Secret<32>,
    number: u64,
}

impl<C: Ciphers> Half<C> {
    pub(crate) fn new(suite: Choice<C>, key: Secret<32>) -> Self {
        Self { suite, key, number: 0 }
    }

    pub(crate) const fn is_aes(&self) -> bool {
        matches!(self.suite, Choice::AesGcm(_))
    }

    /// Moves it out, and leaves zeros in place of the key.
    pub(crate) fn take(&mut self) -> Self {
        let key = mem::replace(&mut self.key, Secret([0; 32]));
        Self { suite: self.suite, key, number: self.number }
    }

    /// The key alone, for a lossy line.
    pub(crate) fn into_key(self) -> Secret<32> {
        self.key
    }

    /// The low half of the number that comes next.
    pub(crate) const fn number(&self) -> u32 {
        self.number as u32
    }

    /// Encrypts the next record; the tag goes into the last 16 bytes.
    pub(crate) fn seal(&mut self, record: &mut [u8]) -> Result<(), Error> {
        match self.suite {
            Choice::ChaChaPoly => self.seal_by::<ChaChaPoly<C>>(record),
            Choice::AesGcm(_) => self.seal_by::<AesGcm<C>>(record),
        }
    }

    fn seal_by<S: Suite>(&mut self, record: &mut [u8]) -> Result<(), Error> {
        let after = self.after()?;
        seal::<S>(&self.key, self.number, &[], record);
        self.go_to::<S>(after);
        Ok(())
    }

    /// Decrypts the next record, whose header says number `claimed`. A genuine record that is not the
    /// next one was replayed or came too early; the distance can be known while its key is the
    /// present one.
    pub(crate) fn open(&mut self, claimed: u32, record: &mut [u8]) -> Result<(), Error> {
        match self.suite {
            Choice::ChaChaPoly => self.open_by::<ChaChaPoly<C>>(claimed, record),
            Choice::AesGcm(_) => self.open_by::<AesGcm<C>>(claimed, record),
        }
    }

    fn open_by<S: Suite>(&mut self, claimed: u32, record: &mut [u8]) -> Result<(), Error> {
        let after = self.after()?;
        let off = i64::from(claimed.wrapping_sub(self.number()) as i32);
        let number = self.number.checked_add_signed(off).ok_or(Error::Tampered)?;
        let has_this_key = number.checked_div(REKEY_AFTER) == self.number.checked_div(REKEY_AFTER);
        if !has_this_key || !open::<S>(&self.key, number, &[], record) {
            return Err(Error::Tampered);
        }
        match off {
            0 => {
                self.go_to::<S>(after);
                Ok(())
            }
            ..0 => Err(Error::Replayed),
            1.. => Err(Error::OutOfOrder),
        }
    }

    /// The number after the next; the highest is not for records.
    fn after(&self) -> Result<u64, Error> {
        self.number.checked_add(1).ok_or(Error::Exhausted)
    }

    fn go_to<S: Suite>(&mut self, number: u64) {
        self.number = number;
        if number.is_multiple_of(REKEY_AFTER) {
            self.key = rekeyed::<S>(&self.key);
        }
    }
}

//! The slots of MCUboot.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use tinyferry_core::Reason;

use super::{BootLoader, State};

/// Length of the magic in bytes.
const MAGIC: usize = 16;
/// The magic of boot loaders whose largest alignment is 8 bytes.
const MAGIC_8: [u8; MAGIC] = [
    0x77, 0xC2, 0x95, 0xF3, 0x60, 0xD2, 0xEF, 0x7F, 0x35, 0x52, 0x50, 0x0F, 0x2C, 0xB6, 0x79, 0x80,
];
/// The magic of all others; its first two bytes are the alignment.
const MAGIC_ALIGNED: [u8; MAGIC] =
    [0, 0, 0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B, 0x8D, 0x77, 0x67, 0x9C, 0x11, 0x0F, 0x1F, 0x8A];
/// A flag that is set.
const SET: u8 = 0x01;
/// A flag or a magic that was not written.
const ERASED: u8 = 0xFF;
/// The kind of a swap whose image runs on trial.
const SWAP_TYPE_TEST: u8 = 2;
/// The largest alignment that has room here, in bytes.
const ALIGN_MAX: usize = 32;

/// The boot loader MCUboot, with a primary and a secondary slot that it swaps ("swap using scratch" or "using move"), or
/// with a primary slot that it overwrites.
///
/// The image is one for MCUboot, with its header and its signature, as `imgtool sign` makes it, without `--pad`. MCUboot
/// verifies the signature before it swaps; a [`Verify`](super::Verify) lets the sender know.
///
/// Both slots end with a trailer. `ALIGN` is the boot loader's `BOOT_MAX_ALIGN`, 8 unless it was configured:
///
/// | bytes from the end | field |
/// |---|---|
/// | 16 | magic |
/// | max(16, `ALIGN`) + `ALIGN` | image OK: 0x01, the image is confirmed |
/// | + `ALIGN` | copy done: 0x01, the swap is complete |
/// | + `ALIGN` | swap info: the kind of the swap |
/// | + `ALIGN` | swap size |
/// | + 3 · sectors · word | swap status |
#[derive(Debug)]
pub struct Mcuboot<P, S, const ALIGN: usize = 8> {
    primary: P,
    secondary: S,
    sectors: u32,
}

/// The magic of a trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Magic {
    Good,
    Unset,
    Bad,
}

impl<P: NorFlash, S: NorFlash, const ALIGN: usize> Mcuboot<P, S, ALIGN> {
    /// Both slots. `sectors` is the boot loader's `BOOT_MAX_IMG_SECTORS`, 128 unless it was configured.
    pub const fn new(primary: P, secondary: S, sectors: u32) -> Self {
        const {
            assert!(ALIGN.is_power_of_two() && ALIGN >= 8 && ALIGN <= ALIGN_MAX);
            assert!(ALIGN.is_multiple_of(P::WRITE_SIZE) && ALIGN.is_multiple_of(S::WRITE_SIZE));
            assert!(ALIGN.is_multiple_of(P::READ_SIZE) && ALIGN.is_multiple_of(S::READ_SIZE));
        }
        Self { primary, secondary, sectors }
    }

    /// Both slots back.
    pub fn into_inner(self) -> (P, S) {
        (self.primary, self.secondary)
    }

    const UNIT: u32 = ALIGN as u32;
    const MAGIC_FROM_END: u32 = (MAGIC as u32).next_multiple_of(Self::UNIT);
    const IMAGE_OK_FROM_END: u32 = Self::MAGIC_FROM_END + Self::UNIT;
    const COPY_DONE_FROM_END: u32 = Self::IMAGE_OK_FROM_END + Self::UNIT;
    const SWAP_INFO_FROM_END: u32 = Self::COPY_DONE_FROM_END + Self::UNIT;
    const SWAP_SIZE_FROM_END: u32 = Self::SWAP_INFO_FROM_END + Self::UNIT;

    /// The magic of this alignment.
    const fn magic() -> [u8; MAGIC] {
        if ALIGN == 8 {
            return MAGIC_8;
        }
        let mut magic = MAGIC_ALIGNED;
        let [low, high, ..] = &mut magic;
        [*low, *high] = (ALIGN as u16).to_le_bytes();
        magic
    }

    /// The length of a trailer in bytes, without keys of encrypted images.
    fn trailer(&self) -> u32 {
        let word = S::WRITE_SIZE.max(P::WRITE_SIZE) as u32;
        let status = self.sectors.saturating_mul(3).saturating_mul(word);
        status.saturating_add(Self::SWAP_SIZE_FROM_END)
    }
}

/// A unit of the trailer, so far from the end of a slot.
fn read<F: ReadNorFlash, const LENGTH: usize>(
    slot: &mut F,
    from_end: u32,
) -> Result<[u8; LENGTH], Reason> {
    let mut bytes = [0; LENGTH];
    slot.read(place(slot, from_end)?, &mut bytes).map_err(|_| Reason::Storage)?;
    Ok(bytes)
}

fn place<F: ReadNorFlash>(slot: &F, from_end: u32) -> Result<u32, Reason> {
    let end = u32::try_from(slot.capacity()).map_err(|_| Reason::Storage)?;
    end.checked_sub(from_end).ok_or(Reason::Storage)
}

/// Writes a byte of the trailer, padded to `ALIGN`.
fn write_flag<F: NorFlash, const ALIGN: usize>(
    slot: &mut F,
    from_end: u32,
    value: u8,
) -> Result<(), Reason> {
    let mut unit = [ERASED; ALIGN];
    if let Some(first) = unit.first_mut() {
        *first = value;
    }
    let at = place(slot, from_end)?;
    slot.write(at, &unit).map_err(|_| Reason::Storage)
}

impl<P: NorFlash, S: NorFlash, const ALIGN: usize> Mcuboot<P, S, ALIGN> {
    fn magic_of<F: NorFlash>(slot: &mut F) -> Result<Magic, Reason> {
        // The magic ends the slot; the padding of a large alignment is before it.
        let found: [u8; MAGIC] = match read::<F, ALIGN_MAX>(slot, ALIGN_MAX as u32)?.last_chunk() {
            Some(found) => *found,
            None => return Err(Reason::Storage),
        };
        Ok(match found {
            found if found == Self::magic() => Magic::Good,
            found if found.iter().all(|byte| *byte == ERASED) => Magic::Unset,
            _ => Magic::Bad,
        })
    }

    fn flag<F: NorFlash>(slot: &mut F, from_end: u32) -> Result<u8, Reason> {
        Ok(read::<F, ALIGN>(slot, from_end)?.first().copied().unwrap_or(ERASED))
    }
}

impl<P: NorFlash, S: NorFlash, const ALIGN: usize> BootLoader for Mcuboot<P, S, ALIGN> {
    type Running = P;
    type Download = S;

    fn running(&mut self) -> &mut P {
        &mut self.primary
    }

    fn download(&mut self) -> &mut S {
        &mut self.secondary
    }

    /// All but the sectors of the trailer.
    fn room(&mut self) -> u32 {
        let sector = P::ERASE_SIZE.max(S::ERASE_SIZE) as u32;
        let reserved = self.trailer().next_multiple_of(sector);
        let slot = self.primary.capacity().min(self.secondary.capacity());
        u32::try_from(slot).unwrap_or(u32::MAX).saturating_sub(reserved)
    }

    fn state(&mut self) -> Result<State, Reason> {
        if Self::magic_of(&mut self.secondary)? == Magic::Good {
            return Ok(State::SwapRequested);
        }
        let primary = &mut self.primary;
        let was_swapped = Self::magic_of(primary)? == Magic::Good
            && Self::flag(primary, Self::COPY_DONE_FROM_END)? == SET;
        // A confirmation that was cut counts: the boot loader swaps back only if nothing was written.
        let is_unset = Self::flag(primary, Self::IMAGE_OK_FROM_END)? == ERASED;
        Ok(if was_swapped && is_unset { State::Trial } else { State::Confirmed })
    }

    /// The magic comes last: without it there is no request.
    fn request_swap(&mut self) -> Result<(), Reason> {
        if Self::magic_of(&mut self.secondary)? == Magic::Good {
            return Ok(());
        }
        // A request that was cut has left parts of a trailer.
        self.cancel_swap()?;
        write_flag::<S, ALIGN>(&mut self.secondary, Self::SWAP_INFO_FROM_END, SWAP_TYPE_TEST)?;
        let mut unit = [ERASED; ALIGN_MAX];
        if let Some(magic) = unit.last_chunk_mut() {
            *magic = Self::magic();
        }
        let from_end = Self::MAGIC_FROM_END;
        let unit = unit.get(ALIGN_MAX.saturating_sub(from_end as usize)..).unwrap_or_default();
        let at = place(&self.secondary, from_end)?;
        self.secondary.write(at, unit).map_err(|_| Reason::Storage)
    }

    /// Erases the trailer, from the magic on.
    fn cancel_swap(&mut self) -> Result<(), Reason> {
        let sector = S::ERASE_SIZE as u32;
        let end = place(&self.secondary, 0)?;
        let start = place(&self.secondary, self.trailer().next_multiple_of(sector))?;
        let mut to = end;
        while let Some(from) = to.checked_sub(sector).filter(|from| *from >= start) {
            self.secondary.erase(from, to).map_err(|_| Reason::Storage)?;
            to = from;
        }
        Ok(())
    }

    fn confirm(&mut self) -> Result<(), Reason> {
        if Self::flag(&mut self.primary, Self::IMAGE_OK_FROM_END)? != ERASED {
            return Ok(());
        }
        write_flag::<P, ALIGN>(&mut self.primary, Self::IMAGE_OK_FROM_END, SET)
    }
}

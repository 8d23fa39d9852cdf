//! One image in a partition of NOR flash, over `embedded-storage-async`: while a sector is erased, the other tasks of the
//! executor run, and the session tells the client that this end is busy.
//!
//! Each half of the partition has an image and, in its last sector, a record. The record is written when the image is
//! complete and verified, so that the old image stays valid until then, also after a power cut. A transfer that was cut
//! begins anew.

use core::marker::PhantomData;

use embedded_storage_async::nor_flash::NorFlash;
use tinyferry_core::Reason;
use tinyferry_core::checksum::{Checksums, Small};
use tinyferry_core::store::{Accepted, AsyncStore, Digests, Entry, Kind, Offer};

/// The longest name of an image, in bytes.
pub const NAME_MAX: usize = 64;
/// The bytes that are written at once, and those of a record.
const BLOCK: usize = 128;
const MAGIC: [u8; 4] = *b"TFa1";

/// The image in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its start, in bytes from the start of the partition.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// CRC-64/NVME of all of it.
    pub crc64: u64,
    half: u32,
    sequence: u32,
    name: heapless::String<NAME_MAX>,
}

impl Image {
    /// The name under which it came.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Debug)]
enum Open {
    Nothing,
    Inbound {
        half: u32,
        sequence: u32,
        name: heapless::String<NAME_MAX>,
        end: u32,
    },
    /// Requested; [`AsyncStore::next`] gives it.
    Requested(Image),
    Outbound(Image),
}

/// A store of one image over a partition of NOR flash. It takes a file under any name without a `/`, and gives it back.
#[derive(Debug)]
pub struct AsyncSlots<F, C = Small> {
    flash: F,
    open: Open,
    checksums: PhantomData<C>,
}

impl<F: NorFlash, C: Checksums> AsyncSlots<F, C> {
    const SECTOR: u32 = F::ERASE_SIZE as u32;

    /// Takes the flash: all of it is the store's. Words must divide 128 bytes, which is checked when it is compiled.
    pub const fn new(flash: F) -> Self {
        const {
            assert!(F::WRITE_SIZE > 0 && F::READ_SIZE > 0 && F::ERASE_SIZE >= BLOCK);
            assert!(BLOCK.is_multiple_of(F::WRITE_SIZE) && BLOCK.is_multiple_of(F::READ_SIZE));
        }
        Self { flash, open: Open::Nothing, checksums: PhantomData }
    }

    /// The flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }

    /// Largest image that fits, in bytes.
    pub fn room(&self) -> u32 {
        self.half_size().saturating_sub(Self::SECTOR)
    }

    fn half_size(&self) -> u32 {
        let half = u32::try_from(self.flash.capacity()).unwrap_or(u32::MAX) / 2;
        half.saturating_sub(half.checked_rem(Self::SECTOR).unwrap_or(0))
    }

    fn start(&self, half: u32) -> u32 {
        self.half_size().saturating_mul(half)
    }

    /// Where the record of a half is.
    fn record_at(&self, half: u32) -> u32 {
        self.start(half).saturating_add(self.room())
    }

    /// The current image, if there is one.
    ///
    /// # Errors
    /// [`Reason::Storage`] where the flash cannot be read.
    pub async fn image(&mut self) -> Result<Option<Image>, Reason> {
        let (first, second) = (self.recorded(0).await?, self.recorded(1).await?);
        Ok(match (first, second) {
            (Some(first), Some(second)) => {
                let is_newer = second.sequence.wrapping_sub(first.sequence) < 1 << 31;
                Some(if is_newer { second } else { first })
            }
            (first, second) => first.or(second),
        })
    }

    async fn recorded(&mut self, half: u32) -> Result<Option<Image>, Reason> {
        let mut record = [0; BLOCK];
        self.read(self.record_at(half), &mut record).await?;
        Ok(self.parse(half, &record))
    }

    fn parse(&self, half: u32, record: &[u8; BLOCK]) -> Option<Image> {
        let (magic, rest) = record.split_first_chunk::<4>()?;
        let (sum, fields) = rest.split_first_chunk::<4>()?;
        if *magic != MAGIC || u32::from_le_bytes(*sum) != C::crc32(0, fields) {
            return None;
        }
        let (sequence, rest) = fields.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let (crc64, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first()?;
        let name = core::str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
        Some(Image {
            offset: self.start(half),
            size: u32::from_le_bytes(*size),
            crc64: u64::from_le_bytes(*crc64),
            half,
            sequence: u32::from_le_bytes(*sequence),
            name: heapless::String::try_from(name).ok()?,
        })
    }

    /// Reads at a multiple of the word.
    async fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Reason> {
        let odd = into.len().checked_rem(F::READ_SIZE).unwrap_or(0);
        let (words, rest) = into.split_at_mut(into.len().saturating_sub(odd));
        if !words.is_empty() {
            self.flash.read(at, words).await.map_err(|_| Reason::Storage)?;
        }
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            let word = block.get_mut(..F::READ_SIZE).ok_or(Reason::Storage)?;
            let at = at.saturating_add(u32::try_from(words.len()).unwrap_or(u32::MAX));
            self.flash.read(at, word).await.map_err(|_| Reason::Storage)?;
            rest.iter_mut().zip(&*word).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }

    /// Writes at a multiple of the block; the last word is filled up with ones.
    async fn write(&mut self, mut at: u32, bytes: &[u8]) -> Result<(), Reason> {
        for part in bytes.chunks(BLOCK) {
            let mut block = [0xFF; BLOCK];
            block.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            let length = part.len().next_multiple_of(F::WRITE_SIZE);
            let words = block.get(..length).ok_or(Reason::Storage)?;
            self.flash.write(at, words).await.map_err(|_| Reason::Storage)?;
            at = at.saturating_add(BLOCK as u32);
        }
        Ok(())
    }

    /// CRC-64 of the stored bytes.
    async fn sum(&mut self, half: u32, size: u32) -> Result<u64, Reason> {
        let (start, mut at, mut crc64) = (self.start(half), 0u32, 0);
        while at < size {
            let mut block = [0; BLOCK];
            let count = usize::try_from(size.saturating_sub(at)).unwrap_or(BLOCK).min(BLOCK);
            let part = block.get_mut(..count).ok_or(Reason::Storage)?;
            self.read(start.saturating_add(at), part).await?;
            crc64 = C::crc64(crc64, part);
            at = at.saturating_add(BLOCK as u32);
        }
        Ok(crc64)
    }
}

impl<F: NorFlash, C: Checksums> AsyncStore for AsyncSlots<F, C> {
    async fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.open = Open::Nothing;
        if offer.kind != Kind::File || offer.path.contains('/') {
            return Err(Reason::NotAllowed);
        }
        let name = heapless::String::try_from(offer.path).map_err(|_| Reason::NameTooLong)?;
        let room = self.room();
        let size = match offer.size.map(u32::try_from) {
            Some(Ok(size)) if size <= room => size,
            None => room,
            Some(_) => return Err(Reason::TooLarge),
        };
        let image = self.image().await?;
        let half = image.as_ref().map_or(0, |image| 1u32.saturating_sub(image.half));
        let sequence = image.map_or(0, |image| image.sequence.wrapping_add(1));
        // The record first: without it the half has no image.
        let (start, record) = (self.start(half), self.record_at(half));
        let to = record.saturating_add(Self::SECTOR);
        self.flash.erase(record, to).await.map_err(|_| Reason::Storage)?;
        let to = start.saturating_add(size.next_multiple_of(Self::SECTOR).min(room));
        self.flash.erase(start, to).await.map_err(|_| Reason::Storage)?;
        self.open = Open::Inbound { half, sequence, name, end: 0 };
        Ok(Accepted { prefix: 0, in_order: true })
    }

    async fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let Open::Inbound { half, .. } = self.open else { return Err(Reason::Storage) };
        let length = u32::try_from(bytes.len()).map_err(|_| Reason::NoSpace)?;
        let place = u32::try_from(position).ok().and_then(|at| Some((at, at.checked_add(length)?)));
        let result = match place.filter(|(_, to)| *to <= self.room()) {
            Some((at, _)) if !at.is_multiple_of(BLOCK as u32) => Err(Reason::Storage),
            Some((at, to)) => {
                let written = self.write(self.start(half).saturating_add(at), bytes).await;
                written.map(|()| to)
            }
            None => Err(Reason::NoSpace),
        };
        match (result, &mut self.open) {
            (Ok(to), Open::Inbound { end, .. }) => {
                *end = to;
                Ok(bytes.len())
            }
            (result, open) => {
                *open = Open::Nothing;
                Err(result.err().unwrap_or(Reason::Storage))
            }
        }
    }

    async fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let Open::Outbound(Image { offset, size, .. }) = self.open else {
            return Err(Reason::Storage);
        };
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let left = usize::try_from(size.saturating_sub(position)).unwrap_or(usize::MAX);
        let count = left.min(into.len());
        let into = into.get_mut(..count).unwrap_or_default();
        self.read(offset.saturating_add(position), into).await?;
        Ok(count)
    }

    async fn commit(&mut self, digests: &Digests) -> Result<(), Reason> {
        let Open::Inbound { half, sequence, name, end } = &self.open else {
            return Err(Reason::Storage);
        };
        let (half, sequence, size, name) = (*half, *sequence, *end, name.clone());
        if self.sum(half, size).await? != digests.crc64 {
            return Err(Reason::Storage);
        }
        let mut record = [0xFF; BLOCK];
        let length = u8::try_from(name.len()).unwrap_or(0);
        let fields = sequence
            .to_le_bytes()
            .into_iter()
            .chain(size.to_le_bytes())
            .chain(digests.crc64.to_le_bytes())
            .chain([length])
            .chain(name.bytes());
        record.iter_mut().skip(8).zip(fields).for_each(|(to, from)| *to = from);
        let sum = C::crc32(0, record.get(8..).unwrap_or_default());
        let head = MAGIC.into_iter().chain(sum.to_le_bytes());
        record.iter_mut().zip(head).for_each(|(to, from)| *to = from);
        self.write(self.record_at(half), &record).await?;
        self.open = Open::Nothing;
        Ok(())
    }

    async fn abandon(&mut self, _: Reason, _: bool) {
        self.open = Open::Nothing;
    }

    async fn open(&mut self, path: &str, tree: bool, _: bool) -> Result<(), Reason> {
        let image = self.image().await?.filter(|image| image.name() == path);
        match (image, tree) {
            (Some(_), true) => Err(Reason::NotDirectory),
            (Some(image), false) => {
                self.open = Open::Requested(image);
                Ok(())
            }
            (None, true) => Err(Reason::NotAllowed),
            (None, false) => Err(Reason::NotFound),
        }
    }

    async fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Requested(image) => {
                let name = image.name().as_bytes();
                path.get_mut(..name.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(name);
                let entry = Entry::file(name.len(), image.size.into());
                self.open = Open::Outbound(image);
                Ok(Some(entry))
            }
            _ => Ok(None),
        }
    }
}

//! One firmware image for a boot loader that swaps two partitions: `embassy-boot` and MCUboot.
//!
//! ```text
//!    the other end             this board
//!   +-------------+  frames   +------------------+        +----------+
//!   | put app.bin | --------> | Session -> Slot  | -----> | download | partition
//!   +-------------+           |             |    |        +----------+
//!                             |             v    |             ^  swaps after a restart
//!                             |          Verify  |             v
//!                             |             |    |        +----------+
//!                             |             v    | marks  | running  | partition
//!                             |        BootLoader| -----> +----------+
//!                             +------------------+
//! ```
//!
//! 1. The image comes in to the download partition. The running image goes on.
//! 2. When the digest of the whole image is verified, the image is read back, and [`Verify`] decides, for example about
//!    its signature. A refused image is reported to the sender with a message.
//! 3. The boot loader is asked to swap ([`BootLoader::request_swap`]), and the sender gets its answer. Then the board
//!    restarts ([`Slot::state`] is [`State::SwapRequested`]).
//! 4. The boot loader swaps both partitions and starts the new image *on trial*.
//! 5. The new image tests itself and confirms ([`Slot::confirm`]). If the board restarts before that, the boot loader
//!    swaps back.
//!
//! After a power cut at any moment the boot loader starts the old image or the new one, whole. On trial no image is
//! accepted, since the download partition has the image to go back to.
//!
//! Behind the image, on a page of its own, are the two records of a [slot](crate::slots). The boot loader swaps them along.
//! So a put of the image that runs already, and one of the image before, send no content again.

use core::marker::PhantomData;

use embedded_storage::nor_flash::NorFlash;
use tinyferry_core::checksum::{Checksums, Small};
use tinyferry_core::store::{Accepted, Digests, Entry, Kind, Offer};
use tinyferry_core::{Reason, Store};

use crate::area::{Area, Begun, Complete, Name, Order, Place};

pub use self::boot_loader::{BootLoader, State};
#[cfg(feature = "ed25519")]
pub use self::ed25519::{InvalidKey, Signed};
#[cfg(feature = "embassy-boot")]
pub use self::embassy_boot::EmbassyBoot;
pub use self::mcuboot::Mcuboot;
pub use self::verify::{Content, Refusal, Verify};

mod boot_loader;
#[cfg(feature = "ed25519")]
mod ed25519;
#[cfg(feature = "embassy-boot")]
mod embassy_boot;
mod mcuboot;
mod status;
mod store;
mod verify;

/// The open entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    /// The image comes in.
    Inbound {
        size: u32,
        /// Where the furthest byte stored ends.
        end: u32,
        crc64: Option<u64>,
    },
    /// The image is in the download partition already, and is compared.
    Downloaded {
        size: u32,
    },
    /// The image runs already, and is compared.
    Running {
        size: u32,
    },
    /// The status is sent.
    Status,
}

/// The next result of [`Store::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Tree,
    Status,
    Nothing,
}

/// A store of one firmware image for the boot loader `B`.
///
/// `V` decides about an image before the boot loader is asked to swap; `()` accepts each one. `C` is how CRCs are
/// computed; take the one of the session's profile.
///
/// It accepts a file under any name without a `/`, and gives one file, `version.txt`: the version of the running image,
/// and its state.
#[derive(Debug)]
pub struct Slot<B, V = (), C = Small> {
    boot_loader: B,
    verify: V,
    version: &'static str,
    open: Open,
    next: Next,
    /// The message about the last refusal.
    message: &'static str,
    checksums: PhantomData<C>,
}

impl<B: BootLoader, V: Verify, C: Checksums> Slot<B, V, C> {
    /// A store of images that `verify` accepts. `version` is that of the running image, at most 48 bytes.
    pub const fn new(boot_loader: B, verify: V, version: &'static str) -> Self {
        const { Area::<'_, B::Download, C>::CHECKED };
        const { Area::<'_, B::Running, C>::CHECKED };
        let (open, next) = (Open::Nothing, Next::Nothing);
        Self { boot_loader, verify, version, open, next, message: "", checksums: PhantomData }
    }

    /// The state of the running image and of the boot loader.
    ///
    /// # Errors
    /// [`Reason::Storage`] if the flash cannot be read.
    pub fn state(&mut self) -> Result<State, Reason> {
        self.boot_loader.state()
    }

    /// Confirms the running image: the boot loader does not swap back. Nothing happens if it is confirmed already.
    ///
    /// # Errors
    /// [`Reason::Storage`] if the flash fails.
    pub fn confirm(&mut self) -> Result<(), Reason> {
        match self.boot_loader.state()? {
            State::Trial => self.boot_loader.confirm(),
            State::Confirmed | State::SwapRequested => Ok(()),
        }
    }

    /// The boot loader.
    pub fn boot_loader(&mut self) -> &mut B {
        &mut self.boot_loader
    }

    /// The boot loader back.
    pub fn into_inner(self) -> B {
        self.boot_loader
    }

    /// Largest image that fits, in bytes.
    pub fn room(&mut self) -> u32 {
        self.boot_loader.room().saturating_sub(Self::RECORDS)
    }

    /// The unit of a swap, in bytes: the larger sector.
    const PAGE: u32 = {
        let (running, download) = (B::Running::ERASE_SIZE, B::Download::ERASE_SIZE);
        if running > download { running as u32 } else { download as u32 }
    };
    /// The length of the pages for the records, in bytes.
    const RECORDS: u32 = {
        let records = Area::<'_, B::Download, C>::RECORDS;
        records.next_multiple_of(Self::PAGE)
    };

    /// The area of an image of `size` bytes in a partition.
    fn place(size: u32) -> Place {
        Place { start: 0, records: size.next_multiple_of(Self::PAGE) }
    }

    /// The download partition with an image of `size` bytes.
    fn download(&mut self, size: u32) -> Area<'_, B::Download, C> {
        Area::new(self.boot_loader.download(), Self::place(size))
    }

    /// The running partition with an image of `size` bytes.
    fn running(&mut self, size: u32) -> Area<'_, B::Running, C> {
        Area::new(self.boot_loader.running(), Self::place(size))
    }

    /// Refuses with a message.
    fn refuse<T>(&mut self, reason: Reason, message: &'static str) -> Result<T, Reason> {
        self.message = message;
        Err(reason)
    }

    fn accept(&mut self, offer: &Offer<'_>) -> Result<u32, Reason> {
        let name = Name::new(offer.path).ok_or(Reason::NameTooLong)?;
        let size = match offer.size.map(u32::try_from) {
            Some(Ok(0)) => return self.refuse(Reason::NotAllowed, "the image is empty"),
            Some(Ok(size)) if size <= self.room() => size,
            Some(_) => return Err(Reason::TooLarge),
            None => return self.refuse(Reason::TooLarge, "the size of the image is not known"),
        };
        if offer.names_only {
            return Ok(0);
        }
        let begun = Begun { size: offer.size, modified: offer.modified, name };
        let may_resume = offer.modified.is_some();
        let is_whole = may_resume && offer.resume >= size.into();
        let is_same = |complete: Option<(Begun, Complete)>| {
            is_whole
                && complete.is_some_and(|(found, complete)| found == begun && complete.size == size)
        };
        if is_same(self.running(size).complete()?) {
            self.open = Open::Running { size };
            return Ok(size);
        }
        let state = self.boot_loader.state()?;
        if state == State::Trial {
            return self.refuse(Reason::NotAllowed, ON_TRIAL);
        }
        if is_same(self.download(size).complete()?) {
            self.open = Open::Downloaded { size };
            return Ok(size);
        }
        if state == State::SwapRequested {
            self.boot_loader.cancel_swap()?;
        }
        let mut area = self.download(size);
        // An image whose completion was cut has a damaged last record: it begins from position 0.
        let is_resumed =
            may_resume && area.begun()?.as_ref() == Some(&begun) && area.is_unfinished()?;
        let prefix = if is_resumed { area.prefix(size, offer.resume, Order::InOrder)? } else { 0 };
        area.erase(prefix, size)?;
        if prefix == 0 {
            area.begin(&begun)?;
        }
        self.open = Open::Inbound { size, end: prefix, crc64: None };
        Ok(prefix)
    }

    /// Checks that the image in the download partition may run.
    fn accepts(&mut self, size: u32) -> Result<(), Reason> {
        let Self { boot_loader, verify, .. } = self;
        let place = Self::place(size);
        let mut area: Area<'_, B::Download, C> = Area::new(boot_loader.download(), place);
        let mut read = |position, into: &mut [u8]| area.read(position, into);
        let verified = verify.verify(&mut Content::new(size, &mut read));
        verified.or_else(|Refusal { reason, message }| self.refuse(reason, message))
    }
}

/// The message to a sender while an image is on trial.
const ON_TRIAL: &str = "the running image is on trial: confirm it, or restart the board to go back to the image before";

//! The decision about an image before the boot loader is asked to swap.

use core::fmt;

use tinyferry_core::Reason;

/// Decides whether an image may run.
///
/// ```
/// use tinyferry_stores::image::{Content, Refusal, Verify};
///
/// /// Accepts images whose first four bytes are a vector table's stack pointer in RAM.
/// struct BeginsWithVectors;
///
/// impl Verify for BeginsWithVectors {
///     fn verify(&mut self, image: &mut Content<'_>) -> Result<(), Refusal> {
///         let mut stack = [0; 4];
///         image.read(0, &mut stack)?;
///         match u32::from_le_bytes(stack) >> 24 {
///             0x20 => Ok(()),
///             _ => Err(Refusal::not_allowed("the image does not begin with a vector table")),
///         }
///     }
/// }
/// ```
pub trait Verify {
    /// Decides about an image that is complete and whose digest is that of the sender.
    ///
    /// # Errors
    /// The image is refused: the sender gets reason and message. The running image stays.
    fn verify(&mut self, image: &mut Content<'_>) -> Result<(), Refusal>;
}

/// Accepts each image.
impl Verify for () {
    fn verify(&mut self, _: &mut Content<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

/// The refusal of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The reason for programs.
    pub reason: Reason,
    /// The message for a person, at most 240 bytes.
    pub message: &'static str,
}

impl Refusal {
    /// A refusal with [`Reason::NotAllowed`].
    pub const fn not_allowed(message: &'static str) -> Self {
        Self { reason: Reason::NotAllowed, message }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, message: "" }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.message.is_empty() { "the image is refused" } else { self.message })
    }
}

impl core::error::Error for Refusal {}

/// Reads bytes of an image from a position on.
type Read<'a> = &'a mut dyn FnMut(u32, &mut [u8]) -> Result<(), Reason>;

/// The content of an image, in the flash.
pub struct Content<'a> {
    size: u32,
    read: Read<'a>,
}

impl<'a> Content<'a> {
    /// An image of `size` bytes.
    pub fn new(size: u32, read: Read<'a>) -> Self {
        Self { size, read }
    }

    /// Size in bytes.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Fills `into` with the bytes from `position` on, which is a multiple of the flash's words.
    ///
    /// # Errors
    /// [`Reason::Storage`] if they are not all in the image, or the flash fails.
    pub fn read(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        let length = u32::try_from(into.len()).unwrap_or(u32::MAX);
        match position.checked_add(length) {
            Some(end) if end <= self.size => (self.read)(position, into),
            _ => Err(Reason::Storage),
        }
    }
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("size", &self.size).finish_non_exhaustive()
    }
}

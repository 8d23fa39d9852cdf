//! The boot loader of a BBC micro:bit: waits for an image for the second half of its flash, in 2 kB for
//! the protocol: `tinyferry put app.bin -e serial:///dev/ttyACM0`. A product then starts the image.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
#[path = "../console.rs"]
#[allow(dead_code, reason = "this image prints nothing")]
mod console;
#[path = "../flash.rs"]
mod flash;
#[path = "../port.rs"]
mod port;
#[path = "../uart.rs"]
mod uart;

use cortex_m_rt::entry;
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use tinyferry_tiny::{Lossy, Reason, Receiver, Store, serve};

use flash::Flash;
use port::Port;
use uart::Uart;

/// A chunk of 256 bytes and its header.
const FRAME: usize = 268;
/// The last page of the flash has the length of the image, once it is complete.
const PAGE: u32 = Flash::ERASE_SIZE as u32;
const RECORD: u32 = (128 << 10) - PAGE;
/// The value of an erased word.
const NONE: u32 = u32::MAX;

/// The image, and the size of the offered one.
struct Image {
    flash: Flash,
    size: u32,
}

impl Image {
    /// The length of the image in the flash, if it is complete.
    fn length(&mut self) -> Option<u32> {
        let mut word = [0; 4];
        self.flash.read(RECORD, &mut word).ok()?;
        Some(u32::from_le_bytes(word)).filter(|length| *length != NONE)
    }
}

impl Store for Image {
    /// An image that is there already is compared, and not sent again.
    const RESUMES: bool = true;

    fn offer(&mut self, path: &[u8], size: u32) -> Result<(), Reason> {
        self.size = size;
        match path {
            b"app.bin" if size <= RECORD => Ok(()),
            b"app.bin" => Err(Reason::TooLarge),
            _ => Err(Reason::NotFound),
        }
    }

    fn prefix(&mut self, limit: u32) -> u32 {
        if self.length() == Some(self.size) {
            return limit;
        }
        self.discard();
        0
    }

    fn discard(&mut self) {
        // The record first: without it there is no image. The digest detects an image that is not complete.
        let _ = self.flash.erase(RECORD, RECORD + PAGE);
        let _ = self.flash.erase(0, self.size.next_multiple_of(PAGE));
    }

    fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        let (words, rest) = bytes.as_chunks::<4>();
        let end = position + words.as_flattened().len() as u32;
        self.flash.write(position, words.as_flattened()).map_err(|_| Reason::Storage)?;
        if rest.is_empty() {
            return Ok(());
        }
        let mut last = [0xFF; 4];
        last.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
        self.flash.write(end, &last).map_err(|_| Reason::Storage)
    }

    fn commit(&mut self) -> Result<(), Reason> {
        if self.length() == Some(self.size) {
            return Ok(());
        }
        self.flash.write(RECORD, &self.size.to_le_bytes()).map_err(|_| Reason::Storage)
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        self.flash.read(position, into).map_err(|_| Reason::Storage)
    }
}

#[entry]
fn main() -> ! {
    static mut BUFFER: [u8; FRAME] = [0; FRAME];
    let mut image = Image { flash: Flash, size: 0 };
    let mut port = Port(Uart::start());
    let mut receiver: Receiver<'_, Lossy> =
        Receiver::new(BUFFER, (uart::RECV_BUFFER / FRAME) as u8);
    loop {
        // It returns only if the line fails.
        let _ = serve(&mut receiver, &mut port, &mut image);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

#[cfg(feature = "defmt")]
use {defmt_semihosting as _, portable_atomic as _};

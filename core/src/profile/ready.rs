//! Profiles that are ready to use.

use super::Profile;
use crate::buffer::{Buffer256, Buffer1024};
use crate::checksum::{NoSha256, Small, Tables};

#[cfg(feature = "sha256")]
type StandardSha256 = crate::checksum::SoftSha256;
#[cfg(not(feature = "sha256"))]
type StandardSha256 = NoSha256;

/// Sends and receives, with CRCs from tables, and with SHA-256 if the feature `sha256` is on.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Standard;

impl Profile for Standard {
    type Checksums = Tables;
    type Sha256 = StandardSha256;
    type Buffer = Buffer1024;
}

/// A profile of a device: a server on lossy links, without SHA-256, whose store is never busy.
macro_rules! device {
    (
        $(#[$documentation:meta])*
        $name:ident: $checksums:ty, $buffer:ty, { $($constant:ident: $value:literal),* }
    ) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy)]
        #[cfg_attr(feature = "model", derive(Hash))]
        pub struct $name;

        impl Profile for $name {
            type Checksums = $checksums;
            type Sha256 = NoSha256;
            type Buffer = $buffer;
            const CLIENT: bool = false;
            const RELIABLE: bool = false;
            const PENDS: bool = false;
            const STEPS: bool = false;
            $(const $constant: bool = $value;)*
        }
    };
}

device! {
    /// A device on a UART that receives and sends single files, such as an image of its firmware or a log.
    ///
    /// It is a server on lossy links, and resumes files. Chunks have 256 bytes. CRCs are computed bit by bit: a
    /// Cortex-M0 of 16 MHz is fast enough for 460,800 baud. It has no trees, and its store is never busy.
    /// [`Config::UART`](crate::Config::UART) fits it.
    SerialDevice: Small, Buffer256, { TREES: false }
}

device! {
    /// A device on a UART that receives single files, such as an image of its firmware: [`SerialDevice`] without
    /// sending, which is half of it.
    SerialReceiver: Small, Buffer256, { TREES: false, SENDS: false }
}

device! {
    /// A device with a file system behind USB (CDC-ACM), or behind another line that is much faster than a UART.
    ///
    /// It is a server, receives and sends trees, and clients may look at its files, remove and rename them. Its
    /// refusals have messages. CRCs are computed from tables. Each link is lossy: a computer takes USB for a serial
    /// port, and a serial port for lossy. Its store is never busy. [`Config::USB`](crate::Config::USB) fits it.
    UsbDevice: Tables, Buffer1024, { MESSAGES: true, OPERATIONS: true }
}

device! {
    /// [`UsbDevice`] with a console on the same line: the bytes between frames are the input of a
    /// [`Console`](crate::driver::Console), and the text of the console goes out between frames.
    UsbConsole: Tables, Buffer1024, { MESSAGES: true, OPERATIONS: true, CONSOLE: true }
}

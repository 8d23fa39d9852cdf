//! The two kinds of links, chosen when the firmware is built.

mod sealed {
    pub trait Sealed {}
}

/// A kind of link. The other kind takes no flash.
pub trait Link: sealed::Sealed {
    /// Whether it may lose, change, insert or repeat bytes.
    const LOSSY: bool;
}

/// A line that may lose or damage bytes: a UART. A client that takes the line for reliable is told
/// otherwise (R20).
#[derive(Clone, Copy, Debug)]
pub enum Lossy {}

/// A stream that loses nothing: TCP, a pipe, USB. A client on a lossy link is refused (R20).
#[derive(Clone, Copy, Debug)]
pub enum Reliable {}

impl sealed::Sealed for Lossy {}
impl sealed::Sealed for Reliable {}

impl Link for Lossy {
    const LOSSY: bool = true;
}

impl Link for Reliable {
    const LOSSY: bool = false;
}

//! Configuration of one end of a session.

use core::num::NonZeroU32;

use crate::buffer::Limits;
use crate::error::Reason;
use crate::profile::{Capabilities, Profile};
use crate::time::{Millis, SHORTEST_SILENCE};
use crate::wire::{CREDIT_MAX, HEADER_LEN, Hello, PAYLOAD_MAX, SIGNAL_LEN, VERSION, features};

#[cfg(test)]
mod tests;

/// The smallest chunk, in bytes: one block of the smallest length.
const SMALLEST_CHUNK: usize = 256;
/// Bytes of a receive buffer that are reserved for the signals around a transfer.
const RESERVE: usize = 64;
/// The number of frames that a receive buffer shall hold before chunks become smaller: with fewer, the
/// sender mostly waits for answers.
const ENOUGH_FRAMES: usize = 4;

/// Configuration of one end of a session. The handshake negotiates the values in use:
/// [`Session::negotiated`](crate::Session::negotiated).
///
/// It begins with [`Config::RELIABLE`] or [`Config::LOSSY`]; the methods named after the fields change
/// one value each, also in a `const`:
///
/// ```
/// use tinyferry_core::{Config, Session};
///
/// const CONFIG: Config = Config::LOSSY.recv_buffer::<4352>().timeout(10_000);
/// static SESSION: Session = Session::server(CONFIG);
/// assert_eq!((CONFIG.chunk, CONFIG.credit), (1024, 4));
/// ```
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
#[non_exhaustive]
pub struct Config {
    /// Whether the link may lose, damage, insert or duplicate bytes. It is lossy if one end says so.
    pub lossy: bool,
    /// Whether this end cannot receive while it sends: its driver never reads in
    /// [`Exchange`](crate::Step::Exchange). The drivers of this crate set it where the link is
    /// half-duplex.
    pub half_duplex: bool,
    /// A block of the selective acknowledgement is 256 · 2^block bytes; 0 to 2.
    pub block: u8,
    /// Largest chunk payload that this end receives, in bytes; at most 1024. Where the profile has a smaller
    /// [buffer](crate::Profile::Buffer), the hello offers chunks of its size.
    pub chunk: u16,
    /// Frames that the sender may send before its next query; 1 to 32,767. On a link without flow
    /// control the receive buffer must hold this number of full frames: [`Config::recv_buffer`].
    pub credit: u16,
    /// The time without progress after which the other end counts as gone, in ms.
    pub timeout: Millis,
    /// The silence after which an incomplete frame counts as damaged on a lossy link, in ms: 20 to 500. A bridge that
    /// delays small packets, as by Nagle's algorithm, or a radio such as BLE needs 100 and more. Bytes are sent
    /// again sooner with a shorter one. A session lengthens it by itself where it finds longer gaps inside frames.
    pub silence: u16,
    /// How long a server waits for the client's hello, in ms, regardless of other frames. `None`: for ever.
    pub handshake_timeout: Option<NonZeroU32>,
    /// How long a server waits for the next request, in ms. `None`: for ever.
    pub idle_timeout: Option<NonZeroU32>,
    /// Whether this end wants the SHA-256 of each file, and can compute it. It is used if the other
    /// end wants it as well: [`Session::has_sha256`](crate::Session::has_sha256).
    pub sha256: bool,
    /// Whether a client may close this server.
    pub may_close: bool,
    /// Refuse every client, for this reason.
    pub refuse: Option<Reason>,
}

macro_rules! setters {
    ($($name:ident: $kind:ty),*) => {$(
        #[doc = concat!("Sets [`", stringify!($name), "`](field@Self::", stringify!($name), ").")]
        #[must_use]
        pub const fn $name(mut self, $name: $kind) -> Self {
            self.$name = $name;
            self
        }
    )*};
}

impl Config {
    /// For a reliable stream: TCP, a pipe, a Unix socket.
    pub const RELIABLE: Self = Self {
        lossy: false,
        half_duplex: false,
        block: 0,
        chunk: PAYLOAD_MAX as u16,
        credit: CREDIT_MAX,
        timeout: 30_000,
        silence: SHORTEST_SILENCE,
        handshake_timeout: None,
        idle_timeout: None,
        sha256: false,
        may_close: false,
        refuse: None,
    };

    /// For a serial line or another link that loses bytes.
    pub const LOSSY: Self = Self { lossy: true, credit: 128, ..Self::RELIABLE };

    /// For a UART without flow control. It assumes that its receive queue, which an interrupt or DMA fills, holds
    /// [`Config::UART_RECV_BUFFER`] bytes. Chunks have 256 bytes: longer ones take more memory, and a longer time
    /// to send again. Where the queue is longer, [`Config::recv_buffer`] of it sets the credit, and the line is idle
    /// less often.
    pub const UART: Self = Self { chunk: SMALLEST_CHUNK as u16, ..Self::LOSSY }
        .recv_buffer::<{ Self::UART_RECV_BUFFER }>();

    /// The receive buffer that [`Config::UART`] assumes, in bytes: four frames.
    pub const UART_RECV_BUFFER: usize =
        RESERVE + ENOUGH_FRAMES * (SMALLEST_CHUNK + HEADER_LEN + SIGNAL_LEN);

    /// For a serial port over USB (CDC-ACM) that the processor itself has. It assumes that the endpoint accepts no
    /// packet that the device has no room for, so that nothing is lost and no queue is needed. Chunks have 1024
    /// bytes. The computer takes the link for lossy all the same. Behind a chip that converts USB to a UART the
    /// device has a UART: [`Config::UART`].
    pub const USB: Self = Self::LOSSY;

    /// The smallest receive buffer for [`Config::recv_buffer`], in bytes: one frame of the smallest chunk.
    pub const MIN_RECV_BUFFER: usize = RESERVE + SMALLEST_CHUNK + HEADER_LEN + SIGNAL_LEN;

    setters! {
        lossy: bool,
        half_duplex: bool,
        block: u8,
        chunk: u16,
        credit: u16,
        timeout: Millis,
        silence: u16,
        sha256: bool,
        may_close: bool
    }

    /// Sets [`handshake_timeout`](field@Self::handshake_timeout), in ms. 0 removes it.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Millis) -> Self {
        self.handshake_timeout = NonZeroU32::new(timeout);
        self
    }

    /// Sets [`idle_timeout`](field@Self::idle_timeout), in ms. 0 removes it.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Millis) -> Self {
        self.idle_timeout = NonZeroU32::new(timeout);
        self
    }

    /// Refuses every client, for this reason.
    #[must_use]
    pub const fn refuse(mut self, reason: Reason) -> Self {
        self.refuse = Some(reason);
        self
    }

    /// Sets `chunk` and `credit` for a link without flow control whose receive buffer has this number
    /// of bytes: the queue that the interrupt of a UART fills, or its FIFO. The other end then sends no
    /// more than fits while a chunk is verified and stored.
    ///
    /// Chunks are as large as possible, and no longer than they were before, provided that the buffer holds four
    /// of them. They are not shorter
    /// than 256 bytes: with larger blocks (`block`) at either end the buffer must hold chunks of that size,
    /// or each hello is refused. It does not compile with less than [`Config::MIN_RECV_BUFFER`] bytes.
    ///
    /// ```
    /// # use tinyferry_core::Config;
    /// const CONFIG: Config = Config::LOSSY.recv_buffer::<2048>();
    /// assert_eq!((CONFIG.chunk, CONFIG.credit), (256, 6));
    /// ```
    #[must_use]
    pub const fn recv_buffer<const BYTES: usize>(self) -> Self {
        const { assert!(BYTES >= Self::MIN_RECV_BUFFER, "the buffer cannot hold one frame") };
        let bytes = BYTES.saturating_sub(RESERVE);
        let mut chunk = SMALLEST_CHUNK;
        while chunk < PAYLOAD_MAX && chunk < self.chunk as usize {
            chunk = chunk.saturating_mul(2);
        }
        while chunk > SMALLEST_CHUNK && frames(bytes, chunk) < ENOUGH_FRAMES {
            chunk /= 2;
        }
        let frames = frames(bytes, chunk);
        let credit = if frames < CREDIT_MAX as usize { frames as u16 } else { CREDIT_MAX };
        self.chunk(chunk as u16).credit(credit)
    }

    pub(crate) fn hello<P: Profile>(&self, session: u32) -> Hello {
        Hello {
            session,
            version: VERSION,
            lossy: P::is_lossy(self.lossy),
            half_duplex: P::is_half_duplex(self.half_duplex),
            features: features(self.sha256 && P::has_sha256(), P::has_holes()),
            chunk: P::Buffer::limit(self.chunk),
            block: self.block,
            credit: self.credit,
        }
    }
}

/// The number of frames of full chunks that fit into a number of bytes, each with a signal beside it.
const fn frames(bytes: usize, chunk: usize) -> usize {
    let frame = chunk.saturating_add(HEADER_LEN + SIGNAL_LEN);
    match bytes.checked_div(frame) {
        Some(frames) => frames,
        None => 0,
    }
}

//! A client and a device of the core.

use embedded_io::ErrorKind;
use tinyferry_core::driver::Error;
use tinyferry_core::{Config, Failure, Outcome, Profile, buffer, checksum};

use crate::port::Port;

mod client;
mod device;

pub use client::*;
pub use device::*;

/// A client, with the capabilities that the features of this crate select.
#[derive(Debug, Clone, Copy)]
struct ClientOnly;
/// A device, likewise.
#[derive(Debug, Clone, Copy)]
struct DeviceOnly;

macro_rules! profile {
    ($name:ident, $client:literal) => {
        impl Profile for $name {
            #[cfg(feature = "tables")]
            type Checksums = checksum::Tables;
            #[cfg(not(feature = "tables"))]
            type Checksums = checksum::Small;
            type Sha256 = checksum::NoSha256;
            #[cfg(feature = "chunks-256")]
            type Buffer = buffer::Buffer256;
            #[cfg(not(feature = "chunks-256"))]
            type Buffer = buffer::Buffer1024;
            const CLIENT: bool = $client;
            const SERVER: bool = !$client;
            const TREES: bool = cfg!(feature = "trees");
            const RELIABLE: bool = cfg!(feature = "reliable");
            const PENDS: bool = false;
        }
    };
}

profile!(ClientOnly, true);
profile!(DeviceOnly, false);

/// `tinyferry_outcome.failure`: none.
pub const TINYFERRY_OK: u8 = 0;
/// The port failed.
pub const TINYFERRY_PORT_FAILED: u8 = 1;
/// The task was refused: `tinyferry_outcome.reason` says why.
pub const TINYFERRY_REFUSED: u8 = 2;
/// The stream ended in the middle of a task.
pub const TINYFERRY_STREAM_ENDED: u8 = 3;
/// The other end does not answer.
pub const TINYFERRY_TIMED_OUT: u8 = 4;
/// The other end does not speak Tinyferry, or breaks a rule of it, or the link damages bytes and is not lossy.
pub const TINYFERRY_PROTOCOL: u8 = 5;
/// The object was not made, or a pointer is null: that of `files` too, but for `tinyferry_ping` and `tinyferry_close`.
pub const TINYFERRY_MISUSE: u8 = 6;

/// The result of a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tinyferry_outcome {
    /// `TINYFERRY_OK`, or a failure.
    pub failure: u8,
    /// Whether a client has closed this device.
    pub closed: bool,
    /// The reason of `TINYFERRY_REFUSED`; else 0.
    pub reason: u16,
    /// The files and directories that were offered in a client's task.
    pub entries: u32,
    /// Those of them that were refused. The others are in place.
    pub refused: u32,
    /// The entries of a received tree that could not be offered, for their paths.
    pub omitted: u32,
}

/// The configuration: `tinyferry_config_lossy`, `tinyferry_config_reliable`, and a change of some fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tinyferry_config {
    /// The time without progress after which the other end counts as gone, in ms.
    pub timeout: u32,
    /// How long a device waits for the next request, in ms; 0: for ever.
    pub idle_timeout: u32,
    /// The largest chunk that this end receives, in bytes: 256, 512 or 1024.
    pub chunk: u16,
    /// The frames that the other end may send before its next question. On a link without flow control the receive queue
    /// must hold them: `TINYFERRY_CREDIT`. At least 1.
    pub credit: u16,
    /// The silence after which an incomplete frame is damaged, in ms: 20 to 500.
    pub silence: u16,
    /// Whether the link may lose or change bytes.
    pub lossy: bool,
    /// Whether a client may close this device.
    pub may_close: bool,
}

impl tinyferry_config {
    /// Whether each field has a value of its range.
    const fn is_valid(&self) -> bool {
        matches!(self.chunk, 256 | 512 | 1024)
            && self.credit > 0
            && self.silence >= 20
            && self.silence <= 500
    }

    const fn of(config: &Config) -> Self {
        Self {
            timeout: config.timeout,
            idle_timeout: match config.idle_timeout {
                Some(timeout) => timeout.get(),
                None => 0,
            },
            chunk: config.chunk,
            credit: config.credit,
            silence: config.silence,
            lossy: config.lossy,
            may_close: config.may_close,
        }
    }

    fn config(&self, port: &Port) -> Config {
        Config::RELIABLE
            .lossy(self.lossy)
            .half_duplex(port.is_half_duplex())
            .timeout(self.timeout)
            .idle_timeout(self.idle_timeout)
            .chunk(self.chunk)
            .credit(self.credit)
            .silence(self.silence)
            .may_close(self.may_close)
    }
}

const MISUSE: tinyferry_outcome = tinyferry_outcome {
    failure: TINYFERRY_MISUSE,
    closed: false,
    reason: 0,
    entries: 0,
    refused: 0,
    omitted: 0,
};

fn outcome(result: Result<Outcome, Error<ErrorKind>>) -> tinyferry_outcome {
    let failed = |failure, reason| tinyferry_outcome { failure, reason, ..MISUSE };
    match result {
        Ok(Outcome { entries, refused, omitted, closed }) => tinyferry_outcome {
            failure: TINYFERRY_OK,
            closed,
            reason: 0,
            entries,
            refused,
            omitted,
        },
        Err(Error::Link(_)) => failed(TINYFERRY_PORT_FAILED, 0),
        Err(Error::Session(failure)) => match failure {
            Failure::Refused(reason) => failed(TINYFERRY_REFUSED, reason.code()),
            Failure::UnexpectedEof => failed(TINYFERRY_STREAM_ENDED, 0),
            Failure::TimedOut | Failure::Stalled | Failure::IdleTimeout => {
                failed(TINYFERRY_TIMED_OUT, 0)
            }
            Failure::ApiMisuse | Failure::InvalidOptions => MISUSE,
            _ => failed(TINYFERRY_PROTOCOL, 0),
        },
    }
}

/// The configuration for a serial line, or another link that may lose or change bytes.
#[unsafe(no_mangle)]
pub extern "C" fn tinyferry_config_lossy() -> tinyferry_config {
    tinyferry_config::of(&Config::LOSSY)
}

/// The configuration for TCP, a pipe, or another link that loses nothing.
#[unsafe(no_mangle)]
pub extern "C" fn tinyferry_config_reliable() -> tinyferry_config {
    tinyferry_config::of(&Config::RELIABLE)
}

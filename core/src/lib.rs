#![no_std]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::expect_used))]
#![doc = "The core of Tinyferry: files and directory trees over any byte stream."]
//!
//! One state machine, [`Session`], that does no I/O: it returns a [`Step`], and lends the very slice
//! to fill or to write. A [driver](driver::blocking) carries out the steps over a
//! [`Link`](driver::blocking::Link), or with the feature `async` over async streams: `run` is for a client's task. A
//! [`Device`](device::Device) is a server and reports its events. A [`Store`] gives and takes the files.
//!
//! No `std`, no allocation, no `unsafe`; no function here panics. The wire is described in
//! [`protocol`]. `ARCHITECTURE.md` in the repository says how the modules work together: it follows
//! a chunk, a lost frame and a refused entry through the functions.
//!
//! ```
//! use core::num::NonZeroU32;
//!
//! use tinyferry_core::{Config, Session, Step, Task};
//!
//! let number = NonZeroU32::new(0x1234_5678).unwrap();
//! let mut session: Session = Session::client(number, Config::RELIABLE);
//! session.begin(Task::Ping).unwrap();
//! // First it sends its hello.
//! let Step::Transmit(bytes) = session.poll() else { unreachable!() };
//! assert_eq!(&bytes[..3], b"PIN");
//! ```

pub mod buffer;
pub mod checksum;
mod config;
pub mod device;
pub mod driver;
pub mod error;
mod link;
mod profile;
mod session;
pub mod store;
mod time;
mod transfer;
#[cfg(any(test, debug_assertions))]
mod transition;
pub mod wire;

pub use config::Config;
pub use error::{Failure, Reason};
pub use link::Negotiated;
pub use profile::{Profile, SerialDevice, SerialReceiver, Standard, UsbConsole, UsbDevice};
pub use session::{GetRequest, Session, Step, Task};
pub use store::Store;
pub use time::Millis;
pub use transfer::{Cancelled, Outcome};
pub use wire::{VERSION as PROTOCOL_VERSION, path};

#[doc = include_str!("../PROTOCOL.md")]
pub mod protocol {}

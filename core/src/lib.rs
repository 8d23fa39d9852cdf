#![no_std]
#![doc = "The core of Tinyferry: files and directory trees over any byte stream."]
//!
//! One state machine, [`Session`], that does no I/O: it says by [`Step`] what it needs next and
//! lends the very slice to fill or to write. A driver such as [`blocking::run`] carries the steps
//! out over a [`blocking::Link`] (with the feature `async`, `asynch::run` does over async streams), and a [`Store`] is where files come from and go to.
//!
//! No `std`, no allocation, no `unsafe`; no function here panics. The wire is described in
//! [`protocol`].
//!
//! ```
//! use tinyferry_core::{Config, Session, Step, Task};
//!
//! let mut session: Session = Session::client(0x1234_5678, Config::RELIABLE);
//! session.begin(Task::Ping).unwrap();
//! // The first thing it wants is to send its greeting.
//! let Step::Transmit(bytes) = session.poll() else { unreachable!() };
//! assert_eq!(&bytes[..3], b"PIN");
//! ```

#[cfg(feature = "async")]
pub mod asynch;
pub mod blocking;
pub mod checksum;
pub mod description;
pub mod error;
mod frame;
pub mod machine;
mod map;
pub mod path;
mod profile;
mod receiver;
mod sender;
mod serial;
mod session;
mod shared;
pub mod store;
mod terms;
mod timer;
pub mod wire;

pub use error::{Failure, Reason};
pub use machine::{Millis, Outcome, Step};
pub use profile::{Profile, Standard};
pub use session::{Config, Session, Task};
pub use store::Store;
pub use terms::Negotiated;

#[doc = include_str!("../PROTOCOL.md")]
pub mod protocol {}

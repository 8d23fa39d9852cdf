#![no_std]
#![doc = include_str!("../README.md")]

#[cfg(feature = "async")]
pub mod async_io;
mod blocking;
mod checksum;
mod hello;
mod link;
mod map;
mod metadata;
mod outgoing;
mod reader;
mod reason;
mod receiver;
mod sender;
mod server;
mod signal;
mod source;
mod store;
mod transfer;

pub use blocking::{Error, serve};
pub use link::{Link, Lossy, Reliable};
pub use reason::Reason;
pub use receiver::{Receiver, Step};
pub use sender::Sender;
pub use server::Server;
pub use source::Source;
pub use store::Store;

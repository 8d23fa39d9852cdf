//! Byte streams to another end: sockets, serial ports, standard streams and started commands.

#[cfg(unix)]
pub(crate) mod command;
pub(crate) mod listener;
pub mod serial;
pub(crate) mod socket;
#[cfg(unix)]
pub(crate) mod stdio;
pub mod stream;
pub mod tcp;

//! Drivers: they carry out the steps of a session over a stream, and decide nothing.

#[cfg(feature = "async")]
pub mod async_io;
pub mod blocking;

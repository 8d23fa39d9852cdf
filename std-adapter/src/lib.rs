//! Tinyferry on the desktop: sockets, serial ports, directories, server and client around the
//! protocol core.
//!
//! A [`server::Server`] serves a directory, a [`client::Client`] puts and gets over one connection,
//! and [`fs::Directory`] is where files come from and go to, on either side.

pub mod auth;
pub mod checksum;
pub mod client;
pub mod describe;
pub mod endpoint;
mod error;
pub mod fs;
pub mod server;
pub mod transport;

pub use endpoint::Endpoint;
pub use tinyferry_core as core;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

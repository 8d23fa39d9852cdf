//! Tinyferry on the desktop: sockets, serial ports, directories, server and client around the
//! protocol core.
//!
//! A [`server::Server`] serves a directory, a [`client::Client`] puts and gets over one connection,
//! and [`directory::Directory`] is where files come from and go to, on either side.

pub mod checksum;
pub mod client;
#[cfg(unix)]
mod command;
mod connection;
pub mod directory;
pub mod endpoint;
mod listener;
mod log;
pub mod secure;
pub mod serial;
pub mod server;
mod socket;
#[cfg(unix)]
mod stdio;
pub mod stream;
pub mod tcp;
mod throttle;
pub mod words;

pub use endpoint::Endpoint;
pub use tinyferry_core as core;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

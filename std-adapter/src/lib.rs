//! Tinyferry on the desktop: sockets, directories, server and client around the protocol core.

pub mod directory;

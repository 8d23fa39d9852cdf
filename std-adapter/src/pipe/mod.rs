//! Stores for pipes: the content of one file comes from a reader, or goes into a writer.
//!
//! [`Client::put_reader`](crate::client::Client::put_reader) and
//! [`Client::get_writer`](crate::client::Client::get_writer) need no store. A program that repeats a transfer over new
//! connections keeps one of these stores, which remember the bytes that were read and written before. Know nothing of
//! paths on this end, frames or links.

mod prefix;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::time::Duration;

pub use self::reader::ReaderStore;
pub use self::writer::WriterStore;

/// The pause before a reader without content, or a writer without room, is asked again, if the session does not wait.
const PAUSE: Duration = Duration::from_millis(10);

/// The first zeros of a hole of `length` bytes: as many as are written at once.
fn zeros(length: u64) -> &'static [u8] {
    static ZEROS: [u8; 32 << 10] = [0; 32 << 10];
    usize::try_from(length).ok().and_then(|length| ZEROS.get(..length)).unwrap_or(&ZEROS)
}

/// The error of a reader or writer, which the store keeps.
fn copy_of(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

//! Stores for pipes: the content of one file comes from a reader, or goes into a writer.
//!
//! [`Client::put_reader`](crate::client::Client::put_reader) and
//! [`Client::get_writer`](crate::client::Client::get_writer) need no store. A program that repeats a transfer
//! over new connections keeps one of these stores, which remember what was read and written before. Know
//! nothing of paths on this end, frames or links.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use self::reader::ReaderStore;
pub use self::writer::WriterStore;

//! The documents: the protocol, its vectors, and the pages.

mod documentation;
mod protocol_page;
mod vectors;

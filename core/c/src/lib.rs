#![no_std]
//! Tinyferry for C: `include/tinyferry.h` is made of these items, and documents them.
//!
//! | file | contents |
//! |---|---|
//! | `port` | the callbacks for bytes and time |
//! | `files` | the callbacks for the files of a session |
//! | `session` | a client and a device of the core |
//! | `tiny` | a receiver and a sender of `tinyferry-tiny` |
//! | `storage` | objects in the caller's memory |
//!
//! It has all `unsafe` code of the project's libraries: each function trusts the pointers of its caller, as its
//! documentation in the header says.

mod files;
mod port;
mod session;
mod storage;
mod tiny;

pub use files::*;
pub use port::*;
pub use session::*;
pub use tiny::*;

/// Nothing here panics: the images of the tests hold no call of it.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

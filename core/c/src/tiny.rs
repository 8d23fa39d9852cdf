//! The small receiver and the small sender of `tinyferry-tiny`.

use tinyferry_tiny::{Reason, Server, Step, serve};

use crate::port::{Port, tinyferry_port};

mod receiver;
mod sender;

pub use receiver::*;
pub use sender::*;

/// The bytes of the buffer of a small receiver or sender with chunks of 256 bytes. With 524 they have 512, with 1036 they
/// have 1024.
pub const TINYFERRY_FRAME: usize = 268;

/// The next step of a loop of your own around a small receiver or sender.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tinyferry_step {
    /// Null: write `length` bytes from `transmit`. Else read 1 to `length` bytes into it, and report them with
    /// `…_received`, or with `…_silence` each time no byte has come for 20 ms.
    pub receive: *mut u8,
    /// The bytes to write. Null: read.
    pub transmit: *const u8,
    /// The number of bytes.
    pub length: usize,
}

/// 0 is success, any other number a reason.
fn result(code: u16) -> Result<(), Reason> {
    if code == 0 { Ok(()) } else { Err(Reason::from_code(code)) }
}

const FAILED: u16 = Reason::Storage.code();

/// Serves clients until the stream ends. Whether it did.
///
/// # Safety
/// `port` and `files` are null, or valid in the call; their functions are as documented.
unsafe fn run<S: Server<F>, F: Copy>(
    server: Option<&mut S>,
    port: *const tinyferry_port,
    files: *const F,
) -> bool {
    // SAFETY: the caller promises it.
    let (Some(server), Some(port), Some(files)) =
        (server, unsafe { port.as_ref() }, unsafe { files.as_ref() })
    else {
        return false;
    };
    // Without a clock each read ends after the silence that a small end counts by.
    // SAFETY: the caller promises it.
    let mut port = unsafe { Port::new(tinyferry_port { now: None, ..*port }) };
    serve(server, &mut port, &mut { *files }).is_ok()
}

/// The next step.
///
/// # Safety
/// As of [`run`].
unsafe fn next<S: Server<F>, F: Copy>(server: Option<&mut S>, files: *const F) -> tinyferry_step {
    let none =
        tinyferry_step { receive: core::ptr::null_mut(), transmit: core::ptr::null(), length: 0 };
    // SAFETY: the caller promises it.
    let (Some(server), Some(files)) = (server, unsafe { files.as_ref() }) else { return none };
    match server.poll(&mut { *files }) {
        Step::Receive(into) => {
            tinyferry_step { receive: into.as_mut_ptr(), length: into.len(), ..none }
        }
        Step::Transmit(bytes) => {
            tinyferry_step { transmit: bytes.as_ptr(), length: bytes.len(), ..none }
        }
        // A lossy link has no such step.
        Step::Broken => none,
    }
}

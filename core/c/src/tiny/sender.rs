//! The small sender.

use core::ffi::c_void;

use tinyferry_tiny::{Lossy, Reason, Sender, Source};

use super::{TINYFERRY_FRAME, next, result, run, tinyferry_step};
use crate::port::tinyferry_port;
use crate::storage::{bytes, object, put};

/// The words of `tinyferry_sender`.
pub const TINYFERRY_SENDER_WORDS: usize = 10;

/// A server on a lossy link that sends one file at a time: `tinyferry_sender_new` makes it.
#[repr(C)]
pub struct tinyferry_sender {
    opaque: [u64; TINYFERRY_SENDER_WORDS],
}

/// The file that a small sender sends. Each function gets `context`, and returns 0 or a reason.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tinyferry_source {
    /// The first argument of each function.
    pub context: *mut c_void,
    /// The path of the open file, for the offer: at most 232 bytes. It must stay readable while the sender is in use.
    pub path: *const u8,
    /// The number of its bytes.
    pub path_length: usize,
    /// A client requests the file at a path, which is as the client sent it. Sets its size in bytes, less than 2^31;
    /// `UINT32_MAX`: it is not known. Returns 0 or the reason of a refusal.
    pub open: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            path: *const u8,
            path_length: usize,
            size: *mut u32,
        ) -> u16,
    >,
    /// Reads from `position` on, also from one before the last. Sets the number of bytes, 0 only at the end of the file.
    /// Returns 0 or a reason.
    pub load: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            position: u32,
            into: *mut u8,
            length: usize,
            count: *mut usize,
        ) -> u16,
    >,
}

type Object = Sender<'static, Lossy>;

/// Makes it in place: `size` is the size of the storage, `buffer` a buffer of `TINYFERRY_FRAME` bytes or more that nobody
/// else uses while the object is in use. `credit` is the number of frames that the queue of the port holds; more than 8
/// have no effect, and 0 counts as 1. Returns false if a pointer is null, the storage not aligned, or one of both too small.
///
/// # Safety
/// `sender` and `buffer` can be written for so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_sender_new(
    sender: *mut tinyferry_sender,
    size: usize,
    buffer: *mut u8,
    buffer_length: usize,
    credit: u8,
) -> bool {
    if buffer.is_null() || buffer_length < TINYFERRY_FRAME {
        return false;
    }
    // SAFETY: the caller promises it.
    let buffer = unsafe { core::slice::from_raw_parts_mut(buffer, buffer_length) };
    let object: Object = Sender::new(buffer, credit);
    // SAFETY: the caller promises it.
    unsafe { put(sender, size, object) }
}

/// Serves clients until a read of the port returns `TINYFERRY_END`. Returns true then, and false if the port has failed.
/// The port needs no clock and no `is_ready`: each read waits 20 ms at most.
///
/// # Safety
/// `sender` was made; the functions of `port` and `source` are as documented.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_sender_serve(
    sender: *mut tinyferry_sender,
    port: *const tinyferry_port,
    source: *const tinyferry_source,
) -> bool {
    // SAFETY: the caller promises it.
    unsafe { run(object::<Object, _>(sender), port, source) }
}

/// The next step of a loop of your own. Its bytes are valid until the next call for this object.
///
/// # Safety
/// As for `tinyferry_sender_serve`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_sender_poll(
    sender: *mut tinyferry_sender,
    source: *const tinyferry_source,
) -> tinyferry_step {
    // SAFETY: the caller promises it.
    unsafe { next(object::<Object, _>(sender), source) }
}

/// `count` bytes were read, as the step asked for.
///
/// # Safety
/// `sender` was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_sender_received(sender: *mut tinyferry_sender, count: usize) {
    // SAFETY: the caller promises it.
    if let Some(sender) = unsafe { object::<Object, _>(sender) } {
        sender.received(count);
    }
}

/// No byte came for 20 ms.
///
/// # Safety
/// `sender` was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_sender_silence(sender: *mut tinyferry_sender) {
    // SAFETY: the caller promises it.
    if let Some(sender) = unsafe { object::<Object, _>(sender) } {
        sender.silence();
    }
}

impl Source for tinyferry_source {
    fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason> {
        let Some(open) = self.open else { return Err(Reason::WriteOnly) };
        let mut size = u32::MAX;
        // SAFETY: the caller promises it for each function.
        result(unsafe { open(self.context, path.as_ptr(), path.len(), &raw mut size) })?;
        Ok(Some(size).filter(|size| *size != u32::MAX))
    }

    fn path(&self) -> &[u8] {
        // SAFETY: the caller promises it.
        unsafe { bytes(self.path, self.path_length) }
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
        let Some(load) = self.load else { return Err(Reason::Storage) };
        let mut count = 0;
        // SAFETY: as above.
        result(unsafe {
            load(self.context, position, into.as_mut_ptr(), into.len(), &raw mut count)
        })?;
        Ok(count.min(into.len()))
    }
}

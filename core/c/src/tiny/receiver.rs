//! The small receiver.

use core::ffi::c_void;

use tinyferry_tiny::{Lossy, Reason, Receiver, Store};

use super::{FAILED, TINYFERRY_FRAME, next, result, run, tinyferry_step};
use crate::port::tinyferry_port;
use crate::storage::{object, put};

/// The words of `tinyferry_receiver`.
pub const TINYFERRY_RECEIVER_WORDS: usize = 9;

/// A server on a lossy link that receives one file at a time, in 4 kB of flash: `tinyferry_receiver_new` makes it.
#[repr(C)]
pub struct tinyferry_receiver {
    opaque: [u64; TINYFERRY_RECEIVER_WORDS],
}

/// Where a small receiver stores a file. Each function gets `context`. One that returns `uint16_t` returns 0, or the reason of
/// a refusal (`TINYFERRY_NOT_FOUND`). A call may take seconds: the client repeats its question, and gives up after 60 s.
/// Null is allowed where that is said.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tinyferry_image {
    /// The first argument of each function.
    pub context: *mut c_void,
    /// A file of `size` bytes is offered. The path is as the client sent it: compare it with the names that are accepted.
    pub offer: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            path: *const u8,
            path_length: usize,
            size: u32,
        ) -> u16,
    >,
    /// Stores bytes at their position, in order; in any order with the feature `any-order`.
    pub store: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            position: u32,
            bytes: *const u8,
            length: usize,
        ) -> u16,
    >,
    /// The file is complete and verified: puts it in place. Until then the old file stays.
    pub commit: Option<unsafe extern "C" fn(context: *mut c_void) -> u16>,
    /// The bytes of the offered file that are there from before, without a gap: a multiple of 1024, or the whole size, at
    /// most `limit`. Null: none; then files are not resumed.
    pub prefix: Option<unsafe extern "C" fn(context: *mut c_void, limit: u32) -> u32>,
    /// Drops the partial of the offered file: no later offer may resume it. Null: there is none.
    pub discard: Option<unsafe extern "C" fn(context: *mut c_void)>,
    /// Reads back `length` bytes that were stored. Null where `prefix` is null, without the feature `any-order`.
    pub load: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            position: u32,
            into: *mut u8,
            length: usize,
        ) -> u16,
    >,
}

type Object = Receiver<'static, Lossy>;

/// Makes it in place: `size` is the size of the storage, `buffer` a buffer of `TINYFERRY_FRAME` bytes or more that nobody
/// else uses while the object is in use. `credit` is the number of frames that the queue of the port holds; more than 8
/// have no effect, and 0 counts as 1. Returns false if a pointer is null, the storage not aligned, or one of both too small.
///
/// # Safety
/// `receiver` and `buffer` can be written for so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_receiver_new(
    receiver: *mut tinyferry_receiver,
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
    let object: Object = Receiver::new(buffer, credit);
    // SAFETY: the caller promises it.
    unsafe { put(receiver, size, object) }
}

/// Serves clients until a read of the port returns `TINYFERRY_END`. Returns true then, and false if the port has failed.
/// The port needs no clock and no `is_ready`: each read waits 20 ms at most.
///
/// # Safety
/// `receiver` was made; the functions of `port` and `image` are as documented.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_receiver_serve(
    receiver: *mut tinyferry_receiver,
    port: *const tinyferry_port,
    image: *const tinyferry_image,
) -> bool {
    // SAFETY: the caller promises it.
    unsafe { run(object::<Object, _>(receiver), port, image) }
}

/// The next step of a loop of your own. Its bytes are valid until the next call for this object.
///
/// # Safety
/// As for `tinyferry_receiver_serve`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_receiver_poll(
    receiver: *mut tinyferry_receiver,
    image: *const tinyferry_image,
) -> tinyferry_step {
    // SAFETY: the caller promises it.
    unsafe { next(object::<Object, _>(receiver), image) }
}

/// `count` bytes were read, as the step asked for.
///
/// # Safety
/// `receiver` was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_receiver_received(
    receiver: *mut tinyferry_receiver,
    count: usize,
) {
    // SAFETY: the caller promises it.
    if let Some(receiver) = unsafe { object::<Object, _>(receiver) } {
        receiver.received(count);
    }
}

/// No byte came for 20 ms.
///
/// # Safety
/// `receiver` was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_receiver_silence(receiver: *mut tinyferry_receiver) {
    // SAFETY: the caller promises it.
    if let Some(receiver) = unsafe { object::<Object, _>(receiver) } {
        receiver.silence();
    }
}

// Its functions are those that `tinyferry_receiver_poll` trusts.
impl Store for tinyferry_image {
    const RESUMES: bool = true;
    const OUT_OF_ORDER: bool = cfg!(feature = "any-order");

    fn offer(&mut self, path: &[u8], size: u32) -> Result<(), Reason> {
        let Some(offer) = self.offer else { return Err(Reason::ReadOnly) };
        // SAFETY: the caller promises it for each function.
        result(unsafe { offer(self.context, path.as_ptr(), path.len(), size) })
    }

    fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        // SAFETY: as above.
        result(self.store.map_or(FAILED, |store| unsafe {
            store(self.context, position, bytes.as_ptr(), bytes.len())
        }))
    }

    fn commit(&mut self) -> Result<(), Reason> {
        // SAFETY: as above.
        result(self.commit.map_or(FAILED, |commit| unsafe { commit(self.context) }))
    }

    fn prefix(&mut self, limit: u32) -> u32 {
        // SAFETY: as above.
        self.prefix.map_or(0, |prefix| unsafe { prefix(self.context, limit) })
    }

    fn discard(&mut self) {
        if let Some(discard) = self.discard {
            // SAFETY: as above.
            unsafe { discard(self.context) };
        }
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        // SAFETY: as above.
        result(self.load.map_or(FAILED, |load| unsafe {
            load(self.context, position, into.as_mut_ptr(), into.len())
        }))
    }
}

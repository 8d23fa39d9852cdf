//! A client of the core.

use core::num::NonZeroU32;

use tinyferry_core::driver::blocking::run;
use tinyferry_core::{GetRequest, Session, Task};

use super::{ClientOnly, MISUSE, outcome, tinyferry_config, tinyferry_outcome};
use crate::files::{TINYFERRY_BAD_PATH, tinyferry_files};
use crate::port::{Port, tinyferry_port};
use crate::storage::{bytes, object, put};

/// The words of `tinyferry_client`.
#[cfg(feature = "chunks-256")]
pub const TINYFERRY_CLIENT_WORDS: usize = 89;
/// The words of `tinyferry_client`.
#[cfg(not(feature = "chunks-256"))]
pub const TINYFERRY_CLIENT_WORDS: usize = 185;

/// A client: `tinyferry_client_new` makes it.
#[repr(C)]
pub struct tinyferry_client {
    opaque: [u64; TINYFERRY_CLIENT_WORDS],
}

struct Client {
    session: Session<ClientOnly>,
    port: Port,
}

/// Makes a client in place: `size` is the size of the storage. `random` has 32 bits that nobody can predict. Returns false
/// if a pointer is null, the storage too small or not aligned, or a field of `config` out of its range.
///
/// # Safety
/// `client` can be written for `size` bytes. The functions of `port` are as documented, and its `context` stays valid while
/// the client is in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_client_new(
    client: *mut tinyferry_client,
    size: usize,
    port: *const tinyferry_port,
    config: *const tinyferry_config,
    random: u32,
) -> bool {
    // SAFETY: the caller promises it.
    let (Some(port), Some(config)) = (unsafe { port.as_ref() }, unsafe { config.as_ref() }) else {
        return false;
    };
    if !config.is_valid() {
        return false;
    }
    // SAFETY: the caller promises it.
    let port = unsafe { Port::new(*port) };
    let number = NonZeroU32::new(random).unwrap_or(NonZeroU32::MIN);
    let session = Session::client(number, config.config(&port));
    // SAFETY: the caller promises it.
    unsafe { put(client, size, Client { session, port }) }
}

/// Runs a task.
///
/// # Safety
/// `client` was made; the functions of `files` are as documented.
unsafe fn perform(
    client: *mut tinyferry_client,
    task: Task<'_>,
    files: *const tinyferry_files,
) -> tinyferry_outcome {
    // SAFETY: the caller promises it.
    let Some(Client { session, port }) = (unsafe { object(client) }) else { return MISUSE };
    // SAFETY: the caller promises it.
    outcome(match unsafe { files.as_ref() } {
        Some(files) => run(session, task, port, &mut { *files }),
        None => run(session, task, port, &mut ()),
    })
}

/// Sends the entries that `files` gives.
///
/// # Safety
/// `client` was made; the functions of `files` are as documented.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_put(
    client: *mut tinyferry_client,
    files: *const tinyferry_files,
) -> tinyferry_outcome {
    if files.is_null() {
        return MISUSE;
    }
    // SAFETY: the caller promises it.
    unsafe { perform(client, Task::Put, files) }
}

/// Requests the file at `path`, or with `tree` the tree; it is offered to `files`. The empty path is the root.
///
/// # Safety
/// `client` was made; the functions of `files` are as documented; `path` has `path_length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_get(
    client: *mut tinyferry_client,
    path: *const u8,
    path_length: usize,
    tree: bool,
    files: *const tinyferry_files,
) -> tinyferry_outcome {
    if files.is_null() {
        return MISUSE;
    }
    // SAFETY: the caller promises it.
    let Ok(path) = core::str::from_utf8(unsafe { bytes(path, path_length) }) else {
        return tinyferry_outcome {
            failure: super::TINYFERRY_REFUSED,
            reason: TINYFERRY_BAD_PATH,
            ..MISUSE
        };
    };
    let request = if tree { GetRequest::tree(path) } else { GetRequest::file(path) };
    // SAFETY: the caller promises it.
    unsafe { perform(client, Task::Get(request), files) }
}

/// Asks whether the server answers.
///
/// # Safety
/// `client` was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_ping(client: *mut tinyferry_client) -> tinyferry_outcome {
    // SAFETY: the caller promises it.
    unsafe { perform(client, Task::Ping, core::ptr::null()) }
}

/// Asks the server to end.
///
/// # Safety
/// `client` was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_close(client: *mut tinyferry_client) -> tinyferry_outcome {
    // SAFETY: the caller promises it.
    unsafe { perform(client, Task::Close, core::ptr::null()) }
}

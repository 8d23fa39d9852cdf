//! A device of the core.

use core::ffi::c_void;

use embedded_io::ErrorKind;
use tinyferry_core::device::{Device, Event};

use super::{DeviceOnly, MISUSE, outcome, tinyferry_config, tinyferry_outcome};
use crate::files::{TINYFERRY_NO_SIZE, tinyferry_files};
use crate::port::{Port, tinyferry_port};
use crate::storage::{object, put};

/// The words of `tinyferry_device`.
#[cfg(feature = "chunks-256")]
pub const TINYFERRY_DEVICE_WORDS: usize = 115;
/// The words of `tinyferry_device`.
#[cfg(not(feature = "chunks-256"))]
pub const TINYFERRY_DEVICE_WORDS: usize = 211;

/// A device, which is a server that reports its events: `tinyferry_device_new` makes it.
#[repr(C)]
pub struct tinyferry_device {
    opaque: [u64; TINYFERRY_DEVICE_WORDS],
}

/// `tinyferry_event.kind`: a client has connected.
pub const TINYFERRY_CONNECTED: u8 = 0;
/// A client offers the file or directory at `path`; `position` bytes of it are there.
pub const TINYFERRY_OFFERED: u8 = 1;
/// Content was received or sent, up to `position`.
pub const TINYFERRY_PROGRESS: u8 = 2;
/// The file or directory is in place, with `size` bytes, and the client has the answer.
pub const TINYFERRY_STORED: u8 = 3;
/// A file of `size` bytes was sent.
pub const TINYFERRY_SENT: u8 = 4;
/// The file or directory at `path` is not in place or was not sent, for `reason`.
pub const TINYFERRY_REJECTED: u8 = 5;
/// The request is over. A reset may follow.
pub const TINYFERRY_IDLE: u8 = 6;
/// The session is over; the next one begins.
pub const TINYFERRY_CLOSED: u8 = 7;

/// An event of a device.
#[repr(C)]
pub struct tinyferry_event {
    /// Its path, UTF-8 without a zero at the end, cut at 64 bytes; null if the event has none. Valid in the call only.
    pub path: *const u8,
    /// The bytes of the path.
    pub path_length: usize,
    /// A position in bytes.
    pub position: u64,
    /// The size in bytes, or `TINYFERRY_NO_SIZE`.
    pub size: u64,
    /// A reason, or 0.
    pub reason: u16,
    /// The kind, `TINYFERRY_CONNECTED` to `TINYFERRY_CLOSED`.
    pub kind: u8,
}

/// A function that is told of the events of a device.
pub type tinyferry_on_event =
    Option<unsafe extern "C" fn(context: *mut c_void, event: *const tinyferry_event)>;

struct Served {
    device: Device<DeviceOnly>,
    port: Port,
}

/// Makes a device in place: `size` is the size of the storage. Returns false if a pointer is null, the storage too small or
/// not aligned, or a field of `config` out of its range.
///
/// # Safety
/// `device` can be written for `size` bytes. The functions of `port` are as documented, and its `context` stays valid while
/// the device is in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_device_new(
    device: *mut tinyferry_device,
    size: usize,
    port: *const tinyferry_port,
    config: *const tinyferry_config,
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
    let served = Served { device: Device::new(config.config(&port)), port };
    // SAFETY: the caller promises it.
    unsafe { put(device, size, served) }
}

/// Serves one session after another. Returns when the stream has ended or failed, or when a client has closed the device;
/// then it may be called again. `on_event` may be null; it gets `context`.
///
/// # Safety
/// `device` was made; the functions of `files` and `on_event` are as documented.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tinyferry_device_serve(
    device: *mut tinyferry_device,
    files: *const tinyferry_files,
    on_event: tinyferry_on_event,
    context: *mut c_void,
) -> tinyferry_outcome {
    // SAFETY: the caller promises it.
    let Some(Served { device, port }) = (unsafe { object(device) }) else { return MISUSE };
    // SAFETY: the caller promises it.
    let Some(files) = (unsafe { files.as_ref() }) else { return MISUSE };
    outcome(device.serve(port, &mut { *files }, |_, event| {
        if let Some(call) = on_event {
            let event = told(&event);
            // SAFETY: the caller promises it.
            unsafe { call(context, &raw const event) };
        }
    }))
}

fn told(event: &Event<'_, ErrorKind>) -> tinyferry_event {
    let none = tinyferry_event {
        path: core::ptr::null(),
        path_length: 0,
        position: 0,
        size: TINYFERRY_NO_SIZE,
        reason: 0,
        kind: TINYFERRY_CLOSED,
    };
    let at = |kind, path: &str| tinyferry_event {
        kind,
        path: path.as_ptr(),
        path_length: path.len(),
        ..none
    };
    let size_of = |size: Option<u64>| size.unwrap_or(TINYFERRY_NO_SIZE);
    match *event {
        Event::Connected => tinyferry_event { kind: TINYFERRY_CONNECTED, ..none },
        Event::Offered { path, size, prefix, .. } => {
            tinyferry_event { position: prefix, size: size_of(size), ..at(TINYFERRY_OFFERED, path) }
        }
        Event::Progress { path, position, size } => {
            tinyferry_event { position, size: size_of(size), ..at(TINYFERRY_PROGRESS, path) }
        }
        Event::Stored { path, size, .. } => tinyferry_event { size, ..at(TINYFERRY_STORED, path) },
        Event::Sent { path, size } => tinyferry_event { size, ..at(TINYFERRY_SENT, path) },
        Event::Refused { path, reason } => {
            tinyferry_event { reason: reason.code(), ..at(TINYFERRY_REJECTED, path) }
        }
        Event::Idle => tinyferry_event { kind: TINYFERRY_IDLE, ..none },
        // Operations are left out of this build, and so are their events.
        _ => none,
    }
}

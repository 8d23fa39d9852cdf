//! The functions of C's library that littlefs calls and `compiler_builtins` lacks: a firmware that links newlib has
//! them from there.

use core::ffi::{CStr, c_char, c_int};
use core::ptr::null_mut;

/// # Safety
/// Both are strings of C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strspn(text: *const c_char, accepted: *const c_char) -> usize {
    // SAFETY: the caller's.
    let (text, accepted) = unsafe { (CStr::from_ptr(text), CStr::from_ptr(accepted)) };
    text.to_bytes().iter().take_while(|byte| accepted.to_bytes().contains(byte)).count()
}

/// # Safety
/// Both are strings of C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strcspn(text: *const c_char, rejected: *const c_char) -> usize {
    // SAFETY: the caller's.
    let (text, rejected) = unsafe { (CStr::from_ptr(text), CStr::from_ptr(rejected)) };
    text.to_bytes().iter().take_while(|byte| !rejected.to_bytes().contains(byte)).count()
}

/// # Safety
/// It is a string of C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strchr(text: *const c_char, wanted: c_int) -> *mut c_char {
    // SAFETY: the caller's.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes_with_nul();
    match bytes.iter().position(|byte| *byte == wanted as u8) {
        // SAFETY: within the string.
        Some(place) => unsafe { text.add(place) }.cast_mut(),
        None => null_mut(),
    }
}

/// # Safety
/// There is room for the string of C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strcpy(to: *mut c_char, from: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let bytes = CStr::from_ptr(from).to_bytes_with_nul();
        to.copy_from_nonoverlapping(from, bytes.len());
    }
    to
}

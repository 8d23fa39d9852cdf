//! Objects in memory of the caller, whose size the header states.

/// Where the object lies in its storage: it may need a larger alignment than the header can state.
fn place<T, S>(storage: *mut S) -> *mut T {
    const {
        let padding = align_of::<T>().saturating_sub(align_of::<S>());
        let needed = size_of::<T>().saturating_add(padding);
        assert!(needed <= size_of::<S>(), "the header states too small a size");
    }
    let bytes = storage.cast::<u8>();
    bytes.wrapping_add(bytes.align_offset(align_of::<T>())).cast()
}

/// Puts `object` into the storage of the caller, which has `size` bytes. `false`: it is null, too small, or not aligned.
///
/// # Safety
/// `storage` is null, or can be written for `size` bytes.
pub(crate) unsafe fn put<T, S>(storage: *mut S, size: usize, object: T) -> bool {
    if storage.is_null() || !storage.is_aligned() || size < size_of::<S>() {
        return false;
    }
    // SAFETY: it has room and is aligned there, as asserted above.
    unsafe { place::<T, S>(storage).write(object) };
    true
}

/// The object in the storage.
///
/// # Safety
/// `storage` is null, or [`put`] has put a `T` there, it was not moved, and nobody else uses it meanwhile.
pub(crate) unsafe fn object<'a, T, S>(storage: *mut S) -> Option<&'a mut T> {
    if storage.is_null() {
        return None;
    }
    // SAFETY: as above.
    unsafe { place::<T, S>(storage).as_mut() }
}

/// The bytes at a pointer of the caller; none if it is null.
///
/// # Safety
/// `bytes` is null, or can be read for `length` bytes as long as `'a`.
pub(crate) unsafe fn bytes<'a>(bytes: *const u8, length: usize) -> &'a [u8] {
    if bytes.is_null() {
        return &[];
    }
    // SAFETY: as above.
    unsafe { core::slice::from_raw_parts(bytes, length) }
}

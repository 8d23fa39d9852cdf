//! The zeros of holes for stores that take bytes only.

#[cfg(test)]
mod tests;

/// Few, since they take flash in each image that serves any [`Store`](super::Store).
static ZEROS: [u8; 64] = [0; 64];

/// The first zeros of a hole of `length` bytes; none only if `length` is 0.
pub(super) fn zeros(length: u64) -> &'static [u8] {
    usize::try_from(length).ok().and_then(|length| ZEROS.get(..length)).unwrap_or(&ZEROS)
}

//! Session numbers of tests.

use std::num::NonZeroU32;

/// A session number that a test has chosen.
///
/// # Panics
/// Where it is 0, which is none.
pub const fn session_number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a session number is not 0")
}

//! Faults of serial lines that no repetition overcomes: byte values that do not arrive, or not as they were sent.
//!
//! Knows the handshake, and which bytes its frames have; knows nothing of links and sessions.

mod check;
mod fault;
mod frames;
#[cfg(test)]
mod tests;

pub(crate) use self::check::{Finding, LONGEST, check};
pub use self::fault::{Direction, Fault, LineFault};

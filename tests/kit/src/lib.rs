#![doc = include_str!("../README.md")]

#[cfg(all(unix, feature = "cable"))]
mod cable;
mod driver;
mod endpoint;
#[cfg(feature = "nor-flash")]
mod flash;
mod frames;
mod line;
mod memory;
mod pair;
mod profile;
mod random;
mod seeds;
mod session_number;

#[cfg(all(unix, feature = "cable"))]
pub use cable::Cable;
pub use driver::{Input, Port, Progress, perform};
pub use endpoint::Endpoint;
#[cfg(feature = "nor-flash")]
pub use flash::Flash;
pub use frames::{Frames, outline};
pub use line::{Faults, Line};
pub use memory::{File, Memory, QueuedOperation};
pub use pair::{End, Pair, Stuck};
pub use profile::{Console, Operates, Pipes, Sparse};
pub use random::{Random, content};
pub use seeds::seeds;
pub use session_number::session_number;

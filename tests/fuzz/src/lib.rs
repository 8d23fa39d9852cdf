//! The fuzz targets.

mod alone;
mod order;
mod pair;
mod reader;
mod script;
mod tiny;
mod watched;
mod weak;

pub use alone::{client, server};
pub use order::order;
pub use pair::pair;
pub use reader::reader;
pub use tiny::tiny;
pub use weak::Weak;

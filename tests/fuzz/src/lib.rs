//! What the fuzz targets do with their bytes.

mod alone;
mod pair;
mod reader;
mod script;
mod watched;
mod weak;

pub use alone::{client, server};
pub use pair::pair;
pub use reader::reader;
pub use weak::Weak;

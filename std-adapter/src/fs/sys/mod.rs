//! The operating system's files, directories, times and syncs. Knows nothing of transfers.

pub(crate) mod ambient;
pub(crate) mod background;
pub(crate) mod buffer;
pub(crate) mod descriptors;
pub(crate) mod dir_cursor;
pub(crate) mod holes;
pub(crate) mod link;
pub(crate) mod listing;
pub(crate) mod lock;
pub(crate) mod metadata;
pub(crate) mod moves;
pub(crate) mod space;
pub(crate) mod sync;
pub(crate) mod sync_failures;
pub(crate) mod sync_unsupported;
pub(crate) mod times;
pub(crate) mod undeletable;
pub(crate) mod volumes;

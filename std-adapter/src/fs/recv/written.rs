//! Batches of written files, which get their names when their content is durable.

use std::sync::Arc;

use tinyferry_core::error::Reason;

use crate::describe;
use crate::fs::error::StoreError;
use crate::fs::policy::Existing;
use crate::fs::recv::batch::Batch;
use crate::fs::recv::staged::Staged;
use crate::fs::recv::tmpfile::TempFiles;
use crate::fs::sys::sync::synchronise;
use crate::fs::sys::volumes::{Synchronised, Volume, synchronise_content};

/// A batch whose files are written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) batch: Arc<Batch>,
    /// One for each file of the batch.
    pub(crate) staged: Vec<Staged>,
    /// The treatment of a file whose name another file has.
    pub(crate) existing: Existing,
}

/// Makes the content of files durable, then gives them their names, in order.
pub(crate) fn name_all(written: &mut [Written], volumes: &[Arc<Volume>]) {
    let content = synchronise_content(volumes);
    let mut temp_files = TempFiles::default();
    for Written { batch, staged, existing } in written {
        if content == Synchronised::Unknown {
            staged.iter_mut().for_each(Staged::synchronise);
        }
        for (staged, (dir, name)) in staged.iter_mut().zip(batch.places()) {
            staged.name(dir, name, *existing, &mut temp_files);
        }
        if content == Synchronised::Unknown
            && let Err(error) = batch.directories().try_for_each(|dir| synchronise(dir))
        {
            let detail = describe::os_error(&error);
            for staged in staged {
                if matches!(staged, Staged::Named(..)) {
                    let error = StoreError::new(Reason::Storage, &detail);
                    *staged = Staged::Failed(error);
                }
            }
        }
    }
}

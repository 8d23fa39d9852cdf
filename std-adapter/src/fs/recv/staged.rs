//! Files of a tree that are written and get their names when their content is durable: after a loss of
//! power every name has the old file or the new one. Knows nothing of reports.

use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};

use crate::fs::error::Trouble;
use crate::fs::recv::batch::Batch;
use crate::fs::recv::partial::Partial;
use crate::fs::recv::partial::Purpose;
use crate::fs::recv::partial::Whose;
use crate::fs::recv::tmpfile::Nameless;
use crate::fs::recv::tmpfile::Whole;
use crate::fs::sys::metadata::Facts;
use crate::fs::sys::metadata::settle;
use crate::fs::sys::sync::synchronise;
use crate::fs::sys::sync_failures;
use crate::fs::sys::volumes::Synchronised;
use crate::fs::sys::volumes::Volume;
use crate::fs::sys::volumes::synchronise_content;

/// A file that is written.
#[derive(Debug)]
pub(crate) enum Staged {
    /// It has no name at all.
    Nameless(File),
    /// It has the name of a partial; whether its time and its permission bits could be set.
    Partial(Box<Partial>, io::Result<()>),
    /// It has its name already, and is the same as the offered file; whether its time and
    /// its permission bits could be set.
    Same(File, io::Result<()>),
    /// It has its name; whether its time and its permission bits could be set.
    Named(io::Result<()>),
    Failed(Trouble),
}

/// A batch whose files are written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) batch: Arc<Batch>,
    /// One for each file of the batch.
    pub(crate) staged: Vec<Staged>,
}

/// Makes the content of files durable, then gives them their names, in order.
pub(crate) fn name_all(written: &mut [Written], volumes: &[Arc<Volume>]) {
    let content = synchronise_content(volumes);
    let mut nameless = Nameless::default();
    for Written { batch, staged } in written {
        if content == Synchronised::Unknown {
            staged.iter_mut().for_each(Staged::synchronise);
        }
        for (staged, (dir, name)) in staged.iter_mut().zip(batch.places()) {
            staged.name(dir, name, &mut nameless);
        }
        if content == Synchronised::Unknown
            && let Err(error) = batch.directories().try_for_each(|dir| synchronise(dir))
        {
            let detail = crate::describe::os_error(&error);
            for staged in staged {
                if matches!(staged, Staged::Named(_)) {
                    let trouble = Trouble::new(tinyferry_core::error::Reason::Storage, &detail);
                    *staged = Staged::Failed(trouble);
                }
            }
        }
    }
}

impl Staged {
    /// Writes a file that is to become `name` in `dir`.
    pub(crate) fn write(
        dir: &Arc<Dir>,
        name: &str,
        whole: &Whole<'_>,
        nameless: &mut Nameless,
    ) -> Self {
        if let Some(file) = nameless.write(dir, whole) {
            return Self::Nameless(file);
        }
        match write_partial(dir, name, whole) {
            Ok((partial, settled)) => Self::Partial(Box::new(partial), settled),
            Err(trouble) => Self::Failed(trouble),
        }
    }

    /// Makes a file durable by itself and gives it its name.
    pub(crate) fn put_alone(mut self, dir: &Arc<Dir>, name: &str) -> Self {
        self.synchronise();
        self.name(dir, name, &mut Nameless::default());
        if matches!(self, Self::Named(_))
            && let Err(error) = synchronise(dir)
        {
            return Self::Failed(error.into());
        }
        self
    }

    /// It is not put in place.
    pub(crate) fn discard(self) {
        if let Self::Partial(partial, _) = self {
            partial.discard();
        }
    }

    /// Makes its content durable by itself.
    fn synchronise(&mut self) {
        let result = match self {
            Self::Nameless(file) | Self::Same(file, _) => sync_failures::synchronise(file),
            Self::Partial(partial, _) => sync_failures::synchronise(&partial.file),
            Self::Named(_) | Self::Failed(_) => return,
        };
        if let Err(error) = result {
            std::mem::replace(self, Self::Failed(error.into())).discard();
        }
    }

    /// Gives it its name.
    fn name(&mut self, dir: &Arc<Dir>, name: &str, nameless: &mut Nameless) {
        let named = |result: Result<(), Trouble>, settled| match result {
            Ok(()) => Self::Named(settled),
            Err(trouble) => Self::Failed(trouble),
        };
        *self = match std::mem::replace(self, Self::Named(Ok(()))) {
            Self::Nameless(file) => {
                let linked = nameless.link(&file, dir, name).map_err(Trouble::from);
                named(linked.or_else(|_| copy(&file, dir, name)), Ok(()))
            }
            Self::Partial(partial, settled) => {
                let placed = partial.place(name).map(|_| ());
                named(placed.map_err(|trouble| partial.discard_after(trouble)), settled)
            }
            Self::Same(_, settled) => Self::Named(settled),
            other => other,
        };
    }
}

fn write_partial(
    dir: &Arc<Dir>,
    name: &str,
    whole: &Whole<'_>,
) -> Result<(Partial, io::Result<()>), Trouble> {
    let Whole { bytes, mode, modified } = *whole;
    let purpose = Purpose { whose: &Whose::Nobody, kept: None, target: name, mode };
    let mut partial = Partial::create(dir, purpose)?;
    partial.length = bytes.len() as u64;
    if let Err(error) = crate::fs::sys::buffer::write_all_at(&partial.file, bytes, 0) {
        partial.discard();
        return Err(error.into());
    }
    let settled = settle(&partial.file, &partial.metadata, mode, modified);
    Ok((partial, settled))
}

/// Copies a file that cannot get a name into a partial, and renames that.
fn copy(mut file: &File, dir: &Arc<Dir>, name: &str) -> Result<(), Trouble> {
    use std::io::{Read, Seek};

    let Facts { mode, modified, .. } = Facts::of(&Metadata::from_file(file)?);
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let (partial, _) = write_partial(dir, name, &Whole { bytes: &bytes, mode, modified })?;
    let placed = sync_failures::synchronise(&partial.file)
        .map_err(Trouble::from)
        .and_then(|()| partial.place(name).map(|_| ()));
    placed.map_err(|trouble| partial.discard_after(trouble))
}

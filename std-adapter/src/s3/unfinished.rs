//! The unfinished file in the storage: its parts, and the record of them for a resume.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tinyferry_core::checksum::Checksums as _;

use super::bucket::{LONG, SHORT};
use super::facts::Attributes;
use super::fault::Fault;
use super::multipart::Part;
use super::objects::Put;
use super::partial::{Partial, Recorded};
use super::target::Target;
use crate::checksum::Fast;

/// An unfinished file below this length is not recorded, in bytes.
pub(super) const RECORDED_MIN: u64 = 64 << 10;

/// The file, shared by the threads that upload its parts.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) target: Target,
    progress: Mutex<Progress>,
}

/// What of it is in the storage.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The number of the upload, when it has begun.
    pub(super) id: Option<String>,
    pub(super) parts: BTreeMap<usize, (Part, u64)>,
    is_recorded: bool,
}

impl Unfinished {
    /// `upload`: what of it is in the storage. `is_recorded`: there is a record of it.
    pub(super) fn new(target: Target, upload: Option<Recorded>, is_recorded: bool) -> Self {
        let mut progress = Progress { is_recorded, ..Progress::default() };
        if let Some(Recorded { id, parts }) = upload {
            progress.id = Some(id);
            progress.parts = (1..).zip(parts).collect();
        }
        Self { target, progress: Mutex::new(progress) }
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn upload(&self, number: usize, bytes: &[u8]) -> Result<(), Fault> {
        let Target { bucket, key, attributes, .. } = &self.target;
        let id = {
            let mut progress = self.progress();
            match &progress.id {
                Some(id) => id.clone(),
                None => {
                    let id = bucket.begin_upload(key, *attributes, LONG)?;
                    progress.id.insert(id).clone()
                }
            }
        };
        let crc64 = Fast::crc64(0, bytes);
        let part = bucket.put_part((key, &id), number, (bytes, crc64), LONG)?;
        let mut progress = self.progress();
        progress.parts.insert(number, (part, crc64));
        self.record(&mut progress, Vec::new());
        Ok(())
    }

    /// Writes the record: the parts up to the first gap. Without it the file is complete all the same.
    pub(super) fn record(&self, progress: &mut Progress, tail: Vec<u8>) {
        let parts: Vec<_> = (1..)
            .zip(&progress.parts)
            .take_while(|(expected, (number, _))| expected == *number)
            .map(|(_, (_, part))| part.clone())
            .collect();
        let Target { bucket, record, attributes, owner, .. } = &self.target;
        let upload = progress.id.clone().map(|id| Recorded { id, parts });
        let (owner, attributes) = (owner.clone(), *attributes);
        let body = Partial { owner, attributes, upload, tail }.to_bytes();
        let (key, crc64, attributes) =
            (record.as_str(), Fast::crc64(0, &body), Attributes::default());
        let put = Put { key, body: &body, crc64, attributes, replaces: true };
        match bucket.put(&put, SHORT) {
            Ok(()) => progress.is_recorded = true,
            Err(fault) => tracing::debug!("an interruption would lose received content: {fault}"),
        }
    }

    /// Removes the record.
    pub(super) fn forget(&self) {
        let Target { bucket, record, .. } = &self.target;
        if self.progress().is_recorded
            && let Err(fault) = bucket.delete(record, SHORT)
        {
            tracing::debug!("{fault}; it is removed later");
        }
    }

    /// Removes all that was received.
    pub(super) fn discard(&self) {
        let Target { bucket, key, .. } = &self.target;
        if let Some(id) = self.progress().id.clone()
            && let Err(fault) = bucket.abort((key, &id), SHORT)
        {
            tracing::debug!("{fault}; it is removed later");
        }
        self.forget();
    }
}

//! The keys that a server accepts now: those in its key file, or in the last valid version of it.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::{info, warn};

use super::keys::{KeyFile, KeyFileError, Keys};

/// A key file that is read for each client. While it is edited it may be incomplete or missing: then the
/// keys that were read last stay valid.
#[derive(Debug)]
pub(crate) struct CurrentKeys {
    file: KeyFile,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keys: Arc<Keys>,
    /// The error of the last read, if it failed: it is logged once.
    fault: Option<KeyFileError>,
}

impl CurrentKeys {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// As [`KeyFile::read`].
    pub(crate) fn read(file: &KeyFile) -> Result<Self, KeyFileError> {
        let state = State { keys: Arc::new(file.read()?), fault: None };
        Ok(Self { file: file.clone(), state: Mutex::new(state) })
    }

    /// The keys in the file, or else those that were read last.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.file.read() {
            Ok(keys) => {
                state.keys = Arc::new(keys);
                if state.fault.take().is_some() {
                    info!("the key file is valid again: its keys are accepted from now on");
                }
            }
            Err(fault) => {
                if state.fault.as_ref() != Some(&fault) {
                    warn!(
                        "{fault}; until it is valid again the keys that were read last are accepted"
                    );
                }
                state.fault = Some(fault);
            }
        }
        Arc::clone(&state.keys)
    }

    /// The same; an error of the file is logged again.
    pub(crate) fn reload(&self) -> Arc<Keys> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).fault = None;
        self.keys()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::write;
    use super::*;

    #[test]
    fn an_invalid_or_missing_file_leaves_the_last_keys_valid() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("keys");
        let line = format!("shared {}\n", "ab".repeat(32));
        let current = CurrentKeys::read(&write(&path, &line)).unwrap();
        let count = || current.keys().entries().count();
        for broken in ["nonsense", &line[..20], &format!("{line}public"), &"x".repeat(2 << 20)] {
            write(&path, broken);
            assert_eq!(count(), 1, "{}", broken.len());
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(count(), 1);
        // Deleting a line revokes its key, also the last one.
        write(&path, &format!("{line}public {}\n", "cd".repeat(32)));
        assert_eq!(count(), 2);
        write(&path, "# none\n");
        assert_eq!(count(), 0);
        fs::remove_file(&path).unwrap();
        assert_eq!(count(), 0);
        assert!(CurrentKeys::read(&KeyFile::new(&path)).is_err());
    }
}

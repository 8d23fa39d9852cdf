//! File systems that refuse to make files durable. Files on them are stored nevertheless, and
//! each file system is reported once.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::describe;
use crate::fs::event::{Event, Observer};

/// By device number; `Some`: a message of the system that is not reported yet.
static REFUSED: Mutex<BTreeMap<u64, Option<String>>> = Mutex::new(BTreeMap::new());

/// Whether there is a report, without a lock.
static IS_NEW: AtomicBool = AtomicBool::new(false);

/// The file system of this device refused to make something durable.
pub(crate) fn note(device: u64, error: &io::Error) {
    let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    refused.entry(device).or_insert_with(|| {
        IS_NEW.store(true, Ordering::Release);
        Some(describe::os_error(error))
    });
}

/// Reports the file systems that have refused since the last report; `path` was just stored.
pub(crate) fn report(path: &str, observer: &mut impl Observer) {
    if !IS_NEW.swap(false, Ordering::AcqRel) {
        return;
    }
    let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let details: Vec<_> = refused.values_mut().filter_map(Option::take).collect();
    drop(refused);
    for detail in details {
        observer.event(Event::NotDurable { path, detail: &detail });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_system_is_reported_once() {
        // No device has this number.
        let (one, other) = (u64::MAX, u64::MAX - 1);
        let told = || {
            let mut told = Vec::new();
            report("f", &mut |event: Event<'_>| {
                let Event::NotDurable { path, detail } = event else { panic!("{event:?}") };
                told.push((path.to_owned(), detail.to_owned()));
            });
            told
        };
        let error = io::Error::from(io::ErrorKind::InvalidInput);
        note(one, &error);
        note(one, &error);
        assert_eq!(told(), [("f".to_owned(), describe::os_error(&error))]);
        note(one, &error);
        assert!(told().is_empty());
        note(other, &error);
        assert_eq!(told().len(), 1);
    }
}

//! The facts of many objects at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::bucket::Bucket;
use super::facts::Facts;
use super::fault::Fault;
use super::listing::Listed;

/// The requests that run at once.
const AT_ONCE: usize = 16;

/// The facts of an object, and its content if it is small and wanted.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) facts: Facts,
    pub(super) content: Option<Vec<u8>>,
}

/// Asks for objects, all together; the results have their order. `None`: it has been deleted since. `largest`: the content
/// of objects up to this size comes with the facts.
pub(super) fn fetch(
    bucket: &Bucket,
    objects: &[Listed],
    largest: Option<u64>,
    patience: Duration,
) -> Vec<Result<Option<Fetched>, Fault>> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(object) = objects.get(index) else { return };
            let result = fetch_one(bucket, object, largest, patience);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..AT_ONCE.min(objects.len()) {
            // Without a further thread this one does all.
            let _ = thread::Builder::new().name("storage".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn fetch_one(
    bucket: &Bucket,
    object: &Listed,
    largest: Option<u64>,
    patience: Duration,
) -> Result<Option<Fetched>, Fault> {
    let Listed { key, size, version } = object;
    if largest.is_some_and(|largest| *size <= largest) {
        let fetched = bucket.fetch(key, *size, patience)?;
        return Ok(fetched.map(|(facts, bytes)| {
            let content = (bytes.len() as u64 == facts.size).then_some(bytes);
            Fetched { facts, content }
        }));
    }
    if let Some(facts) = bucket.facts.find(key, version) {
        return Ok(Some(Fetched { facts, content: None }));
    }
    let facts = bucket.head(key, patience)?;
    if let Some(facts) = &facts {
        bucket.facts.add(key, version.clone(), facts.clone());
    }
    Ok(facts.map(|facts| Fetched { facts, content: None }))
}

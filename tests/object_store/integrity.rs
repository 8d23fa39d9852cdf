//! The storage verifies the checksum of each file.

use std::sync::Arc;

use tinyferry::checksum::Fast;
use tinyferry::core::Store;
use tinyferry::core::checksum::Checksums as _;
use tinyferry::core::store::{Digests, Kind, Offer};
use tinyferry::fs::{Event, Rights};
use tinyferry::s3::{Bucket, Location, Objects};

use crate::programs::content;
use crate::storage::storage;

/// In the usual file of credentials, which the variable names.
const CREDENTIALS: &str =
    "[tests]\naws_access_key_id = testaccess\naws_secret_access_key = testsecrettestsecret\n";

#[test]
fn a_digest_that_is_wrong_is_refused_by_the_storage_and_the_old_file_stays() {
    let Some((_one, storage)) = storage() else { return };
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("credentials");
    std::fs::write(&file, CREDENTIALS).unwrap();
    // SAFETY: the tests of this program that use a storage run one after another, and no other reads this variable.
    unsafe { std::env::set_var("AWS_SHARED_CREDENTIALS_FILE", &file) };
    let url = format!("{}&profile=tests", storage.url(&storage.bucket(), "p"));
    let location: Location = url.parse().unwrap();
    let bucket = Arc::new(Bucket::open(location).unwrap());
    bucket.check().unwrap();
    let rights = Rights { read: true, write: true, remove: false };
    let mut failures = Vec::new();
    let mut store = Objects::serving(bucket, rights, |event: Event<'_>| {
        if let Event::Failed { detail, .. } = event {
            failures.push(detail.to_owned());
        }
    });
    for size in [5000, 20 << 20] {
        for (seed, is_right) in [(1, true), (2, false), (3, true)] {
            let bytes = content(size, seed);
            let offer = Offer {
                path: "f",
                kind: Kind::File,
                size: Some(size as u64),
                modified: None,
                mode: None,
                content: None,
                resume: 0,
                names_only: false,
                commit_id: None,
            };
            assert_eq!(store.offer(&offer).unwrap().prefix, 0);
            let mut position = 0;
            while position < size {
                let end = size.min(position + 1024);
                position += store.store(position as u64, &bytes[position..end]).unwrap();
            }
            let crc64 = Fast::crc64(0, &bytes) ^ u64::from(!is_right);
            store.verified(&Digests { crc64, sha256: None });
            assert_eq!(store.commit().is_ok(), is_right);
            let expected = if is_right { seed } else { 1 };
            assert_eq!(read(&mut store, size), content(size, expected), "{size} {seed}");
        }
    }
    drop(store);
    assert_eq!(failures.len(), 2);
    for failure in failures {
        assert!(failure.contains("BadDigest") && failure.contains("\"p/f\""), "{failure}");
    }
}

fn read(store: &mut impl Store, size: usize) -> Vec<u8> {
    store.open("f", false).unwrap();
    let entry = store.next(&mut [0; 960]).unwrap().unwrap();
    assert_eq!(entry.size, Some(size as u64));
    let mut bytes = vec![0; size];
    let mut length = 0;
    while length < size {
        length += store.load(length as u64, &mut bytes[length..]).unwrap();
    }
    bytes
}

//! Writers that receive.

use tinyferry_core::checksum::Checksums as _;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Deferral, Digests, Kind, Offer, Store};

use super::*;
use crate::checksum::Fast;
use crate::fs::Event;

fn offer(size: u64) -> Offer<'static> {
    Offer {
        path: "f",
        kind: Kind::File,
        size: Some(size),
        modified: None,
        mode: None,
        content: None,
        resume: size,
        names_only: false,
        commit_id: None,
    }
}

/// Receives `bytes` in chunks, from position 0.
fn receive(store: &mut impl Store, bytes: &[u8]) -> Result<(), Reason> {
    let mut position = 0;
    while position < bytes.len() {
        let end = bytes.len().min(position + 1024);
        position += store.store(position as u64, &bytes[position..end])?;
    }
    Ok(())
}

#[test]
fn a_further_attempt_writes_only_missing_content() {
    let bytes = content(300_000);
    let (mut written, mut moved, mut done) = (Vec::new(), 0, None);
    let observer = |event: Event<'_>| match event {
        Event::Moved { bytes } => moved += bytes,
        Event::Done { size, prefix, .. } => done = Some((size, prefix)),
        _ => {}
    };
    let mut store = WriterStore::new(&mut written, "f", observer);
    for end in [0, 100, 5000, 4000, 200_000] {
        store.offer(&offer(300_000)).unwrap();
        receive(&mut store, &bytes[..end]).unwrap();
        store.abandon(Reason::Cancelled, true);
    }
    assert_eq!(store.bytes_written(), 200_000);
    store.offer(&offer(300_000)).unwrap();
    receive(&mut store, &bytes).unwrap();
    store.verified(&Digests { crc64: Fast::crc64(0, &bytes), sha256: None });
    store.commit().unwrap();
    drop(store);
    assert!(written == bytes);
    assert_eq!((moved, done), (300_000, Some((300_000, 200_000))));
}

#[test]
fn a_further_attempt_that_resumes_receives_only_missing_content() {
    let bytes = content(300_000);
    let mut written = Vec::new();
    let mut store = WriterStore::new(&mut written, "f", ());
    store.prepare(true, false);
    // A part is continued at a multiple of 1024 bytes, a whole file at its end.
    for (prefix, end) in [(0, 100), (0, 1023), (0, 5000), (4096, 4100), (4096, 300_000)] {
        let accepted = store.offer(&offer(300_000)).unwrap();
        assert_eq!((accepted.prefix, accepted.in_order), (prefix as u64, true));
        assert_eq!(store.prefix_digest(), Some(Fast::crc64(0, &bytes[..prefix])));
        for start in (prefix..end).step_by(777) {
            let mut part = &bytes[start..end.min(start + 777)];
            while !part.is_empty() {
                let position = (end.min(start + 777) - part.len()) as u64;
                part = &part[store.store(position, part).unwrap()..];
            }
        }
        store.abandon(Reason::Cancelled, true);
    }
    assert_eq!(store.offer(&offer(300_000)).unwrap().prefix, 300_000);
    assert_eq!(store.prefix_digest(), Some(Fast::crc64(0, &bytes)));
    store.commit().unwrap();
    // The sender does not continue so far in the file, or not at all.
    for resume in [0, 299_999] {
        assert_eq!(store.offer(&Offer { resume, ..offer(300_000) }).unwrap().prefix, 0);
    }
    drop(store);
    assert!(written == bytes);
}

#[test]
fn other_content_is_not_written_behind_earlier_content() {
    let bytes = content(5000);
    let mut other = bytes.clone();
    other[100] ^= 1;
    let (mut written, mut told) = (Vec::new(), String::new());
    let observer = |event: Event<'_>| {
        if let Event::Failed { detail, .. } = event {
            told.push_str(detail);
        }
    };
    let mut store = WriterStore::new(&mut written, "f", observer);
    store.offer(&offer(5000)).unwrap();
    receive(&mut store, &bytes[..2000]).unwrap();
    store.abandon(Reason::Cancelled, true);
    store.offer(&offer(5000)).unwrap();
    assert_eq!(receive(&mut store, &other), Err(Reason::SourceChanged));
    assert_eq!(store.offer(&offer(1999)), Err(Reason::SourceChanged));
    // Without a size, the end shows it.
    store.offer(&Offer { size: None, ..offer(0) }).unwrap();
    receive(&mut store, &bytes[..1024]).unwrap();
    assert_eq!(store.commit(), Err(Reason::SourceChanged));
    drop(store);
    assert!(written == bytes[..2000]);
    assert_eq!(told.matches("written prefix").count(), 3, "{told}");
}

#[test]
fn a_writer_that_fails_takes_nothing_more() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut store = WriterStore::new(Full, "f", ());
    store.offer(&offer(100_000)).unwrap();
    assert_eq!(receive(&mut store, &content(100_000)), Err(Reason::Storage));
    assert_eq!(store.failure().unwrap().kind(), ErrorKind::StorageFull);
    assert_eq!(store.offer(&offer(100_000)), Err(Reason::Storage));
    let tree = Offer { kind: Kind::Tree, ..offer(0) };
    assert_eq!(store.offer(&tree), Err(Reason::IsDirectory));
}

#[test]
fn a_slow_writer_is_ready_once_it_has_room_and_gets_everything() {
    let bytes = content(1 << 20);
    let (mut written, mut polls) = (Vec::new(), 0);
    let mut store = WriterStore::new(Slow(&mut written, 0), "f", ());
    store.offer(&offer(1 << 20)).unwrap();
    for (index, chunk) in bytes.chunks(1024).enumerate() {
        while !store.is_ready() {
            polls += 1;
        }
        assert_eq!(store.store(index as u64 * 1024, chunk), Ok(1024));
    }
    while store.poll_commit().map(Result::unwrap).is_pending() {
        polls += 1;
    }
    drop(store);
    assert!(written == bytes && polls > 2, "{polls}");
    // Without these questions.
    let mut written = Vec::new();
    let mut store = WriterStore::new(Slow(&mut written, 0), "f", ());
    store.offer(&offer(1 << 20)).unwrap();
    receive(&mut store, &bytes).unwrap();
    store.commit().unwrap();
    drop(store);
    assert!(written == bytes);
}

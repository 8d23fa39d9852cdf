use std::io::{self, ErrorKind, Read, Write};

use tinyferry_core::checksum::Checksums as _;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Deferral, Digests, Entry, Kind, Offer, Store};

use super::{ReaderStore, WriterStore};
use crate::checksum::Fast;
use crate::fs::Event;

fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

/// Gives a few bytes at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = into.len().min(700);
        self.0.read(&mut into[..length])
    }
}

/// Loads all content in chunks, from `position` on.
fn load_all(store: &mut impl Store, mut position: u64) -> Vec<u8> {
    let (mut all, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        match store.load(position, &mut chunk) {
            Ok(0) => return all,
            Ok(count) => {
                all.extend_from_slice(&chunk[..count]);
                position += count as u64;
            }
            Err(reason) => panic!("{reason}"),
        }
    }
}

fn begin(store: &mut impl Store) -> Option<Entry> {
    store.next(&mut [0; 960]).unwrap()
}

#[test]
fn a_reader_is_sent_to_its_end_and_no_size_is_stated() {
    for length in [0, 1, 1024, 200_000, 3 << 20] {
        let bytes = content(length);
        let mut store = ReaderStore::new(Trickle(&bytes), "f", ());
        let entry = begin(&mut store).unwrap();
        assert_eq!((entry.size, entry.path, entry.resumable), (None, 1, false));
        assert!(load_all(&mut store, 0) == bytes);
        assert_eq!(store.bytes_read(), length as u64);
        assert_eq!(begin(&mut store), None);
    }
}

#[test]
fn the_window_of_a_lossy_link_can_be_loaded_again() {
    let bytes = content(2 << 20);
    let mut store = ReaderStore::new(&bytes[..], "f", ());
    begin(&mut store);
    let mut chunk = [0; 1024];
    for position in (0..bytes.len()).step_by(1024) {
        store.load(position as u64, &mut chunk).unwrap();
        let before = position.saturating_sub(97 * 1024);
        let count = store.load(before as u64, &mut chunk).unwrap();
        assert!(count > 0 && chunk[..count] == bytes[before..before + count], "{before}");
    }
    assert!(store.load(0, &mut chunk).is_err(), "the beginning is gone");
}

#[test]
fn a_short_content_can_be_sent_again_and_a_long_one_cannot() {
    for (length, is_repeatable) in [(0, true), (500_000, true), (600_000, false)] {
        let bytes = content(length);
        let mut store = ReaderStore::new(&bytes[..], "f", ());
        begin(&mut store);
        load_all(&mut store, 0);
        store.rewind();
        assert_eq!(store.is_repeatable(), is_repeatable, "{length}");
        let again = store.next(&mut [0; 960]);
        assert_eq!(again.is_ok(), is_repeatable);
        if is_repeatable {
            assert!(load_all(&mut store, 0) == bytes);
        }
    }
}

#[test]
fn a_reader_that_fails_ends_the_file() {
    struct Fails(u8);
    impl Read for Fails {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(ErrorKind::Interrupted.into()),
                2 => Ok(into.len().min(10)),
                _ => Err(io::Error::other("it broke")),
            }
        }
    }
    let mut store = ReaderStore::new(Fails(0), "f", ());
    begin(&mut store);
    assert_eq!(store.load(0, &mut [0; 1024]), Ok(10));
    assert_eq!(store.load(10, &mut [0; 1024]), Err(Reason::Storage));
    assert_eq!(store.failure().unwrap().to_string(), "it broke");
    assert!(!store.is_repeatable());
}

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
fn a_further_attempt_writes_only_what_is_missing() {
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
fn a_further_attempt_that_resumes_receives_only_what_is_missing() {
    let bytes = content(300_000);
    let mut written = Vec::new();
    let mut store = WriterStore::new(&mut written, "f", ());
    store.resume(true);
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
fn other_content_is_not_written_behind_what_was_written_before() {
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

/// Has content or room at every third call.
struct Slow<T>(T, u32);

impl<T> Slow<T> {
    fn wait(&mut self) -> io::Result<()> {
        self.1 += 1;
        if self.1.is_multiple_of(3) { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

impl<T: Read> Read for Slow<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        self.0.read(into)
    }
}

impl<T: Write> Write for Slow<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait()?;
        self.0.write(&bytes[..bytes.len().min(40_000)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait()
    }
}

#[test]
fn a_slow_reader_is_ready_once_it_has_a_chunk_or_has_ended() {
    let bytes = content(10_000);
    let mut store = ReaderStore::new(Slow(Trickle(&bytes), 0), "f", ());
    begin(&mut store);
    let (mut all, mut chunk, mut polls) = (Vec::new(), [0; 1024], 0);
    loop {
        while !store.is_ready() {
            polls += 1;
        }
        match store.load(all.len() as u64, &mut chunk).unwrap() {
            0 => break,
            count => all.extend_from_slice(&chunk[..count]),
        }
        assert!(all.len().is_multiple_of(1024) || all.len() == bytes.len(), "{}", all.len());
    }
    assert!(all == bytes && polls > 30, "{polls}");
    // It is also waited for without these questions.
    let mut store = ReaderStore::new(Slow(&bytes[..], 0), "f", ());
    begin(&mut store);
    assert!(load_all(&mut store, 0) == bytes);
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

//! Readers that are sent.

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Entry, Store};

use super::*;

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

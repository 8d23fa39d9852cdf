//! Readers that are slow, or take no line.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Takes a line for each permit.
struct Slow(Receiver<()>, Sender<Vec<u8>>);

impl Write for Slow {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        let _ = self.1.send(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_without_a_reader_are_dropped_and_counted() {
    let (go, goes) = channel();
    let (lines, written) = channel();
    let queue = LogQueue::to(Box::new(Slow(goes, lines)));
    let line = [b'x'; 1024];
    let count = 3 * QUEUE_BYTES / line.len();
    for _ in 0..count {
        queue.push(&line);
    }
    queue.flush();
    drop(go);
    let mut whole = 0;
    let last = loop {
        let line = written.recv().expect("a line");
        if line.len() < 1024 {
            break String::from_utf8(line).expect("a sentence");
        }
        whole += 1;
    };
    assert!(last.starts_with(&format!("{} lines", count - whole)), "{last}");
    assert!((QUEUE_BYTES / 1024..=QUEUE_BYTES / 1024 + 1).contains(&whole), "{whole}");
    queue.flush();
}

#[test]
fn lines_are_buffered_until_they_are_released() {
    let (go, goes) = channel();
    let (lines, written) = channel();
    let queue = LogQueue::to(Box::new(Slow(goes, lines)));
    queue.hold();
    queue.push(b"one");
    go.send(()).expect("it waits");
    assert!(written.recv_timeout(Duration::from_millis(50)).is_err());
    queue.release();
    assert_eq!(written.recv().expect("a line"), b"one");
}

#[test]
fn a_slow_reader_gets_all_lines_of_a_client() {
    let (go, goes) = channel();
    let (lines, written) = channel();
    let queue = LogQueue::to(Box::new(Slow(goes, lines)));
    let count = 3 * QUEUE_BYTES / 1024;
    let reader = thread::spawn(move || {
        for _ in 0..count {
            go.send(()).expect("it writes");
            assert_eq!(written.recv().expect("a line").len(), 1024);
        }
    });
    for _ in 0..count {
        queue.push_waiting(&[b'x'; 1024]);
    }
    queue.finish();
    reader.join().expect("all lines came");
}

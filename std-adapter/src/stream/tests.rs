use std::os::unix::net::UnixStream;
use std::thread;

use tinyferry_core::blocking::Link;

use super::*;

const PATIENCE: Duration = Duration::from_millis(500);

/// Writes a megabyte to a reader that takes as much as fits in between two pauses of `pause`.
fn write_to(pause: Duration) -> io::Result<()> {
    let (socket, mut reader) = UnixStream::pair().unwrap();
    let reading = thread::spawn(move || {
        let mut into = vec![0; 1 << 17];
        while {
            thread::sleep(pause);
            reader.read(&mut into).is_ok_and(|count| count > 0)
        } {}
    });
    let mut stream = Stream::new(socket, Arc::default());
    stream.output = vec![7; 1 << 20];
    let begin = Instant::now();
    let result = stream.send_all(PATIENCE);
    let took = begin.elapsed();
    assert!(took < PATIENCE * 20, "it took {} ms", took.as_millis());
    assert!(result.is_ok() || took >= PATIENCE, "it took {} ms only", took.as_millis());
    drop(stream);
    reading.join().unwrap();
    result
}

#[test]
fn a_reader_is_waited_for_while_it_takes_something() {
    // All in all it takes longer than the patience.
    write_to(PATIENCE / 3).unwrap();
    let error = write_to(PATIENCE * 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn what_was_taken_from_what_is_held_is_not_read_again() {
    let (mut here, there) = UnixStream::pair().unwrap();
    let mut link = StreamLink::new(there, Arc::default());
    here.write_all(b"one two").unwrap();
    let mut first = [0; 1];
    assert_eq!(embedded_io::Read::read(&mut link, &mut first).unwrap(), 1);
    assert_eq!(link.held(), b"ne two");
    link.consume(3);
    assert_eq!((link.held(), link.traffic().received), (&b"two"[..], 4));
    let mut rest = [0; 9];
    assert_eq!(embedded_io::Read::read(&mut link, &mut rest).unwrap(), 3);
    assert_eq!((&rest[..3], link.held()), (&b"two"[..], &b""[..]));
}

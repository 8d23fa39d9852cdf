//! This program's standard streams as a socket.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// The interval of the polls for an end.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The thread that copies to standard output; it ends when everything is written.
pub(crate) struct Output(JoinHandle<()>);

/// Takes this program's standard input and output; no other code may use them.
///
/// # Errors
/// Those of the system; standard output is a terminal, and standard input is none.
pub(crate) fn own() -> io::Result<(UnixStream, Output)> {
    if io::stdout().is_terminal() {
        let sentence = "standard output is a terminal, and standard input is none";
        return Err(io::Error::new(ErrorKind::InvalidInput, sentence));
    }
    let (socket, far) = UnixStream::pair()?;
    let mut there = far.try_clone()?;
    // Without the line buffers of the standard library.
    let (mut from, mut to) = (twin(io::stdin().as_fd())?, twin(io::stdout().as_fd())?);
    thread::Builder::new().name("standard input".into()).spawn(move || {
        // The input ends after any error.
        let _ = carry(&mut from, &mut there);
        let _ = there.shutdown(Shutdown::Write);
    })?;
    let output = thread::Builder::new().name("standard output".into()).spawn(move || {
        let mut here = far;
        if carry(&mut here, &mut to).is_err() {
            // The reader has closed its end: the session must end.
            let _ = here.shutdown(Shutdown::Both);
        }
    })?;
    Ok((socket, Output(output)))
}

/// Copies by plain reads and writes. The library's own copying would splice, and a splice that waits
/// for the socket locks the pipe, so that its content could not be read.
///
/// Another program that shares the terminal or pipe may have made it non-blocking: `WouldBlock` is not
/// the end.
fn carry(from: &mut (impl Read + AsFd), to: &mut (impl Write + AsFd)) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) => {
                pass(&*from, PollFlags::IN, error)?;
                continue;
            }
        };
        let mut left = &buffer[..count];
        while !left.is_empty() {
            match to.write(left) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => left = &left[count..],
                Err(error) => pass(&*to, PollFlags::OUT, error)?,
            }
        }
    }
}

/// Waits until a stream that would block is ready; returns any other error.
fn pass(stream: &impl AsFd, flags: PollFlags, error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => match poll(&mut [PollFd::new(stream, flags)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        },
        _ => Err(error),
    }
}

fn twin(stream: BorrowedFd<'_>) -> io::Result<File> {
    Ok(stream.try_clone_to_owned()?.into())
}

impl Output {
    /// Waits until everything is written, or until the timeout.
    pub(crate) fn wait(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        while !self.0.is_finished() && Instant::now() < end {
            thread::sleep(POLL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_non_blocking_stream_without_input_has_not_ended() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let (mut out, mut there) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        out.set_nonblocking(true).unwrap();
        let carrier = thread::spawn(move || carry(&mut far, &mut out));
        let size = 1 << 20;
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(20));
            let mut writer = near.try_clone().unwrap();
            let writing = thread::spawn(move || writer.write_all(&vec![7; size]));
            let mut got = vec![0; size];
            thread::sleep(Duration::from_millis(20));
            there.read_exact(&mut got).unwrap();
            writing.join().unwrap().unwrap();
            assert!(got.iter().all(|byte| *byte == 7));
        }
        near.shutdown(Shutdown::Write).unwrap();
        carrier.join().unwrap().unwrap();
    }
}

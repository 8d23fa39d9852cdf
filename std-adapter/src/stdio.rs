//! This program's standard streams as a socket, so that all else is as over any other.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often it is looked whether something has ended.
const GLANCE: Duration = Duration::from_millis(5);

/// What carries to standard output; it ends when all is out.
pub(crate) struct Output(JoinHandle<()>);

/// This program's standard input and output; nobody else may use them.
///
/// # Errors
/// Those of the system, and that a person sits there.
pub(crate) fn own() -> io::Result<(UnixStream, Output)> {
    if io::stdin().is_terminal() || io::stdout().is_terminal() {
        let sentence = "they are a terminal; this is for another program to start";
        return Err(io::Error::new(ErrorKind::InvalidInput, sentence));
    }
    let (socket, far) = UnixStream::pair()?;
    let mut there = far.try_clone()?;
    // Without the buffers that the standard library has for people.
    let (mut from, mut to) = (twin(io::stdin().as_fd())?, twin(io::stdout().as_fd())?);
    thread::Builder::new().name("standard input".into()).spawn(move || {
        // Whatever ends it, nothing more comes in.
        let _ = carry(&mut from, &mut there);
        let _ = there.shutdown(Shutdown::Write);
    })?;
    let output = thread::Builder::new().name("standard output".into()).spawn(move || {
        let mut here = far;
        if carry(&mut here, &mut to).is_err() {
            // Nobody reads any more: the session is told.
            let _ = here.shutdown(Shutdown::Both);
        }
    })?;
    Ok((socket, Output(output)))
}

/// Copies by plain reads and writes. The library's own copying would splice, and a splice that waits
/// for the socket holds the pipe: what stands in it could not be read.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn twin(stream: BorrowedFd<'_>) -> io::Result<File> {
    Ok(stream.try_clone_to_owned()?.into())
}

impl Output {
    /// Waits until all is out, for so long at most.
    pub(crate) fn wait(&self, patience: Duration) {
        let end = Instant::now() + patience;
        while !self.0.is_finished() && Instant::now() < end {
            thread::sleep(GLANCE);
        }
    }
}

//! The program's standard streams without the rules of the standard library: it replaces a closed standard
//! input or output by `/dev/null`, ignores that a stream is not open for writing, and returns an error if a
//! non-blocking stream has no room.

use std::io::{self, Write};

#[cfg(unix)]
pub(crate) use self::unix::Stream;
#[cfg(not(unix))]
pub(crate) type Stream = io::Stdout;

/// Standard output.
///
/// # Errors
/// It was closed when the program began; or those of the system.
#[cfg(unix)]
pub(crate) fn open() -> io::Result<Stream> {
    use std::os::fd::AsFd;
    if unix::was_closed() {
        return Err(io::Error::other("it is closed"));
    }
    Stream::new(io::stdout().as_fd())
}

#[cfg(not(unix))]
pub(crate) fn open() -> io::Result<Stream> {
    Ok(io::stdout())
}

/// Standard output for content: a write that finds no room for a moment fails with [`io::ErrorKind::WouldBlock`].
///
/// # Errors
/// As [`open`].
#[cfg(unix)]
pub(crate) fn content_output() -> io::Result<impl Write> {
    open().map(|stream| unix::Pipe::new(stream.into_file()))
}

#[cfg(not(unix))]
pub(crate) fn content_output() -> io::Result<impl Write> {
    open()
}

/// Whether `file` is another name of standard output, as `/dev/fd/1` is, if that is a pipe or a terminal. A regular
/// file is replaced.
#[cfg(unix)]
pub(crate) fn is_output(file: &std::path::Path) -> bool {
    use std::io::IsTerminal;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let output = io::stdout();
    let opened = output.as_fd().try_clone_to_owned().map(std::fs::File::from);
    let Ok(opened) = opened.and_then(|file| file.metadata()) else { return false };
    file.metadata().is_ok_and(|file| {
        let is_same = (file.dev(), file.ino()) == (opened.dev(), opened.ino());
        is_same && !unix::was_closed() && (file.file_type().is_fifo() || output.is_terminal())
    })
}

#[cfg(not(unix))]
pub(crate) fn is_output(_: &std::path::Path) -> bool {
    false
}

/// A pipe or a device for content, as [`content_output`].
#[cfg(unix)]
pub(crate) fn content_file(file: std::fs::File) -> impl Write {
    unix::Pipe::new(file)
}

#[cfg(not(unix))]
pub(crate) fn content_file(file: std::fs::File) -> impl Write {
    file
}

/// Standard input for content: a read that finds none for a moment fails with [`io::ErrorKind::WouldBlock`].
///
/// # Errors
/// It was closed when the program began; or those of the system.
#[cfg(unix)]
pub(crate) fn content_input() -> io::Result<impl io::Read> {
    use std::os::fd::AsFd;
    if unix::input_was_closed() {
        return Err(io::Error::other("it is closed"));
    }
    Ok(unix::Pipe::new(io::stdin().as_fd().try_clone_to_owned()?.into()))
}

#[cfg(not(unix))]
pub(crate) fn content_input() -> io::Result<impl io::Read> {
    Ok(io::stdin().lock())
}

/// Standard error.
pub(crate) fn error() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        if let Ok(stream) = Stream::new(io::stderr().as_fd()) {
            return Box::new(stream);
        }
    }
    Box::new(io::stderr())
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, ErrorKind, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    static WAS_CLOSED: AtomicBool = AtomicBool::new(false);
    static INPUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

    /// Runs before the standard library opens `/dev/null` in place of a closed stream: afterwards the
    /// two cannot be told apart.
    extern "C" fn look() {
        let is_closed =
            |stream: BorrowedFd<'_>| rustix::io::fcntl_getfd(stream) == Err(Errno::BADF);
        WAS_CLOSED.store(is_closed(io::stdout().as_fd()), Ordering::Relaxed);
        INPUT_WAS_CLOSED.store(is_closed(io::stdin().as_fd()), Ordering::Relaxed);
    }

    // The section holds pointers to functions that the system's loader calls before `main`; this one
    // makes two system calls and sets two flags.
    #[used]
    #[cfg_attr(
        target_vendor = "apple",
        unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs")
    )]
    #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
    static LOOK: extern "C" fn() = look;

    /// Whether standard output was closed when the program began.
    pub(super) fn was_closed() -> bool {
        WAS_CLOSED.load(Ordering::Relaxed)
    }

    /// Whether standard input was closed when the program began.
    pub(super) fn input_was_closed() -> bool {
        INPUT_WAS_CLOSED.load(Ordering::Relaxed)
    }

    /// A stream that waits for room where it is non-blocking. A program that shares the terminal or
    /// the pipe may have made it so.
    #[derive(Debug)]
    pub(crate) struct Stream(File);

    impl Stream {
        pub(super) fn new(stream: BorrowedFd<'_>) -> io::Result<Self> {
            Ok(Self(stream.try_clone_to_owned()?.into()))
        }

        pub(super) fn into_file(self) -> File {
            self.0
        }
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            loop {
                match self.0.write(bytes) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        await_room(&self.0)?;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    result => return explain(result, "it is not open for writing"),
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A file, pipe or device whose content comes or goes slowly.
    #[derive(Debug)]
    pub(crate) struct Pipe {
        file: File,
        /// A regular file always has content or room.
        is_regular: bool,
    }

    /// The longest wait for content or room.
    const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    /// The bytes that a pipe with room takes without waiting.
    const ATOMIC: usize = 4096;

    impl Pipe {
        pub(super) fn new(file: File) -> Self {
            let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
            Self { file, is_regular }
        }

        /// Waits a moment for content or room. Not everything can be waited for.
        fn wait(&self, events: PollFlags) -> io::Result<()> {
            if !self.is_regular
                && poll(&mut [PollFd::new(&self.file, events)], Some(&WAIT)) == Ok(0)
            {
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(())
        }
    }

    impl Read for Pipe {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.wait(PollFlags::IN)?;
            explain(self.file.read(into), "it is not open for reading")
        }
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.wait(PollFlags::OUT)?;
            let most = if self.is_regular { bytes.len() } else { bytes.len().min(ATOMIC) };
            let bytes = bytes.get(..most).unwrap_or(bytes);
            explain(self.file.write(bytes), "it is not open for writing")
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Explains the error of a stream that is open for the other direction only.
    fn explain(result: io::Result<usize>, why: &str) -> io::Result<usize> {
        match result {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::BADF) => {
                Err(io::Error::other(why))
            }
            result => result,
        }
    }

    /// Waits until a stream has room.
    fn await_room(stream: &File) -> io::Result<()> {
        match poll(&mut [PollFd::new(stream, PollFlags::OUT)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    #[cfg(test)]
    mod tests {
        use std::os::unix::net::UnixStream;
        use std::thread;

        use super::*;

        #[test]
        fn a_stream_without_room_is_waited_for() {
            let (near, mut far) = UnixStream::pair().unwrap();
            near.set_nonblocking(true).unwrap();
            let mut stream = Stream::new(near.as_fd()).unwrap();
            drop(near);
            let writing = thread::spawn(move || stream.write_all(&vec![7; 4 << 20]));
            let mut all = Vec::new();
            far.read_to_end(&mut all).unwrap();
            writing.join().unwrap().unwrap();
            assert_eq!(all.len(), 4 << 20);
        }

        #[test]
        fn a_stream_that_is_not_open_for_writing_is_an_error() {
            let file = File::open("/dev/null").unwrap();
            let error = Stream::new(file.as_fd()).unwrap().write_all(b"x").unwrap_err();
            assert_eq!(error.to_string(), "it is not open for writing");
        }
    }
}

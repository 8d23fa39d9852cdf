//! What a link needs of a socket, and the sockets of the system: what is done at once, and what waits.
//!
//! A peer that has left without a word has left: the stream ends there, and what is written to it is
//! lost. What it said before is still read.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A stream socket, as far as a link needs it.
pub trait Socket: Send {
    /// Reads what there is; waits for as long as `set_read_timeout` says.
    ///
    /// # Errors
    /// Those of the system.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Reads what there is without waiting; `WouldBlock` where that is nothing.
    ///
    /// # Errors
    /// Those of the system.
    fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Writes what there is room for without waiting; `WouldBlock` where there is none.
    ///
    /// # Errors
    /// Those of the system.
    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until it can be written to, or also read from if `or_read`, for as long as `timeout`.
    ///
    /// # Errors
    /// Those of the system.
    fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()>;

    /// How long `receive` waits; `None`: for ever.
    ///
    /// # Errors
    /// Those of the system.
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Says that nothing more will be written.
    ///
    /// # Errors
    /// Those of the system.
    fn end_writing(&mut self) -> io::Result<()>;

    /// Reads what there is, up to this much, and leaves it there; waits as `receive` does.
    ///
    /// # Errors
    /// Those of the system.
    fn peek(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Whether the other end has gone for good: what it sent last may not be read yet, and nothing
    /// can reach it.
    fn has_gone(&self) -> bool {
        false
    }

    /// What ends both directions at once, from another thread.
    ///
    /// # Errors
    /// Those of the system.
    fn cutter(&self) -> io::Result<Box<dyn Fn() + Send>>;
}

/// What a call comes to where it failed because nobody is there any more.
fn if_left(count: usize, error: io::Error) -> io::Result<usize> {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset => Ok(count),
        _ => Err(error),
    }
}

#[cfg(unix)]
macro_rules! socket {
    ($name:ty) => {
        impl Socket for $name {
            fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.read(into).or_else(|error| if_left(0, error))
            }

            fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
                use rustix::net::{RecvFlags, recv};
                match recv(&*self, into, RecvFlags::DONTWAIT) {
                    Ok((count, _)) => Ok(count),
                    Err(errno) => if_left(0, errno.into()),
                }
            }

            fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
                use rustix::net::{SendFlags, send};
                // Not every Unix has NOSIGNAL; the standard library ignores SIGPIPE for programs.
                let sent = send(&*self, bytes, SendFlags::DONTWAIT);
                sent.or_else(|errno| if_left(bytes.len(), errno.into()))
            }

            fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()> {
                use rustix::event::{PollFd, PollFlags, Timespec, poll};
                let read = if or_read { PollFlags::IN } else { PollFlags::empty() };
                let mut sockets = [PollFd::new(self, PollFlags::OUT | read)];
                let timeout = Timespec::try_from(timeout).ok();
                match poll(&mut sockets, timeout.as_ref()) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            }

            fn has_gone(&self) -> bool {
                use rustix::event::{PollFd, PollFlags, Timespec, poll};
                let mut sockets = [PollFd::new(self, PollFlags::empty())];
                let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
                poll(&mut sockets, Some(&at_once)).is_ok()
                    && sockets[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
            }

            fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
                <$name>::set_read_timeout(self, timeout)
            }

            fn end_writing(&mut self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }

            fn peek(&mut self, into: &mut [u8]) -> io::Result<usize> {
                use rustix::net::{RecvFlags, recv};
                let (count, _) = recv(&*self, into, RecvFlags::PEEK)?;
                Ok(count)
            }

            fn cutter(&self) -> io::Result<Box<dyn Fn() + Send>> {
                let twin = self.try_clone()?;
                Ok(Box::new(move || drop(twin.shutdown(Shutdown::Both))))
            }
        }
    };
}

#[cfg(unix)]
socket!(TcpStream);
#[cfg(unix)]
socket!(UnixStream);

#[cfg(not(unix))]
impl Socket for TcpStream {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read(into).or_else(|error| if_left(0, error))
    }

    fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let result = without_waiting(self, |stream| stream.read(into));
        result.or_else(|error| if_left(0, error))
    }

    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = without_waiting(self, |stream| io::Write::write(stream, bytes));
        result.or_else(|error| if_left(bytes.len(), error))
    }

    fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()> {
        // No portable call waits for both; a short wait lets the other direction be looked at.
        let _ = (or_read, timeout);
        std::thread::sleep(Duration::from_millis(1));
        Ok(())
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        TcpStream::set_read_timeout(self, timeout)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn peek(&mut self, into: &mut [u8]) -> io::Result<usize> {
        TcpStream::peek(self, into)
    }

    fn cutter(&self) -> io::Result<Box<dyn Fn() + Send>> {
        let twin = self.try_clone()?;
        Ok(Box::new(move || drop(twin.shutdown(Shutdown::Both))))
    }
}

#[cfg(not(unix))]
fn without_waiting<R>(
    stream: &mut TcpStream,
    work: impl FnOnce(&mut TcpStream) -> io::Result<R>,
) -> io::Result<R> {
    stream.set_nonblocking(true)?;
    let result = work(stream);
    stream.set_nonblocking(false)?;
    result
}

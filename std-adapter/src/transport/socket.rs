//! The socket interface of a link, and the sockets of the system: non-blocking calls, and calls that wait.
//!
//! A reset connection is the end of the stream: later writes are dropped, and earlier input is still read.

#[cfg(not(unix))]
use std::io::Read;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// The stream socket of a link.
pub trait Socket: Send {
    /// Reads available bytes; waits for them until the timeout of `set_read_timeout`.
    ///
    /// # Errors
    /// Those of the system.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Reads available bytes without waiting; `WouldBlock` if there are none.
    ///
    /// # Errors
    /// Those of the system.
    fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Writes as many bytes as there is room for without waiting; `WouldBlock` if there is no room.
    ///
    /// # Errors
    /// Those of the system.
    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until it is writable, or with `or_read` also readable, or until `timeout`.
    ///
    /// # Errors
    /// Those of the system.
    fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()>;

    /// Sets the timeout of `receive`; `None`: no timeout.
    ///
    /// # Errors
    /// Those of the system.
    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Ends the output.
    ///
    /// # Errors
    /// Those of the system.
    fn end_writing(&mut self) -> io::Result<()>;

    /// The number of accepted bytes that are not yet sent to the peer: while it shrinks, the peer reads.
    fn pending(&self) -> usize {
        0
    }

    /// The longest time for which the system waits for a peer that has no room; `None`: without a limit, for a peer
    /// that sends keepalives.
    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        let _ = timeout;
    }

    /// Whether the other end has closed the connection in both directions. Its last bytes may not be read
    /// yet.
    fn has_gone(&self) -> bool {
        false
    }

    /// Frees memory that is not needed until the next call. No output waits.
    fn free_buffers(&mut self) {}
}

/// A socket that another thread can shut down; all owners share one descriptor.
pub(crate) trait Shutdownable: Pollable {
    /// Ends both directions, or one. Without input a read that waits ends, and output still arrives.
    fn shut_down(&self, how: Shutdown);
}

/// A stream whose input can be waited for together with that of others; all owners share one descriptor.
#[cfg(unix)]
pub(crate) trait Pollable: AsFd + Send + Sync {}

#[cfg(unix)]
impl<T: AsFd + Send + Sync> Pollable for T {}

/// No input is waited for so on this system.
#[cfg(not(unix))]
pub(crate) trait Pollable: Send + Sync {}

#[cfg(not(unix))]
impl<T: Send + Sync> Pollable for T {}

impl Shutdownable for TcpStream {
    fn shut_down(&self, how: Shutdown) {
        // On other systems the end of the input alone may not end a read.
        let _ = self.shutdown(if cfg!(unix) { how } else { Shutdown::Both });
    }
}

#[cfg(unix)]
impl Shutdownable for UnixStream {
    fn shut_down(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

/// Whether a call is repeated after this error: it would have waited, or a signal interrupted it.
pub(crate) fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// The result of a call on a connection that the peer has closed.
fn if_left(count: usize, error: io::Error) -> io::Result<usize> {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset => Ok(count),
        _ => Err(error),
    }
}

#[cfg(unix)]
macro_rules! socket {
    ($stream:ty, $name:ty, $set_write_timeout:expr) => {
        impl Socket for $name {
            fn set_write_timeout(&mut self, timeout: Option<Duration>) {
                $set_write_timeout(self, timeout);
            }

            fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
                use rustix::net::{RecvFlags, recv};
                match recv(&*self, into, RecvFlags::empty()) {
                    Ok((count, _)) => Ok(count),
                    Err(errno) => if_left(0, errno.into()),
                }
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
                <$stream>::set_read_timeout(self, timeout)
            }

            fn end_writing(&mut self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

#[cfg(unix)]
socket!(TcpStream, TcpStream, crate::transport::tcp::set_write_timeout);
#[cfg(unix)]
socket!(TcpStream, Arc<TcpStream>, crate::transport::tcp::set_write_timeout);
#[cfg(unix)]
socket!(UnixStream, UnixStream, |_: &UnixStream, _| {});
#[cfg(unix)]
socket!(UnixStream, Arc<UnixStream>, |_: &UnixStream, _| {});

#[cfg(not(unix))]
macro_rules! socket {
    ($name:ty) => {
        impl Socket for $name {
            fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let mut stream: &TcpStream = self;
                stream.read(into).or_else(|error| if_left(0, error))
            }

            fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let result = without_waiting(self, |mut stream| stream.read(into));
                result.or_else(|error| if_left(0, error))
            }

            fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let result =
                    without_waiting(self, |mut stream| io::Write::write(&mut stream, bytes));
                result.or_else(|error| if_left(bytes.len(), error))
            }

            fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()> {
                // No portable call waits for both; a short wait allows a look at the other direction.
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
        }
    };
}

#[cfg(not(unix))]
socket!(TcpStream);
#[cfg(not(unix))]
socket!(Arc<TcpStream>);

#[cfg(not(unix))]
fn without_waiting<R>(
    stream: &TcpStream,
    work: impl FnOnce(&TcpStream) -> io::Result<R>,
) -> io::Result<R> {
    stream.set_nonblocking(true)?;
    let result = work(stream);
    stream.set_nonblocking(false)?;
    result
}

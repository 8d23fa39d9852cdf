//! A socket without the banner in front of its first frame.

use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Banner;
use crate::transport::stream::Socket;

/// A banner that another owner can read while the socket passes it over.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<Banner>>);

impl Shared {
    pub(crate) fn new(banner: Banner) -> Self {
        Self(Arc::new(Mutex::new(banner)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Banner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that skips the banner. A terminal drops the first bytes until a server has set it up; then they are
/// sent again: on a reliable link the session does not repeat its hello.
#[derive(Debug)]
pub(crate) struct AfterBanner<S> {
    socket: S,
    input: Input,
}

/// Where the input is.
#[derive(Debug)]
enum Input {
    /// The first frame has not come.
    Banner(Shared),
    /// These bytes come next: they were read with the banner.
    First(io::Cursor<Vec<u8>>),
    /// The input of the socket.
    Socket,
}

impl<S> AfterBanner<S> {
    pub(crate) fn new(socket: S, banner: Shared) -> Self {
        Self { socket, input: Input::Banner(banner) }
    }
}

impl<S: Socket> AfterBanner<S> {
    /// Reads by `receive`. `WouldBlock` if that was text: the caller checks the time, so that text does not prolong
    /// its wait.
    fn read(
        &mut self,
        into: &mut [u8],
        receive: impl Fn(&mut S, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if let Input::Banner(banner) = &self.input {
            let count = receive(&mut self.socket, into)?;
            let mut banner = banner.lock();
            if count == 0 {
                banner.end();
                return Ok(0);
            }
            let first = banner.take(into.get(..count).unwrap_or_default())?;
            if banner.take_ready() && first.is_none() {
                let _ = self.socket.send_now(banner.sent());
            }
            drop(banner);
            let Some(first) = first else { return Err(ErrorKind::WouldBlock.into()) };
            self.input = Input::First(io::Cursor::new(first));
        }
        if let Input::First(first) = &mut self.input {
            match first.read(into)? {
                0 => self.input = Input::Socket,
                count => return Ok(count),
            }
        }
        receive(&mut self.socket, into)
    }
}

impl<S: Socket> Socket for AfterBanner<S> {
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read(into, S::receive)
    }

    fn receive_now(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read(into, S::receive_now)
    }

    fn send_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.socket.send_now(bytes)?;
        if let Input::Banner(banner) = &self.input {
            banner.lock().sends(bytes.get(..count).unwrap_or_default());
        }
        Ok(count)
    }

    fn wait_for_room(&mut self, or_read: bool, timeout: Duration) -> io::Result<()> {
        self.socket.wait_for_room(or_read, timeout)
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.socket.end_writing()
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.socket.set_write_timeout(timeout);
    }

    fn pending(&self) -> usize {
        self.socket.pending()
    }

    fn has_gone(&self) -> bool {
        self.socket.has_gone()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::transport::banner::{First, Listener};

    #[test]
    fn text_is_no_input_and_the_bytes_behind_it_are() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let banner = Shared::new(Banner::new(First::Channel, Listener::default()));
        let mut socket = AfterBanner::new(near, banner.clone());
        let mut into = [0; 3];
        let mut read = |far: &mut UnixStream, bytes: &[u8]| {
            far.write_all(bytes).unwrap();
            let result = socket.receive_now(&mut into);
            result.map(|count| into[..count].to_vec()).map_err(|error| error.kind())
        };
        assert_eq!(read(&mut far, b"mo"), Err(ErrorKind::WouldBlock));
        assert_eq!(read(&mut far, b"td"), Err(ErrorKind::WouldBlock));
        // A buffer may be smaller than the first frame.
        assert_eq!(read(&mut far, b"TFS"), Err(ErrorKind::WouldBlock));
        assert_eq!(read(&mut far, b"\0a"), Ok(b"TFS".to_vec()));
        assert_eq!(read(&mut far, b""), Ok(b"\0a".to_vec()));
        assert_eq!(read(&mut far, b"b"), Ok(b"b".to_vec()));
        assert_eq!(banner.lock().begin(), "motd");
        drop(far);
        assert_eq!(socket.receive_now(&mut into).unwrap(), 0);
    }

    #[test]
    fn the_first_bytes_are_sent_again_when_a_terminal_is_ready() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let banner = Shared::new(Banner::new(First::Reply, Listener::default()));
        let mut socket = AfterBanner::new(near, banner);
        assert_eq!(socket.send_now(b"hello").unwrap(), 5);
        let mut into = [0; 100];
        for text in ["motd\r\n", "tinyferry: this terminal ", "is served now; leave\r\n", "more\n"]
        {
            far.write_all(text.as_bytes()).unwrap();
            assert_eq!(socket.receive(&mut into).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        drop(socket);
        let mut sent = String::new();
        far.read_to_string(&mut sent).unwrap();
        assert_eq!(sent, "hellohello");
    }

    #[test]
    fn the_end_of_the_input_ends_a_banner() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let banner = Shared::new(Banner::new(First::Reply, Listener::default()));
        let mut socket = AfterBanner::new(near, banner.clone());
        far.write_all(b"PON").unwrap();
        drop(far);
        let mut into = [0; 30];
        assert_eq!(socket.receive(&mut into).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(socket.receive(&mut into).unwrap(), 0);
        assert_eq!(banner.lock().begin(), "PON");
    }
}

//! Writes the buffered output. While a write waits for room, input is read ahead.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::buffer::{BUFFER, Buffer};
use super::{Socket, Stream};
use crate::transport::socket::is_transient;
use crate::transport::{NO_ROOM, WRITE_TIMEOUT};

/// How much input is buffered while a write waits for room: half a mebibyte, in pieces of [`BUFFER`].
/// The answers to a sender have fewer bytes than it sends, so two ends with this limit cannot block each
/// other.
const MAX_READ_AHEAD: usize = 8;
/// The result of a read ahead.
enum Ahead {
    /// Input was read: the other end is connected.
    Input,
    /// More may be read.
    Room,
    /// The read-ahead limit is reached.
    Full,
    /// The other end has disconnected.
    End,
}

impl<T: Socket> Stream<T> {
    /// Reads more input behind the buffered input, without waiting.
    fn read_ahead(&mut self) -> io::Result<Ahead> {
        if self.ahead.back().is_none_or(|(_, length)| *length == BUFFER) {
            if self.ahead.len() == MAX_READ_AHEAD {
                return Ok(Ahead::Full);
            }
            self.ahead.push_back((Buffer::large()?, 0));
        }
        let Some((last, length)) = self.ahead.back_mut() else { return Ok(Ahead::Full) };
        let result = self.socket.receive_now(&mut last[*length..]);
        *length += result.as_ref().unwrap_or(&0);
        if *length == 0 {
            self.ahead.pop_back();
        }
        // Without buffered input it is the next input.
        self.consume(0);
        match result {
            // The next read finds the end again.
            Ok(0) => Ok(Ahead::End),
            Ok(_) => Ok(Ahead::Input),
            Err(error) if is_transient(&error) => Ok(Ahead::Room),
            Err(error) => Err(error),
        }
    }

    /// Writes the buffered output. If the other end has disconnected the output is dropped: its last bytes
    /// are read next, and then the end.
    pub(super) fn send_all(&mut self, write_timeout: Duration) -> io::Result<()> {
        let mut is_patient = false;
        let sent = self.send_collected(write_timeout, &mut is_patient);
        if is_patient {
            self.socket.set_write_timeout(Some(WRITE_TIMEOUT));
        }
        let sent = sent?;
        if self.collected > 0 {
            self.traffic.sent += sent as u64;
            self.collected = 0;
            self.unseen = true;
            self.update_clock();
        }
        Ok(())
    }

    /// The same; returns the number of bytes that were written. A peer without room that sends frames is waited
    /// for: then `is_patient` is set.
    fn send_collected(
        &mut self,
        write_timeout: Duration,
        is_patient: &mut bool,
    ) -> io::Result<usize> {
        let mut sent = 0;
        let mut waiting: Option<(Instant, usize)> = None;
        while sent < self.collected {
            let output = self.output.as_deref().unwrap_or_default();
            match self.socket.send_now(output.get(sent..self.collected).unwrap_or_default()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    sent += count;
                    waiting = None;
                }
                Err(error) if is_transient(&error) => {
                    let pending = self.socket.pending();
                    let since = match waiting {
                        // The reader makes progress, though there is no room for more yet.
                        Some((since, before)) if pending == before => since,
                        _ => Instant::now(),
                    };
                    waiting = Some((since, pending));
                    if since.elapsed() > write_timeout {
                        return Err(io::Error::new(ErrorKind::TimedOut, NO_ROOM));
                    }
                    let or_read = match self.read_ahead()? {
                        Ahead::Input => {
                            waiting = None;
                            if !std::mem::replace(is_patient, true) {
                                self.socket.set_write_timeout(None);
                            }
                            true
                        }
                        Ahead::Room => true,
                        Ahead::Full => false,
                        Ahead::End => break,
                    };
                    // The pending count is checked several times within the timeout.
                    self.socket.wait_for_room(or_read, write_timeout / 8)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }
}

//! Links: byte streams with a clock, and links of the streams of `embedded-io`.

use embedded_io::{BufRead, ErrorType, Read, ReadReady, Write};

use crate::time::Millis;

/// A byte stream, with a clock and a deadline for its reads.
///
/// A read that reaches the deadline fails with [`ErrorKind::TimedOut`](embedded_io::ErrorKind::TimedOut).
/// Without a clock it does so after 20 ms of silence.
///
/// [`HalfDuplex`], [`Ready`] and [`Buffered`] make a link of a stream of `embedded-io`. A UART with a
/// clock is a link by itself:
///
/// ```
/// use embedded_io::{ErrorKind, ErrorType, Read, Write};
/// use tinyferry_core::Millis;
/// use tinyferry_core::driver::blocking::Link;
///
/// struct Uart {
///     deadline: Option<Millis>,
/// }
/// # fn millis() -> Millis { 0 }
/// # fn byte_has_come() -> bool { false }
/// # fn take_byte() -> u8 { 0 }
/// # fn send_byte(_: u8) {}
///
/// impl ErrorType for Uart {
///     type Error = ErrorKind;
/// }
///
/// impl Read for Uart {
///     fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
///         let Some(first) = into.first_mut() else { return Ok(0) };
///         while !byte_has_come() {
///             if self.deadline.is_some_and(|at| millis().wrapping_sub(at) < 1 << 31) {
///                 return Err(ErrorKind::TimedOut);
///             }
///         }
///         *first = take_byte();
///         Ok(1)
///     }
/// }
///
/// impl Write for Uart {
///     fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
///         bytes.iter().for_each(|byte| send_byte(*byte));
///         Ok(bytes.len())
///     }
///
///     fn flush(&mut self) -> Result<(), ErrorKind> {
///         Ok(())
///     }
/// }
///
/// impl Link for Uart {
///     const HALF_DUPLEX: bool = false;
///
///     fn now(&mut self) -> Option<Millis> {
///         Some(millis())
///     }
///
///     fn set_read_deadline(&mut self, deadline: Option<Millis>, _: bool) {
///         self.deadline = deadline;
///     }
///
///     fn is_ready(&mut self) -> Result<bool, ErrorKind> {
///         Ok(byte_has_come())
///     }
/// }
/// # assert_eq!(Uart { deadline: Some(0) }.read(&mut [0]), Err(ErrorKind::TimedOut));
/// ```
pub trait Link: Read + Write {
    /// Whether this end cannot receive while it sends, since [`Link::is_ready`] cannot tell: the session
    /// is then half-duplex, regardless of its [`Config`](crate::Config).
    const HALF_DUPLEX: bool;

    /// Milliseconds from any origin; `None` where there is no clock.
    fn now(&mut self) -> Option<Millis> {
        None
    }

    /// Sets the deadline of the reads that follow, by the clock of [`Link::now`]. `is_idle`: no request
    /// is under way, and either end may leave ([`Session::is_idle`](crate::Session::is_idle)).
    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        let _ = (deadline, is_idle);
    }

    /// Whether the link writes text of its own, by [`Link::print`].
    const PRINTS: bool = false;

    /// Writes text that waits to go out, if there is any. The driver calls it between two frames of a lossy
    /// link (R98), if [`Link::PRINTS`] is true.
    ///
    /// # Errors
    /// Those of the stream.
    fn print(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Text of the other end came between two frames of a lossy link (R98). Each byte comes once, and in
    /// order; only with [`Profile::CONSOLE`](crate::Profile::CONSOLE).
    fn text(&mut self, bytes: &[u8]) {
        let _ = bytes;
    }

    /// Whether a read would not block. Always false on a half-duplex link.
    ///
    /// # Errors
    /// Those of the stream.
    fn is_ready(&mut self) -> Result<bool, Self::Error>;

    /// Checks that the stream is still open, while nothing is read or written: an error where the
    /// other end has gone for good, even if its last bytes are not read yet.
    ///
    /// # Errors
    /// Those of the stream.
    fn check(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// For a link with a buffer: calls `take` with the bytes that the next read returns, and drops as
    /// many of them as it returns. It does not wait for input. Chunks are stored from there, without a
    /// copy. A link without a buffer does nothing.
    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        let _ = take;
    }
}

/// A stream without a clock that can tell whether input is ready. Its reads must end with
/// [`ErrorKind::TimedOut`](embedded_io::ErrorKind::TimedOut) after 20 ms of silence on a lossy line: then the session
/// drops an incomplete frame, and its timers, which count these reads, go on. Where the stream reports a timeout by
/// another error, such as `WouldBlock` of a socket, convert it.
#[derive(Debug)]
pub struct Ready<T>(pub T);

/// The same over a stream with a buffer, from which chunks are stored without a copy.
#[derive(Debug)]
pub struct Buffered<T>(pub T);

/// A stream without a clock that can only block. Its sessions are half-duplex. Its reads must end as those
/// of [`Ready`].
#[derive(Debug)]
pub struct HalfDuplex<T>(pub T);

impl<T: Read + Write + ReadReady> Link for Ready<T> {
    const HALF_DUPLEX: bool = false;

    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        self.0.read_ready()
    }
}

impl<T: BufRead + Write + ReadReady> Link for Buffered<T> {
    const HALF_DUPLEX: bool = false;

    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        self.0.read_ready()
    }

    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        // An error, and the end of the stream, is found again by the next read.
        if let Ok(true) = self.0.read_ready()
            && let Ok(bytes) = self.0.fill_buf()
        {
            let count = take(bytes);
            self.0.consume(count);
        }
    }
}

impl<T: Read + Write> Link for HalfDuplex<T> {
    const HALF_DUPLEX: bool = true;

    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

macro_rules! forward {
    ($name:ident) => {
        impl<T: ErrorType> ErrorType for $name<T> {
            type Error = T::Error;
        }

        impl<T: Read> Read for $name<T> {
            fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
                self.0.read(into)
            }
        }

        impl<T: Write> Write for $name<T> {
            fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
                self.0.write(bytes)
            }

            fn flush(&mut self) -> Result<(), Self::Error> {
                self.0.flush()
            }
        }
    };
}

forward!(Ready);
forward!(Buffered);
forward!(HalfDuplex);

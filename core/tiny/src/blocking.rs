use embedded_io::{Error as _, ErrorKind, Read, Write};

use crate::{Server, Step};

/// Why a driver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error<E> {
    /// The port failed.
    Port(E),
    /// The port takes no more bytes.
    Full,
    /// Bytes that are no frame came over a reliable link (R68): close it.
    NotAFrame,
}

/// Serves clients until a read returns 0 bytes: the stream has ended, or the port has decided that the
/// board starts its image.
///
/// The reads of `port` end with [`ErrorKind::TimedOut`] after 20 ms without a byte. On a reliable link
/// they need not end.
///
/// ```
/// use embedded_io::{Read, Write};
/// use tinyferry_tiny::{Lossy, Receiver, Store, serve};
///
/// fn load_image(mut uart: impl Read + Write, mut image: impl Store) {
///     let mut buffer = [0; 268];
///     let mut receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 4);
///     let _ = serve(&mut receiver, &mut uart, &mut image);
/// }
/// ```
///
/// # Errors
/// [`Error`]; on a lossy link only those of the port.
pub fn serve<P: Read + Write, S: Server<F>, F>(
    server: &mut S,
    port: &mut P,
    files: &mut F,
) -> Result<(), Error<P::Error>> {
    loop {
        match server.poll(files) {
            Step::Receive(into) => match port.read(into) {
                Ok(0) => return Ok(()),
                Ok(count) => server.received(count),
                Err(error) if error.kind() == ErrorKind::TimedOut => server.silence(),
                Err(error) => return Err(Error::Port(error)),
            },
            Step::Transmit(mut rest) => {
                while !rest.is_empty() {
                    let count = port.write(rest).map_err(Error::Port)?;
                    rest = rest.get(count..).unwrap_or_default();
                    if count == 0 {
                        return Err(Error::Full);
                    }
                }
                port.flush().map_err(Error::Port)?;
            }
            Step::Broken => return Err(Error::NotAFrame),
        }
    }
}

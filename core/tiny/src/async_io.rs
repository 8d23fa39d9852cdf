//! The driver over `embedded-io-async`.

use embedded_io_async::{Error as _, ErrorKind, Read, Write};

use crate::{Error, Server, Step};

/// Serves as [`serve`](crate::serve) does. The reads of `port` end with [`ErrorKind::TimedOut`] after
/// 20 ms without a byte, as one does that `embassy_time::with_timeout` ends.
///
/// It may be dropped at a read and called again with the same server.
///
/// ```
/// use embedded_io_async::{Read, Write};
/// use tinyferry_tiny::{Lossy, Receiver, Store, async_io};
///
/// async fn load_image(mut uart: impl Read + Write, mut image: impl Store) {
///     let mut buffer = [0; 268];
///     let mut receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 4);
///     let _ = async_io::serve(&mut receiver, &mut uart, &mut image).await;
/// }
/// ```
///
/// # Errors
/// [`Error`]; on a lossy link only those of the port.
pub async fn serve<P: Read + Write, S: Server<F>, F>(
    server: &mut S,
    port: &mut P,
    files: &mut F,
) -> Result<(), Error<P::Error>> {
    loop {
        match server.poll(files) {
            Step::Receive(into) => match port.read(into).await {
                Ok(0) => return Ok(()),
                Ok(count) => server.received(count),
                Err(error) if error.kind() == ErrorKind::TimedOut => server.silence(),
                Err(error) => return Err(Error::Port(error)),
            },
            Step::Transmit(mut rest) => {
                while !rest.is_empty() {
                    let count = port.write(rest).await.map_err(Error::Port)?;
                    rest = rest.get(count..).unwrap_or_default();
                    if count == 0 {
                        return Err(Error::Full);
                    }
                }
                port.flush().await.map_err(Error::Port)?;
            }
            Step::Broken => return Err(Error::NotAFrame),
        }
    }
}

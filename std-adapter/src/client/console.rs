//! The console of a board on a line without a session.

use std::time::Duration;

use super::connection::{self, Banners, Connection};
use super::{ClientBuilder, Error};

/// A connection without a session: all its bytes are those of a console. A board that prints between its frames prints
/// there, and reads the sent text.
///
/// ```no_run
/// use std::time::Duration;
///
/// use tinyferry::client::Client;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut console = Client::builder("serial:///dev/ttyUSB0".parse()?).console()?;
/// let text = console.exchange(b"version\r", Duration::from_millis(100))?;
/// println!("{}", text.escape_ascii());
/// # Ok(())
/// # }
/// ```
pub struct Console {
    connection: Box<dyn Connection>,
}

impl Console {
    pub(super) fn open(builder: &ClientBuilder) -> Result<Self, Error> {
        let protection = builder.protection()?;
        let ClientBuilder { endpoint, timeouts, rate, .. } = builder;
        let connection =
            connection::open(endpoint, &protection, *timeouts, *rate, Banners::ArePassed)?;
        Ok(Self { connection })
    }

    /// Sends `input`, and returns the first bytes that come within `wait`: empty if none do.
    ///
    /// # Errors
    /// [`Error::Link`]: the connection has ended or failed.
    pub fn exchange(&mut self, input: &[u8], wait: Duration) -> Result<Vec<u8>, Error> {
        let mut has_any = |received: &[u8]| !received.is_empty();
        self.connection.exchange(input, wait, &mut has_any).map_err(Error::Link)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.connection.disconnect(false);
    }
}

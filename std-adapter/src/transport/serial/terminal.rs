//! The terminal of this program as a port. It has its speed and its hardware flow control already.

use std::io;
use std::sync::Arc;

use serial2::{FlowControl, KeepSettings, SerialPort};

use super::claim::Claim;
use super::opening::Opened;
use super::{POLL_INTERVAL, SerialLink};
use crate::transport::stream::Shutdown;

impl SerialLink {
    /// Opens the terminal at `path`, which passes every byte from now on, and drops earlier input; as
    /// [`SerialLink::open`].
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn open_terminal(path: &str, shutdown: Arc<Shutdown>) -> io::Result<Self> {
        let mut port = SerialPort::open(path, KeepSettings)?;
        let claim = Claim::new(&port, false)?;
        let mut settings = port.get_configuration()?;
        let flow = settings.get_flow_control();
        settings.set_raw();
        if !matches!(flow, Ok(FlowControl::RtsCts)) {
            settings.set_flow_control(FlowControl::None);
        }
        claim.set(|| port.set_configuration(&settings))?;
        port.set_write_timeout(POLL_INTERVAL)?;
        port.discard_input_buffer()?;
        Ok(Self::over(Opened { port, path: path.to_owned(), claim }, shutdown))
    }
}

//! Opens the port that an endpoint selects, and sets it.

use std::io::{self, ErrorKind};
use std::path::Path;
#[cfg(unix)]
use std::thread;
use std::time::Duration;

use serial2::{FlowControl, KeepSettings, SerialPort};

use crate::endpoint::{Flow, Serial};
use crate::transport::control_lines;
use crate::transport::serial::select;
use crate::transport::serial::{POLL_INTERVAL, refusal};
#[cfg(unix)]
use crate::transport::serial::{UsbDevice, claim::Claim};

/// The time between two attempts to open a port whose file is new.
const NEW_FILE_INTERVAL: Duration = Duration::from_millis(20);

/// A port that is open and set.
pub(super) struct Opened {
    pub(super) port: SerialPort,
    /// Its name in the system.
    pub(super) path: String,
    /// Restores the settings of the port.
    #[cfg(unix)]
    pub(super) claim: Claim,
}

/// Finds, opens and sets a port, resets the board if the endpoint says so, and drops earlier input.
pub(super) fn open(serial: &Serial) -> io::Result<Opened> {
    let found = select::find(&serial.port)?;
    let mut port =
        open_file(&found.path).map_err(|error| refusal::explained(&found.path, error))?;
    #[cfg(unix)]
    let claim = claim(&port, &found.path, found.usb.as_ref())?;
    let mut settings = port.get_configuration()?;
    settings.set_raw();
    settings.set_baud_rate(serial.settings.baud)?;
    // With flow control the system sets RTS itself.
    settings.set_flow_control(FlowControl::None);
    #[cfg(unix)]
    claim.set(|| port.set_configuration(&settings))?;
    #[cfg(not(unix))]
    port.set_configuration(&settings)?;
    control_lines::set(&mut port, &serial.settings)?;
    if serial.settings.flow == Flow::Hardware {
        settings.set_flow_control(FlowControl::RtsCts);
        #[cfg(unix)]
        claim.set(|| port.set_configuration(&settings))?;
        #[cfg(not(unix))]
        port.set_configuration(&settings)?;
    }
    port.set_write_timeout(POLL_INTERVAL)?;
    port.discard_input_buffer()?;
    select::remember(&serial.port, &found);
    Ok(Opened {
        port,
        path: found.path,
        #[cfg(unix)]
        claim,
    })
}

fn open_file(path: &str) -> io::Result<SerialPort> {
    loop {
        match SerialPort::open(path, KeepSettings) {
            // The system makes the file before it gives it to a group (udev).
            Err(error)
                if error.kind() == ErrorKind::PermissionDenied
                    && refusal::is_new(Path::new(path)) =>
            {
                std::thread::sleep(NEW_FILE_INTERVAL);
            }
            result => return result,
        }
    }
}

/// Claims the port, and warns of other programs that have it open without a lock, as soon as they are found.
#[cfg(unix)]
fn claim(port: &SerialPort, path: &str, usb: Option<&UsbDevice>) -> io::Result<Claim> {
    let keeps_dtr = usb.is_some_and(UsbDevice::is_reset_by_dtr);
    let claim = Claim::new(port, keeps_dtr).map_err(|error| refusal::explained(path, error))?;
    let path = path.to_owned();
    let warn = move || {
        if let Some(others) = refusal::other_users(&path) {
            tracing::warn!(
                "{}: {others} has the port open too; bytes that it reads do not arrive here",
                path.escape_debug()
            );
        }
    };
    // The search among all processes takes as long as the start of a server on a board.
    thread::Builder::new().name("other users".into()).spawn(warn)?;
    Ok(claim)
}
